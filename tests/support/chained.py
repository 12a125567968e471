"""A small scenario with a chain: magnets are made of oxide and terbium, by makers and by a plant.

Its figures are round. In tonnes a year 128 magnets are demanded, 96 by the motors and 32 by others,
who demand 20 of oxide besides; makers of 64 magnets take in 1.25 of oxide and 0.25 of terbium a
tonne. So 100 of oxide are needed, 60 and 40, and 16 of terbium, 12 and 4. A lot is 16 t of magnets
or of oxide and 2 t of terbium; a year has two periods.
"""

from __future__ import annotations

from typing import Any

from small import CHINA, Raw, case, cut, funder, project, state, stockpile


def chained(**sections: Any) -> Raw:
    """An import stop that halves in the second period, with a strike at the makers in the first."""
    magnets = {"output_t_per_year": {"magnet": 32}, "country": "FR", "home_share": 0.5}
    inputs = {"oxide": 1.25, "terbium": 0.25}
    demand = [("motors", "magnet", 96), ("others", "magnet", 32), ("others", "oxide", 20)]
    raw = case(
        horizon={"first_year": 2026, "last_year": 2026, "periods_per_year": 2},
        materials={m: {"price_eur_per_t": 10_000} for m in ("magnet", "oxide", "terbium")},
        consumers={"motors": {"company": "motor_co"}, "others": {}},
        demand=[{"consumer": u, "material": m, "t_per_year": t} for u, m, t in demand],
        damage=[
            {"material": m, "steps": [{"share": 1, "eur_per_t": eur}]}
            for m, eur in {"magnet": 100_000, "oxide": 50_000}.items()
        ],
        supply=[
            {"material": "magnet", "country": "CN", "share": 0.5},
            {"material": "oxide", "country": "CN", "share": 0.8},
            {"material": "terbium", "country": "CN", "t_per_year": 16},
        ],
        conversions={
            "makers": {
                "country": "DE",
                "output": "magnet",
                "inputs_t_per_t": inputs,
                "capacity_t_per_year": 64,
            }
        },
        projects={
            "plant": project(inputs_t_per_t=inputs) | magnets,
            "refinery": project(home_share=1) | {"output_t_per_year": {"oxide": 40}},
        },
        funders={"fund": funder(), "motor_co": funder("company")},
        stockpiles=[
            stockpile(
                material="oxide",
                initial_t=10,
                max_release_t_per_period=8,
                min_days_of_demand=36.5,
                serves=["motors"],
            )
        ],
        hazards={
            "stop": {"annual_probability": 0.1, "effects": [{"country": "CN", "loss": [1, 0.5]}]},
            "strike": {
                "annual_probability": 0.1,
                "effects": [{"country": "DE", "materials": ["magnet"], "loss": [0.5]}],
            },
        },
        uncertainty={
            "states": [
                {
                    "probability": 1,
                    "events": [{"hazard": h, "start": 2026} for h in ("stop", "strike")],
                }
            ]
        },
        policy={"max_country_share": {"limit": 0.5, "materials": ["oxide"]}},
    )
    return raw | sections


def entitled() -> Raw:
    """The same, where everybody has what is their own."""
    return chained(objective={"allocation": "entitled"})


def oxide_in_store() -> Raw:
    """100 t of magnets come from China; makers of 40 t and a plant of 20 t have 60 t of oxide."""
    inputs = {"inputs_t_per_t": {"oxide": 1}}
    makers = {"country": "DE", "output": "magnet", "capacity_t_per_year": 40}
    pile = {"max_purchase_t_per_year": 0, "initial_t": 60, "material": "oxide"}
    return case(
        materials={m: {"price_eur_per_t": 1} for m in ("oxide", "magnet")},
        demand=[{"consumer": "industry", "material": "magnet", "t_per_year": 100}],
        damage=[{"material": "magnet", "steps": [{"share": 1, "eur_per_t": 1_000_000}]}],
        supply=[CHINA[0] | {"material": "magnet"}],
        conversions={"makers": makers | inputs},
        projects={"plant": project(home_share=1) | inputs | {"output_t_per_year": {"magnet": 20}}},
        stockpiles=[stockpile(**pile)],
        hazards=cut([1.0]),
        uncertainty={"states": [state("a cut", 1, 2026)]},
    )
