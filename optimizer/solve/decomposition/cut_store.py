"""Cuts at hand outside the solver: too many to carry, quick to look through."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.model.instance import Floats
from optimizer.solve.decomposition.cuts import Cut

Row = tuple[NDArray[np.int32], Floats, float]
"""Columns, entries and left side of a cut."""


class Shelf:
    """Rows of cuts, and which of them are still there.

    ``size_of`` tells by left sides how large a violation of each row has to be to count as one.
    """

    def __init__(self, columns: int, size_of: Callable[[Floats], Floats]) -> None:
        self._columns, self._size_of = columns, size_of
        self._own: list[tuple[Cut, Row]] = []
        self._here = np.zeros(0, dtype=bool)
        self._ahead = np.zeros(0, dtype=np.int64)
        """Column that each bounds."""
        self._sides = np.zeros(0)
        self._rows = sparse.csr_array((0, columns))

    def put(self, new: Sequence[tuple[Cut, Row, int]]) -> None:
        """Add cuts, each with its row and the column it bounds; forget those that were taken."""
        if not new:
            return
        kept = np.flatnonzero(self._here)
        self._own = [self._own[n] for n in kept] + [(cut, row) for cut, row, _ in new]
        self._ahead = np.concatenate([self._ahead[kept], [ahead for _, _, ahead in new]])
        rows = [row for _, row in self._own]
        self._here = np.ones(len(rows), dtype=bool)
        self._sides = np.array([row[2] for row in rows])
        self._rows = sparse.csr_array(
            (
                np.concatenate([row[1] for row in rows]),
                np.concatenate([row[0] for row in rows]),
                np.cumsum([0, *(len(row[0]) for row in rows)]),
            ),
            shape=(len(rows), self._columns),
        )

    def take(self, x: Floats, least: float) -> list[tuple[Cut, Row]]:
        """Those that ``x`` violates by more than ``least`` of their side: the deepest for each
        column that cuts bound, since the next solution needs few of the others."""
        if not self._here.any():
            return []
        excess = self._sides - self._rows @ x
        deep = self._here & (excess > least * self._size_of(self._sides))
        violated = np.flatnonzero(deep)
        violated = violated[np.argsort(-excess[violated], kind="stable")]
        _, deepest = np.unique(self._ahead[violated], return_index=True)
        taken = np.sort(violated[deepest])
        self._here[taken] = False
        return [self._own[n] for n in taken]

    def cuts(self) -> list[Cut]:
        """Those that are there."""
        return [self._own[n][0] for n in np.flatnonzero(self._here)]
