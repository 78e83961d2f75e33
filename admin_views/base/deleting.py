"""Deleting records, one or several: all of them or none, and what refers to one that stays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from flask import flash, redirect, request
from flask_admin import expose
from flask_admin.actions import action
from flask_admin.helpers import get_redirect_target

import policy
from db import Base, db
from i18n import Label, _, ngettext

from .writing import Writing, with_kind


class Deleting(Writing):
    """What takes records of a screen away."""

    @expose("/delete/", methods=("POST",))
    def delete_view(self) -> Any:
        """The row gone, and its name said; else its page again, with the reason."""
        row = self.get_one(request.form.get("id"))
        name, own = with_kind(row), self.get_url(".details_view", id=row.id)
        if not self.delete_model(row):
            return redirect(own)
        flash(_("Deleted: %(name)s.", name=name), "success")
        return redirect(get_redirect_target() or self.get_url(".index_view"))

    def delete_model(self, model: Any) -> bool:
        """The row gone, unless others hang on it."""
        key = model.id
        db.session.delete(model)
        return self.flushed(lambda: self._tied(key))

    def _tied(self, key: int) -> str:
        """Why the row stays, with the records that refer to it, as many as the reader sees."""
        refused = _("This record cannot be deleted: others refer to it.")
        counted = [f"{table.labels}: {n}" for table, n in self._referring(key) if n]
        return f"{refused} {', '.join(counted)}." if counted else refused

    def _referring(self, key: int) -> Iterator[tuple[type[Base], int]]:
        """Tables that the reader may read, and how many of their rows refer to the row and would not go with it."""
        for table in (mapper.class_ for mapper in Base.registry.mappers):
            links = [
                column == key
                for column in table.__table__.c
                for link in column.foreign_keys
                if link.column.table is self.model.__table__ and link.ondelete is None
            ]
            if links and policy.may(self.scope, "read", table.__tablename__):
                count = sa.select(sa.func.count()).select_from(table).where(sa.or_(*links))
                yield table, db.session.scalar(count) or 0

    @action(
        "delete",
        Label("Διαγραφή", "Delete"),
        Label("Επιλεγμένες εγγραφές: {}. Να διαγραφούν;", "Selected records: {}. Delete them?"),
    )  # type: ignore[arg-type]
    def action_delete(self, ids: Sequence[str]) -> None:
        """Delete the chosen rows, all or none."""
        rows = list(dict.fromkeys(map(self.get_one, ids)))  # the rows, not what was sent: "1" and "01" are one
        if rows and all(self.delete_model(row) for row in rows):
            flash(
                ngettext("%(n)s record was deleted.", "%(n)s records were deleted.", len(rows), n=len(rows)), "success"
            )

    def must_confirm(self, route: str) -> bool:
        """Deleting several rows at once, too, is for whoever said lately who they are (ASVS 5.0, 7.5.3)."""
        is_deleting = route == "action_view" and request.form.get("action") == "delete"
        return super().must_confirm(route) or (is_deleting and len(request.form.getlist("rowid")) > 1)
