"""What the best share takes in each year, and the tonnes that it buys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from models.language import tr
from models.results import Participation, SharePoint
from optimizer.report.figures import percent
from optimizer.report.html.parts import (
    Bullets,
    Column,
    Heading,
    Part,
    Section,
    Table,
    alike,
    with_total,
    year_names,
)
from optimizer.report.participating import picking
from optimizer.report.participating import words as said


def money(found: Participation) -> Section | None:
    """Outlay and offtake by year at the best share, for each way of the others."""
    best = [
        (said.curve_name(curve), point)
        for curve in picking.main_curves(found)
        if (point := picking.best_point(curve)) is not None and point.share > picking.NEAR
    ]
    years = _years(of.outlay_by_year_meur for _, of in best)
    served = _years(by_year for _, of in best for by_year in of.offtake_t.values())
    if not years and not served:
        return None
    names = [
        tr("{way} (share {share})", way=way, share=percent(point.share)) for way, point in best
    ]
    paid = [
        (name, with_total([point.outlay_by_year_meur.get(str(year), 0.0) for year in years]))
        for name, (_, point) in zip(names, best, strict=True)
    ]
    parts: list[Part] = [
        tr(
            "What {company} pays at its best share, for projects and stocks, and what it is "
            "entitled to of their output.",
            company=said.company(found),
        )
        if found.allocation == "entitled"
        else tr(
            "What {company} pays at its best share, for projects and stocks, and the tonnes that "
            "are reserved in its name.",
            company=said.company(found),
        ),
        Table(
            tr("Outlay by year ({unit}, undiscounted)", unit=said.unit(found)),
            [year_names(years, tr("All years")), *alike(paid)],
            total=True,
            name="outlay",
        ),
    ]
    if served:
        tonnes = _tonnes(found, names, [point for _, point in best], served)
        parts.append(
            Table(
                tr("Offtake by year (t)"),
                [year_names(served, tr("All years")), *tonnes],
                total=True,
                name="offtake",
                note=tr("At full running, without delay or failure."),
            )
        )
    built = [
        tr("{way}: {projects}.", way=name, projects=said.projects(found, point))
        for name, (_, point) in zip(names, best, strict=True)
    ]
    parts += [Heading(tr("What is built then")), Bullets(built)]
    return Section("money", tr("What the best share takes and brings, by year"), parts)


def _years(several: Iterable[Mapping[str, float]]) -> list[int]:
    """The years from the first to the last that occurs."""
    met = [int(year) for by_year in several for year in by_year]
    return list(range(min(met), max(met) + 1)) if met else []


def _tonnes(
    found: Participation, names: list[str], points: list[SharePoint], years: list[int]
) -> list[Column]:
    columns: list[Column] = []
    for name, point in zip(names, points, strict=True):
        for material, by_year in point.offtake_t.items():
            tonnes = with_total([by_year.get(str(year), 0.0) for year in years])
            columns += alike([(said.material(found, material), tonnes)], name)
    return columns
