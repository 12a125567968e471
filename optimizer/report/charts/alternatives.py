"""Chart that shows how robust the decisions of a plan are."""

from collections.abc import Sequence
from typing import NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d

MARKER_STYLES = ((d.BLUE, "o"), (d.ORANGE, "s"), (d.GREEN, "^"))


class RobustnessRow(NamedTuple):
    """A project or stockpile and its robustness.

    ``shares`` has the shares of the alternatives, variants and assumption sets that include it, in
    this order; ``robustness`` is their mean.
    """

    name: str
    in_plan: bool
    robustness: float | None
    shares: Sequence[float | None]


def robustness_bars(rows: Sequence[RobustnessRow]) -> d.Figure:
    """Draw one bar for the robustness index of each row, and a mark for each share that it
    averages."""
    figure, axes = d.new_figure(0.9 + 0.2 * len(rows))
    for position, row in enumerate(rows):
        bar_style = ("#dcdcdc", "") if row.in_plan else ("white", d.HATCH_PATTERN)
        d.horizontal_bars(
            axes,
            [position],
            [100 * (row.robustness or 0.0)],
            0.62,
            *bar_style,
            d.INK,
            linewidth=0.6,
        )
    names = (tr("Alternatives"), tr("Variants"), tr("Assumptions"))
    for series_index, (name, (color, mark)) in enumerate(zip(names, MARKER_STYLES, strict=True)):
        shares = [
            (row.shares[series_index], position + 0.17 * (series_index - 1))
            for position, row in enumerate(rows)
        ]
        mark_points = [
            (100 * share, mark_position) for share, mark_position in shares if share is not None
        ]
        if mark_points:
            style = {"color": color, "markersize": 3.6, "linestyle": "", "clip_on": False}
            axes.plot(*zip(*mark_points, strict=True), mark, label=name, **style)
    axes.set_xlim(0, 100)
    axes.set_xticks(range(0, 101, 25))
    axes.grid(axis="x")
    axes.set_xlabel(tr("Share of cases that have it, %"))
    d.set_row_labels(axes, [row.name for row in rows])
    figure.legend(loc="outside upper left", ncols=3)
    return figure
