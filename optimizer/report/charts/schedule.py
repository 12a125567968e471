"""Charts of when projects and stocks come."""

import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d
from optimizer.report.figures import number, percent

LOOKS = ((d.ORANGE, d.HATCH), ("#fbe3b0", ""), (d.SKY, "||||"), (d.BLUE, ""))
"""Of construction, expected delay, ramp-up and full output."""
DECISION: dict[str, Any] = {"marker": "D", "color": d.INK, "markersize": 3.6, "linestyle": "none"}
LATEST: dict[str, Any] = {"color": d.INK, "linewidth": 0.9, "marker": "|", "markersize": 5}
BESIDE = 40
"""Points from one column of texts beside the bars to the next."""
LINE = 34
"""Letters of a name that stand on one line."""
COLUMNS = 4


class Life(NamedTuple):
    """A project on the line of time."""

    name: str
    start: int  # year of the decision
    first_output: int  # first year of output, if nothing is delayed
    ramp_up: int  # years until full output
    lifetime: int | None  # years of output
    delay: float = 0.0  # mean years by which the first output is late
    longest: int = 0  # the most years by which it may be
    success: float = 1.0  # probability that it produces at all


def projects(lives: Sequence[Life], years: range) -> d.Figure:
    """One line a project: decision, construction, delay, ramp-up and full output; beside it the
    first output and the chance of success as texts."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    late = any(life.longest > 0 for life in lives)
    names = [textwrap.wrap(life.name, LINE, max_lines=2, placeholder="…") for life in lives]
    tall = 0.235 if any(len(lines) > 1 for lines in names) else 0.19
    drawn, axes = d.figure(0.95 + tall * len(lives))
    last = years[-1] + 1
    parts = [tr("construction"), tr("expected delay"), tr("ramp-up"), tr("full output")]
    for place, life in enumerate(lives):
        begin: float = life.start
        output = life.first_output + life.delay
        over = last if life.lifetime is None else output + life.lifetime
        ends = (life.first_output, output, output + life.ramp_up, over)
        for look, part, end in zip(LOOKS, parts, ends, strict=True):
            if (end := min(end, over, last)) > begin:
                bar = d.bars(axes, [place], [end - begin], 0.62, *look, left=begin, linewidth=0.3)
                d.tell(bar[0], f"{life.name}, {part}: {begin:.0f}-{end:.0f}")
            begin = max(begin, end)
        if life.longest:
            late_by = [life.first_output, life.first_output + life.longest]
            axes.plot(late_by, [place, place], zorder=4, **LATEST)
        (decided,) = axes.plot(life.start, place, clip_on=False, zorder=5, **DECISION)
        d.tell(decided, f"{life.name}, {tr('decision')}: {life.start}")
    told: list[tuple[str, list[Any]]] = [
        (tr("First\noutput"), [life.first_output for life in lives])
    ]
    if late:
        told.append((tr("At the\nlatest"), [life.first_output + life.longest for life in lives]))
    told.append((tr("Chance of\nsuccess"), [percent(life.success) for life in lives]))
    d.rows_beside(axes, [""] * len(lives))
    beside: dict[str, Any] = {"ha": "right", "xycoords": axes.get_yaxis_transform()}
    for place, lines in enumerate(names):
        _lines(axes, lines, (0, place), 7, right=-4, **beside)
    for column, (head, texts) in enumerate(told, start=1):
        at = {"right": BESIDE * column, **beside}
        _lines(axes, head.splitlines(), (1, -1.1), 6.5, color=d.FAINT, **at)
        for place, text in enumerate(texts):
            d.label(axes, str(text), (1, place), size=7, **at)
    axes.set_xlim(years[0] - 0.15, last)
    d.years_below(axes, years)
    axes.grid(axis="x")
    shown = [n for n in range(len(parts)) if late or n != 1]
    marks: list[Any] = [Line2D([], [], **DECISION)]
    marks += [Patch(facecolor=LOOKS[n][0], hatch=LOOKS[n][1], edgecolor="white") for n in shown]
    words = [tr("decision"), *(parts[n] for n in shown)]
    if late:
        marks.append(Line2D([], [], **LATEST))
        words.append(tr("longest delay"))
    drawn.legend(marks, words, loc="outside upper left", ncols=len(marks), columnspacing=1.2)
    return drawn


def _lines(
    axes: d.Axes, lines: Sequence[str], at: tuple[float, float], size: float, **options: Any
) -> None:
    """Lines of a text, one below the other around a point; each is aligned by itself."""
    for n, line in enumerate(lines):
        up = (len(lines) - 1 - 2 * n) * size * 0.6
        d.label(axes, line, at, size=size, up=up, **options)


def cover(rows: Sequence[tuple[str, Sequence[float]]], years: Sequence[int]) -> d.Figure:
    """Days of need that stocks cover over the years: a small chart a material, on one scale."""
    lines = -(-len(rows) // COLUMNS)
    shape = {"gap": 0.07, "sharex": True, "sharey": True, "squeeze": False}
    drawn, grid = d.figure(0.3 + 0.86 * lines, lines, COLUMNS, **shape)
    most = max((value for _, row in rows for value in row), default=1.0) or 1.0
    for axes, (name, row) in zip(grid.flat, rows, strict=False):
        axes.fill_between(years, row, step="mid", color=d.SKY, linewidth=0)
        axes.step(years, row, where="mid", color=d.BLUE, linewidth=1.2)
        short = name if len(name) <= 30 else f"{name[:29].rstrip()}…"
        axes.set_title(short, fontsize=6.8, fontweight="normal", pad=2)
        # Of equal years the last, so that a stock that is kept is labelled at its end.
        top, at = max(zip(row, years, strict=True))
        side = "right" if 2 * at > years[0] + years[-1] else "left"
        axes.text(at, top + most * 0.04, number(top, 0), ha=side, va="bottom", fontsize=6.5)
    for place, axes in enumerate(grid.flat):
        axes.set_visible(place < len(rows))
        axes.set_ylim(0, most * 1.3)
        axes.set_xlim(years[0] - 0.5, years[-1] + 0.5)
        axes.set_xticks([years[0], years[-1]], [str(years[0]), str(years[-1])])
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="x", length=2, labelsize=6.5, colors=d.FAINT)
    return drawn
