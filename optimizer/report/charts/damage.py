"""Charts of what is lost, with and without the plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from models.language import tr
from optimizer.report.charts.drawing import BLUE, FAINT, GREY, INK, figure, numbers_beside
from optimizer.report.figures import column, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def exceedance(
    levels: Sequence[float],
    without_plan: Sequence[float],
    with_plan: Sequence[float],
    marks: Sequence[tuple[str, float, float]],
    unit: str,
) -> Figure:
    """Chance that the outcome is higher than a value, with and without the plan.

    ``marks`` are named figures, without and with the plan, that are shown beside the curves.
    """
    drawn, (axes, beside) = figure(2.9, 1, 2, width_ratios=[1.9, 1])
    chance = [100 * (1 - level) for level in levels]
    axes.step(
        without_plan, chance, where="post", color=INK, linestyle="--", label=tr("Without plan")
    )
    axes.step(with_plan, chance, where="post", color=BLUE, linewidth=2, label=tr("With plan"))
    axes.set_ylim(0, 100)
    axes.set_xlim(left=0)
    axes.set_yticks([0, 25, 50, 75, 100], [percent(y / 100) for y in (0, 25, 50, 75, 100)])
    numbers_beside(axes, "x")
    axes.grid(axis="y")
    axes.set_xlabel(unit)
    axes.set_title(tr("Chance of more than this"))
    axes.legend(loc="upper right")
    _marks(beside, marks)
    return drawn


def _marks(axes: object, marks: Sequence[tuple[str, float, float]]) -> None:
    from matplotlib.axes import Axes

    assert isinstance(axes, Axes)
    names = [name for name, _, _ in marks]
    places = list(range(len(marks)))
    before, after = [b for _, b, _ in marks], [a for _, _, a in marks]
    bars = (
        (before, -0.2, "white", "////", INK, tr("Without plan")),
        (after, 0.2, BLUE, "", BLUE, tr("With plan")),
    )
    for values, shift, colour, hatch, edge, label in bars:
        at = [place + shift for place in places]
        axes.barh(at, values, 0.36, color=colour, hatch=hatch, edgecolor=edge, label=label)
        for place, value, text in zip(at, values, column(values), strict=True):
            axes.annotate(
                text, (value, place), (3, 0), textcoords="offset points", va="center", fontsize=6.5
            )
    axes.set_yticks(places, names)
    axes.set_ylim(len(marks) - 0.5, -0.5)
    axes.set_xlim(0, max([*before, *after, 1e-9]) * 1.3)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="y", length=0)


def compared(
    names: Sequence[str], without_plan: Sequence[float], with_plan: Sequence[float], unit: str
) -> Figure:
    """Bars of two figures a name: a hollow one without the plan, a full one within it."""
    drawn, axes = figure(0.75 + 0.19 * len(names))
    places = range(len(names))
    axes.barh(
        places,
        without_plan,
        0.72,
        color="white",
        edgecolor=INK,
        hatch="////",
        linewidth=0.6,
        label=tr("Without plan"),
    )
    axes.barh(places, with_plan, 0.42, color=BLUE, edgecolor="white", label=tr("With plan"))
    before, after = column(list(without_plan)), column(list(with_plan))
    most = max([*without_plan, *with_plan, 1e-9])
    for place, end in enumerate(map(max, without_plan, with_plan)):
        text = f"{before[place]} → {after[place]}"
        axes.annotate(
            text, (end, place), (3, 0), textcoords="offset points", va="center", fontsize=6.5
        )
    axes.set_yticks(places, names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(0, most * 1.2)
    numbers_beside(axes, "x")
    axes.set_xlabel(unit)
    axes.tick_params(axis="y", length=0)
    drawn.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=2)
    axes.spines["left"].set_color(FAINT)
    axes.patch.set_edgecolor(GREY)
    return drawn
