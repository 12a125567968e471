"""What ``vorrat run`` makes of a plan: the one place where its files are named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.results import Plan

PLAN, REPORT, RESULTS, FAULTS = "plan.json", "report.html", "results.xlsx", "faults.xlsx"
NAMES = (PLAN, REPORT, RESULTS)
"""What is made, without the name of the scenario in front."""


def products(plan: Plan) -> Iterator[tuple[str, bytes]]:
    """Each file's name and content, in the current language."""
    from optimizer.analyses.documents import document_of
    from optimizer.report.render import html, workbook

    made = document_of(plan)
    yield PLAN, plan.model_dump_json(indent=2).encode() + b"\n"
    yield REPORT, html.render(made).encode()
    yield RESULTS, workbook.render(made)
