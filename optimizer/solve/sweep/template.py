"""Recourse as a linear program, taken from the formulation and solved for many states.

The rules of one state are built in Pyomo once, with columns in place of what depends on the state
or on the commitment: lots from the market, what conversions can make, what projects deliver, and
purchases. Given values of these columns move to the sides of the rows. So every rule of the second
stage is solved exactly here, whatever it is; where more is known of a chain, other paths are
quicker (:mod:`optimizer.solve.sweep.passes`), and this one is what they are held against.

From look to look only sides change: the dual simplex method goes on from a basis that was optimal
for a look much like it (bunching: Wets 1983; Gassmann and Wallace 1996). A few looks are solved by
the solver, many by a compiled method (:mod:`optimizer.solve.sweep.resolved_looks`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray
from scipy import sparse

from optimizer.errors import SolverError
from optimizer.model import highs
from optimizer.model.formulation.recourse import Situation, add_recourse
from optimizer.model.instance import Chain, Floats, Instance
from optimizer.solve.sweep import open_periods, resolved_looks

Key = tuple[str, Any]  # a kind of given columns, and whose they are
Bools = NDArray[np.bool_]
Places = NDArray[np.int64]
Objects = NDArray[np.object_]  # bases: statuses of columns, then of rows; None for none

FAR = 1e9  # no lot is worth so many times the dearest step
BASIC = 1  # status of a row or column that is in the basis
OF_PERIODS = {"demand_balance", "conversion_limit", "stock_balance", "shortage_limit"}
"""Rules that compiled passes follow, and that say nothing of a period which covers its demand, but
that stock is kept. Where there are others no period is left out of a program."""
REFILLS = {"refill_limit", "refill_when_covered"}  # rules that compiled passes follow as well


@dataclass(frozen=True, eq=False)
class Solved:
    """The program at U sets of given values."""

    damage: Floats  # (U)
    proven: Floats  # (U) what the multipliers prove it to be at least: the same but for rounding
    by_given: Floats  # (U, G) what a unit of each given column adds to what is proven


@dataclass(frozen=True, eq=False)
class Part:
    """The program in some open periods, as :mod:`optimizer.solve.sweep.open_periods` cuts it
    out."""

    program: highs.Arrays  # scaled, as the solver takes it
    columns: Places  # those of the whole program that it has
    rows: Places
    place: Places  # of each row of the whole program, the row that it is added to
    factor: Floats  # and times what


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
        self.rows = compiled.rows
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
        self.columns = [compiled.columns[int(c)] for c in own]
        self.price = highs.unit_of_costs(self.program)  # what costs count one as
        self._scaling = highs.lifted(self.program, highs.scaling_of(self.program, 1 / self.price))
        self._far = FAR * max(1.0, float(np.abs(self.program.cost).max(initial=0.0)) / self.price)
        self.known = set(rules) <= OF_PERIODS | REFILLS  # whether it has no other rules
        self._splits = keeps is not None and set(rules) <= OF_PERIODS
        period_of_row, period = np.zeros(len(rules), np.int64), np.zeros(len(own), np.int64)
        follows, kept = np.full(len(rules), -1), np.ones(len(rules))
        if keeps is not None and self._splits:
            period_of_row = np.array([index[-1] for _, index in self.rows], np.int64)
            period = np.array([index[-1] for _, index in self.columns], np.int64)
            at_row = {index: r for r, (_, index) in enumerate(self.rows) if free[r]}
            for (v, h, k), r in at_row.items():
                follows[r] = at_row.get((v, h, k + 1), -1)
                kept[r] = keeps[h]
        bounding = self._read_bounds()
        unit = self._scaling.columns
        self._whole = (  # what :func:`open_periods.cut_out` has to know
            period_of_row, follows, kept, bounding, np.isinf(self.program.row_lower),
            np.isinf(self.program.row_upper), self._scaling.rows,
            period, self._bound_by, self._bound_entry, unit,
            self.program.cost * unit * self._scaling.objective,
            self.program.lower / unit, self.program.upper / unit,
            self.program.matrix.indptr, self.program.matrix.indices, self.program.matrix.data,
            highs.SMALLEST,
        )  # fmt: skip
        self._proof = (  # and :func:`resolved_looks.prove`
            np.isinf(self.program.row_lower), np.isinf(self.program.row_upper),
            self.program.cost, self.program.lower, self.program.upper, self.program.matrix.indptr,
            self.program.matrix.indices, self.program.matrix.data, self._bound_by,
            self._bound_entry, self._far, self.price,
        )  # fmt: skip
        self.compiled = False  # whether looks go through the compiled method
        self._late = self._ranked() if keeps is not None else np.zeros(len(own))
        self._idle: SimpleQueue[highs.Resolver] = SimpleQueue()

    def _read_bounds(self) -> Bools:
        """Which rows say no more than that a single column is at most their upper side."""
        program = self.program
        by_row, bounding = sparse.csr_array(program.matrix), np.zeros(len(self.rows), dtype=bool)
        self._bound_by = np.full(len(program.cost), -1)
        self._bound_entry = np.ones(len(program.cost))
        single = (np.diff(by_row.indptr) == 1) & np.isinf(program.row_lower)
        for r in np.flatnonzero(single & np.isfinite(program.row_upper)):
            c, entry = by_row.indices[by_row.indptr[r]], by_row.data[by_row.indptr[r]]
            if entry > 0 and self._bound_by[c] < 0 and np.isinf(program.upper[c]):
                bounding[r], self._bound_by[c], self._bound_entry[c] = True, r, entry
        return bounding

    @contextmanager
    def _resolver(self) -> Iterator[highs.Resolver]:
        """A solver of its own for as long as it is used: passes may run side by side."""
        try:
            resolver = self._idle.get_nowait()
        except Empty:
            resolver = highs.Resolver()
        yield resolver
        self._idle.put(resolver)

    def _part(self, open_: Bools, lower: Floats, upper: Floats) -> Part:
        """The program in open periods (K), at sides of the whole one; a side that is not there may
        be any number."""
        if not self._splits:
            open_ = np.ones(1, dtype=bool)
        *arrays, columns, rows, place, factor = open_periods.cut_out(
            open_, lower, upper, *self._whole
        )
        return Part(highs.Arrays(*arrays), columns, rows, place, factor)

    def sides(self, given: Floats) -> tuple[Floats, Floats]:
        """(U, rows) sides at given values (U, G); a side that is not there is 0."""
        # In Fortran's order all that takes them would be compiled once more.
        moved = np.ascontiguousarray(given @ self._moves)
        sides = self.program.row_lower, self.program.row_upper
        lower, upper = (np.where(np.isinf(side), 0.0, side - moved) for side in sides)
        return lower, upper

    def solve(
        self,
        given: Floats,
        open_: Bools,
        bases: Objects | list[Any],
        values: Floats | None = None,
        early: bool = False,
    ) -> Solved:
        """The program at given values (U, G), in open periods (U, K), each from its basis (U) where
        there is one, else from nothing or how the one before ended; each leaves its basis, and the
        values of its columns in ``values`` (U, columns) where these are asked for: where ``early``,
        those of the optimum of least ``late`` cost."""
        lower, upper = self.sides(given)
        if not self._splits:
            open_ = np.ones((len(given), 1), dtype=bool)
        solved, damage, proven = np.zeros(len(given), bool), *np.zeros((2, len(given)))
        duals = np.zeros(lower.shape)
        if self.compiled:
            size = np.array([0 if own is None else len(own) for own in bases], dtype=np.int64)
            begins = np.where(size > 0, np.cumsum(size) - size, -1)
            some = [own for own in bases if own is not None]
            kept = np.concatenate([np.zeros(0, np.int8), *some])
            last = np.repeat([BASIC, 0], [len(self.rows), len(self.columns)]).astype(np.int8)
            solved, damage, proven, duals, ended, begins = resolved_looks.resolve_all(
                open_, lower, upper, kept, begins, last,
                np.zeros((0, 0)) if values is None else values,
                self._late if early else np.zeros(0), self._whole, self._proof,
            )  # fmt: skip
            for u in range(len(given)):
                bases[u] = ended[begins[u] : begins[u + 1]].copy()
        for u in np.flatnonzero(~solved).tolist():
            part = self._part(open_[u], lower[u], upper[u])
            basis = None
            if bases[u] is not None and not self.compiled:
                of_columns, of_rows = np.split(bases[u], [len(part.columns)])
                basis = highs.basis_of(of_rows, of_columns)
            with self._resolver() as resolver:
                resolver.load(part.program)
                damage[u], own = resolver.solve(basis)
                bases[u] = np.concatenate(resolver.statuses())
                lots = self._earliest(resolver, part, own) if early else resolver.solution()[0]
            scale, duals[u] = self._scaling.rows, 0.0
            open_periods.spread(own, part.rows, part.place, part.factor, scale, duals[u])
            if values is not None:
                values[u, part.columns] = lots * self._scaling.columns[part.columns]
            proven[u] = resolved_looks.prove(duals[u], lower[u], upper[u], *self._proof)
        damage *= self.price
        return Solved(damage, np.minimum(proven, damage), -(self._moves @ duals.T).T)

    def shortages(self, given: Floats, open_: Bools) -> Floats:
        """(U, columns) values at each of the given values; of equally good recourses the one that
        serves early periods first, then early nodes and steps."""
        values = np.zeros((len(given), len(self.columns)))
        self.solve(given, open_, [None] * len(given), values, early=True)
        return np.maximum(values, 0.0)

    def _ranked(self) -> Floats:
        """Cost of missing lots by which early periods are served first. Ranks weigh value, not
        lots: equal value is all that can be exchanged at the optimum. What is worth nothing comes
        last, but does come: no stock lies idle beside a shortage."""
        late = np.zeros(len(self.columns))
        missing = [(at[2], c) for c, (name, at) in enumerate(self.columns) if name == "shortage"]
        for rank, (_, c) in enumerate(sorted(missing)):
            cost = self.program.cost[c] / self.price
            late[c] = 1e-6 - (cost + 1e-6) * rank / len(missing)
        return late

    def _earliest(self, resolver: highs.Resolver, part: Part, duals: Floats) -> Floats:
        """The optimum of least ``late`` cost: what has a multiplier stays at its bound."""
        values, reduced, activity = resolver.solution()
        tight, held = np.abs(reduced) > resolved_looks.TIGHT, np.abs(duals) > resolved_looks.TIGHT
        program = part.program
        resolver.load(
            program._replace(
                cost=self._late[part.columns] * self._scaling.columns[part.columns],
                lower=np.where(tight, values, program.lower),
                upper=np.where(tight, values, program.upper),
                row_lower=np.where(held, activity, program.row_lower),
                row_upper=np.where(held, activity, program.row_upper),
            )
        )
        try:
            resolver.solve()
        except SolverError:  # not even what was found, by rounding
            return values
        return resolver.solution()[0]


def has_known_rules(instance: Instance) -> bool:
    """Whether a state is under no rules but those that the compiled passes follow."""
    block = pyo.ConcreteModel()
    add_recourse(block, instance, [], None)
    return set(block.component_map(pyo.Constraint)) <= OF_PERIODS | REFILLS


def of_chain(instance: Instance, chain: Chain) -> Template:
    """The formulation of one state of a chain. Given are ``market`` by node (K), ``capacity`` by
    conversion (K), ``delivers`` by node and project (K), and ``buy`` by stockpile (Y); where they
    depend on the state, ``demand`` by node (K) and ``limit`` by node and step (K); of stockpiles
    that are filled again, ``covered`` (K): 1 where a period is, else 0."""
    model, periods = pyo.ConcreteModel(), list(instance.periods)
    nodes = {v: instance.nodes[v] for v in chain.nodes}
    projects = {
        v: [p for p, x in instance.projects.items() if node.material in x.output]
        for v, node in nodes.items()
    }
    conversions = [plant.id for plant in chain.plants if plant.capacity is not None]
    piles = list(dict.fromkeys(h for node in nodes.values() for h in node.accounts))
    varying = [v for v, node in nodes.items() if instance.varies(node.material)]
    model.demand = pyo.Var(varying, periods)
    model.limit = pyo.Var([(v, j) for v in varying for j in range(len(nodes[v].steps))], periods)
    model.market = pyo.Var(list(nodes), periods)
    model.capacity = pyo.Var(conversions, periods)
    model.delivers = pyo.Var([(v, p) for v, own in projects.items() for p in own], periods)
    model.buy = pyo.Var(piles, list(instance.years))
    refill = {
        h: instance.stockpiles[h].refill[instance.year_of]
        for h in piles
        if instance.stockpiles[h].refill.any()
    }
    model.covered = pyo.Var(list(refill), periods)
    model.planned = {(h, k): _planned(model, instance, h, k) for h in refill for k in periods}
    model.state = pyo.Block()
    given: dict[Key, list[Any]] = {}
    for kind in ("demand", "limit", "market", "capacity", "delivers", "buy", "covered"):
        for (*whose, _), variable in getattr(model, kind).items():
            key = kind, tuple(whose) if len(whose) > 1 else whose[0]
            given.setdefault(key, []).append(variable)
    market = {v: given["market", v] for v in nodes}
    capacity = {c: given["capacity", c] for c in conversions}
    demand: dict[int, Any] = {v: node.demand[instance.year_of] for v, node in nodes.items()}
    none = np.zeros((0, len(periods)))
    limit: dict[int, Any] = {
        v: node.limits(instance.year_of, np.ones(()), none)
        for v, node in nodes.items()
        if v not in varying
    }
    for v in varying:
        demand[v] = given["demand", v]
        limit[v] = [given["limit", (v, j)] for j in range(len(nodes[v].steps))]

    def delivers(v: int, p: str, k: int) -> Any:
        return model.delivers[v, p, k]

    whole = Situation(
        chain, tuple(periods), demand, limit, market, capacity, projects, delivers, refill
    )
    add_recourse(model.state, instance, [whole], model)

    def when_covered(block: Any, v: str, h: str, k: int) -> Any:
        column = block.refill[v, h, k]
        most, column.ub = column.ub, None
        return column <= most * model.covered[h, k]

    keys = list(model.state.refill)
    model.state.refill_when_covered = pyo.Constraint(keys, rule=when_covered)
    model.objective = pyo.Objective(expr=model.state.damage)
    keeps = {h: instance.stockpiles[h].keeps for h in piles}
    return Template(model, given, keeps)


def _planned(model: Any, instance: Instance, h: str, k: int) -> Any:
    """Stock at the end of a period if nothing is released (S2), by ``buy``."""
    pile, n, first = instance.stockpiles[h], instance.per_year, instance.years[0]
    bought: dict[int, float] = {}
    for j in range(k + 1):
        year = first + j // n
        bought[year] = bought.get(year, 0.0) + pile.keeps ** (k - j) / n
    purchases = sum(part * model.buy[h, year] for year, part in bought.items())
    return pile.keeps ** (k + 1) * pile.initial + purchases
