"""A linear program that stays in the solver between solves, each starting from the last basis."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, Literal

import highspy
import numpy as np
from numpy.typing import NDArray

from optimizer.errors import ModelRefused, SolverError
from optimizer.highs.program import LARGEST, SMALLEST, LinearProgram
from optimizer.highs.solving import hand_over, set_options

Floats = NDArray[np.float64]
Positions = NDArray[np.int32]

Outcome = Literal["optimal", "infeasible", "cutoff", "limit"]

_OUTCOMES: dict[Any, Outcome] = {
    highspy.HighsModelStatus.kOptimal: "optimal",
    highspy.HighsModelStatus.kModelEmpty: "optimal",
    highspy.HighsModelStatus.kInfeasible: "infeasible",
    highspy.HighsModelStatus.kObjectiveBound: "cutoff",
    highspy.HighsModelStatus.kIterationLimit: "limit",
    highspy.HighsModelStatus.kTimeLimit: "limit",
}

NO_LIMIT = 2**31 - 1


class Simplex:
    """The relaxation of a program, solved by the dual simplex method again and again.

    Rows may be added and removed, sides, bounds and costs changed. ``seconds`` and ``iterations``
    add up what went into the solver.
    """

    def __init__(self, program: LinearProgram, **options: Any) -> None:
        # The solver compares its bound on the objective with the costs alone.
        self._offset = program.offset
        self._solver = hand_over(replace(program.relaxation(), offset=0.0))
        # Devex: exact edge weights would be computed anew whenever rows join, which they always do.
        devex = {"simplex_dual_edge_weight_strategy": 1}
        settings = {"solver": "simplex", "simplex_strategy": 1, "parallel": "off", **devex}
        set_options(self._solver, {**settings, **options})
        self.columns = len(program.cost)
        self.seconds = 0.0
        self.iterations = 0
        self.solves = 0

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self._solver.getNumRow())

    def add_rows(
        self, lower: Floats, upper: Floats, start: Positions, index: Positions, value: Floats
    ) -> None:
        """Append rows in compressed form; the solver must take every entry as it is.

        Raises
        ------
        ModelRefused
            For entries that the solver would refuse, misread or drop.
        """
        size = np.abs(value)
        if not (np.isfinite(value).all() and not (np.isnan(lower).any() or np.isnan(upper).any())):
            raise ModelRefused("a cut has an entry that is not a finite number")
        if size.size and (size.min() <= SMALLEST or size.max() >= LARGEST):
            raise ModelRefused(f"a cut has entries from {size.min():.3g} to {size.max():.3g}")
        before = self._solver.getNumNz()
        status = self._solver.addRows(len(lower), lower, upper, len(value), start, index, value)
        if status != highspy.HighsStatus.kOk or self._solver.getNumNz() != before + len(value):
            raise ModelRefused(f"the solver did not take all cuts ({status.name})")

    def delete_rows(self, positions: Positions) -> None:
        """Remove rows; those after them move up."""
        if len(positions):
            self._solver.deleteRows(len(positions), np.asarray(positions, dtype=np.int32))

    def bound_columns(self, index: Positions, lower: Floats, upper: Floats) -> None:
        """Set bounds of columns."""
        self._solver.changeColsBounds(len(index), index, lower, upper)

    def bound_rows(self, index: Positions, lower: Floats, upper: Floats) -> None:
        """Set sides of rows."""
        self._solver.changeRowsBounds(len(index), index, lower, upper)

    def set_costs(self, index: Positions, cost: Floats) -> None:
        """Set costs of columns."""
        self._solver.changeColsCost(len(index), index, cost)

    def set_cutoff(self, objective: float) -> None:
        """End a solve once the objective is proven to exceed this."""
        self._solver.setOptionValue("objective_bound", float(objective) - self._offset)

    def solve(self, iterations: int = NO_LIMIT) -> Outcome:
        """Minimise from the current basis; ``iterations`` limits this one solve.

        Raises
        ------
        SolverError
            If the solver fails.
        """
        self._solver.setOptionValue("simplex_iteration_limit", iterations)
        began = time.perf_counter()
        self._solver.run()
        self.seconds += time.perf_counter() - began
        self.solves += 1
        self.iterations += max(0, self._solver.getInfo().simplex_iteration_count)
        outcome = _OUTCOMES.get(self._solver.getModelStatus())
        if outcome is None:
            # A basis that has gone bad: once more from scratch.
            self._solver.clearSolver()
            self._solver.run()
            outcome = _OUTCOMES.get(self._solver.getModelStatus())
        if outcome is None:
            how = self._solver.modelStatusToString(self._solver.getModelStatus())
            raise SolverError(f"the solver failed on the relaxation: {how}")
        return outcome

    @property
    def objective(self) -> float:
        """Of the last solve."""
        return float(self._solver.getInfo().objective_function_value) + self._offset

    def values(self) -> Floats:
        """Of the columns."""
        return np.array(self._solver.getSolution().col_value)

    def activity(self) -> Floats:
        """Of the rows."""
        return np.array(self._solver.getSolution().row_value)

    def row_duals(self) -> Floats:
        """Multipliers of the rows."""
        return np.array(self._solver.getSolution().row_dual)

    def reduced_costs(self) -> Floats:
        """Reduced costs of the columns."""
        return np.array(self._solver.getSolution().col_dual)

    def basis(self) -> Any:
        """The current basis, to return to."""
        return self._solver.getBasis()

    def set_basis(self, basis: Any) -> None:
        """Return to a basis of as many rows and columns."""
        self._solver.setBasis(basis)
