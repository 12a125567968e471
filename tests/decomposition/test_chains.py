"""Chains of materials: decomposition, extensive form and oracle find one optimum."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from oracle import Reading, best, count_patterns
from oracle_chains import chains, conversions, plants
from random_cases import rarely
from random_chains import chain_case, is_network

from models.scenario.references import Case
from optimizer.errors import Infeasible
from optimizer.model.decision_tree import DecisionTree
from optimizer.model.instance import read_instance
from optimizer.model.states import read_states
from optimizer.solve.decomposition import solve_by_decomposition
from optimizer.solve.extensive_form import solve_extensive_form
from optimizer.solve.planner import solve_to_plan

Raw = dict[str, Any]

SEEDS = range(200)
MOST_PATTERNS = 60


def drawn(seed: int) -> Raw:
    pick = random.Random(f"chain {seed}").choice
    raw = chain_case(pick)
    while count_patterns(raw) > MOST_PATTERNS:
        raw = chain_case(pick)
    return raw


@pytest.mark.quick(every=67, ci=17)
@pytest.mark.parametrize("seed", SEEDS)
def test_all_ways_find_one_optimum(seed: int) -> None:
    """Proven by a bound that is not above it; or all of them have no plan."""
    raw = drawn(seed)
    answer = best(raw)
    instance = read_instance(Case.model_validate(raw))
    states = read_states(instance)
    for solve in (solve_extensive_form, solve_by_decomposition):
        found = solve(DecisionTree.of(instance), [states], gap=1e-6, threads=1).solution
        if answer is None:
            assert found.ending == "infeasible", solve.__name__
            continue
        assert found.ending == "optimal", solve.__name__
        assert found.objective is not None
        assert found.bound is not None
        assert found.objective == pytest.approx(answer.objective, rel=3e-6, abs=1e-7), (
            solve.__name__
        )
        assert found.bound <= answer.objective + 1e-7 + 3e-6 * abs(answer.objective)


@pytest.mark.quick(every=29, ci=11)
@pytest.mark.parametrize("seed", range(60))
def test_plans_pass_the_check_and_add_up(seed: int) -> None:
    """By either method, and what would be without a plan is what the oracle has of none."""
    raw = drawn(seed)
    answer = best(raw)
    for method in ("extensive", "decomposition"):
        try:
            found = solve_to_plan(Case.model_validate(raw), gap=1e-6, threads=1, method=method)  # type: ignore[arg-type]
        except Infeasible:
            assert answer is None
            continue
        assert answer is not None
        aim, outcome = raw["objective"], found.outcome
        weight = aim["cvar"]["weight"]
        parts = (1 - weight) * outcome.expected + weight * outcome.cvar
        parts += aim["cost_weight"] * outcome.net_cost_meur
        assert parts == pytest.approx(answer.objective, rel=3e-6, abs=1e-7)
        assert outcome.without_plan.expected == pytest.approx(nothing_done(raw), rel=1e-6, abs=1e-7)
        for parts_of in (found.materials, found.consumers):
            total = sum(part.expected for part in parts_of)
            assert total == pytest.approx(outcome.expected, rel=1e-6, abs=1e-7)


def nothing_done(raw: Raw) -> float:
    """Expected damage where nothing starts and nothing is bought."""
    gone = ("max_t", "min_days_of_demand")
    piles = [{key: x for key, x in pile.items() if key not in gone} for pile in raw["stockpiles"]]
    rich = [(f, {"kind": it["kind"], "instruments": {}}) for f, it in raw["funders"].items()]
    without = raw | {
        "policy": {"must_not_build": list(raw["projects"])},
        "funders": dict(rich),
        "stockpiles": [pile | {"max_purchase_t_per_year": 0} for pile in piles],
        "objective": raw["objective"] | {"cvar": {"level": 0.5, "weight": 0.0}},
    }
    answer = best(without)
    assert answer is not None
    return answer.expected


@pytest.mark.quick(every=29, ci=11)
@pytest.mark.parametrize("seed", range(60))
def test_both_methods_find_one_optimum_of_sampled_states(seed: int) -> None:
    pick = random.Random(f"sampled chain {seed}").choice
    raw = chain_case(pick)
    raw["uncertainty"] = {"sample": {"states": pick([6, 15]), "seed": pick(range(100))}}
    for hazard in raw["hazards"].values():
        hazard["annual_probability"] = pick([0.2, 0.5])
    for project in raw["projects"].values():
        project |= rarely(pick, success_probability=[0.5], delay_years=[{0: 0.6, 1: 0.4}])
    instance = read_instance(Case.model_validate(raw))
    states = read_states(instance)
    extensive = solve_extensive_form(
        DecisionTree.of(instance), [states], gap=1e-6, threads=1
    ).solution
    decomposed = solve_by_decomposition(
        DecisionTree.of(instance), [states], gap=1e-6, threads=1
    ).solution
    assert decomposed.ending == extensive.ending
    if extensive.objective is not None:
        assert decomposed.objective == pytest.approx(extensive.objective, rel=3e-6, abs=1e-7)


def plants_of(raw: Raw) -> list[Any]:
    return [*conversions(raw), *plants(raw)]


def diamond(raw: Raw) -> bool:
    """A form is made of another by two ways."""
    outputs = Counter(maker.output for maker in plants_of(raw))
    return any(count > 1 for count in outputs.values())


def fork(raw: Raw) -> bool:
    taken = Counter(m for maker in plants_of(raw) for m in maker.inputs)
    return any(count > 1 for count in taken.values())


def unlike(raw: Raw) -> bool:
    """Stocks of one chain lose at different rates."""
    piles = raw["stockpiles"]
    losses = [{h["annual_loss"] for h in piles if h["material"] in own} for own in chains(raw)]
    return any(len(own) > 1 for own in losses)


def needless(raw: Raw) -> bool:
    """Whether in some year there is no need for an input of a project."""
    case = Reading(raw)
    taken = {m for plant in plants(raw) for m in plant.inputs}
    return any(not case.needs.total(m, y) for m in taken for y in case.years)


def direct(raw: Raw) -> bool:
    """A form that is made into others is demanded itself."""
    taken = {m for maker in plants_of(raw) for m in maker.inputs}
    return any(row["material"] in taken for row in raw["demand"])


def two_forms(raw: Raw) -> bool:
    """A project gives two forms of one chain."""
    forms = [set(p["output_t_per_year"]) for p in raw["projects"].values()]
    return any(len(own & set(chain)) > 1 for own in forms for chain in chains(raw))


def of_piles(name: str) -> Callable[[Raw], bool]:
    return lambda raw: any(name in pile for pile in raw["stockpiles"])


FEATURES: dict[str, Callable[[Raw], bool]] = {
    "network": is_network,
    "several inputs": lambda raw: any(len(maker.inputs) > 1 for maker in plants_of(raw)),
    "project with inputs": lambda raw: bool(plants(raw)),
    "only projects": lambda raw: bool(plants(raw)) and not raw["conversions"],
    "yearly capacity": lambda raw: any(
        isinstance(c["capacity_t_per_year"], dict) for c in raw["conversions"].values()
    ),
    "company": lambda raw: "maker" in raw["funders"],
    "pooled": lambda raw: raw["objective"]["allocation"] == "pooled",
    "entitled": lambda raw: raw["objective"]["allocation"] == "entitled",
    "tail": lambda raw: raw["objective"]["cvar"]["weight"] > 0,
    "periods": lambda raw: raw["horizon"]["periods_per_year"] > 1,
    "country share": lambda raw: bool(raw["policy"].get("max_country_share")),
    "late": lambda raw: any(s.get("delayed_projects") for s in raw["uncertainty"]["states"]),
    "failing": lambda raw: any(s.get("failed_projects") for s in raw["uncertainty"]["states"]),
    **{it.__name__: it for it in (diamond, fork, unlike, needless, direct, two_forms)},
    **{
        name: of_piles(name)
        for name in ("max_release_t_per_period", "min_days_of_demand", "serves", "initial_t")
    },
}


def test_every_feature_is_among_the_cases() -> None:
    seen: Counter[str] = Counter()
    for seed in SEEDS:
        raw = drawn(seed)
        seen.update(name for name, has in FEATURES.items() if has(raw))
    assert not {name: seen[name] for name in FEATURES if seen[name] < 12}
