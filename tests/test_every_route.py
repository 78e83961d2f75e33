"""What holds for every route: walked over the application's own map, so that a new one is tried as the others are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from admin_views.services import VisitView
from db import fields
from models import AuditEntry, Beneficiary, Visit
from tests.answers import TEXTS
from tests.test_matrix import ROLES, cell_of, confide, lines
from tests.test_signin import is_in, post_routes, stays_here
from tests.test_trail import all_rows
from tests.walls import assert_untouched, plain, refusals, state_of
from tests.world import CANARY, USERS, Browser, World

READERS = ("caseworker.main", "coordinator", "supervisor", "administrator")
either_way = pytest.mark.parametrize("house", ["sqlite"], indirect=True)
"""Pages and addresses are made of the same values whatever the database."""
EFFECTS = {"id": "1", "rowid": "1", "action": "delete", "to": "SENT", "status": "GRANTED", "code": "el"}
"""What would do something, if it were taken from an address."""


class Counting(Browser):
    """A browser that counts how often it was refused."""

    refused = 0

    def _remember(self, answer: TestResponse) -> None:
        super()._remember(answer)
        self.refused += answer.status_code == 403


class Heading(Browser):
    """A browser that only ever asks for the head of a page."""

    def get(self, url: str, **kwargs: Any) -> TestResponse:
        return self.client.head(url, **kwargs)


def pages(world: World, browser: Browser) -> Iterator[tuple[str, TestResponse]]:
    """Every route that is read, about a row of the main unit where it is about one."""
    for line in lines():
        if line["method"] == "GET":
            yield line["endpoint"], cell_of(world, browser, line, "allowed").own()


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("username", READERS)
def test_reading_changes_nothing_but_the_trail(world: World, username: str) -> None:
    """ASVS 3.5.3: GET and HEAD on every route, and GET on every route that is for acting."""
    browser = world.client(username)
    before, sessions = state_of(world), all_rows(world)
    for reader in (browser, Heading(browser.client)):
        for _endpoint, answer in pages(world, reader):
            answer.close()
    acting = [rule for rule in world.app.url_map.iter_rules() if rule.methods and "GET" not in rule.methods]
    assert len(acting) > 40
    for rule in acting:
        address = re.sub(r"<[^>]*>", "el", rule.rule)
        answer = browser.get(address, query_string=EFFECTS)
        assert answer.status_code in (302, 404, 405), address
        assert answer.status_code != 302 or stays_here(answer.headers["Location"]), address
    assert_untouched(world, before, username)
    assert all_rows(world) == sessions
    assert is_in(browser)


@either_way
def test_a_page_that_changes_what_it_shows_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: a record's page that notes on the record that it was looked at."""
    monkeypatch.setattr(VisitView, "subtitle", lambda view, row: setattr(row, "action", "Προβλήθηκε") or "")
    with pytest.raises(AssertionError, match="Προβλήθηκε"):
        test_reading_changes_nothing_but_the_trail(world, "caseworker.main")


@either_way
@pytest.mark.parametrize("username", READERS)
def test_what_is_no_page_is_data_or_a_file_to_keep(calm_world: World, username: str) -> None:
    """ASVS 3.2.1: opened by itself, nothing but a page of ours is ever rendered as one."""
    kinds = set()
    for endpoint, answer in pages(calm_world, calm_world.client(username)):
        kind, is_file = answer.mimetype, "Content-Disposition" in answer.headers
        kinds.add(kind)
        assert answer.headers["X-Content-Type-Options"] == "nosniff", endpoint
        if kind == "text/html":
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8" and not is_file, endpoint
            assert re.search("[α-ω]", answer.data.decode("utf-8")) or answer.status_code == 302, endpoint
        elif endpoint in ("static", "asset"):
            assert kind in ("text/css", "text/javascript"), endpoint
        else:
            is_attached = answer.headers.get("Content-Disposition", "").startswith("attachment; ")
            assert kind == "application/json" or is_attached, f"{endpoint}: {kind}"
        answer.close()
    assert {"text/html", "application/json"} <= kinds


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [
            value or "" for name, value in attrs if name in ("href", "src", "action", "formaction", "data-url")
        ]


PLANTED = "javascript:alert(1)//"


@either_way
def test_no_page_leads_where_a_value_says(world: World) -> None:
    """ASVS 1.2.2: whatever stands in records, pages lead only within the house, or to a telephone or mailbox."""
    browser, admin = world.client("coordinator"), world.client("administrator")
    for table in ("beneficiary", "partner", "event", "visit", "referral", "household", "municipality"):
        writer = admin if table == "municipality" else browser
        key = world.rows["main"].get(table) or world.rows["shared"][table]
        form = writer.form(f"/admin/{table}/edit/?id={key}")
        texts = ("website", "remarks", "notes", "name", "title", "address", "request", "reason", "last_name")
        sent = {name: f"{PLANTED}{name}" for name in texts if name in form}
        assert sent and writer.post(f"/admin/{table}/edit/?id={key}", form | sent).status_code == 302, table
    seen = set()
    for reader in (browser, admin, world.client("supervisor")):
        for endpoint, answer in pages(world, reader):
            if answer.mimetype == "text/html":
                links = _Links()
                links.feed(answer.text)
                seen |= {endpoint} if PLANTED in answer.text else set()
                odd = [to for to in links.found if re.match(r"\s*[A-Za-z][\w+.-]*:|\s*//", to)]
                assert [to for to in odd if not to.startswith(("tel:", "mailto:"))] == [], endpoint
            answer.close()
    assert len(seen) > 8, "what was planted is not to be seen"


BREAKING = "</script><script>alert(1)</script>\u2028\\\"'`<!--"


@either_way
def test_data_for_scripts_holds_what_was_typed_and_nothing_else(world: World) -> None:
    """ASVS 1.2.3: JSON is parsed as JSON to the very text, and attributes that scripts read hold it whole."""
    browser, key = world.client("coordinator"), world.rows["main"]["beneficiary"]
    assert browser.submit(f"/admin/beneficiary/edit/?id={key}", last_name=f"Ωμέγα {BREAKING}").status_code == 302
    answer = browser.get("/admin/visit/ajax/lookup/", query_string={"name": "beneficiary_id", "query": "Ωμέγα"})
    ((number, name),) = answer.json
    assert number == key and f"Ωμέγα {BREAKING}" in name and answer.mimetype == "application/json"
    partner = world.rows["shared"]["partner"]
    assert browser.submit(f"/admin/partner/edit/?id={partner}", name=BREAKING).status_code == 302
    offered = browser.get("/admin/referral/filters/")
    assert offered.mimetype == "application/json" and isinstance(offered.json, dict)
    page = browser.get(f"/admin/beneficiary/details/?id={key}").text
    assert "<script>alert" not in page
    held: list[str] = []
    reader = HTMLParser()
    reader.handle_starttag = lambda tag, attrs: held.extend(v or "" for n, v in attrs if n.startswith("data-"))  # type: ignore[method-assign]
    reader.feed(page + browser.get("/admin/beneficiary/").text)
    assert any(BREAKING in each for each in held), "no attribute holds the name whole"


# --- acting -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_route_takes_the_token_of_another_session(world: World, scheme: str) -> None:
    """ASVS 3.5.1: that of somebody else, that of one's own other session, and one's own on a page of another site."""
    mine, again, other = (world.client(name) for name in ("coordinator", "coordinator", "caseworker.main"))
    for browser in (mine, again, other):
        browser.get("/password")
    tokens = {"of somebody else": other.token, "of one's own other session": again.token}
    elsewhere = {"Origin": "https://evil.example", "Referer": "https://evil.example/"}
    routes = post_routes(world.app)
    before, sessions = state_of(world), all_rows(world)
    for route in routes:
        for whose, token in tokens.items():
            data = {**EFFECTS, "csrf_token": token}
            answer = mine.client.post(f"{route}?id=1", data=data, base_url=f"{scheme}://localhost")
            assert answer.status_code == 400, f"{route} took the token {whose}"
        if scheme == "https":  # where the browser says from which page a form comes
            data = {**EFFECTS, "csrf_token": mine.token}
            answer = mine.client.post(f"{route}?id=1", data=data, headers=elsewhere, base_url="https://localhost")
            assert answer.status_code == 400, f"{route} took a form of another site"
    assert len(routes) > 60
    assert_untouched(world, before)
    assert all_rows(world) == sessions
    assert is_in(mine)


@pytest.mark.parametrize("role", ROLES[1:])
def test_every_refusal_leaves_one_entry(world: World, role: str) -> None:
    """ASVS 16.3.2: whatever the route, in the order in which it was tried."""
    confide(world, by="mediator" if role == "mediator" else "caseworker")
    username = f"{role}.main" if f"{role}.main" in USERS else role
    browser = Counting(world.client(username).client)
    browser.get("/password")
    before = len(refusals(world))
    closed = [line for line in lines() if line[role] == "refused"]
    for line in closed:
        cell_of(world, browser, line, "refused").own()
    told = [table for table, _details in refusals(world)[before:]]
    assert len(told) == browser.refused >= len(closed) > 20
    assert list(dict.fromkeys(told)) == list(dict.fromkeys(line["endpoint"].partition(".")[0] for line in closed))


# --- what a request says of itself ------------------------------------------------------------------------------------

SPOOFED = {
    "X-Forwarded-For": "8.8.8.8", "X-Real-IP": "8.8.8.8", "X-Client-IP": "8.8.8.8", "True-Client-IP": "8.8.8.8",
    "Forwarded": "for=8.8.8.8;proto=https;host=evil.example", "X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "on",
    "X-Forwarded-Host": "evil.example", "X-Forwarded-Port": "444", "X-Forwarded-Prefix": "/evil", "X-Script-Name": "/evil",
    "X-Original-URL": "/admin/user/", "X-Rewrite-URL": "/admin/user/", "X-HTTP-Method-Override": "DELETE",
    "X-User": "administrator", "X-Remote-User": "administrator", "Remote-User": "administrator", "X-Role": "administrator",
    "Authorization": "Basic YWRtaW5pc3RyYXRvcjp4",
}  # fmt: skip


def test_a_request_is_not_believed_what_it_says_of_itself(world: World) -> None:
    """ASVS 4.1.3: neither who asks, nor from where, nor how, nor for what."""
    browser = world.client("reception.main")
    for url in ("/admin/", "/admin/beneficiary/", "/admin/user/", "/admin/beneficiary", "/accessibility", "/nowhere"):
        honest, spoofed = browser.get(url), browser.get(url, headers=SPOOFED)
        assert plain(spoofed) == plain(honest), url
        assert "Strict-Transport-Security" not in spoofed.headers and "evil" not in str(spoofed.headers), url
    stranger = world.client()
    assert stranger.get("/admin/", headers=SPOOFED).headers["Location"] == "/login"
    sent = {"username": "supervisor", "password": "x"}
    for n in range(6):
        stranger.get("/login")
        headers = {**SPOOFED, "X-Forwarded-For": f"8.8.8.{n}"}
        stranger.client.post("/login", data={**sent, "csrf_token": stranger.token}, headers=headers)
    told = [details or "" for kind, details in refusals(world) if kind == "login"]
    assert len(told) == 1, "the sixth try counts with those before it, wherever it says that it comes from"
    assert set(world.query(sa.select(AuditEntry.ip).where(AuditEntry.ip.is_not(None)))) == {"127.0.0.1"}


def test_a_host_that_was_made_up_goes_nowhere(world: World) -> None:
    """No address of ours repeats the host that a request names."""
    browser = world.client("coordinator")
    for url in ("/", "/admin/beneficiary", "/admin/", "/login", "/admin/report/", "/profile/factor"):
        answer = browser.get(url, headers={"Host": "evil.example"})
        assert "evil.example" not in answer.text + str(answer.headers), url
    answer = browser.client.post("/logout", data={"csrf_token": browser.token}, headers={"Host": "evil.example"})
    assert "evil.example" not in answer.text + str(answer.headers)


@either_way
def test_no_address_leads_to_a_file_of_the_server(calm_world: World) -> None:
    """ASVS 5.3.2: every line of the traversal list, in every address that names a file or a kind of file."""
    browser = calm_world.client("coordinator")
    listed = (TEXTS / "patt-traversal.txt").read_text(encoding="utf-8").splitlines()
    lines_ = [line.strip() for line in listed if line.strip()]
    own = [
        "../app.py",
        "..%2fapp.py",
        "%2e%2e/instance/secret_key",
        "/etc/passwd",
        "....//app.py",
        "..\\app.py",
        "kentro.css/../../app.py",
    ]
    assert len(lines_) > 100
    for line in (*lines_, *own):
        for place in ("/static/", "/assets/", "/admin/visit/export/"):
            for said in (line, quote(line, safe=""), quote(quote(line, safe=""), safe="")):
                answer = browser.client.get(place + said.lstrip("/"))
                assert answer.status_code in (302, 308, 400, 403, 404, 405), place + said
                assert b"root:" not in answer.data and b"create_app" not in answer.data, place + said
                answer.close()


BOXES = ("last_name", "first_name", "father_name", "mother_name", "address", "area", "remarks")


@either_way
def test_nothing_in_a_value_is_worked_out(world: World) -> None:
    """ASVS 1.3.7: every line of the template-injection list stays what it is, on page, form and list."""
    browser, key = world.client("coordinator"), world.rows["main"]["beneficiary"]
    listed = (TEXTS / "patt-ssti.txt").read_text(encoding="utf-8").splitlines()
    sums = [
        "{{ 7191 * 11 }}",
        "{% print(7191 * 11) %}",
        "${7191*11}",
        "#{7191*11}",
        "<%= 7191*11 %>",
        "{7191*11}",
        "[[7191*11]]",
    ]
    lines_ = [*sums, *(line.strip() for line in listed if line.strip())]
    assert len(lines_) > 80
    url, details = f"/admin/beneficiary/edit/?id={key}", f"/admin/beneficiary/details/?id={key}"
    for start in range(0, len(lines_), len(BOXES)):
        some = [*lines_[start : start + len(BOXES)], *sums][: len(BOXES)]
        sent = {box: line[: fields(Beneficiary)[box].length] for box, line in zip(BOXES, some, strict=True)}
        assert browser.post(url, {**browser.form(url), **sent}).status_code == 302, some
        assert not any("79101" in browser.get(at).text for at in (url, details, "/admin/beneficiary/")), some
        kept = world.one(Beneficiary, key)
        assert {box: getattr(kept, box) for box in BOXES} == {box: line.strip() for box, line in sent.items()}


def test_doubled_parameters_do_not_mix(world: World) -> None:
    """ASVS 15.3.7: of two numbers in an address the first counts or none, and one in the body never goes with one in the address."""
    browser, mine, theirs = world.client("caseworker.main"), world.rows["main"], world.rows["roma"]
    for page, status in (("details", 200), ("edit", 404)):
        url, own, foreign = f"/admin/visit/{page}/", mine["visit"], theirs["visit"]
        both = browser.get(f"{url}?id={own}&id={foreign}")
        assert both.status_code == status and CANARY["roma"] not in both.text
        assert browser.get(f"{url}?id={foreign}&id={own}").status_code == 404
    before = state_of(world)
    for query, body in ((own, foreign), (foreign, own)):
        for address, sent in (
            (f"/admin/visit/details/?id={query}", {"id": body}),
            (f"/admin/visit/delete/?id={query}", {"id": [foreign, own]}),
            (f"/admin/visit/action/?rowid={query}", {"rowid": [own, foreign], "action": ["delete", "review"]}),
            (
                f"/admin/referral/move/?id={theirs['referral']}&id={mine['referral']}",
                {"id": mine["referral"], "to": "SENT"},
            ),
            (f"/admin/visit/edit/?id={foreign}&id={own}", {"id": own, "request": "x"}),
        ):
            assert browser.post(address, sent).status_code in (302, 404, 405), address
    assert_untouched(world, before)
    form = browser.form(f"/admin/visit/edit/?id={own}")
    sent = {**form, "id": [str(foreign)], "unit_id": [str(theirs["unit"])], "request": ["πρώτο", "δεύτερο"]}
    assert browser.post(f"/admin/visit/edit/?id={own}&unit_id={theirs['unit']}&request=x", sent).status_code == 302
    kept, other = world.one(Visit, own), world.one(Visit, foreign)
    assert (kept.request, kept.unit_id) == ("πρώτο", mine["unit"])
    assert (other.request, other.unit_id) == (CANARY["roma"], theirs["unit"])
    for sent in ({"url": "//evil.example/"}, {"url": ["/admin/", "//evil.example/"]}):
        again = {**browser.form(f"/admin/visit/edit/?id={own}"), **sent}
        answer = browser.post(f"/admin/visit/edit/?id={own}&url=/admin/visit/&url=//evil.example/", again)
        assert answer.status_code == 404 or stays_here(answer.headers["Location"].removeprefix("http://localhost"))
