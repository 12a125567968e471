"""Chart of options side by side: what public money leaves of the damage."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from textwrap import shorten
from typing import NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d

NAME_SIZE = 6.8  # points of print of a name
LETTER_WIDTH = 0.6  # mean width of a letter, as a share of its size
MERGE_DISTANCE = 3.0  # points of print: marks that are nearer to each other share one label
NAME_DISTANCES = (7.0, 14.0, 22.0, 31.0, 41.0, 52.0, 64.0, 78.0, 94.0, 112.0)
"""How far from its mark a name may stand, in points of print."""
MAX_NAME_LETTERS = 60  # letters of a name
LEADER_DISTANCE = 10.0  # from this distance on a line leads from the name to its mark

Box = tuple[float, float, float, float]
"""Left, bottom, right and top."""


class OptionPoint(NamedTuple):
    """An option: its name, public money and what is left, and whether it is efficient."""

    name: str
    public_money: float
    remaining: float
    is_efficient: bool


def efficient_frontier(
    points: Sequence[OptionPoint], without_plan: float, money_label: str, remaining_label: str
) -> d.Figure:
    """Public money across, what is left up, both from 0; a staircase joins efficient options."""
    drawn, axes = d.new_figure(2.8)
    best = [p for p in points if p.is_efficient]
    axes.set_xlim(0, max([1e-9, *(p.public_money for p in points)]) * 1.12)
    axes.set_ylim(0, max([1e-9, without_plan, *(p.remaining for p in points)]) * 1.1)
    stairs = [(p.public_money, p.remaining) for p in best]
    if stairs:
        end = (axes.get_xlim()[1], stairs[-1][1])
        axes.plot(*zip(*stairs, end, strict=True), color=d.BLUE, drawstyle="steps-post", lw=1.2)
    looks = (
        (best, d.BLUE, "o", tr("efficient options")),
        ([p for p in points if not p.is_efficient], "white", "o", tr("dominated options")),
        ([OptionPoint("", 0.0, without_plan, False)], d.INK, "X", tr("without any plan")),
    )
    for some, fill, marker, name in looks:
        edge = d.INK if marker == "X" else d.BLUE
        if some:
            at = [p.public_money for p in some], [p.remaining for p in some]
            look = {"color": fill, "edgecolors": edge, "marker": marker, "s": 34}
            axes.scatter(*at, **look, label=name, zorder=3, clip_on=False)
    d.set_number_axis(axes)
    d.set_number_axis(axes, "x")
    axes.set_xlabel(money_label)
    axes.set_ylabel(remaining_label)
    drawn.legend(loc="outside upper left", ncols=3)
    _label_points(drawn, axes, points, (0.0, without_plan), stairs)
    return drawn


def _label_points(
    drawn: d.Figure,
    axes: d.Axes,
    points: Sequence[OptionPoint],
    without_plan: tuple[float, float],
    stairs: Sequence[tuple[float, float]],
) -> None:
    """A name beside each mark, where it covers no mark, no stairs and no other name."""
    drawn.draw_without_rendering()
    scale = 72 / drawn.dpi

    def placed(money: float, left: float) -> tuple[float, float]:
        x, y = axes.transData.transform((money, left))
        return float(x) * scale, float(y) * scale

    groups: list[tuple[list[OptionPoint], tuple[float, float]]] = []
    for point in points:
        at = placed(point.public_money, point.remaining)
        near = (
            g
            for g, (x, y) in groups
            if abs(x - at[0]) < MERGE_DISTANCE and abs(y - at[1]) < MERGE_DISTANCE
        )
        if (group := next(near, None)) is not None:
            group.append(point)
        else:
            groups.append(([point], at))
    marks = [at for _, at in groups] + [placed(*without_plan)]
    taken: list[Box] = [(x - 4, y - 4, x + 4, y + 4) for x, y in marks]
    inside = axes.get_window_extent()
    ends = [placed(*at) for at in (*stairs, (axes.get_xlim()[1], stairs[-1][1]))] if stairs else []
    for (x, y), (further, below) in pairwise(ends):
        taken += [(x, y - 1, further, y + 1), (further - 1, below, further + 1, y)]
    room: Box = (inside.x0 * scale, inside.y0 * scale, inside.x1 * scale, inside.y1 * scale)
    for some, at in groups:
        text = shorten(" = ".join(point.name for point in some), MAX_NAME_LETTERS, placeholder=" …")
        right, up = _find_free_position(text, at, taken, room)
        far = max(abs(right), abs(up)) > LEADER_DISTANCE
        side = "left" if right > 0 else "right"
        arrow = {"arrowstyle": "-", "color": d.FAINT_INK, "lw": 0.5, "shrinkA": 1, "shrinkB": 3}
        arrow["relpos"] = (0 if right > 0 else 1, 0.5)
        look = {"arrowprops": arrow} if far else {}
        where = (some[0].public_money, some[0].remaining)
        d.annotate_point(axes, text, where, right, up, NAME_SIZE, ha=side, in_layout=False, **look)


def _find_free_position(
    text: str, mark: tuple[float, float], occupied: list[Box], plot_area: Box
) -> tuple[float, float]:
    """Where a name goes, right and up of its mark: the nearest place that is free."""
    wide, high = LETTER_WIDTH * NAME_SIZE * len(text), 1.25 * NAME_SIZE
    for right, up in _candidate_offsets():
        left = mark[0] + right - (wide if right < 0 else 0)
        box = (left, mark[1] + up - high / 2, left + wide, mark[1] + up + high / 2)
        way = list(_leader_boxes(mark, right, up))
        if _is_inside(box, plot_area) and not any(
            _boxes_overlap(own, other) for own in (box, *way) for other in occupied
        ):
            occupied += [box, *way]
            return right, up
    right = (
        NAME_DISTANCES[0] if plot_area[2] - mark[0] > mark[0] - plot_area[0] else -NAME_DISTANCES[0]
    )
    left = mark[0] + right - (wide if right < 0 else 0)
    occupied.append((left, mark[1] - high / 2, left + wide, mark[1] + high / 2))
    return right, 0.0


def _leader_boxes(mark: tuple[float, float], right: float, up: float) -> Iterator[Box]:
    """Points of the line that leads from a mark to a name that is not beside it."""
    if max(abs(right), abs(up)) > LEADER_DISTANCE:
        for step in range(6, 10):
            x, y = mark[0] + right * step / 10, mark[1] + up * step / 10
            yield x - 0.5, y - 0.5, x + 0.5, y + 0.5


def _candidate_offsets() -> Iterator[tuple[float, float]]:
    """Places around a mark, the nearest first: right, left, above, below."""
    for away in NAME_DISTANCES:
        for right, up in ((1, 0), (-1, 0), (0.6, 0.8), (0.6, -0.8), (-0.6, 0.8), (-0.6, -0.8),
                          (0.2, 1), (0.2, -1), (-0.2, 1), (-0.2, -1)):  # fmt: skip
            yield away * right, away * up


def _is_inside(box: Box, outer: Box) -> bool:
    return box[0] >= outer[0] and box[1] >= outer[1] and box[2] <= outer[2] and box[3] <= outer[3]


def _boxes_overlap(one: Box, other: Box) -> bool:
    return (one[0] < other[2] and other[0] < one[2]) and (one[1] < other[3] and other[1] < one[3])
