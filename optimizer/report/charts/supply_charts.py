"""Charts of supply: the largest suppliers, flows through chains of materials, and maps."""

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
from optimizer.report.number_format import (
    format_number,
    format_percent,
    format_rounded,
    format_rounded_percent,
)

LABEL_BACKGROUND = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
"""Keeps a label readable on a line."""
SHARED_MARKER_STYLE: dict[str, Any] = {"marker": "o", "markersize": 6, "linestyle": "none"}
BEFORE_MARKER_STYLE = SHARED_MARKER_STYLE | {"mfc": "white", "mec": d.INK, "mew": 1}
AFTER_MARKER_STYLE = SHARED_MARKER_STYLE | {"color": d.BLUE}
THRESHOLD_LINE_STYLE: dict[str, Any] = {"color": d.RED, "linewidth": 1.1, "linestyle": (0, (4, 2))}


class LargestSupplier(NamedTuple):
    """The country and share of the largest supplier of a material, without and with the plan."""

    material: str
    country_before: str
    share_before: float
    country_after: str
    share_after: float


def largest_supplier_chart(rows: Sequence[LargestSupplier], threshold: float) -> d.Figure:
    """Draw the share of each material's largest supplier: hollow mark without, filled mark with the
    plan."""
    from matplotlib.lines import Line2D

    figure, axes = d.new_figure(0.8 + 0.2 * len(rows))
    axes.axvline(threshold, **THRESHOLD_LINE_STYLE)
    for position, row in enumerate(rows):
        axes.plot(
            [row.share_before, row.share_after],
            [position, position],
            color=d.GREY,
            linewidth=2.2,
            zorder=1,
        )
        for share, country, style in (
            (row.share_before, row.country_before, {"zorder": 2, **BEFORE_MARKER_STYLE}),
            (row.share_after, row.country_after, {"zorder": 3, **AFTER_MARKER_STYLE}),
        ):
            (mark,) = axes.plot(share, position, **style)
            d.set_tooltip(mark, f"{row.material}: {country} {format_percent(share)}")
        low_mark, high_mark = sorted(
            ((row.share_before, row.country_before), (row.share_after, row.country_after))
        )
        text_style = {"va": "center", "fontsize": 6.5, "bbox": LABEL_BACKGROUND}
        marks_differ = abs(row.share_before - row.share_after) > 0.005
        axes.text(
            high_mark[0] + 0.015,
            position,
            high_mark[1] if marks_differ else row.country_after,
            **text_style,
        )
        if marks_differ:
            axes.text(low_mark[0] - 0.015, position, low_mark[1], ha="right", **text_style)
    d.set_row_labels(axes, [row.material for row in rows], top_margin=0.7)
    axes.set_xlim(0, 1.06)
    axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1.0], [format_percent(x / 5) for x in range(6)])
    axes.grid(axis="x")
    legend_handles = [
        Line2D([], [], **style)
        for style in (BEFORE_MARKER_STYLE, AFTER_MARKER_STYLE, THRESHOLD_LINE_STYLE)
    ]
    limit = tr("{share} from one third country", share=format_percent(threshold))
    names = [tr("Without plan"), tr("With plan"), limit]
    figure.legend(legend_handles, names, loc="outside upper left", ncols=3)
    return figure


BAR_WIDTH, BAR_HEIGHT, SLOT_HEIGHT = 0.055, 0.46, 1.0
"""Width of a bar in columns, its largest height in slots, and height of a slot."""
TEXT_SIZE = 6.3
TEXT_BACKGROUND = {"facecolor": "white", "edgecolor": "none", "pad": 0.2, "alpha": 0.75}
"""Keeps a text readable on a band."""
MAX_NAME_LETTERS = 30
"""Maximal letters of a name; a longer one is shortened."""
BAND_COLOR = "#a9cce6"
MISSING_STYLE: dict[str, Any] = {"facecolor": "white", "hatch": "xxxxx", "edgecolor": d.RED}
FRAME_STYLE: dict[str, Any] = {"facecolor": "white", "edgecolor": d.GREY, "linewidth": 0.4}
SOURCE_STYLES: tuple[dict[str, Any], ...] = (
    {"facecolor": d.GREY, "edgecolor": "white"},
    {"facecolor": d.BLUE, "edgecolor": "white"},
    {"facecolor": d.GREEN, "edgecolor": "white", "hatch": "////"},
    {"facecolor": d.ORANGE, "edgecolor": "white", "hatch": "||||"},
    MISSING_STYLE,
)
"""Styles of market supply, output of conversions, projects, stocks, and shortage."""


class FormBalance(NamedTuple):
    """Tonnes of a form by source (market, conversions, projects, stocks, missing), and its demand.

    The other fields are the shares of states with a shortage in which the tonnes of the form, or
    the plants that make it, are the bottleneck; None where no mark is drawn.
    """

    source_tonnes: tuple[float, float, float, float, float]
    demand: float
    bottleneck_share: float | None = None
    plant_bottleneck_share: float | None = None


class ConversionBand(NamedTuple):
    """Tonnes of a form that plants take in, and tonnes of another form that they make of it."""

    input_form: str
    output_form: str
    input_t: float
    output_t: float


class FlowPanel(NamedTuple):
    """One panel of the flow chart: the balance of each form by id, and the flows between forms."""

    title: str
    forms: Mapping[str, FormBalance]
    bands: Sequence[ConversionBand]


def flow_panels(
    names: Mapping[str, str], links: Sequence[tuple[str, str]], panels: Sequence[FlowPanel]
) -> d.Figure:
    """Draw the panels one below the other.

    ``names`` has the display names of forms by id; ``links`` has pairs of input form and output
    form.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    positions, rows = _form_layout(list(names), links)
    figure, grid = d.new_figure(
        0.5 + len(panels) * (0.3 + 0.6 * rows), len(panels), 1, squeeze=False
    )
    full_tonnes = {
        m: max((sum(p.forms[m].source_tonnes) for p in panels), default=0.0) or 1.0 for m in names
    }
    for axes, panel in zip(grid.flat, panels, strict=True):
        axes.set_title(panel.title, pad=2)
        axes.set_xlim(-0.12, max(x for x, _ in positions.values()) + 0.62)
        axes.set_ylim(rows * SLOT_HEIGHT - 0.26, -0.40)
        axes.set_axis_off()
        _draw_panel(axes, panel, names, positions, full_tonnes)
    legend_handles: list[Any] = [Patch(**style) for style in (*SOURCE_STYLES, FRAME_STYLE)]
    labels = [tr("market"), tr("made of other forms"), tr("projects"), tr("stocks"), tr("missing")]
    labels.append(tr("frame: the most of all rows"))
    legend_handles.append(Line2D([], [], marker="^", markersize=4, color=d.RED, linestyle="none"))
    labels.append(tr("bottleneck, share of short states"))
    figure.legend(legend_handles, labels, loc="outside upper left", ncols=3)
    return figure


def _form_layout(
    names: Sequence[str], links: Sequence[tuple[str, str]]
) -> tuple[dict[str, tuple[float, float]], int]:
    """Return the position (column, top) of each form, and the largest number of forms in a column.

    Each form is placed as far right as the forms made from it allow.
    """
    distance = dict.fromkeys(names, 0)
    for _ in names:
        for input_form, output_form in links:
            distance[input_form] = max(distance[input_form], distance[output_form] + 1)
    last_column = max(distance.values())
    columns = [[m for m in names if distance[m] == last_column - x] for x in range(last_column + 1)]
    rows = max(map(len, columns))
    return {
        m: (float(x), (rows - len(column)) / 2 * SLOT_HEIGHT + n * SLOT_HEIGHT)
        for x, column in enumerate(columns)
        for n, m in enumerate(column)
    }, rows


def _draw_panel(
    axes: d.Axes,
    panel: FlowPanel,
    names: Mapping[str, str],
    positions: Mapping[str, tuple[float, float]],
    full_tonnes: Mapping[str, float],
) -> None:
    # Tops of the next band at the bars of its input and of its output.
    band_starts = {material: positions[material][1] for material in names}
    band_ends = {
        material: positions[material][1]
        + BAR_HEIGHT * panel.forms[material].source_tonnes[0] / full_tonnes[material]
        for material in names
    }
    shares = _output_shares(panel.bands)
    for band, share in zip(panel.bands, shares, strict=True):
        (x, _), (end_x, _) = positions[band.input_form], positions[band.output_form]
        made = share * panel.forms[band.output_form].source_tonnes[1]
        start_height = BAR_HEIGHT * band.input_t / full_tonnes[band.input_form]
        end_height = BAR_HEIGHT * made / full_tonnes[band.output_form]
        if start_height > 0:
            start_top, end_top_y = band_starts[band.input_form], band_ends[band.output_form]
            _draw_band(
                axes,
                (x + BAR_WIDTH, start_top, start_top + start_height),
                (end_x, end_top_y, end_top_y + end_height),
            )
        band_starts[band.input_form] += start_height
        band_ends[band.output_form] += end_height
    for material, form in panel.forms.items():
        _draw_bar(axes, names[material], form, positions[material], full_tonnes[material])


def _output_shares(bands: Sequence[ConversionBand]) -> Iterator[float]:
    """Return the share of the output form's tonnes that each band stands for.

    Several inputs of one form divide its output among them in proportion to ``output_t``.
    """
    output_totals: dict[str, float] = {}
    for band in bands:
        output_totals[band.output_form] = output_totals.get(band.output_form, 0.0) + band.output_t
    return (
        band.output_t / output_totals[band.output_form] if output_totals[band.output_form] else 0.0
        for band in bands
    )


def _draw_bar(
    axes: d.Axes, name: str, form: FormBalance, position: tuple[float, float], full_tonnes: float
) -> None:
    from matplotlib.patches import Rectangle

    x, top = position
    end, used_tonnes = top, sum(form.source_tonnes) - form.source_tonnes[-1]
    axes.add_patch(Rectangle((x, top), BAR_WIDTH, BAR_HEIGHT, **FRAME_STYLE))
    for tonnes, style in zip(form.source_tonnes, SOURCE_STYLES, strict=True):
        if tonnes > 0:
            height = BAR_HEIGHT * tonnes / full_tonnes
            axes.add_patch(Rectangle((x, end), BAR_WIDTH, height, linewidth=0.3, zorder=3, **style))
            end += height
    short_name = (
        name if len(name) <= MAX_NAME_LETTERS else f"{name[: MAX_NAME_LETTERS - 1].rstrip()}…"
    )
    text_style: dict[str, Any] = {
        "fontsize": TEXT_SIZE,
        "va": "bottom",
        "zorder": 4,
        "bbox": TEXT_BACKGROUND,
    }
    axes.text(x, top - 0.17, short_name, fontweight="bold", **text_style)
    label = f"{format_rounded(used_tonnes)} {tr('t')}"
    if form.source_tonnes[-1] > 0:
        label = tr(
            "{tonnes} t, {missing} t missing",
            tonnes=format_rounded(used_tonnes),
            missing=format_rounded(form.source_tonnes[-1]),
        )
    axes.text(x, top - 0.03, label, **text_style)
    bottlenecks = [
        f"▲ {kind}: {format_rounded_percent(share)}"
        for kind, share in (
            (tr("plants"), form.plant_bottleneck_share),
            (tr("tonnes"), form.bottleneck_share),
        )
        if share is not None
    ]
    for line_index, text in enumerate(bottlenecks):
        label_y = top + BAR_HEIGHT + 0.02 + 0.14 * line_index
        axes.text(x, label_y, text, fontsize=TEXT_SIZE, va="top", color=d.RED, zorder=4)


def _draw_band(
    axes: d.Axes, start: tuple[float, float, float], end: tuple[float, float, float]
) -> None:
    """Draw a curved band between two bars; ``start`` and ``end`` are (x, top, bottom)."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    (x, top, low), (end_x, end_top, end_low) = start, end
    middle_x = (x + end_x) / 2
    points = [
        (x, top), (middle_x, top), (middle_x, end_top), (end_x, end_top),
        (end_x, end_low), (middle_x, end_low), (middle_x, low), (x, low), (x, top),
    ]  # fmt: skip
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    axes.add_patch(PathPatch(Path(points, codes), facecolor=BAND_COLOR, edgecolor="none", zorder=1))


MapPoint = tuple[float, float]
"""Distance right and up from the lower left corner of a map, in points (1/72 inch)."""
OccupiedSpot = tuple[float, float, int]
"""A point that labels should not cover, and the penalty for it."""

EQUAL_EARTH_COEFFICIENTS = (1.340264, -0.081106, 0.000893, 0.003796)
"""Coefficients of the projection."""
CENTRAL_MERIDIAN = 11.0
"""Meridian in the middle, in degrees east."""
WEST, EAST, SOUTH, NORTH = -1.86, 2.3, -0.88, 1.22
"""Edges of a map on the projection, in radii of the earth."""
SIDE_MARGIN, COLUMN_GAP, TITLE_HEIGHT, LEGEND_HEIGHT = 0.01, 0.12, 0.21, 0.3
"""Margin beside two columns, gap between them, height of titles and of the legend, in inches."""
MAP_WIDTH = 72 * (d.WIDTH - 2 * SIDE_MARGIN - COLUMN_GAP) / 2
POINTS_PER_UNIT = MAP_WIDTH / (EAST - WEST)
MAP_HEIGHT = POINTS_PER_UNIT * (NORTH - SOUTH)
"""Width of a map, unit of the projection, and height of a map, in points (1/72 inch)."""

SHARE_STEPS = (0.2, 0.4, 0.65)
SHARE_COLORS = ("#cfe2f0", "#9cc5e3", "#4f97cc", "#0b5394")
"""Colors of shares up to the first step, from there to the second, and so on."""
LAND_COLOR = "#ececec"
FULL_LINE_WIDTH = 6.5
"""Width of the line of all supply, in points."""
LABEL_SIZE = 6.5
"""Font size of labels, in points."""


class SupplyMap(NamedTuple):
    """Content of one map: shares of supply of a material by country code, in one case, such
    as without the plan.

    ``labeled`` has the countries to label, the most important first; ``highlighted`` is the
    country whose share is marked, or empty.
    """

    material: str
    case_label: str
    shares: Mapping[str, float]
    labeled: Sequence[str]
    highlighted: str = ""


def draw_supply_maps(rows: Sequence[Sequence[SupplyMap]], home_country: str) -> d.Figure:
    """Draw the maps in two columns.

    Lines lead to ``home_country`` (a country code), if it is on the map.
    """
    from matplotlib.figure import Figure

    height = len(rows) * (TITLE_HEIGHT + MAP_HEIGHT / 72) + LEGEND_HEIGHT
    figure = Figure(figsize=(d.WIDTH, height))
    for row_index, row in enumerate(rows):
        bottom = height - (row_index + 1) * (TITLE_HEIGHT + MAP_HEIGHT / 72)
        for supply_map, left in zip(
            row, (SIDE_MARGIN, d.WIDTH - SIDE_MARGIN - MAP_WIDTH / 72), strict=False
        ):
            box = (
                left / d.WIDTH,
                bottom / height,
                MAP_WIDTH / 72 / d.WIDTH,
                MAP_HEIGHT / 72 / height,
            )
            _draw_map(figure.add_axes(box), supply_map, home_country)
    _add_legend(figure, home_country)
    return figure


def country_point(code: str) -> MapPoint | None:
    """Return the map point of a country code; None if the country is unknown or off the map."""
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
    points = {code: point for code in supply_map.shares if (point := country_point(code))}
    occupied_spots = [(*point, 20) for point in points.values()]
    if (target := country_point(home_country)) is not None:
        for code, point in points.items():
            if code != home_country:
                bend = _bend_point(point, target)
                width = FULL_LINE_WIDTH * supply_map.shares[code]
                flow_line = axes.add_patch(_flow_line(point, bend, target, width))
                label = _share_label(supply_map, code)
                text = f"{supply_map.material}, {supply_map.case_label}: {label}"
                d.set_tooltip(flow_line, text)
                occupied_spots += [
                    (*_curve_point(point, bend, target, step / 12), 5) for step in range(1, 12)
                ]
        occupied_spots.append((*target, 40))
        axes.plot(*target, **HOME_MARKER)
    for point in points.values():
        if point != target:
            axes.plot(*point, "o", color=d.INK, markersize=1.6)
    _label_countries(axes, supply_map, points, occupied_spots, home_country)
    if unmapped_countries := [code for code in supply_map.shares if code not in points]:
        text = ", ".join(_share_label(supply_map, code) for code in unmapped_countries)
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
    """Return the control point of a line that bends to the north."""
    delta_x, delta_y = end[0] - start[0], end[1] - start[1]
    bend = 0.18 if delta_x > 0 else -0.18
    return (start[0] + end[0]) / 2 - bend * delta_y, (start[1] + end[1]) / 2 + bend * delta_x


def _curve_point(start: MapPoint, bend: MapPoint, end: MapPoint, fraction: float) -> MapPoint:
    """Return the point at ``fraction`` (0 to 1) of a quadratic Bézier curve with control point
    ``bend``."""
    weights = ((1 - fraction) ** 2, 2 * fraction * (1 - fraction), fraction**2)
    x, y = (
        math.fsum(w * p[k] for w, p in zip(weights, (start, bend, end), strict=True))
        for k in (0, 1)
    )
    return x, y


def _label_countries(
    axes: d.Axes,
    supply_map: SupplyMap,
    points: Mapping[str, MapPoint],
    occupied_spots: Sequence[OccupiedSpot],
    home_country: str,
) -> None:
    """Write labels of countries, each where it covers least."""
    boxes: list[tuple[float, float, float, float]] = []
    for code in (code for code in supply_map.labeled if code in points):
        text = _share_label(supply_map, code)
        x, y = points[code]
        width = (0.64 if code == home_country else 0.56) * LABEL_SIZE * len(text) + 3
        center, distance = _find_label_position((x, y), width, boxes, occupied_spots)
        boxes.append((*center, width, LABEL_SIZE + 3))
        if distance > 6:
            axes.plot([x, center[0]], [y, center[1]], color=d.FAINT_INK, linewidth=0.5, zorder=5)
        background: dict[str, Any] = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85}
        axes.text(
            *center, text, ha="center", va="center", fontsize=LABEL_SIZE, zorder=6,
            fontweight="bold" if code == home_country else "normal",
            bbox={**background, "pad": 0.8},
        )  # fmt: skip


def _find_label_position(
    point: MapPoint,
    label_width: float,
    boxes: Sequence[tuple[float, float, float, float]],
    occupied_spots: Sequence[OccupiedSpot],
) -> tuple[MapPoint, float]:
    """Return the center of a label's box near a point, and the distance of the box from the point.

    Of the positions that overlap no other label, it is the one that covers least and is nearest.
    """
    height, lowest_cost, position = LABEL_SIZE + 3, math.inf, (point, 0.0)
    for distance in (5, 9, 15, 22, 30, 40, 52):
        for direction in range(16):
            east, north = math.cos(math.pi * direction / 8), math.sin(math.pi * direction / 8)
            x = point[0] + (distance + label_width / 2) * east
            y = point[1] + (distance + height / 2) * north
            if not (
                label_width / 2 < x < MAP_WIDTH - label_width / 2
                and height / 2 < y < MAP_HEIGHT - height / 2
            ):
                continue
            if any(abs(x - a) < (label_width + w) / 2 and abs(y - b) < (height + h) / 2
                   for a, b, w, h in boxes):  # fmt: skip
                continue
            cost = distance + sum(
                weight
                for a, b, weight in occupied_spots
                if abs(x - a) < label_width / 2 + 2 and abs(y - b) < height / 2 + 2
            )
            leader_points = [
                (point[0] + (x - point[0]) * fraction, point[1] + (y - point[1]) * fraction)
                for fraction in (0.3, 0.6)
            ]
            cost += sum(
                weight
                for a, b, weight in occupied_spots
                if (a, b) != point and any(math.hypot(a - c, b - e) < 4 for c, e in leader_points)
            )
            if cost < lowest_cost:
                lowest_cost, position = cost, ((x, y), float(distance))
    return position


def _add_legend(figure: d.Figure, home_country: str) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    step_texts = [format_number(100 * step) for step in SHARE_STEPS]
    names = [
        tr("under {share} %", share=step_texts[0]),
        *(f"{low}–{high}\u00a0%" for low, high in pairwise(step_texts)),
        tr("from {share} %", share=step_texts[-1]),
    ]
    legend_handles: list[Any] = [Patch(facecolor=color, edgecolor=d.GREY) for color in SHARE_COLORS]
    if country_point(home_country) is not None:
        names += [format_rounded_percent(share) for share in (0.1, 0.5)] + [
            country_name(home_country)
        ]
        legend_handles += [
            Line2D([], [], linewidth=FULL_LINE_WIDTH * share, color=FLOW_STYLE["color"])
            for share in (0.1, 0.5)
        ]
        legend_handles.append(Line2D([], [], **HOME_MARKER))
    figure.legend(
        legend_handles, names, loc="lower left", ncols=len(names), borderpad=0, columnspacing=1.4
    )


class _CountryShape(NamedTuple):
    point: MapPoint
    outlines: Sequence[Sequence[MapPoint]]


@cache
def _country_shapes() -> dict[str, _CountryShape]:
    """Return the point and outlines of each country by its code; points may lie off the map."""
    text = (files("optimizer.report.charts") / "world.json").read_text(encoding="utf-8")

    def map_points(half_degrees: Sequence[int]) -> Iterator[MapPoint]:
        for east, north in zip(half_degrees[::2], half_degrees[1::2], strict=True):
            x, y = project_equal_earth(east / 2 - CENTRAL_MERIDIAN, north / 2)
            yield round(POINTS_PER_UNIT * (x - WEST), 1), round(POINTS_PER_UNIT * (y - SOUTH), 1)

    return {
        code: _CountryShape(
            next(map_points(shape["point"])), [list(map_points(ring)) for ring in shape["outlines"]]
        )
        for code, shape in json.loads(text).items()
    }


def project_equal_earth(east: float, north: float) -> MapPoint:
    """Return the Equal Earth projection of a point.

    ``east`` and ``north`` are degrees from the central meridian and from the equator.
    """
    a, b, c, e = EQUAL_EARTH_COEFFICIENTS
    t = math.asin(math.sqrt(3) / 2 * math.sin(math.radians(north)))
    slope = 9 * e * t**8 + 7 * c * t**6 + 3 * b * t**2 + a
    x = 2 * math.sqrt(3) * math.radians(east) * math.cos(t) / (3 * slope)
    return x, e * t**9 + c * t**7 + b * t**3 + a * t


def _draw_country(axes: d.Axes, code: str, color: str) -> None:
    """Draw the area of a country, or of all land if ``code`` is empty.

    It is drawn as a marker, since an SVG file stores the outline of a marker only once.
    """
    if (path := _country_outline(code)) is not None:
        # Matplotlib scales a marker by half its size: this keeps points as they are.
        size = 2 * abs(path.vertices).max()
        marker_style = {"markersize": size, "mfc": color, "mec": "white", "mew": 0.3}
        axes.plot(0, 0, marker=path, zorder=1 + bool(code), **marker_style)


@cache
def _country_outline(code: str) -> Any:
    """Return the outline of a country, or of all land if ``code`` is empty, as a path; None if it
    is off the map."""
    from matplotlib.path import Path

    shapes = (
        [_country_shapes()[code]]
        if code in _country_shapes()
        else []
        if code
        else _country_shapes().values()
    )
    rings = [
        ring
        for shape in shapes
        for ring in shape.outlines
        if any(0 < x < MAP_WIDTH and 0 < y < MAP_HEIGHT for x, y in ring)
    ]
    closed_paths = [Path([*ring, ring[0]], closed=True) for ring in rings]
    return Path.make_compound_path(*closed_paths) if closed_paths else None
