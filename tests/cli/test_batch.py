"""``vorrat batch``: what is solved, what is kept of it, and what becomes of what goes wrong.

The scenario: 100 t of ore are needed in 2026; the import is lost with a chance of one half. A works
for 10 million EUR delivers all of it. Without it, half of 100 million EUR is to be expected. It has
to be built, so that a fund of 1 million has no plan.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from documents import is_whole_in_all_media, text_of
from sleeping import gone

from models.language import Language, translations
from models.results import Batch, BatchRun, Plan
from optimizer.analyses.batch import batch_solving
from optimizer.cli import child_process, run_command_line
from optimizer.cli.batch import LEDGER_FILE, LOCK_FILE, lock_folder
from optimizer.cli.supervisor import CHILD_CODE
from optimizer.errors import NoPlan, OutOfMemory, SolverError, WorkerDied

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "scenarios" / "tutorial.yaml"

SCENARIO = """\
schema_version: 1
title: {en: Ore at home, de: Erz daheim}
horizon: {first_year: 2026, last_year: 2026}
materials: {ore: {price_eur_per_t: 10000}}
consumers: {industry: {}}
demand: [{consumer: industry, material: ore, t_per_year: 100}]
damage: [{material: ore, steps: [{share: 1.0, eur_per_t: 1000000}]}]
supply: [{material: ore, country: CN, share: 1.0}]
projects:
  works: {country: DE, output_t_per_year: {ore: 100}, capex_meur: 10}
funders:
  fund:
    kind: public
    budget_meur: 20
    instruments: {equity: {offtake_per_share: 1.0, ticket_min_meur: 2,
                           budget_class: financial_transaction}}
hazards:
  cut: {annual_probability: 0.5, effects: [{country: CN, loss: [1.0]}]}
uncertainty:
  states:
    - {name: calm, probability: 0.5}
    - {name: cut, probability: 0.5, events: [{hazard: cut, start: 2026}]}
policy: {must_build: [works]}
variants:
  poor: {set: {funders.fund.budget_meur: 1}}
  rich: {set: {funders.fund.budget_meur: 100}}
"""
ONE = ("--quiet", "--jobs", "1")
CAPEX = ("--grid", "projects.works.capex_meur=8,9,10")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("ore.yaml").write_text(SCENARIO, encoding="utf-8")
    return tmp_path


def batch(*args: str) -> int:
    return run_command_line(["batch", *args, *ONE])


def found(folder: str = "out") -> Batch:
    return Batch.model_validate_json((Path(folder) / "batch.json").read_bytes())


def lines(folder: str = "out") -> list[BatchRun]:
    text = (Path(folder) / LEDGER_FILE).read_text(encoding="utf-8")
    return [BatchRun.model_validate_json(line) for line in text.splitlines()]


def without_seconds(document: bytes) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(document)
    del content["certificate"]["seconds"], content["certificate"]["seconds_by_step"]
    return content


def failing(monkeypatch: pytest.MonkeyPatch, **by_capex: Callable[[], BaseException]) -> None:
    """Let solves fail by the capex of the works: ``_9=...``."""
    solve = batch_solving.solve_and_certify

    def find(problem: Any, **options: Any) -> Any:
        capex = float(problem.instance.case.projects["works"].capex_meur)
        if (made := by_capex.get(f"_{capex:g}")) is not None:
            raise made()
        return solve(problem, **options)

    monkeypatch.setattr(batch_solving, "solve_and_certify", find)


@pytest.mark.slow
def test_runs_are_files_times_variants_times_values(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("more.yaml").write_text(SCENARIO.replace("[works]", "[]"), encoding="utf-8")
    assert batch("*.yaml", "--variant", "rich", "--variant", "poor", *CAPEX, "--out", "out") == 3
    reported = found()
    assert [(run.file, run.variant, run.varied) for run in reported.runs] == [
        (file, variant, {"projects.works.capex_meur": value})
        for file in ("more.yaml", "ore.yaml")
        for variant in ("rich", "poor")
        for value in ("8", "9", "10")
    ]
    assert (reported.ended, reported.kept) == ("complete", 0)
    assert [run.status for run in reported.runs[6:]] == ["optimal"] * 3 + ["infeasible"] * 3
    assert [run.net_cost_meur for run in reported.runs[6:9]] == [8, 9, 10]
    assert [run.expected for run in reported.runs[6:9]] == [0, 0, 0]
    assert {run.expected_without_plan for run in reported.runs[6:9]} == {50}
    assert sorted(lines(), key=lambda run: run.run) == sorted(
        reported.runs, key=lambda run: run.run
    )
    for one in reported.runs:
        if one.plan is not None:
            document = (Path("out") / one.plan).read_bytes()
            assert hashlib.sha256(document).hexdigest() == one.plan_sha256
            plan = Plan.model_validate_json(document)
            assert plan.certificate.objective == one.objective
            assert (plan.variant, plan.certificate.input_sha256) == (one.variant, one.input_sha256)
    assert "no plan keeps all rules" in capsys.readouterr().out


def test_all_variants_come_with_the_file_itself(here: Path) -> None:
    assert batch("ore.yaml", "--all-variants", "--out", "out") == 3
    assert [run.variant for run in found().runs] == [None, "poor", "rich"]


@pytest.mark.slow
@pytest.mark.quick(1)
@pytest.mark.parametrize("where", [["--jobs", "1"], ["--jobs", "2"]])
def test_a_plan_is_that_of_solve(here: Path, where: list[str]) -> None:
    """Wherever it is solved, and though only the scenario travels."""
    changed = ["--set", "horizon.discount_rate=0.00001", "--variant", "small_tickets"]
    grid = ["--grid", "funders.fund.budget_meur=10,15.5"]
    command = ["batch", str(TUTORIAL), *changed, *grid, *where, "--out", "out", "--quiet"]
    assert run_command_line(command) == 0
    for one in found().runs:
        assert one.plan is not None
        settings = [part for text in one.settings for part in ("--set", text)]
        solve = ["solve", one.file, "--variant", "small_tickets", *settings, "--threads", "1"]
        assert run_command_line([*solve, "--out", "one", "--force", "--quiet"]) == 0
        alone, among = Path("one/plan.json").read_bytes(), (Path("out") / one.plan).read_bytes()
        assert without_seconds(among) == without_seconds(alone)


@pytest.mark.slow
def test_a_run_can_be_repeated_by_itself(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From its folder alone, with the files that it rests on, wherever that has gone."""
    for name, tonnes in (("much.csv", 100), ("little.csv", 50)):
        table = f"consumer,material,t_per_year\nindustry,ore,{tonnes}\n"
        Path(name).write_text(table, encoding="utf-8")
    text = re.sub("\ndemand: .*\n", "\ndemand: {table: much.csv}\n", SCENARIO)
    Path("ore.yaml").write_text(text, encoding="utf-8")
    grid = ["--grid", "demand={table: much.csv},{table: little.csv}"]
    assert batch("ore.yaml", *grid, "--out", "out") == 0
    assert [run.expected_without_plan for run in found().runs] == [50, 25]
    capsys.readouterr()
    for one, used in zip(found().runs, ("much.csv", "little.csv"), strict=True):
        folder = Path("moved") / one.run
        folder.parent.mkdir(exist_ok=True)
        (Path("out") / str(one.plan)).parent.rename(folder)
        manifest = json.loads((folder / "plan.manifest.json").read_bytes())
        assert used in [Path(item["path"]).name for item in manifest["inputs"]]
        assert run_command_line(["rerun", str(folder)]) == 0
    assert "eproduced" in capsys.readouterr().out


@pytest.mark.slow
def test_output_consists_of_lines_of_json(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VORRAT_LANGUAGE", "de")
    assert batch("ore.yaml", "--variant", "poor", *CAPEX, "--json") == 3
    printed = capsys.readouterr().out.splitlines()
    reported = [BatchRun.model_validate_json(line) for line in printed]
    assert [run.varied["projects.works.capex_meur"] for run in reported] == ["8", "9", "10"]
    assert [(run.exit_code, run.plan) for run in reported] == [(3, None)] * 3
    assert all((run.error or "").startswith("no plan keeps all of these rules") for run in reported)


@pytest.mark.slow
def test_the_table_speaks_german(
    here: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    untranslated: set[str],
) -> None:
    failing(monkeypatch, _9=lambda: NoPlan("nichts"))
    assert batch("ore.yaml", "--all-variants", *CAPEX, "--keep-going", "--language", "de") == 4
    out = capsys.readouterr().out
    assert out.startswith("9 Läufe\n")
    assert "gelöst: 4, kein Plan vor der Grenze: 3, kein Plan hält alle Regeln ein: 2." in out
    assert "Ohne Plan" in out
    assert translations("de")["Runs without a plan"] in out
    assert untranslated <= {"nichts"}


@pytest.mark.quick(1)
@pytest.mark.parametrize("language", ["de", "en"])
def test_all_media_are_whole_in_both_languages(
    here: Path, language: Language, untranslated: set[str]
) -> None:
    assert batch("ore.yaml", "--variant", "rich", *CAPEX, "--out", "out") == 0
    is_whole_in_all_media(found(), language, untranslated)
    text = text_of(found(), language, width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("50.0" if language == "en" else "50,0") == 0
    assert {"en": "expected: 50 million EUR", "de": "erwarten: 50 Mio. EUR"}[language] in text


def test_a_mistyped_path_is_reported_once_whatever_its_values(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("more.yaml").write_text(SCENARIO, encoding="utf-8")
    files = ("ore.yaml", "more.yaml")
    assert batch(*files, "--grid", "projects.works.capx_meur=8,9,10") == 2
    err = capsys.readouterr().err
    assert err.count("did you mean") == 1
    assert err.endswith("1 error\n")


def test_equal_faults_of_two_files_are_two(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.yaml", "b.yaml"):
        Path(name).write_text(SCENARIO.replace("100}]", "-1}]"), encoding="utf-8")
    assert batch("a.yaml", "b.yaml") == 2
    err = capsys.readouterr().err
    assert "a.yaml:6" in err
    assert "b.yaml:6" in err
    assert err.endswith("2 errors\n")


def test_the_table_has_figures_of_each_plan(here: Path) -> None:
    """By hand: without the works, half of the states lack 100 t at 1 million each, and with them
    the fund pays their capex. Stocks of the tutorial are those of its plan."""
    assert batch("ore.yaml", *CAPEX, "--out", "out") == 0
    with Path("out/runs.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for capex, row in zip(("8", "9", "10"), rows, strict=True):
        assert row["projects.works.capex_meur"] == capex
        assert [float(row[name]) for name in ("tail", "worst", "public_meur")] == [
            0,
            0,
            float(capex),
        ]
        assert (row["projects"], row["stocks"]) == ("works 2026", "")
        assert float(row["gap"]) == 0
        assert float(row["seconds"]) > 0
    assert batch(str(TUTORIAL), "--out", "tutorial") == 0
    (run,) = found("tutorial").runs
    plan = Plan.model_validate_json((Path("tutorial") / str(run.plan)).read_bytes())
    assert (run.tail, run.worst) == (plan.outcome.cvar, plan.outcome.worst)
    assert run.stocks == {"reserve": sum(plan.stockpiles[0].buy_t.values())}
    assert run.public_meur == sum(plan.spend_meur["fund"].values())


def test_lines_of_an_earlier_version_are_completed(here: Path) -> None:
    assert batch("ore.yaml", "--out", "out") == 0
    (before,) = lines()
    older = before.model_dump(
        exclude={"tail", "worst", "public_meur", "projects", "stocks"}, mode="json"
    )
    (here / "out" / LEDGER_FILE).write_text(json.dumps(older) + "\n", encoding="utf-8")
    assert batch("ore.yaml", "--out", "out", "--resume") == 0
    assert (found().kept, found().runs) == (1, (before,))


def test_the_table_for_spreadsheets_runs_nothing(here: Path) -> None:
    Path("=1+1.yaml").write_text(SCENARIO, encoding="utf-8")
    assert batch("=1+1.yaml", "--grid", "projects.works.name==SUM(1),-2+3", "--out", "out") == 0
    with Path("out/runs.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["projects.works.name"] for row in rows] == ["'=SUM(1)", "'-2+3"]
    assert {row["file"] for row in rows} == {"'=1+1.yaml"}
    assert [float(row["objective"]) for row in rows] == [run.objective for run in found().runs]


def test_faults_of_all_files_are_reported_before_anything_is_solved(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("bad.yaml").write_text(SCENARIO.replace("100}]", "-1}]"), encoding="utf-8")
    files = ["bad.yaml", "missing.yaml", "ore.yaml"]
    assert batch(*files, "--grid", "projects.mine.capex_meur=1", "--out", "out") == 2
    err = capsys.readouterr().err
    for reported in ("bad.yaml:6", "'missing.yaml' cannot be read", "'mine'", "errors"):
        assert reported in err
    assert not Path("out").exists()


def test_a_faulty_file_costs_its_runs_alone_where_the_others_go_on(here: Path) -> None:
    Path("bad.yaml").write_text("title: only\n", encoding="utf-8")
    assert batch("bad.yaml", "ore.yaml", *CAPEX, "--keep-going", "--out", "out") == 2
    assert [run.status for run in found().runs] == ["faulty"] * 3 + ["optimal"] * 3
    assert [run.exit_code for run in found().runs] == [2] * 3 + [0] * 3
    assert len(lines()) == 3
    assert batch("bad.yaml", "ore.yaml", *CAPEX, "--keep-going", "--out", "out", "--resume") == 2
    assert (found().kept, len(lines())) == (3, 3)


@pytest.mark.quick(1)
@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (lambda: NoPlan("too late"), "none", 4),
        (lambda: OutOfMemory("too large"), "failed", 4),
        (lambda: SolverError("broken"), "failed", 5),
        (lambda: ZeroDivisionError("a bug"), "failed", 5),
    ],
)
def test_a_run_that_fails_stops_the_others_unless_they_are_to_go_on(
    here: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: Callable[[], BaseException],
    status: str,
    code: int,
) -> None:
    failing(monkeypatch, _9=error)
    assert batch("ore.yaml", *CAPEX, "--out", "out") == code
    assert (found().ended, [run.status for run in found().runs]) == (
        "stopped",
        ["optimal", status, "open"],
    )
    assert "Runs left open: 1. With --out, --resume goes on." in capsys.readouterr().err
    assert batch("ore.yaml", *CAPEX, "--out", "out", "--resume", "--keep-going") == code
    assert [run.status for run in found().runs] == ["optimal", status, "optimal"]
    # What another try would not change is not tried again; a failure is.
    assert found().kept == (1 if status == "failed" else 2)
    monkeypatch.undo()
    monkeypatch.chdir(here)
    more = ["--memory-limit", "8GB"]  # by which no plan becomes another
    again = batch("ore.yaml", *CAPEX, "--out", "out", "--resume", *more)
    assert (again, found().kept) == ((0, 2) if status == "failed" else (code, 3))


def test_the_worst_is_answered(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, _8=lambda: NoPlan("late"), _9=lambda: SolverError("broken"))
    grid = ["--grid", "projects.works.capex_meur=8,10", "--variant", "poor", "--keep-going"]
    assert batch("ore.yaml", *grid) == 4
    assert batch("ore.yaml", *CAPEX, "--keep-going") == 5


def test_the_user_stops_it_and_what_is_done_stays(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, _9=KeyboardInterrupt)
    assert batch("ore.yaml", *CAPEX, "--out", "out") == 1
    assert found().ended == "interrupted"
    assert [run.status for run in found().runs] == ["optimal", "open", "open"]
    assert "Runs left open: 2. With --out, --resume goes on." in capsys.readouterr().err
    assert batch("ore.yaml", "--grid", "projects.works.capex_meur=9") == 130
    monkeypatch.undo()
    monkeypatch.chdir(here)
    assert batch("ore.yaml", *CAPEX, "--out", "out", "--resume") == 0
    assert (found().ended, found().kept) == ("complete", 1)


@pytest.mark.parametrize("lost", [False, True])
def test_a_delayed_interrupt_ends_the_run_and_keeps_results(
    lost: bool, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by an import that was under way; systems end workers as well."""
    stopped, solve = threading.Event(), batch_solving.solve_and_certify
    monkeypatch.setattr(child_process, "was_stop_requested", stopped.is_set)

    def stopping(*args: Any, **how: Any) -> Any:
        stopped.set()
        if lost:
            raise WorkerDied("gone")
        return solve(*args, **how)

    monkeypatch.setattr(batch_solving, "solve_and_certify", stopping)
    assert batch("ore.yaml", *CAPEX, "--out", "out") == (130 if lost else 1)
    first = "open" if lost else "optimal"
    assert [run.status for run in found().runs] == [first, "open", "open"]
    assert batch("ore.yaml", *CAPEX, "--out", "none") == 130
    assert not Path("none").exists()


def test_a_solve_that_the_user_cuts_short_is_not_kept(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A resumed batch would otherwise keep its plan, which was cut short."""
    from dataclasses import replace

    solve = batch_solving.solve_and_certify
    monkeypatch.setattr(
        batch_solving,
        "solve_and_certify",
        lambda *a, **o: replace(solve(*a, **o), interrupted=True),
    )
    assert batch("ore.yaml", *CAPEX, "--out", "out") == 130
    assert lines() == []


def test_resume_solves_what_is_new_changed_or_gone(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capex = "projects.works.capex_meur"
    assert batch("ore.yaml", *CAPEX, "--out", "out") == 0
    before = found()
    for refused in ([], ["--resume", "--force"]):
        assert batch("ore.yaml", *CAPEX, "--out", "out", *refused) == 2
    plans = [Path("out") / str(run.plan) for run in before.runs]
    plans[1].write_bytes(plans[1].read_bytes() + b"\n")
    plans[2].unlink()
    new = ["ore.yaml", "--grid", f"{capex}=8,9,10,11", "--out", "out", "--resume"]
    assert batch(*new) == 0
    assert found().kept == 1
    assert [run.varied[capex] for run in found().runs] == ["8", "9", "10", "11"]
    assert batch(*new) == 0
    assert found().kept == 4
    # Other options, and another scenario, are other runs.
    assert batch(*new, "--gap", "0.01") == 0
    assert found().kept == 0
    text = Path("ore.yaml").read_text(encoding="utf-8")
    Path("ore.yaml").write_text(text.replace("t_per_year: 100}]", "t_per_year: 50}]"), "utf-8")
    assert batch(*new) == 0
    assert found().kept == 0
    assert plans[0].is_file()  # what is no longer asked for stays
    assert batch("ore.yaml", "--out", "out", "--force") == 0
    assert (len(lines()), plans[0].exists()) == (1, False)


def test_a_file_under_another_name_is_still_done(here: Path) -> None:
    assert batch("ore.yaml", *CAPEX, "--out", "out") == 0
    Path("sub").mkdir()
    Path("sub/ore.yaml").write_bytes(Path("ore.yaml").read_bytes())
    assert batch("sub/ore.yaml", *CAPEX, "--out", "out", "--resume") == 0
    assert (found().kept, found().runs[0].file) == (3, "sub/ore.yaml")


def test_two_files_of_one_name_have_each_their_run(here: Path) -> None:
    Path("sub").mkdir()
    Path("sub/ore.yaml").write_bytes(Path("ore.yaml").read_bytes())
    assert batch("**/*.yaml", "--out", "out") == 0
    assert len({run.run for run in found().runs}) == 2
    assert len({run.key for run in found().runs}) == 1


@pytest.mark.quick(1)
@pytest.mark.parametrize("torn", [b'{"run": "x', b"\xff\xfe", b""])
def test_a_torn_line_is_mended_and_its_run_solved_again(here: Path, torn: bytes) -> None:
    assert batch("ore.yaml", *CAPEX, "--out", "out") == 0
    ledger = Path("out") / LEDGER_FILE
    whole = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(b"".join(whole[:2]) + torn)
    assert batch("ore.yaml", *CAPEX, "--out", "out", "--resume") == 0
    assert found().kept == 2
    assert len(lines()) == 3


def test_a_line_that_leads_elsewhere_is_no_run(here: Path) -> None:
    assert batch("ore.yaml", "--out", "out") == 0
    ledger, (line,) = Path("out") / LEDGER_FILE, lines()
    Path("plan.json").write_bytes((Path("out") / str(line.plan)).read_bytes())
    ledger.write_text(
        "no line\n" + line.model_copy(update={"run": "../.."}).model_dump_json() + "\n", "utf-8"
    )
    assert batch("ore.yaml", "--out", "out", "--resume") == 0
    assert found().kept == 0


def test_two_batches_do_not_write_into_one_folder(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("out").mkdir()
    with lock_folder(Path("out")):
        assert batch("ore.yaml", "--out", "out", "--resume") == 2
        left = (Path("out") / LOCK_FILE).read_text(encoding="utf-8")
    assert "Another batch is writing into 'out'" in capsys.readouterr().err
    # What was left by one that has gone: by another process of the same number, torn, or by none.
    pid, began = left.split()
    for text in (f"{pid} {float(began) - 60}", "", f"{2**22 + 1} {began}"):
        (Path("out") / LOCK_FILE).write_text(text, encoding="utf-8")
        assert batch("ore.yaml", "--out", "out", "--resume") == 0
        assert not (Path("out") / LOCK_FILE).exists()


def test_a_line_that_does_not_fit_on_the_disk_leaves_the_others(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sync, met = os.fsync, []

    def full(handle: int) -> None:
        met.append(os.fstat(handle).st_ino == (Path("out") / LEDGER_FILE).stat().st_ino)
        if met[-1] and met.count(True) == 2:
            raise OSError(28, "No space left on device")
        sync(handle)

    monkeypatch.setattr(os, "fsync", full)
    assert batch("ore.yaml", *CAPEX, "--out", "out") == 5
    assert "runs.jsonl' cannot be written" in capsys.readouterr().err
    assert (len(lines()), found().ended) == (1, "failed")
    monkeypatch.undo()
    monkeypatch.chdir(here)
    assert batch("ore.yaml", *CAPEX, "--out", "out", "--resume") == 0
    assert found().kept == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--variant", "rich", "--all-variants"], "--variant and --all-variants exclude"),
        (["--set", "horizon.last_year=2026", "--grid", "horizon.last_year=2026"], "both give"),
        (["--resume"], "--resume goes with --out"),
        (["--grid", "a"], "is not such as"),
        (["--grid", "a=0:9999:1", "--grid", "b=0:99:1"], "1000000 runs are more than"),
        (["--memory-limit", "1MB"], "too little"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    options: list[str], says: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert batch("ore.yaml", *options) == 2
    assert says in capsys.readouterr().err


posix = pytest.mark.skipif(not hasattr(os, "killpg"), reason="process groups are POSIX")

MANY = [str(TUTORIAL), "--grid", "funders.fund.budget_meur=10:21:1", "--out", "out"]


def begun(*args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "optimizer", "batch", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )


def wait_for_lines(process: subprocess.Popen[str], count: int) -> None:
    """Until so many runs are done, or the process has ended."""
    ledger = Path("out") / LEDGER_FILE
    while process.poll() is None:
        if ledger.exists() and ledger.read_bytes().count(b"\n") >= count:
            return
        time.sleep(0.01)


@pytest.mark.slow
@posix
def test_finished_runs_survive_kill_9_of_all_processes(here: Path) -> None:
    """Nothing that is done is lost or done twice, and the end is the same."""
    with begun(*MANY, "--jobs", "2") as process:
        wait_for_lines(process, 3)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert gone(process.pid, within=10.0)
    whole = (Path("out") / LEDGER_FILE).read_bytes().rpartition(b"\n")[0].splitlines()
    done = {json.loads(line)["run"] for line in whole}
    assert len(done) >= 3
    assert batch(*MANY, "--resume") == 0
    assert found().kept == len(done)
    assert len(lines()) == len({line.run for line in lines()}) == 12
    assert {run.status for run in found().runs} == {"optimal"}
    for one in found().runs:
        document = (Path("out") / str(one.plan)).read_bytes()
        assert hashlib.sha256(document).hexdigest() == one.plan_sha256
    assert batch(*MANY[:-1], "again") == 0
    figures = [(run.run, run.objective, run.net_cost_meur) for run in found("again").runs]
    assert [(run.run, run.objective, run.net_cost_meur) for run in found().runs] == figures


SLOW = """
import sys, time
from optimizer.analyses.batch import batch_solving as many
from optimizer.cli import run_command_line as run

solve, met = many.solve_and_certify, []

def find(*args, **options):
    met.append(1)
    if len(met) == 2:
        print("begun", flush=True)
        time.sleep(300)
    return solve(*args, **options)

many.solve_and_certify = find
sys.exit(run(["batch", *sys.argv[1:]]))
"""


@posix
def test_no_import_is_too_early_for_what_systems_send() -> None:
    """The process that solves leaves signals to the one that watches it from its first line on."""
    until_handled = CHILD_CODE.partition("sys.path")[0]
    struck = "import os; [os.kill(os.getpid(), n) for n in (signal.SIGTERM, signal.SIGHUP)]"
    subprocess.run([sys.executable, "-c", until_handled + struck], check=True)


@pytest.mark.slow
@posix
def test_a_signal_ends_what_runs_and_keeps_what_is_done(here: Path) -> None:
    command = ["ore.yaml", *CAPEX, *ONE, "--out", "out"]
    with subprocess.Popen(
        [sys.executable, "-c", SLOW, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=120)
    assert process.returncode == 1
    assert complaints == "Runs left open: 2. With --out, --resume goes on.\n"
    assert [run.status for run in found().runs] == ["optimal", "open", "open"]


def test_a_batch_is_run_again_run_by_run(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert batch("ore.yaml", *CAPEX, "--node-limit", "7", "--out", "out") == 0
    assert found().node_limit == 7
    assert run_command_line(["rerun", "out"]) == 2
    assert "'out' has not one manifest but none: name one of its 'runs'" in capsys.readouterr().err
    (first, *_) = lines()
    assert run_command_line(["rerun", str(Path("out", str(first.plan)).parent)]) == 0
