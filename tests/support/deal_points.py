"""Points at which a limit on starts, a premium or an overrun just fits, and just does not.

Works of 100 million may cost half as much again, or twice: with a contingency of 0.9, 150 million
are budgeted. A premium of 100 000 EUR/t on all of their 100 t is 10 million a year, 8 as the works
succeed.
"""

from __future__ import annotations

from points import STARTED, Point, commit, shared, three, with_works, works
from small import Raw, case, funder

OVERRUN = {
    "capex_overrun": [
        {"by": 1.0, "probability": 0.1},
        {"by": 0.0, "probability": 0.5},
        {"by": 0.5, "probability": 0.4},
    ]
}
PREMIUM = {"secured_premium_eur_per_t": 100_000, "premium_paid_by": {"fund": 1.0}}


def overrun(fund: Raw, **policy: object) -> Raw:
    policy = {"contingency": 0.9} | policy
    return with_works(fund=fund, projects={"works": works(**OVERRUN)}, policy=policy)


def premium(fund: Raw, **sections: object) -> Raw:
    return with_works(
        fund=fund,
        materials={"ore": {"price_eur_per_t": 10_000} | PREMIUM},
        projects={"works": works(home_share=1.0, success_probability=0.8)},
        **sections,
    )


def reserved(name: str, raw: Raw, about: str) -> Point:
    """Half of the output is reserved, 4 million; then a little more."""
    low, high = (commit(STARTED, offtake={"works.common": x}) for x in (0.5, 0.5001))
    return Point(name, raw, low, high, about=about)


def line(kind: str, **fields: object) -> Raw:
    return {"budget_lines": {"line": {"kind": kind} | fields}}


GUARANTOR = {
    "kind": "public",
    "instruments": {"cover": {"kind": "guarantee", "failure_probability": 0}},
} | line("guarantee_stock", limit_meur=60)
DEALS = [
    Point(
        "starts_by_year",
        case(2027, **three(), policy={"max_starts_by_year": {2026: 1}}),
        commit({"a": 2026, "b": 2027, "c": 2027}),
        commit({"a": 2026, "b": 2026, "c": 2027}),
    ),
    shared("funder_budget", overrun(funder(budget=60)), 0.4, 0.4001, "an overrun"),
    shared("public_budget", overrun(funder(), budget_meur=60), 0.4, 0.4001, "an overrun"),
    shared("ticket_max", overrun(funder(ticket_max_meur=40)), 0.4, 0.4001, "no overrun"),
    shared(
        "state_aid_limit",
        overrun(funder(grant_equivalent=1.0), state_aid={"max_meur": 40}),
        0.4,
        0.4001,
        "no overrun",
    ),
    shared(
        "budget_line_total",
        overrun(funder() | line("commitment", total_meur=60)),
        0.4,
        0.4001,
        "authority for an overrun",
    ),
    Point(
        "guarantee_stock_limit",
        overrun(GUARANTOR),
        commit(STARTED, {"works.fund.cover": 0.4}),
        commit(STARTED, {"works.fund.cover": 0.4001}),
        about="a guarantee of an overrun",
    ),
    shared(
        "budget_line_by_year",
        overrun(funder() | line("cash", by_year_meur={2026: 60})),
        0.4,
        0.4001,
        "cash for an overrun",
    ),
    reserved("funder_budget", premium(funder(budget=1) | {"premium_charge": 0.25}), "a premium"),
    reserved("public_budget", premium(funder(), policy={"budget_meur": 4}), "a premium"),
    reserved(
        "budget_line_total",
        premium(funder() | line("cash", total_meur=2, premium_charge=0.5)),
        "cash for a premium",
    ),
]
