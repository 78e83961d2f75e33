"""Columns and notes within a unit: what a role may not see stands nowhere, moves nothing and takes nothing."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
import sqlalchemy as sa

import policy
from admin_views.base.filters import column_filters
from db import Base, Field, Kind, Sensitivity, fields
from models import AuditEntry, Beneficiary, CaseNote, Household, ServiceDelivery, User
from seed import builders
from tests.answers import add, filled, new_person
from tests.walls import (
    SCOPED,
    SCREENS,
    assert_untouched,
    numbers_in,
    session_of,
    state_of,
    walk,
    workbook_rows,
)
from tests.world import PASSWORD_HASH, SECRET, USERS, Browser, World, by_hand
from vocabulary import Answer, Confidence, DisabilityDegree, Role, TargetGroup

PROTECTED = {
    (model, name): field
    for model in SCOPED
    for name, field in fields(model).items()
    if field.sensitivity != Sensitivity.OPEN
}
PROTECTED_SCREENS = {model for model, _name in PROTECTED} | {Household}
CLOSED_TO = {
    "reception": {Sensitivity.RESTRICTED, Sensitivity.SPECIAL, Sensitivity.CLINICAL, Sensitivity.CONFIDED},
    "caseworker": set(),
    "mediator": {Sensitivity.CLINICAL},
    "coordinator": set(),
    "supervisor": {Sensitivity.RESTRICTED, Sensitivity.SPECIAL, Sensitivity.CLINICAL, Sensitivity.CONFIDED},
    "administrator": {Sensitivity.RESTRICTED, Sensitivity.SPECIAL, Sensitivity.CLINICAL, Sensitivity.CONFIDED},
}
"""Written down here on purpose, beside policy.SEES: design of the house, table of roles."""
OTHERWISE: dict[str, Any] = {
    "ethnic_roma": Answer.NO,
    "ethnic_roma_asked_on": dt.date(2001, 2, 3),
    "disability": Answer.DECLINED,
    "disability_asked_on": dt.date(2001, 2, 3),
    "disability_degree": tuple(DisabilityDegree)[-1],
    "health_problem": Answer.YES,
    "health_problem_asked_on": dt.date(2001, 2, 3),
    "health_notes": "Κάτι εντελώς άλλο",
    "protected_groups": (TargetGroup.ADDICT,),
    "notes": "Άλλες σημειώσεις",
    "body": "Άλλο κείμενο",
    "is_clinical": True,
}


def username(role: str) -> str:
    return f"{role}.main" if f"{role}.main" in USERS else role


def hidden(role: str) -> dict[tuple[type[Base], str], Field]:
    return {key: field for key, field in PROTECTED.items() if field.sensitivity in CLOSED_TO[role]}


def reads(role: str, model: type[Base]) -> bool:
    return Role(role) in policy.PERMISSIONS.get((model.__tablename__, "read"), ())


def test_protected_columns_are_the_ones_that_law_protects() -> None:
    """Regulation 2016/679, articles 9 and 10, and professional secrecy: none of these becomes open unnoticed."""
    names = {f"{model.__tablename__}.{name}" for model, name in PROTECTED}
    for question in ("ethnic_roma", "disability", "health_problem"):
        assert {f"beneficiary.{question}{rest}" for rest in ("", "_asked_on", "_asked_by_id")} <= names
    assert {"beneficiary.disability_degree", "beneficiary.health_notes", "beneficiary.protected_groups"} <= names
    assert {"service_delivery.notes", "case_note.body"} <= names


def test_roles_see_what_the_table_of_roles_says() -> None:
    for role in Role:
        closed = {level for level in Sensitivity if role not in policy.SEES[level]}
        assert closed == CLOSED_TO[role.value], role


def test_nothing_protected_is_found_by_typing() -> None:
    """The search key is searched by everybody: only open columns may flow into it."""
    assert not [key for key, field in PROTECTED.items() if field.search]


# --- pages ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", CLOSED_TO)
def test_hidden_columns_stand_nowhere(calm_world: World, role: str) -> None:
    """Not in list, details, forms, filters, export or look-up: neither the column's label nor its name."""
    browser = calm_world.client(username(role))
    for model in {model for model, _name in PROTECTED}:
        pages = pages_of(calm_world, browser, model)
        for name, field in fields(model).items():
            is_protected, is_hidden = (model, name) in PROTECTED, (model, name) in hidden(role)
            for url, text in pages.items() if is_protected else ():
                if is_hidden or not reads(role, model):
                    assert str(field.label.el) not in text, (role, url, name)
                    assert f'"{name}"' not in text and f"{name}_is" not in text, (role, url, name)
            if is_protected and field.kind == Kind.LINK:
                answer = browser.get(f"/admin/{model.__tablename__}/ajax/lookup/?name={name}")
                assert (answer.status_code == 200) <= (not is_hidden), (role, name)
            if is_protected and not is_hidden and reads(role, model) and f"/admin/{model.__tablename__}/" in pages:
                offered = pages[f"/admin/{model.__tablename__}/filters/"]
                is_asked = f"{name}_" in offered or field_is_confided_text(field)
                assert is_asked, f"{role} misses the filter on {name}"


def pages_of(world: World, browser: Browser, model: type[Base]) -> dict[str, str]:
    """The text of every page and workbook of a screen that this user is shown."""
    table, key = model.__tablename__, world.rows["main"][model.__tablename__]
    found = {}
    for path in ("", "filters/", "new/", f"details/?id={key}", f"edit/?id={key}"):
        answer = browser.get(f"/admin/{table}/{path}")
        if answer.status_code == 200:
            found[f"/admin/{table}/{path}"] = answer.text
    workbook = browser.get(f"/admin/{table}/export/xlsx/")
    if workbook.status_code == 200:
        found["workbook"] = str(workbook_rows(workbook))
    return found


@pytest.mark.parametrize("role", CLOSED_TO)
def test_hidden_values_change_no_page(world: World, role: str) -> None:
    """Every protected value of every row another: not a byte of this role's pages differs."""
    browser = world.client(username(role))
    # All screens for one role; for the others those that have protected columns, and what hangs on the same people.
    walked = [s for s in SCREENS if s.model is not AuditEntry and (role == "reception" or s.model in PROTECTED_SCREENS)]
    before = walk(world, browser, walked)
    rewrite(hidden(role) if CLOSED_TO[role] else PROTECTED, world)
    after = walk(world, browser, walked)
    different = {url for url in before if before[url] != after[url]} - {"/admin/"}
    assert bool(different) == (not CLOSED_TO[role]), (role, different)
    assert len(before) > 20


def rewrite(columns: Any, world: World) -> None:
    """Set these columns of all rows, by Core, so that neither version nor trail move."""
    with world.app.app_context(), by_hand().begin() as connection:
        for model, name in columns:
            value = world.users["caseworker.roma"] if name.endswith("_by_id") else OTHERWISE[name]
            connection.execute(sa.update(model.__table__).values({name: value}))


def test_secret_is_shown_to_nobody_else(world: World) -> None:
    """The canary of the protected texts, after it was written, changed, filtered for and marked, over every screen."""
    write_about_the_secret(world)
    sees = walk(world, world.client("caseworker.main"), [s for s in SCREENS if s.model in PROTECTED_SCREENS])
    assert any(SECRET in str(page) for page in sees.values()), "the canary is dead"
    for name in ("reception.main", "mediator.main", "supervisor", "administrator"):
        browser = world.client(name)
        pages = walk(world, browser) | trail_pages(world, browser)
        assert not [url for url, page in pages.items() if SECRET in str(page)], name


def write_about_the_secret(world: World) -> None:
    browser, rows = world.client("caseworker.main"), world.rows["main"]
    for table, column in (("beneficiary", "health_notes"), ("case_note", "body")):
        url = f"/admin/{table}/edit/?id={rows[table]}"
        assert browser.submit(url, **{column: f"{SECRET} μεταβλήθηκε"}).status_code == 302
        browser.get(f"/admin/{table}/?flt0_{column}_contains={SECRET}")
        browser.get(f"/admin/{table}/export/xlsx/?flt0_{column}_contains={SECRET}").close()
        browser.submit(url, **{column: f"{SECRET} " * 4000})
    sent = filled(world, CaseNote) | {"body": f"{SECRET} νέα", "confidence": Confidence.AUTHOR.value}
    assert browser.post("/admin/case_note/new/", sent).status_code == 302


def trail_pages(world: World, browser: Browser) -> dict[str, str]:
    """Every entry of the trail that this user can open."""
    if browser.get("/admin/audit_entry/").status_code != 200:
        return {}
    numbers = world.query(sa.select(AuditEntry.seq).order_by(AuditEntry.seq.desc()).limit(40))
    urls = [f"/admin/audit_entry/details/?id={seq}" for seq in numbers] + ["/admin/audit_entry/?page_size=100"]
    return {url: browser.get(url).text for url in urls}


def test_trail_keeps_no_protected_value(world: World) -> None:
    """Not even the database of the trail holds a protected value: neither as a change nor as what was filtered for."""
    write_about_the_secret(world)
    rows = world.rows["main"]
    browser = world.client("caseworker.main")
    browser.submit(
        f"/admin/beneficiary/edit/?id={rows['beneficiary']}", protected_groups=["EXPRIS"], ethnic_roma="DECLINED"
    )
    entries = world.query(sa.select(AuditEntry))
    kept = "\n".join(f"{e.subject_label} {e.changes} {e.details}" for e in entries)
    assert SECRET not in kept and "DECLINED" not in kept and "EXPRIS" not in kept and '"GBV"' not in kept
    assert all(re.search(rf'"{name}": \[(null, )?"sealed:', kept) for name in ("ethnic_roma", "body"))


@pytest.mark.parametrize("role", CLOSED_TO)
def test_trail_tells_no_hidden_column(world: World, role: str) -> None:
    """Neither the history tab nor a supervisor's page says that a hidden column changed."""
    rows = world.rows["main"]
    writer = world.client("caseworker.main")
    writer.submit(
        f"/admin/beneficiary/edit/?id={rows['beneficiary']}", ethnic_roma="NO", disability="NO", health_notes="x"
    )
    writer.submit(f"/admin/service_delivery/edit/?id={rows['service_delivery']}", notes="x")
    browser = world.client(username(role))
    pages = trail_pages(world, browser) | {
        t: browser.get(f"/admin/{t}/details/?id={rows[t]}").text for t in ("beneficiary", "service_delivery")
    }
    told = [change for page in pages.values() for change in re.findall(r'<ul class="changes">.*?</ul>', page, re.S)]
    for (_model, name), field in hidden(role).items():
        assert not any(str(field.label.el) in change for change in told), (role, name)
    if role == "caseworker":
        assert any("Δηλώνει Ρομά" in change for change in told)
    for page in pages.values():
        assert "sealed:" not in page


# --- what is asked and sent -------------------------------------------------------------------------------------------


def asked_for(field: Field) -> str:
    """A value that no row of the cast has."""
    if field.codes:
        return str(field.codes[-2].value)
    return {Kind.DATE: "01/01/2090", Kind.LINK: "999999", Kind.FLAG: "1"}.get(field.kind, "ανύπαρκτο")


@pytest.mark.parametrize("role", CLOSED_TO)
def test_hidden_filters_are_ignored(calm_world: World, role: str) -> None:
    """Hand-made filters on hidden columns neither narrow, nor are named, nor complain; a visible one does narrow."""
    browser = calm_world.client(username(role))
    for model in {model for model, _name in PROTECTED if reads(role, model)}:
        url = f"/admin/{model.__tablename__}/"
        page = browser.get(url).text
        everybody = numbers_in(page, model.__tablename__)
        for value in ("a value of its kind", "1", "x" * 300):
            asked, labels = hidden_filters(role, model, value)
            page = browser.get(url, query_string=asked).text
            assert numbers_in(page, model.__tablename__) == everybody, (role, asked)
            assert 'class="chips"' not in page and not any(label in page for label in labels), (role, asked)
        for name in {name for owner, name in PROTECTED if owner is model and (owner, name) not in hidden(role)}:
            value = asked_for(fields(model)[name])
            flt = next((flt for flt in column_filters(model, name) if flt.validate(value)), None)
            if flt is None:
                assert field_is_confided_text(fields(model)[name]), name
                continue
            page = browser.get(url, query_string={f"flt0_{flt.slug}": value}).text
            assert numbers_in(page, model.__tablename__) != everybody or not everybody, (role, flt.slug)


def field_is_confided_text(field: Field) -> bool:
    """Nobody searches in sealed text: it has no filter that takes words."""
    return field.is_sealed and field.kind == Kind.LONG_TEXT


def hidden_filters(role: str, model: type[Base], value: str) -> tuple[dict[str, str], list[str]]:
    """Arguments of a URL that ask for all of a screen's hidden columns at once, and those columns' labels."""
    columns = {name: field for (owner, name), field in hidden(role).items() if owner is model}
    filters = [(flt, field) for name, field in columns.items() for flt in column_filters(model, name)]
    asked = {
        f"flt{n}_{flt.slug}": asked_for(field) if value.startswith("a value") else value
        for n, (flt, field) in enumerate(filters)
    }
    return asked, [str(field.label.el) for field in columns.values()]


def test_hidden_columns_order_nothing(world: World) -> None:
    """Numbers of columns beyond those shown leave the list in its own order."""
    for n, answer in enumerate((Answer.YES, Answer.NO, Answer.DECLINED)):
        new_person(world, "main", ethnic_roma=answer, health_notes=f"{9 - n}", last_name=f"Σειρά{n}")
    for role in ("reception", "mediator", "supervisor"):
        browser = world.client(username(role))
        usual = re.findall(r"details/\?id=(\d+)", browser.get("/admin/beneficiary/").text)
        assert len(set(usual)) >= 4
        for index in ("10", "11", "30", "44", "-1", "-30", "ethnic_roma", "health_notes", "1e1"):
            for way in ("", "&desc=1"):
                page = browser.get(f"/admin/beneficiary/?sort={index}{way}").text
                assert re.findall(r"details/\?id=(\d+)", page) == usual, (role, index)


@pytest.mark.parametrize("role", ["reception", "mediator"])
def test_hidden_columns_take_nothing(world: World, role: str) -> None:
    """Posting a hidden column, on a row that stands or a new one, changes it to nothing."""
    browser, kept = world.client(username(role)), dict.fromkeys(hidden(role))
    sent = {
        "ethnic_roma": "NO",
        "ethnic_roma_asked_on": "01/01/2020",
        "ethnic_roma_asked_by_id": "1",
        "disability": "NO",
        "disability_asked_on": "01/01/2020",
        "disability_degree": tuple(DisabilityDegree)[-1].value,
        "health_problem": "YES",
        "health_notes": "x",
        "health_problem_asked_on": "01/01/2020",
        "protected_groups": ["ADDICT"],
        "notes": "x",
        "body": "x",
    }
    for model in {model for model, _name in kept}:
        table = model.__tablename__
        names = {name for owner, name in kept if owner is model}
        posted = {name: value for name, value in sent.items() if name in names}
        before = state_of(world)
        for url in (f"/admin/{table}/edit/?id={world.rows['main'][table]}",):
            old = browser.form(url)
            assert not names & set(old), (role, table)
            browser.post(url, {**old, **posted})
        assert_untouched(world, before, (role, table))
        if Role(role) in policy.PERMISSIONS.get((table, "create"), ()):
            fields_sent = {name: value for name, value in filled(world, model).items() if name not in names}
            assert browser.post(f"/admin/{table}/new/", {**fields_sent, **posted}).status_code == 302
            made = world.query(sa.select(model).order_by(model.id.desc()).limit(1))[0]  # type: ignore[attr-defined]
            for name in names:
                assert getattr(made, name) in (None, (), False, Answer.NOT_ASKED), (role, name)


def test_saving_by_a_role_that_sees_less_keeps_what_it_does_not_see(world: World) -> None:
    """The front desk saves a person's telephone: the protected data stay as they were."""
    key = world.rows["main"]["beneficiary"]
    names = [name for model, name in PROTECTED if model is Beneficiary]
    before = [getattr(world.one(Beneficiary, key), name) for name in names]
    for role in ("reception", "mediator"):
        browser = world.client(username(role))
        assert browser.submit(f"/admin/beneficiary/edit/?id={key}", remarks=f"Από {role}").status_code == 302
        after = world.one(Beneficiary, key)
        assert [getattr(after, name) for name in names] == before
        assert after.remarks == f"Από {role}"


def test_columns_outside_the_form_take_nothing(world: World) -> None:
    """Mass assignment: numbers, states, authors, keys and versions are not taken from a POST."""
    browser = world.client("caseworker.main")
    hostile = {
        "id": "999",
        "version_id": "7",
        "registry_number": "ROMA-1",
        "code": "ROMA-1",
        "status": "DONE",
        "sent_on": "01/01/2020",
        "submitted_on": "01/01/2020",
        "author_id": world.users["coordinator"],
        "search_key": "x",
        "sort_key": "x",
        "unit": "2",
        "unit_id": world.rows["roma"]["unit"],
        "ethnic_roma_asked_by_id": world.users["coordinator"],
        "stock": "999",
        "role": "coordinator",
        "is_system": "1",
        "beneficiary": "1",
        "steps": "x",
    }
    for model in SCOPED:
        table = model.__tablename__
        if Role.CASEWORKER in policy.PERMISSIONS.get((table, "edit"), ()):
            before = state_of(world)
            assert (
                browser.submit(f"/admin/{table}/edit/?id={world.rows['main'][table]}", **hostile).status_code == 302
            ), table
            assert_untouched(world, before, table)
    sent = filled(world, CaseNote) | hostile
    browser.post("/admin/case_note/new/", sent)
    newest = world.query(sa.select(CaseNote).order_by(CaseNote.id.desc()).limit(1))[0]
    assert newest.author_id == world.users["caseworker.main"] and newest.id != 999


def test_answers_are_stamped_by_whoever_asked(world: World) -> None:
    """Who asked is the one who saved the answer, not whom the form names."""
    browser, key = world.client("mediator.main"), world.rows["main"]["beneficiary"]
    browser.submit(
        f"/admin/beneficiary/edit/?id={key}", ethnic_roma="NO", ethnic_roma_asked_by_id=world.users["coordinator"]
    )
    row = world.one(Beneficiary, key)
    assert (row.ethnic_roma, row.ethnic_roma_asked_by_id) == (Answer.NO, world.users["mediator.main"])


# --- case notes -------------------------------------------------------------------------------------------------------

READERS = """
note              author team keeper other mediator team_mediator coordinator reception supervisor administrator roma
AUTHOR            x      -    -      -     -        -             -           -         -          -             -
TEAM              x      x    x      -     -        x             x           -         -          -             -
UNIT              x      x    x      x     x        x             x           -         -          -             -
AUTHOR,clinical   x      -    -      -     -        -             -           -         -          -             -
TEAM,clinical     x      x    x      -     -        -             x           -         -          -             -
UNIT,clinical     x      x    x      x     -        -             x           -         -          -             -
"""
"""Who reads a note: its author, those who gave the person a service, the caseworker who keeps the file, the unit."""


def note_cast(world: World) -> tuple[dict[str, int], dict[str, str], int]:
    """The notes by kind, the readers' user names, and the person."""
    unit = world.rows["main"]["unit"]
    names = {
        "author": "caseworker.main",
        "mediator": "mediator.main",
        "coordinator": "coordinator",
        "reception": "reception.main",
        "supervisor": "supervisor",
        "administrator": "administrator",
        "roma": "caseworker.roma",
    }
    for role, name in (
        ("caseworker", "team"),
        ("caseworker", "keeper"),
        ("caseworker", "other"),
        ("mediator", "team_mediator"),
    ):
        known = {
            "password_hash": PASSWORD_HASH,
            "password_changed_at": builders.now(),
            "username": name,
            "full_name": name,
        }
        member = builders.user(Role(role), [], memberships=[builders.Membership(unit_id=unit)], **known)
        world.users = {**world.users, name: add(world, member)}
        names[name] = name
    key = new_person(world, "main", caseworker_id=world.users["keeper"], last_name="Κάτοχος")
    person = Beneficiary(id=key, unit_id=unit)
    service = world.one(builders.Service, world.rows["shared"]["service"])
    for name in ("team", "team_mediator"):
        add(world, builders.delivery(person, service, User(id=world.users[name])))
    notes = {}
    for kind in (line.split()[0] for line in READERS.strip().splitlines()[1:]):
        confidence, _comma, clinical = kind.partition(",")
        body = f"Σώμα-{kind}-τέλος"
        said = {"confidence": Confidence(confidence), "is_clinical": bool(clinical), "body": body}
        notes[kind] = add(world, builders.case_note(person, User(id=world.users["caseworker.main"]), **said))
    return notes, names, key


def expected() -> dict[str, set[str]]:
    """Reader → kinds of notes, as the table above says."""
    head, *lines = READERS.strip().splitlines()
    found: dict[str, set[str]] = {name: set() for name in head.split()[1:]}
    for line in lines:
        kind, *marks = line.split()
        for name, mark in zip(head.split()[1:], marks, strict=True):
            found[name] |= {kind} if mark == "x" else set()
    return found


def test_notes_are_read_by_those_to_whom_they_are_confided(world: World) -> None:
    """List, count, page, form, the person's page, filter, order: the same notes on every path."""
    notes, names, person = note_cast(world)
    for reader, kinds in expected().items():
        browser, mine = world.client(names[reader]), {notes[kind] for kind in kinds}
        theirs = set(notes.values()) - mine
        may_list = browser.get("/admin/case_note/").status_code == 200
        assert may_list == (reader not in ("reception", "supervisor", "administrator")), reader
        for path in (
            "",
            "?sort=0",
            "?sort=1",
            "?sort=2&desc=1",
            "?flt0_body_contains=Σώμα",
            "?flt0_beneficiary_id_contains=Κάτοχος",
        ):
            page = browser.get(f"/admin/case_note/{path}").text
            assert numbers_in(page, "case_note") & set(notes.values()) == mine, (reader, path)
        for kind, key in notes.items():
            opened = browser.get(f"/admin/case_note/details/?id={key}")
            assert opened.status_code == (200 if key in mine else 404 if may_list else 403), (reader, kind)
            edited = browser.get(f"/admin/case_note/edit/?id={key}")
            changes = may_list and reader != "coordinator"
            right = 200 if reader == "author" else 404 if changes and key not in mine else 403
            assert edited.status_code == right, (reader, kind)
            hidden_body = key in theirs
            assert (f"Σώμα-{kind}-τέλος" not in opened.text + edited.text) == hidden_body, (reader, kind)
        page = browser.get(f"/admin/beneficiary/details/?id={person}").text
        assert numbers_in(page, "case_note") == mine, reader
        for kind, key in notes.items():
            assert (f"Σώμα-{kind}-τέλος" in page) == (key in mine), (reader, kind)
        count = re.search(r'id="child-case_note-title">[^<]*<span class="number">(\d+)<', page)
        assert (int(count[1]) if count else 0) == len(mine), reader


def test_notes_are_changed_by_their_authors_alone(world: World) -> None:
    """Whoever else reads a note, or does not, changes and removes nothing; nor is a note deleted at all."""
    notes, names, _person = note_cast(world)
    sent = {"version": "1", "body": "x", "confidence": "UNIT", "on": "01/02/2026"}
    for reader in expected():
        browser, before = world.client(names[reader]), state_of(world)
        for kind, key in notes.items():
            if reader != "author":
                answer = browser.post(f"/admin/case_note/edit/?id={key}", sent)
                assert answer.status_code in (403, 404), (reader, kind)
            assert browser.post("/admin/case_note/delete/", id=key).status_code == 403, (reader, kind)
            browser.post("/admin/case_note/action/", action="delete", rowid=key)
        assert_untouched(world, before, reader)
    url = f"/admin/case_note/edit/?id={notes['TEAM']}"
    assert world.client(names["author"]).submit(url, body="x").status_code == 302
    assert world.one(CaseNote, notes["TEAM"]).body == "x"


@pytest.mark.parametrize("role", ["reception", "mediator"])
def test_nobody_names_themselves_caseworker(world: World, role: str) -> None:
    """Whoever is a person's caseworker reads the team's notes: roles that are not of the team cannot take that place."""
    browser, key = world.client(username(role)), world.rows["main"]["beneficiary"]
    before = state_of(world)
    answer = browser.submit(f"/admin/beneficiary/edit/?id={key}", caseworker_id=world.users[username(role)])
    assert answer.status_code == 302
    assert_untouched(world, before, role)
    assert browser.get(f"/admin/case_note/details/?id={world.rows['main']['case_note']}").status_code in (403, 404)
    made = browser.post(
        "/admin/beneficiary/new/", filled(world, Beneficiary) | {"caseworker_id": world.users[username(role)]}
    )
    assert made.status_code == 302
    newest = world.query(sa.select(Beneficiary).order_by(Beneficiary.id.desc()).limit(1))[0]
    assert newest.caseworker_id is None


def test_notes_at_the_session(world: World) -> None:
    """The same below the views: get, select, count, alias, join, EXISTS, lazy."""
    notes, names, person = note_cast(world)
    for reader, kinds in expected().items():
        mine = {notes[kind] for kind in kinds}
        with session_of(world, names[reader]) as session:
            other = sa.orm.aliased(CaseNote)
            joined = (
                sa.select(CaseNote.id)
                .join(CaseNote.beneficiary)
                .join(ServiceDelivery, ServiceDelivery.beneficiary_id == Beneficiary.id)
            )
            has_note = sa.select(Beneficiary.id).where(sa.exists().where(CaseNote.beneficiary_id == Beneficiary.id))
            ways = {
                "select": set(session.scalars(sa.select(CaseNote.id))),
                "alias": set(session.scalars(sa.select(other.id))),
                "joined": set(session.scalars(joined.distinct())),
                "get": {key for key in notes.values() if session.get(CaseNote, key)},
            }
            for way, found in ways.items():
                assert found & set(notes.values()) == mine, (reader, way)
            assert (person in session.scalars(has_note).all()) == bool(mine), reader


def test_a_coordinator_reads_no_note_kept_by_its_author(world: World) -> None:
    """Also when everything else of the municipality is open to them: export, trail, reports."""
    notes, _names, _person = note_cast(world)
    browser = world.client("coordinator")
    pages = walk(world, browser)
    assert not [url for url, page in pages.items() if "Σώμα-AUTHOR" in str(page)]
    assert browser.get(f"/admin/case_note/details/?id={notes['AUTHOR']}").status_code == 404
