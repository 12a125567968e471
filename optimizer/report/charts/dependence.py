"""Chart of the dependence on the largest supplier of each material."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d
from optimizer.report.number_format import format_percent

LABEL_BACKGROUND = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
"""Keeps a label readable on a line."""
SHARED_MARKER_STYLE: dict[str, Any] = {"marker": "o", "markersize": 6, "linestyle": "none"}
BEFORE_MARKER_STYLE = SHARED_MARKER_STYLE | {"mfc": "white", "mec": d.INK, "mew": 1}
AFTER_MARKER_STYLE = SHARED_MARKER_STYLE | {"color": d.BLUE}
THRESHOLD_LINE_STYLE: dict[str, Any] = {"color": d.RED, "linewidth": 1.1, "linestyle": (0, (4, 2))}


class LargestSupplier(NamedTuple):
    """The country and share of the largest supplier of a material, without and with the plan."""

    material: str
    country_before: str
    share_before: float
    country_after: str
    share_after: float


def largest_supplier_chart(rows: Sequence[LargestSupplier], threshold: float) -> d.Figure:
    """Draw the share of each material's largest supplier: hollow mark without, filled mark with the
    plan."""
    from matplotlib.lines import Line2D

    figure, axes = d.new_figure(0.8 + 0.2 * len(rows))
    axes.axvline(threshold, **THRESHOLD_LINE_STYLE)
    for position, row in enumerate(rows):
        axes.plot(
            [row.share_before, row.share_after],
            [position, position],
            color=d.GREY,
            linewidth=2.2,
            zorder=1,
        )
        for share, country, style in (
            (row.share_before, row.country_before, {"zorder": 2, **BEFORE_MARKER_STYLE}),
            (row.share_after, row.country_after, {"zorder": 3, **AFTER_MARKER_STYLE}),
        ):
            (mark,) = axes.plot(share, position, **style)
            d.set_tooltip(mark, f"{row.material}: {country} {format_percent(share)}")
        low_mark, high_mark = sorted(
            ((row.share_before, row.country_before), (row.share_after, row.country_after))
        )
        text_style = {"va": "center", "fontsize": 6.5, "bbox": LABEL_BACKGROUND}
        marks_differ = abs(row.share_before - row.share_after) > 0.005
        axes.text(
            high_mark[0] + 0.015,
            position,
            high_mark[1] if marks_differ else row.country_after,
            **text_style,
        )
        if marks_differ:
            axes.text(low_mark[0] - 0.015, position, low_mark[1], ha="right", **text_style)
    d.set_row_labels(axes, [row.material for row in rows], top_margin=0.7)
    axes.set_xlim(0, 1.06)
    axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1.0], [format_percent(x / 5) for x in range(6)])
    axes.grid(axis="x")
    legend_handles = [
        Line2D([], [], **style)
        for style in (BEFORE_MARKER_STYLE, AFTER_MARKER_STYLE, THRESHOLD_LINE_STYLE)
    ]
    limit = tr("{share} from one third country", share=format_percent(threshold))
    names = [tr("Without plan"), tr("With plan"), limit]
    figure.legend(legend_handles, names, loc="outside upper left", ncols=3)
    return figure
