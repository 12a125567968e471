"""Random plans with a review: against exhaustion, both methods, and identities."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from both_methods import by_both
from oracle_review import best_with_review
from random_cases import Raw, crowded_case, deals_case, lasting_case, small_case, treasury_case
from random_chains import chain_case
from random_reviews import drawn_with_review, drawn_with_sets_and_review
from random_worlds import world_case

from models.scenario.case import Case
from optimizer.errors import Infeasible
from optimizer.solve.certification import solve_problem
from optimizer.solve.planner import Problem, solve_and_certify, solve_to_plan, with_reference_optima

SMALL = {"small": small_case, "treasury": treasury_case, "lasting": lasting_case}
SMALL |= {"deals": deals_case, "world": world_case}
DRAWS: dict[str, Any] = SMALL | {"crowded": crowded_case, "chain": chain_case}
GAP = 1e-6


@pytest.mark.quick(every=61, ci=19)
@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("seed", range(24))
def test_the_planner_finds_the_optimum_of_exhaustive_search(kind: str, seed: int) -> None:
    """One program for all groups, written from the formulation alone, for every pattern of whole
    decisions on every path."""
    for number in itertools.count(seed, 1000):
        raw = drawn_with_review(kind, number, SMALL[kind])
        answer = best_with_review(raw)
        if answer is not None:
            break
    least = answer[0]
    try:
        found = solve_to_plan(Case.model_validate(raw), gap=0.0)
    except Infeasible:
        assert least is None
        return
    assert least is not None
    assert abs(found.certificate.objective - least) <= 2e-6 * max(1.0, abs(least))


@pytest.mark.quick(every=79, ci=29)
@pytest.mark.parametrize("kind", DRAWS)
@pytest.mark.parametrize("seed", range(100, 134))
def test_both_methods_find_one_optimum(kind: str, seed: int) -> None:
    """Proven to the gap asked for, by a bound below the optimum; or neither has a plan."""
    problem = Problem.from_case(Case.model_validate(drawn_with_review(kind, seed, DRAWS[kind])))
    by_both(problem, GAP)


@pytest.mark.quick(every=79, ci=29)
@pytest.mark.parametrize("kind", DRAWS)
@pytest.mark.parametrize("seed", range(400, 424))
def test_both_methods_find_one_optimum_over_sets(kind: str, seed: int) -> None:
    """Each set has groups with its own probabilities; some groups are empty in a set."""
    over = ("mean", "worst", "regret")[seed % 3]
    case = Case.model_validate(drawn_with_sets_and_review(kind, seed, DRAWS[kind], over))
    problem = Problem.from_case(case)
    try:
        problem = with_reference_optima(problem, gap=1e-7)
    except Infeasible:
        for method in ("extensive", "decomposition"):
            with pytest.raises(Infeasible):
                solve_and_certify(problem, method=method, gap=GAP)
        return
    best = by_both(problem, GAP)
    if best is not None and over != "regret":  # with less known, no plan is better
        now = solve_problem(problem.without_review, gap=GAP).solution
        assert now.objective is not None
        assert best <= now.objective + 4e-6 * max(abs(best), problem.objective_floor) + 1e-6


def alone(raw: Raw) -> Raw:
    """The case where all is decided now."""
    return {key: own for key, own in raw.items() if key != "review"}


@pytest.mark.quick(every=23, ci=11)
@pytest.mark.parametrize("kind", ["small", "world"])
@pytest.mark.parametrize("seed", range(200, 220))
def test_a_review_never_costs(kind: str, seed: int) -> None:
    """No plan with a review is worse than the best without, nor better than one that knows all."""
    raw = drawn_with_review(kind, seed, DRAWS[kind])
    raw.setdefault("objective", {}).setdefault("cvar", {})["weight"] = 0.0
    problem = Problem.from_case(Case.model_validate(raw))
    try:
        now = solve_and_certify(problem.without_review, gap=1e-7)
    except Infeasible:
        with pytest.raises(Infeasible):
            solve_and_certify(problem, gap=1e-7)
        return
    found = solve_and_certify(problem, gap=1e-7)
    slack = 1e-5 * max(1.0, abs(now.objective))
    assert found.objective <= now.objective + slack
    knowing = 0.0
    for state in raw["uncertainty"]["states"]:
        own = alone(raw) | {"uncertainty": {"states": [state | {"probability": 1.0}]}}
        best = solve_and_certify(Problem.from_case(Case.model_validate(own)), gap=1e-7)
        knowing += state["probability"] * best.objective
    if not any(own.get("price_states") for own in raw["materials"].values()):
        # What floors cost is planned by other prices in each state by itself.
        assert found.objective >= knowing - slack
