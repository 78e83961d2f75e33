"""The user guide speaks the screens' own words, and shows every screen that its readers have."""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po
from PIL import Image

import config
import policy
from admin_views import SCREENS
from docs import make_screens
from tests.test_docs import own_files
from vocabulary import Role

GUIDE = (config.ROOT / "docs/odigos.md").read_text(encoding="utf-8")
CATALOGUE = config.ROOT / "translations/el/LC_MESSAGES/messages.po"
NOT_THE_SCREENS = ("tests", "docs", "benchmarks", "migrations", "seed")
MOST_BYTES = 4_500_000
PLACEHOLDER = re.compile(r"%\(\w+\)s")


# --- words ------------------------------------------------------------------------------------------------------------


@cache
def words_of_the_screens() -> frozenset[str]:
    """Every Greek text that a screen may show, as it stands in the code or the catalogue."""
    return frozenset([*_declared(), *_translated()])


def _declared() -> Iterator[str]:
    for path in own_files(".py"):
        if path.relative_to(config.ROOT).parts[0] not in NOT_THE_SCREENS:
            nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            yield from (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


def _translated() -> Iterator[str]:
    with CATALOGUE.open("rb") as file:
        for message in read_po(file):
            told = message.string if isinstance(message.string, tuple) else (message.string,)
            # What stands before a value is as much as the guide can say: «Στο μεταξύ άλλαξε σε: …».
            yield from (PLACEHOLDER.split(text)[0].strip(" :«") for text in told)


def test_words_are_those_of_the_screens() -> None:
    said = {re.sub(r"\s+", " ", words) for words in re.findall(r"\*\*«(.+?)»\*\*", GUIDE, re.DOTALL)}
    assert len(said) > 100, "the guide names its buttons and fields as **«…»**"
    assert sorted(said - words_of_the_screens()) == [], "no screen says these"


def test_roles_are_told_apart() -> None:
    assert [role.label.el for role in Role if f"| **«{role.label.el}»** |" not in GUIDE] == []


# --- pictures ---------------------------------------------------------------------------------------------------------


def pictures() -> list[Path]:
    """All of docs/screens."""
    return sorted(path for path in make_screens.PLACE.rglob("*") if path.is_file())


def test_every_screen_of_every_role_is_shown() -> None:
    there = {path.relative_to(make_screens.PLACE).as_posix() for path in pictures()}
    missing = {
        name
        for role, screen in ((role.value, screen) for role in Role for screen in ["home", *screens_of(role)])
        for width in make_screens.SIZES
        if (name := f"{role}/{screen}-{width}.webp") not in there
    }
    assert sorted(missing) == [], "docs/screens is old: run `make screens`"


def screens_of(role: Role) -> Iterator[str]:
    """Names of the screens in a role's menu."""
    for screen in SCREENS:
        name = screen.model.__tablename__ if hasattr(screen, "model") else "report"
        if getattr(screen, "menu", name) and policy.may(policy.Scope(role=role), "read", name):
            yield name


def test_pictures_are_small() -> None:
    for path in pictures():
        content = path.read_bytes()
        width = int(path.stem.rpartition("-")[2])
        height, scale = make_screens.SIZES[width]
        is_large = f"{path.parent.name}/{path.name}" in make_screens.shown()
        scale = make_screens.LARGE if is_large else scale
        assert Image.open(io.BytesIO(content)).format == "WEBP", path.name
        size = Image.open(io.BytesIO(content)).size
        is_whole = size[1] + 1 >= height * scale if is_large else abs(size[1] - height * scale) <= 1
        assert abs(size[0] - width * scale) <= 1 and is_whole, f"{path.name}: {size}"
    assert sum(path.stat().st_size for path in pictures()) <= MOST_BYTES


def test_pictures_of_the_guide_are_described() -> None:
    shown = re.findall(r"!\[(.*?)\]\((screens/.+?)\)", GUIDE)
    assert len(shown) > 20 and [place for told, place in shown if not told] == []
