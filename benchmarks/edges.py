"""Both methods on random files at the edges of what a file may say, and on the same files reworded.

    python benchmarks/edges.py --count 5000 --seed 1 --jobs 2 --out out/edges.jsonl
    python benchmarks/edges.py --judge out/edges.jsonl
    python benchmarks/edges.py --show 17 > case.yaml
    python benchmarks/edges.py --only 17
    python benchmarks/edges.py --coverage 1000

Each seed makes a file (``tests/support/edge_cases.py``), which is read as the command reads it and
solved with the extensive form, where that is not too large, and with the decomposition. Each tenth
is solved with two threads as well. Each fifth is reworded in ways that leave its optimum as it is:
money in thousands, mass in kilograms, a state split in two, a project beside a twin that excludes
it. Small ones are compared with exhaustive search (``tests/support/oracle.py``).

Every run gives an interval from its bound to its objective that must hold the optimum; so all
intervals of a seed must meet. Runs that end otherwise than with a plan, or that are stopped after
``--seconds``, are counted by how they end. Prints a table of counts with the seeds behind each.
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
from optimizer.solve.gap import compute_objective_floor  # noqa: E402
from optimizer.solve.planner import solve_to_plan  # noqa: E402
from optimizer.solve.verification import RELATIVE_TOLERANCE  # noqa: E402

Raw = dict[str, Any]

LARGEST_EXTENSIVE = 20_000
"""Nodes times states times periods up to which the extensive form is tried."""
SMALL = 1_000
"""The same up to which it is tried on reworded files."""
MEMORY = 4 << 30
"""Bytes of address space of a process."""
AGREEMENT = 1e-7
"""Relative difference of two objectives that is rounding."""
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
    """How one solve ended, in the units of the file it was made from."""

    name: str
    ending: str = "slow"
    """``optimal``, ``limit``, or what went wrong."""
    objective: float | None = None
    bound: float | None = None
    gap: float = 0.0
    """The target."""
    least: float = 0.0
    """What an objective counts as at least where a gap is taken of it."""
    seconds: float = 0.0
    said: str = ""
    warned: str = ""
    """The first warning that came with it."""

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


def file_of(seed: int) -> Raw:
    return edge_case(random.Random(seed))


def solve(run: Run, raw: Raw, method: Any, factor: float = 1.0, threads: int = 1) -> None:
    """Read a file as the command does, solve it, and note how that ends."""
    try:
        case = read_case_text(yaml.safe_dump(raw, sort_keys=False)).case
        found = solve_to_plan(case, method=method, gap=run.gap, threads=threads)
    except tuple(kind for kind, _ in ENDINGS) as error:
        run.ending = next(ending for kind, ending in ENDINGS if isinstance(error, kind))
        run.said = str(error).split("\n")[0][:300]
        return
    proof = found.certificate
    run.ending, run.said = proof.status, proof.ended
    run.objective = proof.objective / factor
    run.bound = None if proof.bound is None else proof.bound / factor
    weight = float(case.objective.cvar.weight)
    without = found.outcome.without_plan
    nothing = (1 - weight) * without.expected + weight * without.cvar
    run.least = compute_objective_floor(nothing) / factor


def search_all(run: Run, raw: Raw) -> None:
    """Note the optimum by exhaustion, and what would be one if rules were broken by as little as
    counts as kept."""
    try:
        answer, loose = best(raw), best(raw, RELATIVE_TOLERANCE)
    except AssertionError as error:  # its solver gave up
        run.ending, run.said = "undecided", str(error)
        return
    if answer is not None and loose is not None:
        run.ending = "optimal"
        run.objective, run.bound = answer.objective, min(loose.objective, answer.objective)
    else:
        run.ending = "infeasible" if loose is None else "undecided"


def steps(seed: int, result: Result) -> Iterator[tuple[Run, Callable[[], None]]]:
    """The runs of a seed and what makes each of them."""
    raw = file_of(seed)
    gap = (1e-4, 1e-5)[seed % 2]

    def run(name: str, method: str, it: Raw = raw, factor: float = 1.0, threads: int = 1) -> Any:
        made = Run(name, gap=gap)
        return made, lambda: solve(made, it, method, factor, threads)

    whole = size(raw)
    result.skipped = whole > LARGEST_EXTENSIVE
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
            changed = change(deepcopy(raw))
            if changed is None:
                continue
            it, factor = changed
            for method in methods if whole <= SMALL else ["decomposition"]:
                yield run(f"{method}, {name}", method, it, factor)
    if is_searchable(raw):
        made = Run("exhaustion", gap=AGREEMENT)
        yield made, lambda: search_all(made, raw)


def work(seed: int, result: Result, tell: Callable[[Run], None]) -> None:
    """Execute the missing runs of a seed; report each before and after."""
    done = {run.name: run for run in result.runs}
    for run, make in steps(seed, result):
        if run.name in done:
            continue
        result.runs.append(run)
        tell(run)
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
        tell(run)


def serve(pipe: Connection) -> None:
    """A process that makes the runs of one seed after another."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    while True:
        result: Result = pipe.recv()
        work(result.seed, result, lambda run, result=result: pipe.send((run, result.skipped)))
        pipe.send(None)


class Lane:
    """A process and the seed it is at; the process is replaced where a run is too slow, or dies."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.result: Result | None = None
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("fork")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()

    def take(self, result: Result) -> None:
        self.result, self.due = result, time.monotonic() + self.seconds
        self.pipe.send(result)

    def hear(self) -> Result | None:
        """Listen to the process; the result, if the seed is finished."""
        assert self.result is not None
        if time.monotonic() > self.due:
            return self._again("slow")
        if not self.pipe.poll():
            return None
        try:
            reported = self.pipe.recv()
        except EOFError:
            return self._again("died")
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

    def _again(self, ending: str) -> Result | None:
        """Go on with the next run of the seed in a new process."""
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
    """The results of all seeds, as they come."""
    left = iter(seeds)
    lanes = [Lane(seconds) for _ in range(jobs)]
    busy: list[Lane] = []

    def feed(lane: Lane) -> None:
        seed = next(left, None)
        if seed is not None:
            lane.take(Result(seed))
            busy.append(lane)

    for lane in lanes:
        feed(lane)
    while busy:
        wait([lane.pipe for lane in busy], timeout=0.2)
        for lane in list(busy):
            result = lane.hear()
            if result is not None:
                yield result
                busy.remove(lane)
                feed(lane)
    for lane in lanes:
        lane.stop()


def judge(result: Result) -> Iterator[tuple[str, str]]:
    """What is wrong with the runs of a seed: symptom and what shows it."""
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
    without = [run.name for run in runs if run.ending == "infeasible"]
    if plans and without:
        yield "infeasible or not", f"{without[0]} against {plans[0].name}"
    for run in plans:
        assert run.objective is not None
        if run.bound is not None and run.objective < run.bound - rounding(run):
            yield "bound above the plan", f"{run.name}: {run.objective} < {run.bound}"
    for i, one in enumerate(plans):
        for other in plans[i + 1 :]:
            yield from compare(one, other)


def rounding(*runs: Run) -> float:
    return AGREEMENT * max(max(abs(run.objective or 0.0), run.least) for run in runs)


def compare(one: Run, other: Run) -> Iterator[tuple[str, str]]:
    """Whether two runs can both be right."""
    a, b = sorted((one, other), key=lambda run: run.objective or 0.0)
    assert a.objective is not None
    assert b.objective is not None
    apart = b.objective - a.objective
    if b.bound is not None and b.bound > a.objective + rounding(a, b):
        kind = "apart, with exhaustion" if "exhaustion" in (a.name, b.name) else "apart"
        kind += " by less than 1e-9" if b.bound - a.objective < 1e-9 else ""
        yield kind, f"{b.name} proves {b.bound}, {a.name} has {a.objective}"
    elif (
        b.ending == "optimal"
        and b.name != "exhaustion"
        and apart > b.gap * max(abs(b.objective), b.least) + rounding(a, b)
    ):
        kind = "optima differ" + (" by less than 1e-9" if apart < 1e-9 else "")
        yield kind, f"{b.name} {b.objective}, {a.name} {a.objective}"


def report(results: list[Result]) -> None:
    """Print the counts, and the seeds behind each symptom."""
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
    parser.add_argument("--show", type=int, metavar="SEED", help="print its file and do no more")
    parser.add_argument("--only", type=int, metavar="SEED", help="run it alone, and tell all")
    parser.add_argument("--judge", type=Path, metavar="FILE", help="report what --out wrote")
    parser.add_argument("--coverage", type=int, metavar="COUNT", help="count what files hold")
    asked = parser.parse_args()
    if asked.show is not None:
        print(yaml.safe_dump(file_of(asked.show), sort_keys=False), end="")
    elif asked.coverage is not None:
        seeds = range(asked.seed, asked.seed + asked.coverage)
        counts = Counter(name for seed in seeds for name in features(file_of(seed)))
        for name, count in sorted(counts.items()):
            print(f"{count:6} {name}")
    elif asked.judge is not None:
        report(read_results(asked.judge))
    elif asked.only is not None:
        alone = Result(asked.only)
        work(asked.only, alone, lambda run: print(asdict(run)) if run.seconds else None)
        for symptom, shown in judge(alone):
            print(f"{symptom}: {shown}")
    else:
        keep(asked)


def read_results(path: Path) -> list[Result]:
    """Results as they were written down."""
    results = []
    for line in path.read_text().splitlines():
        kept = json.loads(line)
        runs = [Run(**run) for run in kept["runs"]]
        results.append(Result(kept["seed"], runs, kept["skipped"]))
    return results


def keep(asked: argparse.Namespace) -> None:
    """Run a batch of seeds, writing down each, and report."""
    results, out = [], None
    if asked.out:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        out = asked.out.open("w")
    for result in run_all(range(asked.seed, asked.seed + asked.count), asked.jobs, asked.seconds):
        results.append(result)
        if out:
            out.write(json.dumps(asdict(result)) + "\n")
            out.flush()
    report(results)


if __name__ == "__main__":
    main()
