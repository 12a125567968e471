"""Stable shares: nucleolus, core, and the money with which the core of a game is not empty."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import null_space
from scipy.optimize import linprog

from optimizer.games import coalitions
from optimizer.games.coalitions import (
    Floats,
    coalition_excesses,
    largest_amount,
    membership_matrix,
    negligible_amount,
    read_game,
)

UNBOUNDED = (-np.inf, np.inf)
FEASIBILITY_TOLERANCE = 1e-10  # for values scaled to 1: the smallest that HiGHS accepts
MULTIPLIER_TOLERANCE = 1e-6  # larger multipliers are positive; of 12 players none is below 1/9477
DIRECTION_TOLERANCE = 1e-7  # a row can still change if its projection on the free space is longer
CoreMembership = Literal["inside", "outside", "undecided"]
CoreEmptiness = Literal["empty", "not empty", "undecided"]


@dataclass(frozen=True, eq=False)
class LinearOptimum:
    """Optimum of a linear program: its value, the point (k) that attains it, and the non-negative
    multipliers of the rows (m)."""

    value: float
    point: Floats
    multipliers: Floats


def solve_linear_program(
    cost: Floats,
    rows: Floats,
    lower_sides: Floats,
    *,
    equality: tuple[Floats, Floats] | None = None,
    bounds: Sequence[tuple[float, float]] | None = None,
) -> LinearOptimum:
    """Minimize ``cost`` (k) @ y subject to ``rows`` (m, k) @ y >= ``lower_sides`` (m). ``equality``
    is a pair of rows and sides of equations. ``bounds`` has a pair of bounds for each element of y;
    without it y is free. Raise ArithmeticError if no optimum is found."""
    equation_rows, equation_sides = (None, None) if equality is None else equality
    for presolve in (False, True):  # faster without; the second attempt is for numerical trouble
        result = linprog(
            cost,
            A_ub=-rows,
            b_ub=-lower_sides,
            A_eq=equation_rows,
            b_eq=equation_sides,
            bounds=UNBOUNDED if bounds is None else bounds,
            method="highs",
            options={
                "presolve": presolve,
                "primal_feasibility_tolerance": FEASIBILITY_TOLERANCE,
                "dual_feasibility_tolerance": FEASIBILITY_TOLERANCE,
            },
        )
        if result.status == 0:
            multipliers = np.maximum(0.0, -np.asarray(result.ineqlin.marginals))
            point = np.asarray(result.x)
            return LinearOptimum(float(cost @ point), point, multipliers)
    raise ArithmeticError(f"no optimum of a linear program over coalitions: {result.message}")


def nucleolus(v: ArrayLike) -> Floats:
    """Return the nucleolus (n): shares of v(N), individually rational, with lexicographically least
    excesses (Schmeidler 1969). It is exact if coalition values differ by at least about 1e-9 of the
    largest. Raise ValueError if the sum of the values of single players exceeds v(N) by more than a
    negligible amount."""
    values, n = read_game(v)
    own_values = values[1 << np.arange(n)]
    surplus = float(values[-1] - own_values.sum())
    if surplus < -negligible_amount(values):
        raise ValueError("no shares are individually rational: the players are worth more alone")
    if surplus <= 0.0:
        equal_split: Floats = own_values + surplus / n
        return equal_split
    return minimize_excesses(values, individually_rational=True).payoff


def prenucleolus(v: ArrayLike) -> Floats:
    """Return the prenucleolus (n): shares of v(N) with lexicographically least excesses, which need
    not be individually rational."""
    values, _ = read_game(v)
    return minimize_excesses(values, individually_rational=False).payoff


@dataclass(frozen=True, eq=False)
class LexicographicOptimum:
    """Payoff (n) with lexicographically least excesses, and the levels at which excesses were
    fixed, in descending order. If individual rationality is not required, the first level is the
    value of the least core. A game of one player has no levels."""

    payoff: Floats
    excess_levels: tuple[float, ...]


def minimize_excesses(
    coalition_values: Floats, *, individually_rational: bool
) -> LexicographicOptimum:
    """Return the payoff with lexicographically least excesses. Minimize the largest excess, fix the
    excesses that are this large at every optimum, and repeat with the others. Each round is one
    linear program (Kopelowitz 1967; Maschler, Peleg, Shapley 1979) over the directions that leave
    all fixed excesses unchanged.

    Only rows with a positive multiplier are fixed. They are tight at every optimum, while other
    rows may be tight only at the optimum found. Their multipliers add up to 1, and rows fixed
    before do not span them. So each round removes at least one dimension, and there are at most n -
    1 rounds. A row that is always tight but has no multiplier is fixed in a later round at the same
    level. Internally values are zero-normalized and scaled to 1; the nucleolus is covariant under
    both.
    """
    n = coalition_values.size.bit_length() - 1
    membership = membership_matrix(n)
    own_values = coalition_values[1 << np.arange(n)]
    normalized_values = coalition_values - membership @ own_values
    scale = largest_amount(normalized_values)
    normalized_values, proper_rows = normalized_values / scale, membership[1:-1]
    point = np.full(n, normalized_values[-1] / n)
    fixed_rows, excess_levels = np.ones((1, n)), []
    while (free_space := null_space(fixed_rows)).shape[1]:
        free_directions = proper_rows @ free_space
        is_movable = np.linalg.norm(free_directions, axis=1) > DIRECTION_TOLERANCE
        is_bounded = (
            np.linalg.norm(free_space, axis=1) > DIRECTION_TOLERANCE
            if individually_rational
            else np.zeros(n, dtype=bool)
        )
        # Variables: a step in the free space, and the level. Each excess is at most the level, and
        # no player falls below its own value. The zero step is feasible despite rounding.
        rows = np.block(
            [
                [free_directions[is_movable], np.ones((is_movable.sum(), 1))],
                [free_space[is_bounded], np.zeros((is_bounded.sum(), 1))],
            ]
        )
        lower_sides = np.concatenate(
            [
                (normalized_values[1:-1] - proper_rows @ point)[is_movable],
                np.minimum(0.0, -point[is_bounded]),
            ]
        )
        cost = np.append(np.zeros(free_space.shape[1]), 1.0)
        optimum = solve_linear_program(cost, rows, lower_sides)
        point = point + free_space @ optimum.point[:-1]
        excess_levels.append(optimum.value * scale)
        tight_rows = np.concatenate([proper_rows[is_movable], np.eye(n)[is_bounded]])[
            optimum.multipliers > MULTIPLIER_TOLERANCE
        ]
        fixed_rows = np.concatenate([fixed_rows, tight_rows])
    return LexicographicOptimum(own_values + scale * point, tuple(excess_levels))


@dataclass(frozen=True, eq=False)
class LeastCore:
    """Least core: the shares with which the largest excess of a proper coalition is as small as
    possible."""

    value: float  # the core is empty if it is positive
    payoff: Floats  # (n) the prenucleolus, which lies in the least core
    binding_coalitions: tuple[int, ...]  # masks of those with this excess in the whole least core


def least_core(v: ArrayLike) -> LeastCore:
    """Compute the (strong) least core (Maschler, Peleg and Shapley 1979). Binding coalitions are
    those with the largest excess at the prenucleolus, where they are fewest. Raise ValueError for
    one player, since there is no proper coalition."""
    values, n = read_game(v)
    _require_two_players(n)
    optimum = minimize_excesses(values, individually_rational=False)
    largest_excess = optimum.excess_levels[0]
    excesses = coalition_excesses(values, optimum.payoff)[1:-1]
    binding_masks = 1 + np.flatnonzero(excesses >= largest_excess - negligible_amount(values))
    return LeastCore(largest_excess, optimum.payoff, tuple(int(mask) for mask in binding_masks))


def least_core_range(low: ArrayLike, high: ArrayLike) -> tuple[float, float]:
    """Return the least and the greatest value of the least core over all games with coalition
    values in the intervals. It rises with the values of proper coalitions and falls with v(N), so
    that both bounds are attained."""
    low_values, high_values, n = coalitions.read_interval_game(low, high)
    _require_two_players(n)
    return (
        _least_core_value(np.append(low_values[:-1], high_values[-1]), n),
        _least_core_value(np.append(high_values[:-1], low_values[-1]), n),
    )


def _least_core_value(worths: Floats, n: int) -> float:
    scale, proper_rows = largest_amount(worths), membership_matrix(n)[1:-1]
    rows = np.hstack([proper_rows, np.ones((len(proper_rows), 1))])
    all_players = np.append(np.ones(n), 0.0)[None, :]
    optimum = solve_linear_program(
        np.append(np.zeros(n), 1.0),
        rows,
        worths[1:-1] / scale,
        equality=(all_players, worths[-1:] / scale),
    )
    return scale * optimum.value


def _require_two_players(n: int) -> None:
    if n < 2:
        raise ValueError("one player has no least core: there is no proper coalition")


def core_membership(low: ArrayLike, high: ArrayLike, x: ArrayLike) -> CoreMembership:
    """Check whether payoffs ``x`` (n), which sum to v(N), lie in the core if coalition values may
    lie anywhere in their intervals. Return "outside" if a proper coalition gains by leaving even at
    the lower values, "inside" if none does even at the upper values, and else "undecided"."""
    low_values, high_values, n = coalitions.read_interval_game(low, high)
    payoffs = coalitions.read_payoffs(x, n)
    tolerance = negligible_amount(low_values, high_values, payoffs)
    if (coalition_excesses(low_values, payoffs)[1:-1] > tolerance).any():
        return "outside"
    if (coalition_excesses(high_values, payoffs)[1:-1] > tolerance).any():
        return "undecided"
    return "inside"


def subsidy(v: ArrayLike, x: ArrayLike) -> tuple[float, Floats]:
    """Compute the least money that has to be added to payoffs ``x`` (n) so that no proper coalition
    gains by leaving. Return the total and the payment to each player (n), which is at least 0. Of
    all payments with this total, the most even ones are chosen: the largest is minimized, then the
    second largest, and so on. Negligible amounts are 0."""
    values, n = read_game(v)
    scale = largest_amount(values, coalitions.read_payoffs(x, n))
    deficits, proper_rows = coalition_excesses(values, x)[1:-1] / scale, membership_matrix(n)[1:-1]
    if not (deficits > negligible_amount(values, coalitions.read_payoffs(x, n)) / scale).any():
        return 0.0, np.zeros(n)
    optimum = solve_linear_program(np.ones(n), proper_rows, deficits, bounds=[(0.0, np.inf)] * n)
    payments = _equalize_payments(np.maximum(0.0, optimum.point), deficits, proper_rows)
    return scale * float(payments.sum()), scale * payments


def _equalize_payments(payments: Floats, excesses: Floats, membership_rows: Floats) -> Floats:
    """Return payments (n) with the same total that are as even as the constraints of coalitions
    allow. The largest payment is minimized, players who need it in every solution are fixed, and
    the others follow in the same way."""
    n = len(payments)
    is_active = np.ones(n, dtype=bool)
    all_players = np.append(np.ones(n), 0.0)[None, :]
    while is_active.any():
        # Variables: changes of the payments, and the largest payment. No change is feasible.
        rows = np.block(
            [
                [membership_rows, np.zeros((len(membership_rows), 1))],
                [-np.eye(n)[is_active], np.ones((is_active.sum(), 1))],
            ]
        )
        lower_sides = np.concatenate(
            [np.minimum(0.0, excesses - membership_rows @ payments), payments[is_active]]
        )
        bounds = [
            (-payment, np.inf) if is_payment_active else (0.0, 0.0)
            for payment, is_payment_active in zip(payments, is_active, strict=True)
        ]
        cost = np.append(np.zeros(n), 1.0)
        optimum = solve_linear_program(
            cost,
            rows,
            lower_sides,
            equality=(all_players, np.zeros(1)),
            bounds=[*bounds, UNBOUNDED],
        )
        payments = np.maximum(0.0, payments + optimum.point[:-1])
        is_active[
            np.flatnonzero(is_active)[
                optimum.multipliers[len(membership_rows) :] > MULTIPLIER_TOLERANCE
            ]
        ] = False
    return payments


def subsidy_range(low: ArrayLike, high: ArrayLike, x: ArrayLike) -> tuple[float, float]:
    """Return the least and the greatest total subsidy over all games with coalition values in the
    intervals."""
    low_values, high_values, _ = coalitions.read_interval_game(low, high)
    return subsidy(low_values, x)[0], subsidy(high_values, x)[0]


def stability_cost(v: ArrayLike) -> tuple[float, Floats]:
    """Compute the cost of stability (Bachrach et al. 2009): the least money that has to be added to
    v(N) so that the core is not empty. Return it with payoffs (n) in this core, which are the
    prenucleolus of the game with the money added. Negligible amounts are 0."""
    values, n = read_game(v)
    cost = _stability_cost(values, n)
    return cost, minimize_excesses(
        np.append(values[:-1], values[-1] + cost), individually_rational=False
    ).payoff


def stability_cost_range(low: ArrayLike, high: ArrayLike) -> tuple[float, float]:
    """Return the least and the greatest cost of stability over all games with coalition values in
    the intervals. It rises with the values of proper coalitions and falls with v(N), so that both
    bounds are attained."""
    low_values, high_values, n = coalitions.read_interval_game(low, high)
    return (
        _stability_cost(np.append(low_values[:-1], high_values[-1]), n),
        _stability_cost(np.append(high_values[:-1], low_values[-1]), n),
    )


def _stability_cost(worths: Floats, n: int) -> float:
    if n < 2:
        return 0.0
    scale = largest_amount(worths)
    optimum = solve_linear_program(np.ones(n), membership_matrix(n)[1:-1], worths[1:-1] / scale)
    cost = scale * optimum.value - float(worths[-1])
    return cost if cost > negligible_amount(worths) else 0.0


def core_emptiness(low: ArrayLike, high: ArrayLike) -> CoreEmptiness:
    """Check whether the core is empty if coalition values may lie anywhere in their intervals;
    "undecided" if it is empty for some of these values only."""
    lowest_cost, highest_cost = stability_cost_range(low, high)
    if lowest_cost > 0.0:
        return "empty"
    return "not empty" if highest_cost == 0.0 else "undecided"
