"""Linear programs that the solver keeps between solves. Each solve is warm-started from the last
basis."""

import time
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import highspy
import numpy as np
from numpy.typing import NDArray

from optimizer.errors import InvalidModelData, SolverError
from optimizer.model.highs.program import (
    MAX_MAGNITUDE,
    MIN_COEFFICIENT,
    Floats,
    LinearProgram,
    check_finite,
    compute_scaling,
)
from optimizer.model.highs.solver import (
    COARSE_LP_TOLERANCES,
    DEFAULT_LP_TOLERANCES,
    EXACT_LP_TOLERANCES,
    create_silent_solver,
    load_solver,
    set_options,
)

Integers32 = NDArray[np.int32]

SimplexOutcome = Literal["optimal", "infeasible", "unbounded", "cutoff", "limit"]

_OUTCOME_BY_STATUS: dict[Any, SimplexOutcome] = {
    highspy.HighsModelStatus.kOptimal: "optimal",
    highspy.HighsModelStatus.kModelEmpty: "optimal",
    highspy.HighsModelStatus.kInfeasible: "infeasible",
    highspy.HighsModelStatus.kUnbounded: "unbounded",
    highspy.HighsModelStatus.kUnboundedOrInfeasible: "unbounded",
    highspy.HighsModelStatus.kObjectiveBound: "cutoff",
    highspy.HighsModelStatus.kIterationLimit: "limit",
    highspy.HighsModelStatus.kTimeLimit: "limit",
}

NO_ITERATION_LIMIT = 2**31 - 1
COLUMN_WISE, MINIMIZE = int(highspy.MatrixFormat.kColwise), int(highspy.ObjSense.kMinimize)
# Devex pricing: steepest-edge weights would be recomputed whenever rows are added.
SIMPLEX_OPTIONS = {
    "solver": "simplex",
    "simplex_strategy": 1,
    "parallel": "off",
    "simplex_dual_edge_weight_strategy": 1,
}


class DualSimplex:
    """The linear relaxation of a program, solved repeatedly by the dual simplex method. Between
    solves rows can be added and removed, and bounds of rows and columns changed. All arguments and
    results are unscaled. ``objective_factor`` scales the objective; by default it is chosen by the
    largest possible one. ``column_units`` scales the columns; units that are NaN are computed.
    ``exact`` sets the smallest tolerances, as is done for programs whose numbers are not near
    one."""

    def __init__(
        self,
        program: LinearProgram,
        objective_factor: float | None = None,
        column_units: Floats | None = None,
        exact: bool = False,
    ) -> None:
        check_finite(program)
        scaling = compute_scaling(program, objective_factor, column_units)
        self.column_units = scaling.column_unit
        self._objective_factor = scaling.objective_factor
        self._row_factors = scaling.row_factor
        # The solver compares its objective bound with the objective without the offset.
        self._offset = program.offset
        self._solver = load_solver(replace(scaling.scale(program.relaxation()), offset=0.0))
        settings: dict[str, Any] = dict(SIMPLEX_OPTIONS)
        self.uses_exact_tolerances = exact or not scaling.is_near_one
        settings |= EXACT_LP_TOLERANCES if self.uses_exact_tolerances else {}
        set_options(self._solver, settings)
        self.column_count = len(program.cost)
        self.seconds = 0.0
        self.iterations = 0
        self.solves = 0

    @property
    def row_count(self) -> int:
        """Number of rows."""
        return int(self._solver.getNumRow())

    def add_rows(
        self,
        lower: Floats,
        upper: Floats,
        start: Integers32,
        index: Integers32,
        value: Floats,
        factor: Floats,
    ) -> None:
        """Append rows in compressed row form: entries ``index`` and ``value``, with ``start`` the
        first entry of each row. Each row is multiplied by its ``factor``. Raise InvalidModelData
        for entries that the solver would refuse, misread or drop."""
        row = np.repeat(np.arange(len(lower)), np.diff(np.append(start, len(value))))
        value = value * factor[row] * self.column_units[index]
        lower, upper = lower * factor, upper * factor
        size = np.abs(value)
        if not (np.isfinite(value).all() and not (np.isnan(lower).any() or np.isnan(upper).any())):
            raise InvalidModelData("a cut has an entry that is not a finite number")
        if size.size and (size.min() <= MIN_COEFFICIENT or size.max() >= MAX_MAGNITUDE):
            raise InvalidModelData(f"a cut has entries from {size.min():.3g} to {size.max():.3g}")
        nonzeros_before = self._solver.getNumNz()
        status = self._solver.addRows(len(lower), lower, upper, len(value), start, index, value)
        if status != highspy.HighsStatus.kOk or self._solver.getNumNz() != nonzeros_before + len(
            value
        ):
            raise InvalidModelData(f"the solver did not take all cuts ({status.name})")
        self._row_factors = np.concatenate([self._row_factors, factor])

    def delete_rows(self, positions: Integers32) -> None:
        """Remove the rows at ``positions``; the rows below them move up."""
        if len(positions):
            self._row_factors = np.delete(self._row_factors, positions)
            self._solver.deleteRows(len(positions), np.asarray(positions, dtype=np.int32))

    def set_column_bounds(self, index: Integers32, lower: Floats, upper: Floats) -> None:
        """Set the bounds of the columns in ``index``."""
        units = self.column_units[index]
        self._solver.changeColsBounds(len(index), index, lower / units, upper / units)

    def set_row_bounds(self, index: Integers32, lower: Floats, upper: Floats) -> None:
        """Set the bounds of the rows in ``index``."""
        factor = self._row_factors[index]
        self._solver.changeRowsBounds(len(index), index, lower * factor, upper * factor)

    def set_cutoff(self, objective: float) -> None:
        """Let each solve end as soon as it is proven that the optimum exceeds ``objective``."""
        self._solver.setOptionValue(
            "objective_bound", (float(objective) - self._offset) * self._objective_factor
        )

    def solve(
        self, iterations: int = NO_ITERATION_LIMIT, *, verify_infeasible: bool = True
    ) -> SimplexOutcome:
        """Minimize from the current basis, with at most ``iterations`` iterations. With exact
        tolerances and ``verify_infeasible``, an infeasible program is solved again for
        confirmation. Raise SolverError if the solver fails."""
        self._solver.setOptionValue("simplex_iteration_limit", iterations)
        started_at = time.perf_counter()
        self._solver.run()
        self.seconds += time.perf_counter() - started_at
        self.solves += 1
        self.iterations += max(0, self._solver.getInfo().simplex_iteration_count)
        outcome = _OUTCOME_BY_STATUS.get(self._solver.getModelStatus())
        if outcome is None:
            # Numerical trouble with the basis: solve again from scratch.
            self._solver.clearSolver()
            self._solver.run()
            outcome = _OUTCOME_BY_STATUS.get(self._solver.getModelStatus())
        doubtful_outcomes = (
            (None, "unbounded", "infeasible") if verify_infeasible else (None, "unbounded")
        )
        if self.uses_exact_tolerances and outcome in doubtful_outcomes:
            outcome = self._resolve_doubtful(outcome)
        if outcome is None:
            status = self._solver.modelStatusToString(self._solver.getModelStatus())
            raise SolverError(f"the solver failed on the relaxation: {status}")
        return outcome

    def _resolve_doubtful(self, outcome: SimplexOutcome | None) -> SimplexOutcome | None:
        """Solve again with larger tolerances, since the smallest may be below rounding errors. The
        program counts as infeasible or unbounded if two solves in a row find it so. Return None if
        no solve settles the outcome."""
        for presolve, tolerances in (
            ("on", DEFAULT_LP_TOLERANCES),
            ("off", DEFAULT_LP_TOLERANCES),
            ("off", COARSE_LP_TOLERANCES),
        ):
            previous_outcome = outcome
            self._solver.clearSolver()
            set_options(self._solver, {**tolerances, "presolve": presolve})
            self._solver.run()
            outcome = _OUTCOME_BY_STATUS.get(self._solver.getModelStatus())
            is_solved = outcome not in (None, "infeasible", "unbounded")
            if is_solved or (outcome is not None and outcome == previous_outcome):
                break
        else:
            outcome = None
        set_options(self._solver, {**EXACT_LP_TOLERANCES, "presolve": "choose"})
        return outcome

    @property
    def objective(self) -> float:
        """Objective of the last solve."""
        return (
            float(self._solver.getInfo().objective_function_value) / self._objective_factor
            + self._offset
        )

    def values(self) -> Floats:
        """Return the values of the columns."""
        return np.array(self._solver.getSolution().col_value) * self.column_units

    def activity(self) -> Floats:
        """Return the activities of the rows."""
        return np.array(self._solver.getSolution().row_value) / self._row_factors

    def row_duals(self) -> Floats:
        """Return the dual values of the rows."""
        return (
            np.array(self._solver.getSolution().row_dual)
            * self._row_factors
            / self._objective_factor
        )

    def reduced_costs(self) -> Floats:
        """Return the reduced costs of the columns."""
        return np.array(self._solver.getSolution().col_dual) / (
            self.column_units * self._objective_factor
        )

    def basis(self) -> Any:
        """Return the current basis, which :meth:`set_basis` accepts."""
        return self._solver.getBasis()

    def basis_statuses(self) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
        """Return the statuses in the current basis as numbers (:func:`status_numbers`): first of
        the rows, then of the columns."""
        basis = self._solver.getBasis()
        rows, columns = (
            status_numbers(statuses) for statuses in (basis.row_status, basis.col_status)
        )
        return rows.astype(np.int8), columns.astype(np.int8)

    def set_basis(self, basis: Any) -> None:
        """Set the basis for the next solve, with the current numbers of rows and columns."""
        self._solver.setBasis(basis)


FALLBACK_OPTIONS: tuple[dict[str, Any], ...] = (
    {**EXACT_LP_TOLERANCES, "presolve": "on"},
    DEFAULT_LP_TOLERANCES,
    COARSE_LP_TOLERANCES,
    {**COARSE_LP_TOLERANCES, "presolve": "off"},
)


class ColumnwiseProgram(NamedTuple):
    """Linear program with its matrix stored by columns: C columns, R rows, E entries."""

    cost: Floats  # (C)
    lower: Floats
    upper: Floats
    row_lower: Floats  # (R)
    row_upper: Floats
    column_starts: Integers32  # (C) first entry of each column
    row_index: Integers32  # (E)
    value: Floats


BASIS_STATUSES = (
    highspy.HighsBasisStatus.kLower,
    highspy.HighsBasisStatus.kBasic,
    highspy.HighsBasisStatus.kUpper,
    highspy.HighsBasisStatus.kZero,
    highspy.HighsBasisStatus.kNonbasic,
)


def status_numbers(statuses: Any) -> NDArray[np.int64]:
    """Return the statuses of a basis as numbers; each is an index into ``BASIS_STATUSES``."""
    return np.array([int(status) for status in statuses], np.int64)


def build_basis(rows: NDArray[Any], columns: NDArray[Any]) -> Any:
    """Build a basis from status numbers of ``rows`` and ``columns``. It may be singular for the
    program, since the solver repairs it."""
    basis = highspy.HighsBasis()
    basis.valid = basis.alien = True
    basis.row_status = [BASIS_STATUSES[n] for n in rows]
    basis.col_status = [BASIS_STATUSES[n] for n in columns]
    return basis


class WarmStartSolver:
    """Solver for a sequence of linear programs by the dual simplex method, each from a given basis.
    Programs must be scaled and have no entries that the solver would drop."""

    def __init__(self) -> None:
        self._solver = create_silent_solver()
        set_options(self._solver, SIMPLEX_OPTIONS | EXACT_LP_TOLERANCES | {"presolve": "off"})

    def load(self, program: ColumnwiseProgram) -> None:
        """Load a program. Raise InvalidModelData if the solver refuses it."""
        columns, entries = len(program.cost), len(program.value)
        status = self._solver.passModel(
            columns, len(program.row_lower), entries, COLUMN_WISE, MINIMIZE, 0.0, *program,
            np.zeros(columns, np.int32),
        )  # fmt: skip
        if status == highspy.HighsStatus.kError:
            raise InvalidModelData("the solver refuses a program of recourse")

    def solve(self, basis: Any = None) -> tuple[float, Floats]:
        """Solve the loaded program from ``basis``, or from scratch if it is None. Return the
        optimal objective and the dual values of the rows. Raise SolverError if no optimum is
        found."""
        if basis is not None:
            self._solver.setBasis(basis)
        for number, options in enumerate(({}, *FALLBACK_OPTIONS)):
            if number:  # numerical trouble with the basis, or tolerances below rounding
                self._solver.clearSolver()
                set_options(self._solver, options)
            self._solver.run()
            outcome = _OUTCOME_BY_STATUS.get(self._solver.getModelStatus())
            if outcome == "optimal":
                break
        else:
            raise SolverError(f"recourse has no optimum: {outcome}")
        if number:
            set_options(self._solver, EXACT_LP_TOLERANCES | {"presolve": "off"})
        objective = float(self._solver.getInfo().objective_function_value)
        return objective, np.array(self._solver.getSolution().row_dual)

    def solution(self) -> tuple[Floats, Floats, Floats]:
        """Return values and reduced costs of the columns, and activities of the rows."""
        last_solution = self._solver.getSolution()
        return (
            np.array(last_solution.col_value),
            np.array(last_solution.col_dual),
            np.array(last_solution.row_value),
        )

    def basis_statuses(self) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
        """Return the statuses in the last basis as numbers (:func:`status_numbers`): first of the
        columns, then of the rows."""
        basis = self._solver.getBasis()
        columns, rows = (
            status_numbers(statuses) for statuses in (basis.col_status, basis.row_status)
        )
        return columns.astype(np.int8), rows.astype(np.int8)
