"""docs/security.md keeps its word: every requirement and every class of attack is there once, and every test that it names exists."""

from __future__ import annotations

import ast
import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import ROOT

PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")
FACTS = ROOT.parent / "shared/facts"
STANDINGS = ("met", "partly", "not met", "not applicable")
REQUIREMENTS, ATTACKS = "The requirements, one by one", "The attacks, class by class"


def table(heading: str, page: str = PAGE) -> list[list[str]]:
    """The cells of the table under a heading, without its head."""
    part = page.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows[2:]]


def facts(name: str) -> list[dict[str, str]]:
    """The list that the page is held to."""
    path = FACTS / name
    if not path.exists():
        pytest.fail(f"{path} is missing: the list of what docs/security.md must answer lies beside the project")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def kept_in(path: Path) -> Iterator[str]:
    """The names by which pytest knows what a file holds, inherited ones of the same file too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.name
        for inner in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(inner, ast.FunctionDef) and inner.name.startswith("test_"):
                yield f"{node.name}::{inner.name}"


def wrong_names(cell: str) -> list[str]:
    """What a cell names and is no test; everything in it between backticks is to be one."""
    named = re.findall("`([^`]+)`", cell)
    known = {path: set(kept_in(ROOT / path)) for name in named if (ROOT / (path := name.partition("::")[0])).is_file()}
    return [name for name in named if name.partition("::")[2] not in known.get(name.partition("::")[0], ())]


def wrong_lines(rows: list[list[str]]) -> list[str]:
    """Lines of the table of requirements that do not say what they must."""
    found = []
    for number, _level, said, standing, how, shown in rows:
        if standing not in STANDINGS:
            found.append(f"{number}: {standing!r} is none of {STANDINGS}")
        if standing in ("met", "partly") and "`" not in shown:
            found.append(f"{number}: {standing}, and no test is named")
        if not said or len(how) < 20:
            found.append(f"{number}: nothing is said")
        found += [f"{number}: there is no test {name}" for name in wrong_names(shown)]
    return found


def test_every_requirement_is_answered_once() -> None:
    wanted = {row["asvs_5_0_0_id"]: row["level"] for row in facts("asvs-selected.csv")}
    rows = table(REQUIREMENTS)
    assert [cells for cells in rows if len(cells) != 6] == []
    assert [row[0] for row in rows] == list(wanted), "missing, doubled or out of order"
    assert {row[0]: row[1] for row in rows} == wanted
    assert wrong_lines(rows) == []


def test_every_class_of_attack_is_answered_once() -> None:
    wanted = [row["n"] for row in facts("attack-classes.csv")]
    rows = table(ATTACKS)
    assert [cells for cells in rows if len(cells) != 5] == []
    assert [row[0] for row in rows] == wanted, "missing, doubled or out of order"
    for number, name, tried, fails, shown in rows:
        assert name and len(tried) > 20 and len(fails) > 20 and "`" in shown, f"{number}: something is not said"
        assert wrong_names(shown) == [], number


def test_the_summary_counts_what_the_table_says() -> None:
    standings = [row[3] for row in table(REQUIREMENTS)]
    told = dict(re.findall(r"^- \*\*(met|partly|not met|not applicable)\*\*: (\d+)", PAGE, re.MULTILINE))
    assert {name: int(count) for name, count in told.items()} == {name: standings.count(name) for name in STANDINGS}


def test_a_line_that_promises_too_much_is_seen() -> None:
    """Planted: met without a test, a test that is not there, a method that is not there, a word that is none."""
    here, sound = "tests/test_security_table.py", "Somebody wrote a whole sentence here."
    good = ["1.1.1", "1", "x", "met", sound, f"`{here}::test_every_requirement_is_answered_once`"]
    assert wrong_lines([good]) == []
    for place, value in ((3, "nearly"), (5, ""), (5, f"`{here}::test_nothing`"), (5, f"`{here}::Test::test_x`"),
                         (5, "`tests/test_nowhere.py::test_x`"), (5, f"`{here}`"), (4, "Yes.")):  # fmt: skip
        assert len(wrong_lines([[*good[:place], value, *good[place + 1 :]]])) == 1, value


def test_the_report_of_the_attacks_has_its_place() -> None:
    """`make attack` writes between these lines."""
    assert PAGE.count("<!-- attack:begin -->\n") == PAGE.count("<!-- attack:end -->\n") == 1
    assert PAGE.index("<!-- attack:begin -->") < PAGE.index("<!-- attack:end -->")
