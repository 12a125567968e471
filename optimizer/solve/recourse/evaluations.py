"""Evaluation of one chain in all its state classes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.model.instance import COVERAGE_TOLERANCE, Floats
from optimizer.solve.recourse.node_data import FirstStagePoint, NodeData, StockArrays
from optimizer.solve.recourse.node_kernel import evaluate_node_classes
from optimizer.solve.recourse.state_classes import ChainStateClasses, StateClasses

EMPTY_MATRIX = np.zeros((0, 0))
EMPTY_STEPS = np.zeros((0, 0, 0))
CLASSES_PER_TASK = 256  # large enough for little overhead, small enough to balance threads


@dataclass(frozen=True, eq=False)
class Subgradient:
    """Subgradient of a node's damage, summed over the states with W sets of fixed weights.

    For any commitment, the damage is at least ``constant - output_value . running - purchase_value
    . buy``.
    """

    constant: Floats  # (W)
    output_value: Floats  # (W, P, D, Y) per share of nameplate that reaches the node undisturbed
    purchase_value: Floats  # (W, H, Y) per lot bought, by account of the node


class RecourseEvaluation(ABC):
    """Evaluation of one chain in all its state classes, divided into tasks that can run in
    parallel."""

    def __init__(
        self,
        nodes: dict[int, NodeData],
        classes: StateClasses | ChainStateClasses,
        point: FirstStagePoint,
        class_weights: Floats,
        with_subgradients: bool,
        with_shortages: bool,
    ) -> None:
        self.chain_id = next(iter(nodes))
        self.class_of_state = classes.class_of_state
        self.class_weights = class_weights
        self.class_count = classes.class_count
        self.damage = np.zeros(classes.class_count)
        self._nodes = nodes
        self._point = point
        self._with_subgradients = with_subgradients
        self._with_shortages = with_shortages
        rows = classes.class_count if with_shortages else 0
        # By node; empty unless shortages are requested.
        self.missing_lots = {v: np.zeros((rows, node.period_count)) for v, node in nodes.items()}
        self.damage_by_step = {
            v: np.zeros((rows, len(node.node.steps))) for v, node in nodes.items()
        }
        # (U, J, K) lots missing by step of the scenario file, by node, if they are to be kept.
        self.lots_by_step: dict[int, Floats] | None = None
        # (J, K) expected lots missing by step, by node and first class of the task
        self._expected_by_step: dict[int, dict[int, Floats]] = {v: {} for v in nodes}
        self._partial_sums: dict[int, Any] = {}  # by first class, to sum in a fixed order

    @property
    def damage_by_node(self) -> dict[int, Floats]:
        """Damage (U) in each state class, by node; empty arrays unless shortages were requested."""
        return {v: damage.sum(axis=1) for v, damage in self.damage_by_step.items()}

    def expected_shortage(self, v: int) -> Floats:
        """Return the expected missing lots (J, K) of a node, by the damage steps of the scenario
        file."""
        node, by_start = self._nodes[v], self._expected_by_step[v]
        zeros = np.zeros((len(node.node.steps), node.period_count))
        return sum((by_start[start] for start in sorted(by_start)), zeros)

    def keep_steps(self) -> None:
        """Keep the lots missing on each damage step in each state class, which take much memory."""
        count = self.class_count
        self.lots_by_step = {
            v: np.zeros((count, len(node.node.steps), node.period_count))
            for v, node in self._nodes.items()
        }

    def tasks(self) -> list[Callable[[], None]]:
        """Return the tasks of this evaluation. Each evaluates a range of state classes."""
        return [
            partial(self._evaluate_classes, start, min(start + CLASSES_PER_TASK, self.class_count))
            for start in range(0, self.class_count, CLASSES_PER_TASK)
        ]

    @abstractmethod
    def _evaluate_classes(self, start: int, end: int) -> None:
        """Evaluate the state classes from ``start`` up to ``end``."""

    def _record_shortage(self, v: int, start: int, end: int, shortage: Floats) -> None:
        """Record the missing lots (U, J, K) of node ``v`` in the state classes from ``start`` up to
        ``end``."""
        self.missing_lots[v][start:end] = shortage.sum(axis=1)
        self._record_steps(v, slice(start, end), shortage)

    def _record_steps(self, v: int, class_range: slice, shortage: Floats) -> None:
        """Record the missing lots (U, J, K) of node ``v`` by damage step, in a range of state
        classes."""
        self._expected_by_step[v][class_range.start] = np.tensordot(
            self.class_weights[0, class_range], shortage, 1
        )
        weight = self._nodes[v].file_step_weight
        self.damage_by_step[v][class_range] = (shortage * weight).sum(axis=2)
        if self.lots_by_step is not None:
            self.lots_by_step[v][class_range] = shortage

    @cached_property
    def subgradients(self) -> dict[int, Subgradient]:
        """Subgradient of each node, by position, summed over all tasks. The partial results of the
        tasks are discarded once it is computed."""
        ordered_sums = [self._partial_sums.pop(start) for start in sorted(self._partial_sums)]
        return self._sum_subgradients(ordered_sums)

    @abstractmethod
    def _sum_subgradients(self, partial_sums: list[Any]) -> dict[int, Subgradient]:
        """Return the subgradient of each node: the sum of the tasks' partial results, in their
        order."""


class NodeEvaluation(RecourseEvaluation):
    """Evaluation of a single node, which serves shortages by descending value."""

    def __init__(
        self,
        node: NodeData,
        position: int,
        classes: StateClasses,
        point: FirstStagePoint,
        stocks: StockArrays,
        class_weights: Floats,
        with_subgradients: bool,
        with_shortages: bool = False,
    ) -> None:
        super().__init__(
            {position: node}, classes, point, class_weights, with_subgradients, with_shortages
        )
        self.node, self.classes, self._stocks = node, classes, stocks
        running_lots = (
            node.running_share(point)[:, :, node.year_index] * node.nameplate[:, None, None]
        )
        self._running_lots = np.ascontiguousarray(running_lots)
        set_count, length = len(class_weights), node.period_count
        project_count, year_count = len(node.nameplate), int(node.year_index[-1]) + 1
        self._sum_shapes = (
            (set_count,),
            (set_count, project_count, node.realization_count, year_count),
            (set_count, len(stocks.arrived_lots), length),
            (set_count, len(stocks.empty_retention), length),
        )

    @property
    def damage_by_node(self) -> dict[int, Floats]:
        """Damage (U) of the node, by its position."""
        return {self.chain_id: self.damage}

    def _evaluate_classes(self, start: int, end: int) -> None:
        node = self.node
        classes = self.classes
        stocks = self._stocks
        class_range = slice(start, end)
        sums = [np.zeros(shape) for shape in self._sum_shapes]
        missing_lots, shortage = EMPTY_MATRIX, EMPTY_STEPS
        if self._with_shortages:
            missing_lots = self.missing_lots[self.chain_id][class_range]
            shortage = np.zeros((end - start, *node.step_weight.shape))
        # A contiguous array, since numba would compile a second version for another layout.
        class_weights = np.ascontiguousarray(self.class_weights[:, class_range])
        evaluate_node_classes(
            classes.market_lots[class_range], classes.available_row[class_range],
            classes.realization_index[class_range], classes.available_share,
            classes.demand_row[class_range], node.demand, node.market_share, node.step_limit,
            node.step_weight, stocks.step_order, stocks.step_rank, stocks.step_value,
            self._running_lots, node.nameplate, stocks.arrived_lots, stocks.initial_lots,
            stocks.max_release, stocks.kept_share, stocks.empty_retention, node.year_index,
            class_weights, self._with_subgradients, self.damage[class_range], missing_lots,
            shortage, COVERAGE_TOLERANCE, *sums,
        )  # fmt: skip
        if self._with_shortages:
            by_step = node.split_to_file_steps(shortage, classes.demand_row[class_range])
            self._record_steps(self.chain_id, class_range, by_step)
        if self._with_subgradients:
            self._partial_sums[start] = sums

    def _sum_subgradients(self, partial_sums: list[Any]) -> dict[int, Subgradient]:
        if not partial_sums:
            return {self.chain_id: zero_subgradient(self.node, len(self.class_weights))}
        constant, output_value, value_by_row, value_by_empty_row = (
            np.sum(parts, axis=0) for parts in zip(*partial_sums, strict=True)
        )
        purchases = purchase_values(self.node, self._stocks, value_by_row, value_by_empty_row)
        return {self.chain_id: Subgradient(constant, output_value, purchases)}


def purchase_values(
    node: NodeData, stocks: StockArrays, value_by_row: Floats, value_by_empty_row: Floats
) -> Floats:
    """Return the marginal values (W, H, Y) of a lot bought for each account of a node.

    ``value_by_row`` (W, R, K) are the values of first-period lots that come in, for accounts that
    hold stock; ``value_by_empty_row`` (W, I, K) are the values of lots for accounts that hold
    nothing.
    """
    set_count, year_count = len(value_by_row), int(node.year_index[-1]) + 1
    value_per_lot = np.zeros((set_count, len(node.stockpile_index), node.period_count))
    for h, (row, empty_row) in enumerate(zip(stocks.account_row, stocks.empty_row, strict=True)):
        if row >= 0:
            value_per_lot[:, h] = value_by_row[:, row] / stocks.kept_share
        elif empty_row >= 0:
            value_per_lot[:, h] = value_by_empty_row[:, empty_row]
    yearly_value = value_per_lot.reshape(
        set_count, len(node.stockpile_index), year_count, node.periods_per_year
    ).sum(axis=3)
    values: Floats = yearly_value * (node.stockpile_share / node.periods_per_year)[:, None]
    return values


def zero_subgradient(node: NodeData, set_count: int) -> Subgradient:
    """Return the subgradient of a node without shortages, for ``set_count`` sets of weights:
    all its values are zero."""
    year_count = int(node.year_index[-1]) + 1
    return Subgradient(
        np.zeros(set_count),
        np.zeros((set_count, len(node.nameplate), node.realization_count, year_count)),
        np.zeros((set_count, len(node.stockpile_index), year_count)),
    )


@dataclass(frozen=True, eq=False)
class MaterialShortages:
    """Shortages and damage of one material, by state class."""

    classes: StateClasses
    class_probability: Floats  # (U)
    missing_lots: Floats  # (U, K) in all nodes
    expected_by_step: dict[int, Floats]  # (J, K) expected missing lots by step, by node position
    damage: Floats  # (U) in all nodes
    damage_by_step: dict[int, Floats]  # (U, J) by node position

    @classmethod
    def from_evaluations(
        cls,
        classes: StateClasses,
        class_probability: Floats,
        by_node: Mapping[int, RecourseEvaluation],
    ) -> MaterialShortages:
        """Return the shortages of a material from the evaluation of each of its nodes."""
        items = by_node.items()
        return cls(
            classes,
            class_probability,
            np.sum([evaluation.missing_lots[v] for v, evaluation in items], axis=0),
            {v: evaluation.expected_shortage(v) for v, evaluation in items},
            np.sum([evaluation.damage_by_node[v] for v, evaluation in items], axis=0),
            {v: evaluation.damage_by_step[v] for v, evaluation in items},
        )

    def expand_to_states(self, class_values: NDArray[Any]) -> NDArray[Any]:
        """Return the values of state classes (U, ...) as values of states (S, ...). Calm states get
        zero."""
        state_values = np.zeros(
            (len(self.classes.class_of_state), *class_values.shape[1:]), dtype=class_values.dtype
        )
        has_class = self.classes.class_of_state >= 0
        state_values[has_class] = class_values[self.classes.class_of_state[has_class]]
        return state_values
