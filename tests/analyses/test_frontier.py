"""Frontiers: known by hand, and true whatever the case."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest
import yaml
from frontier_cases import least_damage, reading, two_works, varying
from limits import example_values, limited
from random_cases import crowded_case, small_case
from small import case as bare, chance_of_cut, near, stockpile

from models.faults import ScenarioError
from models.files import read_case_text
from models.results import Frontier
from optimizer.analyses.analysis_options import FrontierOptions
from optimizer.analyses.frontier.tracing import trace_frontier
from optimizer.analyses.options import ProgressListener
from optimizer.analyses.variation import LOOSENING_PATHS, TAIL_WEIGHT_PATH, Variation
from optimizer.errors import CheckFailed, Infeasible
from optimizer.model.commitment import net_cost
from optimizer.solve.certification import recertify
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import Problem, solve_and_certify, solve_to_plan

Raw = dict[str, Any]
EXACT = {"gap": 1e-9}


def frontier(raw: Raw, *values: float, path: str = "policy.budget_meur", **grid: Any) -> Frontier:
    return trace_frontier(
        varying(raw, path), FrontierOptions(values=values, **grid, **EXACT)
    ).frontier


def test_a_knapsack_jumps_where_the_next_works_is_paid() -> None:
    """Of 30 t for 4 million and 60 t for 7, the best that a budget pays for is known."""
    found = frontier(two_works(), 0, 3, 4, 6, 7, 10, 11, 12)
    assert [p.value for p in found.points] == [0, 3, 4, 6, 7, 10, 11, 12]
    for point in found.points:
        assert point.expected == near(least_damage(point.value))
    costs = [0, 0, 4, 4, 7, 7, 11, 11]
    assert [p.net_cost_meur for p in found.points] == [near(c) for c in costs]
    assert [p.public_meur for p in found.points] == [near(c) for c in costs]
    assert [p.objective for p in found.points] == [
        near(least_damage(p.value) + 0.001 * cost)
        for p, cost in zip(found.points, costs, strict=True)
    ]
    changed = [(s.to_value, s.entering, s.leaving) for s in found.steps if s.entering or s.leaving]
    assert changed == [(4, ("small",), ()), (7, ("large",), ("small",)), (11, ("small",), ())]
    assert [s.to_value for s in found.steps if s.jump] == [4, 7, 11]
    assert found.without_plan is not None
    assert found.without_plan.expected == near(10)


def test_what_a_further_million_is_worth() -> None:
    """From 6 to 7 the plans avoid 3 million. No plan within 6 has less than 7.004 - 0.001 * 6, and
    none within 7 less than 4.007 - 0.001 * 7: so at least 6.998 - 4 and at most 7 - 4.
    """
    (step,) = frontier(two_works(), 6, 7).steps
    assert step.marginal is not None
    assert step.marginal.plans == near(3)
    assert step.marginal.low == pytest.approx(2.998, abs=1e-5)
    assert step.marginal.high == pytest.approx(3.0, abs=1e-5)
    assert frontier(two_works(), 4, 6).steps[0].marginal.low == 0  # type: ignore[union-attr]


def test_the_range_ends_where_nothing_more_is_bought() -> None:
    found = trace_frontier(varying(two_works()), FrontierOptions(points=12, **EXACT)).frontier
    assert [p.value for p in found.points] == [near(v) for v in range(12)]


@pytest.mark.slow
def test_refining_closes_in_on_the_jumps() -> None:
    """Three jumps of height 3 between 0 and 12: so many points leave none wider than 0.2."""
    found = trace_frontier(
        varying(two_works()), FrontierOptions(first=0, last=12, points=2, refine=20, **EXACT)
    ).frontier
    assert len(found.points) == 22
    jumps = [s for s in found.steps if s.avoided > 1]
    assert [min((4, 7, 11), key=lambda j: abs(j - s.to_value)) for s in jumps] == [4, 7, 11]
    for step, at in zip(jumps, (4, 7, 11), strict=True):
        assert step.from_value < at <= step.to_value
        assert step.to_value - step.from_value < 0.2


def test_whole_numbers_are_refined_by_whole_numbers() -> None:
    raw = two_works()
    found = trace_frontier(
        varying(raw, "policy.max_projects"),
        FrontierOptions(first=0, last=4, points=2, refine=9, **EXACT),
    ).frontier
    assert [(p.value, p.expected) for p in found.points] == [
        (0, near(10)), (1, near(4)), (2, near(1)), (4, near(1)),
    ]  # fmt: skip


def test_no_plan_below_what_a_rule_costs() -> None:
    found = frontier(two_works(policy={"must_build": ["small"]}), 3, 4)
    assert [p.status for p in found.points] == ["infeasible", "optimal"]
    assert any("B2" in rule for rule in found.points[0].conflict)
    assert found.points[0].expected is None
    assert found.steps == ()


def test_stocks_that_rise_are_reported() -> None:
    """Half of the import is lost with certainty of one half; a tonne in stock costs 10 000 EUR."""
    raw = bare(**chance_of_cut(0.5, 0.5), stockpiles=[stockpile()])
    found = frontier(raw, 0, 0.1, 0.5)
    assert [s.stocks_t["reserve"] for s in found.steps] == [near(10), near(40)]
    assert [p.stocks_t.get("reserve", 0) for p in found.points] == [0, near(10), near(50)]


def test_a_funder_and_a_variant_of_the_number() -> None:
    raw = two_works()
    raw["funders"]["fund"]["budget_meur"] = 2
    found = frontier(raw, 0, 7, path="funders.fund.budget_meur")
    assert [p.expected for p in found.points] == [near(10), near(4)]
    assert found.loosens
    assert found.varied_unit == "million EUR"


def test_any_number_may_be_varied_and_claims_nothing_it_cannot() -> None:
    """Twice the demand at half the height: damage is no longer a matter of the budget."""
    found = frontier(two_works(policy={"budget_meur": 7}), 50, 100, path="demand.0.t_per_year")
    assert not found.loosens
    assert [p.expected for p in found.points] == [near(0), near(4)]
    assert found.steps[0].marginal is None
    assert found.without_plan is None


def test_an_unknown_path_is_reported() -> None:
    with pytest.raises(ScenarioError, match="budgt"):
        frontier(two_works(), 0, 1, path="policy.budgt_meur")


def tail_case() -> Raw:
    """One in twenty: a loss of all. Ten in twenty: a loss of ten per cent. Stock costs as much as
    one in ten tonnes avoided, so the mean alone buys 10 t and the tail all 100."""
    raw = bare(**chance_of_cut(0.05), stockpiles=[stockpile()])
    raw["hazards"]["mild"] = {
        "annual_probability": 0.1, "effects": [{"country": "CN", "loss": [0.1]}],
    }  # fmt: skip
    raw["uncertainty"] = {
        "states": [
            {"name": "calm", "probability": 0.45},
            {"name": "mild", "probability": 0.5, "events": [{"hazard": "mild", "start": 2026}]},
            {"name": "cut", "probability": 0.05, "events": [{"hazard": "cut", "start": 2026}]},
        ]
    }
    return raw | {"objective": {"cost_weight": 1.0}}


def test_mean_against_tail() -> None:
    """A tonne costs 0.01. The first ten avoid 0.055 of the mean each, and 0.1 of the CVaR; the
    others 0.005 and 0.1: so all are bought once the weight w has 0.005 (1 - w) + 0.1 w > 0.01."""
    found = frontier(tail_case(), 0, 0.05, 0.06, 1, path=TAIL_WEIGHT_PATH)
    assert [p.stocks_t["reserve"] for p in found.points] == [
        near(10),
        near(10),
        near(100),
        near(100),
    ]
    assert [p.cvar for p in found.points] == [near(9), near(9), near(0), near(0)]
    assert [p.dominated for p in found.points] == [True, True, False, False]


def test_a_frontier_loads_back_equal() -> None:
    drawn = trace_frontier(varying(two_works()), FrontierOptions(values=(0, 7), **EXACT))
    found = drawn.frontier
    assert Frontier.model_validate_json(found.model_dump_json()) == found
    assert found.case == varying(two_works()).reading.case
    assert {value: p.outcome.expected for value, p in drawn.plans.items()} == {
        0: near(10), 7: near(4),
    }  # fmt: skip


def test_ctrl_c_keeps_the_points_found() -> None:
    class Stopping(ProgressListener):
        def report_step(self, done: int, total: int | None, step_name: str) -> None:
            if done == 2:
                raise KeyboardInterrupt

    found = trace_frontier(
        varying(two_works()), FrontierOptions(values=(0, 4, 7, 11), listener=Stopping(), **EXACT)
    ).frontier
    assert found.ended == "interrupted"
    assert [p.value for p in found.points] == [7, 11]


# Whatever the case


CASES = range(8)


def random_case(seed: int) -> Raw:
    rng = random.Random(seed)
    return (crowded_case if seed % 2 else small_case)(rng.choice)


@pytest.mark.quick(every=9)
@pytest.mark.parametrize("seed", CASES)
def test_points_are_what_solve_finds_and_never_rise(seed: int) -> None:
    variation = varying(random_case(seed))
    found = trace_frontier(variation, FrontierOptions(points=4, refine=1, **EXACT)).frontier
    for point in found.points:
        case = variation.with_value(point.value).case
        if point.status == "infeasible":
            with pytest.raises(Infeasible):
                solve_to_plan(case, gap=1e-9)
            continue
        assert point.objective == pytest.approx(
            solve_to_plan(case, gap=1e-9).certificate.objective, rel=2e-6, abs=1e-7
        )
        assert point.expected_bound is None or point.expected_bound <= point.expected  # type: ignore[operator]
    planned = [p for p in found.points if p.objective is not None]
    for lower, higher in pairwise(planned):
        assert higher.objective <= lower.objective + 1e-9  # type: ignore[operator]
    for step in found.steps:
        assert step.marginal is not None
        assert 0 <= step.marginal.low <= step.marginal.plans
        assert step.marginal.high is None or step.marginal.plans <= step.marginal.high


@pytest.mark.quick(1)
@pytest.mark.parametrize("seed", CASES)
def test_a_coarse_gap_leaves_no_frontier_that_rises(seed: int) -> None:
    """Plans a fifth from the best would zigzag; carried on, they do not, and bounds stay true."""
    variation = varying(random_case(seed))
    pool = CutPool()
    found = trace_frontier(variation, FrontierOptions(points=5, gap=0.2), pool=pool).frontier
    planned = [p for p in found.points if p.objective is not None]
    for lower, higher in pairwise(planned):
        assert higher.objective <= lower.objective + 1e-9  # type: ignore[operator]
        assert higher.bound <= lower.bound + 1e-9  # type: ignore[operator]
    for point in planned:
        best = solve_to_plan(variation.with_value(point.value).case, gap=1e-9).certificate.objective
        assert point.bound - 1e-6 * max(1, best) <= best <= point.objective + 1e-6 * max(1, best)  # type: ignore[operator]


@pytest.mark.quick(every=5)
@pytest.mark.parametrize("seed", CASES)
def test_the_least_damage_is_not_below_its_bound(seed: int) -> None:
    """With no weight on cost the least damage is the objective itself."""
    raw = random_case(seed)
    variation = varying(raw)
    found = trace_frontier(variation, FrontierOptions(points=3, **EXACT)).frontier
    free = varying(raw | {"objective": raw.get("objective", {}) | {"cost_weight": 0}})
    for point in found.points:
        if point.expected_bound is None:
            continue
        for weight, bound in ((0, point.expected_bound), (1, point.cvar_bound)):
            alone = (
                free.with_value(point.value).with_settings([f"objective.cvar.weight={weight}"]).case
            )
            least = solve_to_plan(alone, gap=1e-9).certificate.objective
            assert bound <= least + 1e-6 * max(1.0, least)  # type: ignore[operator]


@pytest.mark.quick(every=9)
@pytest.mark.parametrize("seed", CASES)
def test_warm_points_are_as_good_as_cold_ones(seed: int) -> None:
    variation, options = (
        varying(random_case(seed)),
        FrontierOptions(values=(0, 0.7, 3, 8), gap=1e-6),
    )
    warm = trace_frontier(variation, options, pool=CutPool()).frontier
    cold = trace_frontier(variation, options).frontier
    assert [p.status for p in warm.points] == [p.status for p in cold.points]
    for one, other in zip(warm.points, cold.points, strict=True):
        if one.objective is not None:
            assert one.objective == pytest.approx(other.objective, rel=3e-6, abs=1e-7)


@pytest.mark.quick(every=3)
@pytest.mark.parametrize("pattern", LOOSENING_PATHS)
def test_loosening_a_limit_keeps_plans_feasible_and_as_good(pattern: str) -> None:
    path, (low, high) = example_values(pattern)
    read = reading(limited())
    assert Variation(read, path).only_loosens_rules
    below, above = (
        Problem.from_case(read.with_settings([f"{path}={v}"]).case) for v in (low, high)
    )
    found = solve_and_certify(below, gap=1e-9)
    carried = recertify(found, above, None)
    assert carried.objective == near(found.objective)
    assert solve_and_certify(above, gap=1e-9).objective <= found.objective + 1e-7


def test_a_patched_case_equals_the_case_of_the_patched_file() -> None:
    text = yaml.safe_dump(limited())
    settings = ["policy.budget_meur=3", "stockpiles.reserve.max_t=2"]
    once = read_case_text(text)
    assert once.with_settings(settings).case == read_case_text(text, settings=settings).case
    assert (
        once.with_settings(settings[:1]).with_settings(settings[1:]).case
        == once.with_settings(settings).case
    )
    assert once.case == read_case_text(text).case
    with pytest.raises(ScenarioError, match="is negative"):
        once.with_settings(["policy.budget_meur=-1"])


def test_a_plan_is_not_taken_to_rules_it_breaks() -> None:
    read = reading(two_works())
    rich, poor = (
        Problem.from_case(read.with_settings([f"policy.budget_meur={b}"]).case) for b in (11, 4)
    )
    found = solve_and_certify(rich, gap=1e-9)
    assert net_cost(rich.instance, found.commitment) == near(11)
    with pytest.raises(CheckFailed, match="B2"):
        recertify(found, poor, None)
