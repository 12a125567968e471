"""Random small cases: the planner against an exhaustive search that shares no code with it."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from oracle import best, count_patterns
from random_cases import lasting_case, small_case, treasury_case

from models.scenario.case import Case
from optimizer.errors import Infeasible
from optimizer.solve.planner import solve_to_plan

Raw = dict[str, Any]
MOST_PATTERNS = 150


def agree(raw: Raw) -> None:
    """Both find the same optimum, or both find none; and the plan's parts add up to it."""
    answer = best(raw)
    try:
        found = solve_to_plan(Case.model_validate(raw), gap=0.0)
    except Infeasible:
        assert answer is None, f"called infeasible, yet {answer.objective} can be had"
        return
    assert answer is not None, "a plan for an infeasible case"
    allowed = 1e-6 + 1e-6 * abs(answer.objective)
    assert abs(found.certificate.objective - answer.objective) <= allowed
    outcome, aim = found.outcome, raw["objective"]
    weight = aim["cvar"]["weight"]
    parts = (1 - weight) * outcome.expected + weight * outcome.cvar
    parts += aim["cost_weight"] * outcome.net_cost_meur
    assert abs(parts - answer.objective) <= allowed


@st.composite
def cases(draw: st.DrawFn) -> Raw:
    kind = draw(st.sampled_from([small_case, lasting_case]))
    return kind(lambda values: draw(st.sampled_from(values)))


@pytest.mark.slow
@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(cases().filter(lambda raw: count_patterns(raw) <= MOST_PATTERNS))
def test_the_planner_finds_the_optimum_of_exhaustive_search(raw: Raw) -> None:
    agree(raw)


@pytest.mark.quick(every=27, ci=13)
@pytest.mark.parametrize("seed", [3876, *range(80)])
def test_evenly_drawn_cases_agree(seed: int) -> None:
    """Examples that shrink cluster near the simplest; these are spread evenly."""
    pick = random.Random(seed).choice
    raw = small_case(pick)
    while count_patterns(raw) > MOST_PATTERNS:
        raw = small_case(pick)
    agree(raw)


@pytest.mark.quick(every=31, ci=11)
@pytest.mark.parametrize("seed", range(120))
def test_cases_with_lines_and_terms_agree(seed: int) -> None:
    pick = random.Random(f"treasury {seed}").choice
    raw = treasury_case(pick)
    while count_patterns(raw) > MOST_PATTERNS:
        raw = treasury_case(pick)
    agree(raw)


@pytest.mark.quick(every=31, ci=11)
@pytest.mark.parametrize("seed", range(60))
def test_cases_with_residual_values_agree(seed: int) -> None:
    pick = random.Random(f"lasting {seed}").choice
    raw = lasting_case(pick)
    while count_patterns(raw) > MOST_PATTERNS:
        raw = lasting_case(pick)
    agree(raw)
