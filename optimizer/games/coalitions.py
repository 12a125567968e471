"""Coalitions as bit masks, games as arrays over them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Masks = NDArray[np.int64]

TOLERANCE = 1e-9  # what differs by less, as a part of the greatest amount in a game, is arithmetic
SPECK = 1e-8  # what is less is nothing in any game: a cent, if worths are in million EUR


def members(mask: int) -> tuple[int, ...]:
    """The players of a coalition, in order."""
    return tuple(_bits(mask))


def _bits(mask: int) -> Iterator[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def masks_by_size(n: int) -> Masks:
    """(2**n - 1) all coalitions but the empty one: fewer members first, then by mask."""
    masks = np.arange(1, 2**n, dtype=np.int64)
    return masks[np.argsort(sizes(n)[1:], kind="stable")]


def sizes(n: int) -> Masks:
    """(2**n) how many members each coalition has."""
    size: Masks = membership(n).sum(axis=1).astype(np.int64)
    return size


def membership(n: int) -> Floats:
    """(2**n, n) 1 where the player is a member of the coalition, else 0."""
    rows: Floats = ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(float)
    return rows


def game(v: ArrayLike) -> tuple[Floats, int]:
    """The worths (2**n) as floats, and n.

    ValueError if there are not 2**n of them with n >= 1, one is not finite, or the empty
    coalition is worth something.
    """
    worths = np.asarray(v, dtype=float)
    n = worths.size.bit_length() - 1
    if worths.ndim != 1 or n < 1 or worths.size != 2**n:
        raise ValueError(f"a game has 2**n worths with n >= 1, not shape {worths.shape}")
    if not np.isfinite(worths).all():
        raise ValueError("a worth is not finite")
    if worths[0] != 0.0:
        raise ValueError("the empty coalition is worth 0")
    return worths, n


def interval(low: ArrayLike, high: ArrayLike) -> tuple[Floats, Floats, int]:
    """Two games between which the worths lie, and n.

    ValueError as of `game`, or if they differ in shape or cross by more than is negligible.
    """
    (least, n), (greatest, m) = game(low), game(high)
    if n != m:
        raise ValueError(f"least worths for {n} players, greatest for {m}")
    if (least > greatest + negligible(least, greatest)).any():
        raise ValueError("a least worth lies above the greatest")
    return least, greatest, n


def payoffs(x: ArrayLike, n: int) -> Floats:
    """Payoffs (n) as floats; ValueError if there is not one finite number a player."""
    amounts = np.asarray(x, dtype=float)
    if amounts.shape != (n,) or not np.isfinite(amounts).all():
        raise ValueError(f"payoffs are one finite number for each of {n} players")
    return amounts


def magnitude(*amounts: Floats) -> float:
    """The greatest absolute amount; 1 if all are 0."""
    return max(float(np.abs(of).max()) for of in amounts) or 1.0


def negligible(*amounts: Floats) -> float:
    """What counts as nothing beside these amounts."""
    return max(SPECK, TOLERANCE * magnitude(*amounts))


def excess(v: ArrayLike, x: ArrayLike) -> Floats:
    """(2**n) worth of each coalition less what the payoffs x (n) give its members."""
    worths, n = game(v)
    return worths - membership(n) @ payoffs(x, n)


def worst_coalitions(v: ArrayLike, x: ArrayLike, at_most: int) -> list[tuple[int, float]]:
    """Proper coalitions that would gain by leaving, as mask and excess, greatest excess first.

    What differs by what is negligible is ordered by fewer members, then by mask.
    """
    worths, n = game(v)
    gains, step = excess(worths, x), negligible(worths, payoffs(x, n))
    masks = 1 + np.flatnonzero(gains[1:-1] > step)
    order = np.lexsort((masks, sizes(n)[masks], -np.round(gains[masks] / step)))
    return [(int(mask), float(gains[mask])) for mask in masks[order][:at_most]]
