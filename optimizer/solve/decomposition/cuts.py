"""Cuts: what a sweep proves of the damage of every commitment, and the points they came from."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.model.commitment import Commitment
from optimizer.model.instance import Floats
from optimizer.model.risk import Risk, tail_weights
from optimizer.model.states import State
from optimizer.model.together import Part, Together
from optimizer.solve.sweep import Point, Recourse, Slopes
from optimizer.solve.sweep.recourse import REMEMBERED

Row = tuple[NDArray[np.int32], Floats, float]  # columns, entries and left side of a cut
FEWEST = 5  # sweeps of a node that are kept under each of many sets of assumptions
Points = tuple[Point, ...]
"""What recourse sees of a plan, in each part that it is made for."""


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

    points: Points
    by_chain: dict[int, float]  # expected damage of each chain that was swept, by its head
    damages: tuple[float, ...]  # what recourse adds to the objective under each set, if whole
    cuts: list[Cut]
    whole: bool  # whether all chains were swept that count, and exactly


def stacked(rows: Sequence[tuple[Any, ...]], width: int) -> sparse.csr_array:
    """Rows that begin with their columns and entries, as a matrix."""
    begins = np.cumsum([0, *(len(row[0]) for row in rows)])
    columns = np.concatenate([np.zeros(0, np.int32), *(row[0] for row in rows)])
    entries = np.concatenate([[], *(row[1] for row in rows)])
    return sparse.csr_array((entries, columns, begins), shape=(len(rows), width))


class Seen:
    """Recourse of a part as the objective sees it; its chains have numbers from ``first`` on.
    ``chance`` is that of the part among all states of its set, which counts ``counts``."""

    def __init__(self, recourse: Recourse, part: Part, counts: float, first: int) -> None:
        instance = recourse.instance
        self.risk, nodes = Risk.of(instance.case), instance.nodes
        self.recourse, self.part, self.first = recourse, part, first
        self.chance = part.chance
        # The least favourable mean is one of all chains together, as the tail is.
        self.weight = self.risk.weight if self.risk.ball is None else 1.0
        self.level = self.risk.level
        self._counts = {v: self.chance * nodes[v].counts for v in recourse.chains}
        self.heads = [v for v, own in self._counts.items() if own > 0 or self.weight > 0]
        self.several = any(len(nodes) > 1 for nodes in recourse.chains.values())
        # What a chain's mean counts in the objective over all sets.
        self.counts = {first + v: (counts * own) for v, own in self._counts.items()}

    def appraised(
        self, point: Point, heads: Collection[int], rough: bool
    ) -> tuple[dict[int, float], Floats, list[Cut]]:
        """What was found of a point: expected damage by chain, damage in each state, and cuts."""
        recourse, probability = self.recourse, self.recourse.probability
        heads = self.heads if self.weight > 0 else [v - self.first for v in heads]
        priced = self.weight < 1
        swept = recourse.sweep(point, probability[None], priced=priced, heads=heads, rough=rough)
        cuts = [
            Cut({self.first + n: swept.slopes[n] for n in recourse.chains[v]}, point=point)
            for v in swept.by_chain
            if priced and self._counts[v] > 0
        ]
        return {v: float(own.sum()) for v, own in swept.by_chain.items()}, swept.damage, cuts

    def of_tail(self, point: Point, weights: Floats) -> dict[int, Slopes]:
        """Slopes of the damage that states have by these weights."""
        slopes = self.recourse.sweep(point, weights[None]).slopes
        return {self.first + n: own for n, own in slopes.items()}

    def known(self, point: Point) -> list[Cut]:
        """Cuts of means that former sweeps prove, as strong as they can be at a point."""
        heads = [v for v in self.heads if self._counts[v] > 0] if self.weight < 1 else []
        return [
            Cut({self.first + n: own for n, own in slopes.items()}, at_hand=True)
            for slopes in self.recourse.known(point, heads).values()
        ]

    def damage_at(self, point: Point) -> tuple[dict[int, float], Floats]:
        """Expected damage by chain and damage in each state at a point, without any cut of it."""
        probability = self.recourse.probability
        swept = self.recourse.sweep(point, probability[None], priced=False, heads=self.heads)
        return {v: float(own[0]) for v, own in swept.by_chain.items()}, swept.damage

    def mean(self, by_chain: Mapping[int, float]) -> float:
        """What expected damage of chains adds to the mean of all states of the set."""
        return math.fsum(self._counts[v] * damage for v, damage in by_chain.items())

    @property
    def key(self) -> tuple[Any, ...]:
        """What points cost the same by."""
        return self.recourse.content, self.risk, tuple(self._counts.items())


class Appraiser:
    """Appraises points by sweeps of the chains that the objective depends on, in each part that a
    plan is made for. ``sets`` are the parts of each set of assumptions."""

    def __init__(self, together: Together, recourses: Sequence[Recourse]) -> None:
        self.together = together
        self.parts: list[Seen] = []
        self.sets: list[list[Seen]] = [[] for _ in together.instances]
        first = 0
        for recourse, part in zip(recourses, together.parts, strict=True):
            counts = together.weights[part.set] if together.adds_up else 1.0
            recourse.remembered = max(FEWEST, REMEMBERED // len(recourses))
            self.parts.append(Seen(recourse, part, counts, first))
            self.sets[part.set].append(self.parts[-1])
            first += len(recourse.instance.nodes)
        self.heads = [seen.first + v for seen in self.parts for v in seen.heads]
        self.counts = {v: x for seen in self.parts for v, x in seen.counts.items()}
        self.chains = {
            seen.first + v: tuple(seen.first + n for n in own)
            for seen in self.parts
            for v, own in seen.recourse.chains.items()
        }
        # Whether some chains can be swept without the others; a tail is that of all together.
        self.separable = not any(seen.weight > 0 for seen in self.parts)
        self._several = self.separable and any(seen.several for seen in self.parts)
        self.sweeps = self.node_sweeps = 0
        self.seconds = 0.0

    @classmethod
    def of(cls, recourse: Recourse) -> Appraiser:
        """That of a scenario by itself."""
        return cls(Together((recourse.instance,)), [recourse])

    def __call__(
        self, points: Points, heads: Collection[int] | None = None, rough: bool = False
    ) -> Appraisal:
        """Sweep a point, in some chains only if no tail counts, which is that of all; and roughly,
        where that makes a difference."""
        began = time.perf_counter()
        heads = self.heads if heads is None or not self.separable else heads
        rough &= self._several
        by_chain: dict[int, float] = {}
        damages: list[float] = []
        cuts: list[Cut] = []
        left = iter(points)
        for of_set in self.sets:
            own, mean, in_states = [next(left) for _ in of_set], list[float](), list[Floats]()
            for seen, point in zip(of_set, own, strict=True):
                last = seen.first + len(seen.recourse.instance.nodes)
                there = [v for v in heads if seen.first <= v < last]
                found, damage, new = seen.appraised(point, there, rough)
                by_chain |= {seen.first + v: x for v, x in found.items()}
                mean.append(seen.mean(found))
                in_states.append(damage)
                cuts += new
            tail, weights = _tail(of_set, in_states)
            if weights:
                slopes = dict[int, Slopes]()
                for seen, point, worst in zip(of_set, own, weights, strict=True):
                    slopes |= seen.of_tail(point, worst)
                cuts.append(Cut(slopes, tail=True, point=own[0] if len(own) == 1 else None))
            damages.append(_weighed(of_set, mean, tail))
        self.sweeps += 1
        self.node_sweeps += sum(len(self.chains[v]) for v in heads)
        self.seconds += time.perf_counter() - began
        whole = not rough and len(heads) == len(self.heads)
        return Appraisal(points, by_chain, tuple(damages), cuts, whole)

    def of_sets(self, by_chain: Mapping[int, float]) -> Floats:
        """Figures of chains added up under each set."""
        sums = [
            math.fsum(by_chain[v] for seen in own for v in seen.counts if v in by_chain)
            for own in self.sets
        ]
        return np.array(sums)

    @property
    def key(self) -> tuple[Any, ...]:
        """What points cost the same by."""
        return tuple(seen.key for seen in self.parts)

    @property
    def content(self) -> str:
        """What all cuts depend on: the hash of recourse, of several parts with their levels."""
        balls = any(seen.risk.ball is not None for seen in self.parts)
        if len(self.parts) == 1 and not balls:
            return self.parts[0].recourse.content
        own = [
            (seen.recourse.content, seen.weight > 0, seen.level, seen.part.set, seen.chance)
            + ((seen.risk,) if balls else ())
            for seen in self.parts
        ]
        return hashlib.sha256(repr(own).encode()).hexdigest()

    @property
    def level(self) -> float:
        """That of the CVaR, whose cuts hold for higher ones as well."""
        return self.parts[0].level if len(self.parts) == 1 else 0.0

    def points(self, plan: Commitment) -> Points:
        """A plan as recourse sees it."""
        return tuple(seen.recourse.columns.point(plan.on(seen.part.path)) for seen in self.parts)

    def slow(self, plan: Commitment) -> list[int]:
        """Heads of the chains that take linear programs to sweep at a plan."""
        pairs = zip(self.parts, self.points(plan), strict=True)
        return [seen.first + v for seen, point in pairs for v in seen.recourse.slow(point)]

    def known(self, points: Points) -> list[Cut]:
        """Cuts of means that former sweeps prove, as strong as they can be at a point."""
        pairs = zip(self.parts, points, strict=True)
        return [cut for seen, point in pairs for cut in seen.known(point)]

    def damages(self, plan: Commitment) -> tuple[float, ...]:
        """What recourse adds to the objective under each set at a plan, without any cut of it."""
        left, found = iter(self.points(plan)), list[float]()
        for of_set in self.sets:
            pairs = [seen.damage_at(next(left)) for seen in of_set]
            mean = [seen.mean(own) for seen, (own, _) in zip(of_set, pairs, strict=True)]
            tail, _ = _tail(of_set, [damage for _, damage in pairs])
            found.append(_weighed(of_set, mean, tail))
        return tuple(found)


def in_parts(
    together: Together, recourses: Sequence[Recourse], states: Sequence[Sequence[State]]
) -> list[Recourse]:
    """Recourse of each part, by that in all states of each set."""
    found = list[Recourse]()
    for own, whole, of_set in zip(together.instances, recourses, states, strict=True):
        seen = whole.seen(own)
        found += seen.on_paths(of_set) if own.paths else [seen]
    return found


def _tail(of_set: Sequence[Seen], damages: Sequence[Floats]) -> tuple[float, list[Floats]]:
    """The mean of the worst states of a set, by damage in the states of each part, and the weights
    in it of the states of each; no weights where it does not count."""
    if of_set[0].weight == 0:
        return 0.0, []
    chances = [seen.chance * seen.recourse.probability for seen in of_set]
    damage = np.concatenate(damages)
    risk, chance = of_set[0].risk, np.concatenate(chances)
    if risk.ball is None:
        worst = tail_weights(chance, damage, risk.level)
    else:
        worst = risk.weights(chance, damage)
    ends = np.cumsum([len(own) for own in damages])[:-1]
    return float(worst @ damage), np.split(worst, ends)


def _weighed(of_set: Sequence[Seen], means: Sequence[float], tail: float) -> float:
    weight = of_set[0].weight
    return (1 - weight) * math.fsum(means) + weight * tail


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
