"""What points of a frontier give each other: germany-2026, each budget by itself and all together.

    python benchmarks/frontier.py --points 11
    python benchmarks/frontier.py --points 11 --states 200

One process for all, after a solve that compiles the sweep; the budgets are those of the frontier's
own range. Prints one line of JSON each: points by themselves, the same as a frontier, and a target.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

GERMANY = Path(__file__).resolve().parent.parent / "scenarios" / "germany-2026.yaml"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--points", type=int, default=11)
    parser.add_argument("--states", type=int, default=1000)
    parser.add_argument("--reduce", type=float, default=0.6)
    options = parser.parse_args()

    from models.files import read_case
    from optimizer.analyses.frontier import Grid, draw
    from optimizer.analyses.goal import Wanted
    from optimizer.analyses.target import reach
    from optimizer.analyses.variation import BUDGET, Variation

    small = read_case(GERMANY, settings=["uncertainty.sample.states=20"])
    draw(Variation(small, BUDGET), Grid(values=(500.0,)))

    reading = read_case(GERMANY, settings=[f"uncertainty.sample.states={options.states}"])
    variation = Variation(reading, BUDGET)

    began = time.perf_counter()
    whole = draw(variation, Grid(points=options.points))
    warm = time.perf_counter() - began
    values = [point.value for point in whole.frontier.points]

    began = time.perf_counter()
    alone = [draw(variation, Grid(values=(value,))) for value in values]
    cold = time.perf_counter() - began

    began = time.perf_counter()
    target = reach(variation, Wanted(reduction=options.reduce))
    show("target", time.perf_counter() - began, trials=len(target.trials), status=target.status,
         below=target.infeasible_below, at=target.feasible_at)  # fmt: skip

    for name, seconds, drawn in (("one by one", cold, alone), ("frontier", warm, [whole])):
        points = [point for one in drawn for point in one.frontier.points]
        work = [plan.certificate.work for one in drawn for plan in one.plans.values()]
        show(
            name,
            seconds,
            points=len(points),
            largest_gap=max(point.gap or 0.0 for point in points),
            sweeps=sum(one.get("sweeps", 0) for one in work),
            nodes=sum(one.get("nodes", 0) for one in work),
        )


def show(name: str, seconds: float, **more: Any) -> None:
    print(json.dumps({"job": name, "seconds": round(seconds, 1), **more}), flush=True)


if __name__ == "__main__":
    main()
