"""Maps of where materials come from.

Outlines and points of countries stand in world.json, which docs/world_shapes.py makes of Natural
Earth. The projection is Equal Earth: B. Šavrič, T. Patterson and B. Jenny, The Equal Earth map
projection, International Journal of Geographical Information Science 33(3), 2019.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d
from optimizer.report.countries import country_name
from optimizer.report.number_format import format_number, format_rounded_percent

MapPoint = tuple[float, float]
"""Right and up of the lower left corner of a map, in points of print."""
OccupiedSpot = tuple[float, float, int]
"""A place that labels had better not cover, and how much that matters."""

EQUAL_EARTH_COEFFICIENTS = (1.340264, -0.081106, 0.000893, 0.003796)
"""Coefficients of the projection."""
CENTRAL_MERIDIAN = 11.0
"""Degrees east: the meridian in the middle."""
WEST, EAST, SOUTH, NORTH = -1.86, 2.3, -0.88, 1.22
"""Edges of a map on the projection, whose unit is the radius of the earth."""
SIDE_MARGIN, COLUMN_GAP, TITLE_HEIGHT, LEGEND_HEIGHT = 0.01, 0.12, 0.21, 0.3
"""Inches beside two columns, between them, above each map and below all."""
MAP_WIDTH = 72 * (d.WIDTH - 2 * SIDE_MARGIN - COLUMN_GAP) / 2
POINTS_PER_UNIT = MAP_WIDTH / (EAST - WEST)
MAP_HEIGHT = POINTS_PER_UNIT * (NORTH - SOUTH)
"""In points of print: width of a map, a unit of the projection, and height of a map."""

SHARE_STEPS = (0.2, 0.4, 0.65)
SHARE_COLORS = ("#cfe2f0", "#9cc5e3", "#4f97cc", "#0b5394")
"""Colours of shares up to the first step, from there to the second, and so on."""
LAND_COLOR = "#ececec"
FULL_LINE_WIDTH = 6.5
"""Points of print: the line of all supply."""
LABEL_SIZE = 6.5
"""Of labels, in points of print."""


class SupplyMap(NamedTuple):
    """One map: its material, the case it shows, shares of supply by country, the countries that are
    named, the most important first, and the one whose share is marked, where there is one."""

    material: str
    case_label: str
    shares: Mapping[str, float]
    labelled: Sequence[str]
    highlighted: str = ""


def draw_supply_maps(rows: Sequence[Sequence[SupplyMap]], home_country: str) -> d.Figure:
    """Maps in two columns; lines lead to ``home``, the code of a country, where that is known."""
    from matplotlib.figure import Figure

    high = len(rows) * (TITLE_HEIGHT + MAP_HEIGHT / 72) + LEGEND_HEIGHT
    drawn = Figure(figsize=(d.WIDTH, high))
    for place, row in enumerate(rows):
        bottom = high - (place + 1) * (TITLE_HEIGHT + MAP_HEIGHT / 72)
        for one, left in zip(
            row, (SIDE_MARGIN, d.WIDTH - SIDE_MARGIN - MAP_WIDTH / 72), strict=False
        ):
            box = (left / d.WIDTH, bottom / high, MAP_WIDTH / 72 / d.WIDTH, MAP_HEIGHT / 72 / high)
            _draw_map(drawn.add_axes(box), one, home_country)
    _add_legend(drawn, home_country)
    return drawn


def country_point(code: str) -> MapPoint | None:
    """The point of a country; None where it has none or lies off the map."""
    if code not in _country_shapes():
        return None
    x, y = _country_shapes()[code].point
    return (x, y) if 0 < x < MAP_WIDTH and 0 < y < MAP_HEIGHT else None


def _draw_map(axes: d.Axes, supply_map: SupplyMap, home_country: str) -> None:
    axes.set(xlim=(0, MAP_WIDTH), ylim=(0, MAP_HEIGHT), xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color=d.GREY, linewidth=0.5)
    axes.set_title(supply_map.material, loc="left", fontsize=7.5, pad=3)
    axes.set_title(supply_map.case_label, loc="right", fontsize=7, fontweight="normal", pad=3)
    _draw_country(axes, "", LAND_COLOR)
    for code, share in supply_map.shares.items():
        _draw_country(axes, code, SHARE_COLORS[sum(share >= step for step in SHARE_STEPS)])
    places = {code: at for code in supply_map.shares if (at := country_point(code))}
    busy = [(*at, 20) for at in places.values()]
    if (target := country_point(home_country)) is not None:
        for code, at in places.items():
            if code != home_country:
                bend = _bend_point(at, target)
                flow = axes.add_patch(
                    _flow_line(at, bend, target, FULL_LINE_WIDTH * supply_map.shares[code])
                )
                d.set_tooltip(
                    flow,
                    f"{supply_map.material}, {supply_map.case_label}: {_share_label(supply_map, code)}",
                )
                busy += [(*_curve_point(at, bend, target, step / 12), 5) for step in range(1, 12)]
        busy.append((*target, 40))
        axes.plot(*target, **HOME_MARKER)
    for at in places.values():
        if at != target:
            axes.plot(*at, "o", color=d.INK, markersize=1.6)
    _label_countries(axes, supply_map, places, busy, home_country)
    if absent := [code for code in supply_map.shares if code not in places]:
        text = ", ".join(_share_label(supply_map, code) for code in absent)
        axes.text(3, 3, tr("Not on the map: {countries}", countries=text), fontsize=LABEL_SIZE)
    if not supply_map.shares:
        axes.text(MAP_WIDTH / 2, MAP_HEIGHT / 2, tr("No supply"), ha="center", fontsize=8)


def _share_label(supply_map: SupplyMap, code: str) -> str:
    mark = "▲ " if code == supply_map.highlighted else ""
    return f"{mark}{country_name(code)} {format_rounded_percent(supply_map.shares[code])}"


HOME_MARKER: dict[str, Any] = {
    "marker": "s", "markersize": 4.5, "color": d.INK, "mec": "white", "mew": 0.8,
    "linestyle": "none", "zorder": 5,
}  # fmt: skip
FLOW_STYLE: dict[str, Any] = {"color": d.ORANGE, "capstyle": "round", "zorder": 3}


def _flow_line(start: MapPoint, bend: MapPoint, end: MapPoint, width: float) -> Any:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    path = Path([start, bend, end], [Path.MOVETO, Path.CURVE3, Path.CURVE3])
    return PathPatch(path, fill=False, linewidth=max(width, 0.4), **FLOW_STYLE)


def _bend_point(start: MapPoint, end: MapPoint) -> MapPoint:
    """The control point of a line that bends to the north."""
    right, up = end[0] - start[0], end[1] - start[1]
    side = 0.18 if right > 0 else -0.18
    return (start[0] + end[0]) / 2 - side * up, (start[1] + end[1]) / 2 + side * right


def _curve_point(start: MapPoint, bend: MapPoint, end: MapPoint, fraction: float) -> MapPoint:
    """A point of a quadratic Bézier curve."""
    weights = ((1 - fraction) ** 2, 2 * fraction * (1 - fraction), fraction**2)
    x, y = (
        math.fsum(w * p[k] for w, p in zip(weights, (start, bend, end), strict=True))
        for k in (0, 1)
    )
    return x, y


def _label_countries(
    axes: d.Axes,
    supply_map: SupplyMap,
    places: Mapping[str, MapPoint],
    occupied: Sequence[OccupiedSpot],
    home_country: str,
) -> None:
    """Labels of countries, each where it covers least."""
    boxes: list[tuple[float, float, float, float]] = []
    for code in (code for code in supply_map.labelled if code in places):
        text = _share_label(supply_map, code)
        wide, (x, y) = (
            (0.64 if code == home_country else 0.56) * LABEL_SIZE * len(text) + 3,
            places[code],
        )
        middle, away = _find_label_position(places[code], wide, boxes, occupied)
        boxes.append((*middle, wide, LABEL_SIZE + 3))
        if away > 6:
            axes.plot([x, middle[0]], [y, middle[1]], color=d.FAINT_INK, linewidth=0.5, zorder=5)
        look: dict[str, Any] = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85}
        axes.text(
            *middle, text, ha="center", va="center", fontsize=LABEL_SIZE, zorder=6,
            fontweight="bold" if code == home_country else "normal", bbox={**look, "pad": 0.8},
        )  # fmt: skip


def _find_label_position(
    point: MapPoint,
    label_width: float,
    boxes: Sequence[tuple[float, float, float, float]],
    occupied: Sequence[OccupiedSpot],
) -> tuple[MapPoint, float]:
    """The middle of a box beside a point, and how far the box is from it."""
    tall, best, found = LABEL_SIZE + 3, math.inf, (point, 0.0)
    for away in (5, 9, 15, 22, 30, 40, 52):
        for turn in range(16):
            east, north = math.cos(math.pi * turn / 8), math.sin(math.pi * turn / 8)
            x, y = point[0] + (away + label_width / 2) * east, point[1] + (away + tall / 2) * north
            if not (
                label_width / 2 < x < MAP_WIDTH - label_width / 2
                and tall / 2 < y < MAP_HEIGHT - tall / 2
            ):
                continue
            if any(abs(x - a) < (label_width + w) / 2 and abs(y - b) < (tall + h) / 2
                   for a, b, w, h in boxes):  # fmt: skip
                continue
            cost = away + sum(
                weight
                for a, b, weight in occupied
                if abs(x - a) < label_width / 2 + 2 and abs(y - b) < tall / 2 + 2
            )
            way = [
                (point[0] + (x - point[0]) * part, point[1] + (y - point[1]) * part)
                for part in (0.3, 0.6)
            ]
            cost += sum(
                weight
                for a, b, weight in occupied
                if (a, b) != point and any(math.hypot(a - c, b - e) < 4 for c, e in way)
            )
            if cost < best:
                best, found = cost, ((x, y), float(away))
    return found


def _add_legend(drawn: d.Figure, home_country: str) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    ends = [format_number(100 * step) for step in SHARE_STEPS]
    names = [
        tr("under {share} %", share=ends[0]),
        *(f"{low}–{high}\u00a0%" for low, high in pairwise(ends)),
        tr("from {share} %", share=ends[-1]),
    ]
    handles: list[Any] = [Patch(facecolor=shade, edgecolor=d.GREY) for shade in SHARE_COLORS]
    if country_point(home_country) is not None:
        names += [format_rounded_percent(share) for share in (0.1, 0.5)] + [
            country_name(home_country)
        ]
        handles += [
            Line2D([], [], linewidth=FULL_LINE_WIDTH * share, color=FLOW_STYLE["color"])
            for share in (0.1, 0.5)
        ]
        handles.append(Line2D([], [], **HOME_MARKER))
    drawn.legend(handles, names, loc="lower left", ncols=len(names), borderpad=0, columnspacing=1.4)


class _CountryShape(NamedTuple):
    point: MapPoint
    outlines: Sequence[Sequence[MapPoint]]


@cache
def _country_shapes() -> dict[str, _CountryShape]:
    """Countries by code, with places that may lie outside of the map."""
    text = (files("optimizer.report.charts") / "world.json").read_text(encoding="utf-8")

    def places(halves: Sequence[int]) -> Iterator[MapPoint]:
        for east, north in zip(halves[::2], halves[1::2], strict=True):
            x, y = project_equal_earth(east / 2 - CENTRAL_MERIDIAN, north / 2)
            yield round(POINTS_PER_UNIT * (x - WEST), 1), round(POINTS_PER_UNIT * (y - SOUTH), 1)

    return {
        code: _CountryShape(
            next(places(of["point"])), [list(places(one)) for one in of["outlines"]]
        )
        for code, of in json.loads(text).items()
    }


def project_equal_earth(east: float, north: float) -> MapPoint:
    """Degrees from the middle meridian and the equator, as they lie on the projection."""
    a, b, c, e = EQUAL_EARTH_COEFFICIENTS
    t = math.asin(math.sqrt(3) / 2 * math.sin(math.radians(north)))
    steep = 9 * e * t**8 + 7 * c * t**6 + 3 * b * t**2 + a
    x = 2 * math.sqrt(3) * math.radians(east) * math.cos(t) / (3 * steep)
    return x, e * t**9 + c * t**7 + b * t**3 + a * t


def _draw_country(axes: d.Axes, code: str, color: str) -> None:
    """The area of a country, or all land; as a mark, whose outline an SVG file holds but once."""
    if (path := _country_outline(code)) is not None:
        # Matplotlib scales a mark to half its size: this undoes it, so that points are points.
        size = 2 * abs(path.vertices).max()
        look = {"markersize": size, "mfc": color, "mec": "white", "mew": 0.3}
        axes.plot(0, 0, marker=path, zorder=1 + bool(code), **look)


@cache
def _country_outline(code: str) -> Any:
    """Outlines of a country as a path, or of all of them; None without any on the map."""
    from matplotlib.path import Path

    known = (
        [_country_shapes()[code]]
        if code in _country_shapes()
        else []
        if code
        else _country_shapes().values()
    )
    rings = [
        ring
        for of in known
        for ring in of.outlines
        if any(0 < x < MAP_WIDTH and 0 < y < MAP_HEIGHT for x, y in ring)
    ]
    closed = [Path([*ring, ring[0]], closed=True) for ring in rings]
    return Path.make_compound_path(*closed) if closed else None
