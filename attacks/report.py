"""What a run found, as a table on the screen and as a section of docs/security.md."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from .findings import GRADES, Outcome
from .site import ROOT

PLACE = ROOT / "docs" / "security.md"
BEGIN, END = "<!-- attack:begin -->", "<!-- attack:end -->"
SHOWN = 12
NOTES = """Lines in forms: every line that a text field can hold was stored through it, several to a text where there is
room, and looked for in the form, the list and the record with its history; every line, uncut, was also sent in every
field of every kind, and came back in the form with a message beside its field. Lines in parameters: screens share the
lines out, so that every line reaches every kind of parameter of lists, look-ups, records and forms; other addresses get
every tenth line, and where passwords are hashed every sixtieth. sqlmap tests by differences, errors and UNION, not by
time, and one filter in five; tokens, `url` and `next`, and what it had no time for, are given and not tested. wapiti
crawls four screens, which stand for the others, as a caseworker, and ends a module after twenty seconds; what is stored
it looks for over one screen, for a minute."""


def lines(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """The table, and under it every finding and every flaw that was overlooked."""
    yield from (_line(outcome) for outcome in outcomes)
    for outcome in outcomes:
        yield from (f"{outcome.name}: {each.grade}: {each.where}: {each.what}" for each in outcome.found[:SHOWN])
        if len(outcome.found) > SHOWN:
            yield f"{outcome.name}: … and {len(outcome.found) - SHOWN} more"
        yield from (f"{outcome.name}: a planted flaw was not seen: {each}" for each in sorted(outcome.unseen))


def _line(outcome: Outcome) -> str:
    state = "ok" if outcome.is_passed else "FOUND" if outcome.found else "BLIND"
    planted = f"{len(outcome.seen)} of {len(outcome.seen | outcome.unseen)} planted seen"
    told = f"{state:6}{outcome.name:22}{len(outcome.found):4} found, {planted:22}{outcome.seconds:5.0f} s"
    return f"{told}  {'; '.join(outcome.asked)}"


def write(outcomes: Sequence[Outcome], versions: str) -> None:
    """Put the run's section between its marks; all else of the file stays."""
    text = PLACE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    PLACE.write_text(f"{before}{BEGIN}\n{section(outcomes, versions)}\n{END}{rest.split(END)[1]}", encoding="utf-8")


def section(outcomes: Sequence[Outcome], versions: str) -> str:
    """The run in Markdown."""
    seconds = sum(outcome.seconds for outcome in outcomes)
    told = (
        f"`make attack` on {datetime.now(UTC):%d/%m/%Y}, with {versions}. All of it against a Kentro of its own on the "
        "same machine; no other address was asked."
    )
    head = (
        "| Attack | Asked | Found: "
        + ", ".join(GRADES)
        + " | Planted flaws seen | Minutes |\n| --- | --- | --- | --- | --- |"
    )
    rows = [f"| {' | '.join(_cells(outcome))} |" for outcome in outcomes]
    together = f"Minutes of all attacks, some of them at once: {seconds / 60:.0f}."
    return "\n".join([told, "", head, *rows, "", together, "", NOTES])


def _cells(outcome: Outcome) -> Iterator[str]:
    yield outcome.name
    yield "; ".join(outcome.asked)
    yield ", ".join(str(sum(each.grade == grade for each in outcome.found)) for grade in GRADES)
    yield f"{len(outcome.seen)} of {len(outcome.seen | outcome.unseen)}"
    yield f"{outcome.seconds / 60:.1f}"


def versions(folder: Path) -> str:
    """The tools' versions, as they are pinned."""
    texts = [file.read_text(encoding="utf-8") for file in sorted(folder.glob("requirements*.txt"))]
    pinned = re.findall(r"(?m)^([\w-]+)==(\S+)", "\n".join(texts))
    return ", ".join(f"{name} {version}" for name, version in pinned)
