"""Contents of a plan's document other than decisions: accounts, distribution of damage,
scenario."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from random_cases import small_case, treasury_case
from small import case, chance_of_cut, funder, near, project, solve, stockpile

from models.files import read_case
from models.results import Plan
from models.scenario.references import Case
from optimizer.errors import Infeasible
from optimizer.solve.checked_solution import input_hash
from optimizer.solve.plan_document import solved_scenario_json, weighted_quantiles
from optimizer.solve.planner import solve_to_plan


def test_quantiles_of_states_with_unlike_probabilities() -> None:
    """0, 5 and 10 with 0.5, 0.3, 0.2: up to a half it is 0, up to 0.8 it is 5, then 10."""
    found = weighted_quantiles(
        np.array([10.0, 0.0, 5.0]), np.array([0.2, 0.5, 0.3]), (0, 0.5, 0.51, 0.8, 1)
    )
    assert found == (0.0, 0.0, 5.0, 5.0, 10.0)


def test_a_state_without_probability_is_no_worst_state() -> None:
    assert weighted_quantiles(np.array([1.0, 99.0]), np.array([1.0, 0.0]), (0, 1)) == (1.0, 1.0)


def test_rounding_of_many_probabilities_does_not_lead_to_the_next_state() -> None:
    values, chance = np.arange(1000.0), np.full(1000, 0.001)
    assert weighted_quantiles(values, chance, (0.1, 0.95)) == (99.0, 949.0)


def test_the_worst_state_is_the_last_quantile_however_rare_it_is() -> None:
    values, chance = np.array([1.0, 99.0]), np.array([1 - 1e-10, 1e-10])
    assert weighted_quantiles(values, chance, (0, 0.99, 1)) == (1.0, 1.0, 99.0)


def test_the_spread_of_damage() -> None:
    """A stop with 0.4 costs 10 million; 30 t in store leave 7 of them and avoid 3."""
    raw = case(
        stockpiles=[stockpile(max_purchase_t_per_year=30)],
        funders={"fund": funder(budget=5)},
        **chance_of_cut(0.4),
    )
    spread = solve(raw).outcome.distribution
    assert spread is not None
    figures = zip(spread.without_plan, spread.with_plan, spread.avoided, strict=True)
    at = dict(zip(spread.levels, figures, strict=True))
    assert at[0.6] == (0.0, 0.0, 0.0)
    assert at[0.61] == (near(10), near(7), near(3))
    assert at[1.0] == (near(10), near(7), near(3))


def random_plans() -> list[Plan]:
    found = []
    for seed in range(60):
        try:
            draw = treasury_case if seed % 3 == 0 else small_case
            raw = draw(random.Random(seed).choice)
            found.append(solve_to_plan(Case.model_validate(raw), gap=0.0))
        except Infeasible:
            continue
    return found


@pytest.fixture(scope="module")
def plans() -> list[Plan]:
    return random_plans()


@pytest.mark.slow
def test_accounts_add_up(plans: list[Plan]) -> None:
    """To the net cost, to what each funder commits in each year, and no position is at a loss
    of more than was committed."""
    assert sum(len(answer.accounts) for answer in plans) > 50
    for answer in plans:
        assert sum(x.cost_meur for x in answer.accounts) == near(answer.outcome.net_cost_meur)
        for f, by_year in answer.committed_meur.items():
            for year, meur in by_year.items():
                paid = sum(x.paid_meur.get(year, 0.0) for x in answer.accounts if x.funder == f)
                assert paid == near(meur)
        for position in answer.accounts:
            assert position.maximum_loss_meur <= position.committed_meur + 1e-9


@pytest.mark.slow
def test_budget_lines_agree_with_what_is_spent(plans: list[Plan]) -> None:
    for answer in plans:
        for line in answer.budget_lines:
            if line.kind != "budget":
                continue
            assert line.used_meur == answer.spend_meur[line.funder]
            if line.total_meur is not None:
                assert sum(line.used_meur.values()) <= line.total_meur + 1e-4
            for year, meur in (line.available_meur or {}).items():
                assert line.used_meur[year] <= meur + 1e-4


@pytest.mark.slow
def test_lines_hold_what_they_grant(plans: list[Plan]) -> None:
    lines = [line for answer in plans for line in answer.budget_lines if line.kind != "budget"]
    assert {line.kind for line in lines} == {"cash", "commitment", "guarantee_stock"}
    for line in lines:
        if line.total_meur is not None:
            assert sum(line.used_meur.values()) <= line.total_meur + 1e-4
        for year, meur in (line.available_meur or {}).items():
            assert line.used_meur[year] <= meur + 1e-4


def test_what_a_year_leaves_is_available_in_the_next() -> None:
    """10 a year for three years; 10 t a year at 0.01 million each are 0.1 and leave 9.9."""
    raw: dict[str, Any] = case(
        last_year=2027,
        stockpiles=[stockpile(max_purchase_t_per_year=10)],
        funders={
            "fund": funder() | {"budget_by_year_meur": {2026: 10, 2027: 10}, "carry_over": True}
        },
        supply=[{"material": "ore", "country": "CN", "share": 0.5}],
    )
    (line,) = solve(raw).budget_lines
    assert line.used_meur["2026"] == near(0.1)
    assert line.available_meur == {"2026": near(10), "2027": near(19.9)}


def test_public_money_for_a_stock_is_expenditure() -> None:
    raw = case(
        stockpiles=[stockpile(max_purchase_t_per_year=30, paid_by={"fund": 0.5, "firm": 0.5})],
        funders={"fund": funder(budget=5), "firm": funder("company")},
        **chance_of_cut(0.4),
    )
    classes = {x.funder: x.budget_class for x in solve(raw).accounts}
    assert classes == {"fund": "expenditure", "firm": "private"}


def test_a_stake_is_at_risk_and_a_grant_is_spent() -> None:
    raw = case(
        projects={"works": project(100, capex=10)},
        funders={
            "fund": funder(max_share=0.5),
            "aid": {"kind": "public", "instruments": {"grant": {"budget_class": "grant"}}},
        },
        policy={"must_build": ["works"]},
    )
    at = {x.funder: x for x in solve(raw).accounts if x.committed_meur > 1e-6}
    stake = at["fund"]
    assert (stake.outstanding_meur["2026"], stake.maximum_loss_meur) == (near(5), near(5))
    grant = at["aid"]
    assert grant.committed_meur == near(5)
    assert (grant.outstanding_meur["2026"], grant.maximum_loss_meur) == (0.0, 0.0)


@pytest.mark.quick(1)
@pytest.mark.parametrize("name", ["tutorial", "germany-2026", "consortium", "japan-2010"])
def test_a_scenario_comes_back_whole(name: str) -> None:
    file = f"scenarios/{name}.yaml"
    variants = read_case(file).case.variants
    for variant in (None, *variants):
        read = read_case(file, variant=variant).case
        document = solved_scenario_json(read, variant)
        again = Case.model_validate(document)
        assert input_hash(again) == input_hash(read)
        assert set(again.variants) == {variant, read.counterfactual} - {None}
        if variant is not None:
            assert again.variants[variant] == read.variants[variant]


def test_a_plan_carries_its_scenario() -> None:
    answer = solve(case(home=["DE"]))
    again = Plan.model_validate_json(answer.model_dump_json())
    assert again == answer
    assert again.case is not None
    assert input_hash(again.case) == answer.certificate.input_sha256
