"""Programs of several sets of assumptions as one.

Decisions are columns that all sets share; what follows from them, and the rules that hold, each set
has of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from optimizer.model.highs import Compiled, LinearProgram, Substituted
from optimizer.model.instance import Floats
from optimizer.model.together import Places, Together

Key = tuple[Any, ...]

SHARED = ("start", "takes_part", "share", "market", "offtake", "floored", "buy")
"""Columns of decisions, which mean the same under all assumptions."""
REQUIRED = ("start", "share", "market", "offtake", "buy")
"""Those that are nought where a set lacks them: there nobody may decide on it."""
MOST = ("most", "all")
"""The column that the objectives of all sets are below, where the worst counts."""


@dataclass(frozen=True, eq=False)
class Stacked:
    """Programs of all sets as one. ``columns`` and ``rows`` name it by component and index, and by
    the number of the set where they are its own; ``column`` and ``row`` are where those of each
    set's program stand in it."""

    program: LinearProgram
    columns: list[Key]
    rows: list[Key]
    column: tuple[Places, ...]
    row: tuple[Places, ...]
    costs: Floats  # (sets, columns) what each set's objective is
    offsets: Floats


def stacked(
    programs: Sequence[LinearProgram],
    columns: Sequence[Sequence[Key]],
    rows: Sequence[Sequence[Key]],
    together: Together,
) -> Stacked:
    """Programs of sets, whose columns and rows have these keys, as one: shared columns stand once,
    within the bounds of all, and rows on nothing else that say the same."""
    if len(programs) == 1 and together.adds_up:
        only, of_columns, of_rows = programs[0], list(columns[0]), list(rows[0])
        alone = (np.arange(len(of_columns)),), (np.arange(len(of_rows)),)
        costs, offsets = only.cost[None], np.array([only.offset])
        return Stacked(only, of_columns, of_rows, *alone, costs, offsets)
    place: dict[Key, int] = {}
    keys: list[Key] = []
    column: list[Places] = []
    for k, of_set in enumerate(columns):
        at = np.zeros(len(of_set), dtype=np.int64)
        for c, key in enumerate(of_set):
            shared = key[0] in SHARED
            if shared and key in place:
                at[c] = place[key]
                continue
            at[c] = len(keys)
            if shared:
                place[key] = len(keys)
            keys.append(key if shared else (*key, k))
        column.append(at)
    keys += [] if together.adds_up else [MOST]
    width = len(keys)
    lower, upper = np.full(width, -np.inf), np.full(width, np.inf)
    integer = np.zeros(width, dtype=np.int64)
    cost, offset = np.zeros(width), 0.0
    costs = np.zeros((len(programs), width))
    required = np.array([key[0] in REQUIRED and len(key) == 2 for key in keys], dtype=bool)
    for k, (own, at) in enumerate(zip(programs, column, strict=True)):
        lower[at], upper[at] = np.maximum(lower[at], own.lower), np.minimum(upper[at], own.upper)
        integer[at] += own.integer
        costs[k, at] = own.cost
        lacking = required.copy()
        lacking[at] = False
        upper[lacking] = np.minimum(upper[lacking], 0.0)
    offsets = np.array([own.offset for own in programs])
    common = np.array([len(key) == 2 for key in keys], dtype=bool)
    said: dict[Any, int] = {}
    row: list[Places] = []
    row_keys: list[Key] = []
    parts: list[Any] = []
    kept: list[Places] = []
    for k, (own, at) in enumerate(zip(programs, column, strict=True)):
        part = moved(own.matrix, at, width)
        places, chosen = np.zeros(part.shape[0], dtype=np.int64), list[int]()
        for r in range(part.shape[0]):
            entries = slice(part.indptr[r], part.indptr[r + 1])
            if common[part.indices[entries]].all():
                numbers = part.indices[entries].tobytes(), part.data[entries].tobytes()
                says = (*rows[k][r], *numbers, own.row_lower[r], own.row_upper[r])
                if says in said:
                    places[r] = said[says]
                    continue
                said[says] = len(row_keys)
            places[r] = len(row_keys)
            row_keys.append((*rows[k][r], k))
            chosen.append(r)
        row.append(places)
        kept.append(np.array(chosen, dtype=np.int64))
        parts.append(part[kept[-1]])
    sides = [
        np.concatenate([getattr(own, side)[at] for own, at in zip(programs, kept, strict=True)])
        for side in ("row_lower", "row_upper")
    ]
    if together.adds_up:
        cost, offset = together.weights @ costs, float(together.weights @ offsets)
    else:
        # That column is no less than what each objective is above what it is compared with.
        cost[-1], most = 1.0, -costs
        most[:, -1] = 1.0
        parts.append(sparse.csr_array(most))
        sides[0] = np.concatenate([sides[0], offsets - together.best])
        sides[1] = np.concatenate([sides[1], np.full(len(programs), np.inf)])
        row_keys += [("most_of", k) for k in range(len(programs))]
    program = LinearProgram(
        cost=cost,
        offset=offset,
        matrix=sparse.csc_array(sparse.vstack(parts, format="csc")),
        row_lower=sides[0],
        row_upper=sides[1],
        lower=lower,
        upper=upper,
        integer=integer > 0,
        rows=_Names(row_keys),
        columns=_Names(keys),
    )
    return Stacked(program, keys, row_keys, tuple(column), tuple(row), costs, offsets)


def stacked_models(
    several: Sequence[Compiled], left: Sequence[Substituted], together: Together
) -> Stacked:
    """Models of sets, of which this is left once defined columns are put in for, as one program."""
    columns = [
        [own.columns[int(c)] for c in kept.kept] for own, kept in zip(several, left, strict=True)
    ]
    return stacked([own.program for own in left], columns, [own.rows for own in several], together)


def moved(matrix: Any, at: Places, width: int) -> sparse.csr_array:
    """A matrix whose columns stand elsewhere among so many."""
    own = sparse.coo_array(matrix)
    return sparse.csr_array((own.data, (own.row, at[own.col])), shape=(own.shape[0], width))


class _Names(Sequence[str]):
    """Names for messages, made of keys only when they are asked for."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self._keys = keys

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, position: Any) -> Any:
        name, index = self._keys[position][:2]
        parts = index if isinstance(index, tuple) else (index,)
        return f"{name}[{','.join(map(str, parts))}]"
