"""Named aggregate queries: the monthly workbook, the ESF+ indicators and the figures of the home page.

Every query runs in a session that policy.py has narrowed to its reader. Three counts are never mixed: new beneficiaries
(registered in the period), people served (each once), visits and requests (every one, nameless ones too).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import orm

import exports
import policy
from db import fields
from exports import Column, Kind, Sheet
from i18n import ZONE, Label, _, countries, language
from identifiers import N_
from models import (
    Application,
    ApplicationStep,
    Beneficiary,
    Distribution,
    Event,
    EventAttendance,
    Item,
    Municipality,
    Partner,
    Programme,
    Referral,
    ReferralStep,
    Service,
    ServiceDelivery,
    Unit,
    Visit,
    Volunteer,
    VolunteerHours,
    now,
)
from vocabulary import (
    ANSWERED_GROUPS,
    PROTECTED_GROUPS,
    Answer,
    ApplicationStatus,
    Attendance,
    Channel,
    Code,
    Education,
    EmploymentStatus,
    EventType,
    Housing,
    LegalStatus,
    ReferralStatus,
    Sex,
    TargetGroup,
)

TOTAL = Label("Σύνολο", "Total")
NOT_STATED = Label("Δεν δηλώθηκε", "Not stated")
UNIT = Label("Μονάδα", "Unit")

RULE_ON_TOTALS = N_(
    "A person registered in two units counts once in each and twice in the total: records of different units are "
    "not linked."
)
RULE_ON_COUNTS = N_(
    "New beneficiaries are registered in the period. People served had a visit, a service, a referral sent, an "
    "application, a part in an event or goods, and count once in a unit. Visits and requests count every time, "
    "nameless ones too. The three are never added."
)
RULE_ON_STATES = N_("What moved in the period, each once, in its state at the end of the period.")
RULE_ON_INDICATORS = N_(
    "A participant was served, and counts once per operation, in the period of the first service. Age is that of "
    "registration, or of the operation's start for those registered before; the rest is as recorded now. Special "
    "categories count only what people declared. An empty cell cannot be counted from what Kentro keeps, or is not for "
    "the reader's role."
)
CHECK_THE_CODES = N_("Check the codes against the decision of inclusion (Απόφαση Ένταξης) before reporting them.")
NOT_FOR_PUBLICATION = N_("Not for publication: it holds cells with fewer than 5 people.")

Test = sa.ColumnElement[bool]
Counts = Mapping[tuple[Any, Any], int]


class UnknownUnit(ValueError):
    """No unit that the reader sees has this code."""


class Period(NamedTuple):
    """Whole days in Greece: from the first to the day before `after`."""

    first: dt.date
    after: dt.date

    @property
    def last(self) -> dt.date:
        """The last day."""
        return self.after - dt.timedelta(days=1)

    def days(self, column: Any) -> Test:
        """A date lies in the period."""
        return sa.and_(column >= self.first, column < self.after)

    def moments(self, column: Any) -> Test:
        """A moment, kept in UTC, lies in the period."""
        return sa.and_(column >= _midnight(self.first), column < _midnight(self.after))


def month_of(day: dt.date) -> Period:
    """The calendar month that holds the day."""
    first = day.replace(day=1)
    return Period(first, (first + dt.timedelta(days=31)).replace(day=1))


def units(session: orm.Session, code: str | None = None) -> list[Unit]:
    """The reader's units, or the one with this code.

    Raises:
        UnknownUnit: there is no such unit, or the reader does not see it.
    """
    scope, query = policy.scope_in(session), sa.select(Unit).order_by(Unit.id)
    if not scope.is_system:
        query = query.where(Unit.id.in_(scope.unit_ids))
    if code is not None:
        query = query.where(Unit.code == code)
    found = list(session.scalars(query))
    if code is not None and not found:
        raise UnknownUnit(code)
    return found


# --- people -----------------------------------------------------------------------------------------------------------


def new_beneficiaries(session: orm.Session, period: Period, unit: str | None = None) -> Sheet:
    """New beneficiaries (registered in the period) by unit and sex."""
    counts = _by_sex(session, Beneficiary.unit_id, _of(session, unit), period.days(Beneficiary.registered_on))
    title = Label("Νέοι ωφελούμενοι", "New beneficiaries")
    return _crosstab(title, [UNIT], _unit_rows(session, unit), _codes(Sex), counts, _(RULE_ON_TOTALS))


def people_served(session: orm.Session, period: Period, unit: str | None = None) -> Sheet:
    """People served in the period, each once in a unit, by unit and sex."""
    counts = _by_sex(session, Beneficiary.unit_id, _of(session, unit), _served(period))
    title = Label("Άτομα που εξυπηρετήθηκαν", "People served")
    return _crosstab(title, [UNIT], _unit_rows(session, unit), _codes(Sex), counts, _(RULE_ON_TOTALS))


def overview(session: orm.Session, period: Period, unit: str | None = None) -> Sheet:
    """The three counts, one under the other: each by unit and sex, with its own total."""
    visits = _counts(
        session,
        sa.select(Visit.unit_id, Beneficiary.sex, sa.func.count(Visit.id))
        .outerjoin(Visit.beneficiary)
        .where(Visit.unit_id.in_(_of_ids(session, unit)), period.moments(Visit.at))
        .group_by(Visit.unit_id, Beneficiary.sex),
    )
    nameless = {None: Label("Ανώνυμες", "Nameless")}
    title = Label("Επισκέψεις και αιτήματα", "Visits and requests")
    parts = [
        new_beneficiaries(session, period, unit),
        people_served(session, period, unit),
        _crosstab(title, [UNIT], _unit_rows(session, unit), _codes(Sex) | nameless, visits),
    ]
    return _stack(Label("Σύνοψη", "Overview"), parts)


def ages(session: orm.Session, period: Period, unit: str | None = None) -> Sheet:
    """People served by age on the last day of the period."""
    age = _stamp_of(period.last) - _stamp(Beneficiary.born_on)
    tests = {band: _aged(age, *band) for band in BANDS} | {None: Beneficiary.born_on.is_(None)}
    rows = {band: (_band(*band),) for band in BANDS} | {None: (NOT_STATED,)}
    note = _("People served, by age on the last day of the period.")
    return _people(Label("Ηλικίες", "Ages"), [Label("Ηλικία", "Age")], rows, tests, session, period, unit, note)


def nationalities(session: orm.Session, period: Period, unit: str | None = None) -> Sheet:
    """People served by nationality; only countries that occur."""
    counts = _by_sex(session, Beneficiary.nationality, _of(session, unit), _served(period))
    names = dict(countries(language()))
    met = {code for code, _sex in counts if code}
    rows: dict[str | None, tuple[object]] = {code: (name,) for code, name in names.items() if code in met}
    rows |= {code: (code,) for code in sorted(met - names.keys())} | {None: (NOT_STATED,)}
    note = _("People served, by nationality.")
    title = Label("Ιθαγένεια", "Nationality")
    return _crosstab(title, [title], rows, _codes(Sex), counts, note)


def employment(session: orm.Session, period: Period, unit: str | None = None) -> Sheet:
    """People served by employment status."""
    note = _("People served, by employment as recorded now.")
    title, column = Label("Απασχόληση", "Employment"), Beneficiary.employment_status
    return _by_code(title, column, EmploymentStatus, EmploymentStatus.UNK, session, period, unit, note)


def education(session: orm.Session, period: Period, unit: str | None = None) -> Sheet:
    """People served by highest education completed (ISCED 2011)."""
    note = _("People served, by education as recorded now.")
    title, column = Label("Εκπαίδευση", "Education"), Beneficiary.education
    return _by_code(title, column, Education, Education.U, session, period, unit, note)


def target_groups(session: orm.Session, period: Period, unit: str | None = None) -> Sheet:
    """People served by target group; several groups may hold for one person, so the last line counts people.

    Roma and disability count only where the person answered yes (Regulation 2016/679, article 9); groups that the
    reader's role does not see are left out.
    """
    tests: dict[Any, Test] = {group: _belongs(group) for group in TargetGroup if _in_sight(session, _source(group))}
    rows = {group: (group,) for group in tests} | {None: (NOT_STATED,)}
    tests |= {None: sa.not_(sa.or_(sa.false(), *tests.values())), TOTAL: sa.true()}
    counts = _tally(session, tests, _of(session, unit), _served(period))
    everybody = [counts.get((TOTAL, sex), 0) for sex in Sex]
    note = _("People served. A person may belong to several groups: the lines add up to more than the total of people.")
    return _crosstab(
        Label("Ομάδες", "Groups"), [Label("Ομάδα-στόχος", "Target group")], rows, _codes(Sex), counts, note,
        total=[*everybody, sum(everybody)],
    )  # fmt: skip


# --- what was done ----------------------------------------------------------------------------------------------------


def visits(session: orm.Session, period: Period, unit: str | None = None) -> Sheet:
    """Visits and requests by unit and channel, of registered people and nameless ones apart. A visit is one request."""
    nameless = Visit.beneficiary_id.is_(None)
    query = (
        sa.select(Visit.unit_id, nameless, Visit.channel, sa.func.count(Visit.id))
        .where(Visit.unit_id.in_(_of_ids(session, unit)), period.moments(Visit.at))
        .group_by(Visit.unit_id, nameless, Visit.channel)
    )
    kinds = ((False, Label("Εγγεγραμμένοι", "Registered")), (True, Label("Ανώνυμες", "Nameless")))
    rows = {(u.id, kind): (u.name, label) for u in units(session, unit) for kind, label in kinds}
    heads = [UNIT, Label("Επισκέπτες", "Visitors")]
    note = _("Every visit counts, with one request; a person who came three times stands here three times.")
    counts = _counts(session, query, keys=2)
    return _crosstab(Label("Επισκέψεις", "Visits"), heads, rows, _codes(Channel), counts, note)


def services(session: orm.Session, period: Period, unit: str | None = None) -> Sheet:
    """Services given, by axis and service of the catalogue, and by unit."""
    query = (
        sa.select(ServiceDelivery.service_id, ServiceDelivery.unit_id, sa.func.count(ServiceDelivery.id))
        .where(ServiceDelivery.unit_id.in_(_of_ids(session, unit)), period.days(ServiceDelivery.on))
        .group_by(ServiceDelivery.service_id, ServiceDelivery.unit_id)
    )
    counts = _counts(session, query)
    given = {service for service, _unit in counts}
    catalogue = session.scalars(sa.select(Service).order_by(Service.axis, Service.code))
    rows = {s.id: (s.axis, s) for s in catalogue if s.is_offered or s.id in given}
    columns = {u.id: u.name for u in units(session, unit)}
    heads = [Label("Άξονας", "Axis"), Label("Υπηρεσία", "Service")]
    note = _("Services given, not people. A line sums each axis.")
    subtotal = Label("Σύνολο άξονα", "Total of the axis")
    return _crosstab(Label("Υπηρεσίες", "Services"), heads, rows, columns, counts, note, subtotal=subtotal)


def applications(session: orm.Session, period: Period, unit: str | None = None) -> Sheet:
    """Applications that moved in the period, by programme and their state at its end."""
    status, query = _moved(Application, ApplicationStep, "application_id", Application.submitted_on, period)
    query = (
        query.with_only_columns(Application.programme_id, status, sa.func.count(Application.id))
        .where(Application.unit_id.in_(_of_ids(session, unit)))
        .group_by(Application.programme_id, status)
    )
    counts = _counts(session, query)
    met = {programme for programme, _status in counts}
    programmes = session.scalars(sa.select(Programme).order_by(Programme.code))
    rows = {p.id: (p,) for p in programmes if p.is_open or p.id in met}
    title = Label("Προγράμματα", "Programmes")
    heads = [Label("Πρόγραμμα", "Programme")]
    return _crosstab(title, heads, rows, _codes(ApplicationStatus), counts, _(RULE_ON_STATES))


def referrals(session: orm.Session, period: Period, unit: str | None = None) -> Sheet:
    """Referrals that moved in the period, by destination and their state at its end."""
    status, query = _moved(Referral, ReferralStep, "referral_id", Referral.sent_on, period)
    destination = (Partner.category, Partner.name, Unit.name)
    query = (
        query.with_only_columns(*destination, status, sa.func.count(Referral.id))
        .outerjoin(Referral.to_partner)
        .outerjoin(Referral.to_unit)
        .where(Referral.unit_id.in_(_of_ids(session, unit)))
        .group_by(*destination, status)
    )
    counts = _counts(session, query, keys=3)
    own = Label("Μονάδα του Κέντρου", "Unit of the centre")
    rows = {key: (key[0] or own, key[1] or key[2]) for key, _status in counts}
    rows = dict(sorted(rows.items(), key=lambda row: tuple(map(str, row[1]))))
    heads = [Label("Κατηγορία φορέα", "Category"), Label("Προς", "To")]
    title = Label("Παραπομπές", "Referrals")
    return _crosstab(title, heads, rows, _codes(ReferralStatus), counts, _(RULE_ON_STATES))


def events(session: orm.Session, period: Period, unit: str | None = None) -> Sheet:
    """Events that began in the period, by type, with the places taken in them."""
    parts = [sa.func.count(EventAttendance.id).filter(EventAttendance.attendance == part) for part in Attendance]
    query = (
        sa.select(Event.event_type, sa.func.count(Event.id.distinct()), *parts)
        .outerjoin(EventAttendance, EventAttendance.event_id == Event.id)
        .where(Event.unit_id.in_(_of_ids(session, unit)), period.moments(Event.starts_at))
        .group_by(Event.event_type)
    )
    found = {row[0]: row[1:] for row in session.execute(query)}
    rows = [((kind,), found.get(kind, (0,) * (1 + len(Attendance)))) for kind in EventType]
    title = Label("Δράσεις", "Events")
    columns = [Column(str(label), Kind.INTEGER) for label in (title, *Attendance)]
    note = _("Places in events, not people: whoever took part in two events stands here twice.")
    return _sheet(title, [Column(str(Label("Είδος", "Type")))], columns, rows, note)


def volunteers(session: orm.Session, period: Period, unit: str | None = None) -> Sheet:
    """Volunteers of each unit, those of them who gave hours in the period, and the hours."""
    there = (
        sa.or_(Volunteer.started_on.is_(None), Volunteer.started_on < period.after),
        sa.or_(Volunteer.ended_on.is_(None), Volunteer.ended_on >= period.first),
    )
    listed = _per_unit(session, Volunteer, *there)
    query = (
        sa.select(
            VolunteerHours.unit_id,
            sa.func.count(VolunteerHours.volunteer_id.distinct()),
            sa.func.sum(VolunteerHours.hours),
        )
        .where(period.days(VolunteerHours.on))
        .group_by(VolunteerHours.unit_id)
    )
    gave = {row[0]: row[1:] for row in session.execute(query)}
    rows = [((u.name,), (listed.get(u.id, 0), *gave.get(u.id, (0, 0)))) for u in units(session, unit)]
    columns = [
        Column(str(Label("Εθελοντές", "Volunteers")), Kind.INTEGER),
        Column(str(Label("Προσέφεραν ώρες", "Gave hours")), Kind.INTEGER),
        Column(str(Label("Ώρες", "Hours")), Kind.DECIMAL),
    ]
    return _sheet(Label("Εθελοντές", "Volunteers"), [Column(str(UNIT))], columns, rows)


def goods(session: orm.Session, period: Period, unit: str | None = None) -> Sheet:
    """Goods handed to people, per item; quantities of different measures are not added."""
    item = (Unit.name, Item.category, Item.name, Item.measure)
    query = (
        sa.select(*item, sa.func.sum(Distribution.quantity), sa.func.count(Distribution.id))
        .join(Distribution.item)
        .join(Distribution.unit)
        .where(Distribution.unit_id.in_(_of_ids(session, unit)), period.days(Distribution.on))
        .group_by(Unit.id, *item)
        .order_by(Unit.id, *item)
    )
    rows = [(row[:5], row[5:]) for row in session.execute(query)]
    names = (UNIT, *(fields(Item)[name].label for name in ("category", "name", "measure")))
    heads = [*(Column(str(name)) for name in names), Column(str(Label("Ποσότητα", "Quantity")), Kind.DECIMAL)]
    given = [Column(str(Label("Διανομές", "Distributions")), Kind.INTEGER)]
    note = _("Quantities have different measures, so only the distributions are added.")
    return _sheet(Label("Είδη", "Goods"), heads, given, rows, note)


# --- ESF+ -------------------------------------------------------------------------------------------------------------

INDICATORS = {
    "EECO01": Label("Συνολικός αριθμός συμμετεχόντων", "Total number of participants"),
    "EECO02": Label(
        "Άνεργοι, συμπεριλαμβανομένων των μακροχρόνια ανέργων", "Unemployed, including long-term unemployed"
    ),
    "EECO03": Label("Μακροχρόνια άνεργοι", "Long-term unemployed"),
    "EECO04": Label("Οικονομικά μη ενεργοί", "Inactive"),
    "EECO05": Label("Απασχολούμενοι, συμπ. αυτοαπασχολουμένων", "Employed, including self-employed"),
    "EECO06": Label("Παιδιά κάτω των 18 ετών", "Children below 18 years of age"),
    "EECO07": Label("Νέοι 18 έως 29 ετών", "Young people between 18 and 29 years of age"),
    "EECO08": Label("55 ετών και άνω", "55 years of age and above"),
    "EECO09": Label("Κατώτερη δευτεροβάθμια ή λιγότερο (ISCED 0-2)", "Lower secondary education or less (ISCED 0-2)"),
    "EECO10": Label(
        "Ανώτερη δευτεροβάθμια ή μεταδευτεροβάθμια (ISCED 3-4)", "Upper secondary or post-secondary (ISCED 3-4)"
    ),
    "EECO11": Label("Τριτοβάθμια (ISCED 5-8)", "Tertiary (ISCED 5-8)"),
    "EECO12": Label("Συμμετέχοντες με αναπηρία", "Participants with disabilities"),
    "EECO13": Label("Υπήκοοι τρίτων χωρών", "Third-country nationals"),
    "EECO14": Label("Συμμετέχοντες αλλοδαπής προέλευσης", "Participants with a foreign background"),
    "EECO15": Label(
        "Μειονότητες (και περιθωριοποιημένες κοινότητες, όπως οι Ρομά)",
        "Minorities (including marginalised communities such as Roma people)",
    ),
    "EECO16": Label("Άστεγοι ή θιγόμενοι από στεγαστικό αποκλεισμό", "Homeless or affected by housing exclusion"),
    "EECO17": Label("Συμμετέχοντες από αγροτικές περιοχές", "Participants from rural areas"),
}
"""ESF+ common output indicators for participants (Regulation 2021/1057, Annex I). The wording is the Annex's; the codes
are to be checked against the operation's Απόφαση Ένταξης before they are reported."""

UNANSWERED = {
    "employment_status": Label("Απασχόληση: δεν δηλώθηκε", "Employment: not stated"),
    "born_on": Label("Ηλικία: δεν δηλώθηκε", "Age: not stated"),
    "education": Label("Εκπαίδευση: δεν δηλώθηκε", "Education: not stated"),
    "nationality": Label("Ιθαγένεια: δεν δηλώθηκε", "Nationality: not stated"),
    "housing": Label("Στέγαση: δεν δηλώθηκε", "Housing: not stated"),
    "disability": Label("Αναπηρία: δεν δηλώθηκε", "Disability: not stated"),
    "ethnic_roma": Label("Ρομά: δεν δηλώθηκε", "Roma: not stated"),
}

SENSITIVE = {"EECO12": "disability", "EECO15": "ethnic_roma", "disability": "disability", "ethnic_roma": "ethnic_roma"}

UNEMPLOYED = (EmploymentStatus.UNEMP_ST, EmploymentStatus.UNEMP_LT)
EMPLOYED = (EmploymentStatus.EMP, EmploymentStatus.SELF, EmploymentStatus.SEASON)
INACTIVE = tuple(e for e in EmploymentStatus if e not in (*UNEMPLOYED, *EMPLOYED, EmploymentStatus.UNK))
HOUSING_EXCLUSION = (
    Housing.HOST,
    Housing.SHELTER,
    Housing.INST,
    Housing.MAKESHIFT,
    Housing.UNFIT,
    Housing.STREET,
)
EU = frozenset({
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU",
    "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
})  # fmt: skip
BEFORE_ALL = dt.date(1900, 1, 1)


def indicators(session: orm.Session, period: Period, unit: str | None = None) -> Sheet:
    """ESF+ common output indicators: participants who entered the operation in the period, and all so far.

    Entry is the first time that a person was served. A participant counts once per operation, so
    periods add up to the cumulative figure. Without a day on which the operation began
    (`Municipality.operating_since`), everything so far counts.
    """
    start = _municipality(session).operating_since or BEFORE_ALL
    tests = {key: test for key, test in _esf_tests(start).items() if _in_sight(session, SENSITIVE.get(key))}
    ever, here = _served(Period(start, period.after)), _of(session, unit)
    new = _tally(session, tests, here, ever, sa.not_(_served(Period(start, period.first))))
    so_far = _tally(session, tests, here, ever)
    rows = [
        (key if key in INDICATORS else "", str(label), *_esf_line(key, tests, new), *_esf_line(key, tests, so_far))
        for key, label in (INDICATORS | UNANSWERED).items()
    ]
    return Sheet(str(Label("ΕΚΤ+", "ESF+")), _esf_columns(), rows, _(CHECK_THE_CODES))


def _esf_columns() -> list[Column]:
    spans = (Label("Περίοδος", "Period"), Label("Σωρευτικά", "Cumulative"))
    figures = [Column(f"{span}: {part}", Kind.INTEGER) for span in spans for part in (*Sex, TOTAL)]
    return [Column(str(Label("Κωδικός", "Code"))), Column(str(Label("Δείκτης", "Indicator"))), *figures]


def _esf_line(key: str, tests: Mapping[str, Test], counts: Counts) -> list[int | None]:
    if key not in tests:
        return [None] * (len(Sex) + 1)
    line = [counts.get((key, sex), 0) for sex in Sex]
    return [*line, sum(line)]


def _esf_tests(start: dt.date) -> dict[str, Test]:
    """What each indicator counts. EECO14 and EECO17 have no column to count by, and estimates are not accepted."""
    b = Beneficiary
    # ESF+ takes the age at entry; whoever was registered before the operation entered it at its start at the earliest
    entry = sa.case((b.registered_on < start, _stamp_of(start)), else_=_stamp(b.registered_on))
    age = entry - _stamp(b.born_on)
    return {
        "EECO01": sa.true(),
        "EECO02": b.employment_status.in_(UNEMPLOYED),
        "EECO03": b.employment_status == EmploymentStatus.UNEMP_LT,
        "EECO04": b.employment_status.in_(INACTIVE),
        "EECO05": b.employment_status.in_(EMPLOYED),
        "EECO06": _aged(age, 0, 17),
        "EECO07": _aged(age, 18, 29),
        "EECO08": _aged(age, 55, None),
        "EECO09": b.education.in_(_isced("012")),
        "EECO10": b.education.in_(_isced("34")),
        "EECO11": b.education.in_(_isced("5678")),
        "EECO12": b.disability == Answer.YES,
        # stateless people count as third-country nationals (Regulation 2021/1057, article 2)
        "EECO13": sa.or_(b.nationality.not_in(EU), b.legal_status == LegalStatus.STATELESS),
        "EECO15": b.ethnic_roma == Answer.YES,
        "EECO16": sa.or_(b.housing.in_(HOUSING_EXCLUSION), _belongs(TargetGroup.HOMELESS)),
        "employment_status": _unanswered(b.employment_status, EmploymentStatus.UNK),
        "born_on": b.born_on.is_(None),
        "education": _unanswered(b.education, Education.U),
        "nationality": b.nationality.is_(None),
        "housing": _unanswered(b.housing, Housing.UNK),
        "disability": b.disability.in_((Answer.DECLINED, Answer.NOT_ASKED)),
        "ethnic_roma": b.ethnic_roma.in_((Answer.DECLINED, Answer.NOT_ASKED)),
    }


def _isced(levels: str) -> list[Education]:
    return [level for level in Education if level.value[0] in levels]


# --- the workbook and the home page -----------------------------------------------------------------------------------

SHEETS: tuple[Callable[[orm.Session, Period, str | None], Sheet], ...] = (
    overview, visits, ages, nationalities, employment, education, target_groups, services, applications, referrals,
    events, volunteers, goods, indicators,
)  # fmt: skip


def monthly_workbook(session: orm.Session, first: dt.date, target: Path, unit: str | None = None) -> exports.Written:
    """Write the workbook of the month that holds the day, of one unit or of all that the reader sees.

    Raises:
        UnknownUnit: there is no such unit, or the reader does not see it.
        OSError: the file cannot be written (exports.write_workbook).
    """
    period = month_of(first)
    sheets = [report(session, period, unit) for report in SHEETS]
    author = policy.scope_in(session).name or ""
    cover = _cover(session, period, unit, author)
    return exports.write_workbook(target, cover, sheets, language=language(), author=author)


def _cover(session: orm.Session, period: Period, unit: str | None, author: str) -> exports.Cover:
    lines = [
        *_operation(session, "name", "centre_name", "project_title", "project_ops_code", "project_programme"),
        (str(Label("Περίοδος", "Period")), f"{period.first:%d/%m/%Y} – {period.last:%d/%m/%Y}"),
        (str(Label("Μονάδες", "Units")), " · ".join(u.name for u in units(session, unit))),
        (str(Label("Εκδόθηκε", "Issued")), f"{now().astimezone(ZoneInfo(ZONE)):%d/%m/%Y %H:%M}"),
        (str(Label("Από", "By")), author),
        *_operation(session, "co_financing"),
        (str(Label("Μετρήσεις", "Counts")), _(RULE_ON_COUNTS)),
        (str(Label("Σύνολα", "Totals")), _(RULE_ON_TOTALS)),
        (str(Label("ΕΚΤ+", "ESF+")), _(RULE_ON_INDICATORS)),
        (str(Label("Δημοσίευση", "Publication")), _(NOT_FOR_PUBLICATION)),
    ]
    title = Label(f"Μηνιαία αναφορά {period.first:%m/%Y}", f"Monthly report {period.first:%m/%Y}")
    return exports.Cover(str(title), lines, tab=str(Label("Εξώφυλλο", "Cover")))


def _operation(session: orm.Session, *names: str) -> list[tuple[str, str]]:
    municipality, labels = _municipality(session), fields(Municipality)
    return [(str(labels[name].label), getattr(municipality, name) or "–") for name in names]


def summary(session: orm.Session, first: dt.date, after: dt.date) -> dict[str, dict[str, Any]]:
    """A handful of figures per unit code for the home page, without what the reader's role may not read."""
    period, scope = Period(first, after), policy.scope_in(session)
    figures: dict[str, Mapping[Any, Any]] = {
        "new": _per_unit(session, Beneficiary, period.days(Beneficiary.registered_on)),
        "served": _per_unit(session, Beneficiary, _served(period)),
        "visits": _per_unit(session, Visit, period.moments(Visit.at)),
    }
    shares: dict[str, Counts] = {}
    if policy.may(scope, "read", "service_delivery"):
        shares["axes"] = _axes(session, period)
    if policy.may(scope, "read", "referral"):
        shares["referrals"] = _referral_states(session, period)
    return {
        unit.code: {"name": unit.name}
        | {name: counts.get(unit.id, 0) for name, counts in figures.items()}
        | {name: _share_of(unit, counts) for name, counts in shares.items()}
        for unit in units(session)
    }


def _share_of(unit: Unit, counts: Counts) -> dict[Code, int]:
    return {code: n for (unit_id, code), n in sorted(counts.items()) if unit_id == unit.id}


def _axes(session: orm.Session, period: Period) -> Counts:
    query = (
        sa.select(ServiceDelivery.unit_id, Service.axis, sa.func.count(ServiceDelivery.id))
        .join(ServiceDelivery.service)
        .where(period.days(ServiceDelivery.on))
        .group_by(ServiceDelivery.unit_id, Service.axis)
    )
    return _counts(session, query)


def _referral_states(session: orm.Session, period: Period) -> Counts:
    status, query = _moved(Referral, ReferralStep, "referral_id", Referral.sent_on, period)
    query = query.with_only_columns(Referral.unit_id, status, sa.func.count(Referral.id))
    return _counts(session, query.group_by(Referral.unit_id, status))


# --- who is counted ---------------------------------------------------------------------------------------------------

BANDS: tuple[tuple[int, int | None], ...] = ((0, 5), (6, 17), (18, 29), (30, 54), (55, 64), (65, None))


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), ZoneInfo(ZONE))


def _municipality(session: orm.Session) -> Municipality:
    return session.scalars(sa.select(Municipality)).first() or Municipality()


def _of_ids(session: orm.Session, unit: str | None) -> list[int]:
    return [found.id for found in units(session, unit)]


def _of(session: orm.Session, unit: str | None) -> Test:
    return Beneficiary.unit_id.in_(_of_ids(session, unit))


def _served(period: Period) -> Test:
    """The person had something in the period: see the rule on counts."""
    handled = sa.select(ApplicationStep.application_id).where(period.days(ApplicationStep.on))
    occasions = (
        sa.select(Visit.beneficiary_id).where(Visit.beneficiary_id.is_not(None), period.moments(Visit.at)),
        sa.select(ServiceDelivery.beneficiary_id).where(period.days(ServiceDelivery.on)),
        sa.select(Referral.beneficiary_id).where(period.days(Referral.sent_on)),
        sa.select(Application.beneficiary_id).where(
            sa.or_(period.days(Application.submitted_on), Application.id.in_(handled))
        ),
        sa.select(EventAttendance.beneficiary_id)
        .join(EventAttendance.event)
        .where(EventAttendance.attendance == Attendance.ATTENDED, period.moments(Event.starts_at)),
        sa.select(Distribution.beneficiary_id).where(period.days(Distribution.on)),
    )
    return sa.or_(*(Beneficiary.id.in_(occasion) for occasion in occasions))


def _moved(model: Any, step: Any, key: str, dated_on: Any, period: Period) -> tuple[Any, sa.Select[*tuple[Any, ...]]]:
    """The state of rows at the period's end, and a query of those that moved in it.

    The timeline is asked, not the state of today: a month printed again in a year gives the same figures.
    """
    steps = orm.aliased(step)
    last = sa.select(steps.id).where(getattr(steps, key) == model.id, steps.on < period.after)
    last = last.order_by(steps.on.desc(), steps.id.desc()).limit(1).correlate(model)
    query = sa.select(model).outerjoin(step, step.id == last.scalar_subquery())
    return sa.func.coalesce(step.status, model.status), query.where(sa.or_(period.days(step.on), period.days(dated_on)))


def _stamp(column: Any) -> Any:
    """A date as the number YYYYMMDD; the difference of two, in ten-thousands, is the full years between them."""
    year, month, day = (sa.extract(part, column) for part in ("year", "month", "day"))
    return year * 10_000 + month * 100 + day


def _stamp_of(day: dt.date) -> int:
    return int(f"{day:%Y%m%d}")


def _aged(age: Any, low: int, high: int | None) -> Test:
    at_least = age >= low * 10_000 if low else sa.true()
    at_most = age < (high + 1) * 10_000 if high is not None else age.is_not(None)
    return sa.and_(at_least, at_most)


def _band(low: int, high: int | None) -> str:
    return f"{low}+" if high is None else f"{low}–{high}"


def _unanswered(column: Any, code: Code) -> Test:
    return sa.or_(column.is_(None), column == code)


def _source(group: TargetGroup) -> str:
    """The column that says whether a person belongs to the group."""
    answered = {TargetGroup.ROMA: "ethnic_roma", TargetGroup.AMEA: "disability"}
    return answered.get(group, "protected_groups" if group in PROTECTED_GROUPS else "target_groups")


def _belongs(group: TargetGroup) -> Test:
    column: Any = getattr(Beneficiary, _source(group))
    test: Test = column == Answer.YES if group in ANSWERED_GROUPS else column.holds(group.value)
    return test


def _in_sight(session: orm.Session, name: str | None) -> bool:
    return name is None or policy.sees(policy.scope_in(session), fields(Beneficiary)[name])


# --- counting ---------------------------------------------------------------------------------------------------------


def _counts(session: orm.Session, query: sa.Select[*tuple[Any, ...]], keys: int = 1) -> dict[tuple[Any, Any], int]:
    """Counts by row and column; the row's key takes the first `keys` columns of the query."""
    return {(row[0] if keys == 1 else tuple(row[:keys]), row[keys]): row[keys + 1] for row in session.execute(query)}


def _by_sex(session: orm.Session, column: Any, *where: Test) -> dict[tuple[Any, Any], int]:
    query = sa.select(column, Beneficiary.sex, sa.func.count(Beneficiary.id)).where(*where)
    return _counts(session, query.group_by(column, Beneficiary.sex))


def _per_unit(session: orm.Session, model: Any, *where: Test) -> dict[int, int]:
    query = sa.select(model.unit_id, sa.func.count(model.id)).where(*where).group_by(model.unit_id)
    return dict(iter(session.execute(query)))


def _tally(session: orm.Session, tests: Mapping[Any, Test], *where: Test) -> dict[tuple[Any, Any], int]:
    """How many people pass each test, by sex; the tests may overlap."""
    passed = [sa.func.count(Beneficiary.id).filter(test) for test in tests.values()]
    found = session.execute(sa.select(Beneficiary.sex, *passed).where(*where).group_by(Beneficiary.sex))
    return {(key, row[0]): n for row in found for key, n in zip(tests, row[1:], strict=True)}


# --- tables -----------------------------------------------------------------------------------------------------------


def _codes(codes: Iterable[Code]) -> dict[Hashable, object]:
    return {code: code.label for code in codes}


def _unit_rows(session: orm.Session, unit: str | None) -> dict[Hashable, tuple[object, ...]]:
    return {found.id: (found.name,) for found in units(session, unit)}


def _people(
    title: Label, heads: Sequence[Label], rows: Mapping[Any, Sequence[object]], tests: Mapping[Any, Test],
    session: orm.Session, period: Period, unit: str | None, note: str,
) -> Sheet:  # fmt: skip
    """People served in the period, by test and sex."""
    counts = _tally(session, tests, _of(session, unit), _served(period))
    return _crosstab(title, heads, rows, _codes(Sex), counts, note)


def _by_code(
    title: Label, column: Any, codes: type[Code], unknown: Code,
    session: orm.Session, period: Period, unit: str | None, note: str,
) -> Sheet:  # fmt: skip
    """People served by one code of a list; an empty column counts with the code for «not stated»."""
    tests = {code: column == code for code in codes} | {unknown: _unanswered(column, unknown)}
    rows = {code: (code.label,) for code in codes}
    return _people(title, [title], rows, tests, session, period, unit, note)


def _crosstab(
    title: Label, heads: Sequence[Label], rows: Mapping[Any, Sequence[object]], columns: Mapping[Any, object],
    counts: Counts, note: str | None = None, *, subtotal: Label | None = None, total: Sequence[int] | None = None,
) -> Sheet:  # fmt: skip
    """Counts by row and column, with totals; rows and columns give every key its labels, in order."""
    lines = [(labels, [counts.get((row, column), 0) for column in columns]) for row, labels in rows.items()]
    body = [(labels, (*line, sum(line))) for labels, line in lines]
    figures = [Column(str(label), Kind.INTEGER) for label in (*columns.values(), TOTAL)]
    return _sheet(title, [Column(str(head)) for head in heads], figures, body, note, subtotal=subtotal, total=total)


Row = tuple[Sequence[object], Sequence[Any]]


def _sheet(
    title: Label, heads: Sequence[Column], figures: Sequence[Column], rows: Sequence[Row],
    note: str | None = None, *, subtotal: Label | None = None, total: Sequence[int] | None = None,
) -> Sheet:  # fmt: skip
    """A table of labels and figures whose last line adds the figures up, unless a total is given."""
    body = list(_with_subtotals(rows, subtotal)) if subtotal else list(rows)
    width = len(heads)
    last = (TOTAL, *[None] * (width - 1)), total if total is not None else _sum(rows, len(figures))
    lines = [(*map(_cell, labels), *values) for labels, values in [*body, last]]
    return Sheet(str(title), [*heads, *figures], lines, note)


def _with_subtotals(rows: Sequence[Row], label: Label) -> Iterable[Row]:
    for first, group in groupby(rows, key=lambda row: row[0][0]):
        part = list(group)
        yield from part
        yield (first, label), _sum(part, len(part[0][1]))


def _sum(rows: Iterable[Row], width: int) -> list[Any]:
    return [sum(values) for values in zip(*(row[1] for row in rows), strict=True)] or [0] * width


def _cell(label: object) -> object:
    """Names become text in the reader's language; quantities stay numbers."""
    return label if label is None or isinstance(label, int | Decimal) else str(label)


def _stack(title: Label, parts: Sequence[Sheet]) -> Sheet:
    """Tables with the same heads under each other, each line led by its table's title."""
    columns = max((part.columns for part in parts), key=len)
    lines = [
        (part.title, *(cells.get(column.header) for column in columns))
        for part in parts
        for cells in (dict(zip((c.header for c in part.columns), row, strict=True)) for row in part.rows)
    ]
    counted = Column(str(Label("Τι μετριέται", "What is counted")))
    return Sheet(str(title), [counted, *columns], lines, _(RULE_ON_TOTALS))
