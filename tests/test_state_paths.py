"""Demand factors and prices that change over the years of a written-out state."""

from __future__ import annotations

import random
from typing import Any

import pytest
from both_methods import by_both
from random_cases import Pick, Raw, some_of
from random_worlds import PRICES, has, world_case, years_of
from small import bought, case, near, solve, stockpile

from models.scenario.references import Case
from optimizer.errors import Infeasible
from optimizer.model.instance import read_instance
from optimizer.model.review import read_information_set
from optimizer.model.scenario_data import compute_scenario_data
from optimizer.model.states import read_states
from optimizer.solve.planner import Problem, solve_to_plan


def by_state(*fields: Raw) -> Raw:
    """States of equal probability."""
    return {"states": [{"probability": 1 / len(fields), **one} for one in fields]}


def growing(**sections: Any) -> Raw:
    """100 t of 100 t arrive in each of two years; in one of two states demand grows by half."""
    grows = {"demand": {"ore": {2026: 1, 2027: 1.5}}}
    supply = [{"material": "ore", "country": "CN", "t_per_year": 100}]
    return case(last_year=2027, supply=supply, uncertainty=by_state({}, grows), **sections)


def test_demand_that_grows_in_a_state_is_missing_in_that_year() -> None:
    found = solve(growing())
    assert found.outcome.expected == near(0.5 * 50 * 100_000 / 1e6)
    (ore,) = found.materials
    assert [ore.by_year[y].expected_shortage_t for y in ("2026", "2027")] == near([0, 25])
    assert ore.by_year["2027"].probability_of_shortage == near(0.5)


def test_a_stock_is_bought_for_demand_that_grows_in_a_state() -> None:
    found = solve(growing(stockpiles=[stockpile(max_t=80)], objective={"cost_weight": 1}))
    assert sum(bought(found).values()) == near(50)
    assert found.outcome.expected == near(0)


def test_supply_given_as_a_share_grows_with_demand() -> None:
    raw = growing()
    raw["supply"] = [{"material": "ore", "country": "CN", "share": 0.8}]
    assert solve(raw).outcome.expected == near((20 + 0.5 * 20 + 0.5 * 30) * 0.1)


def test_years_between_those_named_are_interpolated() -> None:
    raw = growing()
    raw["horizon"]["last_year"] = 2028
    raw["uncertainty"] = by_state({"demand": {"ore": {2026: 1, 2028: 2}}})
    instance = read_instance(Case.model_validate(raw))
    (state,) = read_states(instance)
    assert state.demand_factors == (("ore", (1.0, 1.5, 2.0)),)
    lots = compute_scenario_data(instance, state).demand["ore"]
    assert (lots * instance.lot_tonnes["ore"]).tolist() == [100, 150, 200]


def with_paths(pick: Pick, raw: Raw) -> Raw:
    """The case with demand and prices by year in its states."""
    years = years_of(raw)
    for state in raw["uncertainty"]["states"]:
        for m in some_of(pick, list(raw["materials"])):
            state.setdefault("demand", {})[m] = {y: pick([0.5, 1, 1.3]) for y in years}
        for m in list(state.get("prices", {})):
            if pick([True, True, False]):
                state["prices"][m] = {y: pick([9_000, 15_000, 40_000]) for y in years}
    return raw


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.quick(every=30, ci=3)
def test_both_methods_find_the_same_with_paths(seed: int) -> None:
    pick = random.Random(f"paths {seed}").choice
    by_both(Problem.from_case(Case.model_validate(with_paths(pick, world_case(pick)))), 1e-6)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.quick(every=20, ci=4)
def test_in_one_state_factors_are_the_same_as_other_demand(seed: int) -> None:
    pick = random.Random(f"one {seed}").choice
    raw = world_case(pick)
    years, (first, *_) = years_of(raw), raw["uncertainty"]["states"]
    for row in raw["supply"]:
        row.pop("share", None)
        row.setdefault("t_per_year", pick([20, 60]))
    for it in raw["stockpiles"]:
        it.pop("min_days_of_demand", None)
    raw.get("policy", {}).pop("max_country_share", None)
    raw["objective"] = {**raw.get("objective", {}), "measure": "damage", "allocation": "pooled"}
    path = {y: pick([0.5, 1, 1.3]) for y in years}
    state = {k: x for k, x in first.items() if k != "demand"} | {"probability": 1.0}
    with_path = {**state, "demand": dict.fromkeys(raw["materials"], path)}
    in_state = {**raw, "uncertainty": {"states": [with_path]}}
    in_file = {**raw, "uncertainty": {"states": [state]}}
    in_file["demand"] = [
        {**row, "t_per_year": {y: factor * at(row["t_per_year"], y) for y, factor in path.items()}}
        for row in raw["demand"]
    ]
    objectives = [objective(one) for one in (in_state, in_file)]
    assert objectives[0] == (near(objectives[1]) if objectives[1] is not None else None)


def at(quantity: Any, year: int) -> float:
    if not isinstance(quantity, dict):
        return float(quantity)
    known = [y for y in sorted(quantity) if y <= year] or [min(quantity)]
    later = [y for y in sorted(quantity) if y >= year] or [max(quantity)]
    (y0, y1) = known[-1], later[0]
    share = 0.0 if y0 == y1 else (year - y0) / (y1 - y0)
    return float(quantity[y0] + share * (quantity[y1] - quantity[y0]))


def objective(raw: Raw) -> float | None:
    try:
        return solve_to_plan(Case.model_validate(raw), gap=1e-8).certificate.objective
    except Infeasible:
        return None


def test_a_review_sees_prices_before_it_and_none_later() -> None:
    prices = [{2026: 10, 2027: 20}, {2026: 10, 2027: 99}, {2026: 11, 2027: 20}]
    raw = case(last_year=2027, uncertainty=by_state(*({"prices": {"ore": x}} for x in prices)))
    raw["review"] = {"year": 2027, "observe": [{"price": "ore"}]}
    instance = read_instance(Case.model_validate(raw))
    seen = [read_information_set(instance, state) for state in read_states(instance)]
    assert seen == [("1",), ("1",), ("3",)]
    groups = solve(raw).review.groups
    assert [group.seen[0].state for group in groups] == ["2026: 10", "2026: 11"]
    assert [group.probability for group in groups] == near([2 / 3, 1 / 3])


def test_prices_equal_to_those_of_a_price_state_are_that_state() -> None:
    raw = case(uncertainty=by_state({"prices": {"ore": "low"}}, {"prices": {"ore": 10_000}}))
    raw["materials"]["ore"]["price_states"] = PRICES
    low = next(float(one["eur_per_t"]) for one in PRICES if "low" in str(one["name"]))
    raw["uncertainty"]["states"][1]["prices"]["ore"] = low
    states = read_states(read_instance(Case.model_validate(raw)))
    assert len({state.price_states for state in states}) == 1


def test_random_cases_have_paths_of_both_kinds() -> None:
    picks = [random.Random(f"paths {n}").choice for n in range(60)]
    assert sum(has(with_paths(pick, world_case(pick)), "idle") for pick in picks) > 5
