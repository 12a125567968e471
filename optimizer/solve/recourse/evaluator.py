"""Recourse evaluation: damage, shortages and cuts of a commitment in many states at once.

Recourse separates by chain and by state class (:mod:`optimizer.solve.recourse.state_classes`), so
it consists of evaluations that run in parallel. If all stocks lose at the same rate, a single node
is evaluated by :mod:`optimizer.solve.recourse.allocation_kernel`; a chain without gains, and a node
with stocks that are refilled, by :mod:`optimizer.solve.recourse.network_kernel`. All others are
solved as linear programs, one for each state class
(:mod:`optimizer.solve.recourse.program_template`).
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from optimizer.model.cores import usable_cores
from optimizer.model.instance import Chain, Floats, Instance, Realization
from optimizer.model.review import states_by_branch
from optimizer.model.states import State
from optimizer.solve.recourse.evaluations import (
    MaterialShortages,
    NodeEvaluation,
    RecourseEvaluation,
    Subgradient,
)
from optimizer.solve.recourse.network_evaluation import (
    NetworkData,
    NetworkEvaluation,
    content_by_node,
)
from optimizer.solve.recourse.node_data import (
    FirstStageColumns,
    FirstStagePoint,
    NodeData,
    build_node_data,
    hash_recourse_data,
)
from optimizer.solve.recourse.program_evaluation import DualCache, ProgramEvaluation
from optimizer.solve.recourse.program_template import (
    ProgramTemplate,
    build_chain_template,
    has_known_rules,
)
from optimizer.solve.recourse.state_classes import (
    ChainStateClasses,
    StateClasses,
    build_state_classes,
    find_realizations,
)

KEPT_EVALUATIONS = 20  # cached per node, since a search often changes the data of few nodes
KEPT_SHORTAGES = 4  # cached shortage evaluations per chain
BRANCHES_KEY = "paths"  # key of the evaluators by review branch in ``memo``
MIN_COMPILED_CLASSES = 64  # fewer state classes do not justify the compile time


@dataclass(frozen=True, eq=False)
class RecourseResult:
    """Damage of one commitment in all states, and its subgradients."""

    damage: Floats  # (S)
    damage_by_chain: dict[int, Floats]  # (W) weighted damage, by chain id
    subgradients: dict[int, Subgradient]  # by node; empty unless requested


class RecourseEvaluator:
    """Recourse evaluator of an instance in given states.

    It runs in ``threads`` threads (all usable cores if None). Unless ``merge_classes`` is set,
    every state is evaluated separately. ``reuse_from`` is an evaluator of the same instance in
    other states; its realizations must include all those of the present states. ``realizations``
    are the realizations that later evaluators which reuse this one may have.
    """

    def __init__(
        self,
        instance: Instance,
        states: Sequence[State],
        *,
        merge_classes: bool = True,
        threads: int | None = None,
        reuse_from: RecourseEvaluator | None = None,
        realizations: dict[str, tuple[Realization, ...]] | None = None,
    ) -> None:
        self.instance = instance
        self.columns: FirstStageColumns = (
            reuse_from.columns if reuse_from else FirstStageColumns(instance)
        )
        self.probability = np.array([state.probability for state in states])
        self.realizations: dict[str, tuple[Realization, ...]] = (
            reuse_from.realizations
            if reuse_from
            else realizations or find_realizations(instance, states)
        )
        self.material_classes, self.chain_classes = build_state_classes(
            instance, states, realizations=self.realizations, merge=merge_classes
        )
        self.threads = threads or usable_cores()
        self.kept_evaluations = KEPT_EVALUATIONS
        self._evaluations: OrderedDict[tuple[Any, ...], RecourseEvaluation] = OrderedDict()
        self._shortage_evaluations: OrderedDict[tuple[Any, ...], RecourseEvaluation] = OrderedDict()
        self.nodes_by_chain: dict[int, tuple[int, ...]] = {c.id: c.nodes for c in instance.chains}
        self._network_data: dict[int, NetworkData | None] = {}  # by chain, on demand
        # Programs of chains, built on demand.
        self._templates: dict[int, ProgramTemplate] = reuse_from._templates if reuse_from else {}
        self._dual_caches: dict[int, DualCache] = {}  # by chain
        # Results that depend on this evaluator only, such as outcomes without a plan.
        self.memo: dict[Any, Any] = {}
        self._has_known_rules: bool = (
            reuse_from._has_known_rules if reuse_from else has_known_rules(instance)
        )
        self.node_data: dict[int, NodeData] = {
            v: reuse_from.node_data[v].for_classes(classes)
            if reuse_from
            else build_node_data(instance, v, classes, self.columns)
            for classes in self.material_classes
            for v in classes.nodes
        }

    def for_states(self, instance: Instance, states: Sequence[State]) -> RecourseEvaluator | None:
        """Return the evaluator of an instance with the same recourse in other states. Both share
        the cached dual values of common state classes.

        Return None if projects have realizations that are unknown here.
        """
        if not self.covers_realizations(find_realizations(instance, states)):
            return None
        new_evaluator = RecourseEvaluator(instance, states, threads=self.threads, reuse_from=self)
        classes_by_chain = {classes.chains[0].id: classes for classes in self.chain_classes}
        for new_classes in new_evaluator.chain_classes:
            old_classes = classes_by_chain.get(new_classes.chains[0].id)
            for chain in new_classes.chains:
                cache = self._dual_caches.get(chain.id)
                if old_classes is not None and cache is not None and old_classes.class_digests:
                    transferred = DualCache.transferred_from(
                        new_classes.class_digests, old_classes.class_digests, cache
                    )
                    new_evaluator._dual_caches[chain.id] = transferred
        return new_evaluator

    def by_branch(self, states: Sequence[State]) -> list[RecourseEvaluator]:
        """Return the evaluator of each review branch. Its states are those of the branch, with
        probabilities that sum to 1. Without a review this evaluator is the only one."""
        branches = self.instance.branches
        if not branches:
            return [self]
        key = (
            BRANCHES_KEY,
            self.instance.case.review,
            tuple(branch.information_set for branch in branches),
        )
        if key not in self.memo:
            self.memo[key] = [
                RecourseEvaluator(
                    self.instance, branch_states, threads=self.threads, reuse_from=self
                )
                for branch_states in states_by_branch(self.instance, states)
            ]
        return [x.for_instance(self.instance.on_branch(g)) for g, x in enumerate(self.memo[key])]

    def clear_branches(self) -> None:
        """Discard the evaluators of the review branches."""
        for key in [key for key in self.memo if isinstance(key, tuple) and key[0] == BRANCHES_KEY]:
            del self.memo[key]

    def covers_realizations(self, realizations: dict[str, tuple[Realization, ...]]) -> bool:
        """Return whether all the given realizations of projects are known here."""
        return all(set(values) <= set(self.realizations[p]) for p, values in realizations.items())

    def shares_cache_with(self, other: RecourseEvaluator) -> bool:
        """Return whether this and another evaluator use the same cached evaluations."""
        return self._evaluations is other._evaluations

    def clear_cache(self) -> None:
        """Discard cached evaluations, including those of review branches. Cached dual values are
        kept."""
        self._evaluations.clear()
        self._shortage_evaluations.clear()
        for key, value in self.memo.items():
            for evaluator in value if isinstance(key, tuple) and key[0] == BRANCHES_KEY else ():
                evaluator.clear_cache()

    def for_instance(self, instance: Instance) -> RecourseEvaluator:
        """Return this evaluator for another instance with the same recourse. Caches are shared."""
        new_evaluator = copy.copy(self)
        new_evaluator.instance, new_evaluator.content_hash = instance, self.content_hash
        return new_evaluator

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 hash of all data that recourse depends on. Cuts are valid for any problem with an
        equal hash."""
        return hash_recourse_data(
            self.instance,
            self.columns,
            self.probability,
            self.realizations,
            self.material_classes,
            self.chain_classes,
            self.node_data,
        )

    @property
    def node_class_count(self) -> int:
        """Number of pairs of a node and a state class that one evaluation computes."""
        return sum(classes.class_count * len(classes.nodes) for classes in self.material_classes)

    def evaluate(
        self,
        point: FirstStagePoint,
        state_weights: Floats,
        *,
        with_subgradients: bool = True,
        chain_ids: Collection[int] | None = None,
        approximate: bool = False,
    ) -> RecourseResult:
        """Compute the damage of a commitment in every state.

        If ``with_subgradients``, also compute subgradients of the damage summed over the states
        with ``state_weights`` (W, S). States that have no weight in any set, and chains not in
        ``chain_ids`` (all chains if None), count with damage 0. With ``approximate``, the damage
        and the subgradients of chains that need linear programs may be lower bounds.
        """
        weights_hash = hash(state_weights.tobytes())
        evaluations: list[RecourseEvaluation] = []
        new_evaluations: list[RecourseEvaluation] = []
        keys: list[tuple[Any, ...]] = []
        class_weights: dict[int, Floats] = {}
        for chain, classes in self.chains_with_classes():
            if chain_ids is not None and chain.id not in chain_ids:
                continue
            node_keys = (part for v in chain.nodes for part in self.node_data[v].cache_key(point))
            is_approximate = approximate and len(chain.nodes) > 1
            key = (chain.id, weights_hash, with_subgradients, is_approximate, *node_keys)
            if (
                not with_subgradients
                and (chain.id, weights_hash, True, *key[3:]) in self._evaluations
            ):
                key = (chain.id, weights_hash, True, *key[3:])
            evaluation = self._evaluations.get(key)
            if evaluation is None:
                if id(classes) not in class_weights:
                    class_weights[id(classes)] = classes.sum_by_class(state_weights)
                weights = class_weights[id(classes)]
                evaluation = self.build_evaluation(
                    chain, classes, point, weights, with_subgradients, approximate=is_approximate
                )
                new_evaluations.append(evaluation)
            evaluations.append(evaluation)
            keys.append(key)
        self.run_tasks(
            [x.look_up_cache for x in new_evaluations if isinstance(x, ProgramEvaluation)]
        )
        self.run_tasks([task for computed in new_evaluations for task in computed.tasks()])
        for key, computed in zip(keys, evaluations, strict=True):  # only complete evaluations
            self._evaluations[key] = computed
            self._evaluations.move_to_end(key)
        while len(self._evaluations) > self.kept_evaluations * len(self.node_data):
            self._evaluations.popitem(last=False)
        damage = np.zeros(len(self.probability))
        for computed in evaluations:
            has_class = computed.class_of_state >= 0
            damage[has_class] += computed.damage[computed.class_of_state[has_class]]
        damage_by_chain = {
            computed.chain_id: computed.class_weights @ computed.damage for computed in evaluations
        }
        subgradients = (
            {
                v: subgradient
                for computed in evaluations
                for v, subgradient in computed.subgradients.items()
            }
            if with_subgradients
            else {}
        )
        return RecourseResult(damage, damage_by_chain, subgradients)

    def cached_subgradients(
        self, point: FirstStagePoint, chain_ids: Collection[int]
    ) -> dict[int, dict[int, Subgradient]]:
        """Return the strongest cuts at a point that follow from earlier linear programs: the
        subgradient of each node, by chain id.

        Chains without cached dual values are left out, and those whose point and cache have not
        changed since the last query.
        """
        evaluations: list[ProgramEvaluation] = []
        for chain, classes in self.chains_with_classes():
            if chain.id not in chain_ids or chain.id not in self._dual_caches:
                continue
            query = [
                node_key for v in chain.nodes for node_key in self.node_data[v].cache_key(point)
            ]
            if self._dual_caches[chain.id].last_query == query:
                continue
            self._dual_caches[chain.id].last_query = query
            class_weights = classes.sum_by_class(self.probability[None])
            evaluation = self.build_evaluation(chain, classes, point, class_weights, True)
            if isinstance(evaluation, ProgramEvaluation):
                evaluations.append(evaluation)
        self.run_tasks([evaluation.look_up_cache for evaluation in evaluations])
        by_chain = {
            evaluation.chain_id: evaluation.cached_subgradients() for evaluation in evaluations
        }
        return {
            chain_id: subgradients
            for chain_id, subgradients in by_chain.items()
            if subgradients is not None
        }

    def chains_with_classes(self) -> Iterator[tuple[Chain, StateClasses | ChainStateClasses]]:
        """Yield each chain with its state classes."""
        classes_by_chain: dict[int, StateClasses | ChainStateClasses] = {
            v: classes for classes in self.material_classes for v in classes.nodes
        }
        classes_by_chain |= {
            chain.id: classes for classes in self.chain_classes for chain in classes.chains
        }
        return ((chain, classes_by_chain[chain.id]) for chain in self.instance.chains)

    def build_evaluation(
        self,
        chain: Chain,
        classes: StateClasses | ChainStateClasses,
        point: FirstStagePoint,
        class_weights: Floats,
        with_subgradients: bool,
        with_shortages: bool = False,
        approximate: bool = False,
    ) -> RecourseEvaluation:
        """Build the evaluation of a chain by the fastest method that is valid at this point."""
        options = class_weights, with_subgradients, with_shortages
        node = self.node_data[chain.id]
        if not (self._has_known_rules or self._chain_template(chain).has_only_known_rules):
            pass  # a rule that the compiled kernels do not know
        elif len(chain.nodes) == 1 and not node.max_refill.any():
            node_classes = (
                classes
                if isinstance(classes, StateClasses)
                else classes.by_material[node.node.material]
            )
            stocks = node.stock_arrays(point)
            if not stocks.lacks_common_unit:
                node_arguments = node, chain.id, node_classes, point, stocks
                return NodeEvaluation(*node_arguments, *options)
        elif isinstance(classes, ChainStateClasses):
            if chain.id not in self._network_data:
                content = content_by_node(chain)
                network = NetworkData(chain, content, self.node_data, classes) if content else None
                self._network_data[chain.id] = network
            network_data = self._network_data[chain.id]
            retention = network_data.common_retention(point) if network_data else None
            if network_data and retention is not None:
                return NetworkEvaluation(network_data, retention, classes, point, *options)
        return self.build_program_evaluation(chain, classes, point, *options, approximate)

    def _chain_template(self, chain: Chain) -> ProgramTemplate:
        if chain.id not in self._templates:
            self._templates[chain.id] = template = build_chain_template(self.instance, chain)
            classes = next(
                candidate
                for other_chain, candidate in self.chains_with_classes()
                if other_chain.id == chain.id
            )
            template.uses_compiled_solver = classes.class_count >= MIN_COMPILED_CLASSES
        return self._templates[chain.id]

    def build_program_evaluation(
        self,
        chain: Chain,
        classes: StateClasses | ChainStateClasses,
        point: FirstStagePoint,
        class_weights: Floats,
        with_subgradients: bool,
        with_shortages: bool = False,
        approximate: bool = False,
    ) -> ProgramEvaluation:
        """Build the evaluation of a chain by linear programs at a point."""
        if chain.id not in self._dual_caches:
            self._dual_caches[chain.id] = DualCache(classes.class_count)
        cache = self._dual_caches[chain.id]
        arguments = (
            self._chain_template(chain),
            cache,
            chain,
            self.node_data,
            classes,
            point,
            class_weights,
        )
        return ProgramEvaluation(*arguments, with_subgradients, with_shortages, approximate)

    def chains_needing_programs(self, point: FirstStagePoint) -> list[int]:
        """Return the ids of the chains that can be evaluated only by linear programs at a point."""
        chains = self.chains_with_classes()
        return [
            chain.id
            for chain, classes in chains
            if self.build_compiled_evaluation(chain, classes, point) is None
        ]

    def build_compiled_evaluation(
        self, chain: Chain, classes: StateClasses | ChainStateClasses, point: FirstStagePoint
    ) -> RecourseEvaluation | None:
        """Build an evaluation of a chain's damage by compiled kernels. Return None if the chain
        needs linear programs."""
        evaluation = self.build_evaluation(
            chain, classes, point, classes.sum_by_class(self.probability[None]), False
        )
        return None if isinstance(evaluation, ProgramEvaluation) else evaluation

    def shortages(self, point: FirstStagePoint) -> Iterator[MaterialShortages]:
        """Yield the shortages of each material for the commitment at a point."""
        by_key: dict[tuple[Any, ...], RecourseEvaluation] = {}
        by_node: dict[int, RecourseEvaluation] = {}
        new_evaluations: list[RecourseEvaluation] = []
        for chain, classes in self.chains_with_classes():
            key = (
                chain.id,
                *(part for v in chain.nodes for part in self.node_data[v].cache_key(point)),
            )
            evaluation = self._shortage_evaluations.get(key)
            if evaluation is None:
                class_weights = classes.sum_by_class(self.probability[None])
                evaluation = self.build_evaluation(
                    chain, classes, point, class_weights, False, True
                )
                new_evaluations.append(evaluation)
            by_key[key] = evaluation
            by_node.update(dict.fromkeys(chain.nodes, evaluation))
        self.run_tasks([task for evaluation in new_evaluations for task in evaluation.tasks()])
        for key, evaluation in by_key.items():  # only complete evaluations
            self._shortage_evaluations[key] = evaluation
            self._shortage_evaluations.move_to_end(key)
        while len(self._shortage_evaluations) > KEPT_SHORTAGES * len(self.nodes_by_chain):
            self._shortage_evaluations.popitem(last=False)
        for classes in self.material_classes:
            by_position = {v: by_node[v] for v in classes.nodes}
            class_weights = classes.sum_by_class(self.probability[None])
            yield MaterialShortages.from_evaluations(classes, class_weights[0], by_position)

    def run_tasks(self, tasks: list[Callable[[], None]]) -> None:
        """Run tasks in parallel threads and wait for all of them."""
        if self.threads == 1 or len(tasks) == 1:
            for task in tasks:
                task()
            return
        with ThreadPoolExecutor(self.threads) as pool:
            for future in [pool.submit(task) for task in tasks]:
                future.result()
