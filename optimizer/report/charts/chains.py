"""Charts of chains: what flows from form to form, undisturbed and in bad states."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from models.language import tr
from optimizer.report.charts import drawing as d
from optimizer.report.figures import rounded, rounded_percent

BAR, FULL, SLOT = 0.055, 0.46, 1.0
"""Width of a bar in columns, its height at most in slots, and a slot."""
TEXT = 6.3
BEHIND = {"facecolor": "white", "edgecolor": "none", "pad": 0.2, "alpha": 0.75}
"""Keeps a text readable on a band."""
LONGEST = 30
"""Letters of a name at most."""
LIGHT = "#a9cce6"
MISSING: dict[str, Any] = {"facecolor": "white", "hatch": "xxxxx", "edgecolor": d.RED}
FRAME: dict[str, Any] = {"facecolor": "white", "edgecolor": d.GREY, "linewidth": 0.4}
LOOKS: tuple[dict[str, Any], ...] = (
    {"facecolor": d.GREY, "edgecolor": "white"},
    {"facecolor": d.BLUE, "edgecolor": "white"},
    {"facecolor": d.GREEN, "edgecolor": "white", "hatch": "////"},
    {"facecolor": d.ORANGE, "edgecolor": "white", "hatch": "||||"},
    MISSING,
)
"""Of what the market supplies, what is made, projects, stocks, and what is missing."""


class Form(NamedTuple):
    """A form in one panel: where its tonnes come from, in the order of the looks, what is demanded
    of it, and how often it lacks, or plants for it, where that is worth a mark."""

    comes: tuple[float, float, float, float, float]
    demand: float
    lacks: float | None = None
    plants_lack: float | None = None


class Band(NamedTuple):
    """Tonnes of a form that are taken in for another, and the tonnes of that they go with."""

    taken: str
    made: str
    taken_t: float
    made_t: float


class Panel(NamedTuple):
    """All forms at once, by id, and what flows between them."""

    title: str
    forms: Mapping[str, Form]
    bands: Sequence[Band]


def flows(
    names: Mapping[str, str], links: Sequence[tuple[str, str]], panels: Sequence[Panel]
) -> d.Figure:
    """One panel above the other; forms by id and name, and which is made into which."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    place, rows = _places(list(names), links)
    drawn, grid = d.figure(0.5 + len(panels) * (0.3 + 0.6 * rows), len(panels), 1, squeeze=False)
    full = {m: max((sum(p.forms[m].comes) for p in panels), default=0.0) or 1.0 for m in names}
    for axes, panel in zip(grid.flat, panels, strict=True):
        axes.set_title(panel.title, pad=2)
        axes.set_xlim(-0.12, max(x for x, _ in place.values()) + 0.62)
        axes.set_ylim(rows * SLOT - 0.26, -0.40)
        axes.set_axis_off()
        _panel(axes, panel, names, place, full)
    handles: list[Any] = [Patch(**look) for look in (*LOOKS, FRAME)]
    says = [tr("market"), tr("made of other forms"), tr("projects"), tr("stocks"), tr("missing")]
    says.append(tr("frame: the most of all rows"))
    handles.append(Line2D([], [], marker="^", markersize=4, color=d.RED, linestyle="none"))
    says.append(tr("bottleneck, share of short states"))
    drawn.legend(handles, says, loc="outside upper left", ncols=3)
    return drawn


def _places(
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
        m: (float(x), (rows - len(column)) / 2 * SLOT + n * SLOT)
        for x, column in enumerate(columns)
        for n, m in enumerate(column)
    }, rows


def _panel(
    axes: d.Axes,
    panel: Panel,
    names: Mapping[str, str],
    place: Mapping[str, tuple[float, float]],
    full: Mapping[str, float],
) -> None:
    begins = {m: place[m][1] for m in names}  # where the next band leaves a bar
    lands = {m: place[m][1] + FULL * panel.forms[m].comes[0] / full[m] for m in names}
    shares = _landing(panel.bands)
    for band, share in zip(panel.bands, shares, strict=True):
        (x, _), (to, _) = place[band.taken], place[band.made]
        leave, land = (
            FULL * band.taken_t / full[band.taken],
            FULL * share * panel.forms[band.made].comes[1] / full[band.made],
        )
        if leave > 0:
            left, right = begins[band.taken], lands[band.made]
            _ribbon(axes, (x + BAR, left, left + leave), (to, right, right + land))
        begins[band.taken] += leave
        lands[band.made] += land
    for m, form in panel.forms.items():
        _bar(axes, names[m], form, place[m], full[m])


def _landing(bands: Sequence[Band]) -> Iterator[float]:
    """Which part of what is made each band stands for: inputs of a form share it out."""
    total: dict[str, float] = {}
    for band in bands:
        total[band.made] = total.get(band.made, 0.0) + band.made_t
    return (band.made_t / total[band.made] if total[band.made] else 0.0 for band in bands)


def _bar(axes: d.Axes, name: str, form: Form, at: tuple[float, float], full: float) -> None:
    from matplotlib.patches import Rectangle

    x, top = at
    end, used = top, sum(form.comes) - form.comes[-1]
    axes.add_patch(Rectangle((x, top), BAR, FULL, **FRAME))
    for tonnes, look in zip(form.comes, LOOKS, strict=True):
        if tonnes > 0:
            high = FULL * tonnes / full
            axes.add_patch(Rectangle((x, end), BAR, high, linewidth=0.3, zorder=3, **look))
            end += high
    short = name if len(name) <= LONGEST else f"{name[: LONGEST - 1].rstrip()}…"
    plain: dict[str, Any] = {"fontsize": TEXT, "va": "bottom", "zorder": 4, "bbox": BEHIND}
    axes.text(x, top - 0.17, short, fontweight="bold", **plain)
    said = f"{rounded(used)} {tr('t')}"
    if form.comes[-1] > 0:
        said = tr(
            "{tonnes} t, {missing} t missing", tonnes=rounded(used), missing=rounded(form.comes[-1])
        )
    axes.text(x, top - 0.03, said, **plain)
    marks = [
        f"▲ {what}: {rounded_percent(share)}"
        for what, share in ((tr("plants"), form.plants_lack), (tr("tonnes"), form.lacks))
        if share is not None
    ]
    for line, mark in enumerate(marks):
        below = top + FULL + 0.02 + 0.14 * line
        axes.text(x, below, mark, fontsize=TEXT, va="top", color=d.RED, zorder=4)


def _ribbon(
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
    axes.add_patch(PathPatch(Path(points, codes), facecolor=LIGHT, edgecolor="none", zorder=1))
