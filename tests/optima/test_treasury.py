"""Budget lines, split stock costs, subsidies and floors, solved by hand.

Unless a test says otherwise a project yields 100 t a year, all that is needed, and all of it comes
home; a missing tonne costs 0.1 million EUR, a year without any 10; and costs weigh a thousandth.
"""

from __future__ import annotations

from typing import Any

import pytest
from small import bought, case, chance_of_cut, near, project, solve, starts, stockpile

Raw = dict[str, Any]


def fund(lines: Raw | None = None, **instruments: Raw) -> Raw:
    return {"kind": "public", "budget_lines": lines or {}, "instruments": instruments}


def works(capex: float = 100, market: float = 0.0, **fields: Any) -> Raw:
    return {"works": project(100, capex, market_finance_max=market, home_share=1.0, **fields)}


@pytest.mark.parametrize(
    ("cash", "authority", "built"), [(150, 850, True), (149, 850, False), (150, 849, False)]
)
def test_little_cash_and_much_authority(cash: float, authority: float, built: bool) -> None:
    """Works of 2,000 million, of which lenders carry half: 150 of equity and 850 guaranteed.

    Equity is gone, of the guarantee 0.1 * 0.5 is lost: 0.001 * (150 + 42.5). One budget of 1,000
    could not say that a million less of either is too little: then 10 of damage.
    """
    lines = {
        "cash": {"kind": "cash", "total_meur": cash},
        "authority": {"kind": "guarantee_stock", "limit_meur": authority},
    }
    cover = {
        "kind": "guarantee",
        "failure_probability": 0.1,
        "loss_given_failure": 0.5,
        "charges": {"cash": 0},
    }
    funders = {"fund": fund(lines, stake={"kind": "equity"}, cover=cover)}
    answer = solve(case(projects=works(2000, 0.5), funders=funders))
    assert bool(answer.projects) is built
    assert answer.certificate.objective == near(0.1925 if built else 10)
    if built:
        assert answer.projects[0].shares["fund"] == {"stake": near(0.075), "cover": near(0.425)}
        used = {line.line: line.used_meur["2026"] for line in answer.budget_lines}
        assert used == {"cash": near(150), "authority": near(850)}


@pytest.mark.parametrize(("term", "built", "objective"), [(1, 2, 5.0), (2, 1, 10.0)])
def test_authority_comes_back_when_a_guarantee_ends(
    term: int, built: int, objective: float
) -> None:
    """Two works of 50 t, half of each of 100 million guaranteed, and 50 million of authority.

    Guarantees of one year follow each other: 50 t missing in 2026 alone. Of two years only one
    has room in two: 50 t missing in each.
    """
    pair = {
        name: project(50, 100, market_finance_max=0.5, home_share=1.0) for name in ("one", "two")
    }
    lines = {"authority": {"kind": "guarantee_stock", "limit_meur": 50}}
    cover = {"kind": "guarantee", "term_years": term, "recovery": 1.0}
    answer = solve(case(2027, projects=pair, funders={"fund": fund(lines, cover=cover)}))
    assert len(answer.projects) == built
    assert answer.certificate.objective == near(objective)


@pytest.mark.parametrize(
    ("kind", "start", "objective"), [("cash", 2026, 0.1), ("commitment", 2027, 10.1)]
)
def test_authority_is_charged_at_once_and_cash_as_it_falls_due(
    kind: str, start: int, objective: float
) -> None:
    """Works of 100 million in two halves, and 50 in 2026, 100 in 2027, 50 in 2028.

    As cash that is enough for a start in 2026; as commitments it is not before 2027, and a year of
    damage is lost. Both cost 0.001 * 100.
    """
    line = {"kind": kind, "by_year_meur": {2026: 50, 2027: 100, 2028: 50}}
    raw = case(
        2028,
        projects=works(capex_profile=[0.5, 0.5]),
        funders={"fund": fund({"line": line}, grant={"kind": "grant"})},
    )
    answer = solve(raw)
    assert starts(answer) == {"works": start}
    assert answer.certificate.objective == near(objective)


def test_what_a_year_of_a_line_leaves() -> None:
    """30 in each of two years, carried over, are 60 in 2027: works of 60 million begin then.

    A year of damage, and 0.001 * 60; a second line with more than enough changes nothing.
    """
    lines = {
        "cash": {"kind": "cash", "by_year_meur": {2026: 30, 2027: 30}, "carry_over": True},
        "other": {"kind": "commitment", "total_meur": 100},
    }
    answer = solve(
        case(2027, projects=works(60), funders={"fund": fund(lines, grant={"kind": "grant"})})
    )
    assert starts(answer) == {"works": 2027}
    assert answer.certificate.objective == near(10.06)
    (cash, other) = answer.budget_lines
    assert (cash.used_meur["2027"], other.used_meur["2027"]) == (near(60), near(60))
    assert cash.available_meur == {"2026": near(30), "2027": near(60)}


@pytest.mark.parametrize(
    ("state", "tonnes", "objective"), [(1.0, 20, 3.200216), (0.012, 15, 3.400162)]
)
def test_a_state_pays_for_interest_and_storage_while_a_company_buys(
    state: float, tonnes: float, objective: float
) -> None:
    """A company has 0.2 million for ore at 10,000 EUR/t: 20 t. Storing one costs the state 500 EUR
    and its interest 3 % of 10,000.

    A stop with 0.4 then costs 8 million: 0.4 * 8 + 0.001 * (0.2 + 20 * 0.0008). With 0.012 million
    the state has enough for 15 t: 0.4 * 8.5 + 0.001 * (0.15 + 0.012).
    """
    line = {"support": {"kind": "cash", "total_meur": state}}
    raw = case(
        stockpiles=[
            stockpile(
                storage_eur_per_t_year=500,
                financing_rate=0.03,
                paid_by={"maker": 1.0},
                storage_paid_by={"fund": 1.0},
                financing_paid_by={"fund": 1.0},
            )
        ],
        funders={"fund": fund(line), "maker": {"kind": "company", "budget_meur": 0.2}},
        **chance_of_cut(0.4),
    )
    answer = solve(raw)
    assert bought(answer)["2026"] == near(tonnes)
    assert answer.certificate.objective == near(objective)
    assert answer.spend_meur["maker"]["2026"] == near(0.01 * tonnes)
    assert answer.spend_meur["fund"]["2026"] == near(0.0008 * tonnes)
    assert sum(x.cost_meur for x in answer.accounts) == near(0.0108 * tonnes)


SUBSIDY = {
    "kind": "interest_subsidy",
    "interest_rate": 0.05,
    "term_years": 2,
    "market_finance_per_share": 0.5,
}


@pytest.mark.parametrize(
    ("budget", "grace", "cost"),
    [(6.0, 0, 4 / 1.1 + 2 / 1.21), (5.9, 0, None), (8.0, 2, 4 / 1.1 + 4 / 1.21)],
)
def test_interest_is_paid_so_that_lenders_carry_more(
    budget: float, grace: int, cost: float | None
) -> None:
    """Works of 100 million, of which lenders carry 0.6, and half of each share of a loan on which
    interest is paid: the missing 0.4 take a subsidized loan of 80.

    At 5 %, repaid by halves: 4 in 2027 and 2 in 2028; repaid at the end, 4 in both. With less in
    all nothing is built: 10 + 10 / 1.1 + 10 / 1.21 of damage.
    """
    lines = {"interest": {"kind": "commitment", "total_meur": budget}}
    raw = case(
        projects=works(100, 0.6),
        funders={"fund": fund(lines, interest=SUBSIDY | {"grace_years": grace})},
        horizon={"first_year": 2026, "last_year": 2028, "discount_rate": 0.1},
    )
    answer = solve(raw)
    if cost is None:
        assert answer.certificate.objective == near(10 + 10 / 1.1 + 10 / 1.21)
        return
    assert answer.certificate.objective == near(0.001 * cost)
    (built,) = answer.projects
    assert (built.market_share, built.shares) == (near(1.0), {})
    assert built.supports == {"fund": {"interest": near(0.8)}}
    (line,) = answer.budget_lines
    assert line.used_meur == {"2026": near(budget), "2027": 0.0, "2028": 0.0}
    (position,) = answer.accounts
    assert position.budget_class == "grant"
    assert sum(position.paid_meur.values()) == near(budget)


@pytest.mark.parametrize(("market", "built"), [(0.3, True), (0.2, False)])
def test_a_loan_is_subsidized_once(market: float, built: bool) -> None:
    """A grant carries 0.4, so lenders have to carry 0.6 of 100 million.

    Of their own they carry 0.3 and, for 0.6 of subsidized loans, 0.3 more; from 0.2 on they would
    ask for 0.8, more than they lend. 0.001 * (40 + 60 * 0.05 * 1.5, all due in 2026), or 10.
    """
    halves = {f"part_{n}": SUBSIDY | {"max_share": 0.4} for n in (1, 2)}
    funders = {"fund": fund(grant={"kind": "grant", "max_share": 0.4}, **halves)}
    answer = solve(case(projects=works(100, market), funders=funders))
    assert bool(answer.projects) is built
    assert answer.certificate.objective == near(0.0445 if built else 10)


PRICES = [{"probability": 0.5, "eur_per_t": 8_000}, {"probability": 0.5, "eur_per_t": 16_000}]
ORE = {"ore": {"price_eur_per_t": 10_000, "price_states": PRICES}}
FLOOR = {
    "kind": "price_floor",
    "floor_eur_per_t": {"ore": 12_000},
    "upside_share": 0.25,
    "upside_from_eur_per_t": {"ore": 14_000},
    "market_finance_per_share": 0.5,
}


@pytest.mark.parametrize(
    ("market", "authority", "share"), [(0.5, 0.4, 1.0), (0.75, 0.4, 0.5), (0.5, 0.39, None)]
)
def test_a_price_floor_with_two_prices(
    market: float, authority: float, share: float | None
) -> None:
    """Half of all prices are 8,000 EUR/t, 4,000 below the floor; the others 2,000 above 14,000.

    For 100 t that succeed with 0.8 the floor is expected to cost 0.8 * 0.5 * 0.4 = 0.16 million and
    to earn 0.8 * 0.5 * 0.25 * 0.2 = 0.02; at most it costs 0.4. Lenders carry half of capex for it
    all. If that is what they lack: 0.001 * 0.14; if they lack a quarter, half of it. With authority
    for less than 0.4 there are no works: 10.
    """
    lines = {"authority": {"kind": "commitment", "total_meur": authority}, "cash": {"kind": "cash",
             "total_meur": 1}}  # fmt: skip
    raw = case(
        materials=ORE,
        projects=works(10, market, success_probability=0.8),
        funders={"fund": fund(lines, floor=FLOOR)},
    )
    answer = solve(raw)
    if share is None:
        assert answer.certificate.objective == near(10)
        return
    assert answer.certificate.objective == near(0.00014 * share)
    (built,) = answer.projects
    assert built.supports == {"fund": {"floor": near(share)}}
    used = {line.line: line.used_meur["2026"] for line in answer.budget_lines}
    assert used == {"authority": near(0.4 * share), "cash": near(0.16 * share)}
    (position,) = answer.accounts
    assert position.committed_meur == near(0.4 * share)
    assert position.returned_meur == {"2026": near(0.02 * share)}
    assert position.cost_meur == near(0.14 * share)


def test_a_floor_ends_with_its_term_and_serves_what_is_sold() -> None:
    """Output of 50 and 100 t, in two years of five; the third year is no longer covered.

    0.5 * 4,000 EUR/t * 150 t = 0.3 million. What comes home is what is under the floor, so all of
    it: 50 t are missing in 2027, when output begins, and all in 2026. In the worst price state it
    costs 4,000 EUR/t: 0.6 million may still be lost at the end of 2026, 0.4 at that of 2027.
    """
    floor = {key: x for key, x in FLOOR.items() if not key.startswith("upside")}
    mine = project(100, 10, market_finance_max=0.5, construction_years=1, ramp_up=[0.5, 1.0])
    raw = case(
        2030,
        materials=ORE,
        projects={"mine": mine},
        funders={"fund": fund(floor=floor | {"term_years": 2, "offtake_per_share": 1.0})},
    )
    answer = solve(raw)
    assert answer.certificate.objective == near(15 + 0.001 * 0.3)
    assert answer.committed_meur["fund"] == {
        "2026": 0.0,
        "2027": near(0.1),
        "2028": near(0.2),
        "2029": 0.0,
        "2030": 0.0,
    }
    (position,) = (x for x in answer.accounts if x.instrument == "floor")
    at_risk = [position.outstanding_meur[str(year)] for year in range(2026, 2031)]
    assert at_risk == near([0.6, 0.4, 0.0, 0.0, 0.0])
    assert (position.expected_loss_meur, position.maximum_loss_meur) == (near(0.3), near(0.6))


def test_a_support_that_nothing_rests_on_is_no_part_of_a_plan() -> None:
    """Lenders carry all of it, and a floor below every price costs nothing: it could be there."""
    floor = FLOOR | {"floor_eur_per_t": {"ore": 5_000}, "upside_share": 0.0}
    floor.pop("upside_from_eur_per_t")
    raw = case(
        materials=ORE,
        projects=works(10, 1.0),
        funders={"fund": fund(floor=floor, interest=SUBSIDY)},
        objective={"cost_weight": 0},
    )
    (built,) = solve(raw).projects
    assert built.supports == {}
    raw["projects"] = works(10, 0.75)
    (built,) = solve(raw).projects
    assert sum(built.supports["fund"].values()) == near(0.5)


def test_a_project_that_only_lenders_pay_for_and_nobody_wants_is_not_named() -> None:
    """A floor that costs nothing lets lenders carry all of works whose output stays abroad."""
    floor = {
        "kind": "price_floor",
        "floor_eur_per_t": {"ore": 5_000},
        "market_finance_per_share": 0.5,
    }
    idle = project(100, 10, market_finance_max=0.5)
    raw = case(materials=ORE, projects={"idle": idle}, funders={"fund": fund(floor=floor)})
    for objective in ({"cost_weight": 0}, {}):
        answer = solve(raw | {"objective": objective})
        assert answer.projects == ()
        assert answer.certificate.objective == near(10)
    (built,) = solve(raw | {"policy": {"must_build": ["idle"]}}).projects
    assert built.supports == {"fund": {"floor": near(1.0)}}


def test_a_stake_may_earn_more_than_it_costs() -> None:
    """Twice the value after one year at a rate of 0.25: 1.6 come back per EUR of 10 million.

    0.001 * 10 * (1 - 1.6): the plan pays for itself.
    """
    stake = {"kind": "equity", "expected_return": 1.0, "term_years": 1}
    raw = case(
        projects=works(10),
        funders={"fund": fund(stake=stake)},
        horizon={"first_year": 2026, "last_year": 2026, "discount_rate": 0.25},
    )
    answer = solve(raw)
    assert answer.certificate.objective == near(-0.006)
    (position,) = answer.accounts
    assert position.returned_meur == {"2027": near(20)}
    assert position.budget_class == "financial_transaction"


def test_a_loan_comes_back_by_its_terms() -> None:
    """10 million at 10 %, repaid in 2027 and 2028: 6 and 5.5, of which a fifth is expected lost.

    At a rate of 0.1 that is worth 0.8 * (6 / 1.1 + 5.5 / 1.21) = 8, so 2 are lost: 0.002.
    """
    loan = {
        "kind": "subordinated_loan",
        "term_years": 2,
        "interest_rate": 0.1,
        "failure_probability": 0.4,
        "loss_given_failure": 0.5,
    }
    raw = case(
        projects=works(10),
        funders={"fund": fund(loan=loan)},
        horizon={"first_year": 2026, "last_year": 2026, "discount_rate": 0.1},
    )
    answer = solve(raw)
    assert answer.certificate.objective == near(0.002)
    (position,) = answer.accounts
    assert position.returned_meur == {"2027": near(4.8), "2028": near(4.4)}
    assert (position.expected_loss_meur, position.budget_class) == (near(2), "loan")
