"""Charts of figures that run over the periods of a horizon."""

from collections.abc import Sequence

from optimizer.report.charts import drawing as d

LOOKS = ((d.INK, "--", "s"), (d.BLUE, "-", "o"), (d.ORANGE, ":", "D"))
"""Colour, line and mark of the first, second and third figure."""


def lines(
    periods: Sequence[str], series: Sequence[tuple[str, Sequence[float]]], unit: str
) -> d.Figure:
    """A line for each of up to three figures, named as given, over periods."""
    drawn, axes = d.figure(2.2)
    at = list(range(len(periods)))
    for (label, values), (colour, line, mark) in zip(series, LOOKS, strict=False):
        axes.plot(at, values, line, color=colour, marker=mark, markersize=3.5, label=label)
    step = -(-len(at) // 12) or 1
    axes.set_xticks(at[::step], list(periods[::step]), fontsize=6.5)
    axes.set_ylim(bottom=0)
    axes.spines["left"].set_color(d.FAINT)
    d.numbers_beside(axes)
    axes.set_ylabel(unit)
    drawn.legend(loc="outside upper left", ncols=len(series))
    return drawn
