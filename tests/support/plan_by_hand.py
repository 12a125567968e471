"""A plan written by hand, for tests of what is shown of it."""

from __future__ import annotations

from typing import Any

from models.results import Plan

Raw = dict[str, Any]


def certificate(**fields: Any) -> Raw:
    raw: Raw = {
        "status": "optimal",
        "objective": 1234.5,
        "bound": 1234.4,
        "gap": 0.1 / 1234.5,
        "gap_target": 1e-4,
        "ended": "Optimal",
        "method": "extensive",
        "states": 500,
        "illustrative": False,
        "seed": 2026,
        "seconds": 12.3,
        "seconds_by_step": {"solve": 12.3},
        "model_size": {"rows": 54321, "columns": 65432},
        "input_sha256": "ab" * 32,
        "versions": {"vorrat": "0.1.0", "highspy": "1.11.0"},
    }
    return raw | fields


def outcome(**fields: Any) -> Raw:
    raw: Raw = {
        "measure": "damage",
        "unit": "million EUR",
        "expected": 1200.0,
        "cvar": 8000.0,
        "cvar_level": 0.95,
        "worst": 9876.5,
        "net_cost_meur": 345.0,
        "without_plan": {"expected": 4000.0, "cvar": 12000.0, "worst": 20000.0},
    }
    return raw | fields


def material_year(short: float, chance: float, cover: float | None) -> Raw:
    return {
        "demand_t": 100.0,
        "need_t": 100.0,
        "expected_shortage_t": short,
        "expected_shortage_without_plan_t": 30.0,
        "probability_of_shortage": chance,
        "days_of_cover": cover,
    }


def plan(**fields: Any) -> Plan:
    """A mine financed by three and a stock of the same ore; copper is never short."""
    raw: Raw = {
        "title": "A plan by hand",
        "variant": "larger_fund",
        "currency": "EUR",
        "certificate": certificate(),
        "outcome": outcome(),
        "projects": [
            {
                "id": "mine",
                "name": "Deep mine",
                "start": 2027,
                "first_output": 2030,
                "capex_meur": 1400.0,
                "market_share": 0.6,
                "offtake": 0.55,
                "offtake_common": 0.3,
                "offtake_by_company": {"motor_co": 0.25},
                "shares": {"fund": {"equity": 0.1, "loan": 0.05}, "motor_co": {"equity": 0.25}},
            }
        ],
        "stockpiles": [
            {
                "id": "reserve",
                "name": "Ore reserve",
                "material": "ore",
                "buy_t": {"2026": 40.0, "2027": 12.5, "2028": -0.0},
                "planned_t": {"2026": 40.0, "2027": 52.5, "2028": 52.5},
                "cost_meur": {"2026": 4.5, "2027": 1.5, "2028": 0.25},
            },
            {
                "id": "empty",
                "name": "Copper reserve",
                "material": "copper",
                "buy_t": {"2026": 0.0},
                "planned_t": {"2026": 0.0},
                "cost_meur": {"2026": 0.0},
            },
        ],
        "spend_meur": {
            "fund": {"2026": 4.5, "2027": 211.5, "2028": 0.25},
            "motor_co": {"2026": 0.0, "2027": 350.0, "2028": 0.0},
            "idle_fund": {"2026": 0.0, "2027": -0.0, "2028": 0.0},
        },
        "committed_meur": {
            "fund": {"2026": 4.5, "2027": 1211.5, "2028": 0.25},
            "motor_co": {"2026": 0.0, "2027": 350.0, "2028": 0.0},
            "idle_fund": {"2026": 0.0, "2027": 0.0, "2028": 0.0},
        },
        "materials": [
            {
                "id": "copper",
                "name": "Copper",
                "expected": 0.0,
                "expected_without_plan": 0.0,
                "by_year": {
                    str(year): material_year(0.0, 0.0, 0.0)
                    | {"expected_shortage_without_plan_t": 0.0}
                    for year in range(2026, 2030)
                },
            },
            {
                "id": "ore",
                "name": "Rare ore",
                "expected": 1200.0,
                "expected_without_plan": 4000.0,
                "by_year": {
                    "2026": material_year(1.25, 0.45, 146.0),
                    "2027": material_year(7.5, 0.125, 191.6),
                    "2028": material_year(2.0, 0.2, 191.6),
                    "2029": material_year(3.0, 0.2, None),
                },
            },
        ],
        "consumers": [
            {"id": "cars", "name": "Cars", "expected": 900.0, "expected_without_plan": 2000.0},
            {"id": "wind", "name": "Wind", "expected": 300.0, "expected_without_plan": 2000.0},
        ],
    }
    return Plan.model_validate(raw | fields)
