"""Chart of a frontier: damage against the number that is varied."""

from collections.abc import Sequence
from typing import NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d
from optimizer.report.number_format import format_column


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
