"""A chain in all its looks, served as a network without gains (see the module ``network``)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.model.instance import COVERAGE_TOLERANCE, Chain, Floats
from optimizer.solve.recourse.evaluations import (
    RecourseEvaluation,
    Subgradient,
    purchase_values,
    zero_subgradient,
)
from optimizer.solve.recourse.network_kernel import evaluate_network_classes
from optimizer.solve.recourse.node_data import (
    MIN_TOTAL_RETENTION,
    NO_RELEASE_LIMIT,
    FirstStagePoint,
    NodeData,
    round_mantissa,
)
from optimizer.solve.recourse.state_classes import ChainStateClasses

Integers = NDArray[np.int64]

EMPTY_FORMS = np.zeros((0, 0, 0, 0))
RATIO_TOLERANCE = 1e-12  # products of ratios that differ by a smaller share are one


class Network(NamedTuple):
    """What all looks at a chain share: F forms, C conversions, H stocks, J steps, K periods; and
    the demand of each, in N rows."""

    max_release: Floats  # (H, K) that can be released in a period, 1e300 without limit
    step_demand: Floats  # (N, F, J, K) demand of a step
    step_value: Floats  # (F, J, K) of a tonne of it, not negative
    stock_form: Integers  # (H) form of a stock
    step_order: Integers  # (3, F*J*K) form, step and period of all steps by falling value
    period_step_order: (
        Integers  # (2, K, F*J) form and step of the steps of a period by falling value
    )
    total_demand: Floats  # (N, F, K) demand of all steps
    way_start: Integers  # (F + 1) where the ways into a form begin among ``ways``
    plain_way_end: Integers  # (F) where those end that do not lead from a stock
    ways: Integers  # c: conversion c makes the form; C + c: it takes the form in; 2*C + h: stock h
    conversion_forms: Integers  # (C, 2) form a conversion takes in, and the one it makes
    outputs_first: Integers  # (F) forms, each after all that are made of it


class Workspace(NamedTuple):
    """Room to work in, one for each thread. Columns n < N <= K stand for periods that are short,
    nodes ``n * F + f`` for a form in one."""

    need: Floats  # (F) of a form in a period
    periods: Integers  # (K) period of a column
    column: Integers  # (K) column of a period, -1 without
    flow: Floats  # (K, C) made
    spare_capacity: Floats  # (K, C) that could be made yet
    released: Floats  # (H, K) released
    releasable: Floats  # (H, K) that could be released yet
    brought: Floats  # (H, K) come in by then
    slack: Floats  # (H, K) come in by then and not gone
    outstanding: Floats  # (H, K) released by then and not come back
    refillable: Floats  # (H, K) that can come back in a column yet
    max_refill: Floats  # (H, K) that can come back in a period of a look
    arrival_value: Floats  # (H, K) what a tonne that comes in is worth
    drain_column: Integers  # (H, K) where what is released leaves what is gone
    stock_stamp: Integers  # (H, K) number of the last search that was here
    spare_supply: Floats  # (K*F) supply left
    node_column: Integers  # (K*F) column of a node
    visit_stamp: Integers  # (K*F) number of the last search that was here
    queue: Integers  # (K*F) nodes seen by a search
    entry_way: Integers  # (K*F) way by which a node was reached
    predecessor: Integers  # (K*F) node it was reached from
    search_count: Integers  # (1) how many there have been
    inflows: Floats  # (F+C, K) supply and capacity of a look
    row_value: Floats  # (F+C, K) what a lot more of them is worth
    shortage: Floats  # (F, J, K) of a look, as the next two
    form_price: Floats  # (F, K)
    stock_price: Floats  # (H, K)


def build_network(
    input_forms: Integers,
    output_forms: Integers,
    stock_form: Integers,
    max_release: Floats,
    step_demand: Floats,
    step_value: Floats,
) -> Network:
    """The network of a chain: forms that conversions take in and make (C), the rest as there."""
    (forms, steps, _), conversions = step_value.shape, len(input_forms)
    ways: list[int] = []
    first, plain = [0], []
    for f in range(forms):
        ways += [c for c in range(conversions) if output_forms[c] == f]
        ways += [conversions + c for c in range(conversions) if input_forms[c] == f]
        plain.append(len(ways))
        ways += [2 * conversions + h for h in range(len(stock_form)) if stock_form[h] == f]
        first.append(len(ways))
    late: list[int] = []
    for _ in range(forms):
        early = {t for t, g in zip(input_forms, output_forms, strict=True) if g not in late}
        late += [f for f in range(forms) if f not in late and f not in early]
    if len(late) < forms:
        raise ValueError("forms run in a circle")
    of_form, step, period = (index.ravel() for index in np.indices(step_value.shape))
    order = np.lexsort((step, of_form, period, -step_value.ravel()))
    own = np.argsort(-step_value.reshape(forms * steps, -1), axis=0, kind="stable").T
    return Network(
        max_release=np.array(max_release, dtype=np.float64, order="C"),
        step_demand=np.array(step_demand, dtype=np.float64, order="C"),
        step_value=np.array(step_value, dtype=np.float64, order="C"),
        stock_form=np.array(stock_form, dtype=np.int64),
        step_order=np.array([of_form[order], step[order], period[order]], dtype=np.int64),
        period_step_order=np.array([own // steps, own % steps], dtype=np.int64),
        total_demand=np.array(step_demand.sum(axis=2), dtype=np.float64, order="C"),
        way_start=np.array(first, dtype=np.int64),
        plain_way_end=np.array(plain, dtype=np.int64),
        ways=np.array(ways, dtype=np.int64),
        conversion_forms=np.array(
            np.transpose([input_forms, output_forms]), dtype=np.int64, order="C"
        ),
        outputs_first=np.array(late, dtype=np.int64),
    )


def allocate_workspace(network: Network) -> Workspace:
    """Room for looks at a network."""
    forms, _, length = network.step_value.shape
    plants, stocks = len(network.conversion_forms), len(network.stock_form)
    arrays = [np.empty(forms), *np.zeros((2, length), dtype=np.int64)]
    arrays += [*np.empty((2, length, plants)), *np.zeros((8, stocks, length))]
    arrays += [*np.zeros((2, stocks, length), dtype=np.int64), np.empty(length * forms)]
    arrays += [np.arange(length * forms) // forms, *np.zeros((4, length * forms), dtype=np.int64)]
    arrays += [np.zeros(1, dtype=np.int64), *np.empty((2, forms + plants, length))]
    arrays += [
        np.empty(network.step_value.shape),
        np.empty((forms, length)),
        np.empty((stocks, length)),
    ]
    return Workspace._make(arrays)


def contained_tonnes(chain: Chain) -> dict[int, float] | None:
    """Contained tonnes in a lot of each node, as multiples of what is in a lot of the first; None
    where a plant takes in several forms, or ways between two forms disagree."""
    content: dict[int, float] = {}
    if any(len(plant.inputs) > 1 for plant in chain.plants):
        return None
    ways = [(taken, c.output, ratio) for c in chain.plants for taken, ratio in c.inputs.items()]
    for v in chain.nodes:
        reached = [] if v in content else [v]
        content.setdefault(v, 1.0)
        for i in reached:
            for taken, made, ratio in ways:
                if i == taken and made not in content:
                    content[made] = content[taken] * ratio
                    reached.append(made)
                if i == made and taken not in content:
                    content[taken] = content[made] / ratio
                    reached.append(taken)
    agree = all(
        abs(content[made] / (content[taken] * ratio) - 1) <= RATIO_TOLERANCE
        for taken, made, ratio in ways
    )
    return content if agree else None


class NetworkData:
    """What lots of a chain contain, and who adds to what in which look: all that does not depend
    on a commitment. Rows are the F nodes, and behind them the C plants; P projects, node by node.
    """

    def __init__(
        self,
        chain: Chain,
        contained_by_node: dict[int, float],
        nodes: dict[int, NodeData],
        classes: ChainStateClasses,
    ) -> None:
        self.nodes, self.plants = {v: nodes[v] for v in chain.nodes}, chain.plants
        self.classes = {
            v: classes.by_material[node.node.material] for v, node in self.nodes.items()
        }
        self.is_open, self.capacity_left = classes.is_open, classes.capacity_left
        none = np.zeros(classes.is_open.shape)
        covered = [
            none if own.is_covered is None else own.is_covered for own in self.classes.values()
        ]
        self.is_covered = np.stack(covered, axis=1)  # (U, F, K)
        place = {v: f for f, v in enumerate(chain.nodes)}
        self.input_forms = np.array([place[min(c.inputs)] for c in chain.plants], dtype=np.int64)
        self.output_forms = np.array([place[c.output] for c in chain.plants], dtype=np.int64)
        contained = np.array([contained_by_node[v] for v in chain.nodes])
        self.contained = np.concatenate([contained, contained[self.output_forms]])  # (F+C) of a lot
        made = {c.id: len(place) + n for n, c in enumerate(chain.plants) if c.capacity is None}
        into = [made.get(p, place[v]) for v, own in self.classes.items() for p in own.outlets]
        self.inflow_row = np.array(into, dtype=np.int64)  # (P) row
        every = list(self.classes.values())
        before = np.cumsum([0, *(len(own.available_share) for own in every)])
        # Of each look and project as of all, and rows of all nodes below each other.
        self.available_row = np.hstack(
            [own.available_row + n for own, n in zip(every, before[:-1], strict=True)]
        )
        self.realisation_index = np.hstack([own.realisation_index for own in every])
        self.demand_row = every[0].demand_row  # (U) of demand, the same for all forms
        self.available_share = np.vstack([own.available_share for own in every])
        self.nameplate = np.concatenate([node.nameplate for node in self.nodes.values()])
        self.realisation_count = max(node.realisation_count for node in self.nodes.values())

    def common_retention(self, point: FirstStagePoint) -> float | None:
        """What stocks that hold anything at a commitment all keep of a lot over a period; None
        where they are unlike, or lose nearly all."""
        kept = {
            float(x)
            for node in self.nodes.values()
            for x in node.retention[node.holds_stock(point)]
        }
        keeps = kept.pop() if kept else 1.0
        return None if kept or keeps ** (self.is_open.shape[1] - 1) < MIN_TOTAL_RETENTION else keeps

    def inflows(self, class_block: slice) -> Floats:
        """(U, F+C, K) lots that come, or can be made, without projects in a part of the looks."""
        year_of, plants = next(iter(self.nodes.values())).year_index, len(self.nodes)
        given = np.zeros((len(self.is_open[class_block]), len(self.contained), len(year_of)))
        for f, (v, node) in enumerate(self.nodes.items()):
            given[:, f] = node.market_share * self.classes[v].market_lots[class_block]
        for c, plant in enumerate(self.plants):
            if plant.capacity is not None:
                given[:, plants + c] = (
                    plant.capacity[year_of] * self.capacity_left[plant.id][class_block]
                )
        return given


class NetworkEvaluation(RecourseEvaluation):
    """A chain as a network, its stocks all keeping the same share of a lot over a period."""

    def __init__(
        self,
        data: NetworkData,
        retention: float,
        classes: ChainStateClasses,
        point: FirstStagePoint,
        class_weights: Floats,
        with_subgradients: bool,
        with_shortages: bool,
    ) -> None:
        nodes, content = data.nodes, data.contained
        super().__init__(nodes, classes, point, class_weights, with_subgradients, with_shortages)
        self._data = data
        self._stocks = {v: node.stock_arrays(point, retention) for v, node in nodes.items()}
        keep = next(iter(self._stocks.values())).kept_share
        self._tonnes_per_lot = content[:, None] / keep
        steps = max(1, *(len(node.step_weight) for node in nodes.values()))
        weight = np.zeros((len(nodes), steps, len(keep)))
        limit = np.zeros((len(next(iter(nodes.values())).step_limit), *weight.shape))
        for f, node in enumerate(nodes.values()):
            own = len(node.step_weight)
            limit[:, f, :own], weight[f, :own] = node.step_limit, node.step_weight
        unit = self._tonnes_per_lot[: len(nodes), None]
        self._exact_step_value = weight / unit
        stocks = list(enumerate(self._stocks.values()))
        self._arrived = np.concatenate([content[f] * own.arrived_lots for f, own in stocks])
        self._initial = np.concatenate([content[f] * own.initial_lots for f, own in stocks])
        self._refill = np.concatenate([content[f] * own.max_refill for f, own in stocks])
        self._empty_retention = np.concatenate([own.empty_retention for _, own in stocks])
        self._empty_form = np.array(
            [f for f, own in stocks for _ in own.empty_retention], dtype=np.int64
        )
        self._network = build_network(
            data.input_forms,
            data.output_forms,
            np.array([f for f, own in stocks for _ in own.initial_lots], dtype=np.int64),
            np.minimum(
                np.concatenate([content[f] * own.max_release for f, own in stocks]),
                NO_RELEASE_LIMIT,
            ),
            limit * unit,
            round_mantissa(self._exact_step_value),
        )
        self._running = np.zeros((len(data.nameplate), data.realisation_count, len(keep)))
        first = 0
        for node in nodes.values():
            rows, first = slice(first, first + len(node.nameplate)), first + len(node.nameplate)
            running = (
                node.running_share(point)[:, :, node.year_index] * node.nameplate[:, None, None]
            )
            self._running[rows, : node.realisation_count] = running
        sets, years = len(class_weights), int(node.year_index[-1]) + 1
        self._shapes = (
            (sets,),
            (sets, len(data.nameplate), data.realisation_count, years),
            (sets, len(self._initial), len(keep)),
            (sets, len(self._empty_retention), len(keep)),
        )

    def _evaluate_classes(self, start: int, end: int) -> None:
        it, part = self._data, slice(start, end)
        found = [np.zeros(shape) for shape in self._shapes]
        short = (
            np.zeros((end - start, *self._exact_step_value.shape))
            if self._with_shortages
            else EMPTY_FORMS
        )
        evaluate_network_classes(
            self._network, allocate_workspace(self._network), it.demand_row[part], it.inflows(part),
            it.is_open[part], self._tonnes_per_lot, self._exact_step_value, it.available_row[part], it.realisation_index[part], it.available_share,
            self._running, it.nameplate, it.inflow_row, it.is_covered[part], self._refill,
            self._nodes[self.chain_id].year_index, self._arrived, self._initial, self._empty_retention,
            self._empty_form, np.ascontiguousarray(self.class_weights[:, part]), self._with_subgradients, COVERAGE_TOLERANCE,
            self.damage[part], short, *found,
        )  # fmt: skip
        for f, (v, node) in enumerate(self._nodes.items() if self._with_shortages else ()):
            by_step = node.split_to_file_steps(
                short[:, f, : len(node.step_weight)], it.demand_row[part]
            )
            self._record_shortage(v, start, end, by_step)
        if self._with_subgradients:
            self._partial_sums[start] = found

    def _sum_subgradients(self, partial_sums: list[Any]) -> dict[int, Subgradient]:
        slopes = {
            v: zero_subgradient(node, len(self.class_weights)) for v, node in self._nodes.items()
        }
        if not partial_sums:
            return slopes
        constant, output, by_row, by_idle = (
            np.sum(own, axis=0) for own in zip(*partial_sums, strict=True)
        )
        slopes[self.chain_id].constant[:] = constant
        project = row = idle = 0
        for content, (v, node) in zip(self._data.contained, self._nodes.items(), strict=False):
            stocks, own = self._stocks[v], slopes[v]
            projects, rows, idles = (
                len(node.nameplate),
                len(stocks.initial_lots),
                len(stocks.empty_retention),
            )
            own.output_value[:] = output[:, project : project + projects, : node.realisation_count]
            own.purchase_value[:] = purchase_values(
                node, stocks, content * by_row[:, row : row + rows], by_idle[:, idle : idle + idles]
            )
            project, row, idle = project + projects, row + rows, idle + idles
        return slopes
