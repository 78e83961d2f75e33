"""One's own account: second factor, recovery codes, and where one is signed in."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from flask import abort, flash, redirect, render_template, request, url_for
from flask_login import current_user, login_required
from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField

import audit
import vault
from db import begin_write, db, row_id
from i18n import _
from models import Municipality, User, UserSession, now
from vocabulary import AuditAction

from . import codes
from .again import ask_again
from .asking import blueprint, end_sessions, living_since
from .pages import must_have_factor

BROWSERS = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "Chrome": "Chrome", "Safari": "Safari"}
SYSTEMS = {"Windows": "Windows", "Android": "Android", "iPhone|iPad": "iOS", "Mac OS": "macOS", "Linux": "Linux"}


class FactorForm(FlaskForm):  # type: ignore[misc]
    """A first code, and the secret that it is of, sealed so that nobody can plant another."""

    # Without the focus, which on a telephone would leave the picture above it out of sight.
    code = StringField(render_kw={"autocomplete": "one-time-code", "inputmode": "numeric", "required": True})
    sealed = HiddenField()


@blueprint.route("/profile")
@login_required
def profile() -> Any:
    """The account: password, second factor, sessions."""
    user, factor = current_user.user, codes.factor_of(current_user.user)
    return render_template(
        "profile.html",
        user=user,
        factor=factor,
        codes_left=codes.recovery_left(factor) if factor else 0,
        must_have_factor=must_have_factor(user.role),
        sessions=[(kept, _device(kept.agent or "")) for kept in living_sessions(user)],
        here=current_user.kept.session_id,
        title=_("My account"),
    )


def _device(agent: str) -> str:
    """What a browser says of itself, in two words."""
    found = [
        next((name for sign, name in signs.items() if re.search(sign, agent)), None) for signs in (BROWSERS, SYSTEMS)
    ]
    return ", ".join(filter(None, found)) or _("Unknown program")


# --- sessions ---------------------------------------------------------------------------------------------------------


def living_sessions(user: User) -> list[UserSession]:
    """Where the user is signed in now, last used first."""
    seen_after, created_after = living_since()
    own = sa.select(UserSession).where(
        UserSession.user_id == user.id, UserSession.ended_at.is_(None),
        UserSession.seen_at > seen_after, UserSession.created_at > created_after,
    )  # fmt: skip
    return list(db.session.scalars(own.order_by(UserSession.seen_at.desc(), UserSession.id)))


@blueprint.route("/profile/sessions/end", methods=("POST",))
@login_required
def end_session() -> Any:
    """Sign out there."""
    key = row_id(request.form.get("id"))
    kept = next((each for each in living_sessions(current_user.user) if each.id == key), None)
    if kept is None:
        abort(404)
    kept.ended_at = now()
    note_ended(current_user.user, 1)
    flash(_("That session was ended."), "success")
    return redirect(url_for("auth.profile"))


@blueprint.route("/profile/sessions/end-others", methods=("POST",))
@login_required
def end_others() -> Any:
    """Sign out everywhere but here."""
    note_ended(current_user.user, end_sessions(current_user.user, but=current_user.session))
    flash(_("You are signed in here only."), "success")
    return redirect(url_for("auth.profile"))


def note_ended(user: User, sessions: int) -> None:
    """Record that sessions were ended by hand."""
    audit.note(db.session, AuditAction.LOGOUT, user, sessions=sessions)


# --- the second factor ------------------------------------------------------------------------------------------------


@blueprint.route("/profile/factor", methods=("GET", "POST"))
@login_required
def factor() -> Any:
    """Set up the second factor: a secret for the telephone's application, and a first code to show that it is there."""
    if current_user.kept.factor_id is not None:
        return redirect(url_for("auth.profile"))
    if (asked := ask_again()) is not None:
        return asked
    form, user = FactorForm(), current_user.user
    form.code.label.text = _("Code")
    form.code.description = _("The six digits that the application shows now.")
    secret = _offered(form)
    if request.method == "POST":
        step = codes.step_of(secret, form.code.data or "")
        if step is not None:
            return _enrolled(user, secret, step)
        form.code.errors = [
            _("The code is not right. See that the telephone's clock is, and type the code that it shows now.")
        ]
    form.sealed.data = vault.seal(secret, _context())
    return render_template(
        "factor.html",
        form=form,
        form_groups=[("", ["code"])],
        secret=" ".join(secret[n : n + 4] for n in range(0, len(secret), 4)),
        picture=codes.picture(secret, user.username, _issuer()),
        must=must_have_factor(user.role),
        title=_("Second factor"),
    )


def _offered(form: FactorForm) -> str:
    """The secret that the page offered, or a new one where it was not this session's."""
    try:
        return vault.unseal(form.sealed.data or "", _context())
    except vault.Sealed:
        return codes.new_secret()


def _context() -> str:
    return f"offered in session {current_user.kept.session_id}"


def _issuer() -> str:
    house = db.session.scalar(sa.select(Municipality.name))
    return f"Κέντρο – {house}" if house else "Κέντρο"


def _enrolled(user: User, secret: str, step: int) -> Any:
    shown, kept = codes.recovery_codes()
    db.session.commit()
    begin_write()
    if codes.factor_of(user) is not None:
        return redirect(url_for("auth.profile"))
    codes.enrol(user, secret, step, kept)
    # Whoever is signed in elsewhere got in without it.
    end_sessions(user, but=current_user.session)
    return _codes_page(shown)


@blueprint.route("/profile/factor/codes", methods=("POST",))
@login_required
def recovery_codes() -> Any:
    """New recovery codes, shown once."""
    if current_user.kept.factor_id is None:
        abort(404)
    if (asked := ask_again()) is not None:
        return asked
    shown, kept = codes.recovery_codes()
    db.session.commit()
    begin_write()
    factor = codes.factor_of(current_user.user)
    if factor is None:
        abort(404)
    factor.recovery = kept
    audit.note(db.session, AuditAction.UPDATE, factor, task="recovery codes")
    return _codes_page(shown)


def _codes_page(shown: list[str]) -> str:
    return render_template("recovery_codes.html", codes=shown, user=current_user.user, title=_("Recovery codes"))


@blueprint.route("/profile/factor/remove", methods=("POST",))
@login_required
def remove() -> Any:
    """Do without the second factor, where the role may."""
    user = current_user.user
    if must_have_factor(user.role):
        abort(403)
    if (asked := ask_again()) is not None:
        return asked
    remove_factor(user)
    flash(_("You sign in with your password alone now."), "success")
    return redirect(url_for("auth.profile"))


def remove_factor(user: User) -> bool:
    """Take the user's second factor away; whether there was one. The trail records who did."""
    kept = codes.factor_of(user)
    if kept is not None:
        db.session.delete(kept)
        db.session.flush()
    return kept is not None
