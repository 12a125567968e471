"""Damage of a chain, computed by another solver with linear programs of groups of states.

One linear program over all decisions and all states is too large for many states. The least sum of
damage and a linear function of the decisions is therefore found by Benders decomposition (Benders
1962): the groups are subproblems, whose dual values bound their damage from below.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optimizer.errors import CheckFailed
from optimizer.model.highs import LinearProgram, ProgramOptimum
from optimizer.model.instance import Chain, Floats
from optimizer.model.program_files import named_program, render_mps
from optimizer.solve.proof.chain_program import FIRST_STAGE, ChainProgram, ChainPrograms
from optimizer.solve.proof.cut_records import Point
from optimizer.solve.proof.loaded_proof import LimitReached
from optimizer.solve.proof.solvers import FileSolver, LinearFile

GROUP_SIZE = 300  # forms of a chain times states in one linear program
MAX_ITERATIONS = 1000  # evaluations of all groups for one minimum
MIN_CUT_VIOLATION = 1e-9  # relative to damage: of a known cut that is added to the master problem


class ProgramFolder(NamedTuple):
    """Where files of programs are written, and the time limit of each solve in seconds."""

    folder: Path
    time_limit: float | None

    def read(self, program: LinearProgram, solver: FileSolver) -> LinearFile:
        """Pass a linear program to a solver, as a file."""
        path = self.folder / "linear.mps"
        path.write_text(render_mps(named_program(program)), encoding="utf-8")
        return solver.read_linear(path, self.time_limit)


class Minimum(NamedTuple):
    """The least value of a function, as far as needed: a lower bound that is high enough, or a
    value that is too low. Without either, ``ending`` is not ``optimal``."""

    ending: str
    value: float

    @classmethod
    def of(cls, optimum: ProgramOptimum) -> Minimum:
        """Return the minimum of a linear program: minus infinity without an optimum."""
        is_optimal = optimum.ending == "optimal"
        return cls(optimum.ending, optimum.objective if is_optimal else -math.inf)


@dataclass(frozen=True, eq=False)
class _Group:
    """The program of a group of states, in the solver."""

    states: range
    program: ChainProgram
    linear_file: LinearFile
    decision_columns: NDArray[np.int64]  # (D)

    def minimize(self, cost: Floats, decisions: Floats | None) -> tuple[float, Floats, Floats]:
        """Return the least ``cost``, its columns, and its derivatives (D) by the decisions, which
        are fixed unless they are None. Raise LimitReached or CheckFailed without an optimum."""
        fixed = (
            {}
            if decisions is None
            else dict(zip(self.decision_columns.tolist(), decisions.tolist(), strict=True))
        )
        optimum = self.linear_file.minimize(cost, fixed)
        if optimum.ending != "optimal":
            error = LimitReached if optimum.ending == "limit" else CheckFailed
            raise error(f"the solver ends with '{optimum.ending}' on a linear program")
        return optimum.objective, optimum.values, optimum.reduced_costs[self.decision_columns]


@dataclass(eq=False)
class _KnownCuts:
    """Lower bounds on the damage of each group (G) with certain weights of the states (S):
    ``constants + slopes @ decisions`` (D)."""

    weights: Floats
    costs: list[Floats]  # of the program of each group
    least: Floats  # (G) damage over all decisions
    constants: Floats  # (K, G)
    slopes: Floats  # (K, G, D)

    def evaluate(self, groups: Sequence[_Group], decisions: Floats) -> float:
        """Return the damage of all groups at given decisions, and add its cut."""
        results = [g.minimize(cost, decisions) for g, cost in zip(groups, self.costs, strict=True)]
        damage = np.array([value for value, _, _ in results])
        slopes = np.array([slope for _, _, slope in results])
        self.constants = np.vstack([self.constants, damage - slopes @ decisions])
        self.slopes = np.concatenate([self.slopes, slopes[None]])
        return math.fsum(damage)

    def violated(self, decisions: Floats, damage: Floats) -> list[tuple[int, int]]:
        """Return the strongest cut (position, group) on each group that exceeds ``damage`` (G)."""
        bounds = self.constants + self.slopes @ decisions
        strongest = bounds.argmax(axis=0)
        excess = bounds.max(axis=0) - damage
        limit = MIN_CUT_VIOLATION * (1 + np.abs(damage))
        return [(int(strongest[g]), int(g)) for g in np.flatnonzero(excess > limit)]


class ChainDamage:
    """Damage of a chain in the states (S) of one leaf, computed by another solver."""

    def __init__(
        self,
        leaf: int,
        chain: Chain,
        programs: ChainPrograms,
        solver: FileSolver,
        folder: ProgramFolder,
    ) -> None:
        self.leaf, self.id = leaf, chain.id
        self._solver, self._folder = solver, folder
        self._groups: list[_Group] = []
        size = max(GROUP_SIZE // len(chain.nodes), 1)
        for start in range(0, programs.state_count, size):
            states = range(start, min(start + size, programs.state_count))
            program = programs.build(chain.id, states)
            columns = [c for x, c in program.column_index.items() if x.split("[")[0] in FIRST_STAGE]
            linear_file = folder.read(program.program, solver)
            self._groups.append(_Group(states, program, linear_file, np.array(columns)))
        first = self._groups[0]
        names, linear = list(first.program.column_index), first.program.program
        self.decisions = {names[c]: n for n, c in enumerate(first.decision_columns.tolist())}
        """Position of each decision (D), by name."""
        self._lower = linear.lower[first.decision_columns]
        self._upper = linear.upper[first.decision_columns]
        self._known: _KnownCuts | None = None

    def _values(self, point: Mapping[str, float]) -> Floats:
        values = np.zeros(len(self.decisions))
        for name, value in point.items():
            if name in self.decisions:
                values[self.decisions[name]] = value
        return values

    def damage_at(self, point: Point) -> Floats:
        """Return the damage in each state (S) at given decisions."""
        decisions = np.clip(self._values(point), self._lower, self._upper)
        parts = []
        for group in self._groups:
            program = group.program
            cost = np.ones(program.damage.shape[0]) @ program.damage
            _, values, _ = group.minimize(cost, decisions)
            parts.append(program.expand(np.asarray(program.damage @ values)))
        return np.concatenate(parts)

    def minimize(
        self, weights: Floats, coefficients: Mapping[str, float], point: Point, threshold: float
    ) -> Minimum:
        """Compare with a threshold the least sum, over all decisions, of the damage with weights of
        the states (S) and the coefficients times the decisions. The search begins at ``point``."""
        entries = self._values(coefficients)
        costs = [
            group.program.class_weights(weights[group.states]) @ group.program.damage
            for group in self._groups
        ]
        if len(self._groups) == 1:
            costs[0][self._groups[0].decision_columns] += entries
            optimum = self._groups[0].linear_file.minimize(costs[0], {})
            return Minimum.of(optimum)
        if self._known is None or not np.array_equal(self._known.weights, weights):
            least = [g.minimize(cost, None)[0] for g, cost in zip(self._groups, costs, strict=True)]
            shape = (0, len(least), len(entries))
            self._known = _KnownCuts(
                weights, costs, np.array(least), np.zeros(shape[:2]), np.zeros(shape)
            )
        known, damage = self._known, self._known.least
        x = np.clip(self._values(point), self._lower, self._upper)
        master, cost = self._read_master(known), np.append(entries, np.ones(len(self._groups)))
        for _ in range(MAX_ITERATIONS):
            value = known.evaluate(self._groups, x) + float(entries @ x)
            if value < threshold or not (cuts := known.violated(x, damage)):
                return Minimum("optimal", value)
            while cuts:
                master.add_rows(*_rows(known, cuts))
                optimum = master.minimize(cost, {})
                if optimum.ending != "optimal" or optimum.objective >= threshold:
                    return Minimum.of(optimum)
                x, damage = np.split(optimum.values, [len(x)])
                x = np.clip(x, self._lower, self._upper)
                cuts = known.violated(x, damage)
        return Minimum("limit", -math.inf)

    def _read_master(self, known: _KnownCuts) -> LinearFile:
        """Pass a program to the solver whose columns are the decisions and the damage of each
        group, without cuts."""
        count = len(self.decisions) + len(known.least)
        return self._folder.read(
            LinearProgram(
                cost=np.zeros(count),
                offset=0.0,
                matrix=sparse.csc_array((0, count)),
                row_lower=np.zeros(0),
                row_upper=np.zeros(0),
                lower=np.append(self._lower, known.least),
                upper=np.append(self._upper, np.full(len(known.least), np.inf)),
                is_integer=np.zeros(count, dtype=bool),
                row_names=[],
                column_names=[*self.decisions, *(f"group[{g}]" for g in range(len(known.least)))],
            ),
            self._solver,
        )


def _rows(known: _KnownCuts, cuts: Sequence[tuple[int, int]]) -> tuple[sparse.csr_array, Floats]:
    """Return cuts as rows of the master problem, and their right sides."""
    numbers, groups = (list(x) for x in zip(*cuts, strict=True))
    slopes = sparse.csr_array(-known.slopes[numbers, groups])
    damage = sparse.csr_array(np.eye(len(known.least))[groups])
    return sparse.csr_array(sparse.hstack([slopes, damage])), known.constants[numbers, groups]
