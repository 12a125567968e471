"""Profiles of events, probabilities by year, regimes of years, and projects that fail together."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from oracle import best
from random_cases import small_case
from scipy import stats
from small import CHINA, Raw, case, cut, near, project, stockpile

from models.scenario.references import Case
from optimizer.errors import Infeasible
from optimizer.model.instance import read_instance
from optimizer.model.scenario_data import compute_availability
from optimizer.model.states import State, hazards_without_events, read_states, sample_states
from optimizer.solve import planner

MANY = 20_000
EVEN = {"calm": {"calm": 0.8, "tense": 0.2}, "tense": {"calm": 0.4, "tense": 0.6}}
TURNS = {"calm": {"tense": 1.0}, "tense": {"calm": 1.0}}


def hazard(probability: Any = 0.3, **profiles: tuple[float, list[float]]) -> Raw:
    """One that takes all that comes from CN, by profile: its probability and losses by period."""
    return {
        "annual_probability": probability,
        "profiles": {
            name: {"probability": share, "effects": [{"country": "CN", "loss": loss}]}
            for name, (share, loss) in profiles.items()
        },
    }


def sampled(
    states: int = MANY,
    hazards: Raw | None = None,
    projects: Raw | None = None,
    regimes: Raw | None = None,
    **sample: Any,
) -> Raw:
    """Four years of four periods."""
    drawn: Raw = {"sample": {"states": states, "seed": 1} | sample}
    return case(
        horizon={"first_year": 2026, "last_year": 2029, "periods_per_year": 4},
        supply=CHINA,
        hazards=hazards or {},
        projects=projects or {},
        uncertainty=drawn if regimes is None else drawn | {"regimes": regimes},
    )


def draw(raw: Raw) -> tuple[State, ...]:
    return read_states(read_instance(Case.model_validate(raw)))


def is_near(count: int, probability: float, of: int = MANY) -> bool:
    """Whether a frequency lies within four standard errors of its probability."""
    return abs(count - of * probability) <= 4 * math.sqrt(of * probability * (1 - probability))


# Profiles


THREE = {"short": (0.6, [1.0]), "long": (0.3, [1.0] * 6), "slight": (0.1, [0.2])}


@pytest.mark.parametrize("method", ["random", "stratified"])
def test_each_event_goes_by_a_profile_as_often_as_it_should(method: str) -> None:
    states = draw(sampled(hazards={"stop": hazard(0.5, **THREE)}, method=method))
    ways = Counter(way for state in states for way, _ in state.events)
    assert set(ways) == {"stop.short", "stop.long", "stop.slight"}
    expected = [ways.total() * share for share, _ in THREE.values()]
    counts = [ways[f"stop.{name}"] for name in THREE]
    assert stats.chisquare(counts, expected).pvalue > 1e-4
    # Whether it goes by one says nothing of the period in which it begins.
    at = Counter((way, k % 4) for state in states for way, k in state.events if k < 4)
    table = [[at[f"stop.{name}", k] for k in range(4)] for name in THREE]
    assert stats.chi2_contingency(table).pvalue > 1e-4


def test_an_event_keeps_others_away_as_long_as_its_own_profile_lasts() -> None:
    """Sure to strike in each year: after a long one of six periods the next start is discarded
    where it falls into it, after a short one none is."""
    for state in draw(sampled(3000, {"stop": hazard(1, **THREE)})):
        for (way, at), (_, after) in zip(state.events, state.events[1:], strict=False):
            assert after - at >= (6 if way == "stop.long" else 1)
        for year in {0, 1, 2, 3} - {k // 4 for _, k in state.events}:
            way, k = max((e for e in state.events if e[1] < 4 * year), key=lambda e: e[1])
            assert way == "stop.long"
            assert k + 6 > 4 * year


def test_profiles_leave_all_other_draws_as_they_were() -> None:
    works = {"works": project(success_probability=0.6, delay_years={0: 0.5, 1: 0.5})}
    other = cut([0.5, 0.5])
    plain = draw(sampled(300, {"stop": hazard(0.4, all=(1.0, [1.0, 1.0]))} | other, works))
    split = draw(
        sampled(300, {"stop": hazard(0.4, a=(0.5, [1.0, 1.0]), b=(0.5, [0.1, 0.2]))} | other, works)
    )
    for one, two in zip(plain, split, strict=True):
        assert (one.failed_projects, one.delays) == (two.failed_projects, two.delays)
        assert [(way.partition(".")[0], k) for way, k in one.events] == [
            (way.partition(".")[0], k) for way, k in two.events
        ]


def test_a_hazard_of_which_one_profile_strikes_does_strike() -> None:
    raw = sampled(50, {"stop": hazard(0.5, a=(0.999999, [1.0]), b=(0.000001, [0.5]))})
    instance = read_instance(Case.model_validate(raw))
    assert hazards_without_events(instance, read_states(instance)) == ()


def written(**fields: Any) -> Raw:
    """One year of four periods, CN alone, that strikes by one profile or the other, or not."""
    profiles = hazard(0.1, short=(0.5, [1.0]), long=(0.5, [1.0, 1.0, 0.5]))
    events = [{"hazard": "stop", "start": 2026, "period": 2}]
    return case(
        horizon={"first_year": 2026, "last_year": 2026, "periods_per_year": 4},
        supply=CHINA,
        hazards={"stop": profiles},
        uncertainty={
            "states": [
                {"probability": 0.5, "events": [events[0] | {"profile": "short"}]},
                {"probability": 0.25, "events": [events[0] | {"profile": "long"}]},
                {"probability": 0.25},
            ]
        },
        **fields,
    )


@pytest.mark.parametrize("method", ["extensive", "decomposition"])
def test_written_profiles_by_hand(method: planner.Method) -> None:
    """25 t are needed in a period, 0.1 million EUR a tonne. Short: 25 t missing; long: 62.5. With
    30 t in stock 0 and 32.5 are left: 0.5 * 2.5 + 0.25 * 6.25 before, 0.25 * 3.25 after."""
    raw = written(stockpiles=[stockpile(initial_t=30)])
    instance = read_instance(Case.model_validate(raw))
    left = [compute_availability(instance, s)["ore", "CN"].tolist() for s in read_states(instance)]
    assert left == [[1, 0, 1, 1], [1, 0, 0, 0.5], [1, 1, 1, 1]]
    for initial, expected in ((0, 2.8125), (30, 0.8125)):
        raw = written(stockpiles=[stockpile(initial_t=initial, max_purchase_t_per_year=0)])
        plan = planner.solve_to_plan(Case.model_validate(raw), method=method, threads=1)
        assert plan.outcome.expected == near(expected)
        answer = best(raw)
        assert answer is not None
        assert answer.objective == near(expected)


@pytest.mark.quick(every=4)
@pytest.mark.parametrize("seed", range(12))
def test_profiles_are_worth_what_hazards_of_their_own_are(seed: int) -> None:
    """An event that names a profile is one of another hazard with the effects of that profile."""
    apart = small_case(random.Random(f"profiles {seed}").choice)
    together, ways = dict(apart), apart["hazards"]
    together["hazards"] = {
        "one": {
            "annual_probability": 0.1,
            "profiles": {
                name: {"probability": 1 / len(ways), "effects": own["effects"]}
                for name, own in ways.items()
            },
        }
    }
    states = []
    for state in apart["uncertainty"]["states"]:
        named = [e | {"hazard": "one", "profile": e["hazard"]} for e in state.get("events", [])]
        states.append(state | {"events": named})
    together["uncertainty"] = {"states": states}
    methods: tuple[planner.Method, ...] = ("extensive", "decomposition")
    for method in methods:
        one, two = (optimum(raw, method) for raw in (apart, together))
        assert two == (one if one is None else pytest.approx(one, rel=3e-6, abs=1e-7))


def optimum(raw: Raw, method: planner.Method) -> float | None:
    """None where the rules allow no plan."""
    try:
        plan = planner.solve_to_plan(Case.model_validate(raw), method=method, threads=1, gap=1e-7)
    except Infeasible:
        return None
    return plan.certificate.objective


# Years


def strikes(states: tuple[State, ...], of: str = "stop") -> list[int]:
    """In how many states an event begins, by year."""
    at = Counter(k // 4 for s in states for way, k in s.events if way.partition(".")[0] == of)
    return [at[year] for year in range(4)]


def test_a_probability_may_change_over_the_years() -> None:
    """0 in 2026, 0.25 and 0.5 between, 0.75 in 2029."""
    raw = sampled(hazards={"stop": hazard({2026: 0, 2029: 0.75}, a=(1.0, [0.5]))})
    found = strikes(draw(raw))
    assert found[0] == 0
    for count, probability in zip(found[1:], (0.25, 0.5, 0.75), strict=True):
        assert is_near(count, probability)


def test_a_sure_chain_of_regimes_by_hand() -> None:
    """Calm and tense by turns: in tense years 0.3 * 4 is certain, in calm ones 0.3 * 0 never."""
    own = hazard(0.3, a=(1.0, [0.5])) | {"regime_factors": {"tense": 4, "calm": 0}}
    chain = {"first": {"calm": 1.0}, "yearly": TURNS}
    states = draw(sampled(50, {"stop": own}, regimes=chain))
    for state in states:
        assert state.regimes == ("calm", "tense", "calm", "tense")
        assert [k // 4 for _, k in state.events] == [1, 3]


@pytest.mark.parametrize("method", ["random", "stratified"])
def test_regimes_follow_the_chain_and_drive_hazards(method: str) -> None:
    own = hazard(0.1, a=(1.0, [0.5])) | {"regime_factors": {"tense": 4}}
    chain = {"first": {"calm": 0.7, "tense": 0.3}, "yearly": EVEN}
    states = draw(sampled(hazards={"stop": own}, regimes=chain, method=method))
    tense, step = np.array([0.7, 0.3]), np.array([[0.8, 0.2], [0.4, 0.6]])
    for year in range(4):
        count = sum(state.regimes[year] == "tense" for state in states)
        assert is_near(count, tense[1])
        assert is_near(strikes(states)[year], 0.1 + 0.3 * tense[1])
        tense = tense @ step
    stays = sum(state.regimes[1:3] == ("tense", "tense") for state in states)
    assert is_near(stays, float((np.array([0.7, 0.3]) @ step)[1]) * 0.6)
    struck = sum(any(k < 4 for _, k in s.events) and s.regimes[0] == "tense" for s in states)
    assert is_near(struck, 0.3 * 0.4)


def test_regimes_leave_all_other_draws_as_they_were() -> None:
    """Without a factor nothing happens; with one, events of that hazard are added alone."""
    hazards = {"stop": hazard(0.2, **THREE)} | cut([0.5])
    works = {"works": project(success_probability=0.6, delay_years={0: 0.5, 1: 0.5})}
    chain = {"first": {"calm": 0.7, "tense": 0.3}, "yearly": EVEN}
    plain = draw(sampled(300, hazards, works))
    for regimes, raised in ((chain, False), (chain, True)):
        own = hazards["stop"] | ({"regime_factors": {"tense": 3}} if raised else {})
        after = draw(sampled(300, hazards | {"stop": own}, works, regimes))
        for one, two in zip(plain, after, strict=True):
            assert (one.failed_projects, one.delays) == (two.failed_projects, two.delays)
            assert [e for e in one.events if e[0] == "cut"] == [
                e for e in two.events if e[0] == "cut"
            ]
            assert raised or one.events == two.events
        more = sum(strikes(after)) - sum(strikes(plain))
        assert more > 0 if raised else more == 0


def test_a_longer_horizon_and_more_states_keep_the_regimes_of_earlier_ones() -> None:
    own = hazard(0.2, **THREE) | {"regime_factors": {"tense": 3}}
    chain = {"first": {"calm": 0.7, "tense": 0.3}, "yearly": EVEN}
    raw = sampled(100, {"stop": own}, regimes=chain)
    longer = raw | {"horizon": raw["horizon"] | {"last_year": 2032}}
    instance = read_instance(Case.model_validate(raw))
    states = read_states(instance)
    for one, two in zip(states, draw(longer), strict=True):
        assert one.regimes == two.regimes[:4]
        assert one.events == tuple(e for e in two.events if e[1] < 16)
    more = sample_states(instance, 200, 1)
    assert [(s.events, s.regimes) for s in more[:100]] == [(s.events, s.regimes) for s in states]
    assert sample_states(instance, 200, 1, block=slice(70, 130)) == more[70:130]


def test_written_regimes_hold_until_the_next() -> None:
    raw = sampled(1)
    chain = {"first": {"calm": 1.0}, "yearly": TURNS}
    states = [
        {"probability": 0.5, "regimes": {2026: "calm", 2028: "tense"}},
        {"probability": 0.25, "regimes": {2027: "tense"}},
        {"probability": 0.25},
    ]
    for also in ({}, {"regimes": chain}):
        found = draw(raw | {"uncertainty": {"states": states} | also})
        assert [s.regimes for s in found] == [
            ("calm", "calm", "tense", "tense"),
            ("", "tense", "tense", "tense"),
            (),
        ]


# Projects


def pair(correlation: float | None, states: int = MANY, **more: Any) -> tuple[State, ...]:
    """Two projects, one that fails with 0.2 and is late with 0.5, one with 0.3 and 0.4."""
    both = {
        "a": project(success_probability=0.8, delay_years={0: 0.5, 1: 0.3, 3: 0.2}),
        "b": project(success_probability=0.7, delay_years={0: 0.6, 2: 0.4}),
    }
    asked = {} if correlation is None else {"project_correlation": correlation}
    return draw(sampled(states, cut([0.5]), both | more.pop("projects", {}), **asked, **more))


BAD: list[tuple[Callable[[State], bool], float]] = [
    (lambda s: "a" in s.failed_projects, 0.2),
    (lambda s: "b" in s.failed_projects, 0.3),
    (lambda s: s.realization("a").delay > 0, 0.5),
    (lambda s: s.realization("a").delay > 1, 0.2),
    (lambda s: s.realization("b").delay > 0, 0.4),
]
"""What goes wrong, and its probability."""


@pytest.mark.quick(every=5)
@pytest.mark.parametrize("method", ["random", "stratified"])
@pytest.mark.parametrize("correlation", [0.3, 0.8, 1.0])
def test_joint_failures_of_projects_follow_the_copula(correlation: float, method: str) -> None:
    """Marginal frequencies are unchanged; joint frequencies follow the bivariate normal
    distribution, for failures and delays of one project or two."""
    states = pair(correlation, method=method)
    hits = np.array([[wrong(state) for wrong, _ in BAD] for state in states])
    for n, (_, chance) in enumerate(BAD):
        assert is_near(int(hits[:, n].sum()), chance)
        for m, (_, other) in enumerate(BAD[:n]):
            if {n, m} == {2, 3}:  # of one draw
                continue
            at = stats.norm.ppf([chance, other])
            covariance = [[1, correlation], [correlation, 1]]
            normal = stats.multivariate_normal(cov=covariance, allow_singular=True)
            joint = normal.cdf(at) if correlation < 1 else min(chance, other)
            assert is_near(int((hits[:, n] & hits[:, m]).sum()), float(joint))


def test_without_correlation_draws_are_what_they_were() -> None:
    assert pair(0.0, 500) == pair(None, 500)
    assert pair(1e-12, 500) == pair(None, 500)


def test_correlation_leaves_events_alone_and_another_project_leaves_all() -> None:
    plain, tied = pair(None, 300), pair(0.7, 300)
    assert [s.events for s in plain] == [s.events for s in tied]
    more = pair(0.7, 300, projects={"c": project(success_probability=0.5)})
    for one, two in zip(tied, more, strict=True):
        assert one.failed_projects == two.failed_projects - {"c"}
        assert one.delays == two.delays


def test_fresh_states_are_correlated_as_the_sample_is() -> None:
    raw = sampled(5, projects={"a": project(success_probability=0.8)}, project_correlation=0.4)
    instance = read_instance(Case.model_validate(raw))
    assert sample_states(instance, 5, 1) == read_states(instance)


def test_what_is_certain_stays_certain_together() -> None:
    both = {
        "safe": project(success_probability=1, delay_years={0: 0.0, 2: 1.0}),
        "doomed": project(success_probability=0),
    }
    for state in pair(1.0, 300, projects=both):
        assert state.failed_projects & set(both) == {"doomed"}
        assert state.realization("safe").delay == 2
