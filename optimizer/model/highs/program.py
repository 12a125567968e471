"""Mixed-integer linear programs as arrays, and checks for data that the solver would misread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.errors import CoefficientsOutOfRange, InvalidModelData

Floats = NDArray[np.float64]

MAX_MAGNITUDE = 1e15  # HiGHS treats larger numbers as infinite
MIN_COEFFICIENT = 1e-9  # HiGHS drops matrix coefficients up to this size
MAX_COEFFICIENT_RATIO = 1e18  # largest reliable ratio of two coefficients of a scaled matrix


@dataclass(frozen=True, eq=False)
class LinearProgram:
    """A mixed-integer linear program to be minimized. ``matrix`` is a csc array with one row for
    each constraint. Bounds of rows and columns that do not exist are infinite. Names of rows and
    columns are for messages."""

    cost: Floats
    offset: float
    matrix: Any
    row_lower: Floats
    row_upper: Floats
    lower: Floats
    upper: Floats
    is_integer: NDArray[np.bool_]
    row_names: Sequence[str]
    column_names: Sequence[str]

    @property
    def size(self) -> dict[str, int]:
        """Numbers of rows, columns, integer columns and non-zero entries, by name."""
        return {
            "rows": self.matrix.shape[0],
            "columns": self.matrix.shape[1],
            "integers": int(self.is_integer.sum()),
            "nonzeros": int(self.matrix.nnz),
        }

    def free_rows(self, is_dropped: NDArray[np.bool_]) -> LinearProgram:
        """Return the program without bounds on the rows that ``is_dropped`` marks."""
        return replace(
            self,
            row_lower=np.where(is_dropped, -np.inf, self.row_lower),
            row_upper=np.where(is_dropped, np.inf, self.row_upper),
        )

    def relaxation(self) -> LinearProgram:
        """Return the linear relaxation: the program with all columns continuous."""
        return replace(self, is_integer=np.zeros_like(self.is_integer))

    def without_objective(self) -> LinearProgram:
        """Return the program with an objective that is constantly 0."""
        return replace(self, cost=np.zeros_like(self.cost), offset=0.0)


def _labeled_vectors(program: LinearProgram) -> list[tuple[Floats, Sequence[str], str, bool]]:
    """Return a tuple for each vector of the program: its values, the names of its elements, words
    for messages, and whether it may contain infinity."""
    return [
        (program.cost, program.column_names, "the cost of", False),
        (np.array([program.offset]), ["the objective"], "the constant of", False),
        (program.row_lower, program.row_names, "a bound of", True),
        (program.row_upper, program.row_names, "a bound of", True),
        (program.lower, program.column_names, "a bound of", True),
        (program.upper, program.column_names, "a bound of", True),
    ]


def check_finite(program: LinearProgram) -> None:
    """Raise InvalidModelData if a number is NaN, or if a number other than a bound is infinite."""
    for vector, names, description, may_be_infinite in _labeled_vectors(program):
        is_bad = np.isnan(vector) if may_be_infinite else ~np.isfinite(vector)
        if is_bad.any():
            raise InvalidModelData(
                f"{description} {names[int(np.argmax(is_bad))]} is not a finite number"
            )
    is_bad_entry = ~np.isfinite(program.matrix.data)
    if is_bad_entry.any():
        position = " in ".join(_entry_names(program, is_bad_entry))
        raise InvalidModelData(f"the coefficient of {position} is not finite")


def check_solver_limits(program: LinearProgram) -> None:
    """Raise InvalidModelData, which names the element, if the solver would misread a number. This
    holds for numbers that are not finite (except absent bounds), numbers of 1e15 or more,
    coefficients of 1e-9 or less, and coefficients whose ratio exceeds 1e18."""
    check_finite(program)
    for vector, names, description, _ in _labeled_vectors(program):
        magnitudes = np.where(np.isfinite(vector), np.abs(vector), 0.0)
        if magnitudes.size and magnitudes.max() >= MAX_MAGNITUDE:
            name = names[int(np.argmax(magnitudes))]
            raise InvalidModelData(f"{description} {name} is {magnitudes.max():.3g}, too large")
    is_impossible = np.isposinf(program.row_lower) | np.isneginf(program.row_upper)
    if is_impossible.any():
        raise InvalidModelData(
            f"{program.row_names[int(np.argmax(is_impossible))]} has a bound nothing can meet"
        )
    data = np.abs(program.matrix.data)
    if not data.size:
        return
    min_entry, max_entry = float(data.min()), float(data.max())
    entry_names = [_entry_names(program, data == extreme) for extreme in (min_entry, max_entry)]
    smallest_name, largest_name = (" in ".join(names_of_entry) for names_of_entry in entry_names)
    extremes = ((entry_names[0], min_entry), (entry_names[1], max_entry))
    if max_entry >= MAX_MAGNITUDE:
        fault = f"{largest_name} is {max_entry:.3g}, which the solver would take for infinite"
        raise CoefficientsOutOfRange(f"the coefficient of {fault}", extremes)
    if min_entry <= MIN_COEFFICIENT:
        fault = f"{smallest_name} is {min_entry:.3g}, which the solver would drop"
        raise CoefficientsOutOfRange(f"the coefficient of {fault}", extremes)
    if max_entry / min_entry > MAX_COEFFICIENT_RATIO:
        fault = (
            f"coefficients range from {min_entry:.3g} ({smallest_name}) "
            f"to {max_entry:.3g} ({largest_name})"
        )
        raise CoefficientsOutOfRange(f"{fault}, too far apart to be solved reliably", extremes)


def _entry_names(program: LinearProgram, is_match: NDArray[np.bool_]) -> tuple[str, str]:
    """Return the names of column and row of the first matrix entry that ``is_match`` marks."""
    position = int(np.argmax(is_match))
    row = program.row_names[int(program.matrix.indices[position])]
    column = int(np.searchsorted(program.matrix.indptr, position, side="right")) - 1
    return program.column_names[column], row


def max_violation(program: LinearProgram, values: Floats) -> float:
    """Return the largest amount by which ``values`` of the columns violate a row, a bound or
    integrality."""
    activity = program.matrix @ values
    fractions = np.abs(values - np.round(values))[program.is_integer]
    return max(
        float(np.max(excess, initial=0.0))
        for excess in (
            program.row_lower - activity,
            activity - program.row_upper,
            program.lower - values,
            values - program.upper,
            fractions,
        )
    )


def program_from_arrays(
    cost: Sequence[float] | Floats,
    matrix: Any,
    row_lower: Sequence[float] | Floats,
    row_upper: Sequence[float] | Floats,
    lower: Sequence[float] | Floats,
    upper: Sequence[float] | Floats,
) -> LinearProgram:
    """Build a linear program from arrays; rows and columns are named by number."""
    csc = sparse.csc_array(matrix)
    csc.eliminate_zeros()
    return LinearProgram(
        cost=np.asarray(cost, dtype=float),
        offset=0.0,
        matrix=csc,
        row_lower=np.asarray(row_lower, dtype=float),
        row_upper=np.asarray(row_upper, dtype=float),
        lower=np.asarray(lower, dtype=float),
        upper=np.asarray(upper, dtype=float),
        is_integer=np.zeros(csc.shape[1], dtype=bool),
        row_names=[f"row {i}" for i in range(csc.shape[0])],
        column_names=[f"column {j}" for j in range(csc.shape[1])],
    )
