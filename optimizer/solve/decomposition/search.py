"""Branch and cut over "project p is started by year t".

Every node is a linear program that the last one's basis starts; its solution is swept, and what
the sweep proves is cut off for the whole tree. Nodes are taken by bound, and dived into where the
bound allows. Branches are chosen by what they gain, measured by a few dual simplex steps at first
and by the gains seen since (Achterberg, Koch and Martin 2005).
"""

import heapq
import math
from dataclasses import dataclass, field, replace

import numpy as np

from optimizer.model.instance import Floats
from optimizer.solve.decomposition.heuristics import SETTLING, Heuristics
from optimizer.solve.decomposition.master import Places, Windows
from optimizer.solve.decomposition.run import Run

ACCURACY = 0.15  # recourse of a node is known to this share of the gap that is left
ROOT = 1.0  # share of the gap asked for to which the root's relaxation is closed in on
STALL = 0.3  # share of the gap asked for below which five rounds at the root are not worth it
UNSWEPT = 0.7  # share of that which may be lacking in materials that are not swept
ROUNDS = 6  # rounds of cuts in a node whose solution is fractional


@dataclass(frozen=True)
class Branch:
    """A way to split a node: its two sides, and how far the solution is from each."""

    key: tuple[str, int]
    lower: Windows
    upper: Windows
    fraction: float


@dataclass(eq=False)
class Gains:
    """Gain of the bound per unit of fraction, seen on the two sides of a branch."""

    total: list[float] = field(default_factory=lambda: [0.0, 0.0])
    count: list[int] = field(default_factory=lambda: [0, 0])

    def add(self, side: int, gain: float, distance: float) -> None:
        """Take note of a gain."""
        if math.isfinite(gain):
            self.total[side] += gain / max(distance, 1e-3)
            self.count[side] += 1

    def mean(self, side: int, otherwise: float) -> float:
        """Mean gain per unit."""
        return self.total[side] / self.count[side] if self.count[side] else otherwise


class Search:
    """The tree."""

    def __init__(self, run: Run) -> None:
        self.run, self.master = run, run.master
        self.fixed = np.zeros(len(run.master.binaries), dtype=bool)
        self.heuristics = Heuristics(run, self.fixed)
        self._gains: dict[tuple[str, int], Gains] = {}
        self._open: list[tuple[float, int, Windows]] = []
        self._floor = math.inf
        self._count = 0
        self._root: tuple[float, Floats] | None = None
        self._fixed_for = math.inf

    def search(self) -> None:
        """Close the gap; Stopped at a limit, the run holding the best plan and the bound."""
        run, master = self.run, self.master
        everything = master.everything()
        if run.enough > -math.inf:
            self.heuristics.follow(run.hints)
            if run.upper <= run.enough:
                return
        master.restrict(everything)
        bound, x, _ = run.relax(ROOT * run.gap, cutoff=run.cutoff, stall=STALL * run.gap)
        if not math.isfinite(bound):
            run.raise_lower(math.inf)
            return
        run.raise_lower(bound)
        if run.lower >= run.cutoff:
            return
        simplex = master.simplex
        if simplex.solve() == "optimal":  # what it would lose by each binary that it leaves at 0
            self._root = simplex.objective, simplex.reduced_costs()[master.binaries]
        if x is not None:
            self._start(everything, master.simplex.values())
        self._push(bound, everything)
        dive: tuple[float, Windows] | None = None
        while dive is not None or self._open:
            if dive is None:
                bound, _, windows = heapq.heappop(self._open)
            else:
                bound, windows = dive
                dive = None
            nearest = self._open[0][0] if self._open else math.inf
            run.raise_lower(min(bound, nearest, self._floor))
            if run.done:
                return
            if bound >= run.cutoff:
                self._floor = min(self._floor, bound)
                continue
            try:
                dive = self._node(bound, windows)
            except BaseException:
                self._push(bound, windows)
                raise
        run.raise_lower(min(self._floor, run.upper))

    def _push(self, bound: float, windows: Windows) -> None:
        self._count += 1
        heapq.heappush(self._open, (bound, self._count, windows))

    # The root

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
        return int(np.clip(TRIALS * self.run.open / self.run.gap, *TRIALS_WITHIN))

    def _fix(self) -> None:
        """Rule out binaries that cost more than the gap (reduced cost fixing)."""
        if self._root is None or self.run.upper >= self._fixed_for:
            return
        self._fixed_for = self.run.upper
        objective, costs = self._root
        # A cost is that of leaving 0: it says nothing of what must be 1.
        free = self.master.program.lower[self.master.binaries] == 0
        ruled_out = free & (objective + costs > self.run.cutoff)
        if (ruled_out & ~self.fixed).any():
            # Plans through these are known to be worse than the cutoff, and no more than that.
            self._floor = min(self._floor, self.run.cutoff)
        self.fixed |= ruled_out

    # A node

    def _node(self, bound: float, windows: Windows) -> tuple[float, Windows] | None:
        """Cut, bound and branch; returns the child to go on with."""
        run, master, simplex = self.run, self.master, self.master.simplex
        self._fix()
        master.restrict(windows, self.fixed)
        run.enter_node()
        rounds = 0
        while True:
            simplex.set_cutoff(run.cutoff)
            outcome = run.solve()
            if outcome == "infeasible":
                return None
            if outcome == "cutoff" or simplex.objective >= run.cutoff:
                self._floor = min(self._floor, max(bound, run.cutoff))
                return None
            bound = max(bound, simplex.objective)
            x = simplex.values()
            branches = self._branches(windows, x)
            rounds += 1
            if not branches:
                appraisal = run.appraise(master.point(x))
                error = run.value(x, appraisal) - simplex.objective
                if self._settle(windows, x) or error > 0.1 * run.gap * run.size(run.upper):
                    master.add(appraisal.cuts, x, 1e-9)
                    master.restrict(windows, self.fixed)
                    if rounds < SETTLING:
                        continue
                self._floor = min(self._floor, bound)
                return None
            least = ACCURACY * run.left(bound)
            error, added = run.sound(x, UNSWEPT * least, 1e-7)
            if error <= least or rounds > ROUNDS or not added:
                break
        master.grow_older()
        if run.nodes % 20 == 0:
            master.purge(30)
        if run.nodes % 25 == 0 or not math.isfinite(run.upper):
            self._try_plans(windows, x)
        if bound >= run.cutoff:
            self._floor = min(self._floor, bound)
            return None
        return self._split(bound, windows, branches)

    def _settle(self, windows: Windows, x: Floats) -> bool:
        """Polish a solution without fractions; whether there was anything new in it."""
        place = self.heuristics.places(x)
        if self.master.simplex.exact:
            # Of a very large project less than is told from nothing may matter.
            some = self.heuristics.places(x, least=TRACE)
            if (some != place).any():
                self.heuristics.polish(self.master.fix(some, x), to_the_end=True)
        return self.heuristics.polish(self.master.fix(place, x), to_the_end=True)

    def _try_plans(self, windows: Windows, x: Floats) -> None:
        threshold = 0.2 + 0.6 * ((self.run.nodes * 0.618) % 1.0)
        self.heuristics.round(x, threshold)
        if not math.isfinite(self.run.upper) or self.run.nodes % 100 == 0:
            self.heuristics.dive(windows)
        self.heuristics.between(x)
        self.heuristics.improve(self._trials())

    # Branching

    def _branches(self, windows: Windows, x: Floats) -> list[Branch]:
        master = self.master
        branches = []
        for p, started in enumerate(master.started(x)):
            branches += self._of_project(windows, p, started)
        if branches:
            return branches
        taken = master.taken(x)
        return [
            Branch(
                ("ticket", int(n)),
                replace(windows, most=_with(windows.most, n, 0)),
                replace(windows, least=_with(windows.least, n, 1)),
                float(taken[n]),
            )
            for n in master.loose_tickets(x)
            if windows.least[n] < windows.most[n]
        ]

    def _of_project(self, windows: Windows, p: int, started: Floats) -> list[Branch]:
        """Ever or never, and by a year or later, where the solution is in between."""
        branches, ever, whole = [], float(started[-1]), self.master.whole
        first, last, must = (int(own[p]) for own in (windows.first, windows.last, windows.must))
        if whole < ever < 1 - whole and not must:
            never, built = windows.holding(p, 1, 0, 0), windows.holding(p, first, last, 1)
            branches.append(Branch(("ever", p), never, built, ever))
        inside = np.arange(first, last)
        if ever > whole and len(inside):
            share = started[inside] / ever
            between = (share > whole) & (share < 1 - whole)
            if between.any():
                t = int(inside[between][np.argmin(np.abs(share[between] - 0.5))])
                later, by = windows.holding(p, t + 1, last, must), windows.holding(p, first, t, 1)
                branches.append(Branch(("by", p), later, by, float(started[t])))
        return branches

    def _split(
        self, bound: float, windows: Windows, branches: list[Branch]
    ) -> tuple[float, Windows] | None:
        """Choose a branch, keep one side for later and return the other."""
        run = self.run
        chosen, bounds = self._choose(bound, windows, branches)
        sides = [(bounds[0], chosen.lower), (bounds[1], chosen.upper)]
        prefer = 1 if chosen.fraction > 0.5 else 0
        kept = []
        for side in (1 - prefer, prefer):
            if sides[side][0] >= run.cutoff:
                self._floor = min(self._floor, max(bound, run.cutoff))
            else:
                kept.append(sides[side])
        for value, side_windows in kept[:-1]:
            self._push(value, side_windows)
        if not kept:
            return None
        near = 0.0
        if run.distance < math.inf:
            near = (bound - run.lower) / max(run.distance, 1e-9 * self.master.unit)
        if near < DIVE:
            return kept[-1]
        self._push(*kept[-1])
        return None

    def _choose(
        self, bound: float, windows: Windows, branches: list[Branch]
    ) -> tuple[Branch, list[float]]:
        """The branch of greatest gain, and the bounds of its sides where they were measured."""
        known = [g for g in self._gains.values() if min(g.count)]
        unit = self.master.unit
        usual = [
            float(np.mean([g.mean(s, unit) for g in known])) if known else unit for s in (0, 1)
        ]

        def guess(branch: Branch) -> float:
            own = self._gains.get(branch.key, Gains())
            down = own.mean(0, usual[0]) * branch.fraction
            up = own.mean(1, usual[1]) * (1 - branch.fraction)
            return max(down, 1e-6 * unit) * max(up, 1e-6 * unit)

        ranked = sorted(branches, key=guess, reverse=True)
        chosen, best, sides = ranked[0], guess(ranked[0]), [bound, bound]
        seldom = [b for b in ranked if min(self._gains.get(b.key, Gains()).count) < SURE]
        unsure = seldom[:PROBED]
        if not unsure:
            return chosen, sides
        basis = self.master.simplex.basis()
        self.master.simplex.set_cutoff(self.run.cutoff)  # plans were tried below that
        for branch in unsure:
            probes = [self._probe(side, basis) for side in (branch.lower, branch.upper)]
            gains = [max(0.0, value - bound) for value, _ in probes]
            own = self._gains.setdefault(branch.key, Gains())
            own.add(0, gains[0], branch.fraction)
            own.add(1, gains[1], 1 - branch.fraction)
            least = 1e-6 * unit
            limit = max(self.run.distance, least)
            score = max(min(gains[0], limit), least) * max(min(gains[1], limit), least)
            if score > best or branch is chosen:
                chosen, best = branch, score
                sides = [max(bound, proven) for _, proven in probes]
        self.master.restrict(windows, self.fixed)
        self.master.simplex.set_basis(basis)
        return chosen, sides

    def _probe(self, windows: Windows, basis: object) -> tuple[float, float]:
        """The objective of a side after a few steps of the dual simplex method, and what of it is
        proven."""
        simplex = self.master.simplex
        self.run.check()
        self.master.restrict(windows, self.fixed)
        simplex.set_basis(basis)
        outcome = "infeasible" if self.master.empty else simplex.solve(PROBE)
        if outcome == "infeasible":
            return math.inf, math.inf
        if outcome == "cutoff":
            return self.run.cutoff, self.run.cutoff
        return simplex.objective, simplex.objective if outcome == "optimal" else -math.inf


TRACE = 1e-13  # a start that is less is rounding, whatever the tolerances
TRIALS = 10  # neighbours tried at a time, for each time the gap is as large as asked for
TRIALS_WITHIN = (30, 180)  # the fewest and the most that are tried at a time
NEAR = 0.02  # a plan this close to the bound, as a share, needs no other to begin with
DIVE = 0.3  # a child whose bound is within this share of the gap from the lowest is next
SURE = 3  # gains seen on both sides of a branch that tell enough of it
PROBED = 8  # branches that are measured at a time
PROBE = 40  # steps of the dual simplex method that measure a branch


def _with(values: Places, place: int, value: int) -> Places:
    changed = values.copy()
    changed[place] = value
    return changed
