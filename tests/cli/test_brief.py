"""``vorrat brief``: one page for those who decide, with what it has to find first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from saved_plans import tutorial

from models.results import Brief, Plan
from optimizer.cli import disk, run

TUTORIAL = str(Path("scenarios/tutorial.yaml").resolve())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan").mkdir()
    (tmp_path / "plan" / "plan.json").write_bytes(disk.document(tutorial()))
    return tmp_path


def test_it_finds_what_is_missing_and_keeps_it_beside_the_plan(folder, capsys):
    assert run(["brief", "plan", "--date", "Monday", "--author", "Somebody"]) == 0
    assert capsys.readouterr().out.split() == ["plan/brief.html", "plan/brief.docx"]
    assert (folder / "plan" / "evaluation.json").is_file()
    page = (folder / "plan" / "brief.html").read_text(encoding="utf-8")
    assert "Somebody, Monday." in page
    assert "compared with the best plan without public money" in page.lower()
    assert run(["brief", "plan"]) == 2  # nothing is overwritten unasked
    # What is there is not found once more.
    before = (folder / "plan" / "evaluation.json").stat().st_mtime_ns
    assert run(["brief", "plan", "--force", "--slides", "--out", "other"]) == 0
    assert (folder / "plan" / "evaluation.json").stat().st_mtime_ns == before
    assert sorted(path.name for path in (folder / "other").iterdir()) == [
        "brief.docx", "brief.html", "brief.pptx"
    ]  # fmt: skip


def test_as_it_is_it_says_what_is_not_known(folder, capsys):
    assert run(["brief", "plan", "--as-is", "--json"]) == 0
    told = Brief.model_validate(json.loads(capsys.readouterr().out))
    assert [one.to for one in told.increments] == ["nothing"]
    assert not (folder / "plan" / "evaluation.json").exists()
    assert "is not known here: vorrat evaluate finds it" in (
        folder / "plan" / "brief.html"
    ).read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_plan_of_a_comparison_is_compared_with_the_other_options(folder, capsys):
    assert run(["compare", TUTORIAL, "--variants", "--out", "options"]) == 0
    capsys.readouterr()
    asked = ["brief", "options", "--option", "small_tickets", "--json", "--out", "b"]
    assert run([*asked, "--as-is"]) == 0
    told = Brief.model_validate(json.loads(capsys.readouterr().out))
    assert told.variant == "small_tickets"
    plans = {
        path.parent.name: Plan.model_validate_json(path.read_bytes())
        for path in Path("options/plans").glob("*/plan.json")
    }
    own = plans["small_tickets"].outcome.expected
    for one in told.increments:
        if one.over is not None:
            assert one.left == plans[one.over].outcome.expected
            assert one.avoided == pytest.approx(one.left - own)
    # Compared with itself alone it is a plan as any other.
    assert run(["compare", TUTORIAL, "--out", "one"]) == 0
    assert run(["brief", "one", "--as-is"]) == 0
    assert run(["brief", "options", "--option", "none", "--as-is"]) == 2
    assert "There is no option 'none'" in capsys.readouterr().err


def test_what_is_no_plan_is_refused(folder, capsys):
    assert run(["brief", TUTORIAL]) == 2
    assert run(["brief", "plan", "--option", "base", "--as-is"]) == 2
    assert "--option goes with a comparison" in capsys.readouterr().err


def test_a_report_brings_its_brief(folder, capsys):
    assert run(["report", "plan", "--out", "my-report.html"]) == 0
    assert {path.name for path in folder.glob("my-*")} == {
        "my-report.html", "my-brief.html", "my-brief.docx"
    }  # fmt: skip
    assert run(["report", "plan", "--out", "page.html"]) == 0
    assert {path.name for path in folder.glob("page*")} == {
        "page.html", "page-brief.html", "page-brief.docx"
    }  # fmt: skip
