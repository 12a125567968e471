"""Means and tails of a sample, with their sampling error.

Standard errors are those of independent draws. For variance-reduced samples, such as Latin
hypercube samples, they are as a rule too large, so that what they call certain is certain all the
same (McKay, Beckman and Conover 1979, for means of what rises or falls with every draw).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.results import Estimate, Performance
from models.scenario.case import Case
from optimizer.model.instance import Floats
from optimizer.solve.outcomes import PlanEvaluation, tail_mean
from optimizer.solve.plan_document import weighted_quantiles
from optimizer.solve.recourse import ReleasePolicyResult

StrataOfDraws = NDArray[np.int64] | None
"""(n) stratum of each draw, if the number of draws from each stratum was fixed; else None."""


def estimate_with_error(
    value: float, draws: Floats | None, stratum: StrataOfDraws = None
) -> Estimate:
    """Return a figure with the standard error of the mean of draws (n), stratified or not.

    The error is None if there are no draws, or a stratum has a single draw, which says nothing
    about its variance.
    """
    parts = (
        [] if draws is None else [draws] if stratum is None else _split_by_stratum(draws, stratum)
    )
    if draws is None or min(map(len, parts)) < 2:
        return Estimate(value=value, standard_error=None)
    variance = math.fsum(
        len(stratum_draws) * float(stratum_draws.var(ddof=1)) for stratum_draws in parts
    )
    return Estimate(value=value, standard_error=math.sqrt(variance) / len(draws))


def _split_by_stratum(draws: Floats, stratum: NDArray[np.int64]) -> list[Floats]:
    """Split draws (n) by stratum."""
    return [draws[stratum == number] for number in np.unique(stratum)]


def mean_estimate(probability: Floats, values: Floats, *, sampled: bool) -> Estimate:
    """Estimate the mean of values (n) with probabilities (n), equal ones for a sample."""
    return estimate_with_error(float(probability @ values), values if sampled else None)


def tail_quantile(probability: Floats, damage: Floats, level: float) -> float:
    """Return the quantile of damage from which on a state belongs to the worst ``1 - level``."""
    return weighted_quantiles(damage, probability, [level])[0]


def tail_contributions(probability: Floats, damage: Floats, level: float) -> Floats:
    """Compute what each draw (n) contributes to the mean of the worst ``1 - level``.

    The CVaR is the minimum over η of η + E max(0, D - η) / (1 - level) (Rockafellar and Uryasev
    2000). At the sample's quantile the derivative in η is zero, so that to first order its error is
    that of a mean of η + max(0, D - η) / (1 - level): the central limit theorem of Trindade,
    Uryasev, Shapiro and Zrazhevsky (2007), and Hong and Liu (2009).
    """
    eta = tail_quantile(probability, damage, level)
    contributions: Floats = eta + np.maximum(0.0, damage - eta) / (1 - level)
    return contributions


def estimate_performance(
    evaluation: PlanEvaluation | ReleasePolicyResult, level: float, *, sampled: bool
) -> Performance:
    """Estimate mean, CVaR and maximum of damage over the states of an evaluation."""
    probability, damage = evaluation.probability, evaluation.damage
    tail = tail_contributions(probability, damage, level) if sampled else None
    return Performance(
        expected=mean_estimate(probability, damage, sampled=sampled),
        cvar=estimate_with_error(tail_mean(probability, damage, level), tail),
        worst=float(damage[probability > 0].max()),
    )


def difference_of_estimates(first: Estimate, second: Estimate) -> Estimate:
    """Return the difference of two figures from independent samples."""
    errors = [
        estimate.standard_error
        for estimate in (first, second)
        if estimate.standard_error is not None
    ]
    error = math.hypot(*errors) if errors else None
    return Estimate(value=first.value - second.value, standard_error=error)


class RiskMeasure(NamedTuple):
    """The measure (1 - weight) E + weight CVaR of a total over the states.

    It is monotone and translation equivariant (Rockafellar and Uryasev 2000), so that damage and
    cost may be added state by state before it is taken.
    """

    level: float
    weight: float

    @classmethod
    def of_case(cls, case: Case) -> RiskMeasure:
        """Return the measure of a scenario's objective."""
        return cls(float(case.objective.cvar.level), float(case.objective.cvar.weight))

    def __call__(self, probability: Floats, total: Floats) -> float:
        """Compute the measure of totals (S) with probabilities (S)."""
        mean = float(probability @ total / probability.sum())
        if self.weight == 0:
            return mean
        return (1 - self.weight) * mean + self.weight * tail_mean(probability, total, self.level)

    def influence(self, probability: Floats, total: Floats) -> Floats:
        """Compute what each state contributes (S); their spread gives the sampling error."""
        tail = (
            self.weight * tail_contributions(probability, total, self.level) if self.weight else 0.0
        )
        contributions: Floats = (1 - self.weight) * total + tail
        return contributions
