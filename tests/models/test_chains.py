"""What is made of what: the format of conversions and of inputs of projects, and how forms tie."""

from __future__ import annotations

import pytest
from small_scenario import write

from models.faults import Fault, ScenarioError
from models.files import read_case, read_case_text
from models.scenario.chains import (
    downstream_materials,
    material_chains,
    material_needs,
    order_materials,
)
from models.scenario.references import Case

HEAD = """\
horizon: {first_year: 2026, last_year: 2030}
materials:
  magnet: {price_eur_per_t: 60000}
  oxide: {price_eur_per_t: 50000}
  terbium: {price_eur_per_t: 900000}
  ore: {price_eur_per_t: 9000}
consumers: {industry: {}}
demand: [{consumer: industry, material: magnet, t_per_year: 100}]
damage: [{material: magnet, steps: [{share: 1, eur_per_t: 90000}]}]
supply: [{material: magnet, country: CN, t_per_year: 100}]
"""
CONVERSIONS = """\
conversions:
  makers:
    country: DE
    output: magnet
    inputs_t_per_t: {oxide: {value: 1.05, source: a guess}, terbium: 0.03}
    capacity_t_per_year: {2026: 600, 2030: 900}
"""
PROJECTS = """\
projects:
  plant:
    country: DE
    capex_meur: 1
    output_t_per_year: {oxide: 10}
    inputs_t_per_t: {ore: 2}
"""
CHAIN = HEAD + CONVERSIONS + PROJECTS


def conversion(id: str, output: str, *inputs: str) -> str:
    ratios = ", ".join(f"{name}: 1" for name in inputs)
    about = f"country: DE, output: {output}, inputs_t_per_t: {{{ratios}}}"
    return f"  {id}: {{{about}, capacity_t_per_year: 1}}\n"


def read(text: str) -> Case:
    return read_case_text(text).case


def found(text: str) -> tuple[Fault, ...]:
    try:
        return read_case_text(text, "s.yaml").warnings
    except ScenarioError as error:
        return error.faults


def faults_of(text: str) -> list[str]:
    return [str(fault) for fault in found(text)]


def test_a_conversion() -> None:
    one = read(CHAIN).conversions["makers"]
    assert (one.country, one.output) == ("DE", "magnet")
    assert one.inputs_t_per_t == {"oxide": 1.05, "terbium": 0.03}
    assert one.inputs_t_per_t["oxide"].source == "a guess"
    assert one.capacity_t_per_year.at(2027) == 675
    assert read(CHAIN).projects["plant"].inputs_t_per_t == {"ore": 2}


@pytest.mark.parametrize("nothing", ["", "{}", "null"])
def test_without_conversions_and_inputs(nothing: str) -> None:
    case = read(f"{HEAD}conversions: {nothing}\n{PROJECTS.replace('{ore: 2}', nothing)}")
    assert case.conversions == {} == case.projects["plant"].inputs_t_per_t
    assert material_chains(case) == ()
    assert order_materials(case) == ["magnet", "oxide", "terbium", "ore"]


def test_a_chain_has_nothing_to_report() -> None:
    assert faults_of(CHAIN) == []


def test_chains_and_their_order() -> None:
    case = read(CHAIN)
    assert order_materials(case) == ["terbium", "ore", "oxide", "magnet"]
    assert material_chains(case) == (("magnet", "oxide", "terbium", "ore"),)
    assert material_chains(case, projects=False) == (("magnet", "oxide", "terbium"),)
    assert downstream_materials(case, "ore") == {"ore", "oxide", "magnet"}


def test_need_is_demand_and_what_conversions_take_in_at_full_capacity() -> None:
    """Projects do not add to it, and neither does what a conversion's own output is needed for."""
    case = read(CHAIN.replace("terbium: 0.03", "terbium: 0.5"))
    assert material_needs(case, 2026) == pytest.approx(
        {"magnet": 100, "oxide": 630, "terbium": 300}
    )
    assert material_needs(case, 2029) == pytest.approx(
        {"magnet": 100, "oxide": 866.25, "terbium": 412.5}
    )


def test_a_table_of_conversions(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    table = (
        "id,country,output,inputs_t_per_t.oxide,inputs_t_per_t.terbium,inputs_t_per_t.ore,"
        "capacity_t_per_year.2026,capacity_t_per_year.2030\n"
        "makers,DE,magnet,1.05,0.03,,600,900\n"
        "others,FR,magnet,1.1,,-2,50,\n"
    )
    (tmp_path / "plants.csv").write_text(table)
    text = HEAD + "conversions: {table: plants.csv}\n"
    write(tmp_path, text)
    with pytest.raises(ScenarioError) as caught:
        read_case("scenario.yaml")
    assert [str(one) for one in caught.value.faults] == [
        "plants.csv:3:23: error: -2 is not above 0; write a number above 0"
    ]
    (tmp_path / "plants.csv").write_text(table.replace("-2", ""))
    case = read_case("scenario.yaml").case
    assert case.conversions["makers"] == read(CHAIN).conversions["makers"]
    assert case.conversions["others"].inputs_t_per_t == {"oxide": 1.1}


def test_a_variant_and_a_setting_reach_inputs_and_capacity() -> None:
    settings = ["conversions.makers.inputs_t_per_t.oxide=2", "projects.plant.inputs_t_per_t=null",
                "conversions.makers.capacity_t_per_year.2026=1"]  # fmt: skip
    case = read_case_text(CHAIN, settings=settings).case
    assert case.conversions["makers"].inputs_t_per_t == {"oxide": 2, "terbium": 0.03}
    assert case.conversions["makers"].capacity_t_per_year.at(2026) == 1
    assert case.projects["plant"].inputs_t_per_t == {}


FAULTS = [
    ("{oxide: {value: 1.05, source: a guess}, terbium: 0.03}", "{}",
     ["15:21: error: a conversion without inputs; "
      "state the tonnes of each input per tonne of output"]),
    ("    inputs_t_per_t: {oxide: {value: 1.05, source: a guess}, terbium: 0.03}\n", "",
     ["12:3: error: 'inputs_t_per_t' is missing in conversions.makers; inputs_t_per_t: tonnes "
      "of each input material per tonne of output; all inputs are needed"]),
    ("terbium: 0.03", "terbium: 0",
     ["15:70: error: 0 is not above 0; write a number above 0"]),
    ("value: 1.05", "value: -1",
     ["15:37: error: -1 is not above 0; write a number above 0"]),
    ("terbium: 0.03", "terbum: 0.03",
     ["15:61: error: there is no material 'terbum'; did you mean 'terbium'?"]),
    ("output: magnet\n", "output: magnets\n",
     ["14:13: error: there is no material 'magnets'; did you mean 'magnet'?"]),
    ("terbium: 0.03", "terbium: 0.0000001",
     ["15:70: error: 1e-07 tonnes for a tonne of output cannot be; write tonnes for a tonne, "
      "from 0.000001 to 1000000"]),
    ("{ore: 2}", "{ore: 2000000}",
     ["22:27: error: 2e+06 tonnes for a tonne of output cannot be; write tonnes for a tonne, "
      "from 0.000001 to 1000000"]),
    ("{oxide: 10}", "{terbium: 5, oxide: 10}",
     ["21:37: error: the project 'plant' has inputs and several outputs; write a project for each "
      "output, with its own inputs"]),
    ("terbium: 0.03", "magnet: 0.03",
     ["15:61: error: 'magnet' is made of itself; leave it out, and count the output without what "
      "it takes in"]),
    ("{ore: 2}", "{oxide: 2}",
     ["22:22: error: 'oxide' is made of itself; leave it out, and count the output without what "
      "it takes in"]),
    ("{ore: 2}", "{magnet: 2}",
     ["22:22: error: forms run in a circle: oxide > magnet > oxide; write what is recycled as "
      "supply, or as a project without inputs"]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "lines"), FAULTS, ids=[row[2][0] for row in FAULTS])
def test_faults(old: str, new: str, lines: list[str]) -> None:
    assert CHAIN.count(old) == 1
    text = CHAIN.replace(old, new)
    errors = [str(one) for one in found(text) if one.severity == "error"]
    assert errors == [f"s.yaml:{line}" for line in lines]


def test_each_of_several_circles_is_named_once() -> None:
    rows = [("a", "magnet", "oxide"), ("b", "oxide", "magnet"), ("c", "terbium", "ore"),
            ("d", "ore", "terbium"), ("e", "ore", "magnet")]  # fmt: skip
    text = f"{HEAD}conversions:\n{''.join(conversion(*row) for row in rows)}"
    errors = [one for one in found(text) if one.severity == "error"]
    assert [(one.location.line, one.message) for one in errors] == [
        (13, "forms run in a circle: oxide > magnet > oxide"),
        (15, "forms run in a circle: ore > terbium > ore"),
    ]


def test_a_circle_shows_beside_other_faults_and_behind_one_in_itself() -> None:
    rows = [("a", "magnet", "magnet", "oxide"), ("b", "oxide", "magnet"), ("c", "ore", "nothing")]
    text = f"{HEAD}conversions:\n{''.join(conversion(*row) for row in rows)}"
    messages = [one.message for one in found(text) if one.severity == "error"]
    assert messages == [
        "'magnet' is made of itself",
        "forms run in a circle: oxide > magnet > oxide",
        "there is no material 'nothing'",
    ]
    messages = [one.message for one in found(text.replace("2030", "20x0"))]
    assert messages[0] == "'20x0' is not a calendar year"
    assert "forms run in a circle: oxide > magnet > oxide" in messages


@pytest.mark.slow
def test_the_order_of_a_large_chain_is_found_at_once() -> None:
    names = [f"m{n}" for n in range(1500)]
    materials = "".join(f"  {name}: {{price_eur_per_t: 1}}\n" for name in names)
    rows = "".join(conversion(f"c{n}", names[n], names[n + 1]) for n in range(1499))
    text = f"horizon: {{first_year: 2026, last_year: 2026}}\nmaterials:\n{materials}conversions:\n"
    assert order_materials(read(text + rows)) == names[::-1]
    ring = text + rows + conversion("last", names[-1], names[0])
    (fault,) = [one for one in found(ring) if one.severity == "error"]
    assert fault.location.line == 2 + 1500 + 1 + 1500


SUPPLY = "{material: magnet, country: CN, t_per_year: 100}"
HAZARD = "hazards: {fire: {annual_probability: 0.1, effects: ["
SAMPLED = "uncertainty: {sample: {states: 1}}\n"
DOUBTS = [
    ((CONVERSIONS, ""), [
        "4:3: warning: nobody demands 'oxide'", "5:3: warning: nobody demands 'terbium'",
        "6:3: warning: nobody demands 'ore'"]),
    ((PROJECTS, ""), ["6:3: warning: nobody demands 'ore'"]),
    ((PROJECTS, conversion("more", "ore", "oxide")), [
        "6:3: warning: nobody demands 'ore'",
        "17:31: warning: a conversion into 'ore', which nobody demands"]),
    ((SUPPLY, f"{SUPPLY}, {{material: ore, country: CN, share: 1}}"), [
        "10:96: warning: a share of nothing, since nobody needs 'ore'; write t_per_year"]),
    ((SUPPLY, f"{SUPPLY}, {{material: oxide, country: CN, share: 1}}"), []),
    (("{2026: 600, 2030: 900}", "0"), []),
    (("{ore: 2}", "{ore: 1050}"), [
        "22:27: warning: 1050 tonnes of 'ore' for a tonne of 'oxide'; write 1.05 if 1050 kg are "
        "meant"]),
    (("country: DE\n    output", "country: EX\n    output"), [
        "13:14: warning: EX is not a country code of ISO 3166; "
        "write a two-letter code such as DE"]),
    (("projects:", f"{HAZARD}{{country: FR, loss: [1]}}]}}}}\n{SAMPLED}projects:"), [
        "17:63: warning: FR neither supplies anything nor hosts a project"]),
]  # fmt: skip


@pytest.mark.parametrize(("change", "lines"), DOUBTS)
def test_doubts(change: tuple[str, str], lines: list[str]) -> None:
    assert CHAIN.count(change[0]) == 1
    assert faults_of(CHAIN.replace(*change)) == [f"s.yaml:{line}" for line in lines]


def test_hazards_of_a_conversion_follow_its_country_and_output() -> None:
    text = f"{CHAIN}{SAMPLED}{HAZARD}{{country: DE, materials: [magnet], loss: [1]}}]}}}}\n"
    assert faults_of(text) == []
    assert faults_of(text.replace("[magnet]", "[terbium]")) == [
        "s.yaml:24:53: warning: this effect hits nothing: none of its materials comes from DE"
    ]


def test_a_share_of_a_need_that_is_there_in_some_years() -> None:
    """Without it a plant that takes the form in would have nothing of this supply."""
    more = "supply: [{material: oxide, country: CN, share: 1}, "
    text = CHAIN.replace("supply: [", more).replace("{2026: 600, ", "{2027: 0, 2028: 700, ")
    assert faults_of(text) == []
    assert faults_of(
        text.replace("{ore: 2}", "{oxide: 2}").replace("{oxide: 10}", "{magnet: 10}")
    ) == [
        "s.yaml:6:3: warning: nobody demands 'ore'",
        "s.yaml:10:48: warning: a share of nothing, since nobody needs 'oxide' in 2026, 2027; "
        "write t_per_year",
    ]


@pytest.mark.parametrize(
    ("material", "served", "served_at_all"),
    [("magnet", "industry", True), ("ore", "industry", True), ("ore", "idle", False)],
)
def test_a_stockpile_may_serve_consumers_of_what_is_made_of_it(
    material: str, served: str, served_at_all: bool
) -> None:
    about = f"id: heap, material: {material}, paid_by: {{fund: 1}}, serves: [{served}]"
    text = CHAIN.replace("{industry: {}}", "{industry: {}, idle: {}}")
    text += f"funders: {{fund: {{kind: public}}}}\nstockpiles: [{{{about}}}]\n"
    expected = ["s.yaml:7:27: warning: 'idle' demands nothing"]
    if not served_at_all:
        expected += [f"s.yaml:24:68: warning: none of those it serves demands '{material}'"]
    assert faults_of(text) == expected


def test_a_form_that_is_demanded_needs_a_damage_entry_and_others_none() -> None:
    more = "demand: [{consumer: industry, material: ore, t_per_year: 1}, "
    text = CHAIN.replace("demand: [", more)
    assert [str(one) for one in found(text) if one.severity == "error"] == [
        "s.yaml:8:10: error: no damage entry says what a tonne of 'ore' missing costs 'industry'; "
        "add {material: ore, steps: [...]} under damage"
    ]


def test_what_is_included_goes_together_key_by_key(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plants.yaml").write_text(CONVERSIONS)
    own = "conversions: {makers: {inputs_t_per_t: {ore: 3, terbium: null}}}\n"
    (tmp_path / "scenario.yaml").write_text("include: [plants.yaml]\n" + HEAD + own)
    case = read_case("scenario.yaml").case
    assert case.conversions["makers"].inputs_t_per_t == {"ore": 3, "oxide": 1.05}
    assert case.conversions["makers"].output == "magnet"
