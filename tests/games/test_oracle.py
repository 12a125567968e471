"""Another library, which computes the nucleolus in fractions, finds the same."""

from __future__ import annotations

import coopgame
import numpy as np
import pytest
from hypothesis import assume, given, strategies as st
from known_games import FEW, bankruptcy, games, majority, sociable

from optimizer.games import least_core, nucleolus, prenucleolus, shapley

SIZES = st.integers(2, 5)


def exact(v, domain: str) -> np.ndarray:
    found = coopgame.nucleolus_exact([int(worth) for worth in v[1:]], domain)
    return np.array([float(share) for share in found["allocation"]])


def other(v):
    return coopgame.Game([float(worth) for worth in v[1:]])


def large(seed: int) -> np.ndarray:
    """Twelve players, worth more the more they are, with many ties."""
    size = np.array([mask.bit_count() for mask in range(2**12)])
    noise = np.random.default_rng(seed).integers(0, 30, 2**12)
    return np.where(size == 0, 0, size**2 + noise).astype(float)


@FEW
@given(v=SIZES.flatmap(lambda n: games(n=n)))
def test_shapley_values(v) -> None:
    assert shapley(v) == pytest.approx(np.array(coopgame.shapley(other(v))), abs=1e-9)


@FEW
@given(v=SIZES.flatmap(lambda n: games(n=n)))
def test_prenucleoli(v) -> None:
    assert prenucleolus(v) == pytest.approx(exact(v, "preimputation"), abs=1e-8)


@FEW
@given(v=SIZES.flatmap(lambda n: sociable(n=n)))
def test_nucleoli(v) -> None:
    assert nucleolus(v) == pytest.approx(exact(v, "imputation"), abs=1e-8)


@FEW
@given(data=st.data(), weights=st.lists(st.integers(0, 5), min_size=2, max_size=5))
def test_nucleoli_of_majorities(data, weights: list[int]) -> None:
    v = majority(data.draw(st.integers(1, max(1, sum(weights)))), weights)
    assume(sum(weights) and v[-1] >= sum(v[1 << i] for i in range(len(weights))))
    assert nucleolus(v) == pytest.approx(exact(v, "imputation"), abs=1e-8)


@FEW
@given(v=SIZES.flatmap(lambda n: games(n=n)))
def test_least_cores(v) -> None:
    found = coopgame.least_core(other(v), "preimputation")
    assert least_core(v).value == pytest.approx(found["epsilon"], abs=1e-7)


@pytest.mark.quick(1)
@pytest.mark.parametrize(
    "v",
    [
        large(1),
        large(2),
        majority(40, [13, 11, 9, 9, 7, 5, 5, 5, 3, 2, 1, 1]),
        bankruptcy(60, [2, 3, 5, 5, 8, 9, 9, 11, 12, 14, 20, 20]),
    ],
    ids=["large", "another", "majority", "bankruptcy"],
)
def test_twelve_players(v) -> None:
    assert shapley(v) == pytest.approx(np.array(coopgame.shapley(other(v))), abs=1e-9)
    found = coopgame.prenucleolus(other(v))["allocation"]
    assert prenucleolus(v) == pytest.approx(np.array(found), abs=1e-6)
    assert least_core(v).value == pytest.approx(
        coopgame.least_core(other(v), "preimputation")["epsilon"], abs=1e-7
    )
