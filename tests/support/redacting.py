"""A scenario with figures to hide, and short ways to hide and to attack them."""

from __future__ import annotations

from typing import Any

from frontier_cases import reading
from small import case, chance_of_cut, funder, project, stockpile

from models.results import Plan
from optimizer.analyses.redaction.attack import ATTACKS, Attacker
from optimizer.analyses.redaction.hidden_figures import BandMethod, RedactionMethod
from optimizer.analyses.redaction.ranges import Ranges
from optimizer.analyses.redaction.redacted_scenario import RedactedScenario, redact_scenario
from optimizer.solve.planner import solve_to_plan

Raw = dict[str, Any]
BAND = BandMethod(0.25)


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
    method: RedactionMethod = BAND,
    **options: Any,
) -> RedactedScenario:
    return redact_scenario(reading(raw), consumers, companies, method, **options)


def solved(redacted: RedactedScenario, *, true: bool = True) -> Plan:
    return solve_to_plan(redacted.true_case if true else redacted.redacted_case, gap=0.0)


def attacked(redacted: RedactedScenario, published: Plan, *results: str) -> Ranges:
    """What an attacker knows who sees some results of a plan, or all."""
    attacker = Attacker(redacted, published)
    ranges = attacker.ranges_from_file()
    for name in results or ATTACKS:
        ranges = ATTACKS[name](attacker, ranges)
    return ranges


def truth(redacted: RedactedScenario) -> dict[str, float]:
    return {one.figure.dotted_path: one.figure.value for one in redacted.replaced_figures}
