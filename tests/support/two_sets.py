"""Cases of which two experts hold different things.

Ore and tin are needed, 20 t each, and come from nowhere else. Of four works one may be built. Under
`ore_hurts` a missing tonne of ore costs a million EUR and one of tin nothing, under `tin_hurts` it
is the other way round: what a plan leaves missing of each is its damage under each.
"""

from __future__ import annotations

from typing import Any

from small import CHINA, Raw, case, cut, project, stockpile

MISSING = {"first": (0, 12), "even": (8.5, 8.5), "between": (5, 10), "second": (20, 6)}
"""Tonnes of ore and of tin that each of the works leaves missing: with nothing at best under
`ore_hurts` and 6 under `tin_hurts`, regrets are at most 6, 8.5, 5 and 20."""


def price(ore: float, tin: float) -> Raw:
    paths = ("damage.0.steps.0.eur_per_t", "damage.1.steps.0.eur_per_t")
    return dict(zip(paths, (ore * 1e6, tin * 1e6), strict=True))


def two_sets(over: str | None, weight: float = 0.5, **objective: Any) -> Raw:
    works = {
        name: {
            "country": "DE",
            "output_t_per_year": {"ore": 20 - ore, "tin": 20 - tin},
            "capex_meur": 1,
            "home_share": 1.0,
        }
        for name, (ore, tin) in MISSING.items()
    }
    steps = [{"share": 1.0, "eur_per_t": 1e6}]
    return case(
        materials={m: {"price_eur_per_t": 10_000} for m in ("ore", "tin")},
        demand=[{"consumer": "industry", "material": m, "t_per_year": 20} for m in ("ore", "tin")],
        damage=[{"material": m, "steps": steps} for m in ("ore", "tin")],
        projects=works,
        policy={"max_projects": 1},
        objective={"cost_weight": 0, "over_assumptions": over, **objective},
        assumptions={
            "ore_hurts": {"weight": weight, "set": price(1, 0)},
            "tin_hurts": {"weight": 1 - weight, "set": price(0, 1)},
        },
    )


def sampled(over: str | None, states: int = 200, **sections: Any) -> Raw:
    """Imports that are lost for a while, now and then, or three times as often."""
    raw = case(
        2030,
        supply=CHINA,
        hazards=cut([0.8]),
        projects={"works": project(60, 12, home_share=0.5)},
        stockpiles=[stockpile(max_t=50)],
        uncertainty={"sample": {"states": states, "seed": 1}},
        objective={"over_assumptions": over},
        assumptions={
            "as_filed": {"title": "As filed", "weight": 0.6, "set": {}},
            "often": {
                "title": {"en": "Often", "de": "Oft"},
                "weight": 0.4,
                "set": {"hazards.cut.annual_probability": 0.3},
            },
        },
    )
    raw["funders"]["fund"]["budget_meur"] = 10.0
    return raw | sections
