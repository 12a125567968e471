"""States of the world: written out, and sampled so that draws stay apart from each other."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from small import CHINA, Raw, case, cut, near, project, stockpile

from models.scenario.references import Case
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Instance, Realization, read_instance
from optimizer.model.scenario_data import (
    cap_surplus_offtake,
    compute_availability,
    compute_scenario_data,
    market_supply,
    project_output_lots,
)
from optimizer.model.states import State, read_states
from optimizer.solve import planner
from optimizer.solve.recourse import RecourseEvaluator

MANY = 20_000


def read(raw: Raw) -> Instance:
    return read_instance(Case.model_validate(raw))


# Written out.


def written(*states: Raw, **sections: Any) -> Raw:
    """Two years of four periods, ore and spice from CN and CL, works in CN that are worth 40 t."""
    everything: Raw = {
        "horizon": {"first_year": 2026, "last_year": 2027, "periods_per_year": 4},
        "materials": {m: {"price_eur_per_t": 1} for m in ("ore", "spice")},
        "demand": [
            {"consumer": "industry", "material": m, "t_per_year": 64} for m in ("ore", "spice")
        ],
        "damage": [
            {"material": m, "steps": [{"share": 1.0, "eur_per_t": 1e6}]} for m in ("ore", "spice")
        ],
        "supply": [
            {"material": m, "country": c, "share": 0.5}
            for m in ("ore", "spice")
            for c in ("CN", "CL")
        ],
        "projects": {"works": project(40, country="CN", market_finance_max=1, home_share=1)},
        "hazards": cut([1.0, 0.5, 0.25]),
        "uncertainty": {"states": list(states)},
    }
    return case(**(everything | sections))


def event(start: int, period: int = 1, hazard: str = "cut") -> Raw:
    return {"hazard": hazard, "start": start, "period": period}


def left(raw: Raw, material: str = "ore", country: str = "CN") -> list[float]:
    """Share that is left of an origin in each period of the only state."""
    instance = read(raw)
    (state,) = read_states(instance)
    return compute_availability(instance, state)[material, country].tolist()


def test_without_uncertainty_there_is_one_undisturbed_state() -> None:
    instance = read(case())
    assert read_states(instance) == (State("undisturbed", 1.0),)


def test_a_written_state_is_read_as_it_stands() -> None:
    """Period 3 of 2027 is the seventh of the horizon, 6 counted from 0."""
    raw = written(
        {"probability": 0.25, "events": [event(2027, 3), event(2026)]},
        {"name": "bad", "probability": 0.75, "failed_projects": ["works"]},
    )
    first, second = read_states(read(raw))
    assert first == State("state 1", 0.25, (("cut", 6), ("cut", 0)))
    assert second == State("bad", 0.75, failed_projects=frozenset({"works"}))
    raw = written({"probability": 1.0, "delayed_projects": {"works": 2}})
    assert read_states(read(raw))[0].realization("works").delay == 2
    assert read_states(read(raw))[0].realization("other").delay == 0


def test_a_loss_runs_from_the_period_named() -> None:
    raw = written({"probability": 1.0, "events": [event(2026, 3)]})
    assert left(raw) == [1, 1, 0, 0.5, 0.75, 1, 1, 1]
    assert left(raw, country="CL") == [1] * 8


def test_effects_beyond_the_horizon_are_cut_off() -> None:
    raw = written({"probability": 1.0, "events": [event(2027, 3)]})
    assert left(raw) == [1, 1, 1, 1, 1, 1, 0, 0.5]


def test_events_multiply() -> None:
    """Of two embargoes the second begins in the second period of the first: 0.5 * 0, 0.75 * 0.5."""
    again = cut([0.5, 0.5]) | {"again": cut([0.2] * 4)["cut"]}
    twice = [event(2026, 2), event(2026, 3)]
    raw = written({"probability": 1.0, "events": twice})
    assert left(raw) == [1, 0, 0, 0.375, 0.75, 1, 1, 1]
    raw = written(
        {"probability": 1.0, "events": [event(2026), event(2026, 2, "again")]}, hazards=again
    )
    assert left(raw) == near([0.5, 0.4, 0.8, 0.8, 0.8, 1, 1, 1])


def test_two_effects_of_one_hazard_multiply_too() -> None:
    hazards = cut([0.5])
    hazards["cut"]["effects"] *= 2
    raw = written({"probability": 1.0, "events": [event(2026)]}, hazards=hazards)
    assert left(raw)[0] == 0.25


def test_an_effect_strikes_the_materials_it_names() -> None:
    raw = written(
        {"probability": 1.0, "events": [event(2026)]}, hazards=cut([1.0], materials=["spice"])
    )
    assert left(raw, "ore") == [1] * 8
    assert left(raw, "spice") == [0] + [1] * 7


def test_a_hazard_affects_supply_and_projects_of_its_country() -> None:
    """Of 16 t a period CL gives 8, CN 8 and its works 10 less what is lost; a lot is 8 t."""
    instance = read(written({"probability": 1.0, "events": [event(2026)]}))
    (state,) = read_states(instance)
    ore, own = instance.nodes[0], compute_scenario_data(instance, state)
    assert instance.lot_tonnes["ore"] == 8
    assert (market_supply(instance, ore, own) * 8).tolist() == [8, 12, 14] + [16] * 5
    output = project_output_lots(instance, ore, own)["works", Realization()] * 8
    assert output.tolist() == [0, 5, 7.5] + [10] * 5


def test_a_country_that_supplies_nothing_can_still_be_struck() -> None:
    raw = written(
        {"probability": 1.0, "events": [event(2026)]},
        projects={"works": project(40, country="US")},
        hazards=cut([1.0], "US"),
    )
    assert left(raw, country="US") == [0] + [1] * 7


def damage(raw: Raw) -> list[float]:
    """Of each state, the works being built."""
    instance = read(raw)
    plan = Commitment({"works": 2026}, market={"works": 1.0}, offtake={("works", "common"): 1.0})
    recourse = RecourseEvaluator(instance, read_states(instance))
    point = recourse.columns.to_point(plan)
    return recourse.evaluate(point, recourse.probability[None]).damage.tolist()


def test_a_failure_beats_a_delay() -> None:
    """Nothing of 128 t of ore arrives; works of 40 t a year give 80, one year late 40."""
    states = [
        {"probability": 0.25},
        {"probability": 0.25, "delayed_projects": {"works": 1}},
        {"probability": 0.25, "failed_projects": ["works"]},
        {"probability": 0.25, "failed_projects": ["works"], "delayed_projects": {"works": 1}},
    ]
    raw = written(*states, supply=[{"material": "spice", "country": "CL", "share": 1.0}])
    assert damage(raw) == near([48.0, 88.0, 128.0, 128.0])


# Sampled.


def sampled(
    states: int,
    seed: int = 1,
    method: str = "random",
    last_year: int = 2029,
    hazards: Raw | None = None,
    **sections: Any,
) -> Raw:
    """Two hazards over four years of four periods, and works that may fail or come late."""
    both = cut([1.0, 0.5, 0.2]) | {
        "long": cut([0.5] * 9)["cut"] | {"annual_probability": 0.55},
        "short": cut([0.5])["cut"] | {"annual_probability": 0.3},
    }
    chancy = project(success_probability=0.8, delay_years={0: 0.5, 1: 0.3, 3: 0.2})
    return case(
        horizon={"first_year": 2026, "last_year": last_year, "periods_per_year": 4},
        supply=CHINA,
        hazards=both if hazards is None else hazards,
        projects=sections.pop("projects", {"works": chancy}),
        uncertainty={"sample": {"states": states, "seed": seed, "method": method}},
        **sections,
    )


def draw(raw: Raw) -> tuple[State, ...]:
    return read_states(read(raw))


def events(states: tuple[State, ...], hazard: str, before: int = 99) -> list[list[int]]:
    return [[at for h, at in s.events if h == hazard and at < before] for s in states]


def outcomes(states: tuple[State, ...], project: str) -> list[tuple[bool, int]]:
    return [(project in s.failed_projects, s.realization(project).delay) for s in states]


def test_sampled_states_are_equally_likely_and_reproducible() -> None:
    states = draw(sampled(200))
    assert [s.probability for s in states] == [1 / 200] * 200
    assert states == draw(sampled(200))


@pytest.mark.parametrize("method", ["random", "stratified"])
def test_another_seed_gives_other_states(method: str) -> None:
    one, two = draw(sampled(200, 1, method)), draw(sampled(200, 2, method))
    for hazard in ("cut", "long", "short"):
        assert events(one, hazard) != events(two, hazard)
    assert outcomes(one, "works") != outcomes(two, "works")


def test_streams_differ_from_each_other() -> None:
    """Two hazards, two projects or two years alike do not strike in the same states."""
    twin = cut([0.5])["cut"] | {"annual_probability": 0.5}
    chancy = project(success_probability=0.5, delay_years={0: 0.5, 1: 0.5})
    states = draw(sampled(200, hazards={"a": twin, "b": twin}, projects={"a": chancy, "b": chancy}))
    assert events(states, "a") != events(states, "b")
    for part in (0, 1):
        a, b = ([one[part] for one in outcomes(states, p)] for p in ("a", "b"))
        assert a != b
    by_year = [[any(at // 4 == y for at in own) for own in events(states, "a")] for y in range(4)]
    assert len({tuple(year) for year in by_year}) == 4


def test_the_first_half_of_twice_as_many_states_is_the_same() -> None:
    few, many = draw(sampled(150)), draw(sampled(300))
    for one, two in zip(few, many[:150], strict=True):
        assert (one.name, one.events, one.failed_projects, one.delays) == (
            two.name,
            two.events,
            two.failed_projects,
            two.delays,
        )


@pytest.mark.parametrize("method", ["random", "stratified"])
def test_what_is_added_leaves_other_draws_as_they_were(method: str) -> None:
    base = sampled(150, method=method)
    states = draw(base)
    more = {"first": project(success_probability=0.5)} | base["projects"]
    assert outcomes(draw(base | {"projects": more}), "works") == outcomes(states, "works")
    assert [s.events for s in draw(base | {"projects": more})] == [s.events for s in states]
    hazard = cut([1.0])["cut"] | {"annual_probability": 0.9}
    for wider in ({"first": hazard} | base["hazards"], base["hazards"] | {"last": hazard}):
        again = draw(base | {"hazards": wider})
        for name in base["hazards"]:
            assert events(again, name) == events(states, name)
        assert outcomes(again, "works") == outcomes(states, "works")
    variants = {"rich": {"set": {"funders.fund.budget_meur": 9}}}
    assert draw(base | {"variants": variants, "stockpiles": [stockpile()]}) == states


@pytest.mark.parametrize("method", ["random", "stratified"])
def test_a_longer_horizon_leaves_earlier_years_as_they_were(method: str) -> None:
    short, long = (draw(sampled(150, method=method, last_year=year)) for year in (2029, 2033))
    for hazard in ("cut", "long", "short"):
        assert events(short, hazard) == events(long, hazard, before=16)
    assert any(at >= 16 for own in events(long, "cut") for at in own)
    assert outcomes(short, "works") == outcomes(long, "works")


def test_another_probability_of_a_hazard_only_adds_events() -> None:
    """The same draws are compared with a larger probability."""
    rare, often = (
        draw(sampled(150, hazards={"cut": cut([1.0])["cut"] | {"annual_probability": p}}))
        for p in (0.1, 0.4)
    )
    for few, many in zip(events(rare, "cut"), events(often, "cut"), strict=True):
        assert set(few) <= set(many)


@pytest.mark.quick(1)
@pytest.mark.parametrize("method", ["random", "stratified"])
def test_no_event_of_a_hazard_starts_inside_a_running_one(method: str) -> None:
    states = draw(sampled(3000, method=method))
    for hazard, length in {"cut": 3, "long": 9, "short": 1}.items():
        gaps = [b - a for own in events(states, hazard) for a, b in itertools.pairwise(own)]
        assert min(gaps) >= length
        assert all(len({at // 4 for at in own}) == len(own) for own in events(states, hazard))


def test_events_of_different_hazards_overlap() -> None:
    states = draw(sampled(3000))
    both = zip(events(states, "long"), events(states, "short"), strict=True)
    assert any(0 < s - at < 9 for one, two in both for at in one for s in two)


@pytest.fixture(scope="module")
def crowd() -> tuple[State, ...]:
    return draw(sampled(MANY))


def is_near(count: int, probability: float, of: int = MANY) -> bool:
    """Whether a frequency lies within four standard errors of its probability."""
    return abs(count - of * probability) <= 4 * math.sqrt(of * probability * (1 - probability))


@pytest.mark.parametrize(("hazard", "probability"), [("cut", 0.1), ("short", 0.3), ("long", 0.55)])
def test_hazards_start_as_often_as_they_should(
    crowd: tuple[State, ...], hazard: str, probability: float
) -> None:
    """In the first year, and in each if it is over within the year; in each period alike."""
    at = Counter(at for own in events(crowd, hazard) for at in own)
    for year in range(4 if hazard == "short" else 1):
        counts = [at[year * 4 + k] for k in range(4)]
        assert is_near(sum(counts), probability)
        assert all(is_near(count, 1 / 4, of=sum(counts)) for count in counts)


def test_years_are_independent(crowd: tuple[State, ...]) -> None:
    strikes = np.array(
        [[any(at // 4 == y for at in own) for y in (0, 1)] for own in events(crowd, "short")]
    )
    assert is_near(int(strikes.all(axis=1).sum()), 0.3**2)


def test_projects_succeed_and_come_late_as_often_as_they_should(crowd: tuple[State, ...]) -> None:
    drawn = outcomes(crowd, "works")
    assert is_near(sum(failed for failed, _ in drawn), 0.2)
    late = Counter(delay for _, delay in drawn)
    assert set(late) == {0, 1, 3}
    for delay, probability in {0: 0.5, 1: 0.3, 3: 0.2}.items():
        assert is_near(late[delay], probability)
    assert is_near(sum(failed and delay == 3 for failed, delay in drawn), 0.2 * 0.2)


@pytest.mark.parametrize("count", [10, 97, 1000])
def test_stratified_draws_are_spread_evenly(count: int) -> None:
    """Of 97 states with probability 0.3 strike 29 or 30 in every year, where none is running."""
    states = draw(sampled(count, method="stratified"))
    at = Counter((y, at % 4) for own in events(states, "short") for at in own for y in [at // 4])
    for year in range(4):
        strikes = sum(at[year, k] for k in range(4))
        assert strikes in {math.floor(count * 0.3), math.ceil(count * 0.3)}
    drawn = outcomes(states, "works")
    assert sum(failed for failed, _ in drawn) in {math.floor(count * 0.2), math.ceil(count * 0.2)}
    late = Counter(delay for _, delay in drawn)
    for delay, probability in {0: 0.5, 1: 0.3, 3: 0.2}.items():
        assert abs(late[delay] - count * probability) < 1 + 1e-9


def test_stratified_draws_stand_in_random_order() -> None:
    """What is struck in one year says nothing of the next: about 0.3 of 0.3."""
    states = draw(sampled(2000, method="stratified"))
    strikes = np.array(
        [[any(at // 4 == y for at in own) for y in (0, 1)] for own in events(states, "short")]
    )
    assert is_near(int(strikes.all(axis=1).sum()), 0.3**2, of=2000)


@pytest.mark.parametrize("method", ["random", "stratified"])
def test_what_is_certain_and_what_cannot_be(method: str) -> None:
    hazards = {
        "sure": cut([1.0])["cut"] | {"annual_probability": 1},
        "never": cut([1.0])["cut"] | {"annual_probability": 0},
    }
    works = {
        "safe": project(success_probability=1, delay_years={0: 0.0, 2: 1.0}),
        "doomed": project(success_probability=0),
    }
    for one in draw(sampled(500, method=method, hazards=hazards, projects=works)):
        assert [h for h, _ in one.events] == ["sure"] * 4
        assert one.failed_projects == {"doomed"}
        assert (one.realization("safe").delay, one.realization("doomed").delay) == (2, 0)


# Very large projects


def test_of_a_very_large_project_no_more_is_reserved_than_can_be_used() -> None:
    """Demand is 10 t a year, output 1e6: 1e-5 covers it, twice that and half of it lost to a hazard
    and half to the ramp is 8e-5. Of 900 t, within 100 times the demand, all can be reserved."""
    raw = _of_sizes(1e6, 900.0)
    instance = read_instance(Case.model_validate(raw))
    held = cap_surplus_offtake(instance, read_states(instance))
    assert held.projects["giant"].offtake_max == pytest.approx(8e-5, rel=1e-12)
    assert held.projects["large"].offtake_max == 1.0
    small = read_instance(Case.model_validate(_of_sizes(1000.0, 900.0)))
    assert cap_surplus_offtake(small, read_states(small)) is small


@pytest.mark.parametrize("method", ["extensive", "decomposition"])
def test_a_millionth_of_a_very_large_project_is_not_for_nothing(method: planner.Method) -> None:
    """10 t a year missing at 1,000 EUR are 0.01 million a year, a share costs 5 million for all of
    it: nothing is built, though a ten-millionth of the project would cover all."""
    raw = _of_sizes(1e9, 1.0)
    plan = planner.solve_to_plan(Case.model_validate(raw), method=method, threads=1)
    assert plan.projects == ()
    assert plan.certificate.status == "optimal"
    assert plan.certificate.objective == pytest.approx(2 * 0.01, rel=1e-9)


def _of_sizes(giant: float, large: float) -> dict[str, Any]:
    """Two projects of that output where 10 t a year are missing in a state that halves output."""
    project = {"country": "CL", "capex_meur": 5, "ramp_up": [0.5, 1.0]}
    return {
        "schema_version": 1,
        "title": "Sizes",
        "horizon": {"first_year": 2026, "last_year": 2027},
        "materials": {"ore": {"price_eur_per_t": 100}},
        "consumers": {"industry": {}},
        "demand": [{"consumer": "industry", "material": "ore", "t_per_year": 10}],
        "damage": [{"material": "ore", "steps": [{"share": 1, "eur_per_t": 1000}]}],
        "projects": {
            "giant": {**project, "output_t_per_year": {"ore": giant}},
            "large": {**project, "output_t_per_year": {"ore": large}},
        },
        "funders": {
            "state": {"kind": "public", "instruments": {"equity": {"offtake_per_share": 1}}}
        },
        "hazards": {
            "flood": {"annual_probability": 0.1, "effects": [{"country": "CL", "loss": [0.5]}]}
        },
        "uncertainty": {
            "states": [{"probability": 1.0, "events": [{"hazard": "flood", "start": 2027}]}]
        },
        "objective": {"cost_weight": 1},
    }
