"""Random worlds: the planner against an exhaustive search that shares no code with it.

What each part of the world can only better or only worsen is tried on the search itself.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
from forms import METHODS
from oracle import best
from oracle_outcome import without_plan
from random_worlds import has, without, world_case

from models.scenario.references import Case
from optimizer.errors import Infeasible
from optimizer.solve.planner import solve_to_plan

Raw = dict[str, Any]
BETTERS = ("anyway", "adaptation", "refill")
WORSENS = ("starts", "premium", "overrun")


def drawn(seed: int) -> Raw:
    return world_case(random.Random(f"world {seed}").choice)


@pytest.mark.quick(every=61, ci=19)
@pytest.mark.parametrize("seed", range(120))
def test_the_planner_finds_the_optimum_of_exhaustive_search(seed: int) -> None:
    raw = drawn(seed)
    answer = best(raw)
    for method in METHODS:
        try:
            found = solve_to_plan(Case.model_validate(raw), gap=0.0, method=method)
        except Infeasible:
            assert answer is None, method
            continue
        assert answer is not None, method
        expected = sum(
            state["probability"] * lost
            for state, lost in zip(raw["uncertainty"]["states"], without_plan(raw), strict=True)
        )
        assert found.certificate.objective == pytest.approx(answer.objective, rel=1e-6, abs=1e-6)
        assert found.outcome.without_plan.expected == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.quick(1, ci=3)
@pytest.mark.parametrize("seed", range(60))
def test_what_a_part_of_the_world_can_do(seed: int) -> None:
    """More that comes by itself never does harm, and what deals and projects cost never good.

    Users who adapt never lose more; but their trigger decides when idle plants start again, so
    that there are no idle plants here.
    """
    raw = without(drawn(seed), "idle")
    answer = best(raw)
    for part, sign in [*((p, 1) for p in BETTERS), *((p, -1) for p in WORSENS)]:
        if not has(raw, part):
            continue
        other = best(without(raw, part))
        if answer is None or other is None:
            better = float(answer is not None) - float(other is not None)
        else:
            gained = other.objective - answer.objective
            better = gained if abs(gained) > 1e-6 * (1 + abs(answer.objective)) else 0.0
        assert better * sign >= 0, part
