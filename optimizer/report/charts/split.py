"""Charts of what joint action is worth: gains side by side, and what groups have by leaving."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d
from optimizer.report.charts.drawing import Range as Range
from optimizer.report.number_format import format_column


class ExitIncentive(NamedTuple):
    """The group most eager to leave with a rule, and what it has more by leaving."""

    rule: str
    group: str
    gain: Range


def gain_bars(names: Sequence[str], series: Mapping[str, Sequence[Range]], unit: str) -> d.Figure:
    """One group of bars a player, one bar a series, with a line over what is left open."""
    drawn, axes = d.new_figure(0.75 + len(names) * (0.11 * len(series) + 0.14))
    thick = 0.84 / len(series)
    for place, (name, ranges) in enumerate(series.items()):
        at = [n - 0.42 + thick * (place + 0.5) for n in range(len(names))]
        look = d.SERIES_STYLES[place % len(d.SERIES_STYLES)]
        d.horizontal_bars(
            axes, at, [value for _, value, _ in ranges], thick * 0.94, *look, label=name
        )
        d.draw_error_bars(axes, at, ranges)
    axes.axvline(0, color=d.FAINT_INK, linewidth=0.6)
    d.set_row_labels(axes, names, unit, bottom_margin=0.5, top_margin=0.5)
    drawn.legend(loc="outside upper left", ncols=5)
    return drawn


def exit_incentive_bars(rows: Sequence[ExitIncentive], unit: str) -> d.Figure:
    """One bar a rule: to the right what the group most eager to leave has more by leaving."""
    drawn, axes = d.new_figure(0.75 + 0.4 * len(rows))
    values = [row.gain[1] for row in rows]
    for gains, look, name in (
        (True, (d.RED, d.HATCH_PATTERN), tr("has more by leaving")),
        (False, (d.BLUE, ""), tr("has less by leaving")),
    ):
        some = [(n + 0.12, value) for n, value in enumerate(values) if (value > 0) == gains]
        if some:
            at, lengths = zip(*some, strict=True)
            d.horizontal_bars(axes, at, lengths, 0.4, *look, label=name)
    d.draw_error_bars(axes, [n + 0.12 for n in range(len(rows))], [row.gain for row in rows])
    for place, (row, text) in enumerate(zip(rows, format_column(values), strict=True)):
        low, value, high = row.gain
        end, shift, side = (high, 4, "left") if value > 0 else (low, -4, "right")
        d.annotate_point(axes, text, (end, place + 0.12), shift, font_size=6.8, ha=side)
        # One line of the names of a group; the table has them all.
        group = textwrap.shorten(row.group, 100, placeholder=" …")
        edge = ("axes fraction", "data")
        d.annotate_point(
            axes, group, (0, place - 0.12), 4, font_size=6.8, va="bottom", xycoords=edge
        )
    axes.axvline(0, color=d.INK, linewidth=0.8)
    axes.margins(x=0.12)
    d.set_row_labels(axes, [row.rule for row in rows], unit, bottom_margin=0.5, top_margin=0.5)
    drawn.legend(loc="outside upper left", ncols=2)
    return drawn
