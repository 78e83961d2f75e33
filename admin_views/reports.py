"""Reports: the month's workbook, for the municipality and the European Social Fund."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path
from typing import Any

from flask import Response, abort, flash
from flask_admin import BaseView, expose
from flask_babel import format_date
from flask_wtf import FlaskForm
from wtforms import SelectField

import audit
import exports
import reports
from db import db
from i18n import Label, _
from models import now, today
from vocabulary import AuditAction

from .base import ATHENS, Gated, download
from .menu import REPORTS

MONTHS_BACK = 24


class MonthForm(FlaskForm):
    """Which month, and of which unit."""

    month = SelectField(Label("Μήνας", "Month"), default=lambda: f"{_months()[1]:%Y-%m}")  # the last that is over
    unit = SelectField(Label("Μονάδα", "Unit"))


class ReportView(Gated, BaseView):
    """The reports that the reader may take."""

    resource = "report"

    def __init__(self) -> None:
        name = Label("Μηνιαία αναφορά", "Monthly report")
        super().__init__(name=name, category=REPORTS, endpoint="report", url="/admin/report")

    @expose("/", methods=("GET", "POST"))
    def index(self) -> Any:
        """Choose, and take the workbook."""
        form = MonthForm()
        form.month.choices = [(f"{day:%Y-%m}", format_date(day, "LLLL y")) for day in _months()]
        form.unit.choices = [("", str(Label("Όλες", "All"))), *((u.code, u.name) for u in reports.units(db.session))]
        if form.validate_on_submit():
            if not self.may("export"):
                abort(403)
            return self._workbook(form.month.data, form.unit.data or None)
        if form.errors:
            flash(_("Choose from the list."), "error")
        return self.render(
            "simple_form.html",
            form=form,
            title=_("Monthly report"),
            intro=_(
                "People, visits, services, referrals, applications, events, volunteers and ESF+ indicators of a month."
            ),
            form_groups=[("", ["month", "unit"])],
            submit_label=_("Download the workbook"),
            downloads=True,
        )

    def _workbook(self, month: str, unit: str | None) -> Response:
        # A report reads for long; nobody's saving has to wait for it.
        db.session.rollback()
        first = dt.datetime.strptime(month, "%Y-%m").date()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "report.xlsx"
            written = reports.monthly_workbook(db.session, first, path, unit)
            audit.note(
                db.session,
                AuditAction.EXPORT,
                subject_type="report",
                month=month,
                unit=unit,
                rows=written.rows,
                sha256=written.sha256,
            )
            return download(path, exports.file_name(f"{_('Monthly report')} {month}", now().astimezone(ATHENS)))


def _months() -> list[dt.date]:
    """This month and those before it, newest first."""
    first, found = today().replace(day=1), []
    for _month in range(MONTHS_BACK):
        found.append(first)
        first = (first - dt.timedelta(days=1)).replace(day=1)
    return found
