"""Charts of when projects and stocks come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.language import tr
from optimizer.report.charts.drawing import (
    BLUE,
    FAINT,
    HATCH,
    INK,
    ORANGE,
    SKY,
    Figure,
    bars,
    figure,
    rows_beside,
    years_below,
)
from optimizer.report.figures import number

LOOKS = ((ORANGE, HATCH), (SKY, "||||"), (BLUE, ""))
"""Of construction, ramp-up and full output."""
DECISION: dict[str, Any] = {"marker": "D", "color": INK, "markersize": 3.6, "linestyle": "none"}
BEHIND = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.9}
"""Keeps a year readable on a bar."""


@dataclass(frozen=True)
class Life:
    """A project on the line of time: first years of building, delivering and delivering in full."""

    name: str
    start: int
    first_output: int
    full_output: int
    end: int
    """Last year of output within the horizon."""


def projects(lives: Sequence[Life], years: range) -> Figure:
    """One line a project: decision, construction, ramp-up and full output."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    drawn, axes = figure(0.75 + 0.19 * len(lives))
    last = years[-1] + 1
    for place, life in enumerate(lives):
        stop = min(last, life.end + 1)
        begin = life.start
        ends = (min(life.first_output, last), min(life.full_output, stop), stop)
        for look, end in zip(LOOKS, ends, strict=True):
            if end > begin:
                bars(axes, [place], [end - begin], 0.62, *look, left=begin, linewidth=0.3)
            begin = max(begin, end)
        axes.plot(life.start, place, clip_on=False, zorder=5, **DECISION)
        if (first := life.first_output) < last:
            axes.text(first, place, f" {first}", va="center", fontsize=6.2, bbox=BEHIND)
    rows_beside(axes, [life.name for life in lives])
    axes.set_xlim(years[0] - 0.15, last)
    years_below(axes, years)
    axes.grid(axis="x")
    marks: list[Line2D | Patch] = [Line2D([], [], **DECISION)]
    marks += [Patch(facecolor=colour, hatch=hatch, edgecolor="white") for colour, hatch in LOOKS]
    names = [tr("decision"), tr("construction"), tr("ramp-up"), tr("full output")]
    drawn.legend(marks, names, loc="outside upper left", ncols=4)
    return drawn


COLUMNS = 4


def cover(rows: Sequence[tuple[str, Sequence[float]]], years: Sequence[int]) -> Figure:
    """Days of demand that stocks cover over the years: a small chart a material, on one scale."""
    lines = -(-len(rows) // COLUMNS)
    drawn, grid = figure(
        0.3 + 0.86 * lines, lines, COLUMNS, gap=0.07, sharex=True, sharey=True, squeeze=False
    )
    most = max((value for _, row in rows for value in row), default=1.0) or 1.0
    flat = list(grid.flat)
    for axes, (name, row) in zip(flat, rows, strict=False):
        axes.fill_between(years, row, step="mid", color=SKY, linewidth=0)
        axes.step(years, row, where="mid", color=BLUE, linewidth=1.2)
        axes.set_title(_short(name), fontsize=6.8, fontweight="normal", pad=2)
        top = max(row)
        # Of equal years the last, so that a stock that is kept is labelled at its end.
        at = max(year for year, value in zip(years, row, strict=True) if value == top)
        middle = years[0] + (years[-1] - years[0]) / 2
        side = "right" if at > middle else "left"
        text = number(top, 0)
        axes.text(at, top + most * 0.04, text, ha=side, va="bottom", fontsize=6.5)
    for axes in flat[len(rows) :]:
        axes.set_visible(False)
    for axes in flat:
        axes.set_ylim(0, most * 1.3)
        axes.set_xlim(years[0] - 0.5, years[-1] + 0.5)
        axes.set_xticks([years[0], years[-1]], [str(years[0]), str(years[-1])])
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="x", length=2, labelsize=6.5, colors=FAINT)
    return drawn


def _short(name: str, most: int = 30) -> str:
    return name if len(name) <= most else f"{name[: most - 1].rstrip()}…"
