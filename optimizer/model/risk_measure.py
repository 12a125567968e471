"""Risk measures: of damage over the states of the world, and of objectives over assumption sets.

Each is the largest mean over a set of probabilities (Artzner, Delbaen, Eber and Heath 1999), so
that the probabilities that attain it yield a valid cut.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from models.scenario.references import Case
from optimizer.model.instance import Floats

Criterion = Literal["mean", "worst", "regret"]


@dataclass(frozen=True)
class Expectation:
    """The mean with the probabilities of the states."""

    is_ambiguous: ClassVar[bool] = False
    is_linear: ClassVar[bool] = True  # whether linear constraints can express it

    def weights(self, probability: Floats, damage: Floats) -> Floats:
        """Return probabilities of the states (S) with which the mean of ``damage`` is the value."""
        normalized: Floats = probability / probability.sum()
        return normalized

    def value(self, probability: Floats, damage: Floats) -> float:
        """Return the value for the damage in each state (S)."""
        return float(probability @ damage)


@dataclass(frozen=True)
class TotalVariationMean(Expectation):
    """The largest mean over all probabilities within a total variation distance of those of the
    states. It is (1 - radius) times the CVaR whose level is the radius, plus radius times the
    damage of the worst state (Jiang and Guan 2018)."""

    radius: float
    is_ambiguous: ClassVar[bool] = True

    def weights(self, probability: Floats, damage: Floats) -> Floats:
        """Return the probabilities in the ambiguity set with the largest mean of ``damage``."""
        normalized = Expectation.weights(self, probability, damage)
        return worst_case_total_variation(normalized, damage, self.radius)

    def value(self, probability: Floats, damage: Floats) -> float:
        """Return the largest mean over the ambiguity set."""
        return float(self.weights(probability, damage) @ damage)


@dataclass(frozen=True)
class ModifiedChiSquareMean(TotalVariationMean):
    """The largest mean over all probabilities within a modified chi-square distance of those of the
    states (Philpott, de Matos and Kapelevich 2018)."""

    is_linear: ClassVar[bool] = False

    def weights(self, probability: Floats, damage: Floats) -> Floats:
        """Return the probabilities in the ambiguity set with the largest mean of ``damage``."""
        normalized = Expectation.weights(self, probability, damage)
        return worst_case_chi_square(normalized, damage, self.radius)


AMBIGUOUS_MEANS = {
    "total_variation": TotalVariationMean,
    "modified_chi_square": ModifiedChiSquareMean,
}


@dataclass(frozen=True)
class RiskMeasure:
    """The measure (1 - ``cvar_weight``) ``mean`` + ``cvar_weight`` CVaR of damage."""

    cvar_level: float
    cvar_weight: float
    mean: Expectation = Expectation()

    @classmethod
    def from_case(cls, case: Case) -> RiskMeasure:
        """Return the risk measure of a scenario's objective."""
        cvar, ambiguity = case.objective.cvar, case.objective.ambiguity
        levels = float(cvar.level), float(cvar.weight)
        if ambiguity is None:
            return cls(*levels)
        return cls(*levels, AMBIGUOUS_MEANS[ambiguity.kind](float(ambiguity.radius)))

    def weights(self, probability: Floats, damage: Floats) -> Floats:
        """Return weights of the states (S), which sum to 1, with which the weighted mean of
        ``damage`` is the value of the measure."""
        weights: Floats = (1 - self.cvar_weight) * self.mean.weights(probability, damage)
        if self.cvar_weight > 0:
            weights = weights + self.cvar_weight * tail_weights(
                probability, damage, self.cvar_level
            )
        return weights

    @property
    def joint_weight(self) -> float:
        """Weight of the part that depends on the damage of all chains together: CVaR, and the whole
        measure if the mean is ambiguous. The rest is a sum over the chains."""
        return 1.0 if self.mean.is_ambiguous else self.cvar_weight

    def joint_weights(self, probability: Floats, damage: Floats) -> Floats:
        """Return the weights of the states (S) for the part that depends on all chains together."""
        if self.mean.is_ambiguous:
            return self.weights(probability, damage)
        return tail_weights(probability, damage, self.cvar_level)

    @property
    def cvar_terms(self) -> dict[str, tuple[float, float]]:
        """Weight and level of each CVaR term of positive weight: "all" is the CVaR of the measure,
        and "mean" the one in the mean over a total variation set. The measure is the sum of these
        terms, the weighted damage of the worst state, and the expectation if not ambiguous."""
        terms = {"all": (self.cvar_weight, self.cvar_level)}
        if isinstance(self.mean, TotalVariationMean):
            radius = self.mean.radius
            terms["mean"] = (1 - self.cvar_weight) * (1 - radius), radius
        return {key: term for key, term in terms.items() if term[0] > 0}

    @property
    def worst_weight(self) -> float:
        """Weight of the damage of the worst state, due to a total variation set; 0 without one."""
        radius = self.mean.radius if isinstance(self.mean, TotalVariationMean) else 0.0
        return (1 - self.cvar_weight) * min(radius, 1.0)


@dataclass(frozen=True)
class WeightedMean:
    """The weighted mean of the objectives under the assumption sets."""

    weights: tuple[float, ...] = (1.0,)
    criterion: ClassVar[Criterion] = "mean"
    reference_objectives: ClassVar[tuple[float, ...]] = (0.0,)
    is_additive: ClassVar[bool] = True  # whether the value is a weighted sum of the objectives

    def set_weight(self, set_index: int) -> float:
        """Return the factor by which cuts on the damage under a set are weighted."""
        return self.weights[set_index]

    def value(self, objectives: Sequence[float] | Floats) -> float:
        """Return the objective that is minimized, from the objective under each set."""
        return math.fsum(w * x for w, x in zip(self.weights, objectives, strict=True))

    def scale(self, objectives: Sequence[float]) -> float:
        """Return the size of the objective, to which gaps are relative, from the objective without
        a plan under each set."""
        return self.value(objectives)

    def with_references(self, reference_objectives: Sequence[float]) -> SetMeasure:
        """Return this measure, which does not depend on the objective of each set's best plan."""
        return self

    def linear_objective(
        self, costs: Floats, offsets: Floats
    ) -> tuple[Floats, float, Floats, Floats]:
        """Return costs of the columns (C), an offset, rows (R, C) and their lower bounds (R) that
        express the measure in a linear program. The objective under each set is given by ``costs``
        (K, C) and ``offsets`` (K). If the measure is not additive, the last column is its value."""
        no_rows = np.zeros((0, costs.shape[1])), np.zeros(0)
        return self.weights @ costs, float(self.weights @ offsets), *no_rows


@dataclass(frozen=True)
class LargestObjective:
    """The largest objective under any assumption set, from each of which a reference objective is
    subtracted: that of the set's best plan for minimax regret (Savage 1951), else 0."""

    criterion: Criterion
    reference_objectives: tuple[float, ...]
    is_additive: ClassVar[bool] = False

    def set_weight(self, set_index: int) -> float:
        """Return the factor by which cuts on the damage under a set are weighted."""
        return 1.0

    def value(self, objectives: Sequence[float] | Floats) -> float:
        """Return the objective that is minimized, from the objective under each set."""
        pairs = zip(self.reference_objectives, objectives, strict=True)
        return float(max(x - best for best, x in pairs))

    def scale(self, objectives: Sequence[float]) -> float:
        """Return the size of the objective, to which gaps are relative, from the objective without
        a plan under each set."""
        return max(objectives)

    def with_references(self, reference_objectives: Sequence[float]) -> SetMeasure:
        """Return the measure with the given objectives of each set's best plan, which are
        subtracted from the objectives under the sets."""
        return replace(self, reference_objectives=tuple(reference_objectives))

    def linear_objective(
        self, costs: Floats, offsets: Floats
    ) -> tuple[Floats, float, Floats, Floats]:
        """Return costs of the columns (C), an offset, rows (R, C) and their lower bounds (R) that
        express the measure in a linear program. The rows state that the last column, the value, is
        at least each set's objective minus its reference objective."""
        rows = -costs
        rows[:, -1] = 1.0
        cost = np.zeros(costs.shape[1])
        cost[-1] = 1.0
        return cost, 0.0, rows, offsets - self.reference_objectives


SetMeasure = WeightedMean | LargestObjective


def read_set_measure(criterion: Criterion | None, weights: Sequence[float]) -> SetMeasure:
    """Return the measure of a criterion over assumption sets; reference objectives are 0."""
    if criterion is None or criterion == "mean":
        return WeightedMean(tuple(weights))
    return LargestObjective(criterion, (0.0,) * len(weights))


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
    moved_probability = min(radius, 1.0)
    worst_case = np.zeros(len(probability))
    if moved_probability < 1:
        worst_case = (1 - moved_probability) * tail_weights(probability, damage, moved_probability)
    worst_case[int(np.argmax(np.where(probability > 0, damage, -np.inf)))] += moved_probability
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
