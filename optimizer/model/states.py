"""States of the world: written out in the file, or sampled from its hazards.

Random draws come from one counter-based stream for each seed, kind of draw, id and calendar
year; state number s takes the s-th number of each. A new project, hazard or variant leaves all
other draws as they were, and of independent draws the first N of 2N states are the same N;
stratified ones are spread anew.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.scenario.case import Case
from models.scenario.hazards import Sample
from models.scenario.hazards import State as WrittenState
from models.scenario.quantities import Number
from optimizer.model.instance import Floats, Instance, Realisation
from optimizer.model.instance.prices import price_state_of, sample_price_states
from optimizer.model.random_streams import draw_categories, draw_project_uniforms, draw_uniforms


@dataclass(frozen=True)
class State:
    """One way the coming years may go."""

    name: str
    probability: float
    events: tuple[tuple[str, int], ...] = ()
    """What strikes, by the ids of ``Instance.profiles``, and its first period."""
    failed_projects: frozenset[str] = frozenset()  # projects that never produce
    delays: tuple[tuple[str, int], ...] = ()  # years of delay of the first output, if any
    unaided_projects: frozenset[str] = (
        frozenset()
    )  # projects that are decided without anybody's money
    regimes: tuple[str, ...] = ()  # (Y) empty texts where it is not said; none without regimes
    demand_factors: tuple[
        tuple[str, float], ...
    ] = ()  # factors on demand, by material; 1 where not named
    price_states: tuple[tuple[str, int], ...] = ()
    """Price states, by material whose price is drawn; the most likely where not named."""

    def realisation(self, project: str) -> Realisation:
        """How a project comes that does not fail."""
        return Realisation(dict(self.delays).get(project, 0), project in self.unaided_projects)


@dataclass(frozen=True, eq=False)
class SamplingProbabilities:
    """Probabilities that states are drawn with."""

    event_probability: dict[str, Floats]
    """(R, Y) that a hazard starts in each year, where no event of it runs, by its regime: one row
    for each of ``regimes``, or a single one where there are none."""
    failure_probability: dict[str, float]  # that a project never produces

    @classmethod
    def from_instance(cls, instance: Instance) -> SamplingProbabilities:
        """Those of the scenario."""
        names = regime_names(instance) or ("",)
        strikes = {
            h.id: np.minimum(
                np.outer([h.regime_factors.get(r, 1.0) for r in names], h.annual_probability), 1.0
            )
            for h in instance.hazards
        }
        return cls(strikes, {p.id: 1 - p.success_probability for p in instance.projects.values()})


def regime_names(instance: Instance) -> tuple[str, ...]:
    """The regimes of the chain of years that states are drawn by; none without one."""
    uncertainty = instance.case.uncertainty
    chain = uncertainty.regimes if uncertainty is not None else None
    return tuple(chain.yearly) if chain is not None else ()


def regime_indices(instance: Instance, states: Sequence[State]) -> NDArray[np.intp]:
    """(S, Y) position of each year's regime in drawn states; 0 where there are none."""
    names = {name: number for number, name in enumerate(regime_names(instance))}
    if not names:
        return np.zeros((len(states), len(instance.years)), dtype=np.intp)
    return np.array([[names[name] for name in state.regimes] for state in states], dtype=np.intp)


def count_states(case: Case) -> int:
    """How many states a scenario draws, or writes out."""
    asked = case.uncertainty
    if asked is None:
        return 1
    return int(asked.sample.states) if asked.sample is not None else len(asked.states or ())


def read_states(instance: Instance) -> tuple[State, ...]:
    """The states of the world that a scenario asks for."""
    uncertainty = instance.case.uncertainty
    if uncertainty is not None and uncertainty.sample is not None:
        every = slice(0, int(uncertainty.sample.states))
        return _sample_states(instance, uncertainty.sample, None, every)
    if uncertainty is not None and uncertainty.states is not None:
        total = math.fsum(state.probability for state in uncertainty.states)
        # A file may round them; what is rounding of ours is left alone.
        total = total if abs(total - 1) > 1e-12 else 1.0
        return tuple(
            _read_written_state(instance, state, number, total)
            for number, state in enumerate(uncertainty.states)
        )
    return (State("undisturbed", 1.0),)


def sample_states(
    instance: Instance,
    count: int,
    seed: int,
    method: Literal["random", "stratified"] = "random",
    probabilities: SamplingProbabilities | None = None,
    block: slice | None = None,
) -> tuple[State, ...]:
    """So many states, drawn from a scenario's hazards, success and delay whatever it asks for;
    with other chances than the scenario's, where they are given. Of a ``block`` of them, those
    alone, each as it is among all."""
    sample = Sample(
        states=Number(count),
        seed=Number(seed),
        method=method,
        project_correlation=read_project_correlation(instance),
    )
    return _sample_states(instance, sample, probabilities, block or slice(0, count))


def read_project_correlation(instance: Instance) -> Number:
    """That of a scenario's projects; 0 where it samples no states."""
    uncertainty = instance.case.uncertainty
    sample = uncertainty.sample if uncertainty is not None else None
    return sample.project_correlation if sample is not None else Number(0)


def hazards_without_events(instance: Instance, states: tuple[State, ...]) -> tuple[str, ...]:
    """Hazards that strike in none of the states."""
    striking = {instance.profiles[way].hazard for state in states for way, _ in state.events}
    return tuple(h.id for h in instance.hazards if h.id not in striking)


def _read_written_state(
    instance: Instance, state: WrittenState, number: int, total_probability: float
) -> State:
    first, n = instance.years[0], instance.periods_per_year
    named = dict(sorted(state.regimes.items()))
    held = [max((y for y in named if y <= year), default=None) for year in instance.years]
    events = (
        (
            event.hazard if event.profile is None else f"{event.hazard}.{event.profile}",
            (event.start - first) * n + int(event.period) - 1,
        )
        for event in state.events
    )
    return State(
        name=state.name or f"state {number + 1}",
        probability=float(state.probability) / total_probability,
        events=tuple(events),
        failed_projects=frozenset(state.failed_projects),
        delays=tuple((p, int(d)) for p, d in state.delayed_projects.items() if d > 0),
        unaided_projects=frozenset(state.anyway),
        regimes=tuple("" if year is None else named[year] for year in held) if named else (),
        demand_factors=tuple((m, float(x)) for m, x in state.demand.items() if float(x) != 1),
        price_states=tuple(
            (m, price_state_of(data, instance.case.materials[m], m, state))
            for m, data in instance.prices.items()
            if data.is_sampled
        ),
    )


def _sample_states(
    instance: Instance, sample: Sample, probabilities: SamplingProbabilities | None, block: slice
) -> tuple[State, ...]:
    count, n = block.stop - block.start, instance.periods_per_year
    probabilities = probabilities or SamplingProbabilities.from_instance(instance)
    names = regime_names(instance)
    regime = _sample_regimes(instance, sample, block)
    events: list[list[tuple[str, int]]] = [[] for _ in range(count)]
    for hazard in instance.hazards:
        ways = hazard.profiles
        length = np.array([way.duration for way in ways])
        running_until = np.zeros(count, dtype=np.intp)
        for position, year in enumerate(instance.years):
            strikes = draw_uniforms(sample, block, "hazard", hazard.id, year, "strikes")
            period = draw_uniforms(sample, block, "hazard", hazard.id, year, "period")
            start = position * n + np.minimum((period * n).astype(np.intp), n - 1)
            chance = probabilities.event_probability[hazard.id][regime[position], position]
            begins = (strikes < chance) & (start >= running_until)
            way = np.zeros(count, dtype=np.intp)
            if len(ways) > 1:
                draws = draw_uniforms(sample, block, "hazard", hazard.id, year, "profile")
                way = draw_categories([own.probability for own in ways], draws)
            running_until = np.where(begins, start + length[way], running_until)
            for s in np.flatnonzero(begins):
                events[s].append((ways[way[s]].id, int(start[s])))
    failed: list[set[str]] = [set() for _ in range(count)]
    delays: list[list[tuple[str, int]]] = [[] for _ in range(count)]
    unaided: list[set[str]] = [set() for _ in range(count)]
    for p in instance.projects.values():
        fails = (
            draw_project_uniforms(sample, block, "success", p.id)
            >= 1 - probabilities.failure_probability[p.id]
        )
        for s in np.flatnonzero(fails):
            failed[s].add(p.id)
        late = _sample_delays(
            p.delay_probability, draw_project_uniforms(sample, block, "delay", p.id)
        )
        for s in np.flatnonzero(late):
            delays[s].append((p.id, int(late[s])))
        if p.unaided_year is not None:
            for s in np.flatnonzero(
                draw_uniforms(sample, block, "anyway", p.id) < p.unaided_probability
            ):
                unaided[s].add(p.id)
    demand: list[list[tuple[str, float]]] = [[] for _ in range(count)]
    uncertainty = instance.case.uncertainty
    for m, factors in uncertainty.demand.items() if uncertainty else ():
        chance = [float(one.probability) for one in factors]
        drawn = draw_categories(chance, draw_uniforms(sample, block, "demand", m))
        for number, place in enumerate(drawn):
            if float(factors[place].factor) != 1:
                demand[number].append((m, float(factors[place].factor)))
    prices = {
        m: sample_price_states(data, m, sample, block)
        for m, data in instance.prices.items()
        if data.is_sampled
    }
    return tuple(
        State(
            f"sampled {block.start + s + 1}",
            1 / int(sample.states),
            tuple(events[s]),
            frozenset(failed[s]),
            tuple(delays[s]),
            frozenset(unaided[s]),
            tuple(names[r] for r in regime[:, s]) if names else (),
            tuple(demand[s]),
            tuple((m, int(own[s])) for m, own in prices.items()),
        )
        for s in range(count)
    )


def _sample_delays(probabilities: Mapping[int, float], draws: Floats) -> NDArray[np.intp]:
    years = sorted(probabilities)
    at = draw_categories([probabilities[d] for d in years], draws)
    return np.array(years, dtype=np.intp)[at]


def _sample_regimes(instance: Instance, sample: Sample, block: slice) -> NDArray[np.intp]:
    """(Y, B) position of each year's regime in ``regimes``; 0 where there are none."""
    found = np.zeros((len(instance.years), block.stop - block.start), dtype=np.intp)
    names, uncertainty = regime_names(instance), instance.case.uncertainty
    if uncertainty is None or uncertainty.regimes is None:
        return found
    chain = uncertainty.regimes
    shares = np.array(
        [[row.get(to, 0.0) for to in names] for row in (chain.first, *chain.yearly.values())]
    )
    shares /= shares.sum(axis=1, keepdims=True)  # 1, but for rounding in the file
    before = np.full(found.shape[1], -1)
    for position, year in enumerate(instance.years):
        draws = draw_uniforms(sample, block, "regime", year)
        for number in np.unique(before):
            own = before == number
            found[position, own] = draw_categories(shares[number + 1].tolist(), draws[own])
        before = found[position]
    return found


def sample_overruns(instance: Instance, project: str, count: int, seed: int) -> Floats:
    """(N) shares of its capex that a project costs more, in as many states as are drawn with the
    same seed."""
    correlation, overruns = read_project_correlation(instance), instance.projects[project].overruns
    sample = Sample(states=Number(count), seed=Number(seed), project_correlation=correlation)
    draws = draw_project_uniforms(sample, slice(0, count), "overrun", project)
    values = np.array([by for by, _ in overruns])
    return values[draw_categories([chance for _, chance in overruns], draws)]
