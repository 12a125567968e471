"""``vorrat rerun``: what a run leaves is enough to run it again, and what differs is said."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from models.input_log import log_inputs
from models.results.base import content_hash, volatile_paths
from models.results.manifest import Manifest
from optimizer.cli import run_command_line

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "scenarios" / "tutorial.yaml"


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a scenario, and a plan of it."""
    folder = tmp_path_factory.mktemp("solved")
    shutil.copy(TUTORIAL, folder / "mine.yaml")
    options = ["--set", "policy.budget_meur=120", "--out", "plan", "--quiet"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run_command_line(["solve", "mine.yaml", *options]) == 0
    return folder


@pytest.fixture
def plan(solved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the plan, to be meddled with, in the current folder with its scenario."""
    shutil.copytree(solved, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "plan"


def manifest(folder: Path, name: str = "plan") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"{name}.manifest.json").read_bytes())
    return found


def change(folder: Path, **fields: Any) -> None:
    text = json.dumps(manifest(folder) | fields)
    (folder / "plan.manifest.json").write_text(text, encoding="utf-8")


def test_a_run_is_reproduced(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["rerun", str(plan), "--json"]) == 0
    reported = json.loads(capsys.readouterr().out)
    assert reported["reproduced"]
    assert reported["compared"] == 1
    assert reported["first_difference"] is None


def test_the_first_difference_is_reported_with_all_its_digits(
    plan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads((plan / "plan.json").read_bytes())
    document["outcome"]["expected"] *= 1 + 1e-12
    raw = json.dumps(document).encode()
    (plan / "plan.json").write_bytes(raw)
    (output,) = manifest(plan)["outputs"]
    output |= {"sha256": hashlib.sha256(raw).hexdigest(), "size": len(raw)}
    output["content_sha256"] = content_hash(document, volatile_paths("plan"))
    change(plan, outputs=[output])
    assert run_command_line(["rerun", str(plan), "--json"]) == 1
    reported = json.loads(capsys.readouterr().out)
    first = reported["first_difference"]
    assert (first["output"], first["path"]) == ("plan.json", "outcome.expected")
    assert first["then"] == document["outcome"]["expected"] != first["now"]
    assert first["relative"] == pytest.approx(1e-12, rel=1e-2)
    assert reported["differing"] == 1


def test_an_output_that_was_changed_since_is_named(
    plan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (plan / "plan.json").open("ab") as file:
        file.write(b"\n")
    assert run_command_line(["rerun", str(plan)]) == 1
    said = capsys.readouterr().out
    assert "Changed or missing since the run: plan.json." in said
    assert "Reproduced" in said


def test_an_output_that_is_no_document_is_compared_by_its_hash(plan: Path) -> None:
    raw = b"[" * 100_000 + b"]" * 100_000
    (plan / "plan.json").write_bytes(raw)
    (output,) = manifest(plan)["outputs"]
    output |= {"sha256": hashlib.sha256(raw).hexdigest(), "size": len(raw)}
    change(plan, outputs=[output | {"content_sha256": "0" * 64}])
    assert run_command_line(["rerun", str(plan)]) == 1


def test_a_manifest_cannot_choose_where_results_go(plan: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    found = manifest(plan)["parameters"]
    for one in found:
        if one["name"] in ("--out", "--reuse"):
            one |= {"value": str(elsewhere), "is_given": True}
    change(plan, parameters=found)
    assert run_command_line(["rerun", str(plan)]) == 0
    assert not elsewhere.exists()


def test_the_manifest_names_what_the_run_rests_on(plan: Path) -> None:
    found = manifest(plan)
    (own,) = found["inputs"]
    assert (own["role"], own["path"]) == ("scenario", "mine.yaml")
    assert own["sha256"] == hashlib.sha256(TUTORIAL.read_bytes()).hexdigest()
    given = {one["name"]: one["value"] for one in found["parameters"] if one["is_given"]}
    assert given["--set"] == ["policy.budget_meur=120"]
    assert {"vorrat", "numpy", "highspy", "HiGHS"} <= set(found["versions"])
    document = json.loads((plan / "plan.json").read_bytes())
    (output,) = found["outputs"]
    assert output["content_sha256"] == content_hash(document, volatile_paths("plan"))


@pytest.mark.parametrize(
    ("meddle", "says"), [("change", "not what it was"), ("delete", "not here")]
)
def test_an_input_that_is_not_what_it_was_is_named(
    plan: Path, capsys: pytest.CaptureFixture[str], meddle: str, says: str
) -> None:
    file = plan.with_name("mine.yaml")
    if meddle == "change":
        file.write_bytes(file.read_bytes() + b"\n")
    else:
        file.unlink()
    assert run_command_line(["rerun", str(plan)]) == 2
    said = capsys.readouterr().err
    assert "mine.yaml" in said
    assert says in said


def test_a_run_is_repeated_from_another_folder(
    plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "there")
    assert run_command_line(["rerun", str(plan)]) == 2
    assert run_command_line(["rerun", str(plan), "--inputs", str(tmp_path)]) == 0


INPUT = {"path": "x", "role": "table", "sha256": "0" * 64, "size": 1}
OUTPUT = {"path": "x.json", "sha256": "0" * 64, "size": 1, "content_sha256": None}


@pytest.mark.parametrize(
    "fields",
    [
        {"command": "presets"},
        {"command": "redact"},
        {"inputs": [INPUT]},
        {"inputs": [INPUT | {"path": "/dev/zero"}]},
        {"inputs": [INPUT | {"path": "//host/share/x"}]},
        {"inputs": [INPUT | {"path": "mine.yaml", "size": -(10**12)}]},
        {"outputs": [OUTPUT | {"path": "../x.json"}]},
        {"outputs": [OUTPUT | {"path": "/etc/passwd"}]},
        {"outputs": [OUTPUT | {"path": "C:\\x"}]},
        {"parameters": [{"name": "--no-such", "value": "x", "is_given": True}]},
        {"parameters": [{"name": "file", "value": "/etc/passwd", "is_given": True}]},
        {"parameters": [{"name": "out", "value": "elsewhere", "is_given": True}]},
        {"threads": 10**9},
        {"kind": "plan"},
        {"engine": {"cluster": "x"}},
    ],
)
def test_a_manifest_that_means_harm_is_refused(
    plan: Path, fields: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    change(plan, **fields)
    assert run_command_line(["rerun", str(plan)]) == 2
    assert "unexpected" not in capsys.readouterr().err


def test_other_versions_are_reported_first(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(plan, versions=manifest(plan)["versions"] | {"numpy": "0.1"})
    assert run_command_line(["rerun", str(plan), "--json"]) == 0
    reported = json.loads(capsys.readouterr().out)
    assert reported["reproduced"]
    assert reported["other_versions"]["numpy"][0] == "0.1"
    assert len(reported["other_versions"]) == 1


@pytest.mark.slow
def test_private_files_are_named_by_their_hash(tmp_path: Path) -> None:
    text = TUTORIAL.read_text(encoding="utf-8")
    (tmp_path / "secret.yaml").write_text("policy: {budget_meur: 100}\n", encoding="utf-8")
    file, out = tmp_path / "s.yaml", tmp_path / "out"
    file.write_text(text + "\ninclude: [{private: secret.yaml}]\n", encoding="utf-8")
    assert run_command_line(["solve", str(file), "--out", str(out), "--quiet"]) == 0
    private = next(one for one in manifest(out)["inputs"] if one["role"] == "private")
    assert private["path"].endswith("secret.yaml")
    assert run_command_line(["rerun", str(out)]) == 0
    (tmp_path / "secret.yaml").unlink()
    assert run_command_line(["rerun", str(out)]) == 2


@pytest.mark.slow
def test_a_run_from_earlier_cuts_is_not_repeated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["solve", str(TUTORIAL), "--method", "decomposition", "--quiet", "--force"]
    line += ["--out", str(tmp_path / "out"), f"--reuse={tmp_path / 'cuts'}"]
    assert run_command_line(line) == 0
    assert run_command_line(["rerun", str(tmp_path / "out")]) == 0
    assert run_command_line(line) == 0
    assert run_command_line(["rerun", str(tmp_path / "out")]) == 2
    assert "another plan may be found" in capsys.readouterr().err


def test_a_run_on_a_cluster_is_repeated_here(plan: Path, tmp_path: Path) -> None:
    """By as many processes as there were workers, and without asking for the cluster."""
    from optimizer.cli.analysis_commands import analysis_command
    from optimizer.cli.rerun import rerun_values

    asked = [
        {"name": "file", "value": "mine.yaml", "is_given": True},
        {"name": "--scheduler", "value": "tls://10.0.0.5:8786", "is_given": True},
    ]
    found = {"command": "frontier", "parameters": asked, "jobs": 3}
    made = Manifest.model_validate(manifest(plan) | found)
    values = rerun_values(made, tmp_path, tmp_path / "out", analysis_command("frontier"))
    assert (values["jobs"], values["file"]) == ("3", str(tmp_path / "mine.yaml"))
    assert "scheduler" not in values


@pytest.mark.slow
def test_the_seed_of_hashes_moves_nothing(tmp_path: Path) -> None:
    """Two processes that order their sets differently leave the same but for what is volatile."""
    documents = []
    for seed in ("1", "2"):
        out = tmp_path / seed
        line = [sys.executable, "-m", "optimizer", "solve", str(TUTORIAL), "--quiet"]
        subprocess.run(
            [*line, "--method", "decomposition", "--out", str(out)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        found = manifest(out)
        documents.append(found["outputs"][0]["content_sha256"])
    assert documents[0] == documents[1]


def test_nothing_is_recorded_where_nobody_records(tmp_path: Path) -> None:
    from models.files import read_case

    with log_inputs() as record:
        read_case(TUTORIAL)
    assert [read.path for read in record.files] == [str(TUTORIAL)]
    read_case(TUTORIAL)
    assert len(record.files) == 1


def test_one_of_many_solves_can_be_run_again_by_itself(tmp_path: Path) -> None:
    """A run of a batch has no command line."""
    from models.files import read_case
    from optimizer.cli.manifest import Invocation, manifest_file
    from optimizer.solve.planner import solve_to_plan

    with log_inputs() as record:
        reading = read_case(TUTORIAL, settings=["policy.budget_meur=150"])
    title = reading.case.title.en if reading.case.title else "tutorial"
    document = (
        solve_to_plan(reading.case, gap=1e-3, threads=1, title=title or "")
        .model_dump_json()
        .encode()
    )
    options = {"file": str(TUTORIAL), "--set": ("policy.budget_meur=150",), "--gap": 1e-3}
    solve = Invocation.from_values("solve", {**options, "--threads": 1})
    files = {"plan.json": document}
    for name, content in {**files, **manifest_file("plan", files, 0, solve, record)}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert run_command_line(["rerun", str(tmp_path)]) == 0


@pytest.mark.slow
def test_a_run_that_ends_on_its_node_limit_is_reproduced(tmp_path: Path) -> None:
    file = ROOT / "tests" / "knapsacks" / "p08.yaml"
    options = ["--node-limit", "1", "--gap", "1e-9", "--method", "decomposition", "--quiet"]
    assert run_command_line(["solve", str(file), *options, "--out", str(tmp_path / "out")]) == 1
    found = manifest(tmp_path / "out")
    assert found["exit_code"] == 1
    assert run_command_line(["rerun", str(tmp_path / "out")]) == 0
