"""Random cases that draw a few states of all that states can hold."""

from __future__ import annotations

from random_cases import Pick, Raw, some_of
from random_sets import with_sets
from random_worlds import world_case, years_of

UNNAMED = [{"probability": 0.5, "eur_per_t": 9_000}, {"probability": 0.5, "eur_per_t": 31_000.1}]


def drawing(pick: Pick, kind: int) -> Raw:
    """A random case that draws a few states; some kinds have a review, some sets."""
    raw = world_case(pick)
    raw["uncertainty"] = {
        "sample": {
            "states": pick([3, 7, 12]),
            "seed": pick([0, 4]),
            "method": pick(["random", "stratified"]),
            "project_correlation": pick([0, 0.3]),
        }
    }
    for hazard in raw["hazards"].values():
        hazard["annual_probability"] = pick([0.2, 0.5])
    for project in raw["projects"].values():
        project |= {"success_probability": pick([0.6, 1.0]), "delay_years": {0: 0.6, 1: 0.4}}
        if "anyway" in project:
            project["anyway"]["probability"] = 0.5
    if pick([True, False]):
        rows = {"calm": {"calm": 0.7, "tense": 0.3}, "tense": {"calm": 0.3, "tense": 0.7}}
        raw["uncertainty"]["regimes"] = {"first": {"calm": 1.0}, "yearly": rows}
        next(iter(raw["hazards"].values()))["regime_factors"] = {"tense": 1.5}
    if pick([True, False]):
        factors = [{"factor": 0.7, "probability": 1 / 3}, {"factor": 1.3, "probability": 2 / 3}]
        raw["uncertainty"]["demand"] = dict.fromkeys(some_of(pick, list(raw["materials"])), factors)
    for material in raw["materials"].values():
        if "price_states" in material and pick([True, False]):
            material["price_states"] = UNNAMED
    if kind == 1 and len(years_of(raw)) > 1:
        observe: list[Raw] = [{"hazard": pick(list(raw["hazards"]))}]
        deciding = {m for p in raw["projects"].values() for m in p.get("cash_cost_eur_per_t", ())}
        observe += [{"price": m} for m in sorted(deciding) if pick([True, False])]
        raw["review"] = {"year": years_of(raw)[1], "observe": observe}
    if kind == 2:
        raw = with_sets(pick, raw, pick(["mean", "worst", "regret"]))
        for one in raw["assumptions"].values():  # what changes the draws is tested apart
            one["set"] = {k: x for k, x in one["set"].items() if "probability" not in k}
    return raw
