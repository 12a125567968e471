"""Chart of options: public money against remaining damage."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from textwrap import shorten
from typing import NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d

NAME_SIZE = 6.8  # font size of a name, in points
LETTER_WIDTH = 0.6  # mean width of a letter, as a share of its size
MERGE_DISTANCE = 3.0  # marks that are nearer to each other share one label, in points
NAME_DISTANCES = (7.0, 14.0, 22.0, 31.0, 41.0, 52.0, 64.0, 78.0, 94.0, 112.0)
"""Distances of a name from its mark, in points (1/72 inch)."""
MAX_NAME_LETTERS = 60  # a longer name is shortened
LEADER_DISTANCE = 10.0  # beyond this distance a line connects a name with its mark

Box = tuple[float, float, float, float]
"""Left, bottom, right and top."""


class OptionPoint(NamedTuple):
    """An option: name, public money, remaining damage, and whether it is efficient."""

    name: str
    public_money: float
    remaining: float
    is_efficient: bool


def efficient_frontier(
    points: Sequence[OptionPoint], without_plan: float, money_label: str, remaining_label: str
) -> d.Figure:
    """Draw remaining damage against public money; a staircase joins the efficient options."""
    figure, axes = d.new_figure(2.8)
    efficient_points = [p for p in points if p.is_efficient]
    axes.set_xlim(0, max([1e-9, *(p.public_money for p in points)]) * 1.12)
    axes.set_ylim(0, max([1e-9, without_plan, *(p.remaining for p in points)]) * 1.1)
    stairs = [(p.public_money, p.remaining) for p in efficient_points]
    if stairs:
        end = (axes.get_xlim()[1], stairs[-1][1])
        axes.plot(*zip(*stairs, end, strict=True), color=d.BLUE, drawstyle="steps-post", lw=1.2)
    groups = (
        (efficient_points, d.BLUE, "o", tr("efficient options")),
        ([p for p in points if not p.is_efficient], "white", "o", tr("dominated options")),
        ([OptionPoint("", 0.0, without_plan, False)], d.INK, "X", tr("without any plan")),
    )
    for group, fill, marker, name in groups:
        edge = d.INK if marker == "X" else d.BLUE
        if group:
            coordinates = [p.public_money for p in group], [p.remaining for p in group]
            style = {"color": fill, "edgecolors": edge, "marker": marker, "s": 34}
            axes.scatter(*coordinates, **style, label=name, zorder=3, clip_on=False)
    d.set_number_axis(axes)
    d.set_number_axis(axes, "x")
    axes.set_xlabel(money_label)
    axes.set_ylabel(remaining_label)
    figure.legend(loc="outside upper left", ncols=3)
    _label_points(figure, axes, points, (0.0, without_plan), stairs)
    return figure


def _label_points(
    figure: d.Figure,
    axes: d.Axes,
    points: Sequence[OptionPoint],
    without_plan: tuple[float, float],
    stairs: Sequence[tuple[float, float]],
) -> None:
    """Write each option's name near its mark, so that it covers no mark, line or other name."""
    figure.draw_without_rendering()
    scale = 72 / figure.dpi

    def to_points(money: float, remaining: float) -> tuple[float, float]:
        x, y = axes.transData.transform((money, remaining))
        return float(x) * scale, float(y) * scale

    groups: list[tuple[list[OptionPoint], tuple[float, float]]] = []
    for point in points:
        mark = to_points(point.public_money, point.remaining)
        nearby_groups = (
            g
            for g, (x, y) in groups
            if abs(x - mark[0]) < MERGE_DISTANCE and abs(y - mark[1]) < MERGE_DISTANCE
        )
        if (group := next(nearby_groups, None)) is not None:
            group.append(point)
        else:
            groups.append(([point], mark))
    mark_positions = [mark for _, mark in groups] + [to_points(*without_plan)]
    occupied_boxes: list[Box] = [(x - 4, y - 4, x + 4, y + 4) for x, y in mark_positions]
    extent = axes.get_window_extent()
    stair_ends = (
        [to_points(*mark) for mark in (*stairs, (axes.get_xlim()[1], stairs[-1][1]))]
        if stairs
        else []
    )
    for (x, y), (end_x, end_y) in pairwise(stair_ends):
        occupied_boxes += [(x, y - 1, end_x, y + 1), (end_x - 1, end_y, end_x + 1, y)]
    plot_area: Box = (extent.x0 * scale, extent.y0 * scale, extent.x1 * scale, extent.y1 * scale)
    for group_points, mark in groups:
        text = shorten(
            " = ".join(point.name for point in group_points), MAX_NAME_LETTERS, placeholder=" …"
        )
        offset_x, offset_y = _find_free_position(text, mark, occupied_boxes, plot_area)
        needs_leader = max(abs(offset_x), abs(offset_y)) > LEADER_DISTANCE
        side = "left" if offset_x > 0 else "right"
        arrow = {"arrowstyle": "-", "color": d.FAINT_INK, "lw": 0.5, "shrinkA": 1, "shrinkB": 3}
        arrow["relpos"] = (0 if offset_x > 0 else 1, 0.5)
        position = (group_points[0].public_money, group_points[0].remaining)
        style = {"ha": side, "in_layout": False, **({"arrowprops": arrow} if needs_leader else {})}
        d.annotate_point(axes, text, position, offset_x, offset_y, NAME_SIZE, **style)


def _find_free_position(
    text: str, mark: tuple[float, float], occupied_boxes: list[Box], plot_area: Box
) -> tuple[float, float]:
    """Return the offset (x, y) of a name from its mark: the nearest one that covers nothing, else
    the smallest one to the wider side.

    The boxes of the name and of its leader line are appended to ``occupied_boxes``.
    """
    width, height = LETTER_WIDTH * NAME_SIZE * len(text), 1.25 * NAME_SIZE
    for offset_x, offset_y in _candidate_offsets():
        left = mark[0] + offset_x - (width if offset_x < 0 else 0)
        box = (left, mark[1] + offset_y - height / 2, left + width, mark[1] + offset_y + height / 2)
        leader = list(_leader_boxes(mark, offset_x, offset_y))
        if _is_inside(box, plot_area) and not any(
            _boxes_overlap(new_box, other) for new_box in (box, *leader) for other in occupied_boxes
        ):
            occupied_boxes += [box, *leader]
            return offset_x, offset_y
    offset_x = (
        NAME_DISTANCES[0] if plot_area[2] - mark[0] > mark[0] - plot_area[0] else -NAME_DISTANCES[0]
    )
    left = mark[0] + offset_x - (width if offset_x < 0 else 0)
    occupied_boxes.append((left, mark[1] - height / 2, left + width, mark[1] + height / 2))
    return offset_x, 0.0


def _leader_boxes(mark: tuple[float, float], offset_x: float, offset_y: float) -> Iterator[Box]:
    """Yield small boxes along the leader line between a mark and a distant name."""
    if max(abs(offset_x), abs(offset_y)) > LEADER_DISTANCE:
        for step in range(6, 10):
            x, y = mark[0] + offset_x * step / 10, mark[1] + offset_y * step / 10
            yield x - 0.5, y - 0.5, x + 0.5, y + 0.5


def _candidate_offsets() -> Iterator[tuple[float, float]]:
    """Yield possible offsets of a name from its mark, the nearest first."""
    for distance in NAME_DISTANCES:
        for x, y in ((1, 0), (-1, 0), (0.6, 0.8), (0.6, -0.8), (-0.6, 0.8), (-0.6, -0.8),
                     (0.2, 1), (0.2, -1), (-0.2, 1), (-0.2, -1)):  # fmt: skip
            yield distance * x, distance * y


def _is_inside(box: Box, outer_box: Box) -> bool:
    return (
        box[0] >= outer_box[0]
        and box[1] >= outer_box[1]
        and box[2] <= outer_box[2]
        and box[3] <= outer_box[3]
    )


def _boxes_overlap(a: Box, b: Box) -> bool:
    return (a[0] < b[2] and b[0] < a[2]) and (a[1] < b[3] and b[1] < a[3])
