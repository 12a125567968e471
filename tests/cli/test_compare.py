"""``vorrat compare``: scenario files, variants and saved plans together, and what has no plan.

The scenario: 100 t of ore are needed in 2026; the import is lost with a chance of one half. A works
for 10 million EUR delivers all of it, and a fund may carry it alone. Without the fund (`poor`) the
works that must be built cannot be paid for; `idle` builds nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from pages import read

from models.results import Comparison, Plan
from optimizer.cli import diagnostics, run_command_line
from optimizer.cli.output_files import safe_name
from optimizer.errors import CheckFailed, Interrupted, NoPlan
from optimizer.solve.session import Session

SCENARIO = """\
schema_version: 1
title: {en: Ore at home, de: Erz daheim}
horizon: {first_year: 2026, last_year: 2026}
materials: {ore: {name: {en: Ore, de: Erz}, price_eur_per_t: 10000}}
consumers: {industry: {}}
demand: [{consumer: industry, material: ore, t_per_year: 100}]
damage: [{material: ore, steps: [{share: 1.0, eur_per_t: 1000000}]}]
supply: [{material: ore, country: CN, share: 1.0}]
projects:
  works: {name: {en: Works, de: Werk}, country: DE, output_t_per_year: {ore: 100}, capex_meur: 10}
funders:
  fund:
    kind: public
    name: {en: Fund, de: Fonds}
    budget_meur: 20
    instruments: {equity: {offtake_per_share: 1.0, ticket_min_meur: 2,
                           budget_class: financial_transaction}}
hazards:
  cut: {annual_probability: 0.5, effects: [{country: CN, loss: [1.0]}]}
uncertainty:
  states:
    - {name: calm, probability: 0.5}
    - {name: cut, probability: 0.5, events: [{hazard: cut, start: 2026}]}
policy:
  must_build: [works]
variants:
  poor: {title: {en: Poor, de: Arm}, set: {funders.fund.budget_meur: 1}}
  idle: {title: {en: Idle, de: Untätig}, set: {policy.must_build: [], policy.max_projects: 0}}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("ore.yaml").write_text(SCENARIO, encoding="utf-8")
    return "ore.yaml"


def compared(capfd: pytest.CaptureFixture[str], *args: str, code: int = 0) -> Comparison:
    assert run_command_line(["compare", *args, "--json", "--quiet"]) == code
    return Comparison.model_validate_json(capfd.readouterr().out)


def labels(comparison: Comparison) -> list[str]:
    return [option.label for option in comparison.options]


def test_a_file_a_variant_and_a_saved_plan(file: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing but the works avoids the 50 million EUR that are expected."""
    assert run_command_line(["solve", file, "--out", "saved/before", "--quiet"]) == 0
    Path("saved/other.json").write_bytes(Path("saved/before/plan.json").read_bytes())
    capfd.readouterr()
    given = [file, f"{file}@idle", "saved/before", "saved/other.json", "saved/before/plan.json"]
    comparison = compared(capfd, *given)
    assert labels(comparison) == ["ore", "idle", "before", "other", "before-2"]
    assert comparison.base == "ore"
    expected = {d.option: d.expected for d in comparison.differences}
    assert expected == {
        "idle": pytest.approx(50),
        "before": pytest.approx(0),
        "other": pytest.approx(0),
        "before-2": pytest.approx(0),
    }
    assert comparison.options[1].title.de == "Untätig"
    assert comparison.unlike == ()


def cells(name: str) -> list[tuple[Any, ...]]:
    return [row for sheet in load_workbook(name) for row in sheet.iter_rows(values_only=True)]


@pytest.mark.slow
def test_a_folder_of_a_comparison_is_reported_on(
    file: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its page and its workbook are those of its plans side by side."""
    assert run_command_line(["compare", file, f"{file}@idle", "--out", "both", "--quiet"]) == 0
    capfd.readouterr()
    page = Path("both/report.html")
    assert run_command_line(["report", "both", "--excel", "both.xlsx"]) == 0
    assert capfd.readouterr().out.splitlines() == [str(page), "both.xlsx"]
    plans = ["both/plans/ore", "both/plans/idle"]
    assert run_command_line(["report", *plans, "--excel", "plans.xlsx", "--out", "plans.html"]) == 0
    assert page.read_bytes() == Path("plans.html").read_bytes()
    assert run_command_line(["workbook", "both", "--out", "again.xlsx"]) == 0
    assert cells("both.xlsx") == cells("plans.xlsx") == cells("again.xlsx")


def test_options_of_a_comparison_are_kept_in_its_page(file: str) -> None:
    """Its base, and that one option has no plan."""
    assert (
        run_command_line(
            ["compare", file, "--variants", "--base", "idle", "--out", "all", "--quiet"]
        )
        == 3
    )
    assert run_command_line(["report", "all/comparison.json"]) == 0
    text = read(Path("all/report.html").read_text(encoding="utf-8")).text
    assert "Compared with: Idle" in text
    assert "“Poor” is left out: no plan keeps all of these rules together." in text


@pytest.mark.slow
def test_a_comparison_is_reported_on_with_its_own_plans_alone(
    file: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["compare", file, f"{file}@idle", "--out", "both", "--quiet"]) == 0
    comparison, plan = Path("both/comparison.json"), Path("both/plans/ore/plan.json")
    capfd.readouterr()
    assert run_command_line(["report", "both", "both/plans/idle"]) == 2
    assert "do not go together" in capfd.readouterr().err
    plan.write_bytes(Path("both/plans/idle/plan.json").read_bytes())
    assert run_command_line(["report", "both"]) == 2
    assert f"'{plan}' is not the plan that '{comparison}' compares." in capfd.readouterr().err
    plan.unlink()
    assert run_command_line(["report", "both"]) == 2
    assert f"'{plan}' cannot be read" in capfd.readouterr().err


@pytest.mark.slow
def test_saved_plans_need_no_solver(file: str) -> None:
    assert run_command_line(["solve", file, "--out", "saved", "--quiet"]) == 0
    code = (
        "import sys\n"
        "from optimizer.cli import run_command_line as run\n"
        "assert run(['compare', 'saved', '--json']) == 0\n"
        "assert not {'pyomo', 'highspy', 'pandas'} & set(sys.modules)"
    )
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {root!r})\n{code}"],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()


def test_an_infeasible_option_does_not_lose_the_others(
    file: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["compare", file, "--variants", "--quiet", "--json"]) == 3
    out, err = capfd.readouterr()
    comparison = Comparison.model_validate_json(out)
    assert labels(comparison) == ["ore", "idle"]
    (failed,) = comparison.failed
    assert (failed.label, failed.reason, failed.title.de) == ("poor", "infeasible", "Arm")
    assert {rule.tag for rule in failed.conflict} >= {"P9"}
    assert all(rule.place.startswith("ore.yaml:") for rule in failed.conflict)
    assert "poor: No plan keeps all of these rules together" in err
    assert "P9 must_build" in err


def test_the_text_reports_failures(file: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["compare", file, f"{file}@poor", "--quiet"]) == 3
    assert "“Poor” is left out: no plan keeps all of these rules" in capfd.readouterr().out


def test_another_base_takes_the_place_of_one_without_a_plan(
    file: str, capfd: pytest.CaptureFixture[str]
) -> None:
    args = ["compare", f"{file}@poor", file, f"{file}@idle", "--json", "--quiet"]
    assert run_command_line([*args, "--base", "poor"]) == 3
    out, err = capfd.readouterr()
    assert Comparison.model_validate_json(out).base == "ore"
    assert "poor has no plan; the others are compared with ore." in err


def test_nothing_is_written_without_any_plan(file: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert (
        run_command_line(["compare", f"{file}@poor", "--json", "--quiet", "--out", "results"]) == 3
    )
    assert capfd.readouterr().out == ""
    assert not list(Path("results").rglob("*.json"))


def test_results_are_written_whole_and_not_overwritten(
    file: str, capfd: pytest.CaptureFixture[str]
) -> None:
    comparison = compared(capfd, file, f"{file}@idle", "--out", "results")
    written = Path("results/comparison.json").read_bytes()
    assert Comparison.model_validate_json(written) == comparison
    for label in ("ore", "idle"):
        plan = Plan.model_validate_json(Path(f"results/plans/{label}/plan.json").read_bytes())
        assert plan.variant == (None if label == "ore" else label)
    assert run_command_line(["compare", f"{file}@idle", "--out", "results"]) == 2
    assert "--force overwrites it" in capfd.readouterr().err
    Path("results/comparison.json").unlink()
    assert run_command_line(["compare", f"{file}@idle", "--out", "results"]) == 2
    assert "plan.json' exists already" in capfd.readouterr().err
    assert (
        run_command_line(["compare", f"{file}@idle", "--out", "results", "--force", "--quiet"]) == 0
    )
    capfd.readouterr()
    again = compared(capfd, "results/plans/ore", "results/plans/idle")
    assert again.options[0] == comparison.options[0]
    assert again.differences == comparison.differences


def test_two_files_of_one_name_keep_apart(file: str, capfd: pytest.CaptureFixture[str]) -> None:
    Path("other").mkdir()
    Path("other/ore.yaml").write_text(SCENARIO.replace("t_per_year: 100", "t_per_year: 90", 1))
    comparison = compared(capfd, file, "other/ore.yaml")
    assert labels(comparison) == ["ore", "ore-2"]
    # The first of them is the demand, the only 100 t a year that stand before the works.
    (unlike,) = comparison.unlike
    assert (unlike.subject, unlike.changes[0].path) == ("demand", "demand.0.t_per_year")
    assert comparison.differences[0].expected is None


def test_settings_and_budget_go_to_every_file(file: str, capfd: pytest.CaptureFixture[str]) -> None:
    comparison = compared(
        capfd, file, f"{file}@idle", "--set", "materials.ore.price_eur_per_t=5", "--budget", "15"
    )
    uses = [use for o in comparison.options for use in o.cost.budgets if use.funder is None]
    assert [use.granted_meur for use in uses] == [15, 15]
    assert comparison.changes["idle"] == tuple(
        change for change in comparison.changes["idle"] if change.path.startswith("policy.")
    )


def test_every_fault_of_every_file_is_reported(
    file: str, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("broken.yaml").write_text(SCENARIO.replace("capex_meur: 10", "capex_meur: -1"))
    assert run_command_line(["compare", file, "broken.yaml", "missing.yaml", f"{file}@nobody"]) == 2
    err = capfd.readouterr().err
    assert "broken.yaml" in err
    assert "missing.yaml" in err
    assert "there is no variant 'nobody'" in err


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["{file}", "--base", "other"], "--base other: there are the options ore"),
        (["{file}", "--year", "1999"], "--year 1999: the horizon of 'ore' is 2026 to 2026"),
        (["{file}", "--federal", "nobody"], "--federal nobody: the public funders are fund"),
        (["{file}@"], "names no variant behind the @"),
        (["folder"], "has no plan.json"),
        (["saved", "--variants"], "go with scenario files, and there is none"),
        (["saved", "--budget", "5"], "go with scenario files, and there is none"),
        (["frontier.json"], "holds no plan but 'frontier'"),
        (["broken.json"], "is no result of this version: title: Field required"),
        (["tampered.json"], "is no result of this version"),
        (["old.json"], "is of an earlier version: solve its scenario again"),
        (["{file}", "--reuse"], "name a folder, or --out"),
    ],
)
def test_what_matches_nothing_is_refused_before_any_solve(
    file: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    args: list[str],
    problem: str,
) -> None:
    assert run_command_line(["solve", file, "--out", "saved", "--quiet"]) == 0
    Path("folder").mkdir()
    Path("frontier.json").write_text('{"kind": "frontier"}')
    plan = json.loads(Path("saved/plan.json").read_bytes())
    Path("broken.json").write_text(json.dumps({k: x for k, x in plan.items() if k != "title"}))
    Path("old.json").write_text(json.dumps({k: x for k, x in plan.items() if k != "accounts"}))
    plan["scenario"]["horizon"]["last_year"] = 1990
    Path("tampered.json").write_text(json.dumps(plan))
    monkeypatch.setattr(Session, "ask_for_plan", unreachable)
    capfd.readouterr()
    assert run_command_line(["compare", *(arg.format(file=file) for arg in args)]) == 2
    # The message is broken into lines of a terminal's width.
    assert problem in " ".join(capfd.readouterr().err.split())


def unreachable(*_: Any, **__: Any) -> Plan:
    raise AssertionError("nothing was to be solved")


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [(NoPlan("too early"), 4, "no_plan"), (CheckFailed("the check fails"), 5, "failed")],
)
def test_other_failures_do_not_lose_the_others_either(
    file: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    code: int,
    reason: str,
) -> None:
    failing_for(monkeypatch, "idle", error)
    comparison = compared(capfd, file, f"{file}@idle", code=code)
    assert labels(comparison) == ["ore"]
    assert [(f.label, f.reason, f.message) for f in comparison.failed] == [
        ("idle", reason, str(error))
    ]


def failing_for(monkeypatch: pytest.MonkeyPatch, variant: str | None, error: Exception) -> None:
    """Let the solve of a variant end with an error."""
    real = Session.ask_for_plan

    def fail(own: Session, case: Any, title: str, of: str | None, **options: Any) -> Plan:
        if of == variant:
            raise error
        return real(own, case, title, of, **options)

    monkeypatch.setattr(Session, "ask_for_plan", fail)


def test_an_interrupt_keeps_what_is_solved(
    file: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_for(monkeypatch, "idle", Interrupted("stopped before any plan was found"))
    comparison = compared(capfd, file, f"{file}@idle", code=1)
    assert labels(comparison) == ["ore"]
    assert comparison.failed[0].message == "stopped before it was solved"


def test_an_interrupt_with_nothing_to_keep(
    file: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_for(monkeypatch, None, Interrupted("stopped before any plan was found"))
    assert run_command_line(["compare", file, "--quiet"]) == 130
    assert capfd.readouterr().out == ""


def test_a_plan_stopped_by_a_limit_answers_1(
    file: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Session.ask_for_plan

    def cut_short(*args: Any, **options: Any) -> Plan:
        found = real(*args, **options)
        certificate = found.certificate.model_copy(update={"status": "limit", "gap": 0.02})
        return found.model_copy(update={"certificate": certificate})

    monkeypatch.setattr(Session, "ask_for_plan", cut_short)
    assert run_command_line(["compare", file, f"{file}@idle", "--quiet"]) == 1
    assert "Stopped before the gap reached its target: all options." in capfd.readouterr().out


def test_larger_budgets_come_first_and_share_cuts(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("rich.yaml").write_text(SCENARIO.replace("budget_meur: 20", "budget_meur: 30"))
    solved: list[tuple[float, Any]] = []
    real = Session.ask_for_plan

    def seen(own: Session, case: Any, *about: Any, **options: Any) -> Plan:
        solved.append((float(case.funders["fund"].budget_meur), own.pool))
        return real(own, case, *about, **options)

    monkeypatch.setattr(Session, "ask_for_plan", seen)
    assert (
        run_command_line(["compare", file, f"{file}@poor", "rich.yaml", "--quiet", "--reuse=cuts"])
        == 3
    )
    assert [budget for budget, _ in solved] == [30, 20, 1]
    assert len({id(pool) for _, pool in solved}) == 1
    (kept,) = Path("cuts").iterdir()
    assert kept.name.startswith("cuts-")
    solved.clear()
    assert run_command_line(["compare", file, "--quiet", "--reuse=cuts"]) == 0
    assert solved[0][1].cuts


def test_in_german(file: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["compare", file, f"{file}@idle", "--language", "de", "--quiet"]) == 0
    out = capfd.readouterr().out
    assert out.startswith("Erz daheim\n")
    assert "verbleiben 50 Mio. EUR mehr Schaden als mit „Ausgangsfall“" in out
    assert "ohne Werk" in out


def test_progress_names_the_option(
    file: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from optimizer.model.highs import Progress

    real = Session.ask_for_plan

    def slow(*args: Any, **options: Any) -> Plan:
        options["on_progress"](Progress(1.0, 3.0, 2.0, 0.5, 7))
        return real(*args, **options)

    monkeypatch.setattr(Session, "ask_for_plan", slow)
    monkeypatch.setattr(diagnostics, "PROGRESS_LINE_SECONDS", 0.0)
    assert run_command_line(["compare", file, f"{file}@idle", "--json"]) == 0
    lines = [line for line in capfd.readouterr().err.splitlines() if "best" in line]
    assert list(dict.fromkeys(line.split()[0] for line in lines)) == ["ore", "idle"]


@pytest.mark.parametrize(
    ("label", "name"),
    [("fund_2500", "fund_2500"), ("a/b:c", "a_b_c"), ("..", "_"), ("con", "con_"), ("ä b", "ä_b")],
)
def test_labels_become_folders_anywhere(label: str, name: str) -> None:
    assert safe_name(label) == name


def test_a_file_with_an_at_in_its_name(file: str, capfd: pytest.CaptureFixture[str]) -> None:
    Path("ore@home.yaml").write_text(SCENARIO)
    assert labels(compared(capfd, "ore@home.yaml", "ore@home.yaml@idle")) == ["ore@home", "idle"]


@pytest.mark.slow
def test_a_comparison_without_its_plans_is_reported_on(file: str) -> None:
    """It does without their sections, and without sheets that hold what is left with each."""
    assert run_command_line(["compare", file, f"{file}@idle", "--out", "both", "--quiet"]) == 0
    Path("alone.json").write_bytes(Path("both/comparison.json").read_bytes())
    assert (
        run_command_line(["report", "alone.json", "--out", "alone.html", "--excel", "alone.xlsx"])
        == 0
    )
    assert "Compared with: Base case" in read(Path("alone.html").read_text(encoding="utf-8")).text
    assert run_command_line(["workbook", "both", "--out", "both.xlsx"]) == 0
    given, alone = ([row[0] for row in cells(f)] for f in ("both.xlsx", "alone.xlsx"))
    assert {"Public funding in all"} <= set(given) & set(alone)
