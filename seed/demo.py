"""Invented people for a demonstration: one login per role and unit, and some months of each unit's work.

Everything is written under the scope of the unit's own caseworker, or of the coordinator where only that role may, so
the trail reads as it would at work and policy.py guards the demo like everybody.
"""

from __future__ import annotations

import random
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

import audit
import passwords
from models import Unit, User, now
from seed import NotSeeded, between, builders, people, refuse_in_production, rights, scenes
from seed.stage import UNIT_ROLES, Stage, acting
from vocabulary import AuditAction, Role

HOUSE_ROLES = (Role.COORDINATOR, Role.SUPERVISOR, Role.ADMINISTRATOR)


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
    kept = passwords.make_hash(password)
    house = {r: _user(r, r.value, () if r == Role.ADMINISTRATOR else units, kept) for r in HOUSE_ROLES}
    session.add_all(house.values())
    centre, *annexes = [_play(session, unit, house[Role.COORDINATOR], kept) for unit in units]
    for annex in annexes:
        between.play(centre, annex, house[Role.COORDINATOR])
    audit.note(session, AuditAction.SYSTEM, task="seed demo", units=[unit.code for unit in units])
    return True


def _user(role: Role, username: str, units: Any, password_hash: str) -> User:
    return builders.user(role, units, username=username, password_hash=password_hash, password_changed_at=now())


def _play(session: orm.Session, unit: Unit, coordinator: User, password_hash: str) -> Stage:
    """Make the unit's staff, then its months of work in their name."""
    staff = {role: _user(role, f"{role.value}.{unit.code}", [unit], password_hash) for role in UNIT_ROLES}
    session.add_all(staff.values())
    session.flush()
    session.refresh(staff[Role.CASEWORKER])
    stage = Stage(session, unit, staff, random.Random(unit.code))
    with acting(session, stage.caseworker):
        people.arrive(stage)
        scenes.play(stage)
        rights.play(stage, coordinator)
    return stage
