"""Referrals that another unit sent here: whom they are about, how to reach the person, and the answer."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask_admin import BaseView, expose

import sharing
from db import BadValue, Kind, db, fields, row_id
from i18n import Label, _
from models import Referral, today

from .base import CodeField, Gated
from .base.fields import LineField, ParsedField
from .base.forms import PARSED, KentroForm, Required
from .base.values import shown
from .menu import SERVICES

RESOURCE = "referral_received"


class AnswerForm(KentroForm):
    """How the referral stands here."""

    status = CodeField(fields(Referral)["status"].label, [Required()], codes=Referral.answers)
    on = ParsedField(Label("Ημερομηνία", "Date"), default=today, **PARSED[Kind.DATE])
    note = LineField(Label("Σημείωση", "Note"), render_kw={"maxlength": 500})


class ReceivedView(Gated, BaseView):
    """The list and the page of a referral. The sender's records stay behind the wall; sharing.py reads through it."""

    resource = RESOURCE

    def __init__(self) -> None:
        name = Label("Παραπομπές που λάβαμε", "Referrals received")
        super().__init__(name=name, category=SERVICES, endpoint=RESOURCE, url=f"/admin/{RESOURCE}")

    def routes(self) -> dict[str, str]:
        """What each route needs."""
        return {"index": "read", "file_view": "read"}

    @expose("/")
    def index(self) -> Any:
        """What was sent here and is not closed."""
        return self.render("admin/referral_received/list.html", title=self.name, rows=sharing.received(db.session))

    @expose("/file/", methods=("GET", "POST"))
    def file_view(self) -> Any:
        """One referral, the person's contact data, what was answered to its sender, and the next answer."""
        key = row_id(request.args.get("id"))
        try:
            found = sharing.file_of_referral(db.session, key) if key else None
        except BadValue:
            return self.closed(f"{Referral.label} {key}")
        if found is None:
            self.not_found(request.args.get("id", ""))
        sent, file = found
        form = AnswerForm(request.form or None)
        form.status.offer(sent.answers)
        if request.method == "POST" and form.validate() and self._answered(sent, form):
            flash(_("%(name)s, new state: %(state)s.", name=sent.person, state=form.status.data), "success")
            return redirect(url_for(".index"))
        return self.render(
            "admin/referral_received/file.html",
            title=sent.person,
            sent=sent,
            file=file,
            answered=sharing.answered(db.session, sent),
            shown=shown,
            answer=form,
            closing=[state for state in sent.answers if state not in Referral.running],
            groups=[(_("Our answer"), ["status", "on", "note"])],
        )

    def _answered(self, sent: sharing.Received, form: AnswerForm) -> bool:
        if not self.may("move"):
            abort(403)
        try:
            sharing.answer_referral(db.session, sent, form.status.data, form.on.data or today(), form.note.data or None)
        except BadValue as error:
            form.status.errors = [*form.status.errors, _(str(error))]
            return False
        return True
