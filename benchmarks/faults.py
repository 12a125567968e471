"""State of the output of ``vorrat solve`` after faults.

    python benchmarks/faults.py [SCENARIO] [--moments N] [--seed N]

Every run has a separate folder for ``--out``. Afterwards the folder must contain either no plan, or
one that can be read, satisfies all rules and has the stated objective, recomputed in all states;
and no process of the run may be left. The table has a row for each fault, and the last line counts
the runs that violate this.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from models.files import read_case
from models.results import Plan
from models.scenario.references import Case
from optimizer.model.commitment import weighted_cost
from optimizer.solve import outcomes
from optimizer.solve.plan_document import commitment_from_plan
from optimizer.solve.planner import Problem
from optimizer.solve.verification import check_commitment

ROOT = Path(__file__).parents[1]
Strike = Callable[["Run"], None]


@dataclass(frozen=True)
class Run:
    process: subprocess.Popen[bytes]

    def child(self) -> psutil.Process | None:
        """Return the process that solves; None if it has not started or has ended."""
        with contextlib.suppress(psutil.Error):
            return next(iter(psutil.Process(self.process.pid).children()), None)
        return None

    def wait(self, seconds: float) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)


def to_all(*numbers: int, pause: float = 0.5) -> Strike:
    """Return a fault that sends signals to all processes, ``pause`` seconds apart."""

    def strike(run: Run) -> None:
        for number in numbers:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(run.process.pid, number)
            run.wait(pause)

    return strike


def to_first(number: int) -> Strike:
    """Return a fault that sends a signal to the first process, which watches the solving one."""

    def strike(run: Run) -> None:
        with contextlib.suppress(ProcessLookupError):
            run.process.send_signal(number)

    return strike


def to_solver(number: int) -> Strike:
    """Return a fault that sends a signal to the process that solves."""

    def strike(run: Run) -> None:
        if (child := run.child()) is not None:
            with contextlib.suppress(psutil.Error):
                child.send_signal(number)

    return strike


def nothing(_run: Run) -> None:
    pass


def begin_as_in_a_terminal() -> None:
    """Enable Ctrl-C, which a shell disables for background jobs."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def begin_without_room() -> None:
    """Also limit files to one kilobyte, as on a full disk."""
    begin_as_in_a_terminal()
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))


def verdict(case: Case, problem: Problem, folder: Path) -> tuple[str, bool]:
    """Return a description of the content of an output folder, and whether it is valid."""
    path = folder / "plan.json"
    known = {"plan.json", "plan.manifest.json", "inputs"}
    names = [p.relative_to(folder) for p in folder.rglob("*")] if folder.exists() else []
    others = [str(name) for name in names if name.parts[0] not in known]
    strays = f", and {', '.join(others)}" if others else ""
    if not path.exists():
        return f"nothing{strays}", not any(not name.startswith(".") for name in others)
    try:
        plan = Plan.model_validate_json(path.read_bytes())
        commitment = commitment_from_plan(problem.instance, plan)
        check_commitment(problem.instance, commitment)
        (outcome,) = outcomes.evaluate_commitments(problem.instance, problem.states, [commitment])
        cost = weighted_cost(problem.instance, commitment)
        objective = outcomes.objective_value(problem.instance, outcome, cost)
    except Exception as error:
        return f"a plan that does not hold: {error}", False
    reported = plan.certificate
    right = abs(objective - reported.objective) <= 1e-6 * abs(objective)
    right = right and (reported.bound is None or reported.bound <= objective * (1 + 1e-6))
    gap = "no bound" if reported.gap is None else f"gap {reported.gap:.2%}"
    return f"plan, {reported.status}, {gap}, {reported.ended!r}{strays}", right


class Bench:
    def __init__(self, scenario: Path) -> None:
        self.scenario = scenario
        self.case = read_case(scenario).case
        self.problem = Problem.from_case(self.case)
        self.failures = 0

    def run(
        self,
        fault: str,
        strike: Strike,
        after: float,
        options: Sequence[str] = (),
        codes: Sequence[int] = (0, 1, 5),
        full: bool = False,
    ) -> float:
        """Make a run with a fault ``after`` seconds, print its row, and return the seconds that it
        took. ``codes`` are the valid exit codes; with ``full`` the disk is full."""
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "out"
            command = [sys.executable, "-m", "optimizer", "solve", str(self.scenario)]
            command += ["--out", str(folder), "--quiet", *options]
            began = time.perf_counter()
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=begin_without_room if full else begin_as_in_a_terminal,
            )
            run = Run(process)
            run.wait(after)
            struck = time.perf_counter()
            strike(run)
            code = process.wait(600)
            ended = time.perf_counter()
            alone = vanished(process.pid)
            left, right = verdict(self.case, self.problem, folder)
        sound = right and alone and code in codes and (code in (0, 1)) == left.startswith("plan")
        if code == -signal.SIGKILL:  # a kill of all processes leaves no exit code
            sound = right and alone
        self.failures += not sound
        print(
            f"| {fault} | {struck - began:.1f} | {ended - struck:.1f} | {code} | {left} "
            f"| {'yes' if alone else 'NO'} | {'yes' if sound else 'NO'} |",
            flush=True,
        )
        return ended - began


def vanished(group: int, within: float = 10.0) -> bool:
    """Wait until no process of a group is left, and return whether this is the case in time. The
    processes that are left are killed."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    os.killpg(group, signal.SIGKILL)
    return False


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("scenario", nargs="?", default=ROOT / "scenarios" / "germany-2026.yaml")
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--options", default="")
    args = parser.parse_args()
    bench = Bench(Path(args.scenario))
    options = args.options.split()
    print("| fault | after (s) | ended within (s) | exit code | left | processes gone | sound |")
    print("|---|--:|--:|--:|---|---|---|")
    whole = bench.run("none", nothing, 0.0, options)
    half = whole / 2
    kill = signal.SIGKILL
    bench.run("Ctrl-C once", to_all(signal.SIGINT), half, options, (0, 1, 130))
    bench.run("Ctrl-C twice", to_all(signal.SIGINT, signal.SIGINT), half, options, (130,))
    bench.run("SIGINT, first alone", to_first(signal.SIGINT), half, options, (0, 1, 130))
    bench.run("SIGTERM", to_all(signal.SIGTERM), half, options, (0, 1, 130))
    bench.run("SIGHUP", to_all(signal.SIGHUP), half, options, (0, 1, 130))
    bench.run("solver: SIGSEGV", to_solver(signal.SIGSEGV), half, options)
    bench.run("solver: SIGABRT", to_solver(signal.SIGABRT), half, options)
    stopped = [*options, "--time-limit", f"{half:.1f}"]
    bench.run("solver: hangs", to_solver(signal.SIGSTOP), half, stopped, (0, 1, 4))
    bench.run("--memory-limit 300MB", nothing, 0, [*options, "--memory-limit", "300MB"], (1, 4))
    bench.run("files up to 1 kB", nothing, 0, options, (5,), full=True)
    draw = random.Random(args.seed)
    struck = itertools.cycle(
        [("solver", to_solver(kill)), ("all", to_all(kill)), ("first", to_first(kill))]
    )
    for moment in sorted(draw.uniform(0, whole) for _ in range(args.moments)):
        name, strike = next(struck)
        bench.run(f"kill -9, {name}", strike, moment, options)
    print(f"\n{bench.failures} unsound")
    return 5 if bench.failures else 0


if __name__ == "__main__":
    sys.exit(main())
