"""Who would leave, the core and the least core."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from known_games import FEW, amount, game, games, glove, intervals, majority, players, rows
from scipy.optimize import nnls

from optimizer.games import (
    blocking_coalitions,
    coalition_excesses,
    core_membership,
    least_core,
    least_core_range,
    nucleolus,
    prenucleolus,
    stability_cost,
)


def test_excess_is_worth_less_payoff() -> None:
    assert coalition_excesses([0, 1, 2, 5], [2, 3]).tolist() == [0, -1, -1, 0]


def test_coalitions_that_would_leave_come_in_order() -> None:
    # With (3, 0, 0) of a majority that is worth 3: {1, 2} lacks 3; with all of 0, 1 is a tie.
    v = 3 * majority(2, [1, 1, 1])
    assert blocking_coalitions(v, [3, 0, 0], 9) == [(0b110, 3)]
    assert blocking_coalitions(v, [1, 1, 1], 9) == [(0b011, 1), (0b101, 1), (0b110, 1)]
    assert blocking_coalitions(v, [1, 1, 1], 2) == [(0b011, 1), (0b101, 1)]
    assert blocking_coalitions(v, [1, 1, 1], 0) == []
    # {2} and {0, 1} lack 1 each: the smaller first, though its mask is the greater.
    v = game(3, _2=1, _01=3, _012=2)
    assert blocking_coalitions(v, [1, 1, 0], 9) == [(0b100, 1), (0b011, 1)]


def test_all_of_them_and_rounding_do_not_leave() -> None:
    assert blocking_coalitions([0, 1 + 1e-12, 1, 9], [1, 1], 9) == []
    assert blocking_coalitions([0, 1e4 + 1e-9, 1, 9], [1e4, 1], 9) == []
    assert blocking_coalitions([0, 1e4 + 1e-4, 1, 9], [1e4, 1], 9) == [(1, pytest.approx(1e-4))]


def test_ties_by_rounding_are_ties() -> None:
    v = game(3, _01=1, _02=1 + 1e-13)
    assert [mask for mask, _ in blocking_coalitions(v, [0, 0, 0], 9)] == [0b011, 0b101]


def test_payoffs_of_another_number_are_refused() -> None:
    with pytest.raises(ValueError, match="payoffs"):
        coalition_excesses([0, 1, 2, 5], [2, 3, 4])


def test_the_majority_of_three_has_no_core() -> None:
    # Two thirds for each pair at (1/3, 1/3, 1/3): they lack a third.
    found = least_core(majority(2, [1, 1, 1]))
    assert found.value == pytest.approx(1 / 3)
    assert found.payoff == pytest.approx(np.full(3, 1 / 3))
    assert found.binding_coalitions == (0b011, 0b101, 0b110)


def test_binding_coalitions_bind_in_the_whole_least_core() -> None:
    # Player 0 and 1 make 4, all four 4: {0, 1} has excess 0 at best, so have {2} and {3}. How 0 and
    # 1 share is free: {0} and {1} bind at (0, 4) and (4, 0) only.
    found = least_core(game(4, _01=4, _012=4, _013=4, _0123=4))
    assert found.value == pytest.approx(0, abs=1e-9)
    assert set(found.binding_coalitions) == {0b0011, 0b0111, 0b1011, 0b0100, 0b1000, 0b1100}


def test_two_players_lose_half_of_the_surplus_each() -> None:
    found = least_core([0, 1, 2, 7])
    assert (found.value, found.binding_coalitions) == (pytest.approx(-2), (1, 2))


def test_one_player_has_no_least_core() -> None:
    with pytest.raises(ValueError, match="one player"):
        least_core([0, 1])
    with pytest.raises(ValueError, match="one player"):
        least_core_range([0, 1], [0, 2])


@FEW
@given(v=games())
def test_the_least_core_satisfies_its_definition(v) -> None:
    found = least_core(v)
    left = coalition_excesses(v, found.payoff)
    assert left[1:-1].max() == pytest.approx(found.value, abs=1e-7)
    assert left[-1] == pytest.approx(0, abs=1e-7)
    assert found.payoff == pytest.approx(prenucleolus(v), abs=1e-7)
    # Those that bind can be weighed so that each player counts 1, so no shares do better.
    n = players(v)
    _, off = nnls(rows(n)[list(found.binding_coalitions)].T, np.ones(n))
    assert off < 1e-9


@FEW
@given(v=games(), toward=st.lists(amount(), min_size=4, max_size=4))
def test_no_shares_have_a_smaller_greatest_excess(v, toward) -> None:
    n = players(v)
    x = np.array(toward[:n])
    x += (v[-1] - x.sum()) / n
    assert coalition_excesses(v, x)[1:-1].max() >= least_core(v).value - 1e-7


@FEW
@given(v=games(low=0))
def test_a_core_that_is_not_empty_holds_the_nucleolus(v) -> None:
    empty = least_core(v).value > 1e-7
    assert empty == (stability_cost(v)[0] > 0)
    if not empty:
        assert coalition_excesses(v, nucleolus(v)).max() <= 1e-7
        assert nucleolus(v) == pytest.approx(prenucleolus(v), abs=1e-7)


@FEW
@given(of=intervals())
def test_the_range_holds_the_least_core_of_every_game_within(of) -> None:
    low, high, between = of
    least, greatest = least_core_range(low, high)
    assert least - 1e-7 <= least_core(between).value <= greatest + 1e-7
    assert least == pytest.approx(least_core([*low[:-1], high[-1]]).value, abs=1e-7)
    assert greatest == pytest.approx(least_core([*high[:-1], low[-1]]).value, abs=1e-7)


def test_membership_in_the_core() -> None:
    low, high = [0, 1, 1, 4], [0, 2, 1, 4]
    assert core_membership(low, high, [2, 2]) == "inside"
    assert core_membership(low, high, [1, 3]) == "undecided"
    assert core_membership(low, high, [0.5, 3.5]) == "outside"
    assert core_membership(low, low, [1 - 1e-10, 3]) == "inside"
    assert core_membership([0, 7], [0, 8], [7]) == "inside"


@FEW
@given(of=intervals(), toward=st.lists(amount(), min_size=4, max_size=4))
def test_core_membership_holds_for_every_game_of_the_intervals(of, toward) -> None:
    low, high, between = of
    x = np.array(toward[: players(low)])
    said = core_membership(low, high, x)
    inside = {bool((coalition_excesses(v, x)[1:-1] <= 1e-9).all()) for v in (low, high, between)}
    assert inside == {"inside": {True}, "outside": {False}}.get(said, {True, False})


def test_the_rare_glove_takes_the_core() -> None:
    assert core_membership(glove(1, 2), glove(1, 2), [1, 0, 0]) == "inside"
    assert core_membership(glove(1, 2), glove(1, 2), [0.9, 0.1, 0]) == "outside"
