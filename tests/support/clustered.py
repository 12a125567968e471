"""Schedulers and workers of dask in separate processes, and their tasks."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from certificates import Files

from models.language import current_language
from optimizer.errors import Infeasible, Rule

ROOT = Path(__file__).parents[2]
WITHIN = 60.0
"""Seconds until a wait of a test fails."""

# Without a dashboard there still is a server of its own that would listen everywhere.
_AT_HOME = ["--no-dashboard", "--dashboard-address", "127.0.0.1:0"]


@dataclass
class Processes:
    """A scheduler with its workers."""

    address: str
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)


def _begin(module: str, *args: str) -> subprocess.Popen[bytes]:
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support")])
    return subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.{module}", *_AT_HOME, *args],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": path, "DASK_LOGGING__DISTRIBUTED": "error"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _tls(files: Files | None) -> list[str]:
    if files is None:
        return []
    named = {"ca-file": files.ca, "cert": files.cert, "key": files.key}
    return [part for name, path in named.items() for part in (f"--tls-{name}", str(path))]


@contextmanager
def running(
    folder: Path, workers: int, tls: Files | None = None, *more: str
) -> Iterator[Processes]:
    """A scheduler on loopback, and workers that are restarted when they end."""
    reported = folder / "scheduler.json"
    protocol = "tls" if tls else "tcp"
    own = ["--host", f"{protocol}://127.0.0.1", "--port", "0", "--scheduler-file", str(reported)]
    scheduler = _begin("dask_scheduler", *own, *_tls(tls))
    found = Processes("", scheduler)
    try:
        # Workers find the scheduler by its file, as soon as it is there.
        own = ["--scheduler-file", str(reported), "--host", f"{protocol}://127.0.0.1"]
        options = {"--nthreads": "1", "--memory-limit": "0"} | dict(
            zip(more[::2], more[1::2], strict=True)
        )
        for name, value in options.items():
            own += [name, value]
        wait_for(lambda: reported.exists() and reported.read_text(encoding="utf-8").endswith("}"))
        found.workers += [_begin("dask_worker", *own, *_tls(tls)) for _ in range(workers)]
        found.address = json.loads(reported.read_text(encoding="utf-8"))["address"]
        yield found
    finally:
        for process in [*found.workers, scheduler]:
            process.terminate()
        for process in [*found.workers, scheduler]:
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(there: Callable[[], bool]) -> None:
    """Wait until something is the case."""
    until = time.monotonic() + WITHIN
    while not there():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.02)


def counting(first: int) -> Callable[[int], tuple[int, int, int, str]]:
    """What tells task, how many it has answered, who answered, and in which language."""
    known = [first]

    def answer(task: int) -> tuple[int, int, int, str]:
        known[0] += 1
        if task < 0:
            raise ValueError(f"no task: {task}")
        return task, known[0], os.getpid(), current_language()

    return answer


def solving(gap: float) -> Callable[[dict[str, Any]], str]:
    """What solves scenarios; only it takes the time to import a solver."""
    from models.scenario.references import Case
    from optimizer.solve.planner import solve_to_plan

    def answer(raw: dict[str, Any]) -> str:
        found = solve_to_plan(Case.model_validate(raw), gap=gap, threads=1)
        return found.model_dump_json(include={"outcome", "projects", "stockpiles"})

    return answer


def behaving(folder: Path) -> Callable[[str], Any]:
    """A task that follows its instruction: reports its process and waits, ends once or always, uses
    memory, hangs, or reports whether its locks have names."""

    def answer(task: str) -> Any:
        kind, _, name = task.partition(" ")
        begun, go_on = folder / f"{name}.begun", folder / f"{name}.go"
        if kind == "wait":
            part = folder / f"{name}.{os.getpid()}"
            part.write_text(str(os.getpid()), encoding="utf-8")
            part.replace(begun)
            wait_for(go_on.exists)
        if kind == "die" or (kind == "die-once" and not begun.exists()):
            begun.touch()
            os._exit(1)
        if kind == "grow":
            held = bytearray(600 * 10**6)
            held[::4096] = b"x" * len(held[::4096])
            wait_for(go_on.exists)
        if kind == "hang":
            wait_for(go_on.exists)
        if kind == "locks":
            return multiprocessing.get_start_method() != "fork"
        if kind == "conflict":
            raise Infeasible([Rule("P9", "must_build", "works is built", ("policy",))])
        return name, os.getpid()

    return answer
