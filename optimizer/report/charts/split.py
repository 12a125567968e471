"""Charts of what joint action is worth: gains side by side, and what groups have by leaving."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d
from optimizer.report.charts.drawing import Range as Range
from optimizer.report.figures import column


class Eager(NamedTuple):
    """The group most eager to leave with a rule, and what it has more by leaving."""

    rule: str
    group: str
    more: Range


def gains(names: Sequence[str], series: Mapping[str, Sequence[Range]], unit: str) -> d.Figure:
    """One group of bars a player, one bar a series, with a line over what is left open."""
    drawn, axes = d.figure(0.75 + len(names) * (0.11 * len(series) + 0.14))
    thick = 0.84 / len(series)
    for place, (name, ranges) in enumerate(series.items()):
        at = [n - 0.42 + thick * (place + 0.5) for n in range(len(names))]
        look = d.SERIES[place % len(d.SERIES)]
        d.bars(axes, at, [value for _, value, _ in ranges], thick * 0.94, *look, label=name)
        d.open_ends(axes, at, ranges)
    axes.axvline(0, color=d.FAINT, linewidth=0.6)
    d.rows_beside(axes, names, unit, below=0.5, above=0.5)
    drawn.legend(loc="outside upper left", ncols=5)
    return drawn


def leaving(rows: Sequence[Eager], unit: str) -> d.Figure:
    """One bar a rule: to the right what the group most eager to leave has more by leaving."""
    drawn, axes = d.figure(0.75 + 0.4 * len(rows))
    values = [row.more[1] for row in rows]
    for gains, look, name in (
        (True, (d.RED, d.HATCH), tr("has more by leaving")),
        (False, (d.BLUE, ""), tr("has less by leaving")),
    ):
        some = [(n + 0.12, value) for n, value in enumerate(values) if (value > 0) == gains]
        if some:
            at, lengths = zip(*some, strict=True)
            d.bars(axes, at, lengths, 0.4, *look, label=name)
    d.open_ends(axes, [n + 0.12 for n in range(len(rows))], [row.more for row in rows])
    for place, (row, text) in enumerate(zip(rows, column(values), strict=True)):
        low, value, high = row.more
        end, shift, side = (high, 4, "left") if value > 0 else (low, -4, "right")
        d.label(axes, text, (end, place + 0.12), shift, size=6.8, ha=side)
        # One line of the names of a group; the table has them all.
        group = textwrap.shorten(row.group, 100, placeholder=" …")
        edge = ("axes fraction", "data")
        d.label(axes, group, (0, place - 0.12), 4, size=6.8, va="bottom", xycoords=edge)
    axes.axvline(0, color=d.INK, linewidth=0.8)
    axes.margins(x=0.12)
    d.rows_beside(axes, [row.rule for row in rows], unit, below=0.5, above=0.5)
    drawn.legend(loc="outside upper left", ncols=2)
    return drawn
