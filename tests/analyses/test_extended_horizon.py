"""A commitment over a longer horizon, by hand: damage avoided and costs in the added years."""

from __future__ import annotations

from typing import Any

import pytest
from small import CHINA, case, cut, funder, near, project, solve, state, stockpile

from models.faults import ScenarioError
from models.results import LongerHorizon, Plan
from optimizer.analyses.evaluation.transferred_plans import evaluate_longer_horizon
from optimizer.analyses.saved_plan import SavedPlan, load_saved_plan
from optimizer.errors import CheckFailed
from optimizer.model.commitment import Commitment
from optimizer.model.instance import read_instance
from optimizer.model.states import sample_states
from optimizer.solve import outcomes
from optimizer.solve.plan_document import commitment_from_plan
from optimizer.solve.verification import check_commitment

EVEN = {"cost_weight": 1.0}


def back(plan: Plan) -> SavedPlan:
    """A plan as it comes back from its file."""
    return load_saved_plan(Plan.model_validate_json(plan.model_dump_json()))


def more(raw: dict[str, Any], years: int = 2, count: int = 50) -> LongerHorizon:
    return evaluate_longer_horizon(back(solve(raw)), years, count, seed=3)


def test_projects_deliver_and_instalments_spread_over_added_years() -> None:
    """10 million a year are missing without the works; at 25 % a year, 1/1.25 = 0.8.

    To 2027: 10 + 8 avoided; 10 million of capex, half in 2026, and half, due in 2028, in 2027:
    5 + 0.8 * 5 = 9. To 2029: 6.4 and 5.12 more; the second half in 2028: 5 + 0.64 * 5 = 8.2.
    """
    raw = case(2027, projects={"works": project(capex_profile=[0.5, 0, 0.5])}, objective=EVEN)
    raw["horizon"]["discount_rate"] = 0.25
    it = more(raw)
    assert (it.years, it.last_year) == (2, 2029)
    assert it.avoided.value == near(10 + 8 + 6.4 + 5.12)
    assert it.avoided.standard_error is None, "states that are written out are no sample"
    assert it.avoided_within == near(18)
    assert it.net_cost_meur == near(8.2)
    assert it.net_cost_within_meur == near(9)
    assert it.with_plan.expected.value == near(0)
    assert it.without_plan.worst == near(29.52)


def test_a_life_that_ends_is_not_prolonged() -> None:
    """Three years of output from 2026 on: 30 avoided to 2028, and to 2029 as well."""
    works = project(lifetime_years=3)
    raw = case(2027, projects={"works": works}, objective=EVEN)
    assert more(raw, 1).avoided.value == near(30)
    assert more(raw, 2).avoided.value == near(30)


def test_stocks_are_kept_in_added_years_without_purchases() -> None:
    """50 t of 2026 avert nothing in 2026, when nothing is cut; in 2027, 50 t of 100.

    Storage is 1 000 EUR a tonne and year: 0.05 million in each of four years; 0.5 to buy. What is
    left after 2027 is nothing in the state, though it is paid for as planned.
    """
    states = {"supply": CHINA, "hazards": cut([1.0])}
    states["uncertainty"] = {"states": [state("cut", 1.0, 2027)]}
    held = stockpile(max_purchase_t_per_year={"2026": 50, "2027": 0}, storage_eur_per_t_year=1_000)
    it = more(case(2027, stockpiles=[held], objective=EVEN, **states))
    assert it.avoided_within == near(5)
    assert it.avoided.value == near(5)
    assert it.net_cost_within_meur == near(0.5 + 2 * 0.05)
    assert it.net_cost_meur == near(0.5 + 4 * 0.05)


def test_within_its_horizon_a_plan_keeps_no_stock_for_added_years() -> None:
    """10 t are missing in 2026, on a step of 20 000 EUR: so many are bought and avoid 0.2 million.

    In 2027 all 100 t are, and 70 of them on a step of 90 000: with that year too, the 10 t are kept
    for it, and avoid 0.9.
    """
    steps = [{"share": 0.3, "eur_per_t": 20_000}, {"share": 0.7, "eur_per_t": 90_000}]
    raw = case(
        damage=[{"material": "ore", "steps": steps}],
        supply=[{"material": "ore", "country": "CN", "t_per_year": {"2026": 90, "2027": 0}}],
        stockpiles=[stockpile()],
    )
    it = more(raw, 1)
    assert it.avoided_within == near(0.2)
    assert it.avoided.value == near(0.9)
    assert it.with_plan.expected.value == near(0.2 + 0.6 + 6.3 - 0.9)


def test_no_residual_value_is_counted_where_the_years_go_on() -> None:
    """Half of 10 million is left in 2027, and of 100 t in store nine tenths of 1 million."""
    held = stockpile(initial_t=100, max_purchase_t_per_year=0)
    works = {"works": project(residual_value=0.5)}
    raw = case(2027, projects=works, stockpiles=[held], policy={"must_build": ["works"]})
    raw["horizon"]["residual_value"] = 0.9
    it = more(raw)
    assert it.residual_meur == near(5.9)
    assert it.net_cost_within_meur == near(10 - 5.9)
    assert it.net_cost_meur == near(10)


def test_budgets_do_not_limit_added_years() -> None:
    """The fund has money in 2026 alone; storage after it is paid for all the same."""
    fund = funder() | {"budget_by_year_meur": {"2026": 10}}
    held = stockpile(max_purchase_t_per_year=50, storage_eur_per_t_year=1_000)
    raw = case(funders={"fund": fund}, stockpiles=[held])
    it = more(raw)
    assert it.net_cost_meur == near(0.5 + 3 * 0.05)
    plan = back(solve(raw))
    wider = read_instance(plan.reading.with_settings(["horizon.last_year=2028"]).case)
    with pytest.raises(CheckFailed, match="B1"):
        check_commitment(wider, commitment_from_plan(wider, plan.plan))


def sampled(**fields: Any) -> dict[str, Any]:
    return case(
        2028,
        supply=CHINA,
        hazards=cut([1.0, 0.5]) | {"strike": cut([0.3])["cut"] | {"annual_probability": 0.4}},
        projects={"works": project(40, success_probability=0.7, delay_years={0: 0.5, 1: 0.5})},
        stockpiles=[stockpile(initial_t=5, max_purchase_t_per_year=20)],
        uncertainty={"sample": {"states": 20, "seed": 1}},
        objective={"cost_weight": 0.01},
        **fields,
    )


def test_sampled_states_agree_in_the_years_of_the_horizon() -> None:
    plan = back(solve(sampled()))
    own = plan.solution.instance
    wider = read_instance(plan.reading.with_settings(["horizon.last_year=2033"]).case)
    some = sample_states(own, 200, 3)
    many = sample_states(wider, 200, 3)
    assert len(some) == len(many) == 200
    later = 0
    for one, other in zip(some, many, strict=True):
        known = tuple(event for event in other.events if event[1] < len(own.periods))
        assert sorted(known) == sorted(one.events)
        assert (one.failed_projects, one.delays) == (other.failed_projects, other.delays)
        later += len(other.events) > len(known)
    assert later > 100, "few events after the own horizon, so that little was tested"


def test_sampled_figures_have_errors_and_more_years_avoid_more() -> None:
    plan = back(solve(sampled()))
    before = None
    for years in (1, 4):
        it = evaluate_longer_horizon(plan, years, 300, seed=3)
        assert it.avoided.standard_error is not None
        assert it.avoided.standard_error > 0
        assert it.avoided.value > it.avoided_within > 0
        assert before is None or it.avoided.value > before
        before = it.avoided.value
        gained = it.without_plan.expected.value - it.with_plan.expected.value
        assert it.avoided.value == near(gained)
    states = sample_states(plan.solution.instance, 300, 3)
    own, none = outcomes.evaluate_commitments(
        plan.solution.instance, states, [plan.solution.commitment, Commitment()], threads=1
    )
    assert it.avoided_within == near(none.expected - own.expected)
    again = evaluate_longer_horizon(plan, 4, 300, seed=3)
    assert again == it


def test_faults_of_a_longer_horizon_name_their_place() -> None:
    plan = back(solve(case(2027)))
    with pytest.raises(ScenarioError, match=r"a horizon of 200 years or more"):
        evaluate_longer_horizon(plan, 200, 10, seed=1)
    with pytest.raises(ValueError, match="no number of years"):
        evaluate_longer_horizon(plan, 0, 10, seed=1)
