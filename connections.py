"""How the database is connected to: which connection is next, and what each to SQLite is told first."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

import authorizer
import search


class LastUsedFirst(sa.QueuePool):
    """The connection last used comes first: SQLite drops the page cache of one when another has written meanwhile."""

    def __init__(self, *args: Any, dialect: sa.Dialect, **kwargs: Any) -> None:
        # A server may have gone away since, and is asked first whether it is there; a file is not.
        asked = {"use_lifo": True, "pre_ping": dialect.name != "sqlite"}
        super().__init__(*args, dialect=dialect, **(kwargs | asked))


def listen(engine: sa.Engine, synchronous: str) -> None:
    """Set up every connection to SQLite that is made, and have its transactions begin as they are asked to."""
    event.listen(engine, "connect", lambda raw, _: _set_up(raw, synchronous))
    event.listen(engine, "begin", _begin)


def _set_up(connection: Any, synchronous: str) -> None:
    connection.isolation_level = None
    # The cache in KiB: SQLite's own 2000 does not hold one index of a large centre.
    kept = f"foreign_keys=ON recursive_triggers=ON journal_mode=WAL synchronous={synchronous} cache_size=-32000"
    for pragma in f"{kept} busy_timeout=10000".split():
        connection.execute(f"PRAGMA {pragma}")  # nosemgrep: sql-built-from-text (settings of ours)
    connection.execute("SELECT 1 FROM json_each('[]')")  # made at first use, which the authorizer refuses
    connection.create_function("greek_key", 1, _greek_key, deterministic=True)
    connection.set_authorizer(authorizer.decide)


@lru_cache(2**12)
def _greek_key(text: str | None) -> str | None:
    """The short lists that stand in many forms are ordered by it at every page."""
    return text and search.fold(text)


def _begin(connection: sa.Connection) -> None:
    immediate = connection.get_execution_options().get("immediate")
    # A reader's beginning goes straight to the driver: it comes before every page, and cannot fail.
    connection.exec_driver_sql("BEGIN IMMEDIATE") if immediate else connection.connection.execute("BEGIN")  # type: ignore[attr-defined]
