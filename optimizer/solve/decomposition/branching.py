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

from optimizer.model.instance import Floats
from optimizer.model.together import Places
from optimizer.solve.decomposition.columns import Windows
from optimizer.solve.decomposition.run import Run
from optimizer.solve.decomposition.tree import Leaf, Proof

SURE = 3  # gains seen on both sides of a branch that tell enough of it
PROBED = 8  # branches that are measured at a time
PROBE = 40  # steps of the dual simplex method that measure a branch


@dataclass(frozen=True)
class Branch:
    """A way to split a node: its two sides, and how far the solution is from each."""

    key: tuple[str, int]
    lower: Windows
    upper: Windows
    fraction: float


class Side(NamedTuple):
    """Where a node comes from: the branch that split the one before, which of its two sides this
    is, how far the solution was from that side, and the bound there."""

    key: tuple[str, int]
    side: int
    distance: float
    bound: float


@dataclass(eq=False)
class Gains:
    """Gain of the bound per unit of fraction, seen on the two sides of a branch."""

    total: list[float] = field(default_factory=lambda: [0.0, 0.0])
    count: list[int] = field(default_factory=lambda: [0, 0])

    def add(self, side: int, gain: float, distance: float) -> None:
        """Take note of a gain."""
        if math.isfinite(gain):
            self.total[side] += max(0.0, gain) / max(distance, 1e-3)
            self.count[side] += 1

    def mean(self, side: int, otherwise: float) -> float:
        """Mean gain per unit."""
        return self.total[side] / self.count[side] if self.count[side] else otherwise


class Branching:
    """Chooses branches in a run; ``fixed`` are binaries that are out in all of them."""

    def __init__(self, run: Run, fixed: NDArray[np.bool_]) -> None:
        self.run, self.master, self.fixed = run, run.master, fixed
        self.gains: dict[tuple[str, int], Gains] = {}

    def learn(self, side: Side | None, bound: float) -> None:
        """Take note of what a branch was worth once it was looked into."""
        if side is not None:
            gains = self.gains.setdefault(side.key, Gains())
            gains.add(side.side, bound - side.bound, side.distance)

    def branches(self, windows: Windows, x: Floats) -> list[Branch]:
        """All that a solution is in between, tickets only where no project is."""
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

    def choose(
        self, bound: float, leaf: Leaf, branches: list[Branch]
    ) -> tuple[Branch, list[tuple[float, Proof | None]]]:
        """The branch of greatest gain, and the bounds of its sides with what proves them."""
        known = [g for g in self.gains.values() if min(g.count)]
        unit = self.master.unit
        usual = [
            float(np.mean([g.mean(s, unit) for g in known])) if known else unit for s in (0, 1)
        ]

        def guess(branch: Branch) -> float:
            own = self.gains.get(branch.key, Gains())
            down = own.mean(0, usual[0]) * branch.fraction
            up = own.mean(1, usual[1]) * (1 - branch.fraction)
            return max(down, 1e-6 * unit) * max(up, 1e-6 * unit)

        ranked = sorted(branches, key=guess, reverse=True)
        chosen, best, sides = ranked[0], guess(ranked[0]), [(bound, leaf.proof)] * 2
        seldom = [b for b in ranked if min(self.gains.get(b.key, Gains()).count) < SURE]
        unsure = seldom[:PROBED]
        if not unsure:
            return chosen, sides
        basis = self.master.simplex.basis()
        self.master.simplex.set_cutoff(self.run.cutoff)  # plans were tried below that
        for branch in unsure:
            probes = [self._probe(side, basis) for side in (branch.lower, branch.upper)]
            gains = [value - bound for value, *_ in probes]
            own = self.gains.setdefault(branch.key, Gains())
            own.add(0, gains[0], branch.fraction)
            own.add(1, gains[1], 1 - branch.fraction)
            least = 1e-6 * unit
            limit = max(self.run.distance, least)
            score = math.prod(max(min(gain, limit), least) for gain in gains)
            if score > best or branch is chosen:
                chosen, best = branch, score
                sides = [
                    (proven, proof or leaf.proof) if proven > bound else (bound, leaf.proof)
                    for _, proven, proof in probes
                ]
        self.master.restrict(leaf.windows, self.fixed)
        self.master.simplex.set_basis(basis)
        return chosen, sides

    def _probe(self, windows: Windows, basis: object) -> tuple[float, float, Proof | None]:
        """The objective of a side after a few steps of the dual simplex method, what of it is
        proven, and by what."""
        simplex = self.master.simplex
        self.run.check()
        self.master.restrict(windows, self.fixed)
        simplex.set_basis(basis)
        outcome = "infeasible" if self.master.empty else simplex.solve(PROBE)
        if outcome == "infeasible":
            return math.inf, math.inf, None
        if outcome == "cutoff":
            return self.run.cutoff, self.run.cutoff, self.master.proof()
        if outcome == "optimal":
            return simplex.objective, simplex.objective, self.master.proof()
        return simplex.objective, -math.inf, None


def _with(values: Places, place: int, value: int) -> Places:
    changed = values.copy()
    changed[place] = value
    return changed
