"""Charts of whom supply depends on."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d
from optimizer.report.figures import percent

BEHIND = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
"""Keeps a label readable on a line."""
MARK: dict[str, Any] = {"marker": "o", "markersize": 6, "linestyle": "none"}
BEFORE, AFTER = MARK | {"mfc": "white", "mec": d.INK, "mew": 1}, MARK | {"color": d.BLUE}
LIMIT: dict[str, Any] = {"color": d.RED, "linewidth": 1.1, "linestyle": (0, (4, 2))}


class Largest(NamedTuple):
    """The largest supplier of a material, before and after: country and share."""

    name: str
    country_before: str
    before: float
    country_after: str
    after: float


def largest(rows: Sequence[Largest], threshold: float) -> d.Figure:
    """Share of the largest supplier: a hollow mark without the plan, a full one with it."""
    from matplotlib.lines import Line2D

    drawn, axes = d.figure(0.8 + 0.2 * len(rows))
    axes.axvline(threshold, **LIMIT)
    for place, row in enumerate(rows):
        axes.plot([row.before, row.after], [place, place], color=d.GREY, linewidth=2.2, zorder=1)
        for share, of, look in (
            (row.before, row.country_before, {"zorder": 2, **BEFORE}),
            (row.after, row.country_after, {"zorder": 3, **AFTER}),
        ):
            (mark,) = axes.plot(share, place, **look)
            d.tell(mark, f"{row.name}: {of} {percent(share)}")
        low, high = sorted(((row.before, row.country_before), (row.after, row.country_after)))
        text = {"va": "center", "fontsize": 6.5, "bbox": BEHIND}
        apart = abs(row.before - row.after) > 0.005
        axes.text(high[0] + 0.015, place, high[1] if apart else row.country_after, **text)
        if apart:
            axes.text(low[0] - 0.015, place, low[1], ha="right", **text)
    d.rows_beside(axes, [row.name for row in rows], above=0.7)
    axes.set_xlim(0, 1.06)
    axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1.0], [percent(x / 5) for x in range(6)])
    axes.grid(axis="x")
    handles = [Line2D([], [], **look) for look in (BEFORE, AFTER, LIMIT)]
    limit = tr("{share} from one third country", share=percent(threshold))
    names = [tr("Without plan"), tr("With plan"), limit]
    drawn.legend(handles, names, loc="outside upper left", ncols=3)
    return drawn
