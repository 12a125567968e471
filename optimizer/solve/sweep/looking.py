"""One chain in all its looks: what a sweep is made of, and what it says of each node."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from optimizer.model.instance import COVERED, Floats
from optimizer.solve.sweep.nodes import NodeData, Point, Stocks
from optimizer.solve.sweep.passes import sweep_looks
from optimizer.solve.sweep.state_classes import ChainLooks, Looks

NONE = np.zeros((0, 0))
NO_STEPS = np.zeros((0, 0, 0))
PART = 256  # looks in one pass: enough to be worth a call, few enough to share out evenly


@dataclass(frozen=True, eq=False)
class Slopes:
    """What the multipliers of a node give, summed over states with fixed weights (W sets). Damage
    is at least ``constant - output . running - purchases . buy``, for any commitment."""

    constant: Floats  # (W)
    output: Floats  # (W, P, D, Y) per share of nameplate that reaches the node undisturbed
    purchases: Floats  # (W, H, Y) of lots bought, by account of the node

    def at(self, node: NodeData, point: Point) -> Floats:
        """(W) what they prove of a commitment."""
        sold: Floats = self.constant - np.tensordot(self.output, node.running(point), 3)
        return sold - np.tensordot(self.purchases, point.buy[node.piles], 2)


class Pass(ABC):
    """One chain in all its looks, in parts that can run side by side."""

    def __init__(
        self,
        nodes: dict[int, NodeData],
        looks: Looks | ChainLooks,
        point: Point,
        chance: Floats,
        priced: bool,
        short: bool,
    ) -> None:
        self.head, self.of_state, self.chance = next(iter(nodes)), looks.of_state, chance
        self.count = looks.count
        self.damage = np.zeros(looks.count)
        self._nodes, self._point, self._priced, self._short = nodes, point, priced, short
        rows = looks.count if short else 0
        # Of each node, where what is missing is asked for.
        self.missing = {v: np.zeros((rows, node.length)) for v, node in nodes.items()}
        self.damage_by_step = {
            v: np.zeros((rows, len(node.node.steps))) for v, node in nodes.items()
        }
        # (J, K) expected lots missing by step, of each node by first look
        self._by_step: dict[int, dict[int, Floats]] = {v: {} for v in nodes}
        self._found: dict[int, Any] = {}  # by first look: sums in one order

    @property
    def damage_of(self) -> dict[int, Floats]:
        """(U) of each node, where what is missing is asked for."""
        return {v: own.sum(axis=1) for v, own in self.damage_by_step.items()}

    def by_step(self, v: int) -> Floats:
        """(J, K) expected lots missing of a node, by step of the file."""
        node, found = self._nodes[v], self._by_step[v]
        none = np.zeros((len(node.node.steps), node.length))
        return sum((found[start] for start in sorted(found)), none)

    def parts(self) -> list[Callable[[], None]]:
        """What there is to do."""
        return [
            partial(self._sweep, start, min(start + PART, self.count))
            for start in range(0, self.count, PART)
        ]

    @abstractmethod
    def _sweep(self, start: int, end: int) -> None:
        """Go through a part of the looks."""

    def _is_missing(self, v: int, start: int, end: int, by_step: Floats) -> None:
        """Take note of what (U, J, K) is missing of a node in a part of the looks."""
        weight = self._nodes[v].weight_in_file
        self.missing[v][start:end] = by_step.sum(axis=1)
        self._by_step[v][start] = np.tensordot(self.chance[0, start:end], by_step, 1)
        self.damage_by_step[v][start:end] = (by_step * weight).sum(axis=2)

    @cached_property
    def slopes(self) -> dict[int, Slopes]:
        """Of each node, the sums over all parts."""
        ordered = [self._found.pop(start) for start in sorted(self._found)]
        return self._summed(ordered)

    @abstractmethod
    def _summed(self, ordered: list[Any]) -> dict[int, Slopes]:
        """Slopes of each node, of what the parts found in their order."""


class NodePass(Pass):
    """One node by itself, by the value of what is missing."""

    def __init__(
        self,
        node: NodeData,
        position: int,
        looks: Looks,
        point: Point,
        stocks: Stocks,
        chance: Floats,
        priced: bool,
        short: bool = False,
    ) -> None:
        super().__init__({position: node}, looks, point, chance, priced, short)
        self.node, self.looks, self._stocks = node, looks, stocks
        running = node.running(point)[:, :, node.year_of] * node.plate[:, None, None]
        self._running = np.ascontiguousarray(running)
        sets, length = len(chance), node.length
        projects, years = len(node.plate), int(node.year_of[-1]) + 1
        self._shapes = (
            (sets,),
            (sets, projects, node.delays, years),
            (sets, len(stocks.arrived), length),
            (sets, len(stocks.idle), length),
        )

    @property
    def damage_of(self) -> dict[int, Floats]:
        """(U) of the node."""
        return {self.head: self.damage}

    def _sweep(self, start: int, end: int) -> None:
        node, looks, stocks, part = self.node, self.looks, self._stocks, slice(start, end)
        found = [np.zeros(shape) for shape in self._shapes]
        missing, short = NONE, NO_STEPS
        if self._short:
            missing = self.missing[self.head][part]
            short = np.zeros((end - start, *node.weight.shape))
        # One layout of every array, or there would be a second version to compile.
        chance = np.ascontiguousarray(self.chance[:, part])
        sweep_looks(
            looks.supply[part], looks.pattern[part], looks.delay[part], looks.available,
            looks.row[part], node.demand, node.part, node.limit, node.weight, stocks.order,
            stocks.rank, stocks.value, self._running, node.plate, stocks.arrived, stocks.initial,
            stocks.most, stocks.keep,
            stocks.idle, node.year_of, chance, self._priced, self.damage[part],
            missing, short, COVERED, *found,
        )  # fmt: skip
        if self._short:
            by_step = node.split(short, looks.row[part])
            self._by_step[self.head][start] = np.tensordot(self.chance[0, part], by_step, 1)
            self.damage_by_step[self.head][part] = (by_step * node.weight_in_file).sum(axis=2)
        if self._priced:
            self._found[start] = found

    def _summed(self, ordered: list[Any]) -> dict[int, Slopes]:
        if not ordered:
            return {self.head: no_slopes(self.node, len(self.chance))}
        constant, output, by_row, by_idle = (
            np.sum(own, axis=0) for own in zip(*ordered, strict=True)
        )
        own = worth_of_purchases(self.node, self._stocks, by_row, by_idle)
        return {self.head: Slopes(constant, output, own)}


def worth_of_purchases(node: NodeData, stocks: Stocks, by_row: Floats, by_idle: Floats) -> Floats:
    """(W, H, Y) what a lot bought is worth by account of a node, of what first-period lots that
    come in are worth by row (W, R, K), and lots by idle row (W, I, K)."""
    sets, years = len(by_row), int(node.year_of[-1]) + 1
    worth = np.zeros((sets, len(node.piles), node.length))
    for h, (row, idle) in enumerate(zip(stocks.rows, stocks.idle_rows, strict=True)):
        if row >= 0:
            worth[:, h] = by_row[:, row] / stocks.keep
        elif idle >= 0:
            worth[:, h] = by_idle[:, idle]
    yearly = worth.reshape(sets, len(node.piles), years, node.per_year).sum(axis=3)
    own: Floats = yearly * (node.share / node.per_year)[:, None]
    return own


def no_slopes(node: NodeData, sets: int) -> Slopes:
    """Those of a node in which nothing is ever missing."""
    years = int(node.year_of[-1]) + 1
    return Slopes(
        np.zeros(sets),
        np.zeros((sets, len(node.plate), node.delays, years)),
        np.zeros((sets, len(node.piles), years)),
    )
