"""Points just inside and just outside of budget lines, subsidies and price floors."""

from __future__ import annotations

from typing import Any

from points import STARTED, YEARLY, Point, commit, shared, three, with_works, works
from small import Raw, case, funder, stockpile


def supported(**more: Any) -> Raw:
    """A fund that pays 5 % on loans repaid in two years, or what 1 010 000 EUR/t lack of 10 000.

    Of 100 million these are 7.5 million; of 100 t in one year 100 million, expected 50 of works
    that succeed with a chance of 0.5.
    """
    fund = funder()
    fund["instruments"] |= {
        "interest": {"kind": "interest_subsidy", "term_years": 2, "interest_rate": 0.05},
        "floor": {"kind": "price_floor", "floor_eur_per_t": {"ore": 1_010_000}},
    }
    for name, fields in more.items():
        if name in fund["instruments"]:
            fund["instruments"][name] |= fields
        else:
            fund[name] = fields
    return fund


def lined(lines: Raw, instrument: Raw | None = None) -> Raw:
    """A fund with budget lines, and with a guarantee beside its equity."""
    fund = funder() | {"budget_lines": lines}
    fund["instruments"]["cover"] = {"kind": "guarantee", "recovery": 1.0} | (instrument or {})
    return fund


RISKY = {"success_probability": 0.5}
MONEY = [
    Point(
        "subsidised_loan_limit",
        with_works(fund=supported()),
        commit(STARTED, {"works.fund": 0.4, "works.fund.interest": 0.6}, {"works": 0.6}),
        commit(STARTED, {"works.fund": 0.4, "works.fund.interest": 0.6001}, {"works": 0.6}),
    ),
    Point(
        "market_finance_limit",
        # 0.5 + 0.2 * 0.3 + 0.1 * 0.4
        with_works(
            fund=supported(
                interest={"market_finance_per_share": 0.2}, floor={"market_finance_per_share": 0.1}
            ),
            projects={"works": works(0.5)},
        ),
        commit(
            STARTED,
            {"works.fund": 0.4, "works.fund.interest": 0.3, "works.fund.floor": 0.4},
            {"works": 0.6},
        ),
        commit(
            STARTED,
            {"works.fund": 0.4, "works.fund.interest": 0.2999, "works.fund.floor": 0.4},
            {"works": 0.6},
        ),
        about="with supports",
    ),
    Point(
        "price_floor_limit",
        with_works(funders={"fund": supported(), "bank": supported()}),
        commit(STARTED, {"works.fund.floor": 0.6, "works.bank.floor": 0.4}, {"works": 1}),
        commit(STARTED, {"works.fund.floor": 0.6, "works.bank.floor": 0.4001}, {"works": 1}),
    ),
    Point(
        "offtake_right",
        with_works(fund=supported(floor={"offtake_per_share": 0.5})),
        commit(STARTED, {"works.fund.floor": 0.6}, {"works": 1}, {"works.common": 0.3}),
        commit(STARTED, {"works.fund.floor": 0.6}, {"works": 1}, {"works.common": 0.3001}),
        about="0.5 * 0.6 under a floor",
    ),
    Point(
        "public_share_limit",
        with_works(fund=supported(), policy={"max_public_share": 0.4}),
        commit(STARTED, {"works.fund": 0.4, "works.fund.interest": 0.6}, {"works": 0.6}),
        commit(STARTED, {"works.fund": 0.4001, "works.fund.interest": 0.5}, {"works": 0.5999}),
        about="interest carries nothing",
    ),
    Point(
        "state_aid_limit",
        with_works(
            fund=supported(interest={"grant_equivalent": 0.5}),
            policy={"state_aid": {"max_meur": 1.5}},
        ),
        commit(STARTED, {"works.fund.interest": 0.4}, {"works": 1}),
        commit(STARTED, {"works.fund.interest": 0.4001}, {"works": 1}),
        about="0.5 * 0.4 * 7.5 of interest",
    ),
    Point(
        "state_aid_limit",
        with_works(
            fund=supported(floor={"grant_equivalent": 1.0}),
            projects={"works": works(**RISKY)},
            policy={"state_aid": {"max_meur": 25}},
        ),
        commit(STARTED, {"works.fund.floor": 0.5}, {"works": 1}),
        commit(STARTED, {"works.fund.floor": 0.5001}, {"works": 1}),
        about="what a floor is expected to pay",
    ),
    Point(
        "funder_budget",
        with_works(fund=supported(budget_meur=25), projects={"works": works(**RISKY)}),
        commit(STARTED, {"works.fund.floor": 0.5}, {"works": 1}),
        commit(STARTED, {"works.fund.floor": 0.5001}, {"works": 1}),
        about="what a floor is expected to pay",
    ),
    Point(
        "funder_budget_by_year",
        # Drawn in 2026, 5 of interest in 2027 and 2.5 in 2028.
        with_works(2028, fund=supported(budget_by_year_meur={2027: 9, 2028: 1})),
        commit(STARTED, {"works.fund.interest": 0.4}, {"works": 1}),
        commit(STARTED, {"works.fund.interest": 0.4001}, {"works": 1}),
        about="interest of the second year",
    ),
    shared(
        "budget_line_by_year",
        with_works(
            2027,
            lined({"cash": {"kind": "cash", "by_year_meur": {2026: 50, 2027: 30}}}),
            projects={"works": works(**YEARLY)},
        ),
        0.375,
        0.3751,
        "80 share of 30 alone",
    ),
    shared(
        "budget_line_by_year",
        with_works(
            2027,
            lined(
                {"cash": {"kind": "cash", "by_year_meur": {2026: 50, 2027: 30}, "carry_over": True}}
            ),
            projects={"works": works(**YEARLY)},
        ),
        0.8,
        0.8001,
        "80 share of 30 and what 20 share leave of 50",
    ),
    Point(
        "budget_line_by_year",
        with_works(
            2028,
            lined({"authority": {"kind": "commitment", "by_year_meur": {2027: 40}}}),
            projects={"works": works(**YEARLY)},
        ),
        commit({"works": 2027}, {"works.fund": 0.4}),
        commit({"works": 2027}, {"works.fund": 0.4001}),
        about="all of it with the decision",
    ),
    shared(
        "budget_line_total",
        with_works(
            fund=funder(charges={"cash": 0.5})
            | {"budget_lines": {"cash": {"kind": "cash", "total_meur": 20}}}
        ),
        0.4,
        0.4001,
    ),
    Point(
        "budget_line_total",
        # All 100 million of exposure though the works succeed with 0.5, and all interest of 7.5.
        with_works(
            fund=supported(budget_lines={"authority": {"kind": "commitment", "total_meur": 53}}),
            projects={"works": works(**RISKY)},
        ),
        commit(STARTED, {"works.fund.interest": 0.4, "works.fund.floor": 0.5}, {"works": 1}),
        commit(STARTED, {"works.fund.interest": 0.4, "works.fund.floor": 0.5001}, {"works": 1}),
        about="the exposure of supports",
    ),
    Point(
        "budget_line_total",
        # 20 t a year of 50 000 EUR/t of storage are 1 million, of which half is charged.
        case(
            stockpiles=[
                stockpile(
                    storage_eur_per_t_year=50_000,
                    financing_rate=0.05,
                    paid_by={"bank": 1.0},
                    storage_paid_by={"fund": 1.0},
                )
            ],
            funders={
                "fund": lined({"cash": {"kind": "cash", "total_meur": 0.5, "stock_charge": 0.5}}),
                "bank": funder(),
            },
        ),
        commit(buy_t=[20]),
        commit(buy_t=[20.01]),
        about="the storage that it pays",
    ),
    Point(
        "guarantee_stock_limit",
        # One year long: 40 million each year, one after the other.
        case(
            2027,
            **three(),
            funders={
                "fund": lined(
                    {"stock": {"kind": "guarantee_stock", "limit_meur": 40}}, {"term_years": 1}
                )
            },
        ),
        commit({"a": 2026, "b": 2027}, {"a.fund.cover": 0.4, "b.fund.cover": 0.4}),
        commit({"a": 2026, "b": 2027}, {"a.fund.cover": 0.4, "b.fund.cover": 0.4001}),
    ),
    Point(
        "guarantee_stock_limit",
        # Without an end: 20 million are outstanding when others begin. Equity charges nothing.
        case(
            2027,
            **three(),
            funders={"fund": lined({"stock": {"kind": "guarantee_stock", "limit_meur": 40}})},
        ),
        commit({"a": 2026, "b": 2027}, {"a.fund.cover": 0.2, "b.fund.cover": 0.2, "b.fund": 0.5}),
        commit({"a": 2026, "b": 2027}, {"a.fund.cover": 0.2, "b.fund.cover": 0.2001}),
        about="what is outstanding, not what is new",
    ),
]
