"""Who looked at a person, and what a user did: the trail by person, and by user and day."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

import audit
import search
from models import AuditEntry, Beneficiary, today
from vocabulary import CHANGES, AuditAction, Role

from .hours import HOUR, moment, start_of, within

NAMED_BACK, NAMED_MOST = 365, 20_000
"""Days, and the newest searches and exports of them, that are read for whom they name."""


@dataclass(frozen=True)
class Look:
    """What one user did about a person."""

    actor_id: int | None
    actor: str | None
    role: Role | None
    looks: int
    changes: int
    first: dt.datetime
    last: dt.datetime


@dataclass(frozen=True)
class Day:
    """What one user did on a day."""

    on: dt.date
    acts: Counter[AuditAction]
    people: int


def acts_about(person_id: int) -> sa.Select[AuditEntry]:
    """Every act about a person, newest first."""
    return sa.select(AuditEntry).where(AuditEntry.person_id == person_id).order_by(AuditEntry.seq.desc())


def lookers(session: orm.Session, person_id: int) -> list[Look]:
    """Everybody who did anything about a person, the last first."""
    last = sa.func.max(AuditEntry.at)
    changed = AuditEntry.action.in_(CHANGES)
    query = sa.select(
        AuditEntry.actor_id, sa.func.max(AuditEntry.actor_name), AuditEntry.actor_role,
        sa.func.count().filter(~changed), sa.func.count().filter(changed), sa.func.min(AuditEntry.at), last,
    )  # fmt: skip
    grouped = query.where(AuditEntry.person_id == person_id).group_by(AuditEntry.actor_id, AuditEntry.actor_role)
    return [Look(*row) for row in session.execute(grouped.order_by(last.desc()))]


def through(entry: AuditEntry) -> int | None:
    """The number of the grant that an act went through; None where the actor's own unit keeps the file."""
    number = audit.details_of(entry).get("grant")
    return number if isinstance(number, int) else None


def named(session: orm.Session, person: Beneficiary, *, ever: bool = False) -> list[AuditEntry]:
    """Searches and exports that named the person, as the search itself would find them, or that held everybody.

    The newest of the last year, or `ever` made.
    """
    acts = AuditEntry.action.in_((AuditAction.SEARCH, AuditAction.EXPORT))
    since = sa.true() if ever else AuditEntry.at >= start_of(today() - dt.timedelta(days=NAMED_BACK))
    asked = AuditEntry.details.contains('"search":') | AuditEntry.details.contains('"filters":')
    here = sa.or_(AuditEntry.unit_id == person.unit_id, AuditEntry.unit_id.is_(None))
    whole = (AuditEntry.action == AuditAction.EXPORT) & (AuditEntry.subject_type == Beneficiary.__tablename__) & ~asked
    read = sa.select(AuditEntry).where(acts, since, AuditEntry.person_id.is_(None), here, asked | whole)
    newest = session.scalars(read.order_by(AuditEntry.seq.desc()).limit(None if ever else NAMED_MOST))
    names = cache(lambda text: _finds(text, person))
    return [e for e in newest if not _is_narrowed(e) or any(map(names, _typed(e)))]


def _is_narrowed(entry: AuditEntry) -> bool:
    return not {"search", "filters"}.isdisjoint(audit.details_of(entry))


def _typed(entry: AuditEntry) -> list[str]:
    """What was typed; of older entries the filters whole, which end with it."""
    details = audit.details_of(entry)
    return [text for text in (details.get("search"), *details.get("words", details.get("filters", ()))) if text]


def _finds(text: str, person: Beneficiary) -> bool:
    """The words typed are of the person; of a filter, which begins with its column, the words at its end."""
    hit = [_is_in(word, person) for word in search.terms(text)]
    return bool(hit) and (all(hit) or search.fold(person.last_name) in search.fold(text))


def typed(session: orm.Session, people: list[Beneficiary]) -> list[AuditEntry]:
    """Searches and exports ever made for which words were typed that find these people and nobody else."""
    is_theirs = cache(lambda words: not _finds_others(session, words, people))
    found = {entry: _own_words(entry, person) for person in people for entry in named(session, person, ever=True)}
    return [entry for entry, words in found.items() if words and is_theirs(words)]


Words = tuple[tuple[str, ...], ...]


def _own_words(entry: AuditEntry, person: Beneficiary) -> Words:
    """The words typed, if the person's all of them; of a filter of which only the whole was kept, those at its end."""
    details = audit.details_of(entry)
    words = [word for text in (details.get("search", ""), *details.get("words", ())) for word in search.terms(text)]
    for text in details.get("filters", ()) if "words" not in details else ():
        words += takewhile(lambda word: _is_in(word, person), reversed(search.terms(text)))
    return tuple(map(tuple, words)) if all(_is_in(word, person) for word in words) else ()


def _is_in(word: list[str], person: Beneficiary) -> bool:
    return any(f" {form}" in person.search_key for form in word)


def _finds_others(session: orm.Session, words: Words, people: list[Beneficiary]) -> bool:
    tests = [sa.or_(*(Beneficiary.search_key.contains(f" {form}") for form in word)) for word in words]
    others = Beneficiary.id.not_in([person.id for person in people])
    return session.scalar(sa.select(Beneficiary.id).where(others, *tests).limit(1)) is not None


def days_of(session: orm.Session, actor_id: int, first: dt.date, last: dt.date) -> list[Day]:
    """What a user did on each day between these two on which they did anything, newest first."""
    theirs = (AuditEntry.actor_id == actor_id) & within(first, last)
    counts = sa.select(HOUR, AuditEntry.action, sa.func.count()).where(theirs).group_by(HOUR, AuditEntry.action)
    acts: dict[dt.date, Counter[AuditAction]] = defaultdict(Counter)
    for hour, action, n in session.execute(counts):
        acts[moment(hour).date()][action] += n
    seen = sa.select(HOUR, AuditEntry.person_id).where(theirs, AuditEntry.person_id.is_not(None)).distinct()
    people = _people(session.execute(seen))
    return [Day(on, acts[on], len(people[on])) for on in sorted(acts, reverse=True)]


def _people(pairs: Iterable[Any]) -> dict[dt.date, set[int]]:
    found: dict[dt.date, set[int]] = defaultdict(set)
    for hour, person_id in pairs:
        found[moment(hour).date()].add(person_id)
    return found
