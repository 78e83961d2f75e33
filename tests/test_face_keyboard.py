"""The whole main job by keyboard alone; at every stop the focus is to be seen, and under nothing that sticks to an edge."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect
from python_calamine import CalamineWorkbook

from db import fields
from models import Beneficiary, Referral, ServiceDelivery, Visit
from tests.browser import Office, chromium, office, press_through, site
from tests.face import SCRIPT
from tests.world import CANARY, PASSWORD
from vocabulary import ReferralStatus, Sex

__all__ = ["chromium", "office", "site"]  # fixtures

MOST = 150
"""So many times Tab is pressed before a place counts as out of reach."""
SAVE = "[data-guard] button[type=submit]:not([name])"


class Keys:
    """Somebody who has no mouse."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.context.add_init_script(script=SCRIPT)

    def to(self, wanted: str) -> None:
        """Press Tab until this has the focus; whatever had it in between showed it, and lay open."""
        if self.page.evaluate("wanted => document.activeElement.matches(wanted)", wanted):
            return
        for _press in range(MOST):
            self.tab()
            if self.page.evaluate("wanted => document.activeElement.matches(wanted)", wanted):
                return
        raise AssertionError(f"{self.page.url}: {MOST} times Tab never led to {wanted}")

    def tab(self, key: str = "Tab") -> None:
        """One stop further."""
        left = self.page.evaluate_handle("document.activeElement").as_element()
        assert left
        stop = left.evaluate("left => left.matches('body, main, dialog') ? '' : face.name(left)")
        ring, bared = left.evaluate("left => [face.ring(left), face.isBared(left)]")
        self.page.keyboard.press(key)
        if stop:
            assert bared, f"{self.page.url}: hidden while it has the focus: {stop}"
            assert left.evaluate("left => face.ring(left)") != ring, f"{self.page.url}: no focus to be seen: {stop}"

    def go(self, wanted: str) -> None:
        """To a link or button, and through it to another page."""
        self.to(wanted)
        press_through(self.page)

    def fill(self, **values: str) -> None:
        """Type into the fields of a form, or into their lists, in the order in which they stand."""
        for name, value in values.items():
            self.to(f"[name={name}]")
            self.page.keyboard.type(value)

    def pick(self, wanted: str, label: str) -> None:
        """Go down a list of choices to this one."""
        self.to(wanted)
        self.page.keyboard.press("Home")
        chosen = self.page.locator(":focus").locator("option:checked")
        while chosen.inner_text() != label:
            before = chosen.inner_text()
            self.page.keyboard.press("ArrowDown")
            assert chosen.inner_text() != before, f"{self.page.url}: {wanted} has no «{label}»"

    def choose(self, name: str, typed: str) -> None:
        """Type to look a row up, and take the first line."""
        self.to(f"#{name}-ts-control")
        lines = self.page.locator(f"#{name}-ts-dropdown [data-selectable]")
        self.page.keyboard.type(typed)
        expect(lines).to_have_count(1)
        self.page.keyboard.press("Enter")
        expect(self.page.locator(f"select[name={name}] option:checked")).not_to_have_text("")

    def save(self) -> None:
        """Send the form, and be led to the record."""
        self.go(SAVE)
        expect(self.page.get_by_role("status").first).to_be_visible()


@pytest.fixture
def keys(office: Office) -> Keys:
    """A caseworker at the sign-in page."""
    page = office.open(accept_downloads=True)
    found = Keys(page)
    page.goto("/login")
    expect(page.locator("[name=username]")).to_be_focused()
    page.keyboard.type("caseworker.main")
    found.to("[name=password]")
    page.keyboard.type(PASSWORD)
    press_through(page)
    return found


def test_the_main_job(office: Office, keys: Keys, tmp_path: Path) -> None:
    page, world = keys.page, office.world
    expect(page.locator("main [name=search]")).to_be_focused()
    page.keyboard.type("kanarin")
    press_through(page)
    keys.go("tbody a[href*='details/']")
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(CANARY["main"]))

    keys.go(".site-menu a[href='/admin/beneficiary/'], nav a[href='/admin/beneficiary/']")
    keys.go("main a[href*='new/']")
    keys.fill(last_name="Πληκτρολογίδου", first_name="Δοκιμή")
    keys.pick("[name=sex]", Sex.F.label.el)
    keys.save()
    [person] = world.query(sa.select(Beneficiary).where(Beneficiary.last_name == "Πληκτρολογίδου"))
    assert person.sex == Sex.F

    keys.go("main a[href*='/visit/new/']")
    keys.fill(request="Με το πληκτρολόγιο")
    keys.save()
    [visit] = world.query(sa.select(Visit).where(Visit.request == "Με το πληκτρολόγιο"))
    assert visit.beneficiary_id == person.id

    _to_the_record(page, keys, "beneficiary")
    keys.go("main a[href*='/service_delivery/new/']")
    keys.pick("[name=service_id]", "Β90 Συμβουλευτική δοκιμών")
    keys.fill(minutes="25")
    keys.save()
    [delivery] = world.query(sa.select(ServiceDelivery).where(ServiceDelivery.minutes == 25))
    assert delivery.beneficiary_id == person.id

    _to_the_record(page, keys, "beneficiary")
    keys.go("main a[href*='/referral/new/']")
    keys.choose("to_partner_id", "dypa")
    keys.fill(reason="Χωρίς ποντίκι")
    keys.save()
    _to_the_record(page, keys, "referral")
    keys.to("button[data-to=SENT]")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    assert dialog.evaluate("dialog => dialog.contains(document.activeElement)"), "the dialog takes the focus"
    keys.to("dialog [name=note]")
    page.keyboard.type("Χωρίς ποντίκι")
    keys.go("dialog button[type=submit]")
    [referral] = world.query(sa.select(Referral).where(Referral.reason == "Χωρίς ποντίκι"))
    assert (referral.beneficiary_id, referral.status) == (person.id, ReferralStatus.SENT)

    keys.go("nav a[href='/admin/beneficiary/']")
    _filter(page, keys)
    assert page.locator("tbody tr").count() == 1
    keys.to("a[href*='/export/xlsx/'], a[href*='export/xlsx/']")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    download.value.save_as(tmp_path / "list.xlsx")
    book = CalamineWorkbook.from_path(tmp_path / "list.xlsx")
    assert len(book.get_sheet_by_name(book.sheet_names[1]).to_python()) == 2

    keys.go("button[form=session]:not([formaction])")
    page.goto("/admin/")
    assert "/login" in page.url


def _to_the_record(page: Page, keys: Keys, table: str) -> None:
    """Saving leads to the record, or back to where it was begun: to the page of the one or of the other."""
    if f"/admin/{table}/details/" not in page.url:
        keys.go(f"main a[href*='/admin/{table}/details/']")


def _filter(page: Page, keys: Keys) -> None:
    """Those registered today whose surname has this in it."""
    keys.to("[aria-controls=filter-form]")
    page.keyboard.press("Enter")
    expect(page.locator("#filter-column")).to_be_focused()
    keys.tab("Shift+Tab")
    keys.pick("#filter-column", fields(Beneficiary)["last_name"].label.el)
    keys.to("#filter-form [data-slot=value] input")
    page.keyboard.type("πληκτρολογ")
    keys.go("#filter-form button[type=submit]")


def test_the_keyboard_skips_to_the_content(keys: Keys) -> None:
    page = keys.page
    page.goto("/admin/beneficiary/")
    keys.tab()
    skip = page.locator(":focus")
    expect(skip).to_have_attribute("href", "#main")
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    keys.tab()
    assert page.locator(":focus").evaluate("here => Boolean(here.closest('main'))")


def test_no_stop_is_hidden_on_the_way_back(keys: Keys) -> None:
    """Backwards through a long form, a form over which a person stands, and a list, past what sticks to either edge."""
    page = keys.page
    page.goto("/admin/beneficiary/")
    person = page.locator("tbody a").first.evaluate("link => new URL(link.href).searchParams.get('id')")
    for address in ("/admin/beneficiary/new/", f"/admin/visit/new/?beneficiary_id={person}", "/admin/beneficiary/"):
        answer = page.goto(address)
        assert answer and answer.ok, address
        page.locator("body").evaluate("() => document.activeElement.blur()")
        for key in ("Tab", "Shift+Tab"):
            for _press in range(MOST):
                keys.tab(key)


def test_a_menu_on_a_narrow_window_opens_and_closes(keys: Keys) -> None:
    page = keys.page
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto("/admin/")
    page.evaluate("document.activeElement.blur()")
    keys.to("[popovertarget]")
    page.keyboard.press("Enter")
    link = page.locator("nav a[href='/admin/visit/']").first
    expect(link).to_be_visible()
    page.keyboard.press("Escape")
    expect(link).to_be_hidden()
    expect(page.locator("[popovertarget]")).to_be_focused()
    page.keyboard.press("Enter")
    # The menu may lie over the button that opened it: Escape brings that back.
    page.keyboard.press("Tab")
    keys.go("nav a[href='/admin/visit/']")
    assert page.url.endswith("/admin/visit/")


LOW = {"width": 640, "height": 450}
"""1280 × 900 at 200 %."""
PHONE = {"width": 390, "height": 700}


@pytest.mark.parametrize("size", [LOW, PHONE], ids=["low", "phone"])
@pytest.mark.parametrize(
    "where", ["beneficiary/new/", "service_delivery/new/?beneficiary_id={}", "beneficiary/details/?id={}"]
)
def test_nothing_that_sticks_covers_what_has_the_focus(office: Office, keys: Keys, size: Any, where: str) -> None:
    page = keys.page
    page.set_viewport_size(size)
    page.goto(f"/admin/{where.format(office.world.rows['main']['beneficiary'])}")
    page.locator("h1").evaluate("heading => { heading.tabIndex = -1; heading.focus(); }")
    for key in ("Tab", "Shift+Tab"):
        for _press in range(MOST):
            keys.tab(key)
            if page.evaluate("document.activeElement.matches('body')"):
                break


def test_saving_is_at_hand_on_a_telephone(office: Office, keys: Keys) -> None:
    page = keys.page
    page.set_viewport_size(PHONE)
    page.goto("/admin/beneficiary/new/")
    expect(page.locator(SAVE)).to_be_in_viewport(ratio=1)
    expect(page.locator("[data-leave]")).to_be_in_viewport(ratio=1)
    expect(page.locator("[name=_add_another]")).not_to_be_in_viewport()
