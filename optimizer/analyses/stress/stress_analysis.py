"""A disruption, period by period: what is short, who is hit, and how long stocks last."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from models.language import tr
from models.results import stress as results
from models.results.stress import Stress, StressCase, StressEvent, StressPeriod
from models.scenario.chains import chain_of
from optimizer.analyses.analysis_io import AnalysisInput, AnalysisOutcome
from optimizer.analyses.evaluation.transferred_plans import transfer_plan
from optimizer.analyses.result_fields import common_result_fields
from optimizer.analyses.stress.options import HazardEvent, StressOptions
from optimizer.analyses.stress.simulation import Simulation, simulate_state
from optimizer.errors import Misuse
from optimizer.model.commitment import Commitment, planned_stock
from optimizer.model.instance import Floats, HazardData, Instance, ProfileData
from optimizer.model.states import State, read_states
from optimizer.solve.checked_solution import CheckedSolution
from optimizer.solve.figure_checks import SHORTAGE_TOLERANCE
from optimizer.solve.planner import Problem, solve_and_certify

EMPTY_SHARE = 1e-6
"""A stock is empty if less is left of it than this share of what it would hold at most."""
MIN_UNAIDED_PROBABILITY = 0.5
"""With events, a project comes without the plan's money if that is at least as likely."""
UNITS_PER_YEAR = {"year": 1, "quarter": 4, "month": 12}
"""How many of a unit of time make a year."""

Simulations = Mapping[StressCase, Simulation]


def run_analysis(analysis_input: AnalysisInput, options: StressOptions) -> AnalysisOutcome:
    """Stress a saved plan, or the best plan for a scenario, which is solved first."""
    if analysis_input.saved_plan is not None:
        if options.plan is not None:
            raise Misuse(tr("--plan goes with a scenario file, not with a saved plan."))
        found = analysis_input.saved_plan.solution
    elif options.plan is not None:
        assert analysis_input.read_plan is not None
        found = transfer_plan(
            analysis_input.read_plan(options.plan), analysis_input.reading, options.threads
        ).solution
    else:
        problem = Problem.from_case(analysis_input.reading.case)
        build_disruption(
            problem.instance, options
        )  # what cannot be asked is refused before a long solve
        found = solve_and_certify(
            problem,
            gap=options.gap,
            time_limit=options.time_limit,
            threads=options.threads,
            on_progress=options.on_progress,
        )
        stressed = compute_stress(
            found, options, analysis_input.title, analysis_input.variant, is_solved=True
        )
        code = 0 if found.certificate.status == "optimal" else 1
        return AnalysisOutcome(
            stressed, code, {"plan": found.to_plan(analysis_input.title, analysis_input.variant)}
        )
    return AnalysisOutcome(
        compute_stress(found, options, analysis_input.title, analysis_input.variant), 0
    )


# What comes


class Disruption(NamedTuple):
    """A state, the instance whose hazards it names, and how it was asked for."""

    instance: Instance
    state: State
    """Its probability is 1."""
    state_name: str | None
    """Of a written-out state."""
    events: list[StressEvent]


def build_disruption(instance: Instance, options: StressOptions) -> Disruption:
    """What was asked for, in the scenario of an instance.

    Raises Misuse where the scenario has no such hazard, state or time.
    """
    if options.state is not None:
        state = replace(_find_written_state(instance, options.state), probability=1.0)
        ways = instance.profiles
        events = [
            _stress_event(instance, ways[h], start, ways[h].duration) for h, start in state.events
        ]
        return Disruption(instance, state, state.name, events)
    known = instance.profiles
    hazards, events, struck = list(instance.hazards), [], []
    for number, strike in enumerate(options.events, 1):
        hazard, ids = known.get(strike.hazard), ", ".join(known) or "-"
        if hazard is None:
            raise Misuse(
                tr("There is no hazard '{id}'; there are {known}.", id=strike.hazard, known=ids)
            )
        start = _start_period(instance, strike)
        # No id has a space, so that this one stands for the event alone.
        periods, id = _event_length(instance, strike, hazard), f"{hazard.id} {number}"
        if strike.loss is None:
            own = with_length(hazard, periods, id)
        else:
            own = with_loss(hazard, periods, strike.loss, id)
        hazards.append(HazardData(own.id, np.zeros(len(instance.years)), {}, (own,)))
        struck.append((own.id, start))
        events.append(_stress_event(instance, hazard, start, own.duration, strike.loss))
    asked = replace(instance, hazards=tuple(hazards))
    state = State(
        "events", 1.0, tuple(struck), unaided_projects=frozenset(_likely_unaided(instance))
    )
    return Disruption(asked, state, None, events)


def _likely_unaided(instance: Instance) -> Iterator[str]:
    """Projects that are decided without anybody's money more likely than not."""
    for id, project in instance.case.projects.items():
        if (
            project.anyway is not None
            and float(project.anyway.probability) >= MIN_UNAIDED_PROBABILITY
        ):
            yield id


def _find_written_state(instance: Instance, name_or_number: str) -> State:
    """A written-out state, by its name or its number."""
    uncertainty = instance.case.uncertainty
    if uncertainty is None or uncertainty.states is None:
        raise Misuse(tr("The scenario writes no states out: say what comes with --event."))
    states = read_states(instance)
    for number, state in enumerate(states, 1):
        if name_or_number in (state.name, str(number)):
            return state
    names = ", ".join(f"'{state.name}'" for state in states)
    raise Misuse(
        tr("There is no state '{name}'; there are {known}.", name=name_or_number, known=names)
    )


def _start_period(instance: Instance, event: HazardEvent) -> int:
    """The period of the horizon in which an event starts."""
    first, last, n = instance.years[0], instance.years[-1], instance.periods_per_year
    year, period = event.year, event.period
    if not first <= year <= last:
        told = {"year": year, "first": first, "last": last}
        raise Misuse(tr("{year} is not in the horizon, which is {first} to {last}.", **told))
    if period > n:
        told = {"year": year, "period": period, "count": n}
        raise Misuse(tr("{year}.{period} is no period: a year has {count}.", **told))
    return (year - first) * n + period - 1


def _event_length(instance: Instance, event: HazardEvent, hazard: ProfileData) -> int:
    """How many periods an event lasts."""
    if event.length is None or event.unit == "period":
        return event.length or hazard.duration
    periods, rest = divmod(event.length * instance.periods_per_year, UNITS_PER_YEAR[event.unit])
    if rest:
        asked = {"length": f"{event.length} {event.unit}s", "periods": instance.periods_per_year}
        raise Misuse(
            tr("'for {length}' is no whole number of periods: a year has {periods}.", **asked)
        )
    return periods


def with_length(hazard: ProfileData, periods: int, id: str) -> ProfileData:
    """A hazard, or one profile of it, that lasts so many periods, under another id.

    Effects end with it. Where it lasts longer than it would, the last loss of those effects goes on
    that would last to its end; the others are over when they were.
    """
    effects = []
    for origin, remains in hazard.effects:
        if len(remains) == hazard.duration:
            remains = np.pad(remains, (0, max(0, periods - len(remains))), mode="edge")
        effects.append((origin, remains[:periods]))
    return replace(hazard, id=id, duration=periods, effects=tuple(effects))


def with_loss(hazard: ProfileData, periods: int, loss: float, id: str) -> ProfileData:
    """A hazard, or one profile of it, that takes this share of all that it strikes, for so many
    periods, under another id."""
    origins = dict.fromkeys(origin for origin, _ in hazard.effects)
    effects = tuple((origin, np.full(periods, 1 - loss)) for origin in origins)
    return replace(hazard, id=id, duration=periods, effects=effects)


def _stress_event(
    instance: Instance, profile: ProfileData, start: int, length: int, loss: float | None = None
) -> StressEvent:
    at, where = _stress_period(instance, start), {"hazard": profile.hazard, "profile": profile.name}
    return StressEvent(**where, start=at.year, period=at.period, periods=length, loss=loss)


# What it does


def compute_stress(
    solution: CheckedSolution,
    options: StressOptions,
    title: str | None = None,
    variant: str | None = None,
    *,
    is_solved: bool = False,
) -> Stress:
    """What a disruption does without a plan and with one.

    ``solved`` says that the plan's certificate is of this scenario.

    Raises Misuse where the scenario has no such hazard, state or time.
    """
    began = time.perf_counter()
    instance, state, name, events = build_disruption(solution.instance, options)
    commitments: dict[StressCase, Commitment] = {
        "market": Commitment(),
        "plan": solution.commitment,
    }
    lives = {case: simulate_state(instance, state, own) for case, own in commitments.items()}
    # From the first to the last period in which anything is open in any case.
    open_ = {
        m: np.any([lived.materials[m].uncovered > 0 for lived in lives.values()], axis=0)
        for m in instance.case.materials
        if m in lives["plan"].materials
    }
    materials = [m for m, own in open_.items() if own.any()]
    at = [k for k in range(len(instance.periods)) if any(own[k] for own in open_.values())]
    window = range(at[0], at[-1] + 1) if at else range(0)
    return Stress(
        state=name,
        events=tuple(sorted(events, key=lambda event: (event.start, event.period))),
        failed=tuple(p for p in instance.projects if p in state.failed_projects),
        late=dict(state.delays),
        unaided=tuple(p for p in instance.projects if p in state.unaided_projects),
        cases=tuple(commitments),
        periods=tuple(_stress_period(instance, k) for k in window),
        damage={case: math.fsum(lived.damage.values()) for case, lived in lives.items()},
        materials=tuple(_short_material(instance, m, lives, window) for m in materials),
        consumers=tuple(_hit_consumers(instance, materials, lives)),
        stocks=tuple(
            _stressed_stock(instance, h, commitments, lives, window)
            for h, pile in instance.stockpiles.items()
            if pile.material in materials
        ),
        plants=tuple(_stressed_plants(instance, materials, lives, window)),
        solved=is_solved,
        gap=solution.certificate.gap if is_solved else None,
        plan_objective=solution.certificate.objective,
        **common_result_fields(Stress, instance.case, title, variant, began),
    )


def _stress_period(instance: Instance, k: int) -> StressPeriod:
    year, period = divmod(k, instance.periods_per_year)
    return StressPeriod(year=instance.years[year], period=period + 1)


def _tonnes_converter(
    instance: Instance, m: str, window: range
) -> Callable[[Floats], tuple[float, ...]]:
    """What turns lots (K) of a material into tonnes, in the periods that are told of."""
    lot = instance.lot_tonnes[m]
    return lambda lots: tuple(float(lots[k]) * lot for k in window)


def _short_material(
    instance: Instance, m: str, simulations: Simulations, window: range
) -> results.ShortMaterial:
    tonnes = _tonnes_converter(instance, m, window)
    own = {case: lived.materials[m] for case, lived in simulations.items()}
    return results.ShortMaterial(
        id=m,
        demand_t=tonnes(own["market"].demand),
        need_t=tonnes(own["market"].need),
        market_t=tonnes(own["market"].market),
        delivered_t={case: tonnes(figures.delivered) for case, figures in own.items()},
        made_t={case: tonnes(figures.made) for case, figures in own.items()},
        taken_t={case: tonnes(figures.taken_in) for case, figures in own.items()},
        released_t={case: tonnes(figures.released) for case, figures in own.items()},
        missing_t={case: tonnes(figures.missing) for case, figures in own.items()},
        damage={
            case: math.fsum(cost for (_, of), cost in lived.damage.items() if of == m)
            for case, lived in simulations.items()
        },
    )


def _hit_consumers(
    instance: Instance, materials: list[str], simulations: Simulations
) -> Iterator[results.ConsumerShortage]:
    """Those who miss something of a material in any case."""
    for u, m in ((u, m) for u in instance.case.consumers for m in materials):
        if (u, m) not in instance.demand:
            continue
        lots = {case: float(lived.missing[u, m].sum()) for case, lived in simulations.items()}
        if max(lots.values()) > SHORTAGE_TOLERANCE * float(instance.demand[u, m].max()):
            yield results.ConsumerShortage(
                consumer=u,
                material=m,
                missing_t={case: own * instance.lot_tonnes[m] for case, own in lots.items()},
                damage={case: lived.damage[u, m] for case, lived in simulations.items()},
            )


def _stressed_plants(
    instance: Instance, materials: list[str], simulations: Simulations, window: range
) -> Iterator[results.StressedPlant]:
    """What could make anything of a chain that is short."""
    short = {own for m in materials for own in chain_of(instance.case, m)}
    at = {case: {it.plant.label: it for it in lived.plants} for case, lived in simulations.items()}
    plants = {it.plant.label: it for lived in simulations.values() for it in lived.plants}
    for label, one in sorted(plants.items(), key=lambda it: it[1].plant.capacity is None):
        own = {case: found[label] for case, found in at.items()}
        if one.output not in short or not any(it.could_make[window].any() for it in own.values()):
            continue
        lot = instance.lot_tonnes[one.output]
        yield results.StressedPlant(
            id=one.plant.id,
            project=one.plant.capacity is None,
            output=one.output,
            could_t={
                case: tuple(float(it.could_make[k]) * lot for k in window)
                for case, it in own.items()
            },
            made_t={
                case: tuple(float(it.made[k]) * lot for k in window) for case, it in own.items()
            },
        )


def _stressed_stock(
    instance: Instance,
    h: str,
    commitments: Mapping[StressCase, Commitment],
    simulations: Simulations,
    window: range,
) -> results.StressedStock:
    pile = instance.stockpiles[h]
    lot = instance.lot_tonnes[pile.material]
    begins: dict[StressCase, float] = {}
    empty: dict[StressCase, StressPeriod | None] = {}
    for case, lived in simulations.items():
        left, planned = lived.stock_left[h], planned_stock(instance, commitments[case], h)
        begins[case] = lot * (float(left[window[0] - 1]) if window[0] else pile.initial_lots)
        least = EMPTY_SHARE * float(planned.max())
        gone = (_stress_period(instance, k) for k in window if planned[k] > least >= left[k])
        empty[case] = next(gone, None)
    return results.StressedStock(
        id=h,
        material=pile.material,
        begins_t=begins,
        released_t={
            case: lot * float(lived.released[h].sum()) for case, lived in simulations.items()
        },
        left_t={
            case: tuple(max(0.0, float(lived.stock_left[h][k])) * lot for k in window)
            for case, lived in simulations.items()
        },
        empty=empty,
    )
