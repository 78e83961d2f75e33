"""What was measured, as a Markdown table."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

import rig

from .cases import CASES, LIST_KB_GOAL, THROUGHPUT, THROUGHPUT_GOAL
from .measure import CONNECTIONS, Bench, Rounds
from .servers import KENTRO

REFERENCE = "django"


def lines(bench: Bench, measured: Rounds, cases: list[str]) -> Iterator[str]:
    """The table: in each cell the median, and in brackets the median of the rounds' ratios to Django's admin."""
    servers = list(bench.servers)
    yield "| | " + " | ".join(rig.PEERS[name].label for name in servers) + " | goal | verdict |"
    yield "| --- |" + " ---: |" * (len(servers) + 1) + " --- |"
    for case in cases:
        is_speed = case == THROUGHPUT
        label = f"lists per second, {CONNECTIONS} connections" if is_speed else f"{CASES[case].label}, ms"
        goal = THROUGHPUT_GOAL if is_speed else CASES[case].goal
        cells = [_cell(measured, name, case) for name in servers]
        yield _line(label, cells, _told(goal, is_speed), _verdict(ratio(measured, KENTRO, case), goal, is_speed))
    sizes = [f"{bench.list_kb[name]:.0f}" for name in servers]
    verdict = _verdict(bench.list_kb[KENTRO], LIST_KB_GOAL)
    yield _line("HTML of a list of 50, kB", sizes, f"≤ {LIST_KB_GOAL:.0f} kB", verdict)


def _line(label: str, cells: list[str], *rest: str) -> str:
    return "| " + " | ".join((label, *cells, *rest)) + " |"


def _cell(measured: Rounds, server: str, case: str) -> str:
    value, times = median(measured[server, case]), ratio(measured, server, case)
    shown = f"{value:.0f}" if case == THROUGHPUT else f"{value:.1f}"
    return shown if times is None else f"{shown} ({times:.2f})"


def ratio(measured: Rounds, server: str, case: str) -> float | None:
    """The median of the rounds' ratios to Django's admin, or None where that was not measured."""
    if (REFERENCE, case) not in measured:
        return None
    return median(a / b for a, b in zip(measured[server, case], measured[REFERENCE, case], strict=True))


def _told(goal: float | None, is_speed: bool) -> str:
    return "" if goal is None else f"{'≥' if is_speed else '≤'} {goal:g} ×"


def _verdict(value: float | None, goal: float | None, is_speed: bool = False) -> str:
    if value is None or goal is None:
        return ""
    return "met" if (value >= goal if is_speed else value <= goal) else "**missed**"
