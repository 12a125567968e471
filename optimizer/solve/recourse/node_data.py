"""What a node's recourse depends on beside the state: demand, steps, stocks and offtake."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.model.commitment import Commitment
from optimizer.model.instance import COMMON_GROUP, Floats, Instance, Node
from optimizer.solve.recourse.state_classes import StateClasses

UNAIDED_GROUP = ".unaided"  # stands for a group where a project comes without anybody's money
NO_RELEASE_LIMIT = 1e300  # no limit on release, whose rest is never infinity less infinity
DAMAGE_TOLERANCE = 1e-12  # a step is dear if it is above the mean by more than this share of it
EMPTY_ROWS = np.zeros((0, 0))
MIN_TOTAL_RETENTION = (
    1e-250  # where stocks keep a smaller share over all periods, first lots tell nothing
)


@dataclass(frozen=True, eq=False)
class NodeStock:
    """A stockpile's part that belongs to a node, in lots."""

    retention: float
    initial_lots: float
    purchases: Floats  # (K) in each period
    max_release: float  # lots per period; infinite where there is no limit

    def inflows(self) -> Floats:
        """(K) lots that come in, what was there before included."""
        brought = self.purchases.copy()
        brought[0] += self.retention * self.initial_lots
        return brought

    def planned_stock(self) -> Floats:
        """(K) lots at each period's end if nothing is released."""
        held, total = np.zeros(len(self.purchases)), self.initial_lots
        for k, lots in enumerate(self.purchases):
            held[k] = total = self.retention * total + lots
        return held


@dataclass(frozen=True, eq=False)
class FirstStagePoint:
    """What recourse sees of a commitment, which may also be a fractional one."""

    offtake: Floats  # (C) share of output, or 1 if unaided, by :attr:`Columns.offtake`
    buy: Floats  # (H, Y) lots bought, by :attr:`Columns.stockpiles` and year


class FirstStageColumns:
    """The first-stage columns that recourse depends on, whether or not a model has them."""

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
        """The column that is 1 where nobody starts a project that may come unaided."""
        return p, instance.projects[p].unaided_year or 0, UNAIDED_GROUP

    @staticmethod
    def floored_column(key: tuple[str, int, str, str, str]) -> tuple[str, int, str]:
        """The column of what a group gets of a project started in a year under a price floor."""
        p, start, group, f, i = key
        return p, start, f"{f}.{i}.{group}"

    @cached_property
    def column_index(self) -> dict[tuple[str, int, str], int]:
        """Place of each column of offtake and of what comes unaided."""
        return {key: c for c, key in enumerate(self.offtake_columns)}

    def to_point(self, commitment: Commitment) -> FirstStagePoint:
        """A commitment as recourse sees it; of one with paths that of one of these."""
        assert not commitment.branches
        offtake, buy = (
            np.zeros(len(self.offtake_columns)),
            np.zeros((len(self.stockpiles), self.year_count)),
        )
        for (p, group), share in commitment.offtake.items():
            if p in commitment.start:
                offtake[self.column_index[p, commitment.start[p], group]] = share
        for (p, group, f, i), share in commitment.floored.items():
            if p in commitment.start:
                key = self.floored_column((p, commitment.start[p], group, f, i))
                if key in self.column_index:  # under other assumptions it may need no floor to run
                    offtake[self.column_index[key]] = share
        for p, key in self._unaided_columns.items():
            offtake[self.column_index[key]] = p not in commitment.start
        for h, pile in enumerate(self.stockpiles):
            buy[h] = commitment.buy.get(pile, 0.0)
        return FirstStagePoint(offtake, buy)


@dataclass(frozen=True, eq=False)
class StockArrays:
    """A node's stocks at a commitment, as the compiled pass takes them."""

    kept_share: Floats  # (K) what a lot of the first period has become, in the rows below
    step_order: NDArray[np.int64]
    step_rank: NDArray[np.int64]
    step_value: Floats
    account_row: NDArray[np.int64]  # row of each account; -1 where it is idle
    arrived_lots: Floats
    initial_lots: Floats
    max_release: Floats
    max_refill: Floats  # that can come back in a covered period
    empty_retention: Floats  # (I) share that each account keeps over a period which holds nothing
    empty_row: NDArray[np.int64]  # row of each account in ``idle``; -1 where it has none
    has_unequal_losses: (
        bool  # whether those that hold something lose at different rates, or nearly all
    )


@dataclass(frozen=True, eq=False)
class NodeData:
    """A node's demand, steps, accounts and offtake, its steps of equal value merged. Demand and
    limits are in rows N, one of which holds in a look."""

    node: Node
    demand: Floats  # (N, K)
    market_share: Floats  # (K) share of the market's supply that belongs here
    step_limit: Floats  # (N, J, K) from dear to cheap
    file_step_limit: Floats  # (N, J, K) of the steps of the file, none merged
    step_weight: Floats  # (J, K)
    step_members: tuple[tuple[int, ...], ...]  # steps of the node in each, in the order of the file
    stockpile_index: NDArray[np.int64]  # (H) position of the stockpile of each account
    stockpile_share: Floats  # (H) of it that belongs here
    retention: Floats
    initial_lots: Floats  # (H) lots
    max_release: Floats  # (H) lots per period
    max_refill: Floats  # (H, K) lots that can come back in a covered period
    nameplate: Floats  # (P) lots per period
    realisation_count: int  # D, the most delays of any project
    arrival_matrix: sparse.csr_array  # (P*D*Y, C) share of nameplate that arrives, by offtake
    year_index: NDArray[np.int64]
    periods_per_year: int
    step_schedules: dict[float, tuple[NDArray[np.int64], NDArray[np.int64], Floats]]
    """Order and value of steps by what stocks keep, once asked for."""

    @cached_property
    def file_step_weight(self) -> Floats:
        """(J, K) weight of the steps of the file, none merged."""
        shape = (-1, int(self.year_index[-1]) + 1)
        weight = np.reshape([step.weight for step in self.node.steps], shape)
        return weight[:, self.year_index]

    @property
    def period_count(self) -> int:
        """Number of periods K."""
        return len(self.year_index)

    def for_classes(self, classes: StateClasses) -> NodeData:
        """The same node with demand and limits in the rows of other looks."""
        year_of = self.year_index
        in_file = self.node.step_limits(year_of, classes.demand_factor, classes.step_share_left)
        limit = [in_file[:, own].sum(axis=1) for own in map(list, self.step_members)]
        return replace(
            self,
            demand=classes.demand_factor[:, None] * self.node.demand[year_of],
            # In rows, or the compiled pass would need a second version.
            step_limit=np.ascontiguousarray(
                np.stack(limit, axis=1) if limit else np.zeros((len(in_file), 0, len(year_of)))
            ),
            file_step_limit=in_file,
        )

    def running_share(self, point: FirstStagePoint) -> Floats:
        """(P, D, Y) share of nameplate that arrives undisturbed."""
        years = int(self.year_index[-1]) + 1
        return (self.arrival_matrix @ point.offtake).reshape(
            len(self.nameplate), self.realisation_count, years
        )

    def project_arrivals(
        self, classes: StateClasses, point: FirstStagePoint
    ) -> Iterator[tuple[str, NDArray[np.int64], Floats]]:
        """Each project of which anything is reserved here, the looks in which it does not fail, and
        its lots in these (K)."""
        running = self.running_share(point)[:, :, self.year_index] * self.nameplate[:, None, None]
        for p, project in enumerate(classes.outlets):
            if running[p].any():
                own = np.flatnonzero(classes.realisation_index[:, p] >= 0)
                available = classes.available_share[classes.available_row[own, p]]
                yield project, own, running[p, classes.realisation_index[own, p]] * available

    @cached_property
    def is_high_damage(self) -> NDArray[np.bool_]:
        """(N, J, K) whether a step is dearer than the mean of the node, weighted by demand."""
        weight, limit = self.step_weight, self.step_limit
        demand = limit.sum(axis=1)
        total = (weight * limit).sum(axis=1)
        mean = np.divide(total, demand, out=np.zeros_like(total), where=demand > 0)
        dear: NDArray[np.bool_] = (weight > mean[:, None] * (1 + DAMAGE_TOLERANCE)) & (limit > 0)
        return dear

    def cache_key(self, point: FirstStagePoint) -> tuple[bytes, bytes]:
        """All that this node's recourse depends on of a point, but for the last digits."""
        return (
            round_mantissa(self.arrival_matrix @ point.offtake).tobytes(),
            round_mantissa(point.buy[self.stockpile_index]).tobytes(),
        )

    def purchases(self, point: FirstStagePoint) -> Floats:
        """(H, K) lots that come into each account."""
        return (
            self.stockpile_share[:, None]
            * point.buy[self.stockpile_index][:, self.year_index]
            / self.periods_per_year
        )

    def refill_by_class(self, classes: StateClasses) -> Floats:
        """(U, H, K) lots that can come back into each account."""
        none = np.zeros((classes.class_count, self.period_count))
        covered = none if classes.is_covered is None else classes.is_covered
        back: Floats = covered[:, None] * self.max_refill
        return back

    def step_schedule(
        self, retention: float
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats, Floats]:
        """Steps and periods by falling first-period value, the place of each, that value, and what
        a lot keeps."""
        length = self.step_weight.shape[1]
        keep = retention ** np.arange(length, dtype=float)
        if retention not in self.step_schedules:
            # What differs in the last digits only is equal: the earliest period comes first.
            value = round_mantissa(self.step_weight * keep)
            j, k = np.divmod(np.arange(value.size), length)
            order = np.lexsort((j, k, -value.ravel()))
            rank = np.empty(value.size, dtype=np.int64)
            rank[order] = np.arange(value.size)
            both = np.array([j[order], k[order]], dtype=np.int64)
            self.step_schedules[retention] = both, rank.reshape(value.shape), value
        return *self.step_schedules[retention], keep

    def holds_stock(self, point: FirstStagePoint) -> NDArray[np.bool_]:
        """(H) accounts that hold something, or through which something may pass."""
        held = (self.initial_lots > 0) | self.purchases(point).any(axis=1)
        found: NDArray[np.bool_] = held | self.max_refill.any(axis=1)
        return found

    def stock_arrays(self, point: FirstStagePoint, retention: float | None = None) -> StockArrays:
        """The accounts at a commitment: those that hold something, the others idle; in lots of the
        first period by what is kept, or else by what they keep."""
        bought, holds = self.purchases(point), self.holds_stock(point)
        losses = np.unique(self.retention[holds])
        if retention is None:
            retention = float(losses[0]) if len(losses) else 1.0
        order, rank, value, keep = self.step_schedule(retention)
        # Those with a limit first: what they cannot give in time they cannot give at all. Nor does
        # what comes back to one make room in another.
        apart = np.isfinite(self.max_release) | self.max_refill.any(axis=1)
        limited, free = np.flatnonzero(holds & apart), np.flatnonzero(holds & ~apart)
        rows = np.full(len(self.retention), -1, dtype=np.int64)
        rows[limited] = np.arange(len(limited))
        rows[free] = len(limited)
        count = len(limited) + bool(len(free))
        initial, lots = np.zeros(count), np.zeros((count, len(keep)))
        most, refill = np.full((count, len(keep)), NO_RELEASE_LIMIT), np.zeros((count, len(keep)))
        # What has faded to nothing cannot be counted in lots of the first period.
        unlike = len(losses) > 1 or bool(keep[-1] < MIN_TOTAL_RETENTION)
        for h in np.flatnonzero(holds & ~np.array(unlike)):
            initial[rows[h]] += retention * self.initial_lots[h]
            lots[rows[h]] += bought[h] / keep
        if not unlike:
            most[: len(limited)] = np.minimum(
                self.max_release[limited, None] / keep, NO_RELEASE_LIMIT
            )
            refill[: len(limited)] = self.max_refill[limited] / keep
        idle = np.flatnonzero(~holds & (self.max_release > 0))
        idle_rows = np.full(len(rows), -1, dtype=np.int64)
        idle_rows[idle] = np.arange(len(idle))
        return StockArrays(
            kept_share=keep,
            step_order=order,
            step_rank=rank,
            step_value=value,
            account_row=rows,
            arrived_lots=initial[:, None] + np.cumsum(lots, axis=1),
            initial_lots=initial,
            max_release=most,
            max_refill=refill,
            empty_retention=self.retention[idle],
            empty_row=idle_rows,
            has_unequal_losses=unlike,
        )

    def list_stocks(self, point: FirstStagePoint) -> list[NodeStock]:
        """The accounts one by one."""
        bought = self.purchases(point)
        return [
            NodeStock(
                float(self.retention[h]),
                float(self.initial_lots[h]),
                bought[h],
                float(self.max_release[h]),
            )
            for h in range(len(self.retention))
        ]

    def split_to_file_steps(self, merged_shortage: Floats, rows: Any) -> Floats:
        """(..., J, K) what is missing on the steps of the file, of what is on merged ones, in looks
        of given rows (...). Of equally dear steps the first in the file is served first."""
        limit = self.file_step_limit[rows]
        shape = (*merged_shortage.shape[:-2], len(self.node.steps), merged_shortage.shape[-1])
        split = np.zeros(shape)
        for row, members in enumerate(self.step_members):
            rest = merged_shortage[..., row, :].copy()
            for j in reversed(members):
                split[..., j, :] = np.minimum(rest, limit[..., j, :])
                rest -= split[..., j, :]
            split[..., members[0], :] += np.maximum(rest, 0.0)
        return split


def round_mantissa(values: Floats) -> Floats:
    """Values without their last digits."""
    mantissa, exponent = np.frexp(values)
    without: Floats = np.ldexp(np.round(mantissa * 2**40) / 2**40, exponent)
    return without


def build_node_data(
    instance: Instance, position: int, classes: StateClasses, columns: FirstStageColumns
) -> NodeData:
    """A node of the instance, for looks that tell the order of projects and delays."""
    node = instance.nodes[position]
    year_of = instance.year_index.astype(np.int64)
    rows: dict[bytes, list[int]] = {}
    for j, step in enumerate(node.steps):
        rows.setdefault(step.weight.tobytes(), []).append(j)
    dearest = sorted(rows.values(), key=lambda own: -float(node.steps[own[0]].weight.max()))
    members = tuple(tuple(own) for own in dearest)
    years = len(instance.years)
    # What a project makes of forms that never reach a node does not either.
    chain = next(chain for chain in instance.chains if position in chain.nodes)
    makes = {plant.id for plant in chain.plants if plant.capacity is None}
    piles = list(node.stockpile_shares)
    data = [instance.stockpiles[h] for h in piles]
    share = np.array([node.stockpile_shares[h] for h in piles], dtype=float)
    where = {h: place for place, h in enumerate(columns.stockpiles)}
    return NodeData(
        node=node,
        demand=EMPTY_ROWS,
        market_share=node.group_share[COMMON_GROUP][year_of],
        step_limit=EMPTY_ROWS,
        file_step_limit=EMPTY_ROWS,
        step_weight=np.ascontiguousarray(
            np.reshape([node.steps[own[0]].weight for own in members], (-1, years))[:, year_of]
        ),
        step_members=members,
        stockpile_index=np.array([where[h] for h in piles], dtype=np.int64),
        stockpile_share=share,
        retention=np.array([pile.retention for pile in data], dtype=float),
        initial_lots=share * np.array([pile.initial_lots for pile in data], dtype=float),
        max_release=np.array(
            [a * pile.max_release for a, pile in zip(share, data, strict=True)], dtype=float
        ),
        max_refill=np.reshape(
            [a * pile.max_refill[year_of] for a, pile in zip(share, data, strict=True)],
            (len(data), len(year_of)),
        ),
        nameplate=np.array(
            [
                instance.projects[p].output[node.material]
                if p in makes or not instance.projects[p].inputs
                else 0.0
                for p in classes.outlets
            ],
            dtype=float,
        ),
        realisation_count=max((len(own) for own in classes.realisations), default=1),
        arrival_matrix=_build_arrival_matrix(instance, node, classes, columns),
        year_index=year_of,
        periods_per_year=instance.periods_per_year,
        step_schedules={},
    ).for_classes(classes)


def _build_arrival_matrix(
    instance: Instance, node: Node, classes: StateClasses, columns: FirstStageColumns
) -> sparse.csr_array:
    years = len(instance.years)
    most = max((len(own) for own in classes.realisations), default=1)
    entries: list[tuple[int, int, float]] = []
    for p, project in enumerate(classes.outlets):
        data = instance.projects[project]
        for d, coming in enumerate(classes.realisations[p]):
            shares: dict[tuple[str, int, str], Floats] = {}
            for key in instance.floored_offtakes if coming.floored else ():
                if key[0] == project:
                    floor = instance.instrument_by_key[key[3:]]
                    kept = [
                        data.share_under_floor(floor, y, key[1], coming) for y in instance.years
                    ]
                    shares[columns.floored_column(key)] = np.array(kept) * node.group_share[key[2]]
            for start in () if coming.floored else data.start_years:
                runs = data.running_shares(instance.years, start, coming.delay)
                for group in instance.offtake_groups:
                    shares[project, start, group] = runs * node.group_share[group]
            if project in instance.unaided_projects and not coming.floored:
                home = np.array([data.unaided_home_share(coming, year) for year in instance.years])
                shares[columns.unaided_column(instance, project)] = (
                    home * node.group_share[COMMON_GROUP]
                )
            entries += [
                ((p * most + d) * years + int(y), columns.column_index[key], float(share[y]))
                for key, share in shares.items()
                for y in np.flatnonzero(share)
            ]
    rows = np.array([entry[0] for entry in entries], dtype=np.int64)
    places = np.array([entry[1] for entry in entries], dtype=np.int64)
    value = np.array([entry[2] for entry in entries], dtype=float)
    shape = (len(classes.outlets) * most * years, len(columns.offtake_columns))
    matrix = sparse.coo_array((value, (rows, places)), shape=shape)
    return matrix.tocsr()
