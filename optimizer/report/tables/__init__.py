"""The tables behind every report, as pandas frames read off a plan.

Money is million of the plan's currency, mass is tonnes, shares are fractions of one. A frame
without rows keeps its columns. Nothing is rounded here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from models.results import Plan
from optimizer.report.tables.frame import MARKET, frame

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MARKET"]


def projects(plan: Plan) -> pd.DataFrame:
    """What is built: one row a project."""
    columns = ["project", "name", "start", "first_output", "capex_meur", "market_share", "offtake"]
    rows = ({**p.model_dump(), "project": p.id} for p in plan.projects)
    return frame(rows, columns)


def offtake(plan: Plan) -> pd.DataFrame:
    """Whose output it is: one row a project and company, and one without for all consumers."""
    rows = (
        {"project": p.id, "company": company, "share": share}
        for p in plan.projects
        for company, share in [("", p.offtake_common), *p.offtake_by_company.items()]
    )
    return frame(rows, ["project", "company", "share"])


def funding(plan: Plan) -> pd.DataFrame:
    """Who pays for a project: one row a project, funder and instrument, and one for the market."""
    rows = []
    for p in plan.projects:
        payers = [
            (funder, instrument, share)
            for funder, instruments in p.shares.items()
            for instrument, share in instruments.items()
        ]
        for funder, instrument, share in [*payers, (MARKET, "", p.market_share)]:
            about = {"project": p.id, "name": p.name, "funder": funder, "instrument": instrument}
            rows.append({**about, "share": share, "meur": share * p.capex_meur})
    return frame(rows, ["project", "name", "funder", "instrument", "share", "meur"])


def supports(plan: Plan) -> pd.DataFrame:
    """What lets lenders carry more: one row a project, funder and instrument.

    ``meur`` is what it costs at most, ``paid_meur`` what it is expected to pay.
    """
    money = {(x.project, x.funder, x.instrument): x for x in plan.accounts}
    rows = []
    for p in plan.projects:
        for funder, instruments in p.supports.items():
            for instrument, share in instruments.items():
                about = {"project": p.id, "name": p.name, "funder": funder}
                position = money.get((p.id, funder, instrument))
                most = position.committed_meur if position else None
                paid = sum(position.paid_meur.values()) if position else None
                rows.append(
                    {**about, "instrument": instrument, "share": share, "meur": most,
                     "paid_meur": paid}
                )  # fmt: skip
    columns = ["project", "name", "funder", "instrument", "share", "meur", "paid_meur"]
    return frame(rows, columns)


def stockpiles(plan: Plan) -> pd.DataFrame:
    """What is stocked: one row a stockpile and year.

    ``days_of_cover`` is that of the material, all its stockpiles together.
    """
    cover = {m.id: {y: of.days_of_cover for y, of in m.by_year.items()} for m in plan.materials}
    material_names = {m.id: m.name for m in plan.materials}
    rows = (
        {
            "stockpile": s.id,
            "name": s.name,
            "material": s.material,
            "material_name": material_names.get(s.material, s.material),
            "year": int(year),
            "buy_t": s.buy_t.get(year, 0.0),
            "planned_t": s.planned_t.get(year, 0.0),
            "cost_meur": s.cost_meur.get(year, 0.0),
            "days_of_cover": cover.get(s.material, {}).get(year),
        }
        for s in plan.stockpiles
        for year in sorted({*s.buy_t, *s.planned_t, *s.cost_meur})
    )
    columns = ["stockpile", "name", "material", "material_name", "year"]
    return frame(rows, [*columns, "buy_t", "planned_t", "cost_meur", "days_of_cover"])


def spend(plan: Plan) -> pd.DataFrame:
    """What each funder's budget is charged: funders down, years across, undiscounted."""
    return _by_year(plan.spend_meur)


def committed(plan: Plan) -> pd.DataFrame:
    """What each funder commits, whatever its budget is charged: funders down, years across."""
    return _by_year(plan.committed_meur)


def _by_year(money: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    years = sorted({int(year) for by_year in money.values() for year in by_year})
    rows: list[dict[Any, Any]] = [
        {"funder": funder, **{year: by_year.get(str(year), 0.0) for year in years}}
        for funder, by_year in money.items()
    ]
    return frame(rows, ["funder", *years]).set_index("funder")


def materials(plan: Plan) -> pd.DataFrame:
    """How exposed each material stays, in the unit of the measure."""
    return frame(
        (
            {
                "material": m.id,
                "name": m.name,
                "expected": m.expected,
                "expected_without_plan": m.expected_without_plan,
                "reduction": reduction(m.expected, m.expected_without_plan),
            }
            for m in plan.materials
        ),
        ["material", "name", "expected", "expected_without_plan", "reduction"],
    )


def material_years(plan: Plan) -> pd.DataFrame:
    """Demand, shortage and cover: one row a material and year."""
    columns = ["demand_t", "expected_shortage_t", "expected_shortage_without_plan_t"]
    columns += ["probability_of_shortage", "days_of_cover"]
    rows = (
        {"material": m.id, "name": m.name, "year": int(year), **of.model_dump()}
        for m in plan.materials
        for year, of in m.by_year.items()
    )
    return frame(rows, ["material", "name", "year", *columns])


def consumers(plan: Plan) -> pd.DataFrame:
    """What falls on each consumer, in the unit of the measure."""
    rows = (
        {
            "consumer": c.id,
            "name": c.name,
            "expected": c.expected,
            "expected_without_plan": c.expected_without_plan,
            "reduction": reduction(c.expected, c.expected_without_plan),
        }
        for c in plan.consumers
    )
    columns = ["consumer", "name", "expected", "expected_without_plan", "reduction"]
    return frame(rows, columns)


def outcome(plan: Plan) -> pd.DataFrame:
    """Expected, CVaR and worst, with and without the plan, in the unit of the measure."""
    reached, without = plan.outcome, plan.outcome.without_plan
    rows = (
        {
            "figure": figure,
            "with_plan": getattr(reached, figure),
            "without_plan": getattr(without, figure),
            "reduction": reduction(getattr(reached, figure), getattr(without, figure)),
        }
        for figure in ("expected", "cvar", "worst")
    )
    return frame(rows, ["figure", "with_plan", "without_plan", "reduction"])


def reduction(reached: float, without: float) -> float | None:
    """By which share a figure falls against doing nothing; None where there is nothing to fall."""
    return (without - reached) / without if without > 0 else None
