"""Shapley values that are published or follow by hand, the axioms, and shares by formula."""

from __future__ import annotations

from itertools import accumulate, pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from known_games import (
    additive,
    airport,
    amount,
    bankruptcy,
    by_member,
    game,
    games,
    glove,
    intervals,
    majority,
    players,
)

from optimizer.games import coalition_members, proportional_shares, shapley, shapley_range


def near(*amounts: float, places: float = 1e-12):
    return pytest.approx(np.array(amounts), abs=places)


def airport_fees(costs: list[float]) -> list[float]:
    """Each step of the runway is shared by all who need it (Littlechild and Owen 1973)."""
    steps = [
        (long - short) / (len(costs) - k) for k, (short, long) in enumerate(pairwise([0, *costs]))
    ]
    return list(accumulate(steps))


def test_the_owner_of_the_scarce_glove_gets_most() -> None:
    # Player 0 alone has a left glove: it makes a pair unless it joins first, in 2 of 3 orders.
    assert shapley(glove(1, 2)) == near(2 / 3, 1 / 6, 1 / 6)


def test_votes_of_a_weighted_majority() -> None:
    # Player 0 turns defeat into victory in all places but the first: 4 of 6 orders.
    assert shapley(majority(3, [2, 1, 1])) == near(2 / 3, 1 / 6, 1 / 6)


def test_a_council_with_two_vetoes() -> None:
    # A motion needs both of 0 and 1 and one of the other three. One of these decides only in third
    # place, after both vetoes: 2! orders before, 2! after, of 120. The vetoes share the rest.
    power = shapley(by_member(5, lambda s: {0, 1} <= set(s) and len(s) >= 3))
    assert power == near(9 / 20, 9 / 20, 1 / 30, 1 / 30, 1 / 30)


def test_fees_of_an_airport() -> None:
    assert shapley(airport([1, 2, 4])) == near(-1 / 3, -1 / 3 - 1 / 2, -1 / 3 - 1 / 2 - 2)


def test_the_formula_gives_the_published_fees_of_birmingham() -> None:
    """Littlechild and Owen (1973): landings in 1968-69 by aircraft, cost of a runway, fee."""
    published = [
        (42, 65_899, 4.86),
        (9_555, 76_725, 5.66),
        (288, 95_200, 10.30),
        (303, 97_200, 10.85),
        (151, 97_436, 10.92),
        (1_315, 98_142, 11.13),
        (505, 102_496, 13.40),
        (1_128, 104_849, 15.07),
        (151, 113_322, 44.80),
        (112, 115_440, 60.61),
        (22, 117_676, 162.24),
    ]
    fees = airport_fees([cost for landings, cost, _ in published for _ in range(landings)])
    last = accumulate(landings for landings, _, _ in published)
    assert [round(fees[k - 1], 2) for k in last] == [fee for _, _, fee in published]


@given(costs=st.lists(amount(0, 20), min_size=1, max_size=7))
def test_fees_of_an_airport_follow_the_formula(costs: list[float]) -> None:
    costs = sorted(costs)
    assert -shapley(airport(costs)) == near(*airport_fees(costs))


def test_twelve_players_follow_the_formula() -> None:
    costs = [1, 2, 2, 5, 7, 7, 7, 11, 12, 15, 15, 20]
    assert -shapley(airport(costs)) == near(*airport_fees(costs))


def test_a_bankruptcy_is_the_mean_over_orders_of_arrival() -> None:
    # Who comes first is paid in full: of 200, claims of 100, 200 and 300 get, over six orders,
    # 100+100+0+0+0+0, 100+0+200+200+0+0 and 0+100+0+0+200+200 (O'Neill 1982).
    assert shapley(bankruptcy(200, [100, 200, 300])) == near(200 / 6, 500 / 6, 500 / 6)


def test_one_player_has_all() -> None:
    assert shapley([0, 7]) == near(7)


@given(v=games())
def test_it_is_the_mean_over_all_orders(v) -> None:
    n = players(v)
    total = np.zeros(n)
    orders = list(permutations(range(n)))
    for order in orders:
        there = 0
        for i in order:
            total[i] += v[there | 1 << i] - v[there]
            there |= 1 << i
    assert shapley(v) == near(*total / len(orders))


@given(v=games())
def test_all_is_shared(v) -> None:
    assert shapley(v).sum() == pytest.approx(v[-1], abs=1e-9)


@given(v=games(n=3), shift=st.permutations([0, 1, 2]))
def test_it_does_not_matter_who_is_called_what(v, shift) -> None:
    renamed = by_member(3, lambda s: v[sum(1 << shift[i] for i in s)])
    assert shapley(renamed) == near(*shapley(v)[shift])


@given(v=games(n=3), alone=amount())
def test_who_adds_the_same_to_all_gets_that(v, alone) -> None:
    with_dummy = np.concatenate([v, v + alone])
    assert shapley(with_dummy) == near(*shapley(v), alone)


@given(v=games(n=3), w=games(n=3), factor=amount())
def test_values_of_two_games_add_up(v, w, factor) -> None:
    assert shapley(v + factor * w) == near(*shapley(v) + factor * shapley(w), places=1e-9)


@given(of=intervals())
def test_the_range_holds_the_value_of_every_game_within(of) -> None:
    low, high, between = of
    least, greatest = shapley_range(low, high)
    assert (least <= shapley(between) + 1e-9).all()
    assert (greatest >= shapley(between) - 1e-9).all()


@given(of=intervals(), i=st.integers(0, 1))
def test_both_ends_of_the_range_are_met(of, i: int) -> None:
    low, high, _ = of
    there = np.arange(len(low)) >> i & 1 == 1
    least, greatest = shapley_range(low, high)
    assert least[i] == pytest.approx(shapley(np.where(there, low, high))[i], abs=1e-9)
    assert greatest[i] == pytest.approx(shapley(np.where(there, high, low))[i], abs=1e-9)


def test_the_range_of_one_game_is_its_value() -> None:
    v = glove(2, 2)
    assert shapley_range(v, v) == (near(*shapley(v)), near(*shapley(v)))


@pytest.mark.parametrize("v", [[0], [0, 1, 2], [0, 1, 2, np.nan], [1, 1, 1, 1], np.zeros((2, 2))])
def test_what_is_no_game_is_refused(v) -> None:
    with pytest.raises(ValueError, match="worth"):
        shapley(v)


def test_crossed_intervals_are_refused() -> None:
    with pytest.raises(ValueError, match="above the greatest"):
        shapley_range([0, 1, 1, 3], [0, 1, 1, 2])
    with pytest.raises(ValueError, match="players"):
        shapley_range([0, 1], [0, 1, 1, 2])


def test_intervals_may_cross_by_rounding() -> None:
    assert shapley_range([0, 1, 1, 2 + 1e-10], [0, 1, 1, 2])[0] == near(1, 1, places=1e-9)


def test_shares_in_proportion() -> None:
    assert proportional_shares(12, [1, 0, 3]) == near(3, 0, 9)
    assert proportional_shares(-12, [1e-300, 3e-300]) == near(-3, -9)


@pytest.mark.parametrize("keys", [[0, 0], [1, -1], [1, np.inf], []])
def test_no_proportion_of_keys_that_are_none(keys) -> None:
    with pytest.raises(ValueError, match="keys"):
        proportional_shares(1, keys)


def test_members() -> None:
    assert coalition_members(0b10110) == (1, 2, 4)
    assert coalition_members(1 << 59 | 1) == (0, 59)
    assert coalition_members(0) == ()


def test_in_additive_games_each_player_gets_its_own_value() -> None:
    assert shapley(additive([3, -1, 4])) == near(3, -1, 4)
    assert shapley(game(2, _0=3, _01=3)) == near(3, 0)
