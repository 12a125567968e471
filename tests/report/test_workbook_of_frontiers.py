"""A frontier and a plan in one workbook."""

from __future__ import annotations

from pathlib import Path

import pytest
from frontier_cases import two_works, varying
from plan_workbooks import workbook_of_plan
from spreadsheets import records, results, same_in_libreoffice, with_libreoffice

from models.scenario.references import Case
from optimizer.analyses.analysis_options import FrontierOptions
from optimizer.analyses.frontier.tracing import trace_frontier
from optimizer.solve.planner import solve_to_plan as best_plan


@pytest.fixture(scope="module")
def with_frontier() -> bytes:
    """Without money 10 million are lost, with 4 million 7, with 7 million 4, with 11 million 1."""
    raw = two_works()
    found = trace_frontier(varying(raw), FrontierOptions(values=(0, 4, 7, 11))).frontier
    return workbook_of_plan(best_plan(Case.model_validate(raw)), frontier=found)


@pytest.mark.slow
def test_a_frontier_gets_a_sheet(with_frontier: bytes) -> None:
    book = results(with_frontier)
    rows = records(book["Frontier"], "Expected, million EUR", "Gap left")[:4]
    assert [row["Expected, million EUR"] for row in rows] == pytest.approx([10, 7, 4, 1])
    assert [row["Projects"] for row in rows] == [0, 1, 1, 2]
    checks = {row["Check"]: row["Result"] for row in records(book["Checks"], "Check", "Result")}
    assert sum("frontier" in check for check in checks) == 2
    assert set(checks.values()) == {"adds up"}


@pytest.mark.slow
@with_libreoffice
def test_libreoffice_agrees(tmp_path: Path, with_frontier: bytes) -> None:
    same_in_libreoffice(tmp_path, with_frontier)
