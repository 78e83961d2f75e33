"""One person in two units: hashes made at every save, pairs that only the coordinator sees, one count in reports."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa

import matching
import policy
import reports
from db import begin_write, db
from models import AuditEntry, Beneficiary, PersonDecision, PersonToken, Unit, User, Visit
from seed import builders
from tests.answers import add, new_person
from tests.walls import assert_untouched, plain, session_of, state_of, system_session
from tests.world import World, counted
from vocabulary import AuditAction, SamePerson, Sex, TokenKind, UnitKind

BORN = dt.date(1980, 5, 5)
AMKA = builders.amka(BORN, Sex.F, 77)


def person(world: World, code: str, **over: Any) -> int:
    """Somebody in this unit without any number, unless it is said."""
    said = {"amka": None, "afm": None, "paaypa": None, "id_document": None, "sex": Sex.F, "born_on": BORN}
    row = builders.beneficiary(Unit(id=world.rows[code]["unit"]), **said | over)
    for name, value in (said | over).items():
        setattr(row, name, value)
    return add(world, row)


def kinds(world: World, key: int) -> set[TokenKind]:
    return set(world.query(sa.select(PersonToken.kind).where(PersonToken.beneficiary_id == key)))


def pairs(world: World) -> dict[tuple[int, int], set[TokenKind]]:
    with session_of(world, "coordinator") as session:
        return {pair[:2]: set(pair.agree) for pair in matching.pairs(session)}


# --- hashes -----------------------------------------------------------------------------------------------------------


def test_every_save_makes_the_hashes_anew(world: World) -> None:
    browser = world.client("caseworker.main")
    key = person(world, "main", amka=AMKA)
    assert kinds(world, key) == {TokenKind.AMKA, TokenKind.NAME}
    before = world.query(sa.select(PersonToken.token).where(PersonToken.beneficiary_id == key).order_by("kind"))
    answer = browser.submit(f"/admin/beneficiary/edit/?id={key}", amka="", afm=builders.afm(4711), last_name="Άλλου")
    assert answer.status_code == 302
    assert kinds(world, key) == {TokenKind.AFM, TokenKind.NAME}
    after = world.query(sa.select(PersonToken.token).where(PersonToken.beneficiary_id == key))
    assert not set(before) & set(after)
    assert browser.submit(f"/admin/beneficiary/edit/?id={key}", born_on="").status_code == 302
    assert kinds(world, key) == {TokenKind.AFM}, "a name alone tells nobody apart"


def test_hashes_say_nothing_without_the_key(world: World) -> None:
    key = person(world, "main", amka=AMKA)
    kept = world.query(sa.select(PersonToken.token).where(PersonToken.beneficiary_id == key))
    with world.app.app_context():
        ours = matching.tokens(world.one(Beneficiary, key))
        world.app.config["MATCH_KEY"] = "ένα άλλο κλειδί, μακρύ όσο χρειάζεται"
        try:
            theirs = matching.tokens(world.one(Beneficiary, key))
        finally:
            world.app.config["MATCH_KEY"] = None
    assert set(kept) == set(ours.values())
    assert not set(ours.values()) & set(theirs.values())
    assert not [token for token in kept if AMKA in token or len(token) != 64]


def test_numbers_of_different_kinds_never_agree(world: World) -> None:
    first = person(world, "main", paaypa="AB123456", last_name="Α")
    second = person(world, "roma", id_document="AB123456", last_name="Β")
    assert (first, second) not in pairs(world)


def test_the_command_fills_hashes_that_no_save_made(world: World) -> None:
    wanted = sorted(world.query(sa.select(PersonToken.token)))
    with system_session(world) as session:
        session.execute(sa.delete(PersonToken))
    result = world.app.test_cli_runner().invoke(args=["match", "refresh"])
    assert result.exit_code == 0, result.output
    assert sorted(world.query(sa.select(PersonToken.token))) == wanted
    last = world.query(sa.select(AuditEntry).order_by(AuditEntry.seq.desc()).limit(1))[0]
    assert (last.action, "match refresh" in last.details) == (AuditAction.SYSTEM, True)


def test_no_address_leads_to_hashes(world: World) -> None:
    """Nobody reads or writes them by a form: saves make them, and the coordinator's screen compares them."""
    assert not [rule.rule for rule in world.app.url_map.iter_rules() if "token" in rule.rule.replace("-", "_")]


def test_a_unit_sees_no_hash_of_another(world: World) -> None:
    for code, other in (("main", "roma"), ("roma", "main")):
        with session_of(world, f"caseworker.{code}") as session:
            seen = set(session.scalars(sa.select(PersonToken.unit_id)))
        assert seen == {world.rows[code]["unit"]} != {world.rows[other]["unit"]}


# --- the coordinator's screen -----------------------------------------------------------------------------------------


def test_pairs_agree_across_units_and_inside_one(world: World) -> None:
    here = person(world, "main", amka=AMKA, last_name="Παπαδοπούλου", first_name="Ελένη")
    there = person(world, "roma", amka=AMKA, last_name="ΠΑΠΑΔΟΠΟΥΛΟΥ", first_name="Ελενη")
    beside = person(world, "main", last_name="Παπαδοπούλου", first_name="Ελένη")
    stranger = person(world, "roma", last_name="Παπαδοπούλου", first_name="Ελένη", born_on=dt.date(1981, 5, 5))
    found = pairs(world)
    assert found[here, there] == {TokenKind.AMKA, TokenKind.NAME}
    assert found[here, beside] == found[there, beside] == {TokenKind.NAME}
    assert not [pair for pair in found if stranger in pair]
    page = world.client("coordinator").get("/admin/person_decision/pairs/").text
    assert f"first_id={here}&amp;second_id={there}" in page


def test_both_records_stand_side_by_side_and_the_look_is_recorded(world: World) -> None:
    here, there = person(world, "main", amka=AMKA), person(world, "roma", amka=AMKA)
    page = world.client("coordinator").get(f"/admin/person_decision/new/?first_id={here}&second_id={there}")
    assert page.status_code == 200 and page.text.count(f"<strong>{AMKA}</strong>") == 2
    looks = sa.select(AuditEntry.person_id).where(AuditEntry.action == AuditAction.VIEW)
    assert {here, there} <= set(world.query(looks))
    assert "Απόρρητον" not in page.text, "health has no part in telling people apart"


@pytest.mark.parametrize("verdict", list(SamePerson))
def test_a_decision_is_kept_recorded_and_undone(world: World, verdict: SamePerson) -> None:
    here, there = person(world, "main", amka=AMKA), person(world, "roma", amka=AMKA)
    browser, url = world.client("coordinator"), "/admin/person_decision"
    sent = {"first_id": there, "second_id": here, "verdict": verdict.value, "reason": "Είδα και τις δύο ταυτότητες"}
    assert browser.submit(f"{url}/new/", **sent).status_code == 302
    kept = world.query(sa.select(PersonDecision).order_by(PersonDecision.id.desc()))[0]
    assert (kept.first_id, kept.second_id, kept.verdict) == (here, there, verdict)
    assert kept.by_id == world.users["coordinator"]
    assert (here, there) not in pairs(world)
    again = browser.submit(f"{url}/new/", **sent)
    assert again.status_code == 200 and "αποφασιστεί" in again.text
    assert browser.post(f"{url}/delete/", id=kept.id).status_code == 302
    assert pairs(world)[here, there] >= {TokenKind.AMKA}
    trail = sa.select(AuditEntry).where(AuditEntry.subject_type == "person_decision", AuditEntry.subject_id == kept.id)
    entries = [e for e in world.query(trail.order_by(AuditEntry.seq)) if e.action != AuditAction.VIEW]
    assert [e.action for e in entries] == [AuditAction.CREATE, AuditAction.DELETE]
    assert "Είδα και τις δύο" in (entries[0].changes or "") and entries[0].actor_id == world.users["coordinator"]


def test_decisions_tell_number_and_unit_of_both_records(world: World) -> None:
    """Their names are the same: that is why somebody decided on them."""
    here, there = person(world, "main", amka=AMKA), person(world, "roma", amka=AMKA)
    decided, browser = link(world, here, there), world.client("coordinator")
    (first, second) = (world.one(Beneficiary, key).registry_number for key in (here, there))
    for page in ("", f"details/?id={decided}", f"?search={second}", "?sort=1&desc=1"):
        text = browser.get(f"/admin/person_decision/{page}").text
        for number, kind in ((first, UnitKind.MAIN), (second, UnitKind.ROMA)):
            assert f" · {number} · {kind.label.el}" in text, page
    details = browser.get(f"/admin/person_decision/details/?id={decided}").text
    assert all(f'/admin/beneficiary/details/?id={key}">' in details for key in (here, there))


def test_a_decision_needs_two_records_and_a_reason(world: World) -> None:
    here, there = person(world, "main", amka=AMKA), person(world, "roma", amka=AMKA)
    browser, before = world.client("coordinator"), state_of(world)
    same = {"verdict": "SAME", "reason": "ναι"}
    for wrong in ({"second_id": here}, {"second_id": 987_654}, {"reason": ""}, {"verdict": "MAYBE"}):
        answer = browser.submit("/admin/person_decision/new/", **{"first_id": here, "second_id": there} | same | wrong)
        assert answer.status_code == 200 and "field-error" in answer.text, wrong
    assert_untouched(world, before)


def test_a_decided_person_is_not_deleted_under_the_decision(world: World) -> None:
    here, there = person(world, "main", amka=AMKA), person(world, "roma", amka=AMKA)
    link(world, here, there)
    assert world.client("coordinator").post("/admin/beneficiary/delete/", id=there).status_code == 302
    assert world.one(Beneficiary, there) is not None and world.query(sa.select(PersonDecision.id))


def link(world: World, first: int, second: int, verdict: SamePerson = SamePerson.SAME) -> int:
    return add(
        world,
        PersonDecision(first_id=first, second_id=second, verdict=verdict, reason="x", by_id=world.users["coordinator"]),
    )


# --- nobody else ------------------------------------------------------------------------------------------------------

OTHERS = ("reception.main", "caseworker.main", "mediator.main", "supervisor", "administrator", "unitless")


@pytest.mark.parametrize("username", OTHERS)
def test_no_other_role_reaches_the_pairs(world: World, username: str) -> None:
    here, there = person(world, "main", amka=AMKA), person(world, "roma", amka=AMKA)
    decided = link(world, here, there)
    browser = world.client(username)
    for path in ("", "pairs/", "new/", f"details/?id={decided}", "export/xlsx/", "ajax/lookup/?name=first_id"):
        assert browser.get(f"/admin/person_decision/{path}").status_code == 403, path
    with session_of(world, username) as session:
        assert matching.groups(session) == {} and not list(session.scalars(sa.select(PersonDecision.id)))
        told = sa.select(AuditEntry.seq).where(AuditEntry.subject_type == "person_decision")
        trail = list(session.scalars(told.where(AuditEntry.action == AuditAction.CREATE)))
        assert bool(trail) == policy.may(policy.scope_in(session), "read", "audit_entry")


@pytest.mark.parametrize("role", ["reception", "caseworker", "mediator"])
def test_the_desk_gets_the_same_answer_and_asks_the_same_whoever_is_known_elsewhere(world: World, role: str) -> None:
    """Text and work: the statements that a registration runs are the same ones, so its time is too."""
    person(world, "roma", amka=AMKA, last_name="Ίδια")
    browser = world.client(f"{role}.main")
    free = builders.amka(BORN, Sex.F, 78)
    told = [registered(world, browser, amka) for amka in (AMKA, free)]
    (answer, statements), (other, others) = told
    assert answer == other
    assert statements == others and len(statements) > 5


def registered(world: World, browser: Any, amka: str) -> tuple[Any, list[str]]:
    """What the desk is told when it registers somebody, and the statements that it took."""
    form = browser.form("/admin/beneficiary/new/")
    sent = {"last_name": f"Ίδια{amka[-2:]}", "first_name": "Μαρία", "sex": "F", "born_on": "05/05/1980", "amka": amka}
    with counted(world.app) as statements:
        answer = browser.post("/admin/beneficiary/new/", {**form, **sent})
    assert answer.status_code == 302
    key = world.query(sa.select(sa.func.max(Beneficiary.id)))[0]
    return plain(answer, key), statements


# --- reports ----------------------------------------------------------------------------------------------------------

JUNE = reports.Period(dt.date(2026, 6, 1), dt.date(2026, 7, 1))


def figures(world: World) -> dict[str, dict[str, int]]:
    """Lines of the monthly tables with their totals, over June, for the coordinator."""
    with session_of(world, "coordinator") as session:
        coverage = reports.Coverage(session, JUNE, reports.units(session))
        told = {}
        for name in ("new_beneficiaries", "people_served", "ages", "nationalities", "employment", "target_groups"):
            sheet = getattr(reports, name)(coverage)
            told[name] = {row[0]: row[-1] for row in sheet.rows}
        line = next(row for row in reports.indicators(coverage).rows if row[0] == "EECO01")
        told["indicators"] = {"June": line[6], "so far": line[11]}
        return told


def test_linked_people_count_once_worked_out_by_hand(world: World) -> None:
    """Anna stands in main since May and twice in the annex since June; Dimos in main since June.

    By hand: main serves Anna and Dimos, the annex Anna: 2 + 1, in total 2. New in June are Dimos in main and Anna in
    the annex, in total Dimos alone. Two participants entered: Anna in May, Dimos in June.
    """
    with system_session(world) as session:  # the cast's own doings are of today, not of June
        session.execute(sa.delete(Visit))
    anna = {"registered_on": dt.date(2026, 5, 10), "sex": Sex.F, "nationality": "GR"}
    a = person(world, "main", **anna)
    b = person(world, "roma", **anna | {"registered_on": dt.date(2026, 6, 5)})
    c = person(world, "roma", **anna | {"registered_on": dt.date(2026, 6, 7)})
    d = person(world, "main", registered_on=dt.date(2026, 6, 9), sex=Sex.M, nationality="GR")
    for key, code, month in ((a, "main", 5), (a, "main", 6), (b, "roma", 6), (c, "roma", 6), (d, "main", 6)):
        unit, staff = Unit(id=world.rows[code]["unit"]), User(id=world.users[f"caseworker.{code}"])
        at = dt.datetime(2026, month, 15, 9, tzinfo=dt.UTC)
        add(world, builders.visit(unit, staff, Beneficiary(id=key), at=at))
    main, roma = (world.one(Unit, world.rows[code]["unit"]).name for code in ("main", "roma"))
    apart = figures(world)
    assert apart["people_served"] == {main: 2, roma: 2, "Σύνολο": 4}
    assert apart["new_beneficiaries"] == {main: 1, roma: 2, "Σύνολο": 3}
    assert apart["indicators"] == {"June": 3, "so far": 4}

    first, second = link(world, a, b), link(world, b, c)  # a and c are linked through b
    link(world, a, d, SamePerson.DIFFERENT)
    linked = figures(world)
    assert linked["people_served"] == {main: 2, roma: 1, "Σύνολο": 2}
    assert linked["new_beneficiaries"] == {main: 1, roma: 1, "Σύνολο": 1}
    assert linked["indicators"] == {"June": 1, "so far": 2}
    assert {linked[name]["Σύνολο"] for name in ("ages", "nationalities", "employment", "target_groups")} == {2}

    with system_session(world) as session:
        for key in (first, second):
            session.delete(session.get_one(PersonDecision, key))
        session.flush()
    assert figures(world) == apart


def test_only_links_join_and_any_number_of_them(world: World) -> None:
    a, b, c, d = (new_person(world, code) for code in ("main", "roma", "main", "roma"))
    link(world, c, d)
    link(world, a, b)
    link(world, b, d)
    e = new_person(world)
    link(world, d, e, SamePerson.DIFFERENT)
    with session_of(world, "coordinator") as session:
        assert matching.groups(session) == dict.fromkeys((a, b, c, d), a)


def test_volume_of_hashes_is_made_in_bulk(world: World) -> None:
    with world.app.app_context():
        policy.bind(db.session, policy.SYSTEM)
        begin_write()
        assert matching.refresh(db.session) == db.session.scalar(sa.select(sa.func.count(Beneficiary.id)))
        db.session.rollback()
