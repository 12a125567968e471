"""Questions to a session: how long an answer takes, and a cold solve of the same question.

    python benchmarks/sessions.py [FILE] [--count 50] [--seed 1] [--cold 5] [--gap 1e-3]

Questions are drawn: a budget, a ticket or a share, a price, a project forced in or out, each by up
to 30 % of what the file says (a price by 20 %), and with ``--recourse`` the probability of a hazard
or a damage. Each is one of the file, not of the question before. ``--cold`` of them are solved once
more from nothing, and their answers compared. Nothing is tuned on the seeds from 100 on.
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
from models.scenario.case import Case
from optimizer.errors import Infeasible
from optimizer.solve.planner import Problem, solve_and_certify
from optimizer.solve.session import Session

Draw = Callable[[random.Random, Case], str]
TERMS = ("ticket_min_meur", "ticket_max_meur", "max_share")


def budget(draw: random.Random, case: Case) -> str:
    """The sum that a funder has."""
    f, most = draw.choice(
        [(f, x.budget_meur) for f, x in case.funders.items() if x.budget_meur is not None]
    )
    return f"funders.{f}.budget_meur={float(most) * draw.uniform(0.7, 1.3):.1f}"


def ticket(draw: random.Random, case: Case) -> str:
    """The least or the most that an instrument puts in."""
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
    """What a tonne of a material costs that can be bought for stock."""
    m = draw.choice([pile.material for pile in case.stockpiles])
    now = case.materials[m].price_eur_per_t
    now = now.at(case.horizon.years[-1]) if hasattr(now, "at") else float(now or 0)
    return f"materials.{m}.price_eur_per_t={now * draw.uniform(0.8, 1.2):.2f}"


def forced(draw: random.Random, case: Case) -> str:
    """A project that must be built, or must not."""
    return f"policy.must_{draw.choice(['', 'not_'])}build=[{draw.choice(list(case.projects))}]"


def hazard(draw: random.Random, case: Case) -> str:
    """How likely a hazard is in a year."""
    h = draw.choice([h for h, x in case.hazards.items() if hasattr(x.annual_probability, "at")])
    now = case.hazards[h].annual_probability.at(case.horizon.years[-1])
    return f"hazards.{h}.annual_probability={min(1.0, now * draw.uniform(0.7, 1.3)):.4f}"


def damage(draw: random.Random, case: Case) -> str:
    """What a missing tonne costs first."""
    n = draw.randrange(len(case.damage))
    now, *others = (float(step.eur_per_t) for step in case.damage[n].steps)
    most = min([1.3 * now, *others])  # steps rise
    return f"damage.{n}.steps.0.eur_per_t={draw.uniform(now, most):.2f}"


OUTSIDE: dict[str, Draw] = {"budget": budget, "ticket": ticket, "price": price, "forced": forced}
RECOURSE: dict[str, Draw] = {"hazard": hazard, "damage": damage}


def memory_mb() -> float:
    """Resident memory now."""
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
    asked = parser.parse_args()
    scenario, draw, session = vorrat.read(asked.file), random.Random(asked.seed), Session()
    began = time.perf_counter()
    session.ask(scenario.case, gap=asked.gap)
    print(json.dumps({"first": round(time.perf_counter() - began, 2), "mb": round(memory_mb())}))
    gc.collect()
    gc.freeze()
    rows: list[dict[str, Any]] = []
    kinds = RECOURSE if asked.recourse else OUTSIDE
    for number in range(asked.count):
        kind = draw.choice(list(kinds))
        setting, plans = kinds[kind](draw, scenario.case), list[float]()
        began = time.perf_counter()

        def first(_: Any, began: float = began, plans: list[float] = plans) -> None:
            plans.append(time.perf_counter() - began)

        case = scenario.reading.with_settings([setting]).case
        row: dict[str, Any] = {"kind": kind, "setting": setting}
        try:
            found = session.ask(case, gap=asked.gap, on_incumbent=first)
            row |= {"objective": found.objective, "bound": found.certificate.bound}
            row |= {"nodes": found.certificate.work.get("nodes")}
        except Infeasible:
            row |= {"objective": None, "bound": None}
        row["seconds"] = time.perf_counter() - began
        row |= {"plan": plans[0] if plans else None, "mb": round(memory_mb())}
        if number < asked.cold and row["objective"] is not None:
            began = time.perf_counter()
            cold = solve_and_certify(
                Problem.from_case(case), gap=asked.gap, method="decomposition", damage_only=True
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
