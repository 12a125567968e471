"""Charts of what shares of a project lead to for a company."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.language import tr
from optimizer.report.charts.drawing import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    ORANGE,
    SKY,
    figure,
    numbers_beside,
)
from optimizer.report.figures import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOOKS = ((BLUE, "o-"), (ORANGE, "s--"))


@dataclass(frozen=True)
class Line:
    """Damage plus cost by share, with the others behaving in one way; shares of one."""

    name: str
    shares: Sequence[float]
    totals: Sequence[float]
    low: Sequence[float | None]
    high: Sequence[float | None]
    """Over plans as good by the objective; None where that is not known."""
    best: float | None
    indifferent: float | None

    def at(self, share: float) -> float:
        """The total at a share that was tried."""
        return self.totals[list(self.shares).index(share)]


def totals(lines: Sequence[Line], unit: str) -> Figure:
    """Damage plus cost over the share, with a band of the others' plans and marks of answers."""
    drawn, axes = figure(3.4)
    for line, (colour, look) in zip(lines, LOOKS, strict=False):
        _band(axes, line)
        axes.plot(
            _percent(line.shares), line.totals, look, color=colour, markersize=4, label=line.name
        )
    for line, (colour, _) in zip(lines, LOOKS, strict=False):
        # One legend entry for each kind of mark; where both lines have it, numbers stand outside.
        first = line is lines[0]
        above = 8 if len(lines) > 1 and not first else -14
        _mark(axes, line, line.best, ("*", 11, colour, above), tr("best share") if first else "")
        says = tr("no worse than none up to here") if first else ""
        _mark(axes, line, line.indifferent, ("D", 6, colour, above), says)
    if lines and lines[0].shares and lines[0].shares[0] == 0:
        axes.axhline(lines[0].totals[0], color=FAINT, linewidth=0.7, linestyle=":")
    axes.margins(x=0.04, y=0.16)
    numbers_beside(axes)
    _percents_below(axes)
    axes.set_xlabel(tr("Share of capex, %"))
    axes.set_ylabel(unit)
    drawn.legend(loc="outside upper left", ncols=3)
    return drawn


def _band(axes: Axes, line: Line) -> None:
    known = [
        (share, low, high)
        for share, low, high in zip(line.shares, line.low, line.high, strict=True)
        if low is not None and high is not None
    ]
    if not known:
        return
    shares, low, high = zip(*known, strict=True)
    axes.fill_between(
        _percent(shares),
        low,
        high,
        facecolor=SKY,
        hatch="////",
        edgecolor="white",
        linewidth=0,
        label=tr("best to worst, of plans as good by the objective"),
    )


def _mark(
    axes: Axes,
    line: Line,
    share: float | None,
    look: tuple[str, float, str, float],
    label: str,
) -> None:
    """A mark on a line: its shape, size and colour, and how far above it the share stands."""
    if share is None or share not in line.shares:
        return
    marker, size, colour, above = look
    at = (100 * share, line.at(share))
    axes.plot(
        *at,
        marker,
        color=colour,
        markeredgecolor=INK,
        markeredgewidth=0.7,
        markersize=size,
        label=label or None,
        linestyle="none",
        zorder=5,
    )
    if marker == "D" and share == line.best:
        return  # The star beneath has the number already.
    axes.annotate(
        percent(share),
        at,
        (0, above),
        textcoords="offset points",
        ha="center",
        fontsize=6.8,
        zorder=6,
    )


def co_financing(
    public: Sequence[float],
    best: Sequence[float | None],
    indifferent: Sequence[float | None],
    limits: Sequence[float | None],
) -> Figure:
    """The best share, the indifferent share and the limit over the public share of capex."""
    drawn, axes = figure(2.6)
    lines = (
        (limits, "^:", GREEN, tr("largest share that rules allow")),
        (indifferent, "D--", ORANGE, tr("no worse than none up to")),
        (best, "o-", BLUE, tr("best share")),
    )
    for shares, look, colour, label in lines:
        known = [(p, s) for p, s in zip(public, shares, strict=True) if s is not None]
        if not known:
            continue
        at, values = zip(*known, strict=True)
        axes.plot(_percent(at), _percent(values), look, color=colour, markersize=5, label=label)
        if shares is limits:
            continue
        for place, value in known:
            axes.annotate(
                percent(value),
                (100 * place, 100 * value),
                (0, 6 if shares is indifferent else -11),
                textcoords="offset points",
                ha="center",
                fontsize=6.8,
            )
    axes.margins(x=0.06, y=0.2)
    axes.set_ylim(bottom=-6)
    numbers_beside(axes)
    _percents_below(axes)
    axes.set_xlabel(tr("Public share of capex, %"))
    axes.set_ylabel(tr("Its share of capex, %"))
    drawn.legend(loc="outside upper left", ncols=3)
    return drawn


def _percents_below(axes: Axes) -> None:
    """Percentages of a horizontal axis, at round steps."""
    from matplotlib.ticker import MaxNLocator

    numbers_beside(axes, "x")
    axes.xaxis.set_major_locator(MaxNLocator(10, steps=[1, 2, 5, 10]))


def _percent(shares: Sequence[float]) -> list[float]:
    return [100 * share for share in shares]
