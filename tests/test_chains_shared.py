"""Who gets what of a chain of materials, and rules that count need: solved by hand.

Of the 100 t of magnets of `forms` industry needs 60 t and the maker, a company, 40.
"""

from __future__ import annotations

from typing import Any

import pytest
from forms import BOTH, chain, dear, found, imports, kept, makers, solved, works
from oracle import best
from small import Raw, funder, near, stockpile


def shared(capacity: Any = 50, ratio: float = 2.0, **sections: Any) -> Raw:
    own = {"industry": 60, "maker": 40}
    return chain(
        capacity,
        ratio,
        **{
            "consumers": {"industry": {}, "maker": {"company": "maker"}},
            "funders": {"fund": funder(budget=0.0), "maker": funder("company")},
            "demand": [
                {"consumer": u, "material": "magnet", "t_per_year": t} for u, t in own.items()
            ],
        }
        | sections,
    )


@pytest.mark.parametrize(("allocation", "damage"), [("pooled", 60), ("entitled", 65)])
def test_oxide_is_shared_by_demand_and_by_what_makers_take_in(
    allocation: str, damage: float
) -> None:
    """The maker needs 20 t of oxide itself, at 0.8: need of oxide is 20 + 2 * 50, and
    industry's part of it 60 of 120, the maker's 20 + 40. 60 t come; 40 t are kept for industry.

    Pooled: 20 t as they are, 80 for 40 t of magnets. Entitled: industry has 30 + 40 and may make
    0.6 * 50 = 30 t of magnets; the maker has 30, 20 as they are and 10 for 5 t of magnets.
    """
    raw = shared(supply=[imports("oxide", 60)], stockpiles=[kept(40, serves=["industry"])])
    raw["demand"].append({"consumer": "maker", "material": "oxide", "t_per_year": 20})
    raw["damage"].append(dear("oxide", 0.8))
    assert found(raw, allocation) == near(damage)


@pytest.mark.parametrize(("allocation", "damage"), [("pooled", 25), ("entitled", 70)])
def test_a_stock_of_oxide_serves_those_who_need_magnets(allocation: str, damage: float) -> None:
    """100 t of oxide for the maker alone, who may make 0.4 * 75 t of magnets of it."""
    raw = shared(75, 1.0, stockpiles=[kept(100, serves=["maker"])])
    assert found(raw, allocation) == near(damage)


@pytest.mark.parametrize(("allocation", "damage"), [("pooled", 100), ("entitled", 132)])
def test_a_stock_of_oxide_is_split_by_need_over_the_horizon(allocation: str, damage: float) -> None:
    """Industry needs 60 t a year, the maker 40 t in 2026 only, at 2; 50 t can be made, then 100.

    Need of oxide: industry 30 and 100, the maker 20 and 0. Of 60 t in store industry has 52, the
    maker 8: 68 t at 1 and 32 at 2 are missing. Pooled the maker has its 40, industry 20 of 120.
    """
    raw = shared({2026: 50, 2027: 100}, 1.0, last_year=2027, stockpiles=[kept(60)])
    raw["demand"][1]["t_per_year"] = {2026: 40, 2027: 0}
    raw["damage"].append(dear("magnet", 2.0, consumer="maker"))
    assert found(raw, allocation) == near(damage)


@pytest.mark.parametrize(("allocation", "damage"), [("pooled", 50), ("entitled", 80)])
def test_inputs_of_projects_only_are_divided_by_their_output(
    allocation: str, damage: float
) -> None:
    """The maker pays for a plant of 50 t of magnets; 50 t of oxide come, 20 of them for it.

    Industry's 30 t of oxide have no plant.
    """
    plant = works(50, home_share=0.0, market_finance_max=0.0, inputs_t_per_t={"oxide": 1.0})
    raw = shared(conversions={}, projects={"plant": plant}, supply=[imports("oxide", 50)])
    assert found(raw, allocation) == near(damage)


@pytest.mark.parametrize(("allocation", "damage"), [("pooled", 50), ("entitled", 70)])
def test_a_plant_that_is_common_is_shared_by_demand(allocation: str, damage: float) -> None:
    """A plant of 50 t of magnets: industry's 30, with 100 t of oxide for industry alone."""
    plant = works(50, inputs_t_per_t={"oxide": 1.0})
    raw = shared(conversions={}, projects={"plant": plant})
    raw["stockpiles"] = [kept(100, serves=["industry"])]
    assert found(raw, allocation) == near(damage)


@pytest.mark.parametrize(("allocation", "damage"), [("pooled", 25), ("entitled", 50)])
def test_what_plants_take_in_for_nobody_is_nobodys(allocation: str, damage: float) -> None:
    """100 t of oxide are demanded, and 50 t taken in for lamps that nobody needs: half of the need
    of 150 t comes, two thirds of it for industry."""
    raw = chain(
        conversions={"lit": makers(50, "lamp", oxide=1.0)},
        demand=[{"consumer": "industry", "material": "oxide", "t_per_year": 100}],
        damage=[dear("oxide")],
        supply=[{"material": "oxide", "country": "CN", "share": 0.5}],
    )
    raw["materials"]["lamp"] = {"name": "Lamp", "price_eur_per_t": 1}
    assert found(raw, allocation) == near(damage)


@pytest.mark.parametrize(("allocation", "damage"), [("pooled", 75), ("entitled", 100)])
def test_a_form_taken_in_for_nobody_still_feeds_a_project(allocation: str, damage: float) -> None:
    """75 t of oxide come, of which 50 are needed for lamps that nobody needs; a plant makes 25 t of
    magnets. Entitled, all of the oxide is nobody's: it is needed, so that nothing stands in."""
    raw = chain(
        conversions={"lit": makers(50, "lamp", oxide=1.0)},
        supply=[imports("oxide", 75)],
        projects={"plant": works(25, inputs_t_per_t={"oxide": 1.0})},
    )
    raw["materials"]["lamp"] = {"name": "Lamp", "price_eur_per_t": 1}
    assert found(raw, allocation) == near(damage)


@pytest.mark.parametrize(("allocation", "damage"), [("pooled", 50), ("entitled", 100)])
def test_a_plant_whose_owner_has_no_input_makes_nothing(allocation: str, damage: float) -> None:
    """Industry needs 50 t of oxide, and 100 t come; the maker needs 100 t of magnets and pays for a
    plant. Entitled, all of the oxide is industry's."""
    plant = works(60, home_share=0.0, market_finance_max=0.0, inputs_t_per_t={"oxide": 1.0})
    raw = shared(conversions={}, projects={"plant": plant}, supply=[imports("oxide", 100)])
    raw["demand"] = [
        {"consumer": "industry", "material": "oxide", "t_per_year": 50},
        {"consumer": "maker", "material": "magnet", "t_per_year": 100},
    ]
    raw["damage"].append(dear("oxide"))
    assert found(raw, allocation) == near(damage)


@pytest.mark.parametrize("allocation", BOTH)
def test_a_year_without_demand_keeps_the_stock_of_magnets(allocation: str) -> None:
    """Magnets go into motors, by a project alone, in 2027; nothing is needed in 2026.

    20 t of oxide come each year; 50 t of magnets are in store, of which a tenth is lost a year:
    40.5 and 20 t of magnets are left for 100 t of motors.
    """
    raw = chain(30, last_year=2027, stockpiles=[kept(50, "magnet", annual_loss=0.1)])
    raw["supply"] = [imports("oxide", 20)]
    raw["materials"]["motor"] = {"name": "Motor", "price_eur_per_t": 1}
    raw["demand"] = [
        {"consumer": "industry", "material": "motor", "t_per_year": {2026: 0, 2027: 100}}
    ]
    raw["damage"] = [dear("motor")]
    raw["projects"] = {"plant": works(200, "motor", inputs_t_per_t={"magnet": 1.0})}
    assert found(raw, allocation) == near(39.5)


# Rules on commitments that count need


@pytest.mark.quick(every=3)
@pytest.mark.parametrize("allocation", BOTH)
@pytest.mark.parametrize(("most", "serves", "damage"), [
    (42, "all", 60), (41.9, "all", None), (16.8, ["maker"], None), (16.9, ["maker"], None),
])  # fmt: skip
def test_days_of_cover_are_of_need(
    allocation: str, most: float, serves: Any, damage: float | None
) -> None:
    """42 t of oxide are needed in a year, 16.8 of them for the maker."""
    pile = {"material": "oxide", "min_days_of_demand": 365, "serves": serves}
    raw = shared(40, 1.05, stockpiles=[stockpile(max_purchase_t_per_year=most, **pile)])
    raw["stockpiles"][0]["paid_by"] = {"maker": 1.0}
    raw["objective"] |= {"allocation": allocation}
    allowed = most >= (42 if serves == "all" else 16.8)
    answer = best(raw)
    assert (answer is not None) == allowed
    assert (solved(raw) is not None) == allowed
    if damage is not None:
        assert found(raw, allocation) == near(damage)


@pytest.mark.parametrize("allocation", BOTH)
@pytest.mark.parametrize(("tonnes", "allowed"), [(9.0, True), (8.9, False)])
def test_a_limit_of_countries_is_of_need(allocation: str, tonnes: float, allowed: bool) -> None:
    """Of 42 t of oxide that are needed 30 come from one country, 9 above one half."""
    raw = chain(40, 1.05, supply=[imports("oxide", 30)], projects={"mine": works(tonnes, "oxide")})
    raw["policy"] = {"max_country_share": {"limit": 0.5}}
    raw["objective"] |= {"allocation": allocation}
    assert (best(raw) is not None) == allowed
    assert (solved(raw) is not None) == allowed
