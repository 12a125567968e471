"""How much likelier states are under other chances than under the scenario's.

What was drawn and then discarded is summed over, so that a ratio depends on the state alone: a
strike drawn inside a running event of the same hazard leaves no trace, and neither does no strike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.model.instance import Floats, HazardData, Instance
from optimizer.model.states import Chances, State


@dataclass(frozen=True, eq=False)
class Drawn:
    """What was drawn of a hazard in each state and year."""

    began: NDArray[np.bool_]
    """(S, Y) whether an event began."""
    could: Floats
    """(S, Y) share of the year's periods in which it could: no event of it ran any more."""


def drawn(instance: Instance, states: Sequence[State]) -> dict[str, Drawn]:
    """What was drawn of each hazard."""
    n, shape = instance.per_year, (len(states), len(instance.years))
    starts = {h.id: np.full(shape, -1) for h in instance.hazards}
    for s, state in enumerate(states):
        for hazard, at in state.events:
            starts[hazard][s, at // n] = at
    return {h.id: _drawn(h, starts[h.id], n) for h in instance.hazards}


def _drawn(hazard: HazardData, start: NDArray[np.int64], n: int) -> Drawn:
    could = np.zeros(start.shape)
    running_until = np.zeros(len(start), dtype=np.int64)
    for y, at in enumerate(start.T):
        could[:, y] = np.clip(n * (y + 1) - np.maximum(running_until, n * y), 0, n) / n
        running_until = np.where(at >= 0, at + hazard.length, running_until)
    return Drawn(start >= 0, could)


def failed(instance: Instance, states: Sequence[State]) -> dict[str, NDArray[np.bool_]]:
    """(S) whether each project fails."""
    return {p: np.array([p in state.failed for state in states]) for p in instance.projects}


def likelihood_ratio(instance: Instance, states: Sequence[State], chances: Chances) -> Floats:
    """(S) probability of each state under other chances, over that under the scenario's.

    By hand: a strike of 0.1 a year is drawn with 0.3, two periods a year, the event lasts three. A
    state in which it begins in period 1 of 2026, so that of 2027 one period is left, has
    0.3 / 0.1 * (1 - 0.3 / 2) / (1 - 0.1 / 2); the period's own draw is the same under both.
    """
    own, logarithm = Chances.of(instance), np.zeros(len(states))
    for hazard, of_hazard in drawn(instance, states).items():
        p, q = own.strikes[hazard], chances.strikes[hazard]
        for y in np.flatnonzero(p != q):
            began, could = of_hazard.began[:, y], of_hazard.could[:, y]
            none = np.log1p(-q[y] * could) - np.log1p(-p[y] * could)
            logarithm += np.where(began, np.log(q[y] / p[y]), none)
    for project, fails in failed(instance, states).items():
        r, q_fails = own.fails[project], chances.fails[project]
        if r != q_fails:
            logarithm += np.where(fails, np.log(q_fails / r), np.log((1 - q_fails) / (1 - r)))
    return np.exp(logarithm)
