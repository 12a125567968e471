"""What has changed between two answers: differences that matter, the others in one row."""

from __future__ import annotations

import pytest

from optimizer.page.answer_changes import _difference_table


@pytest.mark.parametrize("total", ["", "All"])
def test_differences_below_half_a_percent_of_the_largest_have_no_row(total: str) -> None:
    before = {"large": 0.0, "just": 0.0, "short": 0.0, "none": 1.0, "same": 3.0}
    after = {"large": 100.0, "just": 0.6, "short": 0.4, "none": 1.0, "same": 3.1}
    table = _difference_table(
        "Caption", "Name", dict, (before, after), ("Before", "Now"), total=total
    )
    names = [row[0] for row in table.rows]
    assert names == ["large", "just", *(["3 others"] if total else [])]
    if total:
        assert table.rows[-1][1:] == pytest.approx((4.0, 4.5))
