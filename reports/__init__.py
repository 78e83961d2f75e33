"""Named aggregate queries: the tables of the monthly workbook and the ESF+ indicators.

Every query runs in a session that policy.py has narrowed to its reader. Three counts are never mixed: new beneficiaries
(registered in the period), people served (each once), visits and requests (every one, nameless ones too).
"""

from __future__ import annotations

from .activity import applications, events, goods, referrals, services, visits, volunteers
from .coverage import Coverage, UnknownUnit, units
from .esf import indicators
from .occasions import served
from .people import (
    ages,
    education,
    employment,
    nationalities,
    new_beneficiaries,
    overview,
    people_served,
    target_groups,
)
from .period import Period, month_of
from .workbook import SHEETS, monthly_workbook

__all__ = [
    "SHEETS", "Coverage", "Period", "UnknownUnit", "ages", "applications", "education", "employment", "events",
    "goods", "indicators", "month_of", "monthly_workbook", "nationalities", "new_beneficiaries", "overview",
    "people_served", "referrals", "served", "services", "target_groups", "units", "visits", "volunteers",
]  # fmt: skip
