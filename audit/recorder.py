"""The recorder: every change leaves its entry in its own transaction, every other act at the request's end."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

import sqlalchemy as sa
from flask import current_app
from sqlalchemy import event, orm

import vault
from db import Base, Field, Kind, Record, Sensitivity, begin_write, db, fields, link_target
from models import AuditEntry, Staged, Step, now
from policy import SYSTEM, Scope, changed, scope_in
from vocabulary import AuditAction

from . import chain

SEALED, HASHED = "sealed:", "hmac:"
PROTECTED = (SEALED, HASHED)
"""How a protected value begins: sealed for whoever holds the key, or, before 0.3, only a keyed hash of it."""
CONTEXT = "audit_entry"
SAME_ACT = 600  # seconds
_readings: dict[tuple[Any, ...], float] = {}
"""When each sign-in was last recorded to read what, by the clock that nobody sets back (seconds)."""


def note(session: orm.Session, action: AuditAction, subject: Base | None = None, /, **details: Any) -> None:
    """Record an act that changes no row (a view, a search, an export, a sign-in, a refusal) at the request's end."""
    session.info.setdefault("acts", []).append(make_entry(scope_in(session), action, subject, details=details))


def note_reading(
    session: orm.Session, action: AuditAction, subject: Base | None = None, /, asked: object = None, **details: Any
) -> None:
    """Record a look or a search; again by the same sign-in within SAME_ACT (paging, sorting, going back) is one act.

    `asked` tells searches apart whose details, which withhold protected values, read alike; it is not recorded.
    """
    entry = make_entry(scope_in(session), action, subject, details=details)
    same = (entry[name] for name in ("session_ref", "action", "subject_type", "subject_id", "details"))
    what = (*same, getattr(subject, "version", None), keyed_hash(repr(asked)))
    waiting, moment = session.info.setdefault("readings", {}), time.monotonic()
    known = waiting.get(what) or _readings.get(what)
    if known is None or moment - known > SAME_ACT:
        session.info.setdefault("acts", []).append(entry)
        waiting[what] = moment


def _remember(readings: dict[tuple[Any, ...], float]) -> None:
    """Only what was committed counts as recorded."""
    # Others add to it meanwhile: list() may be interrupted while it copies, copy() is not.
    for what in [what for what, at in _readings.copy().items() if time.monotonic() - at > SAME_ACT]:
        _readings.pop(what, None)
    _readings.update(readings)


def commit(session: orm.Session) -> None:
    """The one commit: changes, their entries and the acts, all or nothing.

    Raises:
        Unrecorded: nothing was kept, and nothing may be answered but that.
    """
    acts, readings = session.info.pop("acts", []), session.info.pop("readings", {})
    try:
        if acts:
            _make_writer(session)
            chain.append(session, acts)
        session.commit()
    except sa.exc.SQLAlchemyError as error:
        session.rollback()
        raise chain.unrecorded(error) from None
    except BaseException:
        session.rollback()
        raise
    if readings:
        _remember(readings)


def _make_writer(session: orm.Session) -> None:
    """On SQLite a transaction that began as a reader cannot be sure of becoming a writer, so a new one is begun."""
    session.flush()
    if not session.connection().get_execution_options().get("immediate"):
        session.commit()
        begin_write()


@event.listens_for(orm.Session, "before_flush")
def _forget_old_links(session: orm.Session, context: object, instances: object) -> None:
    """Entries and messages call a row after what it points at now, not before."""
    for row in session.dirty:
        state: Any = sa.inspect(row)
        names = [name.removesuffix("_id") for name in state.committed_state if name in fields(type(row))]
        old = [name for name in names if name in state.mapper.relationships and not state.attrs[name].history.added]
        if old:
            session.expire(row, old)


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
        make_entry(scope, action, row, label, changes=_named(session, row, pairs), details=_step_note(row, pairs))
        for action, row, pairs, label in changes
    ]
    if entries:
        chain.append(session, entries)


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
    if (undone := row.__dict__.pop("undoes", None)) is not None:
        return {"undoes": undone}
    if "status" not in changes or not getattr(row, "step_class", None) or not row.steps:
        return {}
    return {"on": row.steps[-1].on.isoformat()} | ({"note": row.steps[-1].note} if row.steps[-1].note else {})


def _changes(row: Any, *, created: bool = False, deleted: bool = False) -> dict[str, Any]:
    """Old and new value per declared field, [None, new] for a new row and [old, None] for a deleted one."""
    found, touched = {}, changed(row)
    for name, field in fields(type(row)).items():
        if created or deleted:
            old, new = (None, getattr(row, name)) if created else (getattr(row, name), None)
        elif name in touched:
            replaced = sa.inspect(row).attrs[name].history.deleted
            old, new = replaced[0] if replaced else None, getattr(row, name)
        else:
            continue
        if _set(old) != _set(new):
            found[name] = [_plain(field, old), _plain(field, new)]
    if "password_hash" in touched:
        found["password"] = [None, None]
    return found


def _plain(field: Field, value: Any) -> Any:
    """A value as the trail keeps it; protected ones sealed, so that only whoever holds the key reads them."""
    kept = _set(value)
    if kept is None or field.sensitivity == Sensitivity.OPEN:
        return kept
    return SEALED + vault.seal(json.dumps(kept, ensure_ascii=False), CONTEXT)


def opened(kept: Any) -> Any:
    """A value that the trail keeps, for whoever holds the key; what was only hashed stays so.

    Raises:
        vault.Sealed: the key that it was sealed with is not here.
    """
    is_sealed = isinstance(kept, str) and kept.startswith(SEALED)
    return json.loads(vault.unseal(kept.removeprefix(SEALED), CONTEXT)) if is_sealed else kept


def _set(value: Any) -> Any:
    """A value as JSON takes it, an empty set as none at all."""
    return None if value == () else chain.scalar(value)


def keyed_hash(text: str) -> str:
    """HMAC-SHA-256 under the installation's own key."""
    return hmac.new(current_app.config["SECRET_KEY"].encode(), text.encode(), hashlib.sha256).hexdigest()


def make_entry(
    scope: Scope,
    action: AuditAction,
    subject: Any,
    label: str | None = None,
    *,
    changes: Any = None,
    details: Any = None,
) -> dict[str, Any]:
    """An entry for the chain to take; `details` may name `subject_type` and `subject_label` where there is no row."""
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


def is_kept_as(field: Field, value: Any, kept: Any) -> bool:
    """Whether a value is the one that the trail keeps so."""
    if isinstance(kept, str) and kept.startswith(HASHED) and field.sensitivity != Sensitivity.OPEN:
        return _set(value) is not None and kept == _hashed(_set(value), kept.split(":")[1])
    known = kept[0] if isinstance(kept, list) and field.kind == Kind.LINK else kept
    try:
        return bool(_set(value) == (known if field.sensitivity == Sensitivity.OPEN else opened(known)))
    except vault.Sealed:
        return False


def _hashed(kept: Any, salt: str) -> str:
    """As protected values were kept before 0.3."""
    text = json.dumps(kept, ensure_ascii=False)
    return f"{HASHED}{salt}:{keyed_hash(f'{salt}:{text}')[:16]}"


def system_note(action: AuditAction, subject: Base | None = None, /, **details: Any) -> None:
    """Record a command's act at once."""
    note(db.session, action, subject, **{name: said for name, said in details.items() if said is not None})
    commit(db.session)


def note_migration(connection: sa.Connection, before: str | None, after: str | None) -> None:
    """Record in its own transaction that the schema changed; before there is a trail, nothing can be."""
    if before != after and sa.inspect(connection).has_table(AuditEntry.__tablename__):
        details = {"task": "migration", "schema": f"{before or '–'} → {after or '–'}"}
        chain.lengthen(connection, [make_entry(SYSTEM, AuditAction.SYSTEM, None, details=details)])
