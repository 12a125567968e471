"""Data of a node that recourse depends on, first-stage decisions as it sees them, and their
hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.model.commitment import Commitment
from optimizer.model.instance import COMMON_GROUP, Floats, Instance, Node
from optimizer.solve.recourse.state_classes import ChainStateClasses, StateClasses

UNAIDED_GROUP = ".unaided"  # offtake group of unaided projects


@dataclass(frozen=True, eq=False)
class FirstStagePoint:
    """Values of the first-stage columns that recourse depends on. They may be fractional."""

    offtake: Floats  # (C) share of output, or 1 if unaided; by FirstStageColumns.offtake_columns
    buy: Floats  # (H, Y) lots bought; by FirstStageColumns.stockpiles and year


class FirstStageColumns:
    """First-stage columns that recourse depends on. A column is listed even if a model has no
    variable for it."""

    def __init__(self, instance: Instance) -> None:
        self.offtake_columns: tuple[tuple[str, int, str], ...] = (
            *(
                (p, start, group)
                for p, start in instance.start_options
                for group in instance.offtake_groups
            ),
            *(self.unaided_column(instance, p) for p in instance.unaided_projects),
            *map(self.floored_column, instance.floored_offtakes),
        )
        self._unaided_columns = {
            p: self.unaided_column(instance, p) for p in instance.unaided_projects
        }
        self.stockpiles = tuple(instance.stockpiles)
        self.year_count = len(instance.years)

    @staticmethod
    def unaided_column(instance: Instance, p: str) -> tuple[str, int, str]:
        """Return the key of the column that is 1 if the plan does not start an unaided project."""
        return p, instance.projects[p].unaided_start_year or 0, UNAIDED_GROUP

    @staticmethod
    def floored_column(key: tuple[str, int, str, str, str]) -> tuple[str, int, str]:
        """Return the key of the column for a group's offtake under a price floor."""
        p, start, group, f, i = key
        return p, start, f"{f}.{i}.{group}"

    @cached_property
    def column_index(self) -> dict[tuple[str, int, str], int]:
        """Position of each column in ``offtake_columns``, by key."""
        return {key: c for c, key in enumerate(self.offtake_columns)}

    def to_point(self, commitment: Commitment) -> FirstStagePoint:
        """Convert a commitment without review branches to a first-stage point."""
        assert not commitment.branches
        offtake = np.zeros(len(self.offtake_columns))
        buy = np.zeros((len(self.stockpiles), self.year_count))
        for (p, group), share in commitment.offtake.items():
            if p in commitment.start:
                offtake[self.column_index[p, commitment.start[p], group]] = share
        for (p, group, f, i), share in commitment.floored.items():
            if p in commitment.start:
                key = self.floored_column((p, commitment.start[p], group, f, i))
                if key in self.column_index:  # else this assumption set has no such floor
                    offtake[self.column_index[key]] = share
        for p, key in self._unaided_columns.items():
            offtake[self.column_index[key]] = p not in commitment.start
        for h, stockpile in enumerate(self.stockpiles):
            buy[h] = commitment.buy.get(stockpile, 0.0)
        return FirstStagePoint(offtake, buy)


NO_RELEASE_LIMIT = 1e300  # finite, so that remaining limits are never infinity minus infinity
DAMAGE_TOLERANCE = 1e-12  # a high-damage step exceeds the mean by more than this share of it
EMPTY_ROWS = np.zeros((0, 0))
MIN_TOTAL_RETENTION = 1e-250  # with less retention over all periods, first-period lots are useless


@dataclass(frozen=True, eq=False)
class NodeStock:
    """Part of a stockpile that belongs to one node; quantities in lots."""

    retention: float
    initial_lots: float
    purchases: Floats  # (K)
    max_release: float  # lots per period; infinite without a limit

    def inflows(self) -> Floats:
        """Return the lots (K) that come in in each period, including the initial stock."""
        lots = self.purchases.copy()
        lots[0] += self.retention * self.initial_lots
        return lots

    def planned_stock(self) -> Floats:
        """Return the stock at the end of each period (K) if nothing is released, in lots."""
        stock_by_period, current_lots = np.zeros(len(self.purchases)), self.initial_lots
        for k, lots in enumerate(self.purchases):
            stock_by_period[k] = current_lots = self.retention * current_lots + lots
        return stock_by_period


@dataclass(frozen=True, eq=False)
class StockArrays:
    """Stocks of a node at a commitment, as arrays for the compiled kernels."""

    kept_share: Floats  # (K) what is left of a lot of the first period
    step_order: NDArray[np.int64]  # this and the next two: as in :meth:`NodeData.step_schedule`
    step_rank: NDArray[np.int64]
    step_value: Floats
    account_row: NDArray[np.int64]  # row (R) of each account below; -1 if it holds nothing
    arrived_lots: Floats  # (R, K) by the end of each period
    initial_lots: Floats  # (R)
    max_release: Floats  # (R, K)
    max_refill: Floats  # (R, K) in a covered period
    empty_retention: Floats  # (I) retention per period of accounts that hold nothing
    empty_row: NDArray[np.int64]  # row of each account in ``empty_retention``; -1 if none
    lacks_common_unit: bool  # no first-period lots: accounts lose at different rates or nearly all


@dataclass(frozen=True, eq=False)
class NodeData:
    """Demand, damage steps, accounts and offtake of a node.

    Steps with the same damage are merged. Demand and limits have N rows, and one row applies to
    each state class.
    """

    node: Node
    demand: Floats  # (N, K)
    market_share: Floats  # (K) share of the market's supply that belongs here
    step_limit: Floats  # (N, J, K) by descending damage
    file_step_limit: Floats  # (N, J, K) of the steps in the file, not merged
    step_weight: Floats  # (J, K)
    step_members: tuple[tuple[int, ...], ...]  # steps in the file of each merged step
    stockpile_index: NDArray[np.int64]  # (H) position of the stockpile of each account
    stockpile_share: Floats  # (H) share of the stockpile that belongs here
    retention: Floats  # (H) per period
    initial_lots: Floats  # (H) lots
    max_release: Floats  # (H) lots per period
    max_refill: Floats  # (H, K) lots in a covered period
    nameplate: Floats  # (P) lots per period
    realization_count: int  # D, the largest number of realizations of a project
    arrival_matrix: sparse.csr_array  # (P*D*Y, C) share of nameplate that arrives, by offtake
    year_index: NDArray[np.int64]
    periods_per_year: int
    step_schedules: dict[float, tuple[NDArray[np.int64], NDArray[np.int64], Floats]]
    """Cache of :meth:`step_schedule`: order, rank and value of steps, by retention."""

    @cached_property
    def file_step_weight(self) -> Floats:
        """Damage per lot (J, K) of the steps as in the scenario file, before merging."""
        shape = (-1, int(self.year_index[-1]) + 1)
        weight = np.reshape([step.weight for step in self.node.steps], shape)
        return weight[:, self.year_index]

    @property
    def period_count(self) -> int:
        """Number of periods K."""
        return len(self.year_index)

    def for_classes(self, classes: StateClasses) -> NodeData:
        """Return the data of the node with the demand and the limits of other state classes."""
        year_index = self.year_index
        file_step_limit = self.node.step_limits(
            year_index, classes.demand_factor, classes.step_share_left
        )
        merged_limits = [
            file_step_limit[:, members].sum(axis=1) for members in map(list, self.step_members)
        ]
        return replace(
            self,
            demand=classes.demand_factor * self.node.demand[year_index],
            # C-contiguous, since numba would compile a second version for another layout.
            step_limit=np.ascontiguousarray(
                np.stack(merged_limits, axis=1)
                if merged_limits
                else np.zeros((len(file_step_limit), 0, len(year_index)))
            ),
            file_step_limit=file_step_limit,
        )

    def running_share(self, point: FirstStagePoint) -> Floats:
        """Return the share of nameplate (P, D, Y) that would reach the node without hazards."""
        year_count = int(self.year_index[-1]) + 1
        return (self.arrival_matrix @ point.offtake).reshape(
            len(self.nameplate), self.realization_count, year_count
        )

    def project_arrivals(
        self, classes: StateClasses, point: FirstStagePoint
    ) -> Iterator[tuple[str, NDArray[np.int64], Floats]]:
        """Yield for each outlet with reserved output: the id of its project, the state classes in
        which it does not fail, and the lots (classes, K) that it delivers in these classes."""
        running_lots = (
            self.running_share(point)[:, :, self.year_index] * self.nameplate[:, None, None]
        )
        for p, project_id in enumerate(classes.outlets):
            if running_lots[p].any():
                rows = np.flatnonzero(classes.realization_index[:, p] >= 0)
                available = classes.available_share[classes.available_row[rows, p]]
                yield (
                    project_id,
                    rows,
                    running_lots[p, classes.realization_index[rows, p]] * available,
                )

    @cached_property
    def is_high_damage(self) -> NDArray[np.bool_]:
        """Whether the damage per lot of each step exceeds the node's mean, weighted by demand (N,
        J, K)."""
        weight, limit = self.step_weight, self.step_limit
        demand = limit.sum(axis=1)
        total_damage = (weight * limit).sum(axis=1)
        mean = np.divide(total_damage, demand, out=np.zeros_like(total_damage), where=demand > 0)
        is_high: NDArray[np.bool_] = (weight > mean[:, None] * (1 + DAMAGE_TOLERANCE)) & (limit > 0)
        return is_high

    def cache_key(self, point: FirstStagePoint) -> tuple[bytes, bytes]:
        """Return a key for the data of a point that this node's recourse depends on. Values that
        differ only in the last digits have the same key."""
        return (
            round_mantissa(self.arrival_matrix @ point.offtake).tobytes(),
            round_mantissa(point.buy[self.stockpile_index]).tobytes(),
        )

    def purchases(self, point: FirstStagePoint) -> Floats:
        """Return the lots bought for each account in each period (H, K)."""
        return (
            self.stockpile_share[:, None]
            * point.buy[self.stockpile_index][:, self.year_index]
            / self.periods_per_year
        )

    def refill_by_class(self, classes: StateClasses) -> Floats:
        """Return the largest refill of each account in lots (U, H, K), by state class."""
        zeros = np.zeros((classes.class_count, self.period_count))
        is_covered = zeros if classes.is_covered is None else classes.is_covered
        max_refill: Floats = is_covered[:, None] * self.max_refill
        return max_refill

    def step_schedule(
        self, retention: float
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats, Floats]:
        """Return the pairs of a damage step and a period by descending first-period value.

        Return these pairs (2, J*K), the rank of each (J, K), the values (J, K), and the share that
        is left of a first-period lot in each period (K).
        """
        length = self.step_weight.shape[1]
        kept_share = retention ** np.arange(length, dtype=float)
        if retention not in self.step_schedules:
            # Values that differ in the last digits only are ties: the earliest period comes first.
            value = round_mantissa(self.step_weight * kept_share)
            j, k = np.divmod(np.arange(value.size), length)
            order = np.lexsort((j, k, -value.ravel()))
            rank = np.empty(value.size, dtype=np.int64)
            rank[order] = np.arange(value.size)
            steps_and_periods = np.array([j[order], k[order]], dtype=np.int64)
            self.step_schedules[retention] = steps_and_periods, rank.reshape(value.shape), value
        return *self.step_schedules[retention], kept_share

    def holds_stock(self, point: FirstStagePoint) -> NDArray[np.bool_]:
        """Return whether each account (H) holds stock or can be refilled."""
        has_stock = (self.initial_lots > 0) | self.purchases(point).any(axis=1)
        is_used: NDArray[np.bool_] = has_stock | self.max_refill.any(axis=1)
        return is_used

    def stock_arrays(self, point: FirstStagePoint, retention: float | None = None) -> StockArrays:
        """Return the accounts at a commitment as arrays, in lots of the first period.

        ``retention`` is the retention per period; if None, the one that the accounts have in
        common. Accounts that hold nothing are listed separately.
        """
        purchases, holds_stock = self.purchases(point), self.holds_stock(point)
        retentions = np.unique(self.retention[holds_stock])
        if retention is None:
            retention = float(retentions[0]) if len(retentions) else 1.0
        order, rank, value, kept_share = self.step_schedule(retention)
        # Accounts with limits or refills have rows of their own, which come first; all others are
        # merged into one row.
        has_own_row = np.isfinite(self.max_release) | self.max_refill.any(axis=1)
        own_row_accounts = np.flatnonzero(holds_stock & has_own_row)
        merged_accounts = np.flatnonzero(holds_stock & ~has_own_row)
        account_row = np.full(len(self.retention), -1, dtype=np.int64)
        account_row[own_row_accounts] = np.arange(len(own_row_accounts))
        account_row[merged_accounts] = len(own_row_accounts)
        count = len(own_row_accounts) + bool(len(merged_accounts))
        initial_lots, inflows = np.zeros(count), np.zeros((count, len(kept_share)))
        max_release = np.full((count, len(kept_share)), NO_RELEASE_LIMIT)
        max_refill = np.zeros((count, len(kept_share)))
        # With almost no retention, first-period lots are numerically useless.
        lacks_common_unit = len(retentions) > 1 or bool(kept_share[-1] < MIN_TOTAL_RETENTION)
        for h in np.flatnonzero(holds_stock & ~np.array(lacks_common_unit)):
            initial_lots[account_row[h]] += retention * self.initial_lots[h]
            inflows[account_row[h]] += purchases[h] / kept_share
        if not lacks_common_unit:
            max_release[: len(own_row_accounts)] = np.minimum(
                self.max_release[own_row_accounts, None] / kept_share, NO_RELEASE_LIMIT
            )
            max_refill[: len(own_row_accounts)] = self.max_refill[own_row_accounts] / kept_share
        empty = np.flatnonzero(~holds_stock & (self.max_release > 0))
        empty_row = np.full(len(account_row), -1, dtype=np.int64)
        empty_row[empty] = np.arange(len(empty))
        return StockArrays(
            kept_share=kept_share,
            step_order=order,
            step_rank=rank,
            step_value=value,
            account_row=account_row,
            arrived_lots=initial_lots[:, None] + np.cumsum(inflows, axis=1),
            initial_lots=initial_lots,
            max_release=max_release,
            max_refill=max_refill,
            empty_retention=self.retention[empty],
            empty_row=empty_row,
            lacks_common_unit=lacks_common_unit,
        )

    def list_stocks(self, point: FirstStagePoint) -> list[NodeStock]:
        """Return the accounts of the node at a commitment, one object for each."""
        purchases = self.purchases(point)
        return [
            NodeStock(
                float(self.retention[h]),
                float(self.initial_lots[h]),
                purchases[h],
                float(self.max_release[h]),
            )
            for h in range(len(self.retention))
        ]

    def split_to_file_steps(self, merged_shortage: Floats, rows: Any) -> Floats:
        """Split the shortages of merged steps (..., J, K) into the steps of the scenario file (...,
        J', K).

        ``rows`` (...) is the row of demand of each class. Of steps with equal damage, the first in
        the file is served first.
        """
        limit = self.file_step_limit[rows]
        shape = (*merged_shortage.shape[:-2], len(self.node.steps), merged_shortage.shape[-1])
        split = np.zeros(shape)
        for merged_step, members in enumerate(self.step_members):
            remaining = merged_shortage[..., merged_step, :].copy()
            for j in reversed(members):
                split[..., j, :] = np.minimum(remaining, limit[..., j, :])
                remaining -= split[..., j, :]
            split[..., members[0], :] += np.maximum(remaining, 0.0)
        return split


def round_mantissa(values: Floats) -> Floats:
    """Round values to 40 bits of the mantissa."""
    mantissa, exponent = np.frexp(values)
    rounded: Floats = np.ldexp(np.round(mantissa * 2**40) / 2**40, exponent)
    return rounded


def build_node_data(
    instance: Instance, position: int, classes: StateClasses, columns: FirstStageColumns
) -> NodeData:
    """Build the data of the node at ``position``. The order of projects and realizations is that of
    ``classes``."""
    node = instance.nodes[position]
    year_index = instance.year_index.astype(np.int64)
    steps_by_weight: dict[bytes, list[int]] = {}
    for j, step in enumerate(node.steps):
        steps_by_weight.setdefault(step.weight.tobytes(), []).append(j)
    by_damage = sorted(
        steps_by_weight.values(), key=lambda steps: -float(node.steps[steps[0]].weight.max())
    )
    step_members = tuple(tuple(steps) for steps in by_damage)
    year_count = len(instance.years)
    # Projects with inputs deliver here only if the chain has all their inputs.
    chain = next(chain for chain in instance.chains if position in chain.nodes)
    producing_projects = {plant.id for plant in chain.plants if plant.capacity is None}
    stockpiles = list(node.stockpile_shares)
    stockpile_data = [instance.stockpiles[h] for h in stockpiles]
    shares = np.array([node.stockpile_shares[h] for h in stockpiles], dtype=float)
    stockpile_position = {h: i for i, h in enumerate(columns.stockpiles)}
    return NodeData(
        node=node,
        demand=EMPTY_ROWS,
        market_share=node.group_share[COMMON_GROUP][year_index],
        step_limit=EMPTY_ROWS,
        file_step_limit=EMPTY_ROWS,
        step_weight=np.ascontiguousarray(
            np.reshape([node.steps[steps[0]].weight for steps in step_members], (-1, year_count))[
                :, year_index
            ]
        ),
        step_members=step_members,
        stockpile_index=np.array([stockpile_position[h] for h in stockpiles], dtype=np.int64),
        stockpile_share=shares,
        retention=np.array([stockpile.retention for stockpile in stockpile_data], dtype=float),
        initial_lots=shares
        * np.array([stockpile.initial_lots for stockpile in stockpile_data], dtype=float),
        max_release=np.array(
            [
                share * stockpile.max_release
                for share, stockpile in zip(shares, stockpile_data, strict=True)
            ],
            dtype=float,
        ),
        max_refill=np.reshape(
            [
                share * stockpile.max_refill[year_index]
                for share, stockpile in zip(shares, stockpile_data, strict=True)
            ],
            (len(stockpile_data), len(year_index)),
        ),
        nameplate=np.array(
            [
                instance.projects[p].output[node.material]
                if p in producing_projects or not instance.projects[p].inputs
                else 0.0
                for p in classes.outlets
            ],
            dtype=float,
        ),
        realization_count=max(map(len, classes.realizations), default=1),
        arrival_matrix=_build_arrival_matrix(instance, node, classes, columns),
        year_index=year_index,
        periods_per_year=instance.periods_per_year,
        step_schedules={},
    ).for_classes(classes)


def _build_arrival_matrix(
    instance: Instance, node: Node, classes: StateClasses, columns: FirstStageColumns
) -> sparse.csr_array:
    year_count = len(instance.years)
    realization_count = max(
        (len(project_realizations) for project_realizations in classes.realizations), default=1
    )
    entries: list[tuple[int, int, float]] = []
    for p, project_id in enumerate(classes.outlets):
        project = instance.projects[project_id]
        for d, realization in enumerate(classes.realizations[p]):
            shares: dict[tuple[str, int, str], Floats] = {}
            for key in instance.floored_offtakes if realization.floored else ():
                if key[0] == project_id:
                    floor = instance.instrument_by_key[key[3:]]
                    running_shares = [
                        project.share_under_floor(floor, y, key[1], realization)
                        for y in instance.years
                    ]
                    shares[columns.floored_column(key)] = (
                        np.array(running_shares) * node.group_share[key[2]]
                    )
            for start in () if realization.floored else project.start_years:
                running = project.running_shares(instance.years, start, realization.delay)
                for group in instance.offtake_groups:
                    shares[project_id, start, group] = running * node.group_share[group]
            if project_id in instance.unaided_projects and not realization.floored:
                home_shares = np.array(
                    [project.unaided_home_share(realization, year) for year in instance.years]
                )
                shares[columns.unaided_column(instance, project_id)] = (
                    home_shares * node.group_share[COMMON_GROUP]
                )
            entries += [
                (
                    (p * realization_count + d) * year_count + int(y),
                    columns.column_index[key],
                    float(share[y]),
                )
                for key, share in shares.items()
                for y in np.flatnonzero(share)
            ]
    entry_rows = np.array([entry[0] for entry in entries], dtype=np.int64)
    entry_columns = np.array([entry[1] for entry in entries], dtype=np.int64)
    entry_values = np.array([entry[2] for entry in entries], dtype=float)
    shape = (len(classes.outlets) * realization_count * year_count, len(columns.offtake_columns))
    matrix = sparse.coo_array((entry_values, (entry_rows, entry_columns)), shape=shape)
    return matrix.tocsr()


def hash_recourse_data(
    instance: Instance,
    columns: FirstStageColumns,
    probability: Floats,
    realizations: Mapping[str, Any],
    material_classes: Sequence[StateClasses],
    chain_classes: Sequence[ChainStateClasses],
    node_data: Mapping[int, NodeData],
) -> str:
    """Return the SHA-256 hash of all data that an evaluation of recourse depends on."""
    digest = hashlib.sha256(
        repr((columns.offtake_columns, columns.stockpiles, realizations)).encode()
    )

    def add(description: Any, arrays: list[Any]) -> None:
        digest.update(repr(description).encode())
        for array in arrays:
            digest.update(np.ascontiguousarray(array).tobytes())

    add(None, [probability])
    for classes in material_classes:
        arrays = [
            classes.class_of_state,
            classes.market_lots,
            classes.available_row,
            classes.realization_index,
            classes.available_share,
            classes.demand_row,
        ]
        arrays += [] if classes.is_covered is None else [classes.is_covered]
        add((classes.material, classes.nodes, classes.outlets), arrays)
    for tied_classes in chain_classes:
        add(
            [tied_classes.is_open.tobytes(), list(tied_classes.capacity_left)],
            list(tied_classes.capacity_left.values()),
        )
    for chain in instance.chains:
        for plant in chain.plants:
            arrays = [] if plant.capacity is None else [plant.capacity]
            add((plant.label, plant.output, plant.inputs), arrays)
    array_names = [
        "demand",
        "market_share",
        "step_limit",
        "step_weight",
        "stockpile_index",
        "stockpile_share",
        "retention",
        "initial_lots",
        "max_release",
        "max_refill",
        "nameplate",
    ]
    for node in node_data.values():
        arrays, arrivals = [getattr(node, name) for name in array_names], node.arrival_matrix
        add(
            (node.node.label, node.step_members),
            [*arrays, arrivals.indptr, arrivals.indices, arrivals.data],
        )
    return digest.hexdigest()
