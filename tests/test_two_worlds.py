"""Two worlds: installations that differ only in the other unit's rows answer every request byte for byte alike.

Alike are status, headers, every byte of pages and workbooks, and the statements sent to the database, their count and
their wording: where the same statements run over the reader's own rows, there is no time to tell a foreign row by.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import orm

import policy
from admin_views.base.screen import Screen
from models import Visit
from tests.twins import ROLES, Ask, Asker, both, change, plain_installation, unlike
from tests.world import CANARY, scoped_models
from vocabulary import Role

READERS = [f"{role.value}.{code}" for role in ROLES for code in CANARY]


@pytest.fixture(scope="module")
def worlds(house: Any) -> dict[str, Any]:
    """The cast's world, and by each unit's code one in which that unit lives another life."""
    houses = {"as it is": house.twin("asitis"), **{code: house.twin(f"other_{code}") for code in CANARY}}
    new = {code: change(houses[code], code) for code in CANARY}
    return {"houses": houses, "new": new, **{name: plain_installation(each) for name, each in houses.items()}}


@pytest.fixture
def fresh(worlds: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The worlds, put back afterwards."""
    yield worlds
    for house in worlds["houses"].values():
        house.reset()


def compared(fresh: dict[str, Any], reader: str, only: str = "") -> tuple[list[int], list[str]]:
    """How the requests were answered, and what differs."""
    role, _dot, here = reader.partition(".")
    there = next(code for code in CANARY if code != here)
    half = (fresh["as it is"].dialect == "sqlite") ^ (here == "main")
    found, statuses = [], []
    with both((fresh["as it is"], fresh[there]), reader) as (first, second, clock):
        asker = Asker(fresh["as it is"], first.browser, here, there, Role(role), fresh["new"][there], half)
        asks = [Ask("POST", "/language/en"), *asker.pages(), Ask("POST", "/language/el"), *asker.pages()]
        for ask in (*asks, *asker.varied(), *([] if only else asker.writes())):
            if only in ask.url:
                clock.shift(1)
                one, other = first.answer(ask), second.answer(ask)
                statuses.append(one.status)
                if difference := unlike(one, other):
                    found.append(f"{str(ask)[:200]}: {difference[:400]}")
    return statuses, found


@pytest.mark.parametrize("reader", READERS)
def test_two_worlds_answer_alike(fresh: dict[str, Any], reader: str) -> None:
    statuses, found = compared(fresh, reader)
    import collections
    print(reader, collections.Counter(statuses), len(found))
    assert not found, "\n".join(found[:12])
    assert statuses.count(200) > 500
