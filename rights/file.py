"""The file about a person (Regulation 2016/679, article 15): what is kept, why, from where, for how long, seen by whom.

Made of the models' declarations in a session that policy.py has narrowed to its reader, and written in the reader's
language. What is left out is said, with the reason.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import orm

import policy
from db import Base, Field, Kind, fields, link_target
from i18n import _
from models import (
    AccessGrant,
    AuditEntry,
    Beneficiary,
    Household,
    HouseholdMember,
    Municipality,
    Referral,
    User,
    now,
)
from vocabulary import AuditAction, GrantStatus

from .notices import WITHHELD, texts
from .walk import about

Shown = Callable[[Field, Any], str]

LOOKS = (AuditAction.VIEW, AuditAction.EXPORT, AuditAction.EMERGENCY)


class Part(NamedTuple):
    """A table of the copy: its rows under the labels of the columns, as people read them."""

    title: str
    heads: list[str]
    rows: list[list[str]]


class Told(NamedTuple):
    """All of a copy, before it is laid out on paper or in a workbook."""

    person: Beneficiary
    municipality: Municipality | None
    moment: dt.datetime
    groups: list[tuple[str, list[tuple[str, str]]]]
    parts: list[Part]
    recipients: Part
    looks: Part
    texts: list[tuple[str, list[str]]]

    @property
    def rows(self) -> int:
        """How many rows of tables the copy holds, for the trail."""
        return sum(len(part.rows) for part in self.parts)


def told(session: orm.Session, person: Beneficiary, shown: Shown) -> Told:
    """What the session's reader sees of the person's file, column by column."""
    rows = about(session, [person.id])
    parts = [
        _part(session, model, found, shown)
        for model, found in rows.items()
        if found and model not in WITHHELD and model is not Beneficiary
    ]
    return Told(
        person=person,
        municipality=session.scalar(sa.select(Municipality)),
        moment=now(),
        groups=_groups(session, person, shown),
        parts=[*parts, *_households(session, rows[HouseholdMember], shown)],
        recipients=_recipients(rows[Referral], rows[AccessGrant], shown),
        looks=_looks(session, person, shown),
        texts=texts(session),
    )


# --- what is kept -----------------------------------------------------------------------------------------------------


def _seen(session: orm.Session, model: type[Base], *but: str) -> dict[str, Field]:
    scope = policy.scope_in(session)
    return {name: field for name, field in fields(model).items() if name not in but and policy.sees(scope, field)}


def _groups(session: orm.Session, person: Beneficiary, shown: Shown) -> list[tuple[str, list[tuple[str, str]]]]:
    groups: dict[str, list[tuple[str, str]]] = {}
    for name, field in _seen(session, Beneficiary).items():
        text = _text(session, person, name, field, shown)
        groups.setdefault(str(field.group or Beneficiary.label), []).append((str(field.label), text or "–"))
    return list(groups.items())


def _part(session: orm.Session, model: type[Base], rows: list[Any], shown: Shown) -> Part:
    """The rows of a table; columns that are empty in all of them are left out."""
    columns = _seen(session, model, "beneficiary_id", "unit_id")
    cells = [[_text(session, row, name, field, shown) for name, field in columns.items()] for row in rows]
    filled = [number for number in range(len(columns)) if any(line[number] for line in cells)]
    heads = [str(field.label) for field in columns.values()]
    return Part(str(model.labels), [heads[n] for n in filled], [[line[n] for n in filled] for line in cells])


def _text(session: orm.Session, row: Any, name: str, field: Field, shown: Shown) -> str:
    """A value as the reader reads it; staff by their role (CJEU C-579/21)."""
    value = getattr(row, name)
    if field.kind != Kind.LINK:
        return shown(field, value)
    linked = session.get(link_target(type(row), name), value) if value is not None else None
    if isinstance(linked, User):
        return str(linked.role)
    return "" if linked is None else str(linked)


def _households(session: orm.Session, places: list[Any], shown: Shown) -> Iterator[Part]:
    """The households that the person is in, and of who else is in them the relation alone."""
    for place in places:
        home, columns = place.household, _seen(session, Household, "unit_id", "remarks")
        others = [str(other.relation) for other in home.members if other.beneficiary_id != place.beneficiary_id]
        pairs = [[str(f.label), shown(f, getattr(home, name))] for name, f in columns.items()]
        pairs += [[_("Other members, by relation"), ", ".join(others)]]
        yield Part(str(Household.label), [_("Column"), _("Value")], [pair for pair in pairs if pair[1]])


# --- who received and who looked --------------------------------------------------------------------------------------


def _recipients(referrals: list[Any], grants: list[Any], shown: Shown) -> Part:
    """To whom the data went (CJEU C-154/21: by name, where known)."""
    rows = [
        [str(r.to_partner or r.to_unit), shown(fields(Referral)["sent_on"], r.sent_on), str(Referral.label), r.reason]
        for r in referrals
        if r.sent_on
    ]
    moment = fields(AccessGrant)["answered_at"]
    rows += [
        [str(g.unit), shown(moment, g.answered_at), str(g.kind), f"{g.purpose} · {', '.join(map(str, g.parts))}"]
        for g in grants
        if g.status in (GrantStatus.GRANTED, GrantStatus.WITHDRAWN)
    ]
    return Part(_("To whom data were given"), [_("Recipient"), _("Date"), _("By"), _("For what")], rows)


def _looks(session: orm.Session, person: Beneficiary, shown: Shown) -> Part:
    """By role and day, from the trail."""
    query = sa.select(AuditEntry.at, AuditEntry.actor_role, AuditEntry.unit_name, AuditEntry.action)
    found = session.execute(
        query.where(AuditEntry.person_id == person.id, AuditEntry.action.in_(LOOKS)).order_by(AuditEntry.at)
    )
    moment = fields(AuditEntry)["at"]
    days = Counter(
        (shown(moment, at)[:10], str(role or ""), unit or "", str(action)) for at, role, unit, action in found
    )
    rows = [[*act, str(count)] for act, count in days.items()]
    heads = [_("Date"), str(fields(AuditEntry)["actor_role"].label), _("Unit"), _("Act"), _("Times")]
    return Part(_("Who opened the file"), heads, rows)
