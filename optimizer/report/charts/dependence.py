"""Charts of whom supply depends on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.language import tr
from optimizer.report.charts.drawing import BLUE, FAINT, GREY, INK, RED, figure
from optimizer.report.figures import percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure


BEHIND = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
"""Keeps a label readable on a line."""


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
    axes.axvline(threshold, color=RED, linewidth=1.1, linestyle=(0, (4, 2)))
    for place, row in enumerate(rows):
        axes.plot([row.before, row.after], [place, place], color=GREY, linewidth=2.2, zorder=1)
        axes.plot(row.before, place, "o", markersize=6, mfc="white", mec=INK, mew=1, zorder=2)
        axes.plot(row.after, place, "o", markersize=6, color=BLUE, zorder=3)
        moved = abs(row.before - row.after) > 0.005
        high, low = max(row.before, row.after), min(row.before, row.after)
        if moved:
            right, left = (
                (row.country_before, row.country_after)
                if row.before > row.after
                else (row.country_after, row.country_before)
            )
            axes.text(high + 0.015, place, right, va="center", fontsize=6.5, bbox=BEHIND)
            axes.text(low - 0.015, place, left, va="center", ha="right", fontsize=6.5, bbox=BEHIND)
        else:
            axes.text(
                high + 0.015, place, row.country_after, va="center", fontsize=6.5, bbox=BEHIND
            )
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.7)
    axes.set_xlim(0, 1.06)
    axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1.0], [percent(x / 5) for x in range(6)])
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_color(FAINT)
    _legend(drawn, threshold)
    return drawn


def _legend(drawn: Figure, threshold: float) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], marker="o", linestyle="none", markersize=6, mfc="white", mec=INK),
        Line2D([], [], marker="o", linestyle="none", markersize=6, color=BLUE),
        Line2D([], [], color=RED, linewidth=1.1, linestyle=(0, (4, 2))),
    ]
    mark = tr("{share} from one third country", share=percent(threshold))
    drawn.legend(
        handles, [tr("Without plan"), tr("With plan"), mark], loc="outside upper left", ncols=3
    )
