"""Signing in and out: what a session is worth, when it dies, and what a stranger learns, which is nothing."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import flask_migrate
import pytest
import sqlalchemy as sa
from flask import Flask

import auth
import authorizer
import config
import passwords
import policy
from auth.pages import RUN_OUT
from db import db
from models import AuditEntry, User, UserSession, now
from tests import answers
from tests.answers import errors_of
from tests.conftest import SECRET_KEY, make_app
from tests.world import CANARY, PASSWORD, Browser, World, by_hand
from vocabulary import AuditAction

TEXTS = Path(__file__).parents[2] / "shared/corpora/text"
NEW = "άλλη μεγάλη φράση 27"
COOKIE = "kentro"


def write(world: World, statement: Any) -> None:
    """Straight into the database, as time or another clerk would."""
    with world.app.app_context(), by_hand().begin() as connection, authorizer.lifted(connection):
        connection.execute(statement)


def copy_of(world: World, browser: Browser) -> Browser:
    """Another browser with the same cookie."""
    thief = world.client()
    thief.client.set_cookie(COOKIE, browser.client.get_cookie(COOKIE).value)  # type: ignore[union-attr]
    return thief


def is_in(browser: Browser) -> bool:
    """The first page opens, or asks to sign in."""
    answer = browser.get("/admin/")
    assert answer.status_code in (200, 302)
    assert answer.status_code == 200 or answer.headers["Location"].startswith("/login")
    return answer.status_code == 200


# --- passwords --------------------------------------------------------------------------------------------------------


def test_passwords_are_kept_as_argon2id_and_never_answered(world: World) -> None:
    kept = world.query(sa.select(User.password_hash))
    assert kept and all(each.startswith("$argon2id$") for each in kept)
    browser = world.client("administrator")
    for page in (
        "/admin/user/",
        f"/admin/user/edit/?id={world.users['supervisor']}",
        f"/admin/user/details/?id={world.users['supervisor']}",
    ):
        assert "argon2" not in browser.get(page).text


@pytest.mark.parametrize(
    ("password", "is_accepted"),
    [
        ("α" * 11, False),
        ("α" * 12, True),
        ("μικρά ελληνικά χωρίς τίποτε άλλο", True),
        ("a" * 64, True),
        ("!@#$%^&*()_+{}|:", True),
        ("😀" * 12, True),
        ("a" * 256, True),
        ("a" * 257, False),
        ("a" * 1_000_000, False),
        ("", False),
    ],
)
def test_length_is_the_only_rule(password: str, is_accepted: bool) -> None:
    """ASVS 6.2: from 12 to 256 characters, and no rule about which."""
    if is_accepted:
        assert passwords.matches(password, passwords.make_hash(password))
    else:
        with pytest.raises(passwords.WeakPassword):
            passwords.make_hash(password)


@pytest.mark.parametrize("other", ["Μεγάλη φράση 123 ", " Μεγάλη φράση 123", "μεγάλη φράση 123", "Μεγαλη φραση 123"])
def test_passwords_are_compared_exactly(other: str) -> None:
    kept = passwords.make_hash("Μεγάλη φράση 123")
    assert passwords.matches("Μεγάλη φράση 123", kept) and not passwords.matches(other, kept)


def test_nothing_is_cut_off() -> None:
    long = "x" * 200
    assert not passwords.matches(long + "y", passwords.make_hash(long + "z"))
    assert not passwords.matches("x" * 257, passwords.make_hash("x" * 256))


def test_common_passwords_are_refused() -> None:
    """ASVS 6.2.4: all 4,000 most common of eight characters or more, the short ones by their length alone."""
    common = (TEXTS / "common-passwords-min8-top4000.txt").read_text(encoding="utf-8").split()
    assert len(common) == 4000 and sum(len(word) >= passwords.SHORTEST for word in common) > 60
    accepted = []
    for word in common:
        for typed in {word, word.upper(), word.capitalize()}:
            try:
                passwords.check(typed)
                accepted.append(typed)
            except passwords.WeakPassword:
                pass
    assert accepted == []


@pytest.mark.parametrize("made", ["maria.p.maria.p", "MARIA.P maria.p 1", "Παπαδάκη Μαρία", "μαριαμαρία παπαδακη12"])
def test_a_password_made_of_its_users_name_is_refused(made: str) -> None:
    with pytest.raises(passwords.WeakPassword, match="own name"):
        passwords.make_hash(made, "maria.p", "Μαρία Παπαδάκη")
    passwords.check(f"{made} και κάτι δικό μου", "maria.p", "Μαρία Παπαδάκη")


def test_the_page_knows_whose_password_it_is(world: World) -> None:
    page = world.client("caseworker.main").post(
        "/password", current=PASSWORD, new="caseworker.main!", again="caseworker.main!"
    )
    assert set(errors_of(page.text)) == {"new"}


def test_changing_the_password_needs_the_old_one_and_a_good_new_one(world: World) -> None:
    browser = world.client("reception.main")
    before = world.one(User, world.users["reception.main"]).password_changed_at
    for fields in (
        {"current": "wrong", "new": NEW, "again": NEW},
        {"current": PASSWORD, "new": NEW, "again": NEW + " "},
        {"current": PASSWORD, "new": "short", "again": "short"},
        {"current": PASSWORD, "new": PASSWORD, "again": PASSWORD},
        {"current": PASSWORD},
        {},
    ):
        answer = browser.post("/password", fields)
        assert answer.status_code == 200 and "field-error" in answer.text, fields
        assert world.one(User, world.users["reception.main"]).password_changed_at == before
    assert browser.post("/password", current=PASSWORD, new=NEW, again=NEW).status_code == 302
    fresh = world.client()
    assert fresh.post("/login", username="reception.main", password=PASSWORD).status_code == 200
    assert fresh.post("/login", username="reception.main", password=NEW).status_code == 302


def test_all_that_is_wrong_with_a_new_password_is_said_at_once(world: World) -> None:
    browser = world.client("reception.main")
    page = browser.post("/password", current="wrong", new="short", again="other").text
    assert set(errors_of(page)) == {"current", "new", "again"}
    assert "12 χαρακτήρες" in page


def test_whoever_must_change_the_password_is_told_why_and_sees_no_menu(world: World) -> None:
    browser = world.client("reception.main")
    settled = browser.get("/password").text
    assert "site-menu" in settled and "menu-button" in settled
    write(world, sa.update(User).where(User.username == "reception.main").values(password_changed_at=None))
    page = browser.get("/password").text
    assert "site-menu" not in page and "menu-button" not in page
    assert answers.said(world.app, WHY) in page and answers.said(world.app, WHY) not in settled
    browser.post("/password", current=PASSWORD, new=NEW, again=NEW)
    assert "site-menu" in browser.get("/admin/").text


WHY = "The password that you were given is known to whoever made it. Choose one that only you know."


def test_after_a_failed_sign_in_the_password_is_typed_anew(world: World) -> None:
    browser = world.client()
    for page, waiting in (
        (browser.get("/login"), "username"),
        (browser.post("/login", username="reception.main", password="wrong"), "password"),
        (browser.get("/login"), "username"),
    ):
        assert re.findall(r"<input[^>]* autofocus[^>]*>", page.text)[0].count(f'name="{waiting}"') == 1
        assert page.text.partition("<dialog")[0].count(" autofocus") == 1


def test_the_old_password_cannot_be_guessed_on_the_change_page(world: World) -> None:
    browser = world.client("reception.main")
    for _try in range(5):
        browser.post("/password", current="guess", new=NEW, again=NEW)
    assert browser.post("/password", current=PASSWORD, new=NEW, again=NEW).status_code == 200


def handed_over(world: World, key: int) -> str:
    """A first password as the administrator is told it."""
    admin = world.client("administrator")
    form = admin.get(f"/admin/user/edit/?id={key}").text
    assert form.index('id="is_active"') < form.index('id="first_password"')
    assert admin.submit(f"/admin/user/edit/?id={key}", first_password="y").status_code == 302
    [made] = re.findall(r"<code>([^<]+)</code>", admin.get(f"/admin/user/details/?id={key}").text)
    assert made not in admin.get(f"/admin/user/details/?id={key}").text, "it is shown once"
    return made


def test_first_passwords_are_random_and_run_out(world: World) -> None:
    """ASVS 6.4.1: made by the system, good once and not for long."""
    key = world.users["reception.main"]
    made = {handed_over(world, key) for _n in range(3)}
    assert len(made) == 3 and all(re.fullmatch(r"([a-z2-9]{4}-){3}[a-z2-9]{4}", each) for each in made)
    first, whole = handed_over(world, key), dt.timedelta(days=passwords.FIRST_DAYS)
    write(world, sa.update(User).where(User.id == key).values(password_given_at=now() - whole - dt.timedelta(hours=1)))
    late = world.client().post("/login", username="reception.main", password=first)
    assert late.status_code == 200 and answers.said(world.app, RUN_OUT) in late.text
    wrong = world.client().post("/login", username="reception.main", password="wrong")
    assert answers.said(world.app, RUN_OUT) not in wrong.text, "only whoever has the password is told"
    failed = sa.select(AuditEntry.subject_id).where(AuditEntry.action == AuditAction.LOGIN_FAILED)
    assert world.query(failed) == [key, key], "whoever found the slip is on record"
    write(world, sa.update(User).where(User.id == key).values(password_given_at=now() - whole + dt.timedelta(hours=1)))
    browser = world.client()
    assert browser.post("/login", username="reception.main", password=first).status_code == 302
    assert browser.post("/password", current=first, new=NEW, again=NEW).status_code == 302
    assert world.one(User, key).password_given_at is None


def test_a_new_user_has_a_first_password(world: World) -> None:
    admin = world.client("administrator")
    assert admin.submit("/admin/user/new/", **answers.filled(world, User) | {"username": "neos"}).status_code == 302
    [made] = re.findall(r"<code>([^<]+)</code>", admin.get("/admin/user/").text)
    browser = world.client()
    assert browser.post("/login", username="neos", password=made).status_code == 302
    assert browser.get("/admin/").headers["Location"] == "/password"


def test_a_password_that_an_administrator_set_is_changed_first(world: World) -> None:
    first, browser = handed_over(world, world.users["reception.main"]), world.client()
    assert browser.post("/login", username="reception.main", password=first).status_code == 302
    for page in (
        "/admin/",
        "/admin/beneficiary/",
        f"/admin/beneficiary/details/?id={world.rows['main']['beneficiary']}",
    ):
        answer = browser.get(page)
        assert (answer.status_code, answer.headers.get("Location")) == (302, "/password"), page
    before = len(world.query(sa.select(AuditEntry).where(AuditEntry.action == AuditAction.CREATE)))
    assert browser.post("/admin/beneficiary/new/", last_name="Α", first_name="Β").headers["Location"] == "/password"
    assert len(world.query(sa.select(AuditEntry).where(AuditEntry.action == AuditAction.CREATE))) == before
    again = browser.post("/password", current=first, new=first, again=first)
    assert again.status_code == 200, "the handed-over password is no new one"
    assert browser.post("/password", current=first, new=PASSWORD, again=PASSWORD).status_code == 302
    assert is_in(browser)


# --- sessions ---------------------------------------------------------------------------------------------------------


def test_signing_out_kills_the_session_on_the_server(world: World) -> None:
    browser = world.client("caseworker.main")
    thief = copy_of(world, browser)
    assert is_in(thief)
    assert browser.post("/logout").status_code == 302
    assert not is_in(thief) and not is_in(browser)
    assert thief.get(f"/admin/beneficiary/details/?id={world.rows['main']['beneficiary']}").status_code == 302


def test_every_sign_in_has_its_own_secret(world: World) -> None:
    """Nothing that was known before signing in is worth anything after it (session fixation)."""
    browser = world.client()
    browser.get("/login")
    planted = browser.client.get_cookie(COOKIE).value  # type: ignore[union-attr]
    token = browser.token
    assert browser.post("/login", username="caseworker.main", password=PASSWORD).status_code == 302
    first = browser.client.get_cookie(COOKIE).value  # type: ignore[union-attr]
    thief = world.client()
    thief.client.set_cookie(COOKIE, planted)
    assert not is_in(thief)
    assert browser.client.post("/logout", data={"csrf_token": token}).status_code == 400, (
        "the old form token is dead too"
    )
    second = world.client("caseworker.main").client.get_cookie(COOKIE).value  # type: ignore[union-attr]
    assert len({planted, first, second}) == 3
    hashes = world.query(sa.select(UserSession.token_hash))
    assert len(set(hashes)) == len(hashes) >= 2
    assert not any(kept in cookie for kept in hashes for cookie in (first, second)), (
        "the database holds no usable secret"
    )


def test_a_made_up_cookie_is_nobody(world: World) -> None:
    from flask.sessions import SecureCookieSessionInterface

    signer = SecureCookieSessionInterface().get_signing_serializer(world.app)
    assert signer is not None
    hashes = world.query(sa.select(UserSession.token_hash))
    for said in ("1", world.users["administrator"], *hashes, None, "x" * 10_000):
        thief = world.client()
        thief.client.set_cookie(COOKIE, str(signer.dumps({"_user_id": said, "_fresh": True})))
        assert not is_in(thief), said
    for raw in ("", "x", "e30.e30.e30", "." * 50):
        thief = world.client()
        thief.client.set_cookie(COOKIE, raw)
        assert not is_in(thief), raw


def test_changing_the_password_ends_the_other_sessions_only(world: World) -> None:
    here, there, colleague = (
        world.client("caseworker.main"),
        world.client("caseworker.main"),
        world.client("caseworker.roma"),
    )
    assert here.post("/password", current=PASSWORD, new=NEW, again=NEW).status_code == 302
    assert is_in(here) and not is_in(there) and is_in(colleague)


@pytest.mark.parametrize(
    "change",
    [{"is_active": ""}, {"role": "mediator"}, {"first_password": "y"}],
    ids=["suspended", "other role", "new password"],
)
def test_an_administrators_change_ends_all_sessions_of_the_user(world: World, change: dict[str, str]) -> None:
    admin, key = world.client("administrator"), world.users["caseworker.main"]
    sessions = [world.client("caseworker.main") for _n in range(3)]
    form = admin.form(f"/admin/user/edit/?id={key}")
    if "is_active" in change:
        form.pop("is_active")
    else:
        form |= change
    assert admin.post(f"/admin/user/edit/?id={key}", form).status_code == 302
    assert not any(is_in(each) for each in sessions)
    assert is_in(admin)


def test_whoever_comes_from_a_session_that_ended_is_told_why_they_are_here(world: World) -> None:
    told, page = "message-info", "/login?next=/admin/visit/"
    browser = world.client("reception.main")
    write(world, sa.update(UserSession).values(seen_at=now() - dt.timedelta(days=1)))
    assert told in browser.get(browser.get("/admin/visit/").headers["Location"]).text
    assert told not in world.client().get(page).text, "who was never in"
    left = world.client("reception.main")
    left.post("/logout")
    assert told not in left.get(page).text


@pytest.mark.parametrize("page", ["/login", "/accessibility", "/nowhere"])
def test_what_an_ended_session_still_had_to_say_is_told_to_nobody(world: World, page: str) -> None:
    """The message names a person, and whoever sits there now did not save them; only the saved form's draft goes."""
    browser, key = world.client("caseworker.main"), world.rows["main"]["beneficiary"]
    assert browser.submit(f"/admin/beneficiary/edit/?id={key}", remarks="Άλλο").status_code == 302
    write(world, sa.update(UserSession).values(ended_at=now()))
    text = browser.get(page).text
    assert CANARY["main"] not in text and "message-success" not in text
    assert page != "/login" or "data-saved" in text
    assert CANARY["main"] not in browser.get("/login").text


def test_a_suspended_user_stays_out_even_if_a_session_was_left(world: World) -> None:
    browser, key = world.client("caseworker.main"), world.users["caseworker.main"]
    write(world, sa.update(User).where(User.id == key).values(is_active=False))
    assert not is_in(browser)
    assert world.client().post("/login", username="caseworker.main", password=PASSWORD).status_code == 200


def test_sessions_end_when_idle_and_in_any_case_after_a_day_at_work(world: World) -> None:
    idle = dt.timedelta(minutes=world.app.config["IDLE_MINUTES"])
    lifetime = dt.timedelta(hours=world.app.config["SESSION_HOURS"])
    second = dt.timedelta(seconds=30)
    for column, age, holds in (
        ("seen_at", idle - second, True), ("seen_at", idle + second, False),
        ("created_at", lifetime - second, True), ("created_at", lifetime + second, False),
    ):  # fmt: skip
        browser = world.client("reception.main")
        newest = sa.select(sa.func.max(UserSession.id)).scalar_subquery()
        write(world, sa.update(UserSession).where(UserSession.id == newest).values({column: now() - age}))
        assert is_in(browser) is holds, f"{column} {age}"


def test_a_session_in_use_stays_awake(world: World) -> None:
    browser = world.client("reception.main")
    write(world, sa.update(UserSession).values(seen_at=now() - dt.timedelta(minutes=10)))
    assert is_in(browser)
    seen = max(world.query(sa.select(UserSession.seen_at)))
    assert now() - seen < dt.timedelta(minutes=1)


@pytest.mark.parametrize("mode", ["development", "production"])
def test_cookies_are_kept_from_scripts_and_other_sites(mode: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'kentro.sqlite'}"
    said = config.load({"KENTRO_MODE": mode, "SECRET_KEY": SECRET_KEY, "KENTRO_KEY": "ab" * 32, "DATABASE_URL": url})
    app = make_app(
        url, **{key: value for key, value in said.items() if key.startswith("SESSION_COOKIE") or key == "KENTRO_MODE"}
    )
    with app.app_context():
        flask_migrate.upgrade()
    answer = app.test_client().get(
        "/login", base_url="https://localhost" if mode == "production" else "http://localhost"
    )
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie and "Domain" not in cookie
    assert ("Secure" in cookie) == cookie.startswith("__Host-") == (mode == "production")
    assert ("Strict-Transport-Security" in answer.headers) == (mode == "production")
    with app.app_context():
        db.engine.dispose()


# --- strangers --------------------------------------------------------------------------------------------------------


def test_all_failures_are_one(world: World) -> None:
    """Wrong name, wrong password, suspended, throttled: one status, one text, one path through the code's hashing."""
    write(world, sa.update(User).where(User.username == "reception.roma").values(is_active=False))
    write(world, sa.update(User).where(User.username == "mediator.roma").values(password_hash=None))
    tries = {
        "wrong name": ("nobody", PASSWORD),
        "wrong password": ("caseworker.main", PASSWORD + "x"),
        "suspended": ("reception.roma", PASSWORD),
        "without password": ("mediator.roma", PASSWORD),
        "empty": ("", ""),
        "NUL": ("case\0worker.main", PASSWORD),
        "very long": ("x" * 100_000, "y" * 100_000),
    }
    answers = {}
    for name, (username, password) in tries.items():
        answer = world.client().post("/login", username=username, password=password)
        page = re.sub(r'value="[^"]*"', "", answer.text)
        answers[name] = (answer.status_code, page)
    browser = world.client()
    for _n in range(6):
        throttled = browser.post("/login", username="supervisor", password="x")
    answers["throttled"] = (throttled.status_code, re.sub(r'value="[^"]*"', "", throttled.text))
    first = answers["wrong name"]
    assert first[0] == 200
    for name, answer in answers.items():
        assert answer == first, f"{name} is told apart"
    assert "menu-group" not in first[1], "no menu for strangers"


def test_five_failures_close_a_name_for_a_while_and_thirty_an_address(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = world.app.config["LOGIN_WINDOW_MINUTES"]
    browser = world.client()

    def enter(username: str, password: str = PASSWORD) -> int:
        return world.client().post("/login", username=username, password=password).status_code

    for _n in range(5):
        assert browser.post("/login", username="supervisor", password="wrong").status_code == 200
    assert enter("supervisor") == 200, "the right password too"
    assert enter("SUPERVISOR") == 200
    assert enter("coordinator") == 302, "others go on"
    monkeypatch.setitem(world.app.config, "LOGIN_WINDOW_MINUTES", 0)
    assert enter("supervisor") == 302, "the window is over"
    monkeypatch.setitem(world.app.config, "LOGIN_WINDOW_MINUTES", window)
    for n in range(25):
        assert browser.post("/login", username=f"nobody{n}", password="wrong").status_code == 200
    assert enter("administrator") == 200, "thirty failures from one address"
    data = {"username": "administrator", "password": PASSWORD, "csrf_token": _token(browser)}
    elsewhere = browser.client.post("/login", data=data, environ_base={"REMOTE_ADDR": "10.9.8.7"})
    assert elsewhere.status_code == 302, "another address goes on"
    monkeypatch.setitem(world.app.config, "LOGIN_WINDOW_MINUTES", 0)
    assert enter("administrator") == 302
    actions = [entry.action for entry in world.query(sa.select(AuditEntry))]
    assert actions.count(AuditAction.LOGIN_FAILED) == 30, "each failure has its entry"
    assert actions.count(AuditAction.REFUSED) == 3, "and so has each try that was not even checked"


def _token(browser: Browser) -> str:
    browser.get("/login")
    return browser.token


def test_the_address_cannot_be_made_up(world: World) -> None:
    """Without a proxy in front, X-Forwarded-For says nothing."""
    browser = world.client()
    browser.client.post(
        "/login",
        data={"username": "x", "password": "x", "csrf_token": _token(browser)},
        headers={"X-Forwarded-For": "1.2.3.4"},
    )
    assert world.query(sa.select(AuditEntry.ip).order_by(AuditEntry.seq.desc()))[0] == "127.0.0.1"


def redirect_lines() -> list[str]:
    texts = [path.read_text(encoding="utf-8") for path in sorted(TEXTS.glob("*redirect*.txt"))]
    lines = [line for text in texts for line in text.splitlines() if line.strip()]
    return [
        *lines,
        *("/" + line for line in lines),
        "/\t/evil.example",
        "/ /evil.example",
        "javascript:alert(1)",
        "//evil.example\\@localhost/",
    ]


def stays_here(location: str) -> bool:
    return location.startswith("/") and location[1:2] not in ("/", "\\") and not re.search(r"[\x00-\x20\\]", location)


def test_signing_in_leads_nowhere_else(world: World) -> None:
    """`next` of the sign-in page and of the language switch, on every line of the open-redirect lists."""
    lines = redirect_lines()
    assert len(lines) > 400
    browser = world.client("reception.main")
    for line in lines:
        own = auth.own_address(line)
        assert own is None or stays_here(own), line
    for line in lines[::10]:
        answer = browser.post("/language/el", next=line)
        assert answer.status_code == 302 and stays_here(answer.headers["Location"]), line
    for line in lines[::60]:
        stranger = world.client()
        data = {"username": "reception.main", "password": PASSWORD, "csrf_token": _token(stranger)}
        answer = stranger.client.post("/login", query_string={"next": line}, data=data)
        assert answer.status_code == 302 and stays_here(answer.headers["Location"]), line


def test_signing_in_leads_back_to_the_page_that_was_asked_for(world: World) -> None:
    browser = world.client()
    asked = browser.get("/admin/beneficiary/?search=%CE%B1")
    assert asked.status_code == 302
    page = browser.get(asked.headers["Location"])
    data = {"username": "reception.main", "password": PASSWORD, "csrf_token": browser.token}
    answer = browser.client.post(asked.headers["Location"], data=data)
    assert page.status_code == 200 and answer.headers["Location"].startswith("/admin/beneficiary/?search=")


def test_returning_after_saving_leads_nowhere_else(world: World) -> None:
    browser = world.client("caseworker.main")
    url = f"/admin/beneficiary/edit/?id={world.rows['main']['beneficiary']}"
    for line in redirect_lines()[::60]:
        answer = browser.post(url, {**browser.form(url), "url": line})
        assert answer.status_code in (302, 404), line
        assert answer.status_code == 404 or stays_here(answer.headers["Location"].removeprefix("http://localhost")), (
            line
        )


# --- forged forms -----------------------------------------------------------------------------------------------------


def post_routes(app: Flask) -> list[str]:
    rules = [rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())]
    return sorted({re.sub(r"<[^>]*>", "el" if "language" in rule.rule else "xlsx", rule.rule) for rule in rules})


def test_no_form_is_taken_without_its_token(world: World) -> None:
    routes = post_routes(world.app)
    assert len(routes) > 60
    everything = sa.text("SELECT max(seq) FROM audit_entry")
    browser = world.client("coordinator")
    with world.app.app_context(), by_hand().connect() as connection:
        before = connection.scalar(everything)
    for route in routes:
        for said in ({}, {"csrf_token": "IjEi.aaaa.bbbb"}):
            data = {"id": "1", "rowid": "1", "action": "delete", "to": "SENT", **said}
            answer = browser.client.post(f"{route}?id=1", data=data)
            assert answer.status_code == 400, f"{route} took a form with the token {said}"
    with world.app.app_context(), by_hand().connect() as connection:
        assert connection.scalar(everything) == before, "something was done"
    assert is_in(browser)


def test_another_sessions_token_is_not_taken(world: World) -> None:
    mine, other = world.client("caseworker.main"), world.client("caseworker.roma")
    other.get("/password")
    assert mine.client.post("/logout", data={"csrf_token": other.token}).status_code == 400
    assert is_in(mine)


def test_reading_changes_nothing(world: World) -> None:
    """GET on what changes something is no way around the form."""
    browser = world.client("coordinator")
    for url in (
        "/logout",
        "/language/en",
        "/admin/visit/delete/?id=1",
        "/admin/visit/action/",
        "/admin/referral/move/?id=1",
    ):
        assert browser.get(url).status_code in (404, 405, 302), url
    assert is_in(browser) and world.one(User, world.users["coordinator"]).language.value == "el"


# --- a new installation -----------------------------------------------------------------------------------------------


def test_a_new_installation_lets_nobody_in_until_a_command_makes_the_first_administrator(tmp_path: Path) -> None:
    app = make_app(f"sqlite:///{tmp_path / 'kentro.sqlite'}")
    with app.app_context():
        flask_migrate.upgrade()
        policy.bind(db.session, policy.SYSTEM)
        assert db.session.scalar(sa.select(sa.func.count(User.id))) == 0
        db.session.rollback()
    world = World(app, "sqlite")
    for username, password in (
        ("admin", "admin"),
        ("administrator", "administrator"),
        ("root", ""),
        ("kentro", "kentro"),
    ):
        assert world.client().post("/login", username=username, password=password).status_code == 200
    runner = app.test_cli_runner()
    for bad in ("short\n", "\n"):
        made = runner.invoke(
            args=["admin", "create", "first", "--name", "Πρώτη Χρήστρια", "--password-stdin"], input=bad
        )
        assert made.exit_code != 0 and "Traceback" not in made.output
    made = runner.invoke(
        args=["admin", "create", "first", "--name", "Πρώτη Χρήστρια", "--password-stdin"], input=f"{PASSWORD}\n"
    )
    assert made.exit_code == 0, made.output
    assert PASSWORD not in made.output
    browser = world.client()
    assert browser.post("/login", username="first", password=PASSWORD).status_code == 302
    assert browser.get("/admin/user/").status_code == 200 and browser.get("/admin/beneficiary/").status_code == 403
    with app.app_context():
        db.engine.dispose()


# --- every answer -----------------------------------------------------------------------------------------------------


def test_the_language_is_remembered_with_the_user(world: World) -> None:
    browser = world.client("reception.main")
    assert 'lang="el"' in browser.get("/admin/").text
    assert browser.post("/language/en", next="/admin/visit/").headers["Location"] == "/admin/visit/"
    assert 'lang="en"' in browser.get("/admin/").text
    assert 'lang="en"' in world.client("reception.main").get("/admin/").text, "on another machine too"
    assert 'lang="el"' in world.client("reception.roma").get("/admin/").text
    assert browser.post("/language/fr").status_code == 404
    stranger = world.client()
    stranger.get("/login")
    stranger.post("/language/en")
    assert 'lang="en"' in stranger.get("/login").text
    browser.post("/logout")
    assert 'lang="en"' in browser.get("/login").text, "the sign-in page stays in the language it was left in"


def test_every_kind_of_answer_carries_the_headers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(world.app.config, "PROPAGATE_EXCEPTIONS", False)
    browser, stranger = world.client("coordinator"), world.client()
    mine = world.rows["main"]["beneficiary"]
    answers = {
        "page": (browser.get("/admin/"), 200),
        "list": (browser.get("/admin/beneficiary/"), 200),
        "form": (browser.get(f"/admin/beneficiary/edit/?id={mine}"), 200),
        "look-up": (browser.get("/admin/visit/ajax/lookup/?name=beneficiary_id&query=%CE%B1"), 200),
        "export": (browser.get("/admin/beneficiary/export/xlsx/"), 200),
        "redirect": (browser.get("/"), 302),
        "sign-in": (stranger.get("/login"), 200),
        "stranger": (stranger.get("/admin/beneficiary/"), 302),
        "healthz": (stranger.get("/healthz"), 200),
        "no token": (browser.client.post("/logout"), 400),
        "refused": (browser.get("/admin/user/"), 403),
        "missing": (browser.get("/admin/beneficiary/details/?id=999999"), 404),
        "no such page": (browser.get("/wp-login.php"), 404),
        "no such method": (browser.client.put("/login"), 405),
        "too large": (browser.post("/password", current="x" * 13_000_000), 413),
    }
    for name, (answer, status) in answers.items():
        headers = answer.headers
        answer.close()
        assert answer.status_code == status, f"{name}: {answer.status_code}"
        assert "default-src 'self'" in headers["Content-Security-Policy"], name
        assert (
            "unsafe" not in headers["Content-Security-Policy"]
            and "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        ), name
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "same-origin", name
        assert headers["Cache-Control"] == "no-store", name
        assert "Server" not in headers or "Werkzeug" not in headers["Server"], name
    css = browser.get(re.findall(r'href="(/assets/all.css[^"]+)"', browser.get("/accessibility").text)[0])
    assert "immutable" in css.headers["Cache-Control"] and "Set-Cookie" not in css.headers


def test_head_is_get_without_the_body(world: World) -> None:
    browser = world.client("reception.main")
    for url in ("/login", "/admin/", "/admin/beneficiary/", "/healthz"):
        head, got = browser.client.head(url), browser.get(url)
        assert (head.status_code, head.mimetype) == (got.status_code, got.mimetype) and head.data == b"", url


def test_pages_for_errors_are_greek_and_say_nothing_of_the_inside(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database's own failure, met on every kind of page."""
    monkeypatch.setitem(world.app.config, "PROPAGATE_EXCEPTIONS", False)
    browser, stranger = world.client("coordinator"), world.client()
    browser.get("/admin/"), stranger.get("/login")
    write(world, sa.text("ALTER TABLE visit RENAME TO visit_elsewhere"))
    answer = browser.get("/admin/visit/")
    assert answer.status_code == 500 and "Παρουσιάστηκε σφάλμα στο σύστημα" in answer.text
    write(world, sa.text("ALTER TABLE municipality RENAME TO municipality_elsewhere"))
    for name, failed in {
        "list": browser.get("/admin/visit/"),
        "home": browser.get("/admin/"),
        "sign-in": stranger.get("/login"),
        "signing in": stranger.client.post(
            "/login", data={"username": "x", "password": "x", "csrf_token": stranger.token}
        ),
        "missing": stranger.get("/nowhere"),
    }.items():
        assert failed.status_code in (404, 500), f"{name}: {failed.status_code}"
        assert (
            failed.mimetype == "text/html"
            and 'lang="el"' in failed.text
            and "Παρουσιάστηκε σφάλμα στο σύστημα" in failed.text
        ), name
        for word in (
            "Traceback",
            "SELECT",
            "visit_elsewhere",
            "sqlalchemy",
            "psycopg",
            "OperationalError",
            "/admin_views/",
        ):
            assert word not in failed.text, f"{name}: {word}"
        assert failed.headers["Cache-Control"] == "no-store" and "Content-Security-Policy" in failed.headers, name
