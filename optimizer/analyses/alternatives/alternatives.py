"""What else would do: portfolios within a distance of the best, and how robust each choice is.

Modelling to generate alternatives: Brill, Chang and Hopkins (1982); DeCarolis (2011).
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.files import Reading, read_case
from models.language import tr
from models.results import Alternative, Alternatives, OtherCase, Plan
from models.scenario.case import Case
from optimizer.analyses.alternatives import portfolios
from optimizer.analyses.alternatives.options import AlternativesOptions
from optimizer.analyses.alternatives.portfolios import Other, others_of, solver
from optimizer.analyses.alternatives.seeking import Seeker, Sought
from optimizer.analyses.frontier.summary import without_plan
from optimizer.analyses.given import GivenPlan
from optimizer.analyses.head import head
from optimizer.analyses.running import Input, Outcome
from optimizer.errors import NoPlan
from optimizer.parallel import Workers, side_by_side
from optimizer.solve.decomposition import CutPool, Portfolio
from optimizer.solve.gap import SMALLEST, gap_of, is_within
from optimizer.solve.planner import Problem, find, usual_jobs


@dataclass(frozen=True, eq=False)
class Sighted:
    """The alternatives, and the plans behind them by number; 0 is the plan itself."""

    alternatives: Alternatives
    plans: Mapping[int, Plan]
    least: float = SMALLEST
    """What an objective counts as at least where a gap is taken of it."""


def run(given: Input, options: AlternativesOptions) -> Outcome:
    """Find what else would do beside the best plan, or beside a given one."""
    others: dict[str, Case] = {}
    if given.plan is None and options.variants:
        wanted = [id for id in given.reading.case.variants if id != given.variant]
        others = {id: read_case(given.file, id, options.settings).case for id in wanted}
    elif options.variants:
        options.listener.note(tr("A plan carries no variants of its file: none are solved."))
    about = {"title": given.title, "variant": given.variant}
    sighted = alternatives(given.reading, options, given=given.plan, variants=others, **about)
    found = sighted.alternatives
    short = len(found.alternatives) < found.wanted and not found.exhausted
    stopped = any(other.status in ("limit", "none") for other in found.others)
    # Of a given plan the distance from the bound says nothing of the solve.
    known = found.plan.objective, found.bound, found.gap_target
    proven = found.given or is_within(*known, sighted.least)
    whole = proven and not short and not stopped and found.ended == "complete"
    plans = {f"plans/{number}": plan for number, plan in sighted.plans.items()}
    return Outcome(found, 0 if whole else 1, plans)


def alternatives(
    reading: Reading,
    options: AlternativesOptions,
    *,
    given: GivenPlan | None = None,
    variants: Mapping[str, Case] | None = None,
    title: str | None = None,
    variant: str | None = None,
) -> Sighted:
    """Portfolios within a distance of the best, as unlike as can be, and the robustness index.

    The best plan is solved first, if only for its bound; a ``given`` plan stays the one that all
    others are compared with. ``variants`` are those of the file, by id; a plan carries none.

    Raises ScenarioError if a setting of a stated assumption set leads nowhere or does not fit, and
    Infeasible or NoPlan if there is no plan, or nothing was proven of the best before a limit.
    """
    began = time.perf_counter()
    others = others_of(reading, variants or {}, options)
    problem = Problem.of(reading.case) if given is None else given.problem
    problem = problem.with_recourse(options.threads)
    instance = problem.instance
    pool = CutPool()
    options.tell(0, 1, tr("the best plan"))
    # The limit is counted from the bound: a narrow one needs a bound as good.
    narrow = max(options.within / 10, 1e-6)
    how: dict[str, Any] = {
        name: getattr(options, name) for name in ("time_limit", "threads", "on_progress")
    }
    how |= {"method": "decomposition", "pool": pool}
    best = find(problem, gap=min(options.gap, narrow), **how)
    bound = best.certificate.bound
    if problem.together.over == "regret":
        problem = replace(problem, best=tuple(own.best for own in best.sets if own.best))
        # Gaps of a regret are shares of what the best plans come to, not of itself.
        if bound is not None and not is_within(best.objective, bound, narrow):
            gap = min(options.gap, narrow * abs(bound) / best.least)
            best = find(problem, gap=max(gap, 1e-6), **how)
            bound = best.certificate.bound
    if bound is None:
        raise NoPlan(tr("nothing was proven of the best plan before the limit"))
    plan, states = best if given is None else given.found.bounded(bound), best.certificate.states
    sets = problem.together.instances
    least = portfolios.least_lots(instance, options.least_days, *sets)
    first = portfolios.portfolio_of(instance, plan.commitment, least)
    seeker = Seeker(problem, pool, least, bound, options, interrupted=best.interrupted)
    found, solved = _sought(seeker, first, options, others)
    marks, chosen = seeker.farthest.marks, [own.portfolio for own in found]
    numbered = list(enumerate(found, start=1))
    document = Alternatives(
        last_year=instance.years[-1],
        within=options.within,
        bound=bound,
        limit=seeker.limit,
        least_days=options.least_days,
        marks=len(marks),
        gap=gap_of(plan.objective, bound, plan.least) or 0.0,
        given=given is not None,
        without_plan=without_plan(plan),
        plan=portfolios.figures_of(plan, bound, least),
        alternatives=tuple(_alternative(n, own, first, bound, least) for n, own in numbered),
        wanted=options.count,
        exhausted=seeker.exhausted,
        others=tuple(solved),
        items=portfolios.robustness(marks, first, seeker.settled, chosen, solved),
        ended="interrupted" if seeker.interrupted else "complete",
        **head(Alternatives, reading.case, title, variant, began, states, options.gap),
    )
    plans = {n: own.found.plan(title, variant, chains=False) for n, own in numbered}
    least_size = max(problem.least, SMALLEST)
    return Sighted(document, {0: plan.plan(title, variant), **plans}, least_size)


def _sought(
    seeker: Seeker, first: Portfolio, options: AlternativesOptions, others: Sequence[Other]
) -> tuple[list[Sought], list[OtherCase]]:
    """The alternatives, and the other cases solved; what an interrupt leaves."""
    found: list[Sought] = []
    solved: dict[int, OtherCase] = {}

    def tell(other: Other, told: OtherCase) -> None:
        solved[others.index(other)] = told
        options.tell(len(solved), len(others), tr("variants and assumptions"))

    try:
        seeker.settle(
            first, lambda done, of: options.tell(done, of, tr("what all plans within have"))
        )
        options.tell(0, options.count, tr("alternatives"))
        for own in seeker.seek(first, options.count):
            found.append(own)
            options.tell(len(found), options.count, tr("alternatives"))
        if others and not seeker.interrupted:
            usual = usual_jobs(seeker.instance, seeker.problem.states)
            jobs = min(side_by_side(options.jobs, usual), len(others))
            given = (options.least_days, options.gap, options.time_limit)
            options.tell(0, len(others), tr("variants and assumptions"))
            with Workers[Other, OtherCase](solver, given, jobs) as workers:
                workers.map(others, tell)
    except KeyboardInterrupt:
        seeker.interrupted = True
    return found, [solved[n] for n in sorted(solved)]


def _alternative(
    number: int, own: Sought, first: Portfolio, bound: float, least: Mapping[str, float]
) -> Alternative:
    instance = own.found.instance

    def ids(kind: str, some: Portfolio) -> tuple[str, ...]:
        order = instance.projects if kind == "project" else instance.stockpiles
        return tuple(id for id in order if (kind, id) in some)

    more, less = own.portfolio - first, first - own.portfolio
    return Alternative(
        number=number,
        plan=portfolios.figures_of(own.found, bound, least),
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
