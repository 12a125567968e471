"""One scenario from several standpoints, solved one after the other, and what others settle."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial

from optimizer.model.commitment import Commitment
from optimizer.model.highs import Progress
from optimizer.model.instance import COMMON, Held, Instance, group_of
from optimizer.model.states import State
from optimizer.solve import planner
from optimizer.solve.checked_solution import Found
from optimizer.solve.decomposition import CutPool
from optimizer.solve.solver_result import Solved
from optimizer.solve.sweep import Recourse


@dataclass(eq=False)
class Series:
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
    def _recourse(self) -> Recourse:
        return Recourse(self.instance, self.states, threads=self.threads)

    def search(self, of: Instance | planner.Problem, against: float | None = None) -> Solved:
        """Solve the problem as it is seen in an instance, or one with recourse of its own;
        ``against`` is an objective that the answer is told as a difference from, which need not be
        known closer than to a tenth."""
        return planner.search(
            self._problem(of),
            gap=self.gap,
            time_limit=self.time_limit,
            threads=self.threads,
            pool=self.pool,
            against=against,
            on_progress=self.on_progress,
        )

    def judge(
        self,
        of: Instance | planner.Problem,
        solved: Solved,
        began: float,
        consumers: Collection[str] = (),
        brief: bool = False,
    ) -> Found:
        """Check what was found, as :func:`optimizer.solve.planner.judge` does."""
        how = partial(planner.judge, gap=self.gap, began=began, threads=self.threads)
        return how(self._problem(of), solved, consumers=consumers, brief=brief)

    def _problem(self, of: Instance | planner.Problem) -> planner.Problem:
        if isinstance(of, planner.Problem):
            return of
        return planner.Problem(of, self.states, 0.0, self._recourse)


def held(
    instance: Instance,
    plan: Commitment,
    funders: Collection[str],
    certain: Callable[[Commitment], Mapping[str, int]],
) -> Held:
    """What funders stick to of a plan, on each path that it has: their shares and offtake in what
    is started, and stocks that any of them pays for. ``certain`` tells the start years of projects
    that are built in any case; what belongs to all is reserved for all.
    """
    if plan.paths:
        there = enumerate(plan.paths)
        paths = tuple(held(instance.on_path(g), own, funders, certain) for g, own in there)
        return Held(frozenset(funders), paths=paths)
    groups = frozenset(map(group_of, funders)) & frozenset(instance.groups)
    share = {
        (p, plan.start[p], f, i): share
        for (p, f, i), share in plan.share.items()
        if f in funders and p in plan.start
    }
    offtake = {
        (p, year, g): plan.offtake.get((p, g), 0.0)
        for p, year in plan.start.items()
        for g in (COMMON, *groups)
        if g in instance.holders(p)
    }
    piles = [h for h, pile in instance.stockpiles.items() if any(f in funders for f in pile.payers)]
    buy = {h: plan.bought(instance, h) for h in piles}
    return Held(frozenset(funders), groups, certain(plan), share, offtake, buy)
