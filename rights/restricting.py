"""Restriction of processing (Regulation 2016/679, article 18), and what is kept from deletion.

Rules of every session, whoever writes: form, import or command. What is restricted stays, and nobody works on it:
lifting the restriction is the only change of the record itself, and beside it STILL is written. Of an anonymous record
nothing is, but what was answered. Of a person on whom a hold stands (article 17(3)(e)) nothing is deleted.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, orm

from db import BadValue, Base
from identifiers import N_
from models import AccessGrant, Beneficiary, Consent, DataRequest, LegalHold, PersonDecision
from policy import RESTRICTED, changed, scope_in
from vocabulary import GrantStatus

from .erasing import ANONYMOUS, Held, holds

STILL = (DataRequest, LegalHold, Consent, PersonDecision)
"""What is written of a person whose data are restricted."""
UNDONE = (LegalHold, PersonDecision)
"""What of it may be deleted: the coordinator's own acts, which others build on."""
ENDED = {DataRequest: {"answered_on", "outcome", "version"}}
"""What still happens to rows about a person made anonymous: the answer, or the request would wait for ever."""


@event.listens_for(orm.Session, "before_flush")
def _refuse(session: orm.Session, context: object, instances: object) -> None:
    if scope_in(session).is_system:
        return
    written = [*session.new, *(row for row in session.dirty if changed(row)), *session.deleted]
    for row in written:
        for key in filter(None, (getattr(row, name, None) for name in ("person_id", "second_id"))):
            _check(session, row, key, row in session.deleted)


def _check(session: orm.Session, row: Any, key: int, is_gone: bool) -> None:
    if is_gone and not isinstance(row, UNDONE) and holds(session, [key]):
        raise Held(N_("A legal hold stands on this person: nothing is deleted."))
    person: Any = row if isinstance(row, Beneficiary) else session.get(Beneficiary, key)
    if person is None:
        return
    if person.erased_on and (is_gone or not _only_ends(row)):
        raise BadValue(ANONYMOUS)
    kept = sa.inspect(person).attrs.restricted_on.history
    if person.restricted_on and not kept.added and not _goes_on(row, is_gone):
        raise BadValue(RESTRICTED)


def is_open(person: Beneficiary, table: type[Base]) -> bool:
    """Rows of this table may be written about the person: what would be refused is not offered."""
    return not person.erased_on and (not person.restricted_on or issubclass(table, STILL))


def _only_ends(row: Any) -> bool:
    return sa.inspect(row).persistent and changed(row) <= ENDED.get(type(row), set())


def _goes_on(row: Any, is_gone: bool) -> bool:
    if isinstance(row, AccessGrant):
        return row.status in (GrantStatus.REFUSED, GrantStatus.WITHDRAWN)
    return isinstance(row, UNDONE if is_gone else STILL)
