"""Chart of the proven range of the regret of each decision."""

from collections.abc import Sequence
from typing import NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d


class DecisionRegret(NamedTuple):
    """A decision and the proven range of the regret of deciding otherwise; ``label`` states it in
    words."""

    name: str
    low: float
    high: float
    in_plan: bool
    label: str


def regret_bars(decisions: Sequence[DecisionRegret], unit: str) -> d.Figure:
    """Draw a row for each decision: a bar up to the least proven regret, then a hatched bar up to
    the largest.

    The hatched part is what the optimality gaps leave open.
    """
    figure, axes = d.new_figure(0.7 + 0.165 * len(decisions))
    kinds = ((True, d.BLUE, tr("in the plan")), (False, d.ORANGE, tr("not in the plan")))
    for in_plan, color, name in kinds:
        bars = [(n, bar.low) for n, bar in enumerate(decisions) if bar.in_plan == in_plan]
        if bars:
            positions, lengths = zip(*bars, strict=True)
            d.horizontal_bars(axes, positions, lengths, 0.66, color, label=name)
    widths, low_regrets = [bar.high - bar.low for bar in decisions], [bar.low for bar in decisions]
    name = tr("left open by the gaps")
    d.horizontal_bars(
        axes,
        range(len(widths)),
        widths,
        0.66,
        d.GREY,
        d.HATCH_PATTERN,
        left=low_regrets,
        label=name,
    )
    high_regrets = [bar.high for bar in decisions]
    d.label_bar_ends(axes, [bar.label for bar in decisions], high_regrets)
    axes.set_xlim(0, max([*high_regrets, 1e-9]) * 1.18)
    d.set_row_labels(axes, [bar.name for bar in decisions], unit, font_size=6.5)
    figure.legend(loc="outside upper left", ncols=3)
    return figure
