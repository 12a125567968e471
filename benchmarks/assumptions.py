"""Time to prove gaps of one plan for four assumption sets.

    python benchmarks/assumptions.py [--gap 0.005] [--states 1000] [--threads 2] [--seconds 300]

Problems: germany-2026 unchanged; with its four assumption sets, each in its own states, over the
mean, the worst case and the largest regret; with a review in 2030 that has four branches; and with
both, over the mean. Each is solved in a process of its own, after a solve that compiles the
recourse evaluation. Each prints a line of JSON: seconds, gap, peak memory, and the seconds until
the gap was below 10, 5, 2, 1, 0.5, 0.2 and 0.1 % for the first time. With ``--seconds`` a search
goes on for this time instead of ending at ``--gap``.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GERMANY = ROOT / "scenarios" / "germany-2026.yaml"
CRITERION, REVIEW = "objective.over_assumptions={}", "review.in_plans=true"
SETTINGS = {over: [CRITERION.format(over)] for over in ("null", "mean", "worst", "regret")}
SETTINGS |= {"review": [REVIEW], "both": [REVIEW, CRITERION.format("mean")]}
GAP_LEVELS = (0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)


def measure(over: str, args: argparse.Namespace) -> None:
    """Solve one of the problems, and print its figures."""
    from models.files import read_case
    from optimizer.model.highs import Progress
    from optimizer.solve.planner import Problem, solve_and_certify

    settings = [*SETTINGS[over], f"uncertainty.sample.states={args.states}"]
    reached: dict[float, float] = {}
    began = time.perf_counter()

    def record_progress(progress: Progress) -> None:
        for level in GAP_LEVELS:
            if progress.gap <= level:
                reached.setdefault(level, round(time.perf_counter() - began, 1))

    problem = Problem.from_case(read_case(GERMANY, settings=settings).case)
    gap, limit = (0.0, args.seconds) if args.seconds else (args.gap, None)
    options = {"threads": args.threads, "on_progress": record_progress, "time_limit": limit}
    proof = solve_and_certify(problem, gap=gap, damage_only=True, **options).certificate
    line = {
        "over": over,
        "seconds": round(time.perf_counter() - began, 1),
        "gap": proof.gap,
        "objective": proof.objective,
        "bound": proof.bound,
        "states": proof.states,
        "groups": len(problem.instance.branches) or None,
        "regret_open": proof.regret_open,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "reached": reached,
    }
    print(json.dumps(line), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--gap", type=float, default=0.005)
    parser.add_argument("--states", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--over", choices=SETTINGS)
    args = parser.parse_args()
    if args.over:
        measure(args.over, args)
        return
    command = [sys.executable, __file__, *sys.argv[1:], "--over"]
    warm_up = ["null", "--states", "20", "--gap", "0.5", "--seconds", "0"]
    subprocess.run([*command, *warm_up], check=True, stdout=subprocess.DEVNULL)
    for over in SETTINGS:
        subprocess.run([*command, over], check=True)


if __name__ == "__main__":
    main()
