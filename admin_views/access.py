"""Files of other units: asked for by exact reference, granted for days, read on a page of their own."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from flask import flash, redirect, request, url_for
from flask_admin import expose
from wtforms import SelectField

import audit
import sharing
from db import BadValue, Kind, db, row_id
from i18n import Label, _
from identifiers import N_
from models import AccessGrant, AuditEntry, Beneficiary, now, today
from vocabulary import (
    AuditAction,
    FilePart,
    GrantKind,
    GrantStatus,
    LegalBasis,
    NationalLaw,
    SharingPurpose,
    SpecialBasis,
)

from .base import CodeField, KentroView
from .base.fields import CodesField, LinesField, ParsedField
from .base.filters import yes_or_no
from .base.forms import PARSED, KentroForm, Required
from .base.values import shown
from .menu import SERVICES

MOST_DAYS, USUAL_DAYS = 180, 30
NEWS_FOR = dt.timedelta(days=14)
IN_EMERGENCY = {
    "kind": GrantKind.EMERGENCY,
    "asked_parts": sharing.EMERGENCY_PARTS,
    "purpose": SharingPurpose.LIFE,
    "legal_basis": LegalBasis.VITAL,
    "special_basis": SpecialBasis.VITAL,
    "national_law": NationalLaw.CENTRES,
}
"""What an emergency does not ask, since it is always this."""


class AnswerForm(KentroForm):
    """What a coordinator answers: whose file, which parts, for how long; or why not."""

    status = CodeField(Label("Απάντηση", "Answer"), [Required()], codes=(GrantStatus.GRANTED, GrantStatus.REFUSED))
    beneficiary_id = SelectField(Label("Ποιος φάκελος", "Which file"), coerce=row_id, validate_choice=False)
    parts = CodesField(Label("Μέρη που δίνονται", "Parts to grant"), codes=tuple(FilePart))
    days = ParsedField(Label("Για ημέρες", "For days"), default=USUAL_DAYS, **PARSED[Kind.INTEGER])
    answer = LinesField(Label("Αιτιολογία", "Reason"), render_kw={"maxlength": 500, "rows": 2})


def _is_news() -> sa.ColumnElement[bool]:
    """What its asker should know of: a file that is open, or an answer of the last days. No emergency is answered."""
    is_open = (AccessGrant.status == GrantStatus.GRANTED) & (AccessGrant.ends_at > now())
    lately = AccessGrant.answered_at.is_not(None) & (AccessGrant.answered_at > now() - NEWS_FOR)
    return is_open | ((AccessGrant.kind == GrantKind.REQUEST) & lately)


class AccessGrantView(KentroView):
    """Requests for files of other units, and what became of them."""

    model = AccessGrant
    menu = SERVICES
    default_order = ("asked_at", True)
    made_columns = {"summary": Label("Ποιος φάκελος ζητήθηκε", "The file asked for")}
    list_columns = ("asked_at", "summary", "asked_by_id", "kind", "status", "ends_at", "unit_id")
    made_filters = (
        yes_or_no(
            AccessGrant, "news_is", Label("Ανοιχτός, ή απαντήθηκε πρόσφατα", "Open, or answered lately"), _is_news,
        ),
    )  # fmt: skip
    confirmed_routes = frozenset({"decide_view"})
    list_template = "admin/access_grant/list.html"
    create_template = "admin/access_grant/create.html"
    details_template = "admin/access_grant/details.html"

    def routes(self) -> dict[str, str]:
        """Who may ask asks, opens and reads; who may answer answers and withdraws. Nobody rewrites a request."""
        read = ("index_view", "filters_view", "details_view", "ajax_lookup", "action_view", "ajax_update")
        ask, answer = ("create_view", "emergency_view", "file_view"), ("decide_view", "move_view")
        return dict.fromkeys(read, "read") | dict.fromkeys(ask, "create") | dict.fromkeys(answer, "move")

    @property
    def hidden(self) -> frozenset[str]:
        """Why a request was not granted could tell the asker that there is such a file."""
        return super().hidden | (frozenset({"answer"}) if self.may("create") else frozenset())

    def shown(self, row: Any, name: str) -> str:
        """The reference as it was typed; a grant whose time is over has ended, and nobody refuses an emergency."""
        if name == "summary":
            return _reference(row)
        if name == "status" and row.status == GrantStatus.GRANTED and not row.is_running:
            return _("Ended")
        if name == "status" and row.status == GrantStatus.GRANTED and row.kind == GrantKind.EMERGENCY:
            return _("Opened without approval")
        if name == "status" and row.status == GrantStatus.REFUSED and row.kind == GrantKind.EMERGENCY:
            return _("Not found")
        return super().shown(row, name)

    def nothing_here(self) -> str:
        """What the page is for."""
        return _("Nobody has asked for a file of another unit yet.")

    # --- asking ---

    @property
    def is_emergency(self) -> bool:
        """The form at hand opens a file at once."""
        return request.endpoint == "access_grant.emergency_view"

    @expose("/emergency/", methods=("GET", "POST"))
    def emergency_view(self) -> Any:
        """Open contact and health of somebody at once; a reference and a reason are all that is asked."""
        return self.create_view()

    def new_title(self) -> str:
        """What the form does."""
        return _("Emergency: open a file at once") if self.is_emergency else _("Ask for a file of another unit")

    def create_form(self, obj: Any = None) -> Any:
        """In an emergency only the reference and the reason."""
        form = super().create_form(obj)
        for name in IN_EMERGENCY if self.is_emergency else ():
            form._fields.pop(name, None)
        return form

    def on_model_change(self, form: Any, model: Any, is_created: bool) -> None:
        """An emergency says nothing of purpose and basis: they are always the same."""
        if self.is_emergency:
            sharing.check_emergencies(db.session)
            for name, value in IN_EMERGENCY.items():
                setattr(model, name, value)

    def create_model(self, form: Any) -> Any:
        """A request waits, found or not, and nobody is looked for; an emergency that found nobody is typed anew."""
        made = super().create_model(form)
        return made and made.status != GrantStatus.REFUSED and made

    def tell_made(self, row: Any) -> None:
        """An emergency is opened; a miss is recorded all the same."""
        if row.kind == GrantKind.EMERGENCY and row.status == GrantStatus.ASKED:
            sharing.open_in_emergency(db.session, row)
        if row.kind == GrantKind.EMERGENCY and row.status == GrantStatus.REFUSED:
            flash(_("No file of another unit agrees with all that you typed. The attempt was recorded."), "warning")
        else:
            super().tell_made(row)

    def get_save_return_url(self, model: Any, is_created: bool = False) -> str:
        """To the file where it is open, else to the request."""
        route = ".file_view" if model.is_running else ".details_view"
        return self.get_url(route, id=model.id)

    # --- answering ---

    @expose("/decide/", methods=("GET", "POST"))
    def decide_view(self) -> Any:
        """Whom the request means, and the coordinator's answer."""
        row = self.get_one(request.args.get("id"))
        if row.status != GrantStatus.ASKED:
            return redirect(url_for(".details_view", id=row.id))
        people, form = sharing.meant(db.session, row), AnswerForm(request.form or None, parts=row.asked_parts)
        form.beneficiary_id.choices = [("", ""), *((p.id, f"{p.described} · {p.unit}") for p in people)]
        if request.method == "POST" and form.validate() and self._answer(row, form, {p.id for p in people}):
            flash(_("The answer was kept."), "success")
            return redirect(url_for(".details_view", id=row.id))
        audit.note_reading(db.session, AuditAction.VIEW, row)
        return self._decide_page(row, form, people)

    def _decide_page(self, row: Any, answer: Any, people: Any) -> str:
        return self.render(
            "admin/access_grant/decide.html",
            title=_("Answer to the request"),
            row=row,
            sections=self.sections(row),
            people=people,
            answer=answer,
            groups=[("", ["status", "beneficiary_id", "parts", "days", "answer"])],
            return_url=url_for(".details_view", id=row.id),
        )

    def _answer(self, row: Any, form: Any, people: set[int]) -> bool:
        try:
            self._move(row, form, people)
        except BadValue as error:
            db.session.rollback()
            box = form[error.field if error.field in form else "status"]
            box.errors = [*box.errors, _(str(error))]
            return False
        return self.flushed()

    def _move(self, row: Any, form: Any, people: set[int]) -> None:
        note = (form.answer.data or "").strip() or None
        if form.status.data == GrantStatus.REFUSED:
            return row.move_to(GrantStatus.REFUSED, today(), note, self.scope.user_id)
        if form.beneficiary_id.data not in people:
            raise BadValue(N_("Choose whose file it is."), "beneficiary_id")
        if not form.parts.data or not set(form.parts.data) <= set(row.asked_parts):
            raise BadValue(N_("Grant some of the parts that were asked for, and no others."), "parts")
        if not 1 <= (form.days.data or 0) <= MOST_DAYS:
            raise BadValue(N_("Between 1 and 180 days."), "days")
        until = now() + dt.timedelta(days=form.days.data)
        return row.grant(form.beneficiary_id.data, form.parts.data, until, note, self.scope.user_id)

    def transitions(self, row: Any) -> list[dict[str, str]]:
        """What is granted and runs may be taken back."""
        moves = super().transitions(row) if row.is_running else []
        return [{**move, "label": _("Withdraw"), "style": "outline-danger"} for move in moves]

    # --- reading ---

    def links(self, row: Any) -> list[dict[str, str]]:
        """What may be done next."""
        if self.may("create") and row.is_running:
            return [{"label": _("Read the file"), "url": url_for(".file_view", id=row.id)}]
        if self.may("move") and row.status == GrantStatus.ASKED:
            return [{"label": _("Answer"), "url": url_for(".decide_view", id=row.id)}]
        return []

    def sections(self, row: Any) -> list[tuple[Any, list[tuple[Any, str]]]]:
        """For who oversees, whose file was opened, too: of a request by number or ΑΜΚΑ one sees but what was typed."""
        found = super().sections(row)
        if row.beneficiary_id and not self.may("create"):
            person = db.session.get_one(Beneficiary, row.beneficiary_id)
            found.append((_("File"), [(Beneficiary.label, self.lead_to(person))]))
        return found

    def history(self, row: Any) -> list[dict[str, Any]]:
        """For who oversees: the changes of a row hold the answer's reason too."""
        return [] if self.may("create") else super().history(row)

    def looks(self, row: Any) -> list[AuditEntry] | None:
        """Everyone who read the file through this grant, from the trail; for who oversees it."""
        if self.may("create"):
            return None
        mine = sa.select(AuditEntry).where(AuditEntry.subject_type == "access_grant", AuditEntry.subject_id == row.id)
        views = db.session.scalars(mine.where(AuditEntry.action == AuditAction.VIEW).order_by(AuditEntry.seq.desc()))
        return [entry for entry in views if "parts" in audit.details_of(entry)]

    @expose("/file/")
    def file_view(self) -> Any:
        """The granted parts, to read. What is ended, withdrawn or another's is not there."""
        row = self.get_one(request.args.get("id"))
        try:
            found = sharing.file_of_grant(db.session, row.id)
        except BadValue:
            return self.closed(str(row))
        if found is None:
            self.not_found(row.id, "access_grant")
        return self.render(
            "admin/access_grant/file.html",
            title=found.name,
            row=row,
            file=found,
            shown=shown,
            return_url=url_for(".details_view", id=row.id),
        )


def _reference(row: AccessGrant) -> str:
    number = f"{row.registry_number} ({row.of_unit})" if row.registry_number and row.of_unit else row.registry_number
    name = " ".join(filter(None, (row.last_name, row.first_name)))
    born = f"{row.born_on:%d/%m/%Y}" if row.born_on else None
    return " · ".join(filter(None, (number, row.amka and f"ΑΜΚΑ {row.amka}", name, born)))
