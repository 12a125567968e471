"""Estimates of means and tails from a sample, with their sampling errors.

Standard errors assume independent draws. For samples with reduced variance, such as Latin hypercube
samples, they are usually too large; a result that they show to be significant is then significant
all the same (McKay, Beckman and Conover 1979, for means of functions that are monotone in every
draw).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from models.results import Estimate, Performance
from models.scenario.case import Case
from optimizer.model.instance import Floats
from optimizer.solve.outcomes import PlanEvaluation, tail_mean
from optimizer.solve.plan_document import weighted_quantiles
from optimizer.solve.recourse import ReleasePolicyResult


def estimate_with_error(value: float, draws: Floats | None) -> Estimate:
    """Return ``value`` with the standard error of the mean of ``draws`` (n).

    The error is None if ``draws`` is None or a single draw, from which no variance can be
    estimated.
    """
    if draws is None or len(draws) < 2:
        return Estimate(value=value, standard_error=None)
    error = math.sqrt(len(draws) * float(draws.var(ddof=1))) / len(draws)
    return Estimate(value=value, standard_error=error)


def mean_estimate(probability: Floats, values: Floats, *, sampled: bool) -> Estimate:
    """Estimate the mean of ``values`` (n) that have these probabilities (n).

    If ``sampled``, the values are equally probable draws, and the estimate has a sampling error.
    """
    return estimate_with_error(float(probability @ values), values if sampled else None)


def tail_quantile(probability: Floats, damage: Floats, level: float) -> float:
    """Return the quantile of damage at ``level``.

    States with at least this damage are the worst ``1 - level`` of all states.
    """
    return weighted_quantiles(damage, probability, [level])[0]


def tail_contributions(probability: Floats, damage: Floats, level: float) -> Floats:
    """Compute the contribution of each draw (n) to the mean damage of the worst ``1 - level`` of
    states.

    The CVaR is the minimum over η of η + E max(0, D - η) / (1 - level) (Rockafellar and Uryasev
    2000). At the sample's quantile the derivative in η is zero. To first order the error of the
    CVaR is therefore that of a mean of η + max(0, D - η) / (1 - level): the central limit theorem
    of Trindade, Uryasev, Shapiro and Zrazhevsky (2007), and Hong and Liu (2009).
    """
    eta = tail_quantile(probability, damage, level)
    contributions: Floats = eta + np.maximum(0.0, damage - eta) / (1 - level)
    return contributions


def estimate_performance(
    evaluation: PlanEvaluation | ReleasePolicyResult, level: float, *, sampled: bool
) -> Performance:
    """Estimate the mean, CVaR and maximum of damage over the states of an evaluation.

    ``level`` is the level of the CVaR; if states are ``sampled``, estimates have sampling errors.
    """
    probability, damage = evaluation.probability, evaluation.damage
    tail = tail_contributions(probability, damage, level) if sampled else None
    return Performance(
        expected=mean_estimate(probability, damage, sampled=sampled),
        cvar=estimate_with_error(tail_mean(probability, damage, level), tail),
        worst=float(damage[probability > 0].max()),
    )


def difference_of_estimates(first: Estimate, second: Estimate) -> Estimate:
    """Return the first estimate less the second, with the error that follows if their samples are
    independent."""
    errors = [
        estimate.standard_error
        for estimate in (first, second)
        if estimate.standard_error is not None
    ]
    error = math.hypot(*errors) if errors else None
    return Estimate(value=first.value - second.value, standard_error=error)


class MeanCVaR(NamedTuple):
    """The risk measure (1 - ``weight``) E[X] + ``weight`` CVaR[X] of a total X over the states.

    ``level`` is the level of the CVaR. The measure is monotone and translation equivariant
    (Rockafellar and Uryasev 2000), so that damage and cost may be added in each state before the
    measure is computed.
    """

    level: float
    weight: float

    @classmethod
    def from_case(cls, case: Case) -> MeanCVaR:
        """Return the measure in the objective of a scenario, without the ambiguity of its mean."""
        return cls(float(case.objective.cvar.level), float(case.objective.cvar.weight))

    def __call__(self, probability: Floats, totals: Floats) -> float:
        """Compute the risk measure of totals (S) that have these probabilities (S)."""
        mean = float(probability @ totals / probability.sum())
        if self.weight == 0:
            return mean
        return (1 - self.weight) * mean + self.weight * tail_mean(probability, totals, self.level)

    def influence(self, probability: Floats, totals: Floats) -> Floats:
        """Compute the contribution (S) of each state to the measure; their spread gives the
        sampling error."""
        tail = (
            self.weight * tail_contributions(probability, totals, self.level)
            if self.weight
            else 0.0
        )
        contributions: Floats = (1 - self.weight) * totals + tail
        return contributions
