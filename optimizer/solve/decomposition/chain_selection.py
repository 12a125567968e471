"""Selection of the chains that are evaluated at a point, by the estimated errors of their cuts."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from optimizer.model.instance import Floats
from optimizer.solve.decomposition.cuts import CutOracle

SMOOTHING_WEIGHT = 0.5  # weight of earlier observations in exponential smoothing
MIN_ERROR_SHARE = 0.05  # smallest share of a change of cost-to-go that is assumed to be an error


class ChainSelector:
    """Selection of the chains to evaluate: those whose cuts probably have the largest errors.

    The error of a chain's cuts is estimated from the change of its cost-to-go since its last
    evaluation, and from the share of earlier changes that were errors. The estimates only guide the
    search: bounds follow from cuts, and plans from evaluations of all chains.
    """

    def __init__(
        self, chain_ids: Collection[int], chain_weights: Mapping[int, float] | None = None
    ) -> None:
        self.chain_ids = tuple(chain_ids)
        self._chain_weights = chain_weights or dict.fromkeys(chain_ids, 1.0)
        self._last_damage = dict.fromkeys(chain_ids, math.nan)
        self._error_share = dict.fromkeys(chain_ids, 1.0)

    def estimated_cut_errors(self, cost_to_go: Mapping[int, float]) -> dict[int, float]:
        """Return the estimated error of each chain's cuts in units of the objective; infinite for a
        chain that has not been evaluated.

        ``cost_to_go`` holds the lower bounds that the cuts give on the chains' mean damage.
        """
        changes = {
            v: abs(cost_to_go[v] - last_damage) for v, last_damage in self._last_damage.items()
        }
        return {
            v: math.inf
            if math.isnan(change)
            else self._chain_weights[v] * self._error_share[v] * change
            for v, change in changes.items()
        }

    def record_errors(
        self,
        cost_to_go: Mapping[int, float],
        damage_by_chain: Mapping[int, float],
        cut_errors: Mapping[int, float],
    ) -> None:
        """Record the evaluation of chains: the cost-to-go that their cuts gave, the damage found,
        and the errors of the cuts."""
        for v, damage in damage_by_chain.items():
            change = abs(cost_to_go[v] - self._last_damage[v])
            if change > 0:  # False for NaN
                share = min(1.0, max(MIN_ERROR_SHARE, cut_errors.get(v, 0.0) / change))
                self._error_share[v] = (
                    SMOOTHING_WEIGHT * self._error_share[v] + (1 - SMOOTHING_WEIGHT) * share
                )
            self._last_damage[v] = damage


def smallest_selection(cut_errors: Mapping[int, float], tolerance: float) -> list[int]:
    """Return the smallest set of chains such that the errors of all other chains sum to at most
    ``tolerance``."""
    error = 0.0
    ranked_chains = sorted(cut_errors, key=lambda v: cut_errors[v])
    for count, v in enumerate(ranked_chains):
        error += cut_errors[v]
        if error > tolerance or math.isinf(error):
            return ranked_chains[count:]
    return []


def objective_error(
    cut_oracle: CutOracle, cut_errors: Mapping[int, float], set_objectives: Floats
) -> float:
    """Return the error of the objective that the errors of the chains' cuts cause."""
    if cut_oracle.tree.measure.is_additive:
        return math.fsum(cut_errors.values())
    objectives_with_errors = set_objectives + cut_oracle.sums_by_set(cut_errors)
    return float(objectives_with_errors.max() - set_objectives.max())


def chains_to_evaluate(
    cut_oracle: CutOracle, cut_errors: Mapping[int, float], set_objectives: Floats, tolerance: float
) -> list[int]:
    """Return the smallest set of chains such that the other chains add at most ``tolerance`` to the
    error of the objective.

    If only the worst assumption set counts, a set with a lower objective may have larger errors.
    """
    if cut_oracle.tree.measure.is_additive:
        return smallest_selection(cut_errors, tolerance)
    chain_ids: list[int] = []
    set_tolerances = set_objectives.max() + tolerance - set_objectives
    for set_oracles, set_tolerance in zip(cut_oracle.oracles_by_set, set_tolerances, strict=True):
        set_errors = {
            v: cut_errors[v]
            for oracle in set_oracles
            for v in oracle.chain_weights
            if v in cut_errors
        }
        chain_ids += smallest_selection(set_errors, float(set_tolerance))
    return chain_ids
