"""What counts at the end of the horizon, solved by hand: which purchases and projects it tips."""

from __future__ import annotations

import pytest
from points import commit
from small import Raw, bought, case, chance_of_cut, funder, near, project, solve, starts, stockpile

from models.scenario.references import Case
from optimizer.model.commitment import net_cost_by_funder
from optimizer.model.instance import read_instance

EVEN = {"cost_weight": 1.0}


@pytest.mark.parametrize(
    ("residual", "tonnes", "objective", "cost"), [(0.1, 0, 0.8, 0.0), (0.5, 100, 0.5, 0.5)]
)
def test_a_residual_value_tips_a_purchase(
    residual: float, tonnes: float, objective: float, cost: float
) -> None:
    """A tonne costs 10 000 EUR and saves 0.08 * 100 000 = 8 000.

    With a tenth left it costs 9 000: none is bought, and 0.8 million of damage remain. With half
    left it costs 5 000: all 100 t are, for 0.5 million net of 1 million spent.
    """
    held = stockpile(residual_value=residual)
    answer = solve(case(stockpiles=[held], objective=EVEN, **chance_of_cut(0.08)))
    assert bought(answer)["2026"] == near(tonnes)
    assert answer.certificate.objective == near(objective)
    assert answer.outcome.net_cost_meur == near(cost)
    assert answer.outcome.residual_meur == near(tonnes * 0.01 * residual)
    assert answer.spend_meur["fund"]["2026"] == near(tonnes * 0.01)


@pytest.mark.parametrize(
    ("residual", "life", "built"),
    [(0.5, None, True), (0.5, 3, True), (0.5, 2, False), (0.2, None, False), (0.0, None, False)],
)
def test_a_residual_value_tips_a_project(residual: float, life: int | None, built: bool) -> None:
    """Of 10 million, 0.4 come back: 6 million to save 0.5 * 10 = 5 in 2026.

    With half left, 0.5 * 6 = 3 of them count in 2027: it costs 3 and is built. With a fifth left it
    costs 4.8; a tenth less on its output tips it back. A life of two years ends with the horizon,
    and nothing is left; one of three does not.
    """
    works = project(tonnes=90, residual_value=residual)
    works |= {} if life is None else {"lifetime_years": life}
    answer = solve(
        case(
            2027,
            projects={"works": works},
            funders={"fund": funder(budget=10, recovery=0.4)},
            objective=EVEN,
            **chance_of_cut(0.5),
        )
    )
    assert starts(answer) == ({"works": 2026} if built else {})
    # 100 t are missing in 2026 with a chance of a half; the works deliver 90 t of them.
    assert answer.certificate.objective == near(3 + 0.5 if built else 5)
    if built:
        (position,) = answer.accounts
        assert (position.cost_meur, position.residual_meur) == (near(3), near(3))
        assert sum(position.paid_meur.values()) == near(10)


def test_the_horizon_supplies_the_default_residual_value() -> None:
    """0.5 of the tonne for the stock, 0.25 for the other, which has its own."""
    piles = [stockpile(initial_t=10), stockpile(id="other", initial_t=10, residual_value=0.25)]
    raw = case(stockpiles=piles)
    raw["horizon"]["residual_value"] = 0.5
    instance = read_instance(Case.model_validate(raw))
    values = [
        pile.end_value_per_lot / instance.lot_tonnes["ore"] for pile in instance.stockpiles.values()
    ]
    assert values == near([0.005, 0.0025])


def lasting(**fields: object) -> Raw:
    """100 t lie there; nothing can be bought. The price doubles from 2026 to 2027, at 25 %."""
    prices = {"2026": 10_000, "2027": 20_000}
    held = stockpile(initial_t=100, max_purchase_t_per_year=0, annual_loss=0.2, **fields)
    raw = case(2027, stockpiles=[held], materials={"ore": {"price_eur_per_t": prices}})
    raw["horizon"]["discount_rate"] = 0.25
    return raw


def test_planned_stock_counts_at_the_last_price_whatever_is_released() -> None:
    """100 t leave 64 t after two years, worth 20 000 EUR/t: 0.5 * 1.28 million / 1.25 = 0.512.

    All of it is released, since all of demand is missing; still it counts. It costs
    80 t * 1 000 EUR and 64 t * 1 000 EUR / 1.25 to keep: 0.1312 million.
    """
    answer = solve(lasting(residual_value=0.5, storage_eur_per_t_year=1_000))
    assert answer.outcome.residual_meur == near(0.512)
    assert answer.outcome.net_cost_meur == near(0.1312 - 0.512)
    assert sum(p.cost_meur for p in answer.accounts) == near(0.1312 - 0.512)


def test_a_stock_that_costs_nothing_to_keep_has_an_account_all_the_same() -> None:
    answer = solve(lasting(residual_value=0.5))
    (position,) = answer.accounts
    assert (position.residual_meur, position.cost_meur) == (near(0.512), near(-0.512))


def test_the_value_of_a_stock_is_that_of_those_who_pay_for_it() -> None:
    """Not of those who pay for storage: 0.75 and 0.25 of 0.512 million; 0.1312 for the bank."""
    raw = lasting(
        residual_value=0.5,
        storage_eur_per_t_year=1_000,
        paid_by={"fund": 0.75, "giant": 0.25},
        storage_paid_by={"bank": 1.0},
    )
    raw["funders"] = {"fund": funder(), "giant": funder("company"), "bank": funder("private")}
    cost = net_cost_by_funder(read_instance(Case.model_validate(raw)), commit())
    assert cost == {"fund": near(-0.384), "giant": near(-0.128), "bank": near(0.1312)}


@pytest.mark.parametrize(("recovery", "cost"), [(0.0, 5.0), (1.0, 0.0), (1.2, -2.0)])
def test_of_what_comes_back_nothing_is_left(recovery: float, cost: float) -> None:
    """10 million with half left; a recovery of 1 or more leaves no cost that could count."""
    answer = solve(
        case(
            projects={"works": project(residual_value=0.5)},
            funders={"fund": funder(recovery=recovery)},
            policy={"must_build": ["works"]},
        )
    )
    assert answer.outcome.net_cost_meur == near(cost)


def test_instalments_past_the_horizon_leave_no_project_below_nothing() -> None:
    """All of the capex falls in 2027, and all of it counts then."""
    answer = solve(
        case(
            2027,
            projects={"works": project(capex_profile=[0.0, 0.0, 1.0], residual_value=1.0)},
            policy={"must_build": ["works"]},
        )
    )
    assert answer.outcome.net_cost_meur == near(0)
