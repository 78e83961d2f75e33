"""A referral's letter: whom it names, what it leaves out, who may open it, and that opening it is recorded."""

from __future__ import annotations

import re

import sqlalchemy as sa

import identifiers
from i18n import Label
from models import AuditEntry, Beneficiary, Municipality, PartnerContact, Referral, Unit, User
from seed import builders
from tests.answers import add
from tests.walls import assert_like_missing, both_ways, system_session
from tests.world import CANARY, SECRET, Browser, World
from vocabulary import AuditAction

READERS = ("caseworker.main", "mediator.main", "coordinator", "supervisor")
PAPERS = {"father_name": "Ανάργυρος", "mother_name": "Ευφροσύνη", "id_document": "ΑΒ123456", "paaypa": "987654321012",
          "area": "Οικισμός Σιωπής"}  # fmt: skip
LEFT_OUT = ("registry_number", "amka", "afm", "address", "health_notes", *PAPERS)


def url(key: int) -> str:
    return f"/admin/referral/letter/?id={key}"


def letter(browser: Browser, key: int) -> str:
    """The letter's own text, without the page around it."""
    page = browser.get(url(key))
    assert page.status_code == 200
    found = re.search(r'<article class="letter.*</article>', page.text, re.S)
    assert found, "no letter on the page"
    return " ".join(re.sub(r"<[^>]*>", " ", found[0]).split())


def change(world: World, model: type, key: int, **values: object) -> None:
    """Set these columns of a row."""
    with system_session(world) as session:
        row = session.get_one(model, key)
        for name, value in values.items():
            setattr(row, name, value)


def test_it_names_the_person_and_what_is_asked_and_nothing_else(world: World) -> None:
    rows = world.rows["main"]
    change(world, Beneficiary, rows["beneficiary"], mobile="+306900000017", **PAPERS)
    change(world, Referral, rows["referral"], reason="Έκδοση κάρτας ανεργίας")
    person = world.one(Beneficiary, rows["beneficiary"])
    for reader in READERS:
        text = letter(world.client(reader), rows["referral"])
        for wanted in (str(person), identifiers.phone_display(person.mobile), "Έκδοση κάρτας ανεργίας"):
            assert wanted in text, f"{reader}: {wanted} is missing"
        kept = [getattr(person, name) for name in LEFT_OUT]
        kept += [
            f"{person.born_on:%d/%m/%Y}",
            SECRET,
            *(str(g) for g in (*person.protected_groups, *person.target_groups)),
        ]
        assert all(kept) and not [value for value in kept if value in text], f"{reader} prints more than is needed"


def test_it_says_from_whom_and_to_whom(world: World) -> None:
    rows, shared = world.rows["main"], world.rows["shared"]
    change(world, Municipality, shared["municipality"], supervising_service="Διεύθυνση Πρόνοιας Δοκιμών",
           centre_name="Κέντρο Κοινότητας Δοκιμών", co_financing="Με τη συγχρηματοδότηση δοκιμών")  # fmt: skip
    change(
        world,
        Unit,
        rows["unit"],
        address="Οδός Μονάδας 1",
        postal_code="66100",
        phone="+302521057206",
        email="a@example.gr",
    )
    change(world, PartnerContact, shared["partner_contact"], name="Πρόσωπο Φορέα", position="Γραμματεία")
    text = letter(world.client("caseworker.main"), rows["referral"])
    for wanted in ("Δήμος Παραδείγματος", "Διεύθυνση Πρόνοιας Δοκιμών", "Κέντρο Κοινότητας Δοκιμών", "Οδός Μονάδας 1, 66100",
                   "2521 057206", "a@example.gr", "Φορέας Δοκιμών", "Πρόσωπο Φορέα, Γραμματεία",
                   "Χρήστης caseworker.main", "Με τη συγχρηματοδότηση δοκιμών"):  # fmt: skip
        assert wanted in text, wanted


def test_an_annex_does_not_tell_of_the_person_by_its_name(world: World) -> None:
    """That somebody is known to the Roma annex is sensitive; the letter is the municipality's and its centre's."""
    annex = world.one(Unit, world.rows["roma"]["unit"])
    change(world, User, world.users["mediator.roma"], specialty="Διαμεσολαβητής Ρομά")
    for centre in (None, "Κέντρο Κοινότητας Δοκιμών"):
        change(world, Municipality, world.rows["shared"]["municipality"], centre_name=centre)
        text = letter(world.client("mediator.roma"), world.rows["roma"]["referral"])
        assert "Δήμος Παραδείγματος" in text and (centre or "") in text
        assert annex.name not in text and annex.kind.label.el not in text and "Ρομά" not in text


def test_it_may_go_to_another_unit(world: World) -> None:
    person = world.one(Beneficiary, world.rows["main"]["beneficiary"])
    annex = world.one(Unit, world.rows["roma"]["unit"])
    staff = User(id=world.users["caseworker.main"])
    key = add(world, builders.referral(person, staff, to_unit_id=annex.id, reason="Μαθήματα"))
    change(world, Unit, annex.id, address="Οικισμός Δοκιμών")
    text = letter(world.client("caseworker.main"), key)
    assert annex.name in text and "Οικισμός Δοκιμών" in text and "Μαθήματα" in text
    assert CANARY["roma"] not in text


def test_it_is_greek_whoever_reads(world: World) -> None:
    browser, key = world.client("caseworker.main"), world.rows["main"]["referral"]
    greek = letter(browser, key)
    assert browser.post("/language/en").status_code == 302
    assert letter(browser, key) == greek
    assert '<html lang="el">' in browser.get(url(key)).text
    assert '<html lang="en">' in browser.get(f"/admin/referral/details/?id={key}").text, (
        "the reader's language is changed"
    )
    assert Label("Παραπομπές", "Referrals").en in browser.get("/admin/referral/").text


def test_opening_it_is_recorded(world: World) -> None:
    key = world.rows["main"]["referral"]
    browser = world.client("caseworker.main")
    views = sa.select(AuditEntry).where(AuditEntry.action == AuditAction.VIEW, AuditEntry.subject_type == "referral")
    before = len(world.query(views))
    letter(browser, key)
    entries = world.query(views.order_by(AuditEntry.seq))[before:]
    assert [(e.subject_id, e.person_id, e.actor_id) for e in entries] == [
        (key, world.rows["main"]["beneficiary"], world.users["caseworker.main"])
    ]


@both_ways
def test_a_foreign_one_is_a_missing_one(world: World, here: str, there: str) -> None:
    browser = world.client(f"caseworker.{here}")
    answer = assert_like_missing(world, lambda key: browser.get(url(key)), world.rows[there]["referral"], here)
    assert answer.status_code == 404 and CANARY[there] not in answer.text


def test_odd_numbers_are_missing_ones(calm_world: World) -> None:
    browser = calm_world.client("caseworker.main")
    for odd in ("", "abc", "-1", "0", "9" * 20, "1,2", "%00"):
        assert browser.get("/admin/referral/letter/", query_string={"id": odd}).status_code == 404, odd
    assert browser.get("/admin/referral/letter/").status_code == 404


def test_its_referral_leads_to_it(calm_world: World) -> None:
    key = calm_world.rows["main"]["referral"]
    for reader in READERS:
        page = calm_world.client(reader).get(f"/admin/referral/details/?id={key}")
        assert f'href="{url(key)}"' in page.text, reader
