"""Households and their members."""

from __future__ import annotations

from models import Household, HouseholdMember

from .base import Child, KentroView
from .menu import PEOPLE


class HouseholdView(KentroView):
    """Households."""

    model = Household
    menu = PEOPLE
    list_columns = ("code", "name", "household_type", "housing", "address", "area", "unit_id")
    children = (Child(HouseholdMember, "household_id", ("beneficiary_id", "relation", "is_hosted", "is_student_away")),)


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
