"""Coalitions as bit masks, games as arrays over them, and sharing rules in closed form."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

Floats = NDArray[np.float64]
Masks = NDArray[np.int64]

RELATIVE_TOLERANCE = 1e-9  # smaller differences, relative to the largest amount, are rounding
ABSOLUTE_TOLERANCE = 1e-8  # smaller amounts are zero: a cent, if values are in million EUR
MAX_PLAYERS = 62  # so that masks fit into 64-bit integers

CoalitionValues = Mapping[int, float] | Mapping[int, tuple[float, float]]


def coalition_members(mask: int) -> tuple[int, ...]:
    """Return the players of a coalition in ascending order."""
    return tuple(i for i in range(mask.bit_length()) if mask >> i & 1)


def coalition_sizes(n: int) -> Masks:
    """Return the number of members of each coalition (2**n)."""
    size: Masks = membership_matrix(n).sum(axis=1).astype(np.int64)
    return size


def membership_matrix(n: int) -> Floats:
    """Return a matrix (2**n, n) that is 1 where the player is a member of the coalition, else 0."""
    rows: Floats = ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(float)
    return rows


def read_game(v: ArrayLike) -> tuple[Floats, int]:
    """Return the coalition values (2**n) as floats, and n. Raise ValueError if their number is not
    2**n with n >= 1, one is not finite, or that of the empty coalition is not 0."""
    values = np.asarray(v, dtype=float)
    n = values.size.bit_length() - 1
    if values.ndim != 1 or n < 1 or values.size != 2**n:
        raise ValueError(f"a game has 2**n worths with n >= 1, not shape {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError("a worth is not finite")
    if values[0] != 0.0:
        raise ValueError("the empty coalition is worth 0")
    return values, n


def read_interval_game(low: ArrayLike, high: ArrayLike) -> tuple[Floats, Floats, int]:
    """Return the lower and upper coalition values (2**n each), and n. Raise ValueError as
    :func:`read_game` does, or if shapes differ or a lower value exceeds the upper one."""
    (low_values, n), (high_values, m) = read_game(low), read_game(high)
    if n != m:
        raise ValueError(f"least worths for {n} players, greatest for {m}")
    if (low_values > high_values + negligible_amount(low_values, high_values)).any():
        raise ValueError("a least worth lies above the greatest")
    return low_values, high_values, n


def read_payoffs(x: ArrayLike, n: int) -> Floats:
    """Return payoffs (n) as floats. Raise ValueError unless there is one finite number per
    player."""
    payoffs = np.asarray(x, dtype=float)
    if payoffs.shape != (n,) or not np.isfinite(payoffs).all():
        raise ValueError(f"payoffs are one finite number for each of {n} players")
    return payoffs


def largest_amount(*amounts: Floats) -> float:
    """Return the largest absolute amount; 1 if all are 0."""
    return max(float(np.abs(array).max()) for array in amounts) or 1.0


def negligible_amount(*amounts: Floats) -> float:
    """Return the size below which an amount counts as zero compared with these amounts."""
    return max(ABSOLUTE_TOLERANCE, RELATIVE_TOLERANCE * largest_amount(*amounts))


def coalition_excesses(v: ArrayLike, x: ArrayLike) -> Floats:
    """Return the excesses (2**n): value of each coalition minus the payoffs x (n) of its
    members."""
    values, n = read_game(v)
    return values - membership_matrix(n) @ read_payoffs(x, n)


def blocking_coalitions(v: ArrayLike, x: ArrayLike, max_count: int) -> list[tuple[int, float]]:
    """Return proper coalitions that gain by leaving, as (mask, excess), by descending excess.
    Excesses that differ by a negligible amount are ordered by number of members, then by mask."""
    values, n = read_game(v)
    excesses = coalition_excesses(values, x)
    tolerance = negligible_amount(values, read_payoffs(x, n))
    masks = 1 + np.flatnonzero(excesses[1:-1] > tolerance)
    order = np.lexsort((masks, coalition_sizes(n)[masks], -np.round(excesses[masks] / tolerance)))
    return [(int(mask), float(excesses[mask])) for mask in masks[order][:max_count]]


def shapley(v: ArrayLike) -> Floats:
    """Return the Shapley values (n): mean marginal contributions over all orders (Shapley 1953)."""
    values, n = read_game(v)
    return _mean_marginal_contributions(values, values, n)


def shapley_range(low: ArrayLike, high: ArrayLike) -> tuple[Floats, Floats]:
    """Return least and greatest Shapley values (n each) if each coalition value may lie anywhere in
    its interval. Exact for each player separately, since a player's value rises with the values of
    coalitions that contain the player and falls with all others; one game need not attain the
    bounds of all players at once."""
    low_values, high_values, n = read_interval_game(low, high)
    return _mean_marginal_contributions(low_values, high_values, n), _mean_marginal_contributions(
        high_values, low_values, n
    )


def _mean_marginal_contributions(values_with: Floats, values_without: Floats, n: int) -> Floats:
    """Return mean contributions (n): values (2**n) with the player minus values without."""
    masks, size = np.arange(2**n), coalition_sizes(n)
    weights = np.array([1.0 / (n * comb(n - 1, k)) for k in range(n)])
    shapley_values = np.zeros(n)
    for i in range(n):
        coalitions_without = masks[(masks >> i) & 1 == 0]
        shapley_values[i] = weights[size[coalitions_without]] @ (
            values_with[coalitions_without | 1 << i] - values_without[coalitions_without]
        )
    return shapley_values


def proportional_shares(total: float, weights: ArrayLike) -> Floats:
    """Return shares (n) of the total in proportion to the weights (n), e.g. needs or payments.
    Raise ValueError if a weight is negative or not finite, or all are 0."""
    scaled_weights = np.asarray(weights, dtype=float)
    if (
        scaled_weights.ndim != 1
        or not np.isfinite(scaled_weights).all()
        or (scaled_weights < 0.0).any()
    ):
        raise ValueError("keys are finite numbers of 0 or more")
    if not scaled_weights.any():
        raise ValueError("all keys are 0")
    scaled_weights = scaled_weights / scaled_weights.max()
    shares: Floats = total * (scaled_weights / scaled_weights.sum())
    return shares


@dataclass(frozen=True, eq=False)
class SampledShares:
    """Estimates of the Shapley value from sampled orders, each an array (n)."""

    estimate: Floats  # sums to v(N); of interval midpoints where values are intervals
    half_width: Floats  # half width of the confidence interval of the estimate
    low: Floats  # confidence limits that also include the intervals of the coalition values
    high: Floats


def sample_orders(n: int, pairs: int, seed: int) -> Masks:
    """Return random orders of players (2 * pairs, n); each is followed by its reverse."""
    if not 1 <= n <= MAX_PLAYERS:
        raise ValueError(f"1 to {MAX_PLAYERS} players, not {n}")
    random_orders = np.random.default_rng(seed).permuted(np.tile(np.arange(n), (pairs, 1)), axis=1)
    orders: Masks = np.stack([random_orders, random_orders[:, ::-1]], axis=1).reshape(2 * pairs, n)
    return orders


def coalitions_in_orders(orders: Masks) -> list[int]:
    """Return the masks of all non-empty coalitions whose values the orders need, ascending."""
    return [int(mask) for mask in np.unique(_joining_masks(orders))]


def _joining_masks(orders: Masks) -> Masks:
    """Return masks (orders, n) of the players present after each has joined."""
    joined: Masks = np.cumsum(np.left_shift(np.int64(1), orders.astype(np.int64)), axis=1)
    return joined


def shapley_from_orders(
    orders: Masks, coalition_values: CoalitionValues, confidence: float
) -> SampledShares:
    """Estimate the Shapley value from orders (2 * pairs, n) and the values of their coalitions
    (Castro, Gómez and Tejada 2009, each order with its reverse). The half width is Student's, over
    the means of the independent pairs; the confidence level holds for each player separately.
    Coalition values may be intervals (low, high): then ``low`` and ``high`` are those of the least
    favourable selection, widened by the half width. Raise ValueError for fewer than two pairs,
    KeyError for a missing value."""
    pairs, n = len(orders) // 2, orders.shape[1]
    if pairs < 2 or len(orders) % 2:
        raise ValueError("the spread needs two pairs of orders at least")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"a level lies between 0 and 1, not at {confidence}")
    joining_masks = _joining_masks(orders)
    masks, mask_index = np.unique(joining_masks, return_inverse=True)
    intervals = np.array(
        [np.broadcast_to(coalition_values[int(mask)], 2) for mask in masks], dtype=float
    )
    values_after = intervals[mask_index.reshape(joining_masks.shape)]  # (orders, n, 2)
    values_before = np.concatenate(
        [np.zeros_like(values_after[:, :1]), values_after[:, :-1]], axis=1
    )
    student_quantile = float(stdtrit(pairs - 1, (1.0 + confidence) / 2.0))

    def spread(contributions: Floats) -> tuple[Floats, Floats]:
        by_player = np.empty_like(contributions)
        np.put_along_axis(by_player, orders, contributions, axis=1)
        pair_means = by_player.reshape(pairs, 2, n).mean(axis=1)
        return pair_means.mean(axis=0), student_quantile * pair_means.std(axis=0, ddof=1) / np.sqrt(
            pairs
        )

    estimate, half_width = spread((values_after - values_before).mean(axis=2))
    low, half_width_low = spread(values_after[..., 0] - values_before[..., 1])
    high, half_width_high = spread(values_after[..., 1] - values_before[..., 0])
    return SampledShares(estimate, half_width, low - half_width_low, high + half_width_high)
