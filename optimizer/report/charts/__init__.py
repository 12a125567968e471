"""Charts of reports: static, deterministic, and readable without color.

Matplotlib draws a chart on request, as SVG for a page, or as SVG and PNG files for a word
processor. Texts come from scenarios and are not interpreted.
"""

from optimizer.report.charts.drawing import Chart

__all__ = ["Chart"]
