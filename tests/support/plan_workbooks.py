"""The workbook of a plan, as its document has it."""

from __future__ import annotations

from typing import Any

from models.results import Plan
from optimizer.analyses.registry import build_result_document
from optimizer.report.render import workbook


def workbook_of_plan(plan: Plan, **beside: Any) -> bytes:
    """A plan as a workbook in the current language, with a frontier or a split beside it."""
    return workbook.render_workbook(build_result_document(plan, **beside))
