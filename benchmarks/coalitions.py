"""Solution of all coalitions of consortium.yaml with a common cut pool, and of each cold.

    python benchmarks/coalitions.py [FILE] [--state MODE] [--gap 1e-4] [--jobs 2] [--sample N]

Both ways run with the same number of processes, each warmed up by a small solve that compiles the
recourse evaluation. With ``--sample N`` only every N-th coalition is solved cold, and the ratio
refers to these. Each way prints a line of JSON. ``wall_seconds`` are those of all coalitions,
``solve_seconds`` the sum over the coalitions.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

CONSORTIUM = Path(__file__).resolve().parent.parent / "scenarios" / "consortium.yaml"


def main() -> None:
    from models.files import read_case
    from optimizer.analyses.split.coalition_values import coalition_query, read_game
    from optimizer.parallel import Workers

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", default=str(CONSORTIUM))
    parser.add_argument("--variant")
    parser.add_argument("--state", default="every")
    parser.add_argument("--gap", type=float, default=1e-4)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--sample", type=int, default=1)
    args = parser.parse_args()

    reading = read_case(args.file, args.variant)
    table = read_game(reading, args.state)
    masks = sorted(range(1, table.grand_coalition + 1), key=lambda mask: (-mask.bit_count(), mask))
    queries = [coalition_query(table, mask) for mask in masks]

    answers_by_way: dict[str, dict[int, Any]] = {}
    for name, make_solver in (("one pool", with_pool), ("each cold", cold)):
        chosen = queries if name == "one pool" else queries[:: args.sample]
        with Workers[Any, Any](make_solver, (table, args.gap), args.jobs) as workers:
            workers.map([queries[-1]] * args.jobs)
            began = time.perf_counter()
            answers = workers.map(chosen)
            seconds = time.perf_counter() - began
        answers_by_way[name] = {answer.key[0]: answer for answer in answers}
        show(name, seconds, list(answers))

    pooled, cold_answers = answers_by_way["one pool"], answers_by_way["each cold"]
    pooled_seconds = sum(pooled[mask].seconds for mask in cold_answers)
    cold_seconds = sum(answer.seconds for answer in cold_answers.values())
    difference = max(
        abs(pooled[mask].found - answer.found) / max(abs(answer.found), 1e-6)
        for mask, answer in cold_answers.items()
    )
    line = {"coalitions in both": len(cold_answers), "ratio": pooled_seconds / cold_seconds,
            "plans differ by at most": difference}  # fmt: skip
    print(json.dumps(line), flush=True)


def with_pool(table: Any, gap: float) -> Callable[[Any], Any]:
    """Return a function that solves each coalition with the cuts of the previous ones."""
    from optimizer.analyses.split.coalition_values import CoalitionSolver
    from optimizer.solve.session import Session

    return CoalitionSolver(table, Session(1, gap=gap))


def cold(table: Any, gap: float) -> Callable[[Any], Any]:
    """Return a function that solves each coalition cold."""
    return lambda query: with_pool(table, gap)(query)


def show(name: str, seconds: float, answers: Sequence[Any]) -> None:
    gaps = [(x.found - x.bound) / max(abs(x.found), 1e-6) for x in answers]
    line = {
        "way": name,
        "coalitions": len(answers),
        "wall_seconds": round(seconds, 1),
        "solve_seconds": round(sum(x.seconds for x in answers), 1),
        "largest_gap": max(gaps),
        "mean_gap": sum(gaps) / len(gaps),
    }
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    import coalitions  # workers find its functions by this name

    coalitions.main()
