"""The page on an evaluation: what it claims, where the states are a sample, all, or elsewhere's."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from evaluations import by_hand, figure, performance, span
from pages import read

from models.language import Language, using
from models.results import Evaluation, StatesOf
from optimizer.report.html import report_on

NO_BREAK = "\u00a0"


def written() -> Evaluation:
    """Of a scenario that writes its states out."""
    exact = {
        "states": 3,
        "sampled": False,
        "seed": None,
        "with_plan": performance(100, None),
        "without_plan": performance(400, None),
        "avoided": figure(300, None),
        "objective": figure(150, None),
        "optimism": figure(0, None),
    }
    return by_hand(fresh=by_hand().fresh.model_copy(update=exact), gap=None, rare=None)


def elsewhere() -> Evaluation:
    """In the states of another scenario."""
    other = StatesOf(title="A calmer world", variant=None, input_sha256="cd" * 32)
    parts = dict.fromkeys(("gap", "information", "tail", "longer"))
    return by_hand(states_of=other, net_cost_there_meur=51, **parts)


def worse_tail() -> Evaluation:
    """Whose careful plan has the worse tail."""
    tail = by_hand().tail
    assert tail is not None
    return by_hand(tail=tail.model_copy(update={"bought": -7.0, "premium": span(0, 2)}))


ALL: dict[str, Callable[[], Evaluation]] = {
    "whole": by_hand,
    "written": written,
    "elsewhere": elsewhere,
    "worse_tail": worse_tail,
}


def page(name: str, language: Language = "en") -> str:
    with using(language):
        return report_on(ALL[name]())


def said(name: str) -> str:
    """What the page says, without its charts."""
    (html,) = read(page(name)).all("html")
    return re.sub(r"\s+", " ", html.text.replace(NO_BREAK, " "))


@pytest.mark.parametrize("name", ALL)
def test_german_leaves_nothing_untranslated(name: str, untranslated: set[str]) -> None:
    assert 'lang="de"' in page(name, "de")
    assert untranslated == set()


def test_what_is_fresh_is_called_so_where_it_is() -> None:
    claim = "Fresh states come from the same hazards and probabilities as the plan's own"
    assert claim in said("whole")
    for name in ("written", "elsewhere"):
        assert claim not in said(name)
    assert "not how likely that world is" in said("elsewhere")


def test_no_seed_is_not_a_word_of_python() -> None:
    assert "None" not in said("written")


def test_what_to_know_is_worth_says_what_chance_leaves_open_and_what_is_left_out() -> None:
    whole = said("whole")
    assert "better off by 59.9 to 60.1 million EUR, give or take 3.92" in whole
    assert "what early warning is worth to them is left out" in whole
    assert "by which it was chosen" in whole
    assert "by which it was chosen" not in said("written")


def test_a_tail_that_got_worse_is_not_brought_down() -> None:
    assert "leaves their mean higher by 7 million EUR" in said("worse_tail")
    assert "brings their mean down by 90 million EUR" in said("whole")
