"""Processor time of six budgets by a session, and by separate solves.

    python benchmarks/budgets.py [--sizes 8x100 12x500 15x1000] [--chains] [--seeds 6] [--first 401]

Each scenario is a random yardstick of some projects and states over 12 years, with six materials or
with two chains. Its public budget is multiplied by six factors, in an order that rises and falls.
Each question is answered by ``Session.ask`` and by ``vorrat.solve``, with one thread, after a solve
that compiles the recourse evaluation. Solves are timed with and without the computations for their
result file. Bounds and objectives of both are compared. No parameter was tuned on seeds of 400 or
more.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import TypeVar

from yardstick import make_yardstick
from yardstick_chains import make_chains

import vorrat
from optimizer.solve.planner import Problem, solve_and_certify

FACTORS = (1.0, 0.7, 0.8, 0.9, 1.15, 1.3)
Result = TypeVar("Result")


def timed(function: Callable[[], Result]) -> tuple[float, Result]:
    """Return the processor time of a call in seconds, and its result."""
    began = time.process_time()
    result = function()
    return time.process_time() - began, result


def measure(projects: int, states: int, seed: int, chains: bool) -> dict[str, float]:
    """Return the processor times of all six budgets."""
    size = {"projects": projects, "states": states, "seed": seed, "years": 12}
    make = make_chains if chains else make_yardstick
    kinds = {"chains": 2, "mixed": 0} if chains else {"materials": 6}
    scenario = vorrat.read(make(**kinds, **size))
    budget = float(scenario.case.policy.budget_meur or 0)
    session = vorrat.Session(scenario, threads=1)
    seconds = {"ask": 0.0, "solve": 0.0, "solve_without_file": 0.0}
    for factor in FACTORS:
        changed = {"policy.budget_meur": round(budget * factor, 1)}
        spent, answer = timed(lambda changed=changed: session.ask(changed))
        seconds["ask"] += spent
        seconds.setdefault("first", spent)
        scenario_now = scenario.changed(changed)
        spent, plan = timed(lambda now=scenario_now: vorrat.solve(now, threads=1))
        seconds["solve"] += spent
        spent, cold = timed(
            lambda now=scenario_now: solve_and_certify(
                Problem.from_case(now.case), gap=1e-3, threads=1, damage_only=True
            )
        )
        seconds["solve_without_file"] += spent
        assert answer.complete
        for proof in (plan.result.certificate, cold.certificate):
            assert proof.status == "optimal"
            assert proof.bound <= answer.objective * (1 + 1e-9)
            assert answer.bound <= proof.objective * (1 + 1e-9)
    return seconds


def main() -> None:
    """Print a line of JSON for each scenario and one for each size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=["8x100", "12x500", "15x1000"])
    parser.add_argument("--chains", action="store_true")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--first", type=int, default=401)
    args = parser.parse_args()
    measure(8, 20, 1, args.chains)
    for size in args.sizes:
        projects, states = map(int, size.split("x"))
        rows = []
        for seed in range(args.first, args.first + args.seeds):
            rows.append(measure(projects, states, seed, args.chains))
            line = {key: round(spent, 2) for key, spent in rows[-1].items()}
            print(json.dumps({"size": size, "seed": seed, **line}), flush=True)
        totals = {key: sum(row[key] for row in rows) for key in rows[0]}
        ratios = {
            f"{key}_ratio": round(totals[key] / totals["ask"], 2)
            for key in ("solve", "solve_without_file")
        }
        per_row = sorted(round(row["solve_without_file"] / row["ask"], 2) for row in rows)
        print(json.dumps({"table": size, "chains": args.chains, **ratios, "ratios": per_row}))


if __name__ == "__main__":
    main()
