"""How lists look: cards on telephones, headings in sight, numbers and codes in one piece."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from models import Unit
from oversight.findings import MANY_REFUSALS
from seed import builders
from tests.browser import Office, chromium, office, site, too_wide
from tests.walls import system_session

__all__ = ["chromium", "office", "site"]  # fixtures

CELLS_WIDER_THAN_THEIR_CARDS = """[...document.querySelectorAll(".list tbody tr")].flatMap((card) =>
  [...card.cells].filter((cell) => {
    const [inner, outer] = [cell, card].map((each) => each.getBoundingClientRect());
    return cell.textContent && (cell.scrollWidth > cell.clientWidth + 1 || inner.right > outer.right || inner.left < outer.left);
  }).map((cell) => cell.textContent))"""


@pytest.mark.parametrize("width", [320, 390])
def test_no_cell_is_wider_than_its_card(office: Office, width: int) -> None:
    for name, tables in (("supervisor", ("audit_entry",)), ("coordinator", ("visit", "referral", "application"))):
        page = office.sign_in(name, viewport={"width": width, "height": 800})
        for table in tables:
            page.goto(f"/admin/{table}/")
            assert page.locator(".list tbody tr").count(), table
            assert page.evaluate(CELLS_WIDER_THAN_THEIR_CARDS) == [], table
            assert too_wide(page) <= 0, table


TOP = "each => each.getBoundingClientRect().top"
OVER_TEXT = """[...document.querySelectorAll(".list tbody tr")].filter((card) => {
  const boxes = [...card.querySelectorAll(".row-actions a")].map((each) => each.getBoundingClientRect());
  return [...card.querySelectorAll("th a, .tick input")].some((each) => {
    const it = each.getBoundingClientRect();
    return boxes.some((box) => it.right > box.left && it.left < box.right && it.bottom > box.top && it.top < box.bottom);
  });
}).length"""


def test_a_telephone_shows_the_first_card_in_its_upper_half(office: Office) -> None:
    page = office.sign_in("coordinator", viewport={"width": 390, "height": 844})
    for table in ("beneficiary", "visit", "referral"):
        page.goto(f"/admin/{table}/")
        assert page.locator(".list tbody tr").first.evaluate(TOP) < 340, table
        assert page.evaluate(OVER_TEXT) == 0, table
        pencil = page.locator(".list tbody .row-actions a").first.bounding_box()
        assert pencil and min(pencil["width"], pencil["height"]) >= 24
    for control in (page.locator("[data-download]"), page.locator("[data-toggle=filter-form]")):
        assert control.inner_text().strip(), "what is not seen is said"
    page.goto("/admin/beneficiary/")
    surname, first_name = page.locator(".list tbody tr").first.locator("th a, th + td").all()
    assert abs(surname.evaluate(TOP) - first_name.evaluate(TOP)) < 10, "both names on one line"


def test_a_telephone_shows_buttons_with_words_under_what_a_card_says(office: Office) -> None:
    with system_session(office.world) as session:
        for code in ("main", "roma"):
            unit = session.get_one(Unit, office.world.rows[code]["unit"])
            alike = {"last_name": "Μακρυωνυμοπούλου", "first_name": "Αλεξάνδρα", "afm": builders.afm(4711)}
            session.add(builders.beneficiary(unit, **alike))
    for name, address in (("coordinator", "person_decision/pairs/"), ("supervisor", "audit_finding/")):
        page = office.sign_in(name, viewport={"width": 390, "height": 844})
        if name == "supervisor":
            for n in range(MANY_REFUSALS):
                page.request.get(f"/admin/beneficiary/details/?id={99_000 + n}")
        page.goto(f"/admin/{address}")
        assert page.locator(".list tbody .row-actions a").count(), address
        assert page.evaluate(OVER_TEXT) == 0 and too_wide(page) <= 0, address
        card = page.locator(".list tbody tr").first
        button = card.locator(".row-actions a").last
        assert button.evaluate(TOP) > card.locator("td[data-label]").last.evaluate(TOP), address


def test_headings_stay_in_sight_where_the_table_fits_and_nothing_is_cut_where_not(office: Office) -> None:
    page = office.sign_in("coordinator", viewport={"width": 1280, "height": 300})
    page.goto("/admin/visit/")
    expect(page.locator(".table-region")).to_have_css("overflow-x", "clip")
    page.locator(".list tbody tr").last.scroll_into_view_if_needed()
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    bar = page.locator(".site-header").bounding_box()
    assert bar
    assert page.locator(".list thead th").first.evaluate(TOP) >= bar["height"] - 1
    page.set_viewport_size({"width": 992, "height": 600})
    page.goto("/admin/beneficiary/")
    expect(page.locator(".table-region")).to_have_css("overflow-x", "auto")


def test_codes_stay_in_one_piece_and_numbers_stand_right(office: Office) -> None:
    page = office.sign_in("coordinator", viewport={"width": 1280, "height": 800})
    page.goto("/admin/beneficiary/")
    number = page.locator(".list tbody td", has_text=re.compile(r"^[A-Z]+-\d+$")).first
    expect(number).to_have_css("white-space", "nowrap")
    page.goto("/admin/item/")
    column = page.locator(".list thead th").all_inner_texts().index("Απόθεμα")
    expect(page.locator(".list tbody tr").first.locator("> *").nth(column)).to_have_css("text-align", "right")
