"""What is built, when, and what it gives: solved by hand.

Unless a test says otherwise a project yields 100 t a year, all that is needed, for 10 million EUR
which the fund alone pays; a missing tonne costs 0.1 million; and costs weigh a thousandth.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
from small import CHINA, case, chance_of_cut, cut, funder, near, project, solve, starts, state

from optimizer.errors import Infeasible

Raw = dict[str, Any]


def shortages(raw: Raw) -> list[float]:
    """Expected tonnes missing in each year of the answer."""
    by_year = solve(raw).materials[0].by_year
    return [by_year[year].expected_shortage_t for year in sorted(by_year)]


def test_what_a_project_needs_is_built_no_later() -> None:
    """The works is worth 10 million a year, but needs a railway that cannot start before 2027.

    So the works waits: one year of damage, 10 + 0.001 * (10 + 30).
    """
    rail = project(0, 30, earliest_start=2027)
    answer = solve(
        case(last_year=2027, projects={"works": project(requires=["rail"]), "rail": rail})
    )
    assert starts(answer) == {"works": 2027, "rail": 2027}
    assert answer.certificate.objective == near(10.04)


@pytest.mark.parametrize(
    ("rules", "policy", "built", "objective"),
    [
        ({}, {}, ["big", "small"], 0.02),
        ({"excludes": ["big"]}, {}, ["big"], 4.01),
        ({}, {"max_projects": 1}, ["big"], 4.01),
        ({}, {"must_not_build": ["big"]}, ["small"], 6.01),
        ({}, {"max_projects": 1, "must_build": ["small"]}, ["small"], 6.01),
        ({}, {"max_projects": 0}, [], 10.0),
    ],
)
def test_rules_about_what_is_built(
    rules: Raw, policy: Raw, built: list[str], objective: float
) -> None:
    """Two projects of 60 t and 40 t, 10 million each: 0.1 a tonne still missing, 0.01 each."""
    projects = {"big": project(60), "small": project(40, **rules)}
    answer = solve(case(projects=projects, policy=policy))
    assert sorted(starts(answer)) == built
    assert answer.certificate.objective == near(objective)


def test_a_must_is_built_though_useless() -> None:
    """Nothing is missing, and 10 million are spent all the same: 0.001 * 10."""
    answer = solve(
        case(supply=CHINA, projects={"mine": project()}, policy={"must_build": ["mine"]})
    )
    assert "mine" in starts(answer)
    assert answer.certificate.objective == near(0.01)


def test_musts_that_exclude_each_other_are_infeasible() -> None:
    projects = {"one": project(excludes=["two"]), "two": project()}
    with pytest.raises(Infeasible):
        solve(case(projects=projects, policy={"must_build": ["one", "two"]}))


def test_output_waits_ramps_up_and_ends() -> None:
    """Decided in 2026, built in a year, half and then full, two years of life: 0, 50, 100, 0 t."""
    mine = project(latest_start=2026, construction_years=1, ramp_up=[0.5, 1.0], lifetime_years=2)
    assert shortages(case(last_year=2029, projects={"mine": mine})) == near([100, 50, 0, 100])


def test_the_last_step_of_a_ramp_holds_on() -> None:
    mine = project(latest_start=2026, ramp_up=[0.2, 0.6])
    assert shortages(case(last_year=2029, projects={"mine": mine})) == near([80, 40, 40, 40])


@pytest.mark.parametrize(("budget", "built"), [(100, True), (99, False)])
def test_instalments_past_the_horizon_fall_in_its_last_year(budget: float, built: bool) -> None:
    """30, 40 and 30 of 100 million, and one year only: all 100 are charged to it."""
    mine = project(100, 100, capex_profile=[0.3, 0.4, 0.3])
    answer = solve(case(projects={"mine": mine}, funders={"fund": funder(budget=budget)}))
    assert bool(answer.projects) is built
    assert answer.certificate.objective == near(0.1 if built else 10)


def test_instalments_are_discounted_where_they_fall() -> None:
    """30 in 2026, 40 + 30 in 2027 at 0.8: a net cost of 86 million, a spend of 30 and 70."""
    mine = project(100, 100, capex_profile=[0.3, 0.4, 0.3], latest_start=2026)
    horizon = {"first_year": 2026, "last_year": 2027, "discount_rate": 0.25}
    answer = solve(case(horizon=horizon, projects={"mine": mine}))
    assert answer.spend_meur["fund"] == {"2026": near(30), "2027": near(70)}
    assert answer.outcome.net_cost_meur == near(86)
    assert answer.certificate.objective == near(0.086)


def test_output_comes_home_without_a_stake_up_to_a_limit() -> None:
    """30 t come home anyhow; a stake adds share for share, until offtake_max 0.6 stops it.

    The fund takes 0.3 for 3 million, lenders the rest: 40 t missing, 4 + 0.003.
    """
    mine = project(home_share=0.3, offtake_max=0.6, market_finance_max=1.0)
    answer = solve(case(projects={"mine": mine}))
    assert answer.projects[0].shares["fund"]["equity"] == near(0.3)
    assert answer.projects[0].offtake == near(0.6)
    assert answer.certificate.objective == near(4.003)


def test_lenders_alone_cost_nothing_here() -> None:
    """Wholly financed by the market, with a home share of 0.3: 70 t missing, no cost."""
    mine = project(home_share=0.3, market_finance_max=1.0)
    answer = solve(case(projects={"mine": mine}, funders={}))
    assert answer.projects[0].market_share == near(1)
    assert answer.certificate.objective == near(7)


def test_failure_and_delay_as_written_out() -> None:
    """On time 0.5, a year late 0.3, failed 0.2; failed beats delayed; 0.1 and delays play no part.

    2026: (0.3 + 0.2) * 100 t; 2027: 0.2 * 100 t. 7 million, and 10 are spent in every state.
    """
    mine = project(latest_start=2026, success_probability=0.1, delay_years={0: 0.5, 2: 0.5})
    late = {"delayed_projects": {"mine": 1}}
    states = [
        state("on time", 0.5),
        state("late", 0.3, **late),
        state("failed", 0.2, failed_projects=["mine"], **late),
    ]
    raw = case(last_year=2027, projects={"mine": mine}, uncertainty={"states": states})
    assert shortages(raw) == near([50, 20])
    assert solve(raw).certificate.objective == near(7.01)


def test_ramp_and_life_count_from_the_late_start() -> None:
    """A year late: nothing in 2026, then half, then full, then over. 100, 50, 0, 100 missing."""
    mine = project(latest_start=2026, ramp_up=[0.5, 1.0], lifetime_years=2)
    late = state("late", 1.0, delayed_projects={"mine": 1})
    raw = case(last_year=2029, projects={"mine": mine}, uncertainty={"states": [late]})
    assert shortages(raw) == near([100, 50, 0, 100])


def test_hazards_multiply() -> None:
    """Losses of 0.5 and 0.4 in one year leave 0.5 * 0.6 = 0.3 of 100 t from China."""
    effect = {"country": "CN", "materials": ["ore"]}
    hazards = {
        "storm": {
            "name": "Storm",
            "annual_probability": 0.1,
            "effects": [effect | {"loss": [0.5]}],
        },
        "strike": {
            "name": "Strike",
            "annual_probability": 0.1,
            "effects": [effect | {"loss": [0.0, 0.4]}],
        },
    }
    events = [{"hazard": "storm", "start": 2027}, {"hazard": "strike", "start": 2026}]
    states = [{"name": "both", "probability": 1.0, "events": events}]
    raw = case(last_year=2027, supply=CHINA, hazards=hazards, uncertainty={"states": states})
    assert shortages(raw) == near([0, 70])


def test_a_hazard_that_comes_twice_counts_twice() -> None:
    """Begun in 2026 and in 2027 with losses [0.5, 0.2]: 0.5 left, then 0.8 * 0.5, then 0.8.

    What would fall in 2029 is cut off.
    """
    raw = case(
        last_year=2028,
        supply=CHINA,
        hazards=cut([0.5, 0.2]),
        uncertainty={"states": [state("twice", 1.0, 2026, 2027)]},
    )
    assert shortages(raw) == near([50, 60, 20])


def test_hazards_strike_projects_in_the_country_too() -> None:
    """China supplies 50 t and hosts a mine of 50 t; a cut of 0.6 leaves 20 + 20."""
    raw = case(
        supply=[{"material": "ore", "country": "CN", "t_per_year": 50}],
        projects={"mine": project(50, country="CN")},
        hazards=cut([0.6], materials=["ore"]),
        uncertainty={"states": [state("cut", 1.0, 2026)]},
    )
    assert shortages(raw) == near([60])


@pytest.mark.parametrize(("spared", "share"), [([], 0.7), (["CN"], None)])
def test_one_country_may_supply_only_so_much(spared: list[str], share: float | None) -> None:
    """China supplies all 100 t and may supply 65: 35 t of a German 50 t must be secured, 0.7.

    Nothing is ever missing, so it is the rule alone that costs 0.001 * 7 million.
    """
    limit = {"limit": 0.65, "except": spared}
    answer = solve(
        case(
            supply=CHINA,
            projects={"mine": project(50, market_finance_max=1.0)},
            policy={"max_country_share": limit},
        )
    )
    assert [mine.offtake for mine in answer.projects] == ([near(share)] if share else [])
    assert answer.certificate.objective == near(0.007 if share else 0)


def test_a_mine_in_the_country_itself_is_no_way_out() -> None:
    raw = case(
        supply=CHINA,
        projects={"mine": project(country="CN")},
        policy={"max_country_share": {"limit": 0.65}},
    )
    with pytest.raises(Infeasible):
        solve(raw)


def test_a_country_limit_waits_for_its_year() -> None:
    """From 2027, so a mine with a year of construction is decided in 2026 and gives 35 of 100 t."""
    rule = {"limit": 0.65, "from_year": 2027, "materials": ["ore"]}
    answer = solve(
        case(
            last_year=2027,
            supply=CHINA,
            projects={"mine": project(35, construction_years=1)},
            policy={"max_country_share": rule},
        )
    )
    assert starts(answer) == {"mine": 2026}
    assert answer.certificate.objective == near(0.01)


def test_of_two_start_years_the_one_that_covers_the_danger_is_taken() -> None:
    """A mine that lives one year, and China cut off in 2027 with 0.4, in 2026 with 0.1.

    In 2027 it saves 0.4 * 10 million, in 2026 0.1 * 10: it starts in 2027, and 1 remains.
    """
    raw = case(last_year=2027, projects={"mine": project(lifetime_years=1)})
    raw |= chance_of_cut(0.1)
    raw["uncertainty"] = {
        "states": [state("calm", 0.5), state("early", 0.1, 2026), state("late", 0.4, 2027)]
    }
    answer = solve(raw)
    assert starts(answer) == {"mine": 2027}
    assert answer.certificate.objective == near(1.01)


def test_years_after_the_horizon_change_nothing() -> None:
    """A table and a latest start may go on beyond the horizon: what lies there is left out."""
    raw = case(
        last_year=2027,
        **chance_of_cut(0.5),
        projects={"works": project(tonnes=60, capex=2, latest_start=2027)},
        funders={"fund": funder() | {"budget_by_year_meur": {2026: 2, 2027: 1}}},
    )
    longer = copy.deepcopy(raw)
    longer["projects"]["works"]["latest_start"] = 2040
    longer["funders"]["fund"]["budget_by_year_meur"] |= {2028: 100, 2040: 100}
    one, other = solve(raw), solve(longer)
    assert starts(one) == starts(other) == {"works": 2026}
    assert one.certificate.objective == other.certificate.objective
