"""Times of keeping, one line for each kind of record, from which keeping.py finds what is due.

Nothing in the law says how long a Community Centre keeps a file. Lines marked as assumed are this product's proposal
and wait for the municipality and its Data Protection Officer; ESF+ asks for five years from the 31st of December of the
last payment (Regulation 2021/1060, article 82), which ten years after closing outlast.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import sqlalchemy as sa

from db import Base
from i18n import Label, _, ngettext
from models import AccessGrant, AuditEntry, Beneficiary, DataRequest, Submission, UserSession, Visit, Volunteer
from vocabulary import AuditAction

from .erasing import REMAINS


class Fate(Enum):
    """What becomes of a record whose time is over."""

    ANONYMOUS = Label("ανωνυμοποίηση", "made anonymous")
    NAMELESS = Label("αφαίρεση ονομάτων και ελεύθερου κειμένου", "names and free text are removed")
    DELETED = Label("διαγραφή", "deleted")
    FORGOTTEN = Label("διαγραφή του περιεχομένου, η αλυσίδα μένει", "its content is erased, the chain stays")


@dataclass(frozen=True)
class Line:
    """How long one kind of record is kept: so many years after a day that one of its columns holds."""

    model: type[Base]
    what: Label
    years: int
    since: str
    begins: Label
    fate: Fate
    source: Label
    is_assumed: bool = True
    is_of_people: bool = True
    where: Callable[[], sa.ColumnElement[bool]] | None = None

    @property
    def told(self) -> str:
        """The line in words, as everybody may read it."""
        length = ngettext("%(n)s year", "%(n)s years", self.years, n=self.years)
        years = _("%(years)s after %(begins)s", years=length, begins=self.begins)
        return f"{years}, {self.fate.value} ({self.source})"


CLEARING = Label(
    "άρ. 5 παρ. 1 ε΄ ΓΚΠΔ· ΠΔ 480/1985, Καν. 2021/1060 άρ. 82",
    "GDPR art. 5(1)(e); Presidential Decree 480/1985, Reg. 2021/1060 art. 82",
)
MINIMAL = Label("άρ. 5 παρ. 1 ε΄ ΓΚΠΔ", "GDPR art. 5(1)(e)")

SCHEDULE: tuple[Line, ...] = (
    Line(
        Beneficiary,
        Label("Φάκελος ωφελουμένου, με όλα όσα τον αφορούν", "A person's file, with all that hangs on it"),
        10,
        "closed_on",
        Label("τη λήξη παρακολούθησης", "it was closed"),
        Fate.ANONYMOUS,
        CLEARING,
        where=lambda: Beneficiary.erased_on.is_(None),
    ),
    Line(
        Visit,
        Label("Κείμενο ανώνυμων επισκέψεων", "Text of nameless visits"),
        5,
        "at",
        Label("την επίσκεψη", "the visit"),
        Fate.NAMELESS,
        MINIMAL,
        where=lambda: Visit.beneficiary_id.is_(None) & (Visit.request != REMAINS),
    ),
    Line(
        AccessGrant,
        Label("Αιτήματα για φακέλους άλλων μονάδων", "Requests for files of other units"),
        5,
        "asked_at",
        Label("το αίτημα", "the request"),
        Fate.DELETED,
        Label("άρ. 5 παρ. 2 ΓΚΠΔ (λογοδοσία)", "GDPR art. 5(2) (accountability)"),
    ),
    Line(
        DataRequest,
        Label("Αιτήματα προσωπικών δεδομένων", "Data requests"),
        5,
        "answered_on",
        Label("την απάντηση", "the answer"),
        Fate.DELETED,
        Label("άρ. 5 παρ. 2 ΓΚΠΔ (λογοδοσία)", "GDPR art. 5(2) (accountability)"),
    ),
    Line(
        Volunteer,
        Label("Εθελοντές", "Volunteers"),
        5,
        "ended_on",
        Label("τη λήξη της προσφοράς", "their time ended"),
        Fate.NAMELESS,
        MINIMAL,
        where=lambda: Volunteer.first_name != REMAINS,
    ),
    Line(
        AuditEntry,
        Label("Περιεχόμενο του ιστορικού ενεργειών", "Content of the trail"),
        15,
        "at",
        Label("την ενέργεια", "the act"),
        Fate.FORGOTTEN,
        Label("άρ. 5 παρ. 1 ε΄ και 32 ΓΚΠΔ", "GDPR art. 5(1)(e) and 32"),
        # The record of an erasure stays (audit.erase), and would fill the list for ever.
        where=lambda: (AuditEntry.salt != "") & (AuditEntry.action != AuditAction.ERASE),
    ),
    Line(
        Submission,
        Label("Αποδείξεις υποβολής φορμών", "Receipts of forms"),
        1,
        "at",
        Label("την υποβολή", "they were sent"),
        Fate.DELETED,
        MINIMAL,
        is_assumed=False,
        is_of_people=False,
    ),
    Line(
        UserSession,
        Label("Συνδέσεις χρηστών", "Sign-ins"),
        1,
        "seen_at",
        Label("την τελευταία χρήση", "their last use"),
        Fate.DELETED,
        MINIMAL,
        is_of_people=False,
    ),
)
"""In this order they are carried out."""
