"""Every screen of every role in English, in the browser: what is asked of them stands in tests/face.py."""

from __future__ import annotations

from tests.browser import chromium, site
from tests.face import Screens, examiner

__all__ = ["chromium", "examiner", "site"]  # fixtures


class TestEnglish(Screens):
    """As the others read them."""

    language = "en"
