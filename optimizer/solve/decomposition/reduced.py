"""The first stage without what a linear program solved a thousand times need not carry.

Planned stock is defined by purchases (S2) and put in for them; a rule on one column is a bound of
it; rules that mostly hold by themselves wait outside until a solution breaks one.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.model import highs
from optimizer.model.commitment import Commitment
from optimizer.model.formulation import build_master, read_commitment, substitute_planned_stock
from optimizer.model.highs import LinearProgram, Substituted
from optimizer.model.instance import Floats, Instance
from optimizer.model.stacking import moved, stacked
from optimizer.model.together import Places, Together
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

    def read(self, x: Floats) -> Commitment:
        """The commitment in a solution of the reduced program."""
        self.compiled.load(self.reduced.expand(x))
        return read_commitment(self.instance, self.model)


@dataclass(frozen=True, eq=False)
class Frames:
    """The same of several sets of assumptions that one plan is made for, and of the paths of each:
    one of each part."""

    together: Together
    frames: tuple[Frame, ...]

    @classmethod
    def of(cls, together: Together, frames: Sequence[Frame | None]) -> Frame | Frames:
        """The frames of all sets, as far as they are there, and those that are not."""
        known = {own.instance: own for own in frames if own is not None}
        for part in together.parts:
            known.setdefault(part.instance, Frame(part.instance))
        parts = together.parts
        if len(parts) == 1 and together.adds_up and parts[0].path is None:
            return known[parts[0].instance]
        return cls(together, tuple(known[part.instance] for part in parts))

    @cached_property
    def reduced(self) -> Reduced:
        """The reduced programs as one."""
        return joined([own.reduced for own in self.frames], self.together)

    def read(self, x: Floats) -> Commitment:
        """The commitment in a solution, as all sets allow it."""
        of_first = zip(self.frames, self.reduced.columns, self.together.parts, strict=True)
        return self.together.decided(
            [own.read(x[at]) for own, at, part in of_first if not part.set]
        )


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
class Where:
    """Where the columns and rows of a part are, by component and index."""

    column: dict[Any, int]
    row: dict[Any, int]


@dataclass(frozen=True, eq=False)
class Reduced:
    """The reduced program, the rows that wait, and the way back."""

    program: LinearProgram
    waiting: sparse.csr_array  # rows of the full program that wait, at most ``upper``
    upper: Floats
    layout: Layout
    columns: tuple[Places, ...]  # of each part, where its own columns are
    costs: Floats  # (sets, columns) what the objective of each is
    offsets: Floats  # (sets) and its constant
    parts: tuple[Where, ...]
    _substituted: Substituted | None = None

    def expand(self, x: Floats) -> Floats:
        """Values of all columns of the full program."""
        assert self._substituted is not None
        return self._substituted.expand(x)

    @cached_property
    def group(self) -> Places:
        """Of the waiting rows: of each group the one broken most joins first. Storage limits of one
        stockpile go together, since periods of a year are much alike, and rules of several sets."""
        groups = [
            (rule, index[0] if rule == "storage_limit" else index)
            for rule, index, *_ in self.layout.waiting
        ]
        number = {key: n for n, key in enumerate(dict.fromkeys(groups))}
        return np.array([number[key] for key in groups], dtype=np.int64)

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
    program = replace(
        full,
        matrix=sparse.csc_array(rest[inside]),
        row_lower=lower[inside],
        row_upper=upper[inside],
        lower=bottom,
        upper=top,
        rows=highs.Some(full.rows, np.flatnonzero(inside)),
    )
    columns = [compiled.columns[int(c)] for c in kept]
    rows = [keys[int(r)] for r in np.flatnonzero(inside)]
    layout = Layout(columns, rows, [keys[int(r)] for r in outside])
    whole = np.arange(len(columns))
    where = Where(
        dict(zip(columns, whole.tolist(), strict=True)), {key: r for r, key in enumerate(rows)}
    )
    costs, offsets = program.cost[None], np.array([program.offset])
    alone = (whole,), costs, offsets, (where,)
    return Reduced(program, waiting, upper[outside], layout, *alone, substituted)


def joined(several: Sequence[Reduced], together: Together) -> Reduced:
    """The reduced programs of several parts as one."""
    layouts = [own.layout for own in several]
    whole = stacked(
        [own.program for own in several],
        [own.columns for own in layouts],
        [own.rows for own in layouts],
        together,
    )
    width, waiting = len(whole.columns), list[Any]()
    for k, own in enumerate(layouts):
        waiting += [(*key, k) for key in own.waiting]
    rows = [moved(own.waiting, at, width) for own, at in zip(several, whole.column, strict=True)]
    where = tuple(
        Where(
            {key: int(c) for key, c in zip(own.columns, at, strict=True)},
            {key: int(r) for key, r in zip(own.rows, of_rows, strict=True)},
        )
        for own, at, of_rows in zip(layouts, whole.column, whole.row, strict=True)
    )
    return Reduced(
        whole.program,
        sparse.csr_array(sparse.vstack(rows, format="csr")),
        np.concatenate([own.upper for own in several]),
        Layout(whole.columns, whole.rows, waiting),
        whole.column,
        whole.costs,
        whole.offsets,
        where,
    )


def _bounded(top: Floats, waiting: sparse.csr_array, upper: Floats) -> Floats:
    """Upper bounds of columns, by rows that wait where nothing else bounds them, or a solution
    could be without bound for want of the rows."""
    row = np.repeat(np.arange(waiting.shape[0]), np.diff(waiting.indptr))
    mixed = np.unique(row[waiting.data < 0])
    own = ~np.isin(row, mixed) & np.isinf(top[waiting.indices])
    bounded = top.copy()
    np.minimum.at(bounded, waiting.indices[own], upper[row[own]] / waiting.data[own])
    return bounded
