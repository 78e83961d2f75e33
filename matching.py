"""One person in two units: what two records agree in, by keyed hashes that only the coordinator's screen compares.

A unit never learns of another's record: numbers are unique within a unit only, every save makes its hashes whatever
stands elsewhere, and nothing on the way looks at another unit's (docs/decisions/0019-matching.md).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any, NamedTuple

import sqlalchemy as sa
from flask import current_app
from sqlalchemy import event, orm

import search
from models import Beneficiary, PersonDecision, PersonToken
from policy import changed
from vocabulary import SamePerson, TokenKind

PURPOSE = b"kentro: one person in two units, v1"
"""Keeps this key apart from every other that is made from SECRET_KEY."""
NUMBERS = {TokenKind.AMKA: "amka", TokenKind.AFM: "afm", TokenKind.PAAYPA: "paaypa", TokenKind.DOCUMENT: "id_document"}
SOURCES = {*NUMBERS.values(), "last_name", "first_name", "born_on"}
AT_ONCE = 1000
MOST_PAIRS = 5000


# --- hashes -----------------------------------------------------------------------------------------------------------


def tokens(person: Any) -> dict[TokenKind, str]:
    """The hashes of a person's numbers (stored in one spelling already) and of folded name with date of birth."""
    said = {kind: getattr(person, name) for kind, name in NUMBERS.items()}
    if person.born_on:
        said[TokenKind.NAME] = f"{search.fold(f'{person.last_name} {person.first_name}')}|{person.born_on.isoformat()}"
    key = _key()
    return {
        kind: hmac.new(key, f"{kind.value}:{text}".encode(), hashlib.sha256).hexdigest()
        for kind, text in said.items()
        if text
    }


def _key() -> bytes:
    secret = current_app.config["MATCH_KEY"] or current_app.config["SECRET_KEY"]
    return hmac.digest(secret.encode(), PURPOSE, "sha256")


@event.listens_for(orm.Session, "before_flush")
def _refresh_saved(session: orm.Session, context: object, instances: object) -> None:
    """After policy's guard, which lets nobody write hashes otherwise."""
    for row in [*session.new, *session.dirty]:
        if isinstance(row, Beneficiary) and (row in session.new or changed(row) & SOURCES):
            _set(row, {} if row.erased_on else tokens(row))


def _set(person: Beneficiary, wanted: dict[TokenKind, str]) -> None:
    kept = {row.kind: row for row in person.tokens}
    for kind in kept.keys() - wanted.keys():
        person.tokens.remove(kept[kind])
    for kind, token in wanted.items():
        if kind in kept:
            kept[kind].token = token
        else:
            person.tokens.append(PersonToken(kind=kind, token=token, unit_id=person.unit_id))


def refresh(session: orm.Session) -> int:
    """Make all hashes anew, for rows that never passed a form or under a new key; the number of people.

    For commands: the session is the system's, since no other may write in bulk.
    """
    session.execute(sa.delete(PersonToken))
    columns = (getattr(Beneficiary, name) for name in ("id", "unit_id", *sorted(SOURCES)))
    people = session.execute(sa.select(*columns).where(Beneficiary.erased_on.is_(None)).order_by(Beneficiary.id)).all()
    for start in range(0, len(people), AT_ONCE):
        rows = [row for person in people[start : start + AT_ONCE] for row in _rows(person)]
        if rows:
            session.execute(sa.insert(PersonToken), rows)
    return len(people)


def _rows(person: Any) -> Iterator[dict[str, Any]]:
    for kind, token in tokens(person).items():
        yield {"beneficiary_id": person.id, "unit_id": person.unit_id, "kind": kind, "token": token}


# --- pairs, and what was decided of them ------------------------------------------------------------------------------


class Pair(NamedTuple):
    """Two records, by number, and what they agree in."""

    first_id: int
    second_id: int
    agree: tuple[TokenKind, ...]


def pairs(session: orm.Session) -> list[Pair]:
    """Records that agree in something and are still to be decided on, those that agree in most first.

    Those that earlier decisions make one person already are left out, also where a third record links them.
    """
    known, decided, found = groups(session), _decided(session), agreements(session)
    open_pairs = (
        Pair(*key, tuple(kind for kind in TokenKind if kind in kinds))
        for key, kinds in found.items()
        if key not in decided and (key[0] not in known or known[key[0]] != known.get(key[1]))
    )
    return sorted(open_pairs, key=lambda pair: (-len(pair.agree), pair))


def agreements(session: orm.Session, *two: int) -> dict[tuple[int, int], set[TokenKind]]:
    """What pairs of records that the session sees agree in; of these two alone, where two are named."""
    one, other = orm.aliased(PersonToken), orm.aliased(PersonToken)
    same = (one.kind == other.kind) & (one.token == other.token) & (one.beneficiary_id < other.beneficiary_id)
    query = sa.select(one.beneficiary_id, other.beneficiary_id, one.kind).join(other, same)
    if two:
        query = query.where(one.beneficiary_id.in_(two), other.beneficiary_id.in_(two))
    found: dict[tuple[int, int], set[TokenKind]] = {}
    for first, second, kind in session.execute(query.order_by(one.beneficiary_id).limit(MOST_PAIRS)):
        found.setdefault((first, second), set()).add(kind)
    return found


def _decided(session: orm.Session) -> set[tuple[int, int]]:
    return {(first, second) for first, second in session.execute(_decisions())}


def _decisions(*verdicts: SamePerson) -> sa.Select[int, int]:
    query = sa.select(PersonDecision.first_id, PersonDecision.second_id)
    return query.where(PersonDecision.verdict.in_(verdicts)) if verdicts else query


def groups(session: orm.Session) -> dict[int, int]:
    """Every linked record and the lowest number among those that are the same person, over any number of links."""
    root: dict[int, int] = {}

    def lowest(key: int) -> int:
        while root.setdefault(key, key) != key:
            key = root[key]
        return key

    for first, second in session.execute(_decisions(SamePerson.SAME)):
        low, high = sorted((lowest(first), lowest(second)))
        root[high] = low
    return {key: lowest(key) for key in list(root)}


def once(
    session: orm.Session,
    counted: sa.ColumnElement[bool],
    before: sa.ColumnElement[bool] | None = None,
    *,
    in_each_unit: bool = False,
) -> sa.ColumnElement[bool]:
    """A condition on people that leaves one of each person's records that are `counted`, the one registered first.

    Where one of a person's records was counted `before`, none is left: the person is not new.
    """
    known = groups(session)

    def records(test: sa.ColumnElement[bool]) -> Iterator[tuple[int, tuple[int, int | None]]]:
        query = sa.select(Beneficiary.id, Beneficiary.unit_id).where(Beneficiary.id.in_(known), test)
        for key, unit in session.execute(query.order_by(Beneficiary.registered_on, Beneficiary.id)):
            yield key, (known[key], unit if in_each_unit else None)

    if not known:
        return sa.true()
    seen = {person for _key, person in records(before)} if before is not None else set()
    again = []
    for key, person in records(counted):
        if person in seen:
            again.append(key)
        seen.add(person)
    return Beneficiary.id.not_in(again)
