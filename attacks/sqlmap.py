"""sqlmap against a served Kentro, signed in: every list's parameters, look-ups, pages by number, and some forms."""

from __future__ import annotations

import csv
import re
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from tests.world import CANARY, World

from . import planted
from .findings import Finding, Outcome
from .parameters import Slot, slots
from .running import run
from .site import COOKIE, Ground, cookie, served

SECONDS = 210
SOUND = {
    "search": CANARY["main"], "query": CANARY["main"], "page": "0", "page_size": "20", "month": "2026-01",
    "username": "coordinator", "password": "x", "status": "GRANTED", "verdict": "REVIEWED", "comment": "x",
}  # fmt: skip
"""Values that a page answers in earnest; of other parameters 1."""
SENT = ("sign-in", "report", "send move_view", "send decide_view", "send emergency_view", "send review_view", "settle")
"""The forms that it sends: sign-in, reports, changes of state, sharing, oversight."""
LEFT_OUT = (
    "send", "file", "export", "planted", "language", "session", "factor", "codes", "no factor", "confirm", "password",
    "copy",
)  # fmt: skip
FILTERS = 5  # of the filters every fifth, for each kind of column has several
TELLS_OF_ITSELF = "/admin/audit_entry/"
"""The trail lists the very searches that are made in it, and so differs from one request to the next: that its pages
differ (technique B alone) shows nothing there."""
SKIPPED = ("csrf_token", "form_token", "version", "url", "next")


def attack(tools: Path, ground: Ground) -> Outcome:
    """Two at once, each with half of the requests; the planted flaw comes first, so that both see it."""
    outcome, (flaw, *mine) = Outcome("sqlmap"), asked(ground.world("sqlmap"))
    with ThreadPoolExecutor(2) as threads:
        halves = list(threads.map(lambda n: _sqlmap(tools, ground, f"sqlmap{n}", [flaw, *mine[n::2]]), range(2)))
    for number, (_tested, found) in enumerate(halves):
        half = f"SQL built from text, half {number + 1}"
        outcome.expect({half}, {half for row in found if _is_planted(row)})
        outcome.found += [_finding(row) for row in found if not _is_planted(row)]
    names, tested = sum(len(slot.names) for slot in mine), sum(tested for tested, _found in halves)
    outcome.asked = [f"{len(mine)} requests with {names} parameters", f"{tested} parameters tested"]
    return outcome


def _is_planted(row: dict[str, str]) -> bool:
    return urlsplit(row["Target URL"]).path.startswith(planted.PREFIX)


def _finding(row: dict[str, str]) -> Finding:
    return Finding(
        "high", urlsplit(row["Target URL"]).path, f"{row['Place']} {row['Parameter']}: {row['Technique(s)']}"
    )


def asked(world: World) -> Iterator[Slot]:
    """What it is given."""
    yield Slot("planted", "coordinator", f"{planted.PREFIX}/search/", ["name"])
    for slot in slots(world):
        if slot.group == "filters":
            slot.names = slot.names[::FILTERS]
        if slot.group in SENT or not slot.group.startswith(LEFT_OUT):
            yield slot


def _sqlmap(tools: Path, ground: Ground, name: str, mine: Sequence[Slot]) -> tuple[int, list[dict[str, str]]]:
    """How many parameters it tested, and those that it found to be open."""
    world = ground.world(name)
    with served(ground.copy(name)) as address, tempfile.TemporaryDirectory() as folder:
        log, results = Path(folder) / "asked.txt", Path(folder) / "results.csv"
        log.write_text("".join(_requests(world, address, mine)), encoding="utf-8")
        said = run(
            tools / "bin" / "sqlmap", SECONDS, "-l", str(log), f"--output-dir={folder}", f"--results-file={results}",
            "--batch", "--answers=skip further tests=N", "--disable-coloring", "--level=1", "--risk=1", "--dbms=SQLite",
            "--technique=BEU", f"--skip={','.join(SKIPPED)}", "--skip-waf", "--ignore-redirects",
            "--ignore-code=400,403,404,405",
        )  # fmt: skip
        found = list(csv.DictReader(results.open(encoding="utf-8"))) if results.exists() else []
    tested = len(re.findall("parameter '[^']+' (?:does not seem to be injectable|is vulnerable)", said))
    return tested, [row for row in found if row["Technique(s)"] and not _is_of_the_trail(row)]


def _is_of_the_trail(row: dict[str, str]) -> bool:
    return urlsplit(row["Target URL"]).path == TELLS_OF_ITSELF and row["Technique(s)"] == "B"


def _requests(world: World, address: str, mine: Sequence[Slot]) -> Iterator[str]:
    """The requests as a proxy would have noted them."""
    readers = {slot.reader: _signed_in(world, slot.reader) for slot in mine}
    for slot in mine:
        jar, token = readers[slot.reader]
        body = urlencode([(name, SOUND.get(name, "1")) for name in slot.names])
        url = slot.url if slot.method == "POST" else f"{slot.url}{'&' if '?' in slot.url else '?'}{body}"
        lines = [f"{slot.method} {address}{url} HTTP/1.1", f"Host: {urlsplit(address).netloc}", f"Cookie: {jar}"]
        if slot.method == "POST":
            lines += [
                "Content-Type: application/x-www-form-urlencoded",
                "",
                f"{body}&{urlencode({'csrf_token': token})}",
            ]
        yield "\n".join(["=" * 20, *lines, "", "=" * 20, ""])


def _signed_in(world: World, reader: str) -> tuple[str, str]:
    """The cookie of a browser, signed in where there is a reader, and the token that its forms carry."""
    browser = world.client(reader or None)
    browser.get("/password" if reader else "/login")
    return f"{COOKIE}={cookie(browser)}", browser.token
