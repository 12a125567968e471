"""Layout of master problems, and what refers to it: bounds on variables, and dual proofs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.model.decision_tree import Integers
from optimizer.model.instance import Floats
from optimizer.solve.decomposition.cuts import Cut, CutRow

ExtraRow = Cut | int | CutRow
"""A row beyond the program's own: a cut, the index of a lazy row, or a row derived from a cut."""


BasisStatuses = NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class DualProof:
    """Dual multipliers that prove a bound, for the rows of the program and for cuts and lazy rows,
    and the basis that they come from.

    Extra rows are basic unless they have a multiplier.
    """

    base_duals: Floats  # (R) rows of the program
    extra_rows: tuple[ExtraRow, ...]
    extra_duals: Floats
    row_statuses: BasisStatuses  # (R)
    column_statuses: BasisStatuses


@dataclass(frozen=True, eq=False)
class ProgramLayout:
    """Columns and rows of a program by component and index. Dual proofs can be reused where these
    agree."""

    columns: Sequence[Any]
    rows: Sequence[Any]
    lazy_rows: Sequence[Any]


@dataclass(frozen=True, eq=False)
class VariableBounds:
    """Bounds on the starts and tickets at one node of the search tree.

    Start arrays have one entry for each project, or one for each review branch if the project may
    start after the review; ticket arrays have one entry for each ticket. A project may start at the
    indices ``first_start`` to ``last_start`` of its start years, and must start if ``must_start``
    is 1. A ticket is taken if ``min_ticket`` is 1, and not taken if ``max_ticket`` is 0.
    """

    first_start: Integers
    last_start: Integers
    must_start: Integers
    min_ticket: Integers
    max_ticket: Integers

    def with_project_bounds(
        self, p: int, first_start: int, last_start: int, must_start: int
    ) -> VariableBounds:
        """Return a copy in which one project may start only at the given indices. The range from 1
        to 0 stands for never."""
        values = np.array([self.first_start, self.last_start, self.must_start])
        values[:, p] = first_start, last_start, must_start
        return replace(self, first_start=values[0], last_start=values[1], must_start=values[2])

    def with_fixed_starts(self, start_indices: Integers) -> VariableBounds:
        """Return a copy in which each project is fixed to one start index; -1 stands for never."""
        is_started = start_indices >= 0
        first_start = np.where(is_started, start_indices, 1)
        last_start = np.where(is_started, start_indices, 0)
        return replace(
            self,
            first_start=first_start,
            last_start=last_start,
            must_start=is_started.astype(np.int64),
        )
