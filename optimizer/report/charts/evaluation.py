"""Charts of how good a plan is: between foresight and rule, and against what could be known."""

from collections.abc import Sequence
from typing import NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d
from optimizer.report.number_format import format_column

Z_95 = 1.96
"""Standard errors on either side of an interval of 95 %."""
BAR_STYLES = {
    "without": ("white", d.HATCH_PATTERN),
    "rule": (d.ORANGE, ""),
    "foresight": (d.BLUE, ""),
}


class PolicyBar(NamedTuple):
    """A named figure with its standard error; ``look`` is one of ``LOOKS``."""

    name: str
    value: float
    standard_error: float | None
    style: str


class InformationLevel(NamedTuple):
    """A named figure that is proven to lie in a range."""

    name: str
    low: float
    high: float


def policy_bars(bar_groups: Sequence[tuple[str, Sequence[PolicyBar]]], unit: str) -> d.Figure:
    """Groups of bars side by side: each from no plan over rules to foresight."""
    longest = max(len(some) for _, some in bar_groups)
    drawn, grid = d.new_figure(0.9 + 0.26 * longest, 1, len(bar_groups), squeeze=False, sharey=True)
    for position, ((title, some), axes) in enumerate(zip(bar_groups, grid[0], strict=True)):
        for place, bar in enumerate(some):
            d.horizontal_bars(axes, [place], [bar.value], 0.62, *BAR_STYLES[bar.style], d.INK)
        ends = [bar.value + Z_95 * (bar.standard_error or 0.0) for bar in some]
        ranges = [(2 * b.value - end, b.value, end) for b, end in zip(some, ends, strict=True)]
        d.draw_error_bars(axes, range(len(some)), ranges, cap=2.5, width=0.9)
        values = [bar.value for bar in some]
        d.label_bar_ends(axes, format_column(values), ends, right=4)
        axes.set_xlim(0, max([*values, 1e-9]) * 1.3)
        d.set_row_labels(axes, [bar.name for bar in some], unit)
        axes.set_title(title)
        if position:
            axes.tick_params(axis="y", labelleft=False)
    return drawn


def information_ladder(
    levels: Sequence[InformationLevel], steps: Sequence[tuple[int, int, str]], unit: str
) -> d.Figure:
    """Objectives from least to greatest knowledge, and what lies between two of them.

    ``steps`` name a lower and an upper rung by their places, and what their difference is called.
    """
    drawn, axes = d.new_figure(0.8 + 0.36 * len(levels))
    highs = [rung.high for rung in levels]
    most = max([*highs, 1e-9])
    for place, rung in enumerate(levels):
        d.horizontal_bars(axes, [place], [rung.high], 0.5, d.GREY, edge=d.INK)
        if (left_open := rung.high - rung.low) > 1e-3 * most:
            d.horizontal_bars(
                axes, [place], [left_open], 0.5, "white", d.HATCH_PATTERN, d.INK, left=rung.low
            )
    d.label_bar_ends(axes, format_column(highs), highs, right=4)
    at, arrow = most * 1.17, {"arrowstyle": "<->", "color": d.GREEN}
    for lower, upper, name in steps:
        axes.annotate("", (at, lower), (at, upper), arrowprops=arrow)
        d.annotate_point(axes, name, (at, (lower + upper) / 2), 5, font_size=7)
    axes.set_xlim(0, most * 1.5)
    d.set_row_labels(axes, [rung.name for rung in levels], unit, bottom_margin=0.5)
    return drawn


def rule_label(name: str) -> str:
    """What a bar of a rule is called."""
    return tr("Rule, reserve {share}", share=name)
