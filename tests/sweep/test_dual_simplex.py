"""The compiled dual simplex method, against the solver on random programs."""

import random
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from random_chains import chain_case
from scipy import sparse

from models.scenario.references import Case
from optimizer.model import highs
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Floats, read_instance
from optimizer.model.states import read_states
from optimizer.solve.recourse import (
    FirstStagePoint,
    RecourseEvaluator,
    class_programs,
    dual_simplex,
)
from optimizer.solve.recourse.program_template import build_chain_template

INF = np.inf
Program = tuple[highs.ColumnwiseProgram, NDArray[np.int8]]


def random_program(seed: int) -> highs.ColumnwiseProgram:
    """A small program with a solution, as sparse and as degenerate as those of recourse: whole
    numbers, costs of which many are 0, columns with an upper bound or none, rows of all kinds."""
    draw = np.random.default_rng(seed)
    rows, columns = int(draw.integers(1, 14)), int(draw.integers(1, 26))
    matrix = np.where(
        draw.random((rows, columns)) < 0.25, draw.integers(-3, 4, (rows, columns)), 0
    ).astype(float)
    upper = np.where(draw.random(columns) < 0.7, draw.integers(0, 6, columns), INF).astype(float)
    cost = np.where(draw.random(columns) < 0.5, draw.integers(0, 5, columns), 0).astype(float)
    inside = matrix @ (draw.random(columns) * np.minimum(upper, 4.0))
    kind = draw.integers(0, 4, rows)
    lower = np.where(np.isin(kind, (0, 2)), inside - draw.integers(0, 2, rows), -INF)
    most = np.where(np.isin(kind, (1, 2)), inside + draw.integers(0, 2, rows), INF)
    lower, most = np.where(kind == 3, inside, lower), np.where(kind == 3, inside, most)
    return arrays(cost, np.zeros(columns), upper, lower, most, matrix)


def arrays(
    cost: Floats, lower: Floats, upper: Floats, low: Floats, high: Floats, matrix: Floats
) -> highs.ColumnwiseProgram:
    by_column = sparse.csc_array(matrix)
    first, of_row = by_column.indptr[:-1].astype(np.int32), by_column.indices.astype(np.int32)
    return highs.ColumnwiseProgram(cost, lower, upper, low, high, first, of_row, by_column.data)


def resolve(
    program: highs.ColumnwiseProgram, status: NDArray[np.int8]
) -> tuple[bool, float, Floats]:
    """Whether it was solved, its objective, and what the multipliers prove it to be."""
    first = np.append(program.column_starts, len(program.value)).astype(np.int64)
    matrix = sparse.csc_array(
        (program.value, program.row_index, first), (len(program.row_lower), len(program.cost))
    )
    columns, rows = len(program.cost), len(program.row_lower)
    x, y = np.empty(columns + rows), np.empty(rows)
    solved = dual_simplex.solve_from_basis(*program[:5], first, *program[6:], status, x, y)
    x = x[:columns]
    if not solved:
        return False, INF, y
    assert (x >= program.lower - 1e-8).all()
    assert (x <= program.upper + 1e-8).all()
    activity = matrix @ x
    assert (activity >= program.row_lower - 1e-8).all()
    assert (activity <= program.row_upper + 1e-8).all()
    free, tight = np.isinf(program.row_lower), np.isinf(program.row_upper)
    proven = class_programs.compute_dual_bound(
        y.copy(), *program[3:5], free, tight, *program[:3], first, *program[6:],
        np.full(len(x), -1), np.ones(len(x)), 1e9, 1.0,
    )  # fmt: skip
    return True, float(program.cost @ x), proven


def slack_basis(program: highs.ColumnwiseProgram) -> NDArray[np.int8]:
    return np.repeat([0, 1], [len(program.cost), len(program.row_lower)]).astype(np.int8)


def solved_by_highs(program: highs.ColumnwiseProgram) -> float:
    solver = highs.WarmStartSolver()
    solver.load(program)
    return solver.solve()[0]


@pytest.mark.quick(every=13, ci=5)
@pytest.mark.parametrize("seed", range(300))
def test_it_finds_and_proves_the_optimum_of_the_solver(seed: int) -> None:
    """From nothing, then with other sides from the basis that was left, then from no basis at all:
    one whose columns are drawn, most of them dependent."""
    program, draw = random_program(seed), np.random.default_rng(seed)
    status = slack_basis(program)
    for _ in range(4):
        solved, found, proven = resolve(program, status)
        assert solved
        best = solved_by_highs(program)
        assert found == pytest.approx(best, abs=1e-7)
        assert proven == pytest.approx(best, abs=1e-7)
        again, same, _ = resolve(program, status.copy())
        assert again
        assert same == pytest.approx(best, abs=1e-7)
        loose = draw.integers(0, 2, len(program.row_lower)).astype(float)
        program = program._replace(
            row_lower=program.row_lower - loose, row_upper=program.row_upper + loose
        )
    drawn = draw.integers(0, 3, len(status)).astype(np.int8)
    solved, found, _ = resolve(program, drawn)
    if solved:  # else it says so
        assert found == pytest.approx(solved_by_highs(program), abs=1e-7)


def test_most_bases_that_are_none_are_mended() -> None:
    """What the test above skips is rare."""
    draw, solved = np.random.default_rng(0), 0
    for seed in range(200):
        program = random_program(seed)
        status = draw.integers(0, 3, len(slack_basis(program))).astype(np.int8)
        solved += resolve(program, status)[0]
    assert solved >= 190


def test_a_program_without_a_solution_is_left_to_the_solver() -> None:
    one = np.ones(1)
    program = arrays(one, 0 * one, one, 2 * one, INF * one, np.ones((1, 1)))
    assert not resolve(program, slack_basis(program))[0]


def test_a_program_whose_costs_no_basis_can_bear_is_left_to_the_solver() -> None:
    """A column without an upper bound is worth having: no basis is dual feasible at first."""
    one = np.ones(1)
    program = arrays(-one, 0 * one, INF * one, -INF * one, one, np.ones((1, 1)))
    assert not resolve(program, slack_basis(program))[0]
    assert solved_by_highs(program) == pytest.approx(-1.0)


def test_many_pivots_go_through_many_factors() -> None:
    """A staircase in which each period passes on to the next: more pivots than one factor takes."""
    length = 3 * dual_simplex.MAX_UPDATES
    passes_on = np.eye(length) - 0.9 * np.eye(length, k=-1)
    matrix = np.hstack([passes_on, np.eye(length)])
    cost = np.r_[np.zeros(length), 1.0 + np.arange(length) % 7]
    need = 1.0 + np.arange(length) % 3
    program = arrays(
        cost, np.zeros(2 * length), np.r_[np.full(length, 5.0), np.full(length, INF)], need,
        np.full(length, INF), matrix,
    )  # fmt: skip
    status = slack_basis(program)
    solved, found, proven = resolve(program, status)
    assert solved
    assert found == pytest.approx(solved_by_highs(program))
    assert proven == pytest.approx(found)
    assert (status[:length] == 1).sum() > dual_simplex.MAX_UPDATES // 2


@pytest.mark.quick(2, ci=15)
@pytest.mark.parametrize("seed", range(100))
def test_both_methods_solve_state_classes_equally(seed: int) -> None:
    """Chains of all kinds at three points, each from the bases of the last: damage, what is proven
    of any other point, and what is missing where early periods come first."""
    draw = random.Random(f"looks {seed}")
    instance = read_instance(Case.model_validate(chain_case(draw.choice)))
    states = read_states(instance)
    recourse = RecourseEvaluator(instance, states, threads=1)
    for state_classes in recourse.chain_classes:
        for chain in state_classes.chains:
            few, many = build_chain_template(instance, chain), build_chain_template(instance, chain)
            many.uses_compiled_solver = True
            bases: list[list[Any]] = [
                [None] * state_classes.class_count,
                [None] * state_classes.class_count,
            ]
            for _ in range(3):
                point = FirstStagePoint(
                    np.array([draw.random() for _ in recourse.columns.offtake_columns]),
                    np.array([[9 * draw.random() ** 4 for _ in instance.years]
                              for _ in recourse.columns.stockpiles]).reshape(
                        -1, len(instance.years)),
                )  # fmt: skip
                one = recourse.build_program_evaluation(
                    chain, state_classes, point, np.ones((1, state_classes.class_count)), False
                )
                given = one.parameter_values(slice(None))
                slow, quick = (
                    own.solve(given, one.is_open, at)
                    for own, at in zip((few, many), bases, strict=True)
                )
                size = 1e-7 * max(1.0, slow.damage.max(initial=0.0))
                assert quick.damage == pytest.approx(slow.damage, abs=size)
                assert quick.dual_bound == pytest.approx(slow.damage, abs=10 * size)
                missing = [own.solve_shortages(given, one.is_open) for own in (few, many)]
                assert missing[0] @ few.program.cost == pytest.approx(slow.damage, abs=10 * size)
                early = [c for c, (name, _) in enumerate(few.column_keys) if name == "shortage"]
                assert missing[1][:, early] == pytest.approx(missing[0][:, early], abs=1e-5)


@pytest.mark.parametrize("seed", range(8))
def test_a_class_solved_by_the_fallback_has_the_same_proof(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a class that the solver settles, only the solver's result counts."""
    draw = random.Random(f"given up {seed}")
    instance = read_instance(Case.model_validate(chain_case(draw.choice)))
    recourse = RecourseEvaluator(instance, read_states(instance), threads=1)
    resolve_all = class_programs.solve_class_programs

    def given_up(*asked: Any) -> Any:
        solved, *found = resolve_all(*asked)
        return np.zeros_like(solved), *found

    monkeypatch.setattr(class_programs, "solve_class_programs", given_up)
    point = recourse.columns.to_point(Commitment())
    for state_classes in recourse.chain_classes:
        for chain in state_classes.chains:
            template = build_chain_template(instance, chain)
            one = recourse.build_program_evaluation(
                chain, state_classes, point, np.ones((1, state_classes.class_count)), False
            )
            given = one.parameter_values(slice(None))
            alone = template.solve(given, one.is_open, [None] * state_classes.class_count)
            template.uses_compiled_solver = True
            after = template.solve(given, one.is_open, [None] * state_classes.class_count)
            assert after.damage == pytest.approx(alone.damage)
            assert after.dual_bound == pytest.approx(alone.dual_bound)
            assert after.parameter_duals == pytest.approx(alone.parameter_duals)
