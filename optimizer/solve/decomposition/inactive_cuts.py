"""Cuts that are kept outside the solver."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import sparse

from optimizer.model.instance import Floats
from optimizer.solve.decomposition.cuts import Cut, CutRow, rows_to_matrix


class InactiveCuts:
    """Cuts that are kept outside the solver until a solution violates them.

    ``violation_scale`` returns, for the lower sides of cuts, the scale in which their violations
    are measured.
    """

    def __init__(self, column_count: int, violation_scale: Callable[[Floats], Floats]) -> None:
        self._column_count, self._violation_scale = column_count, violation_scale
        self._cut_rows: list[tuple[Cut, CutRow]] = []
        self._is_stored = np.zeros(0, dtype=bool)
        self._bounded_column = np.zeros(0, dtype=np.int64)  # column that each cut bounds
        self._sides = np.zeros(0)
        self._rows = sparse.csr_array((0, column_count))

    def add(self, new_cuts: Sequence[tuple[Cut, CutRow, int]]) -> None:
        """Add cuts, each with its row and the column that it bounds. Cuts that were taken out
        before are removed from memory."""
        if not new_cuts:
            return
        stored = np.flatnonzero(self._is_stored)
        self._cut_rows = [self._cut_rows[n] for n in stored] + [
            (cut, row) for cut, row, _ in new_cuts
        ]
        self._bounded_column = np.concatenate(
            [self._bounded_column[stored], [column for _, _, column in new_cuts]]
        )
        rows = [row for _, row in self._cut_rows]
        self._is_stored = np.ones(len(rows), dtype=bool)
        self._sides = np.array([row[2] for row in rows])
        self._rows = rows_to_matrix(rows, self._column_count)

    def take_violated(self, x: Floats, min_violation: float) -> list[tuple[Cut, CutRow]]:
        """Remove and return cuts that ``x`` violates by more than ``min_violation``, relative to
        their scale.

        Only the most violated cut on each bounded column is taken, since the next solution rarely
        needs the others.
        """
        if not self._is_stored.any():
            return []
        excess = self._sides - self._rows @ x
        deep = self._is_stored & (excess > min_violation * self._violation_scale(self._sides))
        violated = np.flatnonzero(deep)
        violated = violated[np.argsort(-excess[violated], kind="stable")]
        _, deepest = np.unique(self._bounded_column[violated], return_index=True)
        taken = np.sort(violated[deepest])
        self._is_stored[taken] = False
        return [self._cut_rows[n] for n in taken]

    def stored_cuts(self) -> list[Cut]:
        """Return the cuts that have not been taken out."""
        return [self._cut_rows[n][0] for n in np.flatnonzero(self._is_stored)]
