"""What each decision is worth: a range for each, from what is proven at least to at most."""

from collections.abc import Sequence
from typing import NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d


class DecisionRegret(NamedTuple):
    """A decision, and the range of what it costs to make it the other way, in words as well."""

    name: str
    low: float
    high: float
    in_plan: bool
    label: str


def regret_bars(decisions: Sequence[DecisionRegret], unit: str) -> d.Figure:
    """One line a decision: a bar up to what is proven, and hatched what is left open."""
    drawn, axes = d.new_figure(0.7 + 0.165 * len(decisions))
    kinds = ((True, d.BLUE, tr("in the plan")), (False, d.ORANGE, tr("not in the plan")))
    for chosen, colour, name in kinds:
        some = [(n, bar.low) for n, bar in enumerate(decisions) if bar.in_plan == chosen]
        if some:
            at, lengths = zip(*some, strict=True)
            d.horizontal_bars(axes, at, lengths, 0.66, colour, label=name)
    widths, lows = [b.high - b.low for b in decisions], [bar.low for bar in decisions]
    name = tr("left open by the gaps")
    d.horizontal_bars(
        axes, range(len(widths)), widths, 0.66, d.GREY, d.HATCH_PATTERN, left=lows, label=name
    )
    highs = [bar.high for bar in decisions]
    d.label_bar_ends(axes, [bar.label for bar in decisions], highs)
    axes.set_xlim(0, max([*highs, 1e-9]) * 1.18)
    d.set_row_labels(axes, [bar.name for bar in decisions], unit, font_size=6.5)
    drawn.legend(loc="outside upper left", ncols=3)
    return drawn
