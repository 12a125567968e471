"""Tornado and screening charts of a sensitivity analysis.

They show the effect of each input on the objective of the best plan and on the damage with this
plan.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d

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


def screening_bars(rows: Sequence[tuple[str, float, float, float]], unit: str) -> d.Figure:
    """Draw the mean effect and the spread of each input.

    Each row is (name, mean effect, half width of its confidence interval, spread).
    """
    figure, axes = d.new_figure(0.8 + 0.3 * len(rows))
    upper_positions, lower_positions = (
        [n + shift for n in range(len(rows))] for shift in (-0.17, 0.17)
    )
    d.horizontal_bars(
        axes, upper_positions, [row[1] for row in rows], 0.32, d.BLUE, label=tr("mean effect")
    )
    d.horizontal_bars(
        axes,
        lower_positions,
        [row[3] for row in rows],
        0.32,
        d.ORANGE,
        d.HATCH_PATTERN,
        label=tr("spread"),
    )
    ranges = [(max(0, mean - half), mean, mean + half) for _, mean, half, _ in rows]
    d.draw_error_bars(axes, upper_positions, ranges)
    d.set_row_labels(axes, [row[0] for row in rows], unit, font_size=6.6)
    figure.legend(loc="outside upper left", ncols=2)
    return figure


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
