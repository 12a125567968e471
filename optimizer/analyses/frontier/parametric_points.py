"""Plans at single values of a number, each started from what the others found."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import NamedTuple

from models.scenario.case import Case
from optimizer.analyses.options import SolveOptions
from optimizer.analyses.variation import LEVEL, Variation
from optimizer.errors import CheckFailed, Infeasible, Interrupted, NoPlan, VorratError
from optimizer.model import highs
from optimizer.model.commitment import spend
from optimizer.model.formulation import build_dearest
from optimizer.model.instance import Instance
from optimizer.model.together import Together
from optimizer.solve.checked_solution import Found
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import Problem, find

SAME = 1e-9
"""Objectives that differ by less, relatively, are equally good."""


class DamageBound(NamedTuple):
    """Lower bounds on the damage of every plan of a scenario; None where none can be told."""

    expected: float | None = None
    cvar: float | None = None


UNBOUNDED = DamageBound()


def tighter(one: DamageBound, other: DamageBound) -> DamageBound:
    """The better of two bounds on each figure, where both hold."""
    known = (
        [bound for bound in pair if bound is not None] for pair in zip(one, other, strict=True)
    )
    return DamageBound(*(max(bounds, default=None) for bounds in known))


def damage_bound(instance: Instance, bound: float | None, most: float | None) -> DamageBound:
    """Lower bounds on mean and CVaR, from a bound of the objective.

    Every plan has (1-λ) mean + λ CVaR + cost_weight · net cost ≥ bound. So its damage, as the
    objective weighs it, is at least the bound less cost_weight times ``most``, what a plan can cost
    at most (:func:`most_net_cost`). CVaR is between the mean and the mean over 1 - level, since
    damage is never negative.
    """
    what = instance.case.objective
    weight, level = float(what.cvar.weight), float(what.cvar.level)
    cost_weight = float(what.cost_weight)
    if bound is None or (cost_weight > 0 and most is None):
        return UNBOUNDED
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


@dataclass(frozen=True, eq=False)
class Spot:
    """What was found at one value."""

    value: float
    together: Together
    found: Found | None = None
    bound: float | None = None
    """No plan has a lower objective here."""
    damage: DamageBound = UNBOUNDED
    conflict: tuple[str, ...] = ()
    infeasible: bool = False
    plan_of: float | None = None
    bound_of: float | None = None
    interrupted: bool = False
    seconds: float = 0.0

    @property
    def instance(self) -> Instance:
        """The scenario at the value; of sets of assumptions what a plan's figures are of."""
        return self.together.first if self.found is None else self.found.instance


@dataclass(eq=False)
class Solver:
    """Solves one value after the other; the higher ones come first where a plan of theirs may fit.

    ``pool`` is None where problems are too small for it to help.
    """

    variation: Variation
    options: SolveOptions
    pool: CutPool | None = None
    spots: dict[float, Spot] = field(default_factory=dict)
    failures: dict[float, VorratError] = field(default_factory=dict)
    """What went wrong at values that have nothing to show for it."""
    _most: float | None = None
    _last: Problem | None = field(default=None, repr=False)

    def lane(self) -> Solver:
        """A solver for a process of its own: with what is known by now, and one thread."""
        alone = self.options.alone()
        return replace(self, options=alone, spots=dict(self.spots), _last=None)

    def without_limit(self) -> float:
        """How much is spent where the budget that is varied sets no limit.

        The plan serves for the values at which it can be paid.
        """
        funders = self.variation.funders
        assert funders is not None
        spot = self._solved(math.inf, self.variation.unlimited().case)
        self.spots[math.inf] = spot
        return 0.0 if spot.found is None else spent(spot.found, funders)

    def solve(self, value: float) -> Spot:
        """What can be had at a value."""
        case = self.variation.at(value).case
        spot = self._from_above(value, case) or self._solved(value, case)
        self.spots[value] = spot
        return spot

    def fail(self, value: float, error: VorratError) -> None:
        """Leave a value without a plan, for what went wrong there; the others stand."""
        self.spots[value] = Spot(value, Problem.of(self.variation.at(value).case).together)
        self.failures[value] = error

    def _from_above(self, value: float, case: Case) -> Spot | None:
        """The plan of the next higher value, if it keeps the rules here: none can then be better
        than its bound says."""
        higher = min((other for other in self.spots if other > value), default=None)
        if not self.variation.loosens or higher is None:
            return None
        above, began = self.spots[higher], time.perf_counter()
        if above.found is None or above.interrupted:
            return None
        together = Problem.of(case).together
        try:
            found = above.found.under(together, above.bound)
        except CheckFailed:
            return None
        if found.certificate.status != "optimal":
            return None
        origin = higher if math.isfinite(higher) else None
        return Spot(
            value,
            together,
            found,
            above.bound,
            self._damage(together, above.bound),
            plan_of=origin if above.plan_of is None else above.plan_of,
            bound_of=origin if above.bound_of is None else above.bound_of,
            seconds=time.perf_counter() - began,
        )

    def _solved(self, value: float, case: Case) -> Spot:
        began = time.perf_counter()
        if self.pool is None:
            problem = Problem.of(case)
        else:
            problem = self._last = Problem.after(self._last, case, self.options.threads)
        spot = Spot(value, problem.together)
        try:
            found = solve(problem, self.options, self.pool)
        except Infeasible as error:
            rules = tuple(f"{rule.tag} {rule.name}: {rule.says}" for rule in error.conflict)
            spot = replace(spot, conflict=rules, infeasible=True)
        except NoPlan:
            pass
        except Interrupted:
            spot = replace(spot, interrupted=True)
        else:
            bound = found.certificate.bound
            least = self._damage(problem.together, bound)
            cut = found.interrupted
            spot = replace(spot, found=found, bound=bound, damage=least, interrupted=cut)
        return replace(spot, seconds=time.perf_counter() - began)

    def _damage(self, together: Together, bound: float | None) -> DamageBound:
        if len(together.instances) > 1:
            return UNBOUNDED  # what bounds the objective over sets bounds that of none of them
        instance = together.first
        if not self.variation.weighs or self._most is None:
            self._most = most_net_cost(instance)
        return damage_bound(instance, bound, self._most)


def own_pool(case: Case) -> CutPool | None:
    """A pool for problems like a scenario's; None where it is small enough to be solved whole."""
    problem = Problem.of(case)
    return None if problem.small else CutPool()


def solve(problem: Problem, options: SolveOptions, pool: CutPool | None) -> Found:
    """The best plan as far as options say; raises as :func:`optimizer.solve.planner.find` does."""
    return find(
        problem,
        gap=options.gap,
        time_limit=options.time_limit,
        threads=options.threads,
        pool=pool,
        on_progress=options.on_progress,
    )


def spent(found: Found, funders: tuple[str, ...]) -> float:
    """Million EUR of these funders' budgets that a plan uses."""
    used = spend(found.instance, found.commitment)
    return math.fsum(float(used[f].sum()) for f in funders)


def envelope(spots: list[Spot], variation: Variation) -> list[Spot]:
    """Spots by rising value, each with the best plan and the best bound that hold there.

    Where a higher value only loosens rules, a plan stays feasible as it rises and a bound holds as
    it falls. Where the number is one of the objective alone, every plan is feasible everywhere. A
    plan is checked again where it is taken to.
    """
    spots = sorted(spots, key=lambda spot: spot.value)
    if variation.weighs:
        least = reduce(tighter, (spot.damage for spot in spots), UNBOUNDED)
        if variation.path == LEVEL:
            least = DamageBound(least.expected)
        best = [_best_of(spot, spots) for spot in spots]
        return [replace(spot, damage=tighter(spot.damage, least)) for spot in best]
    if not variation.loosens:
        return spots
    kept: list[Spot] = []
    for spot in spots:
        kept.append(_best_of(spot, kept[-1:]))
    for n in range(len(kept) - 2, -1, -1):
        kept[n] = _bounded(kept[n], kept[n + 1])
    return kept


def _best_of(spot: Spot, others: list[Spot]) -> Spot:
    """A spot with the best of all plans that keep its rules."""
    best = spot
    for other in others if not spot.infeasible else ():
        if other is spot or other.found is None:
            continue
        try:
            found = other.found.under(spot.together, spot.bound)
        except CheckFailed:
            continue
        known = math.inf if best.found is None else best.found.objective
        if found.objective < known - SAME * max(1.0, abs(known)):
            origin = other.value if other.plan_of is None else other.plan_of
            best = replace(best, found=found, plan_of=origin)
    return best


def _bounded(spot: Spot, higher: Spot) -> Spot:
    """A spot with the bound of the next higher value, if that is better."""
    if spot.infeasible:
        return spot
    spot = replace(spot, damage=tighter(spot.damage, higher.damage))
    if higher.bound is None or (spot.bound is not None and spot.bound >= higher.bound):
        return spot
    origin = higher.value if higher.bound_of is None else higher.bound_of
    found = None if spot.found is None else spot.found.bounded(higher.bound)
    return replace(spot, found=found, bound=higher.bound, bound_of=origin)
