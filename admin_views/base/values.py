"""How a value of each kind of column is shown to people and written to a spreadsheet."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel.numbers import format_decimal

import exports
import identifiers
from db import BadValue, Field, Kind
from i18n import ZONE, _, countries, language, ngettext
from identifiers import N_
from models import today

ATHENS = ZoneInfo(ZONE)


def shown(field: Field, value: Any) -> str:
    """A value as people read it: Greek dates, decimal comma, labels for codes."""
    return teller(field)(value)


def teller(field: Field) -> Callable[[Any], str]:
    """What tells this column's values to people; asked for once where many are told."""
    if field.kind in (Kind.TEXT, Kind.LONG_TEXT) and field.check is not identifiers.phone:
        return lambda value: value or ""
    tell = identifiers.phone_display if field.check is identifiers.phone else _TELLERS.get(field.kind, str)
    return lambda value: "" if value is None else tell(value)


def greek_date(value: dt.date | None) -> str:
    """ηη/μμ/εεεε."""
    return f"{value.day:02}/{value.month:02}/{value.year:04}" if value else ""  # five times as fast as strftime


def aged(born: dt.date) -> str:
    """How old somebody born that day is today."""
    day = today()
    years = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    return ngettext("aged %(n)s", "aged %(n)s", years, n=years)


def greek_datetime(value: dt.datetime | None) -> str:
    """ηη/μμ/εεεε ωω:λλ, Athens time."""
    return f"{value.astimezone(ATHENS):%d/%m/%Y %H:%M}" if value else ""


_TELLERS: dict[Kind, Callable[[Any], str]] = {
    Kind.DATE: greek_date,
    Kind.INSTANT: greek_datetime,
    Kind.FLAG: lambda value: _("Yes") if value else _("No"),
    Kind.CODES: lambda value: ", ".join(map(str, value)),
    Kind.COUNTRY: lambda value: dict(countries(language())).get(value, value),
    Kind.DECIMAL: lambda value: format_decimal(value, locale=language()),
}

EXPORT_KINDS = {
    Kind.INTEGER: exports.Kind.INTEGER,
    Kind.DECIMAL: exports.Kind.DECIMAL,
    Kind.DATE: exports.Kind.DATE,
    Kind.INSTANT: exports.Kind.DATETIME,
    Kind.FLAG: exports.Kind.BOOLEAN,
}


def export_column(field: Field) -> exports.Column:
    """The spreadsheet column of a declared column."""
    return exports.Column(str(field.label), EXPORT_KINDS.get(field.kind, exports.Kind.TEXT))


def exported(field: Field, value: Any) -> Any:
    """A value as a typed cell takes it."""
    return value if field.kind in EXPORT_KINDS else shown(field, value)


DATES = (
    r"(?P<day>\d{1,2})([/.-])(?P<month>\d{1,2})\2(?P<year>\d{4})",
    r"(?P<day>\d{2})(?P<month>\d{2})(?P<year>\d{4})",
    r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})",
    r"(?P<day>\d{1,2})([/.-])(?P<month>\d{1,2})\2(?P<year>\d{2})",
    r"(?P<day>\d{2})(?P<month>\d{2})(?P<year>\d{2})",
)
YEARS = range(1850, 2200)
AHEAD = 20  # years that a two-digit year may lie ahead; beyond that it is one of the last century
OLDEST = 120  # years that the oldest living have reached


def parse_date(text: str, latest: dt.date | None = None) -> dt.date:
    """A date as people type it: 5/3/1980, 5/3/80, 05-03-1980, 05.03.1980 or 05031980; ISO too, as scripts send it.

    A year of two digits is not after the `latest` day.

    Raises:
        BadValue: no calendar has such a day.
        ValueError: no date, or one in a year that nobody's record speaks of.
    """
    typed, latest = text.strip(), latest or dt.date(today().year + AHEAD, 12, 31)
    for spelling in DATES:
        if found := re.fullmatch(spelling, typed):
            numbers = {part: int(number) for part, number in found.groupdict().items()}
            is_short = len(found["year"]) == 2
            day = _day(numbers["year"] + 2000 * is_short, numbers["month"], numbers["day"])
            if is_short and day > latest:
                day = day.replace(year=day.year - 100)
            if day.year in YEARS:
                return day
    raise ValueError(typed)


def _day(*numbers: int) -> dt.date:
    try:
        return dt.date(*numbers)
    except ValueError:
        raise BadValue(N_("There is no such day: look at day and month again.")) from None


def parse_birth(text: str) -> dt.date:
    """A date of birth: two digits mean a year that has been, and nobody is older than anybody ever was.

    Raises:
        BadValue: no such day, or not of somebody who lives.
        ValueError: no date.
    """
    born_on = parse_date(text, today())
    if born_on.year < today().year - OLDEST:
        raise BadValue(N_("Look at the year again: nobody is that old."))
    return born_on


HOURS = r"(\d{1,2})[:.](\d{2})|(\d{2})(\d{2})"


def parse_datetime(text: str) -> dt.datetime:
    """A date and an hour, Athens time, as people type them: 10:15, 10.15, 9:15 or 1015 after the date.

    Raises:
        BadValue: the hour is missing.
        ValueError: no such moment; the hour that is left out when clocks go forward is none.
    """
    date, _blank, typed = text.strip().replace("T", " ").partition(" ")
    day, hour = parse_date(date), re.fullmatch(HOURS, typed.strip())
    if not typed.strip():
        raise BadValue(N_("Write the hour too, as in 25/03/2026 10:30."))
    if hour is None:
        raise ValueError(text)
    time = dt.time(int(hour[1] or hour[3]), int(hour[2] or hour[4]))
    moment = dt.datetime.combine(day, time, ATHENS)
    if moment.astimezone(dt.UTC).astimezone(ATHENS).time() != time:
        raise ValueError(text)
    return moment


def parse_decimal(text: str) -> Decimal:
    """A number with a decimal comma (a point does too).

    Raises:
        ValueError: not a number of at most nine digits and two decimals.
    """
    plain = text.strip().replace(",", ".")
    sign, digits = (plain[:1], plain[1:]) if plain[:1] in "+-" else ("", plain)
    whole, _point, fraction = digits.partition(".")
    if not (whole.isascii() and whole.isdigit() and len(whole) <= 9 and len(fraction) <= 2):
        raise ValueError(text)
    if fraction and not (fraction.isascii() and fraction.isdigit()):
        raise ValueError(text)
    return Decimal(f"{sign}{digits.rstrip('.')}")
