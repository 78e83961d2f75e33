"""sqlmap and wapiti against a served Kentro, signed in; neither is told of any address but the server's own."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.world import World

from . import planted
from .findings import Finding, Outcome
from .parameters import Slot, slots
from .site import COOKIE, Ground, cookie, served

SQLMAP_SECONDS, CRAWL_SECONDS, MODULE_SECONDS, LOGIN_SECONDS = 270, 20, 24, 6
"""How long each may take; a wapiti module is ended then, and sqlmap is stopped."""

# --- sqlmap -----------------------------------------------------------------------------------------------------------

SOUND = {
    "search": "Καναρινίδης", "sort": "1", "desc": "1", "page": "0", "page_size": "20", "id": "1", "query": "Καναρινίδης",
    "month": "2026-01", "next": "/admin/", "username": "coordinator", "password": "x", "status": "GRANTED", "days": "5",
    "verdict": "REVIEWED", "reason": "x", "comment": "x",
}  # fmt: skip
"""Values that a page answers in earnest; of others 1."""
SENT = ("sign-in", "report", "send move_view", "send decide_view", "send emergency_view", "send review_view", "settle")
"""The forms that sqlmap sends: sign-in, reports, changes of state, sharing, oversight."""
NOT_ASKED = (
    "send",
    "file",
    "export",
    "planted",
    "language",
    "session",
    "factor",
    "codes",
    "no factor",
    "confirm",
    "password",
)
FILTERS = 4  # of the filters every fourth, for each kind of column has several


def sqlmap(tools: Path, ground: Ground) -> Outcome:
    """Every list's parameters, look-ups, pages by number, and some forms."""
    outcome, world = Outcome("sqlmap"), ground.world("sqlmap")
    mine = [*asked(world)]
    with served(ground.copy("sqlmap")) as address, tempfile.TemporaryDirectory() as folder:
        log, results = Path(folder) / "asked.txt", Path(folder) / "results.csv"
        log.write_text("".join(_requests(world, address, mine)), encoding="utf-8")
        said = _run(
            tools / "bin" / "sqlmap", SQLMAP_SECONDS,
            "-l", str(log), "--batch", "--disable-coloring", "--level=1", "--risk=1", "--dbms=SQLite", "--technique=BEUS",
            "--skip=csrf_token,form_token,version", "--skip-waf", "--flush-session", "--ignore-code=400,403,404,405",
            "--ignore-redirects", "--answers=skip further tests=N", f"--output-dir={folder}", f"--results-file={results}",
        )  # fmt: skip
        found = list(csv.DictReader(results.open(encoding="utf-8"))) if results.exists() else []
    for row in (row for row in found if row["Technique(s)"]):
        path = urlsplit(row["Target URL"]).path
        if path.startswith(planted.PREFIX):
            outcome.seen.add("SQL built from text")
        else:
            outcome.found.append(Finding("high", path, f"{row['Place']} {row['Parameter']}: {row['Technique(s)']}"))
    outcome.unseen = {"SQL built from text"} - outcome.seen
    tested = (
        said.count("does not seem to be injectable") + said.count("is vulnerable") + said.count("is not injectable")
    )
    outcome.asked = [
        f"{len(mine)} requests with {sum(len(slot.names) for slot in mine)} parameters",
        f"{tested} tested",
    ]
    return outcome


def asked(world: World) -> Iterator[Slot]:
    """What sqlmap is given; the planted flaw first, so that it is seen however little time there is."""
    yield Slot("planted", "coordinator", f"{planted.PREFIX}/search/", ["name"])
    for slot in slots(world):
        if slot.group == "filters":
            slot.names = slot.names[::FILTERS]
        if slot.group in SENT or not slot.group.startswith(NOT_ASKED):
            yield slot


def _requests(world: World, address: str, mine: Sequence[Slot]) -> Iterator[str]:
    """The requests as a proxy would have noted them."""
    cookies = {name: cookie(world, name) for name in {slot.reader for slot in mine} if name}
    tokens = {name: _token(world, value) for name, value in {**cookies, "": ""}.items()}
    for slot in mine:
        body = urlencode([(name, SOUND.get(name, "1")) for name in slot.names])
        url = slot.url if slot.method == "POST" else f"{slot.url}{'&' if '?' in slot.url else '?'}{body}"
        jar, token = tokens[slot.reader]
        lines = [f"{slot.method} {address}{url} HTTP/1.1", f"Host: {urlsplit(address).netloc}", f"Cookie: {jar}"]
        if slot.method == "POST":
            lines += [
                "Content-Type: application/x-www-form-urlencoded",
                "",
                f"{body}&{urlencode({'csrf_token': token})}",
            ]
        yield "\n".join(["=" * 20, *lines, "", "=" * 20, ""])


def _token(world: World, signed_in: str) -> tuple[str, str]:
    """The cookies of a browser, signed in or not, and the token that its forms carry."""
    browser = world.client()
    if signed_in:
        browser.client.set_cookie(COOKIE, signed_in)
    browser.get("/password" if signed_in else "/login")
    found = browser.client.get_cookie(COOKIE)
    return f"{COOKIE}={found.value if found else signed_in}", browser.token


# --- wapiti -----------------------------------------------------------------------------------------------------------

MODULES = {
    "xss": "echo", "permanentxss": "keep", "sql": "search", "exec": "run", "file": "file", "crlf": "head",
    "redirect": "leave", "ssrf": "fetch", "csrf": "keep",
}  # fmt: skip
"""wapiti's modules, and the planted page that each must find."""
CRAWLED = ("beneficiary", "visit", "referral", "case_note", "access_grant", "household", "audit_answer")
"""All screens are made by one mechanism, so these stand for the others; sqlmap and the lists of lines go everywhere."""
KEPT_OUT = (
    "logout*",
    "language/*",
    "profile/sessions/*",
    "static/*",
    "assets/*",
    "admin/static/*",
    "planted/endpoint/*",
)
GRADE = {1: "low", 2: "medium", 3: "high", 4: "high"}


def wapiti(tools: Path, ground: Ground) -> Outcome:
    """A crawl as a caseworker, then every module over what it found; and the sign-in page as a stranger."""
    outcome, world = Outcome("wapiti"), ground.world("wapiti")
    session = cookie(world, "caseworker.main")
    with served(ground.copy("wapiti")) as address:
        inside = [
            "--scope",
            "domain",
            "-s",
            f"{address}/admin/",
            "-s",
            f"{address}/profile",
            "-C",
            f"{COOKIE}={session}",
        ]
        others = [f"admin/{view.endpoint}/*" for view in world.app.extensions["admin"][0]._views if view.endpoint not in CRAWLED]
        inside += [part for path in (*KEPT_OUT, *others) for part in ("-x", f"{address}/{path}")]
        signed_in = _wapiti(tools, address, f"{planted.PREFIX}/", MODULE_SECONDS, [*MODULES], *inside)
        stranger = _wapiti(
            tools, address, "/login?next=/admin/", LOGIN_SECONDS, ["xss", "sql", "redirect", "crlf"], "--scope", "url"
        )
    seen = set()
    for said in (signed_in, stranger):
        for kind, each in _of_kinds(said):
            if each["path"].startswith(planted.PREFIX):
                seen.add(f"{each['module']}: {each['path'].split('/')[2]}")
            else:
                outcome.found.append(
                    Finding(
                        GRADE.get(each["level"], "low"),
                        f"{each['method']} {each['path']}",
                        f"{kind}: {each['info'][:150]}",
                    )
                )
    outcome.expect({f"{module}: {page}" for module, page in MODULES.items()}, seen)
    outcome.asked = [f"{signed_in['infos'].get('crawled_pages_nbr')} pages", f"{len(MODULES)} modules"]
    return outcome


def _wapiti(tools: Path, address: str, start: str, seconds: int, modules: Sequence[str], *more: str) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        _run(
            tools / "wapiti" / "bin" / "wapiti", CRAWL_SECONDS + (seconds + 15) * len(modules),
            "-u", f"{address}{start}", "-m", ",".join(modules), *more, "--endpoint", f"{address}{planted.PREFIX}/endpoint/",
            "--max-scan-time", str(CRAWL_SECONDS), "--max-attack-time", str(seconds), "-d", "3", "--max-parameters", "40",
            "--max-links-per-page", "60", "--max-files-per-dir", "8", "--tasks", "4", "--dns-endpoint", "localhost", "-t", "10", "-v", "0",
            "--store-session", folder, "--store-config", folder, "--flush-session", "--no-bugreport", "-f", "json", "-o", str(report),
        )  # fmt: skip
        return json.loads(report.read_text(encoding="utf-8"))


def _of_kinds(said: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for part in ("vulnerabilities", "anomalies"):
        for kind, found in said[part].items():
            yield from ((kind, each) for each in found)


def _run(program: Path, seconds: int, *arguments: str) -> str:
    """What a scanner says; one that is not done in its time is stopped, and what it found until then counts."""
    with tempfile.TemporaryDirectory() as home:
        own = {
            "HOME": home,
            "PATH": f"{program.parent}:/usr/bin:/bin",
            "LANG": os.environ.get("LANG", "C.UTF-8"),
            "NO_PROXY": "*",
        }
        try:
            done = subprocess.run(
                [program, *arguments], cwd=home, env=own, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, timeout=seconds, text=True, errors="replace",
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            return (
                error.stdout.decode("utf-8", "replace") if isinstance(error.stdout, bytes) else str(error.stdout or "")
            )
    return done.stdout
