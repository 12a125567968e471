"""Private files under a scenario: taken where they are, stood in for elsewhere, and said so."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from small_scenario import VALID

from models.faults import ScenarioError, SourceLocation
from models.files import read_case, read_case_text
from models.schema import scenario_schema
from optimizer.cli import run_command_line
from optimizer.solve.checked_solution import input_hash

OWN = "  - {consumer: motor_co, material: dysprosium, t_per_year: 60}\n"
COMMON = VALID.replace(OWN, "")
"""The valid scenario without what motor_co needs."""
ENTRY = "{private: own.yaml, otherwise: public.yaml, owner: Motor Co}"


def demand(tonnes: float) -> str:
    return "demand:\n" + OWN.replace("60", str(tonnes))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save(**files: str) -> None:
    for name, text in files.items():
        Path(f"{name}.yaml").write_text(text, encoding="utf-8")


def read(entry: str, text: str = COMMON):
    save(scenario=f"include: [{entry}]\n{text}")
    return read_case("scenario.yaml", check_variants=True)


def lines(entry: str, text: str = COMMON) -> list[str]:
    try:
        found = read(entry, text).warnings
    except ScenarioError as error:
        found = error.faults
    return [str(fault) for fault in found]


def test_the_private_file_is_taken_where_it_is(folder):
    save(own=demand(60), public=demand(50))
    reading = read(ENTRY)
    whole = read_case_text(VALID).case
    assert reading.case == whole
    assert input_hash(reading.case) == input_hash(whole)
    assert reading.location(("demand", 1, "t_per_year")) == SourceLocation("own.yaml", 2, 60)
    (warning,) = map(str, reading.warnings)
    assert warning.startswith("scenario.yaml:1:21: warning: the private file 'own.yaml' is read")
    assert "reports and workbooks made from here hold its figures" in warning


def test_elsewhere_its_stand_in_is_taken_and_this_is_said(folder):
    save(public=demand(50))
    reading = read(ENTRY)
    assert [float(row.t_per_year.at(2026)) for row in reading.case.demand] == [40000, 50]
    assert list(map(str, reading.warnings)) == [
        "scenario.yaml:1:21: warning: the private file 'own.yaml' is not here; 'public.yaml' "
        "stands in for it; its figures are not those of Motor Co"
    ]


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (
            "{private: own.yaml, owner: Motor Co}",
            "1:21: error: the private file 'own.yaml' is not here; it stays with Motor Co: ask",
        ),
        ("{private: own.yaml}", "1:21: error: the private file 'own.yaml' is not here; ask its"),
        (
            "{private: own.yaml, otherwise: no.yaml}",
            "1:42: error: 'no.yaml' cannot be read: no such file",
        ),
        ("{otherwise: public.yaml}", "1:11: error: 'private' is missing; write {private: our"),
        (
            "{private: own.yaml, otherwhise: public.yaml}",
            "1:31: error: 'otherwhise' is not known here; did you mean 'otherwise'?",
        ),
        ("{private: 5}", "1:21: error: 5 is no name; write the name of a preset, or that of a"),
        ("{private: ../own.yaml}", "1:21: error: what is included lies in the folder of the fil"),
        ("{private: own.yaml, owner: 5}", "1:38: error: 5 is no name; write a name"),
        ("public.yaml, {private: own.yaml, otherwise: public.yaml}", "1:55: error: 'public.yaml' "
         "is included twice"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_entry_is_said_where(folder, entry, line):
    save(public=demand(50))
    *_, found = lines(entry)
    assert found.startswith(f"scenario.yaml:{line}")


def test_rows_of_several_private_files_come_together(folder):
    save(
        one=demand(10) + "funders: {motor_co: {budget_meur: 7}}\n",
        two="demand:\n  - {consumer: automotive, material: dysprosium, t_per_year: 5}\n"
        "damage:\n  - {material: dysprosium, consumer: automotive, "
        "steps: [{share: 1, eur_per_t: 9}]}\n",
    )
    case = read("{private: one.yaml}, {private: two.yaml}").case
    assert [row.t_per_year.at(2026) for row in case.demand] == [40000, 10, 5]
    assert [entry.consumer for entry in case.damage] == [None, None, "automotive"]
    assert case.funders["motor_co"].budget_meur == 7


def test_a_scenario_may_leave_all_demand_to_private_files(folder):
    text = COMMON.replace("demand:\n  - {consumer: automotive, material: lithium, "
                          "t_per_year: 40000}\n", "demand: null\n")  # fmt: skip
    assert text != COMMON
    save(one="demand:\n  - {consumer: automotive, material: lithium, t_per_year: 40000}\n"
         + OWN)  # fmt: skip
    assert read("{private: one.yaml}", text).case == read_case_text(VALID).case


def test_a_plain_include_is_replaced_whole_as_ever(folder):
    save(one=demand(10))
    assert [row.consumer for row in read("one.yaml").case.demand] == ["automotive"]


def test_validate_tells_which_was_taken(folder, capfd):
    save(public=demand(50), scenario=f"include: [{ENTRY}]\n{COMMON}")
    assert run_command_line(["validate", "scenario.yaml"]) == 0
    said = capfd.readouterr()
    assert "'public.yaml' stands in for it" in said.err
    assert "1 warning" in said.err


def test_the_schema_knows_the_entry(folder):
    schema = jsonschema.Draft202012Validator(scenario_schema())
    good = json.loads(json.dumps(yaml.safe_load(f"include: [rohstofffonds, {ENTRY}]\n{COMMON}")))
    assert not list(schema.iter_errors(good))
    for entry in (
        {"otherwise": "a.yaml"},
        {"private": "a.yaml", "other": "b.yaml"},
        {"private": 5},
    ):
        assert list(schema.iter_errors({**good, "include": [entry]}))
