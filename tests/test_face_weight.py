"""How heavy the pages are: a list of fifty, a first visit, and every later page; assets that browsers keep for a year."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page

import audit
import policy
from admin_views.trail import AuditEntryView
from db import begin_write, db
from models import Beneficiary, Referral, today
from policy import PERMISSIONS
from seed import volume
from tests.browser import FurnishedHouse, Office, Site, chromium, enter
from tests.face import READERS
from vocabulary import Role

__all__ = ["chromium"]  # fixture

LISTS = ("beneficiary", "visit", "service_delivery", "referral", "household", "household_member")
ROWS, LIST_BYTES = 50, 30_000
VISIT_REQUESTS, VISIT_BYTES = 10, 250_000
PEOPLE = 800
"""Invented, over the two units: enough for a second page of each list in each unit, also of referrals, which few have."""
YEAR = "public, max-age=31536000, immutable"


class BusyHouse(FurnishedHouse):
    """The cast, and what fills the lists of a unit that has been at work for a while."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        with self.app.app_context():
            policy.bind(db.session, policy.SYSTEM)
            begin_write()
            volume.load_volume(db.session, PEOPLE)
            self._work()
            audit.commit(db.session)
        self.keep()

    def _work(self) -> None:
        """What fills a page of the trail with changes of state, and one with corrections."""
        waiting = (row for row in db.session.scalars(sa.select(Referral)) if row.next_states)
        for referral in islice(waiting, ROWS):
            referral.move_to(referral.next_states[0], today(), "Σημείωμα της αλλαγής")
        for person in db.session.scalars(sa.select(Beneficiary).limit(ROWS)):
            person.address, person.phone = "Παραδείγματος 12", "2521012345"


@pytest.fixture(scope="session")
def busy_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server over the busy house."""
    running = Site(tmp_path_factory.mktemp("busy"), BusyHouse)
    yield running
    running.stop()


@pytest.fixture
def office(chromium: Chromium, busy_site: Site) -> Iterator[Office]:
    """Browsers over the busy house."""
    opened = Office(chromium, busy_site)
    yield opened
    opened.close()


class Wire:
    """What a page has sent for since the last look: addresses, and the bytes of their answers with their heads.

    What the browser had kept is not sent for.
    """

    def __init__(self, page: Page) -> None:
        self.asked: dict[str, str] = {}
        self.size = 0
        connection = page.context.new_cdp_session(page)
        connection.on("Network.requestWillBeSent", self._ask)
        connection.on("Network.requestServedFromCache", lambda event: self.asked.pop(event["requestId"]))
        connection.on("Network.responseReceived", self._receive)
        connection.on("Network.loadingFinished", self._finish)
        connection.send("Network.enable")

    def _ask(self, event: dict[str, Any]) -> None:
        # A redirect goes on under the same number.
        hop = f"{event['requestId']} {len(self.asked)}" if "redirectResponse" in event else event["requestId"]
        self.size += int(event.get("redirectResponse", {}).get("encodedDataLength", 0))
        self.asked[hop] = event["request"]["url"]

    def _receive(self, event: dict[str, Any]) -> None:
        if event["response"].get("fromDiskCache"):
            self.asked.pop(event["requestId"], None)

    def _finish(self, event: dict[str, Any]) -> None:
        self.size += int(event["encodedDataLength"]) if event["requestId"] in self.asked else 0

    def take(self, page: Page) -> tuple[list[str], int]:
        """Addresses and bytes, once the page has all that it sends for; from here it counts anew."""
        page.wait_for_load_state("networkidle")
        taken = [urlsplit(url).path for url in self.asked.values()], self.size
        self.asked, self.size = {}, 0
        return taken


def readers(table: str) -> list[str]:
    """One user of each role that reads the table."""
    return [name for name, role in zip(READERS, Role, strict=True) if role in PERMISSIONS[table, "read"]]


def test_a_list_of_fifty_is_light(office: Office) -> None:
    heavy = {}
    for name in READERS:
        page = office.sign_in(name)
        for table in (table for table in LISTS if name in readers(table)):
            for address in (f"/admin/{table}/", f"/admin/{table}/?page=1"):
                answer = page.request.get(address)
                rows = len(re.findall(r"<tr\b", answer.text())) - 1
                assert (answer.status, rows) == (200, ROWS), f"{name} {address}"
                if len(answer.body()) > LIST_BYTES:
                    heavy[f"{name} {address}"] = len(answer.body())
    assert heavy == {}


NARROWED = "flt0_at_from=01/01/2020&flt1_action_is="


@pytest.mark.parametrize("asked", ["", "page=1", *(NARROWED + action for action in ("status", "update", "create"))])
def test_a_page_of_the_trail_is_light_whatever_it_is_narrowed_to(office: Office, asked: str) -> None:
    page = office.sign_in("supervisor")
    answer = page.request.get(f"/admin/audit_entry/?{asked}")
    assert len(re.findall(r"<tr\b", answer.text())) - 1 == AuditEntryView.page_size
    assert len(answer.body()) <= LIST_BYTES


def test_a_first_visit_is_light_and_later_pages_are_nothing_but_html(office: Office) -> None:
    page = office.open()
    wire = Wire(page)
    page.goto("/login")
    first, size = wire.take(page)
    assert len(first) > 1, "the page has a style at least"
    enter(page, "coordinator")
    page.wait_for_url("**/admin/")
    home, bytes_home = wire.take(page)
    page.goto("/admin/beneficiary/")
    people, bytes_people = wire.take(page)
    first, size = [*first, *home, *people], size + bytes_home + bytes_people
    assert len(first) <= VISIT_REQUESTS, "\n".join(first)
    assert size <= VISIT_BYTES, f"{size} bytes: {first}"
    person = page.locator("tbody a[href*='details/']").first.evaluate("link => link.href")
    for address in ("/admin/visit/", person, person.replace("details", "edit"), "/admin/referral/new/", "/admin/"):
        page.goto(address)
        assert wire.take(page)[0] == [urlsplit(address).path]


def test_assets_are_kept_for_a_year_and_change_their_address_with_their_content(office: Office) -> None:
    page = office.sign_in("coordinator")
    assert page.request.get("/admin/").headers["cache-control"] == "no-store"
    assets = {
        urljoin(page.url, address)
        for shown in ("/admin/", "/admin/beneficiary/", "/admin/beneficiary/new/", "/admin/report/", "/login")
        for address in re.findall(r'(?:href|src)="(/[^"#?]+[?]v=[^"#]+)', page.request.get(shown).text())
    }
    assert {Path(urlsplit(url).path).suffix for url in assets} >= {".css", ".js", ".svg"}
    for url in assets:
        answer = page.request.get(url)
        assert answer.headers["cache-control"] == YEAR, url
        [mark] = parse_qs(urlsplit(url).query)["v"]
        assert len(mark) >= 8 and hashlib.sha256(answer.body()).hexdigest().startswith(mark), url
