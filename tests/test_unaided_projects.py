"""Unaided projects: optima by hand, with both methods, and identities.

100 t are needed and all imports are lost; a tonne missing costs 0.1 million EUR.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from small import CHINA, Raw, case, cut, funder, near, project, state

from models.faults import ScenarioError
from models.files import read_case_text
from models.results import Plan
from models.scenario.references import Case
from optimizer.solve.planner import solve_to_plan
from optimizer.solve.solver_result import Method

METHODS: tuple[Method, ...] = ("extensive", "decomposition")


def world(states: list[Raw] | None = None, last_year: int = 2026, **fields: Any) -> Raw:
    """A project of 100 t a year that brings a tenth home, built unaided in 2026; a fund may carry a
    tenth of its capex, and gets a tenth of its output for it."""
    works = project(home_share=0.1, market_finance_max=0.9, anyway={"year": 2026}) | fields
    return case(
        last_year,
        projects={"works": works},
        funders={"fund": funder(max_share=0.1)},
        supply=CHINA,
        hazards=cut([1.0] * (last_year - 2025)),
        uncertainty={"states": states or [state("cut", 1.0, 2026, anyway=["works"])]},
    )


def solved(raw: Raw, method: Method) -> Plan:
    return solve_to_plan(Case.model_validate(raw), method=method, gap=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_a_plan_is_credited_only_with_additional_output(method: Method) -> None:
    """90 t are missing without plan, 80 with it. Half of what is paid for goes home anyway."""
    found = solved(world(), method)
    assert found.outcome.without_plan.expected == near(9.0)
    assert found.outcome.expected == near(8.0)
    assert found.outcome.without_plan.avoided_anyway == near(1.0)
    (works,) = found.unaided
    assert (works.without_plan_t, works.with_plan_t) == ({"ore": near(10)}, {"ore": near(20)})
    assert (works.paid_meur, works.expected_unaided_meur, works.windfall_meur) == near(
        [1.0, 1.0, 0.5]
    )


def test_windfall_payments_are_weighted_by_probability() -> None:
    """It comes unaided in one of four states: a quarter of 1 million, and half of that is for what
    comes home in any case."""
    states = [state("alone", 0.25, 2026, anyway=["works"]), state("with money", 0.75, 2026)]
    (works,) = solved(world(states), "extensive").unaided
    assert [works.paid_meur, works.expected_unaided_meur, works.windfall_meur] == near(
        [1.0, 0.25, 0.125]
    )


@pytest.mark.parametrize("method", METHODS)
def test_without_money_a_plan_avoids_nothing(method: Method) -> None:
    found = solved(world() | {"funders": {"fund": funder(budget=0)}}, method)
    assert found.outcome.expected == near(found.outcome.without_plan.expected)
    assert found.outcome.expected == near(9.0)


@pytest.mark.parametrize("method", METHODS)
def test_it_comes_by_its_chance_fails_and_comes_late(method: Method) -> None:
    """Two years of 100 t each. It comes on time (80 + 80 t missing with the plan, 90 + 90 without),
    a year late (100 + 80, 100 + 90), not by itself (80 + 80, 100 + 100), or fails (200, 200)."""
    lists = [
        {"anyway": ["works"]},
        {"anyway": ["works"], "delayed_projects": {"works": 1}},
        {},
        {"anyway": ["works"], "failed_projects": ["works"]},
    ]
    states = [state(f"{n}", 0.25, 2026, **fields) for n, fields in enumerate(lists)]
    found = solved(world(states, 2027, latest_start=2026), method)
    assert found.outcome.expected == near(0.1 * (160 + 180 + 160 + 200) / 4)
    assert found.outcome.without_plan.expected == near(0.1 * (180 + 190 + 200 + 200) / 4)


@pytest.mark.parametrize("method", METHODS)
def test_a_later_start_takes_its_place(method: Method) -> None:
    """Two years. A start in 2027 would bring 30 t more in that year and lose 10 t in 2026; the fund
    may carry 0.3, which the budget allows in 2027 alone."""
    fund = funder(max_share=0.3) | {"budget_by_year_meur": {2027: 3}}
    raw = world(last_year=2027) | {"funders": {"fund": fund}}
    raw["projects"]["works"]["market_finance_max"] = 0.7
    found = solved(raw, method)
    assert found.outcome.without_plan.expected == near(18.0)
    assert found.outcome.expected == near(10.0 + 6.0)


@pytest.mark.parametrize("method", METHODS)
def test_no_more_comes_home_than_can_be_reserved(method: Method) -> None:
    found = solved(world(offtake_max=0.05, latest_start=2026), method)
    assert found.outcome.without_plan.expected == near(9.5)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_unaided_projects_are_sampled(method: Method) -> None:
    """The chance of 0.3 shows in 2,000 states (four standard errors: 0.041), all else as it was."""
    raw = world(anyway={"year": 2026, "probability": 0.3})
    raw["hazards"]["cut"]["annual_probability"] = 1.0
    raw["uncertainty"] = {"sample": {"states": 2000}}
    found = solved(raw, method)
    without = found.outcome.without_plan.expected
    assert without == pytest.approx(10 - 0.3, abs=0.041)
    assert found.outcome.expected == near(8.0)
    assert found.unaided[0].probability == pytest.approx(10 - without, abs=1e-6)


def test_it_may_be_decided_before_the_horizon() -> None:
    """Decided in 2024, two years of construction: it runs in 2026 for nobody's money."""
    raw = world(construction_years=2, anyway={"year": 2024}, latest_start=2026)
    assert solved(raw, "extensive").outcome.expected == near(9.0)


@pytest.mark.parametrize(
    ("fields", "sections", "says"),
    [
        ({"anyway": {"year": 2027}}, {}, "2027 lies after the horizon, which ends in 2026"),
        ({"anyway": None}, {}, "the project 'works' does not come anyway"),
        ({"home_share": 0.0}, {}, "no output of 'works' comes home without a plan"),
        (
            {},
            {"uncertainty": {"states": [state("cut", 1.0, 2026)]}},
            "'works' comes anyway in none of the states",
        ),
        (
            {},
            {"horizon": {"first_year": 2026, "last_year": 2027}},
            "'works' comes anyway in 2026, and may be started as late as 2027",
        ),
    ],
)
def test_faults_and_doubts(fields: Raw, sections: Raw, says: str) -> None:
    try:
        faults = read_case_text(json.dumps(world(**fields) | sections)).warnings
    except ScenarioError as error:
        faults = error.faults
    assert any(says in str(fault) for fault in faults), [str(fault) for fault in faults]
