"""Whatever happens to a command, it ends with a stated exit code, and a checked plan or none."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sleeping import gone

from models.results import Plan
from optimizer.cli import COMMANDS, child_process, diagnostics, supervisor

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "scenarios" / "tutorial.yaml"
BEST = 27.5

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="process groups are POSIX")


class Run:
    """A command in separate processes with a separate process group."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process, self.folder = process, folder
        self.said = ""

    def wait_for(self, word: str) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said += line
            if line.strip() == word:
                return
        raise AssertionError(self.said)

    def ends(self) -> tuple[int, Plan | None]:
        """Return the exit code and the plan that is left; no other file and no process may be
        left."""
        assert self.process.stderr is not None
        self.said += self.process.stderr.read()  # until all of them have ended
        self.process.wait(timeout=60)
        left = {path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*")}
        plan = None
        if left:
            assert left == {"plan.json", "plan.manifest.json"}
            plan = Plan.model_validate_json((self.folder / "plan.json").read_bytes())
        assert gone(self.process.pid, within=10.0)
        return self.process.returncode, plan


@contextlib.contextmanager
def begun(
    fault: str, folder: Path, *more: str, file: Path = TUTORIAL, command: str = "solve"
) -> Iterator[Run]:
    words = [command, str(file), "--quiet", "--language", "en", "--out", str(folder), *more]
    if command == "solve":
        words += ["--method", "decomposition"]
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support")])
    with subprocess.Popen(
        [sys.executable, "-m", "faulty_commands", fault, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
        start_new_session=True,
    ) as process:
        try:
            yield Run(process, folder)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def of_limit(plan: Plan | None, ended: str) -> None:
    assert plan is not None
    found = plan.certificate
    assert (found.status, found.ended) == ("limit", ended)
    assert found.objective == pytest.approx(BEST)
    assert found.bound == pytest.approx(BEST / 2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "all_of_them"), [("SIGINT", False), ("SIGINT", True), ("SIGTERM", False)]
)
def test_one_stop_keeps_the_best_plan(tmp_path: Path, name: str, all_of_them: bool) -> None:
    """A terminal strikes all processes, ``kill`` one, and each strike counts once."""
    with begun("heed", tmp_path / "out") as run:
        run.wait_for("waiting")
        (os.killpg if all_of_them else os.kill)(run.process.pid, getattr(signal, name))
        code, plan = run.ends()
    assert code == 1
    of_limit(plan, "interrupted")


@pytest.mark.slow
def test_systems_that_say_it_twice_mean_it_once(tmp_path: Path) -> None:
    with begun("heed", tmp_path / "out") as run:
        run.wait_for("waiting")
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGTERM):
            os.killpg(run.process.pid, number)
        code, plan = run.ends()
    assert code == 1
    of_limit(plan, "interrupted")


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["none-heed", "none-disguise", "early"])
def test_a_stop_before_any_plan_leaves_nothing(tmp_path: Path, fault: str) -> None:
    """So does one that comes as the process begins, or that a library has taken for an error."""
    with begun(fault, tmp_path / "out") as run:
        run.wait_for("waiting")
        os.killpg(run.process.pid, signal.SIGINT)
        assert run.ends() == (130, None)
        said = "stopped before any plan was found" if fault == "none-heed" else "interrupted"
        assert run.said.removeprefix("waiting\n").lstrip() == f"vorrat: {said}\n"


@pytest.mark.slow
def test_two_stops_end_at_once_whatever_the_solver_does(tmp_path: Path) -> None:
    with begun("deaf", tmp_path / "out") as run:
        run.wait_for("waiting")
        while run.process.poll() is None:
            os.killpg(run.process.pid, signal.SIGINT)
            time.sleep(0.1)
        assert run.ends() == (130, None)
        assert run.said.endswith("vorrat: interrupted\n")


@pytest.mark.quick(0, ci=3)
@pytest.mark.parametrize(
    ("fault", "more", "code", "ended", "said"),
    [
        ("deaf", [], 1, "killed: interrupted", "did not heed the interrupt"),
        ("crash", [], 1, "died: SIGSEGV", "has died (SIGSEGV)"),
        ("none-killed", [], 5, None, "was killed (SIGKILL)"),
        ("hungry", ["--memory-limit", "700MB"], 1, "killed: memory limit", "more than 700 MB"),
        ("none-late", [], 4, None, "long after its time limit"),
        ("none-deaf", [], 130, None, "did not heed the interrupt"),
        ("late", [], 1, "killed: time limit", "long after its time limit"),
        ("leave", [], 1, "died: exit code 1", "has died (exit code 1)"),
        ("none-hungry", ["--memory-limit", "700MB"], 4, None, "more than 700 MB"),
        ("none-unexpected", [], 5, None, "unexpected ZeroDivisionError"),
    ],
)
def test_a_lost_process_leaves_its_best_plan(
    tmp_path: Path, fault: str, more: list[str], code: int, ended: str | None, said: str
) -> None:
    with begun(fault, tmp_path / "out", *more) as run:
        run.wait_for("waiting")
        if "deaf" in fault:
            os.kill(run.process.pid, signal.SIGINT)
        ends, plan = run.ends()
    assert (ends, plan is None) == (code, ended is None), run.said
    assert said in run.said
    if ended is not None:
        of_limit(plan, ended)


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["heed", "deaf"])
def test_nothing_outlives_a_supervisor_that_is_killed(tmp_path: Path, fault: str) -> None:
    if fault == "deaf" and sys.platform != "linux":
        pytest.skip("only Linux ends a process in the midst of a call")
    with begun(fault, tmp_path / "out") as run:
        run.wait_for("waiting")
        os.kill(run.process.pid, signal.SIGKILL)
        run.process.wait(timeout=30)
        assert gone(run.process.pid, within=10.0)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_what_is_written_stays(tmp_path: Path) -> None:
    with begun("written", tmp_path / "out") as run:
        run.wait_for("waiting")
        code, plan = run.ends()
    assert code == 5
    assert "after the results were written" in run.said
    assert plan is not None
    assert plan.certificate.status == "optimal"


@pytest.mark.slow
def test_a_scenario_that_was_changed_is_not_salvaged(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    text = TUTORIAL.read_text(encoding="utf-8")
    file.write_text(text, encoding="utf-8")
    with begun("deaf", tmp_path / "out", file=file) as run:
        run.wait_for("waiting")
        file.write_text(text.replace("value: 0.0,", "value: 0.01,"), encoding="utf-8")
        os.kill(run.process.pid, signal.SIGINT)
        code, plan = run.ends()
    assert (code, plan) == (5, None)
    assert "the scenario was changed while it was solved" in run.said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "name", "code"), [("crash", None, 5), ("none-heed", "SIGTERM", 130)]
)
def test_other_commands_leave_nothing_half_made(
    tmp_path: Path, fault: str, name: str | None, code: int
) -> None:
    """The plan of one of their solves is not that of the command."""
    with begun(fault, tmp_path / "out", command="frontier") as run:
        run.wait_for("waiting")
        if name is not None:
            os.killpg(run.process.pid, getattr(signal, name))
        assert run.ends() == (code, None)


@pytest.mark.slow
def test_the_exit_code_and_both_streams_pass_through(tmp_path: Path) -> None:
    def vorrat(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "optimizer", *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            cwd=ROOT,
        )

    done = vorrat("solve", str(TUTORIAL), "--json", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["kind"] == "plan"
    assert vorrat("solve", "missing.yaml").returncode == 2
    assert vorrat("solve", str(TUTORIAL), "--time-limit", "1e-9", "--quiet").returncode == 4
    assert vorrat("frontier", str(TUTORIAL), "--no-such-option").returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk like this")
def test_standard_output_that_is_full_is_a_failure() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "optimizer", "presets"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
            cwd=ROOT,
        )
    assert done.returncode == 5
    assert done.stderr.startswith(b"vorrat: standard output")


@pytest.mark.slow
def test_closed_streams_change_nothing() -> None:
    """A file that is opened does not become standard output then."""
    command = shlex.join([sys.executable, "-m", "optimizer", "validate", str(TUTORIAL)])
    for closed in (">&- 2>&-", "<&- >&-"):
        done = subprocess.run(["sh", "-c", f"{command} {closed}"], check=False, cwd=ROOT)
        assert done.returncode == 0


def test_a_search_continues_if_progress_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(28, os.strerror(28))

    monkeypatch.setattr(sys, "stderr", Full())
    shown = diagnostics.ProgressDisplay(is_quiet=False)
    shown._last_written -= 60.0
    shown.report_step(0, None, "one of many")
    shown.close()


def test_what_solves_is_supervised_and_nothing_else() -> None:
    assert set(COMMANDS) - supervisor.SUPERVISED_COMMANDS == {
        "data", "details", "examples", "export", "init", "open", "presets", "redact", "report",
        "schema", "states", "validate", "workbook",
    }  # fmt: skip
    assert supervisor.needs_supervision(["--language", "de", "solve", "file"])
    for words in ([], ["--version"], ["solve", "--help"], ["validate", "solve"], ["nothing"]):
        assert not supervisor.needs_supervision(words)


def test_a_stop_that_a_finalizer_swallows_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    struck = threading.Event()
    monkeypatch.setattr(signal, "raise_signal", lambda _number: struck.set())
    monkeypatch.setattr(sys, "unraisablehook", child_process._retry_interrupt)

    class Released:
        def __del__(self) -> None:
            raise KeyboardInterrupt

    Released()
    assert struck.wait(30)
