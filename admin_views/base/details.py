"""A record whole: its data, what hangs on it, its states and its history."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from flask import request, url_for
from flask_admin import expose
from flask_admin.helpers import get_redirect_target
from markupsafe import Markup
from sqlalchemy import orm

import audit
import policy
from db import Base, Field, Kind, db, fields, link_target
from i18n import _
from models import Beneficiary, today
from vocabulary import AuditAction

from . import values
from .moving import Moving
from .screen import Child, Screen, person_of
from .writing import MAIN


class Details(Moving):
    """The details page of a screen."""

    def render(self, template: str, **kwargs: Any) -> str:
        """A page with what the project's templates need beside Flask-Admin's own context."""
        kwargs.setdefault("title", str(self.model.labels))
        if "form" in kwargs:
            kwargs["form_groups"] = self.form_groups(kwargs["form"])
            row = kwargs.get("model")
            kwargs["title"] = self.new_title() if row is None else str(row)
            kwargs["person"] = self._person(kwargs["form"], row)
        return super().render(template, **kwargs)

    def _person(self, form: Any, row: Any) -> Any:
        """Whose form this is; it stays in sight while the form scrolls."""
        if row is not None:
            return person_of(row)
        chosen = form._fields.get("beneficiary_id")
        person = db.session.get(Beneficiary, chosen.data) if chosen is not None and chosen.data else None
        if person is not None:
            # Numbers can be counted up, and the form says whose each is.
            audit.note_reading(db.session, AuditAction.VIEW, person)
        return person

    def new_title(self) -> str:
        """The heading over the form of a new row."""
        return _("New: %(what)s", what=self.model.label)

    @expose("/details/")
    def details_view(self, asked: dict[str, Any] | None = None) -> Any:
        """The record whole; over it the change of state that was asked and refused, where there was one."""
        row = self.get_one(request.args.get("id"))
        audit.note_reading(db.session, AuditAction.VIEW, row)
        return self.render(
            self.details_template,
            model=row,
            title=str(row),
            subtitle=self.subtitle(row),
            person=person_of(row),
            links=self.links(row),
            may_change=self.may_change(row),
            trail_url=self.trail_url(row) if policy.may(self.scope, "read", "audit_entry") else None,
            sections=self.sections(row),
            transitions=self.transitions(row),
            transition_url=url_for(".move_view", id=row.id),
            asked=asked or {"on": values.greek_date(today())},
            children=[part for child in self.children if (part := self.child_part(child, row))],
            timeline=self.timeline(row),
            history=self.history(row),
            return_url=get_redirect_target() or url_for(".index_view"),
        )

    def subtitle(self, row: Any) -> str:
        """What stands under the record's name."""
        unit = getattr(row, "unit", None)
        return f"{self.model.label} · {unit}" if unit and len(self.scope.unit_ids) > 1 else str(self.model.label)

    def trail_url(self, row: Any) -> str:
        """All acts about the record, views and exports too."""
        return url_for("audit_entry.index_view", flt0_subject_type_is=row.__tablename__, flt1_subject_id_is=row.id)

    def links(self, row: Any) -> list[dict[str, str]]:
        """What else may be begun from here: label and address."""
        return []

    def sections(self, row: Any) -> list[tuple[Any, list[tuple[Any, str]]]]:
        """Labels and values under their headings, without the empty ones."""
        found: dict[Any, list[tuple[Any, str]]] = {}
        for name, label in (pair for pair in self._details_columns if not self.is_own_unit(pair[0])):
            if text := self.said(row, name):
                found.setdefault(self.fields[name].group or MAIN, []).append((label, self._led(row, name, text)))
        return list(found.items())

    def said(self, row: Any, name: str) -> str:
        """A value as the record's own page says it."""
        return self.shown(row, name)

    def _led(self, row: Any, name: str, text: str) -> str:
        """The name of another record leads to it, where the reader may go there."""
        view = self.find_view(link_target(self.model, name)) if self.is_link(name) else None
        if view is None or not view.may("read"):
            return text
        address = url_for(f"{view.endpoint}.details_view", id=getattr(row, name))
        return Markup('<a href="{}">{}</a>').format(address, text)

    def child_part(self, child: Child, row: Any) -> dict[str, Any] | None:
        """The newest rows of another table that belong to this record."""
        if not policy.may(self.scope, "read", child.model.__tablename__):
            return None
        view, belongs = self.view_of(child.model), child.belongs_to(row)
        names = [name for name in child.columns if view.sees(name)]
        newest = getattr(child.model, child.newest or "id")
        number = child.model.__table__.c.id
        links = (orm.joinedload(view.through(column)) for column in view.links_behind(names))
        rows = sa.select(child.model).options(*links).where(belongs)
        before = [] if child.first is None else [child.first.desc()]
        rows = rows.order_by(*before, newest.desc(), number.desc()).limit(50)
        here = self.get_url(".details_view", id=row.id)
        name = child.model.__tablename__
        count = db.session.scalar(sa.select(sa.func.count()).select_from(child.model).where(belongs))
        may_add = view.can_create and self.takes(row, child.model)
        return {
            "title": str(child.model.labels),
            "name": name,
            "count": count,
            "add_url": url_for(f"{name}.create_view", url=here, **{child.column: row.id}) if may_add else None,
            "begin": self._beginning(child, row) if may_add and child.begins and not count else None,
            "list_url": None if child.where else url_for(f"{name}.index_view", **{f"flt0_{child.column}_is": row.id}),
            "headers": [str(label) for _name, label in view._labelled(names)],
            "rows": [self._child_row(view, each, names, here, child) for each in db.session.scalars(rows)],
            "empty": _("Nothing here yet."),
        }

    def _beginning(self, child: Child, row: Any) -> dict[str, str] | None:
        """The form of what would hold the first of these rows."""
        assert child.begins is not None
        model, label = child.begins
        url = url_for(f"{model.__tablename__}.create_view", **{child.column: row.id})
        return {"url": url, "label": str(label)} if self.view_of(model).can_create else None

    def _child_row(self, view: Screen, row: Any, names: list[str], here: str, child: Child) -> dict[str, Any]:
        name, may_edit = view.model.__tablename__, view.can_edit and view.may_change(row)
        return {
            "url": self._address(view, row, child.leads_to),
            "edit_url": url_for(f"{name}.edit_view", id=row.id, url=here) if may_edit else None,
            "cells": [_cell(view, row, column, child.led) for column in names],
        }

    def _address(self, view: Screen, row: Any, leads_to: str | None) -> str:
        linked = getattr(row, leads_to.removesuffix("_id")) if leads_to else None
        name, shown = (linked.__tablename__, linked) if linked is not None else (view.endpoint, row)
        return url_for(f"{name}.details_view", id=shown.id)

    def find_view(self, model: type[Base]) -> Screen | None:
        """The screen of another table, if it has one."""
        return next((view for view in self.admin._views if getattr(view, "model", None) is model), None)  # type: ignore[union-attr]

    def view_of(self, model: type[Base]) -> Screen:
        """The screen of a table that has one."""
        view = self.find_view(model)
        assert view is not None, f"{model.__name__} has no screen"
        return view

    def timeline(self, row: Any) -> list[dict[str, Any]]:
        """The states that the record went through."""
        return [
            {"on": values.greek_date(step.on), "label": str(step.status), "note": step.note, "by": str(step.by or "")}
            for step in getattr(row, "steps", ())
        ]

    def history(self, row: Any) -> list[dict[str, Any]]:
        """The record's history tab."""
        entries = (told(entry, self.scope) for entry in audit.history(db.session, row))
        return [entry for entry in entries if entry["changes"] or not entry["has_changes"]]


def _cell(view: Any, row: Any, column: str, led: tuple[str, ...]) -> str:
    text: str = view.shown(row, column)
    return view._led(row, column, text) if column in led else text


def told(entry: Any, scope: policy.Scope) -> dict[str, Any]:
    """A trail entry as people read it: moment, sentence and the difference, without what the reader may not see."""
    model = audit.model_named(entry.subject_type)
    columns = fields(model) if model else {}
    kept = audit.changes_of(entry)
    password = [{"label": _("Password"), "old": "", "new": _("(changed)")}] if "password" in kept else []
    return {
        "seq": entry.seq,
        "has_changes": bool(kept),
        "at": values.greek_datetime(entry.at),
        "sentence": audit.sentence(entry),
        "changes": password
        + [
            {
                "label": str(columns[name].label),
                "old": _told(columns[name], old),
                "new": _told(columns[name], new),
                "is_state": name == "status",
            }
            for name, (old, new) in kept.items()
            if name in columns and policy.sees(scope, columns[name])
        ],
        "details": audit.details_of(entry),
    }


def _told(field: Field, kept: Any) -> str:
    if kept is None:
        return ""
    if isinstance(kept, str) and kept.startswith(audit.PROTECTED):
        return _("(protected value)")
    if field.kind == Kind.LINK:
        return str(kept[1] or kept[0])
    if field.kind in (Kind.CODE, Kind.CODES):
        known = {code.value: str(code) for code in field.codes}
        return ", ".join(known.get(code, str(code)) for code in (kept if isinstance(kept, list) else [kept]))
    parsed = {Kind.DATE: dt.date.fromisoformat, Kind.INSTANT: dt.datetime.fromisoformat}.get(field.kind, lambda v: v)
    return values.shown(field, parsed(kept))
