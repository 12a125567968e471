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
from optimizer.report.countries import country
from optimizer.report.figures import number, rounded_percent

Place = tuple[float, float]
"""Right and up of the lower left corner of a map, in points of print."""
Busy = tuple[float, float, int]
"""A place that labels had better not cover, and how much that matters."""

POLYNOMIAL = (1.340264, -0.081106, 0.000893, 0.003796)
"""Coefficients of the projection."""
MIDDLE = 11.0
"""Degrees east: the meridian in the middle."""
WEST, EAST, SOUTH, NORTH = -1.86, 2.3, -0.88, 1.22
"""Edges of a map on the projection, whose unit is the radius of the earth."""
EDGE, GAP, TITLE, FOOT = 0.01, 0.12, 0.21, 0.3
"""Inches beside two columns, between them, above each map and below all."""
WIDE = 72 * (d.WIDTH - 2 * EDGE - GAP) / 2
SCALE = WIDE / (EAST - WEST)
HIGH = SCALE * (NORTH - SOUTH)
"""In points of print: width of a map, a unit of the projection, and height of a map."""

STEPS = (0.2, 0.4, 0.65)
SHADES = ("#cfe2f0", "#9cc5e3", "#4f97cc", "#0b5394")
"""Colours of shares up to the first step, from there to the second, and so on."""
LAND = "#ececec"
THICK = 6.5
"""Points of print: the line of all supply."""
SIZE = 6.5
"""Of labels, in points of print."""


class Map(NamedTuple):
    """One map: its material, the case it shows, shares of supply by country, the countries that are
    named, the most important first, and the one whose share is marked, where there is one."""

    name: str
    case: str
    shares: Mapping[str, float]
    named: Sequence[str]
    marked: str = ""


def flows(rows: Sequence[Sequence[Map]], home: str) -> d.Figure:
    """Maps in two columns; lines lead to ``home``, the code of a country, where that is known."""
    from matplotlib.figure import Figure

    high = len(rows) * (TITLE + HIGH / 72) + FOOT
    drawn = Figure(figsize=(d.WIDTH, high))
    for place, row in enumerate(rows):
        bottom = high - (place + 1) * (TITLE + HIGH / 72)
        for one, left in zip(row, (EDGE, d.WIDTH - EDGE - WIDE / 72), strict=False):
            box = (left / d.WIDTH, bottom / high, WIDE / 72 / d.WIDTH, HIGH / 72 / high)
            _draw(drawn.add_axes(box), one, home)
    _legend(drawn, home)
    return drawn


def on_map(code: str) -> Place | None:
    """The point of a country; None where it has none or lies off the map."""
    if code not in _world():
        return None
    x, y = _world()[code].point
    return (x, y) if 0 < x < WIDE and 0 < y < HIGH else None


def _draw(axes: d.Axes, one: Map, home: str) -> None:
    axes.set(xlim=(0, WIDE), ylim=(0, HIGH), xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color=d.GREY, linewidth=0.5)
    axes.set_title(one.name, loc="left", fontsize=7.5, pad=3)
    axes.set_title(one.case, loc="right", fontsize=7, fontweight="normal", pad=3)
    _shape(axes, "", LAND)
    for code, share in one.shares.items():
        _shape(axes, code, SHADES[sum(share >= step for step in STEPS)])
    places = {code: at for code in one.shares if (at := on_map(code))}
    busy = [(*at, 20) for at in places.values()]
    if (target := on_map(home)) is not None:
        for code, at in places.items():
            if code != home:
                bend = _bend(at, target)
                flow = axes.add_patch(_line(at, bend, target, THICK * one.shares[code]))
                d.tell(flow, f"{one.name}, {one.case}: {_says(one, code)}")
                busy += [(*_between(at, bend, target, step / 12), 5) for step in range(1, 12)]
        busy.append((*target, 40))
        axes.plot(*target, **HOME)
    for at in places.values():
        if at != target:
            axes.plot(*at, "o", color=d.INK, markersize=1.6)
    _name(axes, one, places, busy, home)
    if absent := [code for code in one.shares if code not in places]:
        text = ", ".join(_says(one, code) for code in absent)
        axes.text(3, 3, tr("Not on the map: {countries}", countries=text), fontsize=SIZE)
    if not one.shares:
        axes.text(WIDE / 2, HIGH / 2, tr("No supply"), ha="center", fontsize=8)


def _says(one: Map, code: str) -> str:
    mark = "▲ " if code == one.marked else ""
    return f"{mark}{country(code)} {rounded_percent(one.shares[code])}"


HOME: dict[str, Any] = {
    "marker": "s", "markersize": 4.5, "color": d.INK, "mec": "white", "mew": 0.8,
    "linestyle": "none", "zorder": 5,
}  # fmt: skip
FLOW: dict[str, Any] = {"color": d.ORANGE, "capstyle": "round", "zorder": 3}


def _line(start: Place, bend: Place, end: Place, width: float) -> Any:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    path = Path([start, bend, end], [Path.MOVETO, Path.CURVE3, Path.CURVE3])
    return PathPatch(path, fill=False, linewidth=max(width, 0.4), **FLOW)


def _bend(start: Place, end: Place) -> Place:
    """The control point of a line that bends to the north."""
    right, up = end[0] - start[0], end[1] - start[1]
    side = 0.18 if right > 0 else -0.18
    return (start[0] + end[0]) / 2 - side * up, (start[1] + end[1]) / 2 + side * right


def _between(start: Place, bend: Place, end: Place, part: float) -> Place:
    """A point of a quadratic Bézier curve."""
    weights = ((1 - part) ** 2, 2 * part * (1 - part), part**2)
    x, y = (
        math.fsum(w * p[k] for w, p in zip(weights, (start, bend, end), strict=True))
        for k in (0, 1)
    )
    return x, y


def _name(
    axes: d.Axes, one: Map, places: Mapping[str, Place], busy: Sequence[Busy], home: str
) -> None:
    """Labels of countries, each where it covers least."""
    boxes: list[tuple[float, float, float, float]] = []
    for code in (code for code in one.named if code in places):
        text = _says(one, code)
        wide, (x, y) = (0.64 if code == home else 0.56) * SIZE * len(text) + 3, places[code]
        middle, away = _room(places[code], wide, boxes, busy)
        boxes.append((*middle, wide, SIZE + 3))
        if away > 6:
            axes.plot([x, middle[0]], [y, middle[1]], color=d.FAINT, linewidth=0.5, zorder=5)
        look: dict[str, Any] = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85}
        axes.text(
            *middle, text, ha="center", va="center", fontsize=SIZE, zorder=6,
            fontweight="bold" if code == home else "normal", bbox={**look, "pad": 0.8},
        )  # fmt: skip


def _room(
    of: Place,
    wide: float,
    boxes: Sequence[tuple[float, float, float, float]],
    busy: Sequence[Busy],
) -> tuple[Place, float]:
    """The middle of a box beside a point, and how far the box is from it."""
    tall, best, found = SIZE + 3, math.inf, (of, 0.0)
    for away in (5, 9, 15, 22, 30, 40, 52):
        for turn in range(16):
            east, north = math.cos(math.pi * turn / 8), math.sin(math.pi * turn / 8)
            x, y = of[0] + (away + wide / 2) * east, of[1] + (away + tall / 2) * north
            if not (wide / 2 < x < WIDE - wide / 2 and tall / 2 < y < HIGH - tall / 2):
                continue
            if any(abs(x - a) < (wide + w) / 2 and abs(y - b) < (tall + h) / 2
                   for a, b, w, h in boxes):  # fmt: skip
                continue
            cost = away + sum(
                weight
                for a, b, weight in busy
                if abs(x - a) < wide / 2 + 2 and abs(y - b) < tall / 2 + 2
            )
            way = [(of[0] + (x - of[0]) * part, of[1] + (y - of[1]) * part) for part in (0.3, 0.6)]
            cost += sum(
                weight
                for a, b, weight in busy
                if (a, b) != of and any(math.hypot(a - c, b - e) < 4 for c, e in way)
            )
            if cost < best:
                best, found = cost, ((x, y), float(away))
    return found


def _legend(drawn: d.Figure, home: str) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    ends = [number(100 * step) for step in STEPS]
    names = [
        tr("under {share} %", share=ends[0]),
        *(f"{low}–{high}\u00a0%" for low, high in pairwise(ends)),
        tr("from {share} %", share=ends[-1]),
    ]
    handles: list[Any] = [Patch(facecolor=shade, edgecolor=d.GREY) for shade in SHADES]
    if on_map(home) is not None:
        names += [rounded_percent(share) for share in (0.1, 0.5)] + [country(home)]
        handles += [
            Line2D([], [], linewidth=THICK * share, color=FLOW["color"]) for share in (0.1, 0.5)
        ]
        handles.append(Line2D([], [], **HOME))
    drawn.legend(handles, names, loc="lower left", ncols=len(names), borderpad=0, columnspacing=1.4)


class _Country(NamedTuple):
    point: Place
    outlines: Sequence[Sequence[Place]]


@cache
def _world() -> dict[str, _Country]:
    """Countries by code, with places that may lie outside of the map."""
    text = (files("optimizer.report.charts") / "world.json").read_text(encoding="utf-8")

    def places(halves: Sequence[int]) -> Iterator[Place]:
        for east, north in zip(halves[::2], halves[1::2], strict=True):
            x, y = equal_earth(east / 2 - MIDDLE, north / 2)
            yield round(SCALE * (x - WEST), 1), round(SCALE * (y - SOUTH), 1)

    return {
        code: _Country(next(places(of["point"])), [list(places(one)) for one in of["outlines"]])
        for code, of in json.loads(text).items()
    }


def equal_earth(east: float, north: float) -> Place:
    """Degrees from the middle meridian and the equator, as they lie on the projection."""
    a, b, c, e = POLYNOMIAL
    t = math.asin(math.sqrt(3) / 2 * math.sin(math.radians(north)))
    steep = 9 * e * t**8 + 7 * c * t**6 + 3 * b * t**2 + a
    x = 2 * math.sqrt(3) * math.radians(east) * math.cos(t) / (3 * steep)
    return x, e * t**9 + c * t**7 + b * t**3 + a * t


def _shape(axes: d.Axes, code: str, colour: str) -> None:
    """The area of a country, or all land; as a mark, whose outline an SVG file holds but once."""
    if (path := _outline(code)) is not None:
        # Matplotlib scales a mark to half its size: this undoes it, so that points are points.
        size = 2 * abs(path.vertices).max()
        look = {"markersize": size, "mfc": colour, "mec": "white", "mew": 0.3}
        axes.plot(0, 0, marker=path, zorder=1 + bool(code), **look)


@cache
def _outline(code: str) -> Any:
    """Outlines of a country as a path, or of all of them; None without any on the map."""
    from matplotlib.path import Path

    known = [_world()[code]] if code in _world() else [] if code else _world().values()
    rings = [
        ring
        for of in known
        for ring in of.outlines
        if any(0 < x < WIDE and 0 < y < HIGH for x, y in ring)
    ]
    closed = [Path([*ring, ring[0]], closed=True) for ring in rings]
    return Path.make_compound_path(*closed) if closed else None
