"""Evaluation of a plan in the states of another scenario."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from models.files import LoadedScenario, read_case
from models.language import using
from models.results import Plan
from optimizer.analyses.analysis_options import EvaluateOptions
from optimizer.analyses.evaluation.answer import other_scenario_name
from optimizer.analyses.evaluation.fresh_states import transfer_plan
from optimizer.analyses.evaluation.plan_evaluation import evaluate_plan
from optimizer.analyses.saved_plan import SavedPlan, load_saved_plan
from optimizer.errors import CheckFailed
from optimizer.solve.planner import solve_to_plan

SCENARIOS = Path(__file__).parents[2] / "scenarios"

SURE_STOP = (
    "uncertainty={states: [{name: a stop, probability: 1, "
    "events: [{hazard: export_stop, start: 2027}], failed_projects: [refinery]}]}"
)

SAMPLED = "uncertainty={{sample: {{states: 30, seed: {seed}}}}}"


@cache
def tutorial() -> LoadedScenario:
    return read_case(SCENARIOS / "tutorial.yaml")


@cache
def planned() -> SavedPlan:
    return load_saved_plan(
        Plan.model_validate_json(solve_to_plan(tutorial().case).model_dump_json())
    )


@cache
def made_for_seed_1() -> SavedPlan:
    case = tutorial().with_settings([SAMPLED.format(seed=1)]).case
    return load_saved_plan(Plan.model_validate_json(solve_to_plan(case).model_dump_json()))


def saved_tonnes() -> float:
    """What is there in the first two years if the refinery fails."""
    own = planned().plan
    recycled = sum(4 * built.offtake for built in own.projects if built.id == "recycling")
    return recycled + sum(pile.buy_t[year] for pile in own.stockpiles for year in ("2026", "2027"))


def test_a_plan_keeps_its_figures_on_its_states() -> None:
    there = transfer_plan(planned(), tutorial())
    outcome = planned().plan.outcome
    assert there.solution.with_plan.expected == pytest.approx(outcome.expected, rel=1e-9)
    assert there.solution.without_plan.expected == pytest.approx(outcome.without_plan.expected)
    assert there.solution.net_cost == pytest.approx(outcome.net_cost_meur, rel=1e-9)


def test_damage_of_a_certain_stop_without_a_plan() -> None:
    """20 t at EUR 1 million and 20 t at EUR 4 million: 100 million, all of it in 2027."""
    there = transfer_plan(planned(), tutorial().with_settings([SURE_STOP]))
    assert there.solution.without_plan.damage_by_year == pytest.approx([0, 100, 0])


def test_damage_of_a_certain_stop_with_a_plan() -> None:
    """The refinery fails; what is there saves dear tonnes, of which there are more."""
    saved = saved_tonnes()
    assert 0 < saved < 20
    there = transfer_plan(planned(), tutorial().with_settings([SURE_STOP]))
    assert there.solution.with_plan.damage_by_year == pytest.approx([0, 100 - 4 * saved, 0])


def test_a_plan_is_evaluated_in_the_other_scenario_without_a_solve() -> None:
    """The rule keeps back nothing and there is one shortage: it does as well as foresight."""
    there = transfer_plan(planned(), tutorial().with_settings([SURE_STOP]))
    found = evaluate_plan(
        planned(), EvaluateOptions(reserves=(0.0,)), transferred_plan=there, other_variant="a_stop"
    )
    assert (found.gap, found.information, found.tail) == (None, None, None)
    assert found.states_of is not None
    assert found.states_of.variant == "a_stop"
    assert found.states_of.input_sha256 != found.input_sha256
    assert found.fresh.avoided.value == pytest.approx(4 * saved_tonnes())
    assert found.fresh.avoided.standard_error is None
    assert found.rules[0].above_foresight.value == pytest.approx(0, abs=1e-9)
    assert found.own_expected == pytest.approx(planned().plan.outcome.expected)
    assert found.net_cost_there_meur == pytest.approx(found.net_cost_meur)


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("horizon.last_year=2029", "2029"),
        ("projects.recycling=null", "recycling"),
        ("objective.measure=tonnes", "measure=tonnes"),
        ("currency=USD", "currency=USD"),
    ],
)
def test_a_scenario_without_the_projects_of_the_plan_is_refused(setting: str, named: str) -> None:
    other = tutorial().with_settings([setting])
    with pytest.raises(CheckFailed, match=f"only one of the two scenarios has .*{named}"):
        transfer_plan(planned(), other)


@pytest.mark.parametrize(("own", "expected"), [(3, 4), (0, 2), (1, 2)])
def test_states_of_the_other_scenario_are_not_those_of_the_plan(own: int, expected: int) -> None:
    """The plan's seed is 1, and hazards are the same there: seed 1 would draw its own states."""
    made = made_for_seed_1()
    there = transfer_plan(made, tutorial().with_settings([SAMPLED.format(seed=own)]))
    assert (
        evaluate_plan(made, EvaluateOptions(states=20), transferred_plan=there).fresh.seed
        == expected
    )
    with pytest.raises(ValueError, match="seed 1 is that of the plan's own states"):
        evaluate_plan(made, EvaluateOptions(states=20, seed=1), transferred_plan=there)


def test_the_seed_of_another_scenario_may_be_used() -> None:
    there = transfer_plan(made_for_seed_1(), tutorial().with_settings([SAMPLED.format(seed=3)]))
    found = evaluate_plan(
        made_for_seed_1(), EvaluateOptions(states=30, seed=3), transferred_plan=there
    )
    assert found.fresh.seed == 3
    assert found.fresh.with_plan.expected.value == pytest.approx(there.solution.with_plan.expected)


def test_a_variant_whose_states_are_used_is_reported_with_its_title() -> None:
    """As the plan's own is, in the language of the run."""
    half = read_case(SCENARIOS / "tutorial.yaml", "half_the_fund")
    with using("de"):
        there = transfer_plan(planned(), half)
        found = evaluate_plan(
            planned(),
            EvaluateOptions(reserves=(0.0,)),
            transferred_plan=there,
            other_variant="half_the_fund",
        )
        reported = other_scenario_name(found)
    assert reported == "Einführung: ein Metall, ein Exportstopp (Halber Fonds)"
