"""The day at the desk and the work after it: visits, appointments, services, applications, notes."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from flask import url_for

import policy
from db import db, fields
from i18n import Label, _
from models import Application, Appointment, CaseNote, Programme, Service, ServiceDelivery, Visit, now, today
from vocabulary import AppointmentStatus, Axis

from .base import Ahead, Child, KentroView, Warn, greek_datetime
from .base.fields import LinkField
from .base.filters import IS, ColumnFilter, start_of
from .menu import CATALOGUES, RECEPTION, SERVICES

LONGEST = dt.timedelta(hours=8)
CALLER = ("caller", "caller_phone")


class VisitView(KentroView):
    """Visits, registered or anonymous."""

    model = Visit
    menu = RECEPTION
    default_order = ("at", True)
    list_columns = ("at", "beneficiary_id", "channel", "request", "staff_id", "unit_id")


class AppointmentView(KentroView):
    """Appointments."""

    model = Appointment
    menu = RECEPTION
    default_order = ("at", True)
    ahead = Ahead(
        lambda: Appointment.at >= start_of(today()),
        Label("πρώτα τα σημερινά και όσα έρχονται", "today's and those to come first"),
    )
    warns = {
        "status": Warn(
            Label("Πέρασε η ώρα", "Time has passed"),
            ("at", "minutes", "status"),
            lambda row: row.status == AppointmentStatus.BOOKED and row.at + dt.timedelta(minutes=row.minutes) < now(),
        )
    }
    list_columns = ("at", "beneficiary_id", "caller", "status", "staff_id", "unit_id")
    may_be_hidden = CALLER

    def is_reader(self, field: LinkField) -> bool:
        """Whoever serves nobody books for those who do."""
        return super().is_reader(field) and policy.may(self.scope, "create", ServiceDelivery.__tablename__)

    def links(self, row: Any) -> list[dict[str, str]]:
        """Whoever came is received."""
        if row.beneficiary is None or not self.view_of(Visit).can_create or not self.takes(row.beneficiary, Visit):
            return []
        here = self.get_url(".details_view", id=row.id)
        return [
            {"label": _("New visit"), "url": url_for("visit.create_view", beneficiary_id=row.beneficiary_id, url=here)}
        ]

    def create_form(self, obj: Any = None) -> Any:
        """Who called is not asked of somebody from whose page one comes."""
        form = super().create_form(obj)
        person = form._fields.get("beneficiary_id")  # an outside script may leave it out
        if person is not None and person.data and not any(form[name].data for name in CALLER):
            for name in CALLER:
                del form[name]
        return form

    def warnings(self, row: Any, changed: set[str]) -> list[str]:
        """Nobody is in two places, and nobody is both registered and not: what to look at again."""
        both = row.beneficiary_id and (row.caller or row.caller_phone) and changed & {"beneficiary_id", *CALLER}
        said = _("The caller's name is for somebody who is not registered: here a person is chosen too.")
        return [*self._clashes(row), *([said] if both else ())]

    def _clashes(self, row: Any) -> list[str]:
        """Other appointments of the same hours, and hours that are over."""
        same = sa.select(Appointment).where(
            Appointment.staff_id == row.staff_id,
            Appointment.id != row.id,
            Appointment.status == AppointmentStatus.BOOKED,
            Appointment.at.between(row.at - LONGEST, row.ends_at),
        )
        overlapping = [each for each in db.session.scalars(same) if each.at < row.ends_at and row.at < each.ends_at]
        found = [_("At the same time: %(whom)s, %(at)s.", whom=o, at=greek_datetime(o.at)) for o in overlapping]
        return found + ([_("This appointment lies in the past.")] if row.at < now() else [])


class ServiceDeliveryView(KentroView):
    """Services given."""

    model = ServiceDelivery
    menu = SERVICES
    made_filters = (
        ColumnFilter(
            ServiceDelivery, "axis_is", fields(Service)["axis"].label, IS,
            lambda column, axis: ServiceDelivery.service.has(Service.axis == axis),
            {axis.value: axis for axis in Axis}.__getitem__,
            [(axis.value, axis.label) for axis in Axis],
        ),
    )  # fmt: skip
    default_order = ("on", True)
    list_columns = ("on", "beneficiary_id", "service_id", "staff_id", "minutes", "unit_id")
    locked_columns = ("beneficiary_id",)
    kept_columns = ("service_id", "on", "staff_id", "minutes")


class ApplicationView(KentroView):
    """Applications to programmes."""

    model = Application
    menu = SERVICES
    default_order = ("opened_on", True)
    warns = {
        "renewal_on": Warn(
            Label("Πέρασε", "Past"),
            ("renewal_on", "status"),
            lambda row: row.renewal_on is not None and row.renewal_on < today() and row.status in Application.running,
        )
    }
    list_columns = (
        "opened_on", "beneficiary_id", "programme_id", "status", "renewal_on", "missing_documents", "unit_id",
    )  # fmt: skip
    locked_columns = ("beneficiary_id",)


class CaseNoteView(KentroView):
    """Case notes, to those to whom they are confided."""

    has_pencils = False  # a note speaks with its author's voice (policy.may_touch)
    model = CaseNote
    menu = SERVICES
    default_order = ("on", True)
    list_columns = ("on", "beneficiary_id", "author_id", "confidence", "is_clinical", "unit_id")
    locked_columns = ("beneficiary_id",)


class ServiceView(KentroView):
    """The catalogue of services."""

    model = Service
    menu = CATALOGUES
    default_order = ("code", False)
    list_columns = ("code", "name", "axis", "is_offered")


class ProgrammeView(KentroView):
    """The catalogue of programmes and benefits."""

    model = Programme
    menu = CATALOGUES
    default_order = ("name", False)
    list_columns = ("name", "code", "is_open", "required_documents")
    children = (Child(Application, "programme_id", ("beneficiary_id", "status", "renewal_on")),)
