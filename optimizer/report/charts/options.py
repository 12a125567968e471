"""Chart of options side by side: what public money leaves of the damage."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from textwrap import shorten
from typing import NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d

SIZE = 6.8  # points of print of a name
LETTER = 0.6  # mean width of a letter, as a share of its size
NEAR = 3.0  # points of print: marks that are nearer to each other share one label
AWAY = (7.0, 14.0, 22.0, 31.0, 41.0, 52.0, 64.0, 78.0, 94.0, 112.0)
"""How far from its mark a name may stand, in points of print."""
LONGEST = 60  # letters of a name
BESIDE = 10.0  # from this distance on a line leads from the name to its mark

Box = tuple[float, float, float, float]
"""Left, bottom, right and top."""


class Point(NamedTuple):
    """An option: its name, public money and what is left, and whether it is efficient."""

    name: str
    money: float
    left: float
    efficient: bool


def efficient_line(
    points: Sequence[Point], without: float, money_label: str, left_label: str
) -> d.Figure:
    """Public money across, what is left up, both from 0; a staircase joins efficient options."""
    drawn, axes = d.figure(2.8)
    best = [p for p in points if p.efficient]
    axes.set_xlim(0, max([1e-9, *(p.money for p in points)]) * 1.12)
    axes.set_ylim(0, max([1e-9, without, *(p.left for p in points)]) * 1.1)
    stairs = [(p.money, p.left) for p in best]
    if stairs:
        end = (axes.get_xlim()[1], stairs[-1][1])
        axes.plot(*zip(*stairs, end, strict=True), color=d.BLUE, drawstyle="steps-post", lw=1.2)
    looks = (
        (best, d.BLUE, "o", tr("efficient options")),
        ([p for p in points if not p.efficient], "white", "o", tr("dominated options")),
        ([Point("", 0.0, without, False)], d.INK, "X", tr("without any plan")),
    )
    for some, fill, marker, name in looks:
        edge = d.INK if marker == "X" else d.BLUE
        if some:
            at = [p.money for p in some], [p.left for p in some]
            look = {"color": fill, "edgecolors": edge, "marker": marker, "s": 34}
            axes.scatter(*at, **look, label=name, zorder=3, clip_on=False)
    d.numbers_beside(axes)
    d.numbers_beside(axes, "x")
    axes.set_xlabel(money_label)
    axes.set_ylabel(left_label)
    drawn.legend(loc="outside upper left", ncols=3)
    _name(drawn, axes, points, (0.0, without), stairs)
    return drawn


def _name(
    drawn: d.Figure,
    axes: d.Axes,
    points: Sequence[Point],
    without: tuple[float, float],
    stairs: Sequence[tuple[float, float]],
) -> None:
    """A name beside each mark, where it covers no mark, no stairs and no other name."""
    drawn.draw_without_rendering()
    scale = 72 / drawn.dpi

    def placed(money: float, left: float) -> tuple[float, float]:
        x, y = axes.transData.transform((money, left))
        return float(x) * scale, float(y) * scale

    groups: list[tuple[list[Point], tuple[float, float]]] = []
    for point in points:
        at = placed(point.money, point.left)
        near = (g for g, (x, y) in groups if abs(x - at[0]) < NEAR and abs(y - at[1]) < NEAR)
        if (group := next(near, None)) is not None:
            group.append(point)
        else:
            groups.append(([point], at))
    marks = [at for _, at in groups] + [placed(*without)]
    taken: list[Box] = [(x - 4, y - 4, x + 4, y + 4) for x, y in marks]
    inside = axes.get_window_extent()
    ends = [placed(*at) for at in (*stairs, (axes.get_xlim()[1], stairs[-1][1]))] if stairs else []
    for (x, y), (further, below) in pairwise(ends):
        taken += [(x, y - 1, further, y + 1), (further - 1, below, further + 1, y)]
    room: Box = (inside.x0 * scale, inside.y0 * scale, inside.x1 * scale, inside.y1 * scale)
    for some, at in groups:
        text = shorten(" = ".join(point.name for point in some), LONGEST, placeholder=" …")
        right, up = _free(text, at, taken, room)
        far = max(abs(right), abs(up)) > BESIDE
        side = "left" if right > 0 else "right"
        arrow = {"arrowstyle": "-", "color": d.FAINT, "lw": 0.5, "shrinkA": 1, "shrinkB": 3}
        arrow["relpos"] = (0 if right > 0 else 1, 0.5)
        look = {"arrowprops": arrow} if far else {}
        where = (some[0].money, some[0].left)
        d.label(axes, text, where, right, up, SIZE, ha=side, in_layout=False, **look)


def _free(text: str, at: tuple[float, float], taken: list[Box], room: Box) -> tuple[float, float]:
    """Where a name goes, right and up of its mark: the nearest place that is free."""
    wide, high = LETTER * SIZE * len(text), 1.25 * SIZE
    for right, up in _places():
        left = at[0] + right - (wide if right < 0 else 0)
        box = (left, at[1] + up - high / 2, left + wide, at[1] + up + high / 2)
        way = list(_way(at, right, up))
        if _within(box, room) and not any(
            _overlap(own, other) for own in (box, *way) for other in taken
        ):
            taken += [box, *way]
            return right, up
    right = AWAY[0] if room[2] - at[0] > at[0] - room[0] else -AWAY[0]
    left = at[0] + right - (wide if right < 0 else 0)
    taken.append((left, at[1] - high / 2, left + wide, at[1] + high / 2))
    return right, 0.0


def _way(at: tuple[float, float], right: float, up: float) -> Iterator[Box]:
    """Points of the line that leads from a mark to a name that is not beside it."""
    if max(abs(right), abs(up)) > BESIDE:
        for step in range(6, 10):
            x, y = at[0] + right * step / 10, at[1] + up * step / 10
            yield x - 0.5, y - 0.5, x + 0.5, y + 0.5


def _places() -> Iterator[tuple[float, float]]:
    """Places around a mark, the nearest first: right, left, above, below."""
    for away in AWAY:
        for right, up in ((1, 0), (-1, 0), (0.6, 0.8), (0.6, -0.8), (-0.6, 0.8), (-0.6, -0.8),
                          (0.2, 1), (0.2, -1), (-0.2, 1), (-0.2, -1)):  # fmt: skip
            yield away * right, away * up


def _within(box: Box, room: Box) -> bool:
    return box[0] >= room[0] and box[1] >= room[1] and box[2] <= room[2] and box[3] <= room[3]


def _overlap(one: Box, other: Box) -> bool:
    return (one[0] < other[2] and other[0] < one[2]) and (one[1] < other[3] and other[1] < one[3])
