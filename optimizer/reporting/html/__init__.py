"""A report on a plan: one HTML page that reads, prints and travels by itself.

All its figures come from the frames of :mod:`optimizer.reporting.tables`.
"""

from optimizer.reporting.html.reports import (
    charts,
    comparison_charts,
    comparison_report,
    participation_charts,
    participation_report,
    report,
)
from optimizer.reporting.html.splitting import split_charts, split_report
from optimizer.reporting.html.subject import NoReport

__all__ = [
    "NoReport",
    "charts",
    "comparison_charts",
    "comparison_report",
    "participation_charts",
    "participation_report",
    "report",
    "split_charts",
    "split_report",
]
