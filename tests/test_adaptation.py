"""How users adapt to shortages, by a clock, and demand that differs by state."""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from cutting import bound_at
from documents import is_whole_in_all_media, one_line
from forms import BOTH, METHODS, chain, kept
from random_cases import crowded_case, small_case, unsettled
from random_chains import KINDS, chain_case
from small import CHINA, Raw, case, cut, near, stockpile
from workbooks import written

from models.faults import ScenarioError
from models.files import read_case, read_case_text
from models.language import Language
from models.scenario.case import Case
from optimizer.errors import Infeasible
from optimizer.model import states as shortage_clock
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Instance, read_instance
from optimizer.model.scenario_data import compute_mean_scenario_data, compute_scenario_data
from optimizer.model.states import read_states, sample_states
from optimizer.solve.checked_solution import input_hash
from optimizer.solve.planner import solve_to_plan
from optimizer.solve.recourse import RecourseEvaluator, simulate_release_policy

STEPS = [{"share": 0.2, "eur_per_t": 1e6}, {"share": 0.8, "eur_per_t": 1e7}]
OF_BEFORE = "d1dacb9546d7863ba284c846d57c8072622867b305ec93fb84fe07ac5d6ef494"
"""Hash of a case, from before there were adaptation and factors."""
STRUCK = {"name": "struck", "probability": 1.0, "events": [{"hazard": "cut", "start": 2026}]}


def adapting(material: str = "ore", **terms: Any) -> list[Raw]:
    terms = {"per_year": 0.5} | terms
    return [{"material": material, "steps": STEPS, "adaptation": terms}]


def struck(loss: list[float], per_year: int = 1, **sections: Any) -> Raw:
    """All is imported; what is lost period by period, in as many years as that takes."""
    last = 2025 + -(-len(loss) // per_year)
    horizon = {"first_year": 2026, "last_year": last, "periods_per_year": per_year}
    base: Raw = {"horizon": horizon, "supply": CHINA, "hazards": cut(loss), "damage": adapting()}
    return case(**(base | {"uncertainty": {"states": [STRUCK]}} | sections))


def read(raw: Raw) -> Instance:
    return read_instance(Case.model_validate(raw))


def in_all_ways(raw: Raw) -> float:
    """Damage without a choice in the first stage: by both methods, and as a linear program."""
    scenario = Case.model_validate(raw)
    found = [solve_to_plan(scenario, gap=0.0, method=method).outcome.expected for method in METHODS]
    instance = read_instance(scenario)
    recourse = RecourseEvaluator(instance, read_states(instance), threads=1)
    point = recourse.columns.to_point(Commitment())
    apart = {v: own for own in recourse.material_classes for v in own.nodes}
    total = 0.0
    for own in instance.chains:
        looks = next((x for x in recourse.chain_classes if own in x.chains), apart[own.id])
        chance = looks.sum_by_class(recourse.probability[None])
        one = recourse.build_program_evaluation(own, looks, point, chance, False)
        recourse.run_tasks(one.tasks())
        total += float(chance[0] @ one.damage)
    assert found == near([total] * len(METHODS))
    return total


# By hand


@pytest.mark.parametrize("allocation", BOTH)
@pytest.mark.parametrize(("stock", "damage"), [(0, 1560), (80, 760), (200, 100)])
def test_the_example_of_the_contract(allocation: str, stock: float, damage: float) -> None:
    """820 + 460 + 280: the dear step is 80, 40 and 20 t."""
    piles = [kept(stock, "ore")] if stock else []
    objective = {"allocation": allocation, "cost_weight": 0.0}
    assert in_all_ways(struck([1.0] * 3, stockpiles=piles, objective=objective)) == near(damage)


@pytest.mark.parametrize(("stock", "damage"), [(0, 1560), (80, 760), (200, 100)])
def test_the_same_in_a_chain(stock: float, damage: float) -> None:
    magnets = [{"material": "magnet", "country": "CN", "share": 1.0}]
    raw = chain(
        horizon={"first_year": 2026, "last_year": 2028},
        damage=adapting("magnet"),
        supply=magnets,
        hazards=cut([1.0] * 3),
        uncertainty={"states": [STRUCK]},
        stockpiles=[kept(stock)],
    )
    assert in_all_ways(raw) == near(damage)


def clock_of(marks: str, reset: int) -> list[int]:
    return shortage_clock.compute_clock_ages(
        np.array([mark == "x" for mark in marks]), reset
    ).tolist()


@pytest.mark.parametrize(
    ("marks", "reset", "ages"),
    [
        ("....", 2, [-1, -1, -1, -1]),
        (".xxx", 2, [-1, 0, 1, 2]),
        ("x....", 2, [0, 1, 2, -1, -1]),  # it still runs in the last of two quiet periods
        ("x.x...", 2, [0, 1, 2, 3, 4, -1]),  # a strike in between keeps it going
        ("x..x..", 2, [0, 1, 2, 0, 1, 2]),  # after two quiet ones a strike starts a new one
        ("x.x", 1, [0, 1, 0]),
    ],
)
def test_when_a_clock_runs(marks: str, reset: int, ages: list[int]) -> None:
    assert clock_of(marks, reset) == ages


def test_a_period_is_struck_by_more_than_the_trigger() -> None:
    """20 % is not more than 20 %; 20.1 % is."""
    damage = adapting(trigger_loss=0.2)
    for loss, later in ((0.2, 80), (0.201, 40)):
        instance = read(struck([loss, 1.0], damage=damage))
        (state,) = read_states(instance)
        limit = (
            compute_scenario_data(instance, state).step_limit["ore"] * instance.lot_tonnes["ore"]
        )
        assert limit[1].tolist() == near([80, later])
        assert limit.sum(axis=0) == near([100, 100])


def test_each_entry_has_its_clock_and_a_floor() -> None:
    """Four periods a year: after two periods 0.25 ** (2 / 4) is left, half, but 0.6 at least."""
    raw = struck(
        [0.3] * 4,
        per_year=4,
        consumers={"one": {}, "other": {}, "third": {}},
        demand=[
            {"consumer": u, "material": "ore", "t_per_year": 400} for u in ("one", "other", "third")
        ],
        damage=[
            *adapting(per_year=0.75),
            adapting(per_year=0.75, floor=0.6)[0] | {"consumer": "other"},
            adapting(per_year=0.75, trigger_loss=0.4)[0] | {"consumer": "third"},
        ],
    )
    instance = read(raw)
    (state,) = read_states(instance)
    found = compute_scenario_data(instance, state).step_limit["ore"] * instance.lot_tonnes["ore"]
    assert found[:, 2] == near([60, 40, 52, 48, 20, 80])


def test_a_first_step_without_a_share_takes_what_is_adapted() -> None:
    steps = [{"share": 0.0, "eur_per_t": 0}, {"share": 1.0, "eur_per_t": 1e6}]
    damage = [{"material": "ore", "steps": steps, "adaptation": {"per_year": 0.5}}]
    assert in_all_ways(struck([1.0] * 2, damage=damage)) == near(150)


def two_forms(lost: str, tied: bool = True) -> Raw:
    """Magnets, of which none is imported, and oxide: in the first year one is struck, and in the
    second what little magnets there are is all lost."""
    supply = [
        {"material": "oxide", "country": "CL", "t_per_year": 40},
        {"material": "magnet", "country": "CN", "t_per_year": 60},
    ]
    country = {"oxide": "CL", "magnet": "CN"}[lost]
    raw = chain(
        horizon={"first_year": 2026, "last_year": 2027},
        damage=adapting("magnet"),
        supply=supply,
        hazards=cut([1.0], country),
        uncertainty={"states": [STRUCK]},
    )
    if not tied:
        raw["projects"] = {
            "plant": {"country": "DE", "capex_meur": 1, "output_t_per_year": {"magnet": 10}}
            | {"inputs_t_per_t": {"oxide": 1.0}, "earliest_start": 2027}
        }
        raw["conversions"] = {}
    return raw


@pytest.mark.parametrize(
    ("lost", "tied", "later"), [("magnet", True, 40), ("oxide", True, 40), ("oxide", False, 80)]
)
def test_a_form_further_up_strikes_where_a_conversion_ties_it(
    lost: str, tied: bool, later: float
) -> None:
    instance = read(two_forms(lost, tied))
    (state,) = read_states(instance)
    limit = (
        compute_scenario_data(instance, state).step_limit["magnet"] * instance.lot_tonnes["magnet"]
    )
    assert limit[1, 1] == near(later)


@pytest.mark.parametrize("allocation", BOTH)
@pytest.mark.parametrize(
    ("supply", "factor", "missing"),
    [
        ({"share": 0.7}, 0.5, 15),
        ({"share": 0.7}, 2.0, 60),
        ({"t_per_year": 70}, 0.5, 0),
        ({"t_per_year": 70}, 2.0, 130),
    ],
)
def test_demand_and_shares_of_it_go_by_the_factor(
    allocation: str, supply: Raw, factor: float, missing: float
) -> None:
    states = [{"name": "other", "probability": 1.0, "demand": {"ore": factor}}]
    raw = case(
        demand=[{"consumer": u, "material": "ore", "t_per_year": 50} for u in ("one", "other")],
        consumers={"one": {}, "other": {}},
        supply=[{"material": "ore", "country": "CN"} | supply],
        uncertainty={"states": states},
        objective={"allocation": allocation},
    )
    assert in_all_ways(raw) == near(missing / 10)
    found = solve_to_plan(Case.model_validate(raw))
    (year,) = found.materials[0].by_year.values()
    assert (year.expected_shortage_t, year.demand_t) == (near(missing), near(100))


def test_a_share_follows_with_what_conversions_take_in() -> None:
    """Oxide: 100 t for magnets, of which 80 % are imported; half as much by the factor of oxide."""
    states = [{"name": "half", "probability": 1.0, "demand": {"oxide": 0.5}}]
    supply = [{"material": "oxide", "country": "CN", "share": 0.8}]
    assert in_all_ways(chain(supply=supply, uncertainty={"states": states})) == near(60)


def test_undisturbed_supply_has_the_factor_too() -> None:
    """A factor alone strikes nothing."""
    states = [STRUCK | {"demand": {"ore": 0.5}}]
    raw = struck([0.1, 1.0, 1.0], uncertainty={"states": states})
    instance = read(raw)
    limit = (
        compute_scenario_data(instance, read_states(instance)[0]).step_limit["ore"]
        * instance.lot_tonnes["ore"]
    )
    assert limit[1] == near([40, 40, 20])


# What is reported it


def monthly(losses: Sequence[float] = (1.0,) * 12 + (0.0,) * 12) -> Raw:
    """Two years by months. With 0.75 the losses begin in 2026, else nothing is lost."""
    states = [{"name": "calm", "probability": 0.25}, STRUCK | {"probability": 0.75}]
    pile = stockpile(initial_t=100 / 12 * 3, max_purchase_t_per_year=0)
    return struck([*losses], 12, uncertainty={"states": states}, stockpiles=[pile])


def test_how_long_shortages_last() -> None:
    """A clock runs for 12 months and four more. The stock is there without a plan, too."""
    (one,) = solve_to_plan(Case.model_validate(monthly())).adaptation
    assert (one.clock, one.clock_months) == (near(0.75), near(16))
    assert (one.clock_months_median, one.clock_months_ninety) == (near(16), near(16))
    assert one.shortage_months == one.shortage_months_without_plan == near(12)
    assert (one.first_eur_per_t, one.later_months) == (near(8.2e6), near(10))
    assert one.later_eur_per_t == near(1e6 + 7.2e6 * 0.5 ** (10 / 12))


def test_a_shortage_right_after_a_clock_starts_another_one() -> None:
    """Three months and four quiet ones are a clock of seven months; the next has five."""
    losses = [*[1.0] * 3, *[0.0] * 4, 1.0, *[0.0] * 16]
    (one,) = solve_to_plan(Case.model_validate(monthly(losses))).adaptation
    assert (one.clock_months, one.clock_months_median) == (near(6), near(5))
    assert one.clock_months_ninety == near(7)


@pytest.mark.slow
@pytest.mark.parametrize("language", ["de", "en"])
def test_it_is_reported_in_all_media(language: Language, untranslated: set[str]) -> None:
    found = solve_to_plan(Case.model_validate(monthly()))
    is_whole_in_all_media(found, language, untranslated)
    assert "How long shortages last" in one_line(found)


def test_unused_fields_do_not_change_the_hash() -> None:
    raw = struck([1.0], damage=[{"material": "ore", "steps": STEPS}])
    content = Case.model_validate(raw).model_dump(mode="json", by_alias=True)
    assert content["damage"][0]["adaptation"] is None
    plain, used = (Case.model_validate(raw | more) for more in ({}, {"damage": adapting()}))
    assert input_hash(plain) == OF_BEFORE
    assert input_hash(used) != input_hash(plain)


# By the contract's words, period by period


def limits_of(raw: Raw, state: Raw) -> dict[str, Any]:
    """(J, K) tonnes on each step of each material whose entry names no consumer, where there is but
    one consumer."""
    horizon = raw["horizon"]
    first, n = horizon["first_year"], horizon["periods_per_year"]
    periods = range((horizon["last_year"] + 1 - first) * n)
    made_of = {c["output"]: c["inputs_t_per_t"].keys() for c in raw.get("conversions", {}).values()}
    found = {}
    for entry in raw["damage"]:
        m = entry["material"]
        demand = sum(row["t_per_year"] for row in raw["demand"] if row["material"] == m) / n
        demand *= state.get("demand", {}).get(m, 1.0)
        terms = {"per_year": 0, "floor": 0, "trigger_loss": 0.2, "reset_periods": 4}
        terms |= entry.get("adaptation", {})
        shares = [step["share"] for step in entry["steps"]]
        since, quiet, rows = None, 0, []
        for k in periods:
            is_struck = any(
                supplied(raw, state, form, k) < (1 - terms["trigger_loss"] - 1e-9) * whole
                for form in (m, *made_of.get(m, ()))
                if (whole := supplied(raw, {}, form, k))
            )
            if since is not None and quiet >= terms["reset_periods"]:
                since = None
            if is_struck and since is None:
                since = k
            quiet = 0 if is_struck else quiet + 1
            left = 1.0
            if since is not None and k > since:
                left = max(terms["floor"], (1 - terms["per_year"]) ** ((k - since) / n))
            later = [share * left for share in shares[1:]]
            rows.append([demand * x for x in (1 - sum(later), *later)])
        found[m] = np.array(rows).T
    return found


def supplied(raw: Raw, state: Raw, material: str, k: int) -> float:
    """What is left of supply, by shares of one: the factor of a state strikes both alike."""
    n, total = raw["horizon"]["periods_per_year"], 0.0
    for row in raw["supply"]:
        if row["material"] == material:
            left = row["share"]
            for event in state.get("events", ()):
                start = (event["start"] - raw["horizon"]["first_year"]) * n + event["period"] - 1
                for effect in raw["hazards"][event["hazard"]]["effects"]:
                    at, named = k - start, effect.get("materials", [material])
                    if effect["country"] == row["country"] and material in named:
                        left *= 1 - effect["loss"][at] if 0 <= at < len(effect["loss"]) else 1
            total += left
    return total


@pytest.mark.parametrize("seed", range(40))
def test_limits_are_those_of_the_contract(seed: int) -> None:
    pick = random.Random(f"limits {seed}").choice
    raw = unsettled(pick, small_case(pick))
    horizon = {"first_year": 2026, "last_year": 2029, "periods_per_year": pick([1, 2, 4])}
    raw |= {"horizon": horizon, "consumers": {"industry": {}}, "stockpiles": []}
    raw["demand"] = [
        {"consumer": "industry", "material": m, "t_per_year": 97} for m in raw["materials"]
    ]
    raw["damage"] = [entry for entry in raw["damage"] if "consumer" not in entry]
    raw["supply"] = [
        {"material": m, "country": c, "share": pick([0.3, 0.5])}
        for m in raw["materials"]
        for c in ("CN", "CL")
    ]
    raw["objective"] |= {"measure": "damage", "allocation": "pooled"}
    if "spice" in raw["materials"]:
        maker = {"output": "spice", "inputs_t_per_t": {"ore": 0.5}, "country": "DE"}
        raw["conversions"] = {"maker": maker | {"capacity_t_per_year": 10}}
    for it in raw["funders"].values():
        it["kind"] = "public" if it["kind"] == "company" else it["kind"]
    for state in raw["uncertainty"]["states"]:
        events = [pick(["broad", "narrow"]) for _ in range(pick([0, 1, 2, 3]))]
        state["events"] = [
            {"hazard": h, "start": pick(range(2026, 2030)), "period": 1} for h in events
        ]
    instance = read(raw)
    for state, own in zip(raw["uncertainty"]["states"], read_states(instance), strict=True):
        found = compute_scenario_data(instance, own).step_limit
        for m, tonnes in limits_of(raw, state).items():
            assert found[m] * instance.lot_tonnes[m] == near(tonnes)


# Draws


def test_factors_have_streams_of_their_own() -> None:
    raw = struck([1.0] * 3, uncertainty={"sample": {"states": 400, "seed": 3}})
    before = read_states(read(raw))
    chances = [{"factor": f, "probability": p} for f, p in ((0.5, 0.3), (1.0, 0.5), (2.0, 0.2))]
    raw["uncertainty"]["demand"] = {"ore": chances}
    instance = read(raw)
    found = read_states(instance)
    assert [state.events for state in found] == [state.events for state in before]
    drawn = np.array([dict(state.demand_factors).get("ore", 1.0) for state in found])
    for factor, chance in ((0.5, 0.3), (1.0, 0.5), (2.0, 0.2)):
        assert (drawn == factor).mean() == pytest.approx(chance, abs=0.07)
    assert [one.demand_factors for one in sample_states(instance, 200, 3)] == [
        one.demand_factors for one in found[:200]
    ]
    mean = compute_mean_scenario_data(instance, found)
    assert mean.demand["ore"][0] * instance.lot_tonnes["ore"] == near(100 * drawn.mean())


# Random cases

CASES = [("small", seed) for seed in range(60)] + [("crowded", seed) for seed in range(60)]
CASES += [(kind, seed) for kind in KINDS for seed in range(60)]


def drawn(kind: str, seed: int) -> tuple[Any, Raw]:
    pick = random.Random(f"unsettled {kind} {seed}").choice
    if kind in KINDS:
        return pick, unsettled(pick, chain_case(pick, kind))
    return pick, unsettled(pick, {"small": small_case, "crowded": crowded_case}[kind](pick))


def committed(pick: Any, instance: Instance) -> Commitment:
    """A commitment that uses every kind of decision."""
    start = {
        p.id: pick(p.start_years) for p in instance.projects.values() if pick([True, True, False])
    }
    offtake = {(p, g): pick([0.0, 0.2, 0.4]) for p in start for g in instance.offtake_groups}
    buy = {
        h: np.array([pick([0.0, 0.3, 1.4]) for _ in instance.years]) for h in instance.stockpiles
    }
    return Commitment(start=start, offtake=offtake, buy=buy)


@pytest.mark.quick(every=31, ci=11)
@pytest.mark.parametrize(("kind", "seed"), CASES)
def test_passes_are_as_good_as_programs(kind: str, seed: int) -> None:
    """Damage of each state by compiled passes, merged or not, by programs of the formulation and by
    the extensive form's own rows; multipliers prove it; a rule without foresight is no better."""
    pick, raw = drawn(kind, seed)
    instance = read(raw)
    states = read_states(instance)
    decided = committed(pick, instance)
    recourse = RecourseEvaluator(instance, states, threads=1)
    point = recourse.columns.to_point(decided)
    each = np.eye(len(states))
    evaluated = recourse.evaluate(point, each)
    apart = RecourseEvaluator(instance, states, merge_classes=False, threads=1, reuse_from=recourse)
    assert apart.evaluate(point, each, with_subgradients=False).damage == near(evaluated.damage)
    assert by_programs(apart, point) == near(evaluated.damage)
    assert proven(recourse, evaluated, point) == near(evaluated.damage)
    missing = sum(part.expand_to_states(part.damage) for part in recourse.shortages(point))
    assert missing == near(evaluated.damage)
    other = recourse.columns.to_point(committed(pick, instance))
    exact = recourse.evaluate(other, each, with_subgradients=False).damage
    assert (proven(recourse, evaluated, other) <= exact + 1e-7 * (1 + exact)).all()
    for rule in simulate_release_policy(instance, states, decided, [0.0, 0.5]):
        assert (rule.damage >= evaluated.damage - 1e-7 * (1 + evaluated.damage)).all()


def by_programs(recourse: RecourseEvaluator, point: Any) -> Any:
    """(S) damage, each chain as linear programs, no states merged."""
    apart = {v: own for own in recourse.material_classes for v in own.nodes}
    damage = np.zeros(len(recourse.probability))
    for own in recourse.instance.chains:
        looks = next((x for x in recourse.chain_classes if own in x.chains), apart[own.id])
        chance = looks.sum_by_class(np.ones((1, len(damage))))
        one = recourse.build_program_evaluation(own, looks, point, chance, False)
        recourse.run_tasks(one.tasks())
        damage += one.damage
    return damage


def proven(recourse: RecourseEvaluator, evaluated: Any, point: Any) -> Any:
    """(S) what the multipliers prove, in all nodes."""
    nodes = recourse.node_data
    return np.sum([bound_at(x, nodes[v], point) for v, x in evaluated.subgradients.items()], axis=0)


@pytest.mark.quick(every=47, ci=17)
@pytest.mark.parametrize(("kind", "seed"), CASES[::2])
def test_both_methods_find_one_optimum(kind: str, seed: int) -> None:
    scenario = Case.model_validate(drawn(kind, seed)[1])
    found = [_objective(scenario, method) for method in METHODS]
    assert found[0] == (None if found[1] is None else pytest.approx(found[1], rel=3e-6, abs=1e-7))


def _objective(scenario: Case, method: Any) -> float | None:
    try:
        return solve_to_plan(scenario, gap=1e-6, method=method).certificate.objective
    except Infeasible:
        return None


@pytest.mark.parametrize("change", [{"per_year": 0}, {"floor": 1}])
@pytest.mark.parametrize("seed", range(5))
def test_what_changes_nothing_is_as_if_absent(change: Raw, seed: int) -> None:
    _, raw = drawn("small", seed)
    plain = copy.deepcopy(raw)
    for entry in raw["damage"]:
        entry["adaptation"] = {"per_year": 0.5} | change
    for entry in plain["damage"]:
        entry.pop("adaptation", None)
    for state in raw["uncertainty"]["states"]:
        state["demand"] = dict.fromkeys(raw["materials"], 1)
    for state in plain["uncertainty"]["states"]:
        state.pop("demand", None)
    one, other = read(raw), read(plain)
    assert not one.adaptations
    assert read_states(one) == read_states(other)
    found = [RecourseEvaluator(own, read_states(own), threads=1) for own in (one, other)]
    for a, b in zip(found[0].material_classes, found[1].material_classes, strict=True):
        assert len(a.demand_factor) <= 1
        assert a.market_lots.tolist() == b.market_lots.tolist()


# The file


def said(raw: Raw) -> list[str]:
    """All faults and warnings of a scenario."""
    text = yaml.safe_dump(raw, sort_keys=False)
    try:
        found = read_case_text(text).warnings
    except ScenarioError as error:
        found = error.faults
    return [str(fault).partition(": ")[2] for fault in found]


SAMPLE: Raw = {"sample": {"states": 100}}
HALF: Raw = {"demand": {"ore": [{"factor": 0.5, "probability": 0.4}]}}
SURE: Raw = {"demand": {"ore": [{"factor": 0.5, "probability": 1}]}}
ALONE = [{"share": 1.0, "eur_per_t": 1e6}]


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        (
            {"uncertainty": SAMPLE | HALF},
            "error: the probability of the factors adds up to 0.4, not 1; 0.6 is missing",
        ),
        (
            {"uncertainty": SAMPLE | {"demand": {"or": SURE["demand"]["ore"]}}},
            "error: there is no material 'or'; did you mean 'ore'?",
        ),
        (
            {"uncertainty": {"states": [STRUCK | {"demand": {"or": 1}}]}},
            "error: there is no material 'or'; did you mean 'ore'?",
        ),
        (
            {"uncertainty": {"states": [STRUCK]} | SURE},
            "warning: no state names a factor on the demand for 'ore'; factors are drawn for "
            "sampled states: write demand with the states",
        ),
        (
            {"damage": adapting(floor=1)},
            "warning: this adaptation changes nothing; write a per_year above 0 and a floor below "
            "1, or leave it out",
        ),
        (
            {"damage": [adapting()[0] | {"steps": ALONE}]},
            "warning: this adaptation changes nothing; it moves shares of later steps to the "
            "first: write two steps or more",
        ),
        (
            {"damage": adapting(trigger_loss=1)},
            "warning: this adaptation changes nothing; no loss is above a trigger_loss of 1: "
            "write 0.2",
        ),
        ({"damage": adapting(reset_periods=0)}, "error: 0 is below 1; write a number of 1 or more"),
    ],
)
def test_what_is_refused_and_warned_of(sections: Raw, words: str) -> None:
    assert words in said(struck([1.0, 1.0], **sections))


@pytest.mark.slow
def test_a_workbook_holds_it_all(tmp_path: Path) -> None:
    raw = struck([1.0, 1.0], damage=adapting(floor=0.1), uncertainty=SAMPLE | SURE)
    scenario = read_case_text(yaml.safe_dump(raw)).case
    for number, language in enumerate(("en", "de")):
        path = tmp_path / f"book{number}.xlsx"
        path.write_bytes(written(scenario, language))
        assert read_case(path).case == scenario
