"""Plans over sets of assumptions, solved by hand."""

from __future__ import annotations

from typing import Any

import pytest
from small import Raw, near, starts
from two_sets import MISSING, two_sets

from models.results import Plan
from models.scenario.references import Case
from optimizer.solve.planner import solve_to_plan

METHODS = ("extensive", "decomposition")


def solved(raw: Raw, method: Any) -> Plan:
    return solve_to_plan(Case.model_validate(raw), method=method, gap=0.0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("over", "built", "objective"),
    [("mean", "first", 6), ("worst", "even", 8.5), ("regret", "between", 5)],
)
def test_each_measure_has_a_best_plan_of_its_own(
    method: str, over: str, built: str, objective: float
) -> None:
    answer = solved(two_sets(over), method)
    assert starts(answer) == {built: 2026}
    assert answer.certificate.objective == near(objective)
    assert answer.certificate.status == "optimal"
    assert answer.certificate.over_assumptions == over
    assert [own.objective for own in answer.under] == near([*MISSING[built]])
    assert [own.without_plan.expected for own in answer.under] == near([20, 20])


@pytest.mark.parametrize("method", METHODS)
def test_weights_decide_the_mean(method: str) -> None:
    """At 0.2 and 0.8 the second work comes to 8.8, the others to 9.6, 8.5 and 9."""
    assert starts(solved(two_sets("mean", 0.2), method)) == {"even": 2026}


def test_regret_is_reported_for_each_set() -> None:
    answer = solved(two_sets("regret"), "extensive")
    assert [own.best for own in answer.under] == near([0, 6])
    assert [own.regret for own in answer.under] == near([5, 4])
    assert [own.decides for own in answer.under] == [True, False]
    assert answer.certificate.regret_open == near(0)


def test_sets_without_a_set_objective_are_only_evaluated() -> None:
    """As it stands a tonne of either costs a million: the first work leaves 12 t of 40."""
    answer = solved(two_sets(None), "auto")
    assert starts(answer) == {"first": 2026}
    assert answer.certificate.objective == near(12)
    assert answer.certificate.over_assumptions is None
    assert [own.objective for own in answer.under] == near([0, 12])
    assert [own.regret for own in answer.under] == [None, None]
