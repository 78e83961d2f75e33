"""The parts of the first page that oversight makes: unusual acts, the monthly sample, what is asked of the reader."""

from __future__ import annotations

from typing import Any

from flask import url_for

import oversight
import policy
from db import db
from i18n import Label, _

from ..base import greek_date, greek_datetime
from .desk import Desk
from .parts import MOST


class Findings:
    """Unusual acts that nobody settled."""

    title = Label("Ασυνήθιστες ενέργειες", "Unusual acts")

    def is_offered(self, desk: Desk) -> bool:
        """Whoever settles them."""
        return policy.may(desk.scope, "read", "audit_finding")

    def shown(self, desk: Desk) -> dict[str, Any]:
        """The newest."""
        rows = oversight.findings(db.session)
        empty = Label("Τίποτα ασυνήθιστο δεν εκκρεμεί.", "Nothing unusual waits.")
        return _list(self.title, url_for("audit_finding.index_view"), [self._row(row) for row in rows], empty)

    def _row(self, row: oversight.Finding) -> dict[str, Any]:
        url = url_for("audit_finding.settle", key=row.key)
        about, notes = f"{row.kind}: {row.actor or _('Somebody unknown')}", [_("Number: %(n)s", n=row.acts)]
        return {"url": url, "kind": self.title, "when": greek_date(row.on), "about": about, "about_url": url,
                "notes": notes}  # fmt: skip


class Sample:
    """The monthly samples whose review is not over."""

    title = Label("Μηνιαίο δείγμα", "Monthly sample")

    def is_offered(self, desk: Desk) -> bool:
        """Whoever draws it."""
        return policy.may(desk.scope, "read", "audit_sample")

    def shown(self, desk: Desk) -> dict[str, Any]:
        """Each with its progress."""
        rows = [row for row in oversight.drawn(db.session) if row.reviewed < row.acts]
        empty = Label("Κανένα δείγμα δεν περιμένει έλεγχο.", "No sample waits to be reviewed.")
        return _list(self.title, url_for("oversight.index"), [self._row(row) for row in rows], empty)

    def _row(self, row: oversight.Month) -> dict[str, Any]:
        url = url_for("audit_entry.index_view", flt0_sample_is=f"{row.first:%Y-%m}", flt1_review_is="none")
        about = _("Reviewed %(x)s of %(n)s", x=row.reviewed, n=row.acts)
        return {"url": url, "kind": self.title, "when": f"{row.first:%m/%Y}", "about": about, "about_url": url}


class AskedOfMe:
    """Questions to the reader that are open; nothing is shown when there are none."""

    heading = Label("Ζητείται εξήγηση από εσάς", "You are asked to explain")

    def is_offered(self, desk: Desk) -> bool:
        """Whoever was asked."""
        return bool(oversight.questions(db.session, only_open=True))

    def shown(self, desk: Desk) -> dict[str, Any]:
        """The newest."""
        rows = [self._row(row) for row in oversight.questions(db.session, only_open=True)]
        return _list(self.heading, url_for("audit_answer.index"), rows, "")

    def _row(self, row: oversight.Question) -> dict[str, Any]:
        url = url_for("audit_answer.answer", id=row.id)
        return {
            "url": url, "kind": self.heading, "when": greek_datetime(row.act_at), "about": row.act, "about_url": url,
            "notes": [row.comment], "status": _("Answered") if row.answer else "",
        }  # fmt: skip


def _list(title: Any, url: str, rows: list[dict[str, Any]], empty: Any) -> dict[str, Any]:
    shown = {"kind": "list", "title": title, "url": url, "count": len(rows), "rows": rows[:MOST]}
    return {**shown, "also": [], "empty": empty}
