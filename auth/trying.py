"""Trying a password or a code: one at a time, counted in the trail, and every failure looks and lasts the same."""

from __future__ import annotations

import datetime as dt
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from flask import after_this_request, current_app, request
from itsdangerous import BadSignature, URLSafeSerializer

import audit
import passwords
import policy
from db import begin_write, db
from models import AuditEntry, User, now
from vocabulary import AuditAction

from . import codes
from .asking import context

TRIES, TRIES_ANYWHERE, TRIES_PER_ADDRESS = 5, 30, 30
KNOWN_NAMES, KNOWN_DAYS = 8, 180
_one_at_a_time = threading.Lock()
"""What is counted before a try must be counted with all tries before it, however many come at once."""


def password_of(username: str, password: str) -> User | None:
    """The user whose name and password these are."""
    return _tried(
        username, _tag(username), lambda user: passwords.matches(password, user.password_hash if user else None)
    )


def code_of(user: User, typed: str) -> User | None:
    """The user, if the code is theirs now. Their password was right, so nobody else can close this to them."""
    tag = (_short(f"code of {user.username.casefold()}"), True)
    return _tried(user.username, tag, lambda user: _takes(user, typed))


def _takes(user: User | None, typed: str) -> bool:
    if user is None:
        return False
    db.session.commit()
    begin_write()
    with _acting(policy.scope_of(user, **context())):
        is_right = codes.takes(user, typed)
        audit.commit(db.session)
    return is_right


def _tried(username: str, tag: tuple[str, bool], proof: Callable[[User | None], bool]) -> User | None:
    # Whoever waits here holds no lock of the database, and so keeps nobody waiting.
    db.session.rollback()
    with _one_at_a_time:
        is_throttled = _too_many(*tag)
        user = db.session.scalar(sa.select(User).where(User.username == username[:81].replace("\0", "?")))
        is_right = proof(None if is_throttled else user)
        if user is not None and is_right and user.is_active:
            db.session.commit()
            return user
        if is_throttled:
            audit.note(db.session, AuditAction.REFUSED, subject_type="login", name=tag[0])
        else:
            audit.note(db.session, AuditAction.LOGIN_FAILED, user, subject_type="user", name=tag[0])
        audit.commit(db.session)
    return None


def _too_many(tag: str, is_its_own: bool) -> bool:
    """Five tries for a name from one address; and so many, from wherever, for a name or from an address.

    A browser in which the name has signed in before counts for itself, so that no stranger can lock its user out.
    """
    window = dt.timedelta(minutes=current_app.config["LOGIN_WINDOW_MINUTES"])
    recent = sa.select(sa.func.count(AuditEntry.seq)).where(
        AuditEntry.action == AuditAction.LOGIN_FAILED, AuditEntry.at > now() - window
    )
    named, here = AuditEntry.details.contains(tag), AuditEntry.ip == request.remote_addr
    with _acting(replace(policy.scope_in(db.session), is_system=True)):
        limits = [((named,), TRIES)] if is_its_own else [
            ((named, here), TRIES), ((named,), TRIES_ANYWHERE), ((here,), TRIES_PER_ADDRESS),
        ]  # fmt: skip
        return any((db.session.scalar(recent.where(*which)) or 0) >= tries for which, tries in limits)


@contextmanager
def _acting(scope: policy.Scope) -> Iterator[None]:
    asked = policy.scope_in(db.session)
    policy.bind(db.session, scope)
    try:
        yield
    finally:
        policy.bind(db.session, asked)


# --- browsers that a name has signed in from --------------------------------------------------------------------------


def remember_browser(user: User) -> None:
    """The browser of this answer keeps, sealed against forgery, that the user has signed in here."""
    known = {**_known(), _short(user.username.casefold()): secrets.token_urlsafe(16)}
    kept = _serializer().dumps(dict(list(known.items())[-KNOWN_NAMES:]))

    @after_this_request
    def keep(response: Any) -> Any:
        settings = current_app.config
        response.set_cookie(
            _cookie(), kept, max_age=KNOWN_DAYS * 86400, httponly=True, secure=settings["SESSION_COOKIE_SECURE"],
            samesite=settings["SESSION_COOKIE_SAMESITE"],
        )  # fmt: skip
        return response


def _tag(username: str) -> tuple[str, bool]:
    """What a failure is counted under, which tells nobody the name; and whether it is this browser's own."""
    name = _short(username.casefold())
    known = _known().get(name)
    return (_short(f"{name} in {known}"), True) if known else (name, False)


def _known() -> dict[str, str]:
    try:
        return dict(_serializer().loads(request.cookies.get(_cookie(), "")))
    except (BadSignature, TypeError, ValueError):
        return {}


def _cookie() -> str:
    return f"{current_app.config['SESSION_COOKIE_NAME']}-known"


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="known browser")


def _short(text: str) -> str:
    return "#" + audit.keyed_hash(text)[:24]
