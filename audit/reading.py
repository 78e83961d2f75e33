"""The trail in words: a record's history, sentences, particulars, and what supervisors said of entries."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from db import Base
from i18n import _
from identifiers import N_
from models import AuditEntry, AuditReview
from vocabulary import AuditAction, FilePart


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


def reviews(session: orm.Session, seqs: Iterable[int]) -> dict[int, AuditReview]:
    """The newest review of each of these entries."""
    found = session.scalars(
        sa.select(AuditReview).where(AuditReview.entry_seq.in_(list(seqs))).order_by(AuditReview.id)
    )
    return {review.entry_seq: review for review in found}


SENTENCES = {
    AuditAction.CREATE: N_("%(who)s created: %(what)s"),
    AuditAction.UPDATE: N_("%(who)s changed: %(what)s"),
    AuditAction.DELETE: N_("%(who)s deleted: %(what)s"),
    AuditAction.STATUS: N_("%(who)s changed the state of: %(what)s"),
    AuditAction.VIEW: N_("%(who)s looked at: %(what)s"),
    AuditAction.SEARCH: N_("%(who)s searched in: %(what)s"),
    AuditAction.EXPORT: N_("%(who)s exported: %(what)s"),
    AuditAction.LOGIN: N_("%(who)s signed in"),
    AuditAction.CONFIRMED: N_("%(who)s confirmed who they are"),
    AuditAction.LOGOUT: N_("%(who)s signed out"),
    AuditAction.LOGIN_FAILED: N_("A sign-in failed: %(what)s"),
    AuditAction.REFUSED: N_("%(who)s was refused: %(what)s"),
    AuditAction.EMERGENCY: N_("%(who)s opened a file in an emergency: %(what)s"),
    AuditAction.SYSTEM: N_("%(who)s ran a task: %(what)s"),
    AuditAction.ERASE: N_("%(who)s erased content of the trail"),
}


ENDED = N_("%(who)s ended the open sessions of: %(what)s")
UNDONE = N_("%(who)s undid the change of state of: %(what)s")
OPENED = N_("%(who)s opened the list: %(what)s")
"""What is told of a search without a word: a list was opened under filters, or one that always is recorded."""


def sentence(entry: AuditEntry, *, named: bool = True) -> str:
    """What happened, in one sentence of the reader's language; `named` says of which record."""
    what = _subject(entry, named)
    if entry.action == AuditAction.LOGOUT and entry.subject_id:
        return _(ENDED, who=entry.actor_name, what=what)
    if entry.action == AuditAction.STATUS and "undoes" in details_of(entry):
        return _(UNDONE, who=entry.actor_name, what=what)
    if entry.action == AuditAction.SEARCH and not entry.is_erased and "search" not in details_of(entry):
        return _(OPENED, who=entry.actor_name, what=what)
    if entry.action == AuditAction.SYSTEM:
        what = _task(details_of(entry).get("task", what))
    return _(SENTENCES[entry.action], who=entry.actor_name or _("Somebody unknown"), what=what)


TASKS = {"migration": N_("update of the database's schema"), "recovery codes": N_("new recovery codes")}
"""Tasks that are no command; commands are called as they are typed."""


def _task(name: str) -> str:
    return _(TASKS[name]) if name in TASKS else name


def _subject(entry: AuditEntry, named: bool) -> str:
    if entry.action == AuditAction.LOGIN_FAILED and not entry.subject_id:
        return _("unknown user name")
    kind = kind_called(entry.subject_type, is_one=entry.is_erased or bool(entry.subject_id))
    if entry.is_erased:
        return _("%(kind)s (content erased)", kind=kind)
    if not (entry.subject_label and named):
        return kind
    return f"«{entry.subject_label}»" if entry.subject_label.startswith(kind) else f"{kind} «{entry.subject_label}»"


PLACES = {
    "login": N_("sign-in, after too many tries"),
    "auth": N_("Own account"),
    "admin": N_("First page"),
    "home": N_("First page"),
    "referral_received": N_("Referrals received"),
    "rights": N_("Rights of the person, times of keeping"),
    "report": N_("Monthly report"),
    "oversight": N_("Oversight"),
    "supervision": N_("Acts of supervisors"),
}
"""What acts are about that is no table, by the names that the trail keeps."""


def kind_called(name: str | None, *, is_one: bool = True) -> str:
    """What an entry is about, as people call it: one record, records, or a page."""
    model = model_named(name)
    if model is not None:
        return str(model.label if is_one else model.labels)
    return _(PLACES[name]) if name in PLACES else name or ""


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
    "paper": N_("Paper"),
    "where": N_("Condition"),
    "schema": N_("Schema"),
    "erased": N_("Entries"),
    "page": N_("Page"),
    "month": N_("Month"),
    "grant": N_("Access no."),
    "parts": N_("Parts read"),
    "reason": N_("Reason"),
    "sessions": N_("Sessions ended"),
    "per_minute": N_("Allowed in a minute"),
    "undoes": N_("Undoes entry"),
}


SHARED = {part.value: part for part in FilePart}
PAPERS = {
    "letter": N_("Referral letter"),
    "rights": N_("Rights of the person"),
    "copy": N_("Copy of personal data (art. 15)"),
    "certificate": N_("Certificate of erasure"),
}
PAGES = {"looks": N_("Who looked at this person"), "acts": N_("What this user did"), "watch": N_("Acts of supervisors")}


def particulars(entry: AuditEntry) -> list[tuple[str, str]]:
    """An act's particulars as people read them; "words" are those of its filters that were typed."""
    told = {name: kept for name, kept in details_of(entry).items() if name != "words"}
    return [(_(PARTICULARS.get(name, name)), _particular(name, kept)) for name, kept in told.items()]


def _particular(name: str, kept: Any) -> str:
    if name == "paper":
        return _(PAPERS[kept])
    if name == "page":
        return _(PAGES[kept])
    if name == "task":
        return _task(kept)
    if name == "parts":
        return ", ".join(str(SHARED[part]) for part in kept)
    if name == "on":
        return f"{dt.date.fromisoformat(kept):%d/%m/%Y}"
    return ", ".join(map(str, kept)) if isinstance(kept, (list, dict)) else str(kept)
