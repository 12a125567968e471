"""Two-stage stochastic linear programs at large, through the sweep and the decomposition.

    minimize  c x + sum of p_s q y_s   so that  first-stage rows hold of x >= 0, and in each state
    row_lower <= T x + W y_s - sides_s <= row_upper,  lower <= y_s <= upper

Only sides are random. The template of the second stage takes x and the sides as given columns. To
the master x is what is bought: a column a stockpile, in one year.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray
from scipy import sparse

from optimizer.model import highs
from optimizer.model.decision_tree import DecisionTree
from optimizer.model.highs import LinearProgram
from optimizer.solve.decomposition.branch_and_cut import BranchAndCut
from optimizer.solve.decomposition.cuts import CutOracle
from optimizer.solve.decomposition.master import Master
from optimizer.solve.decomposition.master_model import MasterModel
from optimizer.solve.decomposition.search_run import SearchRun
from optimizer.solve.recourse import FirstStagePoint, Subgradient
from optimizer.solve.recourse.evaluator import RecourseResult
from optimizer.solve.recourse.program_evaluation import DualCache, DualCuts
from optimizer.solve.recourse.program_template import ProgramTemplate
from optimizer.solve.solver_result import SCALED_OBJECTIVE

Floats = NDArray[np.float64]
Marginal = Sequence[tuple[Floats, float]]
"""What some random sides come to, and with what probability; independent of all others."""


@dataclass(frozen=True, eq=False)
class TwoStage:
    """A program with n columns x, and N columns y in R rows of its second stage."""

    first: LinearProgram
    second: LinearProgram  # (R, N) W; sides without their random part
    technology: sparse.csr_array  # (R, n) T
    random: NDArray[np.int64]  # (M) rows with a random side
    sides: Floats  # (S, M) what that is in each scenario
    probability: Floats  # (S)


def template_of(problem: TwoStage) -> ProgramTemplate:
    """The second stage, with x and the random sides given."""
    second, model = problem.second, pyo.ConcreteModel()
    model.x = pyo.Var(range(problem.technology.shape[1]))
    model.side = pyo.Var(range(len(problem.random)))
    model.y = pyo.Var(range(len(second.cost)))
    for c, y in model.y.items():
        y.setlb(second.lower[c])
        y.setub(second.upper[c])
    sides = {int(r): model.side[m] for m, r in enumerate(problem.random)}
    own = (list(model.y.values()), sparse.csr_array(second.matrix))
    _add_rows(model, second, [(list(model.x.values()), problem.technology), own], sides)
    model.objective = pyo.Objective(expr=pyo.quicksum(q * model.y[c] for c, q in costs(second)))
    given = {("x", 0): list(model.x.values()), ("side", 0): list(model.side.values())}
    return ProgramTemplate(model, given, None)


def _add_rows(
    model: Any,
    program: LinearProgram,
    parts: Sequence[tuple[list[Any], sparse.csr_array]],
    sides: Mapping[int, Any] | None = None,
) -> None:
    """Rows of a program, of columns and their entries, less what some sides are beside."""
    beside = sides or {}

    @model.Constraint(range(program.matrix.shape[0]))
    def row(_: Any, r: int) -> Any:
        body = pyo.quicksum(
            matrix.data[e] * of[int(matrix.indices[e])]
            for of, matrix in parts
            for e in range(matrix.indptr[r], matrix.indptr[r + 1])
        )
        total = body - beside[r] if r in beside else body
        if isinstance(total, int | float):  # an empty row
            return pyo.Constraint.Skip
        low, high = (
            None if np.isinf(own[r]) else own[r] for own in (program.row_lower, program.row_upper)
        )
        return total == low if low == high else pyo.inequality(low, total, high)


def costs(program: LinearProgram) -> list[tuple[int, float]]:
    return [(c, float(q)) for c, q in enumerate(program.cost) if q]


def extensive_form(problem: TwoStage) -> LinearProgram:
    """All scenarios in one program, x first."""
    first, second, count = problem.first, problem.second, len(problem.probability)
    shift = np.zeros((count, second.matrix.shape[0]))
    shift[:, problem.random] = problem.sides
    own = sparse.kron(sparse.eye_array(count), second.matrix)
    linked = sparse.vstack([problem.technology] * count)
    return highs.program_from_arrays(
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


class SecondStage:
    """The second stage in all scenarios, as the decomposition sees recourse: one chain of one node
    that has an account for each x."""

    def __init__(self, problem: TwoStage) -> None:
        columns = problem.technology.shape[1]
        cvar = SimpleNamespace(weight=0.0, level=0.0)
        self.instance = SimpleNamespace(
            projects={},
            years=(0,),
            nodes={0: SimpleNamespace(damage_weight=1.0)},
            branches=(),
            case=SimpleNamespace(objective=SimpleNamespace(cvar=cvar, ambiguity=None)),
        )
        self.nodes_by_chain = {0: (0,)}
        self.columns = SimpleNamespace(offtake_columns=(), stockpiles=tuple(range(columns)))
        self.node_data = {
            0: SimpleNamespace(
                arrival_matrix=sparse.csr_array((0, 0)), stockpile_index=np.arange(columns)
            )
        }
        self.probability = problem.probability
        self.template, self._learnt = template_of(problem), DualCache(len(problem.probability))
        self._given = np.zeros((len(problem.probability), self.template.parameter_count))
        self._given[:, self.template.parameter_positions["side", 0]] = problem.sides
        self._x = self.template.parameter_positions["x", 0]
        self.points: list[Floats] = []  # x of each sweep

    def evaluate(self, point: FirstStagePoint, state_weights: Floats, **_: Any) -> RecourseResult:
        """Every scenario at a point, each from the basis that proves most of it."""
        self._given[:, self._x] = x = point.buy[:, 0]
        count = len(state_weights[0])
        known = self._learnt.strongest_cuts_at(np.broadcast_to(x, (count, len(x))))
        bases = np.full(count, None) if known is None else known[0].bases
        solved = self.template.solve(self._given, np.ones((count, 1), dtype=bool), bases)
        by_x = solved.parameter_duals[:, self._x]
        support = DualCuts(solved.dual_bound - by_x @ x, -by_x, bases)
        self._learnt.add(support)
        self.points.append(x.copy())
        return RecourseResult(
            solved.damage, {0: state_weights * solved.damage}, {0: _slopes(support, state_weights)}
        )

    def cached_subgradients(
        self, point: FirstStagePoint, _: Any
    ) -> dict[int, dict[int, Subgradient]]:
        """What former sweeps prove at a point."""
        x = point.buy[:, 0]
        found = self._learnt.strongest_cuts_at(np.broadcast_to(x, (len(self.probability), len(x))))
        return {} if found is None else {0: {0: _slopes(found[0], self.probability[None])}}


def _slopes(support: DualCuts, weights: Floats) -> Subgradient:
    purchases = (weights @ support.slopes)[:, :, None]
    return Subgradient(weights @ support.constant, np.zeros((len(weights), 0, 1, 1)), purchases)


@dataclass(frozen=True, eq=False)
class FirstStage(MasterModel):
    """The first stage as the master reads it, with a column for what lies ahead: at least what the
    means come to where x may be anything that it is allowed to be (Jensen 1906)."""

    problem: TwoStage

    @cached_property
    def pyomo_model(self) -> Any:
        """In Pyomo."""
        first, model = self.problem.first, pyo.ConcreteModel()
        assert (first.lower >= 0).all()  # nobody buys less than nothing
        whole = extensive_form(mean(self.problem))
        later = np.r_[np.zeros(len(first.cost)), whole.cost[len(first.cost) :]]
        ahead = highs.solve(replace(whole, cost=later)).objective
        assert ahead is not None
        for name in ("start", "share", "takes_part", "offtake", "unaided", "floored", "tail_cost"):
            model.add_component(name, pyo.Var([]))
        for name in ("start_once", "offtake_right"):
            model.add_component(name, pyo.Constraint([]))
        model.buy = pyo.Var([(c, 0) for c in range(len(first.cost))])
        for (c, _), x in model.buy.items():
            x.setlb(first.lower[c])
            x.setub(first.upper[c])
        model.cost_to_go = pyo.Var([0], bounds=(ahead - 1e-6 * abs(ahead), None))
        _add_rows(model, first, [(list(model.buy.values()), sparse.csr_array(first.matrix))])
        cost = pyo.quicksum(q * model.buy[c, 0] for c, q in costs(first))
        model.objective = pyo.Objective(expr=cost + model.cost_to_go[0])
        return model


def decompose(problem: TwoStage, gap: float) -> tuple[SearchRun, SecondStage]:
    """Solve with cuts on means; return the run, which holds optimum and bound, and the evaluated
    points."""
    second = SecondStage(problem)
    frame = FirstStage(cast("Any", second.instance), problem)
    appraise = CutOracle(DecisionTree.of(cast("Any", second).instance), [cast("Any", second)])
    size = highs.solve(extensive_form(mean(problem))).objective
    factor = highs.compute_objective_factor(
        frame.reduced_program.program, abs(size or 0.0), SCALED_OBJECTIVE
    )
    run = SearchRun(Master(appraise, frame, factor, exact=True), appraise, gap)
    BranchAndCut(run).close_gap()
    return run, second


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
