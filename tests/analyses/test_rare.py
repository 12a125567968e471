"""Rare events drawn more often: exact likelihoods, and estimates that hit what enumeration finds.

The case is small enough for all its states to be written out: three years of two periods, a
hazard whose events last three, so that strikes inside of one are discarded, and a project that
can fail.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from functools import cache

import numpy as np
import pytest
from small import CHINA, case, cut, project, stockpile

from models.scenario.case import Case
from optimizer.analyses.evaluation.estimates import estimate_with_error
from optimizer.analyses.evaluation.importance_sampling import (
    draw_mixture,
    estimate_rare_events,
    likelihood_ratio,
    raise_probabilities,
    weighted_performance,
)
from optimizer.analyses.evaluation.options import MIN_RARE_STATES
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Instance, read_instance
from optimizer.model.states import SamplingProbabilities, State, read_states, sample_states
from optimizer.solve import outcomes

LEVEL = 0.95
YEARS = 3
Key = tuple[tuple[tuple[str, int], ...], frozenset[str]]
PLAN = Commitment(start={"works": 2026}, market={"works": 1.0}, offtake={("works", "common"): 1.0})


@cache
def instance() -> Instance:
    hazards = cut([1.0, 0.7, 0.3])
    hazards["cut"]["annual_probability"] = 0.08
    raw = case(
        horizon={"first_year": 2026, "last_year": 2025 + YEARS, "periods_per_year": 2},
        supply=CHINA,
        hazards=hazards,
        projects={
            "works": project(30, market_finance_max=1, home_share=1, success_probability=0.9)
        },
        stockpiles=[stockpile(initial_t=20)],
        uncertainty={"sample": {"states": 50, "seed": 1}},
    )
    return read_instance(Case.model_validate(raw))


def chance_of_each(chances: SamplingProbabilities) -> dict[Key, float]:
    """All states there are with their probabilities, draw by draw."""
    found: dict[Key, float] = defaultdict(float)
    draws = itertools.product([None, 0, 1], repeat=YEARS)
    for pattern, fails in itertools.product(draws, [False, True]):
        events, until = [], 0
        chance = (
            chances.failure_probability["works"]
            if fails
            else 1 - chances.failure_probability["works"]
        )
        for year, period in enumerate(pattern):
            strikes = chances.event_probability["cut"][0, year]
            chance *= 1 - strikes if period is None else strikes / 2
            at = 2 * year + (period or 0)
            if period is not None and at >= until:
                events.append(("cut", at))
                until = at + 3
        found[tuple(events), frozenset({"works"} if fails else ())] += chance
    return dict(found)


def written(chances: SamplingProbabilities) -> list[State]:
    return [
        State("one of all", chance, events, failed)
        for (events, failed), chance in chance_of_each(chances).items()
    ]


@cache
def damages() -> dict[Key, float]:
    states = written(SamplingProbabilities.from_instance(instance()))
    (found,) = outcomes.evaluate_commitments(instance(), states, [PLAN])
    return {
        (s.events, s.failed_projects): d for s, d in zip(states, found.damage.tolist(), strict=True)
    }


def damage_of(states: tuple[State, ...]) -> np.ndarray:
    return np.array([damages()[state.events, state.failed_projects] for state in states])


def exact() -> tuple[float, float]:
    """Mean and CVaR."""
    own = chance_of_each(SamplingProbabilities.from_instance(instance()))
    chance, damage = np.array(list(own.values())), np.array([damages()[key] for key in own])
    return float(chance @ damage), outcomes.tail_mean(chance, damage, LEVEL)


@cache
def sets() -> tuple[SamplingProbabilities, ...]:
    tried = draw_mixture(instance(), (SamplingProbabilities.from_instance(instance()),), 400, 5)
    return raise_probabilities(instance(), PLAN, tried, damage_of(tried.states), LEVEL)


def test_the_ratio_is_that_of_the_probabilities_of_the_state() -> None:
    own = SamplingProbabilities.from_instance(instance())
    other = SamplingProbabilities({"cut": np.array([[0.3, 0.08, 0.5]])}, {"works": 0.4})
    before, after = chance_of_each(own), chance_of_each(other)
    assert math.fsum(before.values()) == pytest.approx(1)
    ratio = likelihood_ratio(instance(), written(own), other)
    assert ratio == pytest.approx([after[key] / before[key] for key in before], rel=1e-12)


def test_the_ratio_is_exact_with_profiles_regimes_and_yearly_probabilities() -> None:
    """All states of two years, written out draw by draw: regimes, and for each year no strike or
    one in either period by a profile of one period or of three. In the second year of a tense one
    0.5 * 2 is certain, whatever else a strike is raised to."""
    profiles = {
        name: {"probability": chance, "effects": [{"country": "CN", "loss": loss}]}
        for name, chance, loss in (("short", 0.75, [1.0]), ("long", 0.25, [1.0, 0.5, 0.2]))
    }
    hazards = {
        "cut": {
            "annual_probability": {2026: 0.2, 2027: 0.5},
            "regime_factors": {"tense": 2},
            "profiles": profiles,
        }
    }
    rows = {"calm": {"calm": 0.9, "tense": 0.1}, "tense": {"tense": 1.0}}
    raw = case(
        horizon={"first_year": 2026, "last_year": 2027, "periods_per_year": 2},
        supply=CHINA,
        hazards=hazards,
        uncertainty={
            "sample": {"states": 10},
            "regimes": {"first": {"calm": 0.6, "tense": 0.4}, "yearly": rows},
        },
    )
    it = read_instance(Case.model_validate(raw))
    own = SamplingProbabilities.from_instance(it)
    assert own.event_probability["cut"].tolist() == [[0.2, 0.5], [0.4, 1.0]]
    other = SamplingProbabilities({"cut": np.array([[0.3, 0.5], [0.4, 1.0]])}, {})
    lengths = {"short": 1, "long": 3}

    def every(chances: SamplingProbabilities) -> dict[tuple[object, ...], float]:
        found: dict[tuple[object, ...], float] = defaultdict(float)
        draws = [None, *itertools.product((0, 1), lengths)]
        for path in itertools.product(("calm", "tense"), repeat=2):
            first = {"calm": 0.6, "tense": 0.4}[path[0]] * rows[path[0]].get(path[1], 0.0)
            for pattern in itertools.product(draws, repeat=2):
                chance, events, until = first, [], 0
                for year, drawn in enumerate(pattern):
                    strikes = chances.event_probability["cut"][
                        ("calm", "tense").index(path[year]), year
                    ]
                    if drawn is None:
                        chance *= 1 - strikes
                        continue
                    period, name = 2 * year + drawn[0], drawn[1]
                    chance *= strikes / 2 * profiles[name]["probability"]
                    if period >= until:
                        events.append((f"cut.{name}", period))
                        until = period + lengths[name]
                found[tuple(events), path] += chance
        return {key: chance for key, chance in found.items() if chance > 0}

    before, after = every(own), every(other)
    assert math.fsum(before.values()) == pytest.approx(1)
    assert before.keys() == after.keys()
    states = [State("", 1.0, events, regimes=path) for events, path in before]
    ratio = likelihood_ratio(it, states, other)
    assert ratio == pytest.approx([after[key] / before[key] for key in before], rel=1e-12)
    found = draw_mixture(it, (own, other), 4_000, 3)
    assert found.weight.mean() == pytest.approx(1, abs=0.05)
    sets = raise_probabilities(it, Commitment(), found, np.ones(4_000), LEVEL)
    assert all(
        (chances.event_probability["cut"] >= own.event_probability["cut"]).all() for chances in sets
    )


def test_failures_that_hang_together_are_drawn_as_they_come() -> None:
    raw = instance().case.model_dump(mode="json", by_alias=True, exclude_unset=True)
    raw["uncertainty"]["sample"]["project_correlation"] = 0.5
    tied = read_instance(Case.model_validate(raw))
    tried = draw_mixture(tied, (SamplingProbabilities.from_instance(tied),), 400, 5)
    for chances in raise_probabilities(tied, PLAN, tried, damage_of(tried.states), LEVEL):
        assert chances.failure_probability["works"] == pytest.approx(0.1)


def test_chances_are_raised_where_damage_is_and_nowhere_lowered() -> None:
    own, tail, mean = sets()
    assert own.event_probability["cut"].tolist() == [[0.08] * YEARS]
    for chances in (tail, mean):
        assert (chances.event_probability["cut"] >= 0.08).all()
        assert (chances.event_probability["cut"] <= 0.5).all()
    assert tail.event_probability["cut"].max() > 0.16
    assert 0.1 < tail.failure_probability["works"] <= 0.5


def test_states_are_drawn_with_the_chances_given() -> None:
    chances = SamplingProbabilities({"cut": np.array([[0.4, 0.0, 0.0]])}, {"works": 1.0})
    states = sample_states(instance(), 4_000, 1, probabilities=chances)
    struck = sum(bool(state.events) for state in states)
    assert abs(struck - 1_600) < 4 * math.sqrt(4_000 * 0.24)
    assert all(at < 2 for state in states for _, at in state.events)
    assert all(state.failed_projects == {"works"} for state in states)
    assert sample_states(instance(), 50, 1) == read_states(instance())


def test_weights_are_the_inverse_of_the_mixture_and_bounded() -> None:
    found = draw_mixture(instance(), sets(), 100, 8)
    of_set = [likelihood_ratio(instance(), found.states, chances) for chances in sets()]
    mixture = 0.2 * of_set[0] + 0.5 * of_set[1] + 0.3 * of_set[2]
    assert found.weight == pytest.approx(1 / mixture)
    assert found.weight.max() <= 5
    assert [state.probability * 100 for state in found.states] == pytest.approx(found.weight)
    assert np.bincount(found.component).tolist() == [20, 50, 30]


@pytest.mark.slow
def test_estimates_of_many_repetitions_hit_the_exact_values_and_know_their_error() -> None:
    """Weights, mean and CVaR of 400 samples: within 4 standard errors, themselves within 15 %."""
    found = []
    for seed in range(400):
        drawn = draw_mixture(instance(), sets(), 300, seed)
        damage = damage_of(drawn.states)
        reported = weighted_performance(drawn.weight, damage, LEVEL, drawn.component)
        weights = estimate_with_error(drawn.weight.mean(), drawn.weight, drawn.component)
        every = (weights, reported.expected, reported.cvar)
        found.append([(one.value, one.standard_error) for one in every])
    values = np.array(found)
    mean, spread = values[:, :, 0].mean(axis=0), values[:, :, 0].std(axis=0, ddof=1)
    assert (np.abs(mean - [1.0, *exact()]) < 4 * spread / 20).all()
    said = np.sqrt((values[:, :, 1] ** 2).mean(axis=0))
    assert said == pytest.approx(spread, rel=0.15)


def test_the_whole_report_is_worth_its_cost_and_agrees_with_the_plain_states() -> None:
    states = sample_states(instance(), 4_000, 77)
    (fresh,) = outcomes.evaluate_commitments(instance(), states, [PLAN])
    found = estimate_rare_events(instance(), PLAN, 2_000, 4, fresh, LEVEL)
    again = estimate_rare_events(instance(), PLAN, 2_000, 4, fresh, LEVEL)
    assert found == again
    assert found.variance_ratio_cvar > 2
    assert found.variance_ratio_expected > 1
    assert 400 < found.effective_states < 2_000
    assert abs(found.deviation_expected) < 4
    assert abs(found.deviation_cvar) < 4
    for figure, value in zip(
        [found.performance.expected, found.performance.cvar], exact(), strict=True
    ):
        assert figure.standard_error is not None
        assert abs(figure.value - value) < 4 * figure.standard_error
    assert found.plain.expected.value == pytest.approx(fresh.damage[:2_000].mean())
    assert found.plain.worst == fresh.damage[:2_000].max()


def test_where_nothing_is_ever_missing_nothing_is_gained_or_lost() -> None:
    bare = read_instance(Case.model_validate(case(supply=CHINA)))
    (fresh,) = outcomes.evaluate_commitments(bare, sample_states(bare, 20, 1), [Commitment()])
    found = estimate_rare_events(bare, Commitment(), 40, 2, fresh, LEVEL)
    assert found.performance.expected.value == 0.0
    assert found.variance_ratio_expected == found.variance_ratio_cvar == 1.0
    assert found.effective_states == pytest.approx(40)
    assert found.deviation_cvar == 0.0
    with pytest.raises(ValueError, match="too few"):
        estimate_rare_events(bare, Commitment(), MIN_RARE_STATES - 1, 2, fresh, LEVEL)
