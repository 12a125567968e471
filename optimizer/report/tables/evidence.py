"""What a scenario rests on: its figures by source, and what the avoided damage hangs on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.results import Plan
from models.scenario.case import Case
from models.scenario.quantities import Number
from optimizer.report.tables.assumptions import Standing, assumptions, standing
from optimizer.report.tables.frame import frame

if TYPE_CHECKING:
    import pandas as pd

STANDINGS: tuple[Standing, ...] = ("read", "reported", "assumption", "other", "none")

SETTINGS = {("uncertainty", "sample"), ("horizon", "periods_per_year")}
"""Where numbers are settings of the run and need no source."""


@dataclass(frozen=True)
class Figure:
    """A figure of the scenario: part of the file, field, value and what is said of it."""

    part: str
    field: str
    value: float
    source: str | None
    confidence: str | None


def figures(case: Case) -> Iterator[Figure]:
    """Every figure of a scenario that is not at its default; settings and calendar years apart."""
    for found in assumptions(case):
        path = tuple(found.path.split("."))
        if found.calendar or path[:2] in SETTINGS:
            continue
        field = f"steps.{found.field}" if "steps" in path[:-1] else found.field
        source = found.source_id or found.source
        yield Figure(found.part, field, found.value, source, found.confidence)


def by_source(plan: Plan) -> pd.DataFrame:
    """How many figures each source carries: one row a source, part and field.

    ``low``, ``medium``, ``high`` and ``unsaid`` count the figures of each confidence, ``least`` and
    ``most`` are the bounds of the values. An empty ``source`` stands for figures without any.
    """
    columns = ["source", "standing", "part", "field", "count", "least", "most"]
    columns += ["high", "medium", "low", "unsaid"]
    if plan.case is None:
        return frame([], columns)
    groups: dict[tuple[str, str, str], list[Figure]] = {}
    for figure in figures(plan.case):
        groups.setdefault((figure.source or "", figure.part, figure.field), []).append(figure)
    rows = (
        {
            "source": source,
            "standing": standing(plan.case, source or None),
            "part": part,
            "field": field,
            "count": len(group),
            "least": min(figure.value for figure in group),
            "most": max(figure.value for figure in group),
            **{
                level: sum((figure.confidence or "unsaid") == level for figure in group)
                for level in ("high", "medium", "low", "unsaid")
            },
        }
        for (source, part, field), group in groups.items()
    )
    return frame(rows, columns)


def by_part(plan: Plan) -> pd.DataFrame:
    """How many figures of each part are read, reported, assumed or without a source."""
    counts: dict[str, dict[str, int]] = {}
    if plan.case is not None:
        for figure in figures(plan.case):
            of = counts.setdefault(figure.part, dict.fromkeys(STANDINGS, 0))
            of[standing(plan.case, figure.source)] += 1
    rows = ({"part": part, **of, "count": sum(of.values())} for part, of in counts.items())
    return frame(rows, ["part", *STANDINGS, "count"])


KINDS = ("damage", "demand", "supply", "frequency", "severity")
"""Kinds of figures that a material's damage hangs on."""


def resting(plan: Plan) -> pd.DataFrame:
    """What the damage avoided hangs on: one row a material and kind of figure.

    ``avoided`` is the material's part of the expected outcome avoided, and ``read``, ``reported``,
    ``assumption``, ``other`` and ``none`` are the shares of its figures of that kind, weighted by
    their size: EUR per tonne times share of demand, tonnes of demand, share of supply,
    probability a year, share lost. Kinds of which a material has no figure have no row.
    """
    rows = []
    case = plan.case
    for material in plan.materials if case is not None else ():
        assert case is not None
        for kind in KINDS:
            if kind == "damage" and plan.outcome.measure != "damage":
                continue
            shares = _shares(case, _weighted(case, material.id, kind))
            if shares is not None:
                avoided = material.expected_without_plan - material.expected
                rows.append({"material": material.id, "kind": kind, "avoided": avoided, **shares})
    return frame(rows, ["material", "kind", "avoided", *STANDINGS])


def rests_on(plan: Plan) -> pd.DataFrame:
    """Shares of all outcome avoided by the standing of each kind of figure: one row a kind."""
    rows = []
    found = resting(plan)
    for kind in KINDS:
        of = found[(found["kind"] == kind) & (found["avoided"] > 0)]
        total = of["avoided"].sum()
        if total > 0:
            parts = {str(s): float((of[s] * of["avoided"]).sum() / total) for s in STANDINGS}
            rows.append({"kind": kind, "avoided": float(total), **parts})
    return frame(rows, ["kind", "avoided", *STANDINGS])


def _shares(case: Case, weighted: Iterable[tuple[Number, float]]) -> dict[str, float] | None:
    sums = dict.fromkeys(STANDINGS, 0.0)
    for number, weight in weighted:
        sums[standing(case, number.source)] += weight
    total = sum(sums.values())
    return {s: weight / total for s, weight in sums.items()} if total > 0 else None


def _weighted(case: Case, material: str, kind: str) -> Iterator[tuple[Number, float]]:
    """The figures of one kind that a material's damage hangs on, with their sizes."""
    if kind == "damage":
        for damage in case.damage:
            for step in damage.steps if damage.material == material else ():
                yield step.eur_per_t, float(step.share) * float(step.eur_per_t)
    elif kind == "demand":
        for demand in case.demand:
            if demand.material == material:
                yield from ((number, float(number)) for number in demand.t_per_year.values)
    elif kind == "supply":
        for supply in case.supply:
            yearly = supply.share if supply.share is not None else supply.t_per_year
            if supply.material == material and yearly is not None:
                yield from ((number, float(number)) for number in yearly.values)
    else:
        yield from _of_hazards(case, material, kind)


def _of_hazards(case: Case, material: str, kind: str) -> Iterator[tuple[Number, float]]:
    countries = {supply.country for supply in case.supply if supply.material == material}
    for hazard in case.hazards.values():
        striking = [
            effect
            for effect in hazard.effects
            if effect.country in countries
            and (effect.materials is None or material in effect.materials)
        ]
        if kind == "frequency" and striking:
            yield hazard.annual_probability, float(hazard.annual_probability)
        for effect in striking if kind == "severity" else ():
            before: Number | None = None
            for loss in effect.loss:
                before = loss if loss.source is not None or before is None else before
                yield before, float(loss)
