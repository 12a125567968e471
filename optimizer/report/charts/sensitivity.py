"""Tornado charts: how far each input moves the best plan's objective, and this plan's damage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.language import tr
from optimizer.report.charts.drawing import (
    BLUE,
    HATCH,
    INK,
    ORANGE,
    Axes,
    Figure,
    bars,
    figure,
    label,
    open_ends,
    rows_beside,
)

ROW = 0.34
"""Inches that an input takes."""

Ends = tuple[float | None, float | None]
"""Figures at the low and the high end."""
Mark = str
"""What becomes of the decision at an end: ``changed``, ``broken`` or nothing."""

SIGNS = {"changed": "D", "broken": "X"}


@dataclass(frozen=True)
class Bar:
    """One input."""

    name: str
    values: tuple[str, str]
    """Low and high value, as they are written beside the bar."""
    best: Ends
    """Of the best plan."""
    own: Ends
    """Of this plan."""
    marks: tuple[Mark, Mark] = ("", "")


def tornado(rows: Sequence[Bar], base: float, unit: str) -> Figure:
    """Filled bars for the best plan, and below each a framed one for this plan."""
    drawn, axes = figure(0.9 + ROW * len(rows))
    _filled(axes, base, [row.best for row in rows], -0.13, 0.34)
    for side in (0, 1):
        places, lengths = _moves(base, [row.own[side] for row in rows], 0.22)
        name = tr("framed: this plan; filled: the best plan") if side == 0 else None
        bars(axes, places, lengths, 0.2, "none", edge=INK, left=base, linewidth=0.6, label=name)
    _marks(axes, rows)
    _frame(drawn, axes, rows, base, unit)
    return drawn


def screen(rows: Sequence[tuple[str, float, float, float]], unit: str) -> Figure:
    """Mean effect and spread of each input: name, mean, half its interval, spread."""
    drawn, axes = figure(0.8 + 0.3 * len(rows))
    above, below = ([n + shift for n in range(len(rows))] for shift in (-0.17, 0.17))
    bars(axes, above, [row[1] for row in rows], 0.32, BLUE, label=tr("mean effect"))
    bars(axes, below, [row[3] for row in rows], 0.32, ORANGE, HATCH, label=tr("spread"))
    open_ends(axes, above, [(max(0, mean - half), mean, mean + half) for _, mean, half, _ in rows])
    rows_beside(axes, [row[0] for row in rows], unit, size=6.6)
    drawn.legend(loc="outside upper left", ncols=2)
    return drawn


def _filled(axes: Axes, base: float, ends: Sequence[Ends], shift: float, thick: float) -> None:
    for side, look in ((0, (BLUE, "")), (1, (ORANGE, HATCH))):
        places, lengths = _moves(base, [at[side] for at in ends], shift)
        name = (tr("input low"), tr("input high"))[side]
        bars(axes, places, lengths, thick, *look, left=base, label=name)


def _moves(
    base: float, ends: Sequence[float | None], shift: float
) -> tuple[list[float], list[float]]:
    """Places and lengths of the bars from the base to where an end is known."""
    known = [(n + shift, end - base) for n, end in enumerate(ends) if end is not None]
    return [place for place, _ in known], [length for _, length in known]


def _marks(axes: Axes, rows: Sequence[Bar]) -> None:
    """A sign where the decision is another at an end."""
    names = {"changed": tr("another plan is better"), "broken": tr("this plan breaks a rule")}
    look: dict[str, Any] = {"color": "white", "edgecolors": INK, "linewidths": 0.7, "zorder": 3}
    for mark, sign in SIGNS.items():
        places = [
            (at, n - 0.13)
            for n, row in enumerate(rows)
            for side in (0, 1)
            if row.marks[side] == mark and (at := _reach(row, side)) is not None
        ]
        if places:
            x, y = zip(*places, strict=True)
            axes.scatter(x, y, 16, marker=sign, label=names[mark], **look)


def _reach(row: Bar, side: int) -> float | None:
    best = row.best[side]
    return row.own[side] if best is None else best


def _frame(drawn: Figure, axes: Axes, rows: Sequence[Bar], base: float, unit: str) -> None:
    axes.axvline(base, color=INK, linewidth=0.8)
    rows_beside(axes, ["" for _ in rows], unit, size=6.6)
    # Two texts rather than one of two lines, which another font would set ragged.
    edge: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "ha": "right"}
    for place, row in enumerate(rows):
        label(axes, row.name, (0, place), -4, 4, 6.6, **edge)
        label(axes, " – ".join(row.values), (0, place), -4, -4.5, 6.2, **edge)
    axes.margins(x=0.06)
    drawn.legend(loc="outside upper left", ncols=3)
