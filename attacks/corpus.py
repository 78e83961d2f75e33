"""Every hostile line that we have, and how lines are laid into the fields of a form."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from db import Base, fields

FOLDER = Path(__file__).parents[2] / "shared" / "corpora" / "text"
NOT_HOSTILE = "common-passwords-min8-top4000.txt"
"""Plain words: where passwords are chosen, tests/test_signin.py has all of them refused."""


def raw_lines() -> list[bytes]:
    """Every line of the lists, as its bytes stand there; some are no text at all."""
    files = sorted(file for file in FOLDER.glob("*.txt") if file.name != NOT_HOSTILE)
    assert files, f"the lists of hostile lines are missing: {FOLDER}"
    found = (line.rstrip(b"\r") for file in files for line in file.read_bytes().split(b"\n"))
    return list(dict.fromkeys(line for line in found if line))


def lines() -> list[str]:
    """The same as a form sends them: what is no text is replaced, as browsers do."""
    return list(dict.fromkeys(line.decode("utf-8", "replace") for line in raw_lines()))


def laid(model: type[Base], boxes: Iterable[str], texts: Sequence[str]) -> list[dict[str, str]]:
    """Forms that between them put every line into every one of these fields that is long enough for it.

    A form has as few lines in a field as the tightest field allows; fields begin at different lines.
    """
    rooms = {box: fields(model)[box].length or 1000 for box in boxes}
    count = max(len(_chunks(texts, room, len(texts))) for room in rooms.values())
    columns = {box: _chunks(texts, room, math.ceil(len(texts) / count)) for box, room in rooms.items()}
    longest = max(map(len, columns.values()))
    shifts = {box: number * longest // len(rooms) for number, box in enumerate(rooms)}
    return [{box: _at(columns[box], (number + shifts[box]) % longest) for box in rooms} for number in range(longest)]


def fitting(model: type[Base], box: str, texts: Sequence[str]) -> list[str]:
    """The lines for which the field is long enough."""
    return [text for text in texts if len(text) <= (fields(model)[box].length or 1000)]


def _at(chunks: list[str], place: int) -> str:
    """The chunk whose turn it is; a harmless letter once all were."""
    return chunks[place] if place < len(chunks) else "Μ"


def _chunks(texts: Sequence[str], room: int, most: int) -> list[str]:
    """The lines in their order, at most so many to a text, and no more than fit."""
    found: list[list[str]] = [[]]
    for text in (text.strip() for text in texts if len(text) <= room):
        if len(found[-1]) >= most or len(" ".join([*found[-1], text])) > room:
            found.append([])
        found[-1].append(text)
    return [" ".join(each) for each in found if each]
