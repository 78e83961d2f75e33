"""Several people at once, the same form twice, states and what hangs together: nothing is lost, doubled or half done."""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from db import Base, Record
from models import (
    Application,
    Appointment,
    AuditEntry,
    Beneficiary,
    CaseNote,
    Distribution,
    Event,
    EventAttendance,
    Household,
    HouseholdMember,
    Item,
    Partner,
    PartnerContact,
    Referral,
    StockMovement,
    Unit,
    User,
    Visit,
    now,
    today,
)
from seed import builders
from tests.answers import add, assert_sound, errors_of, filled, new_person, said, screens
from tests.world import CANARY, Browser, World, by_hand, fields_of
from vocabulary import AuditAction, Confidence, HouseholdRelation, Role, UnitKind

NEW = "/admin/beneficiary/new/"


def at_once(acts: Iterable[Callable[[], Any]]) -> list[Any]:
    """Let all of this happen at the same time; the results in the order of the acts."""
    acts = list(acts)
    start = threading.Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        start.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def same_session(world: World, browser: Browser) -> Browser:
    """One more window of the same browser, for use in another thread."""
    twin = Browser(world.app.test_client())
    name = world.app.config["SESSION_COOKIE_NAME"]
    cookie = browser.client.get_cookie(name)
    assert cookie is not None
    twin.client.set_cookie(name, cookie.value)
    twin.token = browser.token
    return twin


def rows_of(world: World, model: type[Base]) -> int:
    return int(world.query(sa.select(sa.func.count()).select_from(model))[0])


def entries(world: World, action: AuditAction, model: type[Base]) -> list[int]:
    """Numbers of the rows of which the trail tells this."""
    told = sa.select(AuditEntry.subject_id).where(AuditEntry.subject_type == model.__tablename__)
    return sorted(world.query(told.where(AuditEntry.action == action)))


def person(world: World, code: str = "main", **changes: Any) -> dict[str, Any]:
    return {"unit_id": str(world.rows[code]["unit"]), "last_name": "Ταυτόχρονος", "first_name": "Έλεγχος"} | changes


# --- two people edit one record ---------------------------------------------------------------------------------------


def theirs(page: str) -> dict[str, str]:
    """What somebody else saved meanwhile, by field."""
    return {
        name: re.sub(r"<[^>]*>", "", text).strip()
        for name, text in re.findall(r'id="(\w+)-theirs">(.*?)</div>', page, re.S)
    }


def test_the_later_of_two_sees_both_and_decides(world: World) -> None:
    key = world.rows["main"]["beneficiary"]
    url = f"/admin/beneficiary/edit/?id={key}"
    earlier, later = world.client("caseworker.main"), world.client("coordinator")
    hers, his = earlier.form(url), later.form(url)
    assert earlier.post(url, hers | {"last_name": "Πρώτη", "area": "Άνω"}).status_code == 302
    mine = his | {"last_name": "Δεύτερος", "address": "Οδός 2"}
    answer = assert_sound(later.post(url, mine))
    assert answer.status_code == 200
    assert (
        said(world.app, "Somebody else changed this record meanwhile. Compare below, and save again to keep yours.")
        in answer.text
    )
    assert "Πρώτη" in theirs(answer.text)["last_name"]
    kept = fields_of(answer.text)
    assert (kept["last_name"], kept["address"]) == ("Δεύτερος", "Οδός 2")
    assert set(theirs(answer.text)) <= {"last_name", "address", "area"}, "fields on which both agree are not in dispute"
    assert world.one(Beneficiary, key).last_name == "Πρώτη", "nothing was saved yet"
    assert later.post(url, kept).status_code == 302
    row = world.one(Beneficiary, key)
    assert (row.last_name, row.address, row.area) == ("Δεύτερος", "Οδός 2", "Άνω"), (
        "the other's change was undone unasked"
    )


def test_a_forged_or_missing_version_saves_nothing(world: World) -> None:
    key = world.rows["main"]["beneficiary"]
    url = f"/admin/beneficiary/edit/?id={key}"
    browser = world.client("coordinator")
    form = browser.form(url) | {"area": "Αλλού"}
    for version in ("", "0", "-1", "abc", "99999999999999999999", "1 ", "1.0", "\0", None):
        sent = {name: value for name, value in (form | {"version": version}).items() if value is not None}
        answer = assert_sound(browser.post(url, sent), version)
        assert answer.status_code == 200, version
        assert fields_of(answer.text)["area"] == "Αλλού", version
    assert world.one(Beneficiary, key).area != "Αλλού"


def test_editing_what_was_deleted_meanwhile(world: World) -> None:
    key = world.rows["main"]["visit"]
    browser = world.client("coordinator")
    form = browser.form(f"/admin/visit/edit/?id={key}")
    assert browser.post("/admin/visit/delete/", id=key).status_code == 302
    assert assert_sound(browser.post(f"/admin/visit/edit/?id={key}", form)).status_code == 404
    assert assert_sound(browser.post("/admin/visit/delete/", id=key)).status_code == 404


WRITERS, TURNS = 6, 6


def test_no_acknowledged_edit_is_lost(world: World) -> None:
    """Everybody adds a mark to what they read; whoever comes too late reads again."""
    key = world.rows["main"]["beneficiary"]
    url, before = f"/admin/beneficiary/edit/?id={key}", world.one(Beneficiary, key)
    browsers = [world.client("coordinator") for _ in range(WRITERS)]

    def write(number: int) -> list[str]:
        acknowledged = []
        for turn in range(TURNS):
            form, mark = browsers[number].form(url), f"<{number}.{turn}>"
            answer = assert_sound(browsers[number].post(url, form | {"remarks": form["remarks"] + mark}))
            assert answer.status_code in (200, 302)
            acknowledged += [mark] if answer.status_code == 302 else []
        return acknowledged

    acknowledged = [mark for marks in at_once(lambda n=n: write(n) for n in range(WRITERS)) for mark in marks]
    after = world.one(Beneficiary, key)
    assert acknowledged
    assert sorted(re.findall("<[^>]+>", after.remarks)) == sorted(acknowledged)
    assert after.version == before.version + len(acknowledged)
    assert entries(world, AuditAction.UPDATE, Beneficiary).count(key) == len(acknowledged)


def test_parallel_writers_of_different_rows_all_succeed(world: World) -> None:
    keys = [new_person(world) for _ in range(WRITERS)]
    browsers = [world.client("coordinator") for _ in range(WRITERS)]

    def write(number: int) -> list[int]:
        url = f"/admin/beneficiary/edit/?id={keys[number]}"
        return [assert_sound(browsers[number].submit(url, area=f"Γύρος {turn}")).status_code for turn in range(TURNS)]

    assert at_once(lambda n=n: write(n) for n in range(WRITERS)) == [[302] * TURNS] * WRITERS
    assert {world.one(Beneficiary, key).version for key in keys} == {1 + TURNS}


# --- the same form twice ----------------------------------------------------------------------------------------------


def test_the_same_form_sent_again_makes_one_record(world: World) -> None:
    browser = world.client("coordinator")
    for model in screens("create"):
        url = f"/admin/{model.__tablename__}/new/"
        form, rows = browser.form(url) | filled(world, model), rows_of(world, model)
        made = len(entries(world, AuditAction.CREATE, model))
        first, second = browser.post(url, form), browser.post(url, form)
        assert (first.status_code, second.status_code) == (302, 302), (model, errors_of(second.text))
        assert first.headers["Location"] == second.headers["Location"], model
        assert rows_of(world, model) == rows + 1, model
        assert len(entries(world, AuditAction.CREATE, model)) == made + 1, model


def test_the_same_form_sent_at_once_makes_one_record(world: World) -> None:
    browser = world.client("coordinator")
    for extra in (
        {},
        {"amka": builders.amka(dt.date(1990, 9, 9), builders.Sex.F, 3), "born_on": "09/09/1990", "sex": "F"},
    ):
        form, rows = browser.form(NEW) | person(world, **extra), rows_of(world, Beneficiary)
        made = len(entries(world, AuditAction.CREATE, Beneficiary))
        twins = [same_session(world, browser) for _ in range(4)]
        answers = at_once(lambda twin=twin, form=form: assert_sound(twin.post(NEW, form)) for twin in twins)
        assert [answer.status_code for answer in answers] == [302] * 4, [errors_of(answer.text) for answer in answers]
        assert len({answer.headers["Location"] for answer in answers}) == 1
        assert rows_of(world, Beneficiary) == rows + 1
        assert len(entries(world, AuditAction.CREATE, Beneficiary)) == made + 1


def test_a_form_sent_again_after_correction_is_taken(world: World) -> None:
    browser, rows = world.client("coordinator"), rows_of(world, Beneficiary)
    form = browser.form(NEW) | person(world, born_on="31/02/1980")
    refused = browser.post(NEW, form)
    assert refused.status_code == 200
    assert browser.post(NEW, fields_of(refused.text) | {"born_on": "28/02/1980"}).status_code == 302
    assert rows_of(world, Beneficiary) == rows + 1


def test_a_token_of_somebody_else_leads_nowhere(world: World) -> None:
    one, other = world.client("coordinator"), world.client("caseworker.roma")
    form = one.form(NEW) | person(world)
    made = one.post(NEW, form).headers["Location"]
    replayed = other.form(NEW) | person(world, "roma") | {"form_token": form["form_token"]}
    answer = assert_sound(other.post(NEW, replayed))
    assert answer.headers.get("Location") != made
    assert "Ταυτόχρονος" in answer.text or answer.status_code == 302, "the typing is kept"
    visit = one.form("/admin/visit/new/") | filled(world, Visit) | {"form_token": form["form_token"]}
    assert assert_sound(one.post("/admin/visit/new/", visit)).headers.get("Location") != made


def test_forms_without_a_token_are_not_one_form(world: World) -> None:
    browser, rows = world.client("coordinator"), rows_of(world, Beneficiary)
    form = browser.form(NEW)
    for name in ("Άλφα", "Βήτα"):
        assert browser.post(NEW, form | person(world, last_name=name) | {"form_token": ""}).status_code == 302
        without = {k: v for k, v in (form | person(world, last_name=name * 2)).items() if k != "form_token"}
        assert browser.post(NEW, without).status_code == 302
    assert rows_of(world, Beneficiary) == rows + 4


def test_registry_numbers_run_on_without_doubles_or_gaps(world: World) -> None:
    browsers = [world.client("coordinator") for _ in range(WRITERS)]

    def register(number: int) -> None:
        for turn in range(4):
            wrong = turn == 1 and number % 2 == 0
            closing = {"closed_on": "01/01/1990"} if wrong else {}
            answer = assert_sound(
                browsers[number].submit(NEW, **person(world, first_name=f"{number} {turn}", **closing))
            )
            assert answer.status_code == (200 if wrong else 302)

    at_once(lambda n=n: register(n) for n in range(WRITERS))
    numbers = world.query(
        sa.select(Beneficiary.registry_number).where(Beneficiary.unit_id == world.rows["main"]["unit"])
    )
    drawn = sorted(int(number.rpartition("-")[2]) for number in numbers)
    assert len(drawn) == 1 + WRITERS * 4 - WRITERS // 2
    assert drawn == list(range(drawn[0], drawn[0] + len(drawn)))


# --- the last place, the last piece -----------------------------------------------------------------------------------


def raced(world: World, url: str, forms: list[dict[str, Any]]) -> list[TestResponse]:
    """Send these forms at once, each from its own browser."""
    browsers = [world.client("coordinator") for _ in forms]
    sent = [browser.form(url) | form for browser, form in zip(browsers, forms, strict=True)]
    acts = [lambda b=b, f=f: assert_sound(b.post(url, f)) for b, f in zip(browsers, sent, strict=True)]
    answers = at_once(acts)
    assert {answer.status_code for answer in answers} <= {200, 302}
    return answers


def test_the_last_place_is_taken_once(world: World) -> None:
    event = add(world, builders.event(Unit(id=world.rows["main"]["unit"]), capacity=1))
    people = [new_person(world) for _ in range(4)]
    answers = raced(
        world, "/admin/event_attendance/new/", [{"event_id": str(event), "beneficiary_id": str(who)} for who in people]
    )
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 302]
    full = said(world.app, "All places of this event are taken.")
    assert all(errors_of(a.text).get("event_id") == full for a in answers if a.status_code == 200)
    assert len(world.query(sa.select(EventAttendance.id).where(EventAttendance.event_id == event))) == 1


def test_the_last_piece_is_given_once(world: World) -> None:
    item = stocked(world, 1)
    who = str(world.rows["main"]["beneficiary"])
    given = {"item_id": str(item), "beneficiary_id": who, "quantity": "1"}
    answers = raced(world, "/admin/distribution/new/", [given] * 4)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 302]
    short = said(world.app, "There is not so much in stock.")
    assert all(errors_of(a.text).get("quantity") == short for a in answers if a.status_code == 200)
    assert stock(world, item) == 0


def stocked(world: World, quantity: int) -> int:
    """An item of which there is so much."""
    unit = Unit(id=world.rows["main"]["unit"])
    key = add(world, builders.item(unit, measure="κιλό"))
    add(world, builders.movement(Item(id=key, unit_id=unit.id), quantity))
    return key


def stock(world: World, item: int) -> Decimal:
    moved = world.query(sa.select(StockMovement.quantity).where(StockMovement.item_id == item))
    given = world.query(sa.select(Distribution.quantity).where(Distribution.item_id == item))
    return sum(moved, Decimal()) - sum(given, Decimal())


def test_stock_is_never_below_zero(world: World) -> None:
    browser, item = world.client("coordinator"), stocked(world, 5)
    who = str(world.rows["main"]["beneficiary"])
    give = {"item_id": str(item), "beneficiary_id": who}
    assert browser.submit("/admin/distribution/new/", **give, quantity="4,5").status_code == 302
    given = world.query(sa.select(sa.func.max(Distribution.id)))[0]
    came = world.query(sa.select(sa.func.max(StockMovement.id)))[0]
    for url, changes in (
        ("/admin/distribution/new/", {**give, "quantity": "0,51"}),
        (f"/admin/distribution/edit/?id={given}", {"quantity": "5,01"}),
        ("/admin/stock_movement/new/", {"item_id": str(item), "kind": "LOSS", "quantity": "-0,51"}),
        (f"/admin/stock_movement/edit/?id={came}", {"quantity": "4,49"}),
    ):
        answer = assert_sound(browser.submit(url, **changes), (url, changes))
        assert answer.status_code == 200, (url, changes)
        assert "quantity" in errors_of(answer.text), (url, changes)
        assert stock(world, item) == Decimal("0.5")
    assert_sound(browser.post("/admin/stock_movement/delete/", id=came))
    assert stock(world, item) == Decimal("0.5"), "what was handed out never came in"
    assert browser.submit(f"/admin/distribution/edit/?id={given}", quantity="5").status_code == 302
    assert (
        browser.submit("/admin/stock_movement/new/", item_id=str(item), kind="PURCHASE", quantity="2").status_code
        == 302
    )
    assert (
        browser.submit("/admin/stock_movement/new/", item_id=str(item), kind="LOSS", quantity="-2").status_code == 302
    )
    assert stock(world, item) == 0


def test_an_event_takes_no_more_people_than_it_has_places(world: World) -> None:
    browser = world.client("coordinator")
    event = add(world, builders.event(Unit(id=world.rows["main"]["unit"]), capacity=1))
    first, second = new_person(world), new_person(world)
    new = "/admin/event_attendance/new/"
    assert browser.submit(new, event_id=str(event), beneficiary_id=str(first)).status_code == 302
    refused = browser.submit(new, event_id=str(event), beneficiary_id=str(second))
    assert errors_of(refused.text) == {"event_id": said(world.app, "All places of this event are taken.")}
    assert browser.submit(new, event_id=str(event), beneficiary_id=str(second), attendance="ABSENT").status_code == 302
    late = world.query(sa.select(sa.func.max(EventAttendance.id)))[0]
    answer = assert_sound(browser.submit(f"/admin/event_attendance/edit/?id={late}", attendance="ATTENDED"))
    assert answer.status_code == 200, "who was absent takes a place that is not there"


def test_an_event_does_not_shrink_below_those_who_come(world: World) -> None:
    browser = world.client("coordinator")
    event = add(world, builders.event(Unit(id=world.rows["main"]["unit"]), capacity=2))
    for who in (new_person(world), new_person(world)):
        assert (
            browser.submit("/admin/event_attendance/new/", event_id=str(event), beneficiary_id=str(who)).status_code
            == 302
        )
    assert assert_sound(browser.submit(f"/admin/event/edit/?id={event}", capacity="1")).status_code == 200
    assert world.one(Event, event).capacity == 2


def test_a_household_has_one_head(world: World) -> None:
    browser, home = world.client("coordinator"), str(world.rows["main"]["household"])
    new = {"household_id": home, "beneficiary_id": str(new_person(world)), "relation": HouseholdRelation.HEAD.value}
    answer = assert_sound(browser.submit("/admin/household_member/new/", **new))
    assert answer.status_code == 200
    assert "message-error" in answer.text
    assert browser.submit("/admin/household_member/new/", **new | {"relation": "CHILD"}).status_code == 302
    member = world.query(sa.select(sa.func.max(HouseholdMember.id)))[0]
    assert browser.submit(f"/admin/household_member/edit/?id={member}", relation="HEAD").status_code == 200
    heads = sa.select(HouseholdMember.id).where(HouseholdMember.relation == HouseholdRelation.HEAD)
    assert len(world.query(heads.where(HouseholdMember.household_id == int(home)))) == 1
    again = assert_sound(browser.submit("/admin/household_member/new/", **new | {"relation": "SIBLING"}))
    assert again.status_code == 200, "nobody is twice in one household"


# --- deletion ---------------------------------------------------------------------------------------------------------


def everything(world: World) -> set[tuple[str, int]]:
    """Table and number of every recorded row."""
    models = [m.class_ for m in Base.registry.mappers if issubclass(m.class_, Record)]
    kept = [m for m in models if not m.__tablename__.endswith("_step")]
    return {(model.__tablename__, key) for model in kept for key in world.query(sa.select(model.id))}


def test_what_others_refer_to_is_not_deleted(world: World) -> None:
    browser = world.client("coordinator")
    main, shared = world.rows["main"], world.rows["shared"]
    refused = said(world.app, "This record cannot be deleted: others refer to it.")
    for name, key in (
        ("beneficiary", main["beneficiary"]),
        ("item", main["item"]),
        ("volunteer", main["volunteer"]),
        ("service", shared["service"]),
        ("programme", shared["programme"]),
        ("partner", shared["partner"]),
    ):
        before = everything(world)
        answer = assert_sound(browser.post(f"/admin/{name}/delete/", {"id": key, "url": f"/admin/{name}/"}), name)
        assert answer.headers["Location"] == f"/admin/{name}/details/?id={key}", name
        assert refused in browser.get(answer.headers["Location"]).text, name
        assert everything(world) == before, name


def test_what_holds_a_record_is_counted_as_far_as_it_is_seen(world: World) -> None:
    """A note that is its author's alone keeps the person too, and is not told of."""
    browser, unit = world.client("coordinator"), Unit(id=world.rows["main"]["unit"])
    staff, key = User(id=world.users["caseworker.main"]), new_person(world)
    person = world.one(Beneficiary, key)
    refused = said(world.app, "This record cannot be deleted: others refer to it.")

    def told() -> str:
        page = browser.get(browser.post("/admin/beneficiary/delete/", id=key).headers["Location"]).text
        return re.findall(rf"{refused}(.*?)</div>", page)[0].strip()

    note = builders.case_note(person, staff, body="Κρυφό", confidence=Confidence.AUTHOR)
    add(world, note)
    assert told() == ""
    add(world, builders.visit(unit, staff, person), builders.visit(unit, staff, person))
    assert told() == f"{Visit.labels}: 2."


def test_what_was_deleted_is_named(world: World) -> None:
    browser, key = world.client("coordinator"), new_person(world, last_name="Σβησμένου", first_name="<b>Άννα</b>")
    gone = browser.post("/admin/beneficiary/delete/", {"id": key, "url": "/admin/household/"})
    assert gone.headers["Location"] == "/admin/household/"
    page = browser.get("/admin/household/").text
    assert "«Σβησμένου &lt;b&gt;Άννα&lt;/b&gt;»" in page.partition("message-success")[2].partition("</div>")[0]


def test_what_was_saved_is_a_link_where_one_lands_elsewhere(world: World) -> None:
    browser = world.client("caseworker.main")
    home = f"/admin/beneficiary/details/?id={world.rows['main']['beneficiary']}"
    made = browser.submit(f"{NEW}?url={home}", **person(world, last_name="<i>Άλλου"))
    assert made.headers["Location"] == home
    told = browser.get(home).text.partition("message-success")[2].partition("</div>")[0]
    [(key, name)] = re.findall(r'<a href="/admin/beneficiary/details/\?id=(\d+)">(.*?)</a>', told)
    assert "&lt;i&gt;Άλλου" in name and "<i>" not in name
    own = f"/admin/beneficiary/details/?id={key}"
    saved = browser.submit(f"/admin/beneficiary/edit/?id={key}&url={own}", area="Άνω")
    assert saved.headers["Location"] == own
    assert "<a" not in browser.get(own).text.partition("message-success")[2].partition("</div>")[0]


def test_whatever_vanishes_is_in_the_trail(world: World) -> None:
    """A deletion that takes other rows along tells of each of them."""
    browser = world.client("coordinator")
    move = f"/admin/referral/move/?id={world.rows['main']['referral']}"
    assert browser.post(move, to="SENT").status_code == 302
    deletable = {model.__tablename__ for model in screens("delete")}
    for name, key in [*world.rows["main"].items(), *world.rows["shared"].items()]:
        before = everything(world)
        if name in deletable and (name, key) in before:
            answer = assert_sound(browser.post(f"/admin/{name}/delete/", id=key), name)
            assert answer.status_code == 302, f"{name}: {answer.status_code}"
            gone = before - everything(world)
            told = world.query(sa.select(AuditEntry).where(AuditEntry.action == AuditAction.DELETE))
            assert gone <= {(entry.subject_type, entry.subject_id) for entry in told}, name
    assert world.one(Referral, world.rows["main"]["referral"]) is None, "a referral with a timeline can be deleted"


def test_a_partner_goes_with_or_without_its_contacts_but_not_silently(world: World) -> None:
    key = add(world, builders.partner())
    contact = add(world, PartnerContact(partner_id=key, name="Μόνη επαφή"))
    world.client("coordinator").post("/admin/partner/delete/", id=key)
    if world.one(Partner, key) is None:
        assert contact in entries(world, AuditAction.DELETE, PartnerContact)
    else:
        assert world.one(PartnerContact, contact) is not None


def test_chosen_rows_are_deleted_all_or_none(world: World) -> None:
    browser = world.client("coordinator")
    free, tied, other = new_person(world), world.rows["main"]["beneficiary"], new_person(world)
    for chosen in ([free, tied, other], [tied, free, other], [free, other, tied], [free, 999_999], ["abc", free]):
        answer = assert_sound(browser.post("/admin/beneficiary/action/", action="delete", rowid=chosen), chosen)
        assert answer.status_code in (302, 404)
        assert {world.one(Beneficiary, key) is None for key in (free, tied, other)} == {False}, chosen
        assert not {free, other} & set(entries(world, AuditAction.DELETE, Beneficiary)), chosen
    assert (
        browser.post("/admin/beneficiary/action/", action="delete", rowid=[free, other, f"0{free}"]).status_code == 302
    )
    assert {world.one(Beneficiary, key) for key in (free, other)} == {None}
    assert {free, other} <= set(entries(world, AuditAction.DELETE, Beneficiary))


def test_odd_bulk_actions_do_nothing(world: World) -> None:
    browser, before = world.client("coordinator"), everything(world)
    for action in ("", "nothing", "action_delete", "__class__", "\0"):
        answer = assert_sound(browser.post("/admin/beneficiary/action/", action=action, rowid=[1]), action)
        assert answer.status_code in (302, 400, 404), action
    answer = assert_sound(browser.post("/admin/beneficiary/action/", action="delete"))
    assert everything(world) == before and "message-success" not in browser.get(answer.headers["Location"]).text


# --- states -----------------------------------------------------------------------------------------------------------


def put_in_state(world: World, model: Any, key: int, state: Any) -> None:
    """Whatever its history, the row is in this state now."""
    table = model.__table__
    with world.app.app_context(), by_hand().begin() as connection:
        connection.execute(sa.update(table).where(table.c.id == key).values(status=state))


def test_every_move_and_no_other_is_possible(world: World) -> None:
    browser, tried = world.client("coordinator"), 0
    for model in (Referral, Application, Appointment):
        key = world.rows["main"][model.__tablename__]
        url = f"/admin/{model.__tablename__}/move/?id={key}"
        states = list(type(world.one(model, key).status))
        for state in states:
            for target in states:
                put_in_state(world, model, key, state)
                allowed = target in model.moves.get(state, ())
                answer = assert_sound(browser.post(url, to=target.value), (state, target))
                assert answer.status_code == 302
                assert world.one(model, key).status == (target if allowed else state), (
                    model,
                    state.value,
                    target.value,
                )
                tried += 1
    assert tried == 12 * 12 + 11 * 11 + 5 * 5


def test_the_page_offers_exactly_the_moves_that_are_possible(world: World) -> None:
    browser = world.client("coordinator")
    for model in (Referral, Application, Appointment):
        key = world.rows["main"][model.__tablename__]
        for state in type(world.one(model, key).status):
            put_in_state(world, model, key, state)
            page = browser.get(f"/admin/{model.__tablename__}/details/?id={key}").text
            offered = re.findall(r'data-dialog="transition-dialog" data-to="(\w+)"', page)
            offered += re.findall(
                r'<option value="(\w+)"', page.partition('id="transition-dialog"')[2].partition("</select>")[0]
            )
            assert offered == [target.value for target in model.moves.get(state, ())], (model, state.value)


def test_every_state_is_reached_and_no_state_is_left_for_itself() -> None:
    for model in (Referral, Application, Appointment):
        column = model.__table__.c.status
        reached = {column.info["field"].default()} | {target for targets in model.moves.values() for target in targets}
        assert reached == set(column.info["field"].codes), model
        assert not [state for state, targets in model.moves.items() if state in targets], model


def test_a_move_keeps_its_date_and_note(world: World) -> None:
    browser, key = world.client("coordinator"), world.rows["main"]["referral"]
    url, details = f"/admin/referral/move/?id={key}", f"/admin/referral/details/?id={key}"
    yesterday, tomorrow = today() - dt.timedelta(days=1), today() + dt.timedelta(days=1)
    for odd in (f"{tomorrow:%d/%m/%Y}", "31/02/2026", "abc", "\0", "31/12/9999", "9" * 20):
        answer = assert_sound(browser.post(url, to="SENT", on=odd), odd)
        assert answer.status_code == 200 and "transition-error" in answer.text, odd
        assert world.one(Referral, key).status.value == "DRAFT", odd
    for odd in ("μ" * 501, "α\0β"):
        assert_sound(browser.post(url, to="SENT", note=odd))
        assert "message-error" in browser.get(details).text
        assert world.one(Referral, key).status.value == "DRAFT", odd[:5]
    note = "Με <b>φαξ</b> & ταχυδρομείο"
    assert browser.post(url, to="SENT", on=f"{yesterday:%d/%m/%Y}", note=note).status_code == 302
    page = browser.get(details).text
    assert "Με &lt;b&gt;φαξ&lt;/b&gt; &amp; ταχυδρομείο" in page
    assert f"{yesterday:%d/%m/%Y}" in page
    row = world.one(Referral, key)
    assert (row.status.value, row.sent_on) == ("SENT", yesterday)
    told = world.query(sa.select(AuditEntry).where(AuditEntry.action == AuditAction.STATUS))
    assert [(entry.subject_type, entry.subject_id) for entry in told] == [("referral", key)]
    for odd in ("", "NOTHING", "\0", "DRAFT"):
        assert_sound(browser.post(url, to=odd), odd)
        assert world.one(Referral, key).status.value == "SENT"


def test_a_move_with_a_wrong_date_keeps_what_was_typed(world: World) -> None:
    key, browser = world.rows["main"]["referral"], world.client("caseworker.main")
    tomorrow, note = f"{today() + dt.timedelta(days=1):%d/%m/%Y}", "Μίλησα με <τον φορέα>"
    for on, told in ((tomorrow, "The date lies in the future."), ("31/02/2026", NO_DAY), ("abc", DATE)):
        answer = assert_sound(browser.post(f"/admin/referral/move/?id={key}", to="SENT", on=on, note=note))
        dialog = re.search(r'<dialog id="transition-dialog" data-open.*?</dialog>', answer.text, re.S)
        assert answer.status_code == 200 and dialog, on
        assert said(world.app, told) in dialog[0] and 'aria-describedby="transition-error"' in dialog[0]
        assert f'value="{on}"' in dialog[0] and "Μίλησα με &lt;τον φορέα&gt;</textarea>" in dialog[0]
        assert 'name="to" value="SENT"' in dialog[0]
        assert world.one(Referral, key).status.value == "DRAFT", on
    too_long = assert_sound(browser.post(f"/admin/referral/move/?id={key}", to="SENT", on="", note="ν" * 501))
    assert too_long.status_code == 200 and said(world.app, "The text is too long.") in too_long.text
    moved = browser.post(f"/admin/referral/move/?id={key}", to="SENT", on="", note=note)
    assert moved.status_code == 302 and world.one(Referral, key).status.value == "SENT"
    assert f"{CANARY['main']}" in message(browser.get(moved.headers["Location"]).text), "whose state it is, is said"


def test_of_many_states_one_has_to_be_chosen(world: World) -> None:
    """No state is chosen beforehand, and the dialog that comes back keeps what was typed."""
    key, browser = world.rows["main"]["appointment"], world.client("caseworker.main")
    page = browser.get(f"/admin/appointment/details/?id={key}").text
    select = page.partition('id="transition-dialog"')[2].partition("</select>")[0]
    assert 'for="transition-to"' in select and " required" in select and " autofocus" in select
    assert re.findall(r'<option value="(\w*)"( selected)?', select)[0] == ("", "")
    answer = assert_sound(browser.post(f"/admin/appointment/move/?id={key}", to="", on="01/02/2026", note="Κράτα με"))
    dialog = re.search(r'<dialog id="transition-dialog" data-open.*?</dialog>', answer.text, re.S)
    assert answer.status_code == 200 and dialog
    field = dialog[0].partition("<select")[2].partition('id="transition-on"')[0]
    assert 'aria-describedby="transition-error"' in field and 'id="transition-error"' in field
    assert said(world.app, "Choose the new state.") in field
    assert 'value="01/02/2026"' in dialog[0] and "Κράτα με</textarea>" in dialog[0]


DATE = "Not a date: write day/month/year, as in 25/03/1980."
NO_DAY = "There is no such day: look at day and month again."


def message(page: str) -> str:
    """The page's word of success."""
    return re.sub(r"<[^>]*>|\s+", " ", re.findall(r'message-success".*?<div>(.*?)</div>', page, re.S)[0]).strip()


def test_of_several_moves_one_is_the_first_choice(world: World) -> None:
    page = world.client("coordinator").get(f"/admin/referral/details/?id={world.rows['main']['referral']}").text
    moves = re.findall(r'class="btn btn-([\w-]+)" type="button" data-dialog="transition-dialog"', page)
    assert moves == ["primary", "outline-primary"]
    actions = page.partition('class="page-actions"')[2].partition("</main>")[0].partition('id="record"')[0]
    assert len(re.findall(r'class="btn btn-primary"', actions)) == 1, "of the page's buttons, too"
    assert 'role="group" aria-labelledby="moves"' in actions


@pytest.mark.parametrize(
    ("role", "may_edit", "may_delete"), [("reception.main", True, False), ("coordinator", True, True)]
)
def test_what_was_saved_is_named_with_what_the_role_may_undo(
    world: World, role: str, may_edit: bool, may_delete: bool
) -> None:
    browser = world.client(role)
    made = browser.submit(NEW, **person(world))
    told = message(browser.get(made.headers["Location"]).text)
    assert told.startswith("Αποθηκεύτηκε: Ωφελούμενος/η «Ταυτόχρονος Έλεγχος».")
    assert ("ιορθώνεται" in told, "διαγράφεται" in told) == (may_edit, may_delete)
    [key] = re.findall(r"id=(\d+)", made.headers["Location"])
    saved = browser.submit(f"/admin/beneficiary/edit/?id={key}", area="Άνω")
    page = browser.get(saved.headers["Location"]).text
    assert (
        message(page).startswith("Αποθηκεύτηκε: Ωφελούμενος/η «Ταυτόχρονος Έλεγχος».")
        and page.count("message-success") == 1
    )


def test_what_was_saved_is_named_with_its_kind(world: World) -> None:
    """A visit and an appointment both bear the person's name; a name that says the kind says it once."""
    browser, key = world.client("caseworker.main"), world.rows["main"]["beneficiary"]
    told = []
    for model, label in ((Visit, "Επίσκεψη"), (Appointment, "Ραντεβού"), (CaseNote, None)):
        table = model.__tablename__
        url = f"/admin/{table}/new/?beneficiary_id={key}"
        sent = browser.post(url, {**browser.form(url), **filled(world, model, "main")})
        told.append(message(browser.get(sent.headers["Location"]).text))
        name = str(world.one(Beneficiary, key))
        assert told[-1].startswith(f"Αποθηκεύτηκε: {label} «{name}»." if label else "Αποθηκεύτηκε: Σημείωση"), told
    assert "«" not in told[-1]


def test_nobody_is_referred_to_the_unit_that_they_are_in(world: World) -> None:
    """Not as a draft either, new or changed: it could never be sent."""
    browser, row = world.client("caseworker.main"), world.rows["main"]
    here = {"to_partner_id": "", "to_unit_id": str(row["unit"])}
    new = f"/admin/referral/new/?beneficiary_id={row['beneficiary']}"
    for url in (new, f"/admin/referral/edit/?id={row['referral']}"):
        answer = browser.submit(url, reason="Στέγαση", **here)
        assert answer.status_code == 200, url
        assert errors_of(answer.text) == {"to_unit_id": said(world.app, "The person is in this unit already.")}
    annex = browser.submit(new, reason="Στέγαση", to_partner_id="", to_unit_id=str(world.rows["roma"]["unit"]))
    assert annex.status_code == 302


def test_who_came_before_it_began_is_asked_about(world: World) -> None:
    browser, row = world.client("coordinator"), world.rows["main"]
    edit = f"/admin/event/edit/?id={row['event']}"
    for days, is_early in ((1, True), (-1, False)):
        starts = now() + dt.timedelta(days=days)
        assert browser.submit(edit, starts_at=f"{starts:%d/%m/%Y} 10:00", ends_at="").status_code == 302
        browser.submit(f"/admin/event_attendance/edit/?id={row['event_attendance']}", attendance="ENROLLED")
        saved = browser.submit(f"/admin/event_attendance/edit/?id={row['event_attendance']}", attendance="ATTENDED")
        assert ("δεν έχει αρχίσει" in browser.get(saved.headers["Location"]).text) == is_early
        sent = {"action": "attended", "rowid": str(row["event_attendance"])}
        ticked = browser.post("/admin/event_attendance/action/", sent)
        assert ("δεν έχει αρχίσει" in browser.get(ticked.headers["Location"]).text) == is_early


def test_households_are_told_from_people_by_their_number(world: World) -> None:
    browser = world.client("coordinator")
    made = browser.submit("/admin/household/new/", **filled(world, Household))
    code = world.query(sa.select(Household.code).order_by(Household.id.desc()).limit(1))[0]
    assert re.fullmatch(r"MAIN-Ν\d{5}", code) and made.status_code == 302
    for typed in (code, code.replace("Ν", "N").lower(), code[5:]):
        assert code in browser.get(f"/admin/household/?search={typed}").text, typed


def test_the_head_of_a_household_stands_first(world: World) -> None:
    home, browser = world.rows["main"]["household"], world.client("coordinator")
    child = new_person(world, last_name="Τέκνον")
    add(world, HouseholdMember(household_id=home, beneficiary_id=child, relation=HouseholdRelation.CHILD))
    page = browser.get(f"/admin/household/details/?id={home}").text
    part = page[page.index('id="child-household_member"') :]
    names = re.findall(r'<th scope="row"[^>]*><a[^>]*>(.*?)</a>', part)
    assert len(names) == 2 and names[1].startswith("Τέκνον")


def test_a_state_is_not_set_by_the_form(world: World) -> None:
    browser = world.client("coordinator")
    for name, model in (("referral", Referral), ("application", Application), ("appointment", Appointment)):
        key = world.rows["main"][name]
        before = world.one(model, key).status
        form = browser.form(f"/admin/{name}/edit/?id={key}")
        assert "status" not in form
        assert (
            browser.post(f"/admin/{name}/edit/?id={key}", form | {"status": "DONE", "sent_on": "1/1/2020"}).status_code
            == 302
        )
        assert world.one(model, key).status == before
        made = browser.submit(f"/admin/{name}/new/", **filled(world, model), status="DONE")
        assert made.status_code == 302
        newest = world.query(sa.select(model).order_by(model.id.desc()).limit(1))[0]
        assert newest.status == before


def test_of_two_moves_at_once_one_is_made(world: World) -> None:
    key = world.rows["main"]["referral"]
    put_in_state(world, Referral, key, Referral.__table__.c.status.info["field"].codes[1])
    browsers = [world.client("coordinator") for _ in range(3)]
    acts = [
        lambda b=b, to=to: assert_sound(b.post(f"/admin/referral/move/?id={key}", to=to)).status_code
        for b, to in zip(browsers, ("RECEIVED", "NOREPLY", "WITHDRAWN"), strict=True)
    ]
    assert at_once(acts) == [302] * 3
    row = world.one(Referral, key)
    told = [
        e
        for e in world.query(sa.select(AuditEntry).where(AuditEntry.action == AuditAction.STATUS))
        if e.subject_id == key
    ]
    assert row.version == 1 + len(told)
    assert row.status.value in ("RECEIVED", "NOREPLY", "WITHDRAWN")


def test_only_staged_records_move(calm_world: World) -> None:
    browser = calm_world.client("coordinator")
    for name in ("beneficiary", "visit", "event"):
        assert browser.post(f"/admin/{name}/move/?id=1", to="DONE").status_code in (403, 404)
    assert calm_world.client("reception.main").post("/admin/referral/move/?id=1", to="SENT").status_code == 403


# --- a person's household ---------------------------------------------------------------------------------------------


def test_a_person_registered_from_a_household_joins_it(world: World) -> None:
    browser, home = world.client("coordinator"), world.rows["main"]["household"]
    url = f"{NEW}?household_id={home}"
    answer = browser.submit(url, **person(world, relation="CHILD"))
    assert answer.status_code == 302, errors_of(answer.text)
    newest = world.query(sa.select(HouseholdMember).order_by(HouseholdMember.id.desc()).limit(1))[0]
    assert (newest.household_id, newest.relation) == (home, HouseholdRelation.CHILD)
    refused = assert_sound(browser.submit(url, **person(world, relation="HEAD")))
    assert refused.status_code == 200, "there is a head already"
    assert fields_of(refused.text)["last_name"] == "Ταυτόχρονος"
    for odd in ("abc", "999999", "\0", "-1", ""):
        assert assert_sound(browser.submit(f"{NEW}?household_id={odd}", **person(world)), odd).status_code in (200, 302)
    assert rows_of(world, Household) == 2


def test_a_new_unit_gets_its_own_numbers(world: World) -> None:
    admin = world.client(Role.ADMINISTRATOR.value)
    made = admin.submit("/admin/unit/new/", code="kem", kind=UnitKind.KEM.value, name="ΚΕΜ")
    assert made.status_code == 302, errors_of(made.text)
    key = world.query(sa.select(Unit.id).where(Unit.code == "kem"))[0]
    assert world.client("coordinator").submit(NEW, **person(world) | {"unit_id": str(key)}).status_code == 302
    assert world.query(sa.select(Beneficiary.registry_number).where(Beneficiary.unit_id == key)) == ["KEM-00001"]


def test_what_points_at_another_now_is_called_after_it(world: World) -> None:
    """In the message, on the page and in the trail."""
    browser, visit = world.client("reception.main"), world.rows["main"]["visit"]
    other = add(world, builders.beneficiary(Unit(id=world.rows["main"]["unit"]), last_name="Άλλος", first_name="Νίκος"))
    url = f"/admin/visit/edit/?id={visit}"
    assert browser.submit(url, beneficiary_id=other).status_code == 302
    told = message(browser.get(f"/admin/visit/details/?id={visit}").text)
    assert "Άλλος Νίκος" in told and CANARY["main"] not in told
    [entry] = world.query(sa.select(AuditEntry).where(AuditEntry.action == AuditAction.UPDATE))
    assert entry.subject_label == "Άλλος Νίκος"
