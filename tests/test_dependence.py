"""Whom supply depends on: the arithmetic by hand, and what must hold for all of it."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st
from small import case, funder, near, project, solve

from optimizer.model.supply_mix import displace_market_supply

PLACES = st.sampled_from(["CN", "CL", "AU", "DE", "FR"])
LOTS = st.dictionaries(PLACES, st.floats(0, 100), min_size=1)


def test_the_highest_gives_way_first() -> None:
    # 60 and 30 with 20 to go: the first falls to 40.
    assert displace_market_supply({"CN": 60, "CL": 30}, {}, 20) == near_all({"CN": 40, "CL": 30})


def test_those_that_give_way_end_level() -> None:
    # 60 and 30 with 50 to go: 40 are left, 20 each.
    assert displace_market_supply({"CN": 60, "CL": 30}, {}, 50) == near_all({"CN": 20, "CL": 20})


def test_own_output_counts_for_the_height_of_a_country() -> None:
    # CL stands at 30 + 40 = 70, CN at 60. Of 30 to go, 10 bring CL to 60, then 10 each.
    left = displace_market_supply({"CN": 60, "CL": 30}, {"CL": 40}, 30)
    assert left == near_all({"CN": 50, "CL": 10})


def test_a_market_cannot_give_more_than_it_delivers() -> None:
    # CL stands at 90 with its plant, but only 5 of it are the market's; the other 15 are CN's.
    left = displace_market_supply({"CN": 60, "CL": 5}, {"CL": 85}, 20)
    assert left == near_all({"CN": 45, "CL": 0})


@given(market=LOTS, own=LOTS, part=st.floats(0, 1))
def test_what_gives_way_is_just_the_amount(
    market: dict[str, float], own: dict[str, float], part: float
) -> None:
    amount = part * sum(market.values())
    left = displace_market_supply(market, own, amount)
    assert sum(left.values()) == pytest.approx(sum(market.values()) - amount, abs=1e-6)
    assert all(-1e-9 <= left[c] <= market[c] + 1e-9 for c in market)
    # Nobody who gave way stands above one who could have given more.
    level = [left[c] + own.get(c, 0.0) for c in market if left[c] > 1e-6]
    gave = [left[c] + own.get(c, 0.0) for c in market if left[c] < market[c] - 1e-6]
    assert not gave or not level or max(level) <= min(gave) + 1e-6


def near_all(expected: dict[str, float]) -> object:
    return pytest.approx(expected, abs=1e-9)


def mixed() -> dict[str, object]:
    """70 t from China, 30 t from Chile, and a French plant of 50 t that the fund can pay."""
    return case(
        home=["FR"],
        supply=[
            {"material": "ore", "country": "CN", "share": 0.7},
            {"material": "ore", "country": "CL", "share": 0.3},
        ],
        projects={"works": project(50, country="FR", stages=["processing"])},
        funders={"fund": funder(budget=10)},
        policy={"must_build": ["works"]},
        # Without a missing tonne nothing asks for offtake, so a stop makes it worth having.
        hazards={"cut": {"annual_probability": 1, "effects": [{"country": "CN", "loss": [1.0]}]}},
        uncertainty={"states": [{"probability": 1, "events": [{"hazard": "cut", "start": 2026}]}]},
    )


def test_a_plan_says_where_supply_comes_from() -> None:
    """Of 50 t that give way China's 70 t lose 40 + 5 and Chile's 30 t lose 5: 25 t are left each.

    Shares 0.5, 0.25 and 0.25; HHI 2,500 + 625 + 625. Before: 4,900 + 900.
    """
    year = solve(mixed()).materials[0].by_year["2026"]
    assert year.supply is not None
    assert year.supply_without_plan is not None
    assert year.supply.by_country == near_all({"FR": 0.5, "CL": 0.25, "CN": 0.25})
    assert (year.supply.largest_country, year.supply.largest_share) == ("FR", near(0.5))
    assert year.supply.hhi == near(3750)
    assert year.supply.imports == near(0.5)
    before = year.supply_without_plan
    assert (before.largest_country, before.largest_share, before.hhi) == (
        "CN",
        near(0.7),
        near(5800),
    )
    assert before.imports == near(1.0)


def test_output_fills_a_gap_before_anything_gives_way() -> None:
    """China gives 60 of 100 t. A plant of 50 t fills 40; 10 give way: 50 and 50."""
    raw = mixed() | {"supply": [{"material": "ore", "country": "CN", "share": 0.6}]}
    year = solve(raw).materials[0].by_year["2026"]
    assert year.supply is not None
    assert year.supply.by_country == near_all({"CN": 0.5, "FR": 0.5})


def test_without_home_nothing_is_said_of_imports() -> None:
    year = solve(mixed() | {"home": []}).materials[0].by_year["2026"]
    assert year.supply is not None
    assert year.supply.imports is None


def test_home_supply_gives_way_last() -> None:
    """Home gives 70 t, China 30 t; 50 t more take all of China's and 20 t of home's."""
    supply = [
        {"material": "ore", "country": "FR", "share": 0.7},
        {"material": "ore", "country": "CN", "share": 0.3},
    ]
    year = solve(mixed() | {"supply": supply}).materials[0].by_year["2026"]
    assert year.supply is not None
    assert year.supply.by_country == near_all({"FR": 1.0})
    assert year.supply.imports == near(0.0)


def taken_in() -> dict[str, object]:
    """The same ore, of which alloy makers take in 100 t, by an alloy that comes from China too."""
    makers = {"country": "FR", "output": "alloy", "capacity_t_per_year": 50}
    damage = [{"material": m, "steps": [{"share": 1, "eur_per_t": 1}]} for m in ("ore", "alloy")]
    raw = mixed() | {"conversions": {"makers": makers | {"inputs_t_per_t": {"ore": 2}}}}
    return raw | {
        "materials": {m: {"price_eur_per_t": 10_000} for m in ("ore", "alloy")},
        "demand": [{"consumer": "industry", "material": "alloy", "t_per_year": 100}],
        "damage": damage,
        "supply": [*raw["supply"], {"material": "alloy", "country": "CN", "share": 0.5}],
    }


def test_shares_are_of_need_and_what_is_made_comes_from_where_it_is_made() -> None:
    """Nobody demands ore, of which 100 t are needed: 70 t from China, 30 from Chile, and the plant.

    Half of the alloy is made in France, whose makers stand today, and half comes from China.
    """
    found = solve(taken_in())
    ore, alloy = (one.by_year["2026"] for one in found.materials)
    assert (ore.demand_t, ore.need_t, ore.days_of_cover) == (0, near(100), 0)
    assert (alloy.demand_t, alloy.need_t) == (near(100), near(100))
    assert ore.supply_without_plan is not None
    assert alloy.supply is not None
    assert ore.supply_without_plan.by_country == near_all({"CN": 0.7, "CL": 0.3})
    assert ore.supply is not None
    assert ore.supply.by_country == near_all({"FR": 0.5, "CL": 0.25, "CN": 0.25})
    assert alloy.supply.by_country == near_all({"CN": 0.5, "FR": 0.5})
    assert (alloy.supply.largest_country, alloy.supply.imports) == ("CN", near(0.5))
    shares = {x.material: x for x in found.crma if x.stage == "processing"}
    assert shares["ore"].share == near(0.5)
    assert (shares["alloy"].share, shares["alloy"].share_without_plan) == (near(0.5), near(0.5))


def test_a_form_that_only_projects_take_in_has_no_days_of_cover() -> None:
    raw = taken_in() | {"conversions": {}}
    raw["projects"] |= {
        "foundry": project(30, inputs_t_per_t={"ore": 1}) | {"output_t_per_year": {"alloy": 30}}
    }
    ore = solve(raw).materials[0].by_year["2026"]
    assert (ore.demand_t, ore.need_t, ore.days_of_cover, ore.supply) == (0, 0, None, None)


def test_benchmarks_of_the_act() -> None:
    """A French plant of 50 t in 100 t of demand: half of processing, nothing of the others.

    The horizon ends before 2030, so its last year counts.
    """
    shares = {x.stage: x for x in solve(mixed()).crma}
    assert {x.year for x in shares.values()} == {2026}
    assert (shares["processing"].share, shares["processing"].target) == (near(0.5), 0.4)
    assert shares["processing"].share_without_plan == 0
    assert (shares["extraction"].share, shares["recycling"].share) == (0, 0)


def test_no_benchmark_where_a_stage_is_unknown() -> None:
    """Finland delivers without a word of what happens there."""
    supply = [
        {"material": "ore", "country": "CN", "share": 0.7},
        {"material": "ore", "country": "FI", "share": 0.3},
    ]
    assert solve(mixed() | {"supply": supply}).crma == ()
    supply[1]["stages"] = ["extraction", "processing"]
    shares = {x.stage: x.share for x in solve(mixed() | {"supply": supply}).crma}
    assert shares == near_all({"extraction": 0.3, "processing": 0.8, "recycling": 0})


def test_no_benchmarks_in_a_file_without_stages() -> None:
    raw = mixed()
    raw["projects"] = {"works": project(50, country="FR")}
    assert solve(raw).crma == ()
