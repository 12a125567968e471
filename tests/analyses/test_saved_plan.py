"""A saved plan read back: the same scenario, the same commitment, the same objective."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.files import read_case
from models.results import Plan
from optimizer.analyses.saved_plan import load_saved_plan
from optimizer.errors import CheckFailed
from optimizer.solve.checked_solution import input_hash
from optimizer.solve.planner import solve_to_plan

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tutorial() -> Plan:
    case = read_case(ROOT / "scenarios" / "tutorial.yaml").case
    return Plan.model_validate_json(solve_to_plan(case).model_dump_json())


def test_a_saved_plan_has_its_stated_objective(tutorial: Plan) -> None:
    back = load_saved_plan(tutorial)
    assert back.solution.objective == pytest.approx(tutorial.certificate.objective, rel=1e-9)
    assert back.solution.with_plan.expected == pytest.approx(tutorial.outcome.expected, rel=1e-9)
    assert back.solution.net_cost == pytest.approx(tutorial.outcome.net_cost_meur, rel=1e-9)
    assert input_hash(back.reading.case) == tutorial.certificate.input_sha256


def test_a_plan_that_was_tampered_with_is_refused(tutorial: Plan) -> None:
    certificate = tutorial.certificate.model_copy(
        update={"objective": tutorial.certificate.objective * 0.9}
    )
    with pytest.raises(CheckFailed, match="its file says"):
        load_saved_plan(tutorial.model_copy(update={"certificate": certificate}))


@pytest.mark.parametrize("lost", ["projects", "stockpiles", "funders"])
def test_a_plan_of_what_its_scenario_lacks_is_refused(tutorial: Plan, lost: str) -> None:
    """Its file was changed: what it builds, buys or pays with is gone."""
    scenario = json.loads(json.dumps(tutorial.scenario))
    if lost == "projects":
        del scenario["projects"]["refinery"]
    elif lost == "stockpiles":
        scenario["stockpiles"] = []
    else:
        instruments = scenario["funders"]["fund"]["instruments"]
        instruments["stake"] = instruments.pop("equity")
    named = {"projects": "refinery", "stockpiles": "reserve", "funders": "fund.equity"}[lost]
    with pytest.raises(CheckFailed, match=f"speaks of {named}, which its scenario does not have"):
        load_saved_plan(tutorial.model_copy(update={"scenario": scenario}))
