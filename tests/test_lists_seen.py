"""How lists look: cards on telephones, headings in sight, numbers and codes in one piece."""

from __future__ import annotations

import pytest

from tests.browser import Office, chromium, office, site, too_wide

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
