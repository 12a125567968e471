"""Charts of figures by period of the horizon."""

import textwrap
from collections.abc import Sequence

from models.language import tr
from optimizer.report.charts import drawing as d
from optimizer.report.number_format import format_percent

LINE_STYLES = ((d.INK, "--", "s"), (d.BLUE, "-", "o"), (d.ORANGE, ":", "D"))
"""Color, line and mark of the first, second and third figure."""


def period_lines(
    periods: Sequence[str], series: Sequence[tuple[str, Sequence[float]]], unit: str
) -> d.Figure:
    """Draw one line over the periods for each series (at most three)."""
    figure, axes = d.new_figure(2.2)
    positions = list(range(len(periods)))
    for (label, values), (color, line, mark) in zip(series, LINE_STYLES, strict=False):
        axes.plot(positions, values, line, color=color, marker=mark, markersize=3.5, label=label)
    step = -(-len(positions) // 12) or 1
    axes.set_xticks(positions[::step], list(periods[::step]), fontsize=6.5)
    axes.set_ylim(bottom=0)
    axes.spines["left"].set_color(d.FAINT_INK)
    d.set_number_axis(axes)
    axes.set_ylabel(unit)
    figure.legend(loc="outside upper left", ncols=len(series))
    return figure


def missing_share_charts(
    periods: Sequence[str], rows: Sequence[tuple[str, Sequence[float], Sequence[float]]]
) -> d.Figure:
    """Draw the share of demand that is missing in each period, without and with the plan.

    Each material has a small chart; all have the same scale.
    """
    from matplotlib.ticker import FixedFormatter, FixedLocator

    figure, grid = d.new_figure(1.06, 1, max(2, len(rows)), sharey=True, squeeze=False)
    edges = [n - 0.5 for n in range(len(periods) + 1)]
    for axes, (name, without_plan, with_plan) in zip(grid.flat, rows, strict=False):
        axes.stairs(with_plan, edges, fill=True, color=d.SKY, label=tr("with it"))
        axes.stairs(with_plan, edges, baseline=None, color=d.BLUE, linewidth=1.2)
        axes.stairs(
            without_plan, edges, baseline=None, color=d.INK, linestyle="--", linewidth=1.1,
            label=tr("share of demand missing without the plan"),
        )  # fmt: skip
        axes.set_title(textwrap.shorten(name, 28, placeholder="…"), fontsize=6.8, pad=2)
        end_positions = sorted({0, len(periods) - 1})
        axes.set_xticks(end_positions, [periods[n] for n in end_positions], fontsize=6.5)
        for tick, side in zip(axes.get_xticklabels(), ("left", "right"), strict=False):
            tick.set_ha(side if len(end_positions) > 1 else "center")
        axes.set_xlim(edges[0], edges[-1])
        axes.set_ylim(0, 1.04)
        axes.grid(axis="y")
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0, labelsize=6.5)
        axes.yaxis.set_major_locator(FixedLocator([0, 0.5, 1]))
        axes.yaxis.set_major_formatter(FixedFormatter([format_percent(x) for x in (0, 0.5, 1)]))
    for axes in list(grid.flat)[len(rows) :]:
        axes.set_visible(False)
    legend_handles, names = grid.flat[0].get_legend_handles_labels()
    figure.legend(legend_handles[::-1], names[::-1], loc="outside upper left", ncols=2)
    return figure
