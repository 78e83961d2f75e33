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
from models import AuditEntry, Beneficiary, DataRequest, Erasure, LegalHold, today
from policy import Refused, may, opened, scope_in
from vocabulary import ErasureCause

from .certificate import certify
from .erasing import erase
from .schedule import SCHEDULE, TEXTS_OF, Fate, Line

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
    day = today()
    last = dt.date(day.year - years, day.month, 28 if (day.month, day.day) == (2, 29) else day.day)
    return last if is_day else dt.datetime.combine(last, dt.time(), dt.UTC)


def _not_kept(session: orm.Session, line: Line) -> list[sa.ColumnElement[bool]]:
    """No hold, no restriction, no open request, and every record linked as the same person closed as long ago."""
    person = Beneficiary.id if line.model is Beneficiary else getattr(line.model, "beneficiary_id", None)
    if line.model is AuditEntry:
        person = AuditEntry.person_id
    if person is None:
        return []
    standing = LegalHold.until.is_(None) | (LegalHold.until >= today())
    held = sa.select(LegalHold.beneficiary_id).where(standing)
    asked = sa.select(DataRequest.beneficiary_id).where(DataRequest.answered_on.is_(None))
    restricted = sa.select(Beneficiary.id).where(Beneficiary.restricted_on.is_not(None))
    tests = [person.is_(None) | person.not_in(keys) for keys in (held, asked, restricted)]
    if line.model is Beneficiary:
        tests.append(person.not_in(_linked_with_running(session, line)))
    return tests


def _linked_with_running(session: orm.Session, line: Line) -> list[int]:
    """Records whose person has another record that is still needed."""
    known = matching.groups(session)
    if not known:
        return []
    running = Beneficiary.closed_on.is_(None) | (Beneficiary.closed_on >= _before(line.years, True))
    needed = session.scalars(sa.select(Beneficiary.id).where(Beneficiary.id.in_(known), running))
    roots = {known[key] for key in needed}
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
    if not may(scope_in(session), "delete", "rights"):
        raise Refused("retention")
    if not reason.strip():
        raise BadValue(N_("An erasure needs its reason."), "reason")
    with opened(session):
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
        done[each.line.model.__tablename__] += FATES[each.line.fate](session, rows, reason)
        session.flush()
    return people, done


def _delete(session: orm.Session, rows: list[Any], reason: str) -> int:
    for row in rows:
        session.delete(row)
    return len(rows)


def _make_nameless(session: orm.Session, rows: list[Any], reason: str) -> int:
    for row in rows:
        for name, value in TEXTS_OF[type(row)].items():
            setattr(row, name, value)
    session.flush()
    subjects = [(row.__tablename__, row.id) for row in rows]
    about = [(AuditEntry.subject_type == table) & (AuditEntry.subject_id == key) for table, key in subjects]
    if about:
        audit.erase(session, session.scalars(sa.select(AuditEntry).where(sa.or_(*about))), reason)
    return len(rows)


def _forget(session: orm.Session, rows: list[Any], reason: str) -> int:
    return audit.erase(session, rows, reason)


FATES = {Fate.DELETED: _delete, Fate.NAMELESS: _make_nameless, Fate.FORGOTTEN: _forget}
