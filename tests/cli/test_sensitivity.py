"""``vorrat sensitivity``: usage, files and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import pytest
from pages import read

from models.results import Plan, Sensitivity
from optimizer.cli import run_command_line

TUTORIAL = str(Path(__file__).parents[2] / "scenarios" / "tutorial.yaml")
QUICK = ["--quiet", "--steps", "1", "--only", "capex"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_scenario_is_judged_by_its_best_plan(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["sensitivity", TUTORIAL, *QUICK, "--json", "--out", "out"]) == 0
    printed = capsys.readouterr().out
    found = Sensitivity.model_validate_json(printed)
    assert json.loads(printed) == json.loads((here / "out" / "sensitivity.json").read_text())
    assert [one.id for one in found.inputs] == ["capex"]
    assert (found.given, found.decision, found.seed) == (False, "same", None)
    assert run_command_line(["sensitivity", TUTORIAL, *QUICK, "--out", "out"]) == 2
    assert "--force" in capsys.readouterr().err


def test_a_saved_plan_is_judged_itself(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run_command_line(
            ["solve", TUTORIAL, "--quiet", "--out", "plan", "--variant", "half_the_fund"]
        )
        == 0
    )
    capsys.readouterr()
    assert run_command_line(["sensitivity", "plan", *QUICK, "--json"]) == 0
    found = Sensitivity.model_validate_json(capsys.readouterr().out)
    plan = Plan.model_validate_json((here / "plan" / "plan.json").read_text(encoding="utf-8"))
    assert (found.given, found.variant) == (True, "half_the_fund")
    assert found.projects == {item.id: item.start for item in plan.projects}
    assert found.input_sha256 == plan.certificate.input_sha256
    assert run_command_line(["sensitivity", "plan", *QUICK, "--variant", "small_tickets"]) == 2


def test_a_plan_that_was_not_decided_upon_is_reported_by_the_exit_code(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a limit ended the solve of the scenario as it is."""
    assert run_command_line(["sensitivity", TUTORIAL, *QUICK, "--out", "out"]) == 0
    found = Sensitivity.model_validate_json((here / "out" / "sensitivity.json").read_bytes())
    undecided = found.model_copy(update={"decision": "open"})
    monkeypatch.setattr(
        "optimizer.analyses.sensitivity.sensitivity_analysis.analyze_sensitivity",
        lambda *_, **__: undecided,
    )
    assert run_command_line(["sensitivity", TUTORIAL, *QUICK]) == 1


def test_a_page_and_a_workbook_are_made_of_it(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["sensitivity", TUTORIAL, *QUICK, "--out", "out"]) == 0
    assert "Where the decision turns" in capsys.readouterr().out
    assert run_command_line(["report", "out", "--language", "de"]) == 0
    page = read((here / "out" / "report.html").read_text(encoding="utf-8"))
    assert "Wo die Entscheidung kippt" in page.text
    assert run_command_line(["workbook", "out", "--out", "x.xlsx"]) == 0
    titles = [str(sheet["A1"].value) for sheet in openpyxl.load_workbook("x.xlsx").worksheets]
    assert "Where the decision turns" in titles


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--only", "flood"], "there is no assumption 'flood'; there are hazards, hazard."),
        (["--range", "capex"], "is not such as hazards=0.5..2"),
        (["--range", "capex=2..3"], "2..3 of capex does not hold 1"),
        (["--range", "capex=0.5..2", "--range", "capex=0.5..3"], "named twice"),
        (["--input", "horizon.first_years=1..2"], "no single number at horizon.first_years"),
        (["--input", "horizon.last_year=2028..2030"], "changes the years"),
    ],
)
def test_what_cannot_be_varied_is_refused(
    options: list[str], says: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["sensitivity", TUTORIAL, "--quiet", *options]) == 2
    assert says in capsys.readouterr().err
