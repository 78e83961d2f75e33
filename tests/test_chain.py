"""The chain as evidence: no forks, no tampering unseen, lawful erasure, heads that are kept elsewhere."""

from __future__ import annotations

import re
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import Result

import audit
import authorizer
import config
import policy
from db import BadValue, begin_write, db
from models import TRAIL_RIGHTS, AuditEntry, Beneficiary, Visit, now
from tests.world import SECRET, World, by_hand
from vocabulary import AuditAction, Channel

ENTRIES: Any = AuditEntry.__table__
CUT, ELSEWHERE = "the end of the trail was cut or changed", "it or one before it is not what it was when it was noted"
COLUMNS = ", ".join(column.name for column in ENTRIES.columns if column.name != "seq")


def findings(world: World, **against: Any) -> list[str]:
    with world.app.app_context(), by_hand().connect() as connection:
        return list(audit.verify(connection, **against))


@contextmanager
def system(world: World) -> Iterator[sa.orm.Session]:
    """The system's own session, as a writer."""
    with world.app.app_context():
        policy.bind(db.session, policy.SYSTEM)
        begin_write()
        yield db.session


@contextmanager
def owner(world: World) -> Iterator[sa.Connection]:
    """The database's owner, whom neither authorizer nor triggers hold; all of it undone at the end."""
    with world.app.app_context(), by_hand().connect() as connection, authorizer.lifted(connection):
        if world.dialect == "sqlite":
            names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars()
            statements = [f"DROP TRIGGER {name}" for name in names]
        else:
            statements = [f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in ("audit_entry", "audit_head")]
            statements.append("ALTER TABLE audit_review DROP CONSTRAINT fk_audit_review_entry_seq")
        for statement in statements:
            connection.exec_driver_sql(statement)
        yield connection
        connection.rollback()


# --- no forks ---------------------------------------------------------------------------------------------------------

WRITER = """
import sys
from tests.conftest import make_app
from db import begin_write, db
from models import Visit
from vocabulary import AuditAction
import audit, policy
url, name, unit, staff, times = sys.argv[1:]
app = make_app(url)
print("ready", flush=True)
sys.stdin.readline()
for i in range(int(times)):
    with app.app_context():
        policy.bind(db.session, policy.SYSTEM)
        begin_write()
        db.session.add(Visit(unit_id=int(unit), staff_id=int(staff), request=f"{name}-{i}"))
        audit.note(db.session, AuditAction.VIEW, subject_type=name, i=i)
        audit.commit(db.session)
"""


def test_processes_that_write_at_once_never_fork_the_chain(world: World) -> None:
    writers, each = 4, 60
    before = len(table(world))
    with world.app.app_context():
        url = db.engine.url.render_as_string(hide_password=False)
    told = [
        url.replace("+psycopg", ""),
        str(world.rows["main"]["unit"]),
        str(world.users["caseworker.main"]),
        str(each),
    ]
    command = [sys.executable, "-W", "ignore", "-c", WRITER]
    started = [
        subprocess.Popen(
            [*command, told[0], f"w{n}", *told[1:]],
            cwd=config.ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(writers)
    ]
    assert [process.stdout.readline() for process in started if process.stdout] == ["ready\n"] * writers
    for process in started:
        process.communicate("go\n")  # the first ones write while the others are told
    assert [process.returncode for process in started] == [0] * writers
    assert table(world)[before:] == list(range(before + 1, before + 2 * writers * each + 1))
    assert findings(world) == []
    authors = [e.subject_type for e in entries(world, AuditEntry.seq > before, AuditEntry.action == AuditAction.VIEW)]
    assert sorted(set(authors)) == [f"w{n}" for n in range(writers)]


def test_threads_that_write_at_once_never_fork_the_chain(world: World) -> None:
    writers, each, failures = 8, 12, []
    before = len(table(world))

    def write(n: int) -> None:
        try:
            for i in range(each):
                with system(world) as session:
                    session.add(
                        Visit(
                            unit_id=world.rows["main"]["unit"],
                            staff_id=world.users["caseworker.main"],
                            request=f"{n}-{i}",
                        )
                    )
                    audit.note(session, AuditAction.VIEW, subject_type=f"t{n}", i=i)
                    audit.commit(session)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert table(world) == list(range(1, before + 2 * writers * each + 1))
    assert findings(world) == []


def table(world: World) -> list[int]:
    """The numbers of all entries."""
    return [entry.seq for entry in entries(world)]


def entries(world: World, *conditions: Any) -> list[AuditEntry]:
    return world.query(sa.select(AuditEntry).where(*conditions).order_by(AuditEntry.seq))


# --- tampering --------------------------------------------------------------------------------------------------------


def rechain(connection: sa.Connection, first: int) -> None:
    """What an owner who knows the method does: everything from this entry on made to fit again."""
    chain = connection.scalar(sa.select(ENTRIES.c.chain).where(ENTRIES.c.seq == first - 1)) or audit.GENESIS
    rows = connection.execute(sa.select(ENTRIES).where(ENTRIES.c.seq >= first).order_by(ENTRIES.c.seq)).mappings().all()
    for row in rows:
        digest = audit.digest(dict(row))
        chain = audit.link(chain, digest)
        connection.execute(sa.update(ENTRIES).where(ENTRIES.c.seq == row["seq"]).values(digest=digest, chain=chain))
    last = connection.scalar(sa.select(sa.func.max(ENTRIES.c.seq)))
    connection.execute(sa.text("UPDATE audit_head SET seq = :seq, chain = :chain"), {"seq": last, "chain": chain})


CHANGED = "entry 5: its content was changed"
ERASED = "salt = '', subject_id = NULL, subject_label = NULL, person_id = NULL, changes = NULL, details = NULL"
SWAP = [
    "UPDATE audit_entry SET seq = -5 WHERE seq = 5",
    "UPDATE audit_entry SET seq = 5 WHERE seq = 6",
    "UPDATE audit_entry SET seq = 6 WHERE seq = -5",
]
OF_THIS = "(SELECT {} FROM audit_entry WHERE seq = 5)"
TAMPERINGS: dict[str, tuple[list[str], str]] = {
    "content changed": (["UPDATE audit_entry SET changes = 'x' WHERE seq = 5"], CHANGED),
    "actor changed": (["UPDATE audit_entry SET actor_id = 99 WHERE seq = 5"], CHANGED),
    "time changed": (["UPDATE audit_entry SET at = '2020-01-01 00:00:00.000000' WHERE seq = 5"], CHANGED),
    "salt changed": (["UPDATE audit_entry SET salt = substr(digest, 1, 32) WHERE seq = 5"], CHANGED),
    "deleted in the middle": (["DELETE FROM audit_entry WHERE seq IN (5, 6)"], "entry 5: missing (next is 7)"),
    "first deleted": (["DELETE FROM audit_entry WHERE seq = 1"], "entry 1: missing (next is 2)"),
    "tail cut": (["DELETE FROM audit_entry WHERE seq > 5"], f"entry 5: {CUT}"),
    "two swapped": (SWAP, CHANGED),
    "forged one inserted": (
        [
            "UPDATE audit_entry SET seq = -seq WHERE seq > 5",
            "UPDATE audit_entry SET seq = 1 - seq WHERE seq < 0",
            f"INSERT INTO audit_entry (seq, {COLUMNS}) SELECT 6, {COLUMNS} FROM audit_entry WHERE seq = 5",
        ],
        "entry 6: its content was changed",
    ),
    "erased without a record": ([f"UPDATE audit_entry SET {ERASED} WHERE seq = 5"], "entry 5: erased without a record"),
    "head rolled back": (
        [f"UPDATE audit_head SET seq = 5, chain = {OF_THIS.format('chain')}"],
        f"entry {{last}}: {CUT}",
    ),
    "chain rebuilt": (
        ["UPDATE audit_entry SET actor_id = 99 WHERE seq = 5", "rechain"],
        f"entry {{last}}: {ELSEWHERE}",
    ),
    # And some more.
    "digest changed": (["UPDATE audit_entry SET digest = salt WHERE seq = 5"], CHANGED),
    "content and digest changed": (["reseal"], "entry 5: the chain is broken"),
    "last deleted": (["DELETE FROM audit_entry WHERE seq = {last}"], f"entry {{before}}: {CUT}"),
    "all gone": (["DELETE FROM audit_entry"], f"entry 0: {CUT}"),
    "head gone": (["DELETE FROM audit_head"], f"entry {{last}}: {CUT}"),
    "put at the end": (
        ["DELETE FROM audit_entry WHERE seq = {last}", "UPDATE audit_entry SET seq = {last} WHERE seq = 5"],
        "entry 5: missing (next is 6)",
    ),
    "tail cut and rebuilt": (["DELETE FROM audit_entry WHERE seq > 5", "rechain"], f"entry {{last}}: {ELSEWHERE}"),
    "replayed": (
        [
            "DELETE FROM audit_entry WHERE seq > 5",
            f"UPDATE audit_head SET seq = 5, chain = {OF_THIS.format('chain')}",
        ],
        f"entry {{last}}: {ELSEWHERE}",
    ),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_every_tampering_is_named(calm_world: World, name: str) -> None:
    """The first finding is the first bad entry, and why; the owner of the database himself has done it."""
    statements, expected = TAMPERINGS[name]
    with calm_world.app.app_context(), by_hand().connect() as connection:
        noted = audit.head(connection)
    numbers = {"last": noted[0], "before": noted[0] - 1}
    assert findings(calm_world, heads=[noted]) == []
    with owner(calm_world) as connection:
        for statement in statements:
            if statement == "rechain":
                rechain(connection, 5)
            elif statement == "reseal":
                row = dict(connection.execute(sa.select(ENTRIES).where(ENTRIES.c.seq == 5)).mappings().one())
                row |= {"actor_id": 99, "digest": audit.digest(row | {"actor_id": 99})}
                connection.execute(sa.update(ENTRIES).where(ENTRIES.c.seq == 5).values(row))
            else:
                connection.exec_driver_sql(statement.format(**numbers))
        found = list(audit.verify(connection, heads=[noted]))
    assert found[0] == expected.format(**numbers), found[:4]
    assert findings(calm_world) == [], "the test undid all of it"


def test_what_no_text_can_be_is_named_too(calm_world: World) -> None:
    if calm_world.dialect != "sqlite":
        pytest.skip("PostgreSQL takes no such value")
    for value, expected in (
        ("x'ff00'", "cannot be read"),
        ("7", "was changed"),
        ("CAST(x'ff' AS TEXT)", "cannot be read"),
    ):
        with owner(calm_world) as connection:
            connection.exec_driver_sql(f"UPDATE audit_entry SET ip = {value} WHERE seq = 5")
            connection.exec_driver_sql("DELETE FROM audit_entry WHERE seq = 9")
            found = list(audit.verify(connection))
        assert found[0] == f"entry 5: its content {expected}", value
        assert "entry 9: missing (next is 10)" in found, "the walk goes on"


def test_a_missing_or_toothless_guard_is_named(calm_world: World) -> None:
    with owner(calm_world) as connection:
        found = list(audit.verify(connection))
    assert len(found) == 4 and all("no longer guards the trail" in finding for finding in found)
    with owner(calm_world) as connection:
        if calm_world.dialect == "sqlite":
            connection.exec_driver_sql(
                "CREATE TRIGGER audit_entry_no_update BEFORE UPDATE ON audit_entry BEGIN SELECT 1; END"
            )
        else:
            connection.exec_driver_sql("ALTER TABLE audit_entry ENABLE TRIGGER USER")
            connection.exec_driver_sql(
                "CREATE OR REPLACE FUNCTION audit_entry_append_only() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RETURN NEW; END $$"
            )
        assert len(list(audit.verify(connection))) == 4, "there by name, but it guards nothing"


@pytest.mark.parametrize(
    "attack", ["UPDATE audit_head SET seq = 1", "DELETE FROM audit_head", "UPDATE audit_head SET chain = ''"]
)
def test_the_end_of_the_chain_only_moves_forward(calm_world: World, attack: str) -> None:
    with calm_world.app.app_context(), by_hand().connect() as connection, authorizer.lifted(connection):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"):
            connection.exec_driver_sql(attack)
        connection.rollback()


# --- SQLite's authorizer ----------------------------------------------------------------------------------------------

DISARMING = (
    "UPDATE audit_entry SET actor_name = 'x' WHERE seq = 1",
    "UPDATE audit_entry SET digest = 'x' WHERE seq = 1",
    "DELETE FROM audit_entry WHERE seq = 1",
    "DELETE FROM audit_head",
    "DROP TRIGGER audit_entry_no_update",
    "DROP TABLE audit_entry",
    "ALTER TABLE audit_entry RENAME TO elsewhere",
    "CREATE TRIGGER mine AFTER INSERT ON audit_entry BEGIN DELETE FROM audit_entry WHERE seq = 1; END",
    "CREATE TEMP TABLE audit_entry (seq)",
    "CREATE TEMP TRIGGER mine BEFORE INSERT ON audit_entry BEGIN SELECT RAISE(IGNORE); END",
    "CREATE TABLE mine (x)",
    "CREATE VIEW mine AS SELECT 1",
    "ATTACH DATABASE ':memory:' AS other",
    "DETACH DATABASE main",
    "PRAGMA recursive_triggers = OFF",
    "PRAGMA writable_schema = ON",
    "PRAGMA Writable_Schema(1)",
    "PRAGMA foreign_keys = OFF",
    "PRAGMA ignore_check_constraints = ON",
    "PRAGMA synchronous = OFF",
    "PRAGMA journal_mode = MEMORY",
    "PRAGMA trusted_schema = ON",
    "DELETE FROM sqlite_sequence",
    "UPDATE sqlite_master SET sql = ''",
    "ANALYZE",
)


def test_the_application_s_own_connection_cannot_disarm_the_trail(calm_world: World) -> None:
    if calm_world.dialect != "sqlite":
        pytest.skip("PostgreSQL has roles for this")
    schema = "SELECT group_concat(sql) FROM sqlite_master"
    with calm_world.app.app_context(), by_hand().connect() as connection:
        before = connection.exec_driver_sql(schema).scalar()
        raw: Any = connection.connection.driver_connection
        for attack in DISARMING:
            with pytest.raises(
                sqlite3.DatabaseError, match=r"^not authorized$|^table sqlite_master may not be modified$"
            ):
                raw.execute(attack)
        assert connection.exec_driver_sql(schema).scalar() == before
        assert connection.exec_driver_sql("PRAGMA recursive_triggers").scalar() == 1
        for change in ("UPDATE audit_entry SET salt = '' WHERE seq = 1", "REPLACE INTO audit_head VALUES (1, 0, '')"):
            with pytest.raises(sqlite3.DatabaseError, match="append-only"):
                raw.execute(change)
        with authorizer.lifted(connection):  # it is the authorizer that refused, and nothing else
            raw.execute("PRAGMA recursive_triggers = ON")
            raw.execute("CREATE TEMP TABLE mine (x)")
            raw.execute("DROP TABLE mine")


def test_what_is_lifted_for_migrations_comes_back(world: World) -> None:
    with world.app.app_context(), by_hand().connect() as connection:
        with authorizer.lifted(connection):
            connection.exec_driver_sql("CREATE TABLE mine (x integer)")
            connection.exec_driver_sql("DROP TABLE mine")
        if world.dialect == "sqlite":
            with pytest.raises(sa.exc.DatabaseError, match="not authorized"):
                connection.exec_driver_sql("CREATE TABLE mine (x integer)")
        connection.rollback()


def test_a_role_that_owns_nothing_needs_no_more_than_the_trail_s_rights(world: World) -> None:
    if world.dialect == "sqlite":
        pytest.skip("SQLite has no roles")
    with world.app.app_context(), by_hand().connect() as connection:
        connection.exec_driver_sql("CREATE ROLE keeper")
        for table, rights in TRAIL_RIGHTS.items():
            connection.exec_driver_sql(f"GRANT {rights} ON {table} TO keeper")
        connection.exec_driver_sql("SET LOCAL ROLE keeper")
        session = sa.orm.Session(connection)
        policy.bind(session, policy.SYSTEM)
        assert (
            audit.erase(session, session.scalars(sa.select(AuditEntry).where(AuditEntry.seq == 5)).all(), "άρθρο 17")
            == 1
        )
        for attack in (
            "UPDATE audit_entry SET actor_name = 'x'", "DELETE FROM audit_entry", "TRUNCATE audit_entry CASCADE",
            "DELETE FROM audit_head", "ALTER TABLE audit_entry DISABLE TRIGGER ALL", "DROP TRIGGER audit_entry_no_truncate ON audit_entry",
        ):  # fmt: skip
            with (
                pytest.raises(sa.exc.ProgrammingError, match=r"permission denied|must be owner"),
                connection.begin_nested(),
            ):
                connection.exec_driver_sql(attack)
        assert list(audit.verify(connection)) == []
        connection.rollback()


# --- lawful erasure ---------------------------------------------------------------------------------------------------


def erase(world: World, *conditions: Any, reason: str = "άρθρο 17") -> int:
    with system(world) as session:
        chosen = session.scalars(sa.select(AuditEntry).where(*conditions)).all()
        erased = audit.erase(session, chosen, reason)
        audit.commit(session)
        return erased


def test_an_erased_entry_tells_nothing_and_the_chain_stands(world: World) -> None:
    key = world.rows["main"]["beneficiary"]
    about = entries(world, AuditEntry.person_id == key)
    chains = {entry.seq: entry.chain for entry in entries(world)}
    assert len(about) > 3 and erase(world, AuditEntry.person_id == key) == len(about)
    for entry in entries(world, AuditEntry.seq.in_([old.seq for old in about])):
        assert entry.is_erased
        assert (entry.subject_id, entry.subject_label, entry.person_id, entry.changes, entry.details) == (None,) * 5
        (old,) = (old for old in about if old.seq == entry.seq)
        assert (entry.at, entry.actor_name, entry.action, entry.subject_type) == (
            old.at,
            old.actor_name,
            old.action,
            old.subject_type,
        )
    assert {e.seq: e.chain for e in entries(world)}.items() >= chains.items()
    assert findings(world, heads=chains.items()) == []
    with world.app.app_context(), by_hand().connect() as connection:
        assert list(audit.erasures(connection)) == [entry.seq for entry in about]
    record = entries(world)[-1]
    assert record.action == AuditAction.ERASE and record.actor_name == "Kentro"
    assert audit.details_of(record)["reason"] == "άρθρο 17"
    assert erase(world, AuditEntry.seq.in_([old.seq for old in about])) == 0, "once is enough"
    assert erase(world, AuditEntry.seq == record.seq) == 0, "the record itself stays"
    page = world.client("supervisor").get(f"/admin/audit_entry/details/?id={about[0].seq}")
    assert page.status_code == 200 and "(το περιεχόμενο διαγράφηκε)" in page.text
    record_page = world.client("supervisor").get(f"/admin/audit_entry/details/?id={record.seq}")
    assert record_page.status_code == 200 and "άρθρο 17" in record_page.text


def test_an_erasure_needs_a_reason(world: World) -> None:
    with pytest.raises(BadValue):
        erase(world, AuditEntry.seq == 5, reason="  ")
    assert not entries(world, AuditEntry.action == AuditAction.ERASE)


def test_many_entries_are_erased_at_once(world: World) -> None:
    with system(world) as session:
        for n in range(1100):
            audit.note(session, AuditAction.VIEW, subject_type="unit", subject_label=f"n{n}")
        audit.commit(session)
    assert erase(world, AuditEntry.subject_label.like("n%"), AuditEntry.action == AuditAction.VIEW) == 1100
    assert len(entries(world, AuditEntry.action == AuditAction.ERASE)) == 3
    assert findings(world) == []


@pytest.mark.parametrize(
    "attack",
    [
        f"UPDATE audit_entry SET {ERASED} WHERE seq = 6",  # another one than was recorded
        "UPDATE audit_entry SET subject_label = 'x' WHERE seq = 5",  # changed instead
        f"UPDATE audit_entry SET {ERASED}, at = '2020-01-01 00:00:00.000000' WHERE seq = 5",  # and more
        "UPDATE audit_entry SET salt = '', details = '{}' WHERE seq = 5",
        f"UPDATE audit_entry SET {ERASED} WHERE action = 'erase'",
    ],
)
def test_the_database_takes_only_what_was_recorded_to_be_erased(world: World, attack: str) -> None:
    erase(world, AuditEntry.seq == 5)
    with world.app.app_context(), by_hand().connect() as connection, authorizer.lifted(connection):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"):
            connection.exec_driver_sql(attack)
        connection.rollback()
    with system(world) as session:
        audit.note(session, AuditAction.VIEW, subject_type="unit")
        audit.commit(session)
    with world.app.app_context(), by_hand().connect() as connection, authorizer.lifted(connection):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"):
            connection.exec_driver_sql(f"UPDATE audit_entry SET {ERASED} WHERE seq = 5")
        connection.rollback()


def test_what_is_left_of_an_erased_entry_is_evidence_still(world: World) -> None:
    erase(world, AuditEntry.seq == 5)
    for spoil in ("actor_name = 'άλλος'", "at = '2020-01-01 00:00:00.000000'", "details = '{}'"):
        with owner(world) as connection:
            connection.exec_driver_sql(f"UPDATE audit_entry SET {spoil} WHERE seq = 5")
            assert next(audit.verify(connection)) == CHANGED, spoil
    with owner(world) as connection:
        last = connection.scalar(sa.select(sa.func.max(ENTRIES.c.seq)))
        connection.exec_driver_sql(f"UPDATE audit_entry SET details = 'nonsense' WHERE seq = {last}")
        found = list(audit.verify(connection))
    assert found[0] == "entry 5: erased without a record" and f"entry {last}: its content was changed" in found


def test_an_erased_content_that_came_back_is_found(world: World) -> None:
    (old,) = entries(world, AuditEntry.seq == 5)
    erase(world, AuditEntry.seq == 5)
    back = {
        name: getattr(old, name) for name in ("salt", "subject_id", "subject_label", "person_id", "changes", "details")
    }
    with owner(world) as connection:
        connection.execute(sa.update(ENTRIES).where(ENTRIES.c.seq == 5).values(back))
        found = list(audit.verify(connection))
    assert found[0] == "entry 5: it is recorded as erased, and its content stands"


# --- protected values, for whoever holds the key ----------------------------------------------------------------------


def test_who_holds_the_key_reads_what_changed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    key = world.rows["main"]["beneficiary"]
    edit = f"/admin/beneficiary/edit/?id={key}"
    assert (
        world.client("caseworker.main").submit(edit, health_notes=f"{SECRET} νέο", ethnic_roma="NO").status_code == 302
    )
    (entry,) = entries(world, AuditEntry.action == AuditAction.UPDATE, AuditEntry.person_id == key)
    assert SECRET not in str(entry.changes)
    kept = audit.changes_of(entry)
    with world.app.app_context():
        assert [audit.opened(each) for each in kept["ethnic_roma"]] == ["YES", "NO"]
        assert audit.opened(kept["health_notes"][1]) == f"{SECRET} νέο"
    lengths = {len(each) for each in kept["ethnic_roma"]}
    assert len(lengths) == 1, "the length tells nothing"
    shown = cli(world, "audit", "show", str(entry.seq))
    assert f"{SECRET} νέο" in shown.output and '"NO"' in shown.output
    last = entries(world)[-1]
    assert (last.action, last.subject_id, last.actor_name) == (AuditAction.VIEW, entry.seq, "Kentro")
    monkeypatch.setitem(world.app.config, "KEYS", (b"another key than sealed it here.",))
    refused = cli(world, "audit", "show", str(entry.seq))
    assert refused.exit_code == 1 and "is not in KENTRO_KEY" in refused.output and SECRET not in refused.output
    assert cli(world, "audit", "show", "999999").exit_code == 1


def test_a_value_is_known_again_however_it_was_kept(world: World) -> None:
    from audit import recorder
    from db import fields

    health = fields(Beneficiary)["health_notes"]
    with world.app.app_context():
        sealed, hashed = recorder._plain(health, "ένα"), recorder._hashed("ένα", "0badcafe")
        for kept in (sealed, hashed):
            assert kept.startswith(audit.PROTECTED)
            assert audit.is_kept_as(health, "ένα", kept)
            assert not audit.is_kept_as(health, "δύο", kept) and not audit.is_kept_as(health, None, kept)
        assert audit.is_kept_as(health, None, None) and not audit.is_kept_as(health, "ένα", None)
        assert not audit.is_kept_as(health, "ένα", "sealed:00000000:AAAA"), "a key that is gone"
        remarks = fields(Beneficiary)["remarks"]
        assert audit.is_kept_as(remarks, "sealed:x", "sealed:x") and audit.is_kept_as(remarks, "hmac:x", "hmac:x")


# --- signed heads -----------------------------------------------------------------------------------------------------


def cli(world: World, *arguments: str) -> Result:
    return world.app.test_cli_runner().invoke(args=list(arguments))


@pytest.fixture
def signing(world: World, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(world.app.config, "TRAIL_KEY", "07" * 32)
    return cli(world, "audit", "head", "--public-key").output.strip()


def test_a_head_is_signed_and_a_trail_made_anew_does_not_hold_it(world: World, signing: str, tmp_path: Path) -> None:
    file = tmp_path / "heads"
    lines = [cli(world, "audit", "head", "--to", str(file)).output.strip() for _ in range(3)]
    assert file.read_text().splitlines() == lines
    number, chain, moment, _sign = re.fullmatch(r"(\d+):([0-9a-f]{64}) (\S+) (\S+)", lines[1]).groups()  # type: ignore[union-attr]
    assert moment.endswith("+00:00")
    assert [e.chain for e in entries(world, AuditEntry.seq == int(number))] == [chain]
    last = entries(world, AuditEntry.seq == int(number))[0]
    assert audit.details_of(last) == {"task": "audit head", "to": "heads"}, "the head covers its own entry"
    whole = cli(world, "audit", "verify", "--head", str(file))
    assert whole.exit_code == 0 and "3 signed heads hold" in whole.output, whole.output
    assert cli(world, "audit", "verify", "--head", str(file), "--public-key", signing).exit_code == 0
    assert cli(world, "audit", "verify", "--anchor", f"{number}:{chain}").exit_code == 0

    with world.app.app_context(), by_hand().connect() as connection:
        heads = list(audit.read_heads(file, signing))
    with owner(world) as connection:
        connection.exec_driver_sql(f"UPDATE audit_entry SET actor_id = 99 WHERE seq = {number}")
        rechain(connection, int(number))
        assert not [f for f in audit.verify(connection) if f.startswith("entry")]
        found = list(audit.verify(connection, heads=heads))
    since = f"after entry {heads[0][0]}"
    assert found[0] == f"entry {number}: {ELSEWHERE.replace('before it', f'before it {since}')}"


def test_a_forged_head_is_named(world: World, signing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "heads"
    line = cli(world, "audit", "head").output.strip()
    other = line.replace("1", "2", 1) if line[0] == "1" else f"1{line[1:]}"
    for forged, why in (("nonsense", "no head of a trail"), (other, "it was changed, or signed with another key")):
        file.write_text(f"{line}\n\n{forged}\n", encoding="utf-8")
        told = cli(world, "audit", "verify", "--head", str(file))
        assert told.exit_code == 1 and "line 3 of heads: " in told.output and why in told.output
    file.write_text(line, encoding="utf-8")
    for key in ("08" * 32, "nonsense"):
        assert cli(world, "audit", "verify", "--head", str(file), "--public-key", key).exit_code == 1
    monkeypatch.setitem(world.app.config, "TRAIL_KEY", "08" * 32)
    assert "another key" in cli(world, "audit", "verify", "--head", str(file)).output


def test_the_signing_key_is_made_once_and_kept(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(world.app, "instance_path", str(tmp_path))
    first = cli(world, "audit", "head", "--public-key").output
    assert re.fullmatch(r"[0-9a-f]{64}\n", first) and cli(world, "audit", "head", "--public-key").output == first
    assert (tmp_path / "trail_key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(config.Misconfigured, match="KENTRO_TRAIL_KEY"):
        config.load({"KENTRO_TRAIL_KEY": "07", "SECRET_KEY": "κ" * 32, "DATABASE_URL": "sqlite://"})


SYSLOG = r"<109>1 \d{4}-\d\d-\d\dT\S+\+00:00 \S+ kentro \d+ trail-head - "


@pytest.mark.parametrize("scheme", ["", "udp://", "tcp://"])
def test_a_head_goes_to_a_syslog_server(world: World, signing: str, scheme: str) -> None:
    kind = socket.SOCK_STREAM if scheme == "tcp://" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        if scheme == "tcp://":
            server.listen()
        told = cli(world, "audit", "head", "--syslog", f"{scheme}127.0.0.1:{server.getsockname()[1]}")
        assert told.exit_code == 0, told.output
        if scheme == "tcp://":
            stream, _from = server.accept()
            with stream, stream.makefile("rb") as sent:
                length, _, message = sent.read().decode().partition(" ")
                assert int(length) == len(message)
        else:
            message = server.recv(2000).decode()
    line = told.output.strip()
    assert re.fullmatch(SYSLOG + re.escape(line), message)


def test_a_head_that_cannot_be_sent_is_told(world: World, signing: str) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        port = unheard.getsockname()[1]
        for to in ("nowhere", "http://127.0.0.1:80", f"tcp://127.0.0.1:{port}", "127.0.0.1:"):
            told = cli(world, "audit", "head", "--syslog", to)
            assert told.exit_code == 1 and "Traceback" not in told.output, to


# --- what passes by the rows ------------------------------------------------------------------------------------------


def test_bulk_statements_leave_an_entry(world: World) -> None:
    unit, before = world.rows["main"]["unit"], len(table(world))
    with system(world) as session:
        here = Visit.unit_id == unit
        session.execute(sa.update(Visit).where(here).values(action="μαζικά"))
        drawn = session.execute(sa.update(Visit).where(here).values(channel=Channel.PHONE).returning(Visit.id)).all()
        session.execute(sa.delete(Visit).where(here, Visit.request == "μυστικό"))
        rows = [{"unit_id": unit, "staff_id": world.users["caseworker.main"], "request": f"n{n}"} for n in range(3)]
        session.execute(sa.insert(Visit), rows)
        audit.commit(session)
    made = entries(world, AuditEntry.seq > before)
    told = [(e.action, e.subject_type, e.subject_id, e.actor_name, audit.details_of(e)) for e in made]
    where = {"where": "visit.unit_id = :unit_id_1"}
    both = {"where": "visit.unit_id = :unit_id_1 AND visit.request = :request_1"}
    assert len(drawn) == 1
    assert told == [
        (AuditAction.UPDATE, "visit", None, "Kentro", {"rows": 1} | where),
        (AuditAction.UPDATE, "visit", None, "Kentro", {"rows": 1} | where),
        (AuditAction.DELETE, "visit", None, "Kentro", {"rows": 0} | both),
        (AuditAction.CREATE, "visit", None, "Kentro", {"rows": 3}),
    ]
    assert findings(world) == []


def test_a_bulk_statement_that_cannot_be_recorded_does_not_happen(world: World) -> None:
    with system(world) as session:
        session.connection().execute(sa.insert(ENTRIES), [dict.fromkeys(ENTRIES.c.keys()) | {
            "seq": len(table(world)) + 1, "at": now(), "action": AuditAction.VIEW, "salt": "", "digest": "", "chain": "",
        }])  # fmt: skip
        with pytest.raises(audit.Unrecorded):
            session.execute(sa.update(Visit).values(action="μαζικά"))
        session.rollback()
    assert not world.query(sa.select(Visit).where(Visit.action == "μαζικά"))


def test_migrations_leave_an_entry(world: World) -> None:
    first = entries(world)[0]
    assert first.action == AuditAction.SYSTEM and first.actor_name == "Kentro"
    details = audit.details_of(first)
    assert details["task"] == "migration" and details["schema"].startswith("– → ")
    before = len(table(world))
    assert cli(world, "db", "upgrade").exit_code == 0
    assert len(table(world)) == before, "nothing happened, nothing is recorded"


def test_every_command_leaves_its_entry(world: World, signing: str, tmp_path: Path) -> None:
    """But for `audit head --public-key`, which tells what is no secret, and what only serves."""
    commands = (
        ("audit", "verify"), ("audit", "head"), ("audit", "show", "3"),
        ("report", "monthly", "--month", "2026-01", "--out", str(tmp_path / "report.xlsx")),
        ("backup", str(tmp_path / "backup")), ("seed", "xanthi"),
    )  # fmt: skip
    for command in commands:
        before = len(table(world))
        done = cli(world, *command)
        if command[0] == "backup" and world.dialect == "postgresql":
            continue  # its own programs must not be older than the server
        if command[0] != "seed":
            assert done.exit_code == 0, done.output
            assert len(table(world)) > before, command
    assert findings(world) == []
