"""The reference data of an installation: its municipality, units, service catalogue, programmes and public bodies."""

from __future__ import annotations

from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import orm

import audit
from db import Base, Kind, fields
from models import Municipality, Partner, Programme, Service, Unit
from seed import NotSeeded, read
from vocabulary import AuditAction

M = TypeVar("M", bound=Base)


class OtherMunicipality(NotSeeded):
    """The database belongs to another municipality."""


def load_profile(session: orm.Session, code: str) -> Municipality:
    """Load what the profile `code` says. Rows that stand already are left alone: a coordinator may have edited them.

    Raises:
        OtherMunicipality: the database already belongs to another one; an installation serves a single one.
    """
    profile = read(f"profiles/{code}.toml")
    _refuse_another(session, code)
    municipality = _put(session, Municipality, {"code": code}, _of_municipality(profile))
    for unit in profile["units"]:
        _put(session, Unit, {"code": unit["code"]}, unit | {"municipality_id": municipality.id})
    for service in _catalogue(profile):
        _put(session, Service, {"code": service["code"]}, service)
    for programme in read("programmes.toml")["programmes"]:
        _put(session, Programme, {"code": programme["code"]}, programme)
    for partner in read("partners.toml")["partners"]:
        _put(session, Partner, {"name": partner["name"]}, partner)
    audit.note(session, AuditAction.SYSTEM, task="seed profile", profile=code)
    return municipality


def _refuse_another(session: orm.Session, code: str) -> None:
    other = session.scalar(sa.select(Municipality).where(Municipality.code != code))
    if other is not None:
        raise OtherMunicipality(
            f"This database belongs to «{other}» ({other.code}), and an installation serves one municipality: "
            f"for {code}, set DATABASE_URL to a database of its own."
        )


def _of_municipality(profile: dict[str, Any]) -> dict[str, Any]:
    """The profile's tables as columns of the one row."""
    staff = dict(profile.get("staff", {}))
    if "specialties" in staff:
        staff["specialties"] = ", ".join(staff["specialties"])
    project = {f"project_{name}": value for name, value in profile.get("project", {}).items()}
    if "project_co_financing" in project:
        project["co_financing"] = project.pop("project_co_financing")
    return {**profile["municipality"], **project, **staff, "target_groups": profile.get("target_groups", ())}


def _catalogue(profile: dict[str, Any]) -> list[dict[str, Any]]:
    """The general list under the profile's wording.

    What the profile names is offered; on an axis of which it names no service, the whole axis is.
    """
    general = read("services.toml")
    named = {service["code"]: service for service in profile.get("services", ())}
    told = {service["axis"] for service in named.values()}
    rows = {service["code"]: service | {"is_offered": service["axis"] not in told} for service in general["services"]}
    for code, service in named.items():
        english = {"name_en": general["english"][code]} if code in general["english"] else {}
        rows[code] = rows.get(code, {}) | service | english | {"is_offered": True}
    return list(rows.values())


def _put(session: orm.Session, model: type[M], key: dict[str, Any], values: dict[str, Any]) -> M:
    """The row with this key, made of these values if there is none."""
    row = session.scalar(sa.select(model).filter_by(**key))
    if row is None:
        row = model(**{name: _typed(model, name, value) for name, value in values.items()})
        session.add(row)
        session.flush()
    return row


def _typed(model: type[Base], name: str, value: Any) -> Any:
    """A file's plain value as the column holds it: codes as members, in the list's order."""
    field = fields(model)[name]
    if field.kind == Kind.CODE:
        return next(code for code in field.codes if code.value == value)
    if field.kind == Kind.CODES:
        return tuple(code for code in field.codes if code.value in set(value))
    return value
