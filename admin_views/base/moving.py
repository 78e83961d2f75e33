"""Changes of state, and how one made by mistake is taken back."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask_admin import expose
from flask_admin.helpers import get_redirect_target

import audit
from db import BadValue, Field, Kind, db, row_id
from i18n import _
from identifiers import N_
from models import NotAllowed, Staged, now, today
from vocabulary import AuditAction

from . import values
from .deleting import Deleting
from .forms import PARSED

UNDONE_WITHIN = dt.timedelta(minutes=10)
TOO_LATE = N_("This change of state can no longer be undone: time has passed, or the record was changed meanwhile.")


class Moving(Deleting):
    """The changes of state of a screen's records."""

    def transitions(self, row: Any) -> list[dict[str, str]]:
        """The moves that the record allows now, if the user may make them."""
        if not isinstance(row, Staged) or not self.may("move") or not self.may_change(row):
            return []
        return [
            {"name": state.value, "label": str(state), "style": "outline-primary" if number else "primary"}
            for number, state in enumerate(row.next_states)
        ]

    @expose("/move/", methods=("POST",))
    def move_view(self) -> Any:
        """Change the record's state, with a date and a note, or take the last change back."""
        if not issubclass(self.model, Staged):
            abort(404)
        row = self.get_one(request.args.get("id"))
        return self._move_back(row) if "undo" in request.form else self._move_on(row)

    def _move_on(self, row: Any) -> Any:
        states = {state.value: state for state in row.next_states}
        to, typed = request.form.get("to"), request.form.get("on")
        if not to:
            return self._move_refused(_("Choose the new state."), "to")
        try:
            on = values.parse_date(typed) if typed else today()
        except ValueError as error:
            told = str(error) if isinstance(error, BadValue) else PARSED[Kind.DATE]["problem"]
            return self._move_refused(_(told), "on")
        try:
            row.move_to(states.get(to), on, request.form.get("note"), self.scope.user_id)
        except BadValue as error:
            db.session.rollback()
            return self._move_refused(_(str(error)), error.field)
        if self.flushed():
            self._tell_moved(row)
        return self._after_move()

    def _tell_moved(self, row: Any) -> None:
        told = _("%(name)s, new state: %(state)s.", name=row, state=row.status)
        if row.moves_are_undone:
            flash((told, url_for(".move_view", id=row.id), row.version), "undoable")  # type: ignore[arg-type]
        else:
            flash(told, "success")

    def _move_refused(self, message: str, field: str | None) -> Any:
        """Where it was asked in the dialog, the dialog again with what was typed; else a word on the page before."""
        if "on" in request.form:
            asked = {name: request.form.get(name, "") for name in ("to", "on", "note")}
            return self.details_view(asked={**asked, "error": message, "field": field})  # type: ignore[attr-defined]
        flash(message, "error")
        return self._after_move()

    def _move_back(self, row: Any) -> Any:
        try:
            row.move_back(*self._last_move(row))
        except NotAllowed as error:
            db.session.rollback()
            flash(_(str(error)), "error")
            return self._after_move()
        if self.flushed():
            flash(_("Undone. %(name)s, state again: %(state)s.", name=row, state=row.status), "success")
        return self._after_move()

    def _last_move(self, row: Any) -> tuple[dict[str, Any], int]:
        """What stood before the row's last change, as the trail has it, and the entry's number.

        Raises:
            NotAllowed: the last change is not the one that the page spoke of, a state set by this reader, lately.
        """
        last = next(iter(audit.history(db.session, row, limit=1)), None)
        is_mine = last and (last.action, last.actor_id) == (AuditAction.STATUS, self.scope.user_id)
        if last is None or not is_mine or now() - last.at > UNDONE_WITHIN or "undoes" in audit.details_of(last):
            raise NotAllowed(TOO_LATE)
        if request.form["undo"] != str(row.version):
            raise NotAllowed(TOO_LATE)
        changes = audit.changes_of(last)
        return {name: _before(self.fields[name], old) for name, (old, _new) in changes.items()}, last.seq

    def _after_move(self) -> Any:
        return redirect(get_redirect_target() or url_for(".details_view", id=row_id(request.args.get("id"))))


def _before(field: Field, kept: Any) -> Any:
    """The value of which the trail keeps this, of the kinds that changes of state set."""
    if field.kind == Kind.CODE:
        return next(code for code in field.codes if code.value == kept)
    return dt.date.fromisoformat(kept) if kept and field.kind == Kind.DATE else kept
