"""Signing in, by password and code; signing out; password and language."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import abort, current_app, flash, g, redirect, render_template, request, session, url_for
from flask_login import current_user, login_required, logout_user
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField

import audit
import passwords
import policy
from db import begin_write, db
from i18n import LANGUAGES, _
from identifiers import N_
from models import User, now
from vocabulary import AuditAction, Language

from . import codes
from .asking import OPEN_FILES, begin_session, blueprint, end_sessions
from .trying import code_of, password_of, remember_browser

AWAITED_MINUTES = 5
WRONG = N_("The user name or the password is not right, or there were too many tries. Try again in a while.")
RUN_OUT = N_("This first password was not used in time. Ask the administrator for a new one.")


def must_change_password() -> Any:
    """Whoever still has the password that somebody else chose changes it first, and then sets up the second factor."""
    open_to_all = ("auth.", *OPEN_FILES, "healthz", "accessibility")
    if (request.endpoint or "").startswith(open_to_all) or not current_user.is_authenticated:
        return None
    first = to_do_first(current_user.kept)
    return redirect(url_for(first)) if first else None


def to_do_first(kept: Any) -> str | None:
    """The page without which nothing else is open to this session, if there is one."""
    if kept.password_changed_at is None:
        return "auth.password"
    return "auth.factor" if kept.factor_id is None and must_have_factor(kept.role) else None


def must_have_factor(role: Any) -> bool:
    """Nobody of this role works here without a second factor."""
    return current_app.config["SECOND_FACTOR"] == "required" and role in policy.SECOND_FACTOR


class LoginForm(FlaskForm):  # type: ignore[misc]
    """Name and password."""

    username = StringField(render_kw={"autocomplete": "username", "autofocus": True, "required": True})
    password = PasswordField(render_kw={"autocomplete": "current-password", "required": True})


class CodeForm(FlaskForm):  # type: ignore[misc]
    """A code of the second factor."""

    code = StringField(
        render_kw={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True, "required": True}
    )


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
        user = password_of(form.username.data or "", form.password.data or "")
        if user is not None and not passwords.has_run_out(user.password_given_at, now()):
            return _await_code(user) if codes.factor_of(user) else _let_in(user)
        if user is not None:
            audit.note(db.session, AuditAction.LOGIN_FAILED, user)
        flash(_(RUN_OUT if user is not None else WRONG), "error")
        # Browsers keep the name that was typed; the password they do not.
        form.username.render_kw = {**form.username.render_kw, "autofocus": False}
        form.password.render_kw = {**form.password.render_kw, "autofocus": True}
    # Whoever signed out has none in the cookie; of a session that ended otherwise it is left.
    has_ended = request.method == "GET" and "_user_id" in session
    return render_template("login.html", form=form, title=_("Sign in"), has_ended=has_ended)


def _let_in(user: User) -> Any:
    begin_session(user)
    remember_browser(user)
    return redirect(own_address(request.args.get("next")) or url_for("admin.index"))


def _await_code(user: User) -> Any:
    """The password was right; what this cookie says opens nothing but the page that asks for the code."""
    session["awaited"] = [user.id, now().timestamp(), _mark(user)]
    return redirect(url_for("auth.code", next=own_address(request.args.get("next"))))


def _awaited() -> User | None:
    key, since, mark = session.get("awaited") or (None, 0, "")
    user = db.session.get(User, key) if key and now().timestamp() - since < AWAITED_MINUTES * 60 else None
    return user if user is not None and user.is_active and mark == _mark(user) else None


def _mark(user: User) -> str:
    """Another as soon as the password is another."""
    return audit.keyed_hash(f"awaited {user.id} {user.password_hash}")[:32]


@blueprint.route("/login/code", methods=("GET", "POST"))
def code() -> Any:
    """The second step of signing in, for those who have a second factor."""
    if current_user.is_authenticated:
        return redirect(url_for("admin.index"))
    user = _awaited()
    if user is None:
        return redirect(url_for("auth.login", next=own_address(request.args.get("next"))))
    form = CodeForm()
    form.code.label.text = _("Code")
    form.code.description = _("The six digits of the application on your telephone, or one of your recovery codes.")
    if request.method == "POST":
        if code_of(user, form.code.data or "") is not None:
            return _let_in(user)
        form.code.errors = [_("The code is not right, or was used before. Wait for the next one.")]
    return render_template("code.html", form=form, title=_("Second step of signing in"))


@blueprint.route("/logout", methods=("POST",))
def logout() -> Any:
    """Sign out; the session is dead on the server too."""
    if current_user.is_authenticated:
        audit.note(db.session, AuditAction.LOGOUT)
        current_user.session.ended_at = now()
        logout_user()
    session.clear()
    session["language"] = g.language
    response = redirect(url_for("auth.login"))
    # Not "storage": drafts stay on the computer, encrypted for their writer alone; nor "cookies": the language is one.
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


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
            kept = passwords.make_hash(form.new.data, *_names(user))
            begin_write()
            user.password_hash, user.password_changed_at, user.password_given_at = kept, now(), None
            end_sessions(user, but=current_user.session)
            db.session.flush()
            flash(_("The password was changed."), "success")
            return redirect(url_for("admin.index"))
        for field, text in problems.items():
            form[field].errors = [text]
    must = user.password_changed_at is None
    intro = _("The password that you were given is known to whoever made it. Choose one that only you know.")
    return render_template("password.html", form=form, title=_("Change of password"), intro=intro if must else None)


def _names(user: User) -> tuple[str, str]:
    return user.username, user.full_name


def _problems(form: PasswordForm, user: User) -> dict[str, str]:
    """All that is wrong, by field."""
    found = {}
    if password_of(user.username, form.current.data or "") is None:
        found["current"] = _("The current password is not right, or there were too many tries. Try again in a while.")
    if form.new.data != form.again.data:
        found["again"] = _("The two new passwords differ.")
    try:
        passwords.check(form.new.data or "", *_names(user))
    except passwords.WeakPassword as error:
        found["new"] = _(str(error))
    if form.new.data and form.new.data == form.current.data:
        found["new"] = _("This is the password that you have now.")
    return found


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


def own_address(asked: str | None) -> str | None:
    """A path of this application, or None: no address from outside leads elsewhere."""
    if not asked or not asked.startswith("/") or asked[1:2] in ("/", "\\") or any(ord(c) < 33 for c in asked):
        return None
    parts = urlsplit(asked)
    return asked if not parts.scheme and not parts.netloc and "\\" not in asked else None
