"""The second factor: codes that are taken once, recovery codes, who must have one, and who may take it away."""

from __future__ import annotations

import base64
import datetime as dt
import re
import threading
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

import config
import policy
import vault
from auth import codes
from db import db
from models import AuditEntry, SecondFactor, User, UserSession, now
from tests.conftest import SECRET_KEY
from tests.test_signin import is_in, write
from tests.world import PASSWORD, Browser, World
from vocabulary import AuditAction, Role

WRONG = "000000"
NEEDING = ("coordinator", "supervisor", "administrator")


def code_at(secret: str, moment: dt.datetime | None = None) -> str:
    """What the telephone shows."""
    instant = (moment or now()).timestamp()
    return TOTP(base64.b32decode(secret), 6, SHA1(), 30).generate(int(instant)).decode()


def later(world: World, *, by: int = 1) -> None:
    """So many half minutes later, as far as codes are concerned: none of the present ones has been taken."""
    write(world, sa.update(SecondFactor).values(last_step=SecondFactor.last_step - by))


def enrol(browser: Browser) -> tuple[str, list[str]]:
    """Set up the second factor by its own page: the secret, and the recovery codes."""
    page = browser.get("/profile/factor").text
    secret = re.search(r'<code class="key">([A-Z2-7 ]+)</code>', page)
    sealed = re.search(r'name="sealed" value="([^"]+)"', page)
    assert secret and sealed and "<svg" in page
    key = secret[1].replace(" ", "")
    done = browser.post("/profile/factor", sealed=sealed[1], code=code_at(key))
    shown = re.findall(r"<li><code>([\d ]+)</code></li>", done.text)
    assert done.status_code == 200 and len(shown) == codes.RECOVERY_CODES
    return key, shown


def enrolled(world: World, username: str) -> tuple[str, list[str]]:
    """A user with a second factor, whose codes are all still to be taken."""
    found = enrol(world.client(username))
    later(world, by=3)
    return found


def first_step(world: World, username: str) -> Browser:
    """A browser that has given the right password and is asked for a code."""
    browser = world.client()
    answer = browser.post("/login", username=username, password=PASSWORD)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/login/code")
    return browser


def sign_in(world: World, username: str, code: str) -> bool:
    browser = first_step(world, username)
    answer = browser.post("/login/code", code=code)
    return answer.status_code == 302 and is_in(browser)


# --- codes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "code"), [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (2000000000, "279037")]
)
def test_codes_are_those_of_the_standard(at: int, code: str) -> None:
    """RFC 6238, appendix B, whose eight digits end in our six."""
    secret = base64.b32encode(b"12345678901234567890").decode()
    with time_machine.travel(at, tick=False):
        assert codes.step_of(secret, code) == at // 30
        assert codes.step_of(secret, code, after=at // 30) is None, "taken already"
    with time_machine.travel(at + 30, tick=False):
        assert codes.step_of(secret, code) == at // 30, "clocks differ by half a minute"
    with time_machine.travel(at + 90, tick=False):
        assert codes.step_of(secret, code) is None


def test_signing_in_takes_a_password_and_a_code(world: World) -> None:
    key, _recovery = enrolled(world, "caseworker.main")
    browser = first_step(world, "caseworker.main")
    for page in ("/admin/", "/admin/beneficiary/", "/profile", "/password", "/confirm"):
        assert browser.get(page).headers["Location"].startswith("/login"), "the password alone opens nothing"
    assert "menu-group" not in browser.get("/login/code").text
    assert browser.post("/login/code", code=WRONG).status_code == 200 and not is_in(browser)
    assert browser.post("/login/code", code="").status_code == 200
    assert browser.post("/login/code", code=code_at(key)).status_code == 302 and is_in(browser)


def test_the_page_asked_for_is_kept_over_both_steps(world: World) -> None:
    key, _recovery = enrolled(world, "caseworker.main")
    browser = world.client()
    browser.get("/login")
    data = {"username": "caseworker.main", "password": PASSWORD, "csrf_token": browser.token}
    step = browser.client.post("/login?next=/admin/visit/", data=data).headers["Location"]
    assert step.startswith("/login/code?next=")
    browser.get(step)
    data = {"code": code_at(key), "csrf_token": browser.token}
    assert browser.client.post(step, data=data).headers["Location"] == "/admin/visit/"


def test_a_code_is_taken_once(world: World) -> None:
    key, _recovery = enrolled(world, "caseworker.main")
    code = code_at(key)
    assert sign_in(world, "caseworker.main", code)
    assert not sign_in(world, "caseworker.main", code), "somebody looked over the shoulder"


def test_the_code_that_set_it_up_is_taken(world: World) -> None:
    browser = world.client("caseworker.main")
    key, _recovery = enrol(browser)
    (step,) = world.query(sa.select(SecondFactor.last_step))
    with time_machine.travel(step * 30 + 5, tick=False):
        assert not sign_in(world, "caseworker.main", code_at(key))


def test_one_code_sent_by_many_at_once_lets_one_in(world: World) -> None:
    key, _recovery = enrolled(world, "caseworker.main")
    code, browsers = code_at(key), [first_step(world, "caseworker.main") for _n in range(4)]
    for browser in browsers:
        browser.get("/login/code")
    statuses: list[int] = []

    def send(browser: Browser) -> None:
        data = {"code": code, "csrf_token": browser.token}
        statuses.append(browser.client.post("/login/code", data=data).status_code)

    threads = [threading.Thread(target=send, args=(browser,)) for browser in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 200, 200, 302]


def test_recovery_codes_are_taken_once_each_and_kept_as_hashes(world: World) -> None:
    _key, recovery = enrolled(world, "caseworker.main")
    factor = world.query(sa.select(SecondFactor).options(sa.orm.undefer("*")))[0]
    assert all(re.fullmatch("[0-9a-f]{64}", each) for each in factor.recovery.split())
    assert len(factor.recovery.split()) == 10
    assert len(set(recovery)) == 10 and not any(code.replace(" ", "") in factor.recovery for code in recovery)
    assert sign_in(world, "caseworker.main", recovery[3])
    assert not sign_in(world, "caseworker.main", recovery[3])
    assert sign_in(world, "caseworker.main", recovery[4].replace(" ", "-"))
    assert not sign_in(world, "caseworker.main", recovery[5][:-1])


def test_new_recovery_codes_end_the_old(world: World) -> None:
    browser = world.client("caseworker.main")
    _key, old = enrol(browser)
    new = re.findall(r"<li><code>([\d ]+)</code></li>", browser.post("/profile/factor/codes").text)
    assert len(new) == 10 and not set(new) & set(old)
    assert not sign_in(world, "caseworker.main", old[0]) and sign_in(world, "caseworker.main", new[0])


def test_codes_cannot_be_guessed(world: World) -> None:
    """Five wrong codes close the second step, wherever they come from, to whoever has the password."""
    key, recovery = enrolled(world, "caseworker.main")
    for n in range(5):
        browser = first_step(world, "caseworker.main")
        data = {"code": f"{n:06}", "csrf_token": _token(browser)}
        browser.client.post("/login/code", data=data, environ_base={"REMOTE_ADDR": f"10.0.0.{n}"})
    assert not sign_in(world, "caseworker.main", code_at(key)) and not sign_in(world, "caseworker.main", recovery[0])
    failed = world.query(sa.select(AuditEntry).where(AuditEntry.action == AuditAction.LOGIN_FAILED))
    assert len(failed) == 5 and {entry.subject_id for entry in failed} == {world.users["caseworker.main"]}


def _token(browser: Browser) -> str:
    browser.get("/login/code")
    return browser.token


def test_the_second_step_waits_five_minutes_and_for_this_password_alone(world: World) -> None:
    key, _recovery = enrolled(world, "caseworker.main")
    late, changed, suspended = (first_step(world, "caseworker.main") for _n in range(3))
    with time_machine.travel(now() + dt.timedelta(minutes=6)):
        assert late.get("/login/code").headers["Location"] == "/login"
    other = world.query(sa.select(User.password_hash).where(User.id == world.users["supervisor"]))[0]
    write(world, sa.update(User).where(User.username == "caseworker.main").values(password_hash=other + "x"))
    assert changed.post("/login/code", code=code_at(key)).headers["Location"] == "/login" and not is_in(changed)
    write(world, sa.update(User).where(User.username == "caseworker.main").values(password_hash=other, is_active=False))
    assert not is_in(suspended) and suspended.get("/login/code").status_code == 302


def test_the_second_step_cannot_be_made_up(world: World) -> None:
    from flask.sessions import SecureCookieSessionInterface

    key, _recovery = enrolled(world, "caseworker.main")
    signer = SecureCookieSessionInterface().get_signing_serializer(world.app)
    assert signer is not None
    user = world.users["caseworker.main"]
    for said in ([user, now().timestamp(), ""], [user, now().timestamp() + 1e9, "x"], [None, 0, None]):
        thief = world.client()
        thief.client.set_cookie("kentro", str(signer.dumps({"awaited": said})))
        assert thief.get("/login/code").status_code == 302
    assert key


# --- setting it up ----------------------------------------------------------------------------------------------------


def test_the_secret_is_sealed_and_answered_once(world: World) -> None:
    browser = world.client("caseworker.main")
    key, _recovery = enrol(browser)
    factor = world.query(sa.select(SecondFactor).options(sa.orm.undefer("*")))[0]
    assert key not in factor.secret
    with world.app.app_context():
        assert vault.unseal(factor.secret, f"second_factor {factor.user_id}") == key
        with pytest.raises(vault.Sealed):
            vault.unseal(factor.secret, "second_factor 999")
    assert key not in browser.get("/profile").text
    assert browser.get("/profile/factor").headers["Location"] == "/profile"
    entries = [entry for entry in world.query(sa.select(AuditEntry)) if entry.subject_type == "second_factor"]
    assert [entry.action for entry in entries] == [AuditAction.CREATE]
    assert not any(word in str(vars(entries[0])) for word in (key, factor.secret, "argon2"))


def test_a_new_key_seals_secrets_anew(world: World) -> None:
    key, _recovery = enrolled(world, "caseworker.main")
    before, new = world.app.config["KEYS"], (b"\x07" * 32,)
    try:
        world.app.config["KEYS"] = new + before
        result = world.app.test_cli_runner().invoke(args=["vault", "rotate"])
        assert result.exit_code == 0 and "second_factor: 1 rows" in result.output, result.output
        again = world.app.test_cli_runner().invoke(args=["vault", "rotate"])
        assert again.exit_code == 0 and "second_factor: 0 rows" in again.output, (
            "it is sealed with the first key already"
        )
        # What else is kept may need older keys; the secret does not.
        with world.app.app_context():
            world.app.config["KEYS"] = new
            policy.bind(db.session, policy.SYSTEM)
            user = db.session.get_one(User, world.users["caseworker.main"])
            later(world)
            assert codes.takes(user, code_at(key))
    finally:
        world.app.config["KEYS"] = before


def test_nobody_plants_a_secret(world: World) -> None:
    """The secret that a form brings back is the one that its own session was offered, or none."""
    mine, other = world.client("caseworker.main"), world.client("caseworker.roma")
    page = other.get("/profile/factor").text
    planted = re.findall(r'name="sealed" value="([^"]+)"', page)[0]
    key = re.findall(r'<code class="key">([A-Z2-7 ]+)</code>', page)[0].replace(" ", "")
    for sealed in (planted, key, "", "x:y"):
        answer = mine.post("/profile/factor", sealed=sealed, code=code_at(key))
        assert answer.status_code == 200 and "field-error" in answer.text
    assert world.query(sa.select(SecondFactor)) == []


def test_a_wrong_first_code_keeps_the_picture(world: World) -> None:
    browser = world.client("caseworker.main")
    page = browser.get("/profile/factor").text
    key, sealed = re.findall(r'class="key">([^<]+)<', page), re.findall(r'name="sealed" value="([^"]+)"', page)[0]
    again = browser.post("/profile/factor", sealed=sealed, code=WRONG)
    assert "field-error" in again.text and re.findall(r'class="key">([^<]+)<', again.text) == key


def test_setting_it_up_ends_the_other_sessions(world: World) -> None:
    here, there = world.client("caseworker.main"), world.client("caseworker.main")
    enrol(here)
    assert is_in(here) and not is_in(there)


def has_menu(browser: Browser, page: str) -> bool:
    """The page shows the menu, and the button that opens it on a telephone."""
    answer = browser.get(page)
    assert answer.status_code == 200, page
    shown = {'id="menu"' in answer.text, 'popovertarget="menu"' in answer.text, 'class="with-menu"' in answer.text}
    assert len(shown) == 1, page
    return shown.pop()


@pytest.mark.parametrize("mode", ["required", "offered"])
def test_who_must_have_one(world: World, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    monkeypatch.setitem(world.app.config, "SECOND_FACTOR", mode)
    for username in ("reception.main", "caseworker.main", "mediator.main", *NEEDING):
        browser = world.client(username)
        answer = browser.get("/admin/")
        led = (answer.status_code, answer.headers.get("Location"))
        assert led == ((302, "/profile/factor") if username in NEEDING and mode == "required" else (200, None)), (
            username
        )
    assert {role.value for role in policy.SECOND_FACTOR} == set(NEEDING) and len(Role) == 6


def test_whoever_must_have_one_does_nothing_without_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(world.app.config, "SECOND_FACTOR", "required")
    browser = world.client("coordinator")
    for page in ("/admin/beneficiary/", "/admin/beneficiary/export/xlsx/", "/admin/report/", "/"):
        assert browser.get(page).headers["Location"] in ("/profile/factor", "/admin/"), page
    assert browser.post("/admin/partner/new/", name="Χ").headers["Location"] == "/profile/factor"
    for page in ("/profile/factor", "/profile", "/password", "/accessibility"):
        assert not has_menu(browser, page), "every entry would lead back"
    key, _recovery = enrol(browser)
    assert browser.get("/admin/beneficiary/").status_code == 200 and has_menu(browser, "/profile")
    assert browser.post("/profile/factor/remove").status_code == 403, "and keeps it"
    assert world.query(sa.select(SecondFactor)) and key


def test_first_the_password_then_the_second_factor(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(world.app.config, "SECOND_FACTOR", "required")
    write(world, sa.update(User).where(User.username == "supervisor").values(password_changed_at=None))
    browser = world.client("supervisor")
    assert browser.get("/admin/").headers["Location"] == "/password" and not has_menu(browser, "/password")
    browser.post("/password", current=PASSWORD, new=PASSWORD + " 2", again=PASSWORD + " 2")
    assert browser.get("/admin/").headers["Location"] == "/profile/factor" and not has_menu(browser, "/profile/factor")


def test_whoever_need_not_may_do_without_again(world: World) -> None:
    browser = world.client("caseworker.main")
    enrol(browser)
    assert browser.post("/profile/factor/remove").status_code == 302
    assert world.query(sa.select(SecondFactor)) == [] and is_in(world.client("caseworker.main"))
    (entry,) = world.query(sa.select(AuditEntry).where(AuditEntry.action == AuditAction.DELETE))
    assert (entry.subject_type, entry.actor_id) == ("second_factor", world.users["caseworker.main"])


def test_production_requires_it_and_development_offers_it() -> None:
    asked: dict[str, Any] = {"SECRET_KEY": SECRET_KEY, "DATABASE_URL": "sqlite://"}
    assert config.load(asked)["SECOND_FACTOR"] == "offered"
    assert config.load({**asked, "KENTRO_MODE": "production", "KENTRO_KEY": "ab" * 32})["SECOND_FACTOR"] == "required"
    with pytest.raises(config.Misconfigured):
        config.load({**asked, "KENTRO_SECOND_FACTOR": "no"})


# --- a lost telephone -------------------------------------------------------------------------------------------------


def test_an_administrator_resets_the_second_factor_of_another(world: World) -> None:
    enrolled(world, "caseworker.main")
    key = world.users["caseworker.main"]
    admin = world.client("administrator")
    offered = f"/admin/user/reset_factor/?id={key}"
    assert offered in admin.get(f"/admin/user/details/?id={key}").text
    assert admin.post(offered).status_code == 302
    assert offered not in admin.get(f"/admin/user/details/?id={key}").text, "there is nothing to reset"
    assert world.query(sa.select(SecondFactor)) == [] and is_in(world.client("caseworker.main"))
    assert world.query(sa.select(UserSession).where(UserSession.user_id == key, UserSession.ended_at.is_(None)))
    (entry,) = world.query(sa.select(AuditEntry).where(AuditEntry.action == AuditAction.DELETE))
    assert (entry.subject_type, entry.actor_id) == ("second_factor", world.users["administrator"])
    assert entry.subject_label == "Χρήστης caseworker.main"
    assert admin.post(f"/admin/user/reset_factor/?id={key}").status_code == 302, "there is none any more"
    assert admin.post("/admin/user/reset_factor/?id=99999").status_code == 404


def test_nobody_else_touches_a_second_factor(world: World) -> None:
    """Below the screens, too: the guard holds for every write of the session."""
    enrolled(world, "caseworker.main")
    with world.app.app_context():
        for username in ("coordinator", "supervisor", "caseworker.roma", "administrator"):
            user = db.session.get_one(User, world.users[username])
            policy.bind(db.session, policy.scope_of(user))
            factor = db.session.scalars(sa.select(SecondFactor)).one()
            factor.secret = "planted"
            with pytest.raises(policy.Refused):
                db.session.flush()
            db.session.rollback()
            db.session.add(SecondFactor(user_id=world.users["mediator.main"], secret="x", last_step=0, recovery=""))
            with pytest.raises(policy.Refused):
                db.session.flush()
            db.session.rollback()
