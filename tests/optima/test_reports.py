"""What a plan says about itself, and how a file is read: figures worked out by hand."""

from __future__ import annotations

import pytest
from small import CHINA, case, chance_of_cut, cut, funder, near, project, solve, state, stockpile


def test_the_parts_add_up_to_the_objective() -> None:
    """A cut with chance 0.1; the fund buys 1 million EUR worth of ore at 20 000 EUR/t: 50 t.

    Damage: 5 million with chance 0.1. Mean 0.5, worst tenth 5; 0.7 * 0.5 + 0.3 * 5 + 0.5 * 1.
    """
    aim = {"cost_weight": 0.5, "cvar": {"level": 0.9, "weight": 0.3}}
    answer = solve(
        case(
            materials={"ore": {"name": "Ore", "price_eur_per_t": 20_000}},
            funders={"fund": funder(budget=1)},
            stockpiles=[stockpile()],
            objective=aim,
            **chance_of_cut(0.1),
        )
    )
    outcome = answer.outcome
    assert (outcome.expected, outcome.cvar, outcome.worst) == (near(0.5), near(5), near(5))
    assert outcome.net_cost_meur == near(1)
    assert answer.certificate.objective == near(0.35 + 1.5 + 0.5)
    assert answer.certificate.status == "optimal"
    assert answer.certificate.gap == near(0)


def test_without_a_plan_initial_stock_remains() -> None:
    """20 t are in store and the rest is missing: 8 million without a plan, 0 with a mine.

    What the rules demand plays no part without a plan.
    """
    answer = solve(
        case(
            projects={"mine": project(80)},
            stockpiles=[stockpile(initial_t=20, max_purchase_t_per_year=0)],
            policy={"must_build": ["mine"]},
        )
    )
    assert answer.outcome.without_plan.expected == near(8)
    assert answer.outcome.without_plan.worst == near(8)
    assert answer.outcome.expected == near(0)


def test_what_initial_stock_costs_is_spent_all_the_same() -> None:
    """Nothing threatens; 100 t at 500 EUR of storage and 3 % on 10 000 EUR: 0.08 million a year.

    In 2027 the price is 20 000 EUR, so 0.11. Two years: 0.19 million, weighed 0.001.
    """
    prices = {"ore": {"name": "Ore", "price_eur_per_t": {2026: 10_000, 2027: 20_000}}}
    held = stockpile(initial_t=100, storage_eur_per_t_year=500, financing_rate=0.03)
    answer = solve(case(last_year=2027, materials=prices, supply=CHINA, stockpiles=[held]))
    assert answer.spend_meur["fund"] == {"2026": near(0.08), "2027": near(0.11)}
    assert answer.outcome.net_cost_meur == near(0.19)
    assert answer.certificate.objective == near(0.00019)


def test_a_state_with_several_short_quarters_is_one_chance_of_shortage() -> None:
    """2026: two quarters of 25 t each with chance 0.3. 2027: one quarter of 25 t with 0.2."""
    states = [
        state("calm", 0.5),
        {
            "name": "half a year",
            "probability": 0.3,
            "events": [{"hazard": "cut", "start": 2026, "period": 2}],
        },
        {
            "name": "the turn of the year",
            "probability": 0.2,
            "events": [{"hazard": "cut", "start": 2026, "period": 4}],
        },
    ]
    answer = solve(
        case(
            horizon={"first_year": 2026, "last_year": 2027, "periods_per_year": 4},
            supply=CHINA,
            hazards=cut([1.0, 1.0]),
            uncertainty={"states": states},
        )
    )
    by_year = answer.materials[0].by_year
    assert by_year["2026"].probability_of_shortage == near(0.5)
    assert by_year["2026"].expected_shortage_t == near(0.3 * 50 + 0.2 * 25)
    assert by_year["2027"].probability_of_shortage == near(0.2)
    assert by_year["2027"].expected_shortage_t == near(5)
    assert answer.outcome.expected == near(2.5)


def test_of_equal_recourses_the_earliest_is_reported() -> None:
    """30 t in store and two years cut off alike: reports release them in the first."""
    answer = solve(
        case(last_year=2027, stockpiles=[stockpile(initial_t=30, max_purchase_t_per_year=0)])
    )
    by_year = answer.materials[0].by_year
    assert by_year["2026"].expected_shortage_t == near(70)
    assert by_year["2027"].expected_shortage_t == near(100)


@pytest.mark.parametrize(
    ("demand", "tonnes"),
    [
        ({2026: 100, 2028: 200}, [100, 150, 200]),
        ({2025: 100, 2027: 200}, [150, 200, 200]),
        ({2027: 80}, [80, 80, 80]),
    ],
)
def test_years_between_are_interpolated(demand: dict[int, float], tonnes: list[float]) -> None:
    """Linear between the years given, which may lie outside the horizon; constant beyond them."""
    answer = solve(
        case(
            last_year=2028,
            demand=[{"consumer": "industry", "material": "ore", "t_per_year": demand}],
        )
    )
    by_year = answer.materials[0].by_year
    assert [by_year[year].demand_t for year in ("2026", "2027", "2028")] == near(tonnes)
    assert answer.outcome.expected == near(sum(tonnes) * 0.1)


def test_rows_add_up_and_the_most_specific_damage_wins() -> None:
    """Industry 40 + 20 t, a works 40 t; China supplies 0.3 + 0.2 of all 100 t, Chile 10 t.

    Pooled, 60 t meet the works' 40 at 0.3 million first, then 20 of industry's: 40 * 0.1 left.
    Without any supply: 60 * 0.1 + 40 * 0.3.
    """
    answer = solve(
        case(
            consumers={"industry": {"name": "Industry"}, "works": {"name": "Works"}},
            demand=[
                {"consumer": "industry", "material": "ore", "t_per_year": 40},
                {"consumer": "industry", "material": "ore", "t_per_year": 20},
                {"consumer": "works", "material": "ore", "t_per_year": 40},
            ],
            damage=[
                {"material": "ore", "steps": [{"share": 1.0, "eur_per_t": 100_000}]},
                {
                    "material": "ore",
                    "consumer": "works",
                    "steps": [{"share": 1.0, "eur_per_t": 300_000}],
                },
            ],
            supply=[
                {"material": "ore", "country": "CN", "share": 0.3},
                {"material": "ore", "country": "CN", "share": 0.2},
                {"material": "ore", "country": "CL", "t_per_year": 10},
            ],
            hazards=cut([1.0]) | {"all": cut([1.0], "CL")["cut"]},
            uncertainty={
                "states": [
                    state("calm", 0.9),
                    {
                        "name": "all is cut",
                        "probability": 0.1,
                        "events": [
                            {"hazard": "cut", "start": 2026},
                            {"hazard": "all", "start": 2026},
                        ],
                    },
                ]
            },
        )
    )
    assert answer.outcome.worst == near(18)
    assert answer.outcome.expected == near(0.9 * 4 + 0.1 * 18)
