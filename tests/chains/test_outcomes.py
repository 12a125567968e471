"""Reports of plans on chains: by hand, and by identities on random chains of both allocations."""

from __future__ import annotations

import copy
import random
from typing import Any

import numpy as np
import pytest
from documents import one_line as words
from oracle_outcome import damages
from random_chains import chain_case, commitment
from small import Raw, case, cut, near, project, solve, state, stockpile
from three_forms import from_mine_to_magnet

from models.results import ChainForm, ChainOutcome, FormFlow
from models.scenario.case import Case
from optimizer.errors import SolverError
from optimizer.model.commitment import Commitment
from optimizer.model.instance import read_instance
from optimizer.model.states import read_states
from optimizer.solve.chains import chain_outcomes, plan_contributions
from optimizer.solve.outcomes import evaluate_commitments

BOTH = pytest.mark.parametrize("allocation", ["pooled", "entitled"])


def magnets(allocation: str = "pooled", **sections: Any) -> Raw:
    """100 t of magnets are imported, none in one state of four; a missing tonne costs 1 million."""
    steps = [{"share": 1.0, "eur_per_t": 1e6}]
    return case(
        **{
            "materials": {
                "oxide": {"name": "Oxide", "price_eur_per_t": 10_000},
                "magnet": {"name": "Magnet", "price_eur_per_t": 50_000},
            },
            "demand": [{"consumer": "industry", "material": "magnet", "t_per_year": 100}],
            "damage": [{"material": "magnet", "steps": steps}],
            "supply": [{"material": "magnet", "country": "CN", "t_per_year": 100}],
            "hazards": cut([1.0]),
            "uncertainty": {"states": [state("calm", 0.75), state("cut", 0.25, 2026)]},
            "objective": {"cost_weight": 0.0, "allocation": allocation},
        }
        | sections
    )


def makers(capacity: float, **inputs: float) -> Raw:
    own = {"output": "magnet", "country": "DE", "capacity_t_per_year": capacity}
    return {"makers": {"name": "Makers", "inputs_t_per_t": inputs} | own}


def kept(tonnes: float, material: str = "oxide") -> Raw:
    own = {"id": f"{material}_store", "material": material, "initial_t": tonnes}
    return stockpile(max_purchase_t_per_year=0) | own


def outcome_of(raw: Raw) -> ChainOutcome:
    plan = solve(raw)
    (chain,) = plan.chains
    return chain


def form(chain: ChainOutcome, material: str) -> ChainForm:
    return next(form for form in chain.forms if form.material == material)


def moving(flow: FormFlow) -> dict[str, Any]:
    """What is not zero."""
    return {name: near(tonnes) for name, tonnes in flow if tonnes}


# By hand


@BOTH
@pytest.mark.parametrize(
    ("capacity", "made", "lacks"), [(10, 10, "making"), (40, 40, "making"), (70, 50, "supply")]
)
def test_a_stock_of_oxide_and_makers_of_magnets(
    allocation: str, capacity: float, made: float, lacks: str
) -> None:
    """The first example of the contract: 50 t of oxide; imports stop with probability 1/4."""
    raw = magnets(allocation, conversions=makers(capacity, oxide=1.0), stockpiles=[kept(50)])
    chain = outcome_of(raw)
    oxide, magnet = chain.forms
    (plant,) = chain.plants
    assert (chain.year, chain.short, chain.short_without_plan) == (2026, near(0.25), near(0.25))
    assert moving(magnet.undisturbed) == {"supply_t": 100, "demand_t": 100}
    assert moving(oxide.undisturbed) == {}
    left = {"made_t": made, "missing_t": 100 - made, "demand_t": 100}
    assert moving(magnet.worst) == moving(magnet.worst_without_plan) == left
    assert moving(oxide.worst) == {"released_t": made, "taken_t": made}
    assert (plant.undisturbed_t, plant.worst_t) == (near(0), near(made))
    scarce = 250_000  # a tonne avoids a million in one state of four
    assert magnet.value_per_t == {"2026": near(scarce)}
    assert oxide.value_per_t == {"2026": near(scarce if lacks == "supply" else 0)}
    assert plant.value_per_t == near(scarce if lacks == "making" else 0)
    (stage,) = chain.bottlenecks
    assert (stage.material, stage.stage) == ("oxide" if lacks == "supply" else "magnet", lacks)
    assert (stage.share, stage.share_without_plan) == (near(1), near(1))


@BOTH
def test_a_stock_and_a_plant_are_worth_nothing_apart(allocation: str) -> None:
    """50 t of oxide bought and a plant for 40 t: 40 million together, times 1/4."""
    plant = project(
        output_t_per_year={"magnet": 40},
        inputs_t_per_t={"oxide": 1.0},
        market_finance_max=1.0,
        home_share=1.0,
    )
    store = stockpile(material="oxide", max_purchase_t_per_year=50)
    chain = outcome_of(magnets(allocation, projects={"plant": plant}, stockpiles=[store]))
    (own,), (stages,) = chain.projects, chain.stages
    assert (own.id, own.avoided) == ("plant", near(10))
    assert [(pile.id, pile.avoided) for pile in chain.stockpiles] == [("reserve", near(10))]
    assert (stages.output, stages.projects) == ("magnet", ("plant",))
    assert (stages.earlier_projects, stages.earlier_stockpiles) == ((), ("reserve",))
    assert (stages.later, stages.earlier, stages.both) == (near(10), near(10), near(10))
    assert (stages.later_alone, stages.earlier_alone) == (near(0), near(0))
    assert moving(form(chain, "magnet").worst_without_plan) == {"missing_t": 100, "demand_t": 100}
    assert moving(form(chain, "magnet").worst)["made_t"] == 40


def test_of_two_inputs_the_scarce_one_is_the_bottleneck() -> None:
    """50 t at 1 and 2 t at 0.1 make 20 t: a tonne of terbium is worth ten of magnets."""
    raw = magnets(conversions=makers(100, oxide=1.0, terbium=0.1))
    raw["materials"]["terbium"] = {"name": "Terbium", "price_eur_per_t": 1e6}
    raw["stockpiles"] = [kept(50), kept(2, "terbium")]
    chain = outcome_of(raw)
    assert moving(form(chain, "magnet").worst) == {"made_t": 20, "missing_t": 80, "demand_t": 100}
    assert moving(form(chain, "terbium").worst) == {"released_t": 2, "taken_t": 2}
    assert form(chain, "terbium").value_per_t["2026"] == near(2_500_000)
    assert form(chain, "oxide").value_per_t["2026"] == near(0)
    assert [(b.material, b.stage, b.share) for b in chain.bottlenecks] == [
        ("terbium", "supply", near(1))
    ]


def test_plants_run_before_imports_and_stocks_last() -> None:
    """Undisturbed 30 t are made of imported oxide, so that 30 t of imported magnets are not needed;
    the stock stays. Cut off, 20 t of oxide come home from nobody but the stock."""
    oxide = {"material": "oxide", "country": "CN", "t_per_year": 40}
    raw = magnets(conversions=makers(30, oxide=1.0), stockpiles=[kept(20)])
    raw["supply"].append(oxide)
    chain = outcome_of(raw)
    made = {"supply_t": 70, "made_t": 30, "demand_t": 100, "unused_t": 30}
    assert moving(form(chain, "magnet").undisturbed) == made
    assert moving(form(chain, "oxide").undisturbed) == {
        "supply_t": 30, "taken_t": 30, "unused_t": 10,
    }  # fmt: skip
    assert moving(form(chain, "oxide").worst) == {"released_t": 20, "taken_t": 20}


def test_a_value_is_of_a_tonne_spread_over_the_year_and_in_money_of_the_year() -> None:
    """Only the second half of 2027 is cut off: half a tonne more helps, whatever the discount."""
    horizon = {"first_year": 2026, "last_year": 2027, "periods_per_year": 2, "discount_rate": 0.05}
    event = {"hazard": "cut", "start": 2027, "period": 2}
    states = [state("calm", 0.75), state("cut", 0.25) | {"events": [event]}]
    raw = magnets(horizon=horizon, conversions=makers(10, oxide=1.0), stockpiles=[kept(50)])
    chain = outcome_of(raw | {"uncertainty": {"states": states}})
    assert chain.year == 2027
    assert form(chain, "magnet").value_per_t == {"2026": near(0), "2027": near(125_000)}
    assert chain.plants[0].value_per_t == near(125_000)


def test_worst_states_are_the_same_with_the_plan_and_without() -> None:
    """The mean of the worst 30 %: one state of 25 %, and 5 % of one in which half is lost."""
    raw = magnets(conversions=makers(10, oxide=1.0), stockpiles=[kept(5)])
    raw["hazards"]["half"] = cut([0.5])["cut"]
    half = {"hazard": "half", "start": 2026}
    raw["uncertainty"] = {
        "states": [
            state("calm", 0.5), state("half", 0.25) | {"events": [half]}, state("cut", 0.25, 2026),
        ]
    }  # fmt: skip
    raw["objective"]["cvar"] = {"level": 0.7, "weight": 0.0}
    chain = outcome_of(raw)
    missing = (25 * 95 + 5 * 45) / 30
    assert form(chain, "magnet").worst.missing_t == near(missing)


def test_a_chain_in_which_nothing_is_missing() -> None:
    chain = outcome_of(magnets(conversions=makers(10, oxide=1.0), uncertainty=None, hazards={}))
    assert (chain.year, chain.short, chain.bottlenecks) == (2026, 0, ())
    assert form(chain, "magnet").value_per_t == {"2026": 0}
    assert moving(form(chain, "magnet").worst) == {"supply_t": 100, "demand_t": 100}


def test_a_chain_that_is_short_in_a_state_of_no_probability_alone() -> None:
    states = {"states": [state("calm", 1.0), state("cut", 0.0, 2026)]}
    chain = outcome_of(magnets(conversions=makers(10, oxide=1.0), uncertainty=states))
    assert (chain.short, chain.bottlenecks) == (0, ())


def test_a_chain_that_the_solver_fails_on_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise SolverError("no optimum")

    monkeypatch.setattr(plan_contributions, "_chain_outcome", fails)
    plan = solve(magnets(conversions=makers(50, oxide=1.0)))
    assert plan.chains == ()
    assert plan.chains_untold == ("oxide", "magnet")
    assert "failed on the programs that describe these forms: Oxide and Magnet." in words(plan)


def test_materials_that_nothing_is_made_of_are_in_no_chain() -> None:
    assert solve(case()).chains == ()


@BOTH
def test_a_mine_without_a_refinery_and_the_reverse(allocation: str) -> None:
    chain = outcome_of(from_mine_to_magnet(allocation))
    assert [form.material for form in chain.forms] == ["ore", "oxide", "terbium", "magnet"]
    first = chain.stages[0]
    assert (first.earlier_projects, first.projects) == (("mine",), ("refinery",))
    assert first.earlier_alone == near(0)
    assert first.later_alone == near(0)
    assert first.both == near(first.earlier) == near(first.later)
    assert first.both > 1


# On random chains


def drawn(seed: int) -> tuple[Raw, Any, tuple[ChainOutcome, ...]]:
    pick = random.Random(f"chain outcomes {seed}").choice
    raw = chain_case(pick)
    instance = read_instance(Case.model_validate(raw))
    start, offtake, buy = decided = commitment(pick, raw)
    lots = {h: instance.lot_tonnes[it.material] for h, it in instance.stockpiles.items()}
    plan = Commitment(
        start=start,
        offtake={key: share for key, share in offtake.items() if share > 0},
        buy={h: np.array(tonnes) / lots[h] for h, tonnes in buy.items()},
    )
    states = read_states(instance)
    (without,) = evaluate_commitments(instance, states, [Commitment()])
    return raw, decided, chain_outcomes(instance, states, plan, without)[0]


@pytest.mark.quick(every=31, ci=11)
@pytest.mark.parametrize("seed", range(120))
def test_marginal_value_of_an_input_is_at_most_that_of_its_output(seed: int) -> None:
    raw, _, chains = drawn(seed)
    pooled = raw["objective"]["allocation"] == "pooled"
    for chain in chains:
        value = {form.material: form.value_per_t[str(chain.year)] for form in chain.forms}
        for form in chain.forms:
            for flow in (form.undisturbed, form.worst_without_plan, form.worst):
                comes = flow.supply_t + flow.projects_t + flow.made_t + flow.released_t
                goes = flow.demand_t + flow.taken_t - flow.missing_t
                assert comes == pytest.approx(goes, rel=1e-6, abs=1e-6)
                assert min(tonnes for _, tonnes in flow) >= -1e-9
                assert flow.missing_t <= flow.demand_t + 1e-6
            own = [p.worst_t for p in chain.plants if p.output == form.material]
            assert form.worst.made_t == pytest.approx(sum(own), abs=1e-6)
        # Entitled, parts in an output and in its inputs differ.
        for plant in chain.plants if pooled else ():
            inputs = sum(ratio * value[m] for m, ratio in plant.inputs_t_per_t.items())
            # Equal where it runs: what an output is worth falls on its inputs and on capacity.
            assert value[plant.output] <= inputs + plant.value_per_t + 1e-6 * (1 + inputs)
        for shares in ("share", "share_without_plan"):
            total = sum(getattr(stage, shares) for stage in chain.bottlenecks)
            assert total == near(0) or total == near(1)


@pytest.mark.quick(every=29, ci=7)
@pytest.mark.parametrize("seed", range(60))
def test_values_of_parts_of_a_plan_equal_those_of_a_linear_program(seed: int) -> None:
    """Damage in tonnes, by programs of their own, without the part and with it."""
    raw, decided, chains = drawn(seed)
    start, offtake, buy = decided
    chances = [state.probability for state in read_states(read_instance(Case.model_validate(raw)))]

    def damage(left_out: set[str]) -> float:
        left = {key: share for key, share in offtake.items() if key[0] not in left_out}
        piles = {h: tonnes for h, tonnes in buy.items() if h not in left_out}
        found = damages(raw, start, left, piles)
        return sum(p * sum(own.values()) for p, own in zip(chances, found, strict=True))

    now = damage(set())
    for chain in chains if len(chains) == 1 else ():
        for built in chain.projects:
            outputs = raw["projects"][built.id]["output_t_per_year"]
            if outputs.keys() <= {form.material for form in chain.forms}:
                assert built.avoided == pytest.approx(damage({built.id}) - now, rel=1e-5, abs=1e-6)
        for pile in chain.stockpiles:
            assert pile.avoided == pytest.approx(damage({pile.id}) - now, rel=1e-5, abs=1e-6)
        for stages in chain.stages:
            earlier = {*stages.earlier_projects, *stages.earlier_stockpiles}
            apart = damage({*earlier, *stages.projects}) - damage(set(stages.projects))
            assert stages.earlier_alone == pytest.approx(apart, rel=1e-5, abs=1e-6)
            assert stages.earlier_alone + stages.later == near(stages.both)
            assert stages.later_alone + stages.earlier == near(stages.both)


@pytest.mark.quick(every=29, ci=7)
@pytest.mark.parametrize("seed", range(60))
def test_no_tonne_more_avoids_more_than_its_value(seed: int) -> None:
    """Multipliers are the steepest that damage can fall by: a tonne more a year of each form."""
    raw, decided, chains = drawn(seed)
    years = list(range(raw["horizon"]["first_year"], raw["horizon"]["last_year"] + 1))
    rate, of_damage = raw["horizon"]["discount_rate"], raw["objective"]["measure"] == "damage"
    chances = [state.probability for state in read_states(read_instance(Case.model_validate(raw)))]

    def damage(case: Raw) -> float:
        found = damages(case, *decided)
        return sum(p * sum(own.values()) for p, own in zip(chances, found, strict=True))

    now = damage(raw)
    for form in (form for chain in chains for form in chain.forms):
        more = copy.deepcopy(raw)
        more["supply"].append({"material": form.material, "country": "IS", "t_per_year": 1.0})
        worth = sum(
            form.value_per_t[str(y)] * ((1 + rate) ** -(y - years[0]) / 1e6 if of_damage else 1.0)
            for y in years
        )
        assert now - damage(more) <= worth + 1e-6 * (1 + worth)
