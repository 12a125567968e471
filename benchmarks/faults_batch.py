"""State of the output of ``vorrat batch`` after faults, and after ``--resume``.

    python benchmarks/faults_batch.py [--runs N] [--only WORD]

Each fault happens when a third of the runs is done, in a separate folder. Afterwards the plan of
every complete line of ``runs.jsonl`` must exist unchanged, no process may be left, and the same
call with ``--resume`` must end with all runs solved and the same figures as without a fault. The
table has a row for each fault, and the last line counts the faults that violate this.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from faults import begin_as_in_a_terminal, vanished

ROOT = Path(__file__).parents[1]
TUTORIAL = ROOT / "scenarios" / "tutorial.yaml"
LARGE = ROOT / "scenarios" / "germany-2026.yaml"
KILL = signal.SIGKILL
FULL = 24_000
"""Largest size of a file in bytes on a full disk: a plan fits, but not the table of all runs."""


@dataclass
class Begun:
    """A running batch, and the processes of the cluster that it runs on."""

    process: subprocess.Popen[bytes]
    folder: Path
    cluster: dict[str, psutil.Process] = field(default_factory=dict)

    def command(self) -> psutil.Process | None:
        """Return the process that the first process watches; None if there is none."""
        with contextlib.suppress(psutil.Error):
            return next(iter(psutil.Process(self.process.pid).children()), None)
        return None

    def workers(self) -> list[psutil.Process]:
        """Return the processes that solve, on this machine or in the batch's local cluster."""
        command, found = self.command(), []
        children: list[psutil.Process] = []
        with contextlib.suppress(psutil.Error):  # it may end meanwhile
            children = command.children(recursive=True) if command else []
        for one in children:
            with contextlib.suppress(psutil.Error):
                if "spawn_main" in " ".join(one.cmdline()):
                    found.append(one)
        return found


Strike = Callable[[Begun], None]


def to_all(*numbers: int, pause: float = 0.5) -> Strike:
    """Return a fault that sends signals to all processes, ``pause`` seconds apart."""

    def strike(begun: Begun) -> None:
        for number in numbers:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(begun.process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                begun.process.wait(pause)

    return strike


def kill(*who: psutil.Process | None) -> None:
    for one in who:
        with contextlib.suppress(psutil.Error):
            if one is not None:
                one.kill()


def kill_many(begun: Begun) -> None:
    """Kill all workers repeatedly for three seconds."""
    until = time.monotonic() + 3
    while time.monotonic() < until and begun.process.poll() is None:
        kill(*begun.workers())
        time.sleep(0.02)


def nothing(_begun: Begun) -> None:
    pass


def begin_without_room() -> None:
    """Limit the size of files, as on a disk that becomes full."""
    begin_as_in_a_terminal()
    resource.setrlimit(resource.RLIMIT_FSIZE, (FULL, FULL))


@contextmanager
def cluster(folder: Path) -> Iterator[tuple[str, dict[str, psutil.Process]]]:
    """Run a scheduler on loopback and two workers, each of which is restarted when it ends. Yield
    the address of the scheduler, and the processes by name."""
    reported = folder / f"scheduler-{time.monotonic_ns()}.json"
    quiet = ["--no-dashboard", "--dashboard-address", "127.0.0.1:0", "--host", "tcp://127.0.0.1"]
    quiet += ["--scheduler-file", str(reported)]
    own = ["--nthreads", "1", "--nworkers", "2", "--memory-limit", "0"]
    own += ["--local-directory", str(folder)]
    begun = [
        subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{role}", *quiet, *options],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for role, options in (("scheduler", ["--port", "0"]), ("worker", own))
    ]
    try:
        while not (reported.exists() and reported.read_text().endswith("}")):
            time.sleep(0.1)
        names = ("scheduler", "nannies")
        processes = {n: psutil.Process(p.pid) for n, p in zip(names, begun, strict=True)}
        yield json.loads(reported.read_text())["address"], processes
    finally:
        for process in reversed(begun):
            process.terminate()
        for process in begun:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def kill_worker_of_cluster(begun: Begun) -> None:
    with contextlib.suppress(psutil.Error):
        for one in begun.cluster["nannies"].children():
            if "spawn_main" in " ".join(one.cmdline()):
                one.kill()
                return


class Bench:
    def __init__(self, runs: int, only: str | None) -> None:
        self.runs, self.only = runs, only
        self.grid: list[str] = []
        self.figures: dict[str, Any] = {}
        self.failures = 0

    def run(
        self,
        fault: str,
        strike: Strike,
        codes: Sequence[int],
        options: Sequence[str] = (),
        *,
        files: Sequence[Path] = (TUTORIAL,),
        runs: int | None = None,
        goes_on: Sequence[str] = (),
        full: bool = False,
        external: bool = False,
    ) -> None:
        """Run a batch with a fault and then the same batch with ``--resume``, and print a row.
        ``codes`` are the valid exit codes, ``goes_on`` the options of the second batch."""
        if self.only is not None and self.only not in fault and self.figures:
            return
        runs = runs or self.runs
        values = f"funders.fund.budget_meur=1:{runs}:1"
        if LARGE in files:  # only the tutorial has a fund so named
            values = f"policy.budget_meur=50:{49 + runs}:1"
        self.grid = ["--grid", values, "--jobs", "2"]
        with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as stack:
            folder = Path(place) / "out"
            begun_cluster: dict[str, psutil.Process] = {}
            options = list(options)
            if external:
                address, begun_cluster = stack.enter_context(cluster(Path(place)))
                options += ["--scheduler", address]
            process = self._begin(folder, options, files, full)
            begun = Begun(process, folder, begun_cluster)
            while process.poll() is None and lines(folder) < runs // 3:
                time.sleep(0.01)
            strike(begun)
            code = process.wait(600)
            alone = vanished(process.pid)
            kept, right = self._check(folder)
            if goes_on == ["again"]:
                address, _ = stack.enter_context(cluster(Path(place)))
                goes_on = ["--scheduler", address]
            again = self._begin(folder, ["--resume", *goes_on], files, False).wait(600)
            found = json.loads((folder / "batch.json").read_text())
            same = self._same(found, runs * len(files), known=LARGE not in files)
            strays = [p.name for p in folder.rglob(".*") if p.name != ".batch.lock"]
        sound = right and alone and code in codes and again == 0 and same and not strays
        self.failures += not sound
        print(
            f"| {fault} | {code} | {kept} of {runs * len(files)} | {again} | {found['kept']} "
            f"| {'yes' if sound else f'NO {right=} {alone=} {same=} {strays=}'} |",
            flush=True,
        )

    def _begin(
        self, folder: Path, options: Sequence[str], files: Sequence[Path], full: bool
    ) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "optimizer", "batch", *map(str, files), *self.grid]
        return subprocess.Popen(
            [*command, "--out", str(folder), "--quiet", *options],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=None if os.environ.get("SHOW") else subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=begin_without_room if full else begin_as_in_a_terminal,
        )

    def _check(self, folder: Path) -> tuple[int, bool]:
        """Return the number of recorded plans, and whether all have their recorded hashes."""
        ledger = folder / "runs.jsonl"
        whole = ledger.read_bytes().rpartition(b"\n")[0].splitlines() if ledger.exists() else []
        reported = [json.loads(line) for line in whole]
        kept = [one for one in reported if one["plan"] is not None]
        right = all(
            hashlib.sha256((folder / one["plan"]).read_bytes()).hexdigest() == one["plan_sha256"]
            for one in kept
        )
        return len(kept), right

    def _same(self, found: dict[str, Any], runs: int, *, known: bool) -> bool:
        """Check whether all runs are solved and, if ``known``, match the first batch."""
        figures = {
            str((run["file"], run["varied"])): (
                run["status"],
                run["objective"],
                run["net_cost_meur"],
            )
            for run in found["runs"]
        }
        self.figures = self.figures or figures
        solved = all(status == "optimal" for status, *_ in figures.values())
        alike = not known or figures.items() <= self.figures.items()
        return solved and len(figures) == runs and alike


def lines(folder: Path) -> int:
    """Return the number of runs that are done."""
    ledger = folder / "runs.jsonl"
    return ledger.read_bytes().count(b"\n") if ledger.exists() else 0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--only")
    args = parser.parse_args()
    bench = Bench(args.runs, args.only)
    print(
        "| fault | exit code | plans kept | exit code of `--resume` | runs it took over | sound |"
    )
    print("|---|--:|--:|--:|--:|---|")
    going = ["--keep-going"]
    first, ctrl_c = signal.SIGTERM, signal.SIGINT
    bench.run("none", nothing, (0,))
    bench.run("Ctrl-C once", to_all(ctrl_c), (1,))
    bench.run("Ctrl-C twice", to_all(ctrl_c, ctrl_c, pause=0.05), (1, 130))
    bench.run("SIGTERM", to_all(first), (1,))
    bench.run("`kill -9` of a worker", lambda b: kill(*b.workers()[:1]), (0,))
    bench.run("`kill -9` of all workers, for 3 s", kill_many, (5,), going)
    bench.run("`kill -9` of the command", lambda b: kill(b.command()), (5,))
    bench.run("`kill -9` of the process that watches", lambda b: b.process.kill(), (-KILL,))
    bench.run("`kill -9` of all", to_all(KILL), (-KILL,))
    little = [*going, "--memory-limit", "300MB"]
    bench.run("two runs outgrow `--memory-limit`", nothing, (4,), little, files=(LARGE, TUTORIAL),
              runs=2)  # fmt: skip
    bench.run(f"files up to {FULL // 1000} kB", nothing, (5,), full=True)
    bench.run("`kill -9` of a worker, cluster", kill_worker_of_cluster, (0,), external=True)
    for how in ([], ["again"]):
        bench.run(f"`kill -9` of the scheduler{', `--resume` on another' if how else ''}",
                  lambda b: kill(b.cluster["scheduler"]), (5,), goes_on=how,
                  external=True)  # fmt: skip
    bench.run("Ctrl-C, cluster", to_all(ctrl_c), (1,), external=True)
    print(f"\n{bench.failures} unsound")
    return 5 if bench.failures else 0


if __name__ == "__main__":
    sys.exit(main())
