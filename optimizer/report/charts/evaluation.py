"""Charts of how good a plan is: between foresight and rule, and against what could be known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.language import tr
from optimizer.report.charts.drawing import (
    BLUE,
    GREEN,
    GREY,
    HATCH,
    INK,
    ORANGE,
    Axes,
    Figure,
    bars,
    figure,
    label,
    labels,
    open_ends,
    rows_beside,
)
from optimizer.report.figures import column

SURE = 1.96
"""Standard errors on either side of an interval of 95 %."""


@dataclass(frozen=True)
class Bar:
    """A named figure with its standard error, and which kind it is."""

    name: str
    value: float
    error: float | None
    look: str
    """``without``, ``rule`` or ``foresight``."""


LOOKS = {"without": ("white", HATCH), "rule": (ORANGE, ""), "foresight": (BLUE, "")}


def between(groups: Sequence[tuple[str, Sequence[Bar]]], unit: str) -> Figure:
    """Groups of bars side by side: each from no plan over rules to foresight."""
    longest = max(len(some) for _, some in groups)
    drawn, axes = figure(0.9 + 0.26 * longest, 1, len(groups), squeeze=False, sharey=True)
    for position, ((title, some), beside) in enumerate(zip(groups, axes[0], strict=True)):
        _bars(beside, some, unit)
        beside.set_title(title)
        if position:
            beside.tick_params(axis="y", labelleft=False)
    return drawn


def _bars(axes: Axes, some: Sequence[Bar], unit: str) -> None:
    values = [bar.value for bar in some]
    reach = [SURE * (bar.error or 0.0) for bar in some]
    for place, bar in enumerate(some):
        bars(axes, [place], [bar.value], 0.62, *LOOKS[bar.look], INK)
    ends = [value + far for value, far in zip(values, reach, strict=True)]
    ranges = [(2 * value - end, value, end) for value, end in zip(values, ends, strict=True)]
    open_ends(axes, range(len(some)), ranges, cap=2.5, width=0.9)
    labels(axes, column(values), ends, right=4)
    axes.set_xlim(0, max([*values, 1e-9]) * 1.3)
    rows_beside(axes, [bar.name for bar in some], unit)


@dataclass(frozen=True)
class Rung:
    """A named figure that is proven to lie in a range."""

    name: str
    low: float
    high: float


def ladder(rungs: Sequence[Rung], steps: Sequence[tuple[int, int, str]], unit: str) -> Figure:
    """Objectives from least to greatest knowledge, and what lies between two of them.

    ``steps`` name a lower and an upper rung by their places, and what their difference is called.
    """
    drawn, axes = figure(0.8 + 0.36 * len(rungs))
    highs = [rung.high for rung in rungs]
    most = max([*highs, 1e-9])
    for place, rung in enumerate(rungs):
        bars(axes, [place], [rung.high], 0.5, GREY, edge=INK)
        if (left_open := rung.high - rung.low) > 1e-3 * most:
            bars(axes, [place], [left_open], 0.5, "white", HATCH, INK, left=rung.low)
    labels(axes, column(highs), highs, right=4)
    at = most * 1.17
    for lower, upper, name in steps:
        arrow = {"arrowstyle": "<->", "color": GREEN}
        axes.annotate("", (at, lower), (at, upper), arrowprops=arrow)
        label(axes, name, (at, (lower + upper) / 2), 5, size=7)
    axes.set_xlim(0, most * 1.5)
    rows_beside(axes, [rung.name for rung in rungs], unit, below=0.5)
    return drawn


def marked(name: str) -> str:
    """What a bar of a rule is called."""
    return tr("Rule, reserve {share}", share=name)
