"""Who opens the first page, when, and counting for them: a number and the list behind it come from the same filters."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from flask import url_for

import policy
from db import Base, db
from models import today

from ..base import KentroView, greek_date

Filters = Mapping[str, str]
"""Filters of a list by their names in its address. A value may hold {me} and the days that `Desk` knows."""

SOON, LATELY = dt.timedelta(days=60), dt.timedelta(days=6)


class Number(NamedTuple):
    """How many rows there are, and where they are listed."""

    value: int
    url: str


class Desk:
    """The reader, the day, the month looked at, and the screens."""

    def __init__(self, scope: policy.Scope, views: Iterable[KentroView], month: dt.date) -> None:
        self.scope, self.day, self.month = scope, today(), month
        self._views = {view.model: view for view in views}
        yesterday, soon = self.day - dt.timedelta(days=1), self.day + SOON
        self._words = {
            "me": str(scope.user_id),
            "today": greek_date(self.day),
            "yesterday": greek_date(yesterday),
            "soon": span(self.day, soon),
            "lately": span(self.day - LATELY, self.day),
        }

    def view(self, model: type[Base]) -> KentroView:
        """The model's screen."""
        return self._views[model]

    def offers(self, model: type[Base], *filters: Filters) -> bool:
        """The reader may open the model's list and has these filters there."""
        view = self.view(model)
        return view.may("read") and all(name in view._filter_args for each in filters for name in each)

    def condition(self, model: type[Base], filters: Filters) -> sa.ColumnElement[bool]:
        """What the list narrows its rows to under these filters."""
        query, known = sa.select(model), self.view(model)._filter_args
        for name, value in filters.items():
            flt = known[name][1]
            query = flt.apply(query, flt.clean(self._filled(value)))
        return query.whereclause if query.whereclause is not None else sa.true()

    def address(self, model: type[Base], filters: Filters, order: str | None = None) -> str:
        """The list under these filters, by one of its columns where that is said."""
        asked: dict[str, Any] = {
            f"flt{n}_{name}": self._filled(value) for n, (name, value) in enumerate(filters.items())
        }
        columns = [name for name, _label in self.view(model)._list_columns]
        if order in columns:
            asked["sort"] = columns.index(order)
        return url_for(f"{model.__tablename__}.index_view", **asked)

    def numbers(
        self, model: type[Base], cells: Sequence[Filters], common: Filters | None = None, within: Filters | None = None
    ) -> list[Number]:
        """How many rows pass the common filters and those of each cell, in one query.

        `within` are filters that every cell implies: they are not said in addresses, and spare the database the rest.
        """
        common = common or {}
        passed = [sa.func.count().filter(self.condition(model, cell)) for cell in cells]
        query = sa.select(*passed).select_from(model).where(self.condition(model, {**common, **(within or {})}))
        counted = db.session.execute(query).one() if cells else ()
        return [Number(n, self.address(model, {**common, **cell})) for n, cell in zip(counted, cells, strict=True)]

    def _filled(self, value: str) -> str:
        return value.format(**self._words)


def span(first: dt.date, last: dt.date) -> str:
    """Two days as a filter takes them."""
    return f"{greek_date(first)} to {greek_date(last)}"
