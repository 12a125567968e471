"""Time of the answers of a session, and of cold solves of the same questions.

    python benchmarks/sessions.py [FILE] [--count 50] [--seed 1] [--cold 5] [--gap 1e-3]

Each question changes one figure of the file at random: a budget, a ticket or a share by up to 30 %,
a price by up to 20 %, a project that must or must not be built, or with ``--recourse`` the
probability of a hazard or a damage. The first ``--cold`` questions are also solved cold, and the
objectives and bounds are compared. No parameter was tuned on seeds of 100 or more.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import vorrat
from models.scenario.references import Case
from optimizer.errors import Infeasible
from optimizer.solve.planner import Problem, solve_and_certify
from optimizer.solve.session import Session

Draw = Callable[[random.Random, Case], str]
TERMS = ("ticket_min_meur", "ticket_max_meur", "max_share")


def budget(draw: random.Random, case: Case) -> str:
    """Draw a setting of the budget of a funder."""
    f, most = draw.choice(
        [(f, x.budget_meur) for f, x in case.funders.items() if x.budget_meur is not None]
    )
    return f"funders.{f}.budget_meur={float(most) * draw.uniform(0.7, 1.3):.1f}"


def ticket(draw: random.Random, case: Case) -> str:
    """Draw a setting of a ticket limit or the largest share of an instrument."""
    f, i, term, now = draw.choice(
        [
            (f, i, term, float(getattr(x, term)))
            for f, funder in case.funders.items()
            for i, x in funder.instruments.items()
            for term in TERMS
            if getattr(x, term)
        ]
    )
    most = 1.0 if term == "max_share" else 1e9
    now = min(now * draw.uniform(0.7, 1.3), most)
    return f"funders.{f}.instruments.{i}.{term}={now:.4f}"


def price(draw: random.Random, case: Case) -> str:
    """Draw a setting of the price of a material that has a stockpile."""
    m = draw.choice([pile.material for pile in case.stockpiles])
    now = case.materials[m].price_eur_per_t
    now = now.at(case.horizon.years[-1]) if hasattr(now, "at") else float(now or 0)
    return f"materials.{m}.price_eur_per_t={now * draw.uniform(0.8, 1.2):.2f}"


def forced(draw: random.Random, case: Case) -> str:
    """Draw a setting that a project must be built, or must not be built."""
    return f"policy.must_{draw.choice(['', 'not_'])}build=[{draw.choice(list(case.projects))}]"


def hazard(draw: random.Random, case: Case) -> str:
    """Draw a setting of the annual probability of a hazard."""
    h = draw.choice([h for h, x in case.hazards.items() if hasattr(x.annual_probability, "at")])
    now = case.hazards[h].annual_probability.at(case.horizon.years[-1])
    return f"hazards.{h}.annual_probability={min(1.0, now * draw.uniform(0.7, 1.3)):.4f}"


def damage(draw: random.Random, case: Case) -> str:
    """Draw a setting of the damage per tonne on the first step of a damage entry."""
    n = draw.randrange(len(case.damage))
    now, *others = (float(step.eur_per_t) for step in case.damage[n].steps)
    most = min([1.3 * now, *others])  # steps rise
    return f"damage.{n}.steps.0.eur_per_t={draw.uniform(now, most):.2f}"


FIRST_STAGE: dict[str, Draw] = {
    "budget": budget,
    "ticket": ticket,
    "price": price,
    "forced": forced,
}
RECOURSE: dict[str, Draw] = {"hazard": hazard, "damage": damage}


def memory_mb() -> float:
    """Return the present resident memory of this process in MB (2**20 bytes)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def main() -> None:
    """Print a line of JSON for each question and one for each kind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", default="scenarios/germany-2026.yaml")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cold", type=int, default=0)
    parser.add_argument("--gap", type=float, default=1e-3)
    parser.add_argument("--recourse", action="store_true")
    args = parser.parse_args()
    scenario, draw, session = vorrat.read(args.file), random.Random(args.seed), Session()
    began = time.perf_counter()
    session.ask(scenario.case, gap=args.gap)
    print(json.dumps({"first": round(time.perf_counter() - began, 2), "mb": round(memory_mb())}))
    gc.collect()
    gc.freeze()
    rows: list[dict[str, Any]] = []
    kinds = RECOURSE if args.recourse else FIRST_STAGE
    for number in range(args.count):
        kind = draw.choice(list(kinds))
        setting, plans = kinds[kind](draw, scenario.case), list[float]()
        began = time.perf_counter()

        def first(_: Any, began: float = began, plans: list[float] = plans) -> None:
            plans.append(time.perf_counter() - began)

        case = scenario.reading.with_settings([setting]).case
        row: dict[str, Any] = {"kind": kind, "setting": setting}
        try:
            found = session.ask(case, gap=args.gap, on_incumbent=first)
            row |= {"objective": found.objective, "bound": found.certificate.bound}
            row |= {"nodes": found.certificate.work.get("nodes")}
        except Infeasible:
            row |= {"objective": None, "bound": None}
        row["seconds"] = time.perf_counter() - began
        row |= {"plan": plans[0] if plans else None, "mb": round(memory_mb())}
        if number < args.cold and row["objective"] is not None:
            began = time.perf_counter()
            cold = solve_and_certify(
                Problem.from_case(case), gap=args.gap, method="decomposition", damage_only=True
            )
            row["cold"] = time.perf_counter() - began
            assert row["bound"] <= cold.objective * (1 + 1e-9)
            assert cold.certificate.bound is not None
            assert cold.certificate.bound <= row["objective"] * (1 + 1e-9)
        rows.append(row)
        print(json.dumps(row))
    for kind in ("all", *kinds):
        own = [row for row in rows if kind in ("all", row["kind"])]
        if own:
            spent = np.array([row["seconds"] for row in own])
            plans = [row["plan"] for row in own if row["plan"] is not None]
            line = {"table": kind, "questions": len(own), "median": float(np.median(spent))}
            line |= {f"q{q}": float(np.quantile(spent, q / 100)) for q in (75, 90)}
            line |= {"most": float(spent.max()), "plan": float(np.median(plans or [np.nan]))}
            cold = [row for row in own if "cold" in row]
            if cold:
                line["ratio"] = sum(r["seconds"] for r in cold) / sum(r["cold"] for r in cold)
            print(
                json.dumps({k: round(v, 3) if isinstance(v, float) else v for k, v in line.items()})
            )


if __name__ == "__main__":
    main()
