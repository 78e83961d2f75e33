"""Erasure of a person: by the rules, in every unit, with what the trail tells; figures of past months stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, orm

import audit
import matching
import oversight
from db import BadValue, Base, clean, fields
from identifiers import N_
from models import (
    AccessGrant,
    Appointment,
    AuditEntry,
    Beneficiary,
    Erasure,
    Household,
    HouseholdMember,
    LegalHold,
    PersonDecision,
    PersonToken,
    Referral,
    Submission,
    today,
)
from policy import Refused, may, opened, scope_in
from vocabulary import AppointmentStatus

from .rules import RULES, Rule
from .walk import about

REMAINS = "–"
ANONYMOUS = N_("This record is anonymous: nothing is added to it or changed.")
Subjects = list[tuple[str, int]]
"""Rows as the trail names them: table and number."""


class Held(BadValue):
    """A legal hold stands: nothing of the person may be erased (Regulation 2016/679, article 17(3)(e))."""


def holds(session: orm.Session, people: Iterable[int]) -> list[LegalHold]:
    """The holds that stand today on these people."""
    theirs = LegalHold.beneficiary_id.in_(list(people))
    return list(session.scalars(sa.select(LegalHold).where(theirs, LegalHold.standing())))


def records_of(session: orm.Session, *people: int) -> list[int]:
    """These records and those that a coordinator linked with them: a person is erased whole."""
    known = matching.groups(session)
    roots = {known[key] for key in people if key in known}
    return sorted({*people, *(key for key, root in known.items() if root in roots)})


def check(session: orm.Session, reason: str) -> None:
    """Whether the session's actor may erase, and says why, as the certificate will keep it.

    Raises:
        Refused: the actor may not.
        BadValue: there is no reason, or it is one that cannot be kept.
    """
    if not may(scope_in(session), "delete", "rights"):
        raise Refused("erase")
    if not clean(fields(Erasure)["reason"], reason):
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
        lock(session, people)
        if holds(session, people):
            raise Held(N_("A legal hold stands on this person: nothing is erased."))
        return _erase(session, people, reason)


def would_touch(session: orm.Session, people: Iterable[int]) -> dict[type[Base], int]:
    """How many rows of each table `erase` would touch, unseen ones too: whoever approves it must know all of it."""
    with opened(session):
        rows = _rows(session, people)
        homes = _homes_of_nobody_else(session, rows[HouseholdMember])
        return {model: len(found) for model, found in rows.items()} | {Household: len(homes)}


def lock(session: orm.Session, people: Iterable[int]) -> None:
    """Wait for whoever is writing about these people, and have the others wait; SQLite has one writer anyway."""
    rows = sa.select(Beneficiary).where(Beneficiary.id.in_(list(people))).order_by(Beneficiary.id)
    session.scalars(rows.with_for_update().execution_options(populate_existing=True)).all()


@event.listens_for(orm.Session, "after_flush")
def _refuse_what_waited(session: orm.Session, context: object) -> None:
    """A row's key to its person waits for an erasure to end; when restricting.py asked, the person was still there."""
    if scope_in(session).is_system:
        return
    keys = {getattr(row, name, None) for row in session.new for name in ("person_id", "second_id")} - {None}
    if not keys:
        return
    erased = sa.select(Beneficiary.id).where(Beneficiary.id.in_(keys), Beneficiary.erased_on.is_not(None))
    if session.scalar(erased.limit(1)):
        raise BadValue(ANONYMOUS)


def _erase(session: orm.Session, people: list[int], reason: str) -> Counter[str]:
    rows = _rows(session, people)
    if all(person.erased_on for person in rows[Beneficiary]):
        raise BadValue(N_("This record is anonymous already."))
    homes = _homes_of_nobody_else(session, rows[HouseholdMember])
    # By the names, so before they go.
    searches = [entry.seq for entry in oversight.typed(session, rows[Beneficiary])]
    touched: Counter[str] = Counter()
    subjects = [(row.__tablename__, row.id) for found in rows.values() for row in found]
    subjects += once_pointing(session, PersonDecision, ("first_id", "second_id"), people)
    _end_what_runs(session, rows)
    # What points at others first.
    for model in reversed(list(rows)):
        for row in rows[model]:
            apply(session, row, RULES[model.__tablename__])
        touched[model.__tablename__] += len(rows[model])
    session.flush()
    subjects += _delete_homes(session, homes)
    touched[Household.__tablename__] += len(homes)
    _forget_traces(session, people, subjects)
    also = AuditEntry.person_id.in_(people) | AuditEntry.seq.in_(searches)
    touched["audit_entry"] += forget_told(session, subjects, reason, also)
    return Counter({name: number for name, number in touched.items() if number})


def _rows(session: orm.Session, people: Iterable[int]) -> dict[type[Base], list[Any]]:
    rows = about(session, people)
    rows[AccessGrant] += [g for g in _grants_naming(session, rows[Beneficiary]) if g not in rows[AccessGrant]]
    return rows


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


def _end_what_runs(session: orm.Session, rows: Mapping[type[Base], list[Any]]) -> None:
    """What another unit or the desk would go on waiting for; the timeline says when it ended, and no more."""
    for sent in rows[Referral]:
        if sent.to_unit_id and sent.status in Referral.running:
            # The last move of each state is its end; of most, that it was taken back.
            sent.move_to(sent.next_states[-1], today(), by_id=scope_in(session).user_id)
    for kept in rows[Appointment]:
        if kept.status == AppointmentStatus.BOOKED:
            kept.move_to(AppointmentStatus.CANCELLED, today())


# --- what does not hang on the person by a key ------------------------------------------------------------------------


def _grants_naming(session: orm.Session, people: list[Any]) -> list[AccessGrant]:
    """Requests of other units that name the person as somebody typed it."""
    tests: list[sa.ColumnElement[bool]] = []
    for person in people:
        number = sa.func.greek_key(AccessGrant.registry_number) == sa.func.greek_key(person.registry_number)
        tests.append(number & (AccessGrant.of_unit_id == person.unit_id))
        if person.amka:
            tests.append(AccessGrant.amka == person.amka)
        if person.born_on:
            last, first = (
                sa.func.greek_key(getattr(AccessGrant, name)) == sa.func.greek_key(getattr(person, name))
                for name in ("last_name", "first_name")
            )
            tests.append(last & (first | AccessGrant.first_name.is_(None)) & (AccessGrant.born_on == person.born_on))
    return list(session.scalars(sa.select(AccessGrant).where(sa.or_(*tests))))


def _homes_of_nobody_else(session: orm.Session, places: Iterable[HouseholdMember]) -> list[Household]:
    """Households in which nobody would be left: they bear the family's name, and go."""
    going = {place.household_id: place.household for place in places}
    others = HouseholdMember.id.not_in([place.id for place in places])
    kept = sa.select(HouseholdMember.household_id).where(HouseholdMember.household_id.in_(going), others)
    return [going[key] for key in going.keys() - set(session.scalars(kept))]


def _delete_homes(session: orm.Session, homes: list[Household]) -> Subjects:
    for home in homes:
        session.expire(home, ["members"])
        session.delete(home)
    gone = [(home.__tablename__, home.id) for home in homes]
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


def once_pointing(session: orm.Session, model: type[Base], columns: Iterable[str], keys: Iterable[int]) -> Subjects:
    """Rows, deleted ones too, of which the trail tells that a column pointed at one of these numbers, with its name."""
    beside = [f'"{name}": [{old}[{key}, ' for name in columns for key in keys for old in ("", "null, ")]
    told = sa.select(AuditEntry.subject_id).where(AuditEntry.subject_type == model.__tablename__)
    told = told.where(sa.or_(sa.false(), *map(AuditEntry.changes.contains, beside))).distinct()
    return [(model.__tablename__, key) for key in session.scalars(told) if key]


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
