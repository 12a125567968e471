"""Charts of options side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from models.language import tr
from optimizer.report.charts.drawing import (
    BLUE,
    SERIES,
    Figure,
    bars,
    figure,
    labels,
    rows_beside,
)
from optimizer.report.figures import column, number


def side_by_side(
    names: Sequence[str],
    left: Sequence[float | None],
    money: Mapping[str, Sequence[float]],
    titles: tuple[str, str],
    units: tuple[str, str],
) -> Figure:
    """One line an option: what is left on the left, public money by class on the right."""
    drawn, (axes, beside) = figure(1.0 + 0.3 * len(names), 1, 2, sharey=True)
    places = range(len(names))
    known = [value or 0.0 for value in left]
    bars(axes, places, known, 0.6, BLUE)
    total = [0.0] * len(names)
    for (name, values), (colour, hatch) in zip(money.items(), SERIES, strict=False):
        bars(beside, places, values, 0.6, colour, hatch, left=total, label=name)
        total = [a + b for a, b in zip(total, values, strict=True)]
    panels = (
        (axes, known, column(list(left))),
        (beside, total, [number(value, 0) for value in total]),
    )
    for (panel, ends, texts), title, unit in zip(panels, titles, units, strict=True):
        labels(panel, texts, ends, size=6.8)
        panel.set_title(title)
        panel.set_xlim(0, max([*ends, 1e-9]) * 1.22)
        rows_beside(panel, names, unit)
    if money:
        drawn.legend(loc="outside lower right", ncols=3, title=tr("Budget class"))
    return drawn
