"""What reads well: encodings, numbers, tables, patches and places."""

from __future__ import annotations

import copy
import json

import pytest
import yaml
from hypothesis import given, settings, strategies as st
from mutations import mutated
from small_scenario import VALID, broken, with_table, write

from models.faults import ScenarioError, SourceLocation
from models.files import read_case, read_case_text
from models.scenario.case import Case

HEADER = "id,country,output_t_per_year.lithium,capex_meur"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-with-mark", "utf-16-be-with-mark"]
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_encodings(tmp_path, encoding, newline):
    text = broken(("title: A test", "title: Größe")).replace("\n", newline)
    mark = "\ufeff" if encoding.endswith("mark") else ""
    raw = (mark + text).encode(encoding.removesuffix("-with-mark"))
    (tmp_path / "scenario.yaml").write_bytes(raw)
    reading = read_case(tmp_path / "scenario.yaml")
    assert reading.case.title is not None
    assert reading.case.title.in_language() == "Größe"
    assert reading.location(("materials", "lithium", "price_eur_per_t")).line == 6


def test_a_case_survives_json():
    case = read_case_text(VALID).case
    text = case.model_dump_json(by_alias=True)
    assert Case.model_validate_json(text) == case
    assert read_case_text(text, "scenario.json").case == case


def test_json_files_may_hold_exponents():
    data = json.loads(read_case_text(VALID).case.model_dump_json(by_alias=True, exclude_none=True))
    data["objective"]["cost_weight"] = 1e-7
    reading = read_case_text(json.dumps(data), "scenario.json")
    assert reading.case.objective.cost_weight == 1e-7


def test_sources_stay_with_their_numbers():
    text = broken(("capex_meur: 60", "capex_meur: {value: 60, source: guess, confidence: low}"))
    number = read_case_text(text).case.projects["recycling"].capex_meur
    assert (number, number.source, number.confidence) == (60, "guess", "low")


def test_yearly_numbers_are_linear_between_their_years_and_constant_outside():
    price = read_case_text(VALID).case.materials["dysprosium"].price_eur_per_t
    assert [price.at(year) for year in (2020, 2026, 2027, 2030, 2050)] == [
        200000, 200000, 212500, 250000, 250000,
    ]  # fmt: skip
    assert read_case_text(VALID).case.materials["lithium"].price_eur_per_t.at(2100) == 10000


def test_null_means_absent():
    text = broken(
        ("max_t: 200", "max_t: null"), ("capex_meur: 60", "capex_meur: 60\n    home_share: ~")
    )
    case = read_case_text(text).case
    assert case.stockpiles[0].max_t is None
    assert case.projects["recycling"].home_share == 0


def test_an_item_without_a_value_has_all_defaults():
    text = broken(
        ("  automotive: {}\n", "  automotive:\n"),
        ("  motor_co: {kind: company}", "  motor_co: {kind: company, instruments: {grant: }}"),
    )
    case = read_case_text(text).case
    assert list(case.consumers) == ["automotive", "motor_co"]
    assert case.funders["motor_co"].instruments["grant"].max_share == 1


def test_a_patch_without_a_value_takes_an_item_away():
    case = read_case_text(VALID, settings=["projects.recycling=null"]).case
    assert list(case.projects) == ["upper_rhine"]


@pytest.mark.parametrize(
    ("written", "value"), [("1.5e+3", 1500), ("1.5e-3", 0.0015), ("2.E+2", 200), (".5e+1", 5)]
)
def test_a_dot_and_a_signed_exponent_make_a_number(written, value):
    text = broken(("capex_meur: 60", f"capex_meur: {written}"))
    assert read_case_text(text).case.projects["recycling"].capex_meur == value


def test_years_may_have_a_source():
    text = broken(
        ("first_year: 2026", "first_year: {value: 2026, source: guess, note: soon}"),
        ("earliest_start: 2026", "earliest_start: {value: 2027, confidence: low}"),
    )
    case = read_case_text(text).case
    assert list(case.horizon.years) == [2026, 2027, 2028, 2029, 2030]
    again = Case.model_validate_json(case.model_dump_json(by_alias=True))
    assert again == case
    written = again.model_dump(mode="json")["horizon"]
    assert written["first_year"] == {"value": 2026, "source": "guess", "note": "soon"}
    assert written["last_year"] == 2030
    year = copy.deepcopy(again.projects["upper_rhine"].earliest_start)
    assert (year, getattr(year, "confidence", None)) == (2027, "low")


def test_a_year_in_a_table_may_have_a_source(tmp_path):
    table = f"{HEADER},earliest_start,earliest_start.source\na,DE,1,2,2027,guess\nb,DE,1,2,,\n"
    write(tmp_path, with_table(), projects=table)
    first, second = read_case(tmp_path / "scenario.yaml").case.projects.values()
    assert (first.earliest_start, second.earliest_start) == (2027, None)
    assert getattr(first.earliest_start, "source", None) == "guess"


def test_supply_may_exceed_demand():
    reading = read_case_text(broken(("country: CL, share: 1.0", "country: CL, share: 1.2")))
    assert reading.warnings == ()
    assert reading.case.supply[0].share is not None
    assert reading.case.supply[0].share.at(2026) == 1.2


def test_a_comma_between_keys_is_no_decimal_comma():
    text = broken(("{2026: 200000, 2030: 250000}", "{2026: 200000, 2030: 250000, 2031: }"))
    price = read_case_text(text).case.materials["dysprosium"].price_eur_per_t
    assert price.years == (2026, 2030)


def test_anchors_are_read():
    text = broken(
        ("country: CL", "country: &c CL"),
        ("material: dysprosium, country: CN", "material: dysprosium, country: *c"),
    )
    assert read_case_text(text).case.supply[1].country == "CL"


def test_places_of_values_keys_and_what_is_absent():
    reading = read_case_text(VALID)
    assert reading.location(("stockpiles", 0, "max_t")) == SourceLocation("scenario.yaml", 48, 12)
    assert reading.location(("policy", "budget_meur")) == SourceLocation("scenario.yaml", 61, 1)
    assert reading.location(("objective",)) == SourceLocation("scenario.yaml", 1, 1)


def test_variants_then_settings_in_order():
    texts = [
        "funders.fund.budget_meur=5",
        "funders.fund.budget_meur=7",
        "policy.state_aid.max_meur=3",
        "objective.cvar.weight=0.5",
        "stockpiles.reserve.max_t=9",
        "materials.dysprosium.price_eur_per_t.2028=1",
        "funders.fund.carry_over=null",
    ]
    reading = read_case_text(VALID, variant="no_state", settings=texts)
    case = reading.case
    assert case.funders["fund"].budget_meur == 7
    assert case.policy.state_aid is not None
    assert case.policy.state_aid.max_meur == 3
    assert case.objective.cvar.weight == 0.5
    assert case.stockpiles[0].max_t == 9
    assert case.materials["dysprosium"].price_eur_per_t.at(2028) == 1
    assert case.funders["fund"].carry_over is False
    assert str(reading.location(("stockpiles", 0, "max_t"))) == "--set stockpiles.reserve.max_t=9"
    assert read_case_text(VALID, variant="no_state").case.funders["fund"].budget_meur == 0
    assert read_case_text(VALID).case.funders["fund"].budget_meur == 1000


def test_settings_need_not_fit_variants_that_are_not_applied():
    text = VALID + "  drawn: {set: {uncertainty: {sample: {states: 20}}}}\n"
    setting = "uncertainty.states.0.name=quiet"
    reading = read_case_text(text, settings=[setting], check_variants=True)
    assert reading.case.uncertainty.states[0].name == "quiet"
    (warning,) = reading.warnings
    message = "the settings do not fit variant 'drawn': there is no 'uncertainty.states' to change"
    assert (warning.message, warning.variant) == (message, "drawn")
    with pytest.raises(ScenarioError, match="there is no 'uncertainty"):
        read_case_text(text, variant="drawn", settings=[setting], check_variants=True)
    removed = ["uncertainty.states=null", "uncertainty.sample.states=9"]
    assert read_case_text(text, settings=removed).case.uncertainty.sample.states == 9
    wrong = text.replace("states: 20", "states: -20")
    with pytest.raises(ScenarioError, match="error: with variant 'drawn': -20 is below 1"):
        read_case_text(wrong, settings=[setting], check_variants=True)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_tables(tmp_path, delimiter):
    rows = [
        f"{HEADER},capex_meur.source,name.de,tags,ramp_up.0,ramp_up.1,delay_years.0,earliest_start",
        '007,NA,10,1e3,guess,Größe,"a ; b",0.5,1,,2027',
        "",
        ",,,,,,,,,,",
        "b,NO,20,.5,,,,,,1,",
    ]
    text = "\n".join(rows).replace(",", delimiter)
    write(tmp_path, with_table(), projects=text)
    reading = read_case(tmp_path / "scenario.yaml")
    first, second = reading.case.projects.values()
    assert list(reading.case.projects) == ["007", "b"]
    assert (first.country, second.country) == ("NA", "NO")
    assert (first.capex_meur, first.capex_meur.source, second.capex_meur) == (1000, "guess", 0.5)
    assert first.tags == ("a", "b")
    assert first.ramp_up == (0.5, 1)
    assert (first.earliest_start, second.earliest_start) == (2027, None)
    assert second.delay_years == {0: 1}
    assert first.name is not None
    assert first.name.de == "Größe"
    place = reading.location(("projects", "b", "country"))
    assert (place.line, place.column) == (5, 3)


def test_yearly_columns_with_a_source(tmp_path):
    table = "consumer,material,t_per_year.2026,t_per_year.value.2030,t_per_year.source\n" + (
        "automotive,lithium,10,20,guess\nmotor_co,dysprosium,5,,\n"
    )
    begin, end = VALID.index("demand:\n"), VALID.index("damage:\n")
    write(tmp_path, VALID[:begin] + "demand: {table: d.csv}\n" + VALID[end:], d=table)
    first, second = read_case(tmp_path / "scenario.yaml").case.demand
    assert [first.t_per_year.at(year) for year in (2026, 2028, 2030)] == [10, 15, 20]
    assert first.t_per_year.values[1].source == "guess"
    assert second.t_per_year.at(2030) == 5


def test_a_patch_reaches_into_a_table_and_may_bring_one(tmp_path):
    write(tmp_path, with_table(), projects=f"{HEADER}\na,DE,1,2\n", other=f"{HEADER}\nb,DE,1,3\n")
    path = tmp_path / "scenario.yaml"
    assert read_case(path, settings=["projects.a.capex_meur=5"]).case.projects["a"].capex_meur == 5
    assert list(read_case(path, settings=["projects={table: other.csv}"]).case.projects) == ["b"]


@settings(max_examples=3 * settings.default.max_examples, deadline=None)
@given(st.integers(0, 2**32))
def test_any_text_gives_a_case_or_located_faults(seed):
    try:
        faults = read_case_text(mutated(VALID, seed), check_variants=True).warnings
    except ScenarioError as error:
        faults = error.faults
    assert all(fault.location is not None and fault.message for fault in faults)


def test_yaml_reads_the_same_without_its_c_library(monkeypatch):
    quick = read_case_text(VALID)
    monkeypatch.setattr("models.files.yaml_source._Loader", yaml.SafeLoader)
    slow = read_case_text(VALID)
    assert slow.case == quick.case
    assert slow.location(("hazards", "export_stop")) == quick.location(("hazards", "export_stop"))


@pytest.mark.parametrize("value", ["\udcff", "a\0"])
def test_a_setting_that_is_no_text(value):
    with pytest.raises(ScenarioError, match="does not belong into a text"):
        read_case_text(VALID, settings=[f"title={value}"])


def test_an_upset_sum_is_named_at_the_setting():
    with pytest.raises(ScenarioError, match=r"^--set .*: capex_profile adds up to 1.1"):
        read_case_text(VALID, settings=["projects.upper_rhine.capex_profile.1=0.5"])
