"""The schema: tables, constraints, one-line predicates and the rules every row keeps, whoever writes it.

A column is declared once (db.py); form field, list column, filter, search, export cell, trail, translation follow.
This file knows no request and no role.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.orm import Mapped, declared_attr, deferred, mapped_column, relationship

import identifiers
import search
from column_types import Instant
from db import (
    BadValue,
    Base,
    Record,
    Searchable,
    Sensitivity,
    choice,
    choices,
    country,
    day,
    decimal,
    flag,
    instant,
    link,
    link_target,
    long_text,
    text,
    whole,
)
from i18n import ZONE, Label
from identifiers import N_
from vocabulary import (
    ORDINARY_GROUPS,
    PROTECTED_GROUPS,
    Answer,
    ApplicationStatus,
    AppointmentStatus,
    Attendance,
    AuditAction,
    Availability,
    Axis,
    Channel,
    Confidence,
    ConsentForm,
    ConsentKind,
    DisabilityDegree,
    DocumentType,
    Education,
    EmploymentStatus,
    ErasureCause,
    EventType,
    FilePart,
    FindingKind,
    GrantKind,
    GrantStatus,
    HouseholdRelation,
    HouseholdType,
    Housing,
    Insurance,
    ItemCategory,
    Language,
    LegalBasis,
    LegalStatus,
    MaritalStatus,
    MovementKind,
    NationalLaw,
    PartnerCategory,
    ReferralStatus,
    RequestKind,
    RequestOutcome,
    Role,
    SamePerson,
    Sex,
    SharingPurpose,
    Skill,
    SpecialBasis,
    TargetGroup,
    TokenKind,
    UnitKind,
    Verdict,
)

IDENTITY = Label("Ταυτότητα", "Identity")
NUMBERS = Label("Αριθμοί και έγγραφα", "Numbers and papers")
CONTACT = Label("Επικοινωνία", "Contact")
SITUATION = Label("Κατάσταση", "Situation")
PROTECTED = Label("Προστατευμένα στοιχεία (κατά δήλωση)", "Protected data (self-declared)")
FILE = Label("Φάκελος", "File")
FUNDING = Label("Χρηματοδότηση", "Funding")

SPECIAL, CLINICAL = Sensitivity.SPECIAL, Sensitivity.CLINICAL


def says(message: str, field: str) -> dict[str, str]:
    """What a constraint tells the clerk who breaks it, and beside which field."""
    return {"message": message, "field": field}


def today() -> dt.date:
    """Today, as the centre's staff count days."""
    return now().astimezone(_ATHENS).date()


def now() -> dt.datetime:
    """This moment, aware."""
    return dt.datetime.now(dt.UTC)


_ATHENS = ZoneInfo(ZONE)


# --- the house: municipality, units, users ----------------------------------------------------------------------------


class Municipality(Record):
    """The municipality that runs the centre, and the funded operation that pays for it; one per installation."""

    label, labels = Label("Δήμος", "Municipality"), Label("Δήμος", "Municipality")
    called_by = ("name",)

    code: Mapped[str] = text("Κωδικός", "Code", 40, required=True, unique=True, form=False)
    name: Mapped[str] = text("Ονομασία", "Name", required=True)
    name_en: Mapped[str | None] = text("Ονομασία (αγγλικά)", "Name (English)")
    centre_name: Mapped[str | None] = text("Ονομασία δομής", "Name of the structure", 200)
    region: Mapped[str | None] = text("Περιφέρεια", "Region")
    address: Mapped[str | None] = text("Διεύθυνση", "Address", 200, group=CONTACT)
    postal_code: Mapped[str | None] = text("Τ.Κ.", "Postal code", 5, check=identifiers.postal_code, group=CONTACT)
    phone: Mapped[str | None] = text("Τηλέφωνο", "Telephone", 20, check=identifiers.phone, group=CONTACT)
    email: Mapped[str | None] = text("E-mail", "E-mail", 200, check=identifiers.email, group=CONTACT)
    website: Mapped[str | None] = text("Ιστότοπος", "Website", 200, group=CONTACT)
    supervising_service: Mapped[str | None] = text("Εποπτεύουσα υπηρεσία", "Supervising service", 300)
    operating_since: Mapped[dt.date | None] = day("Λειτουργεί από", "Operating since")
    specialties: Mapped[str | None] = long_text("Ειδικότητες προσωπικού", "Staff specialties", 1000)
    headcount: Mapped[int | None] = whole("Αριθμός προσωπικού", "Number of staff")
    target_groups: Mapped[tuple[TargetGroup, ...]] = choices(TargetGroup, "Ομάδες προτεραιότητας", "Priority groups")
    project_title: Mapped[str | None] = text("Τίτλος Πράξης", "Title of the operation", 300, group=FUNDING)
    project_programme: Mapped[str | None] = text("Επιχειρησιακό Πρόγραμμα", "Operational programme", 300, group=FUNDING)
    project_ops_code: Mapped[str | None] = text("Κωδικός ΟΠΣ", "MIS code", 20, group=FUNDING)
    co_financing: Mapped[str | None] = text("Γραμμή συγχρηματοδότησης", "Co-financing line", 300, group=FUNDING)
    logo: Mapped[bytes | None] = deferred(mapped_column(sa.LargeBinary))


class Unit(Record):
    """A main centre or one of its annexes: the wall between people's records runs along it."""

    label, labels = Label("Μονάδα", "Unit"), Label("Μονάδες", "Units")
    called_by = ("name",)

    municipality_id: Mapped[int] = link("municipality.id", "Δήμος", "Municipality", required=True, form=False)
    code: Mapped[str] = text("Κωδικός", "Code", 12, required=True, unique=True)
    kind: Mapped[UnitKind] = choice(UnitKind, "Είδος", "Kind", required=True)
    name: Mapped[str] = text("Ονομασία", "Name", 200, required=True)
    address: Mapped[str | None] = text("Διεύθυνση", "Address", 200, group=CONTACT)
    postal_code: Mapped[str | None] = text("Τ.Κ.", "Postal code", 5, check=identifiers.postal_code, group=CONTACT)
    area: Mapped[str | None] = text("Περιοχή", "Area", group=CONTACT)
    phone: Mapped[str | None] = text("Τηλέφωνο", "Telephone", 20, check=identifiers.phone, group=CONTACT)
    email: Mapped[str | None] = text("E-mail", "E-mail", 200, check=identifiers.email, group=CONTACT)
    hours: Mapped[str | None] = text("Ωράριο", "Opening hours", 200, group=CONTACT)
    is_temporary_address: Mapped[bool] = flag("Προσωρινή στέγαση", "Temporary premises", group=CONTACT)
    subproject: Mapped[str | None] = text("Υποέργο", "Sub-project", 200)
    last_registry_number: Mapped[int] = mapped_column(default=0)
    last_household_number: Mapped[int] = mapped_column(default=0)

    municipality: Mapped[Municipality] = relationship()


class User(Record):
    """Somebody who signs in: one role, one or more units."""

    label, labels = Label("Χρήστης", "User"), Label("Χρήστες", "Users")
    called_by = ("full_name",)

    username: Mapped[str] = text(
        "Όνομα χρήστη",
        "User name",
        80,
        required=True,
        unique=True,
        check=identifiers.username,
        help=Label(
            "Λατινικά γράμματα, ψηφία, τελεία, παύλα ή κάτω παύλα, χωρίς κενά· γράφεται με μικρά.",
            "Latin letters, digits, dot, hyphen or underscore, without blanks; kept in small letters.",
        ),
    )
    full_name: Mapped[str] = text("Ονοματεπώνυμο", "Full name", required=True)
    role: Mapped[Role] = choice(Role, "Ρόλος", "Role", required=True)
    specialty: Mapped[str | None] = text("Ειδικότητα", "Specialty")
    language: Mapped[Language] = choice(Language, "Γλώσσα", "Language", required=True, default=lambda: Language.EL)
    is_active: Mapped[bool] = flag("Ενεργός", "Active", initially=True)
    password_hash: Mapped[str | None] = deferred(mapped_column(sa.String(200)))
    password_changed_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    password_given_at: Mapped[dt.datetime | None] = mapped_column(Instant)  # empty once it is the user's own

    memberships: Mapped[list[Membership]] = relationship(back_populates="user", cascade="all, delete-orphan")

    @property
    def units(self) -> list[Unit]:
        """The units that the user works in."""
        return [membership.unit for membership in self.memberships]


class Membership(Record):
    """A user works in a unit."""

    label, labels = Label("Μέλος μονάδας", "Unit membership"), Label("Μονάδες χρήστη", "Unit memberships")
    __table_args__ = (sa.UniqueConstraint("user_id", "unit_id"),)

    user_id: Mapped[int] = link("user.id", "Χρήστης", "User", required=True, ondelete="CASCADE")
    unit_id: Mapped[int] = link("unit.id", "Μονάδα", "Unit", required=True)

    user: Mapped[User] = relationship(back_populates="memberships")
    unit: Mapped[Unit] = relationship(lazy="joined", innerjoin=True)

    def __str__(self) -> str:
        return f"{self.user} – {self.unit}"


class UserSession(Base):
    """A sign-in, kept on the server so that it dies at logout, password change and suspension.

    Where it came from is for its own user alone, who may end what they do not know.
    """

    label, labels = Label("Σύνδεση", "Sign-in"), Label("Συνδέσεις", "Sign-ins")

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[dt.datetime] = mapped_column(Instant)
    seen_at: Mapped[dt.datetime] = mapped_column(Instant)
    confirmed_at: Mapped[dt.datetime] = mapped_column(Instant)
    ended_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    address: Mapped[str | None] = mapped_column(sa.String(45))
    agent: Mapped[str | None] = mapped_column(sa.String(200))

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)


class SecondFactor(Record):
    """What a user has to show beside the password: codes of an application on their telephone (RFC 6238)."""

    label, labels = Label("Δεύτερος παράγοντας", "Second factor"), Label("Δεύτεροι παράγοντες", "Second factors")

    user_id: Mapped[int] = link("user.id", "Χρήστης", "User", required=True, ondelete="CASCADE", unique=True)
    secret: Mapped[str] = deferred(mapped_column(sa.Text, nullable=False))
    last_step: Mapped[int] = mapped_column(sa.Integer)
    recovery: Mapped[str] = deferred(mapped_column(sa.Text, nullable=False))
    created_at: Mapped[dt.datetime] = mapped_column(Instant, default=now)

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)

    def __str__(self) -> str:
        return str(self.user)


class Submission(Base):
    """A form that was sent: the same form sent twice makes one record."""

    label, labels = Label("Υποβολή", "Submission"), Label("Υποβολές", "Submissions")

    token: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id", ondelete="CASCADE"))
    subject_type: Mapped[str] = mapped_column(sa.String(40))
    subject_id: Mapped[int]
    at: Mapped[dt.datetime] = mapped_column(Instant, default=now, index=True)


class Scoped:
    """A row that belongs to one unit; policy.py narrows every query to the reader's units."""

    unit_from: ClassVar[str | None] = None
    """The link whose row gives this one its unit, where it is not chosen."""

    @declared_attr
    def unit_id(cls) -> Mapped[int]:
        """The unit that the row belongs to."""
        return link("unit.id", "Μονάδα", "Unit", required=True, sort_order=-5)

    @declared_attr
    def unit(cls) -> Mapped[Unit]:
        """The unit itself."""
        return relationship(Unit, foreign_keys=[cls.unit_id])  # type: ignore[list-item]

    @classmethod
    def describe(cls, rows: list[Any]) -> list[str]:
        """Rows of this table, each told from its namesakes."""
        return [row.described for row in rows]

    def before_save(self, session: orm.Session) -> None:
        """A row that hangs on another stands in that one's unit."""
        if self.unit_id is None and self.unit_from:
            key = getattr(self, f"{self.unit_from}_id")
            owner = getattr(self, self.unit_from) or session.get(link_target(type(self), f"{self.unit_from}_id"), key)
            self.unit_id = owner and owner.unit_id
        super().before_save(session)  # type: ignore[misc]


# --- rows with states -------------------------------------------------------------------------------------------------


class NotAllowed(BadValue):
    """A change of state that the rules do not know."""


class Staged:
    """A row whose state changes only by the moves that its class declares."""

    moves: ClassVar[dict[Any, tuple[Any, ...]]]
    step_class: ClassVar[type[Base] | None] = None
    needs_note: ClassVar[bool] = False
    """No move without its reason."""

    @property
    def moves_are_undone(self) -> bool:
        """A move made by mistake may be taken back; not so where somebody may have acted on it at once."""
        return True

    @property
    def next_states(self) -> tuple[Any, ...]:
        """Where the row may go from where it is."""
        return self.moves.get(self.status, ())  # type: ignore[attr-defined]

    def move_to(self, status: Any, on: dt.date, note: str | None = None, by_id: int | None = None) -> None:
        """Change the state, keeping date, note and who did it in the row's timeline.

        Raises:
            NotAllowed: the rules know no such move, or its date lies in the future.
        """
        if status not in self.next_states:
            raise NotAllowed(N_("This change of state is not possible now."))
        if on > today():
            raise NotAllowed(N_("The date lies in the future."), "on")
        if self.step_class is not None and self.steps and on < self.steps[-1].on:  # type: ignore[attr-defined]
            raise NotAllowed(N_("The date is before that of the last change of state."), "on")
        if self.step_class is not None:
            # First the step: loading the list would flush a state that has none yet, and the trail would lack its note.
            step = self.step_class(status=status, on=on, note=note, by_id=by_id, unit_id=self.unit_id)  # type: ignore[attr-defined]
            self.steps.append(step)  # type: ignore[attr-defined]
        self.status = self._moved_to = status
        self.on_move(status, on)

    def on_move(self, status: Any, on: dt.date) -> None:
        """What else a change of state sets."""

    def move_back(self, former: Mapping[str, Any], entry: int) -> None:
        """Take back the last change of state, of which the trail's `entry` says what stood there before.

        Raises:
            NotAllowed: such a move is not taken back, or it was none.
        """
        if not self.moves_are_undone or self.status not in self.moves.get(former.get("status"), ()):  # type: ignore[attr-defined]
            raise NotAllowed(N_("This change of state is not possible now."))
        if self.step_class is not None:
            self.steps.pop()  # type: ignore[attr-defined]
        for name, value in former.items():
            setattr(self, name, value)
        self._moved_to, self.undoes = self.status, entry  # type: ignore[attr-defined]

    def before_save(self, session: orm.Session) -> None:
        """A state reached by any other way than the declared moves is refused."""
        history = sa.inspect(self).attrs.status.history  # type: ignore[union-attr]
        moved = self.__dict__.pop("_moved_to", None) is self.status  # type: ignore[attr-defined]
        if history.deleted and history.added and not moved:
            raise NotAllowed(N_("This change of state is not possible now."))
        super().before_save(session)  # type: ignore[misc]


# --- people -----------------------------------------------------------------------------------------------------------


class Beneficiary(Searchable, Scoped, Record):
    """A person registered with one unit (ωφελούμενος); the same person may stand in two, each unaware of the other.

    Protected data follow Regulation 2016/679, article 9: self-declared, with who asked and when.
    """

    label, labels = Label("Ωφελούμενος/η", "Beneficiary"), Label("Ωφελούμενοι", "Beneficiaries")
    called_by = ("last_name", "first_name")
    __table_args__ = (
        sa.UniqueConstraint("unit_id", "registry_number"),
        sa.UniqueConstraint("unit_id", "amka"),
        sa.CheckConstraint(
            "closed_on IS NULL OR closed_on >= registered_on",
            name="closed_after_registered",
            info=says(N_("The file is closed before it was opened."), "closed_on"),
        ),
        sa.Index("ix_beneficiary_unit_sort", "unit_id", "sort_key"),
        sa.Index("ix_beneficiary_unit_registered", "unit_id", "registered_on"),
        sa.Index("ix_beneficiary_unit_closed_sort", "unit_id", "closed_on", "sort_key"),
        sa.Index(
            "ix_beneficiary_restricted",
            "unit_id",
            sqlite_where=sa.text("restricted_on IS NOT NULL"),
            postgresql_where=sa.text("restricted_on IS NOT NULL"),
        ),
    )

    registry_number: Mapped[str] = text(
        "Αρ. μητρώου", "Registry no.", 20, required=True, search=True, form=False, group=IDENTITY
    )
    last_name: Mapped[str] = text("Επώνυμο", "Last name", 80, required=True, search=True, group=IDENTITY)
    first_name: Mapped[str] = text("Όνομα", "First name", 80, required=True, search=True, group=IDENTITY)
    father_name: Mapped[str | None] = text("Πατρώνυμο", "Father's name", 80, search=True, group=IDENTITY)
    mother_name: Mapped[str | None] = text("Μητρώνυμο", "Mother's name", 80, group=IDENTITY)
    sex: Mapped[Sex] = choice(Sex, "Φύλο", "Sex", required=True, default=lambda: Sex.U, group=IDENTITY)
    born_on: Mapped[dt.date | None] = day("Ημ/νία γέννησης", "Date of birth", index=True, is_birth=True, group=IDENTITY)

    amka: Mapped[str | None] = text("ΑΜΚΑ", "AMKA", 11, check=identifiers.amka, search=True, group=NUMBERS)
    afm: Mapped[str | None] = text("ΑΦΜ", "AFM", 9, check=identifiers.afm, search=True, index=True, group=NUMBERS)
    paaypa: Mapped[str | None] = text("ΠΑΑΥΠΑ", "PAAYPA", 20, check=identifiers.paaypa, search=True, group=NUMBERS)
    id_document: Mapped[str | None] = text(
        "Ταυτότητα / διαβατήριο", "Identity document", 40, check=identifiers.document, search=True, group=NUMBERS
    )
    nationality: Mapped[str | None] = country("Ιθαγένεια", "Nationality", group=NUMBERS)
    legal_status: Mapped[LegalStatus | None] = choice(LegalStatus, "Καθεστώς διαμονής", "Legal status", group=NUMBERS)
    permit_expires_on: Mapped[dt.date | None] = day("Λήξη άδειας διαμονής", "Permit expires", index=True, group=NUMBERS)

    phone: Mapped[str | None] = text("Τηλέφωνο", "Telephone", 20, check=identifiers.phone, search=True, group=CONTACT)
    mobile: Mapped[str | None] = text("Κινητό", "Mobile", 20, check=identifiers.phone, search=True, group=CONTACT)
    email: Mapped[str | None] = text("E-mail", "E-mail", 200, check=identifiers.email, group=CONTACT)
    address: Mapped[str | None] = text("Διεύθυνση", "Address", 200, group=CONTACT)
    postal_code: Mapped[str | None] = text("Τ.Κ.", "Postal code", 5, check=identifiers.postal_code, group=CONTACT)
    area: Mapped[str | None] = text("Περιοχή – οικισμός", "Area, settlement", 120, group=CONTACT)

    marital_status: Mapped[MaritalStatus | None] = choice(
        MaritalStatus, "Οικογενειακή κατάσταση", "Marital status", group=SITUATION
    )
    education: Mapped[Education | None] = choice(Education, "Εκπαίδευση", "Education", group=SITUATION)
    employment_status: Mapped[EmploymentStatus | None] = choice(
        EmploymentStatus, "Απασχόληση", "Employment", group=SITUATION
    )
    unemployed_since: Mapped[dt.date | None] = day("Άνεργος/η από", "Unemployed since", group=SITUATION)
    insurance: Mapped[Insurance | None] = choice(Insurance, "Ασφάλιση", "Insurance", group=SITUATION)
    housing: Mapped[Housing | None] = choice(Housing, "Στέγαση", "Housing", group=SITUATION)
    target_groups: Mapped[tuple[TargetGroup, ...]] = choices(
        ORDINARY_GROUPS, "Ομάδες-στόχοι", "Target groups", group=SITUATION
    )

    ethnic_roma: Mapped[Answer] = choice(
        Answer,
        "Δηλώνει Ρομά",
        "Declares to be Roma",
        required=True,
        default=lambda: Answer.NOT_ASKED,
        group=PROTECTED,
        sensitivity=SPECIAL,
        help=Label("Μόνο ό,τι δηλώνει το ίδιο το άτομο.", "Only what the person says."),
    )
    ethnic_roma_asked_on: Mapped[dt.date | None] = day(
        "Ρομά: ρωτήθηκε στις", "Roma: asked on", group=PROTECTED, sensitivity=SPECIAL
    )
    ethnic_roma_asked_by_id: Mapped[int | None] = link(
        "user.id", "Ρομά: ρωτήθηκε από", "Roma: asked by", group=PROTECTED, sensitivity=SPECIAL, form=False
    )
    disability: Mapped[Answer] = choice(
        Answer,
        "Δηλώνει αναπηρία",
        "Declares a disability",
        required=True,
        default=lambda: Answer.NOT_ASKED,
        group=PROTECTED,
        sensitivity=CLINICAL,
    )
    disability_asked_on: Mapped[dt.date | None] = day(
        "Αναπηρία: ρωτήθηκε στις", "Disability: asked on", group=PROTECTED, sensitivity=CLINICAL
    )
    disability_asked_by_id: Mapped[int | None] = link(
        "user.id", "Αναπηρία: ρωτήθηκε από", "Disability: asked by", group=PROTECTED, sensitivity=CLINICAL, form=False
    )
    disability_degree: Mapped[DisabilityDegree | None] = choice(
        DisabilityDegree, "Ποσοστό αναπηρίας", "Degree of disability", group=PROTECTED, sensitivity=CLINICAL
    )
    health_problem: Mapped[Answer] = choice(
        Answer,
        "Δηλώνει πρόβλημα υγείας",
        "Declares a health problem",
        required=True,
        default=lambda: Answer.NOT_ASKED,
        group=PROTECTED,
        sensitivity=CLINICAL,
    )
    health_problem_asked_on: Mapped[dt.date | None] = day(
        "Υγεία: ρωτήθηκε στις", "Health: asked on", group=PROTECTED, sensitivity=CLINICAL
    )
    health_problem_asked_by_id: Mapped[int | None] = link(
        "user.id", "Υγεία: ρωτήθηκε από", "Health: asked by", group=PROTECTED, sensitivity=CLINICAL, form=False
    )
    health_notes: Mapped[str | None] = long_text(
        "Στοιχεία υγείας", "Health details", 4000, group=PROTECTED, sensitivity=CLINICAL
    )
    protected_groups: Mapped[tuple[TargetGroup, ...]] = choices(
        PROTECTED_GROUPS, "Προστατευμένες ομάδες", "Protected groups", group=PROTECTED, sensitivity=CLINICAL
    )

    caseworker_id: Mapped[int | None] = link("user.id", "Υπεύθυνος/η υπόθεσης", "Caseworker", group=FILE)
    registered_on: Mapped[dt.date] = day(
        "Ημερομηνία εγγραφής", "Registered on", required=True, default=today, group=FILE
    )
    closed_on: Mapped[dt.date | None] = day("Λήξη παρακολούθησης", "Closed", group=FILE)
    remarks: Mapped[str | None] = long_text("Παρατηρήσεις", "Remarks", 4000, group=FILE)
    restricted_on: Mapped[dt.date | None] = day(
        "Περιορισμός επεξεργασίας από", "Processing restricted since", form=False, group=FILE
    )
    erased_on: Mapped[dt.date | None] = day("Ανώνυμη από", "Anonymous since", form=False, group=FILE)

    caseworker: Mapped[User | None] = relationship(foreign_keys=[caseworker_id])
    ethnic_roma_asked_by: Mapped[User | None] = relationship(foreign_keys=[ethnic_roma_asked_by_id], viewonly=True)
    disability_asked_by: Mapped[User | None] = relationship(foreign_keys=[disability_asked_by_id], viewonly=True)
    health_problem_asked_by: Mapped[User | None] = relationship(
        foreign_keys=[health_problem_asked_by_id], viewonly=True
    )
    tokens: Mapped[list[PersonToken]] = relationship(cascade="all, delete-orphan", passive_deletes=True)

    @property
    def person_id(self) -> int:
        """Whom a trail entry about this row is about."""
        return self.id

    def before_save(self, session: orm.Session) -> None:
        if not self.registry_number:
            self.registry_number = _next_number(session, self.unit_id, Unit.last_registry_number)
        if self.born_on and self.born_on > today():
            raise BadValue(N_("The date of birth lies in the future."), "born_on")
        super().before_save(session)

    @property
    def described(self) -> str:
        year = f" · {self.born_on.year}" if self.born_on and not self.restricted_on else ""
        return f"{self} · {self.registry_number}{year}"


HOUSEHOLD_MARK = "Ν"
"""A household's code is told from a person's number by this letter of «νοικοκυριό»."""


def _next_number(session: orm.Session, unit_id: int, counter: orm.InstrumentedAttribute[int], mark: str = "") -> str:
    """The unit's next running number, after its kind's mark. The UPDATE locks the unit's row: none is drawn twice."""
    drawing = sa.update(Unit).where(Unit.id == unit_id).values({counter: counter + 1}).returning(counter, Unit.code)
    drawn = session.connection().execute(drawing).one_or_none()
    if drawn is None:
        raise BadValue(N_("Choose a unit."), "unit_id")
    return _number(drawn[1], mark, drawn[0])


def _number(code: str, mark: str, number: int) -> str:
    return f"{code.upper()}-{mark}{number:05d}"


NUMBERED = re.compile(r"(?:([^\W\d_]+)[ -]?)?([0-9]{1,9})")
"""A registry number as people type it: perhaps a unit's code, and digits, perhaps without their zeros."""


def _as_numbered(unit: Unit, typed: str) -> str:
    """A registry number as the unit writes it: «13», «roma 13» and «ΡΟΜΑ-13» are ROMA-00013.

    Whatever holds anything else stays as typed: a household's code, too, ends in such digits.
    """
    found = NUMBERED.fullmatch(typed)
    if not found or (found[1] and search.key(found[1]) != search.key(unit.code)):
        return typed
    return _number(unit.code, "", int(found[2]))


class PersonToken(Scoped, Base):
    """What one person's records in two units agree in, as a keyed hash (matching.py); it can be compared, not read."""

    label, labels = Label("Κρυπτογραφικό αποτύπωμα", "Keyed hash"), Label("Κρυπτογραφικά αποτυπώματα", "Keyed hashes")
    __table_args__ = (
        sa.UniqueConstraint("beneficiary_id", "kind"),
        sa.Index("ix_person_token_kind_token", "kind", "token"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, sort_order=-10)
    beneficiary_id: Mapped[int] = mapped_column(sa.ForeignKey("beneficiary.id", ondelete="CASCADE"))
    kind: Mapped[TokenKind] = choice(TokenKind, "Είδος", "Kind", required=True)
    token: Mapped[str] = mapped_column(sa.String(64))


class PersonDecision(Record):
    """What a coordinator decided of two records: one person, or two. The records themselves stay apart.

    Deleting the row undoes it; the trail keeps both.
    """

    label = Label("Απόφαση ταυτοποίησης", "Decision on two records")
    labels = Label("Αποφάσεις ταυτοποίησης", "Decisions on two records")
    __table_args__ = (
        sa.UniqueConstraint(
            "first_id", "second_id", info=says(N_("These two records have been decided on already."), "second_id")
        ),
        sa.CheckConstraint(
            "first_id < second_id", name="two_records", info=says(N_("Choose two different records."), "second_id")
        ),
    )

    first_id: Mapped[int] = link("beneficiary.id", "Πρώτη καρτέλα", "First record", required=True)
    second_id: Mapped[int] = link("beneficiary.id", "Δεύτερη καρτέλα", "Second record", required=True)
    verdict: Mapped[SamePerson] = choice(SamePerson, "Απόφαση", "Decision", required=True)
    reason: Mapped[str] = text("Αιτιολογία", "Reason", 500, required=True, lines=2)
    by_id: Mapped[int] = link("user.id", "Από", "By", required=True, form=False)
    at: Mapped[dt.datetime] = instant("Πότε", "When", required=True, default=now, form=False)

    first: Mapped[Beneficiary] = relationship(foreign_keys=[first_id], viewonly=True)
    second: Mapped[Beneficiary] = relationship(foreign_keys=[second_id], viewonly=True)
    by: Mapped[User] = relationship(foreign_keys=[by_id])

    @property
    def person_id(self) -> int:
        """Whom a trail entry about this row is about; its text names both."""
        return self.first_id

    def before_save(self, session: orm.Session) -> None:
        """A pair is one pair, whichever record was named first."""
        if self.first_id and self.second_id and self.first_id > self.second_id:
            self.first_id, self.second_id = self.second_id, self.first_id
        super().before_save(session)

    def __str__(self) -> str:
        return f"{self.first.described} – {self.second.described}"


class OfPerson(Scoped):
    """A row about one beneficiary, in the beneficiary's own unit."""

    unit_from = "beneficiary"

    @declared_attr
    def beneficiary_id(cls) -> Mapped[int]:
        """The person that the row is about."""
        return link("beneficiary.id", "Ωφελούμενος/η", "Beneficiary", required=True, sort_order=-4)

    @declared_attr
    def beneficiary(cls) -> Mapped[Beneficiary]:
        """The person; read alone, or each save of a person would look through all such tables for followers."""
        return relationship(Beneficiary, foreign_keys=[cls.beneficiary_id], viewonly=True)  # type: ignore[list-item]

    @property
    def person_id(self) -> int:
        """Whom a trail entry about this row is about."""
        return self.beneficiary_id  # type: ignore[return-value]


class Rests:
    """Work about a person. While their data are restricted, only who keeps the rights of people sees it (policy.py)."""

    @declared_attr
    def beneficiary_id(cls) -> Mapped[int | None]:
        """The person, if it is about one."""
        return link("beneficiary.id", "Ωφελούμενος/η", "Beneficiary")


PLACE = ("address", "postal_code", "area")
"""Where somebody lives: columns of a person and of a household alike."""


class Household(Searchable, Scoped, Record):
    """People who live together, with a reference person."""

    label, labels = Label("Νοικοκυριό", "Household"), Label("Νοικοκυριά", "Households")
    called_by = ("name", "code")
    __table_args__ = (sa.UniqueConstraint("unit_id", "code"),)

    code: Mapped[str] = text("Κωδικός", "Code", 20, required=True, search=True, form=False)
    name: Mapped[str] = text("Ονομασία (επώνυμο)", "Name", 120, required=True, search=True)
    household_type: Mapped[HouseholdType | None] = choice(HouseholdType, "Τύπος", "Type")
    housing: Mapped[Housing | None] = choice(Housing, "Στέγαση", "Housing")
    address: Mapped[str | None] = text("Διεύθυνση", "Address", 200, search=True)
    postal_code: Mapped[str | None] = text("Τ.Κ.", "Postal code", 5, check=identifiers.postal_code)
    area: Mapped[str | None] = text("Περιοχή – οικισμός", "Area, settlement", 120, search=True)
    remarks: Mapped[str | None] = long_text("Παρατηρήσεις", "Remarks", 4000)

    members: Mapped[list[HouseholdMember]] = relationship(back_populates="household", cascade="all, delete-orphan")

    def before_save(self, session: orm.Session) -> None:
        if not self.code:
            self.code = _next_number(session, self.unit_id, Unit.last_household_number, HOUSEHOLD_MARK)
        super().before_save(session)

    @classmethod
    def called(cls, *values: Any) -> str:
        return "{} ({})".format(*values)


class HouseholdMember(OfPerson, Rests, Record):
    """A person's place in a household. The reference person is the member with relation HEAD."""

    label, labels = Label("Μέλος νοικοκυριού", "Household member"), Label("Μέλη νοικοκυριού", "Household members")
    __table_args__ = (
        sa.UniqueConstraint(
            "household_id", "beneficiary_id", info=says(N_("This person is in it already."), "beneficiary_id")
        ),
        sa.Index(
            "uq_household_member_head",
            "household_id",
            unique=True,
            sqlite_where=sa.text("relation = 'HEAD'"),
            postgresql_where=sa.text("relation = 'HEAD'"),
            info=says(N_("This household has a reference person already."), "relation"),
        ),
    )

    household_id: Mapped[int] = link("household.id", "Νοικοκυριό", "Household", required=True, ondelete="CASCADE")
    relation: Mapped[HouseholdRelation] = choice(HouseholdRelation, "Σχέση", "Relation", required=True)
    is_hosted: Mapped[bool] = flag("Φιλοξενείται", "Hosted")
    is_student_away: Mapped[bool] = flag("Σπουδάζει αλλού (έως 25 ετών)", "Studies elsewhere (up to 25)")
    joined_on: Mapped[dt.date | None] = day("Από", "Since")
    left_on: Mapped[dt.date | None] = day("Έως", "Until")

    household: Mapped[Household] = relationship(back_populates="members")

    def __str__(self) -> str:
        return f"{self.beneficiary}: {self.relation}"


class Visit(Scoped, Rests, Record):
    """Somebody came, called or was met in the field: registered or, for a passing question, nameless."""

    label, labels = Label("Επίσκεψη", "Visit"), Label("Επισκέψεις", "Visits")
    __table_args__ = (sa.Index("ix_visit_unit_at", "unit_id", "at"),)

    beneficiary_id: Mapped[int | None] = link(
        "beneficiary.id",
        "Ωφελούμενος/η",
        "Beneficiary",
        help=Label("Κενό για ανώνυμη επίσκεψη.", "Empty for an anonymous visit."),
    )
    at: Mapped[dt.datetime] = instant("Πότε", "When", required=True, default=now, index=True)
    channel: Mapped[Channel] = choice(Channel, "Τρόπος", "Channel", required=True, default=lambda: Channel.INPERSON)
    request: Mapped[str] = text("Αίτημα", "Request", 500, required=True, lines=2)
    action: Mapped[str | None] = text("Ενέργεια", "Action taken", 500, lines=2)
    staff_id: Mapped[int] = link("user.id", "Υπάλληλος", "Staff", required=True)

    beneficiary: Mapped[Beneficiary | None] = relationship(viewonly=True)
    staff: Mapped[User] = relationship()

    @property
    def person_id(self) -> int | None:
        """Whom a trail entry about this row is about."""
        return self.beneficiary_id

    def before_save(self, session: orm.Session) -> None:
        if self.at is not None and self.at > now() + dt.timedelta(hours=1):
            raise BadValue(N_("A visit is recorded when it has happened; for later there are appointments."), "at")
        super().before_save(session)

    def __str__(self) -> str:
        return f"{self.beneficiary or Label('Ανώνυμη επίσκεψη', 'Anonymous visit')}"


class Appointment(Staged, Scoped, Rests, Record):
    """A time kept for somebody."""

    label, labels = Label("Ραντεβού", "Appointment"), Label("Ραντεβού", "Appointments")
    __table_args__ = (
        sa.Index("ix_appointment_unit_at", "unit_id", "at"),
        sa.CheckConstraint(
            "minutes BETWEEN 5 AND 480",
            name="minutes_of_a_day",
            info=says(N_("An appointment lasts from 5 minutes to 8 hours."), "minutes"),
        ),
    )
    moves: ClassVar = {
        AppointmentStatus.BOOKED: (AppointmentStatus.ARRIVED, AppointmentStatus.NOSHOW, AppointmentStatus.CANCELLED),
        AppointmentStatus.ARRIVED: (AppointmentStatus.DONE,),
        AppointmentStatus.NOSHOW: (AppointmentStatus.ARRIVED,),
    }

    beneficiary_id: Mapped[int | None] = link("beneficiary.id", "Ωφελούμενος/η", "Beneficiary")
    caller: Mapped[str | None] = text(
        "Όνομα καλούντος", "Caller's name", help=Label("Για όποιον δεν είναι εγγεγραμμένος.", "For the unregistered.")
    )
    caller_phone: Mapped[str | None] = text("Τηλέφωνο καλούντος", "Caller's telephone", 20, check=identifiers.phone)
    at: Mapped[dt.datetime] = instant("Πότε", "When", required=True)
    minutes: Mapped[int] = whole("Διάρκεια (λεπτά)", "Duration (minutes)", required=True, default=lambda: 30)
    staff_id: Mapped[int] = link("user.id", "Με υπάλληλο", "With", required=True)
    purpose: Mapped[str | None] = text("Θέμα", "Purpose", 300)
    status: Mapped[AppointmentStatus] = choice(
        AppointmentStatus,
        "Κατάσταση",
        "Status",
        required=True,
        default=lambda: AppointmentStatus.BOOKED,
        form=False,
        index=True,
    )

    beneficiary: Mapped[Beneficiary | None] = relationship(viewonly=True)
    staff: Mapped[User] = relationship()

    @property
    def person_id(self) -> int | None:
        """Whom a trail entry about this row is about."""
        return self.beneficiary_id

    @property
    def ends_at(self) -> dt.datetime:
        """When the time kept is over."""
        return self.at + dt.timedelta(minutes=self.minutes)

    def before_save(self, session: orm.Session) -> None:
        if self.beneficiary_id is None and not self.caller:
            raise BadValue(N_("Say for whom: choose a person, or write who called."), "caller")
        super().before_save(session)

    def __str__(self) -> str:
        return str(self.beneficiary or self.caller or self.label)


# --- services, referrals, applications --------------------------------------------------------------------------------


class Service(Record):
    """A service of the catalogue, on one of the three axes."""

    label, labels = Label("Υπηρεσία", "Service"), Label("Κατάλογος υπηρεσιών", "Service catalogue")
    called_by = ("code", "name", "name_en")

    code: Mapped[str] = text("Κωδικός", "Code", 20, required=True, unique=True)
    axis: Mapped[Axis] = choice(Axis, "Άξονας", "Axis", required=True)
    name: Mapped[str] = text("Ονομασία", "Name", 200, required=True)
    name_en: Mapped[str | None] = text("Ονομασία (αγγλικά)", "Name (English)", 200)
    is_offered: Mapped[bool] = flag("Παρέχεται", "Offered", initially=True)

    @classmethod
    def called(cls, *values: Any) -> str:
        code, name, name_en = values
        return f"{code} {Label(name, name_en or name)}"


class ServiceDelivery(OfPerson, Rests, Record):
    """A service given to a person on a day."""

    label, labels = Label("Παροχή υπηρεσίας", "Service delivery"), Label("Παροχές υπηρεσιών", "Service deliveries")
    __table_args__ = (
        sa.Index("ix_service_delivery_unit_on", "unit_id", "on"),
        sa.CheckConstraint(
            "minutes IS NULL OR minutes BETWEEN 0 AND 1440",
            name="minutes_of_a_day",
            info=says(N_("Minutes of one day: from 0 to 1440."), "minutes"),
        ),
    )

    service_id: Mapped[int] = link("service.id", "Υπηρεσία", "Service", required=True)
    on: Mapped[dt.date] = day("Ημερομηνία", "Date", required=True, default=today, index=True)
    staff_id: Mapped[int] = link("user.id", "Υπάλληλος", "Staff", required=True)
    minutes: Mapped[int | None] = whole("Διάρκεια (λεπτά)", "Duration (minutes)")
    notes: Mapped[str | None] = long_text("Σημειώσεις", "Notes", 4000, sensitivity=Sensitivity.RESTRICTED)

    service: Mapped[Service] = relationship()
    staff: Mapped[User] = relationship()

    def __str__(self) -> str:
        return f"{self.service} – {self.beneficiary}"


class CaseNote(OfPerson, Rests, Record):
    """What was said in confidence: read by the author, the treating team or the unit (policy.py)."""

    label, labels = Label("Σημείωση υπόθεσης", "Case note"), Label("Σημειώσεις υπόθεσης", "Case notes")

    on: Mapped[dt.date] = day("Ημερομηνία", "Date", required=True, default=today)
    confidence: Mapped[Confidence] = choice(
        Confidence, "Εμπιστευτικότητα", "Confided to", required=True, default=lambda: Confidence.TEAM
    )
    is_clinical: Mapped[bool] = flag("Κλινική σημείωση", "Clinical note", sensitivity=Sensitivity.CLINICAL)
    body: Mapped[str] = long_text("Κείμενο", "Text", required=True, lines=10, sensitivity=Sensitivity.CONFIDED)
    author_id: Mapped[int] = link("user.id", "Συντάκτης/τρια", "Author", required=True, form=False)

    author: Mapped[User] = relationship()

    def __str__(self) -> str:
        return f"{self.label} – {self.beneficiary}"


class Partner(Searchable, Record):
    """A body with which the centre works and to which it refers people."""

    label, labels = Label("Φορέας", "Partner"), Label("Φορείς", "Partners")
    called_by = ("name",)

    name: Mapped[str] = text("Επωνυμία", "Name", 200, required=True, search=True)
    category: Mapped[PartnerCategory] = choice(PartnerCategory, "Κατηγορία", "Category", required=True, index=True)
    services: Mapped[str | None] = long_text("Υπηρεσίες", "Services", 2000)
    address: Mapped[str | None] = text("Διεύθυνση", "Address", 200, group=CONTACT)
    phone: Mapped[str | None] = text("Τηλέφωνο", "Telephone", 20, check=identifiers.phone, search=True, group=CONTACT)
    email: Mapped[str | None] = text("E-mail", "E-mail", 200, check=identifiers.email, group=CONTACT)
    website: Mapped[str | None] = text("Ιστότοπος", "Website", 200, group=CONTACT)
    is_active: Mapped[bool] = flag("Ενεργός", "Active", initially=True)


class PartnerContact(Record):
    """Somebody to call at a partner."""

    label, labels = Label("Πρόσωπο επικοινωνίας", "Contact"), Label("Πρόσωπα επικοινωνίας", "Contacts")
    called_by = ("name",)

    partner_id: Mapped[int] = link("partner.id", "Φορέας", "Partner", required=True)
    name: Mapped[str] = text("Όνομα", "Name", required=True)
    position: Mapped[str | None] = text("Θέση", "Position")
    phone: Mapped[str | None] = text("Τηλέφωνο", "Telephone", 20, check=identifiers.phone)
    email: Mapped[str | None] = text("E-mail", "E-mail", 200, check=identifiers.email)

    partner: Mapped[Partner] = relationship()


class Step:
    """One change of state, kept for good unless it is undone at once: which, when, with what note, by whom."""

    on: Mapped[dt.date] = day("Ημερομηνία", "Date", required=True)
    note: Mapped[str | None] = text("Σημείωση", "Note", 500)

    @declared_attr
    def by_id(cls) -> Mapped[int | None]:
        """Who changed the state."""
        return link("user.id", "Από", "By")

    @declared_attr
    def by(cls) -> Mapped[User | None]:
        """The user who changed the state."""
        return relationship(User)


class ReferralStep(Step, Scoped, Record):
    """A referral's timeline."""

    label, labels = Label("Βήμα παραπομπής", "Referral step"), Label("Πορεία παραπομπής", "Referral timeline")

    referral_id: Mapped[int] = link("referral.id", "Παραπομπή", "Referral", required=True, ondelete="CASCADE")
    status: Mapped[ReferralStatus] = choice(ReferralStatus, "Κατάσταση", "Status", required=True)


_R = ReferralStatus
_ANSWERED = (_R.APPT, _R.ACCEPTED, _R.WAITING, _R.REJECTED, _R.NOSHOW)


class Referral(Staged, OfPerson, Rests, Record):
    """A person sent on to a partner or to another unit."""

    label, labels = Label("Παραπομπή", "Referral"), Label("Παραπομπές", "Referrals")
    __table_args__ = (
        sa.CheckConstraint("(to_partner_id IS NULL) <> (to_unit_id IS NULL)", name="one_destination"),
        sa.Index("ix_referral_unit_status_due", "unit_id", "status", "due_on"),
    )
    ONE_DESTINATION: ClassVar = N_("Choose either a partner or a unit to refer to.")
    STAYS_SENT: ClassVar = N_("A unit has received this referral: it is not deleted, and stays with its recipient.")
    step_class = ReferralStep
    moves: ClassVar = {
        _R.DRAFT: (_R.SENT, _R.WITHDRAWN),
        _R.SENT: (_R.RECEIVED, _R.NOREPLY, _R.WITHDRAWN),
        _R.NOREPLY: (_R.RECEIVED, _R.WITHDRAWN),
        _R.RECEIVED: (*_ANSWERED, _R.WITHDRAWN),
        _R.APPT: (_R.ACCEPTED, _R.WAITING, _R.REJECTED, _R.NOSHOW, _R.WITHDRAWN),
        _R.WAITING: (_R.APPT, _R.ACCEPTED, _R.REJECTED, _R.NOSHOW, _R.WITHDRAWN),
        _R.ACCEPTED: (_R.DONE, _R.PARTIAL, _R.NOSHOW, _R.WITHDRAWN),
        _R.NOSHOW: (_R.APPT, _R.WITHDRAWN),
        _R.PARTIAL: (_R.DONE,),
    }

    to_partner_id: Mapped[int | None] = link(
        "partner.id",
        "Προς φορέα",
        "To partner",
        help=Label("Φορέας ή μονάδα: το ένα από τα δύο.", "A partner or a unit."),
    )
    to_unit_id: Mapped[int | None] = link("unit.id", "Προς μονάδα", "To unit")
    reason: Mapped[str] = text("Λόγος παραπομπής", "Reason", 500, required=True, lines=3)
    status: Mapped[ReferralStatus] = choice(
        ReferralStatus, "Κατάσταση", "Status", required=True, default=lambda: _R.DRAFT, form=False
    )
    sent_on: Mapped[dt.date | None] = day("Εστάλη", "Sent on", form=False)
    due_on: Mapped[dt.date | None] = day("Αναμένεται έως", "Due")
    outcome: Mapped[str | None] = text("Έκβαση", "Outcome", 500, lines=3)
    staff_id: Mapped[int] = link("user.id", "Υπάλληλος", "Staff", required=True)

    to_partner: Mapped[Partner | None] = relationship()
    to_unit: Mapped[Unit | None] = relationship(foreign_keys=[to_unit_id])
    staff: Mapped[User] = relationship()
    steps: Mapped[list[ReferralStep]] = relationship(
        cascade="all, delete-orphan", order_by=lambda: (ReferralStep.on, ReferralStep.id)
    )

    answers: ClassVar = (_R.RECEIVED, *_ANSWERED, _R.DONE, _R.PARTIAL)
    """The states that the receiving unit may say; the others are the sender's."""
    waiting: ClassVar = (_R.DRAFT, _R.SENT, _R.NOREPLY, _R.RECEIVED, _R.APPT, _R.WAITING, _R.ACCEPTED)
    """The states in which somebody still has to do something."""
    running: ClassVar = tuple(status for status in moves if status != _R.DRAFT)
    """Sent and not closed: while a referral stands in one of these, the receiving unit sees it."""

    @property
    def moves_are_undone(self) -> bool:
        """What another unit was sent it may have read at once: that is withdrawn, and the person's copy tells of it."""
        return self.to_unit_id is None or self.status != _R.SENT

    @property
    def is_received(self) -> bool:
        """Another unit was sent it, and has read it or may have."""
        return self.sent_on is not None and self.to_unit_id is not None

    def on_move(self, status: Any, on: dt.date) -> None:
        if status == _R.SENT:
            self.sent_on = on

    def before_save(self, session: orm.Session) -> None:
        super().before_save(session)  # first: a new referral has its unit from there
        if self.to_unit_id is not None and self.to_unit_id == self.unit_id:
            raise BadValue(N_("The person is in this unit already."), "to_unit_id")
        if (self.to_partner_id is None) == (self.to_unit_id is None):
            raise BadValue(self.ONE_DESTINATION, "to_partner_id")
        receiving: Any = sa.inspect(self).attrs.to_unit_id.history  # type: ignore[union-attr]
        if self.sent_on is not None and any(former is not None for former in receiving.deleted):
            raise BadValue(self.STAYS_SENT, "to_unit_id")

    def before_delete(self, session: orm.Session) -> None:
        """Who was sent a person's data stands in the person's copy (Regulation 2016/679, article 15(1)(c))."""
        if self.is_received:
            raise BadValue(self.STAYS_SENT)
        super().before_delete(session)

    def __str__(self) -> str:
        return f"{self.beneficiary} → {self.to_partner or self.to_unit}"


class Programme(Record):
    """A benefit or programme to which people apply, with the centre's help."""

    label, labels = Label("Πρόγραμμα", "Programme"), Label("Προγράμματα", "Programmes")
    called_by = ("name", "name_en")

    code: Mapped[str] = text("Κωδικός", "Code", 20, required=True, unique=True)
    name: Mapped[str] = text("Ονομασία", "Name", 200, required=True)
    name_en: Mapped[str | None] = text("Ονομασία (αγγλικά)", "Name (English)", 200)
    required_documents: Mapped[tuple[DocumentType, ...]] = choices(DocumentType, "Δικαιολογητικά", "Required documents")
    is_open: Mapped[bool] = flag("Δέχεται αιτήσεις", "Open for applications", initially=True)

    @classmethod
    def called(cls, *values: Any) -> str:
        name, name_en = values
        return str(Label(name, name_en or name))


class ApplicationStep(Step, Scoped, Record):
    """An application's timeline."""

    label, labels = Label("Βήμα αίτησης", "Application step"), Label("Πορεία αίτησης", "Application timeline")

    application_id: Mapped[int] = link("application.id", "Αίτηση", "Application", required=True, ondelete="CASCADE")
    status: Mapped[ApplicationStatus] = choice(ApplicationStatus, "Κατάσταση", "Status", required=True)


_A = ApplicationStatus


class Application(Staged, OfPerson, Rests, Record):
    """A person's application to a programme. Kentro keeps its number and state; the national systems decide."""

    label, labels = Label("Αίτηση", "Application"), Label("Αιτήσεις", "Applications")
    __table_args__ = (sa.Index("ix_application_unit_renewal", "unit_id", "renewal_on"),)
    step_class = ApplicationStep
    moves: ClassVar = {
        _A.INFO: (_A.DOCS, _A.DRAFT, _A.SUBMITTED, _A.ENDED),
        _A.DOCS: (_A.DRAFT, _A.SUBMITTED, _A.ENDED),
        _A.DRAFT: (_A.DOCS, _A.SUBMITTED, _A.ENDED),
        _A.SUBMITTED: (_A.REVIEW, _A.APPROVED, _A.REJECTED, _A.ENDED),
        _A.REVIEW: (_A.DOCS, _A.APPROVED, _A.REJECTED, _A.ENDED),
        _A.APPROVED: (_A.SUSPENDED, _A.RENEW, _A.ENDED),
        _A.REJECTED: (_A.OBJECTION, _A.ENDED),
        _A.OBJECTION: (_A.APPROVED, _A.REJECTED),
        _A.SUSPENDED: (_A.APPROVED, _A.ENDED),
        _A.RENEW: (_A.SUBMITTED, _A.ENDED),
    }
    running: ClassVar = (_A.APPROVED, _A.RENEW, _A.SUSPENDED)
    """The states that end unless they are renewed."""

    programme_id: Mapped[int] = link("programme.id", "Πρόγραμμα", "Programme", required=True)
    opened_on: Mapped[dt.date] = day("Άνοιξε", "Opened on", required=True, default=today)
    status: Mapped[ApplicationStatus] = choice(
        ApplicationStatus, "Κατάσταση", "Status", required=True, default=lambda: _A.INFO, form=False, index=True
    )
    submission_number: Mapped[str | None] = text("Αρ. υποβολής", "Submission no.", 60)
    submitted_on: Mapped[dt.date | None] = day("Υποβλήθηκε", "Submitted on", form=False)
    renewal_on: Mapped[dt.date | None] = day("Ανανέωση έως", "Renew by")
    missing_documents: Mapped[tuple[DocumentType, ...]] = choices(
        DocumentType, "Δικαιολογητικά που λείπουν", "Missing documents"
    )
    staff_id: Mapped[int] = link("user.id", "Υπάλληλος", "Staff", required=True)
    remarks: Mapped[str | None] = long_text("Παρατηρήσεις", "Remarks", 4000)

    programme: Mapped[Programme] = relationship()
    staff: Mapped[User] = relationship()
    steps: Mapped[list[ApplicationStep]] = relationship(
        cascade="all, delete-orphan", order_by=lambda: (ApplicationStep.on, ApplicationStep.id)
    )

    def on_move(self, status: Any, on: dt.date) -> None:
        if status == _A.SUBMITTED:
            self.submitted_on = on

    def __str__(self) -> str:
        return f"{self.programme} – {self.beneficiary}"


# --- volunteers and events --------------------------------------------------------------------------------------------


class Volunteer(Searchable, Scoped, Record):
    """Somebody who gives time to a unit."""

    label, labels = Label("Εθελοντής/τρια", "Volunteer"), Label("Εθελοντές", "Volunteers")
    called_by = ("last_name", "first_name")

    last_name: Mapped[str] = text("Επώνυμο", "Last name", 80, required=True, search=True)
    first_name: Mapped[str] = text("Όνομα", "First name", 80, required=True, search=True)
    phone: Mapped[str | None] = text("Τηλέφωνο", "Telephone", 20, check=identifiers.phone, search=True)
    email: Mapped[str | None] = text("E-mail", "E-mail", 200, check=identifiers.email)
    skills: Mapped[tuple[Skill, ...]] = choices(Skill, "Δεξιότητες", "Skills")
    availability: Mapped[tuple[Availability, ...]] = choices(Availability, "Διαθεσιμότητα", "Availability")
    started_on: Mapped[dt.date | None] = day("Από", "Since", default=today)
    ended_on: Mapped[dt.date | None] = day("Έως", "Until")
    remarks: Mapped[str | None] = long_text("Παρατηρήσεις", "Remarks", 2000)


class Event(Searchable, Scoped, Record):
    """An event or action of a unit."""

    label, labels = Label("Δράση", "Event"), Label("Δράσεις", "Events")
    called_by = ("title",)
    __table_args__ = (
        sa.CheckConstraint(
            "ends_at IS NULL OR ends_at >= starts_at",
            name="ends_after_start",
            info=says(N_("It ends before it starts."), "ends_at"),
        ),
        sa.CheckConstraint(
            "capacity IS NULL OR capacity > 0",
            name="capacity_positive",
            info=says(N_("A number above zero."), "capacity"),
        ),
        sa.Index("ix_event_unit_starts", "unit_id", "starts_at"),
    )

    title: Mapped[str] = text("Τίτλος", "Title", 200, required=True, search=True)
    event_type: Mapped[EventType] = choice(EventType, "Είδος", "Type", required=True)
    place: Mapped[str | None] = text("Τόπος", "Place", 200, search=True)
    starts_at: Mapped[dt.datetime] = instant("Έναρξη", "Starts", required=True)
    ends_at: Mapped[dt.datetime | None] = instant("Λήξη", "Ends")
    capacity: Mapped[int | None] = whole("Θέσεις", "Capacity")
    description: Mapped[str | None] = long_text("Περιγραφή", "Description", 4000)

    def before_save(self, session: orm.Session) -> None:
        if self.id and self.capacity is not None and places_taken(session, self.id) > self.capacity:
            raise BadValue(N_("More people than that have a place already."), "capacity")
        super().before_save(session)

    @property
    def described(self) -> str:
        """With its day: the same is held every month."""
        return f"{self} · {self.starts_at.astimezone(_ATHENS):%d/%m/%Y}"


class EventAttendance(OfPerson, Rests, Record):
    """A beneficiary's part in an event."""

    label, labels = Label("Συμμετοχή", "Attendance"), Label("Συμμετοχές", "Attendance")
    __table_args__ = (
        sa.UniqueConstraint(
            "event_id", "beneficiary_id", info=says(N_("This person is in it already."), "beneficiary_id")
        ),
    )

    event_id: Mapped[int] = link("event.id", "Δράση", "Event", required=True)
    attendance: Mapped[Attendance] = choice(
        Attendance, "Συμμετοχή", "Attendance", required=True, default=lambda: Attendance.ENROLLED
    )

    event: Mapped[Event] = relationship()

    def before_save(self, session: orm.Session) -> None:
        """An event takes no more people than it has places; its row is locked, so two cannot take the last one."""
        event: Any = session.get(Event, self.event_id, with_for_update=True) if self.event_id else self.event
        capacity = event.capacity if event is not None and self.attendance != Attendance.ABSENT else None
        if capacity is not None and places_taken(session, event.id, but=self.id) >= capacity:
            raise BadValue(N_("All places of this event are taken."), "event_id")
        super().before_save(session)

    def __str__(self) -> str:
        return f"{self.beneficiary} – {self.event}"


def places_taken(session: orm.Session, event_id: int, but: int | None = None) -> int:
    """How many people have a place in the event, one attendance left out; past the session, as with stocks."""
    taken = sa.select(sa.func.count(EventAttendance.id)).where(
        EventAttendance.event_id == event_id,
        EventAttendance.attendance != Attendance.ABSENT,
        EventAttendance.id != (but or 0),
    )
    return session.connection().scalar(taken) or 0


class VolunteerHours(Scoped, Record):
    """Hours that a volunteer gave, in an event or otherwise."""

    unit_from = "volunteer"

    label, labels = Label("Ώρες εθελοντή", "Volunteer hours"), Label("Ώρες εθελοντών", "Volunteer hours")
    __table_args__ = (
        sa.CheckConstraint(
            "hours > 0 AND hours <= 2400",
            name="hours_of_a_day",
            info=says(N_("Hours of one day: above 0, up to 24."), "hours"),
        ),
    )

    volunteer_id: Mapped[int] = link("volunteer.id", "Εθελοντής/τρια", "Volunteer", required=True)
    on: Mapped[dt.date] = day("Ημερομηνία", "Date", required=True, default=today)
    hours: Mapped[Decimal] = decimal("Ώρες", "Hours", required=True)
    event_id: Mapped[int | None] = link("event.id", "Δράση", "Event")
    task: Mapped[str | None] = text("Έργο", "Task", 300)

    volunteer: Mapped[Volunteer] = relationship()
    event: Mapped[Event | None] = relationship()

    def __str__(self) -> str:
        return f"{self.volunteer} – {self.on:%d/%m/%Y}"


# --- goods ------------------------------------------------------------------------------------------------------------


IN_STOCK = Label("απόθεμα", "in stock")


class Item(Searchable, Scoped, Record):
    """A kind of goods that a unit keeps. Stock is what came in less what was handed out, never a typed figure."""

    label, labels = Label("Είδος", "Item"), Label("Είδη", "Items")
    called_by = ("name",)
    __table_args__ = (sa.UniqueConstraint("unit_id", "name"),)

    name: Mapped[str] = text("Ονομασία", "Name", 120, required=True, search=True)
    category: Mapped[ItemCategory] = choice(ItemCategory, "Κατηγορία", "Category", required=True)
    measure: Mapped[str] = text("Μονάδα μέτρησης", "Measure", 30, required=True, default=lambda: "τεμάχιο")
    low_stock: Mapped[Decimal | None] = decimal("Όριο αναπλήρωσης", "Reorder level")

    @property
    def is_in_pieces(self) -> bool:
        """Its measure is the piece («τεμάχιο», «τεμάχια», «τεμ.»), of which there is no half."""
        return search.fold(self.measure).startswith(("τεμ", "piece"))

    @property
    def stock(self) -> Decimal:
        """What is left now."""
        session = orm.object_session(self)
        assert session is not None
        return stocks(session, [self.id])[self.id]

    @property
    def described(self) -> str:
        (text,) = self.describe([self])
        return text

    @classmethod
    def describe(cls, rows: list[Any]) -> list[str]:
        """With what is left of each, counted for all at once."""
        session = orm.object_session(rows[0]) if rows else None
        left = stocks(session, [item.id for item in rows]) if session is not None else {}
        told = {key: f"{quantity.normalize():f}".replace(".", ",") for key, quantity in left.items()}
        return [f"{item} · {IN_STOCK} {told[item.id]}" for item in rows]


def stocks(session: orm.Session, item_ids: Iterable[int]) -> dict[int, Decimal]:
    """What is left of each of these items: what came in less what was handed out.

    Past the session: what was given to somebody whose data are restricted is out of sight, and not back on the shelf.
    """
    left = dict.fromkeys(item_ids, Decimal())
    for model in (StockMovement, Distribution):
        sums = (
            sa.select(model.item_id, sa.func.sum(model.quantity)).where(model.item_id.in_(left)).group_by(model.item_id)
        )
        for item_id, quantity in session.connection().execute(sums):
            left[item_id] += model.sign * quantity
    return left


class ChangesStock:
    """A row that changes what is left of an item; nothing leaves the store that is not there."""

    sign: ClassVar[int]

    def before_save(self, session: orm.Session) -> None:
        """The stock that the row would leave is not below zero."""
        history = sa.inspect(self).attrs.quantity.history  # type: ignore[union-attr]
        before = history.deleted[0] if history.deleted else (0 if self in session.new else self.quantity)  # type: ignore[attr-defined]
        if history.has_changes() and self.quantity is not None and self.quantity % 1:  # type: ignore[attr-defined]
            item = session.get(Item, self.item_id)  # type: ignore[attr-defined]
            if item is not None and item.is_in_pieces:
                raise BadValue(N_("Pieces are whole numbers."), "quantity")
        self._change_stock(session, (self.quantity or 0) - (before or 0))  # type: ignore[attr-defined]
        super().before_save(session)  # type: ignore[misc]

    def before_delete(self, session: orm.Session) -> None:
        """Taking the row back leaves no stock below zero either."""
        self._change_stock(session, -self.quantity)  # type: ignore[attr-defined]
        super().before_delete(session)  # type: ignore[misc]

    def _change_stock(self, session: orm.Session, quantity: Decimal | int) -> None:
        """The item's row is locked, so two clerks cannot give the last one away."""
        key = self.item_id  # type: ignore[attr-defined]
        item = session.get(Item, key, with_for_update=True) if key and quantity else None
        if item is not None and item.stock + self.sign * quantity < 0:
            raise BadValue(N_("There is not so much in stock."), "quantity")


class StockMovement(ChangesStock, Scoped, Record):
    """Goods that came in, or went out otherwise than to a person (negative)."""

    unit_from = "item"
    sign = 1

    label, labels = Label("Κίνηση αποθήκης", "Stock movement"), Label("Κινήσεις αποθήκης", "Stock movements")
    __table_args__ = (
        sa.CheckConstraint("quantity <> 0", name="quantity_not_zero", info=says(N_("Not zero."), "quantity")),
    )

    item_id: Mapped[int] = link("item.id", "Είδος", "Item", required=True)
    on: Mapped[dt.date] = day("Ημερομηνία", "Date", required=True, default=today)
    kind: Mapped[MovementKind] = choice(MovementKind, "Αιτία", "Reason", required=True)
    quantity: Mapped[Decimal] = decimal(
        "Ποσότητα",
        "Quantity",
        required=True,
        help=Label("Αρνητική μόνο σε διόρθωση απογραφής.", "Negative only in a stocktaking."),
    )
    source: Mapped[str | None] = text("Προέλευση", "Source", 200)

    item: Mapped[Item] = relationship()

    def before_save(self, session: orm.Session) -> None:
        """A loss goes out however it is typed; gifts and purchases come in; only a stocktaking goes either way."""
        if self.quantity is not None and self.kind == MovementKind.LOSS:
            self.quantity = -abs(self.quantity)
        elif self.quantity is not None and self.quantity < 0 and self.kind != MovementKind.COUNT:
            raise BadValue(N_("What comes in is a number above zero."), "quantity")
        super().before_save(session)

    def __str__(self) -> str:
        return f"{self.item} – {self.kind}"


class Distribution(ChangesStock, OfPerson, Rests, Record):
    """Goods handed to a person."""

    sign = -1

    label, labels = Label("Διανομή", "Distribution"), Label("Διανομές", "Distributions")
    __table_args__ = (
        sa.CheckConstraint("quantity > 0", name="quantity_positive", info=says(N_("A number above zero."), "quantity")),
    )

    item_id: Mapped[int] = link("item.id", "Είδος", "Item", required=True)
    on: Mapped[dt.date] = day("Ημερομηνία", "Date", required=True, default=today)
    quantity: Mapped[Decimal] = decimal("Ποσότητα", "Quantity", required=True)
    staff_id: Mapped[int] = link("user.id", "Υπάλληλος", "Staff", required=True)

    item: Mapped[Item] = relationship()
    staff: Mapped[User] = relationship()

    def __str__(self) -> str:
        return f"{self.item} – {self.beneficiary}"


# --- papers and sharing -----------------------------------------------------------------------------------------------


class Attachment(OfPerson, Rests, Record):
    """A paper kept with a person's file."""

    label, labels = Label("Συνημμένο", "Attachment"), Label("Συνημμένα", "Attachments")
    called_by = ("file_name",)
    __table_args__ = (sa.CheckConstraint("size >= 0", name="size_not_negative"),)

    document_type: Mapped[DocumentType] = choice(DocumentType, "Είδος εγγράφου", "Kind of paper", required=True)
    file_name: Mapped[str] = text("Όνομα αρχείου", "File name", 200, required=True, form=False)
    content_type: Mapped[str] = text("Τύπος", "Type", 60, required=True, form=False)
    size: Mapped[int] = whole("Μέγεθος", "Size", required=True, form=False)
    sha256: Mapped[str] = mapped_column(sa.String(64))
    content: Mapped[bytes] = deferred(mapped_column(sa.LargeBinary))


ASKED_FOR, BASIS = Label("Ζητούμενος φάκελος", "The file asked for"), Label("Σκοπός και βάση", "Purpose and basis")
ANSWER = Label("Απάντηση", "Answer")
_G = GrantStatus


class AccessGrant(Staged, Scoped, Record):
    """Somebody's leave to read parts of a file of another unit, for a purpose and a time (Regulation 2016/679, art. 5).

    It stands in the asking unit, names the file as the asker did, and says nothing of whether there is one:
    only an answer that grants it names the person (sharing.py reads through it).
    """

    label, labels = Label("Αίτημα για φάκελο", "File request"), Label("Φάκελοι άλλων μονάδων", "Files of other units")
    __table_args__ = (
        sa.CheckConstraint(
            "status <> 'GRANTED' OR (beneficiary_id IS NOT NULL AND ends_at IS NOT NULL)", name="granted_of_somebody"
        ),
    )
    moves: ClassVar = {_G.ASKED: (_G.GRANTED, _G.REFUSED), _G.GRANTED: (_G.WITHDRAWN,)}
    needs_note = True

    kind: Mapped[GrantKind] = choice(
        GrantKind, "Είδος", "Kind", required=True, default=lambda: GrantKind.REQUEST, form=False, group=ASKED_FOR
    )
    registry_number: Mapped[str | None] = text("Αρ. μητρώου", "Registry no.", 20, group=ASKED_FOR)
    of_unit_id: Mapped[int | None] = link("unit.id", "Μονάδα του φακέλου", "Unit of the file", group=ASKED_FOR)
    amka: Mapped[str | None] = text("ΑΜΚΑ", "AMKA", 11, check=identifiers.amka, group=ASKED_FOR)
    last_name: Mapped[str | None] = text("Επώνυμο", "Last name", 80, group=ASKED_FOR)
    first_name: Mapped[str | None] = text("Όνομα", "First name", 80, group=ASKED_FOR)
    born_on: Mapped[dt.date | None] = day("Ημ/νία γέννησης", "Date of birth", is_birth=True, group=ASKED_FOR)
    asked_parts: Mapped[tuple[FilePart, ...]] = choices(
        FilePart, "Μέρη που ζητούνται", "Parts asked for", group=ASKED_FOR
    )
    purpose: Mapped[SharingPurpose] = choice(SharingPurpose, "Σκοπός", "Purpose", required=True, group=BASIS)
    legal_basis: Mapped[LegalBasis] = choice(LegalBasis, "Νομική βάση", "Legal basis", required=True, group=BASIS)
    special_basis: Mapped[SpecialBasis | None] = choice(
        SpecialBasis,
        "Βάση για ειδικές κατηγορίες",
        "Basis for special categories",
        group=BASIS,
        help=Label("Για υγεία και σημειώσεις.", "For health and notes."),
    )
    national_law: Mapped[NationalLaw] = choice(
        NationalLaw, "Εθνική διάταξη", "National law", required=True, group=BASIS
    )
    reason: Mapped[str] = text("Γιατί χρειάζεται", "Why it is needed", 500, required=True, lines=2, group=BASIS)

    asked_by_id: Mapped[int] = link("user.id", "Ζητήθηκε από", "Asked by", required=True, form=False, group=ANSWER)
    asked_at: Mapped[dt.datetime] = instant(
        "Ζητήθηκε", "Asked at", required=True, default=now, form=False, group=ANSWER, index=True
    )
    status: Mapped[GrantStatus] = choice(
        GrantStatus, "Κατάσταση", "Status", required=True, default=lambda: _G.ASKED, form=False, group=ANSWER
    )
    parts: Mapped[tuple[FilePart, ...]] = choices(
        FilePart, "Μέρη που δόθηκαν", "Parts granted", form=False, group=ANSWER
    )
    ends_at: Mapped[dt.datetime | None] = instant("Λήγει", "Ends", form=False, group=ANSWER)
    answered_by_id: Mapped[int | None] = link("user.id", "Απάντησε", "Answered by", form=False, group=ANSWER)
    answered_at: Mapped[dt.datetime | None] = instant("Απαντήθηκε", "Answered at", form=False, group=ANSWER)
    answer: Mapped[str | None] = text("Αιτιολογία απάντησης", "Reason of the answer", 500, form=False, group=ANSWER)
    # No declared link: a link points within the row's own unit, and this one is the exception that sharing.py guards.
    beneficiary_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("beneficiary.id", ondelete="SET NULL"), index=True, info={"across_units": True}
    )

    of_unit: Mapped[Unit | None] = relationship(foreign_keys=[of_unit_id])
    asked_by: Mapped[User] = relationship(foreign_keys=[asked_by_id])
    answered_by: Mapped[User | None] = relationship(foreign_keys=[answered_by_id])

    @property
    def moves_are_undone(self) -> bool:
        """A file once opened may have been read: leave to read it is withdrawn, with its reason."""
        return False

    @property
    def person_id(self) -> int | None:
        """Whom a trail entry about this row is about."""
        return self.beneficiary_id

    @property
    def is_running(self) -> bool:
        """The file may be read through it at this moment."""
        return self.status == _G.GRANTED and self.ends_at is not None and now() < self.ends_at

    @property
    def has_reference(self) -> bool:
        """The file is named exactly: by registry number and unit, by ΑΜΚΑ, or by whole name and date of birth."""
        by_number = self.registry_number and self.of_unit_id
        return bool(self.amka or by_number or (self.last_name and self.first_name and self.born_on))

    def before_save(self, session: orm.Session) -> None:
        if not self.has_reference:
            raise BadValue(
                N_(
                    "Name the file exactly: registry number and unit, or AMKA, or last name, first name and birth date."
                ),
                "registry_number",
            )
        if not self.asked_parts:
            raise BadValue(N_("Say which parts are needed."), "asked_parts")
        if self.registry_number and (unit := session.get(Unit, self.of_unit_id or 0)):
            self.registry_number = _as_numbered(unit, self.registry_number)
        if {*self.asked_parts, *(self.parts or ())} & {FilePart.HEALTH, FilePart.NOTES} and not self.special_basis:
            raise BadValue(N_("Health and notes need a basis for special categories."), "special_basis")
        super().before_save(session)

    def grant(
        self,
        beneficiary_id: int,
        parts: Iterable[FilePart],
        until: dt.datetime,
        note: str | None = None,
        by_id: int | None = None,
    ) -> None:
        """Open these parts of the person's file until then."""
        self.beneficiary_id, self.parts, self.ends_at = beneficiary_id, tuple(parts), until
        self.move_to(_G.GRANTED, today(), note, by_id)

    def move_to(self, status: Any, on: dt.date, note: str | None = None, by_id: int | None = None) -> None:
        self.answer, self.answered_by_id, self.answered_at = note, by_id, now()
        super().move_to(status, on, note, by_id)

    def on_move(self, status: Any, on: dt.date) -> None:
        """Nothing is granted of nobody, and nothing refused or taken back without a reason."""
        if status == _G.GRANTED and not (self.beneficiary_id and self.parts and self.ends_at):
            raise NotAllowed(N_("This change of state is not possible now."))
        if status != _G.GRANTED and not self.answer:
            raise BadValue(N_("Say why: the reason is kept."), "answer")

    def __str__(self) -> str:
        return f"{self.label} {self.id or ''}".strip()


# --- rights of the person ---------------------------------------------------------------------------------------------


class DataRequest(OfPerson, Record):
    """What a person asked about their own data, answered within a month (Regulation 2016/679, article 12(3))."""

    label, labels = Label("Αίτημα για προσωπικά δεδομένα", "Data request"), Label("Αιτήματα δεδομένων", "Data requests")
    __table_args__ = (
        sa.CheckConstraint(
            "answered_on IS NULL OR answered_on >= received_on",
            name="answered_after_received",
            info=says(N_("It was answered before it was received."), "answered_on"),
        ),
    )

    kind: Mapped[RequestKind] = choice(RequestKind, "Δικαίωμα", "Right", required=True)
    received_on: Mapped[dt.date] = day("Παραλήφθηκε", "Received on", required=True, default=today)
    is_extended: Mapped[bool] = flag(
        "Παράταση δύο μηνών",
        "Two months more",
        help=Label(
            "Για πολύπλοκα αιτήματα· το πρόσωπο ενημερώνεται μέσα στον πρώτο μήνα.",
            "For complex requests; the person is told within the first month.",
        ),
    )
    due_on: Mapped[dt.date] = day("Απάντηση έως", "Answer by", required=True, form=False, index=True)
    answered_on: Mapped[dt.date | None] = day("Απαντήθηκε", "Answered on")
    outcome: Mapped[RequestOutcome | None] = choice(RequestOutcome, "Έκβαση", "Outcome")
    note: Mapped[str | None] = long_text("Σημείωση", "Note", 2000)

    def before_save(self, session: orm.Session) -> None:
        """One month from receipt, or three (article 12(3)); an answer has its day and its outcome."""
        self.received_on = self.received_on or today()
        if self.received_on > today():
            raise BadValue(N_("The date lies in the future."), "received_on")
        if self.received_on > min(sa.inspect(self).attrs.received_on.history.deleted or [today()]):
            raise BadValue(
                N_("The time for the answer runs already: the day of receipt does not move on."), "received_on"
            )
        self.due_on = months_later(self.received_on, 3 if self.is_extended else 1)
        if (self.answered_on is None) != (self.outcome is None):
            raise BadValue(N_("An answer has both its date and its outcome."), "outcome")
        super().before_save(session)

    def __str__(self) -> str:
        return f"{self.kind} – {self.beneficiary}"


def months_later(start: dt.date, months: int) -> dt.date:
    """The same day some months later, or that month's last (Regulation 1182/71, article 3(2)(c))."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return dt.date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))


class LegalHold(OfPerson, Record):
    """A reason to erase nothing of a person for now, such as a trial (Regulation 2016/679, article 17(3)(e))."""

    label, labels = Label("Δέσμευση διατήρησης", "Legal hold"), Label("Δεσμεύσεις διατήρησης", "Legal holds")

    reason: Mapped[str] = text("Αιτία", "Reason", 500, required=True, lines=2)
    since: Mapped[dt.date] = day("Από", "Since", required=True, default=today)
    until: Mapped[dt.date | None] = day(
        "Έως", "Until", help=Label("Κενό: ώσπου να αρθεί.", "Empty: until it is lifted.")
    )
    by_id: Mapped[int] = link("user.id", "Ορίστηκε από", "Set by", required=True, form=False)

    by: Mapped[User] = relationship()

    @classmethod
    def standing(cls) -> sa.ColumnElement[bool]:
        """The holds that stand today."""
        return cls.until.is_(None) | (cls.until >= today())

    def __str__(self) -> str:
        return f"{self.label} – {self.beneficiary}"


class Consent(OfPerson, Record):
    """What a person freely agreed to, apart from any service; as easily withdrawn (Regulation 2016/679, article 7)."""

    label, labels = Label("Συγκατάθεση", "Consent"), Label("Συγκαταθέσεις", "Consents")
    __table_args__ = (
        sa.CheckConstraint(
            "withdrawn_on IS NULL OR withdrawn_on >= given_on",
            name="withdrawn_after_given",
            info=says(N_("It was withdrawn before it was given."), "withdrawn_on"),
        ),
    )

    kind: Mapped[ConsentKind] = choice(ConsentKind, "Για", "For", required=True)
    given_on: Mapped[dt.date] = day("Δόθηκε", "Given on", required=True, default=today)
    how: Mapped[ConsentForm] = choice(ConsentForm, "Τρόπος", "How", required=True, default=lambda: ConsentForm.PAPER)
    withdrawn_on: Mapped[dt.date | None] = day("Ανακλήθηκε", "Withdrawn on")
    by_id: Mapped[int] = link("user.id", "Καταγράφηκε από", "Recorded by", required=True, form=False)

    by: Mapped[User] = relationship()

    def before_save(self, session: orm.Session) -> None:
        if self.given_on is not None and self.given_on > today():
            raise BadValue(N_("The date lies in the future."), "given_on")
        super().before_save(session)

    def __str__(self) -> str:
        return f"{self.kind} – {self.beneficiary}"


class Erasure(Record):
    """The certificate of an erasure: how many records of what kinds, when, why, by whose approval. It names nobody."""

    label, labels = Label("Πιστοποιητικό διαγραφής", "Certificate of erasure"), Label("Διαγραφές", "Erasures")

    at: Mapped[dt.datetime] = instant("Πότε", "When", required=True, default=now, form=False, index=True)
    cause: Mapped[ErasureCause] = choice(ErasureCause, "Λόγος", "Cause", required=True, form=False)
    reason: Mapped[str] = text("Αιτιολογία", "Reason", 500, required=True, form=False)
    approved_by_id: Mapped[int] = link("user.id", "Εγκρίθηκε από", "Approved by", required=True, form=False)
    people: Mapped[int] = whole("Πρόσωπα", "People", required=True, form=False)
    done: Mapped[str] = mapped_column(sa.Text)

    approved_by: Mapped[User] = relationship()

    def __str__(self) -> str:
        return f"{self.label} {self.id or ''}".strip()


# --- the trail --------------------------------------------------------------------------------------------------------


class AuditEntry(Base):
    """One act, kept for good. Written by audit/ only; triggers refuse every change of what stands (GUARDS)."""

    label, labels = Label("Εγγραφή ιστορικού", "Trail entry"), Label("Ιστορικό ενεργειών", "Trail")

    seq: Mapped[int] = mapped_column(sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True)
    at: Mapped[dt.datetime] = instant("Πότε", "When", required=True, index=True)
    actor_id: Mapped[int | None] = whole("Αρ. χρήστη", "User no.", index=True)
    actor_name: Mapped[str | None] = text("Χρήστης", "User", 200)
    actor_role: Mapped[Role | None] = choice(Role, "Ρόλος", "Role")
    unit_id: Mapped[int | None] = whole("Αρ. μονάδας", "Unit no.", index=True)
    unit_name: Mapped[str | None] = text("Μονάδα", "Unit", 200)
    action: Mapped[AuditAction] = choice(AuditAction, "Ενέργεια", "Act", required=True, index=True)
    subject_type: Mapped[str | None] = text("Είδος", "Kind", 40)
    subject_id: Mapped[int | None] = whole("Αρ. εγγραφής", "Record no.")
    subject_label: Mapped[str | None] = text("Εγγραφή", "Record", 300)
    person_id: Mapped[int | None] = whole("Αρ. ωφελουμένου", "Beneficiary no.", index=True)
    changes: Mapped[str | None] = mapped_column(sa.Text)
    details: Mapped[str | None] = mapped_column(sa.Text)
    session_ref: Mapped[str | None] = mapped_column(sa.String(16))
    request_id: Mapped[str | None] = mapped_column(sa.String(32))
    ip: Mapped[str | None] = text("Διεύθυνση IP", "IP address", 45)
    salt: Mapped[str] = mapped_column(sa.String(32))
    digest: Mapped[str] = mapped_column(sa.String(64))
    chain: Mapped[str] = mapped_column(sa.String(64))

    id: Mapped[int] = orm.synonym("seq")

    @property
    def is_erased(self) -> bool:
        """What it told of a person was erased lawfully (audit.erase)."""
        return self.salt == ""

    __table_args__ = (sa.Index("ix_audit_entry_subject", "subject_type", "subject_id"),)

    def __str__(self) -> str:
        return f"{self.label} {self.seq}"


class AuditHead(Base):
    """The end of the trail's chain; locked while an entry is added, so that the chain never forks."""

    label, labels = Label("Κεφαλή ιστορικού", "Head of the trail"), Label("Κεφαλή ιστορικού", "Head of the trail")
    __table_args__ = (sa.CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(sa.BigInteger)
    chain: Mapped[str] = mapped_column(sa.String(64))


class AuditReview(Record):
    """A supervisor's mark on an entry of the trail."""

    label, labels = Label("Έλεγχος", "Review"), Label("Έλεγχοι", "Reviews")

    entry_seq: Mapped[int] = mapped_column(sa.ForeignKey("audit_entry.seq"), index=True)
    verdict: Mapped[Verdict] = choice(Verdict, "Αποτέλεσμα ελέγχου", "Verdict", required=True)
    comment: Mapped[str | None] = text("Σχόλιο", "Comment", 500, lines=3)
    by_id: Mapped[int] = link("user.id", "Από", "By", required=True, form=False)
    at: Mapped[dt.datetime] = instant("Πότε", "When", required=True, default=now, form=False)
    asked_id: Mapped[int | None] = link("user.id", "Ποιος εξηγεί", "Who explains", form=False)

    by: Mapped[User] = relationship(foreign_keys=[by_id])
    entry: Mapped[AuditEntry] = relationship()
    asked: Mapped[User | None] = relationship(foreign_keys=[asked_id])
    answer: Mapped[AuditAnswer | None] = relationship(back_populates="review")

    def before_save(self, session: orm.Session) -> None:
        """Who is to explain, whoever did the act, must know what; nobody closes what they are asked themselves."""
        if self.verdict == Verdict.REVIEWED and self._asks(session, self.by_id):
            raise NotAllowed(N_("Another supervisor closes what you are asked to explain."), "verdict")
        if self.verdict == Verdict.QUESTION and not self.comment:
            raise BadValue(N_("Write what needs an explanation."), "comment")
        if self.verdict == Verdict.QUESTION and self.asked_id is None:
            entry = session.get(AuditEntry, self.entry_seq)
            self.asked_id = entry.actor_id if entry else None
        super().before_save(session)

    def _asks(self, session: orm.Session, user_id: int) -> bool:
        """A question to the user about this very entry stands."""
        asked = sa.select(AuditReview.asked_id).where(AuditReview.entry_seq == self.entry_seq)
        return session.scalar(asked.order_by(AuditReview.id.desc()).limit(1)) == user_id


class AuditAnswer(Record):
    """What somebody says of an act of theirs; theirs to change until the question is closed."""

    label, labels = Label("Εξήγηση", "Explanation"), Label("Εξηγήσεις", "Explanations")
    CLOSED: ClassVar = N_("The question is closed; its answer stays as it is.")

    review_id: Mapped[int] = link("audit_review.id", "Ερώτηση", "Question", required=True, form=False, unique=True)
    answer: Mapped[str] = text("Η εξήγησή σας", "Your explanation", 1000, required=True, lines=5)
    by_id: Mapped[int] = link("user.id", "Από", "By", required=True, form=False)
    at: Mapped[dt.datetime] = instant("Πότε", "When", required=True, default=now, form=False)

    review: Mapped[AuditReview] = relationship(back_populates="answer")
    by: Mapped[User] = relationship()

    def before_save(self, session: orm.Session) -> None:
        """Only who was asked answers. That the question is open is for oversight/questions.py to see: its writer may
        not know what was said of the entry afterwards."""
        review = session.get(AuditReview, self.review_id)
        if review is None or review.verdict != Verdict.QUESTION or review.asked_id != self.by_id:
            raise NotAllowed(self.CLOSED, "answer")
        super().before_save(session)


class AuditFinding(Record):
    """A supervisor's word on unusual acts of a user on a day, by which they leave the worklist (oversight/findings.py).

    `acts` is how many there were: when more come, the worklist names them again.
    """

    label, labels = Label("Εύρημα", "Finding"), Label("Ασυνήθιστες ενέργειες", "Unusual acts")
    __table_args__ = (sa.Index("ix_audit_finding_on", "on"),)

    kind: Mapped[FindingKind] = choice(FindingKind, "Εύρημα", "Finding", required=True, form=False)
    actor_id: Mapped[int | None] = link("user.id", "Χρήστης", "User", form=False)
    on: Mapped[dt.date] = day("Ημέρα", "Day", required=True, form=False)
    acts: Mapped[int] = whole("Πλήθος", "Number", required=True, form=False)
    comment: Mapped[str] = text("Τι διαπιστώθηκε", "What was found", 500, required=True, lines=3)
    by_id: Mapped[int] = link("user.id", "Από", "By", required=True, form=False)
    at: Mapped[dt.datetime] = instant("Πότε", "When", required=True, default=now, form=False)

    actor: Mapped[User | None] = relationship(foreign_keys=[actor_id])
    by: Mapped[User] = relationship(foreign_keys=[by_id])

    def before_save(self, session: orm.Session) -> None:
        """Nobody settles what was found about themselves."""
        if self.actor_id is not None and self.actor_id == self.by_id:
            raise NotAllowed(N_("Another supervisor settles what was found about you."), "comment")
        super().before_save(session)


class AuditSample(Base):
    """An entry of the month's random sample. The places are counted, so that a month is drawn only once."""

    label, labels = Label("Μηνιαίο δείγμα", "Monthly sample"), Label("Μηνιαία δείγματα", "Monthly samples")

    __table_args__ = (sa.UniqueConstraint("month", "place"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    month: Mapped[dt.date]
    place: Mapped[int]
    entry_seq: Mapped[int] = mapped_column(sa.ForeignKey("audit_entry.seq"), index=True)
    drawn_at: Mapped[dt.datetime] = mapped_column(Instant, default=now)


ERASABLE = ("subject_id", "subject_label", "person_id", "changes", "details")
"""What an entry tells of a person. Erased lawfully (audit.erase) it is empty, and so is the salt it was hashed with."""

_STAY = [c.name for c in AuditEntry.__table__.columns if c.name not in (*ERASABLE, "salt")]
_RECORDED = (
    "EXISTS (SELECT 1 FROM audit_entry AS record JOIN audit_head ON record.seq = audit_head.seq "
    "WHERE record.action = 'erase' AND record.seq > OLD.seq AND {})"
)


def _row(row: str, names: Iterable[str]) -> str:
    return ", ".join(f"{row}.{name}" for name in names)


GUARDS = {
    "sqlite": [
        "CREATE TRIGGER audit_entry_no_update BEFORE UPDATE ON audit_entry WHEN NOT (NEW.salt IS '' AND "
        f"coalesce({_row('NEW', ERASABLE)}) IS NULL AND ({_row('NEW', _STAY)}) IS ({_row('OLD', _STAY)}) AND "
        "OLD.action IS NOT 'erase' AND "
        + _RECORDED.format("json_extract(record.details, '$.erased.\"' || OLD.seq || '\"') IS NOT NULL")
        + ") BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END",
        "CREATE TRIGGER audit_entry_no_delete BEFORE DELETE ON audit_entry "
        "BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END",
        "CREATE TRIGGER audit_head_forward BEFORE UPDATE ON audit_head WHEN NOT EXISTS "
        "(SELECT 1 FROM audit_entry WHERE seq = NEW.seq AND seq > OLD.seq AND chain = NEW.chain) "
        "BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END",
        "CREATE TRIGGER audit_head_no_delete BEFORE DELETE ON audit_head "
        "BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END",
    ],
    "postgresql": [
        "CREATE OR REPLACE FUNCTION audit_entry_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF TG_OP = 'UPDATE' THEN IF NEW.salt = '' AND num_nonnulls({_row('NEW', ERASABLE)}) = 0 AND "
        f"({_row('NEW', _STAY)}) IS NOT DISTINCT FROM ({_row('OLD', _STAY)}) AND OLD.action <> 'erase' AND "
        + _RECORDED.format("jsonb_exists(record.details::jsonb -> 'erased', OLD.seq::text)")
        + " THEN RETURN NEW; END IF; END IF; RAISE EXCEPTION 'the trail is append-only'; END $$",
        "CREATE OR REPLACE FUNCTION audit_head_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF TG_OP = 'UPDATE' THEN IF EXISTS "
        "(SELECT 1 FROM audit_entry WHERE seq = NEW.seq AND seq > OLD.seq AND chain = NEW.chain) "
        "THEN RETURN NEW; END IF; END IF; RAISE EXCEPTION 'the trail is append-only'; END $$",
        "CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE ON audit_entry "
        "FOR EACH ROW EXECUTE FUNCTION audit_entry_append_only()",
        "CREATE TRIGGER audit_entry_no_truncate BEFORE TRUNCATE ON audit_entry "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_append_only()",
        "CREATE TRIGGER audit_head_append_only BEFORE UPDATE OR DELETE ON audit_head "
        "FOR EACH ROW EXECUTE FUNCTION audit_head_append_only()",
        "CREATE TRIGGER audit_head_no_truncate BEFORE TRUNCATE ON audit_head "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_head_append_only()",
    ],
}
"""What keeps the trail append-only below the application, but for recorded erasures; migration 0003 runs these."""

TRAIL_RIGHTS = {
    "audit_entry": f"SELECT, INSERT, UPDATE (salt, {', '.join(ERASABLE)})",
    "audit_head": "SELECT, INSERT, UPDATE",
}
"""All that a PostgreSQL role which owns nothing needs of the trail; triggers hold the UPDATEs."""

FUNCTIONS = {
    "sqlite": [],
    "postgresql": [
        "CREATE FUNCTION greek_key(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN "
        "btrim(regexp_replace(translate(lower(regexp_replace(normalize(value, NFKD), '[\\u0300-\\u036f]', '', 'g')), "
        "'ςıøłđðə', 'σioldde'), '[^[:alnum:]]+', ' ', 'g')) COLLATE \"C\""
    ],
}
"""Text in Greek alphabetical order on PostgreSQL; on SQLite db.py gives every connection the same function."""
