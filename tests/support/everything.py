"""A small scenario that uses every rule of the formulation."""

from __future__ import annotations

from typing import Any


def everything() -> dict[str, Any]:
    """Two materials, three projects, three funders, two stockpiles, two states, every rule."""
    return {
        "title": "Everything",
        "horizon": {
            "first_year": 2026,
            "last_year": 2028,
            "periods_per_year": 2,
            "discount_rate": 0.05,
        },
        "materials": {
            "dysprosium": {"price_eur_per_t": 200_000},
            "lithium": {"price_eur_per_t": {2026: 9000, 2028: 11_000}},
        },
        "consumers": {"motors": {"company": "motor_co"}, "cells": {}},
        "demand": [
            {"consumer": "motors", "material": "dysprosium", "t_per_year": 100},
            {"consumer": "cells", "material": "dysprosium", "t_per_year": 20},
            {"consumer": "cells", "material": "lithium", "t_per_year": {2026: 8000, 2028: 10_000}},
        ],
        "damage": [
            {
                "material": "dysprosium",
                "steps": [
                    {"share": 0.25, "eur_per_t": 400_000},
                    {"share": 0.75, "eur_per_t": 4_000_000},
                ],
            },
            {"material": "lithium", "steps": [{"share": 1, "eur_per_t": 60_000}]},
        ],
        "supply": [
            {"material": "dysprosium", "country": "CN", "share": 0.95},
            {"material": "dysprosium", "country": "DE", "share": 0.05},
            {"material": "lithium", "country": "CL", "share": 0.5},
            {"material": "lithium", "country": "CN", "share": 0.5},
        ],
        "projects": {
            "upper_rhine": {
                "country": "DE",
                "output_t_per_year": {"lithium": 6000},
                "latest_start": 2027,
                "construction_years": 1,
                "ramp_up": [0.5, 1.0],
                "capex_meur": 400,
                "capex_profile": [0.5, 0.5],
                "market_finance_max": 0.6,
                "home_share": 0.3,
                "offtake_max": 0.9,
                "tags": ["domestic"],
            },
            "separation": {
                "country": "FR",
                "output_t_per_year": {"dysprosium": 60},
                "latest_start": 2027,
                "capex_meur": 100,
                "market_finance_max": 0.5,
                "lifetime_years": 2,
                "tags": ["domestic"],
            },
            "magnets": {
                "country": "MY",
                "output_t_per_year": {"dysprosium": 30},
                "latest_start": 2027,
                "capex_meur": 40,
                "market_finance_max": 1.0,
                "requires": ["separation"],
                "excludes": ["upper_rhine"],
            },
            "old_mine": {
                "country": "US",
                "output_t_per_year": {"dysprosium": 5},
                "capex_meur": 300,
            },
        },
        "funders": {
            "fund": {
                "kind": "public",
                "budget_meur": 300,
                "budget_by_year_meur": {2026: 120, 2027: 120, 2028: 60},
                "carry_over": True,
                "instruments": {
                    "equity": {
                        "max_share": 0.4,
                        "ticket_min_meur": 10,
                        "ticket_max_meur": 150,
                        "offtake_per_share": 1.0,
                        "recovery": 0.6,
                        "budget_class": "financial_transaction",
                        "eligible": {"tags": ["domestic"]},
                    },
                    "grant": {
                        "max_share": 0.3,
                        "offtake_per_share": 0.5,
                        "grant_equivalent": 1.0,
                        "budget_class": "grant",
                    },
                },
            },
            "motor_co": {
                "kind": "company",
                "budget_meur": 80,
                "instruments": {
                    "equity": {
                        "max_share": 0.3,
                        "ticket_min_meur": 5,
                        "offtake_per_share": 1.2,
                        "budget_class": "private",
                    }
                },
            },
        },
        "stockpiles": [
            {
                "id": "federal",
                "material": "dysprosium",
                "initial_t": 4,
                "max_t": 60,
                "max_purchase_t_per_year": 30,
                "purchase_premium": 0.05,
                "storage_eur_per_t_year": 500,
                "financing_rate": 0.03,
                "annual_loss": 0.02,
                "max_release_t_per_period": 25,
                "min_days_of_demand": {2027: 30},
                "paid_by": {"fund": 0.7, "motor_co": 0.3},
            },
            {
                "id": "cells_own",
                "material": "lithium",
                "max_purchase_t_per_year": 800,
                "paid_by": {"fund": 1.0},
                "serves": ["cells"],
            },
        ],
        "hazards": {
            "export_stop": {
                "annual_probability": 0.2,
                "effects": [{"country": "CN", "loss": [1.0, 0.6, 0.3]}],
            },
            "strike": {
                "annual_probability": 0.1,
                "effects": [{"country": "CL", "materials": ["lithium"], "loss": [0.5]}],
            },
        },
        "uncertainty": {
            "states": [
                {"name": "calm", "probability": 0.6, "delayed_projects": {"separation": 1}},
                {
                    "name": "embargo",
                    "probability": 0.3,
                    "events": [
                        {"hazard": "export_stop", "start": 2026, "period": 2},
                        {"hazard": "strike", "start": 2027},
                    ],
                },
                {
                    "name": "late embargo",
                    "probability": 0.1,
                    "events": [{"hazard": "export_stop", "start": 2027, "period": 2}],
                    "failed_projects": ["upper_rhine"],
                },
            ]
        },
        "policy": {
            "budget_meur": 290,
            "max_public_share": 0.6,
            "state_aid": {"max_intensity": 0.35, "max_meur": 60},
            "max_country_share": {
                "limit": 0.9,
                "from_year": 2027,
                "materials": ["dysprosium"],
                "except": ["DE"],
            },
            "max_projects": 3,
            "must_build": ["separation"],
            "must_not_build": ["old_mine"],
        },
        "objective": {"cost_weight": 0.01, "cvar": {"level": 0.8, "weight": 0.3}},
    }


def lasting() -> dict[str, Any]:
    """The same, with something left at its end."""
    found = everything()
    found["horizon"]["residual_value"] = 0.5
    found["stockpiles"][0]["residual_value"] = 0.8
    found["projects"]["separation"]["residual_value"] = 0
    return found


def doubted() -> dict[str, Any]:
    """The same, with the least favorable probabilities near those of the states."""
    found = everything()
    found["objective"]["ambiguity"] = {"kind": "total_variation", "radius": 0.25}
    return found
