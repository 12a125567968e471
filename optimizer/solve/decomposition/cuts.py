"""Cuts on expected damage and on its CVaR: the oracle that computes them, and their rows in the
master problem.
"""

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

from optimizer.model.commitment import Commitment, convert_lots
from optimizer.model.decision_tree import DecisionTree, Leaf
from optimizer.model.instance import Floats, Instance
from optimizer.model.risk_measure import RiskMeasure, tail_weights
from optimizer.model.states import State
from optimizer.solve.recourse import FirstStagePoint, RecourseEvaluator, Subgradient
from optimizer.solve.recourse.evaluator import KEPT_EVALUATIONS

CutRow = tuple[NDArray[np.int32], Floats, float]  # columns, entries and right-hand side of a cut
MIN_REMEMBERED_EVALUATIONS = 5  # evaluations kept for each node and part when there are many parts
RecoursePoints = tuple[FirstStagePoint, ...]
"""The values that the second stage depends on, for each part (assumption set and branch)."""


@dataclass(frozen=True, eq=False)
class JointPart:
    """What a cut on the CVaR comes from in one part: the point, and weights of the states (S), also
    those of the CVaR alone if an ambiguous mean is counted as well."""

    point: FirstStagePoint
    weights: Floats
    tail_weights: Floats


@dataclass(frozen=True, eq=False)
class Cut:
    """Lower bound on damage that is linear in the first stage.

    It bounds the mean damage of one chain, or the CVaR of total damage.
    """

    # By node: the nodes of one chain for its mean, all nodes for the CVaR.
    subgradients: dict[int, Subgradient]
    is_tail: bool = False  # whether it bounds the CVaR of the total damage
    point: FirstStagePoint | None = None  # where it is tight, if known
    is_recoverable: bool = False  # whether cached evaluations can reproduce it at any time
    is_exact: bool = False  # whether it is the result of an exact evaluation at ``point``
    joint_parts: tuple[JointPart, ...] = ()  # where a cut on the CVaR comes from, if traced

    @property
    def chain_id(self) -> int:
        """Id of the chain whose mean damage the cut bounds; meaningless for a cut on the CVaR."""
        return next(iter(self.subgradients))


@dataclass(frozen=True, eq=False)
class CutOracleResult:
    """Recourse cost at a point, with cuts that are tight at this point."""

    points: RecoursePoints
    damage_by_chain: dict[int, float]  # expected damage of each evaluated chain
    # Recourse part of the objective under each assumption set; valid if complete.
    recourse_costs: tuple[float, ...]
    cuts: list[Cut]
    is_complete: bool  # whether all relevant chains were evaluated exactly


def rows_to_matrix(rows: Sequence[tuple[Any, ...]], column_count: int) -> sparse.csr_array:
    """Return a sparse matrix with the given rows. Each row is a tuple whose first two elements are
    its column indices and its entries."""
    row_starts = np.cumsum([0, *(len(row[0]) for row in rows)])
    columns = np.concatenate([np.zeros(0, np.int32), *(row[0] for row in rows)])
    entries = np.concatenate([[], *(row[1] for row in rows)])
    return sparse.csr_array((entries, columns, row_starts), shape=(len(rows), column_count))


class PartCutOracle:
    """Cut oracle of one part of the problem: one assumption set and one review branch.

    Nodes and chains are numbered from ``first_node`` on, so that their numbers are unique over all
    parts. ``set_weight`` is the weight of the assumption set in the objective.
    """

    def __init__(
        self, recourse: RecourseEvaluator, leaf: Leaf, set_weight: float, first_node: int
    ) -> None:
        instance = recourse.instance
        self.risk, nodes = RiskMeasure.from_case(instance.case), instance.nodes
        self.recourse, self.leaf, self.first_node = recourse, leaf, first_node
        self.probability = leaf.probability
        self.tail_weight = self.risk.joint_weight
        self.cvar_level = self.risk.cvar_level
        self._mean_weights = {
            v: self.probability * nodes[v].damage_weight for v in recourse.nodes_by_chain
        }
        self.chain_ids = [
            v for v, weight in self._mean_weights.items() if weight > 0 or self.tail_weight > 0
        ]
        self.has_multi_node_chains = any(
            len(nodes) > 1 for nodes in recourse.nodes_by_chain.values()
        )
        # Weight of each chain's mean damage in the objective over all sets.
        self.chain_weights = {
            first_node + v: (set_weight * weight) for v, weight in self._mean_weights.items()
        }

    def evaluate(
        self,
        point: FirstStagePoint,
        chain_ids: Collection[int],
        *,
        with_cuts: bool,
        approximate: bool,
    ) -> tuple[dict[int, float], Floats, list[Cut]]:
        """Evaluate the recourse at a point in the given chains, or in all if there is a CVaR.

        Return the expected damage of each chain, the damage in each state (S), and cuts on the mean
        damage of chains. ``chain_ids`` are unique over all parts, those in the result only here.
        """
        recourse, probability = self.recourse, self.recourse.probability
        chain_ids = (
            self.chain_ids if self.tail_weight > 0 else [v - self.first_node for v in chain_ids]
        )
        with_mean_cuts = with_cuts and self.tail_weight < 1
        recourse_result = recourse.evaluate(
            point,
            probability[None],
            with_subgradients=with_mean_cuts,
            chain_ids=chain_ids,
            approximate=approximate,
        )
        cuts = [
            Cut(
                {
                    self.first_node + n: recourse_result.subgradients[n]
                    for n in recourse.nodes_by_chain[v]
                },
                point=point,
                is_exact=not approximate or len(recourse.nodes_by_chain[v]) == 1,
            )
            for v in recourse_result.damage_by_chain
            if with_mean_cuts and self._mean_weights[v] > 0
        ]
        return (
            {v: float(damage.sum()) for v, damage in recourse_result.damage_by_chain.items()},
            recourse_result.damage,
            cuts,
        )

    def tail_subgradients(self, point: FirstStagePoint, weights: Floats) -> dict[int, Subgradient]:
        """Return, for each node, a subgradient of the sum of its damage over the states, with
        ``weights`` (S)."""
        subgradients = self.recourse.evaluate(point, weights[None]).subgradients
        return {self.first_node + n: subgradient for n, subgradient in subgradients.items()}

    def cached_cuts(self, point: FirstStagePoint) -> list[Cut]:
        """Return the strongest cuts on mean damage at a point that cached evaluations prove."""
        mean_chains = (
            [v for v in self.chain_ids if self._mean_weights[v] > 0] if self.tail_weight < 1 else []
        )
        return [
            Cut(
                {self.first_node + n: subgradient for n, subgradient in subgradients.items()},
                is_recoverable=True,
            )
            for subgradients in self.recourse.cached_subgradients(point, mean_chains).values()
        ]

    def weighted_mean(self, by_chain: Mapping[int, float]) -> float:
        """Return the contribution of this part to the mean damage of its assumption set, given the
        expected damage of each chain."""
        return math.fsum(self._mean_weights[v] * damage for v, damage in by_chain.items())

    @property
    def objective_key(self) -> tuple[Any, ...]:
        """Key of the recourse cost.

        Two oracles with equal keys give the same cost at every point.
        """
        return self.recourse.content_hash, self.risk, tuple(self._mean_weights.items())


class CutOracle:
    """Oracle that computes the recourse cost of a first-stage point in all parts, with optimality
    cuts.

    ``oracles_by_set`` groups the oracles of the parts by assumption set.
    """

    def __init__(self, tree: DecisionTree, recourses: Sequence[RecourseEvaluator]) -> None:
        self.tree = tree
        self.part_oracles: list[PartCutOracle] = []
        self.oracles_by_set: list[list[PartCutOracle]] = [[] for _ in tree.instances]
        first_node = 0
        for recourse, leaf in zip(recourses, tree.leaves, strict=True):
            set_weight = tree.measure.set_weight(leaf.set_index)
            recourse.kept_evaluations = max(
                MIN_REMEMBERED_EVALUATIONS, KEPT_EVALUATIONS // len(recourses)
            )
            self.part_oracles.append(PartCutOracle(recourse, leaf, set_weight, first_node))
            self.oracles_by_set[leaf.set_index].append(self.part_oracles[-1])
            first_node += len(recourse.instance.nodes)
        self.chain_ids = [
            oracle.first_node + v for oracle in self.part_oracles for v in oracle.chain_ids
        ]
        self.chain_weights = {
            v: x for oracle in self.part_oracles for v, x in oracle.chain_weights.items()
        }
        self.chains = {
            oracle.first_node + v: tuple(oracle.first_node + n for n in chain_nodes)
            for oracle in self.part_oracles
            for v, chain_nodes in oracle.recourse.nodes_by_chain.items()
        }
        # Whether chains can be evaluated separately; a CVaR depends on all of them.
        self.is_separable = not any(oracle.tail_weight > 0 for oracle in self.part_oracles)
        self._has_multi_node_chains = self.is_separable and any(
            oracle.has_multi_node_chains for oracle in self.part_oracles
        )
        self.evaluation_count = self.node_evaluation_count = 0
        self.traces_cuts = False  # whether cuts state where they come from
        self.seconds = 0.0

    def __call__(
        self,
        points: RecoursePoints,
        chain_ids: Collection[int] | None = None,
        approximate: bool = False,
        with_cuts: bool = True,
    ) -> CutOracleResult:
        """Evaluate the recourse at a point. Return its cost and, unless ``with_cuts`` is False,
        cuts.

        ``chain_ids`` restricts the evaluation to some chains. It is ignored if the objective
        includes a CVaR, which depends on all chains. ``approximate`` allows an approximate
        evaluation of chains with several nodes.
        """
        started_at = time.perf_counter()
        chain_ids = self.chain_ids if chain_ids is None or not self.is_separable else chain_ids
        approximate &= self._has_multi_node_chains
        damage_by_chain: dict[int, float] = {}
        recourse_costs: list[float] = []
        cuts: list[Cut] = []
        remaining_points = iter(points)
        for set_oracles in self.oracles_by_set:
            set_points = [next(remaining_points) for _ in set_oracles]
            means = list[float]()
            state_damages = list[Floats]()
            for oracle, point in zip(set_oracles, set_points, strict=True):
                next_first_node = oracle.first_node + len(oracle.recourse.instance.nodes)
                part_chains = [v for v in chain_ids if oracle.first_node <= v < next_first_node]
                part_damage, damage, new_cuts = oracle.evaluate(
                    point, part_chains, with_cuts=with_cuts, approximate=approximate
                )
                damage_by_chain |= {oracle.first_node + v: x for v, x in part_damage.items()}
                means.append(oracle.weighted_mean(part_damage))
                state_damages.append(damage)
                cuts += new_cuts
            cost, weights = _recourse_cost(set_oracles, means, state_damages)
            recourse_costs.append(cost)
            if weights and with_cuts:
                subgradients = dict[int, Subgradient]()
                for oracle, point, part_weights in zip(
                    set_oracles, set_points, weights, strict=True
                ):
                    subgradients |= oracle.tail_subgradients(point, part_weights)
                cuts.append(
                    Cut(
                        subgradients,
                        is_tail=True,
                        point=set_points[0] if len(set_points) == 1 else None,
                        is_exact=True,
                        joint_parts=_joint_parts(set_oracles, set_points, state_damages, weights)
                        if self.traces_cuts
                        else (),
                    )
                )
        if with_cuts:
            self.evaluation_count += 1
            self.node_evaluation_count += sum(len(self.chains[v]) for v in chain_ids)
            self.seconds += time.perf_counter() - started_at
        is_complete = not approximate and len(chain_ids) == len(self.chain_ids)
        return CutOracleResult(points, damage_by_chain, tuple(recourse_costs), cuts, is_complete)

    def sums_by_set(self, by_chain: Mapping[int, float]) -> Floats:
        """Add up a figure of chains, given by chain id, over the chains of each assumption set.
        Return the sums (K)."""
        sums = [
            math.fsum(
                by_chain[v] for oracle in set_oracles for v in oracle.chain_weights if v in by_chain
            )
            for set_oracles in self.oracles_by_set
        ]
        return np.array(sums)

    @property
    def objective_key(self) -> tuple[Any, ...]:
        """Key of the recourse cost.

        Two oracles with equal keys give the same cost at every point.
        """
        return tuple(oracle.objective_key for oracle in self.part_oracles)

    @property
    def recourse_hash(self) -> str:
        """Hash of all data that the validity of cuts depends on."""
        has_ambiguity = any(oracle.risk.mean.is_ambiguous for oracle in self.part_oracles)
        if len(self.part_oracles) == 1 and not has_ambiguity:
            return self.part_oracles[0].recourse.content_hash
        part_keys = [
            (
                oracle.recourse.content_hash,
                oracle.tail_weight > 0,
                oracle.cvar_level,
                oracle.leaf.set_index,
                oracle.probability,
            )
            + ((oracle.risk,) if has_ambiguity else ())
            for oracle in self.part_oracles
        ]
        return hashlib.sha256(repr(part_keys).encode()).hexdigest()

    @property
    def cvar_level(self) -> float:
        """CVaR level of the objective. Cuts on the CVaR remain valid for higher levels."""
        return self.part_oracles[0].cvar_level if len(self.part_oracles) == 1 else 0.0

    def recourse_points(self, plan: Commitment) -> RecoursePoints:
        """Return the first-stage point of a plan in each part."""
        return tuple(
            oracle.recourse.columns.to_point(plan.on_branch(oracle.leaf.branch))
            for oracle in self.part_oracles
        )

    def slow_chains(self, plan: Commitment) -> list[int]:
        """Return the ids of the chains that are evaluated by linear programs at a plan."""
        pairs = zip(self.part_oracles, self.recourse_points(plan), strict=True)
        return [
            oracle.first_node + v
            for oracle, point in pairs
            for v in oracle.recourse.chains_needing_programs(point)
        ]

    def cached_cuts(self, points: RecoursePoints) -> list[Cut]:
        """Return the strongest cuts on mean damage at a point that cached evaluations prove."""
        pairs = zip(self.part_oracles, points, strict=True)
        return [cut for oracle, point in pairs for cut in oracle.cached_cuts(point)]

    def recourse_costs(self, plan: Commitment) -> tuple[float, ...]:
        """Return the recourse cost of a plan under each assumption set, without computing cuts."""
        return self(self.recourse_points(plan), with_cuts=False).recourse_costs


@dataclass(frozen=True, eq=False)
class KnownPlan:
    """Plan of another problem, with its recourse costs where they are known."""

    plan: Commitment
    lot_t: dict[str, float]  # tonnes per lot in the plan's problem
    # Recourse part of the objective, by ``CutOracle.objective_key``.
    recourse_costs: dict[Any, tuple[float, ...]]

    def transferred_to(self, instance: Instance) -> KnownPlan:
        """Return the plan with quantities converted to the lots of another instance."""
        plan = (
            self.plan
            if instance.lot_tonnes == self.lot_t
            else convert_lots(self.plan, self.lot_t, instance)
        )
        return KnownPlan(plan, instance.lot_tonnes, self.recourse_costs)

    def is_evaluated(self, cut_oracle: CutOracle) -> bool:
        """Return whether the recourse costs of the plan under this oracle are known."""
        return cut_oracle.objective_key in self.recourse_costs

    def objective(self, cut_oracle: CutOracle) -> float:
        """Return the objective of the plan under this oracle. Recourse costs are evaluated if they
        are unknown."""
        key = cut_oracle.objective_key
        if key not in self.recourse_costs:
            self.recourse_costs[key] = cut_oracle.recourse_costs(self.plan)
        return cut_oracle.tree.plan_objective(self.plan, self.recourse_costs[key])


def recourse_by_part(
    tree: DecisionTree, recourses: Sequence[RecourseEvaluator], states: Sequence[Sequence[State]]
) -> list[RecourseEvaluator]:
    """Return the recourse evaluator of each part, given the evaluator and the states of each
    assumption set. A part is an assumption set on one review branch."""
    sets = zip(tree.instances, recourses, states, strict=True)
    return [
        part_recourse
        for instance, recourse, set_states in sets
        for part_recourse in recourse.for_instance(instance).by_branch(set_states)
    ]


def _recourse_cost(
    set_oracles: Sequence[PartCutOracle], means: Sequence[float], state_damages: Sequence[Floats]
) -> tuple[float, list[Floats]]:
    """Return the recourse cost under one assumption set, from the mean damage and the damage in
    each state (S) of its parts. Also return the weights of the states (S) in its term that depends
    on all chains together (such as the CVaR), one array for each part; an empty list without such a
    term."""
    risk, weight = set_oracles[0].risk, set_oracles[0].tail_weight
    mean = (1 - weight) * math.fsum(means)
    if weight == 0:
        return mean, []
    probabilities = [oracle.probability * oracle.recourse.probability for oracle in set_oracles]
    damage = np.concatenate(state_damages)
    weights = risk.joint_weights(np.concatenate(probabilities), damage)
    ends = np.cumsum([len(part_damage) for part_damage in state_damages])[:-1]
    return mean + weight * float(weights @ damage), np.split(weights, ends)


def _joint_parts(
    set_oracles: Sequence[PartCutOracle],
    points: Sequence[FirstStagePoint],
    state_damages: Sequence[Floats],
    weights: Sequence[Floats],
) -> tuple[JointPart, ...]:
    probability = [oracle.probability * oracle.recourse.probability for oracle in set_oracles]
    ends = np.cumsum([len(part_damage) for part_damage in state_damages])[:-1]
    tail = tail_weights(
        np.concatenate(probability), np.concatenate(state_damages), set_oracles[0].cvar_level
    )
    return tuple(map(JointPart, points, weights, np.split(tail, ends)))


@dataclass(frozen=True, eq=False)
class CutColumns:
    """Columns of the master problem that the damage of one node depends on."""

    columns: NDArray[np.int32]  # (U) sorted, unique
    column_index: NDArray[np.intp]  # position in ``columns`` of each offtake, then of each purchase
    arrivals: sparse.csr_array  # (offtake columns, P*D*Y) share of nameplate, by year

    def coefficients(self, subgradient: Subgradient) -> Floats:
        """Return the coefficients (U) that a cut with this subgradient has in the columns."""
        offtake = self.arrivals @ subgradient.output_value[0].ravel()
        values = np.concatenate([offtake, subgradient.purchase_value[0].ravel()])
        entries: Floats = np.bincount(self.column_index, values, len(self.columns)).astype(float)
        return entries


SMOOTHING_WEIGHT = 0.5  # weight of earlier observations in exponential smoothing
MIN_ERROR_SHARE = 0.05  # smallest share of a change of cost-to-go that is assumed to be an error


class ChainSelector:
    """Selection of the chains to evaluate: those whose cuts probably have the largest errors.

    The error of a chain's cuts is estimated from the change of its cost-to-go since its last
    evaluation, and from the share of earlier changes that were errors. The estimates only guide the
    search: bounds follow from cuts, and plans from evaluations of all chains.
    """

    def __init__(
        self, chain_ids: Collection[int], chain_weights: Mapping[int, float] | None = None
    ) -> None:
        self.chain_ids = tuple(chain_ids)
        self._chain_weights = chain_weights or dict.fromkeys(chain_ids, 1.0)
        self._last_damage = dict.fromkeys(chain_ids, math.nan)
        self._error_share = dict.fromkeys(chain_ids, 1.0)

    def estimated_cut_errors(self, cost_to_go: Mapping[int, float]) -> dict[int, float]:
        """Return the estimated error of each chain's cuts in units of the objective; infinite for a
        chain that has not been evaluated.

        ``cost_to_go`` holds the lower bounds that the cuts give on the chains' mean damage.
        """
        changes = {
            v: abs(cost_to_go[v] - last_damage) for v, last_damage in self._last_damage.items()
        }
        return {
            v: math.inf
            if math.isnan(change)
            else self._chain_weights[v] * self._error_share[v] * change
            for v, change in changes.items()
        }

    def record_errors(
        self,
        cost_to_go: Mapping[int, float],
        damage_by_chain: Mapping[int, float],
        cut_errors: Mapping[int, float],
    ) -> None:
        """Record the evaluation of chains: the cost-to-go that their cuts gave, the damage found,
        and the errors of the cuts."""
        for v, damage in damage_by_chain.items():
            change = abs(cost_to_go[v] - self._last_damage[v])
            if change > 0:  # False for NaN
                share = min(1.0, max(MIN_ERROR_SHARE, cut_errors.get(v, 0.0) / change))
                self._error_share[v] = (
                    SMOOTHING_WEIGHT * self._error_share[v] + (1 - SMOOTHING_WEIGHT) * share
                )
            self._last_damage[v] = damage


def smallest_selection(cut_errors: Mapping[int, float], tolerance: float) -> list[int]:
    """Return the smallest set of chains such that the errors of all other chains sum to at most
    ``tolerance``."""
    error = 0.0
    ranked_chains = sorted(cut_errors, key=lambda v: cut_errors[v])
    for count, v in enumerate(ranked_chains):
        error += cut_errors[v]
        if error > tolerance or math.isinf(error):
            return ranked_chains[count:]
    return []


def objective_error(
    cut_oracle: CutOracle, cut_errors: Mapping[int, float], set_objectives: Floats
) -> float:
    """Return the error of the objective that the errors of the chains' cuts cause."""
    if cut_oracle.tree.measure.is_additive:
        return math.fsum(cut_errors.values())
    objectives_with_errors = set_objectives + cut_oracle.sums_by_set(cut_errors)
    return float(objectives_with_errors.max() - set_objectives.max())


def chains_to_evaluate(
    cut_oracle: CutOracle, cut_errors: Mapping[int, float], set_objectives: Floats, tolerance: float
) -> list[int]:
    """Return the smallest set of chains such that the other chains add at most ``tolerance`` to the
    error of the objective.

    If only the worst assumption set counts, a set with a lower objective may have larger errors.
    """
    if cut_oracle.tree.measure.is_additive:
        return smallest_selection(cut_errors, tolerance)
    chain_ids: list[int] = []
    set_tolerances = set_objectives.max() + tolerance - set_objectives
    for set_oracles, set_tolerance in zip(cut_oracle.oracles_by_set, set_tolerances, strict=True):
        set_errors = {
            v: cut_errors[v]
            for oracle in set_oracles
            for v in oracle.chain_weights
            if v in cut_errors
        }
        chain_ids += smallest_selection(set_errors, float(set_tolerance))
    return chain_ids


# Smaller coefficients of a cut, in the solver's units, are rounded up or dropped.
MIN_COEFFICIENT = 1e-8
SMALL_SHARE_EXPONENT, MIN_SHARE_EXPONENT = -7, -40
"""Exponents of two: an offtake column gets a smaller unit if a share below the first covers all
use; no unit is below the second, since the solver rejects larger ratios."""
ROUNDING_COEFFICIENT = 1e-12
"""Smaller coefficients are rounding errors. Rounded up, those of unbounded columns could make an
absurdly large value worthwhile."""


def offtake_unit(instance: Instance, p: str) -> float:
    """Return the unit of a project's offtake columns, a power of two; NaN for the usual unit.

    A unit differs from the usual one only for a very large project. It is then the share of output
    that covers all useful lots, as a geometric mean over the materials with damage.
    """
    log_covers = [
        math.log2(float(instance.max_useful_lots[m].max()) / lots)
        for m, lots in instance.projects[p].output.items()
        if m in instance.materials_with_damage
    ]
    exponent = math.fsum(log_covers) / max(1, len(log_covers))
    return (
        2.0 ** max(round(exponent), MIN_SHARE_EXPONENT)
        if exponent < SMALL_SHARE_EXPONENT
        else math.nan
    )


def merge_coefficients(
    terms: Sequence[tuple[CutColumns, Subgradient]],
) -> tuple[NDArray[np.int32], Floats]:
    """Return the columns of a cut and their coefficients, summed over the terms of its nodes."""
    parts = [cut_columns.coefficients(subgradient) for cut_columns, subgradient in terms]
    if len(terms) == 1:
        return terms[0][0].columns, parts[0]
    # includes an empty list, since there may be no node
    column_lists = [np.zeros(0, np.int32), *(cut_columns.columns for cut_columns, _ in terms)]
    columns, column_index = np.unique(np.concatenate(column_lists), return_inverse=True)
    entries = np.bincount(column_index, np.concatenate([[], *parts]), len(columns))
    return columns.astype(np.int32), entries.astype(float)


def without_tiny_coefficients(
    entries: Floats, max_values: Floats, units: Floats, factor: float, objective_unit: float
) -> tuple[Floats, float, bool]:
    """Replace coefficients of a cut that are so small that the solver would drop them, since the
    cut might become invalid. Return the coefficients, by how much the right-hand side of the cut
    falls, and whether that depends on bounds of columns.

    Either the coefficient is set to 0, and the right-hand side falls by the largest possible value
    of its term; or the coefficient is raised to the smallest one that the solver keeps.
    """
    solver_units = units * factor
    is_small = (entries != 0) & (entries * solver_units < MIN_COEFFICIENT)
    is_dropped = is_small & np.isfinite(max_values)
    is_dropped[is_dropped] = entries[is_dropped] * max_values[is_dropped] * factor < MIN_COEFFICIENT
    lost_amount = float(np.maximum(entries[is_dropped], 0.0) @ max_values[is_dropped])
    entries[is_dropped] = 0.0
    is_adjusted = is_small & ~is_dropped
    relative_units = units[is_adjusted] / objective_unit
    is_rounding_error = entries[is_adjusted] * relative_units < ROUNDING_COEFFICIENT
    entries[is_adjusted] = np.where(
        is_rounding_error, 0.0, MIN_COEFFICIENT / solver_units[is_adjusted]
    )
    return entries, lost_amount, bool(is_dropped.any())


class InactiveCuts:
    """Cuts that are kept outside the solver until a solution violates them.

    ``violation_scale`` returns, for the right-hand sides of cuts, the scale in which their
    violations are measured.
    """

    def __init__(self, column_count: int, violation_scale: Callable[[Floats], Floats]) -> None:
        self._column_count, self._violation_scale = column_count, violation_scale
        self._cut_rows: list[tuple[Cut, CutRow]] = []
        self._is_stored = np.zeros(0, dtype=bool)
        self._bounded_column = np.zeros(0, dtype=np.int64)  # column that each cut bounds
        self._rhs = np.zeros(0)
        self._rows = sparse.csr_array((0, column_count))

    def add(self, new_cuts: Sequence[tuple[Cut, CutRow, int]]) -> None:
        """Add cuts, each with its row and the column that it bounds. Cuts that were taken out
        before are removed from memory."""
        if not new_cuts:
            return
        stored_indices = np.flatnonzero(self._is_stored)
        self._cut_rows = [self._cut_rows[n] for n in stored_indices] + [
            (cut, row) for cut, row, _ in new_cuts
        ]
        self._bounded_column = np.concatenate(
            [self._bounded_column[stored_indices], [column for _, _, column in new_cuts]]
        )
        rows = [row for _, row in self._cut_rows]
        self._is_stored = np.ones(len(rows), dtype=bool)
        self._rhs = np.array([row[2] for row in rows])
        self._rows = rows_to_matrix(rows, self._column_count)

    def take_violated(self, x: Floats, min_violation: float) -> list[tuple[Cut, CutRow]]:
        """Remove and return cuts that ``x`` violates by more than ``min_violation``, relative to
        their scale.

        Only the most violated cut on each bounded column is taken, since the next solution rarely
        needs the others.
        """
        if not self._is_stored.any():
            return []
        excess = self._rhs - self._rows @ x
        is_violated = self._is_stored & (excess > min_violation * self._violation_scale(self._rhs))
        violated_indices = np.flatnonzero(is_violated)
        violated_indices = violated_indices[np.argsort(-excess[violated_indices], kind="stable")]
        _, deepest_positions = np.unique(self._bounded_column[violated_indices], return_index=True)
        taken_indices = np.sort(violated_indices[deepest_positions])
        self._is_stored[taken_indices] = False
        return [self._cut_rows[n] for n in taken_indices]

    def stored_cuts(self) -> list[Cut]:
        """Return the cuts that have not been taken out."""
        return [self._cut_rows[n][0] for n in np.flatnonzero(self._is_stored)]
