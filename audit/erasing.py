"""Lawful erasure of what entries tell of a person; the chain stands, for it runs over digests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from db import BadValue
from identifiers import N_
from models import ERASABLE, AuditEntry
from policy import scope_in
from vocabulary import AuditAction

from . import chain
from .recorder import make_entry

AT_ONCE = 500
GONE: dict[str, Any] = {"salt": "", **dict.fromkeys(ERASABLE)}


def erase(session: orm.Session, entries: Iterable[AuditEntry], reason: str) -> int:
    """Empty the entries of what they tell of a person (models.ERASABLE), for good; how many there were to empty.

    Regulation 2016/679, articles 5(1)(e) and 17. Who did what kind of act when stays. Each erasure is an entry of its
    own, with the reason and a digest of what is left, by which `verify` knows it from a tampering; such entries stay.
    It is for the caller to know that the actor may do so; nothing is committed here.

    Raises:
        BadValue: there is no reason.
        Unrecorded: the trail could not be written.
    """
    if not reason.strip():
        raise BadValue(N_("An erasure needs its reason."), "reason")
    session.flush()
    asked = [entry for entry in entries if not entry.is_erased and entry.action != AuditAction.ERASE]
    for start in range(0, len(asked), AT_ONCE):
        _erase(session, [entry.seq for entry in asked[start : start + AT_ONCE]], reason)
    for entry in asked:
        session.expire(entry)
    return len(asked)


def _erase(session: orm.Session, seqs: list[int], reason: str) -> None:
    """First the record, then the erasure: the database takes it only while its record is the trail's last entry."""
    chosen = chain.ENTRIES.c.seq.in_(seqs)
    rows = session.connection().execute(sa.select(chain.ENTRIES).where(chosen)).mappings()
    left = {str(row["seq"]): chain.digest({**row, **GONE}) for row in rows}
    details = {"subject_type": AuditEntry.__tablename__, "reason": reason, "erased": left}
    record = make_entry(scope_in(session), AuditAction.ERASE, None, details=details)
    chain.append(session, [record])
    session.connection().execute(sa.update(chain.ENTRIES).where(chosen).values(GONE))
