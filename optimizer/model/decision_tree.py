"""Decision tree: the information sets in which the decisions of one plan are made.

A plan can be made for several assumption sets, and leave decisions to a review. Decisions before
the review are made at the root of the tree; each branch of the review is a node below it. A leaf is
one assumption set on one branch. A risk measure combines the objectives under the sets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.files.reading import cases_by_assumption_set
from models.scenario.references import Case
from optimizer.model.commitment import (
    Commitment,
    clip_floored_offtake,
    combine_branches,
    drop_unused,
    weighted_branches,
    weighted_cost,
)
from optimizer.model.instance import Instance, read_instances
from optimizer.model.risk_measure import SetMeasure, WeightedMean, read_set_measure
from optimizer.model.user_rule_values import user_rule_values

Integers = NDArray[np.int64]


class Node(NamedTuple):
    """Node of a decision tree: states of one assumption set, on one review branch, or both. None
    stands for all sets, and for all branches or no review."""

    set_index: int | None = None
    branch: int | None = None

    def contains(self, other: Node) -> bool:
        """Check whether the states of another node are among those of this node."""
        return self.set_index in (None, other.set_index) and self.branch in (None, other.branch)


ROOT = Node()


@dataclass(frozen=True, eq=False)
class Leaf:
    """Leaf of a decision tree: an assumption set on a review branch, with its instance and the
    probability of the branch."""

    set_index: int
    branch: int | None  # index of the review branch; None if there is no review
    instance: Instance
    probability: float  # of the leaf's states within the set

    @property
    def node(self) -> Node:
        """The leaf as a node of the tree."""
        return Node(self.set_index, self.branch)

    def decision_node(self, year: int) -> Node:
        """Return the node at which the decisions of a year are made."""
        if self.branch is None or self.instance.is_decided_before_review(year):
            return ROOT
        return Node(branch=self.branch)


@dataclass(frozen=True, eq=False)
class DecisionTree:
    """The assumption sets that share the decisions of one plan, and the measure over them. A
    scenario without assumption sets counts as a single set."""

    instances: tuple[Instance, ...]
    measure: SetMeasure = field(default_factory=WeightedMean)

    @classmethod
    def of(cls, problem: Instance | DecisionTree) -> DecisionTree:
        """Return the tree of a single instance; a tree is returned unchanged."""
        return problem if isinstance(problem, DecisionTree) else cls((problem,))

    @property
    def first_instance(self) -> Instance:
        """Instance of the first set. Its lot sizes and ids are those of all sets."""
        return self.instances[0]

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """The leaves, ordered by set and review branch."""
        return tuple(
            Leaf(k, g, branch_instance, probability)
            for k, instance in enumerate(self.instances)
            for g, branch_instance, probability in _branches(instance)
        )

    @property
    def is_single_leaf(self) -> bool:
        """Whether the problem is that of one instance without a review, and its measure is a
        weighted sum."""
        return len(self.leaves) == 1 and self.measure.is_additive and self.leaves[0].branch is None

    @property
    def without_review(self) -> DecisionTree:
        """The tree of the same problem without a review: all decisions are at the root."""
        instances = tuple(replace(instance, branches=()) for instance in self.instances)
        return replace(self, instances=instances)

    def plan_objective(self, plan: Commitment, recourse_costs: Sequence[float]) -> float:
        """Return the objective of a plan. ``recourse_costs`` has the damage term of the objective
        for each set; the cost of the plan is added."""
        costs = (weighted_cost(instance, plan) for instance in self.instances)
        return self.measure.value([cost + x for cost, x in zip(costs, recourse_costs, strict=True)])

    def drop_unused(self, plan: Commitment) -> Commitment:
        """Return the plan without projects and supports that are unused in every leaf below the
        node of the decision. A share keeps the largest value that one of these leaves needs. If a
        rule of the user counts what is unused, return the plan itself."""
        if self.first_instance.extra_rules is not None:
            return plan  # what they count is known to their constraints only
        trimmed = self._without_unused(plan)
        is_broken = any(
            value.is_broken
            for instance in self.instances
            for _, branch_instance, branch in weighted_branches(instance, trimmed)
            for value in user_rule_values(branch_instance, branch)
        )
        return plan if is_broken else trimmed

    def _without_unused(self, plan: Commitment) -> Commitment:
        if not plan.branches:
            trimmed_plans = [drop_unused(instance, plan) for instance in self.instances]
            return _trim(
                plan,
                {p for branch_plan in trimmed_plans for p in branch_plan.start},
                _max_shares(trimmed_plans),
            )
        trimmed_plans = [
            replace(
                self, instances=tuple(instance.on_branch(g) for instance in self.instances)
            ).drop_unused(branch)
            for g, branch in enumerate(plan.branches)
        ]
        root_starts = {
            p for branch_plan in trimmed_plans for p in branch_plan.start if p in plan.start
        }
        shares = _max_shares(trimmed_plans)
        root_shares = {key: shares.get(key, 0.0) for key in plan.share}
        return combine_branches(
            [
                _trim(
                    branch, root_starts | branch_plan.start.keys(), branch_plan.share | root_shares
                )
                for branch, branch_plan in zip(plan.branches, trimmed_plans, strict=True)
            ],
            self.first_instance,
        )

    def combine_leaf_plans(self, leaf_plans: Sequence[Commitment]) -> Commitment:
        """Combine the plans for the leaves of the first set into one that all sets allow."""
        return self._clip_to_all_sets(
            combine_branches(leaf_plans, self.first_instance)
            if self.first_instance.branches
            else leaf_plans[0]
        )

    def _clip_to_all_sets(self, plan: Commitment) -> Commitment:
        """Reduce offtake, floored offtake and purchases of a plan, which was read from the solution
        under the first set, to the limits of all sets. Within the solver's tolerances they can
        exceed the limits slightly."""
        if plan.branches:
            return combine_branches(
                [self._clip_to_all_sets(branch) for branch in plan.branches], self.first_instance
            )
        offtake, buy = dict(plan.offtake), dict(plan.buy)
        for instance in self.instances[1:]:
            for (p, group), x in offtake.items():
                offtake[p, group] = min(x, instance.offtake_right(p, group, plan.share))
            for h, lots in buy.items():
                buy[h] = np.minimum(lots, instance.stockpiles[h].max_purchase)
        offtake = {key: x for key, x in offtake.items() if x > 0}
        floored = clip_floored_offtake(plan.floored, offtake, plan.share)
        return replace(plan, offtake=offtake, buy=buy, floored=floored)


def _branches(instance: Instance) -> Iterator[tuple[int | None, Instance, float]]:
    """Yield index, instance and probability of each review branch; None, the instance and 1 if
    there is no review."""
    if not instance.branches:
        yield None, instance, 1.0
    for g, branch in enumerate(instance.branches):
        yield g, instance.on_branch(g), branch.probability


def _max_shares(plans: Iterable[Commitment]) -> dict[tuple[str, str, str], float]:
    """Return the largest value that each share has in any of the plans."""
    shares: dict[tuple[str, str, str], float] = {}
    for plan in plans:
        for key, x in plan.share.items():
            shares[key] = max(shares.get(key, 0.0), x)
    return shares


def _trim(
    plan: Commitment, started_projects: set[str], max_shares: Mapping[tuple[str, str, str], float]
) -> Commitment:
    """Return the plan with its projects among ``started_projects``, and with the given shares in
    place of its own."""
    start = {p: y for p, y in plan.start.items() if p in started_projects}
    share = {key: max_shares.get(key, 0.0) for key in plan.share if key[0] in start}
    return replace(
        plan,
        start=start,
        share={key: x for key, x in share.items() if x > 0},
        market={p: x for p, x in plan.market.items() if p in start},
        floored={key: x for key, x in plan.floored.items() if key[0] in start},
    )


def read_assumption_sets(case: Case) -> tuple[int, DecisionTree]:
    """Read the assumption sets of a scenario; reference objectives are 0. Return the index of the
    first set that changes no figure of the file (0 if every set does), and the tree of the sets."""
    cases = cases_by_assumption_set(case)
    weights = tuple(float(assumption.weight) for assumption in case.assumptions.values())
    unchanged_sets = (
        k for k, assumption in enumerate(case.assumptions.values()) if not assumption.set
    )
    measure = read_set_measure(case.objective.over_assumptions, weights)
    return next(unchanged_sets, 0), DecisionTree(read_instances([*cases.values()]), measure)


def mark_over_assumptions(case: Case, instance: Instance) -> Instance:
    """Return the instance of one set, such that its case contains the assumption sets and the
    criterion of the scenario ``case``. Results can then state them."""
    set_case = instance.case
    criterion = {"over_assumptions": case.objective.over_assumptions}
    objective = set_case.objective.model_copy(update=criterion)
    updates = {"assumptions": case.assumptions, "objective": objective}
    return replace(instance, case=set_case.model_copy(update=updates))
