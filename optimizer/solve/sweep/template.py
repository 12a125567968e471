"""Recourse as a linear program, taken from the formulation and solved for many states.

The rules of one state are built in Pyomo once, with columns in place of what depends on the state
or on the commitment: lots from the market, what conversions can make, what projects deliver, and
purchases. Given values of these columns move to the sides of the rows. So every rule of the second
stage is solved exactly here, whatever it is; where more is known of a chain, other paths are
quicker (:mod:`optimizer.solve.sweep.passes`), and this one is what they are held against.

From look to look only sides change: the dual simplex method goes on from a basis that was optimal
for a look much like it (bunching: Wets 1983; Gassmann and Wallace 1996).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray
from scipy import sparse

from optimizer.errors import SolverError
from optimizer.model import highs
from optimizer.model.formulation.recourse import Situation, add_recourse
from optimizer.model.instance import Chain, Floats, Instance

Key = tuple[str, Any]  # a kind of given columns, and whose they are
Bools = NDArray[np.bool_]
Places = NDArray[np.int64]

FAR = 1e9  # no lot is worth so many times the dearest step
TIGHT = 1e-9  # a multiplier that is more, as a share of the dearest step, holds its row or column
OF_PERIODS = {"demand_balance", "conversion_limit", "stock_balance"}
"""Rules that say nothing of a period which covers its demand, but that stock is kept. Where there
are others no period is left out."""


@dataclass(frozen=True, eq=False)
class Solved:
    """The program at U sets of given values."""

    damage: Floats  # (U)
    proven: Floats  # (U) what the multipliers prove it to be at least: the same but for rounding
    by_given: Floats  # (U, G) what a unit of each given column adds to what is proven


@dataclass(frozen=True, eq=False)
class Part:
    """The program without the periods that cover their demand: there nothing is missing, released
    or made, and what is said of stock is added up."""

    program: Any  # scaled, as the solver takes it; its sides are set for each look
    lock: Lock  # held while they are
    columns: Places  # those of the whole program that it has
    rows: Places
    adds: sparse.csr_array  # its rows by those of the whole program
    spreads: sparse.csr_array  # the same the other way round
    free: Bools  # whether a row has no lower side
    tight: Bools  # whether it has no upper one


class Template:
    """A linear program with G columns that are ``given``: Pyomo variables by whose and what they
    are. ``place`` says which of the G columns those are. ``keeps`` is the share of each stock that
    is left after a period, where the program is that of a chain, whose rows and columns end their
    index with the period; None where it is any other."""

    def __init__(
        self, model: Any, given: Mapping[Key, Sequence[Any]], keeps: Mapping[str, float] | None
    ) -> None:
        compiled = highs.compile_model(model)
        program = compiled.program
        column = {id(v): c for c, v in enumerate(compiled.variables)}
        count = np.cumsum([0, *map(len, given.values())])
        self.place = {key: np.arange(count[n], count[n + 1]) for n, key in enumerate(given)}
        self.given = int(count[-1])
        at = np.array([column.get(id(v), -1) for own in given.values() for v in own], np.int64)
        own = np.setdiff1d(np.arange(len(column)), at)
        used = np.flatnonzero(at >= 0)
        spread = sparse.csr_array(
            (np.ones(len(used)), (used, np.arange(len(used)))), shape=(self.given, len(used))
        )
        # Rows by given columns, transposed: what moves to the sides.
        self._moves = sparse.csr_array(spread @ program.matrix[:, at[used]].T)
        # Names and indices in the model: of rows here, of its own columns below.
        self.rows = [(highs.component_name(c), c.index()) for c in compiled.constraints]
        rules = np.array([rule for rule, _ in self.rows])
        # Stock may be thrown away: no solution has to follow it to where nothing is left of it.
        free = (rules == "stock_balance") & (keeps is not None)
        self.program = replace(
            program,
            row_lower=np.where(free, -np.inf, program.row_lower),
            matrix=sparse.csc_array(program.matrix[:, own]),
            cost=program.cost[own],
            lower=program.lower[own],
            upper=program.upper[own],
            integer=program.integer[own],
            columns=[program.columns[int(c)] for c in own],
        )
        variables = [compiled.variables[int(c)] for c in own]
        self.columns = [(highs.component_name(v), v.index()) for v in variables]
        # Scaled to what a unit costs at most, so that multipliers are near one.
        self.dearest = float(np.abs(self.program.cost).max(initial=0.0)) or 1.0
        self._scaling = highs.scaling_of(self.program, 1 / self.dearest)
        self._period_of_row = np.zeros(len(rules), np.int64)
        self._period = np.zeros(len(own), np.int64)
        self._accounts: list[tuple[float, Places]] = []  # what is kept, and the rows over periods
        self._splits = keeps is not None and set(rules) <= OF_PERIODS
        if keeps is not None and self._splits:
            self._period_of_row = np.array([index[-1] for _, index in self.rows], np.int64)
            self._period = np.array([index[-1] for _, index in self.columns], np.int64)
            accounts: dict[tuple[str, str], list[int]] = {}
            for r in np.flatnonzero(free):
                v, h, _ = self.rows[int(r)][1]
                accounts.setdefault((v, h), []).append(int(r))
            for (_, h), of in accounts.items():
                in_order = np.array(of)[np.argsort(self._period_of_row[of])]
                self._accounts.append((keeps[h], in_order))
        self._parts: dict[bytes, Part] = {}
        self._late = self._ranked() if keeps is not None else np.zeros(len(own))
        self._idle: SimpleQueue[highs.Resolver] = SimpleQueue()

    @contextmanager
    def _resolver(self) -> Iterator[highs.Resolver]:
        """A solver of its own for as long as it is used: passes may run side by side."""
        try:
            resolver = self._idle.get_nowait()
        except Empty:
            resolver = highs.Resolver()
        yield resolver
        self._idle.put(resolver)

    def _part(self, open_: Bools) -> Part:
        """The program in open periods (K)."""
        key = open_.tobytes()
        if key not in self._parts:
            self._parts[key] = self._without(open_ if self._splits else np.ones(1, dtype=bool))
        return self._parts[key]

    def _without(self, open_: Bools) -> Part:
        """The program without closed periods. A stock keeps what it has over them: the rows of
        closed periods before an open one are added to it, each times what is kept since."""
        rows = np.flatnonzero(open_[self._period_of_row])
        columns = np.flatnonzero(open_[self._period])
        place = np.full(len(open_[self._period_of_row]), -1)
        place[rows] = np.arange(len(rows))
        into, of, entries = [place[rows]], [rows], [np.ones(len(rows))]
        periods = np.flatnonzero(open_)
        for keeps, own in self._accounts if len(periods) else ():
            upcoming = periods[np.searchsorted(periods, np.arange(periods[-1] + 1))]
            closed = np.flatnonzero(~open_[: periods[-1] + 1])
            into.append(place[own[upcoming[closed]]])
            of.append(own[closed])
            entries.append(keeps ** (upcoming[closed] - closed).astype(float))
        coordinates = np.concatenate(into), np.concatenate(of)
        adds = sparse.csr_array(
            (np.concatenate(entries), coordinates), shape=(len(rows), len(place))
        )
        scaling = self._scaling
        matrix = sparse.csc_array((adds @ self.program.matrix)[:, columns])
        column = np.repeat(np.arange(len(columns)), np.diff(matrix.indptr))
        factor = scaling.rows[rows][matrix.indices] * scaling.columns[columns][column]
        matrix.data = matrix.data * factor
        matrix.data[np.abs(matrix.data) <= highs.SMALLEST] = 0.0
        matrix.eliminate_zeros()
        unit = scaling.columns[columns]
        program = highs.columns_of(
            matrix,
            self.program.cost[columns] * unit * scaling.objective,
            self.program.lower[columns] / unit,
            self.program.upper[columns] / unit,
        )
        free = np.isinf(self.program.row_lower[rows])
        tight = np.isinf(self.program.row_upper[rows])
        return Part(program, Lock(), columns, rows, adds, sparse.csr_array(adds.T), free, tight)

    def _load(self, resolver: highs.Resolver, part: Part, lower: Floats, upper: Floats) -> None:
        """Hand over the program of some open periods, at sides of the whole one; a side that is
        not there may be any number."""
        factor = self._scaling.rows[part.rows]
        low, high = (part.adds @ lower) * factor, (part.adds @ upper) * factor
        with part.lock:
            part.program.row_lower_ = np.where(part.free, -np.inf, low)
            part.program.row_upper_ = np.where(part.tight, np.inf, high)
            resolver.load(part.program)

    def sides(self, given: Floats) -> tuple[Floats, Floats]:
        """(U, rows) sides at given values (U, G); a side that is not there is 0."""
        moved, sides = given @ self._moves, (self.program.row_lower, self.program.row_upper)
        lower, upper = (np.where(np.isinf(side), 0.0, side - moved) for side in sides)
        return lower, upper

    def solve(
        self, given: Floats, open_: Bools, bases: list[Any], values: Floats | None = None
    ) -> Solved:
        """The program at given values (U, G), in open periods (U, K), each from its basis (U) where
        there is one, else from that of the last with the same periods; each leaves its basis, and
        the values of its columns in ``values`` (U, columns) where these are asked for."""
        lower, upper = self.sides(given)
        damage, duals, last = np.zeros(len(given)), np.zeros(lower.shape), dict[int, Any]()
        with self._resolver() as resolver:
            for u in range(len(given)):
                part = self._part(open_[u])
                self._load(resolver, part, lower[u], upper[u])
                found, own = resolver.solve(bases[u] or last.get(id(part)))
                last[id(part)] = bases[u] = resolver.basis()
                damage[u] = found * self.dearest
                duals[u] = part.spreads @ (own * self._scaling.rows[part.rows])
                if values is not None:
                    lots = resolver.solution()[0] * self._scaling.columns[part.columns]
                    values[u, part.columns] = lots
        # Multipliers of rows in which nothing is left can be of any size.
        duals = np.clip(duals, -FAR, FAR) * self.dearest
        # A multiplier of the wrong sign is the solver's tolerance.
        duals = np.where(np.isinf(self.program.row_lower), np.minimum(duals, 0.0), duals)
        duals = np.where(np.isinf(self.program.row_upper), np.maximum(duals, 0.0), duals)
        sides = np.where(duals > 0, lower, np.where(duals < 0, upper, 0.0))
        rest = self.program.cost - duals @ self.program.matrix
        bounds = np.where(rest < 0, self.program.upper, self.program.lower)
        # A column without a bound is one that nobody has reason to make large.
        least = rest * np.where(np.isinf(bounds), 0.0, bounds)
        proven = (duals * sides).sum(axis=1) + least.sum(axis=1)
        return Solved(damage, np.minimum(proven, damage), -(self._moves @ duals.T).T)

    def shortages(self, given: Floats, open_: Bools) -> Iterator[dict[Any, float]]:
        """Values of the columns at each of the given values, by component and index; of equally
        good recourses the one that serves early periods first, then early nodes and steps."""
        lower, upper = self.sides(given)
        last: dict[int, Any] = {}
        with self._resolver() as resolver:
            for u in range(len(given)):
                part = self._part(open_[u])
                self._load(resolver, part, lower[u], upper[u])
                _, duals = resolver.solve(last.get(id(part)))
                last[id(part)] = resolver.basis()
                values = self._earliest(resolver, part, duals) * self._scaling.columns[part.columns]
                yield {
                    self.columns[c]: max(0.0, float(x))
                    for c, x in zip(part.columns, values, strict=True)
                }

    def _ranked(self) -> Floats:
        """Cost of missing lots by which early periods are served first. Ranks weigh value, not
        lots: equal value is all that can be exchanged at the optimum. What is worth nothing comes
        last, but does come: no stock lies idle beside a shortage."""
        late = np.zeros(len(self.columns))
        missing = [(at[2], c) for c, (name, at) in enumerate(self.columns) if name == "shortage"]
        for rank, (_, c) in enumerate(sorted(missing)):
            cost = self.program.cost[c] / self.dearest
            late[c] = 1e-6 - (cost + 1e-6) * rank / len(missing)
        return late

    def _earliest(self, resolver: highs.Resolver, part: Part, duals: Floats) -> Floats:
        """The optimum of least ``late`` cost: what has a multiplier stays at its bound."""
        values, reduced, activity = resolver.solution()
        tight, held = np.abs(reduced) > TIGHT, np.abs(duals) > TIGHT
        program = part.program
        with part.lock:
            before = [
                np.array(x) for x in (program.col_cost_, program.col_lower_, program.col_upper_)
            ]
            program.col_cost_ = self._late[part.columns] * self._scaling.columns[part.columns]
            program.col_lower_ = np.where(tight, values, before[1])
            program.col_upper_ = np.where(tight, values, before[2])
            program.row_lower_ = np.where(held, activity, np.array(program.row_lower_))
            program.row_upper_ = np.where(held, activity, np.array(program.row_upper_))
            resolver.load(program)
            program.col_cost_, program.col_lower_, program.col_upper_ = before
        try:
            resolver.solve()
        except SolverError:  # not even what was found, by rounding
            return values
        return resolver.solution()[0]


def of_chain(instance: Instance, chain: Chain) -> Template:
    """The formulation of one state of a chain. Given are ``market`` by node (K), ``capacity`` by
    conversion (K), ``delivers`` by node and project (K), and ``buy`` by stockpile (Y)."""
    model, periods = pyo.ConcreteModel(), list(instance.periods)
    nodes = {v: instance.nodes[v] for v in chain.nodes}
    projects = {
        v: [p for p, x in instance.projects.items() if node.material in x.output]
        for v, node in nodes.items()
    }
    conversions = [plant.id for plant in chain.plants if plant.capacity is not None]
    piles = list(dict.fromkeys(h for node in nodes.values() for h in node.accounts))
    model.market = pyo.Var(list(nodes), periods)
    model.capacity = pyo.Var(conversions, periods)
    model.delivers = pyo.Var([(v, p) for v, own in projects.items() for p in own], periods)
    model.buy = pyo.Var(piles, list(instance.years))
    model.state = pyo.Block()
    given: dict[Key, list[Any]] = {}
    for kind in ("market", "capacity", "delivers", "buy"):
        for (*whose, _), variable in getattr(model, kind).items():
            key = kind, tuple(whose) if len(whose) > 1 else whose[0]
            given.setdefault(key, []).append(variable)
    market = {v: given["market", v] for v in nodes}
    capacity = {c: given["capacity", c] for c in conversions}

    def delivers(v: int, p: str, k: int) -> Any:
        return model.delivers[v, p, k]

    whole = Situation(chain, tuple(periods), market, capacity, projects, delivers)
    add_recourse(model.state, instance, [whole], model)
    model.objective = pyo.Objective(expr=model.state.damage)
    keeps = {h: instance.stockpiles[h].keeps for h in piles}
    return Template(model, given, keeps)
