"""Two-stage stochastic linear programs at large, by an L-shaped method on programs of recourse.

    minimise  c x + sum of p_s q y_s   so that  first-stage rows hold of x, and in each scenario
    row_lower <= T x + W y_s - sides_s <= row_upper,  lower <= y_s <= upper

Only sides are random. The template of the second stage takes x and the sides as given columns.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray
from scipy import sparse

from optimizer.model import highs
from optimizer.model.highs import LinearProgram
from optimizer.solve.sweep.programs import Known, Support
from optimizer.solve.sweep.template import Template

Floats = NDArray[np.float64]
Marginal = Sequence[tuple[Floats, float]]
"""What some random sides come to, and with what probability; independent of all others."""
IDLE = 30  # programs of the first stage after which a cut that holds nothing is taken out


@dataclass(frozen=True, eq=False)
class TwoStage:
    """A program with n columns x, and N columns y in R rows of its second stage."""

    first: LinearProgram
    second: LinearProgram  # (R, N) W; sides without their random part
    technology: sparse.csr_array  # (R, n) T
    random: NDArray[np.int64]  # (M) rows with a random side
    sides: Floats  # (S, M) what that is in each scenario
    probability: Floats  # (S)


@dataclass(eq=False)
class Found:
    """What the method found, and what it took."""

    x: Floats
    objective: float
    bound: float
    iterations: int = 0  # programs of the first stage
    programs: int = 0  # of the second
    seconds: float = 0.0
    sweeping: float = 0.0  # seconds of it in programs of the second stage
    points: list[Floats] = field(default_factory=list)  # x of each sweep


def template_of(problem: TwoStage) -> Template:
    """The second stage, with x and the random sides given."""
    second, model = problem.second, pyo.ConcreteModel()
    place = {int(r): m for m, r in enumerate(problem.random)}
    model.x = pyo.Var(range(problem.technology.shape[1]))
    model.side = pyo.Var(range(len(problem.random)))
    model.y = pyo.Var(range(len(second.cost)))
    for c, y in model.y.items():
        y.setlb(second.lower[c])
        y.setub(second.upper[c])
    rows = [(model.x, problem.technology), (model.y, sparse.csr_array(second.matrix))]

    @model.Constraint(range(second.matrix.shape[0]))
    def row(model: Any, r: int) -> Any:
        body = pyo.quicksum(
            matrix.data[e] * of[int(matrix.indices[e])]
            for of, matrix in rows
            for e in range(matrix.indptr[r], matrix.indptr[r + 1])
        )
        total = body - model.side[place[r]] if r in place else body
        if isinstance(total, int | float):  # an empty row
            return pyo.Constraint.Skip
        low, high = (None if np.isinf(s[r]) else s[r] for s in (second.row_lower, second.row_upper))
        return total == low if low == high else pyo.inequality(low, total, high)

    model.objective = pyo.Objective(expr=pyo.quicksum(q * model.y[c] for c, q in costs(second)))
    given = {("x", 0): list(model.x.values()), ("side", 0): list(model.side.values())}
    return Template(model, given, None)


def costs(program: LinearProgram) -> list[tuple[int, float]]:
    return [(c, float(q)) for c, q in enumerate(program.cost) if q]


def extensive_form(problem: TwoStage) -> LinearProgram:
    """All scenarios in one program, x first."""
    first, second, count = problem.first, problem.second, len(problem.probability)
    shift = np.zeros((count, second.matrix.shape[0]))
    shift[:, problem.random] = problem.sides
    own = sparse.kron(sparse.eye_array(count), second.matrix)
    linked = sparse.vstack([problem.technology] * count)
    return highs.arrays(
        np.r_[first.cost, np.outer(problem.probability, second.cost).ravel()],
        sparse.block_array([[first.matrix, None], [linked, own]], format="csc"),
        np.r_[first.row_lower, (second.row_lower + shift).ravel()],
        np.r_[first.row_upper, (second.row_upper + shift).ravel()],
        np.r_[first.lower, np.tile(second.lower, count)],
        np.r_[first.upper, np.tile(second.upper, count)],
    )


def mean(problem: TwoStage) -> TwoStage:
    """With the mean in place of each random side: no more than the program itself (Jensen 1906)."""
    sides = (problem.probability @ problem.sides)[None]
    return TwoStage(
        problem.first, problem.second, problem.technology, problem.random, sides, np.ones(1)
    )


def solve_l_shaped(problem: TwoStage, gap: float = 1e-7, most: int = 10_000) -> Found:
    """By single cuts (Van Slyke and Wets 1969) in a box around the best point (Linderoth and Wright
    2003): a program of each scenario at a point, each from the basis of the last one, and between
    them cuts of what former programs prove."""
    began, first = time.perf_counter(), problem.first
    template, count = template_of(problem), len(problem.probability)
    known, columns = Known(count), len(first.cost)
    master, start = _master(problem)
    found = Found(start, np.inf, -np.inf)
    given = np.zeros((count, template.given))
    given[:, template.place["side", 0]] = problem.sides

    def sweep(x: Floats) -> tuple[float, Support]:
        given[:, template.place["x", 0]] = x
        started = time.perf_counter()
        best = known.strongest(np.broadcast_to(x, (count, columns)))
        bases = np.full(count, None) if best is None else best[0].bases
        solved = template.solve(given, np.ones((count, 1), dtype=bool), bases)
        found.sweeping += time.perf_counter() - started
        found.programs += count
        found.points.append(x)
        by_x = solved.by_given[:, template.place["x", 0]]
        support = Support(solved.proven - by_x @ x, -by_x, bases)
        known.learn(support)
        return float(first.cost @ x + problem.probability @ solved.damage), support

    found.objective, support = sweep(start)
    _add(master, problem, support, start, -np.inf, -np.inf)
    size = max(1.0, float(np.abs(start).max()))
    radius = 0.1 * size
    every, base = np.arange(columns, dtype=np.int32), master.rows - 1
    idle = np.zeros(1, np.int64)  # solves since a cut last mattered
    while found.iterations < most:
        found.iterations += 1
        boxed = radius < 1e3 * size
        low, high = (found.x - radius, found.x + radius) if boxed else (-np.inf, np.inf)
        master.bound_columns(every, np.maximum(first.lower, low), np.minimum(first.upper, high))
        assert master.solve() == "optimal"
        idle = np.r_[idle, np.zeros(master.rows - base - len(idle), np.int64)]
        idle = np.where(master.row_duals()[base:] == 0, idle + 1, 0)
        *inside, ahead = master.values()
        x, hope = np.array(inside), found.objective - master.objective
        if not boxed:
            found.bound = max(found.bound, master.objective)
        if hope <= gap * max(1.0, abs(found.objective)):
            if not boxed:
                break
            radius *= 10
            continue
        master.delete_rows(np.flatnonzero(idle > IDLE).astype(np.int32) + base)
        idle = idle[idle <= IDLE]
        proven = known.strongest(np.tile(x, (count, 1)))
        if proven is not None and _add(master, problem, proven[0], x, ahead, 0.1 * hope):
            continue
        if np.array_equal(x, found.points[-1]):
            break  # as far as the solver's tolerance goes
        total, support = sweep(x)
        _add(master, problem, support, x, ahead, -np.inf)
        gained = found.objective - total
        if gained >= 0.5 * hope and np.abs(x - found.x).max() > 0.99 * radius:
            radius *= 2
        elif gained < -hope:
            radius /= 2
        if gained > 0:
            found.x, found.objective = x, total
    found.seconds = time.perf_counter() - began
    return found


def _master(problem: TwoStage) -> tuple[highs.Simplex, Floats]:
    """The first stage, with a column for what lies ahead: at least what the means come to where x
    may be anything that it is allowed to be. And what is best for the means."""
    first, whole = problem.first, extensive_form(mean(problem))
    cost = np.r_[np.zeros(len(first.cost)), whole.cost[len(first.cost) :]]
    ahead = highs.solve(replace(whole, cost=cost)).objective
    values = highs.solve(whole).values
    assert ahead is not None
    assert values is not None
    matrix = sparse.hstack([first.matrix, np.zeros((first.matrix.shape[0], 1))], format="csc")
    program = highs.arrays(
        np.r_[first.cost, 1.0],
        matrix,
        first.row_lower,
        first.row_upper,
        np.r_[first.lower, ahead - 1e-6 * abs(ahead)],
        np.r_[first.upper, np.inf],
    )
    return highs.Simplex(program), values[: len(first.cost)]


def _add(
    master: highs.Simplex,
    problem: TwoStage,
    support: Support,
    x: Floats,
    ahead: float,
    least: float,
) -> bool:
    """Add the cut that a support of each scenario gives, if it is missed by more than ``least`` at
    x; whether it was."""
    side = float(problem.probability @ support.constant)
    slopes = problem.probability @ support.slopes
    if side - slopes @ x - ahead <= least:
        return False
    entries = np.r_[slopes, 1.0]
    index = np.flatnonzero(np.abs(entries) > 1e-9 * np.abs(entries).max()).astype(np.int32)
    row = sparse.csr_array(
        (entries[index], index, np.array([0, len(index)])), shape=(1, len(entries))
    )
    factor = highs.row_factors(row, np.array([side]), master.units)
    master.add_rows(
        np.array([side]), np.full(1, np.inf), np.zeros(1, np.int32), index, entries[index], factor
    )
    return True


def all_of(marginals: Sequence[Marginal]) -> tuple[Floats, Floats]:
    """(S, M) sides of all combinations of independent ones, and (S) their probabilities."""
    sides, probability = np.zeros((1, 0)), np.ones(1)
    for marginal in marginals:
        values = np.array([value for value, _ in marginal])
        chance = np.array([own for _, own in marginal])
        sides = np.hstack([np.repeat(sides, len(values), axis=0), np.tile(values, (len(sides), 1))])
        probability = np.outer(probability, chance).ravel()
    return sides, probability


def coupled(marginals: Sequence[Marginal]) -> tuple[Floats, Floats]:
    """(S, M) sides that move together, and (S) their probabilities. Where each acts on columns of
    its own, recourse is a sum over them, and its mean only depends on how each is spread."""
    ends = [np.cumsum([chance for _, chance in marginal]) for marginal in marginals]
    until = np.unique(np.round(np.concatenate(ends), 12))
    middle = until - np.diff(until, prepend=0.0) / 2
    sides = [
        np.array([value for value, _ in marginal])[
            np.minimum(np.searchsorted(own, middle), len(own) - 1)
        ]
        for marginal, own in zip(marginals, ends, strict=True)
    ]
    return np.hstack(sides), np.diff(until, prepend=0.0)
