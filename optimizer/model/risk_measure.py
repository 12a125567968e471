"""Risk measure of damage over states: a weighted sum of a mean and CVaR. The mean uses the
probabilities of the states, or the worst ones in an ambiguity set.

Both parts are the largest mean over a set of probabilities (Artzner, Delbaen, Eber and Heath 1999),
so that the probabilities that attain it yield a valid cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.scenario.case import Case
from optimizer.model.instance import Floats

AmbiguityKind = Literal["total_variation", "modified_chi_square"]


@dataclass(frozen=True)
class RiskMeasure:
    """The measure (1 - ``cvar_weight``) E + ``cvar_weight`` CVaR. With ambiguity, E is the largest
    mean over all probabilities within ``ambiguity_radius`` of those of the states."""

    cvar_level: float
    cvar_weight: float
    ambiguity: AmbiguityKind | None = None
    ambiguity_radius: float = 0.0

    @classmethod
    def from_case(cls, case: Case) -> RiskMeasure:
        """Return the risk measure of a scenario's objective."""
        cvar, ambiguity = case.objective.cvar, case.objective.ambiguity
        ambiguity_fields = (
            (None, 0.0) if ambiguity is None else (ambiguity.kind, float(ambiguity.radius))
        )
        return cls(float(cvar.level), float(cvar.weight), *ambiguity_fields)

    def worst_case_weights(self, probability: Floats, damage: Floats) -> Floats:
        """Return weights of the states (S), which sum to 1, with which the weighted mean of
        ``damage`` is the value of the measure."""
        weights: Floats = (1 - self.cvar_weight) * self.mean_probabilities(probability, damage)
        if self.cvar_weight > 0:
            weights = weights + self.cvar_weight * tail_weights(
                probability, damage, self.cvar_level
            )
        return weights

    def mean_probabilities(self, probability: Floats, damage: Floats) -> Floats:
        """Return the probabilities of the states (S) that the mean uses: the given ones, or with
        ambiguity the worst ones for ``damage``."""
        normalized: Floats = probability / probability.sum()
        if self.ambiguity == "total_variation":
            return worst_case_total_variation(normalized, damage, self.ambiguity_radius)
        if self.ambiguity == "modified_chi_square":
            return worst_case_chi_square(normalized, damage, self.ambiguity_radius)
        return normalized

    def worst_case_mean(self, probability: Floats, damage: Floats) -> float:
        """Return the mean of ``damage``; with ambiguity the largest mean over the ambiguity set."""
        return float(self.mean_probabilities(probability, damage) @ damage)


def tail_weights(probability: Floats, damage: Floats, level: float) -> Floats:
    """Return weights of the states (S) with which the weighted mean of ``damage`` is its CVaR: the
    mean of the worst ``1 - level``. The state at the quantile counts in part (Rockafellar and
    Uryasev 2000)."""
    tail = (1 - level) * probability.sum()
    order = np.argsort(-damage, kind="stable")
    cumulative_before = np.concatenate([[0.0], np.cumsum(probability[order])[:-1]])
    weights = np.zeros(len(damage))
    weights[order] = np.clip(tail - cumulative_before, 0.0, probability[order])
    normalized: Floats = weights / weights.sum()
    return normalized


def worst_case_total_variation(probability: Floats, damage: Floats, radius: float) -> Floats:
    """Return the probabilities of the states (S) with the largest mean damage within a total
    variation distance. Probability ``radius`` is moved from the states of least damage to the worst
    state of positive probability (Jiang and Guan 2018)."""
    moved = min(radius, 1.0)
    worst_case = np.zeros(len(probability))
    if moved < 1:
        worst_case = (1 - moved) * tail_weights(probability, damage, moved)
    worst_case[int(np.argmax(np.where(probability > 0, damage, -np.inf)))] += moved
    return worst_case


def worst_case_chi_square(probability: Floats, damage: Floats, radius: float) -> Floats:
    """Return the probabilities q of the states (S) with the largest mean damage and Σ (q - p)² / p
    at most the squared radius. They are linear in damage, except that states of least damage may
    have q = 0 (Philpott, de Matos and Kapelevich 2018)."""
    order = np.argsort(damage, kind="stable")
    order = order[probability[order] > 0]
    p, x = probability[order], damage[order]
    # Without the k states of least damage: probability, mean, and variance times probability.
    probability_left = np.cumsum(p[::-1])[::-1]
    mean = np.cumsum((p * x)[::-1])[::-1] / probability_left
    spread = np.cumsum((p * x**2)[::-1])[::-1] - probability_left * mean**2
    spread = np.maximum(spread, 0.0)
    slack = radius**2 - (1 - probability_left) / probability_left
    damage_scale = float(np.abs(x).max(initial=0.0)) ** 2
    is_constant = spread <= 1e-14 * damage_scale  # the remaining states have equal damage
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(is_constant | (slack < 0), 0.0, np.sqrt(np.maximum(slack, 0.0) / spread))
    lowest_ratio = 1 / probability_left + slope * (x - mean)
    feasible = np.flatnonzero((lowest_ratio >= 0) & (slack >= -1e-12))
    k = int(feasible[0]) if len(feasible) else 0
    q = np.zeros(len(probability))
    q[order[k:]] = p[k:] * (1 / probability_left[k] + slope[k] * (x[k:] - mean[k]))
    normalized: Floats = np.maximum(q, 0.0) / np.maximum(q, 0.0).sum()
    return normalized
