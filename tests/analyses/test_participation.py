"""Shares of the works of ``partners.py``, computed by hand.

At share s of `maker`, everybody else deciding again, `user` carries the rest, since 17 or less is
better than 20. `maker` gets 80 s + 30 t of its 150, so that its damage is 12 - 8 s and its cost
9 s: in all 12 + s, which only rises. `user` gets 80 (1 - s) + 10 t of its 50.
"""

from __future__ import annotations

import pytest
from frontier_cases import reading
from partners import Raw, partners, with_fund
from small import case, chance_of_cut, funder, near, project, stockpile

from models.results import Participation, ShareCurve
from optimizer.analyses.analysis_options import ParticipateOptions
from optimizer.analyses.participation.participate import analyze_participation
from optimizer.errors import Infeasible

USUAL = {"steps": 4, "refine": 0, "public": 0, "ranges": False, "gap": 1e-7, "jobs": 1}


def ask(
    raw: Raw, company: str = "maker", project: str | None = "works", **more: object
) -> Participation:
    options = {"company": company, "project": project, **USUAL, **more}
    asked = ParticipateOptions.model_validate(options)
    return analyze_participation(reading(raw), asked, title="partners")


def on(found: Participation, others: str, public: float | None = None) -> ShareCurve:
    (curve,) = [c for c in found.curves if (c.others, c.public_share) == (others, public)]
    return curve


def test_a_share_that_others_would_pay_for_is_not_worth_its_price() -> None:
    found = ask(partners())
    assert found.without_plan.total == near(15.0)
    assert found.alone is not None
    assert found.alone.total == near(13.0)
    curve = on(found, "reoptimize")
    assert curve.limit == pytest.approx(1.0, abs=1e-5)
    assert curve.best_share == 0.0
    assert curve.indifferent_share is None
    shares = [point.share for point in curve.points]
    assert shares[0] == 0.0
    assert len(shares) >= 5
    for point in curve.points:
        s, stands = point.share, point.standing
        assert stands is not None
        assert point.status == "optimal"
        assert point.built
        assert stands.expected == pytest.approx(12 - 8 * s, abs=1e-5)
        assert stands.net_cost_meur == pytest.approx(9 * s, abs=1e-5)
        assert stands.cvar == pytest.approx(stands.expected)
        assert point.gain == pytest.approx(-s, abs=1e-5)
        assert point.avoided == pytest.approx(3 + 8 * s, abs=1e-5)
        assert point.stake_meur == pytest.approx(9 * s, abs=1e-5)
        others = min(5.0, 1 + 8 * (1 - s))
        assert point.to_others == pytest.approx(others / (others + 3 + 8 * s), abs=1e-5)
        assert point.outlay_by_year_meur["2026"] == pytest.approx(9 * s, abs=1e-5)
        if s > 0:
            assert point.avoided_per_euro == pytest.approx((3 + 8 * s) / (9 * s), rel=1e-4)
            assert point.gain_per_euro == pytest.approx(8 / 9, rel=1e-4)
            assert point.offtake_t["ore"]["2026"] == pytest.approx(80 * s, abs=1e-3)


@pytest.mark.slow
def test_a_share_that_nobody_else_would_pay_for() -> None:
    """`user` may carry half at most, and the market three tenths, so that `maker` has to carry a
    fifth for the works to be built: at 0 it loses 15, at a fifth 15 - (8/5 + 3) + 9/5 = 12.2."""
    raw = partners()
    raw["funders"]["user"]["instruments"]["equity"]["max_share"] = 0.5
    raw["projects"]["works"]["market_finance_max"] = 0.3
    found = ask(raw, steps=5, refine=3)
    curve = on(found, "reoptimize")
    assert [point.built for point in curve.points if point.share < 0.2] == [False] * 4
    assert all(point.built for point in curve.points if point.share >= 0.2)
    assert curve.points[0].standing is not None
    assert curve.points[0].standing.total == near(15.0)
    best = next(p for p in curve.points if p.share == curve.best_share)
    assert best.share == 0.2
    assert best.standing is not None
    assert best.standing.total == pytest.approx(12.2, abs=1e-5)
    assert curve.indifferent_share == curve.limit == 1.0


@pytest.mark.slow
def test_a_share_of_what_is_not_built_is_none() -> None:
    """`maker` has to carry a fifth again, now of 90 million: 12 - 8/5 + 18 is far above 15. Below a
    fifth nothing is built and it loses the same 15, which makes it indifferent to no share."""
    raw = partners()
    raw["funders"]["user"]["instruments"]["equity"]["max_share"] = 0.5
    raw["projects"]["works"] |= {"market_finance_max": 0.3, "capex_meur": 90}
    found = ask(raw, steps=10)
    curve = on(found, "reoptimize")
    idle = [point for point in curve.points if point.share < 0.2]
    assert [point.built for point in idle] == [False, False]
    assert idle[1].gain == near(0.0)
    assert curve.best_share == 0.0
    assert curve.indifferent_share is None


@pytest.mark.slow
def test_with_fixed_shares_of_others_the_remainder_is_not_financed() -> None:
    """What `maker` does not carry of its share in the plan, nobody does: no works are built."""
    found = ask(partners())
    assert found.free_share is not None
    curve = on(found, "held")
    assert found.free_share == pytest.approx(0.5, abs=1e-9)
    assert curve.limit == 0.5
    assert [point.share for point in curve.points] == [0, 0.125, 0.25, 0.375, 0.5]
    for point in curve.points:
        assert point.standing is not None
        if point.share < found.free_share - 1e-3:
            assert not point.built
            assert point.standing.total == near(15.0)
    assert curve.points[-1].built == (curve.points[-1].share > found.free_share - 1e-9)


@pytest.mark.slow
def test_projects_go_on_where_the_market_can_take_the_share() -> None:
    """`maker` holds a part of a mine that the market could carry as well, and asks for its share
    in other works: the mine is built whatever it does."""
    raw = partners()
    raw["projects"]["mine"] = project(20, 1, market_finance_max=1.0, home_share=1.0)
    found = ask(raw)
    for point in on(found, "held").points:
        assert "mine" in point.projects


@pytest.mark.slow
def test_portfolio_shares_that_the_market_can_carry_continue() -> None:
    raw = partners()
    raw["projects"]["mine"] = project(20, 1, market_finance_max=1.0, home_share=1.0)
    found = ask(raw, project=None)
    for point in on(found, "held").points:
        assert "mine" in point.projects


@pytest.mark.slow
def test_public_money_at_its_own_share() -> None:
    """With the fund at 0 the curve is that without a fund; with the fund at its most nothing is
    left to carry."""
    found = ask(with_fund(), steps=2, public=2)
    nothing = on(found, "reoptimize", 0.0)
    for point in nothing.points:
        assert point.standing is not None
        assert point.standing.total == pytest.approx(12 + point.share, abs=1e-5)
    (most,) = [c for c in found.curves if c.public_share]
    assert most.public_share == pytest.approx(1.0, abs=1e-5)
    assert most.limit == 0.0
    assert len(most.points) == 1
    assert most.points[0].standing is not None
    assert most.points[0].standing.total == pytest.approx(3.0, abs=1e-4)


def test_a_share_of_all_that_is_built() -> None:
    """Two projects, of which `maker` may carry all of the one and nothing of the other: its largest
    share of the portfolio is that of the plan with the one alone, and that of both is 9 of 12."""
    raw = partners()
    raw["projects"]["works"]["tags"] = ["own"]
    raw["projects"]["mine"] = project(40, 3, home_share=1.0)
    raw["funders"]["maker"]["instruments"]["equity"]["eligible"] = {"tags": ["own"]}
    found = ask(raw, project=None, steps=4)
    curve = on(found, "reoptimize")
    assert curve.limit == pytest.approx(1.0, abs=1e-5)
    three_quarters = next(p for p in curve.points if abs(p.share - 0.75) < 1e-4)
    assert set(three_quarters.projects) == {"works", "mine"}
    assert three_quarters.stake_meur == pytest.approx(9.0, abs=1e-3)
    assert set(curve.points[-1].projects) == {"works"}


def test_pooled_supply_has_neither_range_nor_held_others() -> None:
    """120 t go where they are missed most, which is anywhere: 200 t are needed at one price, so
    that who is short is a matter of the order of the file, but all damage is 8."""
    found = ask(partners(), allocation="pooled", steps=2, ranges=True)
    assert [curve.others for curve in found.curves] == ["reoptimize"]
    assert found.alone is None
    for point in found.curves[0].points:
        assert point.range is None
        assert point.objective == pytest.approx(8.009, abs=1e-4)
        assert point.standing is not None


def idle_stock() -> Raw:
    """Each company needs 150 t. At share 0 `user` builds the works: 80 + 20 t for it, 20 for
    `maker`, who buys the other 130 t at 0.01 million each and could buy 200."""
    raw = partners(
        stockpiles=[
            stockpile(paid_by={"maker": 1.0}, serves=["makers"], max_purchase_t_per_year=200)
        ]
    )
    raw["demand"][1]["t_per_year"] = 150
    return raw


@pytest.mark.slow
def test_equally_good_plans_may_differ_in_what_the_company_pays() -> None:
    """50 t of `user` stay missing: 5, and a thousandth of all cost. A thousandth of that pays for
    more than the 70 t of stock that `maker` could buy for nothing: from 1.3 to 2.0."""
    found = ask(idle_stock(), steps=1, tolerance=1e-3, ranges=True)
    point = on(found, "reoptimize").points[0]
    assert point.objective == pytest.approx(5 + 0.001 * 10.3, abs=1e-5)
    assert point.standing is not None
    assert point.standing.total == pytest.approx(1.3, abs=1e-3)
    spread = point.range
    assert spread is not None
    assert spread.best.total == pytest.approx(1.3, abs=1e-3)
    assert spread.worst.total == pytest.approx(2.0, abs=0.01)
    assert spread.least is not None
    assert spread.most is not None
    assert spread.least <= 1.3 + 1e-6
    assert spread.most >= 2.0 - 1e-6


def test_the_tail_is_that_of_the_company_alone() -> None:
    """Imports fail with a chance of a tenth; the mean of the worst 5 % is the damage then."""
    raw = partners(**chance_of_cut(0.1))
    raw["projects"] = {"works": project(1, 1000)}
    found = ask(raw, steps=1)
    assert found.without_plan.expected == near(1.5)
    assert found.without_plan.cvar == near(15.0)


def test_rules_that_no_plan_keeps_are_named() -> None:
    raw = case(
        funders={"co": funder("company", max_share=0.1)},
        consumers={"industry": {"name": "Industry", "company": "co"}},
        projects={"works": project()},
        policy={"must_build": ["works"]},
    )
    with pytest.raises(Infeasible, match="must_build"):
        ask(raw, "co")
