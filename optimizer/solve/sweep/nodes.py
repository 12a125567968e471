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
from optimizer.model.instance import COMMON, Floats, Instance, Node
from optimizer.solve.sweep.state_classes import Looks

UNAIDED = ".unaided"  # stands for a group where a project comes without anybody's money
LIMITLESS = 1e300  # no limit on release, whose rest is never infinity less infinity
ROUNDING = 1e-12  # a step is dear if it is above the mean by more than this share of it
NO_ROWS = np.zeros((0, 0))
GONE = 1e-250  # where stocks keep a smaller share over all periods, first lots tell nothing


@dataclass(frozen=True, eq=False)
class Stock:
    """A stockpile's part that belongs to a node, in lots."""

    keeps: float
    initial: float
    bought: Floats  # (K) in each period
    most: float  # lots per period; infinite where there is no limit

    def brought(self) -> Floats:
        """(K) lots that come in, what was there before included."""
        brought = self.bought.copy()
        brought[0] += self.keeps * self.initial
        return brought

    def held(self) -> Floats:
        """(K) lots at each period's end if nothing is released."""
        held, total = np.zeros(len(self.bought)), self.initial
        for k, lots in enumerate(self.bought):
            held[k] = total = self.keeps * total + lots
        return held


@dataclass(frozen=True, eq=False)
class Point:
    """What recourse sees of a commitment, which may also be a fractional one."""

    offtake: Floats  # (C) share of output, or 1 if unaided, by :attr:`Columns.offtake`
    buy: Floats  # (H, Y) lots bought, by :attr:`Columns.stockpiles` and year


class Columns:
    """The first-stage columns that recourse depends on, whether or not a model has them."""

    def __init__(self, instance: Instance) -> None:
        self.offtake: tuple[tuple[str, int, str], ...] = (
            *((p, start, group) for p, start in instance.starts for group in instance.groups),
            *(self.unaided(instance, p) for p in instance.unaided),
            *map(self.floored, instance.floored),
        )
        self._unaided = {p: self.unaided(instance, p) for p in instance.unaided}
        self.stockpiles = tuple(instance.stockpiles)
        self.years = len(instance.years)

    @staticmethod
    def unaided(instance: Instance, p: str) -> tuple[str, int, str]:
        """The column that is 1 where nobody starts a project that may come unaided."""
        return p, instance.projects[p].unaided or 0, UNAIDED

    @staticmethod
    def floored(key: tuple[str, int, str, str, str]) -> tuple[str, int, str]:
        """The column of what a group gets of a project started in a year under a price floor."""
        p, start, group, f, i = key
        return p, start, f"{f}.{i}.{group}"

    @cached_property
    def place(self) -> dict[tuple[str, int, str], int]:
        """Place of each column of offtake and of what comes unaided."""
        return {key: c for c, key in enumerate(self.offtake)}

    def point(self, commitment: Commitment) -> Point:
        """A commitment as recourse sees it; of one with paths that of one of these."""
        assert not commitment.paths
        offtake, buy = np.zeros(len(self.offtake)), np.zeros((len(self.stockpiles), self.years))
        for (p, group), share in commitment.offtake.items():
            if p in commitment.start:
                offtake[self.place[p, commitment.start[p], group]] = share
        for (p, group, f, i), share in commitment.floored.items():
            if p in commitment.start:
                key = self.floored((p, commitment.start[p], group, f, i))
                if key in self.place:  # under other assumptions it may need no floor to run
                    offtake[self.place[key]] = share
        for p, key in self._unaided.items():
            offtake[self.place[key]] = p not in commitment.start
        for h, pile in enumerate(self.stockpiles):
            buy[h] = commitment.buy.get(pile, 0.0)
        return Point(offtake, buy)


@dataclass(frozen=True, eq=False)
class Stocks:
    """A node's stocks at a commitment, as the compiled pass takes them."""

    keep: Floats  # (K) what a lot of the first period has become, in the rows below
    order: NDArray[np.int64]
    rank: NDArray[np.int64]
    value: Floats
    rows: NDArray[np.int64]  # row of each account; -1 where it is idle
    arrived: Floats
    initial: Floats
    most: Floats
    refill: Floats  # that can come back in a covered period
    idle: Floats  # (I) share that each account keeps over a period which holds nothing
    idle_rows: NDArray[np.int64]  # row of each account in ``idle``; -1 where it has none
    unlike: bool  # whether those that hold something lose at different rates, or nearly all


@dataclass(frozen=True, eq=False)
class NodeData:
    """A node's demand, steps, accounts and offtake, its steps of equal value merged. Demand and
    limits are in rows N, one of which holds in a look."""

    node: Node
    demand: Floats  # (N, K)
    part: Floats  # (K) share of the market's supply that belongs here
    limit: Floats  # (N, J, K) from dear to cheap
    in_file: Floats  # (N, J, K) of the steps of the file, none merged
    weight: Floats  # (J, K)
    members: tuple[tuple[int, ...], ...]  # steps of the node in each, in the order of the file
    piles: NDArray[np.int64]  # (H) position of the stockpile of each account
    share: Floats  # (H) of it that belongs here
    keeps: Floats
    initial: Floats  # (H) lots
    most: Floats  # (H) lots per period
    refill: Floats  # (H, K) lots that can come back in a covered period
    plate: Floats  # (P) lots per period
    delays: int  # D, the most delays of any project
    arriving: sparse.csr_array  # (P*D*Y, C) share of nameplate that arrives, by offtake
    year_of: NDArray[np.int64]
    per_year: int
    schedules: dict[float, tuple[NDArray[np.int64], NDArray[np.int64], Floats]]
    """Order and value of steps by what stocks keep, once asked for."""

    @cached_property
    def weight_in_file(self) -> Floats:
        """(J, K) weight of the steps of the file, none merged."""
        shape = (-1, int(self.year_of[-1]) + 1)
        weight = np.reshape([step.weight for step in self.node.steps], shape)
        return weight[:, self.year_of]

    @property
    def length(self) -> int:
        """Number of periods K."""
        return len(self.year_of)

    def wanting(self, looks: Looks) -> NodeData:
        """The same node with demand and limits in the rows of other looks."""
        year_of = self.year_of
        in_file = self.node.limits(year_of, looks.factor, looks.kept)
        limit = [in_file[:, own].sum(axis=1) for own in map(list, self.members)]
        return replace(
            self,
            demand=looks.factor[:, None] * self.node.demand[year_of],
            # In rows, or the compiled pass would need a second version.
            limit=np.ascontiguousarray(
                np.stack(limit, axis=1) if limit else np.zeros((len(in_file), 0, len(year_of)))
            ),
            in_file=in_file,
        )

    def running(self, point: Point) -> Floats:
        """(P, D, Y) share of nameplate that arrives undisturbed."""
        years = int(self.year_of[-1]) + 1
        return (self.arriving @ point.offtake).reshape(len(self.plate), self.delays, years)

    def arrivals(
        self, looks: Looks, point: Point
    ) -> Iterator[tuple[str, NDArray[np.int64], Floats]]:
        """Each project of which anything is reserved here, the looks in which it does not fail, and
        its lots in these (K)."""
        running = self.running(point)[:, :, self.year_of] * self.plate[:, None, None]
        for p, project in enumerate(looks.projects):
            if running[p].any():
                own = np.flatnonzero(looks.delay[:, p] >= 0)
                available = looks.available[looks.pattern[own, p]]
                yield project, own, running[p, looks.delay[own, p]] * available

    @cached_property
    def dear(self) -> NDArray[np.bool_]:
        """(N, J, K) whether a step is dearer than the mean of the node, weighted by demand."""
        weight, limit = self.weight, self.limit
        demand = limit.sum(axis=1)
        total = (weight * limit).sum(axis=1)
        mean = np.divide(total, demand, out=np.zeros_like(total), where=demand > 0)
        dear: NDArray[np.bool_] = (weight > mean[:, None] * (1 + ROUNDING)) & (limit > 0)
        return dear

    def seen(self, point: Point) -> tuple[bytes, bytes]:
        """All that this node's recourse depends on of a point, but for the last digits."""
        return (
            rounded(self.arriving @ point.offtake).tobytes(),
            rounded(point.buy[self.piles]).tobytes(),
        )

    def bought(self, point: Point) -> Floats:
        """(H, K) lots that come into each account."""
        return self.share[:, None] * point.buy[self.piles][:, self.year_of] / self.per_year

    def back(self, looks: Looks) -> Floats:
        """(U, H, K) lots that can come back into each account."""
        none = np.zeros((looks.count, self.length))
        covered = none if looks.covered is None else looks.covered
        back: Floats = covered[:, None] * self.refill
        return back

    def schedule(self, keeps: float) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats, Floats]:
        """Steps and periods by falling first-period value, the place of each, that value, and what
        a lot keeps."""
        length = self.weight.shape[1]
        keep = keeps ** np.arange(length, dtype=float)
        if keeps not in self.schedules:
            # What differs in the last digits only is equal: the earliest period comes first.
            value = rounded(self.weight * keep)
            j, k = np.divmod(np.arange(value.size), length)
            order = np.lexsort((j, k, -value.ravel()))
            rank = np.empty(value.size, dtype=np.int64)
            rank[order] = np.arange(value.size)
            both = np.array([j[order], k[order]], dtype=np.int64)
            self.schedules[keeps] = both, rank.reshape(value.shape), value
        return *self.schedules[keeps], keep

    def holds(self, point: Point) -> NDArray[np.bool_]:
        """(H) accounts that hold something, or through which something may pass."""
        held = (self.initial > 0) | self.bought(point).any(axis=1)
        found: NDArray[np.bool_] = held | self.refill.any(axis=1)
        return found

    def stocks(self, point: Point, keeps: float | None = None) -> Stocks:
        """The accounts at a commitment: those that hold something, the others idle; in lots of the
        first period by what is kept, or else by what they keep."""
        bought, holds = self.bought(point), self.holds(point)
        losses = np.unique(self.keeps[holds])
        if keeps is None:
            keeps = float(losses[0]) if len(losses) else 1.0
        order, rank, value, keep = self.schedule(keeps)
        # Those with a limit first: what they cannot give in time they cannot give at all. Nor does
        # what comes back to one make room in another.
        apart = np.isfinite(self.most) | self.refill.any(axis=1)
        limited, free = np.flatnonzero(holds & apart), np.flatnonzero(holds & ~apart)
        rows = np.full(len(self.keeps), -1, dtype=np.int64)
        rows[limited] = np.arange(len(limited))
        rows[free] = len(limited)
        count = len(limited) + bool(len(free))
        initial, lots = np.zeros(count), np.zeros((count, len(keep)))
        most, refill = np.full((count, len(keep)), LIMITLESS), np.zeros((count, len(keep)))
        # What has faded to nothing cannot be counted in lots of the first period.
        unlike = len(losses) > 1 or bool(keep[-1] < GONE)
        for h in np.flatnonzero(holds & ~np.array(unlike)):
            initial[rows[h]] += keeps * self.initial[h]
            lots[rows[h]] += bought[h] / keep
        if not unlike:
            most[: len(limited)] = np.minimum(self.most[limited, None] / keep, LIMITLESS)
            refill[: len(limited)] = self.refill[limited] / keep
        idle = np.flatnonzero(~holds & (self.most > 0))
        idle_rows = np.full(len(rows), -1, dtype=np.int64)
        idle_rows[idle] = np.arange(len(idle))
        return Stocks(
            keep=keep,
            order=order,
            rank=rank,
            value=value,
            rows=rows,
            arrived=initial[:, None] + np.cumsum(lots, axis=1),
            initial=initial,
            most=most,
            refill=refill,
            idle=self.keeps[idle],
            idle_rows=idle_rows,
            unlike=unlike,
        )

    def each_stock(self, point: Point) -> list[Stock]:
        """The accounts one by one."""
        bought = self.bought(point)
        return [
            Stock(float(self.keeps[h]), float(self.initial[h]), bought[h], float(self.most[h]))
            for h in range(len(self.keeps))
        ]

    def split(self, merged: Floats, rows: Any) -> Floats:
        """(..., J, K) what is missing on the steps of the file, of what is on merged ones, in looks
        of given rows (...). Of equally dear steps the first in the file is served first."""
        limit = self.in_file[rows]
        shape = (*merged.shape[:-2], len(self.node.steps), merged.shape[-1])
        split = np.zeros(shape)
        for row, members in enumerate(self.members):
            rest = merged[..., row, :].copy()
            for j in reversed(members):
                split[..., j, :] = np.minimum(rest, limit[..., j, :])
                rest -= split[..., j, :]
            split[..., members[0], :] += np.maximum(rest, 0.0)
        return split


def rounded(values: Floats) -> Floats:
    """Values without their last digits."""
    mantissa, exponent = np.frexp(values)
    without: Floats = np.ldexp(np.round(mantissa * 2**40) / 2**40, exponent)
    return without


def read_node(instance: Instance, position: int, looks: Looks, columns: Columns) -> NodeData:
    """A node of the instance, for looks that tell the order of projects and delays."""
    node = instance.nodes[position]
    year_of = instance.year_of.astype(np.int64)
    rows: dict[bytes, list[int]] = {}
    for j, step in enumerate(node.steps):
        rows.setdefault(step.weight.tobytes(), []).append(j)
    dearest = sorted(rows.values(), key=lambda own: -float(node.steps[own[0]].weight.max()))
    members = tuple(tuple(own) for own in dearest)
    years = len(instance.years)
    # What a project makes of forms that never reach a node does not either.
    chain = next(chain for chain in instance.chains if position in chain.nodes)
    makes = {plant.id for plant in chain.plants if plant.capacity is None}
    piles = list(node.accounts)
    data = [instance.stockpiles[h] for h in piles]
    share = np.array([node.accounts[h] for h in piles], dtype=float)
    where = {h: place for place, h in enumerate(columns.stockpiles)}
    return NodeData(
        node=node,
        demand=NO_ROWS,
        part=node.group_share[COMMON][year_of],
        limit=NO_ROWS,
        in_file=NO_ROWS,
        weight=np.ascontiguousarray(
            np.reshape([node.steps[own[0]].weight for own in members], (-1, years))[:, year_of]
        ),
        members=members,
        piles=np.array([where[h] for h in piles], dtype=np.int64),
        share=share,
        keeps=np.array([pile.keeps for pile in data], dtype=float),
        initial=share * np.array([pile.initial for pile in data], dtype=float),
        most=np.array(
            [a * pile.max_release for a, pile in zip(share, data, strict=True)], dtype=float
        ),
        refill=np.reshape(
            [a * pile.refill[year_of] for a, pile in zip(share, data, strict=True)],
            (len(data), len(year_of)),
        ),
        plate=np.array(
            [
                instance.projects[p].output[node.material]
                if p in makes or not instance.projects[p].inputs
                else 0.0
                for p in looks.projects
            ],
            dtype=float,
        ),
        delays=max((len(own) for own in looks.delays), default=1),
        arriving=_arriving(instance, node, looks, columns),
        year_of=year_of,
        per_year=instance.per_year,
        schedules={},
    ).wanting(looks)


def _arriving(instance: Instance, node: Node, looks: Looks, columns: Columns) -> sparse.csr_array:
    years = len(instance.years)
    most = max((len(own) for own in looks.delays), default=1)
    entries: list[tuple[int, int, float]] = []
    for p, project in enumerate(looks.projects):
        data = instance.projects[project]
        for d, coming in enumerate(looks.delays[p]):
            shares: dict[tuple[str, int, str], Floats] = {}
            for key in instance.floored if coming.floored else ():
                if key[0] == project:
                    floor = instance.instrument[key[3:]]
                    kept = [data.under_floor(floor, y, key[1], coming) for y in instance.years]
                    shares[columns.floored(key)] = np.array(kept) * node.group_share[key[2]]
            for start in () if coming.floored else data.starts:
                runs = data.running(instance.years, start, coming.late)
                for group in instance.groups:
                    shares[project, start, group] = runs * node.group_share[group]
            if project in instance.unaided and not coming.floored:
                home = np.array([data.at_home(coming, year) for year in instance.years])
                shares[columns.unaided(instance, project)] = home * node.group_share[COMMON]
            entries += [
                ((p * most + d) * years + int(y), columns.place[key], float(share[y]))
                for key, share in shares.items()
                for y in np.flatnonzero(share)
            ]
    rows = np.array([entry[0] for entry in entries], dtype=np.int64)
    places = np.array([entry[1] for entry in entries], dtype=np.int64)
    value = np.array([entry[2] for entry in entries], dtype=float)
    shape = (len(looks.projects) * most * years, len(columns.offtake))
    matrix = sparse.coo_array((value, (rows, places)), shape=shape)
    return matrix.tocsr()
