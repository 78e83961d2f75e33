"""The certificate of an erasure: kept as a row, and printed to be filed."""

from __future__ import annotations

import json
from collections import Counter

import sqlalchemy as sa
from sqlalchemy import orm

import papers
from db import Base
from i18n import _
from models import Erasure, Municipality, User, now
from policy import opened, scope_in
from vocabulary import ErasureCause


def certify(session: orm.Session, cause: ErasureCause, reason: str, people: int, done: Counter[str]) -> Erasure:
    """Keep what was done: numbers and kinds, never whose. No role writes certificates: what erases does."""
    row = Erasure(
        cause=cause,
        reason=reason,
        approved_by_id=scope_in(session).user_id,
        people=people,
        done=json.dumps({name: number for name, number in sorted(done.items()) if number}),
        at=now(),
    )
    with opened(session):
        session.add(row)
        session.flush()
    return row


def counts_of(row: Erasure) -> list[tuple[str, int]]:
    """Kinds of record and how many, in the reader's language."""
    by_name = {mapper.local_table.name: mapper.class_ for mapper in Base.registry.mappers}  # type: ignore[attr-defined]
    return [(str(by_name[name].labels), number) for name, number in json.loads(row.done).items() if name in by_name]


def paper_of_certificate(session: orm.Session, row: Erasure, at: str) -> papers.Paper:
    """The certificate, to be printed and filed."""
    title, town = _("Certificate of erasure"), session.scalar(sa.select(Municipality))
    approver = session.get(User, row.approved_by_id)
    pairs = [
        (_("Number"), str(row.id)),
        (_("Date"), at),
        (_("Cause"), str(row.cause)),
        (_("Reason"), row.reason),
        (_("Approved by"), str(approver or "")),
        (_("People"), str(row.people)),
    ]
    counts = [[name, str(number)] for name, number in counts_of(row)]
    told = _("The records below were deleted or made anonymous for good in the database; the certificate names nobody.")
    later = _("Backups made before that day still hold them, until they are overwritten in their turn.")
    return papers.Paper(
        title=title,
        head=[" · ".join(filter(None, (town.name, town.centre_name)))] if town else [],
        sections=[
            papers.Section(_("What was done"), [told, later], pairs=pairs),
            papers.Section(_("Records"), heads=[_("Kind"), _("Number of records")], rows=counts),
            papers.Section(_("Signatures"), ["\n\n…………………………………………"]),
        ],
        foot=f"{title} {row.id}",
        moment=row.at,
    )
