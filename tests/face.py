"""What every screen is held against in the browser: axe, reflow, targets, text spacing, errors tied to their fields.

The screens are those of the application's own map of addresses, so that a new one is walked through by itself.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page

import admin_views
from models import Municipality, Visit, now
from policy import PERMISSIONS
from seed import builders
from tests import staged
from tests import world as cast
from tests.answers import add
from tests.browser import Office, Site, enter
from tests.markup import HERE, gathered, skeleton
from vocabulary import Role, UnitKind

AXE = HERE / "node_modules" / "axe-core" / "axe.min.js"
SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")

HEIGHT = 900
WHOLE = {
    1280: ("broken", "wide", "small", "spaced"),
    640: ("wide",),  # 1280 at 200 %
    390: ("broken", "wide", "small"),
    320: ("wide", "cut", "spaced"),  # 1280 at 400 %
}
"""What is asked of a page at each width, in CSS pixels; the questions are those of face.js."""
OPENED = {1280: ("broken", "small"), 390: ("broken", "wide", "small")}
"""What is asked of it when something opened on it, or when it came back with errors."""

OPENERS = ", ".join((
    "[aria-expanded=false]:not([role=combobox])", "[aria-haspopup]:not([role=combobox])", "[data-dialog]", "[data-confirm]:not([data-confirm-if])", "[popovertarget]",
    "[commandfor]", "details:not([open]) > summary", ".ts-control",
))  # fmt: skip
"""What opens something on a page without leaving it."""

OPEN = """opener => opener.matches(".ts-control") ? opener.parentElement.matches(".dropdown-active:not(.loading)")
  : opener.getAttribute("aria-expanded") !== 'false'"""
"""What was pressed shows that it has opened, and what it had to send for has come."""

READERS = [next(name for name in cast.USERS if name.partition(".")[0] == role.value) for role in Role]
"""One user of each role."""
NEWCOMERS = [f"{role.value}.kem" for role in cast.SINGLE_UNIT_ROLES]
"""Users of a unit that has no records yet: their lists are empty."""
STRANGER = ""
CURRENT = r' class="active"| aria-current="\w+"'
"""How the menu shows where one is."""
ORDERED = Visit.__tablename__
"""The list that is also shown in an order that was asked for: all lists show that in the same way."""


# --- which screens there are ------------------------------------------------------------------------------------------


def addresses(office: Office, username: str, put_on: Collection[str]) -> list[str]:
    """Every address that answers a GET, lists in their states, records with the number of one that this user reads."""
    found = ["/admin/no-such-page", *put_on]
    for rule in office.world.app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and not rule.arguments:
            found += _states(rule.rule, rule.endpoint, _row_of(office, username, rule.endpoint.partition(".")[0]))
    return [*found, f"/admin/{ORDERED}/?sort=0&desc=1&page_size=20"]


def _states(address: str, endpoint: str, number: int) -> Iterator[str]:
    if endpoint.endswith(".index_view"):
        yield from (address, f"{address}?search=ουδείς")
    else:
        yield f"{address}?id={number}"


def _row_of(office: Office, username: str, table: str) -> int:
    rows = office.world.rows
    return rows.get(username.partition(".")[2] or "main", {}).get(table) or rows["shared"].get(table) or 1


def due() -> Iterator[tuple[str, str]]:
    """What must have been met, by policy.py: user, and the beginning of an address."""
    tables = [screen.model.__tablename__ for screen in admin_views.SCREENS if hasattr(screen, "model")]
    for name, role in zip(READERS, Role, strict=True):
        for action, route in (("read", ""), ("create", "new/")):
            yield from ((name, f"/admin/{t}/{route}") for t in tables if role in PERMISSIONS.get((t, action), ()))


# --- going through them -----------------------------------------------------------------------------------------------


class Examiner:
    """Goes through screens and notes what is wrong.

    A part of a page (its frame, its content, a dialog) whose build was met before is not examined again: the pages of six
    roles differ in the menu above all, and the rows of a list in words only. The page is then not even opened.
    """

    def __init__(self, office: Office, language: str) -> None:
        self.office, self.language = office, language
        self.known: set[str] = set()
        self.staged: dict[str, list[str]] = {}
        """By user, the addresses of what was put on for this walk."""
        self.met: set[tuple[str, str]] = set()
        """User and address of every page that answered."""
        self.faults: dict[str, list[tuple[str, str]]] = {}
        """By question (see WHOLE): where (user, address, width), and what was found there."""

    def walk(self, page: Page, username: str) -> None:
        """All screens that this user may enter."""
        _speak(page, self.language)
        for address in addresses(self.office, username, self.staged.get(username, ())):
            answer = page.request.get(address)
            if answer.headers.get("content-type", "").startswith("text/html"):
                self.met |= {(username, address)} if answer.ok else set()
                if self.is_new(answer.text()):
                    page.goto(address)
                    self.examine(page, f"{username} {address}")

    def stop_at_the_code(self, page: Page) -> None:
        """The page between password and second factor."""
        _speak(page, self.language)
        enter(page, staged.HALFWAY)
        page.wait_for_url("**/login/code")
        self.examine(page, f"{staged.HALFWAY} /login/code")

    def is_new(self, html: str) -> bool:
        """Some part of the page is of a build not met before; from now on it is known."""
        new = set(_parts(html)) - self.known
        self.known |= new
        return bool(new)

    def examine(self, page: Page, where: str) -> None:
        """The page as it stands; with its rows ticked and each dialog, panel and list open; with its form sent empty."""
        self.look(page, where, WHOLE)
        address = page.url
        for index, sign in enumerate(_openers(page)):
            if self.is_new(sign):
                _tick(page)
                if pressed_at := _press(page, index):
                    widths = {width: asked for width, asked in OPENED.items() if width <= pressed_at}
                    self.look(page, f"{where} after {sign.split('>')[0]}", widths)
                page.goto(address)
        if _send_empty(page):
            self.look(page, f"{where} sent empty", OPENED)
            self.note("untied", f"{where} sent empty", page.evaluate("face.untied()"))

    def look(self, page: Page, where: str, widths: dict[int, tuple[str, ...]]) -> None:
        """Ask everything of the page, at every width."""
        if not page.evaluate("'face' in window"):
            page.evaluate(AXE.read_text(encoding="utf-8") + SCRIPT)
        for width, questions in widths.items():
            page.set_viewport_size({"width": width, "height": HEIGHT})
            for question, found in page.evaluate("face.asked", questions).items():
                self.note(question, f"{where} at {width}", found)

    def note(self, question: str, where: str, found: list[str]) -> None:
        """Keep what was found."""
        self.faults.setdefault(question, []).extend((where, fault) for fault in found)


def _speak(page: Page, language: str) -> None:
    if page.locator("html").get_attribute("lang") != language:
        with page.expect_navigation():
            page.locator(f"button[formaction$='/language/{language}']").first.click()


def _parts(html: str) -> list[str]:
    """The builds of a page's dialogs, of its content, and of the frame around them."""
    dialogs, content = (r"<dialog\b.*?</dialog>", r"<main\b.*?</main>")
    frame = re.sub(f"{dialogs}|{content}|{CURRENT}", "", html, flags=re.S)
    return [skeleton(part) for part in (*re.findall(f"{dialogs}|{content}", html, re.S), frame)]


def _openers(page: Page) -> list[str]:
    """Everything that opens something, each as its own look and the build of what it opens."""
    found = page.locator(OPENERS).evaluate_all("all => all.map(face.opening)")
    return [re.sub(r'(?<! class)="[^"]*"', "", html) for html in found]


def _tick(page: Page) -> None:
    """Choose all rows of a list, which brings up what can be done with them."""
    for box in page.locator("thead input[type=checkbox]").all():
        box.check()


def _press(page: Page, index: int) -> int:
    """Press an opener, and tell the first width at which it is shown; 0 when it is at none."""
    # The element itself: once it has opened something it may no longer be among those that can.
    opener = page.locator(OPENERS).nth(index).element_handle()
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": HEIGHT})
        if opener.is_visible():
            opener.click()
            page.wait_for_function(OPEN, arg=opener)
            return width
    return 0


def _send_empty(page: Page) -> bool:
    """Send the page's form, where it asks for something that is not there yet."""
    form = page.locator("main form[method=post]").filter(has=page.locator("[required]"))
    if not form.count() or not form.first.locator("[required]").evaluate_all("all => all.some(f => !f.value)"):
        return False
    # Else the browser itself would hold it back, with words of its own.
    assert form.first.evaluate("form => form.noValidate"), page.url
    with page.expect_navigation():
        form.first.locator("button[type=submit]").first.click()
    return True


# --- what must hold of them, in one language --------------------------------------------------------------------------


@pytest.fixture(scope="class")
def examiner(request: pytest.FixtureRequest, chromium: Chromium, site: Site) -> Iterator[Examiner]:
    """The walk through all screens, done."""
    office = Office(chromium, site)
    site.apart(_let_in_newcomers, office.world)
    walking = Examiner(office, request.cls.language)
    walking.staged = site.apart(staged.put_on, office.world)
    walking.walk(_arrived(office.open()), STRANGER)
    walking.stop_at_the_code(_arrived(office.open()))
    for username in (*READERS, *NEWCOMERS):
        walking.walk(office.sign_in(username), username)
    walking.faults["complaints"] = [
        (place, fault) for place, _, fault in (c.partition(": ") for c in office.complaints)
    ]
    office.complaints.clear()
    yield walking
    office.close()
    site.reset()


class Screens:
    """Every screen of every role in one language; the tests read what one walk through all of them has found."""

    language: str

    def test_every_screen_was_met(self, examiner: Examiner) -> None:
        put_on = {(name, address) for name, addresses in examiner.staged.items() for address in addresses}
        assert put_on and put_on <= examiner.met
        missing = [(name, start) for name, start in due() if not any(_is_at(met, name, start) for met in examiner.met)]
        assert not missing, missing

    def test_axe_finds_nothing(self, examiner: Examiner) -> None:
        """Rules of WCAG 2.2 A and AA and axe's best practice, at 1280 and 390 pixels."""
        assert_none(examiner, "broken")

    def test_nothing_scrolls_sideways(self, examiner: Examiner) -> None:
        """WCAG 1.4.10 at 1280 pixels and 100, 200 and 400 %, and on a telephone; 1.4.4."""
        assert_none(examiner, "wide")

    def test_nothing_is_too_small_to_hit(self, examiner: Examiner) -> None:
        """WCAG 2.5.8: 24 by 24 pixels, but for links in a line of text."""
        assert_none(examiner, "small")

    def test_no_text_is_cut_off(self, examiner: Examiner) -> None:
        """WCAG 1.4.10: at 320 pixels nothing is lost."""
        assert_none(examiner, "cut")

    def test_wide_spacing_loses_no_text(self, examiner: Examiner) -> None:
        """WCAG 1.4.12."""
        assert_none(examiner, "spaced")

    def test_errors_are_told_at_their_fields(self, examiner: Examiner) -> None:
        """WCAG 3.3.1 and 4.1.3: a summary that has the focus leads to every wrong field, which tells what is wrong."""
        assert_none(examiner, "untied")

    def test_no_page_complains(self, examiner: Examiner) -> None:
        """Console, scripts and content security policy."""
        assert_none(examiner, "complaints")


def _let_in_newcomers(world: cast.World) -> None:
    known = {"password_hash": cast.PASSWORD_HASH, "password_changed_at": now()}
    unit = builders.unit(Municipality(id=world.rows["shared"]["municipality"]), UnitKind.KEM)
    add(world, unit)
    for name in NEWCOMERS:
        add(world, builders.user(Role(name.partition(".")[0]), [unit], username=name, **known))


def _arrived(page: Page) -> Page:
    page.goto("/login")
    return page


def _is_at(met: tuple[str, str], name: str, start: str) -> bool:
    return met[0] == name and met[1].partition("?")[0] == start


def assert_none(examiner: Examiner, question: str) -> None:
    """Nothing was found when this was asked, and it was asked."""
    assert question in examiner.faults, f"«{question}» was never asked"
    told = gathered(examiner.faults[question])
    assert not told, told
