"""Chains of materials to be solved by hand, by both methods and by the oracle.

Magnets are made of oxide; 100 t of magnets are needed in 2026, none are imported, and a missing
tonne costs 1 million EUR. Stocks cannot be added to; costs weigh nothing.
"""

from __future__ import annotations

from typing import Any

from oracle import best
from small import Raw, case, near, project, stockpile

from models.scenario.references import Case
from optimizer.errors import Infeasible
from optimizer.solve.planner import solve_to_plan
from optimizer.solve.solver_result import Method

BOTH = ("pooled", "entitled")
METHODS: tuple[Method, ...] = ("extensive", "decomposition")


def chain(capacity: Any = 100, ratio: float = 1.0, **sections: Any) -> Raw:
    return case(
        **{
            "materials": {
                "oxide": {"name": "Oxide", "price_eur_per_t": 10_000},
                "magnet": {"name": "Magnet", "price_eur_per_t": 50_000},
            },
            "demand": [{"consumer": "industry", "material": "magnet", "t_per_year": 100}],
            "damage": [dear("magnet")],
            "conversions": {"makers": makers(capacity, oxide=ratio)},
            "objective": {"cost_weight": 0.0},
        }
        | sections
    )


def makers(capacity: Any, output: str = "magnet", country: str = "DE", **inputs: float) -> Raw:
    own = {"output": output, "country": country, "capacity_t_per_year": capacity}
    return {"name": "Makers", "inputs_t_per_t": inputs} | own


def dear(material: str, millions: float = 1.0, **fields: str) -> Raw:
    return {"material": material, "steps": [{"share": 1.0, "eur_per_t": millions * 1e6}]} | fields


def kept(tonnes: float, material: str = "oxide", **fields: Any) -> Raw:
    """A stock that cannot be added to."""
    own = {"id": f"{material}_store", "material": material, "initial_t": tonnes}
    return stockpile(max_purchase_t_per_year=0) | own | fields


def imports(material: str, tonnes: float, country: str = "CN") -> Raw:
    return {"material": material, "country": country, "t_per_year": tonnes}


def works(tonnes: float, output: str = "magnet", **fields: Any) -> Raw:
    """A candidate that the market builds, all of whose output may be reserved."""
    own = {"output_t_per_year": {output: tonnes}, "market_finance_max": 1.0, "home_share": 1.0}
    return project(**(own | fields))


def found(raw: Raw, allocation: str) -> float:
    """The least expected damage, on which the oracle and both methods agree."""
    raw = raw | {"objective": raw["objective"] | {"allocation": allocation}}
    answer = best(raw)
    assert answer is not None
    for method in METHODS:
        outcome = solve_to_plan(Case.model_validate(raw), gap=0.0, method=method).outcome
        assert outcome.expected == near(answer.expected), method
    return answer.expected


def solved(raw: Raw) -> float | None:
    """The least objective, None where the rules allow no plan."""
    try:
        return solve_to_plan(Case.model_validate(raw), gap=0.0).certificate.objective
    except Infeasible:
        return None
