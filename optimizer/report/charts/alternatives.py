"""Charts of how robust choices are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.language import tr
from optimizer.report.charts.drawing import BLUE, FAINT, GREEN, INK, ORANGE, figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
    places = list(range(len(lines)))
    for place, line in zip(places, lines, strict=True):
        axes.barh(
            place,
            100 * (line.index or 0.0),
            0.62,
            color="#dcdcdc" if line.in_plan else "white",
            edgecolor=INK,
            hatch="" if line.in_plan else "////",
            linewidth=0.6,
        )
    labels = (tr("Alternatives"), tr("Variants"), tr("Assumptions"))
    for n, (label, (colour, mark)) in enumerate(zip(labels, LOOKS, strict=True)):
        known = [(place, line.shares[n]) for place, line in zip(places, lines, strict=True)]
        some = [(place, share) for place, share in known if share is not None]
        if some:
            axes.plot(
                [100 * share for _, share in some],
                [place + 0.17 * (n - 1) for place, _ in some],
                mark,
                color=colour,
                markersize=3.6,
                linestyle="",
                label=label,
                clip_on=False,
            )
    axes.set_xlim(0, 100)
    axes.set_xticks(range(0, 101, 25))
    axes.grid(axis="x")
    axes.set_xlabel(tr("Share of cases that have it, %"))
    axes.set_yticks(places, [line.name for line in lines])
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_color(FAINT)
    drawn.legend(loc="outside upper left", ncols=3)
    return drawn
