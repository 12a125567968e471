"""A mixed-integer linear program as arrays, and the data that the solver would misread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.errors import ModelRefused

LARGEST = 1e15
"""From here on HiGHS takes a number for infinite."""
SMALLEST = 1e-9
"""Up to this HiGHS drops a coefficient of the matrix."""
LARGEST_RANGE = 1e9
"""Largest ratio of two non-zero coefficients of the matrix that is trusted."""


@dataclass(frozen=True, eq=False)
class LinearProgram:
    """A mixed-integer linear program to be minimised, as arrays.

    ``rows`` and ``columns`` name each row and column for messages; ``matrix`` is a csc array
    (rows by columns); missing sides and bounds are infinite.
    """

    cost: NDArray[np.float64]
    offset: float
    matrix: Any
    row_lower: NDArray[np.float64]
    row_upper: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    integer: NDArray[np.bool_]
    rows: Sequence[str]
    columns: Sequence[str]

    @property
    def size(self) -> dict[str, int]:
        """Rows, columns, integer columns and non-zeros."""
        return {
            "rows": self.matrix.shape[0],
            "columns": self.matrix.shape[1],
            "integers": int(self.integer.sum()),
            "nonzeros": int(self.matrix.nnz),
        }

    def without_rows(self, dropped: NDArray[np.bool_]) -> LinearProgram:
        """The same program with some rows free."""
        return replace(
            self,
            row_lower=np.where(dropped, -np.inf, self.row_lower),
            row_upper=np.where(dropped, np.inf, self.row_upper),
        )

    def relaxation(self) -> LinearProgram:
        """The same program without integers."""
        return replace(self, integer=np.zeros_like(self.integer))

    def feasibility(self) -> LinearProgram:
        """The same program with nothing to minimise."""
        return replace(self, cost=np.zeros_like(self.cost), offset=0.0)


def check(program: LinearProgram) -> None:
    """Refuse data that the solver would misread, naming where it stands.

    Raises
    ------
    ModelRefused
        For non-finite numbers, numbers of 1e15 or more, coefficients up to 1e-9, and a range
        of coefficients above 1e9.
    """
    _check_vector(program.cost, program.columns, "the cost of")
    _check_vector(np.array([program.offset]), ["the objective"], "the constant of")
    for side in (program.row_lower, program.row_upper):
        _check_vector(side, program.rows, "a side of", infinite=True)
    for bound in (program.lower, program.upper):
        _check_vector(bound, program.columns, "a bound of", infinite=True)
    hopeless = np.isposinf(program.row_lower) | np.isneginf(program.row_upper)
    if hopeless.any():
        raise ModelRefused(f"{program.rows[int(np.argmax(hopeless))]} has a side nothing can meet")
    data = np.abs(program.matrix.data)
    if not data.size:
        return
    if not np.isfinite(data).all():
        raise ModelRefused(
            f"the coefficient of {_entry(program, ~np.isfinite(data))} is not finite"
        )
    if data.max() >= LARGEST:
        raise ModelRefused(
            f"the coefficient of {_entry(program, data == data.max())} is {data.max():.3g}, "
            f"which the solver would take for infinite"
        )
    if data.min() <= SMALLEST:
        raise ModelRefused(
            f"the coefficient of {_entry(program, data == data.min())} is {data.min():.3g}, "
            f"which the solver would drop"
        )
    if data.max() / data.min() > LARGEST_RANGE:
        raise ModelRefused(
            f"coefficients range from {data.min():.3g} ({_entry(program, data == data.min())}) to "
            f"{data.max():.3g} ({_entry(program, data == data.max())}), too far apart to be solved "
            f"reliably"
        )


def _check_vector(
    vector: NDArray[np.float64], names: Sequence[str], what: str, infinite: bool = False
) -> None:
    bad = np.isnan(vector) if infinite else ~np.isfinite(vector)
    if bad.any():
        raise ModelRefused(f"{what} {names[int(np.argmax(bad))]} is not a finite number")
    size = np.where(np.isfinite(vector), np.abs(vector), 0.0)
    if size.size and size.max() >= LARGEST:
        raise ModelRefused(f"{what} {names[int(np.argmax(size))]} is {size.max():.3g}, too large")


def _entry(program: LinearProgram, where: NDArray[np.bool_]) -> str:
    position = int(np.argmax(where))
    row = program.rows[int(program.matrix.indices[position])]
    column = int(np.searchsorted(program.matrix.indptr, position, side="right")) - 1
    return f"{program.columns[column]} in {row}"


def violation(program: LinearProgram, values: NDArray[np.float64]) -> float:
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


def arrays(
    cost: Sequence[float] | NDArray[np.float64],
    matrix: Any,
    row_lower: Sequence[float] | NDArray[np.float64],
    row_upper: Sequence[float] | NDArray[np.float64],
    lower: Sequence[float] | NDArray[np.float64],
    upper: Sequence[float] | NDArray[np.float64],
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
        rows=[f"row {i}" for i in range(csc.shape[0])],
        columns=[f"column {j}" for j in range(csc.shape[1])],
    )
