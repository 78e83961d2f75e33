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

    @property
    def draft_names(self) -> str:
        """The fields that say whose a draft is: those of the row's name, else the first link."""
        if self.model.called_by != ("id",):
            return " ".join(self.model.called_by)
        return next((name for name in self.fields if self.is_link(name) and not self.is_own_unit(name)), "")

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
