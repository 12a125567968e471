"""Outcomes of a plan under each assumption set, as parts of result documents."""

from __future__ import annotations

from collections.abc import Iterator

from models import results
from models.base import display_name
from models.files.reading import cases_by_assumption_set
from optimizer.model.commitment import Commitment, net_cost, weighted_cost
from optimizer.model.instance import read_instance
from optimizer.model.review import with_information_sets
from optimizer.model.states import read_states
from optimizer.solve import outcomes, plan_document
from optimizer.solve.checked_solution import CheckedSolution, SetOutcome
from optimizer.solve.verification import broken_rules


def collect_set_outcomes(solution: CheckedSolution) -> tuple[SetOutcome, ...]:
    """Return the evaluation of a plan under each assumption set that it was made for; if there are
    none, under each set of its scenario."""
    return solution.set_outcomes or tuple(_evaluate_other_sets(solution))


def assumption_outcomes(solution: CheckedSolution) -> Iterator[results.AssumptionSetOutcome]:
    """Yield the outcome of a plan under each assumption set."""
    case = solution.scenario or solution.instance.case
    set_outcomes = collect_set_outcomes(solution)
    objectives = [
        outcomes.objective_value(
            outcome.instance,
            outcome.with_plan,
            weighted_cost(outcome.instance, solution.commitment),
        )
        for outcome in set_outcomes
    ]
    criterion = solution.assumption_sets.criterion if solution.assumption_sets is not None else None
    largest: float | None = None
    regrets = [
        objective - (outcome.reference_optimum.objective if outcome.reference_optimum else 0.0)
        for objective, outcome in zip(objectives, set_outcomes, strict=True)
    ]
    if criterion in ("worst", "regret"):
        largest = max(regrets)
    for (id, assumption_set), outcome, objective, regret in zip(
        case.assumptions.items(), set_outcomes, objectives, regrets, strict=True
    ):
        level = float(outcome.instance.case.objective.cvar.level)
        yield results.AssumptionSetOutcome(
            id=id,
            title=display_name(assumption_set.title, id),
            weight=float(assumption_set.weight),
            states=len(outcome.states),
            objective=objective,
            expected=outcome.with_plan.expected,
            cvar=outcome.with_plan.cvar(level),
            worst=outcome.with_plan.worst,
            worst_mean=plan_document.ambiguous_mean(outcome.instance, outcome.with_plan),
            net_cost_meur=net_cost(outcome.instance, solution.commitment),
            without_plan=results.WithoutPlan(
                expected=outcome.without_plan.expected,
                cvar=outcome.without_plan.cvar(level),
                worst=outcome.without_plan.worst,
            ),
            best=outcome.reference_optimum.objective if outcome.reference_optimum else None,
            best_bound=outcome.reference_optimum.bound if outcome.reference_optimum else None,
            regret=regret if outcome.reference_optimum else None,
            decides=largest is not None and largest - regret <= solution.gap_scale.rounding,
            broken_rules=tuple(broken_rules(outcome.instance, solution.commitment)),
        )


def _evaluate_other_sets(solution: CheckedSolution) -> Iterator[SetOutcome]:
    """Evaluate a plan under each assumption set of its scenario. The plan was not made for these
    sets."""
    commitments = [solution.commitment, Commitment()]
    assumptions = solution.instance.case.assumptions
    for id, case in cases_by_assumption_set(solution.instance.case).items():
        if not assumptions[id].set:
            yield SetOutcome(
                solution.instance, solution.states, solution.with_plan, solution.without_plan
            )
            continue
        instance = read_instance(case, solution.instance.lot_tonnes)
        states = read_states(instance)
        if solution.instance.branches:
            observations = [branch.observed for branch in solution.instance.branches]
            instance = with_information_sets(instance, states, observations)
        with_plan, without_plan = outcomes.evaluate_commitments(
            instance, states, commitments, threads=solution.threads
        )
        yield SetOutcome(instance, states, with_plan, without_plan)
