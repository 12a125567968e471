"""Chains of materials solved by hand in both allocations: the contract's examples and more.

The cases are those of `forms`: 100 t of magnets, made of oxide, at 1 million EUR a missing tonne.
"""

from __future__ import annotations

import copy
import random

import pytest
from forms import BOTH, chain, dear, found, imports, kept, makers, solved, works
from oracle import best
from oracle_chains import conversions, plants
from oracle_outcome import damages
from random_chains import chain_case, commitment
from small import Raw, cut, near, state, stockpile

# The examples and identities of the contract


@pytest.mark.quick(every=3)
@pytest.mark.parametrize("allocation", BOTH)
@pytest.mark.parametrize(
    ("stock", "capacity", "missing"), [(50, 10, 90), (50, 40, 60), (50, 70, 50), (0, 70, 100)]
)
def test_what_is_made_is_the_least_of_stock_and_capacity(
    allocation: str, stock: float, capacity: float, missing: float
) -> None:
    assert found(chain(capacity, stockpiles=[kept(stock)]), allocation) == near(missing)


@pytest.mark.parametrize("allocation", BOTH)
@pytest.mark.parametrize(
    ("stock", "plant", "avoided"), [(50, False, 0), (0, True, 0), (50, True, 40)]
)
def test_a_stock_and_a_plant_avoid_only_together(
    allocation: str, stock: float, plant: bool, avoided: float
) -> None:
    """Bought and built: 50 t of oxide at most, a plant for 40 t of magnets."""
    pile = stockpile(material="oxide", max_purchase_t_per_year=stock)
    built = {"plant": works(40, inputs_t_per_t={"oxide": 1.0})} if plant else {}
    raw = chain(conversions={}, stockpiles=[pile], projects=built)
    assert found(raw, allocation) == near(100 - avoided)


@pytest.mark.parametrize("allocation", BOTH)
def test_the_scarcest_of_two_inputs_counts(allocation: str) -> None:
    """50 t at 1 and 2 t at 0.1 make 20 t."""
    raw = chain(conversions={"makers": makers(100, oxide=1.0, terbium=0.1)})
    raw["materials"]["terbium"] = {"name": "Terbium", "price_eur_per_t": 1_000_000}
    raw["stockpiles"] = [kept(50), kept(2, "terbium")]
    assert found(raw, allocation) == near(80)


def without_limits(seed: int) -> tuple[Raw, Raw]:
    """Forms made into each other at 1 without end, of which the last is demanded, and the same of
    one material. Stocks and projects are of any form, supply is of the first."""
    pick = random.Random(f"merged {seed}").choice
    raw = chain_case(pick)
    first, *later = forms = list(raw["materials"])
    last = forms[-1]
    raw["objective"]["allocation"] = "pooled"
    raw["policy"].pop("max_country_share", None)
    raw["materials"] |= dict.fromkeys(forms, raw["materials"][first])
    raw["supply"] = [imports(first, pick([20, 75]), country) for country in ("CN", "CL")]
    raw["demand"] = [row for row in raw["demand"] if row["material"] == last]
    raw["damage"] = [row for row in raw["damage"] if row["material"] == last]
    for hazard in raw["hazards"].values():
        for effect in hazard["effects"]:
            effect.pop("materials", None)
    for it in raw["projects"].values():
        it.pop("inputs_t_per_t", None)
        it["output_t_per_year"] = {pick(forms): 40}
    for pile in raw["stockpiles"]:
        pile.pop("min_days_of_demand", None)
    merged = copy.deepcopy(raw) | {"conversions": {}, "materials": {last: raw["materials"][last]}}
    for row in (*merged["supply"], *merged["stockpiles"]):
        row["material"] = last
    for it in merged["projects"].values():
        it["output_t_per_year"] = {last: 40}
    raw["conversions"] = {
        f"to_{m}": makers(1e5, m, "JP", **{taken: 1.0})
        for taken, m in zip(forms, later, strict=False)
    }
    return raw, merged


@pytest.mark.quick(3)
@pytest.mark.parametrize("seed", range(60))
def test_without_limits_two_forms_are_one(seed: int) -> None:
    answers = [(best(raw), solved(raw)) for raw in without_limits(seed)]
    (one, of_chain), (merged, of_merged) = answers
    if merged is None:
        assert (one, of_chain, of_merged) == (None, None, None)
        return
    assert one is not None
    assert [one.objective, of_chain, of_merged] == near([merged.objective] * 3)


@pytest.mark.parametrize("allocation", BOTH)
def test_without_capacity_oxide_is_worth_nothing(allocation: str) -> None:
    raw = chain(0, stockpiles=[kept(100)], supply=[imports("oxide", 300)])
    assert found(raw, allocation) == near(100)


@pytest.mark.quick(5)
@pytest.mark.parametrize("kind", ["network", "program"])
@pytest.mark.parametrize("seed", range(20))
def test_oxide_is_worth_at_most_the_magnets_made_of_it(kind: str, seed: int) -> None:
    """A little more of a form of which nothing is demanded avoids at most what a little more of all
    that is made of it does."""
    pick = random.Random(f"price {kind} {seed}").choice
    raw = chain_case(pick, kind)
    while any(row["material"] == "ore" for row in raw["demand"]):
        raw = chain_case(pick, kind)
    raw["objective"]["allocation"] = "pooled"
    raw["supply"] = [row for row in raw["supply"] if "share" not in row]
    made = [maker for maker in [*conversions(raw), *plants(raw)] if "ore" in maker.inputs]
    decided = commitment(pick, raw)

    def avoided(*more: Raw) -> float:
        before, after = (
            damages(raw | {"supply": [*raw["supply"], *extra]}, *decided)[-1].values()
            for extra in ((), more)
        )
        return sum(before) - sum(after)

    magnets = [imports(maker.output, 5 / maker.inputs["ore"], "JP") for maker in made]
    assert avoided(imports("ore", 5, "JP")) + 1e-9 >= 0
    assert avoided(imports("ore", 5, "JP")) <= avoided(*magnets) + 1e-9


# Further examples


@pytest.mark.parametrize("allocation", BOTH)
def test_a_share_of_supply_is_of_need(allocation: str) -> None:
    """42 t of oxide are needed for 40 t of magnets; half of it comes, for 20 t."""
    supply = [{"material": "oxide", "country": "CN", "share": 0.5}]
    assert found(chain(40, 1.05, supply=supply), allocation) == near(80)


@pytest.mark.quick(every=3)
@pytest.mark.parametrize(
    ("material", "country", "missing"),
    [("magnet", "DE", 85), ("oxide", "DE", 40), ("magnet", "CN", 40), ("oxide", "CN", 70)],
)
@pytest.mark.parametrize("allocation", BOTH)
def test_hazards_strike_capacity_by_its_country_and_output(
    allocation: str, material: str, country: str, missing: float
) -> None:
    """60 t a year of capacity in DE, 60 t of oxide from CN; three quarters are lost of the one,
    or half of the other."""
    raw = chain(60, supply=[imports("oxide", 60)])
    raw["hazards"] = cut([0.75 if country == "DE" else 0.5], country, materials=[material])
    raw["uncertainty"] = {"states": [state("cut", 1.0, 2026)]}
    assert found(raw, allocation) == near(missing)


@pytest.mark.parametrize("allocation", BOTH)
def test_capacity_lost_in_one_period_is_not_made_up_for_in_the_next(allocation: str) -> None:
    """25 t are needed a quarter and 20 can be made; there are 90 t of oxide, which lose nothing.

    In the second quarter nothing can be made: 5 + 25 + 5 + 5 are missing, and 30 t of oxide left.
    """
    raw = chain(80, stockpiles=[kept(90)], hazards=cut([1.0], "DE", materials=["magnet"]))
    raw["horizon"] |= {"periods_per_year": 4}
    event = {"hazard": "cut", "start": 2026, "period": 2}
    raw["uncertainty"] = {"states": [{"name": "cut", "probability": 1.0, "events": [event]}]}
    assert found(raw, allocation) == near(40)


@pytest.mark.parametrize("allocation", BOTH)
def test_ready_magnets_are_kept_and_oxide_is_used_first(allocation: str) -> None:
    """Two years of 100 t, 60 t of magnets in store, oxide comes in 2026 only: 80 t, made into 80.

    20 t of magnets are released in 2026, 40 in 2027.
    """
    raw = chain(80, last_year=2027, stockpiles=[kept(60, "magnet")])
    raw["supply"] = [imports("oxide", 80) | {"t_per_year": {2026: 80, 2027: 0}}]
    assert found(raw, allocation) == near(60)


@pytest.mark.parametrize("allocation", BOTH)
def test_of_two_ways_to_magnets_the_thrifty_one_is_used_first(allocation: str) -> None:
    """60 t of oxide: 30 t of magnets at 1.0, and of the other 30 t of oxide 15 at 2.0."""
    raw = chain(conversions={"old": makers(70, oxide=2.0), "new": makers(30, oxide=1.0)})
    raw["supply"] = [imports("oxide", 60)]
    assert found(raw, allocation) == near(55)


@pytest.mark.parametrize("allocation", BOTH)
def test_an_input_of_two_outputs_goes_to_the_more_valuable_one(allocation: str) -> None:
    """A tonne of oxide is half a tonne of magnets at 1 million EUR, or 2 t of lamps at 0.3.

    90 t of oxide: 50 t for all 100 t of lamps, 40 t for 20 t of magnets.
    """
    raw = chain(
        conversions={"makers": makers(100, oxide=2.0), "lit": makers(100, "lamp", oxide=0.5)}
    )
    raw["materials"]["lamp"] = {"name": "Lamp", "price_eur_per_t": 1}
    raw["demand"].append({"consumer": "industry", "material": "lamp", "t_per_year": 100})
    raw["damage"].append(dear("lamp", 0.3))
    raw["stockpiles"] = [kept(90)]
    assert found(raw, allocation) == near(80)


@pytest.mark.parametrize("allocation", BOTH)
def test_a_conversion_and_a_project_may_have_one_id(allocation: str) -> None:
    """50 t are made by the one and 20 t by the other."""
    raw = chain(50, stockpiles=[kept(100)])
    raw["projects"] = {"makers": works(20, inputs_t_per_t={"oxide": 1.0})}
    assert found(raw, allocation) == near(30)


@pytest.mark.parametrize("allocation", BOTH)
def test_a_diamond_needs_both_of_its_sides(allocation: str) -> None:
    """Ore is made into oxide and steel at 1; a magnet takes half a tonne of oxide, 1 of steel.

    90 t of ore make 30 t of oxide and 60 of steel, for 60 t of magnets.
    """
    raw = chain(
        conversions={
            "separators": makers(100, "oxide", ore=1.0),
            "mill": makers(100, "steel", ore=1.0),
            "makers": makers(100, oxide=0.5, steel=1.0),
        },
        supply=[imports("ore", 90)],
    )
    raw["materials"] |= {m: {"name": m, "price_eur_per_t": 1} for m in ("ore", "steel")}
    assert found(raw, allocation) == near(40)


@pytest.mark.parametrize("allocation", BOTH)
def test_a_mine_of_two_forms_and_a_plant_for_one_of_them(allocation: str) -> None:
    """A mine gives 30 t of oxide and 10 of magnets; a plant of 50 t that starts at half its size
    makes 24 t of magnets of the oxide at 1.25: 66 are missing, with 2.5 t of oxide to spare."""
    mine = works(0, output_t_per_year={"oxide": 30, "magnet": 10})
    plant = works(50, inputs_t_per_t={"oxide": 1.25}, ramp_up=[0.5, 1.0])
    raw = chain(conversions={}, projects={"mine": mine, "plant": plant})
    assert found(raw, allocation) == near(66)
    plant["ramp_up"] = [0.4]
    assert found(raw, allocation) == near(70)
