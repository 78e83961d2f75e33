"""Every screen of every role in Greek, in the browser: what is asked of them stands in tests/face.py."""

from __future__ import annotations

from tests.browser import chromium, site
from tests.face import Screens, examiner

__all__ = ["chromium", "examiner", "site"]  # fixtures


class TestGreek(Screens):
    """As nearly everybody reads them."""

    language = "el"
