"""Slips of units get a warning at their line; 60 sound scenarios get none."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from mine_to_magnet import mine_to_magnet
from random_cases import crowded_case, deals_case, lasting_case, small_case, treasury_case
from small_scenario import VALID

from models.faults import ScenarioError
from models.field_marks import collect_values
from models.files import read_case, read_case_text, shipped_files
from models.files.reading import LoadedScenario
from models.scenario import unit_checks
from models.scenario.case import Case
from models.scenario.quantities import Number, YearlyQuantity
from models.unit_names import reference_price
from optimizer.cli.scenario_files import starter_scenario_text

ROOT = Path(__file__).parents[2]
TUTORIAL = (ROOT / "scenarios" / "tutorial.yaml").read_text(encoding="utf-8")
STOCK = "max_purchase_t_per_year: {value: 5,"
RATE = "market_finance_max: {value: 0.5, source: invented}   # banks"

SLOW = pytest.mark.slow

SLIPS = [
    # the ten that passed in silence
    ("t_per_year: {value: 30,", "t_per_year: {value: 0.03,", "0.03 t per year of 'gallium'"),
    ("capex_meur: {value: 40,", "capex_meur: {value: 40000000,", "capex_meur is in millions"),
    ("price_eur_per_t: {value: 500000,", "price_eur_per_t: {value: 500,", "cost about 513000"),
    ("eur_per_t: {value: 1000000,", "eur_per_t: {value: 1000,", "is below the price of 'gallium'"),
    ("share: {value: 1.0, source: invented}}\n\ndamage", "t_per_year: 0.04}\n\ndamage",
     "0.04 t per year, where 40 t"),
    ("gallium: {value: 20,", "gallium: {value: 20000,", "20000 t per year, where 40 t"),
    ("discount_rate: {value: 0.0,", "discount_rate: {value: 4.5,", "is a real rate: 4.5"),
    ("currency: EUR", "currency: KRW", "not those of KRW"),
    ("price_year: 2025", "price_year: 1990", "is 36 years from first_year 2026"),
    # their neighbors
    ("t_per_year: {value: 10,", "t_per_year: {value: 10000,", "10030 t of 'gallium' are needed"),
    ("capex_meur: {value: 40,", "capex_meur: {value: 40000,", "4000 times the value"),
    ("capex_meur: {value: 6,", "capex_meur: {value: 0.006,", "0.003 times the value"),
    ("price_eur_per_t: {value: 500000,", "price_eur_per_t: {value: 500000000,", "cost about"),
    ("eur_per_t: {value: 1000000,", "eur_per_t: {value: 200000,", "is below the price"),
    ("share: {value: 1.0, source: invented}}\n\ndamage", "t_per_year: 40000}\n\ndamage",
     "40000 t per year, where 40 t"),
    ("gallium: {value: 4,", "gallium: {value: 4000,", "0.003 times the value"),
    ("gallium: {value: 20,", "gallium: {value: 0.02,", "4000 times"),
    ("discount_rate: {value: 0.0,", "discount_rate: {value: 0.35,", "is a real rate: 0.35"),
    ("financing_rate: {value: 0.02,", "financing_rate: {value: 2,", "is a real rate: 2 "),
    ("financing_rate: {value: 0.02,", "annual_loss: 0.5\n    financing_rate: {value: 0.02,",
     "annual_loss is a fraction of one: 0.5 means 50 % a year; write 0.005 if 0.5 % is meant"),
    ("recovery: {value: 0.5,", "recovery: {value: 50,", "50 means 5000 %"),
    ("currency: EUR", "currency: JPY", "not those of JPY"),
    ("currency: EUR", "currency: CNY", "not those of CNY"),
    ("currency: EUR", "currency: EUE", "not a currency code of ISO 4217"),
    ("price_year: 2025", "price_year: 2052", "is 26 years from"),
    (STOCK, STOCK.replace("5,", "5000,"), "5000 t per year, where 40 t"),
    (STOCK, STOCK.replace("5,", "0.005,"), "0.005 t per year, where 40 t"),
    ("storage_eur_per_t_year: {value: 10000,", "storage_eur_per_t_year: {value: 10000000,",
     "costs more than 'gallium'"),
    ("budget_meur: {value: 20,", "budget_meur: {value: 20000000,", "budget_meur is in millions"),
    ("t_per_year: {value: 30, source: invented}", "t_per_year: {2026: 30, 2028: 0.03}",
     "a factor of 1000 between 2026"),
    ("    name: {en: Gallium, de: Gallium}\n", "    price_states:\n      - {probability: 1, "
     "eur_per_t: 500}\n", "500 per tonne is unlike the price"),
    ("currency: EUR", "currency: RMB", "write CNY"),
    ("eur_per_t: {value: 4000000,", "eur_per_t: {value: 4000000000,", "the step before has"),
    (STOCK, STOCK.replace("max", "max_t: 60000\n    max", 1), "60000 t, where 40 t of 'gallium'"),
    ("ticket_min_meur: {value: 5,", "ticket_min_meur: {value: 5000,", "above budget_meur 20"),
    ("capex_meur: {value: 40,", "capex_meur: {value: 1062000,", "write 1062 if it is in thousands"),
    # stocks in kt, months, percentages, thousands, copies
    (STOCK, STOCK.replace("max", "max_t: 0.02\n    max", 1), "did you mean 20 (1000 times)"),
    (STOCK, "max_t: 4\n    " + STOCK.replace("5,", "50,"), "50 t per year for a stock of"),
    (STOCK, STOCK.replace("max", "max_t: 3000\n    max", 1), "no more than 15 t can be stored"),
    (STOCK, STOCK.replace("max", "initial_t: 0.02\n    max", 1), "0.02 t, where 40 t"),
    (STOCK, STOCK.replace("max", "refill_t_per_year: 0.002\n    max", 1), "0.002 t per year, "),
    (STOCK, STOCK.replace("max", "max_release_t_per_period: 0.001\n    max", 1), "0.001 t"),
    ("construction_years: {value: 1,", "construction_years: {value: 24,", "probably in months"),
    ("construction_years: {value: 1, source: invented}", "delay_years: {0: 0.5,\n      12: 0.5}",
     "delay_years is in years, 12"),
    ("events: [{hazard: export_stop", "demand: {gallium: 110}\n      events: [{hazard: export_stop",
     "write 1.1 if 110 % is meant"),
    ("budget_meur: {value: 12,", "budget_meur: {value: 0.012,", "the smallest project that may be"),
    ("budget_meur: {value: 12,", "budget_meur: {value: 12000,", "all projects that may be funded"),
    ("t_per_year: {value: 30, source: invented}}", "t_per_year: 30}\n"
     "  - {consumer: industry, material: gallium, t_per_year: 30}", "the same as row 1"),
]  # fmt: skip
"""What is written in the tutorial, what in its place, and what the warning at its line says."""


@pytest.mark.parametrize(("sound", "slip", "said"), SLIPS)
def test_a_slip_gets_a_warning_at_its_line(sound: str, slip: str, said: str) -> None:
    assert sound in TUTORIAL
    text = TUTORIAL.replace(sound, slip, 1)
    lines = range(1, text.count("\n") + 1)
    changed = {n for n in lines if text.split("\n")[n - 1] not in TUTORIAL.split("\n")}
    found = read_case_text(text).warnings
    assert [
        one for one in found if one.location and one.location.line in changed and said in str(one)
    ]


@pytest.mark.parametrize(
    ("sound", "slip", "place"),
    [
        ("price_eur_per_t: 50000", "price_eur_per_t: 50", ("materials", "mineral")),
        ("t_per_year: 1200", "t_per_year: 1.2", ("demand", 0)),
        ("currency: EUR", "currency: KRW", ("currency",)),
        ("eur_per_t: 90000", "eur_per_t: 90", ("damage", 0)),
        (
            "country: VN, t_per_year: 1300",
            "country: VN, share: 0.5}, {material: mineral, country: CL, t_per_year: 0.6",
            ("supply", 1),
        ),
        (
            "country: VN, t_per_year: 1300",
            "country: VN, t_per_year: 600}, {material: mineral, country: CL, t_per_year: 0.6",
            ("supply", 1),
        ),
        (
            "t_per_year: 1200}",
            "t_per_year: 1200}, {consumer: industry, material: mineral, t_per_year: 0.7}",
            ("demand", 1),
        ),
    ],
)
def test_unknown_materials_are_compared_with_the_others(
    sound: str, slip: str, place: tuple[str | int, ...]
) -> None:
    text = """\
currency: EUR
horizon: {first_year: 2026, last_year: 2030}
materials: {mineral: {price_eur_per_t: 50000}}
consumers: {industry: {}}
demand: [{consumer: industry, material: mineral, t_per_year: 1200}]
damage: [{material: mineral, steps: [{share: 1, eur_per_t: 90000}]}]
supply: [{material: mineral, country: VN, t_per_year: 1300}]
projects: {mine: {country: DE, output_t_per_year: {mineral: 600}, capex_meur: 90}}
"""
    assert read_case_text(text).warnings == ()
    found = read_case_text(text.replace(sound, slip)).warnings
    (warning,) = [one for one in found if "is short in" not in one.message]
    assert warning.path[: len(place)] == place


@pytest.mark.parametrize(("code", "price"), [("KRW", 100), ("JPY", 700), ("JPY", 119_000)])
def test_without_known_prices_the_most_expensive_material_decides_the_currency(
    code: str, price: int
) -> None:
    """Steel for 700 is 700 EUR a tonne or 119,000 JPY, and not 700 JPY."""
    text = {
        "currency": code,
        "horizon": {"first_year": 2026, "last_year": 2030},
        "materials": {"steel": {"price_eur_per_t": price}},
        "projects": {
            "mill": {"country": "DE", "output_t_per_year": {"steel": 1e6}, "capex_meur": 2 * price}
        },
    }
    doubts = [one.path for one in read_case_text(json.dumps(text)).warnings]
    assert (("currency",) in doubts) == (price < 1000)


@pytest.mark.parametrize(
    ("rows", "supply"),
    [((1_200_000, 3_500), (1_200_000, 4_000, 200)), ((9_000, 25), (9_000, 25, 2))],
)
def test_a_small_row_of_a_sound_table_gets_no_warning(
    rows: tuple[int, ...], supply: tuple[int, ...]
) -> None:
    demand = [{"consumer": f"c{n}", "material": "tin", "t_per_year": t} for n, t in enumerate(rows)]
    sources = zip(("CL", "PL", "CN"), supply, strict=True)
    text = {
        "horizon": {"first_year": 2026, "last_year": 2030},
        "materials": {"tin": {"price_eur_per_t": 9000}},
        "consumers": {row["consumer"]: {} for row in demand},
        "demand": demand,
        "damage": [{"material": "tin", "steps": [{"share": 1, "eur_per_t": 25000}]}],
        "supply": [{"material": "tin", "country": c, "t_per_year": t} for c, t in sources],
    }
    assert read_case_text(json.dumps(text)).warnings == ()


@pytest.mark.parametrize(("row", "kilotonnes"), [(0, 25.2), (3, 1.65)])
def test_demand_far_below_all_else_is_named_instead_of_the_rest(
    row: int, kilotonnes: float
) -> None:
    setting = f"demand.{row}.t_per_year={kilotonnes}"
    found = read_case(ROOT / "scenarios/japan-2010.yaml", None, [setting])
    doubts = [one.path for one in found.warnings if "check that both" in one.hint]
    assert doubts == [("demand", row, "t_per_year")]


@pytest.mark.parametrize(
    ("called", "code"),
    [("usd", "USD"), ("dollar", "USD"), ("US$", "USD"), ("$", "USD"), ("Yen", "JPY"), ("¥", "JPY"),
     ("RMB", "CNY"), ("£", "GBP"), ("€", "EUR"), ("ars", "ARS"), ("EUE", "EUR or USD")],
)  # fmt: skip
def test_a_wrong_currency_gets_the_code_that_is_meant(called: str, code: str) -> None:
    text = TUTORIAL.replace("currency: EUR", f"currency: '{called}'", 1)
    try:
        (fault,) = read_case_text(text).warnings
    except ScenarioError as error:
        (fault,) = error.faults
    assert (fault.path, fault.hint[-len(code) :]) == (("currency",), code)


@pytest.mark.parametrize("known", [True, False])
def test_only_metals_themselves_are_compared_with_prices_of_2025(known: bool) -> None:
    metals = "gallium, Dysprosiumoxid, Lithium (as carbonate), Nickel (class 1), Titanschwamm"
    others = (
        "Wolframerz, Titanerz, Gallium-bearing bauxite, Zinc residue with germanium, Vanadium "
        "slag, Kupferschlacke, Nickel laterite, Kupferschrott, Spent autocatalysts of platinum, "
        "Lithium-6, Silicon wafers, Nuclear graphite, Magnesium carbonate"
    )
    for name in (metals if known else others).split(", "):
        assert (name, reference_price(name) is not None) == (name, known)


def thousandth(figure: Number | YearlyQuantity, factor: float = 1e-3) -> str:
    """A figure times a factor, as a setting writes it."""
    if isinstance(figure, YearlyQuantity) and figure.years:
        pairs = zip(figure.years, figure.values, strict=True)
        return json.dumps({str(year): float(value) * factor for year, value in pairs})
    number = figure.values[0] if isinstance(figure, YearlyQuantity) else figure
    return f"{float(number) * factor:.6e}"


def slips_in(case: Case) -> dict[str, list[str]]:
    """For each of the ten slips, all settings that make it somewhere in a scenario."""
    projects = case.projects.items()
    return {
        "demand in kt": [
            f"demand.{n}.t_per_year={thousandth(row.t_per_year)}"
            for n, row in enumerate(case.demand)
        ],
        "capex in units": [
            f"projects.{k}.capex_meur={float(p.capex_meur) * 1e6}" for k, p in projects
        ],
        "price in thousands": [
            f"materials.{k}.price_eur_per_t={thousandth(m.price_eur_per_t)}"
            for k, m in case.materials.items()
        ],
        "damage in thousands": [
            f"damage.{n}.steps.0.eur_per_t={thousandth(d.steps[0].eur_per_t)}"
            for n, d in enumerate(case.damage)
        ],
        "supply in kt": [
            f"supply.{n}.t_per_year={thousandth(row.t_per_year)}"
            for n, row in enumerate(case.supply)
            if row.t_per_year is not None
        ],
        "output in kg": [
            f"projects.{k}.output_t_per_year.{m}={float(tonnes) * 1e3}"
            for k, p in projects
            for m, tonnes in p.output_t_per_year.items()
        ],
        "rate in percent": ["horizon.discount_rate=4.5", "horizon.discount_rate=0.45"],
        "another currency": ["currency=KRW", "currency=JPY"],
        "another year": ["price_year=1990"],
        "three letters": [f"supply.{n}.country=VNM" for n, _ in enumerate(case.supply)],
    }  # fmt: skip


def is_reported(scenario: LoadedScenario, setting: str) -> bool:
    """Whether a warning or an error that the scenario did not have lies at a setting."""
    try:
        found = scenario.with_settings([setting]).warnings
    except ScenarioError as error:
        found = error.faults
    known = {(one.path, one.message) for one in scenario.warnings}
    return any(
        (one.path, one.message) not in known and str(one.location).startswith("--set")
        for one in found
    )


@pytest.mark.parametrize(
    "name",
    ["tutorial", "japan-2010", "starter", "consortium", pytest.param("germany-2026", marks=SLOW)],
)
def test_each_slip_is_reported_in_each_file(name: str) -> None:
    text = starter_scenario_text("en")
    scenario = read_case_text(text) if name == "starter" else read_case(name)
    for slip, settings in slips_in(scenario.case).items():
        assert all(is_reported(scenario, setting) for setting in settings[-1:]), slip


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("starter", ["demand.0.t_per_year=50000000"], "more than the world market of any metal"),
        ("japan-2010", ["projects.nolans.output_t_per_year.ndpr=3.8"], "value of all outputs"),
        ("japan-2010", ["stockpiles.4.storage_eur_per_t_year=0.2"], "is unlike all others"),
        ("japan-2010", ["stockpiles.5.max_purchase_t_per_year=0.65"], "where 9800 t of 'ndpr'"),
        ("consortium", ["demand.2.t_per_year=3"], "3 t per year of 'magnets', but"),
        ("consortium", ["demand.15.t_per_year=11000000"], "11000000 t per year of 'lithium', but"),
        ("consortium", ["supply.8.t_per_year=2000"], "2000 t per year of 'dysprosium', but"),
    ],
)
def test_figures_are_compared_with_their_neighbors(
    name: str, settings: list[str], said: str
) -> None:
    text = starter_scenario_text("en")
    scenario = read_case_text(text) if name == "starter" else shipped(name)
    place = settings[0].split("=")[0].split(".")
    found = scenario.with_settings(settings).warnings
    assert [one for one in found if said in one.message and list(map(str, one.path)) == place]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tutorial", "japan-2010", "consortium", "germany-2026"])
def test_most_slips_are_reported_wherever_they_are_made(name: str) -> None:
    """Demand rows whose neighbors differ much in size, and small outputs of large plants, may be
    sound, and are the exceptions."""
    scenario = read_case(name)
    for slip, settings in slips_in(scenario.case).items():
        tried = settings[:: max(1, len(settings) // 10)]
        reported = sum(is_reported(scenario, setting) for setting in tried)
        assert reported >= 0.8 * len(tried), slip


Pick = Callable[[Sequence[Any]], Any]


def drawn(make: Callable[[Pick], Any], seed: int) -> LoadedScenario:
    dice = random.Random(seed)
    return read_case_text(json.dumps(make(lambda values: values[dice.randrange(len(values))])))


@cache
def shipped(name: str) -> LoadedScenario:
    return read_case(name)


ABROAD = [
    ("CNY", 8.1, 2025, 1.0), ("CNY", 7.9, 2020, 0.25), ("SEK", 9.5, 2016, 0.25),
    ("USD", 1.1, 2016, 0.2), ("JPY", 169.0, 2025, 1.0), ("KRW", 1600.0, 2022, 0.7),
]  # fmt: skip
"""Currencies with units for a euro, a year, and what gallium cost then, by what it cost in 2025."""


def abroad(code: str, rate: float, year: int, prices: float) -> str:
    """The tutorial in another currency, at prices of another year."""

    def converted(found: re.Match[str]) -> str:
        value = float(found[2]) * rate * (prices if "price" in found[1] else 1)
        return f"{found[1]}{value:.6f}"

    text = re.sub(r"(\w*(?:eur_per_t|_meur)\w*: (?:{value: )?)([\d.]+)", converted, TUTORIAL)
    text = text.replace("currency: EUR", f"currency: {code}")
    return text.replace("price_year: 2025", f"price_year: {year}")


def cases() -> dict[str, Callable[[], Case]]:
    """60 sound scenarios by name: those that ship with each of their variants, the templates,
    small ones of the tests, and such as are drawn at random."""
    found: dict[str, Callable[[], Case]] = {}
    for name in shipped_files.scenario_files():
        found[name] = lambda name=name: shipped(name).case
        for key in shipped(name).case.variants:
            found[f"{name} {key}"] = lambda name=name, key=key: read_case(name, key).case
    for language in ("en", "de"):
        found[language] = lambda language=language: (
            read_case_text(starter_scenario_text(language)).case
        )
    found["valid"] = lambda: read_case_text(VALID).case
    found["oxides"] = lambda: read_case(ROOT / "tests/scenarios/germany-2026-oxides.yaml").case
    found["magnets"] = lambda: read_case_text(json.dumps(mine_to_magnet())).case
    vendor = ROOT / "tests" / "textbook" / "news_vendor.yaml"
    found["vendor"] = lambda: read_case(vendor).case
    for code, rate, year, prices in ABROAD:
        text = abroad(code, rate, year, prices)
        found[f"{code} {year}"] = lambda text=text: read_case_text(text).case
    for id_ in ("recovery", "charges"):  # which are names of fields as well
        text = re.sub(r"\b(fund|gallium)\b", id_, TUTORIAL)
        found[id_] = lambda text=text: read_case_text(text).case
    makers = (small_case, crowded_case, treasury_case, lasting_case, deals_case)
    for seed in range(100):
        for make in makers:
            if len(found) < 60:
                found[f"{make.__name__} {seed}"] = lambda m=make, s=seed: drawn(m, s).case
    return found


@pytest.mark.slow
@pytest.mark.parametrize("variants_of_germany", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_sixty_sound_scenarios_get_no_warning(variants_of_germany: bool) -> None:
    sound = cases()
    assert len(sound) == 60
    for name, read in sound.items():
        if name.startswith("germany-2026 ") == variants_of_germany:
            case = read()
            assert (name, list(unit_checks.unit_warnings(case, collect_values(case)))) == (name, [])
