"""Chart of the flows between the forms of a chain, undisturbed and in bad states."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d
from optimizer.report.number_format import format_rounded, format_rounded_percent

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
