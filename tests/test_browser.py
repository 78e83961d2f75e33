"""The work of a day in real Chromium: a family, its walls, a month's export, the trail; keyboard, errors, phones."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Dialog, Page, expect
from python_calamine import CalamineWorkbook

import rights
from admin_views.base.filters import BETWEEN, CONTAINS, IS
from db import fields
from models import (
    Appointment,
    AuditEntry,
    AuditReview,
    Beneficiary,
    Household,
    HouseholdMember,
    Partner,
    Referral,
    Service,
    ServiceDelivery,
    User,
    Visit,
    today,
)
from seed import builders
from tests.answers import add
from tests.browser import (
    EDGE,
    MONTH,
    PHONE,
    Office,
    Site,
    add_filter,
    choose,
    chromium,
    count,
    each,
    enter,
    fill,
    menu_addresses,
    office,
    press_through,
    row_ids,
    save,
    saved,
    site,
    tab_to,
    text_of,
    token_of,
    too_wide,
)
from tests.walls import system_session
from tests.world import CANARY, PASSWORD
from vocabulary import AppointmentStatus, AuditAction, HouseholdRelation, ReferralStatus, Sex, Verdict

__all__ = ["chromium", "office", "site"]  # fixtures

FAMILY_NAME = "Κοτσύφη"
MOTHER = "Κοτσύφη Ευγενία"
MOTHERS_AMKA = builders.amka(dt.date(1985, 3, 5), Sex.F, 499)
FAMILY: list[dict[str, str]] = [
    {"last_name": "Κοτσύφης", "first_name": "Ηρακλής", "sex": "M", "relation": "HEAD", "registered_on": "12/06/2025"},
    {"last_name": "Κοτσύφη", "first_name": "Ευγενία", "sex": "F", "relation": "SPOUSE", "registered_on": "12/6/2025",
     "born_on": "5/3/1985", "amka": MOTHERS_AMKA},
    {"last_name": "Κοτσύφη", "first_name": "Άννα", "sex": "F", "relation": "CHILD", "registered_on": "12062025"},
    {"last_name": "Κοτσύφης", "first_name": "Γεώργιος", "sex": "M", "relation": "CHILD", "registered_on": "12-06-2025"},
    {"last_name": "Κοτσύφης", "first_name": "Πέτρος", "sex": "M", "relation": "CHILD", "registered_on": "13.6.2025"},
]  # fmt: skip
"""As the mediator types them, with the dates in every way that people write them."""
MADE = {"household": 1, "beneficiary": 5, "household_member": 5, "visit": 1, "service_delivery": 2, "referral": 1}
MEDIATOR = "Χρήστης mediator.roma"
"""The mediator's full name in the cast."""


# --- what one looks at all day ----------------------------------------------------------------------------------------

TOO_WIDE = """[...document.querySelectorAll(".table-region")].filter((each) => each.scrollWidth > each.clientWidth)
  .map((each) => each.innerText.slice(0, 80))"""
OVERLAPPING = """[...document.querySelectorAll(".list :is(td, th)")].filter((each) => each.scrollWidth > each.clientWidth)
  .map((each) => each.textContent)"""
LONG = "Δύσκολη οικονομική κατάσταση, ανάγκη στέγασης και τροφίμων, εκκρεμούν δικαιολογητικά. " * 5


@pytest.mark.parametrize("width", [1280, 390])
def test_long_texts_break_and_tables_fit(office: Office, width: int) -> None:
    page = office.sign_in("coordinator", viewport={"width": width, "height": 844})
    rows = office.world.rows["main"]
    for table, name in (("referral", "reason"), ("visit", "request")):
        page.goto(f"/admin/{table}/edit/?id={rows[table]}")
        fill(page, **{name: LONG})
        save(page)
    person = f"/admin/beneficiary/details/?id={rows['beneficiary']}"
    for address in (*(f"/admin/{name}/" for name in ("referral", "visit", "application", "appointment")), person):
        page.goto(address)
        assert page.evaluate(TOO_WIDE) == page.evaluate(OVERLAPPING) == [], address
    page.goto("/admin/referral/")
    shown = page.locator(".clamp", has_text=LONG.strip())
    assert shown.evaluate("text => text.clientHeight < 80 && text.scrollHeight > text.clientHeight")


@pytest.mark.parametrize("width", [390, 1280])
def test_whose_page_it_is_stays_in_sight(office: Office, width: int) -> None:
    """Whole, also on a telephone, and within its width whatever the name's length."""
    page = office.sign_in("caseworker.main", viewport={"width": width, "height": 600})
    page.goto(f"/admin/beneficiary/details/?id={office.world.rows['main']['beneficiary']}")
    page.evaluate("window.scrollTo({top: document.body.scrollHeight, behavior: 'instant'})")
    name = page.locator(".strip-person")
    expect(name).to_be_in_viewport(ratio=1)
    if width < 768:
        name.evaluate("each => { each.textContent = each.textContent.repeat(5) }")
        assert too_wide(page) <= 0


def test_only_columns_that_sort_bear_the_arrows(office: Office) -> None:
    """Two records side by side have headings that lead to the records."""
    page = office.sign_in("coordinator")
    mark = "each => getComputedStyle(each, '::after').content"
    two = [office.world.rows[code]["beneficiary"] for code in ("main", "roma")]
    page.goto(f"/admin/person_decision/new/?first_id={two[0]}&second_id={two[1]}")
    heads = page.locator("thead a")
    assert [head.evaluate(mark) for head in heads.all()] == ["none", "none"]
    page.goto("/admin/beneficiary/")
    assert "↕" in page.locator("thead a").last.evaluate(mark)


def test_a_row_that_nobody_changes_any_more_has_neither_pencil_nor_tick(office: Office) -> None:
    key = office.world.rows["main"]["beneficiary"]
    with system_session(office.world) as session:
        row = session.get_one(Beneficiary, key)
        row.last_name, row.erased_on = rights.NAMELESS, today()
    page = office.sign_in("coordinator")
    page.goto("/admin/beneficiary/")
    for row, number in ((page.locator("[data-settled]"), 0), (page.locator("tbody tr:not([data-settled])").first, 1)):
        expect(row.locator("[href*='edit/'], [type=checkbox]")).to_have_count(number * 2)
        assert row.locator("td, th").count() == page.locator("thead th").count()


def test_a_new_form_waits_for_its_first_value(office: Office) -> None:
    page = office.sign_in("caseworker.main")
    page.goto("/admin/beneficiary/new/")
    expect(page.locator("[name=last_name]")).to_be_focused()
    page.goto("/admin/visit/new/")
    expect(page.locator("#beneficiary_id-ts-control")).to_be_focused()
    expect(page.locator("#beneficiary_id-ts-dropdown")).to_be_hidden()
    page.locator("#beneficiary_id-ts-control").click()
    expect(page.locator("#beneficiary_id-ts-dropdown").get_by_role("option").first).to_be_visible()
    page.goto(f"/admin/visit/new/?beneficiary_id={office.world.rows['main']['beneficiary']}")
    expect(page.locator("[name=request]")).to_be_focused()
    page.goto(f"/admin/appointment/new/?beneficiary_id={office.world.rows['main']['beneficiary']}")
    expect(page.locator("[name=at]")).to_be_focused()
    page.goto(f"/admin/visit/edit/?id={office.world.rows['main']['visit']}")
    expect(page.locator("body")).to_be_focused()


# --- a family, from its first visit to the supervisor's desk ----------------------------------------------------------


class Family:
    """What the annex's mediator does with a family of five, by clicking and typing only."""

    def __init__(self, office: Office) -> None:
        self.office, self.world = office, office.world
        self.outsider = office.sign_in("caseworker.main")
        self.seen_before = self.seen_by_outsider()
        self.page = office.sign_in("mediator.roma")
        self.supervisor = office.sign_in("supervisor")
        self.rows: dict[str, int] = {}

    def seen_by_outsider(self) -> dict[str, str]:
        """Every screen of the main centre's caseworker, and what is shared by all: partner and service."""
        self.outsider.goto("/admin/")
        shared = [f"/admin/partner/details/?id={self.number_of(Partner, Partner.name == 'ΔΥΠΑ Δοκιμών')}"]
        shared += [f"/admin/service/details/?id={self.number_of(Service, Service.code == 'Β90')}"]
        return each([*menu_addresses(self.outsider), *shared], self.outsider, text_of)

    def number_of(self, model: Any, condition: Any) -> int:
        """The number of the one row for which this holds."""
        [number] = self.world.query(sa.select(model.id).where(condition))
        return int(number)

    def register(self) -> None:
        """The household, and from its page five people one after another."""
        page = self.page
        page.goto("/admin/household/new/")
        fill(page, name=FAMILY_NAME, address="Οδός Δοκιμών 5", postal_code="66100", area="Οικισμός Δοκιμών")
        self.rows["household"] = saved(page, "household")
        with page.expect_navigation():
            page.get_by_role("link", name=self.world.said("Register a new member")).click()
        for person in FAMILY:
            expect(page.locator("[name=address]")).to_have_value("Οδός Δοκιμών 5")
            fill(page, **person)
            save(page, "_add_another" if person is not FAMILY[-1] else None)
        for person in FAMILY:
            found = (Beneficiary.last_name == person["last_name"]) & (Beneficiary.first_name == person["first_name"])
            self.rows[person["first_name"]] = self.number_of(Beneficiary, found)

    def serve(self) -> None:
        """A visit of the mother, typed without accents, and two services from her page."""
        page, mother = self.page, self.rows["Ευγενία"]
        page.goto("/admin/")
        with page.expect_navigation():
            page.locator("main a[href='/admin/visit/new/']").click()
        choose(page, "beneficiary_id", "κοτσυφη ευγ", MOTHER)
        fill(page, request="Κάρτα ανεργίας", action="Ενημερώθηκε")
        self.rows["visit"] = saved(page, "visit")
        page.goto(f"/admin/beneficiary/details/?id={mother}")
        with page.expect_navigation():
            page.locator("#child-service_delivery a[href*='/new/']").click()
        fill(page, service_id=str(self.number_of(Service, Service.code == "Β90")), minutes="25")
        save(page, "_add_another")
        fill(page, service_id=str(self.world.rows["shared"]["service"]), minutes="40")
        save(page)
        assert f"/admin/beneficiary/details/?id={mother}" in page.url

    def refer(self) -> None:
        """To the employment service, both looked up in Latin letters, and sent off in the dialog."""
        page = self.page
        page.goto("/admin/referral/new/")
        choose(page, "beneficiary_id", "kotsyfi eug", MOTHER)
        choose(page, "to_partner_id", "dypa", "ΔΥΠΑ Δοκιμών")
        fill(page, reason="Εγγραφή στο μητρώο ανέργων")
        self.rows["referral"] = saved(page, "referral")
        page.locator("button[data-to=SENT]").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text(str(ReferralStatus.SENT))
        dialog.locator("[name=on]").fill(f"{today():%d/%m/%Y}")
        dialog.locator("[name=note]").fill("Παραδόθηκε στο χέρι")
        with page.expect_navigation():
            dialog.locator("button[type=submit]").click()


@pytest.fixture(scope="class")
def family(chromium: Chromium, site: Site) -> Iterator[Family]:
    """The family, registered and served; the tests of the class read what became of it."""
    office = Office(chromium, site)
    met = Family(office)
    met.register()
    met.serve()
    met.refer()
    yield met
    try:
        office.close()
    finally:
        site.reset()


class TestFamily:
    """One family and everybody who may, or may not, see it."""

    def test_the_mediator_sees_what_was_registered(self, family: Family) -> None:
        page = family.page
        expect(page.get_by_text("Παραδόθηκε στο χέρι").first).to_be_visible()
        referral = family.world.one(Referral, family.rows["referral"])
        assert (referral.status, referral.sent_on) == (ReferralStatus.SENT, today())
        page.goto(f"/admin/household/details/?id={family.rows['household']}")
        rows = page.locator("#child-household_member tbody tr")
        expect(rows).to_have_count(5)
        for person in FAMILY:
            row = rows.filter(has_text=f"{person['last_name']} {person['first_name']}")
            expect(row).to_contain_text(str(HouseholdRelation(person["relation"])))
        page.goto(f"/admin/beneficiary/details/?id={family.rows['Ευγενία']}")
        expect(page.locator("#child-service_delivery tbody tr")).to_have_count(2)
        expect(page.locator("#child-visit tbody tr")).to_have_text([re.compile("Κάρτα ανεργίας")])
        expect(page.locator("#child-referral tbody tr")).to_have_text(
            [re.compile(f"ΔΥΠΑ.*{ReferralStatus.SENT}", re.S)]
        )
        mother = family.world.one(Beneficiary, family.rows["Ευγενία"])
        assert (mother.amka, mother.born_on, mother.address) == (MOTHERS_AMKA, dt.date(1985, 3, 5), "Οδός Δοκιμών 5")

    def test_the_main_centre_finds_no_trace(self, family: Family) -> None:
        assert family.seen_by_outsider() == family.seen_before

    def test_the_main_centre_searches_and_filters_in_vain(self, family: Family) -> None:
        page, typed = family.outsider, ("Κοτσύφη", "kotsyf", MOTHERS_AMKA, "Οδός Δοκιμών 5")
        for words in typed:
            page.goto("/admin/")
            page.locator("main [name=search]").fill(words)
            with page.expect_navigation():
                page.locator("main [name=search]").press("Enter")
            assert (count(page), row_ids(page)) == (0, []), words
            page.goto(f"/admin/household/?search={words}")
            assert (count(page), row_ids(page)) == (0, []), words
        page.goto("/admin/beneficiary/")
        add_filter(page, fields(Beneficiary)["last_name"].label, CONTAINS, "κοτσυφ")
        assert (count(page), row_ids(page)) == (0, [])
        for name in ("visit", "referral", "service_delivery"):
            page.goto(f"/admin/{name}/")
            add_filter(page, fields(Visit)["beneficiary_id"].label, CONTAINS, "κοτσυφη")
            assert (count(page), row_ids(page)) == (0, []), name

    def test_the_main_centre_looks_up_in_vain(self, family: Family) -> None:
        page = family.outsider
        for name, field in (
            ("visit", "beneficiary_id"),
            ("referral", "beneficiary_id"),
            ("household_member", "household_id"),
        ):
            page.goto(f"/admin/{name}/new/")
            page.locator(f"#{field}-ts-control").click()
            lines = page.locator(f"#{field}-ts-dropdown")
            expect(lines.get_by_role("option").filter(has_text=CANARY["main"])).to_have_count(1)
            page.locator(f"#{field}-ts-control").press_sequentially("κοτσυφ")
            expect(lines).to_contain_text(family.world.said("Nothing found"))
            expect(lines.locator("[data-selectable]")).to_have_count(0)

    def test_the_main_centre_meets_no_address_that_answers(self, family: Family) -> None:
        for model in (Household, Beneficiary, HouseholdMember, Visit, ServiceDelivery, Referral):
            [newest] = family.world.query(sa.select(sa.func.max(model.id)))
            assert family.world.one(model, newest).unit_id == family.world.rows["roma"]["unit"]
            for route in ("details", "edit"):
                address = f"/admin/{model.__tablename__}/{route}/?id="
                missing = _answer(family.outsider, f"{address}987654")
                assert missing[0] == 404
                assert _answer(family.outsider, f"{address}{newest}") == missing

    def test_the_coordinator_exports_exactly_the_month(self, family: Family, tmp_path: Path) -> None:
        page = family.office.sign_in("coordinator", accept_downloads=True)
        page.goto("/admin/beneficiary/")
        add_filter(page, fields(Beneficiary)["registered_on"].label, BETWEEN, *MONTH)
        page.get_by_role("link", name=str(fields(Beneficiary)["registered_on"].label), exact=True).click()
        expected = [("2025-06-01", EDGE, "Δοκιμή β"), *_registered(), ("2025-06-30", EDGE, "Δοκιμή γ")]
        expect(page.locator(".page-head").get_by_role("status")).to_contain_text("7")
        people = [family.world.one(Beneficiary, number) for number in row_ids(page)]
        assert [(f"{p.registered_on}", p.last_name, p.first_name) for p in people] == expected
        with page.expect_download() as download:
            page.locator("a[href*='export/xlsx/']").click()
        download.value.save_as(tmp_path / "month.xlsx")
        _check_workbook(tmp_path / "month.xlsx", people)

    def test_the_supervisor_finds_every_act(self, family: Family) -> None:
        page = family.supervisor
        page.goto("/admin/audit_entry/")
        add_filter(page, fields(AuditEntry)["actor_name"].label, CONTAINS, MEDIATOR)
        add_filter(page, fields(AuditEntry)["at"].label, IS, f"{today():%d/%m/%Y}")
        page.locator("a[href*='page_size=100']").click()
        page.wait_for_url("**page_size=100**")
        acts = [family.world.one(AuditEntry, number) for number in row_ids(page)]
        made = [act.subject_type for act in acts if act.action == AuditAction.CREATE]
        assert {table: made.count(table) for table in MADE} == MADE
        assert {act.action for act in acts} >= {AuditAction.LOGIN, AuditAction.VIEW, AuditAction.STATUS}
        assert {act.actor_name for act in acts} == {MEDIATOR}
        assert count(page) == len(acts) == len(family.world.query(_acts_of(family)))
        page.goto("/admin/audit_entry/")
        add_filter(page, Beneficiary.label, CONTAINS, "kotsyfi evgenia")
        add_filter(page, fields(AuditEntry)["action"].label, IS, AuditAction.CREATE.value)
        about = [family.world.one(AuditEntry, number).subject_type for number in row_ids(page)]
        assert sorted(about) == sorted(
            ["beneficiary", "household_member", "visit", "referral", *["service_delivery"] * 2]
        )

    def test_the_supervisor_reads_the_difference_and_marks_it(self, family: Family) -> None:
        page, said = family.supervisor, family.world.said
        page.goto("/admin/audit_entry/")
        add_filter(page, fields(AuditEntry)["action"].label, IS, AuditAction.STATUS.value)
        [number] = row_ids(page)
        with page.expect_navigation():
            page.locator(f"#row-{number} a").click()
        difference = page.get_by_role("listitem").filter(has=page.locator("ins"))
        expect(difference.filter(has_text=str(ReferralStatus.SENT)).locator("del")).to_have_text(
            str(ReferralStatus.DRAFT)
        )
        expect(page.get_by_role("main")).to_contain_text("Παραδόθηκε στο χέρι")
        page.locator("[name=verdict]").select_option(Verdict.REVIEWED.value)
        page.locator("[name=comment]").fill("Σωστά")
        with page.expect_navigation():
            page.locator("form[action*='/review/'] button").click()
        expect(page.get_by_role("status").filter(has_text=said("Your mark was kept."))).to_be_visible()
        [review] = family.world.query(sa.select(AuditReview))
        assert (review.entry_seq, review.verdict, review.comment) == (number, Verdict.REVIEWED, "Σωστά")
        page.goto(f"/admin/audit_entry/?flt0_review_is={Verdict.REVIEWED.value}")
        assert row_ids(page) == [number]

    def test_the_supervisor_has_nothing_to_write_with(self, family: Family) -> None:
        page = family.supervisor
        allowed = re.compile(
            r"/(logout|language/\w+|admin/audit_entry/(review/\?id=\d+|action/)|admin/oversight/draw/)"
        )
        for address in menu_addresses(page):
            page.goto(address)
            forms, first = _controls(page, allowed), page.locator("tbody a[href*='details/']").first
            assert not forms, (address, forms)
            if first.count():
                page.goto(first.evaluate("link => link.href"))
                assert not (forms := _controls(page, allowed)), (page.url, forms)

    def test_what_the_supervisor_writes_by_hand_is_refused(self, family: Family) -> None:
        page, world = family.supervisor, family.world
        page.goto("/admin/")
        form = {"csrf_token": token_of(page), "last_name": "Χαλασμένη", "name": "Χαλασμένος", "reason": "Χαλασμένος",
                "version": "1", "form_token": "x", "action": "delete", "to": ReferralStatus.RECEIVED.value}  # fmt: skip
        for model in (Beneficiary, Visit, Referral, Partner, AuditEntry):
            [number] = world.query(sa.select(sa.func.max(model.id)))
            before = _as_told(world.one(model, number))
            sent = {**form, "id": str(number), "rowid": str(number)}
            for route in ("new/", f"edit/?id={number}", "delete/", "ajax/update/", f"move/?id={number}"):
                answer = page.request.post(f"/admin/{model.__tablename__}/{route}", form=sent, max_redirects=0)
                assert answer.status == 403, (model, route, answer.status)
            page.request.post(f"/admin/{model.__tablename__}/action/", form=sent, max_redirects=0)
            assert _as_told(world.one(model, number)) == before


def _as_told(row: Any) -> dict[str, Any]:
    """Every declared value of a row."""
    return {name: getattr(row, name) for name in fields(type(row))}


def _answer(page: Page, address: str) -> tuple[int, str, str]:
    answer = page.goto(address)
    assert answer
    return answer.status, page.title(), page.locator("body").inner_text()


def _registered() -> list[tuple[str, str, str]]:
    names = ["Άννα", "Ευγενία", "Γεώργιος", "Ηρακλής", "Πέτρος"]
    by_name = {person["first_name"]: person["last_name"] for person in FAMILY}
    return [("2025-06-13" if n == "Πέτρος" else "2025-06-12", by_name[n], n) for n in _in_order_of_entry(names)]


def _in_order_of_entry(names: list[str]) -> list[str]:
    """On one day, people stand in the order in which they were registered."""
    return sorted(names, key=[person["first_name"] for person in FAMILY].index)


def _check_workbook(path: Path, people: list[Any]) -> None:
    """Both readers find these people in this order, every cell of its kind."""
    book = CalamineWorkbook.from_path(path)
    header, *rows = book.get_sheet_by_name(book.sheet_names[1]).to_python()
    table = openpyxl.load_workbook(path).worksheets[1]
    at = {name: header.index(str(field.label)) for name, field in fields(Beneficiary).items()}
    for kept, row, cells in zip(people, rows, table.iter_rows(min_row=2), strict=True):
        for name in ("registry_number", "last_name", "first_name", "amka", "afm", "born_on", "registered_on"):
            value = getattr(kept, name)
            assert row[at[name]] == (value or ""), name
            cell = cells[at[name]]
            assert (cell.value.date() if isinstance(cell.value, dt.datetime) else cell.value) == value, name
            assert cell.data_type == ("n" if value is None else "d" if isinstance(value, dt.date) else "s"), name
    mother = next(row for row in rows if row[at["first_name"]] == "Ευγενία")
    assert mother[at["amka"]] == MOTHERS_AMKA
    assert MOTHERS_AMKA.startswith("0"), "an ΑΜΚΑ that would lose its zero as a number"


def _acts_of(family: Family) -> Any:
    return sa.select(AuditEntry.seq).where(AuditEntry.actor_id == family.world.users["mediator.roma"])


def _controls(page: Page, allowed: re.Pattern[str]) -> list[str]:
    """Forms that post elsewhere than allowed, and links and buttons that write."""
    posts = page.locator("form[method=post]").evaluate_all("""all => all
      .map((form) => new URL(form.getAttribute("action") ?? "", location.href))
      .map((url) => url.pathname + url.search)""")
    writes = page.locator(
        "a[href*='new/'], a[href*='edit/'], a[href*='delete/'], [data-dialog], [data-guard]:not(.review-form), [data-confirm]"
    )
    acts = page.locator("button[name=action]:not([value=review])")
    return [action for action in posts if not allowed.fullmatch(action)] + [
        found for kind in (writes, acts) for found in kind.evaluate_all("all => all.map(e => e.outerHTML)")
    ]


# --- two at once ------------------------------------------------------------------------------------------------------


def test_who_saves_later_sees_the_others_value_and_keeps_typing(office: Office) -> None:
    number = office.world.rows["main"]["beneficiary"]
    address = f"/admin/beneficiary/edit/?id={number}"
    earlier, later = office.sign_in("caseworker.main"), office.sign_in("coordinator")
    earlier.goto(address)
    later.goto(address)
    fill(earlier, father_name="Πρωινός")
    save(earlier)
    fill(later, father_name="Βραδινός", mother_name="Βραδινή")
    save(later)
    father = later.locator("[name=father_name]")
    expect(father).to_have_value("Βραδινός")
    expect(father).to_have_accessible_description(re.compile("Πρωινός"))
    expect(later.locator("[name=mother_name]")).to_have_value("Βραδινή")
    assert office.world.one(Beneficiary, number).father_name == "Πρωινός"
    fill(later, father_name="Πρωινός Βραδινός")
    save(later)
    kept = office.world.one(Beneficiary, number)
    assert (kept.father_name, kept.mother_name) == ("Πρωινός Βραδινός", "Βραδινή")


# --- by keyboard ------------------------------------------------------------------------------------------------------


def test_a_visit_by_keyboard_alone(office: Office) -> None:
    page, person = office.open(), office.world.rows["main"]["beneficiary"]
    page.goto("/login")
    expect(page.locator("[name=username]")).to_be_focused()
    page.keyboard.type("reception.main")
    tab_to(page, "[name=password]")
    page.keyboard.type(PASSWORD)
    press_through(page)
    expect(page.locator("main [name=search]")).to_be_focused()
    page.keyboard.type("kanarin")
    press_through(page)
    tab_to(page, f"#row-{person} a")
    press_through(page)
    assert f"/admin/beneficiary/details/?id={person}" in page.url
    tab_to(page, "a[href='/admin/']")
    press_through(page)
    tab_to(page, "main a[href='/admin/visit/new/']")
    press_through(page)
    # The first empty field has the cursor already.
    expect(page.locator("#beneficiary_id-ts-control")).to_be_focused()
    page.keyboard.type("καναρ")
    expect(page.locator("#beneficiary_id-ts-dropdown").get_by_role("option")).to_have_text([re.compile(CANARY["main"])])
    page.keyboard.press("Enter")
    expect(page.locator("select[name=beneficiary_id] option:checked")).to_have_text(re.compile(CANARY["main"]))
    tab_to(page, "[name=request]")
    page.keyboard.type("Με το πληκτρολόγιο")
    tab_to(page, "[data-guard] button[type=submit]:not([name])")
    press_through(page)
    [visit] = office.world.query(sa.select(Visit).where(Visit.request == "Με το πληκτρολόγιο"))
    assert visit.beneficiary_id == person


# --- forms ------------------------------------------------------------------------------------------------------------


def test_a_form_with_errors_keeps_what_was_typed_and_leads_to_the_fields(office: Office) -> None:
    page = office.sign_in("caseworker.main")
    page.goto("/admin/beneficiary/new/")
    typed = {
        "first_name": "Αθηνά",
        "amka": "12345678901",
        "born_on": "31/02/1980",
        "remarks": "Πρώτη\nδεύτερη",
        "sex": "F",
    }
    fill(page, **typed)
    save(page)
    for name, value in typed.items():
        expect(page.locator(f"[data-guard] [name={name}]")).to_have_value(value)
    summary = page.get_by_role("alert").filter(has=page.get_by_role("link"))
    expect(summary).to_be_focused()
    links = summary.get_by_role("link")
    wrong = ["last_name", "born_on", "amka"]
    assert links.evaluate_all("all => all.map(a => a.hash)") == [f"#{name}" for name in wrong]
    for index, name in enumerate(wrong):
        links.nth(index).click()
        field = page.locator(f"[name={name}]")
        expect(field).to_be_focused()
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_have_accessible_description(re.compile("[α-ώ]{3}"))
    fill(page, last_name="Λαθεμένου", amka="", born_on="28/02/1980")
    number = saved(page, "beneficiary")
    assert office.world.one(Beneficiary, number).remarks == typed["remarks"]


CALENDARS = (
    ("beneficiary", "born_on", "5/3/1985", "1985-03-05", "1985-10-28", "28/10/1985"),
    ("beneficiary", "born_on", "", "", "1985-10-28", "28/10/1985"),
    ("appointment", "at", "25/3/2026 9:30", "2026-03-25T09:30", "2026-10-28T16:05", "28/10/2026 16:05"),
    ("visit", "at", "25032026 0930", "2026-03-25T09:30", "2026-10-28T16:05", "28/10/2026 16:05"),
    ("event", "starts_at", "25/03/2026", "2026-03-25T09:00", "2026-10-28T16:05", "28/10/2026 16:05"),
    ("event", "ends_at", "", "", "2026-10-28T16:05", "28/10/2026 16:05"),
)
"""Screen and field; what is typed there and what the calendar makes of it; what is chosen and what the field says then."""


@pytest.mark.parametrize(("screen", "name", "typed", "read", "chosen", "said"), CALENDARS)
def test_a_calendar_reads_and_writes_what_people_type(
    office: Office, screen: str, name: str, typed: str, read: str, chosen: str, said: str
) -> None:
    # Hours are those of the wall clock in Athens, wherever the computer thinks that it stands.
    page = office.sign_in("caseworker.main", timezone_id="America/New_York")
    page.goto(f"/admin/{screen}/new/")
    box = page.locator(f"[name={name}]")
    box.fill(typed)
    box.press("Tab")
    button, calendar = page.locator(":focus"), page.locator(f"[data-pick-date={name}] + input:open")
    expect(button).to_have_attribute("data-pick-date", name)
    button.press("Enter")
    expect(calendar).to_have_value(read)
    calendar.fill(chosen)
    expect(box).to_have_value(said)
    expect(box).to_be_focused()


def test_a_calendar_is_announced_in_both_languages_and_what_it_wrote_is_kept(office: Office) -> None:
    page, at = office.sign_in("caseworker.main"), fields(Appointment)["at"].label
    page.goto("/admin/appointment/new/")
    expect(page.get_by_role("button", name=f"Επιλογή ημερομηνίας και ώρας για: {at.el}")).to_be_visible()
    with page.expect_navigation():
        page.locator("button[formaction$='/language/en']").click()
    page.get_by_role("button", name=f"Choose a date and time for: {at.en}").press("Enter")
    page.locator("[data-pick-date=at] + input").fill("2026-07-01T09:30")
    fill(page, caller="Καλών Δοκιμαστής")
    kept = office.world.one(Appointment, saved(page, "appointment"))
    assert kept.at == dt.datetime(2026, 7, 1, 6, 30, tzinfo=dt.UTC)


TYPED = {
    "Β07": "B07", "Γ08": "C08", "γ08": "C08", "psyhologik": "Ψυχολογική", "ΨΥΧΟΛΟΓΙΚΗ": "Ψυχολογική",
    "symvouleftiki": "Συμβουλευτική", "evropaiki": "ευρωπαϊκή", "endaxi": "ένταξη", "mpanio": "μπάνιο", "banio": "μπάνιο",
    "indi": "Ινδίας", "κοινωνική εν": "ένταξη",
}  # fmt: skip
"""What is typed on whichever keyboard, and what the service that is found says."""


def test_services_are_found_whatever_the_keyboard(office: Office) -> None:
    with system_session(office.world) as session:
        codes = [f"{axis}{n:02}" for axis in "BC" for n in range(1, 10)]
        services = [builders.service(code=code, name="Άλλη") for code in codes]
        named = (
            "Ψυχολογική στήριξη",
            "Έκδοση για ευρωπαϊκή κάρτα",
            "Κοινωνική ένταξη",
            "Ζεστό μπάνιο",
            "Πρεσβεία Ινδίας",
        )
        services += [builders.service(code=f"X{n}", name=name) for n, name in enumerate(named)]
        session.add_all(services)
    page = office.sign_in("caseworker.main")
    page.goto("/admin/service_delivery/new/")
    box = page.locator("#service_id-ts-control")
    box.click()
    for typed, said in TYPED.items():
        box.fill(typed)
        options = page.locator("#service_id-ts-dropdown").get_by_role("option")
        expect(options).to_have_count(1)
        expect(options).to_contain_text(said)


IN_MENU = """here => {
  const [own, menu] = [here, here.closest("nav")].map((each) => each.getBoundingClientRect());
  return own.top >= menu.top && own.bottom <= menu.bottom;
}"""


def test_the_menu_stands_where_it_was_left(office: Office) -> None:
    page = office.sign_in("coordinator", viewport={"width": 1280, "height": 500})
    page.goto("/admin/visit/")
    standing = "document.getElementById('menu').scrollTop"
    page.evaluate(f"{standing} = 150")
    page.locator(".site-menu a[href='/admin/referral/']").click()
    page.wait_for_url("**/referral/")
    assert page.evaluate(standing) == 150
    for table in ("beneficiary", "legal_hold"):
        page.goto(f"/admin/{table}/")
        assert page.locator(".site-menu .active").evaluate(IN_MENU), "what is open is in sight"
        assert page.evaluate("scrollY") == 0, "and the page at its top"


def test_what_was_typed_is_not_left_behind_unasked(office: Office) -> None:
    page, asked = office.sign_in("caseworker.main"), list[str]()

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.type)
        (dialog.dismiss if len(asked) == 1 else dialog.accept)()

    page.on("dialog", answer)
    page.goto("/admin/visit/new/")
    leave = page.locator(".site-brand")
    page.locator("[name=request]").press_sequentially("Μισό αίτημα")
    leave.click(no_wait_after=True)
    page.wait_for_function("document.readyState === 'complete'")
    expect(page.locator("[name=request]")).to_have_value("Μισό αίτημα")
    assert asked == ["beforeunload"]
    leave.click()
    page.wait_for_url("**/admin/")
    assert asked == ["beforeunload"] * 2
    page.goto("/admin/visit/new/")
    leave.click()
    page.wait_for_url("**/admin/")
    assert asked == ["beforeunload"] * 2, "an untouched form asks nothing"


def test_a_double_click_makes_one_record(office: Office) -> None:
    page = office.sign_in("reception.main")
    page.goto("/admin/visit/new/")
    fill(page, request="Διπλό πάτημα")
    page.locator("[data-guard] button[type=submit]:not([name])").dblclick()
    page.wait_for_url("**/admin/visit/details/**")
    assert len(office.world.query(sa.select(Visit).where(Visit.request == "Διπλό πάτημα"))) == 1


# --- lists ------------------------------------------------------------------------------------------------------------


def test_deleting_asks_first(office: Office) -> None:
    page, number = office.sign_in("coordinator"), office.world.rows["main"]["visit"]
    page.goto(f"/admin/visit/details/?id={number}")
    button, dialog = page.locator(f"button[data-id='{number}']"), page.get_by_role("dialog")
    button.click()
    expect(dialog).to_be_visible()
    expect(dialog.locator("button[data-dialog-close]").last).to_be_focused()
    dialog.locator("button[data-dialog-close]").last.click()
    expect(dialog).to_be_hidden()
    button.click()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert office.world.one(Visit, number)
    button.click()
    with page.expect_navigation():
        dialog.locator("button[type=submit]").click()
    assert office.world.one(Visit, number) is None
    assert page.url.endswith("/admin/visit/") and number not in row_ids(page)


def test_deleting_many_asks_first(office: Office) -> None:
    page = office.sign_in("coordinator")
    page.goto("/admin/service_delivery/")
    numbers, dialog = row_ids(page), page.get_by_role("dialog")
    assert len(numbers) == 2
    delete = page.locator("button[name=action][value=delete]")
    expect(delete).to_be_hidden()
    page.locator("[data-tick-all]").check()
    expect(page.locator("[name=rowid]:checked")).to_have_count(2)
    delete.click()
    expect(dialog).to_be_visible()
    expect(dialog.locator("[data-slot=text]")).to_contain_text(re.compile(r"\b2\b"))
    expect(dialog.locator("[data-confirm-yes]")).to_have_text(delete.inner_text())
    expect(dialog.locator("[data-confirm-yes]")).to_have_class("btn btn-danger")
    dialog.locator("button[data-dialog-close]").last.click()
    assert len(office.world.query(sa.select(ServiceDelivery.id))) == 2
    page.locator(f"[name=rowid][value='{numbers[1]}']").uncheck()
    delete.click()
    with page.expect_navigation():
        dialog.locator("[data-confirm-yes]").click()
    assert office.world.query(sa.select(ServiceDelivery.id)) == [numbers[1]]


def test_a_state_is_chosen_and_what_it_was_can_come_back(office: Office) -> None:
    """Enter in the date's box saves nothing until a state is chosen; the message's button undoes what was saved."""
    world, page = office.world, office.sign_in("caseworker.main")
    key = world.rows["main"]["appointment"]
    page.goto(f"/admin/appointment/details/?id={key}")
    page.locator("[data-dialog=transition-dialog]").click()
    dialog = page.get_by_role("dialog")
    state = dialog.get_by_label(world.said("New state"))
    expect(state).to_be_focused()
    dialog.locator("[name=on]").press("Enter")
    expect(dialog).to_be_visible()
    assert world.one(Appointment, key).status == AppointmentStatus.BOOKED
    state.select_option(AppointmentStatus.CANCELLED.value)
    with page.expect_navigation():
        dialog.locator("[name=on]").press("Enter")
    assert world.one(Appointment, key).status == AppointmentStatus.CANCELLED
    with page.expect_navigation():
        page.locator("main .message-success button").click()
    assert world.one(Appointment, key).status == AppointmentStatus.BOOKED


def test_only_an_answer_that_closes_a_referral_asks_first(office: Office) -> None:
    world = office.world
    person, staff = world.one(Beneficiary, world.rows["roma"]["beneficiary"]), User(id=world.users["caseworker.roma"])
    row = builders.referral(person, staff, to_unit_id=world.rows["main"]["unit"], status=ReferralStatus.SENT)
    key = world.apart(add, world, row)
    page = office.sign_in("caseworker.main")
    answer, save_it = page.locator("main [name=status]"), page.locator("main .record-form button[type=submit]")
    for state in (ReferralStatus.RECEIVED, ReferralStatus.WAITING):
        page.goto(f"/admin/referral_received/file/?id={key}")
        answer.select_option(state.value)
        with page.expect_navigation():
            save_it.click()
        assert world.one(Referral, key).status == state
    page.goto(f"/admin/referral_received/file/?id={key}")
    answer.select_option(ReferralStatus.REJECTED.value)
    save_it.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert world.one(Referral, key).status == ReferralStatus.WAITING
    with page.expect_navigation():
        page.locator("[data-confirm-yes]").click()
    assert world.one(Referral, key).status == ReferralStatus.REJECTED
    expect(page.locator("main .message-success")).to_contain_text(str(person))


def test_restricting_asks_first(office: Office) -> None:
    world, page = office.world, office.sign_in("coordinator")
    key = world.rows["main"]["beneficiary"]
    page.goto(f"/admin/rights/person/?id={key}")
    page.locator("form[action*='/restrict/'] button").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert world.one(Beneficiary, key).restricted_on is None
    with page.expect_navigation():
        page.locator("[data-confirm-yes]").click()
    assert world.one(Beneficiary, key).restricted_on == today()


def test_filters_come_and_go(office: Office) -> None:
    page, columns = office.sign_in("coordinator"), fields(Beneficiary)
    page.goto("/admin/beneficiary/")
    everybody = count(page)
    add_filter(page, columns["last_name"].label, CONTAINS, "φλωρ")
    assert count(page) == len(row_ids(page)) == 4
    add_filter(page, columns["registered_on"].label, BETWEEN, *MONTH)
    assert count(page) == len(row_ids(page)) == 2
    chips = page.get_by_role("list", name=office.world.said("The list is narrowed by")).get_by_role("link")
    expect(chips).to_have_text(
        [re.compile("φλωρ"), re.compile("01/06/2025"), re.compile(office.world.said("Show all"))]
    )
    with page.expect_navigation():
        chips.nth(0).click()
    assert count(page) == 2
    add_filter(page, columns["sex"].label, IS, Sex.U.value)
    assert (count(page), row_ids(page)) == (0, [])
    with page.expect_navigation():
        page.get_by_role("link", name=office.world.said("Show all")).first.click()
    assert count(page) == everybody


# --- language and phones ----------------------------------------------------------------------------------------------


def test_the_language_is_remembered(office: Office) -> None:
    page = office.sign_in("reception.main")
    page.goto("/admin/visit/?search=")
    for code, heading in (("en", Visit.labels.en), ("el", Visit.labels.el), ("en", Visit.labels.en)):
        with page.expect_navigation():
            page.locator(f"button[formaction$='/language/{code}']").click()
        expect(page.locator("html")).to_have_attribute("lang", code)
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    with page.expect_navigation():
        page.get_by_role("button", name="Sign out").click()
    page.goto("/admin/visit/")
    assert "/login" in page.url, "the session has ended"
    elsewhere = office.sign_in("reception.main", locale="el-GR")
    expect(elsewhere.locator("html")).to_have_attribute("lang", "en")
    assert office.world.one(User, office.world.users["reception.main"]).language.value == "en"


@pytest.mark.parametrize("name", ["reception.main", "mediator.roma", "coordinator", "supervisor", "administrator"])
def test_a_phone_needs_no_sideways_scrolling(office: Office, name: str) -> None:
    page = office.sign_in(name, viewport=PHONE, has_touch=True)
    screens = [a for a in menu_addresses(page) if a in ("/admin/beneficiary/", "/admin/audit_entry/", "/admin/user/")]
    addresses = ["/admin/", *screens]
    for address in screens:
        page.goto(address)
        addresses += [page.locator("tbody a[href*='details/']").first.evaluate("link => link.href")]
        addresses += [f"{address}new/"] * page.locator("a[href*='new/']").count()
    assert len(addresses) >= 3
    assert {address: wide for address, wide in each(addresses, page, too_wide).items() if wide} == {}
    page.locator("[popovertarget='menu']").first.click()
    link = page.locator(f".site-menu a[href='{screens[0]}']")
    expect(link).to_be_visible()
    link.click()
    page.wait_for_url(f"**{screens[0]}")


# --- the tests' own watchfulness --------------------------------------------------------------------------------------


def test_every_complaint_of_a_page_is_heard(office: Office) -> None:
    page = office.sign_in("reception.main")
    assert office.complaints == []
    with page.expect_event("console", lambda message: "content security" in message.text):
        page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">x</p>')")
    with page.expect_event("console", lambda message: "Failed to load" in message.text):
        page.evaluate("fetch('/admin/no-such-page')")
    with page.expect_event("pageerror"):
        page.evaluate("setTimeout(() => { throw new Error('broken script') })")
    heard = "\n".join(office.complaints)
    office.complaints.clear()
    assert all(words in heard for words in ("content security policy: style-src-attr", "404", "broken script")), heard


def test_a_wrong_password_is_told_and_typed_again(office: Office) -> None:
    page = office.open()
    page.goto("/admin/visit/")
    enter(page, "reception.main", "λάθος-φράση-2026")
    expect(page.get_by_role("alert")).to_be_visible()
    enter(page, "reception.main")
    page.wait_for_url("**/admin/**")
    expect(page.locator("form[action$='/logout']")).to_have_count(1)
