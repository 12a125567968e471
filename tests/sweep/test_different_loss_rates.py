"""Stocks with different loss rates, at small remaining quantities."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small import case, near, stockpile

from models.scenario.references import Case
from optimizer.model.commitment import Commitment
from optimizer.model.instance import read_instance
from optimizer.model.states import read_states
from optimizer.solve.recourse import RecourseEvaluator

STEPS = [{"share": share, "eur_per_t": eur} for share, eur in ((1 / 7, 1), (5 / 7, 5), (1 / 7, 30))]


@pytest.mark.parametrize("keeps", [0.1, 1e-3, 1e-6])
@pytest.mark.parametrize("missing", [50.0, 70.0])
def test_a_stock_that_is_gone_in_months_leaves_nothing_to_follow_for_ten_years(
    keeps: float, missing: float
) -> None:
    """All that is left after the first loss serves the most expensive damage step that is short at
    once."""
    piles = [stockpile(id=name, initial_t=20) for name in ("loses", "loses more")]
    raw = case(
        last_year=2035,
        horizon={"first_year": 2026, "last_year": 2035, "periods_per_year": 12},
        demand=[{"consumer": "industry", "material": "ore", "t_per_year": 840}],
        damage=[{"material": "ore", "steps": STEPS}],
        supply=[{"material": "ore", "country": "CL", "t_per_year": 12 * (70 - missing)}],
        stockpiles=piles,
    )
    instance = read_instance(Case.model_validate(raw))
    losing = zip(instance.stockpiles.items(), (keeps, keeps / 2), strict=True)
    instance = replace(
        instance, stockpiles={h: replace(pile, retention=own) for (h, pile), own in losing}
    )
    recourse = RecourseEvaluator(instance, read_states(instance))
    point = recourse.columns.to_point(Commitment())
    unserved = 10 + 5 * min(missing - 10, 50) + 30 * max(missing - 60, 0)
    most_expensive = 5 if missing == 50 else 30
    expected = (120 * unserved - most_expensive * 20 * (keeps + keeps / 2)) / 1e6
    evaluated = recourse.evaluate(point, recourse.probability[None])
    assert evaluated.damage[0] == pytest.approx(expected, rel=1e-8)
    (short,) = recourse.shortages(point)
    assert short.damage == near([expected])
