"""Charts in which nothing is drawn: drawing takes most of the time of a page."""

from __future__ import annotations

import io

from PIL import Image

from optimizer.report.charts.drawing import WIDTH, Chart


def empty_svg(chart: Chart, with_tooltips: bool = False) -> str:
    """Its element with its id alone."""
    return f'<svg viewBox="0 0 1 1" id="chart-{chart.name}" ></svg>'


def empty_png(chart: Chart) -> bytes:
    """A blank picture of the width of a chart, a tenth of its resolution."""
    picture = io.BytesIO()
    Image.new("RGB", (round(30 * WIDTH), 90), "white").save(picture, "PNG", dpi=(30, 30))
    return picture.getvalue()
