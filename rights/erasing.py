"""Erasure of a person: by the rules, in every unit, with what the trail tells; figures of past months stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

import audit
import matching
import oversight
from db import BadValue, Base, fields
from identifiers import N_
from models import (
    AccessGrant,
    AuditEntry,
    Beneficiary,
    Household,
    HouseholdMember,
    LegalHold,
    PersonToken,
    Submission,
)
from policy import Refused, may, opened, scope_in

from .rules import RULES, Rule
from .walk import about

REMAINS = "–"
Subjects = list[tuple[str, int]]
"""Rows as the trail names them: table and number."""


class Held(BadValue):
    """A legal hold stands: nothing of the person may be erased (Regulation 2016/679, article 17(3)(e))."""


def holds(session: orm.Session, people: Iterable[int]) -> list[LegalHold]:
    """The holds that stand today on these people."""
    theirs = LegalHold.beneficiary_id.in_(list(people))
    return list(session.scalars(sa.select(LegalHold).where(theirs, LegalHold.standing())))


def records_of(session: orm.Session, person_id: int) -> list[int]:
    """The person's own record and those that a coordinator linked with it: a person is erased whole."""
    known = matching.groups(session)
    return sorted({person_id, *(key for key, root in known.items() if root == known.get(person_id, -1))})


def check(session: orm.Session, reason: str) -> None:
    """Whether the session's actor may erase, and says why.

    Raises:
        Refused: the actor may not.
        BadValue: there is no reason.
    """
    if not may(scope_in(session), "delete", "rights"):
        raise Refused("erase")
    if not reason.strip():
        raise BadValue(N_("An erasure needs its reason."), "reason")


def erase(session: orm.Session, person_id: int, reason: str) -> Counter[str]:
    """Erase a person by RULES; how many rows of each table were touched. Nothing is committed here.

    Raises:
        Refused: the session's actor may not.
        Held: a hold stands on one of the person's records.
        BadValue: the person is erased already, or there is no reason.
    """
    check(session, reason)
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
    # By the names, so before they go.
    searches = [entry.seq for entry in oversight.typed(session, rows[Beneficiary])]
    touched: Counter[str] = Counter()
    subjects = [(row.__tablename__, row.id) for found in rows.values() for row in found]
    # What points at others first.
    for model in reversed(list(rows)):
        for row in rows[model]:
            apply(session, row, RULES[model.__tablename__])
        touched[model.__tablename__] += len(rows[model])
    session.flush()
    subjects += _empty_homes(session, homes, touched)
    _forget_traces(session, people, subjects)
    also = AuditEntry.person_id.in_(people) | AuditEntry.seq.in_(searches)
    touched["audit_entry"] += forget_told(session, subjects, reason, also)
    return Counter({name: number for name, number in touched.items() if number})


def apply(session: orm.Session, row: Any, rule: Rule) -> None:
    """Leave of the row what its rule says."""
    if rule.is_deleted:
        session.delete(row)
        return
    left = {name: made(session, row) for name, made in rule.coarser.items()}
    left |= {name: _emptied(type(row), name) for name in rule.empty.split()}
    for name, value in left.items():
        setattr(row, name, value)


def _emptied(model: type[Base], name: str) -> Any:
    """Nothing, where the column takes that; else what it begins with, or a dash."""
    if model.__table__.c[name].nullable:
        return None
    begins = fields(model)[name].default
    return begins() if begins else REMAINS


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


def _empty_homes(session: orm.Session, homes: list[Household], touched: Counter[str]) -> Subjects:
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


def _forget_traces(session: orm.Session, people: list[int], subjects: Subjects) -> None:
    """Hashes, and receipts of forms."""
    for token in session.scalars(sa.select(PersonToken).where(PersonToken.beneficiary_id.in_(people))):
        session.delete(token)
    for table, numbers in _by_table(subjects).items():
        receipts = sa.select(Submission).where(Submission.subject_type == table, Submission.subject_id.in_(numbers))
        for receipt in session.scalars(receipts):
            session.delete(receipt)


def forget_told(session: orm.Session, subjects: Subjects, reason: str, *also: sa.ColumnElement[bool]) -> int:
    """Erase what the trail tells of these rows, the entries of this very erasure among it; how many entries."""
    session.flush()
    tables = _by_table(subjects).items()
    told = [(AuditEntry.subject_type == table) & AuditEntry.subject_id.in_(numbers) for table, numbers in tables]
    entries = session.scalars(sa.select(AuditEntry).where(sa.or_(sa.false(), *also, *told)))
    return audit.erase(session, entries, reason)


def _by_table(subjects: Subjects) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for table, number in subjects:
        found.setdefault(table, []).append(number)
    return found
