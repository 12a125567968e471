"""Means and tails of a sample, and how far chance may have moved them.

Standard errors are those of independent draws. Of states that were drawn otherwise, spread evenly
(a Latin hypercube) say, they are as a rule too large, so that what they call certain is certain all
the same (McKay, Beckman and Conover 1979, for means of what rises or falls with every draw).
"""

from __future__ import annotations

import math

import numpy as np

from models.results import Estimate, Performance
from optimizer.model.instance import Floats
from optimizer.solve import outcomes
from optimizer.solve.outcomes import Evaluation, mean_of_worst
from optimizer.solve.plan_document import quantiles

TWO_SIDED = 1.959964
"""Standard errors to either side of an estimate that hold the true value in 95 of 100 samples."""


def estimate(value: float, contributions: Floats | None) -> Estimate:
    """A figure with its standard error, from what each of n draws contributes: the standard
    deviation over the root of n; none where there are no contributions, since nothing was drawn.

    A single draw tells nothing of its error, which is then infinite in truth, and null here.
    """
    if contributions is None or len(contributions) < 2:
        return Estimate(value=value, standard_error=None)
    error = float(np.std(contributions, ddof=1)) / math.sqrt(len(contributions))
    return Estimate(value=value, standard_error=error)


def weighed(chance: Floats, values: Floats) -> Floats:
    """(n) what each draw contributes to ``chance . values``; its value where all weigh the same."""
    return len(chance) * chance * values


def of_tail(chance: Floats, damage: Floats, level: float) -> Floats:
    """(n) what each draw contributes to the mean of the worst ``1 - level``.

    The CVaR is the least over η of η + E max(0, D - η) / (1 - level) (Rockafellar and Uryasev
    2000). At the sample's own quantile the slope in η is nothing, so that to first order its error
    is that of a mean of η + max(0, D - η) / (1 - level): the central limit theorem of Trindade,
    Uryasev, Shapiro and Zrazhevsky (2007), and Hong and Liu (2009). Draws that weigh differently
    count for the deviation of their own value, weights being divided by their sum.
    """
    eta = threshold(chance, damage, level)
    own = eta + np.maximum(0.0, damage - eta) / (1 - level)
    value = mean_of_worst(chance, damage, level)
    contributions: Floats = value + weighed(chance / chance.sum(), own - value)
    return contributions


def threshold(chance: Floats, damage: Floats, level: float) -> float:
    """Damage from which on a state counts to the worst ``1 - level``: the quantile."""
    return quantiles(damage, chance, [level])[0]


def mean(chance: Floats, values: Floats, *, sampled: bool) -> Estimate:
    """The mean of values (n) with probabilities (n); exact unless these are a sample."""
    return estimate(float(chance @ values), weighed(chance, values) if sampled else None)


def tail(chance: Floats, damage: Floats, level: float, *, sampled: bool) -> Estimate:
    """The mean of the worst ``1 - level`` of damage (n) with probabilities (n)."""
    contributions = of_tail(chance, damage, level) if sampled else None
    return estimate(mean_of_worst(chance, damage, level), contributions)


def performance(evaluation: Evaluation, level: float, *, sampled: bool) -> Performance:
    """Damage over the states of an evaluation."""
    chance, damage = evaluation.probability, evaluation.damage
    return Performance(
        expected=mean(chance, damage, sampled=sampled),
        cvar=tail(chance, damage, level, sampled=sampled),
        worst=evaluation.worst,
    )


def difference(one: Evaluation, other: Evaluation, *, sampled: bool) -> Estimate:
    """Expected damage of one less that of another in the same states: the mean of the difference
    within each state, whose error is less than that of either mean."""
    return mean(one.probability, one.damage - other.damage, sampled=sampled)


def objective(
    evaluation: Evaluation, weight: float, level: float, weighed_cost: float, *, sampled: bool
) -> Estimate:
    """(1 - weight) mean + weight CVaR + cost, whose mean and tail come of the same states."""
    chance, damage = evaluation.probability, evaluation.damage
    value = (1 - weight) * evaluation.expected + weighed_cost
    contributions = (1 - weight) * weighed(chance, damage)
    if weight > 0:
        value += weight * outcomes.mean_of_worst(chance, damage, level)
        contributions = contributions + weight * of_tail(chance, damage, level)
    return estimate(value, contributions if sampled else None)


def apart(one: Estimate, other: Estimate) -> Estimate:
    """The difference of two figures from samples of their own."""
    errors = [e.standard_error for e in (one, other) if e.standard_error is not None]
    return Estimate(
        value=one.value - other.value,
        standard_error=math.hypot(*errors) if errors else None,
    )
