"""States evaluated together: merged into classes or not, in blocks or at once, on one core or
two."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cutting import bound_at, random_point, recourse_of
from random_cases import crowded_case
from small import case, stockpile

from models.scenario.case import Case
from optimizer.model.commitment import Commitment
from optimizer.model.instance import read_instance
from optimizer.model.risk_measure import tail_weights
from optimizer.model.states import read_states
from optimizer.solve.outcomes import evaluate_commitments
from optimizer.solve.recourse import (
    FirstStagePoint,
    RecourseEvaluator,
    RecourseResult,
    evaluations,
    evaluator as sweeping,
    release_policy,
)
from optimizer.solve.recourse.node_kernel import evaluate_node_classes

Raw = dict[str, Any]

SEEDS = range(8)


def drawn(seed: int, states: int = 60, *, unlike: bool = True) -> Raw:
    """A case of many states, which fall into few classes if hazards are rare."""
    raw = crowded_case(random.Random(f"looks {seed}").choice)
    raw["uncertainty"] = {"sample": {"states": states, "seed": seed}}
    for hazard in raw["hazards"].values():
        hazard["annual_probability"] = 0.3
    for project in raw["projects"].values():
        project |= {"success_probability": 0.8, "delay_years": {0: 0.7, 1: 0.3}}
    if not unlike:
        for pile in raw["stockpiles"]:
            pile["annual_loss"] = 0.1
    return raw


def point_of(recourse: RecourseEvaluator, seed: int) -> FirstStagePoint:
    return random_point(np.random.default_rng(seed), recourse)


def evaluate(recourse: RecourseEvaluator, point: FirstStagePoint) -> RecourseResult:
    return recourse.evaluate(point, recourse.probability[None])


def check_equal(one: RecourseResult, other: RecourseResult, rel: float) -> None:
    assert other.damage == pytest.approx(one.damage, rel=rel, abs=rel)
    assert list(other.subgradients) == list(one.subgradients)
    for v, own in one.subgradients.items():
        assert other.damage_by_chain[v] == pytest.approx(one.damage_by_chain[v], rel=rel, abs=rel)
        for name in ("constant", "output_value", "purchase_value"):
            first, second = getattr(own, name), getattr(other.subgradients[v], name)
            assert second == pytest.approx(
                first, rel=rel, abs=rel * (1 + np.abs(first).max(initial=0.0))
            )


@pytest.mark.parametrize("seed", SEEDS)
def test_merging_states_changes_nothing(seed: int) -> None:
    """Damage of each state, cut coefficients, and shortage on each damage step are the same."""
    merged = recourse_of(drawn(seed, unlike=seed % 4 == 0))
    states = read_states(merged.instance)
    single = RecourseEvaluator(merged.instance, states, merge_classes=False, threads=1)
    assert merged.node_class_count < single.node_class_count == len(states) * len(merged.node_data)
    point = point_of(merged, seed)
    # Equally good multipliers may differ where stocks are unlike: their sums may not.
    one, other = evaluate(merged, point), evaluate(single, point)
    assert other.damage == pytest.approx(one.damage, rel=1e-9, abs=1e-9)
    if seed % 4:
        check_equal(one, other, 1e-9)
    for own, apart in zip(merged.shortages(point), single.shortages(point), strict=True):
        assert own.expand_to_states(own.missing_lots) == pytest.approx(
            apart.expand_to_states(apart.missing_lots), rel=1e-7, abs=1e-7
        )
        for v, lots in own.expected_by_step.items():
            assert apart.expected_by_step[v] == pytest.approx(lots, rel=1e-7, abs=1e-7)


SURPLUS: Raw = {
    "supply": [
        {"material": "ore", "country": "CN", "share": 0.6},
        {"material": "ore", "country": "CL", "share": 0.6},
    ],
    "hazards": {
        "stop": {"annual_probability": 0.1, "effects": [{"country": "CN", "loss": [1.0]}]},
        "trifle": {"annual_probability": 0.1, "effects": [{"country": "CL", "loss": [0.2]}]},
    },
}


def struck(*events: tuple[str, int]) -> Raw:
    return {
        "probability": 0.2,
        "events": [{"hazard": hazard, "start": year} for hazard, year in events],
    }


def test_events_in_calm_periods_add_no_state_class() -> None:
    """Of 120 t, 12 t less leave all demand covered; in the year of the stop they do not."""
    states = [
        struck(("stop", 2026)),
        struck(("stop", 2026), ("trifle", 2028)),
        struck(("trifle", 2027)),
        struck(),
        struck(("stop", 2026), ("trifle", 2026)),
    ]
    raw = case(2028, **SURPLUS, uncertainty={"states": states}, stockpiles=[stockpile(initial_t=9)])
    (state_classes,) = recourse_of(raw).material_classes
    first, other, calm, nothing, both = state_classes.class_of_state.tolist()
    assert state_classes.class_count == 2
    assert first == other != both
    assert calm == nothing == -1
    assert state_classes.sum_by_class(np.full((1, 5), 0.2)).sum() == pytest.approx(0.6)


@pytest.mark.parametrize("seed", SEEDS)
def test_blocks_of_states_add_up(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of seven states give the same results as one block, also with delays that a block
    lacks."""
    raw = drawn(seed, states=40, unlike=seed % 4 == 0)
    instance = read_instance(Case.model_validate(raw))
    states = read_states(instance)
    project, year = instance.start_options[0]
    group = instance.offtake_groups[-1]
    commitments = [
        Commitment({project: year}, offtake={(project, "common"): 0.3, (project, group): 0.4}),
        Commitment(buy={h: np.full(len(instance.years), 2.0) for h in instance.stockpiles}),
        Commitment(),
    ]
    whole = evaluate_commitments(instance, states, commitments, threads=1)
    monkeypatch.setattr(release_policy, "STATES_PER_BLOCK", 7)
    assert [block for block, _ in release_policy.evaluators_by_block(instance, states)][
        -1
    ] == slice(35, 40)
    for one, other in zip(
        whole, evaluate_commitments(instance, states, commitments, threads=1), strict=True
    ):
        assert other.damage == pytest.approx(one.damage, rel=1e-12, abs=1e-12)
        for name in (
            "damage_by_material",
            "damage_by_consumer",
            "expected_shortage",
            "shortage_probability",
        ):
            first, second = getattr(one, name), getattr(other, name)
            assert list(first) == list(second)
            for key in first:
                assert second[key] == pytest.approx(first[key], rel=1e-9, abs=1e-9)


def same(one: RecourseResult, other: RecourseResult) -> bool:
    """To the last digit."""
    return bool((one.damage == other.damage).all()) and all(
        (getattr(own, name) == getattr(other.subgradients[v], name)).all()
        for v, own in one.subgradients.items()
        for name in ("constant", "output_value", "purchase_value")
    )


def steps_of(recourse: RecourseEvaluator, point: FirstStagePoint) -> list[np.ndarray]:
    return [lots for part in recourse.shortages(point) for lots in part.expected_by_step.values()]


def fresh(instance: Any, threads: int) -> RecourseEvaluator:
    return RecourseEvaluator(instance, read_states(instance), merge_classes=False, threads=threads)


@pytest.mark.parametrize("seed", range(3))
def test_two_threads_agree_with_one(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the last digit, though their parts may end in any order."""
    monkeypatch.setattr(evaluations, "CLASSES_PER_TASK", 8)
    instance = recourse_of(drawn(seed, states=100, unlike=False)).instance
    alone = fresh(instance, 1)
    point = point_of(alone, seed)
    for _ in range(3):
        other = fresh(instance, 2)
        assert same(evaluate(alone, point), evaluate(other, point))
        for one, two in zip(steps_of(alone, point), steps_of(other, point), strict=True):
            assert (one == two).all()


@pytest.mark.parametrize("seed", range(3))
def test_results_do_not_depend_on_the_completion_order_of_tasks(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tasks are completed in reverse order."""
    monkeypatch.setattr(evaluations, "CLASSES_PER_TASK", 8)
    instance = recourse_of(drawn(seed, states=100, unlike=False)).instance
    forwards, backwards = fresh(instance, 1), fresh(instance, 1)

    def run(parts: list[Callable[[], None]]) -> None:
        for part in reversed(parts):
            part()

    monkeypatch.setattr(backwards, "run_tasks", run)
    point = point_of(forwards, seed)
    assert same(evaluate(forwards, point), evaluate(backwards, point))
    for one, two in zip(steps_of(forwards, point), steps_of(backwards, point), strict=True):
        assert (one == two).all()


@pytest.mark.quick(2)
@pytest.mark.parametrize("seed", range(4))
def test_an_evaluation_does_not_depend_on_earlier_ones(seed: int) -> None:
    """Points, weights and prices in sequence give the results of a new evaluator. Stocks have equal
    loss rates here, since the last basis selects among optimal multipliers."""
    raw = drawn(seed, states=30, unlike=False)
    used = recourse_of(raw)
    points = [point_of(used, seed), point_of(used, seed + 50)]
    points.append(FirstStagePoint(points[0].offtake, points[1].buy))
    damage = evaluate(used, points[0]).damage
    weights = [
        used.probability[None],
        tail_weights(used.probability, damage, 0.8)[None],
        np.array([used.probability, tail_weights(used.probability, damage, 0.9)]),
    ]
    ways = [(p, w, priced) for p in range(3) for w in range(3) for priced in (False, True)]
    random.Random(seed).shuffle(ways)
    for p, w, priced in ways + ways[:6]:
        one = used.evaluate(points[p], weights[w], with_subgradients=priced)
        other = recourse_of(raw).evaluate(points[p], weights[w], with_subgradients=priced)
        weighed = (weights[w] > 0).any(axis=0)
        assert one.damage[weighed] == pytest.approx(other.damage[weighed], rel=1e-9, abs=1e-9)
        assert (
            set(one.subgradients)
            == set(other.subgradients)
            == (set(used.node_data) if priced else set())
        )
        for v, own in one.subgradients.items():
            for at in points:
                assert bound_at(own, used.node_data[v], at) == pytest.approx(
                    bound_at(other.subgradients[v], used.node_data[v], at), rel=1e-7, abs=1e-7
                )


def test_shortages_are_computed_once_for_alternating_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Results are bit-identical to those of a new evaluator; the cache does not grow."""
    raw = drawn(2, states=30)
    used, ran = recourse_of(raw), list[int]()
    run = used.run_tasks
    monkeypatch.setattr(used, "run_tasks", lambda parts: (ran.append(len(parts)), run(parts)))
    points = [point_of(used, seed) for seed in range(2 * sweeping.KEPT_SHORTAGES)]
    for point in (*points, *points[-2:], points[0], points[-1]):
        for one, two in zip(steps_of(used, point), steps_of(recourse_of(raw), point), strict=True):
            assert (one == two).all()
    assert [parts > 0 for parts in ran] == [True] * len(points) + [False, False, True, False]
    assert len(used._shortage_evaluations) == sweeping.KEPT_SHORTAGES * len(used.nodes_by_chain)
    used.clear_cache()
    assert not used._shortage_evaluations


def test_several_weight_vectors_give_the_slopes_of_each_alone() -> None:
    """Each weight vector gives the slopes that it gives alone."""
    recourse = recourse_of(drawn(1, unlike=False))
    point = point_of(recourse, 3)
    worst = tail_weights(recourse.probability, evaluate(recourse, point).damage, 0.7)
    both = recourse.evaluate(point, np.array([recourse.probability, worst]))
    for w, weights in enumerate((recourse.probability, worst)):
        alone = recourse.evaluate(point, weights[None])
        for v, own in alone.subgradients.items():
            assert both.subgradients[v].constant[w] == pytest.approx(own.constant[0], rel=1e-12)
            assert both.subgradients[v].output_value[w] == pytest.approx(
                own.output_value[0], rel=1e-12
            )
            assert both.subgradients[v].purchase_value[w] == pytest.approx(
                own.purchase_value[0], rel=1e-12
            )


def test_a_state_without_weight_counts_as_free_of_damage() -> None:
    recourse = recourse_of(drawn(2))
    point = point_of(recourse, 3)
    damage = evaluate(recourse, point).damage
    weights = np.where(np.arange(len(damage)) % 2, recourse.probability, 0.0)
    half = recourse.evaluate(point, weights[None])
    total = sum(float(value[0]) for value in half.damage_by_chain.values())
    assert total == pytest.approx(weights @ damage, rel=1e-12)


def test_the_pass_is_compiled_once() -> None:
    """One set of weights or two, one step or three, one stock or none: all arrays have one
    layout."""
    for seed in range(8):
        recourse = recourse_of(drawn(seed, states=12, unlike=False))
        point = point_of(recourse, seed)
        recourse.evaluate(point, np.array([recourse.probability, recourse.probability]))
        evaluate(recourse, point)
        recourse.evaluate(point, recourse.probability[None], with_subgradients=False)
        list(recourse.shortages(point))
    assert len(evaluate_node_classes.signatures) == 1
