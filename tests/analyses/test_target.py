"""The least budget that reaches a goal: known by hand, and proven from both sides whatever the
case."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from frontier_cases import reading, two_works, varying
from random_cases import crowded_case, small_case
from small import case, near, stockpile

from models.faults import ScenarioError
from models.files import read_case
from models.results import Target
from optimizer.analyses.analysis_options import FrontierOptions, TargetOptions
from optimizer.analyses.frontier.tracing import trace_frontier
from optimizer.analyses.options import ProgressListener
from optimizer.analyses.target import least_value
from optimizer.analyses.target.least_value import find_least_value
from optimizer.analyses.variation import Variation
from optimizer.errors import Infeasible, SolverError
from optimizer.model import highs
from optimizer.model.formulation import build_extensive_form, substitute_planned_stock
from optimizer.model.rules import RULES
from optimizer.solve.certification import solve_problem
from optimizer.solve.conflicts import add_structural_constraints, conflict_with_level, rule_rows
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import Problem, solve_to_plan

Raw = dict[str, Any]
EXACT = {"gap": 1e-9}
TUTORIAL = Path(__file__).parents[2] / "scenarios" / "tutorial.yaml"


def target(raw: Raw, path: str = "policy.budget_meur", **asked: Any) -> Target:
    return find_least_value(varying(raw, path), TargetOptions(**asked, **EXACT))


@pytest.mark.quick(every=2)
@pytest.mark.parametrize(
    ("level", "least"), [(9.99, 4), (7, 4), (6.99, 7), (4, 7), (3.9, 11), (1, 11)]
)
def test_a_knapsack_reaches_a_level_where_the_works_is_paid(level: float, least: float) -> None:
    """30 t for 4 million, 60 t for 7 million; each tonne avoids 0.1 of 10."""
    found = target(two_works(), below=level, tolerance=0.01)
    assert found.status == "proven"
    assert found.feasible_at is not None
    assert found.infeasible_below is not None
    assert least - 0.01 <= found.infeasible_below < least
    assert found.feasible_at == pytest.approx(least, rel=3e-6)
    assert found.plan is not None
    assert found.plan.outcome.expected <= level * (1 + 1e-6)


@pytest.mark.slow
def test_a_share_is_one_of_what_comes_without_any_plan() -> None:
    found = target(two_works(), reduction=0.6, tolerance=0.01)
    assert found.goal.level == near(4)
    assert found.goal.without_plan == near(10)
    assert found.feasible_at == pytest.approx(7, rel=3e-6)


def test_an_unreachable_target_is_reported_with_the_best_level() -> None:
    """Both works leave 10 t missing."""
    found = target(two_works(), below=0.5)
    assert found.status == "unreachable"
    assert (found.feasible_at, found.infeasible_below, found.plan) == (None, None, None)
    assert (found.best, found.best_bound) == (near(1), near(1))


def test_what_lies_above_the_range_is_ruled_out_up_to_its_end() -> None:
    found = target(two_works(), below=3, last=8)
    assert (found.status, found.infeasible_below) == ("unreachable", 8)
    assert found.best == near(4)


@pytest.mark.slow
def test_rules_that_keep_damage_above_a_level_are_named() -> None:
    """With both works 10 t are missing: no rule keeps damage above 0.5 million, capacity does. Both
    together cost 11 million, and the fund alone has the budget; lenders carry nothing."""
    assert target(two_works(), below=0.5).conflict == ()
    costs = target(two_works(), below=3, last=8)
    assert sorted(rule.name for rule in costs.conflict) == [
        "market_finance_limit",
        "market_finance_limit",
        "public_budget",
    ]
    assert costs.conflict[-1].place == "--set policy.budget_meur=8"
    one = target(two_works(policy={"max_projects": 1}), below=3)
    assert [(rule.tag, rule.name) for rule in one.conflict] == [("P9", "max_projects")]
    excluded = two_works()
    excluded["projects"]["small"]["excludes"] = ["large"]
    assert [rule.name for rule in target(excluded, below=3).conflict] == ["excludes"]


@pytest.mark.slow
@pytest.mark.quick(every=11)
@pytest.mark.parametrize("seed", sorted({*range(20)} - {3, 8}))  # those have no plan at all
def test_named_rules_keep_every_plan_above_the_level_and_none_of_them_is_idle(seed: int) -> None:
    """By the least objective that can be had with them, and without any one of them."""
    problem = Problem.from_case(reading(crowded_case(random.Random(seed).choice)).case)
    best = solve_problem(problem, method="extensive", gap=1e-9).solution.objective
    assert best is not None
    level = best - 0.05 * abs(best) - 1e-3
    model = build_extensive_form(problem.instance, problem.states)
    add_structural_constraints(model)
    compiled = highs.compile_model(model)
    groups: dict[Any, list[int]] = {}
    for row, name, index in rule_rows(compiled):
        groups.setdefault(RULES[name].describe(problem.instance, index), []).append(row)
    program = substitute_planned_stock(compiled).program

    def least(kept: Sequence[Any]) -> float:
        dropped = [row for rule, rows in groups.items() if rule not in kept for row in rows]
        free = np.isin(np.arange(len(program.row_lower)), dropped)
        found = highs.solve(program.free_rows(free), gap=1e-9).objective
        assert found is not None
        return found

    try:
        named = conflict_with_level(problem.instance, problem.states, level)
    except SolverError:
        assert least([]) > level
        return
    assert named
    assert least(named) > level
    for rule in named:
        assert least([other for other in named if other != rule]) <= level + 1e-6 * abs(level)


def test_what_needs_nothing_is_reached_at_the_lowest_value() -> None:
    found = target(two_works(), below=10)
    assert (found.status, found.feasible_at, found.infeasible_below) == ("proven", 0, None)


@pytest.mark.slow
def test_the_worst_state_and_the_tail() -> None:
    """In the tutorial the worst state alone has the worst 5 %, so that both goals are one; and with
    what is ruled out the least CVaR is above the level."""
    variation = Variation(read_case(TUTORIAL), "policy.budget_meur")
    worst = find_least_value(
        variation, TargetOptions(figure="worst", below=100, tolerance=0.01, **EXACT)
    )
    tail = find_least_value(
        variation, TargetOptions(figure="cvar", below=100, tolerance=0.01, **EXACT)
    )
    assert worst.status == tail.status == "proven"
    assert worst.feasible_at == pytest.approx(tail.feasible_at, abs=0.02)
    assert worst.plan is not None
    assert worst.plan.outcome.worst <= 100 * (1 + 1e-6)
    for found in (worst, tail):
        assert found.infeasible_below is not None
        below = variation.with_value(found.infeasible_below).with_settings(
            ["objective.cost_weight=0", "objective.cvar.weight=1"]
        )
        assert solve_to_plan(below.case, gap=1e-9).outcome.cvar > 100


def test_days_of_stock_are_found_directly() -> None:
    """Gallium for 90 days: 40 t * 90 / 365 at the end of 2027 and 2028. 5 t a year can be bought,
    so 4.863 in 2026 and 5 in 2027, at 0.5 million a tonne and 0.02 for each tonne and year."""
    need = 40 * 90 / 365
    variation = Variation(read_case(TUTORIAL), "policy.budget_meur")
    found = find_least_value(
        variation, TargetOptions(days={"gallium": 90}, from_year=2027, **EXACT)
    )
    assert (found.status, found.method) == ("proven", "direct")
    least = 0.5 * need + 0.02 * ((need - 5) + need + need)
    assert found.infeasible_below is not None
    assert found.feasible_at is not None
    assert found.infeasible_below <= least <= found.feasible_at
    assert found.feasible_at - found.infeasible_below <= 4e-6 * least
    assert found.goal.days == {"reserve": 90}
    assert found.plan is not None
    years = found.plan.materials[0].by_year
    assert min(years[y].days_of_cover or 0 for y in ("2027", "2028")) == near(90)


def test_days_that_no_purchase_reaches() -> None:
    variation = Variation(read_case(TUTORIAL), "policy.budget_meur")
    found = find_least_value(variation, TargetOptions(days={"reserve": 90}, **EXACT))
    assert found.status == "unreachable"
    assert [(rule.tag, rule.place) for rule in found.conflict] == [
        ("S1", f"{TUTORIAL}:109:30"),
        ("S4", "--days reserve=90"),
    ]


def test_conflicts_without_the_target_are_those_of_the_file() -> None:
    """5 t can be bought in the first year; 90 days of 40 t need more, whatever else is asked."""
    settings = ["stockpiles.reserve.min_days_of_demand=90"]
    variation = Variation(read_case(TUTORIAL, settings=settings), "policy.budget_meur")
    for wanted in ({"days": {"reserve": 30}, "from_year": 2027}, {"below": 1}):
        found = find_least_value(variation, TargetOptions.model_validate(wanted | EXACT))
        assert [rule.place for rule in found.conflict] == [
            f"{TUTORIAL}:109:30",
            "--set stockpiles.reserve.min_days_of_demand=90",
        ]


def test_a_number_that_is_not_high_enough_is_named_with_its_value() -> None:
    """100 days of 100 t need 27.4 t in the first year; 20 may be bought."""
    raw = two_works(stockpiles=[stockpile()])
    path = "stockpiles.reserve.max_purchase_t_per_year"
    found = target(raw, path, days={"all": 100}, last=20)
    assert found.status == "unreachable"
    assert {rule.place for rule in found.conflict} == {f"--set {path}=20", "--days reserve=100"}


@pytest.mark.slow
def test_days_and_damage_together_and_by_another_number() -> None:
    """36.5 t in stock cost 0.365 million; the small works alone brings damage to 7, the stock to
    10 - 3.65, both to 3.35: 4.365 million."""
    raw = two_works(stockpiles=[stockpile(max_purchase_t_per_year=36.5)])
    both = target(raw, below=3.4, days={"ore": 133.225}, tolerance=0.01)
    assert both.feasible_at == pytest.approx(4.365, rel=1e-5)
    # 36.5 t is a tenth of 365 days of 100 t: the limit on purchases has to allow for it.
    other = target(raw, "stockpiles.reserve.max_purchase_t_per_year", days={"all": 36.5}, last=50)
    assert other.method == "bisection"
    assert other.feasible_at is not None
    assert 10 <= other.feasible_at <= 10 + other.tolerance
    assert [t.figure for t in other.trials] == [None] * len(other.trials)


def test_older_rules_on_days_stay() -> None:
    raw = two_works(stockpiles=[stockpile(min_days_of_demand=73)])
    for days, least in ((36.5, 0.2), (146, 0.4)):
        assert target(raw, days={"ore": days}).feasible_at == pytest.approx(least, rel=2e-6)


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"days": {"or": 3}}, "no stockpile and no material"),
        ({"days": {"ore": 3}}, "name one of a, b"),
        ({"days": {"a": 3}, "from_year": 2050}, "outside the horizon"),
    ],
)
def test_days_of_what_is_not_there(wanted: Raw, says: str) -> None:
    piles = [stockpile() | {"id": name} for name in "ab"]
    with pytest.raises(ScenarioError, match=says):
        target(case(stockpiles=piles), **wanted)


def test_whole_numbers() -> None:
    """With `small` and `large` to choose from, one project brings damage to 4, two to 1."""
    found = target(two_works(), "policy.max_projects", below=2, last=5)
    assert (found.infeasible_below, found.feasible_at, found.status) == (1, 2, "proven")


@pytest.mark.slow
def test_a_target_loads_back_equal() -> None:
    found = target(two_works(), below=4)
    assert Target.model_validate_json(found.model_dump_json()) == found


def test_ctrl_c_keeps_the_interval() -> None:
    seen = []

    class Stopping(ProgressListener):
        def report_step(self, done: int, total: int | None, step_name: str) -> None:
            seen.append(step_name)
            if len(seen) == 4:
                raise KeyboardInterrupt

    found = find_least_value(
        varying(two_works()), TargetOptions(below=4, listener=Stopping(), **EXACT)
    )
    assert (found.ended, found.status) == ("interrupted", "limit")
    assert found.infeasible_below is not None
    assert found.infeasible_below < 7 <= (found.feasible_at or 0) + 1e-4
    assert found.plan is not None
    assert found.plan.outcome.expected <= 4 * (1 + 1e-6)


def test_values_left_open_widen_the_interval_and_nothing_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Between 6 and 8 nothing can be decided: what is said below and above stays true."""
    whole = least_value.BisectionSearch.try_value

    def at(self: least_value.BisectionSearch, value: float) -> str:
        return "open" if 6 < value < 8 else whole(self, value)

    monkeypatch.setattr(least_value.BisectionSearch, "try_value", at)
    found = target(two_works(), below=4, tolerance=0.1, last=20)
    assert found.status == "limit"
    assert 5.8 < (found.infeasible_below or 0) <= 6
    assert found.feasible_at is not None
    assert 7 <= found.feasible_at <= 8.1


def random_case(seed: int) -> Raw:
    rng = random.Random(seed)
    return (crowded_case if seed % 2 else small_case)(rng.choice)


PLANNED = (0, 1, 2, 4, 5, 6, 7)
"""Of the first eight, 3 has no plan."""


@pytest.mark.quick(1)
@pytest.mark.parametrize("seed", PLANNED)
@pytest.mark.parametrize("warm", [False, True], ids=["cold", "pool"])
def test_the_damage_of_a_frontier_point_takes_no_more_than_its_budget(
    seed: int, warm: bool
) -> None:
    """And below what is ruled out, the least damage is above the level."""
    raw = random_case(seed)
    variation = varying(raw)
    points = trace_frontier(variation, FrontierOptions(points=3, **EXACT)).frontier.points
    planned = [point for point in points if point.expected is not None]
    assert planned
    point = planned[len(planned) // 2]
    options = TargetOptions(below=point.expected, gap=1e-6 if warm else 1e-9)
    pool = CutPool() if warm else None
    found = find_least_value(variation, options, pool=pool)
    assert found.status == "proven"
    assert found.feasible_at is not None
    assert found.feasible_at <= point.value + found.tolerance + 1e-6
    assert found.plan is not None
    assert found.plan.outcome.expected <= (point.expected or 0) * (1 + 1e-6) + 2e-9
    if found.infeasible_below is not None:
        below = variation.with_value(found.infeasible_below).with_settings(
            ["objective.cost_weight=0"]
        )
        below = below.with_settings(["objective.cvar.weight=0"])
        with contextlib.suppress(Infeasible):
            assert solve_to_plan(below.case, gap=1e-9).outcome.expected > (point.expected or 0)


@pytest.mark.slow
@pytest.mark.quick(2)
@pytest.mark.parametrize("seed", PLANNED)
def test_a_search_decides_whether_an_objective_can_be_so_low(seed: int) -> None:
    """A little above the optimum there is a plan, a little below there is none; and what is found
    on the way is of use to whoever asks next."""
    problem = Problem.from_case(varying(random_case(seed)).reading.case)
    pool = CutPool()
    best = solve_problem(problem, gap=1e-7, method="decomposition").solution.objective
    assert best is not None
    size = max(abs(best), 1e-3)
    for _ in range(2):
        above = solve_problem(
            problem,
            gap=1e-4,
            method="decomposition",
            pool=pool,
            target_objective=best + 1e-3 * size,
        ).solution
        assert above.objective is not None
        assert above.objective <= best + 1e-3 * size
        assert above.solver_status == "level reached"
        below = solve_problem(
            problem,
            gap=1e-4,
            method="decomposition",
            pool=pool,
            target_objective=best - 1e-3 * size,
        ).solution
        assert below.bound is not None
        assert best - 1e-3 * size <= below.bound <= best + 1e-6 * size
        assert below.solver_status == "level ruled out"
