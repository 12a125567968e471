"""``vorrat report``: which files it takes, what it writes where, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from one_point import frontier
from pages import read
from saved_plans import nothing, rich, tutorial

from models.results import Plan
from optimizer.cli import run_command_line

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "scenarios" / "tutorial.yaml"


def save(plan: Plan, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plan.json").write_text(plan.model_dump_json(), encoding="utf-8")
    return folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a plan in ``first`` and another in ``second``."""
    monkeypatch.chdir(tmp_path)
    save(rich(), tmp_path / "first")
    save(tutorial(), tmp_path / "second")
    return tmp_path


def error_of(args: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The last line of what a refused call says."""
    assert run_command_line(["report", *args]) == 2
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.quick(1)
@pytest.mark.parametrize("given", ["first", "first/plan.json"])
def test_the_page_is_saved_next_to_the_plan(
    given: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["report", given]) == 0
    names = ("report.html", "brief.html", "brief.docx")
    assert capsys.readouterr().out == "".join(f"{Path('first') / name}\n" for name in names)
    page = (folder / "first" / "report.html").read_text(encoding="utf-8")
    assert "Everything" in read(page).text


def test_several_plans_are_compared_in_the_current_folder(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(nothing(), folder / "third")
    assert run_command_line(["report", "first", "third"]) == 0
    assert capsys.readouterr().out == "report.html\n"
    root = read((folder / "report.html").read_text(encoding="utf-8"))
    (table,) = [t for t in root.all("table") if t.attributes["data-name"] == "options"]
    assert "first" in table.text
    assert "third" in table.text


def test_the_language_is_that_of_the_option(folder: Path) -> None:
    assert run_command_line(["report", "first", "--language", "de", "--out", "bericht.html"]) == 0
    (html,) = read((folder / "bericht.html").read_text(encoding="utf-8")).all("html")
    assert html.attributes["lang"] == "de"


@pytest.mark.slow
@pytest.mark.drawn
def test_charts_are_written_as_svg_and_png(folder: Path) -> None:
    assert run_command_line(["report", "first", "--charts", "pictures"]) == 0
    names = sorted(path.name for path in (folder / "pictures").iterdir())
    assert names[:2] == ["01-against.png", "01-against.svg"]
    assert "02-timeline-projects.svg" in names
    assert {name.partition(".")[2] for name in names} == {"png", "svg"}
    page = (folder / "first" / "report.html").read_text(encoding="utf-8")
    assert len(names) == 2 * page.count("<svg ")


@pytest.mark.slow
def test_nothing_is_overwritten_unless_asked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["report", "first", "--charts", "pictures"]) == 0
    page, chart = folder / "first" / "report.html", folder / "pictures" / "01-against.svg"
    page.write_text("mine")
    assert "report.html' exists already" in error_of(["first"], capsys)
    chart.write_text("mine")
    said = error_of(["first", "--out", "other.html", "--charts", "pictures"], capsys)
    assert "exists already" in said
    assert not (folder / "other.html").exists()
    assert page.read_text() == chart.read_text() == "mine"
    assert run_command_line(["report", "first", "--charts", "pictures", "--force"]) == 0
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert chart.read_text(encoding="utf-8").startswith("<?xml")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is no saved result: it is not JSON."),
        ("[]", "holds no result but something else; reports are made of what commands write"),
        ('{"kind": "infeasible"}', "holds no result but 'infeasible'"),
        ('{"kind": "target"}', "is no result of this version"),
        ('{"kind": "plan"}', "is no result of this version: title: Field required."),
    ],
)
def test_a_file_that_is_no_plan_is_refused(
    content: str, said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "other.json").write_text(content, encoding="utf-8")
    assert said in error_of(["other.json"], capsys)


def test_a_plan_without_its_scenario_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = rich().model_dump(mode="json") | {"scenario": None}
    (folder / "old.json").write_text(json.dumps(raw), encoding="utf-8")
    assert "does not carry its scenario" in error_of(["old.json"], capsys)


def test_a_scenario_that_was_tampered_with_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = rich().model_dump(mode="json")
    raw["scenario"]["horizon"]["first_year"] = "soon"
    (folder / "odd.json").write_text(json.dumps(raw), encoding="utf-8")
    assert "is no result of this version: horizon.first_year" in error_of(["odd.json"], capsys)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["missing.json"], "'missing.json' cannot be read: no such file or directory."),
        (["."], "the folder '.' has no result such as plan.json."),
    ],
)
def test_a_missing_item_is_reported(
    args: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert error_of(args, capsys) == f"Error: {said}"


@pytest.mark.slow
def test_a_frontier_given_with_the_plan_gets_a_section(folder: Path) -> None:
    content = frontier(tutorial(), "funders.fund.budget_meur", 7.0)
    (folder / "second" / "frontier.json").write_text(content, encoding="utf-8")
    assert run_command_line(["report", "second"]) == 0
    page = (folder / "second" / "report.html").read_text(encoding="utf-8")
    assert 'data-name="frontier"' in page
    (folder / "given.json").write_text(content, encoding="utf-8")
    (folder / "second" / "frontier.json").unlink()
    assert run_command_line(["report", "second", "given.json", "--out", "with.html"]) == 0
    assert (folder / "with.html").read_text(encoding="utf-8") == page


def test_a_frontier_has_to_be_of_the_same_scenario(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = frontier(tutorial(), "funders.fund.budget_meur", 7.0)
    (folder / "f.json").write_text(content, encoding="utf-8")
    assert "another scenario" in error_of(["first", "f.json"], capsys)
    assert "do not go together" in error_of(["second", "f.json", "f.json"], capsys)
    assert "do not go together" in error_of(["first", "second", "f.json"], capsys)


@pytest.mark.slow
def test_no_solver_is_started(folder: Path) -> None:
    code = (
        "import sys; from optimizer.cli import run_command_line as run; "
        "assert run(['report', 'first']) == 0; "
        "assert run(['report', 'first', 'second']) == 0; "
        "print(sorted({'highspy', 'pyomo', 'numba'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("asked", "table"),
    [
        (["frontier", "--values", "0,20"], "frontier"),
        (["batch", "--grid", "policy.budget_meur=0,20"], "runs"),
        (["target", "--reduce", "10%"], "trials"),
        (["compare", "--variants"], "options"),
    ],
    ids=["frontier", "batch", "target", "compare"],
)
def test_any_folder_that_a_command_wrote_has_a_page_and_a_workbook(
    asked: list[str], table: str, folder: Path
) -> None:
    command, *options = asked
    assert run_command_line([command, str(TUTORIAL), *options, "--out", "found", "--quiet"]) == 0
    assert run_command_line(["report", "found", "--out", "x.html", "--excel", "x.xlsx"]) == 0
    assert f'data-name="{table}"' in (folder / "x.html").read_text(encoding="utf-8")
    assert (folder / "x.xlsx").stat().st_size > 0


@pytest.mark.slow
def test_several_results_of_one_kind_stand_side_by_side(folder: Path) -> None:
    for values in ("0,10", "0,20"):
        frontier_of = ["frontier", str(TUTORIAL), "--values", values, "--out", values, "--quiet"]
        assert run_command_line(frontier_of) == 0
    assert run_command_line(["report", "0,10", "0,20", "--out", "x.html", "--excel", "x.xlsx"]) == 0
    page = (folder / "x.html").read_text(encoding="utf-8")
    assert 'data-name="frontier-0-10"' in page
    assert 'data-name="frontier-0-20"' in page
    assert page.count('<section id="points"') == 1
