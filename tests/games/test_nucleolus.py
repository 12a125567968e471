"""Nucleoli that are published or follow by hand, Kohlberg's criterion, and how they move."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from known_games import (
    FEW,
    additive,
    airport,
    amount,
    bankruptcy,
    by_member,
    game,
    games,
    glove,
    majority,
    players,
    rows,
    sociable,
)
from scipy.optimize import linprog

from optimizer.games import coalition_excesses, nucleolus, prenucleolus
from optimizer.games.stability import minimize_excesses


def near(*amounts: float, places: float = 1e-8):
    return pytest.approx(np.array(amounts), abs=places)


def can_share(v) -> bool:
    return v[-1] >= sum(v[1 << i] for i in range(players(v)))


def kohlberg(v, x, *, rational: bool, places: float = 1e-7) -> bool:
    """Whether x is the (pre)nucleolus, by Kohlberg's criterion (1971), apart from how it was found.

    For every level: payments y that add up to 0, and take nothing from the coalitions with at
    least that excess (nor from players who have no more than alone), give them nothing either.
    """
    n = players(v)
    of, left = rows(n)[1:-1], coalition_excesses(v, x)[1:-1]
    if abs(x.sum() - v[-1]) > places:
        return False
    alone = np.array([v[1 << i] for i in range(n)])
    at_bound = rational & (x <= alone + places)
    if rational and (x < alone - places).any():
        return False
    for level in np.unique(np.round(left, 6)):
        worst = of[left >= level - 10 * places]
        found = linprog(
            -worst.sum(axis=0),
            A_ub=-np.concatenate([worst, np.eye(n)[at_bound]]),
            b_ub=np.zeros(len(worst) + at_bound.sum()),
            A_eq=np.ones((1, n)),
            b_eq=[0],
            bounds=(-1, 1),
        )
        if -found.fun > places:
            return False
    return True


@pytest.mark.parametrize(
    ("estate", "shares"), [(100, [100 / 3] * 3), (200, [50, 75, 75]), (300, [50, 100, 150])]
)
def test_estates_of_the_talmud(estate: float, shares: list[float]) -> None:
    """Claims of 100, 200 and 300 (Aumann and Maschler 1985)."""
    v = bankruptcy(estate, [100, 200, 300])
    assert nucleolus(v) == near(*shares)
    assert prenucleolus(v) == near(*shares)


def by_contested_garment(estate: float, claims: list[float]) -> list[float]:
    """Aumann and Maschler (1985): halves of the claims as a ceiling on awards, then on losses."""
    halves, total = [claim / 2 for claim in claims], sum(claims)

    def levelled(amount: float) -> list[float]:
        given, left = [0.0] * len(halves), amount
        order = sorted(range(len(halves)), key=halves.__getitem__)
        for k, i in enumerate(order):
            given[i] = min(halves[i], left / (len(order) - k))
            left -= given[i]
        return given

    if estate <= total / 2:
        return levelled(estate)
    return [claim - lost for claim, lost in zip(claims, levelled(total - estate), strict=True)]


@FEW
@given(claims=st.lists(amount(1, 20), min_size=2, max_size=5), part=st.floats(0, 1))
def test_bankruptcies_follow_the_contested_garment(claims: list[float], part: float) -> None:
    estate = part * sum(claims)
    shares = by_contested_garment(estate, claims)
    assert nucleolus(bankruptcy(estate, claims)) == near(*shares)


def test_twelve_claims_follow_the_contested_garment() -> None:
    claims = [3, 5, 5, 8, 10, 10, 12, 17, 20, 20, 20, 31]
    for estate in (30, 80, 120):
        shares = by_contested_garment(estate, claims)
        assert nucleolus(bankruptcy(estate, claims)) == near(*shares)


def landing_fees(costs: list[float]) -> list[float]:
    """The nucleolus of an airport game (Littlechild 1974), computed group by group."""
    n, fees, done, paid, fee = len(costs), [], 0, 0.0, 0.0
    while len(fees) < n:
        options = [
            ((costs[i - 1] - paid + fee) / (i - done + (1 if i < n else 0)), i)
            for i in range(done + 1, n + 1)
        ]
        fee, until = min(options, key=lambda option: (option[0], -option[1]))
        fees += [fee] * (until - done)
        done, paid = until, costs[until - 1]
    return fees


@FEW
@given(costs=st.lists(amount(0, 20), min_size=2, max_size=6))
def test_fees_of_an_airport_follow_the_recursion(costs: list[float]) -> None:
    costs = sorted(costs)
    assert -nucleolus(airport(costs)) == near(*landing_fees(costs))


def test_the_owner_of_the_scarce_glove_gets_all() -> None:
    assert nucleolus(glove(1, 2)) == near(1, 0, 0)
    assert nucleolus(glove(2, 2)) == near(0.5, 0.5, 0.5, 0.5)


def test_a_veto_player_has_all_the_power() -> None:
    assert nucleolus(majority(3, [2, 1, 1])) == near(1, 0, 0)


def test_weights_of_a_constant_sum_majority_are_its_nucleolus() -> None:
    """Peleg (1968): of games in which one side wins always and winners are equally heavy."""
    assert nucleolus(majority(3, [2, 1, 1, 1])) == near(0.4, 0.2, 0.2, 0.2)
    assert nucleolus(majority(5, [3, 2, 2, 1, 1])) == near(3 / 9, 2 / 9, 2 / 9, 1 / 9, 1 / 9)


def test_a_game_that_is_worth_less_together() -> None:
    # 0 and 1 make 10, all three 2. The excess of {0, 1} is 8 + x2, that of {2} is -x2: least at
    # x2 = -4. Where nobody may have less than alone, x2 is 0; either way 0 and 1 are alike.
    v = game(3, _01=10, _012=2)
    assert prenucleolus(v) == near(3, 3, -4)
    assert nucleolus(v) == near(1, 1, 0)


def test_no_shares_where_players_are_worth_more_alone() -> None:
    v = game(2, _0=2, _1=2, _01=3)
    assert prenucleolus(v) == near(1.5, 1.5)
    with pytest.raises(ValueError, match="individually rational"):
        nucleolus(v)


def test_what_they_lack_by_rounding_is_shared() -> None:
    v = game(2, _0=2e4, _1=1e4, _01=3e4 - 1e-6)
    assert nucleolus(v) == near(2e4 - 5e-7, 1e4 - 5e-7)
    assert nucleolus(game(2, _0=1e-9, _1=1e-9)) == near(0, 0)


# {0, 1} and {2, 3} make 4 each, {0, 2} 3, all four 8. The first two bind everywhere at 0. Then
# shares are (2 + a, 2 - a, 2 + b, 2 - b). The excess of {0, 2} is -1 - a - b, that of {1} and {3}
# -2 + a and -2 + b: equal at a = b = 1/3, where all others are less. But (4, 0, 4, 0) is an optimum
# of the first program, and there {1} and {3} are tight as well.
TWO_PAIRS = game(4, _01=4, _23=4, _02=3, _0123=8)


def test_what_is_merely_tight_at_an_optimum_is_not_fixed() -> None:
    assert nucleolus(TWO_PAIRS) == near(7 / 3, 5 / 3, 7 / 3, 5 / 3)
    assert minimize_excesses(TWO_PAIRS, individually_rational=False).excess_levels[
        0
    ] == pytest.approx(0, abs=1e-9)
    assert nucleolus(game(4, _01=1, _0123=1)) == near(0.5, 0.5, 0, 0)
    assert nucleolus(majority(3, [1, 1, 1, 1])) == near(0.25, 0.25, 0.25, 0.25)


def test_in_additive_games_each_player_gets_its_own_value() -> None:
    v = additive([3, -1, 4])
    assert nucleolus(v) == near(3, -1, 4)
    assert prenucleolus(v) == near(3, -1, 4)


def test_one_player_has_all() -> None:
    assert nucleolus([0, 7]) == near(7)
    assert prenucleolus([0, -7]) == near(-7)


@FEW
@given(v=games())
def test_the_prenucleolus_meets_kohlbergs_criterion(v) -> None:
    assert kohlberg(v, prenucleolus(v), rational=False)


@FEW
@given(v=sociable())
def test_the_nucleolus_meets_kohlbergs_criterion(v) -> None:
    assert kohlberg(v, nucleolus(v), rational=True)


def test_the_criterion_can_fail() -> None:
    third = 1 / 3
    assert kohlberg(TWO_PAIRS, 2 + third * np.array([1, -1, 1, -1]), rational=True)
    for wrong in ([2, 2, 2, 2], [2.3, 1.7, 2.4, 1.6], [2.4, 1.7, 2.3, 1.6], [4, 0, 4, 0]):
        assert not kohlberg(TWO_PAIRS, np.array(wrong), rational=True)


@FEW
@given(v=games(n=4), shift=st.lists(amount(), min_size=4, max_size=4), k=st.integers(-3, 6))
def test_the_nucleolus_is_covariant(v, shift, k: int) -> None:
    moved = 10.0**k * v + additive(shift)
    assert prenucleolus(moved) == near(*10.0**k * prenucleolus(v) + shift, places=1e-8 * 10.0**k)
    if can_share(v):
        expected = 10.0**k * nucleolus(v) + shift
        assert nucleolus(moved) == near(*expected, places=1e-8 * max(1.0, 10.0**k))


@pytest.mark.slow
@FEW
@given(v=games(n=4), order=st.permutations([0, 1, 2, 3]))
def test_it_does_not_matter_who_is_called_what(v, order) -> None:
    renamed = by_member(4, lambda s: v[sum(1 << order[i] for i in s)])
    assert prenucleolus(renamed) == near(*prenucleolus(v)[order])


@FEW
@given(v=games(), seed=st.integers(0, 99))
def test_noise_does_not_matter(v, seed: int) -> None:
    noise = 1e-9 * np.random.default_rng(seed).standard_normal(len(v))
    noise[0] = 0.0
    assert prenucleolus(1e4 * v + noise) == near(*1e4 * prenucleolus(v), places=1e-6)


@FEW
@given(v=games())
def test_the_greatest_excesses_fall_from_level_to_level(v) -> None:
    found = minimize_excesses(v, individually_rational=False)
    assert found.excess_levels[0] == pytest.approx(
        coalition_excesses(v, found.payoff)[1:-1].max(), abs=1e-8
    )
    assert all(
        b <= a + 1e-8 for a, b in zip(found.excess_levels, found.excess_levels[1:], strict=False)
    )
    assert 1 <= len(found.excess_levels) <= players(v) - 1
