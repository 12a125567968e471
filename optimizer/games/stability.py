"""Shares that no coalition would leave: nucleolus, core, and the money that keeps all together."""

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
FEASIBILITY_TOLERANCE = (
    1e-10  # what a row may be off, with worths scaled to 1: the finest that HiGHS accepts
)
MULTIPLIER_TOLERANCE = (
    1e-6  # a multiplier above is; the smallest of 12 players is no less than 1/9477
)
DIRECTION_TOLERANCE = (
    1e-7  # a payoff moves if its row is longer on what is free; others are far shorter
)
CoreMembership = Literal["inside", "outside", "undecided"]
CoreEmptiness = Literal["empty", "not empty", "undecided"]


@dataclass(frozen=True, eq=False)
class LinearOptimum:
    """An optimal point (k) of a linear program and the multipliers (m) of its rows, 0 or more."""

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
    """The least cost (k) @ y with rows (m, k) @ y >= sides (m). ``equal`` are rows and sides of
    equations, ``bounds`` (k) least and greatest y, without which y is free. The program must have
    an optimum; ArithmeticError if none is found."""
    equations, values = (None, None) if equality is None else equality
    for presolve in (False, True):  # without it is faster; with it is another try
        found = linprog(
            cost,
            A_ub=-rows,
            b_ub=-lower_sides,
            A_eq=equations,
            b_eq=values,
            bounds=UNBOUNDED if bounds is None else bounds,
            method="highs",
            options={
                "presolve": presolve,
                "primal_feasibility_tolerance": FEASIBILITY_TOLERANCE,
                "dual_feasibility_tolerance": FEASIBILITY_TOLERANCE,
            },
        )
        if found.status == 0:
            multipliers = np.maximum(0.0, -np.asarray(found.ineqlin.marginals))
            point = np.asarray(found.x)
            return LinearOptimum(float(cost @ point), point, multipliers)
    raise ArithmeticError(f"no optimum of a linear program over coalitions: {found.message}")


def nucleolus(v: ArrayLike) -> Floats:
    """(n) the individually rational shares of v(N) with the least excesses (Schmeidler 1969), exact
    for worths that differ by about 1e-9 of the greatest at most. ValueError if the players are
    worth more alone than together, by more than is negligible."""
    worths, n = read_game(v)
    alone = worths[1 << np.arange(n)]
    surplus = float(worths[-1] - alone.sum())
    if surplus < -negligible_amount(worths):
        raise ValueError("no shares are individually rational: the players are worth more alone")
    if surplus <= 0.0:
        only: Floats = alone + surplus / n
        return only
    return minimize_excesses(worths, individually_rational=True).payoff


def prenucleolus(v: ArrayLike) -> Floats:
    """(n) the shares of v(N) with the least excesses, whoever would have more alone."""
    worths, _ = read_game(v)
    return minimize_excesses(worths, individually_rational=False).payoff


@dataclass(frozen=True, eq=False)
class LexicographicOptimum:
    """The point (n) of lexicographically least excesses, and the levels at which some were fixed.
    The levels fall; the first is the value of the least core if the shares need not be individually
    rational. A game of one player has none."""

    payoff: Floats
    excess_levels: tuple[float, ...]


def minimize_excesses(
    coalition_values: Floats, *, individually_rational: bool
) -> LexicographicOptimum:
    """Minimise the greatest excess, fix what is greatest at every optimum, and go on with the rest.
    One linear program a round (Kopelowitz 1967; Maschler, Peleg, Shapley 1979), over the moves that
    leave all fixed excesses as they are. A row with a positive multiplier is tight at every
    optimum, one that is merely tight at the optimum found may not be: only the former are fixed. As
    their multipliers add up to 1 and none of them is spanned by what was fixed before, each round
    takes at least one dimension, and there are n - 1 rounds at most. What is always tight but has
    no multiplier comes again in the next round, at the same level. Zero-normalised and scaled to 1
    inside; the nucleolus moves along with both."""
    n = coalition_values.size.bit_length() - 1
    of = membership_matrix(n)
    alone = coalition_values[1 << np.arange(n)]
    gains = coalition_values - of @ alone
    scale = largest_amount(gains)
    gains, proper = gains / scale, of[1:-1]
    point = np.full(n, gains[-1] / n)
    fixed, levels = np.ones((1, n)), []
    while (free := null_space(fixed)).shape[1]:
        moves = proper @ free
        some = np.linalg.norm(moves, axis=1) > DIRECTION_TOLERANCE
        held = (
            np.linalg.norm(free, axis=1) > DIRECTION_TOLERANCE
            if individually_rational
            else np.zeros(n, dtype=bool)
        )
        # Over a move y along what is free, and the level: each excess is at most the level, and
        # nobody falls below their worth alone. To stay is feasible, whatever was rounded.
        rows = np.block(
            [[moves[some], np.ones((some.sum(), 1))], [free[held], np.zeros((held.sum(), 1))]]
        )
        sides = np.concatenate(
            [(gains[1:-1] - proper @ point)[some], np.minimum(0.0, -point[held])]
        )
        cost = np.append(np.zeros(free.shape[1]), 1.0)
        best = solve_linear_program(cost, rows, sides)
        point = point + free @ best.point[:-1]
        levels.append(best.value * scale)
        tight = np.concatenate([proper[some], np.eye(n)[held]])[
            best.multipliers > MULTIPLIER_TOLERANCE
        ]
        fixed = np.concatenate([fixed, tight])
    return LexicographicOptimum(alone + scale * point, tuple(levels))


@dataclass(frozen=True, eq=False)
class LeastCore:
    """The shares with the least greatest excess over proper coalitions."""

    value: float  # above 0 the core is empty, below 0 every coalition has something to lose
    payoff: Floats  # (n) the prenucleolus, which is one of these shares
    binding_coalitions: tuple[int, ...]  # masks of those whose excess is it in all of these shares


def least_core(v: ArrayLike) -> LeastCore:
    """The least core, the strong one: one excess for every coalition, whatever its size. Maschler,
    Peleg and Shapley (1979). ValueError for one player, who has no proper coalition. Which
    coalitions bind is read at the prenucleolus: it has no more at the greatest excess than must be
    there. An excess that lacks what is negligible counts as the greatest."""
    worths, n = read_game(v)
    _require_two_players(n)
    found = minimize_excesses(worths, individually_rational=False)
    value = found.excess_levels[0]
    left = coalition_excesses(worths, found.payoff)[1:-1]
    binding = 1 + np.flatnonzero(left >= value - negligible_amount(worths))
    return LeastCore(value, found.payoff, tuple(int(mask) for mask in binding))


def least_core_range(low: ArrayLike, high: ArrayLike) -> tuple[float, float]:
    """Least and greatest value of the least core when worths lie anywhere in their intervals: it
    rises in those of proper coalitions and falls in that of all, so both ends are met."""
    least_worths, greatest_worths, n = coalitions.read_interval_game(low, high)
    _require_two_players(n)
    return (
        _least_core_value(np.append(least_worths[:-1], greatest_worths[-1]), n),
        _least_core_value(np.append(greatest_worths[:-1], least_worths[-1]), n),
    )


def _least_core_value(worths: Floats, n: int) -> float:
    scale, proper = largest_amount(worths), membership_matrix(n)[1:-1]
    rows = np.hstack([proper, np.ones((len(proper), 1))])
    everybody = np.append(np.ones(n), 0.0)[None, :]
    best = solve_linear_program(
        np.append(np.zeros(n), 1.0),
        rows,
        worths[1:-1] / scale,
        equality=(everybody, worths[-1:] / scale),
    )
    return scale * best.value


def _require_two_players(n: int) -> None:
    if n < 2:
        raise ValueError("one player has no least core: there is no proper coalition")


def core_membership(low: ArrayLike, high: ArrayLike, x: ArrayLike) -> CoreMembership:
    """Whether payoffs x (n), which share what all are worth together, are in the core when worths
    lie anywhere in their intervals: outside if some proper coalition gains by leaving in any
    case."""
    least_worths, greatest_worths, n = coalitions.read_interval_game(low, high)
    amounts = coalitions.read_payoffs(x, n)
    nothing = negligible_amount(least_worths, greatest_worths, amounts)
    if (coalition_excesses(least_worths, amounts)[1:-1] > nothing).any():
        return "outside"
    if (coalition_excesses(greatest_worths, amounts)[1:-1] > nothing).any():
        return "undecided"
    return "inside"


def subsidy(v: ArrayLike, x: ArrayLike) -> tuple[float, Floats]:
    """The least money on top of payoffs x (n) with which no proper coalition would rather leave. In
    total, and for each player (n), 0 or more. Where the same total can be paid in many ways it is
    the one whose greatest payment is least, then the next, and so on. What is negligible is 0."""
    worths, n = read_game(v)
    scale = largest_amount(worths, coalitions.read_payoffs(x, n))
    lacking, proper = coalition_excesses(worths, x)[1:-1] / scale, membership_matrix(n)[1:-1]
    if not (lacking > negligible_amount(worths, coalitions.read_payoffs(x, n)) / scale).any():
        return 0.0, np.zeros(n)
    cheapest = solve_linear_program(np.ones(n), proper, lacking, bounds=[(0.0, np.inf)] * n)
    paid = _equalize_payments(np.maximum(0.0, cheapest.point), lacking, proper)
    return scale * float(paid.sum()), scale * paid


def _equalize_payments(payments: Floats, excesses: Floats, membership_rows: Floats) -> Floats:
    """(n) of the payments with the total of ``paid`` the most even that coalitions allow. The
    greatest is made least; who must be paid it in every case is done, and the others go on."""
    n = len(payments)
    going = np.ones(n, dtype=bool)
    everybody = np.append(np.ones(n), 0.0)[None, :]
    while going.any():
        # Over changes of the payments, and the greatest of them; to change nothing is feasible.
        rows = np.block(
            [
                [membership_rows, np.zeros((len(membership_rows), 1))],
                [-np.eye(n)[going], np.ones((going.sum(), 1))],
            ]
        )
        sides = np.concatenate(
            [np.minimum(0.0, excesses - membership_rows @ payments), payments[going]]
        )
        bounds = [(-z, np.inf) if on else (0.0, 0.0) for z, on in zip(payments, going, strict=True)]
        cost = np.append(np.zeros(n), 1.0)
        best = solve_linear_program(
            cost, rows, sides, equality=(everybody, np.zeros(1)), bounds=[*bounds, UNBOUNDED]
        )
        payments = np.maximum(0.0, payments + best.point[:-1])
        going[
            np.flatnonzero(going)[best.multipliers[len(membership_rows) :] > MULTIPLIER_TOLERANCE]
        ] = False
    return payments


def subsidy_range(low: ArrayLike, high: ArrayLike, x: ArrayLike) -> tuple[float, float]:
    """Least and greatest total subsidy when worths lie anywhere in their intervals; it rises."""
    least_worths, greatest_worths, _ = coalitions.read_interval_game(low, high)
    return subsidy(least_worths, x)[0], subsidy(greatest_worths, x)[0]


def stability_cost(v: ArrayLike) -> tuple[float, Floats]:
    """The least money beside v(N) with which the core is not empty, 0 if it is not empty as is. The
    cost of stability (Bachrach et al. 2009). With it, payoffs (n) in that core: the prenucleolus of
    the game with this money. What is negligible is 0."""
    worths, n = read_game(v)
    cost = _stability_cost(worths, n)
    return cost, minimize_excesses(
        np.append(worths[:-1], worths[-1] + cost), individually_rational=False
    ).payoff


def stability_cost_range(low: ArrayLike, high: ArrayLike) -> tuple[float, float]:
    """Least and greatest cost of stability when worths lie anywhere in their intervals: it rises in
    those of proper coalitions and falls in that of all, so both ends are met."""
    least_worths, greatest_worths, n = coalitions.read_interval_game(low, high)
    return (
        _stability_cost(np.append(least_worths[:-1], greatest_worths[-1]), n),
        _stability_cost(np.append(greatest_worths[:-1], least_worths[-1]), n),
    )


def _stability_cost(worths: Floats, n: int) -> float:
    if n < 2:
        return 0.0
    scale = largest_amount(worths)
    best = solve_linear_program(np.ones(n), membership_matrix(n)[1:-1], worths[1:-1] / scale)
    lacking = scale * best.value - float(worths[-1])
    return lacking if lacking > negligible_amount(worths) else 0.0


def core_emptiness(low: ArrayLike, high: ArrayLike) -> CoreEmptiness:
    """Whether the core is empty when worths lie anywhere in their intervals."""
    at_best, at_worst = stability_cost_range(low, high)
    if at_best > 0.0:
        return "empty"
    return "not empty" if at_worst == 0.0 else "undecided"
