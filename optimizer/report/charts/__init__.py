"""Charts of reports: static, deterministic, and readable without color.

Matplotlib draws a chart when it is requested: as SVG for a page, or as SVG and PNG files for a word
processor. Texts come from scenario files and are not interpreted as markup.
"""

from optimizer.report.charts.drawing import Chart

__all__ = ["Chart"]
