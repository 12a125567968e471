"""Hidden figures: what is hidden, and that nothing of it is left in what may be published."""

from __future__ import annotations

import copy
import math
import random
from typing import Any

import pytest
import yaml
from everything import everything
from hypothesis import given
from hypothesis import strategies as st
from random_cases import small_case
from redacting import BAND, hide, solved, truth, two_consumers
from small import near

from models.files import read_case, read_case_text
from models.results import Plan
from models.scenario.case import Case
from optimizer.analyses.redaction.hidden_figures import (
    BandMethod,
    ScaleMethod,
    ScenarioFigure,
    find_hidden_figures,
)
from optimizer.analyses.redaction.redacted_scenario import redact_scenario
from optimizer.solve.checked_solution import input_hash

Raw = dict[str, Any]
SECRET = "a long text that nobody else knows"
POSITIVE = st.floats(min_value=1e-4, max_value=1e9)


def figure(value: float, year: int | None = None) -> ScenarioFigure:
    return ScenarioFigure("demand", "chips", ("demand", 0, "t_per_year"), year, value, "ore")


def test_what_belongs_to_a_consumer_and_its_purse() -> None:
    redacted = hide(two_consumers())
    assert truth(redacted) == {
        "demand.0.t_per_year": 41.7,
        "damage.0.steps.0.eur_per_t": 731_000,
        "funders.chip_co.budget_meur": 13.3,
        "stockpiles.0.initial_t": 3.3,
        "stockpiles.0.max_t": 8.8,
    }
    assert set(truth(hide(two_consumers(), companies=()))) == {
        "demand.0.t_per_year",
        "damage.0.steps.0.eur_per_t",
        "stockpiles.0.initial_t",
        "stockpiles.0.max_t",
    }


def test_budgets_of_years_and_lines_belong_to_the_purse() -> None:
    raw = everything()
    raw["funders"]["motor_co"] |= {
        "budget_by_year_meur": {2026: 40, 2027: 50},
        "budget_lines": {
            "cash": {"kind": "cash", "total_meur": 60, "by_year_meur": {2026: 30}},
            "stock": {"kind": "guarantee_stock", "limit_meur": {2026: 5, 2028: 7}},
        },
    }
    found = find_hidden_figures(Case.model_validate(raw), (), ("motor_co",))
    assert [one.dotted_path.removeprefix("funders.motor_co.") for one in found] == [
        "budget_meur",
        "budget_by_year_meur.2026",
        "budget_by_year_meur.2027",
        "budget_lines.cash.total_meur",
        "budget_lines.cash.by_year_meur.2026",
        "budget_lines.stock.limit_meur.2026",
        "budget_lines.stock.limit_meur.2028",
    ]


def test_a_curve_of_chosen_consumers_alone_is_theirs() -> None:
    """The entry that names no consumer is that of all who have none of their own."""
    case = Case.model_validate(two_consumers())
    both = {one.path[:2] for one in find_hidden_figures(case, ("chips", "others"), ())}
    assert {("damage", 0), ("damage", 1)} <= both
    assert ("damage", 1) in {one.path[:2] for one in find_hidden_figures(case, ("others",), ())}
    assert ("damage", 1) not in {one.path[:2] for one in find_hidden_figures(case, ("chips",), ())}


@given(POSITIVE, st.floats(min_value=0.05, max_value=9))
def test_a_figure_lies_in_its_band_and_so_does_what_is_written(value: float, width: float) -> None:
    (one,) = BandMethod(width).replace_figures([figure(value)])
    assert one.low * (1 - 1e-6) <= value <= one.high * (1 + 1e-6)
    assert one.low < one.published < one.high
    assert one.high / one.low == near(1 + width)


@given(POSITIVE, st.floats(min_value=0, max_value=1))
def test_figures_of_one_band_are_written_alike(value: float, share: float) -> None:
    (one,) = BAND.replace_figures([figure(value)])
    inside = one.low * (one.high / one.low) ** (0.001 + 0.998 * share)
    (other,) = BAND.replace_figures([figure(inside)])
    assert (other.published, other.low, other.high) == (one.published, one.low, one.high)


@given(st.lists(POSITIVE, min_size=2, max_size=5))
def test_the_growth_of_a_profile_reveals_one_band_only(values: list[float]) -> None:
    """Were each year banded by itself, the level would lie where all bands meet."""
    made = list(BAND.replace_figures([figure(value, 2026 + n) for n, value in enumerate(values)]))
    lows = [one.low * values[0] / one.figure.value for one in made]
    highs = [one.high * values[0] / one.figure.value for one in made]
    assert max(lows) == pytest.approx(made[0].low, rel=1e-6)
    assert min(highs) == pytest.approx(made[0].high, rel=1e-6)


def test_zero_stays_zero() -> None:
    made = list(BAND.replace_figures([figure(0, 2026), figure(12, 2027), figure(0, 2028)]))
    assert [one.published for one in made] == [0, 13, 0]
    assert [(one.low, one.high) for one in made[::2]] == [(0, 0), (0, 0)]


@given(st.floats(min_value=0.01, max_value=0.49), st.floats(min_value=0.01, max_value=0.49))
def test_shares_of_steps_still_add_up_and_lie_in_their_ranges(first: float, second: float) -> None:
    shares = [first, second, 1 - first - second]
    steps = [
        ScenarioFigure(
            "damage_share", "chips", ("damage", 0, "steps", n, "share"), None, share, "ore"
        )
        for n, share in enumerate(shares)
    ]
    made = list(BAND.replace_figures(steps))
    assert math.fsum(one.published for one in made) == pytest.approx(1, abs=1e-9)
    for one in made:
        assert one.low * (1 - 1e-6) - 1e-9 <= one.figure.value <= one.high * (1 + 1e-6) + 1e-9


def test_a_factor_is_one_of_what_belongs_together_and_comes_again() -> None:
    years = [figure(100, 2026), figure(150, 2027)]
    budget = ScenarioFigure("budget", "chips", ("funders", "chips", "budget_meur"), None, 100.0)
    made = list(ScaleMethod(0.25, SECRET).replace_figures([*years, budget]))
    assert made[1].published / made[0].published == pytest.approx(1.5, rel=0.01)
    assert made[2].published != made[0].published
    assert made == list(ScaleMethod(0.25, SECRET).replace_figures([*years, budget]))
    assert made != list(ScaleMethod(0.25, SECRET + "!").replace_figures([*years, budget]))


@pytest.mark.slow
@given(POSITIVE, st.text())
def test_a_scaled_figure_lies_in_its_range(value: float, secret: str) -> None:
    (one,) = ScaleMethod(0.25, secret).replace_figures([figure(value)])
    assert one.low <= value <= one.high
    assert one.high / one.low <= 1.25**2 * 1.02


def test_the_redacted_scenario_reads_and_differs_in_what_is_hidden_alone() -> None:
    redacted = hide(two_consumers())
    before = redacted.true_case.model_dump(mode="json")
    after = redacted.redacted_case.model_dump(mode="json")
    for content in (before, after):
        content["demand"][0]["t_per_year"] = content["consumers"]["chips"]["description"] = None
        content["damage"][0]["steps"][0]["eur_per_t"] = None
        content["funders"]["chip_co"]["budget_meur"] = None
        content["stockpiles"][0] |= {"initial_t": None, "max_t": None}
        content["sources"].clear()
    assert before == after
    reported = {redacted.redacted_case.demand[0].t_per_year.values[0].source}
    assert reported == {"redacted: band of 25 %"}


def test_nothing_of_the_true_figures_is_in_what_is_written() -> None:
    redacted = hide(two_consumers())
    for text in (redacted.yaml_text, redacted.stand_in):
        for gone in ("41.7", "731", "13.3", "3.3", "8.8", "ledger", "books", "a year"):
            assert gone not in text, gone
    assert {(one.path, one.reason) for one in redacted.left_out} == {
        ("demand.0.t_per_year", "note"),
        ("consumers", "text"),
        ("sources", "text"),
    }
    kept = hide(two_consumers(), keep_texts=True)
    assert "idle" in kept.yaml_text
    assert {(one.path, one.reason) for one in kept.left_out} == {
        ("demand.0.t_per_year", "note"),
        ("consumers.chips.description", "description"),
        ("sources.ledger", "source"),
    }


def test_what_is_written_depends_on_the_bands_alone() -> None:
    """Therefore results computed from it reveal no more than the bands: the plan is the same,
    too."""
    one, other = two_consumers(), two_consumers()
    other["demand"][0]["t_per_year"]["value"] = 37.1
    other["damage"][0]["steps"][0]["eur_per_t"] = 666_666
    other["funders"]["chip_co"]["budget_meur"] = 12.01
    other["stockpiles"][0] |= {"initial_t": 3.06, "max_t": 7.49}
    other["consumers"]["chips"]["description"] = "needs 37.1 t a year"
    first, second = hide(one), hide(other)
    assert truth(first) != truth(second)
    assert first.yaml_text == second.yaml_text
    assert first.stand_in == second.stand_in
    plans = [_timeless(solved(redacted, true=False)) for redacted in (first, second)]
    assert plans[0] == plans[1]


def _timeless(plan: Plan) -> Raw:
    found = plan.model_dump()
    for key in ("seconds", "seconds_by_step"):
        del found["certificate"][key]
    return found


def test_the_stand_in_included_gives_the_redacted_scenario(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    raw = two_consumers()
    redacted = hide(raw)
    common = copy.deepcopy(raw)
    del common["demand"][0], common["damage"][0], common["sources"]["ledger"]
    del common["consumers"]["chips"]["description"]
    del common["funders"]["chip_co"]["budget_meur"]
    del common["stockpiles"][0]["initial_t"], common["stockpiles"][0]["max_t"]
    common["include"] = [{"private": "own.yaml", "otherwise": "stand-in.yaml"}]
    (tmp_path / "scenario.yaml").write_text(yaml.safe_dump(common), encoding="utf-8")
    (tmp_path / "stand-in.yaml").write_text(redacted.stand_in, encoding="utf-8")
    read = read_case("scenario.yaml").case
    # Rows of private files come last.
    rows = lambda case: sorted((row.consumer, row.t_per_year.at(2026)) for row in case.demand)  # noqa: E731
    assert rows(read) == rows(redacted.redacted_case)
    assert {entry.consumer: entry.steps for entry in read.damage} == {
        entry.consumer: entry.steps for entry in redacted.redacted_case.damage
    }
    assert read.funders == redacted.redacted_case.funders
    assert read.stockpiles == redacted.redacted_case.stockpiles


def test_numbers_of_private_files_that_stay_are_named(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    common, own = two_consumers(), {}
    own["demand"], common["demand"] = common["demand"], []
    own["funders"] = {"chip_co": {"budget_meur": common["funders"]["chip_co"].pop("budget_meur")}}
    common["include"] = [{"private": "own.yaml"}]
    (tmp_path / "scenario.yaml").write_text(yaml.safe_dump(common), encoding="utf-8")
    own["materials"] = {"powder": {"price_eur_per_t": 1}}
    plant = {"country": "DE", "output": "powder", "capacity_t_per_year": {2026: 4, 2030: 5}}
    own["conversions"] = {"mill": plant | {"inputs_t_per_t": {"ore": 1.1}}}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(own), encoding="utf-8")
    redacted = redact_scenario(read_case("scenario.yaml"), ("chips",), (), BAND)
    assert [one.path for one in redacted.hints if one.reason == "private_open"] == [
        "demand.1.t_per_year",
        "funders.chip_co.budget_meur",
        "materials.powder.price_eur_per_t",
        "conversions.mill.capacity_t_per_year",
        "conversions.mill.inputs_t_per_t.ore",
    ]


@pytest.mark.parametrize(
    "patch",
    [
        {"demand.0.t_per_year": 41.7},
        {"demand": two_consumers()["demand"]},
        {"damage.0.steps.0.eur_per_t": 5},
        {"damage.0.steps": [{"share": 1, "eur_per_t": 5}]},
        {"funders.chip_co.budget_meur": 13.3},
        {"funders.chip_co": {"kind": "company", "budget_meur": 13.3}},
        {"stockpiles.own.max_t": 9},
        {"stockpiles.0.initial_t": 1},
        {"consumers.chips.description": "as before: 41.7"},
        {"include": ["rohstofffonds"]},
    ],
    ids=lambda patch: next(iter(patch)),
)
def test_revealing_variants_are_removed(patch: Raw) -> None:
    keeps = {"funders.fund.budget_meur": 2, "demand.1.t_per_year": 90}
    raw = two_consumers(variants={"tells": {"set": patch}, "keeps": {"set": keeps}})
    redacted = hide(raw)
    assert ("variants.tells", "variant") in [(one.path, one.reason) for one in redacted.left_out]
    assert list(redacted.redacted_case.variants) == ["keeps"]


def test_what_still_tells_is_hinted_at() -> None:
    raw = two_consumers(
        title="Chips need 41.7 t", supply=[{"material": "ore", "country": "CN", "t_per_year": 141}]
    )
    redacted = hide(raw, companies=())
    assert ("title", "mentioned") in {(one.path, one.reason) for one in redacted.left_out}
    assert "Chips need" not in redacted.yaml_text
    assert {(one.path, one.reason) for one in redacted.hints} == {
        ("supply.0.t_per_year", "supply_adds_up"),
        ("funders.chip_co", "purse_open"),
    }
    shared = two_consumers()
    del shared["damage"][0]
    assert [one.reason for one in hide(shared).hints] == ["curve_shared"]


def with_conversion(supply: float, output: str, taken: str, capacity: float) -> Raw:
    """The two consumers need 141.7 t of ore in all."""
    materials = {name: {"price_eur_per_t": 10_000} for name in ("ore", output, taken)}
    plant = {"country": "DE", "output": output, "inputs_t_per_t": {taken: 1}}
    return two_consumers(
        materials=materials,
        supply=[{"material": "ore", "country": "CN", "t_per_year": supply}] if supply else [],
        conversions={"plant": plant | {"capacity_t_per_year": capacity}},
    )


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (with_conversion(100, "ore", "metal", 42), "supply.0.t_per_year"),
        (with_conversion(100, "ore", "metal", 60), None),
        (with_conversion(0, "ore", "metal", 142), "conversions.plant.capacity_t_per_year"),
        (with_conversion(142, "metal", "ore", 50), None),
        (with_conversion(192, "metal", "ore", 50), "supply.0.t_per_year"),
    ],
)
def test_conversions_add_to_supply_and_to_need(raw: Raw, path: str | None) -> None:
    hints = [one.path for one in hide(raw).hints if one.reason == "supply_adds_up"]
    assert hints == ([] if path is None else [path])
    # What plants take in and make is a figure of no consumer.
    assert hide(raw).redacted_case.conversions == Case.model_validate(raw).conversions


@pytest.mark.quick(every=3)
@pytest.mark.parametrize("seed", range(8))
def test_any_scenario_can_be_redacted_and_read(seed: int) -> None:
    raw = small_case(random.Random(seed).choice)
    case = Case.model_validate(raw)
    companies = tuple(f for f, x in case.funders.items() if x.kind == "company")
    for method in (BAND, ScaleMethod(0.3, SECRET)):
        redacted = hide(raw, tuple(case.consumers), companies, method)
        assert read_case_text(redacted.yaml_text).case == redacted.redacted_case
        assert input_hash(redacted.redacted_case) != input_hash(case)
        for one in redacted.replaced_figures:
            assert one.low * (1 - 1e-6) <= one.figure.value <= one.high * (1 + 1e-6)
