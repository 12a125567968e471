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
from optimizer.solve.decomposition.branching import Branch, Branching, Side
from optimizer.solve.decomposition.columns import Windows
from optimizer.solve.decomposition.heuristics import SETTLING, Heuristics
from optimizer.solve.decomposition.run import Run
from optimizer.solve.decomposition.tree import Frontier, Leaf, Proof, Prover

ACCURACY = 0.15  # recourse of a node is known to this share of the gap that is left
ROOT = 1.0  # share of the gap asked for to which the root's relaxation is closed in on
STALL = 0.3  # share of the gap asked for below which five rounds at the root are not worth it
UNSWEPT = 0.7  # share of that which may be lacking in materials that are not swept
ROUNDS = 6  # rounds of cuts in a node whose solution is fractional


Node = tuple[float, Leaf, Side | None]
"""A branch that is open, what is proven of it, and the split that it comes from, if any."""


class Search:
    """The tree."""

    def __init__(self, run: Run) -> None:
        self.run, self.master = run, run.master
        self.fixed = np.zeros(len(run.master.binaries), dtype=bool)
        self.heuristics = Heuristics(run, self.fixed)
        self.branching = Branching(run, self.fixed)
        self._open: list[tuple[float, int, Leaf, Side | None]] = []
        self._closed: list[Leaf] = []  # what need not be looked into further
        self._floor = math.inf
        self._known = -math.inf  # what the leaves of the last tree prove of this problem
        self._count = 0
        # Of relaxations of the whole, a bound and what it would lose by each binary.
        self._roots: list[tuple[float, Floats]] = []
        self._last: Proof | None = None  # of the last program
        self._whole: list[Proof] = []  # what proves it, the last one first
        self._fixed_for = math.inf

    @property
    def frontier(self) -> Frontier | None:
        """The leaves of the tree as it is now; None where it has not begun to grow."""
        leaves = (*self._closed, *(leaf for _, _, leaf, _ in self._open))
        whole, appraise = tuple(self._whole[:MOST_WHOLE]), self.run.appraise
        holds = appraise.content, appraise.level
        return Frontier(leaves, whole, self.master.layout, *holds) if leaves else None

    def search(self) -> None:
        """Close the gap; Stopped at a limit, the run holding the best plan and the bound."""
        run = self.run
        if run.frontiers:
            try:
                self._resume(run.frontiers)
            finally:  # who stops it is told what the last tree proves, of what was not ruled out
                run.raise_lower(min(self._known, self._floor, run.upper))
        elif not self._begin():
            return
        dive: Node | None = None
        while dive is not None or self._open:
            if dive is None:
                bound, _, leaf, side = heapq.heappop(self._open)
            else:
                bound, leaf, side = dive
                dive = None
            nearest = self._open[0][0] if self._open else math.inf
            run.raise_lower(min(bound, nearest, self._floor))
            if run.done:
                self._push(bound, leaf, side)
                return
            if bound >= run.cutoff:
                self._close(bound, leaf)
                continue
            try:
                dive = self._node(bound, leaf, side)
            except BaseException:
                self._push(bound, leaf, side)
                raise
        run.raise_lower(min(self._floor, run.upper))

    def _push(self, bound: float, leaf: Leaf, side: Side | None = None) -> None:
        self._count += 1
        heapq.heappush(self._open, (bound, self._count, leaf, side))

    def _close(self, bound: float, leaf: Leaf) -> None:
        """Leave a branch that holds nothing below a bound."""
        self._floor = min(self._floor, bound)
        self._closed.append(leaf)

    # The root

    def _begin(self) -> bool:
        """The first node, first plans; whether there is anything left to look into."""
        run, master = self.run, self.master
        everything = master.everything()
        self.heuristics.recall()
        if run.enough > -math.inf:
            self.heuristics.follow(run.hints)
            if run.upper <= run.enough:
                return False
        master.restrict(everything)
        bound, x, _ = run.relax(ROOT * run.within, cutoff=run.cutoff, stall=STALL * run.within)
        if not math.isfinite(bound):
            run.rule_out()
            return False
        run.raise_lower(bound)
        if run.lower >= run.cutoff:
            self._closed.append(Leaf(everything, master.proof()))
            return False
        self._read_root()
        if x is not None:
            self._start(everything, master.simplex.values())
        self._push(bound, Leaf(everything, self._whole[0] if self._whole else None))
        return True

    def _read_root(self) -> bool:
        """What the relaxation of the whole would lose by each binary that it leaves at 0."""
        simplex = self.master.simplex
        if simplex.solve() != "optimal":
            return False
        self._roots.append((simplex.objective, simplex.reduced_costs()[self.master.binaries]))
        proof = self.master.proof()
        self._whole[:0] = [] if proof is None else [proof]
        return True

    def _resume(self, frontiers: Sequence[Frontier]) -> None:
        """Go on where the tree of a problem much like this one ended: first plans that were good
        there, then the leaves of which it is not proven that they hold nothing better. Of several
        trees that is taken which leaves the fewest of them."""
        run, master = self.run, self.master
        self.heuristics.recall()
        everything = master.everything()
        whole = list({id(own): own for last in frontiers for own in last.whole}.values())
        if whole:
            prover = Prover(master, whole)
            known = prover.bounds([Leaf(everything, own) for own in whole], self.fixed)
            self._roots += zip(known.tolist(), prover.of_binaries, strict=True)
        self._fix()
        fewest, last, prover, bounds = math.inf, frontiers[0], Prover(master, ()), np.zeros(0)
        for own in frontiers:
            proofs = {id(leaf.proof): leaf.proof for leaf in own.leaves if leaf.proof is not None}
            of_own = Prover(master, list(proofs.values()))
            found = of_own.bounds(own.leaves, self.fixed)
            still_open = int((found < run.settled).sum())
            if still_open < fewest:
                fewest, last, prover, bounds = still_open, own, of_own, found
            if not still_open:
                break
        self._whole = list(last.whole)
        self._known = float(bounds.min())
        if bounds.min() < run.settled and (
            self.heuristics.refinance() or self.heuristics.follow(run.hints[:FEW])
        ):
            self._fix()
            bounds = prover.bounds(last.leaves, self.fixed)
        if bounds.min() < run.settled:
            if not math.isfinite(run.upper) and run.hints:
                self.heuristics.leave_out(run.hints[0])
            master.restrict(everything)
            master.simplex.set_cutoff(math.inf)
            if run.solve() == "optimal" and self._read_root() and self._whole:
                if not math.isfinite(run.upper):
                    self.heuristics.dive(everything)
                self._fixed_for = math.inf
                self._fix()
                by_whole = [Leaf(leaf.windows, self._whole[0]) for leaf in last.leaves]
                bounds = np.maximum(
                    prover.bounds(last.leaves, self.fixed),
                    Prover(master, self._whole[:1]).bounds(by_whole, self.fixed),
                )
            elif master.empty or master.simplex.solve() == "infeasible":
                run.rule_out()
                bounds[:] = math.inf
        for bound, leaf in zip(bounds.tolist(), last.leaves, strict=True):
            if bound >= run.settled:
                self._close(bound, leaf)
            else:
                self._push(bound, leaf)

    def _start(self, everything: Windows, x: Floats) -> None:
        """First plans, and what they rule out."""
        run = self.run
        self.heuristics.follow(run.hints)
        self._fix()
        if run.hints and run.distance <= NEAR * run.size(run.upper):
            return
        self.heuristics.dive(everything)
        for threshold in (0.5, 0.35, 0.7):
            if not run.done:
                self.heuristics.round(x, threshold)
        self._fix()
        if not run.done:
            self.heuristics.between(x)
            self.heuristics.improve(self._trials())
            self._fix()

    def _trials(self) -> int:
        """Neighbours to try: many while the plan is far from the bound, few near it."""
        return int(np.clip(TRIALS * self.run.open / self.run.within, *TRIALS_WITHIN))

    def _fix(self) -> None:
        """Rule out binaries that cost more than the gap (reduced cost fixing)."""
        if not self._roots or self.run.upper >= self._fixed_for:
            return
        self._fixed_for = self.run.upper
        # A cost is that of leaving 0: it says nothing of what must be 1.
        free = self.master.program.lower[self.master.binaries] == 0
        lost = np.max([objective + costs for objective, costs in self._roots], axis=0)
        ruled_out = free & (lost > self.run.cutoff)
        if (ruled_out & ~self.fixed).any():
            # Plans through these are known to be worse than the cutoff, and no more than that.
            self._floor = min(self._floor, self.run.cutoff)
        self.fixed |= ruled_out

    # A node

    def _node(self, bound: float, leaf: Leaf, side: Side | None) -> Node | None:
        """Cut, bound and branch; returns the child to go on with."""
        run, master, simplex, windows = self.run, self.master, self.master.simplex, leaf.windows
        self._fix()
        if leaf.proof is not None and leaf.proof is not self._last:
            master.go_on_from(leaf.proof)
        master.restrict(windows, self.fixed)
        run.enter_node()
        rounds = 0
        while True:
            simplex.set_cutoff(run.cutoff)
            outcome = run.solve()
            if outcome == "infeasible":
                self._closed.append(leaf)
                return None
            self._last = master.proof()
            leaf = Leaf(windows, self._last or leaf.proof)
            if outcome == "cutoff" or simplex.objective >= run.cutoff:
                self.branching.learn(side, run.cutoff)
                self._close(max(bound, run.cutoff), leaf)
                return None
            bound = max(bound, simplex.objective)
            x = simplex.values()
            branches = self.branching.branches(windows, x)
            rounds += 1
            if not branches:
                appraisal = run.appraise(master.point(x))
                error = run.value(x, appraisal) - simplex.objective
                if self._settle(windows, x) or error > 0.1 * run.within * run.size(run.upper):
                    master.add(appraisal.cuts, x, 1e-9)
                    master.restrict(windows, self.fixed)
                    if rounds < SETTLING:
                        continue
                self._close(bound, leaf)
                return None
            least = ACCURACY * run.left(bound)
            error, added = run.sound(x, UNSWEPT * least, 1e-7)
            if error <= least or rounds > ROUNDS or not added:
                break
        self.branching.learn(side, bound)
        master.grow_older()
        if run.nodes % 20 == 0:
            master.purge(30)
        if self._try_plans(windows, x) and self._last is not None:
            master.go_on_from(self._last)
        if bound >= run.cutoff:
            self._close(bound, leaf)
            return None
        return self._split(bound, leaf, branches)

    def _settle(self, windows: Windows, x: Floats) -> bool:
        """Polish a solution without fractions; whether there was anything new in it."""
        place = self.heuristics.places(x)
        if self.master.simplex.exact:
            # Of a very large project less than is told from nothing may matter.
            some = self.heuristics.places(x, least=TRACE)
            if (some != place).any():
                self.heuristics.polish(self.master.fix(some, x), to_the_end=True)
        return self.heuristics.polish(self.master.fix(place, x), to_the_end=True)

    def _try_plans(self, windows: Windows, x: Floats) -> bool:
        """Round the solution of every few nodes, and look around that of some; whether it was done.
        What the best plans build is often seen in solutions far from the root first."""
        run, nodes = self.run, self.run.nodes
        some = nodes % (TRIED_AGAIN if run.frontiers else TRIED) == 0 or math.isinf(run.upper)
        if not some and (run.frontiers or nodes % ROUNDED):
            return False
        self.heuristics.round(x, 0.2 + 0.6 * ((nodes * 0.618) % 1.0))
        if some:
            if math.isinf(run.upper) or nodes % 100 == 0:
                self.heuristics.dive(windows)
            self.heuristics.between(x)
            self.heuristics.improve(self._trials())
        return True

    def _split(self, bound: float, leaf: Leaf, branches: list[Branch]) -> Node | None:
        """Choose a branch, keep one side for later and return the other."""
        run = self.run
        chosen, found = self.branching.choose(bound, leaf, branches)
        windows, away = (chosen.lower, chosen.upper), (chosen.fraction, 1 - chosen.fraction)
        sides = [
            (value, Leaf(windows[n], proof), Side(chosen.key, n, away[n], bound))
            for n, (value, proof) in enumerate(found)
        ]
        prefer = 1 if chosen.fraction > 0.5 else 0
        kept = []
        for side in (1 - prefer, prefer):
            if sides[side][0] >= run.cutoff:
                self._close(max(bound, run.cutoff), sides[side][1])
            else:
                kept.append(sides[side])
        for other in kept[:-1]:
            self._push(*other)
        if not kept:
            return None
        near = 0.0
        if run.distance < math.inf:
            near = (bound - run.lower) / max(run.distance, 1e-9 * self.master.unit)
        if near < DIVE:
            return kept[-1]
        self._push(*kept[-1])
        return None


TRACE = 1e-13  # a start that is less is rounding, whatever the tolerances
TRIALS = 10  # neighbours tried at a time, for each time the gap is as large as asked for
TRIALS_WITHIN = (30, 180)  # the fewest and the most that are tried at a time
MOST_WHOLE = 4  # proofs of the whole tree that are kept for the next search
TRIED, TRIED_AGAIN = 25, 50  # nodes after which plans are tried, and in a tree that goes on
ROUNDED = 4  # nodes after which a solution is rounded
FEW = 2  # plans good elsewhere that are followed first
NEAR = 0.02  # a plan this close to the bound, as a share, needs no other to begin with
DIVE = 0.3  # a child whose bound is within this share of the gap from the lowest is next
