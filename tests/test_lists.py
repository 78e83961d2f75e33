"""What a list says of itself: its order, what is late in it, what was asked of it."""

from __future__ import annotations

import datetime as dt
import html
import re
from typing import Any

import pytest
import sqlalchemy as sa

import audit
from admin_views.base import greek_date
from models import (
    Application,
    Appointment,
    AuditEntry,
    Consent,
    DataRequest,
    Item,
    Referral,
    StockMovement,
    Unit,
    months_later,
    now,
    today,
)
from tests.answers import SCREENS, add, screens
from tests.walls import system_session
from tests.world import World, column_listed, keys_listed
from vocabulary import (
    ApplicationStatus,
    AppointmentStatus,
    AuditAction,
    ConsentKind,
    ItemCategory,
    MovementKind,
    ReferralStatus,
    RequestKind,
    RequestOutcome,
    Role,
    Sex,
)

HEADS = re.compile(r'<th scope="col"(?: aria-sort="(\w+)")?>(?:<a href="([^"]*)">)?([^<]*)')


def heads(page: str) -> dict[str, tuple[str, str]]:
    """The headings of a list: how each is sorted, and where it leads."""
    return {label: (way, address.replace("&amp;", "&")) for way, address, label in HEADS.findall(page)}


def days(n: int) -> dt.date:
    return today() + dt.timedelta(days=n)


# --- order ------------------------------------------------------------------------------------------------------------


def test_a_list_shows_by_which_column_it_stands_and_a_click_turns_it(calm_world: World) -> None:
    browser = calm_world.client("coordinator")
    for table, label, way, turned in (
        ("visit", "Πότε", "descending", "?sort=0"),
        ("beneficiary", "Επώνυμο", "ascending", "?sort=0&desc=1"),
        ("service", "Κωδικός", "ascending", "?sort=0&desc=1"),
        ("application", "Άνοιξε", "descending", "?sort=0"),
        ("appointment", "Πότε", "other", "?sort=0"),
    ):
        shown = heads(browser.get(f"/admin/{table}/").text)
        assert shown[label] == (way, turned), table
        assert {each for name, (each, _address) in shown.items() if name != label} <= {"", "none"}, table
        asked = heads(browser.get(f"/admin/{table}/{turned}").text)
        assert asked[label][0] == ("descending" if "desc" in turned else "ascending"), table
        assert ("desc=1" in asked[label][1]) is ("desc" not in turned), table


def test_every_list_with_an_order_of_its_own_shows_it(calm_world: World) -> None:
    for role in (Role.COORDINATOR, Role.SUPERVISOR, Role.ADMINISTRATOR):
        browser = calm_world.client(role.value)
        for model in screens("read", role):
            if next(screen for screen in SCREENS if screen.model is model).default_order:
                ways = [way for way, _address in heads(browser.get(f"/admin/{model.__tablename__}/").text).values()]
                assert len(set(ways) - {"", "none"}) == 1, model


def test_referrals_that_wait_stand_first_the_soonest_due_on_top(world: World) -> None:
    made = [
        (ReferralStatus.DONE, days(-3)),
        (ReferralStatus.SENT, days(5)),
        (ReferralStatus.WITHDRAWN, None),
        (ReferralStatus.DRAFT, None),
        (ReferralStatus.REJECTED, days(9)),
        (ReferralStatus.WAITING, days(-5)),
    ]
    keys = [add(world, _referral(world, status, due)) for status, due in made]
    browser = world.client("coordinator")
    page = browser.get("/admin/referral/").text
    assert [key for key in keys_listed(page) if key in keys] == [keys[n] for n in (5, 1, 3, 4, 0, 2)]
    assert "πρώτα όσες εκκρεμούν" in page
    by_day = browser.get(f"/admin/referral/{heads(page)['Αναμένεται έως'][1]}").text
    assert [key for key in keys_listed(by_day) if key in keys] == [keys[n] for n in (5, 0, 1, 4, 2, 3)], "empty last"
    assert "πρώτα όσες εκκρεμούν" not in by_day


def _referral(world: World, status: ReferralStatus, due_on: dt.date | None, **over: Any) -> Referral:
    rows = world.rows["main"]
    return Referral(
        unit_id=rows["unit"], beneficiary_id=rows["beneficiary"], to_unit_id=world.rows["roma"]["unit"], reason="Λόγος",
        staff_id=world.users["caseworker.main"], status=status, due_on=due_on, **over,
    )  # fmt: skip


def _asked(world: World, received_on: dt.date, answered_on: dt.date | None = None) -> DataRequest:
    outcome = RequestOutcome.GRANTED if answered_on else None
    return DataRequest(
        unit_id=world.rows["main"]["unit"], beneficiary_id=world.rows["main"]["beneficiary"], received_on=received_on,
        answered_on=answered_on, outcome=outcome, kind=RequestKind.ACCESS,
    )  # fmt: skip


def test_data_requests_without_an_answer_stand_first(world: World) -> None:
    made = [(days(-90), days(-80)), (days(-50), None), (days(-40), days(-39)), (days(-2), None)]
    keys = [add(world, _asked(world, *each)) for each in made]
    listed = keys_listed(world.client("coordinator").get("/admin/data_request/").text)
    assert [key for key in listed if key in keys] == [keys[n] for n in (1, 3, 2, 0)]


# --- what is late, and what is low ------------------------------------------------------------------------------------

LATE = re.compile(r'<t[hd][^>]*>(?:<a[^>]*>)?([^<]*) <b class="due-late">([^<]*)</b>')


def test_a_referral_that_waits_past_its_day_is_marked(world: World) -> None:
    for status, due in ((ReferralStatus.SENT, -2), (ReferralStatus.SENT, 0), (ReferralStatus.DONE, -3)):
        add(world, _referral(world, status, days(due)))
    add(world, _referral(world, ReferralStatus.SENT, None))
    page = world.client("coordinator").get("/admin/referral/").text
    assert LATE.findall(page) == [(greek_date(days(-2)), "Εκπρόθεσμη")]


def test_an_item_below_its_level_is_marked(world: World) -> None:
    unit = world.rows["main"]["unit"]
    for name, level in (("Λίγο", 3), ("Αρκετό", 2), ("Χωρίς όριο", None)):
        item = add(world, Item(unit_id=unit, name=name, category=next(iter(ItemCategory)), low_stock=level))
        add(world, StockMovement(item_id=item, unit_id=unit, quantity=2, kind=MovementKind.PURCHASE, on=today()))
    page = world.client("coordinator").get("/admin/item/?search=Λίγο").text
    assert LATE.findall(page) == [("2", "Κάτω από το όριο")]
    assert "due-late" not in world.client("coordinator").get("/admin/item/?search=Αρκετό").text


def test_other_lists_mark_what_is_late_too(world: World) -> None:
    rows, staff = world.rows["main"], world.users["caseworker.main"]
    about: dict[str, Any] = {"unit_id": rows["unit"], "beneficiary_id": rows["beneficiary"]}
    for hours, status in (
        (-30, AppointmentStatus.BOOKED),
        (30, AppointmentStatus.BOOKED),
        (-40, AppointmentStatus.DONE),
    ):
        add(world, Appointment(at=now() + dt.timedelta(hours=hours), status=status, staff_id=staff, **about))
    for received, answered in ((-50, None), (-5, None), (-60, -20)):
        add(world, _asked(world, days(received), answered and days(answered)))
    for renewal, state in (
        (-1, ApplicationStatus.APPROVED),
        (1, ApplicationStatus.RENEW),
        (-1, ApplicationStatus.ENDED),
    ):
        programme = world.rows["shared"]["programme"]
        add(world, Application(programme_id=programme, renewal_on=days(renewal), status=state, staff_id=staff, **about))
    add(world, Consent(kind=ConsentKind.PHOTO, given_on=days(-9), withdrawn_on=days(-8), by_id=staff, **about))
    browser = world.client("coordinator")
    for table, value, said in (
        ("appointment", "Προγραμματισμένο", "Πέρασε η ώρα"),
        ("data_request", greek_date(months_later(days(-50), 1)), "Εκπρόθεσμο"),
        ("application", greek_date(days(-1)), "Πέρασε"),
        ("consent", greek_date(days(-8)), "Δεν ισχύει"),
    ):
        assert LATE.findall(browser.get(f"/admin/{table}/").text) == [(value, said)], table


def test_every_list_calls_a_unit_by_its_short_name(calm_world: World) -> None:
    browser = calm_world.client("coordinator")
    units = {
        table: set(column_listed(browser.get(f"/admin/{table}/").text, "Μονάδα"))
        for table in ("visit", "referral", "item", "event_attendance")
    }
    assert all(units.values()) and units["visit"].isdisjoint(calm_world.query(sa.select(Unit.name)))
    assert set().union(*units.values()) == units["visit"]


# --- what was asked of it ---------------------------------------------------------------------------------------------

CHIP = re.compile(r"<li><a [^>]*>([^<]*) <strong>([^<]*)</strong>")


def test_a_chip_does_not_say_a_word_twice(calm_world: World) -> None:
    browser = calm_world.client("coordinator")
    page = browser.get("/admin/referral/?flt0_due_on_to=25/11/2026&flt1_sent_on_to=25/11/2026").text
    assert CHIP.findall(page) == [("Αναμένεται έως", "25/11/2026"), ("Εστάλη έως", "25/11/2026")]


def test_a_filter_that_makes_no_sense_is_named_and_left_out(calm_world: World) -> None:
    page = calm_world.client("coordinator").get("/admin/referral/?flt0_due_on_between=01/01/1990+to+banana").text
    (said,) = re.findall(r'<div class="message message-error".*?<div>(.*?)</div>', page, re.S)
    assert "«Αναμένεται έως μεταξύ»" in said and "«01/01/1990 – banana»" in said
    assert not CHIP.findall(page)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("household", ": Κωδικός, Ονομασία (επώνυμο), Διεύθυνση"),
        ("beneficiary", ": όνομα, αρ. μητρώου, ΑΜΚΑ, ΑΦΜ, τηλέφωνο"),
    ],
)
def test_the_search_box_says_that_it_searches_and_in_what(calm_world: World, table: str, said: str) -> None:
    """Three columns at most; of people the numbers too, which find faster than a whole name."""
    page = calm_world.client("coordinator").get(f"/admin/{table}/").text
    (shown,) = re.findall(r'id="search"[^>]* placeholder="([^"]*)"', page)
    assert shown.endswith(said)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Καινούργιου Άννα Μαρία", {"last_name": "Καινούργιου", "first_name": "Άννα Μαρία"}),
        ("12345678901 Νέος", {"last_name": "Νέος", "amka": "12345678901"}),
        ("6912345678 Νέα 123456789", {"last_name": "Νέα", "mobile": "6912345678", "afm": "123456789"}),
        ("2521057206", {"phone": "2521057206"}),
        ("691234", {}),
    ],
)
def test_who_was_not_found_is_registered_under_the_words_typed(
    calm_world: World, typed: str, kept: dict[str, str]
) -> None:
    browser = calm_world.client("reception.main")
    page = browser.get("/admin/beneficiary/", query_string={"search": typed}).text
    (address,) = set(re.findall(r'<a class="btn btn-primary" href="(new/[^"]*)" data-back>.*?</a></p>', page))
    form = browser.form(f"/admin/beneficiary/{html.unescape(address)}")
    names = ("last_name", "first_name", "amka", "afm", "mobile", "phone")
    assert {name: form[name] for name in names if form[name]} == kept
    assert "άλλη γραφή" in page and "άλλη γραφή" not in browser.get("/admin/beneficiary/").text


def test_another_is_not_registered_under_the_same_name(world: World) -> None:
    browser = world.client("reception.main")
    more = {"sex": Sex.F.value, "_add_another": "1"}
    answer = browser.submit(
        "/admin/beneficiary/new/?last_name=Νέα&first_name=Εύα", last_name="Νέα", first_name="Εύα", **more
    )
    assert answer.status_code == 302 and "last_name" not in answer.headers["Location"]


def test_the_trail_says_search_only_of_words(world: World) -> None:
    browser = world.client("coordinator")
    browser.get("/admin/referral/?flt0_status_is=SENT")
    browser.get("/admin/referral/?search=λόγος")
    with system_session(world) as session:
        rows = session.scalars(sa.select(AuditEntry).where(AuditEntry.action == AuditAction.SEARCH)).all()
        with world.app.test_request_context():
            told = [audit.sentence(row) for row in rows[-2:]]
    assert "αναζήτηση" not in told[0] and "αναζήτηση" in told[1]
