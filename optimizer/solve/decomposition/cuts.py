"""Cuts: what a sweep proves of the damage of every commitment, and the points they came from."""

import math
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.model.instance import Floats
from optimizer.solve.sweep import Point, Recourse, Slopes

Row = tuple[NDArray[np.int32], Floats, float]  # columns, entries and left side of a cut


@dataclass(frozen=True, eq=False)
class Cut:
    """Damage is at least constant less slopes times commitment: of one chain, or of all."""

    slopes: dict[int, Slopes]  # by node, of a chain whose mean it bounds, or of all for the tail
    tail: bool = False  # whether it bounds the CVaR of the sum of all nodes
    point: Point | None = None  # where it is tight, as long as that is known
    at_hand: bool = False  # whether former sweeps, as they are kept, prove it any time again

    @property
    def head(self) -> int:
        """That of the chain whose mean it bounds."""
        return next(iter(self.slopes))


@dataclass(frozen=True, eq=False)
class Appraisal:
    """A point, what recourse costs there, and the cuts that are tight there."""

    point: Point
    by_chain: dict[int, float]  # expected damage of each chain that was swept, by its head
    tail: float  # CVaR of damage; 0 where the objective does not weigh it
    cuts: list[Cut]
    whole: bool  # whether all chains were swept that count, and exactly


def stacked(rows: Sequence[tuple[Any, ...]], width: int) -> sparse.csr_array:
    """Rows that begin with their columns and entries, as a matrix."""
    begins = np.cumsum([0, *(len(row[0]) for row in rows)])
    columns = np.concatenate([np.zeros(0, np.int32), *(row[0] for row in rows)])
    entries = np.concatenate([[], *(row[1] for row in rows)])
    return sparse.csr_array((entries, columns, begins), shape=(len(rows), width))


def tail_weights(probability: Floats, damage: Floats, level: float) -> Floats:
    """(S) weights of the states in the mean of the worst ``1 - level``, at a given damage. The
    state at the quantile is split (Rockafellar and Uryasev 2000)."""
    tail = (1 - level) * probability.sum()
    order = np.argsort(-damage, kind="stable")
    before = np.concatenate([[0.0], np.cumsum(probability[order])[:-1]])
    weights = np.zeros(len(damage))
    weights[order] = np.clip(tail - before, 0.0, probability[order])
    shares: Floats = weights / weights.sum()
    return shares


class Appraiser:
    """Appraises points by sweeps of the chains that the objective depends on."""

    def __init__(self, recourse: Recourse) -> None:
        objective, nodes = recourse.instance.case.objective, recourse.instance.nodes
        self.recourse = recourse
        self.weight, self.level = float(objective.cvar.weight), float(objective.cvar.level)
        self.counts = {v: nodes[v].counts for v in recourse.chains}
        self.heads = [v for v, counts in self.counts.items() if counts > 0 or self.weight > 0]
        self._several = any(len(nodes) > 1 for nodes in recourse.chains.values())
        self.sweeps = self.node_sweeps = 0
        self.seconds = 0.0

    def __call__(
        self, point: Point, heads: Collection[int] | None = None, rough: bool = False
    ) -> Appraisal:
        """Sweep a point, in some chains only if the tail, which is that of all, has no weight; and
        roughly, where that makes a difference."""
        recourse, probability = self.recourse, self.recourse.probability
        began = time.perf_counter()
        heads = self.heads if heads is None or self.weight > 0 else heads
        rough &= self.weight == 0 and self._several
        priced = self.weight < 1
        swept = recourse.sweep(point, probability[None], priced=priced, heads=heads, rough=rough)
        cuts = [
            Cut({n: swept.slopes[n] for n in recourse.chains[v]}, point=point)
            for v in swept.by_chain
            if priced and self.counts[v] > 0
        ]
        tail = 0.0
        if self.weight > 0:
            worst = tail_weights(probability, swept.damage, self.level)
            tail = float(worst @ swept.damage)
            cuts.append(Cut(recourse.sweep(point, worst[None]).slopes, tail=True, point=point))
        self.sweeps += 1
        self.node_sweeps += sum(len(recourse.chains[v]) for v in heads)
        self.seconds += time.perf_counter() - began
        by_chain = {v: float(own.sum()) for v, own in swept.by_chain.items()}
        return Appraisal(
            point, by_chain, tail, cuts, whole=not rough and len(heads) == len(self.heads)
        )

    @property
    def key(self) -> tuple[Any, ...]:
        """What points cost the same by."""
        return self.recourse.content, self.weight, self.level, tuple(self.counts.items())

    def known(self, point: Point) -> list[Cut]:
        """Cuts of means that former sweeps prove, as strong as they can be at a point."""
        heads = [v for v in self.heads if self.counts[v] > 0] if self.weight < 1 else []
        return [Cut(slopes, at_hand=True) for slopes in self.recourse.known(point, heads).values()]

    def damage_at(self, point: Point) -> float:
        """What recourse adds to the objective at a point, without any cut of it."""
        probability = self.recourse.probability
        swept = self.recourse.sweep(point, probability[None], priced=False, heads=self.heads)
        tail = 0.0
        if self.weight > 0:
            tail = float(tail_weights(probability, swept.damage, self.level) @ swept.damage)
        return self._weighed({v: float(own[0]) for v, own in swept.by_chain.items()}, tail)

    def cost(self, appraisal: Appraisal) -> float:
        """What recourse adds to the objective."""
        return self._weighed(appraisal.by_chain, appraisal.tail)

    def _weighed(self, by_chain: dict[int, float], tail: float) -> float:
        mean = math.fsum(self.counts[v] * damage for v, damage in by_chain.items())
        return (1 - self.weight) * mean + self.weight * tail


@dataclass(frozen=True, eq=False)
class Pattern:
    """Columns of the master that the damage of a node depends on."""

    columns: NDArray[np.int32]  # (U) rising, each once
    place: NDArray[np.intp]  # among these, of each offtake column, then of each purchase
    arriving: sparse.csr_array  # (offtake columns, P*D*Y) share of nameplate, by year

    def entries(self, slopes: Slopes) -> Floats:
        """(U) what a cut says of each of them."""
        offtake = self.arriving @ slopes.output[0].ravel()
        both = np.concatenate([offtake, slopes.purchases[0].ravel()])
        entries: Floats = np.bincount(self.place, both, len(self.columns)).astype(float)
        return entries


class Shelf:
    """Rows of cuts outside the solver, too many to carry, and which of them are still there.
    ``size_of`` tells by left sides how large a violation of each row has to be to count as one."""

    def __init__(self, columns: int, size_of: Callable[[Floats], Floats]) -> None:
        self._columns, self._size_of = columns, size_of
        self._own: list[tuple[Cut, Row]] = []
        self._here = np.zeros(0, dtype=bool)
        self._ahead = np.zeros(0, dtype=np.int64)  # column that each bounds
        self._sides = np.zeros(0)
        self._rows = sparse.csr_array((0, columns))

    def put(self, new: Sequence[tuple[Cut, Row, int]]) -> None:
        """Add cuts, each with its row and the column it bounds; forget those that were taken."""
        if not new:
            return
        kept = np.flatnonzero(self._here)
        self._own = [self._own[n] for n in kept] + [(cut, row) for cut, row, _ in new]
        self._ahead = np.concatenate([self._ahead[kept], [ahead for _, _, ahead in new]])
        rows = [row for _, row in self._own]
        self._here = np.ones(len(rows), dtype=bool)
        self._sides = np.array([row[2] for row in rows])
        self._rows = stacked(rows, self._columns)

    def take(self, x: Floats, least: float) -> list[tuple[Cut, Row]]:
        """Those that ``x`` violates by more than ``least`` of their side: the deepest for each
        column that cuts bound, since the next solution needs few of the others."""
        if not self._here.any():
            return []
        excess = self._sides - self._rows @ x
        deep = self._here & (excess > least * self._size_of(self._sides))
        violated = np.flatnonzero(deep)
        violated = violated[np.argsort(-excess[violated], kind="stable")]
        _, deepest = np.unique(self._ahead[violated], return_index=True)
        taken = np.sort(violated[deepest])
        self._here[taken] = False
        return [self._own[n] for n in taken]

    def cuts(self) -> list[Cut]:
        """Those that are there."""
        return [self._own[n][0] for n in np.flatnonzero(self._here)]
