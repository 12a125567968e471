"""Charts of when projects and stocks come."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d
from optimizer.report.figures import number

LOOKS = ((d.ORANGE, d.HATCH), (d.SKY, "||||"), (d.BLUE, ""))
"""Of construction, ramp-up and full output."""
DECISION: dict[str, Any] = {"marker": "D", "color": d.INK, "markersize": 3.6, "linestyle": "none"}
BEHIND = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.9}
"""Keeps a year readable on a bar."""
COLUMNS = 4


class Life(NamedTuple):
    """A project on the line of time: first years of building, delivering and delivering in full,
    and the last year of output within the horizon."""

    name: str
    start: int
    first_output: int
    full_output: int
    end: int


def projects(lives: Sequence[Life], years: range) -> d.Figure:
    """One line a project: decision, construction, ramp-up and full output."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    drawn, axes = d.figure(0.75 + 0.19 * len(lives))
    last = years[-1] + 1
    for place, life in enumerate(lives):
        begin, stop = life.start, min(last, life.end + 1)
        ends = (min(life.first_output, last), min(life.full_output, stop), stop)
        for look, end in zip(LOOKS, ends, strict=True):
            if end > begin:
                d.bars(axes, [place], [end - begin], 0.62, *look, left=begin, linewidth=0.3)
            begin = max(begin, end)
        axes.plot(life.start, place, clip_on=False, zorder=5, **DECISION)
        if (first := life.first_output) < last:
            axes.text(first, place, f" {first}", va="center", fontsize=6.2, bbox=BEHIND)
    d.rows_beside(axes, [life.name for life in lives])
    axes.set_xlim(years[0] - 0.15, last)
    d.years_below(axes, years)
    axes.grid(axis="x")
    marks: list[Any] = [Line2D([], [], **DECISION)]
    marks += [Patch(facecolor=colour, hatch=hatch, edgecolor="white") for colour, hatch in LOOKS]
    names = [tr("decision"), tr("construction"), tr("ramp-up"), tr("full output")]
    drawn.legend(marks, names, loc="outside upper left", ncols=4)
    return drawn


def cover(rows: Sequence[tuple[str, Sequence[float]]], years: Sequence[int]) -> d.Figure:
    """Days of need that stocks cover over the years: a small chart a material, on one scale."""
    lines = -(-len(rows) // COLUMNS)
    shape = {"gap": 0.07, "sharex": True, "sharey": True, "squeeze": False}
    drawn, grid = d.figure(0.3 + 0.86 * lines, lines, COLUMNS, **shape)
    most = max((value for _, row in rows for value in row), default=1.0) or 1.0
    for axes, (name, row) in zip(grid.flat, rows, strict=False):
        axes.fill_between(years, row, step="mid", color=d.SKY, linewidth=0)
        axes.step(years, row, where="mid", color=d.BLUE, linewidth=1.2)
        short = name if len(name) <= 30 else f"{name[:29].rstrip()}…"
        axes.set_title(short, fontsize=6.8, fontweight="normal", pad=2)
        # Of equal years the last, so that a stock that is kept is labelled at its end.
        top, at = max(zip(row, years, strict=True))
        side = "right" if 2 * at > years[0] + years[-1] else "left"
        axes.text(at, top + most * 0.04, number(top, 0), ha=side, va="bottom", fontsize=6.5)
    for place, axes in enumerate(grid.flat):
        axes.set_visible(place < len(rows))
        axes.set_ylim(0, most * 1.3)
        axes.set_xlim(years[0] - 0.5, years[-1] + 0.5)
        axes.set_xticks([years[0], years[-1]], [str(years[0]), str(years[-1])])
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="x", length=2, labelsize=6.5, colors=d.FAINT)
    return drawn
