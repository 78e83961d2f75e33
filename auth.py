"""Signing in and out: sessions kept on the server, throttled failures, one answer for all of them."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import Blueprint, Flask, abort, current_app, flash, g, redirect, render_template, request, session, url_for
from flask_login import LoginManager, current_user, login_required, login_user, logout_user
from flask_wtf import FlaskForm
from flask_wtf.csrf import CSRFProtect
from wtforms import PasswordField, StringField

import audit
import passwords
import policy
from db import begin_write, db
from i18n import LANGUAGES, _
from models import AuditEntry, Municipality, Unit, User, UserSession, now
from vocabulary import AuditAction, Language

OPEN_FILES = ("static", "asset")
"""What everybody may fetch, and nobody is asked for."""
TRIES_PER_NAME, TRIES_PER_ADDRESS = 5, 30
LASTING = 60  # seconds between two notes that a session is in use

blueprint = Blueprint("auth", __name__)
manager = LoginManager()
csrf = CSRFProtect()


def init_app(app: Flask) -> None:
    """Sign-in, sessions and CSRF protection for the whole application."""
    csrf.init_app(app)
    manager.init_app(app)
    manager.session_protection = None
    manager.login_view = "auth.login"
    manager.unauthorized_handler(lambda: redirect(url_for("auth.login", next=request.full_path)))
    app.register_blueprint(blueprint)


# --- who is asking ----------------------------------------------------------------------------------------------------


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
        User.id.label("user_id"), User.full_name, User.role, User.language, User.password_changed_at,
        Unit.id.label("unit_id"), Unit.name.label("unit_name"),
        Municipality.name, Municipality.centre_name, Municipality.co_financing,
    )
    .join(UserSession.user)
    .outerjoin(Unit, policy.units_of_user())
    .outerjoin(Municipality, sa.true())
    .where(UserSession.token_hash == sa.bindparam("token_hash"), UserSession.ended_at.is_(None), User.is_active)
    .order_by(Unit.id)
)  # fmt: skip
"""Session, user, units and house in one query."""


@manager.user_loader
def _load(token: object) -> SignedIn | None:
    # Past the session, which narrows and wraps: this comes before every page, and before there is a scope.
    found = db.session.connection().execute(SESSION, {"token_hash": _hash(str(token))}).all()
    if not found or not _is_fresh(found[0]):
        return None
    g.units = {row.unit_id: row.unit_name for row in found if row.unit_id is not None}
    g.municipality = found[0]
    return SignedIn(str(token), found[0])


def _is_fresh(kept: Any) -> bool:
    idle = dt.timedelta(minutes=current_app.config["IDLE_MINUTES"])
    lifetime = dt.timedelta(hours=current_app.config["SESSION_HOURS"])
    moment = now()
    return moment - kept.seen_at < idle and moment - kept.created_at < lifetime


def open_request() -> None:
    """Resolve user, language and scope, once, before anything else reads or writes."""
    if request.endpoint in OPEN_FILES:
        return
    g.request_id = secrets.token_hex(8)
    # Signing in spends its time on the password's hash, and no other writer should wait for that.
    if request.method not in ("GET", "HEAD", "OPTIONS") and request.endpoint != "auth.login":
        begin_write()
    g.kept = current_user.kept if current_user.is_authenticated else None
    g.language = g.kept.language.value if g.kept else session.get("language", "el")
    policy.bind(db.session, _scope(g.kept))


def _scope(kept: Any) -> policy.Scope:
    if kept is None:
        return policy.Scope(**_context())
    return policy.Scope(
        user_id=kept.user_id,
        name=kept.full_name,
        role=kept.role,
        unit_ids=tuple(g.units),
        unit_names=tuple(g.units.values()),
        session_ref=kept.token_hash[:16],
        **_context(),
    )


def _context() -> dict[str, Any]:
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


def must_change_password() -> Any:
    """Whoever still has the password that somebody else chose goes to change it first."""
    open_to_all = ("auth.", *OPEN_FILES, "healthz", "accessibility")
    if (request.endpoint or "").startswith(open_to_all) or not current_user.is_authenticated:
        return None
    return redirect(url_for("auth.password")) if current_user.kept.password_changed_at is None else None


# --- pages ------------------------------------------------------------------------------------------------------------


class LoginForm(FlaskForm):  # type: ignore[misc]
    """Name and password."""

    username = StringField(render_kw={"autocomplete": "username", "autofocus": True, "required": True})
    password = PasswordField(render_kw={"autocomplete": "current-password", "required": True})


class PasswordForm(FlaskForm):  # type: ignore[misc]
    """The old password, and the new one twice."""

    current = PasswordField(render_kw={"autocomplete": "current-password", "required": True})
    new = PasswordField(render_kw={"autocomplete": "new-password", "required": True})
    again = PasswordField(render_kw={"autocomplete": "new-password", "required": True})


@blueprint.route("/login", methods=("GET", "POST"))
def login() -> Any:
    """Sign in."""
    if current_user.is_authenticated:
        return redirect(url_for("admin.index"))
    form = LoginForm()
    form.username.label.text, form.password.label.text = _("User name"), _("Password")
    if request.method == "POST":
        user = _checked(form.username.data or "", form.password.data or "")
        if user is not None:
            _begin_session(user)
            return redirect(own_address(request.args.get("next")) or url_for("admin.index"))
        flash(
            _("The user name or the password is not right, or there were too many tries. Try again in a while."),
            "error",
        )
        # Browsers keep the name that was typed; the password they do not.
        form.username.render_kw = {**form.username.render_kw, "autofocus": False}
        form.password.render_kw = {**form.password.render_kw, "autofocus": True}
    return render_template("login.html", form=form, title=_("Sign in"))


@blueprint.route("/logout", methods=("POST",))
def logout() -> Any:
    """Sign out; the session is dead on the server too."""
    if current_user.is_authenticated:
        audit.note(db.session, AuditAction.LOGOUT)
        current_user.session.ended_at = now()
        logout_user()
    session.clear()
    session["language"] = g.language
    return redirect(url_for("auth.login"))


@blueprint.route("/password", methods=("GET", "POST"))
@login_required
def password() -> Any:
    """Change one's own password; all other sessions of the user end."""
    form, user = PasswordForm(), current_user.user
    form.current.label.text, form.new.label.text = _("Current password"), _("New password")
    form.again.label.text = _("New password again")
    form.new.description = _("At least 12 characters; a sentence is easily remembered.")
    if request.method == "POST":
        problems = _problems(form, user)
        if not problems:
            user.password_hash, user.password_changed_at = passwords.make_hash(form.new.data), now()
            end_sessions(user, but=current_user.session)
            db.session.flush()
            flash(_("The password was changed."), "success")
            return redirect(url_for("admin.index"))
        for field, text in problems.items():
            form[field].errors = [text]
    must = user.password_changed_at is None
    intro = _("The password that you were given is known to whoever made it. Choose one that only you know.")
    return render_template("password.html", form=form, title=_("Change of password"), intro=intro if must else None)


@blueprint.route("/language/<code>", methods=("POST",))
def language(code: str) -> Any:
    """Greek or English, remembered."""
    if code not in LANGUAGES:
        abort(404)
    session["language"] = code
    if current_user.is_authenticated:
        current_user.user.language = next(each for each in Language if each.value == code)
        db.session.flush()
    return redirect(own_address(request.form.get("next")) or url_for("admin.index"))


# --- how --------------------------------------------------------------------------------------------------------------


def _checked(username: str, password: str) -> User | None:
    """The user whose name and password these are. Every failure looks and lasts the same."""
    name = "#" + audit.keyed_hash(username.casefold())[:24]
    is_throttled = _too_many(name)
    user = db.session.scalar(sa.select(User).where(User.username == username[:81].replace("\0", "?")))
    is_right = passwords.matches(password, user.password_hash if user and not is_throttled else None)
    if is_throttled:
        audit.note(db.session, AuditAction.REFUSED, subject_type="login", name=name)
        return None
    if user is None or not is_right or not user.is_active:
        audit.note(db.session, AuditAction.LOGIN_FAILED, user, subject_type="user", name=name)
        return None
    return user


def _too_many(name: str) -> bool:
    window = dt.timedelta(minutes=current_app.config["LOGIN_WINDOW_MINUTES"])
    recent = sa.select(sa.func.count(AuditEntry.seq)).where(
        AuditEntry.action == AuditAction.LOGIN_FAILED, AuditEntry.at > now() - window
    )
    asked = policy.scope_in(db.session)
    policy.bind(db.session, replace(asked, is_system=True))
    try:
        by_name = db.session.scalar(recent.where(AuditEntry.details.contains(name))) or 0
        by_address = db.session.scalar(recent.where(AuditEntry.ip == request.remote_addr)) or 0
    finally:
        policy.bind(db.session, asked)
    return by_name >= TRIES_PER_NAME or by_address >= TRIES_PER_ADDRESS


def _begin_session(user: User) -> None:
    """A new secret at every sign-in; nothing of the session before it is kept."""
    token, moment = secrets.token_urlsafe(32), now()
    db.session.commit()
    begin_write()
    kept = UserSession(token_hash=_hash(token), user=user, created_at=moment, seen_at=moment)
    db.session.add(kept)
    asked = policy.scope_in(db.session)
    policy.bind(db.session, policy.scope_of(user, session_ref=kept.token_hash[:16], **_context()))
    audit.note(db.session, AuditAction.LOGIN, user)
    # Before there is a cookie: a sign-in that cannot be recorded does not happen.
    try:
        audit.commit(db.session)
    except audit.Unrecorded:
        policy.bind(db.session, asked)
        raise
    session.clear()
    login_user(SignedIn(token, kept))


def end_sessions(user: User, but: UserSession | None = None) -> None:
    """End the user's sessions: after a change of password or role, and at suspension."""
    living = sa.select(UserSession).where(UserSession.user_id == user.id, UserSession.ended_at.is_(None))
    for kept in db.session.scalars(living):
        if but is None or kept.id != but.id:
            kept.ended_at = now()


def _problems(form: PasswordForm, user: User) -> dict[str, str]:
    """All that is wrong, by field."""
    found = {}
    if _checked(user.username, form.current.data or "") is None:
        found["current"] = _("The current password is not right, or there were too many tries. Try again in a while.")
    if form.new.data != form.again.data:
        found["again"] = _("The two new passwords differ.")
    try:
        passwords.make_hash(form.new.data or "")
    except passwords.WeakPassword as error:
        found["new"] = _(str(error))
    if form.new.data and form.new.data == form.current.data:
        found["new"] = _("This is the password that you have now.")
    return found


def own_address(asked: str | None) -> str | None:
    """A path of this application, or None: no address from outside leads elsewhere."""
    if not asked or not asked.startswith("/") or asked[1:2] in ("/", "\\") or any(ord(c) < 33 for c in asked):
        return None
    parts = urlsplit(asked)
    return asked if not parts.scheme and not parts.netloc and "\\" not in asked else None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
