"""Asking again who is there, before what would do most harm in the hands of somebody at an unlocked computer."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import current_app, redirect, render_template, request, url_for
from flask_login import current_user, login_required
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField

from i18n import _
from models import now

from .asking import blueprint, confirm_session
from .pages import own_address
from .trying import code_of, password_of

PREFIX = "confirm-"


class ConfirmForm(FlaskForm):  # type: ignore[misc]
    """The password, and a code where there is a second factor."""

    password = PasswordField(render_kw={"autocomplete": "current-password", "autofocus": True, "required": True})
    code = StringField(render_kw={"autocomplete": "one-time-code", "inputmode": "numeric", "required": True})


def ask_again(back: str | None = None) -> Any:
    """None if the reader said lately who they are; else the page that asks, to be answered instead.

    A form that was being sent is not lost: the page carries it on to where it was going. Whoever was only opening a
    page comes back to it, or to `back`.
    """
    window = current_app.config["FRESH_MINUTES"]
    if not window or now() - current_user.kept.confirmed_at < dt.timedelta(minutes=window):
        return None
    if request.method in ("GET", "HEAD"):
        return redirect(url_for("auth.confirm", next=back or request.full_path.rstrip("?")))
    form = _form()
    if f"{PREFIX}password" in request.form and _is_confirmed(form):
        return None
    return _page(form)


@blueprint.route("/confirm", methods=("GET", "POST"))
@login_required
def confirm() -> Any:
    """Say who you are, and go back to what you were about to open."""
    form = _form()
    if request.method == "POST" and _is_confirmed(form):
        return redirect(own_address(request.args.get("next")) or url_for("admin.index"))
    return _page(form)


def _form() -> ConfirmForm:
    form = ConfirmForm(prefix=PREFIX)
    form.password.label.text, form.code.label.text = _("Password"), _("Code of the second factor")
    if current_user.kept.factor_id is None:
        del form.code
    return form


def _is_confirmed(form: ConfirmForm) -> bool:
    user = password_of(current_user.user.username, form.password.data or "")
    if user is None:
        form.password.errors = [_("The password is not right, or there were too many tries. Try again in a while.")]
        return False
    if "code" in form and code_of(user, form.code.data or "") is None:
        form.code.errors = [_("The code is not right, or was used before. Wait for the next one.")]
        return False
    confirm_session()
    return True


def _page(form: ConfirmForm) -> str:
    sent = request.form.items(multi=True)
    carried = [(name, value) for name, value in sent if name != "csrf_token" and not name.startswith(PREFIX)]
    return render_template("confirm.html", form=form, carried=carried, title=_("Confirm that it is you"))
