"""Solver for single values of a varied number, with a warm start from earlier values."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import NamedTuple

from models.scenario.references import Case
from optimizer.analyses.options import SolveOptions
from optimizer.analyses.variation import CVAR_LEVEL_PATH, Variation
from optimizer.errors import CheckFailed, Infeasible, Interrupted, NoPlan, VorratError
from optimizer.model import highs
from optimizer.model.commitment import budget_use
from optimizer.model.decision_tree import DecisionTree
from optimizer.model.formulation import build_max_net_cost
from optimizer.model.instance import Instance
from optimizer.solve.certification import recertify
from optimizer.solve.checked_solution import CheckedSolution
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import Problem
from optimizer.solve.session import Session

OBJECTIVE_TOLERANCE = 1e-9
"""Relative difference of objectives that counts as none."""


class DamageBound(NamedTuple):
    """Lower bounds on the damage of every plan of a scenario; None if unknown."""

    expected: float | None = None
    cvar: float | None = None


UNBOUNDED = DamageBound()


def tighter_bound(first: DamageBound, second: DamageBound) -> DamageBound:
    """Return the larger of two lower bounds, separately for the mean and for the CVaR."""
    known_bounds = (
        [bound for bound in bound_pair if bound is not None]
        for bound_pair in zip(first, second, strict=True)
    )
    return DamageBound(*(max(bounds, default=None) for bounds in known_bounds))


def damage_bound(
    instance: Instance, objective_bound: float | None, cost_limit: float | None
) -> DamageBound:
    """Derive lower bounds on the mean and the CVaR of damage from a bound on the objective.

    Every plan has (1-λ) mean + λ CVaR + cost_weight · net cost ≥ ``objective_bound``. The first two
    terms are therefore at least the bound less cost_weight times ``cost_limit``, the maximum net
    cost (:func:`max_net_cost`). Since damage is never negative, the CVaR lies between the mean and
    the mean / (1 - level).
    """
    objective = instance.case.objective
    weight, level = float(objective.cvar.weight), float(objective.cvar.level)
    cost_weight = float(objective.cost_weight)
    if objective_bound is None or (cost_weight > 0 and cost_limit is None):
        return UNBOUNDED
    least_damage = max(
        0.0, objective_bound - (cost_weight * (cost_limit or 0.0) if cost_weight > 0 else 0.0)
    )
    return DamageBound(least_damage / (1 - weight + weight / (1 - level)), least_damage)


def max_net_cost(instance: Instance) -> float | None:
    """Return an upper bound on the net cost of any plan in million EUR, from the linear
    relaxation of the first stage; None if cost has no weight, or if no bound was found."""
    if float(instance.case.objective.cost_weight) == 0:
        return None
    program = highs.compile_model(build_max_net_cost(instance)).program
    solution = highs.solve(program.relaxation())
    if solution.ending != "optimal" or solution.objective is None:
        return None
    max_cost = -solution.objective
    return max_cost + 1e-6 * max(1.0, abs(max_cost))


@dataclass(frozen=True, eq=False)
class ParametricPoint:
    """The result of the solve at one value of the varied number."""

    value: float
    problem: Problem = field(repr=False)
    """The scenario at the value, without caches."""
    solution: CheckedSolution | None = None
    bound: float | None = None
    """Lower bound on the objective at this value."""
    damage: DamageBound = UNBOUNDED
    conflict: tuple[str, ...] = ()
    is_infeasible: bool = False
    plan_from_value: float | None = None
    """Other value at which the plan was found; None if it was found here or without a limit."""
    bound_from_value: float | None = None  # the same for the bound
    interrupted: bool = False
    seconds: float = 0.0

    @property
    def instance(self) -> Instance:
        """The instance at the value; with assumption sets, that of the set for which figures are
        reported."""
        return self.problem.instance


@dataclass(eq=False)
class ParametricSolver:
    """Solver for one value of the varied number after the other.

    Plans of higher values are reused where they are feasible and optimal.
    """

    variation: Variation
    session: Session
    points: dict[float, ParametricPoint] = field(default_factory=dict)
    failures: dict[float, VorratError] = field(default_factory=dict)
    """Errors at values without a result."""
    _max_net_cost: float | None = None
    _last_problem: Problem | None = field(default=None, repr=False)

    def for_worker(self) -> ParametricSolver:
        """Return a copy of the solver for a worker process, with the points found so far and a
        single thread."""
        session = self.session.for_worker()
        return replace(self, session=session, points=dict(self.points), _last_problem=None)

    def spending_without_limit(self) -> float:
        """Return the spending in million EUR of the best plan if the varied budget is unlimited.

        The plan is kept for the values at which the budget covers it.
        """
        funders = self.variation.limited_funders
        assert funders is not None
        point = self._solve_case(math.inf, self.variation.without_limit().case)
        self.points[math.inf] = point
        return 0.0 if point.solution is None else total_spending(point.solution, funders)

    def solve(self, value: float) -> ParametricPoint:
        """Solve at a value, or reuse the plan of the next higher value."""
        case = self.variation.with_value(value).case
        point = self._reuse_higher_plan(value, case) or self._solve_case(value, case)
        self.points[value] = point
        return point

    def record_failure(self, value: float, error: VorratError) -> None:
        """Record that the solve at a value failed with an error; the point has no plan."""
        self.points[value] = ParametricPoint(
            value, Problem.from_case(self.variation.with_value(value).case)
        )
        self.failures[value] = error

    def _reuse_higher_plan(self, value: float, case: Case) -> ParametricPoint | None:
        """Return the plan of the next higher value as a point; None without a plan that is feasible
        and proven optimal here."""
        higher_value = min(
            (other_value for other_value in self.points if other_value > value), default=None
        )
        if not self.variation.only_loosens_rules or higher_value is None:
            return None
        higher_point, started_at = self.points[higher_value], time.perf_counter()
        if higher_point.solution is None or higher_point.interrupted:
            return None
        problem = Problem.from_case(case, higher_point.problem)
        try:
            solution = recertify(higher_point.solution, problem, higher_point.bound)
        except CheckFailed:
            return None
        if solution.certificate.status != "optimal":
            return None
        origin = higher_value if math.isfinite(higher_value) else None
        return ParametricPoint(
            value,
            problem,
            solution,
            higher_point.bound,
            self._damage_bound(problem.tree, higher_point.bound),
            plan_from_value=origin
            if higher_point.plan_from_value is None
            else higher_point.plan_from_value,
            bound_from_value=origin
            if higher_point.bound_from_value is None
            else higher_point.bound_from_value,
            seconds=time.perf_counter() - started_at,
        )

    def _solve_case(self, value: float, case: Case) -> ParametricPoint:
        """Solve the scenario at a value; without a plan the point has conflicting rules, if any."""
        started_at = time.perf_counter()
        if self.session.pool is None:
            problem = Problem.from_case(case)
        else:
            earlier_problems = [] if self._last_problem is None else [self._last_problem]
            problem = Problem.from_case(case, *earlier_problems).with_recourse(self.session.threads)
            self._last_problem = problem
        point = ParametricPoint(value, problem.without_caches)
        try:
            solution = self.session.solve(problem)
        except Infeasible as error:
            rules = tuple(f"{rule.tag} {rule.name}: {rule.says}" for rule in error.conflict)
            point = replace(point, conflict=rules, is_infeasible=True)
        except NoPlan:
            pass
        except Interrupted:
            point = replace(point, interrupted=True)
        else:
            bound = solution.certificate.bound
            damage = self._damage_bound(problem.tree, bound)
            interrupted = solution.interrupted
            point = replace(
                point, solution=solution, bound=bound, damage=damage, interrupted=interrupted
            )
        return replace(point, seconds=time.perf_counter() - started_at)

    def _damage_bound(self, tree: DecisionTree, bound: float | None) -> DamageBound:
        """Derive lower bounds on damage from a bound on the objective.

        With several assumption sets the bounds are unknown, since the objective is over all sets.
        """
        if len(tree.instances) > 1:
            return UNBOUNDED  # a bound over several sets is no bound for a single set
        instance = tree.first_instance
        if not self.variation.is_objective_number or self._max_net_cost is None:
            self._max_net_cost = max_net_cost(instance)
        return damage_bound(instance, bound, self._max_net_cost)


def start_session(case: Case, options: SolveOptions, pool: CutPool | None) -> Session:
    """Return a session for problems like that of ``case``.

    Without a ``pool`` it has an empty one, or none if the problems are solved in the extensive
    form.
    """
    if pool is None and not Problem.from_case(case).is_small:
        pool = CutPool()
    return Session(pool=pool, **options.solver_options)


def total_spending(solution: CheckedSolution, funders: tuple[str, ...]) -> float:
    """Return the amount in million EUR that a plan uses of these funders' budgets."""
    used_by_funder = budget_use(solution.instance, solution.commitment)
    return math.fsum(float(used_by_funder[f].sum()) for f in funders)


def propagate_plans(points: list[ParametricPoint], variation: Variation) -> list[ParametricPoint]:
    """Return the points by increasing value, each with the best plan and bound that any point gives
    for it.

    If a higher value only loosens rules, a plan stays feasible at higher values, and a bound stays
    valid at lower ones. If the number belongs to the objective alone, every plan is feasible at all
    values. A plan is certified again at each value to which it is transferred.
    """
    points = sorted(points, key=lambda point: point.value)
    if variation.is_objective_number:
        common_bound = reduce(tighter_bound, (point.damage for point in points), UNBOUNDED)
        if variation.path == CVAR_LEVEL_PATH:
            common_bound = DamageBound(common_bound.expected)
        best_points = [_with_best_plan(point, points) for point in points]
        return [
            replace(point, damage=tighter_bound(point.damage, common_bound))
            for point in best_points
        ]
    if not variation.only_loosens_rules:
        return points
    propagated_points: list[ParametricPoint] = []
    for point in points:
        propagated_points.append(_with_best_plan(point, propagated_points[-1:]))
    for n in range(len(propagated_points) - 2, -1, -1):
        propagated_points[n] = _with_higher_bound(propagated_points[n], propagated_points[n + 1])
    return propagated_points


def _with_best_plan(point: ParametricPoint, other_points: list[ParametricPoint]) -> ParametricPoint:
    """Return a point with the best of its plan and the plans of other points that are feasible at
    its value."""
    best_point = point
    for other_point in other_points if not point.is_infeasible else ():
        if other_point is point or other_point.solution is None:
            continue
        try:
            new_solution = recertify(other_point.solution, point.problem, point.bound)
        except CheckFailed:
            continue
        best_objective = math.inf if best_point.solution is None else best_point.solution.objective
        if new_solution.objective < best_objective - OBJECTIVE_TOLERANCE * max(
            1.0, abs(best_objective)
        ):
            origin = (
                other_point.value
                if other_point.plan_from_value is None
                else other_point.plan_from_value
            )
            best_point = replace(best_point, solution=new_solution, plan_from_value=origin)
    return best_point


def _with_higher_bound(point: ParametricPoint, higher_point: ParametricPoint) -> ParametricPoint:
    """Return a point with the bound of the next higher value, if that is better."""
    if point.is_infeasible:
        return point
    point = replace(point, damage=tighter_bound(point.damage, higher_point.damage))
    bound = higher_point.bound
    if bound is None or (point.bound is not None and point.bound >= bound):
        return point
    origin = higher_point.bound_from_value
    origin = higher_point.value if origin is None else origin
    solution = None if point.solution is None else point.solution.with_bound(bound)
    return replace(point, solution=solution, bound=bound, bound_from_value=origin)
