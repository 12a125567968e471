"""Shortages without events: by hand, and against an independent linear program."""

from __future__ import annotations

import random
import sys
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

from models.files import read_case_text
from models.scenario.case import Case
from models.scenario.chains import baseline_shortage_warnings, format_years


def scenario(
    demand: dict[str, Any], supply: dict[str, Any], conversions: dict[str, Any], last: int = 2026
) -> str:
    """A scenario in YAML: tonnes a year, ``share:0.5`` for shares; a conversion is capacity,
    output and inputs."""
    names = dict.fromkeys([*demand, *supply, *(m for one in conversions.values() for m in one[2])])
    names |= dict.fromkeys(output for _, output, _ in conversions.values())
    lines = [f"horizon: {{first_year: 2026, last_year: {last}}}", "materials:"]
    lines += [f"  {name}: {{price_eur_per_t: 1}}" for name in names]
    lines += ["consumers: {u: {}}", "demand:"]
    lines += [f"  - {{consumer: u, material: {m}, t_per_year: {t}}}" for m, t in demand.items()]
    lines += ["damage:"]
    lines += [f"  - {{material: {m}, steps: [{{share: 1, eur_per_t: 1}}]}}" for m in demand]
    lines += ["supply:"]
    for m, t in supply.items():
        amount = f"share: {t[6:]}" if str(t).startswith("share:") else f"t_per_year: {t}"
        lines += [f"  - {{material: {m}, country: CN, {amount}}}"]
    lines += ["conversions:"] if conversions else []
    for name, (capacity, output, inputs) in conversions.items():
        ratios = ", ".join(f"{m}: {ratio}" for m, ratio in inputs.items())
        about = f"country: DE, output: {output}, capacity_t_per_year: {capacity}"
        lines += [f"  {name}: {{{about}, inputs_t_per_t: {{{ratios}}}}}"]
    return "\n".join(lines) + "\n"


def short(*parts: Any, last: int = 2026) -> list[str]:
    """The warnings of a scenario that speak of what is short, with their places."""
    warnings = read_case_text(scenario(*parts, last=last), "s.yaml").warnings
    return [str(one) for one in warnings if one.path[0] == "materials" and "nobody" not in str(one)]


CHAIN = {"make": (100, "magnet", {"oxide": 1})}
TWO = {"make": (100, "magnet", {"oxide": 1, "terbium": 0.1})}
SHARED = {
    "first": (100, "magnet", {"oxide": 1}),
    "second": (100, "magnet", {"metal": 1}),
    "other": (100, "alloy", {"oxide": 1}),
}


@pytest.mark.parametrize(
    ("parts", "is_short"),
    [
        (({"ore": 100}, {"ore": 100}, {}), False),
        (({"ore": 100}, {"ore": 99.9999}, {}), False),  # a millionth
        (({"ore": 100}, {"ore": 99.9998}, {}), True),
        (({"ore": 100}, {"ore": "share:1"}, {}), False),
        (({"ore": 100}, {}, {}), True),
        (({"ore": 0}, {}, {}), False),
        # 100 magnets of 100 oxide at a ratio of 1, in a plant for 100
        (({"magnet": 100}, {"oxide": 100}, CHAIN), False),
        (({"magnet": 100}, {"oxide": 99}, CHAIN), True),
        (({"magnet": 101}, {"oxide": 200}, CHAIN), True),
        (({"magnet": 101}, {"oxide": 200, "magnet": 1}, CHAIN), False),
        # Oxide is needed for 100 magnets and for itself: a share of 1 is 130 tonnes.
        (({"magnet": 100, "oxide": 30}, {"oxide": "share:1"}, CHAIN), False),
        (({"magnet": 100, "oxide": 30}, {"oxide": "share:0.99"}, CHAIN), True),
        # Two inputs: of 50 oxide and 2 terbium 20 magnets can be made.
        (({"magnet": 20}, {"oxide": 50, "terbium": 2}, TWO), False),
        (({"magnet": 21}, {"oxide": 50, "terbium": 2}, TWO), True),
        # All oxide is needed for alloy, so that magnets are to be made of metal.
        (({"magnet": 90, "alloy": 60}, {"oxide": 60, "metal": 90}, SHARED), False),
        (({"magnet": 91, "alloy": 60}, {"oxide": 60, "metal": 90}, SHARED), True),
        (({"magnet": 100, "alloy": 60}, {"oxide": 70, "metal": 90}, SHARED), False),
    ],
)
def test_by_hand(parts: Any, is_short: bool) -> None:
    assert bool(short(*parts)) is is_short


def test_materials_and_years_are_named() -> None:
    demand = {"magnet": "{2026: 90, 2030: 130}", "tin": "{2026: 1, 2027: 3, 2028: 1, 2030: 3}"}
    parts = (demand, {"tin": 2, "oxide": 300}, CHAIN)
    assert short(*parts, last=2030) == [
        "s.yaml:3:3: warning: one of magnet, oxide is short in 2028 to 2030 "
        "although nothing happens; supply and conversions at full capacity are less than demand; "
        "a plan that fills the gap is credited with it",
        "s.yaml:4:3: warning: 'tin' is short in 2027, 2030 although nothing happens; supply is "
        "less than demand; a plan that fills the gap is credited with it",
    ]


def test_stocks_and_projects_are_left_aside() -> None:
    text = scenario({"ore": 100}, {"ore": 90}, {})
    text += """\
projects: {mine: {country: DE, capex_meur: 1, output_t_per_year: {ore: 50}, home_share: 1}}
funders: {fund: {kind: public}}
stockpiles: [{id: heap, material: ore, initial_t: 1000, paid_by: {fund: 1}}]
"""
    assert [one.message for one in read_case_text(text).warnings] == [
        "'ore' is short in 2026 although nothing happens"
    ]


def test_years_in_runs() -> None:
    assert format_years([2026]) == "2026"
    assert format_years([2026, 2027, 2029, 2030, 2031, 2040]) == "2026, 2027, 2029 to 2031, 2040"


def test_the_solver_is_not_imported_where_it_is_not_needed(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    assert short({"magnet": 100}, {"oxide": 99}, CHAIN)
    assert not short({"magnet": 90, "alloy": 5}, {"oxide": 99}, SHARED)


def lacking(case: Case) -> float:
    """The least largest share of demand that lacks in the first year: a linear program in tonnes,
    with equations, of all materials at once."""
    year, names = case.horizon.first_year, list(case.materials)
    plants = list(case.conversions.values())
    capacities = [one.capacity_t_per_year.at(year) for one in plants]
    demand = dict.fromkeys(names, 0.0)
    for row in case.demand:
        demand[row.material] += row.t_per_year.at(year)
    need = dict(demand)
    for one, capacity in zip(plants, capacities, strict=True):
        for m, ratio in one.inputs_t_per_t.items():
            need[m] += ratio * capacity
    supply = dict.fromkeys(names, 0.0)
    for row in case.supply:
        share = row.share.at(year) if row.share is not None else 0.0
        tonnes = row.t_per_year.at(year) if row.t_per_year is not None else 0.0
        supply[row.material] += tonnes + share * need[row.material]
    # Columns: what each plant makes, what is missing and what is left of each material, the share.
    count = len(plants)
    equal = np.zeros((len(names), count + 2 * len(names) + 1))
    missing = np.zeros((len(names), equal.shape[1]))
    for n, name in enumerate(names):
        for c, one in enumerate(plants):
            equal[n, c] = (one.output == name) - one.inputs_t_per_t.get(name, 0.0)
        equal[n, count + n], equal[n, count + len(names) + n] = 1, -1
        missing[n, count + n], missing[n, -1] = 1, -demand[name]
    cost = np.zeros(equal.shape[1])
    cost[-1] = 1
    found = linprog(
        cost,
        A_eq=equal,
        b_eq=[demand[name] - supply[name] for name in names],
        A_ub=missing,
        b_ub=np.zeros(len(names)),
        bounds=[*((0, c) for c in capacities), *[(0, None)] * (2 * len(names)), (0, 1)],
    )
    assert found.status == 0
    return float(found.fun)


def drawn(seed: int) -> str:
    """Three layers of forms, with several makers of one output and inputs that are shared."""
    rng = random.Random(seed)
    layers = [["a", "b"], ["c", "d", "e"], ["f", "g"]]
    conversions = {}
    for number in range(rng.randint(2, 7)):
        layer = rng.choice([1, 2])
        below = [name for one in layers[:layer] for name in one]
        some = rng.sample(below, rng.choice([1, 1, 2]))
        inputs = {name: rng.choice([0.1, 0.5, 1, 1.3]) for name in some}
        conversions[f"k{number}"] = (rng.randint(0, 120), rng.choice(layers[layer]), inputs)
    demand = {name: rng.randint(0, 60) for name in rng.sample("abcdefg", 3)}
    supply = {
        name: rng.choice([rng.randint(0, 200), f"share:{rng.choice([0.3, 0.8, 1, 1.5])}"])
        for name in rng.sample("abcdefg", 5)
    }
    return scenario(demand, supply, conversions)


@pytest.mark.quick(1)
@pytest.mark.parametrize("first", [0, 100, 200])
def test_against_another_linear_program(first: int) -> None:
    answers = []
    for seed in range(first, first + 100):
        case = read_case_text(drawn(seed)).case
        lacks = lacking(case)
        assert not 1e-7 < lacks < 1e-5, "too near to decide"
        assert bool(list(baseline_shortage_warnings(case))) is (lacks > 1e-6), drawn(seed)
        answers.append(lacks > 1e-6)
    assert 20 < sum(answers) < 80
