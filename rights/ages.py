"""The date of birth that an erasure leaves: to the year, and of the same age in every figure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy import orm

from models import Beneficiary, Municipality, months_later, today

AGES = (6, 18, 30, 55, 65)
"""Where the age bands of reports begin: the monthly report's and those of ESF+ among them."""


def to_the_year(session: orm.Session, person: Beneficiary) -> dt.date | None:
    """A day of the year of birth for which every age band that reports count on stays the same.

    That is the middle of the year, unless the person was counted in the year of one of AGES: then another day of it.
    """
    born = person.born_on
    if born is None:
        return None
    days = list(_counted_days(session, person))
    spellings = ((7, 1), (1, 1), (12, 31), (born.month, 1), (born.month, 28))
    candidates = [dt.date(born.year, month, day) for month, day in spellings]
    same = (day for day in candidates if all(_band(day, on) == _band(born, on) for on in days))
    return next(same, candidates[-1])


def _counted_days(session: orm.Session, person: Beneficiary) -> Iterator[dt.date]:
    """The day of entry (ESF+), and the last of every month since (reports)."""
    began = session.scalar(sa.select(Municipality.operating_since))
    yield max(person.registered_on, began) if began else person.registered_on
    month = today().replace(day=1)
    while month >= person.registered_on.replace(day=1):
        yield months_later(month, 1) - dt.timedelta(days=1)
        month = months_later(month, -1)


def _band(born: dt.date, on: dt.date) -> int:
    age = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
    return sum(age >= low for low in AGES)
