"""Figures of a scenario that cannot be solved together, as faults of the file at their places."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from models.faults import Fault, ScenarioError, Step
from models.language import tr
from optimizer.errors import OutOfRange
from optimizer.model.instance import Instance
from optimizer.solve.conflicts import RULES


@contextmanager
def told_of(instance: Instance) -> Iterator[None]:
    """While a scenario is solved: coefficients of unlike size are told as figures of its file."""
    try:
        yield
    except OutOfRange as error:
        raise too_far_apart(instance, error) or error from error


def too_far_apart(instance: Instance, error: OutOfRange) -> ScenarioError | None:
    """The fault of two figures of the file that lie behind coefficients of unlike size; None where
    a coefficient has none behind it."""
    (small, least), (large, most) = error.ends
    paths = [_figure(instance, *end) for end in (small, large)]
    if None in paths:
        return None
    says = tr(
        "it is too small beside {other} to be solved with it: {least} against {most} in the rules "
        "that both enter",
        other=".".join(map(str, paths[1] or ())),
        least=f"{least:.3g}",
        most=f"{most:.3g}",
    )
    other = tr(
        "it is too large beside {other} to be solved with it",
        other=".".join(map(str, paths[0] or ())),
    )
    hint = tr("leave out what does not matter beside the other, or check the units")
    return ScenarioError([Fault(paths[0] or (), says, hint), Fault(paths[1] or (), other, hint)])


def _figure(instance: Instance, column: str, row: str) -> tuple[Step, ...] | None:
    """Where the figure behind a coefficient stands, by the names of its column and row."""
    kind, of = _parts(column)
    if kind in ("share", "market", "start"):
        return ("projects", of[0], "capex_meur")
    if kind == "offtake":
        return ("projects", of[0], "output_t_per_year")
    if kind == "delivered":
        return ("projects", of[1], "output_t_per_year")
    if kind in ("buy", "stock", "release"):
        stockpile = of[0] if kind == "buy" else of[1]
        ids = [own.id for own in instance.case.stockpiles]
        return ("stockpiles", ids.index(stockpile))
    rule, index = _parts(row)
    if rule in RULES:
        keys = tuple(int(part) if part.isdigit() else part for part in index)
        return RULES[rule](instance, keys if len(keys) > 1 else keys[0]).path
    return None


def _parts(name: str) -> tuple[str, list[str]]:
    """Name and index of a Pyomo component, its block left out."""
    name = name.rpartition("].")[2] if "]." in name else name
    kind, _, index = name.partition("[")
    return kind, [part.strip("'") for part in index.rstrip("]").split(",")]
