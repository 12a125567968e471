"""Outcomes of a plan under each assumption set, and their parts of result documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models import results
from models.base import display_name
from models.files.reading import cases_by_assumption_set
from models.scenario.case import Case
from optimizer.model.commitment import Commitment, net_cost, weighted_cost
from optimizer.model.instance import Instance, read_instance
from optimizer.model.review import with_information_sets
from optimizer.model.risk_measure import SetMeasure
from optimizer.model.states import State, read_states
from optimizer.solve import plan_document
from optimizer.solve.verification import broken_rules

if TYPE_CHECKING:  # would load compiled code, which readers of a plan do not need
    from optimizer.solve.outcomes import PlanEvaluation
    from optimizer.solve.recourse import RecourseEvaluator


@dataclass(frozen=True)
class ReferenceOptimum:
    """Objective and bound of the best plan under one assumption set, or of the best plan without a
    review."""

    objective: float
    bound: float | None


@dataclass(frozen=True, eq=False)
class SetOutcome:
    """Evaluation of a plan under one assumption set."""

    instance: Instance
    states: Sequence[State]
    with_plan: PlanEvaluation
    without_plan: PlanEvaluation
    recourse: RecourseEvaluator | None = None
    reference_optimum: ReferenceOptimum | None = None  # reference of the regret

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "recourse": None}

    def objective(self, commitment: Commitment) -> float:
        """Return the objective of the commitment that was evaluated."""
        from optimizer.solve.outcomes import objective_value

        cost = weighted_cost(self.instance, commitment)
        return objective_value(self.instance, self.with_plan, cost)


def assumption_outcomes(
    case: Case,
    commitment: Commitment,
    set_outcomes: Sequence[SetOutcome],
    measure: SetMeasure,
    rounding: float,
) -> Iterator[results.AssumptionSetOutcome]:
    """Yield the outcome of a plan under each assumption set of a scenario. The largest objective or
    regret is the one that decides, within ``rounding``, unless ``measure`` is a mean."""
    objectives = [outcome.objective(commitment) for outcome in set_outcomes]
    regrets = [
        objective - (outcome.reference_optimum.objective if outcome.reference_optimum else 0.0)
        for objective, outcome in zip(objectives, set_outcomes, strict=True)
    ]
    largest = None if measure.is_additive else max(regrets)
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
            net_cost_meur=net_cost(outcome.instance, commitment),
            without_plan=results.WithoutPlan(
                expected=outcome.without_plan.expected,
                cvar=outcome.without_plan.cvar(level),
                worst=outcome.without_plan.worst,
            ),
            best=outcome.reference_optimum.objective if outcome.reference_optimum else None,
            best_bound=outcome.reference_optimum.bound if outcome.reference_optimum else None,
            regret=regret if outcome.reference_optimum else None,
            decides=largest is not None and largest - regret <= rounding,
            broken_rules=tuple(broken_rules(outcome.instance, commitment)),
        )


def evaluate_sets(
    reported_outcome: SetOutcome, commitment: Commitment, threads: int | None
) -> Iterator[SetOutcome]:
    """Evaluate a plan that was not made for assumption sets under each set of its scenario.
    ``reported_outcome`` is its evaluation in the scenario without changes."""
    from optimizer.solve.outcomes import evaluate_commitments

    reported_instance = reported_outcome.instance
    for id, case in cases_by_assumption_set(reported_instance.case).items():
        if not reported_instance.case.assumptions[id].set:
            yield reported_outcome
            continue
        instance = read_instance(case, reported_instance.lot_tonnes)
        states = read_states(instance)
        if reported_instance.branches:
            observations = [branch.information_set for branch in reported_instance.branches]
            instance = with_information_sets(instance, states, observations)
        with_plan, without_plan = evaluate_commitments(
            instance, states, [commitment, Commitment()], threads=threads
        )
        yield SetOutcome(instance, states, with_plan, without_plan)
