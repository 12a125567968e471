"""Charts of when projects and stocks come."""

import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d
from optimizer.report.number_format import format_number, format_percent

PHASE_STYLES = ((d.ORANGE, d.HATCH_PATTERN), ("#fbe3b0", ""), (d.SKY, "||||"), (d.BLUE, ""))
"""Of construction, expected delay, ramp-up and full output."""
DECISION_MARKER: dict[str, Any] = {
    "marker": "D",
    "color": d.INK,
    "markersize": 3.6,
    "linestyle": "none",
}
LATEST_STYLE: dict[str, Any] = {"color": d.INK, "linewidth": 0.9, "marker": "|", "markersize": 5}
TEXT_COLUMN_WIDTH = 40
"""Points from one column of texts beside the bars to the next."""
MAX_LINE_LETTERS = 34
"""Letters of a name that stand on one line."""
CHARTS_PER_ROW = 4


class ProjectTimeline(NamedTuple):
    """A project on the line of time."""

    name: str
    decision_year: int  # year of the decision
    first_output_year: int  # first year of output, if nothing is delayed
    ramp_up_years: int  # years until full output
    lifetime_years: int | None  # years of output
    mean_delay: float = 0.0  # mean years by which the first output is late
    max_delay: int = 0  # the most years by which it may be
    success_probability: float = 1.0  # probability that it produces at all


def project_timelines(timelines: Sequence[ProjectTimeline], years: range) -> d.Figure:
    """One line a project: decision, construction, delay, ramp-up and full output; beside it the
    first output and the chance of success as texts."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    late = any(life.max_delay > 0 for life in timelines)
    names = [
        textwrap.wrap(life.name, MAX_LINE_LETTERS, max_lines=2, placeholder="…")
        for life in timelines
    ]
    tall = 0.235 if any(len(lines) > 1 for lines in names) else 0.19
    drawn, axes = d.new_figure(0.95 + tall * len(timelines))
    last = years[-1] + 1
    parts = [tr("construction"), tr("expected delay"), tr("ramp-up"), tr("full output")]
    for place, life in enumerate(timelines):
        begin: float = life.decision_year
        output = life.first_output_year + life.mean_delay
        over = last if life.lifetime_years is None else output + life.lifetime_years
        ends = (life.first_output_year, output, output + life.ramp_up_years, over)
        for look, part, end in zip(PHASE_STYLES, parts, ends, strict=True):
            if (end := min(end, over, last)) > begin:
                bar = d.horizontal_bars(
                    axes, [place], [end - begin], 0.62, *look, left=begin, linewidth=0.3
                )
                d.set_tooltip(bar[0], f"{life.name}, {part}: {begin:.0f}-{end:.0f}")
            begin = max(begin, end)
        if life.max_delay:
            late_by = [life.first_output_year, life.first_output_year + life.max_delay]
            axes.plot(late_by, [place, place], zorder=4, **LATEST_STYLE)
        (decided,) = axes.plot(
            life.decision_year, place, clip_on=False, zorder=5, **DECISION_MARKER
        )
        d.set_tooltip(decided, f"{life.name}, {tr('decision')}: {life.decision_year}")
    told: list[tuple[str, list[Any]]] = [
        (tr("First\noutput"), [life.first_output_year for life in timelines])
    ]
    if late:
        told.append(
            (tr("At the\nlatest"), [life.first_output_year + life.max_delay for life in timelines])
        )
    told.append(
        (tr("Chance of\nsuccess"), [format_percent(life.success_probability) for life in timelines])
    )
    d.set_row_labels(axes, [""] * len(timelines))
    beside: dict[str, Any] = {"ha": "right", "xycoords": axes.get_yaxis_transform()}
    for place, lines in enumerate(names):
        _stack_lines(axes, lines, (0, place), 7, right=-4, **beside)
    for column, (head, texts) in enumerate(told, start=1):
        at = {"right": TEXT_COLUMN_WIDTH * column, **beside}
        _stack_lines(axes, head.splitlines(), (1, -1.1), 6.5, color=d.FAINT_INK, **at)
        for place, text in enumerate(texts):
            d.annotate_point(axes, str(text), (1, place), font_size=7, **at)
    axes.set_xlim(years[0] - 0.15, last)
    d.set_year_axis(axes, years)
    axes.grid(axis="x")
    shown = [n for n in range(len(parts)) if late or n != 1]
    marks: list[Any] = [Line2D([], [], **DECISION_MARKER)]
    marks += [
        Patch(facecolor=PHASE_STYLES[n][0], hatch=PHASE_STYLES[n][1], edgecolor="white")
        for n in shown
    ]
    words = [tr("decision"), *(parts[n] for n in shown)]
    if late:
        marks.append(Line2D([], [], **LATEST_STYLE))
        words.append(tr("longest delay"))
    drawn.legend(marks, words, loc="outside upper left", ncols=len(marks), columnspacing=1.2)
    return drawn


def _stack_lines(
    axes: d.Axes, lines: Sequence[str], point: tuple[float, float], size: float, **options: Any
) -> None:
    """Lines of a text, one below the other around a point; each is aligned by itself."""
    for n, line in enumerate(lines):
        up = (len(lines) - 1 - 2 * n) * size * 0.6
        d.annotate_point(axes, line, point, font_size=size, up=up, **options)


def cover_charts(rows: Sequence[tuple[str, Sequence[float]]], years: Sequence[int]) -> d.Figure:
    """Days of need that stocks cover over the years: a small chart a material, on one scale."""
    lines = -(-len(rows) // CHARTS_PER_ROW)
    shape = {"gap": 0.07, "sharex": True, "sharey": True, "squeeze": False}
    drawn, grid = d.new_figure(0.3 + 0.86 * lines, lines, CHARTS_PER_ROW, **shape)
    most = max((value for _, row in rows for value in row), default=1.0) or 1.0
    for axes, (name, row) in zip(grid.flat, rows, strict=False):
        axes.fill_between(years, row, step="mid", color=d.SKY, linewidth=0)
        axes.step(years, row, where="mid", color=d.BLUE, linewidth=1.2)
        short = name if len(name) <= 30 else f"{name[:29].rstrip()}…"
        axes.set_title(short, fontsize=6.8, fontweight="normal", pad=2)
        # Of equal years the last, so that a stock that is kept is labelled at its end.
        top, at = max(zip(row, years, strict=True))
        side = "right" if 2 * at > years[0] + years[-1] else "left"
        axes.text(at, top + most * 0.04, format_number(top, 0), ha=side, va="bottom", fontsize=6.5)
    for place, axes in enumerate(grid.flat):
        axes.set_visible(place < len(rows))
        axes.set_ylim(0, most * 1.3)
        axes.set_xlim(years[0] - 0.5, years[-1] + 0.5)
        axes.set_xticks([years[0], years[-1]], [str(years[0]), str(years[-1])])
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="x", length=2, labelsize=6.5, colors=d.FAINT_INK)
    return drawn
