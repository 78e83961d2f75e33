"""The append-only trail: a recorder that writes every change in its own transaction, a chain of hashes, and a verifier.

Each entry's digest is SHA-256 over its salt and content; its chain value is SHA-256 over the chain value before and the
digest, so that a content can one day be erased lawfully and the chain still be verified.
"""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from flask import current_app
from sqlalchemy import event, orm

from db import Base, Field, Kind, Record, Sensitivity, begin_write, db, fields, link_target
from i18n import _
from identifiers import N_
from models import GUARDS, AuditEntry, AuditHead, AuditReview, Staged, Step, now
from policy import Scope, scope_in
from vocabulary import AuditAction

GENESIS = "0" * 64
PROTECTED = "hmac:"
CONTENT = (
    "seq", "at", "actor_id", "actor_name", "actor_role", "unit_id", "unit_name", "action", "subject_type", "subject_id",
    "subject_label", "person_id", "changes", "details", "session_ref", "request_id", "ip",
)  # fmt: skip


class Unrecorded(RuntimeError):
    """The trail could not be written: what was to be recorded does not happen."""


# --- recording --------------------------------------------------------------------------------------------------------


def note(session: orm.Session, action: AuditAction, subject: Base | None = None, /, **details: Any) -> None:
    """Record an act that changes no row (a view, a search, an export, a sign-in, a refusal) at the request's end."""
    session.info.setdefault("acts", []).append(_entry(scope_in(session), action, subject, details=details))


def commit(session: orm.Session) -> None:
    """The one commit: changes, their entries and the acts, all or nothing.

    Raises:
        Unrecorded: nothing was kept, and nothing may be answered but that.
    """
    acts = session.info.pop("acts", [])
    try:
        if acts:
            _make_writer(session)
            _append(session, acts)
        session.commit()
    except sa.exc.SQLAlchemyError as error:
        session.rollback()
        raise _unrecorded(error) from None
    except BaseException:
        session.rollback()
        raise


def _unrecorded(error: sa.exc.SQLAlchemyError) -> Unrecorded:
    """The failure without the statement and its values, which do not belong in a technical log."""
    reason = getattr(error, "orig", None) or error
    told = getattr(getattr(reason, "diag", None), "message_primary", None) or str(reason)
    return Unrecorded(f"The trail could not be written ({type(reason).__name__}: {told}).")


def _make_writer(session: orm.Session) -> None:
    """On SQLite a transaction that began as a reader cannot be sure of becoming a writer, so a new one is begun."""
    session.flush()
    if not session.connection().get_execution_options().get("immediate"):
        session.commit()
        begin_write()


@event.listens_for(orm.Session, "after_flush")
def _notice_changes(session: orm.Session, context: object) -> None:
    """Old values are known only now; names of linked rows only when the flush is over."""
    seen = session.info.setdefault("changes", [])
    for row in sorted(filter(_is_recorded, session.new), key=lambda row: row.id):
        seen.append((AuditAction.CREATE, row, _changes(row, created=True), None))
    for row in filter(_is_recorded, session.dirty):
        if changes := _changes(row):
            seen.append((_verb(changes, row), row, changes, None))
    for row in filter(_is_recorded, session.deleted):
        seen.append((AuditAction.DELETE, row, _changes(row, deleted=True), str(row)))


@event.listens_for(orm.Session, "after_flush_postexec")
def _record_changes(session: orm.Session, context: object) -> None:
    changes, scope = session.info.pop("changes", []), scope_in(session)
    entries = [
        _entry(scope, action, row, label, changes=_named(session, row, pairs), details=_step_note(row, pairs))
        for action, row, pairs, label in changes
    ]
    if entries and not session.info.get("bulk"):
        _append(session, entries)


@event.listens_for(orm.Session, "after_soft_rollback")
def _forget_changes(session: orm.Session, previous: object) -> None:
    session.info.pop("changes", None)


def _named(session: orm.Session, row: Base, pairs: dict[str, Any]) -> dict[str, Any]:
    """The pairs with the names of linked rows beside their numbers."""
    for name, field in fields(type(row)).items():
        if name in pairs and field.kind == Kind.LINK and field.sensitivity == Sensitivity.OPEN:
            target = link_target(type(row), name)
            pairs[name] = [key and [key, str(session.get(target, key) or "")] for key in pairs[name]]
    return pairs


def _is_recorded(row: Any) -> bool:
    return isinstance(row, Record) and not isinstance(row, Step)


def _verb(changes: dict[str, Any], row: Base) -> AuditAction:
    return AuditAction.STATUS if isinstance(row, Staged) and "status" in changes else AuditAction.UPDATE


def _step_note(row: Any, changes: dict[str, Any]) -> dict[str, Any]:
    if "status" not in changes or not getattr(row, "step_class", None) or not row.steps:
        return {}
    return {"on": row.steps[-1].on.isoformat()} | ({"note": row.steps[-1].note} if row.steps[-1].note else {})


def _changes(row: Any, *, created: bool = False, deleted: bool = False) -> dict[str, Any]:
    """Old and new value per declared field, [None, new] for a new row and [old, None] for a deleted one."""
    found = {}
    for name, field in fields(type(row)).items():
        history = sa.inspect(row).attrs[name].history
        if created or deleted:
            value = _plain(field, getattr(row, name))
            pair = [None, value] if created else [value, None]
        elif history.has_changes():
            old = history.deleted[0] if history.deleted else None
            pair = [_plain(field, old), _plain(field, getattr(row, name))]
        else:
            continue
        if pair[0] != pair[1]:
            found[name] = pair
    if "password_hash" in sa.inspect(row).attrs and sa.inspect(row).attrs.password_hash.history.has_changes():
        found["password"] = [None, None]
    return found


def _plain(field: Field, value: Any) -> Any:
    """A value as the trail keeps it; protected ones only as a keyed hash, which shows that they changed."""
    if value is None or value == ():
        return None
    if field.sensitivity != Sensitivity.OPEN:
        return PROTECTED + keyed_hash(json.dumps(_scalar(value), ensure_ascii=False))[:16]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (tuple, list)):
        return [_scalar(part) for part in value]
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def keyed_hash(text: str) -> str:
    """HMAC-SHA-256 under the installation's own key."""
    return hmac.new(current_app.config["SECRET_KEY"].encode(), text.encode(), hashlib.sha256).hexdigest()


def _entry(
    scope: Scope,
    action: AuditAction,
    subject: Any,
    label: str | None = None,
    *,
    changes: Any = None,
    details: Any = None,
) -> dict[str, Any]:
    unit_id = getattr(subject, "unit_id", None)
    if unit_id is None and len(scope.unit_ids) == 1:
        unit_id = scope.unit_ids[0]
    details = dict(details or {})
    subject_type, subject_label = details.pop("subject_type", None), details.pop("subject_label", None)
    names = dict(zip(scope.unit_ids, scope.unit_names, strict=True))
    return {
        "at": now(),
        "actor_id": scope.user_id,
        "actor_name": scope.name,
        "actor_role": scope.role,
        "unit_id": unit_id,
        "unit_name": names.get(unit_id) if unit_id is not None else None,
        "action": action,
        "subject_type": subject.__tablename__ if subject is not None else subject_type,
        "subject_id": getattr(subject, "id", None),
        "subject_label": (label or str(subject))[:300] if subject is not None else subject_label,
        "person_id": getattr(subject, "person_id", None),
        "changes": json.dumps(changes, ensure_ascii=False) if changes else None,
        "details": json.dumps(details, ensure_ascii=False) if details else None,
        "session_ref": scope.session_ref,
        "request_id": scope.request_id,
        "ip": scope.ip,
    }


# --- the chain --------------------------------------------------------------------------------------------------------


def _append(session: orm.Session, entries: list[dict[str, Any]]) -> None:
    try:
        _lengthen(session.connection(), entries)
    except sa.exc.SQLAlchemyError as error:
        raise _unrecorded(error) from None


def _lengthen(connection: sa.Connection, entries: list[dict[str, Any]]) -> None:
    head = connection.execute(sa.select(AuditHead.seq, AuditHead.chain).with_for_update()).one_or_none()
    if head is None:
        connection.execute(sa.insert(AuditHead).values(id=1, seq=0, chain=GENESIS))
    seq, chain = head or (0, GENESIS)
    for entry in entries:
        seq += 1
        entry["seq"], entry["salt"] = seq, secrets.token_hex(16)
        entry["digest"] = digest(entry)
        chain = entry["chain"] = link(chain, entry["digest"])
    connection.execute(sa.insert(AuditEntry), entries)
    connection.execute(sa.update(AuditHead).values(seq=seq, chain=chain))


def digest(entry: dict[str, Any]) -> str:
    """SHA-256 over the salt and the content of an entry."""
    content = json.dumps([_scalar(entry[name]) for name in CONTENT], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(f"{entry['salt']}|{content}".encode()).hexdigest()


def link(chain: str, entry_digest: str) -> str:
    """The chain's next value."""
    return hashlib.sha256(f"{chain}|{entry_digest}".encode()).hexdigest()


def verify(connection: sa.Connection, anchor: tuple[int, str] | None = None) -> Iterator[str]:
    """Walk the whole trail and tell every entry that is missing, moved or not what it was.

    Whoever rewrites the database itself can make the chain anew from some entry on. That shows only against an
    `anchor`: number and chain value of an entry (`head`), noted earlier and kept elsewhere.
    """
    chain, expected, anchored = GENESIS, 1, None
    rows = connection.execution_options(yield_per=2000).execute(
        sa.select(AuditEntry.__table__).order_by(AuditEntry.seq)
    )
    for row in rows.mappings():
        if row["seq"] != expected:
            yield f"entry {expected}: missing (next is {row['seq']})"
        if digest(dict(row)) != row["digest"]:
            yield f"entry {row['seq']}: its content was changed"
        if link(chain, row["digest"]) != row["chain"]:
            yield f"entry {row['seq']}: the chain is broken"
        chain, expected = row["chain"], row["seq"] + 1
        anchored = chain if anchor and row["seq"] == anchor[0] else anchored
    if head(connection) != (expected - 1, chain):
        yield f"entry {expected - 1}: the end of the trail was cut or changed"
    if anchor and anchored != anchor[1]:
        yield f"entry {anchor[0]}: it or one before it is not what it was when it was noted"
    for name in sorted(_guards(connection)):
        yield f"after entry {expected - 1}: the trigger {name} is gone, the database no longer guards the trail"


def _guards(connection: sa.Connection) -> set[str]:
    """Triggers that should guard the trail (models.GUARDS) and do not."""
    dialect = connection.dialect.name
    wanted = {name for statement in GUARDS[dialect] for name in re.findall(r"CREATE TRIGGER (\w+)", statement)}
    return wanted - set(connection.scalars(sa.text(TRIGGERS[dialect])))


TRIGGERS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_entry'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE tgrelid = 'audit_entry'::regclass AND tgenabled <> 'D'",
}


def head(connection: sa.Connection) -> tuple[int, str]:
    """Number and chain value of the last entry: the anchor to note and keep off the machine."""
    found = connection.execute(sa.select(AuditHead.seq, AuditHead.chain)).one_or_none()
    return (found.seq, found.chain) if found else (0, GENESIS)


# --- reading ----------------------------------------------------------------------------------------------------------


def history(session: orm.Session, row: Any, limit: int = 200) -> list[AuditEntry]:
    """The changes of one record, newest first."""
    writes = (AuditAction.CREATE, AuditAction.UPDATE, AuditAction.DELETE, AuditAction.STATUS)
    return list(
        session.scalars(
            sa.select(AuditEntry)
            .where(AuditEntry.subject_type == row.__tablename__, AuditEntry.subject_id == row.id)
            .where(AuditEntry.action.in_(writes))
            .order_by(AuditEntry.seq.desc())
            .limit(limit)
        )
    )


def values_before(session: orm.Session, row: Any, version: int | None) -> dict[str, Any]:
    """What the fields that changed since `version` of the row held then, as the trail keeps it."""
    newest = history(session, row, max(row.version - (version or row.version), 0))
    found: dict[str, Any] = {}
    for entry in newest:
        found |= {name: old for name, (old, _new) in changes_of(entry).items()}
    return found


def is_kept_as(field: Field, value: Any, kept: Any) -> bool:
    """Whether a value is the one that the trail keeps so."""
    return bool(_plain(field, value) == (kept[0] if field.kind == Kind.LINK and kept else kept))


def reviews(session: orm.Session, seqs: Iterable[int]) -> dict[int, AuditReview]:
    """The newest review of each of these entries."""
    found = session.scalars(
        sa.select(AuditReview).where(AuditReview.entry_seq.in_(list(seqs))).order_by(AuditReview.id)
    )
    return {review.entry_seq: review for review in found}


def sentence(entry: AuditEntry) -> str:
    """What happened, in one sentence of the reader's language."""
    who = entry.actor_name or _("Somebody unknown")
    what = _subject(entry)
    match entry.action:
        case AuditAction.CREATE:
            return _("%(who)s created: %(what)s", who=who, what=what)
        case AuditAction.UPDATE:
            return _("%(who)s changed: %(what)s", who=who, what=what)
        case AuditAction.DELETE:
            return _("%(who)s deleted: %(what)s", who=who, what=what)
        case AuditAction.STATUS:
            return _("%(who)s changed the state of: %(what)s", who=who, what=what)
        case AuditAction.VIEW:
            return _("%(who)s looked at: %(what)s", who=who, what=what)
        case AuditAction.SEARCH:
            return _("%(who)s searched in: %(what)s", who=who, what=what)
        case AuditAction.EXPORT:
            return _("%(who)s exported: %(what)s", who=who, what=what)
        case AuditAction.LOGIN:
            return _("%(who)s signed in", who=who)
        case AuditAction.LOGOUT:
            return _("%(who)s signed out", who=who)
        case AuditAction.LOGIN_FAILED:
            return _("A sign-in failed: %(what)s", what=what)
        case AuditAction.REFUSED:
            return _("%(who)s was refused: %(what)s", who=who, what=what)
    return _("%(who)s ran a task: %(what)s", who=who, what=details_of(entry).get("task", what))


def _subject(entry: AuditEntry) -> str:
    if entry.subject_type == "login":
        return _("sign-in, after too many tries")
    if entry.action == AuditAction.LOGIN_FAILED and not entry.subject_id:
        return _("unknown user name")
    model = model_named(entry.subject_type)
    kind = str(model.label if entry.subject_id else model.labels) if model else (entry.subject_type or "")
    return f"{kind} «{entry.subject_label}»" if entry.subject_label else kind


def model_named(table: str | None) -> type[Base] | None:
    """The model of a table's name."""
    return next((m.class_ for m in Base.registry.mappers if m.local_table.name == table), None)  # type: ignore[union-attr,attr-defined]


def details_of(entry: AuditEntry) -> dict[str, Any]:
    """An act's particulars."""
    return json.loads(entry.details) if entry.details else {}


def changes_of(entry: AuditEntry) -> dict[str, list[Any]]:
    """Old and new value per field, as kept."""
    return json.loads(entry.changes) if entry.changes else {}


PARTICULARS = {
    "search": N_("Search"),
    "filters": N_("Filters"),
    "rows": N_("Rows"),
    "columns": N_("Columns"),
    "sha256": N_("SHA-256 of the file"),
    "on": N_("Date"),
    "note": N_("Note"),
    "id": N_("Number asked for"),
    "name": N_("Name tried, as a keyed hash"),
    "task": N_("Task"),
}


def particulars(entry: AuditEntry) -> list[tuple[str, str]]:
    """An act's particulars as people read them."""
    return [(_(PARTICULARS.get(name, name)), _particular(name, kept)) for name, kept in details_of(entry).items()]


def _particular(name: str, kept: Any) -> str:
    if name == "on":
        return f"{dt.date.fromisoformat(kept):%d/%m/%Y}"
    return ", ".join(map(str, kept)) if isinstance(kept, list) else str(kept)


def system_note(action: AuditAction, **details: Any) -> None:
    """Record a command's act at once."""
    note(db.session, action, **details)
    commit(db.session)
