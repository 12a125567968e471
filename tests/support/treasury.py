"""A small scenario with every kind of budget line and of instrument."""

from __future__ import annotations

from typing import Any


def treasury() -> dict[str, Any]:
    """A fund with cash, authority and guarantees, a company, two projects and a stockpile."""
    return {
        "title": "The treasury",
        "horizon": {"first_year": 2026, "last_year": 2028, "discount_rate": 0.05},
        "materials": {
            "ore": {
                "price_eur_per_t": 10_000,
                "price_states": [
                    {"name": "low", "probability": 0.25, "eur_per_t": 6_000},
                    {"probability": 0.75, "eur_per_t": {2026: 12_000, 2028: 14_000}},
                ],
            }
        },
        "consumers": {"industry": {"company": "maker"}},
        "demand": [{"consumer": "industry", "material": "ore", "t_per_year": 100}],
        "damage": [{"material": "ore", "steps": [{"share": 1, "eur_per_t": 900_000}]}],
        "supply": [{"material": "ore", "country": "CN", "share": 0.5}],
        "projects": {
            "mine": {
                "country": "DE",
                "output_t_per_year": {"ore": 40},
                "latest_start": 2027,
                "ramp_up": [0.5, 1.0],
                "capex_meur": 100,
                "capex_profile": [0.5, 0.5],
                "market_finance_max": 0.5,
                "success_probability": 0.8,
            },
            "plant": {
                "country": "FR",
                "output_t_per_year": {"ore": 20},
                "latest_start": 2026,
                "capex_meur": 30,
                "market_finance_max": 0.4,
            },
        },
        "funders": {
            "fund": {
                "kind": "public",
                "budget_lines": {
                    "cash": {
                        "kind": "cash",
                        "total_meur": 40,
                        "by_year_meur": {2026: 20, 2027: 25},
                        "carry_over": True,
                    },
                    "authority": {"kind": "commitment", "total_meur": 150, "stock_charge": 0.5},
                    "guarantees": {"kind": "guarantee_stock", "limit_meur": {2026: 60, 2028: 40}},
                },
                "instruments": {
                    "stake": {
                        "kind": "equity",
                        "max_share": 0.3,
                        "offtake_per_share": 1.0,
                        "term_years": 10,
                        "expected_return": 0.06,
                        "failure_probability": 0.1,
                        "loss_given_failure": 0.8,
                    },
                    "cover": {
                        "kind": "guarantee",
                        "max_share": 0.5,
                        "offtake_per_share": 0.2,
                        "budget_charge": 0.1,
                        "charges": {"authority": 0},
                        "term_years": 2,
                        "fee_per_year": 0.01,
                        "failure_probability": 0.2,
                        "loss_given_failure": 0.5,
                    },
                    "interest": {
                        "kind": "interest_subsidy",
                        "max_share": 0.8,
                        "ticket_min_meur": 5,
                        "ticket_max_meur": 50,
                        "term_years": 3,
                        "grace_years": 1,
                        "interest_rate": 0.04,
                        "market_finance_per_share": 0.2,
                        "grant_equivalent": 0.5,
                    },
                    "floor": {
                        "kind": "price_floor",
                        "offtake_per_share": 0.5,
                        "grant_equivalent": 0.25,
                        "term_years": 2,
                        "market_finance_per_share": 0.1,
                        "floor_eur_per_t": {"ore": 9_000},
                        "upside_share": 0.3,
                        "upside_from_eur_per_t": {"ore": 13_000},
                    },
                },
            },
            "maker": {
                "kind": "company",
                "instruments": {
                    "loan": {
                        "kind": "loan",
                        "max_share": 0.2,
                        "offtake_per_share": 1.0,
                        "term_years": 4,
                        "grace_years": 1,
                        "interest_rate": 0.03,
                    },
                    "floor": {
                        "kind": "price_floor",
                        "max_share": 0.5,
                        "market_finance_per_share": 0.1,
                        "floor_eur_per_t": {"ore": {2026: 8_000, 2028: 12_500}},
                    },
                },
            },
        },
        "stockpiles": [
            {
                "id": "reserve",
                "material": "ore",
                "max_purchase_t_per_year": 10,
                "storage_eur_per_t_year": 400,
                "financing_rate": 0.03,
                "paid_by": {"maker": 1.0},
                "storage_paid_by": {"fund": 1.0},
                "financing_paid_by": {"fund": 0.5, "maker": 0.5},
            }
        ],
        "policy": {"max_public_share": 0.6, "state_aid": {"max_intensity": 0.1}},
    }
