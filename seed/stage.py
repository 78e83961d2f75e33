"""One unit of the demo while it is played: its staff, the people made so far, and its working days."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import orm

import policy
from db import Base
from i18n import ZONE
from models import Beneficiary, Unit, User, today
from vocabulary import Role

UNIT_ROLES = (Role.RECEPTION, Role.CASEWORKER, Role.MEDIATOR)
ATHENS = ZoneInfo(ZONE)

M = TypeVar("M", bound=Base)


@dataclass
class Stage:
    """One unit, its staff, and the people made so far."""

    session: orm.Session
    unit: Unit
    staff: dict[Role, User]
    chance: random.Random
    people: list[Beneficiary] = field(default_factory=list)

    @property
    def caseworker(self) -> User:
        """Who writes the unit's records."""
        return self.staff[Role.CASEWORKER]

    @property
    def adults(self) -> list[Beneficiary]:
        """People of full age."""
        return [person for person in self.people if person.born_on and _years(person.born_on) >= 18]

    @property
    def settled(self) -> list[Beneficiary]:
        """Those of them whom the unit has known since before the months that the demo tells of."""
        return [person for person in self.adults if person.registered_on < today() - dt.timedelta(days=60)]

    def add(self, row: M) -> M:
        """Save the row."""
        self.session.add(row)
        self.session.flush()
        return row


@contextmanager
def acting(session: orm.Session, user: User) -> Iterator[None]:
    """The session is the user's for a block."""
    before = policy.scope_in(session)
    policy.bind(session, policy.scope_of(user))
    yield
    policy.bind(session, before)


def workday(day: dt.date, *, back: bool = False) -> dt.date:
    """The day itself, or the nearest weekday before or after it."""
    while day.weekday() > 4:
        day += dt.timedelta(days=-1 if back else 1)
    return day


def clock(day: dt.date, hour: int, minute: int = 0) -> dt.datetime:
    """The moment when the centre's clocks show this."""
    return dt.datetime.combine(day, dt.time(hour, minute), ATHENS)


def _years(born_on: dt.date) -> int:
    return (today() - born_on).days // 365
