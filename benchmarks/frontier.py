"""What points of a frontier give each other: germany-2026, each budget by itself and all together.

    python benchmarks/frontier.py

One process for all, after a solve that compiles the sweep. Prints a line of JSON each: eleven
budgets over the frontier's whole range, and eleven near each other, by themselves and as a
frontier; and a target. Processor seconds count all threads; they hardly depend on what else runs on
the machine.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
GERMANY = ROOT / "tests" / "scenarios" / "germany-2026-oxides.yaml"
"""germany-2026 as it was before chains, so that times can be held against earlier ones."""
RANGES = {"0 to 1,960": (0.0, 1960.0), "1,500 to 1,900": (1500.0, 1900.0)}


def main() -> None:
    from models.files import read_case
    from optimizer.analyses.frontier.options import FrontierOptions
    from optimizer.analyses.frontier.tracing import TracedFrontier, trace_frontier
    from optimizer.analyses.target.least_value import find_least_value
    from optimizer.analyses.target.options import TargetOptions
    from optimizer.analyses.variation import BUDGET_PATH, Variation, evenly_spaced

    small = read_case(GERMANY, settings=["uncertainty.sample.states=20"])
    trace_frontier(Variation(small, BUDGET_PATH), FrontierOptions(values=(500.0,)))
    variation = Variation(read_case(GERMANY), BUDGET_PATH)

    def points(values: tuple[float, ...]) -> TracedFrontier:
        return trace_frontier(variation, FrontierOptions(values=values))

    for name, (first, last) in RANGES.items():
        values = tuple(evenly_spaced(first, last, 11))
        measured(f"{name}, together", lambda values=values: [points(values)])
        measured(f"{name}, one by one", lambda values=values: [points((v,)) for v in values])

    began, used = time.perf_counter(), time.process_time()
    target = find_least_value(variation, TargetOptions(reduction=0.6))
    show("target", began, used, trials=len(target.trials), status=target.status,
         below=target.infeasible_below, at=target.feasible_at)  # fmt: skip


def measured(name: str, solve: Callable[[], list[Any]]) -> None:
    """Solve, and return time and work."""
    began, used = time.perf_counter(), time.process_time()
    drawn = solve()
    found = [point for one in drawn for point in one.frontier.points]
    work = [plan.certificate.work for one in drawn for plan in one.plans.values()]
    show(
        name,
        began,
        used,
        points=len(found),
        largest_gap=max(point.gap or 0.0 for point in found),
        **{k: sum(w.get(k, 0) for w in work) for k in ("sweeps", "node_sweeps", "iterations")},
    )


def show(name: str, began: float, used: float, **more: Any) -> None:
    seconds = round(time.perf_counter() - began, 1)
    processor = round(time.process_time() - used, 1)
    line = {"job": name, "seconds": seconds, "processor_seconds": processor, **more}
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
