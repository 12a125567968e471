"""Values of reviews computed by hand, and their reports."""

from __future__ import annotations

from typing import Any

import pytest
from review_cases import SEEN, lasting_cut
from small import near, solve, state, stockpile

from models.scenario.references import Case
from optimizer.errors import CheckFailed
from optimizer.model.commitment import Commitment, combine_branches
from optimizer.solve.planner import Problem, solve_to_plan
from optimizer.solve.verification import check_commitment

METHODS = ("extensive", "decomposition")


@pytest.mark.parametrize("method", METHODS)
def test_a_review_is_worth_its_exact_price(method: Any) -> None:
    """Decided now, the works cost 6 and avoid 5: they are left, for 10. Where it is seen whether
    imports are cut, they are built then alone: half of 10 and 6."""
    assert solve(lasting_cut()).certificate.objective == near(10)
    found = solve_to_plan(Case.model_validate(lasting_cut(SEEN)), gap=0.0, method=method)
    assert found.certificate.objective == near(8)
    reported = found.review
    assert reported is not None
    assert (reported.now, reported.worth, reported.worth_least, reported.worth_most) == near(
        [10, 2, 2, 2]
    )
    assert found.projects == ()
    calm, struck = reported.groups
    assert [one.struck for one in (*calm.seen, *struck.seen)] == [False, True]
    assert calm.projects == ()
    assert [(p.id, p.start) for p in struck.projects] == [("works", 2027)]
    assert [calm.expected, struck.expected, struck.expected_without_plan] == near([0, 10, 20])
    assert [calm.net_cost_meur, struck.net_cost_meur] == near([0, 6])
    assert found.outcome.net_cost_meur == near(3)
    assert found.outcome.expected == near(5)


@pytest.mark.parametrize("method", METHODS)
def test_a_review_of_what_does_not_matter_is_worth_nothing(method: Any) -> None:
    states = [
        state(f"{name} {noise}", 0.25, *years)
        for name, years in (("calm", ()), ("cut", (2026,)))
        for noise in (False, True)
    ]
    for one in states[1::2]:
        one["events"] = [*one["events"], {"hazard": "noise", "start": 2026}]
    raw = lasting_cut({"year": 2027, "observe": [{"hazard": "noise"}]})
    raw["uncertainty"] = {"states": states}
    found = solve_to_plan(Case.model_validate(raw), gap=0.0, method=method)
    assert found.certificate.objective == near(10)
    assert found.review is not None
    assert len(found.review.groups) == 2
    assert found.review.worth == near(0)


def test_one_group_is_no_review() -> None:
    raw = lasting_cut({"year": 2027, "observe": [{"hazard": "noise"}]})
    found = solve(raw)
    assert found.review is not None
    assert len(found.review.groups) == 1
    assert found.certificate.objective == near(10)


@pytest.mark.parametrize("method", METHODS)
def test_worst_states_are_those_of_all_groups(method: Any) -> None:
    """Of the worst quarter by itself: with all weight on it the works are built where they help."""
    raw = lasting_cut(SEEN, objective={"cost_weight": 1.0, "cvar": {"level": 0.75, "weight": 1.0}})
    found = solve_to_plan(Case.model_validate(raw), gap=0.0, method=method)
    # Half of 6 for the works; the worst quarter of states then lacks one year, at 10.
    assert found.certificate.objective == near(13)
    assert found.outcome.cvar == near(10)


@pytest.mark.parametrize("method", METHODS)
def test_purchases_are_decided_again(method: Any) -> None:
    """Ore for 1 million EUR covers 2027; it is bought only where imports are cut."""
    raw = lasting_cut(SEEN, projects={})
    pile = stockpile(max_t=100, max_purchase_t_per_year={2026: 0, 2027: 100})
    found = solve_to_plan(Case.model_validate(raw | {"stockpiles": [pile]}), gap=0.0, method=method)
    assert found.review is not None
    assert [g.stockpiles[0].buy_t["2027"] for g in found.review.groups] == near([0, 100])
    assert found.stockpiles[0].buy_t["2027"] == near(50)
    assert found.certificate.objective == near(0.5 * (10 + 1))


def test_budgets_hold_in_each_group() -> None:
    """4 million EUR are half of what the works cost on the mean, but not in the group."""
    raw = lasting_cut(SEEN)
    raw["funders"]["fund"]["budget_meur"] = 4.0
    found = solve(raw)
    assert found.review is not None
    assert found.review.groups[1].projects == ()
    assert found.certificate.objective == near(10)


def test_the_check_finds_different_decisions_before_the_review() -> None:
    raw = lasting_cut(SEEN)
    raw["projects"]["works"]["earliest_start"] = 2026
    problem = Problem.from_case(Case.model_validate(raw))
    built = Commitment({"works": 2026}, {("works", "fund", "equity"): 1.0})
    check_commitment(problem.instance, combine_branches([built, built], problem.instance))
    for apart in ([built, Commitment()], [Commitment(), built]):
        with pytest.raises(CheckFailed, match="V1 review: start of works"):
            check_commitment(problem.instance, combine_branches(apart, problem.instance))
    with pytest.raises(CheckFailed, match="V1 review: 1 paths of 2"):
        check_commitment(problem.instance, combine_branches([built], problem.instance))
