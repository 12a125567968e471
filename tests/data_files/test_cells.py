"""Cells, names of countries and units as publishers write them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pycountry
import pytest
from hypothesis import given, strategies as st

from models.countries import ALPHA_2, corrected_code
from optimizer.data_files import countries
from optimizer.data_files.cells import has_decimal_comma, read_number
from optimizer.data_files.countries import (
    UNKNOWN,
    WORLD,
    code_of_trade_row,
    country_code,
    normalized_name,
)
from optimizer.data_files.tables import number_text
from optimizer.data_files.units import price_unit, tonnes_per


def grouped(number: float, separator: str, point: str = ".") -> str:
    whole, dot, fraction = f"{number:,.3f}".rstrip("0").rstrip(".").partition(".")
    return whole.replace(",", separator) + dot.replace(".", point) + fraction


NOTATIONS: dict[str, Callable[[float], str]] = {
    "plain": lambda number: grouped(number, ""),
    "commas": lambda number: grouped(number, ","),
    "spaces": lambda number: grouped(number, " "),
    "no-break spaces": lambda number: grouped(number, "\u202f"),
    "apostrophes": lambda number: grouped(number, "’"),
    "estimated": lambda number: grouped(number, ",") + "e",
    "estimated before": lambda number: "ᵉ" + grouped(number, ","),
    "revised": lambda number: f" {grouped(number, ',')} r",
    "raised footnote": lambda number: grouped(number, ",") + "⁵",
    "footnote": lambda number: grouped(number, ",") + " (5)",
    "old footnote": lambda number: grouped(number, ",") + " 5/",
    "upper bound": lambda number: "<" + grouped(number, ","),
    "lower bound": lambda number: "> " + grouped(number, ","),
    "in words": lambda number: "More than " + grouped(number, ","),
    "spreadsheet": lambda number: f"{number:.12E}",
    "scenario": number_text,
}
numbers = st.integers(0, 10**9) | st.integers(0, 10**9).map(lambda number: number / 1000)


@pytest.mark.parametrize("notation", NOTATIONS)
@given(number=numbers)
def test_a_number_comes_back_from_every_notation(notation: str, number: float) -> None:
    reading = read_number(NOTATIONS[notation](number))
    assert reading.value == pytest.approx(number, rel=1e-11)
    is_plain = notation in ("plain", "commas", "spaces", "no-break spaces", "apostrophes")
    assert bool(reading.meaning) is not (is_plain or notation in ("spreadsheet", "scenario"))
    assert reading.is_bound is (notation in ("upper bound", "lower bound", "in words"))


def test_three_digits_after_the_point_are_not_taken_for_thousands() -> None:
    """Readers of scenarios warn of 1.234, but not of 1.2340."""
    assert [number_text(n) for n in (1.234, 12.5, 1234.567)] == ["1.2340", "12.5", "1234.567"]


@given(number=numbers, separator=st.sampled_from(["", ".", " "]))
def test_a_number_with_a_decimal_comma_comes_back(number: float, separator: str) -> None:
    text = grouped(number, separator, ",")
    assert read_number(text, decimal=",").value == pytest.approx(number, rel=1e-11)


def test_a_comma_before_three_digits_is_never_taken_for_a_decimal_comma() -> None:
    assert not has_decimal_comma("67,000")
    assert not has_decimal_comma("1,234,567")
    assert has_decimal_comma("29,5")
    assert has_decimal_comma("1.028,25")


@pytest.mark.parametrize(
    ("text", "value", "meaning"),
    [
        ("W", None, "withheld by the publisher"),
        ("XX", None, "not applicable"),
        ("NA", None, "not available"),
        ("…", None, "not available"),
        ("", None, "an empty cell"),
        ("(4)", None, "a footnote only"),
        ("Large", None, "not a number"),
        ("12e5", None, "not a number"),  # 1200000, or an estimate with a footnote
        ("12,34", None, "not a number"),
        ("1e+999", None, "not a number"),
        ("—", 0.0, "zero"),
        ("\u2014\xa0", 0.0, "zero"),
        ("--", 0.0, "zero"),
        ("<5", 5.0, "an upper bound"),
        (">1,000", 1000.0, "a lower bound"),
        ("Less than ½ unit", 0.5, "an upper bound"),
        ("1,200e", 1200.0, "estimated"),
        ("e1,2007", 1200.0, "estimated, with a footnote"),
        ("67,0006", 67000.0, "with a footnote"),
        ("67,000", 67000.0, ""),
    ],
)
def test_cells_that_are_more_or_less_than_a_number(
    text: str, value: float | None, meaning: str
) -> None:
    assert (read_number(text).value, read_number(text).meaning) == (value, meaning)


@pytest.mark.parametrize(("dash", "value"), [("zero", 0.0), ("missing", None)])
def test_a_dash_is_what_the_publisher_says_it_is(
    dash: Literal["zero", "missing"], value: float | None
) -> None:
    assert read_number("-", dash=dash).value == value


def test_codes_of_countries_are_those_of_the_library() -> None:
    """Neither more nor fewer, and with the same three letters."""
    assert {country.alpha_2 for country in pycountry.countries} == ALPHA_2
    for country in pycountry.countries:
        assert corrected_code(country.alpha_3) == country.alpha_2


def test_names_that_the_library_knows_are_not_listed_again() -> None:
    known = {
        normalized_name(getattr(country, key))
        for country in pycountry.countries
        for key in ("name", "common_name", "official_name")
        if hasattr(country, key)
    }
    assert not known & {normalized_name(name) for name in countries.NAMES}


def test_the_page_lists_the_names_and_their_codes() -> None:
    text = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([A-Z]{2}) \| (.+) \|$", text, re.MULTILINE)
    stated = {name: code for code, names in rows for name in names.split("; ")}
    named = countries.NAMES | countries.AGGREGATES
    wanted = {name: code for name, code in named.items() if code != WORLD}
    assert stated == wanted | {"all names that end in `, nes`": UNKNOWN}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Burma", "MM"),
        ("Congo (Kinshasa)", "CD"),
        ("Congo (Brazzaville)", "CG"),
        ("Korea, Republic of", "KR"),
        ("Korea, North", "KP"),
        ("China, Hong Kong SAR", "HK"),
        ("Other Asia, nes", "TW"),
        ("Areas, nes", UNKNOWN),
        ("Other countries", UNKNOWN),
        ("Western Asia, nes", UNKNOWN),
        ("World total (rounded)", WORLD),
        ("World", WORLD),
        ("Côte d’Ivoire", "CI"),
        ("Canada ", "CA"),
        ("Burma5", "MM"),
        ("United States⁶", "US"),
        ("China (7)", "CN"),
        ("Türkiye", "TR"),
        ("Niger", "NE"),
        ("NA", ""),  # not Namibia
        ("Atlantis", ""),
    ],
)
def test_names_of_countries(name: str, code: str) -> None:
    assert country_code(name) == code


def test_codes_of_trade_data_come_before_names() -> None:
    assert code_of_trade_row("S19", "") == "TW"
    assert code_of_trade_row("W00", "") == WORLD
    assert code_of_trade_row("COD", "") == "CD"
    assert code_of_trade_row("", "Dem. Rep. of the Congo") == "CD"
    assert code_of_trade_row("QQQ", "Atlantis") == ""


@pytest.mark.parametrize(
    ("unit", "tonnes", "rest"),
    [
        ("metric tons", 1.0, ""),
        ("thousand metric tons", 1000.0, ""),
        ("Thousand metric dry tons", 1000.0, ""),
        ("kilograms", 0.001, ""),
        ("million carats", 0.2, ""),
        ("mct", 0.2, ""),
        ("troy ounces", 3.11034768e-5, ""),
        ("short tons", 0.90718474, ""),
        ("metric tons, rare-earth-oxide equivalent", 1.0, "rare-earth-oxide equivalent"),
    ],
)
def test_units_of_mass(unit: str, tonnes: float, rest: str) -> None:
    assert tonnes_per(unit) == (pytest.approx(tonnes), rest)


def test_other_units_are_not_guessed() -> None:
    assert tonnes_per("million cubic meters") is None
    assert tonnes_per("tons") is None  # short, long or metric
    assert price_unit("($/bbl)") is None
    assert price_unit("($/dmtu)") is None


@pytest.mark.parametrize(
    ("unit", "currency", "factor"),
    [
        ("($/mt)", "USD", 1.0),
        ("USD/kg", "USD", 1000.0),
        ("¢/lb", "USD", 0.01 / 0.00045359237),
        ("cents per pound", "USD", 0.01 / 0.00045359237),
        ("($/troy oz)", "USD", 1 / 3.11034768e-5),
        ("€/t", "EUR", 1.0),
        ("CNY/t", "CNY", 1.0),
    ],
)
def test_units_of_prices(unit: str, currency: str, factor: float) -> None:
    assert price_unit(unit) == (currency, pytest.approx(factor))
