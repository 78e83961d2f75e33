"""The trail by the hour: grouped in the database, which keeps UTC, and read as days of the house's own time.

Athens is whole hours away from UTC, summer and winter, so that an hour belongs to one day.
"""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from i18n import ZONE
from models import AuditEntry

ATHENS = ZoneInfo(ZONE)
OPENS, CLOSES = 7, 21
"""Between these hours (Athens) somebody may be at work; before, after and on Sundays nobody is."""
SUNDAY = 6
HOUR: sa.ColumnElement[Any] = sa.cast(sa.extract("epoch", AuditEntry.at), sa.BigInteger) // 3600
"""The hour of an entry, counted from 1970."""


def moment(hour: int) -> dt.datetime:
    """When an hour begins, in Athens."""
    return dt.datetime.fromtimestamp(hour * 3600, ATHENS)


def start_of(day: dt.date, hour: int = 0) -> dt.datetime:
    """A full hour of a day in Athens."""
    return dt.datetime.combine(day, dt.time(hour), ATHENS)


def within(first: dt.date, last: dt.date) -> sa.ColumnElement[bool]:
    """Entries of these days and those between them."""
    return (AuditEntry.at >= start_of(first)) & (AuditEntry.at < start_of(last + dt.timedelta(days=1)))


def is_outside(begun: dt.datetime) -> bool:
    """At night or on a Sunday."""
    return begun.weekday() == SUNDAY or not OPENS <= begun.hour < CLOSES


def outside(day: dt.date) -> sa.ColumnElement[bool]:
    """Entries of a day that are outside the hours of work."""
    if day.weekday() == SUNDAY:
        return sa.true()
    return (AuditEntry.at < start_of(day, OPENS)) | (AuditEntry.at >= start_of(day, CLOSES))
