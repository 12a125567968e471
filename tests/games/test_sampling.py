"""Shapley values from samples: where they are exact, and how often their intervals hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from known_games import FEW, intervals, players

from optimizer.games import (
    coalition_members,
    coalitions_in_orders,
    sample_orders,
    shapley,
    shapley_from_orders,
    shapley_range,
)


def some_game(n: int, seed: int) -> np.ndarray:
    v = np.random.default_rng(seed).gamma(1.0, size=2**n)
    v[0] = 0.0
    return v


def worths(v, orders) -> dict[int, float]:
    return {mask: float(v[mask]) for mask in coalitions_in_orders(orders)}


def test_orders_are_drawn_in_pairs_and_again() -> None:
    orders = sample_orders(7, 5, seed=3)
    assert orders.shape == (10, 7)
    assert (np.sort(orders, axis=1) == np.arange(7)).all()
    assert (orders[1::2] == orders[::2, ::-1]).all()
    assert (orders == sample_orders(7, 5, seed=3)).all()
    assert (orders != sample_orders(7, 5, seed=4)).any()


def test_every_order_is_drawn_alike() -> None:
    # Of six orders in 3000 draws each comes 500 times, give or take 3.5 times 20.
    drawn = sample_orders(3, 3000, seed=1)[::2]
    _, counts = np.unique(drawn, axis=0, return_counts=True)
    assert len(counts) == 6
    assert abs(counts - 500).max() < 70


def test_coalitions_are_those_met_on_the_way() -> None:
    assert coalitions_in_orders(np.array([[2, 0, 1], [1, 0, 2]])) == [
        0b010,
        0b011,
        0b100,
        0b101,
        0b111,
    ]
    last = coalitions_in_orders(sample_orders(62, 3, seed=1))[-1]
    assert last == 2**62 - 1
    assert type(last) is int


def test_a_sample_by_hand() -> None:
    # 0 and 1 are worth 1 and 3 alone and 6 together: 1 and 5 in one order, 3 and 3 in the other.
    orders = np.array([[0, 1], [1, 0]] * 2)
    found = shapley_from_orders(orders, {1: 1, 2: 3, 3: 6}, 0.95)
    assert found.estimate.tolist() == [2, 4]
    assert found.half_width.tolist() == [0, 0]


def test_the_half_width_is_students() -> None:
    # {0, 1} and all make 8, {0, 2} makes 4.
    worth = {0b001: 0, 0b010: 0, 0b100: 0, 0b011: 8, 0b110: 0, 0b101: 4, 0b111: 8}
    orders = np.array([[0, 1, 2], [2, 1, 0], [1, 0, 2], [2, 0, 1]])
    found = shapley_from_orders(orders, worth, 0.9)
    # Player 0 adds 0 and 8, then 8 and 4: means of 4 and 6. Player 1: 8 and 0, then 0 and 4.
    assert found.estimate.tolist() == [5, 3, 0]
    # Student's at 95 % with one degree of freedom is 6.3138; means 2 apart have a mean of spread 1.
    assert found.half_width == pytest.approx(np.array([6.313752, 6.313752, 0]))
    assert found.low == pytest.approx(found.estimate - found.half_width)
    assert found.high == pytest.approx(found.estimate + found.half_width)


def test_pairs_are_exact_for_sixty_players_where_only_pairs_matter() -> None:
    # Worth is the square of the sum of weights: a share is a player's weight times that of all.
    weights = np.linspace(0, 3, 60)
    orders = sample_orders(60, 3, seed=1)
    worth = {
        mask: sum(weights[i] for i in coalition_members(mask)) ** 2
        for mask in coalitions_in_orders(orders)
    }
    found = shapley_from_orders(orders, worth, 0.95)
    assert found.estimate == pytest.approx(weights * weights.sum())
    assert found.half_width == pytest.approx(np.zeros(60), abs=1e-6)


@FEW
@given(seed=st.integers(0, 50))
def test_all_is_shared(seed: int) -> None:
    v, orders = some_game(5, seed), sample_orders(5, 4, seed)
    assert shapley_from_orders(orders, worths(v, orders), 0.9).estimate.sum() == pytest.approx(
        v[-1]
    )


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_confidence_intervals_have_their_coverage(level: float) -> None:
    v = some_game(6, seed=5)
    true, held = shapley(v), []
    for seed in range(400):
        orders = sample_orders(6, 15, seed)
        found = shapley_from_orders(orders, worths(v, orders), level)
        held.append(abs(found.estimate - true) <= found.half_width)
    # 400 draws: a spread of 0.02 at 0.8 for each player.
    assert np.mean(held, axis=0) == pytest.approx(np.full(6, level), abs=0.06)


def test_more_orders_come_nearer() -> None:
    v = some_game(6, seed=5)
    few, many = (sample_orders(6, pairs, seed=1) for pairs in (20, 2000))
    wide = shapley_from_orders(few, worths(v, few), 0.95)
    narrow = shapley_from_orders(many, worths(v, many), 0.95)
    assert narrow.half_width.max() < 0.2 * wide.half_width.min()
    assert abs(narrow.estimate - shapley(v)).max() < 0.05


@FEW
@given(of=intervals())
def test_intervals_of_values_widen_reported_figures(of) -> None:
    low, high, between = of
    n = players(low)
    orders = sample_orders(n, 6, seed=2)
    asked = coalitions_in_orders(orders)
    found = shapley_from_orders(orders, {s: (low[s], high[s]) for s in asked}, 0.9)
    middle = shapley_from_orders(orders, worths((low + high) / 2, orders), 0.9)
    inner = shapley_from_orders(orders, worths(between, orders), 0.9)
    assert found.estimate == pytest.approx(middle.estimate, abs=1e-9)
    assert found.half_width == pytest.approx(middle.half_width, abs=1e-9)
    assert (found.low <= inner.estimate + 1e-9).all()
    assert (found.high >= inner.estimate - 1e-9).all()


def test_with_all_orders_the_ends_are_those_of_the_exact_range() -> None:
    low = some_game(2, seed=1)
    high = low + np.array([0, 1, 2, 4])
    orders = np.array([[0, 1], [1, 0]] * 3)
    worth = {s: (low[s], high[s]) for s in coalitions_in_orders(orders)}
    found = shapley_from_orders(orders, worth, 0.9)
    least, greatest = shapley_range(low, high)
    assert found.low == pytest.approx(least)
    assert found.high == pytest.approx(greatest)


def test_what_tells_no_spread_is_refused() -> None:
    with pytest.raises(ValueError, match="two pairs"):
        shapley_from_orders(np.array([[0, 1], [1, 0]]), {1: 1, 2: 3, 3: 6}, 0.9)
    with pytest.raises(ValueError, match="level"):
        shapley_from_orders(np.array([[0, 1], [1, 0]] * 2), {1: 1, 2: 3, 3: 6}, 95)
    with pytest.raises(KeyError):
        shapley_from_orders(np.array([[0, 1], [1, 0]] * 2), {1: 1, 3: 6}, 0.9)
    with pytest.raises(ValueError, match="players"):
        sample_orders(63, 2, seed=1)
