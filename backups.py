"""Copies of the whole database in one file: made while the application runs, checked, and put back."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from psycopg.conninfo import make_conninfo

import row_security
from db import db
from row_security import owner_engine

KEPT_TABLES = {"alembic_version", "audit_entry", "audit_head"}
"""What makes a database one of ours, whatever its version."""


class BackupFailed(RuntimeError):
    """The copy cannot be made or put back; the text says why."""


def make(file: Path) -> str:
    """Copy the database to the file, whatever others write meanwhile; the file's SHA-256.

    Raises:
        BackupFailed: nothing is left in the file's place that was not there before.
    """
    with _beside(file) as copy:
        if _is_sqlite():
            _copy_sqlite(_database_file(), copy)
        else:
            _refuse_hidden_rows()
            _postgres("pg_dump", "--format=custom", "--enable-row-security", f"--file={copy}", _conninfo())
        check(copy)
    return sha256(file)


def check(file: Path) -> None:
    """Refuse what is damaged, or no backup of ours for this kind of database.

    Raises:
        BackupFailed: it is.
    """
    tables = _tables_in_sqlite(file) if _is_sqlite() else _tables_in_dump(file)
    if missing := KEPT_TABLES - tables:
        raise BackupFailed(f"{file.name} is no backup of Kentro: it lacks {', '.join(sorted(missing))}.")


def restore(file: Path) -> None:
    """Put a checked copy in the database's place, all of it or nothing. The application must not run.

    Raises:
        BackupFailed: the database is as it was.
    """
    db.session.close()
    for engine in db.engines.values():
        engine.dispose()
    if _is_sqlite():
        _replace_sqlite(file, _database_file())
    else:
        how = ("--clean", "--if-exists", "--single-transaction", "--no-owner", "--no-privileges")
        _postgres("pg_restore", *how, f"--dbname={_conninfo()}", str(file))
        # The roles of this server are not those of the one where the copy was made.
        with owner_engine().begin() as connection, row_security.lowered(connection):
            pass


def is_database_empty() -> bool:
    """No table but the migrations' own and the trail holds a row."""
    try:
        # A trail that only tells of the migrations themselves is no loss.
        tables = [table for table in sa.inspect(db.engine).get_table_names() if table not in KEPT_TABLES]
        rows = (db.session.execute(sa.select(1).select_from(sa.table(table)).limit(1)).first() for table in tables)
        return all(row is None for row in rows)
    except sa.exc.DatabaseError:
        return False  # a database that cannot be read may still be worth saving


def sha256(file: Path) -> str:
    """The file's SHA-256, by which a copy is known again."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


# --- files ------------------------------------------------------------------------------------------------------------


def _is_sqlite() -> bool:
    return db.engine.dialect.name == "sqlite"


def _database_file() -> Path:
    name = db.engine.url.database
    if not name or name == ":memory:":
        raise BackupFailed("The database is in memory: there is no file to copy.")
    return Path(name)


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A private temporary file that takes the target's place when all went well, and never half of it."""
    target = target.absolute()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    os.close(handle)
    copy = Path(name)
    try:
        yield copy
        _sync(copy)
        copy.replace(target)
        _sync(target.parent)
    finally:
        copy.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# --- SQLite -----------------------------------------------------------------------------------------------------------


def _copy_sqlite(source: Path, target: Path) -> None:
    """A consistent copy in one file, whatever others write meanwhile."""
    with closing(_open_sqlite(source)) as there, closing(sqlite3.connect(target)) as here:
        there.backup(here)
        here.execute("PRAGMA journal_mode=DELETE")


def _open_sqlite(file: Path, mode: str = "ro") -> sqlite3.Connection:
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode={mode}", uri=True, timeout=10)


def _tables_in_sqlite(file: Path) -> set[str]:
    """The tables of a sound database."""
    try:
        with closing(_open_sqlite(file)) as connection:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.DatabaseError as error:
        raise BackupFailed(f"{file.name} is not a sound SQLite database: {error}.") from error
    if found != ["ok"]:
        raise BackupFailed(f"{file.name} is damaged: {found[0]}.")
    return tables


def _replace_sqlite(source: Path, target: Path) -> None:
    with _beside(target) as copy:
        _copy_sqlite(source, copy)
        _close_log(target)


def _close_log(target: Path) -> None:
    """Leave the old database without a log of its own, which SQLite would replay into the new one."""
    try:
        with closing(_open_sqlite(target, "rw")) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise BackupFailed("The database is in use: stop the application first.") from error
    except sqlite3.DatabaseError:
        logging.getLogger(__name__).warning("The database that is replaced is damaged.")
    for ending in ("-wal", "-shm"):
        target.with_name(target.name + ending).unlink(missing_ok=True)


# --- PostgreSQL -------------------------------------------------------------------------------------------------------


def _conninfo() -> str:
    """The database's address for PostgreSQL's own programs, without the password: arguments are seen by everybody."""
    url = owner_engine().url
    said: dict[str, Any] = {"host": url.host, "port": url.port, "user": url.username, "dbname": url.database}
    return make_conninfo("", **{name: value for name, value in (said | dict(url.query)).items() if value is not None})


def _refuse_hidden_rows() -> None:
    """Where row security is on and lacks its policies, a copy would lack the rows, and nobody would notice."""
    with owner_engine().connect() as connection:
        hidden = connection.exec_driver_sql(
            "SELECT relname FROM pg_class c WHERE relrowsecurity "
            "AND NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid)"
        ).scalars()
        if names := ", ".join(sorted(hidden)):
            raise BackupFailed(f"Rows of {names} are hidden by row security: run flask --app app db upgrade.")


def _postgres(program: str, *arguments: str) -> str:
    """Run one of PostgreSQL's own programs as the tables' owner, shown every unit's rows."""
    password = owner_engine().url.password
    environment = dict(os.environ) | ({"PGPASSWORD": str(password)} if password else {})
    environment["PGOPTIONS"] = f"{environment.get('PGOPTIONS', '')} -c kentro.units={row_security.EVERY_UNIT}"
    try:
        done = subprocess.run(  # noqa: S603 (the program is named here, the address comes from the configuration)
            [program, *arguments], env=environment, capture_output=True, text=True, check=True
        )
    except FileNotFoundError as error:
        raise BackupFailed(f"{program} is missing: install the client programs of PostgreSQL.") from error
    except subprocess.CalledProcessError as error:
        raise BackupFailed(f"{program} failed: {error.stderr.strip()}") from error
    return done.stdout


def _tables_in_dump(file: Path) -> set[str]:
    """The tables that pg_restore would make."""
    contents = _postgres("pg_restore", "--list", str(file))
    return set(re.findall(r"^\d+; \d+ \d+ TABLE \S+ (\S+)", contents, re.MULTILINE))
