"""What a reader of a workbook meets: units, digits, dashes."""

from __future__ import annotations

from pathlib import Path

import pytest
from everything import everything
from spreadsheets import cells, displayed, records, results, with_libreoffice

from models.case import Case
from optimizer.planner import plan as best_plan
from optimizer.reporting.workbook import write
from optimizer.reporting.workbook.book import Book
from optimizer.reporting.workbook.styles import Form, objective, places


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
    assert ("Damage avoided per unit of net cost" in texts) == (measure == "damage")
    (expected,) = (row for row in records(book["Answer"], "Reduction") if row[""][:8] == "Expected")
    assert expected["With plan"] == pytest.approx(made.outcome.expected)
    assert expected["Without plan"] == pytest.approx(made.outcome.without_plan.expected)
    assert f"With plan, {unit}" in {cell.value for tab, cell in cells(book)}
    # Three digits of the largest outcome are shown at least.
    shown = {c.number_format.split(";")[0] for c in book["Damage"]["B"] if c.data_type == "n"}
    (places,) = {len(form.rpartition(".")[2]) for form in shown if form != "General"}
    assert 10.0**-places <= made.outcome.without_plan.worst / 100
    verdicts = {row["Result"] for row in records(book["Checks"], "Check", "Result")}
    assert verdicts == {"adds up"}


def sheet_of(figures: list[float], form: Form) -> bytes:
    book = Book("Figures")
    sheet = book.sheet("Figures", "Figures")
    for row, figure in enumerate(figures, 1):
        sheet.put(row, 0, figure, "optimizer", form)
    return book.finished()


@with_libreoffice
@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ("money", ["1,234.6", "-1,234.6", "0.0", "–", "–", "–"]),
        ("signed", ["+1,234.6", "-1,234.6", "+0.0", "–", "–", "–"]),
        ("share", ["123456.0%", "-123456.0%", "1.0%", "–", "–", "–"]),
    ],
)  # fmt: skip
def test_a_dash_is_nothing_at_all(form: Form, wanted: list[str], tmp_path: Path) -> None:
    """A solver's zero is none, and no figure is shown as minus zero."""
    figures = [1234.56, -1234.56, 0.01, 0.0, 1e-12, -1e-12]
    assert displayed(tmp_path, sheet_of(figures, form))[1:7] == wanted


def test_small_figures_keep_their_digits() -> None:
    assert [places([x]) for x in (26_269.1, 30.0, 3.0, 0.04, 0.0)] == [1, 2, 3, 5, 1]
    assert (objective([5502.6, None]), objective([0.0123])) == ("control", "small")
