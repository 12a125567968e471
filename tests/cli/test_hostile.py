"""What comes in as a saved result and what goes out: nothing that runs elsewhere."""

from __future__ import annotations

import io
import json
import re
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import openpyxl
import pytest
from pages import read
from plan_workbooks import workbook_of_plan
from small_scenario import VALID

from models.faults import Fault, SourceLocation
from models.files import read_case_text
from models.results import Plan
from optimizer.analyses.registry import build_result_document
from optimizer.cli import run_command_line
from optimizer.errors import InvalidCutPool
from optimizer.report.fault_workbook import build_fault_workbook, finding_from_fault
from optimizer.report.render import html, terminal
from optimizer.report.scenario_workbook.sheets import build_scenario_workbook
from optimizer.solve.decomposition.cut_pool import read_pool
from optimizer.solve.planner import solve_to_plan

LINK = '=HYPERLINK("http://example.org","x")'
TEXTS = (LINK, "+1+1", "-1", "@SUM(1)", "<script>alert(1)</script>", "http://example.org", '"><b>')


def hostile_text() -> str:
    """The small scenario, its names written by someone who means harm."""
    names = iter(TEXTS)
    text = VALID.replace("title: A test", f"title: {json.dumps(LINK)}")
    text = text.replace("text: a guess, kind: assumption",
                        "text: '=1+1', kind: read, url: 'javascript:alert(1)'")  # fmt: skip
    for line in ("  upper_rhine:\n", "  recycling:\n", "  fund:\n", "  export_stop:\n"):
        text = text.replace(line, f"{line}    name: {json.dumps(next(names))}\n", 1)
    text = text.replace("motor_co: {kind", f"motor_co: {{name: {json.dumps(next(names))}, kind")
    text = text.replace("automotive: {}", f"automotive: {{name: {json.dumps(next(names))}}}")
    return text.replace(
        "price_eur_per_t: 10000", f"price_eur_per_t: 10000, name: {json.dumps(next(names))}"
    )


@cache
def hostile_plan() -> Plan:
    return solve_to_plan(read_case_text(hostile_text()).case, title=LINK)


def formulas_in(content: bytes) -> Iterator[str]:
    for sheet in openpyxl.load_workbook(io.BytesIO(content)):
        for row in sheet.iter_rows():
            yield from (str(cell.value) for cell in row if cell.data_type == "f")
            for cell in row:
                if cell.hyperlink is not None:
                    yield str(cell.hyperlink.target or "")


@pytest.mark.slow
def test_no_text_becomes_a_formula_in_a_workbook_of_results() -> None:
    found = list(formulas_in(workbook_of_plan(hostile_plan())))
    assert found, "there are formulas of our own"
    assert not [text for text in found if "HYPERLINK" in text or "example.org" in text]


@pytest.mark.slow
def test_no_text_becomes_a_formula_in_a_workbook_of_inputs() -> None:
    case = hostile_plan().case
    assert case is not None
    content = build_scenario_workbook(case)
    assert not [text for text in formulas_in(content) if "HYPERLINK(" in text]


def test_no_text_becomes_a_formula_on_a_sheet_of_faults() -> None:
    place = SourceLocation("book.xlsx", cell="Sheet!A1")
    findings = [
        finding_from_fault(Fault((), text, text, location=place), "book.xlsx") for text in TEXTS
    ]
    content = build_fault_workbook(findings, "book.xlsx")
    assert not [text for text in formulas_in(content) if "HYPERLINK" in text]
    shown = {c.value for s in openpyxl.load_workbook(io.BytesIO(content)) for r in s for c in r}
    assert set(TEXTS) <= shown


def test_no_text_becomes_markup_on_a_page() -> None:
    page = html.render_page(build_result_document(hostile_plan()))
    root = read(page)
    assert not list(root.all("script"))
    assert "<script>" not in page
    assert not re.search(r"href\s*=\s*[\"']?\s*javascript:", page, re.IGNORECASE)


def test_terminal_output_contains_no_control_characters() -> None:
    steering = "\x1b]8;;http://example.org\x07\x9b31m\u202e"
    reported = Plan.model_validate(hostile_plan().model_dump(mode="json") | {"scenario": None})
    named = tuple(one.model_copy(update={"name": steering + "x"}) for one in reported.materials)
    bare = reported.model_copy(update={"materials": named, "title": steering})
    shown = terminal.render_text(build_result_document(bare))
    assert "31m" in shown, "the name is among what is shown"
    assert not set("\x1b\x07\x9b\u202e") & set(shown)


@pytest.mark.slow
@pytest.mark.drawn
def test_a_chart_is_well_formed_whatever_names_it_shows() -> None:
    page = html.render_page(build_result_document(hostile_plan()))
    charts = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert charts
    for chart in charts:
        ET.fromstring(chart)


# Saved results


@pytest.mark.parametrize("command", ["report", "workbook", "evaluate", "explain"])
@pytest.mark.parametrize(
    "content",
    ["[" * 100_000, '{"kind": "plan", "kind": "plan"}', '{"kind": "plan", "a": NaN}',
     '{"kind": []}', '{"kind": "plan"}', "null", '{"kind": "\\u001b[31m"}', "\0"],
)  # fmt: skip
def test_a_saved_result_that_is_none(
    command: str, content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plan.json").write_text(content, encoding="utf-8")
    out = str(tmp_path / ("out.xlsx" if command == "workbook" else "out"))
    assert run_command_line([command, str(tmp_path / "plan.json"), "--out", out]) == 2
    said = capsys.readouterr().err
    assert "unexpected" not in said
    assert "\x1b" not in said


def npy(header: str, content: bytes = b"") -> bytes:
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + content


@pytest.mark.parametrize(
    "header",
    ["{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}",
     "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
     "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}",
     "__import__('os').system('x')"],
    ids=["huge", "objects", "negative", "code"],
)  # fmt: skip
def test_a_pool_states_no_more_than_it_holds(header: str) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        packed.writestr(
            "header.npy", npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}", b"{}")
        )
        packed.writestr("numbers.npy", npy(header, b"\0" * 8))
    with pytest.raises(InvalidCutPool):
        read_pool(made.getvalue(), "cuts.npz")
