"""Rights of the person on the screens: who may, what is given, what is refused (articles 12, 15, 17, 18)."""

from __future__ import annotations

import datetime as dt
import io
import re
import threading
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from openpyxl import load_workbook
from pypdf import PdfReader

import audit
import policy
import rights
import rights.erasing
import rights.keeping
from admin_views.base.values import shown
from db import BadValue, Base, db
from models import AccessGrant, AuditEntry, Beneficiary, Consent, DataRequest, Erasure, User, today
from tests.answers import add
from tests.test_rights import NAME, act_as, add_person, everything_kept
from tests.world import CANARY, SECRET, World, by_hand
from vocabulary import AuditAction, ConsentKind, RequestKind, RequestOutcome, Role

OTHERS = ("reception.main", "caseworker.main", "mediator.main", "mediator.roma", "supervisor", "administrator")


def person_of(world: World) -> int:
    with world.app.app_context():
        return add_person(world)


def body(browser: Any, url: str) -> bytes:
    """A download, whole."""
    with browser.get(url) as answer:
        assert answer.status_code == 200
        return bytes(answer.data)


def said(body: bytes) -> str:
    """All text of a PDF, on one line as far as the reader is concerned."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(body)).pages).split())


def test_the_copy_tells_all_that_is_kept_and_what_is_withheld(world: World) -> None:
    key = person_of(world)
    coordinator = world.client("coordinator")
    with coordinator.get(f"/admin/rights/copy/pdf/?id={key}") as answer:
        assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
        assert "attachment" in answer.headers["Content-Disposition"]
        text, person = said(answer.data), world.one(Beneficiary, key)
    for told in (
        "Αντίγραφο προσωπικών δεδομένων", NAME, person.amka, "09/03/1980", "Παροχές υπηρεσιών", "Παραπομπές",
        "Σε ποιους δόθηκαν στοιχεία", "Ποιοι άνοιξαν τον φάκελο", "Τι δεν περιλαμβάνεται, και γιατί", "C-579/21",
        "10 έτη μετά από τη λήξη παρακολούθησης", "Αρχή Προστασίας Δεδομένων", f"{NAME}.pdf",
    ):  # fmt: skip
        assert told in text, told
    assert SECRET not in text, "a note confided to its author alone"
    assert "επιβεβαιωθεί" not in text, "what the municipality still has to do is no matter of the citizen's"
    assert "να επιβεβαιωθεί από τον Υπεύθυνο" in coordinator.get("/admin/rights/").text
    assert CANARY["roma"] not in text and CANARY["main"] not in text.replace("Δράση " + CANARY["main"], "").replace(
        "Δέμα " + CANARY["main"], ""
    )


def test_the_workbook_tells_the_same(world: World) -> None:
    key = person_of(world)
    book = load_workbook(io.BytesIO(body(world.client("coordinator"), f"/admin/rights/copy/xlsx/?id={key}")))
    cells = [str(c.value) for sheet in book for row in sheet.iter_rows() for c in row if c.value is not None]
    person = world.one(Beneficiary, key)
    assert {NAME, person.amka, "09/03/1980", "Παραπομπή"} <= set(cells)
    assert not [cell for cell in cells if SECRET in cell]


def test_the_copy_names_no_staff(world: World) -> None:
    """Not who attends to the person, not who asked for the file or answered, in any table: their role."""
    key = person_of(world)
    with world.app.app_context():
        policy.bind(db.session, policy.SYSTEM)
        for grant in db.session.scalars(sa.select(AccessGrant).where(AccessGrant.beneficiary_id == key)):
            grant.answered_by_id = world.users["coordinator"]
        db.session.get_one(Beneficiary, key).caseworker_id = world.users["caseworker.main"]
        audit.commit(db.session)
        act_as(world, "coordinator")
        told = rights.told(db.session, db.session.get_one(Beneficiary, key), shown)
        names = db.session.scalars(sa.select(User.full_name)).all()
        cells = [cell for part in (*told.parts, told.recipients, told.looks) for row in part.rows for cell in row]
        cells += [value for _group, pairs in told.groups for _label, value in pairs]
        roles = {str(Role.CASEWORKER), str(Role.COORDINATOR)}
    assert [name for name in names if any(name in cell for cell in cells)] == []
    assert roles <= set(cells)


def test_the_page_counts_all_that_an_erasure_then_touches(world: World) -> None:
    """A note confided to its author alone too, requests that only name the person, and the household left empty."""
    key = person_of(world)
    shown_rows = re.findall(
        r'rowheader">([^<]+)</th><td role="cell"[^>]*>(\d+)<',
        world.client("coordinator").get(f"/admin/rights/person/?id={key}").text,
    )
    with world.app.app_context():
        act_as(world, "coordinator")
        done = rights.erase(db.session, key, "Αίτημα")
        names = {mapper.local_table.name: str(mapper.class_.labels) for mapper in Base.registry.mappers}  # type: ignore[attr-defined]
        touched = {names[name]: number for name, number in done.items() if name != "audit_entry"}
    assert (done["case_note"], done["access_grant"], done["household"]) == (2, 2, 1)
    assert {kind: int(number) for kind, number in shown_rows} == touched


def test_a_copy_is_in_the_trail_as_an_export_about_the_person(world: World) -> None:
    key = world.rows["main"]["beneficiary"]
    body(world.client("coordinator"), f"/admin/rights/copy/pdf/?id={key}")
    exports = sa.select(AuditEntry).where(AuditEntry.action == AuditAction.EXPORT, AuditEntry.person_id == key)
    (entry,) = world.query(exports)
    assert '"paper": "copy"' in entry.details and '"sha256"' in entry.details


def test_looks_of_one_day_are_one_row(world: World) -> None:
    """In Athens the tenth of January begins at ten in the evening of the ninth of UTC."""
    with world.app.app_context():
        act_as(world, "coordinator")
        person = db.session.get_one(Beneficiary, world.rows["main"]["beneficiary"])
        for day, hour in ((9, 23), (10, 9)):
            with time_machine.travel(dt.datetime(2026, 1, day, hour, tzinfo=dt.UTC), tick=False):
                audit.note(db.session, AuditAction.EMERGENCY, person)
        audit.commit(db.session)
        looks = rights.told(db.session, person, shown).looks.rows
    assert [row[-1] for row in looks if row[0] == "10/01/2026"] == ["2"]


@pytest.mark.parametrize("name", OTHERS)
def test_nobody_else_takes_a_copy_or_erases(world: World, name: str) -> None:
    """Of a foreign person the mediator learns the same as of one that is not there, and of an own one."""
    browser = world.client(name)
    for key in (world.rows["main"]["beneficiary"], world.rows["roma"]["beneficiary"], 999_999):
        answers = [
            browser.get(f"/admin/rights/copy/pdf/?id={key}"),
            browser.get(f"/admin/rights/copy/xlsx/?id={key}"),
            browser.get(f"/admin/rights/person/?id={key}"),
            browser.post(f"/admin/rights/restrict/?id={key}"),
            browser.post(f"/admin/rights/erase/?id={key}", reason="x", registry_number="MAIN-00001"),
        ]
        assert {answer.status_code for answer in answers} == {403}
    assert browser.get("/admin/rights/").status_code == 403
    assert browser.post("/admin/rights/carry_out/", reason="x", fingerprint="x").status_code == 403
    assert len(world.query(sa.select(Erasure.id))) == 1, "the cast's own"


def test_whoever_is_not_there_is_not_found(calm_world: World) -> None:
    coordinator = calm_world.client("coordinator")
    for asked in ("999999", "0", "x", "", "1'--"):
        assert coordinator.get("/admin/rights/copy/pdf/", query_string={"id": asked}).status_code == 404
    assert coordinator.get("/admin/rights/copy/docx/?id=1").status_code == 404


def test_erasing_asks_for_reason_and_number_and_leaves_a_certificate(world: World) -> None:
    key = world.rows["main"]["beneficiary"]
    number, coordinator = world.one(Beneficiary, key).registry_number, world.client("coordinator")
    where = f"/admin/rights/erase/?id={key}"
    assert "Συμπληρώστε" in coordinator.post(where, reason="", registry_number=number).text
    wrong = coordinator.post(where, reason="Αίτημα 5/2026", registry_number="ROMA-00001").text
    assert "Δεν είναι ο αριθμός μητρώου" in wrong and "Αίτημα 5/2026" in wrong
    assert world.one(Beneficiary, key).erased_on is None
    answer = coordinator.post(where, reason="Αίτημα 5/2026", registry_number=number.lower())
    assert answer.status_code == 302
    page = coordinator.get(answer.headers["Location"])
    assert "Αίτημα 5/2026" in page.text
    (row,) = world.query(sa.select(Erasure).where(Erasure.reason == "Αίτημα 5/2026"))
    text = said(body(coordinator, f"/admin/erasure/paper/?id={row.id}"))
    assert "Κρυπτογραφικά αποτυπώματα" in text and "Αποτυπώματα ατόμων" not in text, "nobody's fingers were printed"
    assert "Πιστοποιητικό διαγραφής" in text and "Αίτημα 5/2026" in text and "Χρήστης coordinator" in text
    assert number not in text and CANARY["main"] not in text
    left = coordinator.get(f"/admin/beneficiary/details/?id={key}").text.replace("Δράση " + CANARY["main"], "")
    assert CANARY["main"] not in left.replace("Δέμα " + CANARY["main"], "") and number not in left
    assert coordinator.get(f"/admin/rights/copy/pdf/?id={key}").status_code == 404


@pytest.mark.parametrize("reason", ["x" * 501, "Πρωτ.\0 5"])
def test_a_reason_that_cannot_be_kept_erases_nobody(world: World, reason: str) -> None:
    key, coordinator = make_due(world), world.client("coordinator")
    number, approved = world.one(Beneficiary, key).registry_number, fingerprint_in(coordinator)
    for where, typed in (
        (f"/admin/rights/erase/?id={key}", {"registry_number": number}),
        ("/admin/rights/carry_out/", {"fingerprint": approved}),
    ):
        answer = coordinator.post(where, reason=reason, **typed)
        assert answer.status_code == 200 and 'aria-invalid="true"' in answer.text, where
        assert world.one(Beneficiary, key).erased_on is None, where
    assert len(world.query(sa.select(Erasure.id))) == 1, "the cast's own"
    assert coordinator.post("/admin/rights/carry_out/", reason="x" * 500, fingerprint=approved).status_code == 302


@pytest.mark.parametrize("where", ["erase", "carry_out"])
def test_what_fails_after_the_work_leaves_nothing_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """The certificate is refused as late as can be: nobody is erased without one."""
    key, coordinator = make_due(world), world.client("coordinator")
    number, approved = world.one(Beneficiary, key).registry_number, fingerprint_in(coordinator)

    def refuse(*_args: Any) -> None:
        raise BadValue("The text is too long.")

    monkeypatch.setattr(rights, "certify", refuse)
    monkeypatch.setattr(rights.keeping, "certify", refuse)
    answer = coordinator.post(
        f"/admin/rights/{where}/?id={key}", reason="Πρωτ. 1", registry_number=number, fingerprint=approved
    )
    assert answer.status_code == 200 and "πολύ μεγάλο" in answer.text
    assert world.one(Beneficiary, key).last_name == CANARY["main"]


def make_due(world: World) -> int:
    """The main unit's person, closed so long ago that the schedule finds nothing that keeps the file."""
    key = world.rows["main"]["beneficiary"]
    with world.app.app_context():
        policy.bind(db.session, policy.SYSTEM)
        person = db.session.get_one(Beneficiary, key)
        person.registered_on, person.closed_on = dt.date(2009, 1, 1), dt.date(2010, 1, 1)
        for request in db.session.scalars(sa.select(DataRequest).where(DataRequest.beneficiary_id == key)):
            db.session.delete(request)
        audit.commit(db.session)
    return key


def fingerprint_in(browser: Any) -> str:
    """That of the list that the browser is shown."""
    found = re.search(r'name="fingerprint" value="(\w+)"', browser.get("/admin/rights/").text)
    assert found
    return found[1]


def test_a_hold_refuses_the_erasure_on_the_page_too(world: World) -> None:
    key, coordinator = world.rows["main"]["beneficiary"], world.client("coordinator")
    form = coordinator.form(f"/admin/legal_hold/new/?beneficiary_id={key}")
    assert coordinator.post("/admin/legal_hold/new/", {**form, "reason": "Εκκρεμής δίκη"}).status_code == 302
    page = coordinator.get(f"/admin/rights/person/?id={key}").text
    assert "Εκκρεμής δίκη" in page and "Οριστική διαγραφή" not in page
    number = world.one(Beneficiary, key).registry_number
    answer = coordinator.post(f"/admin/rights/erase/?id={key}", reason="Αίτημα", registry_number=number)
    assert "δέσμευση διατήρησης" in answer.text
    assert world.one(Beneficiary, key).last_name == CANARY["main"]
    assert len(world.query(sa.select(Erasure.id))) == 1, "the cast's own"


def test_a_caseworker_sets_no_hold(world: World) -> None:
    assert world.client("caseworker.main").get("/admin/legal_hold/new/").status_code == 403


def test_a_restriction_is_set_and_lifted_as_it_is_said(world: World) -> None:
    """The same click twice is the same act, not its contrary."""
    key, coordinator = world.rows["main"]["beneficiary"], world.client("coordinator")
    page, where = f"/admin/rights/person/?id={key}", f"/admin/rights/restrict/?id={key}"
    for said in ("yes", "no"):
        assert f'name="restricted" value="{said}"' in coordinator.get(page).text
        versions = set()
        for _click in range(2):
            assert coordinator.post(where, restricted=said).headers["Location"].endswith(page)
            versions.add(world.one(Beneficiary, key).version)
        assert len(versions) == 1 and bool(world.one(Beneficiary, key).restricted_on) == (said == "yes")
    for said in ({}, {"restricted": ""}, {"restricted": "x"}):
        assert coordinator.post(where, **said).status_code == 400
    assert world.one(Beneficiary, key).restricted_on is None


def twice(browsers: list[Any], url: str, **typed: str) -> list[tuple[int, str | None]]:
    """The same form sent by two at the same moment."""
    together, answers = threading.Barrier(2), []

    def send(browser: Any) -> None:
        together.wait()
        answer = browser.post(url, **typed)
        answers.append((answer.status_code, answer.headers.get("Location")))

    threads = [threading.Thread(target=send, args=[browser]) for browser in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.parametrize("act", ["erase", "carry_out", "restrict"])
def test_of_two_clicks_one_is_carried_out_and_the_other_told(world: World, act: str) -> None:
    key, browsers = make_due(world), [world.client("coordinator") for _each in range(2)]
    number = world.one(Beneficiary, key).registry_number
    typed = {"registry_number": number, "fingerprint": fingerprint_in(browsers[0]), "restricted": "yes"}
    fingerprint_in(browsers[1])
    answers = twice(browsers, f"/admin/rights/{act}/?id={key}", reason="Πρωτ. 1", **typed)
    assert {status for status, _where in answers} <= {200, 302}
    if act == "restrict":
        assert world.one(Beneficiary, key).restricted_on
        return
    assert len([where for _status, where in answers if where and "/admin/erasure/details/" in where]) == 1
    assert len(world.query(sa.select(Erasure.id))) == 2, "the cast's own, and one"
    assert world.one(Beneficiary, key).erased_on


def test_what_is_saved_beside_an_erasure_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """On PostgreSQL, where two write at once: the clerk's row waits for the erasure, and finds nobody to be about."""
    if world.dialect != "postgresql":
        pytest.skip("one writer at a time")
    key, coordinator, clerk = (
        world.rows["main"]["beneficiary"],
        world.client("coordinator"),
        world.client("caseworker.main"),
    )
    number = world.one(Beneficiary, key).registry_number
    where = f"/admin/service_delivery/new/?beneficiary_id={key}"
    typed = {**clerk.form(where), "beneficiary_id": key, "service_id": world.rows["shared"]["service"], "notes": NAME}
    answers: list[Any] = []
    saving = threading.Thread(target=lambda: answers.append(clerk.post(where, typed)))
    forget = rights.erasing._forget_traces

    def beside(*args: Any) -> None:
        saving.start()
        with by_hand().connect() as connection:
            while saving.is_alive() and not connection.scalar(sa.text("SELECT 1 FROM pg_locks WHERE NOT granted")):
                pass
        forget(*args)

    monkeypatch.setattr(rights.erasing, "_forget_traces", beside)
    assert (
        coordinator.post(f"/admin/rights/erase/?id={key}", reason="Πρωτ. 1", registry_number=number).status_code == 302
    )
    saving.join()
    assert [answer.status_code for answer in answers] == [200] and "ανώνυμη" in answers[0].text
    with world.app.app_context():
        assert f"'{NAME}'" not in everything_kept()


def test_a_restricted_record_is_closed_to_its_unit(world: World) -> None:
    key, coordinator = world.rows["main"]["beneficiary"], world.client("coordinator")
    assert coordinator.post(f"/admin/rights/restrict/?id={key}", restricted="yes").status_code == 302
    person, caseworker = world.one(Beneficiary, key), world.client("caseworker.main")
    page = caseworker.get(f"/admin/beneficiary/details/?id={key}").text
    assert "έχει περιοριστεί" in page and person.amka not in page and SECRET not in page
    assert person.father_name not in page
    listed = caseworker.get("/admin/beneficiary/").text
    assert person.registry_number in listed and person.father_name not in listed
    assert caseworker.get(f"/admin/beneficiary/edit/?id={key}").status_code == 403
    book = load_workbook(io.BytesIO(body(caseworker, "/admin/beneficiary/export/xlsx/")))
    cells = [str(c.value) for sheet in book for row in sheet.iter_rows() for c in row if c.value is not None]
    assert person.registry_number in cells and person.amka not in cells
    answer = caseworker.submit(f"/admin/visit/new/?beneficiary_id={key}", request="Ήρθε", beneficiary_id=key)
    assert "έχει περιοριστεί" in answer.text
    assert person.amka in coordinator.get(f"/admin/beneficiary/details/?id={key}").text
    coordinator.post(f"/admin/rights/restrict/?id={key}", restricted="no")
    assert person.amka in caseworker.get(f"/admin/beneficiary/details/?id={key}").text


def test_a_list_is_approved_as_it_was_read(world: World) -> None:
    coordinator = world.client("coordinator")
    assert "Σήμερα δεν έχει λήξει τίποτα" in coordinator.get("/admin/rights/").text
    answer = coordinator.post("/admin/rights/carry_out/", reason="Πρωτ. 1", fingerprint="0" * 64)
    assert "Ο κατάλογος άλλαξε" in answer.text
    assert len(world.query(sa.select(Erasure.id))) == 1, "the cast's own"


def test_what_is_due_leads_to_what_is_read_before_approving(world: World) -> None:
    key, page = make_due(world), world.client("coordinator").get("/admin/rights/").text
    name = str(world.one(Beneficiary, key).described)
    line = rf'<li><a href="/admin/beneficiary/details/\?id={key}">{re.escape(name)}</a> · Λήξη παρακολούθησης: 01/01/2010</li>'
    assert re.search(line, page)


def test_certificates_are_made_by_erasures_alone(world: World) -> None:
    coordinator = world.client("coordinator")
    for route in ("new/", "edit/?id=1", "delete/"):
        assert coordinator.post(f"/admin/erasure/{route}", id="1", reason="x").status_code == 403


def test_a_request_is_noted_by_the_desk_and_waits_for_the_coordinator(world: World) -> None:
    key, desk = world.rows["main"]["beneficiary"], world.client("reception.main")
    made = desk.submit(f"/admin/data_request/new/?beneficiary_id={key}", kind=RequestKind.ACCESS.value)
    assert made.status_code == 302
    (row,) = world.query(sa.select(DataRequest).where(DataRequest.kind == RequestKind.ACCESS))
    assert (row.unit_id, row.received_on) == (world.rows["main"]["unit"], today())
    coordinator = world.client("coordinator")
    assert CANARY["main"] in coordinator.get("/admin/").text
    answer = coordinator.submit(f"/admin/data_request/edit/?id={row.id}", answered_on="", outcome="GRANTED")
    assert "και ημερομηνία και έκβαση" in answer.text


@pytest.mark.parametrize("who", ["reception.main", "caseworker.main", "mediator.main"])
def test_who_notes_a_request_corrects_it_and_never_answers_it(world: World, who: str) -> None:
    key, desk = world.rows["main"]["beneficiary"], world.client(who)
    new = f"/admin/data_request/new/?beneficiary_id={key}"
    answer = {"answered_on": f"{today():%d/%m/%Y}", "outcome": "GRANTED", "is_extended": "y"}
    assert not set(desk.form(new)) & set(answer)
    assert desk.submit(new, kind=RequestKind.ACCESS.value, **answer).status_code == 302
    (row,) = world.query(sa.select(DataRequest).where(DataRequest.kind == RequestKind.ACCESS))
    page = f"/admin/data_request/edit/?id={row.id}"
    assert desk.submit(page, kind=RequestKind.ERASURE.value, note="Λάθος", **answer).status_code == 302
    row = world.one(DataRequest, row.id)
    assert (row.kind, row.note) == (RequestKind.ERASURE, "Λάθος"), "what was written can be corrected"
    assert (row.answered_on, row.outcome, row.is_extended) == (None, None, False), "and still waits for its answer"
    assert CANARY["main"] in world.client("coordinator").get("/admin/").text
    later = world.client("coordinator").submit(page, received_on=f"{row.received_on - dt.timedelta(days=2):%d/%m/%Y}")
    assert later.status_code == 302, "it came earlier than was noted"
    moved = desk.submit(page, received_on=f"{today():%d/%m/%Y}")
    assert moved.status_code == 200 and "field-error" in moved.text, "the time runs already"
    assert world.client("coordinator").submit(page, **answer).status_code == 302
    assert world.one(DataRequest, row.id).outcome == RequestOutcome.GRANTED
    assert desk.get(page).status_code == 403, "what was answered is the coordinator's"


def test_consent_to_photographs_shows_at_the_attendance(world: World) -> None:
    row = world.rows["main"]["event_attendance"]
    desk = world.client("mediator.main")
    assert photo(desk, row) == "Όχι"
    consent = Consent(
        beneficiary_id=world.rows["main"]["beneficiary"], unit_id=world.rows["main"]["unit"], kind=ConsentKind.PHOTO,
        by_id=world.users["mediator.main"],
    )  # fmt: skip
    key = add(world, consent)
    assert photo(desk, row) == "Ναι"
    desk.submit(f"/admin/consent/edit/?id={key}", withdrawn_on=f"{today():%d/%m/%Y}")
    assert photo(desk, row) == "Όχι"


def photo(browser: Any, row: int) -> str:
    from tests.world import column_listed

    (told,) = column_listed(browser.get("/admin/event_attendance/").text, "Φωτογράφιση")
    return told
