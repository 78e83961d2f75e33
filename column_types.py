"""How values that databases keep differently, or not exactly, are kept."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import sqlite

import vault


class Instant(sa.types.TypeDecorator[dt.datetime]):
    """A moment, aware, kept in UTC."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("A moment needs its time zone.")
        utc = value and value.astimezone(dt.UTC)
        return utc.replace(tzinfo=None) if utc and dialect.name == "sqlite" else utc

    def process_result_value(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


class Hundredths(sa.types.TypeDecorator[Decimal]):
    """A number with two decimals, kept as whole hundredths, since SQLite has no exact decimals."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | int | None, dialect: sa.Dialect) -> int | None:
        return None if value is None else int((Decimal(value) * 100).to_integral_value())

    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> Decimal | None:
        return None if value is None else Decimal(value) / 100


class CodeSet(sa.types.TypeDecorator[tuple[Any, ...]]):
    """Several codes of one list, kept as `|A|B|` so that a filter is one LIKE on either database."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, codes: tuple[Any, ...]) -> None:
        super().__init__()
        self.codes = codes

    def process_bind_param(self, value: Iterable[str] | None, dialect: sa.Dialect) -> str:
        chosen = {str.__str__(code) for code in value or ()}
        return "".join(f"|{code.value}" for code in self.codes if code.value in chosen) + "|" if chosen else ""

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> tuple[Any, ...]:
        chosen = set((value or "").split("|"))
        return tuple(code for code in self.codes if code.value in chosen)

    class comparator_factory(sa.types.TypeDecorator.Comparator[Any]):
        def holds(self, code: str) -> sa.ColumnElement[bool]:
            """The set contains this code."""
            return sa.type_coerce(self.expr, sa.Text).like(f"%|{code}|%")


class Vaulted(sa.types.TypeDecorator[Any]):
    """A value of another type, kept sealed (vault.py), none too: which rows hold one does not show.

    Databases can neither compare nor order it; whoever asks for that gets a TypeError instead of a wrong answer, and
    asks sealing.py. The same value in another column does not open, for it is sealed for its own.
    """

    impl = sa.LargeBinary
    cache_ok = True

    def __init__(self, inner: sa.types.TypeEngine[Any], least: int, context: str = "") -> None:
        super().__init__()
        self.inner, self.least, self.context = inner, least, context
        self._plain = inner.dialect_impl(_PLAIN)
        self._to_plain, self._from_plain = (
            self._plain.bind_processor(_PLAIN),
            self._plain.result_processor(_PLAIN, None),
        )

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> bytes:
        plain = self._to_plain(value) if self._to_plain else value
        return vault.box(json.dumps(plain, ensure_ascii=False), self.context, self.least)

    def process_result_value(self, value: bytes | None, dialect: sa.Dialect) -> Any:
        if value is None:  # of an outer join
            return None
        plain = json.loads(vault.unbox(bytes(value), self.context))
        return self._from_plain(plain) if self._from_plain else plain

    class comparator_factory(sa.types.TypeDecorator.Comparator[Any]):
        def operate(self, op: Any, *other: Any, **kwargs: Any) -> Any:
            raise TypeError("A sealed column is neither compared nor ordered by the database.")

        reverse_operate = operate


_PLAIN = sqlite.dialect()
"""Whose way of keeping values as numbers and texts is followed inside the seal, whatever database is around it."""


@event.listens_for(sa.Column, "after_parent_attach")
def _tell_place(column: sa.Column[Any], table: sa.Table) -> None:
    if isinstance(column.type, Vaulted):
        column.type.context = f"{table.name}.{column.name}"


def sort_text(length: int) -> sa.String:
    """Text ordered by code point on both databases; what stands in it is folded, so that is Greek order."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")
