"""The table of permissions says nothing that means nothing: a misspelt word would open or close something unnoticed."""

from __future__ import annotations

import pytest

import admin_views
import policy
from admin_views.base import listing
from db import Base
from tests.answers import new_person, said
from tests.world import World
from vocabulary import Role

PAGES_OF_THEIR_OWN = {"referral_received", "audit_finding", "supervision", "report"}
"""Resources that are no table."""


def lines() -> dict[str, list[str]]:
    head, *rest = policy.TABLE.strip().splitlines()
    assert head.split()[1:] == [role.value for role in Role]
    found = [line.split() for line in rest]
    assert len({cells[0] for cells in found}) == len(found), "a resource stands twice"
    return {name: cells for name, *cells in found}


def test_every_resource_is_a_table_or_a_page() -> None:
    tables = {mapper.class_.__tablename__ for mapper in Base.registry.mappers}
    views = {getattr(view, "resource", None) for view in admin_views.SCREENS}
    assert [name for name in lines() if name not in tables | views | PAGES_OF_THEIR_OWN] == []
    known = {screen.model.__tablename__ for screen in admin_views.SCREENS if hasattr(screen, "model")}
    assert known - set(lines()) == set(), "a screen that nobody is given, or everybody"


def test_every_cell_is_made_of_known_letters_and_nobody_acts_on_what_they_cannot_read() -> None:
    for name, cells in lines().items():
        assert len(cells) == len(Role), name
        for role, letters in zip(Role, cells, strict=True):
            assert letters == "-" or set(letters) <= set(policy.ACTIONS), (name, role)
            assert len(set(letters)) == len(letters), (name, role)
            reads_or_only_deletes = "r" in letters or letters == "-" or name == "second_factor"
            assert reads_or_only_deletes, f"{role.value} acts on {name} without reading it"


def test_a_misspelt_letter_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "TABLE", policy.TABLE.replace("rcedx", "rcezx", 1))
    with pytest.raises(KeyError):
        policy._permissions()
    monkeypatch.setattr(policy, "TABLE", "resource reception\nvisit r r")
    with pytest.raises(ValueError, match="zip"):
        policy._permissions()


def test_no_list_counts_or_shows_without_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attack by expense: a page has at most a hundred rows, a search of many words few terms, counting comes to an end."""
    monkeypatch.setattr(listing, "COUNTED", 3)
    browser = world.client("coordinator")
    for n in range(6):
        new_person(world, last_name="Πολυάριθμος", first_name="Αβγδεζ"[n])
    page = browser.get("/admin/beneficiary/?search=Πολυαριθμος&page_size=1000000").text
    assert page.count('<th scope="row">') <= 100
    assert said(world.app, "More than %(number)s records", number=3) in page
    many = "&".join(f"flt{n}_last_name_contains=α" for n in range(500))
    assert browser.get(f"/admin/beneficiary/?{many}").status_code == 200
