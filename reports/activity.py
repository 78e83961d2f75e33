"""What was done: visits, services, applications, referrals, events, volunteers, goods."""

from __future__ import annotations

import sqlalchemy as sa

from db import fields
from exports import Kind, Sheet
from i18n import Label, _
from identifiers import N_
from models import (
    Application,
    Distribution,
    Event,
    EventAttendance,
    Item,
    Partner,
    Programme,
    Referral,
    Service,
    ServiceDelivery,
    Unit,
    Visit,
    Volunteer,
    VolunteerHours,
)
from vocabulary import ApplicationStatus, Attendance, Channel, EventType, ReferralStatus

from .coverage import Coverage
from .occasions import moved
from .tables import UNIT, codes, columns, crosstab, totalled

RULE_ON_STATES = N_("What moved in the period, each once, in its state at the end of the period.")


def visits(coverage: Coverage) -> Sheet:
    """Visits and requests by unit and channel, of registered people and nameless ones apart. A visit is one request."""
    nameless = Visit.beneficiary_id.is_(None)
    query = (
        sa.select(Visit.unit_id, nameless, Visit.channel, sa.func.count(Visit.id))
        .where(coverage.holds(Visit), coverage.period.moments(Visit.at))
        .group_by(Visit.unit_id, nameless, Visit.channel)
    )
    kinds = ((False, Label("Εγγεγραμμένοι", "Registered")), (True, Label("Ανώνυμες", "Nameless")))
    rows = {(unit.id, kind): (unit.name, label) for unit in coverage.units for kind, label in kinds}
    heads = [UNIT, Label("Επισκέπτες", "Visitors")]
    note = _("Every visit counts, with one request; a person who came three times stands here three times.")
    return crosstab(Label("Επισκέψεις", "Visits"), heads, rows, codes(Channel), coverage.counts(query, keys=2), note)


def services(coverage: Coverage) -> Sheet:
    """Services given, by axis and service of the catalogue, and by unit."""
    query = (
        sa.select(ServiceDelivery.service_id, ServiceDelivery.unit_id, sa.func.count(ServiceDelivery.id))
        .where(coverage.holds(ServiceDelivery), coverage.period.days(ServiceDelivery.on))
        .group_by(ServiceDelivery.service_id, ServiceDelivery.unit_id)
    )
    counts = coverage.counts(query)
    given = {service for service, _unit in counts}
    catalogue = coverage.session.scalars(sa.select(Service).order_by(Service.axis, Service.code))
    rows = {s.id: (s.axis, s) for s in catalogue if s.is_offered or s.id in given}
    across = {unit.id: unit.name for unit in coverage.units}
    heads = [Label("Άξονας", "Axis"), Label("Υπηρεσία", "Service")]
    note = _("Services given, not people. A line sums each axis.")
    subtotal = Label("Σύνολο άξονα", "Total of the axis")
    return crosstab(Label("Υπηρεσίες", "Services"), heads, rows, across, counts, note, subtotal=subtotal)


def applications(coverage: Coverage) -> Sheet:
    """Applications that were opened or moved in the period, by programme and their state at its end."""
    status, query = moved(coverage.period, Application, Application.opened_on, Application.submitted_on)
    query = (
        query.with_only_columns(Application.programme_id, status, sa.func.count(Application.id))
        .where(coverage.holds(Application))
        .group_by(Application.programme_id, status)
    )
    counts = coverage.counts(query)
    met = {programme for programme, _status in counts}
    programmes = coverage.session.scalars(sa.select(Programme).order_by(Programme.code))
    rows = {p.id: (p,) for p in programmes if p.is_open or p.id in met}
    title, heads = Label("Προγράμματα", "Programmes"), [Label("Πρόγραμμα", "Programme")]
    return crosstab(title, heads, rows, codes(ApplicationStatus), counts, _(RULE_ON_STATES))


def referrals(coverage: Coverage) -> Sheet:
    """Referrals that moved in the period, by destination and their state at its end."""
    status, query = moved(coverage.period, Referral, Referral.sent_on)
    destination = (Partner.category, Partner.name, Unit.name)
    query = (
        query.with_only_columns(*destination, status, sa.func.count(Referral.id))
        .outerjoin(Referral.to_partner)
        .outerjoin(Referral.to_unit)
        .where(coverage.holds(Referral))
        .group_by(*destination, status)
    )
    counts = coverage.counts(query, keys=3)
    own = Label("Μονάδα του Κέντρου", "Unit of the centre")
    rows = {key: (key[0] or own, key[1] or key[2]) for key, _status in counts}
    rows = dict(sorted(rows.items(), key=lambda row: tuple(map(str, row[1]))))
    title = Label("Παραπομπές", "Referrals")
    heads = [Label("Κατηγορία φορέα", "Category"), Label("Προς", "To")]
    return crosstab(title, heads, rows, codes(ReferralStatus), counts, _(RULE_ON_STATES))


def events(coverage: Coverage) -> Sheet:
    """Events that began in the period, by type, with the places taken in them."""
    parts = [sa.func.count(EventAttendance.id).filter(EventAttendance.attendance == part) for part in Attendance]
    query = (
        sa.select(Event.event_type, sa.func.count(Event.id.distinct()), *parts)
        .outerjoin(EventAttendance, EventAttendance.event_id == Event.id)
        .where(coverage.holds(Event), coverage.period.moments(Event.starts_at))
        .group_by(Event.event_type)
    )
    found = coverage.lines(query)
    rows = [((kind,), found.get(kind, (0,) * (1 + len(Attendance)))) for kind in EventType]
    title, heads = Label("Δράσεις", "Events"), columns([Label("Είδος", "Type")])
    note = _("Places in events, not people: whoever took part in two events stands here twice.")
    return totalled(title, heads, columns((title, *Attendance), Kind.INTEGER), rows, note)


def volunteers(coverage: Coverage) -> Sheet:
    """Volunteers of each unit, those of them who gave hours in the period, and the hours."""
    period, hours = coverage.period, VolunteerHours
    listed = sa.select(Volunteer.unit_id, sa.func.count(Volunteer.id)).where(
        sa.or_(Volunteer.started_on.is_(None), Volunteer.started_on < period.after),
        sa.or_(Volunteer.ended_on.is_(None), Volunteer.ended_on >= period.first),
    )
    given = sa.select(hours.unit_id, sa.func.count(hours.volunteer_id.distinct()), sa.func.sum(hours.hours))
    there = coverage.lines(listed.group_by(Volunteer.unit_id))
    gave = coverage.lines(given.where(period.days(hours.on)).group_by(hours.unit_id))
    rows = [((unit.name,), (*there.get(unit.id, (0,)), *gave.get(unit.id, (0, 0)))) for unit in coverage.units]
    title = Label("Εθελοντές", "Volunteers")
    counted = columns((title, Label("Προσέφεραν ώρες", "Gave hours")), Kind.INTEGER)
    return totalled(title, columns([UNIT]), [*counted, *columns([Label("Ώρες", "Hours")], Kind.DECIMAL)], rows)


def goods(coverage: Coverage) -> Sheet:
    """Goods handed to people, per item; quantities of different measures are not added."""
    item = (Unit.name, Item.category, Item.name, Item.measure)
    query = (
        sa.select(*item, sa.func.sum(Distribution.quantity), sa.func.count(Distribution.id))
        .join(Distribution.item)
        .join(Distribution.unit)
        .where(coverage.holds(Distribution), coverage.period.days(Distribution.on))
        .group_by(Unit.id, *item)
        .order_by(Unit.id, *item)
    )
    rows = [(row[:5], row[5:]) for row in coverage.session.execute(query)]
    names = (UNIT, *(fields(Item)[name].label for name in ("category", "name", "measure")))
    heads = [*columns(names), *columns([Label("Ποσότητα", "Quantity")], Kind.DECIMAL)]
    given = columns([Label("Διανομές", "Distributions")], Kind.INTEGER)
    note = _("Quantities have different measures, so only the distributions are added.")
    return totalled(Label("Είδη", "Goods"), heads, given, rows, note)
