"""The bill of materials is what is pinned, and what is pinned is all that is installed to run (ASVS 15.1.2)."""

from __future__ import annotations

import json
from importlib import metadata

from packaging.requirements import Requirement

from docs import make_sbom
from docs.make_sbom import normal, pinned, vendored


def installed() -> dict[str, str]:
    """What the pins need, and what that needs, as it is installed here."""
    lines = (make_sbom.ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    waiting = [Requirement(line.split("#")[0]) for line in lines if line.split("#")[0].strip()]
    found: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        wanted = waiting.pop()
        name, extras = normal(wanted.name), frozenset(wanted.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        found[name] = metadata.version(name)
        for said in metadata.requires(name) or ():
            need = Requirement(said)
            if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in (*extras, "")):
                waiting.append(need)
    return found


def test_all_that_runs_is_pinned_with_what_it_needs_itself() -> None:
    said = list(pinned())
    assert len(dict(said)) == len(said), "a package is pinned twice"
    assert dict(said) == installed(), "pin in requirements.txt what is installed, then `make sbom`"


def test_the_bill_of_materials_is_what_is_pinned_and_vendored() -> None:
    kept = json.loads(make_sbom.PLACE.read_text(encoding="utf-8"))
    assert (kept["bomFormat"], kept["specVersion"]) == ("CycloneDX", "1.6")
    assert kept == make_sbom.sbom(), "docs/sbom.json is old: run `make sbom`"
    told = {(each["name"], each["version"]) for each in kept["components"]}
    folders = {folder.name for folder in (make_sbom.ROOT / "static/vendor").iterdir() if folder.is_dir()}
    assert {f"{name}-{version}" for name, version, *_more in vendored()} == folders, "static/vendor/README.md is old"
    assert (
        told == {*pinned(), *((name, version) for name, version, *_more in vendored())}
        and len(told) == len(kept["components"]) > 25
    )
    assert all(each["purl"].endswith(f"/{each['name']}@{each['version']}") for each in kept["components"])
    assert {"bootstrap", "tom-select"} <= {name for name, _version in told}
