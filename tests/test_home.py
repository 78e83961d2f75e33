"""The first page: each role finds its own work there, and every number leads to exactly the rows that it counts."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

import audit
import policy
import reports
from admin_views.home.sections import PARTS
from db import db
from models import Appointment, AuditEntry, AuditReview, Beneficiary, DataRequest, Membership, Unit, User, now, today
from reports.tables import TOTAL
from seed import builders
from seed.stage import clock
from tests.answers import add, assert_sound
from tests.conftest import PostgresHouse, SqliteHouse
from tests.world import CANARY, SECRET, Browser, World, counted
from vocabulary import (
    Answer,
    AppointmentStatus,
    AuditAction,
    Axis,
    Channel,
    DisabilityDegree,
    FilePart,
    GrantKind,
    GrantStatus,
    RequestOutcome,
    Role,
    Verdict,
)
from vocabulary import ApplicationStatus as A
from vocabulary import ReferralStatus as R

ROLES = {
    "reception.main": Role.RECEPTION,
    "caseworker.main": Role.CASEWORKER,
    "mediator.main": Role.MEDIATOR,
    "coordinator": Role.COORDINATOR,
    "supervisor": Role.SUPERVISOR,
    "administrator": Role.ADMINISTRATOR,
}
WHEN_ASKED = {"asked_of_me"}
"""Parts that are shown only to whom they are about (tests/test_oversight.py)."""
COUNT = re.compile(r'class="count"[^>]*>\s*([\d.]+)')
NUMBER = re.compile(r"([\d.]+)\s*\)?\s*(?::.*)?$")
QUERIES_AT_MOST = 21


class Page(HTMLParser):
    """A page's links with their words, its headings, and the elements that a test asks for."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.headings: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[tuple[str, list[str], str]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("a", "h1", "h2", "h3"):
            self._open.append((tag, [], dict(attrs).get("href") or ""))

    def handle_data(self, data: str) -> None:
        for _tag, words, _href in self._open:
            words.append(data)

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1][0] == tag:
            name, words, href = self._open.pop()
            text = " ".join("".join(words).split())
            _ = self.links.append((href, text)) if name == "a" else self.headings.append(text)

    def all(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        """The attributes of the elements of this name that have these values."""
        return [a for t, a in self.elements if t == tag and all(a.get(k) == v for k, v in wanted.items())]


def home(browser: Browser, query: str = "") -> tuple[str, Page]:
    """The first page, as text and taken apart."""
    answer = assert_sound(browser.get(f"/admin/{query}"))
    assert answer.status_code == 200, query
    return answer.text, Page(answer.text)


def numbers(page: Page) -> dict[str, int]:
    """The addresses of filtered lists, and the number that leads there."""
    found: dict[str, int] = {}
    for href, words in page.links:
        if "flt0_" in href:
            number = NUMBER.search(words)
            assert number, f"no number leads to {href}: {words!r}"
            assert found.setdefault(href, figure(number[1])) == figure(number[1]), f"{href} is told in two ways"
    return found


def in_order(own: list[str], text: str) -> list[str]:
    """The titles as policy.HOME orders them, those of lists of nothing last."""
    empty = re.findall(r'<section class="panel home-part home-empty".*?</section>', text, re.S)
    bare = [title for title in own if any(title in unescape(part) and "home-also" not in part for part in empty)]
    return [title for title in own if title not in bare] + bare


def figure(text: str) -> int:
    return int(text.replace(".", ""))


def count_of(browser: Browser, url: str) -> int:
    """How many records the list at this address says that it has."""
    answer = assert_sound(browser.get(url), url)
    found = COUNT.search(answer.text)
    assert answer.status_code == 200 and found, f"{url}: {answer.status_code}"
    return figure(found[1])


def month_before(day: dt.date) -> dt.date:
    return (day.replace(day=1) - dt.timedelta(days=1)).replace(day=1)


# --- a busy house -----------------------------------------------------------------------------------------------------


def furnish(world: World) -> None:
    """In each unit a row on either side of every line that the first page draws."""
    for code in CANARY:
        add(world, *_people(world, code))
        add(world, *_day(world, code), *_papers(world, code), *_grants(world, code))
        _moved(world, code)
    add(world, builders.user(Role.RECEPTION, username="sleeper", is_active=False), builders.user(Role.MEDIATOR))


def _people(world: World, code: str) -> Iterator[Any]:
    unit, staff = Unit(id=world.rows[code]["unit"]), world.users[f"caseworker.{code}"]
    for days in (-400, -1, 0, 1, 60, 61):
        on = today() + dt.timedelta(days=days)
        for keeper, closed_on in ((staff, None), (None, None), (staff, today())):
            yield builders.beneficiary(
                unit, amka=None, last_name=CANARY[code], permit_expires_on=on, caseworker_id=keeper,
                closed_on=closed_on, registered_on=today() if days == 1 else month_before(today()),
            )  # fmt: skip


def _day(world: World, code: str) -> Iterator[Any]:
    unit, person = Unit(id=world.rows[code]["unit"]), world.one(Beneficiary, world.rows[code]["beneficiary"])
    staff = [User(id=world.users[f"{role}.{code}"]) for role in ("caseworker", "mediator", "reception")]
    first, last = today().replace(day=1), month_before(today())
    for n, day in enumerate((first, first, last, last.replace(day=15), first - dt.timedelta(days=1), today())):
        at = clock(day, 0, 5) if n % 2 else clock(day, 0, 0)
        yield builders.visit(
            unit, staff[n % 3], person if n % 3 else None, at=at, channel=(*Channel,)[n % len(Channel)]
        )
        yield builders.visit(unit, staff[1], person, at=at, channel=Channel.FIELD)
    for n, days in enumerate((-30, -1, 0, 0, 0, 0, 1)):
        at = (
            clock(today() + dt.timedelta(days=days), 23, 55)
            if n % 2
            else clock(today() + dt.timedelta(days=days), 0, 0)
        )
        yield builders.appointment(unit, staff[n % 2], person if n % 3 else None, at=at, purpose=CANARY[code])


def _papers(world: World, code: str) -> Iterator[Any]:
    person, shared = world.one(Beneficiary, world.rows[code]["beneficiary"]), world.rows["shared"]
    staff = [User(id=world.users[f"{role}.{code}"]) for role in ("caseworker", "mediator")]
    partner, programme = builders.Partner(id=shared["partner"]), builders.Programme(id=shared["programme"])
    for n, days in enumerate((-90, -1, 0, 1, 30, None)):
        due_on = today() + dt.timedelta(days=days) if days is not None else None
        for status in (R.DRAFT, R.SENT, R.ACCEPTED, R.DONE, R.REJECTED, R.NOREPLY):
            sent_on = (today(), today().replace(day=1), month_before(today()))[n % 3]
            yield builders.referral(person, staff[n % 2], partner, due_on=due_on, status=status, sent_on=sent_on)
    for days in (-1, 0, 60, 61):
        for status in (A.APPROVED, A.RENEW, A.ENDED):
            on = today() + dt.timedelta(days=days)
            yield builders.application(person, programme, staff[0], renewal_on=on, status=status)
    for n, axis in enumerate((*Axis, Axis.B)):
        service = builders.Service(id=add(world, builders.service(axis=axis)))
        yield builders.delivery(person, service, staff[0], on=(today(), today().replace(day=1))[n % 2])


def _grants(world: World, code: str) -> Iterator[Any]:
    unit, person = Unit(id=world.rows[code]["unit"]), world.rows[code]["beneficiary"]
    staff, moment = User(id=world.users[f"caseworker.{code}"]), now()
    given = {"status": GrantStatus.GRANTED, "parts": (FilePart.CONTACT,), "beneficiary_id": person}
    yield builders.access_grant(unit, staff)
    for kind, (days, lasts) in itertools.product(GrantKind, itertools.product((1, 13, 15), (-1, 1))):
        then = {"kind": kind, "answered_at": moment - dt.timedelta(days=days)}
        yield builders.access_grant(unit, staff, **then, **given, ends_at=moment + dt.timedelta(days=lasts))
        yield builders.access_grant(unit, staff, **then, status=GrantStatus.REFUSED, answer="Όχι")


def _moved(world: World, code: str) -> None:
    """Acts for the supervisor to look at: a change, a refusal, a failed sign-in, a question and its answer."""
    browser, person = world.client(f"reception.{code}"), world.rows[code]["beneficiary"]
    assert browser.submit(f"/admin/beneficiary/edit/?id={person}", father_name="Άλλος").status_code == 302
    assert browser.get("/admin/user/").status_code == 403
    assert browser.get("/admin/beneficiary/details/?id=999999").status_code == 404
    assert world.client().post("/login", username=f"caseworker.{code}", password="όχι αυτός").status_code == 200
    entries = world.query(sa.select(AuditEntry.seq).order_by(AuditEntry.seq.desc()).limit(3))
    by = world.users["supervisor"]
    add(world, *(AuditReview(entry_seq=seq, verdict=Verdict.QUESTION, comment="Γιατί;", by_id=by) for seq in entries))
    add(world, AuditReview(entry_seq=entries[0], verdict=Verdict.REVIEWED, by_id=by))


BROWSERS: dict[str, Browser] = {}


@pytest.fixture(scope="class")
def busy(house: SqliteHouse | PostgresHouse) -> Iterator[World]:
    """The cast on a busy day, furnished once for tests that only read."""
    world = World(house.app, house.dialect, house.rows, house.users)
    furnish(world)
    BROWSERS.clear()
    yield world
    house.reset()


def signed_in(world: World, username: str) -> Browser:
    """The user's browser; a user signs in once."""
    if username not in BROWSERS:
        BROWSERS[username] = world.client(username)
    return BROWSERS[username]


def titles(app: Flask, names: tuple[str, ...]) -> list[str]:
    with app.test_request_context():
        return [str(part.title) for name in names if hasattr(part := PARTS[name], "title")]


# --- numbers and their rows, and who sees which ------------------------------------------------------------------------


class TestABusyDay:
    """Every role opens its first page on the same busy day."""

    def test_every_number_leads_to_exactly_the_rows_that_it_counts(self, busy: World) -> None:
        wrong, walked = [], 0
        for username in ROLES:
            browser = signed_in(busy, username)
            told = numbers(home(browser)[1])
            if username == "coordinator":
                before = numbers(home(browser, f"?month={month_before(today()):%Y-%m}")[1])
                told |= {url: number for url, number in before.items() if number}
            # Opening a list is itself an act: whatever else the supervisor counts stays, but not that.
            told = {url: number for url, number in told.items() if "action_is=search" not in url}
            assert len(told) > 1 and max(told.values()) > 0, username
            wrong += [
                f"{username} {url}: {n}, not {seen}" for url, n in told.items() if (seen := count_of(browser, url)) != n
            ]
            walked += len(told)
        assert wrong == []
        assert walked > 100

    def test_every_row_of_a_short_list_is_on_the_list_behind_it(self, busy: World) -> None:
        """The page shows the first of its rows, soonest first; a longer list has a link to the rest."""
        text, _page = home(signed_in(busy, "mediator.main"))
        shown = re.findall(r'<section class="panel home-part".*?</section>', text, re.S)
        dues = next(part for part in shown if str(PARTS["unit_permits"].title) in part)  # type: ignore[attr-defined]
        days = [dt.datetime.strptime(day, "%d/%m/%Y").date() for day in re.findall(r"</span>(\d\d/\d\d/\d{4})<", dues)]
        assert days == sorted(days) and len(days) == 6, "three days, of two open files each"
        assert {day - today() for day in days} == {dt.timedelta(days=n) for n in (0, 1, 60)}
        late = next(part for part in shown if str(PARTS["late_referrals"].title) in part)  # type: ignore[attr-defined]
        assert late.count('class="due"') == late.count("Εκπρόθεσμη") == 4, "marked in words, each of them"

    def test_open_files_and_late_answers_are_news_to_their_asker(self, busy: World) -> None:
        """Of requests three that run, two that ended and four refusals of the last days; three running emergencies."""
        told = numbers(home(signed_in(busy, "caseworker.main"))[1])
        assert [n for url, n in told.items() if "news_is" in url] == [3 + 2 + 4 + 3]
        assert [n for url, n in told.items() if "access_grant/?flt0_status_is=ASKED" in url] == [1 + 1]

    def test_people_and_services_of_a_month_are_those_of_the_monthly_report(self, busy: World) -> None:
        """Two ways to count: the page counts what its lists show, the report counts for itself."""
        told = numbers(home(signed_in(busy, "coordinator"))[1])
        served = next(n for url, n in told.items() if "served_between" in url and "unit_id" not in url)
        axes = [n for url, n in told.items() if "axis_is" in url]
        visits = next(
            n for url, n in told.items() if url.startswith("/admin/visit/?flt0_at_between") and "unit" not in url
        )
        with busy.app.test_request_context():
            policy.bind(db.session, policy.SYSTEM)
            coverage = reports.Coverage(db.session, reports.month_of(today()), reports.units(db.session))
            assert reports.people_served(coverage).rows[-1][-1] == served
            assert reports.visits(coverage).rows[-1][-1] == visits
            by_axis = [row[-1] for row in reports.services(coverage).rows if str(row[1]) == "Σύνολο άξονα"]
            assert by_axis == axes and sum(axes) > 0
            assert str(TOTAL) == "Σύνολο"

    def test_each_role_is_shown_its_own_parts_and_no_others(self, busy: World) -> None:
        assert {name for names in policy.HOME.values() for name in names} == set(PARTS), "every part is somebody's"
        every = titles(busy.app, tuple(name for name in PARTS if name not in WHEN_ASKED))
        for username, role in ROLES.items():
            text, page = home(signed_in(busy, username))
            own = titles(busy.app, [name for name in policy.HOME[role] if name not in WHEN_ASKED])
            headings = [re.sub(r"\s+[\d.]+$", "", heading) for heading in page.headings]
            assert [heading for heading in headings if heading in every] == in_order(own, text), username
            assert len(page.headings) > 2, f"{username} finds an empty page"
            assert ('id="home-search"' in text) == policy.may(policy.Scope(role=role), "read", "beneficiary"), username

    def test_the_coordinator_finds_the_month_in_drawings(self, busy: World) -> None:
        _text, page = home(signed_in(busy, "coordinator"))
        told = numbers(page)
        for wanted in (
            "served_between",
            "registered_on_between",
            "sent_on_between",
            "axis_is",
            "status_is",
            "unit_id_is",
        ):
            assert any(wanted in url for url in told), f"{wanted}: no number of it"
        days = [url for url in told if "/visit/?flt0_at_is=" in url]
        assert len(days) == today().day, "a number for every day that has begun"

    @pytest.mark.parametrize("code", list(CANARY))
    def test_nothing_of_another_unit_is_ever_there(self, busy: World, code: str) -> None:
        (other,) = set(CANARY) - {code}
        for role in ("reception", "caseworker", "mediator"):
            text, page = home(signed_in(busy, f"{role}.{code}"))
            assert CANARY[code] in text, f"{role}.{code} sees nobody"
            assert CANARY[other] not in text, f"{role}.{code} sees the other unit's people"
            assert f"{other.upper()}-000" not in text
            assert all("unit_id" not in url for url in numbers(page)), "who works in one unit is told of no other"

    def test_no_protected_value_is_on_any_first_page(self, busy: World) -> None:
        for username in ROLES:
            text, _page = home(signed_in(busy, username))
            assert SECRET not in text, username
            for label in (*Answer, *DisabilityDegree):
                assert len(str(label)) < 5 or str(label) not in text, f"{username}: {label}"

    def test_the_administrator_finds_users_and_units_and_no_person(self, busy: World) -> None:
        text, page = home(signed_in(busy, "administrator"))
        assert all(bird not in text for bird in CANARY.values())
        assert {urlsplit(url).path for url in numbers(page)} == {"/admin/user/", "/admin/membership/"}
        asked = [dict(parse_qsl(urlsplit(url).query)) for url in numbers(page)]
        assert any("flt0_signed_in_is" in each for each in asked) and any(
            "flt0_own_password_is" in each for each in asked
        )

    def test_questions_refusals_and_failed_sign_ins_are_listed(self, busy: World) -> None:
        text, page = home(signed_in(busy, "supervisor"))
        told = numbers(page)
        assert next(n for url, n in told.items() if "review_is=QUESTION" in url and "answered_is=0" in url) > 0
        assert next(n for url, n in told.items() if "action_is=refused" in url and "between" in url) >= 4
        assert next(n for url, n in told.items() if "action_is=login_failed" in url) >= 2
        assert text.count("/admin/audit_entry/details/?id=") >= 6, "each entry leads to its own page"

    def test_every_drawing_has_its_name_and_its_table(self, busy: World) -> None:
        text, page = home(signed_in(busy, "coordinator"))
        ids = {a["id"] for _tag, a in page.elements if a.get("id")}
        drawings = page.all("svg", role="img")
        assert drawings
        for drawing in drawings:
            assert set((drawing["aria-labelledby"] or "").split()) <= ids and drawing["aria-labelledby"]
        parts = re.findall(r'<(?:figure|section) class="chart panel".*?</(?:figure|section)>', text, re.S)
        assert len(parts) == 3
        for part in parts:
            table = re.search(r"<table.*?</table>", part, re.S)
            assert "<svg" in part and table and "<caption" in table[0] and 'scope="row"' in table[0], part[:300]
            shown = re.findall(r'chart-value"[^>]*>([\d.]+)<', part)
            linked = re.findall(r'<a href="[^"]*flt0_[^"]*">([\d.]+)</a>', table[0])
            assert linked and set(shown) <= set(linked), "the table has every number of the drawing, each a link"
        hidden = [a for a in page.all("svg") if a.get("role") != "img"]
        bare = [a for a in hidden if a.get("aria-hidden") != "true" and a.get("overflow") != "visible"]
        assert bare == [], "a drawing is either named or kept from screen readers"

    def test_the_page_is_whole_in_english_too(self, busy: World) -> None:
        for username, role in ROLES.items():
            browser = signed_in(busy, username)
            browser.post("/language/en")
            text, page = home(browser)
            browser.post("/language/el")
            own = [
                PARTS[name].title.en
                for name in policy.HOME[role]
                if name not in WHEN_ASKED and hasattr(PARTS[name], "title")
            ]  # type: ignore[attr-defined]
            headings = [re.sub(r"\s+[\d,.]+$", "", heading) for heading in page.headings]
            assert [heading for heading in headings if heading in own] == in_order(own, text), username


def test_a_list_longer_than_the_page_shows_says_so(world: World) -> None:
    browser, person = world.client("reception.main"), world.one(Beneficiary, world.rows["main"]["beneficiary"])
    staff, unit = User(id=world.users["caseworker.main"]), Unit(id=world.rows["main"]["unit"])
    add(world, *(builders.appointment(unit, staff, person, at=clock(today(), 8, n)) for n in range(20)))
    text, page = home(browser)
    (more,) = [words for _href, words in page.links if words.startswith(("The whole list", "Όλη η λίστα"))]
    told = next(n for url, n in numbers(page).items() if "/appointment/" in url)
    assert str(told) in more and told >= 20
    assert len(re.findall(r'class="due"', text.partition("/visit/?")[0])) == 8


# --- what is pointed out -----------------------------------------------------------------------------------------------


def test_a_visit_is_begun_first(calm_world: World) -> None:
    text, _page = home(calm_world.client("reception.main"))
    buttons = re.findall(r'<a class="btn ([^"]*)" href="([^"]*)"', text)
    assert buttons[0] == ("btn-primary btn-lg", "/admin/visit/new/")
    assert all("btn-primary" not in style for style, _url in buttons[1:])


def test_a_unit_without_staff_is_pointed_out(world: World) -> None:
    browser, said = world.client("administrator"), "Χωρίς προσωπικό"
    assert said not in home(browser)[0]
    town = world.query(sa.select(Unit.municipality_id))[0]
    empty = add(world, Unit(municipality_id=town, code="new", kind="MOBILE", name="Νέα κινητή μονάδα"))
    text, page = home(browser)
    assert said in text
    assert next(n for url, n in numbers(page).items() if url.endswith(f"unit_id_is={empty}")) == 0
    add(world, Membership(user_id=world.users["unitless"], unit_id=empty))
    assert said not in home(browser)[0]


def test_who_works_in_no_unit_is_told_whom_to_ask(calm_world: World) -> None:
    text, page = home(calm_world.client("unitless"))
    assert "message-warning" in text and set(numbers(page).values()) == {0}
    assert "message-warning" not in home(calm_world.client("caseworker.main"))[0]


# --- the front desk ---------------------------------------------------------------------------------------------------


def test_who_has_come_is_noted_with_one_click_and_leads_back(world: World) -> None:
    person, unit = world.one(Beneficiary, world.rows["main"]["beneficiary"]), Unit(id=world.rows["main"]["unit"])
    staff = User(id=world.users["caseworker.main"])
    key = add(world, builders.appointment(unit, staff, person, at=clock(today(), 12)))
    browser = world.client("reception.main")
    action = f"/admin/appointment/move/?id={key}"
    found = re.search(rf'<form method="post" action="{re.escape(action)}">(.*?)</form>', home(browser)[0], re.S)
    assert found, "no button for the appointment"
    sent = dict(re.findall(r'name="(\w+)" value="([^"]*)"', found[1]))
    answer = browser.post(action, sent)
    assert world.one(Appointment, key).status == AppointmentStatus.ARRIVED
    assert answer.headers["Location"] == "/admin/"
    text = home(browser)[0]
    assert unescape("Προσήλθε") in text
    left = re.findall(rf'<form method="post" action="{re.escape(action)}">(.*?)</form>', text, re.S)
    assert ['name="undo"' in form for form in left] == [True], "who has come is not to come again; it can be undone"


def test_of_a_time_that_has_passed_both_outcomes_are_offered(world: World) -> None:
    """And no state beside the warning: it would say that all is in order."""
    person, unit = world.one(Beneficiary, world.rows["main"]["beneficiary"]), Unit(id=world.rows["main"]["unit"])
    staff = User(id=world.users["caseworker.main"])
    keys = [add(world, builders.appointment(unit, staff, person, at=clock(today(), hour))) for hour in (9, 23)]
    with time_machine.travel(clock(today(), 12), tick=False):
        text = home(world.client("reception.main"))[0]
    rows = [row for row in re.findall(r'<li class="due">.*?</li>', text, re.S) if "/admin/appointment/move/" in row]
    passed, expected = (next(row for row in rows if f'move/?id={key}"' in row) for key in keys)
    assert re.findall(r'name="to" value="(\w+)"', passed) == ["ARRIVED", "NOSHOW"]
    assert "due-late" in passed and 'class="status"' not in passed
    assert re.findall(r'name="to" value="(\w+)"', expected) == ["ARRIVED"]
    assert 'class="status"' in expected and "due-late" not in expected


def test_lists_of_nothing_come_last_on_one_line(world: World) -> None:
    """What a coordinator is asked comes before the figures of the day; that nobody asked, after them."""

    def order() -> tuple[int, int]:
        text = home(world.client("coordinator"))[0]
        return text.index(str(PARTS["data_requests"].title)), text.index(str(PARTS["today"].title))  # type: ignore[attr-defined]

    add(world, builders.data_request(world.one(Beneficiary, world.rows["main"]["beneficiary"])))
    asked, figures = order()
    assert asked < figures
    with world.app.app_context():
        policy.bind(db.session, policy.SYSTEM)
        for row in db.session.scalars(sa.select(DataRequest).where(DataRequest.answered_on.is_(None))):
            row.answered_on, row.outcome = today(), RequestOutcome.GRANTED
        audit.commit(db.session)
    asked, figures = order()
    assert figures < asked
    assert "home-empty" in home(world.client("coordinator"))[0]


def test_those_still_expected_stand_first(world: World) -> None:
    person, unit = world.one(Beneficiary, world.rows["main"]["beneficiary"]), Unit(id=world.rows["main"]["unit"])
    staff = User(id=world.users["caseworker.main"])
    for n, status in enumerate((AppointmentStatus.CANCELLED, AppointmentStatus.BOOKED, AppointmentStatus.BOOKED)):
        add(world, builders.appointment(unit, staff, person, at=clock(today(), 1 + n), status=status))
    text = home(world.client("reception.main"))[0]
    assert text.index("02:00") < text.index("03:00") < text.index("01:00")


# --- the supervisor's desk --------------------------------------------------------------------------------------------


def test_what_is_reviewed_is_no_longer_counted(world: World) -> None:
    _moved(world, "main")
    browser = world.client("supervisor")

    def told(what: str) -> int:
        seen = numbers(home(browser)[1]).items()
        return sum(n for url, n in seen if what in url and "at_between" in url)

    before = told("action_is=update")
    entry = world.query(sa.select(AuditEntry.seq).where(AuditEntry.action == AuditAction.UPDATE))[-1]
    browser.post(f"/admin/audit_entry/review/?id={entry}", verdict=Verdict.REVIEWED.value, comment="")
    assert before - told("action_is=update") == 1
    assert '/admin/audit_entry/sample/"' in home(browser)[0]


# --- the month --------------------------------------------------------------------------------------------------------


def test_months_follow_each_other_up_to_this_one(calm_world: World) -> None:
    browser, this = calm_world.client("coordinator"), today().replace(day=1)
    last = month_before(this)

    def around(query: str) -> list[str]:
        return re.findall(r'href="/admin/\?month=([\d-]+)#month" rel="(\w+)"', home(browser, query)[0])  # type: ignore[return-value]

    assert around("") == around(f"?month={this:%Y-%m}") == [(f"{last:%Y-%m}", "prev")]
    assert around(f"?month={last:%Y-%m}") == [(f"{month_before(last):%Y-%m}", "prev"), (f"{this:%Y-%m}", "next")]
    assert around("?month=2000-01") == [("2000-02", "next")]


@pytest.mark.parametrize(
    "asked", ["", "2026", "2026-13", "1999-12", "0001-01", "9999-12", "2026-11-01", "x" * 300, "%00", "٢٠٢٦-٠١", "-1"]
)
def test_no_such_month_is_this_month(calm_world: World, asked: str) -> None:
    browser = calm_world.client("coordinator")
    assert home(browser, f"?month={asked}")[1].headings == home(browser)[1].headings


def test_columns_are_as_high_as_the_visits_of_their_day(world: World) -> None:
    unit, staff = Unit(id=world.rows["main"]["unit"]), User(id=world.users["reception.main"])
    month = month_before(today())
    for day, visits in ((1, 2), (15, 6)):
        add(world, *(builders.visit(unit, staff, at=clock(month.replace(day=day), 9, n)) for n in range(visits)))
    browser = world.client("coordinator")
    text, page = home(browser, f"?month={month:%Y-%m}")
    heights = [float(a["height"] or 0) for a in page.all("rect", **{"class": "chart-column"}) if a.get("x")]
    assert len(heights) == 2 and heights[1] == pytest.approx(3 * heights[0])
    assert "6" in re.findall(r'chart-mark"[^>]*>(\d+)<', text), "the scale holds the greatest number"
    described = re.findall(r"<desc[^>]*>(.*?)</desc>", text)
    assert len(described) == 1 and "8" in described[0] and "6" in described[0]


def test_a_month_without_anything_is_calm(calm_world: World) -> None:
    text, page = home(calm_world.client("coordinator"), "?month=2001-02")
    assert not [a for a in page.all("rect", **{"class": "chart-column"}) if a.get("x")]
    assert len([url for url in numbers(page) if "/visit/?flt0_at_is=" in url and "2001" in url]) == 28
    assert text.count('class="nothing"') >= 1


# --- what it costs ----------------------------------------------------------------------------------------------------


def test_more_rows_make_no_more_queries(world: World) -> None:
    def asked(username: str) -> int:
        browser = browsers[username]
        home(browser)
        with counted(world.app) as statements:
            home(browser)
        return len(statements)

    browsers = {username: world.client(username) for username in ROLES}
    # Whoever is asked to explain something is asked once before, and more often after.
    own = sa.select(AuditEntry.seq).where(AuditEntry.actor_id == world.users["reception.main"])
    by = world.users["supervisor"]
    add(world, AuditReview(entry_seq=world.query(own)[0], verdict=Verdict.QUESTION, comment="Γιατί;", by_id=by))
    before = {username: asked(username) for username in ROLES}
    furnish(world)
    after = {username: asked(username) for username in ROLES}
    # Among what was furnished is a question to the desk, which makes a part of its own.
    del before["reception.main"], after["reception.main"]
    # The numbers beside a list are asked for either way; only names and links could come to be asked for one by one.
    assert after == before
    assert max(after.values()) <= QUERIES_AT_MOST, after
