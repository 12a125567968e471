"""Charts of a company's share in a project."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d
from optimizer.report.number_format import format_percent

LINE_STYLES = ((d.BLUE, "o-"), (d.ORANGE, "s--"))
BAND_STYLE: dict[str, Any] = {
    "facecolor": d.SKY,
    "hatch": d.HATCH_PATTERN,
    "edgecolor": "white",
    "linewidth": 0,
}
MARKER_EDGE: dict[str, Any] = {
    "markeredgecolor": d.INK,
    "markeredgewidth": 0.7,
    "linestyle": "none",
}


class ShareLine(NamedTuple):
    """Damage plus cost of a company by its share, for one behavior of the other funders.

    Shares are fractions of one. ``low`` and ``high`` are the ends of the range over plans with
    equal objective; None where they are not known.
    """

    name: str
    shares: Sequence[float]
    totals: Sequence[float]
    low: Sequence[float | None]
    high: Sequence[float | None]
    best_share: float | None
    indifferent_share: float | None


def share_totals_chart(lines: Sequence[ShareLine], unit: str) -> d.Figure:
    """Draw damage plus cost against the company's share.

    A band shows the range over equally good plans; marks show the best share and the indifferent
    share.
    """
    figure, axes = d.new_figure(3.4)
    for line, (color, line_style) in zip(lines, LINE_STYLES, strict=False):
        share_ranges = zip(line.shares, line.low, line.high, strict=True)
        if band := [
            (100 * share, *low_high) for share, *low_high in share_ranges if None not in low_high
        ]:
            name = tr("best to worst, of plans as good by the objective")
            axes.fill_between(*zip(*band, strict=True), label=name, **BAND_STYLE)
        shares = [100 * share for share in line.shares]
        axes.plot(shares, line.totals, line_style, color=color, markersize=4, label=line.name)
    for line, (color, _) in zip(lines, LINE_STYLES, strict=False):
        # One legend entry for each kind of mark; numbers of two lines are on opposite sides.
        is_first = line is lines[0]
        label_shift = 8 if len(lines) > 1 and not is_first else -14
        for share, marker, size, name in (
            (line.best_share, "*", 11, tr("best share")),
            (line.indifferent_share, "D", 6, tr("no worse than none up to here")),
        ):
            if share is None or share not in line.shares:
                continue
            point = (100 * share, line.totals[list(line.shares).index(share)])
            style: dict[str, Any] = {
                "markersize": size,
                "label": name if is_first else None,
                "zorder": 5,
            }
            axes.plot(*point, marker, color=color, **style, **MARKER_EDGE)
            # The star of the best share is labeled already.
            if marker == "*" or share != line.best_share:
                text_style = {"ha": "center", "va": "baseline", "zorder": 6}
                d.annotate_point(
                    axes, format_percent(share), point, 0, label_shift, 6.8, **text_style
                )
    if lines and lines[0].shares and lines[0].shares[0] == 0:
        axes.axhline(lines[0].totals[0], color=d.FAINT_INK, linewidth=0.7, linestyle=":")
    axes.margins(x=0.04, y=0.16)
    return _finish_chart(figure, axes, tr("Share of capex, %"), unit)


def co_financing_chart(
    public_shares: d.Floats,
    best_shares: d.OptionalFloats,
    indifferent_shares: d.OptionalFloats,
    share_limits: d.OptionalFloats,
) -> d.Figure:
    """Draw shares of a company against the public share of capex.

    The shares are the best one, the indifferent one, and the largest that rules allow.
    """
    figure, axes = d.new_figure(2.6)
    for shares, line_style, color, name, label_shift in (
        (share_limits, "^:", d.GREEN, tr("largest share that rules allow"), None),
        (indifferent_shares, "D--", d.ORANGE, tr("no worse than none up to"), 6),
        (best_shares, "o-", d.BLUE, tr("best share"), -11),
    ):
        known_points = [
            (100 * p, 100 * s) for p, s in zip(public_shares, shares, strict=True) if s is not None
        ]
        if known_points:
            axes.plot(
                *zip(*known_points, strict=True), line_style, color=color, markersize=5, label=name
            )
        for point in known_points if label_shift is not None else ():
            text = format_percent(point[1] / 100)
            d.annotate_point(
                axes, text, point, 0, label_shift or 0, 6.8, ha="center", va="baseline"
            )
    axes.margins(x=0.06, y=0.2)
    axes.set_ylim(bottom=-6)
    return _finish_chart(figure, axes, tr("Public share of capex, %"), tr("Its share of capex, %"))


def _finish_chart(figure: d.Figure, axes: d.Axes, x_label: str, y_label: str) -> d.Figure:
    """Set axis labels, ticks at round numbers and the legend of a chart, and return its figure."""
    from matplotlib.ticker import MaxNLocator

    d.set_number_axis(axes)
    d.set_number_axis(axes, "x")
    axes.xaxis.set_major_locator(MaxNLocator(10, steps=[1, 2, 5, 10]))
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    figure.legend(loc="outside upper left", ncols=3)
    return figure
