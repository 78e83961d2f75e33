"""Asking again who is there; sessions seen and ended; limits on trying and on reading; headers on every answer."""

from __future__ import annotations

import datetime as dt
import re
import threading
from typing import Any
from urllib.parse import unquote

import pytest
import sqlalchemy as sa

from app import HEADERS
from auth import limits, trying
from models import AuditEntry, Beneficiary, User, UserSession, now
from tests.answers import new_person
from tests.test_second_factor import code_at, enrol, enrolled, later
from tests.test_signin import copy_of, is_in, write
from tests.world import PASSWORD, Browser, World
from vocabulary import AuditAction

AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
CONFIRMED = {"confirm-password": PASSWORD}


def make_stale(world: World) -> None:
    """Everybody signed in some time ago."""
    long_ago = now() - dt.timedelta(minutes=world.app.config["FRESH_MINUTES"], seconds=5)
    write(world, sa.update(UserSession).values(confirmed_at=long_ago))


def confirm(browser: Browser, address: str, **more: Any) -> Any:
    """Open the page that asks, answer it."""
    browser.get(address)
    return browser.client.post(address, data={"csrf_token": browser.token, **CONFIRMED, **more})


def taken(browser: Browser, address: str) -> int:
    """How a file was answered; it is read to its end, as browsers do."""
    with browser.get(address) as answer:
        return answer.status_code


# --- asking again -----------------------------------------------------------------------------------------------------


def test_taking_out_everything_asks_again(world: World) -> None:
    browser = world.client("coordinator")
    assert taken(browser, "/admin/beneficiary/export/xlsx/") == 200, "who just signed in is not asked"
    make_stale(world)
    for table in ("beneficiary", "referral", "partner"):
        asked = browser.get(f"/admin/{table}/export/xlsx/")
        assert (asked.status_code, asked.headers["Location"]) == (302, f"/confirm?next=/admin/{table}/"), table
    for narrowed in ("search=%CE%B1", "flt0_registered_on_from=01/01/1900", "searchx=1", "sort=1"):
        asked = browser.get(f"/admin/beneficiary/export/xlsx/?{narrowed}")
        back = unquote(asked.headers["Location"].partition("next=")[2])
        assert asked.status_code == 302 and unquote(back).endswith(unquote(narrowed)), "the list comes back as it was"
    assert browser.get("/admin/beneficiary/").status_code == 200
    asked = browser.get("/admin/partner/export/xlsx/")
    confirmations = sa.select(AuditEntry.actor_name).where(AuditEntry.action == AuditAction.CONFIRMED)
    wrong = confirm(browser, asked.headers["Location"], **{"confirm-password": "λάθος"})
    assert world.query(confirmations) == []
    assert wrong.status_code == 200 and "field-error" in wrong.text
    assert taken(browser, "/admin/partner/export/xlsx/") == 302
    done = confirm(browser, asked.headers["Location"])
    assert len(world.query(confirmations)) == 1
    assert (done.status_code, done.headers["Location"]) == (302, "/admin/partner/")
    assert taken(browser, "/admin/partner/export/xlsx/") == 200
    exports = world.query(sa.select(AuditEntry).where(AuditEntry.action == AuditAction.EXPORT))
    assert len(exports) == 2, "nothing was taken out in between"


def test_user_changes_ask_again(world: World) -> None:
    browser, key = world.client("administrator"), world.users["reception.main"]
    make_stale(world)
    for page in (f"/admin/user/edit/?id={key}", "/admin/user/new/", "/admin/membership/new/?user_id=1"):
        assert browser.get(page).headers["Location"].startswith("/confirm?next=/admin/"), page
    for page in ("/admin/user/", f"/admin/user/details/?id={key}", "/admin/unit/"):
        assert browser.get(page).status_code == 200, page
    asked = browser.get(f"/admin/user/edit/?id={key}").headers["Location"]
    assert confirm(browser, asked).headers["Location"] == f"/admin/user/edit/?id={key}"
    assert browser.get(f"/admin/user/edit/?id={key}").status_code == 200


def test_grants_and_rights_ask_again(world: World) -> None:
    browser, person = world.client("coordinator"), world.rows["main"]["beneficiary"]
    grant = world.rows["roma"]["access_grant"]
    make_stale(world)
    assert "confirm-password" in browser.post(f"/admin/access_grant/decide/?id={grant}", status="GRANTED").text
    for act in ("erase", "restrict"):
        assert "confirm-password" in browser.post(f"/admin/rights/{act}/?id={person}").text, act
    assert browser.get(f"/admin/rights/copy/pdf/?id={person}").status_code == 302
    assert browser.get(f"/admin/rights/person/?id={person}").status_code == 200


def test_a_form_that_was_being_sent_is_not_lost(world: World) -> None:
    browser, key = world.client("administrator"), world.users["reception.main"]
    url = f"/admin/user/edit/?id={key}"
    typed = {**browser.form(url), "full_name": 'Νέο "Όνομα" <b>', "specialty": "Α\nΒ"}
    make_stale(world)
    page = browser.post(url, typed)
    assert page.status_code == 200 and "confirm-password" in page.text
    assert world.one(User, key).full_name != typed["full_name"]
    carried = _hidden(page.text)
    assert {name: carried[name] for name in typed if name != "is_active"} == {
        name: value for name, value in typed.items() if name != "is_active"
    }
    wrong = browser.client.post(url, data={**carried, "csrf_token": browser.token, "confirm-password": "λάθος"})
    again = _hidden(wrong.text)
    assert "field-error" in wrong.text and again["full_name"] == typed["full_name"], "nor by a slip of the hand"
    assert "λάθος" not in wrong.text
    done = browser.client.post(url, data={**again, "csrf_token": browser.token, **CONFIRMED})
    assert done.status_code == 302 and world.one(User, key).full_name == typed["full_name"]
    assert is_in(browser)


def _hidden(html: str) -> dict[str, str]:
    from html import unescape

    form = next(f for f in re.findall(r"<form\b.*?</form>", html, re.S) if "confirm-password" in f)
    inputs = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
    return {name: unescape(value) for name, value in inputs}


def test_acts_on_users_ask_again(world: World) -> None:
    browser, key = world.client("administrator"), world.users["reception.main"]
    victim = world.client("reception.main")
    make_stale(world)
    for act in ("end_sessions", "reset_factor"):
        assert "confirm-password" in browser.post(f"/admin/user/{act}/?id={key}").text
    assert is_in(victim)
    assert browser.post(f"/admin/user/end_sessions/?id={key}", CONFIRMED).status_code == 302 and not is_in(victim)


def test_deleting_several_at_once_asks_again(world: World) -> None:
    browser, url = world.client("coordinator"), "/admin/beneficiary/action/"
    people = [new_person(world) for _n in range(3)]
    make_stale(world)
    assert browser.post(url, action="delete", rowid=people[:1]).status_code == 302, "one row is asked about on the page"
    page = browser.post(url, action="delete", rowid=people[1:])
    assert page.status_code == 200 and page.text.count('name="rowid"') == 2 and world.one(Beneficiary, people[1])
    assert browser.post(url, CONFIRMED, action="delete", rowid=people[1:]).status_code == 302
    assert [world.one(Beneficiary, key) for key in people] == [None] * 3


def test_asking_again_wants_the_code_too(world: World) -> None:
    enrolled(world, "coordinator")
    browser = world.client()
    browser.post("/login", username="coordinator", password=PASSWORD)
    key, recovery = None, None
    assert not is_in(browser)
    write(world, sa.text("DELETE FROM second_factor"))
    browser = world.client("coordinator")
    key, recovery = enrol(browser)
    later(world, by=3)
    make_stale(world)
    asked = browser.get("/admin/partner/export/xlsx/").headers["Location"]
    assert "confirm-code" in browser.get(asked).text
    assert confirm(browser, asked).status_code == 200, "the password alone is not enough"
    assert confirm(browser, asked, **{"confirm-code": code_at(key)}).status_code == 302
    make_stale(world)
    assert confirm(browser, asked, **{"confirm-code": code_at(key)}).status_code == 200, "taken"
    assert confirm(browser, asked, **{"confirm-code": recovery[0]}).status_code == 302


def test_confirming_changes_the_secret_of_the_session(world: World) -> None:
    """ASVS 7.2.4: a cookie that somebody copied before is worth nothing after."""
    browser = world.client("coordinator")
    thief = copy_of(world, browser)
    make_stale(world)
    confirm(browser, "/confirm?next=/admin/")
    assert is_in(browser) and not is_in(thief)


def test_guessing_at_the_question_is_throttled(world: World) -> None:
    browser = world.client("coordinator")
    make_stale(world)
    for _n in range(5):
        confirm(browser, "/confirm", **{"confirm-password": "guess"})
    assert confirm(browser, "/confirm").status_code == 200
    assert taken(browser, "/admin/partner/export/xlsx/") == 302


def test_the_question_leads_nowhere_else(world: World) -> None:
    browser = world.client("coordinator")
    for place in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        assert confirm(browser, f"/confirm?next={place}").headers["Location"] == "/admin/"


def test_setting_up_and_renewing_ask_again(world: World) -> None:
    browser = world.client("caseworker.main")
    make_stale(world)
    assert browser.get("/profile/factor").headers["Location"] == "/confirm?next=/profile/factor"
    confirm(browser, "/confirm")
    enrol(browser)
    make_stale(world)
    for act in ("codes", "remove"):
        assert "confirm-password" in browser.post(f"/profile/factor/{act}").text


# --- sessions ---------------------------------------------------------------------------------------------------------


def test_everybody_sees_where_they_are_signed_in_and_ends_it_there(world: World) -> None:
    there = Browser(world.app.test_client())
    there.get("/login")
    data = {"username": "caseworker.main", "password": PASSWORD, "csrf_token": there.token}
    there.client.post("/login", data=data, headers={"User-Agent": AGENT}, environ_base={"REMOTE_ADDR": "10.1.2.3"})
    here, other = world.client("caseworker.main"), world.client("caseworker.roma")
    page = here.get("/profile").text
    assert "10.1.2.3" in page and "Firefox, Windows" in page and "127.0.0.1" in page
    ids = re.findall(r'name="id" value="(\d+)"', page)
    assert len(ids) == 1, "one other session, and none of anybody else"
    (foreign,) = world.query(sa.select(UserSession.id).where(UserSession.user_id == world.users["caseworker.roma"]))
    for key in (foreign, 999_999, "x", ""):
        assert here.post("/profile/sessions/end", id=key).status_code == 404
    assert here.post("/profile/sessions/end", id=ids[0]).status_code == 302
    assert is_in(here) and is_in(other) and not is_in(there)
    assert here.post("/profile/sessions/end", id=ids[0]).status_code == 404, "it is ended"
    entries = world.query(sa.select(AuditEntry).where(AuditEntry.action == AuditAction.LOGOUT))
    assert [(entry.subject_id, entry.details) for entry in entries] == [
        (world.users["caseworker.main"], '{"sessions": 1}')
    ]


def test_signing_out_everywhere_leaves_only_this_one(world: World) -> None:
    here, *others = (world.client("caseworker.main") for _n in range(3))
    colleague = world.client("caseworker.roma")
    assert here.post("/profile/sessions/end-others").status_code == 302
    assert is_in(here) and is_in(colleague) and not any(is_in(each) for each in others)


def test_sessions_that_are_over_are_not_shown(world: World) -> None:
    world.client("caseworker.main")
    write(world, sa.update(UserSession).values(seen_at=now() - dt.timedelta(hours=1)))
    assert re.findall(r'name="id" value="(\d+)"', world.client("caseworker.main").get("/profile").text) == []


def test_an_administrator_ends_sessions_and_sees_no_address(world: World) -> None:
    key, victim = world.users["caseworker.main"], world.client("caseworker.main")
    admin = world.client("administrator")
    write(world, sa.update(UserSession).where(UserSession.user_id == key).values(address="10.1.2.3", agent=AGENT))
    page = admin.get(f"/admin/user/details/?id={key}").text
    assert "10.1.2.3" not in page and "Firefox" not in page
    assert admin.post(f"/admin/user/end_sessions/?id={key}").status_code == 302 and not is_in(victim)
    (entry,) = world.query(sa.select(AuditEntry).where(AuditEntry.action == AuditAction.LOGOUT))
    assert (entry.subject_id, entry.actor_id) == (key, world.users["administrator"])
    told = world.client("supervisor").get(f"/admin/audit_entry/details/?id={entry.seq}").text
    assert "Χρήστης administrator τερμάτισε τις ανοιχτές συνδέσεις: «Χρήστης caseworker.main»" in told


# --- limits on trying -------------------------------------------------------------------------------------------------


def try_from(browser: Browser, address: str, username: str, password: str = "wrong") -> int:
    browser.get("/login")
    data = {"username": username, "password": password, "csrf_token": browser.token}
    return browser.client.post("/login", data=data, environ_base={"REMOTE_ADDR": address}).status_code


def test_a_stranger_locks_nobody_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither from elsewhere, nor from the same address where the user's browser is known."""
    assert (trying.TRIES, trying.TRIES_ANYWHERE, trying.TRIES_PER_ADDRESS) == (5, 30, 30)
    monkeypatch.setattr(trying, "TRIES_ANYWHERE", 8)
    monkeypatch.setattr(trying, "TRIES_PER_ADDRESS", 8)
    own = world.client("supervisor")
    own.post("/logout")
    for n in range(9):
        try_from(world.client(), f"10.0.0.{n % 3}", "supervisor")
    assert try_from(world.client(), "10.0.0.200", "supervisor", PASSWORD) == 200, "a browser that is not known waits"
    assert try_from(own, "127.0.0.1", "supervisor", PASSWORD) == 302, "its own does not"
    own.post("/logout")
    for _n in range(9):
        try_from(world.client(), "127.0.0.1", f"nobody{_n}")
    assert try_from(own, "127.0.0.1", "supervisor", PASSWORD) == 302, "nor where the address is closed"


def test_a_known_browser_guesses_no_more_than_others(world: World) -> None:
    own = world.client("supervisor")
    own.post("/logout")
    for _n in range(5):
        assert try_from(own, "127.0.0.1", "supervisor") == 200
    for address in ("127.0.0.1", "10.0.0.1"):
        assert try_from(own, address, "supervisor", PASSWORD) == 200
    assert try_from(world.client(), "10.0.0.1", "supervisor", PASSWORD) == 302, "others are not held by it"
    assert try_from(own, "127.0.0.1", "reception.main", PASSWORD) == 302, "it is known for one name only"


def test_a_known_browser_cannot_be_made_up(world: World) -> None:
    for kept in ("x", "e30.x", '{"#": "x"}', "W10.AAAA"):
        forged = world.client()
        forged.client.set_cookie("kentro-known", kept)
        assert try_from(forged, "127.0.0.1", "supervisor") == 200
    own = world.client("supervisor").client.get_cookie("kentro-known")
    assert own is not None and own.http_only and "supervisor" not in own.value


def test_tries_at_once_are_counted_one_by_one(world: World) -> None:
    browsers = [world.client() for _n in range(9)]
    for browser in browsers:
        browser.get("/login")

    def guess(browser: Browser) -> None:
        data = {"username": "supervisor", "password": "wrong", "csrf_token": browser.token}
        browser.client.post("/login", data=data)

    threads = [threading.Thread(target=guess, args=(browser,)) for browser in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    actions = world.query(sa.select(AuditEntry.action))
    assert actions.count(AuditAction.LOGIN_FAILED) == 5 and actions.count(AuditAction.REFUSED) == 4


# --- limits on reading ------------------------------------------------------------------------------------------------


@pytest.fixture
def limited(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """As in production, and within one minute."""
    monkeypatch.setitem(world.app.config, "READINGS", 1)
    monkeypatch.setattr(limits, "WINDOW", 10**9)
    limits._spent.clear()
    return world


def readings(world: World) -> dict[str, str]:
    key = world.rows["main"]["beneficiary"]
    return {
        "ajax_lookup": "/admin/visit/ajax/lookup/?name=beneficiary_id&query=%CE%B1",
        "search": "/admin/beneficiary/?search=%CE%B1",
        "details_view": f"/admin/beneficiary/details/?id={key}",
        "edit_view": f"/admin/beneficiary/edit/?id={key}",
        "export": "/admin/partner/export/xlsx/?search=%CE%B1",
    }


def test_reading_without_end_is_stopped_and_noticed(limited: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ALLOWANCES", dict.fromkeys(limits.ALLOWANCES, 3))
    browser, other = limited.client("coordinator"), limited.client("caseworker.main")
    for kind, address in readings(limited).items():
        assert [taken(browser, address) for _n in range(6)] == [200] * 3 + [429] * 3, kind
        assert other.get(readings(limited)["ajax_lookup"]).status_code in (200, 429)
    assert other.get("/admin/beneficiary/?search=%CE%B1").status_code == 200, "others go on"
    assert browser.get("/admin/beneficiary/").status_code == 200, "and so do lists"
    refused = limited.query(sa.select(AuditEntry).where(AuditEntry.action == AuditAction.REFUSED))
    coordinators = [entry for entry in refused if entry.actor_id == limited.users["coordinator"]]
    assert [entry.details for entry in coordinators] == ['{"per_minute": 3}'] * 5, "once each"


def test_the_page_says_to_wait_and_no_more(limited: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ALLOWANCES", {"details_view": 0})
    browser = limited.client("reception.main")
    mine, foreign = (limited.rows[code]["beneficiary"] for code in ("main", "roma"))
    pages = [browser.get(f"/admin/beneficiary/details/?id={key}") for key in (mine, foreign, 999_999)]
    told = {re.sub(r'value="[^"]*"', "", page.text) for page in pages}
    assert len(told) == 1 and "Περιμένετε ένα λεπτό" in told.pop()
    assert {(page.status_code, page.headers["Retry-After"]) for page in pages} == {(429, "60")}


def test_hands_do_not_reach_the_limits(limited: World) -> None:
    """And where it is set to none, as in development, nothing does."""
    assert all(allowance >= 10 for allowance in limits.ALLOWANCES.values())
    browser = limited.client("coordinator")
    limited.app.config["READINGS"] = 0
    address = readings(limited)["ajax_lookup"]
    assert {browser.get(address).status_code for _n in range(limits.ALLOWANCES["ajax_lookup"] + 5)} == {200}


# --- headers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("username", [None, "coordinator", "administrator"])
def test_every_route_answers_with_every_header(world: World, username: str | None) -> None:
    """Whatever the route, the method and the outcome; HSTS and Secure where the connection is."""
    browser, seen = world.client(username), set()
    names = {"code": "el", "export_type": "xlsx", "filename": "kentro.css", "name": "all.css", "kind": "pdf"}
    for rule, endpoint in [("/nowhere", ""), *((rule.rule, rule.endpoint) for rule in world.app.url_map.iter_rules())]:
        address = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: names[found[1]], rule)
        for method in ("GET", "POST", "PUT", "OPTIONS"):
            if (method, endpoint) == ("POST", "auth.logout"):
                continue
            answer = browser.client.open(address, method=method, base_url="https://localhost")
            seen.add(answer.status_code)
            missing = [name for name, value in HEADERS.items() if answer.headers.get(name) != value]
            assert not missing, f"{method} {address}: {missing}"
            assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains", address
            assert answer.headers["Cache-Control"] == "no-store" or endpoint in ("static", "asset"), address
            assert answer.mimetype != "text/html" or "charset=utf-8" in answer.headers["Content-Type"], address
            answer.close()
    assert {200, 302, 400, 404, 405} <= seen


def test_signing_out_empties_the_browsers_cache(world: World) -> None:
    answer = world.client("coordinator").post("/logout")
    assert answer.headers["Clear-Site-Data"] == '"cache"'
