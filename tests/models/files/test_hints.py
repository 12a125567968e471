"""What hints say of units in names, of separators, commas, codes and what is included."""

from __future__ import annotations

import pytest
from small_scenario import VALID

from models.faults import ScenarioError
from models.files import read_case_text
from models.scenario.quantities import number_hint
from models.spelling import unknown_key_hint

FIELDS = (
    "t_per_year", "output_t_per_year", "capex_meur", "cash_cost_eur_per_t", "price_eur_per_t",
    "discount_rate", "term_years", "min_days_of_demand", "budget_meur", "budget_by_year_meur",
    "storage_eur_per_t_year", "annual_probability", "capex_profile", "budget_lines",
    "last_year", "construction_years", "fee_per_year", "annual_loss",
)  # fmt: skip


def found(text: str) -> list[str]:
    try:
        return list(map(str, read_case_text(text).warnings))
    except ScenarioError as error:
        return list(map(str, error.faults))


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        (
            "kt_per_year",
            "another unit: multiply by 1000, and write 't_per_year'; "
            "or write t_per_year: {value: 1.2, unit: kt}",
        ),
        (
            "kg_per_year",
            "another unit: divide by 1000, and write 't_per_year'; "
            "or write t_per_year: {value: 1.2, unit: kg}",
        ),
        ("mt_per_year", "mt means metric tonnes or million tonnes: write 't_per_year', in t"),
        ("t_per_month", "another unit: multiply by 12, and write 't_per_year'"),
        (
            "price_eur_per_kg",
            "another unit: multiply by 1000, and write 'price_eur_per_t'; "
            "or write price_eur_per_t: {value: 1.2, unit: EUR/kg}",
        ),
        ("capex_eur", "another unit: divide by 1000000, and write 'capex_meur'"),
        ("capex_keur", "another unit: divide by 1000, and write 'capex_meur'"),
        ("capex_musd", "write 'capex_meur'; amounts are in the currency of the file"),
        ("term_months", "another unit: divide by 12, and write 'term_years'"),
        ("discount_rate_percent", "another unit: divide by 100, and write 'discount_rate'"),
        ("discount_percent", "another unit: divide by 100, and write 'discount_rate'"),
        ("budget_mrd_eur", "another unit: multiply by 1000, and write 'budget_meur'"),
        ("capex_bn", "another unit: multiply by 1000, and write 'capex_meur'"),
        ("capex_million", "did you mean 'capex_meur'?"),
        ("budget_meur_per_year", "did you mean 'budget_by_year_meur'?"),
        ("thousand_t_per_year", "another unit: multiply by 1000, and write 't_per_year'"),
        ("output_ktpa", "another unit: multiply by 1000, and write 'output_t_per_year'"),
        ("output_tpa", "did you mean 'output_t_per_year'?"),
        (
            "price_eur_kg",
            "another unit: multiply by 1000, and write 'price_eur_per_t'; "
            "or write price_eur_per_t: {value: 1.2, unit: EUR/kg}",
        ),
        ("price_eur_per_100kg", "another unit: multiply by 10, and write 'price_eur_per_t'"),
        ("price_inr_per_t", "write 'price_eur_per_t'; amounts are in the currency of the file"),
        ("price_dollar_per_t", "write 'price_eur_per_t'; amounts are in the currency of the file"),
        ("monthly_probability", "another period: write 1 - (1 - p)^12 as 'annual_probability'"),
        ("t_per_yaer", "did you mean 't_per_year'?"),
        ("t_per_yer", "did you mean 't_per_year'?"),
        ("last_yer", "did you mean 'last_year'?"),
        ("price_eur_pert", "did you mean 'price_eur_per_t'?"),
        (
            "price_usd_per_kg",
            "another unit: multiply by 1000, and write 'price_eur_per_t'; "
            "or write price_eur_per_t: {value: 1.2, unit: EUR/kg}; "
            "amounts are in the currency of the file",
        ),
        ("construction_quarters", "another unit: divide by 4, and write 'construction_years'"),
        ("fee_bp_per_year", "another unit: divide by 10000, and write 'fee_per_year'"),
        ("monthly_loss", "another period: write 1 - (1 - p)^12 as 'annual_loss'"),
    ],
)
def test_a_name_in_another_unit_is_no_misspelling(word: str, hint: str) -> None:
    assert unknown_key_hint(word, FIELDS) == hint


def test_operating_costs_are_not_called_cash_costs() -> None:
    assert "did you mean" not in unknown_key_hint("opex_eur_per_t", FIELDS)
    for word in ("revenue_eur_per_t", "capex_eur_per_t", "storage_meur_per_year", "stok_kt"):
        assert unknown_key_hint(word, FIELDS).startswith("known here")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("67,000", "may mean 67000 or 67:"),
        ("1234,567", "may mean 1234567 or 1234.567"),
        ("67.000", "may mean 67000 or 67:"),
        ("1,234,567", "write 1234567,"),
        ("1,234,567.5", "write 1234567.5,"),
        ("67 000", "write 67000,"),
        ("67,5", "a decimal comma: write 67.5"),
        ("5e-05", "write 5.0e-05"),
    ],
)
def test_three_digits_behind_a_comma_are_no_decimals(text: str, hint: str) -> None:
    assert hint in number_hint(text)


@pytest.mark.parametrize(
    ("sound", "slip", "said"),
    [
        ("country: CL", "country: CHL", "'CHL' is not an ISO 3166 country code; write CL"),
        ("country: CL", "country: vnm", "write VN"),
        ("country: CL", "country: ROW", "write a two-letter code such as DE"),
        ("country: CL", "country: uk", "write GB"),
        ("country: CL", "country: ß", "write a two-letter code such as DE"),
        ("tags: [domestic]}}", "countries: [DE, AUS]}}", "write AU"),
        ("lithium: {price", "lithium: {name: Salt, technical, price", 'quotes: "Salt, technical"'),
        ("capex_meur:", "ramp_up: [0,3, 0,7, 1,0]\n    capex_meur:", "two numbers: write 0.3"),
        ("title: A test", "title: [A test, revised]", 'quotes: "A test, revised"'),
    ],
)
def test_codes_and_commas(sound: str, slip: str, said: str) -> None:
    assert sound in VALID
    assert any(said in one for one in found(VALID.replace(sound, slip, 1)))


def test_a_file_in_dollars_is_reported_in_dollars() -> None:
    text = "currency: USD\n" + VALID.replace("eur_per_t: 250000}]", "eur_per_t: 2}]")
    assert any("to 2 USD per tonne" in one for one in found(text))
    assert not any("EUR" in one for one in found(text.replace("    capex_meur: 1400\n", "")))


def test_what_a_user_wrote_is_quoted_as_it_is() -> None:
    text = "currency: USD\n" + VALID.replace("country: CL", "country: EUR", 1)
    assert any("'EUR' is not an ISO 3166" in one for one in found(text))


@pytest.mark.parametrize("set_by", ["variant", "setting"])
def test_a_changed_currency_converts_no_amounts(set_by: str) -> None:
    text = VALID.replace("variants:\n", "variants:\n  abroad: {set: {currency: USD}}\n")
    settings, variant = (["currency=USD"], None) if set_by == "setting" else ([], "abroad")
    said = map(str, read_case_text(text, "scenario.yaml", variant, settings).warnings)
    assert any("amounts are not converted: they stay in EUR" in one for one in said)


def test_a_field_without_a_value_is_no_text_with_a_comma() -> None:
    """Where the comma tore a text, the second part is no field that is known here."""
    text = VALID.replace("lithium: {price", "lithium: {name: Salt, price_states, price", 1)
    assert not any("quotes" in one for one in found(text))


def test_a_preset_in_euros_is_reported_at_its_entry() -> None:
    (said,) = [one for one in found("currency: USD\ninclude: [rohstofffonds]\n" + VALID)
               if "are in EUR" in one]  # fmt: skip
    assert said.startswith("scenario.yaml:2:11: warning")
    assert not any("are in EUR" in one for one in found("include: [rohstofffonds]\n" + VALID))


@pytest.mark.parametrize(
    ("preset", "named", "change"),
    [
        ("stock_subsidy", "ndpr, ", ("", "")),
        ("jogmec_stock", "the preset 'jogmec_stock' needs", ("", "")),
        ("price_floor", "the preset 'price_floor' needs what the scenario lacks: ndpr;", ("", "")),
        ("rohstofffonds", "2026, 2027", ("2026", "2031")),
    ],
)
def test_what_a_preset_lacks_is_said_once(preset: str, named: str, change: tuple[str, str]) -> None:
    text = VALID.replace(*change).replace("last_year: 2030", "last_year: 2035")
    (said,) = [one for one in found(f"include: [{preset}]\n{text}") if "presets" in one
               and "error" in one]  # fmt: skip
    assert named in said


def test_what_does_not_fit_a_preset_is_one_warning() -> None:
    text = VALID.replace("last_year: 2030", "last_year: 2028")
    (said,) = [one for one in found(f"include: [rohstofffonds]\n{text}") if "presets" in one]
    assert "(2029, 2030)" in said
    assert "the tag 'recycling'" in said
