"""What terms of an instrument mean per EUR, against figures worked out by hand."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from models.scenario.instruments import (
    INSTRUMENT_TYPES,
    Instrument,
    InstrumentFields,
    InstrumentKind,
    InstrumentTerms,
    interest_by_age,
    outstanding_by_age,
    present_value,
)


def terms(
    kind: str | None, rate: float = 0.0, funder: str = "public", **fields: Any
) -> InstrumentTerms:
    return Instrument.model_validate({"kind": kind} | fields).type.compute_terms(funder, rate)


def near(value: float) -> Any:
    return pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("term", "grace", "outstanding"),
    [
        (4, 0, (1, 0.75, 0.5, 0.25, 0)),
        (4, 2, (1, 1, 1, 0.5, 0)),
        (2, 2, (1, 1, 0)),
        (3, 2, (1, 1, 1, 0)),
        (1, 0, (1, 0)),
    ],
)
def test_repayment_begins_after_the_grace(
    term: int, grace: int, outstanding: tuple[float, ...]
) -> None:
    assert outstanding_by_age(term, grace) == pytest.approx(outstanding)


def test_interest_is_on_what_the_year_before_left() -> None:
    assert interest_by_age((1.0, 0.5, 0.0), 0.04) == pytest.approx((0.0, 0.04, 0.02))


def test_a_loan_at_the_discount_rate_is_worth_what_is_paid() -> None:
    for term, grace in ((1, 0), (7, 3), (5, 5)):
        loan = terms("loan", 0.04, term_years=term, grace_years=grace, interest_rate=0.04)
        assert loan.recovery == near(1.0)


def test_a_soft_loan_that_may_fail() -> None:
    """Half back in each of two years without interest, at 0.1: 0.5 / 1.1 + 0.5 / 1.21, and 0.9."""
    loan = terms("loan", 0.1, term_years=2, failure_probability=0.2, loss_given_failure=0.5)
    assert loan.recovery == near(0.9 * (0.5 / 1.1 + 0.5 / 1.21))
    assert loan.expected_returns == pytest.approx((0, 0.45, 0.45))
    assert (loan.expected_loss, loan.maximum_loss) == (near(0.1), 1.0)
    assert [loan.outstanding(age) for age in (-1, 0, 1, 2, 9)] == [0, 1, 0.5, 0, 0]


def test_a_guarantee_costs_its_call_and_earns_its_fee() -> None:
    """A tenth is called after a year and a half at 0.05; fees of 1 % on 1, 2/3 and 1/3."""
    cover = terms(
        "guarantee", 0.05, term_years=3, fee_per_year=0.01, failure_probability=0.1
    )  # fmt: skip
    fees = 0.01 / 1.05 + 0.02 / 3 / 1.05**2 + 0.01 / 3 / 1.05**3
    assert cover.recovery == near(1 - 0.1 * 1.05**-1.5 + fees)
    assert cover.budget_class == "guarantee"
    assert [cover.is_in_force(age) for age in (-1, 0, 2, 3)] == [False, True, True, False]


def test_a_guarantee_without_an_end() -> None:
    cover = terms("guarantee", 0.05, fee_per_year=0.01, failure_probability=0.1)
    assert cover.recovery == near(1 - 0.1 + 0.01)
    assert cover.is_in_force(99)


def test_a_stake_grows_until_its_exit() -> None:
    stake = terms("equity", 0.03, term_years=8, expected_return=0.07, failure_probability=0.25)
    assert stake.recovery == near(0.75 * (1.07 / 1.03) ** 8)
    assert stake.expected_returns[8] == near(0.75 * 1.07**8)
    assert sum(stake.expected_returns[:8]) == 0


def test_what_the_file_states_wins_and_flows_follow() -> None:
    loan = terms("loan", 0.1, term_years=2, interest_rate=0.1, recovery=0.5)
    assert loan.recovery == 0.5
    assert present_value(loan.expected_returns, 0.1) == near(0.5)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (None, {}),
        ("grant", {}),
        ("equity", {}),
        ("loan", {}),
        ("guarantee", {}),
        ("interest_subsidy", {"term_years": 5, "interest_rate": 0.02}),
        ("price_floor", {"floor_eur_per_t": {"ore": 1}}),
    ],
)
def test_without_terms_nothing_comes_back(kind: str | None, fields: dict[str, Any]) -> None:
    assert terms(kind, **fields).recovery == 0


@pytest.mark.parametrize(
    ("kind", "funder", "fields", "booked"),
    [
        (None, "public", {}, None),
        (None, "company", {}, "private"),
        (None, "public", {"budget_class": "loan"}, "loan"),
        ("equity", "public", {}, "financial_transaction"),
        ("equity", "public", {"budget_class": "grant"}, "grant"),
        ("equity", "private", {}, "private"),
        ("subordinated_loan", "public", {}, "loan"),
        ("interest_subsidy", "public", {"term_years": 5, "interest_rate": 0.02}, "grant"),
    ],
)
def test_how_a_budget_books_it(
    kind: str | None, funder: str, fields: dict[str, Any], booked: str | None
) -> None:
    assert terms(kind, funder=funder, **fields).budget_class == booked


def test_a_recovery_that_is_stated_comes_back_at_the_exit() -> None:
    """0.6 in present value at 3 % after ten years: 0.6 * 1.03^10, whatever may fail before."""
    for failure in (None, 0.4, 1.0):
        stake = terms("equity", 0.03, term_years=10, recovery=0.6, failure_probability=failure)
        assert stake.recovery == 0.6
        assert stake.expected_returns[:10] == (0.0,) * 10
        assert stake.expected_returns[10] == near(0.6 * 1.03**10)


def test_every_kind_has_one_class_with_known_terms() -> None:
    assert list(INSTRUMENT_TYPES) == [None, *get_args(InstrumentKind)]
    for kind, instrument_type in INSTRUMENT_TYPES.items():
        assert kind == instrument_type.kind
        assert {*instrument_type.required_terms} <= {*instrument_type.terms}
        assert {*instrument_type.terms} <= InstrumentFields.model_fields.keys()
