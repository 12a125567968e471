"""Stress test of a plan: shortages, affected consumers, and how long stocks last."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from models.results import evaluation as results
from models.results.evaluation import Stress, StressCase, StressEvent, StressPeriod
from models.scenario.chains import SHORTAGE_TOLERANCE, chain_of
from optimizer.analyses.analysis_io import AnalysisInput, AnalysisOutcome
from optimizer.analyses.analysis_options import HazardEvent, StressOptions
from optimizer.analyses.evaluation.fresh_states import transfer_plan
from optimizer.analyses.saved_plan import common_result_fields
from optimizer.analyses.stress.simulation import Simulation, simulate_state
from optimizer.errors import Misuse
from optimizer.model.commitment import Commitment, planned_stock
from optimizer.model.instance import Floats, HazardData, Instance, ProfileData
from optimizer.model.states import State, read_states
from optimizer.solve.checked_solution import CheckedSolution
from optimizer.solve.planner import Problem, solve_and_certify

EMPTY_SHARE = 1e-6
"""A stock is empty if it holds at most this share of its highest planned level."""
MIN_UNAIDED_PROBABILITY = 0.5
"""With given events, projects with at least this unaided probability come without support."""
UNITS_PER_YEAR = {"year": 1, "quarter": 4, "month": 12}
"""Number of units of time in a year, by their name."""

Simulations = Mapping[StressCase, Simulation]


def run_analysis(analysis_input: AnalysisInput, options: StressOptions) -> AnalysisOutcome:
    """Run the stress test of a saved plan, or of the best plan for a scenario, which is solved
    first."""
    if analysis_input.saved_plan is not None:
        if options.plan is not None:
            raise Misuse("--plan goes with a scenario file, not with a saved plan.")
        solution = analysis_input.saved_plan.solution
    elif options.plan is not None:
        assert analysis_input.read_plan is not None
        solution = transfer_plan(
            analysis_input.read_plan(options.plan), analysis_input.reading, options.threads
        ).solution
    else:
        problem = Problem.from_case(analysis_input.reading.case)
        # Refuse invalid options before a long solve.
        build_disruption(problem.instance, options)
        solution = solve_and_certify(problem, **options.solver_options)
        result = compute_stress(
            solution, options, analysis_input.title, analysis_input.variant, is_solved=True
        )
        code = 0 if solution.certificate.status == "optimal" else 1
        return AnalysisOutcome(
            result, code, {"plan": solution.to_plan(analysis_input.title, analysis_input.variant)}
        )
    return AnalysisOutcome(
        compute_stress(solution, options, analysis_input.title, analysis_input.variant), 0
    )


# Disruptions


class Disruption(NamedTuple):
    """A state of the world to test, and the instance with the hazards of its events."""

    instance: Instance
    state: State
    """Its probability is 1."""
    state_name: str | None
    """Name of an explicit state; None for given events."""
    events: list[StressEvent]


def build_disruption(instance: Instance, options: StressOptions) -> Disruption:
    """Return the disruption that the options describe.

    Raises Misuse if the scenario does not have a hazard, state or period that they name.
    """
    if options.state is not None:
        state = replace(_find_explicit_state(instance, options.state), probability=1.0)
        profiles = instance.profiles
        events = [
            _stress_event(instance, profiles[h], start_period, profiles[h].duration)
            for h, start_period in state.events
        ]
        return Disruption(instance, state, state.name, events)
    profiles = instance.profiles
    hazards, events, event_starts = list(instance.hazards), [], []
    for number, event in enumerate(options.events, 1):
        hazard, ids = profiles.get(event.hazard), ", ".join(profiles) or "-"
        if hazard is None:
            raise Misuse(f"There is no hazard '{event.hazard}'; there are {ids}.")
        start_period = _start_period(instance, event)
        # Ids of a scenario have no spaces, so that this one is unique.
        periods, id = _event_length(instance, event, hazard), f"{hazard.id} {number}"
        if event.loss is None:
            profile = with_length(hazard, periods, id)
        else:
            profile = with_loss(hazard, periods, event.loss, id)
        hazards.append(HazardData(profile.id, np.zeros(len(instance.years)), {}, (profile,)))
        event_starts.append((profile.id, start_period))
        events.append(_stress_event(instance, hazard, start_period, profile.duration, event.loss))
    stressed_instance = replace(instance, hazards=tuple(hazards))
    state = State(
        "events", 1.0, tuple(event_starts), unaided_projects=frozenset(_likely_unaided(instance))
    )
    return Disruption(stressed_instance, state, None, events)


def _likely_unaided(instance: Instance) -> Iterator[str]:
    """Yield the ids of projects whose probability of being decided without support is high.

    The threshold is ``MIN_UNAIDED_PROBABILITY``.
    """
    for id, project in instance.case.projects.items():
        if (
            project.anyway is not None
            and float(project.anyway.probability) >= MIN_UNAIDED_PROBABILITY
        ):
            yield id


def _find_explicit_state(instance: Instance, name_or_number: str) -> State:
    """Return the explicit state with this name or number (from 1); raise Misuse if there is
    none."""
    uncertainty = instance.case.uncertainty
    if uncertainty is None or uncertainty.states is None:
        raise Misuse("The scenario writes no states out: say what comes with --event.")
    states = read_states(instance)
    for number, state in enumerate(states, 1):
        if name_or_number in (state.name, str(number)):
            return state
    names = ", ".join(f"'{state.name}'" for state in states)
    raise Misuse(f"There is no state '{name_or_number}'; there are {names}.")


def _start_period(instance: Instance, event: HazardEvent) -> int:
    """Return the index of the period in which an event starts; raise Misuse if there is no such
    period."""
    first_year, last_year, n = instance.years[0], instance.years[-1], instance.periods_per_year
    year, period = event.year, event.period
    if not first_year <= year <= last_year:
        placeholders = {"year": year, "first": first_year, "last": last_year}
        raise Misuse(
            "{year} is not in the horizon, which is {first} to {last}.".format(**placeholders)
        )
    if period > n:
        placeholders = {"year": year, "period": period, "count": n}
        raise Misuse("{year}.{period} is no period: a year has {count}.".format(**placeholders))
    return (year - first_year) * n + period - 1


def _event_length(instance: Instance, event: HazardEvent, hazard: ProfileData) -> int:
    """Return the number of periods that an event lasts; raise Misuse if it is not whole."""
    if event.length is None or event.unit == "period":
        return event.length or hazard.duration
    periods, remainder = divmod(
        event.length * instance.periods_per_year, UNITS_PER_YEAR[event.unit]
    )
    if remainder:
        placeholders = {
            "length": f"{event.length} {event.unit}s",
            "periods": instance.periods_per_year,
        }
        raise Misuse(
            "'for {length}' is no whole number of periods: a year has {periods}.".format(
                **placeholders
            )
        )
    return periods


def with_length(profile: ProfileData, periods: int, id: str) -> ProfileData:
    """Return a hazard profile that lasts ``periods`` periods, with another id.

    Effects are cut at the new end. If the profile becomes longer, effects that lasted to the old
    end keep their last loss until the new end; the other effects end as before.
    """
    effects = []
    for origin, remains in profile.effects:
        if len(remains) == profile.duration:
            remains = np.pad(remains, (0, max(0, periods - len(remains))), mode="edge")
        effects.append((origin, remains[:periods]))
    return replace(profile, id=id, duration=periods, effects=tuple(effects))


def with_loss(profile: ProfileData, periods: int, loss: float, id: str) -> ProfileData:
    """Return a hazard profile that takes the share ``loss`` of all that it affects, with another
    id.

    It lasts ``periods`` periods.
    """
    origins = dict.fromkeys(origin for origin, _ in profile.effects)
    effects = tuple((origin, np.full(periods, 1 - loss)) for origin in origins)
    return replace(profile, id=id, duration=periods, effects=effects)


def _stress_event(
    instance: Instance,
    profile: ProfileData,
    start_period: int,
    length: int,
    loss: float | None = None,
) -> StressEvent:
    first_period = _stress_period(instance, start_period)
    ids = {"hazard": profile.hazard, "profile": profile.name}
    return StressEvent(
        **ids, start=first_period.year, period=first_period.period, periods=length, loss=loss
    )


# Outcomes


def compute_stress(
    solution: CheckedSolution,
    options: StressOptions,
    title: str | None = None,
    variant: str | None = None,
    *,
    is_solved: bool = False,
) -> Stress:
    """Return the outcome of a disruption with and without a plan.

    ``is_solved`` states that the certificate of the plan is for this scenario. Raises Misuse if the
    scenario does not have a hazard, state or period that the options name.
    """
    started_at = time.perf_counter()
    instance, state, name, events = build_disruption(solution.instance, options)
    commitments: dict[StressCase, Commitment] = {
        "market": Commitment(),
        "plan": solution.commitment,
    }
    simulations = {
        case: simulate_state(instance, state, commitment)
        for case, commitment in commitments.items()
    }
    # From the first to the last period in which anything is uncovered in any case.
    uncovered = {
        m: np.any(
            [simulation.materials[m].uncovered > 0 for simulation in simulations.values()], axis=0
        )
        for m in instance.case.materials
        if m in simulations["plan"].materials
    }
    materials = [m for m, is_uncovered in uncovered.items() if is_uncovered.any()]
    uncovered_periods = [
        k
        for k in range(len(instance.periods))
        if any(is_uncovered[k] for is_uncovered in uncovered.values())
    ]
    window = (
        range(uncovered_periods[0], uncovered_periods[-1] + 1) if uncovered_periods else range(0)
    )
    return Stress(
        state=name,
        events=tuple(sorted(events, key=lambda event: (event.start, event.period))),
        failed=tuple(p for p in instance.projects if p in state.failed_projects),
        late=dict(state.delays),
        unaided=tuple(p for p in instance.projects if p in state.unaided_projects),
        cases=tuple(commitments),
        periods=tuple(_stress_period(instance, k) for k in window),
        damage={
            case: math.fsum(simulation.damage.values()) for case, simulation in simulations.items()
        },
        materials=tuple(_short_material(instance, m, simulations, window) for m in materials),
        consumers=tuple(_hit_consumers(instance, materials, simulations)),
        stocks=tuple(
            _stressed_stock(instance, h, commitments, simulations, window)
            for h, stockpile in instance.stockpiles.items()
            if stockpile.material in materials
        ),
        plants=tuple(_stressed_plants(instance, materials, simulations, window)),
        solved=is_solved,
        gap=solution.certificate.gap if is_solved else None,
        plan_objective=solution.certificate.objective,
        **common_result_fields(Stress, instance.case, title, variant, started_at),
    )


def _stress_period(instance: Instance, k: int) -> StressPeriod:
    year, period = divmod(k, instance.periods_per_year)
    return StressPeriod(year=instance.years[year], period=period + 1)


def _tonnes_converter(
    instance: Instance, m: str, window: range
) -> Callable[[Floats], tuple[float, ...]]:
    """Return a function that converts (K) lots of material ``m`` into tonnes, for the periods in
    ``window``."""
    lot_tonnes = instance.lot_tonnes[m]
    return lambda lots: tuple(float(lots[k]) * lot_tonnes for k in window)


def _short_material(
    instance: Instance, m: str, simulations: Simulations, window: range
) -> results.ShortMaterial:
    to_tonnes = _tonnes_converter(instance, m, window)
    figures_by_case = {case: simulation.materials[m] for case, simulation in simulations.items()}
    return results.ShortMaterial(
        id=m,
        demand_t=to_tonnes(figures_by_case["market"].demand),
        need_t=to_tonnes(figures_by_case["market"].need),
        market_t=to_tonnes(figures_by_case["market"].market),
        delivered_t={
            case: to_tonnes(figures.delivered) for case, figures in figures_by_case.items()
        },
        made_t={case: to_tonnes(figures.made) for case, figures in figures_by_case.items()},
        taken_t={case: to_tonnes(figures.taken_in) for case, figures in figures_by_case.items()},
        released_t={case: to_tonnes(figures.released) for case, figures in figures_by_case.items()},
        missing_t={case: to_tonnes(figures.missing) for case, figures in figures_by_case.items()},
        damage={
            case: math.fsum(
                cost for (_, material), cost in simulation.damage.items() if material == m
            )
            for case, simulation in simulations.items()
        },
    )


def _hit_consumers(
    instance: Instance, materials: list[str], simulations: Simulations
) -> Iterator[results.ConsumerShortage]:
    """Yield the shortages of each consumer and material with a shortage in any case."""
    for u, m in ((u, m) for u in instance.case.consumers for m in materials):
        if (u, m) not in instance.demand:
            continue
        lots = {
            case: float(simulation.missing[u, m].sum()) for case, simulation in simulations.items()
        }
        if max(lots.values()) > SHORTAGE_TOLERANCE * float(instance.demand[u, m].max()):
            yield results.ConsumerShortage(
                consumer=u,
                material=m,
                missing_t={
                    case: missing_lots * instance.lot_tonnes[m]
                    for case, missing_lots in lots.items()
                },
                damage={case: simulation.damage[u, m] for case, simulation in simulations.items()},
            )


def _stressed_plants(
    instance: Instance, materials: list[str], simulations: Simulations, window: range
) -> Iterator[results.StressedPlant]:
    """Yield the plants in chains of short materials that could make something within ``window``."""
    chain_materials = {material for m in materials for material in chain_of(instance.case, m)}
    plants_by_case = {
        case: {plant.plant.label: plant for plant in simulation.plants}
        for case, simulation in simulations.items()
    }
    plants = {
        plant.plant.label: plant
        for simulation in simulations.values()
        for plant in simulation.plants
    }
    for label, figures in sorted(plants.items(), key=lambda plant: plant[1].plant.capacity is None):
        plant_by_case = {case: case_plants[label] for case, case_plants in plants_by_case.items()}
        if figures.output not in chain_materials or not any(
            plant.could_make[window].any() for plant in plant_by_case.values()
        ):
            continue
        lot = instance.lot_tonnes[figures.output]
        yield results.StressedPlant(
            id=figures.plant.id,
            project=figures.plant.capacity is None,
            output=figures.output,
            could_t={
                case: tuple(float(plant.could_make[k]) * lot for k in window)
                for case, plant in plant_by_case.items()
            },
            made_t={
                case: tuple(float(plant.made[k]) * lot for k in window)
                for case, plant in plant_by_case.items()
            },
        )


def _stressed_stock(
    instance: Instance,
    h: str,
    commitments: Mapping[StressCase, Commitment],
    simulations: Simulations,
    window: range,
) -> results.StressedStock:
    stockpile = instance.stockpiles[h]
    lot = instance.lot_tonnes[stockpile.material]
    initial_tonnes: dict[StressCase, float] = {}
    first_empty_period: dict[StressCase, StressPeriod | None] = {}
    for case, simulation in simulations.items():
        stock_left, planned_lots = (
            simulation.stock_left[h],
            planned_stock(instance, commitments[case], h),
        )
        initial_tonnes[case] = lot * (
            float(stock_left[window[0] - 1]) if window[0] else stockpile.initial_lots
        )
        empty_below = EMPTY_SHARE * float(planned_lots.max())
        empty_periods = (
            _stress_period(instance, k)
            for k in window
            if planned_lots[k] > empty_below >= stock_left[k]
        )
        first_empty_period[case] = next(empty_periods, None)
    return results.StressedStock(
        id=h,
        material=stockpile.material,
        begins_t=initial_tonnes,
        released_t={
            case: lot * float(simulation.released[h].sum())
            for case, simulation in simulations.items()
        },
        left_t={
            case: tuple(max(0.0, float(simulation.stock_left[h][k])) * lot for k in window)
            for case, simulation in simulations.items()
        },
        empty=first_empty_period,
    )
