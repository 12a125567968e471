"""One chain in all its looks: what a sweep is made of, and what it says of each node."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from optimizer.model.instance import COVERAGE_TOLERANCE, Floats
from optimizer.solve.recourse.node_data import FirstStagePoint, NodeData, StockArrays
from optimizer.solve.recourse.node_kernel import evaluate_node_classes
from optimizer.solve.recourse.state_classes import ChainStateClasses, StateClasses

EMPTY_MATRIX = np.zeros((0, 0))
EMPTY_STEPS = np.zeros((0, 0, 0))
CLASSES_PER_TASK = (
    256  # looks in one pass: enough to be worth a call, few enough to share out evenly
)


@dataclass(frozen=True, eq=False)
class Subgradient:
    """What the multipliers of a node give, summed over states with fixed weights (W sets). Damage
    is at least ``constant - output . running - purchases . buy``, for any commitment."""

    constant: Floats  # (W)
    output_value: Floats  # (W, P, D, Y) per share of nameplate that reaches the node undisturbed
    purchase_value: Floats  # (W, H, Y) of lots bought, by account of the node

    def bound_at(self, node: NodeData, point: FirstStagePoint) -> Floats:
        """(W) what they prove of a commitment."""
        sold: Floats = self.constant - np.tensordot(self.output_value, node.running_share(point), 3)
        return sold - np.tensordot(self.purchase_value, point.buy[node.stockpile_index], 2)


class RecourseEvaluation(ABC):
    """One chain in all its looks, in parts that can run side by side."""

    def __init__(
        self,
        nodes: dict[int, NodeData],
        classes: StateClasses | ChainStateClasses,
        point: FirstStagePoint,
        class_weights: Floats,
        with_subgradients: bool,
        with_shortages: bool,
    ) -> None:
        self.chain_id, self.class_of_state, self.class_weights = (
            next(iter(nodes)),
            classes.class_of_state,
            class_weights,
        )
        self.class_count = classes.class_count
        self.damage = np.zeros(classes.class_count)
        self._nodes, self._point, self._with_subgradients, self._with_shortages = (
            nodes,
            point,
            with_subgradients,
            with_shortages,
        )
        rows = classes.class_count if with_shortages else 0
        # Of each node, where what is missing is asked for.
        self.missing_lots = {v: np.zeros((rows, node.period_count)) for v, node in nodes.items()}
        self.damage_by_step = {
            v: np.zeros((rows, len(node.node.steps))) for v, node in nodes.items()
        }
        # (J, K) expected lots missing by step, of each node by first look
        self._expected_by_step: dict[int, dict[int, Floats]] = {v: {} for v in nodes}
        self._partial_sums: dict[int, Any] = {}  # by first look: sums in one order

    @property
    def damage_by_node(self) -> dict[int, Floats]:
        """(U) of each node, where what is missing is asked for."""
        return {v: own.sum(axis=1) for v, own in self.damage_by_step.items()}

    def expected_shortage(self, v: int) -> Floats:
        """(J, K) expected lots missing of a node, by step of the file."""
        node, found = self._nodes[v], self._expected_by_step[v]
        none = np.zeros((len(node.node.steps), node.period_count))
        return sum((found[start] for start in sorted(found)), none)

    def tasks(self) -> list[Callable[[], None]]:
        """What there is to do."""
        return [
            partial(self._evaluate_classes, start, min(start + CLASSES_PER_TASK, self.class_count))
            for start in range(0, self.class_count, CLASSES_PER_TASK)
        ]

    @abstractmethod
    def _evaluate_classes(self, start: int, end: int) -> None:
        """Go through a part of the looks."""

    def _record_shortage(self, v: int, start: int, end: int, shortage: Floats) -> None:
        """Take note of what (U, J, K) is missing of a node in a part of the looks."""
        weight = self._nodes[v].file_step_weight
        self.missing_lots[v][start:end] = shortage.sum(axis=1)
        self._expected_by_step[v][start] = np.tensordot(
            self.class_weights[0, start:end], shortage, 1
        )
        self.damage_by_step[v][start:end] = (shortage * weight).sum(axis=2)

    @cached_property
    def subgradients(self) -> dict[int, Subgradient]:
        """Of each node, the sums over all parts."""
        ordered = [self._partial_sums.pop(start) for start in sorted(self._partial_sums)]
        return self._sum_subgradients(ordered)

    @abstractmethod
    def _sum_subgradients(self, partial_sums: list[Any]) -> dict[int, Subgradient]:
        """Slopes of each node, of what the parts found in their order."""


class NodeEvaluation(RecourseEvaluation):
    """One node by itself, by the value of what is missing."""

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
        running = node.running_share(point)[:, :, node.year_index] * node.nameplate[:, None, None]
        self._running_lots = np.ascontiguousarray(running)
        sets, length = len(class_weights), node.period_count
        projects, years = len(node.nameplate), int(node.year_index[-1]) + 1
        self._shapes = (
            (sets,),
            (sets, projects, node.realisation_count, years),
            (sets, len(stocks.arrived_lots), length),
            (sets, len(stocks.empty_retention), length),
        )

    @property
    def damage_by_node(self) -> dict[int, Floats]:
        """(U) of the node."""
        return {self.chain_id: self.damage}

    def _evaluate_classes(self, start: int, end: int) -> None:
        node, looks, stocks, part = self.node, self.classes, self._stocks, slice(start, end)
        found = [np.zeros(shape) for shape in self._shapes]
        missing, short = EMPTY_MATRIX, EMPTY_STEPS
        if self._with_shortages:
            missing = self.missing_lots[self.chain_id][part]
            short = np.zeros((end - start, *node.step_weight.shape))
        # One layout of every array, or there would be a second version to compile.
        chance = np.ascontiguousarray(self.class_weights[:, part])
        evaluate_node_classes(
            looks.market_lots[part], looks.available_row[part], looks.realisation_index[part], looks.available_share,
            looks.demand_row[part], node.demand, node.market_share, node.step_limit, node.step_weight, stocks.step_order,
            stocks.step_rank, stocks.step_value, self._running_lots, node.nameplate, stocks.arrived_lots, stocks.initial_lots,
            stocks.max_release, stocks.kept_share,
            stocks.empty_retention, node.year_index, chance, self._with_subgradients, self.damage[part],
            missing, short, COVERAGE_TOLERANCE, *found,
        )  # fmt: skip
        if self._with_shortages:
            by_step = node.split_to_file_steps(short, looks.demand_row[part])
            self._expected_by_step[self.chain_id][start] = np.tensordot(
                self.class_weights[0, part], by_step, 1
            )
            self.damage_by_step[self.chain_id][part] = (by_step * node.file_step_weight).sum(axis=2)
        if self._with_subgradients:
            self._partial_sums[start] = found

    def _sum_subgradients(self, partial_sums: list[Any]) -> dict[int, Subgradient]:
        if not partial_sums:
            return {self.chain_id: zero_subgradient(self.node, len(self.class_weights))}
        constant, output, by_row, by_idle = (
            np.sum(own, axis=0) for own in zip(*partial_sums, strict=True)
        )
        own = purchase_values(self.node, self._stocks, by_row, by_idle)
        return {self.chain_id: Subgradient(constant, output, own)}


def purchase_values(
    node: NodeData, stocks: StockArrays, value_by_row: Floats, value_by_empty_row: Floats
) -> Floats:
    """(W, H, Y) what a lot bought is worth by account of a node, of what first-period lots that
    come in are worth by row (W, R, K), and lots by idle row (W, I, K)."""
    sets, years = len(value_by_row), int(node.year_index[-1]) + 1
    worth = np.zeros((sets, len(node.stockpile_index), node.period_count))
    for h, (row, idle) in enumerate(zip(stocks.account_row, stocks.empty_row, strict=True)):
        if row >= 0:
            worth[:, h] = value_by_row[:, row] / stocks.kept_share
        elif idle >= 0:
            worth[:, h] = value_by_empty_row[:, idle]
    yearly = worth.reshape(sets, len(node.stockpile_index), years, node.periods_per_year).sum(
        axis=3
    )
    own: Floats = yearly * (node.stockpile_share / node.periods_per_year)[:, None]
    return own


def zero_subgradient(node: NodeData, sets: int) -> Subgradient:
    """Those of a node in which nothing is ever missing."""
    years = int(node.year_index[-1]) + 1
    return Subgradient(
        np.zeros(sets),
        np.zeros((sets, len(node.nameplate), node.realisation_count, years)),
        np.zeros((sets, len(node.stockpile_index), years)),
    )
