"""Games whose shares others have published, and random ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import settings, strategies as st
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FEW = settings(deadline=None, max_examples=settings.default.max_examples * 2 // 5)
"""For what solves linear programs."""


def game(n: int, **worths: float) -> Floats:
    """Worths by members, such as ``_01=4``; what is not named is worth 0."""
    v = np.zeros(2**n)
    for members, worth in worths.items():
        v[sum(1 << int(i) for i in members[1:])] = worth
    return v


def by_member(n: int, worth) -> Floats:
    """A game by a function of the list of members."""
    members = [[i for i in range(n) if mask >> i & 1] for mask in range(2**n)]
    return np.array([0.0, *(float(worth(of)) for of in members[1:])])


def majority(quota: float, weights: Sequence[float]) -> Floats:
    return by_member(len(weights), lambda s: sum(weights[i] for i in s) >= quota)


def glove(left: int, right: int) -> Floats:
    """The first players own a left glove each, the others a right one; a pair is worth 1."""
    return by_member(
        left + right, lambda s: min(sum(i < left for i in s), sum(i >= left for i in s))
    )


def bankruptcy(estate: float, claims: Sequence[float]) -> Floats:
    """What is left to a coalition after all others have had their claims (O'Neill 1982)."""
    total = sum(claims)
    return by_member(len(claims), lambda s: max(0, estate - (total - sum(claims[i] for i in s))))


def airport(costs: Sequence[float]) -> Floats:
    """A runway for the greatest of them, as a loss (Littlechild and Owen 1973)."""
    return by_member(len(costs), lambda s: -max(costs[i] for i in s))


def additive(amounts: Sequence[float]) -> Floats:
    return by_member(len(amounts), lambda s: sum(amounts[i] for i in s))


def amount(low: int = -9, high: int = 9) -> st.SearchStrategy[float]:
    return st.integers(low, high).map(float)


@st.composite
def games(draw, n: int | None = None, low: int = -9, high: int = 9) -> Floats:
    """Games of small whole worths, so that there are many ties."""
    n = draw(st.integers(2, 4)) if n is None else n
    return np.array([0.0, *draw(st.lists(amount(low, high), min_size=2**n - 1, max_size=2**n - 1))])


@st.composite
def sociable(draw, n: int | None = None) -> Floats:
    """Games of nobody worth less than 0, where all are worth no less together than alone."""
    v = draw(games(n, low=0))
    v[-1] = sum(v[1 << i] for i in range(players(v))) + draw(amount(0, 9))
    return v


@st.composite
def intervals(draw) -> tuple[Floats, Floats, Floats]:
    """Least and greatest worths, and a game between them."""
    low = draw(games())
    parts = st.lists(st.sampled_from([0.0, 0.25, 1.0]), min_size=len(low), max_size=len(low))
    widths = np.array(draw(st.lists(amount(0, 4), min_size=len(low), max_size=len(low))))
    widths[0] = 0.0
    return low, low + widths, low + widths * np.array(draw(parts))


def players(v: Floats) -> int:
    return v.size.bit_length() - 1


def rows(n: int) -> Floats:
    """(2**n, n) who is in which coalition."""
    return np.array([[float(mask >> i & 1) for i in range(n)] for mask in range(2**n)])
