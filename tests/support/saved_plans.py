"""Plans to report on, each solved once."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from everything import everything, lasting
from small import case
from three_forms import from_mine_to_magnet
from treasury import treasury as every_instrument

from models.files import read_case
from models.language import Language, using
from models.results import Plan
from models.scenario.references import Case
from optimizer.analyses.comparison import funder_page
from optimizer.analyses.comparison.plan_comparison import compare_plans
from optimizer.analyses.registry import build_result_document
from optimizer.report.document import Document
from optimizer.report.render import html
from optimizer.solve.planner import solve_to_plan

SCENARIOS = Path(__file__).parents[2] / "scenarios"
OXIDES = Path(__file__).parents[1] / "scenarios" / "germany-2026-oxides.yaml"
"""germany-2026 as it was before chains: no material is made into another."""


def _of(raw: dict[str, Any], **fields: Any) -> Plan:
    return solve_to_plan(Case.model_validate(raw), title="A case", **fields)


@cache
def rich() -> Plan:
    """A plan of the scenario that uses every rule."""
    return _of(everything())


@cache
def in_dollars_and_tonnes() -> Plan:
    """The same, in another currency, that counts what is missing."""
    raw = everything()
    return _of(raw | {"currency": "USD", "objective": raw["objective"] | {"measure": "tonnes"}})


@cache
def in_years_of_demand() -> Plan:
    """The same, that counts the share of demand that is missing."""
    raw = everything()
    return _of(raw | {"objective": raw["objective"] | {"measure": "share_of_demand"}})


@cache
def treasury() -> Plan:
    """A plan with every kind of budget line and of instrument."""
    return _of(every_instrument())


@cache
def with_residual_values() -> Plan:
    """The first, in which something is left at the end."""
    return _of(lasting())


@cache
def nothing() -> Plan:
    """A plan that builds and buys nothing, in one state and one year."""
    return _of(case())


@cache
def chains() -> Plan:
    """A plan for ore that is made into magnets by way of oxide, in which every stage is short."""
    return _of(from_mine_to_magnet())


@cache
def tutorial() -> Plan:
    """The plan of the tutorial."""
    return solve_to_plan(read_case(str(SCENARIOS / "tutorial.yaml")).case)


@cache
def germany(variant: str | None = None) -> Plan:
    """A plan for germany-2026 without chains on few states, not proven far."""
    settings = ("uncertainty.sample.states=24",)
    reading = read_case(str(OXIDES), variant, settings)
    return solve_to_plan(reading.case, gap=0.05, variant=variant)


ALL = {
    "rich": rich,
    "treasury": treasury,
    "dollars_and_tonnes": in_dollars_and_tonnes,
    "years_of_demand": in_years_of_demand,
    "residual_values": with_residual_values,
    "nothing": nothing,
    "chains": chains,
    "tutorial": tutorial,
    "germany": germany,
}


PAYERS = ("fund", "auto_purse")
"""Funders that have a page of their own, of the first scenario and of germany-2026."""


@cache
def page(name: str, language: Language = "en") -> str:
    """The report on one of them, or on ``several`` options of germany-2026."""
    with using(language):
        if name != "several":
            return html.render_page(build_result_document(ALL[name]()))
        plans = several()
        found = compare_plans(list(plans.values()), list(plans))
        return html.render_page(build_result_document(found, plans=plans))


def several() -> dict[str, Plan]:
    """Options of germany-2026, by label."""
    variants = {"base": None, "stocks_only": "stocks_only", "industry_alone": "industry_alone"}
    return {label: germany(variant) for label, variant in variants.items()}


def for_one(payer: str) -> Document:
    """The page of a public funder or of a company, in the current language."""
    plans = {"one": rich(), "two": rich()} if payer == PAYERS[0] else several()
    return funder_page.build_funder_page(
        compare_plans(list(plans.values()), list(plans), federal=[]), plans, payer
    )
