"""Tables in Excel workbooks."""

from __future__ import annotations

import datetime
import zipfile

import pytest
from openpyxl import Workbook
from small_scenario import with_table, write

from models.faults import ScenarioError
from models.files import read_case

HEADER = ["id", "country", "output_t_per_year.lithium", "capex_meur", "tags"]
SECTION = "projects: {table: book.xlsx, sheet: Projects}\n"


def book(folder, *rows, section=SECTION):
    write(folder, with_table(section))
    made = Workbook()
    sheet = made.active
    sheet.title = "Projects"
    for row in (HEADER, *rows):
        sheet.append(row)
    made.save(folder / "book.xlsx")


def faults(folder, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(ScenarioError) as caught:
        read_case("scenario.yaml")
    return str(caught.value).splitlines()


def test_a_sheet_is_read_with_the_cells_as_places(tmp_path):
    book(tmp_path, [7, "NA", 10, 2.5, "a;b"], [None] * 5, ["b", "DE", 1, 3, None])
    reading = read_case(tmp_path / "scenario.yaml")
    assert list(reading.case.projects) == ["7", "b"]
    assert reading.case.projects["7"].tags == ("a", "b")
    assert reading.location(("projects", "b", "capex_meur")).cell == "Projects!D4"


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (datetime.date(2026, 1, 2), "D2: error: a date stands where a number belongs"),
        (True, "D2: error: a number is expected here, not true"),
        ("=1+1", "D2: error: this formula has no stored value"),
        ("1,5", "D2: error: '1,5' is not a number; a decimal comma: write 1.5"),
        (-1, "D2: error: -1 is negative"),
        (None, "A2: error: 'capex_meur' is missing in projects.a"),
    ],
    ids=["date", "truth", "formula", "comma", "negative", "empty"],
)
def test_a_faulty_cell(tmp_path, monkeypatch, value, line):
    book(tmp_path, ["a", "DE", 10, value, None])
    (found,) = faults(tmp_path, monkeypatch)
    assert found.startswith(f"book.xlsx:Projects!{line}")


def test_an_unknown_sheet(tmp_path, monkeypatch):
    book(tmp_path, section=SECTION.replace("Projects}", "Project}"))
    (found,) = faults(tmp_path, monkeypatch)
    assert found == (
        "scenario.yaml:23:37: error: there is no sheet 'Project' in 'book.xlsx'; "
        "did you mean 'Projects'?"
    )


def test_what_is_no_workbook(tmp_path, monkeypatch):
    write(tmp_path, with_table(SECTION))
    (tmp_path / "book.xlsx").write_bytes(b"id,country\n")
    (found,) = faults(tmp_path, monkeypatch)
    assert found.endswith("'book.xlsx' is not an Excel workbook; save it as .xlsx")


def test_a_small_file_that_unpacks_to_much(tmp_path, monkeypatch):
    write(tmp_path, with_table(SECTION))
    with zipfile.ZipFile(tmp_path / "book.xlsx", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", b" " * 30_000_000)
    (found,) = faults(tmp_path, monkeypatch)
    assert "'book.xlsx' unpacks to 30 MB" in found


@pytest.mark.parametrize(("row", "column"), [(200_000, 1), (2, 5_000)])
def test_a_far_cell(tmp_path, monkeypatch, row, column):
    write(tmp_path, with_table(SECTION))
    made = Workbook()
    made.active.title = "Projects"
    made.active.append(HEADER)
    made.active.cell(row, column, "x")
    made.save(tmp_path / "book.xlsx")
    (found,) = faults(tmp_path, monkeypatch)
    assert "error: more than" in found
