"""Unusual acts: one bounded, grouped query over the trail, from which each kind of finding is read.

A finding is a kind, a user and a day. Once settled it stays away, unless more acts come.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

import search
from models import AuditEntry, AuditFinding, Beneficiary, User, today
from vocabulary import AuditAction, FindingKind

from .hours import HOUR, is_outside, moment, outside, start_of, within

LOOKED_BACK = 31
"""Days of the trail that the worklist is made of."""
MANY_PEOPLE, MANY_REFUSALS = 30, 5
"""Different people in an hour, and refusals on a day, from which on they are unusual."""
READING = (AuditAction.VIEW, AuditAction.SEARCH, AuditAction.EXPORT, AuditAction.EMERGENCY)
SHORTEST_STEM = 4
ENDINGS = "ουσηςαειω"
"""What tells father's, mother's and daughter's form of a surname apart (Παπαδόπουλος, Παπαδοπούλου), folded."""

_BY_VALUE = {kind.value: kind for kind in FindingKind}
IS_READING = AuditEntry.action.in_(READING)
PERSON_READ = sa.case((IS_READING, AuditEntry.person_id))


@dataclass(frozen=True)
class Finding:
    """Unusual acts of a user (None: nobody signed in) on a day."""

    kind: FindingKind
    actor_id: int | None
    actor: str
    on: dt.date
    acts: int

    @property
    def key(self) -> str:
        """How addresses name it."""
        return f"{self.kind.value}.{self.actor_id or 0}.{self.on.isoformat()}"


def finding_of(key: str) -> tuple[FindingKind, int | None, dt.date]:
    """Kind, user and day of a key.

    Raises:
        ValueError: it is none.
    """
    kind, actor, day = key.split(".")
    if not (actor.isascii() and actor.isdecimal() and len(actor) <= 9):
        raise ValueError(key)
    on = dt.date.fromisoformat(day)
    if not 2000 <= on.year <= 2200:
        raise ValueError(key)
    return _BY_VALUE[kind], int(actor) or None, on


def findings(session: orm.Session, *, settled: bool = False) -> list[Finding]:
    """The findings of the last LOOKED_BACK days that nobody settled, newest first; the others where `settled`."""
    since = today() - dt.timedelta(days=LOOKED_BACK)
    said = sa.select(AuditFinding).where(AuditFinding.on >= since)
    known: dict[Any, int] = defaultdict(int)
    for row in session.scalars(said):
        known[row.kind, row.actor_id, row.on] = max(known[row.kind, row.actor_id, row.on], row.acts)
    found = (each for each in _found(session, since) if each.on >= since)
    kept = [each for each in found if (each.acts <= known[each.kind, each.actor_id, each.on]) == settled]
    return sorted(kept, key=lambda each: (-each.on.toordinal(), each.kind.value, each.actor))


def behind(session: orm.Session, key: str) -> sa.ColumnElement[bool]:
    """The entries behind a finding."""
    kind, actor_id, day = finding_of(key)
    theirs = (AuditEntry.actor_id == actor_id) & within(day, day)
    if kind == FindingKind.HOURS:
        return theirs & IS_READING & outside(day)
    if kind != FindingKind.PEOPLE:
        return theirs & _conditions(session)[kind]
    crowded = sa.select(HOUR).where(theirs).group_by(HOUR).having(sa.func.count(sa.distinct(PERSON_READ)) > MANY_PEOPLE)
    return theirs & IS_READING & AuditEntry.person_id.is_not(None) & HOUR.in_(crowded)


def _found(session: orm.Session, since: dt.date) -> Iterator[Finding]:
    """Every kind at once: the hours of each user are few, however long the trail is."""
    days: dict[tuple[Any, ...], int] = defaultdict(int)
    names: dict[int | None, str] = {}
    for row in session.execute(_by_hour(session, since)):
        begun, counted = moment(row.hour), row._mapping
        # Acts that nobody signed in for stand beside the system's own, which has a name.
        names[row.actor_id] = max(names.get(row.actor_id, ""), row.actor or "") if row.actor_id else ""
        if row.people > MANY_PEOPLE:
            key = (FindingKind.PEOPLE, row.actor_id, begun.date())
            days[key] = max(days[key], row.people)
        if row.reading and row.actor_id and is_outside(begun):
            days[FindingKind.HOURS, row.actor_id, begun.date()] += row.reading
        for kind in _KINDS:
            days[kind, row.actor_id, begun.date()] += counted[kind.value]
    for (kind, actor_id, on), acts in days.items():
        if acts >= (MANY_REFUSALS if kind == FindingKind.REFUSALS else 1):
            yield Finding(kind, actor_id, names[actor_id], on, acts)


def _by_hour(session: orm.Session, since: dt.date) -> sa.Select[Any]:
    kinds = _conditions(session)
    return (
        sa.select(
            AuditEntry.actor_id,
            HOUR.label("hour"),
            sa.func.max(AuditEntry.actor_name).label("actor"),
            sa.func.count(sa.distinct(PERSON_READ)).label("people"),
            sa.func.count().filter(IS_READING).label("reading"),
            *(sa.func.count().filter(kinds[kind]).label(kind.value) for kind in _KINDS),
        )
        .where(AuditEntry.at >= start_of(since))
        .group_by(AuditEntry.actor_id, HOUR)
    )


_KINDS = (
    FindingKind.SURNAME, FindingKind.CLOSED, FindingKind.REFUSALS, FindingKind.EXPORTS, FindingKind.EMERGENCY,
)  # fmt: skip
"""Those that every single act is counted for."""


def _conditions(session: orm.Session) -> dict[FindingKind, sa.ColumnElement[bool]]:
    # The look of the day on which a file is closed is that of who closes it.
    day = sa.func.date(AuditEntry.at)
    closed = sa.exists().where(Beneficiary.id == AuditEntry.person_id, Beneficiary.closed_on < day)
    about = AuditEntry.details
    whole = about.contains('"columns":') & ~about.contains('"search":') & ~about.contains('"filters":')
    return {
        FindingKind.SURNAME: IS_READING & _of_own_name(session),
        FindingKind.CLOSED: IS_READING & closed,
        FindingKind.REFUSALS: AuditEntry.action == AuditAction.REFUSED,
        FindingKind.EXPORTS: (AuditEntry.action == AuditAction.EXPORT) & whole,
        FindingKind.EMERGENCY: AuditEntry.action == AuditAction.EMERGENCY,
    }


def _of_own_name(session: orm.Session) -> sa.ColumnElement[bool]:
    """Acts about people of a surname that is the user's own. Surnames are few for each user, and looked up by index."""
    stems = {user_id: {_stem(word) for word in search.fold(name).split()} for user_id, name in session.execute(
        sa.select(User.id, User.full_name)
    )}  # fmt: skip
    sought = sorted({stem for mine in stems.values() for stem in mine if len(stem) >= SHORTEST_STEM})
    near = [Beneficiary.sort_key.between(stem, f"{stem}ωωωω") for stem in sought]
    people = session.execute(sa.select(Beneficiary.id, Beneficiary.last_name).where(sa.or_(sa.false(), *near)))
    named = defaultdict(list)
    for key, last_name in people:
        named[_stem(search.fold(last_name))].append(key)
    own = {user_id: [key for stem in mine for key in named[stem]] for user_id, mine in stems.items()}
    return sa.or_(
        sa.false(), *((AuditEntry.actor_id == u) & AuditEntry.person_id.in_(keys) for u, keys in own.items() if keys)
    )


def _stem(surname: str) -> str:
    return surname.rstrip(ENDINGS)
