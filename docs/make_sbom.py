"""Writes docs/sbom.json, the bill of materials (CycloneDX 1.6): what is pinned and vendored, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PLACE = ROOT / "docs/sbom.json"


def sbom() -> dict[str, Any]:
    """Everything that an installation runs, with its version; the same for the same pins (ASVS 5.0, 15.1.2)."""
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "kentro", "bom-ref": "kentro"}},
        "components": [*map(_package, pinned()), *map(_vendored, vendored())],
    }


def pinned() -> Iterator[tuple[str, str]]:
    """Names and versions of requirements.txt."""
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if found := re.match(r"([\w.-]+)(?:\[[\w,-]+\])?==([\w.]+)", line):
            yield normal(found[1]), found[2]


def vendored() -> Iterator[tuple[str, str, str, str]]:
    """Names, versions, files and licences of what static/vendor/README.md says is there."""
    for line in (ROOT / "static/vendor/README.md").read_text(encoding="utf-8").splitlines():
        if found := re.match(r"\| ([\w-]+) \| ([\d.]+) \| ([^|]+) \| ([^|]+) \|", line):
            yield found[1], found[2], found[3], found[4]


def normal(name: str) -> str:
    """A package's name as all spellings of it come down to (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _package(said: tuple[str, str]) -> dict[str, Any]:
    name, version = said
    about = metadata.metadata(name)
    licence = about.get("License-Expression") or about.get("License") or ""
    told = licence if 0 < len(licence) < 60 and "\n" not in licence else "see the package"
    return _component(f"pkg:pypi/{name}@{version}", name, version, told)


def _vendored(said: tuple[str, str, str, str]) -> dict[str, Any]:
    name, version, files, licence = said
    kind = "generic" if ".ttf" in files else "npm"
    return _component(f"pkg:{kind}/{name}@{version}", name, version, licence)


def _component(purl: str, name: str, version: str, licence: str) -> dict[str, Any]:
    about = {"name": name, "version": version, "purl": purl, "licenses": [{"license": {"name": licence}}]}
    return {"type": "library", "bom-ref": purl, **about}


if __name__ == "__main__":
    PLACE.write_text(json.dumps(sbom(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
