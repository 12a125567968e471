"""Plans at single values of a number, each started from what the others found."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from functools import reduce

from models.scenario.case import Case
from optimizer.analyses.frontier.damage_bound import (
    DamageBound,
    damage_bound,
    most_net_cost,
    tighter,
)
from optimizer.analyses.options import SolveOptions
from optimizer.analyses.variation import LEVEL, Variation
from optimizer.errors import CheckFailed, Infeasible, Interrupted, NoPlan, VorratError
from optimizer.model.commitment import spend
from optimizer.model.instance import Instance
from optimizer.solve.checked_solution import Found
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import Problem, choose_method, find

SAME = 1e-9
"""Objectives that differ by less, relatively, are equally good."""


@dataclass(frozen=True, eq=False)
class Spot:
    """What was found at one value."""

    value: float
    instance: Instance
    found: Found | None
    bound: float | None
    """No plan has a lower objective here."""
    damage: DamageBound
    conflict: tuple[str, ...] = ()
    infeasible: bool = False
    plan_of: float | None = None
    bound_of: float | None = None
    interrupted: bool = False
    seconds: float = 0.0


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

    @classmethod
    def starting(cls, variation: Variation, options: SolveOptions, pool: CutPool | None) -> Solver:
        """A solver with a pool of its own, unless one is given or problems are small."""
        if pool is None and not is_small(variation.reading.case):
            pool = CutPool()
        return cls(variation, options, pool)

    def lane(self) -> Solver:
        """A solver for a process of its own: with what is known by now, and one thread."""
        return replace(self, options=self.options.alone(), spots=dict(self.spots))

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
        instance = Problem.of(self.variation.at(value).case).instance
        self.spots[value] = Spot(value, instance, None, None, DamageBound(None, None))
        self.failures[value] = error

    def _from_above(self, value: float, case: Case) -> Spot | None:
        """The plan of the next higher value, if it keeps the rules here: none can then be better
        than its bound says."""
        if not self.variation.loosens:
            return None
        higher = min((other for other in self.spots if other > value), default=None)
        above = None if higher is None else self.spots[higher]
        if above is None or above.found is None or above.interrupted:
            return None
        began = time.perf_counter()
        instance = Problem.of(case).instance
        try:
            found = above.found.under(instance, above.bound)
        except CheckFailed:
            return None
        if found.certificate.status != "optimal":
            return None
        origin = higher if higher is not None and math.isfinite(higher) else None
        return Spot(
            value,
            instance,
            found,
            above.bound,
            self._damage(instance, above.bound),
            plan_of=origin if above.plan_of is None else above.plan_of,
            bound_of=origin if above.bound_of is None else above.bound_of,
            seconds=time.perf_counter() - began,
        )

    def _solved(self, value: float, case: Case) -> Spot:
        began = time.perf_counter()
        problem = Problem.of(case)
        spot = Spot(value, problem.instance, None, None, DamageBound(None, None))
        try:
            found = find(
                problem,
                gap=self.options.gap,
                time_limit=self.options.time_limit,
                threads=self.options.threads,
                pool=self.pool,
                on_progress=self.options.on_progress,
            )
        except Infeasible as error:
            rules = tuple(f"{rule.tag} {rule.name}: {rule.says}" for rule in error.conflict)
            spot = replace(spot, conflict=rules, infeasible=True)
        except NoPlan:
            pass
        except Interrupted:
            spot = replace(spot, interrupted=True)
        else:
            bound = found.certificate.bound
            spot = replace(
                spot,
                found=found,
                bound=bound,
                damage=self._damage(problem.instance, bound),
                interrupted=found.interrupted,
            )
        return replace(spot, seconds=time.perf_counter() - began)

    def _damage(self, instance: Instance, bound: float | None) -> DamageBound:
        if self.variation.weighs and self._most is not None:
            most: float | None = self._most
        else:
            most = self._most = most_net_cost(instance)
        return damage_bound(instance, bound, most)


def is_small(case: Case) -> bool:
    """Whether a scenario is solved as a whole."""
    problem = Problem.of(case)
    return choose_method(problem.instance, problem.states) == "extensive"


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
        least = reduce(tighter, (spot.damage for spot in spots), DamageBound(None, None))
        if variation.path == LEVEL:
            least = replace(least, cvar=None)
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
    if spot.infeasible:
        return spot
    for other in others:
        if other is spot or other.found is None:
            continue
        try:
            found = other.found.under(spot.instance, spot.bound)
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
