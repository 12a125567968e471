"""Charts of whom supply depends on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.language import tr
from optimizer.report.charts.drawing import (
    BLUE,
    GREY,
    INK,
    RED,
    Figure,
    figure,
    rows_beside,
)
from optimizer.report.figures import percent

BEHIND = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
"""Keeps a label readable on a line."""
_MARK: dict[str, Any] = {"marker": "o", "markersize": 6, "linestyle": "none"}
BEFORE = _MARK | {"mfc": "white", "mec": INK, "mew": 1}
AFTER = _MARK | {"color": BLUE}
LIMIT: dict[str, Any] = {"color": RED, "linewidth": 1.1, "linestyle": (0, (4, 2))}


@dataclass(frozen=True)
class Largest:
    """The largest supplier of a material, before and after: country and share."""

    name: str
    country_before: str
    before: float
    country_after: str
    after: float


def largest(rows: Sequence[Largest], threshold: float) -> Figure:
    """Share of the largest supplier: a hollow mark without the plan, a full one with it."""
    drawn, axes = figure(0.8 + 0.2 * len(rows))
    axes.axvline(threshold, **LIMIT)
    for place, row in enumerate(rows):
        axes.plot([row.before, row.after], [place, place], color=GREY, linewidth=2.2, zorder=1)
        axes.plot(row.before, place, zorder=2, **BEFORE)
        axes.plot(row.after, place, zorder=3, **AFTER)
        ends = sorted(((row.before, row.country_before), (row.after, row.country_after)))
        text = {"va": "center", "fontsize": 6.5, "bbox": BEHIND}
        if abs(row.before - row.after) > 0.005:
            axes.text(ends[1][0] + 0.015, place, ends[1][1], **text)
            axes.text(ends[0][0] - 0.015, place, ends[0][1], ha="right", **text)
        else:
            axes.text(ends[1][0] + 0.015, place, row.country_after, **text)
    rows_beside(axes, [row.name for row in rows], above=0.7)
    axes.set_xlim(0, 1.06)
    axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1.0], [percent(x / 5) for x in range(6)])
    axes.grid(axis="x")
    _legend(drawn, threshold)
    return drawn


def _legend(drawn: Figure, threshold: float) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], **look) for look in (BEFORE, AFTER, LIMIT)]
    mark = tr("{share} from one third country", share=percent(threshold))
    names = [tr("Without plan"), tr("With plan"), mark]
    drawn.legend(handles, names, loc="outside upper left", ncols=3)
