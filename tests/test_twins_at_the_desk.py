"""A person who is registered already is registered again only when the clerk says that it is somebody else."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa

from models import Beneficiary, today
from tests.answers import errors_of, new_person
from tests.world import World

NEW = "/admin/beneficiary/new/"
NAME = {"last_name": "Διπλός", "first_name": "Ίδιος"}
BORN = dt.date(1962, 3, 4)


def typed(world: World, **over: Any) -> dict[str, Any]:
    """The same person typed again, in other letters."""
    said = {"last_name": " ΔΙΠΛΟΣ", "first_name": "ιδιος", "unit_id": str(world.rows["main"]["unit"])}
    return said | over


def how_many(world: World) -> int:
    return len(world.query(sa.select(Beneficiary.id).where(Beneficiary.first_name.in_(("Ίδιος", "ιδιος")))))


@pytest.mark.parametrize("agrees", [{"born_on": "4/3/1962"}, {"father_name": "νικολαος"}])
def test_the_form_comes_back_once(world: World, agrees: dict[str, str]) -> None:
    key = new_person(world, **NAME, born_on=BORN, father_name="Νικόλαος")
    browser = world.client("reception.main")
    assert "is_another" not in browser.form(NEW)
    answer = browser.post(NEW, browser.form(NEW) | typed(world, **agrees))
    assert answer.status_code == 200 and how_many(world) == 1
    (told,) = errors_of(answer.text).items()
    assert told[0] == "is_another" and f'href="/admin/beneficiary/details/?id={key}"' in told[1]
    again = browser.post(NEW, browser.form(NEW) | typed(world, **agrees, is_another="y"))
    assert again.status_code == 302 and how_many(world) == 2


@pytest.mark.parametrize("differs", [{}, {"born_on": "5/3/1962"}, {"father_name": "Πέτρος", "born_on": "4/3/1963"}])
def test_the_same_name_alone_is_a_warning_afterwards(world: World, differs: dict[str, str]) -> None:
    new_person(world, **NAME, born_on=BORN, father_name="Νικόλαος")
    browser = world.client("reception.main")
    assert browser.post(NEW, browser.form(NEW) | typed(world, **differs)).status_code == 302
    assert how_many(world) == 2


def test_nobody_is_told_of_another_unit(world: World) -> None:
    """Not even who works in both (docs/decisions/0019-matching.md)."""
    new_person(world, "roma", **NAME, born_on=BORN, father_name="Νικόλαος")
    browser = world.client("coordinator")
    assert browser.post(NEW, browser.form(NEW) | typed(world, born_on="4/3/1962")).status_code == 302


def test_of_somebody_restricted_nothing_is_told(world: World) -> None:
    """Their date of birth is not for the desk."""
    new_person(world, **NAME, born_on=BORN, restricted_on=today())
    browser = world.client("reception.main")
    assert browser.post(NEW, browser.form(NEW) | typed(world, born_on="4/3/1962")).status_code == 302


def test_the_same_form_sent_twice_is_one_registration(world: World) -> None:
    browser = world.client("reception.main")
    form = browser.form(NEW) | typed(world, born_on="4/3/1962")
    first, second = browser.post(NEW, form), browser.post(NEW, form)
    assert first.headers["Location"] == second.headers["Location"] and how_many(world) == 1
