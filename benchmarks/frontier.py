"""Work that the points of a frontier save each other: budgets of germany-2026, alone and together.

    python benchmarks/frontier.py

All run in one process, after a solve that compiles the recourse evaluation. Each prints a line of
JSON: eleven budgets over the whole range of the frontier, and eleven close to each other, one by
one and as a frontier; and a target. Processor seconds count all threads; they hardly depend on
other processes of the machine.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
GERMANY = ROOT / "tests" / "scenarios" / "germany-2026-oxides.yaml"
"""An earlier germany-2026 without chains, so that times can be compared with earlier ones."""
RANGES = {"0 to 1,960": (0.0, 1960.0), "1,500 to 1,900": (1500.0, 1900.0)}


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()

    from models.files import read_case
    from optimizer.analyses.analysis_options import FrontierOptions, TargetOptions
    from optimizer.analyses.frontier.tracing import TracedFrontier, trace_frontier
    from optimizer.analyses.target.least_value import find_least_value
    from optimizer.analyses.variation import BUDGET_PATH, Variation, evenly_spaced

    small = read_case(GERMANY, settings=["uncertainty.sample.states=20"])
    trace_frontier(Variation(small, BUDGET_PATH), FrontierOptions(values=(500.0,)))
    variation = Variation(read_case(GERMANY), BUDGET_PATH)

    def points(values: tuple[float, ...]) -> TracedFrontier:
        return trace_frontier(variation, FrontierOptions(values=values))

    for name, (first, last) in RANGES.items():
        values = tuple(evenly_spaced(first, last, 11))
        measure(f"{name}, together", lambda values=values: [points(values)])
        measure(f"{name}, one by one", lambda values=values: [points((v,)) for v in values])

    began, used = time.perf_counter(), time.process_time()
    target = find_least_value(variation, TargetOptions(reduction=0.6))
    show("target", began, used, trials=len(target.trials), status=target.status,
         below=target.infeasible_below, at=target.feasible_at)  # fmt: skip


def measure(name: str, solve: Callable[[], list[Any]]) -> None:
    """Solve, and print time and work."""
    began, used = time.perf_counter(), time.process_time()
    frontiers = solve()
    points = [point for traced in frontiers for point in traced.frontier.points]
    work = [plan.certificate.work for traced in frontiers for plan in traced.plans.values()]
    show(
        name,
        began,
        used,
        points=len(points),
        largest_gap=max(point.gap or 0.0 for point in points),
        **{k: sum(w.get(k, 0) for w in work) for k in ("sweeps", "node_sweeps", "iterations")},
    )


def show(name: str, began: float, used: float, **figures: Any) -> None:
    """Print figures, the wall time since ``began`` and the processor time since ``used``."""
    seconds = round(time.perf_counter() - began, 1)
    processor = round(time.process_time() - used, 1)
    line = {"job": name, "seconds": seconds, "processor_seconds": processor, **figures}
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
