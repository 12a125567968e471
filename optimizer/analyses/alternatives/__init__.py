"""What else would do: portfolios within a distance of the best, and how robust each choice is.

Modelling to generate alternatives: Brill, Chang and Hopkins (1982); DeCarolis (2011).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from models.files import Reading
from models.language import tr
from models.results import Alternative, Alternatives, OtherCase, Plan
from models.scenario.case import Case
from optimizer.analyses.alternatives.describing import figures_of, without_plan
from optimizer.analyses.alternatives.portfolios import least_lots, portfolio_of
from optimizer.analyses.alternatives.reference_cases import (
    Other,
    Stated,
    assumed,
    solve_others,
    variants_of,
)
from optimizer.analyses.alternatives.robustness import robustness
from optimizer.analyses.alternatives.seeking import Seeker, Sought
from optimizer.analyses.given import GivenPlan
from optimizer.analyses.head import head
from optimizer.errors import NoPlan
from optimizer.model.highs import Progress
from optimizer.parallel import side_by_side
from optimizer.solve.checked_solution import gap_of
from optimizer.solve.decomposition import CutPool, Portfolio
from optimizer.solve.planner import Problem, find, usual_jobs
from optimizer.solve.sweep import Recourse

__all__ = ["Asked", "Effort", "Sighted", "Stated", "alternatives"]


@dataclass(frozen=True)
class Asked:
    """What is asked."""

    within: float = 0.02
    """How far above the best plan an alternative may be, as a share of the bound."""
    count: int = 10
    """How many alternatives."""
    least_days: float = 1.0
    """Days of the demand served from which on a stockpile counts as bought up."""
    stated: tuple[Stated, ...] = ()
    """Assumption sets beside the usual ones."""
    assumptions: bool = True
    """Whether the low and high of each group of assumptions are."""


@dataclass(frozen=True)
class Effort:
    """How hard each problem is tried."""

    gap: float = 1e-4
    time_limit: float | None = None
    """Seconds for each question."""
    jobs: int | None = None
    """Processes for variants and assumptions; as many as are worth it where None."""
    threads: int | None = None
    on_step: Callable[[int, int, str], None] | None = field(default=None, repr=False)
    """Told how many of how many are done, and what comes next."""
    on_progress: Callable[[Progress], None] | None = field(default=None, repr=False)

    def tell(self, done: int, of: int, what: str) -> None:
        """Say how far it is."""
        if self.on_step is not None:
            self.on_step(done, of, what)


@dataclass(frozen=True, eq=False)
class Sighted:
    """The alternatives, and the plans behind them by number; 0 is the plan itself."""

    alternatives: Alternatives
    plans: Mapping[int, Plan]


def alternatives(
    reading: Reading,
    asked: Asked = Asked(),
    effort: Effort = Effort(),
    *,
    given: GivenPlan | None = None,
    variants: Mapping[str, Case] | None = None,
    title: str | None = None,
    variant: str | None = None,
) -> Sighted:
    """Portfolios within a distance of the best, as unlike as can be, and the robustness index.

    The best plan is solved first, if only for its bound; a ``given`` plan stays the one that all
    others are compared with. ``variants`` are those of the file, by id; a plan carries none.

    Raises
    ------
    ScenarioError
        If a setting of a stated assumption set leads nowhere or does not fit.
    Infeasible
        If no plan keeps all rules.
    NoPlan
        If nothing was proven of the best plan before a limit.
    """
    began = time.perf_counter()
    others = variants_of(reading, variants or {})
    others += assumed(reading, asked.stated, asked.assumptions)
    problem = Problem.of(reading.case) if given is None else given.problem
    instance = problem.instance
    recourse = problem.recourse or Recourse(instance, problem.states, threads=effort.threads)
    problem = Problem(instance, problem.states, problem.seconds, recourse)
    pool = CutPool()
    effort.tell(0, 1, tr("the best plan"))
    best = find(
        problem,
        # The limit is counted from the bound: a narrow one needs a bound as good.
        gap=min(effort.gap, max(asked.within / 10, 1e-6)),
        time_limit=effort.time_limit,
        threads=effort.threads,
        method="decomposition",
        pool=pool,
        on_progress=effort.on_progress,
    )
    bound = best.certificate.bound
    if bound is None:
        raise NoPlan(tr("nothing was proven of the best plan before the limit"))
    plan = best if given is None else given.found.bounded(bound)
    least = least_lots(instance, asked.least_days)
    first = portfolio_of(instance, plan.commitment, least)
    seeker = Seeker(
        problem,
        recourse,
        pool,
        least,
        bound,
        asked.within,
        effort.gap,
        effort.time_limit,
        effort.threads,
        effort.on_progress,
        interrupted=best.interrupted,
    )
    found, solved = _sought(seeker, first, asked, effort, others)
    shares = robustness(
        seeker.farthest.marks, first, seeker.settled, [own.portfolio for own in found], solved
    )
    case = reading.case
    document = Alternatives(
        last_year=instance.years[-1],
        within=asked.within,
        bound=bound,
        limit=seeker.limit,
        least_days=asked.least_days,
        marks=len(seeker.farthest.marks),
        gap=gap_of(plan.objective, bound, plan.least) or 0.0,
        given=given is not None,
        without_plan=without_plan(plan),
        plan=figures_of(plan, bound, least),
        alternatives=tuple(
            _alternative(number, own, first, bound, least)
            for number, own in enumerate(found, start=1)
        ),
        wanted=asked.count,
        exhausted=seeker.exhausted,
        others=tuple(solved),
        items=shares,
        ended="interrupted" if seeker.interrupted else "complete",
        **head(Alternatives, case, title, variant, began, len(problem.states), effort.gap),
    )
    plans = {0: plan.plan(title, variant)}
    plans |= {n: own.found.plan(title, variant) for n, own in enumerate(found, start=1)}
    return Sighted(document, plans)


def _sought(
    seeker: Seeker, first: Portfolio, asked: Asked, effort: Effort, others: Sequence[Other]
) -> tuple[list[Sought], list[OtherCase]]:
    """The alternatives, and the other cases solved; what an interrupt leaves."""
    found: list[Sought] = []
    solved: dict[int, OtherCase] = {}
    try:
        seeker.settle(
            first, lambda done, of: effort.tell(done, of, tr("what all plans within have"))
        )
        effort.tell(0, asked.count, tr("alternatives"))
        for own in seeker.seek(first, asked.count):
            found.append(own)
            effort.tell(len(found), asked.count, tr("alternatives"))
        if not seeker.interrupted:
            jobs = side_by_side(effort.jobs, usual_jobs(seeker.instance, seeker.problem.states))
            effort.tell(0, len(others), tr("variants and assumptions"))

            def tell(other: Other, told: OtherCase) -> None:
                solved[others.index(other)] = told
                effort.tell(len(solved), len(others), tr("variants and assumptions"))

            solve_others(
                others,
                days=asked.least_days,
                gap=effort.gap,
                time_limit=effort.time_limit,
                jobs=jobs,
                on_done=tell,
            )
    except KeyboardInterrupt:
        seeker.interrupted = True
    return found, [solved[n] for n in sorted(solved)]


def _alternative(
    number: int, own: Sought, first: Portfolio, bound: float, least: Mapping[str, float]
) -> Alternative:
    def ids(kind: str, some: Portfolio) -> tuple[str, ...]:
        case = own.found.instance
        order = case.projects if kind == "project" else case.stockpiles
        return tuple(id for id in order if (kind, id) in some)

    more, less = own.portfolio - first, first - own.portfolio
    return Alternative(
        number=number,
        plan=figures_of(own.found, bound, least),
        portfolio_bound=own.own_bound,
        unlike=own.unlike,
        unlike_at_most=own.most,
        unlike_proven=own.unlike == own.most,
        unlike_plan=len(own.portfolio ^ first),
        entering=ids("project", more),
        leaving=ids("project", less),
        bought_up=ids("stockpile", more),
        given_up=ids("stockpile", less),
    )
