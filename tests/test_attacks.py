"""What `make attack` stands on: every check has its planted flaw, every form of the house its place, the report its marks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from attacks import corpus, fields, parameters, planted, report, source, sqlmap, wapiti
from attacks.answers import faults
from attacks.findings import Finding, Outcome
from db import fields as columns
from tests.answers import SCREENS, form_fields
from tests.test_house import MODULES
from tests.texts import free_texts
from tests.world import World

ROOT = source.ROOT
REQUIREMENTS = sorted((ROOT / "attacks").glob("requirements*.txt"))


# --- rules and planted flaws ------------------------------------------------------------------------------------------


def test_every_rule_has_planted_flaws_and_sound_code() -> None:
    names = source.rules()
    assert len(names) > 15
    assert {file.stem for file in source.BAD_CODE.glob("*.txt")} == {*names, "bandit"}


@pytest.mark.parametrize("name", [*source.rules(), "bandit"])
def test_planted_code_marks_its_flaws(name: str, tmp_path: Path) -> None:
    file = source.unpack(source.BAD_CODE / f"{name}.txt", tmp_path)
    assert source.flaws(file)
    assert len(source.flaws(file)) < len(file.read_text(encoding="utf-8").splitlines()), "nothing sound beside it"
    if file.suffix == ".py":
        compile(file.read_text(encoding="utf-8"), str(file), "exec")


def test_the_scanned_code_is_the_whole_product() -> None:
    assert {path.partition("/")[0] for path in MODULES} == set(source.PRODUCT)
    assert all((ROOT / place).exists() for place in (*source.PRODUCT, *source.PAGES))


def test_a_finding_passes_only_with_its_reason() -> None:
    assert source.REASON.search("return Markup(x)  # noqa: S704 (a template's output)")
    assert not source.REASON.search("return Markup(x)  # noqa: S704")
    assert not source.REASON.search("return Markup(x)  # noqa: S704 (ok)")


def test_what_semgrep_passes_over_has_a_reason() -> None:
    said = [
        line.strip()
        for path in MODULES
        for line in (ROOT / path).read_text(encoding="utf-8").splitlines()
        if "nosemgrep" in line or "nosec" in line
    ]
    assert said
    assert [line for line in said if not re.search(r"nosemgrep: [\w-]+ \(.{8,}\)|# \w.{8,}  # nosec B\d+$", line)] == []


# --- lines ------------------------------------------------------------------------------------------------------------


def test_every_line_is_laid_into_every_field_that_holds_it() -> None:
    lines = [line.strip() for line in corpus.lines()[::11] if line.strip() and "\0" not in line]
    for model, _editor in fields.edited():
        boxes = free_texts(model)
        forms = corpus.laid(model, boxes, lines) if boxes else []
        for box in boxes:
            sent = "\n".join(form[box] for form in forms)
            assert [line for line in corpus.fitting(model, box, lines) if line not in sent] == []
            assert max(len(form[box]) for form in forms) <= (columns(model)[box].length or 1000)


def test_every_form_is_attacked() -> None:
    attacked = {model for model, _editor in fields.edited()}
    known_reasons = {"access_grant", "audit_entry", "membership", "person_decision"}  # no edit form: new ones only
    left_out = {
        s.model.__tablename__ for s in SCREENS if s.model not in attacked and form_fields(s.model, is_new=False)
    }
    assert left_out <= known_reasons


def test_every_route_is_asked(calm_world: World) -> None:
    """A route that nobody named raises; a screen's own are told by its declarations."""
    slots = list(parameters.slots(calm_world))
    assert {slot.url.split("/")[2] for slot in slots if slot.url.startswith("/admin/") and slot.url.count("/") > 2} >= {
        screen.model.__tablename__ for screen in SCREENS
    }
    assert set(parameters.EVERY_LINE) <= {slot.group for slot in slots}
    assert {slot.group for slot in slots} >= set(sqlmap.SENT)
    assert all(slot.names for slot in slots)


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "line", "told"),
    [
        ("echo/?text=", "<svg onload=alert(1)>", "shows as markup"),
        ("echo/?text=", '" onmouseover="alert(1)', "shows as markup"),
        ("leave/?next=", "//example.org/", "leads to"),
        ("leave/?next=", "https://example.org/", "leads to"),
        ("broken/?text=", "'", "failed (500)"),
        ("broken/?text=", "'", "tells 'Traceback'"),
    ],
)
def test_planted_faults_are_told(path: str, line: str, told: str) -> None:
    from flask import Flask

    app = Flask(__name__)
    app.extensions["csrf"] = type("Csrf", (), {"exempt": lambda self, blueprint: None})()
    planted.plant(app)
    address, name = path.removesuffix("=").split("?")
    answer = app.test_client().get(f"{planted.PREFIX}/{address}", query_string={name: line})
    assert any(told in each.what for each in faults(answer, [line])), faults(answer, [line])


def test_sound_answers_have_no_faults(calm_world: World) -> None:
    browser = calm_world.client("coordinator")
    for line in ("<svg onload=alert(1)>", "' OR 1=1 --", "//example.org/", "Traceback (most recent call last)"):
        for url in ("/admin/beneficiary/", "/login", "/admin/beneficiary/new/"):
            assert faults(browser.get(url, query_string={"search": line, "next": line}), [line]) == []


def test_every_module_of_wapiti_has_its_planted_page() -> None:
    pages = set(re.findall(r'@blueprint\.\w+\("/(\w+)/"\)', (ROOT / "attacks/planted.py").read_text(encoding="utf-8")))
    assert set(wapiti.MODULES.values()) <= pages


# --- report -----------------------------------------------------------------------------------------------------------


def test_the_report_has_its_place() -> None:
    text = report.PLACE.read_text(encoding="utf-8")
    assert [text.count(mark) for mark in (report.BEGIN, report.END)] == [1, 1]
    assert text.index(report.BEGIN) < text.index(report.END)


def test_a_report_replaces_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "PLACE", tmp_path / "security.md")
    report.PLACE.write_text(f"# Before\n{report.BEGIN}\nold\n{report.END}\nafter\n", encoding="utf-8")
    outcome = Outcome("bandit", ["3 files"], [Finding("high", "app.py:1", "B608")], {"one"}, {"two"}, 60)
    report.write([outcome], "bandit 1.0")
    text = report.PLACE.read_text(encoding="utf-8")
    assert text.startswith("# Before\n") and text.endswith(f"{report.END}\nafter\n") and "\nold\n" not in text
    assert "| bandit | 3 files | 1, 0, 0 | 1 of 2 | 1.0 |" in text
    assert any("FOUND" in line for line in report.lines([outcome]))
    assert any("was not seen: two" in line for line in report.lines([outcome]))


def test_an_attack_passes_only_if_it_has_shown_that_it_sees() -> None:
    assert Outcome("x", seen={"flaw"}).is_passed
    assert not Outcome("x").is_passed
    assert not Outcome("x", seen={"flaw"}, unseen={"other"}).is_passed
    assert not Outcome("x", seen={"flaw"}, found=[Finding("low", "", "")]).is_passed


def test_tools_are_pinned() -> None:
    assert len(REQUIREMENTS) == 2
    lines = [line for file in REQUIREMENTS for line in file.read_text(encoding="utf-8").splitlines() if line]
    assert {line.partition("==")[0] for line in lines} == {"bandit", "semgrep", "sqlmap", "wapiti3"}
    assert [line for line in lines if not re.fullmatch(r"[\w-]+==[\d.]+", line)] == []
