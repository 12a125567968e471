"""Coverage of the intervals of an evaluation: how often they contain figures known by enumeration.

    python benchmarks/intervals.py [--repetitions 200] [--states 200 2000 20000] [--review]

A case of two hazards in six years has 4,096 states of the world: each hazard occurs in a year or
not. All of them, with their probabilities, give the true mean and CVaR of a plan that was made for
20 sampled states, and the optimal plan. The plan is evaluated repeatedly, each time on fresh
states. Counted is how often 95 % intervals contain the true mean, CVaR, avoided damage and
objective, and how often the one-sided limit of the multiple replications (Mak, Morton and Wood
1999) is at least the true optimality gap of the plan. With ``--review`` there is a review in 2029,
which observes the hazards, and fresh states are assigned to the review branch with the most similar
observations; the limit is then omitted. Prints a line of JSON for each number of fresh states, and
one for the limit.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import time
from collections.abc import Iterator
from typing import Any

FIRST, LAST = 2026, 2031
HAZARDS = {"stop": ("CN", 0.08, 1.0), "strike": ("AU", 0.2, 0.7)}
"""Country, annual probability, and loss during a year, by hazard."""


def raw(uncertainty: dict[str, Any], review: bool = False) -> dict[str, Any]:
    """Return a scenario in which a project and a stockpile compete for one fund."""
    observe = [{"hazard": hazard} for hazard in HAZARDS]
    return {
        "review": {"year": 2029, "observe": observe} if review else None,
        "schema_version": 1,
        "title": "Two hazards",
        "currency": "EUR",
        "price_year": 2025,
        "horizon": {"first_year": FIRST, "last_year": LAST, "discount_rate": 0.03},
        "materials": {"ore": {"name": "Ore", "price_eur_per_t": 20_000}},
        "consumers": {"industry": {"name": "Industry"}},
        "demand": [{"consumer": "industry", "material": "ore", "t_per_year": 100}],
        "damage": [
            {
                "material": "ore",
                "steps": [
                    {"share": 0.3, "eur_per_t": 40_000},
                    {"share": 0.7, "eur_per_t": 200_000},
                ],
            }
        ],
        "supply": [
            {"material": "ore", "country": "CN", "share": 0.6},
            {"material": "ore", "country": "AU", "share": 0.4},
        ],
        "funders": {
            "fund": {
                "kind": "public",
                "name": "Fund",
                "instruments": {
                    "equity": {"offtake_per_share": 1.0, "budget_class": "financial_transaction"}
                },
            }
        },
        "projects": {
            "works": {
                "name": "Works",
                "country": "DE",
                "output_t_per_year": {"ore": 25},
                "construction_years": 1,
                "capex_meur": 5,
            }
        },
        "stockpiles": [
            {
                "id": "reserve",
                "material": "ore",
                "annual_loss": 0.02,
                "storage_eur_per_t_year": 1_000,
                "financing_rate": 0.03,
                "max_purchase_t_per_year": 40,
                "paid_by": {"fund": 1.0},
            }
        ],
        "hazards": {
            hazard: {
                "name": hazard,
                "annual_probability": probability,
                "effects": [{"country": country, "loss": [loss]}],
            }
            for hazard, (country, probability, loss) in HAZARDS.items()
        },
        "uncertainty": uncertainty,
        "objective": {"cost_weight": 1, "cvar": {"weight": 0.3, "level": 0.95}},
    }


def all_states() -> Iterator[dict[str, Any]]:
    """Yield all possible states with their probabilities."""
    years = range(FIRST, LAST + 1)
    cells = [(hazard, year) for hazard in HAZARDS for year in years]
    for strikes in itertools.product([False, True], repeat=len(cells)):
        struck = [cell for cell, does in zip(cells, strikes, strict=True) if does]
        yield {
            "probability": math.prod(
                HAZARDS[hazard][1] if does else 1 - HAZARDS[hazard][1]
                for (hazard, _), does in zip(cells, strikes, strict=True)
            ),
            "events": [{"hazard": hazard, "start": year} for hazard, year in struck],
        }


def main() -> None:
    from models.results import Plan
    from models.scenario.references import Case
    from optimizer.analyses.evaluation.fresh_states import (
        describe_fresh_evaluation,
        estimate_optimality_gap,
        evaluate_fresh_states,
    )
    from optimizer.analyses.saved_plan import load_saved_plan
    from optimizer.model.commitment import Commitment, weighted_cost
    from optimizer.model.review import with_information_sets
    from optimizer.report.cells import half_width_95
    from optimizer.solve import outcomes
    from optimizer.solve.planner import Problem, solve_and_certify, solve_to_plan

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--states", type=int, nargs="*", default=[200, 2000, 20_000])
    parser.add_argument("--replications", type=int, default=10)
    parser.add_argument("--replication-states", type=int, default=50)
    parser.add_argument("--review", action="store_true")
    args = parser.parse_args()

    sample = {"sample": {"states": 20, "seed": 0}}
    made = solve_to_plan(Case.model_validate(raw(sample, args.review)), gap=0.0)
    saved_plan = load_saved_plan(Plan.model_validate_json(made.model_dump_json()))
    commitment = saved_plan.solution.commitment

    every = {"states": list(all_states())}
    world = Problem.from_case(Case.model_validate(raw(every, args.review)))
    information_sets = [b.information_set for b in saved_plan.problem.instance.branches]
    instance = with_information_sets(world.instance, world.states, information_sets)
    commitments = [commitment, Commitment()]
    with_plan, without = outcomes.evaluate_commitments(instance, world.states, commitments)
    cost = weighted_cost(instance, commitment)
    best = solve_and_certify(world, gap=1e-7)
    true = {
        "mean": with_plan.expected,
        "cvar": with_plan.cvar(0.95),
        "avoided": without.expected - with_plan.expected,
        "objective": outcomes.objective_value(instance, with_plan, cost),
    }
    true_gap = true["objective"] - best.objective
    show({"true": true, "best": best.objective, "lacks": true_gap, "states": len(world.states)})

    for states in args.states:
        held = dict.fromkeys(true, 0)
        errors = dict.fromkeys(true, 0.0)
        for r in range(args.repetitions):
            reported = describe_fresh_evaluation(evaluate_fresh_states(saved_plan, states, 1 + r))
            figures = {
                "mean": reported.with_plan.expected,
                "cvar": reported.with_plan.cvar,
                "avoided": reported.avoided,
                "objective": reported.objective,
            }
            for figure, estimate in figures.items():
                held[figure] += abs(estimate.value - true[figure]) <= half_width_95(estimate)
                errors[figure] += (estimate.value - true[figure]) / args.repetitions
        show(
            {
                "fresh_states": states,
                "held": {figure: count / args.repetitions for figure, count in held.items()},
                "mean_error": {figure: round(off, 4) for figure, off in errors.items()},
            }
        )

    if args.review:
        return
    began, above, limits = time.perf_counter(), 0, 0.0
    for r in range(args.repetitions):
        fresh = evaluate_fresh_states(saved_plan, 2000, 1 + r * (args.replications + 2))
        gap = estimate_optimality_gap(
            fresh, args.replications, args.replication_states, gap=1e-6, jobs=1
        )
        above += gap.upper >= true_gap
        limits += gap.upper / args.repetitions
    show(
        {
            "replications": args.replications,
            "of_states": args.replication_states,
            "limit_not_below": above / args.repetitions,
            "mean_limit": limits,
            "lacks": true_gap,
            "seconds": round(time.perf_counter() - began, 1),
        }
    )


def show(reported: dict[str, Any]) -> None:
    print(json.dumps(reported), flush=True)


if __name__ == "__main__":
    main()
