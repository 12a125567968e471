"""A stock that loses nearly all of itself over closed periods is still told exactly."""

from __future__ import annotations

import pytest
from small import case, stockpile

from models.scenario.case import Case
from optimizer.solve.planner import plan


def test_a_stock_that_fades_over_twenty_closed_years() -> None:
    """10 t lose 90 % a year over twenty undisturbed years: of them nothing is left for the stop.

    The stop takes all 100 t of 2046, and 100 t bought in that year can be released in it.
    """
    raw = case(
        2046,
        supply=[{"material": "ore", "country": "CN", "share": 1.0}],
        stockpiles=[stockpile(initial_t=10, annual_loss=0.9)],
        hazards={
            "stop": {"annual_probability": 0.1, "effects": [{"country": "CN", "loss": [1.0]}]}
        },
        uncertainty={
            "states": [{"probability": 1.0, "events": [{"hazard": "stop", "start": 2046}]}]
        },
    )
    answer = plan(Case.model_validate(raw), gap=0.0)
    assert answer.stockpiles[0].buy_t["2046"] == pytest.approx(100, abs=1e-4)
    assert answer.outcome.expected == pytest.approx(0, abs=1e-6)
