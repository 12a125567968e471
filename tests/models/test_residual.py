"""Residual values that make buying a gain: refused where nothing limits it, else warned of."""

from __future__ import annotations

import json
from typing import Any

import pytest
from small import case, funder, project, stockpile

from models.faults import ScenarioError
from models.files import read_case_text
from models.scenario.case import Case, cheapest_purchase
from optimizer.model.commitment import Commitment, net_cost
from optimizer.model.instance import read_instance


def faults_of(raw: dict[str, Any]) -> list[str]:
    """Faults and warnings about residual values, as they are shown."""
    try:
        found = read_case_text(json.dumps(raw), "scenario.json").warnings
    except ScenarioError as error:
        found = error.faults
    return [str(one) for one in found if "residual" in str(one)]


def rising(**fields: Any) -> dict[str, Any]:
    """The price goes from 10 000 to 20 000 EUR/t in a year."""
    ore = {"ore": {"price_eur_per_t": {"2026": 10_000, "2027": 20_000}}}
    funders = {"fund": funder(budget=fields.pop("budget", None))}
    if "line" in fields:
        funders["fund"]["budget_lines"] = {"line": fields.pop("line")}
    return case(2027, materials=ore, stockpiles=[stockpile(**fields)], funders=funders)


@pytest.mark.parametrize(
    "line",
    [
        None,
        {"kind": "guarantee_stock", "limit_meur": 3},
        {"kind": "cash", "total_meur": 3, "stock_charge": 0},
    ],
)
def test_earning_without_end_is_refused(line: dict[str, Any] | None) -> None:
    """10 000 EUR buy what counts 0.6 * 20 000; lines that stocks do not charge limit nothing."""
    (fault,) = faults_of(rising(residual_value=0.6, **({} if line is None else {"line": line})))
    assert "error: with its residual value, 'reserve' earns by buying in 2026" in fault
    assert "give max_t or max_purchase_t_per_year, or a lower residual_value" in fault


@pytest.mark.parametrize(
    "limit",
    [
        {"max_t": 50},
        {"max_purchase_t_per_year": 50},
        {"budget": 3},
        {"line": {"kind": "cash", "total_meur": 3}},
    ],
    ids=str,
)
def test_earning_up_to_a_limit_is_warned_of(limit: dict[str, Any]) -> None:
    (doubt,) = faults_of(rising(residual_value=0.6, **limit))
    assert "warning: with its residual value, 'reserve' costs nothing, or earns" in doubt


@pytest.mark.parametrize(
    ("fields", "warned"),
    [
        # A tonne of 2026 counts 12 000: 2 000 more than it costs.
        ({"residual_value": 0.49}, False),
        ({"residual_value": 0.6, "purchase_premium": 0.21}, False),
        ({"residual_value": 0.6, "purchase_premium": 0.19}, True),
        ({"residual_value": 0.6, "storage_eur_per_t_year": 1_010}, False),
        ({"residual_value": 0.6, "storage_eur_per_t_year": 990}, True),
        # 0.06 of 10 000 and of 20 000; 0.07 make 2 100.
        ({"residual_value": 0.6, "financing_rate": 0.06}, True),
        ({"residual_value": 0.6, "financing_rate": 0.07}, False),
        # What is bought over 2026 loses nothing in it and a share in 2027.
        ({"residual_value": 0.6, "annual_loss": 0.16}, True),
        ({"residual_value": 0.6, "annual_loss": 0.17}, False),
    ],
)
def test_a_doubt_goes_by_all_that_holding_costs(fields: dict[str, Any], warned: bool) -> None:
    assert bool(faults_of(rising(max_t=50, **fields))) == warned


def test_the_rule_of_a_doubt_is_that_of_the_plan() -> None:
    """Three years of four periods, losses and interest: the warning computes it as the objective
    does."""
    raw = rising(
        residual_value=0.7,
        annual_loss=0.3,
        storage_eur_per_t_year=700,
        financing_rate=0.04,
        purchase_premium=0.05,
    )
    raw["horizon"] |= {"last_year": 2028, "periods_per_year": 4, "discount_rate": 0.07}
    read = Case.model_validate(raw)
    instance = read_instance(read)
    costs = {}
    for place, year in enumerate(instance.years):
        buy = instance.demand["industry", "ore"] * 0
        buy[place] = 1 / instance.lot_tonnes["ore"]
        costs[year] = net_cost(instance, Commitment(buy={"reserve": buy})) * 1e6 / 20_000
    year = min(costs, key=costs.__getitem__)
    assert cheapest_purchase(read, read.stockpiles[0]) == (year, pytest.approx(costs[year]))
    early = {"max_purchase_t_per_year": {"2026": 1, "2027": 0, "2028": 0}}
    raw["stockpiles"][0] |= early
    read = Case.model_validate(raw)
    assert cheapest_purchase(read, read.stockpiles[0]) == (2026, pytest.approx(costs[2026]))


def test_a_project_that_keeps_all_of_its_value_is_warned_of() -> None:
    works = {"works": project(residual_value=1)}
    (doubt,) = faults_of(case(projects=works))
    assert "a project started in the last year costs nothing" in doubt
    assert not faults_of(case(projects={"works": project(residual_value=0.9)}))
    raw = case(projects={"works": project()})
    raw["horizon"]["residual_value"] = 1
    assert len(faults_of(raw)) == 1
