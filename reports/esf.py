"""The common output indicators of the European Social Fund Plus."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import sqlalchemy as sa

from exports import Column, Kind, Sheet
from i18n import Label, _
from identifiers import N_
from models import Beneficiary, Municipality
from vocabulary import Answer, Education, EmploymentStatus, Housing, LegalStatus, Sex, TargetGroup

from .coverage import Counts, Coverage
from .occasions import served
from .period import Period, Test
from .tables import TOTAL, columns
from .traits import aged, belongs, in_sight, stamp, stamp_of, unanswered

CHECK_THE_CODES = N_("Check the codes against the decision of inclusion (Απόφαση Ένταξης) before reporting them.")

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

SENSITIVE = {
    "EECO12": ("disability", Answer.YES),
    "EECO15": ("ethnic_roma", Answer.YES),
    "disability": ("disability", Answer.DECLINED, Answer.NOT_ASKED),
    "ethnic_roma": ("ethnic_roma", Answer.DECLINED, Answer.NOT_ASKED),
}
"""The answers by which special categories are counted, and the column that holds them."""

UNEMPLOYED = (EmploymentStatus.UNEMP_ST, EmploymentStatus.UNEMP_LT)
EMPLOYED = (EmploymentStatus.EMP, EmploymentStatus.SELF, EmploymentStatus.SEASON)
INACTIVE = tuple(e for e in EmploymentStatus if e not in (*UNEMPLOYED, *EMPLOYED, EmploymentStatus.UNK))
HOUSING_EXCLUSION = (
    Housing.HOST, Housing.SHELTER, Housing.INST, Housing.MAKESHIFT, Housing.UNFIT, Housing.STREET,
)  # fmt: skip
EU = frozenset({
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU",
    "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
})  # fmt: skip
BEFORE_ALL = dt.date(1900, 1, 1)


def indicators(coverage: Coverage) -> Sheet:
    """ESF+ common output indicators: participants who entered the operation in the period, and all so far.

    Entry is the first time that a person was served. A participant counts once per operation, so
    periods add up to the cumulative figure. Without a day on which the operation began
    (`Municipality.operating_since`), everything so far counts.
    """
    start = coverage.session.scalar(sa.select(Municipality.operating_since)) or BEFORE_ALL
    tests = _tests(coverage, start) | _tests_of_answers(coverage)
    ever = served(Period(start, coverage.period.after))
    before = served(Period(start, coverage.period.first))
    entered = ever & sa.not_(before)
    new = coverage.tally(tests, entered, coverage.once(entered, before))
    so_far = coverage.tally(tests, ever, coverage.once(ever))
    rows = [
        (key if key in INDICATORS else "", str(label), *_line(key, tests, new), *_line(key, tests, so_far))
        for key, label in (INDICATORS | UNANSWERED).items()
    ]
    return Sheet(str(Label("ΕΚΤ+", "ESF+")), _columns(), rows, _(CHECK_THE_CODES))


def _columns() -> list[Column]:
    spans = (Label("Περίοδος", "Period"), Label("Σωρευτικά", "Cumulative"))
    figures = columns((f"{span}: {part}" for span in spans for part in (*Sex, TOTAL)), Kind.INTEGER)
    return [*columns((Label("Κωδικός", "Code"), Label("Δείκτης", "Indicator"))), *figures]


def _line(key: str, tests: Mapping[str, Test], counts: Counts) -> list[int | None]:
    if key not in tests:
        return [None] * (len(Sex) + 1)
    line = [counts.get((key, sex), 0) for sex in Sex]
    return [*line, sum(line)]


def _tests(coverage: Coverage, start: dt.date) -> dict[str, Test]:
    """What each indicator counts. EECO14 and EECO17 have no column to count by, and estimates are not accepted."""
    b = Beneficiary
    # ESF+ takes the age at entry; whoever was registered before the operation entered it at its start at the earliest
    entry = sa.case((b.registered_on < start, stamp_of(start)), else_=stamp(b.registered_on))
    age = entry - stamp(b.born_on)
    return {
        "EECO01": sa.true(),
        "EECO02": b.employment_status.in_(UNEMPLOYED),
        "EECO03": b.employment_status == EmploymentStatus.UNEMP_LT,
        "EECO04": b.employment_status.in_(INACTIVE),
        "EECO05": b.employment_status.in_(EMPLOYED),
        "EECO06": aged(age, 0, 17),
        "EECO07": aged(age, 18, 29),
        "EECO08": aged(age, 55, None),
        "EECO09": b.education.in_(_isced("012")),
        "EECO10": b.education.in_(_isced("34")),
        "EECO11": b.education.in_(_isced("5678")),
        # stateless people count as third-country nationals (Regulation 2021/1057, article 2)
        "EECO13": sa.or_(b.nationality.not_in(EU), b.legal_status == LegalStatus.STATELESS),
        "EECO16": sa.or_(b.housing.in_(HOUSING_EXCLUSION), belongs(coverage, TargetGroup.HOMELESS)),
        "employment_status": unanswered(b.employment_status, EmploymentStatus.UNK),
        "born_on": b.born_on.is_(None),
        "education": unanswered(b.education, Education.U),
        "nationality": b.nationality.is_(None),
        "housing": unanswered(b.housing, Housing.UNK),
    }


def _tests_of_answers(coverage: Coverage) -> dict[str, Test]:
    """Those of special categories, where the reader's role sees what they count by."""
    return {
        key: coverage.answered(getattr(Beneficiary, name), *codes)
        for key, (name, *codes) in SENSITIVE.items()
        if in_sight(coverage.session, name)
    }


def _isced(levels: str) -> list[Education]:
    return [level for level in Education if level.value[0] in levels]
