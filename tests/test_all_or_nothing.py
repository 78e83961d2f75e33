"""An act happens wholly, with its entries in the trail, or not at all, whichever of its statements fails (ASVS 2.3.3, 16.5.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from db import db
from models import AuditEntry, Beneficiary
from tests.answers import filled, new_person
from tests.test_trail import TODAY, all_rows, findings, table
from tests.world import Browser, World

WRITES = ("INSERT", "UPDATE", "DELETE")


class Broken(Exception):
    """As a lost connection or a full disk."""


@contextmanager
def failing_at(world: World, number: int) -> Iterator[list[str]]:
    """The database fails at so many writing statements from here; gives those that came before it."""
    written: list[str] = []

    def count(connection: Any, cursor: Any, statement: str, *_more: Any) -> None:
        if statement.lstrip().upper().startswith(WRITES):
            if len(written) == number:
                raise sa.exc.OperationalError("x", {}, Broken())
            written.append(statement)

    with world.app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", count)
    try:
        yield written
    finally:
        event.remove(engine, "before_cursor_execute", count)


def acts(world: World, browser: Browser) -> dict[str, Callable[[], Any]]:
    """Acts of several statements each, with their forms open already."""
    mine = world.rows["main"]
    new = {**browser.form("/admin/beneficiary/new/"), **filled(world, Beneficiary)}
    edit, home = (
        f"/admin/beneficiary/edit/?id={mine['beneficiary']}",
        f"/admin/beneficiary/new/?household_id={mine['household']}",
    )
    changed = {**browser.form(edit), "address": "Αλλού 7", "health_notes": "άλλο", "ethnic_roma": "NO"}
    joined = {**browser.form(home), **filled(world, Beneficiary)}
    others = [new_person(world), new_person(world)]
    return {
        "a new person": lambda: browser.post("/admin/beneficiary/new/", new),
        "a change of protected values": lambda: browser.post(edit, changed),
        "a person who joins a household": lambda: browser.post(home, joined),
        "a change of state": lambda: browser.post(f"/admin/referral/move/?id={mine['referral']}", to="SENT", on=TODAY),
        "several rows deleted": lambda: browser.post("/admin/beneficiary/action/", action="delete", rowid=others),
    }


@pytest.mark.parametrize("which", range(5))
def test_whichever_statement_fails_nothing_is_half_done(
    world: World, which: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(world.app.config, "PROPAGATE_EXCEPTIONS", False)
    browser = world.client("coordinator")
    name, act = list(acts(world, browser).items())[which]
    before, trail, number, statuses = all_rows(world), table(world), 0, []
    while True:
        with failing_at(world, number) as written:
            answer = act()
        if len(written) < number or (len(written) == number and answer.status_code == 302):
            break
        assert answer.status_code == 500, f"{name}, at statement {number}: {answer.status_code}"
        assert (all_rows(world), table(world)) == (before, trail), f"{name}, half done at: {written[-1:]}"
        statuses.append(answer.status_code)
        number += 1
    assert answer.status_code == 302 and len(statuses) >= 3, f"{name}: {answer.status_code} after {len(statuses)} tries"
    assert all_rows(world) != before and len(table(world)) > len(trail) and findings(world) == []
    assert world.query(sa.select(sa.func.count(AuditEntry.seq)))[0] == len(table(world))
