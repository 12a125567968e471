"""The door to the solver: what is refused, how solves end, and how they are stopped."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from small_programs import hand_over, hard, model, program, solve_model

from optimizer.errors import InvalidModelData, UnknownOption
from optimizer.model import highs
from optimizer.model.highs import Progress

ROOT = Path(__file__).parents[1]


def run(script: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a new Python process in this folder."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests' / 'support'}", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


def test_a_program_and_a_model_are_solved() -> None:
    solution = highs.solve(program())
    assert (solution.ending, solution.objective, solution.bound) == ("optimal", 1.0, 1.0)
    assert list(solution.values) == [1.0, 0.0]
    # Two whole x at 0.9 and half a y at 1 are 2.3, three x are 2.7.
    compiled = highs.compile_model(model(cost=0.9, side=2.5, integers=True))
    mixed = highs.solve(compiled.program, gap=0.0)
    assert mixed.objective == pytest.approx(2 * 0.9 + 0.5)
    assert mixed.bound == pytest.approx(mixed.objective)
    compiled.load_solution(mixed.values)
    assert [v.value for v in compiled.variables] == pytest.approx([2.0, 0.5])


# The four ways in which a model silently goes wrong.


def test_a_coefficient_taken_for_infinite_is_refused() -> None:
    """HiGHS refuses the row, and Pyomo's interfaces call the rest optimal."""
    with pytest.raises(InvalidModelData, match=r"coefficient of x in enough is 1e\+16"):
        hand_over(model(coefficient=1e16))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_numbers_that_are_none_are_refused(bad: float) -> None:
    with pytest.raises(InvalidModelData, match="the cost of x"):
        solve_model(model(cost=bad))
    with pytest.raises(InvalidModelData, match="coefficient of x in enough"):
        solve_model(model(coefficient=bad))
    with pytest.raises(InvalidModelData, match="a bound"):
        solve_model(model(side=bad))


def test_numbers_that_are_none_are_refused_in_bare_arrays() -> None:
    for changes in ({"lower": [math.nan, 0.0]}, {"upper": [0.0, math.nan]}):
        with pytest.raises(InvalidModelData, match="a bound of column"):
            highs.solve(program(**changes))
    with pytest.raises(InvalidModelData, match="constant of the objective"):
        highs.solve(replace(program(), offset=math.nan))


@pytest.mark.parametrize(
    "options", [{"mip_rel_gapp": 1e-4}, {"presolve": "maybe"}, {"threads": "two"}]
)
def test_a_misspelt_option_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UnknownOption, match=next(iter(options))):
        highs.solve(program(), options=options)


def test_a_term_that_would_be_dropped_is_refused() -> None:
    with pytest.raises(InvalidModelData, match=r"coefficient of x in enough is 1e-10, .* drop"):
        hand_over(model(coefficient=1e-10))
    with pytest.raises(InvalidModelData):
        hand_over(model(coefficient=1e-9))
    # Scaled, it is a coefficient like any other.
    solution = highs.solve(program(matrix=[[1e-10, 0.0]]))
    assert solution.values == pytest.approx([1e10, 0.0], rel=1e-9, abs=0)


def test_a_constraint_that_would_be_dropped_is_refused() -> None:
    it = model()
    it.nothing = pyo.Constraint(expr=0 * it.x <= 1)
    with pytest.raises(InvalidModelData, match=r"nothing has no variable"):
        highs.compile_model(it)


def test_exactly_one_objective_to_be_minimised() -> None:
    for change in ("none", "two", "maximize"):
        it = model()
        if change == "two":
            it.second = pyo.Objective(expr=it.y)
        else:
            it.objective.deactivate()
        if change == "maximize":
            it.most = pyo.Objective(expr=it.y, sense=pyo.maximize)
        with pytest.raises(InvalidModelData, match="exactly one objective"):
            highs.compile_model(it)


# What is too large or too far apart.


def test_coefficients_too_far_apart_are_refused_by_both_names() -> None:
    apart = {"row_lower": [1.0, 1.0], "row_upper": [math.inf, math.inf]}
    with pytest.raises(InvalidModelData, match="too far apart") as caught:
        hand_over(program(matrix=[[1e-8, 0.0], [0.0, 1.01e10]], **apart))
    assert "1e-08 (column 0 in row 0)" in str(caught.value)
    assert "1.01e+10 (column 1 in row 1)" in str(caught.value)


def test_coefficients_just_near_enough_are_taken() -> None:
    hand_over(program(matrix=[[1.1e-8, 1e10]]))
    assert highs.solve(program(matrix=[[1.0, 0.99e9]])).ending == "optimal"
    assert highs.solve(program(matrix=[[1.1e-8, 1.0]], cost=[1.0, 1e14])).ending == "optimal"


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"cost": [1e15, 1.0]}, "the cost of column 0"),
        ({"cost": [1.0, -1e15]}, "the cost of column 1"),
        ({"upper": [math.inf, 1e15]}, "a bound of column 1"),
        ({"lower": [-1e15, 0.0]}, "a bound of column 0"),
        ({"row_lower": [-1e15]}, "a bound of row 0"),
        ({"row_upper": [1e15]}, "a bound of row 0"),
        ({"row_lower": [math.inf]}, "row 0 has a bound nothing can meet"),
    ],
)
def test_costs_bounds_and_sides_too_large_are_refused(changes: dict[str, Any], what: str) -> None:
    with pytest.raises(InvalidModelData, match=what):
        hand_over(program(**changes))


def test_missing_sides_and_bounds_are_infinite() -> None:
    free = program(row_lower=[-math.inf], lower=[-math.inf, 0.0], upper=[math.inf] * 2, cost=[0, 0])
    assert highs.solve(free).ending == "optimal"
    assert highs.solve(program(cost=[9e14, 9e14])).ending == "optimal"


# How a solve ends.


def test_an_infeasible_program() -> None:
    solution = highs.solve(program(upper=[0.4, 0.4]))
    assert solution.ending == "infeasible"
    assert (solution.values, solution.objective, solution.bound) == (None, None, None)
    crossed = highs.solve(program(row_lower=[2.0], row_upper=[1.0]))
    assert crossed.ending == "infeasible"


def test_an_unbounded_program() -> None:
    solution = highs.solve(program(cost=[-1.0, 1.0]))
    assert solution.ending == "unbounded"
    assert (solution.values, solution.objective, solution.bound) == (None, None, None)


def test_an_unbounded_program_with_integers_is_not_called_infeasible() -> None:
    """x = 1, y = 0 is feasible."""
    assert solve_model(model(cost=-1.0, integers=True)).ending != "infeasible"


def test_no_time_at_all() -> None:
    solution = highs.solve(hard(), time_limit=0.0)
    assert solution.ending == "limit"
    assert (solution.values, solution.objective) == (None, None)
    assert not solution.interrupted


def test_a_time_limit_keeps_the_incumbent_and_its_bound() -> None:
    solution = highs.solve(hard(), time_limit=0.5)
    assert solution.ending == "limit"
    assert solution.values is not None
    assert solution.objective is not None
    assert solution.bound is not None
    assert solution.bound <= solution.objective
    assert solution.objective == pytest.approx(solution.values[30:].sum(), abs=1e-6)
    assert np.abs(solution.values[:30] - solution.values[:30].round()).max() < 1e-5


# What is seen of a running solve.


def test_progress_carries_bound_and_gap() -> None:
    seen: list[Progress] = []
    solution = highs.solve(hard(), time_limit=0.5, on_progress=seen.append)
    assert seen
    assert seen == list(solution.history)
    last = seen[-1]
    assert last.bound == pytest.approx(solution.bound)
    assert last.objective == pytest.approx(solution.objective)
    size = max(abs(last.objective), 1e-10)
    assert last.gap == pytest.approx((last.objective - last.bound) / size)
    assert [p.seconds for p in seen] == sorted(p.seconds for p in seen)


def test_an_exception_in_the_callback_does_not_ruin_the_solve() -> None:
    calls: list[Progress] = []

    def fail(progress: Progress) -> None:
        calls.append(progress)
        raise ZeroDivisionError

    solution = highs.solve(hard(), time_limit=0.5, on_progress=fail)
    assert len(calls) > 1
    assert solution.ending == "limit"
    assert solution.values is not None


def test_nothing_is_printed() -> None:
    done = run("""
        from small_programs import hard, model, program, solve_model
        from optimizer.model import highs
        highs.solve(program())
        highs.solve(hard(), time_limit=0.2)
        highs.solve(hard(), time_limit=0.2, on_progress=lambda progress: None)
        solve_model(model(integers=True))
        print("only this")
    """)
    assert done.stdout == "only this\n"
    assert done.stderr == ""


@pytest.mark.slow
def test_ctrl_c_keeps_the_incumbent() -> None:
    done = run("""
        import json, os, signal, threading, time
        from small_programs import hard
        from optimizer.model import highs
        before = signal.getsignal(signal.SIGINT)
        threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
        began = time.perf_counter()
        solution = highs.solve(hard(), time_limit=30)
        print(json.dumps({
            "seconds": time.perf_counter() - began,
            "ending": solution.ending,
            "interrupted": solution.interrupted,
            "found": solution.values is not None and solution.objective is not None,
            "restored": signal.getsignal(signal.SIGINT) is before,
        }))
    """)
    reported = json.loads(done.stdout)
    assert 0.9 < reported.pop("seconds") < 8
    assert reported == {"ending": "limit", "interrupted": True, "found": True, "restored": True}


@pytest.mark.slow
def test_another_number_of_threads_in_the_same_process() -> None:
    """HiGHS keeps one count for a process; a second value ends a run without an exception."""
    for threads in (1, 2, 1, None):
        limited = highs.solve(hard(), time_limit=0.2, threads=threads)
        assert (limited.ending, limited.values is not None) == ("limit", True)
        assert highs.solve(program(), threads=threads).ending == "optimal"


def test_a_row_without_coefficients_is_still_a_row() -> None:
    assert highs.solve(program(matrix=[[0.0, 0.0]])).ending == "infeasible"
    assert highs.solve(program(matrix=[[0.0, 0.0]], row_lower=[0.0])).ending == "optimal"


def test_rows_can_be_dropped_and_the_objective_left_out() -> None:
    whole = program(cost=[-1.0, 1.0], upper=[math.inf, 1.0])
    assert highs.solve(whole.without_objective()).ending == "optimal"
    free = program(upper=[0.4, 0.4]).free_rows(np.array([True]))
    assert highs.solve(free).objective == 0.0
    assert whole.size == {"rows": 1, "columns": 2, "integers": 0, "nonzeros": 2}


def test_a_constant_that_cannot_hold_is_refused_by_the_door() -> None:
    m = pyo.ConcreteModel()
    m.x = pyo.Var(bounds=(0, 1))
    m.never = pyo.Constraint(expr=0 * m.x >= 1)
    m.objective = pyo.Objective(expr=m.x)
    with pytest.raises(InvalidModelData):
        highs.compile_model(m)


@pytest.mark.parametrize("limits", [{"gap": math.nan}, {"time_limit": math.nan}, {"gap": -1.0}])
def test_a_limit_that_is_no_number_is_refused(limits: dict[str, float]) -> None:
    with pytest.raises(UnknownOption):
        highs.solve(highs.program_from_arrays([1.0], [[1.0]], [0.0], [1.0], [0.0], [1.0]), **limits)


def test_names_outlive_the_model() -> None:
    def program() -> highs.LinearProgram:
        m = pyo.ConcreteModel()
        m.x = pyo.Var(["a"], bounds=(0, 1))
        m.rule = pyo.Constraint(["a"], rule=lambda m, a: m.x[a] >= 0.5)
        m.objective = pyo.Objective(expr=m.x["a"])
        return highs.compile_model(m).program

    kept = program()
    assert (kept.row_names[0], kept.column_names[0]) == ("rule[a]", "x[a]")
