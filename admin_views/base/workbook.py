"""Excel export of exactly what a list shows, in the columns that the role sees."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Response, abort, request
from flask_admin import expose
from sqlalchemy import orm

import audit
import exports
from db import db
from i18n import _, language
from models import Municipality, now
from vocabulary import AuditAction

from . import values
from .details import Details

MIME_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Workbook(Details):
    """The export of a screen."""

    def must_confirm(self, route: str) -> bool:
        """Taking out everything, too, is for whoever said lately who they are."""
        is_narrowed = any(value.strip() for name, value in request.args.items() if name.startswith(("search", "flt")))
        return super().must_confirm(route) or (route == "export" and not is_narrowed)

    @expose("/export/<export_type>/")
    def export(self, export_type: str) -> Any:
        """Exactly the filtered rows, in the columns that the role sees, as a workbook."""
        if export_type != "xlsx":
            abort(404)
        if not self.can_export:
            abort(403)
        args = self._get_list_extra_args()
        lost = bool(request.args.get("search")) and not args.search
        if lost or len(args.filters or ()) != sum(name.startswith("flt") for name in request.args):
            # A search or filter that makes no sense must not widen what is taken out of the house.
            abort(400)
        query = self.found(args)
        names = [name for name, _label in self._export_columns]
        loads = [orm.joinedload(self.through(n)) for n in names if self.is_link(n)]
        rows = query.options(*loads).yield_per(500)  # type: ignore[attr-defined]
        return self._workbook(args, names, rows)

    def _workbook(self, args: Any, names: list[str], rows: Iterable[Any]) -> Response:
        title, moment = str(self.model.labels), now().astimezone(values.ATHENS)
        columns = [self._column(name) for name in names]
        cells = ([self._cell(row, name) for name in names] for row in rows)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "export.xlsx"
            written = exports.write_workbook(
                path,
                exports.Cover(title, self._cover_lines(args, moment)),
                [exports.Sheet(title, columns, cells)],
                language=language(),
                author=self.scope.name or "",
                yes=_("Yes"),
                no=_("No"),
            )
            audit.note(
                db.session, AuditAction.EXPORT, subject_type=self.model.__tablename__, rows=written.rows,
                columns=[column.header for column in columns], sha256=written.sha256, **self._asked(args),
            )  # fmt: skip
            return download(path, exports.file_name(title, moment))

    def _column(self, name: str) -> exports.Column:
        made = self.made_columns.get(name)
        return exports.Column(str(made), width=60) if made else values.export_column(self.fields[name])

    def _cell(self, row: Any, name: str) -> Any:
        if name in self.made_columns or self.is_link(name):
            return self.shown(row, name)
        return values.exported(self.fields[name], getattr(row, name))

    def _cover_lines(self, args: Any, moment: dt.datetime) -> list[tuple[str, str]]:
        asked = self._asked(args)
        municipality = db.session.scalar(sa.select(Municipality))
        lines = [
            (_("Municipality"), str(municipality or "")),
            (_("Unit"), ", ".join(self.scope.unit_names)),
            (_("Exported by"), f"{self.scope.name} ({self.scope.role_label})"),
            (_("Exported at"), f"{moment:%d/%m/%Y %H:%M}"),
            (_("Search"), asked.get("search", "–")),
            (_("Filters"), " · ".join(asked.get("filters", [])) or "–"),
        ]
        if municipality and municipality.project_title:
            lines.append((_("Operation"), f"{municipality.project_title} (ΟΠΣ {municipality.project_ops_code or '–'})"))
        if municipality and municipality.co_financing:
            lines.append((_("Co-financing"), municipality.co_financing))
        return lines


def download(path: Path, name: str, mime_type: str = MIME_TYPE) -> Response:
    """The file as an answer. It is open already and may be unlinked; a slow reader holds no transaction open."""
    spooled = path.open("rb")
    response = Response(iter(lambda: spooled.read(65536), b""), mimetype=mime_type)
    response.call_on_close(spooled.close)
    response.headers["Content-Length"] = str(path.stat().st_size)
    response.headers["Content-Disposition"] = exports.content_disposition(name)
    return response
