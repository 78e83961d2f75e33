"""The days that a report covers."""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from i18n import ZONE

Test = sa.ColumnElement[bool]


class Period(NamedTuple):
    """Whole days in Greece: from the first to the day before `after`."""

    first: dt.date
    after: dt.date

    @classmethod
    def from_to(cls, first: dt.date, last: dt.date) -> Period:
        """From the first to the last day, both within."""
        return cls(first, last + dt.timedelta(days=1))

    @property
    def last(self) -> dt.date:
        """The last day."""
        return self.after - dt.timedelta(days=1)

    def days(self, column: Any) -> Test:
        """A date lies in the period."""
        return sa.and_(column >= self.first, column < self.after)

    def moments(self, column: Any) -> Test:
        """A moment, kept in UTC, lies in the period."""
        return sa.and_(column >= _midnight(self.first), column < _midnight(self.after))


def month_of(day: dt.date) -> Period:
    """The calendar month that holds the day."""
    first = day.replace(day=1)
    return Period(first, (first + dt.timedelta(days=31)).replace(day=1))


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), ZoneInfo(ZONE))
