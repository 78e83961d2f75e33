"""The one list of screens, in the order of the menu."""

from __future__ import annotations

from flask import Flask
from flask_admin import Admin, babel

from . import (
    access,
    beneficiaries,
    data_rights,
    events,
    goods,
    households,
    matching,
    oversight,
    partners,
    questions,
    received,
    referrals,
    reports,
    rights,
    services,
    settings,
    supervision,
    trail,
    volunteers,
)
from .base import frame, gate
from .home import HomeView

SCREENS = (
    services.VisitView,
    services.AppointmentView,
    beneficiaries.BeneficiaryView,
    households.HouseholdView,
    households.HouseholdMemberView,
    matching.PersonDecisionView,
    services.ServiceDeliveryView,
    referrals.ReferralView,
    received.ReceivedView,
    access.AccessGrantView,
    services.ApplicationView,
    services.CaseNoteView,
    events.EventView,
    events.EventAttendanceView,
    volunteers.VolunteerView,
    volunteers.VolunteerHoursView,
    goods.ItemView,
    goods.StockMovementView,
    goods.DistributionView,
    partners.PartnerView,
    partners.PartnerContactView,
    services.ServiceView,
    services.ProgrammeView,
    reports.ReportView,
    data_rights.DataRequestView,
    data_rights.ConsentView,
    data_rights.LegalHoldView,
    rights.RightsView,
    data_rights.ErasureView,
    trail.AuditEntryView,
    oversight.FindingView,
    oversight.OversightView,
    supervision.SupervisionView,
    questions.QuestionView,
    settings.MunicipalityView,
    settings.UnitView,
    settings.UserView,
    settings.MembershipView,
)


def init_app(app: Flask) -> Admin:
    """Put every screen under /admin/, behind the one gate."""
    # Not `translations_path`: Flask-Admin's own catalogue, with its wrong Greek, would be merged over ours.
    babel.domain._translation_directories = [f"{app.root_path}/translations"]
    home = HomeView(url="/admin", endpoint="admin")
    admin = Admin(app, name="Κέντρο", index_view=home)
    for screen in SCREENS:
        admin.add_view(screen())
    app.before_request(gate(lambda: admin._views))
    frame.init_app(app)
    return admin
