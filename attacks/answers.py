"""What is wrong with an answer, whatever was asked: a failure, its innards, a line as markup, a way out."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any

from tests.answers import INNARDS, tags
from tests.texts import without_messages

from .findings import Finding

AT_HOME = re.compile(r"/(?![/\\])[^\\\s]*|[?#][^\\\s]*|\.?/?|\w[\w/]*/?(\?[^\\\s]*)?")
"""Where an answer may lead to: addresses of this application, whole or relative."""


def faults(answer: Any, sent: Sequence[str], known: set[tuple[str, ...]] | None = None) -> list[Finding]:
    """What is wrong with this answer to these lines; `known` are the elements that the application's pages have."""
    where, found = f"{answer.request.method} {answer.request.path}", []
    if answer.status_code >= 500:
        found.append(Finding("high", where, f"failed ({answer.status_code})"))
    place = answer.headers.get("Location")
    if place is not None and not AT_HOME.fullmatch(place):
        found.append(Finding("high", where, f"leads to {place[:80]!r}"))
    if "text/html" in answer.headers.get("Content-Type", ""):
        found += [Finding(grade, where, what) for grade, what in _on_the_page(answer.text, sent, known)]
    return found


def _on_the_page(page: str, sent: Sequence[str], known: set[tuple[str, ...]] | None) -> list[tuple[str, str]]:
    found = []
    told = next((each[0] for each in INNARDS.finditer(page) if html.unescape(each[0]) not in "\n".join(sent)), None)
    if told:
        found.append(("medium", f"tells {told!r}"))
    found += [
        ("high", f"shows a line as markup: {line[:60]!r}")
        for line in sent
        if re.search("<[A-Za-z!/?]", line) and line in page
    ]
    strange = set(tags(without_messages(page))) - known if known is not None else ()
    found += [("high", f"has an element of its own: {each}") for each in strange]
    return found
