"""Random numbers: one counter-based stream for each seed and key.

State number s takes the s-th number of each of its streams, so that a new stream does not change
the numbers of others."""

import hashlib
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.scenario.hazards import Sample

Floats = NDArray[np.float64]

DRAWS_PER_COUNTER_STEP = 4  # of the Philox generator


def draw_uniforms(sample: Sample, block: slice, *key: str | int) -> Floats:
    """Return draws (B) from [0, 1) for a block of states, from the stream that the key names.
    Stratified draws form a Latin hypercube (McKay, Beckman and Conover 1979): one draw in each of
    as many equal strata as there are states, in random order."""
    digest = hashlib.sha256(repr((int(sample.seed), *key)).encode()).digest()
    counter = np.random.Philox(key=int.from_bytes(digest[:16], "little"))
    if sample.method == "stratified":
        stream, count = np.random.Generator(counter), int(sample.states)
        draws = stream.random(count)
        strata = (stream.permutation(count) + draws) / count
        return np.asarray(strata[block], dtype=np.float64)
    skipped = block.start % DRAWS_PER_COUNTER_STEP
    counter.advance(block.start // DRAWS_PER_COUNTER_STEP)
    draws = np.random.Generator(counter).random(skipped + block.stop - block.start)
    return np.asarray(draws[skipped:], dtype=np.float64)


def draw_categories(probabilities: Sequence[float], uniform_draws: Floats) -> NDArray[np.intp]:
    """Return the category (B) of each draw from [0, 1), for categories with these probabilities."""
    upper = np.cumsum(probabilities)
    return np.minimum(np.searchsorted(upper, uniform_draws, side="right"), len(upper) - 1)


def draw_project_uniforms(sample: Sample, block: slice, kind: str, project: str) -> Floats:
    """Return draws (B) from [0, 1) for success, delay or other outcomes of a project; larger is
    worse. Draws of one state are correlated by a common normal factor: a one-factor Gaussian copula
    (Li 2000) with the sample's correlation."""
    project_draws = draw_uniforms(sample, block, kind, project)
    correlation = float(sample.project_correlation)
    if correlation == 0:
        return project_draws
    from scipy.special import ndtr, ndtri  # slow to import, rarely needed

    common_draws = draw_uniforms(sample, block, "projects")
    min_draw = 2.0**-54  # the normal quantile of 0 is infinite
    common_normal, project_normal = (
        ndtri(np.maximum(draws, min_draw)) for draws in (common_draws, project_draws)
    )
    joint = ndtr(
        math.sqrt(correlation) * common_normal + math.sqrt(1 - correlation) * project_normal
    )
    return np.asarray(np.minimum(joint, np.nextafter(1.0, 0.0)), dtype=np.float64)
