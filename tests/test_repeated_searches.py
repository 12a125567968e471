"""Repeated searches keep the better plan and only proven bounds."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from small import case, funder, near, project

from models.files import read_case
from models.scenario.case import Case
from optimizer.errors import SolverError
from optimizer.model import highs
from optimizer.model.commitment import Commitment
from optimizer.model.instance import FixedDecisions, change_perspective, read_instance
from optimizer.model.scenario_data import cap_surplus_offtake
from optimizer.solve import certification, planner
from optimizer.solve.checked_solution import updated_certificate
from optimizer.solve.decomposition import benders, solve_by_decomposition
from optimizer.solve.decomposition.branch_and_cut import BranchAndCut
from optimizer.solve.planner import Problem
from optimizer.solve.solver_result import NUMERICAL_LIMIT, GapScale, Incumbent, SolverResult

TUTORIAL = Path(__file__).parents[1] / "scenarios" / "tutorial.yaml"
OPTIMUM = 27.5


@cache
def tutorial() -> Problem:
    return Problem.from_case(read_case(TUTORIAL).case)


def decompose(**options: Any) -> SolverResult:
    problem = tutorial()
    return solve_by_decomposition(problem.tree, [problem.states], gap=1e-4, **options)


@pytest.fixture
def doubted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every search is in doubt."""
    monkeypatch.setattr(benders, "_is_doubtful", lambda *_: True)


def second(monkeypatch: pytest.MonkeyPatch, instead: Any) -> None:
    """What the second search does instead of searching."""
    first, calls = BranchAndCut.close_gap, []

    def search(self: BranchAndCut) -> None:
        calls.append(self)
        if len(calls) == 1:
            first(self)
        else:
            instead(self)

    monkeypatch.setattr(BranchAndCut, "close_gap", search)


def test_a_doubtful_search_is_repeated_and_proves_the_same(doubted: None) -> None:
    found = decompose()
    assert (found.solution.ending, found.solution.solver_status) == ("optimal", "gap closed")
    assert found.solution.objective == near(OPTIMUM)
    assert found.solution.bound == pytest.approx(OPTIMUM, rel=1e-4)


def test_a_known_plan_refutes_infeasibility(doubted: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(search: BranchAndCut) -> None:
        search.run.best_solution, search.run.best_objective, search.run.lower_bound = (
            None,
            np.inf,
            np.inf,
        )

    second(monkeypatch, nothing)
    found = decompose()
    assert found.commitment is not None
    assert found.solution.objective == near(OPTIMUM)
    # What the first search proved is what is left.
    assert found.solution.bound == pytest.approx(OPTIMUM, rel=1e-4)


def test_a_search_that_fails_leaves_the_plan_of_the_one_before(
    doubted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: BranchAndCut) -> None:
        raise SolverError("gone")

    second(monkeypatch, fails)
    assert decompose().solution.objective == near(OPTIMUM)


def test_the_better_plan_is_kept(doubted: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second search knows none but the worst: to do nothing."""

    def idle(search: BranchAndCut) -> None:
        run = search.run
        run.best_solution = np.zeros(len(run.master.program.cost))
        run.best_objective, run.lower_bound = 1e6, 0.0

    second(monkeypatch, idle)
    found = decompose()
    assert found.solution.objective == near(OPTIMUM)
    assert (found.solution.solver_status, found.solution.bound) == (NUMERICAL_LIMIT, 0.0)


def test_a_search_that_fails_without_a_plan_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: BranchAndCut) -> None:
        raise SolverError("gone")

    monkeypatch.setattr(BranchAndCut, "close_gap", fails)
    monkeypatch.setattr(benders, "_is_doubtful", lambda *_: False)
    with pytest.raises(SolverError, match="gone"):
        decompose()


def test_a_plan_in_doubt_is_kept_where_no_time_is_left_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(certification, "_is_doubtful", lambda *_, **__: True)
    found = certification.solve_by_decomposition

    def hurried(*given: Any, **options: Any) -> SolverResult:
        return found(*given, **{**options, "time_limit": 0.0})

    monkeypatch.setattr(certification, "solve_by_decomposition", hurried)
    solved = certification.solve_problem(tutorial(), gap=1e-4, method="extensive")
    assert solved.method == "extensive"
    assert solved.solution.objective == near(OPTIMUM)


def test_a_plan_that_violates_a_rule_is_solved_again_with_the_smallest_tolerances(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    breaks = iter([True, False])
    monkeypatch.setattr(certification, "_breaks_a_rule", lambda *_: next(breaks))
    asked = []
    found = certification.solve_by_decomposition

    def noted(*given: Any, **options: Any) -> SolverResult:
        asked.append(options.get("exact", False))
        return found(*given, **options)

    monkeypatch.setattr(certification, "solve_by_decomposition", noted)
    solved = certification.solve_problem(tutorial(), gap=1e-4, method="decomposition")
    assert asked == [False, True]
    assert solved.solution.objective == near(OPTIMUM)


def test_at_its_numerical_limit_a_small_problem_gets_the_extensive_form(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = certification.solve_by_decomposition

    def stuck(*given: Any, **options: Any) -> SolverResult:
        solved = found(*given, **options)
        solution = replace(
            solved.solution, ending="limit", solver_status=NUMERICAL_LIMIT, bound=0.0
        )
        return replace(solved, solution=solution)

    monkeypatch.setattr(certification, "solve_by_decomposition", stuck)
    solved = certification.solve_problem(tutorial(), gap=1e-4, method="decomposition")
    assert (solved.method, solved.solution.ending) == ("extensive", "optimal")


@pytest.mark.parametrize("fails", [False, True])
def test_the_empty_commitment_refutes_infeasibility(
    fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the extensive form fails too, it is the plan, and nothing is proven of others."""
    found = certification.solve_by_decomposition

    def wrong(*given: Any, **options: Any) -> SolverResult:
        solved = found(*given, **options)
        none = replace(
            solved.solution, ending="infeasible", solver_status="infeasible", objective=None
        )
        return replace(solved, solution=none, commitment=None)

    def failing(*_: Any, **__: Any) -> SolverResult:
        raise SolverError("gone")

    monkeypatch.setattr(certification, "solve_by_decomposition", wrong)
    if fails:
        monkeypatch.setattr(certification, "solve_extensive_form", failing)
    proof = planner.solve_and_certify(tutorial(), method="decomposition").certificate
    if fails:
        assert (proof.status, proof.bound, proof.ended) == ("limit", None, NUMERICAL_LIMIT)
    else:
        assert (proof.status, proof.method) == ("optimal", "extensive")
        assert proof.objective == near(OPTIMUM)


def large_and_small() -> Case:
    """A million tonnes that always arrive, and 100 t of tin that never do: 0.001 million EUR."""
    raw = case(
        materials={
            "ore": {"name": "Ore", "price_eur_per_t": 1},
            "tin": {"name": "Tin", "price_eur_per_t": 1},
        },
        demand=[
            {"consumer": "industry", "material": "ore", "t_per_year": 1e6},
            {"consumer": "industry", "material": "tin", "t_per_year": 100},
        ],
        damage=[
            {"material": "ore", "steps": [{"share": 1.0, "eur_per_t": 1e6}]},
            {"material": "tin", "steps": [{"share": 1.0, "eur_per_t": 10}]},
        ],
        supply=[{"material": "ore", "country": "DE", "share": 1.0}],
    )
    return Case.model_validate(raw)


def test_a_stopped_search_keeps_its_proven_bound() -> None:
    last = Incumbent("decomposition", Commitment(), 1e-3, bound=0.0)
    found = planner.plan_from_incumbent(large_and_small(), last, ending="killed").certificate
    assert (found.status, found.objective, found.bound) == ("limit", 1e-3, 0.0)
    other = updated_certificate(found, 1e-3, 9e-4, GapScale(objective_floor=1e-9, rounding=1.0))
    assert (other.status, other.bound) == ("limit", 9e-4)


@pytest.mark.parametrize("ended", ["Optimal", "gap closed", NUMERICAL_LIMIT])
@pytest.mark.parametrize(
    ("bound", "kept"), [(0.0, 0.0), (1e-3 - 1e-8, 1e-3 - 1e-8), (1e-3 + 1e-8, 1e-3), (2e-3, None)]
)
def test_an_open_gap_is_not_reported_as_closed(
    ended: str, bound: float, kept: float | None
) -> None:
    """All differences are small beside the million that could be missing. A bound that the plan
    refutes by more than the gap proves nothing."""
    problem = Problem.from_case(large_and_small())
    last = highs.ProgramSolution("optimal", ended, None, 1e-3, bound, 0, 0.0)
    solved = SolverResult("extensive", last, Commitment(), seconds_by_step={}, model_size={})
    proof = planner.certify(problem, solved, gap=1e-4, started_at=0.0).certificate
    closed = kept is not None and kept > 0
    assert (proof.status, proof.bound) == ("optimal" if closed else "limit", kept)
    assert proof.ended == (ended if closed else NUMERICAL_LIMIT)


@pytest.mark.parametrize(
    ("lower", "bound"), [(49.0, 49.0), (50.004, 50.0), (100.0, None), (np.inf, 50.0)]
)
def test_a_bound_that_a_plan_refutes_proves_nothing(lower: float, bound: float | None) -> None:
    """A plan of 50 was found. An exhausted tree has no bound, and its best plan is the best."""
    run: Any = SimpleNamespace(
        best_solution=object(), lower_bound=lower, best_objective=50.0, is_done=True,
        target_objective=-np.inf, target_gap=1e-4, gap_denominator=abs, is_unbounded=False,
        is_interrupted=False, hit_node_limit=False, deadline=np.inf, node_count=0,
        history=[],
    )  # fmt: skip
    found = benders._build_solution(run, 50.0, 1e-4, 1.0)
    assert found.bound == bound
    is_proven = bound is not None and bound > 49.99
    assert found.solver_status == ("gap closed" if is_proven else NUMERICAL_LIMIT)


@pytest.mark.parametrize(
    ("ending", "objective", "is_better"),
    [("limit", 11.0, True), ("limit", 10.0 + 1e-9, False), ("limit", 9.0, False),
     ("optimal", 11.0, False)],
)  # fmt: skip
def test_the_better_of_two_plans_that_leave_a_gap_is_kept(
    ending: highs.Ending, objective: float, is_better: bool
) -> None:
    def solved(ending: highs.Ending, objective: float) -> SolverResult:
        last = highs.ProgramSolution(ending, ending, None, objective, 0.0, 0, 0.0)
        return SolverResult("extensive", last, Commitment(), seconds_by_step={}, model_size={})

    assert certification._is_better(solved("limit", 10.0), solved(ending, objective)) == is_better


def test_integer_columns_use_integer_units() -> None:
    """x is whole and costs 3 million; y costs 1, but there is too little of it."""
    program = highs.program_from_arrays(
        [3e6, 1.0], [[1.0, 1.0]], [0.5], [np.inf], [0.0, 0.0], [1.0, 0.2]
    )
    program = replace(program, is_integer=np.array([True, False]))
    found = highs.solve(program, objective_factor=2.0**10)
    assert found.values is not None
    assert found.values[0] == 1.0


def test_settled_shares_of_a_large_project_stay_feasible() -> None:
    raw = case(
        projects={"works": project(tonnes=1e6, market_finance_max=1.0)},
        funders={"fund": funder(kind="company")},
        consumers={"industry": {"name": "Industry", "company": "fund"}},
    )
    instance = read_instance(Case.model_validate(raw))
    (group,) = instance.groups_with_right("works")
    settled = change_perspective(
        instance, fixed_decisions=FixedDecisions(offtake={("works", 2026, group): 0.5})
    )
    held = cap_surplus_offtake(settled, Problem.from_case(Case.model_validate(raw)).states)
    free = cap_surplus_offtake(instance, Problem.from_case(Case.model_validate(raw)).states)
    assert free.projects["works"].offtake_max < 0.01
    assert held.projects["works"].offtake_max >= 0.5
