"""The figures of the reports, against rows that are inserted here."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import flask_migrate
import openpyxl
import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask, current_app, g
from python_calamine import CalamineWorkbook
from sqlalchemy import orm

import policy
import reports
from db import db
from exports import Kind, Sheet
from models import Application, Beneficiary, Event, Municipality, Programme, Referral, Service, Unit, User, Visit
from reports import Coverage, Period, UnknownUnit
from seed import builders as make
from tests.conftest import OWNER, make_app
from vocabulary import (
    Answer,
    ApplicationStatus,
    Attendance,
    Axis,
    Channel,
    Education,
    EmploymentStatus,
    EventType,
    Housing,
    LegalStatus,
    PartnerCategory,
    ReferralStatus,
    Role,
    Sex,
    TargetGroup,
    UnitKind,
)

JUNE = Period(dt.date(2026, 6, 1), dt.date(2026, 7, 1))
MAY = Period(dt.date(2026, 5, 1), dt.date(2026, 6, 1))
JULY = Period(dt.date(2026, 7, 1), dt.date(2026, 8, 1))
MID_JUNE = dt.date(2026, 6, 15)
LONG_AGO = dt.date(2020, 1, 1)
TITLES = [
    "Εξώφυλλο", "Σύνοψη", "Επισκέψεις", "Ηλικίες", "Ιθαγένεια", "Απασχόληση", "Εκπαίδευση", "Ομάδες", "Υπηρεσίες",
    "Προγράμματα", "Παραπομπές", "Δράσεις", "Εθελοντές", "Είδη", "ΕΚΤ+",
]  # fmt: skip


@pytest.fixture(scope="module")
def sqlite_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    yield from migrated(f"sqlite:///{tmp_path_factory.mktemp('reports') / 'test.sqlite'}")


@pytest.fixture(scope="module")
def postgresql_app(postgres: str) -> Iterator[Flask]:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE reports OWNER {OWNER}")
    yield from migrated(postgres.replace("/postgres?", "/reports?"))


def migrated(url: str) -> Iterator[Flask]:
    """The application over an empty database."""
    app = make_app(url)
    with app.app_context():
        flask_migrate.upgrade()
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def session(request: pytest.FixtureRequest) -> Iterator[orm.Session]:
    """The system's session over an empty SQLite database, or over what `on_both` names; nothing is ever committed."""
    app = request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_app")
    with app.app_context():
        policy.bind(db.session, policy.SYSTEM)
        yield db.session


on_both = pytest.mark.parametrize("session", ["sqlite", "postgresql"], indirect=True)


def over(session: orm.Session, period: Period = JUNE, unit: str | None = None) -> Coverage:
    """What a report of these days covers for the session's reader."""
    return Coverage(session, period, reports.units(session, unit))


@dataclass
class Town:
    """A centre with a Roma annex and somebody who works in each."""

    municipality: Municipality
    main: Unit
    roma: Unit
    clerk: User
    mediator: User


@pytest.fixture
def town(session: orm.Session) -> Town:
    municipality = put(session, make.municipality(project_ops_code="5000000", co_financing="Με τη συγχρηματοδότηση"))
    main, roma = (put(session, make.unit(municipality, kind)) for kind in (UnitKind.MAIN, UnitKind.ROMA))
    clerk = put(session, make.user(Role.CASEWORKER, [main], username="caseworker.main"))
    mediator = put(session, make.user(Role.MEDIATOR, [roma], username="mediator.roma"))
    return Town(municipality, main, roma, clerk, mediator)


def put(session: orm.Session, row: Any) -> Any:
    session.add(row)
    session.flush()
    return row


def served(session: orm.Session, town: Town, **over: Any) -> Beneficiary:
    """A woman registered in the main unit who had a service in the middle of June."""
    said: dict[str, Any] = {"sex": Sex.F, "registered_on": MID_JUNE, "amka": None, "afm": None} | over
    person: Beneficiary = put(session, make.beneficiary(said.pop("unit", town.main), **said))
    put(session, make.delivery(person, a_service(session), town.clerk, on=MID_JUNE))
    return person


def a_service(session: orm.Session) -> Any:
    found = session.scalars(sa.select(Service).where(Service.code == "Α1")).first()
    return found or put(session, make.service(code="Α1", axis=Axis.A))


def athens(*when: int) -> dt.datetime:
    return dt.datetime(*when, tzinfo=ZoneInfo("Europe/Athens"))  # type: ignore[misc, arg-type]


def table(sheet: Sheet, heads: int = 1) -> dict[Any, dict[str, Any]]:
    """The sheet's lines by their labels, cells by header."""
    headers = [column.header for column in sheet.columns[heads:]]
    rows = [tuple(row) for row in sheet.rows]
    return {
        row[0] if heads == 1 else row[:heads]: dict(zip(headers, row[heads:], strict=True))
        for row in rows
    }  # fmt: skip


def totals(sheet: Sheet, heads: int = 1) -> dict[Any, int]:
    """The lines that are not empty, by label, with their total."""
    return {key: cells["Σύνολο"] for key, cells in table(sheet, heads).items() if cells["Σύνολο"]}


def as_user(session: orm.Session, user: User) -> None:
    """From here on the session is this user's."""
    session.flush()
    scope = policy.scope_of(user)
    session.expunge_all()
    policy.bind(session, scope)


# --- Karditsa 2019 ----------------------------------------------------------------------------------------------------

KARDITSA = {UnitKind.MAIN: (699, 786, 5498), UnitKind.ROMA: (135, 167, 2079)}
YEAR = Period(dt.date(2019, 1, 1), dt.date(2020, 1, 1))
NEW_YEAR = athens(2019, 1, 1, 9)


def load_karditsa(session: orm.Session, town: Town) -> None:
    """The year's new beneficiaries and requests, spread over its days; every ninth request is nameless."""
    for unit, staff in ((town.main, town.clerk), (town.roma, town.mediator)):
        men, women, requests = KARDITSA[unit.kind]
        session.execute(sa.insert(Beneficiary), [_person(unit, n, n < men) for n in range(men + women)])
        ids = list(session.scalars(sa.select(Beneficiary.id).where(Beneficiary.unit_id == unit.id)))
        session.execute(sa.insert(Visit), [_request(unit, staff, n, ids) for n in range(requests)])


def _person(unit: Unit, n: int, is_man: bool) -> dict[str, Any]:
    return {
        "unit_id": unit.id, "registry_number": f"{n}", "version": 1, "last_name": "Δ", "first_name": "Δ",
        "sex": Sex.M if is_man else Sex.F, "registered_on": YEAR.first + dt.timedelta(days=n % 365),
    }  # fmt: skip


def _request(unit: Unit, staff: User, n: int, ids: list[int]) -> dict[str, Any]:
    return {
        "unit_id": unit.id, "staff_id": staff.id, "version": 1, "request": "Αίτημα", "channel": Channel.INPERSON,
        "at": NEW_YEAR + dt.timedelta(days=n % 365),
        "beneficiary_id": None if n % 9 == 8 else ids[n % len(ids)],
    }  # fmt: skip


@on_both
def test_karditsa_2019_comes_out_as_its_municipality_published_it(session: orm.Session, town: Town) -> None:
    load_karditsa(session, town)
    lines = {row[:2]: row[2:] for row in reports.overview(over(session, YEAR)).rows}
    new, people, requests = "Νέοι ωφελούμενοι", "Άτομα που εξυπηρετήθηκαν", "Επισκέψεις και αιτήματα"
    # women, men, non-binary, not stated, nameless, total
    assert lines[new, town.main.name] == (786, 699, 0, 0, None, 1485)
    assert lines[new, town.roma.name] == (167, 135, 0, 0, None, 302)
    assert lines[new, "Σύνολο"] == (953, 834, 0, 0, None, 1787)
    assert lines[requests, town.main.name][-1] == 5498
    assert lines[requests, town.roma.name][-1] == 2079
    assert lines[requests, "Σύνολο"][-1] == 7577
    # 1485 is a multiple of nine, so in the main centre it is always the same people who stay nameless
    assert lines[people, "Σύνολο"][-1] == 1787 - 1485 // 9
    by_channel = table(reports.visits(over(session, YEAR)), heads=2)
    assert by_channel["Σύνολο", None]["Σύνολο"] == 7577
    assert by_channel[town.main.name, "Ανώνυμες"]["Σύνολο"] == 5498 // 9
    assert by_channel[town.roma.name, "Ανώνυμες"][str(Channel.INPERSON)] == 2079 // 9


# --- who counts, and when ---------------------------------------------------------------------------------------------


def test_a_person_who_came_three_times_is_one_person_and_three_visits(session: orm.Session, town: Town) -> None:
    person = put(session, make.beneficiary(town.main, registered_on=LONG_AGO))
    session.add_all(make.visit(town.main, town.clerk, person, at=athens(2026, 6, day, 10)) for day in (1, 2, 3))
    assert totals(reports.people_served(over(session))) == {town.main.name: 1, "Σύνολο": 1}
    assert totals(reports.visits(over(session)), heads=2)["Σύνολο", None] == 3
    assert totals(reports.new_beneficiaries(over(session))) == {}


def test_nameless_visits_are_visits_and_not_people(session: orm.Session, town: Town) -> None:
    session.add_all(make.visit(town.main, town.clerk, at=athens(2026, 6, 2, 10)) for _ in range(4))
    assert totals(reports.people_served(over(session))) == {}
    assert totals(reports.visits(over(session)), heads=2) == {
        (town.main.name, "Ανώνυμες"): 4,
        ("Σύνολο", None): 4,
    }
    assert list(reports.overview(over(session)).rows)[-1][-2:] == (4, 4)


MIDNIGHTS = {
    dt.datetime(2026, 5, 31, 20, 59, 59, tzinfo=dt.UTC): False,
    dt.datetime(2026, 5, 31, 21, 0, tzinfo=dt.UTC): True,
    dt.datetime(2026, 6, 30, 20, 59, 59, tzinfo=dt.UTC): True,
    dt.datetime(2026, 6, 30, 21, 0, tzinfo=dt.UTC): False,
}


def test_a_month_runs_from_midnight_to_midnight_in_athens(session: orm.Session, town: Town) -> None:
    person = put(session, make.beneficiary(town.main, registered_on=LONG_AGO))
    visit = put(session, make.visit(town.main, town.clerk, person))
    event = put(session, make.event(town.main))
    for at, counts in MIDNIGHTS.items():
        visit.at, event.starts_at, event.ends_at = at, at, None
        assert bool(totals(reports.visits(over(session)), heads=2)) is counts, at
        assert bool(totals(reports.people_served(over(session)))) is counts, at
        assert table(reports.events(over(session)))["Σύνολο"]["Δράσεις"] == int(counts), at


def test_midnight_in_winter_is_an_hour_later_in_utc(session: orm.Session, town: Town) -> None:
    put(session, make.visit(town.main, town.clerk, at=dt.datetime(2025, 12, 31, 22, 0, tzinfo=dt.UTC)))
    put(session, make.visit(town.main, town.clerk, at=dt.datetime(2025, 12, 31, 21, 59, tzinfo=dt.UTC)))
    january = reports.month_of(dt.date(2026, 1, 20))
    assert january == (dt.date(2026, 1, 1), dt.date(2026, 2, 1))
    assert totals(reports.visits(over(session, january)), heads=2)["Σύνολο", None] == 1


@pytest.mark.parametrize(
    ("day", "last"), [((2026, 12, 31), (2026, 12, 31)), ((2024, 2, 10), (2024, 2, 29)), ((2026, 4, 1), (2026, 4, 30))]
)
def test_a_month_ends_with_its_own_last_day(day: tuple[int, int, int], last: tuple[int, int, int]) -> None:
    assert reports.month_of(dt.date(*day)).last == dt.date(*last)


def test_registration_counts_on_the_first_and_the_last_day(session: orm.Session, town: Town) -> None:
    for day in (JUNE.first - dt.timedelta(days=1), JUNE.first, JUNE.last, JUNE.after):
        put(session, make.beneficiary(town.main, registered_on=day, amka=None))
    assert totals(reports.new_beneficiaries(over(session)))["Σύνολο"] == 2


def had_a_service(session: orm.Session, town: Town, person: Beneficiary) -> None:
    put(session, make.delivery(person, a_service(session), town.clerk, on=MID_JUNE))


def was_referred(session: orm.Session, town: Town, person: Beneficiary) -> None:
    put(session, make.referral(person, town.clerk, put(session, make.partner()))).move_to(ReferralStatus.SENT, MID_JUNE)


def opened_an_application(session: orm.Session, town: Town, person: Beneficiary) -> None:
    an_application(session, town, person, opened_on=MID_JUNE)


def went_on_with_an_application(session: orm.Session, town: Town, person: Beneficiary) -> None:
    an_application(session, town, person, opened_on=LONG_AGO).move_to(ApplicationStatus.DOCS, MID_JUNE)


def came_to_an_event(session: orm.Session, town: Town, person: Beneficiary) -> None:
    event = put(session, make.event(town.main, starts_at=athens(2026, 6, 15, 10)))
    put(session, make.attendance(event, person, attendance=Attendance.ATTENDED))


def took_goods(session: orm.Session, town: Town, person: Beneficiary) -> None:
    item = put(session, make.item(town.main))
    put(session, make.movement(item))
    put(session, make.distribution(item, person, town.clerk, on=MID_JUNE))


def an_application(session: orm.Session, town: Town, person: Beneficiary, **over: Any) -> Application:
    row: Application = put(session, make.application(person, put(session, make.programme()), town.clerk, **over))
    return row


@pytest.mark.parametrize(
    "occasion",
    [had_a_service, was_referred, opened_an_application, went_on_with_an_application, came_to_an_event, took_goods],
)
def test_each_occasion_makes_a_person_served(
    session: orm.Session, town: Town, occasion: Callable[[orm.Session, Town, Beneficiary], None]
) -> None:
    occasion(session, town, put(session, make.beneficiary(town.main, registered_on=LONG_AGO)))
    session.flush()
    assert totals(reports.people_served(over(session))) == {town.main.name: 1, "Σύνολο": 1}
    assert totals(reports.people_served(over(session, MAY))) == {}
    assert totals(reports.people_served(over(session, JULY))) == {}


def test_an_enrolment_a_draft_and_an_appointment_serve_nobody(session: orm.Session, town: Town) -> None:
    person = put(session, make.beneficiary(town.main, registered_on=MID_JUNE))
    event = put(session, make.event(town.main, starts_at=athens(2026, 6, 15, 10)))
    put(session, make.attendance(event, person))
    put(session, make.referral(person, town.clerk, put(session, make.partner())))
    put(session, make.appointment(town.main, town.clerk, person, at=athens(2026, 6, 15, 10)))
    assert totals(reports.people_served(over(session))) == {}
    assert totals(reports.referrals(over(session)), heads=2) == {}


def test_a_person_in_two_units_counts_once_in_each(session: orm.Session, town: Town) -> None:
    for unit in (town.main, town.roma):
        served(session, town, unit=unit, amka=make.amka(dt.date(1980, 1, 1), Sex.F, 1))
    expected = {town.main.name: 1, town.roma.name: 1, "Σύνολο": 2}
    assert totals(reports.people_served(over(session))) == expected == totals(reports.new_beneficiaries(over(session)))


# --- who they are -----------------------------------------------------------------------------------------------------


BORN = {
    dt.date(2020, 7, 1): "0–5",
    dt.date(2020, 6, 30): "6–17",
    dt.date(2008, 7, 1): "6–17",
    dt.date(2008, 6, 30): "18–29",
    dt.date(1996, 7, 1): "18–29",
    dt.date(1996, 6, 30): "30–54",
    dt.date(1971, 6, 30): "55–64",
    dt.date(1961, 7, 1): "55–64",
    dt.date(1961, 6, 30): "65+",
    dt.date(1915, 2, 3): "65+",
    dt.date(2026, 6, 20): "0–5",
    None: "Δεν δηλώθηκε",
}


def test_age_is_that_of_the_last_day(session: orm.Session, town: Town) -> None:
    person = served(session, town)
    for born_on, band in BORN.items():
        person.born_on = born_on
        assert totals(reports.ages(over(session))) == {band: 1, "Σύνολο": 1}, born_on


def test_whoever_was_born_on_29_february_is_a_year_older_on_1_march(session: orm.Session, town: Town) -> None:
    person = served(session, town, born_on=dt.date(2004, 2, 29))
    for day in (dt.date(2022, 2, 28), dt.date(2022, 3, 1)):
        put(session, make.delivery(person, a_service(session), town.clerk, on=day))
    assert "6–17" in totals(reports.ages(over(session, Period(dt.date(2022, 2, 1), dt.date(2022, 3, 1)))))
    assert "18–29" in totals(reports.ages(over(session, Period(dt.date(2022, 3, 1), dt.date(2022, 3, 2)))))


def test_nationalities_keep_unknown_codes_and_empty_cells(session: orm.Session, town: Town) -> None:
    people = [served(session, town) for _ in range(4)]
    for person, code in zip(people, ("GR", "AL", None, "Q1"), strict=True):
        person.nationality = code
    counts = totals(reports.nationalities(over(session)))
    assert counts == {"Ελλάδα": 1, "Αλβανία": 1, "Q1": 1, "Δεν δηλώθηκε": 1, "Σύνολο": 4}


def test_an_empty_answer_and_a_refused_one_are_both_not_stated(session: orm.Session, town: Town) -> None:
    served(session, town, employment_status=None, education=None)
    served(session, town, employment_status=EmploymentStatus.UNK, education=Education.U)
    served(session, town, employment_status=EmploymentStatus.SEASON, education=Education.ISCED_0A, sex=Sex.U)
    assert totals(reports.employment(over(session))) == {"Εποχικά απασχολούμενος/η": 1, "Δεν δηλώθηκε": 2, "Σύνολο": 3}
    assert totals(reports.education(over(session)))["Δεν δηλώθηκε"] == 2
    assert table(reports.employment(over(session)))["Σύνολο"]["Δεν δηλώθηκε"] == 1


def test_groups_overlap_and_their_total_counts_people(session: orm.Session, town: Town) -> None:
    served(session, town, target_groups=(TargetGroup.UNEMP, TargetGroup.SINGLE), ethnic_roma=Answer.YES)
    served(session, town, unit=town.roma, target_groups=(TargetGroup.UNEMP,), ethnic_roma=Answer.DECLINED)
    served(session, town, unit=town.roma)
    counts = totals(reports.target_groups(over(session)))
    assert counts == {
        "Άνεργοι/ες": 2, "Μονογονεϊκές οικογένειες": 1, "Ρομά (αυτοπροσδιορισμός)": 1, "Δεν δηλώθηκε": 1, "Σύνολο": 3,
    }  # fmt: skip


# --- what was done ----------------------------------------------------------------------------------------------------


def test_a_month_printed_later_keeps_the_states_of_its_end(session: orm.Session, town: Town) -> None:
    partner = put(session, make.partner(category=PartnerCategory.DYPA, name="ΔΥΠΑ Δοκιμών"))
    referral: Referral = put(session, make.referral(served(session, town), town.clerk, partner))
    referral.move_to(ReferralStatus.SENT, dt.date(2026, 5, 20))
    for status in (ReferralStatus.RECEIVED, ReferralStatus.ACCEPTED, ReferralStatus.DONE):
        session.flush()
        referral.move_to(status, dt.date(2026, 6, 30))
    session.flush()
    key = (str(PartnerCategory.DYPA), "ΔΥΠΑ Δοκιμών")
    assert table(reports.referrals(over(session, MAY)), heads=2)[key][str(ReferralStatus.SENT)] == 1
    june = table(reports.referrals(over(session)), heads=2)[key]
    assert (june[str(ReferralStatus.SENT)], june[str(ReferralStatus.DONE)], june["Σύνολο"]) == (0, 1, 1)
    assert totals(reports.referrals(over(session, JULY)), heads=2) == {}


def test_referrals_to_a_unit_stand_apart_from_partners(session: orm.Session, town: Town) -> None:
    row = make.referral(served(session, town), town.clerk, to_unit_id=town.roma.id)
    put(session, row).move_to(ReferralStatus.SENT, MID_JUNE)
    assert totals(reports.referrals(over(session)), heads=2) == {
        ("Μονάδα του Κέντρου", town.roma.name): 1,
        ("Σύνολο", None): 1,
    }


def test_applications_by_programme_and_state(session: orm.Session, town: Town) -> None:
    programme: Programme = put(session, make.programme(name="Ελάχιστο Εγγυημένο Εισόδημα"))
    person = served(session, town)
    reached = (ApplicationStatus.DOCS, ApplicationStatus.SUBMITTED)
    for status in reached:
        put(session, make.application(person, programme, town.clerk)).move_to(status, MID_JUNE)
    line = table(reports.applications(over(session)))["Ελάχιστο Εγγυημένο Εισόδημα"]
    assert {name: n for name, n in line.items() if n} == {**{str(status): 1 for status in reached}, "Σύνολο": 2}


def test_an_application_counts_when_it_is_opened_and_when_it_moves(session: orm.Session, town: Town) -> None:
    row = an_application(session, town, served(session, town), opened_on=dt.date(2026, 5, 31))
    row.move_to(ApplicationStatus.SUBMITTED, dt.date(2026, 7, 1))
    session.flush()
    told, sent = str(ApplicationStatus.INFO), str(ApplicationStatus.SUBMITTED)
    assert states(session, MAY) == {told: 1, "Σύνολο": 1}, "a month printed later shows where it stood then"
    assert states(session, JUNE) == {}
    assert states(session, JULY) == {sent: 1, "Σύνολο": 1}
    assert states(session, Period(MAY.first, JULY.after)) == {sent: 1, "Σύνολο": 1}


def test_an_application_that_never_moved_counts_in_the_month_of_its_opening(session: orm.Session, town: Town) -> None:
    for day in (JUNE.first - dt.timedelta(days=1), JUNE.first, JUNE.last, JUNE.after):
        an_application(session, town, served(session, town), opened_on=day)
    assert states(session, JUNE) == {str(ApplicationStatus.INFO): 2, "Σύνολο": 2}


def states(session: orm.Session, period: Period) -> dict[str, int]:
    """Applications of the period by state, the empty states left out."""
    return {state: n for state, n in table(reports.applications(over(session, period)))["Σύνολο"].items() if n}


def test_services_by_axis_have_subtotals(session: orm.Session, town: Town) -> None:
    person = served(session, town)
    other = put(session, make.service(code="Γ1", axis=Axis.C, name="Ενισχυτική διδασκαλία"))
    for _ in range(2):
        put(session, make.delivery(person, other, town.clerk, on=MID_JUNE))
    counts = totals(reports.services(over(session)), heads=2)
    subtotals = {key[0]: n for key, n in counts.items() if key[1] == "Σύνολο άξονα"}
    assert subtotals == {str(Axis.A): 1, str(Axis.C): 2}
    assert counts["Σύνολο", None] == 3


def test_events_volunteers_and_goods(session: orm.Session, town: Town) -> None:
    event: Event = put(session, make.event(town.main, starts_at=athens(2026, 6, 8, 18), event_type=EventType.WORLDDAY))
    for part in (Attendance.ATTENDED, Attendance.ATTENDED, Attendance.ABSENT, Attendance.ENROLLED):
        put(session, make.attendance(event, served(session, town), attendance=part))
    put(session, make.event(town.main, starts_at=athens(2026, 6, 9, 18), event_type=EventType.WORLDDAY))
    line = table(reports.events(over(session)))[str(EventType.WORLDDAY)]
    assert line == {
        "Δράσεις": 2, str(Attendance.ENROLLED): 1, str(Attendance.ATTENDED): 2, str(Attendance.ABSENT): 1,
    }  # fmt: skip

    helper = put(session, make.volunteer(town.main, started_on=dt.date(2026, 1, 1)))
    put(session, make.volunteer(town.main, started_on=dt.date(2026, 1, 1), ended_on=dt.date(2026, 5, 31)))
    for n in ("1.5", "0.25"):
        put(session, make.hours(helper, on=MID_JUNE, hours=Decimal(n)))
    line = table(reports.volunteers(over(session)))["Σύνολο"]
    assert line == {"Εθελοντές": 1, "Προσέφεραν ώρες": 1, "Ώρες": Decimal("1.75")}

    item = put(session, make.item(town.main, name="Ρύζι", measure="κιλό"))
    put(session, make.movement(item))
    for n in ("2.5", "1"):
        put(session, make.distribution(item, served(session, town), town.clerk, on=MID_JUNE, quantity=Decimal(n)))
    assert [row[2:] for row in reports.goods(over(session)).rows] == [
        ("Ρύζι", "κιλό", Decimal("3.5"), 2),
        (None, None, None, 2),
    ]


# --- ESF+ -------------------------------------------------------------------------------------------------------------


def esf(session: orm.Session, period: Period = JUNE) -> dict[str, tuple[int | None, int | None]]:
    """Each indicator's total of the period and so far."""
    return {row[0] or row[1]: (row[6], row[11]) for row in reports.indicators(over(session, period)).rows}  # type: ignore[misc, index]


def test_a_participant_counts_once_per_operation(session: orm.Session, town: Town) -> None:
    town.municipality.operating_since = dt.date(2026, 1, 1)
    put(session, make.visit(town.main, town.clerk, at=athens(2026, 2, 1, 10)))
    again = served(session, town, registered_on=dt.date(2019, 3, 1))
    put(session, make.delivery(again, a_service(session), town.clerk, on=dt.date(2026, 5, 4)))
    before = served(session, town)
    put(session, make.delivery(before, a_service(session), town.clerk, on=dt.date(2025, 12, 31)))
    assert esf(session, MAY)["EECO01"] == (1, 1)
    assert esf(session)["EECO01"] == (1, 2)
    assert esf(session, reports.month_of(dt.date(2025, 12, 1)))["EECO01"] == (0, 0)
    town.municipality.operating_since = None
    assert esf(session, reports.month_of(dt.date(2025, 12, 1)))["EECO01"] == (1, 1)
    assert esf(session)["EECO01"] == (0, 2)


def test_the_indicators_count_what_was_declared_and_nothing_else(session: orm.Session, town: Town) -> None:
    served(
        session, town, employment_status=EmploymentStatus.UNEMP_LT, education=Education.ISCED_2, nationality="DE",
        disability=Answer.YES, ethnic_roma=Answer.NO, housing=Housing.STREET, born_on=dt.date(1971, 6, 15),
    )  # fmt: skip
    served(
        session, town, employment_status=EmploymentStatus.INACT_PUPIL, education=Education.ISCED_3V, unit=town.roma,
        nationality="AL", born_on=dt.date(2008, 6, 16), target_groups=(TargetGroup.HOMELESS,),
    )  # fmt: skip
    served(
        session, town, employment_status=EmploymentStatus.SELF, education=Education.ISCED_6, nationality=None,
        legal_status=LegalStatus.STATELESS, ethnic_roma=Answer.YES, disability=Answer.DECLINED,
        born_on=dt.date(2008, 6, 15), housing=Housing.OWN, sex=Sex.M,
    )  # fmt: skip
    served(session, town).born_on = None
    assert {key: total for key, (total, _) in esf(session).items()} == {
        "EECO01": 4, "EECO02": 1, "EECO03": 1, "EECO04": 1, "EECO05": 1, "EECO06": 1, "EECO07": 1, "EECO08": 1,
        "EECO09": 1, "EECO10": 1, "EECO11": 1, "EECO12": 1, "EECO13": 2, "EECO14": None, "EECO15": 1, "EECO16": 2,
        "EECO17": None, "Απασχόληση: δεν δηλώθηκε": 1, "Ηλικία: δεν δηλώθηκε": 1, "Εκπαίδευση: δεν δηλώθηκε": 1,
        "Ιθαγένεια: δεν δηλώθηκε": 1, "Στέγαση: δεν δηλώθηκε": 2, "Αναπηρία: δεν δηλώθηκε": 3,
        "Ρομά: δεν δηλώθηκε": 2,
    }  # fmt: skip


def test_a_participant_keeps_the_age_of_entry(session: orm.Session, town: Town) -> None:
    town.municipality.operating_since = dt.date(2026, 1, 1)
    served(session, town, registered_on=dt.date(2020, 1, 1), born_on=dt.date(2008, 1, 1))
    served(session, town, registered_on=dt.date(2026, 6, 1), born_on=dt.date(2008, 6, 2))
    later = reports.month_of(dt.date(2026, 9, 1))
    assert (esf(session, later)["EECO06"], esf(session, later)["EECO07"]) == ((0, 1), (0, 1))


# --- who reads --------------------------------------------------------------------------------------------------------


def busy(session: orm.Session, town: Town) -> None:
    """Something of everything in both units, more of it in the annex."""
    programme, partner = put(session, make.programme()), put(session, make.partner())
    for unit, staff, number in ((town.main, town.clerk, 2), (town.roma, town.mediator, 5)):
        item, helper = put(session, make.item(unit, name="Δέμα")), put(session, make.volunteer(unit, started_on=None))
        put(session, make.movement(item))
        event = put(session, make.event(unit, starts_at=athens(2026, 6, 8, 18)))
        put(session, make.hours(helper, event, on=MID_JUNE))
        put(session, make.visit(unit, staff, at=athens(2026, 6, 8, 9)))
        for n in range(number):
            person = served(
                session, town, unit=unit, sex=list(Sex)[n % 4], nationality=[None, "GR", "SY"][n % 3],
                employment_status=list(EmploymentStatus)[n], education=list(Education)[n], ethnic_roma=Answer.YES,
                disability=Answer.YES, target_groups=(TargetGroup.POV,), protected_groups=(TargetGroup.GBV,),
            )  # fmt: skip
            put(session, make.visit(unit, staff, person, at=athens(2026, 6, 8, 9), channel=list(Channel)[n]))
            put(session, make.attendance(event, person, attendance=list(Attendance)[n % 3]))
            put(session, make.distribution(item, person, staff, on=MID_JUNE))
            put(session, make.referral(person, staff, partner)).move_to(ReferralStatus.SENT, MID_JUNE)
            put(session, make.application(person, programme, staff)).move_to(ApplicationStatus.SUBMITTED, MID_JUNE)
    session.flush()


def test_a_caseworker_gets_the_own_unit_and_nothing_of_the_other(session: orm.Session, town: Town) -> None:
    busy(session, town)
    expected = {report: list(report(over(session, unit="main")).rows) for report in reports.SHEETS}
    everything = {report: list(report(over(session)).rows) for report in reports.SHEETS}
    as_user(session, town.clerk)
    for report in reports.SHEETS:
        rows = list(report(over(session)).rows)
        assert rows == expected[report], report.__name__
        assert rows != everything[report], report.__name__
    with pytest.raises(UnknownUnit):
        reports.units(session, "roma")


def test_nobody_gets_no_figures(session: orm.Session, town: Town) -> None:
    busy(session, town)
    session.expunge_all()
    policy.bind(session, policy.NOBODY)
    for report in reports.SHEETS:
        figures = [cell for row in report(over(session)).rows for cell in row if isinstance(cell, int | Decimal)]
        assert not any(figures), report.__name__


def test_a_supervisor_reads_no_special_categories(session: orm.Session, town: Town) -> None:
    busy(session, town)
    as_user(session, put(session, make.user(Role.SUPERVISOR)))
    groups = totals(reports.target_groups(over(session)))
    assert groups == {"Άτομα/οικογένειες σε φτώχεια ή κοινωνικό αποκλεισμό": 7, "Σύνολο": 7}
    figures = esf(session)
    hidden = {key for key, pair in figures.items() if pair == (None, None)}
    assert hidden == {"EECO12", "EECO14", "EECO15", "EECO17", "Αναπηρία: δεν δηλώθηκε", "Ρομά: δεν δηλώθηκε"}


def test_an_unknown_unit_is_said_to_be_unknown(session: orm.Session, town: Town, tmp_path: Path) -> None:
    with pytest.raises(UnknownUnit, match="nowhere"):
        reports.monthly_workbook(session, MID_JUNE, tmp_path / "out.xlsx", "nowhere")
    assert not (tmp_path / "out.xlsx").exists()
    assert issubclass(UnknownUnit, ValueError)


# --- the workbook -----------------------------------------------------------------------------------------------------


@on_both
def test_two_readers_find_the_same_workbook(session: orm.Session, town: Town, tmp_path: Path) -> None:
    busy(session, town)
    as_user(session, put(session, make.user(Role.COORDINATOR, full_name="Συντονίστρια Δοκιμών")))
    path = tmp_path / "Ιούνιος.xlsx"
    written = reports.monthly_workbook(session, MID_JUNE, path)
    assert written.size == path.stat().st_size
    found = [sheets_by_calamine(path), sheets_by_openpyxl(path)]
    assert list(found[0]) == list(found[1]) == TITLES
    for title in TITLES:
        assert found[0][title] == found[1][title], title
    for report in reports.SHEETS:
        sheet = report(over(session))
        body = not_empty(sheet.rows)
        assert found[0][sheet.title][-len(body) :] == body, sheet.title
    _check_cover(dict(row[:2] for row in found[0]["Εξώφυλλο"][1:]))


def sheets_by_calamine(path: Path) -> dict[str, list[list[Any]]]:
    book = CalamineWorkbook.from_path(path)
    return {title: not_empty(book.get_sheet_by_name(title).to_python()) for title in book.sheet_names}


def sheets_by_openpyxl(path: Path) -> dict[str, list[list[Any]]]:
    book = openpyxl.load_workbook(path)
    return {title: not_empty(book[title].iter_rows(values_only=True)) for title in book.sheetnames}


def not_empty(rows: Iterable[Iterable[Any]]) -> list[list[Any]]:
    cells = ([cell or None for cell in row] for row in rows)
    return [row for row in cells if any(row)]


def _check_cover(lines: dict[str, str]) -> None:
    assert lines["Ονομασία"] == "Δήμος Παραδείγματος"
    assert lines["Κωδικός ΟΠΣ"] == "5000000"
    assert lines["Περίοδος"] == "01/06/2026 – 30/06/2026"
    assert lines["Από"] == "Συντονίστρια Δοκιμών"
    assert lines["Γραμμή συγχρηματοδότησης"] == "Με τη συγχρηματοδότηση"
    assert {"Εκδόθηκε", "Μονάδες", "Μετρήσεις", "Σύνολα", "ΕΚΤ+", "Δημοσίευση"} <= lines.keys()


def test_every_header_is_greek(session: orm.Session, town: Town) -> None:
    for report in reports.SHEETS:
        sheet = report(over(session))
        for text in (sheet.title, *(column.header for column in sheet.columns)):
            assert not set(text.casefold()) & set("abcdefghijklmnopqrstuvwxyz"), text


def test_the_readers_language_changes_titles_and_codes(session: orm.Session, town: Town) -> None:
    served(session, town).nationality = None
    with current_app.test_request_context():
        g.language = "en"
        titles = [report(over(session)).title for report in reports.SHEETS]
        assert titles[:3] == ["Overview", "Visits", "Ages"]
        assert "Not stated" in table(reports.nationalities(over(session)))


OVERLAPPING = ("Ομάδες", "ΕΚΤ+", "Σύνοψη")


def test_every_total_is_the_sum_of_its_parts(session: orm.Session, town: Town) -> None:
    busy(session, town)
    for sheet in (report(over(session)) for report in reports.SHEETS):
        rows = [list(row) for row in sheet.rows]
        if sheet.title not in OVERLAPPING:
            assert rows[-1][0] == "Σύνολο", sheet.title
            _check_down(sheet, rows)
        if any(column.header == "Σύνολο" for column in sheet.columns[1:]) and sheet.title != "Είδη":
            _check_across(sheet, rows)
    _check_overview(list(reports.overview(over(session)).rows))
    _check_indicators(esf(session))


def _check_down(sheet: Sheet, rows: list[list[Any]]) -> None:
    parts = [row for row in rows[:-1] if "Σύνολο άξονα" not in row]
    for index, column in enumerate(sheet.columns):
        if column.kind is not Kind.TEXT and rows[-1][index] is not None:
            assert rows[-1][index] == sum(row[index] for row in parts) != 0 or not any(row[index] for row in parts)


def _check_across(sheet: Sheet, rows: list[list[Any]]) -> None:
    assert sheet.columns[-1].header == "Σύνολο"
    numeric = [index for index, column in enumerate(sheet.columns) if column.kind is Kind.INTEGER]
    for row in rows:
        assert row[-1] == sum(row[index] or 0 for index in numeric[:-1]), (sheet.title, row)


def _check_overview(rows: list[Any]) -> None:
    """Each of the three counts has its own total, and none is added to another."""
    for part in (rows[:3], rows[3:6], rows[6:]):
        assert len({row[0] for row in part}) == 1
        assert part[2][1] == "Σύνολο"
        assert [sum(cell or 0 for cell in cells) for cells in zip(*(r[2:] for r in part[:2]), strict=True)] == [
            cell or 0 for cell in part[2][2:]
        ]


def _check_indicators(lines: dict[str, tuple[int | None, int | None]]) -> None:
    """Every participant stands in one line of employment and in one of education."""
    for which in (0, 1):
        figures = {key: pair[which] or 0 for key, pair in lines.items()}
        by_work = [*(figures[f"EECO0{n}"] for n in (2, 4, 5)), figures["Απασχόληση: δεν δηλώθηκε"]]
        by_school = [figures[code] for code in ("EECO09", "EECO10", "EECO11", "Εκπαίδευση: δεν δηλώθηκε")]
        assert sum(by_work) == sum(by_school) == figures["EECO01"] == 7
