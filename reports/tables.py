"""Counts laid out as tables, with their totals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

from exports import Column, Kind, Sheet
from i18n import Label, _
from identifiers import N_
from vocabulary import Code

from .coverage import Counts, Coverage

TOTAL = Label("Σύνολο", "Total")
NOT_STATED = Label("Δεν δηλώθηκε", "Not stated")
UNIT = Label("Μονάδα", "Unit")

RULE_ON_TOTALS = N_(
    "A person registered in two units counts once in each. In totals the person counts once if the coordinator has "
    "linked the two records, and twice otherwise."
)

Row = tuple[Sequence[object], Sequence[Any]]
"""A line's labels and its figures."""


def columns(labels: Iterable[object], kind: Kind = Kind.TEXT) -> list[Column]:
    """Columns of one kind, with these headers."""
    return [Column(str(label), kind) for label in labels]


def codes(listed: Iterable[Code]) -> dict[Any, Label]:
    """The codes of a list and their labels, as columns of a crosstab."""
    return {code: code.label for code in listed}


def unit_rows(coverage: Coverage) -> dict[Any, tuple[str]]:
    """A line for each unit, as rows of a crosstab."""
    return {unit.id: (unit.name,) for unit in coverage.units}


def crosstab(
    title: Label, heads: Sequence[Label], rows: Mapping[Any, Sequence[object]], across: Mapping[Any, object],
    counts: Counts, note: str | None = None, *, subtotal: Label | None = None, total: Sequence[int] | None = None,
) -> Sheet:  # fmt: skip
    """Counts down and across, with totals; both mappings give every key its labels, in order."""
    lines = [(labels, [counts.get((row, column), 0) for column in across]) for row, labels in rows.items()]
    body = [(labels, (*line, sum(line))) for labels, line in lines]
    figures = columns((*across.values(), TOTAL), Kind.INTEGER)
    return totalled(title, columns(heads), figures, body, note, subtotal=subtotal, total=total)


def totalled(
    title: Label, heads: Sequence[Column], figures: Sequence[Column], rows: Sequence[Row],
    note: str | None = None, *, subtotal: Label | None = None, total: Sequence[int] | None = None,
) -> Sheet:  # fmt: skip
    """A table of labels and figures whose last line adds the figures up, unless a total is given."""
    body = _with_subtotals(rows, subtotal) if subtotal else rows
    last = (TOTAL, *[None] * (len(heads) - 1)), total or _sum(rows, len(figures))
    lines = [(*map(_cell, labels), *values) for labels, values in [*body, last]]
    return Sheet(str(title), [*heads, *figures], lines, note)


def stack(title: Label, parts: Sequence[Sheet]) -> Sheet:
    """Tables with the same heads under each other, each line led by its table's title."""
    widest = max((part.columns for part in parts), key=len)
    lines = [
        (part.title, *(cells.get(column.header) for column in widest))
        for part in parts
        for cells in (dict(zip((c.header for c in part.columns), row, strict=True)) for row in part.rows)
    ]
    counted = Column(str(Label("Τι μετριέται", "What is counted")))
    return Sheet(str(title), [counted, *widest], lines, _(RULE_ON_TOTALS))


def _with_subtotals(rows: Sequence[Row], label: Label) -> Iterable[Row]:
    for first, group in groupby(rows, key=lambda row: row[0][0]):
        part = list(group)
        yield from part
        yield (first, label), _sum(part, len(part[0][1]))


def _sum(rows: Iterable[Row], width: int) -> list[Any]:
    return [sum(values) for values in zip(*(row[1] for row in rows), strict=True)] or [0] * width


def _cell(label: object) -> object:
    """Names become text in the reader's language; quantities stay numbers."""
    return label if label is None or isinstance(label, int | Decimal) else str(label)
