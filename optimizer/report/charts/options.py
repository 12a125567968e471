"""Charts of options side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from models.language import tr
from optimizer.report.charts.drawing import BLUE, FAINT, SERIES, figure, numbers_beside
from optimizer.report.figures import column, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def side_by_side(
    names: Sequence[str],
    left: Sequence[float | None],
    money: Mapping[str, Sequence[float]],
    titles: tuple[str, str],
    units: tuple[str, str],
) -> Figure:
    """One line an option: what is left on the left, public money by class on the right."""
    drawn, (axes, beside) = figure(1.0 + 0.3 * len(names), 1, 2, sharey=True)
    places = list(range(len(names)))
    known = [value or 0.0 for value in left]
    axes.barh(places, known, 0.6, color=BLUE, edgecolor="white")
    for place, value, text in zip(places, known, column(list(left)), strict=True):
        axes.annotate(
            text, (value, place), (3, 0), textcoords="offset points", va="center", fontsize=6.8
        )
    axes.set_title(titles[0])
    start = [0.0] * len(names)
    for (label, values), (colour, hatch) in zip(money.items(), SERIES, strict=False):
        beside.barh(
            places,
            values,
            0.6,
            left=start,
            color=colour,
            hatch=hatch,
            edgecolor="white",
            label=label,
        )
        start = [a + b for a, b in zip(start, values, strict=True)]
    for place, total in zip(places, start, strict=True):
        beside.annotate(
            number(total, 0),
            (total, place),
            (3, 0),
            textcoords="offset points",
            va="center",
            fontsize=6.8,
        )
    beside.set_title(titles[1])
    axes.set_xlabel(units[0])
    beside.set_xlabel(units[1])
    for panel, most in ((axes, max([*known, 1e-9])), (beside, max([*start, 1e-9]))):
        panel.set_xlim(0, most * 1.22)
        numbers_beside(panel, "x")
        panel.tick_params(axis="y", length=0)
        panel.spines["left"].set_color(FAINT)
    axes.set_yticks(places, names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    handles, labels = beside.get_legend_handles_labels()
    if handles:
        drawn.legend(handles, labels, loc="outside lower right", ncols=3, title=tr("Budget class"))
    return drawn
