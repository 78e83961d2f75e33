"""The second wall alone: PostgreSQL's row security with the application's own wall taken out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

import audit
import config
import policy
import row_security
from db import Base, db
from models import AuditEntry, AuditReview, Beneficiary, CaseNote, User, Visit
from tests.conftest import OWNER, PostgresHouse
from tests.test_wall import assert_only_own, reads, writes
from tests.walls import SCOPED, assert_untouched, both_ways, session_of, state_of, walk
from tests.world import CANARY, World, by_hand, counted, scoped_models
from vocabulary import AuditAction

FIRST_WALL = (("do_orm_execute", policy._narrow), ("before_flush", policy._guard))
DENIED = "permission denied|must be owner"
NOT_TAKEN = "violates row-level security policy"


@pytest.fixture(scope="module")
def world(postgresql_house: PostgresHouse) -> Iterator[World]:
    """The cast on PostgreSQL; what tests do to it is rolled back, or leaves no more than a trail."""
    yield World(postgresql_house.app, postgresql_house.dialect, postgresql_house.rows, postgresql_house.users)
    postgresql_house.reset()


@pytest.fixture
def flawed(world: World, postgresql_house: PostgresHouse) -> Iterator[World]:
    """The same, put back afterwards with all its walls."""
    yield world
    postgresql_house.reset()


@pytest.fixture
def breached() -> Iterator[None]:
    """The first wall taken out: nothing narrows a query, nothing checks a write."""
    for name, listener in FIRST_WALL:
        sa.event.remove(orm.Session, name, listener)
    yield
    for name, listener in FIRST_WALL:
        sa.event.listen(orm.Session, name, listener)


@contextmanager
def as_owner(world: World) -> Iterator[sa.Connection]:
    """The tables' owner at work."""
    with world.app.app_context(), row_security.owner_engine().begin() as connection:
        yield connection


@contextmanager
def as_app(world: World, units: str | None = None) -> Iterator[sa.Connection]:
    """The application's role on a connection of its own, past session and policy; nothing of it stays."""
    with world.app.app_context(), db.engine.connect() as connection:
        if units is not None:
            connection.exec_driver_sql("SELECT set_config('kentro.units', %s, true)", (units,))
        yield connection
        connection.rollback()


def units_seen(connection: sa.Connection, table: sa.Table) -> set[int | None]:
    return set(connection.scalars(sa.select(table.c.unit_id)))


# --- with the first wall taken out ------------------------------------------------------------------------------------


@both_ways
@pytest.mark.usefixtures("breached")
def test_no_way_to_ask_shows_a_foreign_row(world: World, here: str, there: str) -> None:
    own, foreign = (world.rows[code]["beneficiary"] for code in (here, there))
    with session_of(world, f"caseworker.{here}") as session:
        assert_only_own(session, own, foreign)
        people = Beneficiary.__table__
        for asked in (
            sa.select(people.c.id),
            sa.text("SELECT id FROM beneficiary"),
            sa.select(Beneficiary.id).from_statement(sa.text("SELECT id FROM beneficiary")),
            sa.text("SELECT b.id FROM unit LEFT JOIN beneficiary b ON true WHERE b.id IS NOT NULL"),
        ):
            assert set(session.scalars(asked)) == {own}, str(asked)
    with session_of(world, "coordinator") as session:
        assert {own, foreign} <= set(session.scalars(sa.select(Beneficiary.id)))


@pytest.mark.usefixtures("breached")
def test_no_table_shows_another_units_rows(world: World) -> None:
    for name, allowed in (("caseworker.main", {world.rows["main"]["unit"]}), ("administrator", set())):
        with session_of(world, name) as session:
            for model in SCOPED:
                assert set(session.scalars(sa.select(model.unit_id))) == allowed, model  # type: ignore[attr-defined]


@both_ways
def test_pages_are_the_same_without_the_first_wall(
    world: World, request: pytest.FixtureRequest, here: str, there: str
) -> None:
    """Every list, search, form, file, look-up and workbook; of the other unit's people, not a name."""
    before = walk(world, world.client(f"caseworker.{here}"))
    request.getfixturevalue("breached")
    after = walk(world, world.client(f"caseworker.{here}"))
    assert len(before) > 100
    assert [url for url in before if before[url] != after[url]] == []
    said = {url: str(answer) for url, answer in after.items() if "?search=" not in url}
    assert [url for url, text in said.items() if CANARY[there] in text] == []
    assert any(CANARY[here] in text for text in said.values()) or here == "roma"


@both_ways
@pytest.mark.usefixtures("breached")
def test_no_write_goes_past_the_second_wall(world: World, here: str, there: str) -> None:
    before = state_of(world)
    for username in (f"caseworker.{here}", "unitless"):
        for name, write in writes(world, here, there).items():
            with session_of(world, username) as session:
                try:
                    write(session)
                    session.flush()
                except (sa.exc.DBAPIError, sa.exc.NoResultFound):
                    continue
                pytest.fail(f"{name} went through for {username}")
    assert_untouched(world, before)


def test_no_statement_reaches_another_units_row(world: World) -> None:
    """Every table with rows: not changed, not removed, none put there, none moved there, and no link across."""
    before, tried = state_of(world), 0
    main, roma = world.rows["main"], world.rows["roma"]
    scoped = {model.__table__ for model in scoped_models()}
    for model in SCOPED:
        table: Any = model.__table__
        own, foreign = (table.c.id == side[table.name] for side in (main, roma))
        copied = [column for column in table.c if column.name not in ("id", "unit_id")]
        with as_app(world, str(main["unit"])) as connection:
            for statement in (sa.update(table).values(version=99), sa.delete(table)):
                assert connection.execute(statement.where(foreign)).rowcount == 0, statement
            moved = sa.update(table).where(own).values(unit_id=roma["unit"])
            source = sa.select(sa.literal(roma["unit"]), *copied).where(own)
            put = sa.insert(table).from_select(["unit_id", *(column.name for column in copied)], source)
            links = [
                c
                for c in copied
                for key in c.foreign_keys
                if key.column.table in scoped and not c.info.get("across_units")
            ]
            across = [
                sa.update(table).where(own).values({c: roma[next(iter(c.foreign_keys)).column.table.name]})
                for c in links
            ]
            for statement in (moved, put, *across):
                with pytest.raises(sa.exc.ProgrammingError, match=NOT_TAKEN), connection.begin_nested():
                    connection.execute(statement)
                tried += 1
    assert tried > 2 * len(SCOPED) + 10
    assert_untouched(world, before)


def test_a_missing_row_is_refused_like_a_foreign_one(world: World) -> None:
    """A foreign key alone would tell who is there: it is checked past row security."""
    main, roma = world.rows["main"], world.rows["roma"]
    told = set()
    for key in (roma["beneficiary"], 987_654):
        with as_app(world, str(main["unit"])) as connection, pytest.raises(sa.exc.ProgrammingError) as refused:
            connection.execute(sa.update(Visit.__table__).where(Visit.id == main["visit"]).values(beneficiary_id=key))
        told.add(str(refused.value.orig))
    assert len(told) == 1


def test_nobody_ties_two_units_together(world: World) -> None:
    """Not even whoever sees both."""
    with as_app(world, row_security.EVERY_UNIT) as connection:
        tie = sa.update(Visit.__table__).where(Visit.id == world.rows["main"]["visit"])
        with pytest.raises(sa.exc.ProgrammingError, match=NOT_TAKEN):
            connection.execute(tie.values(beneficiary_id=world.rows["roma"]["beneficiary"]))


# --- the trail --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("breached")
def test_the_trail_of_the_other_unit_is_not_read(world: World) -> None:
    coordinator = world.client("coordinator")
    coordinator.get(f"/admin/beneficiary/?search={CANARY['roma']}")
    coordinator.get(f"/admin/beneficiary/details/?id={world.rows['roma']['beneficiary']}")
    for name, units in (("caseworker.main", {world.rows["main"]["unit"], None}), ("unitless", {None})):
        with session_of(world, name) as session:
            entries = session.scalars(sa.select(AuditEntry)).all()
            assert {entry.unit_id for entry in entries} == units
            assert {entry.action for entry in entries if entry.unit_id is None} <= set(policy.CHANGES)
            # What the reader typed themselves is no leak.
            told = [f"{e.subject_label} {e.details} {e.changes}" for e in entries if e.action != AuditAction.SEARCH]
            assert CANARY["roma"] not in " ".join(told)


def test_nobody_adds_to_the_trail_and_reads_none_of_it(world: World) -> None:
    """A failed sign-in is recorded though nobody has signed in."""
    with world.app.app_context():
        audit.note(db.session, AuditAction.LOGIN_FAILED, subject_type="user")
        audit.commit(db.session)
    with as_app(world) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(AuditEntry.__table__)) == 0
    assert world.query(sa.select(AuditEntry.action).order_by(AuditEntry.seq.desc()))[0] == AuditAction.LOGIN_FAILED


# --- failing closed ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("units", [None, "", "0", "987654"])
def test_a_transaction_that_names_no_unit_shows_and_takes_nothing(world: World, units: str | None) -> None:
    with as_app(world, units) as connection:
        for model in scoped_models():
            assert units_seen(connection, model.__table__) == set(), model  # type: ignore[arg-type]
        own = world.rows["main"]["visit"]
        assert connection.execute(sa.update(Visit.__table__).values(request="x")).rowcount == 0
        assert connection.execute(sa.delete(Visit.__table__).where(Visit.id == own)).rowcount == 0
        with pytest.raises(sa.exc.ProgrammingError, match=NOT_TAKEN):
            said = {"unit_id": world.rows["main"]["unit"], "staff_id": world.users["caseworker.main"]}
            connection.execute(sa.insert(Visit).values(request="x", version=1, **said))


@pytest.mark.parametrize("units", ["x", "1,x", "**", "1;2"])
def test_nonsense_is_an_error(world: World, units: str) -> None:
    with as_app(world, units) as connection, pytest.raises(sa.exc.DBAPIError):
        connection.execute(sa.select(Beneficiary.__table__.c.id)).all()


def test_nobody_can_still_sign_in(world: World) -> None:
    """The one thing that comes before anybody's scope."""
    assert world.client("caseworker.main").get("/admin/beneficiary/").status_code == 200
    assert world.client().get("/healthz").status_code == 200


# --- the units of a transaction ---------------------------------------------------------------------------------------


def people_seen(session: orm.Session) -> set[int]:
    return set(session.scalars(sa.text("SELECT unit_id FROM beneficiary")))


@pytest.fixture
def main_and_roma(world: World) -> tuple[policy.Scope, policy.Scope]:
    with world.app.app_context():
        policy.bind(db.session, policy.SYSTEM)
        users = (db.session.get_one(User, world.users[f"caseworker.{code}"]) for code in ("main", "roma"))
        main, roma = (policy.scope_of(user) for user in users)
    return main, roma


@pytest.mark.usefixtures("breached")
def test_nothing_is_left_on_a_connection_for_the_next(
    world: World, main_and_roma: tuple[policy.Scope, policy.Scope]
) -> None:
    main, roma = main_and_roma
    with world.app.app_context():
        engine = sa.create_engine(db.engine.url, pool_size=1, max_overflow=0)
    who: set[Any] = set()
    ends = (orm.Session.commit, orm.Session.rollback, orm.Session.close, _fail)
    for end in ends:
        for scope, expected in (
            (main, {*main.unit_ids}),
            (None, set()),
            (roma, {*roma.unit_ids}),
            (policy.NOBODY, set()),
        ):
            with orm.Session(engine) as session:
                if scope is not None:
                    policy.bind(session, scope)
                assert people_seen(session) == expected
                who.add(session.scalar(sa.text("SELECT pg_backend_pid()")))
                end(session)
    assert len(who) == 1, "all of them had the same connection"
    engine.dispose()


def _fail(session: orm.Session) -> None:
    with pytest.raises(sa.exc.DBAPIError):
        session.execute(sa.text("SELECT 1/0"))


@pytest.mark.usefixtures("breached")
def test_the_wall_follows_the_scope(world: World, main_and_roma: tuple[policy.Scope, policy.Scope]) -> None:
    main, roma = main_and_roma
    with world.app.app_context():
        session = db.session
        for scope, expected in (
            (policy.NOBODY, set()), (main, {*main.unit_ids}), (policy.SYSTEM, {*main.unit_ids, *roma.unit_ids}),
            (roma, {*roma.unit_ids}), (policy.NOBODY, set()),
        ):  # fmt: skip
            policy.bind(session, scope)
            assert people_seen(session) == expected
        policy.bind(session, policy.SYSTEM)
        with session.begin_nested() as savepoint:
            policy.bind(session, main)
            assert people_seen(session) == {*main.unit_ids}
            savepoint.rollback()
        assert people_seen(session) == {*main.unit_ids}, "a savepoint rolled back opens nothing again"
        for end in (session.commit, session.rollback):
            end()
            assert people_seen(session) == {*main.unit_ids}, "the next transaction of the session names them again"


def test_naming_units_costs_one_statement_a_transaction(flawed: World) -> None:
    browser, begun = flawed.client("caseworker.main"), []
    with flawed.app.app_context():
        engine = db.engine
    note = begun.append
    sa.event.listen(engine, "begin", note)
    try:
        for ask in (
            lambda: browser.get("/admin/beneficiary/"),
            lambda: browser.get(f"/admin/beneficiary/edit/?id={flawed.rows['main']['beneficiary']}"),
            lambda: browser.post("/admin/visit/delete/", id=flawed.rows["main"]["visit"]),
        ):
            begun.clear()
            with counted(flawed.app) as statements:
                ask()
            assert 0 < len([each for each in statements if "set_config" in each]) <= len(begun)
    finally:
        sa.event.remove(engine, "begin", note)


# --- roles ------------------------------------------------------------------------------------------------------------


def test_the_applications_role_owns_nothing_and_unlocks_nothing(world: World) -> None:
    with as_app(world, row_security.EVERY_UNIT) as connection:
        owned = "SELECT relname FROM pg_class WHERE relowner = current_user::regrole"
        assert connection.exec_driver_sql(owned).all() == []
        assert connection.scalar(sa.text("SELECT count(*) FROM audit_entry"))
        for attack in (
            "ALTER TABLE beneficiary DISABLE ROW LEVEL SECURITY",
            "ALTER TABLE beneficiary NO FORCE ROW LEVEL SECURITY",
            "DROP POLICY unit ON beneficiary",
            "CREATE POLICY all_rows ON beneficiary USING (true)",
            "ALTER TABLE audit_entry DISABLE TRIGGER USER",
            "ALTER TABLE audit_entry OWNER TO CURRENT_USER",
            "UPDATE audit_entry SET actor_name = 'x'",
            "DELETE FROM audit_entry",
            "TRUNCATE audit_entry CASCADE",
            "DELETE FROM audit_head",
            "TRUNCATE visit",
            "UPDATE alembic_version SET version_num = 'x'",
            "CREATE TABLE mine (id int)",
            "ALTER ROLE CURRENT_USER BYPASSRLS",
            f"SET ROLE {OWNER}",
        ):
            with pytest.raises(sa.exc.DBAPIError, match=DENIED), connection.begin_nested():
                connection.exec_driver_sql(attack)
                pytest.fail(f"{attack} went through")


def test_the_owner_stands_before_the_wall_too(world: World) -> None:
    """So an installation with one role has it as well, though its owner can take it down."""
    with as_owner(world) as connection:
        for model in scoped_models():
            assert units_seen(connection, model.__table__) == set()  # type: ignore[arg-type]
        connection.exec_driver_sql("SELECT set_config('kentro.units', '*', true)")
        assert len(units_seen(connection, Beneficiary.__table__)) == 2  # type: ignore[arg-type]
        assert row_security.gaps(connection) == []


def test_one_role_for_all_works(world: World) -> None:
    """DATABASE_URL alone, naming the owner."""
    with world.app.app_context():
        alone = db.engine.url.set(username=OWNER)
    from tests.conftest import make_app

    app = make_app("sqlite://", SQLALCHEMY_ENGINES={"default": alone})
    single = World(app, world.dialect, world.rows, world.users)
    page = single.client("caseworker.main").get("/admin/beneficiary/")
    assert CANARY["main"] in page.text and CANARY["roma"] not in page.text
    with app.app_context():
        assert row_security.app_role() is None
        db.engine.dispose()


def test_where_the_owner_is_told() -> None:
    said = {"DATABASE_URL": "postgresql://kentro_app@host/kentro", "SECRET_KEY": "x" * 32}
    assert config.load(said)["SQLALCHEMY_ENGINES"] == {"default": "postgresql+psycopg://kentro_app@host/kentro"}
    engines = config.load({**said, "KENTRO_OWNER_URL": "postgres://kentro@host/kentro"})["SQLALCHEMY_ENGINES"]
    assert engines["owner"] == "postgresql+psycopg://kentro@host/kentro"
    for bad in (
        {"DATABASE_URL": "sqlite:///x"},
        {"KENTRO_OWNER_URL": "sqlite:///x"},
        {"KENTRO_OWNER_URL": "mysql://x"},
    ):
        with pytest.raises(config.Misconfigured, match="KENTRO_OWNER_URL"):
            config.load({**said, "KENTRO_OWNER_URL": "postgresql://kentro@host/kentro", **bad})


# --- the wall is whole ------------------------------------------------------------------------------------------------


def test_every_table_with_units_has_its_policy(world: World) -> None:
    scoped = {model.__tablename__ for model in scoped_models()}
    with as_app(world) as connection:
        assert row_security.gaps(connection) == []
        found = connection.exec_driver_sql("SELECT tablename, policyname, cmd, qual, with_check FROM pg_policies").all()
    assert {row.tablename for row in found} == scoped | {"audit_entry", "person_decision"}
    units = [row for row in found if row.policyname == "unit"]
    assert {row.tablename for row in units} == scoped
    assert {row.cmd for row in units} == {"ALL"}
    assert len({row.qual for row in units}) == 1, "one rule, made from the models"
    assert all(row.with_check.startswith("(" * (row.with_check != row.qual) + row.qual) for row in units)
    linked = {row.tablename: row.with_check.count("linked.id") for row in units}
    assert linked["event_attendance"] == 2 and linked["beneficiary"] == 0 and linked["visit"] == 1
    told_apart = {"membership", AuditEntry.__tablename__}
    walled = {t.name for t in Base.metadata.sorted_tables if "unit_id" in t.c} - told_apart
    assert walled == scoped and CaseNote.__tablename__ in scoped and AuditReview.__tablename__ not in scoped


FLAWS = {
    "DROP POLICY unit ON beneficiary": "beneficiary lacks its policy unit",
    "CREATE POLICY all_rows ON visit USING (true)": "visit has a policy that is not ours, all_rows",
    "ALTER TABLE case_note NO FORCE ROW LEVEL SECURITY": "row security is not forced on case_note",
    "ALTER TABLE referral DISABLE ROW LEVEL SECURITY": "row security is not forced on referral",
}


def test_a_gap_is_told_and_mended(flawed: World) -> None:
    for flaw, told in FLAWS.items():
        with as_owner(flawed) as connection:
            connection.exec_driver_sql(flaw)
            assert told in row_security.gaps(connection)
    with as_owner(flawed) as connection:
        assert len(row_security.gaps(connection)) == len(FLAWS)
        with row_security.lowered(connection):
            assert len(units_seen(connection, Beneficiary.__table__)) == 2, "a migration reads all"  # type: ignore[arg-type]
        assert row_security.gaps(connection) == []
    with flawed.app.app_context(), by_hand().connect() as connection:
        assert row_security.gaps(connection) == ["the role is a superuser or has BYPASSRLS"]


@pytest.mark.usefixtures("breached")
def test_these_tests_would_see_a_gap(flawed: World) -> None:
    foreign = flawed.rows["roma"]["beneficiary"]
    with as_owner(flawed) as connection:
        connection.exec_driver_sql("DROP POLICY unit ON beneficiary")
    with session_of(flawed, "coordinator") as session:
        assert session.get(Beneficiary, foreign) is None, "without its policy a table shows nothing"
    with as_owner(flawed) as connection:
        connection.exec_driver_sql("CREATE POLICY unit ON beneficiary USING (true)")
    with session_of(flawed, "caseworker.main") as session:
        assert sum(foreign in ask() for ask in reads(session, foreign).values()) > 10
    browser = flawed.client("caseworker.main")
    assert CANARY["roma"] in browser.get("/admin/beneficiary/").text


def test_production_is_not_served_with_a_gap(flawed: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(flawed.app.config, "KENTRO_MODE", "production")
    with as_owner(flawed) as connection:
        connection.exec_driver_sql("ALTER TABLE visit DISABLE ROW LEVEL SECURITY")
    said = flawed.app.test_cli_runner().invoke(args=["serve"])
    assert said.exit_code == 1 and "row security is not forced on visit" in said.output and "db upgrade" in said.output


def test_a_copy_that_would_lack_rows_is_not_made(flawed: World, tmp_path: Any) -> None:
    with as_owner(flawed) as connection:
        connection.exec_driver_sql("DROP POLICY unit ON visit")
    said = flawed.app.test_cli_runner().invoke(args=["backup", str(tmp_path / "copy")])
    assert said.exit_code == 1 and "Rows of visit are hidden" in said.output and not (tmp_path / "copy").exists()
