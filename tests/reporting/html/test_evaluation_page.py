"""The page on an evaluation, and the workbook of a page."""

from __future__ import annotations

import io

import openpyxl
import pytest
from evaluations import by_hand
from pages import Table, read, shows, tables

from models.language import using
from models.results import StatesOf
from optimizer.report.html import charts_on, report_on
from optimizer.report.workbook import write_alone

BARE = {"gap": None, "information": None, "tail": None, "rare": None, "longer": None, "rules": ()}
ELSEWHERE = {
    **BARE,
    "states_of": StatesOf(title="Another world", variant="path", input_sha256="0" * 64),
    "net_cost_there_meur": 9.0,
}


def shown(**changed: object) -> dict[str, Table]:
    return tables(read(report_on(by_hand(**changed))))


def test_the_answer_lies_between_foresight_and_rule() -> None:
    evaluation = by_hand()
    table = shown()["between"]
    best = min(rule.performance.expected.value for rule in evaluation.rules)
    rows = [row for row in table.rows if row[0].text.startswith("Rule")]
    assert len(rows) == len(evaluation.rules)
    assert min(row[1].value for row in rows) == best
    foresight = table.row("With foresight")
    assert foresight[1].value == evaluation.fresh.with_plan.expected.value
    assert all(shows(cell) for row in table.rows for cell in row[1:])


def test_the_ladder_shows_what_the_solves_prove() -> None:
    known = by_hand().information
    assert known is not None
    table = shown()["ladder"]
    row = table.row("Perfect information is worth (EVPI)")
    assert [cell.value for cell in row[1:]] == [known.evpi.low, known.evpi.high]


def test_what_was_left_out_has_no_section() -> None:
    sections = [s.attributes["id"] for s in read(report_on(by_hand(**BARE))).all("section")]
    assert not {"quality", "information", "tail", "rare", "longer"} & set(sections)
    assert {"answer", "chance", "parts", "proof"} <= set(sections)


def test_another_world_is_named() -> None:
    assert "Another world (path)" in read(report_on(by_hand(**ELSEWHERE))).text


@pytest.mark.parametrize("changed", [{}, BARE, ELSEWHERE], ids=["all", "bare", "elsewhere"])
def test_all_of_it_is_said_in_german(changed: dict[str, object], untranslated: set[str]) -> None:
    with using("de"):
        page = report_on(by_hand(**changed))
        assert page.count("<svg ") == len(charts_on(by_hand(**changed)))
        write_alone(by_hand(**changed))
    assert untranslated == set()


def test_names_are_never_markup() -> None:
    root = read(report_on(by_hand(title="<b>A & B</b>", scenario=None)))
    assert not list(root.all("b"))


def test_a_workbook_has_the_figures_of_the_page_as_numbers() -> None:
    evaluation = by_hand(title="=1+1", scenario=None)
    book = openpyxl.load_workbook(io.BytesIO(write_alone(evaluation)))
    names = [sheet.title for sheet in book.worksheets]
    assert len({name.casefold() for name in names}) == len(names)
    assert all(0 < len(name) <= 31 for name in names)
    cells = [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    numbers = {cell.value for cell in cells if cell.data_type == "n"}
    assert evaluation.fresh.with_plan.expected.value in numbers
    assert evaluation.fresh.avoided.standard_error is not None
    for rule in evaluation.rules:
        assert rule.performance.expected.value in numbers


def test_sheets_whose_names_begin_alike_keep_apart() -> None:
    from optimizer.report.html.parts import Section
    from optimizer.report.workbook.from_page import write_page

    title = "A title that is longer than a tab can be, and then: some"
    content = write_page("t", [Section(str(n), title, ["text"]) for n in range(12)])
    names = [sheet.title for sheet in openpyxl.load_workbook(io.BytesIO(content)).worksheets]
    assert len({name.casefold() for name in names}) == 12
    assert all(":" not in name and len(name) <= 31 for name in names)
