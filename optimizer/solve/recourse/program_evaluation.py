"""Evaluation of a chain by linear programs, or approximately by cached dual values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.model.instance import COVERAGE_TOLERANCE, Chain, Floats
from optimizer.solve.recourse import node_kernel
from optimizer.solve.recourse.evaluations import RecourseEvaluation, Subgradient, zero_subgradient
from optimizer.solve.recourse.node_data import FirstStagePoint, NodeData
from optimizer.solve.recourse.node_kernel import strongest_cut
from optimizer.solve.recourse.program_template import BasisArray, ProgramTemplate
from optimizer.solve.recourse.state_classes import ChainStateClasses, StateClasses

MAX_CACHED_EVALUATIONS = 8  # evaluations whose dual values are cached
MAX_CACHED_NUMBERS = 2**22  # size limit of the cache of one chain
GAP_GROWTH = 1.5  # growth of a class's estimated bound gap whenever it is not solved
COMMITMENT_PARAMETERS = ("delivers", "buy")  # parameters that depend on the commitment
CLOSED_GAP_SHARE = 0.98  # share of the estimated gap that an approximate evaluation closes


@dataclass(frozen=True, eq=False)
class DualCuts:
    """Lower bounds on damage from the dual values of each state class.

    For any commitment the damage is at least ``constant - slopes . columns``. The columns (D) are
    the running share of each outlet (a project at a node) in each year, then the lots bought for
    each account in each year.
    """

    constant: Floats  # (U)
    slopes: Floats  # (U, D)
    bases: BasisArray  # (U) bases that yield these dual values


class DualCache:
    """Dual values and bases of earlier evaluations of a chain.

    A program starts from the basis that belongs to the strongest bound; this basis is dual feasible
    for any parameters.
    """

    def __init__(self, class_count: int) -> None:
        self.bound_gap = np.ones(class_count)  # last known gap of each class's cached bound
        self.last_query: Any = None  # point of the last query since the cache was extended
        self._constant, self._slopes = np.zeros((0, class_count)), np.zeros((0, class_count, 0))
        self._bases = np.empty((0, class_count), dtype=object)
        self._evaluation_count = 0

    @classmethod
    def transferred_from(
        cls, digests: Sequence[bytes], known_digests: Sequence[bytes], cache: DualCache
    ) -> DualCache:
        """Return a cache for other state classes (``digests``), with the cached values of the
        classes (``known_digests``) that have the same digest. The bound of classes without a match
        is 0."""
        known_index = {digest: u for u, digest in enumerate(known_digests)}
        source = np.array([known_index.get(digest, -1) for digest in digests], dtype=np.int64)
        is_known = source >= 0
        transferred = cls(len(digests))
        transferred.bound_gap[:] = cache.bound_gap.max(initial=1.0)
        transferred.bound_gap[is_known] = cache.bound_gap[source[is_known]]
        count, width = cache._slopes.shape[0], cache._slopes.shape[2]
        transferred._slopes = np.zeros((count, len(digests), width))
        transferred._constant = np.zeros((count, len(digests)))
        transferred._bases = np.empty((count, len(digests)), dtype=object)
        for new_array, old_array in (
            (transferred._slopes, cache._slopes),
            (transferred._constant, cache._constant),
        ):
            new_array[:, is_known] = old_array[:, source[is_known]]
        transferred._bases[:, is_known] = cache._bases[:, source[is_known]]
        transferred._evaluation_count = cache._evaluation_count
        return transferred

    def add(self, dual_cuts: DualCuts) -> None:
        """Add the dual values of an evaluation. If the cache is full, they replace the oldest dual
        values."""
        if not len(self._slopes):
            capacity = MAX_CACHED_NUMBERS // max(1, dual_cuts.slopes.size)
            capacity = max(2, min(MAX_CACHED_EVALUATIONS, capacity))
            self._slopes = np.zeros((capacity, *dual_cuts.slopes.shape))
            self._constant = np.full((capacity, len(dual_cuts.constant)), -np.inf)
            self._bases = np.empty(self._constant.shape, dtype=object)
        slot = self._evaluation_count % len(self._slopes)
        self._slopes[slot], self._constant[slot] = dual_cuts.slopes, dual_cuts.constant
        self._bases[slot] = dual_cuts.bases
        self._evaluation_count += 1
        self.last_query = None

    def strongest_cuts_at(self, columns: Floats) -> tuple[DualCuts, Floats] | None:
        """Return the strongest bound of each state class at ``columns`` (U, D), and its value (U).

        Return None if the cache is empty.
        """
        if not self._evaluation_count:
            return None
        bounds = np.zeros(len(columns))
        best_evaluation = strongest_cut(self._constant, self._slopes, columns, bounds)
        class_numbers = np.arange(len(best_evaluation))
        arrays = (self._constant, self._slopes, self._bases)
        return DualCuts(*(array[best_evaluation, class_numbers] for array in arrays)), bounds


class ProgramEvaluation(RecourseEvaluation):
    """Evaluation by linear programs, of a chain or of a node whose stocks lose at different rates.

    With ``approximate`` only the state classes with the largest estimated gaps are solved; for the
    others the cached lower bounds are used.
    """

    def __init__(
        self,
        template: ProgramTemplate,
        cache: DualCache,
        chain: Chain,
        nodes: dict[int, NodeData],
        classes: StateClasses | ChainStateClasses,
        point: FirstStagePoint,
        class_weights: Floats,
        with_subgradients: bool,
        with_shortages: bool,
        approximate: bool,
    ) -> None:
        super().__init__(
            {v: nodes[v] for v in chain.nodes},
            classes,
            point,
            class_weights,
            with_subgradients,
            with_shortages,
        )
        self.template, self.chain, self._cache = template, chain, cache
        if isinstance(classes, ChainStateClasses):
            self._classes = {
                v: classes.by_material[node.node.material] for v, node in self._nodes.items()
            }
            self._capacity_left, self.is_open = classes.capacity_left, classes.is_open
        else:
            node = nodes[chain.id]
            self._classes, self._capacity_left = {chain.id: classes}, {}
            demand = node.demand[classes.demand_row]
            self.is_open = (
                demand - node.market_share * classes.market_lots > COVERAGE_TOLERANCE * demand
            )
        self._running_share = {v: node.running_share(point) for v, node in self._nodes.items()}
        # First columns of dual cuts: outlets by node, then accounts.
        year_count = point.buy.shape[1]
        column_counts = [
            year_count * len(outlet_classes.outlets) for outlet_classes in self._classes.values()
        ]
        self._outlet_start = dict(
            zip(self._classes, np.cumsum([0, *column_counts]).tolist(), strict=False)
        )
        self._outlet_columns = sum(column_counts)
        self._accounts = [
            (v, n) for v, node in self._nodes.items() for n in range(len(node.stockpile_index))
        ]
        self._approximate = approximate
        self._strongest_cuts: tuple[DualCuts, Floats] | None = None
        self._must_solve = np.asarray((class_weights > 0).any(axis=0))

    def _parameter_positions(self, v: int, n: int, kind: str) -> NDArray[np.int64]:
        """Return the positions of the parameters that belong to an outlet's deliveries or to an
        account's purchases or covered periods, according to ``kind``."""
        if kind in ("buy", "covered"):
            return self.template.parameter_positions[
                kind, list(self._nodes[v].node.stockpile_shares)[n]
            ]
        return self.template.parameter_positions[kind, (v, self._classes[v].outlets[n])]

    def _outlet_arrays(self, v: int, class_block: slice) -> tuple[Any, ...]:
        """Return the arrays that describe a node's outlets, as arguments for the functions of
        :mod:`optimizer.solve.recourse.node_kernel`."""
        node = self._nodes[v]
        classes = self._classes[v]
        positions = self.template.parameter_positions
        first_positions = np.array(
            [positions["delivers", (v, p)][0] for p in classes.outlets], dtype=np.int64
        )
        class_arrays = (
            classes.realization_index[class_block],
            classes.available_row[class_block],
            classes.available_share,
        )
        return first_positions, node.nameplate, node.year_index, *class_arrays

    def parameter_values(self, class_block: slice) -> Floats:
        """Return the values of the parameters (U, G) in a block of state classes."""
        count = len(range(self.class_count)[class_block])
        parameters = np.zeros((count, self.template.parameter_count))
        positions = self.template.parameter_positions
        year_index = self._nodes[self.chain_id].year_index
        for v, node in self._nodes.items():
            row = self._classes[v].demand_row[class_block]
            parameters[:, positions["market", v]] = (
                node.market_share * self._classes[v].market_lots[class_block]
            )
            if ("demand", v) in positions:
                parameters[:, positions["demand", v]] = node.demand[row]
                for j in range(len(node.node.steps)):
                    parameters[:, positions["limit", (v, j)]] = node.file_step_limit[row, j]
        for plant in self.chain.plants:
            if plant.capacity is not None:
                capacity = plant.capacity[year_index] * self._capacity_left[plant.id][class_block]
                parameters[:, positions["capacity", plant.id]] = capacity
        for v, running_share in self._running_share.items():
            first_positions, nameplate, *class_arrays = self._outlet_arrays(v, class_block)
            node_kernel.add_deliveries(
                parameters, first_positions, nameplate, running_share, *class_arrays
            )
        for v, n in self._accounts:
            parameters[:, self._parameter_positions(v, n, "buy")] = self._point.buy[
                self._nodes[v].stockpile_index[n]
            ]
            covered = self._classes[v].is_covered
            if covered is not None and self._nodes[v].max_refill[n].any():
                parameters[:, self._parameter_positions(v, n, "covered")] = covered[class_block]
        return parameters

    def look_up_cache(self) -> None:
        """Find the strongest cached bounds at the point of this evaluation."""
        self._strongest_cuts = self._cache.strongest_cuts_at(self._dual_cut_columns())

    def tasks(self) -> list[Callable[[], None]]:
        """Return the tasks of this evaluation. :meth:`look_up_cache` must be called before."""
        if self._approximate and self._strongest_cuts is not None:
            estimated_gap = np.where(
                self._must_solve, self.class_weights.sum(axis=0) * self._cache.bound_gap, 0.0
            )
            order = np.argsort(-estimated_gap, kind="stable")
            is_skipped = (
                np.cumsum(estimated_gap[order]) - estimated_gap[order]
                >= CLOSED_GAP_SHARE * estimated_gap.sum()
            )
            self._must_solve[order[is_skipped]] = False
            self._cache.bound_gap[order[is_skipped]] *= GAP_GROWTH
            self.damage[:] = np.maximum(self._strongest_cuts[1], 0.0)
        return super().tasks()

    def _evaluate_classes(self, start: int, end: int) -> None:
        class_block = slice(start, end)
        parameters = self.parameter_values(class_block)
        if self._with_shortages:
            self._evaluate_shortages(class_block, parameters)
            return
        to_solve = np.flatnonzero(self._must_solve[class_block])
        class_numbers = start + to_solve
        bases = (
            [None] * len(class_numbers)
            if self._strongest_cuts is None
            else list(self._strongest_cuts[0].bases[class_numbers])
        )
        results = self.template.solve(parameters[to_solve], self.is_open[class_numbers], bases)
        self.damage[class_numbers] = results.damage
        if self._with_subgradients:
            parameter_duals, dual_bound = np.zeros(parameters.shape), np.zeros(len(parameters))
            parameter_duals[to_solve] = results.parameter_duals
            dual_bound[to_solve] = results.dual_bound
            final_bases = np.empty(len(parameters), dtype=object)
            final_bases[to_solve] = bases
            dual_cuts = self._build_dual_cuts(
                class_block, parameters, parameter_duals, dual_bound, final_bases
            )
            if self._strongest_cuts is not None:
                cached, cached_bounds = self._strongest_cuts
                self._cache.bound_gap[class_numbers] = np.maximum(
                    results.damage - cached_bounds[class_numbers], 0.0
                )
                not_solved = ~self._must_solve[class_block]
                dual_cuts.constant[not_solved] = cached.constant[class_block][not_solved]
                dual_cuts.slopes[not_solved] = cached.slopes[class_block][not_solved]
                dual_cuts.bases[not_solved] = cached.bases[class_block][not_solved]
            self._partial_sums[start] = dual_cuts

    def _build_dual_cuts(
        self,
        class_block: slice,
        parameters: Floats,
        parameter_duals: Floats,
        dual_bound: Floats,
        bases: BasisArray,
    ) -> DualCuts:
        """Return the lower bounds on damage that follow from the dual values of a block of state
        classes."""
        slopes = np.zeros((len(parameters), self._outlet_columns))
        for v, first_column in self._outlet_start.items():
            node_kernel.add_output_values(
                slopes, first_column, parameter_duals, *self._outlet_arrays(v, class_block)
            )
        purchase_slopes = [
            -parameter_duals[:, self._parameter_positions(v, n, "buy")] for v, n in self._accounts
        ]
        positions = [
            index
            for (kind, _), index in self.template.parameter_positions.items()
            if kind in COMMITMENT_PARAMETERS
        ]
        commitment_positions = np.concatenate([np.zeros(0, np.int64), *positions])
        constant = dual_bound - (
            parameter_duals[:, commitment_positions] * parameters[:, commitment_positions]
        ).sum(axis=1)
        return DualCuts(constant, np.hstack([slopes, *purchase_slopes]), bases)

    def _evaluate_shortages(self, class_block: slice, parameters: Floats) -> None:
        by_step = {
            v: np.zeros((len(parameters), len(node.node.steps), node.period_count))
            for v, node in self._nodes.items()
        }
        node_by_label = {node.node.label: v for v, node in self._nodes.items()}
        demand = {
            v: self._nodes[v].demand[classes.demand_row[class_block]]
            for v, classes in self._classes.items()
        }
        values = self.template.solve_shortages(parameters, self.is_open[class_block])
        for (kind, index), lots in zip(self.template.column_keys, values.T, strict=True):
            if kind == "shortage":
                node_label, j, k = index
                v = node_by_label[node_label]
                by_step[v][:, j, k] = np.where(
                    lots > COVERAGE_TOLERANCE * demand[v][:, k], lots, 0.0
                )
        for v, shortage in by_step.items():
            self._record_shortage(v, class_block.start, class_block.stop, shortage)
            self.damage[class_block] += self.damage_by_step[v][class_block].sum(axis=1)

    def _sum_subgradients(self, partial_sums: list[Any]) -> dict[int, Subgradient]:
        if not partial_sums:
            return {
                v: zero_subgradient(node, len(self.class_weights))
                for v, node in self._nodes.items()
            }
        arrays = ((x.constant, x.slopes, x.bases) for x in partial_sums)
        dual_cuts = DualCuts(*(np.concatenate(x) for x in zip(*arrays, strict=True)))
        self._strongest_cuts = None  # no longer needed, and large
        self._cache.add(dual_cuts)
        return self._weight_dual_cuts(dual_cuts)

    def _weight_dual_cuts(self, dual_cuts: DualCuts) -> dict[int, Subgradient]:
        """Return the subgradient of each node: the sum of the bounds of state classes, weighted by
        ``class_weights``."""
        subgradients = {
            v: zero_subgradient(node, len(self.class_weights)) for v, node in self._nodes.items()
        }
        subgradients[self.chain_id].constant[:] = self.class_weights @ dual_cuts.constant
        year_count, first_account_column = self._point.buy.shape[1], self._outlet_columns
        for v, first_column in self._outlet_start.items():
            node_kernel.add_weighted_slopes(
                subgradients[v].output_value,
                dual_cuts.slopes,
                first_column,
                self._classes[v].realization_index,
                self.class_weights,
            )
        for v, n in self._accounts:
            subgradients[v].purchase_value[:, n] = (
                self.class_weights
                @ dual_cuts.slopes[:, first_account_column : first_account_column + year_count]
            )
            first_account_column += year_count
        return subgradients

    def cached_subgradients(self) -> dict[int, Subgradient] | None:
        """Return the strongest cut at the point that follows from cached dual values, as the
        subgradient of each node; None if the cache is empty.

        No program is solved (bunching: Wets 1983). :meth:`look_up_cache` must be called before.
        """
        return (
            None
            if self._strongest_cuts is None
            else self._weight_dual_cuts(self._strongest_cuts[0])
        )

    def _dual_cut_columns(self) -> Floats:
        """Return the values of the columns (U, D) of dual cuts at the evaluation's point."""
        purchases = [self._point.buy[self._nodes[v].stockpile_index[n]] for v, n in self._accounts]
        columns = np.zeros((self.class_count, self._outlet_columns + sum(map(len, purchases))))
        columns[:, self._outlet_columns :] = np.concatenate([np.zeros(0), *purchases])
        for v, first_column in self._outlet_start.items():
            node_kernel.write_running_shares(
                columns, first_column, self._running_share[v], self._classes[v].realization_index
            )
        return columns
