"""What a report covers, and counting in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

import matching
import policy
import sealing
from models import Beneficiary, Unit

from .period import Period, Test

Counts = Mapping[tuple[Any, Any], int]
"""Counts by row and column of a table."""


class UnknownUnit(ValueError):
    """No unit that the reader sees has this code."""


def units(session: orm.Session, code: str | None = None) -> list[Unit]:
    """The reader's units, or the one with this code.

    Raises:
        UnknownUnit: there is no such unit, or the reader does not see it.
    """
    scope, query = policy.scope_in(session), sa.select(Unit).order_by(Unit.id)
    if not scope.is_system:
        query = query.where(Unit.id.in_(scope.unit_ids))
    if code is not None:
        query = query.where(Unit.code == code)
    found = list(session.scalars(query))
    if code is not None and not found:
        raise UnknownUnit(code)
    return found


@dataclass(frozen=True)
class Coverage:
    """A period in some units, as the session's reader sees them."""

    session: orm.Session
    period: Period
    units: Sequence[Unit]
    opened: dict[str, dict[Any, list[int]]] = field(default_factory=dict, compare=False)
    """People by what stands in a sealed column: opened once for all tables of a workbook."""

    def holds(self, model: Any) -> Test:
        """The row belongs to one of the units."""
        test: Test = model.unit_id.in_([unit.id for unit in self.units])
        return test

    def answered(self, column: Any, *codes: Any) -> Test:
        """The person's sealed column holds one of the codes."""
        if column.key not in self.opened:
            self.opened[column.key] = sealing.rows_by_value(self.session, column, self.holds(Beneficiary))
        wanted = set(codes)
        held = lambda value: not wanted.isdisjoint(value if isinstance(value, tuple) else (value,))  # noqa: E731
        return sealing.passing(Beneficiary.id, self.opened[column.key], held)

    def counts(self, query: sa.Select[*tuple[Any, ...]], keys: int = 1) -> Counts:
        """What the query counts; a row's key is its first `keys` columns, then come the column's key and the count."""
        found = self.session.execute(query)
        return {(row[0] if keys == 1 else tuple(row[:keys]), row[keys]): row[keys + 1] for row in found}

    def lines(self, query: sa.Select[*tuple[Any, ...]]) -> dict[Any, Sequence[Any]]:
        """The query's rows by their first column."""
        return {row[0]: row[1:] for row in self.session.execute(query)}

    def once(self, counted: Test, before: Test | None = None, *, in_each_unit: bool = False) -> Test:
        """Of the records that a coordinator linked as one person, one (matching.once)."""
        held = self.holds(Beneficiary)
        earlier = None if before is None else held & before
        return matching.once(self.session, held & counted, earlier, in_each_unit=in_each_unit)

    def by_sex(self, column: Any, *where: Test) -> Counts:
        """People by a column and by sex."""
        query = sa.select(column, Beneficiary.sex, sa.func.count(Beneficiary.id))
        return self.counts(query.where(self.holds(Beneficiary), *where).group_by(column, Beneficiary.sex))

    def tally(self, tests: Mapping[Any, Test], *where: Test) -> Counts:
        """How many people pass each test, by sex; the tests may overlap."""
        passed = [sa.func.count(Beneficiary.id).filter(test) for test in tests.values()]
        query = sa.select(Beneficiary.sex, *passed).where(self.holds(Beneficiary), *where).group_by(Beneficiary.sex)
        found = self.session.execute(query)
        return {(key, row[0]): n for row in found for key, n in zip(tests, row[1:], strict=True)}
