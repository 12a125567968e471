"""Why a plan over sets of assumptions, or with a review, is as it is: what it costs to decide
otherwise, under all sets and in all groups."""

from __future__ import annotations

from typing import Any

import pytest
from review_cases import SEEN, lasting_cut
from small import Raw, near
from two_sets import MISSING, two_sets

from models.results import Explanation, Plan
from models.scenario.references import Case
from optimizer.analyses.analysis_options import ExplainOptions
from optimizer.analyses.explanation.explain import explain_plan
from optimizer.analyses.registry import build_result_document
from optimizer.analyses.saved_plan import load_saved_plan
from optimizer.solve.planner import solve_to_plan

LOST = {
    # Of 6 at the mean, 8.5 at the worst and 5 of regret: see `two_sets.MISSING`.
    "mean": {"first": 1.5, "even": 2.5, "between": 1.5, "second": 7},
    "worst": {"first": 3.5, "even": 1.5, "between": 1.5, "second": 11.5},
    "regret": {"first": 1, "even": 3.5, "between": 1, "second": 15},
}


def explained(raw: Raw, **options: Any) -> Explanation:
    made = solve_to_plan(Case.model_validate(raw), gap=0.0)
    saved = load_saved_plan(Plan.model_validate_json(made.model_dump_json()))
    found = explain_plan(saved, ExplainOptions(gap=0.0, jobs=1, **options))
    build_result_document(found)
    return found


@pytest.mark.slow
@pytest.mark.quick(1)
@pytest.mark.parametrize("over", LOST)
def test_what_it_costs_over_sets_to_build_another(over: str) -> None:
    """The works that are built are forced out, each of the others in: one may be built."""
    found = explained(two_sets(over))
    built = {"mean": "first", "worst": "even", "regret": "between"}[over]
    for item in found.items:
        assert item.chosen == (item.id == built)
        assert item.regret is not None
        due = LOST[over][item.id]
        assert item.regret.low is not None
        # A tenth of a difference may stay open.
        assert 0.9 * due - 1e-6 <= item.regret.low <= due + 1e-6
        assert item.regret.high == pytest.approx(due, rel=2e-5)
        assert (item.regret.damage, item.stops, item.tight) == (None, (), ())
        if over == "mean" and not item.chosen:  # else sets that do not bind may lose anything
            more = [a - b for a, b in zip(MISSING[item.id], MISSING[built], strict=True)]
            assert [*item.regret.expected_under.values()] == near(more)
    assert found.values == ()


def test_a_force_holds_in_every_group() -> None:
    """Works that are built in one group cost 2 if they are left in both."""
    (works,) = explained(lasting_cut(SEEN)).items
    assert (works.chosen, works.start) == (True, 2027)
    assert works.regret is not None
    assert works.regret.low is not None
    assert 1.8 - 1e-6 <= works.regret.low <= 2 + 1e-6
    assert works.regret.high == near(2)
    # Half of 10 more damage, and half of 6 less cost.
    assert [works.regret.damage, works.regret.cost] == near([5, -3])


def test_what_cannot_be_built_in_any_group_says_why() -> None:
    raw = lasting_cut(SEEN)
    raw["funders"]["fund"]["budget_meur"] = 4.0
    (works,) = explained(raw).items
    assert not works.chosen
    assert "funder_budget" in [rule.name for rule in works.conflict]
