"""What a plan leads to under each set of assumptions, as a document tells it."""

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
    """The outcome under the sets that a plan was made over, else under those that its scenario
    names, in lots of its own."""
    return solution.set_outcomes or tuple(_evaluate_other_sets(solution))


def assumption_outcomes(solution: CheckedSolution) -> Iterator[results.AssumptionSetOutcome]:
    """What is told of each set of assumptions."""
    case = solution.scenario or solution.instance.case
    sets = collect_set_outcomes(solution)
    objectives = [
        outcomes.objective_value(
            own.instance, own.with_plan, weighted_cost(own.instance, solution.commitment)
        )
        for own in sets
    ]
    over = solution.assumption_sets.criterion if solution.assumption_sets is not None else None
    decisive: float | None = None
    above = [
        x - (own.reference_optimum.objective if own.reference_optimum else 0.0)
        for x, own in zip(objectives, sets, strict=True)
    ]
    if over in ("worst", "regret"):
        decisive = max(above)
    for (id, told), own, objective, x in zip(
        case.assumptions.items(), sets, objectives, above, strict=True
    ):
        level = float(own.instance.case.objective.cvar.level)
        yield results.AssumptionSetOutcome(
            id=id,
            title=display_name(told.title, id),
            weight=float(told.weight),
            states=len(own.states),
            objective=objective,
            expected=own.with_plan.expected,
            cvar=own.with_plan.cvar(level),
            worst=own.with_plan.worst,
            worst_mean=plan_document.ambiguous_mean(own.instance, own.with_plan),
            net_cost_meur=net_cost(own.instance, solution.commitment),
            without_plan=results.WithoutPlan(
                expected=own.without_plan.expected,
                cvar=own.without_plan.cvar(level),
                worst=own.without_plan.worst,
            ),
            best=own.reference_optimum.objective if own.reference_optimum else None,
            best_bound=own.reference_optimum.bound if own.reference_optimum else None,
            regret=x if own.reference_optimum else None,
            decides=decisive is not None and decisive - x <= solution.gap_scale.rounding,
            broken_rules=tuple(broken_rules(own.instance, solution.commitment)),
        )


def _evaluate_other_sets(solution: CheckedSolution) -> Iterator[SetOutcome]:
    """The outcome under sets that a plan was not made over."""
    both, told = [solution.commitment, Commitment()], solution.instance.case.assumptions
    for id, case in cases_by_assumption_set(solution.instance.case).items():
        if not told[id].set:
            yield SetOutcome(
                solution.instance, solution.states, solution.with_plan, solution.without_plan
            )
            continue
        instance = read_instance(case, solution.instance.lot_tonnes)
        states = read_states(instance)
        if solution.instance.branches:
            sights = [path.observed for path in solution.instance.branches]
            instance = with_information_sets(instance, states, sights)
        seen, without = outcomes.evaluate_commitments(
            instance, states, both, threads=solution.threads
        )
        yield SetOutcome(instance, states, seen, without)
