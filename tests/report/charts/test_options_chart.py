"""The chart of options: both axes begin at 0, and no name lies on another or on a mark."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

from optimizer.report.charts.drawing import Chart
from optimizer.report.charts.plan_charts import OptionPoint, efficient_frontier

CROWDED = [
    OptionPoint("1 Industry alone", 0, 10_380, True),
    OptionPoint("2 Stocks only", 727, 9_308, True),
    OptionPoint("3 Projects only", 1_809, 11_445, False),
    OptionPoint("4 Trading house of industry, no federal stake", 1_852, 8_838, True),
    OptionPoint("5 Trading house of industry with a federal stake", 2_127, 8_059, True),
    OptionPoint("6 Fund as budgeted", 2_266, 7_875, True),
    OptionPoint("7 Base case", 2_579, 7_825, True),
    OptionPoint("8 Price floor", 2_579, 7_825, True),
    OptionPoint("9 Fund of EUR 2,500 million", 2_829, 7_821, True),
    OptionPoint("10 Japanese model", 6_338, 6_431, True),
]
"""As germany-2026 has them: five of ten within a tenth of the width."""


def drawn(points: list[OptionPoint], without: float) -> Any:
    """The figure as it is saved."""
    kept = []

    def draw() -> Any:
        kept.append(efficient_frontier(points, without, "money", "damage"))
        return kept[0]

    Chart("options", "title", "about", draw).svg()
    kept[0].draw_without_rendering()
    return kept[0]


@pytest.mark.quick(2)
@pytest.mark.parametrize(
    ("points", "without"),
    [
        (CROWDED, 13_655.0),
        (CROWDED[:1], 13_655.0),
        ([OptionPoint("one", 5, 0, True), OptionPoint("two", 5, 3, False)], 9.0),
        ([OptionPoint(f"option {n}", n, 20 - n, True) for n in range(12)], 21.0),
    ],
)
def test_names_lie_apart(points: list[OptionPoint], without: float) -> None:
    from matplotlib.text import Text

    figure = drawn(points, without)
    (axes,) = figure.axes
    assert (axes.get_xlim()[0], axes.get_ylim()[0]) == (0, 0)
    assert axes.get_ylim()[1] > max(without, *(p.remaining for p in points), 0)
    boxes = [Text.get_window_extent(text) for text in axes.texts]
    named = " = ".join(text.get_text() for text in axes.texts)
    assert sorted(named.split(" = ")) == sorted(point.name for point in points)
    assert not [1 for one, other in combinations(boxes, 2) if one.overlaps(other)]
    marks = [axes.transData.transform((p.public_money, p.remaining)) for p in points]
    marks.append(axes.transData.transform((0, without)))
    assert not [1 for box in boxes for mark in marks if box.contains(*mark)]
    inside = axes.get_window_extent()
    assert all(box.x1 <= inside.x1 + 1 and box.x0 >= inside.x0 for box in boxes)


def test_dominated_options_are_hollow() -> None:
    figure = drawn(CROWDED, 13_655.0)
    (axes,) = figure.axes
    efficient, dominated, none = axes.collections
    assert [len(marks.get_offsets()) for marks in (efficient, dominated, none)] == [9, 1, 1]
    assert dominated.get_facecolor().tolist() == [[1, 1, 1, 1]]
    assert none.get_offsets().tolist() == [[0, 13_655]]
    (stairs,) = [line for line in axes.lines if line.get_drawstyle() == "steps-post"]
    assert list(stairs.get_xdata())[:-1] == [p.public_money for p in CROWDED if p.is_efficient]
