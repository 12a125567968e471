"""What caring for the worst states costs in the mean, and what it buys."""

from __future__ import annotations

from collections.abc import Callable

from models.language import tr
from models.results import ProvenRange, TailPlan, TailPremium
from optimizer.analyses.evaluation.estimates import weighing
from optimizer.analyses.given import GivenPlan
from optimizer.errors import Interrupted, NoPlan
from optimizer.model.commitment import weighed_cost
from optimizer.model.highs import Progress
from optimizer.solve.checked_solution import Found
from optimizer.solve.decomposition import CutPool
from optimizer.solve.gap import is_within
from optimizer.solve.planner import find


def tail_premium(
    given: GivenPlan,
    *,
    weight: float,
    gap: float = 1e-4,
    time_limit: float | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> TailPremium:
    """A plan that minds the mean alone beside one that gives the worst states a weight.

    Cuts hold for any weight, so that the second solve starts from those of the first. The given
    plan stands for itself where its scenario has one of the two weights and it is proven to the
    gap; else it and its bound count beside what is found. The premium is what the
    second plan's mean objective (expected damage and weighed cost) has above the least there is:
    above the first plan's bound at most, above its objective at least.

    ``weight`` is that of the tail in the second plan's objective, ``time_limit`` that of each of
    the two in seconds. Raises Interrupted or NoPlan if it was stopped, or a limit was met before
    there was a plan and a bound.
    """
    pool, cvar = CutPool(), given.problem.instance.case.objective.cvar
    level, certificate = float(cvar.level), given.found.certificate

    def best(wanted: float) -> Found:
        known = wanted == float(cvar.weight) and certificate.bound is not None
        if known and is_within(certificate.objective, certificate.bound, gap):
            return given.found
        problem = weighing(given, wanted)
        found = find(problem, gap=gap, time_limit=time_limit, pool=pool, on_progress=on_progress)
        if found.interrupted:
            raise Interrupted(tr("stopped before the plans of both weights were found"))
        if not known:
            return found
        better = min(found, given.found, key=lambda one: one.objective)
        bounds = [b for b in (found.certificate.bound, certificate.bound) if b is not None]
        return better.bounded(max(bounds))

    def described(found: Found) -> TailPlan:
        return TailPlan(
            weight=float(found.instance.case.objective.cvar.weight),
            expected=found.with_plan.expected,
            cvar=found.with_plan.cvar(level),
            net_cost_meur=found.net_cost,
            gap=found.certificate.gap,
            projects=tuple(p for p in found.instance.projects if p in found.commitment.start),
        )

    both = neutral, averse = best(0.0), best(weight)
    least, mean = (
        one.with_plan.expected + weighed_cost(one.instance, one.commitment) for one in both
    )
    bound = neutral.certificate.bound
    if bound is None:
        name = tr("the plan for the mean")
        raise NoPlan(tr("{name}: nothing was proven before the limit", name=name))
    return TailPremium(
        level=level,
        neutral=described(neutral),
        averse=described(averse),
        premium=ProvenRange(low=max(0.0, mean - least), high=mean - min(least, mean, bound)),
        bought=neutral.with_plan.cvar(level) - averse.with_plan.cvar(level),
    )
