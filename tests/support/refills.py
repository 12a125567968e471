"""Random cases whose stocks are filled again, drawn after everything else."""

from __future__ import annotations

import copy
from typing import Any

from random_cases import Pick
from small import CHINA, case, cut, state, stockpile

Raw = dict[str, Any]


def filled_again(pick: Pick, raw: Raw) -> Raw:
    """The same case with stocks that are filled again, more years, more and shorter events, and
    most often with markets that can meet demand where nothing strikes."""
    raw = copy.deepcopy(raw)
    raw["horizon"]["last_year"] += pick([1, 3])
    years = range(raw["horizon"]["first_year"], raw["horizon"]["last_year"] + 1)
    for hazard in raw["hazards"].values():
        for effect in hazard["effects"]:
            effect["loss"] = effect["loss"][: pick([1, 3])]
    for it in raw["uncertainty"].get("states", ()):
        it["events"] = it.get("events", []) + [
            {
                "hazard": pick(list(raw["hazards"])),
                "start": pick(years),
                "period": pick(range(1, raw["horizon"]["periods_per_year"] + 1)),
            }
            for _ in range(pick([2, 3, 4]))
        ]
    if pick([True, True, False]):
        raw["supply"] = [
            {"material": m, "country": c, "share": 0.55}
            for m in raw["materials"]
            for c in ("CN", "CL")
        ]
    refills = [None, 4, 30, 400, {2026: 3, 2028: 50}]
    for stock in raw["stockpiles"]:
        stock["refill_t_per_year"] = pick(refills)
    return raw


def twice() -> Raw:
    """100 t are needed each year, and nothing arrives in the first and the third of three. Of 50 t
    in store up to 30 t a year come back."""
    return case(
        2028,
        supply=CHINA,
        hazards=cut([1.0]),
        uncertainty={"states": [state("twice", 1.0, 2026, 2028)]},
        stockpiles=[stockpile(initial_t=50, annual_loss=0.25, refill_t_per_year=30)],
    )
