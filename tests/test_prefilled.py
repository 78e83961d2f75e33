"""What a new form holds before anybody types: only what would be taken, and only who is meant."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from models import Beneficiary, Household, HouseholdMember, Unit, today
from seed import builders
from tests.answers import add, errors_of, said
from tests.world import CANARY, World, fields_of
from vocabulary import HouseholdRelation

NOBODYS = "This household cannot be begun for that person any more: begin anew."
BOTH = "The caller's name is for somebody who is not registered: here a person is chosen too."


@pytest.mark.parametrize("table", ["visit", "appointment"])
@pytest.mark.parametrize("code", ["main", "roma"])
def test_the_unit_is_that_of_the_person_who_is_named(calm_world: World, table: str, code: str) -> None:
    """Who works in several units is asked for one, but a row stands in its person's unit or is refused."""
    person, unit = calm_world.rows[code]["beneficiary"], calm_world.rows[code]["unit"]
    browser = calm_world.client("coordinator")
    form = browser.form(f"/admin/{table}/new/?beneficiary_id={person}")
    assert (form["beneficiary_id"], form["unit_id"]) == (str(person), str(unit))
    assert browser.form(f"/admin/{table}/new/")["unit_id"] == "", "nobody is named"


def test_a_person_who_is_not_there_gives_no_unit(calm_world: World) -> None:
    form = calm_world.client("coordinator").form("/admin/visit/new/?beneficiary_id=999999")
    assert (form["beneficiary_id"], form["unit_id"]) == ("", "")


@pytest.mark.parametrize(
    ("username", "serves"),
    [("reception.main", False), ("caseworker.main", True), ("mediator.main", True), ("coordinator", True)],
)
def test_who_serves_nobody_is_not_whom_an_appointment_is_with(calm_world: World, username: str, serves: bool) -> None:
    browser, reader = calm_world.client(username), str(calm_world.users[username])
    assert browser.form("/admin/appointment/new/")["staff_id"] == (reader if serves else "")
    assert browser.form("/admin/visit/new/")["staff_id"] == reader, "whoever writes a visit received it"


def test_an_appointment_is_never_left_for_nobody(world: World) -> None:
    """The form that is opened knows the person of before; taking the person away needs a caller."""
    browser, key = world.client("reception.main"), world.rows["main"]["appointment"]
    url = f"/admin/appointment/edit/?id={key}"
    refused = browser.submit(url, beneficiary_id="", caller="")
    assert refused.status_code == 200 and set(errors_of(refused.text)) == {"caller"}
    assert browser.submit(url, beneficiary_id="", caller="Κάποιος που τηλεφώνησε").status_code == 302


def test_who_called_is_not_asked_of_a_person_and_not_kept_beside_one_without_a_word(world: World) -> None:
    browser, person = world.client("reception.main"), world.rows["main"]["beneficiary"]
    assert "caller" in browser.form("/admin/appointment/new/")
    given = {"at": f"{today() + dt.timedelta(days=9):%d/%m/%Y} 10:00", "staff_id": str(world.users["caseworker.main"])}
    url = f"/admin/appointment/new/?beneficiary_id={person}"
    assert not {"caller", "caller_phone"} & set(browser.form(url))
    told = browser.submit(url, **given, beneficiary_id="").text
    assert "caller" in errors_of(told) and "caller_phone" in fields_of(told), "it can be said who called"
    for more, warned in (
        ({}, False),
        ({"caller": "Άλλος", "minutes": "31"}, True),
        ({"caller_phone": "2521012345"}, True),
    ):
        saved = browser.submit(url, **given, **more)
        assert (said(world.app, BOTH) in browser.get(saved.headers["Location"]).text) == warned


def test_the_next_person_gets_the_same_service(world: World) -> None:
    browser, url = world.client("caseworker.main"), "/admin/service_delivery/new/"
    given = {
        "service_id": str(world.rows["shared"]["service"]),
        "on": "01/06/2026",
        "minutes": "45",
        "notes": "Μόνο γι' αυτόν",
    }
    person = str(world.rows["main"]["beneficiary"])
    answer = browser.submit(url, beneficiary_id=person, **given, _add_another="1")
    assert answer.status_code == 302
    form = browser.form(answer.headers["Location"])
    assert {name: form[name] for name in ("service_id", "on", "minutes")} == {
        n: given[n] for n in ("service_id", "on", "minutes")
    }
    assert (form["beneficiary_id"], form["notes"]) == ("", "")
    of_one = browser.submit(f"{url}?beneficiary_id={person}", **given, _add_another="1")
    form = browser.form(of_one.headers["Location"])
    assert (form["beneficiary_id"], form["service_id"], form["minutes"]) == (person, "", ""), (
        "another service of theirs"
    )


@pytest.mark.parametrize("odd", ["abc", "\0", "9" * 30, "<script>"])
def test_what_the_address_keeps_is_read_like_a_form(calm_world: World, odd: str) -> None:
    answer = calm_world.client("caseworker.main").get(
        "/admin/service_delivery/new/", query_string={"minutes": odd, "on": odd, "service_id": odd, "notes": odd}
    )
    assert answer.status_code == 200 and "<script>" not in answer.text.partition("<main")[2]


def test_a_member_is_registered_into_a_household_that_is_named(world: World) -> None:
    unit = world.rows["main"]["unit"]
    home = add(world, Household(unit_id=unit, name="Οικογένεια δοκιμών"))
    browser, url = world.client("reception.main"), f"/admin/beneficiary/new/?household_id={home}"
    page = browser.get(url).text
    assert "Οικογένεια δοκιμών" in page.partition("<h1")[2].partition("</h1>")[0] and ">Σχέση<" in page
    assert browser.form(url)["last_name"] == "Οικογένεια δοκιμών"
    answer = browser.submit(url, first_name="Πρώτη", _add_another="1")
    assert f"household_id={home}" in answer.headers["Location"]


def test_a_household_is_begun_on_the_page_of_a_person_of_none(world: World) -> None:
    unit = world.one(Unit, world.rows["main"]["unit"])
    key = add(world, builders.beneficiary(unit, last_name="Αστεγόπουλος", address="Δοκιμαστική 1"))
    browser, url = world.client("reception.main"), f"/admin/household/new/?beneficiary_id={key}"
    here = f"/admin/beneficiary/details/?id={key}"
    assert url in browser.get(here).text
    assert "Αστεγόπουλος" in browser.get(url).text.partition("<h1")[2].partition("</h1>")[0]
    form = browser.form(url)
    assert (form["name"], form["address"]) == ("Αστεγόπουλος", "Δοκιμαστική 1")
    assert browser.submit(url).status_code == 302
    (member,) = world.query(sa.select(HouseholdMember).where(HouseholdMember.beneficiary_id == key))
    assert member.relation == HouseholdRelation.HEAD
    assert world.one(Household, member.household_id).unit_id == unit.id
    assert url not in browser.get(here).text and browser.get(url).status_code == 302, "who is in one heads no second"


@pytest.mark.parametrize("code", ["main", "roma", None])
def test_a_household_is_begun_for_nobody_who_has_one_or_is_out_of_sight(world: World, code: str | None) -> None:
    key = world.rows[code]["beneficiary"] if code else 987_654
    browser, url = world.client("reception.main"), f"/admin/household/new/?beneficiary_id={key}"
    assert browser.get(url).headers["Location"] == "/admin/household/new/"
    told = browser.post(url, {**browser.form("/admin/household/new/"), "name": "Δοκιμή"})
    assert said(world.app, NOBODYS) in told.text and CANARY["main"] not in told.text


def test_an_address_does_not_outlive_what_forbids_it(world: World) -> None:
    key = add(world, builders.beneficiary(world.one(Unit, world.rows["main"]["unit"]), last_name="Αστεγόπουλος"))
    browser, url = world.client("reception.main"), f"/admin/household/new/?beneficiary_id={key}"
    form = browser.form(url)
    world.client("coordinator").post(f"/admin/rights/restrict/?id={key}", restricted="yes")
    assert world.one(Beneficiary, key).restricted_on
    answer = browser.post(url, form)
    assert said(world.app, NOBODYS) in answer.text
    assert not world.query(sa.select(Household).where(Household.name == "Αστεγόπουλος"))


def test_an_outside_script_books_for_a_caller(world: World) -> None:
    at = f"{today() + dt.timedelta(days=9):%d/%m/%Y} 10:00"
    sent = {"at": at, "staff_id": str(world.users["caseworker.main"]), "caller": "Κάποιος"}
    assert world.client("reception.main").post("/admin/appointment/new/", sent).status_code == 302


def test_one_is_handed_out_unless_said_otherwise(calm_world: World) -> None:
    assert calm_world.client("caseworker.main").form("/admin/distribution/new/")["quantity"] == "1"


@pytest.mark.parametrize(("table", "later"), [("referral", "outcome"), ("consent", "withdrawn_on")])
def test_what_comes_later_is_asked_later(calm_world: World, table: str, later: str) -> None:
    browser = calm_world.client("coordinator")
    assert later not in browser.form(f"/admin/{table}/new/")
