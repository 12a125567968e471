"""The first stage without what a linear program solved a thousand times need not carry.

Planned stock is defined by purchases (S2) and put in for them; a rule on one column is a bound of
it; rules that mostly hold by themselves wait outside until a solution breaks one.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.model import highs
from optimizer.model.formulation import build_master, substitute_planned_stock
from optimizer.model.highs import LinearProgram, Substituted
from optimizer.model.instance import Floats, Instance
from optimizer.solve.decomposition.tree import Layout

WAITING = (
    "share_needs_start",
    "market_finance_limit",
    "offtake_limit",
    "public_share_limit",
    "storage_limit",
)  # rules that wait outside


@dataclass(frozen=True, eq=False)
class Frame:
    """The master without any cut, compiled once it is asked for: alike whatever the states are, so
    that problems which differ in their states alone can share one."""

    instance: Instance

    @cached_property
    def model(self) -> Any:
        """In Pyomo."""
        with _nothing_collected():
            return build_master(self.instance)

    @cached_property
    def compiled(self) -> highs.Compiled:
        """All columns and rows."""
        model = self.model
        with _nothing_collected():
            return highs.compile_model(model)

    @cached_property
    def reduced(self) -> Reduced:
        """Those that the solver gets."""
        return reduce(self.compiled)


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Without the collection of garbage that many new objects set off: none of them is any yet, and
    to look through all that a session holds takes longer than to build a model."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@dataclass(frozen=True, eq=False)
class Reduced:
    """The reduced program, the rows that wait, and the way back."""

    program: LinearProgram
    row: NDArray[np.int64]  # of the program, for each row of the full one; -1 where it has none
    column: NDArray[np.int64]  # the same of the columns
    waiting: sparse.csr_array  # rows of the full program that wait, at most ``upper``
    upper: Floats
    group: NDArray[np.int64]  # of the waiting rows: of each group the one broken most joins first
    layout: Layout
    _substituted: Substituted

    def expand(self, x: Floats) -> Floats:
        """Values of all columns."""
        return self._substituted.expand(x)

    def broken(self, x: Floats, factor: Floats, tolerance: float) -> NDArray[np.int64]:
        """Waiting rows that a solution breaks, each scaled by a factor; of each group the one it
        breaks most."""
        excess = (self.waiting @ x - self.upper) * factor
        broken = np.flatnonzero(excess > tolerance)
        broken = broken[np.argsort(-excess[broken], kind="stable")]
        _, first = np.unique(self.group[broken], return_index=True)
        return np.sort(broken[first])


def reduce(compiled: highs.Compiled) -> Reduced:
    """Reduce a compiled master."""
    keys = compiled.rows
    rules = np.array([rule for rule, _ in keys])
    substituted = substitute_planned_stock(compiled)
    full, kept = highs.tightened(substituted.program), substituted.kept
    rest = sparse.csr_array(full.matrix)
    lower, upper, bottom, top = full.row_lower, full.row_upper, full.lower, full.upper
    definition = np.zeros(len(rules), dtype=bool)
    definition[substituted.definitions] = True

    waits = np.isin(rules, WAITING)
    single = (np.diff(rest.indptr) == 1) & ~waits
    single[rules == "start_once"] = False  # the search sets its sides
    for r in np.flatnonzero(single):
        c, entry = rest.indices[rest.indptr[r]], rest.data[rest.indptr[r]]
        sides = sorted((lower[r] / entry, upper[r] / entry))
        bottom[c], top[c] = max(bottom[c], sides[0]), min(top[c], sides[1])
    outside = np.flatnonzero(waits)
    waiting = sparse.csr_array(rest[outside])
    top = _bounded(top, waiting, upper[outside])
    inside = ~waits & ~single & ~definition
    row = np.full(len(rules), -1, dtype=np.int64)
    row[inside] = np.arange(inside.sum())
    column = np.full(len(compiled.variables), -1, dtype=np.int64)
    column[kept] = np.arange(len(kept))
    program = replace(
        full,
        matrix=sparse.csc_array(rest[inside]),
        row_lower=lower[inside],
        row_upper=upper[inside],
        lower=bottom,
        upper=top,
        rows=highs.Some(full.rows, np.flatnonzero(inside)),
    )
    # Storage limits of one stockpile go together: periods of a year are much alike.
    own = [keys[int(r)] for r in outside]
    groups = [index[0] if rule == "storage_limit" else (rule, index) for rule, index in own]
    number = {key: n for n, key in enumerate(dict.fromkeys(groups))}
    group = np.array([number[key] for key in groups], dtype=np.int64)
    columns = [compiled.columns[int(c)] for c in kept]
    layout = Layout(columns, [keys[int(r)] for r in np.flatnonzero(inside)], own)
    return Reduced(program, row, column, waiting, upper[outside], group, layout, substituted)


def _bounded(top: Floats, waiting: sparse.csr_array, upper: Floats) -> Floats:
    """Upper bounds of columns, by rows that wait where nothing else bounds them, or a solution
    could be without bound for want of the rows."""
    row = np.repeat(np.arange(waiting.shape[0]), np.diff(waiting.indptr))
    mixed = np.unique(row[waiting.data < 0])
    own = ~np.isin(row, mixed) & np.isinf(top[waiting.indices])
    bounded = top.copy()
    np.minimum.at(bounded, waiting.indices[own], upper[row[own]] / waiting.data[own])
    return bounded
