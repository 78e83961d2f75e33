"""The boxes of forms: what browsers and telephones are told of them, and how wide they are."""

from __future__ import annotations

import re

import pytest

from models import Beneficiary
from tests.world import World


def box(page: str, name: str) -> str:
    (found,) = re.findall(rf'<(?:input|select|textarea)[^>]* name="{name}"[^>]*>', page)
    return str(found)


@pytest.mark.parametrize("address", ["beneficiary/new/", "user/new/", "beneficiary/edit/?id={}"])
def test_a_browser_offers_nobody_what_another_typed(calm_world: World, address: str) -> None:
    browser = calm_world.client("administrator" if address.startswith("user") else "reception.main")
    page = browser.get(f"/admin/{address.format(calm_world.rows['main']['beneficiary'])}").text
    (form,) = re.findall(r'<form[^>]*class="record-form"[^>]*>', page)
    assert 'autocomplete="off"' in form


def test_sign_in_keeps_what_browsers_fill_in(calm_world: World) -> None:
    page = calm_world.client().get("/login").text
    assert 'autocomplete="username"' in page and 'autocomplete="current-password"' in page
    assert 'autocomplete="off"' not in page.partition("<form")[2].partition(">")[0]


def test_numbers_are_typed_with_digits(calm_world: World) -> None:
    page = calm_world.client("reception.main").get("/admin/beneficiary/new/").text
    for name, mode in {
        "amka": "numeric",
        "afm": "numeric",
        "postal_code": "numeric",
        "phone": "tel",
        "mobile": "tel",
    }.items():
        assert f'inputmode="{mode}"' in box(page, name), name


def test_a_telephone_stands_in_its_box_as_on_pages(world: World) -> None:
    key, browser = world.rows["main"]["beneficiary"], world.client("reception.main")
    edit = f"/admin/beneficiary/edit/?id={key}"
    assert browser.submit(edit, mobile="6900000014").status_code == 302
    before = world.one(Beneficiary, key)
    assert browser.form(edit)["mobile"] == "6900 000014"
    assert browser.submit(edit).status_code == 302
    after = world.one(Beneficiary, key)
    assert (after.mobile, after.version) == ("+306900000014", before.version), "an untouched box changes nothing"


@pytest.mark.parametrize(
    ("table", "name", "is_wide"),
    [("case_note", "confidence", True), ("consent", "kind", True), ("access_grant", "legal_basis", True),
     ("beneficiary", "sex", False)],
)  # fmt: skip
def test_long_choices_have_room(calm_world: World, table: str, name: str, is_wide: bool) -> None:
    page = calm_world.client("caseworker.main").get(f"/admin/{table}/new/").text
    assert ("data-wide" in box(page, name)) is is_wide
