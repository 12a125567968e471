"""A linear program that stays in the solver between solves, each starting from the last basis."""

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
)
from optimizer.model.highs.scaling import compute_scaling
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
# Devex: exact edge weights would be computed anew whenever rows join, which they always do.
SIMPLEX_OPTIONS = {
    "solver": "simplex",
    "simplex_strategy": 1,
    "parallel": "off",
    "simplex_dual_edge_weight_strategy": 1,
}


class DualSimplex:
    """The relaxation of a program, solved by the dual simplex method again and again: rows may be
    added and removed, sides and bounds changed. All figures are those of the program, whatever it
    is scaled by on its way to the solver: by ``objective_factor``, where None by what all costs can
    come to, and by ``units`` of columns that rows still to come know better, NaN elsewhere.
    ``exact`` holds the solver to its smallest tolerances, as does a program that is not near
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
        self.column_units = (
            scaling.column_unit
        )  # what a column counts in the solver, in its own unit
        self._objective_factor = scaling.objective_factor
        self._row_factors = scaling.row_factor
        # The solver compares its bound on the objective with the costs alone.
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
        """Append rows in compressed form, scaled by a factor each; ModelRefused for entries that
        the solver would refuse, misread or drop."""
        row = np.repeat(np.arange(len(lower)), np.diff(np.append(start, len(value))))
        value = value * factor[row] * self.column_units[index]
        lower, upper = lower * factor, upper * factor
        size = np.abs(value)
        if not (np.isfinite(value).all() and not (np.isnan(lower).any() or np.isnan(upper).any())):
            raise InvalidModelData("a cut has an entry that is not a finite number")
        if size.size and (size.min() <= MIN_COEFFICIENT or size.max() >= MAX_MAGNITUDE):
            raise InvalidModelData(f"a cut has entries from {size.min():.3g} to {size.max():.3g}")
        before = self._solver.getNumNz()
        status = self._solver.addRows(len(lower), lower, upper, len(value), start, index, value)
        if status != highspy.HighsStatus.kOk or self._solver.getNumNz() != before + len(value):
            raise InvalidModelData(f"the solver did not take all cuts ({status.name})")
        self._row_factors = np.concatenate([self._row_factors, factor])

    def delete_rows(self, positions: Integers32) -> None:
        """Remove rows; those after them move up."""
        if len(positions):
            self._row_factors = np.delete(self._row_factors, positions)
            self._solver.deleteRows(len(positions), np.asarray(positions, dtype=np.int32))

    def set_column_bounds(self, index: Integers32, lower: Floats, upper: Floats) -> None:
        """Set bounds of columns."""
        units = self.column_units[index]
        self._solver.changeColsBounds(len(index), index, lower / units, upper / units)

    def set_row_bounds(self, index: Integers32, lower: Floats, upper: Floats) -> None:
        """Set sides of rows."""
        factor = self._row_factors[index]
        self._solver.changeRowsBounds(len(index), index, lower * factor, upper * factor)

    def set_cutoff(self, objective: float) -> None:
        """End a solve once the objective is proven to exceed this."""
        self._solver.setOptionValue(
            "objective_bound", (float(objective) - self._offset) * self._objective_factor
        )

    def solve(
        self, iterations: int = NO_ITERATION_LIMIT, *, verify_infeasible: bool = True
    ) -> SimplexOutcome:
        """Minimise from the current basis; ``iterations`` limits this one solve. That a program has
        no solution need not be ``sure`` where nothing rests on it."""
        self._solver.setOptionValue("simplex_iteration_limit", iterations)
        began = time.perf_counter()
        self._solver.run()
        self.seconds += time.perf_counter() - began
        self.solves += 1
        self.iterations += max(0, self._solver.getInfo().simplex_iteration_count)
        outcome = _OUTCOME_BY_STATUS.get(self._solver.getModelStatus())
        if outcome is None:
            # A basis that has gone bad: once more from scratch.
            self._solver.clearSolver()
            self._solver.run()
            outcome = _OUTCOME_BY_STATUS.get(self._solver.getModelStatus())
        doubtful = (None, "unbounded", "infeasible") if verify_infeasible else (None, "unbounded")
        if self.uses_exact_tolerances and outcome in doubtful:
            outcome = self._resolve_doubtful(outcome)
        if outcome is None:
            how = self._solver.modelStatusToString(self._solver.getModelStatus())
            raise SolverError(f"the solver failed on the relaxation: {how}")
        return outcome

    def _resolve_doubtful(self, outcome: SimplexOutcome | None) -> SimplexOutcome | None:
        """How a program ends that the smallest tolerances, which may be below rounding, leave
        without a solution: it has none where two ways to solve it agree on that."""
        for presolve, own in (
            ("on", DEFAULT_LP_TOLERANCES),
            ("off", DEFAULT_LP_TOLERANCES),
            ("off", COARSE_LP_TOLERANCES),
        ):
            before = outcome
            self._solver.clearSolver()
            set_options(self._solver, {**own, "presolve": presolve})
            self._solver.run()
            outcome = _OUTCOME_BY_STATUS.get(self._solver.getModelStatus())
            solved = outcome not in (None, "infeasible", "unbounded")
            if solved or (outcome is not None and outcome == before):
                break
        else:
            outcome = None
        set_options(self._solver, {**EXACT_LP_TOLERANCES, "presolve": "choose"})
        return outcome

    @property
    def objective(self) -> float:
        """Of the last solve."""
        return (
            float(self._solver.getInfo().objective_function_value) / self._objective_factor
            + self._offset
        )

    def values(self) -> Floats:
        """Of the columns."""
        return np.array(self._solver.getSolution().col_value) * self.column_units

    def activity(self) -> Floats:
        """Of the rows."""
        return np.array(self._solver.getSolution().row_value) / self._row_factors

    def row_duals(self) -> Floats:
        """Multipliers of the rows."""
        return (
            np.array(self._solver.getSolution().row_dual)
            * self._row_factors
            / self._objective_factor
        )

    def reduced_costs(self) -> Floats:
        """Reduced costs of the columns."""
        return np.array(self._solver.getSolution().col_dual) / (
            self.column_units * self._objective_factor
        )

    def basis(self) -> Any:
        """The current basis, to return to."""
        return self._solver.getBasis()

    def basis_statuses(self) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
        """Statuses of rows and of columns in the current basis (:func:`basis_of`)."""
        basis = self._solver.getBasis()
        rows, columns = (status_numbers(own) for own in (basis.row_status, basis.col_status))
        return rows.astype(np.int8), columns.astype(np.int8)

    def set_basis(self, basis: Any) -> None:
        """Return to a basis of as many rows and columns."""
        self._solver.setBasis(basis)


FALLBACK_OPTIONS: tuple[dict[str, Any], ...] = (
    {**EXACT_LP_TOLERANCES, "presolve": "on"},
    DEFAULT_LP_TOLERANCES,
    COARSE_LP_TOLERANCES,
    {**COARSE_LP_TOLERANCES, "presolve": "off"},
)


class ColumnwiseProgram(NamedTuple):
    """A linear program as the solver takes it, by column: C columns, R rows, E entries."""

    cost: Floats  # (C)
    lower: Floats
    upper: Floats
    row_lower: Floats  # (R)
    row_upper: Floats
    column_starts: Integers32  # (C) the first entry of each
    row_index: Integers32  # (E) the row of each
    value: Floats


BASIS_STATUSES = (
    highspy.HighsBasisStatus.kLower,
    highspy.HighsBasisStatus.kBasic,
    highspy.HighsBasisStatus.kUpper,
    highspy.HighsBasisStatus.kZero,
    highspy.HighsBasisStatus.kNonbasic,
)


def status_numbers(statuses: Any) -> NDArray[np.int64]:
    """Numbers of the statuses in a basis, in the order of ``STATUSES``."""
    return np.array([int(status) for status in statuses], np.int64)


def build_basis(rows: NDArray[Any], columns: NDArray[Any]) -> Any:
    """A basis of such numbers, which need not fit the program: the solver completes it."""
    basis = highspy.HighsBasis()
    basis.valid = basis.alien = True
    basis.row_status = [BASIS_STATUSES[n] for n in rows]
    basis.col_status = [BASIS_STATUSES[n] for n in columns]
    return basis


class WarmStartSolver:
    """Solves linear programs one after the other by the dual simplex method, each from a basis of
    its own. What it is given is scaled already, and has no entry that the solver would drop."""

    def __init__(self) -> None:
        self._solver = create_silent_solver()
        set_options(self._solver, SIMPLEX_OPTIONS | EXACT_LP_TOLERANCES | {"presolve": "off"})

    def load(self, program: ColumnwiseProgram) -> None:
        """Take a program; ModelRefused if the solver does not."""
        columns, entries = len(program.cost), len(program.value)
        status = self._solver.passModel(
            columns, len(program.row_lower), entries, COLUMN_WISE, MINIMIZE, 0.0, *program,
            np.zeros(columns, np.int32),
        )  # fmt: skip
        if status == highspy.HighsStatus.kError:
            raise InvalidModelData("the solver refuses a program of recourse")

    def solve(self, basis: Any = None) -> tuple[float, Floats]:
        """Objective, and multipliers of the rows, from a basis, from scratch where None;
        SolverError where there is no optimum."""
        if basis is not None:
            self._solver.setBasis(basis)
        for number, way in enumerate(({}, *FALLBACK_OPTIONS)):
            if number:  # a basis that has gone bad, or tolerances below rounding
                self._solver.clearSolver()
                set_options(self._solver, way)
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
        """Values and reduced costs of the columns, and activity of the rows."""
        last = self._solver.getSolution()
        return np.array(last.col_value), np.array(last.col_dual), np.array(last.row_value)

    def basis_statuses(self) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
        """Statuses of columns and of rows in the last basis (:func:`basis_of`)."""
        basis = self._solver.getBasis()
        columns, rows = (status_numbers(own) for own in (basis.col_status, basis.row_status))
        return columns.astype(np.int8), rows.astype(np.int8)
