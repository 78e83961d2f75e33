"""Pure: counts become the geometry of a drawing. Knows no page, no language and no model.

Across, everything is in per cent of the drawing's width, so that one drawing fits every screen without a script;
upwards it is in pixels, so that its lettering keeps its size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

HEIGHT = 180.0
FILLED = 0.72  # of a column's place; the rest is the gap to the next
WIDEST = 12.0  # per cent; a single column is no wall
LEAST = 2.0  # pixels; what is not nothing can be seen
LINES = 4


@dataclass(frozen=True)
class Column:
    """One count: its place across (`left`, `place`), the column in it (`x`, `width`, `middle`), from `y` down."""

    value: int
    left: float
    place: float
    x: float
    width: float
    middle: float
    y: float
    height: float


@dataclass(frozen=True)
class Columns:
    """Upright columns over a scale; `lines` are the scale's numbers and how far from the top each lies."""

    height: float
    columns: tuple[Column, ...]
    lines: tuple[tuple[int, float], ...]


def columns(values: Sequence[int], height: float = HEIGHT) -> Columns:
    """Upright columns for these counts, in their order.

    Raises:
        ValueError: a count below zero.
    """
    marks = scale(values)
    place = 100 / max(len(values), 1)
    width = min(place * FILLED, WIDEST)
    drawn = []
    for n, value in enumerate(values):
        tall = max(height * value / marks[-1], LEAST) if value else 0.0
        middle = place * (n + 0.5)
        sizes = (n * place, place, middle - width / 2, width, middle, height - tall, tall)
        drawn.append(Column(value, *(round(size, 2) for size in sizes)))
    lines = tuple((mark, round(height - height * mark / marks[-1], 2)) for mark in marks)
    return Columns(height, tuple(drawn), lines)


def shares(values: Sequence[int]) -> list[float]:
    """How long the bar of each count is, in per cent of the longest.

    Raises:
        ValueError: a count below zero.
    """
    greatest = max(_counted(values), default=0) or 1
    return [round(max(100 * value / greatest, 1.0), 2) if value else 0.0 for value in values]


def scale(values: Sequence[int]) -> range:
    """Whole, round numbers from zero to the greatest count or just above it, at most five.

    Raises:
        ValueError: a count below zero.
    """
    greatest = max(_counted(values), default=0) or 1
    steps = (digit * 10**power for power in count() for digit in (1, 2, 5))
    step = next(step for step in steps if greatest <= step * LINES)
    return range(0, -(-greatest // step) * step + 1, step)


def _counted(values: Sequence[int]) -> Sequence[int]:
    if any(value < 0 for value in values):
        raise ValueError("A count is never below zero.")
    return values
