"""Restriction of processing (Regulation 2016/679, article 18): what is restricted stays, and nobody works on it.

A rule of every session, whoever writes: form, import or command. Lifting the restriction is the only change of the
record itself; requests, holds and consents are kept on.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, orm

from db import BadValue
from identifiers import N_
from models import Beneficiary, Consent, DataRequest, LegalHold, PersonDecision
from policy import changed, scope_in

STILL = (DataRequest, LegalHold, Consent, PersonDecision)
"""What is written of a person whose data are restricted, or made anonymous."""


@event.listens_for(orm.Session, "before_flush")
def _refuse(session: orm.Session, context: object, instances: object) -> None:
    if scope_in(session).is_system:
        return
    written = [*session.new, *(row for row in session.dirty if changed(row)), *session.deleted]
    for row in written:
        if getattr(row, "person_id", None) is not None and not isinstance(row, STILL):
            _check(session, row)


def _check(session: orm.Session, row: Any) -> None:
    person: Any = row if isinstance(row, Beneficiary) else session.get(Beneficiary, row.person_id)
    if person is None or (person is row and changed(row) <= {"restricted_on", "version"}):
        return
    if person.erased_on:
        raise BadValue(N_("This record is anonymous: nothing is added to it or changed."))
    kept = sa.inspect(person).attrs.restricted_on.history
    if person.restricted_on and not kept.added:
        raise BadValue(N_("The processing of this person's data is restricted (art. 18): ask the coordinator."))
