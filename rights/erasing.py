"""Erasure of a person: by the rules, in every unit, with what the trail tells; figures of past months stay."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

import audit
import matching
from db import BadValue, Base, fields
from identifiers import N_
from models import (
    AccessGrant,
    AuditEntry,
    Beneficiary,
    Household,
    HouseholdMember,
    LegalHold,
    Municipality,
    PersonToken,
    Submission,
    today,
)
from policy import Refused, may, opened, scope_in

from .rules import RULES, Rule
from .walk import about

AGES = (6, 18, 30, 55, 65)
"""Where the age bands of reports begin: the monthly report's and those of ESF+ among them."""
REMAINS = "–"


class Held(BadValue):
    """A legal hold stands: nothing of the person may be erased (Regulation 2016/679, article 17(3)(e))."""


def holds(session: orm.Session, people: Iterable[int]) -> list[LegalHold]:
    """The holds that stand today on these people."""
    standing = LegalHold.until.is_(None) | (LegalHold.until >= today())
    return list(session.scalars(sa.select(LegalHold).where(LegalHold.beneficiary_id.in_(list(people)), standing)))


def records_of(session: orm.Session, person_id: int) -> list[int]:
    """The person's own record and those that a coordinator linked with it: a person is erased whole."""
    known = matching.groups(session)
    return sorted({person_id, *(key for key, root in known.items() if root == known.get(person_id, -1))})


def erase(session: orm.Session, person_id: int, reason: str) -> Counter[str]:
    """Erase a person by RULES; how many rows of each table were touched. Nothing is committed here.

    Raises:
        Refused: the session's actor may not.
        Held: a hold stands on one of the person's records.
        BadValue: the person is erased already, or there is no reason.
    """
    if not may(scope_in(session), "delete", "rights"):
        raise Refused("erase")
    if not reason.strip():
        raise BadValue(N_("An erasure needs its reason."), "reason")
    people = records_of(session, person_id)
    # The wall is taken away because notes confided to their authors go too, unread.
    with opened(session):
        if holds(session, people):
            raise Held(N_("A legal hold stands on this person: nothing is erased."))
        return _erase(session, people, reason)


def _erase(session: orm.Session, people: list[int], reason: str) -> Counter[str]:
    rows = about(session, people)
    if all(person.erased_on for person in rows[Beneficiary]):
        raise BadValue(N_("This record is anonymous already."))
    rows[AccessGrant] += [g for g in _grants_naming(session, rows[Beneficiary]) if g not in rows[AccessGrant]]
    homes = [place.household for place in rows[HouseholdMember]]
    births = {person.id: to_the_year(session, person) for person in rows[Beneficiary] if person.born_on}
    touched: Counter[str] = Counter()
    subjects = [(row.__tablename__, row.id) for found in rows.values() for row in found]
    # Rows that others point at come last; deletions first, for what is deleted has no rule to keep.
    for model in reversed(list(rows)):
        for row in rows[model]:
            _apply(session, row, RULES[model.__tablename__])
        touched[model.__tablename__] += len(rows[model])
    for person in rows[Beneficiary]:
        person.born_on, person.erased_on = births.get(person.id), today()
    session.flush()
    subjects += _empty_homes(session, homes, touched)
    _forget_traces(session, people, subjects, reason, touched)
    return Counter({name: number for name, number in touched.items() if number})


def _apply(session: orm.Session, row: Any, rule: Rule) -> None:
    if rule.is_deleted:
        session.delete(row)
        return
    for name in rule.empty.split():
        setattr(row, name, _emptied(type(row), name))
    for name, made in rule.coarser.items():
        setattr(row, name, made(row))


def _emptied(model: type[Base], name: str) -> Any:
    """Nothing, where the column takes that; else what it begins with, or a dash."""
    if model.__table__.c[name].nullable:
        return None
    begins = fields(model)[name].default
    return begins() if begins else REMAINS


def to_the_year(session: orm.Session, person: Beneficiary) -> dt.date:
    """A day of the year of birth for which every age band that reports count on stays the same.

    That is the middle of the year, unless the person was counted in the year of one of AGES: then another day of it.
    """
    born: Any = person.born_on
    days = list(_counted_days(session, person))
    spellings = ((7, 1), (1, 1), (12, 31), (born.month, 1), (born.month, 28))
    candidates = [dt.date(born.year, month, day) for month, day in spellings]
    same = (day for day in candidates if all(_band(day, on) == _band(born, on) for on in days))
    return next(same, candidates[-1])


def _counted_days(session: orm.Session, person: Beneficiary) -> Iterator[dt.date]:
    """The day of entry (ESF+), and the last of every month since (reports)."""
    began = session.scalar(sa.select(Municipality.operating_since))
    yield max(person.registered_on, began) if began else person.registered_on
    earliest = person.registered_on.replace(day=1)
    first = today().replace(day=28) + dt.timedelta(days=4)
    while (first := first.replace(day=1)) > earliest:
        yield (first := first - dt.timedelta(days=1))


def _band(born: dt.date, on: dt.date) -> int:
    age = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
    return sum(age >= low for low in AGES)


# --- what does not hang on the person by a key ------------------------------------------------------------------------


def _grants_naming(session: orm.Session, people: list[Any]) -> list[AccessGrant]:
    """Requests of other units that name the person as somebody typed it."""
    tests: list[sa.ColumnElement[bool]] = []
    for person in people:
        number = (AccessGrant.registry_number == person.registry_number) & (AccessGrant.of_unit_id == person.unit_id)
        tests += [number, *([AccessGrant.amka == person.amka] if person.amka else [])]
        if person.born_on:
            same_name = sa.func.greek_key(AccessGrant.last_name) == sa.func.greek_key(person.last_name)
            tests.append(same_name & (AccessGrant.born_on == person.born_on))
    return list(session.scalars(sa.select(AccessGrant).where(sa.or_(*tests))))


def _empty_homes(session: orm.Session, homes: list[Household], touched: Counter[str]) -> list[tuple[str, int]]:
    """Households in which nobody is left bear the family's name, and go."""
    gone = []
    for home in {home.id: home for home in homes}.values():
        left = sa.select(sa.func.count(HouseholdMember.id)).where(HouseholdMember.household_id == home.id)
        if not session.scalar(left):
            session.expire(home, ["members"])
            gone.append((home.__tablename__, home.id))
            session.delete(home)
    touched["household"] += len(gone)
    session.flush()
    return gone


def _forget_traces(
    session: orm.Session, people: list[int], subjects: list[tuple[str, int]], reason: str, touched: Counter[str]
) -> None:
    """Hashes, receipts of forms, and what the trail tells, this very erasure's entries among it."""
    for token in session.scalars(sa.select(PersonToken).where(PersonToken.beneficiary_id.in_(people))):
        session.delete(token)
    for table, numbers in _by_table(subjects).items():
        receipts = sa.select(Submission).where(Submission.subject_type == table, Submission.subject_id.in_(numbers))
        for receipt in session.scalars(receipts):
            session.delete(receipt)
    session.flush()
    told: list[sa.ColumnElement[bool]] = [AuditEntry.person_id.in_(people)]
    told += [
        (AuditEntry.subject_type == table) & AuditEntry.subject_id.in_(numbers)
        for table, numbers in _by_table(subjects).items()
    ]
    touched["audit_entry"] += audit.erase(session, session.scalars(sa.select(AuditEntry).where(sa.or_(*told))), reason)


def _by_table(subjects: list[tuple[str, int]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for table, number in subjects:
        found.setdefault(table, []).append(number)
    return found
