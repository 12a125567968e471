"""Exact recourse of a commitment in many states at once: damage, shortages, and cuts.

Recourse separates by chain and by look (:mod:`optimizer.solve.recourse.state_classes`), so a sweep is
a set of passes over looks that run side by side. Where stocks lose at one rate, a node by itself
goes through :mod:`optimizer.solve.recourse.allocation_kernel`, a chain without gains, or a node with stocks that
are filled again, through :mod:`optimizer.solve.recourse.network_kernel`; all else is solved as linear
programs, look by look (:mod:`optimizer.solve.recourse.program_template`).
"""

from __future__ import annotations

import copy
import hashlib
import operator
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.model.cores import usable_cores
from optimizer.model.instance import Chain, Floats, Instance, Realisation
from optimizer.model.review import branch_state_indices, states_on_branch
from optimizer.model.states import State
from optimizer.solve.recourse.evaluations import NodeEvaluation, RecourseEvaluation, Subgradient
from optimizer.solve.recourse.network_evaluation import (
    NetworkData,
    NetworkEvaluation,
    contained_tonnes,
)
from optimizer.solve.recourse.node_data import (
    FirstStageColumns,
    FirstStagePoint,
    NodeData,
    build_node_data,
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
    find_realisations,
)

KEPT_EVALUATIONS = (
    20  # sweeps of each node that are kept: a search often changes what few nodes see
)
KEPT_SHORTAGES = (
    4  # listings of what is missing that are kept of each chain: plans come back in turns
)
STATES_PER_BLOCK = 5000  # states that are swept together
BRANCHES_KEY = "paths"  # what recourse on paths is remembered by
MIN_COMPILED_CLASSES = (
    64  # looks that are worth the seconds it takes, once, to compile a method for them
)


@dataclass(frozen=True, eq=False)
class RecourseResult:
    """One commitment in all states."""

    damage: Floats  # (S)
    damage_by_chain: dict[int, Floats]  # (W) weighted damage of each chain, by its head
    subgradients: dict[int, Subgradient]  # by node; empty where they were not asked for


@dataclass(frozen=True, eq=False)
class MaterialShortages:
    """What is missing of one material."""

    classes: StateClasses
    class_probability: Floats  # (U) probability of each look
    missing_lots: Floats  # (U, K) lots, in all its nodes
    expected_by_step: dict[
        int, Floats
    ]  # (J, K) expected lots missing by step, of each node by position
    damage: Floats  # (U) in all its nodes
    damage_by_step: dict[int, Floats]  # (U, J) by step, of each node by position

    def expand_to_states(self, class_values: NDArray[Any]) -> NDArray[Any]:
        """(S, ...) what holds of the look of each state; zero where it is calm."""
        of_state = np.zeros(
            (len(self.classes.class_of_state), *class_values.shape[1:]), dtype=class_values.dtype
        )
        struck = self.classes.class_of_state >= 0
        of_state[struck] = class_values[self.classes.class_of_state[struck]]
        return of_state


class RecourseEvaluator:
    """Recourse of an instance in given states, in ``threads`` (all usable cores where None).
    Without ``merge`` every state is swept by itself; ``like`` is recourse in other states of the
    instance that has all delays these have, ``delays`` are those that others to be made like this
    one can have."""

    def __init__(
        self,
        instance: Instance,
        states: Sequence[State],
        *,
        merge_classes: bool = True,
        threads: int | None = None,
        reuse_from: RecourseEvaluator | None = None,
        realisations: dict[str, tuple[Realisation, ...]] | None = None,
    ) -> None:
        self.instance = instance
        self.columns: FirstStageColumns = (
            reuse_from.columns if reuse_from else FirstStageColumns(instance)
        )
        self.probability = np.array([state.probability for state in states])
        self.realisations: dict[str, tuple[Realisation, ...]] = (
            reuse_from.realisations
            if reuse_from
            else realisations or find_realisations(instance, states)
        )
        self.material_classes, self.chain_classes = build_state_classes(
            instance, states, realisations=self.realisations, merge=merge_classes
        )
        self.threads = threads or usable_cores()
        self.kept_evaluations = KEPT_EVALUATIONS
        self._evaluations: OrderedDict[tuple[Any, ...], RecourseEvaluation] = OrderedDict()
        self._shortage_evaluations: OrderedDict[tuple[Any, ...], RecourseEvaluation] = (
            OrderedDict()
        )  # with what is missing
        self.nodes_by_chain: dict[int, tuple[int, ...]] = {c.id: c.nodes for c in instance.chains}
        self._network_data: dict[int, NetworkData | None] = {}  # of chains that were asked for
        # Programs of chains, built once they are asked for.
        self._templates: dict[int, ProgramTemplate] = reuse_from._templates if reuse_from else {}
        self._dual_caches: dict[int, DualCache] = {}  # of former sweeps of chains
        # What doing nothing leads to, in brief or not, and what is told of it.
        self.memo: dict[Any, Any] = {}
        self._has_known_rules: bool = (
            reuse_from._has_known_rules if reuse_from else has_known_rules(instance)
        )
        self.node_data: dict[int, NodeData] = {
            v: reuse_from.node_data[v].for_classes(own)
            if reuse_from
            else build_node_data(instance, v, own, self.columns)
            for own in self.material_classes
            for v in own.nodes
        }

    def for_states(self, instance: Instance, states: Sequence[State]) -> RecourseEvaluator | None:
        """Recourse in other states of an instance to which it looks alike, with what is known of
        looks that are there again; None where projects come later in some of them than here."""
        if not self._covers_realisations(find_realisations(instance, states)):
            return None
        other = RecourseEvaluator(instance, states, threads=self.threads, reuse_from=self)
        before = {own.chains[0].id: own for own in self.chain_classes}
        for looks in other.chain_classes:
            last = before.get(looks.chains[0].id)
            for chain in looks.chains:
                known = self._dual_caches.get(chain.id)
                if last is not None and known is not None and last.class_digests:
                    learnt = DualCache.transferred_from(
                        looks.class_digests, last.class_digests, known
                    )
                    other._dual_caches[chain.id] = learnt
        return other

    def by_branch(self, states: Sequence[State]) -> list[RecourseEvaluator]:
        """Recourse in those of its states that go each path, whose probabilities add up to 1."""
        paths = self.instance.branches
        key = BRANCHES_KEY, self.instance.case.review, tuple(path.observed for path in paths)
        if key not in self.memo:
            places = branch_state_indices(self.instance, states)
            self.memo[key] = [
                RecourseEvaluator(
                    self.instance,
                    states_on_branch(states, at),
                    threads=self.threads,
                    reuse_from=self,
                )
                for at in places
            ]
        return [
            own.for_instance(self.instance.on_branch(g)) for g, own in enumerate(self.memo[key])
        ]

    def clear_branches(self) -> None:
        """Let go of recourse on single paths."""
        for key in [key for key in self.memo if isinstance(key, tuple) and key[0] == BRANCHES_KEY]:
            del self.memo[key]

    def _covers_realisations(self, realisations: dict[str, tuple[Realisation, ...]]) -> bool:
        """Whether all delays of projects, by project, are among those that it can have."""
        return all(set(ways) <= set(self.realisations[p]) for p, ways in realisations.items())

    def shares_cache_with(self, other: RecourseEvaluator) -> bool:
        """Whether another is the same from another standpoint."""
        return self._evaluations is other._evaluations

    def clear_cache(self) -> None:
        """Let go of sweeps, on single paths as well; what they taught is kept."""
        self._evaluations.clear()
        self._shortage_evaluations.clear()
        for key, several in self.memo.items():
            for own in several if isinstance(key, tuple) and key[0] == BRANCHES_KEY else ():
                own.clear_cache()

    def for_instance(self, instance: Instance) -> RecourseEvaluator:
        """The same recourse for another standpoint, which changes nothing of it; what is known of
        sweeps is shared."""
        other = copy.copy(self)
        other.instance, other.content_hash = instance, self.content_hash
        return other

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of all that recourse depends on: where it is equal, cuts hold as they stand."""
        columns = self.columns
        digest = hashlib.sha256(
            repr((columns.offtake_columns, columns.stockpiles, self.realisations)).encode()
        )

        def add(says: Any, arrays: list[Any]) -> None:
            digest.update(repr(says).encode())
            for array in arrays:
                digest.update(np.ascontiguousarray(array).tobytes())

        add(None, [self.probability])
        for seen in self.material_classes:
            own = [
                seen.class_of_state,
                seen.market_lots,
                seen.available_row,
                seen.realisation_index,
                seen.available_share,
                seen.demand_row,
            ]
            own += [] if seen.is_covered is None else [seen.is_covered]
            add((seen.material, seen.nodes, seen.outlets), own)
        for together in self.chain_classes:
            add(
                [together.is_open.tobytes(), list(together.capacity_left)],
                list(together.capacity_left.values()),
            )
        for chain in self.instance.chains:
            for plant in chain.plants:
                own = [] if plant.capacity is None else [plant.capacity]
                add((plant.label, plant.output, plant.inputs), own)
        names = [
            "demand",
            "market_share",
            "step_limit",
            "step_weight",
            "stockpile_index",
            "stockpile_share",
            "retention",
            "initial_lots",
            "max_release",
            "max_refill",
            "nameplate",
        ]
        for node in self.node_data.values():
            own, comes = [getattr(node, name) for name in names], node.arrival_matrix
            add(
                (node.node.label, node.step_members),
                [*own, comes.indptr, comes.indices, comes.data],
            )
        return digest.hexdigest()

    @property
    def node_class_count(self) -> int:
        """Pairs of a node and a look that one sweep goes through."""
        return sum(looks.class_count * len(looks.nodes) for looks in self.material_classes)

    def evaluate(
        self,
        point: FirstStagePoint,
        state_weights: Floats,
        *,
        with_subgradients: bool = True,
        chain_ids: Collection[int] | None = None,
        approximate: bool = False,
    ) -> RecourseResult:
        """Damage of a commitment in every state, and, where ``priced``, the slopes of its
        expectations by ``weights`` (W, S); a state that has none in any set counts as free of
        damage, as do the chains that are not in ``heads`` (all where None). A ``rough`` sweep may
        say less than the damage, and prove less, where it would have to solve linear programs."""
        weighed = hash(state_weights.tobytes())
        passes: list[RecourseEvaluation] = []
        new: list[RecourseEvaluation] = []
        keys: list[tuple[Any, ...]] = []
        chances: dict[int, Floats] = {}
        for chain, looks in self._chains_with_classes():
            if chain_ids is not None and chain.id not in chain_ids:
                continue
            seen = (part for v in chain.nodes for part in self.node_data[v].cache_key(point))
            roughly = approximate and len(chain.nodes) > 1
            key = (chain.id, weighed, with_subgradients, roughly, *seen)
            if not with_subgradients and (chain.id, weighed, True, *key[3:]) in self._evaluations:
                key = (chain.id, weighed, True, *key[3:])
            known = self._evaluations.get(key)
            if known is None:
                if id(looks) not in chances:
                    chances[id(looks)] = looks.sum_by_class(state_weights)
                chance = chances[id(looks)]
                known = self._build_evaluation(
                    chain, looks, point, chance, with_subgradients, approximate=roughly
                )
                new.append(known)
            passes.append(known)
            keys.append(key)
        self.run_tasks([one.look_up_cache for one in new if isinstance(one, ProgramEvaluation)])
        self.run_tasks([part for one in new for part in one.tasks()])
        for key, one in zip(keys, passes, strict=True):  # only what has been swept to the end
            self._evaluations[key] = one
            self._evaluations.move_to_end(key)
        while len(self._evaluations) > self.kept_evaluations * len(self.node_data):
            self._evaluations.popitem(last=False)
        damage = np.zeros(len(self.probability))
        for one in passes:
            struck = one.class_of_state >= 0
            damage[struck] += one.damage[one.class_of_state[struck]]
        by_chain = {one.chain_id: one.class_weights @ one.damage for one in passes}
        slopes = (
            {v: own for one in passes for v, own in one.subgradients.items()}
            if with_subgradients
            else {}
        )
        return RecourseResult(damage, by_chain, slopes)

    def cached_subgradients(
        self, point: FirstStagePoint, chain_ids: Collection[int]
    ) -> dict[int, dict[int, Subgradient]]:
        """What former sweeps prove of some chains at a point, where they were linear programs: the
        slopes of each node, by the head of its chain. A chain that sees the same as last time, and
        of which nothing was learnt since, is left out."""
        passes: list[ProgramEvaluation] = []
        for chain, looks in self._chains_with_classes():
            if chain.id not in chain_ids or chain.id not in self._dual_caches:
                continue
            asked = [part for v in chain.nodes for part in self.node_data[v].cache_key(point)]
            if self._dual_caches[chain.id].last_query == asked:
                continue
            self._dual_caches[chain.id].last_query = asked
            chance = looks.sum_by_class(self.probability[None])
            one = self._build_evaluation(chain, looks, point, chance, True)
            if isinstance(one, ProgramEvaluation):
                passes.append(one)
        self.run_tasks([one.look_up_cache for one in passes])
        known = {one.chain_id: one.cached_subgradients() for one in passes}
        return {head: slopes for head, slopes in known.items() if slopes is not None}

    def _chains_with_classes(self) -> Iterator[tuple[Chain, StateClasses | ChainStateClasses]]:
        """Each chain, and the looks that it is swept in."""
        looks: dict[int, StateClasses | ChainStateClasses] = {
            v: own for own in self.material_classes for v in own.nodes
        }
        looks |= {chain.id: own for own in self.chain_classes for chain in own.chains}
        return ((chain, looks[chain.id]) for chain in self.instance.chains)

    def _build_evaluation(
        self,
        chain: Chain,
        classes: StateClasses | ChainStateClasses,
        point: FirstStagePoint,
        class_weights: Floats,
        with_subgradients: bool,
        with_shortages: bool = False,
        approximate: bool = False,
    ) -> RecourseEvaluation:
        """The way to sweep a chain at a point."""
        node = self.node_data[chain.id]
        if not (self._has_known_rules or self._chain_template(chain).has_only_known_rules):
            pass  # a rule that compiled passes would not heed
        elif len(chain.nodes) == 1 and not node.max_refill.any():
            own = (
                classes
                if isinstance(classes, StateClasses)
                else classes.by_material[node.node.material]
            )
            stocks = node.stock_arrays(point)
            if not stocks.has_unequal_losses:
                return NodeEvaluation(
                    node,
                    chain.id,
                    own,
                    point,
                    stocks,
                    class_weights,
                    with_subgradients,
                    with_shortages,
                )
        elif isinstance(classes, ChainStateClasses):
            if chain.id not in self._network_data:
                lots = contained_tonnes(chain)
                known = NetworkData(chain, lots, self.node_data, classes) if lots else None
                self._network_data[chain.id] = known
            contents = self._network_data[chain.id]
            keeps = contents.common_retention(point) if contents else None
            if contents and keeps is not None:
                return NetworkEvaluation(
                    contents,
                    keeps,
                    classes,
                    point,
                    class_weights,
                    with_subgradients,
                    with_shortages,
                )
        return self.build_program_evaluation(
            chain, classes, point, class_weights, with_subgradients, with_shortages, approximate
        )

    def _chain_template(self, chain: Chain) -> ProgramTemplate:
        if chain.id not in self._templates:
            self._templates[chain.id] = template = build_chain_template(self.instance, chain)
            looks = next(own for other, own in self._chains_with_classes() if other.id == chain.id)
            template.uses_compiled_solver = looks.class_count >= MIN_COMPILED_CLASSES
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
        """A chain at a point as linear programs, whatever else might be quicker."""
        if chain.id not in self._dual_caches:
            self._dual_caches[chain.id] = DualCache(classes.class_count)
        learnt = self._dual_caches[chain.id]
        parts = (
            self._chain_template(chain),
            learnt,
            chain,
            self.node_data,
            classes,
            point,
            class_weights,
        )
        return ProgramEvaluation(*parts, with_subgradients, with_shortages, approximate)

    def chains_needing_programs(self, point: FirstStagePoint) -> list[int]:
        """Heads of the chains that take linear programs to sweep at a point."""
        in_order = self._chains_with_classes()
        return [
            c.id for c, looks in in_order if self.build_compiled_evaluation(c, looks, point) is None
        ]

    def build_compiled_evaluation(
        self, chain: Chain, classes: StateClasses | ChainStateClasses, point: FirstStagePoint
    ) -> RecourseEvaluation | None:
        """A pass for the damage of a chain that solves no linear program; None where it has to."""
        one = self._build_evaluation(
            chain, classes, point, classes.sum_by_class(self.probability[None]), False
        )
        return None if isinstance(one, ProgramEvaluation) else one

    def shortages(self, point: FirstStagePoint) -> Iterator[MaterialShortages]:
        """What is missing, material by material."""
        listed: dict[tuple[Any, ...], RecourseEvaluation] = {}
        of_node: dict[int, RecourseEvaluation] = {}
        new: list[RecourseEvaluation] = []
        for chain, looks in self._chains_with_classes():
            key = (
                chain.id,
                *(part for v in chain.nodes for part in self.node_data[v].cache_key(point)),
            )
            one = self._shortage_evaluations.get(key)
            if one is None:
                chance = looks.sum_by_class(self.probability[None])
                one = self._build_evaluation(chain, looks, point, chance, False, True)
                new.append(one)
            listed[key] = one
            of_node.update(dict.fromkeys(chain.nodes, one))
        self.run_tasks([part for one in new for part in one.tasks()])
        for key, one in listed.items():  # only what has been swept to the end
            self._shortage_evaluations[key] = one
            self._shortage_evaluations.move_to_end(key)
        while len(self._shortage_evaluations) > KEPT_SHORTAGES * len(self.nodes_by_chain):
            self._shortage_evaluations.popitem(last=False)
        for looks in self.material_classes:
            passes = {v: of_node[v] for v in looks.nodes}
            chance = looks.sum_by_class(self.probability[None])
            yield MaterialShortages(
                looks,
                chance[0],
                np.sum([one.missing_lots[v] for v, one in passes.items()], axis=0),
                {v: one.expected_shortage(v) for v, one in passes.items()},
                np.sum([one.damage_by_node[v] for v, one in passes.items()], axis=0),
                {v: one.damage_by_step[v] for v, one in passes.items()},
            )

    def run_tasks(self, tasks: list[Callable[[], None]]) -> None:
        """Do what parts of passes have to do, side by side."""
        if self.threads == 1 or len(tasks) == 1:
            for part in tasks:
                part()
            return
        with ThreadPoolExecutor(self.threads) as pool:
            for done in [pool.submit(part) for part in tasks]:
                done.result()


def evaluators_by_block(
    instance: Instance,
    states: Sequence[State],
    *,
    threads: int | None = None,
    evaluator: RecourseEvaluator | None = None,
    reuse_from: RecourseEvaluator | None = None,
) -> Iterator[tuple[slice, RecourseEvaluator]]:
    """Recourse in all states, ``BLOCK`` at a time, so that memory does not grow with them; at once
    where it is there already. What depends on the instance alone is taken from ``like``, recourse
    in other states of it, where that covers the delays of these."""
    if evaluator is not None:
        yield slice(0, len(states)), evaluator
        return
    delays = find_realisations(instance, states)
    last = (
        reuse_from if reuse_from is not None and reuse_from._covers_realisations(delays) else None
    )
    for start in range(0, len(states), STATES_PER_BLOCK):
        block = slice(start, min(start + STATES_PER_BLOCK, len(states)))
        last = RecourseEvaluator(
            instance, states[block], threads=threads, reuse_from=last, realisations=delays
        )
        yield block, last


def sum_by_key(block_sums: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Sums of blocks of states by key, in the order of the blocks: alike to the last digit."""
    return {key: reduce(operator.add, (one[key] for one in block_sums)) for key in block_sums[0]}
