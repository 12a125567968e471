"""The Shapley value of many players, from a sample of orders in which they join."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from optimizer.games.coalitions import Floats, Masks

MOST_PLAYERS = 62  # masks fit into whole numbers of 64 bits

Worths = Mapping[int, float] | Mapping[int, tuple[float, float]]


@dataclass(frozen=True, eq=False)
class SampledShares:
    """What a sample of orders tells of the Shapley value, each (n)."""

    estimate: Floats  # adds up to the worth of all; of the middles where worths are intervals
    half_width: Floats
    """The value of the middles lies so near to the estimate, at the level asked for."""
    low: Floats  # the value is no less, by the sample and by the intervals of the worths
    high: Floats


def sample_orders(n: int, pairs: int, seed: int) -> Masks:
    """(2 * pairs, n) orders of players, drawn alike; each is followed by its reverse."""
    if not 1 <= n <= MOST_PLAYERS:
        raise ValueError(f"1 to {MOST_PLAYERS} players, not {n}")
    drawn = np.random.default_rng(seed).permuted(np.tile(np.arange(n), (pairs, 1)), axis=1)
    orders: Masks = np.stack([drawn, drawn[:, ::-1]], axis=1).reshape(2 * pairs, n)
    return orders


def coalitions_of(orders: Masks) -> list[int]:
    """The masks whose worths the orders ask for, in order, without the empty coalition."""
    return [int(mask) for mask in np.unique(_joined(orders))]


def _joined(orders: Masks) -> Masks:
    """(orders, n) who is there when each has joined, as masks."""
    joined: Masks = np.cumsum(np.left_shift(np.int64(1), orders.astype(np.int64)), axis=1)
    return joined


def shapley_from_orders(orders: Masks, worth: Worths, level: float) -> SampledShares:
    """The Shapley value from orders (2 * pairs, n) and the worth of each of their coalitions.

    Castro, Gómez and Tejada (2009), each order with its reverse. The half width is Student's over
    the means of the pairs, which are independent; the level is that of each player alone. Worths
    may be intervals (least, greatest): then low and high are those of the worst selection, widened
    by the half width there. ValueError for fewer than two pairs, KeyError for a missing worth.
    """
    pairs, n = len(orders) // 2, orders.shape[1]
    if pairs < 2 or len(orders) % 2:
        raise ValueError("the spread needs two pairs of orders at least")
    if not 0.0 < level < 1.0:
        raise ValueError(f"a level lies between 0 and 1, not at {level}")
    joined = _joined(orders)
    asked, place = np.unique(joined, return_inverse=True)
    ends = np.array([np.broadcast_to(worth[int(mask)], 2) for mask in asked], dtype=float)
    after = ends[place.reshape(joined.shape)]  # (orders, n, 2)
    before = np.concatenate([np.zeros_like(after[:, :1]), after[:, :-1]], axis=1)
    student = float(stdtrit(pairs - 1, (1.0 + level) / 2.0))

    def spread(contributions: Floats) -> tuple[Floats, Floats]:
        by_player = np.empty_like(contributions)
        np.put_along_axis(by_player, orders, contributions, axis=1)
        means = by_player.reshape(pairs, 2, n).mean(axis=1)
        return means.mean(axis=0), student * means.std(axis=0, ddof=1) / np.sqrt(pairs)

    estimate, half_width = spread((after - before).mean(axis=2))
    low, below = spread(after[..., 0] - before[..., 1])
    high, above = spread(after[..., 1] - before[..., 0])
    return SampledShares(estimate, half_width, low - below, high + above)
