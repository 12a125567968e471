"""``vorrat workbook``: what it takes, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from openpyxl import load_workbook
from spreadsheets import records

from optimizer.cli import run_command_line

SCENARIO = Path(__file__).parents[2] / "scenarios" / "tutorial.yaml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plan of the tutorial."""
    made = tmp_path_factory.mktemp("solved") / "tutorial"
    assert run_command_line(["solve", str(SCENARIO), "--out", str(made), "--quiet"]) == 0
    return made


@pytest.mark.slow
def test_a_plan_becomes_a_workbook(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "results.xlsx"
    assert run_command_line(["workbook", str(folder), "--out", str(out)]) == 0
    assert load_workbook(out).sheetnames[0] == "Answer"
    assert run_command_line(["workbook", str(folder / "plan.json"), "--out", str(out)]) == 2
    again = ["workbook", str(folder / "plan.json"), "--out", str(out), "--force"]
    assert run_command_line([*again, "--language", "de"]) == 0
    assert load_workbook(out).sheetnames[0] == "Ergebnis"


def test_several_plans_stand_side_by_side(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "options.xlsx"
    assert run_command_line(["workbook", str(folder), str(folder), "--out", str(out)]) == 0
    book = load_workbook(out, data_only=True)
    assert book.sheetnames[0] == "The options at a glance"
    assert list(records(book["Benefits"], "Figure")[0])[:3] == ["Figure", "tutorial", "tutorial-2"]


@pytest.mark.parametrize(
    ("given", "out", "says"),
    [
        (str(SCENARIO), "x.xlsx", "is no saved result"),
        ("nowhere.json", "x.xlsx", "'nowhere.json' cannot be read"),
        ("", "x.csv", "a workbook's name ends in .xlsx"),
    ],
)
def test_what_is_refused(
    given: str, out: str, says: str, folder: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert run_command_line(["workbook", given or str(folder), "--out", str(tmp_path / out)]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / out).exists()


def test_another_result_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "target.json"
    path.write_text(json.dumps({"kind": "target"}), encoding="utf-8")
    assert run_command_line(["workbook", str(path), "--out", str(tmp_path / "x.xlsx")]) == 2
    assert "is no result of this version" in capsys.readouterr().err


@pytest.mark.slow
def test_a_frontier_beside_a_plan_gets_a_sheet(tmp_path: Path) -> None:
    folder, out = tmp_path / "results", tmp_path / "x.xlsx"
    assert run_command_line(["solve", str(SCENARIO), "--out", str(folder), "--quiet"]) == 0
    drawn = ["frontier", str(SCENARIO), "--points", "3", "--out", str(folder), "--quiet"]
    assert run_command_line(drawn) == 0
    assert run_command_line(["workbook", str(folder), "--out", str(out)]) == 0
    assert "Frontier" in load_workbook(out).sheetnames


@pytest.mark.slow
def test_a_report_can_bring_its_workbook(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, out = tmp_path / "x.html", tmp_path / "books" / "x.xlsx"
    capsys.readouterr()
    args = ["report", str(folder), "--out", str(page), "--excel", str(out)]
    assert run_command_line(args) == 0
    briefs = [str(tmp_path / f"x-brief.{kind}") for kind in ("html", "docx")]
    assert capsys.readouterr().out.splitlines() == [str(page), str(out), *briefs]
    assert load_workbook(out).sheetnames[0] == "Answer"
    page.unlink()
    assert run_command_line(args) == 2
    assert not page.exists()
    assert run_command_line([*args[:-1], str(tmp_path / "x.xls")]) == 2
