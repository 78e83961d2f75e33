"""The wall below the views: what a session shows, and what it takes, whoever wrote the query."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy import orm

import policy
from db import BadValue, db
from models import (
    Application,
    AuditEntry,
    Beneficiary,
    CaseNote,
    Distribution,
    Household,
    HouseholdMember,
    Item,
    Membership,
    Referral,
    Service,
    ServiceDelivery,
    Unit,
    User,
    Visit,
    today,
)
from seed import builders
from tests.answers import add
from tests.walls import (
    NEVER,
    SCOPED,
    assert_untouched,
    both_ways,
    refusals,
    session_of,
    state_of,
    system_session,
)
from tests.world import CANARY, World, by_hand
from vocabulary import Confidence, HouseholdRelation, Role

TABLES = [model.__tablename__ for model in SCOPED]


# --- the wall itself --------------------------------------------------------------------------------------------------


def reads(session: orm.Session, foreign: int) -> dict[str, Callable[[], list[Any]]]:
    """Ways to ask a session for people; each gives the numbers that it found."""
    other, mate = orm.aliased(Beneficiary), orm.aliased(Beneficiary)
    inside = sa.select(Beneficiary.id).subquery()
    cte = sa.select(Beneficiary.id).cte()
    union = sa.union_all(sa.select(Beneficiary.id), sa.select(other.id)).subquery()
    numbered = sa.select(sa.func.max(Beneficiary.id)).scalar_subquery()
    return {
        "get": lambda: [row.id for row in [session.get(Beneficiary, foreign)] if row],
        "get for update": lambda: [r.id for r in [session.get(Beneficiary, foreign, with_for_update=True)] if r],
        "select": lambda: list(session.scalars(sa.select(Beneficiary.id))),
        "entity": lambda: [row.id for row in session.scalars(sa.select(Beneficiary))],
        "legacy query": lambda: [row.id for row in session.query(Beneficiary)],
        "legacy get": lambda: [r.id for r in session.query(Beneficiary).filter_by(id=foreign)],
        "aliased": lambda: list(session.scalars(sa.select(other.id))),
        "self join": lambda: list(session.scalars(sa.select(mate.id).join(other, other.id != mate.id))),
        "join": lambda: list(session.scalars(sa.select(Visit.beneficiary_id).join(Visit.beneficiary))),
        "child rows": lambda: list(session.scalars(sa.select(Visit.beneficiary_id))),
        "subquery": lambda: list(session.scalars(sa.select(inside.c.id))),
        "cte": lambda: list(session.scalars(sa.select(cte.c.id))),
        "union": lambda: list(session.scalars(sa.select(union.c.id))),
        "from union": lambda: list(session.scalars(sa.union(sa.select(Beneficiary.id), sa.select(other.id)))),
        "scalar subquery": lambda: list(session.scalars(sa.select(numbered))),
        "max": lambda: list(session.scalars(sa.select(sa.func.max(Beneficiary.id)))),
        "in subquery": lambda: list(
            session.scalars(
                sa.select(Service.id * 0 + foreign).where(sa.literal(foreign).in_(sa.select(Beneficiary.id)))
            )
        ),
        "exists from a shared row": lambda: list(
            session.scalars(sa.select(Service.id * 0 + foreign).where(sa.exists().where(Beneficiary.id == foreign)))
        ),
        "has": lambda: list(
            session.scalars(sa.select(Visit.beneficiary_id).where(Visit.beneficiary.has(Beneficiary.id == foreign)))
        ),
        "any": lambda: [
            m.beneficiary_id
            for h in session.scalars(sa.select(Household).where(Household.members.any(beneficiary_id=foreign)))
            for m in h.members
        ],
        "joined": lambda: [
            m.beneficiary.id
            for m in session.scalars(sa.select(HouseholdMember).options(orm.joinedload(HouseholdMember.beneficiary)))
        ],
        "selectin": lambda: [
            m.beneficiary_id
            for h in session.scalars(sa.select(Household).options(orm.selectinload(Household.members)))
            for m in h.members
        ],
        "subqueryload": lambda: [
            m.beneficiary_id
            for h in session.scalars(sa.select(Household).options(orm.subqueryload(Household.members)))
            for m in h.members
        ],
        "lazy": lambda: [m.beneficiary.id for h in session.scalars(sa.select(Household)) for m in h.members],
        "outer join": lambda: [
            key
            for key in session.scalars(sa.select(Beneficiary.id).select_from(Unit).outerjoin(Beneficiary, sa.true()))
            if key
        ],
        "lateral": lambda: list(session.scalars(sa.select(sa.select(Beneficiary.id).subquery().c.id))),
        "yield_per": lambda: [r.id for r in session.scalars(sa.select(Beneficiary).execution_options(yield_per=1))],
        "distinct": lambda: list(session.scalars(sa.select(Beneficiary.id).distinct())),
        "window": lambda: [r[0] for r in session.execute(sa.select(Beneficiary.id, sa.func.row_number().over()))],
    }


def assert_only_own(session: orm.Session, own: int, foreign: int) -> None:
    """No way to ask shows the foreign row, and most show one's own: or else nothing would be proved."""
    found_own = 0
    for way, ask in reads(session, foreign).items():
        if way in ("subqueryload", "yield_per"):
            session.expunge_all()
        found = ask()
        assert foreign not in found, way
        found_own += own in found
    assert found_own > 18


@both_ways
def test_session_shows_no_foreign_row(calm_world: World, here: str, there: str) -> None:
    world = calm_world
    own, foreign = (world.rows[code]["beneficiary"] for code in (here, there))
    with session_of(world, f"caseworker.{here}") as session:
        assert_only_own(session, own, foreign)
    with session_of(world, "coordinator") as session:
        assert all(
            foreign in ask() for way, ask in reads(session, foreign).items() if way not in ("scalar subquery", "max")
        )


def test_a_joined_membership_at_rest_is_not_seen(world: World) -> None:
    """The household is in sight by its other member; who joins its memberships reads that one's alone."""
    unit, key = Unit(id=world.rows["main"]["unit"]), world.rows["main"]["household"]
    other = add(world, builders.beneficiary(unit))
    place = builders.member(world.one(Household, key), world.one(Beneficiary, other), HouseholdRelation.SPOUSE)
    homes = sa.select(Household).options(orm.joinedload(Household.members))
    add(world, place)
    with session_of(world, "reception.main") as session:
        assert [len(home.members) for home in session.scalars(homes).unique()] == [2]
    with system_session(world) as session:
        session.get_one(Beneficiary, world.rows["main"]["beneficiary"]).restricted_on = today()
    with session_of(world, "reception.main") as session:
        assert [[m.beneficiary_id for m in home.members] for home in session.scalars(homes).unique()] == [[other]]


def test_a_link_past_the_wall_joins_nobody(world: World) -> None:
    """One's own row that leads to a foreign person, as only a hand in the database could tie it."""
    own, foreign = world.rows["main"], world.rows["roma"]["beneficiary"]
    with world.app.app_context(), by_hand().begin() as connection:
        connection.execute(sa.text("UPDATE visit SET beneficiary_id = :foreign"), {"foreign": foreign})
    visits = sa.select(Visit).options(orm.joinedload(Visit.beneficiary))
    with session_of(world, "reception.main") as session:
        assert [(visit.id, visit.beneficiary) for visit in session.scalars(visits)] == [(own["visit"], None)]
    with session_of(world, "coordinator") as session:
        assert {visit.beneficiary.id for visit in session.scalars(visits)} == {foreign}


def test_session_counts_no_foreign_row(calm_world: World) -> None:
    with session_of(calm_world, "caseworker.main") as session:
        for model in SCOPED:
            other = orm.aliased(model)
            for count in (
                sa.select(sa.func.count()).select_from(model),
                sa.select(sa.func.count(model.id)),  # type: ignore[attr-defined]
                sa.select(sa.func.count()).select_from(other),
                sa.select(sa.func.count()).select_from(sa.select(model).subquery()),
                sa.select(sa.func.sum(1)).select_from(model),
            ):
                assert session.scalar(count) == 1, (model, str(count))
            assert session.query(model).count() == 1
            assert session.query(sa.func.count(model.id)).scalar() == 1  # type: ignore[attr-defined]


def test_session_refuses_what_it_cannot_narrow(calm_world: World) -> None:
    """Core statements, SQL text and bulk writes never reach the database."""
    people = Beneficiary.__table__
    statements = {
        "core": sa.select(people),
        "core column": sa.select(people.c.last_name),
        "core join": sa.select(people.c.id).join_from(Unit.__table__, people),
        "core subquery": sa.select(sa.select(people.c.id).subquery().c.id),
        "core union": sa.union(sa.select(people.c.id), sa.select(Visit.__table__.c.id)),
        "core exists": sa.select(Unit.__table__.c.id).where(sa.exists(sa.select(people.c.id))),
        "exists without a row": sa.select(sa.literal(1)).where(sa.exists().where(Beneficiary.id == 1)),
        **{model.__tablename__: sa.select(model.__table__) for model in policy.OWN_RULES},  # type: ignore[dict-item]
        "text": sa.text("SELECT last_name FROM beneficiary"),
        "text columns": sa.text("SELECT id FROM beneficiary").columns(sa.column("id")),
        "from_statement": sa.select(Beneficiary).from_statement(sa.text("SELECT * FROM beneficiary")),
        "from core": sa.select(Beneficiary).from_statement(sa.select(people)),
        "update": sa.update(Beneficiary).values(remarks="x"),
        "update one": sa.update(Beneficiary).where(Beneficiary.last_name == CANARY["main"]).values(unit_id=2),
        "core update": sa.update(people).values(remarks="x"),
        "delete": sa.delete(Visit),
        "core delete": sa.delete(Visit.__table__),
        "insert": sa.insert(Visit).values(unit_id=2, request="x"),
        "core insert": sa.insert(Visit.__table__).values(unit_id=2, request="x"),
    }
    before = state_of(calm_world)
    for username in ("caseworker.main", "coordinator", "administrator"):
        with session_of(calm_world, username) as session:
            for name, statement in statements.items():
                with pytest.raises(policy.Refused):
                    session.execute(statement)
                    pytest.fail(f"{name} went through")
    assert_untouched(calm_world, before)


def test_session_without_a_scope_shows_nothing(calm_world: World) -> None:
    with calm_world.app.app_context():
        assert db.session.scalars(sa.select(Beneficiary)).all() == []
        assert db.session.get(Beneficiary, calm_world.rows["main"]["beneficiary"]) is None
        assert db.session.scalars(sa.select(AuditEntry)).all() == []


def test_trail_of_the_other_unit(world: World) -> None:
    """No session reads of acts in the other unit, nor what people who see all units looked for."""
    coordinator = world.client("coordinator")
    coordinator.get(f"/admin/beneficiary/?search={CANARY['roma']}")
    coordinator.get(f"/admin/beneficiary/details/?id={world.rows['roma']['beneficiary']}")
    with session_of(world, "caseworker.main") as session:
        entries = session.scalars(sa.select(AuditEntry)).all()
        assert {entry.unit_id for entry in entries} == {world.rows["main"]["unit"], None}
        shared = [entry for entry in entries if entry.unit_id is None]
        assert {entry.action for entry in shared} <= set(policy.CHANGES)
        assert not {entry.subject_type for entry in shared} & set(TABLES)
        assert CANARY["roma"] not in " ".join(f"{e.subject_label} {e.details} {e.changes}" for e in entries)
    for username in ("unitless", "administrator"):
        with session_of(world, username) as session:
            assert {entry.unit_id for entry in session.scalars(sa.select(AuditEntry))} == {None}


def writes(world: World, here: str, there: str) -> dict[str, Callable[[orm.Session], Any]]:
    """Ways to write past the wall by a session that sees only its own side."""
    own, foreign = world.rows[here], world.rows[there]

    def flip(session: orm.Session) -> None:
        session.get_one(Beneficiary, own["beneficiary"]).unit_id = foreign["unit"]

    def flip_expired(session: orm.Session) -> None:
        row = session.get_one(Beneficiary, own["beneficiary"])
        session.expire(row)
        row.unit_id = foreign["unit"]

    def flip_by_object(session: orm.Session) -> None:
        session.get_one(Beneficiary, own["beneficiary"]).unit = session.get_one(Unit, foreign["unit"])

    def attach(session: orm.Session) -> None:
        session.get_one(Visit, own["visit"]).beneficiary_id = foreign["beneficiary"]

    def about_foreign(session: orm.Session) -> None:
        session.add(Visit(unit_id=own["unit"], beneficiary_id=foreign["beneficiary"], request="x", staff_id=1))

    def into_foreign(session: orm.Session) -> None:
        session.add(Household(unit_id=foreign["unit"], name="x", code="x"))

    def derived(session: orm.Session) -> None:
        session.add(CaseNote(beneficiary_id=foreign["beneficiary"], body="x", on=today(), confidence=Confidence.UNIT))

    def derived_with_unit(session: orm.Session) -> None:
        session.add(
            CaseNote(beneficiary_id=foreign["beneficiary"], unit_id=own["unit"], body="x", confidence=Confidence.UNIT)
        )

    def never(session: orm.Session) -> None:
        session.add(Visit(unit_id=own["unit"], beneficiary_id=NEVER, request="x", staff_id=1))

    return {
        f.__name__: f
        for f in (
            flip,
            flip_by_object,
            attach,
            about_foreign,
            into_foreign,
            derived,
            derived_with_unit,
            never,
            flip_expired,
        )
    }


@both_ways
def test_session_takes_no_write_past_the_wall(calm_world: World, here: str, there: str) -> None:
    world, before = calm_world, state_of(calm_world)
    for username in (f"caseworker.{here}", "unitless"):
        for name, write in writes(world, here, there).items():
            with session_of(world, username) as session:
                try:
                    write(session)
                    session.flush()
                except (policy.Refused, sa.exc.NoResultFound, ValueError):
                    continue
                pytest.fail(f"{name} went through for {username}")
    assert_untouched(world, before)


def test_coordinator_mixes_no_units(calm_world: World) -> None:
    """Whoever sees both sides still cannot tie a row of one to a row of the other, by number or by object."""
    main, roma = calm_world.rows["main"], calm_world.rows["roma"]

    def by_number(session: orm.Session) -> None:
        session.get_one(Visit, main["visit"]).beneficiary_id = roma["beneficiary"]

    def new_by_object(session: orm.Session) -> None:
        household, child = session.get_one(Household, main["household"]), builders.HouseholdRelation.CHILD
        session.add(HouseholdMember(household=household, beneficiary_id=roma["beneficiary"], relation=child))

    def by_collection(session: orm.Session) -> None:
        member = session.get_one(HouseholdMember, roma["household_member"])
        household = session.get_one(Household, main["household"])
        household.members.append(member)
        session.flush()

    def item_of_the_other(session: orm.Session) -> None:
        row = session.get_one(Distribution, main["distribution"])
        row.item = session.get_one(Item, roma["item"])  # type: ignore[attr-defined]

    def flip(session: orm.Session) -> None:
        session.get_one(Beneficiary, main["beneficiary"]).unit_id = roma["unit"]

    before = state_of(calm_world)
    for write in (by_number, new_by_object, by_collection, item_of_the_other, flip):
        with session_of(calm_world, "coordinator") as session, pytest.raises((policy.Refused, BadValue)):
            write(session)
            session.flush()
            pytest.fail(f"{write.__name__} went through")
    assert_untouched(calm_world, before)


def test_person_of_a_row_is_set_by_number_alone(calm_world: World) -> None:
    """What SQLAlchemy would quietly leave out of the row is said at once."""
    with session_of(calm_world, "coordinator") as session, pytest.raises(TypeError):
        Visit(beneficiary=session.get_one(Beneficiary, calm_world.rows["main"]["beneficiary"]))


def test_role_is_checked_on_write_too(calm_world: World) -> None:
    """A role that may only read writes nothing, whatever view would let it."""
    before = state_of(calm_world)
    key = calm_world.rows["main"]
    cases: tuple[tuple[str, Callable[[orm.Session], Any]], ...] = (
        ("supervisor", lambda s: setattr(s.get_one(Beneficiary, key["beneficiary"]), "remarks", "x")),
        ("supervisor", lambda s: s.delete(s.get_one(Visit, key["visit"]))),
        ("administrator", lambda s: s.add(Household(unit_id=key["unit"], name="x"))),
        (
            "reception.main",
            lambda s: s.add(ServiceDelivery(beneficiary_id=key["beneficiary"], service_id=1, staff_id=1)),
        ),
        ("mediator.main", lambda s: setattr(s.get_one(Application, key["application"]), "remarks", "x")),
        ("caseworker.main", lambda s: s.delete(s.get_one(Beneficiary, key["beneficiary"]))),
        (
            "caseworker.main",
            lambda s: setattr(s.get_one(User, calm_world.users["caseworker.main"]), "role", Role.COORDINATOR),
        ),
        ("caseworker.main", lambda s: setattr(s.get_one(User, calm_world.users["administrator"]), "full_name", "x")),
        ("coordinator", lambda s: s.add(User(username="x", full_name="x", role=Role.SUPERVISOR))),
        (
            "caseworker.main",
            lambda s: s.add(Membership(user_id=calm_world.users["caseworker.main"], unit_id=2)),
        ),
        ("coordinator", lambda s: s.add(AuditEntry(actor_name="x"))),
        ("supervisor", lambda s: s.delete(s.scalars(sa.select(AuditEntry)).first())),
    )
    for username, write in cases:
        with session_of(calm_world, username) as session, pytest.raises(policy.Refused):
            write(session)
            session.flush()
            pytest.fail(f"{username} wrote")
    assert_untouched(calm_world, before)


def test_refusals_are_in_the_trail(world: World) -> None:
    """Who asked, from where, for what: also when the answer says nothing."""
    browser = world.client("caseworker.main")
    before = len(refusals(world))
    assert browser.get(f"/admin/beneficiary/details/?id={world.rows['roma']['beneficiary']}").status_code == 404
    assert browser.get("/admin/user/").status_code == 403
    kept = world.query(sa.select(AuditEntry).where(AuditEntry.action == "refused").order_by(AuditEntry.seq))[before:]
    assert [entry.subject_type for entry in kept] == ["beneficiary", "user"]
    assert {entry.actor_id for entry in kept} == {world.users["caseworker.main"]}
    assert all(entry.ip and entry.request_id for entry in kept)


def test_cast_is_whole(calm_world: World) -> None:
    """A row of every screen's table in each unit, or else these tests would pass by what is not there."""
    assert isinstance(calm_world.app.test_client(), FlaskClient)
    for code in CANARY:
        assert set(TABLES) <= set(calm_world.rows[code])
    assert {m.__tablename__ for m in (Referral, Application, Visit)} <= set(TABLES)
