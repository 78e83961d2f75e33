"""The fixed cast: one municipality, two units that must not know of each other, one row of every kind in each."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import audit
import models
import passwords
import policy
from db import Base, begin_write, db
from models import Scoped, Unit, now
from seed import builders
from vocabulary import Answer, ConsentKind, ErasureCause, RequestKind, Role, SamePerson, TargetGroup, UnitKind

PASSWORD = "δοκιμαστική-φράση-2026"
PASSWORD_HASH = passwords.make_hash(PASSWORD)
CANARY = {"main": "Καναρινίδης", "roma": "Σπουργιτίδης"}
"""A surname that stands in every text of one unit's rows and nowhere else."""
OVER = dt.date(2020, 1, 1)
"""A hold until this day holds nothing."""
SECRET = "Απόρρητον"
"""Stands in every protected text."""

SINGLE_UNIT_ROLES = (Role.RECEPTION, Role.CASEWORKER, Role.MEDIATOR)
USERS = (
    *(f"{role.value}.{unit}" for role in SINGLE_UNIT_ROLES for unit in CANARY),
    "coordinator", "supervisor", "administrator", "unitless",
)  # fmt: skip


def by_hand() -> sa.Engine:
    """The database past every wall: as PostgreSQL's superuser, or as whoever holds the SQLite file."""
    return db.engines.get("by_hand", db.engine)


@dataclass
class World:
    """An application over a filled database."""

    app: Flask
    dialect: str
    rows: dict[str, dict[str, int]] = field(default_factory=dict)
    """Numbers of the rows: unit code (or "shared") → table → id."""
    users: dict[str, int] = field(default_factory=dict)
    signed_in: dict[str, FlaskClient] = field(default_factory=dict)

    def client(self, username: str | None = None) -> Browser:
        """A browser, signed in as this user by the sign-in page itself."""
        browser = Browser(self.app.test_client())
        if username:
            answer = browser.post("/login", username=username, password=PASSWORD)
            assert answer.status_code == 302, f"{username} could not sign in"
        return browser

    def query(self, statement: Any) -> list[Any]:
        """Rows as the system sees them, whoever's they are."""
        with self.app.app_context():
            policy.bind(db.session, policy.SYSTEM)
            return list(db.session.scalars(statement))

    def one(self, model: type[Any], key: int) -> Any:
        """One row as the system sees it."""
        with self.app.app_context():
            policy.bind(db.session, policy.SYSTEM)
            return db.session.get(model, key)


class Browser:
    """A test client that takes the CSRF token, version and form token from the page, as a browser does."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.token = ""

    def get(self, url: str, **kwargs: Any) -> TestResponse:
        """Open a page."""
        answer = self.client.get(url, **kwargs)
        self._remember(answer)
        return answer

    def post(self, url: str, data: dict[str, Any] | None = None, **fields: Any) -> TestResponse:
        """Send a form to an address, with the session's CSRF token."""
        if not self.token:
            self.get("/login")
        if not self.token:
            self.get("/password")
        answer = self.client.post(url, data={"csrf_token": self.token, **(data or {}), **fields})
        self._remember(answer)
        return answer

    def _remember(self, answer: TestResponse) -> None:
        if answer.status_code == 302 and answer.headers["Location"].endswith("/login"):
            self.token = ""
        if answer.mimetype == "text/html" and (token := hidden(answer.text).get("csrf_token")):
            self.token = token
        if (
            any("session" in c or "kentro" in c for c in answer.headers.getlist("Set-Cookie"))
            and answer.status_code == 302
        ):
            self.token = ""

    def form(self, url: str) -> dict[str, Any]:
        """What a browser would send back from the form at this address, unchanged."""
        return fields_of(self.get(url).text)

    def submit(self, url: str, **changes: Any) -> TestResponse:
        """Open the form at this address, change these fields, send it."""
        return self.post(url, {**self.form(url), **changes})


def keys_listed(html: str) -> list[int]:
    """The numbers of the rows of a list, in its order."""
    return [int(key) for key in re.findall(r'<th scope="row"><a href="details/\?id=(\d+)"', html)]


@contextmanager
def counted(app: Flask) -> Iterator[list[str]]:
    """The statements that the database is sent meanwhile."""
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    with app.app_context():
        engine = db.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


def column_listed(html: str, label: str) -> list[str]:
    """The cells of a list's column, in its order."""
    heads = re.findall(r'<th scope="col"[^>]*>(?:<a[^>]*>)?(.*?)<', html)
    rows = re.findall(r'<tr>(<th scope="row">.*?)</tr>', html)
    return [re.findall(r"<t[hd][^>]*>(?:<a[^>]*>)?(.*?)(?:</a>)?</t[hd]>", row)[heads.index(label)] for row in rows]


def hidden(html: str) -> dict[str, str]:
    """Names and values of a page's hidden inputs."""
    found = {}
    for tag in re.findall(r"<input[^>]*>", html):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if attributes.get("type") == "hidden" and "name" in attributes:
            found[attributes["name"]] = attributes.get("value", "")
    return found


def fields_of(html: str) -> dict[str, Any]:
    """The fields of the page's main form with their present values (first form that has a `version` or `form_token`)."""
    from html import unescape

    forms = re.findall(r"<form\b.*?</form>", html, re.S)
    form = next((f for f in forms if 'name="form_token"' in f), "")
    found: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        name, kind = attributes.get("name"), attributes.get("type", "text")
        if name and kind not in ("checkbox", "radio", "submit"):
            found[name] = unescape(attributes.get("value", ""))
        elif name and re.search(r"\bchecked\b", tag):
            found[name] = unescape(attributes.get("value", "y"))
    for name, text in re.findall(r'<textarea[^>]*name="(\w+)"[^>]*>(.*?)</textarea>', form, re.S):
        found[name] = unescape(text.removeprefix("\r\n").removeprefix("\n"))
    for opening, body in re.findall(r"(<select[^>]*>)(.*?)</select>", form, re.S):
        name = re.search(r'name="(\w+)"', opening)
        options = re.findall(r"<option([^>]*)>", body)
        chosen = [re.search(r'value="([^"]*)"', o) for o in options if re.search(r"\bselected\b", o)]
        values = [unescape(v[1]) for v in chosen if v]
        if name:
            if "multiple" in opening:
                found[name[1]] = values
            elif values or options:
                first = re.search(r'value="([^"]*)"', options[0])
                found[name[1]] = values[0] if values else unescape(first[1] if first else "")
    return found


def fill(session: Any) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
    """The cast's rows; returns their numbers and the users'."""
    town = _add(session, builders.municipality())
    units = {code: _add(session, builders.unit(town, UnitKind(code.upper()))) for code in CANARY}
    users = {
        name: _add(session, builders.user(Role.CASEWORKER, [], username=name, **_known(name)))
        if name == "unitless"
        else _add(
            session, builders.user(Role(name.partition(".")[0]), _units(name, units), username=name, **_known(name))
        )
        for name in USERS
    }
    shared = [builders.service(), builders.programme(), builders.partner()]
    service, programme, partner = (_add(session, row) for row in shared)
    rows: dict[str, dict[str, int]] = {
        "shared": {row.__tablename__: row.id for row in (town, service, programme, partner)}
        | {"partner_contact": _add(session, models.PartnerContact(partner_id=partner.id, name="Επαφή")).id}
    }
    for code, unit in units.items():
        staff = users[f"caseworker.{code}"]
        rows[code] = {"unit": unit.id}
        for row in _one_of_each(session, unit, staff, users, CANARY[code], service, programme, partner):
            rows[code][row.__tablename__] = row.id
    certificate = models.Erasure(
        cause=ErasureCause.REQUEST, reason="Πρωτ. 1", approved_by_id=users["coordinator"].id, people=1,
        done='{"visit": 2}',
    )  # fmt: skip
    rows["shared"]["erasure"] = _add(session, certificate).id
    rows["shared"]["person_decision"] = _add(session, _decision(rows, users["coordinator"])).id
    return rows, {name: user.id for name, user in users.items()}


def _decision(rows: dict[str, dict[str, int]], coordinator: Any) -> models.PersonDecision:
    """The two birds are two people."""
    two = {"first_id": rows["main"]["beneficiary"], "second_id": rows["roma"]["beneficiary"]}
    return models.PersonDecision(**two, verdict=SamePerson.DIFFERENT, reason="Άλλος", by_id=coordinator.id)


def _known(name: str) -> dict[str, Any]:
    return {"password_hash": PASSWORD_HASH, "password_changed_at": now(), "full_name": f"Χρήστης {name}"}


def _units(name: str, units: dict[str, Unit]) -> list[Unit]:
    return [units[name.partition(".")[2]]] if "." in name else []


def _add(session: Any, row: Any) -> Any:
    session.add(row)
    session.flush()
    return row


def _one_of_each(
    session: Any, unit: Unit, staff: Any, users: Any, bird: str, service: Any, programme: Any, partner: Any
) -> list[Base]:
    person = _add(
        session,
        builders.beneficiary(
            unit, last_name=bird, remarks=bird, address=f"{bird} 1", ethnic_roma=Answer.YES, disability=Answer.YES,
            health_notes=f"{SECRET} {bird}", protected_groups=(TargetGroup.GBV,), target_groups=(TargetGroup.POV,),
            caseworker_id=staff.id,
        ),
    )  # fmt: skip
    home = _add(session, builders.household(unit, name=bird))
    event = _add(session, builders.event(unit, title=f"Δράση {bird}"))
    volunteer = _add(session, builders.volunteer(unit, last_name=bird))
    item = _add(session, builders.item(unit, name=f"Δέμα {bird}", measure="κιλό"))
    referral = builders.referral(person, staff, partner, reason=bird)
    others = [
        builders.member(home, person),
        builders.visit(unit, staff, person, request=bird),
        builders.appointment(unit, staff, person, purpose=bird),
        builders.delivery(person, service, staff, notes=bird),
        builders.case_note(person, staff, body=f"{SECRET} {bird}"),
        referral,
        builders.application(person, programme, staff, remarks=bird),
        builders.hours(volunteer, event, task=bird),
        builders.attendance(event, person),
        builders.movement(item, source=bird),
        builders.distribution(item, person, staff),
        builders.access_grant(unit, staff, last_name=bird, reason=bird),
        models.DataRequest(beneficiary_id=person.id, unit_id=unit.id, kind=RequestKind.RECTIFICATION, note=bird),
        models.Consent(
            beneficiary_id=person.id, unit_id=unit.id, kind=ConsentKind.NEWSLETTER, by_id=staff.id
        ),
        models.LegalHold(beneficiary_id=person.id, unit_id=unit.id, reason=bird, until=OVER, since=OVER, by_id=staff.id),
    ]  # fmt: skip
    return [person, home, event, volunteer, item, *(_add(session, row) for row in others)]


def scoped_models() -> list[type[Base]]:
    """Every model whose rows belong to a unit."""
    return [m.class_ for m in Base.registry.mappers if issubclass(m.class_, Scoped)]


def build(app: Flask) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
    """Migrate an empty database and fill it."""
    import flask_migrate

    with app.app_context():
        flask_migrate.upgrade()
        policy.bind(db.session, policy.SYSTEM)
        begin_write()
        numbers = fill(db.session)
        audit.commit(db.session)
        assert db.session.scalar(sa.select(sa.func.count(models.AuditEntry.seq)))
        return numbers
