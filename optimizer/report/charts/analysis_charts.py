"""Charts of analyses other than plans and comparisons."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d
from optimizer.report.charts.drawing import Range as Range
from optimizer.report.number_format import format_column, format_percent

MARKER_STYLES = ((d.BLUE, "o"), (d.ORANGE, "s"), (d.GREEN, "^"))


class RobustnessRow(NamedTuple):
    """A project or stockpile and its robustness.

    ``shares`` has the shares of the alternatives, variants and assumption sets that include it, in
    this order; ``robustness`` is their mean.
    """

    name: str
    in_plan: bool
    robustness: float | None
    shares: Sequence[float | None]


def robustness_bars(rows: Sequence[RobustnessRow]) -> d.Figure:
    """Draw one bar for the robustness index of each row, and a mark for each share that it
    averages."""
    figure, axes = d.new_figure(0.9 + 0.2 * len(rows))
    for position, row in enumerate(rows):
        bar_style = ("#dcdcdc", "") if row.in_plan else ("white", d.HATCH_PATTERN)
        d.horizontal_bars(
            axes,
            [position],
            [100 * (row.robustness or 0.0)],
            0.62,
            *bar_style,
            d.INK,
            linewidth=0.6,
        )
    names = (tr("Alternatives"), tr("Variants"), tr("Assumptions"))
    for series_index, (name, (color, mark)) in enumerate(zip(names, MARKER_STYLES, strict=True)):
        shares = [
            (row.shares[series_index], position + 0.17 * (series_index - 1))
            for position, row in enumerate(rows)
        ]
        mark_points = [
            (100 * share, mark_position) for share, mark_position in shares if share is not None
        ]
        if mark_points:
            style = {"color": color, "markersize": 3.6, "linestyle": "", "clip_on": False}
            axes.plot(*zip(*mark_points, strict=True), mark, label=name, **style)
    axes.set_xlim(0, 100)
    axes.set_xticks(range(0, 101, 25))
    axes.grid(axis="x")
    axes.set_xlabel(tr("Share of cases that have it, %"))
    d.set_row_labels(axes, [row.name for row in rows])
    figure.legend(loc="outside upper left", ncols=3)
    return figure


Z_95 = 1.96
"""Half width of a 95 % interval, in standard errors."""
BAR_STYLES = {
    "without": ("white", d.HATCH_PATTERN),
    "rule": (d.ORANGE, ""),
    "foresight": (d.BLUE, ""),
}


class PolicyBar(NamedTuple):
    """A bar with its name, value and standard error; ``style`` is a key of ``BAR_STYLES``."""

    name: str
    value: float
    standard_error: float | None
    style: str


class InformationLevel(NamedTuple):
    """A level of information: its name, and the proven range of the objective."""

    name: str
    low: float
    high: float


def policy_bars(bar_groups: Sequence[tuple[str, Sequence[PolicyBar]]], unit: str) -> d.Figure:
    """Draw groups of bars side by side, for instance no plan, release policies and foresight."""
    max_bar_count = max(len(bars) for _, bars in bar_groups)
    figure, grid = d.new_figure(
        0.9 + 0.26 * max_bar_count, 1, len(bar_groups), squeeze=False, sharey=True
    )
    for position, ((title, bars), axes) in enumerate(zip(bar_groups, grid[0], strict=True)):
        for row, bar in enumerate(bars):
            d.horizontal_bars(axes, [row], [bar.value], 0.62, *BAR_STYLES[bar.style], d.INK)
        bar_ends = [bar.value + Z_95 * (bar.standard_error or 0.0) for bar in bars]
        ranges = [(2 * b.value - end, b.value, end) for b, end in zip(bars, bar_ends, strict=True)]
        d.draw_error_bars(axes, range(len(bars)), ranges, cap=2.5, width=0.9)
        values = [bar.value for bar in bars]
        d.label_bar_ends(axes, format_column(values), bar_ends, offset_x=4)
        axes.set_xlim(0, max([*values, 1e-9]) * 1.3)
        d.set_row_labels(axes, [bar.name for bar in bars], unit)
        axes.set_title(title)
        if position:
            axes.tick_params(axis="y", labelleft=False)
    return figure


def information_ladder(
    levels: Sequence[InformationLevel], steps: Sequence[tuple[int, int, str]], unit: str
) -> d.Figure:
    """Draw objectives from the least to the most information, and the differences between them.

    ``steps`` has, for each difference, the positions of the lower and the upper level, and its
    name.
    """
    figure, axes = d.new_figure(0.8 + 0.36 * len(levels))
    high_values = [level.high for level in levels]
    max_value = max([*high_values, 1e-9])
    for position, level in enumerate(levels):
        d.horizontal_bars(axes, [position], [level.high], 0.5, d.GREY, edge=d.INK)
        if (open_width := level.high - level.low) > 1e-3 * max_value:
            d.horizontal_bars(
                axes, [position], [open_width], 0.5, "white", d.HATCH_PATTERN, d.INK, left=level.low
            )
    d.label_bar_ends(axes, format_column(high_values), high_values, offset_x=4)
    arrow_x, arrow = max_value * 1.17, {"arrowstyle": "<->", "color": d.GREEN}
    for lower_level, upper_level, name in steps:
        axes.annotate("", (arrow_x, lower_level), (arrow_x, upper_level), arrowprops=arrow)
        d.annotate_point(axes, name, (arrow_x, (lower_level + upper_level) / 2), 5, font_size=7)
    axes.set_xlim(0, max_value * 1.5)
    d.set_row_labels(axes, [level.name for level in levels], unit, bottom_margin=0.5)
    return figure


def rule_label(reserve: str) -> str:
    """Return the label of the release policy that keeps a share ``reserve`` of the stock."""
    return tr("Rule, reserve {share}", share=reserve)


class DecisionRegret(NamedTuple):
    """A decision and the proven range of the regret of deciding otherwise; ``label`` states it in
    words."""

    name: str
    low: float
    high: float
    in_plan: bool
    label: str


def regret_bars(decisions: Sequence[DecisionRegret], unit: str) -> d.Figure:
    """Draw a row for each decision: a bar up to the least proven regret, then a hatched bar up to
    the largest.

    The hatched part is what the optimality gaps leave open.
    """
    figure, axes = d.new_figure(0.7 + 0.165 * len(decisions))
    kinds = ((True, d.BLUE, tr("in the plan")), (False, d.ORANGE, tr("not in the plan")))
    for in_plan, color, name in kinds:
        bars = [(n, bar.low) for n, bar in enumerate(decisions) if bar.in_plan == in_plan]
        if bars:
            positions, lengths = zip(*bars, strict=True)
            d.horizontal_bars(axes, positions, lengths, 0.66, color, label=name)
    widths, low_regrets = [bar.high - bar.low for bar in decisions], [bar.low for bar in decisions]
    name = tr("left open by the gaps")
    d.horizontal_bars(
        axes,
        range(len(widths)),
        widths,
        0.66,
        d.GREY,
        d.HATCH_PATTERN,
        left=low_regrets,
        label=name,
    )
    high_regrets = [bar.high for bar in decisions]
    d.label_bar_ends(axes, [bar.label for bar in decisions], high_regrets)
    axes.set_xlim(0, max([*high_regrets, 1e-9]) * 1.18)
    d.set_row_labels(axes, [bar.name for bar in decisions], unit, font_size=6.5)
    figure.legend(loc="outside upper left", ncols=3)
    return figure


class FrontierPoint(NamedTuple):
    """Outcome of the best plan for one value of the varied number, and its proven bound if known.

    ``is_jump`` marks values at which the projects change and much damage is avoided.
    """

    value: float
    expected: float
    bound: float | None
    cvar: float
    is_jump: bool


def frontier_curve(points: Sequence[FrontierPoint], number_label: str, unit: str) -> d.Figure:
    """Draw expected damage and the mean damage of the worst states against the varied number."""
    figure, (curve_axes, gain_axes) = d.new_figure(3.6, 2, 1, sharex=True, height_ratios=[1.6, 1])
    values = [point.value for point in points]
    proven_points = [(p.value, p.bound, p.expected) for p in points if p.bound is not None]
    style = {"color": d.SKY, "hatch": d.HATCH_PATTERN, "edgecolor": "white", "linewidth": 0}
    band = zip(*proven_points, strict=True) if proven_points else ([], [], [])
    curve_axes.fill_between(*band, **style, label=tr("not ruled out"))
    curve_axes.plot(values, [p.expected for p in points], "o-", color=d.BLUE, label=tr("Expected"))
    jumps = [(p.value, p.expected) for p in points if p.is_jump]
    if jumps:
        style = {"color": d.INK, "markersize": 5, "label": tr("projects change")}
        curve_axes.plot(*zip(*jumps, strict=True), "D", **style)
    for point, text in zip(points, format_column([p.expected for p in points]), strict=True):
        d.annotate_point(
            curve_axes, text, (point.value, point.expected), 0, 5, ha="center", va="baseline"
        )
    name = tr("Mean of the worst states")
    gain_axes.plot(values, [p.cvar for p in points], "s--", color=d.ORANGE, label=name)
    for axes in (curve_axes, gain_axes):
        axes.margins(y=0.22)
        if min(min(p.expected, p.cvar) for p in points) >= 0:
            axes.set_ylim(bottom=0)
        d.set_number_axis(axes)
        axes.set_ylabel(unit)
    d.set_number_axis(gain_axes, "x")
    gain_axes.set_xlabel(number_label)
    figure.legend(loc="outside upper left", ncols=4)
    return figure


SHARE_LINE_STYLES = ((d.BLUE, "o-"), (d.ORANGE, "s--"))
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
    for line, (color, line_style) in zip(lines, SHARE_LINE_STYLES, strict=False):
        share_ranges = zip(line.shares, line.low, line.high, strict=True)
        if band := [
            (100 * share, *low_high) for share, *low_high in share_ranges if None not in low_high
        ]:
            name = tr("best to worst, of plans as good by the objective")
            axes.fill_between(*zip(*band, strict=True), label=name, **BAND_STYLE)
        shares = [100 * share for share in line.shares]
        axes.plot(shares, line.totals, line_style, color=color, markersize=4, label=line.name)
    for line, (color, _) in zip(lines, SHARE_LINE_STYLES, strict=False):
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


PERIOD_LINE_STYLES = ((d.INK, "--", "s"), (d.BLUE, "-", "o"), (d.ORANGE, ":", "D"))
"""Color, line and mark of the first, second and third figure."""


def period_lines(
    periods: Sequence[str], series: Sequence[tuple[str, Sequence[float]]], unit: str
) -> d.Figure:
    """Draw one line over the periods for each series (at most three)."""
    figure, axes = d.new_figure(2.2)
    positions = list(range(len(periods)))
    for (label, values), (color, line, mark) in zip(series, PERIOD_LINE_STYLES, strict=False):
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


LowHigh = tuple[float | None, float | None]
"""Figures at the low and the high value of the input."""
DecisionMark = str
"""Effect of the input on the decision: a key of ``MARK_SHAPES``, or empty."""
MARK_SHAPES = {"changed": "D", "broken": "X"}


class TornadoBar(NamedTuple):
    """An input with its low and high value as texts, and the figures that result from both.

    ``best_plan`` has the figures of the plan that is best for each value, ``this_plan`` those of
    the plan under study.
    """

    name: str
    input_values: tuple[str, str]
    best_plan: LowHigh
    this_plan: LowHigh
    marks: tuple[DecisionMark, DecisionMark] = ("", "")


def tornado(rows: Sequence[TornadoBar], base: float, unit: str) -> d.Figure:
    """Draw two bars for each input: a filled one for the best plan, a framed one for this plan."""
    figure, axes = d.new_figure(0.9 + 0.34 * len(rows))
    _draw_filled_bars(axes, base, [row.best_plan for row in rows], -0.13, 0.34)
    for end_index, name in enumerate((tr("framed: this plan; filled: the best plan"), None)):
        positions, lengths = _known_bars(base, [row.this_plan[end_index] for row in rows], 0.22)
        frame_style: dict[str, Any] = {"left": base, "linewidth": 0.6, "label": name}
        d.horizontal_bars(axes, positions, lengths, 0.2, "none", edge=d.INK, **frame_style)
    names = {"changed": tr("another plan is better"), "broken": tr("this plan breaks a rule")}
    style: dict[str, Any] = {"color": "white", "edgecolors": d.INK, "linewidths": 0.7, "zorder": 3}
    for mark, shape in MARK_SHAPES.items():
        marked_points = [
            (end, n - 0.13)
            for n, row in enumerate(rows)
            for best_end, this_end, row_mark in zip(
                row.best_plan, row.this_plan, row.marks, strict=True
            )
            if row_mark == mark and (end := this_end if best_end is None else best_end) is not None
        ]
        if marked_points:
            x, y = zip(*marked_points, strict=True)
            axes.scatter(x, y, 16, marker=shape, label=names[mark], **style)
    return _finish_tornado(figure, axes, rows, base, unit)


def _draw_filled_bars(
    axes: d.Axes, base: float, ends: Sequence[LowHigh], shift: float, thickness: float
) -> None:
    for end_index, name in enumerate((tr("input low"), tr("input high"))):
        bars = _known_bars(base, [low_high[end_index] for low_high in ends], shift)
        d.horizontal_bars(
            axes, *bars, thickness, *d.SERIES_STYLES[end_index], left=base, label=name
        )


def _known_bars(
    base: float, ends: Sequence[float | None], shift: float
) -> tuple[list[float], list[float]]:
    """Return the positions of bars and their signed lengths from ``base`` to the ends that are
    known."""
    known_ends = [(n + shift, end - base) for n, end in enumerate(ends) if end is not None]
    return [position for position, _ in known_ends], [length for _, length in known_ends]


def _finish_tornado(
    figure: d.Figure, axes: d.Axes, rows: Sequence[TornadoBar], base: float, unit: str
) -> d.Figure:
    axes.axvline(base, color=d.INK, linewidth=0.8)
    d.set_row_labels(axes, ["" for _ in rows], unit, font_size=6.6)
    # Two texts rather than one of two lines, whose alignment would depend on the font.
    text_style: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "ha": "right"}
    for position, row in enumerate(rows):
        d.annotate_point(axes, row.name, (0, position), -4, 4, 6.6, **text_style)
        d.annotate_point(
            axes, " – ".join(row.input_values), (0, position), -4, -4.5, 6.2, **text_style
        )
    axes.margins(x=0.06)
    figure.legend(loc="outside upper left", ncols=3)
    return figure


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
