"""Forms and what they do: create and edit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from flask import abort, flash, redirect, request, session, url_for
from flask_admin import expose
from flask_admin.babel import gettext
from markupsafe import Markup
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

import audit
import policy
from auth import own_address
from db import BadValue, Base, Field, Kind, clean, db, row_id
from i18n import Label, _
from identifiers import N_, InvalidIdentifier
from models import Scoped, Submission, User
from vocabulary import AuditAction

from .fields import LinkField, UnitField
from .forms import KentroForm, form_class
from .listing import Listing

OWN_WORDS = ("Record was successfully created.", "Record was successfully saved.")
STAYING = ("_add_another", "_continue_editing")
"""Buttons after which a form stays open."""
MAIN = Label("Στοιχεία", "Data")


class Writing(Listing):
    """The forms of a screen."""

    def scaffold_form(self) -> type[KentroForm]:
        """The form of all columns that people fill in."""
        derived = ("unit_id",) if getattr(self.model, "unit_from", None) else ()
        return form_class(self.model, [n for n, f in self.fields.items() if f.form and n not in derived])

    def get_create_form(self) -> type[KentroForm]:
        """The form of a new row."""
        return type("NewForm", (self.scaffold_form(),), dict.fromkeys(self.later_columns))

    def get_edit_form(self) -> type[KentroForm]:
        """The form of a row that stands: its unit stays, and so do the columns that the screen locks."""
        stays = {"unit_id", *self.locked_columns}
        return type("EditForm", (self.scaffold_form(),), dict.fromkeys(stays))

    def create_form(self, obj: Any = None) -> KentroForm:
        """A form for a new row; links named in the URL are filled in."""
        form = self._narrowed(super().create_form(obj))
        if request.method == "GET":
            links = [field for field in form if isinstance(field, LinkField)]
            for field in links:
                self._prefill(field, request.args.get(field.name))
            self._prefill_unit(links)
            for field in form:
                if field.name in self.kept_columns and field.name in request.args and field not in links:
                    field.process(request.args)
        return form

    def edit_form(self, obj: Any = None) -> KentroForm:
        """A form for a row that stands. Opening it is looking at the row."""
        if obj is not None and not policy.may_touch(self.scope, obj):
            abort(403)
        audit.note_reading(db.session, AuditAction.VIEW, obj)
        return self._narrowed(super().edit_form(obj))

    def _narrowed(self, form: Any) -> KentroForm:
        table, scope, hidden = self.model.__tablename__, self.scope, self.hidden
        for name in list(form._fields):
            if name in hidden or not policy.sets(scope, table, name):
                del form[name]
        if request.method == "POST":
            is_new = form._obj is None
            sent = {*request.form, "version", "form_token", *(self.may_be_hidden if is_new else ())}
            form.drop_unsent(sent, is_new=is_new)
        return form  # type: ignore[no-any-return]

    def _prefill(self, field: LinkField, asked: str | None) -> None:
        if asked:
            field.data = row_id(asked)
            field.data = field.data if field.chosen() is not None else None
        elif field.data is None:
            if self.is_reader(field):
                field.data = self.scope.user_id
            elif field.column == "unit_id" and len(self.scope.unit_ids) == 1:
                field.data = self.scope.unit_ids[0]

    def is_reader(self, field: LinkField) -> bool:
        """Until somebody else is chosen, the link names who fills in the form."""
        return field.target is User and bool(field.flags.required)

    @staticmethod
    def _prefill_unit(links: list[LinkField]) -> None:
        """A row stands in the unit of what it points at (policy.py): the only one that would be taken."""
        rows = (field.chosen() for field in links if issubclass(field.target, Scoped))
        unit = next((row.unit_id for row in rows if row is not None), None)
        for field in links:
            if isinstance(field, UnitField) and field.data is None:
                field.data = unit

    def form_groups(self, form: KentroForm) -> list[tuple[Any, list[str]]]:
        """The form's fields under the headings that their columns declare."""
        groups: dict[Any, list[str]] = {}
        for name in form._fields:
            settled = name == "unit_id" and len(self.scope.unit_ids) == 1
            if name not in ("version", "form_token") and not settled:
                field = self.fields.get(name)
                groups.setdefault((field.group if field else None) or MAIN, []).append(name)
        return list(groups.items())

    @expose("/new/", methods=("GET", "POST"))
    def create_view(self) -> Any:
        """«Save and add another» opens the form again, as it was opened, and with what the screen keeps."""
        answer = _unsaid(super().create_view())
        if "_add_another" not in request.form or getattr(answer, "status_code", 200) != 302:
            return answer
        asked = {name: text for name, text in request.args.items() if name not in self.fields or self.is_link(name)}
        kept = () if "beneficiary_id" in asked else self.kept_columns
        return redirect(f"{request.path}?{urlencode(asked | {name: request.form.get(name, '') for name in kept})}")

    @expose("/edit/", methods=("GET", "POST"))
    def edit_view(self) -> Any:
        """The form of a row that stands."""
        return _unsaid(super().edit_view())

    def create_model(self, form: Any) -> Any:
        """A new row, once: the same form sent again answers with the row that it made before."""
        if self._sent(form) is None and not self._save(form, self.model(), is_created=True):
            return False
        row = self._sent(form)
        self.tell_made(row)
        return row

    def tell_made(self, row: Any) -> None:
        """What happened, and what may be done about it."""
        flash(self._saved(row) + self._how_to_undo(), "success")

    def _saved(self, row: Any) -> Markup:
        """That it was saved; its name leads to its page, unless one lands there."""
        own, name = self.get_url(".details_view", id=row.id), with_kind(row)
        is_there = self.get_save_return_url(row).partition("&")[0] == own and not {*STAYING} & {*request.form}
        said = name if is_there else Markup('<a href="{}">{}</a>').format(own, name)
        return Markup(_("Saved: %(name)s.")) % {"name": said}  # noqa: S704 (the catalogue's own words)

    def _how_to_undo(self) -> str:
        """What the role may do about a row made by mistake."""
        if self.can_edit and self.can_delete:
            return " " + _("It can be corrected or deleted on its page.")
        return " " + _("It can be corrected on its page.") if self.can_edit else ""

    def _sent(self, form: Any) -> Any:
        """The row that this very form has made already."""
        sent = db.session.get(Submission, _key(form))
        if sent is None or (sent.user_id, sent.subject_type) != (self.scope.user_id, self.model.__tablename__):
            return None
        return db.session.get(self.model, sent.subject_id)

    def update_model(self, form: Any, model: Any) -> bool:
        """The row changed, unless somebody else changed it since the form was opened."""
        if form.version.data != str(model.version):
            self._tell_conflict(form, model)
            return False
        if not self._save(form, model, is_created=False):
            return False
        flash(self._saved(model) + " " + _("Its history shows what it was before."), "success")
        return True

    def _save(self, form: Any, row: Any, *, is_created: bool) -> bool:
        try:
            with db.session.no_autoflush:
                form.populate_obj(row)
                self.on_model_change(form, row, is_created)
            changed = policy.changed(row)
            if is_created:
                db.session.add(row)
            db.session.flush()
            self.after_model_change(form, row, is_created)
            if is_created:
                self._keep_submission(form, row)
        except (BadValue, InvalidIdentifier) as error:
            return self._undo(form, str(error), getattr(error, "field", None))
        except IntegrityError as error:
            db.session.rollback()
            sent_twice_at_once = is_created and self._sent(form) is not None
            return sent_twice_at_once or self._undo(form, *self._told(form, row, error))
        except StaleDataError:
            db.session.rollback()
            self._tell_conflict(form, self.get_one(request.args.get("id")))
            return False
        for text in self.warnings(row, changed):
            flash(text, "warning")
        return True

    def _told(self, form: Any, row: Any, error: IntegrityError) -> tuple[str, str | None]:
        """Why it was not saved; with the record of the same unit that holds the value, if the reader sees it."""
        message, name = _explained(error)
        broken = _constraint(error)
        if name is None or not isinstance(broken, sa.UniqueConstraint) or broken.table is not self.model.__table__:
            return message, name
        wanted = {column.name: self._meant(form, row, column.name) for column in broken.columns}
        other = db.session.scalar(sa.select(self.model).filter_by(**wanted).limit(1))
        return (_(message) + Markup(" ") + self.lead_to(other) if other is not None else message), name

    def _meant(self, form: Any, row: Any, name: str) -> Any:
        box = form._fields.get(name)
        return getattr(row, name) if box is None else _cleaned(self.fields[name], box.data)

    def lead_to(self, row: Any) -> Markup:
        """The row's name, leading to its page."""
        return Markup('<a href="{}">{}</a>').format(
            url_for(f"{row.__tablename__}.details_view", id=row.id), row.described
        )

    def _keep_submission(self, form: Any, row: Any) -> None:
        db.session.add(
            Submission(token=_key(form), user_id=self.scope.user_id, subject_type=row.__tablename__, subject_id=row.id)
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

    def warnings(self, row: Any, changed: set[str]) -> list[str]:
        """What a saved row, of which this was changed, should make its clerk look at again."""
        return []

    def _tell_conflict(self, form: Any, model: Any) -> None:
        """Somebody else saved in between: what only they changed is taken over, what both did shows theirs beside."""
        before = audit.values_before(db.session, model, row_id(form.version.data))
        form.version.data = str(model.version)
        form.version.raw_data = None
        for name, box in form._fields.items():
            if name not in before or name not in self.fields:
                continue
            mine = _cleaned(self.fields[name], box.data)
            if audit.is_kept_as(self.fields[name], mine, before[name]):
                mine = getattr(model, name)
                box.process_data(mine)
                box.raw_data = None
            if mine != getattr(model, name) or box.raw_data is None:
                box.theirs = self.shown(model, name) or _("(empty)")
        flash(_changed_meanwhile(form), "warning")

    def flushed(self, broken: Callable[[], str] | None = None) -> bool:
        """Everything is written, or nothing, and the clerk is told why; `broken` says it where a constraint forbids."""
        try:
            db.session.flush()
        except (BadValue, InvalidIdentifier) as error:
            told = str(error)
        except IntegrityError as error:
            db.session.rollback()
            told = broken() if broken else _explained(error)[0]
        except StaleDataError:
            told = N_("Somebody else changed this record meanwhile. Look again.")
        else:
            return True
        db.session.rollback()
        flash(_(told), "error")
        return False

    def handle_view_exception(self, exc: Exception) -> bool:
        """No exception's text ever reaches a page."""
        return False

    def get_save_return_url(self, model: Any, is_created: bool = False) -> str:
        """Back to the page that asked, else to the record itself."""
        asked = own_address(request.values.get("url"))
        return asked if asked and asked != self.get_url(".index_view") else self.get_url(".details_view", id=model.id)

    def is_action_allowed(self, name: str) -> bool:
        """Bulk actions need the same leave as single ones."""
        return self.may(name)


def with_kind(row: Base) -> str:
    """The row as the trail names it: a visit and an appointment both bear the person's name."""
    name = str(row)
    return name if name.startswith(str(row.label)) else f"{row.label} «{name}»"


def _changed_meanwhile(form: Any) -> Markup:
    """That somebody else saved in between, with the fields that hold another value since."""
    told = _("Somebody else changed this record meanwhile. Compare below, and save again to keep yours.")
    line = Markup('<li><a href="#{0}" data-focus-field="{0}">{1}</a></li>')
    names = (line.format(box.id, box.label.text) for box in form if getattr(box, "theirs", None) is not None)
    return Markup("{}<ul>{}</ul>").format(told, Markup().join(names))


def _unsaid(answer: Any) -> Any:
    """Without Flask-Admin's own word of success, which does not say what was saved."""
    if "_flashes" in session:
        own = [gettext(text) for text in OWN_WORDS]
        session["_flashes"] = [said for said in session["_flashes"] if said[1] not in own]
    return answer


def _key(form: Any) -> str:
    """What tells one sending of a form from another: its token and what was typed into it."""
    said = sorted((name, value) for name, value in request.form.items(multi=True) if name != "csrf_token")
    return hashlib.sha256(json.dumps([form.form_token.data, said]).encode()).hexdigest()


def _cleaned(field: Field, value: Any) -> Any:
    """A box's value as the row would keep it; what the column refuses stays as typed."""
    if field.kind not in (Kind.TEXT, Kind.LONG_TEXT, Kind.COUNTRY):
        return value
    try:
        return clean(field, value)
    except (BadValue, InvalidIdentifier):
        return value


def _explained(error: IntegrityError) -> tuple[str, str | None]:
    """A broken constraint in words for the clerk, and the field to blame; never the database's own text."""
    broken = _constraint(error)
    if broken is None or isinstance(broken, sa.ForeignKeyConstraint):
        return N_("This does not agree with other records: they refer to it, or it to them."), None
    if "message" in broken.info:
        return broken.info["message"], broken.info["field"]
    if isinstance(broken, sa.CheckConstraint):
        return N_("The values do not agree with each other."), None
    column = next((column.name for column in broken.columns if column.name != "unit_id"), None)
    return N_("This value is already used in another record of the unit."), column


def _constraint(error: IntegrityError) -> Any:
    """The constraint that was broken, of whichever table the save wrote to."""
    known: dict[Any, Any] = {}
    for table in Base.metadata.tables.values():
        known |= {each.name: each for each in (*table.constraints, *table.indexes)}  # type: ignore[attr-defined]
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        return known.get(diagnosis.constraint_name)
    text = str(error.orig)
    if not text.startswith("UNIQUE"):
        return known.get(text.partition(": ")[2])
    named = {part.strip() for part in text.partition(": ")[2].split(",")}
    unique = (c for c in known.values() if isinstance(c, sa.UniqueConstraint) or getattr(c, "unique", False))
    return next((c for c in unique if {f"{column.table.name}.{column.name}" for column in c.columns} == named), None)
