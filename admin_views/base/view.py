"""Every Flask-Admin hook, once: what a view inherits so that it can be a declaration."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import sqlalchemy as sa
from flask import Response, abort, flash, g, redirect, request, url_for
from flask_admin import expose
from flask_admin.actions import action
from flask_admin.contrib.sqla import ModelView
from jinja2 import pass_context
from sqlalchemy import orm
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

import audit
import exports
import policy
from db import BadValue, Base, Field, Kind, Searchable, begin_write, db, fields, link_target, row_id
from i18n import Label, _, language
from identifiers import InvalidIdentifier
from models import Municipality, Staged, Submission, now, today
from vocabulary import AuditAction

from . import values
from .filters import column_filters, matches
from .forms import KentroForm, LinkField, choosable, form_class

MAIN = Label("Στοιχεία", "Data")


@dataclass(frozen=True)
class Child:
    """Rows of another table, shown and added on their parent's page."""

    model: type[Base]
    column: str
    columns: tuple[str, ...]
    title: Label | None = None
    newest: str | None = None


class Permitted:
    """A list that Flask-Admin keeps, narrowed on every reading to the columns that the user's role sees."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.slot = f"every{name}"

    def __set__(self, view: Any, kept: Any) -> None:
        view.__dict__[self.slot] = kept

    def __get__(self, view: Any, owner: type | None = None) -> Any:
        return self if view is None else [pair for pair in view.__dict__[self.slot] if view.sees(pair[0])]


class PermittedFilters(Permitted):
    """The same for filters, by their name in URLs."""

    def __get__(self, view: Any, owner: type | None = None) -> Any:
        if view is None:
            return self
        kept = view.__dict__[self.slot] or {}
        return {name: pair for name, pair in kept.items() if view.sees(pair[1].on_column)}


class KentroView(ModelView):
    """A screen over one table.

    A subclass declares `model` and `list_columns`; columns, labels, forms, filters, search, export, details page,
    history and access follow from the model and from policy.py.
    """

    model: ClassVar[type[Base]]
    menu: ClassVar[Label | None] = None
    list_columns: ClassVar[tuple[str, ...]] = ()
    default_order: ClassVar[tuple[str, bool] | None] = None
    children: ClassVar[tuple[Child, ...]] = ()
    locked_columns: ClassVar[tuple[str, ...]] = ()
    made_columns: ClassVar[dict[str, Label]] = {}

    page_size = 50
    page_size_options = (20, 50, 100)
    can_set_page_size = True
    named_filter_urls = True
    can_view_details = True
    export_types = ["xlsx"]
    list_template = "admin/model/list.html"
    create_template = "admin/model/create.html"
    edit_template = "admin/model/edit.html"
    details_template = "admin/model/details.html"

    _list_columns = Permitted()
    _export_columns = Permitted()
    _details_columns = Permitted()
    _filter_args = PermittedFilters()

    def __init__(self) -> None:
        self.column_list = self.list_columns or tuple(self.fields)[:8]
        self.column_details_list = self.column_export_list = tuple(self.fields)
        self.column_labels = {name: field.label for name, field in self.fields.items()}
        self.column_filters = [flt for name in self.fields for flt in column_filters(self.model, name)]
        name = self.model.__tablename__
        super().__init__(self.model, db, name=self.model.labels, category=self.menu, endpoint=name, url=f"/admin/{name}")  # type: ignore[arg-type]

    @cached_property
    def fields(self) -> dict[str, Field]:
        """The model's declared columns."""
        return fields(self.model)

    # --- access ---

    @property
    def scope(self) -> policy.Scope:
        """Whose request this is."""
        return policy.scope_in(db.session)

    def may(self, action: str) -> bool:
        """The user's role may do this here."""
        return policy.may(self.scope, action, self.model.__tablename__)

    def sees(self, name: str) -> bool:
        """The user's role sees this column."""
        return name not in self.fields or policy.sees(self.scope, self.fields[name])

    def is_accessible(self) -> bool:
        """Shown in the menu, and answered at all, only to whom the screen is for."""
        return self.may("read")

    def is_visible(self) -> bool:
        """In the menu only under a heading; other screens are reached from their parent's page."""
        return self.menu is not None

    can_create = property(lambda self: self.may("create"))
    can_edit = property(lambda self: self.may("edit"))
    can_delete = property(lambda self: self.may("delete"))
    can_export = property(lambda self: self.may("export"))

    def routes(self) -> dict[str, str]:
        """What each route of the screen needs; one that is not named is refused."""
        return ENDPOINT_ACTIONS

    def inaccessible_callback(self, name: str, **kwargs: Any) -> Any:
        """Strangers sign in; others are refused."""
        return abort(403) if self.scope.is_authenticated else redirect(url_for("auth.login", next=request.full_path))

    def get_one(self, id: Any) -> Any:
        """The row, if the user sees it. A foreign one and one that does not exist are the same 404."""
        key = row_id(id)
        row = db.session.get(self.model, key, populate_existing=True) if key else None
        if row is None:
            audit.note(db.session, AuditAction.REFUSED, subject_type=self.model.__tablename__, id=str(id)[:20])
            abort(404)
        return row

    # --- list ---

    def get_list_columns(self) -> Any:
        """Names and labels; labels stay lazy, for the reader's language."""
        return self._labelled(self.column_list)

    def get_details_columns(self) -> Any:
        """All declared columns."""
        return self._labelled(self.fields)

    get_export_columns = get_details_columns

    def _labelled(self, names: Iterable[str]) -> list[tuple[str, Any]]:
        return [(name, self.fields[name].label if name in self.fields else self.made_columns[name]) for name in names]

    def get_sortable_columns(self) -> dict[Any, Any]:
        """Every list column, in Greek order where it is text."""
        return {name: name for name in self.column_list if name in self.fields and self._order(name) is not None}

    def init_search(self) -> bool:
        """Rows with a search key are found by typing."""
        return issubclass(self.model, Searchable)

    def search_placeholder(self) -> str | None:
        """What may be typed."""
        return ", ".join(str(field.label) for field in self.fields.values() if field.search)

    def get_filter_arg(self, index: int, flt: Any) -> str:
        """A filter's name in URLs, the same in every language."""
        return str(flt.slug)

    def _get_filter_groups(self) -> dict[str, list[dict[str, Any]]]:
        """The filters that this reader may use, with the choices that this reader sees."""
        groups: dict[str, list[dict[str, Any]]] = {}
        for arg, (index, flt) in self._filter_args.items():
            groups.setdefault(str(flt.name), []).append(
                {"index": index, "arg": arg, "operation": str(flt.operation()), "options": flt.choices(), "type": flt.data_type}
            )
        return groups

    def scaffold_auto_joins(self) -> list[Any]:
        """The rows that a list names, in the same query."""
        return [getattr(self.model, name.removesuffix("_id")) for name in self.column_list if self._is_link(name)]

    def _is_link(self, name: str) -> bool:
        return name in self.fields and self.fields[name].kind == Kind.LINK

    def _get_list_extra_args(self) -> Any:
        """Odd pages, sizes and searches from outside are brought into bounds."""
        args = super()._get_list_extra_args()
        args.page = min(max(args.page or 0, 0), 1_000_000)
        args.search = (args.search or "").replace("\0", "")[:200].strip() or None
        args.extra_args = {}
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
        filters = [f"{self.fields[self._filters[i].on_column].label} {self._filters[i].operation()} {value}"[:200]
                   for i, _name, value in args.filters or ()]  # fmt: skip
        return ({"search": args.search} if args.search else {}) | ({"filters": filters} if filters else {})

    def _apply_search(self, query: Any, count_query: Any, joins: Any, count_joins: Any, search: str) -> Any:
        found = matches(self.model, search)
        return query.filter(found), count_query and count_query.filter(found), joins, count_joins

    def get_count_query(self) -> Any:
        """Rows in sight."""
        return db.session.query(sa.func.count(self.model.id))  # type: ignore[attr-defined]

    def _apply_sorting(self, query: Any, joins: Any, sort_column: Any, sort_desc: bool) -> Any:
        """The asked order, then the screen's own, then the number: pages never overlap."""
        name, descending = (sort_column, bool(sort_desc)) if sort_column else self._own_order()
        order = [self._order(name)] if name else []
        order.append(self.model.id)  # type: ignore[attr-defined]
        if name and self._is_link(name) and (order[0] is not None):
            query = query.outerjoin(getattr(self.model, name.removesuffix("_id")))
        return query.order_by(*(part.desc() if descending else part.asc() for part in order)), joins

    def _own_order(self) -> tuple[str | None, bool]:
        return self.default_order or (("sort_key", False) if issubclass(self.model, Searchable) else (None, True))

    def _order(self, name: str) -> Any:
        if self._is_link(name):
            target = link_target(self.model, name)
            reading = next((key for key in ("sort_key", "full_name", "name") if hasattr(target, key)), None)
            return reading and getattr(target, reading)
        column = getattr(self.model, name)
        field = self.fields.get(name)
        if field is None or field.kind not in (Kind.TEXT, Kind.LONG_TEXT):
            return column if field is None or field.kind != Kind.CODES else None
        return sa.func.greek_key(column)

    # --- values ---

    def shown(self, row: Any, name: str) -> str:
        """A cell as people read it."""
        if self._is_link(name):
            linked = getattr(row, name.removesuffix("_id"))
            return str(linked) if linked is not None else ""
        return values.shown(self.fields[name], getattr(row, name)) if name in self.fields else str(getattr(row, name))

    @pass_context
    def get_list_value(self, context: Any, model: Any, name: str) -> str:
        """Flask-Admin asks for a cell of a list."""
        return self.shown(model, name)

    # --- form ---

    def scaffold_form(self) -> type[KentroForm]:
        """The form of all columns that people fill in."""
        derived = ("unit_id",) if getattr(self.model, "unit_from", None) else ()
        return form_class(self.model, [n for n, f in self.fields.items() if f.form and n not in derived])

    def get_create_form(self) -> type[KentroForm]:
        """The form of a new row."""
        return self.scaffold_form()

    def get_edit_form(self) -> type[KentroForm]:
        """The form of a row that stands: its unit stays, and so do the columns that the screen locks."""
        stays = {"unit_id", *self.locked_columns}
        return type("EditForm", (self.scaffold_form(),), dict.fromkeys(stays))

    def create_form(self, obj: Any = None) -> KentroForm:
        """A form for a new row; links named in the URL are filled in."""
        form = self._narrowed(super().create_form(obj))
        if request.method == "GET":
            for name, field in form._fields.items():
                if isinstance(field, LinkField):
                    self._prefill(field, request.args.get(name))
        return form

    def edit_form(self, obj: Any = None) -> KentroForm:
        """A form for a row that stands."""
        return self._narrowed(super().edit_form(obj))

    def _narrowed(self, form: Any) -> KentroForm:
        for name in [name for name in form._fields if not self.sees(name)]:
            del form[name]
        if request.method == "POST":
            form.drop_unsent({*request.form, "version", "form_token"}, is_new=form._obj is None)
        form.warnings = []
        return form  # type: ignore[no-any-return]

    def _prefill(self, field: LinkField, asked: str | None) -> None:
        if asked:
            field.data = row_id(asked)
            field.data = field.data if field.chosen() is not None else None
        elif field.data is None:
            if field.target.__name__ == "User" and field.flags.required:
                field.data = self.scope.user_id
            elif field.column == "unit_id" and len(self.scope.unit_ids) == 1:
                field.data = self.scope.unit_ids[0]

    def form_groups(self, form: KentroForm) -> list[tuple[Any, list[str]]]:
        """The form's fields under the headings that their columns declare."""
        groups: dict[Any, list[str]] = {}
        for name, box in form._fields.items():
            if name not in ("version", "form_token") and box.type != "HiddenField":
                field = self.fields.get(name)
                groups.setdefault((field.group if field else None) or MAIN, []).append(name)
        return list(groups.items())

    # --- writing ---

    def create_model(self, form: Any) -> Any:
        """A new row, once: the same form sent again answers with the row that it made before."""
        sent = db.session.get(Submission, form.form_token.data[:64]) if form.form_token.data else None
        if sent is not None and sent.user_id == self.scope.user_id and sent.subject_type == self.model.__tablename__:
            return db.session.get(self.model, sent.subject_id) or False
        row = self.model()
        return row if self._save(form, row, is_created=True) else False

    def update_model(self, form: Any, model: Any) -> bool:
        """The row changed, unless somebody else changed it since the form was opened."""
        if form.version.data != str(model.version):
            self._tell_conflict(form, model)
            return False
        return self._save(form, model, is_created=False)

    def _save(self, form: Any, row: Any, *, is_created: bool) -> bool:
        try:
            with db.session.no_autoflush:
                form.populate_obj(row)
                self.on_model_change(form, row, is_created)
            if is_created:
                db.session.add(row)
            db.session.flush()
            if is_created and form.form_token.data:
                self._keep_submission(form, row)
        except (BadValue, InvalidIdentifier) as error:
            return self._undo(form, str(error), getattr(error, "field", None))
        except IntegrityError as error:
            return self._undo(form, *_explained(error, self.model))
        except StaleDataError:
            db.session.rollback()
            self._tell_conflict(form, db.session.get(self.model, row.id, populate_existing=True))
            return False
        for text in self.warnings(row):
            flash(text, "warning")
        return True

    def _keep_submission(self, form: Any, row: Any) -> None:
        token = form.form_token.data[:64]
        db.session.add(
            Submission(token=token, user_id=self.scope.user_id, subject_type=row.__tablename__, subject_id=row.id)
        )
        db.session.flush()

    def _undo(self, form: Any, message: str, name: str | None) -> bool:
        """Nothing was saved; the form keeps what was typed and says why, beside the field where one is to blame."""
        db.session.rollback()
        if name in form._fields:
            form._fields[name].errors = [*form._fields[name].errors, _(message)]
        else:
            flash(_(message), "error")
        return False

    def warnings(self, row: Any) -> list[str]:
        """What a saved row should make its clerk look at again."""
        return []

    def _tell_conflict(self, form: Any, model: Any) -> None:
        """Somebody else saved in between: each field that differs shows theirs, and the next save is knowing."""
        form.version.data = str(model.version)
        form.version.raw_data = None
        for name, box in form._fields.items():
            if name in self.fields and box.data != getattr(model, name):
                box.theirs = self.shown(model, name) or _("(empty)")
        flash(_("Somebody else changed this record meanwhile. Compare below, and save again to keep yours."), "warning")

    def delete_model(self, model: Any) -> bool:
        """The row gone, unless others hang on it."""
        try:
            db.session.delete(model)
            db.session.flush()
        except (IntegrityError, BadValue, StaleDataError):
            db.session.rollback()
            flash(_("This record cannot be deleted: others refer to it."), "error")
            return False
        return True

    def handle_view_exception(self, exc: Exception) -> bool:
        """No exception's text ever reaches a page."""
        return False

    def get_save_return_url(self, model: Any, is_created: bool = False) -> str:
        """Back to the page that asked, else to the record itself."""
        asked = super().get_save_return_url(model, is_created)
        return asked if asked != self.get_url(".index_view") else self.get_url(".details_view", id=model.id)

    # --- pages ---

    def render(self, template: str, **kwargs: Any) -> str:
        """A page with what the project's templates need beside Flask-Admin's own context."""
        kwargs.setdefault("title", str(self.model.labels))
        if "form" in kwargs:
            kwargs["form_groups"] = self.form_groups(kwargs["form"])
            kwargs["title"] = str(kwargs["model"]) if kwargs.get("model") is not None else self.new_title()
        if "list_columns" in kwargs:
            kwargs["export_url"] = url_for(".export", export_type="xlsx", **request.args) if self.can_export else None
        return super().render(template, **kwargs)

    def new_title(self) -> str:
        """The heading over the form of a new row."""
        return _("New: %(what)s", what=self.model.label)

    @expose("/details/")
    def details_view(self) -> Any:
        """The record whole: its data, what hangs on it, its states and its history."""
        row = self.get_one(request.args.get("id"))
        audit.note(db.session, AuditAction.VIEW, row)
        return self.render(
            self.details_template,
            model=row,
            title=str(row),
            subtitle=self.subtitle(row),
            sections=self.sections(row),
            transitions=self.transitions(row),
            transition_url=url_for(".move_view", id=row.id),
            today=values.greek_date(today()),
            children=[part for child in self.children if (part := self.child_part(child, row))],
            timeline=self.timeline(row),
            history=self.history(row),
            return_url=url_for(".index_view"),
        )

    def subtitle(self, row: Any) -> str:
        """What stands under the record's name."""
        return str(self.model.label)

    def sections(self, row: Any) -> list[tuple[Any, list[tuple[Any, str]]]]:
        """Labels and values under their headings, without the empty ones."""
        found: dict[Any, list[tuple[Any, str]]] = {}
        for name, label in self._details_columns:
            if text := self.shown(row, name):
                found.setdefault(self.fields[name].group or MAIN, []).append((label, text))
        return list(found.items())

    def child_part(self, child: Child, row: Any) -> dict[str, Any] | None:
        """The newest rows of another table that belong to this record."""
        if not policy.may(self.scope, "read", child.model.__tablename__):
            return None
        view, column = self.view_of(child.model), getattr(child.model, child.column)
        names = [name for name in child.columns if view.sees(name)]
        newest = getattr(child.model, child.newest or "id")
        rows = db.session.scalars(
            sa.select(child.model).where(column == row.id).order_by(newest.desc(), child.model.id.desc()).limit(50)  # type: ignore[attr-defined]
        )
        here = self.get_url(".details_view", id=row.id)
        name = child.model.__tablename__
        return {
            "title": str(child.title or child.model.labels),
            "name": name,
            "count": db.session.scalar(sa.select(sa.func.count(child.model.id)).where(column == row.id)),  # type: ignore[attr-defined]
            "add_url": url_for(f"{name}.create_view", url=here, **{child.column: row.id}) if view.can_create else None,
            "list_url": None,
            "headers": [str(view.fields[name].label) for name in names],
            "rows": [self._child_row(view, each, names, here) for each in rows],
            "empty": _("Nothing here yet."),
        }

    def _child_row(self, view: KentroView, row: Any, names: list[str], here: str) -> dict[str, Any]:
        name = view.model.__tablename__
        return {
            "url": url_for(f"{name}.details_view", id=row.id),
            "edit_url": url_for(f"{name}.edit_view", id=row.id, url=here) if view.can_edit else None,
            "cells": [view.shown(row, column) for column in names],
        }

    def view_of(self, model: type[Base]) -> KentroView:
        """The screen of another table."""
        return next(view for view in self.admin._views if getattr(view, "model", None) is model)  # type: ignore[union-attr]

    def timeline(self, row: Any) -> list[dict[str, Any]]:
        """The states that the record went through."""
        return [
            {"on": values.greek_date(step.on), "label": str(step.status), "note": step.note, "by": str(step.by or "")}
            for step in getattr(row, "steps", ())
        ]

    def history(self, row: Any) -> list[dict[str, Any]]:
        """The record's history tab."""
        return [told(entry, self.scope) for entry in audit.history(db.session, row)]

    # --- changes of state ---

    def transitions(self, row: Any) -> list[dict[str, str]]:
        """The moves that the record allows now, if the user may make them."""
        if not isinstance(row, Staged) or not self.may("move"):
            return []
        return [{"name": state.value, "label": str(state), "style": "primary"} for state in row.next_states]

    @expose("/move/", methods=("POST",))
    def move_view(self) -> Any:
        """Change the record's state, with a date and a note."""
        if not issubclass(self.model, Staged):
            abort(404)
        row = self.get_one(request.args.get("id"))
        try:
            states = {state.value: state for state in row.next_states}
            on = values.parse_date(request.form.get("on") or values.greek_date(today()))
            row.move_to(states.get(request.form.get("to", "")), on, request.form.get("note"), self.scope.user_id)
            db.session.flush()
            flash(_("The state is now: %(state)s", state=row.status), "success")
        except BadValue as error:
            db.session.rollback()
            flash(_(str(error)), "error")
        except ValueError:
            db.session.rollback()
            flash(_("Not a date: write day/month/year, as in 25/03/1980."), "error")
        except StaleDataError:
            db.session.rollback()
            flash(_("Somebody else changed this record meanwhile. Look again."), "error")
        return redirect(url_for(".details_view", id=row_id(request.args.get("id"))))

    # --- bulk, look-ups, export ---

    @action("delete", Label("Διαγραφή", "Delete"), Label("Να διαγραφούν οι επιλεγμένες εγγραφές;", "Delete the selected records?"))  # type: ignore[arg-type]
    def action_delete(self, ids: Sequence[str]) -> None:
        """Delete the chosen rows, all or none."""
        rows = [self.get_one(id) for id in dict.fromkeys(ids)]
        if all([self.delete_model(row) for row in rows]):
            flash(_("%(n)s records were deleted.", n=len(rows)), "success")

    def is_action_allowed(self, name: str) -> bool:
        """Bulk actions need the same leave as single ones."""
        return self.may(name)

    @expose("/ajax/lookup/")
    def ajax_lookup(self) -> Any:
        """Rows to choose from while typing: those that the user sees, twenty at most."""
        name = request.args.get("name", "")
        if not (self._is_link(name) and self.sees(name) and (self.can_create or self.can_edit)):
            abort(404)
        target = link_target(self.model, name)
        rows = choosable(target)
        if query := request.args.get("query", "").replace("\0", "")[:200].strip():
            rows = rows.where(matches(target, query) if issubclass(target, Searchable) else sa.false())
        start = min(max(request.args.get("offset", 0, type=int), 0), 10_000)
        found = [(row.id, self.lookup_text(row)) for row in db.session.scalars(rows.limit(20).offset(start))]
        return Response(json.dumps(found, ensure_ascii=False), mimetype="application/json")

    def lookup_text(self, row: Any) -> str:
        """How a row is told from its namesakes in a list of choices."""
        described = getattr(row, "described", None)
        return described() if described else str(row)

    @expose("/ajax/update/", methods=("POST",))
    def ajax_update(self) -> Any:
        """Nothing is edited in lists: the one path without version, warnings and form is closed."""
        abort(404)

    @expose("/export/<export_type>/")
    def export(self, export_type: str) -> Any:
        """Exactly the filtered rows, in the columns that the role sees, as a workbook."""
        if export_type != "xlsx":
            abort(404)
        if not self.can_export:
            abort(403)
        args = self._get_list_extra_args()
        sort = self._get_column_by_idx(args.sort)
        _count, query = self.get_list(None, sort and sort[0], args.sort_desc, args.search, args.filters, execute=False, page_size=False)  # type: ignore[arg-type]  # fmt: skip
        names = [name for name, _label in self._export_columns]
        loads = [orm.joinedload(getattr(self.model, n.removesuffix("_id"))) for n in names if self._is_link(n)]
        rows = query.options(*loads).yield_per(500)  # type: ignore[attr-defined]
        return self._workbook(args, names, rows)

    def _workbook(self, args: Any, names: list[str], rows: Iterable[Any]) -> Response:
        title, moment = str(self.model.labels), now().astimezone(values.ATHENS)
        columns = [values.export_column(self.fields[name]) for name in names]
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
                columns=[str(self.fields[name].label) for name in names], sha256=written.sha256, **self._asked(args),
            )  # fmt: skip
            return self._download(path, exports.file_name(title, moment))

    def _download(self, path: Path, name: str) -> Response:
        """Spooled to an unlinked file first, so that a slow reader holds no transaction open."""
        spooled = path.open("rb")
        response = Response(iter(lambda: spooled.read(65536), b""), mimetype=exports_mimetype)
        response.call_on_close(spooled.close)
        response.headers["Content-Length"] = str(path.stat().st_size)
        response.headers["Content-Disposition"] = exports.content_disposition(name)
        return response

    def _cell(self, row: Any, name: str) -> Any:
        return self.shown(row, name) if self._is_link(name) else values.exported(self.fields[name], getattr(row, name))

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


exports_mimetype = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

ENDPOINT_ACTIONS: dict[str, str] = {
    "index_view": "read",
    "details_view": "read",
    "create_view": "create",
    "edit_view": "edit",
    "delete_view": "delete",
    "action_view": "read",
    "export": "export",
    "ajax_lookup": "read",
    "ajax_update": "edit",
    "move_view": "move",
}
"""What each route of a screen needs; a route that is not named here is refused (see `gate`)."""


def gate(views: Callable[[], Iterable[Any]]) -> Callable[[], Any]:
    """One gate before every screen: the route's action must be one that the role may do there."""

    def _gate() -> Any:
        endpoint, _dot, route = (request.endpoint or "").partition(".")
        view = next((v for v in views() if isinstance(v, KentroView) and v.endpoint == endpoint), None)
        if view is None or not view.scope.is_authenticated or route == "static":
            return None
        if route not in view.routes() or not view.may(view.routes()[route]):
            abort(403)
        return None

    return _gate


def _explained(error: IntegrityError, model: type[Base]) -> tuple[str, str | None]:
    """A broken constraint in words for the clerk, and the field to blame; never the database's own text."""
    broken = _constraint(error, model)
    if isinstance(broken, (sa.UniqueConstraint, sa.Index)):
        column = [column.name for column in broken.columns if column.name not in ("unit_id", "household_id", "event_id")]
        return _m("This value is already used in another record of the unit."), (column or [None])[0]
    if isinstance(broken, sa.CheckConstraint):
        return _m("The values do not agree with each other."), None
    return _m("The record does not agree with others that it refers to."), None


def _m(message: str) -> str:
    return message


def _constraint(error: IntegrityError, model: type[Base]) -> Any:
    table = model.__table__
    known = {c.name: c for c in [*table.constraints, *table.indexes]}  # type: ignore[attr-defined]
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        return known.get(diagnosis.constraint_name)
    text = str(error.orig)
    names = {part.strip().partition(".")[2] for part in text.partition(": ")[2].split(",")}
    unique = (c for c in known.values() if isinstance(c, sa.UniqueConstraint) or getattr(c, "unique", False))
    if text.startswith("UNIQUE"):
        return next((c for c in unique if {column.name for column in c.columns} == names), None)
    return known.get(text.partition(": ")[2])


def told(entry: Any, scope: policy.Scope) -> dict[str, Any]:
    """A trail entry as people read it: moment, sentence and the difference, without what the reader may not see."""
    model = audit.model_named(entry.subject_type)
    columns = fields(model) if model else {}
    return {
        "seq": entry.seq,
        "at": values.greek_datetime(entry.at),
        "sentence": audit.sentence(entry),
        "changes": [
            {"label": str(columns[name].label), "old": _told(columns[name], old), "new": _told(columns[name], new)}
            for name, (old, new) in audit.changes_of(entry).items()
            if name in columns and policy.sees(scope, columns[name])
        ],
        "details": audit.details_of(entry),
    }


def _told(field: Field, kept: Any) -> str:
    if kept is None:
        return "–"
    if isinstance(kept, str) and kept.startswith(audit.PROTECTED):
        return _("(protected value)")
    if field.kind == Kind.LINK:
        return str(kept[1] or kept[0])
    if field.kind in (Kind.CODE, Kind.CODES):
        known = {code.value: str(code) for code in field.codes}
        return ", ".join(known.get(code, str(code)) for code in (kept if isinstance(kept, list) else [kept]))
    parsed = {Kind.DATE: dt.date.fromisoformat, Kind.INSTANT: dt.datetime.fromisoformat}.get(field.kind, lambda v: v)
    return values.shown(field, parsed(kept))
