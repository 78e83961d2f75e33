"""What tests ask of every answer, and forms filled in with sound values."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from flask import Flask
from flask_babel import gettext
from werkzeug.test import TestResponse

import admin_views
import identifiers
from db import Base, Field, Kind, fields, link_target
from models import Beneficiary, EventAttendance, HouseholdMember, Membership, PersonDecision, Referral, Unit, User
from policy import PERMISSIONS
from seed import builders
from tests.world import World
from vocabulary import Answer, HouseholdRelation, Role, Sex

TEXTS = Path(__file__).parents[2] / "shared" / "corpora" / "text"
INNARDS = re.compile(
    r"Traceback|sqlalchemy|psycopg|sqlite3?\.|\b[A-Z][A-Za-z]{2,40}Error\b|jinja2|werkzeug|site-packages|File &#34;|File \"|object at 0x|"
    r"&lt;class|UNIQUE constraint|NOT NULL|FOREIGN KEY|INSERT INTO|SELECT \w+\.|\b(?:uq|ck|fk|ix|pk)_\w+|"
    r"audit_head|user_session|alembic"
)
_numbers = itertools.count(20_000)
SCREENS: list[Any] = [screen for screen in admin_views.SCREENS if hasattr(screen, "model")]
"""The screens over tables."""


def naughty() -> list[str]:
    """The Big List of Naughty Strings, from both of its files."""
    lines = (TEXTS / "blns.txt").read_text().split("\n")
    found = [line for line in lines if line and not line.startswith("#")]
    return list(dict.fromkeys([*found, *json.loads((TEXTS / "blns.json").read_text())]))


def said(app: Flask, message: str, **values: Any) -> str:
    """A message as the Greek reader sees it in HTML."""
    with app.test_request_context():
        return str(gettext(message, **values)).replace("'", "&#39;")


def assert_sound(answer: TestResponse, why: object = "") -> TestResponse:
    """No failure, and nothing of the application's inside on the page."""
    assert answer.status_code < 500, f"{answer.status_code}: {why}"
    if answer.mimetype in ("text/html", "application/json"):
        leak = INNARDS.search(answer.text)
        assert leak is None, f"{leak and leak[0]!r} on the page: {why}"
    return answer


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, ...]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, *(name for name, _value in attrs if name != "class")))

    def handle_endtag(self, tag: str) -> None:
        self.found.append((f"/{tag}",))


def tags(html: str) -> list[tuple[str, ...]]:
    """The page's elements with the names of their attributes, in order."""
    parser = _Tags()
    parser.feed(html)
    parser.close()
    return parser.found


def errors_of(html: str) -> dict[str, str]:
    """The messages beside the fields of a form."""
    found = re.findall(r'<div class="field-error" id="(\w+)-error">(.*?)</div>', html, re.S)
    return {name: " ".join(re.findall(r"<span>(.*?)</span>", text, re.S)) for name, text in found}


def screens(action: str, role: Role = Role.COORDINATOR) -> list[type[Base]]:
    """The models on whose screens the role may do this."""
    return [s.model for s in SCREENS if role in PERMISSIONS.get((s.model.__tablename__, action), ())]


def form_fields(model: type[Base], *, is_new: bool) -> dict[str, Field]:
    """The columns that people fill in on the form."""
    screen = next(s for s in SCREENS if s.model is model)
    derived = {"unit_id"} if getattr(model, "unit_from", None) else set()
    hidden = derived | {*(screen.later_columns if is_new else ("unit_id", *screen.locked_columns))}
    return {name: field for name, field in fields(model).items() if field.form and name not in hidden}


def filled(world: World, model: type[Base], code: str = "main") -> dict[str, Any]:
    """Sound values for every field of the form of a new row in this unit; no two calls agree in what must be unique."""
    n = next(_numbers)
    boxes = form_fields(model, is_new=True).items()
    found = {name: _sound(world, model, name, field, n, code) for name, field in boxes}
    return found | _particular(world, model, n, code)


def _particular(world: World, model: type[Base], n: int, code: str) -> dict[str, Any]:
    if model is Beneficiary:
        born_on = dt.date(1970, 1, 1) + dt.timedelta(days=n % 9000)
        closing = {"closed_on": "", "sex": Sex.F.value, "born_on": f"{born_on:%d/%m/%Y}"}
        asked = dict.fromkeys(("ethnic_roma", "disability", "health_problem"), Answer.YES.value)
        return closing | asked | {"amka": builders.amka(born_on, Sex.F, n % 450)}
    if model is HouseholdMember:
        return {"beneficiary_id": str(new_person(world, code)), "relation": HouseholdRelation.CHILD.value}
    if model is Membership:
        return {"user_id": str(world.users["unitless"])}
    if model is EventAttendance:
        return {"beneficiary_id": str(new_person(world, code))}
    if model is PersonDecision:
        return {"second_id": str(new_person(world, code))}
    return {"to_unit_id": ""} if model is Referral else {}


def new_person(world: World, code: str = "main", **over: Any) -> int:
    """One more person in the unit, without an ΑΜΚΑ; `born_on=None` for an unknown birth."""
    born_on = over.pop("born_on", dt.date(1985, 5, 5))
    person = builders.beneficiary(Unit(id=world.rows[code]["unit"]), **over)
    person.amka, person.born_on = None, born_on
    return add(world, person)


def add(world: World, *rows: Any) -> int:
    """Keep rows as the system does; the number of the last one."""
    import audit
    import policy
    from db import begin_write, db

    with world.app.app_context():
        policy.bind(db.session, policy.SYSTEM)
        begin_write()
        db.session.add_all(rows)
        db.session.flush()
        audit.commit(db.session)
        return int(rows[-1].id)


CHECKED = {
    identifiers.amka: lambda n: builders.amka(dt.date(1980, 5, 5), Sex.M, n % 450),
    identifiers.afm: builders.afm,
    identifiers.phone: builders.phone,
    identifiers.email: lambda n: f"someone{n}@example.gr",
    identifiers.postal_code: lambda n: f"{66000 + n % 100}",
    identifiers.paaypa: lambda n: f"PAA{n}",
    identifiers.document: lambda n: f"AB{n}",
    identifiers.username: lambda n: f"user.{n}",
}


def _sound(world: World, model: type[Base], name: str, field: Field, n: int, code: str) -> Any:
    match field.kind:
        case Kind.TEXT | Kind.LONG_TEXT:
            return CHECKED[field.check](n) if field.check else f"Δοκιμή {n}"
        case Kind.INTEGER:
            return "45"
        case Kind.DECIMAL:
            return "1,5"
        case Kind.DATE:
            return "14/02/2026"
        case Kind.INSTANT:
            return "14/02/2026 10:30"
        case Kind.FLAG:
            return "y"
        case Kind.CODE:
            return field.codes[-1].value
        case Kind.CODES:
            return [field.codes[0].value, field.codes[-1].value]
        case Kind.COUNTRY:
            return "AL"
    return str(link_row(world, link_target(model, name), code))


def link_row(world: World, target: type[Base], code: str) -> int:
    """A row of the cast that a row of this unit may point at."""
    if target is User:
        return world.users[f"caseworker.{code}"]
    table = target.__tablename__
    return world.rows[code].get(table) or world.rows["shared"][table]
