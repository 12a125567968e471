"""Tornado charts: how far each input moves the best plan's objective, and this plan's damage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.language import tr
from optimizer.report.charts.drawing import BLUE, FAINT, INK, ORANGE, figure, numbers_beside

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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
    _bars(axes, rows, base, [row.best for row in rows], -0.13, 0.34, filled=True)
    _bars(axes, rows, base, [row.own for row in rows], 0.22, 0.2, filled=False)
    _marks(axes, rows)
    _frame(axes, rows, base, unit)
    drawn.legend(loc="outside upper left", ncols=3)
    return drawn


def own_tornado(rows: Sequence[Bar], base: float, unit: str) -> Figure:
    """Bars for this plan alone."""
    drawn, axes = figure(0.8 + 0.26 * len(rows))
    _bars(axes, rows, base, [row.own for row in rows], 0.0, 0.5, filled=True)
    _frame(axes, rows, base, unit)
    drawn.legend(loc="outside upper left", ncols=3)
    return drawn


def screen(rows: Sequence[tuple[str, float, float, float]], unit: str) -> Figure:
    """Mean effect and spread of each input: name, mean, half its interval, spread."""
    drawn, axes = figure(0.8 + 0.3 * len(rows))
    for shift, values, colour, hatch, label in (
        (-0.17, [row[1] for row in rows], BLUE, "", tr("mean effect")),
        (0.17, [row[3] for row in rows], ORANGE, "////", tr("spread")),
    ):
        axes.barh(
            [n + shift for n in range(len(rows))],
            values,
            0.32,
            color=colour,
            hatch=hatch,
            edgecolor="white",
            label=label,
        )
    axes.errorbar(
        [row[1] for row in rows],
        [n - 0.17 for n in range(len(rows))],
        xerr=[[min(row[1], row[2]) for row in rows], [row[2] for row in rows]],
        fmt="none",
        ecolor=INK,
        elinewidth=0.7,
        capsize=1.6,
    )
    _inputs_beside(axes, [row[0] for row in rows], unit)
    drawn.legend(loc="outside upper left", ncols=2)
    return drawn


def _bars(
    axes: Axes,
    rows: Sequence[Bar],
    base: float,
    ends: Sequence[Ends],
    shift: float,
    thick: float,
    *,
    filled: bool,
) -> None:
    for side, colour, hatch in ((0, BLUE, ""), (1, ORANGE, "////")):
        label = (tr("input low"), tr("input high"))[side] if filled else None
        if not filled and side == 0:
            label = tr("framed: this plan; filled: the best plan")
        some = [(n + shift, at[side]) for n, at in enumerate(ends)]
        known: list[Any] = [(y, x - base) for y, x in some if x is not None]
        style: dict[str, Any] = {"color": colour, "hatch": hatch, "edgecolor": "white"}
        if not filled:
            style = {"facecolor": "none", "edgecolor": INK, "linewidth": 0.6}
        axes.barh(
            [y for y, _ in known],
            [width for _, width in known],
            thick,
            left=base,
            label=label,
            **style,
        )


def _marks(axes: Axes, rows: Sequence[Bar]) -> None:
    """A sign where the decision is another at an end."""
    labels = {"changed": tr("another plan is better"), "broken": tr("this plan breaks a rule")}
    for mark, sign in SIGNS.items():
        places = [
            (at, n)
            for n, row in enumerate(rows)
            for side in (0, 1)
            if row.marks[side] == mark and (at := _reach(row, side)) is not None
        ]
        if places:
            axes.scatter(
                [x for x, _ in places],
                [y - 0.13 for _, y in places],
                16,
                marker=sign,
                color="white",
                edgecolors=INK,
                linewidths=0.7,
                zorder=3,
                label=labels[mark],
            )


def _reach(row: Bar, side: int) -> float | None:
    best = row.best[side]
    return row.own[side] if best is None else best


def _frame(axes: Axes, rows: Sequence[Bar], base: float, unit: str) -> None:
    axes.axvline(base, color=INK, linewidth=0.8)
    _inputs_beside(axes, ["" for _ in rows], unit)
    # Two texts rather than one of two lines, which another font would set ragged.
    for place, row in enumerate(rows):
        ends = f"{row.values[0]} – {row.values[1]}"
        for text, below, size in ((row.name, 4, 6.6), (ends, -4.5, 6.2)):
            axes.annotate(
                text,
                (0, place),
                (-4, below),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                ha="right",
                va="center",
                fontsize=size,
            )
    axes.margins(x=0.06)


def _inputs_beside(axes: Axes, names: Sequence[str], unit: str) -> None:
    axes.set_yticks(range(len(names)), list(names))
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0, labelsize=6.6)
    axes.set_xlabel(unit)
    axes.spines["left"].set_color(FAINT)
    numbers_beside(axes, "x")
