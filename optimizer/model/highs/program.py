"""A mixed-integer linear program as arrays, and the data that the solver would misread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.errors import CoefficientsOutOfRange, InvalidModelData

Floats = NDArray[np.float64]

MAX_MAGNITUDE = 1e15  # from here on HiGHS takes a number for infinite
MIN_COEFFICIENT = 1e-9  # up to this HiGHS drops a coefficient of the matrix
MAX_COEFFICIENT_RATIO = 1e18  # largest ratio of two coefficients of a scaled matrix to trust


@dataclass(frozen=True, eq=False)
class LinearProgram:
    """A mixed-integer linear program to be minimised, as arrays. ``rows`` and ``columns`` name each
    row and column for messages; ``matrix`` is a csc array (rows by columns); missing sides and
    bounds are infinite."""

    cost: Floats
    offset: float
    matrix: Any
    row_lower: Floats
    row_upper: Floats
    lower: Floats
    upper: Floats
    integer: NDArray[np.bool_]
    row_names: Sequence[str]
    column_names: Sequence[str]

    @property
    def size(self) -> dict[str, int]:
        """Rows, columns, integer columns and non-zeros."""
        return {
            "rows": self.matrix.shape[0],
            "columns": self.matrix.shape[1],
            "integers": int(self.integer.sum()),
            "nonzeros": int(self.matrix.nnz),
        }

    def free_rows(self, dropped: NDArray[np.bool_]) -> LinearProgram:
        """The same program with some rows free."""
        return replace(
            self,
            row_lower=np.where(dropped, -np.inf, self.row_lower),
            row_upper=np.where(dropped, np.inf, self.row_upper),
        )

    def relaxation(self) -> LinearProgram:
        """The same program without integers."""
        return replace(self, integer=np.zeros_like(self.integer))

    def without_objective(self) -> LinearProgram:
        """The same program with nothing to minimise."""
        return replace(self, cost=np.zeros_like(self.cost), offset=0.0)


def _labelled_vectors(program: LinearProgram) -> list[tuple[Floats, Sequence[str], str, bool]]:
    """Its figures but coefficients: whose they are, what they are, whether they may be infinite."""
    return [
        (program.cost, program.column_names, "the cost of", False),
        (np.array([program.offset]), ["the objective"], "the constant of", False),
        (program.row_lower, program.row_names, "a side of", True),
        (program.row_upper, program.row_names, "a side of", True),
        (program.lower, program.column_names, "a bound of", True),
        (program.upper, program.column_names, "a bound of", True),
    ]


def check_finite(program: LinearProgram) -> None:
    """Refuse what is no number (ModelRefused), before anything is reckoned with it."""
    for vector, names, what, infinite in _labelled_vectors(program):
        bad = np.isnan(vector) if infinite else ~np.isfinite(vector)
        if bad.any():
            raise InvalidModelData(f"{what} {names[int(np.argmax(bad))]} is not a finite number")
    wrong = ~np.isfinite(program.matrix.data)
    if wrong.any():
        place = " in ".join(_entry_names(program, wrong))
        raise InvalidModelData(f"the coefficient of {place} is not finite")


def check_solver_limits(program: LinearProgram) -> None:
    """Refuse data that the solver would misread, naming where it stands (ModelRefused): non-finite
    numbers, numbers of 1e15 or more, coefficients up to 1e-9, and a range of coefficients above
    1e18."""
    check_finite(program)
    for vector, names, what, _ in _labelled_vectors(program):
        size = np.where(np.isfinite(vector), np.abs(vector), 0.0)
        if size.size and size.max() >= MAX_MAGNITUDE:
            name = names[int(np.argmax(size))]
            raise InvalidModelData(f"{what} {name} is {size.max():.3g}, too large")
    hopeless = np.isposinf(program.row_lower) | np.isneginf(program.row_upper)
    if hopeless.any():
        raise InvalidModelData(
            f"{program.row_names[int(np.argmax(hopeless))]} has a side nothing can meet"
        )
    data = np.abs(program.matrix.data)
    if not data.size:
        return
    least, most = float(data.min()), float(data.max())
    places = [_entry_names(program, data == end) for end in (least, most)]
    smallest, largest = (" in ".join(place) for place in places)
    ends = ((places[0], least), (places[1], most))
    if most >= MAX_MAGNITUDE:
        fault = f"{largest} is {most:.3g}, which the solver would take for infinite"
        raise CoefficientsOutOfRange(f"the coefficient of {fault}", ends)
    if least <= MIN_COEFFICIENT:
        fault = f"{smallest} is {least:.3g}, which the solver would drop"
        raise CoefficientsOutOfRange(f"the coefficient of {fault}", ends)
    if most / least > MAX_COEFFICIENT_RATIO:
        fault = f"coefficients range from {least:.3g} ({smallest}) to {most:.3g} ({largest})"
        raise CoefficientsOutOfRange(f"{fault}, too far apart to be solved reliably", ends)


def _entry_names(program: LinearProgram, where: NDArray[np.bool_]) -> tuple[str, str]:
    """Names of the column and the row of the first entry of which something holds."""
    position = int(np.argmax(where))
    row = program.row_names[int(program.matrix.indices[position])]
    column = int(np.searchsorted(program.matrix.indptr, position, side="right")) - 1
    return program.column_names[column], row


def max_violation(program: LinearProgram, values: Floats) -> float:
    """Largest amount by which values break a row, a bound or the wholeness of a column."""
    activity = program.matrix @ values
    astray = np.abs(values - np.round(values))[program.integer]
    return max(
        float(np.max(excess, initial=0.0))
        for excess in (
            program.row_lower - activity,
            activity - program.row_upper,
            program.lower - values,
            values - program.upper,
            astray,
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
    """A linear program without integers from plain sequences, its rows and columns numbered."""
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
        integer=np.zeros(csc.shape[1], dtype=bool),
        row_names=[f"row {i}" for i in range(csc.shape[0])],
        column_names=[f"column {j}" for j in range(csc.shape[1])],
    )
