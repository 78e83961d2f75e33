"""What an attack comes back with."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

GRADES = ("high", "medium", "low")


@dataclass(frozen=True)
class Finding:
    """One thing that an attack found: how bad it is, where, and what."""

    grade: str
    where: str
    what: str


@dataclass
class Outcome:
    """One kind of attack: what was asked, what was found, and which planted flaws were seen or overlooked."""

    name: str
    asked: list[str] = field(default_factory=list)
    found: list[Finding] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    unseen: set[str] = field(default_factory=set)
    seconds: float = 0

    @property
    def is_passed(self) -> bool:
        """Nothing was found, and the attack has shown that it would have found it."""
        return not self.found and not self.unseen and bool(self.seen)

    def expect(self, planted: set[str], seen: set[str]) -> None:
        """Of the planted flaws, these were seen."""
        self.seen |= planted & seen
        self.unseen |= planted - seen


def timed(attack: Callable[[], Outcome]) -> Outcome:
    """The attack's outcome, with the seconds that it took."""
    start = time.monotonic()
    outcome = attack()
    outcome.seconds = time.monotonic() - start
    return outcome
