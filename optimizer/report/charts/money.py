"""Chart of yearly amounts of money."""

from collections.abc import Sequence

from optimizer.report.charts import drawing as d
from optimizer.report.number_format import format_column, format_number


def stacked_year_bars(
    years: Sequence[int], series: Sequence[tuple[str, d.Floats]], unit: str, height: float = 2.7
) -> d.Figure:
    """Draw one stacked bar for each year, with its total above it."""
    figure, axes = d.new_figure(height)
    totals = [0.0] * len(years)
    for (name, values), (color, hatch) in zip(series, d.SERIES_STYLES, strict=False):
        style = {"color": color, "hatch": hatch, "edgecolor": "white", "width": 0.78}
        axes.bar(years, values, bottom=totals, label=name, **style)
        totals = [low + value for low, value in zip(totals, values, strict=True)]
    max_total = max(totals, default=0.0)
    # Formatted as in the table below: without decimals where none are needed.
    texts = (
        [format_number(total, 0) for total in totals] if max_total >= 100 else format_column(totals)
    )
    for year, total, text in zip(years, totals, texts, strict=True):
        if total > max_total / 1000 and len(years) <= 20:
            axes.text(year, total + max_total * 0.015, text, ha="center", va="bottom", fontsize=6.5)
    d.set_year_axis(axes, list(years))
    d.set_number_axis(axes)
    axes.set_ylabel(unit)
    axes.margins(x=0.01)
    axes.set_ylim(0, max(max_total, 1e-9) * 1.12)
    figure.legend(loc="outside upper left", ncols=3)
    return figure
