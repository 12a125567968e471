"""What the answer rests on, as a document."""

from __future__ import annotations

import pytest
from documents import is_whole_in_all_media, one_line, page_of, tables_in, text_of
from pages import read
from samples import sensitivity as found
from saved_plans import tutorial

from models.language import Language
from models.results import ProvenRange
from models.results.evaluation import SensitivityPoint
from optimizer.analyses.registry import build_result_document
from optimizer.analyses.sensitivity import document
from optimizer.report.cells import format_range
from optimizer.report.render import html
from optimizer.report.wording import Wording

LANGUAGES = pytest.mark.parametrize("language", ["de", "en"])


@pytest.mark.slow
def test_what_moves_and_what_turns_is_reported_first() -> None:
    text = one_line(found())
    assert "Most depends on: Probability" in text
    assert "turn the decision within their range" in text
    assert "Nearest to turn: " in text
    assert "it cannot be paid from a funder's budget" in text
    assert "breaks B1" in text


@pytest.mark.quick(1)
@LANGUAGES
def test_all_media_are_whole_in_both_languages(language: Language, untranslated: set[str]) -> None:
    is_whole_in_all_media(found(), language, untranslated)


def test_the_page_has_a_table_for_each_question() -> None:
    made = tables_in(found())
    assert {"swings", "own", "turns"} <= set(made)


def test_the_widest_swing_comes_first() -> None:
    rows = tables_in(found())["swings"].rows
    assert [row[0].text for row in rows] == [
        document.input_name(Wording(found()), one) for one in found().inputs
    ]
    swings = [one.swing.high for one in found().inputs if one.swing is not None]
    assert swings == sorted(swings, reverse=True)


def test_what_lies_within_the_gaps_is_called_no_effect() -> None:
    first = found().inputs[0]
    vague = first.model_copy(update={"swing": ProvenRange(low=0.0, high=0.2)})
    text = text_of(found().model_copy(update={"inputs": (vague,)}))
    assert "within the gaps" in text
    assert "Most depends on" not in text
    assert "No input is proven to move the objective of the best plan" in text


def test_what_moves_along_with_demand_is_said() -> None:
    text = " ".join(text_of(found()).split())
    assert "Supply that is given as a share of need moves along with demand." in text
    others = tuple(one for one in found().inputs if one.kind != "demand")
    text = " ".join(text_of(found().model_copy(update={"inputs": others})).split())
    assert "moves along with demand" not in text


def test_a_regret_that_is_arithmetic_is_none() -> None:
    assert format_range(ProvenRange(low=0.0, high=1e-9)) == "0"
    assert format_range(ProvenRange(low=0.0, high=0.5)) == "at most 0.500"
    assert format_range(ProvenRange(low=0.25, high=0.5)) == "0.250 to 0.500"


def test_an_end_without_a_plan_is_not_the_largest_change() -> None:
    first, *others = found().inputs
    late = first.low.model_copy(update={"status": "none", "best": None})
    unknown = first.model_copy(update={"swing": None, "low": late})
    made = found().model_copy(update={"inputs": (unknown, *others)})
    leading = document.leading_input(made)
    assert leading is not None
    assert leading.id in {one.id for one in others}


def test_a_break_even_is_reported_with_the_value_as_it_is_and_rounded_apart() -> None:
    one = next(one for one in found().inputs if one.break_evens)
    turn = one.break_evens[0].model_copy(
        update={"good": 1.43749, "changed": 1.46811, "good_number": None, "changed_number": None}
    )
    factor = one.model_copy(update={"break_evens": (turn,), "base_number": None})
    made = found().model_copy(update={"inputs": (factor,)})
    assert "(now × 1): between × 1.437 and × 1.469." in one_line(made)
    row = tables_in(made)["turns"].rows[0]
    assert [cell.text.replace("\u00a0", " ") for cell in row[1:4]] == ["× 1", "× 1.437", "× 1.469"]


@LANGUAGES
def test_a_plan_that_is_not_optimal_at_the_start_has_no_switch_point(language: Language) -> None:
    """An input cannot turn a decision that is wrong as things are."""
    made = found().model_copy(
        update={"decision": "changed", "regret": ProvenRange(low=1.0, high=1.1)}
    )
    page = page_of(made, language)
    assert "turns" not in {s.attributes["id"] for s in read(page).all("section")}
    text = text_of(made)
    assert "It is not the best plan even as things are" in " ".join(text.split())
    assert "turn the decision" not in " ".join(text.split())
    assert "Where the decision turns" not in text


def test_a_plan_that_stays_right_is_reported() -> None:
    kept = [
        one.model_copy(
            update={
                end: getattr(one, end).model_copy(update={"decision": "same", "broken": ()})
                for end in ("low", "high")
            }
            | {"break_evens": ()}
        )
        for one in found().inputs
    ]
    text = one_line(found().model_copy(update={"inputs": tuple(kept)}))
    assert "is proven to stay within 0.1 % of the best" in text


@pytest.mark.drawn
def test_charts_can_be_taken_out_as_pictures() -> None:
    charts = html.document_charts(build_result_document(found()))
    assert [chart.name for chart in charts] == ["tornado"]
    assert all(chart.png_file().startswith(b"\x89PNG") for chart in charts)


def test_a_report_names_switch_points_and_the_better_plan() -> None:
    text = read(page_of(tutorial(), sensitivity=found())).text.replace("\u00a0", " ")
    for one in document.turning_inputs(found())[:3]:
        assert f"{document.input_name(Wording(found()), one)} (right at " in text
    assert "breaks a rule at " in text
    assert "turns" in tables_in(tutorial(), sensitivity=found())


def test_a_stable_decision_is_reported_only_if_proven() -> None:
    """Not where the plan is not right as things are, nor where an end is open."""
    claim = "None of them turns the decision"
    still = tuple(
        one.model_copy(update={"break_evens": (), "low": calm(one.low), "high": calm(one.high)})
        for one in found().inputs
    )
    settled = found().model_copy(update={"inputs": still})
    assert claim in page_of(tutorial(), sensitivity=settled)
    first = still[0].model_copy(
        update={"high": still[0].high.model_copy(update={"decision": "open"})}
    )
    open_ = found().model_copy(update={"inputs": (first, *still[1:])})
    text = page_of(tutorial(), sensitivity=open_)
    assert claim not in text
    assert "Not decided before the limit" in text
    wrong = settled.model_copy(update={"decision": "changed", "regret": ProvenRange(low=1, high=2)})
    text = page_of(tutorial(), sensitivity=wrong)
    assert claim not in text
    assert "It is not the best plan even as things are" in text


def calm(point: SensitivityPoint) -> SensitivityPoint:
    """A point at which the decision is the same."""
    return point.model_copy(update={"decision": "same"})
