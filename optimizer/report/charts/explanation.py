"""What each decision is worth: a range for each, from what is proven at least to at most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.language import tr
from optimizer.report.charts.drawing import BLUE, FAINT, GREY, ORANGE, figure, numbers_beside

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Bar:
    """A decision, and the range of what it costs to make it the other way."""

    name: str
    low: float
    high: float
    chosen: bool
    text: str
    """The range as it is written beside the bar."""


def regrets(bars: Sequence[Bar], unit: str) -> Figure:
    """One line a decision: a bar up to what is proven, and hatched what is left open."""
    drawn, axes = figure(0.7 + 0.165 * len(bars))
    kinds = ((True, BLUE, tr("in the plan")), (False, ORANGE, tr("not in the plan")))
    for chosen, colour, label in kinds:
        places = [n for n, bar in enumerate(bars) if bar.chosen == chosen]
        if places:
            lows = [bars[n].low for n in places]
            axes.barh(places, lows, 0.66, color=colour, edgecolor="white", label=label)
    places = list(range(len(bars)))
    axes.barh(
        places,
        [bar.high - bar.low for bar in bars],
        0.66,
        left=[bar.low for bar in bars],
        color=GREY,
        hatch="////",
        edgecolor="white",
        label=tr("left open by the gaps"),
    )
    for place, bar in zip(places, bars, strict=True):
        axes.annotate(
            bar.text,
            (bar.high, place),
            (3, 0),
            textcoords="offset points",
            va="center",
            fontsize=6.5,
        )
    axes.set_yticks(places, [bar.name for bar in bars], fontsize=6.5)
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.set_xlim(0, max([bar.high for bar in bars] + [1e-9]) * 1.18)
    numbers_beside(axes, "x")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_color(FAINT)
    axes.set_xlabel(unit)
    drawn.legend(loc="outside upper left", ncols=3)
    return drawn
