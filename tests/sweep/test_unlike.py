"""Stocks that lose at different rates, where there is hardly anything left to lose."""

from __future__ import annotations

import numpy as np
import pytest

from optimizer.solve.sweep.lp_recourse import Stock, UnlikeStocks, serve_unlike

PERIODS = 120
WEIGHT = np.array([[1.0], [5.0], [30.0]]) * np.ones(PERIODS)
LIMIT = np.array([[0.1], [0.5], [0.1]]) * np.ones(PERIODS)


def stock(keeps: float) -> Stock:
    """Two tenths of a lot at first, and nothing after that."""
    return Stock(keeps, 0.2, np.zeros(PERIODS), np.inf)


@pytest.mark.parametrize("keeps", [0.1, 1e-3, 1e-6])
@pytest.mark.parametrize("missing", [0.5, 0.7])
def test_a_stock_that_is_gone_in_months_leaves_nothing_to_follow_for_ten_years(
    keeps: float, missing: float
) -> None:
    """All that is left after the first loss serves the dearest step that is short at once."""
    stocks = [stock(keeps), stock(keeps / 2)]
    uncovered = np.full(PERIODS, missing)
    damage, _, _ = UnlikeStocks(WEIGHT, LIMIT, stocks).solve(uncovered)
    unserved = 0.1 + 5 * min(missing - 0.1, 0.5) + 30 * max(missing - 0.6, 0.0)
    dearest = 5.0 if missing == 0.5 else 30.0
    expected = PERIODS * unserved - dearest * 0.2 * (keeps + keeps / 2)
    assert damage == pytest.approx(expected, rel=1e-8)
    short = serve_unlike(WEIGHT, LIMIT, uncovered, stocks)
    assert float((short * WEIGHT).sum()) == pytest.approx(expected, rel=1e-7)
