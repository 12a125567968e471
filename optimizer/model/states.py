"""States of the world: listed in the scenario file, or sampled from its hazards and other
uncertainty.

A period is hit if more than a certain share of the market supply of a material is lost, or of a
form from which conversions make it. The clock is 0 in the first period that is hit, and rises by 1
in each period. It stops after a certain number of consecutive periods without a hit.

Random draws come from counter-based streams, one for each seed, kind of draw, id and calendar year.
State number s uses the s-th number of each. So a new project, hazard or variant leaves all other
draws unchanged. If draws are independent, the first N of 2N states are those of a sample of N;
stratified draws change with the number of states.

A scenario with these states in place of its sample has the same states in the optimization problem,
down to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.faults import SourceLocation
from models.files.table_source import parse_number_cell
from models.scenario.case import Case
from models.scenario.chains import upstream_materials
from models.scenario.hazards import Event, Sample, State as WrittenState
from models.scenario.quantities import CalendarYear, Number, YearlyQuantity
from optimizer.model.instance import Floats, Instance, ProjectData, Realization
from optimizer.model.instance.components import yearly_values
from optimizer.model.instance.prices import read_written_price_states, sample_price_states
from optimizer.model.random_streams import draw_categories, draw_project_uniforms, draw_uniforms

ShareLeft = Callable[[tuple[str, str]], Floats]
"""(..., K) share that hazards leave of the supply from an origin."""

TRIGGER_TOLERANCE = 1e-9  # share of undisturbed supply by which a loss has to exceed the trigger


def compute_market_lots(
    instance: Instance, material: str, demand_factor: Floats, share_left: ShareLeft
) -> Floats:
    """Return the lots of a material from the market in each period (..., K). ``demand_factor``
    (..., 1 or K) multiplies demand, and with it the supply that is stated as a share of need."""
    extra_factor = demand_factor - 1.0
    lots = np.zeros((*extra_factor.shape[:-1], len(instance.periods)))
    for origin, supply in instance.supply.items():
        if origin[0] == material:
            supply = (
                supply[instance.year_index]
                + extra_factor * instance.need_linked_supply[origin][instance.year_index]
            )
            lots = lots + supply * share_left(origin)
    return lots


def find_hit_periods(
    instance: Instance,
    material: str,
    trigger_loss: float,
    demand_factors: Mapping[str, Floats],
    share_left: ShareLeft,
) -> NDArray[np.bool_]:
    """Return a boolean array (..., K): whether more than ``trigger_loss`` of the market supply of
    the material, or of any upstream form, is lost in a period. ``demand_factors`` has the factor
    (..., 1 or K) on the demand for each material, and 1 is used for materials that it lacks."""
    is_hit = np.zeros((), dtype=bool)
    for form in sorted(upstream_materials(instance.case, material)):
        factor = demand_factors.get(form, np.ones(1))
        undisturbed_lots = compute_market_lots(
            instance, form, factor, lambda _: np.ones(len(instance.periods))
        )
        is_hit = is_hit | (
            compute_market_lots(instance, form, factor, share_left)
            < (1 - trigger_loss - TRIGGER_TOLERANCE) * undisturbed_lots
        )
    return is_hit


def compute_clock_ages(hit_periods: NDArray[np.bool_], reset_periods: int) -> NDArray[np.int64]:
    """Return the age of the shortage clock in each period (..., K), -1 where it does not run. It
    still runs in the last of ``reset_periods`` consecutive periods without a hit."""
    ages = np.full(hit_periods.shape, -1)
    age, periods_without_hit = ages[..., 0], np.zeros(hit_periods.shape[:-1], dtype=np.int64)
    for k in range(hit_periods.shape[-1]):
        age = np.where((age >= 0) & (periods_without_hit < reset_periods), age + 1, -1)
        age = np.where((age < 0) & hit_periods[..., k], 0, age)
        periods_without_hit = np.where(hit_periods[..., k], 0, periods_without_hit + 1)
        ages[..., k] = age
    return ages


def compute_running_share(
    instance: Instance,
    project: ProjectData,
    price_state: NDArray[np.intp],
    demand_factors: Mapping[str, Floats],
    share_left: ShareLeft,
) -> Floats:
    """Return 1 for periods (..., K) in which a project runs without a price floor, and 0 for
    others. ``price_state`` (...) is the state of the price that decides this. While the price is
    below cash cost the plant is idle, except from age ``restart_periods`` of the shortage clock
    until the clock stops."""
    material = project.cash_cost_material
    if material is None:
        return np.ones(len(instance.periods))
    is_profitable = (instance.prices[material].price_by_state >= project.cash_cost)[price_state][
        ..., instance.year_index
    ]
    if is_profitable.all():
        return np.ones(len(instance.periods))
    trigger, reset = project.clock_settings
    age = compute_clock_ages(
        find_hit_periods(instance, material, trigger, demand_factors, share_left), reset
    )
    return np.where(is_profitable | (age >= max(0, project.restart_periods)), 1.0, 0.0)


@dataclass(frozen=True)
class State:
    """State of the world: one realization of everything uncertain over the horizon."""

    name: str
    probability: float
    events: tuple[tuple[str, int], ...] = ()
    """Events: id in ``Instance.profiles``, and first period."""
    failed_projects: frozenset[str] = frozenset()  # projects that never produce
    delays: tuple[tuple[str, int], ...] = ()  # delayed projects, and years of delay
    unaided_projects: frozenset[str] = frozenset()  # projects that are decided without support
    regimes: tuple[str, ...] = ()  # (Y) "" where unknown; none if the scenario has no regimes
    demand_factors: tuple[tuple[str, float | tuple[float, ...]], ...] = ()
    """By material, for all years or for each year (Y); 1 where absent."""
    price_states: tuple[tuple[str, int], ...] = ()
    """Index in ``PriceData.price_by_state``, by material whose price is sampled; the most likely
    price state where absent."""

    def realization(self, project: str) -> Realization:
        """Return the realization of a project that does not fail in this state."""
        return Realization(dict(self.delays).get(project, 0), project in self.unaided_projects)


def event_probabilities(instance: Instance) -> dict[str, Floats]:
    """Return, by hazard, the probability (R, Y) that an event starts in a year in which none is
    running: one row per regime, or a single one without regimes."""
    names = regime_names(instance) or ("",)
    return {
        h.id: np.minimum(
            np.outer([h.regime_factors.get(r, 1.0) for r in names], h.annual_probability), 1.0
        )
        for h in instance.hazards
    }


def regime_names(instance: Instance) -> tuple[str, ...]:
    """Return the names of the regimes in the scenario's Markov chain; empty if it has none."""
    uncertainty = instance.case.uncertainty
    chain = uncertainty.regimes if uncertainty is not None else None
    return tuple(chain.yearly) if chain is not None else ()


def count_states(case: Case) -> int:
    """Return the number of states that a scenario samples or lists; 1 if it has no uncertainty."""
    uncertainty = case.uncertainty
    if uncertainty is None:
        return 1
    return (
        int(uncertainty.sample.states)
        if uncertainty.sample is not None
        else len(uncertainty.states or ())
    )


def read_states(instance: Instance) -> tuple[State, ...]:
    """Return the states of a scenario: sampled, listed, or a single undisturbed one."""
    uncertainty = instance.case.uncertainty
    if uncertainty is not None and uncertainty.sample is not None:
        all_states = slice(0, int(uncertainty.sample.states))
        return _sample_states(instance, uncertainty.sample, all_states)
    if uncertainty is not None and uncertainty.states is not None:
        total = math.fsum(state.probability for state in uncertainty.states)
        # A file may round probabilities; differences of binary rounding are left alone.
        total = total if abs(total - 1) > 1e-12 else 1.0
        price_states = {
            m: read_written_price_states(data, m, instance.case, instance.years)
            for m, data in instance.prices.items()
            if data.is_sampled
        }
        return tuple(
            _read_written_state(
                instance,
                state,
                number,
                total,
                tuple((m, int(indices[number])) for m, indices in price_states.items()),
            )
            for number, state in enumerate(uncertainty.states)
        )
    return (State("undisturbed", 1.0),)


def sample_states(
    instance: Instance,
    count: int,
    seed: int,
    method: Literal["random", "stratified"] = "random",
    block: slice | None = None,
) -> tuple[State, ...]:
    """Sample ``count`` states of a scenario, regardless of the sample that the scenario defines.
    With ``block`` only this slice of the sample is returned; its states do not depend on the
    slice."""
    sample = Sample(
        states=Number(count),
        seed=Number(seed),
        method=method,
        project_correlation=read_project_correlation(instance),
    )
    return _sample_states(instance, sample, block or slice(0, count))


def read_project_correlation(instance: Instance) -> Number:
    """Return the correlation between projects in the sample of a scenario; 0 if it does not sample
    states."""
    uncertainty = instance.case.uncertainty
    sample = uncertainty.sample if uncertainty is not None else None
    return sample.project_correlation if sample is not None else Number(0)


def hazards_without_events(instance: Instance, states: tuple[State, ...]) -> tuple[str, ...]:
    """Return the ids of hazards that have no event in any of the states."""
    occurring_hazards = {
        instance.profiles[profile_id].hazard for state in states for profile_id, _ in state.events
    }
    return tuple(h.id for h in instance.hazards if h.id not in occurring_hazards)


def _read_written_state(
    instance: Instance,
    state: WrittenState,
    number: int,
    total_probability: float,
    price_states: tuple[tuple[str, int], ...],
) -> State:
    first_year, per_year = instance.years[0], instance.periods_per_year
    regime_by_year = dict(sorted(state.regimes.items()))
    regime_years = [
        max((y for y in regime_by_year if y <= year), default=None) for year in instance.years
    ]
    events = (
        (
            event.hazard if event.profile is None else f"{event.hazard}.{event.profile}",
            (event.start - first_year) * per_year + int(event.period) - 1,
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
        regimes=tuple("" if year is None else regime_by_year[year] for year in regime_years)
        if regime_by_year
        else (),
        demand_factors=tuple(
            (m, factor[0] if len(set(factor)) == 1 else factor)
            for m, x in state.demand.items()
            if set(factor := tuple(map(float, yearly_values(x, instance.years, 1.0)))) != {1.0}
        ),
        price_states=price_states,
    )


def _sample_states(instance: Instance, sample: Sample, block: slice) -> tuple[State, ...]:
    count, n = block.stop - block.start, instance.periods_per_year
    probabilities = event_probabilities(instance)
    names = regime_names(instance)
    regime = _sample_regimes(instance, sample, block)
    events: list[list[tuple[str, int]]] = [[] for _ in range(count)]
    for hazard in instance.hazards:
        profiles = hazard.profiles
        length = np.array([profile.duration for profile in profiles])
        running_until = np.zeros(count, dtype=np.intp)
        for position, year in enumerate(instance.years):
            event_draws = draw_uniforms(sample, block, "hazard", hazard.id, year, "strikes")
            period_draws = draw_uniforms(sample, block, "hazard", hazard.id, year, "period")
            start = position * n + np.minimum((period_draws * n).astype(np.intp), n - 1)
            probability = probabilities[hazard.id][regime[position], position]
            starts_event = (event_draws < probability) & (start >= running_until)
            profile = np.zeros(count, dtype=np.intp)
            if len(profiles) > 1:
                draws = draw_uniforms(sample, block, "hazard", hazard.id, year, "profile")
                profile = draw_categories([option.probability for option in profiles], draws)
            running_until = np.where(starts_event, start + length[profile], running_until)
            for s in np.flatnonzero(starts_event):
                events[s].append((profiles[profile[s]].id, int(start[s])))
    failed_projects: list[set[str]] = [set() for _ in range(count)]
    delays_by_state: list[list[tuple[str, int]]] = [[] for _ in range(count)]
    unaided_projects: list[set[str]] = [set() for _ in range(count)]
    for p in instance.projects.values():
        has_failed = draw_project_uniforms(sample, block, "success", p.id) >= p.success_probability
        for s in np.flatnonzero(has_failed):
            failed_projects[s].add(p.id)
        years_late = _sample_delays(
            p.delay_probability, draw_project_uniforms(sample, block, "delay", p.id)
        )
        for s in np.flatnonzero(years_late):
            delays_by_state[s].append((p.id, int(years_late[s])))
        if p.unaided_start_year is not None:
            for s in np.flatnonzero(
                draw_uniforms(sample, block, "anyway", p.id) < p.unaided_probability
            ):
                unaided_projects[s].add(p.id)
    demand: list[list[tuple[str, float]]] = [[] for _ in range(count)]
    uncertainty = instance.case.uncertainty
    for m, factors in uncertainty.demand.items() if uncertainty else ():
        probability = [float(factor.probability) for factor in factors]
        drawn_indices = draw_categories(probability, draw_uniforms(sample, block, "demand", m))
        for state_number, chosen_index in enumerate(drawn_indices):
            if float(factors[chosen_index].factor) != 1:
                demand[state_number].append((m, float(factors[chosen_index].factor)))
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
            frozenset(failed_projects[s]),
            tuple(delays_by_state[s]),
            frozenset(unaided_projects[s]),
            tuple(names[r] for r in regime[:, s]) if names else (),
            tuple(demand[s]),
            tuple((m, int(state_numbers[s])) for m, state_numbers in prices.items()),
        )
        for s in range(count)
    )


def _sample_delays(probabilities: Mapping[int, float], draws: Floats) -> NDArray[np.intp]:
    """Return the years of delay in each state (B); ``probabilities`` are by years of delay."""
    delays = sorted(probabilities)
    indices = draw_categories([probabilities[d] for d in delays], draws)
    return np.array(delays, dtype=np.intp)[indices]


def _sample_regimes(instance: Instance, sample: Sample, block: slice) -> NDArray[np.intp]:
    """Return the index of the regime in each year and each state of a block (Y, B); 0 if the
    scenario has no regimes."""
    regimes = np.zeros((len(instance.years), block.stop - block.start), dtype=np.intp)
    names, uncertainty = regime_names(instance), instance.case.uncertainty
    if uncertainty is None or uncertainty.regimes is None:
        return regimes
    chain = uncertainty.regimes
    transition = np.array(
        [[row.get(name, 0.0) for name in names] for row in (chain.first, *chain.yearly.values())]
    )
    transition /= transition.sum(axis=1, keepdims=True)  # 1, but for rounding in the file
    previous_regimes = np.full(regimes.shape[1], -1)
    for position, year in enumerate(instance.years):
        draws = draw_uniforms(sample, block, "regime", year)
        for previous_regime in np.unique(previous_regimes):
            in_regime = previous_regimes == previous_regime
            regimes[position, in_regime] = draw_categories(
                transition[previous_regime + 1].tolist(), draws[in_regime]
            )
        previous_regimes = regimes[position]
    return regimes


def sample_overruns(instance: Instance, project: str, count: int, seed: int) -> Floats:
    """Return the sampled capex overrun of a project in each of ``count`` states (N), as a share of
    capex.

    The same ``seed`` and ``count`` always give the same overruns.
    """
    correlation, overruns = read_project_correlation(instance), instance.projects[project].overruns
    sample = Sample(states=Number(count), seed=Number(seed), project_correlation=correlation)
    draws = draw_project_uniforms(sample, slice(0, count), "overrun", project)
    values = np.array([overrun for overrun, _ in overruns])
    return values[draw_categories([probability for _, probability in overruns], draws)]


def write_states(instance: Instance, states: Sequence[State]) -> Iterator[WrittenState]:
    """Yield each state as a scenario file writes it out."""
    prices = {
        m: [_write_price(instance, m, index) for index in range(len(data.price_by_state))]
        for m, data in instance.prices.items()
    }
    uncertainty = instance.case.uncertainty
    varying_demand = uncertainty.demand if uncertainty is not None else ()
    for state in states:
        factors = {**dict.fromkeys(varying_demand, 1.0), **dict(state.demand_factors)}
        yield WrittenState(
            name=state.name,
            probability=Number(state.probability),
            events=tuple(_write_event(instance, *event) for event in state.events),
            failed_projects=tuple(p for p in instance.projects if p in state.failed_projects),
            delayed_projects={p: Number(years) for p, years in state.delays},
            anyway=tuple(p for p in instance.projects if p in state.unaided_projects),
            regimes={
                year: regime
                for n, (year, regime) in enumerate(zip(instance.years, state.regimes, strict=False))
                if regime and (n == 0 or regime != state.regimes[n - 1])
            },
            demand={m: _write_factor(instance, factor) for m, factor in factors.items()},
            prices={m: prices[m][index] for m, index in state.price_states},
        )


def _write_event(instance: Instance, profile_id: str, start: int) -> Event:
    years, period = divmod(start, instance.periods_per_year)
    hazard = instance.profiles[profile_id].hazard
    return Event(
        hazard=hazard,
        start=CalendarYear(instance.years[0] + years),
        period=Number(period + 1),
        profile=None if profile_id == hazard else profile_id.removeprefix(f"{hazard}."),
    )


def _write_factor(instance: Instance, factor: float | tuple[float, ...]) -> YearlyQuantity:
    return _write_path(instance, np.broadcast_to(factor, len(instance.years)))


def _write_path(instance: Instance, values: Floats) -> YearlyQuantity:
    """Return a quantity with the given value in each year (Y)."""
    if (values == values[0]).all():
        return YearlyQuantity((), (Number(values[0]),))
    return YearlyQuantity(tuple(instance.years), tuple(map(Number, values)))


def _write_price(instance: Instance, material: str, index: int) -> str | YearlyQuantity:
    """Return the name of a price state, or its prices if the name is not unique, if it has none, or
    if a table would read the name as a number."""
    price_states = instance.case.materials[material].price_states
    if index < len(price_states) and (name := price_states[index].name) is not None:
        text = name.in_language()
        namesakes = [price_state for price_state in price_states if price_state.is_named(text)]
        if len(namesakes) == 1 and isinstance(
            parse_number_cell(text, SourceLocation("")).value, str
        ):
            return text
    return _write_path(instance, instance.prices[material].price_by_state[index])
