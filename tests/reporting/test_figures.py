"""Numbers as German writes them; English ones are in test_terminal.py."""

from __future__ import annotations

import pytest

from models.language import using
from optimizer.report import figures


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234567.8, "1 234 568"),
        (-1234.5, "-1 234"),
        (345.0, "345"),
        (12.34, "12,3"),
        (0.0123, "0,0123"),
        (-0.0, "0"),
        (-1e-12, "0"),
        (None, "-"),
        (float("nan"), "-"),
    ],
)
def test_german_numbers_have_a_decimal_comma(value: float | None, text: str) -> None:
    with using("de"):
        assert figures.number(value) == text.replace(" ", figures.NO_BREAK)


def test_german_columns_have_neither_a_false_zero_nor_a_negative_one() -> None:
    with using("de"):
        assert figures.column([1234.5, 0.0]) == [f"1{figures.NO_BREAK}234", "0"]
        cells = figures.column([0.2, 12.6, -0.0, 0.004, -0.004])
    assert cells == ["0,2", "12,6", "0", "<0,1", ">-0,1"]


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.25, "25 %"),
        (1 / 3, "33,3 %"),
        (0.99999, ">99,9 %"),
        (0.0001, "<0,1 %"),
        (-0.0001, ">-0,1 %"),
        (12.3456, "1 234,6 %"),
    ],
)
def test_german_percent(share: float, text: str) -> None:
    with using("de"):
        assert figures.percent(share) == text.replace(" ", figures.NO_BREAK)


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0 %"), (1e-7, "<0,0001 %"), (0.000123456, "0,0123 %"), (12, "1 200 %")],
)
def test_a_small_german_percent(share: float, text: str) -> None:
    with using("de"):
        shown = figures.small_percent(share)
    assert shown == text.replace(" ", figures.NO_BREAK)
