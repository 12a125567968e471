"""Charts of how good a plan is: between foresight and rule, and against what could be known."""

from collections.abc import Sequence
from typing import NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d
from optimizer.report.figures import column

SURE = 1.96
"""Standard errors on either side of an interval of 95 %."""
LOOKS = {"without": ("white", d.HATCH), "rule": (d.ORANGE, ""), "foresight": (d.BLUE, "")}


class Bar(NamedTuple):
    """A named figure with its standard error; ``look`` is one of ``LOOKS``."""

    name: str
    value: float
    error: float | None
    look: str


class Rung(NamedTuple):
    """A named figure that is proven to lie in a range."""

    name: str
    low: float
    high: float


def between(groups: Sequence[tuple[str, Sequence[Bar]]], unit: str) -> d.Figure:
    """Groups of bars side by side: each from no plan over rules to foresight."""
    longest = max(len(some) for _, some in groups)
    drawn, grid = d.figure(0.9 + 0.26 * longest, 1, len(groups), squeeze=False, sharey=True)
    for position, ((title, some), axes) in enumerate(zip(groups, grid[0], strict=True)):
        for place, bar in enumerate(some):
            d.bars(axes, [place], [bar.value], 0.62, *LOOKS[bar.look], d.INK)
        ends = [bar.value + SURE * (bar.error or 0.0) for bar in some]
        ranges = [(2 * b.value - end, b.value, end) for b, end in zip(some, ends, strict=True)]
        d.open_ends(axes, range(len(some)), ranges, cap=2.5, width=0.9)
        values = [bar.value for bar in some]
        d.labels(axes, column(values), ends, right=4)
        axes.set_xlim(0, max([*values, 1e-9]) * 1.3)
        d.rows_beside(axes, [bar.name for bar in some], unit)
        axes.set_title(title)
        if position:
            axes.tick_params(axis="y", labelleft=False)
    return drawn


def ladder(rungs: Sequence[Rung], steps: Sequence[tuple[int, int, str]], unit: str) -> d.Figure:
    """Objectives from least to greatest knowledge, and what lies between two of them.

    ``steps`` name a lower and an upper rung by their places, and what their difference is called.
    """
    drawn, axes = d.figure(0.8 + 0.36 * len(rungs))
    highs = [rung.high for rung in rungs]
    most = max([*highs, 1e-9])
    for place, rung in enumerate(rungs):
        d.bars(axes, [place], [rung.high], 0.5, d.GREY, edge=d.INK)
        if (left_open := rung.high - rung.low) > 1e-3 * most:
            d.bars(axes, [place], [left_open], 0.5, "white", d.HATCH, d.INK, left=rung.low)
    d.labels(axes, column(highs), highs, right=4)
    at, arrow = most * 1.17, {"arrowstyle": "<->", "color": d.GREEN}
    for lower, upper, name in steps:
        axes.annotate("", (at, lower), (at, upper), arrowprops=arrow)
        d.label(axes, name, (at, (lower + upper) / 2), 5, size=7)
    axes.set_xlim(0, most * 1.5)
    d.rows_beside(axes, [rung.name for rung in rungs], unit, below=0.5)
    return drawn


def marked(name: str) -> str:
    """What a bar of a rule is called."""
    return tr("Rule, reserve {share}", share=name)
