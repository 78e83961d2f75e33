"""Two installations that differ only in one unit's rows, and everything that can be asked of them."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple
from zlib import crc32

import sqlalchemy as sa
import time_machine
from flask import Flask
from sqlalchemy import orm
from werkzeug.test import TestResponse

import audit
import policy
from db import Kind, Record, begin_write, db, fields, link_target
from models import Beneficiary, Scoped, Unit, User, now
from seed import builders
from tests import markup
from tests.answers import CHECKED, filled
from tests.walls import NEVER, SCREENS
from tests.world import CANARY, Browser, World, _one_of_each, scoped_models
from vocabulary import Confidence, Role

OTHER_BIRD = "Τσαλαπετεινός"
"""Stands in the texts of the rows that only the changed installation has."""
NOBODY = "Ουδενίδης"
MANY = 60  # more than a page of a list holds
ROLES = (Role.RECEPTION, Role.CASEWORKER, Role.MEDIATOR)

NORMALISED = {
    "csrf token": re.compile(r'(?:name|id)="csrf_token"[^>]*value="([^"]*)"'),
    "form token": re.compile(r'(?:name|id)="form_token"[^>]*value="([^"]*)"'),
    "saved form token": re.compile(r'data-saved="([^"]*)"'),
    # Where a message leads to a row that an earlier form of the same reader made: NEW_NUMBER.
    "number of a row made here": re.compile(r'/admin/\w+/details/\?id=(\d+)">Δοκιμή'),
}
"""All that may differ between the two answers: random, and made anew for every request. Beside them the session cookie,
whose value is not compared. Clocks are stopped, so that times need no leave."""

NEW_NUMBER = re.compile(r"/admin/\w+/details/\?id=(\d+)")
"""Where a saved form leads to. Numbers of rows run across units: docs/decisions/0018."""


# --- the other life ---------------------------------------------------------------------------------------------------


def change(house: Any, code: str) -> dict[str, int]:
    """Lead the unit another life: every text another, some rows gone, many more of each kind. Returns new rows' numbers."""
    with house.app.app_context():
        policy.bind(db.session, policy.SYSTEM)
        begin_write()
        unit = db.session.get_one(Unit, house.rows[code]["unit"])
        _rename(unit)
        for table in ("event_attendance", "volunteer_hours", "household_member", "distribution"):
            db.session.delete(db.session.get_one(_model(table), house.rows[code][table]))
        db.session.flush()
        sa.event.listen(db.session, "before_flush", _number)
        found = _more(house, unit, code)
        audit.commit(db.session)
        found["user"] = found.pop("staff")
    house.keep()
    return found


def _number(session: Any, context: object, instances: object) -> None:
    """Numbers that no row of the other installation will ever have."""
    for row in session.new:
        if isinstance(row, Record) and row.id is None:
            row.id = next(_numbers)


_numbers = itertools.count(500_000)


def _model(table: str) -> Any:
    return next(model for model in scoped_models() if model.__tablename__ == table)


def _rename(unit: Unit) -> None:
    for model in scoped_models():
        for row in db.session.scalars(sa.select(model).where(model.unit_id == unit.id)):  # type: ignore[attr-defined]
            for name, column in fields(model).items():
                if column.kind in (Kind.TEXT, Kind.LONG_TEXT) and column.form and getattr(row, name):
                    setattr(row, name, CHECKED[column.check](700 + row.id) if column.check else f"{OTHER_BIRD} {row.id}")  # fmt: skip


def _more(house: Any, unit: Unit, code: str) -> dict[str, int]:
    """People with the readers' own people's names and numbers among them, or with nobody's."""
    here = next(other for other in CANARY if other != code)
    session = db.session
    staff = builders.user(Role.CASEWORKER, [unit], username="new.staff", full_name=f"Χρήστης {OTHER_BIRD}")
    session.add(staff)
    session.get_one(User, house.users[f"mediator.{code}"]).is_active = False
    shared = [
        session.get_one(_any(table), house.rows["shared"][table]) for table in ("service", "programme", "partner")
    ]
    session.flush()
    found = {"staff": staff.id}
    for row in _one_of_each(session, unit, staff, {}, OTHER_BIRD, *shared):
        found[row.__tablename__] = row.id
    own = session.get_one(Beneficiary, house.rows[here]["beneficiary"])
    same = {name: getattr(own, name) for name in ("last_name", "first_name", "father_name", "amka", "afm", "mobile")}
    session.add(builders.beneficiary(unit, **same))
    people = [builders.beneficiary(unit, last_name=OTHER_BIRD, amka=None) for _ in range(MANY)]
    session.add_all(people)
    session.flush()
    for person in people:
        session.add_all([builders.visit(unit, staff, person), builders.appointment(unit, staff, person)])
        session.add(builders.case_note(person, staff, confidence=Confidence.UNIT))
    session.flush()
    return found


def _any(table: str) -> Any:
    return next(screen.model for screen in SCREENS if screen.model.__tablename__ == table)


# --- asking both ------------------------------------------------------------------------------------------------------


class Ask(NamedTuple):
    """One request."""

    method: str
    url: str
    data: dict[str, Any] = {}

    def __str__(self) -> str:
        return f"{self.method} {self.url} {self.data or ''}"


class Answer(NamedTuple):
    """All that a reader gets, and what the database was asked for it: as many statements, and the same ones."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    statements: list[str]


@dataclass
class Installation:
    """An application, somebody signed in to it, and the statements that it sends to its database."""

    app: Flask
    browser: Browser
    statements: list[str] = field(default_factory=list)

    def answer(self, ask: Ask) -> Answer:
        """What this installation says, without what is random."""
        if not self.browser.token:
            self.browser.get("/password")
        self.statements.clear()
        raw = self.browser.post(ask.url, ask.data) if ask.method == "POST" else self.browser.get(ask.url)
        body, headers = _plain(raw)
        raw.close()
        return Answer(raw.status_code, headers, body, list(self.statements))


def _plain(raw: TestResponse) -> tuple[bytes, list[tuple[str, str]]]:
    headers = dict(raw.headers) | ({"Set-Cookie": "…"} if "Set-Cookie" in raw.headers else {})
    headers.pop("Content-Length", None)  # said of the body before what is random was taken out of it
    if raw.mimetype != "text/html":
        return raw.data, sorted(headers.items())
    patterns = [*NORMALISED.values(), *([NEW_NUMBER] if raw.status_code == 302 else [])]
    headers["Location"] = _without(patterns, headers.get("Location", ""))
    return _without(patterns, raw.text).encode(), sorted(headers.items())


def _without(patterns: list[re.Pattern[str]], text: str) -> str:
    for pattern in patterns:
        text = pattern.sub(lambda found: found[0].replace(found[1], "…") if found[1] else found[0], text)
    return text


@contextlib.contextmanager
def both(worlds: tuple[World, World], username: str) -> Iterator[tuple[Installation, Installation, Any]]:
    """Both installations with the same reader signed in at the same moment; the clock moves only when told."""
    with time_machine.travel(now(), tick=False) as clock, contextlib.ExitStack() as stack:
        pair = []
        for world in worlds:
            installation = Installation(world.app, world.client(username))
            stack.enter_context(_listening(installation))
            pair.append(installation)
        yield pair[0], pair[1], clock


@contextlib.contextmanager
def _listening(installation: Installation) -> Iterator[None]:
    def hear(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        installation.statements.append(f"{statement} × {len(parameters) if many else 1}")

    with installation.app.app_context():
        engine = db.engine
    sa.event.listen(engine, "before_cursor_execute", hear)
    try:
        yield
    finally:
        sa.event.remove(engine, "before_cursor_execute", hear)


def unlike(first: Answer, second: Answer) -> str:
    """How two answers differ, in a line; empty when they are alike."""
    for name, one, other in zip(Answer._fields, first, second, strict=True):
        if one != other and name == "status":
            return f"status: {one} ≠ {other}"
        if one != other:
            long: Any = max(one, other, key=len)  # type: ignore[call-overload]
            at = next(
                (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
            )  # type: ignore[arg-type]
            around = slice(max(at - 60, 0), at + 80) if name == "body" else slice(at, at + 1)
            return f"{name}: {one[around]!r} ≠ {other[around]!r} ({len(long)})"  # type: ignore[index]
    return ""


def plain_installation(house: Any) -> World:
    """A world of its own over the house. Its pages were held against the HTML standard by other tests."""
    house.app.after_request_funcs[None].remove(markup.keep)
    return World(house.app, house.dialect, house.rows, house.users)


def hole_for(model: Any) -> Callable[..., Any]:
    """For tests of the tests: the wall's criteria (policy._criteria) without those of one table."""
    real = policy._criteria

    def criteria(user_id: int | None, role: Role | None, unit_ids: tuple[int, ...]) -> tuple[Any, ...]:
        others = [each for each in scoped_models() if each is not model and role not in policy.EVERY_UNIT]
        own = [orm.with_loader_criteria(each, each.unit_id.in_(unit_ids), include_aliases=True) for each in others]  # type: ignore[attr-defined]
        return (*(each for each in real(user_id, role, unit_ids) if each.root_entity is not Scoped), *own)

    return criteria


# --- everything that can be asked -------------------------------------------------------------------------------------


@dataclass
class Asker:
    """Makes the requests of one reader, from the routes, the screens' declarations and what the filters offer.

    Pages are asked for by every role. What varies a page (a sort, a search, a filter's choice, a look-up, a sent form)
    runs over the same rows for all roles of a unit: they share it out, each kind among those who may have it.
    """

    world: World
    browser: Browser
    here: str
    there: str
    role: Role
    new: dict[str, int]
    """The rows that only the changed installation has."""
    half: int
    """Which half of a filter's choices is asked here; the other half is asked in the other unit."""
    is_thin: bool
    """The other variations are halved in the same way."""

    def pages(self) -> Iterator[Ask]:
        """Every page, as it opens."""
        for rule, screen, route in self._routes("GET"):
            yield from (Ask("GET", url) for url in (self._pages(screen, route) if screen else PAGES[rule.endpoint]))
        yield from (Ask("GET", url) for url in ("/nowhere", "/admin/nowhere/", "/admin/beneficiary", "/admin/report"))

    def varied(self) -> Iterator[Ask]:
        """Every variation of a page that falls to this role."""
        for _rule, screen, route in self._routes("GET"):
            for url, column in self._variations(screen, route) if screen else ():
                there = self.is_thin and "flt0" not in url and crc32(url.encode()) % 2 == self.half
                if not there and self._falls_to_me(url, screen.model, "read", column):
                    yield Ask("GET", url)

    def writes(self) -> Iterator[Ask]:
        """Every form that falls to this role: about a row of the other unit, about none, and pointing at either."""
        for _rule, screen, route in self._routes("POST"):
            for url, data in self._forms(screen.model, route) if screen else ():
                if self._falls_to_me(f"{url}{data}", screen.model, screen.routes().get(route, "read")):
                    yield Ask("POST", url, data)

    def _routes(self, method: str) -> Iterator[tuple[Any, Any, str]]:
        for rule in self.world.app.url_map.iter_rules():
            table, _dot, route = rule.endpoint.rpartition(".")
            if method in (rule.methods or ()):
                yield rule, self._screens.get(table), route

    @cached_property
    def _screens(self) -> dict[str, Any]:
        views = self.world.app.extensions["admin"][0]._views
        return {view.endpoint: view for view in views if hasattr(view, "model")}

    def _falls_to_me(self, said: str, model: Any, action: str, column: str = "") -> bool:
        table = model.__tablename__
        may = [role for role in ROLES if role in policy.PERMISSIONS.get((table, action), ())]
        takers = [role for role in may if column not in policy.hidden_from(role, model)]
        # One in ten of those that nobody may have, to see that refusals are alike too.
        return takers[crc32(said.encode()) % len(takers)] == self.role if takers else crc32(said.encode()) % 10 == 0

    # --- pages of a screen ---

    def _pages(self, screen: Any, route: str) -> Iterator[str]:
        table = screen.model.__tablename__
        url = f"/admin/{table}"
        match route:
            case "index_view":
                yield f"{url}/"
            case "filters_view" | "sample_view" | "pairs_view" | "emergency_view":
                yield f"{url}/{route.removesuffix('_view')}/"
            case (
                "details_view" | "edit_view" | "letter_view" | "delete_view" | "move_view" | "review_view"
                | "decide_view" | "file_view"
            ):  # fmt: skip
                yield from (f"{url}/{route.removesuffix('_view')}/?id={key}" for key in self.keys(table)[:4])
            case "create_view":
                yield f"{url}/new/"
            case "paper_view":
                yield f"{url}/paper/?id=1"
            case "export":
                yield f"{url}/export/xlsx/"
            case "ajax_lookup":
                yield f"{url}/ajax/lookup/?name=remarks"
            case _:
                raise AssertionError(f"say here what is asked of {table}.{route}")

    def _variations(self, screen: Any, route: str) -> Iterator[tuple[str, str]]:
        """Addresses, and the column that they ask about where only some roles see it."""
        table, model = screen.model.__tablename__, screen.model
        url, (stranger, nobody, *_rest) = f"/admin/{table}", self.words()
        links = [name for name, f in fields(model).items() if f.kind == Kind.LINK]
        match route:
            case "index_view":
                yield from ((f"{url}/{query}", "") for query in self._lists(screen))
                yield from ((f"{url}/?flt0_{slug}={value}", column) for slug, value, column in self._filters(screen))
            case "create_view":
                yield from (
                    (f"{url}/new/?{name}={key}", name) for name in links for key in self.linked(model, name)[1:4]
                )
                if table == "beneficiary":
                    yield from ((f"{url}/new/?household_id={key}", "") for key in self.keys("household")[:4])
            case "export":
                yield from ((f"{url}/export/xlsx/?search={word}", "") for word in (stranger, nobody))
                yield f"{url}/export/xlsx/?flt0_unit_id_is={self.world.rows[self.there]['unit']}", ""
                yield f"{url}/export/csv/", ""
            case "ajax_lookup":
                for name in links:
                    yield f"{url}/ajax/lookup/?name={name}", name
                    yield from ((f"{url}/ajax/lookup/?name={name}&query={word}", name) for word in self.words()[:3])
            case "details_view" | "edit_view":
                yield f"{url}/{route.removesuffix('_view')}/?id=abc", ""

    def _lists(self, screen: Any) -> Iterator[str]:
        for index in range(len(screen.list_columns) + 1):
            yield f"?sort={index}" + ("&desc=1" if index % 2 == self.half else "")
        yield from (f"?page={number}" for number in (1, 10**9))
        yield "?page_size=20"
        yield from (f"?search={word}" for word in self.words())

    def _filters(self, screen: Any) -> Iterator[tuple[str, str, str]]:
        """Every choice that is on offer; where a value is typed, some of each kind that make sense."""
        offered = self.browser.get(f"/admin/{screen.endpoint}/filters/")
        groups = offered.json.values() if offered.status_code == 200 else ()
        choices = {each["arg"]: each["options"] for group in groups for each in group}
        for flt in screen._filters:
            values = [key for key, _text in choices.get(flt.slug) or ()]
            kept = [key for key in values if len(values) < MANY or key in ("GR", "AL")]
            for number, value in enumerate((*kept, "?") if values else self._typed(flt)):
                if number % 2 == self.half:
                    yield flt.slug, value, flt.on_column

    def _typed(self, flt: Any) -> list[str]:
        """Of numbers those of rows, of days all of them, of words the other unit's: what this filter takes."""
        numbers = [*map(str, self.keys("beneficiary")), str(self.world.rows[self.there]["unit"])]
        typed = (
            ["01/01/2020 to 31/12/2035", f"{now():%d/%m/%Y}", *numbers]
            if flt.data_type
            else [*self.words()[:3], *numbers]
        )
        with self.world.app.test_request_context():
            return [] if flt._choices else [value for value in typed if flt.validate(value)]

    # --- rows and words ---

    def words(self) -> list[str]:
        """Typed when looking for people: the other unit's, nobody's, one's own; names, ΑΜΚΑ, numbers, telephones."""
        own, foreign = self._person(self.here), self._person(self.there)
        names = [CANARY[self.there], NOBODY, OTHER_BIRD, CANARY[self.here], CANARY[self.there][:4].upper()]
        return [*names, foreign["amka"], own["amka"], foreign["registry_number"], foreign["mobile"]]

    def _person(self, code: str) -> dict[str, str]:
        if code not in self.people:
            row = self.world.one(Beneficiary, self.world.rows[code]["beneficiary"])
            self.people[code] = {name: getattr(row, name) for name in ("amka", "afm", "registry_number", "mobile")}
        return self.people[code]

    people: dict[str, dict[str, str]] = field(default_factory=dict)

    def keys(self, table: str) -> list[Any]:
        """Rows of the table: one's own, the other unit's, one that only one installation has, none, and no number."""
        rows, users = self.world.rows, self.world.users
        own = rows[self.here].get(table) or rows["shared"].get(table) or 1
        if table == "user":
            return [users[f"caseworker.{self.here}"], users[f"caseworker.{self.there}"], self.new[table], NEVER, "abc"]
        return [own, rows[self.there].get(table, NEVER), self.new.get(table, NEVER), NEVER, "abc"]

    def linked(self, model: Any, name: str) -> list[Any]:
        """Rows that a link is made to point at."""
        return self.keys(link_target(model, name).__tablename__)

    # --- forms ---

    def _forms(self, model: Any, route: str) -> Iterator[tuple[str, dict[str, Any]]]:
        table = model.__tablename__
        url, foreign = f"/admin/{table}", self.keys(table)[1:4]
        match route:
            case "create_view":
                yield from ((f"{url}/new/", sent) for sent in self._new(model))
            case "edit_view":
                yield from ((f"{url}/edit/?id={key}", {"version": "1", "remarks": "x"}) for key in self.keys(table))
            case "delete_view":
                yield from ((f"{url}/delete/", {"id": key}) for key in foreign)
            case "action_view":
                yield from ((f"{url}/action/", {"action": "delete", "rowid": key}) for key in foreign)
            case "move_view":
                sent = {"on": "01/02/2026", "to": "SENT"}
                yield from ((f"{url}/move/?id={key}", sent) for key in self.keys(table))
            case "ajax_update":
                yield from ((f"{url}/ajax/update/", {"list_form_pk": key, "remarks": "x"}) for key in foreign)
            case "review_view":
                yield from ((f"{url}/review/?id={key}", {"verdict": "REVIEWED"}) for key in foreign)
            case "decide_view":
                yield from ((f"{url}/decide/?id={key}", {"status": "GRANTED", "days": "5"}) for key in foreign)
            case "emergency_view":
                # What agrees with somebody is told on purpose, before witnesses (docs/decisions/0020).
                yield f"{url}/emergency/", {"reason": "x", "reference_amka": "01018012348"}
            case "end_sessions_view" | "reset_factor_view":
                yield from ((f"{url}/{route.removesuffix('_view')}/", {"id": key}) for key in foreign)
            case "index_view":
                pass
            case _:
                raise AssertionError(f"say here what is sent to {table}.{route}")

    def _new(self, model: Any) -> Iterator[dict[str, Any]]:
        """A form sent empty, with every link led astray, with what is unique in the other unit, and sound."""
        yield {}
        sound = self._sound(model)
        for name, column in fields(model).items():
            if column.kind == Kind.LINK and column.form:
                yield from (sound | {name: str(key)} for key in self.linked(model, name)[1:4])
        foreign = self._person(self.there)
        taken = {"amka": foreign["amka"], "afm": foreign["afm"], "name": f"Δέμα {CANARY[self.there]}"}
        yield sound | {name: value for name, value in taken.items() if name in sound}
        yield sound

    def _sound(self, model: Any) -> dict[str, Any]:
        if model.__tablename__ not in ("household_member", "event_attendance", "membership", "person_decision"):
            return filled(self.world, model, self.here)
        links = {name: str(self.linked(model, name)[0]) for name, f in fields(model).items() if f.kind == Kind.LINK}
        return links | {"relation": "CHILD", "attendance": "ENROLLED", "verdict": "SAME", "reason": "x"}


PAGES: dict[str, tuple[str, ...]] = {
    "home": ("/",),
    "accessibility": ("/accessibility",),
    "healthz": ("/healthz",),
    "static": ("/static/kentro.css", "/static/nothing"),
    "asset": ("/assets/all.css",),
    "admin.index": ("/admin/", "/admin/?month=2026-01"),
    "report.index": ("/admin/report/",),
    "referral_received.index": ("/admin/referral_received/",),
    "referral_received.file_view": tuple(f"/admin/referral_received/file/?id={key}" for key in (1, 2, 3, 999)),
    "auth.login": ("/login",),
    "auth.password": ("/password",),
    "auth.code": ("/login/code",),
    "auth.confirm": ("/confirm",),
    "auth.profile": ("/profile",),
    "auth.factor": (),  # nothing but a secret, drawn at random
    "audit_answer.index": ("/admin/audit_answer/",),
    "audit_answer.answer": ("/admin/audit_answer/answer/?id=1",),
    "audit_finding.index_view": ("/admin/audit_finding/",),
    "audit_finding.settle": ("/admin/audit_finding/settle/?key=x",),
    "audit_finding.export": ("/admin/audit_finding/export/",),
    "oversight.index": ("/admin/oversight/",),
    "oversight.person": tuple(f"/admin/oversight/person/?id={key}" for key in (1, 2, 999)),
    "oversight.user": tuple(f"/admin/oversight/user/?id={key}" for key in (1, 999)),
    "supervision.index": ("/admin/supervision/",),
    "rights.index": ("/admin/rights/",),
    "rights.person_view": tuple(f"/admin/rights/person/?id={key}" for key in (1, 2, 999)),
    "rights.copy_view": tuple(
        f"/admin/rights/copy/{kind}/?id={key}" for kind in ("pdf", "xlsx") for key in (1, 2, 999)
    ),
}
"""Pages that are no screen over a table. One that is not named here fails the test."""
