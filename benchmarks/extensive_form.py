r"""Time and memory of the extensive form by number of states, and its plans for different seeds.

    python benchmarks/extensive_form.py tests/scenarios/germany-2026-oxides.yaml \
        --states 25 50 100 --seeds 5

Every measurement runs in a separate process, so that peak memory is that of one run. The columns
"floor" are for the same arrays without Pyomo: read from disk, passed to HiGHS and solved.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()


def peak_mb() -> float:
    """Return the peak resident memory of this process so far, in MB (2**20 bytes)."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Build, pass and solve the extensive form with this project, and return the figures of the
    run. With ``args.arrays`` the arrays are saved for :func:`floor`."""
    import numpy as np
    from scipy import sparse

    from models.files import read_case
    from optimizer.model import highs
    from optimizer.model.formulation import build_extensive_form
    from optimizer.model.instance import read_instance
    from optimizer.model.states import read_states
    from optimizer.solve.extensive_form import MIP_OPTIONS

    settings = [f"uncertainty.sample.states={args.count}", f"uncertainty.sample.seed={args.seed}"]
    case = read_case(args.scenario, variant=args.variant, settings=settings).case
    start = time.perf_counter()
    instance = read_instance(case)
    model = build_extensive_form(instance, read_states(instance))
    built = time.perf_counter()
    program = highs.compile_model(model).program
    compiled = time.perf_counter()
    solver = highs.load_solver(program)
    passed = time.perf_counter()
    memory_built = peak_mb()
    del solver
    if args.arrays:
        np.savez(
            args.arrays, **{name: getattr(program, name) for name in VECTORS}, offset=program.offset
        )
        sparse.save_npz(f"{args.arrays}.matrix.npz", program.matrix)
    if not args.solve:
        return {"build": built - start, "compile": compiled - built, "transfer": passed - compiled}
    solution = highs.solve(
        program, gap=args.gap, time_limit=args.time_limit, options={} if args.plain else MIP_OPTIONS
    )
    return {
        **program.size,
        "options": {} if args.plain else MIP_OPTIONS,
        "build": built - start,
        "compile": compiled - built,
        "transfer": passed - compiled,
        "solve": solution.seconds,
        "ended": solution.solver_status,
        "objective": solution.objective,
        "bound": solution.bound,
        "memory_built": memory_built,
        "memory": peak_mb(),
    }


VECTORS = ("cost", "row_lower", "row_upper", "lower", "upper", "is_integer")


def floor(args: argparse.Namespace) -> dict[str, Any]:
    """Solve saved arrays by HiGHS without Pyomo and this project; return the figures."""
    import highspy
    import numpy as np
    from scipy import sparse

    data = np.load(args.arrays)
    matrix = sparse.load_npz(f"{args.arrays}.matrix.npz")
    start = time.perf_counter()
    lp = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = matrix.shape
    lp.col_cost_, lp.offset_ = data["cost"], float(data["offset"])
    lp.row_lower_, lp.row_upper_ = data["row_lower"], data["row_upper"]
    lp.col_lower_, lp.col_upper_ = data["lower"], data["upper"]
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_ = matrix.indptr
    lp.a_matrix_.index_ = matrix.indices
    lp.a_matrix_.value_ = matrix.data
    types = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
    lp.integrality_ = [types[i] for i in data["is_integer"].astype(int)]
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    for name, value in args.options.items():
        solver.setOptionValue(name, value)
    solver.setOptionValue("mip_rel_gap", args.gap)
    solver.setOptionValue("mip_abs_gap", 0.0)
    solver.setOptionValue("time_limit", args.time_limit)
    solver.passModel(lp)
    passed = time.perf_counter()
    solver.run()
    info = solver.getInfo()
    return {
        "transfer": passed - start,
        "solve": time.perf_counter() - passed,
        "objective": info.objective_function_value,
        "bound": info.mip_dual_bound,
        "ended": solver.modelStatusToString(solver.getModelStatus()),
        "memory": peak_mb(),
    }


def solve_plan(args: argparse.Namespace) -> dict[str, Any]:
    """Compute a plan as the command does, and return its figures."""
    from models.files import read_case
    from optimizer.solve.planner import solve_to_plan

    settings = [f"uncertainty.sample.states={args.count}", f"uncertainty.sample.seed={args.seed}"]
    case = read_case(args.scenario, variant=args.variant, settings=settings).case
    result = solve_to_plan(case, gap=args.gap, time_limit=args.time_limit)
    return {
        "objective": result.certificate.objective,
        "gap": result.certificate.gap,
        "seconds": result.certificate.seconds,
        "expected": result.outcome.expected,
        "without": result.outcome.without_plan.expected,
        "worst": result.outcome.worst,
        "net_cost": result.outcome.net_cost_meur,
        "projects": {p.id: p.start for p in result.projects},
        "stocks": {s.id: sum(s.buy_t.values()) for s in result.stockpiles},
        "stock_cost": sum(sum(s.cost_meur.values()) for s in result.stockpiles),
    }


def child(task: str, args: argparse.Namespace, **changes: Any) -> dict[str, Any]:
    """Run one task in a separate process with changed arguments, and return its figures."""
    settings = json.dumps({**vars(args), **changes})
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    command = [sys.executable, str(HERE), args.scenario, "--task", task, "--passed", settings]
    completed = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    result: dict[str, Any] = json.loads(completed.stdout.splitlines()[-1])
    return result


def growth(args: argparse.Namespace) -> None:
    """Print a table of times and memory by number of states, with the floor."""
    head = "states rows columns non-zeros build_s compile_s transfer_s solve_s ended gap peak_MB"
    table_head([*head.split(), "floor:_transfer_s", "floor:_solve_s", "floor:_ended", "floor:_MB"])
    for count in args.states:
        with tempfile.TemporaryDirectory() as folder:
            arrays = str(Path(folder) / "arrays.npz")
            run = child("measure", args, count=count, arrays=arrays, solve=True)
            floor_run = child("floor", args, count=count, arrays=arrays, options=run["options"])
        gap = (
            (run["objective"] - run["bound"]) / abs(run["objective"]) if run["objective"] else None
        )
        table_row(
            [
                *(run[key] for key in ("rows", "columns", "nonzeros")),
                *(f"{run[key]:.2f}" for key in ("build", "compile", "transfer")),
                *(f"{run['solve']:.0f}", run["ended"]),
                "none" if gap is None else f"{gap:.2%}",
                f"{run['memory']:.0f}",
                *(f"{floor_run['transfer']:.2f}", f"{floor_run['solve']:.0f}", floor_run["ended"]),
                f"{floor_run['memory']:.0f}",
            ],
            count,
        )


def table_head(names: list[str]) -> None:
    table_row([name.replace("_", " ") for name in names])
    print("|" + "---:|" * len(names))


def table_row(cells: list[Any], *before: Any) -> None:
    print("| " + " | ".join(map(str, [*before, *cells])) + " |", flush=True)


def scatter(args: argparse.Namespace) -> None:
    """Print a table of the plans for different seeds, and how their decisions differ."""
    count = args.scatter_states
    plans = {}
    print(f"\n{count} states, seeds from {args.seed}\n")
    money_columns = ["objective", "expected", "without", "worst", "net_cost", "stock_cost"]
    table_head(["seed", "gap", "projects", *money_columns])
    for seed in range(args.seed, args.seed + args.seeds):
        plans[seed] = plan = child("plan", args, count=count, seed=seed)
        money = [f"{plan[key]:.0f}" for key in money_columns]
        table_row([f"{plan['gap']:.2%}", len(plan["projects"]), *money], seed)
    plan_counts: dict[str, int] = {}
    for plan in plans.values():
        for p in plan["projects"]:
            plan_counts[p] = plan_counts.get(p, 0) + 1
    print(f"\nBuilt in how many of {len(plans)} plans:")
    for p, plan_count in sorted(plan_counts.items(), key=lambda item: (-item[1], item[0])):
        print(f"- {p}: {plan_count}")
    print("\nBought, in tonnes, least and most over the seeds:")
    for h in next(iter(plans.values()))["stocks"]:
        purchases = [plan["stocks"][h] for plan in plans.values()]
        print(f"- {h}: {min(purchases):.4g} to {max(purchases):.4g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenario")
    parser.add_argument("--variant")
    parser.add_argument("--states", type=int, nargs="*", default=[25, 50, 100])
    parser.add_argument("--gap", type=float, default=1e-3)
    parser.add_argument("--time-limit", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--seeds", type=int, default=0, help="how many seeds to compare")
    parser.add_argument("--scatter-states", type=int, default=50)
    parser.add_argument(
        "--plain", action="store_true", help="with the solver's own options, not the project's"
    )
    parser.add_argument("--task", choices=["measure", "floor", "plan"], help=argparse.SUPPRESS)
    parser.add_argument("--passed", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.task:
        settings = {"arrays": None, "solve": False, **json.loads(args.passed)}
        tasks = {"measure": measure, "floor": floor, "plan": solve_plan}
        print("\n" + json.dumps(tasks[args.task](argparse.Namespace(**settings))))
        return
    if args.states:
        growth(args)
    if args.seeds:
        scatter(args)


if __name__ == "__main__":
    main()
