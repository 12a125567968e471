"""The first stage without what a linear program solved a thousand times need not carry.

Planned stock is defined by purchases (S2) and put in for them; a rule on one column is a bound of
it; rules that mostly hold by themselves wait outside until a solution breaks one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import linalg

from optimizer.highs import SMALLEST, Compiled, LinearProgram
from optimizer.instance import Floats

WAITING = (
    "share_needs_start",
    "market_finance_limit",
    "offtake_limit",
    "public_share_limit",
    "storage_limit",
)
"""Rules that wait outside."""

DUST = 1e-12
"""Entries that substitution leaves by rounding, as a share of the largest of their row."""


@dataclass(frozen=True, eq=False)
class Reduced:
    """The reduced program, the rows that wait, and the way back."""

    program: LinearProgram
    row: NDArray[np.int64]
    """Row of the reduced program for each row of the full one; -1 where it has none."""
    column: NDArray[np.int64]
    """The same of the columns."""
    waiting: sparse.csr_array
    """Rows that wait, at most ``upper``."""
    upper: Floats
    group: NDArray[np.int64]
    """Of the waiting rows: of each group the one broken most joins first."""
    _kept: NDArray[np.int64]
    _defined: NDArray[np.int64]
    _by_kept: sparse.csr_array
    _constant: Floats

    def expand(self, x: Floats) -> Floats:
        """Values of all columns."""
        full = np.zeros(len(self._kept) + len(self._defined))
        full[self._kept] = x
        full[self._defined] = np.maximum(self._by_kept @ x + self._constant, 0.0)
        return full

    def broken(self, x: Floats, tolerance: float) -> NDArray[np.int64]:
        """Waiting rows that a solution breaks, of each group the one it breaks most."""
        excess = self.waiting @ x - self.upper
        broken = np.flatnonzero(excess > tolerance)
        broken = broken[np.argsort(-excess[broken], kind="stable")]
        _, first = np.unique(self.group[broken], return_index=True)
        return np.sort(broken[first])


def reduce(compiled: Compiled) -> Reduced:
    """Reduce a compiled master."""
    full = compiled.program
    rules = np.array([_name(c) for c in compiled.constraints])
    names = np.array([_name(v) for v in compiled.variables])
    defined = np.flatnonzero(names == "planned")
    kept = np.flatnonzero(names != "planned")
    definitions = np.flatnonzero(rules == "planned_stock_definition")
    matrix = sparse.csr_array(full.matrix)
    by_kept, constant = _solved(matrix, full.row_lower, definitions, defined, kept)
    rest = sparse.csr_array(matrix[:, kept] + matrix[:, defined] @ by_kept)
    shift = matrix[:, defined] @ constant
    lower, upper = full.row_lower - shift, full.row_upper - shift
    cost = full.cost[kept] + by_kept.T @ full.cost[defined]
    offset = full.offset + float(full.cost[defined] @ constant)
    rest = _without_dust(rest)
    bottom, top = full.lower[kept].copy(), full.upper[kept].copy()

    waits = np.isin(rules, WAITING)
    single = (np.diff(rest.indptr) == 1) & ~waits
    single[definitions] = False
    single[rules == "start_once"] = False  # the search sets its sides
    for r in np.flatnonzero(single):
        c, entry = rest.indices[rest.indptr[r]], rest.data[rest.indptr[r]]
        sides = sorted((lower[r] / entry, upper[r] / entry))
        bottom[c], top[c] = max(bottom[c], sides[0]), min(top[c], sides[1])
    inside = ~waits & ~single
    inside[definitions] = False
    row = np.full(len(rules), -1, dtype=np.int64)
    row[inside] = np.arange(inside.sum())
    column = np.full(len(names), -1, dtype=np.int64)
    column[kept] = np.arange(len(kept))
    program = replace(
        full,
        cost=np.asarray(cost),
        offset=offset,
        matrix=sparse.csc_array(rest[inside]),
        row_lower=lower[inside],
        row_upper=upper[inside],
        lower=bottom,
        upper=top,
        integer=full.integer[kept],
        rows=[full.rows[int(r)] for r in np.flatnonzero(inside)],
        columns=[full.columns[int(c)] for c in kept],
    )
    outside = np.flatnonzero(waits)
    groups = [_group(compiled.constraints[int(r)]) for r in outside]
    number = {key: n for n, key in enumerate(dict.fromkeys(groups))}
    return Reduced(
        program=program,
        row=row,
        column=column,
        waiting=sparse.csr_array(rest[outside]),
        upper=upper[outside],
        group=np.array([number[key] for key in groups], dtype=np.int64),
        _kept=kept,
        _defined=defined,
        _by_kept=by_kept,
        _constant=constant,
    )


def _name(component: Any) -> str:
    return str(component.parent_component().local_name)


def _group(rule: Any) -> tuple[Any, ...]:
    """Storage limits of one stockpile go together: periods of a year are much alike."""
    index = rule.index()
    return ("storage", index[0]) if _name(rule) == "storage_limit" else (id(rule),)


def _solved(
    matrix: sparse.csr_array,
    sides: Floats,
    definitions: NDArray[np.int64],
    defined: NDArray[np.int64],
    kept: NDArray[np.int64],
) -> tuple[sparse.csr_array, Floats]:
    """Columns that equality rows define, as a matrix by the other columns and a constant."""
    if not len(defined):
        return sparse.csr_array((0, len(kept))), np.zeros(0)
    own = sparse.csc_array(matrix[definitions][:, defined])
    factor = linalg.splu(own, permc_spec="NATURAL")
    others = matrix[definitions][:, kept]
    used = np.flatnonzero(np.diff(sparse.csc_array(others).indptr))
    by_used = -factor.solve(sparse.csc_array(others)[:, used].toarray())
    spread = sparse.csr_array(
        (np.ones(len(used)), (np.arange(len(used)), used)), shape=(len(used), len(kept))
    )
    solved = sparse.csr_array(sparse.csr_array(by_used) @ spread)
    return _without_dust(solved), factor.solve(sides[definitions])


def _without_dust(matrix: sparse.csr_array) -> sparse.csr_array:
    """Without entries that are rounding: a share of the largest of their row too small to mean
    anything, or too small for the solver."""
    matrix = sparse.csr_array(matrix)
    matrix.sum_duplicates()
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    largest = np.zeros(matrix.shape[0])
    np.maximum.at(largest, row, np.abs(matrix.data))
    matrix.data[np.abs(matrix.data) <= np.maximum(DUST * largest[row], SMALLEST)] = 0.0
    matrix.eliminate_zeros()
    return matrix
