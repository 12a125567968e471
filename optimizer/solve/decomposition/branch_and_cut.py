"""Branch and cut, and the candidates by which a node can be split.

Reliability branching (Achterberg, Koch and Martin 2005): the gain in the bound is first measured by
a few dual simplex iterations, and later predicted from observed gains, which include those from
cuts.

The linear program of each node starts from the basis of the previous one. Its solution is
evaluated, and the cuts found are valid in the whole tree. The next node is the one with the best
bound, or a child of the present node while the child's bound is close to the best.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.model.decision_tree import Integers
from optimizer.model.instance import Floats
from optimizer.solve.decomposition.heuristics import MAX_FINAL_ROUNDS, Heuristics
from optimizer.solve.decomposition.master_model import DualProof, VariableBounds
from optimizer.solve.decomposition.search_run import SearchRun
from optimizer.solve.decomposition.search_tree import Leaf, ProofEvaluator, SearchFrontier

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


NODE_ACCURACY = 0.15  # cut error accepted in a node, as a share of the remaining gap
ROOT_ACCURACY = 1.0  # accuracy of the root relaxation, as a share of the requested gap
ROOT_STALL_SHARE = 0.3  # smallest progress of five root rounds, as a share of the requested gap
UNEVALUATED_SHARE = 0.7  # part of a node's cut error that may lie in chains not evaluated
MAX_NODE_ROUNDS = 6  # rounds of cuts in a node with a fractional solution


OpenNode = tuple[float, Leaf, NodeOrigin | None]
"""An open node: its bound, the leaf, and the split that created it, if any."""


class BranchAndCut:
    """Branch-and-cut search of one run, with its tree."""

    def __init__(self, run: SearchRun) -> None:
        self.run, self.master = run, run.master
        self.fixed_to_zero = np.zeros(len(run.master.binary_columns), dtype=bool)
        self.heuristics = Heuristics(run, self.fixed_to_zero)
        self.branch_selector = BranchSelector(run, self.fixed_to_zero)
        self._open_nodes: list[tuple[float, int, Leaf, NodeOrigin | None]] = []
        self._closed_leaves: list[Leaf] = []  # pruned nodes
        self._closed_bound = math.inf
        self._inherited_bound = -math.inf  # bound proven by the leaves of an earlier tree
        self._push_count = 0
        # Bound and reduced costs of the binaries, for each root relaxation.
        self._root_reduced_costs: list[tuple[float, Floats]] = []
        self._last_proof: DualProof | None = None  # of the latest linear program
        self._root_proofs: list[DualProof] = []  # proofs of root relaxations, the latest first
        self._fixed_at_objective = math.inf

    @property
    def frontier(self) -> SearchFrontier | None:
        """All leaves of the present tree; None before the tree is started."""
        leaves = (*self._closed_leaves, *(leaf for _, _, leaf, _ in self._open_nodes))
        root_proofs, cut_oracle = tuple(self._root_proofs[:MAX_ROOT_PROOFS]), self.run.cut_oracle
        validity = cut_oracle.recourse_hash, cut_oracle.cvar_level
        return (
            SearchFrontier(
                leaves, root_proofs, self.master.layout, *validity, self.master.program.cost
            )
            if leaves
            else None
        )

    def close_gap(self) -> None:
        """Search until the gap is closed.

        Raise SearchStopped at a limit. The run then holds the best plan and the bound found so far.
        """
        run = self.run
        if run.earlier_frontiers:
            try:
                self._resume_tree(run.earlier_frontiers)
            finally:  # report the bound of the earlier tree even if the search is stopped
                run.raise_lower_bound(
                    min(self._inherited_bound, self._closed_bound, run.best_objective)
                )
        if not run.earlier_frontiers and not self._start_tree():
            return
        next_node: OpenNode | None = None
        while next_node is not None or self._open_nodes:
            if next_node is None:
                bound, _, leaf, origin = heapq.heappop(self._open_nodes)
            else:
                bound, leaf, origin = next_node
                next_node = None
            lowest_open = self._open_nodes[0][0] if self._open_nodes else math.inf
            run.raise_lower_bound(min(bound, lowest_open, self._closed_bound))
            if run.is_done:
                self._push_node(bound, leaf, origin)
                return
            if bound >= run.cutoff:
                self._close_leaf(bound, leaf)
                continue
            try:
                next_node = self._process_node(bound, leaf, origin)
            except BaseException:
                self._push_node(bound, leaf, origin)
                raise
        run.raise_lower_bound(min(self._closed_bound, run.best_objective))

    def _push_node(self, bound: float, leaf: Leaf, origin: NodeOrigin | None = None) -> None:
        self._push_count += 1
        heapq.heappush(self._open_nodes, (bound, self._push_count, leaf, origin))

    def _close_leaf(self, bound: float, leaf: Leaf) -> None:
        """Record that a leaf is pruned, and the bound at which it was pruned."""
        self._closed_bound = min(self._closed_bound, bound)
        self._closed_leaves.append(leaf)

    # The root

    def _start_tree(self) -> bool:
        """Solve the root relaxation and find first plans. Return whether nodes remain to be
        searched."""
        run, master = self.run, self.master
        root_bounds = master.root_bounds()
        self.heuristics.offer_known_plans()
        if run.target_objective > -math.inf:
            self.heuristics.polish_best_hint(run.start_hints)
            if run.best_objective <= run.target_objective:
                return False
        master.apply_bounds(root_bounds)
        bound, x, _ = run.tighten_relaxation(
            ROOT_ACCURACY * run.target_gap,
            cutoff=run.cutoff,
            min_progress=ROOT_STALL_SHARE * run.target_gap,
        )
        if not math.isfinite(bound):
            run.mark_infeasible()
            return False
        run.raise_lower_bound(bound)
        if run.lower_bound >= run.cutoff:
            self._closed_leaves.append(Leaf(root_bounds, master.dual_proof()))
            return False
        self._record_root()
        if x is not None:
            self._find_first_plans(root_bounds, master.simplex.values())
        self._push_node(
            bound, Leaf(root_bounds, self._root_proofs[0] if self._root_proofs else None)
        )
        return True

    def _record_root(self) -> bool:
        """Record the objective, the reduced costs and the dual proof of the root relaxation. Return
        whether it was solved to optimality."""
        simplex = self.master.simplex
        if simplex.solve() != "optimal":
            return False
        self._root_reduced_costs.append(
            (simplex.objective, simplex.reduced_costs()[self.master.binary_columns])
        )
        proof = self.master.dual_proof()
        self._root_proofs[:0] = [] if proof is None else [proof]
        return True

    def _resume_tree(self, earlier_frontiers: Sequence[SearchFrontier]) -> None:
        """Continue from the leaves of an earlier tree.

        Plans of earlier problems are tried first. Leaves are closed if their dual proofs show that
        they contain no better plan. Of several trees, the one with the fewest leaves still open is
        used. If the proofs of its leaves close too little of the root's gap although costs are
        unchanged, ``run.earlier_frontiers`` is emptied, and a new tree is to be started.
        """
        run, master = self.run, self.master
        self.heuristics.offer_known_plans()
        root_bounds = master.root_bounds()
        root_proofs = list(
            {
                id(proof): proof for frontier in earlier_frontiers for proof in frontier.root_proofs
            }.values()
        )
        if root_proofs:
            prover = ProofEvaluator(master, root_proofs)
            proven_bounds = prover.leaf_bounds(
                [Leaf(root_bounds, proof) for proof in root_proofs], self.fixed_to_zero
            )
            self._root_reduced_costs += zip(
                proven_bounds.tolist(), prover.binary_reduced_costs, strict=True
            )
        self._fix_by_reduced_cost()
        fewest_leaves = math.inf
        frontier = earlier_frontiers[0]
        prover = ProofEvaluator(master, ())
        bounds = np.zeros(0)
        for candidate in earlier_frontiers:
            proofs = {
                id(leaf.proof): leaf.proof for leaf in candidate.leaves if leaf.proof is not None
            }
            candidate_prover = ProofEvaluator(master, list(proofs.values()))
            candidate_bounds = candidate_prover.leaf_bounds(candidate.leaves, self.fixed_to_zero)
            open_count = int((candidate_bounds < run.closing_bound).sum())
            if open_count < fewest_leaves:
                fewest_leaves = open_count
                frontier = candidate
                prover = candidate_prover
                bounds = candidate_bounds
            if not open_count:
                break
        self._root_proofs = list(frontier.root_proofs)
        self._inherited_bound = float(bounds.min())
        root_bound = -math.inf
        if bounds.min() < run.closing_bound and (
            self.heuristics.refinance_last_plan()
            or self.heuristics.polish_best_hint(run.start_hints[:MAX_FIRST_HINTS])
        ):
            self._fix_by_reduced_cost()
            bounds = prover.leaf_bounds(frontier.leaves, self.fixed_to_zero)
        if bounds.min() < run.closing_bound:
            if not math.isfinite(run.best_objective) and run.start_hints:
                self.heuristics.dive_within_hint(run.start_hints[0])
            master.apply_bounds(root_bounds)
            master.simplex.set_cutoff(math.inf)
            if run.solve_relaxation() == "optimal" and self._record_root() and self._root_proofs:
                if not math.isfinite(run.best_objective):
                    self.heuristics.dive(root_bounds)
                root_bound = self._root_reduced_costs[-1][0]
                self._fixed_at_objective = math.inf
                self._fix_by_reduced_cost()
                leaves_with_root_proof = [
                    Leaf(leaf.variable_bounds, self._root_proofs[0]) for leaf in frontier.leaves
                ]
                bounds = np.maximum(
                    prover.leaf_bounds(frontier.leaves, self.fixed_to_zero),
                    ProofEvaluator(master, self._root_proofs[:1]).leaf_bounds(
                        leaves_with_root_proof, self.fixed_to_zero
                    ),
                )
            elif master.is_empty or master.simplex.solve() == "infeasible":
                run.mark_infeasible()
                bounds[:] = math.inf
        root_gap = run.closing_bound - root_bound
        if (
            math.isfinite(root_gap)
            and np.array_equal(frontier.cost, master.program.cost)
            and np.maximum(run.closing_bound - bounds, 0.0).mean() > MAX_OPEN_SHARE * root_gap
        ):
            run.earlier_frontiers = []
            return
        for bound, leaf in zip(bounds.tolist(), frontier.leaves, strict=True):
            if bound >= run.closing_bound:
                self._close_leaf(bound, leaf)
            else:
                self._push_node(bound, leaf)

    def _find_first_plans(self, root_bounds: VariableBounds, x: Floats) -> None:
        """Find first plans by heuristics, and fix binaries to zero by reduced cost."""
        run = self.run
        self.heuristics.polish_best_hint(run.start_hints)
        self._fix_by_reduced_cost()
        if run.start_hints and run.absolute_gap <= GOOD_HINT_GAP * run.gap_denominator(
            run.best_objective
        ):
            return
        self.heuristics.dive(root_bounds)
        for threshold in (0.5, 0.35, 0.7):
            if not run.is_done:
                self.heuristics.round_starts(x, threshold)
        self._fix_by_reduced_cost()
        if not run.is_done:
            self.heuristics.dive_near_best(x)
            self.heuristics.local_search(self._trial_count())
            self._fix_by_reduced_cost()

    def _trial_count(self) -> int:
        """Return the number of neighboring plans that local search tries, which grows with the
        gap."""
        return int(
            np.clip(
                TRIALS_PER_GAP * self.run.relative_gap / self.run.target_gap, *TRIAL_COUNT_RANGE
            )
        )

    def _fix_by_reduced_cost(self) -> None:
        """Fix binaries to zero if their reduced costs show that no plan in which they are 1 is
        better than the cutoff."""
        if not self._root_reduced_costs or self.run.best_objective >= self._fixed_at_objective:
            return
        self._fixed_at_objective = self.run.best_objective
        # Reduced costs apply to leaving 0, so binaries fixed at 1 are excluded.
        is_free = self.master.program.lower[self.master.binary_columns] == 0
        bound_if_set = np.max([bound + costs for bound, costs in self._root_reduced_costs], axis=0)
        ruled_out = is_free & (bound_if_set > self.run.cutoff)
        if (ruled_out & ~self.fixed_to_zero).any():
            # What was cut off is only known to be above the cutoff.
            self._closed_bound = min(self._closed_bound, self.run.cutoff)
        self.fixed_to_zero |= ruled_out

    # A node

    def _process_node(self, bound: float, leaf: Leaf, origin: NodeOrigin | None) -> OpenNode | None:
        """Solve a node with cuts, then prune it or branch. Return the child to continue with, or
        None."""
        run = self.run
        master = self.master
        simplex = self.master.simplex
        variable_bounds = leaf.variable_bounds
        self._fix_by_reduced_cost()
        if leaf.proof is not None and leaf.proof is not self._last_proof:
            master.restore_basis(leaf.proof)
        master.apply_bounds(variable_bounds, self.fixed_to_zero)
        run.enter_node()
        rounds = 0
        while True:
            simplex.set_cutoff(run.cutoff)
            outcome = run.solve_relaxation()
            if outcome == "infeasible":
                self._closed_leaves.append(leaf)
                return None
            self._last_proof = master.dual_proof()
            leaf = Leaf(variable_bounds, self._last_proof or leaf.proof)
            if outcome == "cutoff" or simplex.objective >= run.cutoff:
                self.branch_selector.record_gain(origin, run.cutoff)
                self._close_leaf(max(bound, run.cutoff), leaf)
                return None
            bound = max(bound, simplex.objective)
            x = simplex.values()
            candidates = self.branch_selector.candidates(variable_bounds, x)
            rounds += 1
            if not candidates:
                oracle_result = run.cut_oracle(master.recourse_points(x))
                error = run.objective_at(x, oracle_result) - simplex.objective
                if self._polish_integral_solution(
                    variable_bounds, x
                ) or error > 0.1 * run.target_gap * run.gap_denominator(run.best_objective):
                    master.add_violated_cuts(oracle_result.cuts, x, 1e-9)
                    master.apply_bounds(variable_bounds, self.fixed_to_zero)
                    if rounds < MAX_FINAL_ROUNDS:
                        continue
                self._close_leaf(bound, leaf)
                return None
            tolerance = NODE_ACCURACY * run.remaining_gap(bound)
            error, added_count = run.add_cuts_at_solution(x, UNEVALUATED_SHARE * tolerance, 1e-7)
            if error <= tolerance or rounds > MAX_NODE_ROUNDS or not added_count:
                break
        self.branch_selector.record_gain(origin, bound)
        master.age_rows()
        if run.node_count % 20 == 0:
            master.remove_old_rows(30)
        if self._run_heuristics(variable_bounds, x) and self._last_proof is not None:
            master.restore_basis(self._last_proof)
        if bound >= run.cutoff:
            self._close_leaf(bound, leaf)
            return None
        return self._branch(bound, leaf, candidates)

    def _polish_integral_solution(self, variable_bounds: VariableBounds, x: Floats) -> bool:
        """Fix the starts and tickets of an integral solution and optimize all other decisions.
        Return whether a better plan was found."""
        start_indices = self.heuristics.start_indices(x)
        if self.master.simplex.uses_exact_tolerances:
            # A start below the usual threshold may matter for a very large project.
            tiny_start_indices = self.heuristics.start_indices(x, min_share=MIN_START_SHARE)
            if (tiny_start_indices != start_indices).any():
                self.heuristics.polish(
                    self.master.bounds_fixed_at(tiny_start_indices, x), to_optimality=True
                )
        return self.heuristics.polish(
            self.master.bounds_fixed_at(start_indices, x), to_optimality=True
        )

    def _run_heuristics(self, variable_bounds: VariableBounds, x: Floats) -> bool:
        """Run the heuristics if enough nodes have been processed since their last run. Return
        whether any ran.

        The projects of the best plans often appear for the first time in solutions far from the
        root.
        """
        run, node_count = self.run, self.run.node_count
        runs_all = node_count % (
            NODES_PER_HEURISTIC_RESUMED if run.earlier_frontiers else NODES_PER_HEURISTIC
        ) == 0 or math.isinf(run.best_objective)
        if not runs_all and (run.earlier_frontiers or node_count % NODES_PER_ROUNDING):
            return False
        self.heuristics.round_starts(x, 0.2 + 0.6 * ((node_count * 0.618) % 1.0))
        if runs_all:
            if math.isinf(run.best_objective) or node_count % 100 == 0:
                self.heuristics.dive(variable_bounds)
            self.heuristics.dive_near_best(x)
            self.heuristics.local_search(self._trial_count())
        return True

    def _branch(
        self, bound: float, leaf: Leaf, candidates: list[BranchCandidate]
    ) -> OpenNode | None:
        """Split a node by the best candidate. Return the child to continue with, or None; the other
        child is queued if it is open."""
        run = self.run
        chosen, proofs = self.branch_selector.choose(bound, leaf, candidates)
        child_bounds = (chosen.lower_child, chosen.upper_child)
        distances = (chosen.fraction, 1 - chosen.fraction)
        children = [
            (
                child_bound,
                Leaf(child_bounds[n], proof),
                NodeOrigin(chosen.key, n, distances[n], bound),
            )
            for n, (child_bound, proof) in enumerate(proofs)
        ]
        preferred_child = 1 if chosen.fraction > 0.5 else 0
        open_children = []
        for child in (1 - preferred_child, preferred_child):
            if children[child][0] >= run.cutoff:
                self._close_leaf(max(bound, run.cutoff), children[child][1])
            else:
                open_children.append(children[child])
        for open_node in open_children[:-1]:
            self._push_node(*open_node)
        if not open_children:
            return None
        relative_distance = 0.0
        if run.absolute_gap < math.inf:
            relative_distance = (bound - run.lower_bound) / max(
                run.absolute_gap, 1e-9 * self.master.objective_unit
            )
        if relative_distance < DIVE_GAP_SHARE:
            return open_children[-1]
        self._push_node(*open_children[-1])
        return None


MIN_START_SHARE = 1e-13  # smaller starts are rounding errors under exact tolerances
TRIALS_PER_GAP = 10  # trials of a local search per multiple of the requested gap
TRIAL_COUNT_RANGE = (30, 180)  # smallest and largest number of trials of a local search
MAX_ROOT_PROOFS = 4  # root proofs that are kept for the next search
# Nodes between heuristics, in a new and in a resumed tree.
NODES_PER_HEURISTIC, NODES_PER_HEURISTIC_RESUMED = (25, 50)
NODES_PER_ROUNDING = 4  # nodes between roundings
# Share of the root's gap that the proofs of earlier leaves may leave open on average. Above it, a
# new tree, which starts from the same cuts and plans, takes fewer nodes. If costs have changed, the
# share says little: a small change of the cost of a wide column weakens all proofs.
MAX_OPEN_SHARE = 0.5
MAX_FIRST_HINTS = 2  # plans of earlier problems that are polished first
GOOD_HINT_GAP = 0.02  # relative gap at which the polished hint suffices as first plan
DIVE_GAP_SHARE = 0.3  # a child whose bound is within this share of the gap is processed next
