"""Recourse as a linear program, derived from the formulation and solved for many states.

The rules of one state are built in Pyomo once. Quantities that depend on the state or on the
commitment are columns there, called parameters: market supply, conversion capacity, project
deliveries and purchases. When their values are given, these columns move to the right-hand sides.
Thus every rule of the second stage is solved exactly, whatever its form. Where more is known of a
chain, kernels are faster (:mod:`optimizer.solve.recourse.node_kernel`); they are tested against
this module.

Only right-hand sides change from class to class, so the dual simplex method starts from a basis
that was optimal for a similar class (bunching: Wets 1983; Gassmann and Wallace 1996). A few classes
are solved by HiGHS, many by a compiled method (:mod:`optimizer.solve.recourse.class_programs`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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
from optimizer.solve.recourse import class_programs, class_programs as open_periods

ParameterKey = tuple[str, Any]  # kind of parameters, and node, project, plant or stockpile
Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]
BasisArray = NDArray[np.object_]  # statuses of columns, then of rows; None if there is no basis

MAX_MULTIPLIER = 1e9  # limit of dual values relative to the largest damage of a step
BASIC_STATUS = 1  # status of a basic row or column
PERIOD_RULES = {"demand_balance", "conversion_limit", "stock_balance", "shortage_limit"}
"""Rules that the compiled kernels know and that, in a period whose demand is covered, only carry
stock over. With other rules, programs contain all periods."""
REFILL_RULES = {"refill_limit", "refill_when_covered"}  # further rules that the kernels know


@dataclass(frozen=True, eq=False)
class ProgramResults:
    """Damage, lower bounds and dual values of the program for U sets of parameter values."""

    damage: Floats  # (U)
    dual_bound: Floats  # (U) lower bound by the dual values: the damage up to rounding
    parameter_duals: Floats  # (U, G) derivative of the bound in each parameter
    row_duals: Floats  # (U, rows) derivative of the bound in the right-hand side of each row


@dataclass(frozen=True, eq=False)
class OpenPeriodProgram:
    """Program restricted to open periods (:mod:`optimizer.solve.recourse.class_programs`)."""

    program: highs.ColumnwiseProgram  # scaled
    column_numbers: Integers  # columns of the full program that it contains
    row_numbers: Integers
    row_target: Integers  # for each row of the full program, the row that it is added to
    row_factor: Floats  # and the factor by which it is multiplied


class ProgramTemplate:
    """Linear program with G parameters, whose values are given in each solve.

    The parameters are Pyomo variables; ``parameter_positions`` holds their positions among the G by
    key. ``retention`` is that of each stockpile if the program belongs to a chain, whose row and
    column indices end with the period; otherwise None.
    """

    def __init__(
        self,
        model: Any,
        parameter_variables: Mapping[ParameterKey, Sequence[Any]],
        retention: Mapping[str, float] | None,
    ) -> None:
        compiled = highs.compile_model(model)
        program = compiled.program
        column_by_id = {id(v): c for c, v in enumerate(compiled.variables)}
        offsets = np.cumsum([0, *map(len, parameter_variables.values())])
        self.parameter_positions = {
            key: np.arange(offsets[n], offsets[n + 1]) for n, key in enumerate(parameter_variables)
        }
        self.parameter_count = int(offsets[-1])
        parameter_columns = np.array(
            [
                column_by_id.get(id(v), -1)
                for variables in parameter_variables.values()
                for v in variables
            ],
            np.int64,
        )
        kept_columns = np.setdiff1d(np.arange(len(column_by_id)), parameter_columns)
        present = np.flatnonzero(parameter_columns >= 0)
        selection = sparse.csr_array(
            (np.ones(len(present)), (present, np.arange(len(present)))),
            shape=(self.parameter_count, len(present)),
        )
        # (parameters, rows): coefficients that move to the right-hand sides.
        self._parameter_matrix = sparse.csr_array(
            selection @ program.matrix[:, parameter_columns[present]].T
        )
        self.row_keys = compiled.row_keys
        rules = np.array([name for name, _ in self.row_keys])
        # Stock may be discarded, so that tiny remainders need not be tracked exactly.
        is_relaxed = (rules == "stock_balance") & (retention is not None)
        self.program = replace(
            program,
            row_lower=np.where(is_relaxed, -np.inf, program.row_lower),
            matrix=sparse.csc_array(program.matrix[:, kept_columns]),
            cost=program.cost[kept_columns],
            lower=program.lower[kept_columns],
            upper=program.upper[kept_columns],
            is_integer=program.is_integer[kept_columns],
            column_names=[program.column_names[int(c)] for c in kept_columns],
        )
        self.column_keys = [compiled.column_keys[int(c)] for c in kept_columns]
        self.cost_unit = highs.cost_unit(self.program)
        self._scaling = highs.lift_small_rows(
            self.program, highs.compute_scaling(self.program, 1 / self.cost_unit)
        )
        self._max_multiplier = MAX_MULTIPLIER * max(
            1.0, float(np.abs(self.program.cost).max(initial=0.0)) / self.cost_unit
        )
        self.has_only_known_rules = set(rules) <= PERIOD_RULES | REFILL_RULES
        self._can_restrict = retention is not None and set(rules) <= PERIOD_RULES
        row_period = np.zeros(len(rules), np.int64)
        column_period = np.zeros(len(kept_columns), np.int64)
        next_row, kept_share = np.full(len(rules), -1), np.ones(len(rules))
        if retention is not None and self._can_restrict:
            row_period = np.array([index[-1] for _, index in self.row_keys], np.int64)
            column_period = np.array([index[-1] for _, index in self.column_keys], np.int64)
            row_by_index = {index: r for r, (_, index) in enumerate(self.row_keys) if is_relaxed[r]}
            for (v, h, k), r in row_by_index.items():
                next_row[r] = row_by_index.get((v, h, k + 1), -1)
                kept_share[r] = retention[h]
        is_bound = self._find_bound_rows()
        column_unit = self._scaling.column_unit
        self._full_program = (  # arguments of :func:`open_periods.restrict_to_open`
            row_period, next_row, kept_share, is_bound, np.isinf(self.program.row_lower),
            np.isinf(self.program.row_upper), self._scaling.row_factor,
            column_period, self._bound_by, self._bound_entry, column_unit,
            self.program.cost * column_unit * self._scaling.objective_factor,
            self.program.lower / column_unit, self.program.upper / column_unit,
            self.program.matrix.indptr, self.program.matrix.indices, self.program.matrix.data,
            highs.MIN_COEFFICIENT,
        )  # fmt: skip
        self._bound_data = (  # arguments of :func:`class_programs.compute_dual_bound`
            np.isinf(self.program.row_lower), np.isinf(self.program.row_upper),
            self.program.cost, self.program.lower, self.program.upper, self.program.matrix.indptr,
            self.program.matrix.indices, self.program.matrix.data, self._bound_by,
            self._bound_entry, self._max_multiplier, self.cost_unit,
        )  # fmt: skip
        self.uses_compiled_solver = False
        self._tie_break_cost = (
            self._build_tie_break_cost() if retention is not None else np.zeros(len(kept_columns))
        )
        self._free_solvers: SimpleQueue[highs.WarmStartSolver] = SimpleQueue()

    def _find_bound_rows(self) -> Booleans:
        """Return whether each row is nothing but an upper bound of one column, and set
        ``_bound_by`` and ``_bound_entry``: that row and its entry, by column."""
        program = self.program
        by_row = sparse.csr_array(program.matrix)
        is_bound = np.zeros(len(self.row_keys), dtype=bool)
        self._bound_by = np.full(len(program.cost), -1)
        self._bound_entry = np.ones(len(program.cost))
        has_one_entry = (np.diff(by_row.indptr) == 1) & np.isinf(program.row_lower)
        for r in np.flatnonzero(has_one_entry & np.isfinite(program.row_upper)):
            c, entry = by_row.indices[by_row.indptr[r]], by_row.data[by_row.indptr[r]]
            if entry > 0 and self._bound_by[c] < 0 and np.isinf(program.upper[c]):
                is_bound[r], self._bound_by[c], self._bound_entry[c] = True, r, entry
        return is_bound

    @contextmanager
    def _borrow_solver(self) -> Iterator[highs.WarmStartSolver]:
        """Yield a solver that no other evaluation uses within the context, since evaluations may
        run in parallel."""
        try:
            solver = self._free_solvers.get_nowait()
        except Empty:
            solver = highs.WarmStartSolver()
        yield solver
        self._free_solvers.put(solver)

    def _restrict_to_open_periods(
        self, is_open: Booleans, row_lower: Floats, row_upper: Floats
    ) -> OpenPeriodProgram:
        """Return the program restricted to open periods (K).

        ``row_lower`` and ``row_upper`` are the row bounds of the full program; missing bounds may
        be any number.
        """
        if not self._can_restrict:
            is_open = np.ones(1, dtype=bool)
        *arrays, columns, rows, row_target, row_factor = open_periods.restrict_to_open(
            is_open, row_lower, row_upper, *self._full_program
        )
        return OpenPeriodProgram(
            highs.ColumnwiseProgram(*arrays), columns, rows, row_target, row_factor
        )

    def row_bounds(self, parameters: Floats) -> tuple[Floats, Floats]:
        """Return the lower and upper bounds of the rows (U, rows) for parameter values (U, G).
        Missing bounds are 0."""
        # C-contiguous, since numba would compile a second version for another layout.
        shift = np.ascontiguousarray(parameters @ self._parameter_matrix)
        row_bounds = self.program.row_lower, self.program.row_upper
        lower, upper = (np.where(np.isinf(bound), 0.0, bound - shift) for bound in row_bounds)
        return lower, upper

    def solve(
        self,
        parameters: Floats,
        is_open: Booleans,
        bases: BasisArray | list[Any],
        values: Floats | None = None,
        early_first: bool = False,
    ) -> ProgramResults:
        """Solve the program for parameter values (U, G) in open periods (U, K).

        Each solve starts from its basis in ``bases`` (U); without one, from scratch or from the
        final basis of the previous solve. The basis in ``bases`` is then replaced. Column values
        are written to ``values`` (U, columns) if given; with ``early_first`` they are those of the
        optimum with the least ``_tie_break_cost``.
        """
        row_lower, row_upper = self.row_bounds(parameters)
        if not self._can_restrict:
            is_open = np.ones((len(parameters), 1), dtype=bool)
        is_solved, damage, dual_bound = (
            np.zeros(len(parameters), bool),
            *np.zeros((2, len(parameters))),
        )
        duals = np.zeros(row_lower.shape)
        if self.uses_compiled_solver:
            basis_sizes = np.array([0 if x is None else len(x) for x in bases], dtype=np.int64)
            basis_starts = np.where(basis_sizes > 0, np.cumsum(basis_sizes) - basis_sizes, -1)
            given_bases = [x for x in bases if x is not None]
            saved_bases = np.concatenate([np.zeros(0, np.int8), *given_bases])
            last_statuses = np.repeat(
                [BASIC_STATUS, 0], [len(self.row_keys), len(self.column_keys)]
            ).astype(np.int8)
            solved = class_programs.solve_class_programs(
                is_open, row_lower, row_upper, saved_bases, basis_starts, last_statuses,
                np.zeros((0, 0)) if values is None else values,
                self._tie_break_cost if early_first else np.zeros(0), self._full_program,
                self._bound_data,
            )  # fmt: skip
            is_solved, damage, dual_bound, duals, final_bases, basis_starts = solved
            for u in range(len(parameters)):
                bases[u] = final_bases[basis_starts[u] : basis_starts[u + 1]].copy()
        for u in np.flatnonzero(~is_solved).tolist():
            restricted = self._restrict_to_open_periods(is_open[u], row_lower[u], row_upper[u])
            basis = None
            if bases[u] is not None and not self.uses_compiled_solver:
                column_statuses, row_statuses = np.split(bases[u], [len(restricted.column_numbers)])
                basis = highs.build_basis(row_statuses, column_statuses)
            with self._borrow_solver() as solver:
                solver.load(restricted.program)
                damage[u], open_duals = solver.solve(basis)
                bases[u] = np.concatenate(solver.basis_statuses())
                scaled_values = (
                    self._break_ties(solver, restricted, open_duals)
                    if early_first
                    else solver.solution()[0]
                )
            scale, duals[u] = self._scaling.row_factor, 0.0
            open_periods.expand_duals(
                open_duals,
                restricted.row_numbers,
                restricted.row_target,
                restricted.row_factor,
                scale,
                duals[u],
            )
            if values is not None:
                values[u, restricted.column_numbers] = (
                    scaled_values * self._scaling.column_unit[restricted.column_numbers]
                )
            dual_bound[u] = class_programs.compute_dual_bound(
                duals[u], row_lower[u], row_upper[u], *self._bound_data
            )
        damage *= self.cost_unit
        return ProgramResults(
            damage, np.minimum(dual_bound, damage), -(self._parameter_matrix @ duals.T).T, duals
        )

    def solve_shortages(self, parameters: Floats, is_open: Booleans) -> Floats:
        """Return the column values (U, columns) of an optimum for parameter values (U, G).

        Of several optima, it is the one that serves early periods first, then early nodes and
        steps.
        """
        values = np.zeros((len(parameters), len(self.column_keys)))
        self.solve(parameters, is_open, [None] * len(parameters), values, early_first=True)
        return np.maximum(values, 0.0)

    def _build_tie_break_cost(self) -> Floats:
        """Return a cost of each column, by which early periods are served first among equal
        damage.

        Ranks are weighted by damage, since only amounts of equal damage can be exchanged at an
        optimum. Steps without damage come last, but have a cost, so that no stock is left over
        during a shortage.
        """
        costs = np.zeros(len(self.column_keys))
        shortages = [
            (index[2], c) for c, (name, index) in enumerate(self.column_keys) if name == "shortage"
        ]
        for rank, (_, c) in enumerate(sorted(shortages)):
            cost = self.program.cost[c] / self.cost_unit
            costs[c] = 1e-6 - (cost + 1e-6) * rank / len(shortages)
        return costs

    def _break_ties(
        self, solver: highs.WarmStartSolver, restricted: OpenPeriodProgram, duals: Floats
    ) -> Floats:
        """Return the optimum with the least tie-break cost. Rows and columns with a nonzero dual
        value stay at their bounds."""
        values, reduced_costs, activity = solver.solution()
        is_tight_column = np.abs(reduced_costs) > class_programs.TIGHT_TOLERANCE
        is_tight_row = np.abs(duals) > class_programs.TIGHT_TOLERANCE
        program = restricted.program
        solver.load(
            program._replace(
                cost=self._tie_break_cost[restricted.column_numbers]
                * self._scaling.column_unit[restricted.column_numbers],
                lower=np.where(is_tight_column, values, program.lower),
                upper=np.where(is_tight_column, values, program.upper),
                row_lower=np.where(is_tight_row, activity, program.row_lower),
                row_upper=np.where(is_tight_row, activity, program.row_upper),
            )
        )
        try:
            solver.solve()
        except SolverError:  # infeasible by rounding
            return values
        return solver.solution()[0]


def has_known_rules(instance: Instance) -> bool:
    """Return whether the compiled kernels cover all rules of the second stage."""
    block = pyo.ConcreteModel()
    add_recourse(block, instance, [], None)
    return set(block.component_map(pyo.Constraint)) <= PERIOD_RULES | REFILL_RULES


def build_chain_template(
    instance: Instance, chain: Chain, flow_cost: Callable[[Any], Any] | None = None
) -> ProgramTemplate:
    """Build the program of a chain in one state.

    With ``flow_cost``, this function of the rules of the state gives the objective in place of
    damage, and demand and limits of steps are parameters of all nodes.

    Its parameters are ``market`` by node (K), ``capacity`` by conversion (K), ``delivers`` by node
    and project (K), and ``buy`` by stockpile (Y). If they depend on the state, ``demand`` by node
    (K) and ``limit`` by node and step (K) are parameters too. For each stockpile that is refilled
    there is ``covered`` (K), which is 1 in covered periods.
    """
    model, periods = pyo.ConcreteModel(), list(instance.periods)
    nodes = {v: instance.nodes[v] for v in chain.nodes}
    projects = {
        v: [p for p, x in instance.projects.items() if node.material in x.output]
        for v, node in nodes.items()
    }
    conversions = [plant.id for plant in chain.plants if plant.capacity is not None]
    stockpiles = list(dict.fromkeys(h for node in nodes.values() for h in node.stockpile_shares))
    varying_nodes = [
        v for v, x in nodes.items() if flow_cost is not None or instance.demand_varies(x.material)
    ]
    model.demand = pyo.Var(varying_nodes, periods)
    model.limit = pyo.Var(
        [(v, j) for v in varying_nodes for j in range(len(nodes[v].steps))], periods
    )
    model.market = pyo.Var(list(nodes), periods)
    model.capacity = pyo.Var(conversions, periods)
    model.delivers = pyo.Var(
        [(v, p) for v, node_projects in projects.items() for p in node_projects], periods
    )
    model.buy = pyo.Var(stockpiles, list(instance.years))
    max_refill = {
        h: instance.stockpiles[h].max_refill[instance.year_index]
        for h in stockpiles
        if instance.stockpiles[h].max_refill.any()
    }
    model.covered = pyo.Var(list(max_refill), periods)
    model.planned = {
        (h, k): _planned_stock(model, instance, h, k) for h in max_refill for k in periods
    }
    model.state = pyo.Block()
    parameters: dict[ParameterKey, list[Any]] = {}
    for kind in ("demand", "limit", "market", "capacity", "delivers", "buy", "covered"):
        for (*owner, _), variable in getattr(model, kind).items():
            key = kind, tuple(owner) if len(owner) > 1 else owner[0]
            parameters.setdefault(key, []).append(variable)
    market = {v: parameters["market", v] for v in nodes}
    capacity = {c: parameters["capacity", c] for c in conversions}
    demand: dict[int, Any] = {v: node.demand[instance.year_index] for v, node in nodes.items()}
    no_adaptation = np.zeros((0, len(periods)))
    limit: dict[int, Any] = {
        v: node.step_limits(instance.year_index, np.ones(1), no_adaptation)
        for v, node in nodes.items()
        if v not in varying_nodes
    }
    for v in varying_nodes:
        demand[v] = parameters["demand", v]
        limit[v] = [parameters["limit", (v, j)] for j in range(len(nodes[v].steps))]

    def delivers(v: int, p: str, k: int) -> Any:
        return model.delivers[v, p, k]

    all_periods = ChainInState(
        chain, tuple(periods), demand, limit, market, capacity, projects, delivers, max_refill
    )
    add_recourse(model.state, instance, [all_periods], model)

    def when_covered(block: Any, v: str, h: str, k: int) -> Any:
        column = block.refill[v, h, k]
        upper, column.ub = column.ub, None
        return column <= upper * model.covered[h, k]

    keys = list(model.state.refill)
    model.state.refill_when_covered = pyo.Constraint(keys, rule=when_covered)
    objective = model.state.damage if flow_cost is None else flow_cost(model.state)
    model.objective = pyo.Objective(expr=objective)
    retention = {h: instance.stockpiles[h].retention for h in stockpiles}
    return ProgramTemplate(model, parameters, retention)


def _planned_stock(model: Any, instance: Instance, h: str, k: int) -> Any:
    """Return the expression in ``buy`` for the stock at the end of period k if nothing is released
    (S2)."""
    stockpile, n, first = instance.stockpiles[h], instance.periods_per_year, instance.years[0]
    coefficients: dict[int, float] = {}
    for j in range(k + 1):
        year = first + j // n
        coefficients[year] = coefficients.get(year, 0.0) + stockpile.retention ** (k - j) / n
    purchases = sum(coefficient * model.buy[h, year] for year, coefficient in coefficients.items())
    return stockpile.retention ** (k + 1) * stockpile.initial_lots + purchases
