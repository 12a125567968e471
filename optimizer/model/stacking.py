"""Programs of several sets of assumptions, and of paths after a review, as one.

Decisions are columns that all sets share, and until the review all paths; what follows from them,
and the rules that hold, each part has of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from optimizer.model.highs import Compiled, LinearProgram, Substituted
from optimizer.model.instance import Floats, Instance
from optimizer.model.together import Part, Places, Together

Key = tuple[Any, ...]

SHARED = ("start", "takes_part", "share", "market", "offtake", "floored", "buy")
"""Columns of decisions, which mean the same under all assumptions."""
REQUIRED = ("start", "share", "market", "offtake", "buy")
"""Those that are nought where a set lacks them: there nobody may decide on it."""
MOST = ("most", "all")
"""The column that the objectives of all sets are below, where the worst counts."""
OF_SET = ("eta", "worst", "tail_cost")
"""Columns of the mean of the worst states, which are those of a set whatever path they go."""


@dataclass(frozen=True, eq=False)
class Stacked:
    """Programs of all parts as one. ``columns`` and ``rows`` name it by component and index, and
    by whose they are where they are not of all; ``column`` and ``row`` are where those of each
    part's program stand in it."""

    program: LinearProgram
    columns: list[Key]
    rows: list[Key]
    column: tuple[Places, ...]
    row: tuple[Places, ...]
    costs: Floats  # (sets, columns) what each set's objective is
    offsets: Floats


def year_decided(instance: Instance, key: Key) -> int:
    """The year in which a column of a decision is decided; of a ticket the last it may be."""
    name, index = key[:2]
    if name == "takes_part":
        return max(instance.projects[index[0]].starts, default=0)
    return int(index[-1] if name in ("start", "share", "market", "buy") else index[1])


def named(part: Part, key: Key) -> tuple[Key, Any]:
    """The name of a part's column among those of all parts, and what it may be shared by: all, a
    path or a set; nothing where it is the part's own."""
    if key[0] in SHARED:
        if part.path is None or part.instance.decided_early(year_decided(part.instance, key)):
            return key, "all"
        return (*key, ("path", part.path)), part.path
    if part.path is None:
        return (*key, part.set), None
    if key[0] in OF_SET:
        return (*key, part.set), ("set", part.set)
    return (*key, (part.set, part.path)), None


def stacked(
    programs: Sequence[LinearProgram],
    columns: Sequence[Sequence[Key]],
    rows: Sequence[Sequence[Key]],
    together: Together,
) -> Stacked:
    """Programs of parts, whose columns and rows have these keys, as one: shared columns stand once,
    within the bounds of all, and rows on nothing else that say the same."""
    parts = together.parts
    if len(programs) == 1 and together.adds_up and parts[0].path is None:
        only, of_columns, of_rows = programs[0], list(columns[0]), list(rows[0])
        alone = (np.arange(len(of_columns)),), (np.arange(len(of_rows)),)
        costs, offsets = only.cost[None], np.array([only.offset])
        return Stacked(only, of_columns, of_rows, *alone, costs, offsets)
    place: dict[Key, int] = {}
    keys: list[Key] = []
    shared_by: list[Any] = []
    column: list[Places] = []
    for part, of_part in zip(parts, columns, strict=True):
        at = np.zeros(len(of_part), dtype=np.int64)
        for c, key in enumerate(of_part):
            name, shared = named(part, key)
            if shared is not None and name in place:
                at[c] = place[name]
                continue
            at[c] = place[name] = len(keys)  # columns of two states may have one name
            keys.append(name)
            shared_by.append(shared)
        column.append(at)
    keys += [] if together.adds_up else [MOST]
    width, sets = len(keys), len(together.instances)
    lower, upper = np.full(width, -np.inf), np.full(width, np.inf)
    integer = np.zeros(width, dtype=np.int64)
    cost, offset = np.zeros(width), 0.0
    costs, offsets = np.zeros((sets, width)), np.zeros(sets)
    of_all, of_path = (
        np.array([ok(own) for own in shared_by] + [False] * (width - len(shared_by)), dtype=bool)
        for ok in (lambda own: own == "all", lambda own: isinstance(own, int))
    )
    required = np.array([key[0] in REQUIRED for key in keys], dtype=bool)
    for part, own, at in zip(parts, programs, column, strict=True):
        lower[at], upper[at] = np.maximum(lower[at], own.lower), np.minimum(upper[at], own.upper)
        integer[at] += own.integer
        costs[part.set, at] += part.chance * own.cost
        offsets[part.set] += part.chance * own.offset
        here = [of == part.path for of in shared_by] if part.path is not None else []
        lacking = required & (of_all | np.array([*here, *[False] * (width - len(here))]))
        lacking[at] = False
        upper[lacking] = np.minimum(upper[lacking], 0.0)
    common = of_all | of_path
    said: dict[Any, int] = {}
    row: list[Places] = []
    row_keys: list[Key] = []
    matrices: list[Any] = []
    kept: list[Places] = []
    for part, keys_of, own, at in zip(parts, rows, programs, column, strict=True):
        matrix = moved(own.matrix, at, width)
        places, chosen = np.zeros(matrix.shape[0], dtype=np.int64), list[int]()
        whose = part.set if part.path is None else (part.set, part.path)
        for r in range(matrix.shape[0]):
            entries = slice(matrix.indptr[r], matrix.indptr[r + 1])
            if common[matrix.indices[entries]].all():
                numbers = matrix.indices[entries].tobytes(), matrix.data[entries].tobytes()
                says = (*keys_of[r], *numbers, own.row_lower[r], own.row_upper[r])
                if says in said:
                    places[r] = said[says]
                    continue
                said[says] = len(row_keys)
            places[r] = len(row_keys)
            row_keys.append((*keys_of[r], whose))
            chosen.append(r)
        row.append(places)
        kept.append(np.array(chosen, dtype=np.int64))
        matrices.append(matrix[kept[-1]])
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
        matrices.append(sparse.csr_array(most))
        sides[0] = np.concatenate([sides[0], offsets - together.best])
        sides[1] = np.concatenate([sides[1], np.full(sets, np.inf)])
        row_keys += [("most_of", k) for k in range(sets)]
    program = LinearProgram(
        cost=cost,
        offset=offset,
        matrix=sparse.csc_array(sparse.vstack(matrices, format="csc")),
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
    """Models of parts, of which this is left once defined columns are put in for, as one."""
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
