"""Charts of what is lost, with and without the plan."""

from __future__ import annotations

from collections.abc import Sequence

from models.language import tr
from optimizer.report.charts.drawing import (
    BLUE,
    HATCH,
    INK,
    Axes,
    Figure,
    bars,
    figure,
    labels,
    numbers_beside,
    rows_beside,
)
from optimizer.report.figures import column, percent


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
    curves = (
        (without_plan, {"color": INK, "linestyle": "--", "label": tr("Without plan")}),
        (with_plan, {"color": BLUE, "linewidth": 2, "label": tr("With plan")}),
    )
    for values, look in curves:
        axes.step(values, chance, where="post", **look)
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


def _marks(axes: Axes, marks: Sequence[tuple[str, float, float]]) -> None:
    before, after = [b for _, b, _ in marks], [a for _, _, a in marks]
    for values, shift, colour, hatch, edge in (
        (before, -0.2, "white", HATCH, INK),
        (after, 0.2, BLUE, "", BLUE),
    ):
        bars(axes, [n + shift for n in range(len(marks))], values, 0.36, colour, hatch, edge)
        labels(axes, column(values), values, shift)
    rows_beside(axes, [name for name, _, _ in marks], below=0.5, above=0.5)
    axes.set_xlim(0, max([*before, *after, 1e-9]) * 1.3)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)


def compared(
    names: Sequence[str], without_plan: Sequence[float], with_plan: Sequence[float], unit: str
) -> Figure:
    """Bars of two figures a name: a hollow one without the plan, a full one within it."""
    drawn, axes = figure(0.75 + 0.19 * len(names))
    places = range(len(names))
    framed = {"linewidth": 0.6, "label": tr("Without plan")}
    bars(axes, places, without_plan, 0.72, "white", HATCH, INK, **framed)
    bars(axes, places, with_plan, 0.42, BLUE, label=tr("With plan"))
    before, after = column(list(without_plan)), column(list(with_plan))
    texts = [f"{b} → {a}" for b, a in zip(before, after, strict=True)]
    labels(axes, texts, list(map(max, without_plan, with_plan)))
    axes.set_xlim(0, max([*without_plan, *with_plan, 1e-9]) * 1.2)
    rows_beside(axes, names, unit)
    drawn.legend(loc="outside upper left", ncols=2)
    return drawn
