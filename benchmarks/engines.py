"""Time that engines add to small solves: 1,000 runs of tutorial.yaml, each with another price.

    python benchmarks/engines.py [--runs 1000] [--loop 50] [--engines here pool cluster loop]

The runs are made in this process, by one and by two processes, on a cluster of this machine if
`distributed` is installed, and as a loop of `vorrat solve` processes, which has fewer runs. Every
run reads its scenario, solves it with one thread and makes the plan document. Each engine prints a
line of JSON: wall seconds including its start; for each run milliseconds of wall time and of
processor time, the processor time of the solve alone, and the rest; and the ratios of the loop's
wall and processor time to these. Processor time is that of all processes; it hardly depends on
other programs that run on the machine.
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
Times = tuple[float, float]
"""Seconds of wall time and of processor time."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--loop", type=int, default=50)
    names = ("here", "pool", "cluster", "loop")
    parser.add_argument("--engines", nargs="+", choices=names, default=names)
    args = parser.parse_args()

    compile_recourse()
    loop = run_loop(args.loop) if "loop" in args.engines else None
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


def compile_recourse() -> None:
    """Compile the recourse evaluation into the cache on disk, before anything is measured."""
    make_solver()(tasks(1)[0])


def run(name: str, engine: Callable[[int], Any], runs: int, jobs: int, loop: Times | None) -> None:
    """Make the runs with an engine, and print its figures."""
    from optimizer.parallel import Workers

    run_tasks = tasks(runs)
    began, solve_seconds = now(), 0.0
    with engine(jobs), Workers[str, tuple[float, float]](make_solver, (), jobs, "next") as workers:
        for result in workers.as_completed(run_tasks):
            if result.answer is None:
                raise SystemExit(str(result.error))
            solve_seconds += result.answer[1]
    show(name, runs, since(began), solve_seconds, loop)


@contextmanager
def in_this_process(_jobs: int) -> Iterator[None]:
    from optimizer.parallel import use_engine
    from optimizer.parallel.processes import LocalProcesses

    with use_engine(LocalProcesses(jobs=1)):
        yield


@contextmanager
def processes(jobs: int) -> Iterator[None]:
    """Use local processes; with a limit, so that a single job runs in a separate process too."""
    from optimizer.parallel import Limits, use_engine
    from optimizer.parallel.processes import LocalProcesses

    with use_engine(LocalProcesses(Limits(memory_bytes=2 * 10**9), jobs)):
        yield


@contextmanager
def cluster(jobs: int) -> Iterator[None]:
    from distributed import LocalCluster

    from optimizer.parallel import use_engine
    from optimizer.parallel.cluster import Cluster

    with (
        LocalCluster(n_workers=jobs, threads_per_worker=1, dashboard_address=None) as local,
        Cluster(local.scheduler_address, jobs=jobs) as engine,
        use_engine(engine),
    ):
        yield


def tasks(runs: int) -> list[str]:
    """Return the scenarios of the runs as JSON texts, the form in which workers get them."""
    from models.files import read_case
    from optimizer.solve.plan_document import solved_scenario_json

    scenario_texts = []
    for n in range(runs):
        case = read_case(TUTORIAL, settings=[f"{PRICE}={FIRST_PRICE + 100 * n}"]).case
        scenario_texts.append(json.dumps(solved_scenario_json(case, None)))
    return scenario_texts


def make_solver() -> Callable[[str], tuple[float, float]]:
    """Return a function from a scenario to its objective and the processor seconds of its solve."""
    from models.files import read_case_text
    from optimizer.solve.planner import solve_to_plan

    def answer(text: str) -> tuple[float, float]:
        case = read_case_text(text, "scenario.json").case
        began = time.process_time()
        plan = solve_to_plan(case, threads=1)
        return plan.certificate.objective, time.process_time() - began

    return answer


def run_loop(runs: int) -> Times:
    """Run ``runs`` commands one after the other, and return the mean times of one."""
    with tempfile.TemporaryDirectory() as folder:
        began = now()
        for n in range(runs):
            command = [sys.executable, "-m", "optimizer", "solve", str(TUTORIAL), "--quiet",
                       "--threads", "1", "--set", f"{PRICE}={FIRST_PRICE + 100 * n}",
                       "--out", f"{folder}/{n}"]  # fmt: skip
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times = since(began)
    show("loop of vorrat solve", runs, times, None, None)
    return times[0] / runs, times[1] / runs


def now() -> Times:
    """Return the present wall time, and the processor time of this process and of its children
    that have ended (0 for children on Windows)."""
    times = os.times()
    processor = times.user + times.system + times.children_user + times.children_system
    return time.perf_counter(), processor


def since(began: Times) -> Times:
    """Return the wall and processor time since ``began``, which :func:`now` returned."""
    wall, processor = now()
    return wall - began[0], processor - began[1]


def show(
    name: str, runs: int, times: Times, solve_seconds: float | None, loop: Times | None
) -> None:
    """Print the line of an engine from the times of all runs, the processor seconds of the solves
    alone, and the times of one run of the loop."""
    wall_ms, processor_ms = (1000 * seconds / runs for seconds in times)
    line: dict[str, Any] = {"engine": name, "runs": runs, "seconds": round(times[0], 1)}
    line |= {"wall_ms": round(wall_ms, 1), "processor_ms": round(processor_ms, 1)}
    if solve_seconds is not None:
        solve_ms = 1000 * solve_seconds / runs
        line |= {"bare_ms": round(solve_ms, 1), "added_ms": round(processor_ms - solve_ms, 1)}
    if loop is not None:
        line["wall_of_loop"] = round(1000 * loop[0] / wall_ms, 1)
        line["processor_of_loop"] = round(1000 * loop[1] / processor_ms, 1)
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    import engines  # workers find its functions by this name

    engines.main()
