"""Events and who came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from flask import flash, g
from flask_admin.actions import action

from db import db
from i18n import Label, _, ngettext
from models import Consent, Event, EventAttendance, VolunteerHours, now
from vocabulary import Attendance, ConsentKind

from .base import ATHENS, Child, KentroView, greek_date, greek_datetime
from .menu import COMMUNITY


class EventView(KentroView):
    """Events."""

    model = Event
    menu = COMMUNITY
    default_order = ("starts_at", True)
    list_columns = ("starts_at", "title", "event_type", "place", "capacity", "unit_id")
    children = (
        Child(EventAttendance, "event_id", ("beneficiary_id", "attendance"), leads_to="beneficiary_id"),
        Child(VolunteerHours, "event_id", ("volunteer_id", "hours", "task")),
    )


class EventAttendanceView(KentroView):
    """Attendance, marked for many at once."""

    model = EventAttendance
    menu = COMMUNITY
    made_columns = {"held_on": Label("Ημ/νία δράσης", "Day of the event"), "photo": Label("Φωτογράφιση", "Photographs")}
    exported_columns = ("held_on", "photo")
    list_columns = ("beneficiary_id", "event_id", "held_on", "attendance", "photo", "unit_id")
    locked_columns = ("event_id", "beneficiary_id")
    kept_columns = ("event_id", "attendance")

    def look_beside(self, rows: list[Any]) -> None:
        """Who of the page's people consented to photographs, in one query."""
        people = [row.beneficiary_id for row in rows]
        given = sa.select(Consent.beneficiary_id).where(Consent.kind == ConsentKind.PHOTO)
        standing = given.where(Consent.withdrawn_on.is_(None), Consent.beneficiary_id.in_(people))
        g.photographed = set(db.session.scalars(standing))

    def shown(self, row: Any, name: str) -> str:
        """Which day it was, and whether the person may be photographed; without a consent that stands, not."""
        if name == "held_on":
            return greek_date(row.event.starts_at.astimezone(ATHENS)) if row.event else ""
        if name != "photo":
            return super().shown(row, name)
        if "photographed" not in g:
            self.look_beside([row])
        return _("Yes") if row.beneficiary_id in g.photographed else _("No")

    def warnings(self, row: Any, changed: set[str]) -> list[str]:
        """Nobody has come yet to what has not begun."""
        is_early = row.attendance == Attendance.ATTENDED and row.event.starts_at > now()
        return [_not_begun(row.event)] if is_early else []

    @action("attended", Label("Συμμετείχαν", "They attended"))  # type: ignore[arg-type]
    def action_attended(self, ids: Sequence[str]) -> None:
        """Mark the chosen people as having come."""
        rows = [self.get_one(id) for id in dict.fromkeys(ids)]
        for row in rows:
            row.attendance = Attendance.ATTENDED
        if self.flushed():
            for text in dict.fromkeys(text for row in rows for text in self.warnings(row, set())):
                flash(text, "warning")
            flash(
                ngettext("%(n)s record was changed.", "%(n)s records were changed.", len(rows), n=len(rows)), "success"
            )

    def is_action_allowed(self, name: str) -> bool:
        """Marking is editing."""
        return super().is_action_allowed("edit" if name == "attended" else name)


def _not_begun(event: Event) -> str:
    return _("«%(event)s» has not begun yet: it starts at %(at)s.", event=event, at=greek_datetime(event.starts_at))
