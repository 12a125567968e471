"""Each state of a plan solved by itself, as if it were known beforehand."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.language import tr
from optimizer.errors import Interrupted, NoPlan
from optimizer.model.instance import Floats, Instance
from optimizer.model.states import State
from optimizer.parallel import Workers, side_by_side
from optimizer.solve.decomposition import Frame
from optimizer.solve.planner import Problem, judge, search, usual_jobs
from optimizer.solve.sweep import Recourse

SEED = 1999
"""Of the choice of states where not all of them are solved."""

Bounds = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Chosen:
    """States (W) that stand for all, each with a chance that is a share of one."""

    places: NDArray[np.intp]
    """(W) in the order of all states."""
    chance: Floats
    """(W)"""
    draws: int
    """How many states were drawn; 0 where all are there."""
    left: float
    """What drawing without putting back leaves of the variance of a mean."""

    @property
    def exact(self) -> bool:
        """Whether all states are there."""
        return self.draws == 0

    def error(self, influence: Floats) -> float | None:
        """Standard error of a figure to which each state (W) adds this; None where exact."""
        if self.exact:
            return None
        spread = self.chance @ (influence - self.chance @ influence) ** 2
        return math.sqrt(spread / (self.draws - 1) * self.left)


def choose(chance: Floats, alike: NDArray[np.intp], most: int, seed: int = SEED) -> Chosen:
    """States to be solved: all, where no more than ``most`` are unlike, else a random ``most``, of
    which there are two at least, since one alone tells of no error.

    States are drawn at equal steps of their probability, in random order (Hartley and Rao 1962):
    where all have the same, that is drawing without putting back.

    Parameters
    ----------
    chance
        (S) probability of each state.
    alike
        (S) number of the kind of each; states of one kind are solved once.
    """
    possible = np.flatnonzero(chance > 0)
    if len(np.unique(alike[possible])) <= most:
        return Chosen(possible, chance[possible] / chance.sum(), 0, 0.0)
    most = max(2, most)
    stream = np.random.Generator(np.random.Philox(key=seed))
    order = stream.permutation(possible)
    share = chance[order] / chance[order].sum()
    at = (np.arange(most) + stream.random()) / most
    drawn = np.minimum(np.searchsorted(np.cumsum(share), at, side="right"), len(order) - 1)
    places, hits = np.unique(order[drawn], return_counts=True)
    # Hartley and Rao's approximation holds as long as no state is sure to be drawn.
    left = 1 - most * float(share @ share) if most * share.max() <= 1 else 1.0
    return Chosen(places, hits / most, most, left)


def kinds(recourse: Recourse) -> NDArray[np.intp]:
    """(S) number of the kind of each state: those of one kind look alike to every material."""
    looks = [looks.of_state for looks in recourse.looks]
    if not looks:
        return np.zeros(len(recourse.probability), dtype=np.intp)
    _, kind = np.unique(np.stack(looks, axis=1), axis=0, return_inverse=True)
    return kind.reshape(-1).astype(np.intp)


@dataclass(eq=False)
class Foreseeing:
    """Finds the best plan for one state after the other, on one thread."""

    instance: Instance
    delays: dict[str, tuple[int, ...]]
    """Years that projects can be late in any of the states."""
    gap: float
    time_limit: float | None
    """Seconds for each state."""

    def __post_init__(self) -> None:
        # What does not depend on the state is most of the work where states are solved one by one.
        self._frame = Frame(self.instance)
        self._like: Recourse | None = None

    def __call__(self, state: State) -> Bounds:
        """Bound and objective of a state's best plan; infinite where a limit left no plan.

        Raises
        ------
        Interrupted
            If the user stopped it.
        NoPlan
            If a limit was met before anything was proven.
        """
        began = time.perf_counter()
        alone = (replace(state, probability=1.0),)
        recourse = Recourse(self.instance, alone, threads=1, like=self._like, delays=self.delays)
        self._like = recourse
        problem = Problem(self.instance, alone, 0.0, recourse, self._frame)
        solved = search(problem, gap=self.gap, time_limit=self.time_limit, threads=1)
        if solved.solution.interrupted:
            raise Interrupted(tr("stopped before all states were solved"))
        bound = solved.solution.bound
        if bound is None:
            raise NoPlan(tr("{name}: nothing was proven before the limit", name=state.name))
        if solved.commitment is None and solved.solution.ending == "limit":
            return bound, math.inf
        return bound, judge(problem, solved, gap=self.gap, began=began, threads=1).objective


def foresee(
    instance: Instance,
    states: Sequence[State],
    *,
    delays: dict[str, tuple[int, ...]],
    gap: float,
    time_limit: float | None,
    jobs: int | None,
    on_done: Callable[[int, int], None] | None,
) -> list[Bounds]:
    """Bound and objective of the best plan for each state by itself, side by side.

    ``instance`` has no weight on the tail: where the state is known, its damage is both the mean
    and the worst. ``delays`` are those that projects have in any state. ``on_done`` is told how
    many are done, of how many.
    """
    done = 0

    def count(_state: State, _answer: Bounds) -> None:
        nonlocal done
        done += 1
        if on_done is not None:
            on_done(done, len(states))

    wanted = max(1, min(side_by_side(jobs, usual_jobs(instance, states[:1])), len(states)))
    given = (instance, delays, gap, time_limit)
    with Workers[State, Bounds](Foreseeing, given, wanted) as workers:
        return workers.map(states, count)
