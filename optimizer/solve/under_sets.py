"""What a plan leads to under each set of assumptions, as a document tells it."""

from __future__ import annotations

from collections.abc import Iterator

from models import results
from models.base import named
from models.files.reading import under_assumptions
from optimizer.model.commitment import Commitment, net_cost, weighed_cost
from optimizer.model.instance import read_instance
from optimizer.model.review import with_sights
from optimizer.model.states import read_states
from optimizer.solve import outcomes, plan_document
from optimizer.solve.checked_solution import Found, Under
from optimizer.solve.verification import broken_rules


def told_sets(found: Found) -> tuple[Under, ...]:
    """The outcome under the sets that a plan was made over, else under those that its scenario
    names, in lots of its own."""
    return found.sets or tuple(_read(found))


def outcomes_under(found: Found) -> Iterator[results.UnderAssumptions]:
    """What is told of each set of assumptions."""
    case = found.scenario or found.instance.case
    sets = told_sets(found)
    objectives = [
        outcomes.objective(
            own.instance, own.with_plan, weighed_cost(own.instance, found.commitment)
        )
        for own in sets
    ]
    over = found.together.over if found.together is not None else None
    decisive: float | None = None
    above = [
        x - (own.best.objective if own.best else 0.0)
        for x, own in zip(objectives, sets, strict=True)
    ]
    if over in ("worst", "regret"):
        decisive = max(above)
    for (id, told), own, objective, x in zip(
        case.assumptions.items(), sets, objectives, above, strict=True
    ):
        level = float(own.instance.case.objective.cvar.level)
        yield results.UnderAssumptions(
            id=id,
            title=named(told.title, id),
            weight=float(told.weight),
            states=len(own.states),
            objective=objective,
            expected=own.with_plan.expected,
            cvar=own.with_plan.cvar(level),
            worst=own.with_plan.worst,
            worst_mean=plan_document.worst_mean(own.instance, own.with_plan),
            net_cost_meur=net_cost(own.instance, found.commitment),
            without_plan=results.WithoutPlan(
                expected=own.without_plan.expected,
                cvar=own.without_plan.cvar(level),
                worst=own.without_plan.worst,
            ),
            best=own.best.objective if own.best else None,
            best_bound=own.best.bound if own.best else None,
            regret=x if own.best else None,
            decides=decisive is not None and decisive - x <= found.sizes.rounding,
            broken_rules=tuple(broken_rules(own.instance, found.commitment)),
        )


def _read(found: Found) -> Iterator[Under]:
    """The outcome under sets that a plan was not made over."""
    both, told = [found.commitment, Commitment()], found.instance.case.assumptions
    for id, case in under_assumptions(found.instance.case).items():
        if not told[id].set:
            yield Under(found.instance, found.states, found.with_plan, found.without_plan)
            continue
        instance = read_instance(case, found.instance.lot_t)
        states = read_states(instance)
        if found.instance.paths:
            sights = [path.sight for path in found.instance.paths]
            instance = with_sights(instance, states, sights)
        seen, without = outcomes.evaluate(instance, states, both, threads=found.threads)
        yield Under(instance, states, seen, without)
