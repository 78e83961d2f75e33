"""The first page: what this role has to do today."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from flask import redirect, url_for
from flask_admin import AdminIndexView, expose

import policy
from db import db
from i18n import _
from models import Application, Appointment, AuditEntry, Beneficiary, Referral, Visit, now, today
from vocabulary import AppointmentStatus, ReferralStatus

from .base import greek_date
from .base.values import ATHENS

OPEN_REFERRALS = (ReferralStatus.SENT, ReferralStatus.RECEIVED, ReferralStatus.APPT, ReferralStatus.WAITING)


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
        return self.render("admin/index.html", title=_("Today"), cards=self.cards(), quick=self.quick(), search_url=self._list("beneficiary"))  # fmt: skip

    def _list(self, name: str, **filters: Any) -> str | None:
        may = policy.may(policy.scope_in(db.session), "read", name)
        return url_for(f"{name}.index_view", **filters) if may else None

    def quick(self) -> list[dict[str, str]]:
        """What is begun most often."""
        wanted = (("visit", _("New visit")), ("beneficiary", _("New person")), ("appointment", _("New appointment")),
                  ("service_delivery", _("New service")), ("referral", _("New referral")), ("household", _("New household")))  # fmt: skip
        scope = policy.scope_in(db.session)
        return [
            {"label": label, "url": url_for(f"{name}.create_view")}
            for name, label in wanted
            if policy.may(scope, "create", name)
        ]

    def cards(self) -> list[dict[str, Any]]:
        """Counts of what waits, each with the way to its rows."""
        day, soon = greek_date(today()), greek_date(today() + dt.timedelta(days=60))
        midnight = dt.datetime.combine(today(), dt.time(), ATHENS)
        known = (
            ("appointment", _("Appointments today"), Appointment,
             (Appointment.at >= midnight) & (Appointment.at < midnight + dt.timedelta(days=1)) & (Appointment.status == AppointmentStatus.BOOKED),
             {"flt0_at_is": day, "flt1_status_is": "BOOKED"}),
            ("visit", _("Visits today"), Visit, Visit.at >= midnight, {"flt0_at_from": day}),
            ("referral", _("Overdue referrals"), Referral,
             (Referral.due_on < today()) & Referral.status.in_(OPEN_REFERRALS), {"flt0_due_on_to": greek_date(today() - dt.timedelta(days=1))}),
            ("application", _("Renewals within 60 days"), Application,
             Application.renewal_on.between(today(), today() + dt.timedelta(days=60)), {"flt0_renewal_on_between": f"{day} to {soon}"}),
            ("beneficiary", _("Permits that expire within 60 days"), Beneficiary,
             Beneficiary.permit_expires_on.between(today(), today() + dt.timedelta(days=60)), {"flt0_permit_expires_on_between": f"{day} to {soon}"}),
            ("audit_entry", _("Acts today"), AuditEntry, (AuditEntry.at >= midnight) & (AuditEntry.at <= now()), {"flt0_at_from": day}),
        )  # fmt: skip
        return [
            {"title": title, "value": self._count(model, condition), "url": url, "hint": ""}
            for name, title, model, condition, filters in known
            if (url := self._list(name, **filters))
        ]

    def _count(self, model: Any, condition: Any) -> int:
        return db.session.scalar(sa.select(sa.func.count()).select_from(model).where(condition)) or 0
