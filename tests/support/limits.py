"""A scenario in which every limit that a scenario can state is stated, and values of each.

Limits of the policy come from their declarations, so that a new one is in it by itself.
"""

from __future__ import annotations

from typing import Any

from frontier_cases import two_works
from small import Raw, stockpile

from optimizer.model.rules import policy_limits

KEYS = {"year": 2026, "country": "DE"}
"""The key of a mapping of limits, by its role: where and when the works are built."""
LOOSE = {"money": 1000, "share": 1.0, "count": 10}
VALUES = {"money": ("7", "9"), "share": ("0.4", "0.7"), "count": ("1", "2")}
EXAMPLES: dict[str, tuple[str, tuple[str, str]]] = {
    "policy.state_aid.max_intensity": ("policy.state_aid.max_intensity", ("0.1", "0.3")),
    "policy.state_aid.max_meur": ("policy.state_aid.max_meur", ("0.4", "2")),
    "policy.max_country_share.limit": ("policy.max_country_share.limit", ("0.95", "0.99")),
    "funders.*.budget_meur": ("funders.fund.budget_meur", ("3", "6")),
    "funders.*.budget_by_year_meur.*": ("funders.fund.budget_by_year_meur.2026", ("3", "6")),
    "funders.*.budget_lines.*.total_meur": ("funders.fund.budget_lines.a.total_meur", ("3", "6")),
    "funders.*.budget_lines.*.by_year_meur.*": (
        "funders.fund.budget_lines.b.by_year_meur.2026", ("3", "6"),
    ),
    "funders.*.budget_lines.*.limit_meur": ("funders.fund.budget_lines.c.limit_meur", ("2", "3")),
    "funders.*.instruments.*.max_share": (
        "funders.fund.instruments.equity.max_share", ("0.4", "0.6"),
    ),
    "funders.*.instruments.*.ticket_max_meur": (
        "funders.fund.instruments.equity.ticket_max_meur", ("2", "3"),
    ),
    "projects.*.market_finance_max": ("projects.large.market_finance_max", ("0.2", "0.6")),
    "stockpiles.*.max_t": ("stockpiles.reserve.max_t", ("5", "15")),
    "stockpiles.*.max_purchase_t_per_year": (
        "stockpiles.reserve.max_purchase_t_per_year", ("5", "15"),
    ),
}  # fmt: skip
"""Path and values of the numbers by pattern; others are limits of the policy."""


def example_values(pattern: str) -> tuple[str, tuple[str, str]]:
    """The path in `limited` of the limit with this pattern, and two values, the second looser."""
    if pattern in EXAMPLES:
        return EXAMPLES[pattern]
    limit = next(limit for limit in policy_limits() if limit.pattern == pattern)
    return f"policy.{limit.path.format(**KEYS)}", VALUES[limit.unit]


def loose_policy() -> Raw:
    """A policy with every limit that there is, none of which binds."""
    policy: Raw = {}
    for limit in policy_limits():
        *sections, name = limit.path.format(**KEYS).split(".")
        part: dict[Any, Any] = policy
        for section in sections:
            part = part.setdefault(section, {})
        part[int(name) if name.isdecimal() else name] = LOOSE[limit.unit]
    own = {"sum": {"quantity": "starts", "each": "project"}, "at_most": 9}
    return policy | {"rules": {"own": own}}


def limited() -> Raw:
    """`two_works` with market finance, a guarantee, a stock and budget lines, so that every limit
    means something."""
    raw = two_works(stockpiles=[stockpile()], policy=loose_policy())
    fund = raw["funders"]["fund"]
    fund["instruments"]["equity"] |= {"charges": {"a": 1.0, "b": 1.0}, "grant_equivalent": 0.2}
    fund["instruments"]["cover"] = {
        "kind": "guarantee", "charges": {"c": 1.0}, "offtake_per_share": 1.0,
    }  # fmt: skip
    fund["budget_lines"] = {
        "a": {"kind": "commitment", "total_meur": 20},
        "b": {"kind": "cash", "by_year_meur": {2026: 20}},
        "c": {"kind": "guarantee_stock", "limit_meur": 20},
    }
    raw["supply"] = [{"material": "ore", "country": "CN", "share": 1.0}]
    raw["hazards"] = {
        "cut": {"annual_probability": 0.5, "effects": [{"country": "CN", "loss": [1.0]}]}
    }
    raw["uncertainty"] = {
        "states": [
            {"name": "calm", "probability": 0.5},
            {"name": "cut", "probability": 0.5, "events": [{"hazard": "cut", "start": 2026}]},
        ]
    }
    for works in raw["projects"].values():
        works["market_finance_max"] = 0.5
    return raw
