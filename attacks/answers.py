"""What is wrong with an answer, whatever was asked: a failure, its innards, a line as markup, a way out."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tests.answers import INNARDS, tags
from tests.texts import without_messages

from .findings import Finding

AT_HOME = re.compile(r"/(?![/\\])[^\\\s]*|[?#][^\\\s]*|\.?/?|\w[\w/]*/?(\?[^\\\s]*)?")
"""Where an answer may lead to: addresses of this application, whole or relative."""
SHORTEST = 8
"""A line that is shorter may stand in a page's own markup."""


def faults(answer: Any, sent: Sequence[str], known: set[tuple[str, str]] | None = None) -> list[Finding]:
    """What is wrong with this answer to these lines; with the elements that its pages have, those of the page too."""
    where, found = f"{answer.request.method} {answer.request.path}", []
    if answer.status_code >= 500:
        found.append(Finding("high", where, f"failed ({answer.status_code})"))
    place = answer.headers.get("Location")
    if place is not None and not AT_HOME.fullmatch(place):
        found.append(Finding("high", where, f"leads to {place[:80]!r}"))
    if "text/html" in answer.headers.get("Content-Type", ""):
        page = answer.text
        found += [Finding("medium", where, f"tells {told!r}") for told in _told(page, sent)]
        found += [Finding("high", where, f"shows as markup: {line[:60]!r}") for line in sent if _is_raw(line, page)]
        strange = elements([page]) - known if known is not None else ()
        found += [Finding("high", where, f"has an element of its own: {' '.join(each)}") for each in strange]
    return found


def _told(page: str, sent: Sequence[str]) -> Iterator[str]:
    """What a page tells of how it is made, and was not typed."""
    typed = "\n".join(sent)
    yield from {each[0] for each in INNARDS.finditer(page) if html.unescape(each[0]) not in typed}


def _is_raw(line: str, page: str) -> bool:
    """The line stands there as it was sent, though it has what HTML writes otherwise.

    Quotation marks at its ends prove nothing: they may be the page's own, around the same words of another line.
    """
    return len(line) >= SHORTEST and re.search("[<>\"']", line.strip("\"'")) is not None and line in page


STATES = {"aria-describedby", "aria-invalid", "autofocus", "checked", "disabled", "selected", "value"}
"""Attributes that come and go with what was sent, and can do nothing."""


def elements(pages: Iterable[str]) -> set[tuple[str, str]]:
    """Elements, each with every attribute that it has."""
    found = (each for page in pages for each in tags(without_messages(page)))
    return {(tag, name) for tag, *names in found for name in {"", *names} - STATES}
