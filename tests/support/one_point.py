"""A frontier of one point, made from a plan by hand."""

from __future__ import annotations

import json

from models.results import Plan


def frontier(plan: Plan, varied: str, value: float) -> str:
    """A frontier of one point for the scenario of a plan, at another value of its number."""
    assert plan.scenario is not None
    scenario = json.loads(json.dumps(plan.scenario))
    at = scenario
    *steps, last = varied.split(".")
    for step in steps:
        at = at[step]
    at[last] = value
    point = {
        "value": value,
        "status": "optimal",
        "objective": 2.0,  # damage, and as much net cost
        **dict.fromkeys(("expected", "cvar", "worst", "net_cost_meur"), 1.0),
        **dict.fromkeys(("bound", "gap", "expected_bound", "cvar_bound"), None),
        "public_meur": 0.0,
        "spend_meur": {},
        "projects": {},
        "stocks_t": {},
        "plan_of": None,
        "bound_of": None,
        "dominated": False,
        "conflict": [],
        "seconds": 1.0,
    }
    raw = {
        "kind": "frontier",
        "title": plan.title,
        "variant": None,
        "currency": plan.currency,
        "varied": varied,
        "varied_unit": "million EUR",
        "loosens": True,
        "measure": "damage",
        "unit": plan.outcome.unit,
        "cvar_level": 0.95,
        "states": plan.certificate.states,
        "gap_target": 0.0,
        "without_plan": None,
        "points": [point],
        "steps": [],
        "ended": "complete",
        "seconds": 1.0,
        "project_names": {},
        "stockpile_names": {},
        "funder_names": {},
        "scenario": scenario,
    }
    return json.dumps(raw)
