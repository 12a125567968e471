"""Coalitions as bit masks, games as arrays of their values, sharing rules in closed form."""

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
    """Return the number of members of each of the 2**n coalitions, by mask."""
    size: Masks = membership_matrix(n).sum(axis=1).astype(np.int64)
    return size


def membership_matrix(n: int) -> Floats:
    """Return a matrix (2**n, n) with 1 if the player of the column is a member of the coalition of
    the row, and 0 otherwise."""
    rows: Floats = ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(float)
    return rows


def read_game(v: ArrayLike) -> tuple[Floats, int]:
    """Return the coalition values (2**n) as floats, and n. Raise ValueError unless their number is
    2**n with n >= 1, all are finite, and that of the empty coalition is 0."""
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
    """Return the lower and the upper coalition values (2**n each), and n. Raise ValueError like
    :func:`read_game`, and also if the shapes differ or a lower value exceeds the upper one."""
    (low_values, n), (high_values, m) = read_game(low), read_game(high)
    if n != m:
        raise ValueError(f"least worths for {n} players, greatest for {m}")
    if (low_values > high_values + negligible_amount(low_values, high_values)).any():
        raise ValueError("a least worth lies above the greatest")
    return low_values, high_values, n


def read_payoffs(x: ArrayLike, n: int) -> Floats:
    """Return the payoffs (n) as floats. Raise ValueError unless there is one finite number for each
    player."""
    payoffs = np.asarray(x, dtype=float)
    if payoffs.shape != (n,) or not np.isfinite(payoffs).all():
        raise ValueError(f"payoffs are one finite number for each of {n} players")
    return payoffs


def largest_amount(*amounts: Floats) -> float:
    """Return the largest absolute amount; 1 if all are 0."""
    return max(float(np.abs(array).max()) for array in amounts) or 1.0


def negligible_amount(*amounts: Floats) -> float:
    """Return the size below which an amount counts as zero in comparison with ``amounts``."""
    return max(ABSOLUTE_TOLERANCE, RELATIVE_TOLERANCE * largest_amount(*amounts))


def coalition_excesses(v: ArrayLike, x: ArrayLike) -> Floats:
    """Return the excess of each coalition (2**n): its value minus the sum of the payoffs ``x`` (n)
    of its members."""
    values, n = read_game(v)
    return values - membership_matrix(n) @ read_payoffs(x, n)


def blocking_coalitions(v: ArrayLike, x: ArrayLike, max_count: int) -> list[tuple[int, float]]:
    """Return up to ``max_count`` proper coalitions that gain by leaving, as pairs of mask and
    excess, with the largest excess first. If excesses differ by a negligible amount, smaller
    coalitions come first, then smaller masks."""
    values, n = read_game(v)
    excesses = coalition_excesses(values, x)
    tolerance = negligible_amount(values, read_payoffs(x, n))
    masks = 1 + np.flatnonzero(excesses[1:-1] > tolerance)
    excess_order = np.lexsort(
        (masks, coalition_sizes(n)[masks], -np.round(excesses[masks] / tolerance))
    )
    return [(int(mask), float(excesses[mask])) for mask in masks[excess_order][:max_count]]


def shapley(v: ArrayLike) -> Floats:
    """Return the Shapley values (n): the mean marginal contribution of each player over all orders
    in which players can join (Shapley 1953)."""
    values, n = read_game(v)
    return _mean_marginal_contributions(values, values, n)


def shapley_range(low: ArrayLike, high: ArrayLike) -> tuple[Floats, Floats]:
    """Return the least and the greatest Shapley value of each player (n each) if each coalition
    value may lie anywhere in its interval. The bounds are exact for each player: its Shapley value
    rises with the values of coalitions that contain it, and falls with all others. There need not
    be one game that attains the bounds of all players."""
    low_values, high_values, n = read_interval_game(low, high)
    return _mean_marginal_contributions(low_values, high_values, n), _mean_marginal_contributions(
        high_values, low_values, n
    )


def _mean_marginal_contributions(values_with: Floats, values_without: Floats, n: int) -> Floats:
    """Return the mean marginal contribution of each player (n) over all orders: the value of a
    coalition with the player, from ``values_with``, minus that without it, from ``values_without``
    (2**n each)."""
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
    """Estimates of Shapley values from sampled orders of the players, with confidence limits. Each
    array has one entry for each player (n)."""

    estimate: Floats  # sums to v(N); of interval midpoints where values are intervals
    half_width: Floats  # half width of the confidence interval of the estimate
    low: Floats  # confidence limits that also include the intervals of the coalition values
    high: Floats


def sample_orders(n: int, pairs: int, seed: int) -> Masks:
    """Return random orders of the players (2 * ``pairs``, n). Each random order is followed by its
    reverse."""
    if not 1 <= n <= MAX_PLAYERS:
        raise ValueError(f"1 to {MAX_PLAYERS} players, not {n}")
    random_orders = np.random.default_rng(seed).permuted(np.tile(np.arange(n), (pairs, 1)), axis=1)
    orders: Masks = np.stack([random_orders, random_orders[:, ::-1]], axis=1).reshape(2 * pairs, n)
    return orders


def coalitions_in_orders(orders: Masks) -> list[int]:
    """Return the masks of the non-empty coalitions that arise as players join in these orders,
    ascending."""
    return [int(mask) for mask in np.unique(_joining_masks(orders))]


def _joining_masks(orders: Masks) -> Masks:
    """Return the mask of the coalition (orders, n) after each player of each order has joined."""
    joined: Masks = np.cumsum(np.left_shift(np.int64(1), orders.astype(np.int64)), axis=1)
    return joined


def shapley_from_orders(
    orders: Masks, coalition_values: CoalitionValues, confidence: float
) -> SampledShares:
    """Estimate the Shapley values from orders (2 * pairs, n), each followed by its reverse, and the
    values of the coalitions that arise in them (Castro, Gómez and Tejada 2009). The half width is
    that of Student's interval for the means of the pairs, which are independent; the confidence
    level holds for each player separately. If coalition values are intervals (low, high), ``low``
    and ``high`` are computed from their least favorable values and widened by the half width.
    Raise ValueError for fewer than two pairs, and KeyError if a coalition has no value."""
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
