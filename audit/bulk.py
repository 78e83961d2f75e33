"""Bulk statements of a session, which pass by the rows and so by the recorder: each leaves one entry."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, orm

from policy import scope_in
from vocabulary import AuditAction

from . import chain
from .recorder import make_entry


@event.listens_for(orm.Session, "do_orm_execute")
def _record_bulk(state: orm.ORMExecuteState) -> sa.Result[Any] | None:
    """The table, the condition without its values, and how many rows; policy.py lets nobody but the system do this."""
    statement: Any = state.statement
    if not statement.is_dml:
        return None
    result, rows = _counted(state.invoke_statement(), state)
    where = getattr(statement, "whereclause", None)
    details = {"subject_type": statement.table.name, "rows": rows}
    details |= {} if where is None else {"where": str(where)}
    chain.append(state.session, [make_entry(scope_in(state.session), _verb(state), None, details=details)])
    return result


def _verb(state: orm.ORMExecuteState) -> AuditAction:
    if state.is_insert:
        return AuditAction.CREATE
    return AuditAction.UPDATE if state.is_update else AuditAction.DELETE


def _counted(result: Any, state: orm.ORMExecuteState) -> tuple[sa.Result[Any], int]:
    """The result, still unread, and how many rows were written."""
    statement: Any = state.statement
    if statement.returning_column_descriptions:
        frozen = result.freeze()
        return frozen(), len(frozen.data)
    return result, len(state.parameters) if isinstance(state.parameters, list) else result.rowcount
