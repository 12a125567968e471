"""Charts of damage, with and without the plan."""

from collections.abc import Sequence

from models.language import tr
from optimizer.report.charts import drawing as d
from optimizer.report.number_format import format_column, format_percent

NamedValuePairs = Sequence[tuple[str, float, float]]
"""Named pairs of figures, such as without and with the plan."""


def exceedance_curves(
    levels: d.Floats,
    without_plan: d.Floats,
    with_plan: d.Floats,
    named_pairs: NamedValuePairs,
    unit: str,
) -> d.Figure:
    """Draw exceedance curves of the outcome without and with the plan, and pairs of bars beside
    them.

    ``levels`` are cumulative probabilities; ``named_pairs`` has the name and the two figures of
    each pair of bars.
    """
    figure, (axes, bar_axes) = d.new_figure(2.9, 1, 2, width_ratios=[1.9, 1])
    percentages = [100 * (1 - level) for level in levels]
    without_label, with_label = tr("Without plan"), tr("With plan")
    axes.step(
        without_plan, percentages, color=d.INK, where="post", linestyle="--", label=without_label
    )
    axes.step(with_plan, percentages, color=d.BLUE, where="post", linewidth=2, label=with_label)
    axes.set_ylim(0, 100)
    axes.set_xlim(left=0)
    axes.set_yticks([0, 25, 50, 75, 100], [format_percent(y / 100) for y in (0, 25, 50, 75, 100)])
    d.set_number_axis(axes, "x")
    axes.grid(axis="y")
    axes.set_xlabel(unit)
    axes.set_title(tr("Chance of more than this"))
    axes.legend(loc="upper right")
    names, damage_without, damage_with = zip(*named_pairs, strict=True)
    for values, shift, style in (
        (damage_without, -0.2, ("white", d.HATCH_PATTERN, d.INK)),
        (damage_with, 0.2, (d.BLUE, "", d.BLUE)),
    ):
        d.horizontal_bars(
            bar_axes, [n + shift for n in range(len(named_pairs))], values, 0.36, *style
        )
        d.label_bar_ends(bar_axes, format_column(values), values, shift)
    d.set_row_labels(bar_axes, names, bottom_margin=0.5, top_margin=0.5)
    bar_axes.set_xlim(0, max([*damage_without, *damage_with, 1e-9]) * 1.3)
    bar_axes.set_xticks([])
    bar_axes.spines["bottom"].set_visible(False)
    return figure


def with_and_without_bars(
    names: Sequence[str], without_plan: Sequence[float], with_plan: Sequence[float], unit: str
) -> d.Figure:
    """Draw two bars for each name: a hollow one without the plan, a filled one with it."""
    figure, axes = d.new_figure(0.75 + 0.19 * len(names))
    positions = range(len(names))
    frame_style = {"linewidth": 0.6, "label": tr("Without plan")}
    d.horizontal_bars(
        axes, positions, without_plan, 0.72, "white", d.HATCH_PATTERN, d.INK, **frame_style
    )
    d.horizontal_bars(axes, positions, with_plan, 0.42, d.BLUE, label=tr("With plan"))
    pairs = zip(format_column(without_plan), format_column(with_plan), strict=True)
    texts = [f"{damage_without} → {damage_with}" for damage_without, damage_with in pairs]
    d.label_bar_ends(axes, texts, list(map(max, without_plan, with_plan)))
    axes.set_xlim(0, max([*without_plan, *with_plan, 1e-9]) * 1.2)
    d.set_row_labels(axes, names, unit)
    figure.legend(loc="outside upper left", ncols=2)
    return figure


def event_count_bars(rows: NamedValuePairs) -> d.Figure:
    """Draw two bars for each number of events in a year.

    The filled bar is the share of years in the sampled states; the hollow bar is the share that
    independent events would have.
    """
    figure, axes = d.new_figure(0.5 + 0.3 * len(rows))
    names, *series = zip(*rows, strict=True)
    styles = ((d.BLUE,), ("white", d.HATCH_PATTERN, d.INK))
    labels = tr("As drawn"), tr("If events were independent")
    for values, shift, style, label in zip(series, (-0.2, 0.2), styles, labels, strict=True):
        positions = [n + shift for n in range(len(rows))]
        bars = d.horizontal_bars(axes, positions, values, 0.36, *style, label=label)
        for bar, name, value in zip(bars, names, values, strict=True):
            d.set_tooltip(bar, f"{name}, {label}: {format_percent(value)}")
        d.label_bar_ends(axes, list(map(format_percent, values)), values, shift)
    d.set_row_labels(axes, names)
    axes.set_xlim(0, max([*series[0], *series[1], 1e-9]) * 1.1)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    figure.legend(loc="outside upper left", ncols=2)
    return figure


def paired_bars(
    names: Sequence[str],
    values_by_panel: tuple[d.Floats, d.Floats],
    titles: tuple[str, str],
    highlighted: int = -1,
) -> d.Figure:
    """Draw one bar for each name in each of two panels, which have titles and separate scales.

    ``highlighted`` is the index of the name in a different color, by default the last.
    """
    figure, panels = d.new_figure(0.5 + 0.15 * len(names), 1, 2, sharey=True)
    colors = [d.GREY] * len(names)
    colors[highlighted] = d.BLUE
    for axes, values, title in zip(panels, values_by_panel, titles, strict=True):
        for position, (value, color) in enumerate(zip(values, colors, strict=True)):
            d.horizontal_bars(axes, [position], [value], 0.66, color)
        d.label_bar_ends(axes, format_column(list(values)), values, font_size=7)
        axes.set_title(title)
        d.set_row_labels(axes, names)
        axes.set_xlim(0, max([*values, 1e-9]) * 1.2)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
    return figure
