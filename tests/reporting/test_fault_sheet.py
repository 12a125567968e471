"""Faults in the user's workbook: put in, taken out, and all else as it was."""

from __future__ import annotations

import contextlib
import io
import re
import zipfile

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.chart import BarChart, Reference
from openpyxl.workbook.defined_name import DefinedName
from workbooks import TUTORIAL, tutorial_book

from models.files import read_case
from models.language import using
from optimizer.report.fault_sheet import (
    Finding,
    NotPlainError,
    listing,
    with_findings,
    without_findings,
)

FINDINGS = [
    Finding("error", "Projects", "D7", "'1,4' is <no> number & no text", "write 1.4"),
    Finding("warning", "", "--set a=1", "=HYPERLINK(1)"),
    Finding("conflict", "It's mine", "A1", "P5 ticket_min: says"),
]
LISTS_OF_SHEETS = {"xl/workbook.xml", "xl/_rels/workbook.xml.rels", "[Content_Types].xml",
                   "xl/styles.xml"}  # fmt: skip


def with_a_chart(book):
    """What openpyxl would lose if it read and wrote the workbook: it does not keep charts."""
    sheet = book["Demand"]
    chart = BarChart()
    chart.add_data(Reference(sheet, min_col=3, min_row=4, max_row=6))
    sheet.add_chart(chart, "K2")
    book["Settings"].defined_names["mine"] = DefinedName("mine", attr_text="Settings!$B$5")


def parts(raw):
    with zipfile.ZipFile(io.BytesIO(raw)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def changed(before, after):
    """Parts that differ in more than which sheet is selected."""
    old, new = parts(before), parts(after)
    bare = {name: re.sub(rb' tabSelected="1"', b"", data) for name, data in old.items()}
    return {
        name
        for name in {*old, *new}
        if bare.get(name) != re.sub(rb' tabSelected="1"', b"", new.get(name, b"-"))
    }


@pytest.fixture
def raw(tmp_path):
    return tutorial_book(tmp_path, with_a_chart).read_bytes()


def test_faults_are_listed_with_links(raw):
    book = load_workbook(io.BytesIO(with_findings(raw, FINDINGS)))
    assert book.active.title == "Faults"
    rows = [[cell.value or "" for cell in row] for row in book["Faults"].iter_rows(min_row=3)]
    assert rows == [
        ["No.", "Severity", "Sheet", "Cell", "What is wrong", "What would be right"],
        ["1", "Error", "Projects", "D7", "'1,4' is <no> number & no text", "write 1.4"],
        ["2", "Warning", "", "--set a=1", "=HYPERLINK(1)", ""],
        ["3", "Rule", "It's mine", "A1", "P5 ticket_min: says", ""],
    ]
    assert book["Faults"]["E5"].data_type == "s"
    links = [book["Faults"].cell(row, 4).hyperlink for row in (4, 5, 6)]
    assert [link.location if link else None for link in links] == [
        "'Projects'!D7",
        None,
        "'It''s mine'!A1",
    ]


def test_nothing_else_changes(raw):
    found = with_findings(raw, FINDINGS)
    assert changed(raw, found) == {*LISTS_OF_SHEETS, "xl/worksheets/vorrat-faults.xml"}
    again = with_findings(found, FINDINGS[:1])
    assert changed(found, again) <= {"xl/worksheets/vorrat-faults.xml", "xl/styles.xml"}
    clean = without_findings(again)
    assert clean is not None
    assert changed(raw, clean) <= {"xl/styles.xml", "xl/workbook.xml"}
    assert load_workbook(io.BytesIO(clean)).sheetnames == load_workbook(io.BytesIO(raw)).sheetnames
    assert without_findings(clean) is None


def test_only_one_sheet_is_selected(raw):
    """Two selected sheets would be edited together."""
    for made in (with_findings(raw, FINDINGS), without_findings(with_findings(raw, FINDINGS))):
        assert made is not None
        selected = [name for name, data in parts(made).items() if b'tabSelected="1"' in data]
        assert len(selected) == 1


def test_the_scenario_is_read_as_before(raw, tmp_path):
    (tmp_path / "found.xlsx").write_bytes(with_findings(raw, FINDINGS))
    assert read_case(tmp_path / "found.xlsx").case == read_case(TUTORIAL).case


def test_warnings_alone_do_not_come_to_the_front(raw):
    made = load_workbook(io.BytesIO(with_findings(raw, FINDINGS[1:2])))
    assert made.sheetnames[-1] == "Faults"
    assert made.active.title != "Faults"


def test_in_german_and_found_by_either_name(raw):
    with using("de"):
        found = with_findings(raw, FINDINGS)
    assert load_workbook(io.BytesIO(found)).sheetnames[-1] == "Fehler"
    clean = without_findings(found)
    assert clean is not None
    assert "Fehler" not in load_workbook(io.BytesIO(clean)).sheetnames


def test_a_sheet_that_was_moved_is_taken_out_by_its_name():
    """A spreadsheet program renames the parts, and names of sheets count positions."""
    book = Workbook()
    book.active.title = "Faults"
    book["Faults"]["A1"] = "saved by another program"
    kept = book.create_sheet("Settings")
    kept.defined_names["mine"] = DefinedName("mine", attr_text="Settings!$B$5")
    book["Faults"].defined_names["theirs"] = DefinedName("theirs", attr_text="Faults!$B$5")
    file = io.BytesIO()
    book.save(file)
    clean = without_findings(file.getvalue())
    assert clean is not None
    after = load_workbook(io.BytesIO(clean))
    assert after.sheetnames == ["Settings"]
    assert list(after["Settings"].defined_names) == ["mine"]


def test_a_sheet_that_formulas_name_stays_and_says_so(tmp_path):
    def change(book):
        book.create_sheet("_mine")["A1"] = "=COUNTA(Faults!E:E)"

    raw = with_findings(tutorial_book(tmp_path, change).read_bytes(), FINDINGS)
    clean = without_findings(raw)
    assert clean is not None
    book = load_workbook(io.BytesIO(clean))
    assert [cell.value for row in book["Faults"].iter_rows() for cell in row] == ["No faults"]
    assert without_findings(clean) is None


def test_what_is_no_plain_workbook_is_left_alone():
    for raw in (b"", b"PK\x03\x04", parts_of_nothing()):
        with pytest.raises(NotPlainError):
            with_findings(raw, FINDINGS)


def parts_of_nothing():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("xl/workbook.xml", "<workbook/>")
    return file.getvalue()


def test_a_list_of_its_own_links_into_the_workbook():
    book = load_workbook(io.BytesIO(listing(FINDINGS, "mine & yours.xlsx")))
    sheet = book.active
    assert sheet["E4"].value == FINDINGS[0].message
    assert sheet["D4"].hyperlink.target == "mine%20%26%20yours.xlsx"
    assert sheet["D4"].hyperlink.location == "'Projects'!D7"
    assert sheet["E5"].data_type == "s"


def test_a_workbook_made_to_keep_patterns_busy() -> None:
    """A pattern that ran on from each of these to the end would take hours."""
    busy = "<definedName <sheet <Relationship <fonts count='" * 60_000
    made = io.BytesIO()
    book = Workbook()
    book.active.title = "Faults"
    book.save(made)
    changed = io.BytesIO()
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.namelist():
            text = old.read(entry).decode("utf-8")
            end = text.rindex("</")
            new.writestr(entry, f"{text[:end]}<!-- {busy} -->{text[end:]}")
    for change in (lambda raw: with_findings(raw, []), without_findings):
        with contextlib.suppress(NotPlainError):
            change(changed.getvalue())
