"""Charts of what joint action is worth: gains side by side, and what groups have by leaving."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.language import tr
from optimizer.report.charts.drawing import BLUE, FAINT, INK, RED, SERIES, figure, numbers_beside
from optimizer.report.figures import column

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BAR = 0.11
"""Inches that a bar of a group takes."""
LETTERS = 100
"""Of the names of a group, which stand on one line; the table has them all."""

Range = tuple[float, float, float]
"""Low end, value and high end."""


@dataclass(frozen=True)
class Eager:
    """The group most eager to leave with a rule, and what it has more by leaving."""

    rule: str
    group: str
    more: Range


def gains(names: Sequence[str], series: Mapping[str, Sequence[Range]], unit: str) -> Figure:
    """One group of bars a player, one bar a series, with a line over what is left open."""
    count = len(series)
    drawn, axes = figure(0.75 + len(names) * (BAR * count + 0.14))
    thick = 0.84 / count
    for place, (label, ranges) in enumerate(series.items()):
        colour, hatch = SERIES[place % len(SERIES)]
        at = [n - 0.42 + thick * (place + 0.5) for n in range(len(names))]
        axes.barh(
            at,
            [value for _, value, _ in ranges],
            thick * 0.94,
            color=colour,
            hatch=hatch,
            edgecolor="white",
            label=label,
        )
        _open(axes, at, ranges)
    axes.axvline(0, color=FAINT, linewidth=0.6)
    axes.set_yticks(range(len(names)), list(names))
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(unit)
    numbers_beside(axes, "x")
    drawn.legend(loc="outside upper left", ncols=5)
    return drawn


def leaving(rows: Sequence[Eager], unit: str) -> Figure:
    """One bar a rule: to the right what the group most eager to leave has more by leaving."""
    drawn, axes = figure(0.75 + 0.4 * len(rows))
    values = [row.more[1] for row in rows]
    for kind, colour, hatch, label in (
        (True, RED, "////", tr("has more by leaving")),
        (False, BLUE, "", tr("has less by leaving")),
    ):
        some = [n for n, value in enumerate(values) if (value > 0) == kind]
        if some:
            axes.barh(
                [n + 0.12 for n in some],
                [values[n] for n in some],
                0.4,
                color=colour,
                hatch=hatch,
                edgecolor="white",
                label=label,
            )
    _open(axes, [n + 0.12 for n in range(len(rows))], [row.more for row in rows])
    for place, (row, text) in enumerate(zip(rows, column(values), strict=True)):
        right = row.more[1] > 0
        axes.annotate(
            text,
            (row.more[2] if right else row.more[0], place + 0.12),
            (4 if right else -4, 0),
            textcoords="offset points",
            va="center",
            ha="left" if right else "right",
            fontsize=6.8,
        )
        axes.annotate(
            textwrap.shorten(row.group, LETTERS, placeholder=" …"),
            (0, place - 0.12),
            (4, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="bottom",
            fontsize=6.8,
        )
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.margins(x=0.12)
    axes.set_yticks(range(len(rows)), [row.rule for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(unit)
    numbers_beside(axes, "x")
    drawn.legend(loc="outside upper left", ncols=2)
    return drawn


def _open(axes: Axes, at: Sequence[float], ranges: Sequence[Range]) -> None:
    """Thin lines over what proofs or samples leave open."""
    known = [(y, low, value, high) for y, (low, value, high) in zip(at, ranges, strict=True)]
    some: list[Any] = [one for one in known if one[3] - one[1] > 0]
    if some:
        axes.errorbar(
            [value for _, _, value, _ in some],
            [y for y, *_ in some],
            xerr=[
                [max(value - low, 0.0) for _, low, value, _ in some],
                [max(high - value, 0.0) for _, _, value, high in some],
            ],
            fmt="none",
            ecolor=INK,
            elinewidth=0.7,
            capsize=1.6,
        )
