"""A series of related problems of one scenario that share cuts, and decisions fixed by others."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial

from optimizer.model.commitment import Commitment
from optimizer.model.highs import Progress
from optimizer.model.instance import COMMON_GROUP, FixedDecisions, Instance, company_group
from optimizer.model.states import State
from optimizer.solve import planner
from optimizer.solve.checked_solution import CheckedSolution
from optimizer.solve.decomposition import CutPool
from optimizer.solve.method_choice import solve_problem
from optimizer.solve.recourse import RecourseEvaluator
from optimizer.solve.solver_result import SolverResult


@dataclass(eq=False)
class ProblemSeries:
    """A series of problems with common recourse, each solved from the cuts and evaluations of those
    before it.

    ``instance`` is the instance of any of the problems. ``threads`` is 1 if several series run in
    parallel.
    """

    instance: Instance
    states: tuple[State, ...]
    gap: float
    pool: CutPool
    time_limit: float | None = None
    threads: int | None = 1
    on_progress: Callable[[Progress], None] | None = field(default=None, repr=False)

    @cached_property
    def _recourse(self) -> RecourseEvaluator:
        return RecourseEvaluator(self.instance, self.states, threads=self.threads)

    def search(
        self, problem: Instance | planner.Problem, reference_objective: float | None = None
    ) -> SolverResult:
        """Solve the problem of an instance, or a problem that has its recourse already.

        If ``reference_objective`` is given, only the difference from it is of interest, and needs
        to be known to a tenth at most.
        """
        return solve_problem(
            self._as_problem(problem),
            gap=self.gap,
            time_limit=self.time_limit,
            threads=self.threads,
            pool=self.pool,
            compared_objective=reference_objective,
            on_progress=self.on_progress,
        )

    def certify(
        self,
        problem: Instance | planner.Problem,
        solver_result: SolverResult,
        start_time: float,
        consumers: Collection[str] = (),
        damage_only: bool = False,
    ) -> CheckedSolution:
        """Certify the result of a solver, like :func:`optimizer.solve.planner.certify`."""
        certify_problem = partial(
            planner.certify, gap=self.gap, started_at=start_time, threads=self.threads
        )
        return certify_problem(
            self._as_problem(problem), solver_result, consumers=consumers, damage_only=damage_only
        )

    def _as_problem(self, problem: Instance | planner.Problem) -> planner.Problem:
        """Return the problem of an instance, with the recourse of the series; a problem is returned
        as it is."""
        if isinstance(problem, planner.Problem):
            return problem
        return planner.Problem(problem, self.states, 0.0, self._recourse)


def fix_decisions(
    instance: Instance,
    plan: Commitment,
    funders: Collection[str],
    certain_starts: Callable[[Commitment], Mapping[str, int]],
) -> FixedDecisions:
    """Return the decisions of a plan that funders keep, on each review branch.

    These are their shares and offtake in projects that are started, and purchases for stockpiles
    that any of them pays for. ``certain_starts`` returns the start years of projects that are built
    in any case; offtake of the common group is reserved for all.
    """
    if plan.branches:
        branch_plans = enumerate(plan.branches)
        fixed_branches = tuple(
            fix_decisions(instance.on_branch(g), branch_plan, funders, certain_starts)
            for g, branch_plan in branch_plans
        )
        return FixedDecisions(frozenset(funders), branches=fixed_branches)
    groups = frozenset(map(company_group, funders)) & frozenset(instance.offtake_groups)
    share = {
        (p, plan.start[p], f, i): share
        for (p, f, i), share in plan.share.items()
        if f in funders and p in plan.start
    }
    offtake = {
        (p, year, g): plan.offtake.get((p, g), 0.0)
        for p, year in plan.start.items()
        for g in (COMMON_GROUP, *groups)
        if g in instance.groups_with_right(p)
    }
    paid = [h for h, x in instance.stockpiles.items() if any(f in funders for f in x.payers)]
    buy = {h: plan.expected_purchases(instance, h) for h in paid}
    return FixedDecisions(frozenset(funders), groups, certain_starts(plan), share, offtake, buy)
