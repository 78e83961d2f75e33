"""What a person is, as a condition on the record."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

import policy
from db import fields
from models import Beneficiary
from vocabulary import ANSWERED_GROUPS, PROTECTED_GROUPS, Answer, Code, TargetGroup

from .coverage import Coverage
from .period import Test


def stamp(column: Any) -> Any:
    """A date as the number YYYYMMDD; the difference of two, in ten-thousands, is the full years between them."""
    year, month, day = (sa.extract(part, column) for part in ("year", "month", "day"))
    return year * 10_000 + month * 100 + day


def stamp_of(day: dt.date) -> int:
    """The day as such a number."""
    return int(f"{day:%Y%m%d}")


def aged(age: Any, low: int, high: int | None) -> Test:
    """An age, as a difference of two such numbers, lies between these full years, both included."""
    at_least = age >= low * 10_000 if low else sa.true()
    at_most = age < (high + 1) * 10_000 if high is not None else age.is_not(None)
    return sa.and_(at_least, at_most)


def unanswered(column: Any, code: Code) -> Test:
    """Nothing is recorded, or the code for «not stated»."""
    return sa.or_(column.is_(None), column == code)


def source(group: TargetGroup) -> str:
    """The column that says whether a person belongs to the group."""
    answered = {TargetGroup.ROMA: "ethnic_roma", TargetGroup.AMEA: "disability"}
    return answered.get(group, "protected_groups" if group in PROTECTED_GROUPS else "target_groups")


def belongs(coverage: Coverage, group: TargetGroup) -> Test:
    """The person belongs to the group."""
    name = source(group)
    column: Any = getattr(Beneficiary, name)
    if fields(Beneficiary)[name].is_sealed:
        return coverage.answered(column, Answer.YES if group in ANSWERED_GROUPS else group)
    test: Test = column.holds(group.value)
    return test


def in_sight(session: orm.Session, name: str) -> bool:
    """The reader's role sees this column of a person."""
    return policy.sees(policy.scope_in(session), fields(Beneficiary)[name])
