"""What people ask about their data, what they consented to, what must not be erased, and what was."""

from __future__ import annotations

from typing import Any

from flask import request, url_for
from flask_admin import expose

import audit
import policy
import rights
from db import db
from i18n import Label, _
from models import Consent, DataRequest, Erasure, LegalHold, today
from vocabulary import AuditAction

from .base import Ahead, KentroView, Warn, greek_datetime
from .base.pdf import paper
from .menu import RIGHTS


class DataRequestView(KentroView):
    """Requests of people about their own data."""

    model = DataRequest
    menu = RIGHTS
    default_order = ("due_on", True)
    ahead = Ahead(
        lambda: DataRequest.answered_on.is_(None),
        Label("πρώτα όσα δεν απαντήθηκαν, κατά προθεσμία", "unanswered ones first, the soonest due on top"),
    )
    warns = {
        "due_on": Warn(
            Label("Εκπρόθεσμο", "Overdue"),
            ("due_on", "answered_on"),
            lambda row: row.answered_on is None and row.due_on < today(),
        )
    }
    list_columns = ("due_on", "beneficiary_id", "kind", "received_on", "answered_on", "outcome", "unit_id")
    locked_columns = ("beneficiary_id",)

    def nothing_here(self) -> str:
        """What the page is for."""
        return _("Nobody has asked about their own data yet. Every such request is noted here on the day it comes.")

    def may_change(self, row: Any) -> bool:
        """Whoever was made anonymous is still answered: what nobody answered would wait for ever."""
        return super().may_change(row) or row.answered_on is None

    def links(self, row: Any) -> list[dict[str, str]]:
        """Where the coordinator answers it."""
        if not policy.may(self.scope, "read", "rights") or row.beneficiary.erased_on:
            return []
        return [{"label": _("Copy, restriction, erasure"), "url": url_for("rights.person_view", id=row.beneficiary_id)}]


class ConsentView(KentroView):
    """Consents, apart from the services, which rest on none."""

    model = Consent
    menu = RIGHTS
    default_order = ("given_on", True)
    warns = {
        "withdrawn_on": Warn(
            Label("Δεν ισχύει", "No longer holds"), ("withdrawn_on",), lambda row: row.withdrawn_on is not None
        )
    }
    list_columns = ("beneficiary_id", "kind", "given_on", "how", "withdrawn_on", "unit_id")
    locked_columns = ("beneficiary_id", "kind")
    later_columns = ("withdrawn_on",)


class LegalHoldView(KentroView):
    """Reasons to erase nothing of a person for now."""

    model = LegalHold
    menu = RIGHTS
    default_order = ("since", True)
    list_columns = ("beneficiary_id", "reason", "since", "until", "by_id", "unit_id")
    locked_columns = ("beneficiary_id",)


class ErasureView(KentroView):
    """Certificates of what was erased."""

    model = Erasure
    menu = RIGHTS
    default_order = ("at", True)
    list_columns = ("at", "cause", "people", "reason", "approved_by_id")
    details_template = "admin/erasure/details.html"
    has_pencils = False

    def routes(self) -> dict[str, str]:
        """To read and print; a certificate is made by an erasure alone."""
        return dict.fromkeys(("index_view", "filters_view", "details_view", "action_view", "paper_view"), "read")

    can_create = False

    def counts(self, row: Erasure) -> list[tuple[str, int]]:
        """Kinds of record and how many."""
        return rights.counts_of(row)

    def links(self, row: Any) -> list[dict[str, str]]:
        """The certificate to file."""
        return [{"label": _("Certificate (PDF)"), "url": url_for(".paper_view", id=row.id)}]

    def nothing_here(self) -> str:
        """Where certificates come from."""
        return _("Nothing has been erased yet.")

    @expose("/paper/")
    def paper_view(self) -> Any:
        """The certificate as a PDF."""
        row = self.get_one(request.args.get("id"))
        answer, sha256 = paper(rights.paper_of_certificate(db.session, row, greek_datetime(row.at)), row.at)
        audit.note(db.session, AuditAction.EXPORT, row, paper="certificate", sha256=sha256)
        return answer
