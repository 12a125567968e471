"""Exact recourse of a commitment in many states at once: damage, shortages, and cuts.

Recourse separates by node and by look (:mod:`optimizer.solve.sweep.state_classes`), so a sweep is
a set of compiled passes over looks that run side by side. A node's stocks of equal loss go through
:mod:`optimizer.solve.sweep.chain`; where stocks that hold something lose at different rates no
order by value is exact, and each look is solved as a linear program
(:mod:`optimizer.solve.sweep.lp_recourse`).
"""

from __future__ import annotations

import copy
import operator
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.model.cores import usable_cores
from optimizer.model.instance import COVERED, Floats, Instance
from optimizer.model.states import State
from optimizer.solve.sweep.lp_recourse import UnlikeStocks, serve_unlike
from optimizer.solve.sweep.nodes import Columns, NodeData, Point, read_node
from optimizer.solve.sweep.passes import sweep_looks
from optimizer.solve.sweep.state_classes import Looks, delays_of, read_looks

REMEMBERED = 20  # sweeps of each node that are kept: a search often changes what few nodes see
BLOCK = 5000  # states that are swept together
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


@dataclass(frozen=True, eq=False)
class Swept:
    """One commitment in all states."""

    damage: Floats  # (S)
    by_node: dict[int, Floats]  # (W) weighted damage of each node, by its position in the instance
    slopes: dict[int, Slopes]  # by node; empty where they were not asked for


@dataclass(frozen=True, eq=False)
class Shortages:
    """What is missing of one material."""

    looks: Looks
    chance: Floats  # (U) probability of each look
    missing: Floats  # (U, K) lots, in all its nodes
    by_step: dict[int, Floats]  # (J, K) expected lots missing by step, of each node by position
    damage: Floats  # (U) in all its nodes
    damage_by_step: dict[int, Floats]  # (U, J) by step, of each node by position

    def by_state(self, of_look: NDArray[Any]) -> NDArray[Any]:
        """(S, ...) what holds of the look of each state; zero where it is calm."""
        of_state = np.zeros((len(self.looks.of_state), *of_look.shape[1:]), dtype=of_look.dtype)
        struck = self.looks.of_state >= 0
        of_state[struck] = of_look[self.looks.of_state[struck]]
        return of_state


class Recourse:
    """Recourse of an instance in given states, in ``threads`` (all usable cores where None).
    Without ``merge`` every state is swept by itself; ``like`` is recourse in other states of the
    instance that has all delays these have, ``delays`` are those that others to be made like this
    one can have."""

    def __init__(
        self,
        instance: Instance,
        states: Sequence[State],
        *,
        merge: bool = True,
        threads: int | None = None,
        like: Recourse | None = None,
        delays: dict[str, tuple[int, ...]] | None = None,
    ) -> None:
        self.instance = instance
        self.columns: Columns = like.columns if like else Columns(instance)
        self.probability = np.array([state.probability for state in states])
        self.delays: dict[str, tuple[int, ...]] = (
            like.delays if like else delays or delays_of(instance, states)
        )
        self.looks = read_looks(instance, states, delays=self.delays, merge=merge)
        self.threads = threads or usable_cores()
        self._known: OrderedDict[tuple[Any, ...], _NodePass] = OrderedDict()
        self.nodes: dict[int, NodeData] = (
            like.nodes
            if like
            else {
                v: read_node(instance, v, looks, self.columns)
                for looks in self.looks
                for v in looks.nodes
            }
        )

    def seen(self, instance: Instance) -> Recourse:
        """The same recourse for another standpoint, which changes nothing of it; what is known of
        sweeps is shared."""
        other = copy.copy(self)
        other.instance = instance
        return other

    @property
    def node_states(self) -> int:
        """Pairs of a node and a look that one sweep goes through."""
        return sum(looks.count * len(looks.nodes) for looks in self.looks)

    def sweep(
        self,
        point: Point,
        weights: Floats,
        *,
        priced: bool = True,
        nodes: Collection[int] | None = None,
    ) -> Swept:
        """Damage of a commitment in every state, and, where ``priced``, the slopes of its
        expectations by ``weights`` (W, S); a state that has none in any set counts as free of
        damage, as do the nodes that are not in ``nodes`` (all where None)."""
        weighed = hash(weights.tobytes())
        passes: list[_NodePass] = []
        new: list[_NodePass] = []
        keys: list[tuple[Any, ...]] = []
        for looks in self.looks:
            chance: Floats | None = None
            for v in looks.nodes:
                if nodes is not None and v not in nodes:
                    continue
                key = (v, weighed, priced, *self.nodes[v].seen(point))
                known = self._known.get(key)
                if known is None:
                    chance = looks.weights(weights) if chance is None else chance
                    known = _NodePass(self.nodes[v], v, looks, point, chance, priced)
                    new.append(known)
                passes.append(known)
                keys.append(key)
        self._run([part for one in new for part in one.parts()])
        for key, one in zip(keys, passes, strict=True):  # only what has been swept to the end
            self._known[key] = one
            self._known.move_to_end(key)
        while len(self._known) > REMEMBERED * len(self.nodes):
            self._known.popitem(last=False)
        damage = np.zeros(len(self.probability))
        for one in passes:
            struck = one.looks.of_state >= 0
            damage[struck] += one.damage[one.looks.of_state[struck]]
        by_node = {one.position: one.chance @ one.damage for one in passes}
        slopes = {one.position: one.slopes for one in passes} if priced else {}
        return Swept(damage, by_node, slopes)

    def shortages(self, point: Point) -> Iterator[Shortages]:
        """What is missing, material by material."""
        for looks in self.looks:
            chance = looks.weights(self.probability[None])
            missing = np.zeros((looks.count, len(self.instance.periods)))
            passes = [
                _NodePass(self.nodes[v], v, looks, point, chance, False, missing)
                for v in looks.nodes
            ]
            for one in passes:  # one after the other, since they add up to the same total
                self._run(one.parts())
            yield Shortages(
                looks,
                chance[0],
                missing,
                {one.position: one.by_step for one in passes},
                np.sum([one.damage for one in passes], axis=0),
                {one.position: one.damage_by_step for one in passes},
            )

    def _run(self, parts: list[Callable[[], None]]) -> None:
        if self.threads == 1 or len(parts) == 1:
            for part in parts:
                part()
            return
        with ThreadPoolExecutor(self.threads) as pool:
            for done in [pool.submit(part) for part in parts]:
                done.result()


def in_blocks(
    instance: Instance, states: Sequence[State], *, threads: int | None = None
) -> Iterator[tuple[slice, Recourse]]:
    """Recourse in all states, ``BLOCK`` at a time, so that memory does not grow with them."""
    delays, last = delays_of(instance, states), None
    for start in range(0, len(states), BLOCK):
        block = slice(start, min(start + BLOCK, len(states)))
        last = Recourse(instance, states[block], threads=threads, like=last, delays=delays)
        yield block, last


def added(sums: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Sums of blocks of states by key, in the order of the blocks: alike to the last digit."""
    return {key: reduce(operator.add, (one[key] for one in sums)) for key in sums[0]}


class _NodePass:
    """One node in all looks of its material, in parts that can run side by side."""

    def __init__(
        self,
        node: NodeData,
        position: int,
        looks: Looks,
        point: Point,
        chance: Floats,
        priced: bool,
        missing: Floats | None = None,
    ) -> None:
        self.node, self.position, self.looks, self.chance = node, position, looks, chance
        self.damage = np.zeros(looks.count)
        self.damage_by_step = np.zeros(
            (0 if missing is None else looks.count, len(node.node.steps))
        )
        self._short: dict[int, Floats] = {}  # (J, K) expected lots missing by step, by first look
        self._point, self._priced, self._missing = point, priced, missing
        self._stocks = node.stocks(point)
        running = node.running(point)[:, :, node.year_of] * node.plate[:, None, None]
        self._running = np.ascontiguousarray(running)
        sets, length = len(chance), len(node.demand)
        projects, years = len(node.plate), int(node.year_of[-1]) + 1
        self._shapes = (
            (sets,),
            (sets, projects, node.delays, years),
            (sets, len(self._stocks.arrived), length),
            (sets, len(self._stocks.idle), length),
            (sets, len(node.piles), length),
        )
        self._found: dict[int, list[Floats]] = {}  # by first look: sums in one order

    def parts(self) -> list[Callable[[], None]]:
        """What there is to do."""
        if self._stocks.unlike:
            return [self._by_program] if self.looks.count else []
        return [
            partial(self._by_value, start, min(start + PART, self.looks.count))
            for start in range(0, self.looks.count, PART)
        ]

    def _by_value(self, start: int, end: int) -> None:
        node, looks, stocks, part = self.node, self.looks, self._stocks, slice(start, end)
        found = [np.zeros(shape) for shape in self._shapes[:4]]
        missing = NONE if self._missing is None else self._missing[part]
        short = NO_STEPS
        if self._missing is not None:
            short = np.zeros((end - start, *node.limit.shape))
        # One layout of every array, or there would be a second version to compile.
        chance = np.ascontiguousarray(self.chance[:, part])
        sweep_looks(
            looks.supply[part], looks.pattern[part], looks.delay[part], looks.available,
            node.demand, node.part, node.limit, node.weight, stocks.order, stocks.rank,
            stocks.value,
            self._running, node.plate, stocks.arrived, stocks.initial, stocks.most, stocks.keep,
            stocks.idle, node.year_of, chance, self._priced, self.damage[part],
            missing, short, COVERED, *found,
        )  # fmt: skip
        if self._missing is not None:
            by_step = node.split(short)
            self._short[start] = np.tensordot(self.chance[0, part], by_step, 1)
            self.damage_by_step[part] = (by_step * node.as_in_file[0]).sum(axis=2)
        if self._priced:
            self._found[start] = found

    @property
    def by_step(self) -> Floats:
        """(J, K) expected lots missing, by step of the file."""
        none = np.zeros((len(self.node.node.steps), len(self.node.demand)))
        return sum((self._short[start] for start in sorted(self._short)), none)

    def _by_program(self) -> None:
        """Look by look, where stocks that hold something lose at different rates."""
        node, looks, each = self.node, self.looks, self.node.each_stock(self._point)
        program = UnlikeStocks(node.weight, node.limit, each)
        found = [np.zeros(shape) for shape in (*self._shapes[:2], self._shapes[4])]
        for u in np.flatnonzero((self.chance > 0).any(axis=0)):
            gap, uncovered = self._uncovered(int(u))
            if not uncovered.any():
                continue
            if self._missing is not None:
                short = serve_unlike(*node.as_in_file, uncovered, each)
                self._missing[u] += short.sum(axis=0)
                self.damage_by_step[u] = (short * node.as_in_file[0]).sum(axis=1)
                self.damage[u] = self.damage_by_step[u].sum()
                self._short[int(u)] = self.chance[0, u] * short
                continue
            self.damage[u], price, worth = program.solve(uncovered)
            if not self._priced:
                continue
            chance = self.chance[:, u]
            found[0] += chance * program.constant(gap, price, worth)
            for p in range(len(node.plate)):
                d = looks.delay[u, p]
                if d >= 0:
                    lots = price * node.plate[p] * looks.available[looks.pattern[u, p]]
                    by_year = np.bincount(node.year_of, lots, minlength=found[1].shape[3])
                    found[1][:, p, d] += chance[:, None] * by_year
            found[2] += chance[:, None, None] * worth
        if self._priced:
            self._found[0] = found

    def _uncovered(self, u: int) -> tuple[Floats, Floats]:
        """(K) demand that the market leaves open in a look, and what of it projects leave."""
        node, looks = self.node, self.looks
        gap = node.demand - node.part * looks.supply[u]
        left = gap.copy()
        for p in range(len(node.plate)):
            if looks.delay[u, p] >= 0:
                left -= self._running[p, looks.delay[u, p]] * looks.available[looks.pattern[u, p]]
        left[left < COVERED * node.demand] = 0.0
        return gap, left

    @cached_property
    def slopes(self) -> Slopes:
        """The sums over all parts."""
        node, stocks = self.node, self._stocks
        sets, years = len(self.chance), int(node.year_of[-1]) + 1
        if not self._found:
            none = np.zeros((sets, len(node.piles), years))
            return Slopes(np.zeros(sets), np.zeros(self._shapes[1]), none)
        ordered = [self._found[start] for start in sorted(self._found)]
        sums = [np.sum(own, axis=0) for own in zip(*ordered, strict=True)]
        if stocks.unlike:
            constant, output, worth = sums
        else:
            constant, output, by_row, by_idle = sums
            worth = np.zeros((sets, len(node.piles), len(node.demand)))
            for h, (row, idle) in enumerate(zip(stocks.rows, stocks.idle_rows, strict=True)):
                if row >= 0:
                    worth[:, h] = by_row[:, row] / stocks.keep
                elif idle >= 0:
                    worth[:, h] = by_idle[:, idle]
        yearly = worth.reshape(sets, len(node.piles), years, node.per_year).sum(axis=3)
        return Slopes(constant, output, yearly * (node.share / node.per_year)[:, None])
