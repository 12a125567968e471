"""A plan in the states of another scenario."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from models.files import Reading, read_case
from models.results import Plan
from optimizer.analyses.evaluation.elsewhere import on_states_of
from optimizer.analyses.given import GivenPlan, given
from optimizer.errors import CheckFailed
from optimizer.planner import plan

SCENARIOS = Path(__file__).parents[2] / "scenarios"

SURE_STOP = (
    "uncertainty={states: [{name: a stop, probability: 1, "
    "events: [{hazard: export_stop, start: 2027}], failed_projects: [refinery]}]}"
)


@cache
def tutorial() -> Reading:
    return read_case(SCENARIOS / "tutorial.yaml")


@cache
def planned() -> GivenPlan:
    return given(Plan.model_validate_json(plan(tutorial().case).model_dump_json()))


def test_on_its_own_states_a_plan_does_what_it_says() -> None:
    there = on_states_of(planned(), tutorial().case)
    outcome = planned().plan.outcome
    assert there.with_plan.expected == pytest.approx(outcome.expected, rel=1e-9)
    assert there.without_plan.expected == pytest.approx(outcome.without_plan.expected, rel=1e-9)
    assert there.net_cost == pytest.approx(outcome.net_cost_meur, rel=1e-9)
    assert not there.sampled


def test_without_a_plan_a_sure_stop_costs_what_all_its_tonnes_cost() -> None:
    """20 t at EUR 1 million and 20 t at EUR 4 million: 100 million, all of it in 2027."""
    there = on_states_of(planned(), tutorial().changed([SURE_STOP]).case)
    assert there.by_year_without_plan["gallium"] == pytest.approx([0, 100, 0])
    assert there.without_plan.expected == pytest.approx(100)


def test_with_a_plan_it_costs_what_stock_and_the_other_project_leave() -> None:
    """The refinery fails; what is there saves dear tonnes, of which there are more."""
    own = planned()
    saved = 0.0
    for built in own.plan.projects:
        if built.id == "recycling":
            saved += 4 * built.offtake
    for stockpile in own.plan.stockpiles:
        saved += sum(stockpile.buy_t[year] for year in ("2026", "2027"))
    assert 0 < saved < 20
    there = on_states_of(own, tutorial().changed([SURE_STOP]).case)
    assert there.with_plan.expected == pytest.approx(100 - 4 * saved)
    assert there.avoided == pytest.approx(4 * saved)
    assert there.by_year["gallium"] == pytest.approx([0, 100 - 4 * saved, 0])


def test_years_add_up_to_materials() -> None:
    case = read_case(SCENARIOS / "japan-2010.yaml", settings=["uncertainty.sample.states=40"]).case
    built = plan(case, gap=0.05)
    there = on_states_of(given(built), case)
    assert there.sampled
    for evaluation, by_year in (
        (there.with_plan, there.by_year),
        (there.without_plan, there.by_year_without_plan),
    ):
        assert {m: float(np.sum(own)) for m, own in by_year.items()} == pytest.approx(
            evaluation.by_material
        )


@pytest.mark.parametrize(
    ("setting", "named"),
    [("horizon.last_year=2029", "2029"), ("projects.recycling=null", "recycling")],
)
def test_a_scenario_in_which_the_plan_means_nothing_is_refused(setting: str, named: str) -> None:
    other = tutorial().changed([setting]).case
    with pytest.raises(CheckFailed, match=f"only one of the two scenarios has .*{named}"):
        on_states_of(planned(), other)
