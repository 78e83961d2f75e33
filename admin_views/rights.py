"""A person's rights: the copy of the file, restriction, erasure; and the times of keeping, for all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flask import Response, abort, flash, g, redirect, request, url_for
from flask_admin import BaseView, expose
from flask_babel import refresh
from sqlalchemy.orm.exc import StaleDataError

import audit
import exports
import rights
from db import BadValue, db, fields, row_id
from i18n import Label, _
from models import Beneficiary, Erasure, today
from vocabulary import AuditAction, ErasureCause

from .base import ATHENS, Gated, download
from .base.fields import LineField
from .base.forms import KentroForm, Required, check
from .base.pdf import paper
from .base.values import shown
from .menu import RIGHTS

RESOURCE = "rights"
REASON = fields(Erasure)["reason"]


class EraseForm(KentroForm):
    """Why, and of whom: the number is typed, so that nobody is erased by one click."""

    reason = LineField(
        Label("Αιτιολογία", "Reason"),
        [Required(), check(REASON)],
        description=Label("Χωρίς ονόματα: μένει στο ιστορικό.", "Without names: it stays in the trail."),
        render_kw={"maxlength": REASON.length},
    )
    registry_number = LineField(Label("Αρ. μητρώου, για επιβεβαίωση", "Registry no., to confirm"), [Required()])


class ApproveForm(KentroForm):
    """The coordinator's approval of a list that was read."""

    reason = LineField(
        Label("Έγκριση: αριθμός πρωτοκόλλου ή αιτιολογία", "Approval: protocol number or reason"),
        [Required(), check(REASON)],
        render_kw={"maxlength": REASON.length},
    )


class RightsView(Gated, BaseView):
    """What is due, and the page of one person's rights."""

    resource = RESOURCE
    confirmed_routes = frozenset({"copy_view", "restrict_view", "erase_view", "carry_out_view"})

    def __init__(self) -> None:
        name = Label("Χρόνοι διατήρησης", "Times of keeping")
        super().__init__(name=name, category=RIGHTS, endpoint=RESOURCE, url=f"/admin/{RESOURCE}")

    def routes(self) -> dict[str, str]:
        """What each route needs."""
        own = {"person_view": "read", "copy_view": "export", "erase_view": "delete", "restrict_view": "move"}
        return {"index": "read", "carry_out_view": "delete", **own}

    def page_before(self, route: str) -> str | None:
        """A copy is asked for on the person's page."""
        return url_for(".person_view", id=request.args.get("id")) if route == "copy_view" else None

    # --- one person ---

    def _person(self, *, is_erased_too: bool = False) -> Beneficiary:
        """Whom the page is about; a foreign one, one that is not there and one that is anonymous are the same 404."""
        key = row_id(request.args.get("id"))
        row = db.session.get(Beneficiary, key, populate_existing=True) if key else None
        if row is None or (row.erased_on and not is_erased_too):
            self.not_found(request.args.get("id", ""))
        return row

    @expose("/person/")
    def person_view(self) -> Any:
        """What the coordinator may do about a person's data."""
        person = self._person()
        audit.note_reading(db.session, AuditAction.VIEW, person, paper="rights")
        return self._page(person, EraseForm())

    def _page(self, person: Beneficiary, form: Any) -> str:
        records = rights.records_of(db.session, person.id)
        return self.render(
            "admin/rights/person.html",
            title=_("Rights: %(person)s", person=person),
            person=person,
            others=[db.session.get(Beneficiary, key) for key in records if key != person.id],
            holds=rights.holds(db.session, records),
            fates=rights.fates(db.session, records),
            erase=form,
            groups=[("", ["reason", "registry_number"])],
            return_url=url_for("beneficiary.details_view", id=person.id),
        )

    @expose("/copy/<kind>/")
    def copy_view(self, kind: str) -> Any:
        """The copy that article 15 gives: in Greek whoever makes it, as a PDF or a workbook."""
        if kind not in ("pdf", "xlsx"):
            abort(404)
        person = self._person()
        g.language = "el"
        refresh()
        copy = rights.told(db.session, person, shown)
        answer, sha256 = self._pdf(copy) if kind == "pdf" else self._workbook(copy)
        audit.note(db.session, AuditAction.EXPORT, person, paper="copy", rows=copy.rows, sha256=sha256)
        return answer

    def _pdf(self, copy: Any) -> tuple[Response, str]:
        return paper(rights.paper_of(copy, shown, self.scope.role), copy.moment)

    def _workbook(self, copy: Any) -> tuple[Response, str]:
        cover, name = (
            rights.cover_of(copy, shown),
            exports.file_name(_("Copy of personal data"), copy.moment.astimezone(ATHENS)),
        )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "copy.xlsx"
            written = exports.write_workbook(path, cover, rights.sheets_of(copy), author=self.scope.name or "")
            return download(path, name), written.sha256

    @expose("/restrict/", methods=("POST",))
    def restrict_view(self) -> Any:
        """Restrict the processing of a person's data (article 18), or lift it (article 18(3)), whichever is said."""
        person, said = self._person(), request.form.get("restricted")
        if said not in ("yes", "no"):
            abort(400)
        if (said == "yes") != bool(person.restricted_on):
            person.restricted_on = today() if said == "yes" else None
        page = url_for(".person_view", id=person.id)
        try:
            db.session.flush()
        except StaleDataError:
            return self._second(page)
        told = _("The processing is restricted.") if person.restricted_on else _("The restriction is lifted.")
        flash(told, "success")
        return redirect(page)

    def _second(self, page: str) -> Any:
        """The answer to the second of two who did the same at once: nothing of it is kept, and they look again."""
        db.session.rollback()
        flash(_("Somebody else changed this record meanwhile. Look again."), "warning")
        return redirect(page)

    @expose("/erase/", methods=("POST",))
    def erase_view(self) -> Any:
        """Erase the person, whole, and lead to the certificate."""
        person, form = self._person(is_erased_too=True), EraseForm(request.form)
        page = url_for("beneficiary.details_view", id=person.id)
        if person.erased_on:
            return self._second(page)
        if form.validate() and form.registry_number.data.strip().upper() != person.registry_number.upper():
            form.registry_number.errors = [_("This is not the person's registry number.")]
        if not form.errors:
            try:
                done = rights.erase(db.session, person.id, form.reason.data)
                row = rights.certify(db.session, ErasureCause.REQUEST, form.reason.data, done["beneficiary"], done)
                return redirect(url_for("erasure.details_view", id=row.id))
            except StaleDataError:
                return self._second(page)
            except BadValue as error:
                db.session.rollback()
                form.reason.errors = [_(str(error))]
        person = self._person(is_erased_too=True)
        return self._second(page) if person.erased_on else self._page(person, form)

    # --- all ---

    @expose("/")
    def index(self) -> Any:
        """The schedule, and what it finds due today: nothing is changed by looking."""
        return self._list(ApproveForm())

    def _list(self, form: Any) -> str:
        found = rights.due(db.session)
        return self.render(
            "admin/rights/due.html",
            title=self.name,
            due=found,
            at_once=rights.AT_ONCE,
            which=self._which,
            anything=any(each.rows for each in found),
            fingerprint=rights.fingerprint(found),
            approve=form,
        )

    def _which(self, each: rights.Due) -> Iterator[tuple[str, str, str | None]]:
        """What is due by name, with the day that its time began, and its page, where the reader may go there."""
        model, since = each.line.model, each.line.since
        view = next((v for v in self.admin._views if getattr(v, "model", None) is model and v.is_accessible()), None)  # type: ignore[union-attr]
        for row, name in zip(each.rows, each.names, strict=True):
            url = view and url_for(f"{view.endpoint}.details_view", id=row.id)
            yield name, f"{fields(model)[since].label}: {shown(fields(model)[since], getattr(row, since))}", url

    @expose("/carry_out/", methods=("POST",))
    def carry_out_view(self) -> Any:
        """Carry out the list that was read and approved, and lead to its certificate."""
        form = ApproveForm(request.form)
        if form.validate():
            try:
                row = rights.carry_out(db.session, request.form.get("fingerprint", ""), form.reason.data)
                return redirect(url_for("erasure.details_view", id=row.id))
            except StaleDataError:
                return self._second(url_for(".index"))
            except BadValue as error:
                db.session.rollback()
                form.reason.errors = [_(str(error))]
        return self._list(form)
