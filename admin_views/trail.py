"""The trail, for supervisors: read, filtered, exported, marked as reviewed. Nothing here changes an entry."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask_admin import expose

import audit
import policy
from db import db
from i18n import Label, _
from models import AuditEntry, AuditReview
from vocabulary import Verdict

from .base import KentroView, greek_datetime, told
from .menu import OVERSIGHT


class AuditEntryView(KentroView):
    """Every act, as a sentence, with the difference."""

    model = AuditEntry
    menu = OVERSIGHT
    default_order = ("seq", True)
    made_columns = {"sentence": Label("Τι έγινε", "What happened")}
    list_columns = ("at", "sentence", "actor_name", "actor_role", "unit_name", "action")
    details_template = "admin/audit_entry/details.html"

    def shown(self, row: Any, name: str) -> str:
        """The sentence is made, all else is kept."""
        return audit.sentence(row) if name == "sentence" else super().shown(row, name)

    @expose("/details/")
    def details_view(self) -> Any:
        """One entry whole, and its reviews."""
        entry = self.get_one(request.args.get("id"))
        return self.render(
            self.details_template,
            model=entry,
            entry=told(entry, self.scope),
            title=audit.sentence(entry),
            subtitle=greek_datetime(entry.at),
            sections=self.sections(entry),
            reviews=db.session.query(AuditReview).filter_by(entry_seq=entry.seq).order_by(AuditReview.id),
            verdicts=list(Verdict) if policy.may(self.scope, "create", "audit_review") else [],
            return_url=url_for(".index_view"),
        )

    @expose("/review/", methods=("POST",))
    def review_view(self) -> Any:
        """A supervisor's mark and comment, beside the entry and never in it."""
        entry = self.get_one(request.args.get("id"))
        verdict = {each.value: each for each in Verdict}.get(request.form.get("verdict", ""))
        if verdict is None:
            abort(404)
        comment = request.form.get("comment", "").replace("\0", "")[:500]
        db.session.add(AuditReview(entry_seq=entry.seq, verdict=verdict, comment=comment, by_id=self.scope.user_id))
        db.session.flush()
        flash(_("Your mark was kept."), "success")
        return redirect(url_for(".details_view", id=entry.seq))

    def routes(self) -> dict[str, str]:
        """Reading, export and marks; there is nothing else."""
        read = dict.fromkeys(("index_view", "details_view", "review_view"), "read")
        return {**read, "export": "export"}

    def is_action_allowed(self, name: str) -> bool:
        """No bulk action touches the trail."""
        return False
