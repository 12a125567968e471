"""Charts of how good a plan is: between foresight and rule, and against what could be known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.language import tr
from optimizer.report.charts.drawing import BLUE, GREEN, GREY, INK, ORANGE, figure, numbers_beside
from optimizer.report.figures import column

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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


LOOKS = {"without": ("white", "////", INK), "rule": (ORANGE, "", INK), "foresight": (BLUE, "", INK)}


def between(groups: Sequence[tuple[str, Sequence[Bar]]], unit: str) -> Figure:
    """Groups of bars side by side: each from no plan over rules to foresight."""
    longest = max(len(bars) for _, bars in groups)
    drawn, axes = figure(0.9 + 0.26 * longest, 1, len(groups), squeeze=False, sharey=True)
    for position, ((title, bars), beside) in enumerate(zip(groups, axes[0], strict=True)):
        _bars(beside, bars)
        beside.set_title(title)
        beside.set_xlabel(unit)
        if position:
            beside.tick_params(axis="y", labelleft=False)
    return drawn


def _bars(axes: Axes, bars: Sequence[Bar]) -> None:
    values = [bar.value for bar in bars]
    most = max([*values, 1e-9])
    for place, (bar, text) in enumerate(zip(bars, column(values), strict=True)):
        colour, hatch, edge = LOOKS[bar.look]
        axes.barh(place, bar.value, 0.62, color=colour, hatch=hatch, edgecolor=edge)
        reach = SURE * (bar.error or 0.0)
        if reach > 0:
            axes.errorbar(
                bar.value, place, xerr=reach, color=INK, capsize=2.5, linewidth=0.9, zorder=4
            )
        axes.annotate(
            text,
            (bar.value + reach, place),
            (4, 0),
            textcoords="offset points",
            va="center",
            fontsize=6.5,
        )
    axes.set_yticks(range(len(bars)), [bar.name for bar in bars])
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.set_xlim(0, most * 1.3)
    numbers_beside(axes, "x")
    axes.tick_params(axis="y", length=0)


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
    most = max([*(rung.high for rung in rungs), 1e-9])
    for place, rung in enumerate(rungs):
        axes.barh(place, rung.high, 0.5, color=GREY, edgecolor=INK)
        if rung.high - rung.low > 1e-3 * most:
            axes.barh(
                place, rung.high - rung.low, 0.5, left=rung.low, color="white", hatch="////",
                edgecolor=INK,
            )  # fmt: skip
    for place, text in enumerate(column([rung.high for rung in rungs])):
        axes.annotate(
            text,
            (rungs[place].high, place),
            (4, 0),
            textcoords="offset points",
            va="center",
            fontsize=6.5,
        )
    for lower, upper, name in steps:
        at = most * 1.17
        axes.annotate(
            "", (at, lower), (at, upper), arrowprops={"arrowstyle": "<->", "color": GREEN}
        )
        axes.annotate(
            name,
            (at, (lower + upper) / 2),
            (5, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
        )
    axes.set_yticks(range(len(rungs)), [rung.name for rung in rungs])
    axes.set_ylim(len(rungs) - 0.5, -0.6)
    axes.set_xlim(0, most * 1.5)
    numbers_beside(axes, "x")
    axes.set_xlabel(unit)
    axes.tick_params(axis="y", length=0)
    return drawn


def marked(name: str) -> str:
    """What a bar of a rule is called."""
    return tr("Rule, reserve {share}", share=name)
