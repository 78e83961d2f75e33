"""How much one user may read in a minute: taking the house's records out piece by piece is slow, and is noticed."""

from __future__ import annotations

import threading
import time
from collections import Counter

from flask import abort, current_app, request

import audit
import policy
from db import db
from vocabulary import AuditAction

ALLOWANCES = {
    "ajax_lookup": 240, "search": 60, "details_view": 120, "edit_view": 120, "create_view": 120, "export": 10,
    "letter_view": 60, "file_view": 60, "pairs_view": 60, "person": 60, "user": 60, "person_view": 60, "copy_view": 10,
    "paper_view": 60,
}  # fmt: skip
"""Readings per minute, far above what hands can do: look-ups while typing, searches, records, workbooks."""
WINDOW = 60  # seconds

_lock = threading.Lock()
_spent: Counter[tuple[int | None, str]] = Counter()
_window = 0


def count_reading(route: str) -> None:
    """Count a request to a screen's route; one too many is answered 429, and the first such recorded.

    Counted in memory, for there is one process (docs/decisions/0011-waitress.md), and a look-up should not wait.
    """
    kind, times = _kind(route), current_app.config["READINGS"]
    if kind not in ALLOWANCES or not times:
        return
    scope, allowance = policy.scope_in(db.session), ALLOWANCES[kind] * times
    spent = _spend(scope.user_id, kind)
    if spent == allowance + 1:
        endpoint = (request.endpoint or "").partition(".")[0]
        audit.note(db.session, AuditAction.REFUSED, subject_type=endpoint, per_minute=allowance)
    if spent > allowance:
        abort(429)


def _kind(route: str) -> str:
    is_search = any(name == "search" or name.startswith("flt") for name in request.args)
    return "search" if route == "index_view" and is_search else route


def _spend(user_id: int | None, kind: str) -> int:
    global _window
    with _lock:
        window = int(time.monotonic() // WINDOW)
        if window != _window:
            _window = window
            _spent.clear()
        _spent[user_id, kind] += 1
        return _spent[user_id, kind]
