"""Every rule of the first stage is true just inside and false just outside.

A point is a commitment. All rules hold inside, and outside exactly those named are broken: once in
the model that is built, once by the check that knows no model. What no commitment can break stands
in `test_recourse_points.py`.

Mass is in tonnes here; a lot of ore is 16 t, since an eighth of 100 t a year lies nearest 2^4.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from deal_points import DEALS
from money_points import MONEY
from perspectives import ABOUT
from points import (
    GIANT,
    LOT_T,
    PAIR,
    STARTED,
    YEARLY,
    Point,
    broken,
    commit,
    idle_works,
    shared,
    three,
    with_works,
    works,
)
from small import CHINA, Raw, case, funder, stockpile

from models.scenario.references import Case
from optimizer.errors import CheckFailed
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Instance, read_instance
from optimizer.model.rules import RULES
from optimizer.solve.verification import check_commitment

ROWS = re.findall(
    r"^\| ([A-Z]\d|CVaR) \| (\w+) \| .+ \|$",
    (Path(__file__).parents[2] / "docs" / "formulation.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)
TAGS = {name: tag for tag, name in ROWS}


def read(raw: Raw) -> Instance:
    return read_instance(Case.model_validate(raw))


def by_share(floored: float) -> Commitment:
    """Of 0.3 under the floor so much runs, of 0.5 that are reserved."""
    held = commit(STARTED, {"works.fund.floor": 0.3, "works.fund": 0.2}, {"works": 0.8})
    offtake = {("works", "common"): 0.5}
    return replace(held, offtake=offtake, floored={("works", "common", "fund", "floor"): floored})


def by_offtake(floored: float) -> Commitment:
    """Of 0.6 under the floor so much runs, of 0.3 that are reserved."""
    held = commit(STARTED, {"works.fund.floor": 0.6}, {"works": 1.0})
    offtake = {("works", "common"): 0.3}
    return replace(held, offtake=offtake, floored={("works", "common", "fund", "floor"): floored})


def by_year(carry_over: bool, **budget: float) -> Raw:
    grants = {int(year[1:]): amount for year, amount in budget.items()}
    return funder() | {"budget_by_year_meur": grants, "carry_over": carry_over}


COMMITTED = [
    Point(
        "fully_financed",
        with_works(),
        commit(STARTED, {"works.fund": 0.4}, {"works": 0.6}),
        commit(STARTED, {"works.fund": 0.3999}, {"works": 0.6}),
        about="too little",
    ),
    Point(
        "fully_financed",
        with_works(),
        commit(STARTED, {"works.fund": 0.4}, {"works": 0.6}),
        commit(STARTED, {"works.fund": 0.4}, {"works": 0.6001}),
        about="too much",
    ),
    shared("market_finance_limit", with_works(projects={"works": works(0.6)}), 0.4, 0.3999),
    Point(
        "share_limit",
        with_works(fund=funder(max_share=0.4)),
        commit(STARTED, {"works.fund": 0.4}),
        commit(STARTED, {"works.fund": 0.4001}),
        also=("share_needs_start",),
    ),
    Point(
        "share_needs_start",
        with_works(),
        commit(STARTED, {"works.fund": 0.0001}),
        commit({}, {"works.fund": 0.0001}),
        also=("fully_financed",),
    ),
    shared("ticket_min", with_works(fund=funder(ticket_min_meur=10)), 0.1, 0.0999),
    shared("ticket_max", with_works(fund=funder(ticket_max_meur=10)), 0.1, 0.1001),
    Point(
        "offtake_right",
        with_works(
            funders={"giant": funder("company", offtake_per_share=1.2)},
            consumers={"industry": GIANT},
        ),
        commit(STARTED, {"works.giant": 0.3}, offtake={"works.giant": 0.36}),
        commit(STARTED, {"works.giant": 0.3}, offtake={"works.giant": 0.3601}),
        about="a company: 1.2 * 0.3",
    ),
    Point(
        "offtake_right",
        with_works(
            funders={"fund": funder(offtake_per_share=0.5), "giant": funder("company")},
            consumers={"industry": GIANT},
            projects={"works": works(home_share=0.2)},
        ),
        commit(STARTED, {"works.fund": 0.4, "works.giant": 0.3}, offtake={"works.common": 0.4}),
        commit(STARTED, {"works.fund": 0.4, "works.giant": 0.3}, offtake={"works.common": 0.4001}),
        about="common: 0.2 + 0.5 * 0.4",
    ),
    Point(
        "offtake_limit",
        with_works(
            funders={"giant": funder("company")},
            consumers={"industry": GIANT},
            projects={"works": works(home_share=0.5, offtake_max=0.8)},
        ),
        commit(STARTED, {"works.giant": 0.4}, offtake={"works.common": 0.5, "works.giant": 0.3}),
        commit(STARTED, {"works.giant": 0.4}, offtake={"works.common": 0.5, "works.giant": 0.3001}),
    ),
    *(
        Point(name, idle_works(), floored(0.3), floored(0.3001), about=f"{name} 0.3")
        for name, floored in (("floored_offtake", by_share), ("floored_limit", by_offtake))
    ),
    Point(
        "public_share_limit",
        with_works(funders=PAIR | {"giant": funder("company")}, policy={"max_public_share": 0.49}),
        commit(STARTED, {"works.fund": 0.3, "works.bank": 0.19, "works.giant": 0.51}),
        commit(STARTED, {"works.fund": 0.3, "works.bank": 0.1901, "works.giant": 0.5}),
    ),
    shared(
        "state_aid_limit",
        with_works(
            fund=funder(grant_equivalent=0.5),
            policy={"state_aid": {"max_intensity": 0.35, "max_meur": 50}},
        ),
        0.7,
        0.7001,
        "0.5 * 70 of 35 by intensity",
    ),
    shared(
        "state_aid_limit",
        with_works(
            fund=funder(grant_equivalent=0.5),
            policy={"state_aid": {"max_intensity": 0.35, "max_meur": 20}},
        ),
        0.4,
        0.4001,
        "0.5 * 40 of 20 million",
    ),
    Point(
        "requires",
        case(2027, **three(a={"requires": ["b"]})),
        commit({"a": 2027, "b": 2027}),
        commit({"a": 2026, "b": 2027}),
        about="later",
    ),
    Point(
        "requires",
        case(2027, **three(a={"requires": ["b"]})),
        commit({"a": 2027, "b": 2026}),
        commit({"a": 2027}),
        about="never",
    ),
    Point(
        "excludes",
        case(2027, **three(a={"excludes": ["b"]})),
        commit({"a": 2026, "c": 2026}),
        commit({"a": 2026, "b": 2027, "c": 2026}),
    ),
    Point("must_build", with_works(policy={"must_build": ["works"]}), commit(STARTED), commit()),
    Point(
        "must_not_build",
        with_works(policy={"must_not_build": ["works"]}),
        commit(),
        commit(STARTED),
    ),
    Point(
        "max_projects",
        case(2027, **three(), policy={"max_projects": 2}),
        commit({"a": 2026, "b": 2027}),
        commit({"a": 2026, "b": 2027, "c": 2027}),
    ),
    Point(
        "purchase_limit",
        case(2027, stockpiles=[stockpile(max_purchase_t_per_year={2026: 30, 2027: 20})]),
        commit(buy_t=[30, 20]),
        commit(buy_t=[30, 20.01]),
    ),
    Point(
        "storage_limit",
        # keeps 0.81^(1/2) = 0.9 a period: 0.9 * 10 + 20 / 2 = 19, then 0.9 * 19 + 10 = 27.1.
        case(
            horizon={"first_year": 2026, "last_year": 2026, "periods_per_year": 2},
            stockpiles=[stockpile(initial_t=10, annual_loss=0.19, max_t=27.1)],
        ),
        commit(buy_t=[20]),
        commit(buy_t=[20.001]),
    ),
    Point(
        "days_of_demand",
        # 36.5 of 365 days of 100 t a year are 10 t, at the end of 2027 and no sooner.
        case(2027, stockpiles=[stockpile(min_days_of_demand={2027: 36.5})]),
        commit(buy_t=[0, 10]),
        commit(buy_t=[0, 9.99]),
    ),
    shared(
        "funder_budget_by_year",
        with_works(2027, by_year(False, y2026=50, y2027=30), projects={"works": works(**YEARLY)}),
        0.375,
        0.3751,
        "80 share of 30 alone",
    ),
    shared(
        "funder_budget_by_year",
        with_works(2027, by_year(True, y2026=50, y2027=30), projects={"works": works(**YEARLY)}),
        0.8,
        0.8001,
        "80 share of 30 and what 20 share leave of 50",
    ),
    shared("funder_budget", with_works(fund=funder(budget=20, budget_charge=0.5)), 0.4, 0.4001),
    Point(
        "funder_budget",
        # 20 t cost 20 * 11 000 EUR to buy and 20 * (500 + 0.05 * 10 000) to hold: 0.24 million.
        case(
            funders={"fund": funder(budget=0.12), "bank": funder()},
            stockpiles=[
                stockpile(
                    purchase_premium=0.1,
                    storage_eur_per_t_year=500,
                    financing_rate=0.05,
                    paid_by={"fund": 0.5, "bank": 0.5},
                )
            ],
        ),
        commit(buy_t=[20]),
        commit(buy_t=[20.01]),
        about="half of a stock",
    ),
    Point(
        "public_budget",
        with_works(funders=PAIR | {"giant": funder("company")}, policy={"budget_meur": 50}),
        commit(STARTED, {"works.fund": 0.3, "works.bank": 0.2, "works.giant": 0.5}),
        commit(STARTED, {"works.fund": 0.3, "works.bank": 0.2001, "works.giant": 0.4}),
    ),
    Point(
        "country_share_limit",
        # All 100 t come from CN, 60 may: the works' 40 t a year, from 2027 at full output.
        with_works(
            2027,
            supply=CHINA,
            projects={"works": works(ramp_up=[0.2, 0.8])},
            policy={"max_country_share": {"limit": 0.6, "from_year": 2027}},
        ),
        commit(STARTED, {"works.fund": 0.5}, offtake={"works.common": 0.5}),
        commit(STARTED, {"works.fund": 0.5}, offtake={"works.common": 0.4999}),
    ),
    *MONEY,
    *DEALS,
    *ABOUT,
]


@pytest.mark.parametrize("point", COMMITTED, ids=str)
def test_a_commitment_just_inside_and_just_outside(point: Point) -> None:
    instance = point.seen(read(point.raw))
    assert broken(instance, point.inside) == set()
    assert broken(instance, point.outside) == {point.name, *point.also}


@pytest.mark.parametrize("point", COMMITTED, ids=str)
def test_the_check_from_outside_sees_the_same(point: Point) -> None:
    instance = point.seen(read(point.raw))
    check_commitment(instance, point.inside)
    with pytest.raises(CheckFailed, match=rf"\b{TAGS[point.name]} ") as caught:
        check_commitment(instance, point.outside)
    others = {TAGS[name] for name in (point.name, *point.also)}
    assert set(re.findall(r"\b[A-Z]\d(?= \w+:)", str(caught.value))) <= others


def test_the_check_knows_the_years_in_which_a_project_can_start() -> None:
    """A commitment holds one start year a project, so that P1 is the year alone."""
    instance = read(with_works(2027, projects={"works": works(latest_start=2026)}))
    check_commitment(instance, commit(STARTED))
    with pytest.raises(CheckFailed, match="P1 start_once"):
        check_commitment(instance, commit({"works": 2027}))


def test_tonnes_are_counted_in_lots_of_16() -> None:
    assert read(case()).lot_tonnes == {"ore": LOT_T}


def test_every_rule_that_a_commitment_can_break_has_a_point() -> None:
    """A new row of docs/formulation.md fails here until it has its point, a point by value, or the
    points of test_policy_limits.py, which come from its declaration."""
    limits = {name for name, rule in RULES.items() if rule.policy_limits}
    second = {name for name, tag in TAGS.items() if tag[0] == "R" or tag == "CVaR"}
    by_value = {"start_once", "planned_stock_definition", *second}
    points = {point.name for point in COMMITTED}
    by_value |= {"user_rule", "extra_rule"}  # random points: tests/test_user_rules.py
    assert points | limits == set(TAGS) - by_value
