"""What the answer rests on: known by hand, and true whatever the case."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from frontier_cases import reading
from oracle import best as exhaustive
from random_cases import crowded_case, small_case
from small import case as bare, chance_of_cut, cut, funder, near, project, stockpile

from models.results import Sensitivity, SensitivityInput
from optimizer.analyses.analysis_options import SensitivityOptions
from optimizer.analyses.assumptions import list_assumptions
from optimizer.analyses.saved_plan import SavedPlan
from optimizer.analyses.sensitivity.sensitivity_analysis import analyze_sensitivity
from optimizer.analyses.sensitivity.subproblem import (
    ROUNDING_MARGIN,
    BestKnownPlan,
    StudiedPlan,
    classify_decision,
    evaluate_plan,
    find_best_plan,
    objective_to_beat,
    solve_decision,
)
from optimizer.errors import Infeasible, Interrupted
from optimizer.model.commitment import Commitment
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import Problem, solve_and_certify
from optimizer.solve.session import Session

Raw = dict[str, Any]
EXACT = SensitivityOptions(gap=1e-9, jobs=1, tolerance=1e-3)
DEAR: Raw = {"cost_weight": 1.0}


def study(raw: Raw, *only: str, options: SensitivityOptions = EXACT, **choice: Any) -> Sensitivity:
    scenario = reading(raw)
    made = list_assumptions(scenario.case, only=only, **choice)
    return analyze_sensitivity(scenario, made, options)


def alone(raw: Raw, id: str, **choice: Any) -> SensitivityInput:
    (found,) = study(raw, id, **choice).inputs
    return found


def works(budget: float | None = None, capex: float = 4) -> Raw:
    """Imports stop with a chance of a half, which costs 10; a works for 4 makes that good.

    Built, the objective is its cost of 4; not built, it is 5.
    """
    return bare(
        **chance_of_cut(0.5),
        projects={"works": project(capex=capex)},
        funders={"fund": funder(budget=budget)},
        objective=DEAR,
    )


def test_a_works_is_right_until_it_costs_what_it_saves() -> None:
    """At 1.25 times its cost it is no better than nothing; 0.1 % of 5 is allowed on top."""
    found = alone(works(), "capex")
    assert (found.low.decision, found.high.decision) == ("same", "changed")
    assert found.low.best is not None
    assert found.high.best is not None
    assert found.low.best.objective.high == near(3.2)
    assert found.high.best.objective.high == near(5)
    assert found.high.own.objective == near(6)
    assert found.high.regret is not None
    assert (found.high.regret.low, found.high.regret.high) == (near(1), near(1))
    assert (found.high.leaving, found.high.entering) == (("works",), ())
    assert found.swing is not None
    assert found.swing.low == near(1.8)
    (turn,) = found.break_evens
    limit = 5 / 4 / (1 - 1e-3)
    assert turn.good <= limit <= turn.changed
    assert (turn.toward, turn.reason, turn.narrow) == ("high", "better", True)
    assert turn.changed - turn.good <= 0.02 * (1.5 - 0.8)
    assert turn.changed_number == near(4 * turn.changed)


def test_a_rarer_stop_is_not_worth_a_works() -> None:
    """At 0.8 of its chance of a half, damage without a works is the 4 that it costs."""
    found = alone(works(), "hazard.cut")
    (turn,) = found.break_evens
    assert turn.toward == "low"
    assert turn.changed <= 0.8 * (1 - 1e-3) <= turn.good


def test_an_unaffordable_share_is_reported_and_not_scaled() -> None:
    found = alone(works(budget=4.5), "capex")
    assert found.high.decision == "broken"
    assert found.high.regret is None
    (rule,) = found.high.broken
    assert rule.startswith("B1 funder_budget: fund spends 6")
    assert found.high.own.net_cost_meur == near(6)
    (turn,) = found.break_evens
    assert turn.reason == "broken"
    assert turn.good <= 4.5 / 4 <= turn.changed


@pytest.mark.slow
def test_tonnes_stay_tonnes_where_demand_changes_their_lots() -> None:
    """100 t for 1 million, when half of the time 100 t are missing. Twice the demand: half of it is
    served, and 200 t would cost 2; half the demand: 50 t would do."""
    raw = bare(**chance_of_cut(0.5), stockpiles=[stockpile()], objective=DEAR)
    found = alone(raw, "demand", ranges={"demand": (0.5, 2.0)})
    assert (found.low.own.expected, found.low.own.net_cost_meur) == (near(0), near(1))
    assert (found.high.own.expected, found.high.own.net_cost_meur) == (near(5), near(1))
    assert found.low.regret is not None
    assert found.high.regret is not None
    assert found.low.regret.low == near(0.5)
    assert found.high.regret.low == near(4)
    assert found.high.stocks_t == {"reserve": near(100)}


def test_equal_plans_are_no_change() -> None:
    raw = works()
    raw["projects"] = {"one": project(capex=4), "other": project(capex=4)}
    raw["policy"] = {"max_projects": 1}
    for found in study(raw, "damage", "price", ranges={"damage": (0.9, 2.0)}).inputs:
        for point in (found.low, found.high):
            assert point.decision == "same"
            assert (point.entering, point.leaving, point.stocks_t) == ((), (), {})


def test_a_plan_that_is_not_the_best_is_reported_and_has_no_break_even() -> None:
    scenario = reading(works())
    problem = Problem.from_case(scenario.case)
    found = solve_and_certify(problem, gap=1e-9)
    idle = replace(found, commitment=Commitment(), with_plan=found.without_plan)
    own = SavedPlan(found.to_plan(), scenario, problem, idle)
    made = list_assumptions(scenario.case, only=["capex"])
    reported = analyze_sensitivity(scenario, made, EXACT, given_plan=own)
    assert (reported.given, reported.decision) == (True, "changed")
    assert reported.own.objective == near(5)
    assert reported.regret is not None
    assert reported.regret.low == near(1)
    assert reported.inputs[0].break_evens == ()


def test_a_free_number_is_moved_as_it_is() -> None:
    scenario = reading(works())
    made = list_assumptions(scenario.case, inputs={"projects.works.capex_meur": (4, 6)})[-1:]
    (free,) = analyze_sensitivity(scenario, made, EXACT).inputs
    assert (free.id, free.base, free.high.number) == ("input.projects.works.capex_meur", 4, 6)
    (turn,) = free.break_evens
    assert turn.good <= 5 / (1 - 1e-3) <= turn.changed


def test_whole_numbers_stay_whole_on_the_way_to_a_break_even() -> None:
    """Of three works that give 30 t each two are allowed: with three another plan is better,
    with one the plan breaks the rule."""
    raw = works()
    raw["projects"] = {p: project(tonnes=30, capex=1) for p in ("a", "b", "c")}
    raw["policy"] = {"max_projects": 2}
    scenario = reading(raw)
    made = list_assumptions(scenario.case, inputs={"policy.max_projects": (0, 6)})[-1:]
    (free,) = analyze_sensitivity(
        scenario, made, EXACT.model_copy(update={"trajectories": 2})
    ).inputs
    turns = {turn.toward: (turn.good, turn.changed, turn.reason) for turn in free.break_evens}
    assert turns == {"low": (2, 1, "broken"), "high": (2, 3, "better")}
    assert all(turn.narrow for turn in free.break_evens)


@pytest.mark.slow
def test_more_hazard_never_makes_the_best_plan_better() -> None:
    raw = bare(
        2030,
        supply=[{"material": "ore", "country": "CN", "share": 1.0}],
        hazards=cut([1.0]),
        uncertainty={"sample": {"states": 20, "seed": 3}},
        projects={"works": project(tonnes=60, capex=7)},
    )
    found = alone(raw, "hazards")
    bests = [found.low.best, study(raw, "hazards").best, found.high.best]
    objectives = [one.objective.high for one in bests if one is not None]
    assert objectives == sorted(objectives)
    assert objectives[0] < objectives[-1]
    assert found.low.own.expected < found.high.own.expected


def scaled(raw: Raw, id: str, by: float) -> Raw:
    """The case with damage or capex multiplied, written by hand."""
    if id == "damage":
        return raw | {
            "damage": [
                entry | {"steps": [s | {"eur_per_t": s["eur_per_t"] * by} for s in entry["steps"]]}
                for entry in raw["damage"]
            ]
        }
    projects = {p: x | {"capex_meur": x["capex_meur"] * by} for p, x in raw["projects"].items()}
    return raw | {"projects": projects}


# Of the first fourteen, 3 and 8 have no plan.
@pytest.mark.quick(every=7)
@pytest.mark.parametrize("seed", [0, 1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13])
def test_the_best_plan_at_each_end_is_what_exhaustion_finds(seed: int) -> None:
    raw = small_case(random.Random(seed).choice)
    assert exhaustive(raw) is not None
    scenario = reading(raw)
    known = {made.id for made in list_assumptions(scenario.case, include_parts=True)}
    known |= {made.partition(".")[0] for made in known}
    wanted = list_assumptions(scenario.case, only=[id for id in ("damage", "capex") if id in known])
    for found in analyze_sensitivity(
        scenario, wanted, EXACT.model_copy(update={"steps": 2})
    ).inputs:
        for point in (found.low, found.high):
            answer = exhaustive(scaled(raw, found.kind, point.value))
            if answer is None:
                assert point.status == "infeasible"
                continue
            assert point.best is not None
            slack = 1e-6 * (1 + abs(answer.objective))
            assert point.best.objective.low - slack <= answer.objective
            assert answer.objective <= point.best.objective.high + slack
            if not point.broken:
                assert point.own.objective >= answer.objective - slack


@pytest.mark.slow
def test_answers_do_not_depend_on_processes() -> None:
    raw = works()
    one, two = (
        study(raw, "capex", "damage", options=EXACT.model_copy(update={"jobs": n})) for n in (1, 2)
    )
    seconds = {"seconds": 0.0, "inputs": ()}
    assert one.model_copy(update=seconds) == two.model_copy(update=seconds)
    for here, there in zip(one.inputs, two.inputs, strict=True):
        assert here.break_evens == there.break_evens
        assert here.swing == there.swing
        assert here.high.own == there.high.own


@pytest.mark.slow
def test_a_pool_serves_where_damage_is_another_and_stays_as_it_is() -> None:
    raw = crowded_case(random.Random(4).choice)
    scenario = reading(raw)
    pool = CutPool()
    solve_and_certify(Problem.from_case(scenario.case), pool=pool, gap=1e-6)
    before = (pool.key, len(pool.cuts), len(pool.portable_points))
    (made,) = list_assumptions(scenario.case, only=["damage"])
    changed = Problem.from_case(scenario.with_settings(made.settings_at(2.0)).case)
    own = pool.copy_for_problem(changed.instance)
    assert (own.key != pool.key, own.cuts, len(own.portable_points)) == (
        True,
        [],
        len(pool.portable_points),
    )
    warm = solve_and_certify(changed, pool=own, gap=1e-6)
    cold = solve_and_certify(changed, pool=CutPool(), gap=1e-6)
    assert warm.objective == pytest.approx(cold.objective, rel=5e-6)
    assert (pool.key, len(pool.cuts), len(pool.portable_points)) == before


def test_a_search_that_rules_out_the_level_decides() -> None:
    """A branch is pruned at the given level, and the bound is proven to that level only."""
    scenario = reading(works())
    problem = Problem.from_case(scenario.case)
    found = solve_and_certify(problem, gap=1e-9)
    subject = StudiedPlan(
        scenario, problem.instance, found.commitment, 1e-3, Session(1, None, gap=1e-9)
    )
    seen = evaluate_plan(subject, ())
    limit = objective_to_beat(subject, seen)
    assert limit == near(4 * (1 - 1e-3))
    asked = limit - ROUNDING_MARGIN * 4
    assert classify_decision(subject, seen, BestKnownPlan("limit", asked)) == "same"
    assert classify_decision(subject, seen, BestKnownPlan("limit", asked - 1e-6)) == "open"
    assert (
        classify_decision(subject, seen, BestKnownPlan("limit", 0.0, objective=asked)) == "changed"
    )


@pytest.mark.slow
@pytest.mark.quick(1)
@pytest.mark.parametrize("gap", [0.5, 1e-3])
def test_a_decision_is_made_whatever_the_gap(gap: float) -> None:
    scenario = reading(crowded_case(random.Random(4).choice))
    problem, pool = Problem.from_case(scenario.case), CutPool()
    found = solve_and_certify(problem, pool=pool, gap=1e-6)
    subject = StudiedPlan(
        scenario, problem.instance, found.commitment, 1e-3, Session(1, pool, gap=gap)
    )
    (made,) = list_assumptions(scenario.case, only=["damage"])
    for value in (0.5, 0.7, 0.9, 1.1, 1.5, 2.0):
        seen = evaluate_plan(subject, made.settings_at(value))
        session = subject.session.for_problem(seen.problem.instance)
        outcome, _ = solve_decision(subject, seen, session)
        assert outcome in ("same", "changed")


def test_a_scenario_without_a_plan_has_nothing_to_vary() -> None:
    raw = works(budget=3)
    raw["policy"] = {"must_build": ["works"]}
    with pytest.raises(Infeasible):
        study(raw, "damage")


def test_where_no_plan_keeps_all_rules_there_is_no_swing() -> None:
    raw = works(budget=4.5)
    raw["policy"] = {"must_build": ["works"]}
    found = alone(raw, "capex")
    assert (found.high.status, found.high.best, found.swing) == ("infeasible", None, None)
    assert found.high.decision == "broken"


def test_what_was_found_before_a_ctrl_c_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def stopping(*given: Any, **options: Any) -> BestKnownPlan:
        asked.append(given)
        if len(asked) == 4:
            raise Interrupted("stopped")
        return find_best_plan(*given, **options)

    monkeypatch.setattr("optimizer.analyses.sensitivity.subproblem.find_best_plan", stopping)
    found = study(works(), "price", "capex", options=EXACT.model_copy(update={"steps": 0}))
    assert found.ended == "interrupted"
    assert [one.id for one in found.inputs] == ["price"]
