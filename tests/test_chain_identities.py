"""What changes nothing in a chain of materials: random cases, in both allocations."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import pytest
from oracle import best
from random_chains import chain_case

from models.scenario.references import Case
from optimizer.errors import Infeasible
from optimizer.solve.planner import solve_to_plan

Raw = dict[str, Any]


def optimum(raw: Raw) -> float | None:
    try:
        return solve_to_plan(Case.model_validate(raw), gap=0.0).certificate.objective
    except Infeasible:
        return None


def times(value: Any, factor: float) -> Any:
    """A yearly quantity times a number."""
    if isinstance(value, dict):
        return {year: x * factor for year, x in value.items()}
    return value * factor


def in_other_units(raw: Raw, pick: Callable[..., Any]) -> Raw:
    """One of the forms is counted in kilograms, or in thousands of tonnes."""
    raw, form, factor = copy.deepcopy(raw), pick(list(raw["materials"])), pick([1000.0, 1e-3])
    raw["objective"]["measure"] = "damage"
    material = raw["materials"][form]
    material["price_eur_per_t"] = times(material["price_eur_per_t"], 1 / factor)
    tonnes = ("t_per_year", "initial_t", "max_t", "max_purchase_t_per_year")
    for row in (*raw["demand"], *raw["supply"], *raw["stockpiles"]):
        for name in (*tonnes, "max_release_t_per_period") if row["material"] == form else ():
            if name in row:
                row[name] = times(row[name], factor)
        if "storage_eur_per_t_year" in row and row["material"] == form:
            row["storage_eur_per_t_year"] /= factor
    for entry in raw["damage"]:
        if entry["material"] == form:
            entry["steps"] = [
                step | {"eur_per_t": step["eur_per_t"] / factor} for step in entry["steps"]
            ]
    for it in raw["conversions"].values():
        if it["output"] == form:
            it["capacity_t_per_year"] = times(it["capacity_t_per_year"], factor)
            it["inputs_t_per_t"] = times(it["inputs_t_per_t"], 1 / factor)
    for it in raw["projects"].values():
        if form in it["output_t_per_year"]:
            it["output_t_per_year"][form] *= factor
            it["inputs_t_per_t"] = times(it.get("inputs_t_per_t") or {}, 1 / factor)
    for it in (*raw["conversions"].values(), *raw["projects"].values()):
        if form in (it.get("inputs_t_per_t") or {}):
            it["inputs_t_per_t"][form] *= factor
    return raw


def halved(raw: Raw, pick: Callable[..., Any]) -> Raw:
    """Each conversion is two of half its size."""
    raw = copy.deepcopy(raw)
    for c, it in list(raw["conversions"].items()):
        it["capacity_t_per_year"] = times(it["capacity_t_per_year"], 0.5)
        raw["conversions"][f"{c}_too"] = copy.deepcopy(it)
    return raw


def by_way_of_another(raw: Raw, pick: Callable[..., Any]) -> Raw:
    """Each input of a conversion is first made into something that nothing else is made of."""
    raw, ratio = copy.deepcopy(raw), pick([0.25, 1.0, 3.0])
    for c, it in list(raw["conversions"].items()):
        for m, taken in list(it["inputs_t_per_t"].items()):
            between = f"{m}_for_{c}"
            raw["materials"][between] = {"name": between, "price_eur_per_t": 1}
            raw["conversions"][f"to_{between}"] = it | {
                "country": "JP",
                "output": between,
                "inputs_t_per_t": {m: taken / ratio},
                "capacity_t_per_year": times(it["capacity_t_per_year"], ratio),
            }
            it["inputs_t_per_t"] = it["inputs_t_per_t"] | {between: ratio}
            del it["inputs_t_per_t"][m]
    return raw


@pytest.mark.quick(every=37, ci=11)
@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("change", [in_other_units, halved, by_way_of_another])
def test_what_changes_nothing(change: Callable[..., Raw], seed: int) -> None:
    pick = random.Random(f"{change.__name__} {seed}").choice
    raw = chain_case(pick)
    if change is in_other_units:
        raw["objective"]["measure"] = "damage"
    other = change(raw, pick)
    expected = best(raw)
    objective = None if expected is None else pytest.approx(expected.objective, rel=1e-6, abs=1e-6)
    assert [optimum(raw), optimum(other)] == [objective, objective]
    again = best(other)
    assert (None if again is None else again.objective) == objective
