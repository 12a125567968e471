"""A chain in all its looks, as linear programs: each exactly, or as far as is known of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.model.instance import COVERAGE_TOLERANCE, Chain, Floats
from optimizer.solve.recourse import project_deliveries
from optimizer.solve.recourse.evaluations import RecourseEvaluation, Subgradient, zero_subgradient
from optimizer.solve.recourse.node_data import FirstStagePoint, NodeData
from optimizer.solve.recourse.node_kernel import strongest_cut
from optimizer.solve.recourse.program_template import BasisArray, ProgramTemplate
from optimizer.solve.recourse.state_classes import ChainStateClasses, StateClasses

MAX_CACHED_EVALUATIONS = 8  # sweeps whose multipliers are kept, look by look
MAX_CACHED_NUMBERS = 2**22  # numbers that they may take at most, of one chain
DOUBT_GROWTH = 1.5  # what a look may lack, when it has not been solved once more
COMMITMENT_PARAMETERS = ("delivers", "buy")  # kinds of given columns that depend on the commitment
ROUGH_SHARE = 0.98  # share of what looks are likely to lack that a rough sweep finds


@dataclass(frozen=True, eq=False)
class DualSupport:
    """What the multipliers of each look prove of any commitment: that its damage is at least
    ``constant - slopes . columns``. Columns (D) are the share of nameplate that runs of each
    outlet, a project at a node, year by year, and the lots bought for each account, likewise."""

    constant: Floats  # (U)
    slopes: Floats  # (U, D)
    bases: BasisArray  # (U) of the programs that proved it


class DualCache:
    """What former sweeps proved of a chain, and by which bases: a program goes on from the one that
    proves most of it, which is dual feasible whatever is given."""

    def __init__(self, class_count: int) -> None:
        self.bound_gap = np.ones(
            class_count
        )  # how much more than known was found of each look, last time
        self.last_query: Any = None  # what was last asked for, since which nothing was learnt
        self._constant, self._slopes = np.zeros((0, class_count)), np.zeros((0, class_count, 0))
        self._bases = np.empty((0, class_count), dtype=object)
        self._evaluation_count = 0

    @classmethod
    def transferred_from(
        cls, digests: Sequence[bytes], known_digests: Sequence[bytes], cache: DualCache
    ) -> DualCache:
        """What is known of looks that are among others, of which ``known`` knows; of the rest it is
        known that nothing is less than no damage."""
        place = {digest: u for u, digest in enumerate(known_digests)}
        at = np.array([place.get(digest, -1) for digest in digests], dtype=np.int64)
        there = at >= 0
        found = cls(len(digests))
        found.bound_gap[:] = cache.bound_gap.max(initial=1.0)
        found.bound_gap[there] = cache.bound_gap[at[there]]
        most, width = cache._slopes.shape[0], cache._slopes.shape[2]
        found._slopes = np.zeros((most, len(digests), width))
        found._constant = np.zeros((most, len(digests)))
        found._bases = np.empty((most, len(digests)), dtype=object)
        for own, before in ((found._slopes, cache._slopes), (found._constant, cache._constant)):
            own[:, there] = before[:, at[there]]
        found._bases[:, there] = cache._bases[:, at[there]]
        found._evaluation_count = cache._evaluation_count
        return found

    def add(self, support: DualSupport) -> None:
        """Add what a sweep proved; the oldest goes."""
        if not len(self._slopes):
            most = MAX_CACHED_NUMBERS // max(1, support.slopes.size)
            most = max(2, min(MAX_CACHED_EVALUATIONS, most))
            self._slopes = np.zeros((most, *support.slopes.shape))
            self._constant = np.full((most, len(support.constant)), -np.inf)
            self._bases = np.empty(self._constant.shape, dtype=object)
        place = self._evaluation_count % len(self._slopes)
        self._slopes[place], self._constant[place] = support.slopes, support.constant
        self._bases[place] = support.bases
        self._evaluation_count += 1
        self.last_query = None

    def strongest_at(self, columns: Floats) -> tuple[DualSupport, Floats] | None:
        """Of each look what proves most of it at given columns (U, D), and how much (U); None
        without any sweep."""
        if not self._evaluation_count:
            return None
        says = np.zeros(len(columns))
        best = strongest_cut(self._constant, self._slopes, columns, says)
        looks = np.arange(len(best))
        kept = (self._constant, self._slopes, self._bases)
        return DualSupport(*(own[best, looks] for own in kept)), says


class ProgramEvaluation(RecourseEvaluation):
    """A chain, or a node of unlike stocks, as linear programs. A ``rough`` one solves those of the
    looks that are likely to lack most: of the others it takes what is known, which is no more than
    their damage."""

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
        # Where columns of supports begin: outlets by node, then accounts.
        years = point.buy.shape[1]
        width = [years * len(own.outlets) for own in self._classes.values()]
        self._outlet_start = dict(zip(self._classes, np.cumsum([0, *width]).tolist(), strict=False))
        self._outlet_columns = sum(width)
        self._accounts = [
            (v, n) for v, node in self._nodes.items() for n in range(len(node.stockpile_index))
        ]
        self._approximate = approximate
        self._cached_support: tuple[DualSupport, Floats] | None = None
        self._is_solved = np.asarray((class_weights > 0).any(axis=0))

    def _parameter_positions(self, v: int, n: int, kind: str) -> NDArray[np.int64]:
        """Where what a project delivers, or an account buys, stands among what is given."""
        if kind in ("buy", "covered"):
            return self.template.parameter_positions[
                kind, list(self._nodes[v].node.stockpile_shares)[n]
            ]
        return self.template.parameter_positions[kind, (v, self._classes[v].outlets[n])]

    def _outlet_arrays(self, v: int, class_block: slice) -> tuple[Any, ...]:
        """Of the outlets of a node, what :mod:`optimizer.solve.recourse.project_deliveries` takes."""
        node, looks, place = self._nodes[v], self._classes[v], self.template.parameter_positions
        first = np.array([place["delivers", (v, p)][0] for p in looks.outlets], dtype=np.int64)
        arrives = (
            looks.realisation_index[class_block],
            looks.available_row[class_block],
            looks.available_share,
        )
        return first, node.nameplate, node.year_index, *arrives

    def parameter_values(self, class_block: slice) -> Floats:
        """(U, G) what is given in a part of the looks."""
        count = len(range(self.class_count)[class_block])
        given, place = (
            np.zeros((count, self.template.parameter_count)),
            self.template.parameter_positions,
        )
        year_of = self._nodes[self.chain_id].year_index
        for v, node in self._nodes.items():
            row = self._classes[v].demand_row[class_block]
            given[:, place["market", v]] = (
                node.market_share * self._classes[v].market_lots[class_block]
            )
            if ("demand", v) in place:
                given[:, place["demand", v]] = node.demand[row]
                for j in range(len(node.node.steps)):
                    given[:, place["limit", (v, j)]] = node.file_step_limit[row, j]
        for plant in self.chain.plants:
            if plant.capacity is not None:
                most = plant.capacity[year_of] * self._capacity_left[plant.id][class_block]
                given[:, place["capacity", plant.id]] = most
        for v, running in self._running_share.items():
            first, plate, *rest = self._outlet_arrays(v, class_block)
            project_deliveries.add_deliveries(given, first, plate, running, *rest)
        for v, n in self._accounts:
            given[:, self._parameter_positions(v, n, "buy")] = self._point.buy[
                self._nodes[v].stockpile_index[n]
            ]
            covered = self._classes[v].is_covered
            if covered is not None and self._nodes[v].max_refill[n].any():
                given[:, self._parameter_positions(v, n, "covered")] = covered[class_block]
        return given

    def look_up_cache(self) -> None:
        """Look up what former sweeps prove at the point."""
        self._cached_support = self._cache.strongest_at(self._support_columns())

    def tasks(self) -> list[Callable[[], None]]:
        """What there is to do, once what is known is looked up."""
        if self._approximate and self._cached_support is not None:
            lacks = np.where(
                self._is_solved, self.class_weights.sum(axis=0) * self._cache.bound_gap, 0.0
            )
            ranked = np.argsort(-lacks, kind="stable")
            enough = np.cumsum(lacks[ranked]) - lacks[ranked] >= ROUGH_SHARE * lacks.sum()
            self._is_solved[ranked[enough]] = False
            self._cache.bound_gap[ranked[enough]] *= DOUBT_GROWTH
            self.damage[:] = np.maximum(self._cached_support[1], 0.0)
        return super().tasks()

    def _evaluate_classes(self, start: int, end: int) -> None:
        part = slice(start, end)
        given = self.parameter_values(part)
        if self._with_shortages:
            self._evaluate_shortages(part, given)
            return
        solves = np.flatnonzero(self._is_solved[part])
        at = start + solves
        bases = (
            [None] * len(at)
            if self._cached_support is None
            else list(self._cached_support[0].bases[at])
        )
        solved = self.template.solve(given[solves], self.is_open[at], bases)
        self.damage[at] = solved.damage
        if self._with_subgradients:
            by_given, proven = np.zeros(given.shape), np.zeros(len(given))
            by_given[solves], proven[solves] = solved.parameter_duals, solved.dual_bound
            kept = np.empty(len(given), dtype=object)
            kept[solves] = bases
            found = self._build_support(part, given, by_given, proven, kept)
            if self._cached_support is not None:
                known, says = self._cached_support
                self._cache.bound_gap[at] = np.maximum(solved.damage - says[at], 0.0)
                others = ~self._is_solved[part]
                found.constant[others] = known.constant[part][others]
                found.slopes[others] = known.slopes[part][others]
                found.bases[others] = known.bases[part][others]
            self._partial_sums[start] = found

    def _build_support(
        self,
        class_block: slice,
        parameters: Floats,
        parameter_duals: Floats,
        dual_bound: Floats,
        bases: BasisArray,
    ) -> DualSupport:
        """What multipliers prove in a part of the looks."""
        slopes = np.zeros((len(parameters), self._outlet_columns))
        for v, at in self._outlet_start.items():
            project_deliveries.add_output_values(
                slopes, at, parameter_duals, *self._outlet_arrays(v, class_block)
            )
        bought = [
            -parameter_duals[:, self._parameter_positions(v, n, "buy")] for v, n in self._accounts
        ]
        moves = [
            at
            for (kind, _), at in self.template.parameter_positions.items()
            if kind in COMMITMENT_PARAMETERS
        ]
        own = np.concatenate([np.zeros(0, np.int64), *moves])
        constant = dual_bound - (parameter_duals[:, own] * parameters[:, own]).sum(axis=1)
        return DualSupport(constant, np.hstack([slopes, *bought]), bases)

    def _evaluate_shortages(self, class_block: slice, parameters: Floats) -> None:
        by_step = {
            v: np.zeros((len(parameters), len(node.node.steps), node.period_count))
            for v, node in self._nodes.items()
        }
        label = {node.node.label: v for v, node in self._nodes.items()}
        demand = {
            v: self._nodes[v].demand[own.demand_row[class_block]]
            for v, own in self._classes.items()
        }
        found = self.template.solve_shortages(parameters, self.is_open[class_block])
        for (kind, index), lots in zip(self.template.column_keys, found.T, strict=True):
            if kind == "shortage":
                name, j, k = index
                v = label[name]
                by_step[v][:, j, k] = np.where(
                    lots > COVERAGE_TOLERANCE * demand[v][:, k], lots, 0.0
                )
        for v, own in by_step.items():
            self._record_shortage(v, class_block.start, class_block.stop, own)
            self.damage[class_block] += self.damage_by_step[v][class_block].sum(axis=1)

    def _sum_subgradients(self, partial_sums: list[Any]) -> dict[int, Subgradient]:
        if not partial_sums:
            return {
                v: zero_subgradient(node, len(self.class_weights))
                for v, node in self._nodes.items()
            }
        kept = ((own.constant, own.slopes, own.bases) for own in partial_sums)
        whole = DualSupport(*(np.concatenate(own) for own in zip(*kept, strict=True)))
        self._cached_support = None  # as much again as the pass itself
        self._cache.add(whole)
        return self._weight_support(whole)

    def _weight_support(self, support: DualSupport) -> dict[int, Subgradient]:
        """The sums of what is proven of each look, by its chances."""
        slopes = {
            v: zero_subgradient(node, len(self.class_weights)) for v, node in self._nodes.items()
        }
        slopes[self.chain_id].constant[:] = self.class_weights @ support.constant
        years, at = self._point.buy.shape[1], self._outlet_columns
        for v, first in self._outlet_start.items():
            project_deliveries.add_weighted_slopes(
                slopes[v].output_value,
                support.slopes,
                first,
                self._classes[v].realisation_index,
                self.class_weights,
            )
        for v, n in self._accounts:
            slopes[v].purchase_value[:, n] = self.class_weights @ support.slopes[:, at : at + years]
            at += years
        return slopes

    def cached_subgradients(self) -> dict[int, Subgradient] | None:
        """The strongest cut at the point that former sweeps prove, of each look what proves most of
        it there, once it is looked up; None without any. It costs no program (bunching: Wets
        1983)."""
        return (
            None if self._cached_support is None else self._weight_support(self._cached_support[0])
        )

    def _support_columns(self) -> Floats:
        """(U, D) the columns of supports at the point."""
        bought = [self._point.buy[self._nodes[v].stockpile_index[n]] for v, n in self._accounts]
        columns = np.zeros((self.class_count, self._outlet_columns + sum(map(len, bought))))
        columns[:, self._outlet_columns :] = np.concatenate([np.zeros(0), *bought])
        for v, at in self._outlet_start.items():
            project_deliveries.write_running_shares(
                columns, at, self._running_share[v], self._classes[v].realisation_index
            )
        return columns
