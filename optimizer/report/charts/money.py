"""Charts of money over the years."""

from collections.abc import Sequence

from optimizer.report.charts import drawing as d
from optimizer.report.number_format import format_column, format_number


def stacked_year_bars(
    years: Sequence[int], series: Sequence[tuple[str, d.Floats]], unit: str, height: float = 2.7
) -> d.Figure:
    """Bars of the years, each series on top of the one before, with totals above."""
    drawn, axes = d.new_figure(height)
    below = [0.0] * len(years)
    for (name, values), (colour, hatch) in zip(series, d.SERIES_STYLES, strict=False):
        look = {"color": colour, "hatch": hatch, "edgecolor": "white", "width": 0.78}
        axes.bar(years, values, bottom=below, label=name, **look)
        below = [low + value for low, value in zip(below, values, strict=True)]
    most = max(below, default=0.0)
    # As the table below writes them: without decimals where one needs none.
    texts = [format_number(total, 0) for total in below] if most >= 100 else format_column(below)
    for year, total, text in zip(years, below, texts, strict=True):
        if total > most / 1000 and len(years) <= 20:
            axes.text(year, total + most * 0.015, text, ha="center", va="bottom", fontsize=6.5)
    d.set_year_axis(axes, list(years))
    d.set_number_axis(axes)
    axes.set_ylabel(unit)
    axes.margins(x=0.01)
    axes.set_ylim(0, max(most, 1e-9) * 1.12)
    drawn.legend(loc="outside upper left", ncols=3)
    return drawn
