"""A restriction holds everywhere: in filters, search, order, sharing, papers, deletion (article 18); and so do holds."""

from __future__ import annotations

import datetime as dt
import re
from html import unescape
from typing import Any

import pytest

import sharing
from admin_views.beneficiaries import BeneficiaryView
from db import BadValue
from models import (
    AccessGrant,
    Appointment,
    Base,
    Beneficiary,
    Consent,
    DataRequest,
    HouseholdMember,
    Item,
    LegalHold,
    OfPerson,
    PersonDecision,
    Referral,
    Rests,
    Unit,
    User,
    Visit,
    now,
    places_taken,
    today,
)
from policy import RESTRICTED, may, scope_in
from rights.restricting import STILL
from seed import builders
from tests.answers import add, said
from tests.walls import assert_untouched, session_of, state_of, system_session, workbook_rows
from tests.world import CANARY, SECRET, World, keys_listed
from vocabulary import (
    Answer,
    ConsentKind,
    FilePart,
    GrantStatus,
    HouseholdRelation,
    LegalBasis,
    NationalLaw,
    ReferralStatus,
    RequestKind,
    RequestOutcome,
    SharingPurpose,
)

MOBILE, SHOWN = "6912345678", "6912 345678"
BORN, EXPIRES = dt.date(1961, 6, 2), today() + dt.timedelta(days=5)
NAME = CANARY["main"]
UNIT = ("reception.main", "caseworker.main", "mediator.main")


@pytest.fixture
def person(world: World) -> int:
    """Somebody of the main unit whose processing is restricted, with something in every column that is asked for."""
    key = world.rows["main"]["beneficiary"]
    with system_session(world) as session:
        row = session.get_one(Beneficiary, key)
        row.mobile, row.born_on, row.permit_expires_on, row.address = MOBILE, BORN, EXPIRES, "Οδός Κρυφή 7"
        row.disability, row.caseworker_id = Answer.YES, world.users["caseworker.main"]
        session.flush()
        row.restricted_on = today()
    return key


def told(world: World) -> str:
    return said(world.app, RESTRICTED)


# --- what a list hides, it does not tell -------------------------------------------------------------------------------

PAIRS = (
    ("flt0_disability_is=YES", "flt0_disability_is=NO"),
    ("flt0_disability_is_not=NO", "flt0_disability_is_not=YES"),
    (f"flt0_mobile_contains={MOBILE[:4]}", "flt0_mobile_contains=6999"),
    ("flt0_mobile_empty=0", "flt0_mobile_empty=1"),
    ("flt0_born_on_is=02/06/1961", "flt0_born_on_is=03/06/1961"),
    ("flt0_address_contains=Κρυφή", "flt0_address_contains=Ζζζ"),
    (f"search={MOBILE}", "search=6999999999"),
    (f"search={NAME} {MOBILE}", f"search={NAME} 6999999999"),
)


@pytest.mark.parametrize("username", UNIT)
def test_neither_filter_nor_search_tells_what_a_restricted_row_hides(world: World, person: int, username: str) -> None:
    """A role that does not see a column has no filter on it: it finds the row either way."""
    browser, coordinator = world.client(username), world.client("coordinator")
    for pair in PAIRS:
        has, has_not = (person in keys_listed(browser.get(f"/admin/beneficiary/?{asked}").text) for asked in pair)
        assert has == has_not and (username != "caseworker.main" or not has), pair
        has, has_not = (person in keys_listed(coordinator.get(f"/admin/beneficiary/?{asked}").text) for asked in pair)
        assert has and not has_not, pair


def test_a_restricted_row_is_found_by_what_the_list_shows_of_it(world: World, person: int) -> None:
    browser, number = world.client("reception.main"), world.one(Beneficiary, person).registry_number
    unit = world.rows["main"]["unit"]
    for asked in ("", f"search={NAME}", f"search={NAME[:5].upper()}", f"search={number.lower()}",
                  f"flt0_last_name_contains={NAME}", f"flt0_unit_id_is={unit}"):  # fmt: skip
        assert person in keys_listed(browser.get(f"/admin/beneficiary/?{asked}").text), asked


@pytest.mark.parametrize("username", ["reception.main", "coordinator"])
def test_the_list_says_that_a_row_is_restricted_and_offers_no_pencil(world: World, person: int, username: str) -> None:
    row = re.compile(rf'<tr( data-settled)?><th scope="row"><a href="details/\?id={person}".*')
    told = row.search(world.client(username).get("/admin/beneficiary/").text)
    number = world.one(Beneficiary, person).registry_number
    assert told and told[1] and f"<td>{number} · σε περιορισμό</td>" in told[0]
    with system_session(world) as session:
        session.get_one(Beneficiary, person).restricted_on = None
    told = row.search(world.client(username).get("/admin/beneficiary/").text)
    assert told and not told[1] and f"<td>{number}</td>" in told[0]


def test_a_restricted_row_is_found_by_its_number_with_or_without_zeros(world: World, person: int) -> None:
    number = world.one(Beneficiary, person).registry_number
    short = number.partition("-")[2].lstrip("0")
    for typed in (number, number.lower(), f"MAIN-{short}", f"μαιν {short}", short):
        listed = world.client("reception.main").get("/admin/beneficiary/", query_string={"search": typed})
        assert person in keys_listed(listed.text), typed


def test_the_order_of_a_list_tells_nothing_either(world: World, person: int) -> None:
    """Of people who are restricted, and of nobody else, the order is the same whatever stands in the column."""
    unit = Unit(id=world.rows["main"]["unit"])
    elder = add(world, builders.beneficiary(unit, last_name="Ωραίος", born_on=dt.date(1930, 1, 1)))
    column = BeneficiaryView.list_columns.index("born_on")

    def listed(username: str) -> list[int]:
        found = keys_listed(world.client(username).get(f"/admin/beneficiary/?sort={column}").text)
        return [key for key in found if key in (person, elder)]

    with system_session(world) as session:
        session.get_one(Beneficiary, elder).restricted_on = today()
    before = listed("caseworker.main")
    with system_session(world) as session:
        for key, born in ((person, dt.date(1930, 1, 1)), (elder, dt.date(1961, 6, 2))):
            row: Any = session.get_one(Beneficiary, key)
            row.restricted_on = None
            session.flush()
            row.born_on = born
            session.flush()
            row.restricted_on = today()
    assert listed("caseworker.main") == before
    assert listed("coordinator") == [person, elder]


def test_exports_and_look_ups_tell_no_more_than_lists(world: World, person: int) -> None:
    browser, number = world.client("caseworker.main"), world.one(Beneficiary, person).registry_number
    for asked in ("flt0_disability_is=YES", f"search={MOBILE}"):
        assert number not in str(workbook_rows(browser.get(f"/admin/beneficiary/export/xlsx/?{asked}"))), asked
    assert number in str(workbook_rows(browser.get(f"/admin/beneficiary/export/xlsx/?search={NAME}")))
    look_up = "/admin/visit/ajax/lookup/?name=beneficiary_id&query="
    assert person not in [key for key, _text in browser.get(look_up + MOBILE).json]
    assert [text for key, text in browser.get(look_up + NAME).json if key == person] == [str_of(world, person)]
    visit = world.rows["main"]["visit"]
    assert visit not in keys_listed(browser.get(f"/admin/visit/?search={MOBILE}").text)
    assert visit not in keys_listed(browser.get(f"/admin/visit/?flt0_beneficiary_id_contains={MOBILE}").text)
    assert visit not in keys_listed(browser.get(f"/admin/visit/?search={NAME}").text)


def str_of(world: World, person: int) -> str:
    """Name and number, without the year of birth."""
    row = world.one(Beneficiary, person)
    return f"{row.last_name} {row.first_name} · {row.registry_number}"


def test_the_line_above_a_form_leaves_the_year_of_birth_out(world: World, person: int) -> None:
    page = world.client("caseworker.main").get(f"/admin/visit/new/?beneficiary_id={person}").text
    (line,) = re.findall(r'class="person-line">.*?<strong>(.*?)</strong>', page, re.S)
    assert line == str_of(world, person)


@pytest.mark.parametrize("username", ["caseworker.main", "mediator.main"])
def test_the_first_page_shows_no_telephone_and_no_permit(world: World, person: int, username: str) -> None:
    def home() -> str:
        return str(world.client(username).get("/admin/").text)

    assert SHOWN not in home() and f"{EXPIRES:%d/%m/%Y}" not in home()
    with system_session(world) as session:
        session.get_one(Beneficiary, person).restricted_on = None
    assert SHOWN in home() and f"{EXPIRES:%d/%m/%Y}" in home()


# --- nothing leaves the house ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("username", ["caseworker.main", "coordinator"])
def test_no_letter_goes_out(world: World, person: int, username: str) -> None:
    browser, key = world.client(username), world.rows["main"]["referral"]
    answer = browser.get(f"/admin/referral/letter/?id={key}")
    if username == "coordinator":
        assert answer.status_code == 403 and told(world) in answer.text and SHOWN not in answer.text
    else:
        assert answer.status_code == 404
    assert "letter/?id" not in browser.get(f"/admin/referral/details/?id={key}").text


def grant_of(world: World, person: int) -> int:
    """A running leave of the annex's caseworker to read how the person is reached."""
    row = AccessGrant(
        unit_id=world.rows["roma"]["unit"], asked_by_id=world.users["caseworker.roma"], reason="Κοινό σχέδιο",
        asked_parts=(FilePart.CONTACT,), purpose=SharingPurpose.SUPPORT, legal_basis=LegalBasis.TASK,
        national_law=NationalLaw.CENTRES, amka=world.one(Beneficiary, person).amka,
    )  # fmt: skip
    key = add(world, row)
    with system_session(world) as session:
        session.get_one(AccessGrant, key).grant(person, [FilePart.CONTACT], now() + dt.timedelta(days=3))
    return key


def test_a_grant_gives_nothing_and_can_be_withdrawn(world: World, person: int) -> None:
    key = grant_of(world, person)
    answer = world.client("caseworker.roma").get(f"/admin/access_grant/file/?id={key}")
    assert answer.status_code == 403 and told(world) in answer.text
    assert SHOWN not in answer.text and "Κρυφή" not in answer.text
    moved = world.client("coordinator").post(
        f"/admin/access_grant/move/?id={key}", to="WITHDRAWN", on=f"{today():%d/%m/%Y}", note="Περιορισμός"
    )
    assert moved.status_code == 302 and world.one(AccessGrant, key).status == GrantStatus.WITHDRAWN


def referral_of(world: World, person: int) -> int:
    """A referral to the annex that waits for its answer there."""
    with system_session(world) as session:
        by, there = session.get_one(User, world.users["caseworker.main"]), world.rows["roma"]["unit"]
        row = builders.referral(session.get_one(Beneficiary, person), by, None, reason="Κρυφός λόγος")
        row.to_partner_id, row.to_unit_id = None, there
        session.add(row)
        session.flush()
        row.move_to(ReferralStatus.SENT, today(), "", by.id)
        session.flush()
        return int(row.id)


def test_a_received_referral_shows_the_name_only_and_is_not_answered(world: World, person: int) -> None:
    key, browser = referral_of(world, person), world.client("caseworker.roma")
    for page in ("/admin/referral_received/", "/admin/"):
        text = browser.get(page).text
        assert NAME in text and "Κρυφός λόγος" not in text, page
    before, url = state_of(world), f"/admin/referral_received/file/?id={key}"
    sent = {"status": "RECEIVED", "on": f"{today():%d/%m/%Y}", "note": "Ήρθε"}
    for answer in (browser.get(url), browser.post(url, sent)):
        assert answer.status_code == 403 and told(world) in answer.text and SHOWN not in answer.text
    with session_of(world, "caseworker.roma") as session:
        (row,) = sharing.received(session, key)
        with pytest.raises(BadValue, match="restricted"):
            sharing.answer_referral(session, row, ReferralStatus.RECEIVED, today(), "Ήρθε")
    assert_untouched(world, before)


def test_a_referral_of_somebody_erased_is_neither_listed_nor_answered(world: World) -> None:
    person = world.rows["main"]["beneficiary"]
    key, browser = referral_of(world, person), world.client("caseworker.roma")
    with session_of(world, "caseworker.roma") as session:
        (row,) = sharing.received(session, key)
    erase(world, person)
    assert f"id={key}" not in browser.get("/admin/referral_received/").text
    url = f"/admin/referral_received/file/?id={key}"
    assert browser.get(url).status_code == browser.post(url, status="RECEIVED", note=NAME).status_code == 404
    with session_of(world, "caseworker.roma") as session, pytest.raises(BadValue):
        sharing.answer_referral(session, row, ReferralStatus.RECEIVED, today(), NAME)
    assert world.one(Referral, key).status == ReferralStatus.WITHDRAWN


def erase(world: World, person: int) -> None:
    number = world.one(Beneficiary, person).registry_number
    answer = world.client("coordinator").post(
        f"/admin/rights/erase/?id={person}", reason="Πρωτ. 7", registry_number=number
    )
    assert answer.status_code == 302 and world.one(Beneficiary, person).erased_on


# --- what hangs on the person rests too --------------------------------------------------------------------------------

RESTING = sorted(mapper.class_.__tablename__ for mapper in Base.registry.mappers if issubclass(mapper.class_, Rests))
SCREENS = [name for name in (*RESTING, "household") if name != "attachment"]


def test_all_work_about_a_person_rests() -> None:
    """What is neither the person's own asking and agreeing nor the coordinator's acts; a new table says which it is."""
    about = {m.class_ for m in Base.registry.mappers if issubclass(m.class_, OfPerson)} | {Visit, Appointment}
    assert {model.__tablename__ for model in about - {*STILL}} == {*RESTING}


@pytest.mark.parametrize("table", SCREENS)
def test_work_about_a_restricted_person_is_nowhere_to_be_seen(world: World, person: int, table: str) -> None:
    """Not in its list, on its page, in its form, in its workbook; the coordinator sees it."""
    key = world.rows["main"][table]
    for username in (*UNIT, "supervisor"):
        browser = world.client(username)
        listed = browser.get(f"/admin/{table}/")
        assert listed.status_code in (200, 403)
        assert key not in keys_listed(listed.text)
        for page in ("details", "edit"):
            answer = browser.get(f"/admin/{table}/{page}/?id={key}").status_code
            may = allowed(world, username, "edit" if page == "edit" else "read", table)
            assert answer == (404 if may else 403), (username, page)
    book = world.client("caseworker.main").get(f"/admin/{table}/export/xlsx/")
    if book.status_code == 200:
        assert NAME not in str(workbook_rows(book))
    coordinator = world.client("coordinator")
    assert coordinator.get(f"/admin/{table}/details/?id={key}").status_code == 200
    lift(world, person)
    assert world.client("caseworker.main").get(f"/admin/{table}/details/?id={key}").status_code == 200


def allowed(world: World, username: str, action: str, table: str) -> bool:
    with session_of(world, username) as session:
        return may(scope_in(session), action, table)


def test_a_household_is_in_sight_while_somebody_in_it_is(world: World, person: int) -> None:
    """Its address is theirs."""
    home, browser = world.rows["main"]["household"], world.client("reception.main")
    assert browser.get(f"/admin/household/details/?id={home}").status_code == 404
    other = builders.beneficiary(Unit(id=world.rows["main"]["unit"]), last_name="Άλλος")
    with system_session(world) as session:
        session.add(other)
        session.flush()
        session.add(HouseholdMember(household_id=home, beneficiary_id=other.id, relation=HouseholdRelation.CHILD))
    page = browser.get(f"/admin/household/details/?id={home}")
    assert page.status_code == 200 and "Άλλος" in page.text and f"beneficiary/details/?id={person}" not in page.text


def test_what_is_out_of_sight_still_counts(world: World, person: int) -> None:
    """What was handed out is not back on the shelf, and a taken place is not free."""
    rows = world.rows["main"]
    seen, whole = (numbers(world, username, rows) for username in ("caseworker.main", "coordinator"))
    assert seen == whole and whole[1] > 0
    lift(world, person)
    assert numbers(world, "caseworker.main", rows) == whole


def numbers(world: World, username: str, rows: dict[str, int]) -> tuple[object, int]:
    with session_of(world, username) as session:
        return session.get_one(Item, rows["item"]).stock, places_taken(session, rows["event"])


def lift(world: World, person: int) -> None:
    with system_session(world) as session:
        session.get_one(Beneficiary, person).restricted_on = None


# --- nothing is deleted ------------------------------------------------------------------------------------------------


def alone(world: World, **over: Any) -> int:
    """Somebody on whom nothing hangs, so that only a rule can keep the row."""
    return add(world, builders.beneficiary(Unit(id=world.rows["main"]["unit"]), last_name="Μόνος", **over))


def test_who_is_restricted_is_not_deleted(world: World) -> None:
    coordinator, kept, gone = world.client("coordinator"), alone(world, restricted_on=today()), alone(world)
    for key in (gone, kept):
        coordinator.post("/admin/beneficiary/delete/", id=key)
    assert told(world) in coordinator.get("/admin/beneficiary/").text
    assert world.one(Beneficiary, kept) and not world.one(Beneficiary, gone)
    coordinator.post("/admin/beneficiary/action/", action="delete", rowid=[str(kept)])
    assert world.one(Beneficiary, kept)


def test_what_was_asked_or_agreed_to_under_a_restriction_is_kept(world: World, person: int) -> None:
    consent = world.rows["main"]["consent"]
    browser = world.client("caseworker.main")
    browser.post("/admin/consent/delete/", id=consent)
    assert world.one(Consent, consent)
    made = browser.submit(f"/admin/data_request/new/?beneficiary_id={person}", kind=RequestKind.ACCESS.value)
    assert made.status_code == 302, "requests go on"


HELD = ("visit", "service_delivery", "distribution", "consent", "event_attendance", "household_member", "appointment",
        "referral", "application")  # fmt: skip


def model(table: str) -> Any:
    return next(m.class_ for m in Base.registry.mappers if m.class_.__tablename__ == table)


def test_a_hold_keeps_the_person_s_rows_from_deletion(world: World) -> None:
    person, unit, browser = world.rows["main"]["beneficiary"], world.rows["main"]["unit"], world.client("coordinator")
    hold = LegalHold(beneficiary_id=person, unit_id=unit, reason="Δίκη", by_id=world.users["coordinator"])
    key = add(world, hold)
    for table in HELD:
        row, caseworker = world.rows["main"][table], world.client("caseworker.main")
        for each in (caseworker, browser):
            each.post(f"/admin/{table}/delete/", id=row)
            assert world.one(model(table), row) is not None, table
    browser.post("/admin/visit/delete/", id=world.rows["main"]["visit"])
    assert "δέσμευση" in browser.get("/admin/visit/").text
    other = add(world, builders.visit(Unit(id=unit), User(id=world.users["caseworker.main"])))
    browser.post("/admin/visit/delete/", id=other)
    assert world.one(Visit, other) is None, "of others they may be deleted"
    with system_session(world) as session:
        session.get_one(LegalHold, key).until = today() - dt.timedelta(days=1)
        session.get_one(LegalHold, key).since = today() - dt.timedelta(days=2)
    browser.post("/admin/visit/delete/", id=world.rows["main"]["visit"])
    assert world.one(Visit, world.rows["main"]["visit"]) is None, "a hold that is over keeps nothing"


# --- nothing is added to who is anonymous ------------------------------------------------------------------------------

OFFERS = re.compile(r'href="[^"]*/(?:new|edit)/|data-dialog="(?:delete|transition)-dialog"')


def test_nothing_is_offered_that_would_be_refused_of_somebody_erased(world: World) -> None:
    here, request = world.rows["roma"], "/admin/data_request/details/?id={data_request}"
    coordinator, pages = (
        world.client("coordinator"),
        [f"/admin/{t}/details/?id={here[t]}" for t in ("visit", "referral")],
    )
    person = f"/admin/beneficiary/details/?id={here['beneficiary']}"
    for page in (person, *pages):
        assert OFFERS.search(coordinator.get(page).text), page
    # The cast's own request still waits for its answer.
    answer = f"/admin/data_request/edit/?id={here['data_request']}"
    erase(world, here["beneficiary"])
    for page in pages:
        assert not OFFERS.search(coordinator.get(page).text), page
    offered = re.findall(r'href="([^"]*/(?:new|edit)/[^"]*)"', coordinator.get(person).text)
    assert [unescape(address).partition("&")[0] for address in offered] == [answer], "what nobody answered yet"
    told = coordinator.get(request.format(**here)).text
    assert answer in told and "/admin/rights/person/" not in told, "and there is no file to copy"
    coordinator.submit(answer, answered_on=f"{today():%d/%m/%Y}", outcome="GRANTED")
    assert not OFFERS.search(coordinator.get(person).text)
    rows = dict(
        re.findall(
            r'<tr(.*?)><th scope="row"><a href="details/\?id=(\d+)"', coordinator.get("/admin/beneficiary/").text
        )
    )
    rows = {key: attributes for attributes, key in rows.items()}
    assert rows == {str(world.rows["main"]["beneficiary"]): "", str(here["beneficiary"]): " data-settled"}


@pytest.mark.parametrize("table", ["visit", "referral", "application"])
def test_lists_of_work_have_no_pencil_on_the_rows_of_somebody_erased(world: World, table: str) -> None:
    here, coordinator = world.rows["roma"], world.client("coordinator")
    row = re.compile(rf'<tr(.*?)><th scope="row"><a href="details/\?id={here[table]}"')
    assert row.search(coordinator.get(f"/admin/{table}/").text)[1] == ""  # type: ignore[index]
    erase(world, here["beneficiary"])
    assert row.search(coordinator.get(f"/admin/{table}/").text)[1] == " data-settled"  # type: ignore[index]


def test_of_somebody_restricted_only_what_goes_on_is_offered(world: World, person: int) -> None:
    coordinator, here = world.client("coordinator"), world.rows["main"]
    page = coordinator.get(f"/admin/beneficiary/details/?id={person}").text
    begun = re.findall(r'href="/admin/(\w+)/(?:new|edit)/', page)
    assert set(begun) == {table.__tablename__ for table in (DataRequest, LegalHold, Consent)}
    assert not re.search(r'data-dialog="(?:delete|transition)-dialog"', page)
    for table in ("visit", "referral"):
        assert not OFFERS.search(coordinator.get(f"/admin/{table}/details/?id={here[table]}").text)
    lift(world, person)
    assert {"visit", "beneficiary"} <= set(
        re.findall(
            r'href="/admin/(\w+)/(?:new|edit)/', coordinator.get(f"/admin/beneficiary/details/?id={person}").text
        )
    )


def test_nothing_is_written_of_somebody_erased_but_an_answer(world: World) -> None:
    person, other = world.rows["roma"]["beneficiary"], world.rows["main"]["beneficiary"]
    said_of = {"beneficiary_id": person, "unit_id": world.rows["roma"]["unit"]}
    request = add(world, DataRequest(**said_of, kind=RequestKind.ERASURE))
    erase(world, person)
    for new in (
        DataRequest(**said_of, kind=RequestKind.ACCESS, note=NAME),
        Consent(**said_of, kind=ConsentKind.PHOTO),
        LegalHold(**said_of, reason=NAME),
        PersonDecision(first_id=other, second_id=person, verdict="SAME", reason=NAME),
        PersonDecision(first_id=person, second_id=other, verdict="SAME", reason=NAME),
    ):
        with session_of(world, "coordinator") as session:
            session.add(new)
            with pytest.raises(BadValue, match="anonymous"):
                session.flush()
    coordinator = world.client("coordinator")
    answer = coordinator.submit(f"/admin/data_request/edit/?id={request}", note=SECRET)
    assert "ανώνυμη" in answer.text and world.one(DataRequest, request).note is None
    coordinator.submit(f"/admin/data_request/edit/?id={request}", answered_on=f"{today():%d/%m/%Y}", outcome="GRANTED")
    assert world.one(DataRequest, request).outcome == RequestOutcome.GRANTED, "or it would wait for ever"
