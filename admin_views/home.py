"""The first page: what this role has to do today."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import redirect, url_for
from flask_admin import AdminIndexView, expose

import policy
from db import db
from i18n import Label, _
from models import Application, Appointment, AuditEntry, Beneficiary, Referral, Visit, today
from vocabulary import AppointmentStatus, ReferralStatus

from .base import ATHENS, greek_date

OPEN_REFERRALS = (ReferralStatus.SENT, ReferralStatus.RECEIVED, ReferralStatus.APPT, ReferralStatus.WAITING)
SOON = dt.timedelta(days=60)
BEGUN = ("visit", "beneficiary", "appointment", "service_delivery", "referral", "application", "household")


@dataclass(frozen=True)
class Card:
    """A number, and the filtered list of the rows behind it."""

    model: type[Any]
    title: Label
    condition: Any
    filters: dict[str, Any]


def cards() -> list[Card]:
    """What may wait for somebody today; a role gets the cards of the screens it reads."""
    day, soon, late = today(), today() + SOON, today() - dt.timedelta(days=1)
    start = dt.datetime.combine(day, dt.time(), ATHENS)
    end = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), ATHENS)
    span = f"{greek_date(day)} to {greek_date(soon)}"
    booked = Appointment.at.between(start, end) & (Appointment.status == AppointmentStatus.BOOKED)
    overdue = (Referral.due_on <= late) & Referral.status.in_(OPEN_REFERRALS)
    return [
        Card(
            Appointment,
            Label("Ραντεβού σήμερα", "Appointments today"),
            booked,
            {"flt0_at_is": greek_date(day), "flt1_status_is": "BOOKED", "sort": 0},
        ),
        Card(
            Visit,
            Label("Επισκέψεις σήμερα", "Visits today"),
            Visit.at.between(start, end),
            {"flt0_at_is": greek_date(day)},
        ),
        Card(
            Referral,
            Label("Παραπομπές εκτός προθεσμίας", "Overdue referrals"),
            overdue,
            {"flt0_due_on_to": greek_date(late), "flt1_status_in": "|".join(s.value for s in OPEN_REFERRALS)},
        ),
        Card(
            Application,
            Label("Ανανεώσεις εντός 60 ημερών", "Renewals within 60 days"),
            Application.renewal_on.between(day, soon),
            {"flt0_renewal_on_between": span},
        ),
        Card(
            Beneficiary,
            Label("Άδειες διαμονής που λήγουν εντός 60 ημερών", "Permits that expire within 60 days"),
            Beneficiary.permit_expires_on.between(day, soon),
            {"flt0_permit_expires_on_between": span},
        ),
        Card(
            AuditEntry,
            Label("Ενέργειες σήμερα", "Acts today"),
            AuditEntry.at.between(start, end),
            {"flt0_at_is": greek_date(day)},
        ),
    ]


class HomeView(AdminIndexView):
    """Cards that lead to the rows behind their numbers."""

    def is_accessible(self) -> bool:
        """Whoever signed in."""
        return policy.scope_in(db.session).is_authenticated

    def inaccessible_callback(self, name: str, **kwargs: Any) -> Any:
        """Strangers sign in first."""
        return redirect(url_for("auth.login"))

    @expose("/")
    def index(self) -> Any:
        """The page."""
        return self.render(
            "admin/index.html",
            title=_("Today"),
            cards=[self._shown(card) for card in cards() if _may("read", card.model.__tablename__)],
            quick=[
                {"label": _quick(name), "url": url_for(f"{name}.create_view")} for name in BEGUN if _may("create", name)
            ],
            search_url=url_for("beneficiary.index_view") if _may("read", "beneficiary") else None,
        )

    def _shown(self, card: Card) -> dict[str, Any]:
        count = db.session.scalar(sa.select(sa.func.count()).select_from(card.model).where(card.condition))
        url = url_for(f"{card.model.__tablename__}.index_view", **card.filters)
        return {"title": str(card.title), "value": count or 0, "url": url, "hint": ""}


def _may(action: str, resource: str) -> bool:
    return policy.may(policy.scope_in(db.session), action, resource)


def _quick(name: str) -> str:
    return {
        "visit": _("New visit"),
        "beneficiary": _("New person"),
        "appointment": _("New appointment"),
        "service_delivery": _("New service"),
        "referral": _("New referral"),
        "application": _("New application"),
        "household": _("New household"),
    }[name]
