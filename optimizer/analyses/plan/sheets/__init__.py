"""The workbook of a plan: its sheets, what must add up in them, and their part of the answer.

All parts are for sheets only; pages and terminals say the same in fewer tables.
"""

from __future__ import annotations

from models.results import Plan
from optimizer.analyses.plan.sheets import (
    answer,
    budgets,
    evidence,
    exposure,
    money,
    projects,
    stocks,
)
from optimizer.analyses.plan.sheets.columns import SheetWording
from optimizer.report.document import Check, Part, Section


def sheets(plan: Plan) -> list[Section]:
    """All sheets but the first, in their order."""
    say = SheetWording(plan)
    return [
        *projects.sections(say),
        *stocks.sections(say),
        *budgets.sections(say),
        *money.sections(say),
        *exposure.sections(say),
        *evidence.figures_and_sources(say),
        evidence.certificate(say),
        money.reconciliation(say),
    ]


def checks(plan: Plan) -> list[Check]:
    """What must add up."""
    say = SheetWording(plan)
    parts = (projects, money, budgets, exposure, stocks, evidence)
    return [check for part in parts for check in part.checks(say)]


def answer_parts(plan: Plan) -> list[Part]:
    """What the first sheet has beside the sentences of the answer."""
    return answer.parts(SheetWording(plan))
