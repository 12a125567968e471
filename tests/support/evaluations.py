"""Plans to evaluate, and an evaluation by hand with every part."""

from __future__ import annotations

from functools import cache
from typing import Any

from small import CHINA, case, cut, stockpile

from models.results import (
    Distribution,
    Estimate,
    Evaluation,
    FreshOutcome,
    Information,
    MaterialOutcome,
    OptimalityGap,
    Performance,
    Plan,
    ProvenRange,
    ReleasePolicyOutcome,
    Replication,
    RuleMaterialOutcome,
    TailPlan,
    TailPremium,
    YearOutcome,
)
from models.results.plan import ConsumerOutcome
from models.scenario.references import Case
from optimizer.analyses.saved_plan import SavedPlan, load_saved_plan
from optimizer.solve.planner import solve_to_plan


def sampled(states: int = 40, seed: int = 7, **sections: Any) -> dict[str, Any]:
    """Three years, in each of which all supply is lost with a chance of one in ten; stock may be
    bought."""
    own: dict[str, Any] = {
        "supply": CHINA,
        "hazards": cut([1.0]),
        "stockpiles": [stockpile(max_t=50)],
        "uncertainty": {"sample": {"states": states, "seed": seed}},
    }
    return case(last_year=2028, **(own | sections))


def saved(raw: dict[str, Any], **fields: Any) -> Plan:
    """The best plan of a scenario, as it comes out of a file."""
    best = solve_to_plan(Case.model_validate(raw), gap=0.0, **fields)
    return Plan.model_validate_json(best.model_dump_json())


@cache
def judged(states: int = 40, method: str = "random", weight: float = 0.0) -> SavedPlan:
    """The plan of such a scenario, read back."""
    sample = {"states": states, "seed": 7, "method": method}
    objective = {"cost_weight": 1, "cvar": {"weight": weight, "level": 0.9}}
    return load_saved_plan(saved(sampled(uncertainty={"sample": sample}, objective=objective)))


def figure(value: float, error: float | None = 1.0) -> Estimate:
    return Estimate(value=value, standard_error=error)


def performance(expected: float, error: float | None = 1.0) -> Performance:
    return Performance(
        expected=figure(expected, error),
        cvar=figure(4 * expected, None if error is None else 4 * error),
        worst=10 * expected,
    )


def span(low: float, high: float) -> ProvenRange:
    return ProvenRange(low=low, high=high)


def by_hand(**changed: Any) -> Evaluation:
    """An evaluation of a plan that leaves 100 of 400, and 120 by the better rule."""
    levels = (0.0, 1.0)
    fresh = FreshOutcome(
        states=5000,
        sampled=True,
        seed=8,
        with_plan=performance(100),
        without_plan=performance(400, 4.0),
        avoided=figure(300, 3.0),
        objective=figure(150),
        optimism=figure(12, 2.0),
        distribution=Distribution(
            levels=levels, with_plan=(0, 1000), without_plan=(0, 4000), avoided=(0, 3000)
        ),
        by_year={
            "2026": YearOutcome(expected=60, expected_without_plan=300),
            "2027": YearOutcome(expected=40, expected_without_plan=100),
        },
        materials=(
            MaterialOutcome(
                id="ore", name="Ore", expected=100, expected_without_plan=400, by_year={}
            ),
        ),
        consumers=(
            ConsumerOutcome(id="a", name="A", expected=70, expected_without_plan=300),
            ConsumerOutcome(id="b", name="B", expected=30, expected_without_plan=100),
        ),
    )
    ore = {"id": "ore", "name": "Ore", "expected_with_foresight": 100}
    fields: dict[str, Any] = {
        "title": "A case",
        "variant": None,
        "currency": "EUR",
        "measure": "damage",
        "unit": "million EUR",
        "cvar_level": 0.95,
        "own_states": 1000,
        "own_expected": 88,
        "own_cvar": 390,
        "own_objective": 138,
        "own_gap": 1e-4,
        "net_cost_meur": 50,
        "fresh": fresh,
        "rules": (
            ReleasePolicyOutcome(
                reserve=0,
                performance=performance(130),
                above_foresight=figure(30, 0.5),
                materials=(RuleMaterialOutcome(**ore, expected=130),),
            ),
            ReleasePolicyOutcome(
                reserve=0.25,
                performance=performance(120),
                above_foresight=figure(20, 0.5),
                materials=(RuleMaterialOutcome(**ore, expected=120),),
            ),
        ),
        "gap": OptimalityGap(
            states=1000,
            replications=(
                Replication(seed=9, candidate=152, found=149, bound=148.9, gap=3.1),
                Replication(seed=10, candidate=151, found=149, bound=148.9, gap=2.1),
            ),
            mean=figure(2.6, 0.5),
            confidence=0.95,
            upper=5.75,
            solver_share=0.1,
            lower_bound=figure(148.9, 0.1),
        ),
        "information": Information(
            states=200,
            of_states=1000,
            distinct=180,
            recourse_problem=span(137.9, 138),
            wait_and_see=span(77.9, 78),
            wait_and_see_error=2.0,
            evpi=span(59.9, 60.1),
            mean_value_problem=span(10, 10.1),
            mean_plan=168,
            mean_plan_projects=("works",),
            mean_plan_stockpiles=(),
            vss=span(30, 30.1),
        ),
        "tail": TailPremium(
            level=0.95,
            neutral=TailPlan(
                weight=0, expected=88, cvar=390, net_cost_meur=50, gap=1e-4, projects=("works",)
            ),
            averse=TailPlan(
                weight=0.5, expected=92, cvar=300, net_cost_meur=70, gap=1e-4, projects=("mine",)
            ),
            premium=span(23.9, 24.1),
            bought=90,
        ),
        "seconds": {"fresh": 1.0, "rules": 2.0},
        "input_sha256": "ab" * 32,
        "versions": {"vorrat": "0"},
    }
    return Evaluation(**(fields | changed))
