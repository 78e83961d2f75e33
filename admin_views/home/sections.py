"""What each part of the first page is. Which role sees which stands in policy.HOME."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from db import db
from i18n import Label
from models import (
    AccessGrant,
    Application,
    Appointment,
    AuditEntry,
    Beneficiary,
    DataRequest,
    Membership,
    Referral,
    ServiceDelivery,
    Unit,
    User,
    Visit,
)
from vocabulary import AppointmentStatus, AuditAction, Channel, Code, GrantKind, GrantStatus, Role, Verdict

from .desk import Filters
from .month import Month
from .oversight import AskedOfMe, Findings, Sample
from .parts import ITSELF, Also, Figures, NumberTable, Part, ShortList
from .received import Received


def _among(codes: Iterable[Code]) -> str:
    return "|".join(code.value for code in codes)


MINE = {"staff_id_is": "{me}"}
BOOKED = AppointmentStatus.BOOKED
ARRIVED = (AppointmentStatus.ARRIVED, Label("Ήρθε", "Arrived"))
NOSHOW = (AppointmentStatus.NOSHOW, Label("Δεν ήρθε", "Did not come"))
OUT = {"channel_in": _among((Channel.FIELD, Channel.HOME, Channel.MOBILE))}

WAITING = {"status_in": _among(Referral.waiting)}
LATE = {"due_on_to": "{yesterday}", **WAITING}

RUNNING = {"status_in": _among(Application.running)}
RENEWED_SOON = {"renewal_on_between": "{soon}", **RUNNING}
NOT_RENEWED = {"renewal_on_to": "{yesterday}", **RUNNING}

OPEN_FILES = {"closed_on_empty": "1"}
EXPIRE_SOON = {"permit_expires_on_between": "{soon}", **OPEN_FILES}
EXPIRED = {"permit_expires_on_to": "{yesterday}", **OPEN_FILES}

LATELY = {"at_between": "{lately}"}


def _appointments(title: Label, whose: Filters, *columns: str) -> ShortList:
    """Today's, those still expected first."""
    return ShortList(
        Appointment,
        title,
        {"at_is": "{today}", **whose},
        empty=Label("Κανένα ραντεβού σήμερα.", "No appointment today."),
        when="at",
        before=Appointment.status != BOOKED,
        columns=("purpose", *columns, "status"),
        moves=(ARRIVED,),
        late_moves=(NOSHOW,),
        late="status",
    )


def _referrals(title: Label, filters: Filters, empty: Label, *also: tuple[Label, Filters]) -> ShortList:
    return ShortList(
        Referral,
        title,
        filters,
        empty=empty,
        when="due_on",
        columns=("to_partner_id", "to_unit_id", "status"),
        late="due_on",
        also=also,
    )


def _permits(title: Label, whose: Filters, *also: tuple[Label, Filters]) -> ShortList:
    expired = (Label("Έχουν λήξει", "Expired already"), {**EXPIRED, **whose})
    return ShortList(
        Beneficiary,
        title,
        {**EXPIRE_SOON, **whose},
        empty=Label("Καμία άδεια δεν λήγει σύντομα.", "No permit expires soon."),
        when="permit_expires_on",
        about=ITSELF,
        columns=("mobile",),
        also=(expired, *also),
    )


def _renewals(title: Label, whose: Filters) -> ShortList:
    return ShortList(
        Application,
        title,
        {**RENEWED_SOON, **whose},
        empty=Label("Καμία ανανέωση σύντομα.", "No renewal soon."),
        when="renewal_on",
        columns=("programme_id", "status"),
        also=((Label("Η προθεσμία πέρασε", "Past their date"), {**NOT_RENEWED, **whose}),),
    )


def _entries(
    title: Label, filters: Filters, empty: Label, *columns: str, newest: bool = True, also: Also = ()
) -> ShortList:
    columns = ("unit_name", *columns)
    return ShortList(
        AuditEntry, title, filters, empty=empty, when="at", newest=newest, about="sentence", columns=columns, also=also
    )


def _grants(
    title: Label,
    filters: Filters,
    empty: Label,
    *columns: str,
    when: str = "asked_at",
    also: Also = (),
) -> ShortList:
    return ShortList(
        AccessGrant, title, filters, empty=empty, when=when, newest=True, about="summary", columns=columns, also=also
    )


def _users(title: Label, filters: Filters, empty: Label) -> ShortList:
    return ShortList(User, title, filters, empty=empty, about=ITSELF, columns=("role", "specialty"))


def _units() -> list[tuple[str, Filters]]:
    """All of the house: its administrator works in none."""
    return [
        (unit.name, {"unit_id_is": str(unit.id)}) for unit in db.session.scalars(sa.select(Unit).order_by(Unit.code))
    ]


# --- at the desk and after it -----------------------------------------------------------------------------------------

DAY: dict[str, Part] = {
    "appointments": _appointments(Label("Ραντεβού σήμερα", "Appointments today"), {}, "staff_id"),
    "my_appointments": _appointments(Label("Τα ραντεβού μου σήμερα", "My appointments today"), MINE),
    "unclosed_appointments": ShortList(
        Appointment,
        Label("Ραντεβού μου που πέρασαν χωρίς ενημέρωση", "My past appointments without an outcome"),
        {"at_to": "{yesterday}", "status_is": BOOKED.value, **MINE},
        empty=Label("Κανένα ραντεβού δεν έμεινε ανοιχτό.", "No appointment was left open."),
        when="at",
        columns=("purpose",),
        late="status",
    ),
    "visits": ShortList(
        Visit,
        Label("Επισκέψεις σήμερα", "Visits today"),
        {"at_is": "{today}"},
        empty=Label("Καμία επίσκεψη ακόμη σήμερα.", "No visit yet today."),
        when="at",
        newest=True,
        columns=("channel", "staff_id"),
    ),
    "field_visits": ShortList(
        Visit,
        Label("Επισκέψεις μου στο πεδίο, τελευταίες 7 ημέρες", "My visits in the field, last 7 days"),
        {**LATELY, **OUT, **MINE},
        empty=Label("Καμία επίσκεψη στο πεδίο αυτές τις ημέρες.", "No visit in the field these days."),
        when="at",
        newest=True,
        columns=("channel",),
    ),
}

CASES: dict[str, Part] = {
    "asked_of_me": AskedOfMe(),
    "received": Received(),
    "my_files": _grants(
        Label("Φάκελοι άλλων μονάδων που ζήτησα", "Files of other units that I asked for"),
        {"news_is": "1"},
        Label("Καμία νέα απάντηση και κανένας ανοιχτός φάκελος.", "No new answer, and no open file."),
        "purpose",
        "status",
        when="answered_at",
        also=((Label("Περιμένουν απάντηση", "Wait for an answer"), {"status_is": GrantStatus.ASKED.value}),),
    ),
    "late_referrals": _referrals(
        Label("Παραπομπές μου εκτός προθεσμίας", "My overdue referrals"),
        {**LATE, **MINE},
        Label("Καμία παραπομπή εκτός προθεσμίας.", "No referral is overdue."),
    ),
    "open_referrals": _referrals(
        Label("Ανοιχτές παραπομπές μου, εντός προθεσμίας", "My open referrals, in time"),
        {"due_on_from": "{today}", **WAITING, **MINE},
        Label("Καμία ανοιχτή παραπομπή με προθεσμία.", "No open referral with a date."),
        (Label("Ανοιχτές χωρίς προθεσμία", "Open without a date"), {"due_on_empty": "1", **WAITING, **MINE}),
    ),
    "my_permits": _permits(
        Label(
            "Άδειες διαμονής που λήγουν σε 60 ημέρες, με υπεύθυνο/η εμένα",
            "Permits that expire within 60 days, of people whose caseworker I am",
        ),
        {"caseworker_id_is": "{me}"},
        (
            Label("Λήγουν σε 60 ημέρες, χωρίς υπεύθυνο/η", "Expire within 60 days, without a caseworker"),
            {**EXPIRE_SOON, "caseworker_id_empty": "1"},
        ),
    ),
    "unit_permits": _permits(
        Label(
            "Άδειες διαμονής της μονάδας που λήγουν σε 60 ημέρες",
            "Permits of the unit's people that expire within 60 days",
        ),
        {},
    ),
    "my_renewals": _renewals(
        Label("Ανανεώσεις αιτήσεών μου σε 60 ημέρες", "Renewals of my applications within 60 days"), MINE
    ),
    "unit_renewals": _renewals(
        Label("Ανανεώσεις αιτήσεων της μονάδας σε 60 ημέρες", "Renewals of the unit's applications within 60 days"), {}
    ),
}

# --- over all units ---------------------------------------------------------------------------------------------------

HOUSE: dict[str, Part] = {
    "today": Figures(
        Label("Σήμερα σε όλες τις μονάδες", "Today in all units"),
        (
            (Label("Ραντεβού", "Appointments"), Appointment, {"at_is": "{today}"}),
            (Label("Επισκέψεις", "Visits"), Visit, {"at_is": "{today}"}),
            (Label("Υπηρεσίες", "Services"), ServiceDelivery, {"on_is": "{today}"}),
            (Label("Παραπομπές εκτός προθεσμίας", "Overdue referrals"), Referral, LATE),
            (Label("Άδειες που λήγουν σε 60 ημέρες", "Permits that expire within 60 days"), Beneficiary, EXPIRE_SOON),
            (Label("Ανανεώσεις σε 60 ημέρες", "Renewals within 60 days"), Application, RENEWED_SOON),
        ),
        late=LATE,
    ),
    "month": Month(),
    "emergencies": _grants(
        Label("Άνοιγμα φακέλων σε έκτακτη ανάγκη, τελευταίες 7 ημέρες", "Files opened in an emergency, last 7 days"),
        {"kind_is": GrantKind.EMERGENCY.value, "asked_at_between": "{lately}"},
        Label("Κανένας φάκελος σε έκτακτη ανάγκη.", "No file opened in an emergency."),
        "asked_by_id",
        "reason",
        "status",
    ),
    "asked_files": _grants(
        Label("Αιτήματα για φακέλους άλλων μονάδων", "Requests for files of other units"),
        {"status_is": GrantStatus.ASKED.value},
        Label("Κανένα αίτημα δεν περιμένει απάντηση.", "No request waits for an answer."),
        "asked_by_id",
        "purpose",
    ),
    "data_requests": ShortList(
        DataRequest,
        Label("Αιτήματα δεδομένων χωρίς απάντηση", "Data requests without an answer"),
        {"answered_on_empty": "1"},
        empty=Label("Κανένα αίτημα δεν περιμένει απάντηση.", "No request waits for an answer."),
        when="due_on",
        columns=("kind", "unit_id"),
        late="due_on",
    ),
    "unreviewed": NumberTable(
        AuditEntry,
        Label("Ενέργειες που δεν ελέγχθηκαν", "Acts not reviewed"),
        lambda: [(act.label, {"action_is": act.value}) for act in AuditAction],
        (
            (Label("Χθες", "Yesterday"), {"at_is": "{yesterday}"}),
            (Label("Τελευταίες 7 ημέρες", "Last 7 days"), LATELY),
        ),
        head=Label("Ενέργεια", "Act"),
        common={"review_is": "none"},
        within=LATELY,
        empty=Label("Όλες οι ενέργειες των 7 ημερών έχουν ελεγχθεί.", "All acts of the 7 days are reviewed."),
        button=(
            "audit_entry.sample_view",
            Label("Κλήρωση δείγματος για έλεγχο", "Draw a sample to review"),
            ("create", "audit_review"),
        ),
    ),
    "questions": _entries(
        Label("Ζητήθηκε εξήγηση, χωρίς απάντηση", "Explanation asked, not answered"),
        {"review_is": Verdict.QUESTION.value, "answered_is": "0"},
        Label("Καμία ερώτηση δεν εκκρεμεί.", "No question is open."),
        newest=False,
        also=((Label("Ερωτήσεις που έκλεισαν", "Questions that are closed"), {"closed_is": "1"}),),
    ),
    "answers": _entries(
        Label("Δόθηκε εξήγηση, να κλείσει ή να ξαναζητηθεί", "Explanation given, to be closed or asked again"),
        {"review_is": Verdict.QUESTION.value, "answered_is": "1"},
        Label("Καμία εξήγηση δεν περιμένει.", "No explanation waits."),
        newest=False,
    ),
    "findings": Findings(),
    "sample": Sample(),
    "refusals": _entries(
        Label("Αρνήσεις πρόσβασης, τελευταίες 7 ημέρες", "Refusals, last 7 days"),
        {**LATELY, "action_is": AuditAction.REFUSED.value},
        Label("Καμία άρνηση πρόσβασης.", "No refusal."),
        "ip",
    ),
    "failed_signins": _entries(
        Label("Αποτυχίες σύνδεσης, τελευταίες 7 ημέρες", "Failed sign-ins, last 7 days"),
        {**LATELY, "action_is": AuditAction.LOGIN_FAILED.value},
        Label("Καμία αποτυχία σύνδεσης.", "No failed sign-in."),
        "ip",
    ),
}

# --- users and units --------------------------------------------------------------------------------------------------

ACTIVE, SUSPENDED = {"is_active_is": "1"}, {"is_active_is": "0"}

SETTINGS: dict[str, Part] = {
    "users": NumberTable(
        User,
        Label("Χρήστες ανά ρόλο", "Users by role"),
        lambda: [(role.label, {"role_is": role.value}) for role in Role],
        ((Label("Ενεργοί", "Active"), ACTIVE), (Label("Σε αναστολή", "Suspended"), SUSPENDED)),
        head=Label("Ρόλος", "Role"),
        empty=Label("Κανένας χρήστης.", "No user."),
    ),
    "staff": NumberTable(
        Membership,
        Label("Χρήστες ανά μονάδα", "Users by unit"),
        _units,
        ((Label("Χρήστες", "Users"), {}),),
        head=Label("Μονάδα", "Unit"),
        zero=Label("Χωρίς προσωπικό", "No staff"),
        empty=Label("Δεν υπάρχει ακόμη μονάδα.", "There is no unit yet."),
    ),
    "never_signed_in": _users(
        Label("Δεν έχουν συνδεθεί ποτέ", "Never signed in"),
        {"signed_in_is": "0", **ACTIVE},
        Label("Όλοι έχουν συνδεθεί.", "All have signed in."),
    ),
    "first_passwords": _users(
        Label("Δεν έχουν αλλάξει τον πρώτο κωδικό", "Still have the first password"),
        {"own_password_is": "0", **ACTIVE},  # a filter's choice  # nosec B105
        Label("Κανένας δεν έχει ακόμη τον πρώτο κωδικό.", "Nobody has the first password any more."),
    ),
    "suspended": _users(
        Label("Σε αναστολή", "Suspended"),
        SUSPENDED,
        Label("Κανένας χρήστης σε αναστολή.", "No user is suspended."),
    ),
}

PARTS: dict[str, Part] = DAY | CASES | HOUSE | SETTINGS
