"""Charts: what is drawn is what was counted, at every size of number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import charts

COUNTS = st.lists(st.integers(0, 10**15), max_size=40)


def test_heights_follow_the_counts() -> None:
    drawn = charts.columns([0, 1, 2, 4], height=100)
    assert [c.height for c in drawn.columns] == [0, 25, 50, 100]
    assert [c.y for c in drawn.columns] == [100, 75, 50, 0], "columns stand on the ground line"
    assert drawn.lines == ((0, 100), (1, 75), (2, 50), (3, 25), (4, 0))


def test_a_scale_is_round_and_holds_the_greatest() -> None:
    assert list(charts.scale([3])) == [0, 1, 2, 3]
    assert list(charts.scale([7, 2])) == [0, 2, 4, 6, 8]
    assert list(charts.scale([81])) == [0, 50, 100]
    assert list(charts.scale([100])) == [0, 50, 100]
    assert list(charts.scale([112])) == [0, 50, 100, 150]


@pytest.mark.parametrize("values", [[], [0], [0, 0, 0]])
def test_nothing_draws_an_empty_chart_with_a_scale(values: list[int]) -> None:
    drawn = charts.columns(values, height=100)
    assert drawn.lines == ((0, 100), (1, 0))
    assert [c.height for c in drawn.columns] == [0] * len(values)
    assert charts.shares(values) == [0] * len(values)


def test_one_column_is_no_wall() -> None:
    (only,) = charts.columns([7]).columns
    assert (only.middle, only.width) == (50, charts.WIDEST)
    assert charts.shares([7]) == [100]


def test_one_beside_a_huge_number_can_still_be_seen() -> None:
    one, huge = charts.columns([1, 10**12], height=180).columns
    assert (one.height, huge.height) == (charts.LEAST, 180)
    assert charts.shares([1, 10**12]) == [1, 100]


@pytest.mark.parametrize("draw", [charts.columns, charts.shares, charts.scale])
def test_a_count_below_zero_is_refused(draw: object) -> None:
    with pytest.raises(ValueError, match="below zero"):
        draw([3, -1])  # type: ignore[operator]


@given(COUNTS)
def test_every_drawing_stays_in_its_frame_and_in_order(values: list[int]) -> None:
    drawn = charts.columns(values, height=100)
    ends = [(c.x, c.x + c.width) for c in drawn.columns]
    assert all(0 <= left < right <= 100.01 for left, right in ends)
    assert all(ends[n][1] <= ends[n + 1][0] + 0.01 for n in range(len(ends) - 1)), "columns overlap"
    assert all(0 <= c.y <= 100 and c.y + c.height == pytest.approx(100, abs=0.02) for c in drawn.columns)
    assert all((c.height > 0) == (c.value > 0) for c in drawn.columns)
    by_value = sorted(drawn.columns, key=lambda c: c.value)
    assert [c.height for c in by_value] == sorted(c.height for c in drawn.columns), "more is never lower"
    marks = [mark for mark, _y in drawn.lines]
    assert 2 <= len(marks) <= charts.LINES + 1 and marks[0] == 0 and marks[-1] >= max(values, default=0)
    shares = charts.shares(values)
    assert all(0 <= share <= 100 for share in shares) and (not any(values) or max(shares) == 100)
