"""Rights that change while somebody works: the very next request obeys, and none is half way between (ASVS 8.3.2, 15.4.2)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from admin_views.services import VisitView
from admin_views.settings import UserView
from auth import asking
from models import AuditEntry, Membership, User, Visit
from tests.answers import new_person
from tests.test_signin import is_in
from tests.world import CANARY, Browser, World, by_hand
from vocabulary import AuditAction


def test_whoever_is_moved_to_another_unit_is_there_at_once(world: World) -> None:
    """The session goes on; what it shows, finds, takes and gives to choose from is the other unit's."""
    browser, admin = world.client("caseworker.main"), world.client("administrator")
    key, main, roma = world.users["caseworker.main"], world.rows["main"], world.rows["roma"]
    (kept,) = world.query(sa.select(Membership.id).where(Membership.user_id == key))
    form = browser.form(f"/admin/visit/edit/?id={main['visit']}")
    assert admin.post("/admin/membership/delete/", id=kept).status_code == 302
    assert browser.get(f"/admin/visit/details/?id={main['visit']}").status_code == 404, "of no unit, nothing is left"
    url = f"/admin/membership/new/?user_id={key}"
    assert admin.submit(url, user_id=str(key), unit_id=str(roma["unit"])).status_code == 302
    assert is_in(browser)
    assert browser.get(f"/admin/visit/details/?id={roma['visit']}").status_code == 200
    assert browser.get(f"/admin/visit/details/?id={main['visit']}").status_code == 404
    listed = browser.get("/admin/beneficiary/").text
    assert CANARY["roma"] in listed and CANARY["main"] not in listed
    before = world.one(Visit, main["visit"]).version
    assert browser.post(f"/admin/visit/edit/?id={main['visit']}", form).status_code == 404, (
        "what was open is closed too"
    )
    assert world.one(Visit, main["visit"]).version == before


def test_a_role_that_is_taken_away_is_gone_at_once(world: World) -> None:
    browser, admin = world.client("coordinator"), world.client("administrator")
    assert browser.get("/admin/report/").status_code == 200
    assert admin.submit(f"/admin/user/edit/?id={world.users['coordinator']}", role="supervisor").status_code == 302
    assert not is_in(browser)
    again = world.client("coordinator")
    assert again.get("/admin/report/").status_code == 403 and again.get("/admin/audit_entry/").status_code == 200


# --- in one step ------------------------------------------------------------------------------------------------------


class Stopped:
    """A screen whose saving stops midway, until it is told to go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, view: Any) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()
        real = view.update_model

        def stop(screen: Any, form: Any, model: Any) -> Any:
            done = real(screen, form, model)
            self.reached.set()
            assert self.go_on.wait(30)
            return done

        monkeypatch.setattr(view, "update_model", stop)


class Act(threading.Thread):
    """A request of its own, and what was answered."""

    def __init__(self, ask: Callable[[], Any]) -> None:
        super().__init__()
        self.ask, self.answer = ask, None
        self.start()

    def run(self) -> None:
        self.answer = self.ask()


def wait_until_held_or_over(world: World, act: Act, entered: threading.Event) -> None:
    """Until PostgreSQL itself says that the request waits, or on SQLite until it has come to the door; or it is over."""
    assert entered.wait(30)
    held = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    with world.app.app_context(), by_hand().connect() as connection:
        while world.dialect == "postgresql" and act.is_alive() and not connection.scalar(held):
            act.join(0.01)


def entering(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set as soon as a request that would act asks for its turn."""
    entered, real = threading.Event(), asking._begin_act

    def enter() -> None:
        entered.set()
        real()

    monkeypatch.setattr(asking, "_begin_act", enter)
    return entered


def forms(world: World) -> tuple[Callable[[], Any], Callable[[], Any], int]:
    """A clerk who saves a visit, and an administrator who suspends that clerk; both have their form open."""
    key, visit = world.users["caseworker.main"], world.rows["main"]["visit"]
    clerk, admin = world.client("caseworker.main"), world.client("administrator")
    work = {**clerk.form(f"/admin/visit/edit/?id={visit}"), "request": "την τελευταία στιγμή"}
    suspension = admin.form(f"/admin/user/edit/?id={key}")
    suspension.pop("is_active")

    def save() -> Any:
        return clerk.post(f"/admin/visit/edit/?id={visit}", work)

    def suspend() -> Any:
        return admin.post(f"/admin/user/edit/?id={key}", suspension)

    return save, suspend, visit


def order(world: World) -> list[str]:
    """Which of the two changes the trail has first."""
    changes = sa.select(AuditEntry.subject_type).where(AuditEntry.action == AuditAction.UPDATE).order_by(AuditEntry.seq)
    return [each for each in world.query(changes) if each in ("user", "visit")]


def test_who_is_suspended_first_saves_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    save, suspend, visit = forms(world)
    stopped = Stopped(monkeypatch, UserView)
    suspending = Act(suspend)
    assert stopped.reached.wait(30)
    entered = entering(monkeypatch)
    saving = Act(save)
    wait_until_held_or_over(world, saving, entered)
    stopped.go_on.set()
    suspending.join(), saving.join()
    assert suspending.answer.status_code == 302 and not world.one(User, world.users["caseworker.main"]).is_active
    assert saving.answer.status_code == 302 and saving.answer.headers["Location"].startswith("/login")
    assert world.one(Visit, visit).request == CANARY["main"] and order(world) == ["user"]


def test_who_saves_first_has_saved_before_the_suspension(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    save, suspend, visit = forms(world)
    stopped = Stopped(monkeypatch, VisitView)
    saving = Act(save)
    assert stopped.reached.wait(30)
    entered = entering(monkeypatch)
    suspending = Act(suspend)
    wait_until_held_or_over(world, suspending, entered)
    assert suspending.is_alive(), "a right was taken away in the middle of what was done by it"
    stopped.go_on.set()
    saving.join(), suspending.join()
    assert (saving.answer.status_code, suspending.answer.status_code) == (302, 302)
    assert world.one(Visit, visit).request == "την τελευταία στιγμή" and order(world) == ["visit", "user"]


def test_those_who_only_work_do_not_wait_for_each_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """On PostgreSQL; on SQLite all who write take turns."""
    if world.dialect == "sqlite":
        return
    save, _suspend, _visit = forms(world)
    other: Browser = world.client("caseworker.roma")
    key = new_person(world, "roma")
    form = {**other.form(f"/admin/beneficiary/edit/?id={key}"), "last_name": ""}
    stopped = Stopped(monkeypatch, VisitView)
    monkeypatch.setattr(
        VisitView, "_save", lambda *_args, **_more: True
    )  # nothing of it reaches the chain, which all share
    saving = Act(save)
    assert stopped.reached.wait(30)
    assert other.post(f"/admin/beneficiary/edit/?id={key}", form).status_code == 200
    stopped.go_on.set()
    saving.join()
