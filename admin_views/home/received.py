"""The part of the first page that lists referrals from other units; there is no list of rows in sight behind it."""

from __future__ import annotations

from typing import Any

from flask import url_for

import policy
import sharing
from db import db
from i18n import Label

from ..base import greek_date
from .desk import Desk
from .parts import MOST


class Received:
    """Referrals that were sent here and wait."""

    title = Label("Παραπομπές που λάβαμε", "Referrals received")

    def is_offered(self, desk: Desk) -> bool:
        """Whoever answers them."""
        return policy.may(desk.scope, "read", "referral_received")

    def shown(self, desk: Desk) -> dict[str, Any]:
        """The soonest due first."""
        rows = sharing.received(db.session)
        return {
            "kind": "list",
            "title": self.title,
            "count": len(rows),
            "url": url_for("referral_received.index"),
            "rows": [self._row(row, desk) for row in rows[:MOST]],
            "also": [],
            "empty": Label("Καμία παραπομπή από άλλη μονάδα.", "No referral from another unit."),
        }

    def _row(self, row: sharing.Received, desk: Desk) -> dict[str, Any]:
        url = url_for("referral_received.file_view", id=row.id)
        return {
            "url": url,
            "kind": self.title,
            "when": greek_date(row.due_on or row.sent_on),
            "about": row.person,
            "about_url": url,
            "notes": [row.reason],
            "status": str(row.status),
            "late": Label("Εκπρόθεσμη", "Overdue") if row.due_on and row.due_on < desk.day else "",
        }
