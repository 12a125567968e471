"""An evaluation as a document: what comes first, that figures carry their errors, and what is said
where states are a sample, all there are, or those of another scenario."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from documents import is_whole_in_all_media, one_line, page_of, tables_in, text_of, workbook_of
from evaluations import by_hand, figure, performance, span
from openpyxl import load_workbook
from pages import Table, read, shows

from models.language import Language
from models.results import Distribution, Evaluation, StatesScenario
from optimizer.analyses.registry import build_result_document
from optimizer.report.cells import format_estimate
from optimizer.report.document import Document, Section
from optimizer.report.number_format import NO_BREAK_SPACE
from optimizer.report.render import html, workbook

LANGUAGES = pytest.mark.parametrize("language", ["de", "en"])
BARE: dict[str, Any] = dict.fromkeys(("gap", "information", "tail"))
SECTIONS = (
    "On 5 000 fresh states (million EUR)",
    "How bad it can get",
    "When, in what, and on whom it falls",
    "How far from the best",
    "What knowledge is worth",
    "What caution costs",
    "How good the proof is",
)


def fresh(**changed: Any) -> dict[str, Any]:
    return {"fresh": by_hand().fresh.model_copy(update=changed)}


def part(name: str, **changed: Any) -> dict[str, Any]:
    """One of the parts of the sample with other fields."""
    return {name: getattr(by_hand(), name).model_copy(update=changed)}


def bare() -> Evaluation:
    return by_hand(**BARE, rules=())


def written() -> Evaluation:
    """Of a scenario that writes its states out."""
    exact = fresh(
        states=3,
        sampled=False,
        seed=None,
        with_plan=performance(100, None),
        without_plan=performance(400, None),
        avoided=figure(300, None),
        objective=figure(150, None),
        optimism=figure(0, None),
    )
    return by_hand(**exact, gap=None, rules=())


def elsewhere() -> Evaluation:
    """In the states of another scenario."""
    other = StatesScenario(title="A calmer world", variant="path", input_sha256="cd" * 32)
    parts = dict.fromkeys(("gap", "information", "tail"))
    return by_hand(states_of=other, net_cost_there_meur=51, **parts)


def worse_tail() -> Evaluation:
    """Whose careful plan has the worse tail."""
    return by_hand(**part("tail", bought=-7.0, premium=span(0, 2)))


def tonnes() -> Evaluation:
    return by_hand(measure="tonnes", unit="t", own_states=5)


ALL: dict[str, Callable[[], Evaluation]] = {
    "whole": by_hand,
    "bare": bare,
    "written": written,
    "elsewhere": elsewhere,
    "worse_tail": worse_tail,
    "tonnes": tonnes,
}


def shown(found: Evaluation) -> dict[str, Table]:
    return tables_in(found)


@pytest.mark.quick(1)
@LANGUAGES
@pytest.mark.parametrize("name", ALL)
def test_all_media_are_whole_in_both_languages(
    name: str, language: Language, untranslated: set[str]
) -> None:
    is_whole_in_all_media(ALL[name](), language, untranslated)


def test_the_answer_of_a_whole_evaluation() -> None:
    assert (
        "The plan is judged on 5 000 states that it was not made for. The plan avoids 300 ± 6 "
        "million EUR of expected damage: 400 ± 8 without it, 100.0 ± 2.0 with it. On its own "
        "states 88 million EUR would be left: the difference of 12 ± 4 is more than chance "
        "explains. "
        "That figure assumes that releases foresee how long each disruption lasts. An agency that "
        "knows only past and present, and keeps 25 % of planned stock for the dearer shortages, "
        "leaves 120.0 ± 2.0 million EUR: the best that can be reached lies between. "
        "With 95 % confidence no other plan has an objective that is better by more than 5.75 "
        "million EUR, which is 3.83 % of it. "
        "To know before deciding which state comes would be worth 59.9 to 60.1 million EUR "
        "(± 3.92): no forecast can be worth more to what is decided now. To plan for many states "
        "rather than for their mean gains 30.0 to 30.1 million EUR."
    ) in one_line(by_hand())


def test_the_sections_come_in_the_order_of_the_questions() -> None:
    text = text_of(by_hand())
    places = [text.index(f"\n{title}") for title in SECTIONS]
    assert places == sorted(places)


def test_parts_that_were_left_out_have_no_section() -> None:
    text = text_of(bare())
    assert [title for title in SECTIONS if f"\n{title}" in text] == [*SECTIONS[:3], SECTIONS[-1]]
    ids = [section.attributes["id"] for section in read(page_of(bare())).all("section")]
    assert not {"quality", "information", "tail"} & set(ids)


def test_insignificant_differences_are_no_effect() -> None:
    assert "the difference of 3 ± 4 may be chance alone" in one_line(
        by_hand(**fresh(optimism=figure(3, 2.0)))
    )
    assert "the difference of -12.0 ± 2.0 is more than chance explains" in one_line(
        by_hand(**fresh(optimism=figure(-12)))
    )


def test_what_solves_leave_open_is_no_effect() -> None:
    said = one_line(by_hand(**part("information", evpi=span(0, 0.2), vss=span(-0.1, 0.3))))
    assert "would be worth at most 0.200 million EUR (± 3.92)" in said
    assert "gains at most 0.300 million EUR" in said
    alone = one_line(by_hand(**part("information", evpi=span(0, 0.2), wait_and_see_error=None)))
    assert "worth at most 0.200 million EUR: no forecast" in alone


def test_a_policy_as_good_as_foresight_is_reported() -> None:
    (first, *_) = by_hand().rules
    as_well = first.model_copy(update={"above_foresight": figure(0, 0.0)})
    assert "releases stock just as well" in one_line(by_hand(rules=(as_well,)))


def test_cautions() -> None:
    said = one_line(by_hand())
    assert "chance does not show" not in said
    assert "understated" not in said
    same = part("gap", mean=figure(0, 0.0), upper=0.0)
    assert "chance does not show in so few" in one_line(by_hand(**same))
    few = one_line(by_hand(own_states=12))
    assert "For illustration only: the plan was made for 12 states" in few
    assert "Of the fresh states, 45 are among the worst" in one_line(by_hand(**fresh(states=900)))


def test_results_that_hold_only_on_the_plans_states_are_marked() -> None:
    text = one_line(by_hand())
    assert "what early warning is worth to them is left out" in text
    assert text.count("or for the worst of them, gains less as a rule") == 2
    assert "gains less as a rule" not in one_line(written())


def test_written_states_are_reported_as_exact() -> None:
    text = one_line(written())
    assert "writes its states out" in text
    assert "avoids 300 million EUR of expected damage: 400 without it, 100 with it" in text
    assert "On the 3 states of the scenario" in text
    answer = text[: text.index("What knowledge is worth")]
    assert "own states" not in answer
    assert "exact: all states are known" in read(page_of(written())).text


@pytest.mark.slow
def test_what_is_fresh_is_called_so_where_it_is() -> None:
    claim = "Fresh states come from the same hazards and probabilities as the plan's own"
    assert claim in read(page_of(by_hand())).text
    for found in (written(), elsewhere()):
        assert claim not in read(page_of(found)).text
    assert "In the states of A calmer world (path) (million EUR)" in one_line(elsewhere())
    assert "On its own states 88 million EUR would be left." in one_line(elsewhere())
    assert "fresh states (million EUR)" not in one_line(elsewhere())
    assert "not how likely that world is" in read(page_of(elsewhere())).text
    assert "Net cost there 51 million EUR" in one_line(elsewhere())


def test_a_tail_that_got_worse_is_not_brought_down() -> None:
    said = one_line(worse_tail())
    assert "changes their mean by 7 million EUR, and costs at most 2 million EUR" in said
    said = one_line(by_hand())
    assert "changes their mean by -90 million EUR, and costs 23.9 to 24.1 million EUR" in said


def test_the_answer_lies_between_foresight_and_rule() -> None:
    found = by_hand()
    table = shown(found)["between"]
    rows = [row for row in table.rows if row[0].text.startswith("Rule")]
    best = min(rule.performance.expected.value for rule in found.rules)
    assert len(rows) == len(found.rules)
    assert min(row[1].value for row in rows) == best
    assert table.row("With plan, foresight")[1].value == found.fresh.with_plan.expected.value
    assert all(shows(cell) for row in table.rows for cell in row[1:] if cell.text != "-")


@pytest.mark.quick(every=5)
@pytest.mark.parametrize(
    ("table", "first", "cells"),
    [
        ("between", "Without plan", "400.0 ± 7.8 | 1 600 ± 31 | 4 000 | -"),
        ("between", "Rule, reserve 25 %", "120.0 ± 2.0 | 480 ± 8 | 1 200 | 20.0 ± 1.0"),
        ("between", "Avoided with foresight", "300.0 ± 5.9 | - | - | -"),
        ("fresh-years", "2026", "300 | 60"),
        ("fresh-materials", "Ore", "400 | 100"),
        ("fresh-consumers", "A", "300 | 70"),
        ("ladder", "Worth knowing what comes (EVPI = RP - WS)", "59.9 | 60.1"),
        ("tail", "50 %", "92 | 300 | 70 | 0.01 %"),
    ],
)
def test_the_figures_are_those_of_the_evaluation(table: str, first: str, cells: str) -> None:
    texts = [
        [c.text.replace(NO_BREAK_SPACE, " ") for c in row] for row in shown(by_hand())[table].rows
    ]
    assert [" | ".join(row[1:]) for row in texts if row[0] == first] == [cells]


def test_figures_have_no_more_digits_than_chance_leaves() -> None:
    assert format_estimate(figure(1234.5678, 10)) == f"1{NO_BREAK_SPACE}235 ± 20"
    assert format_estimate(figure(12.345678, 0.5)) == "12.3 ± 1.0"
    assert format_estimate(figure(12.345678, None)) == "12.3"


def test_the_spread_over_the_states_is_shown() -> None:
    spread = Distribution(
        levels=(0.0, 0.5, 0.95, 1.0),
        with_plan=(0, 10, 90, 95),
        without_plan=(1, 40, 70, 99),
        avoided=(1, 5, 6, 9),
    )
    text = one_line(by_hand(**fresh(distribution=spread)))
    assert "Least state 1 0" in text
    assert "Not exceeded in 50 % of states 40 10" in text
    assert "Not exceeded in 95 % of states 70 90" in text
    assert "Least state" not in one_line(by_hand(**fresh(distribution=spread, states=1)))


@pytest.mark.slow
def test_every_chart_is_on_the_page() -> None:
    names = [chart.name for chart in html.document_charts(build_result_document(by_hand()))]
    assert names == ["between", "fresh-distribution", "ladder"]
    assert page_of(by_hand(), drawn=True).count("<svg ") == len(names)


def test_german_text_reports_avoided_damage() -> None:
    assert (
        "Der Plan vermeidet 300 ± 6 Mio. EUR; der erwartete Schaden beträgt ohne ihn 400 ± 8, mit "
        "ihm 100,0 ± 2,0." in one_line(by_hand(), "de")
    )


@pytest.mark.slow
def test_names_are_never_markup() -> None:
    root = read(page_of(by_hand(title="<b>A & B</b>", scenario=None), drawn=True))
    assert not list(root.all("b"))


def test_a_workbook_has_the_figures_of_the_page_as_numbers() -> None:
    found = by_hand(title="=1+1", scenario=None)
    book = load_workbook(BytesIO(workbook_of(found)))
    names = [sheet.title for sheet in book.worksheets]
    assert len({name.casefold() for name in names}) == len(names)
    assert all(0 < len(name) <= 31 for name in names)
    cells = [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f" and "1+1" in str(cell.value)]
    numbers = {cell.value for cell in cells if cell.data_type == "n"}
    avoided, known = found.fresh.avoided, found.information
    assert avoided.standard_error is not None
    assert known is not None
    assert {avoided.value, known.evpi.low, known.evpi.high, found.fresh.with_plan.worst} <= numbers
    assert any(value == pytest.approx(1.959964 * avoided.standard_error) for value in numbers
               if isinstance(value, float))  # fmt: skip
    assert {rule.performance.expected.value for rule in found.rules} <= numbers


def test_sheets_whose_names_begin_alike_keep_apart() -> None:
    title = "A title that is longer than a tab can be, and then: some"
    document = Document("t", "", "", [], [Section(str(n), title, ["text"]) for n in range(12)])
    book = load_workbook(BytesIO(workbook.render_workbook(document)))
    _first, *names = [sheet.title for sheet in book.worksheets]
    assert len({name.casefold() for name in names}) == 12
    assert all(":" not in name and len(name) <= 31 for name in names)


def test_an_evaluation_comes_back_from_json() -> None:
    found = by_hand()
    assert Evaluation.model_validate_json(found.model_dump_json()) == found
