"""Households and their members."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import redirect, request, url_for
from flask_admin import expose

import audit
import policy
from db import BadValue, db, row_id
from i18n import _
from identifiers import N_
from models import PLACE, Beneficiary, Household, HouseholdMember
from vocabulary import AuditAction, HouseholdRelation

from .base import Child, KentroView
from .base.listing import PERSON
from .menu import PEOPLE


class HouseholdView(KentroView):
    """Households."""

    model = Household
    menu = PEOPLE
    list_columns = ("code", "name", "household_type", "housing", "address", "area", "unit_id")
    children = (
        Child(
            HouseholdMember,
            "household_id",
            ("beneficiary_id", "relation", "is_hosted", "is_student_away"),
            first=HouseholdMember.relation == HouseholdRelation.HEAD,
            leads_to="beneficiary_id",
        ),
    )

    def links(self, row: Any) -> list[dict[str, str]]:
        """A family is registered person by person, without leaving its household."""
        if not policy.may(self.scope, "create", "beneficiary"):
            return []
        here = self.get_url(".details_view", id=row.id)
        return [
            {
                "label": _("Register a new member"),
                "url": url_for("beneficiary.create_view", household_id=row.id, url=here),
            }
        ]

    @expose("/new/", methods=("GET", "POST"))
    def create_view(self) -> Any:
        """For who has a household already, or is out of sight, the form of any new one."""
        if request.method == "GET" and PERSON in request.args and self._head() is None:
            return redirect(url_for(".create_view"))
        return super().create_view()

    def create_form(self, obj: Any = None) -> Any:
        """From the page of a person of no household, surname and address are the person's, and the unit is."""
        form, person = super().create_form(obj), self._head()
        if person is None:
            return form
        audit.note_reading(db.session, AuditAction.VIEW, person)
        form._fields.pop("unit_id", None)
        if request.method == "GET":
            form.name.data = person.last_name
            for name in PLACE:
                form[name].data = getattr(person, name)
        return form

    def new_title(self) -> str:
        """Whose."""
        person = self._head()
        return _("New household of: %(person)s", person=person) if person else super().new_title()

    def _head(self) -> Beneficiary | None:
        """Whom the address names, and who is in no household yet."""
        key = row_id(request.args.get(PERSON))
        person = db.session.get(Beneficiary, key) if key else None
        if person is None or not policy.may(self.scope, "create", "household_member"):
            return None
        places = sa.select(HouseholdMember.id).where(HouseholdMember.beneficiary_id == key)
        is_free = self.takes(person, HouseholdMember) and db.session.scalar(places.limit(1)) is None
        return person if is_free else None

    def on_model_change(self, form: Any, model: Any, is_created: bool) -> None:
        """A household begun on a person's page is of the person's unit."""
        if not is_created or PERSON not in request.args:
            return
        person = self._head()
        if person is None:
            # The address of somebody who was restricted or erased meanwhile would stay in a household of nobody.
            raise BadValue(N_("This household cannot be begun for that person any more: begin anew."))
        model.unit_id = person.unit_id

    def after_model_change(self, form: Any, model: Any, is_created: bool) -> None:
        """And the person is its reference person."""
        person = self._head() if is_created else None
        if person is not None:
            db.session.add(HouseholdMember(household=model, beneficiary_id=person.id, relation=HouseholdRelation.HEAD))


class HouseholdMemberView(KentroView):
    """A person's place in a household."""

    model = HouseholdMember
    list_columns = (
        "household_id",
        "beneficiary_id",
        "relation",
        "is_hosted",
        "is_student_away",
        "joined_on",
        "left_on",
    )
    locked_columns = ("household_id", "beneficiary_id")
    kept_columns = ("household_id",)
