"""Time and work of the decomposition, and of its parts, its cut pool and the extensive form.

    python benchmarks/decomposition.py all --out results.jsonl     all tables, two hours
    python benchmarks/decomposition.py yardstick                   cold; states merged or not
    python benchmarks/decomposition.py chains                      problems with chains
    python benchmarks/decomposition.py growth                      by number of states and so on
    python benchmarks/decomposition.py sweep                       1,000 to 100,000 states
    python benchmarks/decomposition.py pool                        problems with and without a pool
    python benchmarks/decomposition.py ideas                       without each part of the search
    python benchmarks/decomposition.py seeds                       yardsticks of other seeds
    python benchmarks/decomposition.py rival --limit 3600          the extensive form at 200 states
    python benchmarks/decomposition.py auto                        both methods on small problems

germany-2026 is the file without chains, tests/scenarios/germany-2026-oxides.yaml, except in the
table of chains. A sweep is one recourse evaluation of all states.

Every measurement runs in a separate process and prints one line of JSON. Cold means that the
recourse evaluation is compiled again, in an empty cache; its seconds are shown and included in the
total. ``--plot`` draws the results of an earlier run in ``--out``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parent))
GERMANY = HERE.parent.parent / "tests" / "scenarios" / "germany-2026-oxides.yaml"
"""An earlier germany-2026 without chains, so that times can be compared with earlier ones."""
WITH_CHAINS = HERE.parent.parent / "scenarios" / "germany-2026.yaml"
Job = dict[str, Any]


def scenario(job: Job) -> Any:
    """Return the case of a job: germany-2026 or a yardstick, with or without chains."""
    import yardstick
    import yardstick_chains

    from models.files import read_case
    from models.scenario.case import Case

    if job.get("germany"):
        settings = [f"uncertainty.sample.states={job['states']}"]
        file = WITH_CHAINS if job.get("chains") else GERMANY
        return read_case(file, variant=job.get("variant"), settings=settings).case
    make, pinned = yardstick.make_yardstick, yardstick.PINNED
    if job.get("chains"):
        make, pinned = yardstick_chains.make_chains, yardstick_chains.PINNED
    yardstick.check_pinned(make, pinned)
    sizes = ("materials", "chains", "mixed", "projects", "periods_per_year", "states", "seed")
    return Case.model_validate(make(**{s: job[s] for s in sizes if s in job}))


def solve(job: Job) -> Job:
    """Solve a problem with one of the two methods, and return the figures of the run."""
    from extensive_form import peak_mb

    from optimizer.model.decision_tree import DecisionTree
    from optimizer.model.instance import read_instance
    from optimizer.model.states import read_states

    case = scenario(job)
    began = time.perf_counter()
    instance = read_instance(case)
    states = read_states(instance)
    compile_s = warm_up(instance, states)
    options = {"gap": job.get("gap", 1e-3), "time_limit": job.get("limit", 600.0)}
    if job.get("method") == "extensive":
        from optimizer.solve.extensive_form import solve_extensive_form

        solved = solve_extensive_form(DecisionTree.of(instance), [states], threads=2, **options)
    else:
        from optimizer.solve.decomposition import solve_by_decomposition

        if "merge" in job:
            from optimizer.solve.recourse import RecourseEvaluator

            options["recourses"] = [RecourseEvaluator(instance, states, merge_classes=job["merge"])]
        with without_part(job.get("without")):
            solved = solve_by_decomposition(DecisionTree.of(instance), [states], **options)
    seconds = time.perf_counter() - began
    solution = solved.solution
    steps = solved.seconds_by_step
    line: Job = {
        "seconds": seconds,
        "compile": compile_s,
        "objective": solution.objective,
        "bound": solution.bound,
        "gap_reached": gap(solution.objective, solution.bound),
        "peak_mb": peak_mb(),
        **solved.work_counts,
        **{f"{name}_s": value for name, value in steps.items()},
    }
    if "sweep" in steps:
        line["outside"] = 1 - (steps["sweep"] + steps["master"]) / (seconds - compile_s)
        curve = [(round(p.seconds, 2), gap(p.objective, p.bound)) for p in solution.history]
        line["curve"] = [point for point in curve if point[1] is not None]
    return line


def gap(objective: float | None, bound: float | None) -> float | None:
    if objective is None or bound is None or not abs(objective) + abs(bound) < float("inf"):
        return None
    return max(0.0, objective - bound) / max(abs(objective), 1e-6)


def warm_up(instance: Any, states: Any) -> float:
    """Compile and load the recourse evaluation by a run on two states; return the seconds."""
    began = time.perf_counter()
    from optimizer.model.commitment import Commitment
    from optimizer.solve.recourse import RecourseEvaluator

    recourse = RecourseEvaluator(instance, states[:2])
    recourse.evaluate(recourse.columns.to_point(Commitment()), recourse.probability[None])
    return time.perf_counter() - began


def large_commitment(instance: Any, factor: float = 1.0) -> Any:
    """Return a commitment that starts every project, reserves half of all output, and buys for
    every stock each year a tenth of a period's need; the latter two times ``factor``."""
    from optimizer.model.commitment import Commitment

    return Commitment(
        start={p: x.start_years[0] for p, x in instance.projects.items()},
        offtake={
            (p, g): factor * 0.5 / len(groups)
            for p in instance.projects
            if (groups := instance.groups_with_right(p))
            for g in groups
        },
        buy={h: stock.served_need * 0.1 * factor for h, stock in instance.stockpiles.items()},
    )


def sweep(job: Job) -> Job:
    """Evaluate a large commitment exactly in all states, and return the figures of the run."""
    from extensive_form import peak_mb

    from optimizer.model.instance import read_instance
    from optimizer.model.states import read_states
    from optimizer.solve import outcomes

    instance = read_instance(scenario(job))
    began = time.perf_counter()
    states = read_states(instance)
    drawn = time.perf_counter()
    compile_s = warm_up(instance, states)
    started = time.perf_counter()
    commitments = [large_commitment(instance)]
    (evaluation,) = outcomes.evaluate_commitments(instance, states, commitments)
    seconds = time.perf_counter() - started
    return {
        "draw_states": drawn - began,
        "compile": compile_s,
        "seconds": seconds,
        "expected": evaluation.expected,
        "peak_mb": peak_mb(),
    }


VARIANTS = ("japanese_model", "fund_2500", "projects_only", "industry_alone", "stocks_only")
"""Variants of germany-2026, from large budgets to small ones."""

BUDGETS = (1500, 1600, 1700, 1800, 1900)
"""Public budgets of germany-2026, million EUR."""


def pool(job: Job) -> Job:
    """Solve similar problems, with a common cut pool or without, and return the figures of the run;
    with ``again`` those of a second pass, which starts with the pool of the first."""
    from extensive_form import peak_mb

    from models.files import read_case
    from optimizer.solve.decomposition import CutPool
    from optimizer.solve.planner import solve_to_plan

    states = f"uncertainty.sample.states={job['states']}"
    if job["family"] == "variants":
        cases = {v: read_case(GERMANY, variant=v, settings=[states]).case for v in VARIANTS}
    else:
        settings = {f"{b}": [states, f"policy.budget_meur={b}"] for b in BUDGETS}
        cases = {b: read_case(GERMANY, settings=s).case for b, s in settings.items()}
    solve_to_plan(next(iter(cases.values())), gap=0.1, method="decomposition")
    cut_pool = CutPool() if job["shared"] else None
    line: Job = {}
    for _ in range(2 if job.get("again") else 1):
        began = time.perf_counter()
        work = dict.fromkeys(("sweeps", "node_sweeps", "iterations"), 0)
        for name, case in cases.items():
            start = time.perf_counter()
            plan = solve_to_plan(
                case, gap=job.get("gap", 1e-3), method="decomposition", pool=cut_pool
            )
            line[name] = round(time.perf_counter() - start, 2)
            work = {key: value + plan.certificate.work[key] for key, value in work.items()}
        line |= {"seconds": time.perf_counter() - began, **work}
    return line | {"peak_mb": peak_mb()}


def parts() -> dict[str, list[tuple[Any, str, Any]]]:
    """Return, for each part of the search by name, the replacements without it: triples of an
    object, an attribute and its value."""
    from optimizer.solve.decomposition import (
        branch_and_cut,
        branch_and_cut as branching,
        cuts,
        heuristics,
        master_model,
        search_run,
    )

    def nothing(*_: Any, **__: Any) -> bool:
        return False

    def master_solution(_: Any, __: Any, outer_point: Any, ___: float) -> tuple[Any, None]:
        return outer_point, None

    def infinite_errors(_: Any, estimates: Job) -> Job:
        return dict.fromkeys(estimates, float("inf"))

    return {
        "selective evaluation": [(cuts.ChainSelector, "estimated_cut_errors", infinite_errors)],
        "in-out separation": [(search_run.SearchRun, "_next_point", master_solution)],
        "lazy constraints": [(master_model, "LAZY_CONSTRAINTS", ())],
        "reduced cost fixing": [(branch_and_cut.BranchAndCut, "_fix_by_reduced_cost", nothing)],
        "dives": [(heuristics.Heuristics, "dive", nothing)],
        "rounding": [(heuristics.Heuristics, "round_starts", nothing)],
        "neighbors": [(heuristics.Heuristics, "local_search", nothing)],
        "estimates of gains by simplex steps before branching": [
            (branching, "MAX_PROBED_CANDIDATES", 0)
        ],
        "recorded gains of branches": [(branching.BranchSelector, "record_gain", nothing)],
        "rounding in every fourth node": [(branch_and_cut, "NODES_PER_ROUNDING", 10**9)],
        "continuing with a child node": [(branch_and_cut, "DIVE_GAP_SHARE", -1.0)],
        "early end of the root": [
            (branch_and_cut, "ROOT_ACCURACY", 0.2),
            (branch_and_cut, "ROOT_STALL_SHARE", 0.1),
        ],
    }


@contextlib.contextmanager
def without_part(part: str | None) -> Iterator[None]:
    """Within the context, search without one of its parts; with all parts if None."""
    changes = parts()[part] if part else []
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in changes]
    try:
        for owner, name, value in changes:
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)


TASKS: dict[str, Callable[[Job], Job]] = {"solve": solve, "sweep": sweep, "pool": pool}


def jobs(what: str, limit: float) -> Iterator[Job]:
    """Yield the jobs of a table, which are solved within ``limit`` seconds each."""
    base = {"task": "solve", "table": what, "limit": min(limit, 600.0)}
    if what == "yardstick":
        yield {**base, "states": 1000, "cold": True}
        yield {**base, "states": 1000, "merge": False}
        yield {**base, "germany": True, "states": 1000, "cold": True}
        yield {**base, "germany": True, "states": 10000}
    elif what == "chains":
        whole = {**base, "chains": 8, "limit": limit}
        yield {**whole, "states": 1000, "cold": True}
        for seed in (7, 11, 13):
            yield {**whole, "states": 1000, "seed": seed}
        for states in (1000, 10000):
            yield {**whole, "germany": True, "states": states}
        yield {**whole, "states": 10000}
    elif what == "growth":
        small = {"materials": 10, "projects": 20, "states": 1000, "periods_per_year": 4}
        for name, sizes in (
            ("states", (100, 1000, 10000)),
            ("materials", (5, 10, 20, 40)),
            ("projects", (10, 20, 40)),
            ("periods_per_year", (1, 4)),
        ):
            for size in sizes:
                yield {**base, **small, name: size, "grows": name}
    elif what == "sweep":
        for states in (1000, 10000, 100000):
            yield {"task": "sweep", "table": what, "states": states}
        yield {"task": "sweep", "table": what, "chains": 8, "states": 1000}
        yield {"task": "sweep", "table": what, "chains": 8, "states": 10000}
        yield {"task": "sweep", "table": what, "germany": True, "states": 10000}
        yield {"task": "sweep", "table": what, "germany": True, "states": 100000}
    elif what == "pool":
        for family, states in (("variants", 1000), ("variants", 10000), ("budgets", 1000)):
            job = {"task": "pool", "table": what, "states": states, "family": family}
            yield {**job, "shared": False}
            yield {**job, "shared": True}
            yield {**job, "shared": True, "again": True}
    elif what == "ideas":
        small = {"materials": 10, "projects": 20, "states": 500, "limit": 100.0}
        for problem in (
            {"germany": True, "states": 1000},
            *({**small, "seed": s} for s in (3, 4, 5)),
        ):
            for part in (None, *parts()):
                yield {**base, **problem, "without": part}
    elif what == "seeds":
        for seed in (7, 11, 13, 17, *range(201, 213)):
            yield {**base, "states": 1000, "seed": seed}
        for seed in range(201, 213):
            yield {**base, "states": 1000, "chains": 8, "seed": seed}
    elif what == "rival":
        yield {**base, "states": 200}
        yield {**base, "states": 200, "method": "extensive", "limit": limit}
    elif what == "auto":
        for states in (3, 10, 20, 40, 80):
            for method in ("extensive", "decomposition"):
                sizes = {"materials": 5, "projects": 8, "states": states}
                yield {**base, **sizes, "method": method, "limit": 120.0}


def measure(job: Job) -> Job:
    """Run a job in a separate process. Return it with its figures, or with the error."""
    with tempfile.TemporaryDirectory() as empty:
        environment = dict(os.environ)
        if job.get("cold"):
            environment["NUMBA_CACHE_DIR"] = empty
        run = subprocess.run(
            [sys.executable, str(HERE), "--job", json.dumps(job)],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
    if run.returncode:
        return {**job, "failed": run.stderr.strip().splitlines()[-1:]}
    return {**job, **json.loads(run.stdout.splitlines()[-1])}


def plot(lines: list[Job], path: Path) -> None:
    """Draw gap against time of the yardstick and germany-2026, both axes logarithmic."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    matplotlib.rcParams.update({"svg.hashsalt": "vorrat", "font.size": 11})
    figure, axes = plt.subplots(figsize=(8, 4.5))
    for line in lines:
        if line["table"] == "yardstick" and line.get("curve"):
            name = "germany-2026" if line.get("germany") else "yardstick"
            name += f", {line['states']:,} states" + (
                "" if line.get("merge", True) else ", unmerged"
            )
            times, gaps = zip(*line["curve"], strict=True)
            axes.step(times, [100 * x for x in gaps], where="post", label=name)
    axes.axhline(0.1, color="grey", linewidth=0.8)
    axes.set(xscale="log", yscale="log", xlabel="seconds", ylabel="proven gap, %")
    for axis, ticks in ((axes.xaxis, (2, 5, 10, 20, 50)), (axes.yaxis, (0.1, 0.2, 0.5, 1, 2))):
        axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.minorticks_off()
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    tables = ("yardstick", "chains", "growth", "sweep", "pool", "ideas", "seeds", "rival", "auto")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", help=", ".join([*tables, "all"]))
    parser.add_argument("--limit", type=float, default=3600.0, help="seconds for rival and chains")
    parser.add_argument("--out", type=Path, help="file to add lines of JSON to")
    parser.add_argument("--plot", type=Path, help="SVG of gap against time, from --out")
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.job is not None:
        print(json.dumps(TASKS[args.job["task"]](args.job)))
        return
    if unknown := set(args.what) - {*tables, "all"}:
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    for what in tables if "all" in args.what else args.what:
        for job in jobs(what, args.limit):
            line = json.dumps(measure(job))
            print(line, flush=True)
            if args.out:
                with args.out.open("a") as file:
                    file.write(line + "\n")
    if args.plot:
        plot([json.loads(line) for line in args.out.read_text().splitlines()], args.plot)


if __name__ == "__main__":
    main()
