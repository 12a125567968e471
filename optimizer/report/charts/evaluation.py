"""Charts of the evaluation of a plan: release policies compared with foresight, and the value of
information."""

from collections.abc import Sequence
from typing import NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d
from optimizer.report.number_format import format_column

Z_95 = 1.96
"""Half width of a 95 % interval, in standard errors."""
BAR_STYLES = {
    "without": ("white", d.HATCH_PATTERN),
    "rule": (d.ORANGE, ""),
    "foresight": (d.BLUE, ""),
}


class PolicyBar(NamedTuple):
    """A bar with its name, value and standard error; ``style`` is a key of ``BAR_STYLES``."""

    name: str
    value: float
    standard_error: float | None
    style: str


class InformationLevel(NamedTuple):
    """A level of information: its name, and the proven range of the objective."""

    name: str
    low: float
    high: float


def policy_bars(bar_groups: Sequence[tuple[str, Sequence[PolicyBar]]], unit: str) -> d.Figure:
    """Draw groups of bars side by side, for instance no plan, release policies and foresight."""
    max_bar_count = max(len(bars) for _, bars in bar_groups)
    figure, grid = d.new_figure(
        0.9 + 0.26 * max_bar_count, 1, len(bar_groups), squeeze=False, sharey=True
    )
    for position, ((title, bars), axes) in enumerate(zip(bar_groups, grid[0], strict=True)):
        for row, bar in enumerate(bars):
            d.horizontal_bars(axes, [row], [bar.value], 0.62, *BAR_STYLES[bar.style], d.INK)
        bar_ends = [bar.value + Z_95 * (bar.standard_error or 0.0) for bar in bars]
        ranges = [(2 * b.value - end, b.value, end) for b, end in zip(bars, bar_ends, strict=True)]
        d.draw_error_bars(axes, range(len(bars)), ranges, cap=2.5, width=0.9)
        values = [bar.value for bar in bars]
        d.label_bar_ends(axes, format_column(values), bar_ends, offset_x=4)
        axes.set_xlim(0, max([*values, 1e-9]) * 1.3)
        d.set_row_labels(axes, [bar.name for bar in bars], unit)
        axes.set_title(title)
        if position:
            axes.tick_params(axis="y", labelleft=False)
    return figure


def information_ladder(
    levels: Sequence[InformationLevel], steps: Sequence[tuple[int, int, str]], unit: str
) -> d.Figure:
    """Draw objectives from the least to the most information, and the differences between them.

    ``steps`` has, for each difference, the positions of the lower and the upper level, and its
    name.
    """
    figure, axes = d.new_figure(0.8 + 0.36 * len(levels))
    high_values = [level.high for level in levels]
    max_value = max([*high_values, 1e-9])
    for position, level in enumerate(levels):
        d.horizontal_bars(axes, [position], [level.high], 0.5, d.GREY, edge=d.INK)
        if (open_width := level.high - level.low) > 1e-3 * max_value:
            d.horizontal_bars(
                axes, [position], [open_width], 0.5, "white", d.HATCH_PATTERN, d.INK, left=level.low
            )
    d.label_bar_ends(axes, format_column(high_values), high_values, offset_x=4)
    arrow_x, arrow = max_value * 1.17, {"arrowstyle": "<->", "color": d.GREEN}
    for lower_level, upper_level, name in steps:
        axes.annotate("", (arrow_x, lower_level), (arrow_x, upper_level), arrowprops=arrow)
        d.annotate_point(axes, name, (arrow_x, (lower_level + upper_level) / 2), 5, font_size=7)
    axes.set_xlim(0, max_value * 1.5)
    d.set_row_labels(axes, [level.name for level in levels], unit, bottom_margin=0.5)
    return figure


def rule_label(reserve: str) -> str:
    """Return the label of the release policy that keeps a share ``reserve`` of the stock."""
    return tr("Rule, reserve {share}", share=reserve)
