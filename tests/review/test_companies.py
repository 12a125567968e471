"""Companies, coalitions and experts under a review: settled by hand without one, half as likely.

In half of the cases imports end, which is seen the year before: then the game is that of
:mod:`partners`, whose works are decided only then. Decided now they are worth less than they cost.
"""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from partners import partners
from review_cases import SEEN, lasting_cut
from small import CHINA, Raw, cut, near, state

from models.files import read_case_text
from models.results import Participation, Split
from optimizer.analyses.analysis_options import AssumptionsOptions, ParticipateOptions, SplitOptions
from optimizer.analyses.assumption_dependence.cross_evaluation import cross_evaluate_sets
from optimizer.analyses.participation.participate import analyze_participation
from optimizer.analyses.split.split import split_joint_gain


def later(review: bool = True) -> Raw:
    raw = partners(supply=CHINA, hazards=cut([0.0, 1.0]))
    raw["horizon"] = {"first_year": 2026, "last_year": 2027}
    raw["projects"]["works"] |= {"earliest_start": 2027, "latest_start": 2027}
    raw["uncertainty"] = {"states": [state("calm", 0.5), state("cut", 0.5, 2026)]}
    if review:
        raw["review"] = {"year": 2027, "observe": [{"hazard": "cut"}]}
    return raw


def shared(raw: Raw, **fields: Any) -> Split:
    reading = read_case_text(yaml.safe_dump(raw))
    return split_joint_gain(reading, SplitOptions(gap=0.0, **fields), title="partners")


def taken(raw: Raw, **fields: Any) -> Participation:
    asked = ParticipateOptions(company="maker", project="works", gap=1e-7, **fields)
    return analyze_participation(read_case_text(yaml.safe_dump(raw)), asked, title="partners")


@pytest.mark.slow
@pytest.mark.quick(1)
@pytest.mark.parametrize("externality", [False, True])
def test_coalitions_decide_under_the_same_review(externality: bool) -> None:
    once, half = (shared(raw, externality=externality) for raw in (partners(), later()))
    for whole, part in zip(once.coalitions, half.coalitions, strict=True):
        assert part.members == whole.members
        assert [part.found, part.bound, part.damage, part.net_cost_meur] == near(
            [0.5 * x for x in (whole.found, whole.bound, whole.damage, whole.net_cost_meur)]
        )
        assert part.projects.keys() == whole.projects.keys()
    assert half.worth.value == near(0.5)
    for company, rider in once.free_riding.items():
        own = half.free_riding[company]
        assert [own.idle, own.acting.value] == near([0.5 * rider.idle, 0.5 * rider.acting.value])
    (works,) = half.plan.projects
    assert (works.start, works.probability) == (2027, near(0.5))
    assert sum(works.shares.values()) == near(1)
    if externality:
        assert once.externality is not None
        assert half.externality is not None
        assert half.externality.worth.value == near(0.5 * once.externality.worth.value)


def test_without_it_nobody_builds() -> None:
    found = shared(later(review=False))
    assert found.worth.value == near(0)
    assert found.plan.projects == ()


@pytest.mark.slow
def test_a_company_takes_a_share_under_a_review() -> None:
    once, half = taken(partners()), taken(later())
    assert half.without_plan.expected == near(0.5 * once.without_plan.expected)
    # What others hold on to is one of several plans that are equally good for all.
    (whole, _), (part, held) = once.curves, half.curves
    assert (part.others, part.limit) == (whole.others, whole.limit) == ("reoptimize", 1.0)
    for point, own in zip(whole.points, part.points, strict=True):
        assert point.standing is not None
        assert own.standing is not None
        assert (own.share, own.built) == (near(point.share), point.built)
        assert own.standing.total == near(0.5 * point.standing.total)
        assert own.stake_meur == near(0.5 * (point.stake_meur or 0.0))
    assert all(point.status in ("optimal", "infeasible") for point in held.points)


@pytest.mark.slow
@pytest.mark.quick(1)
@pytest.mark.parametrize("over", ["mean", "worst", "regret"])
def test_experts_disagree_under_the_same_review(over: Any) -> None:
    """Who thinks the cut likely has another plan, which is looked at under other beliefs."""
    raw = lasting_cut(SEEN)
    raw["assumptions"] = {
        "as_filed": {"weight": 0.5, "set": {}},
        "late": {"weight": 0.3, "set": {"projects.works.capex_meur": 12}},
        "likely": {
            "weight": 0.2,
            "set": {
                "uncertainty.states.0.probability": 0.1,
                "uncertainty.states.1.probability": 0.9,
            },
        },
    }
    reading = read_case_text(yaml.safe_dump(raw))
    found, plans = cross_evaluate_sets(reading, AssumptionsOptions(over=over, gap=0.0))
    by_set = {plan.of: plan for plan in found.plans}
    assert [by_set[k].objective for k in raw["assumptions"]] == near([8, 10, 14.4])
    # The works cost more than a year without imports; who builds them all the same loses half of 2.
    assert by_set["late"].projects == {}
    assert by_set["as_filed"].under["late"].regret == near(1)
    assert by_set["late"].under["likely"].regret == near(3.6)
    assert found.compromise is not None
    assert all(plan.review is not None for plan in plans.values())
