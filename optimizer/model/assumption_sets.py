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

from models.files.reading import cases_by_assumption_set
from models.scenario.case import Case
from optimizer.model.commitment import Commitment, combine_branches, weighted_cost
from optimizer.model.instance import Floats, Instance, read_instances
from optimizer.model.review import branch_state_indices, states_on_branch
from optimizer.model.states import State

Integers = NDArray[np.int64]
Criterion = Literal["mean", "worst", "regret"]


@dataclass(frozen=True, eq=False)
class ProblemBlock:
    """What is decided and known in the states that go one path under one set of assumptions; in all
    states of the set where there is no review."""

    set_index: int
    branch_index: int | None
    instance: Instance
    probability: float  # of all states of the set


@dataclass(frozen=True, eq=False)
class AssumptionSets:
    """The sets that one plan is made for, in which decisions mean the same; a single one is the
    scenario itself. ``best`` are the objectives that regret is taken from."""

    instances: tuple[Instance, ...]
    weights: tuple[float, ...] = (1.0,)
    criterion: Criterion = "mean"
    reference_objectives: tuple[float, ...] = (0.0,)

    @property
    def first_instance(self) -> Instance:
        """The instance whose lots and names all have."""
        return self.instances[0]

    @cached_property
    def blocks(self) -> tuple[ProblemBlock, ...]:
        """Paths of each set, or the sets themselves."""
        found = list[ProblemBlock]()
        for k, own in enumerate(self.instances):
            paths = enumerate(own.branches)
            found += [ProblemBlock(k, g, own.on_branch(g), path.probability) for g, path in paths]
            found += [] if own.branches else [ProblemBlock(k, None, own, 1.0)]
        return tuple(found)

    def states_by_block(self, states: Sequence[Sequence[State]]) -> list[tuple[State, ...]]:
        """The states of each part, of those of each set, with probabilities that add up to 1."""
        found = list[tuple[State, ...]]()
        for own, of_set in zip(self.instances, states, strict=True):
            found += [
                states_on_branch(of_set, places) for places in branch_state_indices(own, of_set)
            ]
            found += [] if own.branches else [tuple(of_set)]
        return found

    @property
    def without_review(self) -> AssumptionSets:
        """The same where all is decided now."""
        instances = tuple(replace(own, branches=()) for own in self.instances)
        return replace(self, instances=instances)

    @property
    def is_additive(self) -> bool:
        """Whether the objective is a sum over the sets."""
        return self.criterion == "mean"

    def combine_objectives(self, values: Sequence[float] | Floats) -> float:
        """What is minimised, of the objectives under each set."""
        if self.is_additive:
            return math.fsum(w * x for w, x in zip(self.weights, values, strict=True))
        return float(
            max(x - best for best, x in zip(self.reference_objectives, values, strict=True))
        )

    def plan_objective(self, plan: Commitment, recourse_costs: Sequence[float]) -> float:
        """The objective of a plan, by what recourse adds to it under each set."""
        costs = (weighted_cost(own, plan) for own in self.instances)
        return self.combine_objectives(
            [cost + x for cost, x in zip(costs, recourse_costs, strict=True)]
        )

    def drop_unused(
        self, plan: Commitment, drop: Callable[[Instance, Commitment], Commitment]
    ) -> Commitment:
        """A plan without what is ``idle`` under all sets and on all paths: of each share what some
        set, and some path if it is decided for all, needs."""
        if plan.branches:
            left = [
                self._on_branch(g).drop_unused(own, drop) for g, own in enumerate(plan.branches)
            ]
            return self._merge_branches(plan, left)
        if len(self.instances) == 1:
            return drop(self.first_instance, plan)
        left = [drop(own, plan) for own in self.instances]
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

    def combine_block_plans(self, block_plans: Sequence[Commitment]) -> Commitment:
        """The plan that was read on each path under the first set, or there at all, as all sets
        allow it."""
        return self.clip_to_all_sets(
            combine_branches(block_plans, self.first_instance)
            if self.first_instance.branches
            else block_plans[0]
        )

    def _on_branch(self, g: int) -> AssumptionSets:
        return replace(self, instances=tuple(own.on_branch(g) for own in self.instances))

    def _merge_branches(self, plan: Commitment, trimmed: Sequence[Commitment]) -> Commitment:
        """The plan of which this is left on each path, where what is decided for all paths stays if
        one of them needs it."""
        kept = {p for p in plan.start if any(p in own.start for own in trimmed)}
        share = {key: max(own.share.get(key, 0.0) for own in trimmed) for key in plan.share}
        paths = []
        for whole, own in zip(plan.branches, trimmed, strict=True):
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
        return combine_branches(paths, self.first_instance)

    def clip_to_all_sets(self, plan: Commitment) -> Commitment:
        """A plan that was read under the first set, without the trace that the solver takes beyond
        the rights and limits of others."""
        if plan.branches:
            return combine_branches(
                [self.clip_to_all_sets(own) for own in plan.branches], self.first_instance
            )
        offtake, buy = dict(plan.offtake), dict(plan.buy)
        for own in self.instances[1:]:
            for (p, group), x in offtake.items():
                offtake[p, group] = min(x, own.offtake_right(p, group, plan.share))
            for h, lots in buy.items():
                buy[h] = np.minimum(lots, own.stockpiles[h].max_purchase)
        return replace(plan, offtake={key: x for key, x in offtake.items() if x > 0}, buy=buy)


def read_assumption_sets(case: Case) -> tuple[int, AssumptionSets]:
    """The sets that a scenario's plan is made over, without any best objectives; and which of them
    its figures are of: the file as it stands, or the first set where that is none of them."""
    cases, over = cases_by_assumption_set(case), case.objective.over_assumptions
    weights = tuple(float(own.weight) for own in case.assumptions.values())
    unchanged = (k for k, own in enumerate(case.assumptions.values()) if not own.set)
    instances = read_instances([*cases.values()])
    together = AssumptionSets(instances, weights, over or "mean", (0.0,) * len(instances))
    return next(unchanged, 0), together


def mark_over_assumptions(case: Case, instance: Instance) -> Instance:
    """The instance of a set as one of the scenario's, which says that it is made over sets."""
    own = instance.case
    over = {"over_assumptions": case.objective.over_assumptions}
    objective = own.objective.model_copy(update=over)
    kept = {"assumptions": case.assumptions, "objective": objective}
    return replace(instance, case=own.model_copy(update=kept))


def as_assumption_sets(
    instance: Instance | AssumptionSets, states: Any
) -> tuple[AssumptionSets, Sequence[Any]]:
    """A scenario and its states as the one set that there is; several as they are."""
    if isinstance(instance, AssumptionSets):
        return instance, states
    return AssumptionSets((instance,)), (states,)
