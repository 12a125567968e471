"""``vorrat run``: from a workbook to its output files, and a list of faults next to it."""

from __future__ import annotations

import html
import shutil
from functools import partial
from pathlib import Path

import pytest
from openpyxl import load_workbook
from small import CHINA, case, cut, solve
from workbooks import TUTORIAL, set_cell, setting, tutorial_book

from models.files import read_case
from models.results import Plan
from optimizer.analyses.analysis_options import EvaluateOptions, StressOptions, parse_events
from optimizer.cli import further_analyses, run_command_line, solve_commands
from optimizer.cli.analysis_commands import run_nested
from optimizer.cli.report import BRIEF_FILES, PLAN_FILE, REPORT_FILE, RESULTS_FILE
from optimizer.solve.checked_solution import input_hash

NAMES = (PLAN_FILE, REPORT_FILE, RESULTS_FILE, *BRIEF_FILES)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    place = tmp_path / "Öl & Erz (neu)"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def plan_of(path):
    return Plan.model_validate_json(path.read_text(encoding="utf-8"))


def faults_of(path, name="Faults"):
    return load_workbook(path.with_name(f"{path.stem}-faults.xlsx"))[name]


def break_capex(book):
    set_cell(book, "Projects", "capex_meur", 5, "1,4")


def no_plan(book):
    """The second project has to be built, and is too small for any ticket."""
    setting(book, "policy.must_build").value = "recycling"


@pytest.mark.slow
def test_a_workbook_gets_its_results_beside_it(folder, capsys):
    tutorial_book(folder)
    assert run_command_line(["run", "book.xlsx", "--quiet"]) == 0
    made = sorted(path.name for path in folder.iterdir())
    assert made == sorted(["book.xlsx", *(f"book-{name}" for name in NAMES)])
    out, err = capsys.readouterr()
    assert err == ""
    assert out.splitlines() == [
        "Done. These files are written:",
        *(f"  book-{name}" for name in NAMES),
    ]
    certificate = plan_of(folder / "book-plan.json").certificate
    assert certificate.input_sha256 == input_hash(read_case(TUTORIAL).case)
    assert run_command_line(["run", "book.xlsx", "--quiet"]) == 0  # results are replaced


def test_yaml_does_as_well_and_a_variant_has_its_own_files(folder):
    shutil.copy(TUTORIAL, folder / "mine.yaml")
    assert (
        run_command_line(["run", "mine.yaml", "--variant", "no_company", "--out", "new", "--quiet"])
        == 0
    )
    plan = plan_of(folder / "new" / "mine-no_company-plan.json")
    assert plan.variant == "no_company"


@pytest.mark.slow
def test_faults_are_listed_beside_the_workbook_until_there_are_none(folder, capsys):
    path = tutorial_book(folder, break_capex)
    before = path.read_bytes()
    assert run_command_line(["run", "book.xlsx", "--quiet"]) == 2
    err = capsys.readouterr().err
    assert "All of this is in book-faults.xlsx, with links to the cells." in err
    assert path.read_bytes() == before
    sheet = faults_of(path)
    assert [cell.value for cell in sheet[4]][1:5] == [
        "Error",
        "Projects",
        sheet["D4"].value,
        "'1,4' is a text where a number belongs",
    ]
    assert sheet["D4"].hyperlink.target == "book.xlsx"
    assert sheet["D4"].hyperlink.location == f"'Projects'!{sheet['D4'].value}"
    assert not (folder / "book-plan.json").exists()

    book = load_workbook(path)
    set_cell(book, "Projects", "capex_meur", 5, 40)
    book.save(path)
    assert run_command_line(["run", "book.xlsx", "--quiet"]) == 0
    assert not (folder / "book-faults.xlsx").exists()


@pytest.mark.slow
def test_a_conflict_is_reported_with_the_cells_of_its_rules(folder, capsys):
    path = tutorial_book(folder, no_plan)
    assert run_command_line(["run", "book.xlsx", "--quiet"]) == 3
    assert "No plan keeps all of these rules together" in capsys.readouterr().err
    sheet = faults_of(path)
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=4)]
    assert {row[1] for row in rows} == {"Rule"}
    assert any(row[2] == "Settings" and "must_build" in row[4] for row in rows)


@pytest.mark.slow
def test_a_list_in_another_folder_leads_back_to_the_workbook(folder):
    tutorial_book(folder, break_capex)
    assert run_command_line(["run", "book.xlsx", "--quiet", "--out", "new"]) == 2
    assert not (folder / "book-faults.xlsx").exists()
    link = load_workbook(folder / "new" / "book-faults.xlsx").active["D4"].hyperlink
    assert link.target == "../book.xlsx"


@pytest.mark.slow
def test_a_list_that_cannot_be_written_is_reported(folder, monkeypatch, capsys):
    tutorial_book(folder, break_capex)

    def refuse(self, target):
        raise PermissionError(13, "in use")

    monkeypatch.setattr(Path, "replace", refuse)
    assert run_command_line(["run", "book.xlsx", "--quiet"]) == 2
    assert "'book-faults.xlsx' cannot be written: the faults are above." in capsys.readouterr().err


@pytest.mark.slow
def test_results_opened_while_it_solves_are_not_lost(folder, monkeypatch, capsys):
    tutorial_book(folder)
    replace = Path.replace

    def refuse(self, target):
        if target.name == "book-plan.json":
            raise PermissionError(13, "in use")
        return replace(self, target)

    (folder / "book-plan.json").write_text("shown", encoding="utf-8")
    monkeypatch.setattr(Path, "replace", refuse)
    assert run_command_line(["run", "book.xlsx", "--quiet"]) == 0
    assert "book-plan-new.json" in capsys.readouterr().out
    assert (folder / "book-plan.json").read_text(encoding="utf-8") == "shown"
    assert plan_of(folder / "book-plan-new.json").certificate.status == "optimal"


def run_module():
    import importlib

    return importlib.import_module("optimizer.cli.solve_commands")


@pytest.mark.slow
def test_a_german_workbook_is_answered_in_german(folder, capsys):
    assert run_command_line(["init", "--excel", "mappe.xlsx", "--language", "de"]) == 0
    path = folder / "mappe.xlsx"
    book = load_workbook(path)
    set_cell(book, "Projekte", "capex_meur", 5, "1,4")
    book.save(path)
    assert solve_commands.workbook_language(path) == "de"
    assert run_command_line(["run", "mappe.xlsx", "--quiet"]) == 2
    assert "'1,4' is a text where a number belongs" in capsys.readouterr().err
    assert faults_of(path, "Fehler")["B4"].value == "Fehler"
    assert run_command_line(["run", "mappe.xlsx", "--quiet", "--language", "en"]) == 2
    assert "is a text where a number belongs" in capsys.readouterr().err


def test_a_fault_of_an_included_file_is_reported_with_its_line(folder):
    (folder / "parts.yaml").write_text("policy:\n  max_projects: -1\n", encoding="utf-8")

    def include(book):
        setting(book, "include").value = "parts.yaml"

    path = tutorial_book(folder, include)
    assert run_command_line(["run", "book.xlsx", "--quiet"]) == 2
    sheet = faults_of(path)
    assert sheet.max_row == 4
    assert [sheet["C4"].value or "", sheet["D4"].value] == ["", "parts.yaml:2:17"]
    assert sheet["D4"].hyperlink is None


@pytest.mark.slow
def test_what_is_made_opens_when_asked(folder, monkeypatch):
    tutorial_book(folder)
    opened = []
    monkeypatch.setattr(run_module(), "_open_file", opened.append)
    assert run_command_line(["run", "book.xlsx", "--quiet", "--open"]) == 0
    tutorial_book(folder, break_capex)
    assert run_command_line(["run", "book.xlsx", "--quiet", "--open"]) == 2
    assert [path.suffix for path in opened] == [".html", ".xlsx"]


@pytest.mark.slow
def test_progress_is_shown(folder, capsys):
    tutorial_book(folder)
    assert run_command_line(["run", "book.xlsx", "--time-limit", "1000"]) == 0
    assert "1 material, 2 projects" in capsys.readouterr().err


def test_what_is_not_there(folder, capsys):
    assert run_command_line(["run", "book.xlsx"]) == 2
    assert "cannot be read" in capsys.readouterr().err
    assert list(folder.iterdir()) == []


@pytest.mark.slow
def test_everything_goes_into_the_report_and_the_options_have_their_own(folder, capsys):
    """All results are saved with the plan, and each is in the report."""
    asked = """
review: {year: 2028, observe: [{hazard: export_stop}], in_plans: false}
assumptions:
  as_filed: {weight: 0.5}
  dear: {weight: 0.5, set: {damage.0.steps.1.eur_per_t: 9000000}}
"""
    (folder / "case.yaml").write_text(TUTORIAL.read_text("utf-8") + asked, encoding="utf-8")
    assert run_command_line(["run", "case.yaml", "--everything", "--quiet"]) == 0
    made = {path.name for path in folder.iterdir()}
    assert made == {"case.yaml", "case-more", "case-options.html", *(f"case-{n}" for n in NAMES)}
    more = {path.name for path in (folder / "case-more").iterdir()}
    assert {"evaluation.json", "stress.json", "frontier.json", "options"} <= more
    assert {"disagreement.json", "waiting.json"} <= more
    # No step overwrites the plans of another, nor leaves one where that of the run is looked for.
    assert {"sets", "review", "plans"} <= more
    assert "plan.json" not in more
    page = (folder / "case-report.html").read_text(encoding="utf-8")
    assert {
        f'<section id="{one}"' in page
        for one in ("unsure", "frontier", "disagreement", "waiting", "stress")
    } == {True}
    brief = (folder / "case-brief.html").read_text(encoding="utf-8")
    assert "What can be left to 2028" in brief
    assert "compared with the best plan without public money" in brief.lower()
    title = read_case(TUTORIAL).case.variants["small_tickets"].title
    options = (folder / "case-options.html").read_text(encoding="utf-8")
    assert title is not None
    assert html.escape(title.in_language("en"), quote=False) in options
    assert "failed" not in capsys.readouterr().out


def test_the_event_of_the_stress_test_takes_the_most_over_both_years():
    """Of two years of imports, all of one is half of both; 0.6 of each is more."""
    losses = {"spike": [1.0], "slump": [0.6, 0.6]}
    hazards = {name: cut(loss)["cut"] for name, loss in losses.items()}
    plan = solve(case(2027, supply=CHINA, hazards=hazards))
    assert further_analyses._worst_event(plan) == "slump 2027"


def only_evaluated(*_):
    """The first step alone, and one that fails."""
    out = Path("case-more")
    plan = Path("case-plan.json")
    quick = EvaluateOptions(quick=True, states=100)
    evaluate = partial(run_nested, "evaluate", plan, quick, out)
    yield "fresh states", out / "evaluation.json", evaluate
    unknown = StressOptions(events=parse_events(("nothing 2027",)))
    yield "nothing", out / "stress.json", partial(run_nested, "stress", plan, unknown, out)


@pytest.mark.slow
def test_further_files_are_written_in_the_language_of_the_run(folder, monkeypatch, capsys):
    """The exit code reports a failed step, too; results of an earlier run are ignored."""
    shutil.copy(TUTORIAL, folder / "case.yaml")
    (folder / "case-more").mkdir()
    (folder / "case-more" / "stress.json").write_text("of an earlier run", encoding="utf-8")
    (folder / "case-results.xlsx").write_text("shown", encoding="utf-8")
    replace = Path.replace

    def refuse(self, target):
        if target.name == "case-results.xlsx":
            raise PermissionError(13, "in use")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr(further_analyses, "_analysis_steps", only_evaluated)
    assert (
        run_command_line(["run", "case.yaml", "--everything", "--quiet", "--language", "de"]) == 1
    )
    reported = capsys.readouterr().out.splitlines()
    assert reported.count("That failed; what was found before is kept.") == 1
    assert reported[-len(NAMES) :] == [
        f"  case-{name.replace('results', 'results-new')}" for name in NAMES
    ]
    for name in ("case-report.html", "case-brief.html"):
        assert '<html lang="de">' in (folder / name).read_text(encoding="utf-8")
    assert 'id="unsure"' in (folder / "case-report.html").read_text(encoding="utf-8")
    assert (folder / "case-results.xlsx").read_text(encoding="utf-8") == "shown"
