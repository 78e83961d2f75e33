"""The monthly workbook: a cover and every table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import orm

import exports
import policy
from db import fields
from i18n import ZONE, Label, _, language
from identifiers import N_
from models import Municipality, now

from .activity import applications, events, goods, referrals, services, visits, volunteers
from .coverage import Coverage, units
from .esf import indicators
from .people import ages, education, employment, nationalities, overview, target_groups
from .period import month_of
from .tables import RULE_ON_TOTALS

RULE_ON_COUNTS = N_(
    "New beneficiaries are registered in the period. People served had a visit, a service, a referral sent, an "
    "application, a part in an event or goods, and count once in a unit. Visits and requests count every time, "
    "nameless ones too. The three are never added."
)
RULE_ON_INDICATORS = N_(
    "A participant was served, and counts once per operation, in the period of the first service. Age is that of "
    "registration, or of the operation's start for those registered before; the rest is as recorded now. Special "
    "categories count only what people declared. An empty cell cannot be counted from what Kentro keeps, or is not for "
    "the reader's role."
)
NOT_FOR_PUBLICATION = N_("Not for publication: it holds cells with fewer than 5 people.")

SHEETS: tuple[Callable[[Coverage], exports.Sheet], ...] = (
    overview, visits, ages, nationalities, employment, education, target_groups, services, applications, referrals,
    events, volunteers, goods, indicators,
)  # fmt: skip


def monthly_workbook(session: orm.Session, first: dt.date, target: Path, unit: str | None = None) -> exports.Written:
    """Write the workbook of the month that holds the day, of one unit or of all that the reader sees.

    Raises:
        UnknownUnit: there is no such unit, or the reader does not see it.
        OSError: the file cannot be written (exports.write_workbook).
    """
    coverage = Coverage(session, month_of(first), units(session, unit))
    author = policy.scope_in(session).name or ""
    sheets = [report(coverage) for report in SHEETS]
    return exports.write_workbook(target, _cover(coverage, author), sheets, language=language(), author=author)


def _cover(coverage: Coverage, author: str) -> exports.Cover:
    period = coverage.period
    lines = [
        *_operation(coverage, "name", "centre_name", "project_title", "project_ops_code", "project_programme"),
        (str(Label("Περίοδος", "Period")), f"{period.first:%d/%m/%Y} – {period.last:%d/%m/%Y}"),
        (str(Label("Μονάδες", "Units")), " · ".join(unit.name for unit in coverage.units)),
        (str(Label("Εκδόθηκε", "Issued")), f"{now().astimezone(ZoneInfo(ZONE)):%d/%m/%Y %H:%M}"),
        (str(Label("Από", "By")), author),
        *_operation(coverage, "co_financing"),
        (str(Label("Μετρήσεις", "Counts")), _(RULE_ON_COUNTS)),
        (str(Label("Σύνολα", "Totals")), _(RULE_ON_TOTALS)),
        (str(Label("ΕΚΤ+", "ESF+")), _(RULE_ON_INDICATORS)),
        (str(Label("Δημοσίευση", "Publication")), _(NOT_FOR_PUBLICATION)),
    ]
    title = Label(f"Μηνιαία αναφορά {period.first:%m/%Y}", f"Monthly report {period.first:%m/%Y}")
    return exports.Cover(str(title), lines, tab=str(Label("Εξώφυλλο", "Cover")))


def _operation(coverage: Coverage, *names: str) -> list[tuple[str, str]]:
    municipality = coverage.session.scalars(sa.select(Municipality)).first() or Municipality()
    labels = fields(Municipality)
    return [(str(labels[name].label), getattr(municipality, name) or "–") for name in names]
