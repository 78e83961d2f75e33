"""The house: municipality, units, users."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import flash, redirect, request, url_for
from flask_admin import expose
from markupsafe import Markup

import passwords
import policy
from auth import end_sessions, factor_of, living_sessions, note_ended, remove_factor
from db import BadValue, db
from i18n import Label, _
from identifiers import N_
from models import Membership, Municipality, SecondFactor, Unit, User, UserSession, now

from .base import Child, KentroView, greek_datetime
from .base.fields import TickField
from .base.filters import yes_or_no
from .menu import SETTINGS


class MunicipalityView(KentroView):
    """The municipality and its funded operation."""

    model = Municipality
    menu = SETTINGS
    list_columns = ("name", "centre_name", "project_ops_code", "phone", "email")
    children = (Child(Unit, "municipality_id", ("code", "kind", "name", "phone", "hours")),)


class UnitView(KentroView):
    """Main centre and annexes."""

    model = Unit
    menu = SETTINGS
    default_order = ("code", False)
    list_columns = ("code", "kind", "name", "address", "phone", "hours")
    locked_columns = ("code",)

    def on_model_change(self, form: Any, model: Any, is_created: bool) -> None:
        """There is one municipality."""
        if is_created:
            model.municipality_id = db.session.query(Municipality.id).scalar()


WRITING = frozenset({"create_view", "edit_view", "delete_view", "action_view"})


class UserView(KentroView):
    """Who signs in. The password made here is shown once, handed over and changed at the first sign-in."""

    model = User
    menu = SETTINGS
    default_order = ("username", False)
    list_columns = ("username", "full_name", "role", "specialty", "is_active")
    locked_columns = ("username",)
    confirmed_routes = WRITING | {"end_sessions_view", "reset_factor_view"}
    details_template = "admin/user/details.html"
    children = (Child(Membership, "user_id", ("unit_id",)),)
    made_filters = (
        yes_or_no(
            User, "signed_in_is", Label("Έχει συνδεθεί", "Has signed in"),
            lambda: User.id.in_(sa.select(UserSession.user_id)),
        ),
        yes_or_no(
            User, "own_password_is", Label("Έχει ορίσει δικό του κωδικό", "Has chosen a password"),
            lambda: User.password_changed_at.is_not(None),
        ),
    )  # fmt: skip

    def scaffold_form(self) -> Any:
        """The declared columns, and last whether the user needs another password, as each new one does."""
        form = super().scaffold_form()  # first: fields stand in the order in which they are made
        tick = TickField(
            Label("Νέος κωδικός πρώτης σύνδεσης", "New first password"),
            description=Label(
                "Φτιάχνεται τυχαίος και φαίνεται μία φορά, για να τον δώσετε. Ο παλιός παύει να ισχύει.",
                "A random one is made, and shown once, for you to hand over. The old one ends.",
            ),
        )
        return type("UserForm", (form,), {"first_password": tick})

    def get_create_form(self) -> Any:
        """Nobody signs in without a first password."""
        return type("NewUserForm", (self.scaffold_form(),), dict.fromkeys(["first_password"]))

    def on_model_change(self, form: Any, model: Any, is_created: bool) -> None:
        """A new password, role or suspension ends the user's sessions."""
        is_asked = "first_password" in form and form.first_password.data
        if model.id == self.scope.user_id and policy.changed(model) & {"role", "is_active"}:
            raise BadValue(
                N_("Nobody changes their own role or suspends themselves: another administrator does."), "role"
            )
        if model.id == self.scope.user_id and is_asked:
            raise BadValue(N_("One's own password is changed on its own page."), "first_password")
        if is_created or is_asked:
            form.made = passwords.make_first()
            model.password_hash = passwords.make_hash(form.made)
            model.password_changed_at, model.password_given_at = None, now()
        if not is_created and policy.changed(model) & {"password_hash", "role", "is_active"}:
            end_sessions(model)

    def after_model_change(self, form: Any, model: Any, is_created: bool) -> None:
        """The password that was made is told once, to whoever hands it over."""
        if made := getattr(form, "made", None):
            told = Markup(  # noqa: S704 (the catalogue's own)
                _(
                    "First password of %(name)s: %(password)s. Hand it over in person: it is not shown again, and ends "
                    "after %(days)s days."
                )
            )
            shown = Markup("<code>{}</code>").format(made)
            flash(told % {"name": model, "password": shown, "days": passwords.FIRST_DAYS}, "warning")

    def has_factor(self, row: Any) -> bool:
        """There is a second factor to take away."""
        return factor_of(row) is not None

    def sections(self, row: Any) -> list[tuple[Any, list[tuple[Any, str]]]]:
        """How the user signs in, too; not from where, which is the user's own to know."""
        factor = factor_of(row)
        said = [
            (Label("Ανοιχτές συνδέσεις", "Open sessions"), str(len(living_sessions(row)))),
            (SecondFactor.label, greek_datetime(factor.created_at) if factor else _("Not set up")),
        ]
        return [*super().sections(row), (Label("Σύνδεση", "Sign-in"), said)]

    @expose("/end_sessions/", methods=("POST",))
    def end_sessions_view(self) -> Any:
        """Sign the user out everywhere."""
        user = self.get_one(request.args.get("id"))
        note_ended(user, end_sessions(user))
        flash(_("The user's sessions were ended."), "success")
        return redirect(url_for(".details_view", id=user.id))

    @expose("/reset_factor/", methods=("POST",))
    def reset_factor_view(self) -> Any:
        """Take away the second factor of somebody who lost the telephone; they set up a new one at the next sign-in."""
        user = self.get_one(request.args.get("id"))
        if remove_factor(user):
            end_sessions(user)
            flash(_("The second factor was reset."), "success")
        else:
            flash(_("This user has no second factor."), "info")
        return redirect(url_for(".details_view", id=user.id))

    def routes(self) -> dict[str, str]:
        """A user's sessions and second factor are part of the user."""
        return {**super().routes(), "end_sessions_view": "edit", "reset_factor_view": "edit"}

    def warnings(self, row: Any, changed: set[str]) -> list[str]:
        """Whoever works in no unit sees nobody."""
        needs = policy.works_in_units(row.role) and not row.memberships
        return [_("This user works in no unit yet and sees nothing: add the units below.")] if needs else []


class MembershipView(KentroView):
    """Which units a user works in."""

    model = Membership
    confirmed_routes = WRITING
    list_columns = ("user_id", "unit_id")
    default_order = ("user_id", False)
