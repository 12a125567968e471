"""Incumbents that a search reports, and the plan built from the last one after the search was
killed."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from small_programs import hard

from models.files import read_case
from models.scenario.references import Case
from optimizer.cli import child_process
from optimizer.errors import CheckFailed
from optimizer.model import highs
from optimizer.model.commitment import Commitment
from optimizer.solve import planner
from optimizer.solve.checked_solution import input_hash
from optimizer.solve.solver_result import Incumbent, IncumbentReporter, Method

TUTORIAL = Path(__file__).parents[1] / "scenarios" / "tutorial.yaml"


@cache
def case() -> Case:
    return read_case(TUTORIAL).case


@cache
def incumbents_of(method: Method) -> tuple[Incumbent, ...]:
    heard: list[Incumbent] = []
    planner.solve_to_plan(case(), method=method, on_incumbent=heard.append)
    return tuple(heard)


@pytest.mark.parametrize("method", ["extensive", "decomposition"])
def test_the_last_reported_incumbent_becomes_the_plan(method: Method, tmp_path: Path) -> None:
    """By way of a file, as it goes to another process."""
    last = incumbents_of(method)[-1]
    assert last.final
    link = child_process.SupervisorLink(tmp_path, "killed")
    link.save_checkpoint(last, input_hash(case()))
    saved, sha256 = link.load_checkpoint()
    assert sha256 == input_hash(case())
    plan = planner.plan_from_incumbent(case(), saved, ending="killed")
    expected = planner.solve_to_plan(case(), method=method)
    assert plan.projects == expected.projects
    assert plan.stockpiles == expected.stockpiles
    found = plan.certificate
    assert (found.ended, found.method, found.status) == ("killed", method, "optimal")
    assert found.objective == pytest.approx(expected.certificate.objective)


def test_without_a_bound_nothing_is_proven() -> None:
    last = replace(incumbents_of("decomposition")[-1], bound=None)
    found = planner.plan_from_incumbent(case(), last, ending="killed").certificate
    assert (found.status, found.bound, found.gap) == ("limit", None, None)


def test_what_breaks_a_rule_or_its_bound_is_no_plan() -> None:
    last = incumbents_of("decomposition")[-1]
    broken = replace(last.commitment, start=dict.fromkeys(last.commitment.start, 2027))
    with pytest.raises(CheckFailed, match="P1"):
        planner.plan_from_incumbent(case(), replace(last, commitment=broken), ending="killed")
    with pytest.raises(CheckFailed, match="bound"):
        planner.plan_from_incumbent(case(), replace(last, bound=1e6), ending="killed")


def test_a_running_solve_tells_better_solutions() -> None:
    heard: dict[float, tuple[np.ndarray, float]] = {}
    program = hard()
    solution = highs.solve(
        program,
        time_limit=1.0,
        on_incumbent=lambda values, objective, bound: heard.update({objective: (values, bound)}),
    )
    assert heard
    assert list(heard) == sorted(heard, reverse=True)
    for objective, (values, bound) in heard.items():
        assert highs.max_violation(program, values) < 1e-6
        assert program.cost @ values + program.offset == pytest.approx(objective)
        assert bound <= objective
    assert solution.objective is not None
    assert min(heard) >= solution.objective - 1e-6


def test_an_error_of_a_progress_callback_loses_no_plan() -> None:
    def fail(_incumbent: Incumbent) -> None:
        raise ZeroDivisionError

    reporter = IncumbentReporter("extensive", fail, lambda _values: Commitment())
    reporter.report(np.zeros(1), 1.0, -math.inf)


def test_the_first_plan_is_reported_at_once_and_news_later(monkeypatch: pytest.MonkeyPatch) -> None:
    now, heard = [0.0], list[Incumbent]()
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    reporter = IncumbentReporter("extensive", heard.append, lambda _values: Commitment())
    first, second = np.zeros(1), np.ones(1)
    reporter.report(None, math.inf, 0.0)
    reporter.report(first, 9.0, -math.inf)
    reporter.report(second, 8.0, 1.0)
    assert [(one.objective, one.bound) for one in heard] == [(9.0, None)]
    now[0] = 2.0
    reporter.report(second, 8.0, 1.0)
    now[0] = 4.0
    reporter.report(second, 8.0, 1.0)
    reporter.report(second, 8.0, 2.0)
    assert [(one.objective, one.bound) for one in heard[1:]] == [(8.0, 1.0), (8.0, 2.0)]
