"""A month in numbers, by unit, day, axis and outcome: every one of them leads to the rows that it counts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from flask import url_for
from flask_babel import format_date

import charts
from db import Base, db
from i18n import Label, _
from models import Beneficiary, Referral, ServiceDelivery, Visit, today
from reports import month_of, units
from vocabulary import Axis, ReferralStatus

from ..base import greek_date
from .desk import Desk, Number, span

FIRST = dt.date(2000, 1, 1)
EVERY = 5  # days between two that a narrow screen still names

COUNTED: tuple[tuple[Label, type[Base], str], ...] = (
    (Label("Άτομα που εξυπηρετήθηκαν", "People served"), Beneficiary, "served_between"),
    (Label("Νέοι ωφελούμενοι", "New beneficiaries"), Beneficiary, "registered_on_between"),
    (Label("Επισκέψεις", "Visits"), Visit, "at_between"),
    (Label("Υπηρεσίες", "Services"), ServiceDelivery, "on_between"),
    (Label("Παραπομπές που εστάλησαν", "Referrals sent"), Referral, "sent_on_between"),
)
"""What is counted in a month, and the filter of its list that holds the month. The units' figures add up to these."""


def asked(text: str | None) -> dt.date:
    """The first day of the month that an address names (2026-11); of this one where it names none that has begun."""
    this = today().replace(day=1)
    try:
        named = dt.datetime.strptime(text or "", "%Y-%m").date()
    except ValueError:
        return this
    return named if FIRST <= named <= this else this


class Month:
    """The month that the reader asked for."""

    def is_offered(self, desk: Desk) -> bool:
        """The reader may open the lists of all that is counted."""
        return all(desk.view(model).may("read") for _title, model, _filter in COUNTED)

    def shown(self, desk: Desk) -> dict[str, Any]:
        """Figures of the house and of each unit, and three drawings."""
        days = span(month_of(desk.month).first, month_of(desk.month).last)
        counted = [each for each in COUNTED if desk.offers(each[1], {each[2]: days})]
        places = units(db.session)
        cells = [{}, *({"unit_id_is": str(unit.id)} for unit in places)]
        figures = [desk.numbers(model, cells, {name: days}) for _title, model, name in counted]
        titles = [title for title, _model, _name in counted]
        return {
            "kind": "month",
            "title": format_date(desk.month, "LLLL y"),
            **self._around(desk),
            "figures": list(zip(titles, (house for house, *_units in figures), strict=True)),
            "heads": titles,
            "units": list(zip(places, zip(*(each for _house, *each in figures), strict=True), strict=True)),
            "daily": self._daily(desk, days),
            "bars": [self._axes(desk, days), self._outcomes(desk, days)],
        }

    def _around(self, desk: Desk) -> dict[str, Any]:
        before, after = desk.month - dt.timedelta(days=1), month_of(desk.month).after
        return {
            "before": _link(before) if before >= FIRST else None,
            "after": _link(after) if after <= desk.day else None,
        }

    def _daily(self, desk: Desk, days: str) -> dict[str, Any]:
        period = month_of(desk.month)
        dates = [period.first + dt.timedelta(days=n) for n in range((period.after - period.first).days)]
        numbers = desk.numbers(Visit, [{"at_is": greek_date(day)} for day in dates], within={"at_between": days})
        values = [number.value for number in numbers]
        chart = charts.columns(values)
        return {
            "title": Label("Επισκέψεις ανά ημέρα", "Visits per day"),
            "head": Label("Ημέρα", "Day"),
            "count_head": Visit.labels,
            "description": _described(dates, values),
            "chart": chart,
            "places": [_place(day, column) for day, column in zip(dates, chart.columns, strict=True)],
            "rows": [(format_date(d, "EEEE d/M"), [n]) for d, n in zip(dates, numbers, strict=True) if d <= desk.day],
        }

    def _axes(self, desk: Desk, days: str) -> dict[str, Any]:
        title, head = Label("Υπηρεσίες ανά άξονα", "Services per axis"), Label("Άξονας", "Axis")
        cells = [{"axis_is": axis.value} for axis in Axis] if desk.offers(ServiceDelivery, {"axis_is": ""}) else []
        numbers = desk.numbers(ServiceDelivery, cells, {"on_between": days})
        return _bars(title, head, ServiceDelivery.labels, list(zip(Axis, numbers, strict=False)))

    def _outcomes(self, desk: Desk, days: str) -> dict[str, Any]:
        title = Label("Παραπομπές του μήνα, όπως είναι σήμερα", "The month's referrals, as they stand today")
        cells = [{"status_is": status.value} for status in ReferralStatus]
        numbers = desk.numbers(Referral, cells, {"sent_on_between": days})
        met = [(status, number) for status, number in zip(ReferralStatus, numbers, strict=True) if number.value]
        return _bars(title, Label("Έκβαση", "Outcome"), Referral.labels, met)


def _place(day: dt.date, column: charts.Column) -> dict[str, Any]:
    """A day's column; a narrow screen names only the kept days, and weekends lie on a darker ground."""
    kept = day.day == 1 or not day.day % EVERY
    return {"column": column, "name": day.day, "is_off": day.weekday() > 4, "is_kept": kept}


def _bars(title: Label, head: Label, count_head: Label, rows: Sequence[tuple[Any, Number]]) -> dict[str, Any]:
    lengths = charts.shares([number.value for _label, number in rows])
    drawn = [(label, number, length) for (label, number), length in zip(rows, lengths, strict=True)]
    return {"title": title, "head": head, "count_head": count_head, "rows": drawn}


def _described(dates: Sequence[dt.date], values: Sequence[int]) -> str:
    """The drawing in a sentence, for who does not see it."""
    if not any(values):
        return _("No visit in this month.")
    most = max(values)
    day = format_date(dates[values.index(most)], "d MMMM")
    return _("Visits in all: %(all)s. Most on one day: %(most)s, on %(day)s.", all=sum(values), most=most, day=day)


def _link(day: dt.date) -> dict[str, str]:
    return {"title": format_date(day, "LLLL y"), "url": url_for("admin.index", month=f"{day:%Y-%m}", _anchor="month")}
