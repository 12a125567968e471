"""One plan for four sets of assumptions: how long it takes to be proven how closely.

    python benchmarks/assumptions.py [--gap 0.005] [--states 1000] [--threads 2] [--seconds 300]

germany-2026 with its four sets, each in its own states, over their mean, the worst and the largest
regret, with a review in 2030 in four groups, and with both, the mean of the sets in four groups
each; beside them the file as it stands to the same gap; one process each, after a solve that
compiles the sweep. Prints a line of JSON each: seconds, the gap reached, peak memory, and when the
gap was below 10, 5, 2, 1, 0.5, 0.2 and 0.1 % for the first time. With ``--seconds`` a search goes
on for so long, for the end of that curve.
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
SETS, REVIEW = "objective.over_assumptions={}", "review.in_plans=true"
OVERS = {over: [SETS.format(over)] for over in ("null", "mean", "worst", "regret")}
OVERS |= {"review": [REVIEW], "both": [REVIEW, SETS.format("mean")]}
LEVELS = (0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)


def one(over: str, args: argparse.Namespace) -> None:
    """Solve over one measure, and print what it took."""
    from models.files import read_case
    from optimizer.model.highs import Progress
    from optimizer.solve.planner import Problem, solve_and_certify

    settings = [*OVERS[over], f"uncertainty.sample.states={args.states}"]
    reached: dict[float, float] = {}
    began = time.perf_counter()

    def reported(line: Progress) -> None:
        for level in LEVELS:
            if line.gap <= level:
                reached.setdefault(level, round(time.perf_counter() - began, 1))

    problem = Problem.from_case(read_case(GERMANY, settings=settings).case)
    gap, limit = (0.0, args.seconds) if args.seconds else (args.gap, None)
    how = {"threads": args.threads, "on_progress": reported, "time_limit": limit}
    found = solve_and_certify(problem, gap=gap, damage_only=True, **how)
    proof = found.certificate
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
    parser.add_argument("--over", choices=OVERS)
    args = parser.parse_args()
    if args.over:
        one(args.over, args)
        return
    again = [sys.executable, __file__, *sys.argv[1:], "--over"]
    few = ["null", "--states", "20", "--gap", "0.5", "--seconds", "0"]
    subprocess.run([*again, *few], check=True, stdout=subprocess.DEVNULL)
    for over in OVERS:
        subprocess.run([*again, over], check=True)


if __name__ == "__main__":
    main()
