"""Plans at single values of a number, each started from what the others found."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import NamedTuple

from models.scenario.case import Case
from optimizer.analyses.options import SolveOptions
from optimizer.analyses.variation import CVAR_LEVEL_PATH, Variation
from optimizer.errors import CheckFailed, Infeasible, Interrupted, NoPlan, VorratError
from optimizer.model import highs
from optimizer.model.assumption_sets import AssumptionSets
from optimizer.model.commitment import budget_use
from optimizer.model.formulation import build_max_net_cost
from optimizer.model.instance import Instance
from optimizer.solve.checked_solution import CheckedSolution
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import Problem, solve_and_certify

OBJECTIVE_TOLERANCE = 1e-9
"""Objectives that differ by less, relatively, are equally good."""


class DamageBound(NamedTuple):
    """Lower bounds on the damage of every plan of a scenario; None where none can be told."""

    expected: float | None = None
    cvar: float | None = None


UNBOUNDED = DamageBound()


def tighter_bound(first: DamageBound, second: DamageBound) -> DamageBound:
    """The better of two bounds on each figure, where both hold."""
    known = (
        [bound for bound in pair if bound is not None] for pair in zip(first, second, strict=True)
    )
    return DamageBound(*(max(bounds, default=None) for bounds in known))


def damage_bound(
    instance: Instance, objective_bound: float | None, cost_limit: float | None
) -> DamageBound:
    """Lower bounds on mean and CVaR, from a bound of the objective.

    Every plan has (1-λ) mean + λ CVaR + cost_weight · net cost ≥ bound. So its damage, as the
    objective weighs it, is at least the bound less cost_weight times ``most``, what a plan can cost
    at most (:func:`most_net_cost`). CVaR is between the mean and the mean over 1 - level, since
    damage is never negative.
    """
    what = instance.case.objective
    weight, level = float(what.cvar.weight), float(what.cvar.level)
    cost_weight = float(what.cost_weight)
    if objective_bound is None or (cost_weight > 0 and cost_limit is None):
        return UNBOUNDED
    weighed = max(
        0.0, objective_bound - (cost_weight * (cost_limit or 0.0) if cost_weight > 0 else 0.0)
    )
    return DamageBound(weighed / (1 - weight + weight / (1 - level)), weighed)


def max_net_cost(instance: Instance) -> float | None:
    """Million EUR that no plan can cost more than; None where nothing limits it.

    The relaxation of the first stage, since a bound is all that is asked for.
    """
    if float(instance.case.objective.cost_weight) == 0:
        return None
    program = highs.compile_model(build_max_net_cost(instance)).program
    solution = highs.solve(program.relaxation())
    if solution.ending != "optimal" or solution.objective is None:
        return None
    most = -solution.objective
    return most + 1e-6 * max(1.0, abs(most))


@dataclass(frozen=True, eq=False)
class ParametricPoint:
    """What was found at one value."""

    value: float
    assumption_sets: AssumptionSets
    solution: CheckedSolution | None = None
    bound: float | None = None
    """No plan has a lower objective here."""
    damage: DamageBound = UNBOUNDED
    conflict: tuple[str, ...] = ()
    is_infeasible: bool = False
    plan_from_value: float | None = None
    bound_from_value: float | None = None
    interrupted: bool = False
    seconds: float = 0.0

    @property
    def instance(self) -> Instance:
        """The scenario at the value; of sets of assumptions what a plan's figures are of."""
        return (
            self.assumption_sets.first_instance if self.solution is None else self.solution.instance
        )


@dataclass(eq=False)
class ParametricSolver:
    """Solves one value after the other; the higher ones come first where a plan of theirs may fit.

    ``pool`` is None where problems are too small for it to help.
    """

    variation: Variation
    options: SolveOptions
    pool: CutPool | None = None
    points: dict[float, ParametricPoint] = field(default_factory=dict)
    failures: dict[float, VorratError] = field(default_factory=dict)
    """What went wrong at values that have nothing to show for it."""
    _max_net_cost: float | None = None
    _last_problem: Problem | None = field(default=None, repr=False)

    def for_worker(self) -> ParametricSolver:
        """A solver for a process of its own: with what is known by now, and one thread."""
        alone = self.options.for_worker()
        return replace(self, options=alone, points=dict(self.points), _last_problem=None)

    def spending_without_limit(self) -> float:
        """How much is spent where the budget that is varied sets no limit.

        The plan serves for the values at which it can be paid.
        """
        funders = self.variation.limited_funders
        assert funders is not None
        spot = self._solve_case(math.inf, self.variation.without_limit().case)
        self.points[math.inf] = spot
        return 0.0 if spot.solution is None else total_spending(spot.solution, funders)

    def solve(self, value: float) -> ParametricPoint:
        """What can be had at a value."""
        case = self.variation.with_value(value).case
        spot = self._reuse_higher_plan(value, case) or self._solve_case(value, case)
        self.points[value] = spot
        return spot

    def record_failure(self, value: float, error: VorratError) -> None:
        """Leave a value without a plan, for what went wrong there; the others stand."""
        self.points[value] = ParametricPoint(
            value, Problem.from_case(self.variation.with_value(value).case).assumption_sets
        )
        self.failures[value] = error

    def _reuse_higher_plan(self, value: float, case: Case) -> ParametricPoint | None:
        """The plan of the next higher value, if it keeps the rules here: none can then be better
        than its bound says."""
        higher = min((other for other in self.points if other > value), default=None)
        if not self.variation.only_loosens_rules or higher is None:
            return None
        above, began = self.points[higher], time.perf_counter()
        if above.solution is None or above.interrupted:
            return None
        together = Problem.from_case(case).assumption_sets
        try:
            found = above.solution.recertified_for(together, above.bound)
        except CheckFailed:
            return None
        if found.certificate.status != "optimal":
            return None
        origin = higher if math.isfinite(higher) else None
        return ParametricPoint(
            value,
            together,
            found,
            above.bound,
            self._damage_bound(together, above.bound),
            plan_from_value=origin if above.plan_from_value is None else above.plan_from_value,
            bound_from_value=origin if above.bound_from_value is None else above.bound_from_value,
            seconds=time.perf_counter() - began,
        )

    def _solve_case(self, value: float, case: Case) -> ParametricPoint:
        began = time.perf_counter()
        if self.pool is None:
            problem = Problem.from_case(case)
        else:
            problem = self._last_problem = Problem.from_case_like(
                self._last_problem, case, self.options.threads
            )
        spot = ParametricPoint(value, problem.assumption_sets)
        try:
            found = solve_problem(problem, self.options, self.pool)
        except Infeasible as error:
            rules = tuple(f"{rule.tag} {rule.name}: {rule.says}" for rule in error.conflict)
            spot = replace(spot, conflict=rules, is_infeasible=True)
        except NoPlan:
            pass
        except Interrupted:
            spot = replace(spot, interrupted=True)
        else:
            bound = found.certificate.bound
            least = self._damage_bound(problem.assumption_sets, bound)
            cut = found.interrupted
            spot = replace(spot, solution=found, bound=bound, damage=least, interrupted=cut)
        return replace(spot, seconds=time.perf_counter() - began)

    def _damage_bound(self, assumption_sets: AssumptionSets, bound: float | None) -> DamageBound:
        if len(assumption_sets.instances) > 1:
            return UNBOUNDED  # what bounds the objective over sets bounds that of none of them
        instance = assumption_sets.first_instance
        if not self.variation.is_objective_number or self._max_net_cost is None:
            self._max_net_cost = max_net_cost(instance)
        return damage_bound(instance, bound, self._max_net_cost)


def make_cut_pool(case: Case) -> CutPool | None:
    """A pool for problems like a scenario's; None where it is small enough to be solved whole."""
    problem = Problem.from_case(case)
    return None if problem.is_small else CutPool()


def solve_problem(problem: Problem, options: SolveOptions, pool: CutPool | None) -> CheckedSolution:
    """The best plan as far as options say; raises as :func:`optimizer.solve.planner.find` does."""
    return solve_and_certify(
        problem,
        gap=options.gap,
        time_limit=options.time_limit,
        threads=options.threads,
        pool=pool,
        on_progress=options.on_progress,
    )


def total_spending(solution: CheckedSolution, funders: tuple[str, ...]) -> float:
    """Million EUR of these funders' budgets that a plan uses."""
    used = budget_use(solution.instance, solution.commitment)
    return math.fsum(float(used[f].sum()) for f in funders)


def propagate_plans(points: list[ParametricPoint], variation: Variation) -> list[ParametricPoint]:
    """Spots by rising value, each with the best plan and the best bound that hold there.

    Where a higher value only loosens rules, a plan stays feasible as it rises and a bound holds as
    it falls. Where the number is one of the objective alone, every plan is feasible everywhere. A
    plan is checked again where it is taken to.
    """
    points = sorted(points, key=lambda spot: spot.value)
    if variation.is_objective_number:
        least = reduce(tighter_bound, (spot.damage for spot in points), UNBOUNDED)
        if variation.path == CVAR_LEVEL_PATH:
            least = DamageBound(least.expected)
        best = [_with_best_plan(spot, points) for spot in points]
        return [replace(spot, damage=tighter_bound(spot.damage, least)) for spot in best]
    if not variation.only_loosens_rules:
        return points
    kept: list[ParametricPoint] = []
    for spot in points:
        kept.append(_with_best_plan(spot, kept[-1:]))
    for n in range(len(kept) - 2, -1, -1):
        kept[n] = _with_higher_bound(kept[n], kept[n + 1])
    return kept


def _with_best_plan(point: ParametricPoint, others: list[ParametricPoint]) -> ParametricPoint:
    """A spot with the best of all plans that keep its rules."""
    best = point
    for other in others if not point.is_infeasible else ():
        if other is point or other.solution is None:
            continue
        try:
            found = other.solution.recertified_for(point.assumption_sets, point.bound)
        except CheckFailed:
            continue
        known = math.inf if best.solution is None else best.solution.objective
        if found.objective < known - OBJECTIVE_TOLERANCE * max(1.0, abs(known)):
            origin = other.value if other.plan_from_value is None else other.plan_from_value
            best = replace(best, solution=found, plan_from_value=origin)
    return best


def _with_higher_bound(point: ParametricPoint, higher: ParametricPoint) -> ParametricPoint:
    """A spot with the bound of the next higher value, if that is better."""
    if point.is_infeasible:
        return point
    point = replace(point, damage=tighter_bound(point.damage, higher.damage))
    if higher.bound is None or (point.bound is not None and point.bound >= higher.bound):
        return point
    origin = higher.value if higher.bound_from_value is None else higher.bound_from_value
    found = None if point.solution is None else point.solution.with_bound(higher.bound)
    return replace(point, solution=found, bound=higher.bound, bound_from_value=origin)
