"""Evaluation of a chain as a network without gains, by
:mod:`optimizer.solve.recourse.network_kernel`."""

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
RATIO_TOLERANCE = 1e-12  # relative tolerance of equal products of ratios


class Network(NamedTuple):
    """Data of a network that are the same in all state classes.

    The arrays refer to F forms, C conversions, H stocks, J damage steps, K periods and N rows of
    demand.
    """

    max_release: Floats  # (H, K) per period, 1e300 without limit
    step_demand: Floats  # (N, F, J, K) tonnes of each step
    step_value: Floats  # (F, J, K) damage per tonne, not negative
    stock_form: Integers  # (H) form of each stock
    step_order: Integers  # (3, F*J*K) form, step and period of all steps by descending value
    period_step_order: Integers  # (2, K, F*J) form and step in each period by descending value
    total_demand: Floats  # (N, F, K) demand of all steps
    arc_start: Integers  # (F + 1) position in ``arcs`` of the first arc into each form
    plain_arc_end: Integers  # (F) end of the arcs into it that do not come from a stock
    arcs: Integers  # c: conversion c makes the form; C + c: it takes the form in; 2*C + h: stock h
    conversion_forms: Integers  # (C, 2) input and output form of each conversion
    outputs_first: Integers  # (F) forms; outputs precede inputs


class Workspace(NamedTuple):
    """Work arrays, one set for each thread.

    The columns n < N <= K stand for short periods, and node ``n * F + f`` stands for form f in
    column n.
    """

    need: Floats  # (F) in a period
    periods: Integers  # (K) period of each column
    column: Integers  # (K) column of each period, -1 if none
    flow: Floats  # (K, C) production
    spare_capacity: Floats  # (K, C) remaining capacity
    released: Floats  # (H, K)
    releasable: Floats  # (H, K) remaining release
    brought: Floats  # (H, K) cumulative inflow
    slack: Floats  # (H, K) cumulative inflow minus outstanding
    outstanding: Floats  # (H, K) released and not refilled
    refillable: Floats  # (H, K) remaining refill in a column
    max_refill: Floats  # (H, K) per period of the class
    arrival_value: Floats  # (H, K) value of a tonne that comes in
    drain_column: Integers  # (H, K) column in which a release is refilled
    stock_stamp: Integers  # (H, K) number of the last search that visited it
    spare_supply: Floats  # (K*F) remaining supply
    node_column: Integers  # (K*F) column of each node
    visit_stamp: Integers  # (K*F) number of the last search that visited it
    queue: Integers  # (K*F) nodes visited by the search
    entry_arc: Integers  # (K*F) arc by which a node was reached
    predecessor: Integers  # (K*F) node from which it was reached
    search_count: Integers  # (1) number of searches
    inflows: Floats  # (F+C, K) supply and capacity of the class
    row_value: Floats  # (F+C, K) marginal value of a lot of them
    shortage: Floats  # (F, J, K)
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
    """Build the network of a chain, given the input and output form of each conversion (C). The
    other arrays are as in :class:`Network`.

    Raise ValueError if the conversions form a cycle.
    """
    (form_count, steps, _), conversion_count = step_value.shape, len(input_forms)
    arcs: list[int] = []
    arc_starts, plain_arc_ends = [0], []
    for f in range(form_count):
        arcs += [c for c in range(conversion_count) if output_forms[c] == f]
        arcs += [conversion_count + c for c in range(conversion_count) if input_forms[c] == f]
        plain_arc_ends.append(len(arcs))
        arcs += [2 * conversion_count + h for h in range(len(stock_form)) if stock_form[h] == f]
        arc_starts.append(len(arcs))
    outputs_first: list[int] = []
    for _ in range(form_count):
        inputs = {
            input_form
            for input_form, output_form in zip(input_forms, output_forms, strict=True)
            if output_form not in outputs_first
        }
        outputs_first += [
            f for f in range(form_count) if f not in outputs_first and f not in inputs
        ]
    if len(outputs_first) < form_count:
        raise ValueError("forms run in a circle")
    form, step, period = (index.ravel() for index in np.indices(step_value.shape))
    order = np.lexsort((step, form, period, -step_value.ravel()))
    period_order = np.argsort(-step_value.reshape(form_count * steps, -1), axis=0, kind="stable").T
    return Network(
        max_release=np.array(max_release, dtype=np.float64, order="C"),
        step_demand=np.array(step_demand, dtype=np.float64, order="C"),
        step_value=np.array(step_value, dtype=np.float64, order="C"),
        stock_form=np.array(stock_form, dtype=np.int64),
        step_order=np.array([form[order], step[order], period[order]], dtype=np.int64),
        period_step_order=np.array([period_order // steps, period_order % steps], dtype=np.int64),
        total_demand=np.array(step_demand.sum(axis=2), dtype=np.float64, order="C"),
        arc_start=np.array(arc_starts, dtype=np.int64),
        plain_arc_end=np.array(plain_arc_ends, dtype=np.int64),
        arcs=np.array(arcs, dtype=np.int64),
        conversion_forms=np.array(
            np.transpose([input_forms, output_forms]), dtype=np.int64, order="C"
        ),
        outputs_first=np.array(outputs_first, dtype=np.int64),
    )


def allocate_workspace(network: Network) -> Workspace:
    """Allocate the work arrays of a network."""
    form_count, _, length = network.step_value.shape
    plant_count, stock_count = len(network.conversion_forms), len(network.stock_form)
    arrays = [np.empty(form_count), *np.zeros((2, length), dtype=np.int64)]
    arrays += [*np.empty((2, length, plant_count)), *np.zeros((8, stock_count, length))]
    arrays += [*np.zeros((2, stock_count, length), dtype=np.int64), np.empty(length * form_count)]
    arrays += [
        np.arange(length * form_count) // form_count,
        *np.zeros((4, length * form_count), dtype=np.int64),
    ]
    arrays += [np.zeros(1, dtype=np.int64), *np.empty((2, form_count + plant_count, length))]
    arrays += [
        np.empty(network.step_value.shape),
        np.empty((form_count, length)),
        np.empty((stock_count, length)),
    ]
    return Workspace._make(arrays)


def content_by_node(chain: Chain) -> dict[int, float] | None:
    """Return the content of a lot of each node, in lots of the first node. A unit of content is the
    *contained tonne* of the network.

    Return None if a plant has several inputs, or if the product of ratios differs between paths
    from one form to another.
    """
    content: dict[int, float] = {}
    if any(len(plant.inputs) > 1 for plant in chain.plants):
        return None
    arcs = [(source, c.output, ratio) for c in chain.plants for source, ratio in c.inputs.items()]
    for v in chain.nodes:
        queue = [] if v in content else [v]
        content.setdefault(v, 1.0)
        for current_node in queue:
            for source, target, ratio in arcs:
                if current_node == source and target not in content:
                    content[target] = content[source] * ratio
                    queue.append(target)
                if current_node == target and source not in content:
                    content[source] = content[target] / ratio
                    queue.append(source)
    is_consistent = all(
        abs(content[target] / (content[source] * ratio) - 1) <= RATIO_TOLERANCE
        for source, target, ratio in arcs
    )
    return content if is_consistent else None


class NetworkData:
    """Data of a chain's network that do not depend on a commitment.

    Rows are the F nodes, then the C plants. The P outlets are listed node by node.
    """

    def __init__(
        self,
        chain: Chain,
        content_by_node: dict[int, float],
        nodes: dict[int, NodeData],
        classes: ChainStateClasses,
    ) -> None:
        self.nodes, self.plants = {v: nodes[v] for v in chain.nodes}, chain.plants
        self.classes = {
            v: classes.by_material[node.node.material] for v, node in self.nodes.items()
        }
        self.is_open, self.capacity_left = classes.is_open, classes.capacity_left
        zeros = np.zeros(classes.is_open.shape)
        is_covered = [
            zeros if x.is_covered is None else x.is_covered for x in self.classes.values()
        ]
        self.is_covered = np.stack(is_covered, axis=1)  # (U, F, K)
        form_index = {v: f for f, v in enumerate(chain.nodes)}
        self.input_forms = np.array(
            [form_index[min(c.inputs)] for c in chain.plants], dtype=np.int64
        )
        self.output_forms = np.array([form_index[c.output] for c in chain.plants], dtype=np.int64)
        node_content = np.array([content_by_node[v] for v in chain.nodes])
        self.content = np.concatenate([node_content, node_content[self.output_forms]])  # (F+C)
        plant_rows = {
            c.id: len(form_index) + n for n, c in enumerate(chain.plants) if c.capacity is None
        }
        inflow_rows = [
            plant_rows.get(p, form_index[v]) for v, x in self.classes.items() for p in x.outlets
        ]
        self.inflow_row = np.array(inflow_rows, dtype=np.int64)  # (P) row
        all_classes = list(self.classes.values())
        row_offsets = np.cumsum([0, *(len(x.available_share) for x in all_classes)])
        # Outlets of all nodes side by side, rows of ``available_share`` one below the other.
        self.available_row = np.hstack(
            [x.available_row + n for x, n in zip(all_classes, row_offsets[:-1], strict=True)]
        )
        self.realization_index = np.hstack([x.realization_index for x in all_classes])
        self.demand_row = all_classes[0].demand_row  # (U) of demand, the same for all forms
        self.available_share = np.vstack([x.available_share for x in all_classes])
        self.nameplate = np.concatenate([node.nameplate for node in self.nodes.values()])
        self.realization_count = max(node.realization_count for node in self.nodes.values())

    def common_retention(self, point: FirstStagePoint) -> float | None:
        """Return the retention per period that all stocks holding anything have in common.

        Return 1 if no stock holds anything, and None if the retentions differ or if the stocks
        lose nearly everything over the horizon.
        """
        retentions = {
            float(value)
            for node in self.nodes.values()
            for value in node.retention[node.holds_stock(point)]
        }
        retention = retentions.pop() if retentions else 1.0
        return (
            None
            if retentions or retention ** (self.is_open.shape[1] - 1) < MIN_TOTAL_RETENTION
            else retention
        )

    def inflows(self, class_block: slice) -> Floats:
        """Return the lots (U, F+C, K) of market supply and of conversion capacity in a block of
        state classes."""
        year_index, first_plant = next(iter(self.nodes.values())).year_index, len(self.nodes)
        lots = np.zeros((len(self.is_open[class_block]), len(self.content), len(year_index)))
        for f, (v, node) in enumerate(self.nodes.items()):
            lots[:, f] = node.market_share * self.classes[v].market_lots[class_block]
        for c, plant in enumerate(self.plants):
            if plant.capacity is not None:
                lots[:, first_plant + c] = (
                    plant.capacity[year_index] * self.capacity_left[plant.id][class_block]
                )
        return lots


class NetworkEvaluation(RecourseEvaluation):
    """Evaluation of a chain as a network. All stocks that hold anything have one retention."""

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
        nodes, content = data.nodes, data.content
        super().__init__(nodes, classes, point, class_weights, with_subgradients, with_shortages)
        self._data = data
        self._stocks = {v: node.stock_arrays(point, retention) for v, node in nodes.items()}
        kept_share = next(iter(self._stocks.values())).kept_share
        self._tonnes_per_lot = content[:, None] / kept_share
        steps = max(1, *(len(node.step_weight) for node in nodes.values()))
        step_weight = np.zeros((len(nodes), steps, len(kept_share)))
        step_limit = np.zeros((len(next(iter(nodes.values())).step_limit), *step_weight.shape))
        for f, node in enumerate(nodes.values()):
            count = len(node.step_weight)
            step_limit[:, f, :count], step_weight[f, :count] = node.step_limit, node.step_weight
        form_unit = self._tonnes_per_lot[: len(nodes), None]
        self._exact_step_value = step_weight / form_unit
        stocks = list(enumerate(self._stocks.values()))
        self._arrived = np.concatenate([content[f] * arrays.arrived_lots for f, arrays in stocks])
        self._initial = np.concatenate([content[f] * arrays.initial_lots for f, arrays in stocks])
        self._refill = np.concatenate([content[f] * arrays.max_refill for f, arrays in stocks])
        self._empty_retention = np.concatenate([arrays.empty_retention for _, arrays in stocks])
        self._empty_form = np.array(
            [f for f, arrays in stocks for _ in arrays.empty_retention], dtype=np.int64
        )
        self._network = build_network(
            data.input_forms,
            data.output_forms,
            np.array([f for f, arrays in stocks for _ in arrays.initial_lots], dtype=np.int64),
            np.minimum(
                np.concatenate([content[f] * arrays.max_release for f, arrays in stocks]),
                NO_RELEASE_LIMIT,
            ),
            step_limit * form_unit,
            round_mantissa(self._exact_step_value),
        )
        self._running_lots = np.zeros(
            (len(data.nameplate), data.realization_count, len(kept_share))
        )
        first_project = 0
        for node in nodes.values():
            project_rows = slice(first_project, first_project + len(node.nameplate))
            first_project = first_project + len(node.nameplate)
            running_lots = (
                node.running_share(point)[:, :, node.year_index] * node.nameplate[:, None, None]
            )
            self._running_lots[project_rows, : node.realization_count] = running_lots
        set_count, year_count = len(class_weights), int(node.year_index[-1]) + 1
        self._sum_shapes = (
            (set_count,),
            (set_count, len(data.nameplate), data.realization_count, year_count),
            (set_count, len(self._initial), len(kept_share)),
            (set_count, len(self._empty_retention), len(kept_share)),
        )

    def _evaluate_classes(self, start: int, end: int) -> None:
        data, class_block = self._data, slice(start, end)
        sums = [np.zeros(shape) for shape in self._sum_shapes]
        shortage = (
            np.zeros((end - start, *self._exact_step_value.shape))
            if self._with_shortages
            else EMPTY_FORMS
        )
        evaluate_network_classes(
            self._network, allocate_workspace(self._network), data.demand_row[class_block],
            data.inflows(class_block), data.is_open[class_block], self._tonnes_per_lot,
            self._exact_step_value, data.available_row[class_block],
            data.realization_index[class_block], data.available_share, self._running_lots,
            data.nameplate, data.inflow_row, data.is_covered[class_block], self._refill,
            self._nodes[self.chain_id].year_index, self._arrived, self._initial,
            self._empty_retention, self._empty_form,
            np.ascontiguousarray(self.class_weights[:, class_block]), self._with_subgradients,
            COVERAGE_TOLERANCE, self.damage[class_block], shortage, *sums,
        )  # fmt: skip
        for f, (v, node) in enumerate(self._nodes.items() if self._with_shortages else ()):
            by_step = node.split_to_file_steps(
                shortage[:, f, : len(node.step_weight)], data.demand_row[class_block]
            )
            self._record_shortage(v, start, end, by_step)
        if self._with_subgradients:
            self._partial_sums[start] = sums

    def _sum_subgradients(self, partial_sums: list[Any]) -> dict[int, Subgradient]:
        subgradients = {
            v: zero_subgradient(node, len(self.class_weights)) for v, node in self._nodes.items()
        }
        if not partial_sums:
            return subgradients
        constant, output_value, value_by_row, value_by_empty_row = (
            np.sum(parts, axis=0) for parts in zip(*partial_sums, strict=True)
        )
        subgradients[self.chain_id].constant[:] = constant
        first_project = first_row = first_empty_row = 0
        for content, (v, node) in zip(self._data.content, self._nodes.items(), strict=False):
            stocks, subgradient = self._stocks[v], subgradients[v]
            project_count = len(node.nameplate)
            row_count = len(stocks.initial_lots)
            empty_row_count = len(stocks.empty_retention)
            subgradient.output_value[:] = output_value[
                :, first_project : first_project + project_count, : node.realization_count
            ]
            subgradient.purchase_value[:] = purchase_values(
                node,
                stocks,
                content * value_by_row[:, first_row : first_row + row_count],
                value_by_empty_row[:, first_empty_row : first_empty_row + empty_row_count],
            )
            first_project, first_row, first_empty_row = (
                first_project + project_count,
                first_row + row_count,
                first_empty_row + empty_row_count,
            )
        return subgradients
