"""``vorrat explain``: options, files, texts and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import pytest

from models.results import Explanation
from optimizer.cli import run_command_line

ROOT = Path(__file__).parents[2]
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plan")
    tutorial = str(ROOT / "scenarios" / "tutorial.yaml")
    assert run_command_line(["solve", tutorial, "--out", str(folder), "--quiet"]) == 0
    return folder


def test_an_explanation_as_json_of_what_was_asked_for(solved: Path, capfd: Capture) -> None:
    args = ["--only", "refinery", "--no-values", "--jobs", "1", "--json", "--quiet"]
    assert run_command_line(["explain", str(solved), *args]) == 0
    found = Explanation.model_validate_json(capfd.readouterr().out)
    assert [one.id for one in found.items] == ["refinery"]
    assert found.values == ()
    assert found.items[0].regret is not None
    assert found.items[0].regret.objective == pytest.approx(33.5)


@pytest.mark.slow
def test_a_file_and_its_page(solved: Path, tmp_path: Path, capfd: Capture) -> None:
    args = ["--no-values", "--jobs", "1", "--quiet", "--out", str(tmp_path)]
    assert run_command_line(["explain", str(solved / "plan.json"), *args]) == 0
    assert "A refinery is in, decided in 2026." in capfd.readouterr().out
    assert run_command_line(["explain", str(solved), *args]) == 2
    assert "--force" in capfd.readouterr().err
    assert run_command_line(["report", str(tmp_path), "--language", "de"]) == 0
    assert "Warum dieser Plan?" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert run_command_line(["workbook", str(tmp_path), "--out", str(tmp_path / "why.xlsx")]) == 0
    sheets = openpyxl.load_workbook(tmp_path / "why.xlsx").worksheets
    assert any(cell.value == "A refinery" for sheet in sheets for row in sheet for cell in row)


def test_a_missing_file_is_refused(solved: Path, tmp_path: Path, capfd: Capture) -> None:
    assert run_command_line(["explain", str(solved), "--only", "atlantis"]) == 2
    assert "refinery, recycling, reserve" in capfd.readouterr().err
    plan = json.loads((solved / "plan.json").read_text(encoding="utf-8"))
    del plan["scenario"]
    (tmp_path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    assert run_command_line(["explain", str(tmp_path)]) == 2
    assert "does not carry its scenario" in capfd.readouterr().err
