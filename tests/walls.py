"""Looking over a wall: answers compared, the whole database compared, rows on a page, refusals in the trail."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from python_calamine import load_workbook
from sqlalchemy import orm
from werkzeug.test import TestResponse

import admin_views
import policy
from db import Base, Kind, begin_write, db, fields
from models import AuditEntry, Scoped, User
from tests.world import CANARY, Browser, World, by_hand, keys_listed
from vocabulary import AuditAction

NEVER = 987_654
"""A number that no row ever had."""
both_ways = pytest.mark.parametrize(("here", "there"), [("main", "roma"), ("roma", "main")])
SCREENS = [screen for screen in admin_views.SCREENS if hasattr(screen, "model")]
SCOPED = [screen.model for screen in SCREENS if issubclass(screen.model, Scoped)]
MOMENT = re.compile(r"\d\d/\d\d/\d{4} \d\d:\d\d")
OWN_TRACES = ("audit_entry", "audit_head", "user_session", "submission")


def plain(answer: TestResponse, *numbers: int, word: str | None = None) -> tuple[int, str, str]:
    """An answer without what differs from one request to the next, and without the numbers and the word asked for."""
    text = "" if answer.is_streamed else answer.text
    text = re.sub(r'(name="(?:csrf_token|form_token)"[^>]*value=")[^"]*', r"\1", text)
    text = re.sub(r'(id="(?:csrf_token|form_token)"[^>]*value=")[^"]*', r"\1", text)
    place = answer.headers.get("Location", "")
    for number in numbers:
        text, place = (re.sub(rf"(=|%3D)(\"?){number}(?!\d)", r"\1\2#", part) for part in (text, place))
    for spelt in (quote(quote(word)), quote(word), word) if word else ():
        text = text.replace(spelt, "…")
    return answer.status_code, place, text


def assert_like_missing(
    world: World, ask: Callable[[int], TestResponse], foreign: int, why: object, *, is_noted: bool = True
) -> TestResponse:
    """The answer about a foreign row is the answer about a row that never was, refusal in the trail included."""
    there, after = _asked(world, ask, foreign)
    never, after_never = _asked(world, ask, NEVER)
    assert plain(there, foreign, NEVER) == plain(never, foreign, NEVER), f"foreign differs from missing: {why}"
    assert after == after_never, f"the trail tells foreign from missing: {why}"
    assert not is_noted or there.status_code not in (404, 403) or len(after) == 1, f"no refusal in the trail: {why}"
    return there


def _asked(world: World, ask: Callable[[int], TestResponse], key: int) -> tuple[TestResponse, list[Any]]:
    before = len(refusals(world))
    answer = ask(key)
    return answer, [(kind, (details or "").replace(str(key), "#")) for kind, details in refusals(world)[before:]]


def refusals(world: World) -> list[tuple[str | None, str | None]]:
    """What the trail keeps of refused acts, in order."""
    found = world.query(sa.select(AuditEntry).where(AuditEntry.action == AuditAction.REFUSED).order_by(AuditEntry.seq))
    return [(entry.subject_type, entry.details) for entry in found]


def state_of(world: World) -> dict[str, list[Any]]:
    """Every row of every table, but for the trail and sign-ins."""
    with world.app.app_context(), by_hand().connect() as connection:
        tables = [table for table in Base.metadata.sorted_tables if table.name not in OWN_TRACES]
        return {
            t.name: [tuple(row) for row in connection.execute(sa.select(t).order_by(*t.primary_key))] for t in tables
        }


def assert_untouched(world: World, before: dict[str, list[Any]], why: object = "") -> None:
    """Nothing in the database is otherwise than before."""
    after = state_of(world)
    moved = {name: (rows, after[name]) for name, rows in before.items() if rows != after[name]}
    assert not moved, f"{why}: {moved}"


def numbers_in(html: str, table: str) -> set[int]:
    """The rows of a table that a page, or the table's own list, links to."""
    linked = re.findall(rf"/admin/{table}/(?:details|edit)/\?(?:[^\"]*;)?id=(\d+)", html)
    return {*map(int, linked), *keys_listed(html)}


def options_in(html: str) -> dict[str, set[str]]:
    """The choices of every select of a page."""
    found = re.findall(r'<select[^>]*name="(\w+)"[^>]*>(.*?)</select>', html, re.S)
    return {name: set(re.findall(r'<option value="([^"]+)"', body)) for name, body in found}


def workbook_rows(answer: TestResponse) -> list[list[Any]]:
    """All cells of all sheets of an exported workbook."""
    book = load_workbook(io.BytesIO(answer.data))
    answer.close()
    return [row for name in book.sheet_names for row in book.get_sheet_by_name(name).to_python()]


@contextlib.contextmanager
def system_session(world: World) -> Iterator[orm.Session]:
    """A session that sees all; what it holds at the end is committed without a trail."""
    with world.app.app_context():
        policy.bind(db.session, policy.SYSTEM)
        begin_write()
        yield db.session
        db.session.commit()


@contextlib.contextmanager
def session_of(world: World, username: str) -> Iterator[orm.Session]:
    """A fresh session as this user's request has it; nothing of it stays."""
    with world.app.app_context():
        policy.bind(db.session, replace(policy.NOBODY, is_system=True))
        scope = policy.scope_of(db.session.get_one(User, world.users[username]))
        db.session.rollback()
        db.session.expunge_all()
        policy.bind(db.session, scope)
        yield db.session
        db.session.rollback()


def walk(world: World, browser: Browser, screens: Iterable[Any] = SCREENS) -> dict[str, Any]:
    """What stands at every address of these screens that this user, of the main unit or of all, can read."""
    found: dict[str, Any] = {"/admin/": plain(browser.get("/admin/"))}
    for screen in screens:
        table = screen.model.__tablename__
        key = world.rows["main"].get(table) or world.rows["shared"].get(table) or 1
        links = [n for n, f in fields(screen.model).items() if f.kind == Kind.LINK]
        paths = ["", f"?search={CANARY['roma']}", "new/", f"details/?id={key}", f"edit/?id={key}",
                 *(f"ajax/lookup/?name={name}" for name in links)]  # fmt: skip
        for path in paths:
            status, place, text = plain(browser.get(f"/admin/{table}/{path}"))
            # An empty form proposes the present minute.
            found[f"/admin/{table}/{path}"] = status, place, MOMENT.sub("", text) if path == "new/" else text
        workbook = browser.get(f"/admin/{table}/export/xlsx/")
        if workbook.status_code == 200:
            found[f"/admin/{table}/export/xlsx/"] = [
                row for row in workbook_rows(workbook) if not _tells_the_minute(row)
            ]
    return found


def _tells_the_minute(row: list[Any]) -> bool:
    """The cover's line that says when the workbook was made."""
    return len(row) > 1 and bool(MOMENT.fullmatch(str(row[1])))
