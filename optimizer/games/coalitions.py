"""Coalitions as bit masks, games as arrays over them, and shares by rules that are formulas."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

Floats = NDArray[np.float64]
Masks = NDArray[np.int64]

RELATIVE_TOLERANCE = (
    1e-9  # what differs by less, as a part of the greatest amount in a game, is arithmetic
)
ABSOLUTE_TOLERANCE = (
    1e-8  # what is less is nothing in any game: a cent, if worths are in million EUR
)
MAX_PLAYERS = 62  # masks fit into whole numbers of 64 bits

CoalitionValues = Mapping[int, float] | Mapping[int, tuple[float, float]]


def coalition_members(mask: int) -> tuple[int, ...]:
    """The players of a coalition, in order."""
    return tuple(i for i in range(mask.bit_length()) if mask >> i & 1)


def coalition_sizes(n: int) -> Masks:
    """(2**n) how many members each coalition has."""
    size: Masks = membership_matrix(n).sum(axis=1).astype(np.int64)
    return size


def membership_matrix(n: int) -> Floats:
    """(2**n, n) 1 where the player is a member of the coalition, else 0."""
    rows: Floats = ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(float)
    return rows


def read_game(v: ArrayLike) -> tuple[Floats, int]:
    """The worths (2**n) as floats, and n. ValueError if there are not 2**n of them with n >= 1, one
    is not finite, or the empty coalition is worth something."""
    worths = np.asarray(v, dtype=float)
    n = worths.size.bit_length() - 1
    if worths.ndim != 1 or n < 1 or worths.size != 2**n:
        raise ValueError(f"a game has 2**n worths with n >= 1, not shape {worths.shape}")
    if not np.isfinite(worths).all():
        raise ValueError("a worth is not finite")
    if worths[0] != 0.0:
        raise ValueError("the empty coalition is worth 0")
    return worths, n


def read_interval_game(low: ArrayLike, high: ArrayLike) -> tuple[Floats, Floats, int]:
    """Two games between which the worths lie, and n. ValueError as of `game`, or if they differ in
    shape or cross by more than is negligible."""
    (least, n), (greatest, m) = read_game(low), read_game(high)
    if n != m:
        raise ValueError(f"least worths for {n} players, greatest for {m}")
    if (least > greatest + negligible_amount(least, greatest)).any():
        raise ValueError("a least worth lies above the greatest")
    return least, greatest, n


def read_payoffs(x: ArrayLike, n: int) -> Floats:
    """Payoffs (n) as floats; ValueError if there is not one finite number a player."""
    amounts = np.asarray(x, dtype=float)
    if amounts.shape != (n,) or not np.isfinite(amounts).all():
        raise ValueError(f"payoffs are one finite number for each of {n} players")
    return amounts


def largest_amount(*amounts: Floats) -> float:
    """The greatest absolute amount; 1 if all are 0."""
    return max(float(np.abs(of).max()) for of in amounts) or 1.0


def negligible_amount(*amounts: Floats) -> float:
    """What counts as nothing beside these amounts."""
    return max(ABSOLUTE_TOLERANCE, RELATIVE_TOLERANCE * largest_amount(*amounts))


def coalition_excesses(v: ArrayLike, x: ArrayLike) -> Floats:
    """(2**n) worth of each coalition less what the payoffs x (n) give its members."""
    worths, n = read_game(v)
    return worths - membership_matrix(n) @ read_payoffs(x, n)


def blocking_coalitions(v: ArrayLike, x: ArrayLike, max_count: int) -> list[tuple[int, float]]:
    """Proper coalitions that would gain by leaving, as mask and excess, greatest excess first. What
    differs by what is negligible is ordered by fewer members, then by mask."""
    worths, n = read_game(v)
    gains, step = coalition_excesses(worths, x), negligible_amount(worths, read_payoffs(x, n))
    masks = 1 + np.flatnonzero(gains[1:-1] > step)
    order = np.lexsort((masks, coalition_sizes(n)[masks], -np.round(gains[masks] / step)))
    return [(int(mask), float(gains[mask])) for mask in masks[order][:max_count]]


def shapley(v: ArrayLike) -> Floats:
    """(n) each player's mean contribution over all orders of joining (Shapley 1953)."""
    worths, n = read_game(v)
    return _mean_marginal_contributions(worths, worths, n)


def shapley_range(low: ArrayLike, high: ArrayLike) -> tuple[Floats, Floats]:
    """(n), (n) least and greatest Shapley value when each worth lies anywhere in its interval.
    Exact for each player alone, since the value rises in the worths of coalitions with the player
    and falls in all others; the ends are not met by all players in one game."""
    least, greatest, n = read_interval_game(low, high)
    return _mean_marginal_contributions(least, greatest, n), _mean_marginal_contributions(
        greatest, least, n
    )


def _mean_marginal_contributions(values_with: Floats, values_without: Floats, n: int) -> Floats:
    """(n) with worths (2**n) of the coalitions that were joined, and of those before."""
    masks, size = np.arange(2**n), coalition_sizes(n)
    weights = np.array([1.0 / (n * comb(n - 1, k)) for k in range(n)])
    value = np.zeros(n)
    for i in range(n):
        before = masks[(masks >> i) & 1 == 0]
        value[i] = weights[size[before]] @ (values_with[before | 1 << i] - values_without[before])
    return value


def proportional_shares(total: float, weights: ArrayLike) -> Floats:
    """(n) the total in proportion to keys (n), such as needs or payments. ValueError if a key is
    negative or not finite, or all are 0: then there is no proportion."""
    parts = np.asarray(weights, dtype=float)
    if parts.ndim != 1 or not np.isfinite(parts).all() or (parts < 0.0).any():
        raise ValueError("keys are finite numbers of 0 or more")
    if not parts.any():
        raise ValueError("all keys are 0")
    parts = parts / parts.max()
    shares: Floats = total * (parts / parts.sum())
    return shares


@dataclass(frozen=True, eq=False)
class SampledShares:
    """What a sample of orders tells of the Shapley value, each (n)."""

    estimate: Floats  # adds up to the worth of all; of the middles where worths are intervals
    half_width: Floats  # the value of the middles is so near to it, at the level asked for
    low: Floats  # the value is no less, by the sample and by the intervals of the worths
    high: Floats


def sample_orders(n: int, pairs: int, seed: int) -> Masks:
    """(2 * pairs, n) orders of players, drawn alike; each is followed by its reverse."""
    if not 1 <= n <= MAX_PLAYERS:
        raise ValueError(f"1 to {MAX_PLAYERS} players, not {n}")
    drawn = np.random.default_rng(seed).permuted(np.tile(np.arange(n), (pairs, 1)), axis=1)
    orders: Masks = np.stack([drawn, drawn[:, ::-1]], axis=1).reshape(2 * pairs, n)
    return orders


def coalitions_in_orders(orders: Masks) -> list[int]:
    """The masks whose worths the orders ask for, in order, without the empty coalition."""
    return [int(mask) for mask in np.unique(_joining_masks(orders))]


def _joining_masks(orders: Masks) -> Masks:
    """(orders, n) who is there when each has joined, as masks."""
    joined: Masks = np.cumsum(np.left_shift(np.int64(1), orders.astype(np.int64)), axis=1)
    return joined


def shapley_from_orders(
    orders: Masks, coalition_values: CoalitionValues, confidence: float
) -> SampledShares:
    """The Shapley value from orders (2 * pairs, n) and the worth of each of their coalitions.
    Castro, Gómez and Tejada (2009), each order with its reverse. The half width is Student's over
    the means of the pairs, which are independent; the level is that of each player alone. Worths
    may be intervals (least, greatest): then low and high are those of the worst selection, widened
    by the half width there. ValueError for fewer than two pairs, KeyError for a missing worth."""
    pairs, n = len(orders) // 2, orders.shape[1]
    if pairs < 2 or len(orders) % 2:
        raise ValueError("the spread needs two pairs of orders at least")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"a level lies between 0 and 1, not at {confidence}")
    joined = _joining_masks(orders)
    asked, place = np.unique(joined, return_inverse=True)
    ends = np.array(
        [np.broadcast_to(coalition_values[int(mask)], 2) for mask in asked], dtype=float
    )
    after = ends[place.reshape(joined.shape)]  # (orders, n, 2)
    before = np.concatenate([np.zeros_like(after[:, :1]), after[:, :-1]], axis=1)
    student = float(stdtrit(pairs - 1, (1.0 + confidence) / 2.0))

    def spread(contributions: Floats) -> tuple[Floats, Floats]:
        by_player = np.empty_like(contributions)
        np.put_along_axis(by_player, orders, contributions, axis=1)
        means = by_player.reshape(pairs, 2, n).mean(axis=1)
        return means.mean(axis=0), student * means.std(axis=0, ddof=1) / np.sqrt(pairs)

    estimate, half_width = spread((after - before).mean(axis=2))
    low, below = spread(after[..., 0] - before[..., 1])
    high, above = spread(after[..., 1] - before[..., 0])
    return SampledShares(estimate, half_width, low - below, high + above)
