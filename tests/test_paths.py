"""Every path to a row, walked by somebody of the wrong unit: a foreign row answers exactly like one that never was."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse
from wtforms import FieldList, FormField

import policy
from db import Base, Kind, Searchable, fields, link_target
from models import (
    Beneficiary,
    EventAttendance,
    Household,
    HouseholdMember,
    Item,
    Partner,
    Programme,
    Referral,
    Scoped,
    ServiceDelivery,
    Unit,
    User,
    today,
)
from seed import builders
from tests.answers import add, errors_of, filled, form_fields, link_row, new_person
from tests.walls import (
    NEVER,
    SCOPED,
    SCREENS,
    assert_like_missing,
    assert_untouched,
    both_ways,
    numbers_in,
    options_in,
    plain,
    state_of,
    system_session,
    walk,
    workbook_rows,
)
from tests.world import CANARY, Browser, World
from vocabulary import ApplicationStatus, AppointmentStatus, Confidence, ReferralStatus, Role

TABLES = [model.__tablename__ for model in SCOPED]
ACTIONS = {screen.model.__tablename__: object.__new__(screen).routes() for screen in SCREENS}
"""What each screen's routes need."""


def caseworker_may(action: str, table: str) -> bool:
    return Role.CASEWORKER in policy.PERMISSIONS.get((table, action), ())


def scoped_links(model: type[Base], names: Any = None) -> list[str]:
    """The links of a model that lead to people of one unit: scoped rows and staff."""
    found = [name for name in (names or fields(model)) if fields(model)[name].kind == Kind.LINK and name != "unit_id"]
    return [n for n in found if issubclass(link_target(model, n), Scoped) or link_target(model, n) is User]


# --- one row ----------------------------------------------------------------------------------------------------------


ONE_ROW: dict[str, tuple[str, Callable[[Browser, str, int], TestResponse]]] = {
    "details": ("read", lambda b, t, key: b.get(f"/admin/{t}/details/?id={key}")),
    "edit": ("edit", lambda b, t, key: b.get(f"/admin/{t}/edit/?id={key}")),
    "edit POST": (
        "edit",
        lambda b, t, key: b.post(f"/admin/{t}/edit/?id={key}", version="1", remarks="x", name="x", last_name="x"),
    ),
    "delete": ("delete", lambda b, t, key: b.post(f"/admin/{t}/delete/", id=key)),
    "delete by URL": ("delete", lambda b, t, key: b.post(f"/admin/{t}/delete/?id={key}", id=key)),
    "move": ("move", lambda b, t, key: b.post(f"/admin/{t}/move/?id={key}", to="SENT", on="01/02/2026")),
    "inline edit": ("nothing", lambda b, t, key: b.post(f"/admin/{t}/ajax/update/", list_form_pk=key, remarks="x")),
}


@both_ways
@pytest.mark.parametrize("path", ONE_ROW)
def test_one_foreign_row(world: World, path: str, here: str, there: str) -> None:
    action, ask = ONE_ROW[path]
    browser, before = world.client(f"caseworker.{here}"), state_of(world)
    for table in TABLES:
        answer = assert_like_missing(
            world,
            lambda key, t=table: ask(browser, t, key),
            world.rows[there][table],
            (path, table, here),
            is_noted=path != "inline edit",
        )
        inline = ACTIONS[table].get("ajax_update", "nothing") if path == "inline edit" else action
        open_to_role = caseworker_may(inline, table)
        assert answer.status_code == (404 if open_to_role else 403), (path, table)
        assert CANARY[there] not in answer.text
    assert_untouched(world, before, (path, here))


def test_own_row_is_found(world: World) -> None:
    """Or else the tests above would prove nothing."""
    browser = world.client("caseworker.main")
    for table, key in world.rows["main"].items():
        if table in TABLES:
            for path in ("details", "edit"):
                answer = browser.get(f"/admin/{table}/{path}/?id={key}")
                needed = "edit" if path == "edit" else "read"
                assert answer.status_code == (200 if caseworker_may(needed, table) else 403), (table, path)


def test_odd_numbers_are_missing_rows(calm_world: World) -> None:
    browser = calm_world.client("caseworker.main")
    missing = plain(browser.get(f"/admin/beneficiary/details/?id={NEVER}"), NEVER)
    for odd in ("abc", "1,2", "-1", "0", "9" * 20, "1 OR 1=1", "١", "%00", "1.0", "", "+1", "0x1", "1e0"):
        answer = browser.get("/admin/beneficiary/details/", query_string={"id": odd})
        assert answer.status_code == 404, odd
        assert len(plain(answer)[2]) - len(odd) < len(missing[2]) + 60


def test_a_missing_slash_is_put_right_on_this_host(calm_world: World) -> None:
    """Not on the one that the request names, nor on one that its path looks like."""
    browser = calm_world.client("caseworker.main")
    for path in ("/admin/visit", "//evil.example/admin/visit", "/admin//visit/"):
        answer = browser.client.get(path, headers={"Host": "evil.example"}, query_string="search=α")
        assert answer.status_code in (308, 404), path
        place = answer.headers.get("Location", "/")
        assert place[:1] == "/" and place[1:2] not in ("/", "\\"), (path, place)
        assert answer.status_code == 404 or "://evil" not in answer.text
    moved = browser.client.get("/admin/visit", headers={"Host": "evil.example"}, query_string="search=x")
    assert moved.headers["Location"] == "/admin/visit/?search=x"


# --- many rows --------------------------------------------------------------------------------------------------------


@both_ways
def test_list_count_and_pager(world: World, here: str, there: str) -> None:
    """A hundred foreign rows make neither a row, nor a count, nor a page."""
    unit = world.rows[there]["unit"]
    add(world, *(builders.beneficiary(Unit(id=unit), last_name=CANARY[there], amka=None) for _ in range(60)))
    browser = world.client(f"caseworker.{here}")
    for table in TABLES:
        for url in (f"/admin/{table}/", f"/admin/{table}/?page_size=20", f"/admin/{table}/?page_size=1000000"):
            page = browser.get(url).text
            assert numbers_in(page, table) == {world.rows[here][table]}, url
            assert CANARY[there] not in page, url
            assert re.search(r'class="count" role="status">1 ', page), url
            assert 'class="pager"' not in page, url
        for number in ("1", "-1"):
            page = browser.get(f"/admin/{table}/?page={number}").text
            assert CANARY[there] not in page, (table, number)
            assert world.rows[there][table] not in numbers_in(page, table), (table, number)


@both_ways
def test_bulk_delete_of_own_and_foreign_does_nothing(world: World, here: str, there: str) -> None:
    browser, before = world.client(f"caseworker.{here}"), state_of(world)
    for table in TABLES:
        own, foreign = world.rows[here][table], world.rows[there][table]

        def ask(key: int, table: str = table, own: int = own) -> TestResponse:
            return browser.post(f"/admin/{table}/action/", {"action": "delete", "rowid": [own, key]})

        answer = (
            assert_like_missing(world, ask, foreign, (table, here)) if caseworker_may("delete", table) else ask(foreign)
        )
        assert answer.status_code == (404 if caseworker_may("delete", table) else 302), table
        browser.get(f"/admin/{table}/")
    assert_untouched(world, before, here)


def test_bulk_delete_is_all_or_nothing(world: World) -> None:
    """One row that others refer to keeps those after it, and those before it."""
    unit = Unit(id=world.rows["main"]["unit"])
    free = [add(world, builders.item(unit)) for _ in range(2)]
    used = world.rows["main"]["item"]
    browser, before = world.client("coordinator"), state_of(world)
    for order in ([free[0], used, free[1]], [used, *free], [*free, used]):
        assert browser.post("/admin/item/action/", {"action": "delete", "rowid": order}).status_code == 302
        assert_untouched(world, before, order)


@both_ways
def test_bulk_attendance_of_own_and_foreign_does_nothing(world: World, here: str, there: str) -> None:
    browser, before = world.client(f"caseworker.{here}"), state_of(world)
    own, foreign = world.rows[here]["event_attendance"], world.rows[there]["event_attendance"]

    def ask(key: int, own: int = own) -> TestResponse:
        return browser.post("/admin/event_attendance/action/", {"action": "attended", "rowid": [own, key]})

    assert assert_like_missing(world, ask, foreign, here).status_code == 404
    assert_untouched(world, before, here)
    assert ask(own).status_code == 302
    assert world.one(EventAttendance, own).attendance.value == "ATTENDED"


def test_nothing_takes_nested_rows(world: World) -> None:
    """No form knows rows within rows, and posting them changes nothing."""
    admin_views = [view for view in world.app.extensions["admin"][0]._views if hasattr(view, "scaffold_form")]
    assert len(admin_views) == len(SCREENS)
    for view in admin_views:
        assert not view.inline_models and not view.column_editable_list, view
        with world.app.test_request_context():
            kinds = [
                field.field_class for field in vars(view.scaffold_form()).values() if hasattr(field, "field_class")
            ]
        assert not any(issubclass(kind, (FieldList, FormField)) for kind in kinds), view
    browser = world.client("caseworker.main")
    foreign, own = world.rows["roma"], world.rows["main"]
    for prefix in ("members", "household_members", "household_member", "steps", "children", "beneficiary", "unit"):
        for index in ("0", foreign["household_member"]):
            nested = {
                f"{prefix}-{index}-id": foreign["household_member"],
                f"{prefix}-{index}-beneficiary_id": foreign["beneficiary"],
                f"{prefix}-{index}-unit_id": foreign["unit"],
                f"{prefix}-{index}-relation": "SPOUSE",
                f"del-{prefix}-{index}": "on",
            }
            for table in ("household", "beneficiary"):
                before = state_of(world)
                answer = browser.submit(f"/admin/{table}/edit/?id={own[table]}", **nested)
                assert answer.status_code == 302, (table, prefix)
                assert_untouched(world, before, (table, prefix))


# --- look-ups and choices ---------------------------------------------------------------------------------------------


@both_ways
def test_lookups(calm_world: World, here: str, there: str) -> None:
    """Every link of every screen, asked for all, for the foreign name and past the end."""
    world = calm_world
    browser = world.client(f"caseworker.{here}")
    asked = ("", "&limit=-1", f"&query={CANARY[there]}")
    asked += ("&limit=999999999&offset=1", "&offset=-5", "&query=ROMA-", "&query=%25") if here == "main" else ()
    answered = 0
    for screen in SCREENS:
        for name, field in fields(screen.model).items():
            for more in asked if field.kind == Kind.LINK else ("",):
                answer = browser.get(f"/admin/{screen.model.__tablename__}/ajax/lookup/?name={name}{more}")
                assert answer.status_code in (200, 403, 404), (screen, name, more)
                if answer.status_code == 200:
                    answered += 1
                    assert_only_own(world, screen.model, name, {key for key, _text in json.loads(answer.text)}, here)
                    assert CANARY[there] not in answer.text, (screen, name, more)
    assert answered > 100


def assert_only_own(world: World, model: type[Base], name: str, keys: set[int], here: str) -> None:
    target = link_target(model, name)
    if issubclass(target, Scoped):
        table = target.__tablename__
        assert keys <= {world.rows[here][table]}, (model, name, keys)
    elif target is User:
        names = {name for name, key in world.users.items() if key in keys}
        assert all(name.endswith(f".{here}") for name in names) and len(names) == len(keys), (model, name, names)


def test_lookup_takes_no_path_to_other_columns(calm_world: World) -> None:
    browser = calm_world.client("caseworker.main")
    for name in (
        "",
        "beneficiary",
        "unit",
        "beneficiary.unit_id",
        "last_name",
        "id",
        "version",
        "__class__",
        "metadata",
        "members",
        "caseworker",
        "search_key",
        "unit_id.municipality_id",
    ):
        for table in ("beneficiary", "household_member", "referral"):
            answer = browser.get(f"/admin/{table}/ajax/lookup/?name={name}")
            assert answer.status_code == 404, (table, name)


@both_ways
def test_choices_in_forms(calm_world: World, here: str, there: str) -> None:
    """Selects hold own rows and own colleagues only, on forms new and old."""
    world = calm_world
    browser, seen = world.client(f"caseworker.{here}"), 0
    for model in SCOPED:
        table = model.__tablename__
        for url in (f"/admin/{table}/new/", f"/admin/{table}/edit/?id={world.rows[here][table]}"):
            page = browser.get(url)
            assert CANARY[there] not in page.text, url
            for name, keys in options_in(page.text).items():
                if name in fields(model) and fields(model)[name].kind == Kind.LINK and name != "unit_id":
                    assert_only_own(world, model, name, {int(key) for key in keys}, here)
                    seen += 1
                elif name == "unit_id":
                    assert keys == {str(world.rows[here]["unit"])}, url
    assert seen > 25


def test_inline_update_is_closed_to_everybody(world: World) -> None:
    before = state_of(world)
    for username in ("caseworker.main", "coordinator", "supervisor", "administrator"):
        browser, role = world.client(username), Role(username.partition(".")[0])
        for screen in SCREENS:
            table = screen.model.__tablename__
            key = world.rows["main"].get(table) or world.rows["shared"].get(table) or 1
            for sent in ({"list_form_pk": key, "name": "x", "last_name": "x"}, {"list_form_pk": NEVER}, {}):
                answer = browser.post(f"/admin/{table}/ajax/update/", sent)
                needed = ACTIONS[table].get("ajax_update", "nothing")
                open_to_role = role in policy.PERMISSIONS.get((table, needed), ())
                assert answer.status_code == (404 if open_to_role else 403), (username, table)
    assert_untouched(world, before)


# --- what is sent -----------------------------------------------------------------------------------------------------


@both_ways
def test_posted_foreign_keys(world: World, here: str, there: str) -> None:
    """Every link of every form: a foreign number, refused with the words for one that never was."""
    browser = world.client(f"caseworker.{here}")
    for model in SCOPED:
        table = model.__tablename__
        if caseworker_may("create", table):
            sound = filled(world, model, here)
            before = state_of(world)
            for name in scoped_links(model, form_fields(model, is_new=True)):
                answer = assert_link_refused(world, browser, f"/admin/{table}/new/", sound, model, name, there)
                assert answer.status_code == 200 and name in errors_of(answer.text), (table, name)
            assert_untouched(world, before, (table, "new"))
        if caseworker_may("edit", table):
            url, before = f"/admin/{table}/edit/?id={world.rows[here][table]}", state_of(world)
            old = browser.form(url)
            for name in scoped_links(model, form_fields(model, is_new=False)):
                answer = assert_link_refused(world, browser, url, old, model, name, there)
                assert answer.status_code == 200 and name in errors_of(answer.text), (table, name)
            assert_untouched(world, before, (table, "edit"))


def assert_link_refused(
    world: World, browser: Browser, url: str, sent: dict[str, Any], model: type[Base], name: str, there: str
) -> TestResponse:
    foreign = link_row(world, link_target(model, name), there)
    return assert_like_missing(world, lambda key: browser.post(url, {**sent, name: key}), foreign, (url, name))


def test_locked_links_stay(world: World) -> None:
    """A link that the form does not offer after creation is not taken from a hand-made POST either."""
    browser, before = world.client("caseworker.main"), state_of(world)
    for screen in SCREENS:
        table = screen.model.__tablename__
        if screen.locked_columns and issubclass(screen.model, Scoped) and caseworker_may("edit", table):
            links = [n for n in screen.locked_columns if fields(screen.model)[n].kind == Kind.LINK]
            foreign = {name: link_row(world, link_target(screen.model, name), "roma") for name in links}
            answer = browser.submit(f"/admin/{table}/edit/?id={world.rows['main'][table]}", **foreign)
            assert answer.status_code == 302, table
    assert_untouched(world, before)


@both_ways
def test_prefill_by_url(world: World, here: str, there: str) -> None:
    browser = world.client(f"caseworker.{here}")
    for model in SCOPED:
        table = model.__tablename__
        if caseworker_may("create", table):
            for name in [*scoped_links(model, form_fields(model, is_new=True)), "unit_id"]:
                foreign = (
                    world.rows[there]["unit"] if name == "unit_id" else link_row(world, link_target(model, name), there)
                )
                answer = assert_like_missing(
                    world,
                    lambda key, t=table, n=name: browser.get(f"/admin/{t}/new/?{n}={key}"),
                    foreign,
                    (table, name),
                )
                assert answer.status_code == 200 and CANARY[there] not in answer.text, (table, name)


@both_ways
def test_new_person_for_a_foreign_household(world: World, here: str, there: str) -> None:
    """As for a household that never was: no member there, and the person stands in the own unit, or nowhere."""
    browser, foreign = world.client(f"caseworker.{here}"), world.rows[there]["household"]
    members = world.query(sa.select(sa.func.count(HouseholdMember.id)))

    def ask(key: int, browser: Browser = browser, here: str = here) -> TestResponse:
        url = f"/admin/beneficiary/new/?household_id={key}&relation=CHILD"
        browser.get(url)
        answer = browser.post(url, filled(world, Beneficiary, here) | {"last_name": "Νεοφερμένος"})
        if answer.status_code == 302:
            answer.headers["Location"] = re.sub(r"id=\d+", "id=#", answer.headers["Location"])
        return answer

    there_, never = ask(foreign), ask(NEVER)
    assert plain(there_, foreign)[:2] == plain(never, NEVER)[:2]
    assert world.query(sa.select(sa.func.count(HouseholdMember.id))) == members
    units = world.query(sa.select(Beneficiary.unit_id).where(Beneficiary.last_name == "Νεοφερμένος"))
    assert world.rows[there]["unit"] not in units[-2:]


@both_ways
def test_create_into_another_unit(world: World, here: str, there: str) -> None:
    browser, foreign = world.client(f"caseworker.{here}"), world.rows[there]["unit"]
    for model in SCOPED:
        table, before = model.__tablename__, None
        if caseworker_may("create", table) and not getattr(model, "unit_from", None):
            sound = filled(world, model, here)
            before = state_of(world)
            answer = assert_like_missing(
                world,
                lambda key, t=table, s=sound: browser.post(f"/admin/{t}/new/", {**s, "unit_id": key}),
                foreign,
                table,
            )
            assert answer.status_code == 200 and 'data-focus-field="unit_id"' in answer.text, table
            assert_untouched(world, before, table)


def test_unit_of_a_row_about_a_person_is_the_persons(world: World) -> None:
    """A posted unit is not taken: the row stands where its person, volunteer or item stands."""
    browser = world.client("caseworker.main")
    for model in SCOPED:
        table = model.__tablename__
        if getattr(model, "unit_from", None) and caseworker_may("create", table):
            sent = filled(world, model, "main") | {"unit_id": world.rows["roma"]["unit"]}
            assert browser.post(f"/admin/{table}/new/", sent).status_code == 302, table
            newest = world.query(sa.select(model).order_by(model.id.desc()).limit(1))[0]  # type: ignore[attr-defined]
            assert newest.unit_id == world.rows["main"]["unit"], table
            assert newest.id != world.rows["main"][table], table


def test_move_to_another_unit(world: World) -> None:
    for username in ("caseworker.main", "coordinator"):
        browser, before = world.client(username), state_of(world)
        role = Role(username.partition(".")[0])
        for table in TABLES:
            if role in policy.PERMISSIONS.get((table, "edit"), ()):
                key = world.rows["main"][table]
                answer = browser.submit(f"/admin/{table}/edit/?id={key}", unit_id=world.rows["roma"]["unit"], unit=2)
                assert answer.status_code == 302, table
        assert_untouched(world, before, username)


def test_number_known_in_the_other_unit(world: World) -> None:
    """The same ΑΜΚΑ: free here though it stands there; refused beside the field where it stands in this unit."""
    born_on = dt.date(1977, 7, 7)
    known = builders.amka(born_on, builders.Sex.F, 77)
    add(world, builders.beneficiary(Unit(id=world.rows["roma"]["unit"]), amka=known, born_on=born_on))
    browser = world.client("caseworker.main")
    sent = {**filled(world, Beneficiary), "amka": known}
    first = browser.post("/admin/beneficiary/new/", sent)
    assert first.status_code == 302
    again = browser.post("/admin/beneficiary/new/", {**filled(world, Beneficiary), "amka": known})
    assert again.status_code == 200
    assert set(errors_of(again.text)) == {"amka"}
    assert not re.search(r"UNIQUE|uq_|INSERT|sqlite|psycopg|DETAIL", again.text)
    by_edit = browser.submit(f"/admin/beneficiary/edit/?id={world.rows['main']['beneficiary']}", amka=known)
    assert set(errors_of(by_edit.text)) == {"amka"}


def test_saving_a_number_of_the_other_unit_answers_as_any_other(world: World) -> None:
    """Text and status of a save are the same whether or not the other unit knows the person."""
    there = world.one(Beneficiary, world.rows["roma"]["beneficiary"])
    browser, answers = world.client("reception.main"), []
    sent = {
        "last_name": there.last_name,
        "first_name": there.first_name,
        "afm": there.afm,
        "phone": there.mobile,
        "id_document": "",
        "mobile": there.mobile,
        "father_name": there.father_name,
    }
    for n, extra in enumerate(({"amka": there.amka}, {"amka": builders.amka(there.born_on, there.sex, 444)})):
        answer = browser.post(
            "/admin/beneficiary/new/", {**sent, **extra, "first_name": f"{there.first_name}{'αβ'[n]}"}
        )
        assert answer.status_code == 302
        page = browser.get(answer.headers["Location"])
        messages = re.findall(r'class="message.*?</div></div>', page.text, re.S) + re.findall(
            r'class="message[^>]*>.*?<div>(.*?)</div>', page.text, re.S
        )
        answers.append([text.replace(f"{there.first_name}{'αβ'[n]}", there.first_name) for text in messages])
    assert answers[0] == answers[1]


def test_sent_twice_under_somebody_elses_token(world: World) -> None:
    """A form's token that a colleague of the other unit used opens nothing."""
    theirs, mine = world.client("caseworker.roma"), world.client("caseworker.main")
    token = "gestohlen" * 3
    made = theirs.post("/admin/household/new/", filled(world, Household, "roma") | {"form_token": token})
    key = re.findall(r"id=(\d+)", made.headers["Location"])[0]
    answer = mine.post("/admin/household/new/", filled(world, Household, "main") | {"form_token": token})
    assert f"id={key}" not in answer.headers.get("Location", "")
    assert answer.status_code in (200, 302)


# --- narrowing and order ----------------------------------------------------------------------------------------------


@both_ways
def test_filters_on_related_columns_are_no_oracle(world: World, here: str, there: str) -> None:
    """A foreign name, phone or number filters like one that nobody has; so does a foreign row's number."""
    browser, asked = world.client(f"caseworker.{here}"), 0
    for model in SCOPED:
        table = model.__tablename__
        for name in fields(model):
            target = link_target(model, name) if fields(model)[name].kind == Kind.LINK else None
            if target is None or not (issubclass(target, (Scoped, User))):
                continue
            if issubclass(target, Searchable):
                url = f"/admin/{table}/?flt0_{name}_contains="
                found = browser.get(url + CANARY[there])
                assert plain(found, word=CANARY[there]) == plain(browser.get(url + "Ανύπαρκτος"), word="Ανύπαρκτος"), (
                    url
                )
                assert numbers_in(found.text, table) == set(), url
            else:
                foreign, url = link_row(world, target, there), f"/admin/{table}/?flt0_{name}_is="
                answers = [browser.get(f"{url}{key}") for key in (foreign, NEVER)]
                one, other = (plain(a, foreign, NEVER)[2] for a in answers)
                assert one.replace(f">{foreign}<", ">#<") == other.replace(f">{NEVER}<", ">#<"), url
            asked += 1
    assert asked > 15


def test_search_is_no_oracle(world: World) -> None:
    there = world.one(Beneficiary, world.rows["roma"]["beneficiary"])
    browser = world.client("caseworker.main")
    words = (CANARY["roma"], there.amka, there.afm, there.mobile, there.registry_number)
    for model in SCOPED:
        if issubclass(model, Searchable):
            table = model.__tablename__
            for word in words:
                nobody = re.sub(r"\w", "8", word)
                answers = [
                    plain(browser.get(f"/admin/{table}/", query_string={"search": w}), word=w) for w in (word, nobody)
                ]
                # What was typed is typed back, into the box and into the form of a new record.
                echo = r"search=[^&\"]*|(?<=href=\"new/)[^\"]*"
                answers = [(s, p, re.sub(echo, "", t)) for s, p, t in answers]
                assert answers[0] == answers[1], (table, word)


def test_order_by_related_columns(world: World) -> None:
    """By every column, shown or made up, nothing foreign comes up."""
    new_person(world, "roma", last_name="Ααα")
    browser = world.client("caseworker.main")
    for screen in SCREENS:
        table = screen.model.__tablename__
        if screen.model in SCOPED:
            for index in (*range(len(screen.list_columns)), 99, -1):
                page = browser.get(f"/admin/{table}/?sort={index}&desc=1")
                assert page.status_code == 200, (table, index)
                assert numbers_in(page.text, table) == {world.rows["main"][table]}, (table, index)
                assert CANARY["roma"] not in page.text and "Ααα" not in page.text, (table, index)


@both_ways
def test_export(calm_world: World, here: str, there: str) -> None:
    world = calm_world
    browser, taken = world.client(f"caseworker.{here}"), 0
    for model in SCOPED:
        table = model.__tablename__
        if caseworker_may("export", table):
            for more in ("", f"?search={CANARY[there]}", "?page=0&page_size=0", "?sort=1&desc=1"):
                rows = workbook_rows(browser.get(f"/admin/{table}/export/xlsx/{more}"))
                said = " ".join(str(cell) for row in rows for cell in row)
                assert CANARY[there] not in said.replace(f"{CANARY[there]}", "", more.count(CANARY[there])), (
                    table,
                    more,
                )
                taken += 1
        else:
            assert browser.get(f"/admin/{table}/export/xlsx/").status_code == 403, table
    assert taken > 15


# --- pages that gather ------------------------------------------------------------------------------------------------


@both_ways
def test_children_on_shared_pages(world: World, here: str, there: str) -> None:
    """A partner's and a programme's page hang referrals and applications of the own unit only, and count those."""
    browser = world.client(f"caseworker.{here}")
    for parent, child in (("partner", "referral"), ("programme", "application")):
        page = browser.get(f"/admin/{parent}/details/?id={world.rows['shared'][parent]}").text
        assert numbers_in(page, child) == {world.rows[here][child]}, parent
        assert CANARY[there] not in page
        assert re.search(rf'id="child-{child}-title">[^<]*<span class="number">1</span>', page), parent


@both_ways
def test_children_timeline_and_history_of_own_rows(world: World, here: str, there: str) -> None:
    """What hangs on an own record is own; its history tab tells nothing of the other unit."""
    worker = world.client(f"caseworker.{there}")
    for table, state in (("referral", ReferralStatus.SENT), ("application", ApplicationStatus.DOCS)):
        url = f"/admin/{table}/move/?id={world.rows[there][table]}"
        assert worker.post(url, to=state.value, on="01/02/2026", note=f"Βήμα {CANARY[there]}").status_code == 302
    browser = world.client(f"caseworker.{here}")
    for table in TABLES:
        page = browser.get(f"/admin/{table}/details/?id={world.rows[here][table]}")
        assert page.status_code == 200 and CANARY[there] not in page.text, table
        for child in TABLES:
            assert numbers_in(page.text, child) <= {world.rows[here][child]}, (table, child)


def test_home_cards(world: World) -> None:
    """Rows of the other unit that fall due today move no number on the first page."""
    browser = world.client("caseworker.main")
    before = plain(browser.get("/admin/"))
    busy_day(world, "roma")
    assert plain(browser.get("/admin/")) == before
    busy_day(world, "main")
    assert plain(browser.get("/admin/")) != before


def busy_day(world: World, code: str) -> None:
    """Something for every card of the first page."""
    unit, staff = Unit(id=world.rows[code]["unit"]), User(id=world.users[f"caseworker.{code}"])
    yesterday, soon = today() - dt.timedelta(days=1), today() + dt.timedelta(days=30)
    person = Beneficiary(id=new_person(world, code, permit_expires_on=soon, last_name=CANARY[code]), unit_id=unit.id)
    partner = world.one(Partner, world.rows["shared"]["partner"])
    programme = world.one(Programme, world.rows["shared"]["programme"])
    noon = dt.datetime.combine(today(), dt.time(9), dt.UTC)
    add(
        world,
        builders.visit(unit, staff, request=CANARY[code]),
        builders.appointment(unit, staff, at=noon, purpose=CANARY[code], status=AppointmentStatus.BOOKED),
        builders.referral(person, staff, partner, due_on=yesterday, status=ReferralStatus.SENT, reason=CANARY[code]),
        builders.application(person, programme, staff, renewal_on=soon, remarks=CANARY[code]),
        builders.case_note(person, staff, body=CANARY[code], confidence=Confidence.UNIT),
        builders.household(unit, name=CANARY[code]),
        builders.event(unit, title=CANARY[code]),
        builders.volunteer(unit, last_name=CANARY[code]),
        builders.item(unit, name=f"Είδος {CANARY[code]} {len(world.query(sa.select(Item.id)))}"),
        builders.user(Role.CASEWORKER, [unit], full_name=CANARY[code], password_changed_at=builders.now()),
    )


# --- two worlds -------------------------------------------------------------------------------------------------------


def test_two_worlds(world: World) -> None:
    """Only the other unit's rows change: no page, count, list of choices, look-up or workbook of this unit does."""
    browser = world.client("caseworker.main")
    before = walk(world, browser)
    busy_day(world, "roma")
    with system_session(world) as session:
        roma = world.rows["roma"]
        session.get_one(Beneficiary, roma["beneficiary"]).last_name = "Άλλος"
        session.get_one(Referral, roma["referral"]).reason = "Άλλος λόγος"
        session.delete(session.get_one(ServiceDelivery, roma["service_delivery"]))
    after = walk(world, browser)
    assert len(before) > 150
    for url, answer in before.items():
        assert answer == after[url], url


def test_whoever_works_in_no_unit_sees_nothing(calm_world: World) -> None:
    world, browser = calm_world, calm_world.client("unitless")
    birds = [*CANARY.values(), "MAIN-0", "ROMA-0"]
    for url, answer in walk(world, browser).items():
        text = str(answer)
        assert not any(
            bird in re.sub(r"search=[^\"&]*|value=\"[^\"]*\"|<strong>[^<]*</strong>", "", text) for bird in birds
        ), url
    for model in SCOPED:
        table = model.__tablename__
        page = browser.get(f"/admin/{table}/")
        assert page.status_code == 200 and numbers_in(page.text, table) == set(), table
        for code in CANARY:
            assert browser.get(f"/admin/{table}/details/?id={world.rows[code][table]}").status_code == 404, table
        offers = caseworker_may("create", table) or caseworker_may("edit", table)
        names = [n for n in scoped_links(model) if offers and issubclass(link_target(model, n), Scoped)]
        for name in names:
            assert json.loads(browser.get(f"/admin/{table}/ajax/lookup/?name={name}").text) == [], (table, name)


def test_whoever_works_in_no_unit_writes_nothing(world: World) -> None:
    browser = world.client("unitless")
    for model in SCOPED:
        if caseworker_may("create", model.__tablename__):
            for code in CANARY:
                sound = filled(world, model, code)
                before = state_of(world)
                answer = browser.post(f"/admin/{model.__tablename__}/new/", sound)
                assert answer.status_code in (200, 403), model
                assert_untouched(world, before, model)
