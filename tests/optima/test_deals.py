"""Premiums on secured output, overruns and limits on starts, solved by hand.

Unless a test says otherwise works yield 100 t a year, all that is needed, and all of it can come
home; a missing tonne costs 0.1 million EUR, a year without any 10; and costs weigh a thousandth.
"""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from partners import with_fund
from random_cases import deals_case, treasury_case
from small import Raw, case, funder, near, project, solve, starts

from models.files import read_case_text
from models.scenario.references import Case
from optimizer.analyses.split.split import split_joint_gain
from optimizer.errors import Infeasible
from optimizer.model.commitment import weighted_cost
from optimizer.model.decision_tree import DecisionTree
from optimizer.model.instance import change_perspective, read_instance
from optimizer.model.states import read_states
from optimizer.solve.decomposition import solve_by_decomposition
from optimizer.solve.extensive_form import solve_extensive_form
from optimizer.solve.planner import solve_to_plan
from optimizer.solve.verification import broken_rules

OVERRUN = [
    {"by": 0.8, "probability": 0.2},
    {"by": 0.0, "probability": 0.4},
    {"by": 0.3, "probability": 0.4},
]  # 0.28 in the mean


def works(capex: float = 10, tonnes: float = 100, **fields: Any) -> Raw:
    return project(tonnes, capex, home_share=1.0, **fields)


def premium(eur_per_t: Any, **paid_by: float) -> Raw:
    ore = {"price_eur_per_t": 10_000, "secured_premium_eur_per_t": eur_per_t}
    return {"ore": ore | {"premium_paid_by": paid_by or {"fund": 1.0}}}


@pytest.mark.parametrize(
    ("limits", "built", "damage"),
    [
        ({}, {"one": 2026, "two": 2026}, 0),
        ({2026: 1}, {2026, 2027}, 5),
        ({2026: 0, 2027: 1}, {2027, 2028}, 15),
        ({2026: 0, 2027: 0, 2028: 0}, set(), 30),
        ({2028: 0}, {"one": 2026, "two": 2026}, 0),
    ],
)
def test_starts_by_year(limits: Raw, built: Any, damage: float) -> None:
    """Two works of 50 t: each year that one waits costs 5 million. Capex weighs 0.01 for each."""
    pair = {name: works(10, 50) for name in ("one", "two")}
    answer = solve(case(2028, projects=pair, policy={"max_starts_by_year": limits}))
    found = starts(answer)
    assert (found if isinstance(built, dict) else set(found.values())) == built
    assert answer.certificate.objective == near(damage + 0.01 * len(found))


def test_a_project_that_must_be_built_and_cannot_be_started() -> None:
    """Both rules are named, at their places."""
    raw = case(
        projects={"works": works()},
        policy={"must_build": ["works"], "max_starts_by_year": {2026: 0}},
    )
    with pytest.raises(Infeasible) as caught:
        solve(raw)
    rules = {rule.name: rule.path for rule in caught.value.conflict}
    assert rules["starts_by_year"] == ("policy", "max_starts_by_year", "2026")
    assert set(rules) == {"starts_by_year", "must_build"}


@pytest.mark.parametrize(
    ("eur_per_t", "offtake", "objective"), [(20_000, 1, 2), (99_000, 1, 9.9), (101_000, 0, 10)]
)
def test_a_premium_is_paid_if_it_is_worth_it(
    eur_per_t: float, offtake: float, objective: float
) -> None:
    """Works that the market pays in full avoid 10 million a year, at a premium on 100 t; costs
    weigh as much as damage."""
    raw = case(
        projects={"works": works(market_finance_max=1)},
        materials=premium(eur_per_t),
        objective={"cost_weight": 1},
    )
    answer = solve(raw)
    assert sum(p.offtake for p in answer.projects) == near(offtake)
    assert answer.certificate.objective == near(objective)
    assert answer.outcome.net_cost_meur == near(objective if offtake else 0)


def test_who_pays_a_premium_of_two_years() -> None:
    """10,000 EUR/t in 2026 and 30,000 in 2027, half of nameplate in the first year and all of it in
    the second, and success of 0.8: 0.4 and 2.4 million, of which a company pays a quarter.

    At 25 %: 0.4 + 2.4 / 1.25. A budget is charged half of it. Authority is not charged, cash 0.2.
    """
    lines = {
        "authority": {"kind": "commitment", "total_meur": 0},
        "cash": {"kind": "cash", "total_meur": 1, "premium_charge": 0.2},
    }
    raw = case(
        2027,
        horizon={"first_year": 2026, "last_year": 2027, "discount_rate": 0.25},
        projects={
            "works": works(
                market_finance_max=1, ramp_up=[0.5, 1.0], success_probability=0.8, latest_start=2026
            )
        },
        materials=premium({2026: 10_000, 2027: 30_000}, fund=0.75, maker=0.25),
        funders={
            "fund": {"kind": "public", "premium_charge": 0.5, "budget_lines": lines},
            "maker": {"kind": "company"},
        },
    )
    answer = solve(raw)
    assert answer.outcome.net_cost_meur == near(2.32)
    assert answer.certificate.objective == near(5 + 0.00232)
    assert answer.spend_meur["fund"] == {"2026": near(0.15), "2027": near(0.9)}
    assert answer.spend_meur["maker"] == {"2026": near(0.1), "2027": near(0.6)}
    assert answer.committed_meur["fund"] == {"2026": near(0.3), "2027": near(1.8)}
    used = {one.line: sum(one.used_meur.values()) for one in answer.budget_lines}
    assert used == {"authority": 0, "cash": near(0.42)}
    assert [one.budget_class for one in answer.accounts] == ["premium", "premium"]
    assert [one.project for one in answer.accounts] == ["works", "works"]
    assert [one.cost_meur for one in answer.accounts] == [near(0.75 * 2.32), near(0.25 * 2.32)]
    assert all(one.maximum_loss_meur == 0 for one in answer.accounts)


def test_a_budget_that_pays_for_a_part_of_the_premium() -> None:
    """0.5 of 2 million a year: a quarter is reserved, though all of it would come home."""
    raw = case(
        projects={"works": works(market_finance_max=1)},
        materials=premium(20_000),
        funders={"fund": {"kind": "public", "budget_meur": 0.5}},
    )
    answer = solve(raw)
    assert answer.projects[0].offtake_common == near(0.25)
    assert answer.certificate.objective == near(7.5 + 0.0005)


@pytest.mark.parametrize(
    ("contingency", "budgeted"),
    [(None, 12.8), (0.0, 10), (0.4, 10), (0.41, 13), (0.8, 13), (0.81, 18), (1.0, 18)],
)
@pytest.mark.parametrize("lack", [0, 0.01])
def test_budgets_hold_what_works_cost_at_the_contingency(
    contingency: float | None, budgeted: float, lack: float
) -> None:
    """A budget of just that, and one of a little less. Net cost has the mean: 12.8, of which 0.25
    comes back."""
    raw = case(
        projects={"works": works(capex_overrun=OVERRUN)},
        funders={"fund": funder(budget=budgeted - lack, recovery=0.25)},
        policy={"contingency": contingency},
    )
    answer = solve(raw)
    assert bool(answer.projects) is (lack == 0)
    if lack:
        return
    assert answer.outcome.net_cost_meur == near(9.6)
    assert answer.spend_meur["fund"]["2026"] == near(budgeted)
    assert answer.committed_meur["fund"]["2026"] == near(12.8)
    (position,), (built,) = answer.accounts, answer.projects
    assert (position.cost_meur, position.committed_meur) == (near(9.6), near(budgeted))
    assert built.capex_meur == 10
    assert (built.expected_capex_meur, built.budgeted_capex_meur) == (near(12.8), near(budgeted))


def test_tickets_and_state_aid_are_of_the_announced_capex() -> None:
    """A ticket of 10 and aid of 10 million are enough for works that cost 18."""
    raw = case(
        projects={"works": works(capex_overrun=[{"by": 0.8, "probability": 1}])},
        funders={"fund": funder(ticket_min_meur=10, ticket_max_meur=10, grant_equivalent=1)},
        policy={"state_aid": {"max_meur": 10}},
    )
    answer = solve(raw)
    assert answer.spend_meur["fund"]["2026"] == near(18)


def test_what_lasts_of_an_overrun() -> None:
    """Half of what works cost counts at the end: 0.5 * 12.8."""
    raw = case(projects={"works": works(capex_overrun=OVERRUN, residual_value=0.5)})
    answer = solve(raw)
    assert answer.outcome.net_cost_meur == near(6.4)
    assert answer.outcome.residual_meur == near(6.4)


@pytest.mark.parametrize(
    ("seen", "objective"),
    [({}, 2.0), ({"cost_weights": {"fund": 0.0}}, 0.5), ({"inactive_funders": ["maker"]}, 10.0)],
)
def test_premiums_from_a_standpoint(seen: Raw, objective: float) -> None:
    """2 million, of which a company pays a quarter: what only counts for it, and what nobody can
    reserve where it takes no part."""
    scenario = Case.model_validate(
        case(
            projects={"works": works(market_finance_max=1)},
            materials=premium(20_000, fund=0.75, maker=0.25),
            funders={"fund": funder(), "maker": funder("company")},
            objective={"cost_weight": 1},
        )
    )
    instance = change_perspective(read_instance(scenario), **seen)
    for solve_it in (solve_extensive_form, solve_by_decomposition):
        solved = solve_it(DecisionTree.of(instance), [read_states(instance)], gap=1e-9)
        assert solved.solution.objective == near(objective)
        assert solved.commitment is not None
        assert weighted_cost(instance, solved.commitment) == near(objective % 10)
        assert broken_rules(instance, solved.commitment) == []


@pytest.mark.parametrize("payer", ["fund", "maker"])
def test_a_game_in_which_output_has_a_premium(payer: str) -> None:
    """The partners with a fund, whose works of 9 cost 11.25 in the mean, and 160 t of ore 0.32.

    The maker with the fund lacks 20 t: 11.25 + 0.32 + 2; all lack 40: 11.25 + 0.32 + 4. The user
    has 5 alone, so that they gain 3. Who pays the premium does not matter as long as it acts.
    """
    raw = with_fund()
    raw["materials"] = premium(2_000, **{payer: 1.0})
    overrun = [{"by": 0.5, "probability": 0.5}, {"by": 0.0, "probability": 0.5}]
    raw["projects"]["works"]["capex_overrun"] = overrun
    found = split_joint_gain(read_case_text(json.dumps(raw), "partners.json"), title="Partners")
    assert [player.alone.value for player in found.players] == [near(13.57), near(5)]
    assert found.worth.value == near(3)
    assert sum(found.plan.outlay_meur.values()) == near(11.57)


def without(raw: Raw) -> Raw:
    """The same where deals cost nothing more, and as many can be made as are wanted."""
    for material in raw["materials"].values():
        if "premium_paid_by" in material:
            material["secured_premium_eur_per_t"] = 0
    for one in raw["projects"].values():
        for overrun in one.get("capex_overrun", ()):
            overrun["by"] = 0
    if "max_starts_by_year" in raw["policy"]:
        years = range(raw["horizon"]["first_year"], raw["horizon"]["last_year"] + 1)
        raw["policy"]["max_starts_by_year"] = dict.fromkeys(years, len(raw["projects"]))
    return raw


@pytest.mark.quick(every=5)
@pytest.mark.parametrize("seed", range(12))
def test_deals_that_cost_nothing_are_none(seed: int) -> None:
    """Premiums and overruns of 0 and limits that never bind: the same optimum as without them."""
    found = []
    for made in (treasury_case, deals_case):
        raw = made(random.Random(f"none {seed}").choice)
        raw["horizon"].pop("residual_value", None)
        for stock in raw["stockpiles"]:
            stock.setdefault("max_t", 60)
        try:
            found.append(
                solve_to_plan(Case.model_validate(without(raw)), gap=1e-7).certificate.objective
            )
        except Infeasible:
            found.append(float("inf"))
    assert found[0] == pytest.approx(found[1], rel=2e-7, abs=1e-9)


@pytest.mark.quick(every=5)
@pytest.mark.parametrize("seed", range(12))
def test_the_accounts_of_deals_add_up(seed: int) -> None:
    """Net cost, what is provided and what budgets are charged, from the accounts alone."""
    scenario = Case.model_validate(deals_case(random.Random(f"accounts {seed}").choice))
    try:
        answer = solve_to_plan(scenario, gap=1e-4)
    except Infeasible:
        return
    instance = read_instance(scenario)
    costs = [one.cost_meur for one in answer.accounts]
    assert sum(costs) == near(answer.outcome.net_cost_meur)
    for f in scenario.funders:
        own = [one for one in answer.accounts if one.funder == f]
        provided = sum(sum(one.paid_meur.values()) for one in own)
        assert sum(answer.committed_meur[f].values()) == near(provided)
        charged = 0.0
        for one in own:
            paid, charge = sum(one.paid_meur.values()), 1.0
            if one.budget_class == "premium":
                charge = float(scenario.funders[f].premium_charge)
            elif one.instrument is not None and one.project is not None:
                terms, it = scenario.funders[f].instruments[one.instrument], one.project
                charge = float(terms.budget_charge)
                if terms.kind != "price_floor":
                    charge *= (
                        instance.projects[it].budgeted_cost_factor
                        / instance.projects[it].expected_cost_factor
                    )
            charged += charge * paid
        assert sum(answer.spend_meur[f].values()) == near(charged)
