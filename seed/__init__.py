"""What a new installation starts with: reference data for all, invented people for demonstration and measurement."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from flask import current_app

_HERE = Path(__file__).parent
PROFILES = tuple(sorted(path.stem for path in (_HERE / "profiles").glob("*.toml")))


class NotSeeded(RuntimeError):
    """The data cannot be loaded here; the text says why."""


class RefusedInProduction(NotSeeded):
    """Invented people have no place among real ones."""


def refuse_in_production() -> None:
    """Stop where real people's records are kept.

    Raises:
        RefusedInProduction: KENTRO_MODE is production.
    """
    if current_app.config["KENTRO_MODE"] == "production":
        raise RefusedInProduction("Invented people are not loaded in production (KENTRO_MODE=production).")


def read(name: str) -> dict[str, Any]:
    """A data file of this folder, by its path in it."""
    return tomllib.loads((_HERE / name).read_text(encoding="utf-8"))
