"""Form fields: one for every kind of column; what was typed stays in the box until it makes sense."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from typing import Any

import sqlalchemy as sa
from flask import url_for
from markupsafe import Markup, escape
from wtforms import BooleanField, Field, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import StopValidation
from wtforms.widgets import html_params

import identifiers
import policy
from db import BadValue, Base, Searchable, db, link_target, row_id
from i18n import _, countries, language
from models import Membership, Programme, Scoped, User
from vocabulary import Code


class Drawn:
    """A field whose markup has one slot, where its value goes (see KentroForm.drawn)."""

    theirs: str | None = None
    """What somebody else saved while this form was open."""

    def slot(self, lang: str) -> str:
        """The escaped part of the markup that differs from record to record, for a reader of this language."""
        raise NotImplementedError


class Slotted:
    """A widget with a slot: the field's value, its options, or whether it is ticked."""

    def __init__(self, markup: str, input_type: str | None = None, **attributes: Any) -> None:
        self.markup, self.input_type, self.attributes = Markup(markup), input_type, attributes  # noqa: S704 (constants)

    def __call__(self, field: Any, **kwargs: Any) -> Markup:
        if field.flags.required:
            kwargs.setdefault("required", True)
        attributes = html_params(**{"id": field.id, "name": field.name, **self.attributes, **kwargs})
        return self.markup.format(Markup(attributes), Markup(field.slot(language())))  # noqa: S704 (html_params and slots escape)


LINE = Slotted('<input type="text" {} value="{}">', "text")
LINES = Slotted("<textarea {}>\n{}</textarea>", "lines")
TICK = Slotted('<input type="checkbox" value="y" {}{}>', "checkbox")
ONE = Slotted("<select {}>{}</select>", "select")
MANY = Slotted("<select {}>{}</select>", "select", multiple=True)


def options(choices: Iterable[tuple[Any, str]]) -> Markup:
    """Choices as HTML, none of them chosen."""
    option = Markup('<option value="{}">{}</option>')
    return Markup("").join(option.format(value, text) for value, text in choices)


def chosen(options: str, values: Iterable[str]) -> str:
    """The options with these values chosen."""
    for value in values:
        options = options.replace(f'value="{escape(value)}"', f'value="{escape(value)}" selected', 1)
    return options


class Listed(dict[str, str]):
    """A list of codes as options, by language; each is written when first asked for."""

    def __init__(self, codes: tuple[Code, ...]) -> None:
        self.codes = codes

    def __missing__(self, lang: str) -> str:
        return self.setdefault(lang, str(options((code.value, str(code)) for code in self.codes)))


@cache
def _country_options(lang: str) -> str:
    return str(options(countries(lang)))


BLANK = '<option value=""></option>'


class LineField(Drawn, StringField):
    """One line of text."""

    widget = LINE

    def slot(self, lang: str) -> str:
        return str(escape(self._value()))


class PhoneField(LineField):
    """A telephone, as Greeks write it."""

    def _value(self) -> str:
        return self.raw_data[0] if self.raw_data else identifiers.phone_display(self.data or "")

    def process_formdata(self, valuelist: list[str]) -> None:
        """An untouched box changes nothing."""
        kept = self.object_data
        untouched = kept and valuelist and valuelist[0] == identifiers.phone_display(kept)
        self.data = kept if untouched else valuelist[0] if valuelist else None


class LinesField(Drawn, TextAreaField):
    """Several lines of text."""

    widget = LINES

    def slot(self, lang: str) -> str:
        return str(escape(self._value()))


class TickField(Drawn, BooleanField):
    """Yes or no."""

    widget = TICK

    def slot(self, lang: str) -> str:
        return " checked" if self.data else ""


class ParsedField(LineField):
    """Text that stands for a value: what was typed stays in the box until it makes sense."""

    parse: Callable[[str], Any]
    show: Callable[[Any], str]
    problem: str

    def __init__(self, label: Any = None, validators: Any = None, **kwargs: Any) -> None:
        self.parse, self.show, self.problem = kwargs.pop("parse"), kwargs.pop("show"), kwargs.pop("problem")
        super().__init__(label, validators, **kwargs)

    def _value(self) -> str:
        return self.raw_data[0] if self.raw_data else (self.show(self.data) if self.data is not None else "")

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = None
        if valuelist and self.object_data is not None and valuelist[0] == self.show(self.object_data):
            # What is shown may say less than what is kept (seconds), and an untouched box changes nothing.
            self.data = self.object_data
        elif valuelist and valuelist[0].strip():
            try:
                self.data = self.parse(valuelist[0])
            except BadValue as error:
                raise ValueError(_(str(error))) from None
            except (ValueError, OverflowError, ArithmeticError):
                raise ValueError(_(self.problem)) from None


LONG_LABEL = 30
"""A choice of more characters would be cut off in one column of a form."""


@cache
def _are_long(codes: tuple[Code, ...]) -> bool:
    """Measured once for each list: its fields are made anew with every form."""
    return max(len(text) for code in codes for text in (code.label.el, code.label.en)) > LONG_LABEL


class CodeField(Drawn, SelectField):
    """One code of a list."""

    widget = ONE

    def __init__(self, label: Any = None, validators: Any = None, *, codes: tuple[Code, ...], **kwargs: Any) -> None:
        self.by_value = {code.value: code for code in codes}
        self.offer(codes)
        if _are_long(codes):
            kwargs["render_kw"] = {"data-wide": True}
        super().__init__(label, validators, choices=[], coerce=self._coerce, validate_choice=False, **kwargs)

    def offer(self, codes: tuple[Code, ...]) -> None:
        """Only these may be chosen from here on."""
        self.codes, self.listed = codes, Listed(codes)

    def _coerce(self, value: Any) -> Any:
        if value in (None, ""):
            return None
        return self.by_value.get(getattr(value, "value", value), value)

    def slot(self, lang: str) -> str:
        """The list, with a blank line first where nothing need be chosen or nothing is."""
        known = self.data in self.codes
        listed = chosen(self.listed[lang], [self.data.value] if known else [])
        return listed if self.flags.required and known else BLANK + listed

    def pre_validate(self, form: Any) -> None:
        """Only the list's own codes."""
        if self.data is not None and self.data not in self.codes:
            raise StopValidation(_("Choose from the list."))


class CodesField(Drawn, SelectMultipleField):
    """Any number of codes of a list."""

    widget = MANY

    def __init__(self, label: Any = None, validators: Any = None, *, codes: tuple[Code, ...], **kwargs: Any) -> None:
        self.codes, self.by_value, self.listed = codes, {code.value: code for code in codes}, Listed(codes)
        super().__init__(label, validators, choices=[], coerce=str, validate_choice=False, **kwargs)

    def slot(self, lang: str) -> str:
        """The list, with what holds marked."""
        return chosen(self.listed[lang], (getattr(code, "value", code) for code in self.data or ()))

    def process_data(self, value: Any) -> None:
        self.data = tuple(value or ())

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = tuple(self.by_value.get(value, value) for value in valuelist)

    def pre_validate(self, form: Any) -> None:
        """Only the list's own codes."""
        if not set(self.data) <= set(self.codes):
            raise StopValidation(_("Choose from the list."))


class CountryField(Drawn, SelectField):
    """A country."""

    widget = ONE

    def __init__(self, label: Any = None, validators: Any = None, **kwargs: Any) -> None:
        super().__init__(label, validators, choices=[], coerce=lambda v: v or None, validate_choice=False, **kwargs)

    def slot(self, lang: str) -> str:
        """Every country, in the reader's language."""
        return BLANK + chosen(_country_options(lang), [self.data] if self.data else [])

    def pre_validate(self, form: Any) -> None:
        """Only ISO countries."""
        if self.data and self.data not in dict(countries("en")):
            raise StopValidation(_("Choose from the list."))


class LinkField(Drawn, Field):
    """A row of another table, among those that the user sees; a foreign row answers exactly like a missing one."""

    widget = ONE

    def __init__(self, label: Any = None, validators: Any = None, *, model: type, column: str, **kwargs: Any) -> None:
        super().__init__(label, validators, **kwargs)
        self.model, self.column, self.target = model, column, link_target(model, column)
        if self.is_long:
            self.render_kw = {"data-lookup": self.lookup_url}

    @property
    def is_long(self) -> bool:
        """Too long a list for a select."""
        return issubclass(self.target, Searchable)

    @property
    def lookup_url(self) -> str:
        """Where to look rows up by typing."""
        return url_for(f"{self.model.__tablename__}.ajax_lookup", name=self.column)  # type: ignore[attr-defined]

    def process_data(self, value: Any) -> None:
        self.data = row_id(value)

    def process_formdata(self, valuelist: list[str]) -> None:
        typed = valuelist[0].strip() if valuelist else ""
        self.data = row_id(typed)
        if typed and (self.data is None or self.chosen() is None):
            self.data = None
            raise ValueError(_("Choose from the list."))

    def chosen(self) -> Any:
        """The chosen row, if the user may choose it; what a row points at already may stay, on offer or not."""
        if self.data and self.data == row_id(self.object_data):
            return db.session.get(self.target, self.data)
        return db.session.scalar(choosable(self.target).where(self.target.id == self.data)) if self.data else None  # type: ignore[attr-defined]

    def options(self) -> Iterable[tuple[Any, str, bool]]:
        """The rows to choose from, with a blank first."""
        offered = {} if self.is_long else names_of(self.target)
        if self.data and self.data not in offered:
            kept = db.session.get(self.target, self.data)
            offered |= {self.data: told_apart([kept])[0]} if kept is not None else {}
        yield "", "", not self.data
        yield from ((key, name, key == self.data) for key, name in offered.items())

    def slot(self, lang: str) -> str:
        """A short list whole; of a long one, which is looked up by typing, the chosen row alone."""
        return "".join(
            f'<option value="{key}"{" selected" if on else ""}>{escape(text)}</option>'
            for key, text, on in self.options()
        )

    def populate_obj(self, obj: Any, name: str) -> None:
        """A visible row may point at one that its reader does not see: an untouched blank leaves that be."""
        if self.data is not None or self.chosen_is_visible(getattr(obj, name)):
            setattr(obj, name, self.data)

    def chosen_is_visible(self, key: int | None) -> bool:
        """What the row points at now, if anything, is in sight and may therefore be taken away."""
        return key is None or db.session.get(self.target, key) is not None


class UnitField(LinkField):
    """The unit that a new row belongs to: the user's own, chosen only where there are several."""

    def process_formdata(self, valuelist: list[str]) -> None:
        self.raw_data = [value for value in valuelist if value.strip()] or self._only()
        super().process_formdata(self.raw_data)

    def _only(self) -> list[str]:
        units = policy.scope_in(db.session).unit_ids
        return [str(units[0])] if len(units) == 1 else []

    def chosen(self) -> Any:
        """One of the user's units."""
        return super().chosen() if self.data in policy.scope_in(db.session).unit_ids else None

    def options(self) -> Iterable[tuple[Any, str, bool]]:
        """The user's units."""
        scope = policy.scope_in(db.session)
        if len(scope.unit_ids) > 1:
            yield "", "", not self.data
        yield from ((key, name, key == self.data) for key, name in zip(scope.unit_ids, scope.unit_names, strict=True))


def told_apart(rows: list[Any]) -> list[str]:
    """Rows of one table as they are chosen among: with their unit, where the reader sees several."""
    if not rows or not isinstance(rows[0], Scoped):
        return [row.described for row in rows]
    scope, told = policy.scope_in(db.session), type(rows[0]).describe(rows)
    units = scope.short_unit_names if len(scope.unit_ids) > 1 else {}
    return [" · ".join(filter(None, (text, units.get(row.unit_id)))) for row, text in zip(rows, told, strict=True)]


def names_of(target: type[Base]) -> dict[int, str]:
    """Numbers and names of the rows of a short table that the user may point at, in reading order."""
    rows = policy.rows(db.session, target, choosable(target, ("id", *target.called_by)))
    return {key: target.called(*values) for key, *values in rows}


def choosable(target: type[Base], columns: tuple[str, ...] = ()) -> sa.Select[Any]:
    """The rows of a table that the user may point at, or some of their columns, in reading order."""
    scope = policy.scope_in(db.session)
    return _choosable(target, columns, scope.user_id, scope.unit_ids, policy.may(scope, "edit", "user"))


@lru_cache(512)
def _choosable(
    target: type[Base], columns: tuple[str, ...], user_id: int, unit_ids: tuple[int, ...], may_edit_users: bool
) -> sa.Select[Any]:
    rows = sa.select(*(getattr(target, name) for name in columns)) if columns else sa.select(target)
    if issubclass(target, Searchable):
        offered = rows.where(target.is_active) if hasattr(target, "is_active") else rows
        return offered.order_by(target.sort_key, target.id)  # type: ignore[attr-defined]
    if target is User:
        beside = sa.exists().where(Membership.user_id == User.id, Membership.unit_id.in_(unit_ids))
        if not may_edit_users:
            rows = rows.where(User.is_active, User.role.in_(policy.STAFF), beside | (User.id == user_id))
        return rows.order_by(sa.func.greek_key(User.full_name), User.id)
    for name in ("is_offered", "is_open"):
        if hasattr(target, name) and not issubclass(target, Scoped):
            rows = rows.where(getattr(target, name))
    # A programme is read by its name alone, a service by its code first.
    by = ("name",) if target is Programme else ("code", "name")
    named = (sa.func.greek_key(getattr(target, name)) for name in by if hasattr(target, name))
    return rows.order_by(*named, target.id)  # type: ignore[attr-defined]
