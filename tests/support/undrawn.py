"""Charts in which nothing is drawn: drawing takes most of the time of a page."""

from __future__ import annotations

from optimizer.report.charts.drawing import Chart


def empty_svg(chart: Chart, told: bool = False) -> str:
    """Its element with its id alone."""
    return f'<svg id="chart-{chart.name}" ></svg>'
