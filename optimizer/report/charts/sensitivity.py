"""Tornado charts: how far each input moves the best plan's objective, and this plan's damage."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d

Ends = tuple[float | None, float | None]
"""Figures at the low and the high end."""
Mark = str
"""What becomes of the decision at an end: a key of ``SIGNS``, or nothing."""
SIGNS = {"changed": "D", "broken": "X"}


class Bar(NamedTuple):
    """One input: its low and high value in words, and the figures there of the best plan and of
    this one."""

    name: str
    values: tuple[str, str]
    best: Ends
    own: Ends
    marks: tuple[Mark, Mark] = ("", "")


def tornado(rows: Sequence[Bar], base: float, unit: str) -> d.Figure:
    """Filled bars for the best plan, and below each a framed one for this plan."""
    drawn, axes = d.figure(0.9 + 0.34 * len(rows))
    _filled(axes, base, [row.best for row in rows], -0.13, 0.34)
    for side, name in enumerate((tr("framed: this plan; filled: the best plan"), None)):
        at, lengths = _moves(base, [row.own[side] for row in rows], 0.22)
        look: dict[str, Any] = {"left": base, "linewidth": 0.6, "label": name}
        d.bars(axes, at, lengths, 0.2, "none", edge=d.INK, **look)
    names = {"changed": tr("another plan is better"), "broken": tr("this plan breaks a rule")}
    style: dict[str, Any] = {"color": "white", "edgecolors": d.INK, "linewidths": 0.7, "zorder": 3}
    for mark, sign in SIGNS.items():
        marked = [
            (end, n - 0.13)
            for n, row in enumerate(rows)
            for best, own, found in zip(row.best, row.own, row.marks, strict=True)
            if found == mark and (end := own if best is None else best) is not None
        ]
        if marked:
            x, y = zip(*marked, strict=True)
            axes.scatter(x, y, 16, marker=sign, label=names[mark], **style)
    return _framed(drawn, axes, rows, base, unit)


def screen(rows: Sequence[tuple[str, float, float, float]], unit: str) -> d.Figure:
    """Mean effect and spread of each input: name, mean, half its interval, spread."""
    drawn, axes = d.figure(0.8 + 0.3 * len(rows))
    above, below = ([n + shift for n in range(len(rows))] for shift in (-0.17, 0.17))
    d.bars(axes, above, [row[1] for row in rows], 0.32, d.BLUE, label=tr("mean effect"))
    d.bars(axes, below, [row[3] for row in rows], 0.32, d.ORANGE, d.HATCH, label=tr("spread"))
    ranges = [(max(0, mean - half), mean, mean + half) for _, mean, half, _ in rows]
    d.open_ends(axes, above, ranges)
    d.rows_beside(axes, [row[0] for row in rows], unit, size=6.6)
    drawn.legend(loc="outside upper left", ncols=2)
    return drawn


def _filled(axes: d.Axes, base: float, ends: Sequence[Ends], shift: float, thick: float) -> None:
    for side, name in enumerate((tr("input low"), tr("input high"))):
        moves = _moves(base, [at[side] for at in ends], shift)
        d.bars(axes, *moves, thick, *d.SERIES[side], left=base, label=name)


def _moves(
    base: float, ends: Sequence[float | None], shift: float
) -> tuple[list[float], list[float]]:
    """Places and lengths of the bars from the base to where an end is known."""
    known = [(n + shift, end - base) for n, end in enumerate(ends) if end is not None]
    return [place for place, _ in known], [length for _, length in known]


def _framed(drawn: d.Figure, axes: d.Axes, rows: Sequence[Bar], base: float, unit: str) -> d.Figure:
    axes.axvline(base, color=d.INK, linewidth=0.8)
    d.rows_beside(axes, ["" for _ in rows], unit, size=6.6)
    # Two texts rather than one of two lines, which another font would set ragged.
    edge: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "ha": "right"}
    for place, row in enumerate(rows):
        d.label(axes, row.name, (0, place), -4, 4, 6.6, **edge)
        d.label(axes, " – ".join(row.values), (0, place), -4, -4.5, 6.2, **edge)
    axes.margins(x=0.06)
    drawn.legend(loc="outside upper left", ncols=3)
    return drawn
