"""Invented people for a demonstration: one login per role and unit, and some months of each unit's work.

Everything is written under the scope of the unit's own caseworker, so the trail reads as it would at work and policy.py
guards the demo like everybody.
"""

from __future__ import annotations

import datetime as dt
import itertools
import random
from dataclasses import dataclass, field
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import orm

import audit
import passwords
import policy
from db import Base
from i18n import ZONE
from models import Beneficiary, Partner, Programme, Service, Unit, User, now, today
from seed import NotSeeded, builders, refuse_in_production
from vocabulary import (
    Answer,
    AppointmentStatus,
    Attendance,
    AuditAction,
    Availability,
    Axis,
    Channel,
    Confidence,
    DisabilityDegree,
    DocumentType,
    Education,
    EmploymentStatus,
    EventType,
    HouseholdRelation,
    HouseholdType,
    Housing,
    Insurance,
    ItemCategory,
    LegalStatus,
    MaritalStatus,
    MovementKind,
    Role,
    Sex,
    Skill,
    TargetGroup,
    UnitKind,
)
from vocabulary import ApplicationStatus as A
from vocabulary import ReferralStatus as R

UNIT_ROLES = (Role.RECEPTION, Role.CASEWORKER, Role.MEDIATOR)
HOUSE_ROLES = (Role.COORDINATOR, Role.SUPERVISOR, Role.ADMINISTRATOR)
ATHENS = ZoneInfo(ZONE)

# Households of each kind of unit, a letter a person: M F adults, m f elderly, c a child.
SHAPES = {
    UnitKind.MAIN: "MFcc MFc Fcc mf mf MFcf M M F F m f",
    UnitKind.ROMA: "MFcccc MFccc MFccf Fcc MFc M F",
    UnitKind.KEM: "MFcc MFcc MFc Fcc Fc M M M F F MFc",
    UnitKind.MOBILE: "mf mf MFc m f f M M F Fc Mcc MFc mf f",
}
AGES = {"M": (34, 53), "F": (34, 50), "m": (67, 88), "f": (67, 86), "c": (1, 14)}
REQUESTS = (
    ("Πληροφορίες για το Ελάχιστο Εγγυημένο Εισόδημα", "Ενημερώθηκε για τα δικαιολογητικά"),
    ("Βοήθεια με αίτηση για επίδομα στέγασης", "Ξεκίνησε η αίτηση"),
    ("Έκδοση βεβαίωσης ανεργίας", "Έγινε η έκδοση μαζί με τον ενδιαφερόμενο"),
    ("Εγγραφή παιδιού στο σχολείο", "Επικοινωνία με το σχολείο"),
    ("Ραντεβού σε νοσοκομείο", "Κλείστηκε ραντεβού"),
    ("Ρώτησε για διανομή τροφίμων", "Μπήκε στη λίστα της επόμενης διανομής"),
    ("Ανανέωση άδειας διαμονής", "Έλεγχος εγγράφων, ραντεβού με νομικό"),
    ("Λογαριασμός ρεύματος που δεν πληρώθηκε", "Ενημέρωση για το Κοινωνικό Τιμολόγιο"),
)
REFERRAL_PATHS = (
    (), (R.SENT,), (R.SENT, R.NOREPLY), (R.SENT, R.RECEIVED), (R.SENT, R.RECEIVED, R.APPT),
    (R.SENT, R.RECEIVED, R.WAITING), (R.SENT, R.RECEIVED, R.REJECTED),
    (R.SENT, R.RECEIVED, R.ACCEPTED, R.DONE), (R.WITHDRAWN,),
)  # fmt: skip
APPLICATION_PATHS = (
    (), (A.DOCS,), (A.DOCS,), (A.DRAFT,), (A.SUBMITTED,), (A.SUBMITTED, A.REVIEW), (A.SUBMITTED, A.APPROVED),
    (A.SUBMITTED, A.REVIEW, A.APPROVED), (A.SUBMITTED, A.REJECTED), (A.SUBMITTED, A.APPROVED, A.RENEW),
)  # fmt: skip
MISSING = ((DocumentType.E1, DocumentType.EKK), (DocumentType.IBAN,), (DocumentType.LEASE, DocumentType.DEH))
RESIDENCE = {
    "AL": LegalStatus.WORK, "GE": LegalStatus.WORK, "SY": LegalStatus.REF, "AF": LegalStatus.ASYL,
    "UA": LegalStatus.TEMP, "PK": LegalStatus.BLUE, "NG": LegalStatus.HUM, "BG": LegalStatus.EU,
    "EG": LegalStatus.LONG, "BD": LegalStatus.WORK,
}  # fmt: skip
PERMIT_DAYS = (12, 28, 44, 58, -5, 190, 400, 720)
GOODS = (("Δέμα τροφίμων", ItemCategory.FOOD, 40), ("Πακέτο υγιεινής", ItemCategory.HYGIENE, 25),
         ("Σχολική τσάντα", ItemCategory.SCHOOL, 12), ("Κουβέρτα", ItemCategory.HOUSEHOLD, 6))  # fmt: skip
EVENTS = (
    (-21, EventType.INFO, "Ενημέρωση για τις κοινωνικές παροχές"),
    (-7, EventType.HEALTH, "Δράση πρόληψης και εμβολιασμού"),
    (9, EventType.WORKSHOP, "Εργαστήριο σύνταξης βιογραφικού"),
)
NOTES = (
    (Confidence.UNIT, False, "Η οικογένεια προτιμά επικοινωνία το πρωί."),
    (Confidence.TEAM, False, "Συμφωνήθηκε σχέδιο στήριξης με τρεις συναντήσεις."),
    (Confidence.AUTHOR, False, "Προσωπική σημείωση για την επόμενη συνάντηση."),
    (Confidence.TEAM, True, "Παρακολουθείται από γιατρό· σημείωση επίδειξης."),
)

M = TypeVar("M", bound=Base)


@dataclass
class Stage:
    """One unit, its staff, and the people made so far."""

    session: orm.Session
    unit: Unit
    staff: dict[Role, User]
    chance: random.Random
    people: list[Beneficiary] = field(default_factory=list)

    @property
    def caseworker(self) -> User:
        """Who writes the unit's records."""
        return self.staff[Role.CASEWORKER]

    @property
    def adults(self) -> list[Beneficiary]:
        """People of full age."""
        return [person for person in self.people if person.born_on and _years(person.born_on) >= 18]

    def add(self, row: M) -> M:
        """Save the row."""
        self.session.add(row)
        self.session.flush()
        return row


# --- logins -----------------------------------------------------------------------------------------------------------


def logins(session: orm.Session) -> list[str]:
    """User names of the demo for this installation's units."""
    codes = session.scalars(sa.select(Unit.code).order_by(Unit.id)).all()
    return [f"{role.value}.{code}" for code in codes for role in UNIT_ROLES] + [role.value for role in HOUSE_ROLES]


def is_loaded(session: orm.Session) -> bool:
    """Demo users exist."""
    return session.scalar(sa.select(User.id).where(User.username.in_(logins(session))).limit(1)) is not None


def load_demo(session: orm.Session, password: str) -> bool:
    """Invent users, all with this password, and people for every unit. Does nothing, and says False, where they exist.

    Raises:
        RefusedInProduction: KENTRO_MODE is production.
        NotSeeded: no profile is loaded yet.
        passwords.WeakPassword: the password is not acceptable.
    """
    refuse_in_production()
    units = session.scalars(sa.select(Unit).order_by(Unit.id)).all()
    if not units:
        raise NotSeeded("Load a profile first: without units there is nobody to serve.")
    if is_loaded(session):
        return False
    for role in HOUSE_ROLES:
        session.add(_user(role, role.value, () if role == Role.ADMINISTRATOR else units, password))
    for unit in units:
        _play(session, unit, password)
    audit.note(session, AuditAction.SYSTEM, task="seed demo", units=[unit.code for unit in units])
    return True


def _user(role: Role, username: str, units: Any, password: str) -> User:
    return builders.user(
        role, units, username=username, password_hash=passwords.make_hash(password), password_changed_at=now()
    )


def _play(session: orm.Session, unit: Unit, password: str) -> None:
    """Make the unit's staff, then its months of work in their name."""
    staff = {role: _user(role, f"{role.value}.{unit.code}", [unit], password) for role in UNIT_ROLES}
    session.add_all(staff.values())
    session.flush()
    session.refresh(staff[Role.CASEWORKER])
    stage, before = Stage(session, unit, staff, random.Random(unit.code)), policy.scope_in(session)
    policy.bind(session, policy.scope_of(stage.caseworker))
    for scene in (_people, _visits, _appointments, _deliveries, _notes, _referrals, _applications, _events, _goods):
        scene(stage)
    policy.bind(session, before)


# --- people -----------------------------------------------------------------------------------------------------------


def _people(stage: Stage) -> None:
    for n, shape in enumerate(SHAPES[stage.unit.kind].split()):
        family = [_person(stage, letter, n, place) for place, letter in enumerate(shape)]
        # Two families are new; the others came before the months that the demo tells of.
        since = today() - dt.timedelta(days=(3, 17)[n] if n < 2 else stage.chance.randrange(65, 500))
        _share(family, since)
        for person in family:
            stage.people.append(stage.add(person))
        _move_in(stage, shape, family)
    stage.people[-1].closed_on = today()


def _share(family: list[Beneficiary], since: dt.date) -> None:
    """What people of one household have in common."""
    head = family[0]
    registered_on = max(since, *(person.born_on or since for person in family))
    for person in family:
        person.address, person.area, person.registered_on = head.address, head.area, registered_on
        if person.insurance == Insurance.INDIRECT and head.sex == Sex.M:
            person.father_name = head.first_name
        if len(family) == 1:
            person.marital_status = MaritalStatus.DIV


def _person(stage: Stage, letter: str, n: int, place: int) -> Beneficiary:
    sex = {"M": Sex.M, "F": Sex.F}.get(letter.upper()) or stage.chance.choice((Sex.M, Sex.F))
    days = stage.chance.randrange(AGES[letter][0] * 366, AGES[letter][1] * 365)
    said = {"sex": sex, "born_on": today() - dt.timedelta(days=days), "housing": Housing.RENT}
    said |= _names(stage, sex, n, place) | _situation(stage.chance, letter, days // 365)
    said |= _answers(stage.chance, letter)
    if stage.unit.kind == UnitKind.ROMA:
        said |= {"area": builders.area(6 + n % 2), "housing": _settlement_housing(n)}
    if stage.unit.kind == UnitKind.KEM:
        said |= _residence(n, len(stage.people))
    return builders.beneficiary(stage.unit, caseworker_id=stage.caseworker.id if n % 2 else None, **said)


def _names(stage: Stage, sex: Sex, n: int, place: int) -> dict[str, str]:
    """The n-th family's surname and a first name that nobody else in the family has."""
    if stage.unit.kind == UnitKind.KEM:
        names = surnames = _origin(n)
    else:
        names = builders.NAMES["roma_annex"] if stage.unit.kind == UnitKind.ROMA else builders.NAMES
        surnames = {"surname": builders.NAMES["surnames"][(n + 5 * stage.unit.id) % len(builders.NAMES["surnames"])]}
    pool = names["female_names" if sex == Sex.F else "male_names"]
    first = pool[(5 * n + place) % len(pool)]
    parents = {"father_name": stage.chance.choice(names["male_names"]), "mother_name": names["female_names"][n % 4]}
    return {"last_name": surnames["surname"][sex == Sex.F], "first_name": first} | parents


def _origin(n: int) -> dict[str, Any]:
    return builders.NAMES["migrants"][n % len(builders.NAMES["migrants"])]  # type: ignore[no-any-return]


def _situation(chance: random.Random, letter: str, age: int) -> dict[str, Any]:
    """What somebody of this age lives on."""
    if letter == "c":
        status = EmploymentStatus.INACT_PUPIL if age >= 6 else EmploymentStatus.INACT_PRESCH
        return {"employment_status": status, "marital_status": MaritalStatus.SGL, "insurance": Insurance.INDIRECT,
                "target_groups": (TargetGroup.CHILD,), "afm": None, "mobile": None}  # fmt: skip
    schooling = chance.choice((Education.ISCED_1, Education.ISCED_2, Education.ISCED_3G, Education.ISCED_3V))
    said: dict[str, Any] = {"education": schooling, "insurance": Insurance.DIRECT, "marital_status": MaritalStatus.MAR}
    if letter.islower():
        return said | {"employment_status": EmploymentStatus.INACT_PENS, "target_groups": (TargetGroup.ELDER,)}
    jobs = (EmploymentStatus.UNEMP_ST, EmploymentStatus.UNEMP_LT, EmploymentStatus.SEASON, EmploymentStatus.EMP)
    said["employment_status"] = status = chance.choice(jobs)
    if status in jobs[:2]:
        days = chance.randrange(30, 360) + (365 if status == EmploymentStatus.UNEMP_LT else 0)
        said |= {"target_groups": (TargetGroup.EEE, TargetGroup.UNEMP), "insurance": Insurance.UNINS}
        said["unemployed_since"] = today() - dt.timedelta(days=days)
    return said


def _answers(chance: random.Random, letter: str) -> dict[str, Any]:
    """Special-category answers, alike in every unit: none may be read off the unit's kind."""
    said: dict[str, Any] = {"ethnic_roma": chance.choice(tuple(Answer))}
    if letter != "c":
        said["disability"] = chance.choice((Answer.YES, Answer.NO, Answer.NO, Answer.DECLINED, Answer.NOT_ASKED))
        said["health_problem"] = chance.choice(tuple(Answer))
    if said.get("disability") == Answer.YES:
        said["disability_degree"] = chance.choice((DisabilityDegree.CERT_67_79, DisabilityDegree.PENDING))
    return said


def _settlement_housing(n: int) -> Housing:
    return (Housing.PREFAB, Housing.MAKESHIFT, Housing.UNFIT, Housing.RENT)[n % 4]


def _residence(n: int, number: int) -> dict[str, Any]:
    """Nationality and papers; applicants for asylum have a ΠΑΑΥΠΑ until they get an ΑΜΚΑ."""
    country = _origin(n)["country"]
    status = RESIDENCE[country]
    said: dict[str, Any] = {"nationality": country, "legal_status": status, "id_document": f"TEST{number:04d}"}
    if status == LegalStatus.ASYL:
        said |= {"amka": None, "afm": None, "paaypa": f"TEST{number:06d}", "insurance": Insurance.PAAYPA}
    if status != LegalStatus.EU:
        said["permit_expires_on"] = today() + dt.timedelta(days=PERMIT_DAYS[n % len(PERMIT_DAYS)])
    return said


def _move_in(stage: Stage, shape: str, family: list[Beneficiary]) -> None:
    head = family[0]
    said = {name: getattr(head, name) for name in ("address", "area", "housing")}
    household = stage.add(
        builders.household(stage.unit, name=head.last_name, household_type=_household_type(shape), **said)
    )
    for n, (letter, person) in enumerate(zip(shape, family, strict=True)):
        stage.add(builders.member(household, person, _relation(letter, n), joined_on=person.registered_on))


def _household_type(shape: str) -> HouseholdType:
    adults = shape.rstrip("c")
    if "c" in adults or len(adults) > 2:
        return HouseholdType.MULTI
    if adults == shape:
        return HouseholdType.COUPLE if len(adults) == 2 else HouseholdType.ONE
    return HouseholdType.COUPLE_CH if len(adults) == 2 else HouseholdType.SINGLE_PAR


def _relation(letter: str, n: int) -> HouseholdRelation:
    if letter == "c":
        return HouseholdRelation.CHILD
    return (HouseholdRelation.HEAD, HouseholdRelation.SPOUSE)[n] if n < 2 else HouseholdRelation.PARENT


# --- the front desk ---------------------------------------------------------------------------------------------------


def _visits(stage: Stage) -> None:
    desk, mediator = stage.staff[Role.RECEPTION], stage.staff[Role.MEDIATOR]
    for n in range(48):
        days = 0 if n < 5 else stage.chance.randrange(1, 60)
        request, action = stage.chance.choice(REQUESTS)
        person = None if n % 6 == 4 else stage.chance.choice(stage.adults)
        on = _workday(today() - dt.timedelta(days=days), back=True) if days else today()
        at = _at(max(on, person.registered_on) if person else on, 8 + n % 6, n * 7 % 60)
        met = ((desk, Channel.INPERSON), (desk, Channel.INPERSON), (desk, Channel.PHONE), (mediator, Channel.FIELD))
        staff, channel = met[n % 4]
        said = {"at": min(at, now()), "request": request, "action": action, "channel": channel}
        stage.add(builders.visit(stage.unit, staff, person, **said))


def _appointments(stage: Stage) -> None:
    S = AppointmentStatus
    past = ((S.ARRIVED, S.DONE), (S.ARRIVED, S.DONE), (S.NOSHOW,), (S.CANCELLED,))
    people = itertools.cycle(stage.adults)
    for n, states in enumerate(past):
        day = _workday(today() - dt.timedelta(days=2 + n), back=True)
        row = stage.add(builders.appointment(stage.unit, stage.caseworker, next(people), at=_at(day, 9 + n)))
        _walk(stage, row, states, day, step=0)
    for n in range(10):
        day = today() if n < 4 else _workday(today() + dt.timedelta(days=n - 3))
        person = None if n % 5 == 3 else next(people)
        stage.add(builders.appointment(stage.unit, stage.caseworker, person, at=_at(day, 9 + n % 5)))


def _deliveries(stage: Stage) -> None:
    for axis, n in itertools.product(Axis, range(14)):
        service = stage.chance.choice(_services(stage.session, axis))
        person = stage.chance.choice(stage.adults)
        on = max(_workday(today() - dt.timedelta(days=stage.chance.randrange(60)), back=True), person.registered_on)
        said = {"on": min(on, today()), "minutes": (15, 30, 45)[n % 3]}
        stage.add(builders.delivery(person, service, stage.staff[(*UNIT_ROLES,)[1 + n % 2]], **said))


def _services(session: orm.Session, axis: Axis) -> list[Service]:
    """What the centre offers on an axis."""
    offered = sa.select(Service).where(Service.axis == axis, Service.is_offered)
    return list(session.scalars(offered.order_by(Service.code)))


def _notes(stage: Stage) -> None:
    for n, (confidence, is_clinical, body) in enumerate(NOTES):
        said = {"confidence": confidence, "is_clinical": is_clinical, "body": body}
        stage.add(builders.case_note(stage.adults[n // 2], stage.caseworker, **said))


# --- referrals and applications ---------------------------------------------------------------------------------------


def _referrals(stage: Stage) -> None:
    partners = stage.session.scalars(sa.select(Partner).order_by(Partner.id)).all()
    settled = [person for person in stage.adults if person.registered_on < today() - dt.timedelta(days=60)]
    for n, path in enumerate(REFERRAL_PATHS):
        due_on = today() + dt.timedelta(days=(-6, 10, 25)[n % 3])
        person = settled[n % len(settled)]
        row = stage.add(builders.referral(person, stage.caseworker, partners[n % len(partners)], due_on=due_on))
        _walk(stage, row, path, today() - dt.timedelta(days=40), step=9)
    other = stage.session.scalars(sa.select(Unit).where(Unit.id != stage.unit.id).order_by(Unit.id)).first()
    if other:
        row = stage.add(builders.referral(settled[0], stage.caseworker, to_unit_id=other.id))
        _walk(stage, row, (R.SENT,), today() - dt.timedelta(days=2), step=0)


def _applications(stage: Stage) -> None:
    programmes = stage.session.scalars(sa.select(Programme).order_by(Programme.id)).all()
    settled = [person for person in stage.adults if person.registered_on < today() - dt.timedelta(days=60)]
    start = today() - dt.timedelta(days=45)
    for n, path in enumerate(APPLICATION_PATHS):
        said: dict[str, Any] = {"opened_on": start}
        if path == (A.DOCS,):
            said["missing_documents"] = MISSING[n % 3]
        if A.SUBMITTED in path:
            said["submission_number"] = f"TEST-{stage.unit.code.upper()}-{n:03d}"
        if A.APPROVED in path:
            said["renewal_on"] = today() + dt.timedelta(days=(8, 21, 35, 90)[n % 4])
        row = stage.add(builders.application(settled[-n % len(settled)], programmes[n], stage.caseworker, **said))
        _walk(stage, row, path, start, step=12)


def _walk(stage: Stage, row: Any, states: tuple[Any, ...], on: dt.date, *, step: int) -> None:
    """Move a row through the states, some days apart; each move is saved, since rows refuse to skip one."""
    for n, state in enumerate(states):
        row.move_to(state, min(on + dt.timedelta(days=n * step), today()))
        stage.session.flush()


# --- volunteers, events, goods ----------------------------------------------------------------------------------------


def _events(stage: Stage) -> None:
    volunteers = [
        stage.add(builders.volunteer(stage.unit, skills=skills, availability=(Availability.AFTERNOON,)))
        for skills in ((Skill.TEACHING,), (Skill.LANGUAGES, Skill.DIGITAL), (Skill.LOGISTICS,), (Skill.CHILDREN,))
    ]
    for days, event_type, title in EVENTS:
        at = _at(_workday(today() + dt.timedelta(days=days), back=days < 0), 11)
        said = {"title": title, "event_type": event_type, "starts_at": at, "place": stage.unit.name}
        event = stage.add(builders.event(stage.unit, **said))
        for n, person in enumerate(stage.chance.sample(stage.adults, 6)):
            came = (Attendance.ABSENT if n == 5 else Attendance.ATTENDED) if days < 0 else Attendance.ENROLLED
            stage.add(builders.attendance(event, person, attendance=came))
        for helper in volunteers if days < 0 else ():
            stage.add(builders.hours(helper, event, on=at.date(), task=title))


def _goods(stage: Stage) -> None:
    for n, (name, category, quantity) in enumerate(GOODS):
        item = stage.add(builders.item(stage.unit, name=name, category=category))
        came_on = today() - dt.timedelta(days=50)
        stage.add(builders.movement(item, quantity, on=came_on, kind=MovementKind.COLLECTION))
        if n == 0:
            stage.add(builders.movement(item, -2, on=today() - dt.timedelta(days=5), kind=MovementKind.LOSS))
        for person in stage.chance.sample(stage.adults, 4):
            on = max(today() - dt.timedelta(days=stage.chance.randrange(1, 45)), person.registered_on)
            stage.add(builders.distribution(item, person, stage.caseworker, on=on))


# --- days -------------------------------------------------------------------------------------------------------------


def _workday(day: dt.date, *, back: bool = False) -> dt.date:
    """The day itself, or the nearest weekday before or after it."""
    while day.weekday() > 4:
        day += dt.timedelta(days=-1 if back else 1)
    return day


def _at(day: dt.date, hour: int, minute: int = 0) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(hour, minute), ATHENS)


def _years(born_on: dt.date) -> int:
    return (today() - born_on).days // 365
