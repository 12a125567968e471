"""``vorrat brief``: one page for those who decide, with what it has to find first."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from saved_plans import tutorial

from models.results import Brief, Plan
from models.results.comparison import FunderView
from models.scenario.references import Case
from optimizer.cli import output_files, run_command_line
from optimizer.solve.planner import solve_to_plan as best_plan

TUTORIAL = str(Path("scenarios/tutorial.yaml").resolve())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan").mkdir()
    (tmp_path / "plan" / "plan.json").write_bytes(output_files.to_json_bytes(tutorial()))
    return tmp_path


@pytest.mark.slow
def test_missing_results_are_computed_and_saved_with_the_plan(folder, capsys):
    assert run_command_line(["brief", "plan", "--date", "Monday", "--author", "Somebody"]) == 0
    assert capsys.readouterr().out.split() == ["plan/brief.html", "plan/brief.docx"]
    assert (folder / "plan" / "evaluation.json").is_file()
    page = (folder / "plan" / "brief.html").read_text(encoding="utf-8")
    assert "Somebody, Monday." in page
    assert "compared with the best plan without public money" in page.lower()
    assert run_command_line(["brief", "plan"]) == 2  # nothing is overwritten unasked
    # What is there is not found once more.
    before = (folder / "plan" / "evaluation.json").stat().st_mtime_ns
    assert run_command_line(["brief", "plan", "--force", "--out", "other"]) == 0
    assert (folder / "plan" / "evaluation.json").stat().st_mtime_ns == before
    assert sorted(path.name for path in (folder / "other").iterdir()) == [
        "brief.docx", "brief.html"
    ]  # fmt: skip


def test_unknown_figures_are_reported_as_such(folder, capsys):
    assert run_command_line(["brief", "plan", "--as-is", "--json"]) == 0
    reported = Brief.model_validate(json.loads(capsys.readouterr().out))
    assert [one.to for one in reported.increments] == ["nothing"]
    assert not (folder / "plan" / "evaluation.json").exists()
    assert "takes an evaluation of its own (vorrat evaluate)" in (
        folder / "plan" / "brief.html"
    ).read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_plan_of_a_comparison_is_compared_with_the_other_options(folder, capsys):
    assert run_command_line(["compare", TUTORIAL, "--variants", "--out", "options"]) == 0
    capsys.readouterr()
    asked = ["brief", "options", "--option", "small_tickets", "--json", "--out", "b"]
    assert run_command_line([*asked, "--as-is"]) == 0
    reported = Brief.model_validate(json.loads(capsys.readouterr().out))
    assert reported.variant == "small_tickets"
    plans = {
        path.parent.name: Plan.model_validate_json(path.read_bytes())
        for path in Path("options/plans").glob("*/plan.json")
    }
    own = plans["small_tickets"].outcome.expected
    for one in reported.increments:
        if one.over is not None:
            assert one.left == plans[one.over].outcome.expected
            assert one.avoided == pytest.approx(one.left - own)
    # Compared with itself alone it is a plan as any other.
    assert run_command_line(["compare", TUTORIAL, "--out", "one"]) == 0
    assert run_command_line(["brief", "one", "--as-is"]) == 0
    assert run_command_line(["brief", "options", "--option", "none", "--as-is"]) == 2
    assert "There is no option 'none'" in capsys.readouterr().err


@pytest.mark.slow
def test_the_options_as_one_company_sees_them(folder, capsys):
    solved = {}
    for name, budget in (("little", 10), ("much", 15)):
        raw = tutorial().case.model_dump(mode="json")
        payer = next(f for f, one in raw["funders"].items() if one["kind"] == "company")
        raw["funders"][payer]["budget_meur"] = budget
        solved[name] = best_plan(Case.model_validate(raw))
        (folder / name).mkdir()
        (folder / name / "plan.json").write_bytes(output_files.to_json_bytes(solved[name]))
    assert (
        run_command_line(["brief", "little", "much", "--for", payer, "--out", "own", "--json"]) == 0
    )
    view = FunderView.model_validate(json.loads(capsys.readouterr().out))
    assert (view.funder, list(view.options)) == (payer, ["little", "much"])
    page = (folder / "own" / f"brief-{payer}.html").read_text(encoding="utf-8")
    assert "2 options are compared" in page
    assert (folder / "own" / f"brief-{payer}.docx").is_file()
    assert (
        run_command_line(["brief", "little", "much", "--for", payer, "--out", "own"]) == 2
    )  # they are there
    assert run_command_line(["brief", "little", "much", "--for", payer]) == 0
    assert capsys.readouterr().out.split() == [f"brief-{payer}.html", f"brief-{payer}.docx"]
    for wrong, said in (
        (["little", "much", "--for", "nobody"], f"there are {payer}."),
        (["little", "--for", payer], "Give a comparison with its plans, or several plans."),
        (["little", "much", "--for", payer, "--explain"], "--for does not go with"),
    ):
        assert run_command_line(["brief", *wrong]) == 2
        assert said in capsys.readouterr().err


@pytest.mark.slow
def test_no_document_shows_the_hash_of_the_scenario(folder, capsys):
    """Who knows all figures but one would find it by trying values until the hash is met."""
    raw = tutorial().case.model_dump(mode="json")
    payer = next(f for f, one in raw["funders"].items() if one["kind"] == "company")
    (folder / "other").mkdir()
    (folder / "other" / "plan.json").write_bytes(output_files.to_json_bytes(tutorial()))
    sent = folder / "sent"
    for line in (
        ["report", "plan", "--out", "sent/report.html"],
        ["report", "plan", "other", "--out", "sent/options.html"],
        ["brief", "plan", "--as-is", "--out", "sent", "--force"],
        ["brief", "plan", "other", "--for", payer, "--out", "sent"],
        ["workbook", "plan", "--out", "sent/plan.xlsx"],
        ["workbook", "plan", "other", "--out", "sent/options.xlsx"],
    ):
        assert run_command_line(line) == 0
    digest = tutorial().certificate.input_sha256[:8].encode()
    assert len(list(sent.iterdir())) >= 7
    for path in sent.iterdir():
        parts = [path.read_bytes()]
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as packed:
                parts = [packed.read(name) for name in packed.namelist()]
        assert not any(digest in part for part in parts), path.name
    assert digest.decode() not in capsys.readouterr().out


def test_a_file_that_is_no_plan_is_refused(folder, capsys):
    assert run_command_line(["brief", TUTORIAL]) == 2
    assert run_command_line(["brief", "plan", "--option", "base", "--as-is"]) == 2
    assert "--option goes with a comparison" in capsys.readouterr().err


def test_a_report_brings_its_brief(folder, capsys):
    assert run_command_line(["report", "plan", "--out", "my-report.html"]) == 0
    assert {path.name for path in folder.glob("my-*")} == {
        "my-report.html", "my-brief.html", "my-brief.docx"
    }  # fmt: skip
    assert run_command_line(["report", "plan", "--out", "page.html"]) == 0
    assert {path.name for path in folder.glob("page*")} == {
        "page.html", "page-brief.html", "page-brief.docx"
    }  # fmt: skip


@pytest.mark.slow
def test_a_report_leaves_a_brief_that_is_there(folder, capsys):
    """It may say who wrote it; only --force replaces it, and what is written is named."""
    assert run_command_line(["brief", "plan", "--as-is", "--author", "Somebody"]) == 0
    capsys.readouterr()
    assert run_command_line(["report", "plan"]) == 0
    reported = capsys.readouterr()
    assert reported.out.split() == ["plan/report.html"]
    assert "'plan/brief.html' is there already, and stays as it is." in reported.err
    page = folder / "plan" / "brief.html"
    assert "Somebody" in page.read_text(encoding="utf-8")
    assert run_command_line(["report", "plan", "--force"]) == 0
    assert "plan/brief.html" in capsys.readouterr().out
    assert "Somebody" not in page.read_text(encoding="utf-8")


@pytest.mark.slow
def test_results_of_another_plan_are_ignored_and_recomputed(folder, capsys):
    """Two plans in one folder have their results apart, and an old result blocks nothing."""
    other = tutorial().model_copy(update={"title": "Another"})
    plain = folder / "plan"
    for name, plan in (("a-plan.json", tutorial()), ("b-plan.json", other)):
        (plain / name).write_bytes(output_files.to_json_bytes(plan))
    evaluate = ["--quick", "--states=100", "--out", "plan"]
    assert run_command_line(["evaluate", "plan", *evaluate]) == 0
    less = ["--set", "funders.fund.budget_meur=1"]
    changed = run_command_line(["solve", TUTORIAL, *less, "--out", "plan", "--force"])
    assert changed == 0
    capsys.readouterr()
    assert run_command_line(["report", "plan", "--force"]) == 0
    assert "plan/evaluation.json' is of another plan than" in capsys.readouterr().err
    (plain / "evaluation.json").unlink()
    for name in ("a-plan.json", "b-plan.json"):
        assert run_command_line(["brief", f"plan/{name}", "--force"]) == 0
        assert (plain / f"{name[0]}-more" / "evaluation.json").is_file()


def test_a_comparison_of_one_option_has_a_report(folder):
    assert run_command_line(["compare", TUTORIAL, "--out", "one"]) == 0
    assert run_command_line(["report", "one"]) == 0
    assert {path.name for path in (folder / "one").glob("*.html")} == {"report.html"}
    assert run_command_line(["brief", "one", "--as-is"]) == 0
    assert (folder / "one" / "brief.html").is_file()
