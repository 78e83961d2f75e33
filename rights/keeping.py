"""What the schedule finds due, read by somebody and approved, and carried out exactly as it was read."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

import audit
import matching
from db import BadValue
from identifiers import N_
from models import (
    AuditEntry,
    Beneficiary,
    DataRequest,
    Erasure,
    LegalHold,
    Volunteer,
    VolunteerHours,
    months_later,
    today,
)
from policy import opened
from vocabulary import ErasureCause

from .certificate import certify
from .erasing import Subjects, apply, check, erase, forget_told, lock, once_pointing, records_of
from .rules import GONE, RULES
from .schedule import SCHEDULE, Fate, Line

AT_ONCE = 200
"""Rows of a line that are carried out at once: a list that somebody can read before approving it."""


@dataclass(frozen=True)
class Due:
    """What a line finds due: the first rows, how many there are in all, and how many a hold or request keeps."""

    line: Line
    rows: list[Any]
    names: list[str]
    """What they are called, where they tell of people."""
    count: int
    kept: int


def due(session: orm.Session) -> list[Due]:
    """What the schedule finds due today; nothing is changed."""
    with opened(session):
        return [_due(session, line) for line in SCHEDULE]


def _due(session: orm.Session, line: Line) -> Due:
    model: Any = line.model
    column = getattr(model, line.since)
    over = [column < _before(line.years, isinstance(column.type, sa.Date))]
    over += [line.where()] if line.where else []
    free = [*over, *_not_kept(session, line)]
    key = sa.inspect(model).primary_key[0]
    rows = list(session.scalars(sa.select(model).where(*free).order_by(column, key).limit(AT_ONCE)))
    total, count = (session.scalar(sa.select(sa.func.count(key)).where(*test)) or 0 for test in (over, free))
    names = [getattr(row, "described", None) or str(row) for row in rows] if line.is_of_people else []
    return Due(line, rows, names, count, total - count)


def _before(years: int, is_day: bool) -> Any:
    last = months_later(today(), -12 * years)
    return last if is_day else dt.datetime.combine(last, dt.time(), dt.UTC)


def _not_kept(session: orm.Session, line: Line) -> list[sa.ColumnElement[bool]]:
    """No hold, no restriction, no open request on any record of the person; each of them closed as long ago."""
    person = Beneficiary.id if line.model is Beneficiary else getattr(line.model, "beneficiary_id", None)
    if line.model is AuditEntry:
        person = AuditEntry.person_id
    if person is None:
        return []
    held = sa.select(LegalHold.beneficiary_id).where(LegalHold.standing())
    asked = sa.select(DataRequest.beneficiary_id).where(DataRequest.answered_on.is_(None))
    restricted = sa.select(Beneficiary.id).where(Beneficiary.restricted_on.is_not(None))
    kept = sa.or_(*(Beneficiary.id.in_(keys) for keys in (held, asked, restricted)))
    needed = kept
    if line.model is Beneficiary:
        needed |= Beneficiary.closed_on.is_(None) | (Beneficiary.closed_on >= _before(line.years, True))
    return [
        person.is_(None) | person.not_in(keys)
        for keys in (sa.select(Beneficiary.id).where(kept), _linked_with(session, needed))
    ]


def _linked_with(session: orm.Session, needed: sa.ColumnElement[bool]) -> list[int]:
    """Every record of those people of whom one record is needed: a person is kept, as erased, whole."""
    known = matching.groups(session)
    if not known:
        return []
    roots = {known[key] for key in session.scalars(sa.select(Beneficiary.id).where(Beneficiary.id.in_(known), needed))}
    return [key for key, root in known.items() if root in roots]


def fingerprint(found: Iterable[Due]) -> str:
    """What stands for exactly this list, so that what is carried out is what was approved."""
    listed = [[each.line.model.__tablename__, [_key(row) for row in each.rows]] for each in found]
    return hashlib.sha256(json.dumps(listed, default=str).encode()).hexdigest()


def _key(row: Any) -> Any:
    return sa.inspect(row).identity


# --- carrying it out --------------------------------------------------------------------------------------------------


def carry_out(session: orm.Session, approved: str, reason: str) -> Erasure:
    """Do what the list of this fingerprint says, and keep the certificate. Nothing is committed here.

    Raises:
        Refused: the session's actor may not.
        BadValue: the list is no longer the one that was approved, or nothing is due, or there is no reason.
    """
    check(session, reason)
    with opened(session):
        # All at once: one by one they would be waited for while the trail, which all others wait for, is held.
        listed = [_due(session, line) for line in SCHEDULE if line.fate is Fate.ANONYMOUS]
        lock(session, records_of(session, *(row.id for each in listed for row in each.rows)))
        found = [_due(session, line) for line in SCHEDULE]
        if fingerprint(found) != approved:
            raise BadValue(N_("The list has changed since you read it. Read it again."))
        if not any(each.rows for each in found):
            raise BadValue(N_("Nothing is due."))
        people, done = _carry_out(session, found, reason)
    return certify(session, ErasureCause.RETENTION, reason, people, done)


def _carry_out(session: orm.Session, found: list[Due], reason: str) -> tuple[int, Counter[str]]:
    people, done = 0, Counter[str]()
    for each in found:
        rows = [row for row in each.rows if sa.inspect(row).persistent]
        if each.line.fate is Fate.ANONYMOUS:
            for row in rows:
                if row.erased_on is None:  # not along with a linked record before it
                    done += erase(session, row.id, reason)
                    people += 1
            continue
        subjects = _named_in_the_trail(session, rows) if each.line.is_of_people else []
        done[each.line.model.__tablename__] += _left(session, each.line.fate, rows, reason)
        done["audit_entry"] += forget_told(session, subjects, reason)
    return people, done


def _named_in_the_trail(session: orm.Session, rows: list[Any]) -> Subjects:
    """Rows of which the trail tells; a volunteer's name stands in what it tells of hours too, even of deleted ones."""
    if not rows or isinstance(rows[0], AuditEntry):
        return []
    subjects = [(row.__tablename__, row.id) for row in rows]
    if isinstance(rows[0], Volunteer):
        keys = [volunteer.id for volunteer in rows]
        kept = sa.select(VolunteerHours.id).where(VolunteerHours.volunteer_id.in_(keys))
        subjects += [(VolunteerHours.__tablename__, key) for key in session.scalars(kept)]
        subjects += once_pointing(session, VolunteerHours, ["volunteer_id"], keys)
    return subjects


def _left(session: orm.Session, fate: Fate, rows: list[Any], reason: str) -> int:
    """Leave of the rows what their fate says; how many that were."""
    if fate is Fate.FORGOTTEN:
        return audit.erase(session, rows, reason)
    for row in rows:
        apply(session, row, GONE if fate is Fate.DELETED else RULES[row.__tablename__])
    return len(rows)
