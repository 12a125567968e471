"""All parts of an evaluation together: they agree with each other where they must."""

from __future__ import annotations

import pytest
from evaluations import sampled, saved
from saved_plans import tutorial

from models.language import using
from models.results import Evaluation, Plan
from optimizer.analyses.analysis_options import EvaluateOptions
from optimizer.analyses.evaluation.plan_evaluation import evaluate_plan, is_complete
from optimizer.analyses.registry import build_result_document
from optimizer.analyses.saved_plan import load_saved_plan
from optimizer.report.render import terminal

SLACK = 1e-6


@pytest.fixture(scope="module")
def found() -> Evaluation:
    asked = EvaluateOptions(states=1000, replications=3, wait_and_see=20, gap=1e-6, jobs=1)
    objective = {"cost_weight": 1, "cvar": {"weight": 0.2, "level": 0.9}}
    plan = saved(sampled(15, objective=objective))
    return evaluate_plan(load_saved_plan(plan), asked)


def test_every_part_is_there(found: Evaluation) -> None:
    assert found.gap is not None
    assert found.information is not None
    assert found.tail is not None
    assert is_complete(found, 1e-6)
    assert found.counterfactual is not None
    assert set(found.seconds) == {
        "read", "fresh", "rules", "replications", "information", "tail", "counterfactual",
    }  # fmt: skip


def test_parts_agree(found: Evaluation) -> None:
    """A rule never does better than foresight; EV <= WS <= RP <= EEV; the tail's plan uses the
    scenario's weight; seeds are all different."""
    foresight = found.fresh.with_plan.expected.value
    assert len(found.rules) == 3
    for rule in found.rules:
        assert rule.performance.expected.value >= foresight - SLACK
        assert sum(m.expected_with_foresight for m in rule.materials) == pytest.approx(foresight)
    known = found.information
    assert known is not None
    assert known.mean_value_problem.low <= known.wait_and_see.high + SLACK
    assert known.wait_and_see.low <= known.recourse_problem.high + SLACK
    assert known.recourse_problem.high == pytest.approx(found.own_objective)
    assert known.recourse_problem.low <= known.mean_plan + SLACK
    assert found.tail is not None
    assert found.tail.averse.weight == 0.2
    assert found.gap is not None
    used = [found.fresh.seed, *(r.seed for r in found.gap.replications)]
    assert len(set(used)) == len(used) == 4
    assert 7 not in used


def test_its_text_has_its_german(found: Evaluation, untranslated: set[str]) -> None:
    with using("de"):
        terminal.render_text(build_result_document(found))
    assert untranslated == set()


def test_written_states_leave_sampling_out() -> None:
    plan = Plan.model_validate_json(tutorial().model_dump_json())
    found = evaluate_plan(load_saved_plan(plan), EvaluateOptions(gap=1e-6))
    assert found.gap is None
    assert found.fresh.sampled is False
    assert all(rule.above_foresight.standard_error is None for rule in found.rules)
    assert found.information is not None
    assert found.information.wait_and_see_error is None


def test_a_plan_with_a_coarse_gap_is_refined_for_a_smaller_gap() -> None:
    """The plan's own gap of a half is no limit that some solve has met."""
    plan = saved(sampled(15))
    loose = {"bound": plan.certificate.objective / 2, "gap": 0.5}
    plan = plan.model_copy(update={"certificate": plan.certificate.model_copy(update=loose)})
    asked = EvaluateOptions(
        states=20, reserves=(), replications=0, wait_and_see=0, gap=1e-6, jobs=1
    )
    found = evaluate_plan(load_saved_plan(plan), asked)
    assert found.tail is not None
    assert found.tail.neutral.weight == 0
    assert found.tail.neutral.gap == pytest.approx(0, abs=1e-6)
    assert is_complete(found, 1e-6)


def test_a_slight_weight_of_the_tail_is_read_as_a_number() -> None:
    asked = EvaluateOptions(
        states=20, replications=0, wait_and_see=0, tail_weight=1e-5, gap=1e-6, jobs=1
    )
    found = evaluate_plan(load_saved_plan(saved(sampled(15))), asked)
    assert found.tail is not None
    assert found.tail.averse.weight == 1e-5


def test_a_plan_made_for_one_state_is_called_neither_lucky_nor_unlucky() -> None:
    """It is calm, as three of four are: that fresh ones are not is chance, not luck of the plan."""
    plan = load_saved_plan(saved(sampled(1)))
    asked = EvaluateOptions(states=2000, replications=0, wait_and_see=0, tail_weight=0)
    optimism = evaluate_plan(plan, asked).fresh.optimism
    assert plan.solution.with_plan.expected == 0
    assert optimism.value > 0
    assert optimism.standard_error is not None
    assert optimism.value < 1.96 * optimism.standard_error
