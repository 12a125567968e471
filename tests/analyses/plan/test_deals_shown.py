"""Premiums, overruns and starts by year in the document of a plan: reported, and adding up."""

from __future__ import annotations

import random
from functools import cache

import pytest
from deals import deals
from documents import is_whole_in_all_media, page_of, tables_in
from plan_workbooks import workbook_of_plan
from random_cases import deals_case
from spreadsheets import cells, records, results

from models.language import Language
from models.results import Plan
from models.scenario.references import Case
from optimizer.solve.planner import solve_to_plan as best_plan


def failing(found: Plan) -> list[str]:
    rows = records(results(workbook_of_plan(found)).worksheets[-1], "Check", "Result")
    return [row["Check"] for row in rows if row["Result"] != "adds up"]


@cache
def costly() -> Plan:
    """The deals of ``deals.py``, with room for both projects."""
    raw = deals()
    raw["policy"] |= {"max_starts_by_year": {2026: 2}, "state_aid": {"max_intensity": 0.5}}
    lines = raw["funders"]["fund"]["budget_lines"]
    lines["cash"] |= {"by_year_meur": {2026: 60, 2027: 60}, "total_meur": 90}
    lines["guarantees"]["limit_meur"] = 100
    return best_plan(Case.model_validate(raw))


@pytest.mark.slow
def test_a_plan_with_all_of_it() -> None:
    classes = {one.budget_class for one in costly().accounts}
    assert {"premium", "financial_transaction"} <= classes
    assert [built.id for built in costly().projects] == ["mine", "plant"]
    assert failing(costly()) == []


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "de"])
def test_it_is_whole_in_all_media(language: Language, untranslated: set[str]) -> None:
    is_whole_in_all_media(costly(), language, untranslated)


@pytest.mark.slow
def test_what_it_says() -> None:
    text = page_of(costly())
    assert "Projects started each year, 2026, at most: 2." in text
    assert "Budgets hold what a project costs with a probability of 70" in text
    assert "Premium on secured output" in text
    budgeted, announced = "Capex budgeted, million EUR", "Capex announced, million EUR"
    page = {column for table in tables_in(costly()).values() for column in table.headers}
    book = {cell.value for _, cell in cells(results(workbook_of_plan(costly())))}
    assert {budgeted, announced} & page == {budgeted}  # pages are narrow, workbooks are not
    assert {budgeted, announced} <= book


@pytest.mark.slow
@pytest.mark.parametrize("seed", [*range(8), *range(9, 12)])  # no plan keeps all rules of 8
def test_random_plans_add_up(seed: int) -> None:
    found = best_plan(Case.model_validate(deals_case(random.Random(f"shown {seed}").choice)))
    assert failing(found) == []
