"""Oversight: who looked, what a user did, unusual acts, the monthly sample, explanations; and who may see any of it."""

from __future__ import annotations

import datetime as dt
import io
import re
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa
from python_calamine import CalamineWorkbook

import audit
import oversight
import policy
from audit import chain, recorder
from db import begin_write, db
from models import AuditAnswer, AuditEntry, AuditFinding, AuditReview, AuditSample, Beneficiary, User, today
from oversight import hours, sample
from oversight.findings import MANY_PEOPLE, MANY_REFUSALS
from tests.test_trail import Watch
from tests.world import CANARY, SECRET, World
from vocabulary import AuditAction, FindingKind, Verdict

UNKNOWN = "Άγνωστος"
HOSTILE = "\"><script>alert(1)</script>{{7*7}}'; DROP TABLE audit_answer;--\u202e"
WORK = next(day for n in range(2, 9) if (day := today() - dt.timedelta(days=n)).weekday() not in (5, 6))
"""A working day not long ago."""
SUNDAY = next(day for n in range(1, 9) if (day := today() - dt.timedelta(days=n)).weekday() == 6)


def at(day: dt.date, hour: int, minute: int = 0) -> dt.datetime:
    """A moment in Athens."""
    return dt.datetime.combine(day, dt.time(hour, minute), hours.ATHENS)


def acted(world: World, *acts: dict[str, Any], by: str | None = "caseworker.main") -> list[int]:
    """Put acts into the trail as if they had happened at their moments; their numbers."""
    with world.app.app_context():
        policy.bind(db.session, policy.SYSTEM)
        begin_write()
        user = db.session.get(User, world.users[by]) if by else None
        scope = policy.scope_of(user) if user else policy.NOBODY
        entries = []
        for act in acts:
            entry = recorder.make_entry(
                scope, act.pop("action", AuditAction.VIEW), None, details=act.pop("details", None)
            )
            entries.append({**entry, "subject_type": "beneficiary", **act})
        chain.append(db.session, entries)
        audit.commit(db.session)
        return [entry["seq"] for entry in entries]


def found(world: World, **asked: Any) -> list[oversight.Finding]:
    with world.app.app_context():
        policy.bind(db.session, policy.SYSTEM)
        return oversight.findings(db.session, **asked)


def kinds(world: World, by: str | None = "caseworker.main") -> set[FindingKind]:
    return {each.kind for each in found(world) if each.actor_id == (by and world.users[by]) and each.on != today()}


def asked(world: World, seq: int, comment: str = "Γιατί;") -> AuditReview:
    """The supervisor asks about an entry."""
    answer = world.client("supervisor").post(
        f"/admin/audit_entry/review/?id={seq}", verdict="QUESTION", comment=comment
    )
    assert answer.status_code == 302
    return world.query(sa.select(AuditReview).order_by(AuditReview.id.desc()).limit(1))[0]  # type: ignore[no-any-return]


def looked(world: World, by: str = "caseworker.main", code: str = "main") -> int:
    """Somebody looks at their unit's person; the entry's number."""
    watch = Watch(world)
    browser = world.client(by)
    assert browser.get(f"/admin/beneficiary/details/?id={world.rows[code]['beneficiary']}").status_code == 200
    return watch.new()[-1].seq


# --- unusual acts -----------------------------------------------------------------------------------------------------


def test_many_people_in_an_hour(world: World) -> None:
    least = MANY_PEOPLE
    acted(world, *({"at": at(WORK, 10, n % 60), "person_id": 5000 + n} for n in range(least)))
    acted(world, *({"at": at(WORK, 11, n % 60), "person_id": 5000} for n in range(2 * least)))
    assert FindingKind.PEOPLE not in kinds(world), "as many as the limit, or the same person again, is nothing unusual"
    more = acted(world, {"at": at(WORK, 10, 59), "person_id": 6000})
    (finding,) = [each for each in found(world) if each.kind == FindingKind.PEOPLE]
    assert (finding.acts, finding.on, finding.actor_id) == (least + 1, WORK, world.users["caseworker.main"])
    listed = entries_of(world, finding)
    assert len(listed) == least + 1 and set(more) <= set(listed), "the crowded hour alone, and all of it"


def entries_of(world: World, finding: oversight.Finding) -> list[int]:
    with world.app.app_context():
        policy.bind(db.session, policy.SYSTEM)
        return list(db.session.scalars(sa.select(AuditEntry.seq).where(oversight.behind(db.session, finding.key))))


@pytest.mark.parametrize(
    ("day", "hour", "is_unusual"),
    [(WORK, 6, True), (WORK, 7, False), (WORK, 20, False), (WORK, 21, True), (WORK, 0, True), (SUNDAY, 12, True)],
)
def test_reading_outside_hours(world: World, day: dt.date, hour: int, is_unusual: bool) -> None:
    (seq,) = acted(world, {"at": at(day, hour, 30), "person_id": 5000})
    mine = [each for each in found(world) if each.kind == FindingKind.HOURS and each.on == day]
    assert bool(mine) is is_unusual
    assert [entries_of(world, each) for each in mine] == [[seq]] * is_unusual


@pytest.mark.parametrize(
    ("surname", "name", "is_own"),
    [
        ("Παπαδόπουλος", "Ελένη Παπαδοπούλου", True),
        ("ΠΑΠΑΔΟΠΟΥΛΟΥ", "Παπαδόπουλος Νίκος", True),
        ("Παπαδάκης", "Ελένη Παπαδοπούλου", False),
        ("Παπαδοπουλάκης", "Ελένη Παπαδοπούλου", False),
    ],
)
def test_own_surname(world: World, surname: str, name: str, is_own: bool) -> None:
    person = world.rows["main"]["beneficiary"]
    with world.app.app_context():
        policy.bind(db.session, policy.SYSTEM)
        begin_write()
        db.session.get_one(Beneficiary, person).last_name = surname
        db.session.get_one(User, world.users["caseworker.main"]).full_name = name
        audit.commit(db.session)
    acted(world, {"at": at(WORK, 10), "person_id": person})
    acted(world, {"at": at(WORK, 10), "person_id": person}, by="reception.main")
    assert (FindingKind.SURNAME in kinds(world)) is is_own
    assert FindingKind.SURNAME not in kinds(world, "reception.main")


def test_closed_files_refusals_exports_and_emergencies(world: World) -> None:
    person = world.rows["main"]["beneficiary"]
    with world.app.app_context():
        policy.bind(db.session, policy.SYSTEM)
        begin_write()
        closed = db.session.get_one(Beneficiary, person)
        closed.registered_on, closed.closed_on = WORK - dt.timedelta(days=300), WORK - dt.timedelta(days=1)
        audit.commit(db.session)
    refused = {"action": AuditAction.REFUSED, "at": at(WORK, 10), "subject_type": "user"}
    acted(world, *({**refused} for _n in range(MANY_REFUSALS - 1)))
    acted(world, {"at": at(WORK - dt.timedelta(days=1), 10), "person_id": person})
    narrow = {"rows": 3, "columns": ["Επώνυμο"], "filters": ["Επώνυμο είναι α"]}
    acted(world, {"action": AuditAction.EXPORT, "at": at(WORK, 12), "details": narrow})
    assert kinds(world) == set(), "a few refusals, a file on the day it was closed, an export of something"
    acted(world, {**refused, "at": at(WORK, 18)})
    acted(world, {"at": at(WORK, 10), "person_id": person})
    whole = {"rows": 3, "columns": ['"search": x'.replace('"', ""), "Επώνυμο"]}
    acted(world, {"action": AuditAction.EXPORT, "at": at(WORK, 12), "details": whole})
    acted(world, {"action": AuditAction.EMERGENCY, "at": at(WORK, 12), "subject_type": "access_grant"})
    assert kinds(world) == {
        FindingKind.REFUSALS, FindingKind.CLOSED, FindingKind.EXPORTS, FindingKind.EMERGENCY,
    }  # fmt: skip
    (refusals,) = [each for each in found(world) if each.kind == FindingKind.REFUSALS]
    assert refusals.acts == MANY_REFUSALS == len(entries_of(world, refusals)), "a day's, over its hours"


def test_strangers_refusals_are_found_too(world: World) -> None:
    acted(
        world,
        *({"action": AuditAction.REFUSED, "at": at(WORK, 10), "subject_type": "login"} for _n in range(9)),
        by=None,
    )
    assert kinds(world, None) == {FindingKind.REFUSALS}
    (finding,) = [each for each in found(world) if each.actor_id is None]
    assert len(entries_of(world, finding)) == 9
    page = world.client("supervisor").get("/admin/audit_finding/")
    assert page.status_code == 200 and UNKNOWN in page.text, page.text[page.text.index("<main") :]


def test_what_is_older_than_the_window_is_not_read(world: World) -> None:
    old = today() - dt.timedelta(days=oversight.LOOKED_BACK + 1)
    acted(world, {"action": AuditAction.EMERGENCY, "at": at(old, 12)})
    assert kinds(world) == set()


def test_a_finding_is_settled_and_comes_back_with_more(world: World) -> None:
    acted(world, {"action": AuditAction.EMERGENCY, "at": at(WORK, 12)})
    browser, watch = world.client("supervisor"), Watch(world)
    (finding,) = [each for each in found(world) if each.on == WORK]
    home = unescape(browser.get("/admin/").text)
    assert f"/admin/audit_finding/settle/?key={finding.key}" in home and str(finding.kind) in home
    page = browser.get("/admin/audit_finding/")
    assert finding.key in page.text
    listed = browser.get(f"/admin/audit_entry/?flt0_finding_is={finding.key}")
    assert listed.status_code == 200 and "1 εγγραφή" in listed.text and str(finding.kind.label.el) in listed.text
    settle = f"/admin/audit_finding/settle/?key={finding.key}"
    empty = browser.post(settle, comment="  ")
    assert empty.status_code == 200 and 'id="comment-error"' in empty.text
    assert browser.post(settle, comment=HOSTILE).status_code == 302
    (kept,) = world.query(sa.select(AuditFinding))
    assert (kept.comment, kept.by_id, kept.acts) == (HOSTILE, world.users["supervisor"], 1)
    page = browser.get("/admin/audit_finding/")
    assert "<script>alert" not in page.text and "&lt;script&gt;" in page.text and "{{7*7}}" in page.text
    assert finding not in found(world) and finding in found(world, settled=True)
    assert browser.get(settle).status_code == 404, "what is settled is not settled again"
    recorded = {(entry.action, entry.subject_type) for entry in watch.new()}
    assert {(AuditAction.SEARCH, "audit_finding"), (AuditAction.CREATE, "audit_finding")} <= recorded
    acted(world, {"action": AuditAction.EMERGENCY, "at": at(WORK, 13)})
    assert [each.acts for each in found(world) if each.on == WORK] == [2]


def test_nobody_settles_what_was_found_about_themselves(world: World) -> None:
    acted(world, {"action": AuditAction.EMERGENCY, "at": at(WORK, 12)}, by="supervisor")
    (finding,) = [each for each in found(world) if each.on == WORK]
    answer = world.client("supervisor").post(f"/admin/audit_finding/settle/?key={finding.key}", comment="τίποτα")
    assert answer.status_code == 200 and "comment-error" in answer.text and not world.query(sa.select(AuditFinding))


@pytest.mark.parametrize("key", ["", "x", "PEOPLE.1", "PEOPLE.1.2026-13-40", "HOURS.-1.2026-01-01", "NO.1.2026-01-01",
                                 "HOURS.1.9999-12-31", "HOURS.99999999999.2026-01-01", "HOURS.1.2026-01-01\0"])  # fmt: skip
def test_a_made_up_finding_is_none(calm_world: World, key: str) -> None:
    browser = calm_world.client("supervisor")
    settled = browser.get("/admin/audit_finding/settle/", query_string={"key": key})
    assert settled.status_code == 404
    assert browser.get("/admin/audit_entry/", query_string={"flt0_finding_is": key}).status_code == 200
    out = browser.get("/admin/audit_entry/export/xlsx/", query_string={"flt0_finding_is": key})
    assert out.status_code == 400, "what makes no sense must not take everything out"


def test_worklist_and_trail_are_exported(world: World) -> None:
    acted(world, {"action": AuditAction.EMERGENCY, "at": at(WORK, 12)})
    browser = world.client("supervisor")
    (finding,) = [each for each in found(world) if each.on == WORK]
    acted(world, {"action": AuditAction.EMERGENCY, "at": at(SUNDAY, 12)})
    browser.post(f"/admin/audit_finding/settle/?key={finding.key}", comment="=1+1")
    watch = Watch(world)
    with browser.get("/admin/audit_finding/export/") as answer:
        book = CalamineWorkbook.from_filelike(io.BytesIO(answer.data))
    sheets = [book.get_sheet_by_name(name).to_python() for name in book.sheet_names]
    flat = [str(cell) for rows in sheets for row in rows for cell in row]
    assert "=1+1" in flat and flat.count(str(FindingKind.EMERGENCY.label.el)) >= 2
    assert (AuditAction.EXPORT, "audit_finding") in {(e.action, e.subject_type) for e in watch.new()}
    seq = looked(world)
    review = asked(world, seq, "Γιατί άνοιξε;")
    world.client("caseworker.main").post(f"/admin/audit_answer/answer/?id={review.id}", answer="Ραντεβού.")
    with browser.get(f"/admin/audit_entry/export/xlsx/?flt0_entry_among={seq}") as answer:
        book = CalamineWorkbook.from_filelike(io.BytesIO(answer.data))
    text = str([book.get_sheet_by_name(name).to_python() for name in book.sheet_names])
    assert "Γιατί άνοιξε; · → Ραντεβού." in text and str(Verdict.QUESTION.label.el) in text


# --- who looked at this person ----------------------------------------------------------------------------------------


def test_who_looked_at_this_person(world: World) -> None:
    person, stranger = world.rows["main"]["beneficiary"], world.rows["roma"]["beneficiary"]
    looked(world)
    looked(world, "reception.main")
    looked(world, "caseworker.roma", "roma")
    watch, clerk = Watch(world), world.client("caseworker.main")
    clerk.get("/admin/beneficiary/", query_string={"search": "kanarin"})
    clerk.get("/admin/beneficiary/", query_string={"search": "Ουδείς"})
    clerk.get("/admin/beneficiary/export/xlsx/").close()
    clerk.get("/admin/beneficiary/", query_string={"flt0_last_name_is": CANARY["main"]})
    by_name, by_other, out, by_filter = [
        e.seq for e in watch.new() if e.action in (AuditAction.SEARCH, AuditAction.EXPORT)
    ]
    # Of a colleague of the same surname, who was chosen and not typed.
    colleague = {"filters": [f"Υπάλληλος είναι {CANARY['main']}"], "words": []}
    acted(
        world,
        {"at": dt.datetime.now(dt.UTC), "action": AuditAction.SEARCH, "subject_type": "visit", "details": colleague},
    )
    (by_choice,) = [e.seq for e in watch.new()]
    browser = world.client("supervisor")
    address = f"/admin/oversight/person/?id={person}"
    assert address in unescape(browser.get(f"/admin/beneficiary/details/?id={person}").text)
    page = browser.get(address)
    assert page.status_code == 200
    users = {f"oversight/user/?id={world.users[name]}" in page.text for name in ("caseworker.main", "reception.main")}
    assert users == {True} and f'oversight/user/?id={world.users["caseworker.roma"]}"' not in page.text
    told = set(map(int, re.findall(r"audit_entry/details/\?id=(\d+)", page.text)))
    about = set(world.query(sa.select(AuditEntry.seq).where(AuditEntry.person_id == person, AuditEntry.seq <= out)))
    assert about <= told and {by_name, out, by_filter} <= told and not {by_other, by_choice} & told
    assert not told & set(world.query(sa.select(AuditEntry.seq).where(AuditEntry.person_id == stranger)))
    assert SECRET not in page.text
    read = watch.new()[-1]
    assert (read.action, read.person_id, audit.details_of(read)) == (AuditAction.VIEW, person, {"page": "looks"})
    again = world.client("supervisor").get(address)
    assert f"oversight/user/?id={world.users['supervisor']}" in again.text, "who asked who looked, looked"


def test_a_look_through_a_grant_says_which(world: World) -> None:
    grant, person = world.rows["main"]["access_grant"], world.rows["roma"]["beneficiary"]
    acted(world, {"at": at(WORK, 10), "subject_type": "access_grant", "subject_id": grant, "person_id": person,
                  "details": {"grant": grant, "parts": ["CONTACT"]}})  # fmt: skip
    page = world.client("supervisor").get(f"/admin/oversight/person/?id={person}").text
    assert f"/admin/access_grant/details/?id={grant}" in page


# --- what this user did -----------------------------------------------------------------------------------------------


def test_what_this_user_did(world: World) -> None:
    acted(world, {"at": at(WORK, 0, 10), "person_id": 1}, {"at": at(WORK, 23, 50), "person_id": 2},
          {"at": at(WORK, 12), "person_id": 2}, {"at": at(WORK, 12), "action": AuditAction.SEARCH})  # fmt: skip
    user, browser, watch = world.users["caseworker.main"], world.client("supervisor"), Watch(world)
    assert f'/admin/oversight/user/?id={user}">' in browser.get(f"/admin/audit_entry/?flt0_actor_id_is={user}").text
    page = unescape(browser.get(f"/admin/oversight/user/?id={user}").text)
    day = f"{WORK:%d/%m/%Y}".replace("/", "(?:/|%2F)")
    link = rf'href="([^"]*flt1_at_is={day}&flt2_action_is=view)">3<'
    (address,) = re.findall(link, page)
    listed = browser.get(address)
    assert "3 εγγραφές" in listed.text, "each number leads to as many entries"
    with world.app.app_context():
        policy.bind(db.session, policy.SYSTEM)
        (known,) = oversight.days_of(db.session, user, WORK, WORK)
    assert known.people == 2 and known.acts == {AuditAction.VIEW: 3, AuditAction.SEARCH: 1}
    read = [entry for entry in watch.new() if audit.details_of(entry) == {"page": "acts"}]
    assert [(entry.action, entry.subject_type, entry.subject_id) for entry in read] == [
        (AuditAction.VIEW, "user", user)
    ]
    for odd in ("", "&to=x", "&to=0001-01-01", "&to=2026-02-30", "&to=9999-12-31"):
        assert browser.get(f"/admin/oversight/user/?id={user}{odd}").status_code == 200


@pytest.mark.parametrize("page", ["person", "user"])
@pytest.mark.parametrize("key", ["", "0", "987654", "x", "1 OR 1=1", "9" * 30, "\0"])
def test_nobody_of_this_number(calm_world: World, page: str, key: str) -> None:
    answer = calm_world.client("supervisor").get(f"/admin/oversight/{page}/", query_string={"id": key})
    assert answer.status_code == 404


# --- the monthly sample -----------------------------------------------------------------------------------------------


def fill_last_month(world: World) -> dt.date:
    month = sample.last_month()
    for by, n in (("caseworker.main", 60), ("caseworker.roma", 30), ("supervisor", 30)):
        acted(world, *({"at": at(month, 10, k % 60), "person_id": 1} for k in range(n)), by=by)
    acted(world, *({"at": at(month, 11), "action": AuditAction.SEARCH} for _k in range(30)), by="caseworker.main")
    acted(world, *({"at": at(month, 12)} for _k in range(60)), by=None)
    return month


def test_a_sample_is_drawn_once_in_proportion_and_reviewed_to_its_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    month, browser = fill_last_month(world), world.client("supervisor")
    assert browser.post("/admin/oversight/draw/").status_code == 302
    drawn = world.query(sa.select(AuditSample.entry_seq))
    assert len(drawn) == len(set(drawn)) == sample.SIZE
    entries = world.query(sa.select(AuditEntry).where(AuditEntry.seq.in_(drawn)))
    share = {(e.actor_id, e.action): 0 for e in entries}
    for entry in entries:
        share[entry.actor_id, entry.action] += 1
    main, roma = world.users["caseworker.main"], world.users["caseworker.roma"]
    assert share == {(main, AuditAction.VIEW): 20, (main, AuditAction.SEARCH): 10, (roma, AuditAction.VIEW): 10}
    assert browser.post("/admin/oversight/draw/").status_code == 302
    assert world.query(sa.select(AuditSample.entry_seq)) == drawn, "drawn once, kept, and the same for everybody"
    page = browser.get("/admin/oversight/").text
    assert f"0 από {sample.SIZE}" in page and f"Ελέγχθηκαν 0 από {sample.SIZE}" in browser.get("/admin/").text

    back = f"/admin/audit_entry/?flt0_sample_is={month:%Y-%m}&flt1_review_is=none"
    assert f"{sample.SIZE} εγγραφές" in browser.get(back).text
    seq = drawn[-1]
    answer = browser.post(f"/admin/audit_entry/review/?id={seq}", {"verdict": "REVIEWED", "url": back})
    (following,) = re.findall(r"details/\?id=(\d+)", answer.headers["Location"])
    assert int(following) in set(drawn) - {seq}, "the next one of the sample"
    assert f"1 από {sample.SIZE}" in browser.get("/admin/oversight/").text
    browser.post("/admin/audit_entry/action/", {"action": "review", "rowid": [str(key) for key in drawn]})
    assert f"{sample.SIZE} από {sample.SIZE}" in browser.get("/admin/oversight/").text
    noted = world.query(sa.select(AuditEntry).where(AuditEntry.subject_type == "audit_sample"))
    assert [e.action for e in noted if e.action == AuditAction.CREATE] == [AuditAction.CREATE]


def test_two_who_draw_at_once_draw_one_sample(world: World) -> None:
    """The second finds the places taken, though it saw none when it began."""
    month = fill_last_month(world)
    with world.app.app_context():
        policy.bind(db.session, policy.SYSTEM)
        begin_write()
        first = db.session.scalar(sa.select(sa.func.min(AuditEntry.seq)))
        db.session.add(AuditSample(month=month, place=0, entry_seq=first))
        db.session.flush()
        real, db.session.scalar = db.session.scalar, lambda *_args, **_more: None  # type: ignore[method-assign]
        try:
            assert oversight.draw(db.session) == 0
        finally:
            db.session.scalar = real  # type: ignore[method-assign]
        audit.commit(db.session)
    assert world.query(sa.select(AuditSample.entry_seq)) == [first]


def test_of_a_month_without_acts_nothing_is_drawn(world: World) -> None:
    supervisor = world.client("supervisor")
    answer = supervisor.post("/admin/oversight/draw/")
    assert 'class="message message-info"' in supervisor.get("/admin/oversight/").text
    assert answer.status_code == 302 and not world.query(sa.select(AuditSample.id))


# --- explanations -----------------------------------------------------------------------------------------------------


def test_an_explanation_is_asked_given_changed_and_closed(world: World) -> None:
    seq = looked(world)
    review, clerk = asked(world, seq, HOSTILE), world.client("caseworker.main")
    assert review.asked_id == world.users["caseworker.main"]
    supervisor = world.client("supervisor")
    home = clerk.get("/admin/").text
    address = f"/admin/audit_answer/answer/?id={review.id}"
    assert address in home and "<script>alert" not in home and CANARY["main"] in home and SECRET not in home
    page = clerk.get(address)
    assert page.status_code == 200 and "<script>alert" not in page.text and SECRET not in page.text
    assert "answer-error" in clerk.post(address, answer=" ").text
    long = clerk.post(address, answer="α" * 1001)
    assert long.status_code == 200 and "answer-error" in long.text and "α" * 1001 in long.text
    assert clerk.post(address, answer=f"Ραντεβού {HOSTILE}").status_code == 302
    assert clerk.post(address, answer=f"Ραντεβού στις δέκα {HOSTILE}").status_code == 302, "changed while it is open"
    (kept,) = world.query(sa.select(AuditAnswer))
    assert kept.answer == f"Ραντεβού στις δέκα {HOSTILE}" and kept.by_id == world.users["caseworker.main"]
    home, details = supervisor.get("/admin/").text, supervisor.get(f"/admin/audit_entry/details/?id={seq}").text
    assert "Δόθηκε εξήγηση" in home and "Ραντεβού στις δέκα" in details and "<script>alert" not in details
    listed = "/admin/audit_entry/?flt0_review_is=QUESTION&flt1_answered_is="
    assert f"details/?id={seq}" in supervisor.get(listed + "1").text
    assert f'details/?id={seq}"' not in supervisor.get(listed + "0").text

    again = asked(world, seq, "Και ποιος το ζήτησε;")
    assert clerk.post(address, answer="άλλα").status_code == 200, "asked again: the first answer stays as it was"
    assert world.query(sa.select(AuditAnswer.answer)) == [kept.answer]
    assert clerk.post(f"/admin/audit_answer/answer/?id={again.id}", answer="Η μητέρα.").status_code == 302
    assert supervisor.post(f"/admin/audit_entry/review/?id={seq}", verdict="REVIEWED").status_code == 302
    closed = clerk.post(f"/admin/audit_answer/answer/?id={again.id}", answer="μετά")
    assert closed.status_code == 200 and "answer-error" in closed.text
    assert "μετά" not in world.query(sa.select(AuditAnswer.answer))
    assert address not in clerk.get("/admin/").text and "Η μητέρα." in clerk.get("/admin/audit_answer/").text
    assert 'href="/admin/audit_answer/"' in clerk.get("/profile").text, "and there it is still to be found"


def test_who_is_asked_about_a_search_reads_what_they_typed(world: World) -> None:
    clerk = world.client("caseworker.main")
    clerk.get("/admin/beneficiary/?search=Παπαδοπουλάκης")
    (entry,) = world.query(sa.select(AuditEntry).where(AuditEntry.details.contains("Παπαδοπουλάκης")))
    address = f"/admin/audit_answer/answer/?id={asked(world, entry.seq).id}"
    assert "Παπαδοπουλάκης" in clerk.get(address).text


def test_closed_questions_are_found_from_where_the_open_ones_are(world: World) -> None:
    """Closed by another verdict, with an answer or without; what was never asked, or asked again, is not."""
    closed, reopened, still_open, reviewed = (looked(world) for _n in range(4))
    supervisor = world.client("supervisor")
    for seq, *verdicts in ((closed, "QUESTION", "REVIEWED"), (reopened, "QUESTION", "REVIEWED", "QUESTION"),
                           (still_open, "QUESTION"), (reviewed, "REVIEWED")):  # fmt: skip
        for verdict in verdicts:
            address = f"/admin/audit_entry/review/?id={seq}"
            assert supervisor.post(address, verdict=verdict, comment="Γιατί;").status_code == 302
    listed = "/admin/audit_entry/?flt0_closed_is="
    assert f'href="{listed}1">Ερωτήσεις που έκλεισαν <span class="number">1<' in supervisor.get("/admin/").text
    found = {
        seq for seq in (closed, reopened, still_open, reviewed) if f'?id={seq}"' in supervisor.get(f"{listed}1").text
    }
    assert found == {closed}
    assert f'?id={closed}"' not in supervisor.get(f"{listed}0").text


def test_staff_see_and_answer_their_own_questions_alone(world: World) -> None:
    review = asked(world, looked(world), "Ερώτηση-καναρίνι")
    address = f"/admin/audit_answer/answer/?id={review.id}"
    for name in ("reception.main", "caseworker.roma", "mediator.main", "coordinator", "supervisor", "administrator"):
        other = world.client(name)
        for answer in (other.get(address), other.post(address, answer="στη θέση του")):
            missing = other.get("/admin/audit_answer/answer/?id=987654")
            assert answer.status_code == missing.status_code == 404 and "Ερώτηση-καναρίνι" not in answer.text, name
        for page in ("/admin/audit_answer/", "/admin/") if name != "supervisor" else ("/admin/audit_answer/",):
            assert "Ερώτηση-καναρίνι" not in other.get(page).text, name
    assert not world.query(sa.select(AuditAnswer.id))


def test_no_session_answers_for_another_or_reads_others_marks(world: World) -> None:
    """Below the screens: the guard and the criteria hold by themselves."""
    mine, theirs = asked(world, looked(world)), asked(world, looked(world, "caseworker.roma", "roma"))
    with world.app.app_context():
        user = db.session.get(User, world.users["caseworker.main"])
        policy.bind(db.session, policy.scope_of(user))
        assert list(db.session.scalars(sa.select(AuditReview.id))) == [mine.id]
        for by in ("caseworker.roma", "caseworker.main"):
            db.session.add(AuditAnswer(review_id=theirs.id, answer="x", by_id=world.users[by]))
            with pytest.raises((policy.Refused, policy.BadValue)):
                db.session.flush()
            db.session.rollback()
        with pytest.raises(policy.BadValue):
            oversight.answer(db.session, theirs.id, "x")


def test_the_name_of_a_record_stays_in_its_unit(world: World) -> None:
    """Whoever works elsewhere now is asked about their act without learning anew whom it was about."""
    looked(world)
    (seq,) = acted(world, {"at": at(WORK, 10), "unit_id": world.rows["roma"]["unit"], "subject_id": 1,
                           "subject_label": CANARY["roma"]})  # fmt: skip
    review = asked(world, seq)
    clerk = world.client("caseworker.main")
    for page in ("/admin/", "/admin/audit_answer/", f"/admin/audit_answer/answer/?id={review.id}"):
        text = clerk.get(page).text
        assert "Ωφελούμενος" in text and CANARY["roma"] not in text, page


# --- who watches ------------------------------------------------------------------------------------------------------


def test_supervisors_acts_are_for_the_coordinator(world: World) -> None:
    seq = looked(world)
    supervisor = world.client("supervisor")
    person = world.rows["main"]["beneficiary"]
    for page in (f"/admin/audit_entry/details/?id={seq}", f"/admin/oversight/person/?id={person}", "/admin/oversight/",
                 f"/admin/oversight/user/?id={world.users['coordinator']}", "/admin/audit_finding/"):  # fmt: skip
        watch = Watch(world)
        assert supervisor.get(page).status_code == 200
        assert [e.actor_id for e in watch.new()] == [world.users["supervisor"]], f"{page} was read unseen"
    coordinator, watch = world.client("coordinator"), Watch(world)
    page = coordinator.get("/admin/supervision/")
    assert page.status_code == 200 and "Χρήστης supervisor" in page.text and "Χρήστης caseworker" not in page.text
    theirs = world.query(sa.select(sa.func.count(AuditEntry.seq)).where(AuditEntry.actor_role == "supervisor"))
    assert f"{theirs[0]} εγγραφές" in page.text
    assert "audit_entry/details" not in page.text, "the trail itself is not the coordinator's"
    assert (AuditAction.SEARCH, "audit_entry") in {(e.action, e.subject_type) for e in watch.new()}
    for odd in ("?page=99999", "?page=-1", "?page=x"):
        assert coordinator.get(f"/admin/supervision/{odd}").status_code == 200
