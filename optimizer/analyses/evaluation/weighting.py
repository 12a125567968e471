"""Means and tails of states that were drawn with weights, and their standard errors.

A state's weight is its likelihood ratio: 1 where it was drawn as states come. Sums are divided by
the number of states, not by the sum of the weights: so the mean is unbiased. The tail is
counted from the worst state down by the same weights, of which the states above the quantile have
the least and the most exact (Glynn 1996).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from optimizer.model.instance import Floats

Parts = NDArray[np.int64] | None


def weighted_mean(weight: Floats, value: Floats, part: Parts = None) -> tuple[float, float | None]:
    """Mean of values (S) with weights (S) of mean 1, and its standard error.

    ``part`` (S) numbers the component of a mixture that each state was drawn from, where the number
    from each was fixed: then the error is that of a stratified sample. It is None where one state
    alone was drawn from a component, which tells nothing of its spread.
    """
    return float((weight * value).mean()), _error(weight * value, part)


def weighted_cvar(
    weight: Floats, value: Floats, level: float, part: Parts = None
) -> tuple[float, float | None]:
    """Mean of the worst ``1 - level`` of values (S) with weights (S), and its standard error.

    The least of ``eta + mean(weight * max(0, value - eta)) / (1 - level)`` (Rockafellar and
    Uryasev 2000); the error is that of the mean at the eta found, which moves it in second order
    only (Hong and Liu 2009).
    """
    eta = threshold(weight, value, level)
    excess = weight * np.maximum(value - eta, 0.0) / (1 - level)
    return eta + float(excess.mean()), _error(excess, part)


def threshold(weight: Floats, value: Floats, level: float) -> float:
    """The value above which no more than ``1 - level`` of the weight (S) is."""
    order = np.argsort(-value, kind="stable")
    above = np.cumsum(weight[order])
    at = min(int(np.searchsorted(above, (1 - level) * len(value))), len(value) - 1)
    return float(value[order[at]])


def _error(sampled: Floats, part: Parts) -> float | None:
    """Standard error of the mean of what was sampled (S)."""
    groups = [sampled] if part is None else [sampled[part == one] for one in np.unique(part)]
    if min(len(own) for own in groups) < 2:
        return None
    variance = math.fsum(len(own) * float(own.var(ddof=1)) for own in groups)
    return math.sqrt(variance) / len(sampled)
