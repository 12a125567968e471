"""What caring for the worst states costs in the mean, and what it buys."""

from __future__ import annotations

from collections.abc import Callable

from models.language import tr
from models.results.evaluation import ProvenRange, TailPlan, TailPremium
from optimizer.analyses.evaluation.risk import weighing
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
    threads: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> TailPremium:
    """A plan that minds the mean alone beside one that gives the worst states a weight.

    Cuts hold for any weight, so that the second solve starts from those of the first. The given
    plan stands for itself where its scenario has one of the two weights and it is proven to the
    gap; else it and its bound count beside what is found. The premium is what the
    second plan's mean objective (expected damage and weighed cost) has above the least there is:
    above the first plan's bound at most, above its objective at least.

    Parameters
    ----------
    weight
        Of the tail, from 0 to 1, in the second plan's objective.
    time_limit
        Seconds for each of the two.

    Raises
    ------
    ScenarioError
        If the weight is no share.
    Interrupted, NoPlan
        If it was stopped, or a limit was met before there was a plan and a bound.
    """
    pool = CutPool()
    own = float(given.problem.instance.case.objective.cvar.weight)

    def best(wanted: float) -> Found:
        certificate = given.found.certificate
        known = wanted == own and certificate.bound is not None
        if known and is_within(certificate.objective, certificate.bound, gap):
            return given.found
        found = find(
            weighing(given, wanted),
            gap=gap,
            time_limit=time_limit,
            threads=threads,
            pool=pool,
            on_progress=on_progress,
        )
        if found.interrupted:
            raise Interrupted(tr("stopped before the plans of both weights were found"))
        return _better(found, given.found) if known else found

    neutral, averse = best(0.0), best(weight)
    level = float(given.problem.instance.case.objective.cvar.level)
    least, mean = _mean_objective(neutral), _mean_objective(averse)
    bound = neutral.certificate.bound
    if bound is None:
        name = tr("the plan for the mean")
        raise NoPlan(tr("{name}: nothing was proven before the limit", name=name))
    return TailPremium(
        level=level,
        neutral=_plan(neutral, level),
        averse=_plan(averse, level),
        premium=ProvenRange(low=max(0.0, mean - least), high=mean - min(least, mean, bound)),
        bought=neutral.with_plan.cvar(level) - averse.with_plan.cvar(level),
    )


def _better(one: Found, other: Found) -> Found:
    """The better of two plans for one problem, with the better of their bounds."""
    best = min(one, other, key=lambda found: found.objective)
    bounds = [b for b in (one.certificate.bound, other.certificate.bound) if b is not None]
    return best.bounded(max(bounds, default=None))


def _mean_objective(found: Found) -> float:
    """Expected damage and weighed cost of a plan."""
    return found.with_plan.expected + weighed_cost(found.instance, found.commitment)


def _plan(found: Found, level: float) -> TailPlan:
    return TailPlan(
        weight=float(found.instance.case.objective.cvar.weight),
        expected=found.with_plan.expected,
        cvar=found.with_plan.cvar(level),
        net_cost_meur=found.net_cost,
        gap=found.certificate.gap,
        projects=tuple(p for p in found.instance.projects if p in found.commitment.start),
    )
