"""Shares that no coalition would leave: the core and the least core."""

from __future__ import annotations

from dataclasses import dataclass
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
from optimizer.games.programs import least

Membership = Literal["inside", "outside", "undecided"]


@dataclass(frozen=True, eq=False)
class LeastCore:
    """The shares with the least greatest excess over proper coalitions."""

    value: float
    """That excess: above 0 the core is empty, below 0 every coalition has something to lose."""
    payoff: Floats  # (n) the prenucleolus, which is one of these shares
    binding: tuple[int, ...]
    """Masks of the coalitions whose excess is the value in all of these shares."""


def least_core(v: ArrayLike) -> LeastCore:
    """The least core, the strong one: one excess for every coalition, whatever its size.

    Maschler, Peleg and Shapley (1979). ValueError for one player, who has no proper coalition.
    Which coalitions bind is read at the prenucleolus: it has no more at the greatest excess than
    must be there. An excess that lacks what is negligible counts as the greatest.
    """
    worths, n = game(v)
    _refuse_one(n)
    found = lexicographic(worths, rational=False)
    value = found.levels[0]
    left = excess(worths, found.point)[1:-1]
    binding = 1 + np.flatnonzero(left >= value - negligible(worths))
    return LeastCore(value, found.point, tuple(int(mask) for mask in binding))


def least_core_range(low: ArrayLike, high: ArrayLike) -> tuple[float, float]:
    """Least and greatest value of the least core when worths lie anywhere in their intervals.

    It rises in the worth of every proper coalition and falls in that of all, so both ends are met.
    """
    least_worths, greatest_worths, n = interval(low, high)
    _refuse_one(n)
    return (
        _value(np.append(least_worths[:-1], greatest_worths[-1]), n),
        _value(np.append(greatest_worths[:-1], least_worths[-1]), n),
    )


def _value(worths: Floats, n: int) -> float:
    scale, proper = magnitude(worths), membership(n)[1:-1]
    rows = np.hstack([proper, np.ones((len(proper), 1))])
    everybody = np.append(np.ones(n), 0.0)[None, :]
    best = least(
        np.append(np.zeros(n), 1.0),
        rows,
        worths[1:-1] / scale,
        equal=(everybody, worths[-1:] / scale),
    )
    return scale * best.value


def _refuse_one(n: int) -> None:
    if n < 2:
        raise ValueError("one player has no least core: there is no proper coalition")


def core_membership(low: ArrayLike, high: ArrayLike, x: ArrayLike) -> Membership:
    """Whether payoffs x (n) are in the core when worths lie anywhere in their intervals.

    Inside if no proper coalition could ever gain by leaving, outside if one gains in any case. That
    x shares what all are worth together is for the caller to see to.
    """
    least_worths, greatest_worths, n = interval(low, high)
    amounts = payoffs(x, n)
    nothing = negligible(least_worths, greatest_worths, amounts)
    if (excess(least_worths, amounts)[1:-1] > nothing).any():
        return "outside"
    if (excess(greatest_worths, amounts)[1:-1] > nothing).any():
        return "undecided"
    return "inside"
