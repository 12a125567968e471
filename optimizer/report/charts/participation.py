"""Charts of what shares of a project lead to for a company."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.language import tr
from optimizer.report.charts.drawing import (
    BLUE,
    FAINT,
    GREEN,
    HATCH,
    INK,
    ORANGE,
    SKY,
    Axes,
    Figure,
    figure,
    label,
    numbers_beside,
)
from optimizer.report.figures import percent

LOOKS = ((BLUE, "o-"), (ORANGE, "s--"))
BAND: dict[str, Any] = {"facecolor": SKY, "hatch": HATCH, "edgecolor": "white", "linewidth": 0}
EDGE: dict[str, Any] = {"markeredgecolor": INK, "markeredgewidth": 0.7, "linestyle": "none"}


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
        shares = _percent(line.shares)
        axes.plot(shares, line.totals, look, color=colour, markersize=4, label=line.name)
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
    _frame(drawn, axes, tr("Share of capex, %"), unit)
    return drawn


def _band(axes: Axes, line: Line) -> None:
    ends = zip(line.shares, line.low, line.high, strict=True)
    known = [(100 * share, low, high) for share, low, high in ends if None not in (low, high)]
    if known:
        name = tr("best to worst, of plans as good by the objective")
        shares, low, high = zip(*known, strict=True)
        axes.fill_between(shares, low, high, label=name, **BAND)


def _mark(
    axes: Axes,
    line: Line,
    share: float | None,
    look: tuple[str, float, str, float],
    name: str,
) -> None:
    """A mark on a line: its shape, size and colour, and how far above it the share stands."""
    if share is None or share not in line.shares:
        return
    marker, size, colour, above = look
    at = (100 * share, line.at(share))
    axes.plot(*at, marker, color=colour, markersize=size, label=name or None, zorder=5, **EDGE)
    if marker == "*" or share != line.best:  # else the star beneath has the number already
        label(axes, percent(share), at, 0, above, 6.8, ha="center", va="baseline", zorder=6)


def co_financing(
    public: Sequence[float],
    best: Sequence[float | None],
    indifferent: Sequence[float | None],
    limits: Sequence[float | None],
) -> Figure:
    """The best share, the indifferent share and the limit over the public share of capex."""
    drawn, axes = figure(2.6)
    for shares, look, colour, name, above in (
        (limits, "^:", GREEN, tr("largest share that rules allow"), None),
        (indifferent, "D--", ORANGE, tr("no worse than none up to"), 6),
        (best, "o-", BLUE, tr("best share"), -11),
    ):
        known = [(100 * p, 100 * s) for p, s in zip(public, shares, strict=True) if s is not None]
        if known:
            axes.plot(*zip(*known, strict=True), look, color=colour, markersize=5, label=name)
        for at in known if above is not None else ():
            text = percent(at[1] / 100)
            label(axes, text, at, 0, above or 0, 6.8, ha="center", va="baseline")
    axes.margins(x=0.06, y=0.2)
    axes.set_ylim(bottom=-6)
    _frame(drawn, axes, tr("Public share of capex, %"), tr("Its share of capex, %"))
    return drawn


def _frame(drawn: Figure, axes: Axes, below: str, beside: str) -> None:
    """What axes are called, percentages at round steps below, and a legend."""
    from matplotlib.ticker import MaxNLocator

    numbers_beside(axes)
    numbers_beside(axes, "x")
    axes.xaxis.set_major_locator(MaxNLocator(10, steps=[1, 2, 5, 10]))
    axes.set_xlabel(below)
    axes.set_ylabel(beside)
    drawn.legend(loc="outside upper left", ncols=3)


def _percent(shares: Sequence[float]) -> list[float]:
    return [100 * share for share in shares]
