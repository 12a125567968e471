"""What engines add to small solves: 1,000 runs of tutorial.yaml, each with another price.

    python benchmarks/engines.py [--runs 1000] [--loop 50] [--engines here pool cluster loop]

In this process, by one and by two processes, on a cluster of this machine where `distributed` is
there, and as a loop of `vorrat solve` processes, of which fewer are run. Every run reads its
scenario, solves it with one thread and makes the plan. Prints a line of JSON each: wall seconds
with all that has to begin (but the imports of this process), and for each run milliseconds of wall
time and of processor time, what the bare solve took of the latter, and what is added to it; last,
how many times less than the loop it took of both. Processor time is that of all processes; it
hardly depends on what else runs on the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TUTORIAL = Path(__file__).resolve().parent.parent / "scenarios" / "tutorial.yaml"
PRICE = "materials.gallium.price_eur_per_t"
FIRST_PRICE = 400_000
Spent = tuple[float, float]
"""Seconds of wall time and of processors."""


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--runs", type=int, default=1000)
    asked.add_argument("--loop", type=int, default=50)
    names = ("here", "pool", "cluster", "loop")
    asked.add_argument("--engines", nargs="+", choices=names, default=names)
    args = asked.parse_args()

    compiled()
    loop = looped(args.loop) if "loop" in args.engines else None
    if "here" in args.engines:
        run("this process", in_this_process, args.runs, 1, loop)
    if "pool" in args.engines:
        run("1 process", processes, args.runs, 1, loop)
        run("2 processes", processes, args.runs, 2, loop)
    if "cluster" in args.engines:
        try:
            run("cluster of 2", cluster, args.runs, 2, loop)
        except ImportError:
            print(json.dumps({"engine": "cluster of 2", "missing": "distributed"}), flush=True)


def compiled() -> None:
    """Have the sweep compiled and its code kept on the disk, before anything is measured."""
    make()(tasks(1)[0])


def run(name: str, engine: Callable[[int], Any], runs: int, jobs: int, loop: Spent | None) -> None:
    from optimizer.parallel import Workers

    given = tasks(runs)
    began, bare = now(), 0.0
    with engine(jobs), Workers[str, tuple[float, float]](make, (), jobs, "next") as workers:
        for arrival in workers.as_completed(given):
            if arrival.answer is None:
                raise SystemExit(str(arrival.error))
            bare += arrival.answer[1]
    show(name, runs, since(began), bare, loop)


@contextmanager
def in_this_process(_jobs: int) -> Iterator[None]:
    from optimizer.parallel import LocalProcesses, use_engine

    with use_engine(LocalProcesses(jobs=1)):
        yield


@contextmanager
def processes(jobs: int) -> Iterator[None]:
    """With a limit, so that one job is a process too."""
    from optimizer.parallel import Limits, LocalProcesses, use_engine

    with use_engine(LocalProcesses(Limits(memory_bytes=2 * 10**9), jobs)):
        yield


@contextmanager
def cluster(jobs: int) -> Iterator[None]:
    from optimizer.parallel import use_engine
    from optimizer.parallel.cluster import Cluster

    with Cluster("local", jobs=jobs) as engine, use_engine(engine):
        yield


def tasks(runs: int) -> list[str]:
    """Scenarios as they travel: text."""
    from models.files import read_case
    from optimizer.solve.plan_document import solved_scenario_json

    made = []
    for n in range(runs):
        case = read_case(TUTORIAL, settings=[f"{PRICE}={FIRST_PRICE + 100 * n}"]).case
        made.append(json.dumps(solved_scenario_json(case, None)))
    return made


def make() -> Callable[[str], tuple[float, float]]:
    """A task that solves, and returns the objective and the processor time."""
    from models.files import read_case_text
    from optimizer.solve.planner import solve_to_plan

    def answer(text: str) -> tuple[float, float]:
        case = read_case_text(text, "scenario.json").case
        began = time.process_time()
        found = solve_to_plan(case, threads=1)
        return found.certificate.objective, time.process_time() - began

    return answer


def looped(runs: int) -> Spent:
    """What one of so many commands took, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        began = now()
        for n in range(runs):
            command = [sys.executable, "-m", "optimizer", "solve", str(TUTORIAL), "--quiet",
                       "--threads", "1", "--set", f"{PRICE}={FIRST_PRICE + 100 * n}",
                       "--out", f"{folder}/{n}"]  # fmt: skip
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        spent = since(began)
    show("loop of vorrat solve", runs, spent, None, None)
    return spent[0] / runs, spent[1] / runs


def now() -> Spent:
    """Of this process, and of those it began that have gone (of which Windows tells nothing)."""
    times = os.times()
    processors = times.user + times.system + times.children_user + times.children_system
    return time.perf_counter(), processors


def since(began: Spent) -> Spent:
    wall, processors = now()
    return wall - began[0], processors - began[1]


def show(name: str, runs: int, spent: Spent, bare: float | None, loop: Spent | None) -> None:
    wall, processors = (1000 * own / runs for own in spent)
    line: dict[str, Any] = {"engine": name, "runs": runs, "seconds": round(spent[0], 1)}
    line |= {"wall_ms": round(wall, 1), "processor_ms": round(processors, 1)}
    if bare is not None:
        bare *= 1000 / runs
        line |= {"bare_ms": round(bare, 1), "added_ms": round(processors - bare, 1)}
    if loop is not None:
        line["wall_of_loop"] = round(1000 * loop[0] / wall, 1)
        line["processor_of_loop"] = round(1000 * loop[1] / processors, 1)
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
