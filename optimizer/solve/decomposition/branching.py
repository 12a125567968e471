"""Candidate branches of a node, and the choice of one of them.

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

RELIABLE_GAIN_COUNT = 3  # observed gains on both sides that make a prediction reliable
MAX_PROBED_BRANCHES = 8  # candidates that are probed at a node
PROBE_ITERATIONS = 40  # dual simplex iterations of a probe


@dataclass(frozen=True)
class BranchCandidate:
    """Split of a node into two sides.

    It holds the variable bounds of each side, and in ``fraction`` the distance of the relaxed
    solution from the lower side, between 0 (on the lower side) and 1 (on the upper side).
    """

    key: tuple[str, int]
    lower_side: VariableBounds
    upper_side: VariableBounds
    fraction: float


class NodeOrigin(NamedTuple):
    """Split that created a node: the key of the branch, the side on which the node lies, the
    distance of the relaxed solution from that side, and the bound before the split."""

    branch_key: tuple[str, int]
    side: int
    fraction: float
    bound: float


@dataclass(eq=False)
class PseudoCosts:
    """Observed gains in the bound on both sides of one branch, per unit of the distance of the
    relaxed solution from the side."""

    gain_sums: list[float] = field(default_factory=lambda: [0.0, 0.0])
    gain_counts: list[int] = field(default_factory=lambda: [0, 0])

    def record(self, side: int, gain: float, fraction: float) -> None:
        """Record the gain in the bound that was observed on one side."""
        if math.isfinite(gain):
            self.gain_sums[side] += max(0.0, gain) / max(fraction, 1e-3)
            self.gain_counts[side] += 1

    def mean_gain(self, side: int, default: float) -> float:
        """Return the mean observed gain per unit of distance on one side, or ``default`` if there
        are no observations."""
        return self.gain_sums[side] / self.gain_counts[side] if self.gain_counts[side] else default


class BranchSelector:
    """Selection of the branch at each node of a run.

    ``fixed_to_zero`` marks binaries that are zero in all branches.
    """

    def __init__(self, run: SearchRun, fixed_to_zero: NDArray[np.bool_]) -> None:
        self.run, self.master, self.fixed_to_zero = run, run.master, fixed_to_zero
        self.pseudo_costs: dict[tuple[str, int], PseudoCosts] = {}

    def record_gain(self, origin: NodeOrigin | None, bound: float) -> None:
        """Record how much the bound rose from the parent node to a node."""
        if origin is not None:
            pseudo_costs = self.pseudo_costs.setdefault(origin.branch_key, PseudoCosts())
            pseudo_costs.record(origin.side, bound - origin.bound, origin.fraction)

    def candidates(self, variable_bounds: VariableBounds, x: Floats) -> list[BranchCandidate]:
        """Return all candidate branches at a fractional solution. Tickets are candidates only if no
        project is fractional."""
        master = self.master
        branches = []
        for p, started in enumerate(master.cumulative_starts(x)):
            branches += self._project_candidates(variable_bounds, p, started)
        if branches:
            return branches
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
        """Return the candidate branches of one project: it is started or never started, and it is
        started by a certain year or later."""
        branches, start_share, tolerance = (
            [],
            float(cumulative_starts[-1]),
            self.master.integrality_tolerance,
        )
        first_start, last_start, must_start = (
            int(bound_array[p])
            for bound_array in (
                variable_bounds.first_start,
                variable_bounds.last_start,
                variable_bounds.must_start,
            )
        )
        if tolerance < start_share < 1 - tolerance and not must_start:
            never_side = variable_bounds.with_project_bounds(p, 1, 0, 0)
            built_side = variable_bounds.with_project_bounds(p, first_start, last_start, 1)
            branches.append(BranchCandidate(("ever", p), never_side, built_side, start_share))
        inner_years = np.arange(first_start, last_start)
        if start_share > tolerance and len(inner_years):
            conditional_share = cumulative_starts[inner_years] / start_share
            is_fractional = (conditional_share > tolerance) & (conditional_share < 1 - tolerance)
            if is_fractional.any():
                t = int(
                    inner_years[is_fractional][
                        np.argmin(np.abs(conditional_share[is_fractional] - 0.5))
                    ]
                )
                later_side = variable_bounds.with_project_bounds(p, t + 1, last_start, must_start)
                by_side = variable_bounds.with_project_bounds(p, first_start, t, 1)
                branches.append(
                    BranchCandidate(("by", p), later_side, by_side, float(cumulative_starts[t]))
                )
        return branches

    def choose(
        self, bound: float, leaf: Leaf, candidates: list[BranchCandidate]
    ) -> tuple[BranchCandidate, list[tuple[float, DualProof | None]]]:
        """Return the branch with the best score, and for each of its two sides the bound and its
        dual proof."""
        observed_costs = [costs for costs in self.pseudo_costs.values() if min(costs.gain_counts)]
        objective_unit = self.master.objective_unit
        default_gains = [
            float(np.mean([costs.mean_gain(s, objective_unit) for costs in observed_costs]))
            if observed_costs
            else objective_unit
            for s in (0, 1)
        ]

        def estimated_score(branch: BranchCandidate) -> float:
            pseudo_costs = self.pseudo_costs.get(branch.key, PseudoCosts())
            gain_below = pseudo_costs.mean_gain(0, default_gains[0]) * branch.fraction
            gain_above = pseudo_costs.mean_gain(1, default_gains[1]) * (1 - branch.fraction)
            return max(gain_below, 1e-6 * objective_unit) * max(gain_above, 1e-6 * objective_unit)

        ranked_branches = sorted(candidates, key=estimated_score, reverse=True)
        chosen_branch, best_score, sides = (
            ranked_branches[0],
            estimated_score(ranked_branches[0]),
            [(bound, leaf.proof)] * 2,
        )
        unreliable_branches = [
            candidate
            for candidate in ranked_branches
            if min(self.pseudo_costs.get(candidate.key, PseudoCosts()).gain_counts)
            < RELIABLE_GAIN_COUNT
        ]
        branches_to_probe = unreliable_branches[:MAX_PROBED_BRANCHES]
        if not branches_to_probe:
            return chosen_branch, sides
        basis = self.master.simplex.basis()
        self.master.simplex.set_cutoff(self.run.cutoff)  # nodes above it are pruned anyway
        for branch in branches_to_probe:
            probes = [self._probe(side, basis) for side in (branch.lower_side, branch.upper_side)]
            gains = [value - bound for value, *_ in probes]
            pseudo_costs = self.pseudo_costs.setdefault(branch.key, PseudoCosts())
            pseudo_costs.record(0, gains[0], branch.fraction)
            pseudo_costs.record(1, gains[1], 1 - branch.fraction)
            min_gain = 1e-6 * objective_unit
            max_gain = max(self.run.absolute_gap, min_gain)
            score = math.prod(max(min(gain, max_gain), min_gain) for gain in gains)
            if score > best_score or branch is chosen_branch:
                chosen_branch, best_score = branch, score
                sides = [
                    (proven_bound, proof or leaf.proof)
                    if proven_bound > bound
                    else (bound, leaf.proof)
                    for _, proven_bound, proof in probes
                ]
        self.master.apply_bounds(leaf.variable_bounds, self.fixed_to_zero)
        self.master.simplex.set_basis(basis)
        return chosen_branch, sides

    def _probe(
        self, variable_bounds: VariableBounds, basis: object
    ) -> tuple[float, float, DualProof | None]:
        """Solve one side with a limited number of dual simplex iterations.

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
