"""What comes, as a state of the world: events that were asked for, or a state written out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.language import tr
from models.results.stress import StressEvent
from optimizer.analyses.stress.options import StressOptions, Strike
from optimizer.errors import Misuse
from optimizer.model.instance import HazardData, Instance
from optimizer.model.states import State, read_states

PARTS = {"year": 1, "quarter": 4, "month": 12}
"""How many of a unit of time make a year."""


@dataclass(frozen=True, eq=False)
class Disruption:
    """A state, the instance whose hazards it names, and how it was asked for."""

    instance: Instance
    state: State
    """Its probability is 1."""
    name: str | None
    """Of a written-out state."""
    events: tuple[StressEvent, ...]


def disruption(instance: Instance, options: StressOptions) -> Disruption:
    """What was asked for, in the scenario of an instance.

    Raises Misuse where the scenario has no such hazard, state or time.
    """
    if options.state is None:
        return _of_events(instance, options.events)
    state = _written(instance, options.state)
    lengths = {h.id: h.length for h in instance.hazards}
    events = [_told(instance, h, start, lengths[h]) for h, start in state.events]
    return Disruption(instance, replace(state, probability=1.0), state.name, _sorted(events))


def _of_events(instance: Instance, strikes: tuple[Strike, ...]) -> Disruption:
    known = {h.id: h for h in instance.hazards}
    hazards, events, struck = list(instance.hazards), [], []
    for number, strike in enumerate(strikes, 1):
        hazard = known.get(strike.hazard)
        if hazard is None:
            raise Misuse(
                tr(
                    "There is no hazard '{id}'; there are {known}.",
                    id=strike.hazard,
                    known=", ".join(known) or "-",
                )
            )
        start = _start(instance, strike)
        # No id has a space, so that this one stands for the event alone.
        own = lasting(hazard, _length(instance, strike, hazard), f"{hazard.id} {number}")
        hazards.append(own)
        struck.append((own.id, start))
        events.append(_told(instance, hazard.id, start, own.length))
    state = State("events", 1.0, tuple(struck))
    return Disruption(replace(instance, hazards=tuple(hazards)), state, None, _sorted(events))


def _start(instance: Instance, strike: Strike) -> int:
    """The period of the horizon in which an event starts."""
    years, n = instance.years, instance.per_year
    if strike.year not in years:
        raise Misuse(
            tr(
                "{year} is not in the horizon, which is {first} to {last}.",
                year=strike.year,
                first=years[0],
                last=years[-1],
            )
        )
    if strike.period > n:
        raise Misuse(
            tr(
                "{year}.{period} is no period: a year has {count}.",
                year=strike.year,
                period=strike.period,
                count=n,
            )
        )
    return (strike.year - years[0]) * n + strike.period - 1


def _length(instance: Instance, strike: Strike, hazard: HazardData) -> int:
    """How many periods an event lasts."""
    if strike.length is None:
        return hazard.length
    if strike.unit == "period":
        return strike.length
    periods, rest = divmod(strike.length * instance.per_year, PARTS[strike.unit])
    if rest:
        raise Misuse(
            tr(
                "'for {length}' is no whole number of periods: a year has {periods}.",
                length=f"{strike.length} {strike.unit}s",
                periods=instance.per_year,
            )
        )
    return periods


def lasting(hazard: HazardData, periods: int, id: str) -> HazardData:
    """A hazard that lasts so many periods, under another id.

    Effects end with it. Where it lasts longer than it would, the last loss of those effects goes on
    that would last to its end; the others are over when they were.
    """
    effects = []
    for origin, remains in hazard.effects:
        if len(remains) == hazard.length:
            more = np.full(max(0, periods - len(remains)), remains[-1])
            remains = np.concatenate([remains, more])
        effects.append((origin, remains[:periods]))
    return HazardData(id, hazard.annual_probability, periods, tuple(effects))


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


def _told(instance: Instance, hazard: str, start: int, length: int) -> StressEvent:
    year, period = divmod(start, instance.per_year)
    return StressEvent(hazard=hazard, start=instance.years[year], period=period + 1, periods=length)


def _sorted(events: list[StressEvent]) -> tuple[StressEvent, ...]:
    return tuple(sorted(events, key=lambda event: (event.start, event.period)))
