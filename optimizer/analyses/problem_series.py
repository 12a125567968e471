"""One scenario from several standpoints, solved one after the other, and what others settle."""

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
from optimizer.solve.recourse import RecourseEvaluator
from optimizer.solve.solver_result import SolverResult


@dataclass(eq=False)
class ProblemSeries:
    """Problems that share recourse: each starts from the cuts of those before it, and from what is
    known of sweeps.

    ``instance`` is any of them; ``threads`` is one where several series run side by side.
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
        """Solve the problem as it is seen in an instance, or one with recourse of its own;
        ``against`` is an objective that the answer is told as a difference from, which need not be
        known closer than to a tenth."""
        return planner.solve_problem(
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
        """Check what was found, as :func:`optimizer.solve.planner.judge` does."""
        how = partial(planner.certify, gap=self.gap, started_at=start_time, threads=self.threads)
        return how(
            self._as_problem(problem), solver_result, consumers=consumers, damage_only=damage_only
        )

    def _as_problem(self, problem: Instance | planner.Problem) -> planner.Problem:
        if isinstance(problem, planner.Problem):
            return problem
        return planner.Problem(problem, self.states, 0.0, self._recourse)


def fix_decisions(
    instance: Instance,
    plan: Commitment,
    funders: Collection[str],
    certain_starts: Callable[[Commitment], Mapping[str, int]],
) -> FixedDecisions:
    """What funders stick to of a plan, on each path that it has: their shares and offtake in what
    is started, and stocks that any of them pays for. ``certain`` tells the start years of projects
    that are built in any case; what belongs to all is reserved for all.
    """
    if plan.branches:
        there = enumerate(plan.branches)
        paths = tuple(
            fix_decisions(instance.on_branch(g), own, funders, certain_starts) for g, own in there
        )
        return FixedDecisions(frozenset(funders), branches=paths)
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
    piles = [h for h, pile in instance.stockpiles.items() if any(f in funders for f in pile.payers)]
    buy = {h: plan.expected_purchases(instance, h) for h in piles}
    return FixedDecisions(frozenset(funders), groups, certain_starts(plan), share, offtake, buy)
