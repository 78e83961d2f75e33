"""Sealed columns as a whole: which rows hold what (databases cannot tell), and their renewal under another key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

import vault
from db import Base, begin_write, fields

AT_ONCE = 2_000  # rows that are sealed anew in one transaction


def rows_by_value(session: orm.Session, column: Any, *where: sa.ColumnElement[bool]) -> dict[Any, list[int]]:
    """The numbers of the rows that the session's reader sees, by what stands in their sealed column."""
    found: dict[Any, list[int]] = {}
    for key, value in session.execute(sa.select(column.class_.id, column).where(*where)):
        found.setdefault(value, []).append(key)
    return found


def where(session: orm.Session, column: Any, test: Callable[[Any], bool]) -> sa.ColumnElement[bool]:
    """Rows whose sealed column holds a value that passes the test, as a condition."""
    return passing(column.class_.id, rows_by_value(session, column), test)


def passing(number: Any, known: Mapping[Any, Iterable[int]], test: Callable[[Any], bool]) -> sa.ColumnElement[bool]:
    """Rows that are known (`rows_by_value`) to hold a value that passes the test, as a condition."""
    keys = dict.fromkeys((key for value, found in known.items() if test(value) for key in found), 0)
    # One parameter however many rows: both databases bound the number of parameters, and read this.
    each = sa.func.json_each(sa.literal(keys, sa.JSON)).table_valued("key")
    return number.in_(sa.select(sa.cast(each.c.key, sa.Integer)))  # type: ignore[no-any-return]


def sealed_columns() -> dict[str, list[str]]:
    """The tables that hold sealed values, and their columns."""
    models = sorted((mapper.class_ for mapper in Base.registry.mappers), key=lambda model: model.__tablename__)
    names = {
        model.__tablename__: [name for name, field in fields(model).items() if field.is_sealed] for model in models
    }
    return {table: sealed for table, sealed in names.items() if sealed}


def check(session: orm.Session) -> None:
    """Every key that something is sealed with is here.

    Raises:
        vault.Sealed: one is not; KENTRO_KEY lost it, or is another installation's.
    """
    heads = (
        sa.select(sa.func.substr(column, 1, vault.KEY_ID)).where(column.is_not(None))
        for table, names in sealed_columns().items()
        for column in _as_kept(table, names).c
        if column.name != "id"
    )
    known = {bytes(head) for head in session.connection().execute(sa.union(*heads)).scalars()}
    if missing := vault.missing(known):
        raise vault.Sealed(
            f"Values in this database are sealed with a key that is not in KENTRO_KEY ({', '.join(sorted(missing))}). "
            "Nothing can be read or kept until it is set again."
        )


def renew(session: orm.Session) -> Iterator[tuple[str, int]]:
    """Seal under the first key what is sealed under others; table and number of rows of each batch, to be committed.

    Broken off, it goes on where it stopped: what is renewed already is left alone.

    Raises:
        vault.Sealed: a value cannot be opened; what was committed before stays.
    """
    for table, names in sealed_columns().items():
        kept, last = _as_kept(table, names), 0
        while True:
            begin_write()
            batch = sa.select(kept).where(kept.c.id > last).order_by(kept.c.id).limit(AT_ONCE).with_for_update()
            rows = session.connection().execute(batch).mappings().all()
            if not rows:
                session.rollback()
                break
            last = rows[-1]["id"]
            yield table, _renew(session, kept, [dict(row) for row in rows])


def _renew(session: orm.Session, kept: sa.TableClause, rows: list[dict[str, Any]]) -> int:
    old = [row for row in rows if not all(map(_is_current, row.values()))]
    fresh = [
        {"row": row["id"]} | {c: _sealed_anew(v, f"{kept.name}.{c}") for c, v in row.items() if c != "id"}
        for row in old
    ]
    if fresh:
        values: dict[str, Any] = {name: sa.bindparam(name) for name in fresh[0] if name != "row"}
        session.connection().execute(sa.update(kept).where(kept.c.id == sa.bindparam("row")).values(values), fresh)
    return len(fresh)


def _is_current(value: Any) -> bool:
    return not isinstance(value, bytes) or vault.is_current(value)


def _sealed_anew(value: bytes | None, context: str) -> bytes | None:
    if value is None or vault.is_current(value):
        return value
    return vault.box(vault.unbox(value, context), context, len(value) - vault.OVERHEAD)


def _as_kept(table: str, names: list[str]) -> sa.TableClause:
    """The table with its sealed columns as the database sees them."""
    return sa.table(table, sa.column("id", sa.Integer), *(sa.column(name, sa.LargeBinary) for name in names))
