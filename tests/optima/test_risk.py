"""Risk and time: what weight on the worst states changes, and what discounting does, by hand."""

from __future__ import annotations

import pytest
from small import Raw, bought, case, chance_of_cut, near, project, solve, starts, state, stockpile

SURE_OR_BOLD = {"bold": project(100), "sure": project(60)}


def choose(level: float, weight: float) -> Raw:
    """One of two projects: `sure` gives 60 t, `bold` gives 100 t but fails with chance 0.3.

    Damage in million EUR: sure 4 always; bold 10 with 0.3, so 3 on average.
    """
    states = [state("good", 0.7), state("bad", 0.3, failed_projects=["bold"])]
    return case(
        projects=SURE_OR_BOLD,
        policy={"max_projects": 1},
        uncertainty={"states": states},
        objective={"cost_weight": 0.0, "cvar": {"level": level, "weight": weight}},
    )


@pytest.mark.parametrize(
    ("level", "weight", "built", "objective"),
    [
        (0.7, 0.0, "bold", 3.0),
        (0.7, 0.1, "bold", 3.7),
        (0.7, 0.2, "sure", 4.0),
        (0.9, 0.1, "bold", 3.7),
        (0.5, 1.0, "sure", 4.0),
        (0.2, 1.0, "bold", 3.75),
        (0.2, 0.5, "bold", 3.375),
    ],
)
def test_a_weight_on_the_worst_states_changes_the_choice(
    level: float, weight: float, built: str, objective: float
) -> None:
    """Bold's worst 0.3 or 0.1 of states cost 10: 3 + 7 * weight, less than 4 below 1/7.

    Its worst half costs 0.3 * 10 / 0.5 = 6, its worst 0.8 only 0.3 * 10 / 0.8 = 3.75.
    """
    answer = solve(choose(level, weight))
    assert list(starts(answer)) == [built]
    assert answer.certificate.objective == near(objective)


@pytest.mark.parametrize(
    ("weight", "tonnes", "objective"), [(0.0, 0, 0.5), (0.1, 100, 1.0), (1.0, 100, 1.0)]
)
def test_the_worst_states_can_fill_a_stock(weight: float, tonnes: float, objective: float) -> None:
    """A cut with chance 0.05 is worth 5 000 EUR a tonne, in its worst twentieth 100 000.

    A tonne costs 10 000: at a weight of 0.1 it saves 0.9 * 5 000 + 0.1 * 100 000 = 14 500.
    """
    aim = {"cost_weight": 1.0, "cvar": {"level": 0.95, "weight": weight}}
    answer = solve(case(stockpiles=[stockpile()], objective=aim, **chance_of_cut(0.05)))
    assert bought(answer)["2026"] == near(tonnes)
    assert answer.certificate.objective == near(objective)


def test_the_worst_states_are_reported_without_a_weight() -> None:
    """A loss of 10 with chance 0.02: 0.2 on average, 0.02 * 10 / 0.05 = 4 in the worst 5 %."""
    answer = solve(case(**chance_of_cut(0.02)))
    outcome = answer.outcome
    assert (outcome.expected, outcome.cvar, outcome.worst) == (near(0.2), near(4), near(10))
    assert answer.certificate.objective == near(0.2)


@pytest.mark.parametrize(
    ("objective", "expected"),
    [({}, 18.0), ({"measure": "tonnes"}, 200.0), ({"measure": "share_of_demand"}, 2.0)],
)
def test_money_is_discounted_and_tonnes_are_not(objective: Raw, expected: float) -> None:
    """Two years without ore at 25 %: 10 + 0.8 * 10 million EUR, 200 t, two years' demand."""
    horizon = {"first_year": 2026, "last_year": 2027, "discount_rate": 0.25}
    answer = solve(case(horizon=horizon, objective=objective))
    assert answer.outcome.expected == near(expected)
    assert answer.certificate.objective == near(expected)


@pytest.mark.parametrize(("rate", "year"), [(0.0, 2027), (1.0, 2026)])
def test_impatience_moves_a_project_forward(rate: float, year: int) -> None:
    """A one-year mine of 150 t at most where 100 t are missing in 2026, 150 t in 2027.

    Undiscounted 2027 is the dearer year by half; at 100 % it counts for half, so 7.5 against 10.
    """
    answer = solve(
        case(
            horizon={"first_year": 2026, "last_year": 2027, "discount_rate": rate},
            demand=[
                {"consumer": "industry", "material": "ore", "t_per_year": {2026: 100, 2027: 150}}
            ],
            projects={"mine": project(150, lifetime_years=1)},
            objective={"cost_weight": 0.0},
        )
    )
    assert starts(answer) == {"mine": year}
    assert answer.certificate.objective == near(10.0 if rate == 0 else 7.5)


@pytest.mark.parametrize(
    ("measure", "built", "objective"),
    [("damage", "dear", 10.01), ("tonnes", "bulk", 910.01), ("share_of_demand", "dear", 1.01)],
)
def test_the_measure_decides_what_matters(measure: str, built: str, objective: float) -> None:
    """One project: 100 t of 1 000 t of ore (10 000 EUR/t) or all 10 t of spice (1 million EUR/t).

    Damage: 10 + 10 million; ore's project saves 1, spice's 10. Tonnes: 1 010, it saves 100 or 10.
    Shares of demand: 1 + 1, it saves 0.1 or 1. Each costs 10 million, weighed 0.001.
    """
    answer = solve(
        case(
            materials={
                "ore": {"name": "Ore", "price_eur_per_t": 1},
                "spice": {"name": "Spice", "price_eur_per_t": 1},
            },
            demand=[
                {"consumer": "industry", "material": "ore", "t_per_year": 1_000},
                {"consumer": "industry", "material": "spice", "t_per_year": 10},
            ],
            damage=[
                {"material": "ore", "steps": [{"share": 1.0, "eur_per_t": 10_000}]},
                {"material": "spice", "steps": [{"share": 1.0, "eur_per_t": 1_000_000}]},
            ],
            projects={
                "bulk": project(100),
                "dear": project(0) | {"output_t_per_year": {"spice": 10}},
            },
            policy={"max_projects": 1},
            objective={"measure": measure},
        )
    )
    assert list(starts(answer)) == [built]
    assert answer.certificate.objective == near(objective)


def test_a_share_of_demand_is_one_of_the_whole_years_demand() -> None:
    """A quarter without ore is a quarter of the year's demand, for two consumers together.

    All of the first quarter's (75 + 25) / 4 t are missing: 25 / 100.
    """
    raw = case(
        horizon={"first_year": 2026, "last_year": 2026, "periods_per_year": 4},
        consumers={"industry": {"name": "Industry"}, "works": {"name": "Works"}},
        demand=[
            {"consumer": "industry", "material": "ore", "t_per_year": 75},
            {"consumer": "works", "material": "ore", "t_per_year": 25},
        ],
        objective={"measure": "share_of_demand", "cost_weight": 0.0},
    )
    raw |= chance_of_cut(0.5)
    assert solve(raw).outcome.expected == near(0.5 * 0.25)
