"""The workbook of a document: its figures are those of the tables, texts stay texts."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import pytest
from documents import tampered
from everything import everything
from plan_workbooks import workbook_of_plan
from spreadsheets import cells, formulas, records, results, same_in_libreoffice, with_libreoffice

from models.language import Language, using
from models.results import Plan
from models.scenario.references import Case
from optimizer.analyses.registry import build_result_document
from optimizer.report.document import SHEET, Column, Document, Section, Table
from optimizer.report.figure_columns import figure_columns
from optimizer.report.render.workbook import render_workbook
from optimizer.solve.planner import solve_to_plan

HOSTILE = ("=1+1", "+1", "-1", "@SUM(1)", "=HYPERLINK(0)")


@cache
def plan() -> Plan:
    return solve_to_plan(Case.model_validate(everything()))


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "de"])
def test_every_figure_of_every_table_is_there(language: Language) -> None:
    with using(language):
        document = build_result_document(plan())
        book = results(workbook_of_plan(plan()))
        sections = document.sections_for(SHEET, "Answer")
        count = 0
        for section, sheet in zip(sections, book, strict=False):
            values = [cell.value for row in sheet.iter_rows() for cell in row]
            written = iter([value for value in values if isinstance(value, (int, float))])
            tables = [part for part in section.parts if isinstance(part, Table) and part.rows]
            for table in tables:
                columns = [column.figures(table) for column in figure_columns(table)]
                for row in zip(*columns, strict=True):
                    for figure in (x for x in row if isinstance(x, float)):
                        # XlsxWriter writes 16 digits.
                        is_there = any(math.isclose(figure, x, rel_tol=1e-14) for x in written)
                        assert is_there, (sheet.title, table.caption, figure)
                        count += 1
            assert len(sheet.tables) >= len(tables)
    assert count > 500


@pytest.mark.slow
def test_checks_say_what_does_not_add_up() -> None:
    good = results(workbook_of_plan(plan())).worksheets[-1]
    found = [row["Result"] for row in records(good, "Check", "Result")]
    assert len(found) > 10
    assert set(found) == {"adds up"}
    changed = tampered(plan(), "outcome.net_cost_meur", plan().outcome.net_cost_meur + 1)
    book = results(workbook_of_plan(changed))
    found = [row["Result"] for row in records(book.worksheets[-1], "Check", "Result")]
    assert "DOES NOT ADD UP" in found
    assert any("WARNING" in str(cell.value) for _, cell in cells(book))


def test_no_text_becomes_a_formula() -> None:
    rows = [{"text": text} for text in HOSTILE]
    columns = [Column("=A1", lambda row: row["text"], "text")]
    section = Section("rows", "=2+2", [*HOSTILE, Table("@x", rows, columns)])
    document = Document("plan", "=1+1", "kind", ["-1"], [section])
    written = list(cells(formulas(render_workbook(document))))
    assert {cell.data_type for _, cell in written} == {"s"}
    assert {cell.value for _, cell in written} >= set(HOSTILE)


@pytest.mark.slow
@with_libreoffice
def test_libreoffice_computes_the_same(tmp_path: Path) -> None:
    content = workbook_of_plan(plan())
    assert sum(cell.data_type == "f" for _, cell in cells(formulas(content))) > 20
    same_in_libreoffice(tmp_path, content)
