"""Who asks: the live session behind a request, resolved once; how a session begins and ends."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, current_app, g, request, session
from flask_login import current_user, login_user

import audit
import policy
from db import begin_write, db, hold_rights
from models import Municipality, SecondFactor, Unit, User, UserSession, now
from vocabulary import AuditAction

OPEN_FILES = ("static", "asset")
"""What everybody may fetch, and nobody is asked for."""
HASHING = ("auth.login", "auth.code", "auth.password", "auth.confirm", "auth.factor", "auth.recovery_codes")
"""They spend their time on a password's hash or wait for another's, and no other writer should wait for that."""
LASTING = 60  # seconds between two notes that a session is in use

blueprint = Blueprint("auth", __name__)


class SignedIn:
    """Flask-Login's user: a live server-side session and its user, as they stood when the request came."""

    is_authenticated = is_active = True
    is_anonymous = False

    def __init__(self, token: str, kept: Any) -> None:
        self.token, self.kept = token, kept

    def get_id(self) -> str:
        """What the signed cookie carries: the session's secret, never the user's number."""
        return self.token

    @property
    def session(self) -> UserSession:
        """The row of the session, to be changed."""
        return db.session.get_one(UserSession, self.kept.session_id)

    @property
    def user(self) -> User:
        """The row of the user, to be changed."""
        return db.session.get_one(User, self.kept.user_id)


SESSION = (
    sa.select(
        UserSession.id.label("session_id"), UserSession.token_hash, UserSession.created_at, UserSession.seen_at,
        UserSession.confirmed_at, SecondFactor.id.label("factor_id"),
        User.id.label("user_id"), User.full_name, User.role, User.language, User.password_changed_at,
        Unit.id.label("unit_id"), Unit.name.label("unit_name"),
        Municipality.name, Municipality.centre_name, Municipality.co_financing,
    )
    .join(UserSession.user)
    .outerjoin(SecondFactor, SecondFactor.user_id == User.id)
    .outerjoin(Unit, policy.units_of_user())
    .outerjoin(Municipality, sa.true())
    .where(UserSession.token_hash == sa.bindparam("token_hash"), UserSession.ended_at.is_(None), User.is_active)
    .order_by(Unit.id)
)  # fmt: skip
"""Session, user, units and house in one query."""


def load(token: object) -> SignedIn | None:
    """The live session of this secret, for Flask-Login."""
    # Past the session, which narrows and wraps: this comes before every page, and before there is a scope.
    found = db.session.connection().execute(SESSION, {"token_hash": hash_of(str(token))}).all()
    if not found or not _is_living(found[0]):
        return None
    g.units = {row.unit_id: row.unit_name for row in found if row.unit_id is not None}
    g.municipality = found[0]
    return SignedIn(str(token), found[0])


def _is_living(kept: Any) -> bool:
    seen_after, created_after = living_since()
    return kept.seen_at > seen_after and kept.created_at > created_after


def living_since() -> tuple[dt.datetime, dt.datetime]:
    """A session lives that was used after the one and began after the other."""
    moment, settings = now(), current_app.config
    return (
        moment - dt.timedelta(minutes=settings["IDLE_MINUTES"]),
        moment - dt.timedelta(hours=settings["SESSION_HOURS"]),
    )


def open_request() -> None:
    """Resolve user, language and scope, once, before anything else reads or writes."""
    if request.endpoint in OPEN_FILES:
        return
    g.request_id = secrets.token_hex(8)
    if request.method not in ("GET", "HEAD", "OPTIONS") and request.endpoint not in HASHING:
        _begin_act()
    g.kept = current_user.kept if current_user.is_authenticated else None
    if g.kept is None and "_user_id" in session and "_flashes" in session:
        _hush()
    g.language = g.kept.language.value if g.kept else session.get("language", "el")
    policy.bind(db.session, _scope(g.kept))


def _hush() -> None:
    """What an ended session still had to say is for nobody else; that a form was saved is told to its draft alone."""
    session["_flashes"] = [said for said in session["_flashes"] if said[0] == "saved"]


def _begin_act() -> None:
    """Before it is asked who acts: what a user may do does not change between the asking and the act."""
    begin_write()
    hold_rights(to_change=request.blueprint in policy.ACCOUNTS)


def _scope(kept: Any) -> policy.Scope:
    if kept is None:
        return policy.Scope(**context())
    return policy.Scope(
        user_id=kept.user_id,
        name=kept.full_name,
        role=kept.role,
        unit_ids=tuple(g.units),
        unit_names=tuple(g.units.values()),
        session_ref=kept.token_hash[:16],
        **context(),
    )


def context() -> dict[str, Any]:
    """What a scope tells of the request."""
    return {"request_id": g.request_id, "ip": request.remote_addr}


def close_request(response: Any) -> Any:
    """The request's one commit; a session in use is noted at most once a minute."""
    if request.endpoint in OPEN_FILES:
        return response
    if response.status_code == 403:
        audit.note(db.session, AuditAction.REFUSED, subject_type=(request.endpoint or "").partition(".")[0])
    try:
        audit.commit(db.session)
    except BaseException:
        response.close()
        raise
    kept = g.get("kept")
    if kept is not None and response.status_code != 500 and (now() - kept.seen_at).total_seconds() > LASTING:
        _note_use(kept)
    return response


def _note_use(kept: Any) -> None:
    """Not worth failing a request for: what it asked is done and committed."""
    try:
        db.session.rollback()  # after an error page the question itself has begun a transaction, as a reader
        begin_write()
        db.session.get_one(UserSession, kept.session_id).seen_at = now()
        db.session.commit()
    except sa.exc.OperationalError:
        db.session.rollback()


# --- a session's life -------------------------------------------------------------------------------------------------


def begin_session(user: User) -> None:
    """A new secret at every sign-in; nothing of the session before it is kept."""
    token, moment = secrets.token_urlsafe(32), now()
    db.session.commit()
    begin_write()
    kept = UserSession(
        token_hash=hash_of(token), user=user, created_at=moment, seen_at=moment, confirmed_at=moment,
        address=request.remote_addr, agent=(request.user_agent.string or "").replace("\0", "")[:200] or None,
    )  # fmt: skip
    db.session.add(kept)
    asked = policy.scope_in(db.session)
    policy.bind(db.session, policy.scope_of(user, session_ref=kept.token_hash[:16], **context()))
    audit.note(db.session, AuditAction.LOGIN, user)
    # Before there is a cookie: a sign-in that cannot be recorded does not happen.
    try:
        audit.commit(db.session)
    except audit.Unrecorded:
        policy.bind(db.session, asked)
        raise
    session.clear()
    login_user(SignedIn(token, kept))


def confirm_session() -> None:
    """The user said again who they are: noted at once, under a new secret (ASVS 5.0, 7.2.4)."""
    begin_write()
    token, kept = secrets.token_urlsafe(32), current_user.session
    kept.token_hash, kept.confirmed_at = hash_of(token), now()
    audit.note(db.session, AuditAction.CONFIRMED, current_user.user)
    # Whatever becomes of the rest of this request, the browser will hold the new secret.
    audit.commit(db.session)
    login_user(SignedIn(token, current_user.kept))
    _begin_act()


def end_sessions(user: User, but: UserSession | None = None) -> int:
    """End the user's sessions: after a change of password or role, and at suspension. Says how many."""
    living = sa.select(UserSession).where(UserSession.user_id == user.id, UserSession.ended_at.is_(None))
    ended = [kept for kept in db.session.scalars(living) if but is None or kept.id != but.id]
    for kept in ended:
        kept.ended_at = now()
    return len(ended)


def hash_of(token: str) -> str:
    """What the database keeps of a session's secret."""
    return hashlib.sha256(token.encode()).hexdigest()
