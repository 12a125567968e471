"""Several sets of assumptions that one plan is made for.

What is minimised over them is the mean of their objectives by weight, the worst of them, or the
largest regret (minimax regret: Savage 1951).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from models.files.reading import under_assumptions
from models.scenario.case import Case
from optimizer.model.commitment import Commitment, of_paths, weighed_cost
from optimizer.model.instance import Floats, Instance, read_together
from optimizer.model.review import by_path, on_path
from optimizer.model.states import State

Places = NDArray[np.int64]
Over = Literal["mean", "worst", "regret"]


@dataclass(frozen=True, eq=False)
class Part:
    """What is decided and known in the states that go one path under one set of assumptions; in all
    states of the set where there is no review."""

    set: int
    path: int | None
    instance: Instance
    chance: float  # of all states of the set


@dataclass(frozen=True, eq=False)
class Together:
    """The sets that one plan is made for, in which decisions mean the same; a single one is the
    scenario itself. ``best`` are the objectives that regret is taken from."""

    instances: tuple[Instance, ...]
    weights: tuple[float, ...] = (1.0,)
    over: Over = "mean"
    best: tuple[float, ...] = (0.0,)

    @property
    def first(self) -> Instance:
        """The instance whose lots and names all have."""
        return self.instances[0]

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Paths of each set, or the sets themselves."""
        found = list[Part]()
        for k, own in enumerate(self.instances):
            paths = enumerate(own.paths)
            found += [Part(k, g, own.on_path(g), path.chance) for g, path in paths]
            found += [] if own.paths else [Part(k, None, own, 1.0)]
        return tuple(found)

    def parted(self, states: Sequence[Sequence[State]]) -> list[tuple[State, ...]]:
        """The states of each part, of those of each set, with probabilities that add up to 1."""
        found = list[tuple[State, ...]]()
        for own, of_set in zip(self.instances, states, strict=True):
            found += [on_path(of_set, places) for places in by_path(own, of_set)]
            found += [] if own.paths else [tuple(of_set)]
        return found

    @property
    def without_review(self) -> Together:
        """The same where all is decided now."""
        instances = tuple(replace(own, paths=()) for own in self.instances)
        return replace(self, instances=instances)

    @property
    def adds_up(self) -> bool:
        """Whether the objective is a sum over the sets."""
        return self.over == "mean"

    def objective(self, values: Sequence[float] | Floats) -> float:
        """What is minimised, of the objectives under each set."""
        if self.adds_up:
            return math.fsum(w * x for w, x in zip(self.weights, values, strict=True))
        return float(max(x - best for best, x in zip(self.best, values, strict=True)))

    def worth(self, plan: Commitment, damages: Sequence[float]) -> float:
        """The objective of a plan, by what recourse adds to it under each set."""
        costs = (weighed_cost(own, plan) for own in self.instances)
        return self.objective([cost + x for cost, x in zip(costs, damages, strict=True)])

    def without(
        self, plan: Commitment, idle: Callable[[Instance, Commitment], Commitment]
    ) -> Commitment:
        """A plan without what is ``idle`` under all sets and on all paths: of each share what some
        set, and some path if it is decided for all, needs."""
        if plan.paths:
            left = [self._on(g).without(own, idle) for g, own in enumerate(plan.paths)]
            return self._in_common(plan, left)
        if len(self.instances) == 1:
            return idle(self.first, plan)
        left = [idle(own, plan) for own in self.instances]
        share: dict[tuple[str, str, str], float] = {}
        for own in left:
            for key, x in own.share.items():
                share[key] = max(share.get(key, 0.0), x)
        start = {p: y for p, y in plan.start.items() if any(p in own.start for own in left)}
        return replace(
            plan,
            start=start,
            share={key: share[key] for key in plan.share if key in share and key[0] in start},
            market={p: x for p, x in plan.market.items() if p in start},
            floored={key: x for key, x in plan.floored.items() if key[0] in start},
        )

    def decided(self, read: Sequence[Commitment]) -> Commitment:
        """The plan that was read on each path under the first set, or there at all, as all sets
        allow it."""
        return self.allowed(of_paths(read, self.first) if self.first.paths else read[0])

    def _on(self, g: int) -> Together:
        return replace(self, instances=tuple(own.on_path(g) for own in self.instances))

    def _in_common(self, plan: Commitment, left: Sequence[Commitment]) -> Commitment:
        """The plan of which this is left on each path, where what is decided for all paths stays if
        one of them needs it."""
        kept = {p for p in plan.start if any(p in own.start for own in left)}
        share = {key: max(own.share.get(key, 0.0) for own in left) for key in plan.share}
        paths = []
        for whole, own in zip(plan.paths, left, strict=True):
            start = {p: y for p, y in whole.start.items() if p in kept or p in own.start}
            held = {key: share.get(key, own.share.get(key, 0.0)) for key in whole.share}
            path = replace(
                whole,
                start=start,
                share={key: x for key, x in held.items() if x > 0 and key[0] in start},
                market={p: x for p, x in whole.market.items() if p in start},
                floored={key: x for key, x in whole.floored.items() if key[0] in start},
            )
            paths.append(path)
        return of_paths(paths, self.first)

    def allowed(self, plan: Commitment) -> Commitment:
        """A plan that was read under the first set, without the trace that the solver takes beyond
        the rights and limits of others."""
        if plan.paths:
            return of_paths([self.allowed(own) for own in plan.paths], self.first)
        offtake, buy = dict(plan.offtake), dict(plan.buy)
        for own in self.instances[1:]:
            for (p, group), x in offtake.items():
                offtake[p, group] = min(x, own.right(p, group, plan.share))
            for h, lots in buy.items():
                buy[h] = np.minimum(lots, own.stockpiles[h].max_purchase)
        return replace(plan, offtake={key: x for key, x in offtake.items() if x > 0}, buy=buy)


def read_sets(case: Case) -> tuple[int, Together]:
    """The sets that a scenario's plan is made over, without any best objectives; and which of them
    its figures are of: the file as it stands, or the first set where that is none of them."""
    cases, over = under_assumptions(case), case.objective.over_assumptions
    weights = tuple(float(own.weight) for own in case.assumptions.values())
    unchanged = (k for k, own in enumerate(case.assumptions.values()) if not own.set)
    instances = read_together([*cases.values()])
    together = Together(instances, weights, over or "mean", (0.0,) * len(instances))
    return next(unchanged, 0), together


def looked_at(case: Case, instance: Instance) -> Instance:
    """The instance of a set as one of the scenario's, which says that it is made over sets."""
    own = instance.case
    over = {"over_assumptions": case.objective.over_assumptions}
    objective = own.objective.model_copy(update=over)
    kept = {"assumptions": case.assumptions, "objective": objective}
    return replace(instance, case=own.model_copy(update=kept))


def sets_of(instance: Instance | Together, states: Any) -> tuple[Together, Sequence[Any]]:
    """A scenario and its states as the one set that there is; several as they are."""
    if isinstance(instance, Together):
        return instance, states
    return Together((instance,)), (states,)
