"""What each decision is worth: a range for each, from what is proven at least to at most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.language import tr
from optimizer.report.charts.drawing import (
    BLUE,
    GREY,
    HATCH,
    ORANGE,
    Figure,
    bars,
    figure,
    labels,
    rows_beside,
)


@dataclass(frozen=True)
class Bar:
    """A decision, and the range of what it costs to make it the other way."""

    name: str
    low: float
    high: float
    chosen: bool
    text: str
    """The range as it is written beside the bar."""


def regrets(decisions: Sequence[Bar], unit: str) -> Figure:
    """One line a decision: a bar up to what is proven, and hatched what is left open."""
    drawn, axes = figure(0.7 + 0.165 * len(decisions))
    kinds = ((True, BLUE, tr("in the plan")), (False, ORANGE, tr("not in the plan")))
    for chosen, colour, name in kinds:
        places = [n for n, bar in enumerate(decisions) if bar.chosen == chosen]
        if places:
            bars(axes, places, [decisions[n].low for n in places], 0.66, colour, label=name)
    lows, highs = [bar.low for bar in decisions], [bar.high for bar in decisions]
    widths = [high - low for low, high in zip(lows, highs, strict=True)]
    name = tr("left open by the gaps")
    bars(axes, range(len(decisions)), widths, 0.66, GREY, HATCH, left=lows, label=name)
    labels(axes, [bar.text for bar in decisions], highs)
    axes.set_xlim(0, max([*highs, 1e-9]) * 1.18)
    rows_beside(axes, [bar.name for bar in decisions], unit, size=6.5)
    drawn.legend(loc="outside upper left", ncols=3)
    return drawn
