"""What a company gets for its share, from none to all that it may take."""

from __future__ import annotations

import time
from dataclasses import replace

from models.base import named
from models.files import Reading
from models.language import tr
from models.results import Participation, ShareCurve, Standing
from optimizer.analyses.head import head
from optimizer.analyses.participation.company import Desk, desk_of, held_by_others
from optimizer.analyses.participation.options import ParticipateOptions
from optimizer.analyses.participation.points import point_of
from optimizer.analyses.participation.share_search import Line, Talk, indifferent_share
from optimizer.analyses.participation.subproblem import Ask, Clerk, Reply, clerk, standing
from optimizer.analyses.running import Input, Outcome
from optimizer.analyses.series import Series
from optimizer.errors import Infeasible, Interrupted, Misuse, NoPlan
from optimizer.model.commitment import Commitment
from optimizer.parallel import Workers, side_by_side
from optimizer.solve import outcomes
from optimizer.solve.conflicts import smallest_conflict
from optimizer.solve.decomposition import CutPool
from optimizer.solve.plan_document import UNITS
from optimizer.solve.planner import usual_jobs


def run(given: Input, options: ParticipateOptions) -> Outcome:
    """Look for the share that a company should take."""
    case, company, project = given.reading.case, options.company, options.project
    companies = [f for f, funder in case.funders.items() if funder.kind == "company"]
    if company not in companies:
        known = ", ".join(companies) or "-"
        raise Misuse(
            tr("There is no company '{company}'; there are {known}.", company=company, known=known)
        )
    if project is not None and project not in case.projects:
        known = ", ".join(case.projects) or "-"
        raise Misuse(
            tr("There is no project '{project}'; there are {known}.", project=project, known=known)
        )
    found = participate(
        given.reading, options, pool=given.pool, title=given.title, variant=given.variant
    )
    points = [point for curve in found.curves for point in curve.points]
    cut = any(point.status in ("limit", "none") for point in points)
    return Outcome(found, 1 if cut or found.ended == "interrupted" else 0)


def participate(
    reading: Reading,
    options: ParticipateOptions,
    *,
    pool: CutPool | None = None,
    title: str,
    variant: str | None = None,
) -> Participation:
    """What each share of a project, or of all that is built, costs a company and brings it.

    Everybody else decides anew at each share, by the scenario's objective, or sticks to the plan
    in which the company's share is free. When supply is pooled a company's damage cannot be told
    from that of others before it has come about, so that there is neither a range nor an answer
    to what it would do by itself. A Ctrl-C ends it with the points so far.

    Raises
    ------
    Infeasible, NoPlan
        If the scenario itself has no plan.
    Interrupted
        If it was stopped before there was one.
    ScenarioError
        If the scenario does not allow what the question needs.
    SolverError
        If the solver fails, or its answer fails the check.
    """
    began = time.perf_counter()
    company, project, allocation = options.company, options.project, options.allocation
    pool = CutPool() if pool is None else pool
    desk = desk_of(reading, company, project, allocation)
    alike = (desk.instance, desk.states, options.gap, pool, options.time_limit)
    first = Clerk(desk, Series(*alike, threads=None, on_progress=options.on_progress))
    free = first(Ask("free"))
    if free.interrupted:
        raise Interrupted(tr("stopped before any plan was found"))
    if free.status == "infeasible":
        raise Infeasible(smallest_conflict(desk.instance))
    if free.commitment is None:
        raise NoPlan(tr("no plan was found before the limit ({ended})", ended="time limit"))
    desk = replace(desk, free=free.commitment, held=held_by_others(desk, free.commitment))
    without = _without(desk)
    talk = Talk(desk, options)
    jobs = side_by_side(options.jobs, usual_jobs(desk.instance, desk.states))
    try:
        shared = (desk, options.gap, pool, options.time_limit)
        with Workers[Ask, Reply](clerk, shared, jobs) as workers:
            talk.hold(workers)
    except KeyboardInterrupt:
        talk.interrupted = True
    return Participation(
        company=company,
        name=named(reading.case.funders[company].name, company),
        consumers=desk.consumers,
        project=project,
        project_name=None
        if project is None
        else named(reading.case.projects[project].name, project),
        allocation=allocation,
        tolerance=options.tolerance,
        without_plan=without[0],
        alone=talk.standing(Ask("alone")),
        free=free.standing,
        free_share=desk.share_in(free.commitment, (company,)),
        curves=tuple(_curve(desk, talk, line, without) for line in talk.lines),
        project_names={p: named(x.name, p) for p, x in reading.case.projects.items()},
        material_names={m: named(x.name, m) for m, x in reading.case.materials.items()},
        ended="interrupted" if talk.interrupted else "complete",
        **head(Participation, reading.case, title, variant, began, len(desk.states), options.gap)
        | {"unit": UNITS["damage"].format(currency=reading.case.currency)},
    )


def _without(desk: Desk) -> tuple[Standing, float]:
    """How the company fares if nobody does anything, and the mean damage of all."""
    nothing = Commitment()
    instance = desk.instance
    found = outcomes.evaluate(instance, desk.states, [nothing], consumers=desk.consumers)[0]
    return standing(desk, instance, found, nothing), found.expected


def _curve(desk: Desk, talk: Talk, line: Line, without: tuple[Standing, float]) -> ShareCurve:
    replies = talk.on(line)
    nothing = talk.standing(line.at(0.0))
    told = talk.told(line)
    best = min(told, key=lambda item: (item[1], item[0]), default=None)
    indifferent = indifferent_share(told)
    tried = [reply.ask.share or 0.0 for reply in replies if reply.standing is not None]
    above = [share for share in tried if indifferent is not None and share > indifferent]
    return ShareCurve(
        others=line.way,
        public_share=line.public,
        limit=line.limit,
        points=tuple(
            point_of(desk, reply, without, nothing, talk.spread(reply)) for reply in replies
        ),
        best_share=None if best is None else best[0],
        indifferent_share=indifferent,
        indifferent_within=None
        if indifferent is None
        else min(above, default=indifferent) - indifferent,
    )
