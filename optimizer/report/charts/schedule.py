"""Charts of project schedules and stock cover."""

import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d
from optimizer.report.number_format import format_number, format_percent

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
