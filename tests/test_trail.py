"""The trail: every act leaves its entry, nothing happens without one, and nobody can change what stands."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import re
from collections.abc import Callable
from html import escape, unescape
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import sqlalchemy as sa
from python_calamine import CalamineWorkbook

import audit
import authorizer
import policy
from db import db
from models import AuditEntry, AuditReview, Beneficiary, PersonDecision, Unit, User, Visit, today
from tests.answers import add, errors_of
from tests.walls import workbook_rows
from tests.world import CANARY, PASSWORD, SECRET, USERS, World, by_hand, keys_listed
from vocabulary import AuditAction, Role, Verdict

TODAY = f"{today():%d/%m/%Y}"


class Watch:
    """The entries made since it last looked."""

    def __init__(self, world: World) -> None:
        self.world, self.seen = world, 0
        self.new()

    def new(self) -> list[AuditEntry]:
        """Entries made since the last call."""
        found = self.world.query(sa.select(AuditEntry).where(AuditEntry.seq > self.seen).order_by(AuditEntry.seq))
        self.seen = max([self.seen, *(entry.seq for entry in found)])
        return found

    def only(self) -> AuditEntry:
        """The one entry made since the last call."""
        found = self.new()
        assert len(found) == 1, [(e.action.value, e.subject_type, e.subject_label) for e in found]
        return found[0]


def table(world: World) -> list[tuple[Any, ...]]:
    """The whole trail, as the database holds it."""
    with world.app.app_context(), by_hand().connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql("SELECT * FROM audit_entry ORDER BY seq")]


def signed_in(world: World) -> list[int]:
    """Acts of users: six signed in."""
    for username in USERS[:6]:
        world.client(username)
    return world.query(sa.select(AuditEntry.seq).where(AuditEntry.actor_id.is_not(None)).order_by(AuditEntry.seq))


def findings(world: World) -> list[str]:
    with world.app.app_context(), by_hand().connect() as connection:
        return list(audit.verify(connection))


# --- what is recorded -------------------------------------------------------------------------------------------------


def test_every_act_leaves_its_entry(world: World) -> None:
    watch, mine = Watch(world), world.rows["main"]
    browser = world.client("caseworker.main")
    actor = world.one(User, world.users["caseworker.main"])

    def expect(action: AuditAction, subject_type: str | None = None, subject_id: int | None = None) -> AuditEntry:
        entry = watch.only()
        assert (entry.action, entry.subject_type, entry.subject_id) == (action, subject_type, subject_id)
        assert (entry.actor_id, entry.actor_name, entry.actor_role) == (actor.id, str(actor), Role.CASEWORKER)
        assert entry.unit_id == mine["unit"] and entry.unit_name
        assert entry.ip == "127.0.0.1" and entry.session_ref and entry.request_id
        assert abs(dt.datetime.now(dt.UTC) - entry.at) < dt.timedelta(minutes=5)
        return entry

    expect(AuditAction.LOGIN, "user", actor.id)

    assert browser.submit("/admin/beneficiary/new/", last_name="Νεόφερτος", first_name="Άγγελος").status_code == 302
    (person,) = world.query(sa.select(Beneficiary).where(Beneficiary.last_name == "Νεόφερτος"))
    entry = expect(AuditAction.CREATE, "beneficiary", person.id)
    assert entry.person_id == person.id and entry.subject_label == "Νεόφερτος Άγγελος"
    assert audit.changes_of(entry)["last_name"] == [None, "Νεόφερτος"]

    key = mine["beneficiary"]
    old = world.one(Beneficiary, key).address
    assert browser.submit(f"/admin/beneficiary/edit/?id={key}", address="Άλλου 2").status_code == 302
    changed = [e for e in watch.new() if e.action != AuditAction.VIEW]
    assert [e.action for e in changed] == [AuditAction.UPDATE] and changed[0].person_id == key
    assert audit.changes_of(changed[0]) == {"address": [old, "Άλλου 2"]}

    sent = browser.post(f"/admin/referral/move/?id={mine['referral']}", to="SENT", on=TODAY, note="με κούριερ")
    assert sent.status_code == 302
    entry = expect(AuditAction.STATUS, "referral", mine["referral"])
    day = dt.datetime.strptime(TODAY, "%d/%m/%Y").date().isoformat()
    assert audit.changes_of(entry)["status"] == ["DRAFT", "SENT"] and entry.person_id == key
    assert audit.details_of(entry) == {"on": day, "note": "με κούριερ"}

    assert browser.get(f"/admin/beneficiary/details/?id={key}").status_code == 200
    assert expect(AuditAction.VIEW, "beneficiary", key).person_id == key
    for again in ("details", "edit", "details"):
        assert browser.get(f"/admin/beneficiary/{again}/?id={key}").status_code == 200
    assert not watch.new(), "whoever looked a moment ago at what it still holds is known to have looked"
    assert world.client("caseworker.main").get(f"/admin/beneficiary/details/?id={key}").status_code == 200
    signed_in, looked = watch.new()
    assert (signed_in.action, looked.action, looked.person_id) == (AuditAction.LOGIN, AuditAction.VIEW, key)

    assert browser.get(f"/admin/beneficiary/?search={CANARY['main']}&flt0_area_contains=x").status_code == 200
    details = audit.details_of(expect(AuditAction.SEARCH, "beneficiary"))
    assert details["search"] == CANARY["main"] and details["filters"][0].endswith(" x")

    download = browser.get(f"/admin/beneficiary/export/xlsx/?flt0_last_name_is={CANARY['main']}")
    assert download.status_code == 200
    exported = [e for e in watch.new() if e.action == AuditAction.EXPORT]
    details = audit.details_of(exported[0])
    assert len(exported) == 1 and details["rows"] == 1 and details["filters"][0].endswith(CANARY["main"])
    assert details["sha256"] == hashlib.sha256(download.data).hexdigest()
    download.close()
    assert "Επώνυμο" in details["columns"] and len(details["columns"]) > 20

    old_request = world.one(Visit, mine["visit"]).request
    assert browser.post("/admin/visit/delete/", id=mine["visit"]).status_code == 302
    entry = expect(AuditAction.DELETE, "visit", mine["visit"])
    assert audit.changes_of(entry)["request"] == [old_request, None] and entry.person_id == key

    assert browser.get("/admin/user/").status_code == 403
    expect(AuditAction.REFUSED, "user")
    foreign = world.rows["roma"]["beneficiary"]
    assert browser.get(f"/admin/beneficiary/details/?id={foreign}").status_code == 404
    entry = expect(AuditAction.REFUSED, "beneficiary")
    assert audit.details_of(entry) == {"id": str(foreign)} and entry.person_id is None

    assert browser.submit("/password", current=PASSWORD, new=PASSWORD + "!", again=PASSWORD + "!").status_code == 302
    expect(AuditAction.UPDATE, "user", actor.id)

    assert browser.post("/logout").status_code == 302
    expect(AuditAction.LOGOUT)
    assert findings(world) == []


def test_failed_sign_ins_are_recorded_without_the_name_that_was_typed(world: World) -> None:
    watch, browser = Watch(world), world.client()
    browser.post("/login", username="κωδικός-στο-λάθος-κουτί", password="x")
    entry = watch.only()
    assert (entry.action, entry.actor_id, entry.subject_id) == (AuditAction.LOGIN_FAILED, None, None)
    assert "λάθος-κουτί" not in str(table(world)[-1])
    browser.post("/login", username="supervisor", password="x")
    entry = watch.only()
    assert (entry.action, entry.subject_id) == (AuditAction.LOGIN_FAILED, world.users["supervisor"])


def test_one_event_is_one_entry_whatever_it_holds(world: World) -> None:
    """CRLF, escapes, text direction and NUL in what comes from outside forge no entry (ASVS 16.4.1)."""
    watch, browser = Watch(world), world.client("caseworker.main")
    watch.new()
    for evil in ("a\r\nentry 99: forged", "\x1b[2J\x1b]0;x\x07", "\u202egnorw\u202c", "x\0y", "{}', 'b'); --"):
        assert browser.get("/admin/beneficiary/", query_string={"search": evil}).status_code == 200
        assert watch.only().action == AuditAction.SEARCH
        browser.get("/admin/beneficiary/details/", query_string={"id": evil})
        assert watch.only().action == AuditAction.REFUSED
    assert findings(world) == []


def test_protected_values_are_never_in_the_trail_in_clear(world: World) -> None:
    mine, browser = world.rows["main"], world.client("caseworker.main")
    edit = f"/admin/beneficiary/edit/?id={mine['beneficiary']}"
    assert browser.submit(edit, health_notes=f"{SECRET} νέο", ethnic_roma="NO").status_code == 302
    (entry,) = world.query(
        sa.select(AuditEntry).where(AuditEntry.action == AuditAction.UPDATE, AuditEntry.subject_type == "beneficiary")
    )
    assert {"health_notes", "ethnic_roma"} <= set(audit.changes_of(entry))
    created = world.query(sa.select(AuditEntry).where(AuditEntry.action == AuditAction.CREATE))
    told = [audit.changes_of(each).get("ethnic_roma", [])[1:] for each in created if each.subject_type == "beneficiary"]
    assert len(told) == 2 and told[0] != told[1], "the same answer of two people does not look the same"
    for pair in audit.changes_of(entry).values():
        assert all(value is None or str(value).startswith(audit.PROTECTED) for value in pair), pair
    note = f"/admin/case_note/new/?beneficiary_id={mine['beneficiary']}"
    assert browser.submit(note, beneficiary_id=str(mine["beneficiary"]), body=f"{SECRET} δύο").status_code == 302
    browser.get(f"/admin/case_note/details/?id={mine['case_note']}")
    browser.get("/admin/beneficiary/", query_string={"flt0_health_notes_contains": SECRET})
    browser.get("/admin/beneficiary/", query_string={"flt0_ethnic_roma_is": "DECLINED"})
    browser.get("/admin/beneficiary/export/xlsx/", query_string={"flt0_ethnic_roma_is": "DECLINED"}).close()
    assert (
        browser.submit(
            "/password", current=PASSWORD, new=f"{SECRET}-{PASSWORD}", again=f"{SECRET}-{PASSWORD}"
        ).status_code
        == 302
    )
    rows = [str(row) for row in table(world)]
    for word in (SECRET, SECRET.lower(), PASSWORD, "$argon2"):
        assert [row for row in rows if word in row] == [], f"{word} stands in the trail"


def test_rows_that_go_with_another_leave_their_own_entries(world: World) -> None:
    """Nothing vanishes unseen, neither by cascade nor in bulk: what is gone has its entry."""
    browser, shared = world.client("coordinator"), world.rows["shared"]
    before = {m: world.query(sa.select(m)) for m in audit_models()}
    for name, key in (("partner", shared["partner"]), *((n, world.rows["main"][n]) for n in DELETABLE)):
        browser.post(f"/admin/{name}/delete/", id=key)
        browser.post(f"/admin/{name}/action/", action="delete", rowid=key)
    gone = {
        (e.subject_type, e.subject_id) for e in world.query(sa.select(AuditEntry)) if e.action == AuditAction.DELETE
    }
    for model, rows in before.items():
        left = {row.id for row in world.query(sa.select(model))}
        for row in rows:
            assert row.id in left or (model.__tablename__, row.id) in gone, f"{row!r} vanished without an entry"
    assert gone


DELETABLE = ("household", "event", "application", "referral", "volunteer", "item", "visit", "beneficiary")


def audit_models() -> list[Any]:
    from db import Base, Record
    from models import Step

    models = [m.class_ for m in Base.registry.mappers]
    return [m for m in models if issubclass(m, Record) and not issubclass(m, Step) and m is not AuditReview]


# --- what cannot be recorded does not happen --------------------------------------------------------------------------

BREAK = {
    "sqlite": ["CREATE TRIGGER broken BEFORE INSERT ON audit_entry BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"],
    "postgresql": [
        "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$",
        "CREATE TRIGGER broken BEFORE INSERT ON audit_entry FOR EACH ROW EXECUTE FUNCTION broken()",
    ],
}


def run(world: World, *statements: str) -> None:
    with world.app.app_context(), by_hand().begin() as connection, authorizer.lifted(connection):
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_the_same_search_is_one_act_and_another_is_another(world: World) -> None:
    """Though the trail withholds what was asked of a protected column, it tells that something else was asked."""
    browser, watch = world.client("caseworker.main"), Watch(world)
    watch.new()
    for asked, entries in (("YES", 1), ("YES", 0), ("NO", 1), ("YES&page=1", 0), ("NO&sort=0", 0)):
        assert browser.get(f"/admin/beneficiary/?flt0_ethnic_roma_is={asked}").status_code == 200
        assert [entry.action for entry in watch.new()] == [AuditAction.SEARCH] * entries, asked


def test_what_cannot_be_recorded_does_not_happen(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(world.app.config, "PROPAGATE_EXCEPTIONS", False)
    mine, browser = world.rows["main"], world.client("caseworker.main")
    edit = f"/admin/beneficiary/edit/?id={mine['beneficiary']}"
    form, blank = browser.form(edit), browser.form("/admin/beneficiary/new/")
    stranger = world.client()
    stranger.get("/login")
    run(world, *BREAK[world.dialect])
    before, trail = all_rows(world), table(world)

    tried: dict[str, Callable[[], Any]] = {
        "view": lambda: browser.get(f"/admin/household/details/?id={mine['household']}"),
        "search": lambda: browser.get(f"/admin/beneficiary/?search={CANARY['main'][:5]}"),
        "export": lambda: browser.get("/admin/beneficiary/export/xlsx/"),
        "edit": lambda: browser.post(edit, {**form, "address": f"{CANARY['main']} 77", "health_notes": f"{SECRET} 7"}),
        "create": lambda: browser.post("/admin/beneficiary/new/", {**blank, "last_name": "Νέα", "first_name": "Νέα"}),
        "delete": lambda: browser.post("/admin/visit/delete/", id=mine["visit"]),
        "bulk": lambda: browser.post("/admin/visit/action/", action="delete", rowid=mine["visit"]),
        "status": lambda: browser.post(f"/admin/referral/move/?id={mine['referral']}", to="SENT", on=TODAY),
        "refused": lambda: browser.get("/admin/user/"),
        "foreign": lambda: browser.get(f"/admin/beneficiary/details/?id={world.rows['roma']['beneficiary']}"),
        "password": lambda: browser.post("/password", current=PASSWORD, new=PASSWORD * 2, again=PASSWORD * 2),
        "failed sign-in": lambda: stranger.post("/login", username="supervisor", password="x"),
        "sign-in": lambda: stranger.post("/login", username="supervisor", password=PASSWORD),
        "sign-out": lambda: browser.post("/logout"),
    }
    for name, act in tried.items():
        answer = act()
        assert answer.status_code == 500, f"{name} was answered {answer.status_code}"
        assert answer.mimetype == "text/html" and 'lang="el"' in answer.text and "500" in answer.text, name
        for word in (CANARY["main"], SECRET, "Traceback", "audit_entry", "INSERT", "the disk is full"):
            assert word not in answer.text, f"{name}: the page says {word}"
        assert "no-store" in answer.headers["Cache-Control"] and "Content-Security-Policy" in answer.headers, name
        assert all_rows(world) == before, f"{name} changed something"
    assert table(world) == trail
    assert stranger.get("/admin/").status_code == 302, "the sign-in holds though it was not recorded"
    assert caplog.records, "a failure of the trail is not told to whoever runs the server"
    for word in (SECRET, CANARY["main"], PASSWORD):
        assert word not in caplog.text, f"the technical log holds {word}"


def all_rows(world: World) -> dict[str, list[tuple[Any, ...]]]:
    """Every table but the trail; when sessions were last seen does not count."""
    from db import Base

    with world.app.app_context(), by_hand().connect() as connection:
        tables = [t for t in Base.metadata.sorted_tables if not t.name.startswith("audit_")]
        return {
            t.name: [
                tuple(r)
                for r in connection.execute(
                    sa.select(*(c for c in t.c if c.name != "seen_at")).order_by(*t.primary_key)
                )
            ]
            for t in tables
        }


# --- nobody changes it ------------------------------------------------------------------------------------------------


def test_no_role_and_no_route_changes_the_trail(world: World) -> None:
    rules = [r for r in world.app.url_map.iter_rules() if r.endpoint.startswith("audit_entry.") and "POST" in r.methods]
    assert len(rules) >= 5
    trail = table(world)
    for name in ("reception.main", "caseworker.main", "mediator.main", "coordinator", "supervisor", "administrator"):
        browser = world.client(name)
        for rule in rules:
            url = re.sub(r"<[^>]*>", "xlsx", rule.rule)
            for data in (
                {"id": "1", "to": "SENT"},
                {"rowid": "1", "action": "delete"},
                {"action": "review", "rowid": "1"},
            ):
                answer = browser.post(f"{url}?id=1", {**data, "actor_name": "x", "list_form_pk": "1", "version": "1"})
                allowed = name == "supervisor" and rule.endpoint in (
                    "audit_entry.review_view",
                    "audit_entry.action_view",
                )
                expected = (200, 302, 404) if allowed else (403,)  # 200: the form again, with what is wrong with it
                assert answer.status_code in expected, f"{name} {rule.rule} {data}: {answer.status_code}"
        assert table(world)[: len(trail)] == trail, f"{name} changed the trail"
    assert findings(world) == []
    authors = {review.by_id for review in world.query(sa.select(AuditReview))}
    assert authors == {world.users["supervisor"]}


@pytest.mark.parametrize("role", [None, "coordinator", "supervisor", "administrator"])
def test_a_session_takes_no_change_of_the_trail(world: World, role: str | None) -> None:
    with world.app.app_context():
        policy.bind(db.session, policy.SYSTEM)
        user = role and db.session.get(User, world.users[role])
        policy.bind(db.session, policy.scope_of(user) if user else policy.SYSTEM)
        entry = db.session.scalars(sa.select(AuditEntry).execution_options(populate_existing=True)).first()
        if entry is None:  # whoever does not read the trail cannot load an entry to begin with
            assert role in ("administrator",) and db.session.scalar(sa.select(sa.func.count(Unit.id)))
            return
        for spoil in (lambda: setattr(entry, "actor_name", "x"), lambda: db.session.delete(entry)):
            spoil()
            with pytest.raises((policy.Refused, sa.exc.DBAPIError)):
                db.session.flush()
            db.session.rollback()
    assert findings(world) == []


def test_the_database_itself_refuses(world: World) -> None:
    attacks = [
        "UPDATE audit_entry SET actor_name = 'x' WHERE seq = 1",
        "DELETE FROM audit_entry",
        "DELETE FROM audit_entry WHERE seq = 1",
    ]
    if world.dialect == "sqlite":
        attacks.append("INSERT OR REPLACE INTO audit_entry SELECT * FROM audit_entry WHERE seq = 1")
    else:
        attacks.append("TRUNCATE audit_entry CASCADE")
    trail = table(world)
    for attack in attacks:
        with pytest.raises(sa.exc.DBAPIError, match="append-only"):
            run(world, attack)
    assert table(world) == trail


# --- reading ----------------------------------------------------------------------------------------------------------


def test_a_sentence_says_the_kind_once() -> None:
    said = {"action": AuditAction.VIEW, "actor_name": "Άννα", "subject_type": "visit", "subject_id": 7, "salt": "x"}
    for label, told in (("Επίσκεψη 7", "«Επίσκεψη 7»"), ("Δοκιμίδου Εύα", "Επίσκεψη «Δοκιμίδου Εύα»")):
        assert audit.sentence(AuditEntry(**said, subject_label=label)).endswith(f": {told}")


def sentences(html: str) -> list[str]:
    """What the list says happened, row by row."""
    body = html.split("<tbody", 1)[1].split("</tbody>", 1)[0] if "<tbody" in html else ""
    rows = re.findall(r"<tr>(.*?)</tr>", body, re.S)
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", row)).split()) for row in rows]


def test_the_supervisor_reads_by_person_user_unit_day_kind(world: World) -> None:
    mine = world.rows["main"]
    caseworker, mediator = world.client("caseworker.main"), world.client("mediator.roma")
    assert (
        caseworker.submit(f"/admin/beneficiary/edit/?id={mine['beneficiary']}", last_name="Πρωηναλλη").status_code
        == 302
    )
    caseworker.get(f"/admin/visit/details/?id={mine['visit']}")
    mediator.get(f"/admin/beneficiary/details/?id={world.rows['roma']['beneficiary']}")
    browser = world.client("supervisor")

    def listed(**filters: Any) -> list[str]:
        args = "&".join(f"flt{n}_{name}={quote(str(value))}" for n, (name, value) in enumerate(filters.items()))
        answer = browser.get(f"/admin/audit_entry/?{args}&page_size=100")
        assert answer.status_code == 200
        return sentences(answer.text)

    everything = listed()
    assert len(everything) > 20
    by_id = listed(person_id_is=mine["beneficiary"])
    assert by_id and any("Πρωηναλλη" in line for line in by_id)
    for name in ("Πρωηναλλη", CANARY["main"], "proinalli"):
        assert listed(person_contains=name) == by_id, f"by the name {name}: the present, the former, in Latin letters"
    assert any(str(world.one(Visit, mine["visit"]).label) in line for line in by_id), "acts on what hangs on the person"
    of_two = str(PersonDecision.label)  # names both records that were compared
    assert not any(CANARY["roma"] in line for line in by_id if of_two not in line)
    assert listed(person_contains="Κανένας") == []

    by_user = listed(actor_name_contains="caseworker.main", action_is="view")
    assert by_user and all("Χρήστης caseworker.main" in line for line in by_user)
    assert listed(actor_id_is=world.users["caseworker.main"], action_is="view") == by_user
    (unit,) = {
        e.unit_name
        for e in world.query(sa.select(AuditEntry))
        if e.unit_id == world.rows["roma"]["unit"] and e.unit_name
    }
    by_unit = listed(unit_id_is=world.rows["roma"]["unit"], action_is="view")
    assert by_unit and listed(unit_name_contains=unit, action_is="view") == by_unit
    assert all("mediator.roma" in line for line in by_unit)
    assert listed(at_is=TODAY)[-1:] == listed()[-1:] and listed(at_to="01/01/2020") == []
    kinds = listed(subject_type_is="visit")
    assert kinds and all("Επίσκεψη" in line for line in kinds)


def test_the_difference_is_told_in_words(world: World) -> None:
    mine, caseworker = world.rows["main"], world.client("caseworker.main")
    old = world.one(Beneficiary, mine["beneficiary"])
    edit = f"/admin/beneficiary/edit/?id={mine['beneficiary']}"
    changed = caseworker.submit(edit, address="Καινούργια 9", born_on="01/02/1980", health_notes="άλλο")
    assert changed.status_code == 302
    (entry,) = world.query(
        sa.select(AuditEntry).where(AuditEntry.action == AuditAction.UPDATE, AuditEntry.subject_type == "beneficiary")
    )
    supervisor = world.client("supervisor")
    (line,) = sentences(supervisor.get(f"/admin/audit_entry/?flt0_entry_among={entry.seq}").text)
    assert f"άλλαξε: Ωφελούμενος/η «{old}»" in line and f"Διεύθυνση: {old.address} → Καινούργια 9" in line
    page = supervisor.get(f"/admin/audit_entry/details/?id={entry.seq}").text
    for text in ("Διεύθυνση", str(old.address), "Καινούργια 9", f"{old.born_on:%d/%m/%Y}", "01/02/1980"):
        assert text in unescape(page), f"{text} is not told"
    assert "άλλο" not in page and "hmac:" not in page
    assert f"/admin/beneficiary/details/?id={mine['beneficiary']}" in page

    person = supervisor.get(f"/admin/beneficiary/details/?id={mine['beneficiary']}").text
    assert f"/admin/audit_entry/?flt0_person_id_is={mine['beneficiary']}" in person, (
        "the way to all acts about the person"
    )
    history = caseworker.get(f"/admin/beneficiary/details/?id={mine['beneficiary']}").text.split('id="history"')[1]
    assert "Καινούργια 9" in history and "Στοιχεία υγείας" in history
    assert "άλλο" not in history and "hmac:" not in history
    reception = world.client("reception.main").get(f"/admin/beneficiary/details/?id={mine['beneficiary']}").text
    assert "Καινούργια 9" in reception and "Στοιχεία υγείας" not in reception


def test_every_record_has_its_history(world: World) -> None:
    """One row of every kind: changed by its form, it tells so on its own page."""
    browser = world.client("coordinator")
    screens = [
        r.endpoint.partition(".")[0] for r in world.app.url_map.iter_rules() if r.endpoint.endswith(".details_view")
    ]
    told = []
    for name in set(screens) & (set(world.rows["main"]) | set(world.rows["shared"])):
        key = world.rows["main"].get(name) or world.rows["shared"].get(name)
        answer = browser.get(f"/admin/{name}/details/?id={key}")
        if answer.status_code == 200:
            assert 'id="history"' in answer.text, f"{name} has no history tab"
            told.append(name)
    assert len(told) > 12


# --- reviewing --------------------------------------------------------------------------------------------------------


def test_who_asks_for_an_explanation_says_of_what(world: World) -> None:
    browser, seq = world.client("supervisor"), signed_in(world)[0]
    for comment in ("", "  ", "\0"):
        answer = browser.post(f"/admin/audit_entry/review/?id={seq}", verdict="QUESTION", comment=comment)
        assert answer.status_code == 200 and set(errors_of(answer.text)) == {"comment"}, repr(comment)
        assert '<option value="QUESTION" selected>' in answer.text
    assert world.query(sa.select(AuditReview)) == []
    assert browser.post(f"/admin/audit_entry/review/?id={seq}", verdict="REVIEWED", comment="").status_code == 302


def test_nobody_is_asked_of_what_no_user_did(world: World) -> None:
    browser = world.client("supervisor")
    own = world.query(sa.select(AuditEntry.seq).where(AuditEntry.actor_id.is_(None)))[0]
    others = sa.select(AuditEntry.seq).where(AuditEntry.actor_id.is_not(None))
    assert '"QUESTION"' not in browser.get(f"/admin/audit_entry/details/?id={own}").text
    assert '"QUESTION"' in browser.get(f"/admin/audit_entry/details/?id={world.query(others)[0]}").text
    answer = browser.post(f"/admin/audit_entry/review/?id={own}", verdict="QUESTION", comment="Γιατί;")
    assert set(errors_of(answer.text)) == {"verdict"} and not world.query(sa.select(AuditReview))
    drawn = keys_listed(browser.get(browser.get("/admin/audit_entry/sample/").headers["Location"]).text)
    assert drawn and set(drawn) <= set(world.query(others))
    waiting = keys_listed(browser.get("/admin/audit_entry/?flt0_review_is=none&page_size=100").text)
    assert waiting and own not in waiting, "nor does it wait for review"
    # One that was asked before this rule is closed all the same.
    asked = {"asked_id": world.users["caseworker.main"], "by_id": world.users["supervisor"]}
    add(world, AuditReview(entry_seq=own, verdict=Verdict.QUESTION, comment="Γιατί;", **asked))
    assert re.search(r'value="REVIEWED" selected', browser.get(f"/admin/audit_entry/details/?id={own}").text)


def test_a_sample_is_reviewed_entry_by_entry(world: World) -> None:
    browser, (_own, *seqs) = world.client("supervisor"), signed_in(world)[:4]  # one's own another one closes
    sample = f"/admin/audit_entry/?flt0_entry_among={','.join(map(str, seqs))}"
    listed = browser.get(sample).text
    assert "3 ενέργειες" in listed and f"<strong>{seqs[0]}" not in listed
    here, seen = seqs[1], []
    while here:
        page = browser.get(f"/admin/audit_entry/details/?id={here}&url={quote(sample)}").text
        assert f'<a href="{escape(sample)}">' in page, "the way back to the sample"
        seen.append(here)
        answer = browser.post(
            f"/admin/audit_entry/review/?id={here}", verdict="QUESTION", comment="Γιατί;", data={"url": sample}
        )
        target = parse_qs(urlsplit(answer.headers["Location"]).query)
        here = int(target["id"][0]) if "id" in target else 0
    assert seen == [seqs[1], seqs[0], seqs[2]], "downwards from where one is, then from the top"
    assert answer.headers["Location"] == sample
    again = browser.get(f"/admin/audit_entry/details/?id={seqs[0]}").text
    assert '<option value="QUESTION" selected>' in again, "the verdict stands as it was given"
    for odd in ("/admin/audit_entry/?flt0_entry_among=abc", "/admin/audit_entry/"):
        answer = browser.post(
            f"/admin/audit_entry/review/?id={seqs[0]}", verdict="REVIEWED", comment="", data={"url": odd}
        )
        assert answer.status_code == 302 and f"id={seqs[0]}" in answer.headers["Location"], odd


FILTERS = {
    "flt0_status_in=DRAFT|SENT": "Κατάσταση είναι ένα από Πρόχειρη, Εστάλη",
    "flt0_due_on_between=01/01/2026 to 31/12/2026": "01/01/2026 – 31/12/2026",
    "flt0_unit_id_is={unit}": "Μονάδα είναι {name}",
    "flt0_reason_contains=a to b": "a to b",
    "flt0_beneficiary_id_is={beneficiary}": " είναι {beneficiary}",
}
"""What is asked of referrals, and what is kept of it: words as above the list, but people by number."""


def test_what_was_filtered_by_is_kept_as_the_list_says_it(world: World) -> None:
    browser, here, watch = world.client("caseworker.main"), world.rows["main"], Watch(world)
    name = world.one(Unit, here["unit"]).name
    for asked, told in FILTERS.items():
        query, said = asked.format(**here), told.format(**here, name=name)
        assert browser.get(f"/admin/referral/?{query}").status_code == 200
        kept = audit.details_of(watch.new()[-1])
        assert kept["filters"][0].endswith(said), query
        assert kept["words"] == ([said] if "contains" in asked else []), "what was typed, which may be a name"
        assert said in str(workbook_rows(browser.get(f"/admin/referral/export/xlsx/?{query}"))), query
    supervisor = world.client("supervisor")
    kept = {
        "unit_id_is={unit}": name,
        "person_id_is={beneficiary}": "είναι {beneficiary}",
        "sample_is=2026-10": "10/2026",
    }
    for asked, told in kept.items():
        supervisor.get(f"/admin/audit_entry/?flt0_{asked.format(**here)}")
        assert audit.details_of(watch.new()[-1])["filters"][0].endswith(told.format(**here)), asked


def test_numbers_in_filters_and_entries_are_told_by_name(world: World) -> None:
    person, by = world.rows["main"]["beneficiary"], world.users["caseworker.main"]
    world.client("caseworker.main").get(f"/admin/beneficiary/details/?id={person}")
    browser = world.client("supervisor")
    page = browser.get(f"/admin/audit_entry/?flt0_person_id_is={person}&flt1_actor_id_is={by}").text
    chips = re.findall(r"<strong>(.*?)</strong>", page[page.index('class="chips"') :])
    assert chips[0].startswith(CANARY["main"]) and chips[1] == "Χρήστης caseworker.main"
    entry = browser.get(f"/admin/audit_entry/details/?id={keys_listed(page)[0]}").text
    labels = re.findall(r"<dt>(.*?)</dt>", entry)
    assert not [label for label in labels if label.startswith("Αρ. ")], labels
    assert "Ωφελούμενος/η" in labels
    foreign = world.client("caseworker.main")
    other = world.rows["roma"]["beneficiary"]
    listed = foreign.get(f"/admin/visit/?flt0_beneficiary_id_is={person}").text
    assert f"<strong>{CANARY['main']}" in listed
    assert f"<strong>{other}</strong>" in foreign.get(f"/admin/visit/?flt0_beneficiary_id_is={other}").text


def test_no_name_of_the_application_s_own_is_told(world: World) -> None:
    """Whatever a page or a table is called inside: in sentences and in the workbook it bears its label."""
    inside = {rule.endpoint.partition(".")[0] for rule in world.app.url_map.iter_rules()}
    inside |= {line.split()[0] for line in policy.TABLE.strip().splitlines()[1:]} | {"login"}
    with world.app.app_context():
        unnamed = {name for name in inside if audit.kind_called(name) == name}
    assert unnamed == {"static", "asset", "healthz", "accessibility"}, "these are open to all"
    world.client("reception.main").get("/admin/referral_received/")
    supervisor = world.client("supervisor")
    told = "Χρήστης reception.main δεν έλαβε πρόσβαση: Παραπομπές που λάβαμε"
    assert told in unescape(re.sub("<[^>]+>", "", supervisor.get("/admin/").text))
    with supervisor.get("/admin/audit_entry/export/xlsx/") as answer:
        head, *rows = CalamineWorkbook.from_filelike(io.BytesIO(answer.data)).get_sheet_by_index(1).to_python()
    kinds = {row[head.index("Είδος")] for row in rows}
    assert "Παραπομπές που λάβαμε" in kinds and not kinds & inside


def test_reviews_stand_beside_the_entries(world: World) -> None:
    browser, seqs = world.client("supervisor"), signed_in(world)[1:]
    trail = table(world)
    answer = browser.post(f"/admin/audit_entry/review/?id={seqs[0]}", verdict="QUESTION", comment="Γιατί; <b>")
    assert answer.status_code == 302
    page = browser.get(answer.headers["Location"]).text
    assert "Χρειάζεται εξήγηση" in page and "Γιατί; &lt;b&gt;" in page and "Χρήστης supervisor" in page
    assert (
        browser.post(
            "/admin/audit_entry/action/", {"action": "review", "rowid": [str(s) for s in seqs[1:4]]}
        ).status_code
        == 302
    )

    def numbers(**filters: Any) -> list[int]:
        args = "&".join(f"flt{n}_{name}={value}" for n, (name, value) in enumerate(filters.items()))
        page = browser.get(f"/admin/audit_entry/?{args}").text
        return sorted(keys_listed(page))

    drawn = ",".join(map(str, seqs))
    assert numbers(entry_among=drawn) == seqs
    assert numbers(entry_among=drawn, review_is="REVIEWED") == seqs[1:4]
    assert numbers(entry_among=drawn, review_is="QUESTION") == seqs[:1]
    assert numbers(entry_among=drawn, review_is="none") == seqs[4:]
    listed = sentences(browser.get(f"/admin/audit_entry/?flt0_entry_among={drawn}").text)
    assert (
        sum("Ελέγχθηκε" in line for line in listed) == 3 and sum("Χρειάζεται εξήγηση" in line for line in listed) == 1
    )

    browser.post(f"/admin/audit_entry/review/?id={seqs[0]}", verdict="REVIEWED", comment="Εξηγήθηκε.")
    assert numbers(entry_among=drawn, review_is="REVIEWED") == seqs[:4], "the last word counts"
    assert len(world.query(sa.select(AuditReview).where(AuditReview.entry_seq == seqs[0]))) == 2, "the first one stands"
    refused = browser.post(f"/admin/audit_entry/review/?id={seqs[0]}", verdict="NONE")
    assert refused.status_code == 200 and set(errors_of(refused.text)) == {"verdict"}
    assert browser.post("/admin/audit_entry/review/?id=999999", verdict="REVIEWED").status_code == 404
    assert table(world)[: len(trail)] == trail and findings(world) == []
    marks = world.query(sa.select(AuditEntry).where(AuditEntry.subject_type == "audit_review"))
    assert len(marks) == 5, "marks are acts too"


def test_a_sample_is_drawn_of_what_nobody_reviewed(world: World) -> None:
    browser, caseworker = world.client("supervisor"), world.client("caseworker.main")
    for number in range(40):
        caseworker.get(f"/admin/visit/?search={number}")
    assert "/admin/audit_entry/sample/" in browser.get("/admin/audit_entry/").text

    def draw() -> list[int]:
        address = browser.get("/admin/audit_entry/sample/").headers["Location"]
        page = browser.get(address).text
        shown = keys_listed(page)
        assert keys_listed(browser.get(address).text) == shown, "the draw stays"
        return shown

    first, second = draw(), draw()
    assert len(first) == len(second) == 20 and first != second
    browser.post("/admin/audit_entry/action/", {"action": "review", "rowid": [str(n) for n in first]})
    assert not set(first) & {*draw(), *draw(), *draw()}


def test_the_export_of_the_trail_is_itself_recorded(world: World) -> None:
    caseworker, person = world.client("caseworker.main"), world.rows["main"]["beneficiary"]
    caseworker.submit(f"/admin/beneficiary/edit/?id={person}", address="Καινούργια 9")
    browser, watch = world.client("supervisor"), Watch(world)
    changes = browser.get("/admin/audit_entry/export/xlsx/?flt0_action_is=update&flt1_subject_type_is=beneficiary")
    book = CalamineWorkbook.from_filelike(io.BytesIO(changes.data))
    changes.close()
    cells = " ".join(
        str(cell) for name in book.sheet_names for row in book.get_sheet_by_name(name).to_python() for cell in row
    )
    assert "άλλαξε: Ωφελούμενος/η" in cells and "→ Καινούργια 9" in cells, "the sentence and the difference are in it"
    watch.new()
    download = browser.get("/admin/audit_entry/export/xlsx/?flt0_action_is=create")
    assert download.status_code == 200 and download.mimetype.endswith("sheet")
    exported = [e for e in watch.new() if e.action == AuditAction.EXPORT]
    created = world.query(sa.select(AuditEntry).where(AuditEntry.action == AuditAction.CREATE))
    details = audit.details_of(exported[0])
    assert (exported[0].subject_type, details["rows"]) == ("audit_entry", len(created))
    assert details["sha256"] == hashlib.sha256(download.data).hexdigest()
    download.close()
    browser.get("/admin/audit_entry/details/?id=1")
    assert watch.only().action == AuditAction.VIEW, "reading the trail is an act too"


def test_a_form_that_names_a_person_is_a_look_at_the_person(world: World) -> None:
    """Numbers can be counted up in addresses; from the person's own page it is the same act (0014)."""
    person = world.rows["main"]["beneficiary"]
    looks = sa.select(AuditEntry.subject_label).where(
        AuditEntry.action == AuditAction.VIEW, AuditEntry.person_id == person
    )
    browser = world.client("reception.main")
    for path in ("/admin/visit/new/", "/admin/appointment/new/"):
        assert browser.get(f"{path}?beneficiary_id={person}").status_code == 200
    assert len(world.query(looks)) == 1
    assert browser.get(f"/admin/visit/new/?beneficiary_id={world.rows['roma']['beneficiary']}").status_code == 200
    assert len(world.query(looks)) == 1, "a foreign one names nobody"
    other = world.client("caseworker.main")
    refused = other.submit("/admin/visit/new/", beneficiary_id=person, request="")
    assert refused.status_code == 200 and CANARY["main"] in refused.text
    assert len(world.query(looks)) == 2, "nor does sending it go by unseen"


def test_people_are_offered_filters_by_name_and_none_by_a_rows_number(world: World) -> None:
    offered = world.client("supervisor").get("/admin/audit_entry/filters/").json
    arguments = " ".join(each["arg"] for group in offered.values() for each in group)
    assert "actor_name" in arguments and "person_contains" in arguments
    assert re.findall(r"(?:actor|unit|subject|person)_id", arguments) == []
