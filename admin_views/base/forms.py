"""Forms made from declared columns: one field for every kind, checked where the column is declared."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Container, Iterable
from typing import Any, ClassVar

from flask_admin.form import BaseForm
from markupsafe import Markup
from wtforms import BooleanField, HiddenField, SelectMultipleField
from wtforms.validators import StopValidation

import db as declared
import identifiers
from db import BIGGEST_ID, Base, Kind, fields
from i18n import _, catalogue, language
from models import Scoped

from . import values
from .fields import (
    CodeField,
    CodesField,
    CountryField,
    Drawn,
    LineField,
    LinesField,
    LinkField,
    ParsedField,
    PhoneField,
    TickField,
    UnitField,
)


class OwnTranslations:
    """WTForms' own messages from the project's catalogue, which has those that WTForms' Greek lacks."""

    def gettext(self, message: str) -> str:
        """A message of WTForms in the reader's language."""
        return _(message)

    def ngettext(self, singular: str, plural: str, n: int) -> str:
        """A message of WTForms that counts."""
        return catalogue(language()).ngettext(singular, plural, n)  # type: ignore[no-any-return]


def _usable(token: str | None) -> str:
    """PostgreSQL keeps no NUL, and forms without a token are not one form sent twice."""
    return (token or "").replace("\0", "") or new_token()


def new_token() -> str:
    """What tells one form that was opened from all others."""
    return secrets.token_urlsafe(24)


SLOT = "\0"
"""Stands in a field's kept markup where its value goes; neither markup nor values hold it."""
_kept: dict[tuple[type, str, str], list[str]] = {}
_bound: dict[tuple[type, str], Any] = {}
"""Fields of each form as WTForms makes them, before they hold anybody's value."""


class KentroForm(BaseForm):
    """Every form. CSRF is Flask-WTF's CSRFProtect, for all POSTs alike."""

    class Meta(BaseForm.Meta):
        """WTForms' settings."""

        def get_translations(self, form: Any) -> OwnTranslations:
            """The project's catalogue."""
            return OwnTranslations()

        def bind_field(self, form: Any, unbound_field: Any, options: Any) -> Any:
            """A copy of the field as it was first bound: a long form made anew costs more than a query."""
            key = (type(form), options["name"])
            if key not in _bound:
                _bound[key] = super().bind_field(form, unbound_field, options)
            field = object.__new__(type(_bound[key]))
            field.__dict__.update(_bound[key].__dict__)
            return field

    version = HiddenField()
    form_token = HiddenField(default=new_token, filters=[_usable])

    def drop_unsent(self, sent: Container[str], *, is_new: bool) -> None:
        """What was not sent at all is left as it is or takes its default; only what was sent empty is emptied."""
        for name, box in list(self._fields.items()):
            blank_when_unsent = isinstance(box, (BooleanField, SelectMultipleField, UnitField))
            if name not in sent and not blank_when_unsent and not (is_new and box.flags.required and not box.default):
                del self[name]

    def drawn(self, names: Iterable[str], draw: Callable[[Any], str]) -> Markup:
        """Fields with label and help, as `draw` writes them; markup is kept, and only what is in its slot changes.

        WTForms would write every attribute and option anew on every page: half the time of a long form.
        """
        lang = language()
        drawn = "".join(self._drawn(name, draw, lang) for name in names)
        return Markup(drawn)  # noqa: S704 (draw's and widgets' own)

    def _drawn(self, name: str, draw: Callable[[Any], str], lang: str) -> str:
        field = self._fields[name]
        if field.errors or not isinstance(field, Drawn) or field.theirs is not None:
            return draw(field)
        key = (type(self), name, lang)
        if key not in _kept:
            field.__dict__["slot"] = lambda lang: SLOT
            _kept[key] = str(draw(field)).split(SLOT)
            del field.__dict__["slot"]
        before, after = _kept[key]
        return f"{before}{field.slot(lang)}{after}"

    def populate_obj(self, obj: Any) -> None:
        """Only declared columns reach the row, and of them only what differs: the rest need not be checked again."""
        for name, field in self._fields.items():
            if name not in ("version", "form_token") and hasattr(type(obj), name):
                kept = getattr(obj, name)
                if field.data != kept and (field.data, kept) != ("", None):
                    field.populate_obj(obj, name)


def check(field: declared.Field) -> Callable[[Any, Any], None]:
    """The column's own check, said beside the field."""

    def _check(form: Any, box: Any) -> None:
        if box.data == box.object_data:
            return
        try:
            declared.clean(field, box.data)
        except (declared.BadValue, identifiers.InvalidIdentifier) as error:
            raise StopValidation(_(str(error))) from None

    return _check


def parse_whole(text: str) -> int:
    """A whole number that the database can keep.

    Raises:
        ValueError: it is none, or too large.
    """
    digits = text.strip()
    if not re.fullmatch(r"[+-]?[0-9]{1,10}", digits) or abs(int(digits)) > BIGGEST_ID:
        raise ValueError(text)
    return int(digits)


N_ = identifiers.N_
PARSED: dict[Kind, dict[str, Any]] = {
    Kind.DATE: {
        "parse": values.parse_date,
        "show": values.greek_date,
        "problem": N_("Not a date: write day/month/year, as in 25/03/1980."),
        "render_kw": {"data-kind": "date", "autocomplete": "off"},
    },
    Kind.INSTANT: {
        "parse": values.parse_datetime,
        "show": values.greek_datetime,
        "problem": N_("Not a date and time: write day/month/year hour:minute, as in 25/03/2026 10:30."),
        "render_kw": {"data-kind": "datetime", "autocomplete": "off"},
    },
    Kind.INTEGER: {
        "parse": parse_whole,
        "show": str,
        "problem": N_("Not a whole number."),
        "render_kw": {"inputmode": "numeric"},
    },
    Kind.DECIMAL: {
        "parse": values.parse_decimal,
        "show": lambda value: str(value).replace(".", ","),
        "problem": N_("Not a number: write it as in 2,5."),
        "render_kw": {"inputmode": "decimal"},
    },
}


DIGITS = (identifiers.amka, identifiers.afm, identifiers.postal_code)
"""Checks of what telephones show a keyboard of digits for."""


def form_field(model: type[Base], name: str) -> Any:
    """The unbound form field of a declared column."""
    field, column = fields(model)[name], model.__table__.c[name]
    required = not column.nullable and field.kind not in (Kind.FLAG, Kind.CODES)
    common: dict[str, Any] = {
        "label": field.label,
        "validators": [Required()] if required else [],
        "description": field.help or "",
    } | ({"default": field.default} if field.default else {})
    match field.kind:
        case Kind.TEXT:
            common["validators"].append(check(field))
            if field.lines > 1:
                return LinesField(**common, render_kw={"rows": field.lines, "maxlength": field.length})
            if field.check is identifiers.phone:
                return PhoneField(**common, render_kw={"inputmode": "tel"})
            if field.check in DIGITS:
                return LineField(**common, render_kw={"inputmode": "numeric"})
            return LineField(**common, render_kw={"maxlength": field.length} if not field.check else {})
        case Kind.LONG_TEXT:
            common["validators"].append(check(field))
            return LinesField(**common, render_kw={"rows": max(field.lines, 4)})
        case Kind.FLAG:
            return TickField(**common)
        case Kind.CODE:
            return CodeField(**common, codes=field.codes)
        case Kind.CODES:
            return CodesField(**common, codes=field.codes)
        case Kind.COUNTRY:
            return CountryField(**common)
        case Kind.LINK if issubclass(model, Scoped) and name == "unit_id":
            return UnitField(**common, model=model, column=name)
        case Kind.LINK:
            return LinkField(**common, model=model, column=name)
    parsed = PARSED[field.kind] | ({"parse": values.parse_birth} if field.is_birth else {})
    return ParsedField(**common, **parsed)


class Required:
    """Something was typed or chosen; blanks are nothing."""

    field_flags: ClassVar = {"required": True}

    def __call__(self, form: Any, box: Any) -> None:
        if not (box.raw_data and box.raw_data[0].strip()):
            box.errors = []
            raise StopValidation(_("Fill this in."))


def form_class(model: type[Base], names: Iterable[str]) -> type[KentroForm]:
    """The form of these columns of a model."""
    return type(f"{model.__name__}Form", (KentroForm,), {name: form_field(model, name) for name in names})
