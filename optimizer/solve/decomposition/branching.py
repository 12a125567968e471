"""Which branches split a node of the search, and which of them is worth most.

Branches are chosen by what they gain, measured by a few dual simplex steps at first and by the
gains seen since, cuts included (Achterberg, Koch and Martin 2005).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.model.assumption_sets import Integers
from optimizer.model.instance import Floats
from optimizer.solve.decomposition.master_columns import VariableBounds
from optimizer.solve.decomposition.search_run import SearchRun
from optimizer.solve.decomposition.search_tree import DualProof, Leaf

RELIABLE_GAIN_COUNT = 3  # gains seen on both sides of a branch that tell enough of it
MAX_PROBED_BRANCHES = 8  # branches that are measured at a time
PROBE_ITERATIONS = 40  # steps of the dual simplex method that measure a branch


@dataclass(frozen=True)
class BranchCandidate:
    """A way to split a node: its two sides, and how far the solution is from each."""

    key: tuple[str, int]
    lower_side: VariableBounds
    upper_side: VariableBounds
    fraction: float


class NodeOrigin(NamedTuple):
    """Where a node comes from: the branch that split the one before, which of its two sides this
    is, how far the solution was from that side, and the bound there."""

    branch_key: tuple[str, int]
    side: int
    fraction: float
    bound: float


@dataclass(eq=False)
class PseudoCosts:
    """Gain of the bound per unit of fraction, seen on the two sides of a branch."""

    gain_sums: list[float] = field(default_factory=lambda: [0.0, 0.0])
    gain_counts: list[int] = field(default_factory=lambda: [0, 0])

    def record(self, side: int, gain: float, fraction: float) -> None:
        """Take note of a gain."""
        if math.isfinite(gain):
            self.gain_sums[side] += max(0.0, gain) / max(fraction, 1e-3)
            self.gain_counts[side] += 1

    def mean_gain(self, side: int, default: float) -> float:
        """Mean gain per unit."""
        return self.gain_sums[side] / self.gain_counts[side] if self.gain_counts[side] else default


class BranchSelector:
    """Chooses branches in a run; ``fixed`` are binaries that are out in all of them."""

    def __init__(self, run: SearchRun, fixed_to_zero: NDArray[np.bool_]) -> None:
        self.run, self.master, self.fixed_to_zero = run, run.master, fixed_to_zero
        self.pseudo_costs: dict[tuple[str, int], PseudoCosts] = {}

    def record_gain(self, origin: NodeOrigin | None, bound: float) -> None:
        """Take note of what a branch was worth once it was looked into."""
        if origin is not None:
            gains = self.pseudo_costs.setdefault(origin.branch_key, PseudoCosts())
            gains.record(origin.side, bound - origin.bound, origin.fraction)

    def candidates(self, variable_bounds: VariableBounds, x: Floats) -> list[BranchCandidate]:
        """All that a solution is in between, tickets only where no project is."""
        master = self.master
        branches = []
        for p, started in enumerate(master.cumulative_starts(x)):
            branches += self._project_candidates(variable_bounds, p, started)
        if branches:
            return branches
        taken = master.ticket_fractions(x)
        return [
            BranchCandidate(
                ("ticket", int(n)),
                replace(
                    variable_bounds, max_ticket=_with_value_at(variable_bounds.max_ticket, n, 0)
                ),
                replace(
                    variable_bounds, min_ticket=_with_value_at(variable_bounds.min_ticket, n, 1)
                ),
                float(taken[n]),
            )
            for n in master.fractional_tickets(x)
            if variable_bounds.min_ticket[n] < variable_bounds.max_ticket[n]
        ]

    def _project_candidates(
        self, variable_bounds: VariableBounds, p: int, started: Floats
    ) -> list[BranchCandidate]:
        """Ever or never, and by a year or later, where the solution is in between."""
        branches, ever, whole = [], float(started[-1]), self.master.integrality_tolerance
        first, last, must = (
            int(own[p])
            for own in (
                variable_bounds.first_start,
                variable_bounds.last_start,
                variable_bounds.must_start,
            )
        )
        if whole < ever < 1 - whole and not must:
            never, built = (
                variable_bounds.with_project_bounds(p, 1, 0, 0),
                variable_bounds.with_project_bounds(p, first, last, 1),
            )
            branches.append(BranchCandidate(("ever", p), never, built, ever))
        inside = np.arange(first, last)
        if ever > whole and len(inside):
            share = started[inside] / ever
            between = (share > whole) & (share < 1 - whole)
            if between.any():
                t = int(inside[between][np.argmin(np.abs(share[between] - 0.5))])
                later, by = (
                    variable_bounds.with_project_bounds(p, t + 1, last, must),
                    variable_bounds.with_project_bounds(p, first, t, 1),
                )
                branches.append(BranchCandidate(("by", p), later, by, float(started[t])))
        return branches

    def choose(
        self, bound: float, leaf: Leaf, candidates: list[BranchCandidate]
    ) -> tuple[BranchCandidate, list[tuple[float, DualProof | None]]]:
        """The branch of greatest gain, and the bounds of its sides with what proves them."""
        known = [g for g in self.pseudo_costs.values() if min(g.gain_counts)]
        unit = self.master.objective_unit
        usual = [
            float(np.mean([g.mean_gain(s, unit) for g in known])) if known else unit for s in (0, 1)
        ]

        def guess(branch: BranchCandidate) -> float:
            own = self.pseudo_costs.get(branch.key, PseudoCosts())
            down = own.mean_gain(0, usual[0]) * branch.fraction
            up = own.mean_gain(1, usual[1]) * (1 - branch.fraction)
            return max(down, 1e-6 * unit) * max(up, 1e-6 * unit)

        ranked = sorted(candidates, key=guess, reverse=True)
        chosen, best, sides = ranked[0], guess(ranked[0]), [(bound, leaf.proof)] * 2
        seldom = [
            b
            for b in ranked
            if min(self.pseudo_costs.get(b.key, PseudoCosts()).gain_counts) < RELIABLE_GAIN_COUNT
        ]
        unsure = seldom[:MAX_PROBED_BRANCHES]
        if not unsure:
            return chosen, sides
        basis = self.master.simplex.basis()
        self.master.simplex.set_cutoff(self.run.cutoff)  # plans were tried below that
        for branch in unsure:
            probes = [self._probe(side, basis) for side in (branch.lower_side, branch.upper_side)]
            gains = [value - bound for value, *_ in probes]
            own = self.pseudo_costs.setdefault(branch.key, PseudoCosts())
            own.record(0, gains[0], branch.fraction)
            own.record(1, gains[1], 1 - branch.fraction)
            least = 1e-6 * unit
            limit = max(self.run.absolute_gap, least)
            score = math.prod(max(min(gain, limit), least) for gain in gains)
            if score > best or branch is chosen:
                chosen, best = branch, score
                sides = [
                    (proven, proof or leaf.proof) if proven > bound else (bound, leaf.proof)
                    for _, proven, proof in probes
                ]
        self.master.apply_bounds(leaf.variable_bounds, self.fixed_to_zero)
        self.master.simplex.set_basis(basis)
        return chosen, sides

    def _probe(
        self, variable_bounds: VariableBounds, basis: object
    ) -> tuple[float, float, DualProof | None]:
        """The objective of a side after a few steps of the dual simplex method, what of it is
        proven, and by what."""
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
    changed = values.copy()
    changed[index] = value
    return changed
