"""An evaluation as text: what comes first, that figures carry their errors, and German."""

from __future__ import annotations

import re
from typing import Any

import pytest
from evaluations import by_hand, figure, performance, sampled, span

from models.language import using
from models.results import Distribution, Evaluation, StatesOf
from models.scenario.case import Case
from optimizer.report.evaluating import prose, sections, words
from optimizer.report.figures import NO_BREAK
from optimizer.report.terminal import render

SECTIONS = (
    "On 5 000 fresh states (million EUR)",
    "Without foresight (million EUR)",
    "How far from the best it can be (objective, million EUR)",
    "What uncertainty is worth (objective, million EUR)",
    "What minding the worst states costs",
    "Rare events drawn more often, 500 states (million EUR)",
    "With 5 years more, to 2032 (million EUR)",
    "Expected by year (million EUR)",
    "Expected by material (million EUR)",
    "Expected by consumer (million EUR)",
    "How this was reckoned",
)


def told(**changed: Any) -> str:
    """The paragraphs of the answer in one line."""
    found = by_hand(**changed)
    said = " ".join([*prose.headline(found), *prose.cautions(found)])
    return said.replace(NO_BREAK, " ")


def fresh(**changed: Any) -> dict[str, Any]:
    return {"fresh": by_hand().fresh.model_copy(update=changed)}


def test_the_answer_of_a_whole_evaluation() -> None:
    assert told() == (
        "On 5 000 states that it was not made for, the plan avoids 300 ± 6 million EUR of expected "
        "damage: 400 ± 8 without it, 100.0 ± 2.0 with it. Its own states flattered it: there, 12 "
        "million EUR less seemed to be left. "
        "That figure foresees how long each disruption lasts. An agency that knows only past and "
        "present, and keeps 25 % of planned stock for the dearer shortages, leaves 120.0 ± 2.0 "
        "million EUR: the best that can be had lies between. "
        "With 95 % confidence no other plan has an objective that is better by more than 5.75 "
        "million EUR, which is 3.83 % of it. "
        "To know beforehand which state comes would be worth 59.9 to 60.1 million EUR, give or "
        "take 3.92. To plan for many states rather than for their mean gains 30 to 30.1 million "
        "EUR."
    )


def test_what_may_be_chance_is_no_effect() -> None:
    assert (
        "By its own states it would be 88 million EUR: the difference may be chance alone"
        in told(**fresh(optimism=figure(3, 2.0)))
    )
    assert "were harder on it: there, 12 million EUR more" in told(**fresh(optimism=figure(-12)))


def test_what_solves_leave_open_is_no_effect() -> None:
    known = by_hand().information
    assert known is not None
    open_ = known.model_copy(update={"evpi": span(0, 0.2), "vss": span(-0.1, 0.3)})
    said = told(information=open_)
    assert "would be worth 0.200 million EUR at most" in said
    assert "gains 0.300 million EUR at most" in said


def test_what_chance_leaves_open_is_no_bound() -> None:
    known = by_hand().information
    assert known is not None
    open_ = known.model_copy(update={"evpi": span(0, 0.2)})
    assert "worth 0.200 million EUR at most, give or take 3.92" in told(information=open_)
    alone = open_.model_copy(update={"wait_and_see_error": None})
    assert "worth 0.200 million EUR at most. " in told(information=alone)


def test_samples_that_all_tell_the_same_tell_nothing_of_chance() -> None:
    gap = by_hand().gap
    assert gap is not None
    same = gap.model_copy(update={"mean": figure(0, 0.0), "upper": 0.0})
    assert "chance does not show in so few" in told(gap=same)
    assert "chance does not show" not in told()


def test_what_holds_on_the_own_states_alone_says_so() -> None:
    text = " ".join(render(by_hand()).replace(NO_BREAK, " ").split())
    assert "planning for many states gains less as a rule" in text
    assert "on others it lowers their mean by less, as a rule" in text


def test_a_rule_that_does_as_well_is_said_to() -> None:
    (first, *_) = by_hand().rules
    as_well = first.model_copy(update={"above_foresight": figure(0, 0.0)})
    assert "releases stock just as well" in told(rules=(as_well,))


def test_a_rule_without_reserve_keeps_nothing_back() -> None:
    (first, _) = by_hand().rules
    assert "keeps nothing back, leaves 130.0 ± 2.0" in told(rules=(first,))


def test_unfinished_solves_are_said_to_widen_the_limit() -> None:
    gap = by_hand().gap
    assert gap is not None
    assert "smaller --gap" in told(gap=gap.model_copy(update={"solver_share": 2.0}))


def test_cautions() -> None:
    rare = by_hand().rare
    assert rare is not None
    assert "more than chance explains" in told(
        rare=rare.model_copy(update={"deviation_cvar": -5.0})
    )
    assert "For illustration only: the plan was made for 12 states" in told(own_states=12)
    assert "Of the fresh states, 45 are among the worst" in told(**fresh(states=900))


def test_a_caution_where_few_states_were_solved_by_themselves() -> None:
    """Where the objective weighs the worst states, these are what counts: a tenth of 30 are 3."""
    known = by_hand().information
    assert known is not None
    few = known.model_copy(update={"states": 29})
    assert "Only 29 states were solved by themselves" in told(information=few)
    exact = few.model_copy(update={"wait_and_see_error": None})
    assert "solved by themselves" not in told(information=exact)
    enough = known.model_copy(update={"states": 30})
    assert "solved by themselves" not in told(information=enough)
    objective = {"cvar": {"weight": 0.2, "level": 0.9}}
    scenario = Case.model_validate(sampled(objective=objective)).model_dump(mode="json")
    weighing = told(information=enough, scenario=scenario, cvar_level=0.9)
    assert "Of the states solved by themselves 3 are among the worst" in weighing


def test_written_states_are_told_as_exact() -> None:
    exact = fresh(
        states=3,
        sampled=False,
        seed=None,
        with_plan=performance(100, None),
        without_plan=performance(400, None),
        avoided=figure(300, None),
        optimism=figure(0, None),
    )
    said = told(**exact, gap=None, rare=None, rules=())
    assert "writes its states out" in said
    assert "avoids 300 million EUR of expected damage: 400 without it, 100 with it" in said
    assert "±" not in said
    text = render(by_hand(**exact, gap=None, rare=None, rules=()))
    assert "On the 3 states of the scenario" in text
    assert "own states" not in text


def test_fresh_states_of_another_scenario_are_called_that() -> None:
    other = StatesOf(title="A calmer world", variant=None, input_sha256="cd" * 32)
    text = render(by_hand(states_of=other)).replace(NO_BREAK, " ")
    assert "On 5 000 states of A calmer world (million EUR)" in text
    assert "fresh states (million EUR)" not in text


def test_the_sections_come_in_the_order_of_the_questions() -> None:
    text = render(by_hand())
    places = [text.index(f"\n{title}") for title in SECTIONS]
    assert places == sorted(places)


def row(title: str, first: str, **changed: Any) -> str:
    """A row of a section, by the first cell."""
    for section in sections.all_of(by_hand(**changed)):
        if section.title.replace(NO_BREAK, " ") == title:
            for part in section.parts:
                for cells in [] if isinstance(part, str) else part.rows:
                    if cells[0].replace(NO_BREAK, " ") == first:
                        return " | ".join(cells).replace(NO_BREAK, " ")
    raise AssertionError(f"no row {first} in {title}")


@pytest.mark.parametrize(
    ("title", "first", "cells"),
    [
        (SECTIONS[0], "Expected", "Expected | 400 ± 8 | 100 ± 2 | 300 ± 6 | 88"),
        (
            SECTIONS[1],
            "when short, keeping 25 %",
            "when short, keeping 25 % | 120.0 ± 2.0 | 20.0 ± 1.0 | 480 ± 8 | 1 200",
        ),
        (SECTIONS[1], "Ore", "Ore | 100 | 120"),
        (SECTIONS[2], "9", "9 | 152.0 | 149.0 | 148.9 | 3.10"),
        (
            SECTIONS[3],
            "Worth knowing what comes (EVPI = RP - WS)",
            "Worth knowing what comes (EVPI = RP - WS) | 59.9 | 60.1",
        ),
        (SECTIONS[7], "2026", "2026 | 300 | 60"),
    ],
)
def test_the_figures_are_those_of_the_evaluation(title: str, first: str, cells: str) -> None:
    assert row(title, first) == cells


def test_parts_that_were_left_out_have_no_section() -> None:
    text = render(by_hand(gap=None, information=None, tail=None, rare=None, longer=None, rules=()))
    shown = [title for title in SECTIONS if title in text]
    assert shown == [SECTIONS[0], *SECTIONS[7:]]


def test_figures_have_no_more_digits_than_chance_leaves() -> None:
    assert words.about(figure(1234.5678, 10)) == f"1{NO_BREAK}235 ± 20"
    assert words.about(figure(12.345678, 0.5)) == "12.3 ± 1.0"
    assert words.about(figure(12.345678, None)) == "12.3"


@pytest.mark.parametrize("measure", ["damage", "tonnes", "share_of_demand"])
def test_all_of_it_is_said_in_german(measure: str, untranslated: set[str]) -> None:
    with using("de"):
        for found in (by_hand(measure=measure), by_hand(measure=measure, own_states=5)):
            text = render(found)
    assert untranslated == set()
    said = re.sub(r"\s+", " ", text)
    if measure == "damage":
        assert (
            "In 5 000 Zuständen, für die er nicht gemacht wurde, vermeidet der Plan 300 ± 6 Mio. "
            "EUR; der erwartete Schaden beträgt ohne ihn 400 ± 8, mit ihm 100,0 ± 2,0." in said
        )


def test_an_evaluation_comes_back_from_json() -> None:
    found = by_hand()
    assert Evaluation.model_validate_json(found.model_dump_json()) == found


def test_the_spread_over_the_states_is_shown() -> None:
    levels = (0.0, 0.5, 0.95, 1.0)
    spread = Distribution(
        levels=levels, with_plan=(0, 10, 90, 95), without_plan=(1, 40, 70, 99), avoided=(1, 5, 6, 9)
    )
    fresh = by_hand().fresh.model_copy(update={"distribution": spread})
    text = re.sub(r" +", " ", render(by_hand(fresh=fresh)))
    assert "Least state 1 0 1" in text
    assert "Not exceeded in 50 % of states 40 10 5" in text
    assert "Not exceeded in 95 % of states 70 90 6" in text
    alone = fresh.model_copy(update={"states": 1})
    assert "Least state" not in render(by_hand(fresh=alone))
