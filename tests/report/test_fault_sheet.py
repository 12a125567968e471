"""Faults of a workbook in a separate workbook."""

from __future__ import annotations

import io

from openpyxl import load_workbook

from models.language import using
from optimizer.report.fault_workbook import Finding, build_fault_workbook

FINDINGS = [
    Finding("error", "Projects", "D7", "'1,4' is <no> number & no text", "write 1.4"),
    Finding("warning", "", "--set a=1", "=HYPERLINK(1)"),
    Finding("conflict", "It's mine", "A1", "P5 ticket_min: says"),
]


def test_faults_are_listed_with_links_into_the_workbook():
    sheet = load_workbook(io.BytesIO(build_fault_workbook(FINDINGS, "mine & yours.xlsx")))["Faults"]
    rows = [[cell.value or "" for cell in row] for row in sheet.iter_rows(min_row=3)]
    assert rows == [
        ["No.", "Severity", "Sheet", "Cell", "What is wrong", "What would be right"],
        ["1", "Error", "Projects", "D7", "'1,4' is <no> number & no text", "write 1.4"],
        ["2", "Warning", "", "--set a=1", "=HYPERLINK(1)", ""],
        ["3", "Rule", "It's mine", "A1", "P5 ticket_min: says", ""],
    ]
    assert sheet["E5"].data_type == "s"
    links = [sheet.cell(row, 4).hyperlink for row in (4, 5, 6)]
    assert [link and (link.target, link.location) for link in links] == [
        ("mine%20%26%20yours.xlsx", "'Projects'!D7"),
        None,
        ("mine%20%26%20yours.xlsx", "'It''s mine'!A1"),
    ]


def test_the_title_says_whether_rules_are_in_conflict():
    def title(findings):
        return (
            load_workbook(io.BytesIO(build_fault_workbook(findings, "a.xlsx")))
            .worksheets[0]["A1"]
            .value
        )

    assert title(FINDINGS) == "No plan keeps all of these rules together; relax one of them"
    assert title(FINDINGS[:2]) == "Faults in this workbook"
    with using("de"):
        assert title(FINDINGS[:1]) == "Fehler in dieser Arbeitsmappe"
