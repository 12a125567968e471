"""When projects are decided, built and run, and when stocks are held, as frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.results import Plan
from optimizer.report.tables.frame import frame

if TYPE_CHECKING:
    import pandas as pd


def projects(plan: Plan) -> pd.DataFrame:
    """One row a project built: years of its life if nothing is delayed, place and tonnes.

    ``full_output`` is the first year in which ``ramp_up`` has reached its last value,
    ``last_output`` the last year of output within the horizon (None where it delivers after the
    horizon only), and ``output_t`` what it delivers a year at full output, by material.
    """
    rows = []
    for built in plan.projects:
        case = plan.case
        about: dict[str, Any] = {"country": None, "full_output": None, "last_output": None}
        about |= {"output_t": {}, "success_probability": None}
        if case is not None:
            project, last = case.projects[built.id], case.horizon.last_year
            ends = last
            if project.lifetime_years is not None:
                ends = min(last, built.first_output + int(project.lifetime_years) - 1)
            full = float(project.ramp_up[-1])
            about = {
                "country": project.country,
                "full_output": built.first_output + len(project.ramp_up) - 1,
                "last_output": ends if ends >= built.first_output else None,
                "output_t": {m: float(t) * full for m, t in project.output_t_per_year.items()},
                "success_probability": float(project.success_probability),
            }
        rows.append(
            {
                "project": built.id,
                "start": built.start,
                "first_output": built.first_output,
                "capex_meur": built.capex_meur,
                "offtake": built.offtake,
                **about,
            }
        )
    columns = ["project", "country", "start", "first_output", "full_output", "last_output"]
    return frame(rows, [*columns, "capex_meur", "offtake", "output_t", "success_probability"])


def cover(plan: Plan) -> pd.DataFrame:
    """Days of demand that planned stocks cover: one row a material with a stock, and year."""
    stocked = {pile.material for pile in plan.stockpiles if any(pile.planned_t.values())}
    rows = (
        {"material": material.id, "year": int(year), "days_of_cover": of.days_of_cover}
        for material in plan.materials
        if material.id in stocked
        for year, of in material.by_year.items()
    )
    return frame(rows, ["material", "year", "days_of_cover"])


def first_tonne(plan: Plan) -> int | None:
    """The first year in which a project delivers, if nothing is delayed."""
    return min((built.first_output for built in plan.projects), default=None)
