"""Filters made from declared columns: every kind knows its few operations."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa
from flask import g
from flask_admin.contrib.sqla.filters import BaseSQLAFilter

import policy
import sealing
import search
from db import Base, Field, Kind, Searchable, Sensitivity, db, fields, link_target, row_id
from i18n import Label, _, countries, language
from models import NUMBERED, Beneficiary, Household, Volunteer

from . import values
from .fields import names_of
from .forms import parse_whole

Condition = Callable[[Any, Any], sa.ColumnElement[bool]]


class ColumnFilter(BaseSQLAFilter):
    """One operation on one column, named `<column>_<operation>` in URLs of every language.

    A screen's `made_filters` name no column: they ask for what no single one gives.
    """

    within: Callable[[], sa.ColumnElement[bool]] = staticmethod(sa.true)
    """Among which rows it looks, where its reader does not see the column of all."""

    def __init__(
        self,
        model: type[Base],
        slug: str,
        label: Label,
        operation: Label,
        condition: Condition,
        parse: Callable[[str], Any],
        options: Any = None,
        data_type: str | None = None,
        column: str | None = None,
        name: Callable[[str], str | None] | None = None,
    ) -> None:
        asked = getattr(model, column) if column else sa.inspect(model).primary_key[0]
        super().__init__(asked, label, data_type=data_type)  # type: ignore[arg-type]
        # Not Flask-Admin's `options`: those are asked for once, at start-up, and shown to everybody ever after.
        self._choices = options
        self.slug, self.on_column = slug, column or slug
        self._model = model
        self._operation, self._condition, self._parse, self._name = operation, condition, parse, name
        self.keeps_number = False
        """The trail keeps the number alone, so that an erasure need not look for one more name."""

    def choices(self) -> list[tuple[str, str]] | None:
        """What may be chosen, of what this reader sees."""
        found = self._choices() if callable(self._choices) else self._choices
        return [(str(key), str(text)) for key, text in found] if found else None

    def read(self, value: str) -> str:
        """The value as people read it."""
        if self._name and (name := self._name(value)):
            return name
        known = dict(self.choices() or ())
        parts = value.split("|") if self.slug.endswith("_in") else [value]
        said = ", ".join(known.get(part, part) for part in parts)
        return said.replace(TO_DAY, " – ") if self.data_type == DAYS else said

    def told(self, value: str) -> str:
        """The value as the trail and the export's cover tell it; one typed for a protected column is kept from both."""
        if self._is_protected():
            return _("(protected value)")
        return value if self.keeps_number else self.read(value)

    def words(self, value: str) -> list[str]:
        """What somebody typed, which may be a name; of a protected column the trail keeps none."""
        return [value] if self.data_type == WORDS and not self._is_protected() else []

    def _is_protected(self) -> bool:
        field = fields(self._model).get(self.on_column)
        return field is not None and field.sensitivity != Sensitivity.OPEN

    def operation(self) -> Any:
        """What the filter says between column and value."""
        return self._operation

    @property
    def said(self) -> str:
        """Column and operation in words; not «Αναμένεται έως έως»."""
        name, operation = str(self.name), str(self.operation())
        return name if name.endswith(f" {operation}") else f"{name} {operation}"

    def clean(self, value: str) -> Any:
        """The value as the condition takes it."""
        return self._parse(value)

    def validate(self, value: str) -> bool:
        """The value makes sense, and is short enough for a database to look for."""
        if len(value) > LONGEST:
            return False
        try:
            self._parse(value)
        except (ValueError, OverflowError, ArithmeticError, KeyError):
            return False
        return True

    def apply(self, query: Any, value: Any, alias: Any = None) -> Any:
        """The query, narrowed."""
        return query.filter(self._condition(self.column, value), self.within())


def yes_or_no(model: type[Base], slug: str, label: Label, test: Callable[[], Any]) -> ColumnFilter:
    """A filter of rows that pass a test, or do not."""
    return ColumnFilter(model, slug, label, IS, lambda c, v: test() if v else sa.not_(test()), _yes, YES_NO)


LONGEST = 200
IS = Label("είναι", "is")
IS_NOT = Label("δεν είναι", "is not")
IN = Label("είναι ένα από", "is one of")
CONTAINS = Label("περιέχει", "contains")
FROM, TO = Label("από", "from"), Label("έως", "to")
BETWEEN = Label("μεταξύ", "between")
EMPTY = Label("είναι κενό", "is empty")
BY_NUMBER = "number"
"""The kind of filter that pages link to but nobody types: a row by its number."""
WORDS = "words"
"""The kind of filter that takes what somebody types, as it is."""
DAYS = "daterange"
"""The kind of filter that takes two days."""
TO_DAY = " to "
"""What stands between them in an address."""
NAMED_AFTER_PEOPLE = (Beneficiary, Household, Volunteer)
"""Tables whose rows are called by somebody's name."""
YES_NO = [("1", Label("Ναι", "Yes")), ("0", Label("Όχι", "No"))]


def column_filters(model: type[Base], name: str) -> Iterator[ColumnFilter]:
    """The filters of one declared column."""
    field = fields(model)[name]
    for slug, operation, condition, parse, *more in _operations(model, name, field):
        condition = _opened(slug) if field.is_sealed else condition
        options, data_type, tell = (*more, None, None, None)[:3]
        flt = ColumnFilter(
            model, f"{name}_{slug}", field.label, operation, condition, parse, options, data_type, name, tell
        )
        flt.keeps_number = field.kind == Kind.LINK and link_target(model, name) in NAMED_AFTER_PEOPLE
        yield flt
    if model.__table__.c[name].nullable and field.kind not in (Kind.CODES,):
        slug = f"{name}_empty"
        empty = _opened("empty") if field.is_sealed else lambda c, v: c.is_(None) if v else c.is_not(None)
        yield ColumnFilter(model, slug, field.label, EMPTY, empty, _yes, YES_NO, column=name)


TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "is": operator.eq,
    "is_not": operator.ne,
    "in": lambda value, asked: value in asked,
    "contains": operator.contains,
    "from": operator.ge,
    "to": operator.le,
    "between": lambda value, asked: asked[0] <= value <= asked[1],
}
"""What operations mean to values that no database can read; an empty one passes none, as in SQL."""


def _opened(slug: str) -> Condition:
    """The operation on a sealed column: its values are opened, and the rows found so are asked for by number."""
    if slug == "empty":
        return lambda column, asked: sealing.where(db.session, column, lambda value: (value is None) == asked)
    test = TESTS[slug]
    return lambda column, asked: sealing.where(db.session, column, lambda v: v is not None and test(v, asked))


def _operations(model: type[Base], name: str, field: Field) -> list[tuple[Any, ...]]:
    match field.kind:
        case Kind.TEXT | Kind.LONG_TEXT if field.is_sealed:
            return []  # nobody searches what was confided
        case Kind.TEXT | Kind.LONG_TEXT:
            key = sa.func.greek_key
            return [
                ("contains", CONTAINS, lambda c, v: key(c).contains(v, autoescape=True), _folded, None, WORDS),
                ("is", IS, lambda c, v: key(c) == v, _folded, None, WORDS),
            ]
        case Kind.DATE:
            return _span(values.parse_date, lambda day: day, lambda day: day)
        case Kind.INSTANT:
            return _span(values.parse_date, start_of, lambda day: start_of(day + dt.timedelta(days=1)), open_end=True)
        case Kind.INTEGER | Kind.DECIMAL:
            return _numbers(parse_whole if field.kind == Kind.INTEGER else values.parse_decimal)
        case Kind.FLAG:
            return [("is", IS, lambda c, v: c.is_(v), _yes, YES_NO)]
        case Kind.CODE:
            listed = {code.value: code for code in field.codes}
            options = [(code.value, code.label) for code in field.codes]
            return [
                ("is", IS, lambda c, v: c == v, listed.__getitem__, options),
                ("is_not", IS_NOT, lambda c, v: c != v, listed.__getitem__, options),
                ("in", IN, lambda c, v: c.in_(v), lambda text: [listed[part] for part in text.split("|")], options),
            ]
        case Kind.CODES:
            listed = {code.value: code.value for code in field.codes}
            options = [(code.value, code.label) for code in field.codes]
            return [("contains", CONTAINS, lambda c, v: c.holds(v), listed.__getitem__, options)]
        case Kind.COUNTRY:
            known = {code: code for code, _name in countries("en")}
            return [("is", IS, lambda c, v: c == v, known.__getitem__, lambda: countries(language()))]
        case Kind.LINK:
            return _links(link_target(model, name), getattr(model, name.removesuffix("_id")))
    return []


def _links(target: type[Base], relationship: Any) -> list[tuple[Any, ...]]:
    if issubclass(target, Searchable):
        return [
            ("contains", CONTAINS, lambda c, v: relationship.has(matches(target, v)), _searchable, None, WORDS),
            ("is", IS, lambda c, v: c == v, parse_whole, None, BY_NUMBER, lambda number: name_of(target, number)),
        ]

    def options() -> list[tuple[str, str]]:
        # A screen has several links to users; they are asked for once a request.
        known = g.setdefault("filter_options", {})
        if target not in known:
            known[target] = [(str(key), name) for key, name in names_of(target).items()]
        return known[target]  # type: ignore[no-any-return]

    return [("is", IS, lambda c, v: c == v, parse_whole, options)]


def name_of(model: type[Base], number: str) -> str | None:
    """The name of the row of this number, if the reader sees it."""
    row = db.session.get(model, row_id(number)) if row_id(number) else None
    return str(row) if row is not None else None


def matches(model: type[Any], query: str) -> sa.ColumnElement[bool]:
    """Rows whose search key holds every word of the query, however it is spelt (search.py)."""
    words = search.terms(query)
    if not words:
        return sa.false()
    found = (sa.or_(*(model.search_key.like(f"% {alt}%") for alt in word)) for word in words)
    return sa.and_(*found, *([_shown_of(query)] if model is Beneficiary else ()))


def _shown_of(query: str) -> sa.ColumnElement[bool]:
    """A restricted record is found only by what lists show of it: how its name begins as it is spelt, or its number.

    The search key holds telephones and ΑΜΚΑ too: found by them, the record would tell whose they are.
    """
    named = Beneficiary.sort_key.startswith(search.fold(query)[:200], autoescape=True)
    typed = NUMBERED.fullmatch(query.strip())
    numbered = Beneficiary.registry_number.endswith(f"-{int(typed[2]):05d}") if typed else sa.false()
    return sa.or_(policy.in_use(policy.scope_in(db.session)), named, numbered)


def _span(
    parse: Callable[[str], dt.date],
    first: Callable[[dt.date], Any],
    last: Callable[[dt.date], Any],
    open_end: bool = False,
) -> list[tuple[Any, ...]]:
    """Operations on days; `open_end` where the last moment is the first of the day after."""

    def upto(column: Any, value: Any) -> Any:
        return column < last(value) if open_end else column <= last(value)

    return [
        ("between", BETWEEN, lambda c, v: (c >= first(v[0])) & upto(c, v[1]), days_between, None, DAYS),
        ("from", FROM, lambda c, v: c >= first(v), parse, None, "date"),
        ("to", TO, upto, parse, None, "date"),
        ("is", IS, lambda c, v: (c >= first(v)) & upto(c, v), parse, None, "date"),
    ]


def days_between(text: str) -> tuple[dt.date, dt.date]:
    """First and last day, as the address of a list keeps them."""
    start, end = text.split(TO_DAY) if TO_DAY in text else text.split(" - ")
    return values.parse_date(start), values.parse_date(end)


def start_of(day: dt.date) -> dt.datetime:
    """The day's first moment in Greece."""
    return dt.datetime.combine(day, dt.time(), values.ATHENS)


def _numbers(parse: Callable[[str], Any]) -> list[tuple[Any, ...]]:
    return [
        ("is", IS, lambda c, v: c == v, parse),
        ("from", FROM, lambda c, v: c >= v, parse),
        ("to", TO, lambda c, v: c <= v, parse),
    ]


def _yes(text: str) -> bool:
    return {"1": True, "0": False}[text]


def _folded(text: str) -> str:
    folded = search.fold(text.replace("\0", ""))
    if not folded:
        raise ValueError(text)
    return folded


def _searchable(text: str) -> str:
    if not search.terms(text):
        raise ValueError(text)
    return text
