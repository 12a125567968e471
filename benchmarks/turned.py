"""Reversal of the decisions of a plan one by one: solved with the cuts of earlier solves, and cold.

    python benchmarks/turned.py [SCENARIO] [COUNT]

Each of the first COUNT projects must be built if the plan does not build it, and must not be built
otherwise. Both solves use one thread and the same gap, and each bound is checked against both
objectives.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

from models.files import read_case
from optimizer.solve.planner import Problem, solve_and_certify
from optimizer.solve.session import Session

GAP = 1e-4
SCENARIO = Path(__file__).parents[1] / "tests" / "scenarios" / "germany-2026-oxides.yaml"
"""An earlier germany-2026 without chains, so that times can be compared with earlier ones."""


def main(scenario: Path, count: int) -> None:
    reading = read_case(scenario)
    problem, session = Problem.from_case(reading.case).with_recourse(1), Session(1, gap=GAP)
    began = time.perf_counter()
    best = session.search(problem).certify()
    print(f"the plan itself: {time.perf_counter() - began:.1f} s, objective {best.objective:.1f}")
    print("| reversed | warm s | from scratch s | ratio | objectives |")
    print("|---|---:|---:|---:|---:|")
    total = [0.0, 0.0]
    for project in list(reading.case.projects)[:count]:
        rule = "must_not_build" if project in best.commitment.start else "must_build"
        reversed_problem = Problem.from_case(
            reading.with_settings([f"policy.{rule}=[{project}]"]).case
        )
        began = time.perf_counter()
        warm = session.search(replace(problem, instance=reversed_problem.instance)).certify()
        between = time.perf_counter()
        cold = solve_and_certify(reversed_problem, gap=GAP, threads=1, method="decomposition")
        seconds = between - began, time.perf_counter() - between
        total = [total[0] + seconds[0], total[1] + seconds[1]]
        for one, other in ((warm, cold), (cold, warm)):
            assert one.certificate.bound is not None
            assert one.certificate.bound <= other.objective * (1 + 1e-9)
        print(
            f"| {project} | {seconds[0]:.1f} | {seconds[1]:.1f} | {seconds[1] / seconds[0]:.1f} "
            f"| {warm.objective:.1f}, {cold.objective:.1f} |",
            flush=True,
        )
    print(f"| together | {total[0]:.1f} | {total[1]:.1f} | {total[1] / total[0]:.1f} | |")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    main(
        Path(arguments[0]) if arguments else SCENARIO,
        int(arguments[1]) if len(arguments) > 1 else 12,
    )
