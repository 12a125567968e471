"""Charts of a plan and of funding options: damage, money by year, timelines of projects, cover of
stocks, and cost against damage.
"""

import textwrap
from collections.abc import Iterator, Sequence
from itertools import pairwise
from textwrap import shorten
from typing import Any, NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d
from optimizer.report.number_format import format_column, format_number, format_percent

NamedValuePairs = Sequence[tuple[str, float, float]]
"""Named pairs of figures, such as without and with the plan."""


def exceedance_curves(
    levels: d.Floats,
    without_plan: d.Floats,
    with_plan: d.Floats,
    named_pairs: NamedValuePairs,
    unit: str,
) -> d.Figure:
    """Draw exceedance curves of the outcome without and with the plan, and pairs of bars beside
    them.

    ``levels`` are cumulative probabilities; ``named_pairs`` has the name and the two figures of
    each pair of bars.
    """
    figure, (axes, bar_axes) = d.new_figure(2.9, 1, 2, width_ratios=[1.9, 1])
    percentages = [100 * (1 - level) for level in levels]
    without_label, with_label = tr("Without plan"), tr("With plan")
    axes.step(
        without_plan, percentages, color=d.INK, where="post", linestyle="--", label=without_label
    )
    axes.step(with_plan, percentages, color=d.BLUE, where="post", linewidth=2, label=with_label)
    axes.set_ylim(0, 100)
    axes.set_xlim(left=0)
    axes.set_yticks([0, 25, 50, 75, 100], [format_percent(y / 100) for y in (0, 25, 50, 75, 100)])
    d.set_number_axis(axes, "x")
    axes.grid(axis="y")
    axes.set_xlabel(unit)
    axes.set_title(tr("Chance of more than this"))
    axes.legend(loc="upper right")
    names, damage_without, damage_with = zip(*named_pairs, strict=True)
    for values, shift, style in (
        (damage_without, -0.2, ("white", d.HATCH_PATTERN, d.INK)),
        (damage_with, 0.2, (d.BLUE, "", d.BLUE)),
    ):
        d.horizontal_bars(
            bar_axes, [n + shift for n in range(len(named_pairs))], values, 0.36, *style
        )
        d.label_bar_ends(bar_axes, format_column(values), values, shift)
    d.set_row_labels(bar_axes, names, bottom_margin=0.5, top_margin=0.5)
    bar_axes.set_xlim(0, max([*damage_without, *damage_with, 1e-9]) * 1.3)
    bar_axes.set_xticks([])
    bar_axes.spines["bottom"].set_visible(False)
    return figure


def with_and_without_bars(
    names: Sequence[str], without_plan: Sequence[float], with_plan: Sequence[float], unit: str
) -> d.Figure:
    """Draw two bars for each name: a hollow one without the plan, a filled one with it."""
    figure, axes = d.new_figure(0.75 + 0.19 * len(names))
    positions = range(len(names))
    frame_style = {"linewidth": 0.6, "label": tr("Without plan")}
    d.horizontal_bars(
        axes, positions, without_plan, 0.72, "white", d.HATCH_PATTERN, d.INK, **frame_style
    )
    d.horizontal_bars(axes, positions, with_plan, 0.42, d.BLUE, label=tr("With plan"))
    pairs = zip(format_column(without_plan), format_column(with_plan), strict=True)
    texts = [f"{damage_without} → {damage_with}" for damage_without, damage_with in pairs]
    d.label_bar_ends(axes, texts, list(map(max, without_plan, with_plan)))
    axes.set_xlim(0, max([*without_plan, *with_plan, 1e-9]) * 1.2)
    d.set_row_labels(axes, names, unit)
    figure.legend(loc="outside upper left", ncols=2)
    return figure


def event_count_bars(rows: NamedValuePairs) -> d.Figure:
    """Draw two bars for each number of events in a year.

    The filled bar is the share of years in the sampled states; the hollow bar is the share that
    independent events would have.
    """
    figure, axes = d.new_figure(0.5 + 0.3 * len(rows))
    names, *series = zip(*rows, strict=True)
    styles = ((d.BLUE,), ("white", d.HATCH_PATTERN, d.INK))
    labels = tr("As drawn"), tr("If events were independent")
    for values, shift, style, label in zip(series, (-0.2, 0.2), styles, labels, strict=True):
        positions = [n + shift for n in range(len(rows))]
        bars = d.horizontal_bars(axes, positions, values, 0.36, *style, label=label)
        for bar, name, value in zip(bars, names, values, strict=True):
            d.set_tooltip(bar, f"{name}, {label}: {format_percent(value)}")
        d.label_bar_ends(axes, list(map(format_percent, values)), values, shift)
    d.set_row_labels(axes, names)
    axes.set_xlim(0, max([*series[0], *series[1], 1e-9]) * 1.1)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    figure.legend(loc="outside upper left", ncols=2)
    return figure


def paired_bars(
    names: Sequence[str],
    values_by_panel: tuple[d.Floats, d.Floats],
    titles: tuple[str, str],
    highlighted: int = -1,
) -> d.Figure:
    """Draw one bar for each name in each of two panels, which have titles and separate scales.

    ``highlighted`` is the index of the name in a different color, by default the last.
    """
    figure, panels = d.new_figure(0.5 + 0.15 * len(names), 1, 2, sharey=True)
    colors = [d.GREY] * len(names)
    colors[highlighted] = d.BLUE
    for axes, values, title in zip(panels, values_by_panel, titles, strict=True):
        for position, (value, color) in enumerate(zip(values, colors, strict=True)):
            d.horizontal_bars(axes, [position], [value], 0.66, color)
        d.label_bar_ends(axes, format_column(list(values)), values, font_size=7)
        axes.set_title(title)
        d.set_row_labels(axes, names)
        axes.set_xlim(0, max([*values, 1e-9]) * 1.2)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
    return figure


def stacked_year_bars(
    years: Sequence[int], series: Sequence[tuple[str, d.Floats]], unit: str, height: float = 2.7
) -> d.Figure:
    """Draw one stacked bar for each year, with its total above it."""
    figure, axes = d.new_figure(height)
    totals = [0.0] * len(years)
    for (name, values), (color, hatch) in zip(series, d.SERIES_STYLES, strict=False):
        style = {"color": color, "hatch": hatch, "edgecolor": "white", "width": 0.78}
        axes.bar(years, values, bottom=totals, label=name, **style)
        totals = [low + value for low, value in zip(totals, values, strict=True)]
    max_total = max(totals, default=0.0)
    # Formatted as in the table below: without decimals where none are needed.
    texts = (
        [format_number(total, 0) for total in totals] if max_total >= 100 else format_column(totals)
    )
    for year, total, text in zip(years, totals, texts, strict=True):
        if total > max_total / 1000 and len(years) <= 20:
            axes.text(year, total + max_total * 0.015, text, ha="center", va="bottom", fontsize=6.5)
    d.set_year_axis(axes, list(years))
    d.set_number_axis(axes)
    axes.set_ylabel(unit)
    axes.margins(x=0.01)
    axes.set_ylim(0, max(max_total, 1e-9) * 1.12)
    figure.legend(loc="outside upper left", ncols=3)
    return figure


NAME_SIZE = 6.8  # font size of a name, in points
LETTER_WIDTH = 0.6  # mean width of a letter, as a share of its size
MERGE_DISTANCE = 3.0  # marks that are nearer to each other share one label, in points
NAME_DISTANCES = (7.0, 14.0, 22.0, 31.0, 41.0, 52.0, 64.0, 78.0, 94.0, 112.0)
"""Distances of a name from its mark, in points (1/72 inch)."""
MAX_NAME_LETTERS = 60  # a longer name is shortened
LEADER_DISTANCE = 10.0  # beyond this distance a line connects a name with its mark

Box = tuple[float, float, float, float]
"""Left, bottom, right and top."""


class OptionPoint(NamedTuple):
    """An option: name, public money, remaining damage, and whether it is efficient."""

    name: str
    public_money: float
    remaining: float
    is_efficient: bool


def efficient_frontier(
    points: Sequence[OptionPoint], without_plan: float, money_label: str, remaining_label: str
) -> d.Figure:
    """Draw remaining damage against public money; a staircase joins the efficient options."""
    figure, axes = d.new_figure(2.8)
    efficient_points = [p for p in points if p.is_efficient]
    axes.set_xlim(0, max([1e-9, *(p.public_money for p in points)]) * 1.12)
    axes.set_ylim(0, max([1e-9, without_plan, *(p.remaining for p in points)]) * 1.1)
    stairs = [(p.public_money, p.remaining) for p in efficient_points]
    if stairs:
        end = (axes.get_xlim()[1], stairs[-1][1])
        axes.plot(*zip(*stairs, end, strict=True), color=d.BLUE, drawstyle="steps-post", lw=1.2)
    groups = (
        (efficient_points, d.BLUE, "o", tr("efficient options")),
        ([p for p in points if not p.is_efficient], "white", "o", tr("dominated options")),
        ([OptionPoint("", 0.0, without_plan, False)], d.INK, "X", tr("without any plan")),
    )
    for group, fill, marker, name in groups:
        edge = d.INK if marker == "X" else d.BLUE
        if group:
            coordinates = [p.public_money for p in group], [p.remaining for p in group]
            style = {"color": fill, "edgecolors": edge, "marker": marker, "s": 34}
            axes.scatter(*coordinates, **style, label=name, zorder=3, clip_on=False)
    d.set_number_axis(axes)
    d.set_number_axis(axes, "x")
    axes.set_xlabel(money_label)
    axes.set_ylabel(remaining_label)
    figure.legend(loc="outside upper left", ncols=3)
    _label_points(figure, axes, points, (0.0, without_plan), stairs)
    return figure


def _label_points(
    figure: d.Figure,
    axes: d.Axes,
    points: Sequence[OptionPoint],
    without_plan: tuple[float, float],
    stairs: Sequence[tuple[float, float]],
) -> None:
    """Write each option's name near its mark, so that it covers no mark, line or other name."""
    figure.draw_without_rendering()
    scale = 72 / figure.dpi

    def to_points(money: float, remaining: float) -> tuple[float, float]:
        x, y = axes.transData.transform((money, remaining))
        return float(x) * scale, float(y) * scale

    groups: list[tuple[list[OptionPoint], tuple[float, float]]] = []
    for point in points:
        mark = to_points(point.public_money, point.remaining)
        nearby_groups = (
            g
            for g, (x, y) in groups
            if abs(x - mark[0]) < MERGE_DISTANCE and abs(y - mark[1]) < MERGE_DISTANCE
        )
        if (group := next(nearby_groups, None)) is not None:
            group.append(point)
        else:
            groups.append(([point], mark))
    mark_positions = [mark for _, mark in groups] + [to_points(*without_plan)]
    occupied_boxes: list[Box] = [(x - 4, y - 4, x + 4, y + 4) for x, y in mark_positions]
    extent = axes.get_window_extent()
    stair_ends = (
        [to_points(*mark) for mark in (*stairs, (axes.get_xlim()[1], stairs[-1][1]))]
        if stairs
        else []
    )
    for (x, y), (end_x, end_y) in pairwise(stair_ends):
        occupied_boxes += [(x, y - 1, end_x, y + 1), (end_x - 1, end_y, end_x + 1, y)]
    plot_area: Box = (extent.x0 * scale, extent.y0 * scale, extent.x1 * scale, extent.y1 * scale)
    for group_points, mark in groups:
        text = shorten(
            " = ".join(point.name for point in group_points), MAX_NAME_LETTERS, placeholder=" …"
        )
        offset_x, offset_y = _find_free_position(text, mark, occupied_boxes, plot_area)
        needs_leader = max(abs(offset_x), abs(offset_y)) > LEADER_DISTANCE
        side = "left" if offset_x > 0 else "right"
        arrow = {"arrowstyle": "-", "color": d.FAINT_INK, "lw": 0.5, "shrinkA": 1, "shrinkB": 3}
        arrow["relpos"] = (0 if offset_x > 0 else 1, 0.5)
        position = (group_points[0].public_money, group_points[0].remaining)
        style = {"ha": side, "in_layout": False, **({"arrowprops": arrow} if needs_leader else {})}
        d.annotate_point(axes, text, position, offset_x, offset_y, NAME_SIZE, **style)


def _find_free_position(
    text: str, mark: tuple[float, float], occupied_boxes: list[Box], plot_area: Box
) -> tuple[float, float]:
    """Return the offset (x, y) of a name from its mark: the nearest one that covers nothing, else
    the smallest one to the wider side.

    The boxes of the name and of its leader line are appended to ``occupied_boxes``.
    """
    width, height = LETTER_WIDTH * NAME_SIZE * len(text), 1.25 * NAME_SIZE
    for offset_x, offset_y in _candidate_offsets():
        left = mark[0] + offset_x - (width if offset_x < 0 else 0)
        box = (left, mark[1] + offset_y - height / 2, left + width, mark[1] + offset_y + height / 2)
        leader = list(_leader_boxes(mark, offset_x, offset_y))
        if _is_inside(box, plot_area) and not any(
            _boxes_overlap(new_box, other) for new_box in (box, *leader) for other in occupied_boxes
        ):
            occupied_boxes += [box, *leader]
            return offset_x, offset_y
    offset_x = (
        NAME_DISTANCES[0] if plot_area[2] - mark[0] > mark[0] - plot_area[0] else -NAME_DISTANCES[0]
    )
    left = mark[0] + offset_x - (width if offset_x < 0 else 0)
    occupied_boxes.append((left, mark[1] - height / 2, left + width, mark[1] + height / 2))
    return offset_x, 0.0


def _leader_boxes(mark: tuple[float, float], offset_x: float, offset_y: float) -> Iterator[Box]:
    """Yield small boxes along the leader line between a mark and a distant name."""
    if max(abs(offset_x), abs(offset_y)) > LEADER_DISTANCE:
        for step in range(6, 10):
            x, y = mark[0] + offset_x * step / 10, mark[1] + offset_y * step / 10
            yield x - 0.5, y - 0.5, x + 0.5, y + 0.5


def _candidate_offsets() -> Iterator[tuple[float, float]]:
    """Yield possible offsets of a name from its mark, the nearest first."""
    for distance in NAME_DISTANCES:
        for x, y in ((1, 0), (-1, 0), (0.6, 0.8), (0.6, -0.8), (-0.6, 0.8), (-0.6, -0.8),
                     (0.2, 1), (0.2, -1), (-0.2, 1), (-0.2, -1)):  # fmt: skip
            yield distance * x, distance * y


def _is_inside(box: Box, outer_box: Box) -> bool:
    return (
        box[0] >= outer_box[0]
        and box[1] >= outer_box[1]
        and box[2] <= outer_box[2]
        and box[3] <= outer_box[3]
    )


def _boxes_overlap(a: Box, b: Box) -> bool:
    return (a[0] < b[2] and b[0] < a[2]) and (a[1] < b[3] and b[1] < a[3])


PHASE_STYLES = ((d.ORANGE, d.HATCH_PATTERN), ("#fbe3b0", ""), (d.SKY, "||||"), (d.BLUE, ""))
"""Styles of construction, expected delay, ramp-up and full output."""
DECISION_MARKER_STYLE: dict[str, Any] = {
    "marker": "D",
    "color": d.INK,
    "markersize": 3.6,
    "linestyle": "none",
}
LATEST_OUTPUT_STYLE: dict[str, Any] = {
    "color": d.INK,
    "linewidth": 0.9,
    "marker": "|",
    "markersize": 5,
}
TEXT_COLUMN_WIDTH = 40
"""Distance of the text columns beside the bars, in points."""
MAX_LINE_LETTERS = 34
"""Maximal letters of a name in one line."""
CHARTS_PER_ROW = 4


class ProjectTimeline(NamedTuple):
    """Years in which the phases of a project begin or end, with its delay and probability of
    success."""

    name: str
    decision_year: int
    first_output_year: int  # first year of output, if nothing is delayed
    ramp_up_years: int  # years until full output
    lifetime_years: int | None  # years of output
    mean_delay: float = 0.0  # mean delay of the first output, in years
    max_delay: int = 0  # longest delay, in years
    success_probability: float = 1.0  # probability that it produces at all


def project_timelines(timelines: Sequence[ProjectTimeline], years: range) -> d.Figure:
    """Draw a row for each project: decision, construction, delay, ramp-up and full output.

    The year of first output and the probability of success are written beside the rows.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    has_delays = any(timeline.max_delay > 0 for timeline in timelines)
    names = [
        textwrap.wrap(timeline.name, MAX_LINE_LETTERS, max_lines=2, placeholder="…")
        for timeline in timelines
    ]
    row_height = 0.235 if any(len(lines) > 1 for lines in names) else 0.19
    figure, axes = d.new_figure(0.95 + row_height * len(timelines))
    end_year = years[-1] + 1
    phases = [tr("construction"), tr("expected delay"), tr("ramp-up"), tr("full output")]
    for row, timeline in enumerate(timelines):
        phase_start: float = timeline.decision_year
        output_start = timeline.first_output_year + timeline.mean_delay
        output_end = (
            end_year if timeline.lifetime_years is None else output_start + timeline.lifetime_years
        )
        phase_ends = (
            timeline.first_output_year,
            output_start,
            output_start + timeline.ramp_up_years,
            output_end,
        )
        for style, phase, end in zip(PHASE_STYLES, phases, phase_ends, strict=True):
            if (end := min(end, output_end, end_year)) > phase_start:
                bar = d.horizontal_bars(
                    axes, [row], [end - phase_start], 0.62, *style, left=phase_start, linewidth=0.3
                )
                d.set_tooltip(bar[0], f"{timeline.name}, {phase}: {phase_start:.0f}-{end:.0f}")
            phase_start = max(phase_start, end)
        if timeline.max_delay:
            delay_range = [
                timeline.first_output_year,
                timeline.first_output_year + timeline.max_delay,
            ]
            axes.plot(delay_range, [row, row], zorder=4, **LATEST_OUTPUT_STYLE)
        (mark,) = axes.plot(
            timeline.decision_year, row, clip_on=False, zorder=5, **DECISION_MARKER_STYLE
        )
        d.set_tooltip(mark, f"{timeline.name}, {tr('decision')}: {timeline.decision_year}")
    text_columns: list[tuple[str, list[Any]]] = [
        (tr("First\noutput"), [timeline.first_output_year for timeline in timelines])
    ]
    if has_delays:
        text_columns.append(
            (
                tr("At the\nlatest"),
                [timeline.first_output_year + timeline.max_delay for timeline in timelines],
            )
        )
    success_texts = [format_percent(timeline.success_probability) for timeline in timelines]
    text_columns.append((tr("Chance of\nsuccess"), success_texts))
    d.set_row_labels(axes, [""] * len(timelines))
    text_style: dict[str, Any] = {"ha": "right", "xycoords": axes.get_yaxis_transform()}
    for row, lines in enumerate(names):
        _stack_lines(axes, lines, (0, row), 7, offset_x=-4, **text_style)
    for column, (header, texts) in enumerate(text_columns, start=1):
        column_style = {"offset_x": TEXT_COLUMN_WIDTH * column, **text_style}
        _stack_lines(axes, header.splitlines(), (1, -1.1), 6.5, color=d.FAINT_INK, **column_style)
        for row, text in enumerate(texts):
            d.annotate_point(axes, str(text), (1, row), font_size=7, **column_style)
    axes.set_xlim(years[0] - 0.15, end_year)
    d.set_year_axis(axes, years)
    axes.grid(axis="x")
    shown_phases = [n for n in range(len(phases)) if has_delays or n != 1]
    legend_marks: list[Any] = [Line2D([], [], **DECISION_MARKER_STYLE)]
    legend_marks += [
        Patch(facecolor=PHASE_STYLES[n][0], hatch=PHASE_STYLES[n][1], edgecolor="white")
        for n in shown_phases
    ]
    labels = [tr("decision"), *(phases[n] for n in shown_phases)]
    if has_delays:
        legend_marks.append(Line2D([], [], **LATEST_OUTPUT_STYLE))
        labels.append(tr("longest delay"))
    figure.legend(
        legend_marks, labels, loc="outside upper left", ncols=len(legend_marks), columnspacing=1.2
    )
    return figure


def _stack_lines(
    axes: d.Axes, lines: Sequence[str], point: tuple[float, float], size: float, **options: Any
) -> None:
    """Write several lines of text one below the other, centered vertically on a point."""
    for n, line in enumerate(lines):
        offset_y = (len(lines) - 1 - 2 * n) * size * 0.6
        d.annotate_point(axes, line, point, font_size=size, offset_y=offset_y, **options)


def cover_charts(rows: Sequence[tuple[str, Sequence[float]]], years: Sequence[int]) -> d.Figure:
    """Draw the days of need that stocks cover over the years: a small chart for each material,
    on one scale."""
    row_count = -(-len(rows) // CHARTS_PER_ROW)
    layout = {"gap": 0.07, "sharex": True, "sharey": True, "squeeze": False}
    figure, grid = d.new_figure(0.3 + 0.86 * row_count, row_count, CHARTS_PER_ROW, **layout)
    max_days = max((value for _, days in rows for value in days), default=1.0) or 1.0
    for axes, (name, days) in zip(grid.flat, rows, strict=False):
        axes.fill_between(years, days, step="mid", color=d.SKY, linewidth=0)
        axes.step(years, days, where="mid", color=d.BLUE, linewidth=1.2)
        short_name = name if len(name) <= 30 else f"{name[:29].rstrip()}…"
        axes.set_title(short_name, fontsize=6.8, fontweight="normal", pad=2)
        # The last of the years with the peak, so that a constant stock is labeled at its end.
        peak_days, year = max(zip(days, years, strict=True))
        side = "right" if 2 * year > years[0] + years[-1] else "left"
        axes.text(
            year,
            peak_days + max_days * 0.04,
            format_number(peak_days, 0),
            ha=side,
            va="bottom",
            fontsize=6.5,
        )
    for position, axes in enumerate(grid.flat):
        axes.set_visible(position < len(rows))
        axes.set_ylim(0, max_days * 1.3)
        axes.set_xlim(years[0] - 0.5, years[-1] + 0.5)
        axes.set_xticks([years[0], years[-1]], [str(years[0]), str(years[-1])])
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="x", length=2, labelsize=6.5, colors=d.FAINT_INK)
    return figure
