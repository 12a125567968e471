"""Small results of several kinds."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from explaining import explained
from frontier_cases import reading
from small import Raw, case, chance_of_cut, funder, project, stockpile

from models.files import read_case_text
from models.results import Alternatives, Explanation, Frontier, Sensitivity
from optimizer.analyses.alternatives.near_optimal import find_alternatives as others
from optimizer.analyses.analysis_options import AlternativesOptions, SensitivityOptions
from optimizer.analyses.assumptions import list_assumptions
from optimizer.analyses.sensitivity.sensitivity_analysis import analyze_sensitivity as study


@cache
def sensitivity() -> Sensitivity:
    """A works that turns with its capex, a stock, and a budget that capex may break."""
    raw = case(
        **chance_of_cut(0.5),
        projects={"works": project(tonnes=60, capex=2)},
        funders={"fund": funder(budget=2.8)},
        stockpiles=[stockpile(max_t=20)],
        objective={"cost_weight": 1.0},
    )
    scenario = reading(raw)
    made = list_assumptions(scenario.case)
    asked = SensitivityOptions(gap=1e-9, jobs=1, tolerance=1e-3)
    return study(scenario, made, asked)


def three_mines() -> Raw:
    """A project that is built, one that it displaces, one without finance, and one that does not
    pay."""
    return case(
        projects={
            "big": project(60, 10, name={"en": "Big mine", "de": "Große Grube"}),
            "small": project(50, 9, name="Small mine"),
            "lonely": project(10, 100, name="Lonely mine"),
        },
        funders={"fund": funder(budget=10, ticket_max_meur=20, name="Fund")},
        stockpiles=[stockpile(max_purchase_t_per_year=0)],
    )


@cache
def explanation() -> Explanation:
    """Why the plan for :func:`three_mines` is as it is."""
    return explained(three_mines(), values=True)


@cache
def alternatives() -> Alternatives:
    """What else would do in :func:`three_mines`, and under other assumptions."""
    scenario = read_case_text(json.dumps(three_mines()))
    asked = AlternativesOptions(within=2.0, count=3, gap=1e-6, jobs=1)
    return others(scenario, asked).alternatives


def point(value: float, expected: float | None, **fields: Any) -> dict[str, Any]:
    """A point; without a plan where there is no expected damage."""
    none = expected is None
    raw = {
        "value": value,
        "status": "infeasible" if none else "optimal",
        "objective": expected,
        "bound": expected,
        "gap": None if none else 0.0,
        "expected": expected,
        "expected_bound": None if none else 0.9 * (expected or 0.0),
        "cvar": None if none else 5.0 * (expected or 0.0),
        "cvar_bound": None,
        "worst": None if none else 6.0 * (expected or 0.0),
        "net_cost_meur": None if none else value,
        "public_meur": None if none else value,
        "spend_meur": {} if none else {"fund": value},
        "projects": {} if none or value < 10 else {"refinery": 2026},
        "stocks_t": {},
        "plan_of": None,
        "bound_of": None,
        "dominated": False,
        "conflict": [],
        "seconds": 1.0,
    }
    return raw | fields


def frontier(**fields: Any) -> Frontier:
    raw: dict[str, Any] = {
        "title": "Tutorial",
        "variant": None,
        "currency": "EUR",
        "varied": "funders.fund.budget_meur",
        "varied_unit": "million EUR",
        "loosens": True,
        "measure": "damage",
        "unit": "million EUR",
        "cvar_level": 0.95,
        "states": 3,
        "gap_target": 1e-4,
        "without_plan": {"expected": 40.0, "cvar": 200.0, "worst": 200.0},
        "points": [point(0, None), point(5, 30.0), point(20, 12.0)],
        "steps": [
            {
                "from_value": 5,
                "to_value": 20,
                "entering": ["refinery"],
                "leaving": [],
                "moved": {},
                "stocks_t": {},
                "avoided": 18.0,
                "jump": True,
                "marginal": {"low": 1.0, "plans": 1.2, "high": 1.4},
            }
        ],
        "ended": "interrupted",
        "seconds": 3.0,
        "project_names": {"refinery": "A refinery"},
        "stockpile_names": {},
        "funder_names": {"fund": "Fund"},
    }
    return Frontier.model_validate(raw | fields)
