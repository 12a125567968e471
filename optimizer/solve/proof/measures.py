"""Risk measures from their definitions, and the sets of weights that they stand for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from optimizer.model.instance import Floats
from optimizer.model.risk_measure import ModifiedChiSquareMean, RiskMeasure, TotalVariationMean

WEIGHT_TOLERANCE = 1e-9


def conditional_value_at_risk(probability: Floats, damage: Floats, level: float) -> float:
    """Return the least value of eta + Σ π max(0, damage - eta) / (1 - level) over all eta (S),
    which is taken at one of the damages (Rockafellar and Uryasev 2000)."""
    order = np.argsort(damage)
    d, p = damage[order], probability[order]
    weight_above = np.cumsum(p[::-1])[::-1] - p
    damage_above = np.cumsum((p * d)[::-1])[::-1] - p * d
    return float(np.min(d + (damage_above - weight_above * d) / (1 - level)))


def joint_value(risk: RiskMeasure, probability: Floats, damage: Floats) -> float:
    """Return the part of a risk measure that depends on the damage of all chains together: the
    CVaR, or the whole measure if the probabilities are ambiguous."""
    tail = conditional_value_at_risk(probability, damage, risk.cvar_level)
    if not risk.mean.is_ambiguous:
        return tail
    if isinstance(risk.mean, ModifiedChiSquareMean):
        mean = risk.mean.value(probability, damage)
    else:
        assert isinstance(risk.mean, TotalVariationMean)
        radius = min(risk.mean.radius, 1.0)
        mean = radius * float(damage[probability > 0].max())
        if radius < 1:
            mean += (1 - radius) * conditional_value_at_risk(probability, damage, radius)
    return (1 - risk.cvar_weight) * mean + risk.cvar_weight * tail


def are_weights_allowed(
    risk: RiskMeasure, probability: Floats, weights: Floats, tail_weights: Floats | None
) -> bool:
    """Return whether the mean with these weights of the states (S) is at most the value of
    :func:`joint_value` for every damage. ``tail_weights`` are those of the CVaR in an ambiguous
    measure with a CVaR."""
    if not risk.mean.is_ambiguous:
        return _is_within(weights, probability / (1 - risk.cvar_level))
    mean_weights = weights
    if risk.cvar_weight > 0:
        if tail_weights is None or not _is_within(
            tail_weights, probability / (1 - risk.cvar_level)
        ):
            return False
        rest = weights - risk.cvar_weight * tail_weights
        if risk.cvar_weight == 1:
            return bool(np.abs(rest).max() <= WEIGHT_TOLERANCE)
        mean_weights = rest / (1 - risk.cvar_weight)
    if not _is_within(mean_weights, np.where(probability > 0, np.inf, 0.0)):
        return False
    assert isinstance(risk.mean, TotalVariationMean)
    change, is_possible = mean_weights - probability, probability > 0
    if isinstance(risk.mean, ModifiedChiSquareMean):
        distance = float(np.sum(change[is_possible] ** 2 / probability[is_possible])) ** 0.5
    else:
        distance = float(np.maximum(change, 0.0).sum())
    return bool(distance <= risk.mean.radius + WEIGHT_TOLERANCE)


def _is_within(weights: Floats, most: Floats) -> bool:
    """Return whether weights are not negative, at most ``most``, and add up to 1."""
    return bool(
        (weights >= -WEIGHT_TOLERANCE).all()
        and (weights <= most * (1 + WEIGHT_TOLERANCE) + WEIGHT_TOLERANCE).all()
        and abs(float(weights.sum()) - 1) <= WEIGHT_TOLERANCE
    )


def joined(parts: Sequence[Floats]) -> Floats:
    """Return the arrays of several leaves as one."""
    return np.concatenate([np.zeros(0), *parts])
