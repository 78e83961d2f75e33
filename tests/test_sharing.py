"""Sharing by purpose: asked by exact reference, granted in parts and for a time, read by one, seen by those who oversee."""

from __future__ import annotations

import datetime as dt
import re
import threading
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine

import policy
import sharing
from models import AccessGrant, AuditEntry, Beneficiary, Membership, Referral, Service, Unit, User, now
from policy import Refused
from seed import builders
from tests.answers import add, errors_of, said
from tests.walls import MOMENT, NEVER, assert_untouched, plain, session_of, state_of, system_session
from tests.world import CANARY, SECRET, Browser, World, column_listed, counted
from vocabulary import AuditAction, Confidence, FilePart, GrantKind, GrantStatus, ReferralStatus

URL = "/admin/access_grant"
BIRD = CANARY["roma"]
AMKA = builders.amka(dt.date(1980, 5, 5), builders.Sex.F, 88)
WHY = {
    "purpose": "SUPPORT", "legal_basis": "TASK", "special_basis": "CARE", "national_law": "CENTRES",
    "reason": "Κοινό σχέδιο στήριξης",
}  # fmt: skip
ALL = [part.value for part in FilePart]
CONTACT_OF = "Οδός Κρυφή 7"


@pytest.fixture
def there(world: World) -> int:
    """Somebody of the annex, with something in every part of the file."""
    unit, staff = Unit(id=world.rows["roma"]["unit"]), User(id=world.users["caseworker.roma"])
    key = add(
        world,
        builders.beneficiary(
            unit, last_name=BIRD, first_name="Άννα", sex=builders.Sex.F, born_on=dt.date(1980, 5, 5), amka=AMKA,
            address=CONTACT_OF, health_notes=f"{SECRET} υγείας", remarks="Παρατήρηση που δεν δίνεται",
            ethnic_roma="YES",
        ),
    )  # fmt: skip
    person = world.one(Beneficiary, key)
    service = Service(id=world.rows["shared"]["service"])
    notes = ((Confidence.UNIT, False, "της μονάδας"), (Confidence.AUTHOR, False, "του συντάκτη"),
             (Confidence.TEAM, True, "κλινική"))  # fmt: skip
    add(world, builders.delivery(person, service, staff, notes="Λόγια υπηρεσίας", on=dt.date(2026, 2, 3)))
    for confidence, is_clinical, body in notes:
        add(world, builders.case_note(person, staff, confidence=confidence, is_clinical=is_clinical, body=body))
    return key


def ask(browser: Browser, **over: Any) -> Any:
    """Send a request for the person of the annex."""
    return browser.submit(f"{URL}/new/", **{"amka": AMKA, "asked_parts": ALL} | WHY | over)


def newest(world: World) -> AccessGrant:
    grant: AccessGrant = world.query(sa.select(AccessGrant).order_by(AccessGrant.id.desc()).limit(1))[0]
    return grant


def answer(world: World, key: int, person: int, *parts: str, days: int = 7, **over: Any) -> Any:
    """The coordinator grants these parts."""
    sent = {"status": "GRANTED", "beneficiary_id": person, "parts": list(parts), "days": days, "answer": ""}
    return world.client("coordinator").post(f"{URL}/decide/?id={key}", sent | over)


def granted(world: World, there: int, *parts: str, days: int = 7) -> tuple[Browser, int]:
    """A caseworker of the main unit who was granted these parts, and the grant."""
    browser = world.client("caseworker.main")
    assert ask(browser).status_code == 302
    key = newest(world).id
    assert answer(world, key, there, *(parts or ALL), days=days).status_code == 302
    return browser, key


def acts(world: World, action: AuditAction, subject: str = "access_grant") -> list[AuditEntry]:
    found = sa.select(AuditEntry).where(AuditEntry.action == action, AuditEntry.subject_type == subject)
    return world.query(found.order_by(AuditEntry.seq))


# --- asking -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["amka", "number", "name"])
def test_the_answer_to_the_asker_is_the_same_whether_there_is_such_a_person(world: World, there: int, by: str) -> None:
    person, browser = world.one(Beneficiary, there), world.client("caseworker.main")
    unit = world.rows["roma"]["unit"]
    real, unreal = {
        "amka": ({"amka": AMKA}, {"amka": builders.amka(dt.date(1980, 5, 5), builders.Sex.F, 89)}),
        "number": (
            {"amka": "", "registry_number": person.registry_number, "of_unit_id": unit},
            {"amka": "", "registry_number": "ROMA-99999", "of_unit_id": unit},
        ),
        "name": (
            {"amka": "", "last_name": BIRD, "first_name": "Άννα", "born_on": "05/05/1980"},
            {"amka": "", "last_name": BIRD, "first_name": "Άννα", "born_on": "06/05/1980"},
        ),
    }[by]
    told = [asked_and_told(world, browser, sent) for sent in (real, unreal)]
    for one, other in zip(*told, strict=True):
        assert one == other
    assert len(told[0][1]) > 5, "the statements were not counted"


def asked_and_told(world: World, browser: Browser, sent: dict[str, Any]) -> tuple[Any, ...]:
    """What the asker is told, the statements it took, and the request's page; without what was typed."""
    with counted(world.app) as statements:
        reply = ask(browser, **sent)
    assert reply.status_code == 302
    row = newest(world)
    assert row.beneficiary_id is None and row.status == GrantStatus.ASKED
    page = plain(browser.get(f"{URL}/details/?id={row.id}"))[2]
    for typed in sorted(map(str, sent.values()), key=len, reverse=True):
        page = page.replace(typed, "…") if len(typed) > 1 else page
    page = re.sub(r"\b[1-9]\b", "#", page)  # the request's own number
    return plain(reply, row.id), statements, "\n".join(re.sub(r'data-saved="[^"]*"', "", MOMENT.sub("", page)).split())


@pytest.mark.parametrize(
    "wrong",
    [
        {"amka": ""},
        {"amka": "", "last_name": BIRD, "first_name": "Άννα"},
        {"amka": "", "registry_number": "ROMA-00001"},
        {"amka": "12345678901"},
        {"asked_parts": []},
        {"special_basis": ""},
        {"reason": ""},
        {"purpose": "CURIOSITY"},
    ],
)
def test_a_request_without_reference_purpose_or_basis_is_not_taken(
    world: World, there: int, wrong: dict[str, Any]
) -> None:
    browser, before = world.client("caseworker.main"), state_of(world)
    reply = ask(browser, **wrong)
    assert reply.status_code == 200 and errors_of(reply.text), wrong
    assert "Κοινό σχέδιο στήριξης" in reply.text or not wrong.get("reason", "x"), "what was typed stays"
    assert_untouched(world, before)


@pytest.mark.parametrize("typed", ["ROMA-777", "roma 00777", "ΡΟΜΑ-777", "777", "000777"])
def test_a_registry_number_means_the_same_however_it_is_typed(world: World, there: int, typed: str) -> None:
    with system_session(world) as session:
        session.get_one(Beneficiary, there).registry_number = "ROMA-00777"
    sent = {"amka": "", "registry_number": typed, "of_unit_id": world.rows["roma"]["unit"]}
    assert ask(world.client("caseworker.main"), **sent).status_code == 302
    assert newest(world).registry_number == "ROMA-00777"
    page = world.client("coordinator").get(f"{URL}/decide/?id={newest(world).id}").text
    assert f'<option value="{there}"' in page


@pytest.mark.parametrize("typed", ["MAIN-1", "ROMA-Ν00001", "ROMA-0000 1", "roma 2/1", "ROMA-2024-1", "ΠΑΛΙΟ ROMA 1"])
def test_what_is_no_number_of_the_unit_is_not_taken_for_one(world: World, there: int, typed: str) -> None:
    sent = {"amka": "", "registry_number": typed, "of_unit_id": world.rows["roma"]["unit"]}
    ask(world.client("caseworker.main"), **sent)
    assert newest(world).registry_number == typed


def test_asking_opens_nothing(world: World, there: int) -> None:
    browser = world.client("caseworker.main")
    ask(browser, parts=ALL, status="GRANTED", beneficiary_id=there, ends_at="01/01/2030 10:00", kind="EMERGENCY")
    row = newest(world)
    assert (row.status, row.kind, row.beneficiary_id, row.parts) == (GrantStatus.ASKED, GrantKind.REQUEST, None, ())
    assert browser.get(f"{URL}/file/?id={row.id}").status_code == 404
    with session_of(world, "caseworker.main") as session:
        said = {name: getattr(row, name) for name in ("amka", "asked_parts", "purpose", "legal_basis", "special_basis",
                                                      "national_law", "reason", "unit_id")}  # fmt: skip
        session.add(AccessGrant(**said, beneficiary_id=there))
        with pytest.raises(Refused):
            session.flush()


# --- answering --------------------------------------------------------------------------------------------------------


def test_the_coordinator_sees_whom_it_means_and_grants_parts_for_days(world: World, there: int) -> None:
    browser = world.client("caseworker.main")
    ask(browser)
    key, coordinator = newest(world).id, world.client("coordinator")
    assert f"{URL}/details/?id={key}" in coordinator.get("/admin/").text
    page = coordinator.get(f"{URL}/decide/?id={key}").text
    assert world.one(Beneficiary, there).registry_number in page
    assert answer(world, key, there, "CONTACT", days=3).status_code == 302
    row = newest(world)
    assert (row.status, row.beneficiary_id, row.parts) == (GrantStatus.GRANTED, there, (FilePart.CONTACT,))
    assert row.answered_by_id == world.users["coordinator"] and row.ends_at is not None
    assert abs(row.ends_at - now() - dt.timedelta(days=3)) < dt.timedelta(minutes=5)


@pytest.mark.parametrize(
    ("wrong", "beside"),
    [
        ({"beneficiary_id": ""}, "beneficiary_id"),
        ({"beneficiary_id": NEVER}, "beneficiary_id"),
        ({"parts": []}, "parts"),
        ({"parts": ["NOTES"]}, "parts"),
        ({"days": 0}, "days"),
        ({"days": 400}, "days"),
        ({"days": "πολλές"}, "days"),
        ({"status": ""}, "status"),
        ({"status": "REFUSED"}, "answer"),
    ],
)
def test_an_answer_that_makes_no_sense_is_not_taken(world: World, there: int, wrong: Any, beside: str) -> None:
    ask(world.client("caseworker.main"), asked_parts=["CONTACT", "HEALTH"])
    key, before = newest(world).id, state_of(world)
    reply = answer(world, key, there, "CONTACT", **wrong)
    assert reply.status_code == 200 and beside in errors_of(reply.text)
    assert_untouched(world, before)


def test_nobody_is_granted_whom_the_request_does_not_mean(world: World, there: int) -> None:
    ask(world.client("caseworker.main"))
    key = newest(world).id
    for person in (world.rows["roma"]["beneficiary"], world.rows["main"]["beneficiary"]):
        assert answer(world, key, person, "CONTACT").status_code == 200
    assert newest(world).status == GrantStatus.ASKED


def test_a_refusal_tells_its_reason_only_to_those_who_oversee(world: World, there: int) -> None:
    browser = world.client("caseworker.main")
    ask(browser)
    key = newest(world).id
    refused = {"status": "REFUSED", "answer": "Ο φάκελος υπάρχει αλλά δεν αφορά"}
    assert answer(world, key, there, **refused).status_code == 302
    for username, sees in (("coordinator", True), ("supervisor", True), ("caseworker.main", False)):
        page = world.client(username).get(f"{URL}/details/?id={key}")
        assert page.status_code == 200 and ("Ο φάκελος υπάρχει" in page.text) == sees, username
    assert browser.get(f"{URL}/file/?id={key}").status_code == 404
    assert answer(world, key, there, "CONTACT").status_code == 302 and newest(world).status == GrantStatus.REFUSED


def news(world: World, username: str = "caseworker.main") -> str:
    """The part of the first page that tells what became of one's own requests."""
    parts = world.client(username).get("/admin/").text.split("<section ")
    [part] = [part for part in parts if "Φάκελοι άλλων μονάδων που ζήτησα" in part]
    return part


@pytest.mark.parametrize("is_there", [True, False])
def test_a_refusal_is_told_on_the_askers_first_page_and_no_more_than_that(
    world: World, there: int, is_there: bool
) -> None:
    amka = AMKA if is_there else builders.amka(dt.date(1980, 5, 5), builders.Sex.F, 89)
    assert ask(world.client("caseworker.main"), amka=amka).status_code == 302
    key = newest(world).id
    waiting = 'Περιμένουν απάντηση <span class="number">'
    assert f"{waiting}2<" in news(world) and f"details/?id={key}" not in news(world), "one is the cast's"
    reply = world.client("coordinator").post(f"{URL}/decide/?id={key}", status="REFUSED", answer="Δεν είναι γνωστή")
    assert reply.status_code == 302
    told = news(world)
    assert f"details/?id={key}" in told and "Δεν εγκρίθηκε" in told and f"{waiting}1<" in told
    pages = told + world.client("caseworker.main").get(f"{URL}/").text
    assert "Δεν είναι γνωστή" not in pages and "Δεν βρέθηκε<" not in pages and BIRD not in pages
    with time_machine.travel(now() + dt.timedelta(days=15), tick=True):
        assert f"details/?id={key}" not in news(world)


def test_a_file_that_is_open_stays_on_the_askers_first_page(world: World, there: int) -> None:
    browser, key = granted(world, there, days=30)
    assert f"details/?id={key}" in news(world) and "Εγκρίθηκε" in news(world)
    assert f"{URL}/file/?id={key}" in browser.get(f"{URL}/details/?id={key}").text
    assert BIRD not in world.client("caseworker.main").get("/admin/").text
    assert f"details/?id={key}" not in news(world, "caseworker.roma")
    for days, is_told in ((29, True), (31, False)):
        with time_machine.travel(now() + dt.timedelta(days=days), tick=True):
            assert (f"details/?id={key}" in news(world)) == is_told, days


# --- reading ----------------------------------------------------------------------------------------------------------

SAYS = {
    "CONTACT": CONTACT_OF,
    "HEALTH": f"{SECRET} υγείας",
    "SERVICES": "03/02/2026",
    "NOTES": "της μονάδας",
}
NEVER_SHOWN = ("του συντάκτη", "Παρατήρηση που δεν δίνεται", "Λόγια υπηρεσίας", "Δηλώνει Ρομά")


@pytest.mark.parametrize("part", ALL)
def test_each_part_is_read_alone(world: World, there: int, part: str) -> None:
    browser, key = granted(world, there, part)
    page = browser.get(f"{URL}/file/?id={key}")
    assert page.status_code == 200 and BIRD in page.text
    main = page.text.partition("<main")[2].partition("</main>")[0]
    assert {name for name, said in SAYS.items() if said in main} == {part}
    assert not [said for said in (*NEVER_SHOWN, "κλινική") if said in main]


def test_clinical_notes_are_read_only_along_with_health(world: World, there: int) -> None:
    browser, key = granted(world, there)
    page = browser.get(f"{URL}/file/?id={key}").text
    assert all(said in page for said in (*SAYS.values(), "κλινική"))
    assert not [said for said in NEVER_SHOWN if said in page]
    assert "edit/" not in page.partition("<main")[2] and "/beneficiary/" not in page.partition("<main")[2]


def test_the_wall_stays_closed_while_a_grant_runs(world: World, there: int) -> None:
    browser, key = granted(world, there)
    assert browser.get(f"{URL}/file/?id={key}").status_code == 200
    for path in (f"details/?id={there}", f"edit/?id={there}"):
        assert browser.get(f"/admin/beneficiary/{path}").status_code == 404, path
    for path in ("", f"?search={BIRD}", f"ajax/lookup/?name=caseworker_id&query={BIRD}"):
        assert CONTACT_OF not in browser.get(f"/admin/beneficiary/{path}").text
        assert f"id={there}" not in browser.get(f"/admin/beneficiary/{path}").text
    assert BIRD not in browser.get("/admin/").text and BIRD not in browser.get("/admin/case_note/").text
    for path in ("visit", "service_delivery"):
        assert browser.submit(f"/admin/{path}/new/", beneficiary_id=there).status_code == 200
    assert browser.get(f"{URL}/export/xlsx/").status_code == 403
    with session_of(world, "caseworker.main") as session:
        grant = session.get_one(AccessGrant, key)
        before = len(set(session))
        assert sharing.file_of_grant(session, key) is not None
        assert session.get(Beneficiary, there) is None, "a row stayed in the session's memory"
        assert not policy.scope_in(session).is_system and len(set(session)) == before
        assert not list(session.scalars(sa.select(Beneficiary.id).where(Beneficiary.id == grant.beneficiary_id)))


def test_nothing_is_edited_through_a_grant(world: World, there: int) -> None:
    browser, key = granted(world, there)
    before = state_of(world)
    for path in ("file", "details", "edit", "decide", "move"):
        reply = browser.post(f"{URL}/{path}/?id={key}", last_name="Άλλη", status="GRANTED", to="WITHDRAWN", days="99")
        assert reply.status_code in (403, 405), path
    assert browser.post(f"{URL}/delete/", id=key).status_code == 403
    assert browser.submit(f"/admin/beneficiary/edit/?id={there}", last_name="Άλλη").status_code == 404
    assert_untouched(world, before)


def test_every_look_is_recorded_and_listed(world: World, there: int) -> None:
    browser, key = granted(world, there, "CONTACT", "HEALTH")
    for _ in range(2):
        assert browser.get(f"{URL}/file/?id={key}").status_code == 200
    looks = [entry for entry in acts(world, AuditAction.VIEW) if entry.details and '"parts"' in entry.details]
    assert [(e.subject_id, e.person_id, e.actor_id) for e in looks] == [
        (key, there, world.users["caseworker.main"])
    ] * 2
    assert f'"grant": {key}' in (looks[0].details or "") and "HEALTH" in (looks[0].details or "")
    for username in ("coordinator", "supervisor"):
        page = world.client(username).get(f"{URL}/details/?id={key}").text
        listed = page.partition('id="looks"')[2].partition("</section>")[0]
        assert listed.count("Χρήστης caseworker.main") == 2, username
    assert 'id="looks"' not in browser.get(f"{URL}/details/?id={key}").text


# --- attacks ----------------------------------------------------------------------------------------------------------


def closed(world: World, browser: Browser, key: int) -> None:
    """The file answers like one that never was, and nothing of it is on the page."""
    browser.get("/admin/")  # which takes the messages of what went before
    asked, never = (browser.get(f"{URL}/file/?id={number}") for number in (key, NEVER))
    assert asked.status_code == never.status_code == 404
    assert plain(asked, key, NEVER)[2] == plain(never, key, NEVER)[2]
    assert BIRD not in asked.text


def test_a_grant_ends_by_itself(world: World, there: int) -> None:
    _browser, key = granted(world, there, "CONTACT", days=1)
    with time_machine.travel(now() + dt.timedelta(hours=23, minutes=50), tick=True):
        again = world.client("caseworker.main")
        assert again.get(f"{URL}/file/?id={key}").status_code == 200
    with time_machine.travel(now() + dt.timedelta(days=1, minutes=1), tick=True):
        again = world.client("caseworker.main")
        closed(world, again, key)
        assert again.get(f"{URL}/details/?id={key}").status_code == 200
    assert newest(world).status == GrantStatus.GRANTED, "no job is needed for it"


def test_a_grant_is_withdrawn_at_once_and_with_a_reason(world: World, there: int) -> None:
    browser, key = granted(world, there)
    coordinator = world.client("coordinator")
    coordinator.post(f"{URL}/move/?id={key}", to="WITHDRAWN", note="")
    assert newest(world).status == GrantStatus.GRANTED, "not without saying why"
    assert coordinator.post(f"{URL}/move/?id={key}", to="WITHDRAWN", note="Έληξε ο σκοπός").status_code == 302
    row = newest(world)
    assert (row.status, row.answer) == (GrantStatus.WITHDRAWN, "Έληξε ο σκοπός")
    closed(world, browser, key)
    assert 'name="undo"' not in coordinator.get(f"{URL}/details/?id={key}").text
    coordinator.post(f"{URL}/move/?id={key}", undo=str(row.version))
    assert newest(world).status == GrantStatus.WITHDRAWN, "what may have been read cannot be unread"
    assert [entry.actor_id for entry in acts(world, AuditAction.STATUS)][-1] == world.users["coordinator"]


OTHERS = {
    "reception.main": 403, "mediator.main": 403, "reception.roma": 403, "mediator.roma": 403, "coordinator": 403,
    "supervisor": 403, "administrator": 403, "caseworker.roma": 404,
}  # fmt: skip


@pytest.mark.parametrize("username", OTHERS)
def test_a_grant_is_nobody_elses(world: World, there: int, username: str) -> None:
    _browser, key = granted(world, there)
    reply = world.client(username).get(f"{URL}/file/?id={key}")
    assert reply.status_code == OTHERS[username] and CONTACT_OF not in reply.text


def test_a_colleague_of_the_same_unit_does_not_even_see_the_request(world: World, there: int) -> None:
    _browser, key = granted(world, there)
    from tests.world import PASSWORD_HASH

    unit = Unit(id=world.rows["main"]["unit"])
    known = {"password_hash": PASSWORD_HASH, "password_changed_at": now()}
    add(world, builders.user(builders.Role.CASEWORKER, [unit], username="colleague", **known))
    colleague = world.client("colleague")
    for path in ("file", "details"):
        assert colleague.get(f"{URL}/{path}/?id={key}").status_code == 404
    assert AMKA not in colleague.get(f"{URL}/").text
    closed(world, colleague, key)


def test_who_leaves_the_unit_or_the_role_leaves_the_grant(world: World, there: int) -> None:
    _browser, key = granted(world, there)
    with system_session(world) as session:
        for row in session.scalars(sa.select(Membership).where(Membership.user_id == world.users["caseworker.main"])):
            session.delete(row)
        session.flush()
    closed(world, world.client("caseworker.main"), key)


def test_guessing_numbers_opens_nothing(world: World, there: int) -> None:
    browser, key = granted(world, there)
    for guess in (key + 1, 0, -1, "x", "1 OR 1=1", ""):
        assert browser.get(f"{URL}/file/?id={guess}").status_code == 404, guess
    assert browser.get(f"{URL}/file/").status_code == 404


@pytest.mark.parametrize("username", ["reception.main", "mediator.main", "administrator"])
def test_who_may_not_ask_is_refused_everywhere(world: World, username: str) -> None:
    browser = world.client(username)
    for path in ("", "new/", "emergency/", "details/?id=1", "decide/?id=1", "file/?id=1"):
        assert browser.get(f"{URL}/{path}").status_code == 403, path
    assert browser.post(f"{URL}/emergency/", amka=AMKA, reason="x").status_code == 403


# --- emergencies ------------------------------------------------------------------------------------------------------


def emergency(browser: Browser, **over: Any) -> Any:
    return browser.submit(f"{URL}/emergency/", **{"amka": AMKA, "reason": "Λιποθύμησε στον χώρο μας"} | over)


def test_an_emergency_opens_contact_and_health_at_once_for_an_hour(world: World, there: int) -> None:
    browser = world.client("caseworker.main")
    reply = emergency(browser)
    row = newest(world)
    assert reply.status_code == 302 and reply.headers["Location"].endswith(f"{URL}/file/?id={row.id}")
    assert row.parts == sharing.EMERGENCY_PARTS and row.kind == GrantKind.EMERGENCY
    listed = column_listed(browser.get(f"{URL}/").text, "Κατάσταση")
    assert said(world.app, "Opened without approval") in listed and GrantStatus.GRANTED.label.el not in listed
    page = browser.get(f"{URL}/file/?id={row.id}").text
    assert SAYS["CONTACT"] in page and SAYS["HEALTH"] in page and SAYS["NOTES"] not in page
    (entry,) = acts(world, AuditAction.EMERGENCY)
    assert (entry.person_id, entry.actor_id) == (there, world.users["caseworker.main"])
    assert "Λιποθύμησε" in (entry.details or "")
    for username in ("coordinator", "supervisor"):
        home = world.client(username).get("/admin/").text
        assert "Λιποθύμησε" in home and f"{URL}/details/?id={row.id}" in home, username
    assert "Λιποθύμησε" not in world.client("caseworker.roma").get("/admin/").text
    with time_machine.travel(now() + dt.timedelta(minutes=61), tick=True):
        closed(world, world.client("caseworker.main"), row.id)


@pytest.mark.parametrize(
    "over",
    [
        {"amka": builders.amka(dt.date(1980, 5, 5), builders.Sex.F, 90)},
        {"last_name": BIRD[:-1], "first_name": "Άννα", "born_on": "05/05/1980"},
        {"amka": "", "last_name": BIRD[:4], "first_name": "Άννα", "born_on": "05/05/1980"},
    ],
)
def test_an_emergency_needs_every_reference_to_agree_and_a_miss_is_seen(world: World, there: int, over: Any) -> None:
    reply = emergency(world.client("caseworker.main"), **over)
    row = newest(world)
    assert reply.status_code == 200 and (row.status, row.beneficiary_id) == (GrantStatus.REFUSED, None)
    assert "Λιποθύμησε" in reply.text and "message-warning" in reply.text and "message-success" not in reply.text
    closed(world, world.client("caseworker.main"), row.id)
    assert len(acts(world, AuditAction.EMERGENCY)) == 1
    assert "Λιποθύμησε" in world.client("supervisor").get("/admin/").text
    for username, path in (("caseworker.main", f"{URL}/"), ("caseworker.main", f"{URL}/details/?id={row.id}"),
                           ("coordinator", "/admin/"), ("supervisor", f"{URL}/")):  # fmt: skip
        text = world.client(username).get(path).text
        assert "Δεν βρέθηκε<" in text and "Δεν εγκρίθηκε<" not in text, "nobody answered it"


def test_emergencies_are_few_a_day(world: World, there: int) -> None:
    browser = world.client("caseworker.main")
    for _ in range(sharing.EMERGENCIES_A_DAY):
        emergency(browser, amka=builders.amka(dt.date(1980, 5, 5), builders.Sex.F, 91))
    assert len(acts(world, AuditAction.EMERGENCY)) == sharing.EMERGENCIES_A_DAY
    before = state_of(world)
    reply = emergency(browser)
    assert reply.status_code == 200 and "message-error" in reply.text
    assert_untouched(world, before)


def test_emergencies_sent_at_once_are_as_few(world: World, there: int) -> None:
    browsers = [world.client("caseworker.main") for _ in range(sharing.EMERGENCIES_A_DAY + 3)]
    threads = [threading.Thread(target=emergency, args=(browser,)) for browser in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(acts(world, AuditAction.EMERGENCY)) == sharing.EMERGENCIES_A_DAY


def test_an_emergency_needs_a_reason_and_a_reference(world: World, there: int) -> None:
    browser, before = world.client("caseworker.main"), state_of(world)
    for wrong in ({"reason": " "}, {"amka": ""}):
        assert emergency(browser, **wrong).status_code == 200
    assert_untouched(world, before)


@pytest.mark.parametrize("where", ["new", "emergency"])
def test_no_button_leads_to_a_form_that_nobody_may_open(world: World, where: str) -> None:
    page = world.client("caseworker.main").get(f"{URL}/{where}/").text
    assert ("Άνοιγμα φακέλου" if where == "emergency" else said(world.app, "Send the request")) in page
    assert "_continue_editing" not in page, "a request is never edited"
    assert "_continue_editing" in world.client("caseworker.main").get("/admin/visit/new/").text


# --- referrals --------------------------------------------------------------------------------------------------------

RECEIVED = "/admin/referral_received"


def sent(world: World, there: int, *path: ReferralStatus, to: str = "main") -> int:
    """A referral from the annex, walked through these states."""
    key = add(
        world,
        builders.referral(
            world.one(Beneficiary, there), User(id=world.users["caseworker.roma"]),
            to_unit_id=world.rows[to]["unit"], reason="Αίτηση για επίδομα στέγασης",
        ),
    )  # fmt: skip
    with system_session(world) as session:
        for status in path:
            session.get_one(Referral, key).move_to(status, dt.date(2026, 2, 1))
            session.flush()
    return key


@pytest.mark.parametrize("role", ["caseworker", "mediator"])
def test_the_receiving_unit_sees_a_referral_and_the_contact_data(world: World, there: int, role: str) -> None:
    key, browser = sent(world, there, ReferralStatus.SENT), world.client(f"{role}.main")
    assert f"{RECEIVED}/file/?id={key}" in browser.get("/admin/").text
    assert BIRD in browser.get(f"{RECEIVED}/").text
    page = browser.get(f"{RECEIVED}/file/?id={key}").text
    assert CONTACT_OF in page and "Αίτηση για επίδομα στέγασης" in page
    assert re.findall('<option value="([A-Z]+)"', page) == ["RECEIVED"], "no answer is offered that would be refused"
    main = page.partition("<main")[2].partition("</main>")[0]
    assert not [said for name, said in SAYS.items() if name != "CONTACT" and said in main]
    assert world.one(Unit, world.rows["roma"]["unit"]).name not in main, "not that the annex knows the person"
    looks = [entry for entry in acts(world, AuditAction.VIEW, "referral") if entry.subject_id == key]
    assert [(e.person_id, e.actor_id) for e in looks] == [(there, world.users[f"{role}.main"])]
    assert browser.get(f"/admin/beneficiary/details/?id={there}").status_code == 404
    assert browser.get(f"/admin/referral/details/?id={key}").status_code == 404


def test_the_receiving_unit_answers_in_its_own_name(world: World, there: int) -> None:
    key, browser = sent(world, there, ReferralStatus.SENT), world.client("mediator.main")
    reply = browser.post(f"{RECEIVED}/file/?id={key}", status="RECEIVED", on="02/02/2026", note="Το πήραμε")
    assert reply.status_code == 302
    assert BIRD in browser.get(reply.headers["Location"]).text.partition("message-success")[2].partition("</div>")[0]
    row = world.one(Referral, key)
    assert row.status == ReferralStatus.RECEIVED and row.unit_id == world.rows["roma"]["unit"]
    entry = acts(world, AuditAction.STATUS, "referral")[-1]
    assert (entry.actor_id, entry.subject_id, entry.person_id) == (world.users["mediator.main"], key, there)
    assert "Το πήραμε" in world.client("caseworker.roma").get(f"/admin/referral/details/?id={key}").text


def test_the_receiving_unit_reads_what_it_answered_and_not_what_the_sender_noted(world: World, there: int) -> None:
    """A sender who heard by telephone notes the answer too: that is in the sender's file."""
    key, browser = sent(world, there, ReferralStatus.SENT), world.client("mediator.main")
    page = f"{RECEIVED}/file/?id={key}"
    title = "Τι απαντήσαμε"
    assert title not in browser.get(page).text
    browser.post(page, status="RECEIVED", on="02/02/2026", note="Το πήραμε")
    noted = world.client("caseworker.roma").post(
        f"/admin/referral/move/?id={key}", to="APPT", on="03/02/2026", note="Σημείωση παραρτήματος"
    )
    assert noted.status_code == 302 and world.one(Referral, key).status == ReferralStatus.APPT
    told = world.client("caseworker.main").get(page).text.partition(title)[2]
    for shown in ("Το πήραμε", "02/02/2026", "Παρελήφθη", world.one(User, world.users["mediator.main"]).full_name):
        assert shown in told, shown
    assert "Σημείωση παραρτήματος" not in told and "03/02/2026" not in told
    with session_of(world, "caseworker.main") as session:
        (seen,) = sharing.received(session, key)
    with session_of(world, "caseworker.roma") as session:
        assert not sharing.answered(session, seen), "it is read by whom it was sent to"


@pytest.mark.parametrize("status", ["WITHDRAWN", "NOREPLY", "DRAFT", "DONE", "", "X"])
def test_the_receiving_unit_says_only_what_is_its_own_to_say(world: World, there: int, status: str) -> None:
    key, browser = sent(world, there, ReferralStatus.SENT), world.client("caseworker.main")
    before = state_of(world)
    assert browser.post(f"{RECEIVED}/file/?id={key}", status=status, on="02/02/2026").status_code == 200
    assert_untouched(world, before)
    if status in ReferralStatus.__members__:
        with session_of(world, "caseworker.main") as session:
            (seen,) = sharing.received(session, key)
            with pytest.raises(Exception, match="not possible"):
                sharing.answer_referral(session, seen, ReferralStatus[status], dt.date(2026, 2, 2))
            assert not policy.scope_in(session).is_system


CLOSED: dict[str, tuple[ReferralStatus, ...]] = {
    "draft": (),
    "withdrawn": (ReferralStatus.SENT, ReferralStatus.WITHDRAWN),
    "rejected": (ReferralStatus.SENT, ReferralStatus.RECEIVED, ReferralStatus.REJECTED),
    "done": (ReferralStatus.SENT, ReferralStatus.RECEIVED, ReferralStatus.ACCEPTED, ReferralStatus.DONE),
}


@pytest.mark.parametrize("state", CLOSED)
def test_a_referral_that_is_not_sent_or_is_closed_shows_nothing(world: World, there: int, state: str) -> None:
    key, browser = sent(world, there, *CLOSED[state]), world.client("caseworker.main")
    asked, never = (browser.get(f"{RECEIVED}/file/?id={number}") for number in (key, NEVER))
    assert asked.status_code == 404 and plain(asked, key, NEVER)[2] == plain(never, key, NEVER)[2]
    assert BIRD not in browser.get(f"{RECEIVED}/").text and BIRD not in browser.get("/admin/").text
    before = state_of(world)
    assert browser.post(f"{RECEIVED}/file/?id={key}", status="RECEIVED", on="02/02/2026").status_code == 404
    assert_untouched(world, before)


def test_a_referral_is_only_for_the_unit_that_it_was_sent_to(world: World, there: int) -> None:
    key = sent(world, there, ReferralStatus.SENT)
    for username, status in (("caseworker.roma", 404), ("reception.main", 403), ("coordinator", 403),
                             ("supervisor", 403), ("administrator", 403), ("unitless", 404)):  # fmt: skip
        browser = world.client(username)
        assert browser.get(f"{RECEIVED}/file/?id={key}").status_code == status, username
        before = state_of(world)
        reply = browser.post(f"{RECEIVED}/file/?id={key}", status="RECEIVED", on="02/02/2026")
        assert reply.status_code == status, username
        assert_untouched(world, before)
