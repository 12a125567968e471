"""Questions as addresses and as texts, and sources of their figures."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, strategies as st
from open_page import ROOT, query_of

from models.files import LoadedScenario, read_case
from models.language import Language, using
from optimizer.page import controls, figure_controls
from optimizer.page.fragments import stress_events
from optimizer.page.scenario_store import (
    MAX_MOVED,
    InvalidRequest,
    Question,
    question_title,
    value_in_words,
)
from optimizer.report.number_format import NO_BREAK_SPACE

GERMANY = "germany-2026"


@cache
def germany() -> LoadedScenario:
    return read_case(ROOT / "scenarios" / f"{GERMANY}.yaml")


# Addresses

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
IDS = st.one_of(
    st.sampled_from(["hazards", "funders.fund.budget_meur", "project.refinery"]),
    TEXTS.filter(lambda text: "=" not in text),
)


@given(TEXTS, st.one_of(st.none(), TEXTS.filter(bool)), st.dictionaries(IDS, TEXTS, max_size=20))
def test_a_question_comes_back_from_its_address(
    scenario: str, variant: str | None, moved: dict[str, str]
) -> None:
    question = Question(scenario, variant, tuple(moved.items()))
    assert Question.from_query(question.query) == question


def test_the_last_value_of_a_control_counts() -> None:
    found = Question.from_query("scenario=a&set=x=1&set=y=2&set=x=3&pin=z&view=map")
    assert found == Question("a", None, (("x", "3"), ("y", "2")))


def test_as_many_figures_as_may_be_moved_are_and_no_more() -> None:
    most = [f"x{n}=1" for n in range(MAX_MOVED)]
    assert len(Question.from_query(query_of("a", *most)).moved) == MAX_MOVED
    for more in (1, 5 * MAX_MOVED):
        with pytest.raises(InvalidRequest):
            Question.from_query(query_of("a", *most, *(f"y{n}=1" for n in range(more))))


# Words


@pytest.mark.quick(1)
@pytest.mark.parametrize(
    ("language", "event", "title"),
    [
        ("en", "Chinese licences on rare earths (long, 33 % of its events)",
         "Automotive sector purse pays nothing; Rohstofffonds 0.5 million EUR"),
        ("de", "Chinesische Lizenzpflicht für Seltene Erden (lang, 33 % der Fälle)",
         "Branchenkasse Automobil zahlt nichts; Rohstofffonds 0,5 Mio. EUR"),
    ],
)  # fmt: skip
def test_a_question_is_described_in_the_language_of_the_reader(
    language: Language, event: str, title: str
) -> None:
    case = germany().case
    moved = ("funders.auto_purse.budget_meur=0", "funders.rohstofffonds.budget_meur=0.5")
    question = Question.from_query(query_of(GERMANY, *moved))
    with using(language):
        reported = (stress_events(case)["china_rare_earths.long"], question_title(question, case))
    assert [one.replace(NO_BREAK_SPACE, " ") for one in reported] == [event, title]


@pytest.mark.quick(every=3)
@pytest.mark.parametrize(
    ("id", "language", "reported"),
    [
        ("funders.rohstofffonds.budget_meur", "en", "850 are left. (read, confidence: high)"),
        ("funders.rohstofffonds.budget_meur", "de", "(gelesen, Sicherheit: hoch)"),
        ("hazard.china_rare_earths", "en", "(assumption, confidence: low)"),
        ("length.china_rare_earths", "en",
         "The mean of its events. short, 50 % of its events: 0.25 years; of middle length, "
         "17 % of its events: 0.5 years; long, 33 % of its events: 1.5 years. All become longer by "
         "the same factor."),
        ("length.china_rare_earths", "de",
         "Das Mittel der Fälle. kurz, 50 % der Fälle: 0,25 Jahre;"),
        ("capex", "en", ""),  # of many figures, which have sources of their own
        ("project.nolans", "en", ""),
    ],
)  # fmt: skip
def test_sources_are_shown_at_the_control(id: str, language: Language, reported: str) -> None:
    case = germany().case
    with using(language):
        control = controls.find_control(case, id)
        assert control is not None
        found = figure_controls.source_describer(case)(control)
    assert reported in found.replace(NO_BREAK_SPACE, " ")
    assert bool(found) == bool(reported)


@pytest.mark.slow
def test_a_moved_figure_has_no_source() -> None:
    case = germany().with_settings(["funders.rohstofffonds.budget_meur=700"]).case
    moved = controls.find_control(case, "funders.rohstofffonds.budget_meur")
    assert moved is not None
    assert figure_controls.source_describer(case)(moved) == ""


# Sets of assumptions


@pytest.mark.slow
def test_what_an_expert_holds_is_taken_before_all_else() -> None:
    """Damage three times as high, and twice that where a factor is moved as well."""
    magnets = germany().case.damage[0].steps[0].eur_per_t
    moved = (("damage", "2"), ("assumptions", "costly"))
    reading, _ = Question(GERMANY, None, moved).apply_to(germany())
    assert reading.case.damage[0].steps[0].eur_per_t == pytest.approx(6 * magnets)
    with using("de"):
        known = controls.controls_by_id(germany().case)["assumptions"]
        assert value_in_words(known, "costly") == "Dreifacher Schaden"
        assert value_in_words(known, str(known.base)) == "wie in der Datei"


def test_what_no_expert_holds_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        Question(GERMANY, None, (("assumptions", "nobody"),)).apply_to(germany())
