"""A change of state made by mistake is taken back by who made it, at once, and the trail keeps both."""

from __future__ import annotations

import datetime as dt
import re

import pytest
import sqlalchemy as sa
import time_machine

import audit
from models import Application, Appointment, AuditEntry, Beneficiary, Referral, ReferralStep, Unit, User, now, today
from seed import builders
from seed.stage import clock
from tests.answers import add, assert_sound, errors_of, said
from tests.walls import session_of
from tests.world import Browser, World
from vocabulary import ApplicationStatus, AppointmentStatus, AuditAction, ReferralStatus

BUTTON = re.compile(r'<form method="post" action="([^"]*/move/[^"]*)">((?:(?!</form>).)*name="undo".*?)</form>', re.S)


def offered(page: str) -> tuple[str, dict[str, str]] | None:
    """Where the message's button leads, and what it sends."""
    found = BUTTON.search(page)
    return found and (found[1], dict(re.findall(r'name="(\w+)" value="([^"]*)"', found[2])))


def moved(browser: Browser, table: str, key: int, to: str, **more: str) -> tuple[str, dict[str, str]]:
    """The record in that state, and the button of the page that tells of it."""
    answer = browser.post(f"/admin/{table}/move/?id={key}", {"to": to, **more})
    assert answer.status_code == 302
    button = offered(browser.get(answer.headers["Location"]).text)
    assert button is not None, f"no button after {table} {to}"
    return button


def undo(browser: Browser, button: tuple[str, dict[str, str]]) -> str:
    """The page that the button leads to."""
    action, sent = button
    answer = assert_sound(browser.post(action, {"undo": sent["undo"], "url": sent["url"]}))
    assert answer.status_code == 302
    return browser.get(answer.headers["Location"]).text


def told(world: World, table: str, key: int) -> list[AuditEntry]:
    """The record's changes of state in the trail."""
    entries = sa.select(AuditEntry).where(AuditEntry.action == AuditAction.STATUS, AuditEntry.subject_type == table)
    return world.query(entries.where(AuditEntry.subject_id == key).order_by(AuditEntry.seq))


@pytest.mark.parametrize("user", ["caseworker.roma", "mediator.roma", "coordinator"])
def test_what_a_move_set_along_goes_with_it(world: World, user: str) -> None:
    """A mediator, who deletes no referral, takes the step back like whoever may delete it."""
    browser, key = world.client(user), world.rows["roma"]["referral"]
    button = moved(browser, "referral", key, "SENT", on=f"{today():%d/%m/%Y}", note="Λάθος γραμμή")
    row = world.one(Referral, key)
    assert (row.status, row.sent_on) == (ReferralStatus.SENT, today())
    undo(browser, button)
    row = world.one(Referral, key)
    assert (row.status, row.sent_on) == (ReferralStatus.DRAFT, None)
    assert not world.query(sa.select(ReferralStep).where(ReferralStep.referral_id == key))
    sent, back = told(world, "referral", key)
    assert audit.changes_of(back) == {"status": ["SENT", "DRAFT"], "sent_on": [today().isoformat(), None]}
    assert audit.details_of(back) == {"undoes": sent.seq} and back.actor_id == world.users[user]
    assert audit.details_of(sent)["note"] == "Λάθος γραμμή", "what was undone is not forgotten"


def test_an_earlier_step_and_its_date_come_back(world: World) -> None:
    browser, key = world.client("caseworker.main"), world.rows["main"]["application"]
    yesterday = today() - dt.timedelta(days=1)
    moved(browser, "application", key, "SUBMITTED", on=f"{yesterday:%d/%m/%Y}", note="Πρώτη")
    for state in ("APPROVED", "RENEW"):
        moved(browser, "application", key, state)
    undo(browser, moved(browser, "application", key, "SUBMITTED"))
    row = world.one(Application, key)
    assert (row.status, row.submitted_on) == (ApplicationStatus.RENEW, yesterday)
    page = browser.get(f"/admin/application/details/?id={key}").text.partition('id="timeline"')[2]
    steps = re.findall(r"<strong>(.*?)</strong>", page.partition("</section>")[0])
    assert steps == [str(state) for state in (ApplicationStatus.SUBMITTED, ApplicationStatus.APPROVED, row.status)]


def test_who_was_said_to_have_come_is_expected_again(world: World) -> None:
    """From the first page, back to the first page; an appointment has no timeline."""
    staff, unit = User(id=world.users["caseworker.main"]), Unit(id=world.rows["main"]["unit"])
    key = add(world, builders.appointment(unit, staff, None, caller="Λάθος γραμμή", at=clock(today(), 12)))
    browser = world.client("reception.main")
    page = undo(browser, moved(browser, "appointment", key, "ARRIVED", url="/admin/"))
    assert 'class="home-' in page and "message-success" in page
    assert world.one(Appointment, key).status == AppointmentStatus.BOOKED
    assert f"/admin/appointment/move/?id={key}" in page, "who has not come can come"
    assert offered(page) is None, "undoing is not undone"


def test_only_the_last_move_is_undone(world: World) -> None:
    """An older page's button, a record changed meanwhile, the undoing itself, another version than there is."""
    browser, key = world.client("caseworker.main"), world.rows["main"]["referral"]
    url = f"/admin/referral/move/?id={key}"
    old = moved(browser, "referral", key, "SENT")
    new = moved(browser, "referral", key, "RECEIVED")
    undo(browser, old)
    assert world.one(Referral, key).status == ReferralStatus.RECEIVED
    undo(browser, new)
    for odd in (new[1]["undo"], str(world.one(Referral, key).version), "", "x", "\0"):
        undo(browser, (url, new[1] | {"undo": odd}))
        assert world.one(Referral, key).status == ReferralStatus.SENT, odd
    again = moved(browser, "referral", key, "RECEIVED")
    assert browser.submit(f"/admin/referral/edit/?id={key}", outcome="Άλλο").status_code == 302
    undo(browser, (url, again[1] | {"undo": str(world.one(Referral, key).version)}))
    assert world.one(Referral, key).status == ReferralStatus.RECEIVED
    assert len(told(world, "referral", key)) == 4


@pytest.mark.parametrize("user", ["coordinator", "mediator.main"])
def test_nobody_undoes_what_somebody_else_did(world: World, user: str) -> None:
    key = world.rows["main"]["referral"]
    button = moved(world.client("caseworker.main"), "referral", key, "SENT")
    page = undo(world.client(user), button)
    assert "message-error" in page and world.one(Referral, key).status == ReferralStatus.SENT


def test_after_a_while_it_is_too_late(world: World) -> None:
    browser, key = world.client("caseworker.main"), world.rows["main"]["referral"]
    button = moved(browser, "referral", key, "SENT")
    with time_machine.travel(now() + dt.timedelta(minutes=11), tick=False):
        assert "message-error" in undo(browser, button)
    assert world.one(Referral, key).status == ReferralStatus.SENT


def test_who_may_not_move_may_not_undo(world: World) -> None:
    key = world.rows["main"]["referral"]
    action, sent = moved(world.client("caseworker.main"), "referral", key, "SENT")
    for user, status in (("reception.main", 403), ("supervisor", 403), ("caseworker.roma", 404)):
        browser = world.client(user)
        browser.get("/admin/")
        assert browser.post(action, {"undo": sent["undo"]}).status_code == status, user


def test_the_trail_says_that_it_was_undone(world: World) -> None:
    browser, key = world.client("caseworker.main"), world.rows["main"]["referral"]
    undo(browser, moved(browser, "referral", key, "SENT"))
    with session_of(world, "caseworker.main") as session:
        back, sent, *_before = audit.history(session, session.get_one(Referral, key))
        assert audit.sentence(back) != audit.sentence(sent)
        assert dict(audit.particulars(back)).popitem()[1] == str(sent.seq)


def test_what_another_unit_was_sent_is_not_unsent(world: World) -> None:
    """It may have read of the person at once, and their copy (article 15) tells that data were given to it."""
    person, staff = world.one(Beneficiary, world.rows["main"]["beneficiary"]), User(id=world.users["caseworker.main"])
    key = add(world, builders.referral(person, staff, to_unit_id=world.rows["roma"]["unit"]))
    browser, url = world.client("caseworker.main"), f"/admin/referral/move/?id={key}"
    page = browser.get(browser.post(url, to="SENT").headers["Location"]).text
    assert "message-success" in page and offered(page) is None
    undo(browser, (url, {"undo": str(world.one(Referral, key).version), "url": ""}))
    row = world.one(Referral, key)
    assert (row.status, row.sent_on) == (ReferralStatus.SENT, today())
    undo(browser, moved(browser, "referral", key, "WITHDRAWN"))
    assert world.one(Referral, key).status == ReferralStatus.SENT, "other moves of it are undone"


def test_who_received_a_referral_stays_its_recipient(world: World) -> None:
    person, staff = world.one(Beneficiary, world.rows["main"]["beneficiary"]), User(id=world.users["caseworker.main"])
    partner, unit = world.rows["shared"]["partner"], world.rows["roma"]["unit"]
    key = add(world, builders.referral(person, staff, to_partner_id=partner))
    browser, edit, here = world.client("coordinator"), f"/admin/referral/edit/?id={key}", f"details/?id={key}"
    to_unit = {"to_unit_id": str(unit), "to_partner_id": ""}
    to_partner = {"to_unit_id": "", "to_partner_id": str(partner)}
    browser.post(f"/admin/referral/move/?id={key}", to="SENT")
    assert browser.submit(edit, **to_unit).status_code == 302, "a slip with a partner is corrected"
    assert set(errors_of(browser.submit(edit, **to_partner).text)) == {"to_unit_id"}
    assert browser.submit(edit, reason="Καλύτερη αιτιολογία").status_code == 302
    assert "delete-dialog" not in browser.get(f"/admin/referral/{here}").text
    refused = browser.post("/admin/referral/delete/", id=str(key))
    assert said(world.app, Referral.STAYS_SENT) in browser.get(refused.headers["Location"]).text
    assert world.one(Referral, key).to_unit_id == unit
