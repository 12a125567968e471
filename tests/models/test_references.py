"""Doubts about a scenario whose references hold, and references of every kind."""

from __future__ import annotations

import pytest
from small import case, project
from small_scenario import VALID, broken

import vorrat
from models.faults import ScenarioError
from models.files import read_case_text
from models.scenario import case as case_module

POLICY = "policy: {max_public_share: 0.49}"
ADDED = [
    ("{country: CN, materials: [dysprosium]", "{country: AU, materials: [dysprosium]",
     "53:25: warning: AU neither supplies anything nor hosts a project"),
    ("{country: CN, materials: [dysprosium]", "{country: CN, materials: [lithium]",
     "53:15: warning: this effect hits nothing: none of its materials comes from CN"),
    ("{tags: [domestic]}", "{tags: [domestc]}",
     "43:73: warning: no project carries the tag 'domestc'; did you mean 'domestic'?"),
    ("{tags: [domestic]}", "{countries: [CL]}",
     "43:7: warning: no project qualifies for the instrument 'equity'; see its 'eligible'"),
    ("{tags: [domestic]}", "{materials: [lithum]}",
     "43:78: error: there is no material 'lithum'; did you mean 'lithium'?"),
    (POLICY, "policy: {max_country_share: {limit: 0.5, from_year: 2040}}",
     "61:53: warning: from_year 2040 lies after the horizon, so there is no limit"),
    (POLICY, "policy: {max_country_share: {limit: 0.5, except: [FR]}}",
     "61:51: warning: FR neither supplies anything nor hosts a project"),
    (POLICY, "policy: {max_country_share: {limit: 0.5, materials: [x]}}",
     "61:54: error: there is no material 'x'; there are lithium, dysprosium"),
    (POLICY, "policy: {must_build: [recyclin]}",
     "61:23: error: there is no project 'recyclin'; did you mean 'recycling'?"),
    ("consumers:\n", "consumers:\n  idle: {}\n", "10:3: warning: 'idle' demands nothing"),
    ("materials:\n", "materials:\n  tin: {price_eur_per_t: 1}\n",
     "6:3: warning: nobody demands 'tin'"),
    ("damage:\n", "damage:\n  - {material: lithium, consumer: motor_co, "
     "steps: [{share: 1, eur_per_t: 1}]}\n", "16:5: warning: no demand uses this damage entry"),
    ("    max_t: 200", "    max_t: 200\n    serves: [automotive]",
     "49:13: warning: none of those it serves demands 'dysprosium'"),
    ("    max_t: 200", "    max_t: 200\n    serves: [cars]",
     "49:14: error: there is no consumer 'cars'; there are automotive, motor_co"),
    ("      failed_projects: [upper_rhine]", "      delayed_projects: {uper_rhine: 1}",
     "60:26: error: there is no project 'uper_rhine'; did you mean 'upper_rhine'?"),
    ("start: 2027", "start: 2031",
     "59:45: error: 2031 lies outside the horizon; write a year from 2026 to 2030"),
    ("{company: motor_co}", "{company: motor}",
     "11:23: error: there is no funder 'motor'; did you mean 'motor_co'?"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line"), ADDED, ids=[row[2] for row in ADDED])
def test_what_is_found(old, new, line):
    try:
        found = read_case_text(broken((old, new))).warnings
    except ScenarioError as error:
        found = error.faults
    assert f"scenario.yaml:{line}" in [str(fault) for fault in found]


@pytest.mark.parametrize(
    ("uncertainty", "words"),
    [
        ("", "is not used, since the file has no 'uncertainty'"),
        ("uncertainty: {sample: {states: 9}}\n", None),
        ("uncertainty: {states: [{probability: 1}]}\n", "strikes in none of the states"),
    ],
)
def test_a_hazard_that_no_state_uses(uncertainty, words):
    begin, end = VALID.index("uncertainty:\n"), VALID.index("policy:")
    warnings = read_case_text(VALID[:begin] + uncertainty + VALID[end:]).warnings
    messages = [fault.message for fault in warnings]
    assert messages == ([f"the hazard 'export_stop' {words}"] if words else [])


@pytest.mark.parametrize(("cost", "is_used"), [({}, False), ({"ore": 8000}, True)])
def test_a_price_on_which_nothing_depends(cost, is_used):
    states = [{"probability": 0.5, "prices": {"ore": {2026: price}}} for price in (5000, 15000)]
    raw = case(uncertainty={"states": states}, projects={"p": project(cash_cost_eur_per_t=cost)})
    unused = [fault for fault in vorrat.validate(raw) if "depends on the price" in fault.message]
    assert len(unused) == (not is_used)


def test_an_entry_for_one_consumer_beats_the_one_for_all():
    entry = "  - {material: lithium, consumer: automotive, steps: [{share: 1, eur_per_t: 90000}]}\n"
    text = broken(("damage:\n", f"damage:\n{entry}"))
    # The entry for all consumers of lithium is left without a use, and nothing else is wrong.
    assert [str(fault) for fault in read_case_text(text).warnings] == [
        "scenario.yaml:17:5: warning: no demand uses this damage entry"
    ]


def test_a_valid_case_has_nothing_to_report():
    assert list(case_module.check_references(read_case_text(VALID).case)) == []


def test_what_refers_to_an_unreadable_item_is_left_out():
    case = read_case_text(VALID).case
    partial = case.model_copy(update={"hazards": {}, "funders": {}})
    unreadable = {"hazards": frozenset({"export_stop"}), "funders": frozenset({"*"})}
    assert list(case_module.check_references(partial, unreadable)) == []
    assert len(list(case_module.check_references(partial, {"hazards": frozenset({"x"})}))) == 4
