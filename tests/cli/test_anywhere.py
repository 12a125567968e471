"""Where the program reaches to, and where it runs: no other machine, and any."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_scenario import VALID, write

from optimizer.cli import run_command_line

ROOT = Path(__file__).parents[2]

_WATCHED = """
import sys
def watch(event, args):
    if event.startswith(("socket.", "urllib.", "http.", "ftplib.", "smtplib.")) or event in (
        "os.system", "subprocess.Popen", "webbrowser.open"
    ):
        print("WATCHED", event, args, file=sys.stderr)
        sys.stderr.flush()
        import os
        os._exit(99)
sys.addaudithook(watch)
from optimizer.cli import run_command_line as run
sys.exit(run(sys.argv[1:]))
"""


def started(
    arguments: list[str], folder: Path, code: str = "", **environment: str
) -> tuple[int, bytes]:
    command = [sys.executable, *(["-c", code] if code else ["-m", "optimizer"]), *arguments]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "VORRAT_TRACEBACK": "1", **environment}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, timeout=600)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_nothing_is_reached_and_nothing_started(tmp_path: Path) -> None:
    write(tmp_path, VALID)
    for arguments in (
        ["validate", "scenario.yaml"],
        ["solve", "scenario.yaml", "--out", "a"],
        ["report", "a", "--out", "a/report.html"],
        ["workbook", "a", "--out", "a/book.xlsx"],
        ["presets"],
    ):
        code, said = started(arguments, tmp_path, _WATCHED)
        assert code == 0, said.decode(errors="replace")


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [{"PYTHONIOENCODING": "cp1252"}, {"PYTHONIOENCODING": "cp437"}, {"PYTHONIOENCODING": "ascii"},
     {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
    ids=["western", "console", "ascii", "C"],
)  # fmt: skip
def test_any_code_page_will_do(environment: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path, VALID.replace("title: A test", "title: Ein Vorrat für Öl – 备用"))
    for arguments, expected in (
        (["validate", "scenario.yaml"], 0),
        (["solve", "scenario.yaml"], 0),
        (["validate", "für.yaml"], 2),
        (["solve", "--help"], 0),
    ):
        code, said = started(arguments, tmp_path, VORRAT_LANGUAGE="de", **environment)
        assert code == expected, said
        assert b"Traceback" not in said


def test_a_file_that_excel_holds_open_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, VALID)
    (tmp_path / "~$scenario.yaml").write_bytes(b"")

    def held(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", held)
    assert run_command_line(["validate", str(tmp_path / "scenario.yaml")]) == 2
    assert "close it in the program that has it open" in capsys.readouterr().err
