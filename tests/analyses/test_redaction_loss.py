"""What the answer loses: the redacted scenario's plan, followed in the true one, by hand."""

from __future__ import annotations

from typing import Any

import pytest
from redacting import BAND, hide, two_consumers
from small import case, funder, near, project

from models.results import Redaction
from optimizer.analyses.redaction.assessment import assess_redaction
from optimizer.analyses.redaction.options import RedactOptions

Raw = dict[str, Any]


def judged(raw: Raw, consumers: tuple[str, ...], companies: tuple[str, ...] = ()) -> Redaction:
    redacted = hide(raw, consumers, companies)
    return assess_redaction(
        redacted, BAND, RedactOptions(consumers=consumers, companies=companies, gap=1e-9)
    ).redaction


@pytest.mark.slow
def test_a_works_that_seems_too_dear() -> None:
    """100 t at 0.1 million are 10; by the file it is 97 t at 0.0979 million, which is 9.4963.

    The works makes up for all of it at 9.8: worth it in truth, not by the file. So 10 instead of
    9.8, which is all that was gained.
    """
    raw = case(projects={"works": project(200, 9.8)}, objective={"cost_weight": 1})
    found = judged(raw, ("industry",))
    assert found.answer == "solved"
    lost = found.loss
    assert lost is not None
    assert found.figures[0].published == 97
    assert (lost.feasible, lost.broken, lost.same_projects) == (True, (), None)
    assert (lost.objective, lost.attained, lost.without_plan) == (near(9.8), near(10), near(10))
    assert (lost.regret, lost.regret_at_most, lost.benefit_lost) == (near(0.2), near(0.2), near(1))
    assert (lost.expected, lost.expected_attained, lost.expected_said) == (
        0,
        near(10),
        near(9.4963),
    )
    assert (lost.entering, lost.leaving, lost.moved) == ((), ("works",), {})


@pytest.mark.slow
def test_a_budget_that_seems_larger_lets_a_plan_break_rules() -> None:
    """A purse of 12 is written as 13, which pays the works of 12.5; in truth none can be built."""
    raw = case(
        consumers={"industry": {"company": "maker"}},
        projects={"works": project(100, 12.5)},
        funders={"maker": funder("company", 12)},
    )
    found = judged(raw, ("industry",), ("maker",))
    lost = found.loss
    assert lost is not None
    assert not lost.feasible
    assert any(text.startswith("B1") for text in lost.broken), lost.broken
    assert (lost.attained, lost.same_projects, lost.regret) == (None, None, None)
    assert lost.objective == near(10)
    assert lost.entering == ("works",)


@pytest.mark.slow
def test_what_breaks_a_rule_may_still_be_built_otherwise() -> None:
    """The maker can put up 12 of 12.5, and the fund, which takes half at most, the rest."""
    raw = case(
        consumers={"industry": {"company": "maker"}},
        projects={"works": project(100, 12.5)},
        funders={"maker": funder("company", 12), "fund": funder(max_share=0.5)},
        objective={"cost_weight": 0.001},
    )
    raw["funders"]["fund"]["instruments"]["equity"]["offtake_per_share"] = 0.5
    found = judged(raw, ("industry",), ("maker",))
    lost = found.loss
    assert lost is not None
    assert lost.broken
    assert lost.same_projects is not None
    assert lost.regret == near(lost.same_projects - lost.objective)
    assert lost.regret == near(0)


def test_a_redacted_scenario_may_have_no_plan() -> None:
    """A purse of 14.4 is written as 13, and the works of 14 must be built."""
    raw = case(
        consumers={"industry": {"company": "maker"}},
        projects={"works": project(100, 14)},
        funders={"maker": funder("company", 14.4)},
        policy={"must_build": ["works"]},
    )
    found = judged(raw, ("industry",), ("maker",))
    assert (found.answer, found.loss) == ("redacted_infeasible", None)
    raw["projects"]["works"]["capex_meur"] = 20
    assert judged(raw, ("industry",), ("maker",)).answer == "infeasible"


def test_without_a_solve_the_file_alone_is_judged() -> None:
    redacted = hide(two_consumers())
    judgment = assess_redaction(
        redacted, BAND, RedactOptions(consumers=("chips",), companies=("chip_co",), solve=False)
    )
    assert judgment.plan is None
    found = judgment.redaction
    assert (found.answer, found.loss, found.telling) == ("skipped", None, ())
    assert all(one.results is None and one.error > 0.1 for one in found.figures)


@pytest.mark.slow
def test_no_regret_where_the_figures_make_no_difference() -> None:
    lost = judged(two_consumers(), ("chips",), ("chip_co",)).loss
    assert lost is not None
    assert lost.feasible
    assert lost.regret is not None
    assert lost.regret >= -1e-9
    assert lost.regret_at_most is not None
    assert lost.regret_at_most >= lost.regret - 1e-9
