"""The view that every screen inherits."""

from __future__ import annotations

from .drafts import Drafts


class KentroView(Drafts):
    """A screen over one table, so that a subject's file is a declaration.

    A subclass declares `model` and `list_columns`; columns, labels, forms, filters, search, export, details page,
    history and access follow from the model and from policy.py.
    """
