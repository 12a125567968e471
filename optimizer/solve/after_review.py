"""What a plan decides at the review, as a document tells it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from models import results
from models.base import named
from optimizer.model import commitment as plans
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Instance
from optimizer.model.review import by_path, observed
from optimizer.solve import plan_document
from optimizer.solve.accounts import by_year

if TYPE_CHECKING:
    from optimizer.solve.checked_solution import Found


def after_review(found: Found) -> results.AfterReview | None:
    """What is decided in each group of states, and what the review is worth; None without one."""
    instance, review = found.instance, found.instance.case.decides_again
    if review is None or not instance.paths:
        return None
    groups = []
    told = decided(instance, found.commitment)
    for places, own in zip(by_path(instance, found.states), told, strict=True):
        chance = found.with_plan.probability[places]
        total = float(chance.sum())
        groups.append(
            results.Group(
                **own,
                states=len(places),
                expected=_mean(chance, found.with_plan.damage[places], total),
                expected_without_plan=_mean(chance, found.without_plan.damage[places], total),
            )
        )
    now, proof = found.now, found.certificate
    bounds = (None, None) if now is None else (now.bound, proof.bound)
    return results.AfterReview(
        year=int(review.year),
        groups=tuple(groups),
        now=None if now is None else now.objective,
        now_bound=bounds[0],
        worth=None if now is None else now.objective - proof.objective,
        worth_least=None if bounds[0] is None else max(0.0, bounds[0] - proof.objective),
        worth_most=None if now is None or bounds[1] is None else now.objective - bounds[1],
    )


def _mean(chance: Any, damage: Any, total: float) -> float | None:
    return float(chance @ damage) / total if total > 0 else None


def decided(instance: Instance, commitment: Commitment) -> Iterator[dict[str, Any]]:
    """What is told of each group that no state has a part in, by field of ``Group``."""
    for g, path in enumerate(instance.paths):
        there, own = instance.on_path(g), commitment.on(g)
        yield {
            "seen": tuple(_seen(instance, path.sight)),
            "probability": min(1.0, path.chance),
            "net_cost_meur": plans.net_cost(there, own),
            "projects": tuple(plan_document.projects(there, own)),
            "stockpiles": tuple(plan_document.stockpiles(there, own)),
            "spend_meur": {f: by_year(there, x) for f, x in plans.spend(there, own).items()},
        }


def _seen(instance: Instance, sight: tuple[str, ...]) -> Iterator[results.Seen]:
    for one, seen in zip(observed(instance), sight, strict=True):
        if one.hazard is not None:
            yield results.Seen(hazard=one.hazard, struck=seen == "yes")
        elif one.regime:
            yield results.Seen(regime=seen)
        else:
            state = instance.case.materials[one.price or ""].price_states[int(seen)]
            yield results.Seen(price=one.price, state=named(state.name, str(int(seen) + 1)))
