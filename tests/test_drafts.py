"""What is typed outlives the page that it was typed in, and nobody but its writer reads it; files on their way are told of."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import openpyxl
import sqlalchemy as sa
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Locator, Page, expect

import auth
import policy
from db import begin_write, db
from models import AuditEntry, Beneficiary, ServiceDelivery, User, Visit
from tests.browser import (
    ARGS,
    CHROMIUM,
    Office,
    Site,
    choose,
    chromium,
    enter,
    fill,
    office,
    row_ids,
    save,
    saved,
    site,
)
from tests.world import CANARY, PASSWORD
from vocabulary import AuditAction, TargetGroup

__all__ = ["chromium", "office", "site"]  # fixtures

NEW_PERSON, NEW_VISIT = "/admin/beneficiary/new/", "/admin/visit/new/"
SURNAME = "Μισογραμμένη"
HOUR = 3_600_000  # milliseconds

OWN_KEY = """crypto.subtle.importKey("raw", fromHex(document.querySelector("[data-draft-key]").dataset.draftKey),
  "AES-GCM", false, ["decrypt"])"""
UNTIL_KEPT = f"""async () => {{ const form = document.querySelector("form[data-guard]"), patience = Date.now() + 15000;
  for (let kept = {{}}; JSON.stringify(kept.values) !== JSON.stringify(contents(form));) {{
    if (Date.now() > patience) throw new Error("no draft was kept");
    await new Promise(requestAnimationFrame);
    kept = await unlock({OWN_KEY}, DRAFT + form.elements.form_token.value);
  }} }}"""
READABLE = f"""async () => (await Promise.all(draftNames().map((name) => unlock({OWN_KEY}, name))))
  .filter((draft) => draft.values).length"""
EVERYTHING = """() => [...new FormData(document.querySelector("form[data-guard]"))]
  .filter(([name]) => !["csrf_token", "url"].includes(name))"""


# --- what people do and see -------------------------------------------------------------------------------------------


def wait_until_kept(page: Page) -> None:
    """The browser has kept all that stands in the form."""
    page.evaluate(UNTIL_KEPT)


def begin(page: Page, address: str, **values: str) -> None:
    """Open a form, type into it, and stop."""
    page.goto(address)
    fill(page, **values)
    wait_until_kept(page)


def pick(page: Page, name: str, *wanted: str) -> None:
    """Choose from a long list by typing."""
    for text in wanted:
        box, line = page.locator(f"#{name}-ts-control"), page.locator(f"#{name}-ts-dropdown").get_by_role("option")
        box.focus()
        box.press_sequentially(text)
        expect(line).to_have_text([text])
        line.click()
        expect(page.locator(f"select[name={name}] option:checked").filter(has_text=text)).to_have_count(1)
        page.keyboard.press("Tab")


def notice(page: Page) -> Locator:
    """Where drafts are told of."""
    return page.locator("[data-draft-key]")


def press(page: Page, button: str) -> None:
    """One of the notice's two buttons."""
    notice(page).get_by_role("button", name=text(page, button)).click()


def text(page: Page, name: str) -> str:
    """A text of the pages' scripts, in the page's language."""
    return str(page.evaluate("name => texts[name]", name))


def drafts(page: Page) -> list[str]:
    """Names of what the browser keeps."""
    return list(page.evaluate("Object.keys(localStorage)"))


def everything(page: Page) -> list[list[str]]:
    """What the form would send, but for the session's token."""
    return list(page.evaluate(EVERYTHING))


def reopen_later(page: Page) -> Page:
    """The tab is closed without a question, as in a crash, and the same address opened in another one."""
    address, context = page.url, page.context
    page.close(run_before_unload=False)
    other = context.new_page()
    other.goto(address)
    return other


def end_sessions(office: Office, username: str) -> None:
    """Sign a user out on the server, behind the browser's back."""

    def end() -> None:
        with office.world.app.app_context():
            policy.bind(db.session, policy.SYSTEM)
            begin_write()
            auth.end_sessions(db.session.scalars(sa.select(User).where(User.username == username)).one())
            db.session.commit()

    office.site.counted.meanwhile(lambda: office.site.apart(end))


def sign_out(page: Page) -> None:
    page.on("dialog", lambda dialog: dialog.accept())
    with page.expect_navigation():
        page.locator("button[form=session]:not([formaction])").click()


# --- drafts -----------------------------------------------------------------------------------------------------------


def test_every_kind_of_field_comes_back(office: Office) -> None:
    page = office.sign_in("caseworker.main")
    page.goto(NEW_PERSON)
    fill(page, last_name=SURNAME, first_name="Αθηνά", born_on="31/12/1980", remarks='Πρώτη\n"δεύτερη" <b>', sex="F")
    pick(page, "nationality", "Αλβανία")
    pick(page, "target_groups", *(str(group) for group in (TargetGroup.POV, TargetGroup.UNEMP)))
    wait_until_kept(page)
    _comes_back(page)
    page = office.sign_in("caseworker.main")
    page.goto("/admin/household_member/new/")
    choose(page, "household_id", "καναρ", CANARY["main"])
    choose(page, "beneficiary_id", "kanar", CANARY["main"])
    page.locator("[name=is_hosted]").check()
    fill(page, relation="CHILD")
    wait_until_kept(page)
    _comes_back(page)


def _comes_back(page: Page) -> None:
    items = ".ts-control .item"
    typed, chosen = everything(page), page.locator(items).all_inner_texts()
    again = reopen_later(page)
    buttons = notice(again).get_by_role("button")
    expect(notice(again)).to_have_text(re.compile(r"\b\d\d/\d\d/\d{4} \d\d:\d\d\b"))
    expect(notice(again)).to_have_role("status")
    assert everything(again) != typed
    expect(buttons).to_have_text([text(again, "restore"), text(again, "discard")])
    buttons.first.focus()
    again.keyboard.press("Enter")
    expect(notice(again)).to_be_focused()
    assert everything(again) == typed
    assert again.locator(items).all_inner_texts() == chosen
    assert again.evaluate("unsaved"), "leaving without saving asks first"


def test_another_user_of_the_computer_reads_nothing(office: Office) -> None:
    page = office.sign_in("reception.main")
    begin(page, NEW_PERSON, last_name=SURNAME, first_name="Αθηνά")
    typed = everything(page)
    sign_out(page)
    _nothing_to_read(page, SURNAME, "Αθηνά", NEW_PERSON, "beneficiary", "reception.main")
    enter(page, "caseworker.main")
    page.goto(NEW_PERSON)
    assert page.evaluate(READABLE) == 0
    expect(notice(page)).to_be_empty()
    assert len(drafts(page)) == 1
    sign_out(page)
    enter(page, "reception.main")
    page.goto(NEW_PERSON)
    press(page, "restore")
    assert everything(page) == typed


def _nothing_to_read(page: Page, *secrets: str) -> None:
    kept = page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }])")
    assert "draft:" in kept
    for secret in secrets:
        for form in _spellings(secret):
            assert form.casefold() not in kept.casefold(), f"{secret} stands in what the browser keeps, as {form}"


def _spellings(secret: str) -> Iterator[str]:
    """A text as it is, escaped, and in the middle of something encoded."""
    yield from (secret, quote(secret), secret.encode("unicode-escape").decode())
    for code in ("utf-8", "utf-16-le"):
        data = secret.encode(code)
        yield data.hex()
        # Base64 of the same bytes reads otherwise after one or two others.
        yield from (base64.b64encode(data[skipped:])[: len(data) // 3 * 4 - 8].decode() for skipped in range(3))


def test_a_saved_form_leaves_no_draft(office: Office) -> None:
    page = office.sign_in("reception.main")
    for button in (None, "_continue_editing", "_add_another"):
        begin(page, NEW_VISIT, request="Μισό αίτημα")
        assert len(drafts(page)) == 1, button
        save(page, button)
        assert drafts(page) == [], button
    begin(page, f"/admin/visit/edit/?id={office.world.rows['main']['visit']}", request="Άλλο αίτημα")
    save(page)
    assert drafts(page) == []
    assert len(office.world.query(sa.select(Visit.id).where(Visit.request == "Μισό αίτημα"))) == 3


def test_errors_keep_the_draft(office: Office) -> None:
    page = office.sign_in("reception.main")
    page.goto(NEW_PERSON)
    fill(page, last_name=SURNAME, born_on="31/02/1980")
    save(page)
    expect(page.locator("#error-summary")).to_be_visible()
    assert len(drafts(page)) == 1
    wait_until_kept(page)
    expect(notice(page)).to_be_empty()
    page = reopen_later(page)
    press(page, "restore")
    expect(page.locator("[name=born_on]")).to_have_value("31/02/1980")
    fill(page, first_name="Αθηνά", born_on="28/02/1980")
    saved(page, "beneficiary")
    assert drafts(page) == []


def test_an_older_draft_says_whose_it_is_and_waits_its_time(office: Office) -> None:
    page = office.sign_in("reception.main")
    begin(page, NEW_PERSON, last_name=SURNAME, first_name="Αθηνά")
    page = reopen_later(page)
    expect(notice(page)).to_contain_text(f"{SURNAME} Αθηνά")
    fill(page, last_name="Άλλη", first_name="Άννα", born_on="31/02/1980")
    save(page)
    expect(page.locator("#error-summary")).to_be_visible()
    assert not is_offered(page), "beside what was refused"
    fill(page, born_on="28/02/1980")
    save(page, "_add_another")
    assert not is_offered(page), "right after somebody else was saved"
    page.goto(NEW_PERSON)
    press(page, "restore")
    expect(page.locator("[name=last_name]")).to_have_value(SURNAME)
    begin(page, NEW_VISIT, request="Μισό")
    choose(page, "beneficiary_id", CANARY["main"], CANARY["main"])
    wait_until_kept(page)
    page = reopen_later(page)
    expect(notice(page)).to_contain_text(f": {CANARY['main']} ")
    expect(notice(page)).not_to_contain_text("MAIN-")


def is_offered(page: Page) -> bool:
    """A draft is offered, once the page has looked for one: its other scripts have run, and the drafts can be read."""
    page.evaluate(READABLE)
    return bool(notice(page).get_by_role("button").count())


def test_a_session_that_ends_while_typing_costs_nothing(office: Office) -> None:
    page, person = office.sign_in("reception.main"), office.world.rows["main"]["beneficiary"]
    back = quote("/admin/beneficiary/?search=καναρ", safe="")
    begin(page, f"{NEW_VISIT}?beneficiary_id={person}&url={back}", request="Μισό αίτημα")
    end_sessions(office, "reception.main")
    save(page)
    assert "/login" in page.url
    assert len(drafts(page)) == 1
    enter(page, "reception.main")
    page.wait_for_url(f"**{NEW_VISIT}**")
    press(page, "restore")
    expect(page.locator("[name=request]")).to_have_value("Μισό αίτημα")
    save(page)
    assert "/admin/beneficiary/?search=" in page.url
    [visit] = office.world.query(sa.select(Visit).where(Visit.request == "Μισό αίτημα"))
    assert visit.beneficiary_id == person
    assert drafts(page) == []


def test_an_answer_that_never_arrived_makes_no_second_record(office: Office) -> None:
    page = office.sign_in("reception.main")
    begin(page, NEW_VISIT, request="Χαμένη απάντηση")
    kept, cookies = page.evaluate("({ ...localStorage })"), page.context.cookies()
    save(page)
    # As if the connection had been lost between the saving and its answer.
    page.evaluate("kept => Object.entries(kept).forEach(([name, text]) => localStorage.setItem(name, text))", kept)
    page.context.clear_cookies()
    page.context.add_cookies(cookies)  # type: ignore[arg-type]
    page.goto(NEW_VISIT)
    press(page, "restore")
    saved(page, "visit")
    assert len(office.world.query(sa.select(Visit.id).where(Visit.request == "Χαμένη απάντηση"))) == 1
    assert drafts(page) == []


def test_a_restored_draft_notices_what_others_saved_meanwhile(office: Office) -> None:
    number = office.world.rows["main"]["beneficiary"]
    address = f"/admin/beneficiary/edit/?id={number}"
    mine, theirs = office.sign_in("caseworker.main"), office.sign_in("coordinator")
    begin(mine, address, father_name="Βραδινός", mother_name="Βραδινή")
    theirs.goto(address)
    fill(theirs, father_name="Πρωινός", area="Νέα περιοχή")
    save(theirs)
    mine = reopen_later(mine)
    press(mine, "restore")
    save(mine)
    father = mine.locator("[name=father_name]")
    expect(father).to_have_value("Βραδινός")
    expect(father).to_have_accessible_description(re.compile("Πρωινός"))
    save(mine)
    kept = office.world.one(Beneficiary, number)
    assert (kept.father_name, kept.mother_name, kept.area) == ("Βραδινός", "Βραδινή", "Νέα περιοχή")
    assert drafts(mine) == []


def test_a_draft_is_kept_seven_days(office: Office) -> None:
    page = office.sign_in("reception.main")
    begin(page, NEW_VISIT, request="Μισό αίτημα")
    page = reopen_later(page)
    for hours, remains in ((7 * 24 - 1, True), (7 * 24 + 1, False)):
        page.evaluate(
            "past => draftNames().forEach((n) => localStorage.setItem(n, JSON.stringify({ ...stored(n), at: past })))",
            page.evaluate("Date.now()") - hours * HOUR,
        )
        page.goto("/admin/")
        assert bool(drafts(page)) is remains, f"after {hours} hours"


def test_what_is_discarded_or_cancelled_is_gone(office: Office) -> None:
    page = office.sign_in("reception.main")
    begin(page, NEW_VISIT, request="Πρώτο")
    page = reopen_later(page)
    fill(page, request="Δεύτερο")
    wait_until_kept(page)
    page = reopen_later(page)
    expect(notice(page)).to_be_visible()
    press(page, "discard")
    assert len(drafts(page)) == 1
    press(page, "restore")
    expect(page.locator("[name=request]")).to_have_value("Πρώτο")
    with page.expect_navigation():
        page.locator("[data-leave]").click()
    assert drafts(page) == []
    begin(page, NEW_VISIT, request="Τρίτο")
    page = reopen_later(page)
    press(page, "discard")
    expect(notice(page)).to_have_text(text(page, "discarded"))
    assert drafts(page) == []


def test_what_another_tab_is_still_typing_is_not_offered(office: Office) -> None:
    page = office.sign_in("reception.main")
    begin(page, NEW_VISIT, request="Στην άλλη καρτέλα")
    beside = page.context.new_page()
    beside.goto(NEW_VISIT)
    assert beside.evaluate(READABLE) == 1
    fill(beside, request="Εδώ")
    wait_until_kept(beside)
    expect(notice(beside)).to_be_empty()
    page.close(run_before_unload=False)
    beside.close(run_before_unload=False)
    last = office.contexts[-1].new_page()
    last.goto(NEW_VISIT)
    press(last, "restore")
    expect(last.locator("[name=request]")).to_have_value("Εδώ")


def test_one_persons_draft_is_not_offered_for_another(office: Office) -> None:
    page, person = office.sign_in("reception.main"), office.world.rows["main"]["beneficiary"]
    begin(page, f"{NEW_VISIT}?beneficiary_id={person}&url=%2Fadmin%2F", request="Για ένα πρόσωπο")
    page.close(run_before_unload=False)
    page = office.contexts[-1].new_page()
    page.goto(NEW_VISIT)
    assert page.evaluate(READABLE) == 0
    page.goto(f"{NEW_VISIT}?url=%2Fadmin%2Fvisit%2F&beneficiary_id={person}")
    assert page.evaluate(READABLE) == 1
    press(page, "restore")
    expect(page.locator("[name=request]")).to_have_value("Για ένα πρόσωπο")


def test_passwords_are_never_kept(office: Office) -> None:
    page = office.sign_in("administrator")
    page.goto("/admin/user/new/")
    page.evaluate("document.querySelector('form[data-guard] [name=specialty]').type = 'password'")
    fill(page, username="neos", full_name="Νέος Χρήστης", specialty=PASSWORD)
    wait_until_kept(page)
    assert "specialty" not in page.evaluate("Object.keys(contents(document.querySelector('form[data-guard]')))")
    page = reopen_later(page)
    press(page, "restore")
    expect(page.locator("[name=username]")).to_have_value("neos")
    expect(page.locator("[name=specialty]")).to_have_value("")


def test_a_form_that_no_server_hears_stays_where_it_is(office: Office) -> None:
    page = office.sign_in("reception.main")
    page.goto(NEW_VISIT)
    fill(page, request="Χωρίς γραμμή")
    page.context.set_offline(True)
    page.locator("[data-guard] button[type=submit]:not([name])").click()
    alert = page.get_by_role("alert")
    expect(alert).to_have_text(text(page, "notHeard"))
    expect(alert).to_be_in_viewport()
    expect(page.locator("[name=request]")).to_have_value("Χωρίς γραμμή")
    expect(page.locator("[aria-busy]")).to_have_count(0)
    assert len(drafts(page)) == 1
    page.context.set_offline(False)
    saved(page, "visit")
    assert drafts(page) == []
    _expect_complaint(office, "ERR_INTERNET_DISCONNECTED")


def _expect_complaint(office: Office, words: str) -> None:
    """The browser itself tells of a request that failed on purpose."""
    assert [complaint for complaint in office.complaints if words not in complaint] == []
    office.complaints.clear()


def test_without_a_secure_connection_forms_work_and_nothing_is_kept(chromium: Chromium, site: Site) -> None:
    away = "kentro.example"
    plain = chromium.browser_type.launch(
        executable_path=CHROMIUM, args=[*ARGS, f"--host-resolver-rules=MAP {away} 127.0.0.1"]
    )
    visitor = Office(plain, site)
    try:
        page, address = visitor.open(), site.address.replace("127.0.0.1", away)
        page.goto(f"{address}/login?next={NEW_VISIT}")
        enter(page, "reception.main")
        page.wait_for_url(f"{address}{NEW_VISIT}")
        assert page.evaluate("isSecureContext") is False
        fill(page, request="Χωρίς ασφαλή σύνδεση")
        saved(page, "visit")
        assert drafts(page) == []
        visitor.close()
    finally:
        plain.close()
        site.reset()


# --- files on their way -----------------------------------------------------------------------------------------------


def report(page: Page) -> Locator:
    """Where downloads are told of."""
    return page.locator("#download-report")


def test_a_file_arrives_whole_and_under_its_name(office: Office, tmp_path: Path) -> None:
    page = office.sign_in("coordinator", accept_downloads=True)
    page.goto("/admin/beneficiary/?search=καναρ")
    people = len(row_ids(page))
    book, name = _take(office, page, "a[data-download]", tmp_path)
    assert re.fullmatch(rf"{Beneficiary.labels.el} \d{{4}}-\d\d-\d\d \d{{4}}\.xlsx", name)
    assert book.worksheets[1].max_row == people + 1
    page.goto("/admin/report/")
    book, name = _take(office, page, "button[data-download]", tmp_path)
    assert re.search(r"\d{4}-\d\d \d{4}-\d\d-\d\d \d{4}\.xlsx$", name)
    page = office.sign_in("supervisor", accept_downloads=True)
    page.goto("/admin/audit_entry/")
    book, name = _take(office, page, "a[data-download]", tmp_path)
    assert book.worksheets[1].max_row > 5


def _take(office: Office, page: Page, button: str, folder: Path) -> tuple[Any, str]:
    with page.expect_download() as download:
        page.locator(button).click()
    name = download.value.suggested_filename
    download.value.save_as(folder / name)
    expect(report(page)).to_have_text(text(page, "received").replace("%(name)s", name))
    expect(report(page)).to_have_role("status")
    expect(page.locator("[aria-busy]")).to_have_count(0)
    newest = sa.select(AuditEntry).where(AuditEntry.action == AuditAction.EXPORT).order_by(AuditEntry.seq.desc())
    [entry, *_older] = office.world.query(newest)
    assert hashlib.sha256((folder / name).read_bytes()).hexdigest() in str(entry.details)
    return openpyxl.load_workbook(folder / name), name


def test_a_file_on_its_way_is_told_of_and_asked_for_once(office: Office) -> None:
    page = office.sign_in("coordinator", accept_downloads=True)
    for address in ("/admin/beneficiary/", "/admin/report/"):
        page.goto(address)
        exports = len(office.world.query(_exports()))
        button = page.locator("[data-download]")
        with page.expect_download() as download, _held(office):
            button.click()
            expect(report(page)).to_have_text(text(page, "preparing"))
            expect(report(page).get_by_role("progressbar")).to_be_visible()
            expect(button).to_have_attribute("aria-busy", "true")
            button.click()
        assert download.value.path().stat().st_size > 5000
        expect(button).not_to_have_attribute("aria-busy", "true")
        assert len(office.world.query(_exports())) == exports + 1, address


def _held(office: Office) -> AbstractContextManager[Any]:
    """The server takes up no request while this is held."""
    return office.site.counted.changed


def _exports() -> Any:
    return sa.select(AuditEntry.seq).where(AuditEntry.action == AuditAction.EXPORT)


def test_a_file_that_does_not_come_says_why(office: Office) -> None:
    page, said = office.sign_in("coordinator"), office.world.said
    for address, answer in (
        ("/admin/user/export/xlsx/", said("This is not open to you.")),
        ("/admin/beneficiary/export/csv/", said("There is no such page or record.")),
        ("/admin/beneficiary/export/xlsx/?search=%00", said("This request is not valid.")),
    ):
        page.goto("/admin/beneficiary/")
        link = page.locator("a[data-download]")
        link.evaluate("(link, address) => { link.href = address }", address)
        link.click()
        expect(report(page)).to_have_text(answer)
        expect(link).not_to_have_attribute("aria-busy", "true")
    page.context.set_offline(True)
    page.locator("a[data-download]").click()
    expect(report(page)).to_have_text(text(page, "interrupted"))
    page.context.set_offline(False)
    _expect_complaint(office, "Failed to load resource")


def test_a_session_that_ended_before_the_download_leads_back(office: Office) -> None:
    page = office.sign_in("coordinator", accept_downloads=True)
    for address in ("/admin/beneficiary/?search=%CE%BA", "/admin/report/"):
        page.goto(address)
        end_sessions(office, "coordinator")
        page.locator("[data-download]").click()
        expect(report(page)).to_contain_text(text(page, "signedOut"))
        report(page).get_by_role("link", name=text(page, "signIn")).click()
        enter(page, "coordinator")
        page.wait_for_url(f"**{address}")
        with page.expect_download():
            page.locator("[data-download]").click()


def test_work_that_lasts_shows_on_the_button(office: Office) -> None:
    page = office.sign_in("coordinator")
    page.goto("/admin/service_delivery/")
    page.locator("[data-tick-all]").check()
    delete = page.locator("button[name=action][value=delete]").first
    delete.click()
    page.evaluate(WATCH)
    with (
        page.expect_navigation(),
        _held(office),
        page.expect_console_message(lambda message: message.text == "at work"),
    ):
        page.get_by_role("dialog").locator("[data-confirm-yes]").click(no_wait_after=True)
    assert office.world.query(sa.select(ServiceDelivery.id)) == []


WATCH = """() => {
  const button = document.querySelector("[name=action][value=delete]");
  const look = () => button.disabled && button.matches("[aria-busy=true]")
    && getComputedStyle(button, "::before").borderTopWidth !== "0px"
    ? console.info("at work") : requestAnimationFrame(look);
  look(); }"""
"""Says when the pressed button can be pressed no more and its ring turns."""
