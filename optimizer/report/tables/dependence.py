"""Whom supply depends on, before and after, as frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.results import Plan, SupplyMix
from models.scenario.countries import EU_27
from optimizer.report.tables.frame import frame

if TYPE_CHECKING:
    import pandas as pd

THRESHOLD = 0.65
"""Regulation (EU) 2024/1252, Article 5(1)(b): the most that one third country should supply."""

BENCHMARK_YEAR = 2030


def year_shown(plan: Plan) -> int | None:
    """The year that dependence is shown for: 2030, or the year nearest to it."""
    years = [int(year) for material in plan.materials for year in material.by_year]
    return min(years, key=lambda year: (abs(year - BENCHMARK_YEAR), year), default=None)


def is_third(plan: Plan, country: str) -> bool:
    """Whether a country is a third country: neither in the Union nor home."""
    home = plan.case.home if plan.case is not None else ()
    return country not in EU_27 and country not in home


def suppliers(plan: Plan, year: int) -> pd.DataFrame:
    """Largest supplier, Herfindahl-Hirschman index and imports: one row a material with supply.

    Figures without plan end in ``_without_plan``; ``imports`` is None where no home is named, and
    ``above`` says whether one third country supplies more than 65 %.
    """
    rows = []
    for material in plan.materials:
        of = material.by_year.get(str(year))
        if of is None or of.supply is None or of.supply_without_plan is None:
            continue
        mixes = {"": of.supply, "_without_plan": of.supply_without_plan}
        rows.append(
            {"material": material.id}
            | {f"country{end}": mix.largest_country for end, mix in mixes.items()}
            | {f"share{end}": mix.largest_share for end, mix in mixes.items()}
            | {f"hhi{end}": mix.hhi for end, mix in mixes.items()}
            | {f"imports{end}": mix.imports for end, mix in mixes.items()}
            | {f"above{end}": _above(plan, mix) for end, mix in mixes.items()}
        )
    columns = ["material"]
    columns += [
        f"{what}{end}" for what in ("country", "share", "hhi", "imports", "above") for end in ENDS
    ]
    return frame(rows, columns)


ENDS = ("", "_without_plan")


def _above(plan: Plan, mix: SupplyMix) -> bool:
    return any(
        share > THRESHOLD and is_third(plan, country) for country, share in mix.by_country.items()
    )


def origins(plan: Plan, year: int) -> pd.DataFrame:
    """Where supply comes from: one row a material and country, with and without the plan."""
    rows = []
    for material in plan.materials:
        of = material.by_year.get(str(year))
        if of is None or of.supply is None or of.supply_without_plan is None:
            continue
        after, before = of.supply.by_country, of.supply_without_plan.by_country
        rows += [
            {
                "material": material.id,
                "country": country,
                "share": after.get(country, 0.0),
                "share_without_plan": before.get(country, 0.0),
            }
            for country in {**before, **after}
        ]
    return frame(rows, ["material", "country", "share", "share_without_plan"])


def benchmarks(plan: Plan) -> pd.DataFrame:
    """Shares that the Critical Raw Materials Act has benchmarks for."""
    columns = ["material", "stage", "year", "target", "share", "share_without_plan"]
    return frame((share.model_dump() for share in plan.crma), columns)
