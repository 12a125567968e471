"""Budget lines are called as their scenario has them, in the language of the reader."""

from __future__ import annotations

import io

import pytest
from documents import text_of
from openpyxl import load_workbook
from plan_workbooks import workbook_of_plan
from small_scenario import NAMES

from models.files import read_case_text
from models.language import Language, tr, using
from optimizer.analyses.comparison.plan_comparison import compare_plans
from optimizer.solve.planner import solve_to_plan as best_plan


@pytest.mark.parametrize(
    ("language", "name", "other"), [("en", "Cash", "Barmittel"), ("de", "Barmittel", "Cash")]
)
def test_budget_lines_are_named_in_the_language_of_the_reader(
    language: Language, name: str, other: str
) -> None:
    """In a comparison and in a workbook."""
    found = best_plan(read_case_text(NAMES).case)
    comparison = compare_plans([found, found], ["one", "two"])
    with using(language):
        budgets = load_workbook(io.BytesIO(workbook_of_plan(found)))[tr("Budgets")]
        lines = " ".join(str(row[0]) for row in budgets.iter_rows(values_only=True))
        for text in (text_of(comparison, language), lines):
            assert name in text
            assert other not in text
