"""Means and tails of a sample, and how far chance may have moved them.

Standard errors are those of independent draws. Of states that were drawn otherwise, spread evenly
(a Latin hypercube) say, they are as a rule too large, so that what they call certain is certain all
the same (McKay, Beckman and Conover 1979, for means of what rises or falls with every draw).
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
"""(n) number of the part that each draw comes from, where the number from each was fixed."""


def estimate_with_error(
    value: float, draws: Floats | None, stratum: StrataOfDraws = None
) -> Estimate:
    """A figure with the standard error of the mean of draws (n), that of a stratified sample where
    there are parts; none where nothing was drawn.

    A single draw of a part tells nothing of its error, which is then infinite in truth, and null
    here.
    """
    parts = (
        [] if draws is None else [draws] if stratum is None else _split_by_stratum(draws, stratum)
    )
    if draws is None or min(map(len, parts)) < 2:
        return Estimate(value=value, standard_error=None)
    variance = math.fsum(len(own) * float(own.var(ddof=1)) for own in parts)
    return Estimate(value=value, standard_error=math.sqrt(variance) / len(draws))


def _split_by_stratum(draws: Floats, stratum: NDArray[np.int64]) -> list[Floats]:
    return [draws[stratum == one] for one in np.unique(stratum)]


def mean_estimate(probability: Floats, values: Floats, *, sampled: bool) -> Estimate:
    """The mean of values (n) with a chance (n), the same for each where they are a sample."""
    return estimate_with_error(float(probability @ values), values if sampled else None)


def tail_quantile(probability: Floats, damage: Floats, level: float) -> float:
    """Damage from which on a state counts to the worst ``1 - level``: the quantile."""
    return weighted_quantiles(damage, probability, [level])[0]


def tail_contributions(probability: Floats, damage: Floats, level: float) -> Floats:
    """(n) what each draw contributes to the mean of the worst ``1 - level``.

    The CVaR is the least over η of η + E max(0, D - η) / (1 - level) (Rockafellar and Uryasev
    2000). At the sample's own quantile the slope in η is nothing, so that to first order its error
    is that of a mean of η + max(0, D - η) / (1 - level): the central limit theorem of Trindade,
    Uryasev, Shapiro and Zrazhevsky (2007), and Hong and Liu (2009).
    """
    eta = tail_quantile(probability, damage, level)
    contributions: Floats = eta + np.maximum(0.0, damage - eta) / (1 - level)
    return contributions


def estimate_performance(
    evaluation: PlanEvaluation | ReleasePolicyResult, level: float, *, sampled: bool
) -> Performance:
    """Damage over the states of an evaluation."""
    chance, damage = evaluation.probability, evaluation.damage
    tail = tail_contributions(chance, damage, level) if sampled else None
    return Performance(
        expected=mean_estimate(chance, damage, sampled=sampled),
        cvar=estimate_with_error(tail_mean(chance, damage, level), tail),
        worst=float(damage[chance > 0].max()),
    )


def difference_of_estimates(first: Estimate, second: Estimate) -> Estimate:
    """The difference of two figures from samples of their own."""
    errors = [e.standard_error for e in (first, second) if e.standard_error is not None]
    error = math.hypot(*errors) if errors else None
    return Estimate(value=first.value - second.value, standard_error=error)


class RiskMeasure(NamedTuple):
    """The measure (1 - weight) E + weight CVaR of a total over the states.

    It is monotone, and moves along with a constant that is added to all states (Rockafellar and
    Uryasev 2000), so that damage and cost may be added state by state before it is taken.
    """

    level: float
    weight: float

    @classmethod
    def of_case(cls, case: Case) -> RiskMeasure:
        """That of a scenario's objective."""
        return cls(float(case.objective.cvar.level), float(case.objective.cvar.weight))

    def __call__(self, probability: Floats, total: Floats) -> float:
        """Of totals (S) that come with a chance (S)."""
        mean = float(probability @ total / probability.sum())
        if self.weight == 0:
            return mean
        return (1 - self.weight) * mean + self.weight * tail_mean(probability, total, self.level)

    def influence(self, probability: Floats, total: Floats) -> Floats:
        """(S) what each state adds: the spread of these is that of an estimate from a sample."""
        tail = (
            self.weight * tail_contributions(probability, total, self.level) if self.weight else 0.0
        )
        added: Floats = (1 - self.weight) * total + tail
        return added
