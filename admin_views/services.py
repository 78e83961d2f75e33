"""The day at the desk and the work after it: visits, appointments, services, applications, notes."""

from __future__ import annotations

from models import Application, Appointment, CaseNote, Programme, Service, ServiceDelivery, Visit

from .base import Child, KentroView
from .menu import CATALOGUES, RECEPTION, SERVICES


class VisitView(KentroView):
    """Visits, registered or anonymous."""

    model = Visit
    menu = RECEPTION
    default_order = ("at", True)
    list_columns = ("at", "beneficiary_id", "channel", "request", "action", "staff_id", "unit_id")


class AppointmentView(KentroView):
    """Appointments."""

    model = Appointment
    menu = RECEPTION
    default_order = ("at", True)
    list_columns = ("at", "beneficiary_id", "caller", "purpose", "staff_id", "status", "unit_id")


class ServiceDeliveryView(KentroView):
    """Services given."""

    model = ServiceDelivery
    menu = SERVICES
    default_order = ("on", True)
    list_columns = ("on", "beneficiary_id", "service_id", "staff_id", "minutes", "unit_id")
    locked_columns = ("beneficiary_id",)


class ApplicationView(KentroView):
    """Applications to programmes."""

    model = Application
    menu = SERVICES
    list_columns = (
        "beneficiary_id",
        "programme_id",
        "opened_on",
        "status",
        "submission_number",
        "submitted_on",
        "renewal_on",
        "unit_id",
    )
    locked_columns = ("beneficiary_id",)


class CaseNoteView(KentroView):
    """Case notes, to those to whom they are confided."""

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
    list_columns = ("code", "axis", "name", "is_offered")


class ProgrammeView(KentroView):
    """The catalogue of programmes and benefits."""

    model = Programme
    menu = CATALOGUES
    default_order = ("code", False)
    list_columns = ("code", "name", "is_open", "required_documents")
    children = (Child(Application, "programme_id", ("beneficiary_id", "status", "renewal_on")),)
