"""What is measured, and how good it must be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One kind of request. `goal` is what Kentro may take at most, as a multiple of what Django's admin takes."""

    name: str
    label: str
    goal: float | None = None


CASES = {
    case.name: case
    for case in (
        Case("list", "list of 50, first page", goal=0.2),
        Case("filter", "list of a unit's open files", goal=0.2),
        Case("search", "search by the beginning of a name"),
        Case("amka", "search by whole ΑΜΚΑ"),
        Case("edit", "edit form", goal=0.25),
        Case("save", "save", goal=0.8),
        Case("deep", "list of 50, last page"),
    )
}
PAGES = ("list", "filter", "search", "amka", "deep")
"""The cases that answer with a list."""

THROUGHPUT = "throughput"
THROUGHPUT_GOAL = 5.0
"""How many times as many lists per second as Django's admin must be served."""
LIST_KB_GOAL = 30.0
"""How large the HTML of a list of 50 may be, before compression."""

FRAGMENT = "Παραδειγματ"
"""Begins surnames of the invented people. Without accents, and as written: the peers find nothing else."""
