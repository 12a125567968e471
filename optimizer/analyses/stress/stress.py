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
from models.scenario.chains import tied_to
from optimizer.analyses.evaluation.elsewhere import in_world_of
from optimizer.analyses.head import head
from optimizer.analyses.running import Input, Outcome
from optimizer.analyses.stress.one_state import Lived, live_through
from optimizer.analyses.stress.options import StressOptions, Strike
from optimizer.errors import Misuse
from optimizer.model.commitment import Commitment, planned_stock
from optimizer.model.instance import Floats, HazardData, Instance, ProfileData
from optimizer.model.states import State, read_states
from optimizer.solve.checked_solution import Found
from optimizer.solve.identities import SHORT
from optimizer.solve.planner import Problem, find

EMPTY = 1e-6
"""A stock is empty if less is left of it than this share of what it would hold at most."""
LIKELY = 0.5
"""With events, a project comes without the plan's money if that is at least as likely."""
PARTS = {"year": 1, "quarter": 4, "month": 12}
"""How many of a unit of time make a year."""

Lives = Mapping[StressCase, Lived]


def run(given: Input, options: StressOptions) -> Outcome:
    """Stress a saved plan, or the best plan for a scenario, which is solved first."""
    if given.plan is not None:
        if options.plan is not None:
            raise Misuse(tr("--plan goes with a scenario file, not with a saved plan."))
        found = given.plan.found
    elif options.plan is not None:
        assert given.read_plan is not None
        found = in_world_of(given.read_plan(options.plan), given.reading, options.threads).found
    else:
        problem = Problem.of(given.reading.case)
        disruption(problem.instance, options)  # what cannot be asked is refused before a long solve
        found = find(
            problem,
            gap=options.gap,
            time_limit=options.time_limit,
            threads=options.threads,
            on_progress=options.on_progress,
        )
        stressed = stress(found, options, given.title, given.variant, solved=True)
        code = 0 if found.certificate.status == "optimal" else 1
        return Outcome(stressed, code, {"plan": found.plan(given.title, given.variant)})
    return Outcome(stress(found, options, given.title, given.variant), 0)


# What comes


class Disruption(NamedTuple):
    """A state, the instance whose hazards it names, and how it was asked for."""

    instance: Instance
    state: State
    """Its probability is 1."""
    name: str | None
    """Of a written-out state."""
    events: list[StressEvent]


def disruption(instance: Instance, options: StressOptions) -> Disruption:
    """What was asked for, in the scenario of an instance.

    Raises Misuse where the scenario has no such hazard, state or time.
    """
    if options.state is not None:
        state = replace(_written(instance, options.state), probability=1.0)
        ways = instance.profiles
        events = [_event(instance, ways[h], start, ways[h].length) for h, start in state.events]
        return Disruption(instance, state, state.name, events)
    known = instance.profiles
    hazards, events, struck = list(instance.hazards), [], []
    for number, strike in enumerate(options.events, 1):
        hazard, ids = known.get(strike.hazard), ", ".join(known) or "-"
        if hazard is None:
            raise Misuse(
                tr("There is no hazard '{id}'; there are {known}.", id=strike.hazard, known=ids)
            )
        start = _start(instance, strike)
        # No id has a space, so that this one stands for the event alone.
        periods, id = _length(instance, strike, hazard), f"{hazard.id} {number}"
        if strike.loss is None:
            own = lasting(hazard, periods, id)
        else:
            own = losing(hazard, periods, strike.loss, id)
        hazards.append(HazardData(own.id, np.zeros(len(instance.years)), {}, (own,)))
        struck.append((own.id, start))
        events.append(_event(instance, hazard, start, own.length, strike.loss))
    asked = replace(instance, hazards=tuple(hazards))
    state = State("events", 1.0, tuple(struck), unaided=frozenset(_unaided(instance)))
    return Disruption(asked, state, None, events)


def _unaided(instance: Instance) -> Iterator[str]:
    """Projects that are decided without anybody's money more likely than not."""
    for id, project in instance.case.projects.items():
        if project.anyway is not None and float(project.anyway.probability) >= LIKELY:
            yield id


def _written(instance: Instance, asked: str) -> State:
    """A written-out state, by its name or its number."""
    uncertainty = instance.case.uncertainty
    if uncertainty is None or uncertainty.states is None:
        raise Misuse(tr("The scenario writes no states out: say what comes with --event."))
    states = read_states(instance)
    for number, state in enumerate(states, 1):
        if asked in (state.name, str(number)):
            return state
    names = ", ".join(f"'{state.name}'" for state in states)
    raise Misuse(tr("There is no state '{name}'; there are {known}.", name=asked, known=names))


def _start(instance: Instance, strike: Strike) -> int:
    """The period of the horizon in which an event starts."""
    first, last, n = instance.years[0], instance.years[-1], instance.per_year
    year, period = strike.year, strike.period
    if not first <= year <= last:
        told = {"year": year, "first": first, "last": last}
        raise Misuse(tr("{year} is not in the horizon, which is {first} to {last}.", **told))
    if period > n:
        told = {"year": year, "period": period, "count": n}
        raise Misuse(tr("{year}.{period} is no period: a year has {count}.", **told))
    return (year - first) * n + period - 1


def _length(instance: Instance, strike: Strike, hazard: ProfileData) -> int:
    """How many periods an event lasts."""
    if strike.length is None or strike.unit == "period":
        return strike.length or hazard.length
    periods, rest = divmod(strike.length * instance.per_year, PARTS[strike.unit])
    if rest:
        asked = {"length": f"{strike.length} {strike.unit}s", "periods": instance.per_year}
        raise Misuse(
            tr("'for {length}' is no whole number of periods: a year has {periods}.", **asked)
        )
    return periods


def lasting(hazard: ProfileData, periods: int, id: str) -> ProfileData:
    """A hazard, or one profile of it, that lasts so many periods, under another id.

    Effects end with it. Where it lasts longer than it would, the last loss of those effects goes on
    that would last to its end; the others are over when they were.
    """
    effects = []
    for origin, remains in hazard.effects:
        if len(remains) == hazard.length:
            remains = np.pad(remains, (0, max(0, periods - len(remains))), mode="edge")
        effects.append((origin, remains[:periods]))
    return replace(hazard, id=id, length=periods, effects=tuple(effects))


def losing(hazard: ProfileData, periods: int, loss: float, id: str) -> ProfileData:
    """A hazard, or one profile of it, that takes this share of all that it strikes, for so many
    periods, under another id."""
    origins = dict.fromkeys(origin for origin, _ in hazard.effects)
    effects = tuple((origin, np.full(periods, 1 - loss)) for origin in origins)
    return replace(hazard, id=id, length=periods, effects=effects)


def _event(
    instance: Instance, way: ProfileData, start: int, length: int, loss: float | None = None
) -> StressEvent:
    at, where = _period(instance, start), {"hazard": way.hazard, "profile": way.name}
    return StressEvent(**where, start=at.year, period=at.period, periods=length, loss=loss)


# What it does


def stress(
    found: Found,
    options: StressOptions,
    title: str | None = None,
    variant: str | None = None,
    *,
    solved: bool = False,
) -> Stress:
    """What a disruption does without a plan and with one.

    ``solved`` says that the plan's certificate is of this scenario.

    Raises Misuse where the scenario has no such hazard, state or time.
    """
    began = time.perf_counter()
    instance, state, name, events = disruption(found.instance, options)
    commitments: dict[StressCase, Commitment] = {"market": Commitment(), "plan": found.commitment}
    lives = {case: live_through(instance, state, own) for case, own in commitments.items()}
    # From the first to the last period in which anything is open in any case.
    open_ = {
        m: np.any([lived.materials[m].open > 0 for lived in lives.values()], axis=0)
        for m in instance.case.materials
        if m in lives["plan"].materials
    }
    materials = [m for m, own in open_.items() if own.any()]
    at = [k for k in range(len(instance.periods)) if any(own[k] for own in open_.values())]
    window = range(at[0], at[-1] + 1) if at else range(0)
    return Stress(
        state=name,
        events=tuple(sorted(events, key=lambda event: (event.start, event.period))),
        failed=tuple(p for p in instance.projects if p in state.failed),
        late=dict(state.delays),
        unaided=tuple(p for p in instance.projects if p in state.unaided),
        cases=tuple(commitments),
        periods=tuple(_period(instance, k) for k in window),
        damage={case: math.fsum(lived.damage.values()) for case, lived in lives.items()},
        materials=tuple(_material(instance, m, lives, window) for m in materials),
        consumers=tuple(_consumers(instance, materials, lives)),
        stocks=tuple(
            _stock(instance, h, commitments, lives, window)
            for h, pile in instance.stockpiles.items()
            if pile.material in materials
        ),
        plants=tuple(_plants(instance, materials, lives, window)),
        solved=solved,
        gap=found.certificate.gap if solved else None,
        plan_objective=found.certificate.objective,
        **head(Stress, instance.case, title, variant, began),
    )


def _period(instance: Instance, k: int) -> StressPeriod:
    year, period = divmod(k, instance.per_year)
    return StressPeriod(year=instance.years[year], period=period + 1)


def _in_tonnes(instance: Instance, m: str, window: range) -> Callable[[Floats], tuple[float, ...]]:
    """What turns lots (K) of a material into tonnes, in the periods that are told of."""
    lot = instance.lot_t[m]
    return lambda lots: tuple(float(lots[k]) * lot for k in window)


def _material(instance: Instance, m: str, lives: Lives, window: range) -> results.ShortMaterial:
    tonnes = _in_tonnes(instance, m, window)
    own = {case: lived.materials[m] for case, lived in lives.items()}
    return results.ShortMaterial(
        id=m,
        demand_t=tonnes(own["market"].demand),
        need_t=tonnes(own["market"].need),
        market_t=tonnes(own["market"].market),
        delivered_t={case: tonnes(figures.delivered) for case, figures in own.items()},
        made_t={case: tonnes(figures.made) for case, figures in own.items()},
        taken_t={case: tonnes(figures.taken) for case, figures in own.items()},
        released_t={case: tonnes(figures.released) for case, figures in own.items()},
        missing_t={case: tonnes(figures.missing) for case, figures in own.items()},
        damage={
            case: math.fsum(cost for (_, of), cost in lived.damage.items() if of == m)
            for case, lived in lives.items()
        },
    )


def _consumers(
    instance: Instance, materials: list[str], lives: Lives
) -> Iterator[results.ConsumerHit]:
    """Those who miss something of a material in any case."""
    for u, m in ((u, m) for u in instance.case.consumers for m in materials):
        if (u, m) not in instance.demand:
            continue
        lots = {case: float(lived.missing[u, m].sum()) for case, lived in lives.items()}
        if max(lots.values()) > SHORT * float(instance.demand[u, m].max()):
            yield results.ConsumerHit(
                consumer=u,
                material=m,
                missing_t={case: own * instance.lot_t[m] for case, own in lots.items()},
                damage={case: lived.damage[u, m] for case, lived in lives.items()},
            )


def _plants(
    instance: Instance, materials: list[str], lives: Lives, window: range
) -> Iterator[results.StressedPlant]:
    """What could make anything of a chain that is short."""
    short = {own for m in materials for own in tied_to(instance.case, m)}
    at = {case: {it.plant.label: it for it in lived.plants} for case, lived in lives.items()}
    plants = {it.plant.label: it for lived in lives.values() for it in lived.plants}
    for label, one in sorted(plants.items(), key=lambda it: it[1].plant.capacity is None):
        own = {case: found[label] for case, found in at.items()}
        if one.output not in short or not any(it.could[window].any() for it in own.values()):
            continue
        lot = instance.lot_t[one.output]
        yield results.StressedPlant(
            id=one.plant.id,
            project=one.plant.capacity is None,
            output=one.output,
            could_t={
                case: tuple(float(it.could[k]) * lot for k in window) for case, it in own.items()
            },
            made_t={
                case: tuple(float(it.made[k]) * lot for k in window) for case, it in own.items()
            },
        )


def _stock(
    instance: Instance,
    h: str,
    commitments: Mapping[StressCase, Commitment],
    lives: Lives,
    window: range,
) -> results.StressedStock:
    pile = instance.stockpiles[h]
    lot = instance.lot_t[pile.material]
    begins: dict[StressCase, float] = {}
    empty: dict[StressCase, StressPeriod | None] = {}
    for case, lived in lives.items():
        left, planned = lived.left[h], planned_stock(instance, commitments[case], h)
        begins[case] = lot * (float(left[window[0] - 1]) if window[0] else pile.initial)
        least = EMPTY * float(planned.max())
        gone = (_period(instance, k) for k in window if planned[k] > least >= left[k])
        empty[case] = next(gone, None)
    return results.StressedStock(
        id=h,
        material=pile.material,
        begins_t=begins,
        released_t={case: lot * float(lived.released[h].sum()) for case, lived in lives.items()},
        left_t={
            case: tuple(max(0.0, float(lived.left[h][k])) * lot for k in window)
            for case, lived in lives.items()
        },
        empty=empty,
    )
