"""Who pays, and who may not: tickets, budgets, public shares and state aid, solved by hand.

Unless a test says otherwise a project yields 100 t a year, all that is needed; a funder's share of
its capex brings that share of its output home; a missing tonne costs 0.1 million EUR; and costs
weigh a thousandth.
"""

from __future__ import annotations

from typing import Any

import pytest
from small import case, funder, near, project, solve, starts

from optimizer.errors import Infeasible

Raw = dict[str, Any]
TWO_FUNDS = {"one": funder(budget=10), "two": funder(budget=10)}
BIG_AND_SMALL = {"big": project(60, 10), "small": project(40, 10)}


def a_hundred(market: float = 0.8, **fields: Any) -> Raw:
    """One project of 100 million EUR."""
    return {"mine": project(100, 100, market_finance_max=market, **fields)}


@pytest.mark.parametrize(("minimum", "built", "objective"), [(30, False, 10.0), (25, True, 7.525)])
def test_a_ticket_too_large_keeps_a_funder_out(
    minimum: float, built: bool, objective: float
) -> None:
    """A quarter of 100 million is 25: with tickets from 30 the fund cannot take part at all.

    Lenders stop at 0.8, so nothing is built: 10 million of damage. With tickets from 25 it is
    built, a quarter comes home: 7.5 + 0.001 * 25.
    """
    fund = funder(max_share=0.25, ticket_min_meur=minimum)
    answer = solve(case(projects=a_hundred(), funders={"fund": fund}))
    assert bool(answer.projects) is built
    assert answer.certificate.objective == near(objective)


@pytest.mark.parametrize(("market", "built", "objective"), [(0.8, False, 10.0), (0.9, True, 8.515)])
def test_a_ticket_ends_somewhere(market: float, built: bool, objective: float) -> None:
    """Tickets end at 15 of 100 million: lenders must bring 0.85.

    Then 15 t come home: 8.5 + 0.001 * 15.
    """
    answer = solve(case(projects=a_hundred(market), funders={"fund": funder(ticket_max_meur=15)}))
    assert bool(answer.projects) is built
    assert answer.certificate.objective == near(objective)


def test_a_ticket_minimum_can_force_a_larger_share() -> None:
    """Output worth saving ends at offtake_max 0.2, yet the smallest ticket is 40 of 100 million.

    20 t come home, 40 million are spent, the market adds 0.6: 8 + 0.001 * 40.
    """
    fund = funder(ticket_min_meur=40)
    answer = solve(case(projects=a_hundred(offtake_max=0.2), funders={"fund": fund}))
    (mine,) = answer.projects
    assert mine.shares == {"fund": {"equity": near(0.4)}}
    assert (mine.market_share, mine.offtake) == (near(0.6), near(0.2))
    assert answer.certificate.objective == near(8.04)


@pytest.mark.parametrize(
    ("carry", "built", "objective"), [(False, {}, 20.0), (True, {"mine": 2027}, 10.02)]
)
def test_what_a_year_leaves(carry: bool, built: dict[str, int], objective: float) -> None:
    """10 million a year, and a project of 20 all due in its first year.

    Never enough without carry-over: two years of damage. With it, 2027 has 20: one year of damage.
    """
    yearly = {2026: 10, 2027: 10}
    fund = funder() | {"budget_by_year_meur": yearly, "carry_over": carry}
    answer = solve(
        case(last_year=2027, projects={"mine": project(100, 20)}, funders={"fund": fund})
    )
    assert starts(answer) == built
    assert answer.certificate.objective == near(objective)


def test_years_without_a_budget_get_nothing() -> None:
    """Only 2027 has money, though the whole budget would do: one of two years is lost."""
    fund = funder(budget=50) | {"budget_by_year_meur": {2027: 10}}
    answer = solve(case(last_year=2027, projects={"mine": project()}, funders={"fund": fund}))
    assert starts(answer) == {"mine": 2027}
    assert answer.certificate.objective == near(10.01)


def test_both_budgets_bind() -> None:
    """10 million in each of three years, 15 in all: one project of 10, not two."""
    fund = funder(budget=15) | {"budget_by_year_meur": {2026: 10, 2027: 10, 2028: 10}}
    answer = solve(case(last_year=2028, projects=BIG_AND_SMALL, funders={"fund": fund}))
    assert starts(answer) == {"big": 2026}
    assert answer.certificate.objective == near(3 * 4 + 0.01)


@pytest.mark.parametrize(
    ("policy", "built", "objective"),
    [({}, {"big": 2026, "small": 2026}, 0.02), ({"budget_meur": 12}, {"big": 2026}, 4.01)],
)
def test_one_ceiling_over_two_public_funds(
    policy: Raw, built: dict[str, int], objective: float
) -> None:
    """Each has 10 million, a project each. Together 12: only the larger, 40 t stay missing."""
    answer = solve(case(projects=BIG_AND_SMALL, funders=TWO_FUNDS, policy=policy))
    assert starts(answer) == built
    assert answer.certificate.objective == near(objective)


def test_the_public_ceiling_leaves_companies_alone() -> None:
    """12 public million and 8 of a company make both projects possible: 0.001 * 20."""
    funders = TWO_FUNDS | {"maker": funder("company", budget=8)}
    answer = solve(case(projects=BIG_AND_SMALL, funders=funders, policy={"budget_meur": 12}))
    assert starts(answer) == {"big": 2026, "small": 2026}
    assert answer.certificate.objective == near(0.02)
    assert answer.spend_meur["maker"]["2026"] == near(8)


def test_a_guarantee_uses_its_provision_and_costs_its_loss() -> None:
    """100 million guaranteed at a charge of 0.1 fit a budget of 10; a tenth is lost for good.

    Spend 10, net cost 100 * (1 - 0.9) = 10, nothing missing: 0.001 * 10.
    """
    fund = funder(budget=10, budget_charge=0.1, recovery=0.9)
    answer = solve(case(projects=a_hundred(0.0), funders={"fund": fund}))
    assert answer.spend_meur["fund"]["2026"] == near(10)
    assert answer.outcome.net_cost_meur == near(10)
    assert answer.certificate.objective == near(0.01)


@pytest.mark.parametrize(
    ("market", "built", "objective"), [(0.5, False, 10.0), (0.55, True, 5.149)]
)
def test_the_public_share_of_a_project_is_limited(
    market: float, built: bool, objective: float
) -> None:
    """0.49 public and 0.5 from lenders leave a gap; with 0.55 it closes.

    Two funds count together: 49 t come home for 49 million, 5.1 + 0.049.
    """
    answer = solve(
        case(
            projects=a_hundred(market),
            funders={"one": funder(max_share=0.3), "two": funder(max_share=0.3)},
            policy={"max_public_share": 0.49},
        )
    )
    assert bool(answer.projects) is built
    assert answer.certificate.objective == near(objective)


@pytest.mark.parametrize(
    ("equivalent", "aid", "share"),
    [
        (1.0, {"max_intensity": 0.35}, 0.35),
        (1.0, {"max_intensity": 0.35, "max_meur": 25}, 0.25),
        (0.5, {"max_intensity": 0.35, "max_meur": 25}, 0.5),
        (0.0, {"max_intensity": 0.35, "max_meur": 25}, 1.0),
    ],
)
def test_state_aid_is_limited(equivalent: float, aid: Raw, share: float) -> None:
    """At most 35 or 25 of 100 million in grant equivalents, the lower of the two.

    A grant counts whole, a loan here for half. The share brings as much home:
    10 * (1 - share) + 0.1 * share.
    """
    fund = funder(grant_equivalent=equivalent, budget_class="grant")
    answer = solve(case(projects=a_hundred(), funders={"fund": fund}, policy={"state_aid": aid}))
    assert answer.projects[0].shares["fund"]["equity"] == near(share)
    assert answer.certificate.objective == near(10 * (1 - share) + 0.1 * share)


@pytest.mark.parametrize(
    ("eligible", "built"),
    [
        ({"countries": ["DE"], "materials": ["ore"], "tags": ["mine", "recycling"]}, True),
        ({"countries": ["FR"]}, False),
        ({"tags": ["recycling"]}, False),
        ({"materials": "any"}, True),
        ({"materials": ["tin"]}, False),
    ],
)
def test_a_fund_may_not_finance_everything(eligible: Raw, built: bool) -> None:
    """A German mine of ore and 0 t of tin, tagged so, is open to some funds only: 0.01, or 10 of
    damage."""
    mine = project(tags=["mine"], output_t_per_year={"ore": 100, "tin": 0})
    answer = solve(
        case(
            materials={m: {"price_eur_per_t": 10_000} for m in ("ore", "tin")},
            projects={"mine": mine, "other": project(0, 1, country="FR")},
            funders={"fund": funder(eligible=eligible)},
        )
    )
    assert starts(answer) == ({"mine": 2026} if built else {})
    assert answer.certificate.objective == near(0.01 if built else 10)


def test_a_project_must_be_financed_whole() -> None:
    """A must that nobody can pay for: the fund stops at half, lenders at 0.4."""
    raw = case(
        projects=a_hundred(0.4),
        funders={"fund": funder(max_share=0.5)},
        policy={"must_build": ["mine"]},
    )
    with pytest.raises(Infeasible):
        solve(raw)


def test_two_instruments_of_one_funder_add_up() -> None:
    """Equity to 0.3 with offtake, a loan to 0.7 without: 30 t come home for 100 million.

    7 + 0.001 * (30 + 70 * (1 - 0.9)): the loan comes back but for a tenth.
    """
    fund = funder(max_share=0.3)
    fund["instruments"]["loan"] = {"max_share": 0.7, "recovery": 0.9, "budget_class": "loan"}
    answer = solve(case(projects=a_hundred(0.0), funders={"fund": fund}))
    assert answer.projects[0].shares["fund"] == {"equity": near(0.3), "loan": near(0.7)}
    assert answer.certificate.objective == near(7.037)
