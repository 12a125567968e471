"""Charts of what joint action is worth: gains side by side, and what groups have by leaving."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.language import tr
from optimizer.report.charts.drawing import (
    BLUE,
    FAINT,
    HATCH,
    INK,
    RED,
    SERIES,
    Figure,
    bars,
    figure,
    label,
    open_ends,
    rows_beside,
)
from optimizer.report.charts.drawing import (
    Range as Range,
)
from optimizer.report.figures import column

BAR = 0.11
"""Inches that a bar of a group takes."""
LETTERS = 100
"""Of the names of a group, which stand on one line; the table has them all."""


@dataclass(frozen=True)
class Eager:
    """The group most eager to leave with a rule, and what it has more by leaving."""

    rule: str
    group: str
    more: Range


def gains(names: Sequence[str], series: Mapping[str, Sequence[Range]], unit: str) -> Figure:
    """One group of bars a player, one bar a series, with a line over what is left open."""
    drawn, axes = figure(0.75 + len(names) * (BAR * len(series) + 0.14))
    thick = 0.84 / len(series)
    for place, (name, ranges) in enumerate(series.items()):
        at = [n - 0.42 + thick * (place + 0.5) for n in range(len(names))]
        values = [value for _, value, _ in ranges]
        bars(axes, at, values, thick * 0.94, *SERIES[place % len(SERIES)], label=name)
        open_ends(axes, at, ranges)
    axes.axvline(0, color=FAINT, linewidth=0.6)
    rows_beside(axes, names, unit, below=0.5, above=0.5)
    drawn.legend(loc="outside upper left", ncols=5)
    return drawn


def leaving(rows: Sequence[Eager], unit: str) -> Figure:
    """One bar a rule: to the right what the group most eager to leave has more by leaving."""
    drawn, axes = figure(0.75 + 0.4 * len(rows))
    values = [row.more[1] for row in rows]
    for kind, colour, hatch, name in (
        (True, RED, HATCH, tr("has more by leaving")),
        (False, BLUE, "", tr("has less by leaving")),
    ):
        some = [n for n, value in enumerate(values) if (value > 0) == kind]
        if some:
            at = [n + 0.12 for n in some]
            bars(axes, at, [values[n] for n in some], 0.4, colour, hatch, label=name)
    open_ends(axes, [n + 0.12 for n in range(len(rows))], [row.more for row in rows])
    for place, (row, text) in enumerate(zip(rows, column(values), strict=True)):
        low, value, high = row.more
        end, shift, side = (high, 4, "left") if value > 0 else (low, -4, "right")
        label(axes, text, (end, place + 0.12), shift, size=6.8, ha=side)
        group = textwrap.shorten(row.group, LETTERS, placeholder=" …")
        edge = ("axes fraction", "data")
        label(axes, group, (0, place - 0.12), 4, size=6.8, va="bottom", xycoords=edge)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.margins(x=0.12)
    rows_beside(axes, [row.rule for row in rows], unit, below=0.5, above=0.5)
    drawn.legend(loc="outside upper left", ncols=2)
    return drawn
