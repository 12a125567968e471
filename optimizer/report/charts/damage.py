"""Charts of what is lost, with and without the plan."""

from collections.abc import Sequence

from models.language import tr
from optimizer.report.charts import drawing as d
from optimizer.report.number_format import format_column, format_percent

NamedPairs = Sequence[tuple[str, float, float]]
"""Named figures: without and with the plan, or two others."""


def exceedance_curves(
    levels: d.Floats,
    without_plan: d.Floats,
    with_plan: d.Floats,
    named_pairs: NamedPairs,
    unit: str,
) -> d.Figure:
    """Chance that the outcome is higher than a value, with and without the plan; marks beside."""
    drawn, (axes, beside) = d.new_figure(2.9, 1, 2, width_ratios=[1.9, 1])
    chance = [100 * (1 - level) for level in levels]
    without, within = tr("Without plan"), tr("With plan")
    axes.step(without_plan, chance, color=d.INK, where="post", linestyle="--", label=without)
    axes.step(with_plan, chance, color=d.BLUE, where="post", linewidth=2, label=within)
    axes.set_ylim(0, 100)
    axes.set_xlim(left=0)
    axes.set_yticks([0, 25, 50, 75, 100], [format_percent(y / 100) for y in (0, 25, 50, 75, 100)])
    d.set_number_axis(axes, "x")
    axes.grid(axis="y")
    axes.set_xlabel(unit)
    axes.set_title(tr("Chance of more than this"))
    axes.legend(loc="upper right")
    names, before, after = zip(*named_pairs, strict=True)
    for values, shift, style in (
        (before, -0.2, ("white", d.HATCH_PATTERN, d.INK)),
        (after, 0.2, (d.BLUE, "", d.BLUE)),
    ):
        d.horizontal_bars(
            beside, [n + shift for n in range(len(named_pairs))], values, 0.36, *style
        )
        d.label_bar_ends(beside, format_column(values), values, shift)
    d.set_row_labels(beside, names, bottom_margin=0.5, top_margin=0.5)
    beside.set_xlim(0, max([*before, *after, 1e-9]) * 1.3)
    beside.set_xticks([])
    beside.spines["bottom"].set_visible(False)
    return drawn


def with_and_without_bars(
    names: Sequence[str], without_plan: Sequence[float], with_plan: Sequence[float], unit: str
) -> d.Figure:
    """Bars of two figures a name: a hollow one without the plan, a full one within it."""
    drawn, axes = d.new_figure(0.75 + 0.19 * len(names))
    places = range(len(names))
    framed = {"linewidth": 0.6, "label": tr("Without plan")}
    d.horizontal_bars(axes, places, without_plan, 0.72, "white", d.HATCH_PATTERN, d.INK, **framed)
    d.horizontal_bars(axes, places, with_plan, 0.42, d.BLUE, label=tr("With plan"))
    pairs = zip(format_column(without_plan), format_column(with_plan), strict=True)
    texts = [f"{before} → {after}" for before, after in pairs]
    d.label_bar_ends(axes, texts, list(map(max, without_plan, with_plan)))
    axes.set_xlim(0, max([*without_plan, *with_plan, 1e-9]) * 1.2)
    d.set_row_labels(axes, names, unit)
    drawn.legend(loc="outside upper left", ncols=2)
    return drawn


def event_count_bars(rows: NamedPairs) -> d.Figure:
    """Two bars a number of events in a year: its share as drawn, and below it, hollow, what it
    would be if events were independent."""
    drawn, axes = d.new_figure(0.5 + 0.3 * len(rows))
    names, *sides = zip(*rows, strict=True)
    looks = ((d.BLUE,), ("white", d.HATCH_PATTERN, d.INK))
    labels = tr("As drawn"), tr("If events were independent")
    for values, shift, look, label in zip(sides, (-0.2, 0.2), looks, labels, strict=True):
        places = [n + shift for n in range(len(rows))]
        shown = d.horizontal_bars(axes, places, values, 0.36, *look, label=label)
        for bar, name, value in zip(shown, names, values, strict=True):
            d.set_tooltip(bar, f"{name}, {label}: {format_percent(value)}")
        d.label_bar_ends(axes, list(map(format_percent, values)), values, shift)
    d.set_row_labels(axes, names)
    axes.set_xlim(0, max([*sides[0], *sides[1], 1e-9]) * 1.1)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    drawn.legend(loc="outside upper left", ncols=2)
    return drawn


def paired_bars(
    names: Sequence[str],
    sides: tuple[d.Floats, d.Floats],
    titles: tuple[str, str],
    highlighted: int = -1,
) -> d.Figure:
    """Two bars a name, side by side on scales of their own; the ``own`` name stands out, which is
    the last one if not given."""
    drawn, panels = d.new_figure(0.5 + 0.15 * len(names), 1, 2, sharey=True)
    colours = [d.GREY] * len(names)
    colours[highlighted] = d.BLUE
    for axes, values, title in zip(panels, sides, titles, strict=True):
        for place, (value, colour) in enumerate(zip(values, colours, strict=True)):
            d.horizontal_bars(axes, [place], [value], 0.66, colour)
        d.label_bar_ends(axes, format_column(list(values)), values, font_size=7)
        axes.set_title(title)
        d.set_row_labels(axes, names)
        axes.set_xlim(0, max([*values, 1e-9]) * 1.2)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
    return drawn
