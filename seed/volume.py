"""Many invented people, quickly, for measurement and for trying out screens: written by SQLAlchemy Core, in chunks.

Core skips the rules of models.py, so this module fills by itself what they would: numbers, search keys and versions.
The trail gets one entry for all of it.
"""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

import audit
import search
from db import Base, fields
from models import (
    HOUSEHOLD_MARK,
    Beneficiary,
    Household,
    HouseholdMember,
    Membership,
    Partner,
    Referral,
    ReferralStep,
    Service,
    ServiceDelivery,
    Unit,
    User,
    Visit,
    now,
    today,
)
from seed import NotSeeded, builders, refuse_in_production
from seed.scenes import REQUESTS
from seed.stage import ATHENS
from vocabulary import (
    Answer,
    AuditAction,
    Channel,
    Education,
    EmploymentStatus,
    HouseholdRelation,
    HouseholdType,
    Housing,
    LegalStatus,
    ReferralStatus,
    Role,
    Sex,
    UnitKind,
)

FAMILIES_AT_ONCE = 700  # about 2,000 people, so that memory stays small
FAMILY_SIZES = (2, 4, 1, 3, 5, 1, 4, 2)
FIRST_BIRTH, BIRTH_DAYS = dt.date(1930, 1, 1), 34_000  # under a century: an ΑΜΚΑ writes two digits of the year
GENERATION = dt.timedelta(days=18 * 365)

Row = dict[str, Any]


@dataclass
class Place:
    """A unit, and what its rows refer to."""

    unit: Unit
    staff_id: int
    service_ids: list[int]
    partner_ids: list[int]

    def number(self, n: int, mark: str = "") -> str:
        """A registry number, or with its mark a household's code, as models.py writes them."""
        return f"{self.unit.code.upper()}-{mark}{n:05d}"


def load_volume(session: orm.Session, n: int) -> None:
    """Invent n people, spread evenly over the units, with households, visits, services and referrals.

    The same database gets the same people; called again, it adds others.

    Raises:
        RefusedInProduction: KENTRO_MODE is production.
        NotSeeded: no profile is loaded yet.
    """
    refuse_in_production()
    units = session.scalars(sa.select(Unit).order_by(Unit.id)).all()
    if not units:
        raise NotSeeded("Load a profile first: without units there is nobody to serve.")
    for rank, unit in enumerate(units):
        _fill(session, unit, n // len(units) + (rank < n % len(units)))
    audit.note(session, AuditAction.SYSTEM, task="seed volume", people=n)


def _fill(session: orm.Session, unit: Unit, people: int) -> None:
    services = session.scalars(sa.select(Service.id).where(Service.is_offered).order_by(Service.id))
    partners = session.scalars(sa.select(Partner.id).order_by(Partner.id))
    place = Place(unit, _staff(session, unit), list(services), list(partners))
    sizes = list(_sizes(people))
    person, household = _draw(session, unit, len(sizes), people)
    for at in range(0, len(sizes), FAMILIES_AT_ONCE):
        part = sizes[at : at + FAMILIES_AT_ONCE]
        _write(session.connection(), place, part, person, household)
        person, household = person + sum(part), household + len(part)


def _staff(session: orm.Session, unit: Unit) -> int:
    """One of the unit's caseworkers, or an account that nobody can sign in to."""
    here = sa.select(Membership.user_id).where(Membership.unit_id == unit.id)
    found = session.scalar(sa.select(User.id).where(User.role == Role.CASEWORKER, User.id.in_(here)).order_by(User.id))
    if found is None:
        user = builders.user(Role.CASEWORKER, [unit], username=f"volume.{unit.code}", is_active=False)
        session.add(user)
        session.flush()
        found = user.id
    return found


def _sizes(people: int) -> Iterator[int]:
    for size in itertools.cycle(FAMILY_SIZES):
        if people <= 0:
            return
        yield min(size, people)
        people -= size


def _draw(session: orm.Session, unit: Unit, households: int, people: int) -> tuple[int, int]:
    """Take all numbers at one stroke, and tell the first registry number and the first household number."""
    persons, homes = Unit.last_registry_number, Unit.last_household_number
    drawn = session.execute(
        sa.update(Unit)
        .where(Unit.id == unit.id)
        .values({persons: persons + people, homes: homes + households})
        .returning(persons, homes),
        execution_options={"synchronize_session": False},
    ).one()
    return drawn[0] - people + 1, drawn[1] - households + 1


def _write(connection: sa.Connection, place: Place, sizes: list[int], person: int, household: int) -> None:
    """Write some families, beginning with these numbers."""
    chance = random.Random(f"{place.unit.code} {person}")
    families = list(_families(chance, place, sizes, person))
    homes = [_home(place, family, household + rank) for rank, family in enumerate(families)]
    people = [row for family in families for row in family]
    _insert(connection, Beneficiary, people)
    _insert(connection, Household, homes)
    for row, key in zip(people, _newest(connection, Beneficiary, place.unit, len(people)), strict=True):
        row["id"] = key
    home_ids = _newest(connection, Household, place.unit, len(homes))
    members = [row for family, home in zip(families, home_ids, strict=True) for row in _members(family, home)]
    visits = [row for row_of in people for row in _visits(chance, place, row_of)]
    deliveries = [row for row_of in people for row in _deliveries(chance, place, row_of)]
    for model, rows in ((HouseholdMember, members), (Visit, visits), (ServiceDelivery, deliveries)):
        _insert(connection, model, rows)
    _refer(connection, chance, place, people)


def _insert(connection: sa.Connection, model: type[Base], rows: list[Row]) -> None:
    """Insert the rows, first versions all. Asking for their numbers here would make SQLite insert them one by one."""
    # What was never said is sealed like an answer; only left-out columns would show that there is none.
    same = {name: None for name, field in fields(model).items() if field.is_sealed and not field.default}
    if rows:
        connection.execute(sa.insert(model.__table__), [{"version": 1} | same | row for row in rows])  # type: ignore[arg-type]


def _newest(connection: sa.Connection, model: Any, unit: Unit, count: int) -> list[int]:
    """Numbers of the unit's newest rows, in order. `_draw` locked the unit's counters: nobody added others since."""
    found = sa.select(model.id).where(model.unit_id == unit.id).order_by(model.id.desc()).limit(count)
    return sorted(connection.execute(found).scalars())


# --- people -----------------------------------------------------------------------------------------------------------


def _families(chance: random.Random, place: Place, sizes: list[int], person: int) -> Iterator[list[Row]]:
    """People under one surname and roof, the oldest first."""
    for size in sizes:
        shared = _surname(chance, place) | _roof(chance)
        family = [_person(chance, place, shared, person + rank) for rank in range(size)]
        yield sorted(family, key=lambda row: row["born_on"])  # type: ignore[no-any-return]
        person += size


def _surname(chance: random.Random, place: Place) -> Row:
    """The family's name in both forms, often a double one so that not too many share it, first names and country."""
    if place.unit.kind == UnitKind.KEM:
        origin = chance.choice(builders.NAMES["migrants"])
        return origin | {"father_names": origin["male_names"]}  # type: ignore[no-any-return]
    one, other = chance.sample(builders.NAMES["surnames"], 2)
    pair = one if chance.random() < 0.3 else [f"{a}-{b}" for a, b in zip(one, other, strict=True)]
    pools = {name: builders.NAMES[name] for name in ("male_names", "female_names", "father_names")}
    return {"surname": pair, "country": "GR"} | pools


def _roof(chance: random.Random) -> Row:
    n = chance.randrange(10_000)
    housing = chance.choice((Housing.RENT, Housing.RENT, Housing.OWN, Housing.FREE, Housing.PREFAB, Housing.UNFIT))
    return {"address": builders.address(n), "area": builders.area(n), "housing": housing}


def _person(chance: random.Random, place: Place, shared: Row, n: int) -> Row:
    sex = chance.choice((Sex.M, Sex.F))
    # Numbers of different units interleave, and 7919 is prime to BIRTH_DAYS: no two people share birth date and serial.
    known = n * 8 + place.unit.id % 8
    born_on = FIRST_BIRTH + dt.timedelta(days=known * 7919 % BIRTH_DAYS)
    is_greek = shared["country"] == "GR"
    row = {
        "unit_id": place.unit.id,
        "registry_number": place.number(n),
        "last_name": shared["surname"][sex == Sex.F],
        "first_name": chance.choice(shared["female_names" if sex == Sex.F else "male_names"]),
        "father_name": chance.choice(shared["father_names"]),
        "sex": sex,
        "born_on": born_on,
        "amka": builders.amka(born_on, sex, 250 + known // BIRTH_DAYS),
        "afm": builders.afm(known % 999_999 + 1),
        "paaypa": None,
        "id_document": None,
        "phone": None,
        "mobile": builders.phone(known),
        "nationality": shared["country"],
        "legal_status": LegalStatus.GR if is_greek else chance.choice((LegalStatus.WORK, LegalStatus.LONG)),
        "permit_expires_on": None if is_greek else today() + dt.timedelta(days=chance.randrange(-60, 1500)),
        "education": chance.choice(tuple(Education)),
        "employment_status": chance.choice(tuple(EmploymentStatus)),
        "ethnic_roma": chance.choice(tuple(Answer)),
        "registered_on": max(born_on, today() - dt.timedelta(days=chance.randrange(1500))),
    } | {name: shared[name] for name in ("address", "area", "housing")}
    return row | _keys(Beneficiary, row, f"{row['last_name']} {row['first_name']}")


def _keys(model: type[Base], row: Row, shown: str) -> Row:
    """Both keys, as Searchable derives them."""
    parts = (row[name] for name, field in fields(model).items() if field.search)
    return {"search_key": search.key(*parts), "sort_key": search.fold(shown)[:200]}


def _home(place: Place, family: list[Row], n: int) -> Row:
    head = family[0]
    row = {"unit_id": place.unit.id, "code": place.number(n, HOUSEHOLD_MARK), "name": head["last_name"]}
    row |= {name: head[name] for name in ("address", "area", "housing")}
    row["household_type"] = HouseholdType.MULTI if len(family) > 1 else HouseholdType.ONE
    return row | _keys(Household, row, f"{row['name']} ({row['code']})")


def _members(family: list[Row], household_id: int) -> Iterator[Row]:
    head = family[0]
    for row in family:
        is_child = row["born_on"] >= head["born_on"] + GENERATION
        relation = HouseholdRelation.CHILD if is_child else HouseholdRelation.SIBLING
        relation = HouseholdRelation.HEAD if row is head else relation
        yield _about(row) | {"household_id": household_id, "relation": relation}


# --- what happens to them ---------------------------------------------------------------------------------------------


def _about(person: Row) -> Row:
    return {"unit_id": person["unit_id"], "beneficiary_id": person["id"]}


def _day(chance: random.Random, person: Row) -> dt.date:
    """Some day since the person was registered."""
    since: dt.date = person["registered_on"]
    return since + dt.timedelta(days=chance.randrange((today() - since).days + 1))


def _visits(chance: random.Random, place: Place, person: Row) -> Iterator[Row]:
    """Up to four visits; one in twenty is nameless."""
    for _ in range(chance.randrange(5)):
        hour = dt.time(chance.randrange(8, 15), chance.randrange(60))
        at = min(dt.datetime.combine(_day(chance, person), hour, ATHENS), now())
        request, action = chance.choice(REQUESTS)
        said = {"at": at, "channel": chance.choice(tuple(Channel)), "request": request, "action": action}
        key = person["id"] if chance.random() < 0.95 else None
        yield {"unit_id": place.unit.id, "beneficiary_id": key, "staff_id": place.staff_id} | said


def _deliveries(chance: random.Random, place: Place, person: Row) -> Iterator[Row]:
    """Up to three services."""
    for _ in range(chance.randrange(4)):
        said = {"service_id": chance.choice(place.service_ids), "on": _day(chance, person), "minutes": 30}
        yield _about(person) | {"staff_id": place.staff_id} | said


def _refer(connection: sa.Connection, chance: random.Random, place: Place, people: list[Row]) -> None:
    """Three people in ten are referred once, each somewhere along the states that the rules allow."""
    steps = {person["id"]: list(_steps(chance, person)) for person in people if chance.random() < 0.3}
    _insert(connection, Referral, [_referral(chance, place, key, path) for key, path in steps.items()])
    here = Referral.unit_id == place.unit.id
    ids = Referral.beneficiary_id.between(people[0]["id"], people[-1]["id"])
    made = connection.execute(sa.select(Referral.id, Referral.beneficiary_id).where(here, ids)).all()
    said = {"unit_id": place.unit.id, "by_id": place.staff_id}
    rows = [said | {"referral_id": key, "status": status, "on": on} for key, who in made for status, on in steps[who]]
    _insert(connection, ReferralStep, rows)


def _steps(chance: random.Random, person: Row) -> Iterator[tuple[ReferralStatus, dt.date]]:
    status, on = ReferralStatus.DRAFT, _day(chance, person)
    while chance.random() < 0.8 and (onward := Referral.moves.get(status)):
        status, on = chance.choice(onward), min(on + dt.timedelta(days=chance.randrange(10)), today())
        yield status, on


def _referral(chance: random.Random, place: Place, person_id: int, steps: list[tuple[ReferralStatus, dt.date]]) -> Row:
    sent_on = next((on for status, on in steps if status == ReferralStatus.SENT), None)
    return {
        "unit_id": place.unit.id,
        "beneficiary_id": person_id,
        "staff_id": place.staff_id,
        "to_partner_id": chance.choice(place.partner_ids),
        "reason": "Έκδοση βεβαίωσης",
        "status": steps[-1][0] if steps else ReferralStatus.DRAFT,
        "sent_on": sent_on,
        "due_on": sent_on and sent_on + dt.timedelta(days=chance.randrange(5, 60)),
    }
