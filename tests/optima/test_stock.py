"""Stockpiles, solved by hand: what a tonne in store costs, what it saves, and what limits it."""

from __future__ import annotations

import pytest
from small import (
    CHINA,
    bought,
    case,
    chance_of_cut,
    cut,
    funder,
    near,
    project,
    solve,
    starts,
    state,
    stockpile,
)

from optimizer.errors import Infeasible

EVEN = {"cost_weight": 1.0}
HELD = {"purchase_premium": 0.05, "storage_eur_per_t_year": 500, "financing_rate": 0.03}


@pytest.mark.parametrize(("chance", "tonnes", "objective"), [(0.2, 100, 1.13), (0.1, 0, 1.0)])
def test_a_stock_is_worth_the_chance_times_the_loss(
    chance: float, tonnes: float, objective: float
) -> None:
    """A tonne in store costs 10 500 to buy, 500 to store, 300 to finance: 11 300 EUR.

    It saves chance * 100 000: 20 000 at 0.2, so all 100 t are bought for 1.13 million and nothing
    is lost; 10 000 at 0.1, so none is, and 0.1 * 10 million remain.
    """
    answer = solve(case(stockpiles=[stockpile(**HELD)], objective=EVEN, **chance_of_cut(chance)))
    assert bought(answer)["2026"] == near(tonnes)
    assert answer.certificate.objective == near(objective)


@pytest.mark.parametrize(("chance", "tonnes", "objective"), [(0.02, 100, 0.1), (0.005, 0, 0.05)])
def test_by_default_a_thousandth_of_the_cost_counts(
    chance: float, tonnes: float, objective: float
) -> None:
    """Ore at 1 million EUR/t weighs 1 000 EUR in the objective against chance * 100 000.

    2 000 > 1 000: 100 t, 0.001 * 100 million. 500 < 1 000: none, 0.005 * 10 million.
    """
    dear = {"ore": {"name": "Ore", "price_eur_per_t": 1_000_000}}
    answer = solve(case(materials=dear, stockpiles=[stockpile()], **chance_of_cut(chance)))
    assert bought(answer)["2026"] == near(tonnes)
    assert answer.certificate.objective == near(objective)


def test_a_stock_covers_the_dear_step_only() -> None:
    """At a chance of 0.2 a tonne saves 10 000 on the first 60 t missing, 20 000 on the other 40.

    At 11 300 a tonne: buy 40 for 0.452 million; 0.2 * 60 * 50 000 = 0.6 million remain.
    """
    steps = [{"share": 0.6, "eur_per_t": 50_000}, {"share": 0.4, "eur_per_t": 100_000}]
    answer = solve(
        case(
            damage=[{"material": "ore", "steps": steps}],
            stockpiles=[stockpile(**HELD)],
            objective=EVEN,
            **chance_of_cut(0.2),
        )
    )
    assert bought(answer)["2026"] == near(40)
    assert answer.certificate.objective == near(1.052)


@pytest.mark.parametrize(
    ("limit", "tonnes"), [({"max_purchase_t_per_year": 30}, 30), ({"max_t": 25}, 25)]
)
def test_purchases_and_room_are_limited(limit: dict[str, float], tonnes: float) -> None:
    """Each of the 100 t is worth its 10 000 EUR; the market gives 30, or the shed holds 25.

    Objective: t * 0.01 + 0.2 * (100 - t) * 0.1, in million EUR.
    """
    answer = solve(case(stockpiles=[stockpile(**limit)], objective=EVEN, **chance_of_cut(0.2)))
    assert bought(answer)["2026"] == near(tonnes)
    assert answer.certificate.objective == near(tonnes * 0.01 + 0.02 * (100 - tonnes))


def test_purchases_arrive_evenly_over_the_year() -> None:
    """100 t are needed each quarter and the first is cut off: a quarter of the purchase is there.

    So 400 t are bought for 4 million (1 million a quarter), which saves 10.
    """
    answer = solve(
        case(
            horizon={"first_year": 2026, "last_year": 2026, "periods_per_year": 4},
            demand=[{"consumer": "industry", "material": "ore", "t_per_year": 400}],
            supply=CHINA,
            hazards=cut([1.0]),
            uncertainty={"states": [state("cut", 1.0, 2026)]},
            stockpiles=[stockpile()],
            objective=EVEN,
        )
    )
    assert bought(answer)["2026"] == near(400)
    assert answer.certificate.objective == near(4.0)


@pytest.mark.parametrize(("quarter", "left"), [(1, 97.40037464252967), (4, 90.0)])
def test_stock_is_lost_quarter_by_quarter(quarter: int, left: float) -> None:
    """100 t that lose a tenth a year: 0.9^(1/4) a quarter, once before the first quarter ends.

    100 * 0.9^(1/4) = 97.400 t are left for a cut in the first quarter, 100 * 0.9 = 90 for one in
    the fourth. Means of the quarter-ends: 100 * (0.974004 + 0.948683 + 0.924021 + 0.9) / 4 =
    93.677 t, at 1 000 EUR: 0.093677 million.
    """
    events = [{"hazard": "cut", "start": 2026, "period": quarter}]
    raw = case(
        horizon={"first_year": 2026, "last_year": 2026, "periods_per_year": 4},
        demand=[{"consumer": "industry", "material": "ore", "t_per_year": 400}],
        supply=CHINA,
        hazards=cut([1.0]),
        uncertainty={"states": [{"name": "cut", "probability": 1.0, "events": events}]},
        stockpiles=[
            stockpile(
                initial_t=100,
                annual_loss=0.1,
                storage_eur_per_t_year=1_000,
                max_purchase_t_per_year=0,
            )
        ],
        objective=EVEN,
    )
    answer = solve(raw)
    keep = 0.9**0.25
    held = 25 * (keep + keep**2 + keep**3 + keep**4)
    assert answer.outcome.expected == near((100 - left) * 0.1)
    assert answer.outcome.net_cost_meur == near(held * 0.001)
    assert answer.stockpiles[0].planned_t["2026"] == near(90)
    assert answer.materials[0].by_year["2026"].days_of_cover == near(90 / 400 * 365)


def test_stock_can_leave_only_so_fast() -> None:
    """Quarters three and four are cut off, 100 t each; 20 t a quarter may leave the stock.

    20 + 20 t need 40 bought: 30 of them are there in quarter three, 10 + 10 in quarter four. More
    helps nobody: 160 t stay missing, 16 million, and 0.4 million are spent.
    """
    events = [{"hazard": "cut", "start": 2026, "period": 3}]
    answer = solve(
        case(
            horizon={"first_year": 2026, "last_year": 2026, "periods_per_year": 4},
            demand=[{"consumer": "industry", "material": "ore", "t_per_year": 400}],
            supply=CHINA,
            hazards=cut([1.0, 1.0, 1.0]),
            uncertainty={"states": [{"name": "cut", "probability": 1.0, "events": events}]},
            stockpiles=[stockpile(max_release_t_per_period=20)],
        )
    )
    assert bought(answer)["2026"] == near(40)
    assert answer.certificate.objective == near(16.0004)


def test_days_of_demand_are_held_though_nothing_threatens() -> None:
    """365 days at the end of 2027 are 100 t; the market gives 60 t a year.

    Storing costs 1 000 EUR a tonne and year, so as little as may be is bought early: 40, then 60.
    0.4 + 0.04 million, then 0.6 + 0.1. Nothing is asked of 2026, which the file does not name.
    """
    answer = solve(
        case(
            last_year=2027,
            supply=CHINA,
            stockpiles=[
                stockpile(
                    max_purchase_t_per_year=60,
                    storage_eur_per_t_year=1_000,
                    min_days_of_demand={2027: 365},
                )
            ],
            objective=EVEN,
        )
    )
    assert bought(answer) == {"2026": near(40), "2027": near(60)}
    assert answer.spend_meur["fund"] == {"2026": near(0.44), "2027": near(0.7)}
    assert answer.certificate.objective == near(1.14)
    assert answer.materials[0].by_year["2027"].days_of_cover == near(365)


def test_days_of_demand_count_those_served() -> None:
    """Of 100 t + 25 t a year only the works' 25 are served: 73 days are 5 t, 0.05 million."""
    answer = solve(
        case(
            supply=CHINA,
            consumers={"industry": {"name": "Industry"}, "works": {"name": "Works"}},
            demand=[
                {"consumer": "industry", "material": "ore", "t_per_year": 100},
                {"consumer": "works", "material": "ore", "t_per_year": 25},
            ],
            stockpiles=[stockpile(min_days_of_demand={2026: 73}, serves=["works"])],
            objective=EVEN,
        )
    )
    assert bought(answer)["2026"] == near(5)
    assert answer.certificate.objective == near(0.05)


def test_days_of_demand_beyond_the_budget_are_infeasible() -> None:
    """100 t at 10 000 EUR are 1 million; the fund has 0.9."""
    raw = case(
        supply=CHINA,
        funders={"fund": funder(budget=0.9)},
        stockpiles=[stockpile(min_days_of_demand={2026: 365})],
    )
    with pytest.raises(Infeasible):
        solve(raw)


def test_those_who_share_a_stock_share_its_cost() -> None:
    """The company pays 0.3 of 10 000 EUR a tonne and has 0.15 million: 50 t. The fund pays 0.35.

    Half of the 10 million is saved for 0.5 million: 5 + 0.001 * 0.5.
    """
    shared = stockpile(paid_by={"fund": 0.7, "maker": 0.3})
    answer = solve(
        case(
            funders={"fund": funder(), "maker": funder("company", budget=0.15)}, stockpiles=[shared]
        )
    )
    assert bought(answer)["2026"] == near(50)
    assert answer.spend_meur["fund"]["2026"] == near(0.35)
    assert answer.spend_meur["maker"]["2026"] == near(0.15)
    assert answer.certificate.objective == near(5.0005)


def test_buying_later_is_cheaper_by_the_discount() -> None:
    """2027 is cut off for sure and 2026 is not; at 25 % a euro of 2027 weighs 0.8.

    100 t bought in 2027 cost 0.8 * 1 million, and are there when needed; in 2026 they would cost 1.
    """
    answer = solve(
        case(
            horizon={"first_year": 2026, "last_year": 2027, "discount_rate": 0.25},
            supply=CHINA,
            hazards=cut([1.0]),
            uncertainty={"states": [state("cut", 1.0, 2027)]},
            stockpiles=[stockpile()],
            objective=EVEN,
        )
    )
    assert bought(answer) == {"2026": near(0), "2027": near(100)}
    assert answer.certificate.objective == near(0.8)
    assert answer.outcome.without_plan.expected == near(8.0)


def test_a_stock_frees_itself_for_the_dearer_year() -> None:
    """50 t are in store, none is for sale; both years are cut off; in 2027 a works joins.

    The works loses 400 000 EUR/t on its 50 t, industry 100 000: the stock waits for 2027.
    2026: 10 million. 2027: 10 million for industry, none for the works.
    """
    joins = {2025: 0, 2026: 0, 2027: 50}
    dear = {"material": "ore", "consumer": "works", "steps": [{"share": 1.0, "eur_per_t": 400_000}]}
    raw = case(
        last_year=2027,
        consumers={"industry": {"name": "Industry"}, "works": {"name": "Works"}},
        stockpiles=[stockpile(initial_t=50, max_purchase_t_per_year=0)],
    )
    raw["demand"] = raw["demand"] + [{"consumer": "works", "material": "ore", "t_per_year": joins}]
    raw["damage"] = [dear, *raw["damage"]]
    answer = solve(raw)
    assert answer.outcome.expected == near(20)
    assert {c.id: c.expected for c in answer.consumers} == {"industry": near(20), "works": near(0)}


def test_a_project_and_a_stock_share_one_budget() -> None:
    """A budget of 1 buys 100 t for one year, or a project (capex 1) of 60 t in each of two years.

    Both years are cut off for sure: the project saves 120 t, the stock 100. 8 + 0.001 * 1.
    """
    answer = solve(
        case(
            last_year=2027,
            funders={"fund": funder(budget=1)},
            projects={"mine": project(60, 1)},
            stockpiles=[stockpile()],
        )
    )
    assert [p.id for p in answer.projects] == ["mine"]
    assert sum(bought(answer).values()) == near(0)
    assert answer.certificate.objective == near(8.001)


def test_a_sliver_of_a_project_does_not_count() -> None:
    """41 t needed, 20.5 arrive, 12 are in store: 8.5 t at 0.02 million are bought, 0.17.

    Holding 20.5 t costs 3 % of 0.02 million each, 0.0123. In tonnes nothing is missing. A stake
    in a works costs 0.31 or 0.51 million, so none is built - nor a millionth of one, though that
    much of 83 t would pay within a solver's tolerance for whole numbers.
    """
    steps = [{"share": 0.4, "eur_per_t": 31_000}, {"share": 0.6, "eur_per_t": 197_000}]
    answer = solve(
        case(
            materials={"ore": {"name": "Ore", "price_eur_per_t": 20_000}},
            demand=[{"consumer": "industry", "material": "ore", "t_per_year": 41}],
            damage=[{"material": "ore", "steps": steps}],
            supply=[{"material": "ore", "country": "CL", "share": 0.5}],
            projects={
                "far": project(83, 3.1, country="CL", market_finance_max=0.9),
                "near": project(83, 1.7, market_finance_max=0.7),
            },
            stockpiles=[stockpile(initial_t=12, financing_rate=0.03)],
            objective={"measure": "tonnes", "cost_weight": 1.0},
        )
    )
    assert starts(answer) == {}
    assert bought(answer)["2026"] == near(8.5)
    assert answer.certificate.objective == near(0.1823)
