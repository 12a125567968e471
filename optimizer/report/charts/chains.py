"""Charts of chains: what flows from form to form, undisturbed and in bad states."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d
from optimizer.report.number_format import format_rounded, format_rounded_percent

BAR_WIDTH, BAR_HEIGHT, SLOT_HEIGHT = 0.055, 0.46, 1.0
"""Width of a bar in columns, its height at most in slots, and a slot."""
TEXT_SIZE = 6.3
TEXT_BACKGROUND = {"facecolor": "white", "edgecolor": "none", "pad": 0.2, "alpha": 0.75}
"""Keeps a text readable on a band."""
MAX_NAME_LETTERS = 30
"""Letters of a name at most."""
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
"""Of what the market supplies, what is made, projects, stocks, and what is missing."""


class FormBalance(NamedTuple):
    """A form in one panel: where its tonnes come from, in the order of the looks, what is demanded
    of it, and how often it lacks, or plants for it, where that is worth a mark."""

    source_tonnes: tuple[float, float, float, float, float]
    demand: float
    bottleneck_share: float | None = None
    plant_bottleneck_share: float | None = None


class ConversionBand(NamedTuple):
    """Tonnes of a form that are taken in for another, and the tonnes of that they go with."""

    input_form: str
    output_form: str
    input_t: float
    output_t: float


class FlowPanel(NamedTuple):
    """All forms at once, by id, and what flows between them."""

    title: str
    forms: Mapping[str, FormBalance]
    bands: Sequence[ConversionBand]


def flow_panels(
    names: Mapping[str, str], links: Sequence[tuple[str, str]], panels: Sequence[FlowPanel]
) -> d.Figure:
    """One panel above the other; forms by id and name, and which is made into which."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    place, rows = _form_layout(list(names), links)
    drawn, grid = d.new_figure(
        0.5 + len(panels) * (0.3 + 0.6 * rows), len(panels), 1, squeeze=False
    )
    full = {
        m: max((sum(p.forms[m].source_tonnes) for p in panels), default=0.0) or 1.0 for m in names
    }
    for axes, panel in zip(grid.flat, panels, strict=True):
        axes.set_title(panel.title, pad=2)
        axes.set_xlim(-0.12, max(x for x, _ in place.values()) + 0.62)
        axes.set_ylim(rows * SLOT_HEIGHT - 0.26, -0.40)
        axes.set_axis_off()
        _draw_panel(axes, panel, names, place, full)
    handles: list[Any] = [Patch(**look) for look in (*SOURCE_STYLES, FRAME_STYLE)]
    says = [tr("market"), tr("made of other forms"), tr("projects"), tr("stocks"), tr("missing")]
    says.append(tr("frame: the most of all rows"))
    handles.append(Line2D([], [], marker="^", markersize=4, color=d.RED, linestyle="none"))
    says.append(tr("bottleneck, share of short states"))
    drawn.legend(handles, says, loc="outside upper left", ncols=3)
    return drawn


def _form_layout(
    names: Sequence[str], links: Sequence[tuple[str, str]]
) -> tuple[dict[str, tuple[float, float]], int]:
    """Column and top of each form, as far right as what is made of it allows; slots in all."""
    behind = dict.fromkeys(names, 0)
    for _ in names:
        for taken, made in links:
            behind[taken] = max(behind[taken], behind[made] + 1)
    last = max(behind.values())
    columns = [[m for m in names if behind[m] == last - x] for x in range(last + 1)]
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
    begins = {m: positions[m][1] for m in names}  # where the next band leaves a bar
    lands = {
        m: positions[m][1] + BAR_HEIGHT * panel.forms[m].source_tonnes[0] / full_tonnes[m]
        for m in names
    }
    shares = _output_shares(panel.bands)
    for band, share in zip(panel.bands, shares, strict=True):
        (x, _), (to, _) = positions[band.input_form], positions[band.output_form]
        leave, land = (
            BAR_HEIGHT * band.input_t / full_tonnes[band.input_form],
            BAR_HEIGHT
            * share
            * panel.forms[band.output_form].source_tonnes[1]
            / full_tonnes[band.output_form],
        )
        if leave > 0:
            left, right = begins[band.input_form], lands[band.output_form]
            _draw_band(axes, (x + BAR_WIDTH, left, left + leave), (to, right, right + land))
        begins[band.input_form] += leave
        lands[band.output_form] += land
    for m, form in panel.forms.items():
        _draw_bar(axes, names[m], form, positions[m], full_tonnes[m])


def _output_shares(bands: Sequence[ConversionBand]) -> Iterator[float]:
    """Which part of what is made each band stands for: inputs of a form share it out."""
    total: dict[str, float] = {}
    for band in bands:
        total[band.output_form] = total.get(band.output_form, 0.0) + band.output_t
    return (
        band.output_t / total[band.output_form] if total[band.output_form] else 0.0
        for band in bands
    )


def _draw_bar(
    axes: d.Axes, name: str, form: FormBalance, position: tuple[float, float], full_tonnes: float
) -> None:
    from matplotlib.patches import Rectangle

    x, top = position
    end, used = top, sum(form.source_tonnes) - form.source_tonnes[-1]
    axes.add_patch(Rectangle((x, top), BAR_WIDTH, BAR_HEIGHT, **FRAME_STYLE))
    for tonnes, look in zip(form.source_tonnes, SOURCE_STYLES, strict=True):
        if tonnes > 0:
            high = BAR_HEIGHT * tonnes / full_tonnes
            axes.add_patch(Rectangle((x, end), BAR_WIDTH, high, linewidth=0.3, zorder=3, **look))
            end += high
    short = name if len(name) <= MAX_NAME_LETTERS else f"{name[: MAX_NAME_LETTERS - 1].rstrip()}…"
    plain: dict[str, Any] = {
        "fontsize": TEXT_SIZE,
        "va": "bottom",
        "zorder": 4,
        "bbox": TEXT_BACKGROUND,
    }
    axes.text(x, top - 0.17, short, fontweight="bold", **plain)
    said = f"{format_rounded(used)} {tr('t')}"
    if form.source_tonnes[-1] > 0:
        said = tr(
            "{tonnes} t, {missing} t missing",
            tonnes=format_rounded(used),
            missing=format_rounded(form.source_tonnes[-1]),
        )
    axes.text(x, top - 0.03, said, **plain)
    marks = [
        f"▲ {what}: {format_rounded_percent(share)}"
        for what, share in (
            (tr("plants"), form.plant_bottleneck_share),
            (tr("tonnes"), form.bottleneck_share),
        )
        if share is not None
    ]
    for line, mark in enumerate(marks):
        below = top + BAR_HEIGHT + 0.02 + 0.14 * line
        axes.text(x, below, mark, fontsize=TEXT_SIZE, va="top", color=d.RED, zorder=4)


def _draw_band(
    axes: d.Axes, start: tuple[float, float, float], end: tuple[float, float, float]
) -> None:
    """A band between two bars: place, top and bottom of either end."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    (x, top, low), (to, end_top, end_low) = start, end
    half = (x + to) / 2
    points = [
        (x, top), (half, top), (half, end_top), (to, end_top),
        (to, end_low), (half, end_low), (half, low), (x, low), (x, top),
    ]  # fmt: skip
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    axes.add_patch(PathPatch(Path(points, codes), facecolor=BAND_COLOR, edgecolor="none", zorder=1))
