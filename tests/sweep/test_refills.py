"""Stocks that are filled again (R7): by hand, one computation against the other, and the policy.

Single nodes are held against a linear program in tonnes in ``test_sweep`` and ``test_multipliers``,
networks in ``test_network``.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from cutting import bound_at, recourse_of
from random_cases import crowded_case
from random_chains import chain_case
from refills import filled_again
from small import CHINA, Raw, case, cut, near, project, state, stockpile

from models.scenario.case import Case
from optimizer.model.commitment import Commitment
from optimizer.model.decision_tree import DecisionTree
from optimizer.model.instance import Instance, read_instance
from optimizer.model.scenario_data import compute_scenario_data, find_covered_periods
from optimizer.model.states import read_states
from optimizer.solve import outcomes
from optimizer.solve.decomposition import solve_by_decomposition
from optimizer.solve.extensive_form import solve_extensive_form
from optimizer.solve.recourse import (
    FirstStagePoint,
    RecourseEvaluator,
    evaluator as sweeping,
    simulate_release_policy,
)
from optimizer.solve.recourse.network_evaluation import NetworkEvaluation

SEEDS = range(160)


def drawn(seed: int) -> tuple[random.Random, Raw]:
    pick = random.Random(f"filled again {seed}")
    if seed % 4 < 2:
        raw = crowded_case(pick.choice)
    else:
        raw = chain_case(pick.choice, ("network", "program")[seed % 4 - 2])
    return pick, filled_again(pick.choice, raw)


def read(raw: Raw) -> Instance:
    return read_instance(Case.model_validate(raw))


def some_commitment(pick: random.Random, instance: Instance) -> Commitment:
    start = {
        p: pick.choice(it.start_years) for p, it in instance.projects.items() if it.start_years
    }
    start = {p: year for p, year in start.items() if pick.random() < 0.5}
    groups = [(p, group) for p in start for group in instance.offtake_groups]
    shape = len(instance.years)
    return Commitment(
        start=start,
        offtake={key: pick.uniform(0, 1 / len(instance.offtake_groups)) for key in groups},
        buy={
            h: np.array([pick.choice([0, pick.uniform(0, 3)]) for _ in range(shape)])
            for h in instance.stockpiles
        },
    )


def proven(recourse: RecourseEvaluator, evaluated: Any, point: FirstStagePoint) -> Any:
    """(S) what the multipliers of all nodes prove of a point in each state."""
    none, nodes = np.zeros(len(recourse.probability)), recourse.node_data
    return sum((bound_at(s, nodes[v], point) for v, s in evaluated.subgradients.items()), none)


def close(value: Any) -> Any:
    return pytest.approx(value, rel=1e-7, abs=1e-8)


@pytest.mark.quick(every=41, ci=13)
@pytest.mark.parametrize("seed", SEEDS)
def test_networks_and_programs_agree_and_prove_what_they_find(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Damage of each state, cuts that hold elsewhere, and never more than the rule leads to."""
    pick, raw = drawn(seed)
    network, program = recourse_of(raw), recourse_of(raw)
    instance = network.instance
    decided, *others = (some_commitment(pick, instance) for _ in range(4))
    points = [network.columns.to_point(one) for one in (decided, Commitment(), *others)]
    each = np.eye(len(network.probability))
    evaluated = [network.evaluate(at, each) for at in points[:2]]
    monkeypatch.setattr(sweeping, "content_by_node", lambda *_: None)
    exact = [program.evaluate(at, each).damage for at in points]
    for found, at, damage in zip(evaluated, points, exact, strict=False):
        assert found.damage == close(damage)
        assert proven(network, found, at) == close(damage)
        size = 1 + np.abs(sum(slopes.constant for slopes in found.subgradients.values()))
        for other, bounded in zip(points, exact, strict=True):
            assert (proven(network, found, other) <= bounded + 1e-9 * size).all()
    states = read_states(instance)
    (foresight,) = outcomes.evaluate_commitments(instance, states, [decided])
    assert foresight.damage == close(exact[0])
    for rule in simulate_release_policy(instance, states, decided, (0.0, 0.4)):
        assert (rule.damage >= exact[0] - 1e-7 * (1 + exact[0])).all()
        for h in instance.stockpiles:
            assert rule.released[h] >= rule.refilled[h] - 1e-9 or not rule.final_stock[h]
            assert rule.final_stock[h] >= -1e-9


@pytest.mark.quick(every=41, ci=13)
@pytest.mark.parametrize("seed", SEEDS)
def test_decomposition_and_extensive_form_find_one_optimum(seed: int) -> None:
    instance = read(drawn(seed)[1])
    states = read_states(instance)
    whole, parts = (
        solve(DecisionTree.of(instance), [states], gap=1e-7, threads=1).solution
        for solve in (solve_extensive_form, solve_by_decomposition)
    )
    assert whole.ending == parts.ending
    if whole.objective is not None:
        assert parts.objective == pytest.approx(whole.objective, rel=3e-6, abs=1e-6)
        assert parts.bound is not None
        assert parts.bound <= whole.objective + 1e-6 + 3e-6 * abs(whole.objective)


@pytest.mark.slow
def test_refills_count_in_the_cases() -> None:
    """In many of them damage is less than without, and networks serve them."""
    less = networks = 0
    for seed in range(40):
        pick, raw = drawn(seed)
        recourse = recourse_of(raw)
        decided = recourse.columns.to_point(some_commitment(pick, recourse.instance))
        one = recourse.evaluate(decided, recourse.probability[None], with_subgradients=False)
        networks += any(
            isinstance(own, NetworkEvaluation) for own in recourse._evaluations.values()
        )
        for stock in raw["stockpiles"]:
            del stock["refill_t_per_year"]
        without = recourse_of(raw).evaluate(
            decided, recourse.probability[None], with_subgradients=False
        )
        assert (one.damage <= without.damage * (1 + 1e-9) + 1e-9).all()
        less += (one.damage < without.damage * (1 - 1e-6)).any()
    assert less >= 6
    assert networks >= 12


@pytest.mark.parametrize("refill", [None, 0, {2026: 0}])
def test_nothing_that_comes_back_is_no_refill(refill: Any) -> None:
    pick, raw = drawn(1)
    for stock in raw["stockpiles"]:
        stock["refill_t_per_year"] = refill
    recourse = recourse_of(raw)
    assert all(state_classes.is_covered is None for state_classes in recourse.material_classes)
    assert not compute_scenario_data(
        recourse.instance, read_states(recourse.instance)[0]
    ).is_covered
    for stock in raw["stockpiles"]:
        del stock["refill_t_per_year"]
    decided = recourse.columns.to_point(some_commitment(pick, recourse.instance))
    other = recourse_of(raw).evaluate(decided, recourse.probability[None])
    assert (recourse.evaluate(decided, recourse.probability[None]).damage == other.damage).all()


# By hand: 100 t are needed each year, and nothing arrives in the years that are struck.


def struck(last: int, *years: int, **fields: Any) -> Raw:
    return case(
        last,
        supply=CHINA,
        hazards=cut([1.0]),
        uncertainty={"states": [state("one", 1.0, *years)]},
        objective={"measure": "tonnes"},
        **fields,
    )


def missing(raw: Raw, **tonnes: list[float]) -> tuple[float, float]:
    """Tonnes missing with foresight and by the rule, with so much bought."""
    instance = read(raw)
    lot = {h: instance.lot_tonnes[it.material] for h, it in instance.stockpiles.items()}
    decided = Commitment(buy={h: np.array(t) / lot[h] for h, t in tonnes.items()})
    states = read_states(instance)
    (best,) = outcomes.evaluate_commitments(instance, states, [decided])
    (rule,) = simulate_release_policy(instance, states, decided, [0.0])
    return best.expected, float(rule.damage[0])


@pytest.mark.parametrize(
    ("refill", "expected"),
    [(0, 150), (30, 120), (50, 100), (500, 100), ({2026: 500, 2027: 10, 2028: 500}, 140)],
)
def test_a_stock_serves_two_events_as_far_as_it_is_filled_again(refill: Any, expected: int) -> None:
    """50 t in store, events in 2026 and 2028: what comes back in 2027, at most the 50 t that were
    planned, serves the second one. What could come back in struck years does not."""
    raw = struck(2028, 2026, 2028, stockpiles=[stockpile(initial_t=50, refill_t_per_year=refill)])
    assert missing(raw) == (near(expected), near(expected))


def test_what_comes_back_is_lost_like_anything_else() -> None:
    """Half is lost a year. Of 100 t 50 t are left in 2026 and go; 25 t are planned in 2027, so no
    more of the 30 t come back, and 12.5 t are left in 2028."""
    pile = stockpile(initial_t=100, annual_loss=0.5, refill_t_per_year=30)
    assert missing(struck(2028, 2026, 2028, stockpiles=[pile])) == (near(137.5), near(137.5))


@pytest.mark.parametrize("loss", [0.5, 0.9, 0.999])
def test_a_stock_that_loses_much_before_the_first_event(loss: float) -> None:
    """Of 10,000 t a part is left after seven years, and 30 t of what went then come back."""
    most = {"max_purchase_t_per_year": 0, "refill_t_per_year": 30}
    pile = stockpile(initial_t=1e4, annual_loss=loss, **most)
    raw = struck(2034, 2032, 2034, stockpiles=[pile])
    first, last = 1e4 * (1 - loss) ** 7, min(30.0, 1e4 * (1 - loss) ** 8) * (1 - loss)
    for method in (solve_extensive_form, solve_by_decomposition):
        instance = read(raw)
        found = method(
            DecisionTree.of(instance), [read_states(instance)], gap=1e-7, threads=1
        ).solution
        assert found.objective == near(200 - first - last)


def test_two_stocks_do_not_fill_each_other() -> None:
    """30 t that are filled again and 50 t that are not: 80 t, then 30 t."""
    piles = [stockpile(initial_t=30, refill_t_per_year=100), stockpile(id="other", initial_t=50)]
    raw = struck(2028, 2026, 2028, stockpiles=piles)
    assert missing(raw)[0] == near(20 + 70)
    piles[1]["refill_t_per_year"] = 20
    assert missing(raw)[0] == near(20 + 50)


def test_limits_of_release_hold_for_what_comes_back() -> None:
    """40 t of 50 t in the first year, then 40 t of the 50 t that are there again."""
    pile = stockpile(initial_t=50, max_release_t_per_period=40, refill_t_per_year=100)
    assert missing(struck(2028, 2026, 2028, stockpiles=[pile]))[0] == near(120)


def test_foresight_keeps_stock_for_the_most_expensive_year() -> None:
    """Nothing can come back between two years that are struck. Of demand that is missing all of
    either counts 1, so that 50 t serve the year in which they are all that is needed; the rule
    releases them in 2026."""
    raw = struck(2027, 2026, 2027, stockpiles=[stockpile(initial_t=50, refill_t_per_year=100)])
    raw["objective"] = {"measure": "share_of_demand"}
    for needed, by_rule_expected in (({2026: 50, 2027: 100}, 1.0), ({2026: 100, 2027: 50}, 1.5)):
        raw["demand"] = [{"consumer": "industry", "material": "ore", "t_per_year": needed}]
        assert missing(raw) == (near(1.0), near(by_rule_expected))


def test_purchases_count_in_every_event_they_serve() -> None:
    """A tonne bought in 2026 is there in 2026 and, filled again, in 2028."""
    pile = stockpile(refill_t_per_year=100)
    recourse = recourse_of(struck(2028, 2026, 2028, stockpiles=[pile]))
    lot = recourse.instance.lot_tonnes["ore"]
    for lots in (0.0, 40.0 / lot):
        point = recourse.columns.to_point(Commitment(buy={"reserve": np.array([lots, 0, 0])}))
        slopes = recourse.evaluate(point, np.ones((1, 1))).subgradients[0]
        assert slopes.purchase_value[0, 0] / lot == near([2.0, 1.0, 1.0])


# Covered


def covered(raw: Raw, material: str = "ore") -> list[float]:
    instance = read(raw)
    (one,) = read_states(instance)
    found: list[float] = compute_scenario_data(instance, one).is_covered[material].tolist()
    return found


@pytest.mark.parametrize(("share", "is_covered"), [(1.0, 1), (1 - 1e-7, 1), (1 - 3e-6, 0), (0, 0)])
def test_a_period_is_covered_where_the_market_meets_all_demand(
    share: float, is_covered: int
) -> None:
    """Whatever projects add, up to a millionth, for whomever the stock is."""
    raw = case(
        consumers={"industry": {}, "works": {}},
        demand=[
            {"consumer": u, "material": "ore", "t_per_year": 50} for u in ("industry", "works")
        ],
        supply=[{"material": "ore", "country": "CN", "share": share}],
        projects={"works": project(500, home_share=1.0)},
        stockpiles=[stockpile(refill_t_per_year=1, serves=["works"])],
        objective={"allocation": "entitled"},
    )
    assert covered(raw) == [is_covered]


def forms(makers: dict[str, tuple[dict[str, float], float]], **tonnes: float) -> Raw:
    """Magnets, 100 t of which are needed and 10 t of oxide, and of which so much arrives."""
    return case(
        materials={m: {"name": m, "price_eur_per_t": 1} for m in ("oxide", "alloy", "magnet")},
        demand=[
            {"consumer": "industry", "material": m, "t_per_year": t}
            for m, t in (("oxide", 10), ("magnet", 100))
        ],
        damage=[
            {"material": m, "steps": [{"share": 1.0, "eur_per_t": 1}]} for m in ("oxide", "magnet")
        ],
        supply=[{"material": m, "country": "CN", "t_per_year": t} for m, t in tonnes.items()],
        conversions={
            name: {
                "name": name,
                "country": "DE",
                "output": "magnet",
                "inputs_t_per_t": inputs,
                "capacity_t_per_year": most,
            }
            for name, (inputs, most) in makers.items()
        },
        stockpiles=[stockpile(material="oxide", refill_t_per_year=1)],
    )


@pytest.mark.parametrize(
    ("makers", "tonnes", "is_covered"),
    [
        ({}, {"oxide": 10, "magnet": 0}, 1),  # not tied
        ({"a": ({"oxide": 1.0}, 0)}, {"oxide": 10, "magnet": 0}, 0),
        ({"a": ({"oxide": 1.0}, 100)}, {"oxide": 110}, 1),
        ({"a": ({"oxide": 1.0}, 100)}, {"oxide": 109}, 0),
        ({"a": ({"oxide": 1.0}, 99)}, {"oxide": 200}, 0),
        ({"a": ({"oxide": 1.0}, 40)}, {"oxide": 50, "magnet": 60}, 1),
        # Of two plants the second must make 90 t: there is not more of what the first takes in.
        ({"a": ({"oxide": 1.0}, 100), "b": ({"alloy": 1.0}, 100)}, {"oxide": 20, "alloy": 90}, 1),
        ({"a": ({"oxide": 1.0}, 100), "b": ({"alloy": 1.0}, 100)}, {"oxide": 20, "alloy": 89}, 0),
        ({"a": ({"oxide": 1.0}, 100), "b": ({"alloy": 1.0}, 85)}, {"oxide": 20, "alloy": 90}, 0),
    ],
)
def test_forms_that_conversions_tie_are_covered_together(
    makers: Any, tonnes: dict[str, float], is_covered: int
) -> None:
    assert covered(forms(makers, **tonnes), "oxide") == [is_covered]


def test_candidates_do_not_tie() -> None:
    """Oxide is covered while magnets are missing that a project could make of it."""
    raw = forms({}, oxide=10)
    raw["projects"] = {
        "plant": project(output_t_per_year={"magnet": 50}, inputs_t_per_t={"oxide": 1.0})
    }
    assert covered(raw, "oxide") == [1]


def test_all_states_are_reported_at_once_as_one_by_one() -> None:
    for seed in range(2, 40, 4):
        instance = read(drawn(seed)[1])
        recourse = RecourseEvaluator(
            instance, read_states(instance), merge_classes=False, threads=1
        )
        for state_classes in recourse.material_classes:
            for s, one in enumerate(read_states(instance)):
                known = compute_scenario_data(instance, one).is_covered.get(state_classes.material)
                if state_classes.is_covered is not None:
                    assert known is not None
                    assert (known == state_classes.is_covered[s]).all()
    assert find_covered_periods(instance, lambda _: np.ones(len(instance.periods)), []) == {}
