"""Rows of tables of states of the world: their columns and kinds, and the rows of given states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from models.files.yaml_source import may_be_thousands
from models.scenario.hazards import State
from models.scenario.quantities import YearlyQuantity

STATE_COLUMNS = ("state", "probability", "kind", "id", "year", "period", "value")


@dataclass(frozen=True)
class RowKind:
    """What a row of one kind fills: the field of a state, and the cells besides ``id``."""

    field: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


ROW_KINDS = {
    "event": RowKind("events", ("year",), ("period", "value")),
    "failed_project": RowKind("failed_projects"),
    "delayed_project": RowKind("delayed_projects", ("value",)),
    "anyway": RowKind("anyway"),
    "regime": RowKind("regimes", ("year",)),
    "demand": RowKind("demand", ("value",), ("year",)),
    "price": RowKind("prices", ("value",), ("year",)),
}
"""Kinds of rows, named after the fields of a written-out state."""


class StateRow(NamedTuple):
    """A row of a table of states; None is an empty cell."""

    state: str
    probability: float
    kind: str | None = None
    id: str | None = None
    year: int | None = None
    period: int | None = None
    value: str | None = None


def state_rows(states: Sequence[State]) -> Iterator[StateRow]:
    """Yield the rows of states. Numbers are written so that reading them gives the same numbers."""
    for position, state in enumerate(states, start=1):
        first = state.name or f"state {position}", float(state.probability)
        rows = [StateRow(*first, *row) for row in _rows_of(state)]
        yield from rows or [StateRow(*first)]


def _rows_of(state: State) -> Iterator[tuple[Any, ...]]:
    for year, regime in state.regimes.items():
        yield "regime", regime, year
    for event in state.events:
        yield "event", event.hazard, int(event.start), int(event.period), event.profile
    for project in state.failed_projects:
        yield "failed_project", project
    for project, delay in state.delayed_projects.items():
        yield "delayed_project", project, None, None, str(int(delay))
    for project in state.anyway:
        yield "anyway", project
    paths: tuple[tuple[str, Mapping[str, str | YearlyQuantity]], ...]
    paths = ("demand", state.demand), ("price", state.prices)
    for kind, quantities in paths:
        for material, quantity in quantities.items():
            if isinstance(quantity, str):
                yield kind, material, None, None, quantity
                continue
            years: tuple[int | None, ...] = quantity.years or (None,)
            for path_year, number in zip(years, quantity.values, strict=True):
                text = repr(float(number))
                # A further 0 tells 1.125 from a thousand.
                yield kind, material, path_year, None, text + "0" * may_be_thousands(text)
