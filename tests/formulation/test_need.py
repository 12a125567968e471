"""What is needed of a form, by whom, and what ties forms together: by hand, in tonnes a year."""

from __future__ import annotations

from typing import Any

import pytest
from chained import chained, entitled
from small import Raw, project, stockpile

from models.scenario.case import Case
from optimizer.model.instance import COMMON_GROUP, Instance, read_instance

MAKERS = chained()["conversions"]["makers"]


def instance(raw: Raw) -> Instance:
    return read_instance(Case.model_validate(raw))


def shares(it: Instance, group: str = COMMON_GROUP) -> dict[str, list[float]]:
    """Of each node, what belongs to it of what is a group's, by year."""
    return {node.label: node.group_share[group].tolist() for node in it.nodes}


def only_plant(**fields: Any) -> Raw:
    """The entitled scenario without makers, where the plant alone takes anything in."""
    return entitled() | {"conversions": {}, "policy": {}} | fields


def test_need_is_demand_and_what_conversions_take_in() -> None:
    """64 t of magnets take in 80 of oxide, of which 20 are demanded, and 16 of terbium."""
    it = instance(chained())
    assert it.lot_tonnes == {"magnet": 16, "oxide": 16, "terbium": 2}
    of_a_year = {m: float(lots[0]) * 2 * it.lot_tonnes[m] for m, lots in it.need.items()}
    assert of_a_year == pytest.approx({"magnet": 128, "oxide": 100, "terbium": 16})
    assert it.material_demand["oxide"] * 2 * 16 == pytest.approx(20)
    # Shares of supply are of need: 0.8 of 100 t of oxide, 0.5 of 128 t of magnets.
    assert it.supply["oxide", "CN"] * 2 * 16 == pytest.approx(80)
    assert it.supply["magnet", "CN"] * 2 * 16 == pytest.approx(64)


def test_need_changes_with_capacity_over_the_years() -> None:
    raw = chained(
        horizon={"first_year": 2026, "last_year": 2028, "periods_per_year": 2},
        conversions={"makers": MAKERS | {"capacity_t_per_year": {2026: 0, 2028: 64}}},
    )
    it = instance(raw)
    assert it.need["oxide"] * 2 * it.lot_tonnes["oxide"] == pytest.approx([20, 60, 100])
    assert it.supply["oxide", "CN"] == pytest.approx(0.8 * it.need["oxide"])


def test_need_goes_up_all_forms_of_a_chain() -> None:
    """Ore becomes oxide, of which makers take in 80 t; refiners of 90 t take in 180 t of ore."""
    raw = entitled()
    refiners = {"country": "DE", "output": "oxide", "inputs_t_per_t": {"ore": 2}}
    raw["materials"] |= {"ore": {"price_eur_per_t": 1}}
    raw["conversions"] |= {"refiners": refiners | {"capacity_t_per_year": 90}}
    it = instance(raw)
    assert it.need["ore"] * 2 * it.lot_tonnes["ore"] == pytest.approx(180)
    assert it.need["oxide"] * 2 * it.lot_tonnes["oxide"] == pytest.approx(100)
    found = shares(it)
    assert (found["ore.motors"], found["ore.others"]) == ([0.6], [0.4])


def test_consumers_need_of_an_input_what_their_part_of_the_output_takes_in() -> None:
    """Of 80 t of oxide three quarters are the motors'; the others demand 20 t besides."""
    it = instance(entitled())
    of = pytest.approx
    assert shares(it) == {
        "magnet.motors": of([0.75]), "magnet.others": of([0.25]),
        "oxide.motors": of([0.6]), "oxide.others": of([0.4]),
        "terbium.motors": of([0.75]), "terbium.others": of([0.25]),
    }  # fmt: skip
    own = shares(it, "motor_co")
    assert all(share == [float(label.endswith("motors"))] for label, share in own.items())


def test_parts_of_companies_follow_the_need_of_their_consumers() -> None:
    """Two consumers of one company, who need 60 and 40 t of oxide, share its offtake."""
    both = {u: {"company": "motor_co"} for u in ("motors", "others")}
    own = shares(instance(entitled() | {"consumers": both}), "motor_co")
    assert (own["oxide.motors"], own["oxide.others"]) == ([0.6], [0.4])


@pytest.mark.parametrize(
    ("serves", "accounts", "days_t"),
    [(None, [0.6, 0.4], 10), (["motors"], [1, 0], 6), (["others"], [0, 1], 4)],
)
def test_a_stockpile_serves_those_who_need_it(
    serves: list[str] | None, accounts: list[float], days_t: float
) -> None:
    """36.5 days of a need of 100, 60 or 40 t: a tenth. The motors demand magnets alone."""
    pile = stockpile(material="oxide", min_days_of_demand=36.5, serves=serves)
    it = instance(entitled() | {"stockpiles": [pile]})
    nodes = {node.label: node for node in it.nodes}
    found = [nodes[f"oxide.{u}"].stockpile_shares.get("reserve", 0.0) for u in ("motors", "others")]
    assert found == pytest.approx(accounts)
    assert it.stockpiles["reserve"].min_stock * 16 == pytest.approx(days_t)
    assert it.stockpiles["reserve"].served_need * 2 * 16 == pytest.approx(10 * days_t)


def test_accounts_go_by_need_over_the_whole_horizon() -> None:
    """Makers of 0 and 64 t: the motors need 0 and 60 t, the others 20 and 40."""
    raw = entitled() | {
        "horizon": {"first_year": 2026, "last_year": 2027, "periods_per_year": 2},
        "conversions": {"makers": MAKERS | {"capacity_t_per_year": {2026: 0, 2027: 64}}},
        "stockpiles": [stockpile(material="oxide")],
    }
    nodes = {node.label: node for node in instance(raw).nodes}
    assert nodes["oxide.motors"].group_share[COMMON_GROUP] == pytest.approx([0, 0.6])
    assert nodes["oxide.motors"].stockpile_shares == {"reserve": pytest.approx(60 / 120)}


def test_what_projects_could_take_in_stands_in_where_nobody_needs_a_form() -> None:
    """The plant's 8 t of terbium, built or not; oxide is needed, and the plant adds nothing."""
    it = instance(only_plant(stockpiles=[stockpile(material="terbium", min_days_of_demand=30)]))
    assert it.need["terbium"].tolist() == [0]
    assert it.max_useful_lots["terbium"] * 2 * it.lot_tonnes["terbium"] == pytest.approx(8)
    found = shares(it)
    assert (found["terbium.motors"], found["terbium.others"]) == ([0.75], [0.25])
    assert (found["oxide.others"], "oxide.motors" in found) == ([1], False)
    nodes = {node.label: node for node in it.nodes}
    assert nodes["terbium.motors"].stockpile_shares == {"reserve": pytest.approx(0.75)}
    # But no days of it are asked for: they are of need.
    assert it.stockpiles["reserve"].min_stock.tolist() == [0]
    assert it.stockpiles["reserve"].served_need * 2 * it.lot_tonnes["terbium"] == pytest.approx(8)


def test_what_stands_in_does_so_year_by_year() -> None:
    """Makers of 0 and 64 t: in the first year the plant's 8 t divide terbium, then need does."""
    raw = entitled() | {
        "horizon": {"first_year": 2026, "last_year": 2027, "periods_per_year": 2},
        "conversions": {"makers": MAKERS | {"capacity_t_per_year": {2026: 0, 2027: 64}}},
        "demand": [
            {"consumer": "motors", "material": "magnet", "t_per_year": {2026: 64, 2027: 96}},
            {"consumer": "others", "material": "magnet", "t_per_year": {2026: 64, 2027: 32}},
        ],
        "policy": {},
    }
    it = instance(raw)
    assert it.need["terbium"] * 2 * it.lot_tonnes["terbium"] == pytest.approx([0, 16])
    assert shares(it)["terbium.motors"] == pytest.approx([0.5, 0.75])


def test_a_form_without_demand_belongs_to_no_consumer() -> None:
    raw = only_plant(projects={})
    assert [node.label for node in instance(raw).nodes] == [
        "magnet.motors", "magnet.others", "oxide.others",
    ]  # fmt: skip


def test_chains_and_plants() -> None:
    """Forms of one consumer, from inputs to outputs; ratios in lots: 1.25, and 0.25 * 16 / 2."""
    pooled = instance(chained())
    (chain,) = pooled.chains
    assert [pooled.nodes[v].label for v in chain.nodes] == ["oxide", "terbium", "magnet"]
    makers, plant = chain.plants
    v = {node.label: n for n, node in enumerate(pooled.nodes)}
    ratios = {v["oxide"]: 1.25, v["terbium"]: 2}
    assert (makers.id, makers.origin, makers.output) == ("makers", ("magnet", "DE"), v["magnet"])
    assert makers.inputs == ratios
    assert makers.capacity == pytest.approx([64 / 2 / 16])
    assert (plant.id, plant.origin, plant.capacity) == ("plant", ("magnet", "FR"), None)
    motors, others = (it := instance(entitled())).chains
    for chain, u, part in ((motors, "motors", 0.75), (others, "others", 0.25)):
        labels = [it.nodes[v].label for v in chain.nodes]
        assert labels == [f"oxide.{u}", f"terbium.{u}", f"magnet.{u}"]
        assert chain.plants[0].capacity == pytest.approx([part * 2])


def test_a_material_that_nothing_ties_is_a_chain_by_itself() -> None:
    raw = chained()
    raw["materials"] |= {"copper": {"price_eur_per_t": 1}}
    raw["demand"] += [{"consumer": "others", "material": "copper", "t_per_year": 10}]
    raw["damage"] += [{"material": "copper", "steps": [{"share": 1, "eur_per_t": 1}]}]
    it = instance(raw)
    alone = [chain for chain in it.chains if len(chain.nodes) == 1]
    assert [(it.nodes[chain.id].label, chain.plants) for chain in alone] == [("copper", ())]


def test_a_plant_that_lacks_an_input_for_good_is_left_out() -> None:
    """The others need no terbium where they demand no magnets: neither plant makes any for them."""
    raw = entitled()
    raw["demand"] = [row for row in raw["demand"] if row["material"] == "oxide"]
    raw["demand"] += [{"consumer": "motors", "material": "magnet", "t_per_year": 96}]
    it = instance(raw)
    by_consumer = {it.nodes[chain.id].consumer: chain for chain in it.chains}
    assert [plant.id for plant in by_consumer["motors"].plants] == ["makers", "plant"]
    assert by_consumer["others"].plants == ()


def test_hazards_strike_conversions_by_country_and_output() -> None:
    it = instance(chained())
    assert ("magnet", "DE") in it.origins
    strike = it.profiles["strike"]
    assert [it.origins[position] for position, _ in strike.effects] == [("magnet", "DE")]


def test_what_anybody_misses_of_a_chain() -> None:
    """All that magnets are made of, but not what they would be made into."""
    raw = chained()
    raw["materials"] |= {"scrap": {"price_eur_per_t": 1}}
    raw["projects"] |= {
        "shredder": project(inputs_t_per_t={"magnet": 1}) | {"output_t_per_year": {"scrap": 5}}
    }
    it = instance(raw)
    assert it.materials_with_damage == {"magnet", "oxide", "terbium"}
    assert it.max_useful_lots["magnet"] * 2 * 16 == pytest.approx(128 + 5)
