"""All coalitions of consortium.yaml: from one pool of cuts against each from nothing.

    python benchmarks/coalitions.py [FILE] [--state MODE] [--gap 1e-4] [--jobs 2] [--sample N]

Both ways in one run, by as many processes, each warmed up by a small solve that compiles the sweep.
With ``--sample`` every so manyth coalition is solved cold, and the ratio is that over these. Prints
a line of JSON each. Seconds are wall time of the coalitions alone; those of each coalition are
added up, since other work may run on the machine.
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
    from optimizer.analyses.split.players import read_game
    from optimizer.analyses.split.subproblem import coalition_query
    from optimizer.parallel import Workers

    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("file", nargs="?", default=str(CONSORTIUM))
    asked.add_argument("--variant")
    asked.add_argument("--state", default="every")
    asked.add_argument("--gap", type=float, default=1e-4)
    asked.add_argument("--jobs", type=int, default=2)
    asked.add_argument("--sample", type=int, default=1)
    args = asked.parse_args()

    reading = read_case(args.file, args.variant)
    table = read_game(reading, args.state)
    masks = sorted(range(1, table.grand_coalition + 1), key=lambda mask: (-mask.bit_count(), mask))
    quests = [coalition_query(table, mask) for mask in masks]

    found: dict[str, dict[int, Any]] = {}
    for name, make in (("one pool", with_pool), ("each cold", cold)):
        chosen = quests if name == "one pool" else quests[:: args.sample]
        with Workers[Any, Any](make, (table, args.gap), args.jobs) as workers:
            workers.map([quests[-1]] * args.jobs)
            began = time.perf_counter()
            answers = workers.map(chosen)
            seconds = time.perf_counter() - began
        found[name] = {answer.key[0]: answer for answer in answers}
        show(name, seconds, list(answers))

    both = found["each cold"].keys()
    spent = {name: sum(own[mask].seconds for mask in both) for name, own in found.items()}
    apart = max(
        abs(found["one pool"][mask].found - found["each cold"][mask].found)
        / max(abs(found["each cold"][mask].found), 1e-6)
        for mask in both
    )
    line = {"coalitions in both": len(both), "ratio": spent["one pool"] / spent["each cold"],
            "plans differ by at most": apart}  # fmt: skip
    print(json.dumps(line), flush=True)


def with_pool(table: Any, gap: float) -> Callable[[Any], Any]:
    """Each coalition with the cuts of those before it."""
    from optimizer.analyses.split.subproblem import CoalitionSolver
    from optimizer.solve.session import Session

    return CoalitionSolver(table, Session(1, gap=gap))


def cold(table: Any, gap: float) -> Callable[[Any], Any]:
    """Each coalition from nothing."""
    return lambda quest: with_pool(table, gap)(quest)


def show(name: str, seconds: float, answers: Sequence[Any]) -> None:
    gaps = [(own.found - own.bound) / max(abs(own.found), 1e-6) for own in answers]
    line = {
        "way": name,
        "coalitions": len(answers),
        "wall_seconds": round(seconds, 1),
        "solve_seconds": round(sum(own.seconds for own in answers), 1),
        "largest_gap": max(gaps),
        "mean_gap": sum(gaps) / len(gaps),
    }
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
