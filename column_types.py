"""How values that databases keep differently, or not exactly, are kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import sqlalchemy as sa


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


def sort_text(length: int) -> sa.String:
    """Text ordered by code point on both databases; what stands in it is folded, so that is Greek order."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")
