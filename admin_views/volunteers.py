"""Volunteers and their hours."""

from __future__ import annotations

from models import Volunteer, VolunteerHours

from .base import Child, KentroView
from .menu import COMMUNITY


class VolunteerView(KentroView):
    """Volunteers."""

    model = Volunteer
    menu = COMMUNITY
    list_columns = ("last_name", "first_name", "phone", "skills", "availability", "started_on", "unit_id")
    children = (Child(VolunteerHours, "volunteer_id", ("on", "hours", "event_id", "task"), newest="on"),)


class VolunteerHoursView(KentroView):
    """Hours that volunteers gave."""

    model = VolunteerHours
    menu = COMMUNITY
    default_order = ("on", True)
    list_columns = ("on", "volunteer_id", "hours", "event_id", "task", "unit_id")
    locked_columns = ("volunteer_id",)
