"""The kinds of part that a first page is made of: figures side by side, a short list, a table of numbers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

import sqlalchemy as sa
from flask import url_for
from sqlalchemy import orm

import policy
from db import Base, db
from i18n import Label
from models import Beneficiary, today

from ..base import ATHENS, KentroView, greek_date
from .desk import Desk, Filters

MOST = 8
ITSELF = "itself"
Row = dict[str, Any]
Also = tuple[tuple[Label, Filters], ...]


class Part(Protocol):
    """A part of the page: offered to whom its lists are open, and what its template needs."""

    def is_offered(self, desk: Desk) -> bool:
        """The reader may open every list that the part leads to."""

    def shown(self, desk: Desk) -> Row:
        """What the template of its kind shows."""


@dataclass(frozen=True)
class Figures:
    """Single numbers side by side, each from another list; those that the reader may not open are left out."""

    title: Label
    figures: tuple[tuple[Label, type[Base], Filters], ...]
    late: Filters | None = None
    """Which of them counts what should have been done already."""

    def is_offered(self, desk: Desk) -> bool:
        return any(desk.offers(model, filters) for _title, model, filters in self.figures)

    def shown(self, desk: Desk) -> Row:
        offered = [each for each in self.figures if desk.offers(each[1], each[2])]
        figures = [(title, desk.numbers(model, [{}], filters)[0]) for title, model, filters in offered]
        late = [title for title, _model, filters in offered if filters is self.late]
        return {"kind": "figures", "title": self.title, "figures": figures, "late": late}


@dataclass(frozen=True)
class ShortList:
    """The first rows of a list, under the exact number of all of them. Columns and order are the model's."""

    model: type[Base]
    title: Label
    filters: Filters
    empty: Label
    when: str | None = None
    """The column that says when; the soonest comes first, or the newest where `newest` says so."""
    newest: bool = False
    before: Any = None
    """What goes before the order by time."""
    columns: tuple[str, ...] = ()
    about: str = "beneficiary"
    """Whom a line names: the row's person, the row ITSELF, or what one of the screen's made columns says."""
    late: str | None = None
    """The column whose warning in the screen's own list is said here too."""
    also: Also = ()
    """Other numbers to know beside this one."""
    moves: tuple[tuple[Any, Label], ...] = ()
    """The changes of state that are offered beside a row, and what their buttons say."""
    late_moves: tuple[tuple[Any, Label], ...] = ()
    """Those offered too where it is late."""

    def is_offered(self, desk: Desk) -> bool:
        return desk.offers(self.model, self.filters)

    def shown(self, desk: Desk) -> Row:
        found = db.session.execute(self._query(desk)).all()
        view, offered = desk.view(self.model), [each for each in self.also if desk.offers(self.model, each[1])]
        also = [(label, desk.numbers(self.model, [{}], filters)[0]) for label, filters in offered]
        return {
            "kind": "list",
            "title": self.title,
            "count": found[0][1] if found else 0,
            "url": desk.address(self.model, self.filters, self.when),
            "rows": [self._row(view, row) for row, _count in found],
            "also": [(label, number) for label, number in also if number.value],
            "empty": self.empty,
        }

    def _query(self, desk: Desk) -> sa.Select[Base, int]:
        """The first rows, each with the number of all."""
        view, model = desk.view(self.model), self.model
        links = [orm.joinedload(view.through(name)) for name in self.columns if view.is_link(name)]
        if self.about == "beneficiary":
            person = orm.joinedload(model.beneficiary)  # type: ignore[attr-defined]
            links.append(person.load_only(Beneficiary.last_name, Beneficiary.first_name, Beneficiary.registry_number))
        number = sa.inspect(model).primary_key[0]
        time = [getattr(model, self.when)] if self.when else []
        order = [column.desc() for column in (*time, number)] if self.newest else [*time, number]
        before = [] if self.before is None else [self.before]
        query = sa.select(model, sa.func.count().over()).options(*links).where(desk.condition(model, self.filters))
        return query.order_by(*before, *order).limit(MOST)

    def _row(self, view: KentroView, row: Any) -> Row:
        label = view.warns[self.late].told(row) if self.late else ""
        values = {name: view.shown(row, name) for name in self.columns if view.sees(name)}
        url, status = url_for(f"{view.endpoint}.details_view", id=row.id), values.pop("status", "")
        moves = self._moves(view, row, self.moves + (self.late_moves if label else ()))
        return {
            "url": url,
            "kind": self.model.label,
            "when": _when(getattr(row, self.when)) if self.when else "",
            # Beside what is late and the ways out of it, the state says nothing more.
            "status": "" if label and moves else status,
            "late": label,
            "moves": moves,
            "notes": [text for text in values.values() if text],
            **self._about(view, row, url),
        }

    def _about(self, view: KentroView, row: Any, own_url: str) -> Row:
        """Whom the row is about, or what it says."""
        if self.about in view.made_columns:
            return {"about": view.shown(row, self.about), "about_url": own_url}
        who = row if self.about == ITSELF else getattr(row, self.about)
        if who is None:
            return {"about": str(row)}
        number = getattr(who, "registry_number", None) or getattr(who, "username", None)
        url = url_for(f"{who.__tablename__}.details_view", id=who.id)
        return {"about": str(who), "about_url": url, "number": number}

    def _moves(self, view: KentroView, row: Any, moves: Iterable[tuple[Any, Label]]) -> list[Row]:
        if not view.may("move"):
            return []
        url = url_for(f"{view.endpoint}.move_view", id=row.id)
        return [{"to": to.value, "label": label, "url": url} for to, label in moves if to in row.next_states]


@dataclass(frozen=True)
class NumberTable:
    """Numbers of one list, by what stands down and what stands across."""

    model: type[Base]
    title: Label
    down: Callable[[], list[tuple[Any, Filters]]]
    across: tuple[tuple[Label, Filters], ...]
    head: Label
    empty: Label
    common: Filters = field(default_factory=dict)
    within: Filters = field(default_factory=dict)
    zero: Label | None = None
    """What a zero means, where it means something; else lines of zeros are left out."""
    button: tuple[str, Label, tuple[str, str]] | None = None
    """Endpoint and words of what may be done about it, and the leave that it needs."""

    def is_offered(self, desk: Desk) -> bool:
        return desk.offers(self.model, self.common, self.within, *(filters for _label, filters in self.across))

    def shown(self, desk: Desk) -> Row:
        lines = self.down()
        cells = [{**down, **across} for _label, down in lines for _head, across in self.across]
        numbers = iter(desk.numbers(self.model, cells, self.common, self.within))
        rows = [(label, [next(numbers) for _each in self.across]) for label, _filters in lines]
        return {
            "kind": "table",
            "title": self.title,
            "head": self.head,
            "heads": [label for label, _filters in self.across],
            "rows": [row for row in rows if self.zero or any(number.value for number in row[1])],
            "empty": self.empty,
            "zero": self.zero,
            "button": self._button(desk),
        }

    def _button(self, desk: Desk) -> Row | None:
        if not self.button or not policy.may(desk.scope, *self.button[2]):
            return None
        return {"url": url_for(self.button[0]), "label": self.button[1]}


def _when(value: Any) -> str:
    """A day, or a moment; of today the hour is enough."""
    if not isinstance(value, dt.datetime):
        return greek_date(value)
    moment = value.astimezone(ATHENS)
    return f"{moment:%H:%M}" if moment.date() == today() else f"{moment:%d/%m %H:%M}"
