"""Candidates by which a node can be split, and the choice of one of them.

Reliability branching (Achterberg, Koch and Martin 2005): the gain in the bound is first measured by
a few dual simplex iterations, and later predicted from observed gains, which include those from
cuts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.model.decision_tree import Integers
from optimizer.model.instance import Floats
from optimizer.solve.decomposition.layout import DualProof, VariableBounds
from optimizer.solve.decomposition.search_run import SearchRun
from optimizer.solve.decomposition.search_tree import Leaf

RELIABLE_GAIN_COUNT = 3  # observed gains in both children that make a prediction reliable
MAX_PROBED_CANDIDATES = 8  # candidates that are probed at a node
PROBE_ITERATIONS = 40  # dual simplex iterations of a probe


@dataclass(frozen=True)
class BranchCandidate:
    """Possible split of a node into two child nodes.

    ``key`` is the kind of decision and the index of the project or ticket. ``fraction`` is the
    distance of the relaxed solution from the lower child, between 0 and 1 (the upper child).
    """

    key: tuple[str, int]
    lower_child: VariableBounds
    upper_child: VariableBounds
    fraction: float


class NodeOrigin(NamedTuple):
    """Split that created a node: the key of the candidate, which child the node is (0: lower, 1:
    upper), the distance of the relaxed solution from that child, and the bound before the split."""

    candidate_key: tuple[str, int]
    child: int
    fraction: float
    bound: float


@dataclass(eq=False)
class PseudoCosts:
    """Observed gains in the bound in both children of one candidate, per unit of the distance of
    the relaxed solution from the child."""

    gain_sums: list[float] = field(default_factory=lambda: [0.0, 0.0])
    gain_counts: list[int] = field(default_factory=lambda: [0, 0])

    def record(self, child: int, gain: float, fraction: float) -> None:
        """Record the gain in the bound that was observed in one child, unless it is infinite."""
        if math.isfinite(gain):
            self.gain_sums[child] += max(0.0, gain) / max(fraction, 1e-3)
            self.gain_counts[child] += 1

    def mean_gain(self, child: int, default: float) -> float:
        """Return the mean observed gain per unit of distance in one child, or ``default`` if there
        are no observations."""
        return (
            self.gain_sums[child] / self.gain_counts[child] if self.gain_counts[child] else default
        )


class BranchSelector:
    """Selection of the split at each node of a run.

    ``fixed_to_zero`` marks binaries that are zero in the whole tree.
    """

    def __init__(self, run: SearchRun, fixed_to_zero: NDArray[np.bool_]) -> None:
        self.run, self.master, self.fixed_to_zero = run, run.master, fixed_to_zero
        self.pseudo_costs: dict[tuple[str, int], PseudoCosts] = {}

    def record_gain(self, origin: NodeOrigin | None, bound: float) -> None:
        """Record how much the bound rose from the parent node to a node."""
        if origin is not None:
            pseudo_costs = self.pseudo_costs.setdefault(origin.candidate_key, PseudoCosts())
            pseudo_costs.record(origin.child, bound - origin.bound, origin.fraction)

    def candidates(self, variable_bounds: VariableBounds, x: Floats) -> list[BranchCandidate]:
        """Return all candidates at a fractional solution. Tickets are candidates only if no
        project is fractional."""
        master = self.master
        candidates = []
        for p, started in enumerate(master.cumulative_starts(x)):
            candidates += self._project_candidates(variable_bounds, p, started)
        if candidates:
            return candidates
        ticket_fractions = master.ticket_fractions(x)
        return [
            BranchCandidate(
                ("ticket", int(n)),
                replace(
                    variable_bounds, max_ticket=_with_value_at(variable_bounds.max_ticket, n, 0)
                ),
                replace(
                    variable_bounds, min_ticket=_with_value_at(variable_bounds.min_ticket, n, 1)
                ),
                float(ticket_fractions[n]),
            )
            for n in master.fractional_tickets(x)
            if variable_bounds.min_ticket[n] < variable_bounds.max_ticket[n]
        ]

    def _project_candidates(
        self, variable_bounds: VariableBounds, p: int, cumulative_starts: Floats
    ) -> list[BranchCandidate]:
        """Return the candidates of one project: it is started or never started, and it is started
        by a certain year or later."""
        candidates = []
        start_share = float(cumulative_starts[-1])
        tolerance = self.master.integrality_tolerance
        first_start, last_start, must_start = (
            int(bound_array[p])
            for bound_array in (
                variable_bounds.first_start,
                variable_bounds.last_start,
                variable_bounds.must_start,
            )
        )
        if tolerance < start_share < 1 - tolerance and not must_start:
            never_bounds = variable_bounds.with_project_bounds(p, 1, 0, 0)
            built_bounds = variable_bounds.with_project_bounds(p, first_start, last_start, 1)
            candidates.append(BranchCandidate(("ever", p), never_bounds, built_bounds, start_share))
        inner_years = np.arange(first_start, last_start)
        if start_share > tolerance and len(inner_years):
            conditional_share = cumulative_starts[inner_years] / start_share
            is_fractional = (conditional_share > tolerance) & (conditional_share < 1 - tolerance)
            if is_fractional.any():
                y = int(
                    inner_years[is_fractional][
                        np.argmin(np.abs(conditional_share[is_fractional] - 0.5))
                    ]
                )
                later_bounds = variable_bounds.with_project_bounds(p, y + 1, last_start, must_start)
                earlier_bounds = variable_bounds.with_project_bounds(p, first_start, y, 1)
                candidates.append(
                    BranchCandidate(
                        ("by", p), later_bounds, earlier_bounds, float(cumulative_starts[y])
                    )
                )
        return candidates

    def choose(
        self, bound: float, leaf: Leaf, candidates: list[BranchCandidate]
    ) -> tuple[BranchCandidate, list[tuple[float, DualProof | None]]]:
        """Return the candidate with the best score, and for each of its children the bound and its
        dual proof."""
        observed_costs = [costs for costs in self.pseudo_costs.values() if min(costs.gain_counts)]
        objective_unit = self.master.objective_unit
        default_gains = [
            float(np.mean([costs.mean_gain(child, objective_unit) for costs in observed_costs]))
            if observed_costs
            else objective_unit
            for child in (0, 1)
        ]

        def estimated_score(candidate: BranchCandidate) -> float:
            pseudo_costs = self.pseudo_costs.get(candidate.key, PseudoCosts())
            gain_below = pseudo_costs.mean_gain(0, default_gains[0]) * candidate.fraction
            gain_above = pseudo_costs.mean_gain(1, default_gains[1]) * (1 - candidate.fraction)
            return max(gain_below, 1e-6 * objective_unit) * max(gain_above, 1e-6 * objective_unit)

        ranked_candidates = sorted(candidates, key=estimated_score, reverse=True)
        chosen = ranked_candidates[0]
        best_score = estimated_score(ranked_candidates[0])
        child_proofs = [(bound, leaf.proof)] * 2
        unreliable_candidates = [
            candidate
            for candidate in ranked_candidates
            if min(self.pseudo_costs.get(candidate.key, PseudoCosts()).gain_counts)
            < RELIABLE_GAIN_COUNT
        ]
        candidates_to_probe = unreliable_candidates[:MAX_PROBED_CANDIDATES]
        if not candidates_to_probe:
            return chosen, child_proofs
        basis = self.master.simplex.basis()
        self.master.simplex.set_cutoff(self.run.cutoff)  # nodes above it are pruned anyway
        for candidate in candidates_to_probe:
            probes = [
                self._probe(child, basis)
                for child in (candidate.lower_child, candidate.upper_child)
            ]
            gains = [objective - bound for objective, *_ in probes]
            pseudo_costs = self.pseudo_costs.setdefault(candidate.key, PseudoCosts())
            pseudo_costs.record(0, gains[0], candidate.fraction)
            pseudo_costs.record(1, gains[1], 1 - candidate.fraction)
            min_gain = 1e-6 * objective_unit
            max_gain = max(self.run.absolute_gap, min_gain)
            score = math.prod(max(min(gain, max_gain), min_gain) for gain in gains)
            if score > best_score or candidate is chosen:
                chosen, best_score = candidate, score
                child_proofs = [
                    (proven_bound, proof or leaf.proof)
                    if proven_bound > bound
                    else (bound, leaf.proof)
                    for _, proven_bound, proof in probes
                ]
        self.master.apply_bounds(leaf.variable_bounds, self.fixed_to_zero)
        self.master.simplex.set_basis(basis)
        return chosen, child_proofs

    def _probe(
        self, variable_bounds: VariableBounds, basis: object
    ) -> tuple[float, float, DualProof | None]:
        """Solve one child with a limited number of dual simplex iterations.

        Return the objective reached, the bound that is proven (minus infinity if none) and its dual
        proof.
        """
        simplex = self.master.simplex
        self.run.check_limits()
        self.master.apply_bounds(variable_bounds, self.fixed_to_zero)
        simplex.set_basis(basis)
        outcome = "infeasible" if self.master.is_empty else simplex.solve(PROBE_ITERATIONS)
        if outcome == "infeasible":
            return math.inf, math.inf, None
        if outcome == "cutoff":
            return self.run.cutoff, self.run.cutoff, self.master.dual_proof()
        if outcome == "optimal":
            return simplex.objective, simplex.objective, self.master.dual_proof()
        return simplex.objective, -math.inf, None


def _with_value_at(values: Integers, index: int, value: int) -> Integers:
    changed_values = values.copy()
    changed_values[index] = value
    return changed_values
