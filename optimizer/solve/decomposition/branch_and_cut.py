"""Branch and cut over "project p is started by year t".

Every node is a linear program that the last one's basis starts; its solution is swept, and what
the sweep proves is cut off for the whole tree. Nodes are taken by bound, and dived into where the
bound allows.
"""

import heapq
import math
from collections.abc import Sequence

import numpy as np

from optimizer.model.instance import Floats
from optimizer.solve.decomposition.branching import BranchCandidate, BranchSelector, NodeOrigin
from optimizer.solve.decomposition.heuristics import MAX_FINAL_ROUNDS, Heuristics
from optimizer.solve.decomposition.master_columns import VariableBounds
from optimizer.solve.decomposition.search_run import SearchRun
from optimizer.solve.decomposition.search_tree import (
    DualProof,
    Leaf,
    ProofEvaluator,
    SearchFrontier,
)

NODE_ACCURACY = 0.15  # recourse of a node is known to this share of the gap that is left
ROOT_ACCURACY = 1.0  # share of the gap asked for to which the root's relaxation is closed in on
ROOT_STALL_SHARE = (
    0.3  # share of the gap asked for below which five rounds at the root are not worth it
)
UNEVALUATED_SHARE = 0.7  # share of that which may be lacking in materials that are not swept
MAX_NODE_ROUNDS = 6  # rounds of cuts in a node whose solution is fractional


OpenNode = tuple[float, Leaf, NodeOrigin | None]
"""A branch that is open, what is proven of it, and the split that it comes from, if any."""


class BranchAndCut:
    """The tree."""

    def __init__(self, run: SearchRun) -> None:
        self.run, self.master = run, run.master
        self.fixed_to_zero = np.zeros(len(run.master.binary_columns), dtype=bool)
        self.heuristics = Heuristics(run, self.fixed_to_zero)
        self.branch_selector = BranchSelector(run, self.fixed_to_zero)
        self._open_nodes: list[tuple[float, int, Leaf, NodeOrigin | None]] = []
        self._closed_leaves: list[Leaf] = []  # what need not be looked into further
        self._closed_bound = math.inf
        self._inherited_bound = -math.inf  # what the leaves of the last tree prove of this problem
        self._push_count = 0
        # Of relaxations of the whole, a bound and what it would lose by each binary.
        self._root_reduced_costs: list[tuple[float, Floats]] = []
        self._last_proof: DualProof | None = None  # of the last program
        self._root_proofs: list[DualProof] = []  # what proves it, the last one first
        self._fixed_at_objective = math.inf

    @property
    def frontier(self) -> SearchFrontier | None:
        """The leaves of the tree as it is now; None where it has not begun to grow."""
        leaves = (*self._closed_leaves, *(leaf for _, _, leaf, _ in self._open_nodes))
        whole, appraise = tuple(self._root_proofs[:MAX_ROOT_PROOFS]), self.run.cut_oracle
        holds = appraise.recourse_hash, appraise.cvar_level
        return SearchFrontier(leaves, whole, self.master.layout, *holds) if leaves else None

    def close_gap(self) -> None:
        """Close the gap; Stopped at a limit, the run holding the best plan and the bound."""
        run = self.run
        if run.earlier_frontiers:
            try:
                self._resume_tree(run.earlier_frontiers)
            finally:  # who stops it is told what the last tree proves, of what was not ruled out
                run.raise_lower_bound(
                    min(self._inherited_bound, self._closed_bound, run.best_objective)
                )
        elif not self._start_tree():
            return
        dive: OpenNode | None = None
        while dive is not None or self._open_nodes:
            if dive is None:
                bound, _, leaf, side = heapq.heappop(self._open_nodes)
            else:
                bound, leaf, side = dive
                dive = None
            nearest = self._open_nodes[0][0] if self._open_nodes else math.inf
            run.raise_lower_bound(min(bound, nearest, self._closed_bound))
            if run.is_done:
                self._push_node(bound, leaf, side)
                return
            if bound >= run.cutoff:
                self._close_leaf(bound, leaf)
                continue
            try:
                dive = self._process_node(bound, leaf, side)
            except BaseException:
                self._push_node(bound, leaf, side)
                raise
        run.raise_lower_bound(min(self._closed_bound, run.best_objective))

    def _push_node(self, bound: float, leaf: Leaf, origin: NodeOrigin | None = None) -> None:
        self._push_count += 1
        heapq.heappush(self._open_nodes, (bound, self._push_count, leaf, origin))

    def _close_leaf(self, bound: float, leaf: Leaf) -> None:
        """Leave a branch that holds nothing below a bound."""
        self._closed_bound = min(self._closed_bound, bound)
        self._closed_leaves.append(leaf)

    # The root

    def _start_tree(self) -> bool:
        """The first node, first plans; whether there is anything left to look into."""
        run, master = self.run, self.master
        everything = master.root_bounds()
        self.heuristics.offer_known_plans()
        if run.target_objective > -math.inf:
            self.heuristics.polish_best_hint(run.start_hints)
            if run.best_objective <= run.target_objective:
                return False
        master.apply_bounds(everything)
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
            self._closed_leaves.append(Leaf(everything, master.dual_proof()))
            return False
        self._record_root()
        if x is not None:
            self._find_first_plans(everything, master.simplex.values())
        self._push_node(
            bound, Leaf(everything, self._root_proofs[0] if self._root_proofs else None)
        )
        return True

    def _record_root(self) -> bool:
        """What the relaxation of the whole would lose by each binary that it leaves at 0."""
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
        """Go on where the tree of a problem much like this one ended: first plans that were good
        there, then the leaves of which it is not proven that they hold nothing better. Of several
        trees that is taken which leaves the fewest of them."""
        run, master = self.run, self.master
        self.heuristics.offer_known_plans()
        everything = master.root_bounds()
        whole = list(
            {id(own): own for last in earlier_frontiers for own in last.root_proofs}.values()
        )
        if whole:
            prover = ProofEvaluator(master, whole)
            known = prover.leaf_bounds([Leaf(everything, own) for own in whole], self.fixed_to_zero)
            self._root_reduced_costs += zip(
                known.tolist(), prover.binary_reduced_costs, strict=True
            )
        self._fix_by_reduced_cost()
        fewest, last, prover, bounds = (
            math.inf,
            earlier_frontiers[0],
            ProofEvaluator(master, ()),
            np.zeros(0),
        )
        for own in earlier_frontiers:
            proofs = {id(leaf.proof): leaf.proof for leaf in own.leaves if leaf.proof is not None}
            of_own = ProofEvaluator(master, list(proofs.values()))
            found = of_own.leaf_bounds(own.leaves, self.fixed_to_zero)
            still_open = int((found < run.closing_bound).sum())
            if still_open < fewest:
                fewest, last, prover, bounds = still_open, own, of_own, found
            if not still_open:
                break
        self._root_proofs = list(last.root_proofs)
        self._inherited_bound = float(bounds.min())
        if bounds.min() < run.closing_bound and (
            self.heuristics.refinance_last_plan()
            or self.heuristics.polish_best_hint(run.start_hints[:MAX_FIRST_HINTS])
        ):
            self._fix_by_reduced_cost()
            bounds = prover.leaf_bounds(last.leaves, self.fixed_to_zero)
        if bounds.min() < run.closing_bound:
            if not math.isfinite(run.best_objective) and run.start_hints:
                self.heuristics.dive_within_hint(run.start_hints[0])
            master.apply_bounds(everything)
            master.simplex.set_cutoff(math.inf)
            if run.solve_relaxation() == "optimal" and self._record_root() and self._root_proofs:
                if not math.isfinite(run.best_objective):
                    self.heuristics.dive(everything)
                self._fixed_at_objective = math.inf
                self._fix_by_reduced_cost()
                by_whole = [
                    Leaf(leaf.variable_bounds, self._root_proofs[0]) for leaf in last.leaves
                ]
                bounds = np.maximum(
                    prover.leaf_bounds(last.leaves, self.fixed_to_zero),
                    ProofEvaluator(master, self._root_proofs[:1]).leaf_bounds(
                        by_whole, self.fixed_to_zero
                    ),
                )
            elif master.is_empty or master.simplex.solve() == "infeasible":
                run.mark_infeasible()
                bounds[:] = math.inf
        for bound, leaf in zip(bounds.tolist(), last.leaves, strict=True):
            if bound >= run.closing_bound:
                self._close_leaf(bound, leaf)
            else:
                self._push_node(bound, leaf)

    def _find_first_plans(self, root_bounds: VariableBounds, x: Floats) -> None:
        """First plans, and what they rule out."""
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
        """Neighbours to try: many while the plan is far from the bound, few near it."""
        return int(
            np.clip(
                TRIALS_PER_GAP * self.run.relative_gap / self.run.target_gap, *TRIAL_COUNT_RANGE
            )
        )

    def _fix_by_reduced_cost(self) -> None:
        """Rule out binaries that cost more than the gap (reduced cost fixing)."""
        if not self._root_reduced_costs or self.run.best_objective >= self._fixed_at_objective:
            return
        self._fixed_at_objective = self.run.best_objective
        # A cost is that of leaving 0: it says nothing of what must be 1.
        free = self.master.program.lower[self.master.binary_columns] == 0
        lost = np.max([objective + costs for objective, costs in self._root_reduced_costs], axis=0)
        ruled_out = free & (lost > self.run.cutoff)
        if (ruled_out & ~self.fixed_to_zero).any():
            # Plans through these are known to be worse than the cutoff, and no more than that.
            self._closed_bound = min(self._closed_bound, self.run.cutoff)
        self.fixed_to_zero |= ruled_out

    # A node

    def _process_node(self, bound: float, leaf: Leaf, origin: NodeOrigin | None) -> OpenNode | None:
        """Cut, bound and branch; returns the child to go on with."""
        run, master, simplex, windows = (
            self.run,
            self.master,
            self.master.simplex,
            leaf.variable_bounds,
        )
        self._fix_by_reduced_cost()
        if leaf.proof is not None and leaf.proof is not self._last_proof:
            master.restore_basis(leaf.proof)
        master.apply_bounds(windows, self.fixed_to_zero)
        run.enter_node()
        rounds = 0
        while True:
            simplex.set_cutoff(run.cutoff)
            outcome = run.solve_relaxation()
            if outcome == "infeasible":
                self._closed_leaves.append(leaf)
                return None
            self._last_proof = master.dual_proof()
            leaf = Leaf(windows, self._last_proof or leaf.proof)
            if outcome == "cutoff" or simplex.objective >= run.cutoff:
                self.branch_selector.record_gain(origin, run.cutoff)
                self._close_leaf(max(bound, run.cutoff), leaf)
                return None
            bound = max(bound, simplex.objective)
            x = simplex.values()
            branches = self.branch_selector.candidates(windows, x)
            rounds += 1
            if not branches:
                appraisal = run.cut_oracle(master.recourse_points(x))
                error = run.objective_at(x, appraisal) - simplex.objective
                if self._polish_integral_solution(
                    windows, x
                ) or error > 0.1 * run.target_gap * run.gap_denominator(run.best_objective):
                    master.add_violated_cuts(appraisal.cuts, x, 1e-9)
                    master.apply_bounds(windows, self.fixed_to_zero)
                    if rounds < MAX_FINAL_ROUNDS:
                        continue
                self._close_leaf(bound, leaf)
                return None
            least = NODE_ACCURACY * run.remaining_gap(bound)
            error, added = run.add_cuts_at_solution(x, UNEVALUATED_SHARE * least, 1e-7)
            if error <= least or rounds > MAX_NODE_ROUNDS or not added:
                break
        self.branch_selector.record_gain(origin, bound)
        master.age_rows()
        if run.node_count % 20 == 0:
            master.remove_old_rows(30)
        if self._run_heuristics(windows, x) and self._last_proof is not None:
            master.restore_basis(self._last_proof)
        if bound >= run.cutoff:
            self._close_leaf(bound, leaf)
            return None
        return self._branch(bound, leaf, branches)

    def _polish_integral_solution(self, variable_bounds: VariableBounds, x: Floats) -> bool:
        """Polish a solution without fractions; whether there was anything new in it."""
        place = self.heuristics.start_indices(x)
        if self.master.simplex.uses_exact_tolerances:
            # Of a very large project less than is told from nothing may matter.
            some = self.heuristics.start_indices(x, min_share=MIN_START_SHARE)
            if (some != place).any():
                self.heuristics.polish(self.master.bounds_fixed_at(some, x), to_optimality=True)
        return self.heuristics.polish(self.master.bounds_fixed_at(place, x), to_optimality=True)

    def _run_heuristics(self, variable_bounds: VariableBounds, x: Floats) -> bool:
        """Round the solution of every few nodes, and look around that of some; whether it was done.
        What the best plans build is often seen in solutions far from the root first."""
        run, nodes = self.run, self.run.node_count
        some = nodes % (
            NODES_PER_HEURISTIC_RESUMED if run.earlier_frontiers else NODES_PER_HEURISTIC
        ) == 0 or math.isinf(run.best_objective)
        if not some and (run.earlier_frontiers or nodes % NODES_PER_ROUNDING):
            return False
        self.heuristics.round_starts(x, 0.2 + 0.6 * ((nodes * 0.618) % 1.0))
        if some:
            if math.isinf(run.best_objective) or nodes % 100 == 0:
                self.heuristics.dive(variable_bounds)
            self.heuristics.dive_near_best(x)
            self.heuristics.local_search(self._trial_count())
        return True

    def _branch(
        self, bound: float, leaf: Leaf, candidates: list[BranchCandidate]
    ) -> OpenNode | None:
        """Choose a branch, keep one side for later and return the other."""
        run = self.run
        chosen, found = self.branch_selector.choose(bound, leaf, candidates)
        windows, away = (
            (chosen.lower_side, chosen.upper_side),
            (chosen.fraction, 1 - chosen.fraction),
        )
        sides = [
            (value, Leaf(windows[n], proof), NodeOrigin(chosen.key, n, away[n], bound))
            for n, (value, proof) in enumerate(found)
        ]
        prefer = 1 if chosen.fraction > 0.5 else 0
        kept = []
        for side in (1 - prefer, prefer):
            if sides[side][0] >= run.cutoff:
                self._close_leaf(max(bound, run.cutoff), sides[side][1])
            else:
                kept.append(sides[side])
        for other in kept[:-1]:
            self._push_node(*other)
        if not kept:
            return None
        near = 0.0
        if run.absolute_gap < math.inf:
            near = (bound - run.lower_bound) / max(
                run.absolute_gap, 1e-9 * self.master.objective_unit
            )
        if near < DIVE_GAP_SHARE:
            return kept[-1]
        self._push_node(*kept[-1])
        return None


MIN_START_SHARE = 1e-13  # a start that is less is rounding, whatever the tolerances
TRIALS_PER_GAP = 10  # neighbours tried at a time, for each time the gap is as large as asked for
TRIAL_COUNT_RANGE = (30, 180)  # the fewest and the most that are tried at a time
MAX_ROOT_PROOFS = 4  # proofs of the whole tree that are kept for the next search
NODES_PER_HEURISTIC, NODES_PER_HEURISTIC_RESUMED = (
    25,
    50,
)  # nodes after which plans are tried, and in a tree that goes on
NODES_PER_ROUNDING = 4  # nodes after which a solution is rounded
MAX_FIRST_HINTS = 2  # plans good elsewhere that are followed first
GOOD_HINT_GAP = 0.02  # a plan this close to the bound, as a share, needs no other to begin with
DIVE_GAP_SHARE = 0.3  # a child whose bound is within this share of the gap from the lowest is next
