"""The documentation names what exists, and what exists is named; it speaks of nothing but the project."""

from __future__ import annotations

import contextlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

import config
from app import create_app
from docs import make_dictionary
from seed import PROFILES
from vocabulary import Role

ROOT = config.ROOT
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
DECISIONS = sorted((ROOT / "docs/decisions").glob("*.md"))
NOT_OURS = ("instance", "static/vendor", "tests/node_modules", "tests/test_docs.py")


def own_files(*endings: str) -> Iterator[Path]:
    """The project's own files, without what is made, vendored or installed."""
    for path in sorted(ROOT.rglob("*")):
        place = path.relative_to(ROOT).as_posix()
        is_hidden = place.startswith(".") and not place.startswith(".ci/")
        if is_hidden or place.startswith(NOT_OURS) or "__pycache__" in place or not path.is_file():
            continue
        if not endings or path.suffix in endings:
            yield path


def own_texts() -> Iterator[tuple[Path, str]]:
    """The project's own files that are text, and what stands in them."""
    for path in own_files():
        with contextlib.suppress(UnicodeDecodeError):  # a picture, a compiled catalogue
            yield path, path.read_text(encoding="utf-8")


def rows_under(heading: str) -> list[list[str]]:
    """The cells of the README's table under a heading."""
    part = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("| ") and "---" not in line]
    return [[cell.strip() for cell in cells] for cells in lines]


# --- the data dictionary ----------------------------------------------------------------------------------------------


def test_dictionary_is_what_the_models_say() -> None:
    kept = make_dictionary.PLACE.read_text(encoding="utf-8")
    assert kept == make_dictionary.dictionary(), "docs/data-dictionary.md is old: run `make dictionary`"


def test_dictionary_has_no_two_headings_alike() -> None:
    headings = re.findall("^### (.+)$", make_dictionary.dictionary(), re.MULTILINE)
    assert sorted({heading.lower() for heading in headings}) == sorted(heading.lower() for heading in headings)


# --- the README -------------------------------------------------------------------------------------------------------


def test_make_targets() -> None:
    named = set(re.findall(r"(?:`|^)make ([a-z][a-z-]*)", README, re.MULTILINE))
    shown = set(re.findall(r"^([a-z-]+):.*##", MAKEFILE, re.MULTILINE))
    assert named == shown - {"help"}


def test_settings() -> None:
    named = {name.strip("`") for name, *_ in rows_under("Settings")[1:]}
    assert named == asked_by_config() | set(re.findall(r"^([A-Z_]+) \?=", MAKEFILE, re.MULTILINE))


def test_defaults() -> None:
    kept = config.load({"DATABASE_URL": "sqlite://", "SECRET_KEY": "κ" * 32})
    for name, default, *_ in rows_under("Settings")[1:]:
        setting = name.strip("`").removeprefix("KENTRO_")
        setting = "KENTRO_MODE" if setting == "MODE" else setting
        if default.startswith("`") and setting in kept:
            assert default == f"`{kept[setting]}`", name


def asked_by_config() -> set[str]:
    """The variables that config.py reads, told by what it asks for."""
    asked = set()

    class Asked(dict[str, str]):
        def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
            asked.add(name)
            return super().get(name, default)

    config.load(Asked(DATABASE_URL="sqlite://", SECRET_KEY="κ" * 32))
    return asked


def test_roles() -> None:
    assert [cells[:2] for cells in rows_under("Roles")[1:]] == [[f"`{role.value}`", role.label.el] for role in Role]


def test_places() -> None:
    named = [name for cells in rows_under("Where things live") for name in re.findall("`([^`]+)`", cells[0])]
    assert [name for name in named if not (ROOT / name).exists()] == []
    rooms = {path.parts[len(ROOT.parts)] + ("" if path.parent == ROOT else "/") for path in own_files(".py")}
    assert rooms - set(named) == set(), "the README does not say what these are for"


def test_a_version_is_told() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest and newest[1] == project["version"]
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert f"SPDX-License-Identifier: {project['license']}" in licence


# --- commands ---------------------------------------------------------------------------------------------------------


def commands() -> Mapping[str, click.Command]:
    """The application's own commands by the words that call them, and Flask-Migrate's."""
    app = create_app({"TESTING": True, "SECRET_KEY": "κ" * 32, "SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    return dict(leaves(app.cli, ""))


def leaves(group: click.Group, before: str) -> Iterator[tuple[str, click.Command]]:
    """Every command under a group."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, f"{before}{name} ")
        else:
            yield before + name, command


def test_commands_exist_with_their_options() -> None:
    known, named = commands(), set()
    for place in own_files(".md"):
        for line in re.findall(r"flask --app app ([^`#\n]+)", place.read_text(encoding="utf-8")):
            words = line.split()
            name = next((n for n in (" ".join(words[:2]), words[0]) if n in known), None)
            assert name, f"{place.name} names a command that is not there: {line}"
            options = {option for parameter in known[name].params for option in parameter.opts}
            assert set(re.findall(r"--[a-z-]+", line)) <= options, f"{place.name}: {line}"
            named.add(name)
    own = {name for name in known if not name.startswith("db ")}
    assert own - named == set(), "the README does not name these commands"


def test_profiles_are_counted() -> None:
    assert len(PROFILES) == 9, "CHANGELOG.md says nine"


# --- decisions --------------------------------------------------------------------------------------------------------


def test_decisions_have_one_form() -> None:
    numbers = [path.name[:4] for path in DECISIONS]
    assert numbers == [f"{number:04}" for number in range(1, len(DECISIONS) + 1)]
    for path in DECISIONS:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith(f"# {path.name[:4]} "), path.name
        headings = [line for line in lines if line.startswith("## ")]
        assert headings == ["## Context", "## Decision", "## Consequence"], path.name
        assert len(lines) <= 30, f"{path.name} is long"


def test_names_that_decisions_use_exist() -> None:
    """What stands in backticks and looks like `module.name` is really there."""
    gone = []
    for path in DECISIONS:
        for module, name in re.findall(r"`([a-z_]+)\.([A-Za-z_]+)", path.read_text(encoding="utf-8")):
            source = ROOT / f"{module}.py"
            defined = source.exists() and re.search(rf"^(def |class )?{name}\b", source.read_text(), re.MULTILINE)
            gone += [] if defined or (name == "py" and source.exists()) else [f"{path.name}: {module}.{name}"]
    assert gone == []


# --- links ------------------------------------------------------------------------------------------------------------


def test_links_and_images_lead_somewhere() -> None:
    broken = []
    for path in own_files(".md"):
        text = path.read_text(encoding="utf-8")
        anchors = {heading.lower().replace(" ", "-") for heading in re.findall("^#+ (.+)$", text, re.MULTILINE)}
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if target.startswith("#"):
                broken += [] if target[1:] in anchors else [f"{path.name}: {target}"]
            elif not target.startswith("https://") and not (path.parent / target).exists():
                broken.append(f"{path.name}: {target}")
    assert broken == []


def test_documents_that_the_code_names_exist() -> None:
    named = {
        name
        for path in own_files(".py", ".html", ".toml")
        for name in re.findall(r"docs/[\w./-]+\.md", path.read_text(encoding="utf-8"))
    }
    assert named and [name for name in sorted(named) if not (ROOT / name).exists()] == []


# --- nothing but the project ------------------------------------------------------------------------------------------

HOSTS = r"pypi\.org|pythonhosted|npmjs|registry\.npm|deb\.debian\.org|security\.debian|jsdelivr|unpkg|cdnjs"
ELSEWHERE = re.compile(rf"(?<![\w.])/(work|tmp/probe)\b|{HOSTS}", re.IGNORECASE)
PROSE = re.compile(r"\bhelper\b|\bsub-?agents?\b", re.IGNORECASE)


def test_nothing_speaks_of_where_it_was_made() -> None:
    found = []
    for path, text in own_texts():
        patterns = (ELSEWHERE, PROSE) if path.suffix == ".md" else (ELSEWHERE,)
        found += [f"{path.relative_to(ROOT)}: {hit[0]}" for each in patterns for hit in each.finditer(text)]
    assert found == []
