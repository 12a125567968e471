"""A scenario with figures to hide, and a short way to hide them."""

from __future__ import annotations

from typing import Any

from frontier_cases import reading
from small import case, chance_of_cut, funder, project, stockpile

from optimizer.analyses.redaction import Redaction, redact_scenario

Raw = dict[str, Any]


def two_consumers(**changes: Any) -> Raw:
    """A maker of chips with demand, damage, budget and stock of its own, beside all others.

    All ore comes from China and stays away with a probability of 0.3.
    """
    sections: Raw = {
        "consumers": {
            "chips": {"name": "Chips", "company": "chip_co", "description": "needs 41.7 t a year"},
            "others": {"name": "Others"},
        },
        "demand": [
            {
                "consumer": "chips",
                "material": "ore",
                "t_per_year": {"value": 41.7, "source": "ledger", "note": "from the books"},
            },
            {"consumer": "others", "material": "ore", "t_per_year": 100},
        ],
        "damage": [
            {"material": "ore", "consumer": "chips", "steps": [{"share": 1, "eur_per_t": 731_000}]},
            {"material": "ore", "steps": [{"share": 1, "eur_per_t": 100_000}]},
        ],
        "sources": {
            "ledger": {"text": "Purchase ledger", "kind": "read"},
            "idle": {"text": "Nothing rests on it", "kind": "read"},
        },
        "projects": {"works": project(30, 6.0)},
        "funders": {"fund": funder(budget=4.4), "chip_co": funder("company", 13.3)},
        "stockpiles": [
            stockpile(
                id="own",
                initial_t=3.3,
                max_t=8.8,
                max_purchase_t_per_year=0,
                paid_by={"chip_co": 1.0},
                serves=["chips"],
            )
        ],
        **chance_of_cut(0.3),
    }
    return case(**(sections | changes))


def hide(
    raw: Raw,
    consumers: tuple[str, ...] = ("chips",),
    companies: tuple[str, ...] = ("chip_co",),
    **options: Any,
) -> Redaction:
    return redact_scenario(reading(raw), consumers, companies, **options)
