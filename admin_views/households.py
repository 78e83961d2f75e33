"""Households and their members."""

from __future__ import annotations

from typing import Any

from flask import url_for

import policy
from i18n import _
from models import Household, HouseholdMember
from vocabulary import HouseholdRelation

from .base import Child, KentroView
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
