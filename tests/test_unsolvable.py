"""What no solver can take is a fault of the file, at its line."""

from __future__ import annotations

import pytest
import yaml

from models.faults import ScenarioError
from models.scenario.references import Case
from optimizer.errors import CoefficientsOutOfRange
from optimizer.model.instance import read_instance
from optimizer.solve import planner
from optimizer.solve.conflicts import scaling_fault

METHODS = ("extensive", "decomposition")

ENDLESS = """\
schema_version: 1
title: A store that earns
horizon: {first_year: 2026, last_year: 2027}
materials: {ore: {price_eur_per_t: {2026: 100, 2027: 300}}}
consumers: {industry: {}}
demand: [{consumer: industry, material: ore, t_per_year: 10}]
damage: [{material: ore, steps: [{share: 1, eur_per_t: 5000}]}]
funders: {state: {kind: public}}
stockpiles:
- id: store
  material: ore
  paid_by: {state: 1}
  residual_value: 1
"""


def test_an_option_that_no_search_knows_is_refused() -> None:
    case = Case.model_validate(yaml.safe_load(ENDLESS + "  max_t: 50\n"))
    with pytest.raises(TypeError, match="no options of a search: time_limits"):
        planner.solve_to_plan(case, gap=0.1, time_limits=1.0)  # type: ignore[call-arg]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("limit", [{"max_t": 50}, {"max_purchase_t_per_year": 25}])
def test_a_store_that_earns_is_filled_as_far_as_it_may_be(
    method: planner.Method, limit: dict[str, float]
) -> None:
    """50 t at 100 count for 300 each in the end, 25 t a year at most 25 at 100 and 25 at 300.

    50 at once cost 5,000 and count for 15,000: -0.01 million. 25 t a year cost 2,500 in the first
    year and count for 7,500, in the second for as much as they cost: -0.005.
    """
    raw = yaml.safe_load(ENDLESS)
    raw["stockpiles"][0] |= limit
    raw["objective"] = {"cost_weight": 1}
    raw["supply"] = [{"material": "ore", "country": "DE", "share": 1}]
    plan = planner.solve_to_plan(Case.model_validate(raw), method=method, threads=1)
    assert plan.certificate.objective == pytest.approx(-0.01 if "max_t" in limit else -0.005)


def test_figures_too_far_apart_are_named() -> None:
    """The figure behind a coefficient's column, or that of the rule whose own column it is."""
    raw = yaml.safe_load(ENDLESS)
    raw["projects"] = {"mine": {"country": "DE", "output_t_per_year": {"ore": 1}, "capex_meur": 1}}
    raw["funders"]["state"]["budget_meur"] = 5
    instance = read_instance(Case.model_validate(raw))
    of = {
        ("buy[store,2026]", "funder_budget[state]"): ("stockpiles", 0),
        ("share[mine,state,equity,2026]", "funder_budget[state]"): (
            "projects",
            "mine",
            "capex_meur",
        ),
        ("delivered[ore,mine,0,2026]", "state[0].demand_balance[ore,0]"): (
            "projects",
            "mine",
            "output_t_per_year",
        ),
        ("state[0].stock['ore.industry',store,3]", "state[0].stock_balance[ore,store,3]"): (
            "stockpiles",
            0,
        ),
        ("unspent[state,2026]", "funder_budget[state]"): ("funders", "state", "budget_meur"),
    }
    for place, path in of.items():
        ends = ((place, 1e-10), (("buy[store,2027]", "storage_limit[store,1]"), 1e8))
        fault = scaling_fault(instance, CoefficientsOutOfRange("too far apart", ends))
        assert isinstance(fault, ScenarioError)
        assert [one.path for one in fault.faults] == [path, ("stockpiles", 0)]
        assert "1e-10 against 1e+08" in fault.faults[0].message
    nowhere = ((("eta[all]", "excess_definition[0]"), 1e-10), (("buy[store,2026]", "x"), 1e8))
    assert scaling_fault(instance, CoefficientsOutOfRange("too far apart", nowhere)) is None
