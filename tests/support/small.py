"""The smallest cases tests start from, and the way to solve them.

A bare `case()` is one year, 2026, in which 100 t of ore are needed, none arrive, and each missing
tonne costs 100 000 EUR: 10 million EUR of damage. Ore costs 10 000 EUR/t. Nothing may be built.
"""

from __future__ import annotations

from typing import Any

import pytest

from models.results import Plan
from models.scenario.references import Case
from optimizer.solve.planner import solve_to_plan

Raw = dict[str, Any]

CHINA: list[Raw] = [{"material": "ore", "country": "CN", "share": 1.0}]


def near(value: float | list[float]) -> Any:
    return pytest.approx(value, rel=1e-6, abs=1e-7)


def case(last_year: int = 2026, **sections: Any) -> Raw:
    """A whole scenario as a dictionary; the sections given replace the bare ones."""
    raw: Raw = {
        "schema_version": 1,
        "title": "A small case",
        "currency": "EUR",
        "price_year": 2025,
        "horizon": {"first_year": 2026, "last_year": last_year},
        "materials": {"ore": {"name": "Ore", "price_eur_per_t": 10_000}},
        "consumers": {"industry": {"name": "Industry"}},
        "demand": [{"consumer": "industry", "material": "ore", "t_per_year": 100}],
        "damage": [{"material": "ore", "steps": [{"share": 1.0, "eur_per_t": 100_000}]}],
        "supply": [],
        "funders": {"fund": funder()},
    }
    return raw | sections


def funder(kind: str = "public", budget: float | None = None, **terms: Any) -> Raw:
    """A funder with one instrument, equity, which secures offtake share for share."""
    equity = {"offtake_per_share": 1.0, "budget_class": "financial_transaction"}
    raw: Raw = {"kind": kind, "name": kind, "instruments": {"equity": equity | terms}}
    return raw if budget is None else raw | {"budget_meur": budget}


def project(tonnes: float = 100, capex: float = 10, **fields: Any) -> Raw:
    """A German project of so many tonnes of ore a year and so many million EUR."""
    raw: Raw = {"name": "Works", "country": "DE", "output_t_per_year": {"ore": tonnes}}
    return raw | {"capex_meur": capex} | fields


def stockpile(**fields: Any) -> Raw:
    return {"id": "reserve", "material": "ore", "paid_by": {"fund": 1.0}} | fields


def cut(loss: list[float], country: str = "CN", **fields: Any) -> Raw:
    """Hazards in which `cut` takes so much of what a country gives, period by period."""
    effect = {"country": country, "loss": loss} | fields
    return {"cut": {"name": "Cut", "annual_probability": 0.1, "effects": [effect]}}


def state(name: str, probability: float, *starts: int, **fields: Any) -> Raw:
    """A state of the world in which `cut` begins in each of the years given."""
    events = [{"hazard": "cut", "start": year} for year in starts]
    return {"name": name, "probability": probability, "events": events} | fields


def chance_of_cut(probability: float, loss: float = 1.0) -> Raw:
    """The sections for imports of which a share is lost in 2026 with some probability."""
    calm = state("calm", 1 - probability)
    states = [calm, state("cut", probability, 2026)]
    return {"supply": CHINA, "hazards": cut([loss]), "uncertainty": {"states": states}}


def solve(raw: Raw) -> Plan:
    return solve_to_plan(Case.model_validate(raw), gap=0.0)


def starts(answer: Plan) -> dict[str, int]:
    """The projects built and the year each is decided."""
    return {project.id: project.start for project in answer.projects}


def bought(answer: Plan) -> dict[str, float]:
    """Tonnes bought in each year by the only stockpile."""
    (stock,) = answer.stockpiles
    return dict(stock.buy_t)
