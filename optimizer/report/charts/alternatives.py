"""Charts of how robust choices are."""

from collections.abc import Sequence
from typing import NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d

MARKER_STYLES = ((d.BLUE, "o"), (d.ORANGE, "s"), (d.GREEN, "^"))


class RobustnessRow(NamedTuple):
    """A project or stockpile; ``shares`` are those of alternatives, variants, assumption sets."""

    name: str
    in_plan: bool
    robustness: float | None
    shares: Sequence[float | None]


def robustness_bars(rows: Sequence[RobustnessRow]) -> d.Figure:
    """A bar for the index of each, and a mark for each of the shares that it is the mean of."""
    drawn, axes = d.new_figure(0.9 + 0.2 * len(rows))
    for place, line in enumerate(rows):
        look = ("#dcdcdc", "") if line.in_plan else ("white", d.HATCH_PATTERN)
        d.horizontal_bars(
            axes, [place], [100 * (line.robustness or 0.0)], 0.62, *look, d.INK, linewidth=0.6
        )
    names = (tr("Alternatives"), tr("Variants"), tr("Assumptions"))
    for n, (name, (colour, mark)) in enumerate(zip(names, MARKER_STYLES, strict=True)):
        shares = [(line.shares[n], place + 0.17 * (n - 1)) for place, line in enumerate(rows)]
        marks = [(100 * share, at) for share, at in shares if share is not None]
        if marks:
            style = {"color": colour, "markersize": 3.6, "linestyle": "", "clip_on": False}
            axes.plot(*zip(*marks, strict=True), mark, label=name, **style)
    axes.set_xlim(0, 100)
    axes.set_xticks(range(0, 101, 25))
    axes.grid(axis="x")
    axes.set_xlabel(tr("Share of cases that have it, %"))
    d.set_row_labels(axes, [line.name for line in rows])
    drawn.legend(loc="outside upper left", ncols=3)
    return drawn
