"""Cuts: what a sweep proves of the damage of every commitment, and the points they came from."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from optimizer.instance import Floats
from optimizer.sweep import Point, Recourse, Slopes


@dataclass(frozen=True, eq=False)
class Cut:
    """Damage is at least constant less slopes times commitment: of one node, or of all."""

    slopes: dict[int, Slopes]
    """By node; of one where the cut bounds a node's mean, of all where it bounds the tail."""
    tail: bool = False
    """Whether it bounds the CVaR of the sum of all nodes."""
    point: Point | None = None
    """Where it is tight, as long as that is known."""


@dataclass(frozen=True, eq=False)
class Appraisal:
    """A point, what recourse costs there, and the cuts that are tight there."""

    point: Point
    mean: float
    """Expected damage."""
    tail: float
    """CVaR of damage; 0 where the objective does not weigh it."""
    cuts: list[Cut]


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


class Appraiser:
    """Appraises points by sweeps."""

    def __init__(self, recourse: Recourse) -> None:
        objective = recourse.instance.case.objective
        self.recourse = recourse
        self.weight = float(objective.cvar.weight)
        self.level = float(objective.cvar.level)
        self.sweeps = 0
        self.seconds = 0.0

    def __call__(self, point: Point) -> Appraisal:
        """Sweep a point."""
        recourse, probability = self.recourse, self.recourse.probability
        began = time.perf_counter()
        cuts = []
        swept = recourse.sweep(point, probability[None], priced=self.weight < 1)
        if self.weight < 1:
            cuts = [Cut({v: own}, point=point) for v, own in swept.slopes.items()]
        tail = 0.0
        if self.weight > 0:
            worst = tail_weights(probability, swept.damage, self.level)
            tail = float(worst @ swept.damage)
            slopes = recourse.sweep(point, worst[None]).slopes
            cuts.append(Cut(slopes, tail=True, point=point))
        self.sweeps += 1
        self.seconds += time.perf_counter() - began
        return Appraisal(point, float(probability @ swept.damage), tail, cuts)

    def cost(self, appraisal: Appraisal) -> float:
        """What recourse adds to the objective."""
        return (1 - self.weight) * appraisal.mean + self.weight * appraisal.tail
