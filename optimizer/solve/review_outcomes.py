"""What a plan decides at the review, as a document tells it."""

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
    from optimizer.solve.checked_solution import CheckedSolution


def outcome_after_review(solution: CheckedSolution) -> results.ReviewDecisions | None:
    """What is decided in each group of states, and what the review is worth; None without one."""
    instance, review = solution.instance, solution.instance.case.planned_review
    if review is None or not instance.branches:
        return None
    groups = []
    told = decisions_by_branch(instance, solution.commitment)
    for places, own in zip(branch_state_indices(instance, solution.states), told, strict=True):
        chance = solution.with_plan.probability[places]
        total = float(chance.sum())
        groups.append(
            results.ReviewGroup(
                **own,
                states=len(places),
                expected=_conditional_mean(chance, solution.with_plan.damage[places], total),
                expected_without_plan=_conditional_mean(
                    chance, solution.without_plan.damage[places], total
                ),
            )
        )
    now, proof = solution.no_review_optimum, solution.certificate
    bounds = (None, None) if now is None else (now.bound, proof.bound)
    return results.ReviewDecisions(
        year=int(review.year),
        groups=tuple(groups),
        now=None if now is None else now.objective,
        now_bound=bounds[0],
        worth=None if now is None else now.objective - proof.objective,
        worth_least=None if bounds[0] is None else max(0.0, bounds[0] - proof.objective),
        worth_most=None if now is None or bounds[1] is None else now.objective - bounds[1],
    )


def _conditional_mean(probability: Any, damage: Any, total_probability: float) -> float | None:
    return float(probability @ damage) / total_probability if total_probability > 0 else None


def decisions_by_branch(instance: Instance, commitment: Commitment) -> Iterator[dict[str, Any]]:
    """What is told of each group that no state has a part in, by field of ``Group``."""
    for g, path in enumerate(instance.branches):
        there, own = instance.on_branch(g), commitment.on_branch(g)
        yield {
            "seen": tuple(_observed_values(instance, path.observed)),
            "probability": min(1.0, path.probability),
            "net_cost_meur": plans.net_cost(there, own),
            "projects": tuple(plan_document.project_plans(there, own)),
            "stockpiles": tuple(plan_document.stockpile_plans(there, own)),
            "spend_meur": {
                f: values_by_year(there, x) for f, x in plans.budget_use(there, own).items()
            },
        }


def _observed_values(
    instance: Instance, observation: tuple[str, ...]
) -> Iterator[results.ObservedOutcome]:
    for one, seen in zip(review_observations(instance), observation, strict=True):
        if one.hazard is not None:
            yield results.ObservedOutcome(hazard=one.hazard, struck=seen == "yes")
        elif one.regime:
            yield results.ObservedOutcome(regime=seen)
        else:
            state = instance.case.materials[one.price or ""].price_states[int(seen)]
            yield results.ObservedOutcome(
                price=one.price, state=display_name(state.name, str(int(seen) + 1))
            )
