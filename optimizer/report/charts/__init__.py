"""Charts of reports: static, the same for the same plan, and readable without colour.

A chart is drawn by Matplotlib when it is asked for, as SVG to be set into a page, or as SVG and PNG
files for a text processor. Texts come from scenarios and are drawn as they are.
"""

from optimizer.report.charts.drawing import Chart

__all__ = ["Chart"]
