"""The one file that knows roles and units: who may do what, which rows anyone sees, and the guard on every write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, lru_cache
from itertools import takewhile
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, orm
from sqlalchemy.sql import visitors

import models
import row_security
from db import BadValue, Base, Field, Kind, Sensitivity, fields, link_target
from identifiers import N_
from models import (
    AccessGrant,
    AuditAnswer,
    AuditEntry,
    AuditReview,
    Beneficiary,
    CaseNote,
    DataRequest,
    Household,
    HouseholdMember,
    PersonDecision,
    Scoped,
    ServiceDelivery,
    today,
)
from vocabulary import CHANGES, Answer, Confidence, Role

ACTIONS = {"r": "read", "c": "create", "e": "edit", "d": "delete", "m": "move", "x": "export"}

# r read · c create · e edit · d delete · m move (change of state) · x export · - nothing
TABLE = """
resource          reception caseworker mediator coordinator supervisor administrator
beneficiary       rce       rcex       rce      rcedx       r          -
person_decision   -         -          -        rcd         -          -
household         rce       rcex       rce      rcedx       r          -
household_member  rced      rcedx      rced     rcedx       r          -
visit             rce       rcedx      rce      rcedx       r          -
appointment       rcem      rcedmx     rcem     rcedmx      r          -
service           -         r          r        rcedx       r          -
service_delivery  -         rcedx      rce      rcedx       r          -
case_note         -         rce        rce      r           -          -
partner           r         r          r        rcedx       r          -
partner_contact   r         r          r        rcedx       r          -
referral          -         rcedmx     rcem     rcedmx      r          -
referral_received -         rm         rm       -           -          -
access_grant      -         rc         -        rm          r          -
referral_step     -         rcd        rc       rcd         r          -
programme         -         r          r        rcedx       r          -
application       -         rcedmx     r        rcedmx      r          -
application_step  -         rcd        r        rcd         r          -
volunteer         -         rce        rce      rcedx       r          -
volunteer_hours   -         rced       rced     rcedx       r          -
event             r         rce        rce      rcedx       r          -
event_attendance  r         rced       rced     rcedx       r          -
item              -         rce        r        rcedx       r          -
stock_movement    -         rce        r        rcedx       r          -
distribution      -         rcedx      rce      rcedx       r          -
data_request      rce       rce        rce      rcex        r          -
consent           r         rced       rced     rcedx       r          -
legal_hold        -         r          -        rced        r          -
rights            -         -          -        rdmx        -          -
erasure           -         -          -        r           r          -
municipality      -         -          -        re          r          re
unit              -         -          -        r           r          rce
user              -         -          -        -           -          rce
second_factor     -         -          -        -           -          d
membership        -         -          -        -           -          rcd
audit_entry       -         -          -        -           rx         -
audit_review      -         -          -        -           rce        -
audit_answer      rce       rce        rce      rce         rce        rce
audit_finding     -         -          -        -           rcx        -
audit_sample      -         -          -        -           rc         -
supervision       -         -          -        r           -          -
report            -         -          -        rx          -          -
"""

SEES: dict[Sensitivity, frozenset[Role]] = {
    Sensitivity.OPEN: frozenset(Role),
    Sensitivity.RESTRICTED: frozenset({Role.CASEWORKER, Role.MEDIATOR, Role.COORDINATOR}),
    Sensitivity.SPECIAL: frozenset({Role.CASEWORKER, Role.MEDIATOR, Role.COORDINATOR}),
    Sensitivity.CLINICAL: frozenset({Role.CASEWORKER, Role.COORDINATOR}),
    Sensitivity.CONFIDED: frozenset({Role.CASEWORKER, Role.MEDIATOR, Role.COORDINATOR}),
}

SETS: dict[tuple[str, str], frozenset[Role]] = {
    # Whoever is a person's caseworker reads what is confided to the treating team.
    ("beneficiary", "caseworker_id"): frozenset({Role.CASEWORKER, Role.COORDINATOR}),
    # Naming the person opens the file: whoever asks cannot do it, but for sharing.open_in_emergency.
    ("access_grant", "beneficiary_id"): frozenset({Role.COORDINATOR}),
    ("beneficiary", "restricted_on"): frozenset({Role.COORDINATOR}),
    ("beneficiary", "erased_on"): frozenset(),
    # Who notes a request does not answer it, or it would never reach who does (docs/decisions/0024).
    ("data_request", "is_extended"): frozenset({Role.COORDINATOR}),
    ("data_request", "answered_on"): frozenset({Role.COORDINATOR}),
    ("data_request", "outcome"): frozenset({Role.COORDINATOR}),
}

HOME: dict[Role, tuple[str, ...]] = {
    Role.RECEPTION: ("asked_of_me", "appointments", "visits"),
    Role.CASEWORKER: (
        "asked_of_me", "my_appointments", "received", "my_files", "late_referrals", "open_referrals",
        "unclosed_appointments", "my_permits", "my_renewals",
    ),
    Role.MEDIATOR: (
        "asked_of_me", "appointments", "received", "late_referrals", "field_visits", "open_referrals", "unit_permits",
        "unit_renewals",
    ),
    Role.COORDINATOR: ("asked_of_me", "emergencies", "asked_files", "data_requests", "today", "month"),
    Role.SUPERVISOR: (
        "asked_of_me", "findings", "emergencies", "questions", "answers", "sample", "unreviewed", "refusals",
        "failed_signins",
    ),
    Role.ADMINISTRATOR: ("asked_of_me", "users", "staff", "never_signed_in", "first_passwords", "suspended"),
}  # fmt: skip
"""What the first page shows a role, in this order, empty lists last; admin_views/home/ says what each part is."""

ACCOUNTS = frozenset({"user", "membership"})
"""The tables that say who may do what, where: while one of them changes, nobody acts."""

EVERY_UNIT = frozenset({Role.COORDINATOR, Role.SUPERVISOR})
SECOND_FACTOR = EVERY_UNIT | {Role.ADMINISTRATOR}
"""Whose password alone would open too much; others may have a second factor."""


def _permissions() -> dict[tuple[str, str], frozenset[Role]]:
    head, *lines = TABLE.strip().splitlines()
    roles = [Role[name.upper()] for name in head.split()[1:]]
    granted: dict[tuple[str, str], set[Role]] = {}
    for line in lines:
        resource, *cells = line.split()
        for role, letters in zip(roles, cells, strict=True):
            for letter in letters.strip("-"):
                granted.setdefault((resource, ACTIONS[letter]), set()).add(role)
    return {key: frozenset(holders) for key, holders in granted.items()}


PERMISSIONS = _permissions()
OVERSEERS = PERMISSIONS["audit_entry", "read"]
"""Who reads the trail, and whose own acts another role watches."""
STAFF = PERMISSIONS["visit", "create"]
"""Who receives and serves people, and may stand on a record as its member of staff."""


class Refused(Exception):
    """An act outside the actor's role or units. Pages answer as if the thing did not exist."""


@dataclass(frozen=True)
class Scope:
    """Who acts, and on which units' rows; made once per request, or for a command."""

    user_id: int | None = None
    name: str | None = None
    role: Role | None = None
    unit_ids: tuple[int, ...] = ()
    unit_names: tuple[str, ...] = field(default=(), compare=False)
    session_ref: str | None = None
    request_id: str | None = None
    ip: str | None = None
    is_system: bool = False

    @property
    def is_authenticated(self) -> bool:
        """Somebody has signed in."""
        return self.user_id is not None

    @cached_property
    def short_unit_names(self) -> dict[int, str]:
        """The units' names without the words that all of them end with («… Δήμου Δράμας»)."""
        names = [name.split() for name in self.unit_names]
        same = len(list(takewhile(lambda words: len(set(words)) == 1, zip(*map(reversed, names), strict=False))))
        cut = same if len(names) > 1 and all(len(name) > same for name in names) else 0
        return {key: " ".join(name[: len(name) - cut]) for key, name in zip(self.unit_ids, names, strict=True)}

    @property
    def role_label(self) -> str:
        """The role's name for the reader."""
        return str(self.role) if self.role else ""


NOBODY = Scope()
SYSTEM = Scope(name="Kentro", is_system=True)


def scope_of(user: models.User, **context: Any) -> Scope:
    """The scope of a user who signed in."""
    units = tuple(_units(user))
    return Scope(
        user_id=user.id,
        name=user.full_name,
        role=user.role,
        unit_ids=tuple(unit.id for unit in units),
        unit_names=tuple(unit.name for unit in units),
        **context,
    )


def _units(user: models.User) -> Iterable[models.Unit]:
    session = orm.object_session(user)
    mine = sa.select(models.Unit).join(models.User, units_of_user()).where(models.User.id == user.id)
    return session.scalars(mine.order_by(models.Unit.id)) if session else ()


def units_of_user() -> sa.ColumnElement[bool]:
    """Joins users to their units; whoever works in no unit sees none, but for the roles that see all."""
    given = sa.select(models.Membership.unit_id).where(models.Membership.user_id == models.User.id)
    return models.User.role.in_(EVERY_UNIT) | models.Unit.id.in_(given)


def bind(session: orm.Session, scope: Scope) -> None:
    """From here on the session shows and takes only what the scope allows."""
    session.info.update(scope=scope, criteria=_criteria(scope.user_id, scope.role, scope.unit_ids))
    row_security.show(session, _units_named(scope))


@contextmanager
def opened(session: orm.Session) -> Iterator[None]:
    """The wall taken away for a block, for the few modules that copy out what is somebody's to know.

    What waited is written before, under its own scope; nothing stays loaded.
    """
    asked = scope_in(session)
    session.flush()
    known = set(session)
    bind(session, replace(asked, is_system=True))
    try:
        with session.no_autoflush:
            yield
    except BaseException:
        session.rollback()
        raise
    finally:
        for row in set(session) - known:
            session.expunge(row)
        bind(session, asked)


def _units_named(scope: Scope) -> str:
    """What the second wall is told of the scope (row_security.py)."""
    if scope.is_system or scope.role in EVERY_UNIT:
        return row_security.EVERY_UNIT
    return ",".join(map(str, scope.unit_ids)) or (
        row_security.NO_UNIT if scope.is_authenticated else row_security.NOTHING
    )


def scope_in(session: orm.Session) -> Scope:
    """The session's scope; nobody's, until somebody's is bound."""
    return session.info.get("scope", NOBODY)  # type: ignore[no-any-return]


def may(scope: Scope, action: str, resource: str) -> bool:
    """The role may do this kind of act to this kind of thing; which rows, the session decides."""
    return scope.is_system or scope.role in PERMISSIONS.get((resource, action), ())


def home_of(scope: Scope) -> tuple[str, ...]:
    """The parts of the reader's first page."""
    return HOME[scope.role] if scope.role else ()


def sets(scope: Scope, resource: str, column: str) -> bool:
    """The role may fill in this column; seeing it is another matter."""
    return scope.is_system or (resource, column) not in SETS or scope.role in SETS[resource, column]


def may_touch(scope: Scope, row: Base) -> bool:
    """A note, and an answer to the supervisor, speaks with its author's voice: nobody else changes or removes it.

    What a person was answered is changed by who answers.
    """
    if isinstance(row, AuditAnswer):
        return scope.is_system or row.by_id == scope.user_id
    if isinstance(row, DataRequest):
        return row.answered_on is None or sets(scope, row.__tablename__, "answered_on")
    return scope.is_system or not isinstance(row, CaseNote) or row.author_id == scope.user_id


def works_in_units(role: Role) -> bool:
    """The role sees the units that it is given, and without any, nothing."""
    return role in STAFF and role not in EVERY_UNIT


def sees(scope: Scope, column: Field) -> bool:
    """The role sees this column, in lists, forms, filters, exports and the trail alike."""
    return scope.is_system or scope.role in SEES[column.sensitivity]


RESTRICTED = N_("The processing of this person's data is restricted (art. 18): ask the coordinator.")


def keeps_rights(scope: Scope) -> bool:
    """Restricts, copies and erases; nobody else works with what is restricted (Regulation 2016/679, article 18)."""
    return may(scope, "move", "rights")


def in_use(scope: Scope) -> sa.ColumnElement[bool]:
    """The people whose data this reader may look through; of those restricted, lists have name and number alone."""
    return sa.true() if keeps_rights(scope) else Beneficiary.restricted_on.is_(None)


@cache
def hidden_from(role: Role | None, model: type[Base]) -> frozenset[str]:
    """The columns of a table that the role does not see."""
    return frozenset(name for name, column in fields(model).items() if role not in SEES[column.sensitivity])


# --- rows: what a session shows ---------------------------------------------------------------------------------------


@event.listens_for(orm.Session, "do_orm_execute")
def _narrow(state: orm.ORMExecuteState) -> None:
    scope = scope_in(state.session)
    if scope.is_system or state.is_column_load:
        return
    if state.is_orm_statement and state.is_select and not state.is_from_statement:
        state.statement = state.statement.options(*state.session.info.get("criteria", NOTHING_IN_SIGHT))
    elif state.is_insert or state.is_update or state.is_delete:
        raise Refused("a bulk write")
    else:
        _refuse_what_cannot_be_narrowed(state.statement)


@lru_cache(256)
def _criteria(
    user_id: int | None, role: Role | None, unit_ids: tuple[int, ...]
) -> tuple[orm.LoaderCriteriaOption, ...]:
    """What every query is narrowed by; built once for each kind of reader, for queries are many."""
    scope = Scope(user_id=user_id, role=role, unit_ids=unit_ids)
    # Of every unit is all rows: said as a condition, it would keep databases from reading them in order.
    own = _narrowed(Scoped, lambda row: row.unit_id.in_(unit_ids))
    tests = ((table, rule(scope)) for table, rule in OWN_RULES.items())
    own_rules = (_narrowed(table, test) for table, test in tests if test is not sa.true())
    narrowed = ((own, role not in EVERY_UNIT), (RESTING, not keeps_rights(scope)))
    return (*(option for option, is_needed in narrowed if is_needed), *own_rules)


def _narrowed(table: type[Any], test: Any) -> orm.LoaderCriteriaOption:
    """The table's rows, under every name. What a row leads to is narrowed by what is carried on with it where it is
    loaded in one query (joined loading), so this is carried on, and a query of its own is narrowed twice."""
    # As a function: an expression would be gone through again for every query, to find its cached SQL.
    rule = test if callable(test) else lambda _row: test
    return orm.with_loader_criteria(table, rule, include_aliases=True, propagate_to_loaders=True)


def _of_nobody_restricted(row: Any) -> sa.ColumnElement[bool]:
    """What is restricted is kept, and nobody works with it."""
    restricted = sa.select(Beneficiary.id).where(Beneficiary.restricted_on.is_not(None)).correlate(None)
    return row.beneficiary_id.is_(None) | row.beneficiary_id.not_in(restricted)  # type: ignore[no-any-return]


RESTING = _narrowed(models.Rests, _of_nobody_restricted)


def _refuse_what_cannot_be_narrowed(statement: Any) -> None:
    """Core statements, raw SQL and bulk writes pass by the criteria, the guard and the trail."""
    narrowed = {str(m.local_table) for m in Base.registry.mappers if issubclass(m.class_, NARROWED)}
    for part in visitors.iterate(statement):
        if isinstance(part, sa.TextClause) or (isinstance(part, sa.TableClause) and part.name in narrowed):
            raise Refused("a statement that cannot be narrowed")


def _trail_in_sight(scope: Scope) -> sa.ColumnElement[bool]:
    """Supervisors read the whole trail; others, on history tabs, changes in their units and of shared records."""
    if may(scope, "read", "audit_entry"):
        return sa.true()
    # A decision on two records is of no unit, and tells of both what neither's unit may know.
    is_shared = AuditEntry.subject_type.is_distinct_from(PersonDecision.__tablename__)
    about = is_shared | _of_whole_house(scope, PersonDecision.__tablename__)
    shared = AuditEntry.unit_id.is_(None) & AuditEntry.action.in_(CHANGES) & about
    # Who watches the watchers: what supervisors did is for the coordinator (docs/decisions/0023).
    watched = AuditEntry.actor_role.in_(OVERSEERS) if may(scope, "read", "supervision") else sa.false()
    return AuditEntry.unit_id.in_(scope.unit_ids) | shared | watched if scope.is_authenticated else sa.false()


def _said_to(scope: Scope) -> sa.ColumnElement[bool]:
    """Marks on entries are the supervisors' own; others learn only what they are asked themselves."""
    return sa.true() if may(scope, "read", "audit_review") else AuditReview.asked_id == scope.user_id


def _answered_by(scope: Scope) -> sa.ColumnElement[bool]:
    """Explanations are read by who asked for them and by who gave them."""
    return sa.true() if may(scope, "read", "audit_review") else AuditAnswer.by_id == scope.user_id


def _of_whole_house(scope: Scope, resource: str) -> sa.ColumnElement[bool]:
    """Rows that belong to no unit and are only for whom the table is open to."""
    return sa.true() if may(scope, "read", resource) else sa.false()


def _asked_or_overseen(scope: Scope) -> sa.ColumnElement[bool]:
    """Leave to read a file is personal, as secrecy is: the asker's own rows, and all for those who oversee them."""
    if scope.role in EVERY_UNIT:
        return sa.true()
    return AccessGrant.asked_by_id == scope.user_id if may(scope, "read", "access_grant") else sa.false()


def _confided_to(scope: Scope) -> sa.ColumnElement[bool]:
    """Notes confided to the reader (professional secrecy, ΠΔ 23/1992 article 6)."""
    if not may(scope, "read", "case_note"):
        return sa.false()
    mine = CaseNote.author_id == scope.user_id
    if scope.role == Role.COORDINATOR:
        return mine | (CaseNote.confidence != Confidence.AUTHOR)
    # Not EXISTS: in a query that also joins these tables it would take the query's rows for its own.
    given = sa.select(ServiceDelivery.beneficiary_id).where(ServiceDelivery.staff_id == scope.user_id).correlate(None)
    kept = sa.select(Beneficiary.id).where(Beneficiary.caseworker_id == scope.user_id).correlate(None)
    treating = CaseNote.beneficiary_id.in_(given) | CaseNote.beneficiary_id.in_(kept)
    confided = mine | (CaseNote.confidence == Confidence.UNIT) | ((CaseNote.confidence == Confidence.TEAM) & treating)
    return confided if scope.role == Role.CASEWORKER else confided & ~CaseNote.is_clinical


def _decisions_in_sight(scope: Scope) -> sa.ColumnElement[bool]:
    """Decisions on two records belong to no unit."""
    return _of_whole_house(scope, PersonDecision.__tablename__)


def _with_somebody_in_use(scope: Scope) -> sa.ColumnElement[bool]:
    """A household bears a family's name and address: it rests with the last of its members."""
    if keeps_rights(scope):
        return sa.true()
    # Tables, not entities: within them, memberships that rest would be out of sight.
    place, person = HouseholdMember.__table__, Beneficiary.__table__
    of = sa.select(place.c.household_id).join(person, person.c.id == place.c.beneficiary_id)
    rests, lives = (of.where(test) for test in (person.c.restricted_on.is_not(None), person.c.restricted_on.is_(None)))
    return Household.id.not_in(rests) | Household.id.in_(lives)


OWN_RULES: dict[type[Base], Callable[[Scope], sa.ColumnElement[bool]]] = {
    AuditEntry: _trail_in_sight,
    CaseNote: _confided_to,
    AccessGrant: _asked_or_overseen,
    AuditReview: _said_to,
    AuditAnswer: _answered_by,
    PersonDecision: _decisions_in_sight,
    Household: _with_somebody_in_use,
}
"""What narrows a table beside its unit, or in its place."""
NARROWED: tuple[type[Any], ...] = (Scoped, *OWN_RULES)
NOTHING_IN_SIGHT = _criteria(None, None, ())


def rows(session: orm.Session, table: type[Base], columns: sa.Select[Any]) -> Iterable[Any]:
    """Columns of one table. Tables that nothing narrows are read past the session, at half the cost."""
    asked = session if issubclass(table, NARROWED) else session.connection()
    return asked.execute(columns)


# --- rows: what a session takes ---------------------------------------------------------------------------------------


@event.listens_for(orm.Session, "before_flush")
def _guard(session: orm.Session, context: object, instances: object) -> None:
    scope = scope_in(session)
    for row in session.new:
        _stamp(row, scope)
        _check(session, scope, row, "create")
    for row in session.dirty:
        if changed(row):
            _stamp(row, scope)
            _check(session, scope, row, "edit")
    for row in session.deleted:
        _check(session, scope, row, "delete")


UNGUARDED = ("user_session", "submission", "person_token")


def _check(session: orm.Session, scope: Scope, row: Base, action: str) -> None:
    resource = row.__tablename__
    if scope.is_system or resource in UNGUARDED or _own_account(scope, row, action):
        return
    if not may(scope, action, resource) and not _is_move(scope, row, action):
        raise Refused(f"{action} {resource}")
    if not may_touch(scope, row) and (action != "create" or isinstance(row, AuditAnswer)):
        raise Refused(f"{action} somebody else's {resource}")
    if not all(sets(scope, resource, column) for column in changed(row)):
        raise Refused(f"{action} {resource}")
    if isinstance(row, Scoped):
        _check_unit(session, scope, row)


def _is_move(scope: Scope, row: Base, action: str) -> bool:
    """Who may not edit a row may still change its state, with what goes along, and take back the step they made."""
    if isinstance(row, models.Step):
        return action == "delete" and row.by_id == scope.user_id and may(scope, "create", row.__tablename__)
    return action == "edit" and "status" in changed(row) and may(scope, "move", row.__tablename__)


def _own_account(scope: Scope, row: Base, action: str) -> bool:
    """Everybody keeps their own password, language and second factor, and no more of their account than that."""
    if isinstance(row, models.SecondFactor):
        return row.user_id == scope.user_id
    return (
        isinstance(row, models.User)
        and action == "edit"
        and row.id == scope.user_id
        and changed(row) <= {"password_hash", "password_changed_at", "password_given_at", "language"}
    )


def changed(row: Base) -> set[str]:
    """Names of the attributes of a row that differ from what the database holds."""
    state: Any = sa.inspect(row)
    return {key for key in state.committed_state if state.attrs[key].history.has_changes()}


def _check_unit(session: orm.Session, scope: Scope, row: Any) -> None:
    state, unit = sa.inspect(row), _pending(row, "unit_id")
    # A row never changes its unit, not even by the hand of somebody who sees both.
    moved = state.persistent and (unit is not None or state.attrs.unit_id.history.has_changes())
    if moved or (unit.id if unit else row.unit_id) not in scope.unit_ids:
        raise Refused(f"unit of {row.__tablename__}")
    for name, column in fields(type(row)).items():
        if (
            column.kind == Kind.LINK
            and name != "unit_id"
            and issubclass(target := link_target(type(row), name), Scoped)
        ):
            _check_link(session, row, name, target)


def _check_link(session: orm.Session, row: Any, name: str, target: type[Base]) -> None:
    """A row may point only at what its writer sees, in the same unit as itself."""
    found, key = _pending(row, name), getattr(row, name)
    if found is None and key is None:
        return
    found = found or session.get(target, key)
    if found is None:
        raise Refused(f"{target.__name__} of {row.__tablename__}")
    if found.unit_id != row.unit_id:
        raise BadValue(N_("Choose one of the same unit."), name)


def _pending(row: Any, name: str) -> Any:
    """The row that a link was set to as an object: its number reaches the link's own column only in the flush."""
    relationship = sa.inspect(row).attrs.get(name.removesuffix("_id"))
    return next(iter(relationship.history.added or ()), None) if relationship is not None else None


def _stamp(row: Base, scope: Scope) -> None:
    """Note who wrote and who asked, where the form does not say."""
    for name in ("author_id", "by_id", "asked_by_id"):
        if hasattr(row, name) and getattr(row, name) is None:
            setattr(row, name, scope.user_id)
    for name in fields(type(row)):
        if name.endswith("_asked_by_id"):
            _stamp_answer(row, name.removesuffix("_asked_by_id"), scope)


def _stamp_answer(row: Any, question: str, scope: Scope) -> None:
    """A changed answer is a new asking; a question not asked has neither day nor asker."""
    attributes, on = sa.inspect(row).attrs, f"{question}_asked_on"
    if not attributes[question].history.has_changes():
        return
    asked = getattr(row, question) not in (None, Answer.NOT_ASKED)
    said = getattr(row, on) if attributes[on].history.has_changes() else None
    setattr(row, on, (said or today()) if asked else None)
    setattr(row, f"{question}_asked_by_id", scope.user_id if asked else None)
