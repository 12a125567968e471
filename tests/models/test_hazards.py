"""Hazards with profiles, regimes of years: what is refused and warned of."""

from __future__ import annotations

import pytest

from models.faults import ScenarioError
from models.files import read_case_text
from models.language import Language, using
from optimizer.report.scenario_workbook.sheets import (
    build_scenario_workbook,
    first_roundtrip_difference,
)

TEXT = """\
horizon: {first_year: 2026, last_year: 2029}
materials: {ore: {price_eur_per_t: 1}}
consumers: {industry: {}}
demand: [{consumer: industry, material: ore, t_per_year: 100}]
damage: [{material: ore, steps: [{share: 1, eur_per_t: 1000}]}]
supply: [{material: ore, country: CN, share: 1}]
hazards:
  plain: {annual_probability: 0.1, effects: [{country: CN, loss: [1.0]}]}
  stop:
    annual_probability: {2026: 0.1, 2029: 0.3}
    regime_factors: {tense: 2}
    profiles:
      short: {probability: 0.6, effects: [{country: CN, loss: [1.0]}]}
      long: {probability: 0.4, effects: [{country: CN, loss: [1.0, 1.0]}]}
uncertainty:
  regimes:
    first: {calm: 1}
    yearly: {calm: {calm: 0.9, tense: 0.1}, tense: {calm: 0.2, tense: 0.8}}
  states:
    - probability: 1
      regimes: {2026: calm, 2028: tense}
      events: [{hazard: plain, start: 2026}, {hazard: stop, start: 2027, profile: long}]
"""
NAMED = TEXT.replace("  states:", "    names: {tense: {en: Tense, de: Angespannt}}\n  states:")
FAULTS = [
    ("    profiles:", "    effects: [{country: CN, loss: [1.0]}]\n    profiles:",
     ["12:14: error: 'effects' and 'profiles' exclude each other; leave one out"]),
    (", effects: [{country: CN, loss: [1.0]}]}\n  stop", "}\n  stop",
     ["8:10: error: the hazard has neither 'effects' nor 'profiles'; write effects: [{country: CN, "
      "loss: [1.0]}]"]),
    ("probability: 0.4", "probability: 0.3",
     ["13:7: error: the probability of the profiles adds up to 0.9, not 1; 0.1 is missing"]),
    ("profile: long", "profile: lng",
     ["22:83: error: the hazard 'stop' has no profile 'lng'; did you mean 'long'?"]),
    (", profile: long", "",
     ["22:46: error: the event names no profile of the hazard 'stop'; write profile: one of "
      "short, long"]),
    ("hazard: plain, start", "hazard: plain, profile: long, start",
     ["22:41: error: the hazard 'plain' has no profile 'long'; leave it out"]),
    ("{tense: 2}", "{tens: 2}",
     ["11:22: error: there is no regime 'tens'; did you mean 'tense'?"]),
    ("2028: tense", "2028: war",
     ["21:35: error: there is no regime 'war'; there are calm, tense"]),
    ("2028: tense", "2038: tense",
     ["21:29: error: 2038 lies outside the horizon; write a year from 2026 to 2029"]),
    ("first: {calm: 1}", "first: {calm: 0.5, war: 0.5}",
     ["17:24: error: there is no regime 'war'; there are calm, tense"]),
    ("first: {calm: 1}", "first: {calm: 0.5}",
     ["17:12: error: first adds up to 0.5, not 1; 0.5 is missing"]),
    ("{calm: 0.2, tense: 0.8}", "{calm: 0.2, tense: 0.9}",
     ["18:52: error: the row of 'tense' adds up to 1.1, not 1; 0.1 too much"]),
    (", tense: {calm: 0.2, tense: 0.8}", "",
     ["11:22: error: there is no regime 'tense'; there are calm",
      "18:32: error: there is no regime 'tense'; there are calm",
      "21:35: error: there is no regime 'tense'; there are calm"]),
    ("probability: 0.6, effects", "probability: some, effects",
     ["13:28: error: 'some' is not a number; write a number such as 12.5"]),
    ("effects: [{country: CN, loss: [1.0]}]}\n  stop", "effects: 1}\n  stop",
     ["8:45: error: a list is expected here, not 1; write [1]"]),
    ("{tense: 2}", "{tense: 4}",
     ["11:29: warning: in 'tense' the probability would be 1.2; it counts as 1"]),
    ("", "", []),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "lines"), FAULTS)
def test_what_is_wrong_is_reported_at_its_place(before: str, after: str, lines: list[str]) -> None:
    assert before in TEXT
    try:
        found = read_case_text(TEXT.replace(before, after, 1), "s.yaml").warnings
    except ScenarioError as error:
        found = error.faults
    assert [str(fault).removeprefix("s.yaml:") for fault in found] == lines


def sampled() -> str:
    """The same with states that are drawn."""
    head = TEXT.partition("  states:")[0]
    return head + "  sample: {states: 9, project_correlation: {value: 0.3, source: a guess}}\n"


def test_a_chain_without_downstream_nodes_is_reported() -> None:
    text = sampled()
    assert read_case_text(text).warnings == ()
    (reported,) = read_case_text(text.replace("    regime_factors: {tense: 2}\n", "")).warnings
    assert reported.message == "the regimes change nothing: no hazard is more likely in any"
    assert reported.location.line == 15


@pytest.mark.quick(every=5)
@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("text", [TEXT, sampled(), NAMED], ids=["written", "sampled", "named"])
def test_a_workbook_holds_profiles_and_regimes(text: str, language: Language) -> None:
    case = read_case_text(text).case
    with using(language):
        assert first_roundtrip_difference(case, build_scenario_workbook(case)) is None


def test_without_a_chain_regimes_are_what_states_say() -> None:
    head, rest = TEXT.split("  regimes:\n    first", 1)
    case = read_case_text(head + "  states:" + rest.split("  states:", 1)[1]).case
    assert case.uncertainty is not None
    assert case.uncertainty.states is not None
    assert case.uncertainty.states[0].regimes == {2026: "calm", 2028: "tense"}
