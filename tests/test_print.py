"""What comes out of the printer: the letter, a long list and a person's card as PDF, read back."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pypdf import PageObject, PdfReader

from admin_views import SCREENS
from models import Municipality, PartnerContact, Unit, User, today
from seed import builders
from tests.browser import Office, Site, chromium, office, press_through, site, tab_to
from tests.walls import system_session
from tests.world import CANARY, World

__all__ = ["chromium", "office", "site"]  # fixtures

TOWN, CENTRE = "Δήμος Παραδείγματος", "Κέντρο Κοινότητας Δοκιμών"
CO_FINANCING = "Με τη συγχρηματοδότηση της Ευρωπαϊκής Ένωσης (δοκιμή)"
A4 = (210, 297)  # mm
PRINTABLE = {"wide": 1009, "auto": 680, "letter": 657}  # CSS pixels between the margins of A4, lying and standing
CLICKED = (
    "Αποσύνδεση",
    "English",
    "Μετάβαση",
    "Επεξεργασία",
    "Νέα εγγραφή",
    "Εξαγωγή",
    "Δήλωση προσβασιμότητας",
    "Όλα",
)
MANY = 90
LONG = "Πανάγνωστοπούλου-Χατζηκωνσταντινίδου "


@pytest.fixture(autouse=True)
def town(site: Site) -> None:
    """The municipality has all that stands on paper."""
    change(site, Municipality, "shared", centre_name=CENTRE, co_financing=CO_FINANCING)


def within(site: Site, act: Callable[[Any], Any]) -> Any:
    """Do this in a session that sees all, in the thread where the application may be asked."""

    def _within() -> Any:
        with system_session(World(site.house.app, "sqlite", site.house.rows, site.house.users)) as session:
            return act(session)

    return site.apart(_within)


def change(site: Site, model: Any, of: str, **values: Any) -> None:
    """Set these columns of the cast's row of this unit, or of the shared one."""
    key = site.house.rows[of][model.__tablename__]
    within(site, lambda session: [setattr(session.get_one(model, key), *pair) for pair in values.items()])


def paper(page: Page) -> list[PageObject]:
    """The sheets that the printer would be sent."""
    return PdfReader(io.BytesIO(page.pdf(format="A4", prefer_css_page_size=True))).pages[:]


def text_of(*sheets: PageObject) -> str:
    """What stands on the sheets, lines joined."""
    return " ".join(" ".join(sheet.extract_text().split()) for sheet in sheets)


def size(sheet: PageObject) -> tuple[int, int]:
    """Width and height in whole mm; a PDF counts in points, 72 to the inch."""
    return round(sheet.mediabox.width / 72 * 25.4), round(sheet.mediabox.height / 72 * 25.4)


def assert_clean(page: Page, printed: str) -> None:
    """Whose paper it is stands on it; nothing that can only be clicked does, and nothing of the other unit."""
    for wanted in (TOWN, CENTRE, CO_FINANCING):
        assert wanted in printed, f"{page.url}: {wanted} is not on paper"
    for unwanted in (*CLICKED, CANARY["roma"]):
        assert unwanted not in printed, f"{page.url}: {unwanted} is on paper"
    page.emulate_media(media="print")
    assert page.locator("button, .btn, form, input, select, nav").filter(visible=True).all_inner_texts() == []
    page.emulate_media(media="null")


def too_wide_on_paper(page: Page) -> list[str]:
    """What would be cut off at the right edge of the paper."""
    page.emulate_media(media="print")
    page.set_viewport_size({"width": PRINTABLE["auto"], "height": 900})
    named = page.evaluate("getComputedStyle(document.body).page")
    page.set_viewport_size({"width": PRINTABLE[named], "height": 900})
    found = page.evaluate("""() => [...document.querySelectorAll("body *")]
      .filter((e) => e.getClientRects().length && e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".visually-hidden"))
      .map((e) => e.outerHTML.slice(0, 120))""")
    page.emulate_media(media="null")
    return found  # type: ignore[no-any-return]


# --- the letter -------------------------------------------------------------------------------------------------------


def fill_to_the_brim(site: Site) -> Any:
    """The letter's every text as long as its column takes it; the person's name is given back."""
    long = {length: (LONG * 20)[:length].strip() for length in (80, 120, 200, 300)}
    change(site, Municipality, "shared", supervising_service=long[200], co_financing=f"{CO_FINANCING} {long[200]}")
    change(
        site,
        Unit,
        "main",
        address=long[200],
        area=long[80],
        postal_code="66100",
        phone="+302521057206",
        email=f"{'a' * 60}@example.gr",
    )
    change(site, PartnerContact, "shared", name=long[80], position=long[120])
    within(
        site,
        lambda session: setattr(session.get_one(User, site.house.users["caseworker.main"]), "specialty", long[120]),
    )

    def _person(session: Any) -> tuple[int, str]:
        unit, staff = (
            session.get_one(Unit, site.house.rows["main"]["unit"]),
            User(id=site.house.users["caseworker.main"]),
        )
        person = builders.beneficiary(unit, last_name=long[80], first_name=long[80])
        partner = builders.partner(name=long[200], address=long[200])
        session.add_all([person, partner])
        session.flush()
        reason = (LONG * 20)[:500].strip()
        row = builders.referral(person, staff, partner, reason=reason, due_on=today() + dt.timedelta(days=30))
        session.add_all([row, PartnerContact(partner_id=partner.id, name=long[80], position=long[120])])
        session.flush()
        return row.id, str(person)

    return within(site, _person)


def test_the_letter_is_one_page(office: Office) -> None:
    page = office.sign_in("caseworker.main")
    page.goto(f"/admin/referral/letter/?id={office.world.rows['main']['referral']}")
    for wanted in (CANARY["main"], office.world.said("HELLENIC REPUBLIC"), office.world.said("REPLY SLIP")):
        assert wanted in text_of(*paper(page)), wanted
    assert_clean(page, text_of(*paper(page)))
    assert [size(sheet) for sheet in paper(page)] == [A4]
    assert too_wide_on_paper(page) == []


def test_the_letter_is_one_page_with_long_names_too(office: Office, site: Site) -> None:
    key, person = fill_to_the_brim(site)
    page = office.sign_in("caseworker.main")
    page.goto(f"/admin/referral/letter/?id={key}")
    sheets = paper(page)
    printed = text_of(*sheets).replace(" ", "")
    assert len(sheets) == 1, f"{len(sheets)} pages"
    for wanted in (person, CO_FINANCING, office.world.said("Full name, signature and stamp")):
        assert wanted.replace(" ", "") in printed
    assert too_wide_on_paper(page) == []


def test_the_letter_is_reached_and_printed_by_keyboard(office: Office) -> None:
    page = office.sign_in("caseworker.main")
    page.add_init_script("addEventListener('beforeprint', () => document.documentElement.dataset.printed = 'yes')")
    page.goto(f"/admin/referral/details/?id={office.world.rows['main']['referral']}")
    tab_to(page, "a[href*='/letter/']")
    press_through(page)
    tab_to(page, "[data-print]")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-printed", "yes")


# --- a list -----------------------------------------------------------------------------------------------------------


def crowd(session: Any, unit: int) -> None:
    rows = (builders.beneficiary(Unit(id=unit), last_name=f"Πλήθος {n:03}", first_name=LONG[:20]) for n in range(MANY))
    session.add_all(rows)


def test_a_long_list(office: Office, site: Site) -> None:
    within(site, lambda session: crowd(session, site.house.rows["main"]["unit"]))
    page = office.sign_in("coordinator")
    page.goto("/admin/beneficiary/?search=Πλήθος&page_size=100&flt0_unit_id_is=1")
    heads = page.locator("main thead th:not(.tick, .row-actions)").all_inner_texts()
    sheets = paper(page)
    assert len(sheets) > 2 and {size(sheet) for sheet in sheets} == {A4[::-1]}, "many columns lie on their side"
    for number, sheet in enumerate(sheets, 1):
        printed = text_of(sheet)
        assert f"{number} / {len(sheets)}" in printed, f"page {number} has no number"
        assert not [head for head in heads if head.strip(" ↕↑↓") not in printed] or "Πλήθος" not in printed, (
            f"no heads on page {number}"
        )
    printed = text_of(*sheets)
    assert [n for n in range(MANY) if printed.count(f"Πλήθος {n:03}") != 1] == []
    assert_clean(page, printed)
    for wanted in (
        f"{MANY} ",
        "Χρήστης coordinator",
        f"{today():%d/%m/%Y}",
        "Πλήθος",
        str(office.world.said("Search")),
    ):
        assert wanted in printed, wanted


def test_a_part_of_a_list_says_which(office: Office, site: Site) -> None:
    within(site, lambda session: crowd(session, site.house.rows["main"]["unit"]))
    page = office.sign_in("caseworker.main")
    page.goto("/admin/beneficiary/?search=Πλήθος&page_size=20&page=1")
    said = office.world.said("Rows %(first)s–%(last)s of %(count)s", first=21, last=40, count=MANY)
    assert said in text_of(*paper(page))
    page.goto(f"/admin/beneficiary/?search=Πλήθος {MANY - 1:03}")
    assert "–" not in text_of(*paper(page)).split("Πλήθος")[0]


# --- a person's card --------------------------------------------------------------------------------------------------


def test_a_persons_card(office: Office) -> None:
    page = office.sign_in("caseworker.main")
    page.goto(f"/admin/beneficiary/details/?id={office.world.rows['main']['beneficiary']}")
    sheets = paper(page)
    printed = text_of(*sheets)
    assert_clean(page, printed)
    assert len(sheets) <= 2 and {size(sheet) for sheet in sheets} == {A4}
    assert page.locator("#history").is_visible() and office.world.said("History") not in printed
    order = [printed.index(heading) for heading in ("Ταυτότητα", "Αριθμοί και έγγραφα", "Επισκέψεις", "Παραπομπές")]
    assert order == sorted(order)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": PRINTABLE["auto"], "height": 900})
    left = page.locator(".sections .panel").evaluate_all("all => all.map(e => e.getBoundingClientRect().left)")
    assert len(set(map(round, left))) == 2, "two columns"


def test_the_first_page_is_printed_without_what_is_pressed(office: Office) -> None:
    page = office.sign_in("coordinator")
    printed = text_of(*paper(page))
    assert "Επισκέψεις ανά ημέρα" in printed
    for pressed in ("Find a person", "New visit", "New household"):
        assert office.world.said(pressed) not in printed, pressed


# --- every screen -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("username", ["coordinator", "supervisor", "administrator"])
def test_nothing_is_cut_off_at_the_edge(office: Office, site: Site, username: str) -> None:
    fill_to_the_brim(site)
    page, rows = office.sign_in(username), {**site.house.rows["shared"], **site.house.rows["main"]}
    cut = {}
    for table in (screen.model.__tablename__ for screen in SCREENS if hasattr(screen, "model")):
        for address in (f"/admin/{table}/", f"/admin/{table}/details/?id={rows.get(table, 1)}"):
            answer = page.goto(address)
            if answer and answer.ok and (found := too_wide_on_paper(page)):
                cut[address] = found
    assert cut == {}
