"""Recourse as a linear program, taken from the formulation and solved for many states.

The rules of one state are built in Pyomo once, with columns in place of what depends on the state
or on the commitment: lots from the market, what conversions can make, what projects deliver, and
purchases. Given values of these columns move to the sides of the rows. So every rule of the second
stage is solved exactly here, whatever it is; where more is known of a chain, other paths are
quicker (:mod:`optimizer.solve.recourse.node_kernel`), and this one is what they are held against.

From look to look only sides change: the dual simplex method goes on from a basis that was optimal
for a look much like it (bunching: Wets 1983; Gassmann and Wallace 1996). A few looks are solved by
the solver, many by a compiled method (:mod:`optimizer.solve.recourse.class_programs`).
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
from optimizer.model.formulation.recourse import ChainInState, add_recourse
from optimizer.model.instance import Chain, Floats, Instance
from optimizer.solve.recourse import class_programs, open_periods

ParameterKey = tuple[str, Any]  # a kind of given columns, and whose they are
Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]
BasisArray = NDArray[np.object_]  # bases: statuses of columns, then of rows; None for none

MAX_MULTIPLIER = 1e9  # no lot is worth so many times the dearest step
BASIC_STATUS = 1  # status of a row or column that is in the basis
PERIOD_RULES = {"demand_balance", "conversion_limit", "stock_balance", "shortage_limit"}
"""Rules that compiled passes follow, and that say nothing of a period which covers its demand, but
that stock is kept. Where there are others no period is left out of a program."""
REFILL_RULES = {"refill_limit", "refill_when_covered"}  # rules that compiled passes follow as well


@dataclass(frozen=True, eq=False)
class ProgramResults:
    """The program at U sets of given values."""

    damage: Floats  # (U)
    dual_bound: (
        Floats  # (U) what the multipliers prove it to be at least: the same but for rounding
    )
    parameter_duals: Floats  # (U, G) what a unit of each given column adds to what is proven


@dataclass(frozen=True, eq=False)
class OpenPeriodProgram:
    """The program in some open periods, as :mod:`optimizer.solve.recourse.open_periods` cuts it
    out."""

    program: highs.ColumnwiseProgram  # scaled, as the solver takes it
    column_numbers: Integers  # those of the whole program that it has
    row_numbers: Integers
    row_target: Integers  # of each row of the whole program, the row that it is added to
    row_factor: Floats  # and times what


class ProgramTemplate:
    """A linear program with G columns that are ``given``: Pyomo variables by whose and what they
    are. ``place`` says which of the G columns those are. ``keeps`` is the share of each stock that
    is left after a period, where the program is that of a chain, whose rows and columns end their
    index with the period; None where it is any other."""

    def __init__(
        self,
        model: Any,
        parameter_variables: Mapping[ParameterKey, Sequence[Any]],
        retention: Mapping[str, float] | None,
    ) -> None:
        compiled = highs.compile_model(model)
        program = compiled.program
        column = {id(v): c for c, v in enumerate(compiled.variables)}
        count = np.cumsum([0, *map(len, parameter_variables.values())])
        self.parameter_positions = {
            key: np.arange(count[n], count[n + 1]) for n, key in enumerate(parameter_variables)
        }
        self.parameter_count = int(count[-1])
        at = np.array(
            [column.get(id(v), -1) for own in parameter_variables.values() for v in own], np.int64
        )
        own = np.setdiff1d(np.arange(len(column)), at)
        used = np.flatnonzero(at >= 0)
        spread = sparse.csr_array(
            (np.ones(len(used)), (used, np.arange(len(used)))),
            shape=(self.parameter_count, len(used)),
        )
        # Rows by given columns, transposed: what moves to the sides.
        self._parameter_matrix = sparse.csr_array(spread @ program.matrix[:, at[used]].T)
        # Names and indices in the model: of rows here, of its own columns below.
        self.row_keys = compiled.row_keys
        rules = np.array([rule for rule, _ in self.row_keys])
        # Stock may be thrown away: no solution has to follow it to where nothing is left of it.
        free = (rules == "stock_balance") & (retention is not None)
        self.program = replace(
            program,
            row_lower=np.where(free, -np.inf, program.row_lower),
            matrix=sparse.csc_array(program.matrix[:, own]),
            cost=program.cost[own],
            lower=program.lower[own],
            upper=program.upper[own],
            integer=program.integer[own],
            column_names=[program.column_names[int(c)] for c in own],
        )
        self.column_keys = [compiled.column_keys[int(c)] for c in own]
        self.cost_unit = highs.cost_unit(self.program)  # what costs count one as
        self._scaling = highs.lift_small_rows(
            self.program, highs.compute_scaling(self.program, 1 / self.cost_unit)
        )
        self._max_multiplier = MAX_MULTIPLIER * max(
            1.0, float(np.abs(self.program.cost).max(initial=0.0)) / self.cost_unit
        )
        self.has_only_known_rules = (
            set(rules) <= PERIOD_RULES | REFILL_RULES
        )  # whether it has no other rules
        self._can_restrict = retention is not None and set(rules) <= PERIOD_RULES
        period_of_row, period = np.zeros(len(rules), np.int64), np.zeros(len(own), np.int64)
        follows, kept = np.full(len(rules), -1), np.ones(len(rules))
        if retention is not None and self._can_restrict:
            period_of_row = np.array([index[-1] for _, index in self.row_keys], np.int64)
            period = np.array([index[-1] for _, index in self.column_keys], np.int64)
            at_row = {index: r for r, (_, index) in enumerate(self.row_keys) if free[r]}
            for (v, h, k), r in at_row.items():
                follows[r] = at_row.get((v, h, k + 1), -1)
                kept[r] = retention[h]
        bounding = self._find_bound_rows()
        unit = self._scaling.column_unit
        self._full_program = (  # what :func:`open_periods.cut_out` has to know
            period_of_row, follows, kept, bounding, np.isinf(self.program.row_lower),
            np.isinf(self.program.row_upper), self._scaling.row_factor,
            period, self._bound_by, self._bound_entry, unit,
            self.program.cost * unit * self._scaling.objective_factor,
            self.program.lower / unit, self.program.upper / unit,
            self.program.matrix.indptr, self.program.matrix.indices, self.program.matrix.data,
            highs.MIN_COEFFICIENT,
        )  # fmt: skip
        self._bound_data = (  # and :func:`resolved_looks.prove`
            np.isinf(self.program.row_lower), np.isinf(self.program.row_upper),
            self.program.cost, self.program.lower, self.program.upper, self.program.matrix.indptr,
            self.program.matrix.indices, self.program.matrix.data, self._bound_by,
            self._bound_entry, self._max_multiplier, self.cost_unit,
        )  # fmt: skip
        self.uses_compiled_solver = False  # whether looks go through the compiled method
        self._tie_break_cost = (
            self._rank_by_period() if retention is not None else np.zeros(len(own))
        )
        self._free_solvers: SimpleQueue[highs.WarmStartSolver] = SimpleQueue()

    def _find_bound_rows(self) -> Booleans:
        """Which rows say no more than that a single column is at most their upper side."""
        program = self.program
        by_row, bounding = (
            sparse.csr_array(program.matrix),
            np.zeros(len(self.row_keys), dtype=bool),
        )
        self._bound_by = np.full(len(program.cost), -1)
        self._bound_entry = np.ones(len(program.cost))
        single = (np.diff(by_row.indptr) == 1) & np.isinf(program.row_lower)
        for r in np.flatnonzero(single & np.isfinite(program.row_upper)):
            c, entry = by_row.indices[by_row.indptr[r]], by_row.data[by_row.indptr[r]]
            if entry > 0 and self._bound_by[c] < 0 and np.isinf(program.upper[c]):
                bounding[r], self._bound_by[c], self._bound_entry[c] = True, r, entry
        return bounding

    @contextmanager
    def _borrow_solver(self) -> Iterator[highs.WarmStartSolver]:
        """A solver of its own for as long as it is used: passes may run side by side."""
        try:
            resolver = self._free_solvers.get_nowait()
        except Empty:
            resolver = highs.WarmStartSolver()
        yield resolver
        self._free_solvers.put(resolver)

    def _restrict_to_open(
        self, is_open: Booleans, lower: Floats, upper: Floats
    ) -> OpenPeriodProgram:
        """The program in open periods (K), at sides of the whole one; a side that is not there may
        be any number."""
        if not self._can_restrict:
            is_open = np.ones(1, dtype=bool)
        *arrays, columns, rows, place, factor = open_periods.restrict_to_open(
            is_open, lower, upper, *self._full_program
        )
        return OpenPeriodProgram(highs.ColumnwiseProgram(*arrays), columns, rows, place, factor)

    def row_sides(self, parameters: Floats) -> tuple[Floats, Floats]:
        """(U, rows) sides at given values (U, G); a side that is not there is 0."""
        # In Fortran's order all that takes them would be compiled once more.
        moved = np.ascontiguousarray(parameters @ self._parameter_matrix)
        sides = self.program.row_lower, self.program.row_upper
        lower, upper = (np.where(np.isinf(side), 0.0, side - moved) for side in sides)
        return lower, upper

    def solve(
        self,
        parameters: Floats,
        is_open: Booleans,
        bases: BasisArray | list[Any],
        values: Floats | None = None,
        early_first: bool = False,
    ) -> ProgramResults:
        """The program at given values (U, G), in open periods (U, K), each from its basis (U) where
        there is one, else from nothing or how the one before ended; each leaves its basis, and the
        values of its columns in ``values`` (U, columns) where these are asked for: where ``early``,
        those of the optimum of least ``late`` cost."""
        lower, upper = self.row_sides(parameters)
        if not self._can_restrict:
            is_open = np.ones((len(parameters), 1), dtype=bool)
        solved, damage, proven = np.zeros(len(parameters), bool), *np.zeros((2, len(parameters)))
        duals = np.zeros(lower.shape)
        if self.uses_compiled_solver:
            size = np.array([0 if own is None else len(own) for own in bases], dtype=np.int64)
            begins = np.where(size > 0, np.cumsum(size) - size, -1)
            some = [own for own in bases if own is not None]
            kept = np.concatenate([np.zeros(0, np.int8), *some])
            last = np.repeat([BASIC_STATUS, 0], [len(self.row_keys), len(self.column_keys)]).astype(
                np.int8
            )
            solved, damage, proven, duals, ended, begins = class_programs.solve_class_programs(
                is_open, lower, upper, kept, begins, last,
                np.zeros((0, 0)) if values is None else values,
                self._tie_break_cost if early_first else np.zeros(0), self._full_program, self._bound_data,
            )  # fmt: skip
            for u in range(len(parameters)):
                bases[u] = ended[begins[u] : begins[u + 1]].copy()
        for u in np.flatnonzero(~solved).tolist():
            part = self._restrict_to_open(is_open[u], lower[u], upper[u])
            basis = None
            if bases[u] is not None and not self.uses_compiled_solver:
                of_columns, of_rows = np.split(bases[u], [len(part.column_numbers)])
                basis = highs.build_basis(of_rows, of_columns)
            with self._borrow_solver() as resolver:
                resolver.load(part.program)
                damage[u], own = resolver.solve(basis)
                bases[u] = np.concatenate(resolver.basis_statuses())
                lots = (
                    self._solve_earliest(resolver, part, own)
                    if early_first
                    else resolver.solution()[0]
                )
            scale, duals[u] = self._scaling.row_factor, 0.0
            open_periods.expand_duals(
                own, part.row_numbers, part.row_target, part.row_factor, scale, duals[u]
            )
            if values is not None:
                values[u, part.column_numbers] = (
                    lots * self._scaling.column_unit[part.column_numbers]
                )
            proven[u] = class_programs.compute_dual_bound(
                duals[u], lower[u], upper[u], *self._bound_data
            )
        damage *= self.cost_unit
        return ProgramResults(
            damage, np.minimum(proven, damage), -(self._parameter_matrix @ duals.T).T
        )

    def solve_shortages(self, parameters: Floats, is_open: Booleans) -> Floats:
        """(U, columns) values at each of the given values; of equally good recourses the one that
        serves early periods first, then early nodes and steps."""
        values = np.zeros((len(parameters), len(self.column_keys)))
        self.solve(parameters, is_open, [None] * len(parameters), values, early_first=True)
        return np.maximum(values, 0.0)

    def _rank_by_period(self) -> Floats:
        """Cost of missing lots by which early periods are served first. Ranks weigh value, not
        lots: equal value is all that can be exchanged at the optimum. What is worth nothing comes
        last, but does come: no stock lies idle beside a shortage."""
        late = np.zeros(len(self.column_keys))
        missing = [
            (at[2], c) for c, (name, at) in enumerate(self.column_keys) if name == "shortage"
        ]
        for rank, (_, c) in enumerate(sorted(missing)):
            cost = self.program.cost[c] / self.cost_unit
            late[c] = 1e-6 - (cost + 1e-6) * rank / len(missing)
        return late

    def _solve_earliest(
        self, resolver: highs.WarmStartSolver, restricted: OpenPeriodProgram, duals: Floats
    ) -> Floats:
        """The optimum of least ``late`` cost: what has a multiplier stays at its bound."""
        values, reduced, activity = resolver.solution()
        tight, held = (
            np.abs(reduced) > class_programs.TIGHT_TOLERANCE,
            np.abs(duals) > class_programs.TIGHT_TOLERANCE,
        )
        program = restricted.program
        resolver.load(
            program._replace(
                cost=self._tie_break_cost[restricted.column_numbers]
                * self._scaling.column_unit[restricted.column_numbers],
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
    return set(block.component_map(pyo.Constraint)) <= PERIOD_RULES | REFILL_RULES


def build_chain_template(instance: Instance, chain: Chain) -> ProgramTemplate:
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
    piles = list(dict.fromkeys(h for node in nodes.values() for h in node.stockpile_shares))
    varying = [v for v, node in nodes.items() if instance.demand_varies(node.material)]
    model.demand = pyo.Var(varying, periods)
    model.limit = pyo.Var([(v, j) for v in varying for j in range(len(nodes[v].steps))], periods)
    model.market = pyo.Var(list(nodes), periods)
    model.capacity = pyo.Var(conversions, periods)
    model.delivers = pyo.Var([(v, p) for v, own in projects.items() for p in own], periods)
    model.buy = pyo.Var(piles, list(instance.years))
    refill = {
        h: instance.stockpiles[h].max_refill[instance.year_index]
        for h in piles
        if instance.stockpiles[h].max_refill.any()
    }
    model.covered = pyo.Var(list(refill), periods)
    model.planned = {(h, k): _planned_stock(model, instance, h, k) for h in refill for k in periods}
    model.state = pyo.Block()
    given: dict[ParameterKey, list[Any]] = {}
    for kind in ("demand", "limit", "market", "capacity", "delivers", "buy", "covered"):
        for (*whose, _), variable in getattr(model, kind).items():
            key = kind, tuple(whose) if len(whose) > 1 else whose[0]
            given.setdefault(key, []).append(variable)
    market = {v: given["market", v] for v in nodes}
    capacity = {c: given["capacity", c] for c in conversions}
    demand: dict[int, Any] = {v: node.demand[instance.year_index] for v, node in nodes.items()}
    none = np.zeros((0, len(periods)))
    limit: dict[int, Any] = {
        v: node.step_limits(instance.year_index, np.ones(()), none)
        for v, node in nodes.items()
        if v not in varying
    }
    for v in varying:
        demand[v] = given["demand", v]
        limit[v] = [given["limit", (v, j)] for j in range(len(nodes[v].steps))]

    def delivers(v: int, p: str, k: int) -> Any:
        return model.delivers[v, p, k]

    whole = ChainInState(
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
    keeps = {h: instance.stockpiles[h].retention for h in piles}
    return ProgramTemplate(model, given, keeps)


def _planned_stock(model: Any, instance: Instance, h: str, k: int) -> Any:
    """Stock at the end of a period if nothing is released (S2), by ``buy``."""
    pile, n, first = instance.stockpiles[h], instance.periods_per_year, instance.years[0]
    bought: dict[int, float] = {}
    for j in range(k + 1):
        year = first + j // n
        bought[year] = bought.get(year, 0.0) + pile.retention ** (k - j) / n
    purchases = sum(part * model.buy[h, year] for year, part in bought.items())
    return pile.retention ** (k + 1) * pile.initial_lots + purchases
