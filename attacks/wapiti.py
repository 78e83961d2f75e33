"""wapiti against a served Kentro: a crawl as a caseworker, then its modules; and the sign-in page as a stranger."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.world import World

from . import planted
from .findings import Finding, Outcome
from .running import run
from .site import COOKIE, Ground, cookie, served

CRAWL_SECONDS, MODULE_SECONDS, STRANGER_SECONDS, PATIENT_SECONDS = 15, 20, 5, 60
"""A module that is not done by then is ended by wapiti itself."""
PATIENT = ("xss", "permanentxss")
"""They send every form first, and look then where it comes back: over one screen, to be done in time."""
LEEWAY = 15  # seconds in which a module ends
MODULES = {
    "xss": "echo", "permanentxss": "keep", "sql": "search", "exec": "run", "file": "file", "crlf": "head",
    "redirect": "leave", "ssrf": "fetch", "csrf": "keep",
}  # fmt: skip
"""wapiti's modules, and the planted page that each must find."""
FOR_STRANGERS = ("xss", "sql", "redirect", "crlf")
CRAWLED = ("visit", "beneficiary", "referral", "access_grant")
"""All screens are made by one mechanism, so these stand for the others; sqlmap and the lists of lines go everywhere."""
KEPT_OUT = ("logout*", "language/*", "profile/sessions/*", "static/*", "assets/*")
"""What would end the session, or is a file."""
START = f"{planted.PREFIX}/"
GRADE = {1: "low", 2: "medium", 3: "high", 4: "high"}
LIMITS = (
    "-d", "3", "--max-parameters", "40", "--max-links-per-page", "60", "--max-files-per-dir", "4", "--tasks", "4",
    "-t", "10", "--dns-endpoint", "localhost", "--no-bugreport", "-v", "0",
)  # fmt: skip


def attack(tools: Path, ground: Ground) -> Outcome:
    """Its findings; every module must have found its planted page, and the session must have lasted."""
    outcome, world = Outcome("wapiti"), ground.world("wapiti")
    browser = world.client("caseworker.main")
    with served(ground.copy("wapiti")) as address:
        inside = (
            "--scope", "domain", "-s", f"{address}/admin/", "-s", f"{address}/profile",
            "-C", f"{COOKIE}={cookie(browser)}",
        )  # fmt: skip
        passes = (
            (PATIENT_SECONDS, PATIENT, CRAWLED[:1]),
            (MODULE_SECONDS, [module for module in MODULES if module not in PATIENT], CRAWLED),
        )
        signed_in = [
            _wapiti(tools, address, START, seconds, modules, *inside, *_kept_out(world, address, screens))
            for seconds, modules, screens in passes
        ]
        stranger = _wapiti(tools, address, "/login?next=/admin/", STRANGER_SECONDS, FOR_STRANGERS, "--scope", "url")
    found = [each for report in (*signed_in, stranger) for each in _told(report)]
    outcome.found = [finding for finding, _module in found if not _page(finding)]
    seen = {f"{module}: {_page(finding)}" for finding, module in found}
    seen |= {"signed in to the end"} if browser.get("/admin/").status_code == 200 else set()
    outcome.expect({"signed in to the end", *(f"{module}: {page}" for module, page in MODULES.items())}, seen)
    crawled = max(report["infos"].get("crawled_pages_nbr", 0) for report in signed_in)
    outcome.asked = [f"{crawled} pages and forms", f"{len(MODULES)} modules"]
    return outcome


def _kept_out(world: World, address: str, crawled: Sequence[str]) -> Iterator[str]:
    screens = (view.endpoint for view in world.app.extensions["admin"][0]._views)
    others = (f"admin/{name}/*" for name in screens if name not in crawled)
    for path in (*KEPT_OUT, *others, f"{planted.PREFIX[1:]}/endpoint/*"):
        yield from ("-x", f"{address}/{path}")


def _wapiti(tools: Path, address: str, start: str, seconds: int, modules: Sequence[str], *more: str) -> Any:
    """What it reports. Where it needs somebody outside to be called, it is given our own address."""
    program, most = tools / "wapiti" / "bin" / "wapiti", CRAWL_SECONDS + (seconds + LEEWAY) * len(modules)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        run(
            program, most, "-u", f"{address}{start}", *more, "-m", ",".join(modules), *LIMITS,
            "--endpoint", f"{address}{planted.PREFIX}/endpoint/",
            "--max-scan-time", str(CRAWL_SECONDS), "--max-attack-time", str(seconds),
            "--store-session", folder, "--store-config", folder, "-f", "json", "-o", str(report),
        )  # fmt: skip
        return json.loads(report.read_text(encoding="utf-8"))


def _told(report: Any) -> Iterator[tuple[Finding, str]]:
    """Findings, each with the module that made it."""
    kinds = {**report["vulnerabilities"], **report["anomalies"]}
    for kind, found in kinds.items():
        for each in found:
            where = f"{each['method']} {each['path']}"
            yield Finding(GRADE.get(each["level"], "low"), where, f"{kind}: {each['info'][:150]}"), each["module"]


def _page(finding: Finding) -> str:
    """The planted page that it is about, if it is about one."""
    path = finding.where.partition(" ")[2]
    return path.split("/")[2] if path.startswith(f"{planted.PREFIX}/") else ""
