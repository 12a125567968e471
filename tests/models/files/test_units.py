"""Figures with a unit are converted to the unit of their field, and refused if they measure
something else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from models.faults import ScenarioError
from models.field_marks import collect_values
from models.files import read_case, read_case_text
from models.files.reading import cases_by_assumption_set
from models.files.shapes import ANY_SHAPE, SCENARIO_SHAPE, Shape, shape_of_step
from models.files.unit_conversion import UnitError, field_unit, parse_unit
from models.scenario.case import Case
from models.scenario.quantities import CalendarYear, Number, YearlyQuantity
from models.schema import scenario_schema
from optimizer.analyses.plan.figure_sources import all_figures
from optimizer.analyses.redaction import redact_scenario
from optimizer.page.figure_controls import figure_control, figure_paths, source_describer
from optimizer.report.scenario_workbook.sheets import build_scenario_workbook
from optimizer.solve.checked_solution import input_hash

ROOT = Path(__file__).parents[3]
TUTORIAL = (ROOT / "scenarios" / "tutorial.yaml").read_text(encoding="utf-8")
DEMAND = "t_per_year: {value: 30, source: invented}"
PRICE = "price_eur_per_t: {value: 500000, source: invented}"
RATES = """
units:
  exchange_rates: {EUR_per_USD: {value: 0.9, source: invented}}
  deflators: {USD: {value: {2024: 100, 2025: 102}, source: invented}}
currency: EUR"""

DECIMAL_UNITS = {
    "t": ["kt", "kg"], "t/year": ["kt", "kg/year", "Mt/year"], "EUR/t": ["EUR/kg", "kEUR/t"],
    "MEUR": ["EUR", "kEUR", "million EUR", "bnEUR"], "EUR/t/year": ["EUR/kg/year"],
    "year": ["years"], "1/year": ["percent", "bp"], "1": ["percent", "permille", "ppm"],
    "t/t": ["kg/t"], "t/period": ["kt/period"], "period": ["periods"], "day": ["days"],
}  # fmt: skip
OTHER_UNITS = {
    **DECIMAL_UNITS,
    "t": ["lb", "oz_t", "short_ton"], "t/year": ["kg/month", "lb/week", "long_ton/quarter"],
    "EUR/t": ["USD/lb", "USD/kg", "EUR/oz_t"], "MEUR": ["million USD", "kUSD"],
    "EUR/t/year": ["USD/lb/month"], "year": ["months", "quarters"], "day": ["weeks"],
}  # fmt: skip
"""Units in which figures are written, by the unit of their field."""


def written_in(units: dict[str, list[str]], data: Any, currency: str, seed: int) -> Any:
    """The data of a scenario in which every figure that can is written in one of the units."""
    dice = Random(seed)
    factors = {"": 1, "USD": Decimal("0.9"), currency: 1}

    def with_unit(number: Any, field: str) -> Any:
        own = field_unit(field, currency)
        if not own or isinstance(number, bool) or number is None:
            return number
        unit = dice.choice(units[own.replace(currency, "EUR")])
        unit = unit.replace("EUR", currency)
        parsed = parse_unit(unit, field, currency)
        size = Decimal(parsed.factor.numerator) / Decimal(parsed.factor.denominator)
        value = Decimal(repr(number)) / (size * factors[parsed.currency])
        return {"value": float(value), "unit": unit}

    def walk(value: Any, shape: Shape, field: str) -> Any:
        if shape.kind == "yearly" and isinstance(value, dict) and "value" not in value:
            return {year: walk(item, Shape("number"), field) for year, item in value.items()}
        if shape.kind in ("number", "yearly"):
            if isinstance(value, dict):
                figure = with_unit(value["value"], field)
                return {**value, **figure} if isinstance(figure, dict) else value
            return with_unit(value, field)
        if shape.kind == "any" or not isinstance(value, (dict, list)):
            return value
        if isinstance(value, list):
            return [walk(item, shape_of_step(shape, 0) or ANY_SHAPE, field) for item in value]
        return {
            key: walk(item, shape_of_step(shape, key) or ANY_SHAPE,
                      key if shape.kind == "model" else field)
            for key, item in value.items()
        }  # fmt: skip

    return walk(data, SCENARIO_SHAPE, "")


def rewritten(case: Case, units: dict[str, list[str]], seed: int) -> Case:
    """A scenario that was read again with its figures in other units."""
    data = case.model_dump(
        mode="json", by_alias=True, exclude_none=True, exclude={"variants", "counterfactual"}
    )
    data = written_in(units, data, case.currency, seed)
    if units is OTHER_UNITS and case.currency != "USD":
        data["units"] = {"exchange_rates": {f"{case.currency}_per_USD": 0.9}}
    return read_case_text(json.dumps(data), "scenario.json").case


def numbers(case: Case) -> Iterator[tuple[tuple[Any, ...], Number]]:
    for path, value, _, _ in collect_values(case):
        if isinstance(value, Number) and path[0] not in ("units", "variants"):
            yield path, value
        elif isinstance(value, YearlyQuantity) and path[0] not in ("units", "variants"):
            yield from (((*path, n), x) for n, x in enumerate(value.values))


@pytest.mark.parametrize(
    "name",
    [
        "tutorial",
        pytest.param("japan-2010", marks=pytest.mark.slow),
        pytest.param("consortium", marks=pytest.mark.slow),
        pytest.param("germany-2026", marks=pytest.mark.slow),
    ],
)
def test_a_file_in_other_units_is_the_same_scenario(name: str) -> None:
    case = read_case(name).case
    converted = 0
    for seed in range(2):
        other = rewritten(case, OTHER_UNITS, seed)
        pairs = list(zip(numbers(case), numbers(other), strict=True))
        for (path, figure), (other_path, other_figure) in pairs:
            assert path == other_path
            assert other_figure == pytest.approx(float(figure), rel=1e-12, abs=0)
            converted += other_figure.written is not None
        assert converted > len(pairs) / 2
        # Figures of more than 15 digits are rounded to them.
        if all(float(f"{float(figure):.15g}") == figure for _, figure in numbers(case)):
            assert input_hash(rewritten(case, DECIMAL_UNITS, seed)) == input_hash(case)


def warned(text: str, settings: tuple[str, ...] = ()) -> list[str]:
    """The faults of a text, as lines and messages, errors or else warnings."""
    try:
        faults = read_case_text(text, "s.yaml", settings=settings).warnings
    except ScenarioError as error:
        faults = error.faults
    return [str(fault).removeprefix("s.yaml:") for fault in faults]


@pytest.mark.parametrize(
    ("written", "figure"),
    [
        ("{value: 1.2, unit: USD/lb}", 1.2 * 0.9 * 1000 / 0.45359237),
        ("{value: 1.2, unit: USD/lb, year: 2024}", 1.2 * 1.02 * 0.9 * 1000 / 0.45359237),
        ("{value: 500, unit: thousand USD/t, year: 2025}", 450_000),
        ("{value: 62, unit: EUR/kg}", 62_000),
        ("{value: 62, unit: €/kg}", 62_000),
        ("{value: 62, unit: mEUR/kt}", 62_000),
        ("{value: 62, unit: M€/kt}", 62_000),
        ("{value: 1.2, unit: US$/lb}", 1.2 * 0.9 * 1000 / 0.45359237),
        ("{value: {2026: 62, 2028: {value: 70, source: invented}}, unit: EUR/kg}", 62_000),
        ("{2026: {value: 62, unit: EUR/kg}, 2028: 70000}", 62_000),
        ("{value: 62000}", 62_000),
    ],
)
def test_an_amount_is_brought_to_the_year_of_prices_and_then_exchanged(
    written: str, figure: float
) -> None:
    text = TUTORIAL.replace("\ncurrency: EUR", RATES)
    case = read_case_text(text.replace(PRICE, f"price_eur_per_t: {written}")).case
    assert case.materials["gallium"].price_eur_per_t.at(2026) == pytest.approx(figure, rel=1e-14)


@pytest.mark.parametrize(
    ("written", "reported"),
    [
        ("{value: 5, unit: kg/day}", ["'kg/day' is no unit of price_eur_per_t; write one of EUR"]),
        ("{value: 5, unit: EUR/year}", ["'EUR/year' is no unit of price_eur_per_t"]),
        ("{value: 5, unit: usd/lb}", ["there is no unit 'usd'; did you mean 'USD'?"]),
        ("{value: 5, unit: EUR/tonn}", ["there is no unit 'tonn'; did you mean 'tonne'?"]),
        ("{value: 5, unit: $/lb}", ["'$' has several meanings; write USD, if US dollars"]),
        ("{value: 5, unit: USc/lb}", ["write the amount in USD, not in cents"]),
        ("{value: 5, unit: M$/kt}", ["there is no unit 'M$'; write MUSD"]),
        ("{value: 5, unit: EUR/oz}", ["'oz' has several meanings; write oz_t"]),
        ("{value: 5, unit: [EUR]}", ["a unit is a text such as kt"]),
        ("{value: 5, unti: EUR/kg}", ["'unti' is not known here; did you mean 'unit'?"]),
        ("{value: '5', unit: EUR/kg}", ["'5' is not a number"]),
        ("{unit: EUR/kg}", ["'value' is missing"]),
        ("62 EUR/kg", ["write {value: 62, unit: EUR/kg}"]),
        ("{value: 5, unit: USD/kg}", ["no exchange rate of USD to EUR; add units: "
                                      "{exchange_rates: {EUR_per_USD: ...}}"]),
        ("{value: 5000, year: 2024}", ["no price index of EUR for 2025; add units: {deflators: "]),
        ("{value: 1.500, unit: EUR/g}", ["1.500 is read as 1.5; if 1500 is meant, write 1500"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_unit_is_reported_at_its_line(
    written: str, reported: list[str]
) -> None:
    line = TUTORIAL.split(PRICE)[0].count("\n") + 1
    found = warned(TUTORIAL.replace(PRICE, f"price_eur_per_t: {written}"))
    for message in reported:
        assert any(one.startswith(f"{line}:") and message in one for one in found), found


@pytest.mark.parametrize(
    ("sound", "slip", "reported"),
    [
        ("first_year: 2026", "first_year: {value: 2026, unit: year}", "takes no unit"),
        (DEMAND, "t_per_year: {value: 3, unit: kt, year: 2024}", "is for amounts of money"),
        ("EUR_per_USD: {value: 0.9", "USD: {value: 0.9", "write EUR_per_USD for the euros"),
        ("EUR_per_USD: {value: 0.9", "USD_per_EUR: 1.1, EUR_per_USD: {value: 0.9", "same rate"),
        ("EUR_per_USD: {value: 0.9", "EUR_per_JPY: {value: 169", "was about 0.005917 in 2025"),
        ("EUR_per_USD: {value: 0.9", "EUR_per_USX: {value: 0.9", "not a currency code"),
        ("{USD: {value: {2024: 100", "{USD: {value: {2024: 0", "0 is not above 0"),
    ],
)
def test_what_takes_no_unit_and_what_is_no_rate(sound: str, slip: str, reported: str) -> None:
    text = TUTORIAL.replace("\ncurrency: EUR", RATES)
    assert sound in text
    assert any(reported in one for one in warned(text.replace(sound, slip, 1)))


def test_a_faulty_rate_is_one_fault() -> None:
    text = TUTORIAL.replace("\ncurrency: EUR", RATES).replace("0.9, source", "many, source")
    text = text.replace(PRICE, "price_eur_per_t: {value: {2026: 2, 2028: 3}, unit: USD/lb}")
    (fault,) = warned(text)
    assert "'many' is not a number" in fault


@pytest.mark.parametrize(
    ("setting", "reported", "tonnes"),
    [
        ("demand.0.t_per_year={value: 0.05, unit: kt}", "", 50),
        ("demand.0.t_per_year=40", "", 40),
        ("demand.0.t_per_year.value=40", "", 40),
        ("demand.0.t_per_year.unit=kg", "'unit' of a figure cannot be set alone", 0),
        ("units.exchange_rates.EUR_per_USD=1", "a patch cannot change units", 0),
    ],
)
def test_a_setting_is_in_the_unit_of_the_field_unless_it_names_one(
    setting: str, reported: str, tonnes: float
) -> None:
    text = TUTORIAL.replace("\ncurrency: EUR", RATES)
    text = text.replace(DEMAND, "t_per_year: {value: 0.03, unit: kt}")
    if reported:
        assert any(reported in one for one in warned(text, (setting,)))
        return
    for case in (
        read_case_text(text, settings=(setting,)).case,
        read_case_text(text).with_settings([setting]).case,
    ):
        (figure,) = case.demand[0].t_per_year.values
        assert (float(figure), figure.written) == (tonnes, "0.05 kt" if tonnes == 50 else None)


@pytest.mark.parametrize(
    ("total", "limit", "expected"),
    [
        ("stock_t", "{value: 0.3, unit: kt}", (300,)),
        ("secured_t", "{value: {2026: 1, 2028: {value: 3000, unit: kg}}, unit: kt}", (1000, 3)),
        ("public_money", "{value: 10, unit: million USD}", (9,)),
        ("stock_cost", "{value: 500, unit: kEUR}", (0.5,)),
        ("capex", "{value: 3, unit: kt}", "'kt' is no unit of capex"),
        ("starts", "{value: 3, unit: percent}", "the field starts takes no unit"),
    ],
)
def test_a_limit_of_a_rule_is_in_the_unit_of_its_sum(
    total: str, limit: str, expected: tuple[float, ...] | str
) -> None:
    text = TUTORIAL.replace("\ncurrency: EUR", RATES)
    rule = f"{{sum: {{quantity: {total}}}, at_most: 7, every_year: true}}"
    with_rule = text + f"\npolicy: {{rules: {{r: {rule.replace('7', limit)}}}}}\n"
    if isinstance(expected, str):
        with pytest.raises(ScenarioError) as caught:
            read_case_text(with_rule)
        assert [expected in fault.message for fault in caught.value.faults] == [True]
        return
    whole = f"policy.rules={{r: {rule.replace('7', limit)}}}"
    text += f"\npolicy: {{rules: {{r: {rule}}}}}\n"
    for case in (
        read_case_text(with_rule).case,
        read_case_text(text, settings=(f"policy.rules.r.at_most={limit}",)).case,
        read_case_text(text, settings=(f"policy.rules.r.at_most.value={limit}",)).case,
        read_case_text(text, settings=(whole,)).case,
    ):
        level = case.policy.rules["r"].level.value
        assert level is not None
        assert tuple(map(float, level.values)) == pytest.approx(expected)


def test_variants_assumption_sets_and_tables_may_have_units(tmp_path: Path) -> None:
    sets = """
assumptions:
  low: {weight: 0.5, set: {demand.0.t_per_year: {value: 0.02, unit: kt}}}
  high: {weight: 0.5, set: {damage.0.steps.0.eur_per_t: {value: 1200, unit: USD/kg}}}
"""
    text = TUTORIAL.replace("\ncurrency: EUR", RATES) + sets
    text = text.replace(DEMAND, "t_per_year: {value: 0.03, unit: kt}")
    file = tmp_path / "s.yaml"
    start, rest = text.split("demand:  ", 1)
    table = "consumer,material,t_per_year,t_per_year.unit\n"
    table += "industry,gallium,0.03,kt\nchip_maker,gallium,10,\n"
    (tmp_path / "demand.csv").write_text(table, encoding="utf-8")
    file.write_text(f"{start}demand: {{table: demand.csv}}\n\nsupply:{rest.split('supply:', 1)[1]}")
    case = read_case(file).case
    assert [row.t_per_year.at(2026) for row in case.demand] == [30, 10]
    by_set = cases_by_assumption_set(case)
    assert by_set["low"].demand[0].t_per_year.at(2026) == 20
    assert by_set["high"].damage[0].steps[0].eur_per_t == pytest.approx(1_080_000)
    assert by_set["high"].demand[0].t_per_year.values[0].written == "0.03 kt"
    variant = "set: {funders.fund.budget_meur: 10}"
    patched = text.replace(variant, "set: {funders.fund.budget_meur: {value: 10, unit: kUSD}}")
    assert read_case_text(patched, variant="half_the_fund").case.funders[
        "fund"
    ].budget_meur == pytest.approx(0.009)


@pytest.mark.slow
def test_a_workbook_keeps_the_figure_and_notes_what_was_written(tmp_path: Path) -> None:
    text = TUTORIAL.replace("\ncurrency: EUR", RATES).replace(
        PRICE, "price_eur_per_t: {value: {2026: 250, 2028: 260}, unit: USD/lb, note: spot}"
    )
    case = read_case_text(text).case
    file = tmp_path / "s.xlsx"
    file.write_bytes(build_scenario_workbook(case))
    other = read_case(file).case
    assert (other.units, other.materials) == (case.units, case.materials)
    (first, _) = other.materials["gallium"].price_eur_per_t.values
    assert (first.note, first.written) == ("written as 250 USD/lb; spot", None)


def test_reports_and_the_page_show_what_was_written() -> None:
    text = TUTORIAL.replace("\ncurrency: EUR", RATES)
    case = read_case_text(text.replace(DEMAND, DEMAND.replace("30", "0.03, unit: kt"))).case
    written = {figure.path: figure.written for figure in all_figures(case) if figure.written}
    assert written == {("demand", "0", "t_per_year"): "0.03 kt"}
    control = figure_control(case, "demand.0.t_per_year", 30.0)
    assert source_describer(case)(control).endswith("In the file: 0.03 kt.")
    assert not [path for path in figure_paths(case) if path.startswith("units")]


def test_a_hidden_figure_loses_what_was_written() -> None:
    text = TUTORIAL.replace("value: 10, source: invented}}", "value: 10000, unit: kg}}")
    text = text.replace("capex_meur: {value: 6,", "capex_meur: {value: 6000, unit: kEUR,")
    loaded = read_case_text(text)
    redacted = redact_scenario(loaded, ["chip_maker"]).yaml_text
    assert "capex_meur: 6\n" in redacted
    assert "kEUR" not in redacted
    assert "kg" not in redacted


def test_the_schema_takes_figures_with_units() -> None:
    check = Draft202012Validator(scenario_schema())
    sound = TUTORIAL.replace("\ncurrency: EUR", RATES)
    for figure, faults in (
        ("{value: 45, unit: percent}", 0),
        ("{value: 45}", 1),
        ("{value: 0.45, unti: percent}", 1),
    ):
        text = sound.replace("market_finance_max: {value: 0.5, source: invented}",
                             f"market_finance_max: {figure}", 1)  # fmt: skip
        text = text.replace(PRICE, "price_eur_per_t: {value: {2026: 62}, unit: EUR/kg}")
        assert len(list(check.iter_errors(json.loads(json.dumps(yaml.safe_load(text)))))) == faults


@pytest.mark.parametrize(
    ("unit", "field"),
    [("kt/" * 20_000, "max_t"), ("kt" + "/year" * 20_000, "max_t"), ("days/year", "share"),
     ("days/year", "inputs_t_per_t"), ("percent/month", "discount_rate"), ("EUR/EUR", "share"),
     ("1/EUR", "capex_meur"), ("EUR/USD/t", "eur_per_t"), ("", "max_t"), ("2**9**9", "max_t")],
)  # fmt: skip
def test_a_text_that_is_no_unit_is_refused(unit: str, field: str) -> None:
    with pytest.raises(UnitError):
        parse_unit(unit, field, "EUR")


def test_every_number_has_a_unit_or_takes_none() -> None:
    """Whole numbers that are no years, days or periods take none, so that none is a share."""
    for path, value, _, _ in collect_values(read_case("japan-2010").case):
        if isinstance(value, CalendarYear):
            field = next(step for step in reversed(path) if isinstance(step, str))
            assert field_unit(field, "EUR") == "", path
    for field in ("seed", "states", "max_projects", "periods_per_year", "max_starts_by_year"):
        with pytest.raises(UnitError):
            parse_unit("percent", field, "EUR")


@pytest.mark.slow
def test_a_file_without_units_does_not_load_the_library() -> None:
    code = "import sys; from models.files import read_case; read_case('tutorial')"
    command = [sys.executable, "-c", f"{code}; sys.exit('pint' in sys.modules)"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0
