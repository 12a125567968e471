"""Charts of money over the years."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from optimizer.report.charts.drawing import INK, SERIES, figure, numbers_beside, years_below
from optimizer.report.figures import column, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def stacked(
    years: Sequence[int],
    series: Sequence[tuple[str, Sequence[float]]],
    unit: str,
    height: float = 2.7,
) -> Figure:
    """Bars of the years, each series on top of the one before, with totals above."""
    drawn, axes = figure(height)
    below = [0.0] * len(years)
    for (name, values), (colour, hatch) in zip(series, SERIES, strict=False):
        axes.bar(
            years,
            values,
            width=0.78,
            bottom=below,
            label=name,
            color=colour,
            hatch=hatch,
            edgecolor="white",
        )
        below = [low + value for low, value in zip(below, values, strict=True)]
    _totals(axes, years, below)
    years_below(axes, list(years))
    numbers_beside(axes)
    axes.set_ylabel(unit)
    axes.margins(x=0.01)
    axes.set_ylim(0, max([*below, 1e-9]) * 1.12)
    drawn.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=3)
    return drawn


def _written(totals: Sequence[float]) -> list[str]:
    """Totals as the table below writes them: without decimals where one needs none."""
    if max(totals, default=0.0) >= 100:
        return [number(total, 0) for total in totals]
    return column(totals)


def _totals(axes: Axes, years: Sequence[int], totals: Sequence[float]) -> None:
    """What each bar comes to, where it is tall enough to matter."""
    most = max(totals, default=0.0)
    if len(years) > 20:
        return
    for year, total, text in zip(years, totals, _written(totals), strict=True):
        if total > most / 1000:
            axes.text(
                year,
                total + most * 0.015,
                text,
                ha="center",
                va="bottom",
                fontsize=6.5,
                color=INK,
            )
