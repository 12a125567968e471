"""What else would do: portfolios within a distance of the best, and how robust each choice is.

Modelling to generate alternatives: Brill, Chang and Hopkins (1982); DeCarolis (2011).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.files import Reading, read_case
from models.language import tr
from models.results import Alternative, Alternatives, OtherCase, Plan
from models.scenario.case import Case
from optimizer.analyses.alternatives.describing import figures_of, without_plan
from optimizer.analyses.alternatives.options import AlternativesOptions
from optimizer.analyses.alternatives.portfolios import least_lots, portfolio_of
from optimizer.analyses.alternatives.reference_cases import (
    Other,
    assumed,
    solve_others,
    variants_of,
)
from optimizer.analyses.alternatives.robustness import robustness
from optimizer.analyses.alternatives.seeking import Seeker, Sought
from optimizer.analyses.given import GivenPlan
from optimizer.analyses.head import head
from optimizer.analyses.running import Input, Outcome
from optimizer.errors import NoPlan
from optimizer.parallel import side_by_side
from optimizer.solve.decomposition import CutPool, Portfolio
from optimizer.solve.gap import gap_of, is_within
from optimizer.solve.planner import Problem, find, usual_jobs
from optimizer.solve.sweep import Recourse

USUAL = AlternativesOptions()


@dataclass(frozen=True, eq=False)
class Sighted:
    """The alternatives, and the plans behind them by number; 0 is the plan itself."""

    alternatives: Alternatives
    plans: Mapping[int, Plan]


def run(given: Input, options: AlternativesOptions) -> Outcome:
    """Find what else would do beside the best plan, or beside a given one."""
    others: dict[str, Case] = {}
    if given.plan is None and options.variants:
        wanted = [id for id in given.reading.case.variants if id != given.variant]
        others = {id: read_case(given.file, id, options.settings).case for id in wanted}
    elif options.variants:
        options.listener.note(tr("A plan carries no variants of its file: none are solved."))
    sighted = alternatives(
        given.reading,
        options,
        given=given.plan,
        variants=others,
        title=given.title,
        variant=given.variant,
    )
    plans = {f"plans/{number}": plan for number, plan in sighted.plans.items()}
    return Outcome(sighted.alternatives, exit_code(sighted.alternatives), plans)


def exit_code(found: Alternatives) -> int:
    """0 where all was found and solved as asked, else 1."""
    short = len(found.alternatives) < found.wanted and not found.exhausted
    stopped = any(other.status in ("limit", "none") for other in found.others)
    # Of a given plan the distance from the bound says nothing of the solve.
    proven = found.given or is_within(found.plan.objective, found.bound, found.gap_target)
    return 1 if found.ended == "interrupted" or short or stopped or not proven else 0


def alternatives(
    reading: Reading,
    options: AlternativesOptions = USUAL,
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
    others += assumed(reading, options.stated, options.assumptions)
    problem = Problem.of(reading.case) if given is None else given.problem
    instance = problem.instance
    recourse = problem.recourse or Recourse(instance, problem.states, threads=options.threads)
    problem = Problem(instance, problem.states, problem.seconds, recourse)
    pool = CutPool()
    options.tell(0, 1, tr("the best plan"))
    best = find(
        problem,
        # The limit is counted from the bound: a narrow one needs a bound as good.
        gap=min(options.gap, max(options.within / 10, 1e-6)),
        time_limit=options.time_limit,
        threads=options.threads,
        method="decomposition",
        pool=pool,
        on_progress=options.on_progress,
    )
    bound = best.certificate.bound
    if bound is None:
        raise NoPlan(tr("nothing was proven of the best plan before the limit"))
    plan = best if given is None else given.found.bounded(bound)
    least = least_lots(instance, options.least_days)
    first = portfolio_of(instance, plan.commitment, least)
    seeker = Seeker(
        problem,
        recourse,
        pool,
        least,
        bound,
        options.within,
        options.gap,
        options.time_limit,
        options.threads,
        options.on_progress,
        interrupted=best.interrupted,
    )
    found, solved = _sought(seeker, first, options, others)
    shares = robustness(
        seeker.farthest.marks, first, seeker.settled, [own.portfolio for own in found], solved
    )
    case = reading.case
    document = Alternatives(
        last_year=instance.years[-1],
        within=options.within,
        bound=bound,
        limit=seeker.limit,
        least_days=options.least_days,
        marks=len(seeker.farthest.marks),
        gap=gap_of(plan.objective, bound, plan.least) or 0.0,
        given=given is not None,
        without_plan=without_plan(plan),
        plan=figures_of(plan, bound, least),
        alternatives=tuple(
            _alternative(number, own, first, bound, least)
            for number, own in enumerate(found, start=1)
        ),
        wanted=options.count,
        exhausted=seeker.exhausted,
        others=tuple(solved),
        items=shares,
        ended="interrupted" if seeker.interrupted else "complete",
        **head(Alternatives, case, title, variant, began, len(problem.states), options.gap),
    )
    plans = {0: plan.plan(title, variant)}
    plans |= {n: own.found.plan(title, variant) for n, own in enumerate(found, start=1)}
    return Sighted(document, plans)


def _sought(
    seeker: Seeker, first: Portfolio, options: AlternativesOptions, others: Sequence[Other]
) -> tuple[list[Sought], list[OtherCase]]:
    """The alternatives, and the other cases solved; what an interrupt leaves."""
    found: list[Sought] = []
    solved: dict[int, OtherCase] = {}
    try:
        seeker.settle(
            first, lambda done, of: options.tell(done, of, tr("what all plans within have"))
        )
        options.tell(0, options.count, tr("alternatives"))
        for own in seeker.seek(first, options.count):
            found.append(own)
            options.tell(len(found), options.count, tr("alternatives"))
        if not seeker.interrupted:
            jobs = side_by_side(options.jobs, usual_jobs(seeker.instance, seeker.problem.states))
            options.tell(0, len(others), tr("variants and assumptions"))

            def tell(other: Other, told: OtherCase) -> None:
                solved[others.index(other)] = told
                options.tell(len(solved), len(others), tr("variants and assumptions"))

            solve_others(
                others,
                days=options.least_days,
                gap=options.gap,
                time_limit=options.time_limit,
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
