"""Shares by rules that are formulas."""

from __future__ import annotations

from math import comb

import numpy as np
from numpy.typing import ArrayLike

from optimizer.games.coalitions import Floats, game, interval, sizes


def shapley(v: ArrayLike) -> Floats:
    """(n) each player's mean contribution over all orders of joining (Shapley 1953)."""
    worths, n = game(v)
    return _mean_contributions(worths, worths, n)


def shapley_range(low: ArrayLike, high: ArrayLike) -> tuple[Floats, Floats]:
    """(n), (n) least and greatest Shapley value when each worth lies anywhere in its interval.

    Exact for each player alone, since the value rises in the worths of coalitions with the
    player and falls in all others; the ends are not met by all players in one game.
    """
    least, greatest, n = interval(low, high)
    return _mean_contributions(least, greatest, n), _mean_contributions(greatest, least, n)


def _mean_contributions(joined: Floats, left: Floats, n: int) -> Floats:
    """(n) with worths (2**n) of the coalitions that were joined, and of those before."""
    masks, size = np.arange(2**n), sizes(n)
    weights = np.array([1.0 / (n * comb(n - 1, k)) for k in range(n)])
    value = np.zeros(n)
    for i in range(n):
        before = masks[(masks >> i) & 1 == 0]
        value[i] = weights[size[before]] @ (joined[before | 1 << i] - left[before])
    return value


def in_proportion(total: float, keys: ArrayLike) -> Floats:
    """(n) the total in proportion to keys (n), such as needs or payments.

    ValueError if a key is negative or not finite, or all are 0: then there is no proportion.
    """
    parts = np.asarray(keys, dtype=float)
    if parts.ndim != 1 or not np.isfinite(parts).all() or (parts < 0.0).any():
        raise ValueError("keys are finite numbers of 0 or more")
    if not parts.any():
        raise ValueError("all keys are 0")
    parts = parts / parts.max()
    shares: Floats = total * (parts / parts.sum())
    return shares


def equally(total: float, n: int) -> Floats:
    """(n) the total in equal parts."""
    return np.full(n, total / n)
