"""What each decision is worth: a range for each, from what is proven at least to at most."""

from collections.abc import Sequence
from typing import NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d


class Bar(NamedTuple):
    """A decision, and the range of what it costs to make it the other way, in words as well."""

    name: str
    low: float
    high: float
    chosen: bool
    text: str


def regrets(decisions: Sequence[Bar], unit: str) -> d.Figure:
    """One line a decision: a bar up to what is proven, and hatched what is left open."""
    drawn, axes = d.figure(0.7 + 0.165 * len(decisions))
    kinds = ((True, d.BLUE, tr("in the plan")), (False, d.ORANGE, tr("not in the plan")))
    for chosen, colour, name in kinds:
        some = [(n, bar.low) for n, bar in enumerate(decisions) if bar.chosen == chosen]
        if some:
            at, lengths = zip(*some, strict=True)
            d.bars(axes, at, lengths, 0.66, colour, label=name)
    widths, lows = [b.high - b.low for b in decisions], [bar.low for bar in decisions]
    name = tr("left open by the gaps")
    d.bars(axes, range(len(widths)), widths, 0.66, d.GREY, d.HATCH, left=lows, label=name)
    highs = [bar.high for bar in decisions]
    d.labels(axes, [bar.text for bar in decisions], highs)
    axes.set_xlim(0, max([*highs, 1e-9]) * 1.18)
    d.rows_beside(axes, [bar.name for bar in decisions], unit, size=6.5)
    drawn.legend(loc="outside upper left", ncols=3)
    return drawn
