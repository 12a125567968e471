"""Who gets what there is: one pool, or each by title, solved by hand.

Industry needs 60 t a year and a maker 40 t, unless a test says otherwise; a missing tonne costs
0.1 million EUR; costs weigh nothing.
"""

from __future__ import annotations

from typing import Any

import pytest
from small import CHINA, Raw, case, cut, funder, near, project, solve, state, stockpile


def two_consumers(allocation: str, industry: Any = 60, maker: Any = 40, **sections: Any) -> Raw:
    """The two of them, the maker with a purse of its own, and the allocation asked for."""
    return case(
        **{
            "consumers": {
                "industry": {"name": "Industry"},
                "maker": {"name": "A maker", "company": "maker"},
            },
            "demand": [
                {"consumer": "industry", "material": "ore", "t_per_year": industry},
                {"consumer": "maker", "material": "ore", "t_per_year": maker},
            ],
            "funders": {"fund": funder(), "maker": funder("company")},
            "objective": {"allocation": allocation, "cost_weight": 0.0},
        }
        | sections
    )


def makers_loss(eur_per_t: float) -> list[Raw]:
    """The maker loses so much on a missing tonne, industry 100 000 EUR."""
    return [
        {"material": "ore", "steps": [{"share": 1.0, "eur_per_t": 100_000}]},
        {"material": "ore", "consumer": "maker", "steps": [{"share": 1, "eur_per_t": eur_per_t}]},
    ]


@pytest.mark.parametrize(("allocation", "damage"), [("pooled", 0.0), ("entitled", 6.0)])
def test_a_companys_offtake_helps_itself_only(allocation: str, damage: float) -> None:
    """The maker alone pays for a mine of 100 t and needs 40; its 60 t to spare change no hands."""
    answer = solve(
        two_consumers(
            allocation, projects={"mine": project()}, funders={"maker": funder("company")}
        )
    )
    assert answer.outcome.expected == near(damage)
    assert {c.id: c.expected for c in answer.consumers} == {
        "industry": near(damage),
        "maker": near(0),
    }


@pytest.mark.parametrize(("allocation", "damage"), [("pooled", 5.0), ("entitled", 7.0)])
def test_common_offtake_is_shared_by_demand(allocation: str, damage: float) -> None:
    """50 t come home; the maker loses twice as much a tonne.

    Pooled, all its 40 t and 10 of industry's: 50 * 0.1. Entitled, 20 and 30: 30 * 0.1 + 20 * 0.2.
    """
    answer = solve(
        two_consumers(
            allocation,
            projects={"mine": project(50)},
            funders={"fund": funder(), "maker": funder("company", budget=0.0)},
            damage=makers_loss(200_000),
        )
    )
    assert answer.outcome.expected == near(damage)


@pytest.mark.parametrize(("allocation", "damage"), [("pooled", 2.0), ("entitled", 3.2)])
def test_supply_and_home_share_are_common(allocation: str, damage: float) -> None:
    """50 t of imports, 30 t that come home without a stake; the maker's loss is the larger.

    Pooled: 20 t of industry's are missing. Entitled: 12 of industry's, 8 of the maker's at 0.25.
    """
    answer = solve(
        two_consumers(
            allocation,
            supply=[{"material": "ore", "country": "CN", "t_per_year": 50}],
            projects={"mine": project(100, home_share=0.3, market_finance_max=1.0)},
            funders={},
            damage=makers_loss(250_000),
            consumers={"industry": {"name": "Industry"}, "maker": {"name": "A maker"}},
        )
    )
    assert answer.outcome.expected == near(damage)


@pytest.mark.parametrize(
    ("allocation", "limit", "damage"),
    [("pooled", None, 0.0), ("entitled", None, 3.0), ("pooled", 50, 4.0), ("entitled", 50, 6.0)],
)
def test_a_stock_is_split_by_demand_over_the_whole_horizon(
    allocation: str, limit: float | None, damage: float
) -> None:
    """Industry needs 90 t and then 30, the maker none and then 80: 120 and 80 of 200.

    The first year is cut off and 100 t are in store. Pooled, industry's 90 are there; entitled, 60.
    If only 50 t may leave in a year: 50, or industry's 30 of them.
    """
    answer = solve(
        two_consumers(
            allocation,
            {2026: 90, 2027: 30},
            {2026: 0, 2027: 80},
            last_year=2027,
            supply=CHINA,
            hazards=cut([1.0]),
            uncertainty={"states": [state("cut", 1.0, 2026)]},
            stockpiles=[
                stockpile(initial_t=100, max_purchase_t_per_year=0, max_release_t_per_period=limit)
            ],
        )
    )
    assert answer.outcome.expected == near(damage)


@pytest.mark.parametrize(("allocation", "damage"), [("pooled", 5.0), ("entitled", 6.0)])
def test_a_stock_serves_whom_it_names(allocation: str, damage: float) -> None:
    """50 t in store for the maker, who needs 40: the ten to spare help industry when pooled."""
    answer = solve(
        two_consumers(
            allocation,
            stockpiles=[stockpile(initial_t=50, max_purchase_t_per_year=0, serves=["maker"])],
        )
    )
    assert answer.outcome.expected == near(damage)


@pytest.mark.parametrize(("allocation", "tonnes"), [("pooled", 40), ("entitled", 100)])
def test_to_help_one_by_title_is_to_help_all(allocation: str, tonnes: float) -> None:
    """Only the maker's loss, 0.2 a tonne, is worth the 0.12 a stored tonne costs.

    Pooled: 40 t bought, 60 * 0.1 lost, 4.8 spent. Entitled a tonne saves 0.6 * 0.1 + 0.4 * 0.2 =
    0.14, so all 100 are bought for 12 million.
    """
    answer = solve(
        two_consumers(
            allocation,
            materials={"ore": {"name": "Ore", "price_eur_per_t": 120_000}},
            damage=makers_loss(200_000),
            stockpiles=[stockpile()],
            objective={"allocation": allocation, "cost_weight": 1.0},
        )
    )
    assert answer.stockpiles[0].buy_t["2026"] == near(tonnes)
    assert answer.certificate.objective == near(10.8 if allocation == "pooled" else 12.0)


@pytest.mark.parametrize(("allocation", "damage"), [("pooled", 5.0), ("entitled", 10.0)])
def test_what_a_closed_maker_owns_is_lost(allocation: str, damage: float) -> None:
    """The maker's mine gives 50 t; the maker needs 40 t in 2026 and closes; industry 60, then 40.

    Pooled: 100 - 50 t are missing in 2026, none in 2027. Entitled: industry gets nothing at all.
    """
    answer = solve(
        two_consumers(
            allocation,
            {2026: 60, 2027: 40},
            {2026: 40, 2027: 0},
            last_year=2027,
            projects={"mine": project(50)},
            funders={"maker": funder("company")},
        )
    )
    assert answer.outcome.expected == near(damage)


@pytest.mark.parametrize("allocation", ["pooled", "entitled"])
@pytest.mark.parametrize("name", ["common", "giant"])
def test_no_name_of_a_company_is_reserved(name: str, allocation: str) -> None:
    """The fund may carry half of a 20 t works, a company the rest: 20 t of 100 t arrive, 80 miss.

    The company's half goes to the pool, or to its only consumer, whatever the company is called.
    """
    answer = solve(
        case(
            consumers={"industry": {"company": name}},
            projects={"works": project(20)},
            funders={"fund": funder(max_share=0.5), name: funder("company")},
            objective={"allocation": allocation},
        )
    )
    assert answer.outcome.expected == near(8.0)
    (works,) = answer.projects
    assert works.offtake_common + works.offtake_by_company.get(name, 0.0) == near(1.0)
