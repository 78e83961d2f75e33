"""Profiles, demo and volume land as they should, and the commands that load and keep them do what they say."""

from __future__ import annotations

import copy
import datetime as dt
import html
import itertools
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tomllib
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import flask_migrate
import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask

import audit
import config
import identifiers
import matching
import passwords
import policy
import sharing
from admin_views.home.sections import PARTS
from db import begin_write, db
from models import (
    AccessGrant,
    Application,
    Appointment,
    AuditEntry,
    Base,
    Beneficiary,
    CaseNote,
    Consent,
    DataRequest,
    Household,
    HouseholdMember,
    LegalHold,
    Municipality,
    Partner,
    PersonDecision,
    Programme,
    Referral,
    Scoped,
    Service,
    ServiceDelivery,
    Unit,
    User,
    Visit,
    now,
    today,
)
from seed import PROFILES, NotSeeded, RefusedInProduction, builders, demo, reference, volume
from seed.people import FROM_ABROAD
from seed.stage import ATHENS
from tests.conftest import OWNER, make_app
from tests.world import PASSWORD, PASSWORD_HASH, Browser, keys_listed
from vocabulary import (
    Answer,
    AuditAction,
    Axis,
    Confidence,
    ConsentKind,
    GrantStatus,
    HouseholdRelation,
    ReferralStatus,
    RequestKind,
    RequestOutcome,
    Role,
    Sex,
    TargetGroup,
    UnitKind,
)

REFERENCE = (Municipality, Unit, Service, Programme, Partner)
RIGHTS = (Beneficiary, Consent, DataRequest, LegalHold)
DEMO_UNITS = {"drama": ("main", "roma"), "thessaloniki": ("east", "west", "kem")}


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file."""
    file = tmp_path_factory.mktemp("bare") / "bare.sqlite"
    with make_app(f"sqlite:///{file}").app_context():
        flask_migrate.upgrade()
        db.engine.dispose()
    return file


@pytest.fixture(scope="module")
def shared(bare: Path, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return app_over(bare, tmp_path_factory.mktemp("shared"))


@pytest.fixture
def session(shared: Flask) -> Iterator[Any]:
    """An empty database; what a test writes there is rolled back."""
    with rolled_back(shared) as session:
        yield session


@pytest.fixture(scope="module")
def reused(bare: Path, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return app_over(bare, tmp_path_factory.mktemp("reused"))


@pytest.fixture
def empty(reused: Flask, bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """An application over an empty database, for commands, which commit; each test finds it empty again."""
    file = file_of(reused)
    for ending in ("", "-wal", "-shm"):
        file.with_name(file.name + ending).unlink(missing_ok=True)
    shutil.copy(bare, file)
    monkeypatch.setattr(reused, "instance_path", str(tmp_path))
    monkeypatch.setattr(reused, "config", copy.copy(reused.config))
    yield reused
    with reused.app_context():
        db.engine.dispose()


def app_over(bare: Path, folder: Path) -> Flask:
    """An application over a copy of the empty database."""
    shutil.copy(bare, folder / "kentro.sqlite")
    return make_app(f"sqlite:///{folder / 'kentro.sqlite'}")


def file_of(app: Flask) -> Path:
    with app.app_context():
        return Path(str(db.engine.url.database))


def run(app: Flask, *arguments: str, input: str | None = None, fails: bool = False) -> str:
    """Run a command; its output."""
    result = app.test_cli_runner().invoke(args=list(arguments), input=input)
    assert (result.exit_code != 0) == fails, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return str(result.output)


@contextmanager
def inside(app: Flask) -> Iterator[None]:
    """The application as the system sees it."""
    with app.app_context():
        policy.bind(db.session, policy.SYSTEM)
        yield


@contextmanager
def rolled_back(app: Flask) -> Iterator[Any]:
    """A session that writes, and keeps nothing."""
    with inside(app):
        begin_write()
        yield db.session
        db.session.rollback()
        db.session.info.clear()


def count(session: Any, what: Any, *where: Any) -> int:
    return int(session.scalar(sa.select(sa.func.count()).select_from(what).where(*where)))


def rows_of(session: Any, models: Any) -> dict[str, list[Any]]:
    """What stands in these tables, to the last column."""
    statements = {model.__tablename__: sa.select(model.__table__).order_by(model.id) for model in models}
    return {name: session.connection().execute(statement).all() for name, statement in statements.items()}


# --- profiles ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", PROFILES)
def test_a_profile_loads_twice_without_change(session: Any, code: str) -> None:
    reference.load_profile(session, code)
    once = rows_of(session, REFERENCE)
    reference.load_profile(session, code)
    assert rows_of(session, REFERENCE) == once
    assert all(once.values())


@pytest.mark.parametrize("code", PROFILES)
def test_every_fact_of_a_profile_is_somewhere_in_the_database(session: Any, code: str) -> None:
    reference.load_profile(session, code)
    profile = tomllib.loads((config.ROOT / "seed" / "profiles" / f"{code}.toml").read_text())
    town = session.scalars(sa.select(Municipality)).one()
    kept = "\n".join(str(value) for value in vars(town).values())
    for part in ("municipality", "project"):
        assert [value for value in map(str, profile.get(part, {}).values()) if value not in kept] == []
    assert {group.value for group in town.target_groups} == set(profile.get("target_groups", ()))
    assert {unit.code: unit.name for unit in session.scalars(sa.select(Unit))} == {
        unit["code"]: unit["name"] for unit in profile["units"]
    }
    told = {service["axis"] for service in profile["services"]}
    offered = session.scalars(sa.select(Service).where(Service.is_offered, Service.axis.in_(told)))
    assert {(service.code, service.name) for service in offered} == {
        (service["code"], service["name"]) for service in profile["services"]
    }
    assert all(service.is_offered for service in session.scalars(sa.select(Service).where(Service.axis.not_in(told))))


def test_the_facts_of_drama_stand_in_their_columns(session: Any) -> None:
    town = reference.load_profile(session, "drama")
    assert (town.name, town.name_en) == ("Δήμος Δράμας", "Municipality of Drama")
    assert town.region == "Περιφέρεια Ανατολικής Μακεδονίας και Θράκης"
    assert town.operating_since == dt.date(2017, 4, 1)
    assert town.project_programme == ("Επιχειρησιακό Πρόγραμμα Περιφέρειας Ανατολικής Μακεδονίας και Θράκης 2021–2027")
    assert (town.project_title, town.project_ops_code) == (None, None)
    assert town.co_financing == "Με τη συγχρηματοδότηση της Ευρωπαϊκής Ένωσης (Ευρωπαϊκό Κοινωνικό Ταμείο)"
    assert town.headcount == 9
    assert (town.specialties or "").split(", ")[::6] == ["Κοινωνικός Λειτουργός", "Νοσηλεύτρια"]
    assert {TargetGroup.EEE, TargetGroup.ROMA, TargetGroup.LEARN} < set(town.target_groups)
    roma = session.scalars(sa.select(Unit).where(Unit.code == "roma")).one()
    assert (roma.kind, roma.phone, roma.email) == (UnitKind.ROMA, "+302521025527", "kkoin@dimosdramas.gr")
    assert roma.hours == "Δευτέρα–Παρασκευή 07:30–15:30"


def test_the_facts_of_thessaloniki_stand_in_their_columns(session: Any) -> None:
    town = reference.load_profile(session, "thessaloniki")
    assert town.project_ops_code == "5002722"
    units = {unit.code: unit for unit in session.scalars(sa.select(Unit))}
    assert {code for code, unit in units.items() if unit.is_temporary_address} == {"west", "kem"}
    assert units["east"].area == "Άνω Τούμπα"
    assert units["kem"].kind == UnitKind.KEM


def test_the_catalogue_is_whole_and_under_the_profiles_wording(session: Any) -> None:
    reference.load_profile(session, "drama")
    services = {service.code: service for service in session.scalars(sa.select(Service))}
    assert len(services) == 21 + 8, "the general list and what only the profile names"
    assert services["A05"].name == "Υποστήριξη ωφελουμένων ΕΕΕ (πρώην ΚΕΑ)"
    assert services["C25"].name_en == "Volunteer network"
    assert (services["C12"].is_offered, services["C12"].axis) == (False, Axis.C)
    assert all(service.name_en for service in services.values())


def test_a_profile_without_services_offers_the_whole_catalogue() -> None:
    services = reference._catalogue({})
    assert len(services) == 21
    assert all(service["is_offered"] for service in services)


def test_a_second_municipality_is_refused(session: Any) -> None:
    reference.load_profile(session, "xanthi")
    with pytest.raises(reference.OtherMunicipality, match="Δήμος Ξάνθης"):
        reference.load_profile(session, "drama")
    assert count(session, Municipality) == 1


# --- builders ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sex", [Sex.M, Sex.F])
def test_invented_numbers_are_valid_and_tell_people_apart(sex: Sex) -> None:
    born_on = dt.date(1984, 2, 29)
    numbers = [builders.amka(born_on, sex, n) for n in range(500)]
    assert len({identifiers.amka(number) for number in numbers}) == 500
    assert not any(identifiers.amka_warnings(number, born_on, sex.value) for number in numbers)
    taxes = [builders.afm(n) for n in (1, 2, 3, 999, 1000, 54_321, 999_999)]
    assert [identifiers.afm(number) for number in taxes] == taxes
    assert all(number.startswith("00") for number in taxes)


def test_what_is_said_wins_and_the_rest_agrees_with_it(session: Any) -> None:
    reference.load_profile(session, "megara")
    unit = session.scalars(sa.select(Unit)).first()
    person = builders.beneficiary(unit, sex=Sex.F, born_on=dt.date(1990, 5, 17), last_name="Δοκιμαστή")
    assert (person.last_name, person.sex) == ("Δοκιμαστή", Sex.F)
    assert identifiers.amka_warnings(person.amka, person.born_on, "F") == []


# --- what a new house shows -------------------------------------------------------------------------------------------

SCREENS = ("", "beneficiary/", "unit/", "service/", "municipality/")


def assert_serves(app: Flask, code: str, has_people: bool) -> None:
    """The coordinator signs in and finds the profile's municipality, units and services on the screens."""
    profile = tomllib.loads((config.ROOT / "seed" / "profiles" / f"{code}.toml").read_text())
    browser = Browser(app.test_client())
    assert browser.post("/login", username="coordinator", password=PASSWORD).status_code == 302
    pages = {screen: browser.get(f"/admin/{screen}") for screen in SCREENS}
    assert {screen: page.status_code for screen, page in pages.items()} == dict.fromkeys(SCREENS, 200)
    texts = {screen: html.unescape(page.text) for screen, page in pages.items()}
    municipality = profile["municipality"]
    assert [screen for screen, text in texts.items() if municipality["centre_name"] not in text] == []
    assert municipality["name"] in texts["municipality/"]
    assert [unit["name"] for unit in profile["units"] if unit["name"] not in texts["unit/"]] == []
    assert [row["name"] for row in profile["services"] if row["name"] not in texts["service/"]] == []
    assert bool(keys_listed(texts["beneficiary/"])) == has_people


@pytest.mark.parametrize("code", [code for code in PROFILES if code not in DEMO_UNITS])
def test_a_profile_serves(empty: Flask, code: str) -> None:
    with inside(empty):
        begin_write()
        reference.load_profile(db.session, code)
        units = db.session.scalars(sa.select(Unit)).all()
        said = {"username": "coordinator", "password_hash": PASSWORD_HASH, "password_changed_at": now()}
        db.session.add(builders.user(Role.COORDINATOR, units, **said))
        audit.commit(db.session)
    assert_serves(empty, code, has_people=False)


def test_a_profile_with_its_demo_serves(stage: tuple[str, Flask]) -> None:
    code, app = stage
    assert_serves(app, code, has_people=True)


# --- demo -------------------------------------------------------------------------------------------------------------

Played = tuple[str, Any]


@pytest.fixture(scope="module", params=DEMO_UNITS)
def stage(request: pytest.FixtureRequest, bare: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A profile, and an application with its demo."""
    app = app_over(bare, tmp_path_factory.mktemp("demo"))
    said = run(app, "seed", request.param, "--demo", "--password", PASSWORD)
    assert PASSWORD in said
    assert all(f"reception.{code}\n" in said for code in DEMO_UNITS[request.param])
    yield request.param, app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def played(stage: tuple[str, Flask]) -> Iterator[Played]:
    """The profile, and a session that sees its demo."""
    with inside(stage[1]):
        yield stage[0], db.session


def test_every_demo_login_has_the_password_its_role_and_its_unit(played: Played) -> None:
    code, session = played
    roles = ("reception", "caseworker", "mediator")
    expected = {f"{role}.{unit}": {unit} for unit in DEMO_UNITS[code] for role in roles}
    everywhere = set(DEMO_UNITS[code])
    expected |= {"coordinator": everywhere, "supervisor": everywhere, "administrator": set()}
    users = {user.username: user for user in session.scalars(sa.select(User))}
    assert {name: {unit.code for unit in user.units} for name, user in users.items()} == expected
    assert all(passwords.matches(PASSWORD, kept) for kept in {user.password_hash for user in users.values()})
    for name, user in users.items():
        assert user.role.value == name.partition(".")[0]
        assert user.is_active
        assert user.password_changed_at


def test_every_unit_of_the_demo_has_every_kind_of_row(played: Played) -> None:
    _, session = played
    scoped = [m.class_ for m in Base.registry.mappers if issubclass(m.class_, Scoped)]
    for unit in session.scalars(sa.select(Unit)):
        bare = {model.__tablename__ for model in scoped if not count(session, model, model.unit_id == unit.id)}
        assert bare == {"attachment"}, unit.code
    centre, *annexes = (count(session, Beneficiary, Beneficiary.unit_id == unit.id) for unit in units_of(session))
    assert set(annexes) == {24} and centre == 24 + 2 * len(annexes), "two people of each annex come to the centre too"


def units_of(session: Any) -> list[Unit]:
    """The centre, then its annexes."""
    return list(session.scalars(sa.select(Unit).order_by(Unit.id)))


def test_units_of_the_demo_ask_for_each_others_files_and_know_the_same_people(played: Played) -> None:
    _, session = played
    _centre, *annexes = units_of(session)
    grants = session.scalars(sa.select(AccessGrant)).all()
    asked = Counter(grant.status for grant in grants)
    told = {GrantStatus.GRANTED: 1, GrantStatus.REFUSED: 1, GrantStatus.ASKED: 2}
    assert asked == {status: n * len(annexes) for status, n in told.items()}
    assert all(grant.is_running == (grant.status == GrantStatus.GRANTED) for grant in grants)
    waiting = [grant for grant in grants if grant.status == GrantStatus.ASKED]
    assert {len(sharing.meant(session, grant)) for grant in waiting} == {1}, "the coordinator has a file to grant"
    assert len(matching.pairs(session)) == len(annexes) == count(session, PersonDecision)


def test_the_demo_shows_what_each_screen_is_for(played: Played) -> None:
    _, session = played
    midnight = dt.datetime.combine(today(), dt.time(), ATHENS)
    for unit in session.scalars(sa.select(Unit)):
        visits = session.scalars(sa.select(Visit).where(Visit.unit_id == unit.id)).all()
        assert sum(visit.at >= midnight for visit in visits) >= 4
        assert min(visit.at for visit in visits) > now() - dt.timedelta(days=63)
        assert max(visit.at for visit in visits) <= now()
        assert {visit.beneficiary_id is None for visit in visits} == {True, False}
        here = Referral.unit_id == unit.id
        assert len(set(session.scalars(sa.select(Referral.status).where(here)))) >= 8
        assert count(session, Application, Application.unit_id == unit.id, Application.missing_documents != ()) >= 2
        assert count(session, Application, Application.unit_id == unit.id, Application.renewal_on > today()) >= 2
        confided = sa.select(CaseNote.confidence).where(CaseNote.unit_id == unit.id)
        assert set(session.scalars(confided)) == set(Confidence)
        given = sa.select(Service.axis).join(ServiceDelivery.service).where(ServiceDelivery.unit_id == unit.id)
        assert set(session.scalars(given)) == set(Axis)
        planned = session.scalars(sa.select(Appointment.at).where(Appointment.unit_id == unit.id)).all()
        assert {at.astimezone(ATHENS).date() > today() for at in planned} == {True, False}


def test_people_of_the_demo_use_their_rights(played: Played) -> None:
    """A screen of its own for each; nothing of it is late, or the demo would seem to break the law."""
    _, session = played
    for unit in session.scalars(sa.select(Unit)):
        here = {model: session.scalars(sa.select(model).where(model.unit_id == unit.id)).all() for model in RIGHTS}
        given = {(consent.kind, consent.withdrawn_on is None) for consent in here[Consent]}
        assert given >= set(itertools.product((ConsentKind.PHOTO, ConsentKind.NEWSLETTER), (True, False)))
        waiting = [request for request in here[DataRequest] if request.answered_on is None]
        assert {request.outcome for request in here[DataRequest]} == {
            None,
            RequestOutcome.GRANTED,
            RequestOutcome.REFUSED,
        }
        soon = [request.due_on <= today() + dt.timedelta(days=5) for request in waiting]
        assert set(soon) == {True, False} and min(request.due_on for request in waiting) > today()
        assert {hold.until is None or hold.until >= today() for hold in here[LegalHold]} == {True, False}
        (restricted,) = [person for person in here[Beneficiary] if person.restricted_on]
        (asked,) = [request for request in here[DataRequest] if request.kind == RequestKind.RESTRICTION]
        assert (asked.beneficiary, asked.answered_on) == (restricted, restricted.restricted_on)
        assert restricted.closed_on is None and restricted.permit_expires_on is None


def test_people_of_the_demo_live_in_households_with_one_head(played: Played) -> None:
    _, session = played
    assert count(session, HouseholdMember) == count(session, Beneficiary)
    heads = count(session, HouseholdMember, HouseholdMember.relation == HouseholdRelation.HEAD)
    assert heads == count(session, Household)
    for home in session.scalars(sa.select(Household)):
        names = [member.beneficiary.first_name for member in home.members]
        assert len(set(names)) == len(names), "siblings of one name would look like a mistake"
        assert {member.beneficiary.address for member in home.members} == {home.address}


def test_the_demo_keeps_to_each_kind_of_unit(played: Played) -> None:
    _, session = played
    for unit in session.scalars(sa.select(Unit)):
        people = session.scalars(sa.select(Beneficiary).where(Beneficiary.unit_id == unit.id)).all()
        assert {person.ethnic_roma for person in people} == set(Answer), "never read off the unit's kind"
        permits = [person.permit_expires_on for person in people if person.permit_expires_on]
        assert bool(permits) == (unit.kind in FROM_ABROAD)
        if unit.kind in FROM_ABROAD:
            assert sum(today() <= day <= today() + dt.timedelta(days=60) for day in permits) >= 5
            assert min(permits) < today() and max(permits) > today() + dt.timedelta(days=60)
        if unit.kind == UnitKind.ROMA:
            assert {person.area for person in people} == {"Οικισμός Α", "Οικισμός Β"}


def test_first_pages_of_the_demo_show_permits_that_expire_soon(stage: tuple[str, Flask]) -> None:
    with inside(stage[1]):
        codes = db.session.scalars(sa.select(Unit.code).where(Unit.kind.in_(FROM_ABROAD))).all()
    assert codes
    for code, (role, part) in itertools.product(
        codes, {"caseworker": "my_permits", "mediator": "unit_permits"}.items()
    ):
        browser = Browser(stage[1].test_client())
        browser.post("/login", username=f"{role}.{code}", password=PASSWORD)
        sections = browser.get("/admin/").text.split("<section ")
        [shown] = [section for section in sections if str(PARTS[part].title) in section]  # type: ignore[attr-defined]
        days = [dt.datetime.strptime(day, "%d/%m/%Y").date() for day in re.findall(r"</span>([\d/]{10})<", shown)]
        assert len(days) > 1 and days == sorted(days), f"{role}.{code}"
        assert today() <= days[0] and days[-1] <= today() + dt.timedelta(days=60), f"{role}.{code}"


def test_the_demo_is_written_in_the_staffs_name_and_the_trail_is_whole(played: Played) -> None:
    _, session = played
    by = {kind: set(session.scalars(written(kind, AuditAction.CREATE))) for kind in ("beneficiary", "legal_hold")}
    assert by == {"beneficiary": {Role.CASEWORKER}, "legal_hold": {Role.COORDINATOR}}
    assert set(session.scalars(written("data_request", AuditAction.UPDATE))) == {Role.COORDINATOR}
    assert list(audit.verify(session.connection())) == []


def written(kind: str, action: AuditAction) -> sa.Select[Any]:
    """The roles of whoever did this to such rows."""
    return sa.select(AuditEntry.actor_role).where(AuditEntry.subject_type == kind, AuditEntry.action == action)


def test_a_password_is_made_up_and_printed_and_a_second_demo_changes_nothing(empty: Flask) -> None:
    said = run(empty, "seed", "samothrace", "--demo")
    password = re.search(r"Password of all: (\S+)", said)
    assert password
    with inside(empty):
        assert passwords.matches(password[1], db.session.scalar(sa.select(User.password_hash)))
        before = rows_of(db.session, (User, Beneficiary))
    assert "They were there before" in run(empty, "seed", "samothrace", "--demo", "--password", "μία άλλη, δεύτερη")
    with inside(empty):
        assert rows_of(db.session, (User, Beneficiary)) == before


def test_a_weak_password_is_refused_and_nothing_is_loaded(empty: Flask) -> None:
    assert "12 characters" in run(empty, "seed", "samothrace", "--demo", "--password", "κοντός", fails=True)
    with inside(empty):
        assert count(db.session, Municipality) == 0


def test_the_demo_needs_a_profile(session: Any) -> None:
    for load in (lambda: demo.load_demo(session, PASSWORD), lambda: volume.load_volume(session, 3)):
        with pytest.raises(NotSeeded, match="profile first"):
            load()


# --- production -------------------------------------------------------------------------------------------------------


def test_production_takes_a_profile_but_no_invented_people(empty: Flask) -> None:
    empty.config["KENTRO_MODE"] = "production"
    for more in (["--demo"], ["--volume", "5"], ["--demo", "--volume", "5"]):
        assert "not loaded in production" in run(empty, "seed", "drama", *more, fails=True)
    assert "not loaded in production" in run(empty, "demo", fails=True)
    with inside(empty):
        assert count(db.session, Municipality) == count(db.session, User) == 0
        with pytest.raises(RefusedInProduction):
            demo.load_demo(db.session, PASSWORD)
        with pytest.raises(RefusedInProduction):
            volume.load_volume(db.session, 5)
    run(empty, "seed", "drama")
    with inside(empty):
        assert count(db.session, Municipality) == 1


# --- volume -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crowded(bare: Path, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    app = app_over(bare, tmp_path_factory.mktemp("crowded"))
    run(app, "seed", "drama", "--volume", "2000")
    return app


@pytest.fixture
def crowd(crowded: Flask) -> Iterator[Any]:
    """A database with 2,000 people; what a test writes there is rolled back."""
    with rolled_back(crowded) as session:
        yield session


def test_a_crowd_is_spread_over_the_units_with_numbers_of_its_own(crowd: Any) -> None:
    per_unit = crowd.execute(sa.select(Unit.code, sa.func.count()).join(Beneficiary).group_by(Unit.code)).all()
    assert dict(per_unit) == {"main": 1000, "roma": 1000}
    numbers = set(crowd.scalars(sa.select(Beneficiary.registry_number)))
    assert numbers == {f"{unit}-{n:05d}" for unit in ("MAIN", "ROMA") for n in range(1, 1001)}
    assert crowd.scalar(sa.select(sa.func.count(sa.distinct(Beneficiary.amka)))) == 2000
    unit = crowd.scalars(sa.select(Unit).where(Unit.code == "main")).one()
    crowd.add_all(next_ones := [builders.beneficiary(unit), builders.household(unit)])
    crowd.flush()
    homes = count(crowd, Household, Household.unit_id == unit.id)
    assert [next_ones[0].registry_number, next_ones[1].code] == ["MAIN-01001", f"MAIN-Ν{homes:05d}"]


@pytest.mark.parametrize("model", [Beneficiary, Household])
def test_the_keys_of_a_crowd_are_those_that_the_model_derives(crowd: Any, model: Any) -> None:
    sample = crowd.scalars(sa.select(model).where(model.id % 7 == 0)).all()
    assert len(sample) > 90
    kept = [(row.search_key, row.sort_key) for row in sample]
    for row in sample:
        row.refresh_keys()
    assert [(row.search_key, row.sort_key) for row in sample] == kept


def test_a_crowd_obeys_the_rules_that_core_skips(crowd: Any) -> None:
    for person in crowd.scalars(sa.select(Beneficiary).where(Beneficiary.id % 11 == 0)):
        again = [identifiers.amka(person.amka), identifiers.afm(person.afm), identifiers.phone(person.mobile)]
        assert again == [person.amka, person.afm, person.mobile]
        assert identifiers.amka_warnings(person.amka, person.born_on, person.sex.value) == []
        assert person.born_on <= person.registered_on <= today()
        assert person.version == 1
    for referral in crowd.scalars(sa.select(Referral).options(sa.orm.selectinload(Referral.steps))):
        path = [ReferralStatus.DRAFT, *(step.status for step in referral.steps)]
        assert all(after in Referral.moves[before] for before, after in itertools.pairwise(path))
        assert path[-1] == referral.status
    assert count(crowd, Visit) > 2000
    assert count(crowd, Visit, Visit.at > now()) == 0


def test_a_crowd_is_one_entry_of_the_trail(empty: Flask) -> None:
    run(empty, "seed", "drama", "--volume", "300")
    with inside(empty):
        entries = db.session.scalars(sa.select(AuditEntry).where(AuditEntry.details.like("%seed volume%"))).all()
        assert [audit.details_of(entry)["people"] for entry in entries] == [300]
        assert count(db.session, AuditEntry, AuditEntry.subject_type == "beneficiary") == 0
    assert "chain whole" in run(empty, "audit", "verify")


def test_the_same_database_gets_the_same_crowd_and_then_another(session: Any) -> None:
    reference.load_profile(session, "xanthi")
    people = sa.select(Beneficiary.registry_number, Beneficiary.amka, Beneficiary.sort_key).order_by(Beneficiary.id)
    savepoint = session.begin_nested()
    volume.load_volume(session, 150)
    first = session.execute(people).all()
    savepoint.rollback()
    volume.load_volume(session, 150)
    assert session.execute(people).all() == first
    volume.load_volume(session, 50)
    assert len(set(session.scalars(sa.select(Beneficiary.amka)))) == 200


# --- the trail --------------------------------------------------------------------------------------------------------


def tamper(app: Flask, *statements: str) -> None:
    """Change the file behind the application's back."""
    with closing(sqlite3.connect(file_of(app))) as connection, connection:
        for statement in statements:
            connection.execute(statement)


WHOLE = r"^(\d+) entries, chain whole; head (\1:[0-9a-f]{64}) – note it"


@pytest.mark.parametrize(
    ("guard", "statement", "finding"),
    [
        ("update", "UPDATE audit_entry SET subject_label = 'άλλο' WHERE seq = 3", "entry 3: its content was changed"),
        ("delete", "DELETE FROM audit_entry WHERE seq = 4", "entry 4: missing"),
        ("delete", "DELETE FROM audit_entry WHERE seq > 5", "the end of the trail was cut"),
    ],
)
def test_verify_finds_what_was_changed_behind_its_back(empty: Flask, guard: str, statement: str, finding: str) -> None:
    run(empty, "seed", "xanthi")
    assert re.search(WHOLE, run(empty, "audit", "verify"), re.MULTILINE)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        tamper(empty, statement)
    tamper(empty, f"DROP TRIGGER audit_entry_no_{guard}", statement)
    assert finding in run(empty, "audit", "verify", fails=True)


def anchor_of(app: Flask) -> str:
    """The head as `audit verify` prints it."""
    found = re.search(WHOLE, run(app, "audit", "verify"), re.MULTILINE)
    assert found
    return found[2]


def chain_anew(app: Flask, seq: int, label: str) -> None:
    """Do what somebody with the whole file in hand could: change an entry, all hashes after it, and leave no trace."""
    with inside(app):
        entries = sa.select(AuditEntry.__table__).order_by(AuditEntry.seq)
        rows = [dict(row) for row in db.session.connection().execute(entries).mappings()]
    chain, changed = audit.GENESIS, []
    for row in rows:
        row["subject_label"] = label if row["seq"] == seq else row["subject_label"]
        row["digest"] = audit.digest(row)
        chain = audit.link(chain, row["digest"])
        changed.append((row["subject_label"], row["digest"], chain, row["seq"]))
    with closing(sqlite3.connect(file_of(app))) as connection, connection:
        triggers = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'audit_%'"
        guards = connection.execute(triggers).fetchall()
        assert guards
        for name, _ in guards:
            connection.execute(f"DROP TRIGGER {name}")
        connection.executemany("UPDATE audit_entry SET subject_label = ?, digest = ?, chain = ? WHERE seq = ?", changed)
        connection.execute("UPDATE audit_head SET chain = ?", (chain,))
        for _, statement in guards:
            connection.execute(statement)


def test_a_chain_made_anew_is_whole_by_itself_and_found_by_an_anchor(empty: Flask) -> None:
    run(empty, "seed", "xanthi")
    with inside(empty):
        second = db.session.scalar(sa.select(AuditEntry.chain).where(AuditEntry.seq == 2))
    anchor = anchor_of(empty)
    assert re.search(WHOLE, run(empty, "audit", "verify", "--anchor", anchor.upper()), re.MULTILINE)
    chain_anew(empty, 3, "άλλο")
    assert re.search(WHOLE, run(empty, "audit", "verify"), re.MULTILINE)
    number = anchor.partition(":")[0]
    told = f"entry {number}: it or one before it is not what it was when it was noted"
    assert told in run(empty, "audit", "verify", "--anchor", anchor, fails=True)
    assert re.search(WHOLE, run(empty, "audit", "verify", "--anchor", f"2:{second}"), re.MULTILINE), "before the change"
    beyond = f"999999:{'a' * 64}"
    assert "entry 999999: it or one before it" in run(empty, "audit", "verify", "--anchor", beyond, fails=True)


def test_an_anchor_that_is_none_is_refused(empty: Flask) -> None:
    digits = "a" * 64
    for said in ("", "7", f"7{digits}", f"seven:{digits}", f"-7:{digits}", f"7:{digits}0", "7:xyz", f"7:{digits}:7"):
        assert "N:HASH is an entry's number" in run(empty, "audit", "verify", "--anchor", said, fails=True), said


# --- backup and restore -----------------------------------------------------------------------------------------------


def test_a_backup_restores_what_was_there(empty: Flask, tmp_path: Path) -> None:
    file = tmp_path / "kept" / "backup.sqlite"
    file.parent.mkdir()
    run(empty, "seed", "xanthi", "--volume", "40")
    with inside(empty):
        before = rows_of(db.session, (Municipality, Beneficiary, Visit))
    said = run(empty, "backup", str(file))
    assert re.search("SHA-256: [0-9a-f]{64}", said)
    assert [path.name for path in file.parent.iterdir()] == ["backup.sqlite"], "nothing half-made is left beside it"
    assert file.stat().st_mode & 0o077 == 0, "people's records are in it"

    run(empty, "seed", "xanthi", "--volume", "40")
    assert "say --yes" in run(empty, "restore", str(file), fails=True)
    with inside(empty):
        assert count(db.session, Beneficiary) == 80
    run(empty, "restore", str(file), "--yes")
    with inside(empty):
        assert rows_of(db.session, (Municipality, Beneficiary, Visit)) == before
        last = db.session.scalars(sa.select(AuditEntry).order_by(AuditEntry.seq.desc()).limit(1)).one()
        assert audit.details_of(last)["task"] == "restore"
    assert "chain whole" in run(empty, "audit", "verify")


def test_a_backup_restores_into_an_empty_house_without_asking(empty: Flask, bare: Path, tmp_path: Path) -> None:
    run(empty, "seed", "xanthi")
    run(empty, "backup", str(tmp_path / "backup"))
    other = app_over(bare, tmp_path)
    run(other, "restore", str(tmp_path / "backup"))
    with inside(other):
        assert db.session.scalar(sa.select(Municipality.code)) == "xanthi"
        db.session.close()
        db.engine.dispose()


@pytest.mark.parametrize("damage", ["no database", "half a database", "another database"])
def test_what_is_no_sound_backup_is_refused_and_changes_nothing(empty: Flask, tmp_path: Path, damage: str) -> None:
    run(empty, "seed", "xanthi")
    file = tmp_path / "backup"
    run(empty, "backup", str(file))
    if damage == "no database":
        file.write_text("Αυτό δεν είναι βάση δεδομένων. " * 100)
    elif damage == "half a database":
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    else:
        file.unlink()
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("CREATE TABLE audit_entry (seq)")
    before = file_of(empty).read_bytes()
    assert "backup" in run(empty, "restore", str(file), "--yes", fails=True)
    assert file_of(empty).read_bytes() == before


def test_a_damaged_database_is_replaced_when_told_so(
    empty: Flask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(empty, "seed", "xanthi")
    run(empty, "backup", str(tmp_path / "backup"))
    with inside(empty):
        db.engine.dispose()
    file_of(empty).write_text("Εδώ ήταν μια βάση δεδομένων. " * 100)
    assert "say --yes" in run(empty, "restore", str(tmp_path / "backup"), fails=True)
    run(empty, "restore", str(tmp_path / "backup"), "--yes")
    assert "The database that is replaced is damaged." in caplog.messages
    with inside(empty):
        assert db.session.scalar(sa.select(Municipality.code)) == "xanthi"


def test_a_database_in_use_is_not_replaced(empty: Flask, tmp_path: Path) -> None:
    run(empty, "seed", "xanthi")
    run(empty, "backup", str(tmp_path / "backup"))
    with closing(sqlite3.connect(file_of(empty))) as other:
        other.execute("SELECT count(*) FROM unit").fetchone()
        assert "stop the application first" in run(empty, "restore", str(tmp_path / "backup"), "--yes", fails=True)
    run(empty, "restore", str(tmp_path / "backup"), "--yes")


@pytest.fixture
def on_postgres(postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """An application over an empty PostgreSQL database; the client programs are those of the server's own version."""
    with psycopg.connect(postgres, autocommit=True) as server:
        (programs,) = server.execute("SELECT setting FROM pg_config WHERE name = 'BINDIR'").fetchone() or ("",)
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
        server.execute(f"CREATE DATABASE seeds OWNER {OWNER}")
        app = make_app(postgres.replace("/postgres?", "/seeds?"))
        with inside(app):
            flask_migrate.upgrade()
        yield app
        with inside(app):
            db.engine.dispose()
        server.execute("DROP DATABASE seeds WITH (FORCE)")


def test_postgres_is_seeded_backed_up_and_restored(
    on_postgres: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(on_postgres, "seed", "xanthi", "--demo", "--volume", "60", "--password", PASSWORD)
    with inside(on_postgres):
        before = rows_of(db.session, (Municipality, Beneficiary, Referral, Visit))
    run(on_postgres, "backup", str(tmp_path / "backup"))
    run(on_postgres, "seed", "xanthi", "--volume", "60")
    assert "say --yes" in run(on_postgres, "restore", str(tmp_path / "backup"), fails=True)
    run(on_postgres, "restore", str(tmp_path / "backup"), "--yes")
    with inside(on_postgres):
        assert rows_of(db.session, (Municipality, Beneficiary, Referral, Visit)) == before
    assert "chain whole" in run(on_postgres, "audit", "verify")
    (tmp_path / "text").write_text("Αυτό δεν είναι αντίγραφο.")
    assert "pg_restore failed" in run(on_postgres, "restore", str(tmp_path / "text"), "--yes", fails=True)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "pg_dump is missing" in run(on_postgres, "backup", str(tmp_path / "second"), fails=True)
    assert not (tmp_path / "second").exists()


def test_what_others_write_meanwhile_is_no_cut_trail(on_postgres: Flask) -> None:
    run(on_postgres, "seed", "xanthi")
    asked = []

    def write_meanwhile(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if "FROM audit_entry" in statement and "ORDER BY" in statement and not asked:
            asked.append(statement)
            with ThreadPoolExecutor(1) as somebody_else:
                somebody_else.submit(run, on_postgres, "seed", "xanthi").result()

    with inside(on_postgres):
        sa.event.listen(db.engine, "after_cursor_execute", write_meanwhile)
    before = int(anchor_of(on_postgres).partition(":")[0])
    assert asked
    assert int(anchor_of(on_postgres).partition(":")[0]) == before + 2, "the seed's entry and the verification's own"


# --- administrators, serving ------------------------------------------------------------------------------------------


def test_the_first_administrator_is_made_with_a_password_of_their_own(empty: Flask) -> None:
    create = ("admin", "create", "boss", "--name", "Διαχειριστής Δοκιμών", "--password-stdin")
    assert "12 characters" in run(empty, *create, input="κοντός\n", fails=True)
    run(empty, *create, input=f"{PASSWORD}\n")
    assert "already" in run(empty, *create, input=f"{PASSWORD}\n", fails=True)
    with inside(empty):
        user = db.session.scalars(sa.select(User)).one()
        assert (user.username, user.full_name, user.role) == ("boss", "Διαχειριστής Δοκιμών", Role.ADMINISTRATOR)
        assert passwords.matches(PASSWORD, user.password_hash)


def test_a_typed_password_is_asked_for_twice(empty: Flask) -> None:
    typed = f"{PASSWORD}\nάλλος κωδικός 2\n{PASSWORD}\n{PASSWORD}\n"
    said = run(empty, "admin", "create", "boss", "--name", "Διαχειριστής Δοκιμών", input=typed)
    assert "do not match" in said
    assert PASSWORD not in said


def test_the_demo_keeps_its_password_for_the_next_run(empty: Flask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        empty.config |= {"HOST": "127.0.0.1", "PORT": taken.getsockname()[1]}
        first, second = (run(empty, "demo", fails=True) for _ in range(2))
    assert "Address already in use" in first
    password = re.search(r"Password of all: (\S+)", first)
    assert password
    assert f"Password of all: {password[1]}\n" in second
    assert "supervisor\n" in second
    kept = Path(empty.instance_path) / "demo_password"
    assert kept.stat().st_mode & 0o077 == 0
    with inside(empty):
        assert passwords.matches(password[1], db.session.scalar(sa.select(User.password_hash)))
        assert db.session.scalar(sa.select(Municipality.code)) == "drama"


def test_serve_answers_at_the_address_it_prints(empty: Flask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = os.environ | {"DATABASE_URL": f"sqlite:///{file_of(empty)}", "HOST": "127.0.0.1", "PORT": str(port)}
    command = [sys.executable, "-m", "flask", "--app", "app", "serve"]
    with subprocess.Popen(command, cwd=config.ROOT, env=environment, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            assert server.stdout.readline() == f"Kentro: http://127.0.0.1:{port}/\n"
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=20) as answer:
                assert answer.status == 200
                assert "Server" not in answer.headers
        finally:
            server.terminate()


def test_a_database_without_tables_is_told_plainly(tmp_path: Path) -> None:
    app = make_app(f"sqlite:///{tmp_path / 'nothing.sqlite'}")
    assert "db upgrade" in run(app, "seed", "drama", fails=True)
    with app.app_context():
        db.engine.dispose()
