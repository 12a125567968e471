"""A frontier as a document, and as a section of the report on a plan."""

from __future__ import annotations

import pytest
from documents import is_whole_in_all_media, one_line, page_of
from pages import read, tables
from samples import frontier, point

from models.language import Language
from optimizer.analyses.frontier.document import sections_for_plan_report
from optimizer.analyses.registry import build_result_document
from optimizer.report.document import Table
from optimizer.report.render import html

LANGUAGES = pytest.mark.parametrize("language", ["de", "en"])
TAIL = {"varied": "objective.cvar.weight", "varied_unit": None, "steps": []}


@pytest.mark.quick(1)
@LANGUAGES
@pytest.mark.parametrize("tail", [False, True])
def test_all_media_are_whole_in_both_languages(
    language: Language, tail: bool, untranslated: set[str]
) -> None:
    fields = {**TAIL, "points": [point(0, 12.0), point(1, 14.0)]} if tail else {}
    is_whole_in_all_media(frontier(**fields), language, untranslated)


def test_the_points_are_those_of_the_frontier() -> None:
    root = read(page_of(frontier()))
    table = tables(root)["frontier"]
    assert table.values("Expected, million EUR") == [None, 30.0, 12.0]
    assert table.values("At least, million EUR") == [None, 27.0, 10.8]
    assert [row[-1].text for row in table.rows] == ["no plan keeps all rules", "", ""]
    (step,) = tables(root)["frontier-steps"].rows
    one_line = ["5 to 20", "1", "1.20", "1.40", "with A refinery", "jump"]
    assert [cell.text for cell in step] == one_line


def test_the_text_begins_with_the_range_of_the_frontier() -> None:
    text = one_line(frontier())
    assert "From 5 to 20 million EUR (budget of fund), expected damage goes from 30 to 12" in text
    assert "Without any plan it is 40 million EUR." in text
    assert "points are missing" in text


def test_with_a_plan_it_has_a_separate_section() -> None:
    (section,), _ = sections_for_plan_report(frontier())
    assert "frontier" in [part.name for part in section.parts if isinstance(part, Table)]


def test_a_frontier_of_the_tail_is_drawn_against_it() -> None:
    tail = frontier(**TAIL, points=[point(0, 12.0), point(1, 14.0)])
    assert [chart.name for chart in html.document_charts(build_result_document(tail))] == [
        "frontier"
    ]
    assert "the mean of the worst states (CVaR) goes from 60 to 70" in one_line(tail)


def test_a_frontier_without_plans_has_no_section() -> None:
    none = frontier(points=[point(0, None)], steps=[])
    assert sections_for_plan_report(none) == ([], [])
    assert "There is no plan at any of the values." in one_line(none)
