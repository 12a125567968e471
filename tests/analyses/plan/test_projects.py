"""Certainty of projects: probabilities and delays of a scenario, and their table."""

from __future__ import annotations

from typing import Any

import pytest
from documents import tables_in
from saved_plans import germany
from small import case, chance_of_cut, project, solve, state

from models.scenario.references import Case
from optimizer.analyses.plan.projects import DeliveryRisk, compute_delivery_risk

SAMPLE = {"sample": {"states": 20, "seed": 1}}


def works(**sections: Any) -> Case:
    """A works that produces with 75 %, and may be up to two years late."""
    late = {0: 0.4, 1: 0.35, 2: 0.25, 3: 0.0}
    own = project(success_probability=0.75, delay_years=late)
    return Case.model_validate(case(2028, projects={"works": own}, **sections))


@pytest.mark.parametrize("uncertainty", [None, SAMPLE])
def test_of_drawn_states_they_are_those_of_the_project(uncertainty: Any) -> None:
    """0.35 years and twice 0.25 are 0.85; what has no probability is no delay."""
    found = compute_delivery_risk(works(uncertainty=uncertainty), "works")
    assert found == DeliveryRisk(0.75, pytest.approx(0.85), 2)


def test_of_written_states_they_are_those_of_the_states() -> None:
    """It fails in 0.2; of the other 0.8 it is a year late in 0.6 and three in 0.1."""
    states = [
        state("fails", 0.2, failed_projects=["works"], delayed_projects={"works": 9}),
        state("late", 0.6, delayed_projects={"works": 1}),
        state("later", 0.1, delayed_projects={"works": 3}),
        state("in time", 0.1),
    ]
    found = compute_delivery_risk(works(uncertainty={"states": states}, hazards=_cut()), "works")
    assert found == DeliveryRisk(pytest.approx(0.8), pytest.approx(0.9 / 0.8), 3)
    never = [state("fails", 1.0, failed_projects=["works"])]
    found = compute_delivery_risk(works(uncertainty={"states": never}, hazards=_cut()), "works")
    assert found == DeliveryRisk(0.0, 0.0, 0)


def _cut() -> Any:
    return chance_of_cut(0.5)["hazards"]


@pytest.mark.slow
def test_the_table_tells_of_each_project_by_its_decision() -> None:
    plan = germany()
    table = tables_in(plan)["projects"]
    assert plan.case is not None
    built = {plan.case.projects[p.id].name.in_language(): p for p in plan.projects}  # type: ignore[union-attr]
    *rows, _ = table.rows
    assert [row[0].text for row in rows] == sorted(
        built, key=lambda name: (built[name].start, built[name].first_output)
    )
    for row in rows:
        named = dict(zip(table.headers, row, strict=True))
        own = compute_delivery_risk(plan.case, built[row[0].text].id)
        assert named["Decision"].value == built[row[0].text].start
        assert named["First output"].value == built[row[0].text].first_output
        assert named["Chance of success"].value == own.success_probability
        assert named["Expected delay, years"].value == own.mean_delay_years
        assert named["Contracted to Germany"].value == built[row[0].text].offtake


@pytest.mark.slow
def test_a_page_leaves_whom_it_is_for_to_the_workbook() -> None:
    plan = solve(case(projects={"works": project(100, 5)}, funders={"fund": _fund()}))
    assert "Of that for" not in tables_in(plan)["projects"].headers


def _fund() -> Any:
    return {"kind": "public", "name": "Fund", "instruments": {"equity": {"offtake_per_share": 1.0}}}
