"""A small scenario of a whole chain: ore, oxide with terbium, magnets, at home and bought.

Two companies take part; makers of today and a candidate at every stage, stocks of oxide and of
magnets, imports of all forms, hazards on imports of each and on the makers. Few states are drawn.
"""

from __future__ import annotations

from typing import Any

from small import Raw, funder, project, stockpile

FORMS = ("ore", "oxide", "terbium", "magnet")
WANTED = (("cars", "magnet", 300), ("wind", "magnet", 200), ("glass", "oxide", 20))
TAKEN = {"oxide": 0.4, "terbium": 0.02}


def mine_to_magnet(allocation: str = "pooled", states: int = 30, **sections: Any) -> Raw:
    """Four years by halves, of which the sections given replace the usual ones."""
    return {
        "schema_version": 1,
        "title": "From mine to magnet",
        "currency": "EUR",
        "price_year": 2025,
        "horizon": {"first_year": 2026, "last_year": 2029, "periods_per_year": 2},
        "materials": {
            m: {"name": m.capitalize(), "price_eur_per_t": price}
            for m, price in zip(FORMS, (3_000, 60_000, 900_000, 90_000), strict=True)
        },
        "consumers": {
            "cars": {"name": "Cars", "company": "car_maker"},
            "wind": {"name": "Wind", "company": "turbine_maker"},
            "glass": {"name": "Glass"},
        },
        "demand": [
            {"consumer": u, "material": m, "t_per_year": t}
            for u, m, t in (
                ("cars", "magnet", 300),
                ("wind", "magnet", 200),
                ("glass", "oxide", 20),
            )
        ],
        "damage": [
            {
                "material": "magnet",
                "steps": [
                    {"share": 0.6, "eur_per_t": 200_000},
                    {"share": 0.4, "eur_per_t": 1_500_000},
                ],
            },
            {"material": "oxide", "steps": [{"share": 1, "eur_per_t": 300_000}]},
        ],
        "supply": [
            {"material": "ore", "country": "AU", "t_per_year": 30},
            {"material": "oxide", "country": "CN", "t_per_year": 110},
            {"material": "terbium", "country": "CN", "t_per_year": 6},
            {"material": "magnet", "country": "CN", "t_per_year": 300},
        ],
        "conversions": {
            "makers": {
                "name": "Makers of today",
                "country": "DE",
                "output": "magnet",
                "inputs_t_per_t": TAKEN,
                "capacity_t_per_year": {2026: 200, 2028: 240},
            }
        },
        "projects": {
            "mine": project(90, 6, country="SE", home_share=0.1)
            | {"name": "Mine", "market_finance_max": 0.5},
            "refinery": project(capex=12, inputs_t_per_t={"ore": 1.5}, market_finance_max=0.3)
            | {"name": "Refinery", "output_t_per_year": {"oxide": 80}, "construction_years": 1},
            "magnets": project(capex=15, inputs_t_per_t=TAKEN, market_finance_max=0.3)
            | {"name": "Magnet plant", "output_t_per_year": {"magnet": 150}, "ramp_up": [0.5, 1.0]},
        },
        "funders": {
            "state": funder(budget=30, max_share=0.6),
            "car_maker": funder("company", 8, max_share=0.3) | {"name": "Car maker"},
            "turbine_maker": funder("company", 6, max_share=0.3) | {"name": "Turbine maker"},
        },
        "stockpiles": [
            _stored("oxide", 30, annual_loss=0.02),
            _stored("magnet", 50, annual_loss=0.1),
        ],
        "hazards": {
            "ban": _hazard(0.15, "CN", [0.9, 0.9, 0.6, 0.4], ["oxide", "terbium", "magnet"]),
            "magnets_alone": _hazard(0.15, "CN", [0.7, 0.7], ["magnet"]),
            "fire": _hazard(0.1, "DE", [0.8, 0.4], ["magnet"]),
            "storm": _hazard(0.1, "AU", [0.8], ["ore"]),
        },
        "uncertainty": {"sample": {"states": states, "seed": 7}},
        "objective": {
            "allocation": allocation,
            "cost_weight": 0.05,
            "cvar": {"level": 0.9, "weight": 0.3},
        },
    } | sections


def _stored(material: str, most: float, **fields: Any) -> Raw:
    own = {"id": f"{material}_store", "name": f"Store of {material}", "material": material}
    limits = {"max_t": most, "storage_eur_per_t_year": 500, "paid_by": {"state": 1.0}}
    return stockpile(**(own | limits | fields))


def _hazard(probability: float, country: str, loss: list[float], materials: list[str]) -> Raw:
    effect = {"country": country, "loss": loss, "materials": materials}
    name = f"Less from {country}"
    return {"name": name, "annual_probability": probability, "effects": [effect]}
