"""Route × role: tests/matrix.csv says who may go where, and every cell of it is tried on the running application.

allowed  answers, and does what it is for
own      the same for a row of the user's own unit; a row of the other unit is a 404
idle     answers, but changes nothing: a reader's bulk action
missing  404, whatever is asked for: the route leads nowhere for this role
refused  403
login    sends the stranger to the sign-in page
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from db import Base, Kind, fields
from models import AuditReview, Membership, Scoped, User, today
from seed import builders
from tests.answers import add, filled
from tests.conftest import make_app
from tests.walls import SCREENS, assert_untouched, state_of
from tests.world import PASSWORD, SINGLE_UNIT_ROLES, USERS, Browser, World
from vocabulary import Confidence

MATRIX = Path(__file__).with_name("matrix.csv")
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
CELLS = {"allowed", "own", "idle", "missing", "refused", "login"}
MODELS = {screen.model.__tablename__: screen.model for screen in SCREENS}
NEXT_STATES = {"appointment": "ARRIVED", "referral": "SENT", "application": "DOCS"}


def lines() -> list[dict[str, str]]:
    with MATRIX.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


ROLES = [name for name in lines()[0] if name not in ("endpoint", "method")]


def routes(app: Flask) -> set[tuple[str, str]]:
    return {
        (rule.endpoint, method) for rule in app.url_map.iter_rules() for method in (rule.methods or set()) & METHODS
    }


# --- the file ---------------------------------------------------------------------------------------------------------


def unlike_the_file(app: Flask) -> set[tuple[str, str]]:
    """Routes that the file does not name, and lines that name no route."""
    said = [(line["endpoint"], line["method"]) for line in lines()]
    assert len(said) == len(set(said)), "a line stands twice"
    return routes(app) ^ set(said)


def test_every_route_is_in_the_file_and_no_other(calm_world: World) -> None:
    assert not unlike_the_file(calm_world.app)


def test_a_route_that_nobody_listed_is_seen() -> None:
    """A planted one: in a view, on the application, and by another method of a known address."""
    app = make_app("sqlite://")
    app.add_url_rule("/planted", "planted", lambda: "")
    app.url_map.add(Rule("/healthz", endpoint="healthz", methods=["PUT"]))
    app.url_map.add(Rule("/admin/visit/planted/", endpoint="visit.planted_view", methods=["GET"]))
    assert unlike_the_file(app) == {("planted", "GET"), ("healthz", "PUT"), ("visit.planted_view", "GET")}


ABOUT_A_ROW = ("details_view", "edit_view", "delete_view", "move_view", "review_view", "letter_view", "action_view")


def test_rows_of_a_unit_are_open_to_their_own_unit_alone() -> None:
    """A row's route that is merely «allowed» to somebody of one unit would not be tried with the other unit's row."""
    for line in lines():
        table, _dot, route = line["endpoint"].partition(".")
        if table in MODELS and issubclass(MODELS[table], Scoped) and route in ABOUT_A_ROW:
            for role in SINGLE_UNIT_ROLES:
                assert line[role.value] != "allowed", line


def test_file_is_whole() -> None:
    assert [f"{role}.main" in USERS or role in USERS or role == "anonymous" for role in ROLES] == [True] * 7
    for line in lines():
        assert {line[role] for role in ROLES} <= CELLS, line


# --- the cells --------------------------------------------------------------------------------------------------------


@dataclass
class Cell:
    """One route, one method, one role: what the file says of it, and how it is tried."""

    endpoint: str
    method: str
    word: str
    own: Callable[[], TestResponse]
    foreign: Callable[[], TestResponse]

    @property
    def table(self) -> str:
        return self.endpoint.partition(".")[0]

    @property
    def route(self) -> str:
        return self.endpoint.partition(".")[2]

    def __str__(self) -> str:
        return f"{self.method} {self.endpoint} ({self.word})"


@pytest.mark.parametrize("role", ROLES)
def test_cells(world: World, role: str) -> None:
    """Closed cells first, which must leave the database as it is; then reading, writing, deleting, and signing out."""
    confide(world, by="mediator" if role == "mediator" else "caseworker")
    browser = world.client(None if role == "anonymous" else f"{role}.main" if f"{role}.main" in USERS else role)
    cells = [cell_of(world, browser, line, line[role]) for line in lines()]
    closed = [cell for cell in cells if cell.word not in ("allowed", "own")]
    before, wrong = state_of(world), []
    for cell in closed:
        wrong += problems(cell)
    assert not wrong
    assert_untouched(world, before, role)
    for cell in sorted((cell for cell in cells if cell.word in ("allowed", "own")), key=turn):
        wrong += problems(cell)
        if cell.route == "action_view" and cell.table != "audit_entry":
            wrong += [f"{cell}: the row still stands"] * (newest(world, cell.table) == created.get(cell.table))
    assert not wrong
    assert role != "supervisor" or world.query(sa.select(AuditReview.id))
    assert browser.get("/admin/").status_code == 302, "signed out, yet still in"


created: dict[str, int | None] = {}


def problems(cell: Cell) -> list[str]:
    """What is not as the file says."""
    answer = cell.own()
    where, status = answer.headers.get("Location", ""), answer.status_code
    answer.close()
    if cell.word == "own" and (seen := cell.foreign().status_code) != 404:
        return [f"{cell}: {seen} for the other unit's row"]
    right = {
        "refused": status == 403,
        "missing": status == 404,
        "login": status == 302 and where.startswith("/login"),
        "idle": status == 302 and not where.startswith("/login"),
    }.get(cell.word, is_done(cell, status, where))
    return [] if right else [f"{cell}: {status} {where}"]


def is_done(cell: Cell, status: int, where: str) -> bool:
    """A form that is taken leads on; a page stands."""
    if cell.endpoint == "auth.logout":
        return status == 302 and where == "/login"
    if cell.method == "POST" and cell.table in MODELS:
        # A change of state that cannot be made is said in its dialog.
        return status in ((200, 302) if cell.endpoint.endswith(".move_view") else (302,)) and not where.startswith(
            "/login"
        )
    leads_on = cell.endpoint in (
        "home", "auth.login", "auth.code", "auth.end_others", "auth.remove", "auth.language", "audit_entry.sample_view",
        "oversight.draw",
    )  # fmt: skip
    return status in ((200, 302) if leads_on else (200,)) and not where.startswith("/login")


def turn(cell: Cell) -> tuple[int, int]:
    """Reading before writing before deleting; what hangs on others is made after them and deleted before them."""
    tables = [table.name for table in Base.metadata.sorted_tables]
    place = tables.index(cell.table) if cell.table in tables else 0
    step = (
        ["action_view", "delete_view", "logout"].index(cell.route) + 2
        if cell.route in ("action_view", "delete_view", "logout")
        else cell.method == "POST"
    )
    return int(step), -place if step > 1 else place


def confide(world: World, by: str) -> None:
    """In each unit a note that every reader of notes there may read, and that its author may change."""
    for code in ("main", "roma"):
        person = world.one(MODELS["beneficiary"], world.rows[code]["beneficiary"])
        author = User(id=world.users[f"{by}.{code}"])
        note = add(world, builders.case_note(person, author, confidence=Confidence.UNIT, on=today()))
        world.rows = {**world.rows, code: {**world.rows[code], "case_note": note}}


def test_a_wrong_cell_is_seen(world: World) -> None:
    """Planted: a closed route said to be open, an open one said to be closed, another unit's row said to be one's own."""
    browser = world.client("reception.main")
    for endpoint, wrong in (("service.index_view", "allowed"), ("visit.index_view", "refused")):
        line = next(line for line in lines() if line["endpoint"] == endpoint)
        assert problems(cell_of(world, browser, line, line["reception"])) == []
        assert problems(cell_of(world, browser, line, wrong)), endpoint
    details = next(line for line in lines() if line["endpoint"] == "visit.details_view")
    coordinator = world.client("coordinator")
    assert problems(cell_of(world, coordinator, details, "own")) == [
        "GET visit.details_view (own): 200 for the other unit's row"
    ]


# --- the gate ---------------------------------------------------------------------------------------------------------


def test_no_view_answers_at_a_route_that_it_does_not_name(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    views = world.app.extensions["admin"][0]._views
    browsers = [world.client(name) for name in ("coordinator", "supervisor", "administrator", "caseworker.main")]
    opened = [(b, v) for b in browsers for v in views if b.get(f"{v.url}/").status_code == 200]
    assert {view for _browser, view in opened} == set(views)
    for view in views:
        monkeypatch.setattr(view, "routes", dict)
    assert [v.endpoint for b, v in opened if b.get(f"{v.url}/").status_code != 403] == []


def test_whoever_signs_in_comes_back_to_what_was_asked_for(calm_world: World) -> None:
    stranger = calm_world.client()
    for asked in ("/admin/report/", "/admin/visit/"):
        answer = stranger.get(asked)
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/login?next={asked}?")
    assert stranger.get("/admin/").headers["Location"] == "/login", "that is where signing in leads by itself"


# --- how each route is tried ------------------------------------------------------------------------------------------


def cell_of(world: World, browser: Browser, line: dict[str, str], word: str) -> Cell:
    """The trial of a line, with what it sends made ready."""
    endpoint, method = line["endpoint"], line["method"]
    table, _dot, route = endpoint.partition(".")
    if table not in MODELS:
        return Cell(endpoint, method, word, lambda: PLAIN[endpoint, method](browser), lambda: browser.get("/nowhere"))
    sent = new_row(world, table) if route == "create_view" and method == "POST" else {}

    def trial(code: str) -> Callable[[], TestResponse]:
        return lambda: on_row(world, browser, table, route, method, code, sent)

    return Cell(endpoint, method, word, trial("main"), trial("roma"))


def on_row(
    world: World, browser: Browser, table: str, route: str, method: str, code: str, sent: dict[str, Any]
) -> TestResponse:
    """One request to a screen's route, about a row of this unit where the route is about a row."""
    url, key = f"/admin/{table}", number(world, table, code)
    link = next((n for n, f in fields(MODELS[table]).items() if f.kind == Kind.LINK), "none")
    match route, method:
        case "index_view", _:
            return browser.get(f"{url}/")
        case "details_view", _:
            return browser.get(f"{url}/details/?id={key}")
        case "create_view", "GET":
            return browser.get(f"{url}/new/")
        case "create_view", "POST":
            answer = browser.post(f"{url}/new/", sent)
            created[table] = newest(world, table)
            return answer
        case "edit_view", "GET":
            return browser.get(f"{url}/edit/?id={key}")
        case "edit_view", "POST":
            return browser.submit(f"{url}/edit/?id={key}")
        case "delete_view", _:
            return browser.post(f"{url}/delete/", id=key)
        case "action_view", _:
            row = key if code == "roma" else newest(world, table)
            return browser.post(f"{url}/action/", action="review" if table == "audit_entry" else "delete", rowid=row)
        case "move_view", _:
            return browser.post(f"{url}/move/?id={key}", to=NEXT_STATES.get(table, ""), on="01/02/2026")
        case "export", _:
            return browser.get(f"{url}/export/xlsx/")
        case "filters_view", _:
            return browser.get(f"{url}/filters/")
        case "ajax_lookup", _:
            return browser.get(f"{url}/ajax/lookup/?name={link}")
        case "ajax_update", _:
            return browser.post(f"{url}/ajax/update/", list_form_pk=key, name="x")
        case "end_sessions_view" | "reset_factor_view", _:
            return browser.post(f"{url}/{route.removesuffix('_view')}/?id={key}")
        case "review_view", _:
            return browser.post(f"{url}/review/?id={key}", verdict="REVIEWED", comment="x")
        case "letter_view", _:
            return browser.get(f"{url}/letter/?id={key}")
        case "decide_view", "GET":
            return browser.get(f"{url}/decide/?id={key}")
        case "decide_view", _:
            return browser.post(f"{url}/decide/?id={key}", status="REFUSED", answer="x")
        case "emergency_view", "GET":
            return browser.get(f"{url}/emergency/")
        case "emergency_view", _:
            amka = world.one(MODELS["beneficiary"], world.rows["roma"]["beneficiary"]).amka
            return browser.post(f"{url}/emergency/", amka=amka, reason="x")
        case "file_view", _:
            return browser.get(f"{url}/file/?id={key}")
        case "paper_view", _:
            return browser.get(f"{url}/paper/?id={key}")
        case "pairs_view", _:
            return browser.get(f"{url}/pairs/")
        case "sample_view", _:
            return browser.get(f"{url}/sample/")
    raise AssertionError(f"say here how {table}.{route} is tried")


PLAIN: dict[tuple[str, str], Callable[[Browser], TestResponse]] = {
    ("home", "GET"): lambda b: b.get("/"),
    ("accessibility", "GET"): lambda b: b.get("/accessibility"),
    ("healthz", "GET"): lambda b: b.get("/healthz"),
    ("static", "GET"): lambda b: b.get("/static/kentro.css"),
    ("asset", "GET"): lambda b: b.get("/assets/all.css"),
    ("admin.index", "GET"): lambda b: b.get("/admin/"),
    ("report.index", "GET"): lambda b: b.get("/admin/report/"),
    ("report.index", "POST"): lambda b: b.post("/admin/report/", month=f"{today():%Y-%m}", unit=""),
    ("referral_received.index", "GET"): lambda b: b.get("/admin/referral_received/"),
    ("referral_received.file_view", "GET"): lambda b: b.get("/admin/referral_received/file/?id=1"),
    ("referral_received.file_view", "POST"): lambda b: b.post("/admin/referral_received/file/?id=1", status="RECEIVED"),
    ("audit_answer.index", "GET"): lambda b: b.get("/admin/audit_answer/"),
    ("audit_answer.answer", "GET"): lambda b: b.get("/admin/audit_answer/answer/?id=1"),
    ("audit_answer.answer", "POST"): lambda b: b.post("/admin/audit_answer/answer/?id=1", answer="x"),
    ("audit_finding.index_view", "GET"): lambda b: b.get("/admin/audit_finding/"),
    ("audit_finding.settle", "GET"): lambda b: b.get("/admin/audit_finding/settle/?key=x"),
    ("audit_finding.settle", "POST"): lambda b: b.post("/admin/audit_finding/settle/?key=x", comment="x"),
    ("audit_finding.export", "GET"): lambda b: b.get("/admin/audit_finding/export/"),
    ("oversight.index", "GET"): lambda b: b.get("/admin/oversight/"),
    ("oversight.draw", "POST"): lambda b: b.post("/admin/oversight/draw/"),
    ("oversight.person", "GET"): lambda b: b.get("/admin/oversight/person/?id=1"),
    ("oversight.user", "GET"): lambda b: b.get("/admin/oversight/user/?id=1"),
    ("supervision.index", "GET"): lambda b: b.get("/admin/supervision/"),
    ("rights.index", "GET"): lambda b: b.get("/admin/rights/"),
    ("rights.person_view", "GET"): lambda b: b.get("/admin/rights/person/?id=1"),
    ("rights.copy_view", "GET"): lambda b: b.get("/admin/rights/copy/xlsx/?id=1"),
    ("rights.restrict_view", "POST"): lambda b: b.post("/admin/rights/restrict/?id=999999"),
    ("rights.erase_view", "POST"): lambda b: b.post("/admin/rights/erase/?id=999999", reason="x", registry_number="x"),
    ("rights.carry_out_view", "POST"): lambda b: b.post("/admin/rights/carry_out/", reason="x", fingerprint="x"),
    ("auth.login", "GET"): lambda b: b.get("/login"),
    ("auth.login", "POST"): lambda b: b.post("/login", username="reception.main", password=f"λάθος {PASSWORD}"),
    ("auth.code", "GET"): lambda b: b.get("/login/code"),
    ("auth.code", "POST"): lambda b: b.post("/login/code", code="000000"),
    ("auth.confirm", "GET"): lambda b: b.get("/confirm"),
    ("auth.confirm", "POST"): lambda b: b.post("/confirm", {"confirm-password": "λάθος"}),
    ("auth.profile", "GET"): lambda b: b.get("/profile"),
    ("auth.end_session", "POST"): lambda b: b.post("/profile/sessions/end", id=1_000_000),
    ("auth.end_others", "POST"): lambda b: b.post("/profile/sessions/end-others"),
    ("auth.factor", "GET"): lambda b: b.get("/profile/factor"),
    ("auth.factor", "POST"): lambda b: b.post("/profile/factor", code="000000"),
    ("auth.recovery_codes", "POST"): lambda b: b.post("/profile/factor/codes"),
    ("auth.remove", "POST"): lambda b: b.post("/profile/factor/remove"),
    ("auth.logout", "POST"): lambda b: b.post("/logout"),
    ("auth.language", "POST"): lambda b: b.post("/language/el"),
    ("auth.password", "GET"): lambda b: b.get("/password"),
    ("auth.password", "POST"): lambda b: b.post("/password", current="λάθος", new="x", again="x"),
}


def number(world: World, table: str, code: str) -> int:
    """A row of the table: the unit's own, or one of those that belong to none."""
    if table == "user":
        return world.users[f"mediator.{code}"]
    if table == "membership":
        mine = sa.select(Membership.id).where(Membership.user_id == world.users[f"reception.{code}"])
        return int(world.query(mine)[0])
    return world.rows[code].get(table) or world.rows["shared"].get(table) or 1


def newest(world: World, table: str) -> int | None:
    """The last row made in the main unit, or anywhere for tables that are everybody's."""
    model: Any = MODELS[table]
    rows = sa.select(sa.func.max(model.id))
    if issubclass(model, Scoped):
        rows = rows.where(model.unit_id == world.rows["main"]["unit"])
    found: list[int | None] = world.query(rows)
    return found[0]


def new_row(world: World, table: str) -> dict[str, Any]:
    """What a clerk sends to make a row."""
    sent = filled(world, MODELS[table])
    return sent | {"membership": {"user_id": world.users["unitless"]}, "case_note": {"is_clinical": ""}}.get(table, {})
