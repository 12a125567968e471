"""Assumption sets: one plan can be made for several of them.

The objective is the weighted mean of the objectives under the sets, the worst of these, or the
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
    """One block of the stacked problem: an assumption set on one review branch, with its instance
    and the probability of the branch. Without a review the block is the whole set."""

    set_index: int
    branch_index: int | None
    instance: Instance
    probability: float  # of the block's states within the set


@dataclass(frozen=True, eq=False)
class AssumptionSets:
    """The assumption sets that share the decisions of one plan. A scenario without assumption sets
    counts as a single set. Regrets are the objectives minus ``reference_objectives``."""

    instances: tuple[Instance, ...]
    weights: tuple[float, ...] = (1.0,)
    criterion: Criterion = "mean"
    reference_objectives: tuple[float, ...] = (0.0,)

    @property
    def first_instance(self) -> Instance:
        """Instance of the first set. Its lot sizes and ids are those of all sets."""
        return self.instances[0]

    @cached_property
    def blocks(self) -> tuple[ProblemBlock, ...]:
        """Blocks of the stacked problem: one for each set and review branch, or one for each set if
        there is no review."""
        collected = list[ProblemBlock]()
        for k, instance in enumerate(self.instances):
            branches = enumerate(instance.branches)
            collected += [
                ProblemBlock(k, g, instance.on_branch(g), branch.probability)
                for g, branch in branches
            ]
            collected += [] if instance.branches else [ProblemBlock(k, None, instance, 1.0)]
        return tuple(collected)

    def states_by_block(self, states: Sequence[Sequence[State]]) -> list[tuple[State, ...]]:
        """Return the states of each block, from the states of each set. Probabilities are divided
        by that of the block, so that they sum to 1."""
        block_states = list[tuple[State, ...]]()
        for instance, set_states in zip(self.instances, states, strict=True):
            block_states += [
                states_on_branch(set_states, indices)
                for indices in branch_state_indices(instance, set_states)
            ]
            block_states += [] if instance.branches else [tuple(set_states)]
        return block_states

    @property
    def without_review(self) -> AssumptionSets:
        """The same sets in a problem without a review, where all decisions are common to all
        states."""
        instances = tuple(replace(instance, branches=()) for instance in self.instances)
        return replace(self, instances=instances)

    @property
    def is_additive(self) -> bool:
        """Whether the objective is a weighted sum of the objectives under the sets."""
        return self.criterion == "mean"

    def combine_objectives(self, values: Sequence[float] | Floats) -> float:
        """Return the objective that is minimised: the weighted mean of ``values``, one objective
        for each set, or the largest of them after the reference objectives are subtracted."""
        if self.is_additive:
            return math.fsum(w * x for w, x in zip(self.weights, values, strict=True))
        return float(
            max(x - best for best, x in zip(self.reference_objectives, values, strict=True))
        )

    def plan_objective(self, plan: Commitment, recourse_costs: Sequence[float]) -> float:
        """Return the objective of a plan. ``recourse_costs`` has the damage term of the objective
        for each set; the cost of the plan is added."""
        costs = (weighted_cost(instance, plan) for instance in self.instances)
        return self.combine_objectives(
            [cost + x for cost, x in zip(costs, recourse_costs, strict=True)]
        )

    def drop_unused(
        self, plan: Commitment, drop: Callable[[Instance, Commitment], Commitment]
    ) -> Commitment:
        """Return the plan without the projects and supports that ``drop`` removes under every set
        and on every review branch. A share that is common to several sets or branches keeps the
        largest value that one of them needs."""
        if plan.branches:
            trimmed = [
                self._on_branch(g).drop_unused(branch, drop)
                for g, branch in enumerate(plan.branches)
            ]
            return self._merge_branches(plan, trimmed)
        if len(self.instances) == 1:
            return drop(self.first_instance, plan)
        trimmed = [drop(instance, plan) for instance in self.instances]
        share: dict[tuple[str, str, str], float] = {}
        for part in trimmed:
            for key, x in part.share.items():
                share[key] = max(share.get(key, 0.0), x)
        start = {p: y for p, y in plan.start.items() if any(p in part.start for part in trimmed)}
        return replace(
            plan,
            start=start,
            share={key: share[key] for key in plan.share if key in share and key[0] in start},
            market={p: x for p, x in plan.market.items() if p in start},
            floored={key: x for key, x in plan.floored.items() if key[0] in start},
        )

    def combine_block_plans(self, block_plans: Sequence[Commitment]) -> Commitment:
        """Combine one plan for each block of the first set into a plan that is feasible under all
        sets."""
        return self.clip_to_all_sets(
            combine_branches(block_plans, self.first_instance)
            if self.first_instance.branches
            else block_plans[0]
        )

    def _on_branch(self, g: int) -> AssumptionSets:
        return replace(self, instances=tuple(instance.on_branch(g) for instance in self.instances))

    def _merge_branches(self, plan: Commitment, trimmed: Sequence[Commitment]) -> Commitment:
        """Combine the trimmed plans of the review branches into one. A decision before the review
        is kept if any branch needs it."""
        started = {
            p for p in plan.start if any(p in trimmed_branch.start for trimmed_branch in trimmed)
        }
        share = {
            key: max(trimmed_branch.share.get(key, 0.0) for trimmed_branch in trimmed)
            for key in plan.share
        }
        merged = []
        for branch, trimmed_branch in zip(plan.branches, trimmed, strict=True):
            start = {
                p: y for p, y in branch.start.items() if p in started or p in trimmed_branch.start
            }
            branch_share = {
                key: share.get(key, trimmed_branch.share.get(key, 0.0)) for key in branch.share
            }
            merged_branch = replace(
                branch,
                start=start,
                share={key: x for key, x in branch_share.items() if x > 0 and key[0] in start},
                market={p: x for p, x in branch.market.items() if p in start},
                floored={key: x for key, x in branch.floored.items() if key[0] in start},
            )
            merged.append(merged_branch)
        return combine_branches(merged, self.first_instance)

    def clip_to_all_sets(self, plan: Commitment) -> Commitment:
        """Reduce offtake and purchases of a plan, which was read from the solution under the first
        set, to the limits of all sets. Within the solver's tolerances they can exceed the limits
        slightly."""
        if plan.branches:
            return combine_branches(
                [self.clip_to_all_sets(branch) for branch in plan.branches], self.first_instance
            )
        offtake, buy = dict(plan.offtake), dict(plan.buy)
        for branch in self.instances[1:]:
            for (p, group), x in offtake.items():
                offtake[p, group] = min(x, branch.offtake_right(p, group, plan.share))
            for h, lots in buy.items():
                buy[h] = np.minimum(lots, branch.stockpiles[h].max_purchase)
        return replace(plan, offtake={key: x for key, x in offtake.items() if x > 0}, buy=buy)


def read_assumption_sets(case: Case) -> tuple[int, AssumptionSets]:
    """Read the assumption sets of a scenario; reference objectives are 0. Return the index of the
    first set that changes no figure of the file (0 if every set does), and the sets."""
    cases, criterion = cases_by_assumption_set(case), case.objective.over_assumptions
    weights = tuple(float(assumption.weight) for assumption in case.assumptions.values())
    unchanged = (k for k, assumption in enumerate(case.assumptions.values()) if not assumption.set)
    instances = read_instances([*cases.values()])
    assumption_sets = AssumptionSets(
        instances, weights, criterion or "mean", (0.0,) * len(instances)
    )
    return next(unchanged, 0), assumption_sets


def mark_over_assumptions(case: Case, instance: Instance) -> Instance:
    """Return the instance of one set, such that its case contains the assumption sets and the
    criterion of the scenario ``case``. Results can then state them."""
    set_case = instance.case
    criterion = {"over_assumptions": case.objective.over_assumptions}
    objective = set_case.objective.model_copy(update=criterion)
    updates = {"assumptions": case.assumptions, "objective": objective}
    return replace(instance, case=set_case.model_copy(update=updates))


def as_assumption_sets(
    instance: Instance | AssumptionSets, states: Any
) -> tuple[AssumptionSets, Sequence[Any]]:
    """Return assumption sets and a sequence of states for each. A single instance becomes one set,
    and its states the only element; several sets are returned unchanged."""
    if isinstance(instance, AssumptionSets):
        return instance, states
    return AssumptionSets((instance,)), (states,)
