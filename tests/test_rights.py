"""Rights of the person below the screens: the walk, the rules of erasure, times of keeping (articles 5, 15–18)."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from openpyxl import load_workbook

import audit
import models
import policy
import reports
import rights
import rights.rules
import search
import sharing
from db import BadValue, Base, db, fields
from models import Beneficiary, PersonToken, Submission
from reports.people import BANDS
from rights import ages, keeping
from seed import builders
from tests.world import CANARY, SECRET, World, by_hand
from vocabulary import (
    ApplicationStatus,
    AppointmentStatus,
    AuditAction,
    Confidence,
    ConsentKind,
    DocumentType,
    FilePart,
    LegalBasis,
    NationalLaw,
    ReferralStatus,
    RequestKind,
    RequestOutcome,
    SamePerson,
    SharingPurpose,
)

ROOT = Path(__file__).parents[1]


@pytest.fixture
def house_of(world: World) -> Iterator[World]:
    """The cast, inside the application."""
    with world.app.app_context():
        yield world


def act_as(world: World, name: str) -> None:
    """From here on the session is this user's."""
    policy.bind(db.session, policy.SYSTEM)
    policy.bind(db.session, policy.scope_of(db.session.get_one(models.User, world.users[name])))


NAME = "Αλκυονίδου"
"""A surname that stands in every text about one person and nowhere else."""


def add_person(world: World) -> int:
    """Somebody of whom every table that the walk reaches holds a row, with the name in every text."""
    policy.bind(db.session, policy.SYSTEM)
    unit = db.session.get_one(models.Unit, world.rows["main"]["unit"])
    staff = db.session.get_one(models.User, world.users["caseworker.main"])
    service, programme, partner = (
        db.session.get_one(model, world.rows["shared"][model.__tablename__])
        for model in (models.Service, models.Programme, models.Partner)
    )
    person = builders.beneficiary(
        unit, last_name=NAME, remarks=NAME, address=NAME, health_notes=NAME, born_on=dt.date(1980, 3, 9)
    )
    home = builders.household(unit, name=NAME)
    for row in (person, home):
        db.session.add(row)
        db.session.flush()
    event = db.session.get_one(models.Event, world.rows["main"]["event"])
    item = db.session.get_one(models.Item, world.rows["main"]["item"])
    said = {"beneficiary_id": person.id, "unit_id": unit.id}
    referral = builders.referral(person, staff, partner, reason=NAME)
    application = builders.application(person, programme, staff, remarks=NAME)
    asked = {
        "unit_id": world.rows["roma"]["unit"], "asked_parts": (FilePart.CONTACT,), "purpose": SharingPurpose.SUPPORT,
        "legal_basis": LegalBasis.TASK, "national_law": NationalLaw.CENTRES, "reason": NAME,
        "asked_by_id": world.users["caseworker.roma"],
    }  # fmt: skip
    granted = models.AccessGrant(**asked, last_name=NAME, first_name="Α", born_on=dt.date(1950, 1, 1))
    db.session.add(granted)
    db.session.flush()
    granted.grant(person.id, [FilePart.CONTACT], models.now() + dt.timedelta(days=3))
    yesterday = models.today() - dt.timedelta(days=1)
    rows = [
        builders.member(home, person), builders.visit(unit, staff, person, request=NAME, action=NAME),
        builders.appointment(unit, staff, person, purpose=NAME, caller=NAME), referral, application,
        builders.delivery(person, service, staff, notes=NAME), builders.attendance(event, person),
        builders.distribution(item, person, staff), builders.case_note(person, staff, body=NAME),
        builders.case_note(person, staff, body=f"{SECRET} {NAME}", confidence=Confidence.AUTHOR),
        models.Attachment(
            **said, document_type=DocumentType.ID, file_name=f"{NAME}.pdf", content_type="application/pdf", size=3,
            sha256="0" * 64, content=b"abc",
        ),
        models.DataRequest(**said, kind=RequestKind.ERASURE, note=NAME),
        models.LegalHold(**said, reason=NAME, until=yesterday, since=yesterday, by_id=staff.id),
        models.Consent(**said, kind=ConsentKind.PHOTO, by_id=staff.id),
        granted,
        models.AccessGrant(**asked, amka=person.amka),
        models.PersonDecision(
            first_id=world.rows["roma"]["beneficiary"], second_id=person.id, verdict=SamePerson.DIFFERENT, reason=NAME,
            by_id=world.users["coordinator"],
        ),
        Submission(token="t" * 64, user_id=staff.id, subject_type="beneficiary", subject_id=person.id),
    ]  # fmt: skip
    for row in rows:
        db.session.add(row)
        db.session.flush()
    referral.move_to(ReferralStatus.SENT, models.today(), NAME, staff.id)
    application.move_to(ApplicationStatus.DOCS, models.today(), NAME, staff.id)
    audit.note(db.session, AuditAction.VIEW, person)
    audit.commit(db.session)
    return person.id


def everything_kept() -> str:
    """Every value of every table, past every wall, as one text."""
    with by_hand().connect() as connection:
        tables = Base.metadata.sorted_tables
        return "\n".join(repr(row) for table in tables for row in connection.execute(table.select()).mappings())


def figures(tmp_path: Path, month: dt.date) -> dict[str, list[list[Any]]]:
    """The month's workbook, every cell of every sheet but the cover, whose moment differs."""
    policy.bind(db.session, policy.SYSTEM)
    path = tmp_path / "report.xlsx"
    reports.monthly_workbook(db.session, month, path)
    book = load_workbook(path)
    return {sheet.title: [[c.value for c in row] for row in sheet.iter_rows()] for sheet in book.worksheets[1:]}


# --- the walk and the rules -------------------------------------------------------------------------------------------


def test_every_column_that_the_walk_reaches_has_its_rule() -> None:
    ruled = {*rights.reach(), models.Volunteer}
    assert {model.__tablename__ for model in ruled} == set(rights.RULES)
    for model in ruled:
        rule = rights.RULES[model.__tablename__]
        assert len(rule.columns) == len(set(rule.columns)), model
        if not rule.is_deleted:
            assert set(rule.columns) == set(fields(model)), model


def test_ages_of_reports_are_those_that_erasure_keeps() -> None:
    assert set(ages.AGES) == {low for low, _high in BANDS if low}


BIRTHS = [
    (dt.date(year, month, day), dt.date(year + age, on, at))
    for year in (1970, 1988, 2004)
    for age in (5, 17, 18, 29, 30)
    for (month, day), (on, at) in (
        ((3, 20), (3, 5)), ((3, 5), (3, 20)), ((12, 31), (1, 1)), ((2, 28), (2, 1)), ((7, 1), (7, 1)), ((6, 30), (6, 2))
    )
]  # fmt: skip


def test_a_birth_date_to_the_year_leaves_every_age_band(house_of: World) -> None:
    policy.bind(db.session, policy.SYSTEM)
    moved = 0
    for born, registered in BIRTHS:
        person = Beneficiary(born_on=born, registered_on=registered)
        kept = ages.to_the_year(db.session, person)
        assert kept and kept.year == born.year
        moved += kept != born
        for on in ages._counted_days(db.session, person):
            assert ages._band(kept, on) == ages._band(born, on), (born, kept, on)
    assert moved > len(BIRTHS) / 2


# --- erasure ----------------------------------------------------------------------------------------------------------


def test_an_erased_person_is_nowhere(house_of: World, tmp_path: Path) -> None:
    key = add_person(house_of)
    empty = [model.__tablename__ for model, rows in rights.about(db.session, [key]).items() if not rows]
    assert empty == [], "the person has a row in every table of the walk"
    person = db.session.get_one(Beneficiary, key)
    told = [NAME, person.amka, person.afm, person.mobile, person.registry_number, "1980-03-09", SECRET + " " + NAME]
    assert person.amka in everything_kept() and NAME in everything_kept()
    before = figures(tmp_path, models.today())
    act_as(house_of, "coordinator")
    done = rights.erase(db.session, key, "Αίτημα του προσώπου")
    audit.commit(db.session)
    kept = everything_kept()
    assert [text for text in told if text in kept] == []
    assert person.search_key == search.key(person.registry_number, rights.rules.NAMELESS, person.first_name)
    assert (done["beneficiary"], done["case_note"], done["access_grant"], done["household"]) == (1, 2, 2, 1)
    assert figures(tmp_path, models.today()) == before
    db.session.rollback()
    assert list(audit.verify(db.session.connection())) == []


def test_searches_for_an_erased_person_are_forgotten_and_those_for_others_stay(house_of: World) -> None:
    key = add_person(house_of)
    unit = db.session.get_one(models.Unit, house_of.rows["main"]["unit"])
    person = db.session.get_one(Beneficiary, key)
    db.session.add(builders.beneficiary(unit, last_name="Αλκυόνογλου", first_name="Ζηνοβία"))
    act_as(house_of, "caseworker.main")
    for said in (NAME, "alkyonidou", person.amka, f"{person.first_name} {NAME}", "Αλκυον", f"Ζηνοβία {NAME}"):
        audit.note(db.session, AuditAction.SEARCH, subject_type="beneficiary", search=said)
    for said in (f"Επώνυμο: {NAME}", "Επώνυμο: Αλκυον"):
        audit.note(db.session, AuditAction.EXPORT, subject_type="beneficiary", filters=[said])
    for words in [NAME], []:
        audit.note(db.session, AuditAction.EXPORT, subject_type="visit", filters=[f"Σε {NAME}"], words=words)
    audit.note(db.session, AuditAction.EXPORT, subject_type="beneficiary", rows=9)
    audit.commit(db.session)
    act_as(house_of, "coordinator")
    rights.erase(db.session, key, "Αίτημα του προσώπου")
    audit.commit(db.session)
    searches = sa.select(models.AuditEntry).where(
        models.AuditEntry.action.in_((AuditAction.SEARCH, AuditAction.EXPORT))
    )
    left = [audit.details_of(entry) for entry in house_of.query(searches.order_by(models.AuditEntry.seq))]
    assert [each for each in left if each] == [
        {"search": "Αλκυον"}, {"search": f"Ζηνοβία {NAME}"}, {"filters": ["Επώνυμο: Αλκυον"]},
        {"filters": [f"Σε {NAME}"], "words": []}, {"rows": 9},
    ], "words that find others too, a namesake of nobody's record, a colleague who was chosen, everybody's list"  # fmt: skip


def test_an_undone_decision_is_forgotten_of_whichever_record_it_named(house_of: World) -> None:
    key, other = add_person(house_of), house_of.rows["main"]["beneficiary"]
    said = {"verdict": SamePerson.SAME, "reason": NAME, "by_id": house_of.users["coordinator"]}
    first, second = sorted((key, other))
    decision = models.PersonDecision(first_id=first, second_id=second, **said)
    db.session.add(decision)
    db.session.flush()
    audit.note(db.session, AuditAction.VIEW, decision)
    db.session.delete(decision)
    audit.commit(db.session)
    act_as(house_of, "coordinator")
    rights.erase(db.session, key, "Αίτημα του προσώπου")
    audit.commit(db.session)
    assert NAME not in everything_kept()


def test_a_request_that_names_the_person_goes_and_a_twins_stays(house_of: World) -> None:
    key = add_person(house_of)
    person = db.session.get_one(Beneficiary, key)
    asked = {
        "unit_id": house_of.rows["roma"]["unit"], "asked_parts": (FilePart.CONTACT,), "reason": "Λόγος",
        "purpose": SharingPurpose.SUPPORT, "legal_basis": LegalBasis.TASK, "national_law": NationalLaw.CENTRES,
        "asked_by_id": house_of.users["caseworker.roma"],
    }  # fmt: skip
    named = {"last_name": "ΑΛΚΥΟΝΙΔΟΥ", "born_on": person.born_on}
    theirs = [
        models.AccessGrant(**asked, registry_number=person.registry_number.lower(), of_unit_id=person.unit_id),
        models.AccessGrant(**asked, **named, first_name=person.first_name.upper()),
        models.AccessGrant(**asked, **named, amka=other_amka(house_of)),
    ]
    twins = models.AccessGrant(**asked, **named, first_name="Δίδυμη")
    db.session.add_all([*theirs, twins])
    audit.commit(db.session)
    gone, left = [row.id for row in theirs], twins.id
    act_as(house_of, "coordinator")
    rights.erase(db.session, key, "Αίτημα του προσώπου")
    audit.commit(db.session)
    kept = house_of.query(sa.select(models.AccessGrant.id).where(models.AccessGrant.id.in_([*gone, left])))
    assert kept == [left]


def other_amka(world: World) -> str:
    """Of somebody else."""
    return str(db.session.get_one(Beneficiary, world.rows["main"]["beneficiary"]).amka)


@pytest.mark.parametrize(
    "states",
    [
        (ReferralStatus.SENT,), (ReferralStatus.SENT, ReferralStatus.RECEIVED, ReferralStatus.NOSHOW),
        (ReferralStatus.SENT, ReferralStatus.RECEIVED, ReferralStatus.ACCEPTED, ReferralStatus.PARTIAL),
    ],
)  # fmt: skip
def test_nobody_goes_on_waiting_for_an_erased_person(house_of: World, states: tuple[ReferralStatus, ...]) -> None:
    key = add_person(house_of)
    staff = db.session.get_one(models.User, house_of.users["caseworker.main"])
    person = db.session.get_one(Beneficiary, key)
    sent = models.Referral(
        beneficiary_id=key, unit_id=person.unit_id, to_unit_id=house_of.rows["roma"]["unit"], reason=NAME,
        staff_id=staff.id,
    )  # fmt: skip
    booked = builders.appointment(person.unit, staff, person, at=models.now() + dt.timedelta(days=3))
    db.session.add_all([sent, booked])
    db.session.flush()
    for state in states:
        sent.move_to(state, models.today(), NAME, staff.id)
    audit.commit(db.session)
    act_as(house_of, "caseworker.roma")
    assert sent.id in [each.id for each in sharing.received(db.session)]
    act_as(house_of, "coordinator")
    rights.erase(db.session, key, "Αίτημα του προσώπου")
    audit.commit(db.session)
    act_as(house_of, "caseworker.roma")
    assert sent.id not in [each.id for each in sharing.received(db.session)]
    assert house_of.one(models.Appointment, booked.id).status == AppointmentStatus.CANCELLED
    steps = sa.select(models.ReferralStep).where(models.ReferralStep.referral_id == sent.id)
    assert {step.note for step in house_of.query(steps)} == {None}
    assert NAME not in everything_kept()


def test_figures_of_past_months_stay(house_of: World, tmp_path: Path) -> None:
    policy.bind(db.session, policy.SYSTEM)
    unit = db.session.get_one(models.Unit, house_of.rows["main"]["unit"])
    staff = db.session.get_one(models.User, house_of.users["caseworker.main"])
    service = db.session.get_one(models.Service, house_of.rows["shared"]["service"])
    people = []
    for n in range(12):
        on = dt.date(2025, 1 + n, 11)
        born = dt.date(on.year - (6, 18, 30, 55, 65, 40)[n % 6], on.month, (5, 20)[n % 2])
        person = builders.beneficiary(unit, born_on=born, registered_on=on, closed_on=on)
        db.session.add(person)
        db.session.flush()
        db.session.add(builders.delivery(person, service, staff, on=on))
        people.append(person.id)
    audit.commit(db.session)
    months = [dt.date(2025, month, 1) for month in range(1, 13)]
    before = [figures(tmp_path, month) for month in months]
    act_as(house_of, "coordinator")
    for key in people:
        rights.erase(db.session, key, "δοκιμή")
    audit.commit(db.session)
    assert [figures(tmp_path, month) for month in months] == before


def test_a_hold_stands_before_everything(house_of: World) -> None:
    key = house_of.rows["main"]["beneficiary"]
    hold(house_of, key)
    act_as(house_of, "coordinator")
    with pytest.raises(rights.Held):
        rights.erase(db.session, key, "Αίτημα")
    assert house_of.one(Beneficiary, key).last_name == CANARY["main"]


def test_a_hold_on_a_linked_record_stands_too(house_of: World) -> None:
    link_both(house_of)
    hold(house_of, house_of.rows["roma"]["beneficiary"])
    act_as(house_of, "coordinator")
    with pytest.raises(rights.Held):
        rights.erase(db.session, house_of.rows["main"]["beneficiary"], "Αίτημα")


def test_a_hold_that_is_over_holds_nothing(house_of: World) -> None:
    key = house_of.rows["main"]["beneficiary"]
    hold(house_of, key, until=models.today() - dt.timedelta(days=1))
    act_as(house_of, "coordinator")
    assert rights.erase(db.session, key, "Αίτημα")["beneficiary"] == 1


def test_linked_records_are_erased_together_and_still_count_once(house_of: World, tmp_path: Path) -> None:
    link_both(house_of)
    before = figures(tmp_path, models.today())
    act_as(house_of, "coordinator")
    done = rights.erase(db.session, house_of.rows["roma"]["beneficiary"], "Αίτημα")
    audit.commit(db.session)
    assert done["beneficiary"] == 2
    assert figures(tmp_path, models.today()) == before
    assert house_of.query(sa.select(PersonToken)) == []


@pytest.mark.parametrize("name", ["caseworker.main", "reception.main", "mediator.main", "supervisor", "administrator"])
def test_nobody_else_erases(house_of: World, name: str) -> None:
    act_as(house_of, name)
    with pytest.raises(policy.Refused):
        rights.erase(db.session, house_of.rows["main"]["beneficiary"], "Αίτημα")
    with pytest.raises(policy.Refused):
        rights.carry_out(db.session, "", "Αίτημα")


def test_an_erasure_has_its_reason_and_happens_once(house_of: World) -> None:
    key = house_of.rows["main"]["beneficiary"]
    act_as(house_of, "coordinator")
    with pytest.raises(BadValue, match="reason"):
        rights.erase(db.session, key, " ")
    rights.erase(db.session, key, "Αίτημα")
    with pytest.raises(BadValue, match="already"):
        rights.erase(db.session, key, "Αίτημα")


def test_nothing_is_added_to_an_anonymous_record(house_of: World) -> None:
    key = house_of.rows["main"]["beneficiary"]
    act_as(house_of, "coordinator")
    rights.erase(db.session, key, "Αίτημα")
    audit.commit(db.session)
    person = db.session.get_one(Beneficiary, key)
    staff = db.session.get_one(models.User, house_of.users["caseworker.main"])
    db.session.add(builders.visit(person.unit, staff, person))
    with pytest.raises(BadValue, match="anonymous"):
        db.session.flush()


def hold(world: World, key: int, **over: Any) -> None:
    policy.bind(db.session, policy.SYSTEM)
    person = db.session.get_one(Beneficiary, key)
    said = {"unit_id": person.unit_id, "reason": "Εκκρεμής δίκη", "by_id": world.users["coordinator"]}
    db.session.add(models.LegalHold(beneficiary_id=key, **said | over))
    audit.commit(db.session)


def link_both(world: World) -> None:
    policy.bind(db.session, policy.SYSTEM)
    decision = db.session.get_one(models.PersonDecision, world.rows["shared"]["person_decision"])
    decision.verdict = SamePerson.SAME
    audit.commit(db.session)


# --- times of keeping -------------------------------------------------------------------------------------------------


def age_everything(world: World) -> dict[str, int]:
    """In the main unit a file closed eleven years ago, another held, another linked with a running one; old rows."""
    policy.bind(db.session, policy.SYSTEM)
    unit = db.session.get_one(models.Unit, world.rows["main"]["unit"])
    staff = db.session.get_one(models.User, world.users["caseworker.main"])
    long_ago = models.today() - dt.timedelta(days=11 * 366)
    people = {}
    for name in ("over", "held", "linked", "restricted", "asking", "recent"):
        closed = models.today() - dt.timedelta(days=9 * 365) if name == "recent" else long_ago
        row = builders.beneficiary(unit, registered_on=long_ago, closed_on=closed)
        db.session.add(row)
        db.session.flush()
        people[name] = row.id
    said = {"unit_id": unit.id}
    db.session.get_one(Beneficiary, people["restricted"]).restricted_on = models.today()
    db.session.add_all([
        models.LegalHold(beneficiary_id=people["held"], **said, reason="Δίκη", by_id=staff.id),
        models.DataRequest(beneficiary_id=people["asking"], **said, kind=RequestKind.ACCESS),
        models.PersonDecision(
            first_id=world.rows["main"]["beneficiary"], second_id=people["linked"], verdict=SamePerson.SAME,
            reason="Ίδιος", by_id=world.users["coordinator"],
        ),
        models.DataRequest(
            beneficiary_id=people["recent"], **said, kind=RequestKind.ACCESS, note=NAME, received_on=long_ago,
            answered_on=long_ago, outcome=RequestOutcome.GRANTED,
        ),
        models.AccessGrant(
            unit_id=unit.id, asked_parts=(FilePart.CONTACT,), purpose=SharingPurpose.SUPPORT, last_name=NAME,
            first_name="Α", born_on=dt.date(1950, 1, 1), legal_basis=LegalBasis.TASK, national_law=NationalLaw.CENTRES,
            reason=NAME, asked_by_id=staff.id, asked_at=models.now() - dt.timedelta(days=6 * 366),
        ),
        builders.visit(unit, staff, request="Παλιό κείμενο", at=models.now() - dt.timedelta(days=6 * 366)),
        Submission(
            token="o" * 64, user_id=staff.id, subject_type="visit", subject_id=1,
            at=models.now() - dt.timedelta(days=400),
        ),
    ])  # fmt: skip
    volunteer = builders.volunteer(unit, last_name=NAME, remarks=NAME, started_on=long_ago, ended_on=long_ago)
    db.session.add(volunteer)
    db.session.flush()
    hours = [builders.hours(volunteer, on=long_ago) for _each in range(2)]
    db.session.add_all(hours)
    db.session.flush()
    hours[0].task = "Άλλο έργο"
    db.session.flush()
    db.session.delete(hours[0])
    audit.commit(db.session)
    return people


def counts() -> dict[str, tuple[int, int]]:
    return {each.line.model.__tablename__: (each.count, each.kept) for each in rights.due(db.session)}


def test_a_dry_run_tells_what_is_due_and_changes_nothing(house_of: World) -> None:
    people = age_everything(house_of)
    act_as(house_of, "coordinator")
    before = everything_kept()
    found = rights.due(db.session)
    assert [row.id for row in found[0].rows] == [people["over"]]
    assert counts() == {
        "beneficiary": (1, 4), "visit": (1, 0), "access_grant": (1, 0), "data_request": (1, 0), "volunteer": (1, 0),
        "audit_entry": (0, 0), "submission": (1, 0), "user_session": (0, 0),
    }  # fmt: skip
    assert everything_kept() == before


@pytest.mark.parametrize("why", ["held", "asking", "restricted"])
def test_what_keeps_one_record_keeps_those_linked_with_it(house_of: World, why: str) -> None:
    """And nobody else's: the rest of the list is carried out."""
    people = age_everything(house_of)
    unit = db.session.get_one(models.Unit, house_of.rows["main"]["unit"])
    long_ago = db.session.get_one(Beneficiary, people["over"]).closed_on
    other = builders.beneficiary(unit, registered_on=long_ago, closed_on=long_ago)
    db.session.add(other)
    db.session.flush()
    said = {"verdict": SamePerson.SAME, "reason": "Ίδιος", "by_id": house_of.users["coordinator"]}
    db.session.add(models.PersonDecision(first_id=people[why], second_id=other.id, **said))
    request = models.DataRequest(
        beneficiary_id=other.id, unit_id=unit.id, kind=RequestKind.ACCESS, received_on=long_ago, answered_on=long_ago,
        outcome=RequestOutcome.GRANTED,
    )  # fmt: skip
    db.session.add(request)
    audit.commit(db.session)
    act_as(house_of, "coordinator")
    found = {each.line.model.__tablename__: each for each in rights.due(db.session)}
    assert [row.id for row in found["beneficiary"].rows] == [people["over"]]
    assert (found["beneficiary"].kept, found["data_request"].kept) == (5, 1)
    rights.carry_out(db.session, rights.fingerprint(found.values()), "Πρωτ. 12/2026")
    audit.commit(db.session)
    erased = house_of.query(sa.select(Beneficiary.id).where(Beneficiary.erased_on.is_not(None)))
    assert erased == [people["over"]]


def test_what_was_approved_is_carried_out_and_certified(house_of: World) -> None:
    people = age_everything(house_of)
    assert everything_kept().count(NAME) > 8
    act_as(house_of, "coordinator")
    row = rights.carry_out(db.session, rights.fingerprint(rights.due(db.session)), "Πρωτ. 12/2026")
    audit.commit(db.session)
    assert (row.people, row.approved_by_id) == (1, house_of.users["coordinator"])
    assert dict(json.loads(row.done)) == {
        "access_grant": 1, "audit_entry": 14, "beneficiary": 1, "data_request": 1, "person_token": 3, "submission": 1,
        "visit": 1, "volunteer": 1,
    }  # fmt: skip
    assert NAME not in everything_kept()
    erased = house_of.query(sa.select(Beneficiary.id).where(Beneficiary.erased_on.is_not(None)))
    assert erased == [people["over"]]
    assert house_of.query(sa.select(models.Visit.id).where(models.Visit.request == "Παλιό κείμενο")) == []
    act_as(house_of, "coordinator")
    assert {number for number, _kept in counts().values()} == {0}
    with pytest.raises(BadValue, match="due"):
        rights.carry_out(db.session, rights.fingerprint(rights.due(db.session)), "Πρωτ. 12/2026")


def test_the_trail_goes_on_being_forgotten_past_its_own_erasures(
    house_of: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries that tell of erasures stay for ever; they take no place in the list."""
    monkeypatch.setattr(keeping, "AT_ONCE", 3)
    with time_machine.travel(models.now() - dt.timedelta(days=16 * 366), tick=False):
        policy.bind(db.session, policy.SYSTEM)
        for number in range(4):
            audit.note(db.session, AuditAction.ERASE, subject_type="audit_entry", reason=f"{number}", erased={})
        audit.note(db.session, AuditAction.SEARCH, subject_type="beneficiary", search=NAME)
        audit.commit(db.session)
    act_as(house_of, "coordinator")
    row = rights.carry_out(db.session, rights.fingerprint(rights.due(db.session)), "Πρωτ. 12/2026")
    audit.commit(db.session)
    assert json.loads(row.done) == {"audit_entry": 1}
    assert NAME not in everything_kept()
    assert not any(each.rows for each in rights.due(db.session))


def test_a_list_that_changed_after_it_was_read_is_not_carried_out(house_of: World) -> None:
    people = age_everything(house_of)
    act_as(house_of, "coordinator")
    read = rights.fingerprint(rights.due(db.session))
    hold(house_of, people["over"])
    act_as(house_of, "coordinator")
    with pytest.raises(BadValue, match="changed"):
        rights.carry_out(db.session, read, "Πρωτ. 12/2026")
    assert house_of.query(sa.select(Beneficiary.id).where(Beneficiary.erased_on.is_not(None))) == []


def test_every_line_of_the_schedule_says_its_source() -> None:
    for line in rights.SCHEDULE:
        assert line.years > 0 and str(line.source) and str(line.begins), line
        assert line.since in line.model.__table__.c, line


def test_the_command_tells_what_is_due(world: World) -> None:
    with world.app.app_context():
        age_everything(world)
    told = world.app.test_cli_runner().invoke(args=["retention", "due"])
    assert told.exit_code == 0, told.output
    assert [line.split()[0] for line in told.output.splitlines()] == ["1", "1", "1", "1", "1", "0", "1", "0"]
    assert "εξαιρούνται: 0" in told.output and "kept back" not in told.output


# --- restriction, requests, consents ----------------------------------------------------------------------------------


def test_nobody_works_on_a_restricted_file(house_of: World) -> None:
    key = house_of.rows["main"]["beneficiary"]
    act_as(house_of, "coordinator")
    db.session.get_one(Beneficiary, key).restricted_on = models.today()
    audit.commit(db.session)
    for name in ("caseworker.main", "coordinator"):
        act_as(house_of, name)
        person = db.session.get_one(Beneficiary, key)
        person.mobile = "6900000000"
        with pytest.raises(BadValue, match="restricted"):
            db.session.flush()
        db.session.rollback()
        staff = db.session.get_one(models.User, house_of.users["caseworker.main"])
        db.session.add(builders.visit(db.session.get_one(models.Unit, person.unit_id), staff, person))
        with pytest.raises(BadValue, match="restricted"):
            db.session.flush()
        db.session.rollback()
        place = db.session.get(models.HouseholdMember, house_of.rows["main"]["household_member"])
        assert (place is None) == (name == "caseworker.main"), "out of sight"
        if place is not None:
            db.session.delete(place)
            with pytest.raises(BadValue, match="restricted"):
                db.session.flush()
            db.session.rollback()
    act_as(house_of, "coordinator")
    db.session.get_one(Beneficiary, key).restricted_on = None
    db.session.flush()


def test_only_a_coordinator_restricts(house_of: World) -> None:
    act_as(house_of, "caseworker.main")
    db.session.get_one(Beneficiary, house_of.rows["main"]["beneficiary"]).restricted_on = models.today()
    with pytest.raises(policy.Refused):
        db.session.flush()


@pytest.mark.parametrize(
    ("received", "extended", "due"),
    [((2026, 1, 31), False, (2026, 2, 28)), ((2024, 1, 31), False, (2024, 2, 29)), ((2025, 11, 30), True, (2026, 2, 28)),
     ((2025, 12, 15), False, (2026, 1, 15))],
)  # fmt: skip
def test_a_request_is_due_in_a_month(received: Any, extended: bool, due: Any) -> None:
    assert models.months_later(dt.date(*received), 3 if extended else 1) == dt.date(*due)
