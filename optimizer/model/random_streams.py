"""Random numbers from counter-based streams, one stream for each seed and key.

State number s uses the s-th number of each stream. A new stream therefore does not change the
numbers of others.
"""

import hashlib
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.scenario.hazards import Sample

Floats = NDArray[np.float64]

DRAWS_PER_COUNTER_STEP = 4  # of the Philox generator


def draw_uniforms(sample: Sample, block: slice, *key: str | int) -> Floats:
    """Return one draw from [0, 1) for each state of a block (B). The seed and the parts of ``key``
    identify the stream. Stratified draws are a Latin hypercube (McKay, Beckman and Conover 1979):
    [0, 1) is divided into as many equal strata as the sample has states, and each stratum has one
    draw, in random order."""
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
    """Return the index of the category (B) in which each draw from [0, 1) falls, for categories
    with the given probabilities."""
    upper = np.cumsum(probabilities)
    return np.minimum(np.searchsorted(upper, uniform_draws, side="right"), len(upper) - 1)


def draw_project_uniforms(sample: Sample, block: slice, kind: str, project: str) -> Floats:
    """Return one draw from [0, 1) for each state of a block (B), which decides the success, delay
    or another outcome of a project; larger draws are worse. In one state the draws of all projects
    depend on a common normal factor: a one-factor Gaussian copula (Li 2000) with the correlation of
    the sample."""
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
