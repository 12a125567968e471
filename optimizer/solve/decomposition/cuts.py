"""Cuts: what a sweep proves of the damage of every commitment, and the points they came from."""

from __future__ import annotations

import math
import time
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from optimizer.model.instance import Floats
from optimizer.solve.sweep import Point, Recourse, Slopes


@dataclass(frozen=True, eq=False)
class Cut:
    """Damage is at least constant less slopes times commitment: of one node, or of all."""

    slopes: dict[int, Slopes]
    """By node; of one where the cut bounds a node's mean, of all where it bounds the tail."""
    group: int = 0
    """Of the states whose part of the mean it bounds."""
    tail: bool = False
    """Whether it bounds the CVaR of the sum of all nodes."""
    point: Point | None = None
    """Where it is tight, as long as that is known."""

    @property
    def bounds(self) -> tuple[int, int]:
        """Node and group of states of a cut of a mean."""
        return next(iter(self.slopes)), self.group


@dataclass(frozen=True, eq=False)
class Appraisal:
    """A point, what recourse costs there, and the cuts that are tight there."""

    point: Point
    by_node: dict[int, float]
    """Expected damage of each node that was swept."""
    tail: float
    """CVaR of damage; 0 where the objective does not weigh it."""
    cuts: list[Cut]
    whole: bool
    """Whether all nodes were swept that count."""


def tail_weights(probability: Floats, damage: Floats, level: float) -> Floats:
    """(S) weights of the states in the mean of the worst ``1 - level``, at a given damage.

    The state at the quantile is split (Rockafellar and Uryasev 2000).
    """
    tail = (1 - level) * probability.sum()
    order = np.argsort(-damage, kind="stable")
    before = np.concatenate([[0.0], np.cumsum(probability[order])[:-1]])
    weights = np.zeros(len(damage))
    weights[order] = np.clip(tail - before, 0.0, probability[order])
    shares: Floats = weights / weights.sum()
    return shares


def group_weights(probability: Floats, groups: int) -> Floats:
    """(G, S) probability of each state in its group: every G-th state is of one group."""
    states = np.arange(len(probability))
    weights = np.zeros((groups, len(states)))
    weights[states % groups, states] = probability
    return weights


class Appraiser:
    """Appraises points by sweeps.

    ``groups`` (G, S) holds the probability of each state in its group. Cuts of the mean are made
    for each node and group: more groups tell more of a point, and make a larger master.
    """

    def __init__(self, recourse: Recourse, groups: int = 1) -> None:
        objective = recourse.instance.case.objective
        self.recourse = recourse
        self.groups = group_weights(recourse.probability, groups)
        self.weight = float(objective.cvar.weight)
        self.level = float(objective.cvar.level)
        nodes = recourse.instance.nodes
        self.counts = {v: nodes[v].counts for v in recourse.nodes}
        self.nodes = [v for v, counts in self.counts.items() if counts > 0 or self.weight > 0]
        """Positions of the nodes that the objective depends on."""
        self.sweeps = 0
        self.node_sweeps = 0
        self.seconds = 0.0

    def __call__(self, point: Point, nodes: Collection[int] | None = None) -> Appraisal:
        """Sweep a point, in some nodes only where the tail, which is that of all, has no weight."""
        recourse, probability = self.recourse, self.recourse.probability
        began = time.perf_counter()
        nodes = self.nodes if nodes is None or self.weight > 0 else nodes
        cuts = []
        swept = recourse.sweep(point, self.groups, priced=self.weight < 1, nodes=nodes)
        if self.weight < 1:
            cuts = [
                Cut({v: part}, group, point=point)
                for v, own in swept.slopes.items()
                if self.counts[v] > 0
                for group, part in enumerate(own.by_set())
            ]
        tail = 0.0
        if self.weight > 0:
            worst = tail_weights(probability, swept.damage, self.level)
            tail = float(worst @ swept.damage)
            slopes = recourse.sweep(point, worst[None]).slopes
            cuts.append(Cut(slopes, tail=True, point=point))
        self.sweeps += 1
        self.node_sweeps += len(nodes)
        self.seconds += time.perf_counter() - began
        by_node = {v: float(own.sum()) for v, own in swept.by_node.items()}
        return Appraisal(point, by_node, tail, cuts, whole=len(nodes) == len(self.nodes))

    def damage_at(self, point: Point) -> float:
        """What recourse adds to the objective at a point, without any cut of it."""
        probability = self.recourse.probability
        swept = self.recourse.sweep(point, probability[None], priced=False, nodes=self.nodes)
        mean = math.fsum(self.counts[v] * float(own[0]) for v, own in swept.by_node.items())
        tail = 0.0
        if self.weight > 0:
            tail = float(tail_weights(probability, swept.damage, self.level) @ swept.damage)
        return (1 - self.weight) * mean + self.weight * tail

    def cost(self, appraisal: Appraisal) -> float:
        """What recourse adds to the objective."""
        mean = math.fsum(self.counts[v] * damage for v, damage in appraisal.by_node.items())
        return (1 - self.weight) * mean + self.weight * appraisal.tail
