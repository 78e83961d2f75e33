"""What makes a person served in a period, and an application or referral moved in it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from db import fields
from models import (
    Application,
    ApplicationStep,
    Beneficiary,
    Distribution,
    Event,
    EventAttendance,
    Referral,
    ServiceDelivery,
    Visit,
)
from vocabulary import Attendance

from .period import Period, Test


def served(period: Period) -> Test:
    """The person had something in the period: see workbook.RULE_ON_COUNTS."""
    handled = sa.select(ApplicationStep.application_id).where(period.days(ApplicationStep.on))
    occasions = (
        sa.select(Visit.beneficiary_id).where(Visit.beneficiary_id.is_not(None), period.moments(Visit.at)),
        sa.select(ServiceDelivery.beneficiary_id).where(period.days(ServiceDelivery.on)),
        sa.select(Referral.beneficiary_id).where(period.days(Referral.sent_on)),
        sa.select(Application.beneficiary_id).where(
            sa.or_(
                period.days(Application.opened_on),
                period.days(Application.submitted_on),
                Application.id.in_(handled),
            )
        ),
        sa.select(EventAttendance.beneficiary_id)
        .join(EventAttendance.event)
        .where(EventAttendance.attendance == Attendance.ATTENDED, period.moments(Event.starts_at)),
        sa.select(Distribution.beneficiary_id).where(period.days(Distribution.on)),
    )
    return sa.or_(*(Beneficiary.id.in_(occasion) for occasion in occasions))


def moved(period: Period, model: Any, *dates: Any) -> tuple[Any, sa.Select[*tuple[Any, ...]]]:
    """The state of rows at the period's end, and a query of those that moved in it or have such a date in it.

    The timeline is asked, not the state of today: a month printed again in a year gives the same figures.
    """
    step, key = model.step_class, f"{model.__tablename__}_id"
    steps = orm.aliased(step)
    last = sa.select(steps.id).where(getattr(steps, key) == model.id, steps.on < period.after)
    last = last.order_by(steps.on.desc(), steps.id.desc()).limit(1).correlate(model)
    query = sa.select(model).outerjoin(step, step.id == last.scalar_subquery())
    status = sa.func.coalesce(step.status, _before_steps(model))
    return status, query.where(sa.or_(period.days(step.on), *map(period.days, dates)))


def _before_steps(model: Any) -> Any:
    """The state in which a row began, if its timeline begins later; without a timeline, its only state."""
    begun: Any = fields(model)["status"].default
    return sa.case((model.steps.any(), begun()), else_=model.status)
