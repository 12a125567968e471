"""From any perspective both methods find one optimum, and the result passes the check."""

from __future__ import annotations

import random

import pytest
from everything import everything
from random_cases import crowded_case, treasury_case

from models.scenario.references import Case
from optimizer.model.instance import (
    FixedDecisions,
    Instance,
    Stake,
    change_perspective,
    read_instance,
)
from optimizer.model.states import read_states
from optimizer.solve import planner
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import Problem

GAP = 1e-6


def drawn(seed: int) -> Instance:
    """A random case with entitled allocation, from a random perspective."""
    pick = random.Random(f"standpoint {seed}").choice
    raw = (crowded_case if seed % 2 else treasury_case)(pick)
    raw["objective"] = raw.get("objective", {}) | {"allocation": "entitled"}
    instance = read_instance(Case.model_validate(raw))
    case, carriers = instance.case, [i for i in instance.instruments if i.carries_capex]
    stakes = []
    if pick([False, True]) and carriers:
        projects = pick([tuple(case.projects), tuple(case.projects)[:1]])
        stakes = [Stake(projects, (pick(carriers).funder,), pick([0.0, 0.1, 0.3]))]
    held = None
    if pick([False, True]) and carriers:
        i, p = pick(carriers), pick(list(case.projects))
        year = pick(instance.projects[p].start_years)
        held = FixedDecisions(
            funders=frozenset({i.funder}),
            share={(p, year, i.funder, i.id): 0.1} if p in i.eligible_projects else {},
            certain_starts=pick([{}, {p: year}]),
        )
    return change_perspective(
        instance,
        damage_weights={u: pick([0.0, 0.5, 1.0, 1.0, 1.01]) for u in case.consumers},
        cost_weights={f: pick([0.0, 0.5, 1.0]) for f in case.funders},
        inactive_funders=[f for f in case.funders if pick([False] * 4 + [True])],
        stakes=stakes,
        fixed_decisions=held,
    )


@pytest.mark.quick(every=31, ci=7)
@pytest.mark.parametrize("seed", range(80))
def test_both_methods_find_one_optimum(seed: int) -> None:
    instance = drawn(seed)
    problem = Problem(instance, tuple(read_states(instance)), 0.0)
    both = [
        planner.solve_problem(problem, gap=GAP, threads=1, method=m)
        for m in ("extensive", "decomposition")
    ]
    endings = {solved.solution.ending for solved in both}
    assert len(endings) == 1
    if endings == {"infeasible"}:
        return
    assert endings == {"optimal"}
    one, other = (
        planner.certify(problem, solved, gap=GAP, started_at=0.0, threads=1).objective
        for solved in both
    )
    assert one == pytest.approx(other, rel=3e-6, abs=1e-6)


@pytest.mark.slow
def test_some_of_them_have_a_plan_and_some_have_none() -> None:
    found = {}
    for seed in range(80):
        instance = drawn(seed)
        problem = Problem(instance, tuple(read_states(instance)), 0.0)
        solved = planner.solve_problem(problem, gap=GAP, threads=1, method="extensive")
        found[seed] = solved.solution.ending, bool(solved.commitment and solved.commitment.start)
    assert sum(ending == "optimal" and built for ending, built in found.values()) > 10
    assert sum(ending == "infeasible" for ending, _ in found.values()) > 2


@pytest.mark.quick(1, ci=3)
@pytest.mark.parametrize("seed", range(20))
def test_one_pool_serves_every_perspective(seed: int) -> None:
    """Cuts do not depend on the perspective: cuts of one are valid for the next."""
    pick = random.Random(f"pool {seed}").choice
    raw = crowded_case(pick)
    raw["objective"] = raw.get("objective", {}) | {"allocation": "entitled"}
    instance = read_instance(Case.model_validate(raw))
    states, pool = tuple(read_states(instance)), CutPool()
    consumers = list(instance.case.consumers)
    for _ in range(3):
        counts = {u: pick([0.0, 1.0]) for u in consumers}
        problem = Problem(change_perspective(instance, damage_weights=counts), states, 0.0)
        found = []
        for own in (pool, CutPool()):
            solved = planner.solve_problem(problem, gap=GAP, threads=1, pool=own)
            if solved.solution.ending == "infeasible":
                return
            found.append(
                planner.certify(problem, solved, gap=GAP, started_at=0.0, threads=1).objective
            )
        assert found[0] == pytest.approx(found[1], rel=3e-6, abs=1e-6)


def test_damage_weights_of_consumers_are_refused_with_pooled_supply() -> None:
    instance = read_instance(Case.model_validate(everything()))
    with pytest.raises(ValueError, match="pooled"):
        change_perspective(instance, damage_weights={"motors": 0.5})
