"""The checks of pages see what they are there to see: each is shown a fault that was put into a sound page."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page

from tests.browser import Office, chromium, office, save, site
from tests.face import WHOLE, Examiner
from tests.markup import faults, skeleton
from tests.test_face_keyboard import Keys

__all__ = ["chromium", "office", "site"]  # fixtures

# A script that styles elements one by one is let be by the content security policy; a style attribute in the HTML is not.
PUT = """([html, styles]) => { const main = document.querySelector("main"); main.insertAdjacentHTML("beforeend", html);
  Object.assign(main.lastElementChild.style, styles) }"""
FAULTS: dict[str, tuple[str, dict[str, str], str]] = {
    "broken": ("<button type='button'><svg></svg></button>", {}, "button-name"),
    "wide": ("<p>Φαρδύ</p>", {"width": "2000px"}, "20"),
    "small": ("<button type='button'>x</button>", {"padding": "0", "fontSize": "9px"}, "<button"),
    "cut": ("<p class='planted'>Κομμένο</p>", {"height": "8px", "overflow": "hidden"}, "planted"),
    "spaced": ("<p class='planted'>Στενό</p>", {"width": "fit-content", "overflow": "hidden"}, "planted"),
}


@pytest.mark.parametrize("question", FAULTS)
def test_a_fault_is_seen(office: Office, question: str) -> None:
    page, examiner = office.open(), Examiner(office, "el")
    page.goto("/login")
    widths = {width: (question,) for width, asked in WHOLE.items() if question in asked}
    examiner.look(page, "before", widths)
    assert examiner.faults.pop(question) == []
    html, styles, told = FAULTS[question]
    if question == "spaced":
        styles = {**styles, "width": _width_of(page, html)}
    page.evaluate(PUT, [html, styles])
    examiner.look(page, "after", widths)
    assert [where for where, fault in examiner.faults[question] if told in fault] == [f"after at {w}" for w in widths]


def _width_of(page: Page, html: str) -> str:
    """Just as wide as the words are now, so that they are cut off as soon as they grow."""
    measured = "html => { const p = document.querySelector('main').appendChild(document.createElement('p')); p.innerHTML = html;"
    return str(
        page.evaluate(
            measured + " p.style.width = 'fit-content'; const w = p.offsetWidth; p.remove(); return w + 'px' }", html
        )
    )


def test_an_error_that_is_tied_to_nothing_is_seen(office: Office) -> None:
    page, examiner = office.sign_in("caseworker.main"), Examiner(office, "el")
    page.goto("/admin/beneficiary/new/")
    save(page)
    examiner.look(page, "", {1280: ()})
    assert page.evaluate("face.untied()") == []
    for loosen, told in (
        ("field => field.removeAttribute('aria-describedby')", "is not told of"),
        ("field => field.removeAttribute('aria-invalid')", "not marked as wrong"),
        ("field => field.blur() || document.activeElement.blur()", "has not the focus"),
        ("field => field.removeAttribute('id')", "leads nowhere"),
    ):
        page.locator("[name=last_name]").evaluate(loosen)
        assert any(told in fault for fault in page.evaluate("face.untied()")), loosen


def test_a_focus_that_is_not_to_be_seen_is_seen(office: Office) -> None:
    page = office.sign_in("caseworker.main")
    keys = Keys(page)
    page.goto("/admin/beneficiary/new/")
    keys.tab()
    keys.to("[name=last_name]")
    page.locator("[name=last_name]").evaluate("field => field.style.outline = field.style.boxShadow = 'none'")
    with pytest.raises(AssertionError, match="no focus to be seen"):
        keys.tab()
    page.locator("[name=first_name]").focus()
    page.locator(".site-header").evaluate("header => header.style.height = '1200px'")
    with pytest.raises(AssertionError, match="hidden while it has the focus"):
        keys.tab()


SOUND = "<!doctype html><html lang='el'><head><title>Σελίδα</title></head><body><main>{}</main></body></html>"


def test_html_that_is_not_valid_is_seen() -> None:
    broken = {
        "<p id='a'></p><p id='a'></p>": "no-dup-id",
        "<p>x</div></p>": "close-order",
        "<ul><p>x</p></ul>": "element-permitted-content",
        "<form action=''></form>": "attribute-allowed-values",
        "<p style='color: red'>x</p>": "no-inline-style",
        "<button>x</button>": "no-implicit-button-type",
        "<input type='text' type='text'>": "no-dup-attr",
    }
    pages = [("GET /sound", SOUND.format("<p>x</p>")), *((body, SOUND.format(body)) for body in broken)]
    found = list(faults(pages))
    assert not [fault for place, fault in found if place.startswith("GET /sound")]
    for body, rule in broken.items():
        assert any(place.startswith(body) and fault.startswith(rule) for place, fault in found), (body, rule, found)


def test_pages_of_one_build_are_one() -> None:
    row = '<tr><td><a href="/x?id={0}" title="{1}">{1}</a></td></tr>'
    one, two = (
        SOUND.format("".join(row.format(n, name) for n, name in rows)) for rows in ([(1, "Άλφα")], [(2, "Β"), (3, "Γ")])
    )
    assert skeleton(one) == skeleton(two)
    for other in (
        row.format(1, ""),
        row.format(1, "x").replace("title=", "class="),
        row.format(1, "x").replace("td>", "th>"),
    ):
        assert skeleton(SOUND.format(other)) != skeleton(one), other
    assert re.search("Άλφα", one) and not re.search("Άλφα", skeleton(one))
