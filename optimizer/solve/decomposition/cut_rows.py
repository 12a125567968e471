"""Rows of cuts in the master problem, and cuts that are kept outside the solver."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.model.instance import Floats, Instance
from optimizer.solve.decomposition.cuts import Cut, CutColumns, CutRow, rows_to_matrix
from optimizer.solve.recourse import Subgradient

# Smaller coefficients of a cut, in the solver's units, are rounded up or dropped.
MIN_COEFFICIENT = 1e-8
SMALL_SHARE_EXPONENT, MIN_SHARE_EXPONENT = -7, -40
"""Exponents of two: an offtake column gets a smaller unit if a share below the first covers all
use; no unit is below the second, since the solver rejects larger ratios."""
ROUNDING_COEFFICIENT = 1e-12
"""Smaller coefficients are rounding errors. Rounded up, those of unbounded columns could make an
absurdly large value worthwhile."""


def offtake_unit(instance: Instance, p: str) -> float:
    """Return the unit of a project's offtake columns, a power of two; NaN for the usual unit.

    A unit differs from the usual one only for a very large project. It is then the share of output
    that covers all useful lots, as a geometric mean over the materials with damage.
    """
    log_covers = [
        math.log2(float(instance.max_useful_lots[m].max()) / lots)
        for m, lots in instance.projects[p].output.items()
        if m in instance.materials_with_damage
    ]
    exponent = math.fsum(log_covers) / max(1, len(log_covers))
    return (
        2.0 ** max(round(exponent), MIN_SHARE_EXPONENT)
        if exponent < SMALL_SHARE_EXPONENT
        else math.nan
    )


def merge_coefficients(
    terms: Sequence[tuple[CutColumns, Subgradient]],
) -> tuple[NDArray[np.int32], Floats]:
    """Return the columns of a cut and their coefficients, summed over the terms of its nodes."""
    parts = [cut_columns.coefficients(subgradient) for cut_columns, subgradient in terms]
    if len(terms) == 1:
        return terms[0][0].columns, parts[0]
    # includes an empty list, since there may be no node
    column_lists = [np.zeros(0, np.int32), *(cut_columns.columns for cut_columns, _ in terms)]
    columns, column_index = np.unique(np.concatenate(column_lists), return_inverse=True)
    entries = np.bincount(column_index, np.concatenate([[], *parts]), len(columns))
    return columns.astype(np.int32), entries.astype(float)


def without_tiny_coefficients(
    entries: Floats, max_values: Floats, units: Floats, factor: float, objective_unit: float
) -> tuple[Floats, float, bool]:
    """Replace coefficients of a cut that are so small that the solver would drop them, since the
    cut might become invalid. Return the coefficients, by how much the right-hand side of the cut
    falls, and whether that depends on bounds of columns.

    Either the coefficient is set to 0, and the right-hand side falls by the largest possible value
    of its term; or the coefficient is raised to the smallest one that the solver keeps.
    """
    solver_units = units * factor
    is_small = (entries != 0) & (entries * solver_units < MIN_COEFFICIENT)
    is_dropped = is_small & np.isfinite(max_values)
    is_dropped[is_dropped] = entries[is_dropped] * max_values[is_dropped] * factor < MIN_COEFFICIENT
    lost_amount = float(np.maximum(entries[is_dropped], 0.0) @ max_values[is_dropped])
    entries[is_dropped] = 0.0
    is_adjusted = is_small & ~is_dropped
    relative_units = units[is_adjusted] / objective_unit
    is_rounding_error = entries[is_adjusted] * relative_units < ROUNDING_COEFFICIENT
    entries[is_adjusted] = np.where(
        is_rounding_error, 0.0, MIN_COEFFICIENT / solver_units[is_adjusted]
    )
    return entries, lost_amount, bool(is_dropped.any())


class InactiveCuts:
    """Cuts that are kept outside the solver until a solution violates them.

    ``violation_scale`` returns, for the right-hand sides of cuts, the scale in which their
    violations are measured.
    """

    def __init__(self, column_count: int, violation_scale: Callable[[Floats], Floats]) -> None:
        self._column_count, self._violation_scale = column_count, violation_scale
        self._cut_rows: list[tuple[Cut, CutRow]] = []
        self._is_stored = np.zeros(0, dtype=bool)
        self._bounded_column = np.zeros(0, dtype=np.int64)  # column that each cut bounds
        self._rhs = np.zeros(0)
        self._rows = sparse.csr_array((0, column_count))

    def add(self, new_cuts: Sequence[tuple[Cut, CutRow, int]]) -> None:
        """Add cuts, each with its row and the column that it bounds. Cuts that were taken out
        before are removed from memory."""
        if not new_cuts:
            return
        stored_indices = np.flatnonzero(self._is_stored)
        self._cut_rows = [self._cut_rows[n] for n in stored_indices] + [
            (cut, row) for cut, row, _ in new_cuts
        ]
        self._bounded_column = np.concatenate(
            [self._bounded_column[stored_indices], [column for _, _, column in new_cuts]]
        )
        rows = [row for _, row in self._cut_rows]
        self._is_stored = np.ones(len(rows), dtype=bool)
        self._rhs = np.array([row[2] for row in rows])
        self._rows = rows_to_matrix(rows, self._column_count)

    def take_violated(self, x: Floats, min_violation: float) -> list[tuple[Cut, CutRow]]:
        """Remove and return cuts that ``x`` violates by more than ``min_violation``, relative to
        their scale.

        Only the most violated cut on each bounded column is taken, since the next solution rarely
        needs the others.
        """
        if not self._is_stored.any():
            return []
        excess = self._rhs - self._rows @ x
        is_violated = self._is_stored & (excess > min_violation * self._violation_scale(self._rhs))
        violated_indices = np.flatnonzero(is_violated)
        violated_indices = violated_indices[np.argsort(-excess[violated_indices], kind="stable")]
        _, deepest_positions = np.unique(self._bounded_column[violated_indices], return_index=True)
        taken_indices = np.sort(violated_indices[deepest_positions])
        self._is_stored[taken_indices] = False
        return [self._cut_rows[n] for n in taken_indices]

    def stored_cuts(self) -> list[Cut]:
        """Return the cuts that have not been taken out."""
        return [self._cut_rows[n][0] for n in np.flatnonzero(self._is_stored)]
