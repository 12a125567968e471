"""States of the world as a scenario file writes them out.

A scenario with these states in place of its sample has the same states in the optimization problem,
down to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from models.faults import SourceLocation
from models.files.table_source import parse_number_cell
from models.scenario.hazards import Event, State as WrittenState
from models.scenario.quantities import CalendarYear, Number, YearlyQuantity
from optimizer.model.instance import Floats, Instance
from optimizer.model.states import State


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
