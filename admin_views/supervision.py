"""Who watches the watchers: what supervisors did, for the coordinator (docs/decisions/0023-oversight.md)."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import url_for
from flask_admin import BaseView, expose

import audit
import policy
from db import db
from i18n import Label, _
from models import AuditEntry
from vocabulary import AuditAction

from .base import Gated
from .menu import OVERSIGHT

ON_A_PAGE = 100


class SupervisionView(Gated, BaseView):
    """Every act of those who read the trail: what they opened, searched, exported, marked and asked."""

    resource = "supervision"

    def __init__(self) -> None:
        name = Label("Ενέργειες εποπτών", "Acts of supervisors")
        super().__init__(name=name, category=OVERSIGHT, endpoint=self.resource, url="/admin/supervision")

    @expose("/")
    def index(self) -> Any:
        """Newest first."""
        page = self.page_number()
        theirs = AuditEntry.actor_role.in_(policy.OVERSEERS)
        rows = sa.select(AuditEntry).where(theirs).order_by(AuditEntry.seq.desc())
        count = db.session.scalar(sa.select(sa.func.count()).select_from(AuditEntry).where(theirs)) or 0
        entries = db.session.scalars(rows.offset(page * ON_A_PAGE).limit(ON_A_PAGE))
        audit.note_reading(db.session, AuditAction.SEARCH, subject_type="audit_entry", page="watch")
        return self.render(
            "admin/oversight/supervision.html",
            title=self.name,
            acts=[(entry, audit.sentence(entry), None) for entry in entries],
            count=count,
            page=page,
            last_page=max(count - 1, 0) // ON_A_PAGE,
            address=lambda page: url_for(".index", page=page),
            intro=_("What supervisors opened, searched, exported and marked."),
        )
