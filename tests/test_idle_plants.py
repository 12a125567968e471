"""Idle plants: reports of plans on them, and faults of their fields.

100 t are needed and all imports are lost; ore costs 50 or 80 EUR a tonne, at one half each, works
of 100 t a year run from 60 EUR on, and a fund has a price floor of 60 EUR.
"""

from __future__ import annotations

import json

import pytest
from small import CHINA, Raw, case, cut, funder, near, project, state

from models.faults import ScenarioError
from models.files import read_case_text
from models.results import Plan
from models.scenario.references import Case
from optimizer.model.instance import read_instance
from optimizer.model.states import read_states, sample_states
from optimizer.solve.plan_document import commitment_from_plan
from optimizer.solve.planner import solve_to_plan
from optimizer.solve.solver_result import Method

PRICES = [
    {"name": {"en": "low", "de": "niedrig"}, "probability": 0.5, "eur_per_t": 50},
    {"name": "high", "probability": 0.5, "eur_per_t": 80},
]


def world(share: float = 1.0, floor: float = 60, **fields: object) -> Raw:
    """Works that bring all their output home, of which a share may be under the floor."""
    works = project(100, 0, home_share=1.0, market_finance_max=1.0, cash_cost_eur_per_t={"ore": 60})
    fund = funder()
    fund["instruments"] = {
        "floor": {
            "kind": "price_floor",
            "floor_eur_per_t": {"ore": floor},
            "max_share": share,
            "offtake_per_share": 0.1,
        }
    }
    states = [
        state("poor", 0.5, 2026, prices={"ore": "niedrig"}),
        state("rich", 0.5, 2026, prices={"ore": "high"}),
    ]
    raw = case(
        projects={"works": works | {"restart_periods": 1} | fields},
        funders={"fund": fund},
        supply=CHINA,
        hazards=cut([1.0]),
        uncertainty={"states": states},
    )
    raw["materials"]["ore"] = {"price_eur_per_t": 65, "price_states": PRICES}
    return raw


def solved(raw: Raw, method: Method = "extensive") -> Plan:
    return solve_to_plan(Case.model_validate(raw), method=method, gap=1e-6)


@pytest.mark.parametrize("method", ["extensive", "decomposition"])
@pytest.mark.parametrize(("share", "missing"), [(0.0, 50), (0.4, 30), (1.0, 0)])
def test_output_under_a_price_floor_runs_at_any_price(
    share: float, missing: float, method: Method
) -> None:
    found = solved(world(share), method)
    assert found.outcome.expected * 10 == near(missing)
    (works,) = found.idle
    assert (works.material, works.below_cash_cost, works.idle) == ("ore", near(0.5), near(0.5))
    assert works.floored == near(share)
    # 10 EUR for each tonne under the floor at the low price.
    assert found.outcome.net_cost_meur == near(0.5 * 10 * 100 * share / 1e6)


@pytest.mark.parametrize("method", ["extensive", "decomposition"])
def test_prices_in_states_count_like_price_states(method: Method) -> None:
    raw = world(0.4)
    del raw["materials"]["ore"]["price_states"]
    for one, price in zip(raw["uncertainty"]["states"], (50, {2026: 80}), strict=True):
        one["prices"] = {"ore": price}
    found, named = solved(raw, method), solved(world(0.4), method)
    assert found.outcome.model_dump() == named.outcome.model_dump()
    assert found.outcome.expected * 10 == near(30)
    assert found.idle == named.idle


def test_prices_in_states_change_over_the_years() -> None:
    """All is lost in both years; the works run at the price of the second year alone."""
    raw = world(0.0)
    raw["horizon"]["last_year"] = 2027
    raw["hazards"] = cut([1.0, 1.0])
    raw["projects"]["works"]["restart_periods"] = 2
    states = [state("rising", 1.0, 2026, prices={"ore": {2026: 50, 2027: 80}})]
    raw["uncertainty"]["states"] = states
    found = solved(raw)
    assert found.outcome.expected * 10 == near(100)
    assert found.idle[0].idle == near(0.5)


def test_a_plan_is_read_back_with_its_floors() -> None:
    raw = world(0.4)
    found, instance = solved(raw), read_instance(Case.model_validate(raw))
    held = commitment_from_plan(instance, found)
    assert held.floored == {("works", "common", "fund", "floor"): near(0.4)}


@pytest.mark.parametrize("restart", [0, 1, 2])
def test_it_runs_again_in_a_long_shortage(restart: int) -> None:
    """One year of four quarters, the low price; supply is lost all year."""
    raw = world(0.0, restart_periods=restart)
    raw["horizon"]["periods_per_year"] = 4
    raw["hazards"] = cut([1.0] * 4)
    raw["uncertainty"]["states"] = [state("poor", 1.0, 2026, prices={"ore": "low"})]
    found = solved(raw)
    assert found.outcome.expected * 10 == near(25 * restart)
    assert found.idle[0].idle == near(restart / 4)


def test_what_comes_anyway_stands_still_too() -> None:
    raw = world(0.0, anyway={"year": 2026}, home_share=0.2)
    for one in raw["uncertainty"]["states"]:
        one["anyway"] = ["works"]
    raw["policy"] = {"must_not_build": ["works"]}
    assert solved(raw).outcome.expected * 10 == near(100 - 20 / 2)


def test_prices_are_drawn_by_their_chances_and_move_nothing_else() -> None:
    raw = world()
    raw["uncertainty"] = {"sample": {"states": 2000, "seed": 7}}
    with_prices = read_instance(Case.model_validate(raw))
    states = read_states(with_prices)
    low = [dict(one.price_states)["ore"] == 0 for one in states]
    assert sum(low) / 2000 == pytest.approx(0.5, abs=0.045)
    chance = with_prices.prices["ore"].probability_in_states
    assert chance.tolist() == near([sum(low) / 2000, 1 - sum(low) / 2000])
    raw["projects"]["works"] |= {"cash_cost_eur_per_t": {}, "restart_periods": 0}
    without = read_instance(Case.model_validate(raw))
    drawn = sample_states(without, 2000, 7)
    assert [one.events for one in drawn] == [one.events for one in states]
    assert not any(one.price_states for one in drawn)


@pytest.mark.parametrize(
    ("fields", "floor", "says"),
    [
        ({"cash_cost_eur_per_t": {"ore": 1, "tin": 2}}, 60, "cash_cost_eur_per_t names 2"),
        ({"cash_cost_eur_per_t": {"tin": 2}}, 60, "the project does not make 'tin'"),
        ({"cash_cost_eur_per_t": {}}, 60, "restart_periods needs cash_cost_eur_per_t"),
        ({}, 55, "the floor for 'ore' lies below the cash cost of 'works' in 2026"),
    ],
)
def test_faults_and_doubts(fields: Raw, floor: float, says: str) -> None:
    assert any(says in fault for fault in faults(world(floor=floor, **fields)))


def test_a_price_state_has_to_be_there() -> None:
    raw = world()
    raw["uncertainty"]["states"][0]["prices"] = {"ore": "lo"}
    assert any("'ore' has no price state 'lo'; did you mean 'low'?" in f for f in faults(raw))


def faults(raw: Raw) -> list[str]:
    try:
        return [str(fault) for fault in read_case_text(json.dumps(raw)).warnings]
    except ScenarioError as error:
        return [str(fault) for fault in error.faults]
