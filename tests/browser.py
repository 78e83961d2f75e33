"""A real server and real Chromium over the cast: what people click and type, and what their browser complains of."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask_babel import gettext
from playwright import sync_api
from playwright.sync_api import BrowserContext, ConsoleMessage, ElementHandle, Page, Response, expect
from waitress import create_server

import audit
import policy
from db import begin_write, db
from models import Unit
from seed import builders
from tests.conftest import SqliteHouse
from tests.world import PASSWORD, World
from vocabulary import Axis, PartnerCategory

CHROMIUM = shutil.which("chromium")
ARGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
PHONE = {"width": 390, "height": 844}
VIOLATIONS = """document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`content security policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`))"""

MONTH = ("01/06/2025", "30/06/2025")
REGISTERED = (("2025-05-31", "main"), ("2025-06-01", "roma"), ("2025-06-30", "main"), ("2025-07-01", "roma"))
"""People around the edges of a month: day of registration and unit. Their surname is EDGE."""
EDGE = "Φλώρος"


# --- the server -------------------------------------------------------------------------------------------------------


class FurnishedHouse(SqliteHouse):
    """The cast, and what the day at the desk needs besides: a known partner, a second service, a month of people."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        with self.app.app_context():
            policy.bind(db.session, policy.SYSTEM)
            begin_write()
            db.session.add_all(self._furniture())
            audit.commit(db.session)
        self.keep()

    def _furniture(self) -> Iterator[Any]:
        yield builders.partner(name="ΔΥΠΑ Δοκιμών", category=PartnerCategory.DYPA)
        yield builders.service(code="Β90", axis=Axis.B, name="Συμβουλευτική δοκιμών")
        for number, (day, unit) in enumerate(REGISTERED):
            born_on, registered_on = (dt.date.fromisoformat(text) for text in ("1971-02-03", day))
            yield builders.beneficiary(
                Unit(id=self.rows[unit]["unit"]), last_name=EDGE, first_name=f"Δοκιμή {'αβγδ'[number]}",
                born_on=born_on, registered_on=registered_on,
            )  # fmt: skip


class Counted:
    """The application, and how many requests it is answering: the database is exchanged only between requests."""

    def __init__(self, app: Flask) -> None:
        self.app, self.busy, self.changed = app, 0, threading.Condition()

    def __call__(self, environ: Any, start_response: Any) -> Any:
        self._count(1)
        try:
            return self.app(environ, start_response)
        finally:
            self._count(-1)

    def _count(self, by: int) -> None:
        with self.changed:
            self.busy += by
            self.changed.notify_all()

    def meanwhile(self, act: Callable[[], Any]) -> None:
        """Do this while no request is being answered; those that come meanwhile wait."""
        with self.changed:
            assert self.changed.wait_for(lambda: not self.busy, timeout=30), "a request never ended"
            act()


class Site:
    """The application of a house behind waitress, the server that serves it in earnest."""

    def __init__(self, folder: Path, house: type[SqliteHouse] = FurnishedHouse) -> None:
        self.thread_apart = ThreadPoolExecutor(1)
        self.house = self.apart(house, folder)
        self.counted = Counted(self.house.app)
        self.server = create_server(self.counted, host="127.0.0.1", port=0, threads=4)
        self.address = f"http://127.0.0.1:{self.server.effective_port}"
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()

    def apart(self, act: Callable[..., Any], *args: Any) -> Any:
        """Do something with the application in a thread of its own: playwright's event loop runs in this one."""
        return self.thread_apart.submit(act, *args).result()

    def reset(self) -> None:
        """The database as it was furnished."""
        self.counted.meanwhile(lambda: self.apart(self.house.reset))

    def stop(self) -> None:
        """Close the port and end the threads."""
        # In the loop's own thread: closed from here, the loop might look at a socket that is gone.
        self.server.trigger.pull_trigger(lambda: self.server._map.clear())
        self.thread.join()
        self.server.task_dispatcher.shutdown()
        self.server.close()
        self.apart(self.house.dispose)
        self.thread_apart.shutdown()


class FarWorld(World):
    """The cast of a site, asked in a thread of its own."""

    def __init__(self, site: Site) -> None:
        super().__init__(site.house.app, site.house.dialect, site.house.rows, site.house.users)
        self.apart = site.apart

    def query(self, statement: Any) -> list[Any]:
        """Rows as the system sees them, whoever's they are."""
        return self.apart(super().query, statement)  # type: ignore[no-any-return]

    def one(self, model: type[Any], key: int) -> Any:
        """One row as the system sees it."""
        return self.apart(super().one, model, key)

    def said(self, message: str, **values: Any) -> str:
        """A text of the pages, in Greek."""
        return str(self.apart(self._said, message, values))

    def _said(self, message: str, values: dict[str, Any]) -> str:
        with self.app.app_context():
            return gettext(message, **values)  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One server for all tests in the browser."""
    running = Site(tmp_path_factory.mktemp("browser"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[sync_api.Browser]:
    """One browser for all tests; closed with their module, since others cannot run beside playwright's event loop."""
    if CHROMIUM is None:
        pytest.fail("Chromium is missing: apt-get install chromium", pytrace=False)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield browser
        browser.close()


# --- the people before it ---------------------------------------------------------------------------------------------


class Office:
    """The browsers of the house's people. Whatever a page complains of is kept, and fails the test at its end."""

    def __init__(self, chromium: sync_api.Browser, site: Site) -> None:
        self.chromium, self.site = chromium, site
        self.contexts: list[BrowserContext] = []
        self.complaints: list[str] = []
        self.not_found: set[str] = set()
        self.world = FarWorld(site)

    def open(self, **settings: Any) -> Page:
        """A page in a browser of its own."""
        options = {"locale": "el-GR", "timezone_id": "Europe/Athens", "reduced_motion": "reduce"}
        context = self.chromium.new_context(base_url=self.site.address, **{**options, **settings})
        context.set_default_timeout(15_000)
        context.add_init_script(VIOLATIONS)
        context.on("console", self._listen)
        context.on("weberror", lambda error: self.complaints.append(f"{error.page and error.page.url}: {error.error}"))
        context.on("response", self._note_missing)
        self.contexts.append(context)
        return context.new_page()

    def sign_in(self, username: str, **settings: Any) -> Page:
        """A page of a browser in which this user has signed in."""
        page = self.open(**settings)
        page.goto("/login")
        enter(page, username)
        page.wait_for_url("**/admin/")
        return page

    def close(self) -> None:
        """Close every browser and say what their pages complained of."""
        for context in self.contexts:
            context.close()
        self.contexts.clear()
        assert not self.complaints, "\n".join(self.complaints)

    def _note_missing(self, response: Response) -> None:
        if response.request.is_navigation_request() and response.status in (403, 404):
            self.not_found.add(response.url)

    def _listen(self, message: ConsoleMessage) -> None:
        """A page that answers 404 on purpose is no trouble; a missing part of a page is."""
        asked_for = message.text.startswith("Failed to load resource") and message.location["url"] in self.not_found
        # Every answer carries it; where the connection is not secure, browsers say that they leave it out.
        left_out = message.text.startswith("The Cross-Origin-Opener-Policy header has been ignored")
        if message.type in ("error", "warning") and not asked_for and not left_out:
            self.complaints.append(f"{message.location['url']}: {message.text}")


@pytest.fixture
def office(chromium: sync_api.Browser, site: Site) -> Iterator[Office]:
    """Browsers over the furnished house; whatever a test does to it is gone afterwards."""
    opened = Office(chromium, site)
    yield opened
    try:
        opened.close()
    finally:
        site.reset()


# --- what people do ---------------------------------------------------------------------------------------------------


def enter(page: Page, username: str, password: str = PASSWORD) -> None:
    """Fill in the sign-in page and send it."""
    page.locator("[name=username]").fill(username)
    page.locator("[name=password]").fill(password)
    page.locator("[name=password]").press("Enter")


def fill(page: Page, **values: str) -> None:
    """Type into the fields of a form, or choose from their lists, by the columns' names."""
    for name, value in values.items():
        field = page.locator(f"form[data-guard] [name={name}]")
        if field.evaluate("field => field.localName") == "select":
            field.select_option(value)
        else:
            field.fill(value)


def choose(page: Page, name: str, typed: str, shown: str) -> None:
    """Look a row up by typing, and take the one line that is found."""
    box = page.locator(f"#{name}-ts-control")
    box.click()
    with page.expect_response(lambda answer: _looked_up(answer, typed)):
        box.press_sequentially(typed)
    lines = page.locator(f"#{name}-ts-dropdown").get_by_role("option")
    expect(lines).to_have_text([re.compile("^" + re.escape(shown))])
    lines.click()
    expect(page.locator(f"select[name={name}] option:checked")).to_have_text(re.compile("^" + re.escape(shown)))


def _looked_up(answer: Response, typed: str) -> bool:
    parts = urlsplit(answer.url)
    return parts.path.endswith("/ajax/lookup/") and parse_qs(parts.query).get("query") == [typed]


def save(page: Page, button: str | None = None) -> None:
    """Press the form's save button, or the other one of this name, and wait for the page that answers."""
    wanted = f"[name={button}]" if button else ":not([name])"
    with page.expect_navigation():
        page.locator(f"form[data-guard] button[type=submit]{wanted}").click()


def saved(page: Page, table: str) -> int:
    """Save, and be led to the new record's page; its number."""
    save(page)
    found = re.search(rf"/admin/{table}/details/\?id=(\d+)", page.url)
    assert found, f"{page.url}: {page.locator('main').inner_text()[:1500]}"
    return int(found[1])


def row_ids(page: Page) -> list[int]:
    """Numbers of the rows of a list, in its order."""
    return [int(id.removeprefix("row-")) for id in page.locator("[id^=row-]").evaluate_all("all => all.map(e => e.id)")]


def count(page: Page) -> int:
    """How many records a list says that it has."""
    return int(re.sub(r"\D", "", page.locator(".page-head").get_by_role("status").inner_text()))


def add_filter(page: Page, column: object, operation: object, *values: str) -> None:
    """Add a filter the way people do: button, column, condition, value, apply."""
    page.locator("[data-toggle=filter-form]").click()
    page.locator("#filter-column").select_option(label=str(column))
    if page.locator("#filter-operation").is_visible():
        page.locator("#filter-operation").select_option(label=str(operation))
    inputs = page.locator("#filter-form [data-slot=value]").locator("input:visible, select")
    for index, value in enumerate(values):
        box = inputs.nth(index)
        _ = box.select_option(value) if box.evaluate("box => box.localName") == "select" else box.fill(value)
    with page.expect_navigation():
        page.locator("#filter-form button[type=submit]").click()


def menu_addresses(page: Page) -> list[str]:
    """Where the menu leads."""
    links = page.locator(".site-menu a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    assert links, f"{page.url} has no menu"
    return list(dict.fromkeys(links))


def text_of(page: Page) -> str:
    """What a page says."""
    return page.locator("main").inner_text()


def token_of(page: Page) -> str:
    """The page's CSRF token."""
    return page.locator("[name=csrf_token]").first.input_value()


# --- keyboard ---------------------------------------------------------------------------------------------------------

LOOK = """element => [element, element.closest(".ts-wrapper")?.querySelector(".ts-control"), element.parentElement]
  .filter(Boolean).map((part) => { const look = getComputedStyle(part); return [
    look.outlineStyle === "none" ? "" : look.outline, look.borderTopWidth === "0px" ? "" : look.borderTopColor,
    look.boxShadow, look.backgroundColor, look.color, look.clip]; }).join("|")"""
"""What is to be seen of an element, of the box that it stands in for, and of what it lies in."""


def tab_to(page: Page, wanted: str, most: int = 80) -> None:
    """Press Tab until the element has the focus; whatever had it before must look otherwise without it."""
    for _press in range(most):
        left, look = _focused(page)
        page.keyboard.press("Tab")
        if not left.evaluate("element => element.matches('body, main')"):
            assert left.evaluate(LOOK) != look, f"{page.url}: no focus to be seen: {left.evaluate('e => e.outerHTML')}"
        if page.locator(":focus").evaluate("(here, wanted) => here.matches(wanted)", wanted):
            return
    raise AssertionError(f"{page.url}: {most} times Tab never led to {wanted}")


def _focused(page: Page) -> tuple[ElementHandle, str]:
    here = page.evaluate_handle("document.activeElement").as_element()
    assert here
    return here, here.evaluate(LOOK)


def press_through(page: Page, key: str = "Enter") -> None:
    """Press a key that leads to another page, and wait for that."""
    with page.expect_navigation():
        page.keyboard.press(key)


def too_wide(page: Page) -> int:
    """By how many pixels the page scrolls sideways."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def each(addresses: Iterable[str], page: Page, look: Callable[[Page], Any]) -> dict[str, Any]:
    """What there is to see at each address."""
    found = {}
    for address in addresses:
        page.goto(address)
        found[address] = look(page)
    return found
