"""What static/drafts.js needs to keep drafts of a form: a key of the user's own, and word of what was saved."""

from __future__ import annotations

from typing import Any

from flask import flash
from flask_login import current_user

import audit

from .workbook import Workbook


class Drafts(Workbook):
    """The drafts of a screen's forms."""

    @property
    def draft_key(self) -> str:
        """The AES key, in hexadecimal, that locks this user's drafts; a change of password makes it another."""
        kept = current_user.kept
        return audit.keyed_hash(f"draft:{kept.user_id}:{kept.password_changed_at}")

    def create_model(self, form: Any) -> Any:
        """The new row; the next page tells the browser that this form needs no draft any more."""
        return _announced(form, super().create_model(form))

    def update_model(self, form: Any, model: Any) -> Any:
        """Whether the row was changed; the next page tells the browser that this form needs no draft any more."""
        return _announced(form, super().update_model(form, model))


def _announced(form: Any, saved: Any) -> Any:
    if saved:
        flash(form.form_token.data, "saved")
    return saved
