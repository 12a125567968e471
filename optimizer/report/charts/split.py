"""Charts of the division of a coalition's gain, and of what groups would gain by leaving."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d
from optimizer.report.charts.drawing import Range as Range
from optimizer.report.number_format import format_column


class ExitIncentive(NamedTuple):
    """The group that would gain most by leaving the coalition under one rule of division."""

    rule: str
    group: str
    gain: Range


def gain_bars(names: Sequence[str], series: Mapping[str, Sequence[Range]], unit: str) -> d.Figure:
    """Draw a group of bars for each player, with one bar and its open range for each series."""
    figure, axes = d.new_figure(0.75 + len(names) * (0.11 * len(series) + 0.14))
    thickness = 0.84 / len(series)
    for index, (name, ranges) in enumerate(series.items()):
        positions = [n - 0.42 + thickness * (index + 0.5) for n in range(len(names))]
        style = d.SERIES_STYLES[index % len(d.SERIES_STYLES)]
        d.horizontal_bars(
            axes, positions, [value for _, value, _ in ranges], thickness * 0.94, *style, label=name
        )
        d.draw_error_bars(axes, positions, ranges)
    axes.axvline(0, color=d.FAINT_INK, linewidth=0.6)
    d.set_row_labels(axes, names, unit, bottom_margin=0.5, top_margin=0.5)
    figure.legend(loc="outside upper left", ncols=5)
    return figure


def exit_incentive_bars(rows: Sequence[ExitIncentive], unit: str) -> d.Figure:
    """Draw a bar for each rule of division: the largest gain of any group by leaving; gains point
    right."""
    figure, axes = d.new_figure(0.75 + 0.4 * len(rows))
    values = [row.gain[1] for row in rows]
    for is_gain, style, name in (
        (True, (d.RED, d.HATCH_PATTERN), tr("has more by leaving")),
        (False, (d.BLUE, ""), tr("has less by leaving")),
    ):
        bars = [(n + 0.12, value) for n, value in enumerate(values) if (value > 0) == is_gain]
        if bars:
            positions, lengths = zip(*bars, strict=True)
            d.horizontal_bars(axes, positions, lengths, 0.4, *style, label=name)
    d.draw_error_bars(axes, [n + 0.12 for n in range(len(rows))], [row.gain for row in rows])
    for position, (row, text) in enumerate(zip(rows, format_column(values), strict=True)):
        low, value, high = row.gain
        end, shift, side = (high, 4, "left") if value > 0 else (low, -4, "right")
        d.annotate_point(axes, text, (end, position + 0.12), shift, font_size=6.8, ha=side)
        # Shortened to one line; the table has all names.
        group = textwrap.shorten(row.group, 100, placeholder=" …")
        coordinates = ("axes fraction", "data")
        d.annotate_point(
            axes, group, (0, position - 0.12), 4, font_size=6.8, va="bottom", xycoords=coordinates
        )
    axes.axvline(0, color=d.INK, linewidth=0.8)
    axes.margins(x=0.12)
    d.set_row_labels(axes, [row.rule for row in rows], unit, bottom_margin=0.5, top_margin=0.5)
    figure.legend(loc="outside upper left", ncols=2)
    return figure
