"""What a demo's unit does with its people: one function for each kind of work."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from models import Partner, Programme, Service, Unit, now, today
from seed import builders
from seed.stage import UNIT_ROLES, Stage, clock, workday
from vocabulary import ApplicationStatus as A
from vocabulary import (
    AppointmentStatus,
    Attendance,
    Availability,
    Axis,
    Channel,
    Confidence,
    DocumentType,
    EventType,
    ItemCategory,
    MovementKind,
    Role,
    Skill,
)
from vocabulary import ReferralStatus as R

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


def play(stage: Stage) -> None:
    """Write the unit's months of work."""
    for scene in (_visits, _appointments, _deliveries, _notes, _referrals, _applications, _events, _goods):
        scene(stage)


# --- the front desk ---------------------------------------------------------------------------------------------------


def _visits(stage: Stage) -> None:
    desk, mediator = stage.staff[Role.RECEPTION], stage.staff[Role.MEDIATOR]
    for n in range(48):
        days = 0 if n < 5 else stage.chance.randrange(1, 60)
        request, action = stage.chance.choice(REQUESTS)
        person = None if n % 6 == 4 else stage.chance.choice(stage.adults)
        on = workday(today() - dt.timedelta(days=days), back=True) if days else today()
        at = clock(max(on, person.registered_on) if person else on, 8 + n % 6, n * 7 % 60)
        met = ((desk, Channel.INPERSON), (desk, Channel.INPERSON), (desk, Channel.PHONE), (mediator, Channel.FIELD))
        staff, channel = met[n % 4]
        said = {"at": min(at, now()), "request": request, "action": action, "channel": channel}
        stage.add(builders.visit(stage.unit, staff, person, **said))


def _appointments(stage: Stage) -> None:
    S = AppointmentStatus
    past = ((S.ARRIVED, S.DONE), (S.ARRIVED, S.DONE), (S.NOSHOW,), (S.CANCELLED,))
    people = itertools.cycle(stage.adults)
    for n, states in enumerate(past):
        day = workday(today() - dt.timedelta(days=2 + n), back=True)
        row = stage.add(builders.appointment(stage.unit, stage.caseworker, next(people), at=clock(day, 9 + n)))
        _walk(stage, row, states, day, step=0)
    for n in range(10):
        day = today() if n < 4 else workday(today() + dt.timedelta(days=n - 3))
        person = None if n % 5 == 3 else next(people)
        stage.add(builders.appointment(stage.unit, stage.caseworker, person, at=clock(day, 9 + n % 5)))


def _deliveries(stage: Stage) -> None:
    for axis, n in itertools.product(Axis, range(14)):
        service = stage.chance.choice(_services(stage.session, axis))
        person = stage.chance.choice(stage.adults)
        on = max(workday(today() - dt.timedelta(days=stage.chance.randrange(60)), back=True), person.registered_on)
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
    settled = stage.settled
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
    settled = stage.settled
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
        at = clock(workday(today() + dt.timedelta(days=days), back=days < 0), 11)
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
