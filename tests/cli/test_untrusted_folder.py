"""Nothing in the current folder configures the program or is executed, whatever is in it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml
from open_page import PATIENCE, Opened, query_of
from partners import partners
from review_cases import SEEN, lasting_cut
from traps import Traps

from optimizer import isolated_imports
from optimizer.cli import COMMANDS, run_command_line, vorrat

FURTHER = {
    "assumptions": "review.yaml",
    "brief": "plan --force",
    "batch": "scenario.yaml review.yaml --jobs 2 --out batch",
    "init": "fresh.yaml",
    "participate": "scenario.yaml --company maker --project works --steps 1 --refine 0 --public 0",
    "redact": "scenario.yaml --consumer makers --company maker --out redacted",
    "report": "plan --out report.html",
    "rerun": "plan/plan.manifest.json",
    "review": "review.yaml",
    "sensitivity": "scenario.yaml --steps 1 --only capex --jobs 2",
    "stress": "review.yaml --set review=null --state cut",
    "target": "scenario.yaml --reduce 10%",
    "workbook": "plan --out book.xlsx",
}
"""Arguments of commands that need others than those that all are given: see ``line``."""
WITH_WORKERS = {"batch", "explore", "sensitivity"}
FIRST = "report"  # it draws; the page solves, in processes of its own
START = "from optimizer.cli import main\nif __name__ == '__main__':\n    main()\n"
SEVERAL = """\
import json, sys
from optimizer.cli import run_command_line
if __name__ == "__main__":
    codes = [run_command_line(words) for words in json.loads(sys.argv[1])]
    assert set(codes) <= {0, 1}, codes
"""
API = """\
import vorrat
if __name__ == "__main__":
    found = vorrat.frontier(vorrat.read("scenario.yaml"), values=[0, 9], jobs=2)
    assert found.complete
"""
OWN = """\
from optimizer.isolated_imports import import_isolated
import_isolated("matplotlib")
import matplotlib
assert matplotlib.rcParams["font.size"] == 33
"""
LOADS = """\
import json, numba
from numba.core.caching import FunctionCache
from optimizer.solve.recourse.node_kernel import add_deliveries
FunctionCache(add_deliveries.py_func)._cache_file._load_index()
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Traps:
    folder = tmp_path_factory.mktemp("sent")
    seen = lasting_cut(
        SEEN, assumptions={"dear": {"weight": 1.0, "set": {"projects.works.capex_meur": 7}}}
    )
    for name, raw in {"scenario": partners(), "review": seen}.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    line = ["solve", str(folder / "scenario.yaml"), "--out", str(folder / "plan"), "--quiet"]
    assert run_command_line(line) == 0
    return Traps(folder, tmp_path_factory.mktemp("beside"))


@pytest.fixture
def traps(whole: Traps) -> Iterator[Traps]:
    whole.reset()
    yield whole
    assert whole.sprung() == []


def started(traps: Traps, code: str, *words: str, **environment: str) -> int:
    """Run a program that lies elsewhere, as scripts of an installation do; its exit code."""
    program = traps.mark.with_name("program.py")
    program.write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(program), *words], cwd=traps.folder, capture_output=True, text=True,
        env=traps.environment | environment, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    return done.returncode


def line(name: str) -> list[str]:
    """A command line for a command, with a scenario or a saved plan as its argument."""
    command = vorrat.get_command(click.Context(vorrat), name)
    assert command is not None
    if name in FURTHER:
        return [name, *FURTHER[name].split()]
    needed = [one for one in command.params if isinstance(one, click.Argument) and one.required]
    files = ["scenario.yaml" if one.name in ("file", "files") else "plan" for one in needed]
    return [name, *files]


@pytest.mark.slow
@pytest.mark.parametrize("name", [FIRST, *sorted(WITH_WORKERS)])
def test_no_command_springs_a_trap(name: str, traps: Traps) -> None:
    started(traps, START, *line(name))
    assert traps.processes("program.py") > 0
    if name in WITH_WORKERS:
        assert traps.processes("spawn_main") > 1


OTHERS = sorted(COMMANDS.keys() - {FIRST, "open"} - WITH_WORKERS)


@pytest.mark.slow
@pytest.mark.parametrize("names", [OTHERS[n::4] for n in range(4)], ids=" ".join)
def test_no_commands_of_one_process_spring_a_trap(names: list[str], traps: Traps) -> None:
    """The start of a process takes longer than most commands."""
    started(traps, SEVERAL, json.dumps([line(name) for name in names]))
    assert traps.processes("program.py") > 0


@pytest.mark.slow
def test_the_processes_of_the_page_spring_no_trap(traps: Traps) -> None:
    program = traps.mark.with_name("program.py")
    program.write_text(START, encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, str(program), "open", "--no-browser", "scenario.yaml"],
        cwd=traps.folder, env=traps.environment, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        try:
            address = re.search(r"http://\S+", process.stderr.readline())
            assert address is not None
            page = Opened(process, address[0])
            with page.visitor().tab() as tab:
                assert tab.ask(query_of(page.scenario))["state"] == "proven"
        finally:
            process.terminate()
            process.wait(PATIENCE)
    assert traps.processes("spawn_main") > 0


@pytest.mark.slow
def test_no_trap_is_sprung_without_a_home(traps: Traps) -> None:
    started(traps, START, "solve", "scenario.yaml", HOME="~")
    started(traps, START, "brief", "plan", "--force", HOME="~")


@pytest.mark.slow
def test_a_cluster_springs_no_trap(traps: Traps, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    from clustered import running

    with running(tmp_path, 1) as processes:
        words = f"batch scenario.yaml review.yaml --scheduler {processes.address} --out cluster"
        started(traps, START, *words.split(), HOME="~")  # as if there were settings of dask for it


@pytest.mark.slow
def test_workers_of_a_program_of_the_user_spring_no_trap(traps: Traps) -> None:
    started(traps, API)
    assert traps.processes("spawn_main") > 1


@pytest.mark.slow
def test_settings_of_the_user_are_read(traps: Traps) -> None:
    settings = traps.mark.with_name("settings")
    settings.write_text("font.size: 33\n", encoding="utf-8")
    started(traps, OWN, MATPLOTLIBRC=str(settings))


@pytest.mark.slow
def test_the_traps_are_live(whole: Traps) -> None:
    """Where the program of the user has the folder on its path, and numba before Vorrat."""
    whole.reset()
    started(whole, LOADS)
    assert {path.rpartition("/")[2] for path in whole.sprung()} >= {".numba_config.yaml", "sprung"}
    whole.reset()
    started(whole, "import sys\nsys.path[0] = ''\ntry:\n    import csv\nexcept ImportError: ...\n")
    assert "sprung-csv" in whole.sprung()


def test_a_library_that_names_its_settings_otherwise_is_reported(tmp_path: Path) -> None:
    module = tmp_path / "library.py"
    module.write_text("SETTINGS = '.other_name.yaml'\n", encoding="utf-8")
    with pytest.warns(RuntimeWarning, match="may read settings from the current folder"):
        isolated_imports._IsolatingLoader("library", str(module)).get_code("library")
