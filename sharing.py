"""Sharing by purpose: the few, narrow openings in the wall between units, each for one person and said parts.

Nothing here widens what a session shows. A reading goes through `policy.opened`, which takes the wall away for one
block, copies out what was granted, and leaves no row behind that the session could answer with later
(docs/decisions/0020-sharing.md).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy import orm

import audit
import policy
import search
from db import BadValue, Field, fields
from i18n import Label
from identifiers import N_
from models import (
    AccessGrant,
    Application,
    Beneficiary,
    CaseNote,
    Membership,
    NotAllowed,
    Programme,
    Referral,
    ReferralStep,
    Service,
    ServiceDelivery,
    User,
    now,
    today,
)
from vocabulary import AuditAction, Confidence, FilePart, GrantKind, GrantStatus

EMERGENCY_PARTS = (FilePart.CONTACT, FilePart.HEALTH)
EMERGENCY_LASTS = dt.timedelta(minutes=60)
EMERGENCIES_A_DAY = 5
NO_FILE = Label("Κανένας φάκελος δεν συμφωνεί.", "No file agrees.")

WHO = ("last_name", "first_name", "father_name", "born_on")
COLUMNS: dict[FilePart, tuple[str, ...]] = {
    FilePart.CONTACT: ("phone", "mobile", "email", "address", "postal_code", "area"),
    FilePart.HEALTH: ("disability", "disability_degree", "health_problem", "health_notes"),
}
"""The person's own columns in each part. Origin and protected groups are in none: they are asked of the person."""


@dataclass(frozen=True)
class SharedFile:
    """What was granted of a file, copied out of it: columns with their values, and rows of what hangs on it."""

    name: str
    values: dict[FilePart | None, list[tuple[Field, Any]]]
    """By part; those that tell who the person is under None."""
    services: Sequence[Any] | None = None
    applications: Sequence[Any] | None = None
    notes: Sequence[Any] | None = None


@dataclass(frozen=True)
class Received:
    """A referral as the unit sees it to which it was sent."""

    __tablename__: ClassVar[str] = "referral"
    id: int
    person_id: int
    last_name: str
    first_name: str
    reason: str
    status: Any
    sent_on: dt.date | None
    due_on: dt.date | None
    sent_by: str
    is_restricted: bool
    """The person's data are not to be used for now (Regulation 2016/679, article 18): there is a name, and no more."""

    @property
    def answers(self) -> tuple[Any, ...]:
        """What may be said of it next."""
        return tuple(state for state in Referral.moves[self.status] if state in Referral.answers)

    @property
    def person(self) -> str:
        """Who is referred."""
        return Beneficiary.called(self.last_name, self.first_name)

    def __str__(self) -> str:
        return f"{Referral.label} {self.id}"


# --- whom a request means ---------------------------------------------------------------------------------------------


def meant(session: orm.Session, grant: AccessGrant) -> list[Beneficiary]:
    """The people of other units whom a request names, as far as the session's reader sees them: for who decides.

    Any complete reference will do, since clerks type one of them wrong; the decision is a human's.
    """
    rows = sa.select(Beneficiary).where(sa.or_(*_references(grant)), Beneficiary.unit_id != grant.unit_id)
    return list(session.scalars(rows.order_by(Beneficiary.id)))


def _references(grant: AccessGrant) -> Iterator[sa.ColumnElement[bool]]:
    """The complete references of a request, each as a condition: equality, never a beginning or a sound."""
    if grant.amka:
        yield Beneficiary.amka == grant.amka
    if grant.registry_number and grant.of_unit_id:
        number = grant.registry_number.upper()
        yield (Beneficiary.registry_number == number) & (Beneficiary.unit_id == grant.of_unit_id)
    if grant.last_name and grant.first_name and grant.born_on:
        name = search.fold(f"{grant.last_name} {grant.first_name}")[:200]
        yield (Beneficiary.sort_key == name) & (Beneficiary.born_on == grant.born_on)


def check_emergencies(session: orm.Session) -> None:
    """An emergency opens at once, so references could be guessed by it: a few a day, found or not.

    Raises:
        BadValue: the reader has had today's.
    """
    asker = policy.scope_in(session).user_id
    # Those that are sent at once are counted one after the other.
    session.execute(sa.select(User.id).where(User.id == asker).with_for_update(key_share=True))
    recent = sa.select(sa.func.count(AccessGrant.id)).where(
        AccessGrant.kind == GrantKind.EMERGENCY,
        AccessGrant.asked_by_id == asker,
        AccessGrant.asked_at > now() - dt.timedelta(days=1),
    )
    if (session.scalar(recent) or 0) >= EMERGENCIES_A_DAY:
        raise BadValue(N_("You opened files in an emergency too often today. Call the coordinator."))


def open_in_emergency(session: orm.Session, grant: AccessGrant) -> bool:
    """Open contact and health of the one whom every reference of the row names, for an hour; whether there is one.

    Found or not, the act is in the trail under its own name, and its row on the overseers' first pages.
    """
    with policy.opened(session):
        named = sa.select(Beneficiary.id).where(*_references(grant), Beneficiary.unit_id != grant.unit_id)
        key = session.scalar(named.order_by(Beneficiary.registered_on.desc(), Beneficiary.id.desc()).limit(1))
        if key is not None:
            grant.grant(key, EMERGENCY_PARTS, now() + EMERGENCY_LASTS)
        else:
            grant.move_to(GrantStatus.REFUSED, today(), str(NO_FILE))
        session.flush()
    audit.note(session, AuditAction.EMERGENCY, grant, grant=grant.id, reason=grant.reason)
    return key is not None


# --- reading ----------------------------------------------------------------------------------------------------------


def file_of_grant(session: orm.Session, grant_id: int) -> SharedFile | None:
    """What the reader's own grant opens at this moment; None where it is another's, ended, withdrawn or not given.

    Every look is recorded, with the grant's number and the parts.

    Raises:
        BadValue: the person's data are restricted.
    """
    grant = session.get(AccessGrant, grant_id, populate_existing=True)
    if grant is None or grant.asked_by_id != policy.scope_in(session).user_id or not grant.is_running:
        return None
    assert grant.beneficiary_id is not None
    found = _read(session, grant.beneficiary_id, grant.parts)
    audit.note(session, AuditAction.VIEW, grant, grant=grant.id, parts=[part.value for part in grant.parts])
    return found


def file_of_referral(session: orm.Session, referral_id: int) -> tuple[Received, SharedFile] | None:
    """A running referral to the reader's unit, and how to reach the person; None where there is no such.

    Raises:
        BadValue: the person's data are restricted.
    """
    (sent,) = received(session, referral_id) or (None,)
    if sent is None:
        return None
    found = _read(session, sent.person_id, (FilePart.CONTACT,))
    audit.note(session, AuditAction.VIEW, sent, parts=[FilePart.CONTACT.value])  # type: ignore[arg-type]
    return sent, found


def _read(session: orm.Session, key: int, parts: Sequence[FilePart]) -> SharedFile:
    """Exactly these parts of exactly this person, of them what the reader's role sees of its own people."""
    scope = policy.scope_in(session)
    columns: dict[FilePart | None, list[str]] = {None: list(WHO)}
    columns |= {part: list(COLUMNS[part]) for part in parts if part in COLUMNS}
    known = fields(Beneficiary)
    seen = {part: [name for name in names if policy.sees(scope, known[name])] for part, names in columns.items()}
    asked = [getattr(Beneficiary, name) for names in seen.values() for name in names]
    with policy.opened(session):
        restricted_on = session.scalar(sa.select(Beneficiary.restricted_on).where(Beneficiary.id == key))
    if restricted_on:
        raise BadValue(policy.RESTRICTED)
    with policy.opened(session):
        row = session.execute(sa.select(*asked).where(Beneficiary.id == key)).one()._mapping
        return SharedFile(
            name=Beneficiary.called(row["last_name"], row["first_name"]),
            values={part: [(known[name], row[name]) for name in names] for part, names in seen.items()},
            services=_services(session, key) if FilePart.SERVICES in parts else None,
            applications=_applications(session, key) if FilePart.SERVICES in parts else None,
            notes=_notes(session, key, FilePart.HEALTH in parts) if FilePart.NOTES in parts else None,
        )


def _services(session: orm.Session, key: int) -> Sequence[Any]:
    query = sa.select(ServiceDelivery.on, Service.code, Service.name, Service.name_en).join(ServiceDelivery.service)
    rows = session.execute(query.where(ServiceDelivery.beneficiary_id == key).order_by(ServiceDelivery.on.desc()))
    return [(on, Service.called(*name)) for on, *name in rows]


def _applications(session: orm.Session, key: int) -> Sequence[Any]:
    query = sa.select(Application.opened_on, Application.status, Programme.name, Programme.name_en)
    rows = session.execute(
        query.join(Application.programme)
        .where(Application.beneficiary_id == key)
        .order_by(Application.opened_on.desc())
    )
    return [(on, status, Programme.called(*name)) for on, status, *name in rows]


def _notes(session: orm.Session, key: int, with_clinical: bool) -> Sequence[Any]:
    """Notes confided to a team or a unit; never those to the author alone, and clinical ones only along with health."""
    query = sa.select(CaseNote.on, User.full_name, CaseNote.body).join(CaseNote.author)
    query = query.where(CaseNote.beneficiary_id == key, CaseNote.confidence != Confidence.AUTHOR)
    if not with_clinical:
        query = query.where(CaseNote.is_clinical.is_(False))
    return list(session.execute(query.order_by(CaseNote.on.desc(), CaseNote.id.desc())))


# --- referrals between units ------------------------------------------------------------------------------------------


def received(session: orm.Session, key: int | None = None) -> list[Received]:
    """Referrals that were sent to the reader's units and are not closed, the soonest due first.

    Of a person whose data are restricted there is the name; of one made anonymous, nothing.
    """
    scope = policy.scope_in(session)
    if not policy.may(scope, "read", "referral_received") or not scope.unit_ids:
        return []
    columns = (
        Referral.id, Referral.beneficiary_id, Beneficiary.last_name, Beneficiary.first_name, Referral.reason,
        Referral.status, Referral.sent_on, Referral.due_on, User.full_name, Beneficiary.restricted_on.is_not(None),
    )  # fmt: skip
    query = (
        sa.select(*columns)
        .join(Referral.beneficiary)
        .join(Referral.staff)
        .where(Referral.to_unit_id.in_(scope.unit_ids), Referral.status.in_(Referral.running))
        .where(Beneficiary.erased_on.is_(None))
        .order_by(Referral.due_on.is_(None), Referral.due_on, Referral.id)
    )
    with policy.opened(session):
        rows = session.execute(query if key is None else query.where(Referral.id == key)).all()
    sent = [Received(*tuple(row)) for row in rows]
    return [replace(each, reason="") if each.is_restricted else each for each in sent]


def answered(session: orm.Session, sent: Received) -> Sequence[Any]:
    """What the receiving unit's own staff said of a referral: day, state, note, who; never the sender's own steps."""
    ours = sa.select(Membership.user_id).where(Membership.unit_id == Referral.to_unit_id).scalar_subquery()
    query = (
        sa.select(ReferralStep.on, ReferralStep.status, ReferralStep.note, User.full_name)
        .join(Referral, Referral.id == ReferralStep.referral_id)
        .join(ReferralStep.by)
        .where(Referral.id == sent.id, Referral.to_unit_id.in_(policy.scope_in(session).unit_ids))
        .where(ReferralStep.status.in_(Referral.answers), ReferralStep.by_id.in_(ours))
    )
    with policy.opened(session):
        return session.execute(query.order_by(ReferralStep.on, ReferralStep.id)).all()


def answer_referral(session: orm.Session, sent: Received, status: Any, on: dt.date, note: str | None = None) -> None:
    """Say how a received referral stands; written in the sender's unit, in the name of who says it.

    Raises:
        NotAllowed: that state is not the receiving unit's to say, or not from here.
        BadValue: the person's data are restricted.
    """
    now_sent = received(session, sent.id)
    if any(each.is_restricted for each in now_sent):
        raise BadValue(policy.RESTRICTED)
    if status not in Referral.answers or not now_sent:
        raise NotAllowed(N_("This change of state is not possible now."))
    by_id = policy.scope_in(session).user_id
    with policy.opened(session):
        session.get_one(Referral, sent.id).move_to(status, on, note, by_id)
        session.flush()
