"""What the bound of an objective says of damage alone.

Every plan has (1-λ) mean + λ CVaR + cost_weight · net cost ≥ bound. So its damage, as the objective
weighs it, is at least the bound less cost_weight times the most that a plan can cost.
"""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.model import highs
from optimizer.model.formulation import build_dearest
from optimizer.model.instance import Instance


@dataclass(frozen=True)
class DamageBound:
    """Lower bounds on the damage of every plan of a scenario; None where none can be told."""

    expected: float | None
    cvar: float | None


def tighter(one: DamageBound, other: DamageBound) -> DamageBound:
    """The better of two bounds on each figure, where both hold."""

    def higher(a: float | None, b: float | None) -> float | None:
        return b if a is None else a if b is None else max(a, b)

    return DamageBound(higher(one.expected, other.expected), higher(one.cvar, other.cvar))


def damage_bound(instance: Instance, bound: float | None, most: float | None) -> DamageBound:
    """Lower bounds on mean and CVaR, from a bound of the objective.

    ``most`` is what a plan can cost at most (:func:`most_net_cost`). CVaR is between the mean and
    the mean over 1 - level, since damage is never negative.
    """
    what = instance.case.objective
    weight, level, cost_weight = (
        float(what.cvar.weight),
        float(what.cvar.level),
        float(what.cost_weight),
    )
    if bound is None or (cost_weight > 0 and most is None):
        return DamageBound(None, None)
    weighed = max(0.0, bound - (cost_weight * (most or 0.0) if cost_weight > 0 else 0.0))
    return DamageBound(weighed / (1 - weight + weight / (1 - level)), weighed)


def most_net_cost(instance: Instance) -> float | None:
    """Million EUR that no plan can cost more than; None where nothing limits it.

    The relaxation of the first stage, since a bound is all that is asked for.
    """
    if float(instance.case.objective.cost_weight) == 0:
        return None
    program = highs.compile_model(build_dearest(instance)).program
    solution = highs.solve(program.relaxation())
    if solution.ending != "optimal" or solution.objective is None:
        return None
    most = -solution.objective
    return most + 1e-6 * max(1.0, abs(most))
