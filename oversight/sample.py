"""The monthly sample: drawn once, the same for everybody, kept; spread over units and acts as the month's trail was."""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

import audit
import policy
from models import AuditEntry, AuditReview, AuditSample, now, today
from vocabulary import AuditAction

from .hours import within

SIZE = 40


@dataclass(frozen=True)
class Month:
    """A month's sample, and how much of it somebody has looked at."""

    first: dt.date
    drawn_at: dt.datetime
    acts: int
    reviewed: int


def drawn(session: orm.Session) -> list[Month]:
    """Every sample that was drawn, newest first."""
    seen = sa.exists().where(AuditReview.entry_seq == AuditSample.entry_seq)
    counts = sa.func.count(), sa.func.count().filter(seen)
    query = sa.select(AuditSample.month, sa.func.min(AuditSample.drawn_at), *counts).group_by(AuditSample.month)
    return [Month(*row) for row in session.execute(query.order_by(AuditSample.month.desc()))]


def last_month() -> dt.date:
    """The first day of the last month that is over."""
    return (today().replace(day=1) - dt.timedelta(days=1)).replace(day=1)


def in_sample(month: dt.date) -> sa.ColumnElement[bool]:
    """The entries of a month's sample."""
    return AuditEntry.seq.in_(sa.select(AuditSample.entry_seq).where(AuditSample.month == month))


def draw(session: orm.Session) -> int:
    """Draw the sample of the last month that is over; how many acts it holds, none where it was drawn already.

    What overseers did is not theirs to review, and not in it (docs/decisions/0023-oversight.md).
    """
    month = last_month()
    if session.scalar(sa.select(AuditSample.place).where(AuditSample.month == month).limit(1)) is not None:
        return 0
    seqs = [seq for of, n in _shares(session, month) for seq in session.scalars(_some(month, of, n))]
    if not seqs:
        return 0
    moment = now()
    rows = [AuditSample(month=month, place=n, entry_seq=seq, drawn_at=moment) for n, seq in enumerate(sorted(seqs))]
    try:
        with session.begin_nested():
            session.add_all(rows)
    except sa.exc.IntegrityError:
        return 0  # somebody else drew it at this very moment
    audit.note(
        session, AuditAction.CREATE, subject_type=AuditSample.__tablename__, month=f"{month:%Y-%m}", rows=len(rows)
    )
    return len(rows)


def _population(month: dt.date) -> sa.ColumnElement[bool]:
    last = month.replace(day=calendar.monthrange(month.year, month.month)[1])
    # What no user did, the system's acts and failed sign-ins, nobody could explain.
    return within(month, last) & AuditEntry.actor_id.is_not(None) & AuditEntry.actor_role.not_in(policy.OVERSEERS)


def _shares(session: orm.Session, month: dt.date) -> list[tuple[tuple[Any, Any], int]]:
    """How many of each unit and act, by largest remainder: together SIZE, or all where there are no more."""
    kind = (AuditEntry.unit_id, AuditEntry.action)
    counted = session.execute(sa.select(*kind, sa.func.count()).where(_population(month)).group_by(*kind)).all()
    whole = sum(n for _unit, _act, n in counted)
    size = min(SIZE, whole)
    shares = [((unit, act), *divmod(n * size, whole)) for unit, act, n in counted]
    left = size - sum(share for _of, share, _rest in shares)
    shares.sort(key=lambda each: (-each[2], str(each[0])))
    return [(of, share + (place < left)) for place, (of, share, _rest) in enumerate(shares) if share + (place < left)]


def _some(month: dt.date, of: tuple[Any, Any], n: int) -> sa.Select[Any]:
    unit, act = of
    here = AuditEntry.unit_id.is_(None) if unit is None else AuditEntry.unit_id == unit
    chosen = sa.select(AuditEntry.seq).where(_population(month), here, AuditEntry.action == act)
    return chosen.order_by(sa.func.random()).limit(n)
