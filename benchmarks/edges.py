"""Comparison of both methods on random scenario files with extreme values, and on equivalent files.

    python benchmarks/edges.py --count 5000 --seed 1 --jobs 2 --out out/edges.jsonl
    python benchmarks/edges.py --judge out/edges.jsonl
    python benchmarks/edges.py --show 17 > case.yaml
    python benchmarks/edges.py --only 17
    python benchmarks/edges.py --coverage 1000

Each seed makes a file (``tests/support/edge_cases.py``), which is read as the command reads it and
solved with the decomposition and, if it is not too large, the extensive form. Every tenth is also
solved with two threads. Every fifth is also reworded such that its optimum is unchanged: money in
thousands, mass in kilograms, a state split in two, a project with a twin that excludes it. Small
files are compared with exhaustive search (``tests/support/oracle.py``).

Every run gives an interval from its bound to its objective that must contain the optimum; so all
intervals of a seed must overlap. Runs that end without a plan, or that are stopped after
``--seconds``, are counted by their ending. Prints a table of counts with the seeds of each.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import sys
import time
import traceback
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from edge_cases import edge_case, is_searchable, size  # noqa: E402
from edge_features import features  # noqa: E402
from edge_variants import WORDINGS  # noqa: E402
from oracle import best  # noqa: E402

from models.files import read_case_text  # noqa: E402
from optimizer.errors import (  # noqa: E402
    CheckFailed,
    Infeasible,
    InvalidModelData,
    NoPlan,
    ScenarioError,
    SolverError,
)
from optimizer.solve.planner import solve_to_plan  # noqa: E402
from optimizer.solve.solver_result import compute_objective_floor  # noqa: E402
from optimizer.solve.verification import RELATIVE_TOLERANCE  # noqa: E402

Raw = dict[str, Any]

LARGEST_EXTENSIVE = 20_000
"""Largest product of nodes, states and periods for which the extensive form is tried."""
SMALL = 1_000
"""The same for reworded files."""
MEMORY = 4 << 30
"""Bytes of address space of a process."""
AGREEMENT = 1e-7
"""Relative difference of two objectives that counts as rounding."""
EXAMPLES = 5
"""Number of seeds that a symptom lists."""
REFUSALS = ("would drop", "too far apart")
"""Patterns that distinguish kinds of refusals."""
ENDINGS = (
    (ScenarioError, "fault"),
    (Infeasible, "infeasible"),
    (NoPlan, "no plan"),
    (InvalidModelData, "refused"),
    (CheckFailed, "check failed"),
    (SolverError, "solver error"),
)


@dataclass
class Run:
    """Ending and figures of one solve, in the units of the original file."""

    name: str
    ending: str = "slow"
    """``optimal``, ``limit``, or the kind of failure."""
    objective: float | None = None
    bound: float | None = None
    gap: float = 0.0
    """Requested relative gap."""
    least: float = 0.0
    """Lower limit of the objective to which gaps are relative."""
    seconds: float = 0.0
    said: str = ""
    warned: str = ""
    """The first Python warning during the run."""

    @property
    def has_plan(self) -> bool:
        return self.objective is not None


@dataclass
class Result:
    """All runs of a seed."""

    seed: int
    runs: list[Run] = field(default_factory=list)
    skipped: bool = False
    """Whether its extensive form is too large."""


def scenario_of(seed: int) -> Raw:
    """Return the scenario of a seed."""
    return edge_case(random.Random(seed))


def solve(run: Run, raw: Raw, method: Any, factor: float = 1.0, threads: int = 1) -> None:
    """Read a file as the command does, solve it, and record figures / ``factor`` in ``run``."""
    try:
        case = read_case_text(yaml.safe_dump(raw, sort_keys=False)).case
        plan = solve_to_plan(case, method=method, gap=run.gap, threads=threads)
    except tuple(kind for kind, _ in ENDINGS) as error:
        run.ending = next(ending for kind, ending in ENDINGS if isinstance(error, kind))
        run.said = str(error).split("\n")[0][:300]
        return
    proof = plan.certificate
    run.ending, run.said = proof.status, proof.ended
    run.objective = proof.objective / factor
    run.bound = None if proof.bound is None else proof.bound / factor
    weight = float(case.objective.cvar.weight)
    without_plan = plan.outcome.without_plan
    damage_without_plan = (1 - weight) * without_plan.expected + weight * without_plan.cvar
    run.least = compute_objective_floor(damage_without_plan) / factor


def search_all(run: Run, raw: Raw) -> None:
    """Record in ``run`` the optimum by exhaustive search, and as bound the optimum if rules may be
    violated within the tolerance of the checks."""
    try:
        optimum, loose_optimum = best(raw), best(raw, RELATIVE_TOLERANCE)
    except AssertionError as error:  # the solver of the search failed
        run.ending, run.said = "undecided", str(error)
        return
    if optimum is not None and loose_optimum is not None:
        run.ending = "optimal"
        run.objective = optimum.objective
        run.bound = min(loose_optimum.objective, optimum.objective)
    else:
        run.ending = "infeasible" if loose_optimum is None else "undecided"


def steps(seed: int, result: Result) -> Iterator[tuple[Run, Callable[[], None]]]:
    """Yield the runs of a seed, each with the function that executes it."""
    raw = scenario_of(seed)
    gap = (1e-4, 1e-5)[seed % 2]

    def run(name: str, method: str, file: Raw = raw, factor: float = 1.0, threads: int = 1) -> Any:
        new_run = Run(name, gap=gap)
        return new_run, lambda: solve(new_run, file, method, factor, threads)

    raw_size = size(raw)
    result.skipped = raw_size > LARGEST_EXTENSIVE
    yield run("decomposition", "decomposition")
    if result.runs[0].ending == "fault":
        return
    methods = ["decomposition"] if result.skipped else ["extensive", "decomposition"]
    if not result.skipped:
        yield run("extensive", "extensive")
    if seed % 10 == 0:
        for method in methods:
            yield run(f"{method} by two", method, threads=2)
    if seed % 5 == 0:
        for name, change in WORDINGS.items():
            reworded = change(deepcopy(raw))
            if reworded is None:
                continue
            file, factor = reworded
            for method in methods if raw_size <= SMALL else ["decomposition"]:
                yield run(f"{method}, {name}", method, file, factor)
    if is_searchable(raw):
        search = Run("exhaustion", gap=AGREEMENT)
        yield search, lambda: search_all(search, raw)


def execute_runs(seed: int, result: Result, on_change: Callable[[Run], None]) -> None:
    """Execute the missing runs of a seed; call ``on_change`` with each before and after."""
    done = {run.name: run for run in result.runs}
    for run, make in steps(seed, result):
        if run.name in done:
            continue
        result.runs.append(run)
        on_change(run)
        began = time.perf_counter()
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                make()
            run.warned = next((str(warning.message) for warning in caught), "")
        except BaseException as error:
            run.ending = f"crash ({type(error).__name__})"
            run.said = traceback.format_exc()[-900:]
        run.seconds = round(time.perf_counter() - began, 4)
        on_change(run)


def serve(pipe: Connection) -> None:
    """Execute the runs of one seed after another, as the main function of a process."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    while True:
        result: Result = pipe.recv()
        execute_runs(
            result.seed, result, lambda run, result=result: pipe.send((run, result.skipped))
        )
        pipe.send(None)


class Lane:
    """A process and its current seed. The process is replaced if it dies or a run is too slow."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.result: Result | None = None
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("fork")
        self.pipe, child_pipe = context.Pipe()
        self.process = context.Process(target=serve, args=(child_pipe,), daemon=True)
        self.process.start()
        child_pipe.close()

    def take(self, result: Result) -> None:
        self.result, self.due = result, time.monotonic() + self.seconds
        self.pipe.send(result)

    def poll_result(self) -> Result | None:
        """Receive a message, if any. Return the result of a finished seed, else None."""
        assert self.result is not None
        if time.monotonic() > self.due:
            return self._restart("slow")
        if not self.pipe.poll():
            return None
        try:
            reported = self.pipe.recv()
        except EOFError:
            return self._restart("died")
        if reported is None:
            result, self.result = self.result, None
            return result
        run, self.result.skipped = reported
        if self.result.runs and self.result.runs[-1].name == run.name:
            self.result.runs[-1] = run
        else:
            self.result.runs.append(run)
        self.due = time.monotonic() + self.seconds
        return None

    def _restart(self, ending: str) -> Result | None:
        """Record how the current run ended, and continue with the next one in a new process."""
        assert self.result is not None
        self.stop()
        if not self.result.runs:
            self.result.runs.append(Run("decomposition"))
        last = self.result.runs[-1]
        last.ending, last.seconds = ending, self.seconds
        self._start()
        self.take(self.result)
        return None

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def run_all(seeds: Iterable[int], jobs: int, seconds: float) -> Iterator[Result]:
    """Yield the results of all seeds as they are finished."""
    remaining_seeds = iter(seeds)
    lanes = [Lane(seconds) for _ in range(jobs)]
    busy: list[Lane] = []

    def feed(lane: Lane) -> None:
        seed = next(remaining_seeds, None)
        if seed is not None:
            lane.take(Result(seed))
            busy.append(lane)

    for lane in lanes:
        feed(lane)
    while busy:
        wait([lane.pipe for lane in busy], timeout=0.2)
        for lane in list(busy):
            result = lane.poll_result()
            if result is not None:
                yield result
                busy.remove(lane)
                feed(lane)
    for lane in lanes:
        lane.stop()


def judge(result: Result) -> Iterator[tuple[str, str]]:
    """Yield the faults of the runs of a seed: pairs of a symptom and its details."""
    runs = result.runs
    for run in runs:
        if run.ending not in ("optimal", "infeasible", "undecided"):
            method, _, reworded = run.name.partition(", ")
            kinds = [kind for kind in REFUSALS if kind in run.said and run.ending == "refused"]
            kind = " ".join([run.ending, *kinds])
            said = "".join(run.said.splitlines()[-1:])
            yield f"{kind}, {'reworded' if reworded else method}", f"{run.name}: {said}"
        if run.warned:
            yield "warns", f"{run.name}: {run.warned}"
    plans = [run for run in runs if run.has_plan]
    infeasible = [run.name for run in runs if run.ending == "infeasible"]
    if plans and infeasible:
        yield "infeasible or not", f"{infeasible[0]} against {plans[0].name}"
    for run in plans:
        assert run.objective is not None
        if run.bound is not None and run.objective < run.bound - rounding(run):
            yield "bound above the plan", f"{run.name}: {run.objective} < {run.bound}"
    for i, one in enumerate(plans):
        for other in plans[i + 1 :]:
            yield from compare(one, other)


def rounding(*runs: Run) -> float:
    """Return the difference of objectives that counts as rounding for these runs."""
    return AGREEMENT * max(max(abs(run.objective or 0.0), run.least) for run in runs)


def compare(one: Run, other: Run) -> Iterator[tuple[str, str]]:
    """Yield the symptom and details of a contradiction between two runs, if there is one."""
    a, b = sorted((one, other), key=lambda run: run.objective or 0.0)
    assert a.objective is not None
    assert b.objective is not None
    difference = b.objective - a.objective
    if b.bound is not None and b.bound > a.objective + rounding(a, b):
        kind = "apart, with exhaustion" if "exhaustion" in (a.name, b.name) else "apart"
        kind += " by less than 1e-9" if b.bound - a.objective < 1e-9 else ""
        yield kind, f"{b.name} proves {b.bound}, {a.name} has {a.objective}"
    elif (
        b.ending == "optimal"
        and b.name != "exhaustion"
        and difference > b.gap * max(abs(b.objective), b.least) + rounding(a, b)
    ):
        kind = "optima differ" + (" by less than 1e-9" if difference < 1e-9 else "")
        yield kind, f"{b.name} {b.objective}, {a.name} {a.objective}"


def report(results: list[Result]) -> None:
    """Print the counts of endings, and the seeds with each symptom."""
    endings: dict[str, Counter[str]] = defaultdict(Counter)
    symptoms: dict[str, dict[int, str]] = defaultdict(dict)
    for result in results:
        for run in result.runs:
            endings[run.name][run.ending] += 1
        for symptom, shown in judge(result):
            symptoms[symptom].setdefault(result.seed, shown)
    print(f"{len(results)} files; extensive form too large: {sum(r.skipped for r in results)}")
    for name, counts in endings.items():
        seconds = sum(run.seconds for r in results for run in r.runs if run.name == name)
        reported = ", ".join(f"{count} {ending}" for ending, count in counts.most_common())
        print(f"  {name}: {reported} ({seconds:.0f} s)")
    sound = len(results) - len({seed for seeds in symptoms.values() for seed in seeds})
    print(f"{sound} without any symptom")
    for symptom, seeds in sorted(symptoms.items(), key=lambda it: -len(it[1])):
        print(f"{symptom}: {len(seeds)}")
        print(f"    {' '.join(map(str, sorted(seeds)))}")
        for seed, shown in sorted(seeds.items())[:EXAMPLES]:
            print(f"    {seed}: {shown}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1, help="the first")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20.0, help="of one run at most")
    parser.add_argument("--out", type=Path, help="a line of JSON for each seed")
    parser.add_argument("--show", type=int, metavar="SEED", help="only print its file")
    parser.add_argument("--only", type=int, metavar="SEED", help="run it alone, with all details")
    parser.add_argument("--judge", type=Path, metavar="FILE", help="report what --out wrote")
    parser.add_argument("--coverage", type=int, metavar="COUNT", help="count features of files")
    args = parser.parse_args()
    if args.show is not None:
        print(yaml.safe_dump(scenario_of(args.show), sort_keys=False), end="")
    elif args.coverage is not None:
        seeds = range(args.seed, args.seed + args.coverage)
        counts = Counter(name for seed in seeds for name in features(scenario_of(seed)))
        for name, count in sorted(counts.items()):
            print(f"{count:6} {name}")
    elif args.judge is not None:
        report(read_results(args.judge))
    elif args.only is not None:
        alone = Result(args.only)
        execute_runs(args.only, alone, lambda run: print(asdict(run)) if run.seconds else None)
        for symptom, shown in judge(alone):
            print(f"{symptom}: {shown}")
    else:
        run_batch(args)


def read_results(path: Path) -> list[Result]:
    """Read the results that a run wrote to ``--out``."""
    results = []
    for line in path.read_text().splitlines():
        kept = json.loads(line)
        runs = [Run(**run) for run in kept["runs"]]
        results.append(Result(kept["seed"], runs, kept["skipped"]))
    return results


def run_batch(args: argparse.Namespace) -> None:
    """Run a batch of seeds, write the result of each to ``--out``, and report."""
    results, out = [], None
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        out = args.out.open("w")
    for result in run_all(range(args.seed, args.seed + args.count), args.jobs, args.seconds):
        results.append(result)
        if out:
            out.write(json.dumps(asdict(result)) + "\n")
            out.flush()
    report(results)


if __name__ == "__main__":
    main()
