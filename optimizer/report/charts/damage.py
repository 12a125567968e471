"""Charts of what is lost, with and without the plan."""

from collections.abc import Sequence

from models.language import tr
from optimizer.report.charts import drawing as d
from optimizer.report.figures import column, percent

Marks = Sequence[tuple[str, float, float]]
"""Named figures: without and with the plan, or two others."""


def exceedance(
    levels: d.Floats, without_plan: d.Floats, with_plan: d.Floats, marks: Marks, unit: str
) -> d.Figure:
    """Chance that the outcome is higher than a value, with and without the plan; marks beside."""
    drawn, (axes, beside) = d.figure(2.9, 1, 2, width_ratios=[1.9, 1])
    chance = [100 * (1 - level) for level in levels]
    without, within = tr("Without plan"), tr("With plan")
    axes.step(without_plan, chance, color=d.INK, where="post", linestyle="--", label=without)
    axes.step(with_plan, chance, color=d.BLUE, where="post", linewidth=2, label=within)
    axes.set_ylim(0, 100)
    axes.set_xlim(left=0)
    axes.set_yticks([0, 25, 50, 75, 100], [percent(y / 100) for y in (0, 25, 50, 75, 100)])
    d.numbers_beside(axes, "x")
    axes.grid(axis="y")
    axes.set_xlabel(unit)
    axes.set_title(tr("Chance of more than this"))
    axes.legend(loc="upper right")
    names, before, after = zip(*marks, strict=True)
    for values, shift, style in (
        (before, -0.2, ("white", d.HATCH, d.INK)),
        (after, 0.2, (d.BLUE, "", d.BLUE)),
    ):
        d.bars(beside, [n + shift for n in range(len(marks))], values, 0.36, *style)
        d.labels(beside, column(values), values, shift)
    d.rows_beside(beside, names, below=0.5, above=0.5)
    beside.set_xlim(0, max([*before, *after, 1e-9]) * 1.3)
    beside.set_xticks([])
    beside.spines["bottom"].set_visible(False)
    return drawn


def compared(
    names: Sequence[str], without_plan: Sequence[float], with_plan: Sequence[float], unit: str
) -> d.Figure:
    """Bars of two figures a name: a hollow one without the plan, a full one within it."""
    drawn, axes = d.figure(0.75 + 0.19 * len(names))
    places = range(len(names))
    framed = {"linewidth": 0.6, "label": tr("Without plan")}
    d.bars(axes, places, without_plan, 0.72, "white", d.HATCH, d.INK, **framed)
    d.bars(axes, places, with_plan, 0.42, d.BLUE, label=tr("With plan"))
    pairs = zip(column(without_plan), column(with_plan), strict=True)
    texts = [f"{before} → {after}" for before, after in pairs]
    d.labels(axes, texts, list(map(max, without_plan, with_plan)))
    axes.set_xlim(0, max([*without_plan, *with_plan, 1e-9]) * 1.2)
    d.rows_beside(axes, names, unit)
    drawn.legend(loc="outside upper left", ncols=2)
    return drawn


def clustered(rows: Marks) -> d.Figure:
    """Two bars a number of events in a year: its share as drawn, and below it, hollow, what it
    would be if events were independent."""
    drawn, axes = d.figure(0.5 + 0.3 * len(rows))
    names, *sides = zip(*rows, strict=True)
    looks = ((d.BLUE,), ("white", d.HATCH, d.INK))
    labels = tr("As drawn"), tr("If events were independent")
    for values, shift, look, label in zip(sides, (-0.2, 0.2), looks, labels, strict=True):
        places = [n + shift for n in range(len(rows))]
        shown = d.bars(axes, places, values, 0.36, *look, label=label)
        for bar, name, value in zip(shown, names, values, strict=True):
            d.tell(bar, f"{name}, {label}: {percent(value)}")
        d.labels(axes, list(map(percent, values)), values, shift)
    d.rows_beside(axes, names)
    axes.set_xlim(0, max([*sides[0], *sides[1], 1e-9]) * 1.1)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    drawn.legend(loc="outside upper left", ncols=2)
    return drawn


def against(
    names: Sequence[str], sides: tuple[d.Floats, d.Floats], titles: tuple[str, str], own: int = -1
) -> d.Figure:
    """Two bars a name, side by side on scales of their own; the ``own`` name stands out, which is
    the last one if not given."""
    drawn, panels = d.figure(0.5 + 0.15 * len(names), 1, 2, sharey=True)
    colours = [d.GREY] * len(names)
    colours[own] = d.BLUE
    for axes, values, title in zip(panels, sides, titles, strict=True):
        for place, (value, colour) in enumerate(zip(values, colours, strict=True)):
            d.bars(axes, [place], [value], 0.66, colour)
        d.labels(axes, column(list(values)), values, size=7)
        axes.set_title(title)
        d.rows_beside(axes, names)
        axes.set_xlim(0, max([*values, 1e-9]) * 1.2)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
    return drawn
