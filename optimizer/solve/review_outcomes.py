"""Decisions in the branches after the review, as part of the plan document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from models import results
from models.base import display_name
from optimizer.model import commitment as plans
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Instance
from optimizer.model.review import branch_state_indices, review_observations
from optimizer.solve import plan_document
from optimizer.solve.accounts import values_by_year

if TYPE_CHECKING:
    from optimizer.solve.set_outcomes import ReferenceOptimum, SetOutcome


def outcome_after_review(
    outcome: SetOutcome,
    commitment: Commitment,
    certificate: results.Certificate,
    no_review_optimum: ReferenceOptimum | None,
) -> results.ReviewDecisions | None:
    """Return the decisions in each review branch and the value of deferral; None if there is no
    review."""
    instance, review = outcome.instance, outcome.instance.case.planned_review
    if review is None or not instance.branches:
        return None
    groups = []
    decisions = decisions_by_branch(instance, commitment)
    for state_indices, group_fields in zip(
        branch_state_indices(instance, outcome.states), decisions, strict=True
    ):
        probability = outcome.with_plan.probability[state_indices]
        total_probability = float(probability.sum())
        groups.append(
            results.ReviewGroup(
                **group_fields,
                states=len(state_indices),
                expected=_conditional_mean(
                    probability, outcome.with_plan.damage[state_indices], total_probability
                ),
                expected_without_plan=_conditional_mean(
                    probability, outcome.without_plan.damage[state_indices], total_probability
                ),
            )
        )
    optimum, objective, bound = no_review_optimum, certificate.objective, certificate.bound
    optimum_without_review, bound_without_review = (
        (None, None) if optimum is None else (optimum.objective, optimum.bound)
    )
    return results.ReviewDecisions(
        year=int(review.year),
        groups=tuple(groups),
        now=optimum_without_review,
        now_bound=bound_without_review,
        worth=None if optimum_without_review is None else optimum_without_review - objective,
        worth_least=None
        if bound_without_review is None
        else max(0.0, bound_without_review - objective),
        worth_most=None
        if optimum_without_review is None or bound is None
        else optimum_without_review - bound,
    )


def _conditional_mean(probability: Any, damage: Any, total_probability: float) -> float | None:
    return float(probability @ damage) / total_probability if total_probability > 0 else None


def decisions_by_branch(instance: Instance, commitment: Commitment) -> Iterator[dict[str, Any]]:
    """Yield for each review branch those fields of ``ReviewGroup`` that do not depend on the
    states."""
    for g, branch in enumerate(instance.branches):
        branch_instance, branch_commitment = instance.on_branch(g), commitment.on_branch(g)
        yield {
            "seen": tuple(_observed_values(instance, branch.information_set)),
            "probability": min(1.0, branch.probability),
            "net_cost_meur": plans.net_cost(branch_instance, branch_commitment),
            "projects": tuple(plan_document.project_plans(branch_instance, branch_commitment)),
            "stockpiles": tuple(plan_document.stockpile_plans(branch_instance, branch_commitment)),
            "spend_meur": {
                f: values_by_year(branch_instance, x)
                for f, x in plans.budget_use(branch_instance, branch_commitment).items()
            },
        }


def _observed_values(
    instance: Instance, information_set: tuple[str, ...]
) -> Iterator[results.ObservedOutcome]:
    for observation, value in zip(review_observations(instance), information_set, strict=True):
        if observation.hazard is not None:
            yield results.ObservedOutcome(hazard=observation.hazard, struck=value == "yes")
        elif observation.regime:
            yield results.ObservedOutcome(regime=value)
        else:
            material = observation.price or ""
            yield results.ObservedOutcome(
                price=material, state=_price_state_name(instance, material, int(value))
            )


def _price_state_name(instance: Instance, material: str, index: int) -> str:
    """Return the name of a price state, its number if it has none, and for prices by year the last
    price before the review."""
    price_states = instance.case.materials[material].price_states
    review = instance.case.planned_review
    if index >= instance.prices[material].stated_count and review is not None:
        last_year_seen = int(review.year) - 1
        prices = instance.prices[material].price_by_state[index]
        return f"{last_year_seen}: {prices[last_year_seen - instance.years[0]]:g}"
    name = price_states[index].name if price_states else None
    return display_name(name, str(index + 1))
