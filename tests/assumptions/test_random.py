"""Random plans over sets of assumptions: against exhaustion, both methods, and identities."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from both_methods import by_both
from oracle import count_patterns
from oracle_sets import best_of_sets
from random_cases import Raw, crowded_case, deals_case, lasting_case, small_case, treasury_case
from random_sets import drawn_with_sets
from random_worlds import world_case

from models.scenario.references import Case
from optimizer.errors import Infeasible
from optimizer.solve.planner import Problem, solve_and_certify, solve_to_plan, with_reference_optima

OVERS = ("mean", "worst", "regret")
SMALL = {"small": small_case, "treasury": treasury_case, "lasting": lasting_case}
SMALL |= {"deals": deals_case, "world": world_case}
DRAWS = SMALL | {"crowded": crowded_case}
MOST_PATTERNS = 150
GAP = 1e-6


def drawn(kind: str, seed: int, over: str | None = None) -> Raw:
    return drawn_with_sets(kind, seed, DRAWS[kind], over or OVERS[seed % 3])


@pytest.mark.quick(every=61, ci=19)
@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("seed", range(24))
def test_the_planner_finds_the_optimum_of_exhaustive_search(kind: str, seed: int) -> None:
    """One program for all sets, written from the formulation alone, for every pattern of whole
    decisions."""
    fresh = (drawn(kind, number) for number in itertools.count(seed, 1000))
    raw = next(raw for raw in fresh if count_patterns(raw) <= MOST_PATTERNS)
    answer = best_of_sets(raw)
    try:
        found = solve_to_plan(Case.model_validate(raw), gap=0.0)
    except Infeasible:
        assert answer is None
        return
    assert answer is not None
    size = max(1.0, abs(answer[0]), *map(abs, answer[1]))
    assert abs(found.certificate.objective - answer[0]) <= 2e-6 * size


@pytest.mark.quick(every=101, ci=23)
@pytest.mark.parametrize("kind", DRAWS)
@pytest.mark.parametrize("seed", range(100, 134))
def test_both_methods_find_one_optimum(kind: str, seed: int) -> None:
    """Proven to the gap asked for, by a bound below the optimum; or neither has a plan."""
    problem = Problem.from_case(Case.model_validate(drawn(kind, seed)))
    try:
        problem = with_reference_optima(problem, gap=1e-7)
    except Infeasible:
        for method in ("extensive", "decomposition"):
            with pytest.raises(Infeasible):
                solve_and_certify(problem, method=method, gap=GAP)
        return
    by_both(problem, GAP)


@pytest.mark.quick(every=17, ci=5)
@pytest.mark.parametrize("seed", range(30))
def test_identities(seed: int) -> None:
    """The worst is no better than the mean; regret is at most the worst less the least best plan,
    and at least zero; no plan is better under a set than the best one of it."""
    raw = drawn("small", 1000 + seed, "mean")
    objectives = {}
    try:
        for over in OVERS:
            raw["objective"]["over_assumptions"] = over
            found = solve_and_certify(Problem.from_case(Case.model_validate(raw)), gap=1e-7)
            objectives[over] = found.objective
    except Infeasible:
        return
    best = [
        own.reference_optimum.objective
        for own in found.set_outcomes
        if own.reference_optimum is not None
    ]
    slack = 1e-5 * max(1.0, *map(abs, best), abs(objectives["worst"]))
    assert objectives["mean"] <= objectives["worst"] + slack
    assert -slack <= objectives["regret"] <= objectives["worst"] - min(best) + slack
    assert objectives["worst"] >= max(best) - slack


@pytest.mark.quick(every=5)
@pytest.mark.parametrize("over", OVERS)
@pytest.mark.parametrize("seed", range(4))
def test_sets_that_are_all_the_file_have_its_plan(seed: int, over: str) -> None:
    raw = small_case(random.Random(f"alike {seed}").choice)
    raw["policy"].pop("must_build", None)
    try:
        alone = solve_to_plan(Case.model_validate(raw), gap=0.0).certificate.objective
    except Infeasible:
        return
    sets: dict[str, Any] = {f"set{n}": {"weight": w, "set": {}} for n, w in enumerate((0.3, 0.7))}
    raw["assumptions"] = sets
    raw["objective"]["over_assumptions"] = over
    found = solve_to_plan(Case.model_validate(raw), gap=0.0)
    due = 0.0 if over == "regret" else alone
    assert found.certificate.objective == pytest.approx(due, abs=2e-6 * max(1.0, abs(alone)))
    assert [own.objective for own in found.under] == pytest.approx([alone] * 2, rel=1e-5)
