"""Explanations: what the supervisor asks of a user's own acts, and the answer. Everybody sees their own alone."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from flask_admin import BaseView, expose

import audit
import oversight
from db import BadValue, db, row_id
from i18n import Label, _
from models import AuditAnswer
from vocabulary import AuditAction

from .base import Gated
from .base.forms import form_class

ANSWER_FORM = form_class(AuditAnswer, ("answer",))


class QuestionView(Gated, BaseView):
    """The questions to the reader, and the form of an answer."""

    resource = "audit_answer"

    def __init__(self) -> None:
        name = Label("Εξηγήσεις που μου ζητήθηκαν", "Explanations asked of me")
        super().__init__(name=name, endpoint=self.resource, url="/admin/audit_answer")

    def routes(self) -> dict[str, str]:
        """What each route needs."""
        return {"index": "read", "answer": "create"}

    def is_visible(self) -> bool:
        """The first page leads here when something is asked."""
        return False

    @expose("/")
    def index(self) -> Any:
        """What was asked, and answered."""
        rows = oversight.questions(db.session)
        audit.note_reading(db.session, AuditAction.SEARCH, subject_type=self.resource)
        return self.render("admin/oversight/questions.html", title=self.name, rows=rows)

    @expose("/answer/", methods=("GET", "POST"))
    def answer(self) -> Any:
        """One question, and what its reader says to it as long as it is open."""
        key = row_id(request.args.get("id"))
        found = next((each for each in oversight.questions(db.session) if each.id == key), None)
        if found is None:
            self.not_found(request.args.get("id", ""))
        form = ANSWER_FORM(request.form or None, answer=found.answer.answer if found.answer else None)
        if request.method == "POST" and form.validate() and self._answered(found, form):
            flash(_("Your explanation was kept. You can change it until the question is closed."), "success")
            return redirect(url_for(".index"))
        return self.render("admin/oversight/answer.html", title=_("Explanation"), question=found, form=form)

    def _answered(self, found: oversight.Question, form: Any) -> bool:
        try:
            oversight.answer(db.session, found.id, form.answer.data)
        except BadValue as error:
            db.session.rollback()
            form.answer.errors = [_(str(error))]
            return False
        return True
