"""How strong what nobody sees is: hashes, secrets, and the clock of the trail (ASVS 11.4.2, 11.5.1, 16.2.2)."""

from __future__ import annotations

import base64
import datetime as dt
import re
import unicodedata
from typing import Any

import argon2
import pytest
import sqlalchemy as sa
import time_machine

import passwords
from auth import codes
from models import AuditEntry, User
from tests.test_signin import write
from tests.test_trail import table
from tests.world import World
from vocabulary import AuditAction


def test_a_hash_costs_what_is_asked_of_it_today(world: World) -> None:
    """RFC 9106's second choice, above OWASP's least (19 MiB, 2 rounds); each with a salt of its own."""
    kept = [passwords.make_hash("μία και η αυτή φράση") for _n in range(2)]
    assert kept[0] != kept[1]
    for each in (*kept, *world.query(sa.select(User.password_hash))):
        said = argon2.extract_parameters(each)
        assert said.type is argon2.Type.ID and said.salt_len >= 16 and said.hash_len >= 32
        assert said.memory_cost >= 64 * 1024 and said.time_cost >= 3, each


def test_every_try_costs_one_hash(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is tried, known or not, suspended or closed for a while: no clock tells who has an account."""
    tried: list[str] = []

    class Counted(argon2.PasswordHasher):
        def verify(self, kept: Any, password: Any) -> Any:
            tried.append(kept)
            return super().verify(kept, password)

    monkeypatch.setattr(passwords, "_hasher", Counted())
    write(world, sa.update(User).where(User.username == "reception.roma").values(is_active=False))
    write(world, sa.update(User).where(User.username == "mediator.roma").values(password_hash=None))
    for username in ("nobody", "caseworker.main", "reception.roma", "mediator.roma", "", "x" * 5000):
        tried.clear()
        world.client().post("/login", username=username, password="λάθος")
        assert len(tried) == 1 and argon2.extract_parameters(tried[0]).memory_cost >= 64 * 1024, username
    browser = world.client()
    for _n in range(7):
        tried.clear()
        browser.post("/login", username="supervisor", password="λάθος")
        assert len(tried) == 1
    assert tried == [passwords._DECOY], "closed for a while, nobody's own hash is tried any more"


def test_the_same_letters_written_otherwise_are_another_password() -> None:
    """ASVS 6.2.8: compared as typed, byte for byte; composed and decomposed accents are not made alike."""
    composed, decomposed = (unicodedata.normalize(form, "μία μεγάλη φράση") for form in ("NFC", "NFD"))
    kept = passwords.make_hash(composed)
    assert composed != decomposed and passwords.matches(composed, kept) and not passwords.matches(decomposed, kept)


def test_secrets_are_long_and_never_the_same(world: World) -> None:
    """A session's secret has 256 bits, a second factor's 160; a recovery code 53, is taken once, and tried five times."""
    browsers = [world.client("caseworker.main") for _n in range(3)]
    cookies = [browser.client.get_cookie("kentro") for browser in browsers]
    serializer = world.app.session_interface.get_signing_serializer(world.app)  # type: ignore[attr-defined]
    secrets = [serializer.loads(cookie.value)["_user_id"] for cookie in cookies if cookie]
    assert len(set(secrets)) == 3
    assert all(len(base64.urlsafe_b64decode(each + "==")) == 32 for each in secrets)
    assert len({codes.new_secret() for _n in range(50)}) == 50 and codes.SECRET_BYTES * 8 >= 128
    with world.app.app_context():
        shown, _kept = codes.recovery_codes()
    assert len(set(shown)) == 10 and all(re.fullmatch(r"(\d{4} ){3}\d{4}", each) for each in shown)


def test_the_night_on_which_an_hour_comes_twice(world: World) -> None:
    """25 October 2026, 03:30 in Athens, and again an hour later: the trail tells them apart, for it is kept in UTC."""
    seen = []
    for hour in (0, 1):
        with time_machine.travel(dt.datetime(2026, 10, 25, hour, 30, tzinfo=dt.UTC), tick=False):
            world.client("reception.main")
        signed_in = sa.select(AuditEntry).where(AuditEntry.action == AuditAction.LOGIN).order_by(AuditEntry.seq.desc())
        seen.append(world.query(signed_in.limit(1))[0].at)
    assert [each.utcoffset() for each in seen] == [dt.timedelta(0)] * 2
    assert seen[1] - seen[0] == dt.timedelta(hours=1)
    if world.dialect == "sqlite":
        assert "2026-10-25 00:30:00" in str(table(world)[-2]) and "2026-10-25 01:30:00" in str(table(world)[-1])


def test_every_entry_says_when_who_where_what_and_how_it_ended(world: World) -> None:
    """ASVS 16.2.1, over all that a day's work leaves: no entry lacks what an inquiry asks first."""
    browser, mine = world.client("caseworker.main"), world.rows["main"]
    browser.get(f"/admin/beneficiary/details/?id={mine['beneficiary']}")
    browser.get("/admin/beneficiary/?search=x")
    browser.get("/admin/user/")
    browser.submit(f"/admin/visit/edit/?id={mine['visit']}", request="x")
    browser.post("/admin/visit/delete/", id=mine["visit"])
    browser.get("/admin/visit/export/xlsx/").close()
    world.client().post("/login", username="nobody", password="x")
    browser.post("/logout")
    entries = [each for each in world.query(sa.select(AuditEntry)) if each.request_id is not None]
    assert {each.action for each in entries} >= {
        AuditAction.LOGIN, AuditAction.VIEW, AuditAction.SEARCH, AuditAction.REFUSED, AuditAction.UPDATE,
        AuditAction.DELETE, AuditAction.EXPORT, AuditAction.LOGIN_FAILED, AuditAction.LOGOUT,
    }  # fmt: skip
    for each in entries:
        assert each.at.tzinfo is not None and each.ip == "127.0.0.1" and re.fullmatch("[0-9a-f]{16}", each.request_id)
        assert each.subject_type or each.action == AuditAction.LOGOUT
        is_somebody = each.action not in (AuditAction.LOGIN_FAILED,)
        assert bool(each.actor_id and each.actor_name and each.actor_role and each.session_ref) is is_somebody
