"""Reader of two-stage linear programs with random right-hand sides in SMPS format (Birge and others
1987).

It reads the sections NAME, ROWS, COLUMNS, RHS and BOUNDS of the core file, and INDEP DISCRETE and
BLOCKS DISCRETE of the stochastic file. It raises OutOfScope for RANGES and other sections, and for
random costs and coefficients.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import sparse
from two_stage import Marginal, TwoStage, all_of, coupled

from optimizer.model import highs

Group = list[tuple[dict[str, float], float]]
"""Joint realizations of the right-hand sides of a group of rows: pairs of the right-hand sides by
row, and their probability."""


class OutOfScope(Exception):
    """An instance has a feature that this reader does not support."""


def lines(path: Path) -> Iterator[tuple[bool, list[str]]]:
    """Yield for each line whether it begins a section, and its words. Comments are left out."""
    for line in path.read_text(encoding="latin-1").splitlines():
        if line.strip() and not line.startswith("*"):
            yield not line[0].isspace(), line.split()


def pairs(words: list[str]) -> Iterator[tuple[str, float]]:
    """Return pairs of a name and a number, which alternate in ``words``."""
    return ((words[n], float(words[n + 1])) for n in range(0, len(words) - 1, 2))


class Core:
    """Core file: rows with their kind, columns with entries and bounds, and right-hand sides."""

    def __init__(self, path: Path) -> None:
        self.rows: dict[str, str] = {}
        self.columns: dict[str, dict[str, float]] = {}
        self.rhs: dict[str, float] = {}
        self.bounds: dict[str, list[float]] = {}
        self.vectors: set[str] = set()  # names of the vector of right-hand sides
        section = ""
        for begins, words in lines(path):
            if begins:
                section = words[0].upper()
                self.vectors.update(words[1:2] if section == "RHS" else ())
            elif section == "ROWS":
                self.rows[words[1]] = words[0].upper()
            elif section == "COLUMNS":
                self.columns.setdefault(words[0], {}).update(pairs(words[1:]))
            elif section == "RHS":
                name_count = len(words) % 2  # 0 or 1: the name is optional
                self.vectors.update(words[:name_count])
                self.rhs.update(pairs(words[name_count:]))
            elif section == "BOUNDS":
                self._bound(words)
            elif section != "NAME":
                raise OutOfScope(f"{path}: a section {section}")
        self.bounds = {c: self.bounds.get(c, [0.0, math.inf]) for c in self.columns}

    def _bound(self, words: list[str]) -> None:
        kind, column = words[0].upper(), words[2]
        value = float(words[3]) if len(words) > 3 else 0.0
        low, high = self.bounds.get(column, [0.0, math.inf])
        self.bounds[column] = {
            "UP": [low, value],
            "LO": [value, high],
            "FX": [value, value],
            "FR": [-math.inf, math.inf],
            "MI": [-math.inf, high],
            "PL": [low, math.inf],
        }[kind]


def read_groups(path: Path, core: Core) -> list[Group]:
    """Read the groups of random right-hand sides, which are independent of each other."""
    groups: dict[str, Group] = {}
    section = name = ""
    for begins, words in lines(path):
        if begins:
            section = " ".join(words[:2]).upper()
        elif section == "BLOCKS DISCRETE" and words[0] == "BL":
            name = words[1]
            group = groups.setdefault(name, [])
            # A realization repeats the values of the first one that it does not state.
            group.append((dict(group[0][0]) if group else {}, float(words[-1])))
        elif section not in ("INDEP DISCRETE", "BLOCKS DISCRETE"):
            raise OutOfScope(f"{path}: {section}")
        elif words[0] not in core.vectors:
            raise OutOfScope(f"{path}: {words[0]} in {words[1]} is random, and no right-hand side")
        elif section == "BLOCKS DISCRETE":
            groups[name][-1][0].update(pairs(words[1:]))
        else:
            row, value = next(pairs(words[1:3]))
            groups.setdefault(row, []).append(({row: value}, float(words[-1])))
    return list(groups.values())


def companions(stochastic: Path) -> tuple[Path, Path]:
    """Return the core file and the time file of a stochastic file in the same folder: each the one
    whose name is the longest prefix of its name, or the only one in the folder. Raise OutOfScope if
    there is none."""
    chosen = []
    for endings in (("cor", "core", "mps"), ("tim", "time")):
        files = [p for e in endings for p in sorted(stochastic.parent.glob(f"*.{e}"))]
        matches = [p for p in files if stochastic.stem.lower().startswith(p.stem.lower())]
        if not (matches or len(files) == 1):
            raise OutOfScope(f"{stochastic}: no .{endings[0]} file in its folder")
        chosen.append(max(matches, key=lambda p: len(p.stem)) if matches else files[0])
    return chosen[0], chosen[1]


def read(stochastic: Path, most: int, sample: int, seed: int) -> tuple[TwoStage, str]:
    """Read a program. Also return how its scenarios were chosen, as text: see :func:`scenarios`."""
    core_file, time_file = companions(stochastic)
    core = Core(core_file)
    columns, rows = list(core.columns), list(core.rows)
    starts = [words for begins, words in lines(time_file) if not begins]
    if len(starts) != 2:
        raise OutOfScope(f"{time_file}: {len(starts)} periods")
    objective = next(r for r, kind in core.rows.items() if kind == "N")
    n, m = columns.index(starts[1][0]), rows.index(starts[1][1])  # where the second stage starts
    first_rows, second_rows = (
        [r for r in stage if core.rows[r] != "N"] for stage in (rows[:m], rows[m:])
    )
    groups = read_groups(stochastic, core)
    random_rows = [r for group in groups for r in group[0][0]]
    if random_first_rows := set(random_rows) & set(first_rows):
        raise OutOfScope(f"{stochastic}: {min(random_first_rows)} is of the first stage")

    def matrix(row_names: list[str], column_names: list[str]) -> sparse.csr_array:
        position = {r: i for i, r in enumerate(row_names)}
        entries = [
            (value, position[r], j)
            for j, c in enumerate(column_names)
            for r, value in core.columns[c].items()
            if r in position
        ]
        value, row, column = zip(*entries, strict=True) if entries else ((), (), ())
        return sparse.csr_array((value, (row, column)), shape=(len(row_names), len(column_names)))

    def program(row_names: list[str], column_names: list[str]) -> highs.LinearProgram:
        rhs = np.array([0.0 if r in random_rows else core.rhs.get(r, 0.0) for r in row_names])
        kinds = np.array([core.rows[r] for r in row_names])
        low, high = np.array([core.bounds[c] for c in column_names]).T
        return highs.program_from_arrays(
            [core.columns[c].get(objective, 0.0) for c in column_names],
            matrix(row_names, column_names),
            np.where(kinds == "L", -np.inf, rhs),
            np.where(kinds == "G", np.inf, rhs),
            low,
            high,
        )

    if matrix(first_rows, columns[n:]).nnz:
        raise OutOfScope(f"{core_file}: a row of the first stage has columns of the second")
    position = {r: i for i, r in enumerate(second_rows)}
    second = program(second_rows, columns[n:])
    group_rows = [[position[r] for r in group[0][0]] for group in groups]
    rhs, probability, choice = scenarios(groups, second, group_rows, most, sample, seed)
    return (
        TwoStage(
            program(first_rows, columns[:n]),
            second,
            matrix(second_rows, columns[:n]),
            np.array([r for rows_of_group in group_rows for r in rows_of_group], np.int64),
            rhs,
            probability,
        ),
        choice,
    )


def scenarios(
    groups: list[Group],
    second: highs.LinearProgram,
    rows: list[list[int]],
    most: int,
    sample: int,
    seed: int,
) -> tuple[np.ndarray, np.ndarray, str]:
    """Return right-hand sides (S, M) and probabilities (S) of scenarios, and how they were chosen:
    all combinations of the groups if there are at most ``most``; otherwise coupled ones if the
    groups affect separate blocks of the second stage; otherwise a sample. ``rows`` has the row
    indices of each group."""
    marginals: list[Marginal] = [
        [(np.array(list(rhs.values())), probability) for rhs, probability in group]
        for group in groups
    ]
    count = math.prod(len(marginal) for marginal in marginals)
    if count <= most:
        return *all_of(marginals), "all"
    row_links = abs(second.matrix) @ abs(second.matrix).T
    _, block = sparse.csgraph.connected_components(row_links)
    if len({block[r] for x in rows for r in x}) == sum(len(set(block[x])) for x in rows):
        return *coupled(marginals), f"{count:,} coupled"
    generator = np.random.default_rng(seed)
    drawn = []
    for marginal in marginals:
        probability = np.array([p for _, p in marginal])
        chosen = generator.choice(len(marginal), sample, p=probability / probability.sum())
        drawn.append(np.array([value for value, _ in marginal])[chosen])
    return np.hstack(drawn), np.full(sample, 1 / sample), f"of {count:.1e}"
