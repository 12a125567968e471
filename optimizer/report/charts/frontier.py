"""Charts of what can be had at several values of a number."""

from collections.abc import Sequence
from typing import NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d
from optimizer.report.number_format import format_column


class FrontierPoint(NamedTuple):
    """What a plan reaches at a value, and what none can beat there, where that is known; ``jump``
    says whether what is built changes on the way to it and much is avoided."""

    value: float
    expected: float
    bound: float | None
    cvar: float
    is_jump: bool


def frontier_curve(points: Sequence[FrontierPoint], number_label: str, unit: str) -> d.Figure:
    """Expected damage and the mean of the worst states over the value of the number."""
    drawn, (upper, lower) = d.new_figure(3.6, 2, 1, sharex=True, height_ratios=[1.6, 1])
    at = [point.value for point in points]
    proven = [(p.value, p.bound, p.expected) for p in points if p.bound is not None]
    look = {"color": d.SKY, "hatch": d.HATCH_PATTERN, "edgecolor": "white", "linewidth": 0}
    band = zip(*proven, strict=True) if proven else ([], [], [])
    upper.fill_between(*band, **look, label=tr("not ruled out"))
    upper.plot(at, [p.expected for p in points], "o-", color=d.BLUE, label=tr("Expected"))
    jumps = [(p.value, p.expected) for p in points if p.is_jump]
    if jumps:
        look = {"color": d.INK, "markersize": 5, "label": tr("projects change")}
        upper.plot(*zip(*jumps, strict=True), "D", **look)
    for point, text in zip(points, format_column([p.expected for p in points]), strict=True):
        d.annotate_point(
            upper, text, (point.value, point.expected), 0, 5, ha="center", va="baseline"
        )
    name = tr("Mean of the worst states")
    lower.plot(at, [p.cvar for p in points], "s--", color=d.ORANGE, label=name)
    for axes in (upper, lower):
        axes.margins(y=0.22)
        if min(min(p.expected, p.cvar) for p in points) >= 0:
            axes.set_ylim(bottom=0)
        d.set_number_axis(axes)
        axes.set_ylabel(unit)
    d.set_number_axis(lower, "x")
    lower.set_xlabel(number_label)
    drawn.legend(loc="outside upper left", ncols=4)
    return drawn
