"""Fresh states in blocks: the same figures for any assignment of blocks to workers."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache, partial
from typing import Any, Literal

import numpy as np
import pytest
from everything import everything
from hypothesis import given, settings, strategies as st

from models.scenario.case import Case
from optimizer.analyses.evaluation import fresh_states as blocks
from optimizer.analyses.evaluation.fresh_states import SampledStates, evaluate_in_blocks
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Instance, read_instance
from optimizer.model.states import sample_states
from optimizer.solve import outcomes
from optimizer.solve.recourse import join_blocks, simulate_release_policy


@cache
def world() -> Instance:
    return read_instance(Case.model_validate(everything()))


NOTHING = Commitment()


def evaluated(states: Any, jobs: int = 1) -> Any:
    find = partial(outcomes.evaluate_commitments, commitments=[NOTHING])
    return evaluate_in_blocks(find, outcomes.join_evaluations, world(), states, jobs)[0]


def ruled(states: Any, reserves: list[float], jobs: int = 1) -> Any:
    find = partial(simulate_release_policy, commitment=NOTHING, reserve_shares=reserves)
    return evaluate_in_blocks(find, join_blocks, world(), states, jobs)


@pytest.mark.slow
@given(
    count=st.integers(1, 60),
    ends=st.tuples(st.integers(0, 60), st.integers(0, 60)),
    method=st.sampled_from(["random", "stratified"]),
    seed=st.integers(0, 5),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_block_is_drawn_as_it_is_among_all(
    count: int, ends: tuple[int, int], method: Literal["random", "stratified"], seed: int
) -> None:
    start, stop = sorted(min(end, count) for end in ends)
    every = sample_states(world(), count, seed, method)
    assert (
        sample_states(world(), count, seed, method, block=slice(start, stop)) == every[start:stop]
    )


def same(one: Any, other: Any) -> bool:
    """Whether two results agree to the last bit."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(np.array_equal(one, other))


@pytest.mark.slow
def test_processes_find_the_same_to_the_last_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers have the usual block, this process another way round but the same blocks."""
    monkeypatch.setattr(blocks, "BLOCK_SIZE", 5000)
    draw = SampledStates(world(), 10_500, 3)
    one, two = (evaluated(draw, jobs) for jobs in (1, 2))
    assert same(asdict(one), asdict(two))
    own, other = (ruled(draw, [0.0, 0.5], jobs) for jobs in (1, 2))
    for here, there in zip(own, other, strict=True):
        assert same(asdict(here), asdict(there))


def test_blocks_add_up_to_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_SIZE", 7)
    states = sample_states(world(), 100, 3)
    draw = SampledStates(world(), 100, 3)
    assert len(draw) == 100
    whole, parts = evaluated(states), evaluated(draw)
    (rule,), (in_parts,) = ruled(states, [0.3]), ruled(draw, [0.3])
    assert np.array_equal(whole.damage, parts.damage)
    for found, added in ((whole, parts), (rule, in_parts)):
        for name, value in asdict(found).items():
            reported = asdict(added)[name]
            if isinstance(value, dict):
                assert value.keys() == reported.keys()
                pairs = [(value[key], reported[key]) for key in value]
            else:
                pairs = [(value, reported)]
            for expected, got in pairs:
                np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-12)
