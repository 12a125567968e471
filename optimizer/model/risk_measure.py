"""What is minimised of damage that differs from state to state: a mean, by the probabilities of the
states or the least favourable in a ball around them, and the mean of the worst states.

Each is the largest mean over some set of probabilities (Artzner, Delbaen, Eber and Heath 1999), so
that those at which it is reached make a cut that holds everywhere.
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
    """The measure (1 - weight) E + weight CVaR, whose mean is that by the least favourable
    probabilities within ``radius`` of those of the states, if there is a ``ball``."""

    cvar_level: float
    cvar_weight: float
    ambiguity: AmbiguityKind | None = None
    ambiguity_radius: float = 0.0

    @classmethod
    def from_case(cls, case: Case) -> RiskMeasure:
        """That of a scenario's objective."""
        cvar, ball = case.objective.cvar, case.objective.ambiguity
        known = (None, 0.0) if ball is None else (ball.kind, float(ball.radius))
        return cls(float(cvar.level), float(cvar.weight), *known)

    def worst_case_weights(self, probability: Floats, damage: Floats) -> Floats:
        """(S) probabilities at which the measure is reached; their sum is 1."""
        worst: Floats = (1 - self.cvar_weight) * self.mean_probabilities(probability, damage)
        if self.cvar_weight > 0:
            worst = worst + self.cvar_weight * tail_weights(probability, damage, self.cvar_level)
        return worst

    def mean_probabilities(self, probability: Floats, damage: Floats) -> Floats:
        """(S) the probabilities that the mean is taken by."""
        chance: Floats = probability / probability.sum()
        if self.ambiguity == "total_variation":
            return worst_case_total_variation(chance, damage, self.ambiguity_radius)
        if self.ambiguity == "modified_chi_square":
            return worst_case_chi_square(chance, damage, self.ambiguity_radius)
        return chance

    def worst_case_mean(self, probability: Floats, damage: Floats) -> float:
        """The mean of damage, least favourable where there is a ball."""
        return float(self.mean_probabilities(probability, damage) @ damage)


def tail_weights(probability: Floats, damage: Floats, level: float) -> Floats:
    """(S) weights of the states in the mean of the worst ``1 - level``, at a given damage. The
    state at the quantile is split (Rockafellar and Uryasev 2000)."""
    tail = (1 - level) * probability.sum()
    order = np.argsort(-damage, kind="stable")
    before = np.concatenate([[0.0], np.cumsum(probability[order])[:-1]])
    weights = np.zeros(len(damage))
    weights[order] = np.clip(tail - before, 0.0, probability[order])
    shares: Floats = weights / weights.sum()
    return shares


def worst_case_total_variation(probability: Floats, damage: Floats, radius: float) -> Floats:
    """(S) the least favourable probabilities of which half of all differences add up to a radius at
    most: so much goes from the best states to the worst that has any (Jiang and Guan 2018)."""
    moved = min(radius, 1.0)
    kept = np.zeros(len(probability))
    if moved < 1:
        kept = (1 - moved) * tail_weights(probability, damage, moved)
    kept[int(np.argmax(np.where(probability > 0, damage, -np.inf)))] += moved
    return kept


def worst_case_chi_square(probability: Floats, damage: Floats, radius: float) -> Floats:
    """(S) the least favourable probabilities q of which Σ (q - p)² / p is at most the square of a
    radius. They are linear in damage but for the best states, which may be left without any
    (Philpott, de Matos and Kapelevich 2018)."""
    order = np.argsort(damage, kind="stable")
    order = order[probability[order] > 0]
    p, x = probability[order], damage[order]
    # Of what is left without the k best states: its probability, mean and variance of damage.
    left = np.cumsum(p[::-1])[::-1]
    mean = np.cumsum((p * x)[::-1])[::-1] / left
    spread = np.cumsum((p * x**2)[::-1])[::-1] - left * mean**2
    spread = np.maximum(spread, 0.0)
    room = radius**2 - (1 - left) / left
    size = float(np.abs(x).max(initial=0.0)) ** 2
    flat = spread <= 1e-14 * size  # all that are left are equally bad
    with np.errstate(divide="ignore", invalid="ignore"):
        steep = np.where(flat | (room < 0), 0.0, np.sqrt(np.maximum(room, 0.0) / spread))
    lowest = 1 / left + steep * (x - mean)
    fits = np.flatnonzero((lowest >= 0) & (room >= -1e-12))
    k = int(fits[0]) if len(fits) else 0
    q = np.zeros(len(probability))
    q[order[k:]] = p[k:] * (1 / left[k] + steep[k] * (x[k:] - mean[k]))
    least: Floats = np.maximum(q, 0.0) / np.maximum(q, 0.0).sum()
    return least
