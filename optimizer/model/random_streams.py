"""Random numbers: one counter-based stream for each seed and key, whose numbers never move.

State number s takes the s-th number of each stream that has to do with it, so that a new stream
leaves all others as they were.
"""

import hashlib
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.scenario.hazards import Sample

Floats = NDArray[np.float64]

DRAWS_PER_COUNTER_STEP = 4  # draws that the generator makes at one step of its counter


def draw_uniforms(sample: Sample, block: slice, *key: str | int) -> Floats:
    """(B) draws from [0, 1) for a block of states, from the stream that the key names. Stratified
    draws form a Latin hypercube (McKay, Beckman and Conover 1979): each stream has one draw in each
    of as many equal strata as there are states, in random order."""
    digest = hashlib.sha256(repr((int(sample.seed), *key)).encode()).digest()
    counter = np.random.Philox(key=int.from_bytes(digest[:16], "little"))
    if sample.method == "stratified":
        stream, count = np.random.Generator(counter), int(sample.states)
        draws = stream.random(count)
        strata = (stream.permutation(count) + draws) / count
        return np.asarray(strata[block], dtype=np.float64)
    before = block.start % DRAWS_PER_COUNTER_STEP
    counter.advance(block.start // DRAWS_PER_COUNTER_STEP)
    draws = np.random.Generator(counter).random(before + block.stop - block.start)
    return np.asarray(draws[before:], dtype=np.float64)


def draw_categories(probabilities: Sequence[float], uniform_draws: Floats) -> NDArray[np.intp]:
    """(B) position of what each draw from [0, 1) falls to, of what has these probabilities."""
    upper = np.cumsum(probabilities)
    return np.minimum(np.searchsorted(upper, uniform_draws, side="right"), len(upper) - 1)


def draw_project_uniforms(sample: Sample, block: slice, kind: str, project: str) -> Floats:
    """(B) draws from [0, 1), the greater the worse, of success, delay and what else comes of a
    project. All of one state hang together by a normal factor that they share: a Gaussian copula
    (Li 2000) with the correlation that the sample asks for."""
    own, rho = draw_uniforms(sample, block, kind, project), float(sample.project_correlation)
    if rho == 0:
        return own
    from scipy.special import ndtr, ndtri  # a moment to import, which few need

    common = draw_uniforms(sample, block, "projects")
    least = 2.0**-54  # no draw is 0, whose normal is infinite
    z, e = (ndtri(np.maximum(draws, least)) for draws in (common, own))
    joint = ndtr(math.sqrt(rho) * z + math.sqrt(1 - rho) * e)
    return np.asarray(np.minimum(joint, np.nextafter(1.0, 0.0)), dtype=np.float64)
