"""Lists: columns, search, filters, order, cells, and rows looked up while typing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import cached_property, partial
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from flask import abort, jsonify, request
from flask_admin import expose
from markupsafe import Markup, escape
from sqlalchemy import orm

import audit
import rights
from db import Kind, Searchable, db, link_target, row_id
from i18n import Label, _
from models import Scoped
from search import fold
from vocabulary import AuditAction

from . import values
from .fields import choosable, told_apart
from .filters import BY_NUMBER, TO_DAY, matches
from .screen import Screen

PERSON = "beneficiary_id"
SEPARATOR = "\0"  # which no column takes (db.clean)
COUNTED = 5_000
"""Rows of a narrowed list are counted up to here: counting on would take longer than reading the page."""
RESTRICTED = Label("σε περιορισμό", "restricted")
"""What the list of people says beside the number of somebody whose processing is restricted."""


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
        return bool(self._searchable)  # asked at start-up, when there is no reader yet

    @cached_property
    def _searchable(self) -> list[tuple[str | None, Any]]:
        if issubclass(self.model, Searchable):
            return [(None, self.model)]
        links = [(name, link_target(self.model, name)) for name in self.links_behind(self.column_list)]
        return [(name, target) for name, target in links if issubclass(target, Searchable)]

    def searched(self) -> list[tuple[str | None, Any]]:
        """Whose search keys are looked in: the model's own (None), or those of links that the reader sees."""
        return [(name, target) for name, target in self._searchable if name is None or self.sees(name)]

    def search_placeholder(self) -> str:
        """What may be typed."""
        own = [str(field.label) for field in self.fields.values() if field.search]
        names = own or [str(self.fields[name].label) for name, _target in self.searched() if name]
        return _("Search: %(columns)s", columns=self.hint or ", ".join(names[:3]))

    def get_filter_arg(self, index: int, flt: Any) -> str:
        """A filter's name in URLs, the same in every language."""
        return str(flt.slug)

    def get_invalid_value_msg(self, value: Any, filter: Any) -> str:
        """Which filter could not be understood, and so does not narrow the list."""
        typed = value[:60].replace(TO_DAY, " – ")
        return _("The filter «%(filter)s» was left out: it does not take «%(value)s».", filter=filter.said, value=typed)

    @expose("/filters/")
    def filters_view(self) -> Any:
        """The filters that this reader may use, with the choices that this reader sees, for who opens their panel."""
        groups: dict[str, list[dict[str, Any]]] = {}
        for arg, (_index, flt) in self._filter_args.items():
            if flt.data_type != BY_NUMBER:
                offer = {"arg": arg, "operation": str(flt.operation()), "options": flt.choices(), "type": flt.data_type}
                groups.setdefault(str(flt.name), []).append(offer)
        return jsonify(dict(sorted(groups.items(), key=lambda pair: fold(pair[0]))))

    def scaffold_auto_joins(self) -> list[Any]:
        """None: `texts_of` reads what a page shows."""
        return []

    def is_link(self, name: str) -> bool:
        """The column points at a row of another table."""
        return name in self.fields and self.fields[name].kind == Kind.LINK

    def links_behind(self, names: Iterable[str]) -> list[str]:
        """The link columns among these, those of made columns too."""
        return [link for name in names for link in self.made_of.get(name, (name,)) if self.is_link(link)]

    def through(self, name: str) -> Any:
        """The relationship of a link column."""
        return getattr(self.model, name.removesuffix("_id"))

    def _get_list_extra_args(self) -> Any:
        """Odd pages, sizes and searches from outside are brought into bounds."""
        args = super()._get_list_extra_args()
        args.page = min(max(args.page or 0, 0), 1_000_000)
        args.search = (args.search or "").replace("\0", "")[:200].strip() or None
        args.extra_args, args.filters = {}, (args.filters or [])[:20]
        if args.search or args.filters:
            asked, table = (args.search, args.filters), self.model.__tablename__
            audit.note_reading(db.session, AuditAction.SEARCH, asked=asked, subject_type=table, **self._asked(args))
        return args

    @expose("/")
    def index_view(self) -> Any:
        """A page of the list."""
        args = self._get_list_extra_args()
        size = self.get_safe_page_size(args.page_size)
        rows, count, is_more = self.counted(self.found(args), args)
        last_page = max(count - 1, 0) // size
        args.page = min(args.page, last_page)
        page = slice(args.page * size, (args.page + 1) * size)
        columns = self._list_columns
        return self.render(
            self.list_template,
            args=args,
            count=count,
            is_more=is_more,
            page_size=size,
            last_page=last_page,
            columns=columns,
            rows=self.texts_of(rows, [name for name, _label in columns], page),
            address=self._address_of(args),
            chips=self._chips(args),
            actions=self.get_actions_list(),
            export_url=self._export_url() if self.can_export else None,
        )

    def texts_of(self, query: Any, names: list[str], page: slice) -> list[tuple[int, Markup, Markup]]:
        """The rows of a page as a list shows them: number, first cell, the other cells in one."""
        read = list((self._rows if self.made_columns else self._columns)(query, names, page))
        # Four hundred cells are escaped in one go: one by one, it is a tenth of the page.
        escaped = iter(str(escape(SEPARATOR.join(text for _key, cells in read for text in cells))).split(SEPARATOR))
        rows: Iterable[Any] = ((key, [next(escaped) for _text in cells]) for key, cells in read)
        if self._persons in names:
            rows = map(partial(_led, names.index(self._persons)), rows)
        if self.warns:
            rows = map(partial(_warned, [names.index(name) for name in self.warns]), rows)
        return [(key, Markup(cells[0]), Markup("</td><td>".join(cells[1:]))) for key, cells in rows]  # noqa: S704 (escaped above)

    def _rows(self, query: Any, names: list[str], page: slice) -> Iterable[tuple[int, Iterable[str]]]:
        """Whole rows, where a screen makes columns of its own out of them."""
        rows = query.options(*(orm.joinedload(self.through(name)) for name in self.links_behind(names)))[page]
        self.look_beside(rows)
        units = self.scope.short_unit_names
        for row in rows:
            cells = (units.get(row.unit_id, "") if self.is_own_unit(n) else self.shown(row, n) for n in names)
            yield row.id, [*cells, *(warn.told(row) for warn in self.warns.values())]

    def settled(self, rows: list[tuple[int, Markup, Markup]]) -> Collection[int]:
        """Those of a list's rows that nobody changes any more: no pencil leads to their forms.

        They are of people made anonymous or restricted, and asked for only where a cell says so.
        """
        why = (rights.NAMELESS, str(RESTRICTED))
        keys = [key for key, *cells in rows if any(said in cell for cell in cells for said in why)]
        named: Any = db.session.query(self.model).filter(self.model.id.in_(keys)) if keys else ()  # type: ignore[attr-defined]
        return {row.id for row in named if not self.may_change(row)}

    def nothing_here(self) -> str:
        """What an empty list says."""
        return _("No records yet: %(what)s.", what=str(self.model.labels).lower())

    def look_beside(self, rows: list[Any]) -> None:
        """What made columns need beside the page's own rows is fetched here for all of them at once."""

    def _columns(self, query: Any, names: list[str], page: slice) -> Iterable[tuple[int, Iterable[str]]]:
        """Only the columns shown, and of rows that they point at only the name: a list is opened all day long."""
        cells = [self._reading(name) for name in names]
        for name in names:
            if name in self._linked:
                query = query.outerjoin(self.through(name).of_type(self._linked[name]))
        if self.warns:
            asked = {column for warn in self.warns.values() for column in warn.of}
            row: Any = orm.Bundle("row", *(getattr(self.model, column) for column in sorted(asked)))
            cells += [(row, warn.told) for warn in self.warns.values()]
        read = query.with_entities(self.model.id, *(column for column, _tell in cells))[page]  # type: ignore[attr-defined]
        keys, *kept = zip(*read, strict=True) if read else ((), *(() for _cell in cells))
        told = (map(tell, column) for (_column, tell), column in zip(cells, kept, strict=True))
        return zip(keys, zip(*told, strict=True), strict=True)

    @cached_property
    def _linked(self) -> dict[str, Any]:
        """The tables behind the list's links; the unit is known by its number."""
        names = [name for name in self.column_list if self.is_link(name) and not self.is_own_unit(name)]
        return {name: orm.aliased(link_target(self.model, name)) for name in names}

    @cached_property
    def _persons(self) -> str | None:
        """The column whose names lead to the people, where it is not the one that leads to the row itself."""
        return PERSON if PERSON in self.column_list[1:] and not self.made_columns else None

    def _reading(self, name: str) -> tuple[Any, Callable[[Any], str]]:
        """What to read for a column, and how it is told."""
        if name in self._linked:
            linked, target = self._linked[name], link_target(self.model, name)
            if name == self._persons:
                person: Any = orm.Bundle(name, linked.id, *(getattr(linked, part) for part in target.called_by))
                return person, lambda row: "" if row[0] is None else f"{row[0]} {target.called(*row[1:])}"
            called: Any = orm.Bundle(name, *(getattr(linked, part) for part in target.called_by))
            return called, lambda row: "" if row[0] is None else target.called(*row)
        column = getattr(self.model, name)
        if self.is_own_unit(name):
            names = self.scope.short_unit_names
            return column, lambda key: names.get(key, "")
        return column, values.teller(self.fields[name])

    def found(self, args: Any) -> Any:
        """The query of the rows asked for, in the order asked for."""
        column = self._get_column_by_idx(args.sort)
        asked = (column and column[0], args.sort_desc, args.search, args.filters)
        return self.get_list(None, *asked, execute=False, page_size=False)[1]

    def counted(self, found: Any, args: Any) -> tuple[Any, int, bool]:
        """The rows found, how many they are, and whether there are more than were counted."""
        if not (args.search or args.filters):
            return found, db.session.scalar(self.get_count_query()), False
        number: Any = self.model.id  # type: ignore[attr-defined]
        some = found.order_by(None).with_entities(number).limit(COUNTED + 1)
        if not args.search:
            count = db.session.query(sa.func.count()).select_from(some.subquery()).scalar()
        elif (count := len(keys := [key for (key,) in some])) <= min(COUNTED, max(self.page_size_options)):
            # So few are asked for by number: in the list's order, databases would go through all rows once more.
            found = found.filter(number.in_(keys))
        return found, min(count, COUNTED), count > COUNTED

    def _address_of(self, args: Any) -> Callable[..., str]:
        """Makes the address of this very list with some of its arguments changed; None leaves one out."""
        asked = {
            "search": args.search, "sort": args.sort, "desc": args.sort_desc or None,
            "page_size": request.args.get("page_size"), **self._get_filters(args.filters),
        }  # fmt: skip

        kept = {name: urlencode({name: value}) for name, value in asked.items() if value is not None}

        def address(**changes: Any) -> str:
            said = [pair for name, pair in kept.items() if name not in changes]
            said += [urlencode({name: value}) for name, value in changes.items() if value is not None]
            return "?" + "&".join(said) if said else "./"

        address.asked = asked  # type: ignore[attr-defined]
        return address

    def _chips(self, args: Any) -> list[tuple[str, str, str]]:
        """What the list is narrowed by: the argument to leave out, what it says, and the value."""
        chips = [("search", _("Search"), args.search)] if args.search else []
        for argument, (index, _name, value) in zip(self._get_filters(args.filters), args.filters, strict=True):
            flt = self._filters[index]
            chips.append((argument, flt.said, self._own_unit(flt, value) or flt.read(value)))
        return chips

    def _own_unit(self, flt: Any, value: str) -> str | None:
        return self.scope.short_unit_names.get(row_id(value) or 0) if self.is_own_unit(flt.on_column) else None

    def _export_url(self) -> str:
        """The same list as a workbook. Arguments from outside go in as text: to url_for some of them are commands."""
        asked = urlencode(list(request.args.items(multi=True)))
        return "export/xlsx/" + (f"?{asked}" if asked else "")

    def _get_column_by_idx(self, idx: int | None) -> Any:
        columns = self._list_columns
        return columns[idx] if idx is not None and 0 <= idx < len(columns) else None

    def _asked(self, args: Any) -> dict[str, Any]:
        """Search and filters as the trail and the export's cover tell them; apart, what of the filters was typed."""
        applied = [(self._filters[index], value) for index, _name, value in args.filters or ()]
        filters = [f"{flt.said} {self._own_unit(flt, value) or flt.told(value)}" for flt, value in applied]
        words = [word for flt, value in applied for word in flt.words(value)]
        said = {"filters": filters, "words": words} if filters else {}
        return ({"search": args.search} if args.search else {}) | said

    def _apply_search(self, query: Any, count_query: Any, joins: Any, count_joins: Any, search: str) -> Any:
        tests = (
            self.through(name).has(matches(target, search)) if name else matches(target, search)
            for name, target in self.searched()
        )
        return query.filter(sa.or_(*tests)), count_query, joins, count_joins

    def get_count_query(self) -> Any:
        """Rows in sight."""
        return sa.select(sa.func.count()).select_from(self.model)

    def _apply_sorting(self, query: Any, joins: Any, sort_column: Any, sort_desc: bool) -> Any:
        """The asked order, then the screen's own, then the number: pages never overlap."""
        sortable = sort_column in self._sortable_columns
        name, descending = (sort_column, bool(sort_desc)) if sortable else self._own_order()
        order = [self._sorted_by(name)] if name else []
        if self.ahead and not sortable:
            rows = self.ahead.rows()
            query = query.order_by(rows.desc(), sa.case((rows, order[0])).asc().nulls_last())
        if name and self.is_link(name) and (order[0] is not None):
            query = query.outerjoin(self.through(name))
        turned = [part.desc() if descending else part.asc() for part in (*order, self.model.id)]  # type: ignore[attr-defined]
        if name in self.fields and self.model.__table__.c[name].nullable:
            turned[0] = turned[0].nulls_last()  # on SQLite as on PostgreSQL
        return query.order_by(*turned), joins

    def order_of(self, args: Any) -> tuple[str | None, str]:
        """The column by which the list stands, and how, as aria-sort says it."""
        column = self._get_column_by_idx(args.sort)
        if column and self.is_sortable(column[0]):
            return column[0], "descending" if args.sort_desc else "ascending"
        name, descending = self._own_order()
        way = "other" if self.ahead else "descending" if descending else "ascending"
        return self.order_shown or (self.model.called_by[0] if name == "sort_key" else name), way

    def _own_order(self) -> tuple[str | None, bool]:
        return self.default_order or (("sort_key", False) if issubclass(self.model, Searchable) else (None, True))

    def _sorted_by(self, name: str) -> Any:
        """What this reader's rows are ordered by; `_order` is asked at start-up too, when there is no reader."""
        return self._order(name)

    def _order(self, name: str) -> Any:
        if self.is_link(name):
            target = link_target(self.model, name)
            reading = next((key for key in ("sort_key", "full_name", "name") if hasattr(target, key)), None)
            return reading and self._in_greek(getattr(target, reading))
        column = getattr(self.model, name)
        field = self.fields.get(name)
        if field is not None and field.is_sealed:
            return None
        if field is None or field.kind not in (Kind.TEXT, Kind.LONG_TEXT):
            return column if field is None or field.kind != Kind.CODES else None
        return self._in_greek(column)

    @staticmethod
    def _in_greek(column: Any) -> Any:
        return column if column.key == "sort_key" else sa.func.greek_key(column)

    # --- values ---

    def shown(self, row: Any, name: str) -> str:
        """A value as people read it."""
        if self.is_link(name):
            linked = getattr(row, name.removesuffix("_id"))
            return str(linked) if linked is not None else ""
        return values.shown(self.fields[name], getattr(row, name)) if name in self.fields else str(getattr(row, name))

    @expose("/ajax/lookup/")
    def ajax_lookup(self) -> Any:
        """Rows to choose from while typing: those that the user sees, twenty at most."""
        name = request.args.get("name", "")
        if not (self.is_link(name) and self.sees(name) and (self.can_create or self.can_edit)):
            abort(404)
        target = link_target(self.model, name)
        rows = choosable(target)
        query = request.args.get("query", "").replace("\0", "").strip()[:200]
        if query and issubclass(target, Scoped):
            audit.note_reading(db.session, AuditAction.SEARCH, subject_type=target.__tablename__, search=query)
        if query:
            rows = rows.where(matches(target, query) if issubclass(target, Searchable) else sa.false())
        found = list(db.session.scalars(rows.limit(20)))
        return jsonify([(row.id, text) for row, text in zip(found, told_apart(found), strict=True)])

    @expose("/ajax/update/", methods=("POST",))
    def ajax_update(self) -> Any:
        """Nothing is edited in lists: the one path without version, warnings and form is closed."""
        abort(404)


def _led(index: int, row: tuple[int, list[str]]) -> tuple[int, list[str]]:
    """The row, whose cell at this place, a person's number and name, becomes a link."""
    key, cells = row
    person, _blank, name = cells[index].partition(" ")
    if person:
        cells[index] = f'<a href="../beneficiary/details/?id={person}">{name}</a>'
    return key, cells


def _warned(places: list[int], row: tuple[int, list[str]]) -> tuple[int, list[str]]:
    """The row, whose last cells, its warnings, go into the cells that they are about."""
    key, cells = row
    cells, warnings = cells[: -len(places)], cells[-len(places) :]
    for place, said in zip(places, warnings, strict=True):
        if said:
            cells[place] += f' <b class="due-late">{said}</b>'
    return key, cells
