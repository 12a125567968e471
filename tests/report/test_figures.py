"""Numbers as German writes them; English ones are in test_terminal.py."""

from types import SimpleNamespace

import pytest

from models.language import using
from models.results.evaluation import ProvenRange
from optimizer.report import number_format
from optimizer.report.cells import build_grid, format_range
from optimizer.report.document import PAGE, TERMINAL, Column, Table


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
        assert number_format.format_number(value) == text.replace(" ", number_format.NO_BREAK_SPACE)


def test_german_columns_have_neither_a_false_zero_nor_a_negative_one() -> None:
    with using("de"):
        assert number_format.format_column([1234.5, 0.0]) == [
            f"1{number_format.NO_BREAK_SPACE}234",
            "0",
        ]
        cells = number_format.format_column([0.2, 12.6, -0.0, 0.004, -0.004])
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
        assert number_format.format_percent(share) == text.replace(
            " ", number_format.NO_BREAK_SPACE
        )


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0 %"), (1e-7, "<0,0001 %"), (0.000123456, "0,0123 %"), (12, "1 200 %")],
)
def test_a_small_german_percent(share: float, text: str) -> None:
    with using("de"):
        shown = number_format.format_small_percent(share)
    assert shown == text.replace(" ", number_format.NO_BREAK_SPACE)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (12.31, 13.92, "12.3 to 14.0"),
        (0.0, 0.06491, "at most 0.0650"),
        (6.0, 14.0, "6 to 14"),
        (108.19, 113.71, "108.1 to 113.8"),
        (6.496, 6.504, "6.49 to 6.51"),
        (-0.125, -0.0301, "-0.125 to -0.030"),
        (12.0, 12.004, "12.0"),
        (6.0, 6.0, "6"),
        (2.9999, None, "at least 2.99"),
        (None, 0.30001, "at most 0.301"),
    ],
)
def test_a_range_is_rounded_outwards(low: float | None, high: float | None, said: str) -> None:
    assert format_range(SimpleNamespace(low=low, high=high)) == said


def test_the_two_ends_of_a_range_are_rounded_outwards_on_a_page() -> None:
    """Both have the decimals of their column; what an end lacks by arithmetic does not count."""
    rows = [ProvenRange(low=12.39, high=13.31), ProvenRange(low=0.3 - 1e-9, high=700.0000001)]
    table = Table("", rows, [Column("Lost", lambda row: row, "range")])
    shown = [[cell.text for cell in row] for row in build_grid(table, PAGE).rows]
    assert shown == [["12.3", "13.4"], ["0.3", "700.0"]]
    assert [row[0].text for row in build_grid(table, TERMINAL).rows] == [
        "12.3 to 13.4",
        "0.3 to 700.0",
    ]
