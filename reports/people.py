"""Who came: new beneficiaries and people served, by what they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from exports import Sheet
from i18n import Label, _, countries, language
from models import Beneficiary, Visit
from vocabulary import Code, Education, EmploymentStatus, Sex, TargetGroup

from .coverage import Coverage
from .occasions import served
from .period import Test
from .tables import NOT_STATED, RULE_ON_TOTALS, TOTAL, UNIT, codes, crosstab, stack, unit_rows
from .traits import aged, belongs, in_sight, source, stamp, stamp_of, unanswered

BANDS: tuple[tuple[int, int | None], ...] = ((0, 5), (6, 17), (18, 29), (30, 54), (55, 64), (65, None))


def new_beneficiaries(coverage: Coverage) -> Sheet:
    """New beneficiaries (registered in the period) by unit and sex; in total new is whose first record is."""
    registered = coverage.period.days(Beneficiary.registered_on)
    before = Beneficiary.registered_on < coverage.period.first
    return _by_unit(coverage, Label("Νέοι ωφελούμενοι", "New beneficiaries"), registered, before)


def people_served(coverage: Coverage) -> Sheet:
    """People served in the period, each once in a unit, by unit and sex."""
    return _by_unit(coverage, Label("Άτομα που εξυπηρετήθηκαν", "People served"), served(coverage.period))


def overview(coverage: Coverage) -> Sheet:
    """The three counts, one under the other: each by unit and sex, with its own total."""
    query = (
        sa.select(Visit.unit_id, Beneficiary.sex, sa.func.count(Visit.id))
        .outerjoin(Visit.beneficiary)
        .where(coverage.holds(Visit), coverage.period.moments(Visit.at))
        .group_by(Visit.unit_id, Beneficiary.sex)
    )
    title = Label("Επισκέψεις και αιτήματα", "Visits and requests")
    across = codes(Sex) | {None: Label("Ανώνυμες", "Nameless")}
    visits = crosstab(title, [UNIT], unit_rows(coverage), across, coverage.counts(query))
    return stack(Label("Σύνοψη", "Overview"), [new_beneficiaries(coverage), people_served(coverage), visits])


def ages(coverage: Coverage) -> Sheet:
    """People served by age on the last day of the period."""
    age = stamp_of(coverage.period.last) - stamp(Beneficiary.born_on)
    tests = {band: aged(age, *band) for band in BANDS} | {None: Beneficiary.born_on.is_(None)}
    rows = {band: (_years(*band),) for band in BANDS} | {None: (NOT_STATED,)}
    note = _("People served, by age on the last day of the period.")
    counts = coverage.tally(tests, *_served(coverage))
    return crosstab(Label("Ηλικίες", "Ages"), [Label("Ηλικία", "Age")], rows, codes(Sex), counts, note)


def nationalities(coverage: Coverage) -> Sheet:
    """People served by nationality; only countries that occur."""
    counts = coverage.by_sex(Beneficiary.nationality, *_served(coverage))
    names = dict(countries(language()))
    met = {code for code, _sex in counts if code}
    rows: dict[str | None, tuple[object]] = {code: (name,) for code, name in names.items() if code in met}
    rows |= {code: (code,) for code in sorted(met - names.keys())} | {None: (NOT_STATED,)}
    title = Label("Ιθαγένεια", "Nationality")
    return crosstab(title, [title], rows, codes(Sex), counts, _("People served, by nationality."))


def employment(coverage: Coverage) -> Sheet:
    """People served by employment status."""
    title = Label("Απασχόληση", "Employment")
    note = _("People served, by employment as recorded now.")
    return _by_code(coverage, title, Beneficiary.employment_status, EmploymentStatus, EmploymentStatus.UNK, note)


def education(coverage: Coverage) -> Sheet:
    """People served by highest education completed (ISCED 2011)."""
    title = Label("Εκπαίδευση", "Education")
    note = _("People served, by education as recorded now.")
    return _by_code(coverage, title, Beneficiary.education, Education, Education.U, note)


def target_groups(coverage: Coverage) -> Sheet:
    """People served by target group; several groups may hold for one person, so the last line counts people.

    Roma and disability count only where the person answered yes (Regulation 2016/679, article 9); groups that the
    reader's role does not see are left out.
    """
    seen = [group for group in TargetGroup if in_sight(coverage.session, source(group))]
    tests: dict[Any, Test] = {group: belongs(coverage, group) for group in seen}
    tests |= {None: sa.not_(sa.or_(sa.false(), *tests.values())), TOTAL: sa.true()}
    rows: Mapping[Any, tuple[object]] = {group: (group,) for group in seen} | {None: (NOT_STATED,)}
    counts = coverage.tally(tests, *_served(coverage))
    everybody = [counts.get((TOTAL, sex), 0) for sex in Sex]
    note = _("People served. A person may belong to several groups: the lines add up to more than the total of people.")
    return crosstab(
        Label("Ομάδες", "Groups"), [Label("Ομάδα-στόχος", "Target group")], rows, codes(Sex), counts, note,
        total=[*everybody, sum(everybody)],
    )  # fmt: skip


def _served(coverage: Coverage) -> tuple[Test, Test]:
    """People served in the period, each once."""
    test = served(coverage.period)
    return test, coverage.once(test)


def _by_unit(coverage: Coverage, title: Label, condition: Test, before: Test | None = None) -> Sheet:
    """A person counts once in each unit, and once in the total."""
    in_units = coverage.once(condition, before, in_each_unit=True)
    counts = coverage.by_sex(Beneficiary.unit_id, condition, in_units)
    people = coverage.tally({TOTAL: sa.true()}, condition, coverage.once(condition, before))
    total = [people.get((TOTAL, sex), 0) for sex in Sex]
    return crosstab(
        title, [UNIT], unit_rows(coverage), codes(Sex), counts, _(RULE_ON_TOTALS), total=[*total, sum(total)]
    )


def _by_code(coverage: Coverage, title: Label, column: Any, listed: type[Code], unknown: Code, note: str) -> Sheet:
    """People served by one code of a list; an empty column counts with the code for «not stated»."""
    tests = {code: column == code for code in listed} | {unknown: unanswered(column, unknown)}
    rows = {code: (code.label,) for code in listed}
    return crosstab(title, [title], rows, codes(Sex), coverage.tally(tests, *_served(coverage)), note)


def _years(low: int, high: int | None) -> str:
    return f"{low}+" if high is None else f"{low}–{high}"
