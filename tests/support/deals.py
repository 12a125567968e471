"""A small scenario in which deals cost more than they seem to, and few can be made a year."""

from __future__ import annotations

from typing import Any

from treasury import treasury


def deals() -> dict[str, Any]:
    """The treasury, with a premium on what is secured, overruns and a limit on starts."""
    found = treasury()
    found["materials"]["ore"] |= {
        "secured_premium_eur_per_t": {2026: 10_000, 2028: 20_000},
        "premium_paid_by": {"fund": 0.75, "maker": 0.25},
    }
    found["projects"]["mine"]["capex_overrun"] = [
        {"by": 0.5, "probability": 0.4},
        {"by": 0.0, "probability": 0.6},
    ]
    found["horizon"]["residual_value"] = 0.5
    found["funders"]["fund"] |= {"premium_charge": 0.5, "budget_meur": 90}
    found["funders"]["fund"]["budget_lines"]["cash"]["premium_charge"] = 0.8
    found["policy"] |= {"max_starts_by_year": {2026: 1, 2027: 0}, "contingency": 0.7}
    return found
