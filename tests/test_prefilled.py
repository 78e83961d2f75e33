"""What a new form holds before anybody types: only what would be taken, and only who is meant."""

from __future__ import annotations

import pytest

from tests.answers import errors_of
from tests.world import World


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
