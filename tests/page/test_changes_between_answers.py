"""Differences between two answers: significant ones in rows, the others in one row."""

from __future__ import annotations

import pytest

from optimizer.analyses.plan_diff import pair_up
from optimizer.page.views import _difference_table, _large_shifts


@pytest.mark.parametrize("total", ["", "All"])
def test_differences_below_half_a_percent_of_the_largest_have_no_row(total: str) -> None:
    before = {"large": 0.0, "just": 0.0, "short": 0.0, "none": 1.0, "same": 3.0}
    after = {"large": 100.0, "just": 0.6, "short": 0.4, "none": 1.0, "same": 3.1}
    pairs = pair_up(before, after, 0.0)
    table = _difference_table("Caption", "Name", pairs, ("Before", "Now"), total=total)
    names = [row[0] for row in table.rows]
    assert names == ["large", "just", *(["3 others"] if total else [])]
    if total:
        assert table.rows[-1][1:] == pytest.approx((4.0, 4.5))


def test_shifts_are_named_from_a_tenth_of_the_largest_and_half_a_million_on() -> None:
    shifts = {"below": 9.9, "above": -10.1, "largest": 100.0, "none": 0.0}
    assert _large_shifts(shifts) == [("largest", 100.0), ("above", -10.1)]
    assert _large_shifts({"below": -0.49, "above": 0.51}) == [("above", 0.51)]
    assert _large_shifts({"below": 9.9, "above": 10.1}, largest_shift=100.0) == [("above", 10.1)]
