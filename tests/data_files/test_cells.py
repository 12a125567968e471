"""Cells, names of countries and units as publishers write them."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pycountry
import pytest

from models.countries import ALPHA_2, corrected_code
from models.faults import ScenarioError
from optimizer.data_files import countries
from optimizer.data_files.countries import (
    UNKNOWN,
    WORLD,
    code_of_trade_row,
    country_code,
    normalized_name,
)
from optimizer.data_files.files import DataFile
from optimizer.data_files.units import number_text, price_unit, tonnes_per


def read(text: str, dash: float | None = 0.0) -> tuple[float | None, str]:
    """Return the number in a cell, and what is noted."""
    data = DataFile(Path("x.csv"), pd.DataFrame(), [text], ";")
    value, _ = data.number(1, 0, text, "Chile", dash)
    return value, " ".join(data.notices).removeprefix(f"x.csv:1:1: Chile: '{text}' is ")


def test_three_digits_after_the_point_are_not_taken_for_thousands() -> None:
    """Readers of scenarios warn of 1.234, but not of 1.2340."""
    assert [number_text(n) for n in (1.234, 12.5, 1234.567)] == ["1.2340", "12.5", "1234.567"]


@pytest.mark.parametrize(
    ("text", "value", "note"),
    [
        ("W", None, "withheld by the publisher; left out"),
        ("XX", None, "not applicable; left out"),
        ("NA", None, "not available; left out"),
        ("…", None, "not available; left out"),
        ("", None, "an empty cell; left out"),
        ("—", 0.0, "zero; read as 0"),
        ("<5", 5.0, "an upper bound; read as 5"),
        (">1,000", 1000.0, "a lower bound; read as 1000"),
        ("Less than ½ unit", 0.5, "an upper bound; read as 0.5"),
        ("1,200e", 1200.0, "estimated; read as 1200"),
        ("67,000", 67000.0, ""),
        ("1234567.5", 1234567.5, ""),
        ("2.5e-3", 0.0025, ""),
    ],
)
def test_cells_that_are_more_or_less_than_a_number(
    text: str, value: float | None, note: str
) -> None:
    assert read(text) == (value, note)


@pytest.mark.parametrize("text", ["Large", "12e5", "12,34", "1e+999", "67,0006", "29,5", "nan"])
def test_a_cell_without_a_known_meaning_is_an_error(text: str) -> None:
    with pytest.raises(
        ScenarioError, match=f"x.csv:1:1: error: Chile: '.*{text[-3:]}' is no number"
    ):
        read(text)


def test_a_dash_in_prices_is_no_zero() -> None:
    assert read("-", dash=None)[0] is None


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
