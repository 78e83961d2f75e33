"""bandit and our own semgrep rules over the product's code; both also over code with planted flaws."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from tests.test_house import MODULES

from .findings import Finding, Outcome
from .site import ROOT

HERE = Path(__file__).parent
RULES, BAD_CODE = HERE / "rules", HERE / "bad_code"
PRODUCT = sorted({path.partition("/")[0] for path in MODULES})
PAGES = ("templates", "static")
REASON = re.compile(r"# noqa: [A-Z0-9, ]*\bS(\d+)\b[A-Z0-9, ]* \(.{8,}\)")
"""A finding that was read: ruff has bandit's rules too, by the same numbers, and its marks tell the reason."""
GRADE = {"HIGH": "high", "MEDIUM": "medium", "LOW": "low", "ERROR": "high", "WARNING": "medium", "INFO": "low"}
MINUTES = 5


def bandit(tools: Path) -> Outcome:
    """bandit's rules; every finding that is let pass has its reason beside it, or in pyproject.toml."""
    outcome = Outcome("bandit")
    said = _json(tools / "bin" / "bandit", "-q", "-f", "json", "-c", "pyproject.toml", "-r", *PRODUCT)
    passed = [each for each in said["results"] if _is_reasoned(each)]
    outcome.found = [
        Finding(
            GRADE[each["issue_severity"]], f"{each['filename']}:{each['line_number']}",
            f"{each['test_id']} {each['issue_text']}",
        )
        for each in said["results"] if each not in passed
    ]  # fmt: skip
    lines = said["metrics"]["_totals"]["loc"]
    outcome.asked = [f"{len(said['metrics']) - 1} files, {lines:,} lines", f"{len(passed)} findings with a reason"]
    with tempfile.TemporaryDirectory() as folder:
        file = unpack(BAD_CODE / "bandit.txt", Path(folder))
        found = _json(tools / "bin" / "bandit", "-q", "-f", "json", str(file))["results"]
        outcome.expect(
            {f"bandit line {n}" for n in flaws(file)}, {f"bandit line {each['line_number']}" for each in found}
        )
    return outcome


def semgrep(tools: Path) -> Outcome:
    """Our own rules (attacks/rules), without a connection to anywhere."""
    outcome = Outcome("semgrep, own rules")
    said = _semgrep(tools, ROOT, [*PRODUCT, *PAGES])
    outcome.found = [
        Finding(GRADE[each["extra"]["severity"]], f"{each['path']}:{each['start']['line']}", _rule(each))
        for each in said["results"]
    ] + [
        Finding("low", str(each.get("path")), f"semgrep could not read it: {each['message'][:200]}")
        for each in said["errors"]
    ]
    names = rules()
    outcome.asked = [f"{len(names)} rules", f"{len(said['paths']['scanned'])} files"]
    with tempfile.TemporaryDirectory() as folder:
        files = {name: unpack(BAD_CODE / f"{name}.txt", Path(folder) / name) for name in names}
        found = _semgrep(tools, Path(folder), sorted(names))["results"]
        for name, file in files.items():
            hit = {
                each["start"]["line"] for each in found if _rule(each) == name and each["path"].startswith(f"{name}/")
            }
            wanted = flaws(file)
            outcome.expect({f"{name} line {n}" for n in wanted}, {f"{name} line {n}" for n in hit})
            # What the file has besides is code as it should be.
            outcome.unseen |= {f"{name}: sound code in line {n} was taken for a flaw" for n in hit - wanted}
    return outcome


def rules() -> list[str]:
    """The names of our own rules."""
    return sorted(name for file in RULES.glob("*.yml") for name in re.findall(r"(?m)^  - id: (\S+)$", file.read_text()))


def unpack(kept: Path, folder: Path) -> Path:
    """Bad code, at the place that it says it is from; it is kept as text, so that no other check reads it."""
    first, _newline, code = kept.read_text(encoding="utf-8").partition("\n")
    file = folder / first.removeprefix("at: ")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(code, encoding="utf-8")
    return file


def flaws(file: Path) -> set[int]:
    """The lines that are marked as flaws."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return {number for number, line in enumerate(lines, 1) if re.search(r"(#|//) flaw\b", line)}


def _is_reasoned(found: dict[str, Any]) -> bool:
    number = found["test_id"].removeprefix("B")
    lines = (ROOT / found["filename"]).read_text(encoding="utf-8").splitlines()
    marked = (REASON.search(lines[n - 1]) for n in found["line_range"])
    return any(mark and mark[1] == number for mark in marked) or f"S{number}" in set(_ignored(found["filename"]))


def _ignored(name: str) -> Iterator[str]:
    """What pyproject.toml says that ruff need not look for in this file."""
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
    for pattern, codes in lint["per-file-ignores"].items():
        if fnmatch(name, pattern):
            yield from codes


def _semgrep(tools: Path, folder: Path, paths: list[str]) -> Any:
    offline = ("--metrics=off", "--disable-version-check", "--no-git-ignore", "--jobs=2")
    said = ("scan", "--json", "--quiet", *offline, f"--config={RULES}", *paths)
    return _json(tools / "bin" / "semgrep", *said, folder=folder)


def _rule(found: dict[str, Any]) -> str:
    return str(found["check_id"]).rpartition(".")[2]


def _json(program: Path, *arguments: str, folder: Path = ROOT) -> Any:
    """What a program says in JSON; both end with 1 where they found something."""
    path = {"PATH": f"{program.parent}:/usr/bin:/bin", "HOME": tempfile.gettempdir(), "SEMGREP_SEND_METRICS": "off"}
    done = subprocess.run(
        [program, *arguments], cwd=folder, env=path, capture_output=True, text=True, timeout=MINUTES * 60
    )
    if done.returncode not in (0, 1) or not done.stdout.strip():
        raise RuntimeError(f"{program.name} failed: {done.stderr[-2000:]}")
    return json.loads(done.stdout)
