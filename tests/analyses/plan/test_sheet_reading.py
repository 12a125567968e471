"""What a reader of a workbook meets: units, dashes, empty cells, lines, charts, one language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from everything import everything
from openpyxl.utils import range_boundaries
from plan_workbooks import workbook_of_plan as write
from spreadsheets import cells, displayed, formulas, records, results, with_libreoffice

from models.language import using
from models.results import Plan
from models.scenario.case import Case
from optimizer.report.number_format import NO_BREAK_SPACE, NO_VALUE
from optimizer.report.workbook.book import Book, Sheet
from optimizer.report.workbook.styles import CellForm, decimals_for, objective_form
from optimizer.solve.planner import solve_to_plan as best_plan


@pytest.fixture(scope="module")
def plan() -> Plan:
    return best_plan(Case.model_validate(everything()))


@pytest.fixture(scope="module")
def content(plan: Plan) -> bytes:
    return write(plan)


def strings(value: Any) -> Iterator[str]:
    """All texts of a document, keys with them."""
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for inside in value:
            yield from strings(inside)
    elif isinstance(value, str):
        yield value


def words_in(content: bytes) -> set[str]:
    """Every text, those of key columns apart, which are for formulas and the same everywhere."""
    shown = results(content)
    return {
        str(shown[tab][cell.coordinate].value)
        for tab, cell in cells(formulas(content))
        if not isinstance(shown[tab][cell.coordinate].value, (int, float, type(None)))
        and cell.font.sz != 9
    } - {""}


@pytest.mark.slow
def test_nothing_is_left_in_english(plan: Plan, content: bytes) -> None:
    """What both languages share is the plan's own, a name for formulas, or one word in both."""
    with using("de"):
        german = write(plan)
    own = set(strings(plan.model_dump(mode="json")))
    names = set(formulas(content).defined_names)
    alike = {
        text
        for text in words_in(content) & words_in(german)
        if text not in own and not set(text.split(", ")) <= own | names
    }
    versions = ", ".join(f"{k} {v}" for k, v in plan.certificate.versions.items())
    names = {"Chile", "China", "Fund", "Motor_co"}
    assert (
        alike
        == {"t", "Budget", "Budgets", "EU", "HHI", "Instrument", "Status", NO_VALUE, versions}
        | names
    )


@pytest.mark.slow
@pytest.mark.quick(1)
@pytest.mark.parametrize(
    ("measure", "unit", "title"),
    [
        ("damage", "million EUR", "What is left of the damage (million EUR)"),
        ("tonnes", "t", "What is left of the shortage (t)"),
        ("share_of_demand", "years of demand", "What is left of the shortage (years of demand)"),
    ],
)
def test_the_outcome_has_its_unit(measure: str, unit: str, title: str) -> None:
    raw = everything()
    raw["objective"]["measure"] = measure
    made = best_plan(Case.model_validate(raw))
    assert made.outcome.unit == unit
    book = results(write(made))
    texts = {cell.value for tab, cell in cells(book) if tab == "Answer"}
    assert title in texts
    assert ("Damage avoided per unit of net cost of all funders" in texts) == (measure == "damage")
    (expected,) = (
        row for row in records(book["Answer"], "Reduction") if row[""][:9] == "Expected:"
    )
    assert expected["With plan"] == pytest.approx(made.outcome.expected)
    assert expected["Without plan"] == pytest.approx(made.outcome.without_plan.expected)
    assert f"With plan, {unit}" in {cell.value for tab, cell in cells(book)}
    # Three digits of the largest outcome are shown at least.
    shown = {c.number_format.split(";")[0] for c in book["Damage"]["B"] if c.data_type == "n"}
    (places,) = {len(form.rpartition(".")[2]) for form in shown if form != "General"}
    assert 10.0**-places <= made.outcome.without_plan.worst / 100
    verdicts = {row["Result"] for row in records(book["Checks"], "Check", "Result")}
    assert verdicts == {"adds up"}


@pytest.mark.slow
def test_what_is_not_known_stays_empty(plan: Plan, content: bytes) -> None:
    """A dash would mean that nothing comes back; without terms the date is unknown."""
    assert {bool(p.returned_meur) for p in plan.accounts} == {False}
    book = results(content)
    by_year = [r for r in records(book["Accounts by year"], "Field") if r["Field"] == "returned"]
    *positions, all_together = records(book["Accounts"], "Loss at most")
    assert len(by_year) == len(positions)
    for row in by_year:
        assert {row[year] for year in ("2026", "2027", "2028")} == {None}
    for row in (*positions, all_together):
        assert row["Comes back, undiscounted"] is None
        assert row["Net cost, present value"] is not None


def multiplied(formula: str) -> Iterator[tuple[str, str]]:
    """Sheet and block of each range that a SUMPRODUCT multiplies rather than compares."""
    apart = re.sub(r"EXACT\([^()]*\)", "", formula)
    for product in re.findall(r"SUMPRODUCT\(.*\)", apart):
        for tab, block in re.findall(r"(?:'([^']+)'!)?(\$?[A-Z]+\$?\d+:\$?[A-Z]+\$?\d+)", product):
            yield tab, block.replace("$", "")


def test_no_text_is_multiplied(content: bytes) -> None:
    """Excel takes a text in a product, even an empty one, for an error."""
    made, shown, seen = formulas(content), results(content), 0
    for tab, cell in cells(made):
        if cell.data_type != "f":
            continue
        for other, block in multiplied(cell.value):
            seen += 1
            left, top, right, bottom = range_boundaries(block)
            for row in made[other or tab].iter_rows(top, bottom, left, right):
                for factor in row:
                    value = shown[other or tab][factor.coordinate].value
                    where = (tab, cell.coordinate, other, factor.coordinate)
                    assert not isinstance(value, str), where
                    assert factor.data_type != "f" or value is not None, where
    assert seen > 50


def test_charts_stand_below_the_rows_that_each_page_repeats(content: bytes) -> None:
    """A chart in one of them would be printed in part on every page."""
    book, seen = formulas(content), 0
    for sheet in book:
        for chart in sheet._charts:
            seen += 1
            repeated = re.fullmatch(r"\$?(\d+):\$?(\d+)", sheet.print_title_rows or "0:0")
            assert repeated is not None
            assert chart.anchor._from.row >= int(repeated[2])
    assert seen == 2


def sheet_of(figures: list[float], form: CellForm) -> bytes:
    book = Book("Figures")
    sheet = Sheet(book, "Figures", "Figures")
    for row, figure in enumerate(figures, 1):
        sheet.write_cell(row, 0, figure, "optimizer", form)
    return book.to_bytes()


@pytest.mark.slow
@pytest.mark.quick(1)
@with_libreoffice
@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ("money", ["1,234.6", "-1,234.6", "0.0", "–", "–", "–"]),
        ("signed", ["+1,234.6", "-1,234.6", "+0.0", "–", "–", "–"]),
        ("share", ["123456.0%", "-123456.0%", "1.0%", "–", "–", "–"]),
    ],
)  # fmt: skip
def test_a_dash_is_nothing_at_all(form: CellForm, wanted: list[str], tmp_path: Path) -> None:
    """A solver's zero is none, and no figure is shown as minus zero."""
    figures = [1234.56, -1234.56, 0.01, 0.0, 1e-12, -1e-12]
    assert displayed(tmp_path, sheet_of(figures, form))[1:7] == wanted


def test_small_figures_keep_their_digits() -> None:
    assert [decimals_for([x]) for x in (26_269.1, 30.0, 3.0, 0.04, 0.0)] == [1, 2, 3, 5, 1]
    assert (objective_form([5502.6, None]), objective_form([0.0123])) == ("control", "small")


def test_numbers_in_sentences_are_not_broken() -> None:
    book = Book("Figures")
    sheet = Sheet(book, "Figures", "Figures")
    sheet.write_paragraph(f"from 26{NO_BREAK_SPACE}269  to\n5{NO_BREAK_SPACE}501", 3)
    read = results(book.to_bytes())["Figures"]["A3"].value
    assert read == f"from 26{NO_BREAK_SPACE}269 to 5{NO_BREAK_SPACE}501"


def test_rows_that_belong_to_others_are_indented(content: bytes) -> None:
    answer = formulas(content)["Answer"]
    indents = {cell.value: cell.alignment.indent for cell in answer["A"] if cell.value}
    assert indents["of that from public funders"] > indents["Capital cost of projects"]


@pytest.mark.slow
def test_a_workbook_opens_again(content: bytes) -> None:
    """Another program may save it: nothing in it is lost to a reader that knows the format."""
    saved = BytesIO()
    formulas(content).save(saved)
    assert formulas(saved.getvalue()).sheetnames == formulas(content).sheetnames
