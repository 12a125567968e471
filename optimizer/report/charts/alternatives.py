"""Charts of how robust choices are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.language import tr
from optimizer.report.charts.drawing import (
    BLUE,
    GREEN,
    HATCH,
    INK,
    ORANGE,
    Figure,
    bars,
    figure,
    rows_beside,
)

LOOKS = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"))


@dataclass(frozen=True)
class Line:
    """A project or stockpile: its name, whether the plan has it, its index and the shares."""

    name: str
    in_plan: bool
    index: float | None
    shares: Sequence[float | None]
    """Of alternatives, variants and assumption sets."""


def robustness(lines: Sequence[Line]) -> Figure:
    """A bar for the index of each, and a mark for each of the shares that it is the mean of."""
    drawn, axes = figure(0.9 + 0.2 * len(lines))
    for place, line in enumerate(lines):
        colour, hatch = ("#dcdcdc", "") if line.in_plan else ("white", HATCH)
        bars(axes, [place], [100 * (line.index or 0.0)], 0.62, colour, hatch, INK, linewidth=0.6)
    names = (tr("Alternatives"), tr("Variants"), tr("Assumptions"))
    for n, (name, (colour, mark)) in enumerate(zip(names, LOOKS, strict=True)):
        marks = [
            (100 * share, place + 0.17 * (n - 1))
            for place, line in enumerate(lines)
            if (share := line.shares[n]) is not None
        ]
        if marks:
            look = {"color": colour, "markersize": 3.6, "linestyle": "", "clip_on": False}
            axes.plot(*zip(*marks, strict=True), mark, label=name, **look)
    axes.set_xlim(0, 100)
    axes.set_xticks(range(0, 101, 25))
    axes.grid(axis="x")
    axes.set_xlabel(tr("Share of cases that have it, %"))
    rows_beside(axes, [line.name for line in lines])
    drawn.legend(loc="outside upper left", ncols=3)
    return drawn
