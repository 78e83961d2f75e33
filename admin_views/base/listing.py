"""Lists: columns, search, filters, order, cells, and rows looked up while typing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from flask import Response, abort, g, request
from flask_admin import expose
from jinja2 import pass_context

import audit
from db import Kind, Searchable, db, link_target
from models import Scoped
from vocabulary import AuditAction

from . import values
from .filters import BY_NUMBER, matches
from .forms import choosable
from .screen import Screen


class Listing(Screen):
    """The list of a screen, and look-ups."""

    def get_list_columns(self) -> Any:
        """Names and labels; labels stay lazy, for the reader's language."""
        return self._labelled(self.column_list)

    def get_details_columns(self) -> Any:
        """All declared columns."""
        return self._labelled(self.fields)

    def get_export_columns(self) -> Any:
        """All declared columns, and those made ones that a screen wants in its workbook."""
        return self._labelled((*self.fields, *self.exported_columns))

    def _labelled(self, names: Iterable[str]) -> list[tuple[str, Any]]:
        return [(name, self.fields[name].label if name in self.fields else self.made_columns[name]) for name in names]

    def get_sortable_columns(self) -> dict[Any, Any]:
        """Every list column, in Greek order where it is text."""
        return {name: name for name in self.column_list if name in self.fields and self._order(name) is not None}

    def init_search(self) -> bool:
        """Rows are found by typing: by their own search key, or by that of the person or other row they point at."""
        return bool(self.searched())

    def searched(self) -> list[tuple[str | None, Any]]:
        """Whose search keys are looked in: the model's own (None), and those of links that the reader sees."""
        own: list[tuple[str | None, Any]] = [(None, self.model)] if issubclass(self.model, Searchable) else []
        links = [(name, link_target(self.model, name)) for name in self.column_list if self.is_link(name)]
        return own or [(name, target) for name, target in links if issubclass(target, Searchable)]

    def search_placeholder(self) -> str | None:
        """What may be typed."""
        own = [str(field.label) for field in self.fields.values() if field.search]
        return ", ".join(own or [str(self.fields[name].label) for name, _target in self.searched() if name])

    def get_filter_arg(self, index: int, flt: Any) -> str:
        """A filter's name in URLs, the same in every language."""
        return str(flt.slug)

    def _get_filter_groups(self) -> dict[str, list[dict[str, Any]]]:
        """The filters that this reader may use, with the choices that this reader sees."""
        groups: dict[str, list[dict[str, Any]]] = {}
        offered = {arg: pair for arg, pair in self._filter_args.items() if pair[1].data_type != BY_NUMBER}
        for arg, (index, flt) in offered.items():
            groups.setdefault(str(flt.name), []).append(
                {
                    "index": index,
                    "arg": arg,
                    "operation": str(flt.operation()),
                    "options": flt.choices(),
                    "type": flt.data_type,
                }
            )
        return groups

    def scaffold_auto_joins(self) -> list[Any]:
        """The rows that a list names, in the same query."""
        return [self.through(name) for name in self.column_list if self.is_link(name)]

    def is_link(self, name: str) -> bool:
        """The column points at a row of another table."""
        return name in self.fields and self.fields[name].kind == Kind.LINK

    def through(self, name: str) -> Any:
        """The relationship of a link column."""
        return getattr(self.model, name.removesuffix("_id"))

    def _get_list_extra_args(self) -> Any:
        """Odd pages, sizes and searches from outside are brought into bounds."""
        args = super()._get_list_extra_args()
        args.page = min(max(args.page or 0, 0), 1_000_000)
        args.search = (args.search or "").replace("\0", "")[:200].strip() or None
        args.extra_args, args.filters = {}, (args.filters or [])[:20]
        if (args.search or args.filters) and not g.get("search_noted"):
            g.search_noted = True
            audit.note(db.session, AuditAction.SEARCH, subject_type=self.model.__tablename__, **self._asked(args))
        return args

    def get_safe_page_size(self, page_size: int | None) -> int:
        """One of the sizes on offer."""
        return page_size if page_size in self.page_size_options else self.page_size

    def _get_column_by_idx(self, idx: int | None) -> Any:
        columns = self._list_columns
        return columns[idx] if idx is not None and 0 <= idx < len(columns) else None

    def _asked(self, args: Any) -> dict[str, Any]:
        """Search and filters as the trail and the export's cover tell them."""
        applied = ((self._filters[index], value) for index, _name, value in args.filters or ())
        filters = [f"{flt.name} {flt.operation()} {flt.told(value)}"[:200] for flt, value in applied]
        return ({"search": args.search} if args.search else {}) | ({"filters": filters} if filters else {})

    def _apply_search(self, query: Any, count_query: Any, joins: Any, count_joins: Any, search: str) -> Any:
        found = sa.or_(
            *(
                self.through(name).has(matches(target, search)) if name else matches(target, search)
                for name, target in self.searched()
            )
        )
        return query.filter(found), count_query and count_query.filter(found), joins, count_joins

    def get_count_query(self) -> Any:
        """Rows in sight."""
        return db.session.query(sa.func.count(self.model.id))  # type: ignore[attr-defined]

    def _apply_sorting(self, query: Any, joins: Any, sort_column: Any, sort_desc: bool) -> Any:
        """The asked order, then the screen's own, then the number: pages never overlap."""
        sortable = sort_column in self._sortable_columns
        name, descending = (sort_column, bool(sort_desc)) if sortable else self._own_order()
        order = [self._order(name)] if name else []
        order.append(self.model.id)  # type: ignore[attr-defined]
        if name and self.is_link(name) and (order[0] is not None):
            query = query.outerjoin(self.through(name))
        return query.order_by(*(part.desc() if descending else part.asc() for part in order)), joins

    def _own_order(self) -> tuple[str | None, bool]:
        return self.default_order or (("sort_key", False) if issubclass(self.model, Searchable) else (None, True))

    def _order(self, name: str) -> Any:
        if self.is_link(name):
            target = link_target(self.model, name)
            reading = next((key for key in ("sort_key", "full_name", "name") if hasattr(target, key)), None)
            return reading and self._in_greek(getattr(target, reading))
        column = getattr(self.model, name)
        field = self.fields.get(name)
        if field is None or field.kind not in (Kind.TEXT, Kind.LONG_TEXT):
            return column if field is None or field.kind != Kind.CODES else None
        return self._in_greek(column)

    @staticmethod
    def _in_greek(column: Any) -> Any:
        return column if column.key == "sort_key" else sa.func.greek_key(column)

    # --- values ---

    def shown(self, row: Any, name: str) -> str:
        """A cell as people read it."""
        if self.is_link(name):
            linked = getattr(row, name.removesuffix("_id"))
            return str(linked) if linked is not None else ""
        return values.shown(self.fields[name], getattr(row, name)) if name in self.fields else str(getattr(row, name))

    @pass_context
    def get_list_value(self, context: Any, model: Any, name: str) -> str:
        """Flask-Admin asks for a cell of a list."""
        return self.shown(model, name)

    @expose("/ajax/lookup/")
    def ajax_lookup(self) -> Any:
        """Rows to choose from while typing: those that the user sees, twenty at most."""
        name = request.args.get("name", "")
        if not (self.is_link(name) and self.sees(name) and (self.can_create or self.can_edit)):
            abort(404)
        target = link_target(self.model, name)
        rows = choosable(target)
        if request.args.get("query") and issubclass(target, Scoped):
            audit.note(
                db.session, AuditAction.SEARCH, subject_type=target.__tablename__, search=request.args["query"][:200]
            )
        if query := request.args.get("query", "").replace("\0", "")[:200].strip():
            rows = rows.where(matches(target, query) if issubclass(target, Searchable) else sa.false())
        start = min(max(request.args.get("offset", 0, type=int), 0), 10_000)
        found = [(row.id, row.described) for row in db.session.scalars(rows.limit(20).offset(start))]
        return Response(json.dumps(found, ensure_ascii=False), mimetype="application/json")

    @expose("/ajax/update/", methods=("POST",))
    def ajax_update(self) -> Any:
        """Nothing is edited in lists: the one path without version, warnings and form is closed."""
        abort(404)
