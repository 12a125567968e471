"""A stock that loses nearly all of its content over closed periods is still evaluated exactly."""

from __future__ import annotations

from itertools import pairwise

import pytest
from small import Raw, case, stockpile

from models.scenario.references import Case
from optimizer.model.formulation import build_extensive_form
from optimizer.model.formulation.recourse import chains_in_state
from optimizer.model.instance import read_instance
from optimizer.model.scenario_data import compute_scenario_data
from optimizer.model.states import read_states
from optimizer.solve.planner import solve_to_plan


def fading(loss: float) -> Raw:
    """10 t lose so much a year until all imports stop in 2046."""
    return case(
        2046,
        supply=[{"material": "ore", "country": "CN", "share": 1.0}],
        stockpiles=[stockpile(initial_t=10, annual_loss=loss)],
        hazards={
            "stop": {"annual_probability": 0.1, "effects": [{"country": "CN", "loss": [1.0]}]}
        },
        uncertainty={
            "states": [{"probability": 1.0, "events": [{"hazard": "stop", "start": 2046}]}]
        },
    )


@pytest.mark.parametrize(("loss", "apart"), [(0.5, 6), (0.8, 2), (0.999, 1), (0.0, 21)])
def test_rows_of_a_stock_are_as_far_apart_as_a_hundredth_of_it_is_left(
    loss: float, apart: int
) -> None:
    """0.5 ** 6 and 0.2 ** 2 are no less, 0.5 ** 7 is: no coefficient is smaller, and no more rows
    than that takes are made before the stop of 2046, period 20."""
    instance = read_instance(Case.model_validate(fading(loss)))
    states = read_states(instance)
    model = build_extensive_form(instance, states)
    (own,) = chains_in_state(instance, compute_scenario_data(instance, states[0]), model)
    periods = (-1, *own.accounting_periods("reserve", 1 - loss))
    assert periods[-1] == 20
    assert max(later - earlier for earlier, later in pairwise(periods)) == apart


def test_a_stock_that_fades_over_twenty_closed_years() -> None:
    """10 t lose 90 % a year over twenty undisturbed years: of them nothing is left for the stop.

    The stop takes all 100 t of 2046, and 100 t bought in that year can be released in it.
    """
    answer = solve_to_plan(Case.model_validate(fading(0.9)), gap=0.0)
    assert answer.stockpiles[0].buy_t["2046"] == pytest.approx(100, abs=1e-4)
    assert answer.outcome.expected == pytest.approx(0, abs=1e-6)
