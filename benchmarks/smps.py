"""Reads two-stage linear programs with random sides in SMPS (Birge and others 1987).

Of the core file names, rows, columns, sides and bounds; of the stochastic one INDEP DISCRETE and
BLOCKS DISCRETE. What is random in costs or coefficients, and RANGES, are refused by name.
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
"""Sides by row that a group of rows has together, and with what probability."""


class OutOfScope(Exception):
    """An instance has something that this reader does not know."""


def lines(path: Path) -> Iterator[tuple[bool, list[str]]]:
    """Whether a line begins a section, and its words."""
    for line in path.read_text(encoding="latin-1").splitlines():
        if line.strip() and not line.startswith("*"):
            yield not line[0].isspace(), line.split()


def pairs(words: list[str]) -> Iterator[tuple[str, float]]:
    return ((words[n], float(words[n + 1])) for n in range(0, len(words) - 1, 2))


class Core:
    """The core file: rows with their kind, columns with entries and bounds, and sides."""

    def __init__(self, path: Path) -> None:
        self.rows: dict[str, str] = {}
        self.columns: dict[str, dict[str, float]] = {}
        self.sides: dict[str, float] = {}
        self.bounds: dict[str, list[float]] = {}
        self.vectors: set[str] = set()  # names of the vector of sides
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
                named = len(words) % 2
                self.vectors.update(words[:named])
                self.sides.update(pairs(words[named:]))
            elif section == "BOUNDS":
                self._bound(words)
            elif section != "NAME":
                raise OutOfScope(f"{path}: a section {section}")
        self.bounds = {c: self.bounds.get(c, [0.0, math.inf]) for c in self.columns}

    def _bound(self, words: list[str]) -> None:
        kind, of = words[0].upper(), words[2]
        value = float(words[3]) if len(words) > 3 else 0.0
        low, high = self.bounds.get(of, [0.0, math.inf])
        self.bounds[of] = {
            "UP": [low, value],
            "LO": [value, high],
            "FX": [value, value],
            "FR": [-math.inf, math.inf],
            "MI": [-math.inf, high],
            "PL": [low, math.inf],
        }[kind]


def read_groups(path: Path, core: Core) -> list[Group]:
    """The groups of random sides, each independent of all others."""
    found: dict[str, Group] = {}
    section = name = ""
    for begins, words in lines(path):
        if begins:
            section = " ".join(words[:2]).upper()
        elif section == "BLOCKS DISCRETE" and words[0] == "BL":
            name = words[1]
            whole = found.setdefault(name, [])  # what is not said again is as in the first one
            whole.append((dict(whole[0][0]) if whole else {}, float(words[-1])))
        elif section not in ("INDEP DISCRETE", "BLOCKS DISCRETE"):
            raise OutOfScope(f"{path}: {section}")
        elif words[0] not in core.vectors:
            raise OutOfScope(f"{path}: {words[0]} in {words[1]} is random, and no side")
        elif section == "BLOCKS DISCRETE":
            found[name][-1][0].update(pairs(words[1:]))
        else:
            of, value = next(pairs(words[1:3]))
            found.setdefault(of, []).append(({of: value}, float(words[-1])))
    return list(found.values())


def companions(stochastic: Path) -> tuple[Path, Path]:
    """The core and the time file of a stochastic one: those whose name is the longest that its name
    begins with."""
    found = []
    for endings in (("cor", "core", "mps"), ("tim", "time")):
        beside = [p for e in endings for p in sorted(stochastic.parent.glob(f"*.{e}"))]
        own = [p for p in beside if stochastic.stem.lower().startswith(p.stem.lower())]
        if not (own or len(beside) == 1):
            raise OutOfScope(f"{stochastic}: no .{endings[0]} beside it")
        found.append(max(own, key=lambda p: len(p.stem)) if own else beside[0])
    return found[0], found[1]


def read(stochastic: Path, most: int, sample: int, seed: int) -> tuple[TwoStage, str]:
    """A program, and how its scenarios were found: all of them, where there are ``most`` or fewer;
    else such as move together, where each group has columns of its own; else a sample."""
    core_file, time_file = companions(stochastic)
    core = Core(core_file)
    columns, rows = list(core.columns), list(core.rows)
    starts = [words for begins, words in lines(time_file) if not begins]
    if len(starts) != 2:
        raise OutOfScope(f"{time_file}: {len(starts)} periods")
    objective = next(r for r, kind in core.rows.items() if kind == "N")
    n, later = columns.index(starts[1][0]), rows.index(starts[1][1])
    rows_of = [[r for r in part if core.rows[r] != "N"] for part in (rows[:later], rows[later:])]
    groups = read_groups(stochastic, core)
    random = [r for group in groups for r in group[0][0]]
    if early := set(random) & set(rows_of[0]):
        raise OutOfScope(f"{stochastic}: {min(early)} is of the first stage")

    def matrix(part: list[str], own: list[str]) -> sparse.csr_array:
        place = {r: i for i, r in enumerate(part)}
        entries = [
            (value, place[r], j)
            for j, c in enumerate(own)
            for r, value in core.columns[c].items()
            if r in place
        ]
        value, row, column = zip(*entries, strict=True) if entries else ((), (), ())
        return sparse.csr_array((value, (row, column)), shape=(len(part), len(own)))

    def program(part: list[str], own: list[str]) -> highs.LinearProgram:
        sides = np.array([0.0 if r in random else core.sides.get(r, 0.0) for r in part])
        kinds = np.array([core.rows[r] for r in part])
        low, high = np.array([core.bounds[c] for c in own]).T
        return highs.program_from_arrays(
            [core.columns[c].get(objective, 0.0) for c in own],
            matrix(part, own),
            np.where(kinds == "L", -np.inf, sides),
            np.where(kinds == "G", np.inf, sides),
            low,
            high,
        )

    if matrix(rows_of[0], columns[n:]).nnz:
        raise OutOfScope(f"{core_file}: a row of the first stage has columns of the second")
    place = {r: i for i, r in enumerate(rows_of[1])}
    second = program(rows_of[1], columns[n:])
    of_groups = [[place[r] for r in group[0][0]] for group in groups]
    sides, probability, how = scenarios(groups, second, of_groups, most, sample, seed)
    return (
        TwoStage(
            program(rows_of[0], columns[:n]),
            second,
            matrix(rows_of[1], columns[:n]),
            np.array([r for own in of_groups for r in own], np.int64),
            sides,
            probability,
        ),
        how,
    )


def scenarios(
    groups: list[Group],
    second: highs.LinearProgram,
    rows: list[list[int]],
    most: int,
    sample: int,
    seed: int,
) -> tuple[np.ndarray, np.ndarray, str]:
    """(S, M) sides, (S) probabilities, and how they were found."""
    marginals: list[Marginal] = [
        [(np.array(list(sides.values())), chance) for sides, chance in group] for group in groups
    ]
    count = math.prod(len(own) for own in marginals)
    if count <= most:
        return *all_of(marginals), "all"
    linked = abs(second.matrix) @ abs(second.matrix).T
    _, block = sparse.csgraph.connected_components(linked)
    if len({block[r] for own in rows for r in own}) == sum(len(set(block[own])) for own in rows):
        return *coupled(marginals), f"{count:,} coupled"
    pick = np.random.default_rng(seed)
    drawn = []
    for own in marginals:
        chance = np.array([p for _, p in own])
        chosen = pick.choice(len(own), sample, p=chance / chance.sum())
        drawn.append(np.array([value for value, _ in own])[chosen])
    return np.hstack(drawn), np.full(sample, 1 / sample), f"of {count:.1e}"
