"""The same people in two schemas: Kentro's own, made by its own commands, and the peers', copied from it."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import schema
import sqlalchemy as sa

from .cases import FRAGMENT

ROOT = Path(__file__).parents[1]
KEPT = ROOT / ".cache" / "bench"
PASSWORD = "bench-of-invented-people"
KEY = "be" * 32
PEERS_FOLDER = Path(schema.__file__).parent


class NotOurs(RuntimeError):
    """The database holds people that no benchmark has put there."""


def kentro_url(people: int) -> str:
    """DATABASE_URL, else an SQLite file for so many people."""
    KEPT.mkdir(parents=True, exist_ok=True)
    return os.environ.get("DATABASE_URL") or f"sqlite:///{KEPT}/kentro-{people}.sqlite"


def peers_url(kentro: str) -> str:
    """The peers' tables: an SQLite file of their own; on PostgreSQL, where no names collide, the same database."""
    url = sa.make_url(kentro)
    if url.get_backend_name() == "sqlite":
        return f"{kentro.removesuffix('.sqlite')}.peers.sqlite"
    if url.password:
        os.environ["PGPASSWORD"] = url.password  # Django's peer takes no password from the URL
    return engine(kentro).url.render_as_string(hide_password=False)


@cache
def engine(address: str) -> sa.Engine:
    """The way to a database past the applications."""
    url = sa.make_url(address)
    is_sqlite = url.get_backend_name() == "sqlite"
    return sa.create_engine(url if is_sqlite else url.set(drivername="postgresql+psycopg"))


def prepare(kentro: str, flask: Path, people: int) -> str:
    """Fill both schemas, or find them filled; tell where the peers' is.

    Raises:
        NotOurs: the database was not made by a benchmark.
    """
    peers = peers_url(kentro)
    there, here = engine(kentro), engine(peers)
    invented = _count(there, "beneficiary")
    if invented and not sa.inspect(here).has_table("beneficiaries"):
        raise NotOurs(f"{there.url!r} holds people that no benchmark has put there: name an empty database.")
    _run(flask, "db", "upgrade", database=kentro)
    if not invented:
        schema.md.create_all(here)
        _run(flask, "seed", "drama", "--demo", "--volume", str(people), "--password", PASSWORD, database=kentro)
    if not invented or invented != _count(here, "beneficiaries"):
        _copy(there, here)
    _set_up_django(peers)
    return peers


def _count(where: sa.Engine, table: str) -> int:
    if not sa.inspect(where).has_table(table):
        return 0
    with where.connect() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(sa.table(table))) or 0


def _run(flask: Path, *arguments: str, database: str) -> None:
    environment = os.environ | {"DATABASE_URL": database, "KENTRO_MODE": "development", "KENTRO_KEY": KEY}
    environment.pop("PYTHONPATH", None)
    command = [str(flask), "--app", "app", *arguments]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)


def _set_up_django(peers: str) -> None:
    """Django's own tables and its one user."""
    command = [sys.executable, "-m", "django_peer.wsgi"]
    subprocess.run(command, cwd=PEERS_FOLDER, env=os.environ | {"PEERS_DB": peers}, check=True)


# --- copying ----------------------------------------------------------------------------------------------------------


def _copy(there: sa.Engine, here: sa.Engine) -> None:
    """Kentro's units, households and people as rows of the peers' schema."""
    own = sa.MetaData()
    own.reflect(there, only=("unit", "household", "household_member", "beneficiary"))
    with there.begin() as connection:
        _close_some(connection, own.tables["beneficiary"])
    schema.md.drop_all(here)
    schema.md.create_all(here)
    with there.connect() as source, here.begin() as target:
        for table, rows in _rows(source, own.tables):
            target.execute(sa.insert(table), list(rows))
    _settle(here)


def _close_some(connection: sa.Connection, person: sa.Table) -> None:
    """Every fifth file is closed, so that the filter has something to leave out: all that were invented are open."""
    fifth = (person.c.id % 5 == 0) & person.c.closed_on.is_(None)
    connection.execute(sa.update(person).where(fifth).values(closed_on=person.c.registered_on))


def _rows(source: sa.Connection, own: Any) -> Iterator[tuple[sa.Table, Iterator[dict[str, Any]]]]:
    unit, household, person, member = own["unit"], own["household"], own["beneficiary"], own["household_member"]
    home_of = {row.beneficiary_id: row.household_id for row in source.execute(sa.select(member))}
    # The peers show the highest number first: numbered from the end of Kentro's order, all show the same page.
    last_first = sa.select(person).order_by(person.c.sort_key.desc(), person.c.id.desc())
    people = enumerate(source.execute(last_first), 1)
    yield schema.units, (_unit(row) for row in source.execute(sa.select(unit)))
    yield schema.households, (_household(row) for row in source.execute(sa.select(household)))
    yield schema.beneficiaries, (_person(number, row, home_of.get(row.id)) for number, row in people)


def _unit(row: Any) -> dict[str, Any]:
    return {"id": row.id, "code": row.code, "name": row.name, "address": row.address or "", "phone": row.phone or ""}


def _household(row: Any) -> dict[str, Any]:
    return {
        "id": row.id, "unit_id": row.unit_id, "code": row.code, "address": row.address or "", "city": row.area or "",
        "members": 1, "income_band": "", "created_at": dt.datetime(2026, 1, 1),
    }  # fmt: skip


def _person(number: int, row: Any, household_id: int | None) -> dict[str, Any]:
    """Texts, ΑΜΚΑ, date of birth and sex, which the peers need, are made up for the few who lack one."""
    registered = dt.datetime.combine(row.registered_on, dt.time())
    same = {name: getattr(row, name) or "-" for name in SAME_NAME}
    return same | {
        "id": number, "household_id": household_id, "unit_id": row.unit_id, "amka": row.amka or f"{row.id:011d}",
        "birth_date": row.born_on or dt.date(1900, 1, 1), "sex": "F" if row.sex == "F" else "M",
        "status": "archived" if row.closed_on else "active", "notes": row.remarks, "street": row.address or "-",
        "street_no": "1", "city": row.area or "-", "is_disabled": False, "is_long_term_unemployed": False,
        "is_roma": False, "is_migrant": row.nationality != "GR", "is_single_parent": False,
        "is_homeless": False, "created_at": registered, "updated_at": registered,
    }  # fmt: skip


SAME_NAME = (
    "last_name", "first_name", "father_name", "mother_name", "afm", "phone", "mobile", "email", "postal_code",
    "nationality", "marital_status", "employment_status", "education",
)  # fmt: skip


def _settle(here: sa.Engine) -> None:
    """Leave the database as a server at work would have it: counted, and the journal on."""
    with here.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if here.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        connection.exec_driver_sql("ANALYZE")


# --- what every server must show --------------------------------------------------------------------------------------


def expected(peers: str, case: str, amka: str) -> list[str]:
    """Last and first names on the page of this case, in their order."""
    people = schema.beneficiaries.c
    found = sa.select(people.last_name, people.first_name).order_by(people.id.desc()).limit(schema.PAGE)
    here = engine(peers)
    match case:
        case "deep":
            found = found.offset((_count(here, "beneficiaries") - 1) // schema.PAGE * schema.PAGE)
        case "filter":
            found = found.where(people.unit_id == 1, people.status == "active")
        case "search":
            found = found.where(people.last_name.contains(FRAGMENT))
        case "amka":
            found = found.where(people.amka == amka)
    with here.connect() as connection:
        return [name for row in connection.execute(found) for name in row]


def kentro_ids(kentro: str, peers: str, numbers: list[int]) -> dict[int, int]:
    """The peers' numbers of these people, and Kentro's."""
    copied = schema.beneficiaries.c
    own = sa.table("beneficiary", sa.column("id"), sa.column("amka"))
    with engine(peers).connect() as here, engine(kentro).connect() as there:
        number_of = {row.amka: row.id for row in here.execute(sa.select(copied).where(copied.id.in_(numbers)))}
        rows = there.execute(sa.select(own).where(own.c.amka.in_(number_of)))
        return {number_of[row.amka]: row.id for row in rows}
