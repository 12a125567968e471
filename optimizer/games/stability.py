"""What it costs to keep everybody together: money from outside, for given shares or for any."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from optimizer.games.coalitions import (
    Floats,
    excess,
    game,
    interval,
    magnitude,
    membership,
    negligible,
    payoffs,
)
from optimizer.games.nucleolus import lexicographic
from optimizer.games.programs import FREE, POSITIVE, least

Emptiness = Literal["empty", "not empty", "undecided"]


def subsidy(v: ArrayLike, x: ArrayLike) -> tuple[float, Floats]:
    """The least money on top of payoffs x (n) with which no proper coalition would rather leave.

    In total, and for each player (n), 0 or more. Where the same total can be paid in many ways it
    is the one whose greatest payment is least, then the next, and so on. What is negligible
    is 0.
    """
    worths, n = game(v)
    scale = magnitude(worths, payoffs(x, n))
    lacking, proper = excess(worths, x)[1:-1] / scale, membership(n)[1:-1]
    if not (lacking > negligible(worths, payoffs(x, n)) / scale).any():
        return 0.0, np.zeros(n)
    cheapest = least(np.ones(n), proper, lacking, bounds=[(0.0, np.inf)] * n)
    paid = _levelled(np.maximum(0.0, cheapest.point), lacking, proper)
    return scale * float(paid.sum()), scale * paid


def _levelled(paid: Floats, lacking: Floats, proper: Floats) -> Floats:
    """(n) of the payments with the total of ``paid`` the most even that coalitions allow.

    The greatest is made least; who must be paid it in every case is done, and the others go on.
    """
    n = len(paid)
    going = np.ones(n, dtype=bool)
    everybody = np.append(np.ones(n), 0.0)[None, :]
    while going.any():
        # Over changes of the payments, and the greatest of them; to change nothing is feasible.
        rows = np.block(
            [[proper, np.zeros((len(proper), 1))], [-np.eye(n)[going], np.ones((going.sum(), 1))]]
        )
        sides = np.concatenate([np.minimum(0.0, lacking - proper @ paid), paid[going]])
        bounds = [(-z, np.inf) if on else (0.0, 0.0) for z, on in zip(paid, going, strict=True)]
        cost = np.append(np.zeros(n), 1.0)
        best = least(cost, rows, sides, equal=(everybody, np.zeros(1)), bounds=[*bounds, FREE])
        paid = np.maximum(0.0, paid + best.point[:-1])
        going[np.flatnonzero(going)[best.multipliers[len(proper) :] > POSITIVE]] = False
    return paid


def subsidy_range(low: ArrayLike, high: ArrayLike, x: ArrayLike) -> tuple[float, float]:
    """Least and greatest total subsidy when worths lie anywhere in their intervals; it rises."""
    least_worths, greatest_worths, _ = interval(low, high)
    return subsidy(least_worths, x)[0], subsidy(greatest_worths, x)[0]


def stability_cost(v: ArrayLike) -> tuple[float, Floats]:
    """The least money beside v(N) with which the core is not empty, 0 if it is not empty as is.

    The cost of stability (Bachrach et al. 2009). With it, payoffs (n) in that core: the
    prenucleolus of the game with this money. What is negligible is 0.
    """
    worths, n = game(v)
    cost = _cost(worths, n)
    return cost, lexicographic(np.append(worths[:-1], worths[-1] + cost), rational=False).point


def stability_cost_range(low: ArrayLike, high: ArrayLike) -> tuple[float, float]:
    """Least and greatest cost of stability when worths lie anywhere in their intervals.

    It rises in the worth of every proper coalition and falls in that of all, so both ends are met.
    """
    least_worths, greatest_worths, n = interval(low, high)
    return (
        _cost(np.append(least_worths[:-1], greatest_worths[-1]), n),
        _cost(np.append(greatest_worths[:-1], least_worths[-1]), n),
    )


def _cost(worths: Floats, n: int) -> float:
    if n < 2:
        return 0.0
    scale = magnitude(worths)
    best = least(np.ones(n), membership(n)[1:-1], worths[1:-1] / scale)
    lacking = scale * best.value - float(worths[-1])
    return lacking if lacking > negligible(worths) else 0.0


def core_emptiness(low: ArrayLike, high: ArrayLike) -> Emptiness:
    """Whether the core is empty when worths lie anywhere in their intervals."""
    at_best, at_worst = stability_cost_range(low, high)
    if at_best > 0.0:
        return "empty"
    return "not empty" if at_worst == 0.0 else "undecided"
