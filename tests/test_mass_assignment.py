"""Every column of every table, sent to every form that every role has: nothing that the form does not show is taken (ASVS 15.3.3)."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
import sqlalchemy as sa
from flask import request

from admin_views.base.forms import KentroForm
from db import Kind, fields
from models import User
from policy import PERMISSIONS
from tests.answers import SCREENS, errors_of, filled
from tests.test_matrix import ROLES, confide, number
from tests.walls import state_of
from tests.world import PASSWORD, USERS, Browser, World
from vocabulary import Role

TEXT, NUMBER, DAY = "ψεύτικο", 987_654, dt.date(2001, 2, 3)
MADE_BY_SCRIPT = {"version", "form_token", "csrf_token"}
"""Hidden boxes that every form has: they tell sendings apart, and are columns of none but their own use."""


def shown(html: str) -> set[str]:
    """The names of a page's boxes."""
    return set(re.findall(r'<(?:input|select|textarea)\b[^>]*\bname="(\w+)"', html))


def unshown(model: Any, boxes: set[str]) -> dict[str, Any]:
    """A value for every column and every relationship of a table that a form does not show."""
    found: dict[str, Any] = {}
    for attribute in sa.inspect(model).attrs:
        if attribute.key not in boxes | MADE_BY_SCRIPT:
            found[attribute.key] = _value(model, attribute)
    return found


def _value(model: Any, attribute: Any) -> str:
    field = fields(model).get(attribute.key)
    if field is not None and field.codes:
        return str(field.codes[-1].value)
    kind = getattr(getattr(attribute, "columns", [None])[0], "type", None)
    if field is not None and field.kind == Kind.FLAG:
        return "y"
    if isinstance(kind, sa.Date) or (field is not None and field.kind == Kind.DATE):
        return f"{DAY:%d/%m/%Y}"
    return TEXT if isinstance(kind, sa.String) else str(NUMBER)


def screens(action: str, role: str) -> list[Any]:
    return [s.model for s in SCREENS if Role(role) in PERMISSIONS.get((s.model.__tablename__, action), ())]


def username(role: str) -> str:
    return f"{role}.main" if f"{role}.main" in USERS else role


def row_of(state: dict[str, list[Any]], model: Any, key: int) -> dict[str, Any]:
    names = [column.name for column in model.__table__.columns]
    rows = (dict(zip(names, row, strict=True)) for row in state[model.__tablename__])
    return next(row for row in rows if row["id"] == key)


def row_count(world: World, model: Any) -> int:
    return int(world.query(sa.select(sa.func.count()).select_from(model))[0])


@pytest.mark.parametrize("role", ROLES[1:])
def test_a_form_that_stands_takes_what_it_shows(world: World, role: str) -> None:
    confide(world, by="mediator" if role == "mediator" else "caseworker")
    browser, tried = world.client(username(role)), 0
    for model in screens("edit", role):
        table, key = model.__tablename__, number(world, model.__tablename__, "main")
        url = f"/admin/{table}/edit/?id={key}"
        page = browser.get(url)
        if page.status_code != 200:
            assert page.status_code in (302, 403, 404), url
            continue
        extra = unshown(model, shown(page.text))
        form, before = browser.form(url), row_of(state_of(world), model, key)
        answer = browser.post(url, {**extra, **form})
        assert answer.status_code == 302, (table, errors_of(answer.text))
        assert row_of(state_of(world), model, key) == before, table
        tried += len(extra)
    assert tried > (10 if screens("edit", role) else -1)


@pytest.mark.parametrize("role", ROLES[1:])
def test_a_new_row_takes_what_its_form_shows(world: World, role: str) -> None:
    browser = world.client(username(role))
    for model in screens("create", role):
        table = model.__tablename__
        url = f"/admin/{table}/new/"
        page = browser.get(url)
        if page.status_code != 200:
            assert page.status_code in (302, 403, 404), url
            continue
        boxes = shown(page.text)
        sent = {name: value for name, value in filled(world, model).items() if name in boxes}
        extra, before = unshown(model, boxes), row_count(world, model)
        answer = browser.post(url, {**extra, **browser.form(url), **sent})
        if answer.status_code == 200 and "unit_id" in extra:
            # Whoever works in one unit is not asked for it, and refused when naming another.
            assert row_count(world, model) == before, (role, table)
            del extra["unit_id"]
            answer = browser.post(url, {**extra, **browser.form(url), **sent})
        assert answer.status_code == 302, (role, table, errors_of(answer.text))
        assert row_count(world, model) == before + 1, (role, table)
        (made,) = world.query(sa.select(model).order_by(model.id.desc()).limit(1))
        kept = row_of(state_of(world), model, made.id)
        for name in extra.keys() & kept.keys():
            assert kept[name] not in (TEXT, NUMBER, DAY), f"{role}: {table}.{name} was taken"
        assert kept["version"] == 1


@pytest.mark.parametrize("house", ["sqlite"], indirect=True)
def test_a_form_that_takes_more_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: as where a form is emptied into its row by name, whatever was sent."""
    real = KentroForm.populate_obj

    def greedy(form: Any, row: Any) -> None:
        real(form, row)
        for name in ("registry_number", "last_registry_number", "password_changed_at"):
            if hasattr(row, name) and name in request.form:
                setattr(row, name, TEXT if name == "registry_number" else None)

    monkeypatch.setattr(KentroForm, "populate_obj", greedy)
    for role, table in (("coordinator", "beneficiary"), ("administrator", "unit|user")):
        with pytest.raises(AssertionError, match=table):
            test_a_form_that_stands_takes_what_it_shows(world, role)
    with pytest.raises(AssertionError, match="beneficiary"):
        test_a_new_row_takes_what_its_form_shows(world, "reception")


ACCOUNT = {
    "id": "1", "role": "administrator", "is_active": "y", "username": "x", "full_name": TEXT, "memberships": "1",
    "password_hash": "x", "password_changed_at": "", "version": "9", "specialty": TEXT, "language": "en", "units": "2",
}  # fmt: skip


def test_nobody_makes_more_of_their_own_account(world: World) -> None:
    """The forms about oneself, and signing in, take the password and nothing beside it."""
    key = world.users["reception.main"]

    def account() -> dict[str, Any]:
        row = row_of(state_of(world), User, key)
        return {name: row[name] for name in ("username", "full_name", "role", "is_active", "specialty", "language")}

    before, units = account(), state_of(world)["membership"]
    browser: Browser = world.client()
    browser.get("/login")
    sent = {**ACCOUNT, "username": "reception.main", "password": PASSWORD}
    assert browser.post("/login", sent).status_code == 302
    new = "άλλη μεγάλη φράση 27"
    for url, own in (
        ("/language/el", {}),
        ("/profile/sessions/end-others", {}),
        ("/profile/factor", {"code": "000000"}),
        ("/confirm", {"confirm-password": PASSWORD}),
        ("/password", {"current": PASSWORD, "new": new, "again": new}),
    ):
        assert browser.post(url, {**ACCOUNT, **own}).status_code in (200, 302), url
        assert account() == before and state_of(world)["membership"] == units, url
    assert browser.get("/admin/user/").status_code == 403
