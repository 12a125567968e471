"""Corner cases of chains in which two methods once disagreed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from forms import BOTH, METHODS, chain, dear, found, imports, kept, makers, works
from small import Raw, case, cut, funder, near, solve, state, stockpile

from models.scenario.references import Case
from optimizer.errors import ScenarioError
from optimizer.model.instance import read_instance
from optimizer.model.states import read_states
from optimizer.solve.planner import solve_to_plan
from optimizer.solve.recourse import RecourseEvaluator

HASHED = """
import json, sys
from models.scenario.references import Case
from optimizer.errors import ScenarioError
from optimizer.model.instance import read_instance
from optimizer.model.states import read_states

from optimizer.solve.recourse import RecourseEvaluator
instance = read_instance(Case.model_validate_json(sys.stdin.read()))
print(RecourseEvaluator(instance, read_states(instance), threads=1).content_hash)
"""


def some(*forms: str) -> Raw:
    return {m: {"name": m, "price_eur_per_t": 1000} for m in forms}


@pytest.mark.parametrize("allocation", BOTH)
def test_a_conversion_is_struck_though_a_project_has_its_id(allocation: str) -> None:
    """15 of 60 t are left of the makers in Germany; those in France cannot be paid for."""
    raw = chain(60, supply=[imports("oxide", 60)], hazards=cut([0.75], "DE", materials=["magnet"]))
    raw["uncertainty"] = {"states": [state("cut", 1.0, 2026)]}
    raw["funders"] = {"fund": funder(budget=0.0)}
    own = works(20, country="FR", inputs_t_per_t={"oxide": 1.0}, market_finance_max=0, home_share=0)
    raw["projects"] = {"makers": own | {"capex_meur": 1000}}
    assert found(raw, allocation) == near(85)


@pytest.mark.parametrize("allocation", BOTH)
def test_stages_are_those_of_the_project_that_has_the_id_of_a_conversion(allocation: str) -> None:
    raw = chain(50, stockpiles=[kept(30)])
    raw["materials"] |= some("ore")
    refinery = works(20, "oxide", inputs_t_per_t={"ore": 1.0})
    raw["projects"] = {"makers": refinery, "mine": works(10, "ore")}
    raw["objective"] |= {"allocation": allocation}
    (reported,) = solve(raw).chains
    (stage,) = reported.stages
    assert (stage.output, stage.projects, stage.earlier_projects) == (
        "oxide",
        ("makers",),
        ("mine",),
    )
    assert (stage.both, stage.later, stage.earlier) == (near(10), near(10), near(10))
    # Without inputs it is no stage at all.
    raw["projects"] = {"makers": works(20)}
    (reported,) = solve(raw).chains
    assert reported.stages == ()


@pytest.mark.slow
@pytest.mark.quick(1)
@pytest.mark.parametrize("small", [1.0, 0.1])
def test_little_of_a_form_that_is_used_by_the_million_tonnes_counts(small: float) -> None:
    """A quarter is made and a tenth in store, of oxide and magnets that are lost at unlike rates;
    to make a tonne takes a kilogram of what ten million tonnes are demanded of."""
    ratio = 0.001
    raw = chain(small, ratio, damage=[dear("magnet", 1e6 / small), dear("oxide", 0.0)])
    demand = {"oxide": 1e7, "magnet": small}
    raw["demand"] = [
        {"consumer": "industry", "material": m, "t_per_year": t} for m, t in demand.items()
    ]
    raw["stockpiles"] = [
        kept(small * ratio / 4 / 0.9, annual_loss=0.1),
        kept(small * 0.1 / 0.8, "magnet", annual_loss=0.2),
    ]
    answer = solve_to_plan(Case.model_validate(raw), gap=0.0, method="decomposition")
    assert answer.outcome.expected == pytest.approx(0.65e6, rel=1e-6)
    assert answer.certificate.bound == pytest.approx(0.65e6, rel=1e-5)


def test_what_cannot_be_distinguished_is_refused_by_name() -> None:
    raw = chain(1, 0.001, damage=[dear("magnet"), dear("oxide", 0.0)])
    demand = {"oxide": 1e11, "magnet": 1.0}
    raw["demand"] = [
        {"consumer": "industry", "material": m, "t_per_year": t} for m, t in demand.items()
    ]
    raw["stockpiles"] = [kept(1, annual_loss=0.1), kept(0.1, "magnet", annual_loss=0.2)]
    for method in METHODS:
        with pytest.raises(ScenarioError, match=r"conversions\.makers\.inputs_t_per_t.*too small"):
            solve_to_plan(Case.model_validate(raw), method=method)


@pytest.mark.parametrize("allocation", BOTH)
def test_cheap_damage_steps_count_when_expensive_ones_are_covered(allocation: str) -> None:
    """Of a tonne of magnets a fifth is worth nothing, 0.3 t come from abroad, and plants for 0.1 t
    each make it of ore in two ways; ten million tonnes of ore at a million EUR are plentiful."""
    raw = case(
        materials=some("ore", "magnet"),
        demand=[
            {"consumer": "industry", "material": "ore", "t_per_year": 1e7},
            {"consumer": "industry", "material": "magnet", "t_per_year": 1},
        ],
        damage=[
            dear("ore"),
            {
                "material": "magnet",
                "steps": [{"share": 0.2, "eur_per_t": 0}, {"share": 0.8, "eur_per_t": 1000}],
            },
        ],
        supply=[imports("ore", 2e7), imports("magnet", 0.3)],
        conversions={"one": makers(0.1, ore=1.0), "two": makers(0.1, ore=2.0)},
        projects={"plant": works(0.2, capex_meur=0, inputs_t_per_t={"ore": 1.0})},
        objective={"cost_weight": 0.0, "allocation": allocation},
    )
    for left, built in ((1e-4, raw["projects"]), (3e-4, {})):
        answer = solve_to_plan(Case.model_validate(raw | {"projects": built}), gap=0.0)
        assert answer.outcome.expected == pytest.approx(left, rel=1e-6)
        assert answer.certificate.bound == pytest.approx(left, rel=1e-6)


def test_a_capacity_may_be_without_end() -> None:
    """Where a trillion tonnes could be made, 40 t of oxide and 10 t of magnets are released in the
    first year, and in the second what made up for the loss of stocks that are full: 4 t and 2 t."""
    piles = [
        stockpile(material="oxide", max_t=40, annual_loss=0.1),
        stockpile(material="magnet", max_t=10, annual_loss=0.2, id="magnets"),
    ]
    assert found(chain(1e12, stockpiles=piles, last_year=2027), "pooled") == near(200 - 50 - 6)


def test_what_a_consumer_has_no_part_in_is_not_surplus() -> None:
    """Of a giant mine the maker of magnets gets a thousandth, and needs all of that: of what
    exceeds demand a hundredfold none may be held back."""
    raw = case(
        materials=some("oxide", "magnet"),
        consumers={u: {"name": u} for u in ("steel", "motors")},
        demand=[
            {"consumer": "steel", "material": "oxide", "t_per_year": 1000},
            {"consumer": "motors", "material": "oxide", "t_per_year": 1},
            {"consumer": "motors", "material": "magnet", "t_per_year": 100},
        ],
        damage=[dear("magnet"), dear("oxide", 0.0)],
        projects={
            "mine": works(200_000, "oxide", capex_meur=0),
            "plant": works(100, inputs_t_per_t={"oxide": 1.0}, capex_meur=0),
        },
        objective={"cost_weight": 0.0},
    )
    assert found(raw, "entitled") == near(0)
    raw["projects"]["mine"]["output_t_per_year"]["oxide"] = 100_000
    assert found(raw, "entitled") == near(100 - 100_000 / 1001)


@pytest.mark.parametrize(("allocation", "missing"), [("pooled", 0), ("entitled", 100)])
def test_what_is_needed_for_nobody_serves_all_who_pool(allocation: str, missing: float) -> None:
    """Ore is made into what today only makes something that nobody demands: pooled, the next plant
    may have it all the same; entitled it belongs to nobody."""
    raw = case(
        materials=some("ore", "x", "y", "z"),
        demand=[{"consumer": "industry", "material": "y", "t_per_year": 100}],
        damage=[dear("y")],
        supply=[imports("ore", 100)],
        conversions={"today": makers(50, "z", x=1.0)},
        projects={
            "first": works(100, "x", inputs_t_per_t={"ore": 1.0}, capex_meur=0),
            "second": works(100, "y", inputs_t_per_t={"x": 1.0}, capex_meur=0),
        },
        objective={"cost_weight": 0.0},
    )
    assert found(raw, allocation) == near(missing)


@pytest.mark.slow
def test_recourse_is_known_again_in_another_process() -> None:
    raw = chain(50, stockpiles=[kept(100)])
    raw["projects"] = {"plant": works(20, inputs_t_per_t={"oxide": 1.0})}
    instance = read_instance(Case.model_validate(raw))
    here = RecourseEvaluator(instance, read_states(instance), threads=1).content_hash
    there = subprocess.run(
        [sys.executable, "-c", HASHED],
        input=Case.model_validate(raw).model_dump_json(by_alias=True, exclude_unset=True),
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert there.stdout.strip() == here
