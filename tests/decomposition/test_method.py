"""Which method a problem gets."""

from __future__ import annotations

from small import CHINA, case, cut

from models.results import Certificate
from models.scenario.references import Case
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import solve_to_plan

SMALL_CASE = case(supply=CHINA, hazards=cut([0.5]))


def certificate(pool: CutPool | None = None, **sections: object) -> Certificate:
    return solve_to_plan(Case.model_validate(SMALL_CASE | sections), pool=pool).certificate


def test_a_small_problem_gets_the_extensive_form() -> None:
    assert certificate().method == "extensive"


def test_many_states_get_the_decomposition() -> None:
    """One node, one period, 301 states."""
    sample = {"sample": {"states": 301, "seed": 1}}
    assert certificate(uncertainty=sample).method == "decomposition"


def test_a_pool_asks_for_the_decomposition() -> None:
    assert certificate(CutPool()).method == "decomposition"
