"""Charts of what can be had at several values of a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.language import tr
from optimizer.report.charts.drawing import BLUE, FAINT, INK, ORANGE, SKY, figure, numbers_beside
from optimizer.report.figures import column

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Point:
    """What a plan reaches at a value, and what none can beat there; None where it is not known."""

    value: float
    expected: float
    bound: float | None
    cvar: float
    jump: bool
    """Whether what is built changes on the way to it and much is avoided."""


def curve(points: Sequence[Point], number_label: str, unit: str) -> Figure:
    """Expected damage and the mean of the worst states over the value of the number."""
    drawn, (upper, lower) = figure(3.6, 2, 1, sharex=True, height_ratios=[1.6, 1])
    at = [point.value for point in points]
    proven = [point for point in points if point.bound is not None]
    upper.fill_between(
        [point.value for point in proven],
        [point.bound or 0.0 for point in proven],
        [point.expected for point in proven],
        color=SKY,
        hatch="////",
        edgecolor="white",
        linewidth=0,
        label=tr("not ruled out"),
    )
    upper.plot(at, [p.expected for p in points], "o-", color=BLUE, label=tr("Expected"))
    jumps = [p for p in points if p.jump]
    if jumps:
        upper.plot(
            [p.value for p in jumps],
            [p.expected for p in jumps],
            "D",
            color=INK,
            markersize=5,
            label=tr("projects change"),
        )
    texts = column([p.expected for p in points])
    for point, text in zip(points, texts, strict=True):
        upper.annotate(
            text,
            (point.value, point.expected),
            (0, 5),
            textcoords="offset points",
            ha="center",
            fontsize=6.5,
        )
    lower.plot(
        at, [p.cvar for p in points], "s--", color=ORANGE, label=tr("Mean of the worst states")
    )
    for axes in (upper, lower):
        axes.margins(y=0.22)
        numbers_beside(axes)
        axes.spines["left"].set_color(FAINT)
    numbers_beside(lower, "x")
    lower.set_xlabel(number_label)
    upper.set_ylabel(unit)
    lower.set_ylabel(unit)
    both = [axes.get_legend_handles_labels() for axes in (upper, lower)]
    handles, labels = ([item for part in both for item in part[n]] for n in (0, 1))
    drawn.legend(handles, labels, loc="outside upper left", ncols=4)
    return drawn


def tail(points: Sequence[Point], labels: Sequence[str], unit: str) -> Figure:
    """Expected damage against the mean of the worst states: one labelled mark a weight."""
    drawn, axes = figure(2.8)
    axes.plot([p.cvar for p in points], [p.expected for p in points], "o-", color=BLUE)
    for point, label in zip(points, labels, strict=True):
        axes.annotate(
            label, (point.cvar, point.expected), (5, 4), textcoords="offset points", fontsize=6.8
        )
    axes.margins(0.12)
    numbers_beside(axes, "x")
    numbers_beside(axes)
    axes.set_xlabel(f"{tr('Mean of the worst states')} ({unit})")
    axes.set_ylabel(f"{tr('Expected')} ({unit})")
    return drawn
