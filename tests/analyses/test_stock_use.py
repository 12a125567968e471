"""Frequency of releases and refills of stocks in plans, evaluations and their reports."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from documents import is_whole_in_all_media, text_of
from refills import twice
from small import near, solve

from models.language import Language
from models.results import Evaluation, Plan
from optimizer.analyses.analysis_options import EvaluateOptions
from optimizer.analyses.evaluation.plan_evaluation import evaluate_plan
from optimizer.analyses.plan.companion_results import CompanionResults
from optimizer.analyses.plan.executive_summary import describe_remaining_damage
from optimizer.analyses.plan.plan_wording import PlanWording
from optimizer.analyses.saved_plan import load_saved_plan


def used(**fields: Any) -> Plan:
    raw = twice()
    raw["stockpiles"][0] |= {"max_purchase_t_per_year": 0} | fields
    return solve(raw)


def test_a_plan_reports_the_frequency_of_releases() -> None:
    """A quarter of 50 t is lost before the first event, which takes 37.5 t. 28.125 t are planned in
    the year after and come back, of which 21.09375 t are left for the second event."""
    (use,) = used().stock_use
    assert use.released_t == near(37.5 + 21.09375)
    assert use.refilled_t == near(28.125)
    assert use.times == near((37.5 + 21.09375) / 37.5)


def test_of_stocks_that_are_not_filled_again_nothing_is_reported() -> None:
    assert used(refill_t_per_year=None).stock_use == ()


def test_of_a_stock_that_holds_nothing_no_times_are_reported() -> None:
    (use,) = used(initial_t=0).stock_use
    assert (use.released_t, use.refilled_t, use.times) == (0.0, 0.0, None)


@cache
def judged() -> Evaluation:
    return evaluate_plan(
        load_saved_plan(used()), EvaluateOptions(reserves=(0.0, 0.5), replications=0)
    )


def test_an_evaluation_says_it_of_each_rule() -> None:
    """All is one dear step, so that a reserve changes nothing."""
    (use,) = used().stock_use
    for rule in judged().rules:
        assert rule.stock_use == (use,)


def test_a_brief_says_what_is_left_without_foresight() -> None:
    found = judged()
    say = PlanWording(used(), companions=CompanionResults(evaluation=found))
    least = min(rule.performance.expected.value for rule in found.rules)
    (reported,) = describe_remaining_damage(say)
    fresh = say.amount_for_sentence(found.fresh.with_plan.expected.value)
    assert reported.endswith(
        f"On fresh states {fresh}, and {say.amount_for_sentence(least)} without foresight."
    )
    (reported,) = describe_remaining_damage(PlanWording(used()))
    assert "foresight" not in reported


@pytest.mark.slow
@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("of", [used, judged])
def test_both_are_reported_in_all_media(
    of: Any, language: Language, untranslated: set[str]
) -> None:
    is_whole_in_all_media(of(), language, untranslated)
    name = "Times used" if language == "en" else "Nutzungen"
    assert name in text_of(of(), language)
