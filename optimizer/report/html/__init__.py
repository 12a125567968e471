"""A report on a plan: one HTML page that reads, prints and travels by itself.

All its figures come from the frames of :mod:`optimizer.report.tables`.
"""

from optimizer.report.html.alone import charts_on, report_on
from optimizer.report.html.reports import charts, report
from optimizer.report.html.subject import NoReport

__all__ = [
    "NoReport",
    "charts",
    "charts_on",
    "report",
    "report_on",
]
