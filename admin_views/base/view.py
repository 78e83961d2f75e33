"""The view that every screen inherits."""

from __future__ import annotations

from .drafts import Drafts


class KentroView(Drafts):
    """A Screen with all that it does: lists, records, forms, changes of state, deleting, workbooks, drafts."""
