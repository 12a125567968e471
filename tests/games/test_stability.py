"""What it costs to keep everybody together, against all corners of what would be enough."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from known_games import (
    FEW,
    amount,
    by_member,
    game,
    games,
    glove,
    intervals,
    majority,
    players,
    rows,
)

from optimizer.games import (
    coalition_excesses,
    core_emptiness,
    shapley,
    stability_cost,
    stability_cost_range,
    subsidy,
    subsidy_range,
)

MAJORITY = majority(2, [1, 1, 1])
PAYOFFS = st.lists(amount(), min_size=3, max_size=3)


def cheapest_corner(enough, sides) -> float:
    """The least total of any corner of {z: enough @ z >= sides}, by trying all."""
    corners = []
    for some in combinations(range(len(enough)), enough.shape[1]):
        at = list(some)
        if abs(np.linalg.det(enough[at])) > 1e-9:
            z = np.linalg.solve(enough[at], sides[at])
            if (enough @ z >= sides - 1e-9).all():
                corners.append(z.sum())
    return min(corners)


def test_the_majority_of_three_costs_a_half() -> None:
    """Bachrach et al. (2009): 1.5 would let each pair have 1."""
    cost, x = stability_cost(MAJORITY)
    assert cost == pytest.approx(0.5)
    assert x == pytest.approx(np.full(3, 0.5))


def test_a_core_costs_nothing() -> None:
    cost, x = stability_cost(glove(1, 2))
    assert cost == 0
    assert x == pytest.approx(np.array([1, 0, 0]), abs=1e-8)
    cost, x = stability_cost([0, 7])
    assert (cost, x.tolist()) == (0, [7])


def test_a_prize_for_each_majority_of_n_players() -> None:
    # Four of seven win 1: a quarter for each, 7/4 in all.
    cost, x = stability_cost(majority(4, [1] * 7))
    assert cost == pytest.approx(3 / 4)
    assert x == pytest.approx(np.full(7, 1 / 4))


def test_rounding_costs_nothing() -> None:
    assert stability_cost([0, 1e4, 1e4, 2e4 - 1e-6])[0] == 0
    assert stability_cost([0, 1e4, 1e4, 2e4 - 1e-3])[0] == pytest.approx(1e-3)


@FEW
@given(v=games(n=3))
def test_the_cost_of_stability_is_that_of_the_cheapest_corner(v) -> None:
    cost, x = stability_cost(v)
    assert cost == pytest.approx(max(0, cheapest_corner(rows(3)[1:-1], v[1:-1]) - v[-1]), abs=1e-7)
    assert x.sum() == pytest.approx(v[-1] + cost, abs=1e-7)
    assert coalition_excesses(v, x)[1:-1].max() <= 1e-7


@pytest.mark.slow
@FEW
@given(of=intervals())
def test_the_range_holds_the_cost_of_every_game_within(of) -> None:
    low, high, between = of
    least, greatest = stability_cost_range(low, high)
    assert least - 1e-7 <= stability_cost(between)[0] <= greatest + 1e-7
    assert least == pytest.approx(stability_cost([*low[:-1], high[-1]])[0], abs=1e-7)
    assert greatest == pytest.approx(stability_cost([*high[:-1], low[-1]])[0], abs=1e-7)


def test_whether_the_core_is_empty() -> None:
    more = MAJORITY.copy()
    more[-1] = 1.5
    assert core_emptiness(MAJORITY, MAJORITY) == "empty"
    assert core_emptiness(more, more) == "not empty"
    assert core_emptiness(MAJORITY, more) == "undecided"


def test_a_subsidy_for_even_shares_of_a_majority() -> None:
    # A pair has 2/3 and lacks 1/3: 1/6 for each player.
    total, paid = subsidy(MAJORITY, [1 / 3] * 3)
    assert total == pytest.approx(0.5)
    assert paid == pytest.approx(np.full(3, 1 / 6))


def test_a_subsidy_for_shares_that_give_all_to_one() -> None:
    # 1 and 2 together lack 1; however they share it, nobody else would leave.
    total, paid = subsidy(MAJORITY, [1, 0, 0])
    assert total == pytest.approx(1)
    assert paid == pytest.approx(np.array([0, 0.5, 0.5]))


def test_of_least_subsidies_it_is_the_most_even() -> None:
    # {0, 1} lacks 4, {0} 3: 3 must go to 0, the fourth to 0 or 1.
    assert subsidy(game(3, _0=3, _01=4), [0] * 3)[1] == pytest.approx(np.array([3, 1, 0]))
    # {0, 1} lacks 4, {2, 3, 4} 3.
    paid = subsidy(game(5, _01=4, _234=3), [0] * 5)[1]
    assert paid == pytest.approx(np.array([2, 2, 1, 1, 1]))
    # {0, 1} and {0, 2} lack 4 each: 4 for 0 is enough for both.
    assert subsidy(game(3, _01=4, _02=4), [0] * 3)[1] == pytest.approx(np.array([4, 0, 0]))


def test_nothing_is_paid_where_nobody_leaves() -> None:
    total, paid = subsidy(glove(1, 2), [1, 0, 0])
    assert (total, paid.tolist()) == (0, [0, 0, 0])
    assert subsidy([0, 1e4 + 1e-9, 0, 9], [1e4, 0])[0] == 0
    assert subsidy([0, 5], [3])[0] == 0


@FEW
@given(v=games(n=3), x=PAYOFFS)
def test_the_subsidy_is_that_of_the_cheapest_corner(v, x) -> None:
    total, paid = subsidy(v, x)
    enough = np.concatenate([rows(3)[1:-1], np.eye(3)])
    lacking = np.concatenate([coalition_excesses(v, x)[1:-1], np.zeros(3)])
    assert total == pytest.approx(cheapest_corner(enough, lacking), abs=1e-7)
    assert paid.sum() == pytest.approx(total, abs=1e-9)
    assert paid.min() >= 0
    assert coalition_excesses(v, x + paid)[1:-1].max() <= 1e-7


@FEW
@given(v=games(n=3), x=PAYOFFS, order=st.permutations([0, 1, 2]))
def test_who_is_paid_does_not_depend_on_names(v, x, order) -> None:
    renamed = by_member(3, lambda s: v[sum(1 << order[i] for i in s)])
    paid = subsidy(renamed, np.array(x)[order])[1]
    assert paid == pytest.approx(subsidy(v, x)[1][order], abs=1e-7)


@FEW
@given(v=games())
def test_given_shares_of_all_cost_no_less_than_the_best(v) -> None:
    assert subsidy(v, shapley(v))[0] >= stability_cost(v)[0] - 1e-7


@pytest.mark.slow
@FEW
@given(of=intervals(), x=st.lists(amount(), min_size=4, max_size=4))
def test_the_range_holds_the_subsidy_of_every_game_within(of, x) -> None:
    low, high, between = of
    x = x[: players(low)]
    least, greatest = subsidy_range(low, high, x)
    assert least - 1e-7 <= subsidy(between, x)[0] <= greatest + 1e-7
    assert (least, greatest) == (subsidy(low, x)[0], subsidy(high, x)[0])
