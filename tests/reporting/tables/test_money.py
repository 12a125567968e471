"""Money of a plan as frames, checked with a pencil."""

from __future__ import annotations

from small import case, chance_of_cut, funder, near, project, solve

from models.results import Plan
from optimizer.report.tables import MARKET, money
from optimizer.report.tables.frame import records


def built(**fields: object) -> Plan:
    """Works of 10 million: half from a fund that gets back 60 %, half from lenders."""
    works = project(
        market_finance_max=0.5,
        latest_start=2026,
        construction_years=1,
        capex_profile=[0.6, 0.4],
        offtake_max=0.5,
    )
    fund = funder(budget=5, max_share=0.5, recovery=0.6)
    raw = case(
        2028,
        **chance_of_cut(0.5),
        projects={"works": works},
        funders={"fund": fund},
        horizon={"first_year": 2026, "last_year": 2028, "discount_rate": 0.25},
        policy={"must_build": ["works"]},
        **fields,
    )
    return solve(raw)


def test_lenders_pay_when_capex_is_due() -> None:
    rows = [r for r in records(money.sources(built())) if r["source"] == MARKET]
    assert [(r["year"], r["meur"]) for r in rows] == [(2026, near(3.0)), (2027, near(2.0))]


def test_what_comes_back_is_what_is_paid_less_the_cost() -> None:
    """5 million: 3 now and 2 a year later at 25 % are 4.6; 60 % of it come back."""
    (row,) = records(money.positions(built()))
    assert row["paid_pv_meur"] == near(4.6)
    assert row["returned_pv_meur"] == near(0.6 * 4.6)
    assert row["cost_meur"] == near(0.4 * 4.6)


def test_leverage_in_two_definitions() -> None:
    assert money.leverage(built()) == (near(1.0), near(1.0))


def test_a_guaranteed_loan_is_public_in_one_definition_and_other_money_in_the_other() -> None:
    plan = built()
    raw = plan.model_dump()
    raw["accounts"][0]["budget_class"] = "guarantee"
    assert money.leverage(Plan.model_validate(raw)) == (near(1.0), None)


def test_what_is_carried_over_is_granted_once() -> None:
    """10 a year and 4 used in the first: 6 more in the second, and 20 in both."""
    raw = built().model_dump()
    raw["scenario"]["funders"]["fund"]["carry_over"] = True
    raw["budget_lines"] = [
        {
            "funder": "fund",
            "line": "budget",
            "name": "budget",
            "kind": "budget",
            "used_meur": {"2026": 4.0, "2027": 1.0},
            "available_meur": {"2026": 10.0, "2027": 16.0},
            "total_meur": None,
        }
    ]
    (row,) = records(money.budget_lines(Plan.model_validate(raw)))
    assert (row["used_meur"], row["granted_meur"]) == (near(5.0), near(20.0))
    raw["scenario"]["funders"]["fund"]["carry_over"] = False
    raw["budget_lines"][0]["available_meur"]["2027"] = 10.0
    (row,) = records(money.budget_lines(Plan.model_validate(raw)))
    assert row["granted_meur"] == near(20.0)


def test_of_a_stock_of_guarantees_the_year_of_the_highest_use_counts() -> None:
    raw = built().model_dump()
    raw["budget_lines"] = [
        {
            "funder": "fund",
            "line": "cover",
            "name": "cover",
            "kind": "guarantee_stock",
            "used_meur": {"2026": 4.0, "2027": 9.0},
            "available_meur": {"2026": 10.0, "2027": 12.0},
            "total_meur": None,
        }
    ]
    (row,) = records(money.budget_lines(Plan.model_validate(raw)))
    assert (row["used_meur"], row["granted_meur"]) == (9.0, 12.0)
