"""``vorrat solve``: what goes to which stream, exit codes, and files that are whole or not there.

The scenario is the one of ``ore_at_home``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ore_at_home import SCENARIO

from models.results import Plan
from optimizer.cli import diagnostics, output_files, run_command_line
from optimizer.errors import CheckFailed, Interrupted, NoPlan, NotWritten
from optimizer.model.highs import Progress
from optimizer.solve import planner

ROOT = Path(__file__).parents[2]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("ore.yaml").write_text(SCENARIO, encoding="utf-8")
    return "ore.yaml"


def in_process(*args: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """The command in a separate process: the solver writes to the file descriptor itself."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "optimizer", "solve", *args],
        capture_output=True,
        check=False,
        timeout=120,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
    )


def test_json_stands_alone_on_stdout(file: str) -> None:
    done = in_process(file, "--json", "--out", "results")
    assert done.returncode == 0
    assert done.stdout.startswith(b"{")
    assert done.stdout.endswith(b"}\n")
    assert done.stdout == Path("results/plan.json").read_bytes()
    found = Plan.model_validate_json(done.stdout)
    assert found.title == "Ore at home"
    assert found.outcome.without_plan.expected == pytest.approx(50)
    assert found.outcome.expected == pytest.approx(0, abs=1e-6)
    names = {path.name for path in Path("results").iterdir()}
    assert names == {"plan.json", "plan.manifest.json"}


@pytest.mark.slow
def test_text_in_a_pipe_is_plain_and_says_what_the_plan_says(file: str) -> None:
    done = in_process(file, PYTHONIOENCODING="cp1252", FORCE_COLOR="1")
    assert done.returncode == 0
    text = done.stdout.decode("cp1252")
    assert "\x1b" not in text
    reported = " ".join(text.split())
    assert "lowers expected damage in 2026 by 100 %, from 50" in reported
    assert "Works" in text
    assert done.stderr.startswith(b"ore.yaml: 1 material, 1 project")


def test_a_hazard_that_no_sampled_state_drew_is_reported(
    file: str, capfd: pytest.CaptureFixture[str]
) -> None:
    sampled = "uncertainty={sample: {states: 2, seed: 1}}"
    rare = "hazards.cut.annual_probability=0.000001"
    assert run_command_line(["solve", file, "--quiet", "--set", sampled, "--set", rare]) == 0
    reported = capfd.readouterr().err
    assert "warning: the hazard 'cut' strikes in none of the 2 sampled states" in reported


def test_quiet_says_nothing(file: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["solve", file, "--quiet"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    assert out.startswith("Ore at home\n")


def test_the_file_name_stands_in_for_a_title(file: str, capfd: pytest.CaptureFixture[str]) -> None:
    Path(file).write_text(SCENARIO.replace("title:", "description:"), encoding="utf-8")
    assert run_command_line(["solve", file]) == 0
    assert capfd.readouterr().out.startswith("ore\n")


def test_a_conflict_names_tag_and_line(file: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The works needs 10 million, the fund has 1, and there is nobody else."""
    assert run_command_line(["solve", file, "--variant", "poor", "--json", "--quiet"]) == 3
    out, err = capfd.readouterr()
    answer = json.loads(out)
    assert (answer["schema_version"], answer["kind"]) == (1, "infeasible")
    by_tag = {rule["tag"]: rule for rule in answer["conflict"]}
    assert set(by_tag["P9"]) == {"tag", "name", "says", "path", "place"}
    assert by_tag["P9"]["name"] == "must_build"
    assert by_tag["P9"]["path"][:2] == ["policy", "must_build"]
    line = SCENARIO.splitlines().index("  must_build: [works]") + 1
    assert by_tag["P9"]["place"].startswith(f"ore.yaml:{line}:")
    assert f"{by_tag['P9']['place']}: P9 must_build: {by_tag['P9']['says']}" in err.splitlines()
    assert any(rule["path"] == ["funders", "fund", "budget_meur"] for rule in by_tag.values())


def test_without_json_a_conflict_leaves_stdout_empty(
    file: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["solve", file, "--variant", "poor"]) == 3
    out, err = capfd.readouterr()
    assert out == ""
    assert "B1 funder_budget" in err


def test_budget_is_a_setting(file: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert (
        run_command_line(["solve", file, "--set", "policy.must_build=[]", "--budget", "0.5"]) == 0
    )
    assert "build and buy nothing" in capfd.readouterr().out
    assert run_command_line(["solve", file, "--budget", "0.00001"]) == 3
    assert "--set policy.budget_meur=0.00001: B2 public_budget" in capfd.readouterr().err


def test_a_plan_is_not_overwritten(file: str, capfd: pytest.CaptureFixture[str]) -> None:
    Path("results").mkdir()
    kept = Path("results/plan.json")
    kept.write_text("mine", encoding="utf-8")
    assert run_command_line(["solve", "not-even-read.yaml", "--out", "results"]) == 2
    assert "--force" in capfd.readouterr().err
    assert kept.read_text(encoding="utf-8") == "mine"
    assert run_command_line(["solve", file, "--out", "results", "--force"]) == 0
    assert json.loads(kept.read_text(encoding="utf-8"))["kind"] == "plan"


def test_a_folder_that_cannot_be_made_is_reported_before_the_solve(
    file: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planner, "solve_to_plan", unreachable)
    assert run_command_line(["solve", file, "--out", f"{file}/results"]) == 2
    assert "cannot be made" in capfd.readouterr().err


def unreachable(*_args: object, **_kwargs: object) -> Plan:
    raise AssertionError("solved all the same")


def test_a_file_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "plan.json"
    path.write_bytes(b"before")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NotWritten, match="No space"):
        output_files.write_files([(path, b"after")], force=True)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_does_not_cost_the_plan(
    file: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert run_command_line(["solve", file, "--json", "--out", "results"]) == 5
    out, err = capfd.readouterr()
    assert json.loads(out)["kind"] == "plan"
    assert "No space left" in err


@pytest.mark.parametrize(
    "option",
    [
        ["--gap", "-0.1"],
        ["--gap", "nan"],
        ["--gap", "inf"],
        ["--time-limit", "0"],
        ["--time-limit", "inf"],
        ["--threads", "0"],
        ["--threads", "1.5"],
        ["--budget", "-1"],
        ["--budget", "inf"],
        ["--set", "nothing.there=1"],
        ["--variant", "unknown"],
        ["--nonsense"],
    ],
)
def test_wrong_usage_answers_2(
    file: str, option: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["solve", file, *option]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err


def test_faults_are_shown_with_their_line(file: str, capfd: pytest.CaptureFixture[str]) -> None:
    Path(file).write_text(SCENARIO.replace("capex_meur: 10", "capex_meur: -10"), encoding="utf-8")
    assert run_command_line(["solve", file, "--json"]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("ore.yaml:10:")


def planned(**changes: Any) -> Any:
    """A planner that finds the plan and then says something else about how it ended."""
    real = planner.solve_to_plan

    def plan(*args: Any, **options: Any) -> Plan:
        found = real(*args, **options)
        certificate = found.certificate.model_copy(update=changes)
        return found.model_copy(update={"certificate": certificate})

    return plan


def test_a_plan_stopped_by_a_limit_is_written_and_answers_1(
    file: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        planner, "solve_to_plan", planned(status="limit", gap=0.02, ended="Time limit")
    )
    assert run_command_line(["solve", file, "--json", "--out", "results"]) == 1
    assert json.loads(capfd.readouterr().out)["certificate"]["status"] == "limit"
    assert Path("results/plan.json").exists()


@pytest.mark.parametrize(
    ("error", "code"), [(NoPlan("limit"), 4), (CheckFailed("no"), 5), (Interrupted("you"), 130)]
)
def test_other_endings_leave_stdout_empty(
    file: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    code: int,
) -> None:
    def fail(*_args: object, **_options: object) -> Plan:
        raise error

    monkeypatch.setattr(planner, "solve_to_plan", fail)
    assert run_command_line(["solve", file, "--json"]) == code
    assert capfd.readouterr().out == ""


def test_progress_in_a_pipe_comes_now_and_then(
    file: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifty reports, a second apart: ten lines, none rewritten."""
    clock = map(float, count())
    real = planner.solve_to_plan

    def slow(*args: Any, on_progress: Any, **options: Any) -> Plan:
        for second in range(1, 51):
            on_progress(Progress(second, 20.0, 10.0, 0.5, 7))
        return real(*args, **options)

    monkeypatch.setattr(planner, "solve_to_plan", slow)
    monkeypatch.setattr(diagnostics, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    assert run_command_line(["solve", file, "--json"]) == 0
    lines = [line for line in capfd.readouterr().err.splitlines() if "best" in line]
    assert len(lines) == 10
    assert lines[0] == "     5 s   best 20   bound 10   gap 50 %"
