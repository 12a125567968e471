"""Cuts: what a sweep proves of the damage of every commitment, and the points they came from."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.model.assumption_sets import AssumptionSets, ProblemBlock
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Floats
from optimizer.model.risk_measure import RiskMeasure, tail_weights
from optimizer.model.states import State
from optimizer.solve.recourse import FirstStagePoint, RecourseEvaluator, Subgradient
from optimizer.solve.recourse.evaluator import KEPT_EVALUATIONS

CutRow = tuple[NDArray[np.int32], Floats, float]  # columns, entries and left side of a cut
MIN_REMEMBERED_EVALUATIONS = (
    5  # sweeps of a node that are kept under each of many sets of assumptions
)
RecoursePoints = tuple[FirstStagePoint, ...]
"""What recourse sees of a plan, in each part that it is made for."""


@dataclass(frozen=True, eq=False)
class Cut:
    """Damage is at least constant less slopes times commitment: of one chain, or of all."""

    subgradients: dict[
        int, Subgradient
    ]  # by node, of a chain whose mean it bounds, or of all for the tail
    is_tail: bool = False  # whether it bounds the CVaR of the sum of all nodes
    point: FirstStagePoint | None = None  # where it is tight, as long as that is known
    is_recoverable: bool = False  # whether former sweeps, as they are kept, prove it any time again

    @property
    def chain_id(self) -> int:
        """That of the chain whose mean it bounds."""
        return next(iter(self.subgradients))


@dataclass(frozen=True, eq=False)
class CutOracleResult:
    """A point, what recourse costs there, and the cuts that are tight there."""

    points: RecoursePoints
    damage_by_chain: dict[int, float]  # expected damage of each chain that was swept, by its head
    recourse_costs: tuple[
        float, ...
    ]  # what recourse adds to the objective under each set, if whole
    cuts: list[Cut]
    is_complete: bool  # whether all chains were swept that count, and exactly


def rows_to_matrix(rows: Sequence[tuple[Any, ...]], column_count: int) -> sparse.csr_array:
    """Rows that begin with their columns and entries, as a matrix."""
    begins = np.cumsum([0, *(len(row[0]) for row in rows)])
    columns = np.concatenate([np.zeros(0, np.int32), *(row[0] for row in rows)])
    entries = np.concatenate([[], *(row[1] for row in rows)])
    return sparse.csr_array((entries, columns, begins), shape=(len(rows), column_count))


class PartCutOracle:
    """Recourse of a part as the objective sees it; its chains have numbers from ``first`` on.
    ``chance`` is that of the part among all states of its set, which counts ``counts``."""

    def __init__(
        self, recourse: RecourseEvaluator, part: ProblemBlock, set_weight: float, first_node: int
    ) -> None:
        instance = recourse.instance
        self.risk, nodes = RiskMeasure.from_case(instance.case), instance.nodes
        self.recourse, self.part, self.first_node = recourse, part, first_node
        self.probability = part.probability
        # The least favourable mean is one of all chains together, as the tail is.
        self.tail_weight = self.risk.cvar_weight if self.risk.ambiguity is None else 1.0
        self.cvar_level = self.risk.cvar_level
        self._mean_weights = {
            v: self.probability * nodes[v].damage_weight for v in recourse.nodes_by_chain
        }
        self.chain_ids = [
            v for v, own in self._mean_weights.items() if own > 0 or self.tail_weight > 0
        ]
        self.has_multi_node_chains = any(
            len(nodes) > 1 for nodes in recourse.nodes_by_chain.values()
        )
        # What a chain's mean counts in the objective over all sets.
        self.chain_weights = {
            first_node + v: (set_weight * own) for v, own in self._mean_weights.items()
        }

    def evaluate(
        self, point: FirstStagePoint, chain_ids: Collection[int], approximate: bool
    ) -> tuple[dict[int, float], Floats, list[Cut]]:
        """What was found of a point: expected damage by chain, damage in each state, and cuts."""
        recourse, probability = self.recourse, self.recourse.probability
        chain_ids = (
            self.chain_ids if self.tail_weight > 0 else [v - self.first_node for v in chain_ids]
        )
        priced = self.tail_weight < 1
        swept = recourse.evaluate(
            point,
            probability[None],
            with_subgradients=priced,
            chain_ids=chain_ids,
            approximate=approximate,
        )
        cuts = [
            Cut(
                {self.first_node + n: swept.subgradients[n] for n in recourse.nodes_by_chain[v]},
                point=point,
            )
            for v in swept.damage_by_chain
            if priced and self._mean_weights[v] > 0
        ]
        return {v: float(own.sum()) for v, own in swept.damage_by_chain.items()}, swept.damage, cuts

    def tail_subgradients(self, point: FirstStagePoint, weights: Floats) -> dict[int, Subgradient]:
        """Slopes of the damage that states have by these weights."""
        slopes = self.recourse.evaluate(point, weights[None]).subgradients
        return {self.first_node + n: own for n, own in slopes.items()}

    def cached_cuts(self, point: FirstStagePoint) -> list[Cut]:
        """Cuts of means that former sweeps prove, as strong as they can be at a point."""
        heads = (
            [v for v in self.chain_ids if self._mean_weights[v] > 0] if self.tail_weight < 1 else []
        )
        return [
            Cut({self.first_node + n: own for n, own in slopes.items()}, is_recoverable=True)
            for slopes in self.recourse.cached_subgradients(point, heads).values()
        ]

    def damage_at(self, point: FirstStagePoint) -> tuple[dict[int, float], Floats]:
        """Expected damage by chain and damage in each state at a point, without any cut of it."""
        probability = self.recourse.probability
        swept = self.recourse.evaluate(
            point, probability[None], with_subgradients=False, chain_ids=self.chain_ids
        )
        return {v: float(own[0]) for v, own in swept.damage_by_chain.items()}, swept.damage

    def weighted_mean(self, by_chain: Mapping[int, float]) -> float:
        """What expected damage of chains adds to the mean of all states of the set."""
        return math.fsum(self._mean_weights[v] * damage for v, damage in by_chain.items())

    @property
    def objective_key(self) -> tuple[Any, ...]:
        """What points cost the same by."""
        return self.recourse.content_hash, self.risk, tuple(self._mean_weights.items())


class CutOracle:
    """Appraises points by sweeps of the chains that the objective depends on, in each part that a
    plan is made for. ``sets`` are the parts of each set of assumptions."""

    def __init__(
        self, assumption_sets: AssumptionSets, recourses: Sequence[RecourseEvaluator]
    ) -> None:
        self.assumption_sets = assumption_sets
        self.part_oracles: list[PartCutOracle] = []
        self.oracles_by_set: list[list[PartCutOracle]] = [[] for _ in assumption_sets.instances]
        first = 0
        for recourse, part in zip(recourses, assumption_sets.blocks, strict=True):
            counts = assumption_sets.weights[part.set_index] if assumption_sets.is_additive else 1.0
            recourse.kept_evaluations = max(
                MIN_REMEMBERED_EVALUATIONS, KEPT_EVALUATIONS // len(recourses)
            )
            self.part_oracles.append(PartCutOracle(recourse, part, counts, first))
            self.oracles_by_set[part.set_index].append(self.part_oracles[-1])
            first += len(recourse.instance.nodes)
        self.chain_ids = [seen.first_node + v for seen in self.part_oracles for v in seen.chain_ids]
        self.chain_weights = {
            v: x for seen in self.part_oracles for v, x in seen.chain_weights.items()
        }
        self.chains = {
            seen.first_node + v: tuple(seen.first_node + n for n in own)
            for seen in self.part_oracles
            for v, own in seen.recourse.nodes_by_chain.items()
        }
        # Whether some chains can be swept without the others; a tail is that of all together.
        self.is_separable = not any(seen.tail_weight > 0 for seen in self.part_oracles)
        self._has_multi_node_chains = self.is_separable and any(
            seen.has_multi_node_chains for seen in self.part_oracles
        )
        self.evaluations = self.node_evaluations = 0
        self.seconds = 0.0

    @classmethod
    def for_recourse(cls, recourse: RecourseEvaluator) -> CutOracle:
        """That of a scenario by itself."""
        return cls(AssumptionSets((recourse.instance,)), [recourse])

    def __call__(
        self,
        points: RecoursePoints,
        chain_ids: Collection[int] | None = None,
        approximate: bool = False,
    ) -> CutOracleResult:
        """Sweep a point, in some chains only if no tail counts, which is that of all; and roughly,
        where that makes a difference."""
        began = time.perf_counter()
        chain_ids = self.chain_ids if chain_ids is None or not self.is_separable else chain_ids
        approximate &= self._has_multi_node_chains
        by_chain: dict[int, float] = {}
        damages: list[float] = []
        cuts: list[Cut] = []
        left = iter(points)
        for of_set in self.oracles_by_set:
            own, mean, in_states = [next(left) for _ in of_set], list[float](), list[Floats]()
            for seen, point in zip(of_set, own, strict=True):
                last = seen.first_node + len(seen.recourse.instance.nodes)
                there = [v for v in chain_ids if seen.first_node <= v < last]
                found, damage, new = seen.evaluate(point, there, approximate)
                by_chain |= {seen.first_node + v: x for v, x in found.items()}
                mean.append(seen.weighted_mean(found))
                in_states.append(damage)
                cuts += new
            tail, weights = _tail_mean_and_weights(of_set, in_states)
            if weights:
                slopes = dict[int, Subgradient]()
                for seen, point, worst in zip(of_set, own, weights, strict=True):
                    slopes |= seen.tail_subgradients(point, worst)
                cuts.append(Cut(slopes, is_tail=True, point=own[0] if len(own) == 1 else None))
            damages.append(_combine_mean_and_tail(of_set, mean, tail))
        self.evaluations += 1
        self.node_evaluations += sum(len(self.chains[v]) for v in chain_ids)
        self.seconds += time.perf_counter() - began
        whole = not approximate and len(chain_ids) == len(self.chain_ids)
        return CutOracleResult(points, by_chain, tuple(damages), cuts, whole)

    def sums_by_set(self, by_chain: Mapping[int, float]) -> Floats:
        """Figures of chains added up under each set."""
        sums = [
            math.fsum(by_chain[v] for seen in own for v in seen.chain_weights if v in by_chain)
            for own in self.oracles_by_set
        ]
        return np.array(sums)

    @property
    def objective_key(self) -> tuple[Any, ...]:
        """What points cost the same by."""
        return tuple(seen.objective_key for seen in self.part_oracles)

    @property
    def recourse_hash(self) -> str:
        """What all cuts depend on: the hash of recourse, of several parts with their levels."""
        balls = any(seen.risk.ambiguity is not None for seen in self.part_oracles)
        if len(self.part_oracles) == 1 and not balls:
            return self.part_oracles[0].recourse.content_hash
        own = [
            (
                seen.recourse.content_hash,
                seen.tail_weight > 0,
                seen.cvar_level,
                seen.part.set_index,
                seen.probability,
            )
            + ((seen.risk,) if balls else ())
            for seen in self.part_oracles
        ]
        return hashlib.sha256(repr(own).encode()).hexdigest()

    @property
    def cvar_level(self) -> float:
        """That of the CVaR, whose cuts hold for higher ones as well."""
        return self.part_oracles[0].cvar_level if len(self.part_oracles) == 1 else 0.0

    def recourse_points(self, plan: Commitment) -> RecoursePoints:
        """A plan as recourse sees it."""
        return tuple(
            seen.recourse.columns.to_point(plan.on_branch(seen.part.branch_index))
            for seen in self.part_oracles
        )

    def slow_chains(self, plan: Commitment) -> list[int]:
        """Heads of the chains that take linear programs to sweep at a plan."""
        pairs = zip(self.part_oracles, self.recourse_points(plan), strict=True)
        return [
            seen.first_node + v
            for seen, point in pairs
            for v in seen.recourse.chains_needing_programs(point)
        ]

    def cached_cuts(self, points: RecoursePoints) -> list[Cut]:
        """Cuts of means that former sweeps prove, as strong as they can be at a point."""
        pairs = zip(self.part_oracles, points, strict=True)
        return [cut for seen, point in pairs for cut in seen.cached_cuts(point)]

    def recourse_costs(self, plan: Commitment) -> tuple[float, ...]:
        """What recourse adds to the objective under each set at a plan, without any cut of it."""
        left, found = iter(self.recourse_points(plan)), list[float]()
        for of_set in self.oracles_by_set:
            pairs = [seen.damage_at(next(left)) for seen in of_set]
            mean = [seen.weighted_mean(own) for seen, (own, _) in zip(of_set, pairs, strict=True)]
            tail, _ = _tail_mean_and_weights(of_set, [damage for _, damage in pairs])
            found.append(_combine_mean_and_tail(of_set, mean, tail))
        return tuple(found)


def recourse_by_part(
    assumption_sets: AssumptionSets,
    recourses: Sequence[RecourseEvaluator],
    states: Sequence[Sequence[State]],
) -> list[RecourseEvaluator]:
    """Recourse of each part, by that in all states of each set."""
    found = list[RecourseEvaluator]()
    for own, whole, of_set in zip(assumption_sets.instances, recourses, states, strict=True):
        seen = whole.for_instance(own)
        found += seen.by_branch(of_set) if own.branches else [seen]
    return found


def _tail_mean_and_weights(
    set_oracles: Sequence[PartCutOracle], state_damages: Sequence[Floats]
) -> tuple[float, list[Floats]]:
    """The mean of the worst states of a set, by damage in the states of each part, and the weights
    in it of the states of each; no weights where it does not count."""
    if set_oracles[0].tail_weight == 0:
        return 0.0, []
    chances = [seen.probability * seen.recourse.probability for seen in set_oracles]
    damage = np.concatenate(state_damages)
    risk, chance = set_oracles[0].risk, np.concatenate(chances)
    if risk.ambiguity is None:
        worst = tail_weights(chance, damage, risk.cvar_level)
    else:
        worst = risk.worst_case_weights(chance, damage)
    ends = np.cumsum([len(own) for own in state_damages])[:-1]
    return float(worst @ damage), np.split(worst, ends)


def _combine_mean_and_tail(
    set_oracles: Sequence[PartCutOracle], means: Sequence[float], tail: float
) -> float:
    weight = set_oracles[0].tail_weight
    return (1 - weight) * math.fsum(means) + weight * tail


@dataclass(frozen=True, eq=False)
class CutColumns:
    """Columns of the master that the damage of a node depends on."""

    columns: NDArray[np.int32]  # (U) rising, each once
    column_index: NDArray[np.intp]  # among these, of each offtake column, then of each purchase
    arrivals: sparse.csr_array  # (offtake columns, P*D*Y) share of nameplate, by year

    def coefficients(self, subgradient: Subgradient) -> Floats:
        """(U) what a cut says of each of them."""
        offtake = self.arrivals @ subgradient.output_value[0].ravel()
        both = np.concatenate([offtake, subgradient.purchase_value[0].ravel()])
        entries: Floats = np.bincount(self.column_index, both, len(self.columns)).astype(float)
        return entries


class InactiveCuts:
    """Rows of cuts outside the solver, too many to carry, and which of them are still there.
    ``size_of`` tells by left sides how large a violation of each row has to be to count as one."""

    def __init__(self, column_count: int, violation_scale: Callable[[Floats], Floats]) -> None:
        self._column_count, self._violation_scale = column_count, violation_scale
        self._cut_rows: list[tuple[Cut, CutRow]] = []
        self._is_stored = np.zeros(0, dtype=bool)
        self._bounded_column = np.zeros(0, dtype=np.int64)  # column that each bounds
        self._sides = np.zeros(0)
        self._rows = sparse.csr_array((0, column_count))

    def add(self, new_cuts: Sequence[tuple[Cut, CutRow, int]]) -> None:
        """Add cuts, each with its row and the column it bounds; forget those that were taken."""
        if not new_cuts:
            return
        kept = np.flatnonzero(self._is_stored)
        self._cut_rows = [self._cut_rows[n] for n in kept] + [
            (cut, row) for cut, row, _ in new_cuts
        ]
        self._bounded_column = np.concatenate(
            [self._bounded_column[kept], [ahead for _, _, ahead in new_cuts]]
        )
        rows = [row for _, row in self._cut_rows]
        self._is_stored = np.ones(len(rows), dtype=bool)
        self._sides = np.array([row[2] for row in rows])
        self._rows = rows_to_matrix(rows, self._column_count)

    def take_violated(self, x: Floats, min_violation: float) -> list[tuple[Cut, CutRow]]:
        """Those that ``x`` violates by more than ``least`` of their side: the deepest for each
        column that cuts bound, since the next solution needs few of the others."""
        if not self._is_stored.any():
            return []
        excess = self._sides - self._rows @ x
        deep = self._is_stored & (excess > min_violation * self._violation_scale(self._sides))
        violated = np.flatnonzero(deep)
        violated = violated[np.argsort(-excess[violated], kind="stable")]
        _, deepest = np.unique(self._bounded_column[violated], return_index=True)
        taken = np.sort(violated[deepest])
        self._is_stored[taken] = False
        return [self._cut_rows[n] for n in taken]

    def stored_cuts(self) -> list[Cut]:
        """Those that are there."""
        return [self._cut_rows[n][0] for n in np.flatnonzero(self._is_stored)]
